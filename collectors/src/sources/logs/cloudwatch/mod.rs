//! Amazon CloudWatch Logs: the events of a log group within a window, page by page (`FilterLogEvents`).
//!
//! The service states no count of events: what there is, only its pages tell, and they end where it gives no further token.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::paged::{Bounds, Entries, bad_hours, left};
use super::{Counted, Left, Listing, LogError, LogSource, Passed, Piece, Sink};
use crate::remote::aws::{AwsAccess, AwsConnection, Service};
use crate::remote::{HeaderName, HeaderValue, Limits, Method, RemoteError, Request};

/// The name of the one document.
const NAME: &str = "cloudwatch";
/// Events of a page, the most that the service gives.
const PAGE: u32 = 10_000;

/// Which events, and where they are, as settings say it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloudWatchSettings {
    /// The log group.
    pub group: String,
    /// What the names of its streams begin with; without it, all of them are meant.
    pub streams: Option<String>,
    /// How many hours back.
    #[serde(default = "a_day")]
    pub hours: u32,
    /// Where it is and with which keys it is asked.
    pub aws: AwsAccess,
}

fn a_day() -> u32 {
    24
}

impl CloudWatchSettings {
    /// What is wrong with these settings, if anything: key and expectation.
    #[must_use]
    pub fn problem(&self) -> Option<(&'static str, &'static str)> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-/.#".contains(&byte);
        if !(1..=512).contains(&self.group.len()) || !self.group.bytes().all(plain) {
            return Some(("group", "expected a log group's name: 1 to 512 of A-Z a-z 0-9 _ - / . #"));
        }
        bad_hours(self.hours).or_else(|| self.aws.problem())
    }
}

/// Events of a log group.
pub struct CloudWatch {
    settings: CloudWatchSettings,
    base: PathBuf,
    bounds: Bounds,
    connected: OnceLock<Arc<AwsConnection>>,
}

impl CloudWatch {
    /// The events that the settings name. Relative paths start from `base`.
    #[must_use]
    pub fn new(settings: CloudWatchSettings, base: PathBuf, bounds: Bounds) -> Self {
        Self { settings, base, bounds, connected: OnceLock::new() }
    }

    fn connect(&self) -> Result<Arc<AwsConnection>, RemoteError> {
        let Bounds { begun, pace, seed, .. } = &self.bounds;
        let connection = self.settings.aws.connect(&self.base, Limits::default(), *begun, Arc::clone(pace), *seed)?;
        Ok(Arc::new(connection))
    }
}

impl LogSource for CloudWatch {
    fn kind(&self) -> &'static str {
        "cloudwatch"
    }

    fn label(&self) -> String {
        let CloudWatchSettings { group, hours, aws, .. } = &self.settings;
        let server = aws.endpoint.as_ref().map(|endpoint| format!(" at {endpoint}")).unwrap_or_default();
        let streams = self.settings.streams.as_ref().map(|start| format!(", streams {start}*")).unwrap_or_default();
        format!("log group {group}{streams} of the last {hours} h in {}{server}", aws.region)
    }

    fn counted_by(&self) -> &'static str {
        "events as they came, page after page until no further one was announced; the service states no count of its own"
    }

    fn unit(&self) -> &'static str {
        "log event"
    }

    fn list(&self) -> Result<Listing, LogError> {
        let connection = match self.connected.get() {
            Some(connection) => connection,
            None => {
                let new = self.connect()?;
                self.connected.get_or_init(|| new)
            }
        };
        let (from, to) = self.bounds.window(self.settings.hours);
        let piece = Events {
            connection: Arc::clone(connection),
            settings: self.settings.clone(),
            bounds: self.bounds.clone(),
            from: from / 1_000_000,
            to: to / 1_000_000,
        };
        Ok(Listing { pieces: vec![Box::new(piece)], left: Vec::new() })
    }
}

/// The window, as it was when it was listed: milliseconds since 1970.
struct Events {
    connection: Arc<AwsConnection>,
    settings: CloudWatchSettings,
    bounds: Bounds,
    from: i128,
    to: i128,
}

#[derive(Deserialize)]
struct Page {
    events: Vec<Event>,
    #[serde(rename = "nextToken")]
    next: Option<String>,
}

#[derive(Deserialize)]
struct Event {
    message: String,
}

impl Events {
    fn page(&self, after: Option<&str>) -> Result<Page, RemoteError> {
        let mut body = serde_json::json!({
            "logGroupName": self.settings.group,
            "startTime": i64::try_from(self.from).unwrap_or_default(),
            "endTime": i64::try_from(self.to).unwrap_or(i64::MAX),
            "limit": PAGE,
        });
        for (name, value) in [("nextToken", after), ("logStreamNamePrefix", self.settings.streams.as_deref())] {
            if let Some(value) = value {
                body[name] = value.into();
            }
        }
        let request = Request::new("reading log events", Method::POST, self.connection.server("logs")?)
            .body("application/x-amz-json-1.1", Zeroizing::new(body.to_string().into_bytes()))
            .header(HeaderName::from_static("x-amz-target"), HeaderValue::from_static("Logs_20140328.FilterLogEvents"));
        self.connection.fetch(Service::Other("logs"), request)?.json("a page of FilterLogEvents")
    }

    fn pages(&self, entries: &mut Entries<'_>) -> Result<(), Left> {
        let mut tokens = HashSet::new();
        let mut after: Option<String> = None;
        loop {
            entries.may_go_on()?;
            let page = self.page(after.as_deref()).map_err(|error| left(NAME, &error))?;
            for event in page.events {
                entries.entry(&self.settings.group, &[&event.message])?;
            }
            match page.next {
                None => return Ok(()),
                Some(next) if tokens.insert(next.clone()) => after = Some(next),
                Some(_) => return Err(Left::new("not-understood", NAME, "a page announced one that had been before")),
            }
        }
    }
}

impl Piece for Events {
    fn identity(&self) -> String {
        NAME.to_owned()
    }

    fn name(&self) -> &str {
        NAME
    }

    fn count(&mut self) -> Result<Option<Counted>, Left> {
        Ok(Some(Counted { lines: None, bytes: None }))
    }

    fn read(&mut self, sink: &mut dyn Sink) -> Result<Passed, Left> {
        let mut entries = Entries::begin(NAME, sink, &self.bounds);
        let done = self.pages(&mut entries);
        let passed = entries.end();
        done.map(|()| passed)
    }
}
