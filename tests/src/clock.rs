//! A clock that a test moves.

use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;
use exhibit_evidence::{Clock, Timestamp};

/// Stands where it was put, but for a millisecond that each reading takes.
#[derive(Debug)]
pub struct MockClock(Mutex<Timestamp>);

impl MockClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(Mutex::new(now))
    }

    /// Puts the clock to `now`, backwards too.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Lets time pass.
    pub fn advance(&self, delta: TimeDelta) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.plus(delta);
    }
}

impl Clock for MockClock {
    fn now(&self) -> Timestamp {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.plus(TimeDelta::milliseconds(1));
        *now
    }
}
