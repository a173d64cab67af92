//! What looks like a secret in a configuration file, by its key or by its own shape.

use exhibit_detect::{Confidence, Engine, Sensitivity};

/// Keys of our own schema that expect a reference, by their full path.
pub(super) const REFERENCE_KEYS: [&str; 6] = [
    "database.url",
    "database.owner_url",
    "signing.key",
    "archive.s3.access_key_id",
    "archive.s3.secret_access_key",
    "archive.s3.session_token",
];

/// Whether a text under this key would be a secret whatever it says.
pub(super) fn sensitive_key(key: &str) -> bool {
    // A connection string is secret only if it carries a password, which its own shape tells.
    exhibit_detect::sensitive_key(key).is_some_and(|kind| kind != Sensitivity::ConnectionUrl)
}

/// Whether lines under this key should rather be hidden where a file cannot be understood.
pub(super) fn doubtful_key(key: &str) -> bool {
    exhibit_detect::sensitive_key(key).is_some()
}

/// Whether the text refers to a secret that lies elsewhere.
pub(super) fn is_reference(text: &str) -> bool {
    text.starts_with("env:") || text.starts_with("file:")
}

/// Whether the text holds a secret by its own shape: a known token, a private key, a URL with a password.
pub(crate) fn holds_secret(text: &str) -> bool {
    // A header alone is enough: its body may stand in the next line.
    text.contains("PRIVATE KEY-----")
        || url_password(text)
        || Engine::builtin().scan(text.as_bytes()).iter().any(|found| found.confidence >= Confidence::Medium)
}

/// `scheme://user:password@host` with anything but a placeholder for a password.
fn url_password(text: &str) -> bool {
    text.match_indices("://").any(|(at, separator)| {
        let rest = &text[at + separator.len()..];
        let end = rest.find(|c: char| c == '/' || c == '?' || c == '#' || c.is_whitespace()).unwrap_or(rest.len());
        rest[..end]
            .rsplit_once('@')
            .and_then(|(user, _)| user.split_once(':'))
            .is_some_and(|(_, password)| !password.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_judged_by_their_last_words() {
        for (key, sensitive) in [
            ("password", true),
            ("DB_PASSWORD", true),
            ("dbPassword", true),
            ("github-token", true),
            ("apiKey", true),
            ("private_key", true),
            ("client.secret", true),
            ("key", false),
            ("secrets", false),
            ("required_keys", false),
            ("min_password_length", false),
            ("password_dictionary", false),
            ("compass", false),
            ("", false),
        ] {
            assert_eq!(sensitive_key(key), sensitive, "{key}");
        }
    }

    #[test]
    fn a_value_can_give_itself_away() {
        for (text, secret) in [
            ("postgres://app:fake-pw@db/app", true),
            ("see redis://:fake-pw@cache:6379/0", true),
            ("postgres://app@db/app", false),
            ("https://example.com/a:b@c", false),
            ("-----BEGIN EC PRIVATE KEY-----", true),
            ("ordinary text", false),
        ] {
            assert_eq!(holds_secret(text), secret, "{text}");
        }
    }
}
