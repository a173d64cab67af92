//! `requirements.txt`: the requirements of pip, of which only those with `==` say what is installed.

use super::{Gather, LockError, Why};

pub(super) fn read(gather: &mut Gather<'_>, text: &str) -> Result<(), LockError> {
    let mut joined = String::new();
    let mut began = 0;
    for (index, line) in text.lines().enumerate() {
        if joined.is_empty() {
            began = index + 1;
        }
        // Comments end lines before these are joined, as pip reads them.
        let code = uncommented(line);
        match code.strip_suffix('\\') {
            Some(open) => {
                joined.push_str(open);
                joined.push(' ');
            }
            None => {
                joined.push_str(code);
                requirement(gather, joined.trim(), began)?;
                joined.clear();
            }
        }
    }
    if joined.trim().is_empty() { Ok(()) } else { requirement(gather, joined.trim(), began) }
}

/// A line without its comment: `#` at the beginning or after white space.
fn uncommented(line: &str) -> &str {
    let line = line.trim_end();
    let comment = line
        .char_indices()
        .find(|(at, character)| *character == '#' && (*at == 0 || line[..*at].ends_with(char::is_whitespace)));
    comment.map_or(line, |(at, _)| line[..at].trim_end())
}

fn requirement(gather: &mut Gather<'_>, text: &str, line: usize) -> Result<(), LockError> {
    if text.is_empty() {
        return Ok(());
    }
    if text.starts_with('-') {
        return option(gather, text, line);
    }
    let (text, options) = text.split_once(" --").map_or((text, ""), |(text, options)| (text.trim_end(), options));
    let hashed = options.split_whitespace().any(|word| word.trim_start_matches('-').starts_with("hash"));
    if let Some((name, address)) = text.split_once('@').filter(|(name, _)| is_name(without_extras(name))) {
        let address = address.trim();
        return gather.apart(without_extras(name), from(address));
    }
    // Markers say on which machines, behind a semicolon; addresses may hold one too, but have no name before them.
    let needed = text.split(';').next().unwrap_or(text).trim();
    let end = needed.find(['=', '<', '>', '!', '~', ' ', '(', '\t']).unwrap_or(needed.len());
    let (name, range) = needed.split_at(end);
    let name = without_extras(name);
    if !is_name(name) {
        if needed.contains("://") || needed.contains('/') || needed.ends_with(".whl") || needed.starts_with('.') {
            return gather.apart(last_part(needed), from(needed));
        }
        return Err(gather.wrong(Some(line), name, "a requirement, such as `name==1.0`"));
    }
    let range = range.trim().trim_start_matches('(').trim_end_matches(')');
    let exact = range.strip_prefix("===").or_else(|| range.strip_prefix("==")).map(str::trim);
    match exact.filter(|version| !version.is_empty() && !version.contains(['*', ',', ' '])) {
        Some(version) => {
            if !hashed {
                gather.locked.unhashed += 1;
            }
            gather.package("pypi", name, version, Some(line))
        }
        None => gather.unpinned(name, line),
    }
}

fn option(gather: &mut Gather<'_>, text: &str, line: usize) -> Result<(), LockError> {
    let end = text.find([' ', '=', '\t']).unwrap_or(text.len());
    let (word, value) = text.split_at(end);
    // `-rbase.txt` is as good as `-r base.txt`.
    let (word, value) = match word.get(..2) {
        Some(short @ ("-r" | "-c" | "-e")) if word.len() > 2 && !word.starts_with("--") => (short, &text[2..]),
        _ => (word, value),
    };
    let value = value.trim_start_matches(['=', ' ', '\t']).trim();
    match word {
        "-r" | "--requirement" => {
            if value.is_empty() {
                return Err(gather.wrong(Some(line), word, "the name of a file"));
            }
            gather.refers(value, line)
        }
        "-e" | "--editable" => gather.apart(last_part(value), from(value)),
        // Constraints, indexes and the like name nothing that is installed.
        _ => Ok(()),
    }
}

fn from(address: &str) -> Why {
    if ["git+", "hg+", "svn+", "bzr+"].iter().any(|start| address.starts_with(start)) {
        Why::Git
    } else if address.contains("://") && !address.starts_with("file:") {
        Why::Url
    } else {
        Why::Local
    }
}

/// The name that an address gives, or else its last part: what stands before it may hold a password.
fn last_part(address: &str) -> &str {
    let (address, fragment) = address.split_once('#').unwrap_or((address, ""));
    let egg = fragment.split('&').find_map(|part| part.strip_prefix("egg=")).map(without_extras);
    if let Some(name) = egg.filter(|name| is_name(name)) {
        return name;
    }
    let address = address.split('?').next().unwrap_or(address).trim_end_matches('/');
    let last = address.rsplit('/').next().unwrap_or(address);
    match last.split_once(".git") {
        Some((name, rest)) if !name.is_empty() && (rest.is_empty() || rest.starts_with('@')) => name,
        _ => last,
    }
}

fn without_extras(name: &str) -> &str {
    name.split('[').next().unwrap_or(name).trim()
}

/// Letters and digits, with `-`, `_` and `.` within (PEP 508).
fn is_name(name: &str) -> bool {
    let ends = |one: Option<char>| one.is_some_and(|one| one.is_ascii_alphanumeric());
    ends(name.chars().next())
        && ends(name.chars().next_back())
        && name.chars().all(|one| one.is_ascii_alphanumeric() || matches!(one, '-' | '_' | '.'))
        && !name.ends_with(".whl")
        && !name.ends_with(".tar.gz")
}
