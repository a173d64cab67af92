//! Passwords in command lines and health checks, where every process list shows them.

use super::super::Text;
use super::super::urls::{Connection, take_apart};
use std::ops::Range;

/// Options whose next word, or the text after `=`, is a password.
const OPTIONS: &[(&str, &str)] = &[
    ("--requirepass", "redis-requirepass"),
    ("--masterauth", "redis-masterauth"),
    ("--password", "command-password"),
    ("--passwd", "command-password"),
    ("--pass", "command-password"),
];

/// Variables that are set in front of a command.
const VARIABLES: &[&str] =
    &["PGPASSWORD", "REDISCLI_AUTH", "MYSQL_PWD", "POSTGRES_PASSWORD", "REDIS_PASSWORD", "MYSQL_ROOT_PASSWORD"];

/// A word of a command line: bytes of one of the texts.
struct Word {
    text: usize,
    range: Range<usize>,
}

/// Every password found, each with a name that says how it is given.
pub(super) fn passwords(texts: &[Text]) -> Vec<(&'static str, Text)> {
    let words: Vec<Word> = texts.iter().enumerate().flat_map(split).collect();
    let text = |word: &Word| &texts[word.text].as_str()[word.range.clone()];
    let mut found = Vec::new();
    let mut program = "";
    for (at, word) in words.iter().enumerate() {
        let this = text(word);
        let next = words.get(at + 1);
        if let Some(known) = ["redis-cli", "mysql", "mysqladmin"].iter().find(|name| ends_with_program(this, name)) {
            program = known;
        }
        let option = OPTIONS.iter().find(|(option, _)| this == *option);
        if let (Some((_, name)), Some(next)) = (option, next) {
            found.push((*name, cut(texts, next, 0)));
        } else if let Some((skip, name)) = attached(this, program) {
            found.push((name, cut(texts, word, skip)));
        } else if let (true, Some(next)) = (this == "-a" && program == "redis-cli", next) {
            found.push(("redis-cli-auth", cut(texts, next, 0)));
        } else if let Connection::Parts(parts) = take_apart(this)
            && parts.password.is_some()
        {
            found.push(("command-url", cut(texts, word, 0)));
        }
    }
    // `$NAME` that is left after interpolation is resolved inside the container.
    found.retain(|(_, text)| !text.as_str().is_empty() && !text.as_str().starts_with('$'));
    found
}

/// A password in the same word: `--password=…`, `PGPASSWORD=…`, mysql's `-p…`.
fn attached(word: &str, program: &str) -> Option<(usize, &'static str)> {
    if let Some((head, _)) = word.split_once('=') {
        let option = OPTIONS.iter().find(|(option, _)| *option == head).map(|(_, name)| *name);
        let variable = VARIABLES.iter().find(|name| **name == head).copied();
        return option.or(variable).map(|name| (head.len() + 1, name));
    }
    let short = program.starts_with("mysql") && word.len() > 2 && word.starts_with("-p");
    short.then_some((2, "mysql-password"))
}

fn ends_with_program(word: &str, program: &str) -> bool {
    word.rsplit('/').next() == Some(program)
}

/// The word from its byte `skip` on, without surrounding quotes, with where it came from.
fn cut(texts: &[Text], word: &Word, skip: usize) -> Text {
    let whole = &texts[word.text];
    let mut range = word.range.start + skip..word.range.end;
    let inside = &whole.as_str()[range.clone()];
    let quoted =
        ['"', '\''].iter().any(|quote| inside.len() >= 2 && inside.starts_with(*quote) && inside.ends_with(*quote));
    if quoted {
        range = range.start + 1..range.end - 1;
    }
    let mut out = Text::default();
    for part in whole.parts() {
        let (start, end) = (part.start.max(range.start), part.end.min(range.end));
        if start < end {
            out.push_stretch(&whole.as_str()[start..end], part);
        }
    }
    out
}

/// Splits a text into words at blanks outside quotes, as a shell would; the quotes stay. A word
/// that is itself a command line (`sh -c "…"`) is split as well.
fn split((index, text): (usize, &Text)) -> Vec<Word> {
    let mut words = Vec::new();
    split_into(text.as_str(), 0, index, &mut words);
    words
}

fn split_into(text: &str, offset: usize, index: usize, words: &mut Vec<Word>) {
    let mut start = None;
    let mut quote: Option<char> = None;
    let mut end_word = |from: usize, to: usize| {
        let word = &text[from..to];
        let inner = word.strip_prefix(['"', '\'']).and_then(|word| word.strip_suffix(['"', '\'']));
        match inner {
            Some(inner) if inner.contains(' ') && offset == 0 => {
                split_into(inner, from + 1, index, words);
            }
            _ => words.push(Word { text: index, range: offset + from..offset + to }),
        }
    };
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, ' ' | '\t' | '\n') => {
                if let Some(from) = start.take() {
                    end_word(from, at);
                }
                continue;
            }
            (None, '"' | '\'') => quote = Some(letter),
            (None, _) => {}
        }
        start.get_or_insert(at);
    }
    if let Some(from) = start {
        end_word(from, text.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(words: &[&str]) -> Vec<(&'static str, String)> {
        let texts: Vec<Text> = words.iter().map(|word| Text::literal(word)).collect();
        passwords(&texts).into_iter().map(|(name, text)| (name, text.as_str().to_owned())).collect()
    }

    #[test]
    fn found_in_every_usual_form() {
        let cases: &[(&[&str], &str, &str)] = &[
            (&["redis-server --requirepass pw --appendonly yes"], "redis-requirepass", "pw"),
            (&["redis-server", "--requirepass", "pw"], "redis-requirepass", "pw"),
            (&["sh -c 'redis-server --requirepass \"p w\"'"], "redis-requirepass", "p w"),
            (&["sh", "-c", "redis-server --requirepass 'pw'"], "redis-requirepass", "pw"),
            (&["CMD", "redis-cli", "-a", "pw", "ping"], "redis-cli-auth", "pw"),
            (&["CMD-SHELL", "PGPASSWORD=pw psql -c 'select 1'"], "PGPASSWORD", "pw"),
            (&["mysqladmin ping -ppw"], "mysql-password", "pw"),
            (&["tool --password=pw"], "command-password", "pw"),
            (&["app --db postgres://a:pw@db/x"], "command-url", "postgres://a:pw@db/x"),
        ];
        for (words, name, value) in cases {
            assert_eq!(found(words), [(*name, (*value).to_owned())], "{words:?}");
        }
    }

    #[test]
    fn nothing_is_found_where_nothing_is() {
        for words in [
            &["redis-server --appendonly yes"][..],
            &["redis-cli", "-a", "$REDIS_PASSWORD", "ping"],
            &["cp", "-a", "x", "y"],
            &["mkdir -p dir"],
            &[""],
        ] {
            assert_eq!(found(words), [], "{words:?}");
        }
    }
}
