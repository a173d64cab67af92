-- Attestations by two persons are few, and read as entries, as legal holds are: each is what all of its acts say. Whoever asks
-- for them asks for all, at each run of a collector that counts them.
DROP INDEX exhibit.entries_rare_kinds;
CREATE INDEX entries_rare_kinds ON exhibit.entries (kind, seq)
    WHERE kind IN ('deployment', 'schedule', 'period', 'report', 'receipt', 'hold', 'attestation');
COMMENT ON INDEX exhibit.entries_rare_kinds IS 'Finds the entries of kinds that are few.';
