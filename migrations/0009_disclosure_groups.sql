-- Every disclosable value belongs to a group: all values that are the same in the same field. A group has a key of its
-- own, so that erasing one person or one host erases all of it, and nothing else.

ALTER TABLE exhibit.disclosure_keys
    ADD COLUMN path  text COLLATE "C",
    ADD COLUMN value text COLLATE "C" CHECK (octet_length(value) <= 2000);

-- Groups of before had no value to be found by.
UPDATE exhibit.disclosure_keys k SET path = d.path, value = d.value
  FROM exhibit.disclosures d WHERE d.group_id = k.group_id;
DELETE FROM exhibit.disclosure_keys WHERE path IS NULL;

-- Values of before had no group. Three random UUIDs hold 366 random bits; the key is their hash.
INSERT INTO exhibit.disclosure_keys (group_id, key, created_at, path, value)
SELECT gen_random_uuid(),
       sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())),
       now(), v.path, v.value
  FROM (SELECT DISTINCT d.path, d.value FROM exhibit.disclosures d WHERE d.group_id IS NULL) AS v;
UPDATE exhibit.disclosures d SET group_id = k.group_id
  FROM exhibit.disclosure_keys k WHERE d.group_id IS NULL AND k.path = d.path AND k.value = d.value;

ALTER TABLE exhibit.disclosure_keys
    ALTER COLUMN path SET NOT NULL,
    ADD CHECK ((value IS NULL) = (erased_at IS NOT NULL));
ALTER TABLE exhibit.disclosures
    ALTER COLUMN group_id SET NOT NULL,
    ADD FOREIGN KEY (group_id) REFERENCES exhibit.disclosure_keys (group_id);

CREATE UNIQUE INDEX disclosure_keys_value ON exhibit.disclosure_keys (path, value) WHERE value IS NOT NULL;
COMMENT ON INDEX exhibit.disclosure_keys_value IS 'Finds the group of a value; an erased group is found by none.';
CREATE INDEX disclosures_group ON exhibit.disclosures (group_id);
COMMENT ON INDEX exhibit.disclosures_group IS 'Finds the values of a group.';
CREATE INDEX entries_erasures ON exhibit.entries (seq) WHERE kind = 'erasure';
COMMENT ON INDEX exhibit.entries_erasures IS 'Finds the few entries that tell of erasures.';

COMMENT ON COLUMN exhibit.disclosure_keys.group_id IS '[internal] The group: all values that are the same in the same field.';
COMMENT ON COLUMN exhibit.disclosure_keys.path IS '[internal] The field, where in the record''s body the digests stand.';
COMMENT ON COLUMN exhibit.disclosure_keys.value IS '[personal] The value that the group is found by; null once erased.';
COMMENT ON COLUMN exhibit.disclosures.group_id IS '[internal] Group under whose key the value lies in WORM.';
