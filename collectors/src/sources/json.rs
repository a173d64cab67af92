//! JSON as programs and services give it: read into memory that is wiped, and counted by another path.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use zeroize::Zeroizing;

/// Nothing that lists secrets nests deeper.
const DEEPEST: usize = 32;

/// A value of JSON. Numbers and booleans keep their spelling.
pub(super) enum Json {
    Null,
    Text(Zeroizing<String>),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
}

/// What is wrong with a text that should be JSON, without anything of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotJson {
    /// Line, from 1.
    pub(super) line: u32,
    pub(super) expected: &'static str,
}

impl Json {
    pub(super) fn read(text: &str) -> Result<Self, NotJson> {
        let raw: &RawValue = serde_json::from_str(text).map_err(|error| wrong(&error, "well-formed JSON"))?;
        Self::of(raw, DEEPEST)
    }

    fn of(raw: &RawValue, deeper: usize) -> Result<Self, NotJson> {
        let deeper = deeper.checked_sub(1).ok_or(NotJson { line: 1, expected: "JSON that does not nest so deep" })?;
        let text = raw.get();
        Ok(match text.as_bytes().first() {
            Some(b'"') => {
                let text: String = serde_json::from_str(text).map_err(|error| wrong(&error, "texts of Unicode"))?;
                Self::Text(Zeroizing::new(text))
            }
            Some(b'{') => {
                let entries: Entries<'_> =
                    serde_json::from_str(text).map_err(|error| wrong(&error, "each key once in an object"))?;
                let read = |(key, raw)| Ok((key, Self::of(raw, deeper)?));
                Self::Map(entries.0.into_iter().map(read).collect::<Result<_, _>>()?)
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| wrong(&error, "a list"))?;
                Self::List(items.into_iter().map(|raw| Self::of(raw, deeper)).collect::<Result<_, _>>()?)
            }
            Some(b'n') => Self::Null,
            _ => Self::Text(Zeroizing::new(text.to_owned())),
        })
    }

    /// The value of `key`, when this is an object that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The value at a path of keys.
    pub(super) fn at<'k>(&self, path: impl IntoIterator<Item = &'k str>) -> Option<&Self> {
        path.into_iter().try_fold(self, |value, key| value.get(key))
    }

    /// The text of a text, a number or a boolean.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text at a path of keys.
    pub(super) fn text_at<'k>(&self, path: impl IntoIterator<Item = &'k str>) -> Option<&str> {
        self.at(path).and_then(Self::text)
    }

    /// The entries of an object; none of anything else.
    pub(super) fn entries(&self) -> &[(String, Self)] {
        match self {
            Self::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub(super) fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "[null]",
            Self::Text(_) => "[text]",
            Self::List(_) => "[list]",
            Self::Map(_) => "[object]",
        })
    }
}

fn wrong(error: &serde_json::Error, expected: &'static str) -> NotJson {
    NotJson { line: u32::try_from(error.line()).unwrap_or(u32::MAX), expected }
}

/// An object's entries, each key once.
struct Entries<'r>(Vec<(String, &'r RawValue)>);

impl<'de> serde::Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Entries<'de>, A::Error> {
                let mut entries = Vec::new();
                let mut known = std::collections::HashSet::new();
                while let Some((key, value)) = access.next_entry::<String, &'de RawValue>()? {
                    if !known.insert(key.clone()) {
                        return Err(serde::de::Error::custom("a key twice"));
                    }
                    entries.push((key, value));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

/// How many entries the object, or items the list, at `path` has; none where there is neither. Keeps no
/// value, and shares nothing with [`Json::read`].
pub(super) fn count(text: &str, path: &[&str]) -> Result<Option<u64>, NotJson> {
    let mut reader = serde_json::Deserializer::from_str(text);
    Counter(path)
        .deserialize(&mut reader)
        .and_then(|count| reader.end().map(|()| count))
        .map_err(|error| wrong(&error, "well-formed JSON"))
}

struct Counter<'p>(&'p [&'p str]);

impl<'de> DeserializeSeed<'de> for Counter<'_> {
    type Value = Option<u64>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<u64>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Counter<'_> {
    type Value = Option<u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Option<u64>, A::Error> {
        let Some((first, rest)) = self.0.split_first() else {
            let mut count = 0;
            while access.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                count += 1;
            }
            return Ok(Some(count));
        };
        let mut found = None;
        while let Some(key) = access.next_key::<String>()? {
            if key == *first {
                found = access.next_value_seed(Counter(rest))?;
            } else {
                access.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Option<u64>, A::Error> {
        let mut count = 0;
        while access.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(self.0.is_empty().then_some(count))
    }

    fn visit_str<E>(self, _: &str) -> Result<Option<u64>, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Option<u64>, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Option<u64>, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Option<u64>, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Option<u64>, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<u64>, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spelling_order_and_escapes_are_kept() {
        let read = Json::read(r#"{"b":1.50,"a":"x\"\u00e9\ud83d\ude00","n":null,"l":[true,18446744073709551616]}"#);
        let read = read.expect("JSON");
        assert_eq!(read.entries().iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["b", "a", "n", "l"]);
        assert_eq!(read.text_at(["b"]), Some("1.50"));
        assert_eq!(read.text_at(["a"]), Some("x\"é😀"));
        assert!(matches!(read.get("n"), Some(Json::Null)));
        let list: Vec<_> = read.get("l").expect("l").items().iter().filter_map(Json::text).collect();
        assert_eq!(list, ["true", "18446744073709551616"]);
    }

    #[test]
    fn what_is_refused_is_not_repeated() {
        let deep = "[".repeat(40) + &"]".repeat(40);
        for text in ["", "hunter2", "{\"a\":\"hunter2\",\"a\":1}", "{\"a\":\"hunter2\"", "[\"\\ud800hunter2\"]", &deep]
        {
            let told = format!("{:?}", Json::read(text).expect_err("refused"));
            assert!(!told.contains("hunter2"), "{told}");
        }
        assert_eq!(format!("{:?}", Json::read("\"hunter2\"").expect("JSON")), "[text]");
    }

    #[test]
    fn counted_at_a_path() {
        for (text, path, expected) in [
            (r#"{"A":"1","B":{"c":2}}"#, &[][..], Some(2)),
            (r#"[1,[2],{}]"#, &[], Some(3)),
            (r#"{"x":1,"secrets":[{"name":"A"},{"name":"B"}]}"#, &["secrets"], Some(2)),
            (r#"{"a":{"b":{"A":1}}}"#, &["a", "b"], Some(1)),
            (r#"{"a":[]}"#, &["b"], None),
            (r#"{"a":"text"}"#, &["a"], None),
            ("1", &[], None),
        ] {
            assert_eq!(count(text, path), Ok(expected), "{text}");
        }
        assert!(count("{} {}", &[]).is_err());
    }

    proptest! {
        #[test]
        fn what_is_read_is_counted_as_much(text in "(\\{|\\}|\\[|\\]|\"[a-c]\"|:|,|1|null|true| ){0,24}") {
            if let Ok(read) = Json::read(&text) {
                let there = match &read {
                    Json::Map(entries) => Some(entries.len() as u64),
                    Json::List(items) => Some(items.len() as u64),
                    _ => None,
                };
                prop_assert_eq!(count(&text, &[]), Ok(there));
            }
        }
    }
}
