-- What the service asks before it works with a schema: is it the one that it was built for?

CREATE FUNCTION exhibit.schema_version() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(max(m.version), 0) FROM exhibit._sqlx_migrations m WHERE m.success
$$;
COMMENT ON FUNCTION exhibit.schema_version() IS 'Number of the last migration that was applied.';
-- No secret, and of use to those only who may enter the schema.
GRANT EXECUTE ON FUNCTION exhibit.schema_version() TO PUBLIC;
