//! Checks of where a key is: is it the running one, in enough places, in its form, and does it open what it should?

use std::collections::BTreeSet;

use exhibit_evidence::{Severity, Timestamp};

use super::attested::AttestedCopies;
use super::conditions::{
    ABSENT, DIFFERS, DRILL, FORMAT, OLDER, SERVICES, SNAPSHOT, SNAPSHOT_KEY, SNAPSHOT_STALE, TOO_FEW, UNOBSERVED,
};
use super::collect::NOTHING_TO_COMPARE;
use super::facts::{Answer, DrillFacts, KeyFacts, Opening, PlaceFacts, SnapshotFacts, SnapshotFound};
use super::judge::{Case, Deviation, Said, about_snapshot, counted};
use super::policy::{Policy, words};

/// Why checks of custody do not apply to a key of which only drills are configured.
pub(super) const DRILLS_ALONE: &str = "In this job only restore drills are configured for the key.";

/// Whether places of the key are configured at all.
pub(super) fn has_places(key: &KeyFacts) -> bool {
    !(key.running.is_empty() && key.copies.is_empty() && key.older.is_empty())
}

pub(super) fn deviation(
    place: &PlaceFacts,
    condition: &'static str,
    severity: Severity,
    detail: String,
) -> Deviation {
    Deviation { condition, severity, about: place.name.clone(), label: place.label.clone(), detail }
}

/// What is not known of a place, as a sentence.
pub(super) fn unknown(place: &PlaceFacts) -> String {
    format!("\"{}\" could not be asked: {}.", place.name, place.why.as_deref().unwrap_or("it gave no answer"))
}

/// What is not known of these places, each in a sentence; what they share is said once.
fn unreadable(places: &[PlaceFacts]) -> Vec<String> {
    let silent = places.iter().filter(|place| place.answer == Answer::Unreadable);
    let (alone, silent): (Vec<&PlaceFacts>, Vec<&PlaceFacts>) =
        silent.partition(|place| place.code.as_deref() == Some(NOTHING_TO_COMPARE));
    let mut told: Vec<String> = silent.into_iter().map(unknown).collect();
    if let Some(first) = alone.first() {
        let why = first.why.as_deref().unwrap_or("nothing is there to compare with");
        told.push(format!("What {} answered could not be compared: {why}.", names(alone.iter().copied())));
    }
    told
}

/// All services that share the key answer alike.
pub(super) fn services_agree(case: &Case<'_>) -> Said {
    let key = case.key;
    if key.running.len() < 2 {
        return Said::not_applicable("Fewer than two services are configured to share the key.");
    }
    let reference = key.reference.as_deref().unwrap_or("the others");
    let mut deviations = Vec::new();
    for place in &key.running {
        let detail = match place.answer {
            Answer::Differs => {
                format!("The service \"{}\" runs with another {} than the service \"{reference}\".", place.name, key.name)
            }
            Answer::Absent => format!("The service \"{}\" runs without {}: {}.", place.name, key.name, why(place)),
            Answer::Match | Answer::Unreadable | Answer::Attested | Answer::NotAttested => continue,
        };
        deviations.push(deviation(place, SERVICES, Severity::Critical, detail));
    }
    Said {
        deviations,
        open: unreadable(&key.running),
        examined: key.running.len(),
        good: format!("{} run with the same key: {}.", counted(key.running.len(), "service"), names(&key.running)),
        ..Said::default()
    }
}

/// Places by their names.
pub(super) fn names<'p>(places: impl IntoIterator<Item = &'p PlaceFacts>) -> String {
    places.into_iter().map(|place| format!("\"{}\"", place.name)).collect::<Vec<_>>().join(", ")
}

/// Where all of them are.
fn labels(places: &[PlaceFacts]) -> String {
    let all: Vec<&str> = places.iter().map(|place| place.label.as_str()).collect();
    if all.is_empty() { "no place is configured".to_owned() } else { all.join(", ") }
}

fn why(place: &PlaceFacts) -> &str {
    place.why.as_deref().unwrap_or("it is not there")
}

/// The current key is in enough places that one failure does not take together.
pub(super) fn copies(case: &Case<'_>) -> Said {
    let key = case.key;
    if !has_places(key) {
        return Said::not_applicable(DRILLS_ALONE);
    }
    let of = |answer: Answer| key.copies.iter().filter(move |place| place.answer == answer);
    let attested = AttestedCopies::of(key);
    let observed: BTreeSet<&str> = of(Answer::Match).map(|place| place.site.as_str()).collect();
    let sites: BTreeSet<&str> =
        attested.counting.iter().map(|place| place.site.as_str()).chain(observed.iter().copied()).collect();
    let perhaps: BTreeSet<&str> = of(Answer::Unreadable).map(|place| place.site.as_str()).collect();
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let needed = number(case.policy.copies);
    let places = of(Answer::Match).count();
    let told = attested.words();
    let held = match (places, observed.len()) {
        (0, _) => "no place".to_owned(),
        (1, _) => format!("1 place ({})", names(of(Answer::Match))),
        (places, 1) => format!("{places} places that fail together ({})", names(of(Answer::Match))),
        (places, sites) if places == sites => {
            format!("{places} places that do not fail together ({})", names(of(Answer::Match)))
        }
        (places, sites) => format!("{places} places at {sites} sites ({})", names(of(Answer::Match))),
    };
    let mut deviations: Vec<Deviation> = of(Answer::Absent)
        .map(|place| {
            let detail = format!("The copy \"{}\" of {} is not there: {}.", place.name, key.name, why(place));
            deviation(place, ABSENT, Severity::High, detail)
        })
        .chain(attested.deviations)
        .collect();
    let mut of_all = |condition, severity, detail| {
        let (about, label) = ("all places".to_owned(), labels(&key.copies));
        deviations.push(Deviation { condition, severity, about, label, detail });
    };
    if sites.union(&perhaps).count() < needed {
        let severity = if sites.is_empty() && perhaps.is_empty() { Severity::Critical } else { Severity::High };
        let detail = format!(
            "The current {} was found in {held}. Of {} configured, at least {needed} that do not fail together have to hold it.{told}",
            key.name,
            counted(key.copies.len(), "place"),
        );
        of_all(TOO_FEW, severity, detail);
    }
    let (seen, has_to) = (places + of(Answer::Unreadable).count(), number(case.policy.observed_copies));
    if !attested.counting.is_empty() && seen < has_to {
        let detail = format!("Of the copies of the current {}, {places} could be compared, and at least {has_to} must.{told}", key.name);
        of_all(UNOBSERVED, Severity::High, detail);
    }
    let mut open = unreadable(&key.copies);
    if key.reference.is_none() && !attested.counting.is_empty() {
        let why = "Whether what is attested is the current key is not known: no service that runs with it answered.";
        open.push(why.to_owned());
    }
    Said {
        deviations,
        open,
        examined: key.copies.len(),
        good: match places {
            0 => format!("No copy was observed.{told}"),
            _ => format!("The current key was found in {held}; at least {needed} have to hold it.{told}"),
        },
        ..Said::default()
    }
}

/// No copy is another key than the running one.
pub(super) fn same_as_running(case: &Case<'_>) -> Said {
    let key = case.key;
    if !has_places(key) {
        return Said::not_applicable(DRILLS_ALONE);
    }
    let differing = key.copies.iter().filter(|place| place.answer == Answer::Differs);
    let deviations = differing.map(|place| {
        let reference = key.reference.as_deref().unwrap_or("the service");
        let saved = place.taken.map(|taken| format!(", saved {},", taken.human())).unwrap_or_default();
        let known = match &place.older {
            Some(version) => format!("; it is an older one, version \"{version}\""),
            None => String::new(),
        };
        let detail = format!(
            "The copy \"{}\" of {}{saved} is not the key that the service \"{reference}\" runs with{known}.",
            place.name, key.name
        );
        deviation(place, DIFFERS, Severity::High, detail)
    });
    let held = key.copies.iter().filter(|place| place.answer == Answer::Match).count();
    Said {
        deviations: deviations.collect(),
        open: unreadable(&key.copies),
        examined: held,
        good: format!(
            "Of {} found, none is another key than the one that the service \"{}\" runs with.",
            counted(held, "copy"),
            key.reference.as_deref().unwrap_or("the service")
        ),
        nothing: "No copy of the key was found, so none could be compared.",
        ..Said::default()
    }
}

/// Keys before the current one are kept while there is data under them.
pub(super) fn older_versions(case: &Case<'_>) -> Said {
    let needed = |until: Option<Timestamp>| until.is_none_or(|until| until > case.now);
    if case.key.older.is_empty() {
        return Said::not_applicable("No older key with data under it is configured.");
    }
    let mut said = Said { nothing: "No older key has data under it any more.", ..Said::default() };
    for older in case.key.older.iter().filter(|older| needed(older.needed_until)) {
        let name = format!("version \"{}\" of {}", older.version, case.key.name);
        let mut note = |place: &PlaceFacts, what: String| {
            let noted = deviation(place, OLDER, Severity::Critical, what);
            said.deviations.push(Deviation { about: format!("{} {}", older.version, place.name), ..noted });
        };
        for place in &older.copies {
            let is_current = older.current.contains(&place.name);
            match place.answer {
                _ if is_current => note(place, format!("The place \"{}\" is to hold {name}, and holds the current key.", place.name)),
                Answer::Absent => note(place, format!("The place \"{}\" is to hold {name}, and does not: {}.", place.name, why(place))),
                Answer::Differs => note(place, format!("The place \"{}\" holds another key as {name} than the first one.", place.name)),
                Answer::Unreadable | Answer::Attested | Answer::NotAttested => said.open.push(unknown(place)),
                Answer::Match => said.examined += 1,
            }
        }
        if older.copies.is_empty() {
            let (about, label) = (older.version.clone(), String::new());
            let detail = format!("There still is data under {name}, and no place is configured where that key is kept.");
            said.deviations.push(Deviation { condition: OLDER, severity: Severity::Critical, about, label, detail });
        }
    }
    said.good = format!("{} of older keys, all where they have to be.", counted(said.examined, "copy"));
    said
}

/// The key has its form wherever it came out.
pub(super) fn format(case: &Case<'_>) -> Said {
    let key = case.key;
    if !has_places(key) {
        return Said::not_applicable(DRILLS_ALONE);
    }
    let mut said = Said { nothing: "The key came out of no place, so its form was not seen.", ..Said::default() };
    for place in key.running.iter().chain(&key.copies) {
        let Some(form) = place.form else { continue };
        said.examined += 1;
        if let Some(fault) = form.fault() {
            let bytes = key.shape.bytes.map(|bytes| format!("; {bytes} bytes are expected")).unwrap_or_default();
            let detail = format!("What \"{}\" holds as {} {fault}{bytes}.", place.name, key.name);
            said.deviations.push(deviation(place, FORMAT, Severity::High, detail));
        }
    }
    said.open = unreadable(&key.running).into_iter().chain(unreadable(&key.copies)).collect();
    said.good = format!("Seen in {}, it looks as it has to.", counted(said.examined, "place"));
    said
}

/// What a drill opens, in words.
fn encrypted(drill: &DrillFacts) -> String {
    let when = match &drill.written {
        None => "was encrypted when the key was current".to_owned(),
        Some(written) => {
            let services: Vec<String> = written.current_for.iter().map(|name| format!("\"{name}\"")).collect();
            format!("was encrypted on {} with the key that {} ran with then", written.at.human(), services.join(", "))
        }
    };
    format!("the test text {}, which {when}", drill.canary)
}

/// A copy opens what was encrypted when the key was current.
pub(super) fn restore_drill(case: &Case<'_>) -> Said {
    let drills = &case.key.drills;
    if drills.is_empty() {
        return Said::not_applicable("No restore drill is configured for this key.");
    }
    let mut said = Said { examined: drills.len(), ..Said::default() };
    for drill in drills {
        let why = drill.why.as_deref().unwrap_or("no reason is told");
        match drill.result {
            Opening::Opened => {}
            Opening::NotTried => said.open.push(format!("The restore drill \"{}\" could not be tried: {why}.", drill.name)),
            Opening::Refused | Opening::OtherText | Opening::Absent => said.deviations.push(Deviation {
                condition: DRILL,
                severity: Severity::Critical,
                about: drill.name.clone(),
                label: drill.canary.clone(),
                detail: format!(
                    "The restore drill \"{}\" failed: the copy {} does not open {}: {why}.",
                    drill.name,
                    drill.copy,
                    encrypted(drill)
                ),
            }),
        }
    }
    said.good = match drills.as_slice() {
        [one] => format!("The copy {} opened {}.", one.copy, encrypted(one)),
        all => format!("All {} copies opened what was encrypted when the key was current.", all.len()),
    };
    said
}

/// A vault's own backup is there, fresh, and comes up with the current keys.
pub(super) fn vault_snapshot(snapshot: &SnapshotFacts, policy: &Policy, now: Timestamp) -> Said {
    let mut said = Said { examined: 1, ..Said::default() };
    let why = snapshot.why.as_deref().unwrap_or("no reason is told");
    match snapshot.found {
        SnapshotFound::NotTried => said.open.push(format!("The vault's backup could not be looked at: {why}.")),
        SnapshotFound::Absent => {
            let detail = format!("The vault has no backup: {why}.");
            said.deviations.push(about_snapshot(snapshot, SNAPSHOT, Severity::Critical, detail));
        }
        SnapshotFound::Refused => {
            let detail = format!("The vault's backup can't be restored: {why}.");
            said.deviations.push(about_snapshot(snapshot, SNAPSHOT, Severity::Critical, detail));
        }
        SnapshotFound::Restored => {}
    }
    if let Some(taken) = snapshot.taken {
        let age = now.since(taken).num_minutes();
        if age > policy.snapshot_age.minutes {
            let (is, may) = (words(age), policy.snapshot_age.words());
            let detail = format!("The vault's newest backup was made {is} ago, {}; it may be {may} old.", taken.human());
            said.deviations.push(about_snapshot(snapshot, SNAPSHOT_STALE, Severity::High, detail));
        }
    }
    for place in &snapshot.held {
        let detail = match place.answer {
            Answer::Match => continue,
            Answer::Unreadable | Answer::Attested | Answer::NotAttested => {
                said.open.push(unknown(place));
                continue;
            }
            Answer::Differs => format!("The restored vault holds another {} than the service runs with.", place.name),
            Answer::Absent => format!("The restored vault does not hold {}: {}.", place.name, self::why(place)),
        };
        said.deviations.push(deviation(place, SNAPSHOT_KEY, Severity::Critical, detail));
    }
    if snapshot.found == SnapshotFound::Restored && snapshot.held.is_empty() {
        said.open.push("No key is configured that the restored vault has to hold.".to_owned());
    }
    said.good = format!(
        "The backup was restored into a scratch vault, which holds {} as the services run with.",
        match snapshot.held.len() {
            1 => "the key".to_owned(),
            number => format!("all {number} keys"),
        }
    );
    said
}
