-- The archive keeps more than reports: days' segments of the ledger, raw artifacts. A receipt says what it is of,
-- and names a report only where there is one. Legal holds are few, and read as entries.

ALTER TABLE exhibit.receipts
    ALTER COLUMN report_id DROP NOT NULL,
    ADD COLUMN subject text COLLATE "C";
-- Receipts of before were of a report's bundle or of disclosures, and the folder says which.
UPDATE exhibit.receipts SET subject = CASE WHEN key LIKE 'disclosures/%' THEN 'disclosures' ELSE 'report' END;
ALTER TABLE exhibit.receipts ALTER COLUMN subject SET NOT NULL;
COMMENT ON COLUMN exhibit.receipts.report_id IS '[public] The report that was archived, or with which the object was; null for segments and artifacts.';
COMMENT ON COLUMN exhibit.receipts.subject IS '[internal] What was archived: report, disclosures, segment or artifact.';

-- Steps ask for holds again and again, as for the other kinds that are few.
DROP INDEX exhibit.entries_rare_kinds;
CREATE INDEX entries_rare_kinds ON exhibit.entries (kind, seq)
    WHERE kind IN ('deployment', 'schedule', 'period', 'report', 'receipt', 'hold');
COMMENT ON INDEX exhibit.entries_rare_kinds IS 'Finds the entries of kinds that are few.';
