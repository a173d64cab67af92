//! What was promised, what was kept of it, and what became of the rest.

use exhibit_evidence::{Outcome, slot::SlotState};
use exhibit_pipeline::{declare, perform_on_demand, plan, run_due};
use exhibit_tests::{Example, TestWorld, at};

use super::{ends, outcomes};

/// Six in the morning in Berlin: 04:00 UTC in summer.
const DAILY: &str = "0 6 * * *";

/// DESIGN §8, 5: three days without a scheduler. Slots are missed, the newest is kept late, the report shows the gap, and
/// nothing turns green by dating it back.
#[tokio::test(flavor = "multi_thread")]
async fn three_days_of_downtime_stay_visible() {
    let story =
        TestWorld::new("2026-08-09T22:00:00Z", &[Example::new("ci", "ci_secrets", "pass").scheduled(DAILY)]).await;
    assert_eq!(ends(&story.run_at("2026-08-09T22:00:00Z").await.slots), [""; 0]);
    assert_eq!(ends(&story.run_at("2026-08-10T04:05:00Z").await.slots), ["performed"]);
    let before = story.view("2026-08-10T04:05:00Z").await;
    assert!(before.checks.iter().all(|check| check.throughout == Outcome::Pass), "{:?}", outcomes(&before));

    let summary = story.run_at("2026-08-13T12:00:00Z").await;

    assert_eq!(ends(&summary.slots), ["missed", "missed", "late"]);
    let view = story.view("2026-08-13T12:00:00Z").await;
    assert_eq!((view.totals.expected, view.totals.performed, view.totals.late), (4, 1, 1));
    assert_eq!((view.totals.missed, view.totals.errored), (2, 0));
    let gaps: Vec<_> = view.gaps.iter().map(|gap| (gap.scheduled_for, gap.state)).collect();
    assert_eq!(
        gaps,
        [
            (at("2026-08-11T04:00:00Z"), SlotState::Missed),
            (at("2026-08-12T04:00:00Z"), SlotState::Missed),
            (at("2026-08-13T04:00:00Z"), SlotState::Late),
        ]
    );
    let performed_at = view.gaps[2].performed_at.expect("it was performed");
    assert!(performed_at >= at("2026-08-13T12:00:00Z"), "a late run says when it was made: {performed_at}");
    for evidence in &view.evidence {
        let slot = evidence.scheduled_for.expect("it fills a slot");
        assert!(evidence.observed_to >= slot, "nothing is dated back: {evidence:?}");
    }
    for check in &view.checks {
        assert_eq!(check.current, Outcome::Pass, "{} is known again", check.id);
        assert_ne!(check.throughout, Outcome::Pass, "{} was unknown for two days", check.id);
        assert_eq!(check.not_performed, 2, "{}", check.id);
    }
    story.assert_clean().await;
}

/// The next run finds nothing to do, and says so by changing nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_changes_nothing() {
    let story =
        TestWorld::new("2026-08-10T00:00:00Z", &[Example::new("ci", "ci_secrets", "pass").scheduled(DAILY)]).await;
    story.run_at("2026-08-10T00:00:00Z").await;
    story.run_at("2026-08-10T04:05:00Z").await;
    let size = story.size().await;
    let objects = story.vault.keys().await;
    let again = story.run_at("2026-08-10T04:06:00Z").await;
    assert_eq!((again.planned, again.slots.len(), again.archived, again.issued.len()), (0, 0, 0, 0));
    assert!(!again.declared.deployment && again.declared.jobs.is_empty());
    assert_eq!(story.size().await, size);
    assert_eq!(story.vault.keys().await, objects);
}

/// A slot in which the collector brings nothing back stands as errored, never green. Settings that somebody has to change
/// are not tried again.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_can_not_be_performed_is_errored() {
    let mut broken = Example::new("broken", "unique_credentials", "pass").scheduled(DAILY);
    broken.job.settings.source.insert("no-such-setting".to_owned(), toml::Value::Boolean(true));
    let job = broken.job.id.clone();
    let story = TestWorld::new("2026-08-10T00:00:00Z", &[broken]).await;
    story.run_at("2026-08-10T00:00:00Z").await;
    let summary = story.run_at("2026-08-10T04:05:00Z").await;

    assert_eq!(ends(&summary.slots), ["errored"]);
    let closed =
        story.world.store.closed_slots(at("2026-08-10T00:00:00Z"), at("2026-08-11T00:00:00Z")).await.expect("slots");
    assert_eq!(closed.len(), 1);
    assert_eq!((closed[0].attempts, closed[0].evidence), (1, None));
    let view = story.view("2026-08-10T04:05:00Z").await;
    assert_eq!((view.totals.expected, view.totals.errored), (1, 1));
    assert!(view.gaps.iter().any(|gap| gap.job == job && !gap.reason.is_empty()), "{:?}", view.gaps);
    assert!(!view.checks.is_empty(), "what was promised is in the report");
    for check in &view.checks {
        assert!(check.current != Outcome::Pass && check.throughout != Outcome::Pass, "{:?}", outcomes(&view));
    }
    story.assert_clean().await;
}

/// A slot is performed once, however many processes try.
#[tokio::test(flavor = "multi_thread")]
async fn two_processes_perform_each_slot_once() {
    let examples = [
        Example::new("ci", "ci_secrets", "pass").scheduled("*/10 * * * *"),
        Example::new("credentials", "unique_credentials", "pass").scheduled("*/10 * * * *"),
        Example::new("weak", "unique_credentials", "fail-weak").scheduled("*/10 * * * *"),
    ];
    let story = TestWorld::new("2026-08-10T00:01:00Z", &examples).await;
    story.run_at("2026-08-10T00:01:00Z").await;
    let other = story.replica();
    for round in 1..=4 {
        story.clock.set(at(&format!("2026-08-10T00:{}6:00Z", round)));
        let (one, two) = tokio::join!(run_due(&story.world, &()), run_due(&other, &()));
        let (one, two) = (one.expect("runs"), two.expect("runs"));
        let filled = ends(&one.slots).len() + ends(&two.slots).len();
        assert_eq!(filled, 3, "each slot has one end: {:?} {:?}", one.slots, two.slots);
    }
    let closed =
        story.world.store.closed_slots(at("2026-08-10T00:00:00Z"), at("2026-08-11T00:00:00Z")).await.expect("slots");
    assert_eq!(closed.len(), 12);
    let view = story.view("2026-08-10T00:46:00Z").await;
    assert_eq!(view.totals.expected, 12);
    assert_eq!(view.evidence.len(), 12, "one piece of evidence for each slot");
    story.assert_clean().await;
}

/// Somebody changes what a job looks at: the promise is made anew, from now on, and the report lists the change.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_job_is_promised_anew() {
    let story = TestWorld::new(
        "2026-08-10T00:00:00Z",
        &[
            Example::new("credentials", "unique_credentials", "pass").scheduled(DAILY),
            Example::new("ci", "ci_secrets", "pass").scheduled(DAILY),
        ],
    )
    .await;
    story.run_at("2026-08-10T04:05:00Z").await;
    let size = story.size().await;
    let changes = story.view("2026-08-10T04:05:00Z").await.changes.len();

    story.clock.set(at("2026-08-10T09:00:00Z"));
    let changed = story.with_jobs(|jobs| {
        jobs[0].settings.policy.insert("minimum_length".to_owned(), toml::Value::Integer(20));
        jobs.remove(1);
    });
    let declared = declare(&changed).await.expect("declared");

    let names: Vec<&str> = declared.jobs.iter().map(|job| job.as_str()).collect();
    assert_eq!(names, ["credentials", "ci"], "one is promised anew, one is withdrawn");
    assert_eq!(story.size().await, size + 2);
    assert_eq!(declare(&changed).await.expect("declared").jobs, [], "once");
    let view = story.view("2026-08-10T09:00:00Z").await;
    let new: Vec<&str> = view.changes[changes..].iter().map(|change| change.what.as_str()).collect();
    assert!(
        new.iter().any(|what| what.contains("credentials")) && new.iter().any(|what| what.contains("ci")),
        "{new:?}"
    );
}

/// A promise that was made is kept in the ledger: taking rows out of the table of slots hides no miss.
#[tokio::test(flavor = "multi_thread")]
async fn deleting_slots_hides_no_miss() {
    let story =
        TestWorld::new("2026-08-10T00:00:00Z", &[Example::new("ci", "ci_secrets", "pass").scheduled(DAILY)]).await;
    story.run_at("2026-08-10T00:00:00Z").await;
    story.clock.set(at("2026-08-12T12:00:00Z"));
    assert_eq!(plan(&story.world).await.expect("planned"), 3);
    story.database.tamper("DELETE FROM slot_claims").await;
    // A report speaks as of the ledger's last entry: one that says nothing of the slots brings it up to now.
    perform_on_demand(&story.world, &story.world.plan.jobs[0].id).await.expect("performed");
    let view = story.view("2026-08-12T12:00:00Z").await;
    assert_eq!(view.totals.expected, 3);
    assert_eq!(view.totals.performed + view.totals.late, 0);
    assert_eq!(view.gaps.len(), 3, "{:?}", view.gaps);
    assert!(view.checks.iter().all(|check| check.throughout != Outcome::Pass), "{:?}", outcomes(&view));
}
