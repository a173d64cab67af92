//! What is put: bytes that need not lie in memory.

use std::error::Error;

use exhibit_evidence::{Digest, Digesting};

use crate::vault::VaultFuture;
use crate::{ObjectKey, VaultError};

/// The bytes of an object that is to be put. Their digest and number are known before the first is read, because locks are
/// dependable only on puts that say both; and they can be read from the beginning as often as a put needs.
pub trait Content: Send + Sync {
    /// Their digest.
    fn digest(&self) -> Digest;

    /// Their number.
    fn size(&self) -> u64;

    /// Begins to read at the first byte.
    fn open(&self) -> Box<dyn Chunks + '_>;
}

/// The bytes of a [`Content`], in order.
pub trait Chunks: Send {
    /// The next bytes, as many as are at hand; none at the end.
    ///
    /// # Errors
    ///
    /// [`VaultError::Unread`] where they can't be read.
    fn next(&mut self) -> VaultFuture<'_, Option<Vec<u8>>>;
}

/// Bytes that lie in memory already.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a> {
    bytes: &'a [u8],
    digest: Digest,
}

impl<'a> Held<'a> {
    /// These bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, digest: Digest::of(bytes) }
    }
}

impl Content for Held<'_> {
    fn digest(&self) -> Digest {
        self.digest
    }

    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn open(&self) -> Box<dyn Chunks + '_> {
        Box::new(Rest(self.bytes))
    }
}

/// What is left of bytes in memory.
struct Rest<'a>(&'a [u8]);

impl Chunks for Rest<'_> {
    fn next(&mut self) -> VaultFuture<'_, Option<Vec<u8>>> {
        /// So much is copied at a time.
        const STEP: usize = 256 * 1024;
        let (next, rest) = self.0.split_at(self.0.len().min(STEP));
        self.0 = rest;
        let next = (!next.is_empty()).then(|| next.to_vec());
        Box::pin(async move { Ok(next) })
    }
}

impl VaultError {
    /// What is to be put could not be read.
    pub fn unread(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Unread(Box::new(source))
    }
}

/// Reads a content to its end, and holds it against what it said of itself.
pub(crate) struct Checked<'a> {
    key: &'a ObjectKey,
    said: (Digest, u64),
    chunks: Box<dyn Chunks + 'a>,
    digesting: Digesting,
    taken: u64,
    /// What was read and not handed out yet.
    #[cfg(feature = "s3")]
    rest: Vec<u8>,
    /// Whether its end was seen, and held against what was announced.
    ended: bool,
}

impl<'a> Checked<'a> {
    pub(crate) fn new(key: &'a ObjectKey, content: &'a dyn Content) -> Self {
        let said = (content.digest(), content.size());
        Self {
            key,
            said,
            chunks: content.open(),
            digesting: Digesting::default(),
            taken: 0,
            #[cfg(feature = "s3")]
            rest: Vec::new(),
            ended: false,
        }
    }

    /// The next bytes; none at the end, when all of them were what was said.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, VaultError> {
        if let Some(chunk) = self.chunks.next().await? {
            self.taken += chunk.len() as u64;
            if self.taken > self.said.1 {
                return Err(self.refuse(format!("it has more than the {} bytes that were announced", self.said.1)));
            }
            self.digesting.take(&chunk);
            return Ok(Some(chunk));
        }
        if self.ended {
            return Ok(None);
        }
        self.ended = true;
        let found = std::mem::take(&mut self.digesting).finish();
        if found != self.said {
            let ((said, size), (found, bytes)) = (self.said, found);
            return Err(self.refuse(format!("{said} of {size} bytes was announced, {found} of {bytes} bytes came")));
        }
        Ok(None)
    }

    /// All of it, for stores that want it whole.
    pub(crate) async fn all(mut self) -> Result<Vec<u8>, VaultError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.next().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// The next `size` bytes, at least 1; fewer at the end, then none.
    #[cfg(feature = "s3")]
    pub(crate) async fn part(&mut self, size: usize) -> Result<Vec<u8>, VaultError> {
        let mut part = std::mem::take(&mut self.rest);
        while part.len() < size {
            let Some(chunk) = self.next().await? else { break };
            part.extend_from_slice(&chunk);
        }
        self.rest = part.split_off(part.len().min(size));
        Ok(part)
    }

    fn refuse(&self, problem: String) -> VaultError {
        VaultError::BadOptions { key: self.key.clone(), problem }
    }
}
