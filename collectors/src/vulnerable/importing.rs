//! A result that somebody else's pipeline made, taken in by the same rules.

use super::Looks;
use super::collect::{Gathered, Lists, collected};
use super::comparing::by_its_own_word;
use super::counting::{self, Counted};
use super::scanning::{self, Said};
use super::settings;
use crate::{CollectError, Collected, Given, Scope, Settings};

/// What one file says, as an observation of the subject that is given.
pub(super) fn import(
    looks: Looks,
    scope: &Scope<'_>,
    settings: &Settings,
    given: &Given<'_>,
) -> Result<Collected, CollectError> {
    let source = settings::source(looks, &settings.source).map_err(CollectError::Settings)?;
    let format = given.form()?;
    let (file, written_at, by) = given.open(scope.clock.now())?;
    let mut gathered = Gathered::default();
    let lists = Lists::read(&source, scope, &mut gathered.problems);
    let counted = (!given.counted_in.is_empty()).then(|| counting::handed_in(given.counted_in));
    let nothing_counted = counted.is_none();
    // Where nothing was counted, nothing of what was noted before is known to be gone.
    let counted = counted.unwrap_or_else(|| Counted { part: true, ..Counted::default() });
    let covers = (0..counted.locks.len()).collect();
    let said = Said { name: given.name(), written_at, run: None, lockfile: None, database: None, said: None };
    let (scanned, unsaid) = match scanning::read(file, format, said, covers, source.keep_results_mib) {
        Ok(one) => (vec![one], vec![]),
        Err(one) if one.known => (vec![], vec![one]),
        Err(one) => return Err(CollectError::Other(one.message)),
    };
    let printed = scanned.first().map(|one| (one.facts.digest, one.facts.size));
    let printed = printed.or_else(|| unsaid.first()?.printed.as_ref().map(|boxed| (boxed.1.digest, boxed.1.size)));
    let told = scanned.first().map(|one| by_its_own_word(&one.reading)).unwrap_or_default();
    gathered.add(looks, given.subject.clone(), counted, scanned, unsaid, &lists);
    if let (true, Some(population)) = (nothing_counted, gathered.population.first_mut()) {
        population.exist = None;
        (population.examined, population.excluded) = told;
        population.counted_by =
            "no lockfile was handed in with the result: what was examined and what was passed over \
                                 is the scanner's own word"
                .to_owned();
    }
    let Collected { observation: mut observed, artifacts } = collected(looks, scope, gathered, &lists, written_at)?;
    observed.observed_to = written_at;
    observed.filters.push(by);
    observed.filters.extend(printed.map(|(digest, size)| given.told(digest, size)));
    Ok(Collected { observation: observed, artifacts })
}
