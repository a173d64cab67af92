//! A result that somebody else's pipeline made, taken in by the same rules.

use std::fs::File;
use std::path::Path;

use exhibit_evidence::{Observation, Timestamp};

use super::Looks;
use super::collect::{Gathered, Lists, observation};
use super::counting::{self, Counted};
use super::scanning::{self, Said};
use super::settings;
use crate::packages::find::{self, Listing};
use crate::results::Format;
use crate::{CollectError, Given, Scope, Settings};

/// What one file says, as an observation of the subject that is given.
pub(super) fn import(
    looks: Looks,
    scope: &Scope<'_>,
    settings: &Settings,
    given: &Given<'_>,
) -> Result<Observation, CollectError> {
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
    let (written_at, by) = match given.observed_at {
        Some(at) => (at, "whoever handed it in says when it was written"),
        None => (own, "the file's own time counts as when it was written"),
    };
    let mut gathered = Gathered::default();
    let lists = Lists::read(&source, scope, &mut gathered.problems);
    let target = source.targets.iter().find(|target| target.id == given.subject.id);
    let counted = if given.counted_in.is_empty() {
        target.map(|target| counting::count(target, scope.base))
    } else {
        Some(named(given))
    };
    let nothing_counted = counted.is_none();
    let counted = counted.unwrap_or_default();
    let covers = (0..counted.locks.len()).collect();
    let said = Said { name, written_at: written_at.min(now), run: None, lockfile: None, database: None, said: None };
    let scanned = scanning::read(file, format, said, covers).map_err(|unsaid| other(unsaid.message))?;
    gathered.add(looks, given.subject.clone(), counted, vec![scanned], Vec::new(), &lists);
    if nothing_counted {
        gathered.population.iter_mut().for_each(|population| {
            population.exist = None;
            population.counted_by = "no lockfile was handed in with the result, and the job names none".to_owned();
        });
    }
    let mut observed = observation(looks, scope, gathered, &lists, written_at.min(now))?;
    observed.observed_to = written_at.min(now);
    observed.filters.push(by.to_owned());
    Ok(observed)
}

/// The lockfiles that were handed in.
fn named(given: &Given<'_>) -> Counted {
    let mut all = Listing::default();
    let mut problems = Vec::new();
    for path in given.counted_in {
        match find::one(path) {
            Ok(listing) => {
                all.files.extend(listing.files);
                all.unread.extend(listing.unread);
            }
            Err(error) => problems.push(("lockfile-unreadable", format!("{}: {error}", file_name(path)))),
        }
    }
    let mut counted = counting::read(all);
    counted.problems.extend(problems);
    counted.part = true;
    counted
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
