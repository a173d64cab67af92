//! What sources have in common whose entries come page by page over a network: bounds, a window of time, and how entries are handed on.

use std::sync::Arc;
use std::time::Duration;

use exhibit_evidence::Timestamp;

use super::{Left, Passed, Sink};
use crate::remote::{Pace, RemoteError};

/// The longest window, in hours: ten years.
const LONGEST: u32 = 10 * 366 * 24;

/// How much and how long a source may give, and when it is asked.
#[derive(Clone)]
pub struct Bounds {
    /// When the run began.
    pub begun: Timestamp,
    /// Time since then.
    pub pace: Arc<dyn Pace>,
    /// How long reading may take.
    pub time_limit: Duration,
    /// How many bytes the entries may have.
    pub most: u64,
    /// Where the random parts of waits start.
    pub seed: u64,
}

impl Bounds {
    /// Nanoseconds since 1970: so many hours ago, and now.
    pub(super) fn window(&self, hours: u32) -> (i128, i128) {
        let passed = i128::try_from(self.pace.elapsed().as_nanos()).unwrap_or(0);
        let now = i128::from(self.begun.micros()) * 1_000 + passed;
        (now - i128::from(hours) * 3_600_000_000_000, now)
    }
}

/// What is wrong with a window of so many hours, if anything.
pub(super) fn bad_hours(hours: u32) -> Option<(&'static str, &'static str)> {
    (!(1..=LONGEST).contains(&hours)).then_some(("hours", "expected 1 to 87840 hours"))
}

/// An error of the remote system, as what it keeps from being read.
pub(super) fn left(name: &str, error: &RemoteError) -> Left {
    Left::new(error.code(), name, error.to_string())
}

/// Hands entries on, within bounds.
pub(super) struct Entries<'s> {
    name: &'static str,
    sink: &'s mut dyn Sink,
    bounds: &'s Bounds,
    ends: Duration,
    pub(super) passed: Passed,
}

impl<'s> Entries<'s> {
    /// Begins the one document that the entries make.
    pub(super) fn begin(name: &'static str, sink: &'s mut dyn Sink, bounds: &'s Bounds) -> Self {
        sink.begin(name, name);
        let ends = bounds.pace.elapsed() + bounds.time_limit;
        Self { name, sink, bounds, ends, passed: Passed::default() }
    }

    /// One entry: its text, and what else the source keeps of it.
    pub(super) fn entry(&mut self, place: &str, parts: &[&str]) -> Result<(), Left> {
        self.sink.entry(place);
        for part in parts.iter().filter(|part| !part.is_empty()) {
            self.sink.feed(part.as_bytes());
            self.sink.feed(b"\n");
            self.passed.bytes += part.len() as u64;
        }
        self.passed.lines += 1;
        if self.passed.bytes > self.bounds.most {
            let reason = format!("more than {} bytes; narrow the window or raise `most_bytes`", self.bounds.most);
            return Err(Left::new("too-large", self.name, reason));
        }
        Ok(())
    }

    /// Whether there is time for another page.
    pub(super) fn may_go_on(&self) -> Result<(), Left> {
        if self.bounds.pace.elapsed() < self.ends {
            return Ok(());
        }
        let reason = format!(
            "it took more than {} s; narrow the window or raise `time_limit`",
            self.bounds.time_limit.as_secs()
        );
        Err(Left::new("too-long", self.name, reason))
    }

    /// Ends the document.
    pub(super) fn end(self) -> Passed {
        self.sink.end();
        self.passed
    }
}
