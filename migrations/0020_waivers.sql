-- Waivers are few, and read as entries, as attestations are: each is what all of its acts say.
DROP INDEX exhibit.entries_rare_kinds;
CREATE INDEX entries_rare_kinds ON exhibit.entries (kind, seq)
    WHERE kind IN ('deployment', 'schedule', 'period', 'report', 'receipt', 'hold', 'attestation', 'waiver');
COMMENT ON INDEX exhibit.entries_rare_kinds IS 'Finds the entries of kinds that are few.';
