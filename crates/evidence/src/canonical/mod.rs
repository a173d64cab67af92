//! Canonical JSON: RFC 8785 (JCS), narrowed so that no reader can disagree about a number.
//!
//! `FORMAT.md` §2 says what is narrowed and why: no floating-point numbers, no integer beyond 2^53-1 either way,
//! no NUL character, object keys sorted by UTF-16 code units.

mod direct;
mod read;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// The largest integer that every JSON reader agrees about: 2^53 - 1 (RFC 7493 §2.2).
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Why a value has no canonical form.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// The value can't be said in JSON at all (a map with keys that are no strings, say).
    #[error("not representable as JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// A floating-point number: write tenths, hundredths or a string instead.
    #[error("{0}: floating-point numbers have no canonical form here; use an integer of a smaller unit, or a string")]
    Float(String),
    /// An integer that some readers would round.
    #[error("{0}: the integer is beyond 2^53-1; use a string")]
    IntegerTooLarge(String),
    /// A NUL character, which Postgres cannot store in a text.
    #[error("{0}: the text holds a NUL character")]
    Nul(String),
    /// The bytes are JSON, but another text than the canonical one for the same value.
    #[error("not in canonical form: first difference at byte {0}")]
    NotCanonical(usize),
}

/// The canonical bytes of a value.
///
/// # Errors
/// When the value holds something that has no canonical form; the error names the place.
pub fn to_canonical<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    match direct::write(value) {
        Ok(bytes) => Ok(bytes),
        Err(direct::Odd) => general(value),
    }
}

/// The value of which this is the canonical text, which is shown by writing it again; None where it may be none.
pub(crate) fn read_exact<T: Serialize + DeserializeOwned>(text: &str) -> Option<T> {
    quickly(text).or_else(|| {
        let value: T = serde_json::from_str(text).ok()?;
        to_canonical(&value).is_ok_and(|again| again == text.as_bytes()).then_some(value)
    })
}

/// As [`read_exact`], for a type that hands out its members in the order of their names and a text that holds nothing odd.
pub(crate) fn quickly<T: Serialize + DeserializeOwned>(text: &str) -> Option<T> {
    let value = read::read(text).ok()?;
    direct::is(&value, text.as_bytes()).ok().map(|()| value)
}

/// The way by a tree of values, which can say of each place what is wrong with it.
fn general<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let value = serde_json::to_value(value)?;
    let mut out = Vec::with_capacity(256);
    write(&value, &mut Place::default(), &mut out)?;
    Ok(out)
}

/// Reads bytes that must be canonical already: what is stored is what was hashed, so any other spelling is refused.
///
/// # Errors
/// When the bytes are no JSON, or JSON in another than the canonical form (duplicate keys included).
pub fn parse_canonical(bytes: &[u8]) -> Result<Value, CanonicalError> {
    let value: Value = serde_json::from_slice(bytes)?;
    let again = to_canonical(&value)?;
    if again == bytes {
        return Ok(value);
    }
    let same = again.iter().zip(bytes).take_while(|(a, b)| a == b).count();
    Err(CanonicalError::NotCanonical(same))
}

/// Where in the document the writer stands, for errors: `body.population.0.unit`.
#[derive(Default)]
struct Place(Vec<String>);

impl Place {
    fn text(&self) -> String {
        if self.0.is_empty() { "the document".to_owned() } else { self.0.join(".") }
    }
}

fn write(value: &Value, place: &mut Place, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => {
            let magnitude = match (number.as_u64(), number.as_i64()) {
                (Some(n), _) => n,
                (None, Some(n)) => n.unsigned_abs(),
                (None, None) => return Err(CanonicalError::Float(place.text())),
            };
            if magnitude > MAX_INTEGER {
                return Err(CanonicalError::IntegerTooLarge(place.text()));
            }
            out.extend_from_slice(number.to_string().as_bytes());
        }
        Value::String(text) => write_text(text, place, out)?,
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                place.0.push(index.to_string());
                write(item, place, out)?;
                place.0.pop();
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut keys: Vec<&String> = members.keys().collect();
            keys.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
            out.push(b'{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                place.0.push(key.clone());
                write_text(key, place, out)?;
                out.push(b':');
                write(&members[key], place, out)?;
                place.0.pop();
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn write_text(text: &str, place: &Place, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    if text.contains('\0') {
        return Err(CanonicalError::Nul(place.text()));
    }
    // serde_json escapes exactly what RFC 8785 §3.2.2.2 asks for: the two-letter escapes, lower-case \u00xx for the
    // other control characters, nothing else.
    out.extend_from_slice(serde_json::to_string(text)?.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn text(value: &Value) -> String {
        String::from_utf8(to_canonical(value).expect("has a canonical form")).expect("canonical JSON is UTF-8")
    }

    #[test]
    fn keys_are_sorted_by_utf16_code_units_and_nothing_is_spaced() {
        // U+10000 is written as surrogates (D800 DC00) and so sorts before U+FB33: RFC 8785 §3.2.3.
        let value = json!({ "\u{fb33}": 1, "\u{10000}": 2, "b": [true, null], "a": "\u{8}\u{1f}\"é" });
        assert_eq!(text(&value), "{\"a\":\"\\b\\u001f\\\"é\",\"b\":[true,null],\"\u{10000}\":2,\"\u{fb33}\":1}");
    }

    #[test]
    fn what_has_no_canonical_form_is_refused_with_its_place() {
        let cases = [
            (json!({"a": [1, 1.5]}), "a.1"),
            (json!({"a": {"b": 9_007_199_254_740_992_u64}}), "a.b"),
            (json!({"a": -9_007_199_254_740_992_i64}), "a"),
            (json!({"a": "x\u{0}y"}), "a"),
            (json!({"k\u{0}": 1}), "k\u{0}"),
        ];
        for (value, place) in cases {
            let error = to_canonical(&value).expect_err("refused").to_string();
            assert!(error.starts_with(&format!("{place}: ")), "{error}");
        }
    }

    #[test]
    fn other_spellings_of_the_same_value_are_refused() {
        for bad in ["{\"a\":1 }", "{\"b\":1,\"a\":2}", "{\"a\":1,\"a\":1}", "\"\\u00e9\"", "1.0", "1e2", "[1]\n", "-0"]
        {
            assert!(parse_canonical(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-(MAX_INTEGER as i64)..=MAX_INTEGER as i64).prop_map(Value::from),
            any::<String>().prop_map(|text| Value::from(text.replace('\0', ""))),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>().prop_map(|key| key.replace('\0', "")), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// Values with keys of plain ASCII, in no order.
    fn plain() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            (-(MAX_INTEGER as i64)..=MAX_INTEGER as i64).prop_map(Value::from),
            "[\\x01-\\x7fé\u{10000}]{0,40}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map("[ !#-Z^-~]{0,9}", inner, 0..8)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// The oracle is an implementation of RFC 8785 that nobody here wrote.
        #[test]
        fn agrees_with_an_independent_implementation(value in value()) {
            let ours = to_canonical(&value).expect("has a canonical form");
            let theirs = serde_json_canonicalizer::to_vec(&value).expect("has a canonical form");
            prop_assert_eq!(&ours, &theirs);
            prop_assert_eq!(&general(&value).expect("has a canonical form"), &ours);
            prop_assert_eq!(parse_canonical(&ours).expect("canonical"), value);
        }

        /// Keys as records have them, so that the direct way is taken.
        #[test]
        fn both_ways_give_the_same_bytes(value in plain()) {
            let direct = direct::write(&value).expect("nothing odd");
            prop_assert_eq!(&direct, &general(&value).expect("has a canonical form"));
            prop_assert_eq!(quickly(std::str::from_utf8(&direct).expect("UTF-8")), Some(value));
        }

        /// What is read quickly is what the library reads, and nothing is taken but canonical text.
        #[test]
        fn what_is_taken_quickly_is_canonical(value in plain(), at: prop::sample::Index, how in 0..3_u8, byte in prop::sample::select(b"\"{}[],:09-abtfnu\\ .\x01".to_vec())) {
            let mut bytes = to_canonical(&value).expect("has a canonical form");
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
            if let Ok(text) = std::str::from_utf8(&bytes) && let Some(read) = quickly::<Value>(text) {
                prop_assert_eq!(parse_canonical(&bytes).expect("canonical"), read);
            }
        }

        #[test]
        fn reading_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_canonical(&bytes);
        }
    }
}
