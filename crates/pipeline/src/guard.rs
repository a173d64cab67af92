//! The last word before a verdict is sealed: a pass that the evidence does not carry is none.
//!
//! Judges are written by many hands. Whatever one of them says, an examination of nothing, an incomplete population, a
//! problem or a failed self-test never becomes a pass here.

use std::collections::BTreeSet;

use exhibit_evidence::{
    CheckId, EnvironmentId, JobId, Observation, SubjectId, SubjectOutcome, Verdict,
    assessment::Judgement,
    observation::{SelfTest, Subject},
};

/// What a job promised to look at.
pub(crate) struct Promised<'a> {
    /// The job.
    pub job: &'a JobId,
    /// The environments in its scope.
    pub environments: &'a [EnvironmentId],
}

/// What the collector says of its checks.
pub(crate) struct Rules<'a> {
    /// The exclusions that the policy names.
    pub accepted: &'a BTreeSet<String>,
    /// The problems that concern a check which is answered by what was counted alone; none for all others.
    pub counted: &'a dyn Fn(&CheckId) -> Option<&'static [&'static str]>,
}

/// Lowers every pass that the observation does not carry, and speaks of whatever a judge left out. None ran a self-test where the observation was pushed: it is no word on what others did.
pub(crate) fn guard(
    judgements: Vec<Judgement>,
    observation: &Observation,
    promised: &Promised<'_>,
    rules: &Rules<'_>,
    self_test: Option<&SelfTest>,
) -> Vec<Judgement> {
    let guarded = judgements.into_iter().map(|mut judgement| {
        fill_in(&mut judgement, observation, promised);
        guard_one(judgement, observation, rules, self_test)
    });
    guarded.collect()
}

/// A subject that was observed and not judged is an error; an environment in scope that has no subject at all was not
/// examined. Neither may vanish beside others that pass.
fn fill_in(judgement: &mut Judgement, observation: &Observation, promised: &Promised<'_>) {
    for subject in &observation.subjects {
        if judgement.subjects.iter().all(|outcome| outcome.subject != *subject) {
            judgement.subjects.push(SubjectOutcome {
                subject: subject.clone(),
                verdict: Verdict::Error,
                reason: "It was observed, but the check says nothing of it.".to_owned(),
            });
        }
    }
    for environment in promised.environments {
        if judgement.subjects.iter().all(|outcome| outcome.subject.environment != *environment) {
            // A job's id is a fitting subject: both are authored ids of one form.
            let Ok(id) = SubjectId::new(promised.job.as_str()) else { continue };
            judgement.subjects.push(SubjectOutcome {
                subject: Subject { environment: environment.clone(), id },
                verdict: Verdict::Vacuous,
                reason: "The environment is in the job's scope, but nothing of it was looked at.".to_owned(),
            });
        }
    }
}

fn guard_one(
    mut judgement: Judgement,
    observation: &Observation,
    rules: &Rules<'_>,
    self_test: Option<&SelfTest>,
) -> Judgement {
    if let Some(self_test) = self_test.filter(|test| !test.passed) {
        // Rules that miss a known-bad example say nothing about anything else, not even by what they found.
        judgement.findings.clear();
        judgement.conditions.clear();
        judgement.closings.clear();
        for outcome in &mut judgement.subjects {
            *outcome = lowered(outcome, Verdict::Error, format!("The self-test did not pass: {}", self_test.detail));
        }
        return judgement;
    }
    for outcome in judgement.subjects.iter_mut().filter(|outcome| outcome.verdict == Verdict::Pass) {
        let counted = (rules.counted)(&judgement.check);
        let objection = match counted {
            Some(codes) => uncounted(observation, &outcome.subject, codes),
            None => objection(observation, &outcome.subject, rules.accepted),
        };
        if let Some((verdict, reason)) = objection {
            *outcome = lowered(outcome, verdict, reason);
        }
    }
    judgement
}

fn lowered(outcome: &SubjectOutcome, verdict: Verdict, reason: String) -> SubjectOutcome {
    SubjectOutcome { subject: outcome.subject.clone(), verdict, reason }
}

/// Why this subject can't pass, if it can't.
fn objection(observation: &Observation, subject: &Subject, accepted: &BTreeSet<String>) -> Option<(Verdict, String)> {
    let concerns = |problem: &&exhibit_evidence::observation::Problem| {
        problem.subject.as_ref().is_none_or(|concerned| concerned == subject)
    };
    if let Some(problem) = observation.problems.iter().find(concerns) {
        return Some((Verdict::Error, format!("It could not be found out: {}", problem.message)));
    }
    let mut examined = 0;
    for population in observation.population.iter().filter(|population| population.subject == *subject) {
        examined += population.examined;
        let unit = &population.unit;
        let Some(exist) = population.exist else {
            return Some((Verdict::Error, unknown(unit)));
        };
        if !population.is_accounted_for() {
            let reason = format!(
                "The source counts {exist} of unit `{unit}`, but {} were examined and {} left out.",
                population.examined,
                population.excluded.iter().map(|exclusion| exclusion.count).sum::<u64>()
            );
            return Some((Verdict::Error, reason));
        }
        let unnamed =
            population.excluded.iter().find(|exclusion| exclusion.count > 0 && !accepted.contains(&exclusion.code));
        if let Some(exclusion) = unnamed {
            let reason = format!(
                "{} of unit `{unit}` were left out ({}), which the policy does not name.",
                exclusion.count, exclusion.reason
            );
            return Some((Verdict::Error, reason));
        }
    }
    (examined == 0).then(|| (Verdict::Vacuous, "Nothing was examined.".to_owned()))
}

fn unknown(unit: &str) -> String {
    format!("It is not known how many there are (counted: {unit}), so nothing can be said of all of them.")
}

/// Why a check that is answered by what was counted alone can't pass for this subject, if it can't.
fn uncounted(observation: &Observation, subject: &Subject, codes: &[&str]) -> Option<(Verdict, String)> {
    let problem = observation.problems.iter().find(|problem| {
        codes.contains(&problem.code.as_str()) && problem.subject.as_ref().is_none_or(|concerned| concerned == subject)
    });
    if let Some(problem) = problem {
        return Some((Verdict::Error, format!("It could not be found out: {}", problem.message)));
    }
    let mut all = 0;
    for population in observation.population.iter().filter(|population| population.subject == *subject) {
        let Some(exist) = population.exist else {
            return Some((Verdict::Error, unknown(&population.unit)));
        };
        all += exist;
    }
    (all == 0).then(|| (Verdict::Vacuous, "There is nothing that could have been counted.".to_owned()))
}

#[cfg(test)]
mod tests {
    use exhibit_evidence::{
        CheckId, EnvironmentId, Population, SubjectId, Timestamp,
        observation::{Exclusion, Method, Problem, Tool},
    };
    use serde_json::Value;

    use super::*;

    fn subject() -> Subject {
        Subject { environment: EnvironmentId::new("e").expect("an id"), id: SubjectId::new("s").expect("an id") }
    }

    fn population(exist: Option<u64>, examined: u64, excluded: u64) -> Population {
        let exclusion = Exclusion {
            code: "too-large".to_owned(),
            reason: "larger than 5 MiB".to_owned(),
            count: excluded,
            examples: vec![],
        };
        Population {
            subject: subject(),
            unit: "file".to_owned(),
            exist,
            counted_by: "a listing".to_owned(),
            examined,
            excluded: vec![exclusion],
        }
    }

    fn verdict(populations: Vec<Population>, problem: bool, passed: bool, accepted: &str) -> Verdict {
        guarded(vec![subject()], &["e"], populations, problem, passed, accepted).verdict()
    }

    /// The check `counted` rests on the count alone, which the problem `gone` concerns.
    fn counted(check: &CheckId) -> Option<&'static [&'static str]> {
        (check.as_str() == "counted").then_some(&["gone"])
    }

    fn observed(populations: Vec<Population>, problems: Option<&str>) -> Observation {
        let at = Timestamp::from_micros(0).expect("an instant");
        let problem = |code: &str| Problem { subject: None, code: code.to_owned(), message: "m".to_owned() };
        Observation {
            observed_from: at,
            observed_to: at,
            subjects: vec![subject()],
            population: populations,
            method: Method::All,
            tool: Tool { name: "t".to_owned(), version: "1".to_owned(), command: vec![], rule_pack: None },
            rights: String::new(),
            filters: vec![],
            blind_spots: vec![],
            problems: problems.into_iter().map(problem).collect(),
            facts: Value::Null,
            facts_artifact: None,
            artifacts: vec![],
        }
    }

    fn guarded(
        judged: Vec<Subject>,
        scope: &[&str],
        populations: Vec<Population>,
        problem: bool,
        passed: bool,
        accepted: &str,
    ) -> Judgement {
        let observation = observed(populations, problem.then_some("c"));
        let judgement = Judgement {
            check: CheckId::new("c").expect("an id"),
            closings: Default::default(),
            subjects: judged
                .into_iter()
                .map(|subject| SubjectOutcome { subject, verdict: Verdict::Pass, reason: String::new() })
                .collect(),
            conditions: Default::default(),
            findings: vec![],
        };
        let accepted = accepted.split_whitespace().map(str::to_owned).collect();
        let self_test = SelfTest { passed, detail: "d".to_owned() };
        let job = JobId::new("j").expect("an id");
        let environments: Vec<_> = scope.iter().map(|id| EnvironmentId::new(*id).expect("an id")).collect();
        let promised = Promised { job: &job, environments: &environments };
        let rules = Rules { accepted: &accepted, counted: &counted };
        guard(vec![judgement], &observation, &promised, &rules, Some(&self_test)).remove(0)
    }

    #[test]
    fn what_a_judge_leaves_out_is_told() {
        let whole = || vec![population(Some(3), 3, 0)];
        let unjudged = guarded(vec![], &["e"], whole(), false, true, "");
        assert_eq!((unjudged.subjects.len(), unjudged.verdict()), (1, Verdict::Error));
        let unseen = guarded(vec![subject()], &["e", "f"], whole(), false, true, "");
        let verdicts: Vec<_> = unseen.subjects.iter().map(|outcome| outcome.verdict).collect();
        assert_eq!(verdicts, [Verdict::Pass, Verdict::Vacuous]);
    }

    #[test]
    fn only_a_whole_examination_passes() {
        use Verdict::{Error, Pass, Vacuous};
        let accept = "too-large";
        let cases = [
            (vec![population(Some(3), 3, 0)], false, true, "", Pass),
            (vec![population(Some(3), 3, 0)], true, true, "", Error),
            (vec![population(Some(3), 3, 0)], false, false, "", Error),
            (vec![population(None, 3, 0)], false, true, "", Error),
            (vec![population(Some(4), 3, 0)], false, true, "", Error),
            (vec![population(Some(4), 3, 1)], false, true, "", Error),
            (vec![population(Some(4), 3, 1)], false, true, accept, Pass),
            (vec![population(Some(0), 0, 0)], false, true, "", Vacuous),
            (vec![population(Some(1), 0, 1)], false, true, accept, Vacuous),
            (vec![], false, true, "", Vacuous),
        ];
        for (index, (populations, problem, self_test, policy, expected)) in cases.into_iter().enumerate() {
            assert_eq!(verdict(populations, problem, self_test, policy), expected, "case {index}");
        }
    }

    #[test]
    fn what_was_counted_is_enough_for_a_check_that_asks_for_no_more() {
        use Verdict::{Error, Pass, Vacuous};
        let cases = [
            ("counted", vec![population(Some(3), 0, 0)], None, Pass),
            ("counted", vec![population(Some(3), 1, 2)], Some("scanner-failed"), Pass),
            ("counted", vec![population(Some(3), 3, 0)], Some("gone"), Error),
            ("counted", vec![population(None, 3, 0)], None, Error),
            ("counted", vec![population(Some(0), 0, 0)], None, Vacuous),
            ("counted", vec![], None, Vacuous),
            ("other", vec![population(Some(3), 3, 0)], Some("scanner-failed"), Error),
            ("other", vec![population(Some(3), 0, 0)], None, Error),
        ];
        for (index, (check, populations, problem, expected)) in cases.into_iter().enumerate() {
            let outcome = SubjectOutcome { subject: subject(), verdict: Pass, reason: String::new() };
            let judgement = Judgement {
                check: CheckId::new(check).expect("an id"),
                closings: Default::default(),
                subjects: vec![outcome],
                conditions: Default::default(),
                findings: vec![],
            };
            let rules = Rules { accepted: &BTreeSet::new(), counted: &counted };
            let guarded = guard_one(judgement, &observed(populations, problem), &rules, None);
            assert_eq!(guarded.verdict(), expected, "case {index}");
        }
    }
}
