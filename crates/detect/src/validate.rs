//! Are rules sound? The same test for the built-in ones and for a user's own.

use regex_syntax::hir::{Class, Hir, HirKind};

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

/// Checks a user's own rules, alone and beside the built-in ones, and gives the engine over both: each rule as [`validate`] does,
/// ids unlike all others, and each example told by its own rule where all are asked.
///
/// # Errors
/// Every problem, in the order of the rules.
pub fn validate_own(own: Vec<Rule>) -> Result<Engine, Vec<RuleProblem>> {
    let mut problems = Vec::new();
    for rule in &own {
        form(rule, &mut problems);
        // One that does not compile is told once, by the engine over all rules below.
        if let Ok(alone) = Engine::new(vec![rule.clone()]) {
            examples(rule, &alone, &mut problems);
        }
    }
    let known = Engine::builtin().rules().len();
    let together = match Engine::extended(own) {
        Ok(together) => together,
        Err(more) => {
            problems.extend(more.0);
            return Err(problems);
        }
    };
    if !problems.is_empty() {
        return Err(problems);
    }
    for rule in &together.rules()[known..] {
        told_by_its_own(rule, &together, &mut problems);
    }
    if problems.is_empty() { Ok(together) } else { Err(problems) }
}

/// Looks whether built-in rules still tell their own examples beside a user's: `together` is what [`validate_own`] gave.
///
/// # Errors
/// Every own rule that takes a built-in rule's finding, whose history would begin anew under another name.
pub fn validate_beside(together: &Engine) -> Result<(), Vec<RuleProblem>> {
    let (known, own) = together.rules().split_at(Engine::builtin().rules().len());
    let mut problems = Vec::new();
    for rule in known {
        for (number, example) in rule.examples.iter().enumerate() {
            for found in together.scan(example.as_bytes()) {
                if own.iter().any(|own| own.id == found.rule.id) {
                    let message = format!(
                        "tells example {} of the built-in rule `{}` in its place; expected a narrower pattern or a lower `priority`",
                        number + 1,
                        rule.id
                    );
                    problems.push(RuleProblem::new(found.rule, "pattern", &message));
                }
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Is each example told by this rule where all rules are asked?
fn told_by_its_own(rule: &Rule, together: &Engine, problems: &mut Vec<RuleProblem>) {
    for (number, example) in rule.examples.iter().enumerate() {
        let told = together.scan(example.as_bytes());
        if told.iter().any(|found| found.rule.id == rule.id) {
            continue;
        }
        let by = told.first().map_or("no rule", |found| found.rule.id.as_str());
        let message = format!(
            "number {} is told by `{by}` where all rules are asked; expected by this one: raise its `priority`",
            number + 1
        );
        problems.push(RuleProblem::new(rule, "examples", &message));
    }
}

/// A pattern that matches nothing at all, or runs on through whatever follows: what is wrong, and what was expected.
fn runs_away(pattern: &str) -> Option<&'static str> {
    let parsed = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern);
    // One that is not understood is told by the engine.
    let hir = parsed.ok()?;
    if hir.properties().minimum_len().is_none_or(|least| least == 0) {
        return Some("can match nothing at all; expected one that needs a byte at least");
    }
    endless(&hir).then_some(
        "could run away: a repetition without an upper bound goes over ends of lines and everything else; \
         expected a bound, such as `{1,200}`, or a class without `\\n`",
    )
}

/// Does a repetition without an upper bound go over text and ends of lines alike?
fn endless(hir: &Hir) -> bool {
    let over_everything = |sub: &Hir| {
        let HirKind::Class(Class::Bytes(class)) = sub.kind() else { return false };
        let holds = |byte: u8| class.ranges().iter().any(|range| range.start() <= byte && byte <= range.end());
        holds(b'\n') && (holds(b'a') || holds(b'A') || holds(b'0'))
    };
    match hir.kind() {
        HirKind::Repetition(repetition) => {
            (repetition.max.is_none() && over_everything(&repetition.sub)) || endless(&repetition.sub)
        }
        HirKind::Capture(capture) => endless(&capture.sub),
        HirKind::Concat(all) | HirKind::Alternation(all) => all.iter().any(endless),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => false,
    }
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
            wrong("keywords", "expected at least 4 bytes each, or 3 with a digit or punctuation among them");
        }
        if keyword.bytes().any(|b| b.is_ascii_uppercase()) {
            wrong("keywords", "must be lower case; they are found in any case");
        }
    }
    if rule.pattern.len() > LONGEST_PATTERN {
        wrong("pattern", "expected at most 2048 characters");
    }
    if let Some(wrong_so) = runs_away(&rule.pattern) {
        wrong("pattern", wrong_so);
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
        wrong("examples", "expected at least two");
    }
    if rule.counter_examples.len() < 2 {
        wrong("counter_examples", "expected at least two");
    }
    if rule.references.is_empty() {
        wrong("references", "expected at least one page of the provider's documentation");
    }
}

fn examples(rule: &Rule, alone: &Engine, problems: &mut Vec<RuleProblem>) {
    for (number, example) in rule.examples.iter().enumerate() {
        if alone.scan(example.as_bytes()).is_empty() {
            let message = format!("number {} is not found; expected the rule to find it", number + 1);
            problems.push(RuleProblem::new(rule, "examples", &message));
        }
    }
    for (number, counter) in rule.counter_examples.iter().enumerate() {
        if !alone.scan(counter.as_bytes()).is_empty() {
            let message = format!("number {} is found; expected the rule to pass it by", number + 1);
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

    fn own(id: &str, pattern: &str, example: &str) -> Rule {
        let text = format!(
            "provider = \"Acme\"\nreferences = [\"https://docs.acme.example\"]\n[[rule]]\nid = \"{id}\"\ntitle = \"t\"\ndescription = \"d\"\n\
             severity = \"high\"\nkeywords = [\"acme_\", \"ghp_\"]\npattern = '{pattern}'\n\
             examples = [\"{example}\", \"x {example}\"]\ncounter_examples = [\"acme_\", \"acme_no\"]\n"
        );
        Rule::from_toml(&text, "acme.toml").unwrap().remove(0)
    }

    #[test]
    fn own_rules_stand_beside_the_built_in_ones() {
        let token = "ghp_FakeExhibitValue0NotARealKey70ABCDEF";
        let good = own("acme.order-key", r"\b(acme_[a-z0-9]{16})\b", "acme_q8zr4wm1xc7vb2nn");
        let engine = validate_own(vec![good.clone()]).unwrap();
        assert_eq!(validate_beside(&engine), Ok(()));
        assert_eq!(engine.scan(b"k acme_q8zr4wm1xc7vb2nn")[0].rule.id, "acme.order-key");
        assert_eq!(engine.scan(token.as_bytes()).len(), 1, "and what is built in is found as ever");
        assert_ne!(engine.rule_pack_digest(), Engine::builtin().rule_pack_digest());
        let same = validate_own(Vec::new()).unwrap();
        assert_eq!(same.rule_pack_digest(), Engine::builtin().rule_pack_digest());

        let keys = |rules: Vec<Rule>| -> Vec<String> {
            validate_own(rules).unwrap_err().into_iter().map(|problem| problem.key).collect()
        };
        for taken in ["github.pat", "generic.password", "personal.email"] {
            let known = Engine::builtin().rules().iter().find(|rule| rule.id.starts_with("github.")).unwrap();
            let id = if taken == "github.pat" { known.id.as_str() } else { taken };
            assert_eq!(keys(vec![Rule { id: id.to_owned(), ..good.clone() }]), ["id"], "{taken}");
        }
        assert_eq!(keys(vec![good.clone(), good]), ["id"]);
        assert_eq!(
            keys(vec![Rule { priority: -5, ..own("acme.hub", r"\b(ghp_[A-Za-z0-9]{36})\b", token) }]),
            ["examples"; 2]
        );
        let greedy = Rule { priority: 5, ..own("acme.hub", r"\b(ghp_[A-Za-z0-9]{36})\b", token) };
        let problems = validate_beside(&validate_own(vec![greedy]).unwrap()).unwrap_err();
        assert!(problems.iter().all(|problem| problem.rule == "acme.hub" && problem.key == "pattern"), "{problems:?}");
    }

    #[test]
    fn each_fault_is_told_with_its_key() {
        let good = Engine::builtin().rules()[0].clone();
        type Fault = fn(&mut Rule);
        let cases: [(&str, Fault); 15] = [
            ("id", |r| r.id = "NoDot".to_owned()),
            ("id", |r| r.id = "a.b.c".to_owned()),
            ("title", |r| r.title.clear()),
            ("keywords", |r| r.keywords = vec!["sk".to_owned()]),
            ("keywords", |r| r.keywords = vec!["UPPER".to_owned()]),
            ("keywords", |r| r.keywords.clear()),
            ("pattern", |r| r.pattern = "(".to_owned()),
            ("pattern", |r| r.pattern = "[a-z]{60000}{60000}".to_owned()),
            ("pattern", |r| r.pattern = r"acme_(?s:.*)end".to_owned()),
            ("pattern", |r| r.pattern = "\"[^\"]+\"".to_owned()),
            ("pattern", |r| r.pattern = "(acme_)?[a-z]*".to_owned()),
            ("pattern", |r| r.pattern = format!("acme_{}", "x".repeat(3000))),
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
