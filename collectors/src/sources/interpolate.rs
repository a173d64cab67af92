//! `$VAR` and `${VAR…}` as docker compose resolves them.
//!
//! Source: the Compose specification, chapter "Interpolation". `cases.tsv` beside this file holds
//! the documented behaviours, one a line.

use super::Text;
use std::collections::HashMap;

/// Variables by name. Never the environment of our own process: what a deployment would see there
/// is not what we see here.
pub type Variables = HashMap<String, Text>;

/// An interpolated value may not grow beyond this many bytes: `A=$B$B`, `B=$C$C`, … doubles.
const MAX_BYTES: usize = 1024 * 1024;
/// `${A:-${B:-…}}` may nest this deep.
const MAX_DEPTH: usize = 32;

/// Why a text could not be interpolated. Holds names only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A `$` that begins no valid reference. A literal one is written `$$`.
    Invalid,
    /// `${VAR:?…}` or `${VAR?…}` without a value.
    Required(String),
    /// It nests or grows without end.
    TooLarge,
}

/// What a `$` that begins no reference means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// An error, as in compose.
    Compose,
    /// Itself, as in most dotenv readers.
    Lenient,
    /// Itself, and so is what could begin one: nothing is resolved.
    Literal,
}

/// Resolves every reference in `template`, looking names up in `first`, then in `second`.
///
/// # Errors
/// See [`Problem`].
pub fn interpolate(
    template: &str,
    first: &Variables,
    second: &Variables,
    strictness: Strictness,
) -> Result<Text, Problem> {
    match strictness {
        Strictness::Literal => Ok(Text::literal(template)),
        _ => Resolver { first, second, strictness }.resolve(template, 0),
    }
}

struct Resolver<'a> {
    first: &'a Variables,
    second: &'a Variables,
    strictness: Strictness,
}

impl Resolver<'_> {
    fn get(&self, name: &str) -> Option<&Text> {
        self.first.get(name).or_else(|| self.second.get(name))
    }

    fn resolve(&self, template: &str, depth: usize) -> Result<Text, Problem> {
        if depth > MAX_DEPTH {
            return Err(Problem::TooLarge);
        }
        let mut out = Text::default();
        let mut rest = template;
        while let Some(at) = rest.find('$') {
            out.push_literal(&rest[..at]);
            let after = &rest[at + 1..];
            rest = match self.reference(after, depth, &mut out) {
                Ok(rest) => rest,
                Err(Problem::Invalid) if self.strictness == Strictness::Lenient => {
                    out.push_literal("$");
                    after
                }
                Err(problem) => return Err(problem),
            };
            if out.as_str().len() > MAX_BYTES {
                return Err(Problem::TooLarge);
            }
        }
        out.push_literal(rest);
        Ok(out)
    }

    /// Resolves what follows a `$` and returns what comes after the reference.
    fn reference<'t>(&self, after: &'t str, depth: usize, out: &mut Text) -> Result<&'t str, Problem> {
        if let Some(rest) = after.strip_prefix('$') {
            out.push_literal("$");
            return Ok(rest);
        }
        if let Some(braced) = after.strip_prefix('{') {
            let end = closing_brace(braced).ok_or(Problem::Invalid)?;
            self.braced(&braced[..end], depth, out)?;
            return Ok(&braced[end + 1..]);
        }
        let name = name_at_start(after).ok_or(Problem::Invalid)?;
        match self.get(name) {
            Some(value) => out.push_variable(name, value),
            None => out.push_unset(name),
        }
        Ok(&after[name.len()..])
    }

    /// Resolves what stands between the braces.
    fn braced(&self, inside: &str, depth: usize, out: &mut Text) -> Result<(), Problem> {
        let name = name_at_start(inside).ok_or(Problem::Invalid)?;
        let value = self.get(name);
        let operation = &inside[name.len()..];
        let (needs_content, operation) = match operation.strip_prefix(':') {
            Some(rest) => (true, rest),
            None => (false, operation),
        };
        // With a colon an empty value counts as none.
        let set = value.filter(|value| !needs_content || !value.as_str().is_empty());
        let mut letters = operation.chars();
        match (letters.next(), set) {
            (None, _) if needs_content => return Err(Problem::Invalid),
            (None | Some('-' | '?'), Some(value)) => out.push_variable(name, value),
            (None, None) => out.push_unset(name),
            (Some('-'), None) => {
                let default = self.resolve(letters.as_str(), depth + 1)?;
                out.push_nested(name, &default, true);
            }
            (Some('?'), None) => return Err(Problem::Required(name.to_owned())),
            (Some('+'), Some(_)) => {
                let replacement = self.resolve(letters.as_str(), depth + 1)?;
                out.push_nested(name, &replacement, false);
            }
            (Some('+'), None) => {}
            _ => return Err(Problem::Invalid),
        }
        Ok(())
    }
}

/// Length of the text before the brace that closes this one, inner `${…}` skipped.
fn closing_brace(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut open = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'$' if bytes.get(at + 1) == Some(&b'{') => {
                open += 1;
                at += 1;
            }
            b'}' if open == 0 => return Some(at),
            b'}' => open -= 1,
            _ => {}
        }
        at += 1;
    }
    None
}

/// The variable name at the start of `text`: a letter or `_`, then letters, digits and `_`.
fn name_at_start(text: &str) -> Option<&str> {
    let length = text
        .bytes()
        .enumerate()
        .take_while(|(at, byte)| byte.is_ascii_alphabetic() || *byte == b'_' || (*at > 0 && byte.is_ascii_digit()))
        .count();
    (length > 0).then(|| &text[..length])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn variables() -> Variables {
        [("FOO", "first"), ("BAR", ""), ("PW", "s3cr$t")]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Text::literal(value)))
            .collect()
    }

    /// Every line of `cases.tsv`: template, then either `= result`, `invalid` or `required NAME`.
    #[test]
    fn documented_behaviours() {
        let table = include_str!("cases.tsv");
        let mut seen = 0;
        for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (template, expected) = line.split_once('\t').expect("template, tab, expectation");
            let got = interpolate(template, &variables(), &Variables::new(), Strictness::Compose);
            let got = match got {
                Ok(text) => format!("= {}", text.as_str()),
                Err(Problem::Invalid) => "invalid".to_owned(),
                Err(Problem::Required(name)) => format!("required {name}"),
                Err(Problem::TooLarge) => "too large".to_owned(),
            };
            assert_eq!(got, expected, "template {template}");
            seen += 1;
        }
        assert!(seen >= 50, "the table was read: {seen} lines");
    }

    #[test]
    fn defaults_are_told_apart_from_values() {
        let all = variables();
        let text =
            interpolate("postgres://app:${NONE:-fallback}@${FOO}/x", &all, &Variables::new(), Strictness::Compose)
                .expect("valid");
        let by_default: Vec<_> = text.parts().iter().filter(|part| part.default).collect();
        assert_eq!(by_default.len(), 1);
        assert_eq!(&text.as_str()[by_default[0].start..by_default[0].end], "fallback");
        assert_eq!(by_default[0].through, ["NONE"]);
    }

    #[test]
    fn lenient_reading_keeps_a_lone_dollar() {
        let none = Variables::new();
        let text = interpolate("a$ b$5 ${ c", &none, &none, Strictness::Lenient).expect("lenient");
        assert_eq!(text.as_str(), "a$ b$5 ${ c");
    }

    #[test]
    fn growth_without_end_is_refused() {
        let mut all = Variables::new();
        all.insert("V".to_owned(), Text::literal(&"x".repeat(700_000)));
        let got = interpolate("$V$V$V", &all, &Variables::new(), Strictness::Compose);
        assert_eq!(got.expect_err("too large"), Problem::TooLarge);
        let deep = "${A:-".repeat(100) + &"}".repeat(100);
        let got = interpolate(&deep, &all, &all, Strictness::Compose);
        assert_eq!(got.expect_err("too deep"), Problem::TooLarge);
    }

    proptest! {
        #[test]
        fn never_panics_and_parts_cover_the_text(template in "[$\\{\\}a-cA-Z:?+\\-é 1_]{0,60}") {
            for strictness in [Strictness::Compose, Strictness::Lenient] {
                if let Ok(text) = interpolate(&template, &variables(), &Variables::new(), strictness) {
                    let mut next = 0;
                    for part in text.parts() {
                        prop_assert_eq!(part.start, next);
                        next = part.end;
                    }
                    prop_assert_eq!(next, text.as_str().len());
                }
            }
        }
    }
}
