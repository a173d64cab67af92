//! How the service is, as Prometheus is told: asked of the database at each scrape, in a short view and with a limit.

use std::{
    sync::atomic::AtomicU64,
    time::{Duration, Instant},
};

use exhibit_evidence::Timestamp;
use exhibit_store::{PoolVitals, Vitals};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use tokio::{sync::Mutex, time::timeout};

use crate::service::Inner;

/// A gauge that holds seconds.
type Float = Gauge<f64, AtomicU64>;

/// How long one question may take Postgres.
const QUESTION: Duration = Duration::from_secs(2);
/// How long all of it may take, waiting for a connection too.
const ALL: Duration = Duration::from_secs(3);
/// Scrapes that come closer together share an answer: whoever can reach the listener can't keep the database busy.
const SHARED: Duration = Duration::from_secs(1);

/// The last answer, and when it was had; none where the database gave none.
#[derive(Default)]
pub(crate) struct LastVitals(Mutex<Option<(Instant, Option<Vitals>)>>);

/// How the service is now; none where the database could not be asked.
pub(crate) async fn ask(service: &Inner) -> Option<Vitals> {
    let mut last = service.vitals.0.lock().await;
    if let Some((at, vitals)) = &*last
        && at.elapsed() < SHARED
    {
        return vitals.clone();
    }
    let vitals = match timeout(ALL, service.store.vitals(service.now(), QUESTION)).await {
        Ok(Ok(vitals)) => Some(vitals),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the database could not be asked how the service is");
            None
        }
        Err(_) => {
            tracing::warn!("the database did not say in time how the service is");
            None
        }
    };
    *last = Some((Instant::now(), vitals.clone()));
    vitals
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfJob {
    job: String,
}

/// What is told of it, as metrics. Where the database could not be asked, only that is told.
pub(crate) fn registry(vitals: Option<&Vitals>, pool: PoolVitals, now: Timestamp) -> Registry {
    let mut out = Out { registry: Registry::with_prefix("exhibit"), now };
    let build = Family::<Build, Gauge>::default();
    build.get_or_create(&Build { version: env!("CARGO_PKG_VERSION") }).set(1);
    out.registry.register("build_info", "The running program's version; always 1", build);
    out.number("up", "Whether the database could be asked how the service is: 1, or 0", u64::from(vitals.is_some()));
    out.number("database_connections", "Connections of this process to the database", u64::from(pool.open));
    out.number("database_idle_connections", "Those that are idle", u64::from(pool.idle));
    out.number("database_most_connections", "How many connections there may be", u64::from(pool.most));
    let Some(vitals) = vitals else { return out.registry };

    out.number("ledger_entries", "Entries of the ledger", vitals.size);
    out.instant("ledger_last_entry", "When the ledger's last entry was recorded", vitals.last_recorded_at);
    out.number(
        "checkpoint_entries",
        "Entries that the last checkpoint covers",
        vitals.signed.map_or(0, |(size, _)| size),
    );
    out.instant("checkpoint", "When the last checkpoint was signed", vitals.signed.map(|(_, at)| at));
    out.age("checkpoint_age", "How long ago the last checkpoint was signed", vitals.signed.map(|(_, at)| at));
    out.number("archive_intents_open", "Objects that wait for the archive", vitals.open_intents);
    out.age("archive_intent_oldest_age", "How long the first of them has waited", vitals.oldest_intent_at);
    out.number("reports_unarchived", "Reports without a receipt", vitals.unarchived_reports);
    out.number("leases_held", "Leases of slots and of asked runs that are held now, by all processes", vitals.leases);
    out.number("run_requests_open", "Runs that were asked for and did not end", vitals.open_requests);
    out.number("jobs_left_out", "Jobs of which nothing is told here, because there are too many", vitals.jobs_left_out);

    let of_jobs =
        |count: fn(&exhibit_store::JobVitals) -> u64| vitals.jobs.iter().map(move |job| (&job.job, count(job)));
    out.jobs("job_scheduled", "Whether the job has a schedule now: 1, or 0", of_jobs(|job| u64::from(job.scheduled)));
    out.jobs("slots_open", "Slots that were planned and did not end, those ahead too", of_jobs(|job| job.open));
    out.jobs("slots_due", "Slots whose time has come and that did not end", of_jobs(|job| job.due));
    out.jobs("slots_overdue", "Slots that would be late by the job's own word", of_jobs(|job| job.overdue));
    let family = Family::<OfJob, Float>::default();
    for (job, at) in vitals.jobs.iter().filter_map(|job| Some((&job.job, job.performed_at?))) {
        family.get_or_create(&OfJob { job: job.clone() }).set(seconds(at));
    }
    let help = "When the performance ended that gave the job's last evidence, in seconds since 1970";
    out.registry.register("job_last_evidence_timestamp_seconds", help, family);
    out.registry
}

struct Out {
    registry: Registry,
    now: Timestamp,
}

impl Out {
    fn number(&mut self, name: &str, help: &str, value: u64) {
        let gauge: Gauge = Gauge::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        self.registry.register(name, help, gauge);
    }

    /// In seconds since 1970; nothing where there is none.
    fn instant(&mut self, name: &str, help: &str, at: Option<Timestamp>) {
        if let Some(at) = at {
            self.float(&format!("{name}_timestamp_seconds"), &format!("{help}, in seconds since 1970"), seconds(at));
        }
    }

    /// In seconds; nothing where there is none.
    fn age(&mut self, name: &str, help: &str, since: Option<Timestamp>) {
        if let Some(since) = since {
            let age = (seconds(self.now) - seconds(since)).max(0.0);
            self.float(&format!("{name}_seconds"), help, age);
        }
    }

    fn float(&mut self, name: &str, help: &str, value: f64) {
        let gauge = Float::default();
        gauge.set(value);
        self.registry.register(name, help, gauge);
    }

    fn jobs<'a>(&mut self, name: &str, help: &str, values: impl Iterator<Item = (&'a String, u64)>) {
        let family = Family::<OfJob, Gauge>::default();
        for (job, value) in values {
            family.get_or_create(&OfJob { job: job.clone() }).set(i64::try_from(value).unwrap_or(i64::MAX));
        }
        self.registry.register(name, help, family);
    }
}

/// Seconds since 1970. Whole microseconds stay exact for some centuries.
fn seconds(at: Timestamp) -> f64 {
    let micros = at.micros() as f64;
    micros / 1e6
}
