//! A service that keeps collecting by itself, with time, faults and moods in our hand.

use std::{future::Future, sync::Arc, time::Duration};

use chrono::TimeDelta;
use exhibit_evidence::{Body, EntryId, slot::SlotClosure, slot::SlotState};
use exhibit_pipeline::{Effort, Service, ServiceSettings, World, check_receipts};
use exhibit_store::{ClosedSlot, EvidenceFilter, NewRunRequest, RunEnd, RunState};
use exhibit_tests::{Example, Mood, PANIC, TestWorld, at};
use tokio::task::JoinHandle;

const HOURLY: &str = "0 * * * *";
/// Six in the morning in Berlin: 04:00 UTC in summer.
const DAILY: &str = "0 6 * * *";

/// Looks often, waits little, tries again as soon as the story's clock says so.
pub(super) fn quick() -> ServiceSettings {
    ServiceSettings {
        poll: Duration::from_millis(20),
        settle: Duration::from_millis(1),
        close_every: Duration::from_millis(50),
        let_go_after: Duration::from_millis(200),
        effort: Effort { attempts: 3, ..Effort::patient() },
        ..ServiceSettings::default()
    }
}

pub(super) struct Running {
    service: Arc<Service>,
    task: JoinHandle<()>,
}

impl Running {
    pub(super) async fn start(world: Arc<World>, settings: ServiceSettings) -> Self {
        let service = Service::start(world, settings, Box::new(|_| ())).await.expect("it starts");
        let working = Arc::clone(&service);
        Self { service, task: tokio::spawn(async move { working.run().await }) }
    }

    /// Drops it where it stands, as a kill would: nothing is handed back but by the end of its connections.
    pub(super) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// Tells it to end, and waits until it did.
    pub(super) async fn end(self) {
        self.service.end();
        tokio::time::timeout(Duration::from_secs(60), self.task).await.expect("it ends").expect("without a panic");
    }
}

/// Waits for something that comes by itself.
async fn until<F: Future<Output = bool>>(what: &str, mut is: impl FnMut() -> F) {
    for _ in 0..3_000 {
        if is().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what} did not come");
}

async fn closed(story: &TestWorld) -> Vec<ClosedSlot> {
    let ever = (at("2026-01-01T00:00:00Z"), at("2028-01-01T00:00:00Z"));
    story.world.store.closed_slots(ever.0, ever.1).await.expect("slots")
}

async fn until_closed(story: &TestWorld, count: usize) {
    until(&format!("{count} ended slots"), || async { closed(story).await.len() >= count }).await;
    assert_eq!(closed(story).await.len(), count);
}

async fn states(story: &TestWorld) -> Vec<SlotState> {
    closed(story).await.iter().map(|slot| slot.state).collect()
}

/// What the ledger itself says of a slot's end.
async fn closure(story: &TestWorld, slot: &ClosedSlot) -> SlotClosure {
    let entry = story.world.store.entry(slot.id).await.expect("an entry").envelope().expect("an envelope");
    match entry.body {
        Body::Slot(closure) => *closure,
        other => panic!("{other:?}"),
    }
}

async fn pieces_of_evidence(story: &TestWorld) -> usize {
    let all = EvidenceFilter { limit: u32::MAX, ..EvidenceFilter::default() };
    story.world.store.evidence_list(&all).await.expect("evidence").len()
}

fn jobs() -> [Example; 3] {
    [
        Example::new("ci", "ci_secrets", "pass").scheduled(HOURLY),
        Example::new("credentials", "unique_credentials", "pass").scheduled(HOURLY),
        Example::new("weak", "unique_credentials", "fail-weak").scheduled(HOURLY),
    ]
}

fn one_job() -> [Example; 1] {
    [Example::new("credentials", "unique_credentials", "pass").scheduled(HOURLY)]
}

#[tokio::test(flavor = "multi_thread")]
async fn two_services_share_a_days_slots() {
    let story = TestWorld::new("2026-08-10T00:30:00Z", &jobs()).await;
    let one = Running::start(story.replica(), quick()).await;
    let two = Running::start(story.replica(), quick()).await;
    for hour in 1..=12 {
        story.clock.set(at(&format!("2026-08-10T{hour:02}:05:00Z")));
        until_closed(&story, 3 * hour).await;
    }
    one.end().await;
    two.end().await;
    assert!(states(&story).await.iter().all(|state| *state == SlotState::Performed), "{:?}", states(&story).await);
    assert_eq!(pieces_of_evidence(&story).await, 36, "each slot once");
    let head = story.size().await;
    assert_eq!(story.world.store.checkpoint(head).await.expect("the end is signed").size, head);
    story.assert_clean().await;
}

/// DESIGN §8, 5, for a service: three days without it. Slots are missed, the newest is kept late, the report shows the gap.
#[tokio::test(flavor = "multi_thread")]
async fn three_days_without_a_service_stay_visible() {
    let job = [Example::new("ci", "ci_secrets", "pass").scheduled(DAILY)];
    let story = TestWorld::new("2026-08-09T22:00:00Z", &job).await;
    let service = Running::start(story.replica(), quick()).await;
    story.clock.set(at("2026-08-10T04:05:00Z"));
    until_closed(&story, 1).await;
    service.end().await;

    story.clock.set(at("2026-08-13T12:00:00Z"));
    let service = Running::start(story.replica(), quick()).await;
    until_closed(&story, 4).await;
    service.end().await;

    use SlotState::{Late, Missed, Performed};
    assert_eq!(states(&story).await, [Performed, Missed, Missed, Late]);
    let view = story.view("2026-08-13T12:00:00Z").await;
    assert_eq!((view.totals.expected, view.totals.performed, view.totals.late, view.totals.missed), (4, 1, 1, 2));
    assert_eq!(view.gaps.len(), 3);
    let performed_at = view.gaps[2].performed_at.expect("it was performed");
    assert!(performed_at >= at("2026-08-13T12:00:00Z"), "never dated back: {performed_at}");
    story.assert_clean().await;
}

/// A lease that ends by its time is another's, and what its first holder still brings is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_was_lost_records_nothing_twice() {
    let story = TestWorld::new("2026-08-10T00:30:00Z", &one_job()).await;
    let (slow, moods) = story.moody("unique_credentials");
    moods.set(Mood::Wait);
    let first = Running::start(slow, ServiceSettings { workers: 1, ..quick() }).await;
    story.clock.set(at("2026-08-10T01:00:00Z"));
    until("a collector at work", || async { moods.begun() == 1 }).await;

    // The holder's machine stands still for longer than its lease; another takes the slot.
    story.clock.set(at("2026-08-10T01:30:00Z"));
    let second = Running::start(story.replica(), quick()).await;
    until_closed(&story, 1).await;
    let size = story.size().await;
    moods.set(Mood::Work);
    first.end().await;
    second.end().await;

    assert_eq!(story.size().await, size, "the first holder added nothing");
    assert_eq!(pieces_of_evidence(&story).await, 1);
    let slot = &closed(&story).await[0];
    assert_eq!((slot.state, slot.attempts), (SlotState::Performed, 2));
    assert!(closure(&story, slot).await.reason.expect("a story").contains("without a word"));
    story.assert_clean().await;
}

/// A collector that hangs is given up after its time; its slot says so, other jobs go on, and the service can still end.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_holds_up_nothing_else() {
    let story = TestWorld::new("2026-08-10T00:30:00Z", &jobs()).await;
    let (world, moods) = story.moody("ci_secrets");
    moods.set(Mood::Wait);
    let effort = Effort { limit: Duration::from_secs(3), first_wait: TimeDelta::zero(), ..quick().effort };
    let service = Running::start(world, ServiceSettings { effort, ..quick() }).await;
    story.clock.set(at("2026-08-10T01:05:00Z"));
    until_closed(&story, 3).await;
    service.end().await;

    assert_eq!(moods.begun(), 1, "it is not begun again beside the one that hangs");
    moods.set(Mood::Fail);
    let closed = closed(&story).await;
    let hung = closed.iter().find(|slot| slot.slot.job.as_str() == "ci").expect("it ended");
    assert_eq!((hung.state, hung.attempts, hung.evidence), (SlotState::Errored, 3, None));
    let reason = closure(&story, hung).await.reason.expect("a reason");
    assert!(reason.contains("time-out: the collector did not end") && reason.contains("Tried 3 times"), "{reason}");
    assert_eq!(pieces_of_evidence(&story).await, 2);
    story.assert_clean().await;
}

/// A panic is an attempt that failed: its words are kept nowhere, and the service goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_panic_ends_nothing_but_its_attempt() {
    let story = TestWorld::new("2026-08-10T00:30:00Z", &one_job()).await;
    let (world, moods) = story.moody("unique_credentials");
    moods.set(Mood::Panic);
    let effort = Effort { first_wait: TimeDelta::zero(), ..quick().effort };
    let service = Running::start(world, ServiceSettings { effort, ..quick() }).await;
    story.clock.set(at("2026-08-10T01:05:00Z"));
    until_closed(&story, 1).await;
    moods.set(Mood::Work);
    story.clock.set(at("2026-08-10T02:05:00Z"));
    until_closed(&story, 2).await;
    service.end().await;

    assert_eq!(states(&story).await, [SlotState::Errored, SlotState::Performed]);
    let reason = closure(&story, &closed(&story).await[0]).await.reason.expect("a reason");
    assert!(reason.contains("panic: ") && !reason.contains(PANIC) && !reason.contains("canary"), "{reason}");
    story.assert_clean().await;
}

/// What may pass is tried again after a wait that grows; the slot's end tells of the attempts.
#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_source_is_tried_again_after_a_wait() {
    let story = TestWorld::new("2026-08-10T00:30:00Z", &one_job()).await;
    let (world, moods) = story.moody("unique_credentials");
    moods.set(Mood::Fail);
    let effort = Effort { first_wait: TimeDelta::minutes(4), ..quick().effort };
    let service = Running::start(world, ServiceSettings { effort, ..quick() }).await;
    // Each wait is up to a quarter longer by chance: 4 to 5 minutes, then 8 to 10.
    for (attempt, time) in [(1, "01:00"), (2, "01:06"), (3, "01:17")] {
        if attempt == 3 {
            moods.set(Mood::Work);
        }
        story.clock.set(at(&format!("2026-08-10T{time}:00Z")));
        until("an attempt", || async { moods.begun() == attempt }).await;
        if attempt < 3 {
            let given_back = || async {
                let open = story.world.store.open_slots(story.world.now()).await.expect("slots");
                open.iter().any(|slot| slot.last_error.is_some() && slot.leased_until.is_none())
            };
            until("the slot given back", given_back).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert_eq!(moods.begun(), attempt, "it waits");
        }
    }
    until_closed(&story, 1).await;
    service.end().await;

    let slot = &closed(&story).await[0];
    assert_eq!((slot.state, slot.attempts), (SlotState::Performed, 3));
    let told = closure(&story, slot).await.reason.expect("what came before");
    assert!(told.contains("Tried 3 times, from 2026-08-10 01:00:"), "{told}");
    assert!(told.contains("The first: source: the source can't be reached"), "{told}");
    story.assert_clean().await;
}

/// Told to end while a collector runs: the slot is handed back at once, and another performs it.
#[tokio::test(flavor = "multi_thread")]
async fn what_runs_at_the_end_is_handed_back() {
    let story = TestWorld::new("2026-08-10T00:30:00Z", &one_job()).await;
    let (slow, moods) = story.moody("unique_credentials");
    moods.set(Mood::Wait);
    let service = Running::start(slow, quick()).await;
    story.clock.set(at("2026-08-10T01:00:00Z"));
    until("a collector at work", || async { moods.begun() == 1 }).await;
    service.end().await;

    let open = story.world.store.open_slots(at("2026-08-10T01:30:00Z")).await.expect("slots");
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].attempts, open[0].leased_until), (1, None));
    assert!(open[0].last_error.as_deref().is_some_and(|why| why.starts_with("stopped: ")), "{open:?}");
    let other = Running::start(story.replica(), quick()).await;
    until_closed(&story, 1).await;
    other.end().await;
    moods.set(Mood::Fail);
    assert_eq!(closed(&story).await[0].attempts, 2);
    story.assert_clean().await;
}

/// A changed configuration: promised anew with its reason, what was planned ahead is withdrawn, and a process that has the
/// old one performs nothing by it.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_plan_is_taken_over_and_the_old_one_not_worked_by() {
    let story = TestWorld::new("2026-08-10T00:30:00Z", &one_job()).await;
    let old = Running::start(story.replica(), quick()).await;
    let new = Running::start(story.replica(), quick()).await;
    let far = at("2026-08-11T00:00:00Z");
    assert_eq!(story.world.store.open_slots(far).await.expect("slots").len(), 23, "planned ahead");

    let changed = || {
        story.with_plan(|plan| {
            plan.jobs[0].schedule = Some("30 */2 * * *".parse().expect("a schedule"));
            plan.deployment.configuration = exhibit_evidence::Digest::of(b"another");
            plan.deployment.change_reason = Some("Fewer looks are enough".to_owned());
        })
    };
    let declared = new.service.adopt(changed()).await.expect("taken over");
    assert!(declared.deployment);
    assert_eq!(declared.jobs.len(), 1);
    until("the new plan", || async { story.world.store.open_slots(far).await.expect("slots").len() == 11 }).await;
    new.end().await;

    // The one that was not told performs nothing: a promise that it does not know is in force.
    story.clock.set(at("2026-08-10T02:31:00Z"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(closed(&story).await.len(), 0);
    assert_eq!(old.service.adopt(changed()).await.expect("taken over").jobs, [], "it was declared already");
    until_closed(&story, 1).await;
    old.end().await;

    let view = story.view("2026-08-10T02:31:00Z").await;
    assert!(view.changes.iter().any(|change| change.what.contains("Fewer looks are enough")), "{:?}", view.changes);
    assert_eq!((view.totals.expected, view.totals.performed), (1, 1), "nothing was promised by the old plan since");
    story.assert_clean().await;
}

/// A run that is asked for is heard of at once, performed, and recorded under the request's own id.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_asked_for_is_performed_once() {
    let story = TestWorld::new("2026-08-10T00:30:00Z", &one_job()).await;
    // Looks every ten minutes only: what comes sooner was heard.
    let deaf = ServiceSettings { poll: Duration::from_secs(600), ..quick() };
    let service = Running::start(story.replica(), deaf).await;
    let ask = |job: &str| NewRunRequest {
        id: story.world.entry_id(),
        job: job.parse().expect("an id"),
        person: "Ada".to_owned(),
        credential: None,
        key: None,
        reason: None,
        at: story.world.now(),
    };
    // It listens soon after its start; a request before that is found by looking, which it does once at its start.
    tokio::time::sleep(Duration::from_millis(500)).await;
    for (job, performed) in [("credentials", true), ("no-such-job", false)] {
        let asked = story.world.store.request_run(&ask(job)).await.expect("asked").id;
        let end = || async { story.world.store.run_request(asked).await.expect("a request").state };
        until("its end", || async { matches!(end().await, RunState::Ended(..)) }).await;
        match end().await {
            RunState::Ended(RunEnd::Evidence(evidence), _) => assert!(performed && evidence == asked, "{job}"),
            other => assert!(!performed, "{job}: {other:?}"),
        }
    }
    service.end().await;
    assert_eq!(pieces_of_evidence(&story).await, 1);
    story.assert_clean().await;
}

/// A worker that died between the append and its note: the next one finds the evidence, and records none beside it.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_worker_died_is_not_recorded_again() {
    let story = TestWorld::new("2026-08-10T00:30:00Z", &one_job()).await;
    let store = &story.world.store;
    let service = Running::start(story.replica(), quick()).await;
    let id: EntryId = story.world.entry_id();
    let (job, person) = ("credentials".parse().expect("an id"), "Ada".to_owned());
    let request = NewRunRequest { id, job, person, credential: None, key: None, reason: None, at: story.world.now() };
    store.request_run(&request).await.expect("asked");
    until("its end", || async { matches!(store.run_request(id).await.expect("it").state, RunState::Ended(..)) }).await;
    story.database.tamper("UPDATE run_requests SET finished_at = NULL, evidence = NULL, last_error = NULL").await;
    until("its end", || async { matches!(store.run_request(id).await.expect("it").state, RunState::Ended(..)) }).await;
    service.end().await;
    assert_eq!(store.run_request(id).await.expect("it").attempts, 2);
    assert_eq!(pieces_of_evidence(&story).await, 1);
}

/// A quarter ends while the service runs: it is closed, reported and archived by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_quarter_is_closed_by_itself() {
    let job = [Example::new("ci", "ci_secrets", "pass").scheduled("0 6 * * 1")];
    let story = TestWorld::new("2026-09-25T08:00:00Z", &job).await;
    let service = Running::start(story.replica(), quick()).await;
    story.clock.set(at("2026-09-28T04:05:00Z"));
    until_closed(&story, 1).await;
    // Straight past the grace: the Monday between is due first, and then the quarter is closed.
    story.clock.set(at("2026-10-06T08:00:00Z"));
    until("the receipt", || async { !check_receipts(&story.world).await.expect("receipts").is_empty() }).await;
    until_closed(&story, 2).await;
    service.end().await;
    let receipts = check_receipts(&story.world).await.expect("receipts");
    assert!(receipts.iter().all(|receipt| receipt.difference.is_none()), "{receipts:?}");
    assert_eq!(story.world.store.entries_of_kind("report").await.expect("reports").len(), 1);
    assert_eq!(states(&story).await, [SlotState::Performed, SlotState::Late]);
    story.assert_clean().await;
}

/// Every connection is cut: the service takes new ones, and goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_comes_back() {
    let story = TestWorld::new("2026-08-10T00:30:00Z", &one_job()).await;
    let service = Running::start(story.replica(), quick()).await;
    for hour in 1..=3 {
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                    WHERE datname = current_database() AND usename = 'exhibit_service'";
        story.database.sql(&story.database.superuser_url(), cut).await.expect("cut");
        story.clock.set(at(&format!("2026-08-10T0{hour}:05:00Z")));
        let ended = || async {
            let ever = (at("2026-08-10T00:00:00Z"), at("2026-08-11T00:00:00Z"));
            story.world.store.closed_slots(ever.0, ever.1).await.is_ok_and(|slots| slots.len() == hour)
        };
        until("the slot's end", ended).await;
    }
    service.end().await;
    assert!(states(&story).await.iter().all(|state| *state == SlotState::Performed), "{:?}", states(&story).await);
    assert_eq!(pieces_of_evidence(&story).await, 3);
    story.assert_clean().await;
}
