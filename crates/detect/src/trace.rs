//! Searching a text that was made from another one: only what differs is searched again.
//!
//! Whatever is found is found at keywords, and what a keyword is worth is decided by the bytes around it. So a search
//! leaves a [`Trace`]: where keywords may be something, and how much around the others decided that they are nothing, if
//! that was more than a little. In a text made from the first one, a keyword that was copied together with all that
//! decided about it is the same nothing again; all others are looked at, in the new text. The same hits come out as from
//! a search of the whole text.

use crate::matches::Match;
use crate::place::Examined;
use crate::search::{Cancelled, Candidates, Hit, Search};
use crate::text::{Encoding, Nature};

/// How many bytes before a keyword's beginning, and behind its end, decided that it is nothing: in any text that has the same
/// bytes there it is nothing too. Where it reaches beyond the text, the text's end decided as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Reach {
    pub(crate) before: usize,
    pub(crate) behind: usize,
}

impl Reach {
    /// Most decisions need less: what a name can be is seen within 80 bytes on either side and 66 more.
    pub(crate) const NEAR: Reach = Reach { before: 192, behind: 192 };
    /// It may be something, or nobody knows what decides: in another text it has to be looked at again.
    pub(crate) const OPEN: Reach = Reach { before: usize::MAX, behind: usize::MAX };

    /// What decides both.
    pub(crate) fn and(self, other: Reach) -> Reach {
        Reach { before: self.before.max(other.before), behind: self.behind.max(other.behind) }
    }

    fn is_near(self) -> bool {
        self.before <= Reach::NEAR.before && self.behind <= Reach::NEAR.behind
    }
}

/// A piece that a text has in common with the one that it was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Where it begins in the text that there was.
    pub from: usize,
    /// Where it begins in the text that was made.
    pub to: usize,
    /// How many bytes it has.
    pub length: usize,
}

/// What the search of a text leaves for texts that are made from it. Holds places, and never a byte of the text.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Bytes of the text.
    length: usize,
    /// Keywords that something else than their neighbourhood decided about, in the order of their places.
    spots: Vec<Spot>,
}

/// A keyword in a text.
#[derive(Debug, Clone, Copy)]
struct Spot {
    start: u32,
    keyword: u32,
    /// [`Reach`]; `u32::MAX` is open.
    before: u32,
    behind: u32,
}

/// A copied piece, and between which places of the new text a keyword lies with its whole neighbourhood.
struct Piece {
    copied: Copied,
    /// It is the beginning of both texts, or the end.
    first: bool,
    last: bool,
    safe: std::ops::Range<usize>,
}

impl Spot {
    fn new(start: usize, keyword: usize, reach: Reach) -> Spot {
        let short = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Spot { start: short(start), keyword: short(keyword), before: short(reach.before), behind: short(reach.behind) }
    }
}

impl<'e> Search<'e> {
    /// As [`Search::scan`] of bytes of this nature, knowing from which text they were made: what its search left, and the
    /// pieces that both have in common, in the order of the new text. Leaves the same in turn, if it can be used.
    ///
    /// The trace must come from this very search, and the pieces must be equal: nothing is compared. Pieces that cannot be are
    /// as good as none.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn scan_made(
        &self,
        bytes: &[u8],
        nature: Nature,
        made: Option<(&Trace, &[Copied])>,
        sink: &mut dyn FnMut(&Hit<'e, '_>),
    ) -> Result<(Examined, Option<Trace>), Cancelled> {
        let narrow = matches!(nature.encoding, Encoding::Utf8 | Encoding::Eightbit);
        if !self.is_by_keywords() || !narrow || bytes.len() > self.part {
            return self.scan(bytes, sink).map(|examined| (examined, None));
        }
        if self.is_cancelled() {
            return Err(Cancelled);
        }
        let pieces = made.map(|(trace, copied)| self.pieces(bytes, trace, copied)).unwrap_or_default();
        let (found, spots) = match made {
            Some((trace, _)) if !pieces.is_empty() => self.differing(bytes, trace, &pieces),
            _ => self.whole(bytes),
        };
        let examined = self.tell_all(found, bytes, nature.encoding, sink);
        Ok((examined, Some(Trace { length: bytes.len(), spots })))
    }

    /// Everything in a text of which nothing is known.
    fn whole(&self, text: &[u8]) -> (Vec<Match<'e>>, Vec<Spot>) {
        let mut candidates = Candidates::new(self, text);
        let mut spots = Vec::new();
        self.keywords.each(text, |keyword, start, end| {
            let reach = candidates.take(keyword, start..end);
            if !reach.is_near() {
                spots.push(Spot::new(start, keyword, reach));
            }
            true
        });
        spots.sort_unstable_by_key(|spot| (spot.start, spot.keyword));
        (candidates.close(), spots)
    }

    /// The same of a text that has these pieces in common with another.
    fn differing(&self, text: &[u8], trace: &Trace, pieces: &[Piece]) -> (Vec<Match<'e>>, Vec<Spot>) {
        let mut spots = Vec::new();
        let mut open: Vec<(usize, usize)> = Vec::new();
        let mut behind = None;
        for piece in pieces {
            self.between(text, behind, Some(piece.safe.start), &mut open);
            self.carry(trace, piece, &mut spots, &mut open);
            behind = Some(piece.safe.end);
        }
        self.between(text, behind, None, &mut open);
        open.sort_unstable();
        let mut candidates = Candidates::new(self, text);
        for (start, keyword) in open {
            let reach = candidates.take(keyword, start..start + self.keywords.length(keyword));
            if !reach.is_near() {
                spots.push(Spot::new(start, keyword, reach));
            }
        }
        spots.sort_unstable_by_key(|spot| (spot.start, spot.keyword));
        (candidates.close(), spots)
    }

    /// Enters the keywords that end behind one place and begin before another.
    fn between(&self, text: &[u8], behind: Option<usize>, before: Option<usize>, open: &mut Vec<(usize, usize)>) {
        let from = behind.map_or(0, |place| place.saturating_sub(self.longest));
        let to = before.map_or(text.len(), |place| (place + self.longest).min(text.len()));
        self.keywords.each(&text[from..to], |keyword, start, end| {
            let (start, end) = (from + start, from + end);
            if behind.is_none_or(|place| end > place) && before.is_none_or(|place| start < place) {
                open.push((start, keyword));
            }
            true
        });
    }

    /// Takes over what is known of a piece's inner part.
    fn carry(&self, trace: &Trace, piece: &Piece, spots: &mut Vec<Spot>, open: &mut Vec<(usize, usize)>) {
        let Copied { from, to, length } = piece.copied;
        let known = trace.spots.partition_point(|spot| (spot.start as usize) < from);
        for spot in &trace.spots[known..] {
            let place = spot.start as usize;
            if place >= from + length {
                break;
            }
            let (start, keyword) = (place - from + to, spot.keyword as usize);
            let end = start + self.keywords.length(keyword);
            if start < piece.safe.start || end > piece.safe.end {
                continue;
            }
            let (before, behind) = (spot.before as usize, spot.behind as usize);
            let same = spot.before != u32::MAX
                && spot.behind != u32::MAX
                && (piece.first || start - to >= before)
                && (piece.last || to + length - end >= behind);
            if same {
                spots.push(Spot { start: u32::try_from(start).unwrap_or(u32::MAX), ..*spot });
            } else {
                open.push((start, keyword));
            }
        }
    }

    /// The pieces that are worth it; none if they are not in order, or if most would be searched all the same.
    fn pieces(&self, text: &[u8], trace: &Trace, copied: &[Copied]) -> Vec<Piece> {
        let least = Reach::NEAR.before + Reach::NEAR.behind + self.longest;
        let mut pieces: Vec<Piece> = Vec::new();
        let (mut end, mut safe) = (0, 0);
        for copied in joined(copied) {
            let Copied { from, to, length } = copied;
            let fits = |start: usize, all: usize| start.checked_add(length).is_some_and(|end| end <= all);
            if to < end || !fits(from, trace.length) || !fits(to, text.len()) {
                return Vec::new();
            }
            end = to + length;
            let first = from == 0 && to == 0;
            let last = end == text.len() && from + length == trace.length;
            let begin = if first { 0 } else { to + Reach::NEAR.before };
            let until = if last { end } else { end.saturating_sub(Reach::NEAR.behind) };
            if length <= least || until < begin + self.longest {
                continue;
            }
            safe += until - begin;
            pieces.push(Piece { copied, first, last, safe: begin..until });
        }
        if safe < text.len() / 2 { Vec::new() } else { pieces }
    }
}

/// Pieces that continue one another, as one.
fn joined(copied: &[Copied]) -> impl Iterator<Item = Copied> {
    let mut rest = copied.iter().copied().peekable();
    std::iter::from_fn(move || {
        let mut one = rest.next()?;
        while let Some(next) = rest.next_if(|next| {
            one.from.checked_add(one.length) == Some(next.from) && one.to.checked_add(one.length) == Some(next.to)
        }) {
            one.length = one.length.saturating_add(next.length);
        }
        Some(one)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;
    use zeroize::Zeroizing;

    use super::*;
    use crate::{Confidence, Engine, Known, Options};

    const LEAKS: &str = include_str!("../data/generic_leaks.txt");
    const CLEAN: &str = include_str!("../data/generic_clean.txt");
    const KNOWN: &str = "a known Value/77";

    /// What names, ways and values consist of, and what separates them.
    const PIECES: &[&str] = &[
        "password",
        "TOKEN",
        "secret",
        "key",
        "api_key",
        "auth",
        "pwd",
        "_pat",
        "a.b-c_",
        "--",
        "=",
        ": ",
        ":=",
        " => ",
        "\"",
        "'",
        "\\\"",
        "`",
        "<",
        ">",
        "</key><string>",
        ", ",
        "(",
        ")",
        "{ default = ",
        "}",
        "[",
        "]",
        "\n",
        "\r\n",
        " ",
        "\t",
        "  ",
        "value",
        "value: ",
        "is ",
        "with ",
        "string",
        "ENV ",
        "export ",
        "::",
        ":",
        "&quot;",
        "q8Zr4Wm1Xc7Vb2Nn5Kj9",
        "hunter2!",
        "ghp_",
        "AKIA",
        "-----BEGIN ",
        "KEY-----",
        "://",
        "@",
        "a known ",
        "Value/77",
        KNOWN,
        "\0",
        "ä",
        "{",
        "\\",
    ];

    type Told = (String, Confidence, u64, u64, u64, u64, u64, Option<usize>);

    fn told(hits: &mut Vec<Told>) -> impl FnMut(&Hit<'_, '_>) {
        |hit| {
            let (rule, place) = (hit.rule.id.clone(), hit.place);
            let (span, secret) = (hit.span.clone(), hit.secret.clone());
            let known = hit.known;
            hits.push((rule, hit.confidence, span.start, secret.start, secret.end, place.line, place.column, known));
        }
    }

    fn known() -> Known {
        Known::new(&[Zeroizing::new(KNOWN.as_bytes().to_vec())])
    }

    fn search(known: &Known) -> Search<'_> {
        let options = Options { least: Confidence::Low, ..Options::default() };
        Search::new(Engine::builtin(), options).knowing(known)
    }

    /// Short pieces, whole cases, and much between them in which nothing happens.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        let examples =
            Engine::builtin().rules().iter().flat_map(|rule| rule.examples.iter().chain(&rule.counter_examples));
        let cases = LEAKS.split("\n%%\n").chain(CLEAN.split("\n%%\n"));
        let whole: Vec<String> = examples.cloned().chain(cases.map(str::to_owned)).collect();
        prop_oneof![
            8 => prop::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
            3 => prop::sample::select(whole).prop_map(String::into_bytes),
            1 => prop::collection::vec(any::<u8>(), 0..20),
            2 => (prop::sample::select(vec![" ", "x", "lorem ipsum ", "\n", "a,b\n"]), 1usize..400)
                .prop_map(|(word, times)| word.repeat(times).into_bytes()),
        ]
    }

    fn text(most: usize) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(piece(), 0..most).prop_map(|pieces| pieces.concat())
    }

    /// A text out of pieces of another and new ones, with what it has in common.
    fn make(base: &[u8], edits: &[(Index, Index, Vec<u8>)], sorted: bool) -> (Vec<u8>, Vec<Copied>) {
        let mut cuts: Vec<(usize, usize, &[u8])> = Vec::new();
        for (one, other, new) in edits {
            let (one, other) = (one.index(base.len() + 1), other.index(base.len() + 1));
            cuts.push((one, other, new));
        }
        let (mut made, mut copied) = (Vec::new(), Vec::new());
        let mut take = |made: &mut Vec<u8>, from: usize, until: usize| {
            copied.push(Copied { from, to: made.len(), length: until - from });
            made.extend_from_slice(&base[from..until]);
        };
        if sorted {
            // As people edit: in order, with little that is replaced.
            cuts.sort_unstable();
            let mut at = 0;
            for (cut, gone, new) in cuts {
                if cut >= at {
                    take(&mut made, at, cut);
                    made.extend_from_slice(new);
                    at = (cut + gone % 50).min(base.len());
                }
            }
            take(&mut made, at, base.len());
        } else {
            for (one, other, new) in cuts {
                take(&mut made, one.min(other), one.max(other));
                made.extend_from_slice(new);
            }
        }
        (made, copied)
    }

    fn edits() -> impl Strategy<Value = Vec<(Index, Index, Vec<u8>)>> {
        prop::collection::vec((any::<Index>(), any::<Index>(), text(4)), 0..5)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_same_hits_as_from_the_whole(
            base in text(40), steps in prop::collection::vec((edits(), prop::bool::weighted(0.8)), 1..4),
        ) {
            let known = known();
            let search = search(&known);
            let mut text = base;
            let (_, mut trace) = search.scan_made(&text, Nature::of(&text), None, &mut |_| {}).unwrap();
            for (edits, sorted) in steps {
                let (made, copied) = make(&text, &edits, sorted);
                let (mut here, mut whole) = (Vec::new(), Vec::new());
                let from = trace.as_ref().map(|trace| (trace, copied.as_slice()));
                let (examined, left) = search.scan_made(&made, Nature::of(&made), from, &mut told(&mut here)).unwrap();
                prop_assert_eq!(examined, search.scan(&made, &mut told(&mut whole)).unwrap());
                prop_assert_eq!(here, whole);
                (text, trace) = (made, left);
            }
        }

        #[test]
        fn what_lies_beyond_its_reach_makes_no_keyword_something(
            text in text(12), before in text(3), behind in text(3),
        ) {
            let known = known();
            let search = search(&known);
            let mut places = Vec::new();
            search.keywords.each(&text, |keyword, start, end| {
                places.push((keyword, start, end));
                true
            });
            for (keyword, start, end) in places {
                let reach = Candidates::new(&search, &text).take(keyword, start..end);
                if reach == Reach::OPEN {
                    continue;
                }
                let reach = reach.and(Reach::NEAR);
                let from = start.saturating_sub(reach.before);
                let until = (end + reach.behind).min(text.len());
                // Where it reaches beyond the text, the text has to end there again.
                let before: &[u8] = if start < reach.before { &[] } else { &before };
                let behind: &[u8] = if end + reach.behind > text.len() { &[] } else { &behind };
                let other = [before, &text[from..until], behind].concat();
                let at = start - from + before.len();
                let again = Candidates::new(&search, &other).take(keyword, at..at + end - start);
                prop_assert_ne!(again, Reach::OPEN, "{}", text[from..until].escape_ascii());
            }
        }
    }

    /// What two texts have in common at their beginnings and at their ends.
    fn ends(base: &[u8], made: &[u8]) -> [Copied; 2] {
        let before = base.iter().zip(made).take_while(|(one, other)| one == other).count();
        let rest = (base.len() - before).min(made.len() - before);
        let backwards = base.iter().rev().zip(made.iter().rev()).take(rest);
        let behind = backwards.take_while(|(one, other)| one == other).count();
        [
            Copied { from: 0, to: 0, length: before },
            Copied { from: base.len() - behind, to: made.len() - behind, length: behind },
        ]
    }

    #[test]
    fn what_is_decided_far_away_is_looked_at_again() {
        let blanks = " ".repeat(300);
        let letters = b"q8Zr4Wm1Xc7Vb2Nn5Kj9Ht6Yf3Gd0Ls";
        let run: String = (0..300usize).map(|n| char::from(letters[(n * n * n / 7 + n) % letters.len()])).collect();
        let variable =
            |default: &str| format!("variable \"db_password\" {{ type = \"{}\"{default}\n}}", "x".repeat(195));
        let mut cases = vec![
            (format!("access_token = \"{run}\n"), format!("access_token = \"{run}\"\n")),
            (variable(""), variable(" default = \"q8Zr4Wm1Xc7Vb2\"")),
            (
                format!("x{blanks}db_password \"q8Zr4Wm1Xc7Vb2\"\n"),
                format!("{{{blanks}db_password \"q8Zr4Wm1Xc7Vb2\"\n"),
            ),
        ];
        let known_ones = cases.len();
        for example in Engine::builtin().rules().iter().flat_map(|rule| &rule.examples) {
            if let Some((cut, _)) = example.char_indices().rev().nth(20).filter(|_| example.len() > 250) {
                cases.push((example[..cut].to_owned(), example.clone()));
            }
        }
        let known = known();
        let search = search(&known);
        let filler = "lorem ipsum\n".repeat(300);
        let mut new = Vec::new();
        for (number, (base, made)) in cases.iter().enumerate() {
            for (base, made) in [(base, made), (made, base)] {
                let (base, made) = (format!("{filler}{base}{filler}"), format!("{filler}{made}{filler}"));
                let (mut before, mut here, mut whole) = (Vec::new(), Vec::new(), Vec::new());
                let nature = Nature::of(base.as_bytes());
                let (_, trace) = search.scan_made(base.as_bytes(), nature, None, &mut told(&mut before)).unwrap();
                let (trace, copied) = (trace.expect("a short text"), ends(base.as_bytes(), made.as_bytes()));
                assert!(!search.pieces(made.as_bytes(), &trace, &copied).is_empty(), "{made}");
                search.scan_made(made.as_bytes(), nature, Some((&trace, &copied)), &mut told(&mut here)).unwrap();
                search.scan(made.as_bytes(), &mut told(&mut whole)).unwrap();
                assert_eq!(here, whole, "{made}");
                new.extend((before.len() < whole.len()).then_some(number));
            }
        }
        // Of these at least it is known that the edit decides.
        assert!((0..known_ones).all(|number| new.contains(&number)) && new.len() > 10, "{new:?} of {}", cases.len());
    }

    #[test]
    fn little_is_looked_at_again() {
        let known = known();
        let search = search(&known);
        let lines: Vec<String> =
            (0..500).map(|n| format!("let token = self.key_{n}.get(\"secret {n}\")?;\n")).collect();
        let (base, line) = (lines.concat(), lines[..250].concat().len());
        let (_, trace) = search.scan_made(base.as_bytes(), Nature::of(base.as_bytes()), None, &mut |_| {}).unwrap();
        let trace = trace.expect("a short text");
        let copied =
            [Copied { from: 0, to: 0, length: line }, Copied { from: line, to: line + 1, length: base.len() - line }];
        let made = format!("{}\n{}", &base[..line], &base[line..]);
        let pieces = search.pieces(made.as_bytes(), &trace, &copied);
        let (mut spots, mut open) = (Vec::new(), Vec::new());
        pieces.iter().for_each(|piece| search.carry(&trace, piece, &mut spots, &mut open));
        assert!(pieces.len() == 2 && spots.len() > 10 * open.len().max(1), "{} {}", spots.len(), open.len());
    }

    #[test]
    fn pieces_that_cannot_be_are_none() {
        let known = known();
        let search = search(&known);
        let text = "password = \"q8Zr4Wm1Xc7Vb2Nn5Kj9\"\n".repeat(100);
        let nature = Nature::of(text.as_bytes());
        let (mut whole, length) = (Vec::new(), text.len());
        let (_, trace) = search.scan_made(text.as_bytes(), nature, None, &mut told(&mut whole)).unwrap();
        let trace = trace.expect("a short text");
        for (from, to, length) in [(1, 0, length), (0, 1, length), (usize::MAX, 0, length), (0, 0, usize::MAX)] {
            let mut here = Vec::new();
            let copied = [Copied { from, to, length }];
            search.scan_made(text.as_bytes(), nature, Some((&trace, &copied)), &mut told(&mut here)).unwrap();
            assert_eq!(here, whole);
        }
    }
}
