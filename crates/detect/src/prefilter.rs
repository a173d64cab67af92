//! Finds keywords, in any case, faster than an automaton can: no step waits for the step before.
//!
//! Of each keyword two *windows* of four bytes are entered in a table, the rarest that begin an even and an odd number of
//! bytes from its beginning: so every other window of the input suffices to see every keyword. One pass hashes
//! these, four at a time; only where the table knows one are the keywords compared that contain it.

use crate::common::{self, Common};

/// Bits of the table's places: 64 KiB, of which text mostly uses what the fastest cache holds.
const PLACES: u32 = 16;
/// Bits of the second table's places, asked only when the first says yes: 16 KiB.
const SECOND_PLACES: u32 = 14;
/// Buckets of windows, as a power of two.
const BUCKETS: u32 = 12;
/// Bytes of a step: four windows begin in it.
const STEP: usize = 8;
/// Bytes that a step looks at: the last window ends behind the step.
const SEEN: usize = STEP + 2;
/// Steps that are looked at together: 8 KiB, which stay in the fastest cache.
const SPOTS: usize = 1024;
/// Clears the case of ASCII letters, and joins a few other characters, in four bytes at once.
const FOLD: u32 = 0x2020_2020;

/// Keywords and the tables that find them.
pub(crate) struct Prefilter {
    keywords: Vec<Vec<u8>>,
    /// By the hash of a window's first three bytes: the classes that its fourth may be of.
    table: Box<[u8; 1 << PLACES]>,
    /// The classes of each byte: the lowest bit, which is every byte's, and one of the others.
    classes: [u8; 256],
    /// The same with another hash and other classes.
    second: Box<[u8; 1 << SECOND_PLACES]>,
    second_classes: [u8; 256],
    /// By their bucket.
    windows: Vec<Window>,
    /// Where each bucket begins in `windows`, and behind the last one their end.
    buckets: Box<[u32; (1 << BUCKETS) + 1]>,
}

/// Four bytes that a keyword lies in, or most of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Window {
    /// The bytes, folded, the first one lowest, and which of them the keyword has: the two in the middle always.
    bytes: u32,
    mask: u32,
    keyword: usize,
    /// Where in the keyword the window begins; -1 for a byte before it.
    offset: isize,
    /// Up to eight bytes at the keyword's beginning with their case cleared, and which of them count.
    head: (u64, u64),
}

/// Where in the table a window lies; its fourth byte does not matter, for the factor's lowest byte is zero.
#[inline(always)]
fn place(window: u32) -> usize {
    (window.wrapping_mul(0x3779_B100) >> (32 - PLACES)) as usize
}

/// The same for the second table.
#[inline(always)]
fn second_place(window: u32) -> usize {
    (window.wrapping_mul(0xEBCA_6B00) >> (32 - SECOND_PLACES)) as usize
}

/// By the two bytes in the middle.
fn bucket(window: u32) -> usize {
    (((window >> 8) & 0xffff).wrapping_mul(0xC2B2_AE35) >> (32 - BUCKETS)) as usize
}

impl Default for Prefilter {
    /// Without keywords.
    fn default() -> Prefilter {
        Prefilter::of_bytes(&[]).expect("no keyword is too short")
    }
}

impl Drop for Prefilter {
    fn drop(&mut self) {
        // Some keywords are known values.
        self.keywords.iter_mut().for_each(zeroize::Zeroize::zeroize);
    }
}

impl Prefilter {
    /// Takes lower-case keywords of at least three bytes; a shorter one is refused by its index.
    pub(crate) fn new(keywords: &[&str]) -> Result<Prefilter, usize> {
        Prefilter::of_bytes(&keywords.iter().map(|k| k.as_bytes()).collect::<Vec<_>>())
    }

    /// As [`Prefilter::new`], for keywords of any bytes.
    pub(crate) fn of_bytes(keywords: &[&[u8]]) -> Result<Prefilter, usize> {
        let common = common::usual();
        let mut filter = Prefilter {
            keywords: keywords.iter().map(|k| k.to_vec()).collect(),
            table: Box::new([0; 1 << PLACES]),
            classes: common.classes(),
            second: Box::new([0; 1 << SECOND_PLACES]),
            second_classes: std::array::from_fn(|byte| 1 | 2 << ((byte | 0x20) % 7)),
            windows: Vec::with_capacity(2 * keywords.len()),
            buckets: Box::new([0; (1 << BUCKETS) + 1]),
        };
        for (keyword, text) in keywords.iter().enumerate() {
            for odd in [0, 1] {
                let window = rarest(common, text, keyword, odd).ok_or(keyword)?;
                filter.enter(&window);
                filter.windows.push(window);
            }
        }
        filter.windows.sort_unstable_by_key(|w| (bucket(w.bytes), *w));
        for window in &filter.windows {
            filter.buckets[bucket(window.bytes) + 1] += 1;
        }
        for at in 1..filter.buckets.len() {
            filter.buckets[at] += filter.buckets[at - 1];
        }
        Ok(filter)
    }

    fn enter(&mut self, window: &Window) {
        let [first, _, _, last] = window.mask.to_le_bytes();
        let of = |classes: &[u8; 256]| if last == 0 { 1 } else { classes[(window.bytes >> 24) as usize] & !1 };
        let (class, second) = (of(&self.classes), of(&self.second_classes));
        let firsts = if first == 0 { 0..=u8::MAX } else { 0..=0 };
        for any in firsts {
            let bytes = if first == 0 { window.bytes | u32::from(any | 0x20) } else { window.bytes };
            self.table[place(bytes)] |= class;
            self.second[second_place(bytes)] |= second;
        }
    }

    /// The keywords, in the order in which they were given.
    pub(crate) fn keywords(&self) -> impl Iterator<Item = &[u8]> {
        self.keywords.iter().map(Vec::as_slice)
    }

    /// How many bytes a keyword has.
    pub(crate) fn length(&self, keyword: usize) -> usize {
        self.keywords[keyword].len()
    }

    /// Calls `hit` with keyword, start and end of every occurrence, roughly in order, until it returns false.
    pub(crate) fn each(&self, bytes: &[u8], mut hit: impl FnMut(usize, usize, usize) -> bool) {
        let mut at = 0;
        let mut spots = [0u16; SPOTS];
        // First all places in a few kilobytes, then those that the second table knows too, then what lies there: so no loop
        // gets in the way of another.
        while bytes.len() - at >= SEEN {
            let (found, next) = self.spots(&bytes[at..], &mut spots);
            let found = self.sift(&bytes[at..], &mut spots, found);
            for spot in &spots[..found] {
                let start = at + STEP * usize::from(*spot);
                let Some(seen) = bytes[start..].first_chunk::<SEEN>() else {
                    break;
                };
                if !self.look(bytes, start, windows(seen), &mut hit) {
                    return;
                }
            }
            at += next;
        }
        // What is left is shorter than a step looks at, and ends in what no keyword has.
        let rest = &bytes[at..];
        let mut last = [0; SEEN + STEP];
        last[..rest.len()].copy_from_slice(rest);
        for start in [0, STEP] {
            if let Some(seen) = last[start..].first_chunk::<SEEN>()
                && !self.look(bytes, at + start, windows(seen), &mut hit)
            {
                return;
            }
        }
    }

    /// Enters the steps in which a window begins that the table knows. Returns how many, and where to go on.
    #[inline(never)]
    fn spots(&self, bytes: &[u8], spots: &mut [u16; SPOTS]) -> (usize, usize) {
        let mut found = 0;
        let steps = ((bytes.len() - (SEEN - STEP)) / STEP).min(SPOTS);
        for step in 0..steps {
            let Some(seen) = bytes.get(STEP * step..STEP * step + SEEN).and_then(|s| s.first_chunk::<SEEN>()) else {
                break;
            };
            let [a, b, c, d] = windows(seen);
            let known = self.known(a) | self.known(b) | self.known(c) | self.known(d);
            // Without a branch: written always, kept if it counts.
            spots[found % SPOTS] = step as u16;
            found += usize::from(known != 0);
        }
        (found, STEP * steps)
    }

    /// Keeps of the first `found` spots those that the second table knows too, and returns how many.
    #[inline(never)]
    fn sift(&self, bytes: &[u8], spots: &mut [u16; SPOTS], found: usize) -> usize {
        let mut kept = 0;
        for at in 0..found.min(SPOTS) {
            let spot = spots[at];
            let start = STEP * usize::from(spot);
            let Some(seen) = bytes.get(start..start + SEEN).and_then(|s| s.first_chunk::<SEEN>()) else {
                break;
            };
            let [a, b, c, d] = windows(seen);
            let known = self.surely(a) | self.surely(b) | self.surely(c) | self.surely(d);
            spots[kept % SPOTS] = spot;
            kept += usize::from(known);
        }
        kept
    }

    /// Do both tables know the window?
    #[inline(always)]
    fn surely(&self, window: u32) -> bool {
        let second = self.second[second_place(window)] & self.second_classes[(window >> 24) as usize];
        (self.known(window) != 0) & (second != 0)
    }

    /// Not zero if a keyword may have this window.
    #[inline(always)]
    fn known(&self, window: u32) -> u8 {
        self.table[place(window)] & self.classes[(window >> 24) as usize]
    }

    /// Tells of the keywords that have a window in the step at `start`; false to stop.
    #[inline]
    fn look(
        &self,
        bytes: &[u8],
        start: usize,
        windows: [u32; 4],
        hit: &mut impl FnMut(usize, usize, usize) -> bool,
    ) -> bool {
        let mut left = 0u32;
        for (number, window) in windows.into_iter().enumerate() {
            left |= u32::from(self.surely(window)) << number;
        }
        while left != 0 {
            let number = left.trailing_zeros() as usize;
            left &= left - 1;
            if !self.compare(bytes, start + 2 * number, windows[number % 4], hit) {
                return false;
            }
        }
        true
    }

    #[inline]
    fn compare(&self, bytes: &[u8], at: usize, window: u32, hit: &mut impl FnMut(usize, usize, usize) -> bool) -> bool {
        let bucket = bucket(window);
        let entries = &self.windows[self.buckets[bucket] as usize..self.buckets[bucket + 1] as usize];
        for entry in entries.iter().filter(|entry| (window ^ entry.bytes) & entry.mask == 0) {
            let Some(start) = at.checked_add_signed(-entry.offset) else {
                continue;
            };
            if let Some(eight) = bytes.get(start..start + 8).and_then(|e| e.first_chunk::<8>())
                && (u64::from_le_bytes(*eight) | FOLD_EIGHT) & entry.head.1 != entry.head.0
            {
                continue;
            }
            let keyword = &self.keywords[entry.keyword];
            let end = start + keyword.len();
            let here = bytes.get(start..end).is_some_and(|text| text.eq_ignore_ascii_case(keyword));
            if here && !hit(entry.keyword, start, end) {
                return false;
            }
        }
        true
    }
}

/// [`FOLD`], twice.
const FOLD_EIGHT: u64 = (FOLD as u64) << 32 | FOLD as u64;

/// The windows of a step, folded.
#[inline(always)]
fn windows(seen: &[u8; SEEN]) -> [u32; 4] {
    let [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9] = *seen;
    let eight = u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7]) | FOLD_EIGHT;
    let last = u32::from_le_bytes([b6, b7, b8, b9]) | FOLD;
    [eight as u32, (eight >> 16) as u32, (eight >> 32) as u32, last]
}

/// The window of a keyword that tells most, of those that begin an odd number of bytes from its beginning, or an even one.
fn rarest(common: &Common, text: &[u8], keyword: usize, odd: usize) -> Option<Window> {
    let mut head = [0u8; 8];
    let counts = text.len().min(8);
    head[..counts].copy_from_slice(&text[..counts]);
    let mask = if counts == 8 { u64::MAX } else { (1 << (8 * counts)) - 1 };
    let head = ((u64::from_le_bytes(head) | FOLD_EIGHT) & mask, mask);
    let first = if odd == 1 { -1 } else { 0 };
    (first..isize::try_from(text.len()).ok()? - 2)
        .step_by(2)
        .filter_map(|offset| {
            let byte = |at: isize| usize::try_from(offset + at).ok().and_then(|at| text.get(at)).map(|b| b | 0x20);
            let four = [byte(0), byte(1), byte(2), byte(3)];
            // Any byte at both ends would leave two that count.
            (four[0].is_some() || four[3].is_some()).then_some((offset, four))
        })
        .min_by(|a, b| common.cost(&a.1).total_cmp(&common.cost(&b.1)))
        .map(|(offset, four)| Window {
            bytes: u32::from_le_bytes(four.map(|byte| byte.unwrap_or(0))),
            mask: u32::from_le_bytes(four.map(|byte| if byte.is_some() { 0xff } else { 0 })),
            keyword,
            offset,
            head,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aho_corasick::AhoCorasick;
    use proptest::prelude::*;

    const WORDS: &[&str] = &["ghp_", "akia", "sg.", ":aa", "private key-----", "aab", "aaba", "baab", "http://", "8q~"];

    fn ours(bytes: &[u8]) -> Vec<(usize, usize, usize)> {
        let mut found = Vec::new();
        Prefilter::new(WORDS).unwrap().each(bytes, |k, s, e| {
            found.push((k, s, e));
            true
        });
        found.sort_unstable();
        found
    }

    fn oracle(bytes: &[u8]) -> Vec<(usize, usize, usize)> {
        let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(WORDS).unwrap();
        let mut found: Vec<_> =
            automaton.find_overlapping_iter(bytes).map(|m| (m.pattern().as_usize(), m.start(), m.end())).collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn too_short_a_keyword_is_named() {
        assert_eq!(Prefilter::new(&["abc", "ab"]).err(), Some(1));
    }

    proptest! {
        #[test]
        fn agrees_with_aho_corasick(pieces in prop::collection::vec(prop_oneof![
            prop::sample::select(WORDS).prop_map(|w| w.as_bytes().to_vec()),
            prop::sample::select(WORDS).prop_map(|w| w.to_ascii_uppercase().into_bytes()),
            prop::collection::vec(prop::sample::select(b"aAbB:.g_".to_vec()), 0..12),
            prop::collection::vec(any::<u8>(), 0..12),
        ], 0..12)) {
            let bytes = pieces.concat();
            prop_assert_eq!(ours(&bytes), oracle(&bytes));
        }
    }
}
