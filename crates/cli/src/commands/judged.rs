//! Why a piece of evidence is no pass: what was judged of it, and what could not be found out, in the words of its records.

use std::collections::BTreeMap;

use anyhow::Context as _;
use exhibit_evidence::{EntryId, Verdict, observation::Subject};
use exhibit_store::{Store, StoredEntry};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Subjects, and problems, that are listed of one piece; the rest is counted.
const MOST: usize = 20;
/// Letters of one sentence that people see at once.
const LONGEST: usize = 600;

/// Why it is no pass. Of a piece that passes, nothing.
#[derive(Debug, Default, Serialize)]
pub(super) struct Why {
    /// The subjects that don't pass, worst first.
    not_passed: Vec<NotPassed>,
    /// How many more of them there are.
    not_passed_beyond: usize,
    /// What could not be found out.
    problems: Vec<String>,
    /// How many more of these there are.
    problems_beyond: usize,
}

/// A subject that does not pass.
#[derive(Debug, Serialize)]
struct NotPassed {
    environment: String,
    subject: String,
    outcome: Verdict,
    /// The checks that say so.
    checks: Vec<Said>,
}

/// What one check says of one subject.
#[derive(Debug, Serialize)]
struct Said {
    id: String,
    outcome: Verdict,
    words: String,
}

impl Why {
    /// Why this piece is no pass.
    ///
    /// # Errors
    /// If the database can't be used, or a record can't be read.
    pub(super) async fn of(store: &Store, evidence: EntryId) -> anyhow::Result<Self> {
        let shown = store.evidence_show(evidence).await?;
        let mut by_subject: BTreeMap<(String, String), Vec<Said>> = BTreeMap::new();
        for entry in &shown.assessments {
            let judgement = body(entry)?["judgement"].take();
            for one in judgement["subjects"].as_array().into_iter().flatten() {
                let subject = Subject::deserialize(&one["subject"]).context("reading what was judged")?;
                let outcome = Verdict::deserialize(&one["verdict"]).context("reading what was judged")?;
                if !matches!(outcome, Verdict::Pass | Verdict::NotApplicable) {
                    let said = Said { id: text(&judgement["check"]), outcome, words: text(&one["reason"]) };
                    let key = (subject.environment.to_string(), subject.id.to_string());
                    by_subject.entry(key).or_default().push(said);
                }
            }
        }
        let mut not_passed: Vec<NotPassed> = by_subject
            .into_iter()
            .map(|((environment, subject), checks)| {
                let outcome = Verdict::roll_up(checks.iter().map(|check| check.outcome));
                NotPassed { environment, subject, outcome, checks }
            })
            .collect();
        not_passed.sort_by_key(|one| rank(one.outcome));
        let mut problems = problems(&body(&shown.evidence)?["observation"]);
        Ok(Self {
            not_passed_beyond: beyond(&mut not_passed),
            not_passed,
            problems_beyond: beyond(&mut problems),
            problems,
        })
    }

    /// Whether something could not be found out, or was not looked at.
    pub(super) fn is_unknown(&self) -> bool {
        let unknown = |check: &Said| matches!(check.outcome, Verdict::Error | Verdict::Vacuous);
        !self.problems.is_empty() || self.not_passed.iter().flat_map(|one| &one.checks).any(unknown)
    }

    /// The same for people, a line each: of this many subjects and problems.
    pub(super) fn lines(&self, most: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for one in self.not_passed.iter().take(most) {
            for check in &one.checks {
                let words = one_line(&check.words);
                lines.push(format!("{}/{}: {}: {}: {words}", one.environment, one.subject, check.outcome, check.id));
            }
        }
        let more = |listed: usize, beyond: usize| listed.saturating_sub(most) + beyond;
        match more(self.not_passed.len(), self.not_passed_beyond) {
            0 => {}
            1 => lines.push("1 more subject does not pass".to_owned()),
            more => lines.push(format!("{more} more subjects do not pass")),
        }
        for problem in self.problems.iter().take(most) {
            lines.push(format!("could not be found out: {}", one_line(problem)));
        }
        match more(self.problems.len(), self.problems_beyond) {
            0 => {}
            more => lines.push(format!("could not be found out: {more} more")),
        }
        lines
    }
}

/// What an observation says could not be found out.
pub(super) fn problems(observation: &Value) -> Vec<String> {
    let all = observation["problems"].as_array().into_iter().flatten();
    all.filter_map(|problem| problem["message"].as_str().map(str::to_owned)).collect()
}

/// The body of a record.
pub(super) fn body(entry: &StoredEntry) -> anyhow::Result<Value> {
    let mut record: Value =
        serde_json::from_str(&entry.text).with_context(|| format!("reading entry {}", entry.seq))?;
    Ok(record["body"].take())
}

/// Text, or nothing where it is something else.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Cuts a list to what is listed, and tells how many that leaves out.
fn beyond<T>(all: &mut Vec<T>) -> usize {
    let beyond = all.len().saturating_sub(MOST);
    all.truncate(MOST);
    beyond
}

fn rank(verdict: Verdict) -> exhibit_evidence::Outcome {
    verdict.into()
}

/// A sentence as one line of a bounded length.
fn one_line(words: &str) -> String {
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(id: usize) -> NotPassed {
        let said = Said { id: "a.check".to_owned(), outcome: Verdict::Error, words: format!("why\n{id}") };
        NotPassed {
            environment: "production".to_owned(),
            subject: format!("s{id}"),
            outcome: Verdict::Error,
            checks: vec![said],
        }
    }

    #[test]
    fn what_is_told_is_bounded_and_the_rest_is_counted() {
        let mut all: Vec<NotPassed> = (0..25).map(subject).collect();
        let why = Why { not_passed_beyond: beyond(&mut all), not_passed: all, problems_beyond: 2, ..Why::default() };
        assert_eq!((why.not_passed.len(), why.not_passed_beyond), (20, 5));
        assert_eq!(
            why.lines(2),
            [
                "production/s0: error: a.check: why 0",
                "production/s1: error: a.check: why 1",
                "23 more subjects do not pass",
                "could not be found out: 2 more",
            ]
        );
        assert_eq!(one_line(&"é".repeat(700)).chars().count(), 601);
        assert!(Why::default().lines(5).is_empty() && !Why::default().is_unknown());
        assert!(why.is_unknown());
    }
}
