//! How much is tried, how long, and what is said of it afterwards.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::TimeDelta;
use exhibit_collectors::{CollectError, JudgeError};
use exhibit_detect::Engine;
use exhibit_evidence::{JobId, Timestamp};
use exhibit_store::{Lease, StoreError};
use tokio::{sync::watch, task::JoinHandle};

use crate::{Random, StepError, sealing::scrubbed};

/// Longer words of an error are cut, in characters: a record has room for so much.
const LONGEST_WORDS: usize = 600;

/// How much is tried, and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effort {
    /// How long a lease holds. It is renewed while its holder works; a dead holder's leases are free at once.
    pub lease: TimeDelta,
    /// How long a collector may take. One that takes longer is left to itself, and the attempt has failed.
    pub limit: Duration,
    /// How often a slot is tried before it is closed as errored, at least 1.
    pub attempts: u32,
    /// How long to wait after the first attempt that failed; twice as long after each further one. Zero: not at all.
    pub first_wait: TimeDelta,
    /// The longest wait between two attempts.
    pub longest_wait: TimeDelta,
}

impl Effort {
    /// For a process that does what is due and ends: it tries again at once, or not at all.
    pub fn at_once() -> Self {
        Self {
            lease: TimeDelta::hours(1),
            limit: Duration::from_secs(3_600),
            attempts: 3,
            first_wait: TimeDelta::zero(),
            longest_wait: TimeDelta::zero(),
        }
    }

    /// For a process that stays: it waits between attempts.
    pub fn patient() -> Self {
        Self {
            lease: TimeDelta::minutes(5),
            first_wait: TimeDelta::seconds(30),
            longest_wait: TimeDelta::minutes(15),
            attempts: 5,
            ..Self::at_once()
        }
    }

    /// How long to wait after attempt number `attempts` failed: doubled each time, and up to a quarter longer by chance,
    /// so that what failed together is not tried again together.
    pub(crate) fn wait(&self, attempts: u32, random: &dyn Random) -> TimeDelta {
        let doubled = self.first_wait * 2_i32.saturating_pow(attempts.saturating_sub(1).min(20));
        let wait = doubled.min(self.longest_wait).max(TimeDelta::zero());
        let mut byte = [0; 1];
        random.fill(&mut byte);
        wait + wait / 4 * i32::from(byte[0]) / 256
    }
}

/// What an attempt needs beside the job: how much is tried, and when to let go.
pub(crate) struct Hands {
    pub effort: Effort,
    pub stuck: Stuck,
    /// Becomes true when nobody waits for collectors any more.
    pub let_go: watch::Receiver<bool>,
    /// Keeps the other end for those who never let go.
    _never: Option<watch::Sender<bool>>,
}

impl Hands {
    /// Those of a process that waits for every collector.
    pub(crate) fn steady(effort: Effort) -> Self {
        let (never, let_go) = watch::channel(false);
        Self { effort, stuck: Stuck::default(), let_go, _never: Some(never) }
    }

    /// Those of a process that may let go.
    pub(crate) fn new(effort: Effort, let_go: watch::Receiver<bool>) -> Self {
        Self { effort, stuck: Stuck::default(), let_go, _never: None }
    }

    /// Ends when nobody waits for collectors any more.
    pub(crate) async fn let_go(&self) {
        let mut let_go = self.let_go.clone();
        if let_go.wait_for(|now| *now).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Collectors' threads that were left to themselves. A thread can't be ended from outside, so a job whose collector
/// still hangs is not begun once more beside it.
#[derive(Default)]
pub(crate) struct Stuck(Mutex<BTreeMap<JobId, Box<dyn Ended>>>);

/// A thread that can be asked whether it ended.
pub(crate) trait Ended: Send {
    fn ended(&self) -> bool;
}

impl<T: Send> Ended for JoinHandle<T> {
    fn ended(&self) -> bool {
        self.is_finished()
    }
}

impl Stuck {
    /// Whether a collector of this job still hangs.
    pub(crate) fn hangs(&self, job: &JobId) -> bool {
        let mut stuck = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stuck.retain(|_, thread| !thread.ended());
        stuck.contains_key(job)
    }

    /// Leaves a job's thread to itself.
    pub(crate) fn leave(&self, job: &JobId, thread: impl Ended + 'static) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(job.clone(), Box::new(thread));
    }
}

/// Why a performance gave no evidence.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Attempt {
    /// The collector brought nothing back.
    #[error(transparent)]
    Collect(#[from] CollectError),
    /// What it brought back could not be judged.
    #[error(transparent)]
    Judge(#[from] JudgeError),
    /// The collector's thread ended early.
    #[error("the collector's thread ended early: {0}")]
    Panicked(&'static str),
    /// The collector did not end in time.
    #[error("the collector did not end within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// An earlier attempt's collector still runs.
    #[error("the collector of an earlier attempt has not ended yet")]
    StillHangs,
    /// The process was told to end while the collector ran.
    #[error("the service was stopped before the collector ended")]
    LetGo,
    /// Somebody else holds the lease now: it ended by its time while this process or its database stood still.
    #[error("the lease was lost while the collector ran")]
    LeaseLost,
    /// The slot that a pushed piece belongs to is just being looked at by somebody else.
    #[error("its slot is held by another worker")]
    SlotHeld,
    /// Something outside of the collector.
    #[error(transparent)]
    Step(#[from] StepError),
}

impl Attempt {
    /// What kind of trouble it is, in one word.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Collect(CollectError::Settings(_))
            | Self::Judge(JudgeError::Policy(_))
            | Self::Step(StepError::NoCollector { .. } | StepError::Pushed { .. } | StepError::NotPushed { .. }) => {
                "configuration"
            }
            Self::Collect(_) => "source",
            Self::Judge(_) => "judging",
            Self::Panicked(_) => "panic",
            Self::TimedOut(_) | Self::StillHangs => "time-out",
            Self::LetGo => "stopped",
            Self::LeaseLost | Self::SlotHeld => "lease",
            Self::Step(_) => "record",
        }
    }

    /// Whether the same may go well another time. What somebody has to change first does not.
    pub(crate) fn may_pass(&self) -> bool {
        !matches!(self.kind(), "configuration" | "judging")
    }

    /// Whether a step that failed is this job's trouble alone: one job whose evidence can't be recorded must not keep every
    /// other job, and the close of the quarter, from being done.
    pub(crate) fn is_own_step(error: &StepError) -> bool {
        matches!(
            error,
            StepError::Record(_)
                | StepError::Canonical(_)
                | StepError::NoCollector { .. }
                | StepError::Pushed { .. }
                | StepError::NotPushed { .. }
                | StepError::Store(StoreError::Record { .. })
        )
    }

    /// Kind and words, as they may be kept.
    pub(crate) fn told(&self, engine: &Engine) -> String {
        clean(engine, format!("{}: {self}", self.kind()))
    }
}

/// A reason as it may be kept: collectors keep values to themselves, this is the second wall.
pub(crate) fn clean(engine: &Engine, reason: String) -> String {
    let reason = scrubbed(engine, &reason).unwrap_or(reason);
    match reason.char_indices().nth(LONGEST_WORDS) {
        Some((end, _)) => format!("{}…", &reason[..end]),
        None => reason,
    }
}

/// What a closing entry tells of the attempts at a slot: how many, since when, how the first failed and how the last.
pub(crate) fn story(lease: &Lease, last: Option<&str>, now: Timestamp) -> String {
    let silent = "it ended without a word";
    let last = last.or(lease.last_error.as_deref()).unwrap_or(silent);
    if lease.attempts <= 1 {
        return last.to_owned();
    }
    let first = lease.first_error.as_deref().unwrap_or(silent);
    let (count, since) = (lease.attempts, lease.first_tried_at.human());
    format!("Tried {count} times, from {since} to {}. The first: {first}. The last: {last}.", now.human())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use exhibit_collectors::collector::SettingProblem;
    use exhibit_store::Slot;

    use super::*;

    /// Chance that always gives the same byte.
    struct Fixed(u8);

    impl Random for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let effort = Effort::patient();
        let seconds = |attempts, byte| effort.wait(attempts, &Fixed(byte)).num_seconds();
        assert_eq!([1, 2, 3, 4].map(|attempts| seconds(attempts, 0)), [30, 60, 120, 240]);
        assert_eq!([6, 40, u32::MAX].map(|attempts| seconds(attempts, 0)), [900, 900, 900]);
        assert_eq!((seconds(1, 128), seconds(1, 255)), (33, 37), "up to a quarter longer");
        assert_eq!(Effort::at_once().wait(2, &Fixed(255)), TimeDelta::zero());
    }

    #[test]
    fn what_somebody_has_to_change_is_not_tried_again() {
        let settings = Attempt::Collect(CollectError::Settings(SettingProblem::new("source.x", "expected y")));
        assert_eq!((settings.kind(), settings.may_pass()), ("configuration", false));
        for (attempt, kind) in [
            (Attempt::Collect(CollectError::Other("no route".to_owned())), "source"),
            (Attempt::Panicked("it panicked"), "panic"),
            (Attempt::TimedOut(Duration::from_secs(3)), "time-out"),
        ] {
            assert_eq!((attempt.kind(), attempt.may_pass()), (kind, true));
        }
    }

    #[test]
    fn one_jobs_trouble_is_its_own() {
        let id = exhibit_evidence::EntryId::from_parts(Timestamp::from_micros(0).expect("an instant"), &[0; 10]).0;
        let own = |error| Attempt::is_own_step(&error);
        assert!(own(StepError::Store(StoreError::Record { id, why: "longer than a record may be".to_owned() })));
        assert!(own(StepError::NoCollector { job: "j".to_owned(), collector: "c".to_owned() }));
        assert!(!own(StepError::Store(StoreError::CommitterGone)));
        assert!(!own(StepError::Store(StoreError::Group(Arc::new(StoreError::CommitterGone)))));
    }

    #[test]
    fn a_reason_that_holds_a_token_is_masked() {
        let token = ["ghp", "_", "0123456789abcdefghijABCDEFGHIJ012345"].concat();
        let kept = clean(Engine::builtin(), format!("line 3: unexpected {token} here"));
        assert!(!kept.contains(&token) && kept.starts_with("line 3: unexpected "), "{kept}");
        assert_eq!(clean(Engine::builtin(), "no such file".to_owned()), "no such file");
        assert_eq!(clean(Engine::builtin(), "ä ".repeat(1_000)).chars().count(), LONGEST_WORDS + 1);
    }

    #[test]
    fn a_story_names_the_first_and_the_last() {
        let time = |text: &str| text.parse::<Timestamp>().expect("an instant");
        let mut lease = Lease {
            slot: Slot { job: "j".parse().expect("an id"), scheduled_for: time("2026-11-22T03:00:00.000000Z") },
            token: uuid::Uuid::nil(),
            until: time("2026-11-22T04:00:00.000000Z"),
            attempts: 1,
            first_tried_at: time("2026-11-22T03:00:00.000000Z"),
            first_error: None,
            last_error: None,
        };
        let now = time("2026-11-22T03:10:00.000000Z");
        assert_eq!(story(&lease, Some("source: no route"), now), "source: no route");
        lease.attempts = 3;
        lease.last_error = Some("panic: x".to_owned());
        let told = story(&lease, None, now);
        assert!(told.starts_with("Tried 3 times, from ") && told.contains("The first: it ended without"), "{told}");
        assert!(told.ends_with("The last: panic: x."), "{told}");
    }
}
