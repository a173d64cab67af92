-- A month's partition of one table at a time. Attaching locks the table's default partition; holding
-- several of those locks at once could deadlock with a reader that joins the same tables.

CREATE FUNCTION exhibit.ensure_month_partition(parent text, instant timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    month CONSTANT timestamptz := date_trunc('month', instant);
    part  CONSTANT text := parent || '_' || to_char(month, 'YYYYMM');
BEGIN
    IF parent NOT IN ('evidence', 'assessments', 'assessment_subjects', 'finding_observations') THEN
        RAISE EXCEPTION '% is not partitioned by month', parent;
    END IF;
    -- Months outside of these two centuries stay in the default partitions.
    IF instant < '2000-01-01Z' OR instant >= '2200-01-01Z'
        OR to_regclass(format('exhibit.%I', part)) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('exhibit.partitions', 0));
    IF to_regclass(format('exhibit.%I', part)) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE exhibit.%I (LIKE exhibit.%I INCLUDING ALL)', part, parent);
    EXECUTE format('COMMENT ON TABLE exhibit.%I IS %L', part,
        format('Rows of %s observed in %s (UTC).', parent, to_char(month, 'YYYY-MM')));
    EXECUTE format('ALTER TABLE exhibit.%I ATTACH PARTITION exhibit.%I FOR VALUES FROM (%L) TO (%L)',
        parent, part, month, month + interval '1 month');
END $$;
COMMENT ON FUNCTION exhibit.ensure_month_partition(text, timestamptz) IS
    'Makes sure that one table''s partition for the month of this instant exists.';
REVOKE EXECUTE ON FUNCTION exhibit.ensure_month_partition(text, timestamptz) FROM PUBLIC;

CREATE OR REPLACE FUNCTION exhibit.ensure_month_partitions(instant timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT exhibit.ensure_month_partition(parent, instant)
      FROM unnest(ARRAY['evidence', 'assessments', 'assessment_subjects', 'finding_observations']) AS parent
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
        exhibit.slot_claims, exhibit.archive_intents TO %I', role);
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
