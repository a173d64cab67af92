//! How far a scan is, for people who wait: a bar on a terminal, nothing elsewhere.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use exhibit_collectors::reading::Sizes;
use exhibit_collectors::scanning::Scanning;

use super::Place;
use crate::output::{Step, amount};

const OFTEN: Duration = Duration::from_millis(100);

/// What there is to do, as far as it is known by now.
#[derive(Default)]
pub(super) struct Whole {
    /// Of files and folders.
    sizes: Sizes,
    /// All of the files were counted.
    counted: AtomicBool,
    /// Of a history, the blobs; of these, those that were read.
    pub(super) blobs: AtomicU64,
    pub(super) blobs_read: AtomicU64,
    pub(super) done: AtomicBool,
}

impl Whole {
    /// Counts what lies at the paths, on one thread, so that the search keeps the others.
    pub(super) fn count(&self, places: &[Place<'_>]) {
        let Ok(pool) = rayon::ThreadPoolBuilder::new().num_threads(1).build() else { return };
        let mut walks = places.iter().filter_map(|place| Some((place.path, place.walk.as_ref()?)));
        let counted = walks.all(|(path, walk)| pool.install(|| walk.measure(path, &self.sizes)).is_ok());
        self.counted.store(counted, Ordering::Relaxed);
    }

    /// No longer needs to know.
    pub(super) fn end(&self) {
        self.done.store(true, Ordering::Relaxed);
        self.sizes.enough();
    }

    /// Shows how far it is until it is done.
    pub(super) fn show(&self, scanning: &Scanning<'_>, step: &Step) {
        while !self.done.load(Ordering::Relaxed) {
            std::thread::sleep(OFTEN);
            let get = |number: &AtomicU64| number.load(Ordering::Relaxed);
            let done = scanning.progress();
            let (files, whole) = (amount::files(done.files), self.sizes.bytes());
            let blobs = get(&self.blobs);
            if blobs > 0 {
                let read = get(&self.blobs_read).min(blobs);
                let text = format!("{} of {} blobs", amount::count(read), amount::count(blobs));
                step.of(read, blobs, text);
            } else if self.counted.load(Ordering::Relaxed) && whole > 0 {
                let read = done.read.min(whole);
                let text = format!("{files}, {} of {}", amount::bytes(read), amount::bytes(whole));
                step.of(read, whole, text);
            } else {
                step.update(format!("{files}, {}", amount::bytes(done.bytes)));
            }
        }
    }
}
