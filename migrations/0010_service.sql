-- The service: people's tokens, the access log, and row-level security for restricted reading.
--
-- A request reads as the reader: a role that cannot log in, that the service may take for one
-- transaction, and that sees only the rows within the scope that the transaction names. Where no
-- scope is named, it sees nothing.

-- ---------------------------------------------------------------------------------------------
-- Tokens

CREATE TABLE exhibit.tokens (
    id             uuid PRIMARY KEY,
    person         text COLLATE "C" NOT NULL CHECK (person <> ''),
    role           text COLLATE "C" NOT NULL
                   CHECK (role IN ('administrator', 'operator', 'officer', 'auditor', 'ingest')),
    lookup         text COLLATE "C" NOT NULL UNIQUE CHECK (octet_length(lookup) BETWEEN 4 AND 16),
    last4          text COLLATE "C" NOT NULL CHECK (octet_length(last4) = 4),
    hash           bytea NOT NULL CHECK (octet_length(hash) = 32),
    environments   text[] COLLATE "C",
    periods        text[] COLLATE "C",
    frameworks     text[] COLLATE "C",
    expires_at     timestamptz NOT NULL CHECK (expires_at > created_at),
    created_at     timestamptz NOT NULL,
    created_by     text COLLATE "C" NOT NULL,
    revoked_at     timestamptz,
    revoked_by     text COLLATE "C",
    revoked_reason text,
    last_used_at   timestamptz,
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL)),
    CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL))
);
COMMENT ON TABLE exhibit.tokens IS
    'Tokens of persons. A token itself is kept nowhere: only a keyed hash of it, whose key lies outside of the database.';
COMMENT ON COLUMN exhibit.tokens.id IS '[internal] The token''s id, which logs may name.';
COMMENT ON COLUMN exhibit.tokens.person IS '[personal] Whose token it is.';
COMMENT ON COLUMN exhibit.tokens.role IS '[internal] administrator, operator, officer, auditor or ingest.';
COMMENT ON COLUMN exhibit.tokens.lookup IS '[internal] First characters of the token''s random part, to find the row by.';
COMMENT ON COLUMN exhibit.tokens.last4 IS '[internal] Last characters, so that a person recognises it.';
COMMENT ON COLUMN exhibit.tokens.hash IS '[secret-fact] HMAC-SHA-256 of the token under the deployment''s token key.';
COMMENT ON COLUMN exhibit.tokens.environments IS '[internal] Environments it is limited to; null for all.';
COMMENT ON COLUMN exhibit.tokens.periods IS '[internal] Periods it is limited to, such as 2026-Q4; null for all.';
COMMENT ON COLUMN exhibit.tokens.frameworks IS '[internal] Frameworks it is limited to; null for all.';
COMMENT ON COLUMN exhibit.tokens.expires_at IS '[internal] From when it is refused.';
COMMENT ON COLUMN exhibit.tokens.created_at IS '[internal] When it was made.';
COMMENT ON COLUMN exhibit.tokens.created_by IS '[personal] Who made it.';
COMMENT ON COLUMN exhibit.tokens.revoked_at IS '[internal] When it was revoked, if it was.';
COMMENT ON COLUMN exhibit.tokens.revoked_by IS '[personal] Who revoked it.';
COMMENT ON COLUMN exhibit.tokens.revoked_reason IS '[internal] Why it was revoked.';
COMMENT ON COLUMN exhibit.tokens.last_used_at IS '[internal] When it was last used, to the minute or so.';

CREATE FUNCTION exhibit.refuse_unrevoking() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR OLD.revoked_at IS NOT NULL AND
        (NEW.revoked_at, NEW.revoked_by, NEW.revoked_reason)
            IS DISTINCT FROM (OLD.revoked_at, OLD.revoked_by, OLD.revoked_reason) THEN
        RAISE EXCEPTION '% on exhibit.tokens is refused: a revoked token stays revoked', TG_OP
            USING ERRCODE = 'EX001';
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION exhibit.refuse_unrevoking() IS
    'Trigger of tokens: none is deleted, and no revocation is taken back.';
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON exhibit.tokens
    FOR EACH ROW EXECUTE FUNCTION exhibit.refuse_unrevoking();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON exhibit.tokens
    FOR EACH STATEMENT EXECUTE FUNCTION exhibit.refuse_change();

-- ---------------------------------------------------------------------------------------------
-- The access log

CREATE TABLE exhibit.access_log (
    seq        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL,
    request_id uuid NOT NULL,
    token_id   uuid,
    person     text COLLATE "C",
    role       text COLLATE "C",
    method     text COLLATE "C" NOT NULL,
    route      text COLLATE "C" NOT NULL,
    scope      text COLLATE "C" NOT NULL,
    query      text COLLATE "C" NOT NULL,
    status     smallint NOT NULL CHECK (status BETWEEN 100 AND 599),
    row_count  bigint CHECK (row_count >= 0),
    refusal    text COLLATE "C"
);
CREATE INDEX access_log_at ON exhibit.access_log USING brin (at);
CREATE INDEX access_log_person ON exhibit.access_log (person, seq);
COMMENT ON TABLE exhibit.access_log IS
    'Every read and every refusal, written before the answer leaves. Append-only.';
COMMENT ON COLUMN exhibit.access_log.seq IS '[internal] Order of writing; may have gaps.';
COMMENT ON COLUMN exhibit.access_log.at IS '[internal] When the request was answered.';
COMMENT ON COLUMN exhibit.access_log.request_id IS '[internal] The request, as the answer names it too.';
COMMENT ON COLUMN exhibit.access_log.token_id IS '[internal] The token that was shown; null where none was known.';
COMMENT ON COLUMN exhibit.access_log.person IS '[personal] Whose token it was.';
COMMENT ON COLUMN exhibit.access_log.role IS '[internal] The token''s role.';
COMMENT ON COLUMN exhibit.access_log.method IS '[internal] Method of the request.';
COMMENT ON COLUMN exhibit.access_log.route IS '[internal] The route''s template, such as /api/v1/evidence/{id}.';
COMMENT ON COLUMN exhibit.access_log.scope IS '[internal] What the token was limited to, as canonical JSON.';
COMMENT ON COLUMN exhibit.access_log.query IS '[internal] What was asked, in canonical form; never a token.';
COMMENT ON COLUMN exhibit.access_log.status IS '[internal] Status of the answer.';
COMMENT ON COLUMN exhibit.access_log.row_count IS '[internal] How many rows were given; null where that was not known when it was written.';
COMMENT ON COLUMN exhibit.access_log.refusal IS '[internal] Why it was refused, if it was.';
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON exhibit.access_log
    FOR EACH ROW EXECUTE FUNCTION exhibit.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON exhibit.access_log
    FOR EACH STATEMENT EXECUTE FUNCTION exhibit.refuse_change();

DO $$
DECLARE
    guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY['tokens', 'access_log'] LOOP
        EXECUTE format('ALTER TABLE exhibit.%I ENABLE ALWAYS TRIGGER append_only_rows', guarded);
        EXECUTE format('ALTER TABLE exhibit.%I ENABLE ALWAYS TRIGGER append_only_truncate', guarded);
    END LOOP;
END $$;

-- ---------------------------------------------------------------------------------------------
-- Environments of a promise, so that slots nobody filled have a scope too

ALTER TABLE exhibit.schedules ADD COLUMN environments text[] COLLATE "C" NOT NULL DEFAULT '{}';
COMMENT ON COLUMN exhibit.schedules.environments IS '[internal] The environments it is about, as the record names them.';
UPDATE exhibit.schedules s
   SET environments = ARRAY(SELECT jsonb_array_elements_text(e.record::jsonb #> '{body,environments}'))
  FROM exhibit.entries e WHERE e.seq = s.seq;
ALTER TABLE exhibit.schedules ALTER COLUMN environments DROP DEFAULT;

-- ---------------------------------------------------------------------------------------------
-- What the API usually asks for, over ten million entries

CREATE INDEX evidence_collector ON exhibit.evidence (collector, seq);
CREATE INDEX assessments_verdict ON exhibit.assessments (verdict, seq);
CREATE INDEX finding_observations_severity ON exhibit.finding_observations (severity, seq);

CREATE FUNCTION exhibit.size_at(instant timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    low    bigint := 0;
    high   bigint := (SELECT h.size FROM exhibit.ledger_head h);
    middle bigint;
BEGIN
    WHILE low < high LOOP
        middle := low + (high - low) / 2;
        IF (SELECT e.recorded_at < instant FROM exhibit.entries e WHERE e.seq = middle) THEN
            low := middle + 1;
        ELSE
            high := middle;
        END IF;
    END LOOP;
    RETURN low;
END $$;
COMMENT ON FUNCTION exhibit.size_at(timestamptz) IS
    'How many entries were recorded before this instant. recorded_at never goes back, so halving finds it.';

CREATE FUNCTION exhibit.utc(instant timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT pg_catalog.to_char(instant AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;
COMMENT ON FUNCTION exhibit.utc(timestamptz) IS 'An instant as records write it.';

-- ---------------------------------------------------------------------------------------------
-- Scope: settings that hold for one transaction. Unset or empty: nothing. `*`: everything.
--
-- | setting              | holds                                                             |
-- |----------------------|-------------------------------------------------------------------|
-- | exhibit.environments | array of environments                                             |
-- | exhibit.collectors   | array of collectors (from the token's frameworks)                 |
-- | exhibit.checks       | array of checks (from the token's frameworks)                     |
-- | exhibit.periods      | array of periods' names                                           |
-- | exhibit.observed     | the same periods as a tstzmultirange                              |
-- | exhibit.access       | `*`, or the person whose own lines of the access log may be seen  |
-- | exhibit.artifact_of  | position of the entry through which an artifact is read           |

CREATE FUNCTION exhibit.scope_all(setting text) RETURNS boolean
LANGUAGE sql STABLE AS $$ SELECT coalesce(pg_catalog.current_setting('exhibit.' || setting, true) = '*', false) $$;
COMMENT ON FUNCTION exhibit.scope_all(text) IS 'Whether the transaction is not limited in this respect.';

CREATE FUNCTION exhibit.scope_list(setting text) RETURNS text[]
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN pg_catalog.current_setting('exhibit.' || setting, true) LIKE '{%'
                THEN pg_catalog.current_setting('exhibit.' || setting, true)::text[] ELSE '{}' END
$$;
COMMENT ON FUNCTION exhibit.scope_list(text) IS 'What the transaction is limited to; empty where nothing was said.';

CREATE FUNCTION exhibit.scope_observed() RETURNS tstzmultirange
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN pg_catalog.current_setting('exhibit.observed', true) LIKE '{%'
                THEN pg_catalog.current_setting('exhibit.observed', true)::tstzmultirange ELSE '{}' END
$$;
COMMENT ON FUNCTION exhibit.scope_observed() IS 'The time that the transaction is limited to; empty where nothing was said.';

CREATE FUNCTION exhibit.scope_whole() RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT exhibit.scope_all('environments') AND exhibit.scope_all('collectors') AND exhibit.scope_all('checks')
       AND exhibit.scope_all('periods') AND exhibit.scope_all('observed')
$$;
COMMENT ON FUNCTION exhibit.scope_whole() IS 'Whether the transaction is limited in no respect.';

CREATE FUNCTION exhibit.promise_in_scope(of_job text, instant timestamptz) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((
        SELECT (exhibit.scope_all('collectors') OR p.collector = ANY (exhibit.scope_list('collectors')))
           AND (exhibit.scope_all('environments')
                OR p.environments <> '{}' AND p.environments <@ exhibit.scope_list('environments'))
          FROM exhibit.schedules p
         WHERE p.job = of_job AND p.active_from <= instant
         ORDER BY p.active_from DESC, p.seq DESC LIMIT 1), false)
$$;
COMMENT ON FUNCTION exhibit.promise_in_scope(text, timestamptz) IS
    'Whether the promise of this job that held at this instant lies within the scope.';

-- What the reader sees of each table. A row that is about several environments is seen only by
-- those who may see all of them; a report is about everything, so it is seen only by those who are
-- limited to periods at most. A kind of entry that is not named here is seen by nobody limited.
CREATE FUNCTION exhibit.reader_policies() RETURNS TABLE (tab text, condition text)
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
        (SELECT exhibit.scope_all('access')) OR person = (SELECT current_setting('exhibit.access', true)) $p$)
$$;
COMMENT ON FUNCTION exhibit.reader_policies() IS
    'The condition under which the reader sees a row, a table a line. A later migration that adds a table replaces the function.';

-- ---------------------------------------------------------------------------------------------
-- The reader

CREATE FUNCTION exhibit.reader_of(service name) RETURNS name
LANGUAGE sql IMMUTABLE AS $$ SELECT (left(service::text, 56) || '_reader')::name $$;
COMMENT ON FUNCTION exhibit.reader_of(name) IS
    'The role under which a service role reads for others. One for each, since roles are known to every database of a server.';

CREATE FUNCTION exhibit.reader_is_ready(service name) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN EXISTS (SELECT FROM pg_roles r WHERE r.rolname = exhibit.reader_of(service))
           THEN pg_has_role(service, exhibit.reader_of(service),
                    CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)
                AND has_table_privilege(exhibit.reader_of(service), 'exhibit.evidence', 'SELECT')
           ELSE false END
$$;
COMMENT ON FUNCTION exhibit.reader_is_ready(name) IS
    'Whether the reader of a service role exists, may be taken by it, and has its rights.';
GRANT EXECUTE ON FUNCTION exhibit.reader_is_ready(name) TO PUBLIC;

CREATE FUNCTION exhibit.ensure_reader_role(service name) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    reader CONSTANT name := exhibit.reader_of(service);
    modern CONSTANT boolean := current_setting('server_version_num')::int >= 160000;
BEGIN
    -- Other databases of the same server may be doing the same at this moment: whoever is second is content.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = reader) THEN
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', reader);
        EXCEPTION WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN NULL;
        END;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = reader) THEN
        RETURN false;
    END IF;
    IF NOT pg_has_role(service, reader, CASE WHEN modern THEN 'SET' ELSE 'MEMBER' END) THEN
        BEGIN
            EXECUTE format('GRANT %I TO %I', reader, service)
                || CASE WHEN modern THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END;
        EXCEPTION WHEN unique_violation OR insufficient_privilege OR internal_error THEN NULL;
        END;
    END IF;
    RETURN true;
END $$;
COMMENT ON FUNCTION exhibit.ensure_reader_role(name) IS
    'Makes the reader of a service role, if the caller may make roles; tells whether it is there.';

-- Rights and policies of the reader and of the service beside it, in one transaction: at no moment is
-- row-level security on without the policy under which the service sees everything.
CREATE FUNCTION exhibit.grant_reader_role(service name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    there  CONSTANT boolean := exhibit.ensure_reader_role(service);
    reader CONSTANT name := exhibit.reader_of(service);
    line   record;
    known  text;
    mark   text;
BEGIN
    FOR line IN SELECT p.tab, p.condition, format('exhibit.%I', p.tab)::regclass AS oid FROM exhibit.reader_policies() p LOOP
        -- The service and the owner's functions see every row, as before. Nothing is forced on the owner,
        -- who could lift it again anyway.
        IF NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = line.oid AND polname = service) THEN
            EXECUTE format('CREATE POLICY %I ON exhibit.%I TO %I USING (true) WITH CHECK (true)', service, line.tab, service);
        END IF;
        IF there THEN
            mark := md5(line.condition);
            SELECT obj_description(oid, 'pg_policy') INTO known FROM pg_policy WHERE polrelid = line.oid AND polname = reader;
            IF known IS DISTINCT FROM mark THEN
                EXECUTE format('DROP POLICY IF EXISTS %I ON exhibit.%I', reader, line.tab);
                EXECUTE format('CREATE POLICY %I ON exhibit.%I FOR SELECT TO %I USING (%s)', reader, line.tab, reader, line.condition);
                EXECUTE format('COMMENT ON POLICY %I ON exhibit.%I IS %L', reader, line.tab, mark);
            END IF;
            IF line.tab = 'disclosures' THEN
                -- Salts stay where they are.
                EXECUTE format('GRANT SELECT (digest, entry_id, path, value, erased_at) ON exhibit.disclosures TO %I', reader);
            ELSE
                EXECUTE format('GRANT SELECT ON exhibit.%I TO %I', line.tab, reader);
            END IF;
        END IF;
        IF NOT (SELECT c.relrowsecurity FROM pg_class c WHERE c.oid = line.oid) THEN
            EXECUTE format('ALTER TABLE exhibit.%I ENABLE ROW LEVEL SECURITY', line.tab);
        END IF;
    END LOOP;
    IF there THEN
        EXECUTE format('GRANT USAGE ON SCHEMA exhibit TO %I', reader);
        -- Positions and hashes are public: proofs need them whole.
        EXECUTE format('GRANT SELECT ON exhibit.ledger_head, exhibit.entry_ids, exhibit.tree_nodes, exhibit.checkpoints TO %I', reader);
        EXECUTE format('GRANT EXECUTE ON FUNCTION exhibit.scope_all(text), exhibit.scope_list(text), exhibit.scope_observed(),
            exhibit.scope_whole(), exhibit.promise_in_scope(text, timestamptz), exhibit.size_at(timestamptz),
            exhibit.utc(timestamptz) TO %I', reader);
    END IF;
END $$;
COMMENT ON FUNCTION exhibit.grant_reader_role(name) IS
    'Gives the reader of a service role what it may read, and the policies that limit it.';

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

REVOKE EXECUTE ON FUNCTION exhibit.refuse_unrevoking(), exhibit.size_at(timestamptz), exhibit.utc(timestamptz), exhibit.scope_all(text),
    exhibit.scope_list(text), exhibit.scope_observed(), exhibit.scope_whole(),
    exhibit.promise_in_scope(text, timestamptz), exhibit.reader_policies(), exhibit.reader_of(name),
    exhibit.ensure_reader_role(name), exhibit.grant_reader_role(name) FROM PUBLIC;
