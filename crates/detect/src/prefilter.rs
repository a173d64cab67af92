//! Finds keywords, in any case, faster than an automaton can: no step waits for the step before.
//!
//! Of each keyword its rarest four bytes, a *group*, are entered in a table. One pass hashes every four bytes of the
//! input, five groups at a time; only where the table knows one are the keywords compared that contain it.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Bits of the first table, as a power of two: 32 KiB, which mostly stay in the fastest cache.
const FIRST: u32 = 18;
/// Bits of the second table, asked only when the first says yes: 8 KiB.
const SECOND: u32 = 16;
/// Buckets of groups, as a power of two.
const BUCKETS: u32 = 12;
/// Groups that begin in eight bytes and end there.
const STRIDE: usize = 5;
/// Steps that are looked at together: 5 KiB, which stay in the fastest cache.
const SPOTS: usize = 1024;
/// Clears the case of ASCII letters, and joins a few other characters, in eight bytes at once.
const FOLD: u64 = 0x2020_2020_2020_2020;
/// The part of a group that a keyword of three bytes has.
const THREE: u32 = 0x00ff_ffff;

/// Keywords and the tables that find them.
pub(crate) struct Prefilter {
    keywords: Vec<Vec<u8>>,
    first: Box<[u64; 1 << (FIRST - 6)]>,
    second: Box<[u64; 1 << (SECOND - 6)]>,
    /// Groups of four bytes and of three (their highest byte is zero, which no folded byte is), by their bucket.
    groups: Vec<Group>,
    /// Where each bucket begins in `groups`, and behind the last one their end.
    buckets: Box<[u32; (1 << BUCKETS) + 1]>,
    /// Is any keyword three bytes long?
    threes: bool,
}

/// Where in a keyword its group lies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    folded: u32,
    keyword: usize,
    /// Bytes of the keyword before the group.
    before: usize,
    /// Up to eight bytes at the keyword's beginning with their case cleared, and which of them count.
    head: (u64, u64),
}

fn first_hash(group: u32) -> usize {
    (group.wrapping_mul(0x9E37_79B1) >> (32 - FIRST)) as usize
}

fn second_hash(group: u32) -> usize {
    (group.wrapping_mul(0x85EB_CA6B) >> (32 - SECOND)) as usize
}

fn bucket(group: u32) -> usize {
    (group.wrapping_mul(0xC2B2_AE35) >> (32 - BUCKETS)) as usize
}

/// Up to four bytes with their case cleared, the first one lowest.
fn fold(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |word, byte| (word << 8) | u32::from(*byte | 0x20))
}

/// How common a byte is in configuration and source text: the higher the worse for a group.
pub(crate) fn common(byte: u8) -> u32 {
    const ORDER: &[u8] = b" etaoinsrldcpmuhgf_bvy-./w\":kx1023zjq";
    match ORDER.iter().position(|b| *b == byte) {
        Some(at) => (ORDER.len() - at) as u32 + 4,
        None => 3,
    }
}

/// How often groups of four bytes occur in ordinary logs, configuration and source text.
static USUAL: LazyLock<HashMap<u32, u32>> = LazyLock::new(|| {
    let mut counts = HashMap::new();
    for group in include_bytes!("../data/common_text.txt").windows(4) {
        *counts.entry(fold(group)).or_insert(0) += 1;
    }
    counts
});

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
        let mut filter = Prefilter {
            keywords: keywords.iter().map(|k| k.to_vec()).collect(),
            first: Box::new([0; 1 << (FIRST - 6)]),
            second: Box::new([0; 1 << (SECOND - 6)]),
            groups: Vec::with_capacity(keywords.len()),
            buckets: Box::new([0; (1 << BUCKETS) + 1]),
            threes: keywords.iter().any(|k| k.len() == 3),
        };
        let usual = &*USUAL;
        for (keyword, text) in keywords.iter().enumerate() {
            let groups = text.windows(text.len().clamp(3, 4)).enumerate();
            let usual = |group: &[u8]| usual.get(&fold(group)).copied().unwrap_or(0);
            let rarest = groups.min_by_key(|(_, g)| (usual(g), g.iter().map(|b| common(*b)).product::<u32>()));
            let (before, group) = rarest.ok_or(keyword)?;
            let folded = fold(group);
            let mut head = [0u8; 8];
            let counts = text.len().min(8);
            head[..counts].copy_from_slice(&text[..counts]);
            let mask = if counts == 8 { u64::MAX } else { (1 << (8 * counts)) - 1 };
            let head = ((u64::from_le_bytes(head) | FOLD) & mask, mask);
            filter.groups.push(Group { folded, keyword, before, head });
            if group.len() == 4 {
                filter.enter(folded);
            } else {
                // Whatever comes behind it.
                (0..=255u8).for_each(|next| filter.enter(folded | u32::from(next | 0x20) << 24));
            }
        }
        filter.groups.sort_unstable_by_key(|g| (bucket(g.folded), *g));
        for group in &filter.groups {
            filter.buckets[bucket(group.folded) + 1] += 1;
        }
        for at in 1..filter.buckets.len() {
            filter.buckets[at] += filter.buckets[at - 1];
        }
        Ok(filter)
    }

    fn enter(&mut self, group: u32) {
        let (first, second) = (first_hash(group), second_hash(group));
        self.first[first >> 6] |= 1 << (first & 63);
        self.second[second >> 6] |= 1 << (second & 63);
    }

    /// The keywords, in the order in which they were given.
    pub(crate) fn keywords(&self) -> impl Iterator<Item = &[u8]> {
        self.keywords.iter().map(Vec::as_slice)
    }

    /// Calls `hit` with keyword, start and end of every occurrence, roughly in order, until it returns false.
    pub(crate) fn each(&self, bytes: &[u8], mut hit: impl FnMut(usize, usize, usize) -> bool) {
        let mut at = 0;
        let mut spots = [0u32; SPOTS];
        // First all places in a few kilobytes, then what lies there: so neither loop gets in the way of the other.
        while bytes.len() - at >= 8 {
            let (found, next) = self.spots(bytes, at, &mut spots);
            for spot in &spots[..found] {
                let place = at + *spot as usize;
                let Some(eight) = bytes[place..].first_chunk::<8>() else {
                    break;
                };
                let word = u64::from_le_bytes(*eight) | FOLD;
                for offset in 0..STRIDE {
                    if !self.look(bytes, place + offset, (word >> (8 * offset)) as u32, &mut hit) {
                        return;
                    }
                }
            }
            at = next;
        }
        for start in at..bytes.len().saturating_sub(2) {
            let mut last = [0u8; 4];
            let rest = &bytes[start..bytes.len().min(start + 4)];
            last[..rest.len()].copy_from_slice(rest);
            if !self.look(bytes, start, fold(&last), &mut hit) {
                return;
            }
        }
    }

    /// Enters the places from `at` on, relative to it, at which a group may begin within [`STRIDE`] bytes. Returns how
    /// many, and where to go on.
    #[inline(never)]
    fn spots(&self, bytes: &[u8], at: usize, spots: &mut [u32; SPOTS]) -> (usize, usize) {
        let rest = &bytes[at..];
        let mut found = 0;
        let mut offset = 0;
        for _ in 0..SPOTS - 1 {
            let Some(eight) = rest.get(offset..offset + 8).and_then(|e| e.first_chunk::<8>()) else {
                break;
            };
            let word = u64::from_le_bytes(*eight) | FOLD;
            let seen = self.seen(word as u32)
                | self.seen((word >> 8) as u32)
                | self.seen((word >> 16) as u32)
                | self.seen((word >> 24) as u32)
                | self.seen((word >> 32) as u32);
            // Without a branch: written always, kept if it counts.
            spots[found % SPOTS] = offset as u32;
            found += (seen & 1) as usize;
            offset += STRIDE;
        }
        (found, at + offset)
    }

    /// Lowest bit set if a keyword may hold this group; the other bits mean nothing.
    #[inline(always)]
    fn seen(&self, group: u32) -> u64 {
        let hash = first_hash(group);
        self.first[hash >> 6] >> (hash & 63)
    }

    /// Tells of the keywords whose group this is and which lie here; false to stop.
    #[inline]
    fn look(&self, bytes: &[u8], place: usize, group: u32, hit: &mut impl FnMut(usize, usize, usize) -> bool) -> bool {
        let second = second_hash(group);
        let known = self.seen(group) & (self.second[second >> 6] >> (second & 63)) & 1;
        known == 0
            || (self.compare(bytes, place, group, hit)
                && (!self.threes || self.compare(bytes, place, group & THREE, hit)))
    }

    #[inline(never)]
    fn compare(
        &self,
        bytes: &[u8],
        place: usize,
        group: u32,
        hit: &mut impl FnMut(usize, usize, usize) -> bool,
    ) -> bool {
        let at = bucket(group);
        let entries = &self.groups[self.buckets[at] as usize..self.buckets[at + 1] as usize];
        for entry in entries.iter().filter(|g| g.folded == group) {
            let Some(start) = place.checked_sub(entry.before) else {
                continue;
            };
            if let Some(eight) = bytes.get(start..start + 8).and_then(|e| e.first_chunk::<8>())
                && (u64::from_le_bytes(*eight) | FOLD) & entry.head.1 != entry.head.0
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
