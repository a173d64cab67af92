//! What keeps a subject from passing, whatever was found.

use std::collections::BTreeSet;

use exhibit_evidence::{
    Observation, Timestamp, Verdict,
    observation::{Exclusion, Subject},
};

use super::counting::NOT_PULLED;
use super::facts::{Judged, ScanFacts};
use super::policy::Policy;
use crate::gaps;
use crate::scanners::Database;
use crate::words::plural;

/// Codes of problems that are about what was counted, and not about what examined it.
pub(super) const OF_COUNTING: [&str; 6] = [
    "target-unreadable",
    "lockfile-unreadable",
    NOT_PULLED,
    "image-unidentified",
    "image-unread",
    "packages-uncounted",
];

/// Why a subject can't pass, if it can't: what there is was not examined, or nobody knows what there is.
pub(super) fn standing(
    observation: &Observation,
    subject: &Subject,
    target: Option<&Judged>,
    accepted: &BTreeSet<String>,
) -> Option<(Verdict, String)> {
    let Some(target) = target else {
        return Some((Verdict::Error, "There are no facts about this target.".to_owned()));
    };
    let problem = observation.problems.iter().any(|problem| problem.subject.as_ref().is_none_or(|of| of == subject));
    let unknown = || gaps::unknown(observation, subject, &|code| accepted.contains(code));
    if problem {
        return unknown().map(|why| (Verdict::Error, why));
    }
    let packages: usize = target.lockfiles.iter().map(|lockfile| lockfile.packages.len()).sum();
    let unexamined: usize = target.lockfiles.iter().map(|lockfile| lockfile.unexamined.len()).sum();
    let counted =
        observation.population.iter().any(|population| population.subject == *subject && population.exist.is_some());
    if counted && packages == 0 {
        return Some((Verdict::Vacuous, nothing_in(target)));
    }
    let left: Vec<&Exclusion> = observation
        .population
        .iter()
        .filter(|population| population.subject == *subject)
        .flat_map(|population| &population.excluded)
        .filter(|exclusion| exclusion.count > 0 && exclusion.code != "local-package")
        .collect();
    let why = || left.iter().map(|one| format!("{} ({})", one.reason, one.count)).collect::<Vec<_>>().join("; ");
    if counted && packages == unexamined {
        let packages = plural(packages as u64, "package");
        return Some((Verdict::Vacuous, format!("None of {packages} was examined: {}.", why())));
    }
    // Nobody counted, but the scanner itself says that it passed over all that it met.
    let met: u64 = left.iter().map(|exclusion| exclusion.count).sum();
    let examined: u64 =
        observation.population.iter().filter(|one| one.subject == *subject).map(|population| population.examined).sum();
    if !counted && examined == 0 && met > 0 {
        let met = plural(met, "package");
        return Some((Verdict::Vacuous, format!("None of {met} that the scanner names was examined: {}.", why())));
    }
    unknown().map(|why| (Verdict::Error, why))
}

fn nothing_in(target: &Judged) -> String {
    let place = match (&target.image, target.lockfiles.len()) {
        (Some(_), 0) => "the image, in which there is neither a package database nor a lockfile".to_owned(),
        (_, count) => plural(count as u64, "lockfile"),
    };
    format!("There is nothing to examine: no package in {place}.")
}

/// Why it is not known what a target holds, if it is not: what examined it does not matter here.
pub(super) fn uncounted(
    observation: &Observation,
    subject: &Subject,
    target: Option<&Judged>,
) -> Option<(Verdict, String)> {
    let about = observation.problems.iter().find(|problem| {
        OF_COUNTING.contains(&problem.code.as_str()) && problem.subject.as_ref().is_none_or(|of| of == subject)
    });
    if let Some(problem) = about {
        return Some((Verdict::Error, format!("It could not be found out: {}", problem.message)));
    }
    let exist =
        observation.population.iter().any(|population| population.subject == *subject && population.exist.is_some());
    let named = |target: &Judged| {
        target.lockfiles.iter().any(|one| !(one.packages.is_empty() && one.aside.is_empty() && one.unpinned.is_empty()))
    };
    match target {
        Some(target) if exist && named(target) => None,
        Some(target) if exist => Some((Verdict::Vacuous, nothing_in(target))),
        _ => Some((Verdict::Error, "What there is was not counted.".to_owned())),
    }
}

/// How fresh what a scan says is.
pub(super) enum Freshness {
    /// Fresh enough; in words.
    Fresh(String),
    /// Stale; in words, with the day that it is from.
    Stale(String),
    /// Nobody knows.
    Unknown(String),
}

/// How fresh a scan is at this instant.
pub(super) fn freshness(scan: &ScanFacts, at: Timestamp, policy: &Policy) -> Freshness {
    let called = scan.called();
    let days = |from: Timestamp| at.since(from).num_days();
    let most = i64::from(policy.database_days);
    if days(scan.written_at) > most {
        let told = format!(
            "what {} said is of {}, {} before this observation, and the policy allows {most}",
            called,
            day(scan.written_at),
            plural(days(scan.written_at).unsigned_abs(), "day")
        );
        return Freshness::Stale(told);
    }
    match &scan.database {
        // A day is left to clocks that differ.
        Database::Updated { at: made } if days(*made) < -1 => Freshness::Unknown(format!(
            "how old the database of {} is: it says {}, which is to come",
            called,
            day(*made)
        )),
        Database::Updated { at: made } if days(*made) > most => Freshness::Stale(format!(
            "the database of {} is of {}, {} before this observation, and the policy allows {most}",
            called,
            day(*made),
            plural(days(*made).unsigned_abs(), "day")
        )),
        Database::Updated { at: made } => Freshness::Fresh(format!("the database of {} is of {}", called, day(*made))),
        Database::Service if scan.examined == Some(0) && !scan.skipped.is_empty() => {
            Freshness::Unknown(format!("whether the service of {} knew anything: it passed over every package", called))
        }
        Database::Service => {
            Freshness::Fresh(format!("the service of {} was asked on {}", called, day(scan.written_at)))
        }
        Database::None => Freshness::Fresh(format!("what {} knows is part of its version", called)),
        Database::Unknown { why } => Freshness::Unknown(format!("how old the database of {} is: {why}", called)),
    }
}

/// The day of an instant, in UTC.
pub(super) fn day(at: Timestamp) -> String {
    at.to_string().get(..10).unwrap_or_default().to_owned()
}
