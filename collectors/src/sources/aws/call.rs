//! One call of an AWS service that speaks JSON, and the pages of a list.

use super::super::json::Json;
use super::super::service::{self, MOST_NAMES};
use super::super::{Source as _, SourceError, files};
use super::{Aws, Root, Which};
use crate::remote::aws::{AwsSigner, Service, explain};
use crate::remote::{Client, HeaderName, HeaderValue, Method, RemoteError, Request, Url};
use exhibit_evidence::Timestamp;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::Path;
use zeroize::Zeroizing;

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const JSON: &str = "application/x-amz-json-1.1";

/// Keys and a client, for the time of one look at a source.
pub(super) struct Caller<'s> {
    aws: &'s Aws<'s>,
    client: Client,
    signer: AwsSigner<'s>,
    url: Url,
}

impl<'s> Caller<'s> {
    pub(super) fn begin(aws: &'s Aws<'s>) -> Result<Self, SourceError> {
        let settings = &aws.settings;
        let told = |error: RemoteError| refused(aws, &error);
        let client = service::client(&aws.root, settings.authorities.as_deref(), settings.plain_http)?;
        let folder = match &aws.root {
            Root::Folder(folder) => folder.as_path(),
            Root::Memory(_) => Path::new("/"),
        };
        let name = aws.which.service();
        let domain = if settings.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let own = || format!("https://{name}.{}.{domain}/", settings.region);
        let url = client.url(&settings.endpoint.clone().unwrap_or_else(own)).map_err(told)?;
        let keys = settings.keys.load(folder).map_err(told)?;
        let region = settings.region.clone();
        let signer = AwsSigner { keys, region, service: Service::Other(name), clock: aws.clock };
        Ok(Self { aws, client, signer, url })
    }

    /// Calls an action.
    pub(super) fn call(&self, what: &'static str, action: &str, ask: &Value) -> Result<Json, RemoteError> {
        let target = format!("{}.{action}", self.aws.which.target());
        let unfit = |_| RemoteError::Settings("an action's name can't stand in a header".to_owned());
        let target = HeaderValue::from_str(&target).map_err(unfit)?;
        let request = Request::new(what, Method::POST, self.url.clone())
            .header(TARGET, target)
            .body(JSON, Zeroizing::new(ask.to_string().into_bytes()))
            .explained_by(explain)
            .signed_by(&self.signer);
        let answer = self.client.fetch(&request)?;
        let text = files::decode("answer", &answer.body).ok();
        text.and_then(|text| Json::read(&text).ok()).ok_or_else(|| answer.not_understood("JSON"))
    }

    /// Every item of a list that comes in pages.
    pub(super) fn pages(
        &self,
        what: &'static str,
        action: &str,
        ask: &Value,
        list: &str,
    ) -> Result<Vec<Json>, SourceError> {
        let (mut items, mut ask) = (Vec::new(), ask.clone());
        let mut tokens = HashSet::new();
        loop {
            let mut answer = self.call(what, action, &ask).map_err(|error| self.told(&error))?;
            let next = answer.text_at(["NextToken"]).filter(|next| !next.is_empty()).map(str::to_owned);
            let Json::Map(entries) = &mut answer else { return Err(self.malformed()) };
            let inside = entries.iter_mut().find(|(name, _)| name == list).map(|(_, value)| value);
            let Some(Json::List(inside)) = inside else { return Err(self.malformed()) };
            items.append(inside);
            match next {
                None => return Ok(items),
                Some(_) if items.len().max(tokens.len()) > MOST_NAMES => {
                    let reason = format!("it holds more than {MOST_NAMES} names");
                    return Err(SourceError::refused(self.aws.label(), "too-large", reason));
                }
                // A list that goes round would never end.
                Some(next) if !tokens.insert(next.clone()) => return Err(self.malformed()),
                Some(next) => ask["NextToken"] = json!(next),
            }
        }
    }

    pub(super) fn told(&self, error: &RemoteError) -> SourceError {
        refused(self.aws, error)
    }

    pub(super) fn malformed(&self) -> SourceError {
        SourceError::refused(self.aws.label(), "not-understood", "the answer is not in the service's form")
    }
}

impl Which {
    fn service(self) -> &'static str {
        match self {
            Self::Secrets => "secretsmanager",
            Self::Parameters => "ssm",
        }
    }

    fn target(self) -> &'static str {
        match self {
            Self::Secrets => "secretsmanager",
            Self::Parameters => "AmazonSSM",
        }
    }
}

/// Why there is no value behind one name that was listed; none where that is an error of the whole source.
pub(super) fn not_seen(error: &RemoteError) -> Option<(&'static str, &'static str)> {
    let RemoteError::Status { said: Some(said), .. } = error else { return None };
    match *said {
        "AccessDenied" | "AccessDeniedException" => {
            Some(("not-permitted", "the service lists it, and the keys may not read it"))
        }
        "DecryptionFailure" | "KMS.DisabledException" | "InvalidKeyId" => {
            Some(("not-permitted", "the service lists it, and the keys may not decrypt it"))
        }
        "ResourceNotFoundException" | "ParameterNotFound" | "InvalidRequestException" => {
            Some(("deleted", "it has no current value"))
        }
        _ => None,
    }
}

/// AWS answers 400 to most: the word says what it was.
fn refused(aws: &Aws<'_>, error: &RemoteError) -> SourceError {
    let code = match error {
        RemoteError::Status { said: Some(said), .. } => match *said {
            "AccessDenied"
            | "AccessDeniedException"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "InvalidAccessKeyId"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException"
            | "MissingAuthenticationToken"
            | "IncompleteSignature" => "denied",
            "Throttling" | "ThrottlingException" | "TooManyRequestsException" | "RequestLimitExceeded" => "throttled",
            _ => error.code(),
        },
        _ => error.code(),
    };
    SourceError::refused(aws.label(), code, error.to_string())
}

/// An instant in seconds since 1970, with any fraction.
pub(super) fn seconds(text: &str) -> Option<Timestamp> {
    if text.contains(['e', 'E']) {
        #[expect(clippy::cast_possible_truncation, reason = "micro-seconds since 1970 fit for 290,000 years")]
        return text.parse::<f64>().ok().and_then(|seconds| Timestamp::from_micros((seconds * 1e6) as i64));
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let micros: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let (whole, micros): (i64, i64) = (whole.parse().ok()?, micros.parse().ok()?);
    Timestamp::from_micros(whole.checked_mul(1_000_000)?.checked_add(micros)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_in_any_spelling() {
        for (text, expected) in [
            ("1767323045", Some("2026-01-02T03:04:05.000000Z")),
            ("1767323045.5", Some("2026-01-02T03:04:05.500000Z")),
            ("1767323045.123456789", Some("2026-01-02T03:04:05.123456Z")),
            ("1.767323045E9", Some("2026-01-02T03:04:05.000000Z")),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(seconds(text).map(|at| at.to_string()).as_deref(), expected, "{text}");
        }
    }
}
