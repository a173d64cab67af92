//! How much one file may unpack to. Shared by all layers of one top-level file, so that nesting gains nothing.

use std::cell::{Cell, RefCell};
use std::io::{self, Read};

use super::Visitor;

/// Limits on what one top-level file may unpack to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Archives and compressed streams within one another, in levels.
    pub depth: u32,
    /// Bytes that all layers together may give.
    pub bytes: u64,
    /// How many times its own size a file may give, once it gave [`Limits::free`] bytes.
    pub ratio: u64,
    /// Bytes that may be given whatever the ratio: small files of repeated text compress extremely well.
    pub free: u64,
    /// Members of archives.
    pub entries: u64,
    /// The largest archive within another that may be held in memory, in bytes: zip files are read from their end.
    pub held: u64,
    /// What decoders within one another may keep of what they gave, in bytes. One file at a time gets more than 8 MiB.
    pub window: u64,
}

impl Default for Limits {
    /// 8 levels, 64 GiB, 250 times the size after the first 64 MiB, 1,000,000 members, 16 MiB held, 64 MiB of window
    /// (what `xz -9` asks for; `zstd --long` asks for twice that, and is told).
    fn default() -> Self {
        Self {
            depth: 8,
            bytes: 64 << 30,
            ratio: 250,
            free: 64 << 20,
            entries: 1_000_000,
            held: 16 << 20,
            window: 64 << 20,
        }
    }
}

/// What one top-level file has used up of its limits.
#[derive(Debug)]
pub(super) struct Budget {
    pub(super) limits: Limits,
    /// The file's size if it is known; it cannot be read twice to gain more.
    size: Option<u64>,
    consumed: Cell<u64>,
    produced: Cell<u64>,
    entries: Cell<u64>,
    windows: Cell<u64>,
    hit: RefCell<Option<String>>,
    told: Cell<bool>,
}

impl Budget {
    pub(super) fn new(limits: Limits, size: Option<u64>) -> Self {
        let zero = || Cell::new(0);
        Self {
            limits,
            size,
            consumed: zero(),
            produced: zero(),
            entries: zero(),
            windows: zero(),
            hit: RefCell::new(None),
            told: Cell::new(false),
        }
    }

    /// What one more decoder may keep.
    pub(super) fn window_left(&self) -> u64 {
        self.limits.window.saturating_sub(self.windows.get())
    }

    /// Counts what a decoder keeps, until what this returns is dropped.
    pub(super) fn take_window(&self, bytes: u64) -> Window<'_> {
        self.windows.set(self.windows.get() + bytes);
        Window { budget: self, bytes }
    }

    /// The limit that was reached, in words.
    pub(super) fn hit(&self) -> Option<String> {
        self.hit.borrow().clone()
    }

    /// Whether the limit was told before; it is now.
    pub(super) fn told(&self) -> bool {
        self.told.replace(true)
    }

    /// One more member of an archive.
    pub(super) fn entry(&self) -> io::Result<()> {
        self.entries.set(self.entries.get() + 1);
        if self.entries.get() > self.limits.entries {
            return Err(self.stop(format!("{} members", self.limits.entries)));
        }
        Ok(())
    }

    /// So many bytes of the file were read, as they lie there.
    pub(super) fn consume(&self, bytes: u64) {
        self.consumed.set(self.consumed.get() + bytes);
    }

    fn produce(&self, bytes: u64) -> io::Result<()> {
        let produced = self.produced.get().saturating_add(bytes);
        self.produced.set(produced);
        let own = self.size.map_or(self.consumed.get(), |size| size.min(self.consumed.get())).max(1);
        if produced > self.limits.bytes {
            return Err(self.stop(format!("{} MiB", self.limits.bytes >> 20)));
        }
        if produced > self.limits.free.saturating_add(own.saturating_mul(self.limits.ratio)) {
            return Err(self.stop(format!("{} times its size", self.limits.ratio)));
        }
        Ok(())
    }

    fn stop(&self, limit: String) -> io::Error {
        *self.hit.borrow_mut() = Some(limit);
        io::Error::other("a limit of unpacking is reached")
    }
}

/// What one decoder keeps.
pub(super) struct Window<'b> {
    budget: &'b Budget,
    bytes: u64,
}

impl Drop for Window<'_> {
    fn drop(&mut self) {
        self.budget.windows.set(self.budget.windows.get() - self.bytes);
    }
}

/// The bytes of the top-level file, counted.
pub(super) struct Consumed<'b, R> {
    pub(super) inner: R,
    pub(super) budget: &'b Budget,
    /// Who is told.
    pub(super) visitor: &'b dyn Visitor,
}

impl<R: Read> Read for Consumed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.visitor.consumed(count as u64);
        self.budget.consume(count as u64);
        Ok(count)
    }
}

impl<R: io::Seek> io::Seek for Consumed<'_, R> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// What a decoder gives, held to the limits.
pub(super) struct Produced<'b, R> {
    pub(super) inner: R,
    pub(super) budget: &'b Budget,
}

impl<R: Read> Read for Produced<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.budget.hit.borrow().is_some() {
            return Err(io::Error::other("a limit of unpacking is reached"));
        }
        let count = self.inner.read(buffer)?;
        self.budget.produce(count as u64)?;
        Ok(count)
    }
}
