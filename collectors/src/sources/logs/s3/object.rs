//! One object, as the version that was listed.

use std::io::{self, Read};
use std::sync::Arc;

use super::super::packed::{Bounded, Handing, Passing as _, left_of};
use super::super::{Counted, Left, Passed, Piece, Sink};
use super::bucket::Bucket;
use crate::reading::{self, Limits};
use crate::remote::{RemoteError, Stream};

/// So often reading goes on where a connection broke.
const RESUMED: u32 = 5;

/// An object of the bucket.
pub(super) struct ObjectPiece {
    pub(super) bucket: Arc<Bucket>,
    pub(super) key: String,
    pub(super) size: u64,
    /// Its `ETag`, as listed.
    pub(super) version: String,
}

impl ObjectPiece {
    fn left(&self, error: &RemoteError) -> Left {
        match error.code() {
            // A listing after this one shows what took its place.
            "changed" | "too-large" => {
                Left::new(Left::MOVED, &self.key, "it was replaced after it was listed, and what it held is gone")
            }
            "not-there" => Left::new(Left::MOVED, &self.key, "it was no longer there"),
            code => Left::new(code, &self.key, error.to_string()),
        }
    }

    fn open(&self, from: u64) -> Result<Stream, RemoteError> {
        let stream = self.bucket.object(&self.key, &self.version, self.size, from)?;
        let version = stream.headers.get("etag").and_then(|version| version.to_str().ok());
        // Servers that do not know the condition say at least which version they give.
        let same = version == Some(self.version.as_str()) && stream.status == if from > 0 { 206 } else { 200 };
        let rest = self.size - from;
        if !same || stream.length.is_some_and(|length| length != rest) {
            return Err(RemoteError::Status {
                what: "reading an object",
                place: self.key.clone(),
                status: 412,
                said: None,
                wait: None,
            });
        }
        Ok(stream)
    }
}

impl Piece for ObjectPiece {
    fn identity(&self) -> String {
        format!("{} {}", self.version, self.key)
    }

    fn name(&self) -> &str {
        &self.key
    }

    fn count(&mut self) -> Result<Option<Counted>, Left> {
        Ok(Some(Counted { lines: None, bytes: Some(self.size) }))
    }

    fn listed(&self) -> Option<(u64, &str)> {
        Some((self.size, &self.version))
    }

    fn read(&mut self, sink: &mut dyn Sink) -> Result<Passed, Left> {
        let handing = Handing::new(sink);
        let mut resuming = Resuming { piece: self, stream: None, passed: 0, resumed: 0, failed: None };
        let mut bounded = Bounded::new(&mut resuming);
        reading::read_stream(&self.key, &mut bounded, Limits::default(), &handing);
        // A decoder may stop before what stands behind its data. What fails here failed before, and is told below.
        let drained = io::copy(&mut bounded, &mut io::sink());
        let bytes = bounded.passed;
        if let Some(error) = &resuming.failed {
            return Err(self.left(error));
        }
        if drained.is_err() || bytes != self.size {
            let reason = format!("it ended early: {bytes} of {} bytes", self.size);
            return Err(Left::new("shrank", &self.key, reason));
        }
        match handing.left() {
            Some(excluded) => Err(left_of(&excluded)),
            None => Ok(Passed { lines: handing.lines(), bytes, ..Passed::default() }),
        }
    }
}

/// Reads an object over as many connections as it takes.
struct Resuming<'p> {
    piece: &'p ObjectPiece,
    stream: Option<Stream>,
    passed: u64,
    resumed: u32,
    /// Why no more can be read.
    failed: Option<RemoteError>,
}

impl Read for Resuming<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.failed.is_none() {
            if self.passed == self.piece.size && (self.stream.is_some() || self.passed > 0) {
                return Ok(0);
            }
            let read = match &mut self.stream {
                Some(stream) => stream.read(buffer).map_err(|error| Stream::cause(&error).cloned()),
                none => match self.piece.open(self.passed) {
                    Ok(stream) => {
                        *none = Some(stream);
                        continue;
                    }
                    Err(error) => Err(Some(error)),
                },
            };
            match read {
                Ok(count) => {
                    self.passed += count as u64;
                    return Ok(count);
                }
                Err(Some(RemoteError::BrokenOff { .. })) if self.resumed < RESUMED => {
                    self.resumed += 1;
                    self.stream = None;
                }
                Err(error) => {
                    let place = self.piece.key.clone();
                    self.failed = error.or(Some(RemoteError::BrokenOff { what: "reading an object", place }));
                }
            }
        }
        Err(io::Error::other("the object can't be read"))
    }
}
