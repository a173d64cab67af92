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
use zeroize::Zeroizing;

use super::collect::looked_at;
use super::facts::{DrillFacts, Opening};
use super::looking::{Given, Looker, label};
use super::proof::{Challenge, key_of};
use super::settings::{Drill, DrillMethod, Protects};
use crate::sources::files;

/// How long age, or a command, may take.
const LIMIT: Duration = Duration::from_secs(300);
/// Bytes of a nonce of AES-256-GCM.
const NONCE: usize = 12;
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
pub(super) fn perform(looker: &mut Looker<'_>, drill: &Drill, challenge: &Challenge) -> DrillFacts {
    let mut found = None;
    let (result, why) = outcome(looker, drill, challenge, &mut found);
    let place = looked_at(label(&drill.copy, &looker.around), found.as_deref());
    DrillFacts {
        name: drill.name.clone(),
        method: drill.method.word().to_owned(),
        canary: drill.canary.clone(),
        copy: format!("\"{}\" ({place})", drill.copy.name),
        result,
        why,
    }
}

fn outcome(
    looker: &mut Looker<'_>,
    drill: &Drill,
    challenge: &Challenge,
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
        DrillMethod::Age => {
            let command = ["--decrypt", "--identity", "-", &drill.canary];
            by_program(looker, "age", &command, &[], value.bytes())
        }
        DrillMethod::Command => {
            let (program, arguments) =
                drill.command.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            by_program(looker, program, &arguments, &drill.pass_environment, value.bytes())
        }
    };
    match attempt {
        Attempt::Text(text) if text.trim_ascii() == drill.expect.as_bytes().trim_ascii() => (Opening::Opened, None),
        Attempt::Text(_) => (Opening::OtherText, Some("another text came out than was expected".to_owned())),
        Attempt::Refused(why) => (Opening::Refused, Some(why.to_owned())),
        Attempt::NotTried(why) => (Opening::NotTried, Some(why)),
    }
}

/// A program that ends with another status than 0 may have been given the wrong key, or may be broken: nobody can tell.
fn by_program(looker: &Looker<'_>, program: &str, arguments: &[&str], pass: &[String], key: &[u8]) -> Attempt {
    match looker.printed(program, arguments, pass, Some(key), LIMIT) {
        Ok(text) => Attempt::Text(text),
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
        Err(_) => Attempt::Refused("that copy of the key does not open the canary"),
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
    let refused = Attempt::Refused("that copy of the key does not open the canary");
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
