//! The newest snapshot of a restic repository, asked through restic itself.

use std::time::Duration;

use chrono::DateTime;
use exhibit_evidence::Timestamp;
use serde::Deserialize;

use super::looking::{Look, Looker, picked};
use super::nearby;
use super::settings::{Protects, ResticSettings};
use crate::process::RunError;
use crate::sources::Root;

/// A snapshot, as `restic snapshots --json` tells it.
#[derive(Deserialize)]
struct Snapshot {
    id: String,
    time: String,
}

/// A line of `restic ls --json`: the snapshot itself first, then what it holds.
#[derive(Deserialize)]
struct Node {
    path: Option<String>,
}

/// What kept the repository from being looked at.
enum Refused {
    Run(RunError),
    Output(&'static str),
}

impl From<Refused> for Look {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Run(error) => Look::unreadable(error.code(), error.to_string()),
            Refused::Output(what) => Look::unreadable("restic-output", format!("what restic printed is not {what}")),
        }
    }
}

/// Looks for the key in the newest snapshot.
pub(super) fn look(looker: &Looker<'_>, settings: &ResticSettings, entry: &str, protects: &Protects) -> Look {
    match newest(looker, settings).and_then(|snapshot| inside(looker, settings, entry, protects, snapshot)) {
        Ok(look) => look,
        Err(refused) => refused.into(),
    }
}

fn inside(
    looker: &Looker<'_>,
    settings: &ResticSettings,
    entry: &str,
    protects: &Protects,
    snapshot: Option<(String, Timestamp)>,
) -> Result<Look, Refused> {
    let Some((id, taken)) = snapshot else {
        return Ok(Look::absent("the repository holds no snapshot that fits"));
    };
    let printed = run(looker, settings, &["ls", "--json", &id])?;
    let paths = files_in(&printed)?;
    if !paths.contains(&settings.path) {
        let absent = Look::absent(format!("the snapshot of {} does not hold {}", taken.human(), settings.path));
        return Ok(Look { taken: Some(taken), ..absent });
    }
    let content = run(looker, settings, &["dump", &id, &settings.path])?;
    let base = match looker.around.root {
        Root::Folder(base) => base.as_path(),
        Root::Memory(_) => std::path::Path::new("/"),
    };
    let nearby = nearby::of_snapshot(base, &settings.path, paths.iter().map(String::as_str), protects);
    let look = picked(&content, settings.holds, entry, &settings.path);
    Ok(Look { taken: Some(taken), nearby: Some(nearby), ..look })
}

fn newest(looker: &Looker<'_>, settings: &ResticSettings) -> Result<Option<(String, Timestamp)>, Refused> {
    let mut asked = vec!["snapshots", "--json"];
    let filters = [("--tag", &settings.tag), ("--host", &settings.host)];
    for (option, value) in filters.iter().filter_map(|(option, value)| Some((*option, value.as_deref()?))) {
        asked.extend([option, value]);
    }
    newest_in(&run(looker, settings, &asked)?)
}

/// The paths that `restic ls --json` printed.
fn files_in(printed: &[u8]) -> Result<Vec<String>, Refused> {
    let lines = printed.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let nodes = lines.map(serde_json::from_slice).collect::<Result<Vec<Node>, _>>();
    let nodes = nodes.map_err(|_| Refused::Output("a list of files"))?;
    Ok(nodes.into_iter().filter_map(|node| node.path).collect())
}

/// The newest of what `restic snapshots --json` printed.
fn newest_in(printed: &[u8]) -> Result<Option<(String, Timestamp)>, Refused> {
    let not_a_list = |_| Refused::Output("a list of snapshots");
    let snapshots: Option<Vec<Snapshot>> = serde_json::from_slice(printed).map_err(not_a_list)?;
    let mut newest: Option<(String, Timestamp)> = None;
    for snapshot in snapshots.unwrap_or_default() {
        let time = DateTime::parse_from_rfc3339(&snapshot.time).map_err(|_| Refused::Output("the time of a snapshot"))?;
        let taken = Timestamp::new(time.to_utc());
        if newest.as_ref().is_none_or(|(_, known)| taken.micros() > known.micros()) {
            newest = Some((snapshot.id, taken));
        }
    }
    Ok(newest)
}

/// Runs restic so that it leaves nothing behind: no lock in the repository, no cache here.
fn run(
    looker: &Looker<'_>,
    settings: &ResticSettings,
    asked: &[&str],
) -> Result<zeroize::Zeroizing<Vec<u8>>, Refused> {
    let mut arguments = vec!["--repo", &settings.repository, "--no-lock", "--no-cache", "--quiet"];
    if let Some(file) = &settings.unlock_file {
        arguments.extend(["--password-file", file]);
    }
    arguments.extend(asked);
    let limit = Duration::from_secs(settings.time_limit);
    looker.printed(&settings.program, &arguments, &settings.pass_environment, None, limit).map_err(Refused::Run)
}

/// Opened to `fuzz/`.
#[cfg(feature = "fuzzing")]
pub(super) mod fuzzing {
    use super::*;

    /// What restic prints of its snapshots and, behind a NUL, of the files in one: the newest is one of those that are listed, and
    /// a dump that is told to lie beside the key is listed too.
    ///
    /// # Panics
    /// When that does not hold.
    pub fn restic(bytes: &[u8]) {
        let (snapshots, files) = match bytes.iter().position(|byte| *byte == 0) {
            Some(at) => (&bytes[..at], &bytes[at + 1..]),
            None => (bytes, bytes),
        };
        if let Ok(Some((id, taken))) = newest_in(snapshots) {
            assert!(taken.utc().timestamp_micros() == taken.micros());
            let listed: Vec<Snapshot> = serde_json::from_slice(snapshots).expect("it was read");
            assert!(listed.iter().any(|snapshot| snapshot.id == id));
        }
        if let Ok(paths) = files_in(files) {
            let protects = Protects { folders: vec!["/var/dumps".to_owned()], patterns: vec!["*.sql.*".to_owned()] };
            let own = "/etc/app/keys.env";
            let beside = nearby::of_snapshot(std::path::Path::new("/"), own, paths.iter().map(String::as_str), &protects);
            let found = beside.detail.strip_prefix("the same snapshot holds ");
            assert!(found.is_none_or(|found| found != own && paths.iter().any(|path| path == found)));
        }
    }
}
