//! The one form of tar that bundles have, written and read strictly.
//!
//! A reader that skips what it does not need would let bytes change unseen. Here every header must
//! be, byte for byte, the one that the writer makes for its path and size, and every byte between
//! files must be zero.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use super::layout::is_path;
use super::manifest::FileDigest;
use crate::tree::Hash;

/// Tar's unit, in bytes.
pub(super) const BLOCK: usize = 512;

/// The largest file that an octal size can say, in bytes: 8 GiB less one.
pub(super) const MAX_FILE_BYTES: u64 = (1 << 33) - 1;

/// The header for a file, or `None` when path or size do not fit one.
pub(super) fn header(path: &str, size: u64) -> Option<[u8; BLOCK]> {
    if !is_path(path) || size > MAX_FILE_BYTES {
        return None;
    }
    let mut header = tar::Header::new_ustar();
    header.set_path(path).ok()?;
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    Some(*header.as_bytes())
}

/// How many zero bytes follow a file of this size.
pub(super) fn padding(size: u64) -> usize {
    (size.next_multiple_of(BLOCK as u64) - size) as usize
}

/// What comes next in the archive.
#[derive(Debug)]
pub(super) enum Next {
    /// A file, whose content must be read next.
    File(FileHeader),
    /// The two empty blocks, and nothing after them.
    End,
    /// Something that is no archive of ours: nothing after it can be read.
    Broken(Broken),
}

/// A file's header.
#[derive(Debug)]
pub(super) struct FileHeader {
    /// Where the header stands in the archive.
    pub(super) offset: u64,
    /// The path.
    pub(super) path: String,
    /// The size in bytes, as claimed.
    pub(super) size: u64,
    /// Whether the header is byte for byte the one we write.
    pub(super) exact: bool,
}

/// Where and how the archive stops making sense.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) offset: u64,
    pub(super) expected: &'static str,
    pub(super) found: &'static str,
}

/// A file's content as it was read.
pub(super) struct Body {
    /// Digest and size of what was read.
    pub(super) digest: FileDigest,
    /// The bytes, when they were wanted and not more than allowed.
    pub(super) bytes: Option<Vec<u8>>,
    /// Whether everything was there.
    pub(super) complete: bool,
    /// Whether the bytes up to the next header are zero.
    pub(super) padded: bool,
}

/// A file's content that nobody has looked at.
pub(super) struct Raw {
    /// The bytes, as many as were there.
    pub(super) bytes: Vec<u8>,
    /// Whether everything was there.
    pub(super) complete: bool,
    /// Whether the bytes up to the next header are zero.
    pub(super) padded: bool,
}

impl From<Raw> for Body {
    fn from(Raw { bytes, complete, padded }: Raw) -> Self {
        Self { digest: FileDigest::of(&bytes), bytes: Some(bytes).filter(|_| complete), complete, padded }
    }
}

/// Reads an archive from front to end, holding no more than one kept file.
pub(super) struct Archive<R> {
    reader: R,
    offset: u64,
}

impl<R: Read> Archive<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, offset: 0 }
    }

    pub(super) fn next(&mut self) -> io::Result<Next> {
        let offset = self.offset;
        let broken = |expected, found| Ok(Next::Broken(Broken { offset, expected, found }));
        let mut block = [0; BLOCK];
        match self.fill(&mut block)? {
            BLOCK => {}
            0 => return broken("two empty blocks at the end", "the file ends without them"),
            _ => return broken("a whole header", "the file ends within it"),
        }
        if block == [0; BLOCK] {
            let mut rest = [0; BLOCK + 1];
            return match (self.fill(&mut rest)?, rest.iter().all(|b| *b == 0)) {
                (BLOCK, true) => Ok(Next::End),
                _ => broken("two empty blocks and nothing after them", "something else"),
            };
        }
        let read = tar::Header::from_byte_slice(&block);
        let path = read.as_ustar().map(tar::UstarHeader::path_bytes);
        let path = path.and_then(|p| String::from_utf8(p.into_owned()).ok());
        let (Some(path), Ok(size)) = (path.filter(|p| is_path(p)), read.entry_size()) else {
            return broken("the ustar header of a file with a plain relative path", "another header");
        };
        let exact = header(&path, size).is_some_and(|ours| ours == block);
        Ok(Next::File(FileHeader { offset, path, size, exact }))
    }

    /// Reads the content after a header as it is, without a look at it, into a buffer that may have served before. Nothing
    /// is allocated on the word of the header.
    pub(super) fn raw(&mut self, size: usize, mut bytes: Vec<u8>) -> io::Result<Raw> {
        bytes.clear();
        let got = self.reader.by_ref().take(size as u64).read_to_end(&mut bytes)?;
        self.offset += got as u64;
        let complete = bytes.len() == size;
        let gap = &mut [0; BLOCK][..if complete { padding(size as u64) } else { 0 }];
        let padded = self.fill(gap)? == gap.len() && gap.iter().all(|b| *b == 0);
        Ok(Raw { bytes, complete, padded })
    }

    /// Passes by the content after a header; tells whether everything was there.
    pub(super) fn pass(&mut self, size: u64) -> io::Result<bool> {
        let whole = size + padding(size) as u64;
        let passed = io::copy(&mut self.reader.by_ref().take(whole), &mut io::sink())?;
        self.offset += passed;
        Ok(passed == whole)
    }

    /// Reads the content after a header. It is kept only when it is at most `keep` bytes long;
    /// nothing is allocated on the word of the header.
    pub(super) fn body(&mut self, size: u64, keep: usize) -> io::Result<Body> {
        let mut kept = (size <= keep as u64).then(Vec::new);
        let mut hasher = Sha256::new();
        let mut left = size;
        let mut buffer = vec![0; 64 << 10];
        while left > 0 {
            let want = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let got = self.fill(&mut buffer[..want])?;
            hasher.update(&buffer[..got]);
            if let Some(kept) = &mut kept {
                kept.extend_from_slice(&buffer[..got]);
            }
            left -= got as u64;
            if got < want {
                break;
            }
        }
        let complete = left == 0;
        let mut gap = [0; BLOCK];
        let gap = &mut gap[..if complete { padding(size) } else { 0 }];
        let padded = self.fill(gap)? == gap.len() && gap.iter().all(|b| *b == 0);
        Ok(Body {
            digest: FileDigest { sha256: hasher.finalize().into(), size: size - left },
            bytes: kept.filter(|_| complete),
            complete,
            padded,
        })
    }

    /// Reads until the buffer is full or the input ends.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.reader.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        self.offset += filled as u64;
        Ok(filled)
    }
}

/// 64 lower-case hexadecimal digits.
pub(super) fn parse_hex(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    let lower = !text.bytes().any(|b| b.is_ascii_uppercase());
    (lower && hex::decode_to_slice(text, &mut hash).is_ok()).then_some(hash)
}
