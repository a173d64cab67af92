//! Whether two places hold one key, shown without showing it: each answers the run's challenge with an HMAC under its key.
//! Answers live in memory for the run, and are compared in constant time.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use exhibit_evidence::observation::Subject;
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// How a challenge begins. A service answers nothing else, so that its key signs nothing for strangers.
const PREFIX: &str = "exhibit-key-custody/1 ";
/// From so many bytes on, a key of so few different ones was not drawn at random.
const MANY: usize = 16;
const FEW: usize = 12;

/// What every place that holds a key is asked in one run: a text that no other run has.
#[derive(Clone, Debug)]
pub(super) struct Challenge {
    /// The text itself. It is no secret.
    pub(super) text: String,
}

impl Challenge {
    /// The challenge for one key. It tells nothing of the run's key, which stays secret.
    pub(super) fn of(run_key: &[u8; 32], subject: &Subject) -> Self {
        let about = format!("exhibit key custody\0{}\0{}", subject.environment, subject.id);
        let nonce = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, run_key), about.as_bytes());
        Self { text: format!("{PREFIX}{}", hex(nonce.as_ref())) }
    }

    /// A number that differs from run to run, and is no secret either.
    pub(super) fn number(&self) -> u64 {
        self.text.get(PREFIX.len()..).and_then(|nonce| u64::from_str_radix(nonce.get(..16)?, 16).ok()).unwrap_or_default()
    }

    /// The answer of a place whose key was read here.
    pub(super) fn answer(&self, key: &[u8]) -> Proof {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), self.text.as_bytes());
        let mut proof = Zeroizing::new([0; 32]);
        proof.copy_from_slice(tag.as_ref());
        Proof(proof)
    }
}

/// The answer of one place. It is never kept: under a known challenge it would be a digest of the key.
pub(super) struct Proof(Zeroizing<[u8; 32]>);

impl Proof {
    /// Reads an answer as services give it: 64 hexadecimal digits, and white space around them.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let digits = text.trim_ascii();
        let mut proof = Zeroizing::new([0; 32]);
        if digits.len() != 2 * proof.len() {
            return None;
        }
        for (byte, pair) in proof.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Self(proof))
    }

    /// Whether both were made with one key. Takes as long whatever the answer.
    pub(super) fn is(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&*self.0, &*other.0).is_ok()
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof([not shown])")
    }
}

/// How a key is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Writing {
    /// Hexadecimal digits, of either case.
    #[default]
    Hex,
    /// Base64, of either alphabet, with or without padding.
    Base64,
    /// As it is: the text's own bytes are the key.
    Text,
}

/// What a key has to look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shape {
    /// How it is written.
    pub(super) encoding: Writing,
    /// How many bytes the key itself has; none where the setting does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bytes: Option<u64>,
}

/// What was found of the shape. No more than that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Form {
    /// As it has to be.
    Fits,
    /// Not written as it has to be.
    OtherEncoding,
    /// Of another length.
    OtherLength,
    /// Of so few different bytes that it was not drawn at random.
    NotRandom,
}

/// The key behind a written value, and whether it has its shape. What is not written as it should be counts as it stands.
pub(super) fn key_of(value: &[u8], shape: Shape) -> (Zeroizing<Vec<u8>>, Form) {
    let written = value.trim_ascii();
    let Some(key) = decoded(written, shape.encoding) else {
        return (Zeroizing::new(written.to_vec()), Form::OtherEncoding);
    };
    let form = if key.is_empty() || shape.bytes.is_some_and(|bytes| bytes != key.len() as u64) {
        Form::OtherLength
    } else if key.len() >= MANY && different(&key) < FEW {
        Form::NotRandom
    } else {
        Form::Fits
    };
    (key, form)
}

fn decoded(written: &[u8], writing: Writing) -> Option<Zeroizing<Vec<u8>>> {
    match writing {
        Writing::Text => Some(Zeroizing::new(written.to_vec())),
        Writing::Hex => {
            if !written.len().is_multiple_of(2) {
                return None;
            }
            let mut key = Zeroizing::new(Vec::with_capacity(written.len() / 2));
            for pair in written.chunks_exact(2) {
                key.push(nibble(pair[0])? << 4 | nibble(pair[1])?);
            }
            Some(key)
        }
        Writing::Base64 => {
            let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
            let url_safe = written.iter().any(|byte| b"-_".contains(byte));
            let letters = if url_safe { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
            let mut key = Zeroizing::new(vec![0; written.len()]);
            let length = GeneralPurpose::new(letters, lenient).decode_slice(written, &mut key).ok()?;
            key.truncate(length);
            Some(key)
        }
    }
}

fn different(key: &[u8]) -> usize {
    let mut seen = [false; 256];
    key.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    seen.iter().filter(|seen| **seen).count()
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use exhibit_evidence::{EnvironmentId, SubjectId};

    const KEY: &str = "9f2c41d07be35a68c4901ed7f38b26a5507cd19ae84f63b2170d5ce99a3e8b46";

    fn challenge(run_key: u8, subject: &str) -> Challenge {
        let environment = EnvironmentId::new("production").expect("an id");
        Challenge::of(&[run_key; 32], &Subject { environment, id: SubjectId::new(subject).expect("an id") })
    }

    #[test]
    fn one_key_gives_one_answer_to_one_challenge_and_to_no_other() {
        let (one, other) = (challenge(1, "a"), challenge(2, "a"));
        assert!(one.text.starts_with(PREFIX));
        assert_ne!(one.number(), other.number());
        assert_ne!(one.text, other.text);
        assert_ne!(one.text, challenge(1, "b").text);
        assert!(one.answer(b"key").is(&one.answer(b"key")));
        assert!(!one.answer(b"key").is(&one.answer(b"kex")));
        assert!(!one.answer(b"key").is(&other.answer(b"key")));
        assert_eq!(format!("{:?}", one.answer(b"key")), "Proof([not shown])");
    }

    /// What `printf %s … | openssl dgst -sha256 -mac HMAC -macopt hexkey:…` says: services make it with any library.
    #[test]
    fn an_answer_is_a_plain_hmac_in_hexadecimal() {
        let challenge = Challenge { text: "exhibit-key-custody/1 00".to_owned() };
        let (key, form) = key_of(KEY.as_bytes(), Shape { encoding: Writing::Hex, bytes: Some(32) });
        assert_eq!(form, Form::Fits);
        let said = b" 7AF0_ANSWER \n";
        assert!(Proof::read(said).is_none());
        let told = Proof::read(ANSWER.as_bytes()).expect("64 digits");
        assert!(challenge.answer(&key).is(&told));
    }

    const ANSWER: &str = "91c1932c636477bb460ad1ffcd37ec1880082fd69a97aa837df6ba27d601e65d\n";

    #[test]
    fn a_key_is_the_same_however_it_is_written() {
        let shape = |encoding| Shape { encoding, bytes: Some(32) };
        let (key, form) = key_of(format!("{}\n", KEY.to_uppercase()).as_bytes(), shape(Writing::Hex));
        assert_eq!((key.len(), form), (32, Form::Fits));
        let engines = [
            base64::engine::general_purpose::STANDARD.encode(&key),
            base64::engine::general_purpose::URL_SAFE.encode(&key),
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&key),
        ];
        for text in engines {
            assert_eq!(key_of(text.as_bytes(), shape(Writing::Base64)), (key.clone(), Form::Fits));
        }
        assert_eq!(key_of(KEY.as_bytes(), Shape { encoding: Writing::Text, bytes: Some(64) }).1, Form::Fits);
    }

    #[test]
    fn what_has_another_shape_is_told_as_such() {
        let shape = |encoding, bytes| Shape { encoding, bytes: Some(bytes) };
        let zeros = "00".repeat(32);
        let cases: &[(&str, Shape, Form)] = &[
            (KEY, shape(Writing::Hex, 16), Form::OtherLength),
            (&KEY[1..], shape(Writing::Hex, 32), Form::OtherEncoding),
            ("not a key", shape(Writing::Hex, 32), Form::OtherEncoding),
            ("§§§", shape(Writing::Base64, 32), Form::OtherEncoding),
            ("", shape(Writing::Hex, 32), Form::OtherLength),
            ("", Shape { encoding: Writing::Text, bytes: None }, Form::OtherLength),
            (&zeros, shape(Writing::Hex, 32), Form::NotRandom),
        ];
        for (value, shape, form) in cases {
            assert_eq!(key_of(value.as_bytes(), *shape).1, *form, "{value}");
        }
    }
}
