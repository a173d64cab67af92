//! The reader of JSON against `serde_json`, which accepts the same documents and gives the same texts.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Reads a document into the tree that `serde_json` would make of it; numbers as their digits.
fn tree(json: &mut Json<'_>) -> Result<Value, Why> {
    Ok(match json.kind()? {
        Kind::Object => {
            let mut map = serde_json::Map::new();
            json.object(|json, key| {
                map.insert(key.to_owned(), tree(json)?);
                Ok(())
            })?;
            Value::Object(map)
        }
        Kind::Array => {
            let mut all = Vec::new();
            json.array(|json| {
                all.push(tree(json)?);
                Ok(())
            })?;
            Value::Array(all)
        }
        Kind::Text => Value::String(json.message()?.unwrap_or_default()),
        Kind::Number => {
            json.text()?;
            Value::String("number".to_owned())
        }
        Kind::Bool => Value::Bool(json.flag()?.unwrap_or_default()),
        Kind::Null => {
            json.skip()?;
            Value::Null
        }
    })
}

fn ours(mut bytes: &[u8]) -> Result<Value, Why> {
    let mut json = Json::new(&mut bytes, Format::Sarif, Limits::default());
    let tree = tree(&mut json)?;
    json.end()?;
    Ok(tree)
}

fn skipped(mut bytes: &[u8]) -> Result<(), Why> {
    let mut json = Json::new(&mut bytes, Format::Sarif, Limits::default());
    json.skip()?;
    json.end()
}

/// `serde_json`'s tree, with numbers as ours has them and texts as they are shown.
fn theirs(value: Value) -> Value {
    match value {
        Value::Number(_) => Value::String("number".to_owned()),
        Value::String(text) => Value::String(text::visible(&text, text::MESSAGE)),
        Value::Array(all) => Value::Array(all.into_iter().map(theirs).collect()),
        Value::Object(map) => {
            let shown = |(key, value): (String, Value)| (text::visible(&key, text::NAME), theirs(value));
            Value::Object(map.into_iter().map(shown).collect())
        }
        other => other,
    }
}

fn same(text: &str) {
    // Numbers that no 64 bits hold are no error here: nothing is computed with them.
    match serde_json::from_str::<Value>(text) {
        Ok(value) => {
            let read = ours(text.as_bytes()).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(read, theirs(value), "{text}");
            skipped(text.as_bytes()).unwrap_or_else(|why| panic!("{text}: {why}"));
        }
        Err(error) if error.to_string().contains("out of range") || error.to_string().contains("surrogate") => {}
        Err(_) => {
            assert!(ours(text.as_bytes()).is_err(), "{text:?} is no JSON");
            assert!(skipped(text.as_bytes()).is_err(), "{text:?} is no JSON, and is passed over");
        }
    }
}

#[test]
fn documents_are_read_as_serde_json_reads_them() {
    for text in [
        "{}",
        "[]",
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1.5e+3",
        "\"\"",
        "[1,2,{\"a\":[]}]",
        " {\"a\" : 1 , \"b\":null}\n",
        r#""\u00e9\ud83d\ude00\n\/\"\\""#,
        "",
        " ",
        "{",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "01",
        "1.",
        ".5",
        "1e",
        "-",
        "+1",
        "1x",
        "nul",
        "tru",
        "truex",
        "[1 2]",
        "{\"a\" 1}",
        "\"",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"a\nb\"",
        "\"a\u{1}\"",
        "[]]",
        "{}{}",
        "[}",
        "{]",
        "1 2",
        "\u{feff}[]",
        "<html>",
        "NaN",
        "Infinity",
        "[1e400]",
        "\"\u{7f}\u{9b}\"",
    ] {
        same(text);
    }
}

#[test]
fn halves_of_pairs_become_marks() {
    for (text, expected) in [
        (r#""\ud800""#, "\u{fffd}"),
        (r#""\ud800x""#, "\u{fffd}x"),
        (r#""\udc00\ud800A""#, "\u{fffd}\u{fffd}A"),
        (r#""\ud800\u001bx""#, "\u{fffd}x"),
        (r#""\udbff\ud800x""#, "\u{fffd}x"),
        (r#""\ud800\n\ud800""#, "\u{fffd}\u{fffd}"),
        (r#""\ud83d\ude00!""#, "😀!"),
    ] {
        assert_eq!(ours(text.as_bytes()).expect(text), Value::String(expected.to_owned()), "{text}");
    }
    assert_eq!(ours(b"\"a\xffb\"").expect("bytes that are no text"), Value::String("a\u{fffd}b".to_owned()));
}

#[test]
fn depth_has_a_limit_and_passing_over_needs_no_stack() {
    let deep = "[".repeat(1_000_000);
    assert!(matches!(skipped(deep.as_bytes()), Err(Why::Limit { limit: 128, .. })));
    assert!(matches!(ours(deep.as_bytes()), Err(Why::Limit { limit: 128, .. })));
    let mut whole = format!("{}{}", "{\"a\":[".repeat(64), "]}".repeat(64));
    skipped(whole.as_bytes()).expect("128 levels");
    whole = format!("[{whole}]");
    assert!(matches!(skipped(whole.as_bytes()), Err(Why::Limit { .. })));
}

#[test]
fn long_texts_are_cut_and_numbers_are_not_held() {
    let long = format!("\"{}\"", "é".repeat(1_000_000));
    let Value::String(read) = ours(long.as_bytes()).expect("a text") else { panic!("a text") };
    assert_eq!((read.chars().count(), read.ends_with('…')), (text::MESSAGE + 1, true));
    skipped("9".repeat(10_000_000).as_bytes()).expect("a number");
}

#[test]
fn errors_know_line_byte_and_path() {
    let mut bytes = &b"{\"runs\": [\n  {\"results\": [{}, {\"line\": tru}]}]}"[..];
    let mut json = Json::new(&mut bytes, Format::Sarif, Limits::default());
    let why = tree(&mut json).expect_err("no JSON").to_string();
    assert_eq!(
        why,
        "`}` is no JSON, at line 2, byte 42, at `runs[0].results[1].line`: expected what a SARIF tool (version 2.1.0) prints"
    );
}

proptest! {
    #[test]
    fn any_text_is_read_as_serde_json_reads_it(text in r#"([\[\]{},:]|"[a-z\\"u0-9]{0,4}"|[0-9.eE+-]{1,4}|true|null| |\n){0,12}"#) {
        same(&text);
    }

    #[test]
    fn any_tree_survives(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in ".{0,40}") {
        // Whatever the bytes, an answer comes.
        let whole = ours(&bytes).is_ok();
        prop_assert_eq!(whole, skipped(&bytes).is_ok());
        same(&serde_json::json!({ "key": [text, bytes.len()], "more": {"a": null} }).to_string());
    }
}
