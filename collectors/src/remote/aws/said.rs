//! AWS's own words for failures, out of its answers: only those of a list, so that no answer can put a secret in a message.

use super::super::{HeaderMap, Said};

/// The words, and whether asking again may help.
const WORDS: &[(&str, bool)] = &[
    // Credentials and rights.
    ("AccessDenied", false),
    ("AccessDeniedException", false),
    ("AllAccessDisabled", false),
    ("ExpiredToken", false),
    ("ExpiredTokenException", false),
    ("IncompleteSignature", false),
    ("InvalidAccessKeyId", false),
    ("InvalidClientTokenId", false),
    ("InvalidSignatureException", false),
    ("InvalidToken", false),
    ("MissingAuthenticationToken", false),
    ("OptInRequired", false),
    ("RequestTimeTooSkewed", false),
    ("SignatureDoesNotMatch", false),
    ("UnrecognizedClientException", false),
    // What is asked for.
    ("AuthorizationHeaderMalformed", false),
    ("InvalidBucketName", false),
    ("InvalidKeyId", false),
    ("InvalidObjectState", false),
    ("InvalidParameterException", false),
    ("InvalidRequest", false),
    ("InvalidRequestException", false),
    ("KMS.DisabledException", false),
    ("DecryptionFailure", false),
    ("NoSuchBucket", false),
    ("NoSuchKey", false),
    ("NoSuchVersion", false),
    ("ParameterNotFound", false),
    ("PermanentRedirect", false),
    ("PreconditionFailed", false),
    ("ResourceNotFoundException", false),
    ("SerializationException", false),
    ("UnknownOperationException", false),
    ("ValidationException", false),
    // What passes.
    ("InternalError", true),
    ("InternalFailure", true),
    ("InternalServiceError", true),
    ("RequestLimitExceeded", true),
    ("RequestTimeout", true),
    ("ServiceUnavailable", true),
    ("ServiceUnavailableException", true),
    ("SlowDown", true),
    ("Throttling", true),
    ("ThrottlingException", true),
    ("TooManyRequestsException", true),
];

/// The word in an answer: in the header `x-amzn-errortype`, in `__type` or `code` of JSON, or in `<Code>` of XML.
#[must_use]
pub fn explain(_status: u16, headers: &HeaderMap, beginning: &[u8]) -> Option<Said> {
    let header = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    let found = header.and_then(known).or_else(|| {
        let text = String::from_utf8_lossy(beginning);
        between(&text, "<Code>", "<").or_else(|| json(&text)).and_then(|word| known(&word))
    });
    found.map(|(word, passing)| Said { word, passing })
}

/// `com.amazonaws.service#WordException:http://…` is `WordException`.
fn known(text: &str) -> Option<(&'static str, bool)> {
    let word = text.rsplit('#').next()?.split(':').next()?.trim();
    WORDS.iter().find(|(known, _)| *known == word).copied()
}

fn between(text: &str, start: &str, end: &str) -> Option<String> {
    let (_, rest) = text.split_once(start)?;
    Some(rest.split_once(end)?.0.to_owned())
}

fn json(text: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    ["__type", "code", "Code"].iter().find_map(|key| value.get(key)?.as_str().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_words_are_told() {
        let word = |text: &str| explain(400, &HeaderMap::new(), text.as_bytes()).map(|said| (said.word, said.passing));
        assert_eq!(word("<Error><Code>NoSuchBucket</Code><Message>x</Message>"), Some(("NoSuchBucket", false)));
        assert_eq!(word(r#"{"__type":"com.amazonaws.logs#ThrottlingException"}"#), Some(("ThrottlingException", true)));
        assert_eq!(word("<Code>AKIACANARY4711</Code>"), None);
        assert_eq!(word("not found"), None);
        let mut headers = HeaderMap::new();
        headers.insert("x-amzn-errortype", "AccessDeniedException:http://internal/".parse().expect("a value"));
        assert_eq!(explain(400, &headers, b"").map(|said| said.word), Some("AccessDeniedException"));
    }
}
