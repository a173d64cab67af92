//! A pass over the bytes of a file or an object, however they are packed: one that counts the lines of the documents in them,
//! and one that hands these on.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::sync::{Mutex, PoisonError};

use super::counting::Lines;
use super::{Left, Sink, place};
use crate::reading::{Excluded, Visitor};

/// Bytes that are handed on at a time.
const CHUNK: usize = 256 * 1024;

/// What a pass over a file does with its documents.
pub(super) trait Passing: Visitor {
    /// What was not read, first told first.
    fn left(&self) -> Option<Excluded>;
}

/// Counts what is taken from a source.
pub(super) struct Bounded<R> {
    inner: R,
    pub(super) passed: u64,
}

impl<R> Bounded<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, passed: 0 }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.passed += count as u64;
        Ok(count)
    }
}

/// What was not read, in the words of a log.
pub(super) fn left_of(excluded: &Excluded) -> Left {
    Left::new(excluded.reason.code(), &excluded.path, excluded.reason.beside_code())
}

/// Counts lines, by nothing but their ends.
#[derive(Default)]
pub(super) struct Counting {
    total: Mutex<u64>,
    left: Mutex<Option<Excluded>>,
}

impl Counting {
    pub(super) fn total(self) -> u64 {
        self.total.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Visitor for Counting {
    fn stream(&self, _path: &str, bytes: &mut dyn Read) -> io::Result<()> {
        let mut lines = Lines::default();
        let done = each_chunk(bytes, &mut |chunk| lines.feed(chunk));
        *self.total.lock().unwrap_or_else(PoisonError::into_inner) += lines.total();
        done
    }

    fn bytes(&self, path: &str, bytes: &[u8]) {
        // Bytes in memory do not fail.
        let _ = self.stream(path, &mut &*bytes);
    }

    fn file(&self, path: &str, file: &File, size: u64) -> io::Result<()> {
        self.stream(path, &mut file.take(size))
    }

    fn excluded(&self, excluded: Excluded) {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(excluded);
    }
}

impl Passing for Counting {
    fn left(&self) -> Option<Excluded> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Hands documents to a sink.
pub(super) struct Handing<'s> {
    sink: Mutex<&'s mut dyn Sink>,
    /// Their lines, by nothing but their ends, for who can read them only once.
    lines: Mutex<u64>,
    left: Mutex<Option<Excluded>>,
}

impl<'s> Handing<'s> {
    pub(super) fn new(sink: &'s mut dyn Sink) -> Self {
        Self { sink: Mutex::new(sink), lines: Mutex::default(), left: Mutex::default() }
    }

    /// How many lines were handed on.
    pub(super) fn lines(self) -> u64 {
        self.lines.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Visitor for Handing<'_> {
    fn stream(&self, path: &str, bytes: &mut dyn Read) -> io::Result<()> {
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = Lines::default();
        sink.begin(path, &place::of_file(path));
        let done = each_chunk(bytes, &mut |chunk| {
            lines.feed(chunk);
            sink.feed(chunk);
        });
        sink.end();
        *self.lines.lock().unwrap_or_else(PoisonError::into_inner) += lines.total();
        done
    }

    fn bytes(&self, path: &str, bytes: &[u8]) {
        // Bytes in memory do not fail.
        let _ = self.stream(path, &mut &*bytes);
    }

    fn file(&self, path: &str, file: &File, size: u64) -> io::Result<()> {
        self.stream(path, &mut file.take(size))
    }

    fn excluded(&self, excluded: Excluded) {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(excluded);
    }
}

impl Passing for Handing<'_> {
    fn left(&self) -> Option<Excluded> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Reads to the end, in pieces.
pub(super) fn each_chunk(bytes: &mut dyn Read, with: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        match bytes.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => with(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
