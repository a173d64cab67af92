-- Projections: derived from the ledger alone, there to answer questions quickly. `exhibit rebuild`
-- empties and refills them; `exhibit fsck` proves that they agree with the ledger, row by row.
-- Tables that grow with the evidence are partitioned by the UTC month of observed_to.

CREATE TABLE exhibit.deployments (
    seq         bigint PRIMARY KEY,
    id          uuid NOT NULL,
    recorded_at timestamptz NOT NULL,
    origin      text COLLATE "C" NOT NULL
);
COMMENT ON TABLE exhibit.deployments IS 'What the deployment said of itself, one row a statement.';
COMMENT ON COLUMN exhibit.deployments.seq IS '[public] The entry.';
COMMENT ON COLUMN exhibit.deployments.id IS '[public] The entry''s id.';
COMMENT ON COLUMN exhibit.deployments.recorded_at IS '[public] When it was recorded.';
COMMENT ON COLUMN exhibit.deployments.origin IS '[public] The log''s name.';

CREATE TABLE exhibit.schedules (
    seq         bigint PRIMARY KEY,
    id          uuid NOT NULL,
    recorded_at timestamptz NOT NULL,
    job         text COLLATE "C" NOT NULL,
    collector   text COLLATE "C" NOT NULL,
    schedule    text COLLATE "C",
    time_zone   text COLLATE "C" NOT NULL,
    active_from timestamptz NOT NULL
);
CREATE INDEX schedules_job ON exhibit.schedules (job, active_from, seq);
COMMENT ON TABLE exhibit.schedules IS 'Promises of schedules, one row a change.';
COMMENT ON COLUMN exhibit.schedules.seq IS '[public] The entry.';
COMMENT ON COLUMN exhibit.schedules.id IS '[public] The entry''s id.';
COMMENT ON COLUMN exhibit.schedules.recorded_at IS '[public] When it was recorded.';
COMMENT ON COLUMN exhibit.schedules.job IS '[internal] The job.';
COMMENT ON COLUMN exhibit.schedules.collector IS '[internal] The collector it names.';
COMMENT ON COLUMN exhibit.schedules.schedule IS '[internal] The schedule in crontab form; null for a job on demand or retired.';
COMMENT ON COLUMN exhibit.schedules.time_zone IS '[internal] The IANA time zone it speaks in.';
COMMENT ON COLUMN exhibit.schedules.active_from IS '[internal] From when it is promised.';

CREATE TABLE exhibit.evidence (
    seq              bigint NOT NULL,
    id               uuid NOT NULL,
    recorded_at      timestamptz NOT NULL,
    job              text COLLATE "C" NOT NULL,
    collector        text COLLATE "C" NOT NULL,
    trigger          text COLLATE "C" NOT NULL,
    scheduled_for    timestamptz,
    started_at       timestamptz NOT NULL,
    finished_at      timestamptz NOT NULL,
    observed_from    timestamptz NOT NULL,
    observed_to      timestamptz NOT NULL,
    environments     text[] COLLATE "C" NOT NULL,
    subjects         text[] COLLATE "C" NOT NULL,
    exist            bigint,
    examined         bigint NOT NULL,
    problems         bigint NOT NULL,
    self_test_passed boolean NOT NULL,
    PRIMARY KEY (seq, observed_to)
) PARTITION BY RANGE (observed_to);
CREATE INDEX evidence_id ON exhibit.evidence (id);
CREATE INDEX evidence_job ON exhibit.evidence (job, observed_to);
CREATE INDEX evidence_observed_to ON exhibit.evidence (observed_to, seq);
COMMENT ON TABLE exhibit.evidence IS 'Pieces of evidence, to find them by.';
COMMENT ON COLUMN exhibit.evidence.seq IS '[public] The entry.';
COMMENT ON COLUMN exhibit.evidence.id IS '[public] The entry''s id.';
COMMENT ON COLUMN exhibit.evidence.recorded_at IS '[public] When it was recorded.';
COMMENT ON COLUMN exhibit.evidence.job IS '[internal] The job that asked for it.';
COMMENT ON COLUMN exhibit.evidence.collector IS '[internal] The collector that observed.';
COMMENT ON COLUMN exhibit.evidence.trigger IS '[internal] scheduled, catch-up or on-demand.';
COMMENT ON COLUMN exhibit.evidence.scheduled_for IS '[internal] The slot it fills; null on demand.';
COMMENT ON COLUMN exhibit.evidence.started_at IS '[internal] When the performance began.';
COMMENT ON COLUMN exhibit.evidence.finished_at IS '[internal] When the performance ended.';
COMMENT ON COLUMN exhibit.evidence.observed_from IS '[internal] From when it was true.';
COMMENT ON COLUMN exhibit.evidence.observed_to IS '[internal] Until when it was true: the period it belongs to.';
COMMENT ON COLUMN exhibit.evidence.environments IS '[internal] Environments looked at, sorted.';
COMMENT ON COLUMN exhibit.evidence.subjects IS '[internal] Subjects looked at as environment/subject, sorted.';
COMMENT ON COLUMN exhibit.evidence.exist IS '[internal] How many items exist by the source''s own count; null where it was not known for all.';
COMMENT ON COLUMN exhibit.evidence.examined IS '[internal] How many items were examined.';
COMMENT ON COLUMN exhibit.evidence.problems IS '[internal] How many things could not be found out.';
COMMENT ON COLUMN exhibit.evidence.self_test_passed IS '[internal] Whether the collector''s self-test passed.';

CREATE TABLE exhibit.assessments (
    seq           bigint NOT NULL,
    id            uuid NOT NULL,
    recorded_at   timestamptz NOT NULL,
    evidence_id   uuid NOT NULL,
    job           text COLLATE "C" NOT NULL,
    check_id      text COLLATE "C" NOT NULL,
    observed_to   timestamptz NOT NULL,
    judge_content bytea NOT NULL,
    verdict       text COLLATE "C" NOT NULL,
    finding_count bigint NOT NULL,
    PRIMARY KEY (seq, observed_to)
) PARTITION BY RANGE (observed_to);
CREATE INDEX assessments_id ON exhibit.assessments (id);
CREATE INDEX assessments_evidence ON exhibit.assessments (evidence_id);
CREATE INDEX assessments_check ON exhibit.assessments (check_id, observed_to);
COMMENT ON TABLE exhibit.assessments IS 'Judgements of checks over pieces of evidence, to find them by.';
COMMENT ON COLUMN exhibit.assessments.seq IS '[public] The entry.';
COMMENT ON COLUMN exhibit.assessments.id IS '[public] The entry''s id.';
COMMENT ON COLUMN exhibit.assessments.recorded_at IS '[public] When it was recorded.';
COMMENT ON COLUMN exhibit.assessments.evidence_id IS '[public] The evidence that was judged.';
COMMENT ON COLUMN exhibit.assessments.job IS '[internal] The job it came from.';
COMMENT ON COLUMN exhibit.assessments.check_id IS '[internal] The check.';
COMMENT ON COLUMN exhibit.assessments.observed_to IS '[internal] Until when the evidence was true.';
COMMENT ON COLUMN exhibit.assessments.judge_content IS '[internal] Digest of the code and rules that judged; another one than the evidence''s is a replay.';
COMMENT ON COLUMN exhibit.assessments.verdict IS '[internal] The worst verdict over its subjects.';
COMMENT ON COLUMN exhibit.assessments.finding_count IS '[internal] How many findings there are.';

CREATE TABLE exhibit.assessment_subjects (
    seq         bigint NOT NULL,
    ordinal     integer NOT NULL,
    check_id    text COLLATE "C" NOT NULL,
    environment text COLLATE "C" NOT NULL,
    subject     text COLLATE "C" NOT NULL,
    observed_to timestamptz NOT NULL,
    verdict     text COLLATE "C" NOT NULL,
    PRIMARY KEY (seq, ordinal, observed_to)
) PARTITION BY RANGE (observed_to);
CREATE INDEX assessment_subjects_scope
    ON exhibit.assessment_subjects (check_id, environment, subject, observed_to, seq);
COMMENT ON TABLE exhibit.assessment_subjects IS 'Verdicts of assessments, one row a subject.';
COMMENT ON COLUMN exhibit.assessment_subjects.seq IS '[public] The assessment''s entry.';
COMMENT ON COLUMN exhibit.assessment_subjects.ordinal IS '[internal] Position within the assessment, from 0.';
COMMENT ON COLUMN exhibit.assessment_subjects.check_id IS '[internal] The check.';
COMMENT ON COLUMN exhibit.assessment_subjects.environment IS '[internal] The subject''s environment.';
COMMENT ON COLUMN exhibit.assessment_subjects.subject IS '[internal] The subject.';
COMMENT ON COLUMN exhibit.assessment_subjects.observed_to IS '[internal] Until when the evidence was true.';
COMMENT ON COLUMN exhibit.assessment_subjects.verdict IS '[internal] The verdict for this subject.';

CREATE TABLE exhibit.finding_observations (
    seq         bigint NOT NULL,
    ordinal     integer NOT NULL,
    fingerprint bytea NOT NULL,
    check_id    text COLLATE "C" NOT NULL,
    condition   text COLLATE "C" NOT NULL,
    environment text COLLATE "C" NOT NULL,
    subject     text COLLATE "C" NOT NULL,
    severity    text COLLATE "C" NOT NULL,
    instances   bigint NOT NULL,
    observed_to timestamptz NOT NULL,
    PRIMARY KEY (seq, ordinal, observed_to)
) PARTITION BY RANGE (observed_to);
CREATE INDEX finding_observations_history
    ON exhibit.finding_observations (fingerprint, observed_to, seq);
COMMENT ON TABLE exhibit.finding_observations IS 'Each time that a finding was observed.';
COMMENT ON COLUMN exhibit.finding_observations.seq IS '[public] The assessment''s entry.';
COMMENT ON COLUMN exhibit.finding_observations.ordinal IS '[internal] Position among the assessment''s findings, from 0.';
COMMENT ON COLUMN exhibit.finding_observations.fingerprint IS '[internal] The finding''s identity across runs and quarters.';
COMMENT ON COLUMN exhibit.finding_observations.check_id IS '[internal] The check that noted it.';
COMMENT ON COLUMN exhibit.finding_observations.condition IS '[internal] Its kind.';
COMMENT ON COLUMN exhibit.finding_observations.environment IS '[internal] The environment it is in.';
COMMENT ON COLUMN exhibit.finding_observations.subject IS '[internal] The subject it is in.';
COMMENT ON COLUMN exhibit.finding_observations.severity IS '[internal] How bad it is.';
COMMENT ON COLUMN exhibit.finding_observations.instances IS '[internal] How many instances were observed.';
COMMENT ON COLUMN exhibit.finding_observations.observed_to IS '[internal] Until when the evidence was true.';

CREATE TABLE exhibit.findings (
    fingerprint       bytea PRIMARY KEY,
    check_id          text COLLATE "C" NOT NULL,
    condition         text COLLATE "C" NOT NULL,
    environment       text COLLATE "C" NOT NULL,
    subject           text COLLATE "C" NOT NULL,
    severity          text COLLATE "C" NOT NULL,
    instances         bigint NOT NULL,
    most_instances    bigint NOT NULL,
    observations      bigint NOT NULL,
    first_observed_to timestamptz NOT NULL,
    first_seq         bigint NOT NULL,
    last_observed_to  timestamptz NOT NULL,
    last_seq          bigint NOT NULL
);
CREATE INDEX findings_scope ON exhibit.findings (check_id, environment, subject);
COMMENT ON TABLE exhibit.findings IS
    'Findings as last observed, one row each. Whether one is remediated shows in later assessments of its scope.';
COMMENT ON COLUMN exhibit.findings.fingerprint IS '[internal] The finding''s identity across runs and quarters.';
COMMENT ON COLUMN exhibit.findings.check_id IS '[internal] The check that noted it last.';
COMMENT ON COLUMN exhibit.findings.condition IS '[internal] Its kind.';
COMMENT ON COLUMN exhibit.findings.environment IS '[internal] The environment it is in.';
COMMENT ON COLUMN exhibit.findings.subject IS '[internal] The subject it is in.';
COMMENT ON COLUMN exhibit.findings.severity IS '[internal] How bad it was when last observed.';
COMMENT ON COLUMN exhibit.findings.instances IS '[internal] How many instances were last observed.';
COMMENT ON COLUMN exhibit.findings.most_instances IS '[internal] The most instances that were ever observed at once.';
COMMENT ON COLUMN exhibit.findings.observations IS '[internal] How often it was observed.';
COMMENT ON COLUMN exhibit.findings.first_observed_to IS '[internal] When it was first observed.';
COMMENT ON COLUMN exhibit.findings.first_seq IS '[public] The assessment that first noted it.';
COMMENT ON COLUMN exhibit.findings.last_observed_to IS '[internal] When it was last observed.';
COMMENT ON COLUMN exhibit.findings.last_seq IS '[public] The assessment that last noted it.';

CREATE FUNCTION exhibit.fold_findings(from_seq bigint, to_seq bigint) RETURNS SETOF exhibit.findings
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT o.fingerprint,
           (array_agg(o.check_id    ORDER BY o.observed_to DESC, o.seq DESC, o.ordinal DESC))[1],
           (array_agg(o.condition   ORDER BY o.observed_to DESC, o.seq DESC, o.ordinal DESC))[1],
           (array_agg(o.environment ORDER BY o.observed_to DESC, o.seq DESC, o.ordinal DESC))[1],
           (array_agg(o.subject     ORDER BY o.observed_to DESC, o.seq DESC, o.ordinal DESC))[1],
           (array_agg(o.severity    ORDER BY o.observed_to DESC, o.seq DESC, o.ordinal DESC))[1],
           (array_agg(o.instances   ORDER BY o.observed_to DESC, o.seq DESC, o.ordinal DESC))[1],
           max(o.instances),
           count(*),
           min(o.observed_to),
           (array_agg(o.seq ORDER BY o.observed_to, o.seq))[1],
           max(o.observed_to),
           (array_agg(o.seq ORDER BY o.observed_to DESC, o.seq DESC))[1]
      FROM exhibit.finding_observations o
     WHERE o.seq >= from_seq AND o.seq < to_seq
     GROUP BY o.fingerprint
$$;
COMMENT ON FUNCTION exhibit.fold_findings(bigint, bigint) IS
    'Findings as the observations of these entries alone show them.';

CREATE TABLE exhibit.slots (
    job           text COLLATE "C" NOT NULL,
    scheduled_for timestamptz NOT NULL,
    seq           bigint NOT NULL UNIQUE,
    id            uuid NOT NULL,
    recorded_at   timestamptz NOT NULL,
    state         text COLLATE "C" NOT NULL,
    attempts      bigint NOT NULL,
    started_at    timestamptz,
    finished_at   timestamptz,
    evidence_id   uuid,
    PRIMARY KEY (job, scheduled_for)
);
CREATE INDEX slots_scheduled_for ON exhibit.slots (scheduled_for, job);
COMMENT ON TABLE exhibit.slots IS 'How slots ended, one row a slot: at most one performance of a slot is recorded.';
COMMENT ON COLUMN exhibit.slots.job IS '[internal] The job.';
COMMENT ON COLUMN exhibit.slots.scheduled_for IS '[internal] The time that the schedule promised.';
COMMENT ON COLUMN exhibit.slots.seq IS '[public] The closing entry.';
COMMENT ON COLUMN exhibit.slots.id IS '[public] The closing entry''s id.';
COMMENT ON COLUMN exhibit.slots.recorded_at IS '[public] When it was recorded.';
COMMENT ON COLUMN exhibit.slots.state IS '[internal] performed, late, missed or errored.';
COMMENT ON COLUMN exhibit.slots.attempts IS '[internal] How often it was tried.';
COMMENT ON COLUMN exhibit.slots.started_at IS '[internal] When the recorded performance began.';
COMMENT ON COLUMN exhibit.slots.finished_at IS '[internal] When it ended.';
COMMENT ON COLUMN exhibit.slots.evidence_id IS '[public] The evidence it gave.';

CREATE TABLE exhibit.periods (
    seq         bigint PRIMARY KEY,
    id          uuid NOT NULL,
    recorded_at timestamptz NOT NULL,
    period      text COLLATE "C" NOT NULL UNIQUE,
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    from_size   bigint NOT NULL
);
COMMENT ON TABLE exhibit.periods IS 'Periods that are frozen.';
COMMENT ON COLUMN exhibit.periods.seq IS '[public] The freezing entry.';
COMMENT ON COLUMN exhibit.periods.id IS '[public] The entry''s id.';
COMMENT ON COLUMN exhibit.periods.recorded_at IS '[public] When it was frozen.';
COMMENT ON COLUMN exhibit.periods.period IS '[public] The period''s name, such as 2026-Q4.';
COMMENT ON COLUMN exhibit.periods.starts_at IS '[public] The first instant within.';
COMMENT ON COLUMN exhibit.periods.ends_at IS '[public] The first instant after.';
COMMENT ON COLUMN exhibit.periods.from_size IS '[public] The ledger''s size at the previous freeze.';

CREATE TABLE exhibit.reports (
    seq         bigint PRIMARY KEY,
    id          uuid NOT NULL UNIQUE,
    recorded_at timestamptz NOT NULL,
    period      text COLLATE "C" NOT NULL,
    standing    text COLLATE "C" NOT NULL,
    revision    bigint NOT NULL,
    supersedes  uuid,
    size        bigint NOT NULL
);
CREATE INDEX reports_period ON exhibit.reports (period, seq);
COMMENT ON TABLE exhibit.reports IS 'Reports that were rendered.';
COMMENT ON COLUMN exhibit.reports.seq IS '[public] The entry.';
COMMENT ON COLUMN exhibit.reports.id IS '[public] The entry''s id.';
COMMENT ON COLUMN exhibit.reports.recorded_at IS '[public] When it was recorded.';
COMMENT ON COLUMN exhibit.reports.period IS '[public] The period covered.';
COMMENT ON COLUMN exhibit.reports.standing IS '[public] interim or final.';
COMMENT ON COLUMN exhibit.reports.revision IS '[public] Counted from 1 within period and standing.';
COMMENT ON COLUMN exhibit.reports.supersedes IS '[public] The report that it supersedes.';
COMMENT ON COLUMN exhibit.reports.size IS '[public] Ledger size of the checkpoint it was rendered from.';

CREATE TABLE exhibit.receipts (
    seq          bigint PRIMARY KEY,
    id           uuid NOT NULL,
    recorded_at  timestamptz NOT NULL,
    report_id    uuid NOT NULL,
    store        text COLLATE "C" NOT NULL,
    key          text COLLATE "C" NOT NULL,
    version      text COLLATE "C" NOT NULL,
    digest       bytea NOT NULL,
    retain_until timestamptz NOT NULL
);
CREATE INDEX receipts_report ON exhibit.receipts (report_id);
CREATE INDEX receipts_key ON exhibit.receipts (key);
COMMENT ON TABLE exhibit.receipts IS 'Proofs that objects are in WORM storage, as read back from it.';
COMMENT ON COLUMN exhibit.receipts.seq IS '[public] The entry.';
COMMENT ON COLUMN exhibit.receipts.id IS '[public] The entry''s id.';
COMMENT ON COLUMN exhibit.receipts.recorded_at IS '[public] When it was recorded.';
COMMENT ON COLUMN exhibit.receipts.report_id IS '[public] The report that was archived.';
COMMENT ON COLUMN exhibit.receipts.store IS '[internal] The kind of store.';
COMMENT ON COLUMN exhibit.receipts.key IS '[internal] The object''s key.';
COMMENT ON COLUMN exhibit.receipts.version IS '[internal] The version that was read back.';
COMMENT ON COLUMN exhibit.receipts.digest IS '[public] SHA-256 of the bytes as read back.';
COMMENT ON COLUMN exhibit.receipts.retain_until IS '[internal] Until when the store says it keeps the object.';

-- ---------------------------------------------------------------------------------------------
-- Months

CREATE TABLE exhibit.evidence_other PARTITION OF exhibit.evidence DEFAULT;
CREATE TABLE exhibit.assessments_other PARTITION OF exhibit.assessments DEFAULT;
CREATE TABLE exhibit.assessment_subjects_other PARTITION OF exhibit.assessment_subjects DEFAULT;
CREATE TABLE exhibit.finding_observations_other PARTITION OF exhibit.finding_observations DEFAULT;

CREATE FUNCTION exhibit.ensure_month_partitions(instant timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    month  CONSTANT timestamptz := date_trunc('month', instant);
    parent text;
    part   text;
BEGIN
    -- Months outside of these two centuries stay in the default partitions.
    IF instant < '2000-01-01Z' OR instant >= '2200-01-01Z' THEN
        RETURN;
    END IF;
    FOREACH parent IN ARRAY ARRAY['evidence', 'assessments', 'assessment_subjects', 'finding_observations'] LOOP
        part := parent || '_' || to_char(month, 'YYYYMM');
        CONTINUE WHEN to_regclass(format('exhibit.%I', part)) IS NOT NULL;
        PERFORM pg_advisory_xact_lock(hashtextextended('exhibit.partitions', 0));
        CONTINUE WHEN to_regclass(format('exhibit.%I', part)) IS NOT NULL;
        EXECUTE format('CREATE TABLE exhibit.%I (LIKE exhibit.%I INCLUDING ALL)', part, parent);
        EXECUTE format('COMMENT ON TABLE exhibit.%I IS %L', part,
            format('Rows of %s observed in %s (UTC).', parent, to_char(month, 'YYYY-MM')));
        EXECUTE format('ALTER TABLE exhibit.%I ATTACH PARTITION exhibit.%I FOR VALUES FROM (%L) TO (%L)',
            parent, part, month, month + interval '1 month');
    END LOOP;
END $$;
COMMENT ON FUNCTION exhibit.ensure_month_partitions(timestamptz) IS
    'Makes sure that the monthly partitions for this instant exist.';

CREATE FUNCTION exhibit.empty_projections() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    TRUNCATE exhibit.deployments, exhibit.schedules, exhibit.evidence, exhibit.assessments,
             exhibit.assessment_subjects, exhibit.finding_observations, exhibit.findings,
             exhibit.slots, exhibit.periods, exhibit.reports, exhibit.receipts
$$;
COMMENT ON FUNCTION exhibit.empty_projections() IS
    'Empties every projection, for rebuild to refill within the same transaction.';
