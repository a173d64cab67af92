-- The reading room: people who signed in with a token.
--
-- A session opens what its token opens and nothing more. Its id is random and lies in the browser's cookie alone;
-- here is its keyed hash. Nobody reads this table through the API.

CREATE TABLE exhibit.sessions (
    hash         bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    token_id     uuid NOT NULL,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL CHECK (last_used_at >= created_at)
);
COMMENT ON TABLE exhibit.sessions IS
    'Sessions of the reading room that may still be open. What was read in one stands in the access log for good.';
COMMENT ON COLUMN exhibit.sessions.hash IS '[secret-fact] HMAC-SHA-256 of the session''s id under the deployment''s token key.';
COMMENT ON COLUMN exhibit.sessions.token_id IS '[internal] The token that was signed in with: its end is the session''s.';
COMMENT ON COLUMN exhibit.sessions.created_at IS '[internal] When the person signed in.';
COMMENT ON COLUMN exhibit.sessions.last_used_at IS '[internal] When it was last used, to the minute or so.';
CREATE INDEX sessions_created ON exhibit.sessions (created_at);

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
