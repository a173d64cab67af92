//! What can go wrong between the house and its database, said so that one can act on it.

use uuid::Uuid;

/// An error of the store. Messages never carry a connection string or a value of a record.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The connection string cannot be used.
    #[error("the database URL cannot be used: {why}")]
    Url {
        /// What is wrong with it; never the URL itself.
        why: &'static str,
    },
    /// The server's version, encoding or schema does not fit.
    #[error("this database cannot be used: {0}")]
    Unfit(String),
    /// A migration failed, or the schema is newer than this program.
    #[error("the schema could not be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// Postgres refused a statement or could not be reached.
    #[error("{tx}: {source}")]
    Database {
        /// The verb's name, such as `append`.
        tx: &'static str,
        /// What Postgres or the connection said.
        source: sqlx::Error,
    },
    /// No session could be had: nothing answers there, it is not who it should be, or it refused us.
    #[error("cannot connect to Postgres at {place}: {source}")]
    Connect {
        /// Host and port or socket, database and role; never a password.
        place: String,
        /// What Postgres, TLS or the network said.
        source: sqlx::Error,
    },
    /// A row does not hold what its table promises.
    #[error("{table}, row {row}, column {column}: {why}")]
    Malformed {
        /// Table without schema.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// The row's key.
        row: String,
        /// What was expected.
        why: String,
    },
    /// Nothing was found under this key.
    #[error("there is no {what} {key}")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// Its key.
        key: String,
    },
    /// A statement that must touch one row touched another number: a bug, or a hand in the database.
    #[error("{tx}: {rows} rows where exactly one was expected")]
    RowCount {
        /// The verb's name.
        tx: &'static str,
        /// How many rows there were.
        rows: u64,
    },
    /// The same id was already appended with other content.
    #[error("id {0} is already in the ledger with other content")]
    IdTaken(Uuid),
    /// The lease is no longer held: somebody else took the slot, or it is closed.
    #[error("the lease on {job} at {scheduled_for} is no longer held")]
    StaleLease {
        /// The slot's job.
        job: String,
        /// The slot's time.
        scheduled_for: String,
    },
    /// The lease on a run that was asked for is no longer held.
    #[error("the lease on the run request {0} is no longer held")]
    StaleRunLease(Uuid),
    /// The same person asked for another run under the same key.
    #[error("the idempotency key of this request was used for a run of job {job}")]
    KeyTaken {
        /// The job of the first request.
        job: String,
    },
    /// The same person handed in something else under the same key.
    #[error("the idempotency key was used for other content, which is submission {0}")]
    OtherContent(Uuid),
    /// The slot has a closing entry already.
    #[error("the slot {job} at {scheduled_for} is closed already")]
    SlotClosed {
        /// The slot's job.
        job: String,
        /// The slot's time.
        scheduled_for: String,
    },
    /// The entries would have come to stand elsewhere than they must: others were appended first.
    #[error("the entries belong at position {expected}, but the next one is {next}")]
    OtherPlace {
        /// Where they must stand.
        expected: u64,
        /// The next free position.
        next: u64,
    },
    /// The record cannot be made: not canonical, too long, or not what its kind promises.
    #[error("entry {id} cannot be recorded: {why}")]
    Record {
        /// The entry's id.
        id: Uuid,
        /// What is wrong.
        why: String,
    },
    /// A checkpoint does not fit the ledger that is stored.
    #[error("the checkpoint for size {size} cannot be kept: {why}")]
    Checkpoint {
        /// The size it names.
        size: u64,
        /// What does not fit.
        why: String,
    },
    /// An artifact's bytes do not have the digest that they are kept under.
    #[error("artifact {digest}: {why}")]
    Artifact {
        /// SHA-256 in hex.
        digest: String,
        /// What is wrong.
        why: String,
    },
    /// A proof or root cannot be computed from the kept hashes.
    #[error(transparent)]
    Proof(exhibit_ledger::tree::ProofError),
    /// The transaction that several appends shared failed.
    #[error(transparent)]
    Group(std::sync::Arc<StoreError>),
    /// Whoever committed for this append too gave up: it may or may not have been recorded.
    #[error("the commit that this append shared was given up: it may or may not have been recorded")]
    CommitterGone,
}

impl StoreError {
    /// Whether it is the database's or the way's trouble and may pass: a connection that was lost or could not be had,
    /// a server that starts, stops or is full. The transaction may or may not have been committed.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Database { source: sqlx::Error::Database(inner), .. } => {
                // Classes of SQLSTATE: connection, resources, operator's intervention; and what is retryable.
                let code = inner.code().unwrap_or_default();
                ["08", "53", "57"].iter().any(|class| code.starts_with(class)) || self.is_retryable()
            }
            Self::Database { source, .. } => matches!(
                source,
                sqlx::Error::Io(_)
                    | sqlx::Error::Tls(_)
                    | sqlx::Error::Protocol(_)
                    | sqlx::Error::PoolTimedOut
                    | sqlx::Error::WorkerCrashed
            ),
            Self::Group(inner) => inner.may_pass(),
            Self::CommitterGone => true,
            _ => false,
        }
    }

    /// Whether the same transaction may succeed when it is run again: serialization failure,
    /// deadlock, a lock that was not available, or a partition that another session made between the question whether
    /// it is there (which a session's cache answers) and the making.
    pub(crate) fn is_retryable(&self) -> bool {
        self.has_code(&["40001", "40P01", "55P03", "42P07"])
    }

    /// Whether a lock was waited for in vain.
    pub(crate) fn is_lock_timeout(&self) -> bool {
        self.has_code(&["55P03"])
    }

    fn has_code(&self, codes: &[&str]) -> bool {
        let Self::Database { source: sqlx::Error::Database(inner), .. } = self else {
            return false;
        };
        inner.code().is_some_and(|code| codes.contains(&code.as_ref()))
    }
}

/// Names the verb in whatever the database says.
pub(crate) fn in_tx(tx: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| StoreError::Database { tx, source }
}
