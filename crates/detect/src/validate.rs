//! Are rules sound? The same test for the built-in ones and for a user's own.

use crate::engine::Engine;
use crate::rule::Rule;

/// One thing wrong with one rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: rule `{rule}`, {key}: {message}")]
pub struct RuleProblem {
    /// The rule's id.
    pub rule: String,
    /// The file it was read from.
    pub file: String,
    /// The line at which the rule begins, from 1.
    pub line: usize,
    /// The key in the rule file.
    pub key: String,
    /// What is wrong and what was expected.
    pub message: String,
}

impl RuleProblem {
    pub(crate) fn new(rule: &Rule, key: &str, message: &str) -> RuleProblem {
        RuleProblem {
            rule: rule.id.clone(),
            file: rule.file.clone(),
            line: rule.line,
            key: key.to_owned(),
            message: message.to_owned(),
        }
    }
}

/// Longest pattern, in characters.
const LONGEST_PATTERN: usize = 2048;
/// Shortest keyword, in bytes; anything shorter stops the quick first look from being quick.
const SHORTEST_KEYWORD: usize = 4;
/// Shortest keyword that holds a digit or punctuation, and so is no part of ordinary words.
const SHORTEST_ODD_KEYWORD: usize = 3;

/// Checks rules alone and together: ids well formed and unique, keywords and windows usable, patterns bounded and
/// compiling, every example found by its rule alone, no counter-example found.
///
/// # Errors
/// Every problem, in the order of the rules.
pub fn validate(rules: &[Rule]) -> Result<(), Vec<RuleProblem>> {
    let mut problems = Vec::new();
    for rule in rules {
        form(rule, &mut problems);
        match Engine::new(vec![rule.clone()]) {
            Ok(alone) => examples(rule, &alone, &mut problems),
            // Told once, by the engine over all rules below.
            Err(_) => continue,
        }
    }
    if let Err(together) = Engine::new(rules.to_vec()) {
        problems.extend(together.0);
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn form(rule: &Rule, problems: &mut Vec<RuleProblem>) {
    let mut wrong = |key: &str, message: &str| problems.push(RuleProblem::new(rule, key, message));
    if !well_formed_id(&rule.id) {
        wrong("id", "must be `provider.kind`, both kebab-case");
    }
    for (key, text) in [("title", &rule.title), ("description", &rule.description), ("provider", &rule.provider)] {
        if text.trim().is_empty() {
            wrong(key, "must not be empty");
        }
    }
    for keyword in &rule.keywords {
        let word = keyword.bytes().all(|b| b.is_ascii_alphabetic());
        let least = if word { SHORTEST_KEYWORD } else { SHORTEST_ODD_KEYWORD };
        if keyword.len() < least {
            wrong("keywords", "at least 4 bytes, or 3 with a digit or punctuation among them");
        }
        if keyword.bytes().any(|b| b.is_ascii_uppercase()) {
            wrong("keywords", "must be lower case; they are found in any case");
        }
    }
    if rule.pattern.len() > LONGEST_PATTERN {
        wrong("pattern", "at most 2048 characters");
    }
    if rule.look_behind > Rule::LOOK_LIMIT || rule.look_ahead > Rule::LOOK_LIMIT {
        wrong("look_ahead", "a window reaches at most 65536 bytes either way");
    }
    if rule.min_entropy.is_some_and(|e| e > 800) {
        wrong("min_entropy", "hundredths of a bit per byte: at most 800");
    }
    if rule.prefixes.iter().any(|p| p.len() < 2 || !p.is_ascii()) {
        wrong("prefixes", "a known prefix is ASCII, of at least 2 characters");
    }
    if rule.examples.len() < 2 {
        wrong("examples", "at least two");
    }
    if rule.counter_examples.len() < 2 {
        wrong("counter_examples", "at least two");
    }
    if rule.references.is_empty() {
        wrong("references", "at least one page of the provider's documentation");
    }
}

fn examples(rule: &Rule, alone: &Engine, problems: &mut Vec<RuleProblem>) {
    for (number, example) in rule.examples.iter().enumerate() {
        if alone.scan(example.as_bytes()).is_empty() {
            let message = format!("number {} is not found", number + 1);
            problems.push(RuleProblem::new(rule, "examples", &message));
        }
    }
    for (number, counter) in rule.counter_examples.iter().enumerate() {
        if !alone.scan(counter.as_bytes()).is_empty() {
            let message = format!("number {} is found", number + 1);
            problems.push(RuleProblem::new(rule, "counter_examples", &message));
        }
    }
}

fn well_formed_id(id: &str) -> bool {
    let kebab = |part: &str| {
        part.split('-')
            .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
    };
    id.split_once('.').is_some_and(|(provider, kind)| kebab(provider) && kebab(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_rules_are_sound() {
        if let Err(problems) = validate(&crate::pack::builtin_rules()) {
            let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
            panic!("{}", lines.join("\n"));
        }
    }

    #[test]
    fn the_rule_shown_in_the_readme_is_sound() {
        let readme = include_str!("../README.md");
        let (_, rest) = readme.split_once("```toml").expect("a rule");
        let (text, _) = rest.split_once("```").expect("its end");
        let rules = Rule::from_toml(text, "README.md").unwrap();
        assert_eq!(validate(&rules), Ok(()));
    }

    /// Examples that hold what another rule tells of as well, and why that is right.
    const ALSO: &[(&str, &str, &str)] = &[];

    #[test]
    fn among_all_rules_each_example_is_told_by_its_own() {
        let engine = Engine::builtin();
        let mut wrong = Vec::new();
        for rule in engine.rules() {
            for (number, example) in rule.examples.iter().enumerate() {
                let told: Vec<_> = engine.scan(example.as_bytes()).iter().map(|m| m.rule.id.as_str()).collect();
                let meant =
                    |id: &str| id == rule.id || ALSO.iter().any(|(of, other, _)| *of == rule.id && *other == id);
                if !told.contains(&rule.id.as_str()) || !told.iter().all(|id| meant(id)) {
                    wrong.push(format!("{}, example {}: told as {told:?}", rule.id, number + 1));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn each_fault_is_told_with_its_key() {
        let good = Engine::builtin().rules()[0].clone();
        type Fault = fn(&mut Rule);
        let cases: [(&str, Fault); 11] = [
            ("id", |r| r.id = "NoDot".to_owned()),
            ("id", |r| r.id = "a.b.c".to_owned()),
            ("title", |r| r.title.clear()),
            ("keywords", |r| r.keywords = vec!["sk".to_owned()]),
            ("keywords", |r| r.keywords = vec!["UPPER".to_owned()]),
            ("keywords", |r| r.keywords.clear()),
            ("pattern", |r| r.pattern = "(".to_owned()),
            ("pattern", |r| r.pattern = "[a-z]{60000}{60000}".to_owned()),
            ("examples", |r| r.examples.push("nothing here".to_owned())),
            ("counter_examples", |r| r.counter_examples.push(r.examples[0].clone())),
            ("references", |r| r.references.clear()),
        ];
        for (key, fault) in cases {
            let mut rule = good.clone();
            fault(&mut rule);
            let problems = validate(&[rule]).unwrap_err();
            assert!(problems.iter().any(|p| p.key == key), "{key}: {problems:?}");
        }
    }
}
