//! `[service]`: how `exhibit serve` works.

use chrono::TimeDelta;

use super::jobs::span_of_time;
use super::model::Service;
use super::reader::{Reader, Section};

/// Reads the table; what is not there is as `exhibit serve` would have it. Problems are noted.
pub(super) fn read(reader: &mut Reader, root: &Section<'_>) -> Service {
    let section = reader.table(root, "service", "[service]");
    let Some(section) = section else { return Service::default() };
    let default = Service::default();
    let mut span = |key: &str, default: TimeDelta| match section.raw(key) {
        Some(_) => span_of_time(reader, &section, key).unwrap_or(default),
        None => default,
    };
    Service {
        time_limit: span("time_limit", default.time_limit),
        receipts_every: span("receipts_every", default.receipts_every),
        workers: reader.number(&section, "workers").unwrap_or(default.workers),
    }
}

impl Default for Service {
    fn default() -> Self {
        Self { workers: 2, time_limit: TimeDelta::hours(1), receipts_every: TimeDelta::hours(6) }
    }
}
