//! Findings as a report shows them: what is open, and what became of each.

use std::collections::BTreeMap;

use exhibit_evidence::{CheckId, ConditionId};

use crate::{
    fold::Fold,
    history::{Life, Line},
    view::{DeviationGroup, FindingState, FindingView, FollowUp},
};

impl Fold {
    fn lives(&self) -> impl Iterator<Item = (&Line, &Life, FindingState)> {
        self.lines.iter().flat_map(|(line, history)| {
            let unanswered = history.is_unanswered(&self.period);
            history.lives.values().filter_map(move |life| Some((line, life, life.state(unanswered)?)))
        })
    }

    /// What is open, grouped by kind, worst first.
    pub(crate) fn deviations(&self) -> Vec<DeviationGroup> {
        let mut groups: BTreeMap<(CheckId, ConditionId), DeviationGroup> = BTreeMap::new();
        for (line, life, state) in self.lives().filter(|(_, life, _)| life.open) {
            let finding = &life.finding;
            let view = FindingView {
                fingerprint: finding.fingerprint,
                severity: finding.severity,
                subject: line.subject.clone(),
                place: finding.place.clone(),
                place_text: finding.place.human(),
                detail: finding.detail.clone(),
                instances: finding.instances,
                state,
                first_observed: life.first_observed,
                last_observed: life.last_observed,
                runs_in_a_row: life.in_a_row,
                evidence: life.evidence,
                waived: self.waived(finding),
            };
            let group =
                groups.entry((line.check.clone(), finding.condition.clone())).or_insert_with(|| DeviationGroup {
                    id: finding.condition.clone(),
                    check: line.check.clone(),
                    severity: finding.severity,
                    condition: life.condition.clone(),
                    findings: Vec::new(),
                });
            group.severity = group.severity.min(finding.severity);
            group.findings.push(view);
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        for group in &mut groups {
            group.findings.sort_by(|a, b| {
                (a.severity, &a.subject, &a.place_text, a.fingerprint).cmp(&(
                    b.severity,
                    &b.subject,
                    &b.place_text,
                    b.fingerprint,
                ))
            });
        }
        groups.sort_by(|a, b| (a.severity, &a.check, &a.id).cmp(&(b.severity, &b.check, &b.id)));
        groups
    }

    /// What became of each finding that the period has something to say of.
    pub(crate) fn follow_up(&self) -> Vec<FollowUp> {
        let mut lines: Vec<FollowUp> = self
            .lives()
            .map(|(line, life, state)| FollowUp {
                fingerprint: life.finding.fingerprint,
                check: line.check.clone(),
                title: life.condition.title.clone(),
                severity: life.finding.severity,
                subject: line.subject.clone(),
                place_text: life.finding.place.human(),
                state,
                instances_before: life.before,
                instances_now: life.open.then_some(life.finding.instances),
                first_observed: life.first_observed,
                last_observed: life.last_observed,
                proof: life.gone,
                closing: life.closing,
            })
            .collect();
        let rank = |state: FindingState| FindingState::ALL.iter().position(|other| *other == state);
        lines.sort_by(|a, b| {
            (rank(a.state), a.severity, &a.check, &a.subject, &a.place_text, a.fingerprint).cmp(&(
                rank(b.state),
                b.severity,
                &b.check,
                &b.subject,
                &b.place_text,
                b.fingerprint,
            ))
        });
        lines
    }
}
