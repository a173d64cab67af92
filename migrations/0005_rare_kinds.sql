-- Steps ask for the few entries of a rare kind again and again; reading all of a long ledger for them would grow with it.
CREATE INDEX entries_rare_kinds ON exhibit.entries (kind, seq)
    WHERE kind IN ('deployment', 'schedule', 'period', 'report', 'receipt');
COMMENT ON INDEX exhibit.entries_rare_kinds IS 'Finds the entries of kinds that are few.';
