//! A store that does not answer is left alone for a while.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Counts requests without an answer.
#[derive(Debug)]
pub(super) struct Breaker {
    open_after: u32,
    open_for: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    closed_from: Option<Instant>,
}

impl Breaker {
    pub(super) fn new(open_after: u32, open_for: Duration) -> Self {
        Self { open_after, open_for, state: Mutex::default() }
    }

    /// Whether a request may be sent; if not, how long to wait. When the time is over, one after the other may try.
    pub(super) fn admits(&self) -> Result<(), Duration> {
        let state = self.state();
        match state.closed_from.map(|from| from.saturating_duration_since(Instant::now())) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => Ok(()),
        }
    }

    /// The store answered, whatever it said.
    pub(super) fn answered(&self) {
        *self.state() = State::default();
    }

    /// The store did not answer.
    pub(super) fn failed(&self) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        if state.failures >= self.open_after {
            state.closed_from = Some(Instant::now() + self.open_for);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn opens_after_so_many_failures_in_a_row_and_tries_again_later() {
        let breaker = Breaker::new(3, Duration::from_secs(60));
        for _ in 0..2 {
            breaker.failed();
            assert!(breaker.admits().is_ok());
        }
        breaker.answered();
        for _ in 0..3 {
            assert!(breaker.admits().is_ok());
            breaker.failed();
        }
        assert_eq!(breaker.admits(), Err(Duration::from_secs(60)));
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(breaker.admits().is_err());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(breaker.admits().is_ok(), "one may try");
        breaker.failed();
        assert!(breaker.admits().is_err(), "and its failure is enough");
        tokio::time::advance(Duration::from_secs(60)).await;
        breaker.answered();
        breaker.failed();
        assert!(breaker.admits().is_ok(), "an answer forgets all failures");
    }
}
