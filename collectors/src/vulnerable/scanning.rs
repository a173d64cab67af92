//! What scanners say: each is run, or the result that one wrote elsewhere is read.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use exhibit_evidence::Timestamp;

use super::counting::{Counted, Lock};
use super::exporting;
use super::facts::ScanFacts;
use super::settings::{ScanSource, Target};
use crate::Scope;
use crate::given::name_of;
use crate::kept::{KeepUpTo, Printed};
use crate::packages::instant;
use crate::results::{self, Format, Limits, Opened, ROOM, Reading, Room, Told, Why};
use crate::scanners::{self, Database, LooksAt, Request, ScannerSettings};
use crate::scratch::{For, Scratch};
use crate::targets::patterns;
use crate::words::plural;

/// What one scanner said.
pub(super) struct Scanned {
    /// What evidence says of it.
    pub(super) facts: ScanFacts,
    /// What it told.
    pub(super) reading: Reading,
    /// The lockfiles that it is about, by their position.
    pub(super) covers: Vec<usize>,
    /// Its result, as it is.
    pub(super) printed: Printed,
}

/// A scanner that said nothing that counts.
pub(super) struct Unsaid {
    /// A steady code.
    pub(super) code: &'static str,
    /// Why.
    pub(super) message: String,
    /// What it printed instead, as it is, and the name of that.
    pub(super) printed: Option<Box<(String, Printed)>>,
    /// Whether what it printed can be told to be a scanner's.
    pub(super) known: bool,
}

impl Unsaid {
    fn new(code: &'static str, message: String) -> Self {
        Self { code, message, printed: None, known: true }
    }
}

/// What a scanner's result is called where it is kept.
pub(super) fn called(name: &str) -> String {
    format!("what {} said", results::text::visible(name, results::text::NAME))
}

/// Has every scanner of a target run, and reads what they said.
pub(super) fn scan(
    target: &Target,
    counted: &Counted,
    keep: KeepUpTo,
    scope: &Scope<'_>,
) -> (Vec<Scanned>, Vec<Unsaid>) {
    let (mut scanned, mut unsaid) = (Vec::new(), Vec::new());
    if counted.is_out_of_reach(&target.at) {
        // There is nothing to scan, and no saying what a result is about.
        return (scanned, unsaid);
    }
    let mut add = |one: Result<Scanned, Unsaid>| match one {
        Ok(one) => scanned.push(one),
        Err(one) => unsaid.push(one),
    };
    for source in &target.scans {
        let covers = covered(source, &counted.locks);
        match (&source.scanner, &source.result) {
            (Some(settings), _) => match run(target, settings, counted, &covers, keep, scope) {
                Ok(all) => all.into_iter().for_each(&mut add),
                Err(none) => add(Err(none)),
            },
            (None, Some(path)) => add(written(source, path, covers, keep, scope)),
            (None, None) => {}
        }
    }
    (scanned, unsaid)
}

fn covered(source: &ScanSource, locks: &[Lock]) -> Vec<usize> {
    let named = patterns(&source.lockfiles).unwrap_or_default();
    let all = source.lockfiles.is_empty();
    (0..locks.len()).filter(|at| all || named.is_match(&locks[*at].path)).collect()
}

/// Reads a result that was written elsewhere.
fn written(
    source: &ScanSource,
    path: &Path,
    covers: Vec<usize>,
    keep: KeepUpTo,
    scope: &Scope<'_>,
) -> Result<Scanned, Unsaid> {
    let name = name_of(path);
    let unread = |error: io::Error| Unsaid::new("result-unreadable", format!("{name}: {}", error.kind()));
    let file = File::open(scope.base.join(path)).map_err(unread)?;
    let now = scope.clock.now();
    let own = || file.metadata().and_then(|seen| seen.modified()).map(|at| Timestamp::new(at.into())).map_err(unread);
    let written_at = source.written_at.map_or_else(own, Ok)?.min(now);
    let said = Said {
        name,
        written_at,
        run: None,
        lockfile: None,
        database: source.database_at.map(|at| Database::Updated { at }),
        said: None,
    };
    read(Opened(file), source.format, said, covers, keep)
}

/// What is known of a result before it is read.
pub(super) struct Said {
    pub(super) name: String,
    pub(super) written_at: Timestamp,
    pub(super) run: Option<scanners::ScannerFacts>,
    pub(super) lockfile: Option<String>,
    pub(super) database: Option<Database>,
    pub(super) said: Option<scanners::Said>,
}

/// Reads a result, and holds what of it is to be kept, whatever came of reading it.
pub(super) fn read(
    opened: Opened,
    format: Option<Format>,
    said: Said,
    covers: Vec<usize>,
    keep: KeepUpTo,
) -> Result<Scanned, Unsaid> {
    let unread = |error: io::Error| Unsaid {
        known: false,
        ..Unsaid::new("result-unreadable", format!("{}: {}", said.name, error.kind()))
    };
    let printed = results::Source::open(&opened).and_then(|mut source| keep.read(&mut *source)).map_err(unread)?;
    // What Exhibit has run leaves the values out; whether others did, nobody knows.
    let printed = if said.run.is_none() { printed.of_others(format) } else { printed };
    match told(&opened, format, &said) {
        Ok((reading, left)) => Ok(scanned(reading, said, covers, printed.within(left))),
        Err(unsaid) => Err(Unsaid { printed: Some(Box::new((called(&said.name), printed))), ..unsaid }),
    }
}

/// What it tells, where that counts, and how much room that leaves.
fn told(opened: &Opened, format: Option<Format>, said: &Said) -> Result<(Reading, u64), Unsaid> {
    let name = &said.name;
    let mut reading = Reading::default();
    let mut room = Room::new(|told| matches!(told, Told::Vulnerability(_)));
    if said.said == Some(scanners::Said::Silent) {
        reading.format = format;
        return Ok((reading, room.left()));
    }
    let mut take = |told: Told| room.take(told, &mut reading);
    let found = results::read(name, opened, format, Limits::default(), &mut take).map_err(|error| {
        // Some say in words what went wrong, where their result is expected.
        let words = match (&error.why, &said.run) {
            (Why::NotJson { .. }, Some(_)) => format!("; it printed: {}", scanners::first_printed(&opened.0)),
            _ => String::new(),
        };
        Unsaid {
            known: !error.why.is_about_nothing_known(),
            ..Unsaid::new("result-unreadable", format!("{error}{words}"))
        }
    })?;
    reading.format = Some(found);
    if reading.dropped > 0 {
        let (found, examined) = (reading.vulnerabilities.len() as u64, reading.examined.len() as u64);
        let message = format!(
            "{name} tells more than is taken from one result, which is what fits into {} MiB: there was no room after {} and {}",
            ROOM >> 20,
            plural(found, "vulnerability"),
            plural(examined, "package")
        );
        return Err(Unsaid::new("too-much-told", message));
    }
    let errors: Vec<&str> = reading.errors().map(|notice| notice.message.as_str()).take(3).collect();
    if !errors.is_empty() {
        return Err(Unsaid::new("scanner-reports-errors", format!("{name} reports: {}", errors.join("; "))));
    }
    if reading.lists_only {
        let message =
            format!("{name} lists packages, and nothing in it says that anybody looked for vulnerabilities in them");
        return Err(Unsaid::new("no-vulnerability-scan", message));
    }
    if let Some(format) = reading.format.filter(|_| reading.is_about_something_else()) {
        let message = format!(
            "{name} is what {} prints: nothing in it says that anybody looked for vulnerabilities in packages",
            format.prints()
        );
        return Err(Unsaid::new("no-vulnerability-scan", message));
    }
    let found = reading.vulnerabilities.len() as u64;
    if let Some(why) = said.said.as_ref().and_then(|said| said.contradiction(found)) {
        return Err(Unsaid::new("scanner-contradicts-itself", format!("{name}: {why}")));
    }
    Ok((reading, room.left()))
}

fn scanned(reading: Reading, said: Said, covers: Vec<usize>, printed: Printed) -> Scanned {
    let Said { written_at, run, lockfile, database, .. } = said;
    let format = reading.format;
    let word = format.map_or("unknown", Format::name);
    let mut skipped = std::collections::BTreeMap::new();
    for one in &reading.skipped {
        *skipped.entry(results::text::visible(&one.reason, 300)).or_default() += 1;
    }
    let facts = ScanFacts {
        name: run.as_ref().map_or_else(|| word.to_owned(), |run| run.adapter.clone()),
        lockfile,
        database: database.unwrap_or_else(|| database_of(&reading, format)),
        run,
        format: word.to_owned(),
        tools: reading.tools.clone(),
        written_at,
        databases: reading.databases.clone(),
        digest: printed.digest,
        size: printed.size,
        examined: reading.packages_examined(),
        skipped,
    };
    Scanned { facts, reading, covers, printed }
}

/// What a result says of its database; those that ask a service have none of their own.
fn database_of(reading: &Reading, format: Option<Format>) -> Database {
    let updated = reading.databases.iter().filter_map(|database| database.updated.as_deref());
    if let Some(oldest) = updated.filter_map(instant).min() {
        return Database::Updated { at: oldest };
    }
    match format {
        Some(Format::PipAudit | Format::NpmAudit | Format::YarnAudit | Format::PnpmAudit | Format::Dependabot) => {
            Database::Service
        }
        _ => Database::Unknown { why: "its result does not say when its database was made".to_owned() },
    }
}

/// Has a scanner run: over the whole target, or over each lockfile where it takes one at a time.
fn run(
    target: &Target,
    settings: &ScannerSettings,
    counted: &Counted,
    covers: &[usize],
    keep: KeepUpTo,
    scope: &Scope<'_>,
) -> Result<Vec<Result<Scanned, Unsaid>>, Unsaid> {
    let failed = |code, message: String| Err(Unsaid::new(code, message));
    let Some(runner) = scope.own.runner else {
        return failed("scanner-not-started", "nothing here can run scanners".to_owned());
    };
    let adapter = match settings.adapter(scope.base) {
        Ok(adapter) => adapter,
        Err(problems) => {
            let list: Vec<String> =
                problems.iter().map(|problem| format!("{}: {}", problem.key, problem.message)).collect();
            return failed("scanner-settings", format!("{}: {}", settings.adapter, list.join("; ")));
        }
    };
    let candidates: &[LooksAt] = match (target.at.is_image(), &target.at.lockfile) {
        (true, _) => &[LooksAt::Image],
        (false, Some(_)) => &[LooksAt::File, LooksAt::Sbom, LooksAt::Project],
        (false, None) => &[LooksAt::Folder, LooksAt::Project, LooksAt::File],
    };
    let fits = candidates.iter().find_map(|looks_at| {
        let (_, mode) = adapter.mode(settings.mode.as_deref(), *looks_at)?;
        (mode.looks_at == *looks_at).then_some((*looks_at, mode))
    });
    let Some((looks_at, mode)) = fits else {
        return failed("scanner-settings", format!("{}: expected a mode that fits this target", adapter.id));
    };
    let exported = match exported(target.at.repository.is_some() || mode.alone, counted) {
        Ok(exported) => exported,
        Err(error) => return failed("target-unreadable", format!("its lockfiles could not be laid out: {error}")),
    };
    let root =
        exported.as_ref().map_or_else(|| counted.root(&target.at, scope.base), |folder| folder.path().to_owned());
    let whole = vec![(root.clone(), target.at.id.to_string(), None, covers.to_vec())];
    let each = |at: &usize| {
        let path = &counted.locks[*at].path;
        let mut place = if target.at.lockfile.is_some() && exported.is_none() { root.clone() } else { root.join(path) };
        if looks_at == LooksAt::Project {
            place.pop();
        }
        (place, format!("{}/{path}", target.at.id), Some(path.clone()), vec![*at])
    };
    let tasks: Vec<(PathBuf, String, Option<String>, Vec<usize>)> = match looks_at {
        LooksAt::File | LooksAt::Project => {
            covers.iter().filter(|at| mode.takes(counted.locks[**at].locked.format)).map(each).collect()
        }
        _ => whole,
    };
    let scan = |(place, name, lockfile, covers): (PathBuf, String, Option<String>, Vec<usize>)| {
        let request =
            Request { runner, adapter: &adapter, settings, base: scope.base, target: &place, looks_at, name: &name };
        let scan = scanners::scan(&request).map_err(|error| Unsaid::new(error.code(), error.to_string()))?;
        let format = Some(scan.format);
        let said = Said {
            name: adapter.id.clone(),
            written_at: scope.clock.now(),
            database: Some(scan.facts.database.clone()),
            lockfile,
            said: Some(scan.said),
            run: Some(scan.facts),
        };
        read(Opened(scan.result), format, said, covers, keep)
    };
    Ok(tasks.into_iter().map(scan).collect())
}

/// Lockfiles, laid out in a folder of their own where that is wanted: those of a commit, or for a scanner that gets nothing else.
pub(crate) fn exported(wanted: bool, counted: &Counted) -> io::Result<Option<Scratch>> {
    if !wanted {
        return Ok(None);
    }
    let folder = Scratch::new(For::Lockfiles)?;
    exporting::write(&counted.locks, folder.path())?;
    Ok(Some(folder))
}
