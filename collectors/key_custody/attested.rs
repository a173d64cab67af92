//! Places that no program can look at, such as a safe: what two persons attest of them, and whether that counts.
//!
//! What is attested is never a match: nobody compared anything. It counts as a place that holds the key while it is in force,
//! and only if it was said of the key that is current now.

use std::cmp::Reverse;

use exhibit_evidence::{EnvironmentId, Severity, Timestamp, attestation::Standing};

use super::checks::deviation;
use super::conditions::NOT_ATTESTED;
use super::facts::{Answer, KeyFacts, PlaceFacts};
use super::judge::Deviation;
use super::looking::{Given, Look, Looker};
use super::settings::{Kind, PlaceSettings};
use crate::SettingProblem;
use crate::attested::AttestationFacts;

/// The longest name of a location, as attestations have it.
const LONGEST: usize = 200;

/// A location, as the settings name it.
#[derive(Clone, Debug)]
pub(super) struct AttestedSettings {
    pub(super) environment: EnvironmentId,
    /// By the name that attestations have for it.
    pub(super) location: String,
}

impl AttestedSettings {
    pub(super) fn read(value: &toml::Value, environment: &EnvironmentId, at: &str) -> Result<Self, SettingProblem> {
        let location = value.as_str().filter(|text| !text.trim().is_empty() && text.chars().count() <= LONGEST);
        let Some(location) = location else {
            let expected = "expected the name of a location, of 1 to 200 characters, as `exhibit attest key-custody` is given it";
            return Err(SettingProblem::new(&format!("{at}.attested"), expected));
        };
        Ok(Self { environment: environment.clone(), location: location.to_owned() })
    }
}

/// Refuses places that only people look at, where each has to answer for itself.
pub(super) fn asked_alone(places: Vec<PlaceSettings>, at: &str) -> Result<Vec<PlaceSettings>, SettingProblem> {
    match places.iter().position(|place| matches!(place.kind, Kind::Attested(_))) {
        Some(number) => {
            let expected = "expected a place that can be asked: what is `attested` is a copy and nothing else";
            Err(SettingProblem::new(&format!("{at}.{number}.attested"), expected))
        }
        None => Ok(places),
    }
}

/// Looks up what was attested of a location.
pub(super) fn look(looker: &Looker<'_>, settings: &AttestedSettings, key: &str) -> Look {
    let Some(source) = looker.attestations else {
        return Look::unreadable("no-attestations", "there is no ledger here that could tell what was attested");
    };
    let AttestedSettings { environment, location } = settings;
    match source.of_key(environment, key, location, looker.around.clock.now()) {
        Ok(found) => Look::of(Given::Attestation(telling(found).map(Box::new))),
        Err(why) => Look::unreadable("attestations-unreadable", format!("what was attested could not be read: {why}")),
    }
}

/// The one that tells how it stands: in force before pending before what is over, and of several the latest.
fn telling(found: Vec<AttestationFacts>) -> Option<AttestationFacts> {
    let order = |one: &AttestationFacts| match one.standing {
        Standing::InForce => 0,
        Standing::Pending => 1,
        Standing::Expired | Standing::Withdrawn => 2,
    };
    found.into_iter().min_by_key(|one| (order(one), Reverse(one.made_at)))
}

/// What an attestation makes of its place, with a code and words where it does not count.
pub(super) fn answer(attestation: Option<&AttestationFacts>) -> (Answer, Option<String>, Option<String>) {
    let not = |code: &str, why: String| (Answer::NotAttested, Some(code.to_owned()), Some(why));
    let Some(AttestationFacts { standing, made_at, confirmed_at, until, .. }) = attestation else {
        return not("never-attested", "nobody ever attested it".to_owned());
    };
    let (made, until) = (made_at.human(), until.human());
    match (standing, confirmed_at) {
        (Standing::InForce, Some(_)) => (Answer::Attested, None, None),
        (Standing::Pending | Standing::InForce, _) => {
            not("attestation-pending", format!("one person attested it on {made}, and no second one has confirmed it"))
        }
        (Standing::Expired, Some(_)) => {
            not("attestation-expired", format!("what two persons attested on {made} expired with its quarter, on {until}"))
        }
        (Standing::Expired, None) => {
            not("attestation-expired", format!("what one person attested on {made} expired unconfirmed, on {until}"))
        }
        (Standing::Withdrawn, _) => not("attestation-withdrawn", format!("what was attested on {made} was withdrawn")),
    }
}

/// The copies of a key that are attested: those that count, and a sentence for each that does not.
pub(super) struct AttestedCopies<'a> {
    pub(super) counting: Vec<&'a PlaceFacts>,
    pub(super) deviations: Vec<Deviation>,
}

impl<'a> AttestedCopies<'a> {
    pub(super) fn of(key: &'a KeyFacts) -> Self {
        let (mut counting, mut deviations) = (Vec::new(), Vec::new());
        for place in &key.copies {
            let why = match (place.answer, &place.attested) {
                (Answer::Attested, Some(attestation)) => earlier(key, attestation),
                (Answer::Attested, None) => Some("its attestation is not told".to_owned()),
                (Answer::NotAttested, _) => Some(place.why.clone().unwrap_or_else(|| "no reason is told".to_owned())),
                (Answer::Match | Answer::Differs | Answer::Absent | Answer::Unreadable, _) => continue,
            };
            let Some(why) = why else {
                counting.push(place);
                continue;
            };
            let detail = format!("That \"{}\" holds {} is not attested by two persons: {why}.", place.name, key.name);
            deviations.push(deviation(place, NOT_ATTESTED, Severity::Medium, detail));
        }
        Self { counting, deviations }
    }

    /// What a sentence about the current key says of them; nothing where there are none.
    pub(super) fn words(&self) -> String {
        let names: Vec<&str> = self.counting.iter().map(|place| place.name.as_str()).collect();
        match names.len() {
            0 => String::new(),
            1 => format!(" {} is attested by two persons, not observed.", names[0]),
            _ => format!(" {} are attested by two persons, not observed.", names.join(", ")),
        }
    }
}

/// Why an attestation may be about an earlier key: a place tells that the current one came later.
fn earlier(key: &KeyFacts, attestation: &AttestationFacts) -> Option<String> {
    let current = key.running.iter().chain(&key.copies).filter(|place| place.answer == Answer::Match);
    // The first place that got the key says the most, as for rotation.
    let told = current.filter_map(|place| Some((place.since?, place)));
    let (since, place) = told.min_by_key(|(since, _): &(Timestamp, _)| *since)?;
    (attestation.made_at < since).then(|| {
        let (made, since) = (attestation.made_at.human(), since.human());
        format!("it was attested on {made}, and {} has the current key only since {since}", place.name)
    })
}
