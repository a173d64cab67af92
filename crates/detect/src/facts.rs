//! What may be said about a secret value without saying the value.

use serde::Serialize;
use zeroize::Zeroizing;

use crate::alphabet::Alphabet;
use crate::entropy;
use crate::fingerprint::{Fingerprint, RunKey, keyed, near_form};
use crate::shape;

pub use crate::passwords::is_dictionary_password;
pub use crate::placeholder::{is_placeholder, is_reference};

/// How hard a value is to guess, by its length and the spread of its characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntropyClass {
    /// Under 32 bits in all.
    Low,
    /// From 32 and under 60 bits in all.
    Medium,
    /// 60 bits and more.
    High,
}

impl EntropyClass {
    /// The class of a value: its Shannon entropy per byte times its length. A dictionary word is low, always.
    #[must_use]
    pub fn of(value: &[u8]) -> EntropyClass {
        let total = u64::from(entropy_hundredths(value)) * value.len() as u64 / 100;
        match total {
            _ if is_dictionary_password(value) => EntropyClass::Low,
            0..32 => EntropyClass::Low,
            32..60 => EntropyClass::Medium,
            _ => EntropyClass::High,
        }
    }

    /// The lower-case word used in evidence.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            EntropyClass::Low => "low",
            EntropyClass::Medium => "medium",
            EntropyClass::High => "high",
        }
    }
}

/// Facts about one value. Holds nothing from which the value could be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// Length in bytes.
    pub length: u64,
    /// The narrowest class of its characters.
    pub alphabet: Alphabet,
    /// Shannon entropy, in hundredths of a bit per byte, 0 to 800.
    pub entropy: u32,
    /// How hard it is to guess.
    pub entropy_class: EntropyClass,
    /// Is it, or is its stem, in the shipped list of default and common passwords?
    pub dictionary: bool,
    /// Is it a stand-in that somebody was meant to replace, or a reference?
    pub placeholder: bool,
    /// Is it a reference to a value kept elsewhere?
    pub reference: bool,
    /// The masked shape.
    pub shape: String,
    /// Equal for equal values under one key.
    pub fingerprint: Fingerprint,
    /// Equal for values that differ only in case, trailing digits and punctuation, or environment words.
    /// `None` when too little of the value remains to compare.
    pub near: Option<Fingerprint>,
}

/// Everything that may be told about `value`; fingerprints compare only under the same `key`.
#[must_use]
pub fn of(value: &[u8], key: &RunKey) -> Facts {
    Facts {
        length: value.len() as u64,
        alphabet: Alphabet::of(value),
        entropy: entropy_hundredths(value),
        entropy_class: EntropyClass::of(value),
        dictionary: is_dictionary_password(value),
        placeholder: is_placeholder(value),
        reference: is_reference(value),
        shape: shape::masked(value),
        fingerprint: fingerprint(value, key),
        near: near_fingerprint(value, key),
    }
}

/// The Shannon entropy of a value, in hundredths of a bit per byte (0 to 800). The same integer on every machine.
#[must_use]
pub fn entropy_hundredths(value: &[u8]) -> u32 {
    entropy::hundredths(value)
}

/// Equal for equal values under one key.
#[must_use]
pub fn fingerprint(value: &[u8], key: &RunKey) -> Fingerprint {
    keyed(key, "value", value)
}

/// Equal for values that differ only in case, trailing digits and punctuation, or environment words such as
/// `prod` and `staging`; `None` when too little of the value remains to compare.
#[must_use]
pub fn near_fingerprint(value: &[u8], key: &RunKey) -> Option<Fingerprint> {
    near_form(value).map(|form| keyed(key, "near", &Zeroizing::new(form)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        let cases = [
            ("", EntropyClass::Low),
            ("hunter2", EntropyClass::Low),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", EntropyClass::Low),
            ("Password123!", EntropyClass::Low),
            ("kV9#tq2Lw0", EntropyClass::Medium),
            ("kV9#tq2Lw0!xZ8@mR5", EntropyClass::High),
            ("0f4ce5b1a97d3826e0c4", EntropyClass::High),
        ];
        for (value, class) in cases {
            assert_eq!(EntropyClass::of(value.as_bytes()), class, "{value}");
        }
    }

    #[test]
    fn facts_do_not_hold_the_value() {
        let key = RunKey::new([7; 32]);
        let value = "kV9#tq2Lw0!xZ8@mR5";
        let facts = of(value.as_bytes(), &key);
        assert!(!format!("{facts:?}").contains("kV9"));
        assert_eq!((facts.length, facts.shape.as_str()), (18, "(18, mixed)"));
        assert!(!facts.placeholder && !facts.dictionary && !facts.reference);
    }

    #[test]
    fn equal_and_nearly_equal() {
        let key = RunKey::new([7; 32]);
        let (a, b) = (of(b"Winter-prod-2024", &key), of(b"winter-staging-2025", &key));
        assert_ne!(a.fingerprint, b.fingerprint);
        assert_eq!(a.near, b.near);
        assert!(a.near.is_some() && a.near != Some(a.fingerprint));
    }
}
