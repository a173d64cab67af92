//! Documents out of bytes, however they are packed, as a stream: nothing is written anywhere, and memory stays bounded.
//!
//! Who failed decides who tells: a decoder whose own source failed hands the error up, so that each break is told once,
//! at the layer where it is.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::panic::{self, AssertUnwindSafe};

use super::directory::{LOOKED_AT, ends_so};
use super::format::{self, Form, HEAD};
use super::limits::{Budget, Consumed, Produced};
use super::window::{self, Large, SMALL};
use super::zstd::Frames;
use super::{Excluded, Reason, Visitor, tars, zips};

/// Between an archive's name and its member's.
pub(super) const WITHIN: char = '!';

/// One top-level file being unpacked.
pub(super) struct Unpacking<'a> {
    pub(super) visitor: &'a dyn Visitor,
    pub(super) budget: &'a Budget,
}

/// A source that remembers whether it failed.
pub(super) struct Watched<'r> {
    inner: &'r mut dyn Read,
    failed: &'r Cell<bool>,
}

impl<'r> Watched<'r> {
    pub(super) fn new(inner: &'r mut dyn Read, failed: &'r Cell<bool>) -> Self {
        Self { inner, failed }
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer);
        if read.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted) {
            self.failed.set(true);
        }
        read
    }
}

/// A source whose last bytes are kept.
struct Ending<R> {
    inner: R,
    last: Vec<u8>,
}

impl<R: Read> Read for Ending<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let read = &buffer[..count];
        self.last.extend_from_slice(read.last_chunk::<LOOKED_AT>().map_or(read, |last| last));
        self.last.drain(..self.last.len().saturating_sub(LOOKED_AT));
        Ok(count)
    }
}

/// A source that failed already goes on with that, so that what came before is examined first.
struct Failing<R> {
    failure: Option<io::Error>,
    inner: R,
}

impl<R: Read> Read for Failing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.failure.take().map_or_else(|| self.inner.read(buffer), Err)
    }
}

/// Does it, and tells a decoder's panic as what it is: bytes that it does not withstand, not the end of everything else.
pub(super) fn withstanding(visitor: &dyn Visitor, path: &str, examine: impl FnOnce()) {
    // What was told before stays told; nothing else outlives the call.
    if panic::catch_unwind(AssertUnwindSafe(examine)).is_err() {
        let reason = Reason::Damaged("its reader gave up".to_owned());
        visitor.excluded(Excluded { path: path.to_owned(), reason });
    }
}

/// Examines a regular file that has been opened: whole if it is plain, else unpacked.
pub(super) fn file(visitor: &dyn Visitor, limits: super::Limits, path: &str, file: &File, size: u64) {
    let mut head = [0; HEAD];
    let filled = match fill(&mut &*file, &mut head) {
        Ok(filled) => filled,
        Err(error) => {
            visitor.excluded(Excluded { path: path.to_owned(), reason: unreadable(&error) });
            return;
        }
    };
    let budget = Budget::new(limits, Some(size));
    let unpacking = Unpacking { visitor, budget: &budget };
    let done = match format::of(&head[..filled]) {
        Form::Plain => visitor.file(path, file, size).and_then(|()| {
            let mut end = [0; LOOKED_AT];
            let from = size.saturating_sub(LOOKED_AT as u64);
            if file.read_at(&mut end, from)? == LOOKED_AT && ends_so(&end) {
                behind(visitor, limits, path, BufReader::new(file));
            }
            Ok(())
        }),
        Form::Zip => {
            zips::seekable(&unpacking, path, BufReader::new(Consumed { inner: file, budget: &budget, visitor }), 0)
        }
        _ => {
            let rest = Consumed { inner: file, budget: &budget, visitor };
            unpacking.examine(path, &mut (&head[..filled]).chain(rest), 0)
        }
    };
    unpacking.end(path, done);
}

/// Examines the archive that stands behind other bytes, which have been examined: a program that unpacks itself.
pub(super) fn behind(visitor: &dyn Visitor, limits: super::Limits, path: &str, mut bytes: impl Read + Seek) {
    let size = bytes.seek(SeekFrom::End(0)).ok();
    let budget = Budget::new(limits, size);
    let unpacking = Unpacking { visitor, budget: &budget };
    let done = zips::seekable(&unpacking, path, Consumed { inner: bytes, budget: &budget, visitor }, 0);
    unpacking.end(path, done);
}

/// Examines a stream, such as standard input.
pub(super) fn stream(visitor: &dyn Visitor, limits: super::Limits, path: &str, bytes: &mut dyn Read) {
    let budget = Budget::new(limits, None);
    let unpacking = Unpacking { visitor, budget: &budget };
    let done = unpacking.examine(path, &mut Consumed { inner: bytes, budget: &budget, visitor }, 0);
    unpacking.end(path, done);
}

impl Unpacking<'_> {
    /// Tells what ended the reading of a top-level file early.
    fn end(&self, path: &str, done: io::Result<()>) {
        let Err(error) = done else {
            return;
        };
        match self.budget.hit() {
            // Its place was told where it was reached, unless it is the number of a file's own members.
            Some(_) => self.tell_limit(path),
            None => self.exclude(path, unreadable(&error)),
        }
    }

    pub(super) fn exclude(&self, path: &str, reason: Reason) {
        self.visitor.excluded(Excluded { path: path.to_owned(), reason });
    }

    /// Tells of the limit that ended everything, once, with the top-level file's path first.
    fn tell_limit(&self, at: &str) {
        if let Some(limit) = self.budget.hit()
            && !self.budget.told()
        {
            let path = at.split(WITHIN).next().unwrap_or(at);
            self.exclude(path, Reason::TooLarge { limit, at: at.to_owned() });
        }
    }

    /// Examines what a source gives. An error is the source's own, or a limit's; everything else has been told.
    pub(super) fn examine(&self, path: &str, source: &mut dyn Read, depth: u32) -> io::Result<()> {
        let failed = Cell::new(false);
        let mut source = Watched::new(source, &failed);
        let mut head = [0; HEAD];
        let (filled, failure) = fill_until(&mut source, &mut head);
        if filled == 0
            && let Some(error) = failure
        {
            return Err(error);
        }
        let form = format::of(&head[..filled]);
        let mut whole = (&head[..filled]).chain(Failing { failure, inner: source });
        if form == Form::Plain {
            let mut whole = Ending { inner: whole, last: Vec::new() };
            self.visitor.stream(path, &mut whole).inspect_err(|_| self.tell_limit(path))?;
            if ends_so(&whole.last) {
                self.exclude(path, Reason::Unsupported("zip archive behind other bytes, in a stream".to_owned()));
            }
            return Ok(());
        }
        if let Form::Closed(name) = form {
            self.exclude(path, Reason::Unsupported(name.to_owned()));
            return Ok(());
        }
        if depth >= self.budget.limits.depth {
            self.exclude(path, Reason::TooDeep(depth));
            return Ok(());
        }
        let asked = window::asked(form, &head[..filled]);
        let _large = (asked > SMALL).then(Large::wait);
        let left = self.budget.window_left();
        let window = if asked > SMALL { left } else { left.min(SMALL) };
        let _shared = self.budget.take_window(asked.min(window));
        let done = match form {
            Form::Gzip => self.decoded(path, flate2::read::MultiGzDecoder::new(whole), depth),
            Form::Zstd => self.decoded(path, Frames::new(whole, window), depth),
            Form::Xz => {
                let kib = kib_of_xz(window);
                self.decoded(path, lzma_rust2::XzReader::new_mem_limit(whole, true, kib), depth)
            }
            Form::Bzip2 => self.decoded(path, bzip2::read::MultiBzDecoder::new(whole), depth),
            Form::Tar => self.members(path, &mut whole, depth),
            Form::Zip | Form::Plain | Form::Closed(_) => zips::streamed(self, path, &mut whole, depth),
        };
        self.settle(path, done, &failed)
    }

    /// Hands an error up if it is the source's or a limit's; else tells it here as damage.
    pub(super) fn settle(&self, path: &str, done: io::Result<()>, failed: &Cell<bool>) -> io::Result<()> {
        match done {
            Ok(()) => Ok(()),
            Err(error) if self.budget.hit().is_some() => {
                self.tell_limit(path);
                Err(error)
            }
            Err(error) if failed.get() => Err(error),
            Err(error) => {
                self.exclude(path, Reason::Damaged(short(&error)));
                Ok(())
            }
        }
    }

    /// One compressed stream: the same document under the same name, or an archive in it.
    pub(super) fn decoded(&self, path: &str, decoder: impl Read, depth: u32) -> io::Result<()> {
        let mut decoder = Produced { inner: decoder, budget: self.budget };
        self.examine(path, &mut decoder, depth + 1)?;
        // What a reader of the content left unread still has to be in order.
        io::copy(&mut decoder, &mut io::sink()).map(drop)
    }

    fn members(&self, path: &str, source: &mut dyn Read, depth: u32) -> io::Result<()> {
        let mut tar = tars::Tar::new(source);
        while let Some(member) = tar.next()? {
            self.budget.entry()?;
            self.examine(&within(path, &member.name), &mut tar, depth + 1)?;
        }
        Ok(())
    }
}

/// The longest name of a member, in bytes: an archive may tell millions of names of any length, and they are kept.
const LONGEST_NAME: usize = 1024;

/// What a reader of .xz counts: the window and its own tables, under 1 MiB.
pub(super) fn kib_of_xz(window: u64) -> u32 {
    u32::try_from((window >> 10) + 1024).unwrap_or(u32::MAX)
}

/// The name of a member of an archive.
pub(super) fn within(archive: &str, member: &str) -> String {
    let member = member.trim_start_matches("./");
    match member.char_indices().map(|(at, _)| at).take_while(|at| *at <= LONGEST_NAME).last() {
        Some(end) if member.len() > LONGEST_NAME => format!("{archive}{WITHIN}{}…", &member[..end]),
        _ => format!("{archive}{WITHIN}{member}"),
    }
}

/// Reads until the buffer is full or the source ends.
pub(super) fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    match fill_until(source, buffer) {
        (filled, None) => Ok(filled),
        (_, Some(error)) => Err(error),
    }
}

/// The same; how much was read, and what ended it.
fn fill_until(source: &mut impl Read, buffer: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, Some(error)),
        }
    }
    (filled, None)
}

pub(super) fn unreadable(error: &io::Error) -> Reason {
    Reason::Unreadable(super::excluded::in_words(error))
}

/// What a decoder says of damage, without what it might quote.
pub(crate) fn short(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it ends too early".to_owned(),
        io::ErrorKind::OutOfMemory => "it asks for a larger window than it may".to_owned(),
        _ => error.to_string().chars().take(100).collect(),
    }
}
