-- Rights of the service role, whatever its name: `Store::migrate` calls this function after the
-- migrations, every time. A later migration that adds a table replaces the function.

CREATE FUNCTION exhibit.grant_service_role(role name) RETURNS void
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
        exhibit.slot_claims, exhibit.archive_intents TO %I', role);
    EXECUTE format('GRANT SELECT, INSERT ON exhibit.deployments, exhibit.schedules, exhibit.evidence,
        exhibit.assessments, exhibit.assessment_subjects, exhibit.finding_observations, exhibit.slots,
        exhibit.periods, exhibit.reports, exhibit.receipts TO %I', role);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON exhibit.findings TO %I', role);
    FOREACH whole IN ARRAY ARRAY[
        'lock_head()', 'advance_head(bigint, bigint, bytea[], timestamptz)',
        'ensure_entries_partition(bigint)', 'ensure_month_partitions(timestamptz)',
        'empty_projections()', 'fold_findings(bigint, bigint)'
    ] LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION exhibit.%s TO %I', whole, role);
    END LOOP;
END $$;
COMMENT ON FUNCTION exhibit.grant_service_role(name) IS
    'Gives a role what the service needs, and no more.';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA exhibit FROM PUBLIC;

COMMENT ON TABLE exhibit._sqlx_migrations IS 'Migrations that were applied, kept by sqlx.';
COMMENT ON COLUMN exhibit._sqlx_migrations.version IS '[internal] Number of the migration.';
COMMENT ON COLUMN exhibit._sqlx_migrations.description IS '[internal] Its name.';
COMMENT ON COLUMN exhibit._sqlx_migrations.installed_on IS '[internal] When it was applied.';
COMMENT ON COLUMN exhibit._sqlx_migrations.success IS '[internal] Whether it was applied whole.';
COMMENT ON COLUMN exhibit._sqlx_migrations.checksum IS '[internal] SHA-384 of its text.';
COMMENT ON COLUMN exhibit._sqlx_migrations.execution_time IS '[internal] How long it took, in nanoseconds.';
