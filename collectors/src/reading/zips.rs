//! ZIP archives: by their central directory where they can be read from their end, else as a stream.

use std::cell::Cell;
use std::io::{self, Cursor, Read, Seek};

use flate2::Crc;
use zip::CompressionMethod;
use zip::read::{ZipFile, read_zipfile_from_stream};
use zip::result::ZipError;

use super::Reason;
use super::directory::{Directory, Entry};
use super::limits::Produced;
use super::unpack::{Unpacking, Watched, kib_of_xz, short, within};
use super::window::SMALL;
use super::zstd::Frames;

/// Numbers of compression methods (APPNOTE 4.4.5).
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
const BZIP2: u16 = 12;
const ZSTD: u16 = 93;
const XZ: u16 = 95;

/// An archive whose end can be read.
pub(super) fn seekable(unpacking: &Unpacking<'_>, path: &str, bytes: impl Read + Seek, depth: u32) -> io::Result<()> {
    let mut next = Directory::find(bytes).and_then(|mut directory| Ok((directory.next()?, directory)));
    loop {
        let (entry, mut directory) = match next {
            Ok((Some(entry), directory)) => (entry, directory),
            Ok((None, _)) => return Ok(()),
            Err(reason) => {
                unpacking.exclude(path, reason);
                return Ok(());
            }
        };
        unpacking.budget.entry()?;
        let name = within(path, &entry.name);
        if entry.encrypted {
            unpacking.exclude(&name, Reason::Encrypted);
        } else if !entry.is_folder() {
            match directory.open(&entry) {
                Ok(mut bytes) => member(unpacking, &name, &entry, &mut bytes, depth)?,
                Err(error) => unpacking.exclude(&name, Reason::Damaged(short(&error))),
            }
        }
        next = directory.next().map(|entry| (entry, directory));
    }
}

/// One member as it lies in the archive. What fails within it leaves the next readable.
fn member(unpacking: &Unpacking<'_>, name: &str, entry: &Entry, bytes: &mut dyn Read, depth: u32) -> io::Result<()> {
    let done = match entry.method {
        STORED => content(unpacking, name, Checked::new(bytes, entry), depth),
        DEFLATED => content(unpacking, name, Checked::new(flate2::read::DeflateDecoder::new(bytes), entry), depth),
        method => packed(unpacking, name, method, bytes, depth),
    };
    unpacking.settle(name, done, &Cell::new(false))
}

/// A member's content, held to the limits and read to its end.
fn content(unpacking: &Unpacking<'_>, name: &str, bytes: impl Read, depth: u32) -> io::Result<()> {
    let mut content = Produced { inner: bytes, budget: unpacking.budget };
    unpacking.examine(name, &mut content, depth + 1)?;
    io::copy(&mut content, &mut io::sink()).map(drop)
}

/// A member in a form that the archive reader itself is not built with.
fn packed(unpacking: &Unpacking<'_>, name: &str, method: u16, bytes: &mut dyn Read, depth: u32) -> io::Result<()> {
    let failed = Cell::new(false);
    let source = Watched::new(bytes, &failed);
    let window = unpacking.budget.window_left().min(SMALL);
    match method {
        BZIP2 => unpacking.decoded(name, bzip2::read::BzDecoder::new(source), depth),
        ZSTD => unpacking.decoded(name, Frames::new(source, window), depth),
        XZ => {
            let decoder = lzma_rust2::XzReader::new_mem_limit(source, true, kib_of_xz(window));
            unpacking.decoded(name, decoder, depth)
        }
        other => {
            unpacking.exclude(name, Reason::Unsupported(format!("zip compression method {other}")));
            Ok(())
        }
    }
}

/// Content that must be what the directory tells of it.
struct Checked<R> {
    inner: R,
    checksum: Crc,
    length: u64,
    expected: (u32, u64),
}

impl<R> Checked<R> {
    fn new(inner: R, entry: &Entry) -> Self {
        Self { inner, checksum: Crc::new(), length: 0, expected: (entry.checksum, entry.size) }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let damaged = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let count = self.inner.read(buffer)?;
        self.checksum.update(&buffer[..count]);
        self.length += count as u64;
        let (checksum, length) = self.expected;
        if self.length > length || (count == 0 && !buffer.is_empty() && self.length < length) {
            return Err(damaged("it is not as long as the archive's directory says"));
        }
        if count == 0 && !buffer.is_empty() && self.checksum.sum() != checksum {
            return Err(damaged("its checksum is wrong"));
        }
        Ok(count)
    }
}

/// An archive within another: held in memory if it is small, else read from its beginning.
pub(super) fn streamed(unpacking: &Unpacking<'_>, path: &str, bytes: &mut dyn Read, depth: u32) -> io::Result<()> {
    let most = unpacking.budget.limits.held;
    let mut held = Vec::new();
    (&mut *bytes).take(most).read_to_end(&mut held)?;
    if (held.len() as u64) < most {
        return seekable(unpacking, path, Cursor::new(held), depth);
    }
    let mut bytes = Cursor::new(held).chain(bytes);
    while let Some(mut member) = next(unpacking, path, &mut bytes)? {
        unpacking.budget.entry()?;
        if member.is_dir() {
            continue;
        }
        let name = within(path, &name_of(&member));
        let method = member.compression();
        one(unpacking, &name, &mut member, method, depth)?;
    }
    // The directory behind the members is read to its end, so that the source is.
    io::copy(&mut bytes, &mut io::sink()).map(drop)
}

/// The next member of a stream; nothing behind the last, or behind something that cannot be read, which is told.
fn next<'b, R: Read>(unpacking: &Unpacking<'_>, path: &str, bytes: &'b mut R) -> io::Result<Option<ZipFile<'b, R>>> {
    match read_zipfile_from_stream(bytes) {
        Ok(member) => Ok(member),
        Err(ZipError::Io(error)) => Err(error),
        Err(error) => {
            unpacking.exclude(path, reason(&error));
            Ok(None)
        }
    }
}

/// One member of a stream: already unpacked by the archive reader, or as it lies if the reader knows no such method.
fn one(
    unpacking: &Unpacking<'_>,
    name: &str,
    member: &mut dyn Read,
    method: CompressionMethod,
    depth: u32,
) -> io::Result<()> {
    #[expect(deprecated, reason = "the methods that the reader is not built with have no other name")]
    let done = match method {
        CompressionMethod::Unsupported(number) => packed(unpacking, name, number, member, depth),
        _ => content(unpacking, name, member, depth),
    };
    // What fails within one member leaves the next readable.
    unpacking.settle(name, done, &Cell::new(false))
}

fn name_of<R: Read>(member: &ZipFile<'_, R>) -> String {
    String::from_utf8_lossy(member.name_raw()).into_owned()
}

fn reason(error: &ZipError) -> Reason {
    match error {
        ZipError::Io(error) => Reason::Damaged(short(error)),
        ZipError::InvalidArchive(what) => Reason::Damaged(what.chars().take(100).collect()),
        ZipError::UnsupportedArchive(what) => Reason::Unsupported((*what).to_owned()),
        ZipError::CompressionMethodNotSupported(method) => {
            Reason::Unsupported(format!("zip compression method {method}"))
        }
        _ => Reason::Damaged("not a readable zip archive".to_owned()),
    }
}
