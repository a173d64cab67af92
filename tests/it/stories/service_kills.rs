//! A week of slots, two services, and fifty of them dropped where they stand: each slot has one end, or is visibly missing.

use std::{collections::BTreeMap, time::Duration};

use chrono::TimeDelta;
use exhibit_evidence::slot::SlotState;
use exhibit_store::EvidenceFilter;
use exhibit_tests::{Example, SeededRandom, TestWorld, at};

use super::service::{Running, quick};

const KILLS: usize = 50;
const SEED: u64 = 0x0e3a_51de;
const START: &str = "2026-08-10T00:30:00Z";
/// So much of the story's time passes at most between two kills: two weeks altogether, or so.
const MOST_MINUTES: u64 = 8 * 60;

#[tokio::test(flavor = "multi_thread")]
async fn every_slot_of_a_week_is_accounted_for() {
    let examples = [
        Example::new("ci", "ci_secrets", "pass").scheduled("0 */3 * * *"),
        Example::new("credentials", "unique_credentials", "pass").scheduled("30 * * * *"),
        Example::new("weak", "unique_credentials", "fail-weak").scheduled("0 6 * * *"),
    ];
    let story = TestWorld::new(START, &examples).await;
    let random = SeededRandom::new(SEED);
    let mut services =
        vec![Running::start(story.replica(), quick()).await, Running::start(story.replica(), quick()).await];
    for _ in 0..KILLS {
        let minutes = i64::try_from(random.next() % MOST_MINUTES).expect("a small number");
        story.clock.advance(TimeDelta::minutes(minutes));
        tokio::time::sleep(Duration::from_millis(random.next() % 600)).await;
        let which = usize::try_from(random.next() % 2).expect("0 or 1");
        services.remove(which).kill().await;
        services.insert(which, Running::start(story.replica(), quick()).await);
    }
    for service in services {
        service.end().await;
    }
    // A plain run finds what is left, and the one after it nothing.
    story.try_run().await.expect("a run goes through");
    assert_eq!(story.try_run().await.expect("a run goes through").slots, []);

    let ever = (at(START), at("2027-01-01T00:00:00Z"));
    let closed = story.world.store.closed_slots(ever.0, ever.1).await.expect("slots");
    let filled = closed.iter().filter(|slot| slot.evidence.is_some()).count();
    let mut performances: BTreeMap<_, usize> = BTreeMap::new();
    let all = EvidenceFilter { limit: u32::MAX, ..EvidenceFilter::default() };
    for evidence in story.world.store.evidence_list(&all).await.expect("evidence") {
        *performances.entry((evidence.job, evidence.scheduled_for)).or_default() += 1;
    }
    assert!(performances.values().all(|times| *times == 1), "{performances:?}");
    assert_eq!(performances.len(), filled);
    assert!(filled > KILLS / 2, "slots were performed at all: {filled}");

    let view = story.view("2026-08-11T00:00:00Z").await;
    assert_eq!(view.totals.expected, closed.len() as u64, "what was promised has its end");
    let missed = closed.iter().filter(|slot| matches!(slot.state, SlotState::Missed | SlotState::Errored)).count();
    assert_eq!(view.totals.missed + view.totals.errored, missed as u64);
    story.assert_clean().await;
}
