//! What an answer means that is not the one hoped for.

use std::fmt;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStreamError;

use super::credentials::NoCredentials;
use crate::VaultError;

/// What to make of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// No answer, or one that broke off: whether the work was done is unknown.
    Lost,
    /// There is no secure way to the server: its certificate is not one to trust. Nothing was sent.
    Insecure,
    /// The server says that it can't just now. It may have done the work all the same.
    Busy,
    /// There is no such thing.
    Absent,
    /// There is something already (`If-None-Match`).
    Occupied,
    /// The server does not know the request, or a header of it.
    Unknown,
    /// The credentials are not, or no longer, good.
    Credentials,
    /// Our clock and the server's are too far apart.
    Skew,
    /// We may not.
    Refused,
    /// The bucket has no Object Lock.
    NoLock,
    /// The request makes no sense to the server.
    Senseless,
}

/// A request that did not succeed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) class: Class,
    /// The server's word, or the status.
    pub(super) code: String,
    detail: String,
    pub(super) request_id: Option<String>,
}

impl Failure {
    /// No answer.
    pub(super) fn lost(detail: impl Into<String>) -> Self {
        Self { class: Class::Lost, code: "no answer".to_owned(), detail: detail.into(), request_id: None }
    }

    /// Whether other credentials might help: also where the answer has no word for what is wrong.
    pub(super) fn doubts_credentials(&self) -> bool {
        self.class == Class::Credentials || (self.class == Class::Refused && self.code.starts_with("status "))
    }

    /// Whether asking again may help.
    pub(super) fn passes(&self) -> bool {
        matches!(self.class, Class::Lost | Class::Busy)
    }

    /// As the error of a verb; `what` names operation and object.
    pub(super) fn into_error(self, what: &str) -> VaultError {
        let what = what.to_owned();
        let detail = self.to_string();
        match self.class {
            Class::Lost | Class::Busy | Class::Occupied | Class::Insecure => VaultError::Unavailable { what, detail },
            Class::Skew => VaultError::ClockSkew { what, detail },
            Class::NoLock => VaultError::Unfit {
                place: what,
                problem: format!("the bucket has no Object Lock, so that nothing in it can be locked ({detail})"),
            },
            Class::Absent | Class::Unknown | Class::Credentials | Class::Refused | Class::Senseless => {
                VaultError::Refused { what, detail }
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if !self.detail.is_empty() && self.detail != self.code {
            write!(f, ", {}", self.detail)?;
        }
        match &self.request_id {
            Some(id) => write!(f, " (request {id})"),
            None => Ok(()),
        }
    }
}

impl<E> From<SdkError<E, HttpResponse>> for Failure
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        if let Some(ours) = no_credentials(&error) {
            let code = "not sent".to_owned();
            return Self { class: Class::Credentials, code, detail: ours.to_string(), request_id: None };
        }
        let status = error.raw_response().map(|response| response.status().as_u16());
        let request_id = error
            .raw_response()
            .and_then(|response| response.headers().get("x-amz-request-id"))
            .map(|id| one_line(id, 80));
        match &error {
            SdkError::ServiceError(answer) => {
                let code = answer.err().meta().code().map(|code| one_line(code, 80));
                let message = answer.err().meta().message().map(|message| one_line(message, 200));
                let class = classify(status.unwrap_or(0), code.as_deref(), message.as_deref());
                // Of errors about signatures and keys, servers repeat what was sent.
                let quiet = matches!(class, Class::Credentials);
                let code = code.unwrap_or_else(|| format!("status {}", status.unwrap_or(0)));
                let detail = message.filter(|_| !quiet).unwrap_or_default();
                Self { class, code, detail, request_id }
            }
            SdkError::TimeoutError(_) => Self::lost("the time for it was over"),
            SdkError::DispatchFailure(failure) => {
                if let Some(why) = failure.as_connector_error().and_then(|error| insecure(error)) {
                    return Self {
                        class: Class::Insecure,
                        code: "no secure connection".to_owned(),
                        detail: why,
                        request_id: None,
                    };
                }
                let why = if failure.is_timeout() {
                    "the connection took too long".to_owned()
                } else {
                    failure.as_connector_error().map_or_else(String::new, |error| deepest(error))
                };
                Self::lost(format!("the connection failed: {why}"))
            }
            SdkError::ResponseError(_) => {
                let class =
                    if status.is_some_and(|status| status == 503 || status == 500) { Class::Busy } else { Class::Lost };
                let code = status.map_or("no answer".to_owned(), |status| format!("status {status}"));
                Self { class, code, detail: "the answer can't be read".to_owned(), request_id }
            }
            SdkError::ConstructionFailure(_) => Self {
                class: Class::Senseless,
                code: "not sent".to_owned(),
                detail: "the request could not be made".to_owned(),
                request_id: None,
            },
            _ => Self::lost("an error that this version does not know"),
        }
    }
}

impl From<ByteStreamError> for Failure {
    fn from(error: ByteStreamError) -> Self {
        Self::lost(format!("the body broke off: {}", deepest(&error)))
    }
}

/// Nothing was sent, because there were no credentials to sign it with. Our own sources word that without values.
fn no_credentials<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a NoCredentials> {
    let mut error = Some(error);
    while let Some(inner) = error {
        if let Some(ours) = inner.downcast_ref::<NoCredentials>() {
            return Some(ours);
        }
        error = inner.source();
    }
    None
}

/// What TLS has against the server, if that is what is wrong.
fn insecure(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut error = Some(error);
    while let Some(inner) = error {
        if let Some(refused) = inner.downcast_ref::<rustls::Error>() {
            return Some(one_line(&refused.to_string(), 200));
        }
        // The error within one of I/O is not its source.
        let within = inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        error = match within {
            Some(within) => Some(within),
            None => inner.source(),
        };
    }
    None
}

/// The innermost reason, which says most.
fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    one_line(&inner.to_string(), 200)
}

/// What a server says, fit for a line of ours.
fn one_line(text: &str, length: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(length).collect()
}

fn classify(status: u16, code: Option<&str>, message: Option<&str>) -> Class {
    match code.unwrap_or_default() {
        // An answer to HEAD has no body, so that it says no more. Expired credentials come as 400.
        "" if status == 400 => Class::Credentials,
        "RequestTimeTooSkewed" => Class::Skew,
        "ExpiredToken"
        | "ExpiredTokenException"
        | "TokenRefreshRequired"
        | "InvalidToken"
        | "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "InvalidClientTokenId"
        | "RequestExpired" => Class::Credentials,
        "SlowDown"
        | "Throttling"
        | "ThrottlingException"
        | "RequestLimitExceeded"
        | "TooManyRequests"
        | "ServiceUnavailable"
        | "InternalError"
        | "RequestTimeout"
        | "OperationAborted"
        | "ConditionalRequestConflict" => Class::Busy,
        // Bytes that changed on the way: sent again, they may arrive.
        "BadDigest" | "XAmzContentSHA256Mismatch" | "IncompleteBody" | "InvalidDigest" => Class::Lost,
        "NotImplemented" => Class::Unknown,
        "PreconditionFailed" => Class::Occupied,
        "InvalidRequest" if message.is_some_and(|message| message.contains("Object Lock")) => Class::NoLock,
        _ => match status {
            404 => Class::Absent,
            412 => Class::Occupied,
            401 | 403 => Class::Refused,
            408 | 409 | 425 | 429 => Class::Busy,
            405 | 501 => Class::Unknown,
            500.. => Class::Busy,
            _ => Class::Senseless,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_what_they_mean() {
        for (status, code, message, class) in [
            (503, Some("SlowDown"), None, Class::Busy),
            (503, None, None, Class::Busy),
            (500, Some("InternalError"), None, Class::Busy),
            (502, None, None, Class::Busy),
            (429, None, None, Class::Busy),
            (409, Some("OperationAborted"), None, Class::Busy),
            (404, Some("NoSuchVersion"), None, Class::Absent),
            (404, None, None, Class::Absent),
            (403, Some("AccessDenied"), None, Class::Refused),
            (403, None, None, Class::Refused),
            (403, Some("RequestTimeTooSkewed"), None, Class::Skew),
            (400, Some("ExpiredToken"), None, Class::Credentials),
            (403, Some("InvalidAccessKeyId"), None, Class::Credentials),
            (400, None, None, Class::Credentials),
            (412, Some("PreconditionFailed"), None, Class::Occupied),
            (501, Some("NotImplemented"), None, Class::Unknown),
            (405, Some("MethodNotAllowed"), None, Class::Unknown),
            (400, Some("BadDigest"), None, Class::Lost),
            (400, Some("InvalidRequest"), Some("Bucket is missing Object Lock Configuration"), Class::NoLock),
            (400, Some("InvalidRequest"), Some("Missing header"), Class::Senseless),
            (400, Some("InvalidArgument"), None, Class::Senseless),
        ] {
            assert_eq!(classify(status, code, message), class, "{status} {code:?}");
        }
    }

    #[test]
    fn what_a_server_says_stays_one_short_line() {
        let said = one_line(&format!("a\r\n\u{1b}[31mb{}", "x".repeat(500)), 10);
        assert_eq!(said, "a[31mbxxxx");
    }
}
