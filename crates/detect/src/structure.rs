//! What must lie inside an encoded value if it is what it looks like.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use memchr::memmem;

/// Reads base64 of either alphabet, with or without padding.
fn lenient(text: &[u8]) -> Option<Vec<u8>> {
    const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const READER: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
    let standard: Vec<u8> = text
        .iter()
        .map(|b| match b {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        })
        .collect();
    READER.decode(standard).ok()
}

fn is_object(json: &[u8]) -> bool {
    let text = json.trim_ascii();
    text.starts_with(b"{") && text.ends_with(b"}") && str::from_utf8(text).is_ok()
}

/// Header and payload of a JSON Web Token whose parts decode and whose header names `alg`.
fn jwt_payload(secret: &[u8]) -> Option<Vec<u8>> {
    let mut parts = secret.split(|byte| *byte == b'.');
    let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
    let object = |part: &[u8]| URL_SAFE_NO_PAD.decode(part).ok().filter(|json| is_object(json));
    let names_alg = memmem::find(&object(header)?, b"\"alg\"").is_some();
    let payload = object(payload)?;
    (names_alg && !signature.is_empty() && parts.next().is_none()).then_some(payload)
}

pub(crate) fn jwt(secret: &[u8]) -> bool {
    jwt_payload(secret).is_some()
}

/// A JSON Web Token whose payload claims Supabase's all-powerful role.
pub(crate) fn service_role(secret: &[u8]) -> bool {
    jwt_payload(secret).is_some_and(|payload| {
        let squeezed: Vec<u8> = payload.into_iter().filter(|b| !b.is_ascii_whitespace()).collect();
        memmem::find(&squeezed, b"\"role\":\"service_role\"").is_some()
    })
}

/// Somewhere in the value a JSON object begins in base64 (`eyJ`) and ends before a `.`, a `_` or the value's end.
pub(crate) fn base64_json(secret: &[u8]) -> bool {
    let Some(start) = memmem::find(secret, b"eyJ") else {
        return false;
    };
    let rest = &secret[start..];
    let dot = memchr::memchr(b'.', rest).unwrap_or(rest.len());
    let underscore = memchr::memrchr(b'_', &rest[..dot]).unwrap_or(dot);
    [dot, underscore].into_iter().any(|end| lenient(rest[..end].trim_ascii_end()).is_some_and(|json| is_object(&json)))
}

/// A macaroon in its second binary form: location, identifier, caveats, and a signature of 32 bytes at the end.
pub(crate) fn macaroon(secret: &[u8]) -> bool {
    let encoded = secret.strip_prefix(b"pypi-").unwrap_or(secret);
    let Some(bytes) = lenient(encoded) else {
        return false;
    };
    let well_begun = bytes.starts_with(&[2, 1]);
    let signed = bytes.len() > 36 && bytes[bytes.len() - 34..].starts_with(&[6, 32]);
    well_begun && signed
}

/// The first part is a snowflake, the bot's or user's number, in base64.
pub(crate) fn discord(secret: &[u8]) -> bool {
    let first = secret.split(|b| *b == b'.').next().unwrap_or_default();
    lenient(first).is_some_and(|id| (17..=20).contains(&id.len()) && id.iter().all(u8::is_ascii_digit))
}

/// Base64 of 64 bytes.
pub(crate) fn sixty_four_bytes(secret: &[u8]) -> bool {
    lenient(secret).is_some_and(|key| key.len() == 64)
}

/// A key id of AWS: base32 behind a prefix of four letters; in those made since 2019 an account number of twelve
/// digits lies behind the first bit.
pub(crate) fn aws_key_id(secret: &[u8]) -> bool {
    let Some(digits) = secret.get(4..) else {
        return false;
    };
    let value = |byte: &u8| match byte {
        b'A'..=b'Z' => Some(u64::from(byte - b'A')),
        b'2'..=b'7' => Some(u64::from(byte - b'2') + 26),
        _ => None,
    };
    let Some(values) = digits.iter().map(value).collect::<Option<Vec<u64>>>() else {
        return false;
    };
    let first_bit_set = values.first().is_some_and(|v| *v >= 16);
    // 48 bits: one that marks the form, 40 of the account number, seven of the rest.
    let bits = values.iter().take(10).fold(0u64, |all, v| all << 5 | v) >> 2;
    let account = (bits & 0x7fff_ffff_ff80) >> 7;
    !first_bit_set || account <= 999_999_999_999
}

/// What the body of a PEM block turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pem {
    /// A DER sequence of exactly its own length, an OpenSSH key, an OpenPGP packet, or the ciphertext of the old
    /// encrypted form.
    Whole,
    /// Something else, or not base64.
    Other,
    /// Abridged: dots stand where the body was.
    Excerpt,
}

/// Looks into a PEM block, however a source file breaks and quotes its lines.
pub(crate) fn pem(block: &[u8]) -> Pem {
    let text = unescape(block);
    let Some(begin) = memmem::find(&text, b"-----BEGIN ").and_then(|at| {
        let label = at + b"-----BEGIN ".len();
        memmem::find(&text[label..], b"-----").map(|end| label + end + b"-----".len())
    }) else {
        return Pem::Other;
    };
    let end = memmem::rfind(&text, b"-----END ").unwrap_or(text.len());
    let inner = &text[begin..end.max(begin)];
    if memmem::find(inner, b"...").is_some() {
        return Pem::Excerpt;
    }
    let openpgp = memmem::find(&text[..begin], b"PGP PRIVATE KEY BLOCK").is_some();
    let mut encrypted = false;
    let mut body = Vec::with_capacity(inner.len());
    for line in inner.split(|b| *b == b'\n') {
        encrypted |= memmem::find(line, b"ENCRYPTED").is_some();
        // Headers (`Proc-Type: 4,ENCRYPTED`) and OpenPGP's checksum line (`=AbCd`) are no part of the body.
        if memmem::find(line, b": ").is_some() || (openpgp && line.trim_ascii().starts_with(b"=")) {
            continue;
        }
        let pieces = line.split(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')));
        // A lone `+` joins strings in source code.
        body.extend(pieces.filter(|piece| *piece != b"+").flatten().copied());
    }
    match lenient(&body) {
        Some(bytes) if encrypted && bytes.len() >= 40 && bytes.len().is_multiple_of(8) => Pem::Whole,
        Some(bytes) if der_sequence(&bytes) || bytes.starts_with(b"openssh-key-v1\0") => Pem::Whole,
        Some(bytes) if openpgp && bytes.first().is_some_and(|tag| tag & 0x80 != 0) => Pem::Whole,
        _ => Pem::Other,
    }
}

/// `\n`, `\r` and `\t` as source files write them become line breaks and blanks.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        let escaped = (*first == b'\\').then(|| tail.first()).flatten();
        match escaped {
            Some(b'n') => out.push(b'\n'),
            Some(b'r' | b't' | b'\\') => out.push(b' '),
            _ => {
                out.push(*first);
                rest = tail;
                continue;
            }
        }
        rest = &tail[1..];
        // `\\n`, escaped twice.
        if escaped == Some(&b'\\') && rest.first() == Some(&b'n') {
            out.push(b'\n');
            rest = &rest[1..];
        }
    }
    out
}

/// One ASN.1 sequence that ends where the bytes end.
fn der_sequence(bytes: &[u8]) -> bool {
    let [0x30, first, rest @ ..] = bytes else {
        return false;
    };
    let (length, header) = match first {
        0..=0x7f => (usize::from(*first), 0),
        0x81..=0x83 => {
            let count = usize::from(first & 0x7f);
            let Some(digits) = rest.get(..count) else {
                return false;
            };
            (digits.iter().fold(0usize, |n, b| n << 8 | usize::from(*b)), count)
        }
        _ => return false,
    };
    rest.len() == header + length
}

/// A PuTTY key file whose line counts are true.
pub(crate) fn putty(block: &[u8]) -> bool {
    let mut lines = block.split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
    let mut section = |name: &[u8]| -> bool {
        let Some(count) = lines.by_ref().find_map(|line| line.strip_prefix(name)) else {
            return false;
        };
        let Some(count) = str::from_utf8(count).ok().and_then(|n| n.trim().parse::<usize>().ok()) else {
            return false;
        };
        let body: Vec<u8> = lines.by_ref().take(count).flatten().copied().collect();
        count > 0 && lenient(&body).is_some()
    };
    section(b"Public-Lines:") && section(b"Private-Lines:") && lines.next().is_some_and(|l| l.starts_with(b"Private-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_bodies() {
        // A sequence of 66 bytes: MEA… in base64.
        let der = [&[0x30u8, 64][..], &[7; 64]].concat();
        let body = base64::engine::general_purpose::STANDARD.encode(&der);
        let (one, two) = body.split_at(64);
        for (text, expected) in [
            (format!("-----BEGIN PRIVATE KEY-----\n{one}\n{two}\n-----END PRIVATE KEY-----"), Pem::Whole),
            (format!("-----BEGIN PRIVATE KEY-----\\n{one}\\n{two}\\n-----END PRIVATE KEY-----"), Pem::Whole),
            (
                format!(
                    "-----BEGIN EC PRIVATE KEY-----\\n\" +\n \"{one}\\n\" +\n \"{two}\\n-----END EC PRIVATE KEY-----"
                ),
                Pem::Whole,
            ),
            (format!("-----BEGIN RSA PRIVATE KEY-----\r\n{one}\r\n-----END RSA PRIVATE KEY-----"), Pem::Other),
            (format!("-----BEGIN RSA PRIVATE KEY-----\n{one}\n...\n-----END RSA PRIVATE KEY-----"), Pem::Excerpt),
            ("-----BEGIN PRIVATE KEY-----".to_owned(), Pem::Other),
            (String::new(), Pem::Other),
        ] {
            assert_eq!(pem(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn json_in_base64_ends_where_the_format_says() {
        // {"a":1}
        for good in ["glc_eyJhIjoxfQ==", "sk.eyJhIjoxfQ.sig", "sntrys_eyJhIjoxfQ==_secret", "eyJhIjoxfQ"] {
            assert!(base64_json(good.as_bytes()), "{good}");
        }
        for bad in ["glc_eyJhIjox", "eyJ", "nothing", ""] {
            assert!(!base64_json(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn an_account_number_has_twelve_digits() {
        assert!(aws_key_id(b"AKIAFAKEFAKEFAKE2345"));
        assert!(!aws_key_id(b"AKIAFAKEFAKEFAKE1890"));
        assert!(!aws_key_id(b"AKIA77777777ABCDEFGH"));
        assert!(!aws_key_id(b"AKI"));
    }
}
