//! Lists of operations drawn by seed, faults included. However they went, two quiet runs later nothing is lost, nothing is
//! there twice, nothing is left to do, and verification finds nothing.

use std::{collections::BTreeMap, sync::Arc};

use chrono::TimeDelta;
use exhibit_archive::Fault;
use exhibit_evidence::{Clock as _, report::Standing, schedule::Schedule};
use exhibit_ledger::bundle::{Trust, verify_bundle};
use exhibit_pipeline::{World, check_receipts, issue, perform_on_demand, plan, run_due, unarchived};
use exhibit_store::EvidenceFilter;
use exhibit_tests::{Example, SeededRandom, TestWorld, at};

/// Every six hours, and Mondays.
const SCHEDULES: [&str; 2] = ["0 */6 * * *", "30 5 * * 1"];
/// A fortnight before a quarter's end.
const START: &str = "2026-09-16T08:00:00Z";
const STEPS: usize = 14;

#[derive(Debug)]
enum Step {
    Wait(TimeDelta),
    Run,
    RunTwiceAtOnce,
    RunWithFault(usize, Fault),
    PlanOnly,
    OnDemand(usize),
    Interim,
    Restart,
    Rebuild,
}

fn draw(random: &SeededRandom) -> Step {
    let pick = |below: u64| random.next() % below;
    let hours = |hours: u64| TimeDelta::hours(i64::try_from(hours).expect("few"));
    match pick(14) {
        0..=3 => Step::Wait(hours(1 + pick(70))),
        4 => Step::Wait(hours(24 * (7 + pick(80)))),
        5 | 6 => Step::Run,
        7 => Step::RunTwiceAtOnce,
        8 | 9 => {
            let fault = if pick(2) == 0 { Fault::NotDone } else { Fault::DoneButNotTold };
            Step::RunWithFault(usize::try_from(pick(6)).expect("few"), fault)
        }
        10 => Step::PlanOnly,
        11 => Step::OnDemand(usize::try_from(pick(2)).expect("few")),
        12 => Step::Interim,
        _ => {
            if pick(2) == 0 {
                Step::Restart
            } else {
                Step::Rebuild
            }
        }
    }
}

/// Takes a step. Only a fault that was asked for may make one fail.
async fn take(story: &TestWorld, world: &mut Arc<World>, step: &Step) {
    match step {
        Step::Wait(time) => story.clock.advance(*time),
        Step::Run => drop(run_due(world, &()).await.expect("a run without a fault goes through")),
        Step::RunTwiceAtOnce => {
            let other = story.replica();
            let (one, two) = tokio::join!(run_due(world, &()), run_due(&other, &()));
            assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
        }
        Step::RunWithFault(verb, fault) => {
            story.vault.fail_after(*verb, *fault);
            let run = run_due(world, &()).await;
            assert!(run.is_ok() || story.vault.has_failed(), "{run:?}");
            story.vault.forget();
        }
        Step::PlanOnly => drop(plan(world).await.expect("planned")),
        Step::OnDemand(job) => drop(perform_on_demand(world, &world.plan.jobs[*job].id).await.expect("performed")),
        Step::Interim => {
            // Before the first run there is nothing that a report could speak of.
            if story.size().await > 0 {
                let period = world.plan.deployment.calendar.period_of(story.clock.now());
                issue(world, &period, Standing::Interim).await.expect("issued");
            }
        }
        Step::Restart => *world = story.replica(),
        Step::Rebuild => drop(world.store.rebuild().await.expect("rebuilt")),
    }
}

async fn assert_settled(story: &TestWorld, world: &Arc<World>) {
    run_due(world, &()).await.expect("a quiet run goes through");
    let size = story.size().await;
    let objects = story.vault.keys().await;
    let idle = run_due(world, &()).await.expect("a quiet run goes through");
    assert_eq!(
        (idle.planned, idle.slots.len(), idle.issued.len(), idle.archived),
        (0, 0, 0, 0),
        "something was left to do"
    );
    assert_eq!((story.size().await, story.vault.keys().await), (size, objects), "an idle run changed something");

    story.assert_clean().await;

    // Nothing lost, nothing twice: each slot that the schedules name has one end, and each end that names evidence, its own.
    let now = story.clock.now();
    let zone = world.plan.deployment.calendar.time_zone();
    let closed = world.store.closed_slots(at(START), now).await.expect("slots");
    for (job, schedule) in world.plan.jobs.iter().zip(SCHEDULES) {
        let schedule = Schedule::parse(schedule).expect("a schedule");
        let promised: Vec<_> = schedule.occurrences(zone, at(START).utc(), now.utc()).collect();
        let ended: Vec<_> =
            closed.iter().filter(|slot| slot.slot.job == job.id).map(|slot| slot.slot.scheduled_for.utc()).collect();
        assert_eq!(ended, promised, "{}", job.id);
    }
    assert_eq!(world.store.open_slots(now).await.expect("slots"), []);
    let filled: Vec<_> = closed.iter().filter_map(|slot| slot.evidence).collect();
    let all = EvidenceFilter { limit: u32::MAX, ..EvidenceFilter::default() };
    let mut for_slots: BTreeMap<_, usize> = BTreeMap::new();
    for evidence in world.store.evidence_list(&all).await.expect("evidence") {
        if let Some(time) = evidence.scheduled_for {
            *for_slots.entry((evidence.job, time)).or_default() += 1;
        }
    }
    assert!(for_slots.values().all(|times| *times == 1), "{for_slots:?}");
    assert_eq!(for_slots.len(), filled.len());

    // Every report has one receipt that is so, and its bundle proves itself.
    let reports = world.store.entries_of_kind("report").await.expect("reports").len();
    let receipts = check_receipts(world).await.expect("receipts");
    assert_eq!(receipts.iter().filter(|receipt| receipt.key.starts_with("reports/")).count(), reports);
    assert_eq!(unarchived(world).await.expect("receipts"), []);
    assert!(receipts.iter().all(|receipt| receipt.difference.is_none()), "{receipts:?}");
    assert_eq!(world.store.open_intents().await.expect("intents"), []);
    let trust = Trust { keys: vec![world.signer.verifier().clone()], ..Trust::default() };
    for (key, bytes) in story.vault.objects().await.iter().filter(|(key, _)| key.starts_with("reports/")) {
        let verification = verify_bundle(bytes.as_slice(), &trust).expect("a bundle");
        assert!(verification.is_clean(), "{key}: {:?}", verification.differences);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_it_settles() {
    for seed in 1..=8 {
        let random = SeededRandom::new(seed);
        let examples = [
            Example::new("ci", "ci_secrets", "fail").scheduled(SCHEDULES[0]),
            Example::new("credentials", "unique_credentials", "fail-shared").scheduled(SCHEDULES[1]),
        ];
        let story = TestWorld::new(START, &examples).await;
        // Promises begin with the first run.
        story.run_at(START).await;
        let mut world = story.replica();
        for number in 0..STEPS {
            let step = draw(&random);
            // Shown only where the test fails: the steps that led there.
            println!("seed {seed}, step {number}, {}: {step:?}", story.clock.now());
            take(&story, &mut world, &step).await;
        }
        assert_settled(&story, &world).await;
    }
}
