//! From the fold to the view: current outcomes, the five audit items, deviations, follow-up.

use std::collections::{BTreeMap, BTreeSet};

use exhibit_evidence::{
    CheckId, Digest, EntryId, JobId, Outcome, Timestamp, Verdict,
    catalog::{AuditItem, CheckManifest, CollectorManifest},
    observation::Subject,
    report::Standing,
    schedule::Schedule,
    slot::SlotState,
};

use crate::{
    completeness::{self, JobLedger},
    fold::{Fold, Occurrence},
    slots::SlotView,
    sums::{audit_item, totals, windows},
    view::{
        CheckView, CollectorView, Cover, FrameworkView, PeriodView, ReceiptView, RecordView, RequirementView, Status,
        SubjectView, SupportView,
    },
};

/// What the fold can't know of itself: the checkpoint it ends at, and which report this is.
#[derive(Clone, Debug)]
pub struct Edition {
    /// The checkpoint's size; must be the number of entries that the fold took in.
    pub size: u64,
    /// The checkpoint's root hash.
    pub root: Digest,
    /// Whether the period was still open.
    pub standing: Standing,
    /// Counted from 1 within period and standing.
    pub revision: u64,
    /// The report that this one supersedes.
    pub supersedes: Option<EntryId>,
}

/// Why there is no view.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// A ledger begins with what its deployment says of itself.
    #[error("the ledger holds no deployment entry")]
    NoDeployment,
    /// The checkpoint is about another number of entries.
    #[error("the checkpoint covers {checkpoint} entries, but {folded} were read")]
    OtherSize {
        /// The checkpoint's size.
        checkpoint: u64,
        /// The entries that were read.
        folded: u64,
    },
}

impl Fold {
    /// The view of the fold's period as of `edition`'s checkpoint.
    ///
    /// # Errors
    /// When the ledger says nothing of its deployment, or the checkpoint is about another number of entries.
    pub fn view(&self, edition: &Edition) -> Result<PeriodView, ViewError> {
        let deployment = self.deployment.as_ref().ok_or(ViewError::NoDeployment)?;
        if edition.size != self.size {
            return Err(ViewError::OtherSize { checkpoint: edition.size, folded: self.size });
        }
        let Status { as_of, audit_items, totals, checks, deviations, follow_up, jobs, gaps, limits, frameworks } =
            self.status();
        let archive = self.archive(&checks);
        Ok(PeriodView {
            view_version: 1,
            cover: Cover {
                organisation: deployment.name.clone(),
                period: self.period.clone(),
                standing: edition.standing,
                revision: edition.revision,
                supersedes: edition.supersedes,
                origin: deployment.origin.clone(),
                verifier_key: deployment.verifier_key.clone(),
                size: edition.size,
                root: edition.root,
                as_of,
                archive: deployment.archive.clone(),
                grace_days: deployment.grace_days,
            },
            audit_items,
            totals,
            environments: deployment.environments.clone(),
            collectors: self.collectors_view(),
            frameworks,
            checks,
            deviations,
            follow_up,
            gaps,
            jobs,
            late_arrivals: self.late_arrivals.clone(),
            changes: {
                let mut changes = [self.changes.clone(), self.expired_waivers()].concat();
                changes.sort_by_key(|change| change.at);
                changes
            },
            limits,
            records: self.records(),
            archive,
            attestations: self.attestations(),
            waivers: self.waivers(),
            signing_keys: self.keys.clone(),
            evidence: {
                let mut evidence: Vec<_> = self.evidence.values().cloned().collect();
                evidence.sort_by_key(|evidence| evidence.seq);
                evidence
            },
        })
    }

    /// How the period's checks stand, by the same rules as in a report, whosever entries these are: where the fold took
    /// in only what a limited reader may see, it tells of these alone, and [`Fold::skip_to`] says up to when.
    pub fn status(&self) -> Status {
        let as_of = self.as_of.unwrap_or(self.period.start);
        let until = as_of.min(self.period.end);
        let jobs = completeness::jobs(self, until);
        let mut checks = self.checks(&jobs, until);
        checks.sort_by(|a, b| (a.audit_item, &a.id, &a.job).cmp(&(b.audit_item, &b.id, &b.job)));
        let follow_up = self.follow_up();
        let deviations = self.deviations();
        let totals = totals(&checks, &deviations, &follow_up, &jobs);
        Status {
            as_of,
            audit_items: AuditItem::ALL.into_iter().map(|item| audit_item(item, &checks, &deviations)).collect(),
            totals,
            frameworks: self.frameworks(&checks),
            checks,
            deviations,
            follow_up,
            gaps: jobs.values().flat_map(|job| job.gaps.iter().cloned()).collect(),
            jobs: jobs.into_values().map(|job| job.view).collect(),
            limits: self.limits(),
        }
    }

    /// Every slot that jobs promise in the period, by job and time, as it stands for a reader at `now`.
    pub fn slots(&self, now: Timestamp) -> Vec<SlotView> {
        completeness::slots(self, now)
    }

    /// What this version could not read or does not know: said, so that silence never passes for an answer.
    fn limits(&self) -> Vec<String> {
        let mut limits = Vec::new();
        for promise in self.promises.values().flatten() {
            let unreadable = promise.schedule.as_ref().is_some_and(|text| Schedule::parse(text).is_err())
                || promise.time_zone.parse::<chrono_tz::Tz>().is_err();
            if unreadable {
                limits.push(format!(
                    "Job {}: this version cannot read the schedule or the time zone promised from {} on; its slots could not be counted.",
                    promise.job,
                    promise.active_from.human(),
                ));
            }
        }
        for (job, promises) in &self.promises {
            let unknown =
                promises.last().filter(|promise| !self.catalog.collectors.iter().any(|c| c.id == promise.collector));
            if let Some(promise) = unknown {
                limits.push(format!(
                    "Job {job}: this version does not know the collector {}; none of its checks is reported.",
                    promise.collector
                ));
            }
        }
        for (job, check) in self.occurrences.keys() {
            if self.catalog.check(check).is_none() {
                limits.push(format!("Job {job}: this version does not know the check {check}, which was assessed."));
            }
        }
        if self.findings_not_at_hand > 0 {
            limits.push(format!(
                "Assessments whose findings could not be read back: {}. Their counts stand; no finding was held to be gone on their account.",
                self.findings_not_at_hand
            ));
        }
        if self.unreadable() > 0 {
            limits.push(format!(
                "Entries of a kind that this version cannot read, whatever they are about: {}.",
                self.unreadable()
            ));
        }
        limits
    }

    fn checks(&self, jobs: &BTreeMap<JobId, JobLedger>, until: Timestamp) -> Vec<CheckView> {
        let mut views = Vec::new();
        for (job, ledger) in jobs {
            let Some(collector) =
                self.catalog.collectors.iter().find(|collector| collector.id == ledger.view.collector)
            else {
                continue;
            };
            // A job that never promised a check owes no answer to it.
            let owed = |check: &&CheckManifest| {
                let named = |id: &CheckId| check.id == *id || check.aliases.contains(id);
                ledger.checks.iter().any(named) || self.occurrences.contains_key(&(job.clone(), check.id.clone()))
            };
            for check in collector.checks.iter().filter(owed) {
                views.push(self.check_view(job, ledger, check, until));
            }
        }
        views
    }

    fn check_view(&self, job: &JobId, ledger: &JobLedger, check: &CheckManifest, until: Timestamp) -> CheckView {
        let none = Vec::new();
        let occurrences = self.occurrences.get(&(job.clone(), check.id.clone())).unwrap_or(&none);
        let not_performed = ledger.view.missed + ledger.view.errored;
        let subjects = self.subjects(job, &check.id, occurrences, ledger, until);
        let mut current: Vec<Outcome> = subjects.iter().map(|subject| subject.current).collect();
        let after_waivers: Vec<Outcome> = subjects.iter().map(|subject| subject.after_waivers).collect();
        // What no waiver can speak of.
        let mut beside = Vec::new();
        let latest = occurrences.iter().max_by_key(|occurrence| occurrence.observed_to);
        if let Some(latest) = latest.filter(|latest| latest.subjects.is_empty()) {
            // The latest evidence had nothing to judge: its own verdict is what there is to say.
            beside.push(latest.verdict.into());
        }
        let last_gap = ledger.gaps.last().filter(|gap| {
            gap.performed_at.is_none()
                && occurrences.iter().all(|occurrence| occurrence.observed_to < gap.scheduled_for)
        });
        let unfilled = |state| if state == SlotState::Errored { Outcome::Error } else { Outcome::Missing };
        beside.extend(last_gap.map(|gap| unfilled(gap.state)));
        current.extend(&beside);
        let mut throughout: Vec<Outcome> =
            occurrences.iter().map(|occurrence| occurrence.verdict.into()).chain(current.iter().copied()).collect();
        throughout.extend(ledger.gaps.iter().filter(|gap| gap.performed_at.is_none()).map(|gap| unfilled(gap.state)));
        let count = |wanted: &[Verdict]| {
            occurrences.iter().filter(|occurrence| wanted.contains(&occurrence.verdict)).count() as u64
        };
        CheckView {
            id: check.id.clone(),
            title: check.title.clone(),
            criterion: check.criterion.clone(),
            test: check.test.clone(),
            job: job.clone(),
            audit_item: check.audit_item,
            controls: check
                .controls
                .iter()
                .map(|control| format!("{} {}", control.framework, control.requirement))
                .collect(),
            current: Outcome::roll_up(current),
            after_waivers: Outcome::roll_up(after_waivers.into_iter().chain(beside)),
            throughout: Outcome::roll_up(throughout),
            subjects,
            occurrences: occurrences.len() as u64,
            with_deviation: count(&[Verdict::Fail]),
            without_answer: count(&[Verdict::Error, Verdict::Vacuous]),
            not_performed,
            pushed: occurrences.iter().filter(|occurrence| occurrence.pushed).count() as u64,
            latest_evidence: occurrences.iter().max_by_key(|occurrence| occurrence.observed_to).map(|o| o.evidence),
            windows: windows(occurrences),
        }
    }

    /// Each subject's latest word, and whether it is still fresh.
    fn subjects(
        &self,
        job: &JobId,
        check: &CheckId,
        occurrences: &[Occurrence],
        ledger: &JobLedger,
        until: Timestamp,
    ) -> Vec<SubjectView> {
        let mut latest: BTreeMap<Subject, (&Occurrence, Verdict, &str)> = BTreeMap::new();
        for occurrence in occurrences {
            for outcome in &occurrence.subjects {
                let entry = (occurrence, outcome.verdict, outcome.reason.as_str());
                let newest = latest.entry(outcome.subject.clone()).or_insert(entry);
                if newest.0.observed_to <= occurrence.observed_to {
                    *newest = entry;
                }
            }
        }
        // What somebody asks for may be about fewer subjects: the others keep their last word, with its own time.
        let whole = occurrences.iter().filter(|occurrence| !occurrence.beside);
        let newest_whole = whole.map(|occurrence| occurrence.observed_to).max();
        latest
            .into_iter()
            // A subject that the job's latest round no longer has is out of scope now; its history stays in the findings.
            .filter(|(_, (occurrence, ..))| Some(occurrence.observed_to) >= newest_whole)
            .map(|(subject, (occurrence, verdict, reason))| {
                let age = until.since(occurrence.observed_to).num_seconds();
                let fresh = age <= i64::try_from(ledger.fresh_for_s).unwrap_or(i64::MAX);
                let verdict = Outcome::from(verdict);
                let population = self
                    .populations
                    .get(&occurrence.evidence)
                    .into_iter()
                    .flatten()
                    .filter(|(of, _)| *of == subject)
                    .map(|(_, population)| population.clone())
                    .collect();
                let now = |verdict| if fresh { verdict } else { Outcome::roll_up([verdict, Outcome::Stale]) };
                let waived = verdict == Outcome::Fail && self.is_waived(job, check, &subject);
                SubjectView {
                    current: now(verdict),
                    after_waivers: now(if waived { Outcome::Waived } else { verdict }),
                    reason: if fresh {
                        reason.to_owned()
                    } else {
                        format!("The latest evidence is {} hours old. It said: {reason}", age / 3600)
                    },
                    last_observed: Some(occurrence.observed_to),
                    pushed: occurrence.pushed,
                    population,
                    subject,
                }
            })
            .collect()
    }

    fn collectors_view(&self) -> Vec<CollectorView> {
        let promised: BTreeSet<_> = self.promises.values().flatten().map(|promise| &promise.collector).collect();
        let known = |collector: &&CollectorManifest| {
            promised.contains(&collector.id) || self.collectors.contains_key(&collector.id)
        };
        self.catalog
            .collectors
            .iter()
            .filter(known)
            .map(|manifest| {
                let facts = self.collectors.get(&manifest.id).cloned().unwrap_or_default();
                CollectorView {
                    id: manifest.id.clone(),
                    title: manifest.title.clone(),
                    summary: manifest.summary.clone(),
                    versions: facts.versions,
                    self_tests_passed: facts.self_tests_passed,
                    self_tests_failed: facts.self_tests_failed,
                    pushed: facts.pushed,
                    rights: facts.rights.into_iter().collect(),
                    blind_spots: facts.blind_spots.into_iter().collect(),
                    methods: facts.methods.into_iter().collect(),
                }
            })
            .collect()
    }

    fn records(&self) -> Vec<RecordView> {
        self.reports
            .iter()
            .map(|(id, report)| RecordView {
                report: *id,
                period: report.period.id.to_string(),
                standing: report.standing,
                revision: report.revision,
                size: report.size,
                receipts: self
                    .receipts
                    .get(id)
                    .into_iter()
                    .flatten()
                    .map(|receipt| ReceiptView {
                        store: receipt.store.clone(),
                        regulatory_worm: receipt.regulatory_worm,
                        key: receipt.key.clone(),
                        version: receipt.version.clone(),
                        digest: receipt.digest,
                        mode: receipt.mode.clone(),
                        retain_until: receipt.retain_until,
                        read_back_at: receipt.read_back_at,
                    })
                    .collect(),
            })
            .collect()
    }

    fn frameworks(&self, checks: &[CheckView]) -> Vec<FrameworkView> {
        let support = |framework: &str, requirement: &str| {
            let mut support = Vec::new();
            for (_, check) in self.catalog.checks() {
                let control = check
                    .controls
                    .iter()
                    .find(|control| control.framework == framework && control.requirement == requirement);
                if let Some(control) = control {
                    let outcomes: Vec<Outcome> =
                        checks.iter().filter(|view| view.id == check.id).map(|view| view.current).collect();
                    support.push(SupportView {
                        check: check.id.clone(),
                        strength: control.strength,
                        current: (!outcomes.is_empty()).then(|| Outcome::roll_up(outcomes)),
                    });
                }
            }
            support
        };
        self.catalog
            .frameworks
            .iter()
            .map(|framework| {
                let listed = framework
                    .requirements
                    .iter()
                    .map(|requirement| (requirement.id.as_str(), requirement.title.as_str()));
                let known: BTreeSet<&str> = listed.clone().map(|(id, _)| id).collect();
                // What a check claims to support and the catalog does not list is shown, not dropped.
                let unlisted: BTreeSet<&str> = self
                    .catalog
                    .checks()
                    .flat_map(|(_, check)| &check.controls)
                    .filter(|control| control.framework == framework.id)
                    .map(|control| control.requirement.as_str())
                    .filter(|id| !known.contains(id))
                    .collect();
                FrameworkView {
                    id: framework.id.clone(),
                    title: framework.title.clone(),
                    source: framework.source.clone(),
                    requirements: listed
                        .chain(unlisted.into_iter().map(|id| (id, "(not in this catalog)")))
                        .map(|(id, title)| RequirementView {
                            id: id.to_owned(),
                            title: title.to_owned(),
                            support: support(&framework.id, id),
                        })
                        .collect(),
                }
            })
            .collect()
    }
}
