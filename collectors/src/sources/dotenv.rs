//! Dotenv files, read line by line with positions, as docker compose reads them.
//!
//! Understood: `export `, `KEY=value` and `KEY: value`, single quotes (raw), double quotes (escapes,
//! several lines, interpolation), comments, `KEY=` (empty), `KEY` alone (handed on from outside, no
//! value here), a repeated key (the last wins, every earlier one is reported), CRLF, a byte-order
//! mark. `${VAR}` refers to earlier lines of the same file.

use super::interpolate::{Problem, Strictness, Variables, interpolate};
use super::{Credential, Listing, Origin, Place, Reading, Root, SecretValue, Source, SourceError, Text, Unread, files};
use std::collections::{BTreeSet, HashMap};
use zeroize::Zeroizing;

/// One or more dotenv files of one environment; a later file wins over an earlier one.
#[derive(Debug, Clone)]
pub struct Dotenv {
    /// The folder from which the files' names count.
    pub root: Root,
    /// Authored id of the environment.
    pub environment: String,
    /// The files, as configured.
    pub files: Vec<String>,
}

/// One assignment of a dotenv file.
#[derive(Debug)]
pub(super) struct Assignment {
    pub(super) name: String,
    /// None for a name that stands alone.
    pub(super) value: Option<Text>,
    pub(super) line: u32,
}

impl Source for Dotenv {
    fn kind(&self) -> &'static str {
        "dotenv"
    }

    fn environment(&self) -> &str {
        &self.environment
    }

    fn label(&self) -> String {
        format!("dotenv {}", self.files.join(", "))
    }

    fn listing(&self) -> Result<Listing, SourceError> {
        let mut names = BTreeSet::new();
        for file in &self.files {
            names.extend(names_in(&files::text(&self.root, file)?));
        }
        Ok(Listing { names: names.len() as u64 })
    }

    fn read(&self) -> Result<Reading, SourceError> {
        let mut reading = Reading::default();
        let mut last: HashMap<String, (String, Assignment)> = HashMap::new();
        let mut order: Vec<String> = Vec::new();
        let mut before = Variables::new();
        for file in &self.files {
            let text = files::text(&self.root, file)?;
            let none = Variables::new();
            for new in parse(file, &text, &none, before.clone(), Strictness::Lenient)? {
                if let Some(value) = &new.value {
                    before.insert(new.name.clone(), value.clone());
                }
                if !order.contains(&new.name) {
                    order.push(new.name.clone());
                }
                let name = new.name.clone();
                if let Some((file, old)) = last.insert(name, (file.clone(), new)) {
                    reading.overridden.push(place(&file, &old));
                }
            }
        }
        for name in order {
            let Some((file, found)) = last.remove(&name) else {
                continue;
            };
            let place = place(&file, &found);
            let Some(text) = found.value else {
                let reason = "it stands alone: the value comes from outside this file";
                reading.unread.push(Unread::new(name, place, "outside", reason));
                continue;
            };
            if !text.unset().is_empty() {
                // Which one is not said: a `$` may be part of a password.
                let reason = "a variable in it comes from outside this file";
                reading.unread.push(Unread::new(name, place, "outside", reason));
                continue;
            }
            reading.examined += 1;
            let (value, parts) = text.into_secret();
            let found = Credential::plain(&self.environment, name, value, place, Origin::Dotenv);
            reading.credentials.push(Credential { parts, ..found });
        }
        Ok(reading)
    }
}

fn place(file: &str, found: &Assignment) -> Place {
    Place { file: file.to_owned(), line: found.line, document: 0, key: found.name.clone() }
}

/// The value of `name` in the text of a dotenv file that came from elsewhere (a backup, say): the last one wins, and nothing
/// is interpolated from outside.
pub(crate) fn lookup(file: &str, content: &[u8], name: &str) -> Result<Option<SecretValue>, SourceError> {
    let text = files::decode(file, content)?;
    let none = Variables::new();
    let found = parse(file, &text, &none, Variables::new(), Strictness::Lenient)?;
    let own = found.into_iter().rev().find(|found| found.name == name);
    Ok(own.and_then(|found| found.value).map(|text| text.into_secret().0))
}

/// Every assignment of `text`, in order. `outer` variables win over those of the file itself, and
/// these over the ones of files `before` it.
pub(super) fn parse(
    file: &str,
    text: &str,
    outer: &Variables,
    before: Variables,
    strictness: Strictness,
) -> Result<Vec<Assignment>, SourceError> {
    Reader { file, rest: text, line: 1, outer, own: before, strictness }.all()
}

struct Reader<'a> {
    file: &'a str,
    rest: &'a str,
    line: u32,
    outer: &'a Variables,
    own: Variables,
    strictness: Strictness,
}

impl<'a> Reader<'a> {
    fn all(mut self) -> Result<Vec<Assignment>, SourceError> {
        let mut found = Vec::new();
        loop {
            self.skip_blank();
            if self.rest.is_empty() {
                return Ok(found);
            }
            if self.rest.starts_with('#') {
                self.skip_line();
                continue;
            }
            found.push(self.assignment()?);
        }
    }

    fn assignment(&mut self) -> Result<Assignment, SourceError> {
        let line = self.line;
        let (head, stop) = split_before(self.rest, |letter| matches!(letter, '=' | ':' | '\n'));
        let written = head.trim();
        let name = match written.strip_prefix("export") {
            Some(after) if after.starts_with([' ', '\t']) => after.trim_start(),
            _ => written,
        };
        let alone = !matches!(stop.chars().next(), Some('=' | ':'));
        // `NAME # comment` stands alone as well.
        let name = if alone { name.split(" #").next().unwrap_or(name).trim_end() } else { name };
        if !is_name(name) {
            let expected = "a name of letters, digits, `_`, `.`, `-`, then `=`";
            return Err(self.malformed(line, "name", expected));
        }
        let name = name.to_owned();
        if alone {
            self.rest = stop;
            return Ok(Assignment { name, value: None, line });
        }
        self.rest = stop[1..].trim_start_matches([' ', '\t']);
        let value = match self.rest.chars().next() {
            Some('"') => {
                let raw = self.quoted('"', line, &name)?;
                let dollar = if self.strictness == Strictness::Literal { "$" } else { "$$" };
                self.resolve(&unescape(&raw, dollar), line, &name)?
            }
            Some('\'') => Text::literal(&self.quoted('\'', line, &name)?),
            _ => {
                let (raw, rest) = split_before(self.rest, |letter| letter == '\n');
                self.rest = rest;
                self.resolve(without_comment(raw).trim_end(), line, &name)?
            }
        };
        self.own.insert(name.clone(), value.clone());
        Ok(Assignment { name, value: Some(value), line })
    }

    /// What stands between the quotes, escapes still in it; only `\"` (or `\'`) is undone here.
    fn quoted(&mut self, quote: char, line: u32, name: &str) -> Result<Zeroizing<String>, SourceError> {
        let body = &self.rest[1..];
        let mut raw = Zeroizing::new(String::with_capacity(body.len().min(4096)));
        let mut escaped = false;
        for (at, letter) in body.char_indices() {
            if escaped {
                escaped = false;
                if letter != quote {
                    raw.push('\\');
                }
                raw.push(letter);
            } else if letter == '\\' {
                escaped = true;
            } else if letter == quote {
                let inside = &body[..at];
                self.line += breaks(inside);
                self.rest = &body[at + 1..];
                return self.nothing_more(line, name).map(|()| raw);
            } else {
                raw.push(letter);
            }
        }
        Err(self.malformed(line, name, "a closing quote"))
    }

    /// After a closing quote only blanks and a comment may follow.
    fn nothing_more(&mut self, line: u32, name: &str) -> Result<(), SourceError> {
        let (tail, rest) = split_before(self.rest, |letter| letter == '\n');
        let tail = tail.trim();
        if !tail.is_empty() && !tail.starts_with('#') {
            return Err(self.malformed(line, name, "nothing but a comment after the closing quote"));
        }
        self.rest = rest;
        Ok(())
    }

    fn resolve(&self, raw: &str, line: u32, name: &str) -> Result<Text, SourceError> {
        interpolate(raw, self.outer, &self.own, self.strictness)
            .map_err(|problem| explain(self.file, line, name, problem))
    }

    fn skip_blank(&mut self) {
        let trimmed = self.rest.trim_start();
        self.line += breaks(&self.rest[..self.rest.len() - trimmed.len()]);
        self.rest = trimmed;
    }

    fn skip_line(&mut self) {
        self.rest = split_before(self.rest, |letter| letter == '\n').1;
    }

    fn malformed(&self, line: u32, key: &str, expected: &str) -> SourceError {
        SourceError::Malformed { file: self.file.to_owned(), line, key: key.to_owned(), expected: expected.to_owned() }
    }
}

/// An interpolation problem as an error with its place.
pub(super) fn explain(file: &str, line: u32, key: &str, problem: Problem) -> SourceError {
    let (file, key) = (file.to_owned(), key.to_owned());
    let expected = match problem {
        Problem::Required(variable) => {
            return SourceError::RequiredVariable { file, line, key, variable };
        }
        Problem::Invalid => "`$NAME`, `${NAME}` or `$$` for a dollar sign",
        Problem::TooLarge => "interpolation that does not nest or grow without end",
    };
    SourceError::Malformed { file, line, key, expected: expected.to_owned() }
}

fn breaks(text: &str) -> u32 {
    u32::try_from(text.bytes().filter(|byte| *byte == b'\n').count()).unwrap_or(u32::MAX)
}

/// Splits before the first letter that `stop` accepts.
fn split_before(text: &str, stop: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(stop).unwrap_or(text.len()))
}

/// The part of an unquoted value before ` #`; a value that begins with `#` is a comment whole.
fn without_comment(raw: &str) -> &str {
    if raw.starts_with('#') {
        return "";
    }
    let cut = raw.find(" #").into_iter().chain(raw.find("\t#")).min();
    &raw[..cut.unwrap_or(raw.len())]
}

fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_alphanumeric() || "_.-[]".contains(letter))
}

/// Undoes the escapes of double quotes. `\$` becomes `dollar`: `$$` where interpolation turns that into `$`.
fn unescape(raw: &str, dollar: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(raw.len() + 8));
    let mut letters = raw.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('a') => out.push('\u{7}'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('v') => out.push('\u{b}'),
            Some('\\') => out.push('\\'),
            Some('$') => out.push_str(dollar),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
    out
}

/// The file's own count of names: its lines, once everything between quotes is blanked. Shares
/// nothing with the reader above, so that one can catch the other.
pub(super) fn names_in(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut open: Option<char> = None;
    for line in text.lines() {
        let mut value = line;
        if open.is_none() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let end = line.find(['=', ':']).unwrap_or(line.len());
            let mut words = line[..end].split_whitespace();
            match (words.next(), words.next()) {
                (Some("export"), Some(name)) | (Some(name), _) => names.insert(name.to_owned()),
                (None, _) => false,
            };
            value = line.get(end + 1..).unwrap_or("").trim_start();
            let Some(quote) = value.chars().next().filter(|first| matches!(first, '"' | '\'')) else {
                continue;
            };
            open = Some(quote);
            value = &value[1..];
        }
        let mut escaped = false;
        for letter in value.chars() {
            match letter {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                letter if open == Some(letter) => {
                    open = None;
                    break;
                }
                _ => {}
            }
        }
    }
    names
}

#[cfg(test)]
#[path = "dotenv_tests.rs"]
mod tests;
