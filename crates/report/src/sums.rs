//! Sums over checks, findings and jobs.

use std::collections::{BTreeMap, BTreeSet};

use exhibit_evidence::{CheckId, JobId, Outcome, Severity, catalog::AuditItem};

use crate::{
    completeness::JobLedger,
    fold::Occurrence,
    view::{
        AuditItemView, CheckView, DeviationGroup, FindingState, FollowUp, OutcomeCount, SeverityCount, StateCount,
        Totals, WindowView,
    },
};

/// Assessments in the order of what they observed, put together while they say the same.
pub(crate) fn windows(occurrences: &[Occurrence]) -> Vec<WindowView> {
    let mut in_order: Vec<&Occurrence> = occurrences.iter().collect();
    in_order.sort_by_key(|occurrence| occurrence.observed_to);
    let mut windows: Vec<WindowView> = Vec::new();
    for occurrence in in_order {
        match windows.last_mut() {
            Some(window) if window.verdict == occurrence.verdict => {
                window.occurrences += 1;
                window.to = occurrence.observed_to;
                window.last_evidence = occurrence.evidence;
            }
            _ => windows.push(WindowView {
                verdict: occurrence.verdict,
                occurrences: 1,
                from: occurrence.observed_to,
                to: occurrence.observed_to,
                first_evidence: occurrence.evidence,
                last_evidence: occurrence.evidence,
            }),
        }
    }
    windows
}

/// One of the five items, as its checks and their open findings tell it.
pub(crate) fn audit_item(item: AuditItem, checks: &[CheckView], deviations: &[DeviationGroup]) -> AuditItemView {
    let of_item: Vec<&CheckView> = checks.iter().filter(|check| check.audit_item == Some(item)).collect();
    let ids: BTreeSet<CheckId> = of_item.iter().map(|check| check.id.clone()).collect();
    let roll_up = |outcome: fn(&CheckView) -> Outcome| {
        (!of_item.is_empty()).then(|| Outcome::roll_up(of_item.iter().map(|check| outcome(check))))
    };
    // Checks of one job speak of the same occurrences; those of different jobs add up.
    let by_job = |of: fn(&CheckView) -> u64| {
        let mut most: BTreeMap<&JobId, u64> = BTreeMap::new();
        for check in &of_item {
            let count = most.entry(&check.job).or_default();
            *count = (*count).max(of(check));
        }
        most.into_values().sum::<u64>()
    };
    let open = || deviations.iter().filter(|group| ids.contains(&group.check)).flat_map(|group| &group.findings);
    AuditItemView {
        item,
        title: item.title().to_owned(),
        current: roll_up(|check| check.current),
        after_waivers: roll_up(|check| check.after_waivers),
        throughout: roll_up(|check| check.throughout),
        open_findings: open().count() as u64,
        waived_findings: open().filter(|finding| finding.waived.is_some()).count() as u64,
        occurrences: by_job(|check| check.occurrences),
        with_deviation: by_job(|check| check.with_deviation),
        not_performed: by_job(|check| check.not_performed),
        pushed: by_job(|check| check.pushed),
        last_observed: of_item
            .iter()
            .flat_map(|check| check.subjects.iter().filter_map(|subject| subject.last_observed))
            .max(),
        checks: ids.into_iter().collect(),
    }
}

/// The counts of the summary.
pub(crate) fn totals(
    checks: &[CheckView],
    deviations: &[DeviationGroup],
    follow_up: &[FollowUp],
    jobs: &BTreeMap<JobId, JobLedger>,
) -> Totals {
    // A check without a single subject counts once, by its own outcome: what nobody looked at must not vanish.
    let outcomes: Vec<(Outcome, Outcome)> = checks
        .iter()
        .flat_map(|check| {
            let subjects: Vec<_> =
                check.subjects.iter().map(|subject| (subject.current, subject.after_waivers)).collect();
            if subjects.is_empty() { vec![(check.current, check.after_waivers)] } else { subjects }
        })
        .collect();
    let findings: Vec<(Severity, bool)> = deviations
        .iter()
        .flat_map(|group| group.findings.iter().map(|finding| (finding.severity, finding.waived.is_some())))
        .collect();
    let sum = |of: fn(&JobLedger) -> u64| jobs.values().map(of).sum();
    Totals {
        outcomes: Outcome::ALL
            .into_iter()
            .map(|outcome| OutcomeCount {
                outcome,
                count: outcomes.iter().filter(|(before, _)| *before == outcome).count() as u64,
                after_waivers: outcomes.iter().filter(|(_, after)| *after == outcome).count() as u64,
            })
            .collect(),
        severities: Severity::ALL
            .into_iter()
            .map(|severity| SeverityCount {
                severity,
                count: findings.iter().filter(|(of, _)| *of == severity).count() as u64,
                waived: findings.iter().filter(|one| **one == (severity, true)).count() as u64,
            })
            .collect(),
        waived: findings.iter().filter(|(_, waived)| *waived).count() as u64,
        follow_up: FindingState::ALL
            .into_iter()
            .map(|state| StateCount { state, count: follow_up.iter().filter(|f| f.state == state).count() as u64 })
            .collect(),
        expected: sum(|job| job.view.expected),
        performed: sum(|job| job.view.performed),
        late: sum(|job| job.view.late),
        missed: sum(|job| job.view.missed),
        errored: sum(|job| job.view.errored),
        on_demand: sum(|job| job.view.on_demand),
        pushed: sum(|job| job.view.pushed),
    }
}
