-- Evidence that another system hands in, and why a run was asked for.
--
-- What is handed in waits here like a run that was asked for: it is one, but it brings its observation with it. Whoever
-- works claims it, judges and seals it under the request's own id, and takes its content out of here.
--
-- Another setting of a transaction's scope: `exhibit.requests`, `*` or the person whose own requests may be seen.

ALTER TABLE exhibit.run_requests
    ADD COLUMN reason text CHECK (char_length(reason) BETWEEN 1 AND 2000),
    ADD COLUMN pushed boolean NOT NULL DEFAULT false,
    ADD CHECK (NOT pushed OR idempotency_key IS NOT NULL),
    -- What somebody calls a request for a run is no name of what they hand in.
    DROP CONSTRAINT run_requests_requested_by_idempotency_key_key,
    ADD CONSTRAINT run_requests_key UNIQUE (requested_by, pushed, idempotency_key);
COMMENT ON COLUMN exhibit.run_requests.reason IS '[internal] Why it was asked for, as the person put it, masked; null where nothing was said.';
COMMENT ON COLUMN exhibit.run_requests.pushed IS
    '[internal] Whether the evidence was handed in: it is then judged and sealed, and nothing is looked at.';

CREATE TABLE exhibit.submissions (
    id      uuid PRIMARY KEY REFERENCES exhibit.run_requests (id),
    digest  bytea NOT NULL CHECK (octet_length(digest) = 32),
    content text COLLATE "C"
);
COMMENT ON TABLE exhibit.submissions IS
    'What another system handed in as evidence, until it is sealed. Nobody reads this table through the API.';
COMMENT ON COLUMN exhibit.submissions.id IS '[internal] The request that it came with, and the id of the evidence that comes of it.';
COMMENT ON COLUMN exhibit.submissions.digest IS
    '[internal] SHA-256 of the content: the same key with other content is refused, also after the content is gone.';
COMMENT ON COLUMN exhibit.submissions.content IS
    '[internal] What was handed in, masked before it came here; null once the request has ended.';

-- Of evidence that was handed in, no self-test preceded anything.
ALTER TABLE exhibit.evidence ALTER COLUMN self_test_passed DROP NOT NULL;
COMMENT ON COLUMN exhibit.evidence.trigger IS '[internal] scheduled, catch-up, on-demand or pushed.';
COMMENT ON COLUMN exhibit.evidence.self_test_passed IS
    '[internal] Whether the collector''s self-test passed; null where none was run, because the evidence was pushed.';

-- What the reader sees of each table. A row that is about several environments is seen only by
-- those who may see all of them; a report is about everything, so it is seen only by those who are
-- limited to periods at most. A kind of entry that is not named here is seen by nobody limited.
CREATE OR REPLACE FUNCTION exhibit.reader_policies() RETURNS TABLE (tab text, condition text)
LANGUAGE sql IMMUTABLE AS $$ VALUES
    ('evidence', $p$
        ((SELECT exhibit.scope_all('environments'))
         OR environments <> '{}' AND environments <@ (SELECT exhibit.scope_list('environments')))
        AND ((SELECT exhibit.scope_all('collectors'))
         OR collector = ANY ((SELECT exhibit.scope_list('collectors'))::text[]))
        AND ((SELECT exhibit.scope_all('observed'))
         OR observed_to <@ (SELECT exhibit.scope_observed())) $p$),
    ('assessments', $p$
        (SELECT exhibit.scope_whole())
        OR ((SELECT exhibit.scope_all('checks')) OR check_id = ANY ((SELECT exhibit.scope_list('checks'))::text[]))
        AND EXISTS (SELECT FROM exhibit.evidence v
                     WHERE v.id = assessments.evidence_id AND v.observed_to = assessments.observed_to) $p$),
    ('assessment_subjects', $p$
        ((SELECT exhibit.scope_all('environments'))
         OR environment = ANY ((SELECT exhibit.scope_list('environments'))::text[]))
        AND ((SELECT exhibit.scope_all('checks')) OR check_id = ANY ((SELECT exhibit.scope_list('checks'))::text[]))
        AND ((SELECT exhibit.scope_all('observed')) OR observed_to <@ (SELECT exhibit.scope_observed())) $p$),
    ('finding_observations', $p$
        ((SELECT exhibit.scope_all('environments'))
         OR environment = ANY ((SELECT exhibit.scope_list('environments'))::text[]))
        AND ((SELECT exhibit.scope_all('checks')) OR check_id = ANY ((SELECT exhibit.scope_list('checks'))::text[]))
        AND ((SELECT exhibit.scope_all('observed')) OR observed_to <@ (SELECT exhibit.scope_observed())) $p$),
    -- A row tells of all time: who is limited in time folds the observations within it instead.
    ('findings', $p$
        (SELECT exhibit.scope_all('observed'))
        AND ((SELECT exhibit.scope_all('environments'))
         OR environment = ANY ((SELECT exhibit.scope_list('environments'))::text[]))
        AND ((SELECT exhibit.scope_all('checks')) OR check_id = ANY ((SELECT exhibit.scope_list('checks'))::text[])) $p$),
    ('schedules', $p$
        ((SELECT exhibit.scope_all('environments'))
         OR environments <> '{}' AND environments <@ (SELECT exhibit.scope_list('environments')))
        AND ((SELECT exhibit.scope_all('collectors'))
         OR collector = ANY ((SELECT exhibit.scope_list('collectors'))::text[])) $p$),
    ('slots', $p$
        (SELECT exhibit.scope_whole())
        OR ((SELECT exhibit.scope_all('observed')) OR scheduled_for <@ (SELECT exhibit.scope_observed()))
        AND exhibit.promise_in_scope(job, scheduled_for) $p$),
    ('periods', $p$
        (SELECT exhibit.scope_all('periods')) OR period = ANY ((SELECT exhibit.scope_list('periods'))::text[]) $p$),
    ('reports', $p$
        (SELECT exhibit.scope_all('environments') AND exhibit.scope_all('collectors') AND exhibit.scope_all('checks'))
        AND ((SELECT exhibit.scope_all('periods')) OR period = ANY ((SELECT exhibit.scope_list('periods'))::text[])) $p$),
    ('receipts', $p$
        (SELECT exhibit.scope_whole()) OR EXISTS (SELECT FROM exhibit.reports r WHERE r.id = receipts.report_id) $p$),
    ('deployments', $p$ (SELECT exhibit.scope_whole()) $p$),
    -- The record's own time leads to the one partition that its row may be in.
    ('entries', $p$
        (SELECT exhibit.scope_whole())
        OR CASE kind
           WHEN 'evidence' THEN EXISTS (SELECT FROM exhibit.evidence v WHERE v.seq = entries.seq
                AND v.observed_to = (entries.record::json #>> '{body,observation,observed_to}')::timestamptz)
           WHEN 'assessment' THEN EXISTS (SELECT FROM exhibit.assessments a WHERE a.seq = entries.seq
                AND a.observed_to = (entries.record::json #>> '{body,observed_to}')::timestamptz)
           WHEN 'schedule' THEN EXISTS (SELECT FROM exhibit.schedules s WHERE s.seq = entries.seq)
           WHEN 'slot' THEN EXISTS (SELECT FROM exhibit.slots s WHERE s.seq = entries.seq)
           WHEN 'period' THEN EXISTS (SELECT FROM exhibit.periods p WHERE p.seq = entries.seq)
           WHEN 'report' THEN EXISTS (SELECT FROM exhibit.reports r WHERE r.seq = entries.seq)
           WHEN 'receipt' THEN EXISTS (SELECT FROM exhibit.receipts r WHERE r.seq = entries.seq)
           ELSE false END $p$),
    ('disclosures', $p$
        (SELECT exhibit.scope_whole())
        OR EXISTS (SELECT FROM exhibit.entry_ids i JOIN exhibit.entries e ON e.seq = i.seq
                    WHERE i.id = disclosures.entry_id) $p$),
    ('artifacts', $p$
        (SELECT exhibit.scope_whole())
        OR EXISTS (SELECT FROM exhibit.entries e
                    WHERE e.seq = (SELECT nullif(current_setting('exhibit.artifact_of', true), '')::bigint)
                      AND strpos(e.record, encode(artifacts.digest, 'hex')) > 0) $p$),
    ('access_log', $p$
        (SELECT exhibit.scope_all('access')) OR person = (SELECT current_setting('exhibit.access', true)) $p$),
    ('run_requests', $p$
        (SELECT exhibit.scope_all('requests')) OR requested_by = (SELECT current_setting('exhibit.requests', true)) $p$)
$$;

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
    -- What was handed in: kept until it is sealed, then its content is taken out; the digest stays.
    EXECUTE format('GRANT SELECT, INSERT, UPDATE (content) ON exhibit.submissions TO %I', role);
    -- Slots that were planned ahead and are promised no more. What was promised derives from the ledger.
    EXECUTE format('GRANT DELETE ON exhibit.slot_claims TO %I', role);
    EXECUTE format('GRANT SELECT, INSERT ON exhibit.deployments, exhibit.schedules, exhibit.evidence,
        exhibit.assessments, exhibit.assessment_subjects, exhibit.finding_observations, exhibit.slots,
        exhibit.periods, exhibit.reports, exhibit.receipts TO %I', role);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON exhibit.findings TO %I', role);
    -- Tokens: what they open never changes; the access log: appended to, nothing else.
    EXECUTE format('GRANT SELECT, INSERT, UPDATE (last_used_at, revoked_at, revoked_by, revoked_reason)
        ON exhibit.tokens TO %I', role);
    EXECUTE format('GRANT SELECT, INSERT ON exhibit.access_log TO %I', role);
    -- Sessions of the reading room: made, used and ended; whose one is never changes.
    EXECUTE format('GRANT SELECT, INSERT, DELETE, UPDATE (last_used_at) ON exhibit.sessions TO %I', role);
    FOREACH whole IN ARRAY ARRAY[
        'lock_head()', 'advance_head(bigint, bigint, bytea[], timestamptz)',
        'ensure_entries_partition(bigint)', 'ensure_month_partitions(timestamptz)',
        'ensure_month_partition(text, timestamptz)',
        'empty_projections()', 'fold_findings(bigint, bigint)',
        -- What the reader may call too: where roles inherit, the service may anyway.
        'reader_of(name)', 'reader_policies()', 'size_at(timestamptz)', 'utc(timestamptz)', 'scope_all(text)', 'scope_list(text)',
        'scope_observed()', 'scope_whole()', 'promise_in_scope(text, timestamptz)'
    ] LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION exhibit.%s TO %I', whole, role);
    END LOOP;
    PERFORM exhibit.grant_reader_role(role);
END $$;
