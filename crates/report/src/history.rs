//! The history of findings: each one's life, told by the assessments that did and did not note it.

use std::collections::BTreeMap;

use exhibit_evidence::{
    CheckId, Condition, ConditionId, EntryId, Finding, Fingerprint, JobId, Period, Timestamp, Verdict,
    assessment::Closing, observation::Subject,
};

use crate::view::FindingState;

/// What judges the same thing again and again: a job, a check and a subject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    pub job: JobId,
    pub check: CheckId,
    pub subject: Subject,
}

/// One finding's life so far.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    /// The finding as last noted.
    pub finding: Finding,
    /// Why it matters and what to do, as last noted.
    pub condition: Condition,
    /// Whether it is open as of the last assessment that could tell.
    pub open: bool,
    /// When it was first noted.
    pub first_observed: Timestamp,
    /// When it was last noted.
    pub last_observed: Timestamp,
    /// In how many assessments in a row it was noted, up to the last that could tell.
    pub in_a_row: u64,
    /// The evidence that last showed it.
    pub evidence: EntryId,
    /// The evidence that showed it gone, where it is.
    pub gone: Option<EntryId>,
    /// Why it is gone, where that evidence tells it.
    pub closing: Option<Closing>,
    /// Whether it was gone once and came back.
    pub regressed: bool,
    /// Whether it came back within the period.
    pub regressed_in_period: bool,
    /// Instances when the period began; none where it was not open then.
    pub before: Option<u64>,
    /// Whether an assessment within the period noted it.
    pub noted_in_period: bool,
    /// Whether an assessment within the period showed it gone.
    pub gone_in_period: bool,
}

/// All findings of one line.
#[derive(Clone, Debug, Default)]
pub(crate) struct LineHistory {
    pub lives: BTreeMap<Fingerprint, Life>,
    /// The newest observation that the lives reflect.
    newest: Option<Timestamp>,
    /// Whether the newest assessment could not tell.
    unanswered: bool,
}

/// One assessment's word on one subject.
pub(crate) struct Word<'a> {
    pub verdict: Verdict,
    pub subject: &'a Subject,
    pub findings: &'a [Finding],
    pub closings: &'a BTreeMap<Fingerprint, Closing>,
    pub conditions: &'a BTreeMap<ConditionId, Condition>,
    pub evidence: EntryId,
    pub observed_to: Timestamp,
}

impl LineHistory {
    /// Whether the present is not known: nothing in the period examined it, or the last attempt could not tell.
    pub(crate) fn is_unanswered(&self, period: &Period) -> bool {
        self.unanswered || self.newest.is_none_or(|newest| newest < period.start)
    }

    /// Takes in one more assessment. One that is older than what is known already changes nothing: it counts as an
    /// occurrence, but never turns the present back.
    pub(crate) fn take(&mut self, word: &Word<'_>, period: &Period) {
        if word.observed_to >= period.end || self.newest.is_some_and(|newest| word.observed_to < newest) {
            return;
        }
        self.newest = Some(word.observed_to);
        self.unanswered = !matches!(word.verdict, Verdict::Pass | Verdict::Fail | Verdict::NotApplicable);
        let in_period = word.observed_to >= period.start;

        for finding in word.findings.iter().filter(|finding| belongs_to(finding, word.subject)) {
            // A finding without its condition is still a finding.
            let condition = word.conditions.get(&finding.condition).cloned().unwrap_or_else(|| not_recorded(finding));
            let life = self.lives.entry(finding.fingerprint).or_insert_with(|| Life {
                finding: finding.clone(),
                condition: condition.clone(),
                open: false,
                first_observed: word.observed_to,
                last_observed: word.observed_to,
                in_a_row: 0,
                evidence: word.evidence,
                gone: None,
                closing: None,
                regressed: false,
                regressed_in_period: false,
                before: None,
                noted_in_period: false,
                gone_in_period: false,
            });
            if life.gone.take().is_some() {
                life.regressed = true;
                life.regressed_in_period |= in_period;
            }
            life.closing = None;
            life.finding = finding.clone();
            life.condition = condition;
            life.in_a_row = if life.open { life.in_a_row + 1 } else { 1 };
            life.open = true;
            life.last_observed = word.observed_to;
            life.evidence = word.evidence;
            life.noted_in_period |= in_period;
            if !in_period {
                life.before = Some(finding.instances);
            }
        }
        if self.unanswered {
            // Could not be found out: what was open stays open, and nothing is gone.
            return;
        }
        for life in self.lives.values_mut().filter(|life| life.open && life.evidence != word.evidence) {
            life.open = false;
            life.in_a_row = 0;
            life.gone = Some(word.evidence);
            // What is not asked any more was not mended.
            let not_asked = (word.verdict == Verdict::NotApplicable).then_some(Closing::RulesChanged);
            life.closing = word.closings.get(&life.finding.fingerprint).copied().or(not_asked);
            life.gone_in_period |= in_period;
            if !in_period {
                life.before = None;
            }
        }
    }
}

fn not_recorded(finding: &Finding) -> Condition {
    let not_recorded = || "Not recorded.".to_owned();
    Condition {
        title: finding.condition.to_string(),
        risk: not_recorded(),
        impact: not_recorded(),
        recommendation: not_recorded(),
        steps: Vec::new(),
        references: Vec::new(),
    }
}

fn belongs_to(finding: &Finding, subject: &Subject) -> bool {
    finding.environment == subject.environment && finding.subject == subject.id
}

impl Life {
    /// What became of it in the period; none where the period has nothing to say of it.
    pub(crate) fn state(&self, unanswered: bool) -> Option<FindingState> {
        match (self.before, self.open) {
            (None, false) => (self.noted_in_period && self.gone_in_period).then(|| self.gone_state()),
            (Some(_), false) => Some(self.gone_state()),
            (_, true) if unanswered => Some(FindingState::NotReexamined),
            (_, true) if self.regressed_in_period => Some(FindingState::Regressed),
            (Some(before), true) if self.finding.instances < before => Some(FindingState::PartiallyRemediated),
            (Some(_), true) => Some(FindingState::NotRemediated),
            (None, true) => Some(FindingState::New),
        }
    }
}

impl Life {
    /// Gone because something was done, as far as is known; or because whoever looks no longer calls it a deviation.
    fn gone_state(&self) -> FindingState {
        if self.closing.is_none_or(Closing::is_remedy) {
            FindingState::Remediated
        } else {
            FindingState::NoLongerReported
        }
    }
}

#[cfg(test)]
mod tests {
    use exhibit_evidence::{Digest, EnvironmentId, FiscalCalendar, Place, Severity, SubjectId};

    use super::*;

    fn subject() -> Subject {
        Subject {
            environment: EnvironmentId::new("production").expect("an id"),
            id: SubjectId::new("web").expect("an id"),
        }
    }

    fn finding(name: u8, instances: u64) -> Finding {
        Finding {
            fingerprint: Fingerprint(Digest([name; 32])),
            condition: ConditionId::new("c").expect("an id"),
            severity: Severity::High,
            environment: subject().environment,
            subject: subject().id,
            place: Place::default(),
            detail: String::new(),
            instances,
            attributes: BTreeMap::new(),
        }
    }

    /// Runs a line through words `(day of 2026-Q4, minus for days before it; verdict; instances of finding 1, 0 for none)`
    /// and tells what became of the finding.
    fn state(words: &[(i64, Verdict, u64)]) -> Option<FindingState> {
        let calendar = FiscalCalendar::new(chrono_tz::UTC, 1).expect("a month");
        let period = calendar.period("2026-Q4".parse().expect("a quarter"));
        let condition = Condition {
            title: String::new(),
            risk: String::new(),
            impact: String::new(),
            recommendation: String::new(),
            steps: vec![],
            references: vec![],
        };
        let conditions = BTreeMap::from([(ConditionId::new("c").expect("an id"), condition)]);
        let mut line = LineHistory::default();
        for (index, (day, verdict, instances)) in words.iter().enumerate() {
            let findings: Vec<Finding> = (*instances > 0).then(|| finding(1, *instances)).into_iter().collect();
            let observed_to = period.start.plus(chrono::TimeDelta::days(*day));
            let evidence = EntryId::from_parts(observed_to, &[u8::try_from(index).expect("few"); 10]);
            let word = Word {
                verdict: *verdict,
                subject: &subject(),
                findings: &findings,
                closings: &BTreeMap::new(),
                conditions: &conditions,
                evidence,
                observed_to,
            };
            line.take(&word, &period);
        }
        line.lives.get(&Fingerprint(Digest([1; 32]))).and_then(|life| life.state(line.is_unanswered(&period)))
    }

    #[test]
    fn a_finding_that_is_unchanged_and_only_judged_otherwise_is_not_remediated() {
        let calendar = FiscalCalendar::new(chrono_tz::UTC, 1).expect("a month");
        let period = calendar.period("2026-Q4".parse().expect("a quarter"));
        let cases = [
            (Some(Closing::Fixed), FindingState::Remediated),
            (Some(Closing::Removed), FindingState::Remediated),
            (Some(Closing::RulesChanged), FindingState::NoLongerReported),
            (Some(Closing::NoLongerReported), FindingState::NoLongerReported),
            (None, FindingState::Remediated),
        ];
        let none = BTreeMap::new();
        for (closing, expected) in cases {
            let mut line = LineHistory::default();
            let closings: BTreeMap<_, _> =
                closing.into_iter().map(|closing| (Fingerprint(Digest([1; 32])), closing)).collect();
            for (day, verdict, findings) in
                [(1, Verdict::Fail, vec![finding(1, 1)]), (2, Verdict::Pass, vec![]), (3, Verdict::Pass, vec![])]
            {
                let observed_to = period.start.plus(chrono::TimeDelta::days(day));
                line.take(
                    &Word {
                        verdict,
                        subject: &subject(),
                        findings: &findings,
                        closings: if day == 2 { &closings } else { &none },
                        conditions: &BTreeMap::new(),
                        evidence: EntryId::from_parts(observed_to, &[7; 10]),
                        observed_to,
                    },
                    &period,
                );
            }
            let life = &line.lives[&Fingerprint(Digest([1; 32]))];
            assert_eq!(life.state(false), Some(expected), "{closing:?}");
        }
    }

    #[test]
    fn what_becomes_of_a_finding() {
        use FindingState::{
            New, NoLongerReported, NotReexamined, NotRemediated, PartiallyRemediated, Regressed, Remediated,
        };
        use Verdict::{Error, Fail, NotApplicable, Pass, Vacuous};
        type Case<'a> = (&'a [(i64, Verdict, u64)], Option<FindingState>);
        let cases: &[Case<'_>] = &[
            (&[(1, Fail, 1)], Some(New)),
            (&[(-1, Fail, 2), (1, Fail, 2)], Some(NotRemediated)),
            (&[(-1, Fail, 2), (1, Fail, 3)], Some(NotRemediated)),
            (&[(-1, Fail, 2), (1, Fail, 1)], Some(PartiallyRemediated)),
            (&[(-1, Fail, 2), (1, Pass, 0)], Some(Remediated)),
            (&[(1, Fail, 2), (2, Pass, 0)], Some(Remediated)),
            (&[(-2, Fail, 1), (-1, Pass, 0), (1, Fail, 1)], Some(Regressed)),
            (&[(-1, Fail, 1), (1, Pass, 0), (2, Fail, 1)], Some(Regressed)),
            (&[(-2, Fail, 1), (-1, Pass, 0)], None),
            // "Could not find out" and "examined nothing" close nothing.
            (&[(-1, Fail, 1), (1, Error, 0)], Some(NotReexamined)),
            (&[(-1, Fail, 1), (1, Vacuous, 0)], Some(NotReexamined)),
            (&[(-1, Fail, 1)], Some(NotReexamined)),
            // A check that is switched off says of nothing that it was mended.
            (&[(-1, Fail, 1), (1, NotApplicable, 0)], Some(NoLongerReported)),
            (&[(-1, Fail, 1), (1, NotApplicable, 0), (2, Pass, 0)], Some(NoLongerReported)),
            (&[(-1, Fail, 1), (1, NotApplicable, 0), (2, Fail, 1)], Some(Regressed)),
            // A late record of something older never turns the present back.
            (&[(-1, Fail, 1), (2, Pass, 0), (1, Fail, 1)], Some(Remediated)),
            // What was observed after the period says nothing about it.
            (&[(-1, Fail, 1), (1, Fail, 1), (95, Pass, 0)], Some(NotRemediated)),
        ];
        for (words, expected) in cases {
            assert_eq!(state(words), *expected, "{words:?}");
        }
    }
}
