//! Layers of container images: archives, plain or packed, entry by entry, and the digests of what lies there and of what it
//! unpacks to.

use std::io::{self, Read};

use exhibit_evidence::{Digest, Digesting};

use super::Limits;
use super::format::{self, Form, HEAD};
use super::limits::{Budget, Produced};
use super::tars::{Entry, Tar};
use super::unpack::fill;
use super::zstd::Frames;

/// A source, and the digest of what was read of it.
pub(crate) struct Digested<R> {
    source: R,
    digesting: Digesting,
}

impl<R: Read> Digested<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { source, digesting: Digesting::default() }
    }

    /// Reads what is left, and gives the digest of all.
    pub(crate) fn finish(mut self) -> io::Result<Digest> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(self.digesting.finish().0)
    }
}

impl<R: Read> Read for Digested<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.digesting.take(&buffer[..count]);
        Ok(count)
    }
}

/// What is done with an entry; its content may be left unread.
pub(crate) type Each<'e> = &'e mut dyn FnMut(&Entry, &mut dyn Read) -> io::Result<()>;

/// The layers of one image, which share limits.
pub(crate) struct Layers {
    budget: Budget,
}

/// What one layer is.
pub(crate) struct Layer {
    /// Digest of what lies there.
    pub(crate) packed: Digest,
    /// Digest of what it unpacks to.
    pub(crate) plain: Digest,
}

impl Layers {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { budget: Budget::new(limits, None) }
    }

    /// The limit that was reached, in words.
    pub(crate) fn hit(&self) -> Option<String> {
        self.budget.hit()
    }

    /// Reads one layer to its end: as it is, or packed by gzip or Zstandard.
    pub(crate) fn read(&self, source: &mut dyn Read, each: Each<'_>) -> io::Result<Layer> {
        let mut packed = Digested::new(Consuming { source, budget: &self.budget });
        let mut head = [0; HEAD];
        let filled = fill(&mut packed, &mut head)?;
        let form = format::of(&head[..filled]);
        let whole = (&head[..filled]).chain(&mut packed);
        let plain = match form {
            Form::Gzip => self.entries(flate2::read::MultiGzDecoder::new(whole), each),
            Form::Zstd => self.entries(Frames::new(whole, self.budget.window_left()), each),
            Form::Tar | Form::Plain => self.entries(whole, each),
            Form::Xz | Form::Bzip2 | Form::Zip | Form::Closed(_) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it is packed as layers are not: neither gzip nor Zstandard",
            )),
        }?;
        Ok(Layer { packed: packed.finish()?, plain })
    }

    fn entries(&self, source: impl Read, each: Each<'_>) -> io::Result<Digest> {
        let mut plain = Digested::new(Produced { inner: source, budget: &self.budget });
        let mut tar = Tar::new(&mut plain);
        while let Some(entry) = tar.entry()? {
            self.budget.entry()?;
            each(&entry, &mut tar)?;
        }
        plain.finish()
    }
}

/// What lies there, counted.
struct Consuming<'b, 's> {
    source: &'s mut dyn Read,
    budget: &'b Budget,
}

impl Read for Consuming<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.budget.consume(count as u64);
        Ok(count)
    }
}
