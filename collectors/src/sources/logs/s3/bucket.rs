//! Requests to one bucket.

use std::time::Duration;

use crate::remote::aws::{AwsConnection, Service};
use crate::remote::{HeaderName, HeaderValue, RemoteError, Request, Stream, Url, encoded};

/// How long one object may take: an object of S3 has up to 5 TiB, a log's rarely more than some GiB.
const WITHIN: Duration = Duration::from_secs(6 * 3600);
/// Bytes of one page of a listing: 1,000 keys of 1,024 bytes, each byte as three, and what stands around them.
const PAGE: u64 = 8 * 1024 * 1024;

/// A bucket, and who asks it.
pub(crate) struct Bucket {
    pub(crate) connection: AwsConnection,
    pub(crate) name: String,
}

impl Bucket {
    /// The URL of a key, or of the bucket itself. None for keys that no URL can name: `.` and `..` between slashes.
    fn url(&self, key: &str, query: &str) -> Result<Option<Url>, RemoteError> {
        // A dot in a bucket's name does not fit the certificate of AWS's own host names.
        let in_path = self.connection.elsewhere() || self.name.contains('.');
        let host = if in_path { "s3".to_owned() } else { format!("{}.s3", self.name) };
        let mut url = self.connection.server(&host)?;
        let bucket = if in_path { format!("/{}", self.name) } else { String::new() };
        let path = format!("{bucket}/{}", encoded(key, true));
        url.set_path(&path);
        url.set_query(Some(query).filter(|query| !query.is_empty()));
        Ok((url.path() == path).then_some(url))
    }

    /// One page of the listing, as XML.
    pub(crate) fn page(&self, prefix: &str, after: Option<&str>) -> Result<crate::remote::Answer, RemoteError> {
        let mut query = format!("list-type=2&encoding-type=url&max-keys=1000&prefix={}", encoded(prefix, false));
        if let Some(token) = after {
            query.push_str(&format!("&continuation-token={}", encoded(token, false)));
        }
        let url = self.url("", &query)?;
        let url = url.ok_or_else(|| RemoteError::Settings("the bucket's name makes no URL".to_owned()))?;
        self.connection.fetch(Service::S3, Request::get("listing the bucket", url).most(PAGE))
    }

    /// Whether a URL can name this key.
    pub(crate) fn names(&self, key: &str) -> Result<bool, RemoteError> {
        Ok(self.url(key, "")?.is_some())
    }

    /// An object from this byte on, as the version that was listed and no other.
    pub(crate) fn object(&self, key: &str, version: &str, size: u64, from: u64) -> Result<Stream, RemoteError> {
        let unusable = || RemoteError::Settings("the object's version can't stand in a header".to_owned());
        let url = self.url(key, "")?.ok_or_else(unusable)?;
        let version = HeaderValue::from_str(version).map_err(|_| unusable())?;
        let mut request = Request::get("reading an object", url).most(size.saturating_sub(from)).within(WITHIN);
        request = request.header(HeaderName::from_static("if-match"), version);
        if from > 0 {
            let range = HeaderValue::from_str(&format!("bytes={from}-")).map_err(|_| unusable())?;
            request = request.header(HeaderName::from_static("range"), range);
        }
        self.connection.open(Service::S3, request)
    }
}

/// What a listing's `encoding-type=url` did to a key, undone. None if it is no text.
pub(crate) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}
