//! What can be said about every match of a pattern without running it: the cheap look before the dear one.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Variants of a pattern's fixed text that are told apart; with more of them nothing is said.
const VARIANTS: usize = 96;
/// Stands between fixed pieces for anything that is not fixed. No keyword holds it.
const GAP: u8 = 0;

/// Facts that hold for every match of one pattern.
pub(crate) struct Anatomy {
    /// Bytes that can occur in a match; `None` if any byte can.
    alphabet: Option<Box<[bool; 256]>>,
    /// Fewest bytes of a match.
    shortest: usize,
    /// A byte that each match holds, the rarest of them, and none that all keywords hold.
    needs: Option<u8>,
    /// Does every match hold one of the keywords? Then it lies in the run of the alphabet around one.
    around_keyword: bool,
}

impl Anatomy {
    /// Looks at a pattern that compiles; `keywords` are its rule's.
    pub(crate) fn of(pattern: &str, keywords: &[String]) -> Anatomy {
        let parsed = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern);
        let Ok(hir) = parsed else {
            return Anatomy { alphabet: None, shortest: 0, needs: None, around_keyword: false };
        };
        let mut alphabet = Box::new([false; 256]);
        spell(&hir, &mut alphabet);
        let full = alphabet.iter().all(|known| *known);
        let needed = needed(&hir);
        let common = |byte: u8| keywords.iter().all(|k| k.as_bytes().contains(&byte));
        let needs = (0..=255u8)
            .filter(|byte| needed[usize::from(*byte)] && !common(*byte))
            .min_by_key(|byte| crate::prefilter::common(*byte));
        let around_keyword = variants(&hir).is_some_and(|all| {
            all.iter().all(|text| keywords.iter().any(|k| memchr::memmem::find(text, k.as_bytes()).is_some()))
        });
        Anatomy {
            alphabet: (!full).then_some(alphabet),
            shortest: hir.properties().minimum_len().unwrap_or(0),
            needs,
            around_keyword,
        }
    }

    /// The part of `from..to` in which a match with the keyword `start..end` can lie, widened by a byte for looking
    /// around; `None` if there can be no match.
    pub(crate) fn narrow(
        &self,
        bytes: &[u8],
        (from, to): (usize, usize),
        (start, end): (usize, usize),
    ) -> Option<(usize, usize)> {
        let (mut left, mut right) = (from, to);
        if self.around_keyword
            && let Some(alphabet) = &self.alphabet
        {
            let known = |byte: &u8| alphabet[usize::from(*byte)];
            left = start - bytes[from..start].iter().rev().take_while(|b| known(b)).count();
            right = end + bytes[end..to].iter().take_while(|b| known(b)).count();
            // A run that reaches the window's end may go on behind it.
            if right < to && right - left < self.shortest {
                return None;
            }
        }
        // Behind a cut-off the byte could still come.
        let cut_off = right == to && to < bytes.len();
        if let Some(needs) = self.needs
            && !cut_off
            && memchr::memchr(needs, &bytes[left..right]).is_none()
        {
            return None;
        }
        Some((left.saturating_sub(1).max(from), right.saturating_add(1).min(to)))
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
    fn a_run_that_is_too_short_or_lacks_a_byte_is_left_alone() {
        let token = of(r"\b(sk-[a-z0-9]{20})\b", &["sk-"]);
        let text = b"a task-list and sk-abcdefghij0123456789,";
        assert_eq!(token.narrow(text, (0, text.len()), (4, 7)), None);
        assert_eq!(token.narrow(text, (0, text.len()), (16, 19)), Some((15, 40)));
        let url = of(r"https?://[^\s:]*:[^\s]+@[a-z]", &["http://", "https://"]);
        let text = b"GET http://host:80/path and mail a@b";
        assert_eq!(url.narrow(text, (0, text.len()), (4, 11)), None);
    }
}
