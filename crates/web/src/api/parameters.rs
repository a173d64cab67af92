//! Parameters that several endpoints have, read strictly: an unknown or malformed one is a problem, never ignored.

use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{StatusCode, request::Parts},
};
use exhibit_evidence::{EntryId, Timestamp, period::PeriodId};
use serde::de::{DeserializeOwned, IntoDeserializer as _, value::StrDeserializer};

use crate::{
    problem::{Kind, Problem},
    service::Service,
};

/// The largest page.
pub(super) const LARGEST_PAGE: u32 = 1_000;

/// The last position that a record can name: 2^53 - 1.
const LAST_POSITION: u64 = (1 << 53) - 1;

/// Nothing that we keep holds a NUL, and Postgres takes none.
fn no_nul(what: &str, text: &str) -> Result<(), Problem> {
    match text.contains("%00") {
        true => Err(Problem::invalid(format!("{what}: it holds a NUL"))),
        false => Ok(()),
    }
}

/// The query's parameters.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        no_nul("query", parts.uri.query().unwrap_or_default())?;
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(refused) => Err(Problem::invalid(format!(
                "query: {}",
                std::error::Error::source(&refused).map_or_else(|| refused.to_string(), ToString::to_string,)
            ))),
        }
    }
}

/// The path's parameters.
pub(super) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        no_nul("path", parts.uri.path())?;
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(named)) => Ok(Self(named)),
            Err(refused) => Err(Problem::invalid(format!("path: {}", refused.body_text()))),
        }
    }
}

/// A body of JSON.
pub(super) struct Strict<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Service> for Strict<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &Service) -> Result<Self, Problem> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(refused) => {
                let kind = match refused.status() {
                    StatusCode::PAYLOAD_TOO_LARGE => Kind::TooLarge,
                    // Where the length was not said before, the limit is met while reading.
                    _ if refused.body_text().contains("length limit exceeded") => Kind::TooLarge,
                    StatusCode::UNSUPPORTED_MEDIA_TYPE => Kind::UnsupportedMediaType,
                    StatusCode::REQUEST_TIMEOUT => Kind::RequestTimeout,
                    _ => Kind::InvalidRequest,
                };
                // What was read stands in the message.
                Err(Problem::new(kind, state.intake.masked(&format!("body: {}", refused.body_text()))))
            }
        }
    }
}

/// A page's size, between 1 and the largest; 100 where none is asked for.
pub(super) fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    match asked {
        None => Ok(100),
        Some(number @ 1..=LARGEST_PAGE) => Ok(number),
        Some(number) => Err(Problem::invalid(format!("limit: expected 1 to {LARGEST_PAGE}, found {number}"))),
    }
}

/// An instant of a parameter.
pub(super) fn instant(name: &str, asked: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    asked
        .map(|text| {
            let parsed = chrono::DateTime::parse_from_rfc3339(text)
                .map_err(|_| Problem::invalid(format!("{name}: expected an instant such as 2026-10-01T00:00:00Z")))?;
            Ok(Timestamp::new(parsed.to_utc()))
        })
        .transpose()
}

/// An entry's id.
pub(super) fn entry_id(name: &str, asked: &str) -> Result<EntryId, Problem> {
    asked.parse().map_err(|_| Problem::invalid(format!("{name}: expected an id of lower-case UUID form")))
}

/// A position in a list: as far as the ledger's numbers go.
pub(super) fn position(name: &str, asked: Option<u64>) -> Result<Option<u64>, Problem> {
    match asked {
        Some(number) if number > LAST_POSITION => {
            Err(Problem::invalid(format!("{name}: expected at most {LAST_POSITION}")))
        }
        _ => Ok(asked),
    }
}

/// A period's name.
pub(super) fn period(name: &str, asked: Option<&str>) -> Result<Option<PeriodId>, Problem> {
    asked.map(|text| text.parse().map_err(|error| Problem::invalid(format!("{name}: {error}")))).transpose()
}

/// A word of a parameter that has only some, such as an outcome.
pub(crate) fn word<T: DeserializeOwned>(name: &str, expected: &str, asked: Option<&str>) -> Result<Option<T>, Problem> {
    asked
        .map(|text| {
            let word: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
            T::deserialize(word).map_err(|_| Problem::invalid(format!("{name}: expected {expected}")))
        })
        .transpose()
}
