//! Waiting, and the time that passes meanwhile.

use std::time::{Duration, Instant};

/// How time passes for a client: tests bring one in which nobody has to wait.
pub trait Pace: Send + Sync {
    /// How long ago this began; never runs backwards.
    fn elapsed(&self) -> Duration;

    /// Waits.
    fn sleep(&self, wait: Duration);
}

/// Time as it passes.
#[derive(Debug)]
pub struct RealPace(Instant);

impl RealPace {
    /// Begins now.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "it begins at a moment, which a default does not")]
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

impl Pace for RealPace {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, wait: Duration) {
        std::thread::sleep(wait);
    }
}
