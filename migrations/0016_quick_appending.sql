-- Quick appending in bulk.

-- Asked of every value that is appended, whether its group exists took longer than to write it. Nobody may delete a
-- group, the appending transaction reads those that it refers to under the head's lock, and `exhibit fsck` names a value
-- whose group is not there.
ALTER TABLE exhibit.disclosures DROP CONSTRAINT disclosures_group_id_fkey;

-- Assessments are found by their evidence, or by their position: `entry_ids` knows every id.
DROP INDEX exhibit.assessments_id;
