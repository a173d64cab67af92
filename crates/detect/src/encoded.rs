//! Text inside text: what is written in base64, hex, URL-encoding or JSON escapes is decoded, one level deep.
//!
//! Only around candidates: long runs of the alphabet whose first bytes decode to text, and pieces that hold an escape.

use std::ops::Range;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// Shortest run of base64 or hex that is looked at, in characters.
const SHORTEST: usize = 24;
/// Most characters of a run, and of a piece with escapes, that are decoded.
const LONGEST: usize = 64 * 1024;
/// Most bytes of a line on either side of an escape that are read with it.
const PIECE: usize = 2048;

/// How a value was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoded {
    /// Base64, either alphabet.
    Base64,
    /// Hexadecimal digits.
    Hex,
    /// `%XX`
    Url,
    /// `\"`, `\/`, `\u0041`
    Json,
}

/// A decoded piece of text.
pub(crate) struct Piece {
    pub(crate) encoding: Encoded,
    pub(crate) text: Zeroizing<Vec<u8>>,
    /// Where it stands.
    source: Range<usize>,
    /// The source of each decoded byte, from the beginning of `source`; none if only the whole can be told.
    offsets: Vec<u32>,
}

impl Piece {
    /// Where a range of the decoded text stands: exactly, or as all that it is decoded from.
    pub(crate) fn source(&self, decoded: &Range<usize>) -> Range<usize> {
        if self.offsets.is_empty() {
            return self.source.clone();
        }
        let at = |index: usize| self.offsets.get(index).map_or(self.source.end, |o| self.source.start + *o as usize);
        at(decoded.start)..at(decoded.end)
    }

    /// Was anything in this range written other than it reads?
    pub(crate) fn is_encoded(&self, decoded: &Range<usize>) -> bool {
        self.offsets.is_empty() || self.source(decoded).len() != decoded.len()
    }
}

/// Hands every decoded piece that begins in `part` or shortly before to `each`.
pub(crate) fn pieces(text: &[u8], part: &Range<usize>, mut each: impl FnMut(Piece)) {
    runs(text, part, &mut each);
    escapes(
        text,
        part,
        b'%',
        Encoded::Url,
        |b| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'<' | b'>'),
        url,
        &mut each,
    );
    escapes(text, part, b'\\', Encoded::Json, |b| b == b'\n', json, &mut each);
}

fn in_run(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// Runs of base64 and hex: every run that is long enough holds one of the places that are tried.
fn runs(text: &[u8], part: &Range<usize>, each: &mut impl FnMut(Piece)) {
    let mut at = part.start;
    while at < part.end + SHORTEST {
        let Some(byte) = text.get(at) else {
            return;
        };
        if !in_run(*byte) {
            at += SHORTEST - 1;
            continue;
        }
        let left = text[..at].iter().rev().take(LONGEST).take_while(|b| in_run(**b)).count();
        let right = text[at..].iter().take_while(|b| in_run(**b)).count();
        let run = at - left..at + right;
        at = run.end + SHORTEST - 1;
        if run.len() < SHORTEST {
            continue;
        }
        let end = run.start + run.len().min(LONGEST);
        if let Some(piece) = hex_run(text, run.start..end) {
            each(piece);
        } else if let Some(piece) = base64_run(text, run.start..end) {
            each(piece);
        }
    }
}

/// Text, as far as secrets stand in it: ASCII and what may be UTF-8, hardly any control characters.
fn is_text(bytes: &[u8]) -> bool {
    let odd = bytes.iter().filter(|b| (**b < 0x20 && !b.is_ascii_whitespace()) || **b == 0x7f).count();
    let wide = bytes.iter().filter(|b| **b >= 0x80).count();
    !bytes.is_empty() && odd * 32 <= bytes.len() && wide * 4 <= bytes.len()
}

/// Two-byte text of letters from ASCII, as PowerShell encodes commands.
fn narrowed(bytes: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    let wide = bytes.len() >= 8 && bytes.iter().skip(1).step_by(2).all(|b| *b == 0);
    if wide { Zeroizing::new(bytes.iter().step_by(2).copied().collect()) } else { bytes }
}

fn hex_run(text: &[u8], run: Range<usize>) -> Option<Piece> {
    let bytes = &text[run.clone()];
    if !bytes.len().is_multiple_of(2) || !bytes.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let decoded = narrowed(Zeroizing::new(hex::decode(bytes).ok()?));
    is_text(&decoded).then(|| Piece { encoding: Encoded::Hex, text: decoded, source: run, offsets: Vec::new() })
}

fn base64_run(text: &[u8], run: Range<usize>) -> Option<Piece> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let bytes = &text[run.clone()];
    let url = bytes.iter().any(|b| matches!(b, b'-' | b'_'));
    let standard = bytes.iter().any(|b| matches!(b, b'+' | b'/'));
    if url && standard {
        return None;
    }
    let engine = GeneralPurpose::new(if url { &alphabet::URL_SAFE } else { &alphabet::STANDARD }, config);
    let first = narrowed(Zeroizing::new(engine.decode(&bytes[..SHORTEST]).ok()?));
    if !is_text(&first) {
        return None;
    }
    let whole = bytes.len() - usize::from(bytes.len() % 4 == 1);
    let decoded = narrowed(Zeroizing::new(engine.decode(&bytes[..whole]).ok()?));
    let padding = text[run.end..].iter().take(2).take_while(|b| **b == b'=').count();
    let source = run.start..run.end + padding;
    is_text(&decoded).then_some(Piece { encoding: Encoded::Base64, text: decoded, source, offsets: Vec::new() })
}

/// What a decoder makes of the bytes behind an escape sign: a byte or two, and how long the escape is.
type Decoder = fn(&[u8]) -> Option<([u8; 3], usize, usize)>;

/// Pieces around escapes, each up to what `ends` one.
fn escapes(
    text: &[u8],
    part: &Range<usize>,
    sign: u8,
    encoding: Encoded,
    ends: fn(u8) -> bool,
    decode: Decoder,
    each: &mut impl FnMut(Piece),
) {
    let from = part.start.saturating_sub(PIECE);
    let to = (part.end + PIECE).min(text.len());
    let mut done = from;
    for at in memchr::memchr_iter(sign, &text[from..to]).map(|at| from + at) {
        if at < done || decode(&text[at + 1..]).is_none() {
            continue;
        }
        let left = text[done..at].iter().rev().take(PIECE).take_while(|b| !ends(**b)).count();
        let right = text[at..].iter().take(LONGEST.min(2 * PIECE)).take_while(|b| !ends(**b)).count();
        let source = at - left..at + right;
        done = source.end;
        let mut decoded = Zeroizing::new(Vec::with_capacity(source.len()));
        let mut offsets = Vec::with_capacity(source.len());
        let mut place = source.start;
        while place < source.end {
            let (bytes, count, length) = match text[place] {
                byte if byte == sign => match decode(&text[place + 1..source.end]) {
                    Some((bytes, count, length)) => (bytes, count, length + 1),
                    None => ([byte, 0, 0], 1, 1),
                },
                byte => ([byte, 0, 0], 1, 1),
            };
            for byte in &bytes[..count] {
                decoded.push(*byte);
                offsets.push((place - source.start) as u32);
            }
            place += length;
        }
        each(Piece { encoding, text: decoded, source, offsets });
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|d| d as u8)
}

fn url(rest: &[u8]) -> Option<([u8; 3], usize, usize)> {
    let byte = digit(*rest.first()?)? << 4 | digit(*rest.get(1)?)?;
    Some(([byte, 0, 0], 1, 2))
}

fn json(rest: &[u8]) -> Option<([u8; 3], usize, usize)> {
    let one = |byte: u8| Some(([byte, 0, 0], 1, 1));
    match *rest.first()? {
        b'n' => one(b'\n'),
        b'r' => one(b'\r'),
        b't' => one(b'\t'),
        byte @ (b'"' | b'\\' | b'/') => one(byte),
        b'u' => {
            let unit = rest.get(1..5)?.iter().try_fold(0u32, |sum, b| Some(sum << 4 | u32::from(digit(*b)?)))?;
            let c = char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER);
            let mut bytes = [0; 3];
            let length = c.encode_utf8(&mut bytes).len();
            Some((bytes, length, 5))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;
    use crate::{Engine, Options, Personal, Search};

    const TOKEN: &str = "ghp_FakeExhibitValue0NotARealKey70ABCDEF";

    fn told(text: &str) -> Vec<(String, Option<Encoded>, Range<u64>, String)> {
        let options = Options { encoded: true, personal: Personal::Yes, ..Options::default() };
        let search = Search::new(Engine::builtin(), options);
        let mut all = Vec::new();
        let mut tell = |hit: &crate::Hit<'_, '_>| {
            all.push((
                hit.rule.id.clone(),
                hit.encoded,
                hit.secret.clone(),
                String::from_utf8_lossy(hit.value()).into_owned(),
            ));
        };
        search.scan(text.as_bytes(), &mut tell).unwrap();
        all
    }

    #[test]
    fn a_token_in_each_encoding() {
        let inner = format!("{{\"tok\":\"{TOKEN}\"}}");
        let wide: Vec<u8> = inner.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let percent: String = TOKEN.bytes().map(|b| format!("%{b:02X}")).collect();
        let unicode = format!("ghp\\u005f{}", &TOKEN[4..]);
        let cases = [
            (STANDARD.encode(&inner), Encoded::Base64),
            (URL_SAFE_NO_PAD.encode(&inner), Encoded::Base64),
            (STANDARD.encode(wide), Encoded::Base64),
            (hex::encode(&inner), Encoded::Hex),
            (hex::encode_upper(&inner), Encoded::Hex),
            (percent, Encoded::Url),
            (unicode, Encoded::Json),
        ];
        for (form, encoding) in cases {
            let text = format!("2031 data={form} end\n");
            let all = told(&text);
            assert_eq!(all.len(), 1, "{form}: {all:?}");
            assert_eq!((all[0].1, all[0].3.as_str()), (Some(encoding), TOKEN), "{form}");
            assert!(all[0].0.starts_with("github."));
            assert_eq!(all[0].2, 10..10 + form.len() as u64, "{form}");
        }
    }

    #[test]
    fn places_in_escaped_text_are_exact() {
        let text = "GET /x?redirect=a%3Db%26mail%3Djane.doe%40example.com HTTP/1.1";
        let all = told(text);
        assert_eq!(all.len(), 1, "{all:?}");
        assert_eq!((all[0].0.as_str(), all[0].3.as_str()), ("personal.email", "jane.doe@example.com"));
        assert_eq!(&text[all[0].2.start as usize..all[0].2.end as usize], "jane.doe%40example.com");
    }

    #[test]
    fn what_stands_there_bare_is_told_once_and_as_bare() {
        let all = told(&format!("GET /a%20b?token={TOKEN}&x=%20 C:\\new\\users \\u0041\n"));
        assert_eq!(all.len(), 1, "{all:?}");
        assert_eq!(all[0].1, None);
    }

    #[test]
    fn other_long_runs_are_left_alone() {
        let text = "trace=0af7651916cd43dd8448eb211c80319c sha=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c \
                    /usr/lib/python/site-packages/django/core SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8 %d 100%\n";
        assert_eq!(told(text), []);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_decode_in_bounds(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "[a-zA-Z0-9+/%\\\\u\" ]{0,200}") {
            let all = [&bytes[..], text.as_bytes()].concat();
            pieces(&all, &(0..all.len()), |piece| {
                let source = piece.source(&(0..piece.text.len()));
                assert!(source.end <= all.len() && source.start <= source.end);
                for at in 0..piece.text.len() {
                    let one = piece.source(&(at..at + 1));
                    assert!(one.start >= source.start && one.end <= source.end && one.start <= one.end);
                }
            });
        }
    }
}
