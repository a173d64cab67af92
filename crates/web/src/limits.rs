//! How often somebody may ask.

use std::{net::IpAddr, num::NonZeroU32, sync::Arc};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};
use uuid::Uuid;

use crate::{
    problem::{Kind, Problem},
    service::Limits,
};

/// Above this many callers, those who have been quiet are forgotten.
const MANY: usize = 10_000;

/// Who is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Counted {
    /// A token.
    Token(Uuid),
    /// An address that showed no good one. None where the connection has none.
    Peer(Option<IpAddr>),
}

/// Counts requests.
pub(crate) struct Limiter {
    counts: Arc<DefaultKeyedRateLimiter<Counted>>,
}

impl Limiter {
    pub(crate) fn new(limits: &Limits) -> Self {
        let at_least_one = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(limits.requests_per_second)).allow_burst(at_least_one(limits.burst));
        Self { counts: Arc::new(RateLimiter::keyed(quota)) }
    }

    /// Counts one request, or says when to come again.
    pub(crate) fn count(&self, who: Counted) -> Result<(), Problem> {
        if self.counts.len() > MANY {
            self.counts.retain_recent();
        }
        self.counts.check_key(&who).map_err(|until| {
            let wait = until.wait_time_from(governor::clock::DefaultClock::default().now());
            let mut problem = Problem::new(Kind::RateLimited, "too many requests: slow down");
            problem.retry_after = Some(wait.as_secs() + 1);
            problem
        })
    }
}
