-- A database that was restored from the archive has the digests of names, and never their keys: those lay in the
-- database that was lost.

ALTER TABLE exhibit.disclosure_keys
    ADD COLUMN lost_at timestamptz,
    ADD CHECK (lost_at IS NULL OR erased_at IS NOT NULL);
COMMENT ON COLUMN exhibit.disclosure_keys.lost_at IS '[internal] When a restoration from the archive found key and values gone with the database; null where they are here or were erased by law.';
