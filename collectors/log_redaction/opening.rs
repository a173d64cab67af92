//! From a log's settings to the source that reads it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use exhibit_evidence::Digest;

use super::settings::{self, Log};
use crate::Scope;
use crate::remote::RealPace;
use crate::sources::logs::paged::Bounds;
use crate::sources::logs::{
    LogSource, cloudwatch::CloudWatch, command::CommandLog, files::Files, journal::Journal, loki::Loki, s3::S3Log,
};

/// The folder that a log's commands run in.
pub(super) fn folder(log: &Log, scope: &Scope<'_>) -> PathBuf {
    log.folder.as_ref().map_or_else(|| scope.base.to_owned(), |folder| scope.base.join(folder))
}

/// The source that a log is read from.
pub(super) fn open(log: &Log, scope: &Scope<'_>) -> Box<dyn LogSource> {
    let time_limit = Duration::from_secs(log.time_limit);
    if let Some(command) = &log.command {
        return Box::new(CommandLog {
            folder: folder(log, scope),
            name: log.id.to_string(),
            command: command.clone(),
            count: log.count.clone(),
            pass: log.pass_environment.clone(),
            time_limit,
            most: log.most_bytes,
        });
    }
    if let Some(journal) = &log.journal {
        return Box::new(Journal {
            base: scope.base.to_owned(),
            files: journal.files.clone(),
            directory: journal.directory.clone(),
            units: journal.units.clone(),
            since: journal.since.clone(),
            time_limit,
            most: log.most_bytes,
        });
    }
    let bounds = || Bounds {
        begun: scope.clock.now(),
        pace: pace(),
        time_limit,
        most: log.most_bytes,
        seed: seed(scope),
    };
    if let Some(loki) = &log.loki {
        return Box::new(Loki::new(loki.clone(), scope.base.to_owned(), bounds()));
    }
    if let Some(group) = &log.cloudwatch {
        return Box::new(CloudWatch::new(group.clone(), scope.base.to_owned(), bounds()));
    }
    if let Some(s3) = &log.s3 {
        let (access, base) = (s3.aws.clone(), scope.base.to_owned());
        let (bucket, prefix) = (s3.bucket.clone(), s3.prefix.clone());
        return Box::new(S3Log::new(access, bucket, prefix, base, scope.clock.now(), pace(), seed(scope)));
    }
    let patterns = log.files.as_ref().map(settings::OneOrMore::list).unwrap_or_default();
    Box::new(Files { base: scope.base.to_owned(), patterns, rotated: log.rotated })
}

fn pace() -> Arc<RealPace> {
    Arc::new(RealPace::new())
}

/// Where the random parts of waits start: they are no secret, and say nothing of the run's key.
fn seed(scope: &Scope<'_>) -> u64 {
    let digest = Digest::of(&[b"exhibit log_redaction waits\0".as_slice(), scope.run_key].concat()).0;
    digest[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// What narrows a log, in words.
pub(super) fn filter(log: &Log) -> Option<String> {
    if let Some(loki) = &log.loki {
        return Some(format!("{}: {} of the last {} h", log.id, loki.query, loki.hours));
    }
    if let Some(group) = &log.cloudwatch {
        let streams = group.streams.as_ref().map(|start| format!("streams {start}*, ")).unwrap_or_default();
        return Some(format!("{}: {streams}the last {} h", log.id, group.hours));
    }
    let journal = log.journal.as_ref()?;
    let mut words = Vec::new();
    if !journal.units.is_empty() {
        words.push(format!("units {}", journal.units.join(", ")));
    }
    words.extend(journal.since.as_ref().map(|since| format!("since {since}")));
    (!words.is_empty()).then(|| format!("{}: {}", log.id, words.join("; ")))
}
