-- Quick restricted reading, however many months there are.
--
-- What a policy says is planned with every question, for each partition of the table and, where the policy itself looks
-- into another partitioned table, for each pair of them: with four years of months that took longer than the question.
-- Such looks stand in functions from now on. They run with the reader's rights, within its scope, and only for those who
-- are limited: their plans are made once for a connection, and lead to the one partition that the row may be in.

CREATE FUNCTION exhibit.evidence_in_scope(of_id uuid, of_observed_to timestamptz) RETURNS boolean
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN EXISTS (SELECT FROM exhibit.evidence v WHERE v.id = of_id AND v.observed_to = of_observed_to);
END $$;
COMMENT ON FUNCTION exhibit.evidence_in_scope(uuid, timestamptz) IS
    'Whether the caller sees this piece of evidence, which was observed until that time.';

CREATE FUNCTION exhibit.record_in_scope(of_kind text, of_seq bigint, record text) RETURNS boolean
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    -- The record's own time leads to the one partition that its row may be in.
    at timestamptz;
BEGIN
    IF of_kind = 'evidence' THEN
        at := record::json #>> '{body,observation,observed_to}';
        RETURN EXISTS (SELECT FROM exhibit.evidence v WHERE v.seq = of_seq AND v.observed_to = at);
    ELSIF of_kind = 'assessment' THEN
        at := record::json #>> '{body,observed_to}';
        RETURN EXISTS (SELECT FROM exhibit.assessments a WHERE a.seq = of_seq AND a.observed_to = at);
    ELSIF of_kind = 'schedule' THEN
        RETURN EXISTS (SELECT FROM exhibit.schedules s WHERE s.seq = of_seq);
    ELSIF of_kind = 'slot' THEN
        RETURN EXISTS (SELECT FROM exhibit.slots s WHERE s.seq = of_seq);
    ELSIF of_kind = 'period' THEN
        RETURN EXISTS (SELECT FROM exhibit.periods p WHERE p.seq = of_seq);
    ELSIF of_kind = 'report' THEN
        RETURN EXISTS (SELECT FROM exhibit.reports r WHERE r.seq = of_seq);
    ELSIF of_kind = 'receipt' THEN
        RETURN EXISTS (SELECT FROM exhibit.receipts r WHERE r.seq = of_seq);
    END IF;
    RETURN false;
END $$;
COMMENT ON FUNCTION exhibit.record_in_scope(text, bigint, text) IS
    'Whether the caller sees the row that an entry became. Entries of other kinds are seen by nobody limited.';

-- They tell nobody more than the tables do.
GRANT EXECUTE ON FUNCTION exhibit.evidence_in_scope(uuid, timestamptz) TO PUBLIC;
GRANT EXECUTE ON FUNCTION exhibit.record_in_scope(text, bigint, text) TO PUBLIC;

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
        AND exhibit.evidence_in_scope(evidence_id, observed_to) $p$),
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
    ('entries', $p$
        (SELECT exhibit.scope_whole()) OR exhibit.record_in_scope(kind, seq, record) $p$),
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
