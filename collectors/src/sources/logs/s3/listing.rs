//! What the bucket lists: pages of keys with sizes and versions, each held against the number that it states.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Deserialize;

use super::super::{Left, Listing};
use super::bucket::{Bucket, decoded};
use super::object::ObjectPiece;
use crate::remote::{Answer, RemoteError};

/// More objects than these are named by longer prefixes.
const MOST: usize = 1_000_000;
/// Classes of storage whose objects can't be read before somebody has them restored.
const ASLEEP: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];

#[derive(Deserialize)]
struct Page {
    #[serde(rename = "Contents", default)]
    contents: Vec<Listed>,
    #[serde(rename = "KeyCount")]
    count: Option<usize>,
    #[serde(rename = "IsTruncated")]
    truncated: bool,
    #[serde(rename = "NextContinuationToken")]
    next: Option<String>,
    #[serde(rename = "EncodingType")]
    encoding: Option<String>,
}

/// An object as a bucket lists it.
#[derive(Deserialize)]
pub(crate) struct Listed {
    /// As it is, whatever the encoding of the answer.
    #[serde(rename = "Key")]
    pub(crate) key: String,
    #[serde(rename = "Size")]
    pub(crate) size: u64,
    #[serde(rename = "ETag")]
    pub(crate) version: String,
    /// When it was put, in the form of RFC 3339; empty where the answer does not say.
    #[serde(rename = "LastModified", default)]
    pub(crate) modified: String,
    #[serde(rename = "StorageClass")]
    class: Option<String>,
}

/// Everything below the prefix.
pub(super) fn list(bucket: &Arc<Bucket>, prefix: &str) -> Result<Listing, RemoteError> {
    let mut listing = Listing::default();
    each(bucket, prefix, &mut |object, _| {
        if object.class.as_deref().is_some_and(|class| ASLEEP.contains(&class)) {
            let reason = "its class of storage has to be restored before it can be read";
            listing.left.push(Left::new("archived-object", &object.key, reason));
        } else if bucket.names(&object.key)? {
            let Listed { key, size, version, .. } = object;
            listing.pieces.push(Box::new(ObjectPiece { bucket: Arc::clone(bucket), key, size, version }));
        } else {
            listing.left.push(Left::new("unnamable-object", &object.key, "no URL can name its key"));
        }
        Ok(())
    })?;
    Ok(listing)
}

/// Gives `sink` every object below the prefix, with the answer that names it.
///
/// # Errors
/// When a page can't be had or holds something else than it states; what `sink` says.
pub(crate) fn each(
    bucket: &Bucket,
    prefix: &str,
    sink: &mut dyn FnMut(Listed, &Answer) -> Result<(), RemoteError>,
) -> Result<(), RemoteError> {
    let (mut seen, mut tokens) = (HashSet::new(), HashSet::new());
    let mut after: Option<String> = None;
    loop {
        let answer = bucket.page(prefix, after.as_deref())?;
        let page = page(&answer)?;
        for object in page.contents {
            let expected = "keys that are text and begin with the prefix, each once";
            let key = if page.encoding.as_deref() == Some("url") { decoded(&object.key) } else { Some(object.key) };
            let key = key.filter(|key| key.starts_with(prefix) && seen.insert(key.clone()));
            let key = key.ok_or_else(|| answer.not_understood(expected))?;
            if seen.len() > MOST {
                return Err(RemoteError::Settings(format!(
                    "more than {MOST} objects lie below the prefix; name a longer one"
                )));
            }
            sink(Listed { key, ..object }, &answer)?;
        }
        match (page.truncated, page.next) {
            (false, _) => return Ok(()),
            // A listing that goes round would never end, and pages without objects might not either.
            (true, Some(next)) if tokens.len() <= MOST && tokens.insert(next.clone()) => after = Some(next),
            _ => return Err(answer.not_understood("another page, and where it begins")),
        }
    }
}

fn page(answer: &Answer) -> Result<Page, RemoteError> {
    let text = std::str::from_utf8(&answer.body).map_err(|_| answer.not_understood("text"))?;
    let page: Page = quick_xml::de::from_str(text).map_err(|_| answer.not_understood("a page of ListObjectsV2"))?;
    match page.count {
        Some(count) if count != page.contents.len() => {
            Err(answer.not_understood("as many objects as the page says that it has"))
        }
        _ => Ok(page),
    }
}
