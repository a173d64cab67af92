//! Checks of how a key is kept: apart from what it protects, recently saved, renewed, and read by few.

use exhibit_evidence::Severity;

use super::checks::{DRILLS_ALONE, deviation, has_places, unknown};
use super::conditions::{ACCESS, BESIDE, OVERDUE, STALE};
use super::facts::{Answer, PlaceFacts, Standing};
use super::judge::{Case, Said, counted};
use super::policy::words;

/// Copies that are there, whichever key they are.
fn there<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a PlaceFacts> + use<'a> {
    case.key.copies.iter().filter(|place| matches!(place.answer, Answer::Match | Answer::Differs) || place.nearby.is_some())
}

/// Sentences for copies of which nothing is known at all.
fn not_seen(case: &Case<'_>) -> Vec<String> {
    let unseen = |place: &&PlaceFacts| place.answer == Answer::Unreadable && place.nearby.is_none();
    case.key.copies.iter().filter(unseen).map(unknown).collect()
}

/// No copy lies beside the dumps that it protects.
pub(super) fn apart_from_data(case: &Case<'_>) -> Said {
    if !has_places(case.key) {
        return Said::not_applicable(DRILLS_ALONE);
    }
    let mut said = Said { open: not_seen(case), nothing: "No copy of the key was found.", ..Said::default() };
    for place in there(case) {
        said.examined += 1;
        match place.nearby.as_ref().map(|nearby| (nearby.standing, nearby.detail.as_str())) {
            Some((Standing::Apart, _)) => {}
            Some((Standing::Beside, detail)) => {
                let detail = format!(
                    "The copy \"{}\" of {} can be taken together with the data that it protects: {detail}.",
                    place.name, case.key.name
                );
                said.deviations.push(deviation(place, BESIDE, Severity::High, detail));
            }
            Some((Standing::Unknown, detail)) => said.open.push(format!("What lies beside the copy \"{}\" is not known: {detail}.", place.name)),
            None => said.open.push(format!("The copy \"{}\" does not tell what lies beside it.", place.name)),
        }
    }
    said.good = format!("No dump of the data lies beside a copy; {} looked at.", counted(said.examined, "copy"));
    said
}

/// No backup is older than it may be.
pub(super) fn backup_age(case: &Case<'_>) -> Said {
    if !has_places(case.key) {
        return Said::not_applicable(DRILLS_ALONE);
    }
    let mut said = Said { open: not_seen(case), nothing: "No copy of the key is a backup with a date.", ..Said::default() };
    let may = case.policy.backup_age;
    for place in &case.key.copies {
        let Some(taken) = place.taken else { continue };
        said.examined += 1;
        let age = case.now.since(taken).num_minutes();
        if age > may.minutes {
            let detail = format!(
                "The copy \"{}\" of {} was saved {} ago, {}; it may be {} old.",
                place.name,
                case.key.name,
                words(age),
                taken.human(),
                may.words()
            );
            said.deviations.push(deviation(place, STALE, Severity::Medium, detail));
        } else if age < -24 * 60 {
            said.open.push(format!("The copy \"{}\" is dated {}, which is in the future.", place.name, taken.human()));
        }
    }
    said.good = format!("{} with a date, none older than {}.", counted(said.examined, "copy"), may.words());
    said
}

/// The key is not older than the cadence of its rotation allows.
pub(super) fn rotation(case: &Case<'_>) -> Said {
    if !has_places(case.key) {
        return Said::not_applicable(DRILLS_ALONE);
    }
    let Some(may) = case.policy.rotation else {
        return Said::not_applicable("The policy names no cadence for this key.");
    };
    let current = case.key.running.iter().chain(&case.key.copies).filter(|place| place.answer == Answer::Match);
    let mut told: Vec<(&PlaceFacts, i64)> =
        current.filter_map(|place| Some((place, case.now.since(place.since?).num_minutes()))).collect();
    // A copy that was written later says less than the first place that got the key.
    told.sort_by_key(|(_, age)| -age);
    let Some((place, age)) = told.first() else {
        let why = "No place that holds the current key tells since when it does, so its age is not known.";
        return Said { open: vec![why.to_owned()], ..Said::default() };
    };
    let mut said = Said { examined: 1, ..Said::default() };
    if *age > may.minutes {
        let detail = format!(
            "{} has been the same for {} at least, as \"{}\" tells; a new one is asked for every {}.",
            case.key.name,
            words(*age),
            place.name,
            may.words()
        );
        said.deviations.push(deviation(place, OVERDUE, Severity::Medium, detail));
    }
    said.good = format!("The key has been the same for {}, as \"{}\" tells, of {} allowed.", words(*age), place.name, may.words());
    said
}

/// Only those may read a copy who are named.
pub(super) fn access(case: &Case<'_>) -> Said {
    if !has_places(case.key) {
        return Said::not_applicable(DRILLS_ALONE);
    }
    let mut said = Said::default();
    let mut silent = 0;
    for place in case.key.running.iter().chain(&case.key.copies) {
        let Some(readers) = &place.readers else {
            silent += 1;
            continue;
        };
        said.examined += 1;
        let others: Vec<&str> =
            readers.iter().filter(|reader| !case.policy.may_read.contains(reader)).map(String::as_str).collect();
        if !others.is_empty() {
            let severity = if others.contains(&"everyone") { Severity::High } else { Severity::Medium };
            let detail = format!(
                "{} at \"{}\" may be read by {}; the policy allows {}.",
                case.key.name,
                place.name,
                others.join(", "),
                case.policy.may_read.join(", ")
            );
            said.deviations.push(deviation(place, ACCESS, severity, detail));
        }
    }
    if said.examined == 0 {
        said.open.push("No place tells who may read the key there.".to_owned());
    }
    said.good = match silent {
        0 => format!("{} may be read by those alone whom the policy names.", counted(said.examined, "place")),
        some => format!(
            "{} may be read by those alone whom the policy names; of {some} more it is not told who may.",
            counted(said.examined, "place"),
        ),
    };
    said
}
