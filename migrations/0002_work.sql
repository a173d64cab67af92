-- Work in hand and material that is kept beside the ledger. None of these tables is a projection:
-- `exhibit rebuild` never drops them (the list is NOT_PROJECTIONS in crates/store).

-- ---------------------------------------------------------------------------------------------
-- Slots to perform

CREATE TABLE exhibit.slot_claims (
    job           text COLLATE "C" NOT NULL,
    scheduled_for timestamptz NOT NULL,
    planned_at    timestamptz NOT NULL,
    attempts      integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    not_before    timestamptz NOT NULL,
    lease_token   uuid,
    lease_worker  bigint,
    lease_until   timestamptz,
    last_error    text,
    closed_seq    bigint,
    PRIMARY KEY (job, scheduled_for),
    CHECK ((lease_token IS NULL) = (lease_worker IS NULL)),
    CHECK ((lease_token IS NULL) = (lease_until IS NULL))
);
CREATE INDEX slot_claims_open ON exhibit.slot_claims (scheduled_for) WHERE closed_seq IS NULL;
COMMENT ON TABLE exhibit.slot_claims IS
    'Slots planned and who performs them. What a schedule promised derives from the ledger, not from here: deleting a row hides no miss.';
COMMENT ON COLUMN exhibit.slot_claims.job IS '[internal] The job''s authored id.';
COMMENT ON COLUMN exhibit.slot_claims.scheduled_for IS '[internal] The occurrence that the schedule promises (UTC).';
COMMENT ON COLUMN exhibit.slot_claims.planned_at IS '[internal] When the slot was first planned.';
COMMENT ON COLUMN exhibit.slot_claims.attempts IS '[internal] How often it was claimed.';
COMMENT ON COLUMN exhibit.slot_claims.not_before IS '[internal] Not claimed before this instant: first scheduled_for, later the wait after a failed attempt.';
COMMENT ON COLUMN exhibit.slot_claims.lease_token IS '[internal] Random token of the current lease; a closing append must name it.';
COMMENT ON COLUMN exhibit.slot_claims.lease_worker IS '[internal] Advisory lock key of the holder; free to take means that the holder is dead.';
COMMENT ON COLUMN exhibit.slot_claims.lease_until IS '[internal] When the lease ends by itself.';
COMMENT ON COLUMN exhibit.slot_claims.last_error IS '[internal] Why the last attempt failed; never a secret value.';
COMMENT ON COLUMN exhibit.slot_claims.closed_seq IS '[internal] Entry that closed the slot; null while it is open.';

-- ---------------------------------------------------------------------------------------------
-- Archive intents

CREATE TABLE exhibit.archive_intents (
    key         text COLLATE "C" PRIMARY KEY,
    digest      bytea NOT NULL CHECK (octet_length(digest) = 32),
    size        bigint NOT NULL CHECK (size >= 0),
    subject     text COLLATE "C" NOT NULL,
    intended_at timestamptz NOT NULL,
    receipt_id  uuid,
    finished_at timestamptz,
    CHECK ((receipt_id IS NULL) = (finished_at IS NULL))
);
CREATE INDEX archive_intents_open ON exhibit.archive_intents (intended_at) WHERE finished_at IS NULL;
COMMENT ON TABLE exhibit.archive_intents IS
    'What is to be in WORM storage. Written before the first put, finished once the receipt is in the ledger, so that no crash forgets an object.';
COMMENT ON COLUMN exhibit.archive_intents.key IS '[internal] Object key in the archive.';
COMMENT ON COLUMN exhibit.archive_intents.digest IS '[public] SHA-256 of the object''s bytes.';
COMMENT ON COLUMN exhibit.archive_intents.size IS '[public] Size of the object in bytes.';
COMMENT ON COLUMN exhibit.archive_intents.subject IS '[internal] What the object is, such as report:<id>.';
COMMENT ON COLUMN exhibit.archive_intents.intended_at IS '[internal] When it was decided to keep the object.';
COMMENT ON COLUMN exhibit.archive_intents.receipt_id IS '[public] Entry of the receipt, once there is one.';
COMMENT ON COLUMN exhibit.archive_intents.finished_at IS '[internal] When the receipt was recorded.';

-- ---------------------------------------------------------------------------------------------
-- Artifacts

CREATE TABLE exhibit.artifacts (
    digest     bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    media_type text COLLATE "C" NOT NULL,
    size       bigint NOT NULL CHECK (size >= 0),
    deflated   bytea NOT NULL,
    kept_at    timestamptz NOT NULL
);
COMMENT ON TABLE exhibit.artifacts IS
    'Raw artifacts that records cite by digest, each kept once. Masked by the detector before they arrive here.';
COMMENT ON COLUMN exhibit.artifacts.digest IS '[public] SHA-256 of the bytes before compression.';
COMMENT ON COLUMN exhibit.artifacts.media_type IS '[internal] What the bytes are.';
COMMENT ON COLUMN exhibit.artifacts.size IS '[internal] Size before compression, in bytes.';
COMMENT ON COLUMN exhibit.artifacts.deflated IS '[internal] The bytes, zlib-compressed (RFC 1950).';
COMMENT ON COLUMN exhibit.artifacts.kept_at IS '[internal] When the bytes were first kept.';

-- ---------------------------------------------------------------------------------------------
-- Disclosures

CREATE TABLE exhibit.disclosure_keys (
    group_id   uuid PRIMARY KEY,
    key        bytea CHECK (octet_length(key) = 32),
    created_at timestamptz NOT NULL,
    erased_at  timestamptz,
    CHECK ((key IS NULL) = (erased_at IS NOT NULL))
);
COMMENT ON TABLE exhibit.disclosure_keys IS
    'Keys under which the values of a group lie encrypted in WORM. Erasing a key erases the values for good.';
COMMENT ON COLUMN exhibit.disclosure_keys.group_id IS '[internal] The group: a person, a subject.';
COMMENT ON COLUMN exhibit.disclosure_keys.key IS '[secret-fact] AES-256 key, 32 bytes; null once erased.';
COMMENT ON COLUMN exhibit.disclosure_keys.created_at IS '[internal] When the key was made.';
COMMENT ON COLUMN exhibit.disclosure_keys.erased_at IS '[internal] When the key was erased, if it was.';

CREATE TABLE exhibit.disclosures (
    digest    bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    entry_id  uuid NOT NULL,
    group_id  uuid,
    path      text COLLATE "C" NOT NULL,
    salt      text COLLATE "C" CHECK (octet_length(salt) = 22),
    value     text COLLATE "C",
    erased_at timestamptz,
    CHECK ((value IS NULL) = (erased_at IS NOT NULL)),
    CHECK ((salt IS NULL) = (erased_at IS NOT NULL))
);
CREATE INDEX disclosures_entry ON exhibit.disclosures (entry_id);
COMMENT ON TABLE exhibit.disclosures IS
    'Values that stand in records as salted digests only, so that they can be withheld or erased while leaves, proofs and signatures stay valid.';
COMMENT ON COLUMN exhibit.disclosures.digest IS '[public] SHA-256 of canonical [salt, path, value]: what stands in the record.';
COMMENT ON COLUMN exhibit.disclosures.entry_id IS '[public] The entry that carries the digest.';
COMMENT ON COLUMN exhibit.disclosures.group_id IS '[internal] Group under whose key the value lies in WORM; null while it has none.';
COMMENT ON COLUMN exhibit.disclosures.path IS '[internal] Where in the record''s body the digest stands.';
COMMENT ON COLUMN exhibit.disclosures.salt IS '[secret-fact] 128-bit salt, base64url; null once erased.';
COMMENT ON COLUMN exhibit.disclosures.value IS '[personal] The value; null once erased.';
COMMENT ON COLUMN exhibit.disclosures.erased_at IS '[internal] When the value was erased, if it was.';
