//! The masked shape of a value: the only rendering of a secret that may be stored or shown.
//!
//! `ghp_…(40, base62)` for a value that begins with a prefix that a rule knows: at most its first four characters,
//! which say who issued it and nothing else. `(16, mixed)` for any other value: not one character of it.

use crate::alphabet::Alphabet;
use crate::engine::Engine;

/// Most characters of a prefix that show.
const SHOWN: usize = 4;
/// Fewest bytes behind a prefix; a shorter value could be a password that happens to begin like a token.
const HIDDEN: usize = 12;

/// The masked shape of `value`, with the prefixes of the built-in rules.
#[must_use]
pub fn masked(value: &[u8]) -> String {
    Engine::builtin().shape_of(value)
}

/// Known beginnings of tokens, longest first.
#[derive(Debug, Clone)]
pub(crate) struct Prefixes(Vec<String>);

impl Prefixes {
    pub(crate) fn new<'a>(prefixes: impl Iterator<Item = &'a String>) -> Prefixes {
        let mut list: Vec<String> = prefixes.cloned().collect();
        list.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        list.dedup();
        Prefixes(list)
    }

    pub(crate) fn shape(&self, value: &[u8]) -> String {
        let known =
            self.0.iter().find(|prefix| value.starts_with(prefix.as_bytes()) && value.len() >= prefix.len() + HIDDEN);
        match known {
            Some(prefix) => {
                let shown: String = prefix.chars().take(SHOWN).collect();
                let class = Alphabet::of(&value[prefix.len()..]);
                format!("{shown}…({}, {})", value.len(), class.as_str())
            }
            None => format!("({}, {})", value.len(), Alphabet::of(value).as_str()),
        }
    }
}

/// Is this text already a masked shape, or the beginning of one?
pub(crate) fn is_masked(value: &[u8]) -> bool {
    let body = match memchr::memmem::find(value, "…(".as_bytes()) {
        Some(at) if at <= SHOWN => &value[at + "…".len()..],
        _ => value,
    };
    let Some(rest) = body.strip_prefix(b"(") else {
        return false;
    };
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    digits > 0 && rest.get(digits) == Some(&b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_prefixes_show() {
        let cases = [
            ("ghp_FakeExhibitValue0NotARealKey70ABCDEF", "ghp_…(40, base62)"),
            ("AKIAFAKEFAKEFAKE2345", "AKIA…(20, base62)"),
            ("ghp_short", "(9, base64url)"),
            ("correct horse", "(13, text)"),
            ("Tr0ub4dor&3-plus", "(16, mixed)"),
            ("", "(0, empty)"),
        ];
        for (value, shape) in cases {
            assert_eq!(masked(value.as_bytes()), shape);
        }
    }

    #[test]
    fn no_shape_shows_more_than_four_characters() {
        for rule in Engine::builtin().rules() {
            for prefix in &rule.prefixes {
                let value = format!("{prefix}{}", "Zq7".repeat(12));
                let shape = masked(value.as_bytes());
                let shown = shape.split('…').next().unwrap();
                assert!(shown.len() <= 4 && prefix.starts_with(shown), "{shape}");
                assert!(!shape.contains("Zq7"), "{shape}");
            }
        }
    }

    #[test]
    fn shapes_are_known_again() {
        for shape in ["ghp_…(40, base62)", "(16, mixed)", "(16,", "AKIA…(20,"] {
            assert!(is_masked(shape.as_bytes()), "{shape}");
        }
        for other in ["(abc)", "ghp_", "(12)", ""] {
            assert!(!is_masked(other.as_bytes()), "{other}");
        }
    }
}
