//! Problems, as RFC 9457 writes them: one type of answer for everything that is refused or fails.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use exhibit_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

/// What kind of problem it is. The names are steady: scripts decide by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A parameter or the body is malformed.
    InvalidRequest,
    /// No token was shown, or it is not good.
    Unauthenticated,
    /// The token's role may not do that.
    Forbidden,
    /// There is no such thing, or it lies outside of the token's scope.
    NotFound,
    /// The route has no such method.
    MethodNotAllowed,
    /// The request took too long to arrive.
    RequestTimeout,
    /// Something else was done under the same key.
    Conflict,
    /// It is well-formed, but not what can be taken.
    Unprocessable,
    /// The body is larger than is taken.
    TooLarge,
    /// The body is of a type that is not taken.
    UnsupportedMediaType,
    /// Too many requests at once.
    RateLimited,
    /// A fault of ours.
    Internal,
    /// The database can't be used now, or the read can't be put on record.
    Unavailable,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::InvalidRequest,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::Conflict,
        Self::Unprocessable,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::RateLimited,
        Self::Internal,
        Self::Unavailable,
    ];

    /// Its steady name.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid-request",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::RequestTimeout => "request-timeout",
            Self::Conflict => "conflict",
            Self::Unprocessable => "unprocessable",
            Self::TooLarge => "too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::RateLimited => "rate-limited",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
        }
    }

    /// Its title for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::InvalidRequest => "The request is malformed",
            Self::Unauthenticated => "A valid token is needed",
            Self::Forbidden => "This token's role may not do that",
            Self::NotFound => "Nothing of that name lies within this token's scope",
            Self::MethodNotAllowed => "This route has no such method",
            Self::RequestTimeout => "The request took too long to arrive",
            Self::Conflict => "Something else was done under the same key",
            Self::Unprocessable => "What was sent can't be taken",
            Self::TooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The body is of a type that is not taken",
            Self::RateLimited => "Too many requests",
            Self::Internal => "A fault in Exhibit",
            Self::Unavailable => "Not available now",
        }
    }

    /// The status that goes with it.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// What is wanted of who showed no good token.
pub(crate) const CHALLENGE: &str = "Bearer realm=\"exhibit\"";

/// A problem, ready to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind.
    pub kind: Kind,
    /// What is wrong with this request, without any secret.
    pub detail: String,
    /// After how many seconds to try again, where that helps.
    pub retry_after: Option<u64>,
}

/// A problem as it is written (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemDocument {
    /// Steady id of the kind of problem.
    #[schema(example = "urn:exhibit:problem:not-found")]
    r#type: String,
    /// Its title.
    #[schema(example = "Nothing of that name lies within this token's scope")]
    title: String,
    /// The status of the answer.
    #[schema(example = 404, minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong with this request.
    #[schema(example = "no evidence 01890000-0000-7000-8000-000000000000")]
    detail: String,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), retry_after: None }
    }

    /// A malformed request.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(Kind::InvalidRequest, detail)
    }

    /// Nothing of that name, as far as this token sees.
    pub fn not_found(what: &str, key: impl std::fmt::Display) -> Self {
        Self::new(Kind::NotFound, format!("no {what} {key}"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.kind.status();
        let document = ProblemDocument {
            r#type: format!("urn:exhibit:problem:{}", self.kind.slug()),
            title: self.kind.title().to_owned(),
            status: status.as_u16(),
            detail: self.detail.clone(),
        };
        let mut response = (status, Json(document)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.kind == Kind::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
        }
        // So that the access log can say why.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { what, key } => Self::not_found(what, key),
            // What the database says may name things that the asker must not see: it goes to our own log only.
            other => {
                tracing::error!(error = %other, "a request could not be answered");
                let mut problem = Self::new(Kind::Unavailable, "the ledger could not be read");
                problem.retry_after = Some(5);
                problem
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_name_of_its_own_and_a_status_of_an_error() {
        let names: std::collections::BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.slug()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
        assert!(Kind::ALL.iter().all(|kind| kind.status().is_client_error() || kind.status().is_server_error()));
    }
}
