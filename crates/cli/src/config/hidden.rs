//! Which bytes of a configuration file must not be shown, whatever else is wrong with it.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::suspicion::{REFERENCE_KEYS, doubtful_key, holds_secret, is_reference, sensitive_key};

/// A literal where only a reference may stand, or one that looks like a secret.
pub(super) struct Literal {
    /// Path of the key that holds it; parts that look like secrets themselves are masked.
    pub(super) key: String,
    /// The value's bytes, or the key's.
    pub(super) span: Range<usize>,
    /// Why it was noticed.
    pub(super) reason: Reason,
}

/// Why a literal was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// The schema expects a reference under this key.
    ReferenceExpected,
    /// The key's name says that its value is a secret.
    SensitiveKey,
    /// The value has the shape of a secret.
    SecretShape,
}

/// Every literal secret of a parsed file.
pub(super) fn literals(root: &DeTable<'_>) -> Vec<Literal> {
    let mut found = Vec::new();
    table(root, "", &mut found);
    found
}

fn table(entries: &DeTable<'_>, path: &str, found: &mut Vec<Literal>) {
    for (key, entry) in entries {
        let name: &str = key.get_ref();
        let key_is_secret = holds_secret(name);
        let path = join(path, if key_is_secret { "***" } else { name });
        if key_is_secret {
            found.push(Literal { key: path.clone(), span: key.span(), reason: Reason::SecretShape });
        }
        value(entry, name, &path, found);
    }
}

fn value(entry: &Spanned<DeValue<'_>>, key: &str, path: &str, found: &mut Vec<Literal>) {
    match entry.get_ref() {
        DeValue::Table(entries) => table(entries, path, found),
        DeValue::Array(items) => {
            for item in items.iter() {
                // Lists under a sensitive key are names or patterns as often as secrets:
                // there only the shape of the value tells.
                value(item, "", path, found);
            }
        }
        DeValue::String(text) => {
            let reason = if is_reference(text) {
                None
            } else if REFERENCE_KEYS.contains(&path) {
                Some(Reason::ReferenceExpected)
            } else if sensitive_key(key) && !text.is_empty() {
                Some(Reason::SensitiveKey)
            } else {
                holds_secret(text).then_some(Reason::SecretShape)
            };
            found.extend(reason.map(|reason| Literal { key: path.to_owned(), span: entry.span(), reason }));
        }
        _ => {}
    }
}

/// Joins a path of keys for a message.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Comments of a parsed file that speak of secrets: an old value is often left in one.
pub(super) fn comments(source: &str, root: &Spanned<DeTable<'_>>) -> Vec<Range<usize>> {
    let mut leaves = Vec::new();
    leaf_spans(root.get_ref(), &mut leaves);
    leaves.sort_by_key(|span| span.start);
    let mut hidden = Vec::new();
    let mut at = 0;
    while let Some(found) = source[at..].find('#') {
        let hash = at + found;
        // The last leaf that begins before the `#` is the only one that can contain it.
        let next = leaves.partition_point(|span| span.start <= hash);
        let inside = next.checked_sub(1).map(|index| leaves[index].clone());
        if let Some(leaf) = inside.filter(|leaf| leaf.end > hash) {
            at = leaf.end;
            continue;
        }
        let end = source[hash..].find('\n').map_or(source.len(), |found| hash + found);
        if speaks_of_secrets(&source[hash + 1..end]) {
            hidden.push(hash + 1..end);
        }
        at = end;
    }
    hidden
}

fn leaf_spans(entries: &DeTable<'_>, leaves: &mut Vec<Range<usize>>) {
    fn of_value(entry: &Spanned<DeValue<'_>>, leaves: &mut Vec<Range<usize>>) {
        match entry.get_ref() {
            DeValue::Table(entries) => leaf_spans(entries, leaves),
            DeValue::Array(items) => items.iter().for_each(|item| of_value(item, leaves)),
            _ => leaves.push(entry.span()),
        }
    }
    for (key, entry) in entries {
        leaves.push(key.span());
        of_value(entry, leaves);
    }
}

/// The places of every text in a value.
pub(super) fn texts_of(entry: &Spanned<DeValue<'_>>, found: &mut Vec<Range<usize>>) {
    match entry.get_ref() {
        DeValue::Table(entries) => entries.values().for_each(|value| texts_of(value, found)),
        DeValue::Array(items) => items.iter().for_each(|item| texts_of(item, found)),
        DeValue::String(_) => found.push(entry.span()),
        _ => {}
    }
}

fn speaks_of_secrets(comment: &str) -> bool {
    holds_secret(comment) || comment.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').any(doubtful_key)
}

/// The same for a file that does not parse: by lines, and rather too much than too little.
pub(super) fn in_broken_text(source: &str) -> Vec<Range<usize>> {
    let mut hidden = Vec::new();
    let mut open = Open::No;
    let mut start = 0;
    for line in source.split_inclusive('\n') {
        let end = start + line.trim_end_matches(['\n', '\r']).len();
        let text = &source[start..end];
        match open {
            Open::Quoted(quotes) => {
                hidden.push(start..end);
                if text.contains(quotes) {
                    open = Open::No;
                }
            }
            Open::UntilNextKey if !begins_entry(text) => hidden.push(start..end),
            _ => {
                open = Open::No;
                if let Some(at) = secret_part(text) {
                    hidden.push(start + at..end);
                    open = Open::after(&text[at..]);
                }
            }
        }
        start += line.len();
    }
    hidden
}

/// Whether a secret value may go on in the next line.
enum Open {
    No,
    UntilNextKey,
    Quoted(&'static str),
}

impl Open {
    fn after(value: &str) -> Self {
        for quotes in ["\"\"\"", "'''"] {
            if value.matches(quotes).count() == 1 {
                return Self::Quoted(quotes);
            }
        }
        Self::UntilNextKey
    }
}

fn begins_entry(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with(['[', '#'])
        || line.split_once('=').is_some_and(|(key, _)| !key.is_empty() && !key.contains(['\'', ',', '{', '/', '+']))
}

/// Where in a line the first value begins that must not be shown.
fn secret_part(line: &str) -> Option<usize> {
    for (at, separator) in line.match_indices(['=', ':']) {
        let before = line[..at].trim_end().trim_end_matches(['"', '\'']);
        let key = before.rsplit(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').next().unwrap_or_default();
        let after = at + separator.len();
        let value = line[after..].trim_start();
        let expects_reference =
            REFERENCE_KEYS.iter().any(|path| path.ends_with(key) && path.rsplit('.').next() == Some(key));
        let literal = !is_reference(value.trim_start_matches(['"', '\'']));
        if literal && !value.is_empty() && (doubtful_key(key) || expects_reference) {
            return Some(after + line[after..].len() - value.len());
        }
    }
    let whole = holds_secret(line).then(|| line.find('=').map_or(0, |at| at + 1));
    whole.map(|at| at + line[at..].len() - line[at..].trim_start().len())
}

#[cfg(test)]
mod tests {
    use super::super::shown::Shown;
    use super::*;

    /// Stands for every secret below.
    const CANARY: &str = "fake-canary-4711";

    #[test]
    fn nothing_secret_is_left_of_a_broken_file() {
        for source in [
            "password = \"fake-canary-4711\n",
            "password = fake-canary-4711\n[next",
            "a = { password = \"fake-canary-4711\", b = }\n",
            "\"db-password\" = \"fake-canary-4711\" x\n",
            "token = [\n  \"fake-canary-4711\",\n  \"b\"\n",
            "secret = \"\"\"\nfake-canary-4711=\nfake-canary-4711\n\"\"\"\nx = \n",
            "x = postgres://app:fake-canary-4711@db\n",
            "[database]\nurl = \"fake-canary-4711\n",
            "url = fake-canary-4711",
            "password: fake-canary-4711\n",
            "# password: fake-canary-4711\n",
            "db.password = 'fake-canary-4711\r\nx = = 1\r\n",
        ] {
            let shown = Shown::new(source, in_broken_text(source));
            assert!(!shown.text().contains(CANARY), "{}", shown.text());
        }
    }

    #[test]
    fn a_broken_file_is_still_readable() {
        let source = "name = \"A\nurl = \"env:DB_URL\"\npassword = 'x'\nid = \"b\"\n";
        let shown = Shown::new(source, in_broken_text(source));
        let expected = "name = \"A\nurl = \"env:DB_URL\"\npassword = ***\nid = \"b\"\n";
        assert_eq!(shown.text(), expected);
    }

    #[test]
    fn comments_that_speak_of_secrets_are_hidden() {
        let source = "a = \"# no comment\" # plain\nb = 1 # password: fake-canary-4711\n\"c#\" = 2\n";
        let root = DeTable::parse(source).expect("valid");
        let shown = Shown::new(source, comments(source, &root));
        let expected = "a = \"# no comment\" # plain\nb = 1 #***\n\"c#\" = 2\n";
        assert_eq!(shown.text(), expected);
    }

    #[test]
    fn literals_are_found_by_path_key_and_shape() {
        let source = concat!(
            "[database]\nurl = \"fake-canary-4711\"\nowner_url = \"env:OWNER\"\n",
            "[other]\npassword = \"fake-canary-4711\"\npass = 12\n",
            "list = [\"redis://:fake-canary-4711@cache\", \"plain\"]\ntoken = \"env:T\"\n",
        );
        let root = DeTable::parse(source).expect("valid");
        let mut found: Vec<(String, Reason)> =
            literals(root.get_ref()).into_iter().map(|literal| (literal.key, literal.reason)).collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(
            found,
            [
                ("database.url".into(), Reason::ReferenceExpected),
                ("other.list".into(), Reason::SecretShape),
                ("other.password".into(), Reason::SensitiveKey),
            ]
        );
    }
}
