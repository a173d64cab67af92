//! What the readers of JSON, TOML and YAML have in common.

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

use super::{Gather, LockError};
use crate::collector::expectation;

/// Longest name that is shown, in characters.
const SHOWN: usize = 120;

/// A name as it can be shown: short, and without what a terminal would obey.
pub(crate) fn shown(name: &str) -> String {
    name.chars().take(SHOWN).flat_map(char::escape_debug).collect()
}

/// Reads JSON into a type; nesting is bounded by `serde_json`, at 128 levels.
pub(super) fn json<T: DeserializeOwned>(gather: &Gather<'_>, text: &str) -> Result<T, LockError> {
    serde_json::from_str(text).map_err(|error| {
        let line = Some(error.line()).filter(|line| *line > 0);
        if error.is_eof() {
            return gather.wrong(line, "", "more: the file ends in the middle");
        }
        if error.is_syntax() {
            return gather.wrong(line, "", "JSON that is well-formed and nests less than 128 levels deep");
        }
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        gather.wrong(line, "", another_form(message))
    })
}

/// Reads TOML into a type.
pub(super) fn toml<T: DeserializeOwned>(gather: &Gather<'_>, text: &str) -> Result<T, LockError> {
    ::toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        gather.wrong(line, "", another_form(error.message()))
    })
}

/// Reads each document of a YAML text into a type.
pub(super) fn yaml<T: DeserializeOwned>(gather: &Gather<'_>, text: &str) -> Result<Vec<T>, LockError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 8_000_000,
            max_nodes: 4_000_000,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_depth: 64,
            max_documents: 16,
            max_total_scalar_bytes: super::LARGEST,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 16,
        },
        with_snippet: false,
    };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
        let line = error.location().and_then(|at| usize::try_from(at.line()).ok());
        gather.wrong(line, "", "well-formed YAML of a lockfile's shape and size")
    })
}

/// What a message of a reader expects, without what it found.
fn another_form(message: &str) -> String {
    let expectation = expectation(message);
    match expectation.strip_prefix("expected ") {
        Some(expected) if expected.starts_with("struct ") => "a mapping".to_owned(),
        Some(expected) => shown(expected),
        None if expectation.starts_with("missing field") => {
            shown(&expectation.replacen("missing field ", "the key ", 1))
        }
        None => "a lockfile's shape".to_owned(),
    }
}

/// A text where there is one; `false`, a number or a list in its place is as good as nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text(pub(crate) Option<String>);

impl Text {
    pub(crate) fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyText)
    }
}

struct AnyText;

impl<'de> Visitor<'de> for AnyText {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text(Some(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_none<E>(self) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Text, D::Error> {
        Text::deserialize(deserializer)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Text, E> {
        Ok(Text(Some(number.to_string())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Text, E> {
        Ok(Text(Some(number.to_string())))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Text, E> {
        if number.is_finite() { Ok(Text(Some(number.to_string()))) } else { Err(E::custom("expected a text")) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Text, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }
}

/// The entries of a mapping in the file's order, a name that stands there twice refused: the one that a tool overlooks could
/// be the one that is installed.
#[derive(Debug)]
pub(super) struct Entries<T>(pub(super) Vec<(String, T)>);

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Each<T> {
            type Value = Entries<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_unit<E>(self) -> Result<Entries<T>, E> {
                Ok(Entries::default())
            }

            // Composer writes an empty object as an empty list.
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entries<T>, A::Error> {
                match list.next_element::<IgnoredAny>()? {
                    None => Ok(Entries::default()),
                    Some(_) => Err(A::Error::custom("expected a mapping")),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<T>, A::Error> {
                let mut seen = std::collections::HashSet::new();
                let mut entries = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, T>()? {
                    if !seen.insert(name.clone()) {
                        return Err(A::Error::custom("expected each name once"));
                    }
                    entries.push((name, value));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_any(Each(std::marker::PhantomData))
    }
}
