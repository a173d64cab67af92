//! Reads typed values out of a parsed file and notes everything that is wrong, instead of the first.
//!
//! Not serde's derive: its messages quote the value ("invalid type: string \"…\""), which here may be
//! a secret, and it stops at the first mistake.

use std::fmt::Display;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::Diagnostic;
use super::hidden::{join, texts_of};
use super::keys::{Key, Kind, Need, Shape};
use super::model::KeyPlace;
use super::suspicion::holds_secret;

/// A table of the file with its path and the keys that it may hold.
#[derive(Clone)]
pub(super) struct Section<'d> {
    entries: &'d DeTable<'d>,
    shape: &'static Shape,
    /// Where the table's header or opening brace stands.
    pub(super) span: Range<usize>,
    /// How messages call it, such as `[deployment]`.
    name: String,
    path: String,
}

/// Collects what is wrong while values are read.
pub(super) struct Reader {
    problems: Vec<Diagnostic>,
    hidden: Vec<Range<usize>>,
    /// How messages call the file.
    file: PathBuf,
    /// Where its lines end.
    line_ends: Vec<usize>,
}

impl Reader {
    /// For this text; `shown` is how messages call its file.
    pub(super) fn of(text: &str, shown: &Path) -> Self {
        let line_ends = text.match_indices('\n').map(|(at, _)| at).collect();
        Self { problems: Vec::new(), hidden: Vec::new(), file: shown.to_path_buf(), line_ends }
    }

    /// Where a key stands whose value has this span.
    pub(super) fn place(&self, key: &'static str, span: &Range<usize>) -> KeyPlace {
        let line = 1 + self.line_ends.partition_point(|end| *end < span.start);
        KeyPlace { key, file: self.file.clone(), line }
    }

    /// Notes a problem.
    pub(super) fn refuse(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
    }

    /// Everything that was wrong, and what must not be shown beside it.
    pub(super) fn into_parts(self) -> (Vec<Diagnostic>, Vec<Range<usize>>) {
        (self.problems, self.hidden)
    }

    /// Enters a table; refuses keys that it does not know, and that one it needs is absent.
    pub(super) fn enter<'d>(
        &mut self,
        entries: &'d DeTable<'d>,
        span: Range<usize>,
        path: &str,
        name: &str,
        shape: &'static Shape,
    ) -> Section<'d> {
        for (key, entry) in entries {
            let given: &str = key.get_ref();
            if shape.key(given).is_none() {
                self.unknown_key(given, key.span(), name, shape);
                // Nobody knows what it is: a misspelt `password`, for one.
                texts_of(entry, &mut self.hidden);
            }
        }
        let section = Section { entries, shape, span, name: name.to_owned(), path: path.to_owned() };
        for key in shape.keys {
            if let Need::Required(expected) = key.need
                && section.raw(key.name).is_none()
            {
                self.missing(&section, key.name, expected);
            }
        }
        section
    }

    fn unknown_key(&mut self, given: &str, span: Range<usize>, name: &str, shape: &Shape) {
        let title = if holds_secret(given) {
            format!("{name} has an unknown key")
        } else {
            format!("{name} has an unknown key `{}`", given.escape_debug())
        };
        let hint = match nearest(given, shape.names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("{name} knows: {}", shape.names().collect::<Vec<_>>().join(", ")),
        };
        self.refuse(Diagnostic::new("config.unknown-key", span, title).label("not a key of this table").hint(hint));
    }

    /// A sub-table that the section's shape names, if it is there.
    pub(super) fn table<'d>(&mut self, section: &Section<'d>, key: &str, name: &str) -> Option<Section<'d>> {
        let Kind::Table(shape) = section.key(key).kind else { unreachable!("`{key}` is read as the table that it is") };
        let entry = section.entries.get(key)?;
        match entry.get_ref() {
            DeValue::Table(entries) => {
                let path = join(&section.path, key);
                Some(self.enter(entries, entry.span(), &path, name, shape))
            }
            other => {
                self.wrong_type(section, key, entry.span(), "a table", other);
                None
            }
        }
    }

    /// A text, if it is there.
    pub(super) fn text(&mut self, section: &Section<'_>, key: &str) -> Option<Spanned<String>> {
        let entry = section.entries.get(key)?;
        match entry.get_ref() {
            DeValue::String(text) => Some(Spanned::new(entry.span(), text.clone().into_owned())),
            other => {
                self.wrong_type(section, key, entry.span(), "a text in quotes", other);
                None
            }
        }
    }

    /// A whole number of the range that the section's shape gives, if it is there.
    pub(super) fn number(&mut self, section: &Section<'_>, key: &str) -> Option<u8> {
        let Kind::Number(range) = &section.key(key).kind else {
            unreachable!("`{key}` is read as the number that it is")
        };
        let entry = section.entries.get(key)?;
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        let DeValue::Integer(integer) = entry.get_ref() else {
            self.wrong_type(section, key, entry.span(), &expected, entry.get_ref());
            return None;
        };
        let value = i64::from_str_radix(integer.as_str(), integer.radix())
            .ok()
            .and_then(|value| u8::try_from(value).ok())
            .filter(|value| range.contains(value));
        if value.is_none() {
            let title = format!("{} in {} is out of range", quoted(key), section.name);
            self.refuse(
                Diagnostic::new("config.out-of-range", entry.span(), title).label(format!("expected {expected}")),
            );
        }
        value
    }

    /// One of the words that the section's shape gives, if it is there.
    pub(super) fn word(&mut self, section: &Section<'_>, key: &str) -> Option<&'static str> {
        let Kind::Word(words) = section.key(key).kind else { unreachable!("`{key}` is read as the word that it is") };
        let text = self.text(section, key)?;
        let found = words.iter().copied().find(|word| word == text.get_ref());
        if found.is_none() {
            let title = format!("{} in {} is none of the words that it can be", quoted(key), section.name);
            let known = words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or ");
            self.refuse(Diagnostic::new("config.bad-word", text.span(), title).label(format!("expected {known}")));
        }
        found
    }

    /// `true` or `false`, if it is there.
    pub(super) fn flag(&mut self, section: &Section<'_>, key: &str) -> Option<bool> {
        let entry = section.entries.get(key)?;
        match entry.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            other => {
                self.wrong_type(section, key, entry.span(), "true or false", other);
                None
            }
        }
    }

    /// A list of texts with the list's own place, if it is there.
    pub(super) fn texts(&mut self, section: &Section<'_>, key: &str) -> Option<Spanned<Vec<Spanned<String>>>> {
        const EXPECTED: &str = "a list of texts in quotes";
        let entry = section.entries.get(key)?;
        let DeValue::Array(items) = entry.get_ref() else {
            self.wrong_type(section, key, entry.span(), EXPECTED, entry.get_ref());
            return None;
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items.iter() {
            match item.get_ref() {
                DeValue::String(text) => {
                    texts.push(Spanned::new(item.span(), text.clone().into_owned()));
                }
                other => {
                    self.wrong_type(section, key, item.span(), EXPECTED, other);
                    return None;
                }
            }
        }
        Some(Spanned::new(entry.span(), texts))
    }

    /// Notes that a required key is absent.
    pub(super) fn missing(&mut self, section: &Section<'_>, key: &str, expected: &str) {
        let title = format!("{} lacks the key {}", section.name, quoted(key));
        self.refuse(
            Diagnostic::new("config.missing-key", section.span.clone(), title)
                .label(format!("expected `{key} = …` here"))
                .hint(format!("{} is {expected}", quoted(key))),
        );
    }

    /// Notes a value of the wrong type.
    pub(super) fn wrong_type(
        &mut self,
        section: &Section<'_>,
        key: &str,
        span: Range<usize>,
        expected: &str,
        found: &DeValue<'_>,
    ) {
        let title = format!("{} in {} has the wrong type", quoted(key), section.name);
        self.refuse(
            Diagnostic::new("config.wrong-type", span, title)
                .label(format!("expected {expected}, found {}", type_name(found))),
        );
    }
}

impl<'d> Section<'d> {
    /// The entry as it was parsed, for tables that belong to others.
    pub(super) fn raw(&self, key: &str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.entries.get(key)
    }

    /// What may stand under the key.
    fn key(&self, key: &str) -> &'static Key {
        self.shape.key(key).expect("only keys that the shape names are read: the tests read every one")
    }

    /// How messages call it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// What a value is, in words.
pub(super) fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The known name nearest to what was given, if one is near enough to be meant.
pub(super) fn nearest<'k>(given: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let given = given.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&given, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

fn quoted(name: impl Display) -> String {
    format!("`{name}`")
}
