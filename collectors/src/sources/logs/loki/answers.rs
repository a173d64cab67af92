//! What Loki answers, taken apart: <https://grafana.com/docs/loki/latest/reference/loki-http-api/>.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::NAME;
use crate::remote::{Answer, RemoteError};

/// Labels that name what a line is from, the first that is there.
const NAMING: [&str; 5] = ["service_name", "app", "container", "unit", "job"];

#[derive(Deserialize)]
struct Reply<T> {
    data: Data<T>,
}

#[derive(Deserialize)]
struct Data<T> {
    #[serde(rename = "resultType")]
    kind: String,
    result: Vec<T>,
}

#[derive(Deserialize)]
struct Stream {
    stream: BTreeMap<String, String>,
    /// Time, line, and perhaps structured metadata.
    values: Vec<Vec<Value>>,
}

#[derive(Deserialize)]
struct Sample {
    /// Time and number.
    value: (Value, String),
}

/// A line.
pub(super) struct Line {
    /// Nanoseconds since 1970.
    pub(super) at: i128,
    pub(super) place: String,
    pub(super) text: String,
    /// What else stands beside it, its structured metadata.
    pub(super) beside: String,
}

/// The number that a count gave; no sample is none.
pub(super) fn count(answer: &Answer) -> Result<u64, RemoteError> {
    let expected = "one number, as a vector";
    let reply: Reply<Sample> = answer.json(expected)?;
    match reply.data.result.as_slice() {
        _ if reply.data.kind != "vector" => Err(answer.not_understood(expected)),
        [] => Ok(0),
        [one] => one.value.1.parse().map_err(|_| answer.not_understood(expected)),
        _ => Err(answer.not_understood(expected)),
    }
}

/// The lines of a page in the order of their time, each within the window.
pub(super) fn lines(answer: &Answer, from: i128, to: i128) -> Result<Vec<Line>, RemoteError> {
    let expected = "streams of lines within the window";
    let reply: Reply<Stream> = answer.json(expected)?;
    if reply.data.kind != "streams" {
        return Err(answer.not_understood(expected));
    }
    let mut lines = Vec::new();
    for Stream { stream, values } in reply.data.result {
        let place = NAMING.iter().find_map(|label| stream.get(*label)).map_or(NAME, String::as_str);
        for value in values {
            let line = line(value, place).filter(|line| (from..to).contains(&line.at));
            lines.push(line.ok_or_else(|| answer.not_understood(expected))?);
        }
    }
    lines.sort_by_key(|line| line.at);
    Ok(lines)
}

fn line(value: Vec<Value>, place: &str) -> Option<Line> {
    let mut parts = value.into_iter();
    let (Value::String(at), Value::String(text)) = (parts.next()?, parts.next()?) else { return None };
    let beside = match parts.next() {
        Some(Value::Object(beside)) => beside
            .iter()
            .map(|(name, value)| format!("{name}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            .collect::<Vec<_>>()
            .join(" "),
        _ => String::new(),
    };
    Some(Line { at: at.parse().ok()?, place: place.to_owned(), text, beside })
}
