//! What a scan keeps of what it found: bounded, whatever the input, and the same whichever thread came first.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::{BadRemark, Finding, WhyBad};
use crate::reading::{Excluded, Reason};

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    /// Findings of one document.
    pub(super) of_one: usize,
    /// Findings of a scan.
    pub(super) findings: usize,
    /// Things that were not examined, and remarks that do not count.
    pub(super) others: usize,
}

impl Default for Most {
    /// A person reads less, and a program has the count: some 25 MB at the most.
    fn default() -> Self {
        Self { of_one: 5_000, findings: 50_000, others: 20_000 }
    }
}

/// Stands for everything in what is told of no single document.
const EVERYTHING: &str = "…";

#[derive(Default)]
pub(super) struct Kept<'e> {
    most: Most,
    findings: Vec<Finding<'e>>,
    /// Findings that are counted alone.
    more: u64,
    excluded: Vec<Excluded>,
    more_failed: u64,
    more_left_out: u64,
    remarks: Vec<BadRemark>,
    /// Document, line and rule of remarks that name a rule which tells something there.
    fitting: BTreeSet<(Arc<str>, u64, String)>,
}

impl<'e> Kept<'e> {
    pub(super) fn of(most: Most) -> Self {
        Self { most, ..Self::default() }
    }

    pub(super) fn found(
        &mut self,
        findings: Vec<Finding<'e>>,
        remarks: Vec<BadRemark>,
        (path, fitting): (&Arc<str>, Vec<(u64, String)>),
    ) {
        self.findings.extend(findings);
        self.remarks.extend(remarks);
        if self.fitting.len() < beyond(self.most.others) {
            self.fitting.extend(fitting.into_iter().map(|(line, rule)| (Arc::clone(path), line, rule)));
        }
        // Beyond by half before any is dropped, so that sorting stays rare.
        if self.findings.len() > beyond(self.most.findings) {
            self.bound_findings();
        }
        if self.remarks.len() > beyond(self.most.others) {
            self.bound_remarks();
        }
    }

    pub(super) fn excluded(&mut self, excluded: Excluded) {
        self.excluded.push(excluded);
        if self.excluded.len() > beyond(self.most.others) {
            self.bound_excluded();
        }
    }

    /// Everything, in an order that depends on the input alone.
    pub(super) fn finish(mut self) -> (Vec<Finding<'e>>, Vec<Excluded>, Vec<BadRemark>) {
        self.bound_findings();
        self.bound_excluded();
        self.bound_remarks();
        let Self { findings, mut excluded, remarks, .. } = self;
        let mut told = |reason| excluded.push(Excluded { path: EVERYTHING.to_owned(), reason });
        if self.more > 0 {
            told(Reason::FoundMore(self.more));
        }
        if self.more_failed + self.more_left_out > 0 {
            told(Reason::More { failed: self.more_failed, left_out: self.more_left_out });
        }
        excluded.sort();
        (findings, excluded, remarks)
    }

    /// The first are kept, in the order in which they are told.
    fn bound_findings(&mut self) {
        let mut findings = first_carriers(std::mem::take(&mut self.findings));
        let commit = |finding: &Finding<'_>| finding.commit.as_ref().map(|commit| commit.id.clone());
        findings.sort_by(|a, b| {
            let place = |f: &Finding<'e>| (Arc::clone(&f.path), f.line, f.column);
            place(a).cmp(&place(b)).then_with(|| a.rule.id.cmp(&b.rule.id)).then_with(|| commit(a).cmp(&commit(b)))
        });
        self.more += findings.len().saturating_sub(self.most.findings) as u64;
        findings.truncate(self.most.findings);
        self.findings = findings;
    }

    /// Failures are kept before choices.
    fn bound_excluded(&mut self) {
        self.excluded.sort_by(|a, b| b.reason.is_failure().cmp(&a.reason.is_failure()).then_with(|| a.cmp(b)));
        for dropped in self.excluded.drain(self.most.others.min(self.excluded.len())..) {
            if dropped.reason.is_failure() {
                self.more_failed += 1;
            } else {
                self.more_left_out += 1;
            }
        }
    }

    fn bound_remarks(&mut self) {
        self.remarks.sort();
        self.remarks.dedup();
        let fitting = &self.fitting;
        self.remarks.retain(|remark| match &remark.why {
            WhyBad::Misnamed { named: Some(named), .. } => {
                !fitting.contains(&(Arc::from(remark.path.as_str()), remark.line, named.clone()))
            }
            WhyBad::Misnamed { named: None, .. } | WhyBad::WithoutReason => true,
        });
        // That one does not count is told by its finding too.
        self.remarks.truncate(self.most.others);
    }
}

fn beyond(most: usize) -> usize {
    most + most / 2
}

/// Of what many versions of a file carry, the finding of the commit that brought it in first; HEAD has it if it has any.
fn first_carriers(mut findings: Vec<Finding<'_>>) -> Vec<Finding<'_>> {
    let position = |finding: &Finding<'_>| finding.commit.as_ref().map(|commit| commit.position);
    findings.sort_by(|a, b| {
        position(a).cmp(&position(b)).then_with(|| (&a.path, a.line, a.column).cmp(&(&b.path, b.line, b.column)))
    });
    let mut first: HashMap<(String, Arc<str>, [u8; 32], u32), usize> = HashMap::new();
    let mut kept: Vec<Finding<'_>> = Vec::with_capacity(findings.len());
    for finding in findings {
        if finding.commit.is_none() {
            kept.push(finding);
            continue;
        }
        let value = *finding.fingerprint.as_bytes();
        let key = (finding.rule.id.clone(), Arc::clone(&finding.path), value, finding.repeat);
        match first.get(&key) {
            Some(at) => kept[*at].join(finding),
            None => {
                first.insert(key, kept.len());
                kept.push(finding);
            }
        }
    }
    kept
}
