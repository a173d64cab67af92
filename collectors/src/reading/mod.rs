//! Reading what is to be searched: files and folders, packed files and what they hold, streams, and git's history.
//!
//! Everything comes out as documents, each a name and its bytes. Nothing is written anywhere, memory stays bounded
//! whatever the input, nothing is opened that could make a reader wait, and whatever is not examined is told as
//! [`Excluded`], with its reason.
//!
//! A document within an archive is named `ARCHIVE!MEMBER`; one that is only compressed keeps its file's name.

mod directory;
mod excluded;
mod format;
mod history;
mod ignored;
mod layers;
mod limits;
mod measure;
mod open;
mod packs;
mod tars;
#[cfg(test)]
mod tests;
mod unpack;
mod walk;
mod window;
mod zips;
mod zstd;

use std::fs::File;
use std::io::{self, Cursor, Read};

use exhibit_detect::{Copied, Trace};

pub use excluded::{Excluded, Reason};
pub use history::{Blob, Content, History, HistoryError, Point};
pub use ignored::Patterns;
pub(crate) use layers::{Digested, Layers};
pub use limits::Limits;
pub use measure::Sizes;
pub(crate) use open::{regular, special};
pub(crate) use tars::{Entry, Kind, Tar};
pub(crate) use unpack::short as in_short;
pub use walk::Walk;

/// What is done with documents. Called from several threads at once.
pub trait Visitor: Sync {
    /// A document whose bytes come one after another; to be read to its end.
    ///
    /// # Errors
    /// Only those of `bytes`, as they came.
    fn stream(&self, path: &str, bytes: &mut dyn Read) -> io::Result<()>;

    /// A document that is in memory.
    fn bytes(&self, path: &str, bytes: &[u8]);

    /// A document that is in memory, and that was made from another one which was told before. Leaves what helps with those that
    /// are made from this one.
    fn made(&self, path: &str, bytes: &[u8], made: Made<'_>) -> Option<Trace> {
        let _ = made;
        self.bytes(path, bytes);
        None
    }

    /// A document that is a regular file of this size, in bytes, when it was opened; it may be read anywhere, by several
    /// threads. Its position is not at its beginning.
    ///
    /// # Errors
    /// Only those of the file.
    fn file(&self, path: &str, file: &File, size: u64) -> io::Result<()>;

    /// Something that was not examined, or not to its end.
    fn excluded(&self, excluded: Excluded);

    /// So many bytes of a packed file or stream were read, as they lie there: for people who wait.
    fn consumed(&self, bytes: u64) {
        let _ = bytes;
    }

    /// What adds up sizes, where only these are asked for: then nothing is opened.
    fn measuring(&self) -> Option<&Sizes> {
        None
    }
}

/// From what a document was made.
#[derive(Debug, Clone, Copy, Default)]
pub struct Made<'b> {
    /// What looking at the other one left; nothing if nothing is known of it.
    pub trace: Option<&'b Trace>,
    /// What both have in common, in the order of this one.
    pub copied: &'b [Copied],
}

/// Examines bytes in memory under this name, packed or not, that were made from others. Leaves what [`Visitor::made`] leaves.
pub fn read_made(path: &str, bytes: &[u8], made: Made<'_>, limits: Limits, visitor: &dyn Visitor) -> Option<Trace> {
    let plain = format::of(&bytes[..bytes.len().min(format::HEAD)]) == format::Form::Plain;
    if plain && !directory::ends_so(bytes) {
        return visitor.made(path, bytes, made);
    }
    read_bytes(path, bytes, limits, visitor);
    None
}

/// Examines bytes in memory under this name, packed or not.
pub fn read_bytes(path: &str, bytes: &[u8], limits: Limits, visitor: &dyn Visitor) {
    if format::of(&bytes[..bytes.len().min(format::HEAD)]) == format::Form::Plain {
        visitor.bytes(path, bytes);
        if directory::ends_so(bytes) {
            unpack::withstanding(visitor, path, || unpack::behind(visitor, limits, path, Cursor::new(bytes)));
        }
    } else {
        unpack::withstanding(visitor, path, || unpack::stream(visitor, limits, path, &mut &*bytes));
    }
}

/// Examines a stream under this name, packed or not.
pub fn read_stream(path: &str, bytes: &mut dyn Read, limits: Limits, visitor: &dyn Visitor) {
    unpack::withstanding(visitor, path, || unpack::stream(visitor, limits, path, bytes));
}
