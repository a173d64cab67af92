//! Understanding CI configuration: which of its values are secrets written out.

#[cfg(test)]
mod cases;
mod groovy;
mod lines;
mod places;
mod shell;
pub(crate) mod sink;
mod value;
mod words;
mod yaml;

use super::recognise::Syntax;
use sink::{Found, Sink};
use std::borrow::Cow;
use yaml::{Node, Value};

/// What reading one file gave.
pub(crate) struct Reading {
    /// Values in the clear, in the order of the file.
    pub(crate) found: Vec<Found>,
    /// Why the file was read line by line instead, or not told in full, if so.
    pub(crate) malformed: Option<String>,
    documents: Vec<Node>,
}

/// Reads a file of the given syntax. Never fails: what cannot be parsed is read line by line and says so.
pub(crate) fn read(bytes: &[u8], syntax: Syntax) -> Reading {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes);
    let mut sink = Sink::default();
    let mut documents = Vec::new();
    let mut malformed = None;
    match syntax {
        Syntax::Shell => shell::script(&text, 1, &mut sink),
        Syntax::Groovy => groovy::read(&text, &mut sink),
        Syntax::Yaml => {
            let parsed = if matches!(text, Cow::Owned(_)) { Err(yaml::Malformed::NotText) } else { yaml::parse(&text) };
            match parsed {
                Ok(parsed) => {
                    places::read(&parsed, &mut sink);
                    documents = parsed;
                }
                Err(error) => {
                    malformed = Some(error.to_string());
                    lines::read(&text, &mut sink);
                }
            }
        }
    }
    if sink.crowded {
        malformed.get_or_insert_with(|| format!("more than {} values in the clear in one file", sink::MOST_FOUND));
    }
    Reading { found: sink.finish(), malformed, documents }
}

impl Reading {
    /// Whether a value in the clear was understood on this line (from 1).
    pub(crate) fn tells_at(&self, line: u32) -> bool {
        self.found.iter().any(|found| found.line == line)
    }

    /// Whether what stands on this line (from 1) is a reference to a secret, an encrypted value or a grant.
    pub(crate) fn refers_at(&self, line: u32) -> bool {
        self.documents.iter().any(|document| refers(document, line))
    }

    /// The path of keys whose value stands on this line (from 1), for naming the place of a raw match.
    pub(crate) fn key_path_at(&self, line: u32) -> Option<String> {
        let mut path = Vec::new();
        self.documents.iter().find_map(|document| descend(document, line, &mut path))
    }
}

fn refers(node: &Node, line: u32) -> bool {
    if line < node.line || line > node.end_line {
        return false;
    }
    match &node.value {
        Value::Map(pairs) => pairs.iter().any(|(key, value)| {
            let here = (key.line.min(value.line)..=value.end_line).contains(&line);
            here && (key.text().is_some_and(places::is_reference) || refers(value, line))
        }),
        Value::List(items) => items.iter().any(|item| refers(item, line)),
        Value::Scalar(_) | Value::Alias => false,
    }
}

fn descend(node: &Node, line: u32, path: &mut Vec<String>) -> Option<String> {
    if line < node.line || line > node.end_line {
        return None;
    }
    match &node.value {
        Value::Scalar(_) => Some(sink::join_path(path)),
        Value::Map(pairs) => pairs.iter().rev().find_map(|(key, value)| {
            path.push(key.text().unwrap_or("?").to_owned());
            let found = if key.line == line && value.line > line { None } else { descend(value, line, path) };
            path.pop();
            found
        }),
        Value::List(items) => items.iter().rev().find_map(|item| {
            path.push(places::label(item));
            let found = descend(item, line, path);
            path.pop();
            found
        }),
        Value::Alias => None,
    }
}
