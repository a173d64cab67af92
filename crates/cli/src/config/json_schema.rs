//! `exhibit.toml` as JSON Schema (draft 2020-12), for editors and for whoever writes such files by program.
//!
//! Written from the table that the reader asks too, so that both say the same. What no schema can say, the reader says
//! alone: that a schedule comes, that a zone exists, that ids differ and are declared, that no secret is written out.

use exhibit_evidence::canonical::MAX_INTEGER;
use serde_json::{Map, Value, json};

use super::keys::{FILE, Key, Kind, Need, Shape};
use super::settings::Collectors;

/// A permanent id, as `schema::check_id` reads it.
const ID: &str = "^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$";
/// A span of time, as `duration::parse` reads it: 1m to 571680m, 1h to 9528h, 1d to 397d.
const SPAN: &str = "^0*([1-9][0-9]{0,4}m|[1-4][0-9]{5}m|5[0-6][0-9]{4}m|57(0[0-9]{3}|1([0-5][0-9]{2}|6[0-7][0-9]|680))m\
    |[1-9][0-9]{0,2}h|[1-8][0-9]{3}h|9([0-4][0-9]{2}|5([01][0-9]|2[0-8]))h|[1-9][0-9]?d|[12][0-9]{2}d|3([0-8][0-9]|9[0-7])d)$";
/// Anything but nothing and white space, without NUL.
const PATH: &str = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$";
/// A name of one line.
const LINE: &str = "^\\s*[^\\s\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u001f\\u007f-\\u009f]{0,199}\\s*$";
/// What names a log in its checkpoints.
const ORIGIN: &str = "^(?!.*://)[^\\s+\\u0000-\\u001f\\u007f-\\u009f]{1,255}$";
/// Where a secret is found.
const REFERENCE: &str = "^(env:[A-Za-z_][A-Za-z0-9_]*|file:[\\s\\S]+)$";

/// The schema of the file, for these collectors.
pub(crate) fn json_schema(collectors: &dyn Collectors) -> Value {
    let mut schema = table(&FILE, collectors);
    let more = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "exhibit.toml",
        "$defs": { "exact": exact() },
    });
    if let (Value::Object(schema), Value::Object(more)) = (&mut schema, more) {
        schema.extend(more);
    }
    sorted(schema)
}

fn table(shape: &Shape, collectors: &dyn Collectors) -> Value {
    let properties: Map<String, Value> =
        shape.keys.iter().map(|key| (key.name.to_owned(), property(key, collectors))).collect();
    let required: Vec<&str> = shape
        .keys
        .iter()
        .filter(|key| matches!(key.need, Need::Required(_) | Need::RequiredElsewhere))
        .map(|key| key.name)
        .collect();
    let mut schema = json!({
        "type": "object",
        "description": shape.says,
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if shape.keys.iter().any(|key| matches!(key.kind, Kind::Collector)) {
        freshness(&mut schema, collectors);
    }
    schema
}

/// A job of a collector that does not say how long its evidence stays fresh has to say it.
fn freshness(job: &mut Value, collectors: &dyn Collectors) {
    let silent: Vec<String> =
        collectors.ids().into_iter().filter(|id| collectors.default_fresh_for(id).is_none()).collect();
    if !silent.is_empty() {
        job["if"] = json!({ "properties": { "collector": { "enum": silent } }, "required": ["collector"] });
        job["then"] = json!({ "required": ["fresh_for"] });
    }
}

fn property(key: &Key, collectors: &dyn Collectors) -> Value {
    let mut schema = match &key.kind {
        Kind::Line => json!({ "type": "string", "pattern": LINE }),
        Kind::Path => json!({ "type": "string", "pattern": PATH }),
        Kind::Paths => json!({ "type": "array", "items": { "type": "string", "pattern": PATH }, "minItems": 1 }),
        Kind::Reference => json!({ "type": "string", "pattern": REFERENCE }),
        Kind::Origin => json!({ "type": "string", "pattern": ORIGIN }),
        Kind::TimeZone | Kind::Schedule | Kind::Address => json!({ "type": "string" }),
        Kind::Word(words) => json!({ "type": "string", "enum": words }),
        Kind::Number(range) => json!({ "type": "integer", "minimum": range.start(), "maximum": range.end() }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Id => json!({ "type": "string", "pattern": ID }),
        Kind::Collector => json!({ "type": "string", "enum": collectors.ids() }),
        Kind::Environments => json!({
            "type": "array", "items": { "type": "string", "pattern": ID }, "minItems": 1, "uniqueItems": true,
        }),
        Kind::Span => json!({ "type": "string", "pattern": SPAN }),
        Kind::Own => json!({ "type": "object", "additionalProperties": { "$ref": "#/$defs/exact" } }),
        Kind::Table(shape) => table(shape, collectors),
        Kind::Named(shape) => json!({
            "type": "object",
            "propertyNames": { "pattern": ID },
            "additionalProperties": table(shape, collectors),
        }),
        Kind::List(shape) => json!({ "type": "array", "items": table(shape, collectors) }),
    };
    schema["description"] = json!(key.says);
    if let Need::Default(default) = key.need {
        schema["default"] =
            serde_json::from_str(default).expect("the table's defaults are JSON: a test reads them all");
    }
    schema
}

/// What canonical JSON can carry exactly: a collector's own tables are sealed with the evidence.
fn exact() -> Value {
    json!({
        "description": "Text, whole number, true or false, and lists and tables of them: \
            what is judged by is sealed with the evidence, so it must read the same everywhere.",
        "anyOf": [
            { "type": "string", "pattern": "^[^\\u0000]*$" },
            { "type": "integer", "minimum": -i128::from(MAX_INTEGER), "maximum": MAX_INTEGER },
            { "type": "boolean" },
            { "type": "array", "items": { "$ref": "#/$defs/exact" } },
            { "type": "object", "additionalProperties": { "$ref": "#/$defs/exact" } },
        ],
    })
}

/// Keys in alphabetical order, so that the text does not hang on how other parts have JSON built.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(String, Value)> = map.into_iter().collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().map(|(key, value)| (key, sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}
