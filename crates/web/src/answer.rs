//! Answers.

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::Response,
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::problem::{Kind, Problem};

/// How many rows an answer holds, for the access log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rows(pub(crate) u64);

/// An answer as JSON, with a strong ETag over its bytes.
pub(crate) fn json(value: &impl Serialize, rows: usize) -> Result<Response, Problem> {
    let bytes = serde_json::to_vec(value).map_err(|error| {
        tracing::error!(%error, "an answer could not be written");
        Problem::new(Kind::Internal, "the answer could not be written")
    })?;
    Ok(bytes_of("application/json", bytes, rows))
}

/// An answer of these bytes, with a strong ETag over them.
pub(crate) fn bytes_of(media_type: &'static str, bytes: Vec<u8>, rows: usize) -> Response {
    let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&bytes)[..16]));
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    // Kept by nobody but the asker, and asked for again each time: what a token may see can change.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("authorization, cookie"));
    response.extensions_mut().insert(Rows(rows as u64));
    response
}
