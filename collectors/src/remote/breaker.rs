//! A server that does not answer is left alone for a while.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Counts tries without an answer. Times are those of the client's pace.
#[derive(Debug)]
pub(super) struct Breaker {
    open_after: u32,
    open_for: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    left_alone_until: Option<Duration>,
}

impl Breaker {
    pub(super) fn new(open_after: u32, open_for: Duration) -> Self {
        Self { open_after: open_after.max(1), open_for, state: Mutex::default() }
    }

    /// Whether it may be asked now. When the time is over one try may show whether it is back.
    pub(super) fn admits(&self, now: Duration) -> bool {
        self.state().left_alone_until.is_none_or(|until| until <= now)
    }

    /// It answered, whatever it said.
    pub(super) fn answered(&self) {
        *self.state() = State::default();
    }

    /// It did not answer, or said that it can't.
    pub(super) fn failed(&self, now: Duration) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        if state.failures >= self.open_after {
            state.left_alone_until = Some(now + self.open_for);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_after_failures_in_a_row_and_tries_again_later() {
        let at = Duration::from_secs;
        let breaker = Breaker::new(3, at(60));
        breaker.failed(at(0));
        breaker.failed(at(0));
        assert!(breaker.admits(at(0)));
        breaker.answered();
        (0..3).for_each(|_| breaker.failed(at(10)));
        assert!(!breaker.admits(at(69)));
        assert!(breaker.admits(at(70)), "one may try");
        breaker.failed(at(70));
        assert!(!breaker.admits(at(129)), "and its failure is enough");
        breaker.answered();
        breaker.failed(at(131));
        assert!(breaker.admits(at(131)), "an answer forgets all failures");
    }
}
