//! How sources are written.

use super::{files_ending, none, text};

const LONGEST: usize = 700;

/// Rust sources but these rules themselves, which name what they forbid.
fn sources() -> impl Iterator<Item = (&'static str, String)> {
    files_ending(".rs")
        .filter(|name| !name.starts_with("tests/it/tidy/"))
        .map(|name| (name, text(name).expect("sources are text")))
}

/// Lines that hold one of the words, but none of the excuses.
fn lines_with(words: &[&str], excused: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (name, source) in sources() {
        for (number, line) in source.lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) && !excused(name, line) {
                found.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    found
}

#[test]
fn every_source_says_what_it_is_for() {
    let mute = sources().filter(|(_, source)| !source.starts_with("//! ")).map(|(name, _)| name.to_owned());
    none(mute.collect(), "a source begins with `//! ` and what it is for");
}

#[test]
fn sources_are_short() {
    let lengths = sources().map(|(name, source)| (name, source.lines().count()));
    let long = lengths.filter(|(_, lines)| *lines > LONGEST).map(|(name, lines)| format!("{name}: {lines} lines"));
    none(long.collect(), "a source has one job, and room for it in 700 lines");
}

#[test]
fn nothing_is_left_for_later() {
    // A detector of placeholders has to name some.
    let detector = |name: &str| name == "crates/detect/src/placeholder.rs";
    let found = lines_with(&["todo!(", "unimplemented!(", "TODO", "FIXME", "XXX"], |name, _| detector(name));
    none(found, "write it now, or write an issue");
}

#[test]
fn no_test_is_switched_off() {
    let role = |_: &str, line: &str| line.contains("#[ignore = \"a role that other tests let a second process play\"]");
    none(lines_with(&["#[ignore"], role), "a test runs, or goes");
}

#[test]
fn guards_are_lowered_only_where_that_was_agreed() {
    let agreed = |name: &str, line: &str| {
        // A server that nobody here wrote has the real time.
        let clocks = ["crates/pipeline/src/world.rs", "tests/src/s3/signing.rs", "collectors/tests/sources/story.rs"];
        (clocks.contains(&name) && line.contains("disallowed_methods"))
            || ((name.starts_with("crates/cli/") || name.contains("/benches/") || name.starts_with("tests/benches/"))
                && line.contains("print_std"))
            || ((name.contains("/tests/") || name == "crates/archive/src/conformance.rs")
                && line.contains("unwrap_used"))
    };
    let words =
        ["(clippy::disallowed_methods", "(clippy::print_std", "(clippy::unwrap_used", "(unsafe_code", "(missing_docs"];
    none(
        lines_with(&words, agreed),
        "only World's clock reads the system's, only the binary prints, only tests unwrap; `unsafe` has no place here",
    );
}

#[test]
fn sql_lives_in_the_store() {
    // In a string, in capitals: what a statement begins with, and what must come later in the line.
    let statements = [
        "\"SELECT ",
        "\"INSERT INTO ",
        "\"UPDATE ",
        "\"DELETE FROM ",
        "\"TRUNCATE ",
        "\"CREATE TABLE ",
        "\"ALTER TABLE ",
        "\"DROP ",
    ];
    let here = |name: &str, _: &str| name.starts_with("crates/store/") || name.starts_with("tests/");
    none(
        lines_with(&statements, here),
        "statements are verbs of crates/store; tests alone may tamper with SQL of their own",
    );
}
