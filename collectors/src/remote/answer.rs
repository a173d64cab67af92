//! What a server answers, never more than was allowed.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use reqwest::blocking::Response;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::{Pace, RemoteError};

/// A whole answer, in memory that is wiped.
pub struct Answer {
    /// The HTTP status: a success, or one that the request accepts.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Zeroizing<Vec<u8>>,
    pub(super) what: &'static str,
    pub(super) place: String,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// When it is not JSON of this shape; says `expected`, and nothing of what came.
    pub fn json<T: DeserializeOwned>(&self, expected: &'static str) -> Result<T, RemoteError> {
        serde_json::from_slice(&self.body).map_err(|_| self.not_understood(expected))
    }

    /// The error that says that the answer is not what was expected.
    #[must_use]
    pub fn not_understood(&self, expected: &'static str) -> RemoteError {
        RemoteError::NotUnderstood { what: self.what, place: self.place.clone(), expected }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

/// An answer whose body comes while it is read. What `Read` gives as an error has a [`RemoteError`] inside.
pub struct Stream {
    /// The HTTP status: a success, or one that the request accepts.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// How many bytes the server says that it has.
    pub length: Option<u64>,
    pub(super) body: Body,
}

impl Stream {
    /// What ended the reading, told again from the error that it gave.
    #[must_use]
    pub fn cause(error: &io::Error) -> Option<&RemoteError> {
        error.get_ref()?.downcast_ref()
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.body.read(buffer).map_err(io::Error::other)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("status", &self.status).finish_non_exhaustive()
    }
}

/// A body under limits.
pub(super) struct Body {
    pub(super) response: Response,
    pub(super) what: &'static str,
    pub(super) place: String,
    pub(super) most: u64,
    pub(super) seen: u64,
    pub(super) pace: Arc<dyn Pace>,
    pub(super) begun: Duration,
    pub(super) within: Duration,
}

impl Body {
    /// The next bytes; none at the end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, RemoteError> {
        let (what, place) = (self.what, &self.place);
        if self.pace.elapsed().saturating_sub(self.begun) > self.within {
            return Err(RemoteError::TooLong { what, place: place.clone(), seconds: self.within.as_secs() });
        }
        // What reqwest says may hold the URL: only its kind is looked at. A quiet connection is told as one that broke.
        let count = self.response.read(buffer).map_err(|_| RemoteError::BrokenOff { what, place: place.clone() })?;
        self.seen += count as u64;
        if self.seen > self.most {
            return Err(RemoteError::TooLarge { what, place: place.clone(), most: self.most });
        }
        Ok(count)
    }

    /// All that is left of it.
    pub(super) fn rest(&mut self) -> Result<Zeroizing<Vec<u8>>, RemoteError> {
        let mut whole = Zeroizing::new(Vec::new());
        let mut buffer = Zeroizing::new([0; 16 * 1024]);
        loop {
            match self.read(buffer.as_mut_slice())? {
                0 => return Ok(whole),
                count => append(&mut whole, &buffer[..count]),
            }
        }
    }

    /// Its beginning, for who looks for the server's own word in it.
    pub(super) fn beginning(&mut self, most: usize) -> Zeroizing<Vec<u8>> {
        let mut begun = Zeroizing::new(Vec::new());
        let mut buffer = Zeroizing::new([0; 4 * 1024]);
        while begun.len() < most {
            match self.read(buffer.as_mut_slice()) {
                Ok(count) if count > 0 => append(&mut begun, &buffer[..count]),
                _ => break,
            }
        }
        begun
    }
}

/// Appends by moving into a new buffer and wiping the old one where there is no room, as `Vec` would not.
fn append(whole: &mut Zeroizing<Vec<u8>>, bytes: &[u8]) {
    if whole.capacity() - whole.len() < bytes.len() {
        let mut grown = Zeroizing::new(Vec::with_capacity((whole.len() + bytes.len()).next_power_of_two()));
        grown.extend_from_slice(whole);
        *whole = grown;
    }
    whole.extend_from_slice(bytes);
}
