//! What holds for any bytes at all.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use crate::facts::is_dictionary_password;
use crate::{Engine, RunKey, facts, mask, sensitive_key};

/// Arbitrary bytes, with pieces of rule examples among them, so that patterns have something to bite on.
pub(crate) fn soup() -> impl Strategy<Value = Vec<u8>> {
    let examples: Vec<String> = Engine::builtin()
        .rules()
        .iter()
        .flat_map(|rule| rule.examples.iter().chain(&rule.counter_examples).cloned())
        .collect();
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        "[ -~\\n]{0,40}".prop_map(String::into_bytes),
        (prop::sample::select(examples), any::<prop::sample::Index>(), any::<bool>()).prop_map(|(text, cut, whole)| {
            let bytes = text.into_bytes();
            let from = if whole { 0 } else { cut.index(bytes.len().max(1)) };
            bytes[from..].to_vec()
        }),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(bytes, needle).is_some()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn matches_are_in_bounds_ordered_and_apart(bytes in soup()) {
        let engine = Engine::builtin();
        let found = engine.scan(&bytes);
        let mut end = 0;
        for m in &found {
            prop_assert!(m.span.end <= bytes.len());
            prop_assert!(m.span.start <= m.secret.start && m.secret.end <= m.span.end);
            prop_assert!(m.secret.start < m.secret.end);
            prop_assert!(m.secret.start >= end, "overlap or disorder");
            end = m.secret.end;
        }
        prop_assert!(found.is_empty() || engine.might_match(&bytes));
        prop_assert_eq!(&found, &engine.scan(&bytes));
    }

    #[test]
    fn a_secret_is_found_whatever_surrounds_it(
        before in prop::collection::vec(any::<u8>(), 0..300),
        after in prop::collection::vec(any::<u8>(), 0..300),
        pick in any::<prop::sample::Index>(),
    ) {
        let engine = Engine::builtin();
        let rule = &engine.rules()[pick.index(engine.rules().len())];
        let example = rule.examples[0].as_bytes();
        let text = [before.as_slice(), b"\n", example, b"\n", after.as_slice()].concat();
        let place = before.len() + 1..before.len() + 1 + example.len();
        let found = engine.scan(&text);
        prop_assert!(found.iter().any(|m| m.secret.start < place.end && m.secret.end > place.start), "{}", rule.id);
    }

    #[test]
    fn masking_leaves_no_secret_behind(bytes in soup(), known in prop::collection::vec("[!-~]{4,24}", 0..4)) {
        let engine = Engine::builtin();
        let mut text = bytes;
        for value in &known {
            for form in [value.clone(), STANDARD.encode(format!("u:{value}")), hex::encode(value), hex::encode_upper(value)] {
                text.push(b' ');
                text.extend_from_slice(form.as_bytes());
            }
        }
        let values: Vec<&[u8]> = known.iter().map(|k| k.as_bytes()).collect();
        let masked = mask(engine, &values, &text);
        for value in &known {
            prop_assert!(!contains(&masked.bytes, value.as_bytes()));
            prop_assert!(!contains(&masked.bytes, hex::encode(value).as_bytes()));
            prop_assert!(!contains(&masked.bytes, hex::encode_upper(value).as_bytes()));
            prop_assert!(!contains(&masked.bytes, STANDARD.encode(value).trim_end_matches('=').as_bytes()));
        }
        for m in engine.scan(&text) {
            let secret = &text[m.secret.clone()];
            if secret.len() >= 8 && !is_dictionary_password(secret) {
                prop_assert!(!contains(&masked.bytes, secret), "{}", m.rule.id);
            }
        }
        prop_assert!(engine.scan(&masked.bytes).is_empty(), "something is left to find");
        prop_assert!(masked.hits.windows(2).all(|w| w[0].span.end <= w[1].span.start));
    }

    #[test]
    fn facts_of_anything(value in prop::collection::vec(any::<u8>(), 0..200), other in prop::collection::vec(any::<u8>(), 0..8)) {
        let key = RunKey::new([3; 32]);
        let f = facts::of(&value, &key);
        prop_assert!(f.entropy <= 800);
        prop_assert_eq!(f.length, value.len() as u64);
        prop_assert_eq!(value == other, f.fingerprint == facts::fingerprint(&other, &key));
    }

    #[test]
    fn a_name_that_tells_where_a_secret_lies_promises_none(name in ".{0,60}") {
        for suffix in ["_FILE", "_ID", "-name", "Path", ".length", "_TTL"] {
            let name = format!("{name}{suffix}");
            let approle = name.to_lowercase().contains("secret");
            prop_assert!(approle || sensitive_key(&name).is_none(), "{}", name);
        }
    }
}
