//! Restore drills: a copy of the key is fetched and has to open what was encrypted when that key was current.

use std::time::Duration;

use aws_lc_rs::{
    aead, cipher,
    hmac,
    iv::FixedLength,
};
use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use exhibit_evidence::observation::Subject;
use zeroize::Zeroizing;

use super::canary::{self, Note};
use super::collect::looked_at;
use super::facts::{DrillFacts, Opening, WrittenFacts};
use super::looking::{Given, Looker, label};
use super::proof::{Challenge, key_of};
use super::settings::{Drill, DrillMethod, Protects};
use crate::process::RunError;
use crate::sources::files;

/// How long age, or a command, may take.
const LIMIT: Duration = Duration::from_secs(300);
/// Why a canary with a tag does not open.
const ANOTHER_KEY: &str = "it was encrypted with another key, or was changed since";
/// What age says of an identity that is another one than a file was encrypted for.
const ANOTHER_IDENTITY: [&str; 2] = ["no identity matched any of the recipients", "did not match any of the recipients"];
/// Bytes of a nonce of AES-256-GCM.
pub(super) const NONCE: usize = 12;
/// Bytes of a Fernet token before what is encrypted: version, instant, initialisation vector.
const FERNET_HEAD: usize = 25;
/// Bytes of a Fernet token's signature.
const FERNET_TAIL: usize = 32;

/// How far an attempt to decrypt came.
pub(super) enum Attempt {
    /// A text came out.
    Text(Zeroizing<Vec<u8>>),
    /// That key does not open it.
    Refused(&'static str),
    /// It could not be tried.
    NotTried(String),
}

/// Performs one drill.
pub(super) fn perform(looker: &mut Looker<'_>, drill: &Drill, key: &Subject, challenge: &Challenge) -> DrillFacts {
    let (mut found, mut written) = (None, None);
    let (result, why) = match expected(looker, drill, key) {
        Ok((expected, note)) => {
            written = note;
            outcome(looker, drill, challenge, &expected, &mut found)
        }
        Err(why) => (Opening::NotTried, Some(why)),
    };
    let place = looked_at(label(&drill.copy, &looker.around), found.as_deref());
    DrillFacts {
        name: drill.name.clone(),
        method: drill.method.word().to_owned(),
        canary: drill.canary.clone(),
        written,
        copy: format!("\"{}\" ({place})", drill.copy.name),
        result,
        why,
    }
}

/// What has to come out.
enum Expected {
    Text(String),
    Sha256(String),
}

impl Expected {
    fn is(&self, text: &[u8]) -> bool {
        match self {
            Self::Text(expected) => text.trim_ascii() == expected.as_bytes().trim_ascii(),
            Self::Sha256(expected) => canary::digest(text.trim_ascii()) == *expected,
        }
    }
}

/// What the settings expect, or else the note beside the canary, which also says since when.
fn expected(looker: &Looker<'_>, drill: &Drill, key: &Subject) -> Result<(Expected, Option<WrittenFacts>), String> {
    if let Some(text) = &drill.expect {
        return Ok((Expected::Text(text.clone()), None));
    }
    let note = Note::read(looker.around.root, &drill.canary)?;
    if note.environment != key.environment || note.key != key.id || note.method != drill.method.word() {
        return Err(format!("the note beside {} is about another key or method", drill.canary));
    }
    let written = WrittenFacts { at: note.written_at, current_for: note.current_for };
    Ok((Expected::Sha256(note.text_sha256), Some(written)))
}

fn outcome(
    looker: &mut Looker<'_>,
    drill: &Drill,
    challenge: &Challenge,
    expected: &Expected,
    found: &mut Option<String>,
) -> (Opening, Option<String>) {
    let canary = match files::bytes(looker.around.root, &drill.canary) {
        Ok(canary) => canary,
        Err(error) => return (Opening::NotTried, Some(format!("the canary: {error}"))),
    };
    let look = looker.look(&drill.copy, challenge, &Protects::default());
    *found = look.found;
    let value = match look.given {
        Given::Value(value) => value,
        Given::Absent(why) => return (Opening::Absent, Some(why)),
        Given::Unreadable { why, .. } => return (Opening::NotTried, Some(why)),
        Given::Proof(_) | Given::Attestation(_) => return (Opening::NotTried, Some("the key does not come out of that place".to_owned())),
    };
    let (key, _) = key_of(value.bytes(), drill.copy.shape);
    let attempt = match drill.method {
        DrillMethod::Aes256Gcm => aes_256_gcm(&key, &canary),
        DrillMethod::Fernet => fernet(&key, &canary),
        DrillMethod::Age => by_age(looker, &drill.program, &drill.canary, value.bytes()),
        DrillMethod::Command => by_command(looker, drill, value.bytes()),
    };
    match attempt {
        Attempt::Text(text) if expected.is(&text) => (Opening::Opened, None),
        Attempt::Text(_) => (Opening::OtherText, Some("another text came out than was expected".to_owned())),
        Attempt::Refused(why) => (Opening::Refused, Some(why.to_owned())),
        Attempt::NotTried(why) => (Opening::NotTried, Some(why)),
    }
}

/// By age itself, which says when the identity is another one than the text was encrypted for.
pub(super) fn by_age(looker: &Looker<'_>, program: &str, canary: &str, identity: &[u8]) -> Attempt {
    let beginnings: [&[u8]; 3] = [b"AGE-SECRET-KEY-", b"AGE-PLUGIN-", b"-----BEGIN "];
    if !identity.split(|byte| *byte == b'\n').any(|line| beginnings.iter().any(|start| line.starts_with(start))) {
        return Attempt::Refused("the copy is no identity of age's");
    }
    let command = ["--decrypt", "--identity", "-", canary];
    match looker.printed_or_said(program, &command, Some(identity), LIMIT, &ANOTHER_IDENTITY) {
        Ok(text) => Attempt::Text(text),
        Err((RunError::Failed { .. }, true)) => Attempt::Refused("it was encrypted for another identity"),
        Err((error, _)) => Attempt::NotTried(error.to_string()),
    }
}

/// A program that ends with another status than 0 may have been given the wrong key, or may be broken. Nobody can tell but by
/// the statuses that are configured for the former.
fn by_command(looker: &Looker<'_>, drill: &Drill, key: &[u8]) -> Attempt {
    let (program, arguments) = drill.command.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match looker.printed(program, &arguments, &drill.pass_environment, Some(key), LIMIT) {
        Ok(text) => Attempt::Text(text),
        Err(RunError::Failed { status, .. }) if drill.wrong_key_exit.contains(&status) => {
            Attempt::Refused("the command ended with a status by which it says that the key is a wrong one")
        }
        Err(error) => Attempt::NotTried(error.to_string()),
    }
}

/// Base64 of nonce, encrypted text and tag.
pub(super) fn aes_256_gcm(key: &[u8], canary: &[u8]) -> Attempt {
    let not_in_form = || Attempt::NotTried("the canary is not base64 of a nonce, an encrypted text and a tag".to_owned());
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let Ok(sealed) = GeneralPurpose::new(&STANDARD, lenient).decode(canary.trim_ascii()) else { return not_in_form() };
    let Some((nonce, sealed)) = sealed.split_at_checked(NONCE) else { return not_in_form() };
    let Ok(nonce) = aead::Nonce::try_assume_unique_for_key(nonce) else { return not_in_form() };
    if sealed.len() < aead::AES_256_GCM.tag_len() {
        return not_in_form();
    }
    let Ok(key) = aead::UnboundKey::new(&aead::AES_256_GCM, key) else {
        return Attempt::Refused("the copy is no key of 32 bytes");
    };
    let mut text = Zeroizing::new(sealed.to_vec());
    match aead::LessSafeKey::new(key).open_in_place(nonce, aead::Aad::empty(), &mut text) {
        Ok(opened) => Attempt::Text(Zeroizing::new(opened.to_vec())),
        Err(_) => Attempt::Refused(ANOTHER_KEY),
    }
}

/// A Fernet token: <https://github.com/fernet/spec/blob/master/Spec.md>. Its age is no part of the question.
pub(super) fn fernet(key: &[u8], canary: &[u8]) -> Attempt {
    let not_in_form = || Attempt::NotTried("the canary is no Fernet token".to_owned());
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let Ok(token) = GeneralPurpose::new(&URL_SAFE, lenient).decode(canary.trim_ascii()) else { return not_in_form() };
    let Some(signed) = token.len().checked_sub(FERNET_TAIL).filter(|signed| *signed > FERNET_HEAD) else {
        return not_in_form();
    };
    let (signed, tag) = token.split_at(signed);
    if signed[0] != 0x80 {
        return not_in_form();
    }
    let (32, Some((signing, encryption))) = (key.len(), key.split_at_checked(16)) else {
        return Attempt::Refused("the copy is no key of 32 bytes");
    };
    let refused = Attempt::Refused(ANOTHER_KEY);
    if hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, signing), signed, tag).is_err() {
        return refused;
    }
    let mut iv = [0; 16];
    iv.copy_from_slice(&signed[FERNET_HEAD - 16..FERNET_HEAD]);
    let opening = cipher::UnboundCipherKey::new(&cipher::AES_128, encryption).and_then(cipher::PaddedBlockDecryptingKey::cbc_pkcs7);
    let mut text = Zeroizing::new(signed[FERNET_HEAD..].to_vec());
    let opened = opening.and_then(|key| {
        let context = cipher::DecryptionContext::Iv128(FixedLength::from(&iv));
        key.decrypt(&mut text, context).map(|opened| Zeroizing::new(opened.to_vec()))
    });
    opened.map_or(refused, Attempt::Text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_custody::proof::{Shape, Writing};

    /// From the specification's own `verify.json`.
    #[test]
    fn fernet_opens_what_the_specification_made() {
        let shape = Shape { encoding: Writing::Base64, bytes: Some(32) };
        let (key, _) = key_of(b"cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=", shape);
        let token = b"gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
        assert!(matches!(fernet(&key, token), Attempt::Text(text) if *text == b"hello"));
        assert!(matches!(fernet(&[7; 32], token), Attempt::Refused(_)));
        assert!(matches!(fernet(&[7; 16], token), Attempt::Refused(_)));
        assert!(matches!(fernet(&key, &token[..40]), Attempt::NotTried(_)));
        assert!(matches!(fernet(&key, b"not a token"), Attempt::NotTried(_)));
    }

    #[test]
    fn aes_opens_with_its_own_key_alone() {
        let (key, nonce) = ([5; 32], [9; NONCE]);
        let unbound = aead::UnboundKey::new(&aead::AES_256_GCM, &key).expect("32 bytes");
        let mut sealed = b"the canary".to_vec();
        let unique = aead::Nonce::assume_unique_for_key(nonce);
        aead::LessSafeKey::new(unbound).seal_in_place_append_tag(unique, aead::Aad::empty(), &mut sealed).expect("sealed");
        let canary = base64::engine::general_purpose::STANDARD.encode([&nonce[..], &sealed].concat());
        assert!(matches!(aes_256_gcm(&key, canary.as_bytes()), Attempt::Text(text) if *text == b"the canary"));
        assert!(matches!(aes_256_gcm(&[6; 32], canary.as_bytes()), Attempt::Refused(_)));
        assert!(matches!(aes_256_gcm(&[6; 16], canary.as_bytes()), Attempt::Refused(_)));
        assert!(matches!(aes_256_gcm(&key, b"AAAA"), Attempt::NotTried(_)));
        assert!(matches!(aes_256_gcm(&key, b"@"), Attempt::NotTried(_)));
    }
}
