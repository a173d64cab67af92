//! Lines, counted by nothing but their ends: the count that what was examined is held against.

/// Counts the lines of one document that comes in pieces.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    /// The first bytes, until there are enough to tell two-byte text by its mark.
    beginning: Vec<u8>,
    wide: Option<Wide>,
    /// Half of a two-byte unit that the next piece completes.
    half: Option<u8>,
    ends: u64,
    /// Whether anything stands behind the last end.
    open: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wide {
    No,
    Little,
    Big,
}

/// Two-byte text is told by its first two bytes, unless two NULs follow: then it is something else.
const TELLING: usize = 4;

impl Lines {
    /// Takes the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.wide.is_some() {
            return self.count(bytes);
        }
        self.beginning.extend_from_slice(bytes);
        if self.beginning.len() >= TELLING {
            self.tell();
        }
    }

    fn tell(&mut self) {
        let beginning = std::mem::take(&mut self.beginning);
        self.wide = Some(match beginning.as_slice() {
            [0xff, 0xfe, 0, 0, ..] => Wide::No,
            [0xff, 0xfe, ..] => Wide::Little,
            [0xfe, 0xff, ..] => Wide::Big,
            _ => Wide::No,
        });
        self.count(&beginning);
    }

    fn count(&mut self, bytes: &[u8]) {
        let Some(last) = bytes.last() else { return };
        match self.wide {
            Some(Wide::Little | Wide::Big) => bytes.iter().for_each(|byte| self.half_unit(*byte)),
            _ => {
                self.ends += memchr::memchr_iter(b'\n', bytes).count() as u64;
                self.open = *last != b'\n';
            }
        }
    }

    fn half_unit(&mut self, byte: u8) {
        let Some(first) = self.half.take() else {
            self.half = Some(byte);
            return;
        };
        let unit = match self.wide {
            Some(Wide::Big) => u16::from_be_bytes([first, byte]),
            _ => u16::from_le_bytes([first, byte]),
        };
        let is_end = unit == u16::from(b'\n');
        self.ends += u64::from(is_end);
        self.open = !is_end;
    }

    /// How many there were; a last one without an end counts.
    pub fn total(mut self) -> u64 {
        if self.wide.is_none() {
            self.tell();
        }
        self.ends + u64::from(self.open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use exhibit_detect::{Engine, Options, Search};
    use proptest::prelude::*;

    fn counted(bytes: &[u8], piece: usize) -> u64 {
        let mut lines = Lines::default();
        bytes.chunks(piece.max(1)).for_each(|chunk| lines.feed(chunk));
        lines.total()
    }

    #[test]
    fn a_last_line_without_an_end_counts() {
        for (text, expected) in
            [("", 0), ("a", 1), ("a\n", 1), ("a\nb", 2), ("\n\n", 2), ("\u{feff}", 1), ("ab\r\ncd\r\n", 2)]
        {
            assert_eq!(counted(text.as_bytes(), 1), expected, "{text:?}");
            for big in [false, true] {
                let marked = format!("\u{feff}{text}");
                let bytes = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
                let wide: Vec<u8> = marked.encode_utf16().flat_map(bytes).collect();
                let expected = if text.is_empty() { 1 } else { expected };
                assert_eq!(counted(&wide, 3), expected, "{text:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_examining_path_counts_the_same(
            mark in prop::sample::select(vec![&b""[..], b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0", b"\xff"]),
            units in prop::collection::vec(prop::sample::select(vec![0u8, b'\n', b'\r', b'a', 0x0a, 0xd8, 0xff]), 0..40),
            piece in 1usize..9,
        ) {
            let mut bytes = [mark, &units].concat();
            if bytes.len() % 2 == 1 { bytes.pop(); }
            let search = Search::new(Engine::builtin(), Options::default());
            let mut scanner = search.stream();
            for chunk in bytes.chunks(piece) {
                scanner.feed(chunk, &mut |_| {}).unwrap();
            }
            let summary = scanner.finish(&mut |_| {}).unwrap();
            prop_assert_eq!(counted(&bytes, piece), summary.examined.lines(), "{:?}", bytes);
        }
    }
}
