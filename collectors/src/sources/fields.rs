//! Secrets with fields, as vaults and clouds keep them: what each field is called, and what may be shown.

use super::json::Json;
use super::{is_name, is_variable_name};

/// What a secret that holds a text is: a field for each text in its JSON object, or one whole value.
pub(super) enum Content {
    Fields(Json),
    Whole,
}

impl Content {
    /// Looks whether a text is a JSON object.
    pub(super) fn of(text: &str) -> Self {
        match text.trim_start().starts_with('{').then(|| Json::read(text)) {
            Some(Ok(read @ Json::Map(_))) => Self::Fields(read),
            _ => Self::Whole,
        }
    }
}

/// Every text in a tree of fields, by its path with dots.
pub(super) fn leaves(value: &Json, each: &mut dyn FnMut(&str, &str)) {
    below(value, "", &mut |field, text| each(if is_name(field) { field } else { "unnamed" }, text));
}

fn below(value: &Json, path: &str, each: &mut dyn FnMut(&str, &str)) {
    let deeper = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Json::Text(text) => each(path, text),
        Json::Map(entries) => entries.iter().for_each(|(name, value)| below(value, &deeper(name), each)),
        Json::List(items) => {
            items.iter().enumerate().for_each(|(at, value)| below(value, &deeper(&at.to_string()), each));
        }
        Json::Null => {}
    }
}

/// The name of a field. People know the variable; a field such as `password` says little without its secret.
pub(super) fn of_field(secret: &str, field: &str) -> String {
    if is_variable_name(field) || secret.is_empty() { field.to_owned() } else { format!("{secret}.{field}") }
}

/// The name of a secret that is one whole value, by its path.
pub(super) fn of_whole(secret: &str) -> String {
    let last = secret.rsplit('/').next().unwrap_or(secret);
    if is_variable_name(last) { last.to_owned() } else { secret.to_owned() }
}

/// A path as it may be shown.
pub(super) fn shown<'p>(parts: impl Iterator<Item = &'p str>) -> String {
    let parts: Vec<&str> = parts.map(|part| if is_name(part) { part } else { "unnamed" }).collect();
    parts.join("/")
}
