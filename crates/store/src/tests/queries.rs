//! Questions about what is recorded.

use std::collections::BTreeSet;

use exhibit_evidence::{Outcome, Verdict};

use super::samples::*;
use crate::service::{FindingQuery, FindingState, Scope};
use crate::testing::TestDatabase;
use crate::{Append, EvidenceFilter, FindingFilter, NewArtifact, StoreError};

#[tokio::test]
async fn evidence_is_found_by_what_it_is_about() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let mut elsewhere = evidence("weekly", at(1_000));
    elsewhere.observation.subjects.truncate(1);
    elsewhere.observation.subjects[0].environment = "staging".parse().unwrap();
    elsewhere.observation.population[0].exist = None;
    let entries = vec![
        entry(1, evidence("nightly", at(0))),
        entry(2, assessment(id(1), "nightly", at(0), vec![finding("a", 1)])),
        entry(3, elsewhere),
    ];
    store.append(Append::entries(at(10), entries)).await.unwrap();
    let cases: Vec<(EvidenceFilter, &[u64])> = vec![
        (EvidenceFilter::default(), &[2, 0]),
        (EvidenceFilter { limit: 1, ..Default::default() }, &[2]),
        (EvidenceFilter { before_seq: Some(2), ..Default::default() }, &[0]),
        (EvidenceFilter { jobs: vec!["nightly".parse().unwrap()], ..Default::default() }, &[0]),
        (EvidenceFilter { collectors: vec!["other".parse().unwrap()], ..Default::default() }, &[]),
        (EvidenceFilter { environments: vec!["staging".parse().unwrap()], ..Default::default() }, &[2]),
        (EvidenceFilter { check: Some("ci-secrets.plaintext-value".parse().unwrap()), ..Default::default() }, &[0]),
        (EvidenceFilter { id: Some(id(3)), ..Default::default() }, &[2]),
        (EvidenceFilter { outcomes: vec![Outcome::Fail], ..Default::default() }, &[0]),
        (EvidenceFilter { outcomes: vec![Outcome::Missing, Outcome::Pass], ..Default::default() }, &[2]),
        (EvidenceFilter { oldest_first: true, ..Default::default() }, &[0, 2]),
        (EvidenceFilter { oldest_first: true, from_seq: Some(1), ..Default::default() }, &[2]),
        (EvidenceFilter { from: Some(at(1)), ..Default::default() }, &[2]),
        (EvidenceFilter { from: Some(at(0)), to: Some(at(1_000)), ..Default::default() }, &[0]),
    ];
    for (filter, expected) in cases {
        let found: Vec<u64> = store.evidence_list(&filter).await.unwrap().iter().map(|one| one.seq).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
    let all = store.evidence_list(&EvidenceFilter::default()).await.unwrap();
    assert_eq!(all[1].subjects, ["production/exhibit", "production/website"]);
    let judged = &all[1].originals[0];
    assert_eq!(
        (judged.check.as_str(), judged.verdict, judged.findings),
        ("ci-secrets.plaintext-value", Verdict::Fail, 1)
    );
    assert_eq!((all[1].outcome, all[1].findings, all[0].outcome), (Outcome::Fail, 1, Outcome::Missing));
    assert_eq!((all[0].exist, all[1].exist, all[1].examined), (None, Some(3), 3));
    let shown = store.evidence_show(id(1)).await.unwrap();
    assert_eq!(shown.evidence.envelope().unwrap().id, id(1));
    assert_eq!(shown.assessments[0].envelope().unwrap().id, id(2));
    assert!(matches!(store.evidence_show(id(2)).await, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn a_replay_is_never_shown_as_the_original() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let original = assessment(id(1), "nightly", at(0), vec![finding("a", 1)]);
    let mut by_other_rules = assessment(id(1), "nightly", at(0), Vec::new());
    by_other_rules.judge.content = digest("other rules");
    let again = assessment(id(1), "nightly", at(0), vec![finding("a", 1)]);
    let first = vec![entry(1, evidence("nightly", at(0))), entry(2, original)];
    store.append(Append::entries(at(10), first)).await.unwrap();
    store.append(Append::entries(at(20), vec![entry(3, by_other_rules), entry(4, again)])).await.unwrap();

    let all = store.evidence_list(&EvidenceFilter::default()).await.unwrap();
    assert_eq!((all[0].outcome, all[0].findings), (Outcome::Fail, 1));
    let seqs = |judged: &[crate::Judged]| judged.iter().map(|one| one.seq).collect::<Vec<_>>();
    assert_eq!((seqs(&all[0].originals), seqs(&all[0].replays)), (vec![1], vec![2, 3]));
    assert_eq!((all[0].replays[0].verdict, all[0].replays[0].judge), (Verdict::Pass, digest("other rules")));
    let passed = EvidenceFilter { outcomes: vec![Outcome::Pass], ..Default::default() };
    assert_eq!(store.evidence_list(&passed).await.unwrap(), []);
    let shown = store.evidence_show(id(1)).await.unwrap();
    assert_eq!(shown.assessments.iter().map(|one| one.seq).collect::<Vec<_>>(), [1]);
    assert_eq!(shown.replays.iter().map(|one| one.seq).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(shown.summary.digest, exhibit_evidence::Digest::of(shown.evidence.text.as_bytes()));
}

#[tokio::test]
async fn a_finding_is_followed_across_assessments_whatever_the_order_of_recording() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let of = |number: u64, observed: i64, findings| {
        let body = assessment(id(900), "nightly", at(observed), findings);
        Append::entries(at(number as i64), vec![entry(number, body)])
    };
    // Recorded in another order than observed, in one group and in several.
    store.append(of(1, 50, vec![finding("a", 2)])).await.unwrap();
    let group = vec![of(2, 10, vec![finding("a", 5), finding("b", 1)]), of(3, 30, vec![finding("a", 3)])];
    for outcome in store.append_all(group).await {
        outcome.unwrap();
    }
    let found = store.findings(&FindingFilter::default()).await.unwrap();
    let a = found.iter().find(|one| one.fingerprint == finding("a", 1).fingerprint).unwrap();
    let b = found.iter().find(|one| one.fingerprint == finding("b", 1).fingerprint).unwrap();
    assert_eq!((a.instances, a.most_instances, a.observations), (2, 5, 3));
    assert_eq!((a.first_observed_to, a.last_observed_to), (at(10), at(50)));
    assert_eq!((a.still_observed, b.still_observed), (true, false));
    let history = store.finding_history(a.fingerprint).await.unwrap();
    assert_eq!(history.iter().map(|one| one.instances).collect::<Vec<_>>(), [5, 3, 2]);
    assert_eq!(history[0].assessment, id(2));

    // Nothing found out says nothing about what is there; a clean look does.
    let mut blind = assessment(id(900), "nightly", at(60), Vec::new());
    blind.verdict = exhibit_evidence::Verdict::Error;
    blind.judgement.subjects[0].verdict = exhibit_evidence::Verdict::Error;
    store.append(Append::entries(at(9), vec![entry(9, blind)])).await.unwrap();
    let open = FindingFilter { only_still_observed: true, ..Default::default() };
    assert_eq!(store.findings(&open).await.unwrap().len(), 1);
    store.append(of(10, 70, Vec::new())).await.unwrap();
    assert!(store.findings(&open).await.unwrap().is_empty());

    let before = store.findings(&FindingFilter::default()).await.unwrap();
    store.rebuild().await.unwrap();
    assert_eq!(store.findings(&FindingFilter::default()).await.unwrap(), before);
    assert!(store.fsck(&crate::Trusted::default()).await.unwrap().is_clean());
}

#[tokio::test]
async fn what_a_job_noted_and_nothing_closed_is_told_as_last_said_wherever_it_is_kept() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let nightly = "nightly".parse().unwrap();
    assert_eq!(store.open_findings(&nightly).await.unwrap(), []);
    let of = |number: u64, job: &str, observed: i64, findings| {
        Append::entries(at(number as i64), vec![entry(number, assessment(id(900), job, at(observed), findings))])
    };
    store.append(of(1, "nightly", 10, vec![finding("a", 5), finding("b", 1)])).await.unwrap();
    let mut said = finding("b", 2);
    said.attributes.insert("package".into(), "pkg:cargo/time".into());
    // The later assessment keeps its findings in an artifact.
    let artifact = NewArtifact {
        media_type: "application/json".into(),
        bytes: exhibit_evidence::to_canonical(&vec![said.clone()]).unwrap().into(),
    };
    let mut moved = assessment(id(901), "nightly", at(20), Vec::new());
    (moved.findings_artifact, moved.finding_count) = (Some(artifact.digest()), 1);
    moved.verdict = exhibit_evidence::Verdict::Fail;
    moved.judgement.subjects[0].verdict = exhibit_evidence::Verdict::Fail;
    let mut append = Append::entries(at(2), vec![entry(2, moved)]);
    append.artifacts = vec![artifact];
    store.append(append).await.unwrap();

    let open = store.open_findings(&nightly).await.unwrap();
    assert_eq!(open.len(), 1, "a is gone, b is not");
    assert_eq!((&open[0].finding, open[0].first_observed_to, open[0].last_observed_to), (&said, at(10), at(20)));
    let weekly = "weekly".parse().unwrap();
    assert_eq!(store.open_findings(&weekly).await.unwrap(), [], "each job remembers its own");
    let gone = finding("a", 5).fingerprint;
    let closed = |fingerprint, first_observed_to, last_observed_to| crate::ClosedFinding {
        fingerprint,
        first_observed_to,
        last_observed_to,
    };
    assert_eq!(store.closed_findings(&nightly).await.unwrap(), [closed(gone, at(10), at(10))]);
    assert_eq!(store.closed_findings(&weekly).await.unwrap(), []);
    // What is back is open again, since when it was first observed.
    store.append(of(3, "nightly", 30, vec![finding("a", 1)])).await.unwrap();
    let b = said.fingerprint;
    assert_eq!(store.closed_findings(&nightly).await.unwrap(), [closed(b, at(10), at(20))]);
    let open = store.open_findings(&nightly).await.unwrap();
    assert_eq!((open.len(), open[0].first_observed_to, open[0].last_observed_to), (1, at(10), at(30)));
}

#[tokio::test]
async fn what_one_job_noted_is_not_closed_by_another_that_looks_at_the_same_subject() {
    let database = TestDatabase::new().await;
    let store = database.store();
    // As two jobs with two scanners look at one subject, each with evidence of its own.
    let look = async |number: u64, job: &str, observed: i64, findings: Vec<exhibit_evidence::Finding>| {
        let judged = assessment(id(number), job, at(observed), findings);
        let entries = vec![entry(number, evidence(job, at(observed))), entry(number + 1, judged)];
        store.append(Append::entries(at(number as i64), entries)).await.unwrap();
    };
    let (a, b) = (finding("a", 1), finding("b", 1));
    let open = async |job: &str| -> Vec<_> {
        let open = store.open_findings(&job.parse().unwrap()).await.unwrap();
        open.iter().map(|one| (one.finding.fingerprint, one.last_observed_to)).collect()
    };
    let closed = async |job: &str| -> Vec<_> {
        let closed = store.closed_findings(&job.parse().unwrap()).await.unwrap();
        closed.iter().map(|one| (one.fingerprint, one.last_observed_to)).collect()
    };
    let shown = async || {
        let only = FindingFilter { only_still_observed: true, ..FindingFilter::default() };
        let listed: Vec<_> = store.findings(&only).await.unwrap().iter().map(|one| one.fingerprint).collect();
        let open = FindingQuery { state: Some(FindingState::Open), ..FindingQuery::default() };
        let mut reading = store.reading(&Scope::whole()).await.unwrap();
        let read: Vec<_> = reading.findings(&open).await.unwrap().items.iter().map(|one| one.fingerprint).collect();
        assert_eq!(listed.iter().collect::<BTreeSet<_>>(), read.iter().collect::<BTreeSet<_>>());
        read.len()
    };
    look(10, "nightly", 10, vec![a.clone()]).await;
    look(20, "weekly", 20, vec![]).await;
    assert_eq!((open("nightly").await, shown().await), (vec![(a.fingerprint, at(10))], 1));
    assert_eq!((open("weekly").await, closed("weekly").await), (vec![], vec![]));

    // Both note another one; when one of them does without it, it is gone for that one alone.
    look(30, "nightly", 30, vec![a.clone(), b.clone()]).await;
    look(40, "weekly", 40, vec![b.clone()]).await;
    look(50, "weekly", 50, vec![]).await;
    let mut both = vec![(a.fingerprint, at(30)), (b.fingerprint, at(30))];
    both.sort();
    assert_eq!((open("nightly").await, closed("nightly").await), (both, vec![]));
    assert_eq!((open("weekly").await, closed("weekly").await), (vec![], vec![(b.fingerprint, at(40))]));

    // A look of the job itself closes what it noted.
    look(60, "nightly", 60, vec![b.clone()]).await;
    assert_eq!(open("nightly").await, [(b.fingerprint, at(60))]);
    assert_eq!((closed("nightly").await, shown().await), (vec![(a.fingerprint, at(30))], 1));
    look(70, "nightly", 70, vec![]).await;
    assert_eq!((open("nightly").await, shown().await), (vec![], 0));
}

#[tokio::test]
async fn entries_of_few_kinds_are_read_whole() {
    let database = TestDatabase::new().await;
    let store = database.store();
    store.append(Append::entries(at(10), every_kind(1))).await.unwrap();
    for (kind, seq) in [("deployment", 0), ("schedule", 1), ("period", 5), ("report", 6), ("receipt", 7)] {
        let found = store.entries_of_kind(kind).await.unwrap();
        assert_eq!(found.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [seq], "{kind}");
    }
    assert!(store.entries_of_kind("evidence").await.is_err());
    assert!(store.entries_of_kind("nonsense").await.is_err());
    assert_eq!(store.receipts_of(id(7)).await.unwrap()[0].seq, 7);
}

#[tokio::test]
async fn closed_slots_are_listed_by_their_time() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let job = "nightly".parse().unwrap();
    assert_eq!(store.last_closed_slot(&job).await.unwrap(), None);
    let entries = (0..3).map(|n| entry(n + 1, closure("nightly", at(n as i64 * 10)))).collect();
    store.append(Append::entries(at(50), entries)).await.unwrap();
    let closed = store.closed_slots(at(0), at(20)).await.unwrap();
    assert_eq!(closed.iter().map(|one| one.seq).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(store.last_closed_slot(&job).await.unwrap(), Some(at(20)));
}
