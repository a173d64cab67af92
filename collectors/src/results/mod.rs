//! What scanners print, read into one model: vulnerabilities, findings, what was examined, what was passed over, and what the
//! scanner says of itself.
//!
//! A file may be of any size and written by anybody. It is read as a stream: whatever a reader takes out of it goes to a
//! [`Sink`] at once, and nothing is remembered but what later parts refer to, up to a limit. What cannot be read is an error
//! that says what was expected, where, and of which tool; it is never an empty result. No text of a file reaches anybody
//! before it was cut and made visible ([`text::visible`]), and the values that secret scanners print are not read at all.
//!
//! Readings of true outputs lie in `cases/`; `formats/` has one file a format.

mod error;
mod formats;
mod ids;
mod json;
pub mod merge;
mod model;
mod reading;
mod recognise;
mod room;
mod severity;
mod teller;
pub mod text;

#[cfg(test)]
mod tests;

use std::{
    fs::File,
    io::{self, Cursor, Read, Seek as _},
    path::Path,
};

pub use crate::packages::Package;
pub use error::{ReadError, Why};
pub use formats::Format;
pub use ids::{AdvisoryId, Ids};
pub use json::Limits;
pub use model::{
    Advisory, Count, Database, Examined, FileSeen, Finding, Fix, Grade, Notice, Reach, Skipped, Statement, Target,
    Told, Tool, Vex, VexStatus, Vulnerability,
};
pub use reading::Reading;
pub use recognise::{HEAD, recognise};
pub(crate) use room::{ROOM, Room, reading_within};
pub use severity::{Rated, Scored, meaning};

use json::Json;
use teller::{Memory, Teller};

/// Takes what a file tells, in the order in which it tells it.
pub trait Sink {
    /// Takes one thing.
    fn take(&mut self, told: Told);
}

impl<F: FnMut(Told)> Sink for F {
    fn take(&mut self, told: Told) {
        self(told);
    }
}

/// Where a scanner's output is, so that it can be read more than once: some name at the end what they speak of from the
/// beginning.
pub trait Source {
    /// The bytes, from the beginning.
    ///
    /// # Errors
    /// Why they cannot be had.
    fn open(&self) -> io::Result<Box<dyn Read + '_>>;
}

impl Source for [u8] {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(self))
    }
}

impl Source for Path {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(File::open(self)?))
    }
}

/// An open file that is read from its beginning, as often as needed: another that gets its name meanwhile is not it.
#[derive(Debug)]
pub(crate) struct Opened(pub(crate) File);

impl Source for Opened {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        let mut file = self.0.try_clone()?;
        file.rewind()?;
        Ok(Box::new(file))
    }
}

/// Reads a scanner's output and hands what it tells to `sink`. `name` is how errors name the file; `format` is whose output
/// is expected, or `None` to tell it by its bytes. What was told before an error counts for nothing.
///
/// # Errors
/// When the bytes cannot be had, are not what that tool prints, are cut off, newer than what is known here, or beyond
/// `limits`; and when they are the scanner's own word that it failed.
pub fn read<S: Source + ?Sized>(
    name: &str,
    source: &S,
    format: Option<Format>,
    limits: Limits,
    sink: &mut dyn Sink,
) -> Result<Format, ReadError> {
    passes(&|| source.open(), format, limits, sink)
        .map_err(|why| ReadError { name: text::visible(name, text::NAME), why })
}

/// Reads a scanner's output whole.
///
/// # Errors
/// As [`read`].
pub fn reading<S: Source + ?Sized>(name: &str, source: &S, format: Option<Format>) -> Result<Reading, ReadError> {
    let mut reading = Reading::default();
    let found = read(name, source, format, Limits::default(), &mut reading)?;
    reading.format = Some(found);
    Ok(reading)
}

type Open<'a> = dyn Fn() -> io::Result<Box<dyn Read + 'a>> + 'a;

/// Reads once; and where something is spoken of before it is named, once to learn the names and once again.
fn passes(open: &Open<'_>, format: Option<Format>, limits: Limits, sink: &mut dyn Sink) -> Result<Format, Why> {
    let (format, mut bytes) = begin(open, format)?;
    let mut teller = Teller::new(sink, limits.told, Memory::default());
    match pass(format, &mut bytes, limits, &mut teller) {
        Err(Why::Again) => {}
        done => return done.map(|()| format),
    }
    let told = teller.told();
    let memory = teller.into_memory();
    let mut nobody = |_: Told| {};
    let mut learner = Teller::learning(&mut nobody, limits.told, memory.fresh());
    pass(format, &mut begin(open, Some(format))?.1, limits, &mut learner)?;
    let memory = learner.into_memory().learned();
    let mut teller = Teller::going_on(sink, limits.told, memory, told);
    pass(format, &mut begin(open, Some(format))?.1, limits, &mut teller).map(|()| format)
}

fn pass(format: Format, bytes: &mut dyn Read, limits: Limits, teller: &mut Teller<'_>) -> Result<(), Why> {
    formats::read(&mut Json::new(bytes, format, limits), teller)
}

/// Looks at how the bytes begin, and gives them all, less a byte order mark.
fn begin<'a>(open: &Open<'a>, format: Option<Format>) -> Result<(Format, Box<dyn Read + 'a>), Why> {
    let mut bytes = open()?;
    let mut head = Vec::with_capacity(HEAD);
    bytes.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    if head.starts_with("\u{feff}".as_bytes()) {
        head.drain(..3);
    }
    match head.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None if head.len() < HEAD => return Err(Why::Empty { expected: format }),
        Some(b'{' | b'[') | None => {}
        Some(other) => {
            let line =
                1 + head.iter().take_while(|byte| byte.is_ascii_whitespace()).filter(|byte| **byte == b'\n').count();
            let byte = head.iter().take_while(|byte| byte.is_ascii_whitespace()).count() as u64;
            let found = json::called(*other);
            return Err(Why::NotJson { expected: format, found, line: line as u64, byte, path: String::new() });
        }
    }
    let found = recognise(&head);
    let format = match (format, found) {
        (Some(expected), Some(found)) if !expected.reads(found) => return Err(Why::OtherTool { expected, found }),
        (Some(expected), _) => expected,
        (None, Some(found)) => found,
        (None, None) => return Err(Why::Unknown),
    };
    Ok((format, Box::new(Cursor::new(head).chain(bytes))))
}

/// The package that an ecosystem calls so. `word` is the ecosystem in any tool's word; names that make no package URL there
/// become one of type `generic`, and `None` is what makes none at all.
fn package(word: &str, name: &str, version: Option<&str>) -> Option<Package> {
    let kind = formats::ecosystem(word);
    Package::named(kind, name, version).or_else(|_| Package::named("generic", name, version)).ok()
}
