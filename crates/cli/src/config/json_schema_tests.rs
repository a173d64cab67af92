//! The JSON Schema against the reader: an independent validator gives the same verdict on every sample, on every case,
//! and on the full sample changed in one place at a time.

use jsonschema::Validator;
use serde_json::Value as Json;
use toml::Value;

use super::diagnostic::{Diagnostic, Invalid};
use super::duration;
use super::json_schema::json_schema;
use super::keys::{FILE, Kind, Need, Shape};
use super::tests::{Imagined, folder, read};
use super::*;

const FULL: &str = include_str!("samples/full.toml");
const BASIC: &str = include_str!("samples/basic.toml");

fn validator() -> Validator {
    let schema = json_schema(&Imagined);
    jsonschema::meta::validate(&schema).expect("a schema by the rules of its draft");
    jsonschema::draft202012::new(&schema).expect("every pattern and reference is understood")
}

/// TOML as an editor's validator sees it: dates become texts.
fn as_json(value: &Value) -> Json {
    match value {
        Value::String(text) => Json::from(text.clone()),
        Value::Integer(number) => Json::from(*number),
        Value::Float(number) => Json::from(*number),
        Value::Boolean(flag) => Json::from(*flag),
        Value::Datetime(time) => Json::from(time.to_string()),
        Value::Array(items) => items.iter().map(as_json).collect(),
        Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), as_json(value))).collect(),
    }
}

/// Whether the mistake is one of structure, which a schema has to find too.
fn is_structural(problem: &Diagnostic) -> bool {
    match problem.code {
        // To a schema, dates are texts.
        "config.wrong-type" => !problem.label.ends_with("found a date or time"),
        "config.not-exact" => problem.label != "expected a text in quotes",
        "config.unknown-key"
        | "config.missing-key"
        | "config.out-of-range"
        | "config.bad-id"
        | "config.bad-duration"
        | "config.bad-origin"
        | "config.bad-text"
        | "config.bad-path"
        | "config.bad-word"
        | "config.bad-reference"
        | "config.unknown-collector"
        | "config.no-environment" => true,
        "config.literal-secret" => problem.title.ends_with("is not a reference to a secret"),
        "config.duplicate-id" => problem.title == "an environment is named twice",
        "config.bad-schedule"
        | "config.bad-time-zone"
        | "config.bad-setting"
        | "config.same-role"
        | "config.bad-address"
        | "config.bad-archive"
        | "config.half-tls"
        | "config.unknown-class"
        | "config.pushed-source"
        | "config.undeclared-environment" => false,
        other => panic!("say here whether a schema can find {other}"),
    }
}

/// Whoever the reader lets pass, passes; a mistake of structure is found by both.
fn agree(validator: &Validator, text: &str, read: &Result<Config, Invalid>, what: &str) {
    let json = as_json(&Value::Table(toml::from_str(text).expect("TOML")));
    let errors: Vec<String> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
    match read {
        Ok(_) => assert_eq!(errors, Vec::<String>::new(), "{what}: the reader lets it pass"),
        Err(invalid) if invalid.problems().iter().any(is_structural) => {
            assert!(!errors.is_empty(), "{what}: the schema lets it pass, the reader says\n{invalid}");
        }
        Err(_) => {}
    }
}

#[test]
fn the_schema_is_as_it_was() {
    let text = serde_json::to_string_pretty(&json_schema(&Imagined)).expect("JSON");
    insta::with_settings!({ snapshot_path => "samples", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("schema", text);
    });
}

#[test]
fn every_sample_and_case_is_judged_alike() {
    let validator = validator();
    let mut judged = 0;
    for name in ["samples", "cases"] {
        for entry in std::fs::read_dir(folder(name)).expect("a folder") {
            let path = entry.expect("an entry").path();
            let text = std::fs::read_to_string(&path).expect("text");
            if path.extension().is_some_and(|extension| extension == "toml")
                && toml::from_str::<toml::Table>(&text).is_ok()
            {
                agree(&validator, &text, &read(&text), &path.display().to_string());
                judged += 1;
            }
        }
    }
    assert!(judged > 20, "only {judged} files were judged");
}

/// Every place in the value, as keys and indices.
fn places(value: &Value, path: &[String], found: &mut Vec<Vec<String>>) {
    let mut enter = |key: String, value: &Value| {
        let path = [path, &[key]].concat();
        found.push(path.clone());
        places(value, &path, found);
    };
    match value {
        Value::Table(table) => table.iter().for_each(|(key, value)| enter(key.clone(), value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, value)| enter(at.to_string(), value)),
        _ => {}
    }
}

/// The value with what is at the place changed; `None` takes it away.
fn changed(value: &Value, path: &[String], to: Option<&Value>) -> Value {
    let (first, rest) = path.split_first().expect("a place");
    let mut value = value.clone();
    match &mut value {
        Value::Table(table) => match (rest, to) {
            ([], None) => drop(table.remove(first)),
            ([], Some(to)) => drop(table.insert(first.clone(), to.clone())),
            _ => table[first] = changed(&table[first], rest, to),
        },
        Value::Array(items) => {
            let at: usize = first.parse().expect("an index");
            match (rest, to) {
                ([], None) => drop(items.remove(at)),
                ([], Some(to)) => items[at] = to.clone(),
                _ => items[at] = changed(&items[at], rest, to),
            }
        }
        _ => unreachable!("only tables and lists have places"),
    }
    value
}

#[test]
fn one_change_at_a_time_is_judged_alike() {
    let validator = validator();
    let full: Value = Value::Table(toml::from_str(FULL).expect("the sample is TOML"));
    let replacements: Vec<Value> = toml::from_str::<toml::Table>(
        "x = [true, 0, 1, 7, 12, 13, 61, 101, -1, 9007199254740993, 1.5, 1979-05-27, [], {}, '', ' ', 'x', 'X', '-x', \
         'two words', 'ends ', '90m', '0m', '571680m', '571681m', '398d', 'env:A_1', 'env:1A', 'file:', 'file:x', \
         'https://a.example/b', \"a\\u0000b\", \"a\\tb\", 'production', 'ci_secrets', 'no_default', '0 2 * * *', \
         ['x'], [1], ['production', 'production'], [{}], { x = 1 }, { x = {} }, { x = 1.5 }]",
    )
    .expect("TOML")["x"]
        .as_array()
        .expect("a list")
        .clone();
    let mut all = Vec::new();
    places(&full, &[], &mut all);
    // Keys that nobody knows, in every table.
    let unknown = |path: &Vec<String>| [path.as_slice(), &["nobody-knows".to_owned()]].concat();
    let tables = std::iter::once(Vec::new()).chain(all.iter().cloned()).filter(|path| {
        let found = path.iter().try_fold(&full, |value, part| match value {
            Value::Table(table) => table.get(part),
            Value::Array(items) => items.get(part.parse::<usize>().ok()?),
            _ => None,
        });
        found.is_some_and(Value::is_table)
    });
    let added: Vec<Vec<String>> = tables.map(|path| unknown(&path)).collect();
    let mut refused = 0;
    let mut accepted = 0;
    for path in all.iter().chain(&added) {
        let removal = std::iter::once(None).filter(|_| all.contains(path));
        for to in removal.chain(replacements.iter().map(Some)) {
            let text = toml::to_string(&changed(&full, path, to)).expect("TOML can be written");
            let verdict = read(&text);
            agree(&validator, &text, &verdict, &format!("{} = {to:?}", path.join(".")));
            if verdict.is_ok() { accepted += 1 } else { refused += 1 }
        }
    }
    assert!(accepted > 100 && refused > 1000, "{accepted} were accepted and {refused} refused");
}

#[test]
fn spans_of_time_are_the_readers() {
    let schema = serde_json::json!({ "$ref": "#/properties/jobs/items/properties/late_after" });
    let mut root = json_schema(&Imagined);
    root["$defs"]["span"] = root.pointer(&schema["$ref"].as_str().expect("text")[1..]).expect("the span").clone();
    let span = jsonschema::draft202012::new(&root["$defs"]["span"]).expect("a schema");
    for number in (0..1100)
        .chain(9400..9600)
        .chain([9999, 10_000, 99_999, 100_000])
        .chain(499_900..500_100)
        .chain(569_900..572_000)
    {
        for text in [format!("{number}m"), format!("{number}h"), format!("{number}d"), format!("00{number}d")] {
            assert_eq!(span.is_valid(&Json::from(text.clone())), duration::parse(&text).is_some(), "{text}");
        }
    }
}

/// Calls `see` with every table's place in a file and its shape, and one key each.
fn each_key(shape: &'static Shape, path: &str, see: &mut impl FnMut(&str, &'static super::keys::Key)) {
    for key in shape.keys {
        let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
        see(&path, key);
        match &key.kind {
            Kind::Table(shape) => each_key(shape, &path, see),
            Kind::Named(shape) => each_key(shape, &format!("{path}.production"), see),
            Kind::List(shape) => each_key(shape, &format!("{path}.0"), see),
            _ => {}
        }
    }
}

#[test]
fn the_full_sample_has_every_key_of_the_table() {
    let full: Value = Value::Table(toml::from_str(FULL).expect("the sample is TOML"));
    let mut there = Vec::new();
    places(&full, &[], &mut there);
    let there: Vec<String> = there.iter().map(|path| path.join(".")).collect();
    // A profile stands instead of the references to keys that the sample has.
    let missing = |path: &str| path != "archive.s3.profile" && !there.iter().any(|place| place == path);
    each_key(&FILE, "", &mut |path, _| assert!(!missing(path), "{path}"));
}

#[test]
fn a_default_written_out_means_the_same() {
    let basic = Value::Table(toml::from_str(BASIC).expect("the sample is TOML"));
    let meant = read(BASIC).expect("fine").digest();
    let mut tried = 0;
    each_key(&FILE, "", &mut |path, key| {
        let Need::Default(default) = key.need else { return };
        let default: Value = serde_json::from_str(default).expect("a default is JSON");
        let mut value = basic.clone();
        let parts: Vec<String> = path.split('.').map(str::to_owned).collect();
        // The table may be absent from the sample.
        if value.get(&parts[0]).is_none() {
            value = changed(&value, &parts[..1], Some(&Value::Table(toml::Table::new())));
        }
        let written = changed(&value, &parts, Some(&default));
        let text = toml::to_string(&written).expect("TOML can be written");
        assert_eq!(read(&text).unwrap_or_else(|invalid| panic!("{invalid}")).digest(), meant, "{path}");
        tried += 1;
    });
    assert!(tried >= 6, "only {tried} defaults were tried");
}
