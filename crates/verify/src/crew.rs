//! Threads that look at entry bundles while the archive is read on.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Scope, available_parallelism};

use exhibit_ledger::bundle::{Crew, Finished, Work};

/// The most threads. More would wait for the one that reads.
const MOST: usize = 8;

/// The threads, as whoever reads the archive sees them. They end when this is dropped.
pub(crate) struct Threads {
    work: Sender<Work>,
    done: Receiver<thread::Result<Finished>>,
    under_way: usize,
}

impl Threads {
    /// As many as the machine has processors.
    pub(crate) fn start<'scope>(scope: &'scope Scope<'scope, '_>) -> Self {
        let (work, waiting) = channel();
        let (finished, done) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..available_parallelism().map_or(1, usize::from).min(MOST) {
            let (waiting, finished) = (Arc::clone(&waiting), finished.clone());
            scope.spawn(move || perform(&waiting, &finished));
        }
        Self { work, done, under_way: 0 }
    }
}

impl Crew for Threads {
    fn give(&mut self, work: Work) {
        // They wait for work for as long as this end is held.
        if self.work.send(work).is_ok() {
            self.under_way += 1;
        }
    }

    fn take(&mut self, wait: bool) -> Option<Finished> {
        if self.under_way == 0 {
            return None;
        }
        let finished = if wait { self.done.recv().ok() } else { self.done.try_recv().ok() }?;
        self.under_way -= 1;
        // Nobody may wait for what will never come.
        Some(finished.unwrap_or_else(|panic| resume_unwind(panic)))
    }
}

/// What each thread does.
fn perform(waiting: &Mutex<Receiver<Work>>, finished: &Sender<thread::Result<Finished>>) {
    loop {
        let work = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = work else { return };
        if finished.send(catch_unwind(AssertUnwindSafe(|| work.perform()))).is_err() {
            return;
        }
    }
}
