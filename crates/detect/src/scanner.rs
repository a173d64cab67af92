//! A stream that is fed piece by piece.

use crate::place::Examined;
use crate::search::{Cancelled, Hit, REACH, Search, View};
use crate::text::{Nature, SNIFFED};

/// Searches one stream in the order of its bytes. Holds at most a part and its surroundings: under 3 MiB.
///
/// Tells the same hits as [`Search::scan`] over the whole, however the bytes are cut into chunks.
pub struct Scanner<'s, 'e> {
    search: &'s Search<'e>,
    buffer: Vec<u8>,
    /// The stream's offset of the buffer's first byte.
    base: u64,
    /// Where the next part begins, in the buffer.
    next: usize,
    nature: Option<Nature>,
    examined: Examined,
}

impl std::fmt::Debug for Scanner<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scanner").field("examined", &self.examined).finish_non_exhaustive()
    }
}

/// What a stream was, and how much of it there was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    /// Bytes and lines.
    pub examined: Examined,
    /// What its beginning says about it.
    pub nature: Nature,
}

impl<'s, 'e> Scanner<'s, 'e> {
    pub(crate) fn new(search: &'s Search<'e>) -> Scanner<'s, 'e> {
        Scanner { search, buffer: Vec::new(), base: 0, next: 0, nature: None, examined: Examined::default() }
    }

    /// What the stream is; `None` until its first 8 KiB were fed.
    #[must_use]
    pub fn nature(&self) -> Option<Nature> {
        self.nature.or_else(|| (self.buffer.len() >= SNIFFED).then(|| Nature::of(&self.buffer)))
    }

    /// Takes the next bytes, and tells the hits that are certain by now, in the order of their offsets.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn feed(&mut self, mut chunk: &[u8], sink: &mut dyn FnMut(&Hit<'e, '_>)) -> Result<(), Cancelled> {
        loop {
            let whole = self.next + self.search.part + REACH;
            let (now, later) = chunk.split_at(chunk.len().min(whole - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            chunk = later;
            if self.buffer.len() < whole {
                return Ok(());
            }
            self.part(sink)?;
        }
    }

    /// The stream has ended: tells the rest of the hits.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn finish(mut self, sink: &mut dyn FnMut(&Hit<'e, '_>)) -> Result<Summary, Cancelled> {
        while self.next < self.buffer.len() {
            self.part(sink)?;
        }
        let nature = self.nature.unwrap_or_else(|| Nature::of(&self.buffer));
        Ok(Summary { examined: self.examined, nature })
    }

    fn part(&mut self, sink: &mut dyn FnMut(&Hit<'e, '_>)) -> Result<(), Cancelled> {
        if self.search.is_cancelled() {
            return Err(Cancelled);
        }
        // The buffer still begins with the stream when the first part is complete.
        let nature = *self.nature.get_or_insert_with(|| Nature::of(&self.buffer));
        let end = (self.next + self.search.part).min(self.buffer.len());
        let from = self.next.saturating_sub(REACH);
        let to = (end + REACH).min(self.buffer.len());
        let view = View {
            bytes: &self.buffer[from..to],
            base: self.base + from as u64,
            part: self.next - from..end - from,
            encoding: nature.encoding,
            before: self.examined,
        };
        let seen = self.search.look(&view, sink);
        self.examined = self.examined.then(seen);
        let done = end.saturating_sub(REACH);
        self.buffer.drain(..done);
        self.base += done as u64;
        self.next = end - done;
        Ok(())
    }
}

impl<'e> Search<'e> {
    /// Begins a stream.
    #[must_use]
    pub fn stream(&self) -> Scanner<'_, 'e> {
        Scanner::new(self)
    }
}

impl Drop for Scanner<'_, '_> {
    fn drop(&mut self) {
        // It may hold values.
        zeroize::Zeroize::zeroize(&mut self.buffer);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Engine;
    use crate::search::Options;

    type Told = (String, u64, u64, u64, u64);

    fn told(hits: &mut Vec<Told>) -> impl FnMut(&Hit<'_, '_>) {
        |hit| hits.push((hit.rule.id.clone(), hit.secret.start, hit.secret.end, hit.place.line, hit.place.column))
    }

    fn streamed(search: &Search<'_>, bytes: &[u8], cuts: &[usize]) -> (Vec<Told>, Summary) {
        let mut hits = Vec::new();
        let mut scanner = search.stream();
        let mut at = 0;
        for cut in cuts.iter().cycle().chain([&usize::MAX]) {
            let end = (at + cut.max(&1)).min(bytes.len());
            scanner.feed(&bytes[at..end], &mut told(&mut hits)).unwrap();
            at = end;
            if at == bytes.len() {
                break;
            }
        }
        let summary = scanner.finish(&mut told(&mut hits)).unwrap();
        (hits, summary)
    }

    const TOKEN: &str = "ghp_FakeExhibitValue0NotARealKey70ABCDEF";

    #[test]
    fn a_secret_across_parts_and_chunks_is_found_once() {
        let mut search = Search::new(Engine::builtin(), Options::default());
        search.part = 1000;
        for shift in 0..60 {
            let text = format!("{}\n{}x {TOKEN}\n{}", "a".repeat(970 - shift), "b".repeat(2 * shift), "c".repeat(1500));
            let start = text.find(TOKEN).unwrap() as u64;
            let (hits, summary) = streamed(&search, text.as_bytes(), &[7, 64, 1]);
            assert_eq!(hits.len(), 1, "{shift}");
            assert_eq!((hits[0].1, hits[0].3, hits[0].4), (start, 2, 2 * shift as u64 + 3));
            assert_eq!(summary.examined.bytes, text.len() as u64);
            assert_eq!(summary.examined.lines(), 3);
        }
    }

    #[test]
    fn two_byte_text_is_read() {
        let text = format!("\u{feff}Ä first\r\n😀 KEY={TOKEN}\r\n");
        for big in [false, true] {
            let raw: Vec<u8> =
                text.encode_utf16().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect();
            let mut search = Search::new(Engine::builtin(), Options::default());
            search.part = 16;
            let (hits, summary) = streamed(&search, &raw, &[3]);
            assert_eq!(hits.len(), 1);
            let before = text.split_once(TOKEN).unwrap().0.encode_utf16().count() as u64 * 2;
            assert_eq!((hits[0].1, hits[0].2), (before, before + 2 * TOKEN.len() as u64));
            assert_eq!((hits[0].3, hits[0].4), (2, 10));
            assert!(!summary.nature.binary);
        }
    }

    #[test]
    fn a_cancelled_search_says_so() {
        let cancel = std::sync::atomic::AtomicBool::new(true);
        let search = Search::new(Engine::builtin(), Options::default()).cancelled_by(&cancel);
        let mut scanner = search.stream();
        assert_eq!(scanner.feed(b"short", &mut |_| {}), Ok(()));
        assert_eq!(scanner.finish(&mut |_| {}), Err(Cancelled));
        assert!(search.scan(b"x", &mut |_| {}).is_err());
    }

    #[test]
    fn an_empty_stream_was_looked_at_and_is_empty() {
        let search = Search::new(Engine::builtin(), Options::default());
        let summary = search.stream().finish(&mut |_| {}).unwrap();
        assert_eq!((summary.examined.bytes, summary.examined.lines()), (0, 0));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_same_hits_however_it_is_cut(
            bytes in crate::properties::soup(),
            cuts in prop::collection::vec(1usize..200, 1..6),
            part in 1usize..300,
        ) {
            let mut search = Search::new(Engine::builtin(), Options::default());
            search.part = part * 2;
            let (pieces, summary) = streamed(&search, &bytes, &cuts);
            let (whole, again) = streamed(&search, &bytes, &[usize::MAX]);
            prop_assert_eq!(&pieces, &whole);
            prop_assert_eq!(summary, again);
            let mut slice = Vec::new();
            let examined = search.scan(&bytes, &mut told(&mut slice)).unwrap();
            prop_assert_eq!(&slice, &whole);
            prop_assert_eq!(examined, summary.examined);
            let mut parts = Vec::new();
            let mut before = Examined::default();
            for part in 0..search.parts(bytes.len()) {
                let seen = search.part(&bytes, Nature::of(&bytes), part, &mut |hit| {
                    let place = hit.place.after(before);
                    parts.push((hit.rule.id.clone(), hit.secret.start, hit.secret.end, place.line, place.column));
                });
                before = before.then(seen.unwrap());
            }
            prop_assert_eq!(&parts, &whole);
            // And the size of the parts decides nothing either.
            search.part = crate::search::PART;
            let (one, _) = streamed(&search, &bytes, &[usize::MAX]);
            prop_assert_eq!(&one, &whole);
        }
    }
}
