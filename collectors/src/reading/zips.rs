//! ZIP archives: by their central directory where they can be read from their end, else as a stream.

use std::cell::Cell;
use std::io::{self, Cursor, Read, Seek};

use zip::CompressionMethod;
use zip::read::{ZipArchive, ZipFile, read_zipfile_from_stream};
use zip::result::ZipError;

use super::Reason;
use super::limits::Produced;
use super::unpack::{Unpacking, Watched, short, within};
use super::zstd::Frames;

/// Numbers of compression methods that the archive reader itself is not built with (APPNOTE 4.4.5).
const BZIP2: u16 = 12;
const ZSTD: u16 = 93;
const XZ: u16 = 95;

/// An archive whose end can be read.
pub(super) fn seekable(unpacking: &Unpacking<'_>, path: &str, bytes: impl Read + Seek, depth: u32) -> io::Result<()> {
    let mut archive = match ZipArchive::new(bytes) {
        Ok(archive) => archive,
        Err(error) => {
            unpacking.exclude(path, reason(&error));
            return Ok(());
        }
    };
    if archive.has_duplicate_names() {
        let what = "members of the same name, of which only the last was examined";
        unpacking.exclude(path, Reason::Damaged(what.to_owned()));
    }
    for index in 0..archive.len() {
        unpacking.budget.entry()?;
        let (name, method, encrypted) = match archive.by_index_raw(index) {
            Ok(member) if member.is_dir() => continue,
            Ok(member) => (within(path, &name_of(&member)), member.compression(), member.encrypted()),
            Err(error) => {
                unpacking.exclude(path, reason(&error));
                continue;
            }
        };
        if encrypted {
            unpacking.exclude(&name, Reason::Encrypted);
            continue;
        }
        let member = match method {
            CompressionMethod::Stored | CompressionMethod::Deflated => archive.by_index(index),
            _ => archive.by_index_raw(index),
        };
        match member {
            Ok(mut member) => one(unpacking, &name, &mut member, method, depth)?,
            Err(error) => unpacking.exclude(&name, reason(&error)),
        }
    }
    Ok(())
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

/// One member: already unpacked by the archive reader, or as it lies if the reader knows no such method.
fn one(
    unpacking: &Unpacking<'_>,
    name: &str,
    member: &mut dyn Read,
    method: CompressionMethod,
    depth: u32,
) -> io::Result<()> {
    let failed = Cell::new(false);
    let mut number = None;
    #[expect(deprecated, reason = "the methods that the reader is not built with have no other name")]
    if let CompressionMethod::Unsupported(other) = method {
        number = Some(other);
    }
    let done = match number {
        None => {
            let mut content = Produced { inner: member, budget: unpacking.budget };
            unpacking.examine(name, &mut content, depth + 1)
        }
        Some(method) => {
            let source = Watched::new(member, &failed);
            let window = unpacking.budget.limits.window;
            match method {
                BZIP2 => unpacking.decoded(name, bzip2::read::BzDecoder::new(source), depth),
                ZSTD => unpacking.decoded(name, Frames::new(source, window), depth),
                XZ => {
                    let kib = u32::try_from(window >> 10).unwrap_or(u32::MAX);
                    unpacking.decoded(name, lzma_rust2::XzReader::new_mem_limit(source, true, kib), depth)
                }
                other => {
                    unpacking.exclude(name, Reason::Unsupported(format!("zip compression method {other}")));
                    Ok(())
                }
            }
        }
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
