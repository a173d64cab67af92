-- Names that stay masked for a reader.

-- Leaf, proofs and signatures hold without the values that records keep as salted digests. A token may be made for somebody
-- who checks all of them and is shown none of the names: that they were masked, by whom and why, they see.
ALTER TABLE exhibit.tokens
    ADD COLUMN names_masked text CHECK (length(names_masked) BETWEEN 1 AND 500);
COMMENT ON COLUMN exhibit.tokens.names_masked IS '[internal] Why names that records hold as digests stay masked for this token; null where they are shown.';
