//! Objects of an S3 bucket below a prefix: each is a piece, packed or not as files are.
//!
//! The bucket lists keys, sizes and versions; each object is then read once, as the version that was listed. One that was
//! replaced meanwhile is not read as if it were the same. Where a connection breaks, reading goes on behind the last byte.

pub(crate) mod bucket;
pub(crate) mod listing;
mod object;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use exhibit_evidence::Timestamp;

use super::{LogError, LogSource};
use crate::remote::aws::AwsAccess;
use crate::remote::{Limits, Pace, RemoteError};
use bucket::Bucket;

/// Objects below a prefix.
pub struct S3Log {
    access: AwsAccess,
    bucket: String,
    prefix: String,
    base: PathBuf,
    begun: Timestamp,
    pace: Arc<dyn Pace>,
    seed: u64,
    connected: OnceLock<Arc<Bucket>>,
}

impl S3Log {
    /// The objects of `bucket` whose keys begin with `prefix`. Relative paths start from `base`, time from `begun`, and waits
    /// are drawn from `seed`, any number.
    #[must_use]
    pub fn new(
        access: AwsAccess,
        bucket: String,
        prefix: String,
        base: PathBuf,
        begun: Timestamp,
        pace: Arc<dyn Pace>,
        seed: u64,
    ) -> Self {
        Self { access, bucket, prefix, base, begun, pace, seed, connected: OnceLock::new() }
    }

    fn connected(&self) -> Result<Arc<Bucket>, RemoteError> {
        if let Some(bucket) = self.connected.get() {
            return Ok(Arc::clone(bucket));
        }
        let pace = Arc::clone(&self.pace);
        let connection = self.access.connect(&self.base, Limits::default(), self.begun, pace, self.seed)?;
        let bucket = Arc::new(Bucket { connection, name: self.bucket.clone() });
        Ok(Arc::clone(self.connected.get_or_init(|| bucket)))
    }
}

impl LogSource for S3Log {
    fn kind(&self) -> &'static str {
        "s3"
    }

    fn label(&self) -> String {
        let server = self.access.endpoint.as_ref().map(|endpoint| format!(" at {endpoint}")).unwrap_or_default();
        format!("s3://{}/{}{server}", self.bucket, self.prefix)
    }

    fn counted_by(&self) -> &'static str {
        "objects and their sizes as the bucket lists them, with the number that it states for each page; lines by their ends as they came"
    }

    fn piece_unit(&self) -> Option<&'static str> {
        Some("object")
    }

    fn draws_pieces(&self) -> bool {
        true
    }

    fn list(&self) -> Result<super::Listing, LogError> {
        let bucket = self.connected()?;
        Ok(listing::list(&bucket, &self.prefix)?)
    }
}
