//! A result that somebody else's pipeline made, taken in by the same rules.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use chrono::TimeDelta;
use exhibit_evidence::Timestamp;

use super::Looks;
use super::collect::{Gathered, Lists, collected};
use super::comparing::by_its_own_word;
use super::counting::{self, Counted};
use super::scanning::{self, Said};
use super::settings;
use crate::packages::find::{self, Listing};
use crate::results::Format;
use crate::{CollectError, Collected, Given, Scope, Settings};

/// By how much clocks may differ.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::days(1);

/// What one file says, as an observation of the subject that is given.
pub(super) fn import(
    looks: Looks,
    scope: &Scope<'_>,
    settings: &Settings,
    given: &Given<'_>,
) -> Result<Collected, CollectError> {
    let other = CollectError::Other;
    let source = settings::source(looks, &settings.source).map_err(CollectError::Settings)?;
    let name = file_name(given.file);
    let format = given.format.map(|word| {
        word.parse::<Format>().map_err(|_| {
            let known: Vec<&str> = Format::ALL.iter().map(|one| one.name()).collect();
            other(format!("the format: expected one of {}", known.join(", ")))
        })
    });
    let format = format.transpose()?;
    let io = |source| CollectError::Io { what: format!("the result `{name}` can't be read"), source };
    let file = File::open(given.file).map_err(io)?;
    let now = scope.clock.now();
    let own = file.metadata().and_then(|seen| seen.modified()).map(|at| Timestamp::new(at.into())).map_err(io)?;
    let (written_at, by) = written(own, given.observed_at, now).map_err(other)?;
    let mut gathered = Gathered::default();
    let lists = Lists::read(&source, scope, &mut gathered.problems);
    let target = source.targets.iter().find(|target| target.id == given.subject.id);
    let counted = if given.counted_in.is_empty() {
        target.map(|target| counting::count(&target.place(), scope.base))
    } else {
        Some(named(given))
    };
    let nothing_counted = counted.is_none();
    // Where nothing was counted, nothing of what was noted before is known to be gone.
    let counted = counted.unwrap_or_else(|| Counted { part: true, ..Counted::default() });
    let covers = (0..counted.locks.len()).collect();
    let said = Said { name: name.clone(), written_at, run: None, lockfile: None, database: None, said: None };
    let (scanned, unsaid) = match scanning::read(file, format, said, covers, source.keep_results_mib) {
        Ok(one) => (vec![one], vec![]),
        Err(one) if one.known => (vec![], vec![one]),
        Err(one) => return Err(other(one.message)),
    };
    let printed = scanned.first().map(|one| (one.facts.digest, one.facts.size));
    let printed = printed.or_else(|| unsaid.first()?.printed.as_ref().map(|boxed| (boxed.1.digest, boxed.1.size)));
    let told = scanned.first().map(|one| by_its_own_word(&one.reading)).unwrap_or_default();
    gathered.add(looks, given.subject.clone(), counted, scanned, unsaid, &lists);
    if let (true, Some(population)) = (nothing_counted, gathered.population.first_mut()) {
        population.exist = None;
        (population.examined, population.excluded) = told;
        population.counted_by = "no lockfile was handed in with the result, and the job names none: what was examined \
                                 and what was passed over is the scanner's own word"
            .to_owned();
    }
    let Collected { observation: mut observed, artifacts } = collected(looks, scope, gathered, &lists, written_at)?;
    observed.observed_to = written_at;
    observed.filters.push(by);
    if let Some((digest, size)) = printed {
        let name = crate::results::text::visible(&name, crate::results::text::NAME);
        observed.filters.push(format!("handed in as `{name}`: {size} bytes, {digest}"));
    }
    Ok(Collected { observation: observed, artifacts })
}

/// When it was written, and by whose word; or why neither the file nor whoever hands it in can be right.
fn written(own: Timestamp, given: Option<Timestamp>, now: Timestamp) -> Result<(Timestamp, String), String> {
    match given {
        Some(at) if at > now => Err(format!("it is said to have been written at {at}, and now it is {now}")),
        Some(at) => Ok((at, format!("whoever handed it in says when it was written; the file's own time is {own}"))),
        None if own.since(now) > CLOCKS_DIFFER => {
            Err(format!("the file's own time is {own}, and now it is {now}: say when it was written"))
        }
        None => Ok((own.min(now), "the file's own time counts as when it was written".to_owned())),
    }
}

/// The lockfiles that were handed in, each once.
fn named(given: &Given<'_>) -> Counted {
    let mut all = Listing::default();
    let mut problems = Vec::new();
    let mut there = BTreeSet::new();
    for path in given.counted_in {
        if !there.insert(fs::canonicalize(path).unwrap_or_else(|_| path.clone())) {
            continue;
        }
        match find::one(path) {
            Ok(listing) => {
                all.files.extend(listing.files);
                all.unread.extend(listing.unread);
            }
            Err(error) => problems.push(("lockfile-unreadable", format!("{}: {error}", file_name(path)))),
        }
    }
    // In whatever order they were named.
    all.files.sort_by(|one, other| (&one.path, &one.bytes).cmp(&(&other.path, &other.bytes)));
    let mut counted = counting::read(all);
    counted.problems.extend(problems);
    counted.part = true;
    counted
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
