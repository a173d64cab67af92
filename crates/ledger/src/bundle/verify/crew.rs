//! Entry bundles may be looked at beside each other, by whatever threads the caller brings. What they find is taken in the
//! order of the archive, so that a verification says the same however many there are.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use super::examine::{Examined, examine};
use crate::tiles::TileId;

/// Bytes that may be under way: what one entry bundle may have at most, and more.
const UNDER_WAY: usize = 24 << 20;

/// The largest buffer that is kept for the next entry bundle.
const KEPT: usize = 1 << 20;

/// Whoever does work that is given away. [`Work::perform`] is pure, and may be called on any thread.
pub trait Crew {
    /// Takes work.
    fn give(&mut self, work: Work);

    /// Gives finished work back, in whatever order; waits for it if `wait`. Without waiting there may be none. None
    /// although waiting means that nothing is under way.
    fn take(&mut self, wait: bool) -> Option<Finished>;
}

/// An entry bundle that is to be looked at.
pub struct Work {
    number: u64,
    origin: Arc<str>,
    tile: TileId,
    bytes: Vec<u8>,
}

/// An entry bundle that was looked at.
pub struct Finished {
    number: u64,
    examined: Examined,
    /// Where the next entry bundle may be read into: memory that was there before costs nothing.
    buffer: Vec<u8>,
}

impl Work {
    /// Does it.
    #[must_use]
    pub fn perform(self) -> Finished {
        let examined = examine(&self.origin, self.tile, &self.bytes);
        Finished { number: self.number, examined, buffer: self.bytes }
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").field("tile", &self.tile).finish_non_exhaustive()
    }
}

impl fmt::Debug for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finished").field("tile", &self.examined.tile).finish_non_exhaustive()
    }
}

/// Nobody but the caller's own thread.
#[derive(Debug, Default)]
pub(super) struct Alone(Option<Work>);

impl Crew for Alone {
    fn give(&mut self, work: Work) {
        self.0 = Some(work);
    }

    fn take(&mut self, _: bool) -> Option<Finished> {
        self.0.take().map(Work::perform)
    }
}

/// The order of what is under way.
pub(super) struct Line<'c> {
    crew: &'c mut dyn Crew,
    origin: Arc<str>,
    /// Sizes of what is under way, from number `next` on.
    sizes: VecDeque<usize>,
    bytes: usize,
    next: u64,
    /// What came back before its turn.
    early: BTreeMap<u64, Examined>,
    buffers: Vec<Vec<u8>>,
}

impl<'c> Line<'c> {
    pub(super) fn new(crew: &'c mut dyn Crew) -> Self {
        Self {
            crew,
            origin: "".into(),
            sizes: VecDeque::new(),
            bytes: 0,
            next: 0,
            early: BTreeMap::new(),
            buffers: Vec::new(),
        }
    }

    /// Gives an entry bundle of the log `origin` away; `take` gets what is finished meanwhile, in order.
    pub(super) fn give(&mut self, origin: &str, tile: TileId, bytes: Vec<u8>, take: impl FnMut(Examined)) {
        if *self.origin != *origin {
            self.origin = origin.into();
        }
        let number = self.next + self.sizes.len() as u64;
        self.sizes.push_back(bytes.len());
        self.bytes += bytes.len();
        self.crew.give(Work { number, origin: Arc::clone(&self.origin), tile, bytes });
        self.hand_back(UNDER_WAY, take);
    }

    /// A buffer for the next entry bundle.
    pub(super) fn buffer(&mut self) -> Vec<u8> {
        self.buffers.pop().unwrap_or_default()
    }

    /// Waits for everything that is under way.
    pub(super) fn finish(&mut self, take: impl FnMut(Examined)) {
        self.hand_back(0, take);
    }

    /// Hands back what is done, and waits while more than this many bytes are under way.
    fn hand_back(&mut self, most: usize, mut take: impl FnMut(Examined)) {
        loop {
            while let Some(examined) = self.early.remove(&self.next) {
                self.next += 1;
                self.bytes -= self.sizes.pop_front().unwrap_or(0);
                take(examined);
            }
            if self.sizes.is_empty() {
                return;
            }
            match self.crew.take(self.bytes > most) {
                Some(Finished { number, examined, buffer }) => {
                    self.early.insert(number, examined);
                    if buffer.capacity() <= KEPT {
                        self.buffers.push(buffer);
                    }
                }
                None => return,
            }
        }
    }
}
