//! The steward: what keeps a service going beside performing slots. One step after the other, each at its interval.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use exhibit_evidence::hold::HeldObject;
use tokio::time::Instant;

use super::Service;
use crate::{
    StepError, World, archiving::archive_while, check_receipts, checkpoint, close_periods, declaring::superseded,
    holds::mend, plan_ahead,
};

/// A step of the steward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The session that holds this process's leases is alive.
    Session,
    /// Whether the configuration in force is still this process's.
    Standing,
    /// Promises and the clock become slots.
    Plan,
    /// What was appended is signed.
    Checkpoint,
    /// Periods whose grace is over are frozen and reported.
    Close,
    /// Reports get their receipts.
    Archive,
    /// Receipts are still so.
    Receipts,
}

const STEPS: [Step; 7] =
    [Step::Session, Step::Standing, Step::Plan, Step::Checkpoint, Step::Close, Step::Archive, Step::Receipts];

/// When a step is next, and how often it failed in a row.
struct Turn {
    step: Step,
    next: Instant,
    failures: u32,
}

impl Service {
    /// Goes on until the service ends.
    pub(super) async fn steward(self: Arc<Self>) {
        let mut woken = self.woken.subscribe();
        let mut signed = None;
        let begun = Instant::now();
        let mut turns = STEPS.map(|step| Turn { step, next: begun, failures: 0 });
        while !self.is_ending() {
            woken.mark_unchanged();
            for turn in &mut turns {
                if turn.next <= Instant::now() && !self.is_ending() {
                    self.take(turn, &mut signed).await;
                }
            }
            let next = turns.iter().map(|turn| turn.next).min().unwrap_or(begun);
            let heard = *woken.borrow();
            self.idle(&mut woken, next.saturating_duration_since(Instant::now())).await;
            if *woken.borrow() != heard {
                // More may come at once: they are looked at together.
                tokio::time::sleep(self.settings.settle).await;
                for turn in turns.iter_mut().filter(|turn| turn.failures == 0) {
                    if matches!(turn.step, Step::Standing | Step::Plan | Step::Checkpoint) {
                        turn.next = Instant::now();
                    }
                }
            }
        }
    }

    async fn take(&self, turn: &mut Turn, signed: &mut Option<u64>) {
        let world = self.world();
        let outcome = match turn.step {
            Step::Session => self.keep_session(&world).await,
            Step::Standing => superseded(&world).await.map(|job| self.set_superseded(job.map(|job| job.to_string()))),
            Step::Plan => self.plan(&world).await,
            Step::Checkpoint => self.sign(&world, signed).await,
            Step::Close => self.close(&world).await,
            Step::Archive => self.archive(&world).await,
            Step::Receipts => self.look_at_receipts(&world).await,
        };
        let wait = match outcome {
            Ok(()) => {
                turn.failures = 0;
                self.interval(turn.step)
            }
            Err(error) => {
                if matches!(error, StepError::Retired { .. }) {
                    self.retired.notify_one();
                }
                turn.failures += 1;
                let wait = self.after_failure(turn.failures);
                tracing::warn!(step = ?turn.step, %error, failures = turn.failures, "a step failed and is taken again");
                wait
            }
        };
        turn.next = Instant::now() + wait;
    }

    fn interval(&self, step: Step) -> Duration {
        match step {
            Step::Session | Step::Standing | Step::Plan | Step::Checkpoint => self.settings.poll,
            Step::Close | Step::Archive => self.settings.close_every,
            Step::Receipts => self.settings.receipts_every,
        }
    }

    async fn keep_session(&self, world: &World) -> Result<(), StepError> {
        let mut session = self.session.lock().await;
        if let Some(alive) = session.as_mut() {
            match alive.check().await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    // Its leases are free already. What they still bring is refused, because the token must match.
                    tracing::warn!(%error, "the session that holds the leases was lost");
                    self.key.store(0, Ordering::Relaxed);
                    *session = None;
                }
            }
        }
        let worker = world.store.start_worker(world.worker_key()).await?;
        self.key.store(worker.key(), Ordering::Relaxed);
        *session = Some(worker);
        self.wake();
        Ok(())
    }

    async fn plan(&self, world: &World) -> Result<(), StepError> {
        let planned = plan_ahead(world).await?;
        if planned > 0 {
            tracing::debug!(planned, "slots planned");
            self.wake();
        }
        Ok(())
    }

    /// Signs what was appended last, and ends the session: what it still holds is free at once.
    pub(super) async fn finish(&self) {
        if let Err(error) = checkpoint(&self.world()).await {
            tracing::warn!(%error, "the last checkpoint could not be signed; the next start signs it");
        }
        self.key.store(0, Ordering::Relaxed);
        if let Some(session) = self.session.lock().await.take() {
            // The session ends with its connection in any case.
            let _ = session.stop().await;
        }
    }

    async fn sign(&self, world: &World, signed: &mut Option<u64>) -> Result<(), StepError> {
        let size = world.store.head().await?.size();
        if size == 0 || *signed == Some(size) {
            return Ok(());
        }
        checkpoint(world).await?;
        if signed.is_some() {
            tracing::info!(size, "checkpoint");
        }
        *signed = Some(size);
        Ok(())
    }

    /// Closes what is over, once every slot that was promised in it has its end: a freeze would not wait for them.
    async fn close(&self, world: &World) -> Result<(), StepError> {
        // What fell due since the last look has its slot too.
        plan_ahead(world).await?;
        let open = world.plan.deployment.calendar.period_of(world.now()).start;
        if self.claiming().is_none() || !world.store.open_slots(open).await?.is_empty() {
            return Ok(());
        }
        let issued = close_periods(world, &()).await?.issued;
        for issued in &issued {
            tracing::info!(period = %issued.period, standing = issued.standing.word(), "report issued");
            (self.on_issued)(issued);
        }
        if issued.is_empty() { Ok(()) } else { self.archive(world).await }
    }

    async fn archive(&self, world: &World) -> Result<(), StepError> {
        let archived = archive_while(world, &|| !self.is_ending()).await?;
        if archived > 0 {
            tracing::info!(archived, "reports archived and read back");
        }
        Ok(())
    }

    async fn look_at_receipts(&self, world: &World) -> Result<(), StepError> {
        let checks = check_receipts(world).await?;
        let mut differ = false;
        for check in &checks {
            let Some(difference) = &check.difference else { continue };
            differ |= check.answered;
            tracing::error!(
                key = check.key,
                version = check.version,
                difference,
                answered = check.answered,
                "the archive is not as the receipt says"
            );
        }
        self.receipts_differ.store(differ, Ordering::Relaxed);
        let lost = checks.iter().filter(|check| check.hold_lost);
        let lost: Vec<HeldObject> =
            lost.map(|check| HeldObject { key: check.key.clone(), version: check.version.clone() }).collect();
        if !lost.is_empty() {
            mend(world, &lost).await?;
        }
        if !checks.is_empty() {
            tracing::info!(receipts = checks.len(), differ, "receipts held against the archive");
        }
        Ok(())
    }
}
