//! The one way to run a transaction.
//!
//! A macro rather than a function that takes an async closure: the future of such a function is
//! not known to be `Send` (rust-lang/rust#102211), and every verb here must be.

use std::time::Duration;

use crate::StoreError;

/// How often a transaction is run before its serialization failure is handed on.
const ATTEMPTS: u32 = 5;

/// Begins a transaction that reads and writes.
pub(crate) const WRITE: &str = "BEGIN";
/// Begins a transaction that reads one unchanging snapshot.
pub(crate) const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Runs `$work` in one named transaction of `$store`, again after a serialization failure or a
/// deadlock. `$work` must not touch anything but the transaction. An error rolls back.
macro_rules! run_tx {
    ($store:expr, $name:literal, |$tx:ident| $work:expr) => {
        $crate::tx::run_tx!($store, $name, $crate::tx::WRITE, |$tx| $work)
    };
    ($store:expr, $name:literal, $begin:expr, |$tx:ident| $work:expr) => {{
        let mut attempts = $crate::tx::Attempts::new($name);
        loop {
            let outcome = $crate::tx::typed(async {
                let mut transaction = $store.pool.begin_with($begin).await.map_err($crate::error::in_tx($name))?;
                let $tx: &mut sqlx::PgConnection = &mut transaction;
                let value = $crate::tx::typed(async { $work }).await?;
                transaction.commit().await.map_err($crate::error::in_tx($name))?;
                Ok(value)
            })
            .await;
            if let Some(outcome) = attempts.settle(outcome).await {
                break outcome;
            }
        }
    }};
}
pub(crate) use run_tx;

/// Says what a block of a transaction gives.
pub(crate) fn typed<T>(
    work: impl Future<Output = Result<T, StoreError>>,
) -> impl Future<Output = Result<T, StoreError>> {
    work
}

/// Counts attempts at one transaction.
pub(crate) struct Attempts {
    name: &'static str,
    made: u32,
}

impl Attempts {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, made: 0 }
    }

    /// The outcome, if it stands; none after a wait, if the transaction is to run again.
    pub(crate) async fn settle<T>(&mut self, outcome: Result<T, StoreError>) -> Option<Result<T, StoreError>> {
        self.made += 1;
        match outcome {
            Err(error) if error.is_retryable() && self.made < ATTEMPTS => {
                tracing::debug!(tx = self.name, attempt = self.made, %error, "running the transaction again");
                tokio::time::sleep(Duration::from_millis(10 << self.made)).await;
                None
            }
            outcome => Some(outcome),
        }
    }
}
