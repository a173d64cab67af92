-- Runs that somebody asked for, and what is known of a slot's first attempt.

CREATE TABLE exhibit.run_requests (
    id              uuid PRIMARY KEY,
    job             text COLLATE "C" NOT NULL,
    requested_by    text COLLATE "C" NOT NULL,
    credential      uuid,
    idempotency_key text COLLATE "C" CHECK (octet_length(idempotency_key) BETWEEN 1 AND 200),
    requested_at    timestamptz NOT NULL,
    not_before      timestamptz NOT NULL,
    attempts        integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    lease_token     uuid,
    lease_worker    bigint,
    lease_until     timestamptz,
    last_error      text,
    finished_at     timestamptz,
    evidence        uuid,
    UNIQUE (requested_by, idempotency_key),
    CHECK ((lease_token IS NULL) = (lease_worker IS NULL)),
    CHECK ((lease_token IS NULL) = (lease_until IS NULL)),
    CHECK (finished_at IS NULL OR lease_token IS NULL),
    CHECK (finished_at IS NULL OR (evidence IS NULL) = (last_error IS NOT NULL)),
    CHECK (evidence IS NULL OR finished_at IS NOT NULL)
);
CREATE INDEX run_requests_open ON exhibit.run_requests (requested_at) WHERE finished_at IS NULL;
COMMENT ON TABLE exhibit.run_requests IS
    'Runs asked for beside the schedule. Whoever asks inserts a row; a worker claims it, performs the job, and notes the end.';
COMMENT ON COLUMN exhibit.run_requests.id IS
    '[internal] The request (UUIDv7), and the id of the evidence that comes of it: so that it is recorded once.';
COMMENT ON COLUMN exhibit.run_requests.job IS '[internal] The job''s authored id.';
COMMENT ON COLUMN exhibit.run_requests.requested_by IS '[personal] The person who asked.';
COMMENT ON COLUMN exhibit.run_requests.credential IS '[internal] Id of the access token that the person asked with, if it was one.';
COMMENT ON COLUMN exhibit.run_requests.idempotency_key IS
    '[internal] What the person called the request: asking again under the same name is the same request.';
COMMENT ON COLUMN exhibit.run_requests.requested_at IS '[internal] When it was asked for (UTC).';
COMMENT ON COLUMN exhibit.run_requests.not_before IS
    '[internal] Not claimed before this instant: first requested_at, later the wait after a failed attempt.';
COMMENT ON COLUMN exhibit.run_requests.attempts IS '[internal] How often it was claimed.';
COMMENT ON COLUMN exhibit.run_requests.lease_token IS '[internal] Random token of the current lease; the end must name it.';
COMMENT ON COLUMN exhibit.run_requests.lease_worker IS
    '[internal] Advisory lock key of the holder; free to take means that the holder is dead.';
COMMENT ON COLUMN exhibit.run_requests.lease_until IS '[internal] When the lease ends by itself.';
COMMENT ON COLUMN exhibit.run_requests.last_error IS
    '[internal] Why the last attempt failed, or why there is no evidence in the end; never a secret value.';
COMMENT ON COLUMN exhibit.run_requests.finished_at IS '[internal] When it ended, with evidence or without.';
COMMENT ON COLUMN exhibit.run_requests.evidence IS '[internal] The evidence that came of it.';

-- ---------------------------------------------------------------------------------------------
-- What a slot's closing entry tells of its attempts

ALTER TABLE exhibit.slot_claims
    ADD COLUMN first_tried_at timestamptz,
    ADD COLUMN first_error    text;
COMMENT ON COLUMN exhibit.slot_claims.first_tried_at IS '[internal] When the slot was first claimed.';
COMMENT ON COLUMN exhibit.slot_claims.first_error IS
    '[internal] Why the first attempt that said anything failed; never a secret value.';

-- ---------------------------------------------------------------------------------------------
-- Rights

CREATE OR REPLACE FUNCTION exhibit.grant_service_role(role name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    whole text;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA exhibit TO %I', role);
    -- The ledger: read and append, nothing else. The head: read only, moved by its functions.
    EXECUTE format('GRANT SELECT ON exhibit.ledger_head TO %I', role);
    EXECUTE format('GRANT SELECT, INSERT ON exhibit.entries, exhibit.entry_ids, exhibit.tree_nodes,
        exhibit.checkpoints TO %I', role);
    -- Material beside the ledger: artifacts stay as they are; disclosures may be erased in place.
    EXECUTE format('GRANT SELECT, INSERT ON exhibit.artifacts TO %I', role);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON exhibit.disclosures, exhibit.disclosure_keys,
        exhibit.slot_claims, exhibit.archive_intents, exhibit.run_requests TO %I', role);
    -- Slots that were planned ahead and are promised no more. What was promised derives from the ledger.
    EXECUTE format('GRANT DELETE ON exhibit.slot_claims TO %I', role);
    EXECUTE format('GRANT SELECT, INSERT ON exhibit.deployments, exhibit.schedules, exhibit.evidence,
        exhibit.assessments, exhibit.assessment_subjects, exhibit.finding_observations, exhibit.slots,
        exhibit.periods, exhibit.reports, exhibit.receipts TO %I', role);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON exhibit.findings TO %I', role);
    FOREACH whole IN ARRAY ARRAY[
        'lock_head()', 'advance_head(bigint, bigint, bytea[], timestamptz)',
        'ensure_entries_partition(bigint)', 'ensure_month_partitions(timestamptz)',
        'ensure_month_partition(text, timestamptz)',
        'empty_projections()', 'fold_findings(bigint, bigint)'
    ] LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION exhibit.%s TO %I', whole, role);
    END LOOP;
END $$;
