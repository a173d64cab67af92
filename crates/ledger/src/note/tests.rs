//! Notes and keys: what others wrote is read, what was changed is refused.

use proptest::prelude::*;

use super::*;

/// The key pair and the note in the documentation of Go's `sumdb/note` package.
const GO_SIGNER: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const GO_VERIFIER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\
    \n\
    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

fn key(name: &str, seed: u8) -> SigningKey {
    SigningKey::from_seed(name, &[seed; 32]).unwrap()
}

#[test]
fn gos_example_is_read_verified_and_written_alike() {
    let verifier = VerifierKey::parse(GO_VERIFIER).unwrap();
    let signer = SigningKey::parse(GO_SIGNER).unwrap();
    assert_eq!(signer.verifier(), &verifier);
    assert_eq!(*signer.to_secret_text(), GO_SIGNER);
    assert_eq!(verifier.to_string(), GO_VERIFIER);

    let note = Note::parse(GO_NOTE.as_bytes()).unwrap();
    assert_eq!(note.verify([&verifier]).unwrap(), [&verifier]);
    assert_eq!(note.to_bytes(), GO_NOTE.as_bytes());
    let again = Note::sign(note.text(), &[&signer]).unwrap();
    assert_eq!(again, note, "Ed25519 signatures are deterministic");
}

#[test]
fn debug_never_shows_the_seed() {
    let signer = SigningKey::parse(GO_SIGNER).unwrap();
    let shown = format!("{signer:?}");
    let secret = GO_SIGNER.splitn(5, '+').nth(4).unwrap();
    assert!(!shown.contains(&secret[4..20]), "{shown}");
    assert!(shown.contains(GO_VERIFIER));
}

#[test]
fn malformed_keys_are_refused() {
    let cases = [
        ("", KeyError::BadVerifierForm),
        ("name", KeyError::BadVerifierForm),
        ("PeterNeumann+c74f20a+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::BadVerifierForm),
        ("PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::BadVerifierForm),
        ("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T", KeyError::BadVerifierForm),
        ("PeterNeumann+c74f20a3+BBpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::UnknownAlgorithm { found: 4 }),
        (
            "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            KeyError::WrongHash { expected: 0xc74f_20a3, found: 0xc74f_20a4 },
        ),
        ("Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::BadName),
        ("+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::BadName),
        // The identity point: everybody can sign for it.
        ("weak+00000000+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", KeyError::BadMaterial),
    ];
    for (text, expected) in cases {
        assert_eq!(VerifierKey::parse(text), Err(expected), "{text}");
    }
    for text in ["", GO_VERIFIER, &GO_SIGNER[1..], "PRIVATE+KEY+a+00000000+"] {
        assert_eq!(SigningKey::parse(text).unwrap_err(), KeyError::BadSigningForm);
    }
    for name in ["", "a b", "a+b", "a\u{a0}b", "a\nb", "a\0b", &"a".repeat(256)] {
        assert_eq!(SigningKey::from_seed(name, &[1; 32]).unwrap_err(), KeyError::BadName);
    }
}

#[test]
fn one_trusted_signature_is_enough_and_unknown_ones_survive() {
    let (ours, witness, stranger) = (key("example.org/log", 1), key("witness", 2), key("x", 3));
    let mut note = Note::sign("text\n", &[&ours]).unwrap();
    note.add_signature(&witness).unwrap();
    let read = Note::parse(&note.to_bytes()).unwrap();
    assert_eq!(read, note);
    assert_eq!(read.verify([ours.verifier()]).unwrap(), [ours.verifier()]);
    assert_eq!(read.verify([stranger.verifier(), witness.verifier()]).unwrap(), [witness.verifier()]);
    let refused = read.verify([stranger.verifier()]).unwrap_err();
    assert!(matches!(&refused, NoteError::NoTrustedSignature { signers } if signers.len() == 2));
    assert!(read.verify([]).is_err());
    // The same name with another key is another key.
    assert!(read.verify([key("example.org/log", 9).verifier()]).is_err());
}

#[test]
fn every_changed_byte_is_noticed() {
    let ours = key("example.org/log", 1);
    let good = Note::sign("one\ntwo\n", &[&ours]).unwrap().to_bytes();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            let believed = Note::parse(&bad).is_ok_and(|n| n.verify([ours.verifier()]).is_ok());
            assert!(!believed, "byte {at} bit {bit}");
        }
    }
    for end in 0..good.len() {
        let believed = Note::parse(&good[..end]).is_ok_and(|n| n.verify([ours.verifier()]).is_ok());
        assert!(!believed, "cut at {end}");
    }
}

#[test]
fn malformed_notes_are_refused() {
    let line = "\u{2014} PeterNeumann x08go/ZJkuBS\n";
    let many = format!("t\n\n{}", line.repeat(MAX_SIGNATURES + 1));
    let huge = format!("{}\n\n{line}", "t".repeat(MAX_NOTE_BYTES));
    let cases: &[(&[u8], NoteError)] = &[
        (b"", NoteError::NoSignatures),
        (b"text\n", NoteError::NoSignatures),
        (b"text\n\n", NoteError::NoSignatures),
        (b"text\n\nno dash\n", NoteError::MalformedSignature { line: 1 }),
        (b"t\n\n\xe2\x80\x94 a b c\n", NoteError::MalformedSignature { line: 1 }),
        (b"t\n\n\xe2\x80\x94 a AAAA\n", NoteError::MalformedSignature { line: 1 }),
        (b"t\r\n\nx\n", NoteError::ControlCharacter { at: 1 }),
        (b"t\xff", NoteError::NotUtf8 { at: 1 }),
        (many.as_bytes(), NoteError::TooManySignatures),
        (huge.as_bytes(), NoteError::TooLarge { found: huge.len() }),
    ];
    for (bytes, expected) in cases {
        assert_eq!(Note::parse(bytes).as_ref(), Err(expected));
    }
    assert_eq!(Note::sign("no end", &[]), Err(NoteError::UnfinishedText));
    assert_eq!(Note::sign("", &[]), Err(NoteError::UnfinishedText));
    assert_eq!(Note::sign("a\tb\n", &[]), Err(NoteError::ControlCharacter { at: 1 }));
}

proptest! {
    #[test]
    fn parsing_never_panics_and_is_exact(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "(.|\n){0,80}") {
        for input in [bytes.as_slice(), text.as_bytes(), format!("{text}\n\n\u{2014} a AAAAAAAA\n").as_bytes()] {
            if let Ok(note) = Note::parse(input) {
                prop_assert_eq!(note.to_bytes(), input);
            }
        }
        let _ = VerifierKey::parse(&text);
        let _ = SigningKey::parse(&format!("PRIVATE+KEY+{text}"));
    }
}
