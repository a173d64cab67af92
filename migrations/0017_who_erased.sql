-- Who erased a value, and why.

-- A value that is gone must say so to whoever reads the record that it stood in: by whom it was erased, and why. The entry
-- that tells of it belongs to no scope, so that whoever is limited does not see it among the others.
CREATE FUNCTION exhibit.erasure_of(of_digest bytea) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT e.record FROM exhibit.disclosures d
      JOIN exhibit.entries e ON e.kind = 'erasure' AND (e.record::json #>> '{body,group}')::uuid = d.group_id
     WHERE d.digest = of_digest AND d.erased_at IS NOT NULL ORDER BY e.seq LIMIT 1
$$;
COMMENT ON FUNCTION exhibit.erasure_of(bytea) IS
    'The record that tells of the erasure of the value behind a digest; null while it is not erased, or where none tells of it.';

-- It names nobody: neither what was erased nor, but as a salted digest, who did it.
GRANT EXECUTE ON FUNCTION exhibit.erasure_of(bytea) TO PUBLIC;
