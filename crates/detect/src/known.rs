//! Values that are known to be secret, to be found exactly, in whatever form they were written.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::facts::EntropyClass;
use crate::forms::{self, Form};
use crate::passwords::is_dictionary_password;
use crate::placeholder::is_placeholder;

/// Shortest value that is searched for, in bytes: shorter ones occur everywhere by chance.
pub const SHORTEST_SEARCHED: usize = 6;
/// Most bytes of a value that are searched for: the beginning of a longer one stands for all of it.
const LONGEST: usize = 512;

/// Why a value is not searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotSearched {
    /// It is empty.
    Empty,
    /// It is shorter than [`SHORTEST_SEARCHED`] bytes.
    TooShort,
    /// It is a common password, or a word or number that ordinary text holds.
    TooCommon,
    /// It stands for a value without being one.
    Placeholder,
}

impl NotSearched {
    /// The word used in evidence.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            NotSearched::Empty => "empty",
            NotSearched::TooShort => "too-short",
            NotSearched::TooCommon => "too-common",
            NotSearched::Placeholder => "placeholder",
        }
    }
}

/// Known secret values in all their forms. In memory only, and wiped when dropped.
pub struct Known {
    /// A form's bytes, and the index of its value.
    forms: Vec<(Form, usize)>,
    not_searched: Vec<(usize, NotSearched)>,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").field("not_searched", &self.not_searched).finish_non_exhaustive()
    }
}

impl Known {
    /// Takes values by their place in `values`; what is not searched for is listed by [`Known::not_searched`].
    ///
    /// A value is also searched for in base64 (both alphabets, also inside longer base64), URL-encoded, JSON- and
    /// HTML-escaped, in hex, and in Latin-1.
    #[must_use]
    pub fn new(values: &[Zeroizing<Vec<u8>>]) -> Known {
        let mut not_searched = Vec::new();
        let mut all: BTreeMap<Form, usize> = BTreeMap::new();
        for (index, value) in values.iter().enumerate() {
            if let Some(reason) = unfit(value) {
                not_searched.push((index, reason));
                continue;
            }
            let value = &value[..value.len().min(LONGEST)];
            for form in forms::of(value).into_iter().chain(latin1(value)) {
                if form.as_bytes().len() >= SHORTEST_SEARCHED {
                    all.entry(form).or_insert(index);
                }
            }
        }
        Known { forms: all.into_iter().collect(), not_searched }
    }

    /// The values that are not searched for, by their place, with the reason.
    #[must_use]
    pub fn not_searched(&self) -> &[(usize, NotSearched)] {
        &self.not_searched
    }

    /// Each form with the place of its value.
    pub(crate) fn forms(&self) -> impl Iterator<Item = (&[u8], usize)> {
        self.forms.iter().map(|(form, index)| (form.as_bytes(), *index))
    }
}

fn unfit(value: &[u8]) -> Option<NotSearched> {
    let plain = value.iter().all(|b| b.is_ascii_lowercase()) || value.iter().all(u8::is_ascii_digit);
    match value.len() {
        0 => Some(NotSearched::Empty),
        n if n < SHORTEST_SEARCHED => Some(NotSearched::TooShort),
        _ if is_placeholder(value) => Some(NotSearched::Placeholder),
        // A short word or number, or what repeats itself.
        n if is_dictionary_password(value) || (plain && n < 12) => Some(NotSearched::TooCommon),
        _ if EntropyClass::of(value) == EntropyClass::Low && value.len() < 12 && plain => Some(NotSearched::TooCommon),
        _ => {
            let different = value.iter().collect::<std::collections::HashSet<_>>().len();
            (different < 3).then_some(NotSearched::TooCommon)
        }
    }
}

/// The value with one byte for each character, if it has letters beyond ASCII.
fn latin1(value: &[u8]) -> Option<Form> {
    let text = str::from_utf8(value).ok().filter(|t| !t.is_ascii())?;
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    bytes.map(Form::new)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;
    use crate::{Engine, Options, Search};

    fn known(values: &[&str]) -> Known {
        Known::new(&values.iter().map(|v| Zeroizing::new(v.as_bytes().to_vec())).collect::<Vec<_>>())
    }

    fn places(known: &Known, text: &[u8]) -> Vec<(usize, u64)> {
        let search = Search::new(Engine::builtin(), Options::default()).knowing(known);
        let mut found = Vec::new();
        search.scan(text, &mut |hit| found.extend(hit.known.map(|index| (index, hit.secret.start)))).unwrap();
        found
    }

    #[test]
    fn what_is_not_searched_is_listed_with_its_reason() {
        let known = known(&["", "ab1", "postgres", "${DB_PW}", "tr0ub4dor&3x", "123456789", "aaaaaaaabbbb"]);
        let expected = [
            (0, NotSearched::Empty),
            (1, NotSearched::TooShort),
            (2, NotSearched::TooCommon),
            (3, NotSearched::Placeholder),
            (5, NotSearched::TooCommon),
            (6, NotSearched::TooCommon),
        ];
        assert_eq!(known.not_searched(), expected);
        assert!(!format!("{known:?}").contains("tr0ub"));
    }

    #[test]
    fn exactly_the_value_and_in_each_form() {
        let value = "tr0ub4dor&3/x y";
        let known = known(&["another-Value-77", value]);
        for form in [
            value.to_owned(),
            STANDARD.encode(value),
            STANDARD.encode(format!("user:{value}")),
            STANDARD.encode(format!("u:{value}!")),
            URL_SAFE_NO_PAD.encode(format!("us:{value}")),
            hex::encode(value),
            hex::encode_upper(value),
            "tr0ub4dor%263%2Fx%20y".to_owned(),
            "tr0ub4dor%263%2fx+y".to_owned(),
            "tr0ub4dor\\u00263/x y".to_owned(),
            "tr0ub4dor&amp;3/x y".to_owned(),
        ] {
            let found = places(&known, format!("GET /{form} and more\n").as_bytes());
            assert!(found.len() == 1 && found[0].0 == 1, "{form}: {found:?}");
        }
        for other in [value.to_uppercase(), value[1..].to_owned(), hex::encode(&value[1..])] {
            assert_eq!(places(&known, other.as_bytes()), [], "{other}");
        }
    }

    #[test]
    fn letters_beyond_ascii_in_every_encoding() {
        let known = known(&["Pässwörd-77"]);
        assert_eq!(places(&known, "x Pässwörd-77".as_bytes()), [(0, 2)]);
        assert_eq!(places(&known, b"x P\xe4ssw\xf6rd-77"), [(0, 2)]);
        let wide: Vec<u8> = "\u{feff}x Pässwörd-77".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(places(&known, &wide), [(0, 6)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn found_wherever_it_lies_and_nowhere_else(
            value in "[A-Za-z][A-Za-z0-9!-~]{10,40}[0-9]",
            before in prop::collection::vec(any::<u8>(), 0..200),
            after in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let known = known(&[&value]);
            prop_assume!(known.not_searched().is_empty());
            let text = [&before[..], b"\n", value.as_bytes(), b"\n", &after[..]].concat();
            // Marks of another encoding make it other text.
            prop_assume!(!text.starts_with(b"\xff\xfe") && !text.starts_with(b"\xfe\xff"));
            prop_assert!(places(&known, &text).contains(&(0, before.len() as u64 + 1)));
            let without = [&before[..], b"\n\n", &after[..]].concat();
            prop_assert!(places(&known, &without).is_empty());
        }
    }
}
