//! What the fold makes of a ledger: boundaries, lateness, gaps, staleness, replays, renames.

use chrono::TimeDelta;
use exhibit_evidence::{
    Body, CollectorId, Condition, Digest, Outcome, Place, Severity, Timestamp, Verdict, catalog::AuditItem,
    observation::CollectorRef, slot::SlotState,
};

use super::story::{Look, Performance, Story, check, deployment, finding, look, outcome, period, subject, t};
use crate::view::FindingState;

const SHARED: &str = "unique-credentials.shared";
const JOB: &str = "credentials";

fn passing() -> Look {
    look(SHARED, &subject("production", "shop"), Verdict::Pass, "48 values compared, none is shared.")
}

fn with(verdict: Verdict) -> Look {
    look(SHARED, &subject("production", "shop"), verdict, "told by the story")
}

fn failing() -> Look {
    let at = subject("production", "shop");
    let place = Place { key: Some("REDIS_PASSWORD".to_owned()), ..Place::default() };
    look(SHARED, &at, Verdict::Fail, "1 value is shared.").noting([finding(
        SHARED,
        &at,
        "shared-value",
        Severity::High,
        place,
        1,
        "Production and staging hold the same value.",
    )])
}

/// A ledger with a weekly job (Monday 06:00 in Berlin) that is promised from that time on.
fn begin(at: &str) -> Story {
    let mut story = Story::begin(at);
    let text = String::new;
    story.condition(
        "shared-value",
        Condition {
            title: "A credential is shared".to_owned(),
            risk: text(),
            impact: text(),
            recommendation: text(),
            steps: vec![],
            references: vec![],
        },
    );
    story.promise(JOB, "unique_credentials", Some("0 6 * * 1"), &["production", "staging"]);
    story
}

fn run(story: &mut Story, slot: Option<&str>, at: Timestamp, looks: &[Look]) {
    story.run(Performance {
        job: JOB,
        collector: "unique_credentials",
        slot: slot.map(t),
        at,
        looks,
        version: 1,
        population: None,
        problems: vec![],
    });
}

#[test]
fn evidence_belongs_to_the_quarter_in_which_it_was_observed() {
    let mut story = begin("2026-09-20 00:00");
    let end = period("2026-Q3").end;
    let cases = [
        (end.plus(-TimeDelta::seconds(41)), "2026-Q3"),
        // The run begins in the old quarter and ends at the very first instant of the next one.
        (end.plus(-TimeDelta::seconds(40)), "2026-Q4"),
        (end, "2026-Q4"),
    ];
    for (at, _) in cases {
        run(&mut story, None, at, &[passing()]);
    }
    for quarter in ["2026-Q3", "2026-Q4"] {
        let expected = cases.iter().filter(|(_, of)| *of == quarter).count();
        assert_eq!(story.view(quarter).evidence.len(), expected, "{quarter}");
    }
}

#[test]
fn late_evidence_counts_until_the_freeze_and_is_listed_after_it() {
    let mut story = begin("2026-09-20 00:00");
    let observed = period("2026-Q3").end.plus(-TimeDelta::hours(1));
    // Recorded in the next quarter, but before the freeze: it counts where it was observed.
    story.now(period("2026-Q3").end.plus(TimeDelta::days(2)));
    run(&mut story, None, observed, &[passing()]);
    story.freeze("2026-Q3");
    let before = story.view("2026-Q3");
    assert_eq!(check(&before, SHARED).occurrences, 1);
    // After it: it stays out of the closed quarter's counts and is listed in the next report.
    run(&mut story, None, observed, &[failing()]);
    let closed = story.view("2026-Q3");
    assert_eq!(check(&closed, SHARED), check(&before, SHARED));
    assert_eq!((closed.evidence.len(), closed.late_arrivals.len()), (1, 0));
    let next = story.view("2026-Q4");
    assert_eq!((next.evidence.len(), next.late_arrivals.len()), (0, 1));
    assert_eq!(next.late_arrivals[0].evidence, story.last_evidence.expect("a run"));
    assert_eq!(check(&next, SHARED).occurrences, 0);
}

#[test]
fn promises_alone_make_gaps() {
    // Nobody ever wrote a slot: neither performed nor missed.
    let mut story = begin("2026-10-04 00:00");
    story.now(t("2026-10-26 12:00"));
    story.record(deployment("0.1.0"));
    let view = story.view("2026-Q4");
    // Mondays 5, 12, 19 October at 04:00 UTC; 26 October at 05:00 UTC, after the clocks went back.
    let slots: Vec<_> = view.gaps.iter().map(|gap| gap.scheduled_for).collect();
    assert_eq!(slots, ["2026-10-05 04:00", "2026-10-12 04:00", "2026-10-19 04:00", "2026-10-26 05:00"].map(t));
    assert!(view.gaps.iter().all(|gap| gap.state == SlotState::Missed));
    assert_eq!((view.totals.expected, view.totals.missed), (4, 4));
    assert_eq!(outcome(&view, SHARED), (Outcome::Missing, Outcome::Missing));
    // The missing results are counted: one for each check of the job.
    let missing = view.totals.outcomes.iter().find(|line| line.outcome == Outcome::Missing).expect("always there");
    assert_eq!(missing.count, 2);
}

#[test]
fn a_slot_is_not_missed_before_its_time_is_up() {
    let mut story = begin("2026-10-04 00:00");
    story.now(t("2026-10-05 09:59"));
    story.record(deployment("0.1.0"));
    assert_eq!(story.view("2026-Q4").totals.expected, 0);
    story.now(t("2026-10-05 10:01"));
    story.record(deployment("0.1.0"));
    assert_eq!(story.view("2026-Q4").totals.missed, 1);
}

#[test]
fn a_slot_missed_in_the_last_hour_of_a_quarter_is_missed() {
    let mut story = begin("2026-09-29 00:00");
    // Half past eleven at night in Berlin; late after six hours, when the quarter is over.
    story.promise("nightly", "ci_secrets", Some("30 23 30 * *"), &["production"]);
    story.freeze("2026-Q3");
    let view = story.view("2026-Q3");
    let gaps: Vec<_> = view.gaps.iter().map(|gap| (gap.job.as_str(), gap.scheduled_for)).collect();
    assert_eq!(gaps, [("nightly", t("2026-09-30 21:30"))]);
}

#[test]
fn a_slot_that_was_tried_and_not_performed_is_an_error() {
    let mut story = begin("2026-10-04 00:00");
    let slot = t("2026-10-05 04:00");
    run(&mut story, None, t("2026-10-04 08:00"), &[passing()]);
    let evidence = story.last_evidence.expect("a run");
    story.now(slot.plus(TimeDelta::hours(7)));
    story.close(JOB, slot, SlotState::Errored, Some((slot, slot, evidence)), Some("no answer"));
    let view = story.view("2026-Q4");
    assert_eq!((view.gaps[0].state, view.gaps[0].performed_at), (SlotState::Errored, None));
    assert_eq!(outcome(&view, SHARED), (Outcome::Error, Outcome::Error));
}

#[test]
fn catching_up_is_late_and_never_fills_the_past() {
    let mut story = begin("2026-10-04 00:00");
    run(&mut story, Some("2026-10-05 04:00"), t("2026-10-08 09:00"), &[passing()]);
    let view = story.view("2026-Q4");
    assert_eq!((view.totals.performed, view.totals.late, view.totals.missed), (0, 1, 0));
    assert_eq!(view.gaps[0].performed_at, Some(t("2026-10-08 09:00")));
    assert_eq!(check(&view, SHARED).windows[0].from, t("2026-10-08 09:00").plus(TimeDelta::seconds(40)));
    // A run on demand fills no slot.
    run(&mut story, None, t("2026-10-13 09:00"), &[passing()]);
    let view = story.view("2026-Q4");
    assert_eq!((view.totals.missed, view.totals.on_demand), (1, 1));
}

#[test]
fn old_evidence_goes_stale_but_a_deviation_stays_a_deviation() {
    for (looked, expected) in [(passing(), Outcome::Stale), (failing(), Outcome::Fail)] {
        let mut story = begin("2026-10-04 00:00");
        run(&mut story, Some("2026-10-05 04:00"), t("2026-10-05 04:00"), &[looked]);
        story.now(t("2026-10-05 04:01").plus(TimeDelta::days(10)));
        story.record(deployment("0.1.0"));
        // The slot of 12 October was not performed: the roll-up says the worst of both.
        let view = story.view("2026-Q4");
        assert_eq!(check(&view, SHARED).subjects[0].current, expected);
        assert_eq!(outcome(&view, SHARED), (expected, expected));
    }
}

#[test]
fn only_a_pass_is_a_pass() {
    for verdict in [Verdict::Fail, Verdict::Error, Verdict::Vacuous, Verdict::NotApplicable] {
        let mut story = begin("2026-10-04 00:00");
        run(&mut story, Some("2026-10-05 04:00"), t("2026-10-05 04:00"), &[with(verdict)]);
        let view = story.view("2026-Q4");
        assert_eq!(outcome(&view, SHARED), (verdict.into(), verdict.into()));
        let item = view.audit_items.iter().find(|item| item.item == AuditItem::UniqueCredentials).expect("always");
        assert_eq!(item.current, Some(verdict.into()));
        let passes = view.totals.outcomes.iter().find(|line| line.outcome == Outcome::Pass).expect("always");
        assert_eq!(passes.count, 0, "{verdict}");
    }
}

#[test]
fn a_run_without_subjects_is_no_pass() {
    let mut story = begin("2026-10-04 00:00");
    run(&mut story, Some("2026-10-05 04:00"), t("2026-10-05 04:00"), &[passing()]);
    let evidence = story.last_evidence.expect("a run");
    // The judge of the other check saw nothing to judge.
    let collector = collector(1);
    story.assess(evidence, JOB, t("2026-10-05 04:00").plus(TimeDelta::seconds(40)), &collector, &[]);
    let view = story.view("2026-Q4");
    assert_eq!(outcome(&view, SHARED).0, Outcome::Pass);
    assert_eq!(outcome(&view, "unique-credentials.weak").0, Outcome::Missing);
}

fn collector(version: u8) -> CollectorRef {
    CollectorRef {
        id: CollectorId::new("unique_credentials").expect("an id"),
        version: format!("0.1.{version}"),
        content: Digest::of(&[version]),
    }
}

#[test]
fn a_replay_by_other_rules_changes_nothing() {
    let mut story = begin("2026-10-04 00:00");
    run(&mut story, Some("2026-10-05 04:00"), t("2026-10-05 04:00"), &[failing()]);
    let before = story.view("2026-Q4");
    let evidence = story.last_evidence.expect("a run");
    let observed = t("2026-10-05 04:00").plus(TimeDelta::seconds(40));
    story.assess(evidence, JOB, observed, &collector(2), &[passing()]);
    let after = story.view("2026-Q4");
    assert_eq!(after.checks, before.checks);
    assert_eq!(after.deviations, before.deviations);
    assert_eq!(after.evidence, before.evidence);
}

#[test]
fn a_run_on_demand_over_fewer_subjects_hides_none() {
    let (shop, till) = (subject("production", "shop"), subject("production", "till"));
    let says = |of: &_, verdict| look(SHARED, of, verdict, "told by the story");
    let told = |story: &Story| {
        let view = story.view("2026-Q4");
        let subjects = &check(&view, SHARED).subjects;
        subjects.iter().map(|s| (s.subject.id.to_string(), s.current, s.last_observed)).collect::<Vec<_>>()
    };
    let seen = |at: &str| Some(t(at).plus(TimeDelta::seconds(40)));
    let mut story = begin("2026-10-04 00:00");
    let monday = [says(&shop, Verdict::Fail), says(&till, Verdict::Pass)];
    run(&mut story, Some("2026-10-05 04:00"), t("2026-10-05 04:00"), &monday);
    run(&mut story, None, t("2026-10-06 09:00"), &[says(&till, Verdict::Pass)]);
    let both = [
        ("shop".to_owned(), Outcome::Fail, seen("2026-10-05 04:00")),
        ("till".to_owned(), Outcome::Pass, seen("2026-10-06 09:00")),
    ];
    assert_eq!(told(&story), both);
    let count = |story: &Story, outcome| {
        let outcomes = story.view("2026-Q4").totals.outcomes;
        outcomes.into_iter().find(|count| count.outcome == outcome).map(|count| count.count)
    };
    assert_eq!((count(&story, Outcome::Fail), count(&story, Outcome::Pass)), (Some(1), Some(1)));
    assert_eq!(check(&story.view("2026-Q4"), SHARED).current, Outcome::Fail);

    // The next round of the schedule is over everything: what it no longer has is out of scope.
    run(&mut story, Some("2026-10-12 04:00"), t("2026-10-12 04:00"), &[says(&till, Verdict::Pass)]);
    assert_eq!(told(&story), [("till".to_owned(), Outcome::Pass, seen("2026-10-12 04:00"))]);
}

#[test]
fn items_that_no_job_collects_for_are_not_covered() {
    let view = begin("2026-10-04 00:00").view("2026-Q4");
    let items: Vec<_> = view.audit_items.iter().map(|item| (item.item, item.current)).collect();
    assert_eq!(items.len(), 5);
    for (item, current) in items {
        let expected = (item == AuditItem::UniqueCredentials).then_some(Outcome::Missing);
        assert_eq!(current, expected, "{item:?}");
    }
}

#[test]
fn a_renamed_check_keeps_its_history() {
    let at = subject("production", "shop");
    let mut story = begin("2026-09-20 00:00");
    story.promise("ci", "ci_secrets", None, &["production"]);
    let noting = |name: &'static str| {
        let place = Place { file: Some("ci.yml".to_owned()), ..Place::default() };
        // The fingerprint is made from the check's first id, whatever it is called now.
        let noted = finding("ci-secrets.literal", &at, "shared-value", Severity::High, place, 1, "A literal.");
        look(name, &at, Verdict::Fail, "1 literal.").noting([noted])
    };
    for (name, day) in [("ci-secrets.literal", "2026-09-28 04:00"), ("ci-secrets.plaintext-value", "2026-10-05 04:00")]
    {
        story.run(Performance {
            job: "ci",
            collector: "ci_secrets",
            slot: None,
            at: t(day),
            looks: &[noting(name)],
            version: 1,
            population: None,
            problems: vec![],
        });
    }
    let view = story.view("2026-Q4");
    let states: Vec<_> = view.follow_up.iter().map(|line| (line.check.as_str(), line.state)).collect();
    assert_eq!(states, [("ci-secrets.plaintext-value", FindingState::NotRemediated)]);
    assert_eq!(view.deviations[0].findings[0].runs_in_a_row, 2);
}

#[test]
fn what_cannot_be_read_is_said() {
    let mut story = begin("2026-10-04 00:00");
    run(
        &mut story,
        None,
        t("2026-10-05 04:00"),
        &[look("unique-credentials.gone", &subject("ci", "x"), Verdict::Fail, "")],
    );
    let mut fold = story.fold("2026-Q4");
    fold.add_unreadable(t("2026-10-06 00:00"));
    let mut edition = story.edition(exhibit_evidence::report::Standing::Interim);
    assert!(fold.view(&edition).is_err(), "the checkpoint is about another number of entries");
    edition.size += 1;
    let view = fold.view(&edition).expect("a view");
    assert_eq!(view.limits.len(), 2, "{:?}", view.limits);
    assert!(view.limits[0].contains("unique-credentials.gone"));
    assert!(view.limits[1].contains("cannot read"));
}

#[test]
fn findings_that_are_not_at_hand_are_not_gone() {
    let mut story = begin("2026-10-04 00:00");
    run(&mut story, Some("2026-10-05 04:00"), t("2026-10-05 04:00"), &[failing()]);
    run(&mut story, Some("2026-10-12 04:00"), t("2026-10-12 04:00"), &[failing()]);
    let kept = story.entries.iter_mut().rev().find_map(|entry| match &mut entry.body {
        Body::Assessment(body) => Some(body),
        _ => None,
    });
    let kept = kept.expect("an assessment");
    // The second run's findings were too long for a record and lie in an artifact.
    let findings = std::mem::take(&mut kept.judgement.findings);
    kept.findings_artifact = Some(Digest::of(b"artifact"));
    let without = story.view("2026-Q4");
    assert_eq!(without.deviations[0].findings[0].state, FindingState::NotReexamined);
    assert_eq!((outcome(&without, SHARED).0, without.limits.len()), (Outcome::Fail, 1));

    let mut fold = crate::Fold::new(period("2026-Q4"), super::story::catalog());
    for entry in &story.entries {
        let of_artifact = matches!(&entry.body, Body::Assessment(body) if body.findings_artifact.is_some());
        fold.add(entry, Digest::of(b"record"), of_artifact.then_some(findings.as_slice()));
    }
    let with = fold.view(&story.edition(exhibit_evidence::report::Standing::Interim)).expect("a view");
    assert_eq!(with.deviations[0].findings[0].state, FindingState::New);
    assert_eq!((with.deviations[0].findings[0].runs_in_a_row, with.limits.len()), (2, 0));
}

#[test]
fn windows_tell_when_a_check_said_what() {
    let mut story = begin("2026-10-04 00:00");
    let days = ["05", "12", "19", "26"];
    let looks = [passing(), failing(), failing(), with(Verdict::Error)];
    for (day, looked) in days.iter().zip(looks) {
        let slot = if *day == "26" { format!("2026-10-{day} 05:00") } else { format!("2026-10-{day} 04:00") };
        run(&mut story, Some(&slot), t(&slot), &[looked]);
    }
    let view = story.view("2026-Q4");
    let windows: Vec<_> = check(&view, SHARED).windows.iter().map(|w| (w.verdict, w.occurrences)).collect();
    assert_eq!(windows, [(Verdict::Pass, 1), (Verdict::Fail, 2), (Verdict::Error, 1)]);
    assert_eq!(view.totals.performed, 4);
    // The latest run could not find out, so the deviation stays open, and nobody says that it was examined again.
    assert_eq!(view.deviations[0].findings[0].state, FindingState::NotReexamined);
    assert_eq!(outcome(&view, SHARED), (Outcome::Error, Outcome::Fail));
}

#[test]
fn the_same_entries_give_the_same_view() {
    let mut story = begin("2026-10-04 00:00");
    run(&mut story, Some("2026-10-05 04:00"), t("2026-10-05 04:00"), &[failing()]);
    assert_eq!(story.view("2026-Q4"), story.view("2026-Q4"));
}
