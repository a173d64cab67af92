//! The forms in which a known value may lie in an artifact.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, PAD};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A form's bytes, wiped when dropped.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Form(Vec<u8>);

impl Form {
    pub(crate) fn new(bytes: impl Into<Vec<u8>>) -> Form {
        Form(bytes.into())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The value itself; its base64 (both alphabets, padded or not, also inside longer base64 at each of the three
/// alignments); its URL-encoded, JSON-escaped and HTML-escaped forms; its hex in both cases. No form twice.
pub(crate) fn of(value: &[u8]) -> Vec<Form> {
    let mut forms: Vec<Form> = vec![Form::new(value)];
    forms.extend(base64_forms(value));
    forms.extend(url_forms(value));
    forms.extend(escaped_forms(value));
    forms.push(Form::new(hex::encode(value)));
    forms.push(Form::new(hex::encode_upper(value)));
    forms.retain(|form| form.0.len() >= value.len().min(4));
    forms.sort();
    forms.dedup();
    forms
}

fn base64_forms(value: &[u8]) -> Vec<Form> {
    let mut forms = Vec::new();
    for alphabet in [&alphabet::STANDARD, &alphabet::URL_SAFE] {
        let padded = GeneralPurpose::new(alphabet, PAD);
        let bare = GeneralPurpose::new(alphabet, NO_PAD);
        forms.push(Form::new(padded.encode(value)));
        forms.push(Form::new(bare.encode(value)));
        for before in 0..3usize {
            // Characters that hold only this value's bits, with `before` other bytes in the same group before it.
            let mut shifted = Zeroizing::new(vec![0u8; before]);
            shifted.extend_from_slice(value);
            let text = Zeroizing::new(bare.encode(&*shifted).into_bytes());
            let first = (before * 8).div_ceil(6);
            let end = shifted.len() * 8 / 6;
            if first < end {
                forms.push(Form::new(&text[first..end]));
            }
        }
    }
    forms
}

fn url_forms(value: &[u8]) -> Vec<Form> {
    /// Punctuation that an encoder leaves alone: RFC 3986, a browser's component and whole-URL encoders, none at all.
    const KEPT: [&[u8]; 5] = [b"-._~", b"-._~!*'()", b"-._~!*'();,/?:@&=+$#", b"-._*", b"-_."];
    let mut forms = Vec::new();
    for kept in KEPT {
        for upper in [true, false] {
            for plus in [true, false] {
                forms.push(percent(value, |b| b.is_ascii_alphanumeric() || kept.contains(&b), upper, plus));
            }
        }
    }
    for upper in [true, false] {
        forms.push(percent(value, |_| false, upper, false));
    }
    forms
}

fn percent(value: &[u8], kept: impl Fn(u8) -> bool, upper: bool, plus: bool) -> Form {
    let digits: &[u8; 16] = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    let mut form = Form::new(Vec::with_capacity(value.len() * 3));
    for &byte in value {
        match byte {
            b' ' if plus => form.0.push(b'+'),
            _ if kept(byte) => form.0.push(byte),
            _ => form.0.extend_from_slice(&[b'%', digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]),
        }
    }
    form
}

fn escaped_forms(value: &[u8]) -> Vec<Form> {
    let replaced = |table: &[(u8, &str)]| {
        let mut form = Form::new(Vec::with_capacity(value.len() * 2));
        for byte in value {
            match table.iter().find(|(from, _)| from == byte) {
                Some((_, to)) => form.0.extend_from_slice(to.as_bytes()),
                None => form.0.push(*byte),
            }
        }
        form
    };
    let json = [(b'"', "\\\""), (b'\\', "\\\\"), (b'\n', "\\n"), (b'\r', "\\r"), (b'\t', "\\t")];
    let mut slashed = json.to_vec();
    slashed.push((b'/', "\\/"));
    let mut unicode = json.to_vec();
    unicode.extend([(b'<', "\\u003c"), (b'>', "\\u003e"), (b'&', "\\u0026"), (b'\'', "\\u0027")]);
    let mut go = json.to_vec();
    go.extend([(b'<', "\\u003c"), (b'>', "\\u003e"), (b'&', "\\u0026")]);
    let html = [(b'&', "&amp;"), (b'<', "&lt;"), (b'>', "&gt;"), (b'"', "&quot;"), (b'\'', "&#39;")];
    let html_hex = [(b'&', "&amp;"), (b'<', "&lt;"), (b'>', "&gt;"), (b'"', "&quot;"), (b'\'', "&#x27;")];
    let html_text = [(b'&', "&amp;"), (b'<', "&lt;"), (b'>', "&gt;")];
    let html_slash =
        [(b'&', "&amp;"), (b'<', "&lt;"), (b'>', "&gt;"), (b'"', "&quot;"), (b'\'', "&#x27;"), (b'/', "&#x2F;")];
    vec![
        replaced(&json),
        replaced(&slashed),
        replaced(&unicode),
        replaced(&go),
        replaced(&html),
        replaced(&html_hex),
        replaced(&html_text),
        replaced(&html_slash),
        replaced(&[(b'\'', "''")]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_encoders_are_covered() {
        let forms = of(b"p/s s\"&1");
        for expected in [
            "p/s s\"&1",
            "cC9zIHMiJjE=",
            "cC9zIHMiJjE",
            "p%2Fs%20s%22%261",
            "p%2fs+s%22%261",
            "702f7320732226 31",
            "702F732073222631",
            "p/s s\\\"&1",
            "p\\/s s\\\"&1",
            "p/s s&quot;&amp;1",
            "p/s s\\\"\\u00261",
        ] {
            let expected = expected.replace("26 31", "2631");
            assert!(forms.iter().any(|f| f.as_bytes() == expected.as_bytes()), "{expected}");
        }
    }

    #[test]
    fn base64_inside_longer_base64_is_covered() {
        let forms = of(b"hunter22");
        for before in ["", "u", "us", "user:", "user1:"] {
            let whole = base64::engine::general_purpose::STANDARD.encode(format!("{before}hunter22 and more"));
            let found = forms.iter().any(|f| memchr::memmem::find(whole.as_bytes(), f.as_bytes()).is_some());
            assert!(found, "{before}");
        }
    }
}
