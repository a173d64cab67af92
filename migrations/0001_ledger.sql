-- The ledger: the truth that every projection is derived from.
--
-- Append-only by three fences: the service role has INSERT and SELECT only, triggers refuse
-- UPDATE, DELETE and TRUNCATE for every role, and `exhibit fsck` finds what a superuser did
-- with the triggers off. Classification of each column stands in brackets in its comment;
-- README.md explains the words.

CREATE SCHEMA IF NOT EXISTS exhibit;
REVOKE ALL ON SCHEMA exhibit FROM PUBLIC;
COMMENT ON SCHEMA exhibit IS 'Evidence ledger, its projections and the work in hand.';

-- ---------------------------------------------------------------------------------------------
-- Refusals

CREATE FUNCTION exhibit.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% on %.% is refused: this table is append-only',
        TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'EX001';
END $$;
COMMENT ON FUNCTION exhibit.refuse_change() IS
    'Trigger of append-only tables: refuses the statement for every role, with SQLSTATE EX001.';

-- ---------------------------------------------------------------------------------------------
-- The head

CREATE TABLE exhibit.ledger_head (
    one              boolean PRIMARY KEY DEFAULT true CHECK (one),
    size             bigint NOT NULL CHECK (size >= 0),
    frontier         bytea[] NOT NULL,
    last_recorded_at timestamptz CHECK ((last_recorded_at IS NULL) = (size = 0))
);
COMMENT ON TABLE exhibit.ledger_head IS
    'One row: how far the ledger reaches. Appenders lock it, so seq has no gaps and the tree never forks.';
COMMENT ON COLUMN exhibit.ledger_head.one IS '[internal] Always true: there is one head.';
COMMENT ON COLUMN exhibit.ledger_head.size IS '[public] Number of entries; the next seq.';
COMMENT ON COLUMN exhibit.ledger_head.frontier IS
    '[public] Roots of the perfect subtrees that make up the tree, largest first (32 bytes each).';
COMMENT ON COLUMN exhibit.ledger_head.last_recorded_at IS
    '[public] recorded_at of the last entry; the next is never earlier. Null while empty.';
INSERT INTO exhibit.ledger_head (size, frontier) VALUES (0, '{}');

-- ---------------------------------------------------------------------------------------------
-- Entries and their leaves

CREATE TABLE exhibit.entries (
    seq         bigint NOT NULL CHECK (seq >= 0),
    kind        text COLLATE "C" NOT NULL,
    id          uuid NOT NULL,
    recorded_at timestamptz NOT NULL,
    record      text COLLATE "C" NOT NULL CHECK (octet_length(record) <= 65535),
    PRIMARY KEY (seq)
) PARTITION BY RANGE (seq);
COMMENT ON TABLE exhibit.entries IS
    'One line of the ledger a row. Only record counts; the other columns are copies that fsck compares.';
COMMENT ON COLUMN exhibit.entries.seq IS '[public] Position in the ledger, from 0, without gaps.';
COMMENT ON COLUMN exhibit.entries.kind IS '[public] Copy of the record''s kind.';
COMMENT ON COLUMN exhibit.entries.id IS '[public] Copy of the record''s id (UUIDv7).';
COMMENT ON COLUMN exhibit.entries.recorded_at IS
    '[public] Copy of the record''s recorded_at, set under the head''s lock: max(previous, now).';
COMMENT ON COLUMN exhibit.entries.record IS
    '[internal] The exact UTF-8 bytes that were hashed: canonical JSON, at most 65,535 bytes. Never jsonb. Personal fields are digests, their values lie in disclosures.';

CREATE TABLE exhibit.entry_ids (
    id  uuid PRIMARY KEY,
    seq bigint NOT NULL UNIQUE CHECK (seq >= 0)
);
COMMENT ON TABLE exhibit.entry_ids IS
    'Ids of all entries, unique over all partitions.';
COMMENT ON COLUMN exhibit.entry_ids.id IS '[public] The entry''s id.';
COMMENT ON COLUMN exhibit.entry_ids.seq IS '[public] The entry''s position.';

CREATE TABLE exhibit.tree_nodes (
    level smallint NOT NULL CHECK (level BETWEEN 0 AND 7),
    idx   bigint NOT NULL CHECK (idx >= 0),
    hash  bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (level, idx)
);
COMMENT ON TABLE exhibit.tree_nodes IS
    'Hashes apart from records, so that records can leave later while proofs stay. Only complete subtrees, so a row never changes.';
COMMENT ON COLUMN exhibit.tree_nodes.level IS
    '[public] Tile level: 0 holds leaf hashes, n holds roots of 256^n leaves.';
COMMENT ON COLUMN exhibit.tree_nodes.idx IS '[public] Position within the level, from 0.';
COMMENT ON COLUMN exhibit.tree_nodes.hash IS '[public] SHA-256 of RFC 6962, 32 bytes.';

CREATE TABLE exhibit.checkpoints (
    size      bigint PRIMARY KEY CHECK (size >= 0),
    root      bytea NOT NULL CHECK (octet_length(root) = 32),
    note      text COLLATE "C" NOT NULL,
    signed_at timestamptz NOT NULL
);
COMMENT ON TABLE exhibit.checkpoints IS
    'Signed statements of size and root. Each is also kept outside Postgres: that copy is what binds us.';
COMMENT ON COLUMN exhibit.checkpoints.size IS '[public] Number of entries covered.';
COMMENT ON COLUMN exhibit.checkpoints.root IS '[public] RFC 6962 root hash over them.';
COMMENT ON COLUMN exhibit.checkpoints.note IS '[public] C2SP signed note, exact text.';
COMMENT ON COLUMN exhibit.checkpoints.signed_at IS '[public] When it was signed (UTC).';

-- ---------------------------------------------------------------------------------------------
-- Triggers

DO $$
DECLARE
    guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY['entries', 'entry_ids', 'tree_nodes', 'checkpoints'] LOOP
        EXECUTE format('CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON exhibit.%I
            FOR EACH ROW EXECUTE FUNCTION exhibit.refuse_change()', guarded);
        EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON exhibit.%I
            FOR EACH STATEMENT EXECUTE FUNCTION exhibit.refuse_change()', guarded);
        EXECUTE format('ALTER TABLE exhibit.%I ENABLE ALWAYS TRIGGER append_only_rows', guarded);
        EXECUTE format('ALTER TABLE exhibit.%I ENABLE ALWAYS TRIGGER append_only_truncate', guarded);
    END LOOP;
END $$;

CREATE FUNCTION exhibit.refuse_rewind() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP <> 'UPDATE' THEN
        RAISE EXCEPTION '% on exhibit.ledger_head is refused', TG_OP USING ERRCODE = 'EX001';
    END IF;
    IF NEW.size <= OLD.size OR NEW.last_recorded_at < OLD.last_recorded_at THEN
        RAISE EXCEPTION 'the head only moves forward: % to % is refused', OLD.size, NEW.size
            USING ERRCODE = 'EX001';
    END IF;
    IF NOT EXISTS (SELECT FROM exhibit.entries e WHERE e.seq = NEW.size - 1) THEN
        RAISE EXCEPTION 'the head cannot move to %: there is no entry %', NEW.size, NEW.size - 1
            USING ERRCODE = 'EX001';
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION exhibit.refuse_rewind() IS
    'Trigger of the head: it moves forward only, and only onto an entry that exists.';
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON exhibit.ledger_head
    FOR EACH ROW EXECUTE FUNCTION exhibit.refuse_rewind();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON exhibit.ledger_head
    FOR EACH STATEMENT EXECUTE FUNCTION exhibit.refuse_change();
ALTER TABLE exhibit.ledger_head ENABLE ALWAYS TRIGGER append_only_rows;
ALTER TABLE exhibit.ledger_head ENABLE ALWAYS TRIGGER append_only_truncate;

-- ---------------------------------------------------------------------------------------------
-- What the service role may do to the head and the partitions: through these functions only.

CREATE FUNCTION exhibit.lock_head(OUT size bigint, OUT frontier bytea[], OUT last_recorded_at timestamptz)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT h.size, h.frontier, h.last_recorded_at FROM exhibit.ledger_head h FOR UPDATE
$$;
COMMENT ON FUNCTION exhibit.lock_head() IS
    'Locks the head until the transaction ends, and tells it.';

CREATE FUNCTION exhibit.advance_head(from_size bigint, to_size bigint, new_frontier bytea[], recorded timestamptz)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE exhibit.ledger_head h
       SET size = to_size, frontier = new_frontier, last_recorded_at = recorded
     WHERE h.size = from_size;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the head is not at %', from_size USING ERRCODE = 'EX002';
    END IF;
END $$;
COMMENT ON FUNCTION exhibit.advance_head(bigint, bigint, bytea[], timestamptz) IS
    'Moves the head forward from a size that must still hold; the head''s trigger checks the rest.';

CREATE FUNCTION exhibit.ensure_entries_partition(wanted bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    width CONSTANT bigint := 1000000;
    first CONSTANT bigint := (wanted / width) * width;
    part  CONSTANT text := 'entries_' || lpad((wanted / width)::text, 6, '0');
BEGIN
    IF to_regclass(format('exhibit.%I', part)) IS NULL THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('exhibit.partitions', 0));
        IF to_regclass(format('exhibit.%I', part)) IS NULL THEN
            EXECUTE format('CREATE TABLE exhibit.%I (LIKE exhibit.entries INCLUDING ALL)', part);
            EXECUTE format('COMMENT ON TABLE exhibit.%I IS %L', part,
                format('Entries %s to %s.', first, first + width - 1));
            EXECUTE format('ALTER TABLE exhibit.entries ATTACH PARTITION exhibit.%I
                FOR VALUES FROM (%s) TO (%s)', part, first, first + width);
            EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON exhibit.%I
                FOR EACH STATEMENT EXECUTE FUNCTION exhibit.refuse_change()', part);
            EXECUTE format('ALTER TABLE exhibit.%I ENABLE ALWAYS TRIGGER append_only_rows', part);
            EXECUTE format('ALTER TABLE exhibit.%I ENABLE ALWAYS TRIGGER append_only_truncate', part);
        END IF;
    END IF;
    RETURN first + width;
END $$;
COMMENT ON FUNCTION exhibit.ensure_entries_partition(bigint) IS
    'Makes sure that the partition for this seq exists (1,000,000 entries each); tells the first seq after it.';

SELECT exhibit.ensure_entries_partition(0);
SELECT exhibit.ensure_entries_partition(1000000);
