//! A worker: claims what is due, ends it, and looks for the next.

use std::{sync::Arc, time::Duration};

use super::Service;
use crate::{
    Effort, StepError,
    ending::{end_request, end_slot},
};

/// The shortest wait where something is due that another worker is just taking.
const SHORTEST: Duration = Duration::from_millis(100);

impl Service {
    /// Works until the service ends.
    pub(super) async fn work(self: Arc<Self>) {
        let mut woken = self.woken.subscribe();
        let mut failures = 0;
        while !self.is_ending() {
            woken.mark_unchanged();
            let wait = match self.end_one().await {
                Ok(true) => {
                    failures = 0;
                    continue;
                }
                Ok(false) => {
                    failures = 0;
                    self.until_due().await
                }
                Err(StepError::Superseded { job }) => {
                    self.set_superseded(Some(job));
                    self.settings.poll
                }
                Err(error) => {
                    failures += 1;
                    let wait = self.after_failure(failures);
                    tracing::warn!(%error, seconds = wait.as_secs_f32(), "a worker could not go on and waits");
                    tokio::time::sleep(wait.min(self.settings.let_go_after)).await;
                    wait
                }
            };
            self.idle(&mut woken, wait).await;
        }
    }

    /// Ends one run that was asked for, or else one slot. False where there is none.
    async fn end_one(&self) -> Result<bool, StepError> {
        let world = self.world();
        let Some(worker) = self.claiming() else { return Ok(false) };
        let (token, lease) = (world.entry_id().0, self.settings.effort.lease);
        if let Some(request) = world.store.claim_run_request(worker, token, world.now(), lease).await? {
            end_request(&world, request, worker, &self.hands).await?;
            return Ok(true);
        }
        if let Some(slot) = world.store.claim(worker, token, world.now(), lease).await? {
            end_slot(&world, slot, &self.hands, &()).await?;
            return Ok(true);
        }
        Ok(false)
    }

    /// How long until the next slot is due, the interval at most.
    async fn until_due(&self) -> Duration {
        let world = self.world();
        let poll = self.settings.poll;
        if self.claiming().is_none() {
            return poll;
        }
        match world.store.next_due().await {
            Ok(Some(due)) => due.since(world.now()).to_std().unwrap_or(SHORTEST).clamp(SHORTEST.min(poll), poll),
            Ok(None) | Err(_) => poll,
        }
    }

    /// How long to wait after so many failures in a row: a second, doubled, up to a minute, and a little by chance.
    pub(super) fn after_failure(&self, failures: u32) -> Duration {
        let effort = Effort {
            first_wait: chrono::TimeDelta::seconds(1),
            longest_wait: chrono::TimeDelta::minutes(1),
            ..Effort::patient()
        };
        effort.wait(failures, &*self.world().random).to_std().unwrap_or_default().min(self.settings.poll * 4)
    }
}
