//! Equality of values within one run, without the values.

use hmac::{Hmac, KeyInit, Mac};
use serde::{Serialize, Serializer};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A random key that lives for one run. Whoever holds it can guess short values: it never leaves memory.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct RunKey([u8; 32]);

impl RunKey {
    /// Takes 32 random bytes from the caller, who forgets them.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> RunKey {
        RunKey(bytes)
    }
}

impl std::fmt::Debug for RunKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RunKey([REDACTED])")
    }
}

/// HMAC-SHA-256 of a value under a [`RunKey`]: comparable within that run, meaningless outside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The fingerprint of `value` for one purpose; different purposes never compare equal.
pub(crate) fn keyed(key: &RunKey, purpose: &str, value: &[u8]) -> Fingerprint {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&key.0).expect("HMAC takes keys of any length");
    mac.update(purpose.as_bytes());
    mac.update(&[0]);
    mac.update(value);
    Fingerprint(mac.finalize().into_bytes().into())
}

/// Words that tell environments apart, longest first where one begins another.
const ENVIRONMENTS: &[&str] = &[
    "preproduction",
    "production",
    "development",
    "integration",
    "staging",
    "preprod",
    "sandbox",
    "testing",
    "nonprod",
    "stage",
    "local",
    "prod",
    "live",
    "demo",
    "test",
    "stg",
    "dev",
    "uat",
    "int",
    "qa",
    "prd",
    "ci",
];
/// Shortest normal form that says anything; below it unlike values would look alike.
const SHORTEST: usize = 4;
/// Shortest environment word that is cut where no separator sets it apart.
const SHORTEST_GLUED: usize = 3;

/// What remains of a value when case, trailing digits and punctuation, and environment words are taken away.
/// `None` when too little remains to compare.
pub(crate) fn near_form(value: &[u8]) -> Option<Vec<u8>> {
    let lower = value.to_ascii_lowercase();
    let mut form: Vec<u8> = lower
        .split(|b| !b.is_ascii_alphanumeric() && b.is_ascii())
        .filter(|word| !ENVIRONMENTS.iter().any(|e| *word == e.as_bytes()))
        .flatten()
        .copied()
        .collect();
    loop {
        let before = form.len();
        while form.last().is_some_and(u8::is_ascii_digit) {
            form.pop();
        }
        for word in ENVIRONMENTS.iter().filter(|w| w.len() >= SHORTEST_GLUED) {
            let rest = form.len().saturating_sub(word.len());
            if rest < SHORTEST {
                continue;
            }
            if form.ends_with(word.as_bytes()) {
                form.truncate(rest);
            } else if form.starts_with(word.as_bytes()) {
                form.drain(..word.len());
            }
        }
        if form.len() == before {
            break;
        }
    }
    (form.len() >= SHORTEST).then_some(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(text: &str) -> Option<String> {
        near_form(text.as_bytes()).map(|f| String::from_utf8(f).unwrap())
    }

    #[test]
    fn nearly_equal_values_share_a_form() {
        let groups: [&[&str]; 4] = [
            &["Winter-2024!", "winter2025", "WINTER", "winter-prod", "StagingWinter1"],
            &["acme-Prod-db1", "acme-staging-db2", "ACME_DB"],
            &["hunter2", "Hunter3!", "hunter-dev"],
            &["p@ssword1", "P@ssword2024"],
        ];
        for group in groups {
            let first = near(group[0]);
            assert!(first.is_some());
            for other in group {
                assert_eq!(near(other), first, "{other}");
            }
        }
    }

    #[test]
    fn too_little_is_no_form() {
        for text in ["", "123456", "dev", "prod-1", "abc1", "!!!"] {
            assert_eq!(near(text), None, "{text}");
        }
    }

    #[test]
    fn keys_and_purposes_separate() {
        let (a, b) = (RunKey::new([1; 32]), RunKey::new([2; 32]));
        assert_eq!(keyed(&a, "value", b"x"), keyed(&a, "value", b"x"));
        assert_ne!(keyed(&a, "value", b"x"), keyed(&b, "value", b"x"));
        assert_ne!(keyed(&a, "value", b"x"), keyed(&a, "near", b"x"));
        assert_ne!(keyed(&a, "value", b"x"), keyed(&a, "value", b"y"));
        assert_eq!(format!("{a:?}"), "RunKey([REDACTED])");
    }

    #[test]
    fn a_known_answer() {
        // printf 'value\0x' | openssl dgst -sha256 -mac HMAC -macopt hexkey:<64 zeros>
        let expected = "b933e666121eec77c9db237d789475760e6c48b253472e92b1f6442445e1bfe3";
        assert_eq!(keyed(&RunKey::new([0; 32]), "value", b"x").to_string(), expected);
    }
}
