//! What can be said about every match of a pattern without running it: the cheap look before the dear one.

use regex_syntax::hir::{Class, Hir, HirKind};

use crate::trace::Reach;

/// Variants of a pattern's fixed text that are told apart; with more of them nothing is said.
const VARIANTS: usize = 96;
/// Stands between fixed pieces for anything that is not fixed. No keyword holds it.
const GAP: u8 = 0;

/// Most keywords of a rule whose surroundings are compared.
const MOST_TEXTS: usize = 6;
/// Most bytes behind a keyword that are compared.
const BEHIND: usize = 12;

/// A set of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Set([u64; 4]);

impl Set {
    fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 != 0
    }

    fn add(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    fn or(self, other: Set) -> Set {
        Set(std::array::from_fn(|at| self.0[at] | other.0[at]))
    }

    /// Does it hold nothing but this byte, in either case?
    fn spells(&self, byte: u8) -> bool {
        let mut only = Set::default();
        only.add(byte.to_ascii_lowercase());
        only.add(byte.to_ascii_uppercase());
        *self != Set::default() && self.or(only) == only
    }
}

/// A piece of a pattern that every match runs through.
#[derive(Clone, Copy)]
enum Atom {
    /// One byte of the set.
    One(Set),
    /// Any number of bytes of the set.
    Any(Set),
    /// Something else.
    Other,
}

/// Facts that hold for every match of one pattern.
pub(crate) struct Anatomy {
    /// Bytes that can occur in a match; `None` if any byte can.
    alphabet: Option<Box<[bool; 256]>>,
    /// Fewest bytes of a match.
    shortest: usize,
    /// A byte that each match holds, the rarest of them, and none that all keywords hold.
    needs: Option<u8>,
    /// Keywords that every match holds in the same place, with what stands there and directly behind.
    texts: Vec<(Vec<u8>, Vec<Set>)>,
    /// Does every match hold one of the keywords? Then it lies in the run of the alphabet around one.
    around_keyword: bool,
}

impl Anatomy {
    /// Looks at a pattern that compiles; `keywords` are its rule's.
    pub(crate) fn of(pattern: &str, keywords: &[String]) -> Anatomy {
        let parsed = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern);
        let Ok(hir) = parsed else {
            return Anatomy { alphabet: None, shortest: 0, needs: None, texts: Vec::new(), around_keyword: false };
        };
        let mut alphabet = Box::new([false; 256]);
        spell_inside(&hir, &mut alphabet);
        let full = alphabet.iter().all(|known| *known);
        let needed = needed(&hir);
        let common = |byte: u8| keywords.iter().all(|k| k.as_bytes().contains(&byte));
        let needs = (0..=255u8)
            .filter(|byte| needed[usize::from(*byte)] && !common(*byte))
            .min_by_key(|byte| crate::common::byte(*byte));
        let around_keyword = variants(&hir).is_some_and(|all| {
            all.iter().all(|text| keywords.iter().any(|k| memchr::memmem::find(text, k.as_bytes()).is_some()))
        });
        let mut sequence = Vec::new();
        atoms(&hir, &mut sequence);
        let texts = match keywords.len() {
            1..=MOST_TEXTS => keywords
                .iter()
                .filter_map(|k| Some((k.as_bytes().to_vec(), text_at(&sequence, k.as_bytes())?)))
                .collect(),
            _ => Vec::new(),
        };
        Anatomy {
            texts,
            alphabet: (!full).then_some(alphabet),
            shortest: hir.properties().minimum_len().unwrap_or(0),
            needs,
            around_keyword,
        }
    }

    /// The part of `from..to` in which a match with the keyword `start..end` can lie, widened by a byte for looking
    /// around; if there can be no match, how much was looked at to know that.
    pub(crate) fn narrow(
        &self,
        bytes: &[u8],
        (from, to): (usize, usize),
        (start, end): (usize, usize),
    ) -> Result<(usize, usize), Reach> {
        if let Some((_, sets)) = self.texts.iter().find(|(k, _)| bytes[start..end].eq_ignore_ascii_case(k)) {
            let here = &bytes[start..bytes.len().min(start + sets.len())];
            if !here.iter().zip(sets).all(|(byte, set)| set.has(*byte)) {
                return Err(Reach { before: 0, behind: (start + sets.len()).saturating_sub(end) });
            }
        }
        let (mut left, mut right) = (from, to);
        if self.around_keyword
            && let Some(alphabet) = &self.alphabet
        {
            let known = |byte: &u8| alphabet[usize::from(*byte)];
            left = start - bytes[from..start].iter().rev().take_while(|b| known(b)).count();
            right = end + bytes[end..to].iter().take_while(|b| known(b)).count();
        }
        // What ends the run counts too, be it the text's own end.
        let reach = Reach { before: start - left + 1, behind: right - end + 1 };
        // A run that reaches the window's end may go on behind it.
        if self.around_keyword && self.alphabet.is_some() && right < to && right - left < self.shortest {
            return Err(reach);
        }
        // Behind a cut-off the byte could still come.
        let cut_off = right == to && to < bytes.len();
        if let Some(needs) = self.needs
            && !cut_off
            && memchr::memchr(needs, &bytes[left..right]).is_none()
        {
            return Err(reach);
        }
        Ok((left.saturating_sub(1).max(from), right.saturating_add(1).min(to)))
    }
}

/// Enters every byte that the pattern can consume, but for what it consumes at either end only to look around.
fn spell_inside(hir: &Hir, alphabet: &mut [bool; 256]) {
    match hir.kind() {
        HirKind::Alternation(branches) => branches.iter().for_each(|branch| spell_inside(branch, alphabet)),
        HirKind::Concat(parts) => {
            let looks = |part: Option<&Hir>| part.is_some_and(looks_around);
            let from = usize::from(looks(parts.first()));
            let to = parts.len() - usize::from(parts.len() > from && looks(parts.last()));
            parts[from..to].iter().for_each(|part| spell(part, alphabet));
        }
        _ => spell(hir, alphabet),
    }
}

/// `(?:[^a-z]|$)`: a byte or the edge of the text.
fn looks_around(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Alternation(parts) => {
            parts.iter().any(|part| matches!(part.kind(), HirKind::Look(_)))
                && parts.iter().all(|part| matches!(part.kind(), HirKind::Look(_) | HirKind::Class(_)))
        }
        _ => false,
    }
}

/// Enters every byte that the pattern can consume.
fn spell(hir: &Hir, alphabet: &mut [bool; 256]) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(text) => text.0.iter().for_each(|b| alphabet[usize::from(*b)] = true),
        HirKind::Class(class) => class_bytes(class, |byte| alphabet[usize::from(byte)] = true),
        HirKind::Repetition(repetition) => spell(&repetition.sub, alphabet),
        HirKind::Capture(capture) => spell(&capture.sub, alphabet),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().for_each(|part| spell(part, alphabet)),
    }
}

fn class_bytes(class: &Class, mut each: impl FnMut(u8)) {
    match class {
        Class::Bytes(bytes) => bytes.ranges().iter().for_each(|r| (r.start()..=r.end()).for_each(&mut each)),
        Class::Unicode(chars) => {
            for range in chars.ranges() {
                let ascii = u32::from(range.start())..=u32::from(range.end()).min(0x7f);
                ascii.for_each(|c| each(c as u8));
                if range.end() > '\u{7f}' {
                    (0x80..=0xff).for_each(&mut each);
                }
            }
        }
    }
}

/// What a match runs through, in its order.
fn atoms(hir: &Hir, out: &mut Vec<Atom>) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(text) => out.extend(text.0.iter().map(|byte| {
            let mut set = Set::default();
            set.add(*byte);
            Atom::One(set)
        })),
        HirKind::Class(class) => {
            let mut set = Set::default();
            class_bytes(class, |byte| set.add(byte));
            out.push(Atom::One(set));
        }
        HirKind::Capture(capture) => atoms(&capture.sub, out),
        HirKind::Concat(parts) => parts.iter().for_each(|part| atoms(part, out)),
        HirKind::Alternation(_) => out.push(Atom::Other),
        HirKind::Repetition(repetition) => {
            let mut inner = Vec::new();
            atoms(&repetition.sub, &mut inner);
            match inner[..] {
                [Atom::One(set)] => {
                    let least = (repetition.min as usize).min(BEHIND);
                    out.extend(std::iter::repeat_n(Atom::One(set), least));
                    if repetition.max != Some(repetition.min) || repetition.min as usize > least {
                        out.push(Atom::Any(set));
                    }
                }
                _ => out.push(Atom::Other),
            }
        }
    }
}

/// The sets that the keyword's bytes and the next ones must lie in, where each match holds it. Of several such places
/// one will do, for each match has its keyword there too.
fn text_at(atoms: &[Atom], keyword: &[u8]) -> Option<Vec<Set>> {
    let spelled = |at: usize| {
        let here = atoms.get(at..at + keyword.len())?;
        here.iter()
            .zip(keyword)
            .map(|(atom, byte)| match atom {
                Atom::One(set) if set.spells(*byte) => Some(*set),
                _ => None,
            })
            .collect::<Option<Vec<Set>>>()
    };
    let (place, mut sets) = (0..atoms.len()).find_map(|at| Some((at, spelled(at)?)))?;
    let mut open = Set::default();
    for atom in atoms[place + keyword.len()..].iter().take(BEHIND) {
        match atom {
            Atom::One(set) if open == Set::default() => sets.push(*set),
            // Behind an open number of bytes only the first one is sure.
            Atom::One(set) => {
                sets.push(open.or(*set));
                break;
            }
            Atom::Any(set) => open = open.or(*set),
            Atom::Other => break,
        }
    }
    Some(sets)
}

/// Bytes that occur in each match.
fn needed(hir: &Hir) -> [bool; 256] {
    let mut set = [false; 256];
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(text) => text.0.iter().for_each(|b| set[usize::from(*b)] = true),
        HirKind::Class(class) => {
            let mut bytes = Vec::new();
            class_bytes(class, |byte| bytes.push(byte));
            if let [only] = bytes[..] {
                set[usize::from(only)] = true;
            }
        }
        HirKind::Repetition(repetition) if repetition.min > 0 => set = needed(&repetition.sub),
        HirKind::Repetition(_) => {}
        HirKind::Capture(capture) => set = needed(&capture.sub),
        HirKind::Concat(parts) => {
            for part in parts.iter().map(needed) {
                set.iter_mut().zip(part).for_each(|(all, one)| *all |= one);
            }
        }
        HirKind::Alternation(parts) => {
            set = [true; 256];
            for part in parts.iter().map(needed) {
                set.iter_mut().zip(part).for_each(|(all, one)| *all &= one);
            }
        }
    }
    set
}

/// The pattern's fixed texts in lower case, with a [`GAP`] where it is not fixed; `None` if there are too many.
fn variants(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    const GAPS: fn() -> Option<Vec<Vec<u8>>> = || Some(vec![vec![GAP]]);
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Some(vec![Vec::new()]),
        HirKind::Literal(text) => Some(vec![text.0.to_ascii_lowercase()]),
        HirKind::Class(class) => {
            let mut bytes = Vec::new();
            class_bytes(class, |byte| bytes.push(byte.to_ascii_lowercase()));
            bytes.sort_unstable();
            bytes.dedup();
            if bytes.len() <= 8 { Some(bytes.into_iter().map(|b| vec![b]).collect()) } else { GAPS() }
        }
        HirKind::Repetition(repetition) => match (repetition.min, repetition.max) {
            (0, Some(1)) => {
                let mut all = variants(&repetition.sub)?;
                all.push(Vec::new());
                Some(all)
            }
            (1, Some(1)) => variants(&repetition.sub),
            _ => GAPS(),
        },
        HirKind::Capture(capture) => variants(&capture.sub),
        HirKind::Concat(parts) => {
            let mut all = vec![Vec::new()];
            for part in parts {
                // A part with too many variants is a gap; the others may still hold the keyword.
                let heads = variants(part).unwrap_or_else(|| vec![vec![GAP]]);
                let heads = if all.len() * heads.len() > VARIANTS { vec![vec![GAP]] } else { heads };
                all = all.iter().flat_map(|text| heads.iter().map(|head| [&text[..], &head[..]].concat())).collect();
            }
            Some(all)
        }
        HirKind::Alternation(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(variants(part)?);
            }
            (all.len() <= VARIANTS).then_some(all)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pattern: &str, keywords: &[&str]) -> Anatomy {
        Anatomy::of(pattern, &keywords.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn matches_around_their_keyword_are_known() {
        let cases = [
            (r"\b(ghp_[A-Za-z0-9]{36})\b", &["ghp_"][..], true),
            (r"(?i:s?ftps?|imap)://\S+@", &["ftp://", "ftps://", "imap://"], true),
            (r"\b(xox[abp]-[0-9]+)", &["xoxa-", "xoxb-", "xoxp-"], true),
            (r"\b([a-z]{6}\.[a-z0-9]{16})", &["kubeadm"], false),
            (r"(?:acme|other)_[a-z]+", &["acme_"], false),
        ];
        for (pattern, keywords, expected) in cases {
            assert_eq!(of(pattern, keywords).around_keyword, expected, "{pattern}");
        }
    }

    #[test]
    fn a_byte_at_the_edge_is_not_part_of_the_run() {
        let token = of(r#"(?:^|[^a-z])(key-[a-z0-9:]{4,}@[a-z])(?:[\s"]|$)"#, &["key-"]);
        let text = b"a key-abcd:efgh and x@y";
        assert_eq!(token.narrow(text, (0, text.len()), (2, 6)).ok(), None);
        let text = b"a key-abcd:efgh@i and";
        assert_eq!(token.narrow(text, (0, text.len()), (2, 6)).ok(), Some((1, 18)));
    }

    #[test]
    fn the_text_behind_a_keyword_is_compared() {
        let token = of(r"\b(API-[A-Z0-9]{5,9})(?:[^A-Za-z0-9_-]|$)", &["api-"]);
        let look =
            |a: &Anatomy, text: &[u8], start: usize, end: usize| a.narrow(text, (0, text.len()), (start, end)).is_ok();
        assert!(look(&token, b"API-ABC12 ", 0, 4));
        assert!(look(&token, b"API-AB", 0, 4), "it may go on in bytes to come");
        assert!(!look(&token, b"api-ABC12 ", 0, 4) && !look(&token, b"API-ABc12 ", 0, 4));
        let field = of(r#""auth"\s{0,8}:\s{0,8}"([a-z]+)""#, &["\"auth\""]);
        assert!(look(&field, b"\"auth\"  : \"a\"", 0, 6) && look(&field, b"\"auth\":\"a\"", 0, 6));
        assert!(!look(&field, b"\"auth\",\"event\":\"a\"", 0, 6));
    }

    #[test]
    fn a_run_that_is_too_short_or_lacks_a_byte_is_left_alone() {
        let token = of(r"\b(sk-[a-z0-9]{20})\b", &["sk-"]);
        let text = b"a task-list and sk-abcdefghij0123456789,";
        assert_eq!(token.narrow(text, (0, text.len()), (4, 7)).ok(), None);
        assert_eq!(token.narrow(text, (0, text.len()), (16, 19)).ok(), Some((15, 40)));
        let url = of(r"https?://[^\s:]*:[^\s]+@[a-z]", &["http://", "https://"]);
        let text = b"GET http://host:80/path and mail a@b";
        assert_eq!(url.narrow(text, (0, text.len()), (4, 11)).ok(), None);
    }
}
