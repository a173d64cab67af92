//! Where the contents of a bundle wait until all digests are known.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};

use sha2::{Digest as _, Sha256};

use super::archive::{header, padding};
use super::manifest::FileDigest;
use super::write::BundleError;

/// Files by path, their bytes one after the other in `spool`.
pub(super) struct Spool<S> {
    spool: S,
    end: u64,
    files: BTreeMap<String, Stored>,
}

/// Bytes in the spool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    offset: u64,
    pub(super) digest: FileDigest,
}

impl<S> fmt::Debug for Spool<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool").field("files", &self.files).finish_non_exhaustive()
    }
}

impl<S> Spool<S> {
    pub(super) fn new(spool: S) -> Self {
        Self { spool, end: 0, files: BTreeMap::new() }
    }

    /// Gives stored bytes their path. The same bytes again change nothing.
    pub(super) fn name(&mut self, path: &str, stored: Stored) -> Result<(), BundleError> {
        match self.files.get(path) {
            Some(there) if there.digest != stored.digest => Err(BundleError::Twice(path.to_owned())),
            Some(_) => Ok(()),
            None => {
                self.files.insert(path.to_owned(), stored);
                Ok(())
            }
        }
    }

    /// Digest and size of every file, by path.
    pub(super) fn digests(&self) -> impl Iterator<Item = (String, FileDigest)> {
        self.files.iter().map(|(path, s)| (path.clone(), s.digest))
    }
}

impl<S: Read + Write + Seek> Spool<S> {
    pub(super) fn put(&mut self, path: &str, bytes: &[u8]) -> Result<(), BundleError> {
        let stored = self.store(bytes)?;
        self.name(path, stored)
    }

    /// Copies bytes to the end of the spool.
    pub(super) fn store(&mut self, mut bytes: impl Read) -> Result<Stored, BundleError> {
        let offset = self.end;
        self.spool.seek(SeekFrom::Start(offset))?;
        let mut hashing = Hashing { out: &mut self.spool, hasher: Sha256::new() };
        let size = io::copy(&mut bytes, &mut hashing)?;
        let sha256 = hashing.hasher.finalize().into();
        self.end = offset + size;
        Ok(Stored { offset, digest: FileDigest { sha256, size } })
    }

    /// Writes the files in the order of their paths, and the two empty blocks that end an archive.
    pub(super) fn write_archive(&mut self, out: &mut impl Write) -> Result<(), BundleError> {
        for (path, Stored { offset, digest }) in &self.files {
            let size = digest.size;
            let header = header(path, size).ok_or_else(|| BundleError::TooLarge { path: path.clone(), size })?;
            out.write_all(&header)?;
            self.spool.seek(SeekFrom::Start(*offset))?;
            let mut content = Read::by_ref(&mut self.spool).take(size);
            let copied = io::copy(&mut content, out)?;
            if copied != size {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            out.write_all(&[0; 512][..padding(size)])?;
        }
        out.write_all(&[0; 1024])?;
        out.flush()?;
        Ok(())
    }
}

/// Hashes what passes through.
struct Hashing<W> {
    out: W,
    hasher: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
