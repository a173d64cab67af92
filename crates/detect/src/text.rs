//! What kind of bytes these are, and text in two-byte units as UTF-8.

use std::ops::Range;

/// How text is written. Rules look at bytes, so everything that holds ASCII as it is needs no more than its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// ASCII or UTF-8, as far as was looked.
    Utf8,
    /// One byte a character, as Latin-1, or UTF-8 with invalid bytes in it.
    Eightbit,
    /// UTF-16, low byte first, as its byte order mark says.
    Utf16Le,
    /// UTF-16, high byte first, as its byte order mark says.
    Utf16Be,
}

/// What the beginning of a stream says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Nature {
    /// How its text is written.
    pub encoding: Encoding,
    /// It holds a NUL and no byte order mark explains it: no text. It can be searched all the same.
    pub binary: bool,
}

/// Bytes at the beginning of a stream that [`Nature::of`] looks at.
pub const SNIFFED: usize = 8192;

impl Nature {
    /// Looks at the first [`SNIFFED`] bytes of a stream.
    #[must_use]
    pub fn of(beginning: &[u8]) -> Nature {
        let beginning = &beginning[..beginning.len().min(SNIFFED)];
        let text = |encoding| Nature { encoding, binary: false };
        match beginning {
            // UTF-32 begins like UTF-16; nobody writes it, and its NULs tell.
            [0xff, 0xfe, 0, 0, ..] => Nature { encoding: Encoding::Eightbit, binary: true },
            [0xff, 0xfe, ..] => text(Encoding::Utf16Le),
            [0xfe, 0xff, ..] => text(Encoding::Utf16Be),
            _ => {
                let valid = match str::from_utf8(beginning) {
                    Ok(_) => true,
                    // A character may be cut off at the end.
                    Err(error) => error.error_len().is_none(),
                };
                let encoding = if valid { Encoding::Utf8 } else { Encoding::Eightbit };
                Nature { encoding, binary: memchr::memchr(0, beginning).is_some() }
            }
        }
    }
}

/// UTF-16 as UTF-8, and the way back from places in it.
pub(crate) struct Wide<'b> {
    raw: &'b [u8],
    big: bool,
    pub(crate) text: Vec<u8>,
    /// Where `part` of the raw bytes lies in the text.
    pub(crate) part: Range<usize>,
}

impl<'b> Wide<'b> {
    /// `raw` begins at an even offset of its stream. Half a unit at the end is left out.
    pub(crate) fn new(raw: &'b [u8], part: &Range<usize>, big: bool) -> Wide<'b> {
        let mut wide = Wide { raw, big, text: Vec::with_capacity(raw.len() / 2 + 16), part: 0..0 };
        let mut at = 0;
        while let Some((c, units)) = wide.decode(at) {
            if at < part.start {
                wide.part.start = wide.text.len() + c.len_utf8();
            }
            if at < part.end {
                wide.part.end = wide.text.len() + c.len_utf8();
            }
            wide.text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            at += 2 * units;
        }
        wide.part.end = wide.part.end.max(wide.part.start);
        wide
    }

    /// The character at a raw offset, and how many units it takes.
    fn decode(&self, at: usize) -> Option<(char, usize)> {
        let unit = |at: usize| {
            let two = self.raw.get(at..)?.first_chunk::<2>()?;
            Some(if self.big { u16::from_be_bytes(*two) } else { u16::from_le_bytes(*two) })
        };
        let first = unit(at)?;
        if let Some(c) = char::from_u32(u32::from(first)) {
            return Some((c, 1));
        }
        let pair = char::decode_utf16([first, unit(at + 2).unwrap_or(0)]).next();
        Some(pair.and_then(Result::ok).map_or((char::REPLACEMENT_CHARACTER, 1), |c| (c, 2)))
    }

    /// The raw offsets of places in the text.
    pub(crate) fn raw_offsets(&self, places: &mut [&mut usize]) {
        places.sort_unstable();
        let (mut at, mut text) = (0, 0);
        for place in places {
            while text < **place {
                let Some((c, units)) = self.decode(at) else {
                    break;
                };
                text += c.len_utf8();
                at += 2 * units;
            }
            **place = at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn natures() {
        let cases: [(&[u8], Encoding, bool); 8] = [
            (b"", Encoding::Utf8, false),
            (b"abc", Encoding::Utf8, false),
            ("aä".as_bytes(), Encoding::Utf8, false),
            (b"a\xc3", Encoding::Utf8, false),
            (b"p\xe4ss", Encoding::Eightbit, false),
            (b"a\0b", Encoding::Utf8, true),
            (b"\xff\xfea\0", Encoding::Utf16Le, false),
            (b"\xfe\xff\0a", Encoding::Utf16Be, false),
        ];
        for (bytes, encoding, binary) in cases {
            assert_eq!(Nature::of(bytes), Nature { encoding, binary }, "{bytes:?}");
        }
    }

    #[test]
    fn two_byte_text_and_back() {
        let text = "aä😀z";
        for big in [false, true] {
            let raw: Vec<u8> =
                text.encode_utf16().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect();
            let wide = Wide::new(&raw, &(2..8), big);
            assert_eq!(wide.text, text.as_bytes());
            assert_eq!(wide.part, 1..7);
            let (mut a, mut b, mut c) = (7, 1, 8);
            wide.raw_offsets(&mut [&mut a, &mut b, &mut c]);
            assert_eq!((a, b, c), (8, 2, 10));
        }
    }

    #[test]
    fn lone_halves_are_replaced() {
        let wide = Wide::new(&[0x00, 0xd8, b'a', 0, 7], &(0..5), false);
        assert_eq!(wide.text, "\u{fffd}a".as_bytes());
    }
}
