//! Asks every place of every key, and says which answered as the running service did. Keys end here.

use std::collections::BTreeMap;

use exhibit_evidence::{
    Clock, Observation, Population,
    deployment::Environment,
    observation::{Exclusion, Method, Problem, Subject, Tool},
};

use super::{attested, drill};
use super::facts::{Answer, FORMAT, Facts, KeyFacts, OlderFacts, Opening, PlaceFacts, SnapshotFacts, SnapshotFound};
use super::looking::{Given, Look, Looker, kind, label, site};
use super::proof::{Challenge, Form, Proof, key_of};
use super::settings::{Key, Older, PlaceSettings, Protects, Source, VaultBackup};
use super::snapshot::{self, Expected};
use crate::attested::AttestationSource;
use crate::sources::{Root, Surroundings};

/// The code of places that gave no answer.
pub(super) const UNREADABLE: &str = "unreadable";
/// The code of places that only people look at.
pub(super) const ATTESTED: &str = "attested";

/// The code of places that answered while no running service did.
pub(super) const NOTHING_TO_COMPARE: &str = "nothing-to-compare";

/// What this way of looking cannot see, whatever the place.
const BLIND_SPOTS: &[&str] = &[
    "A service that answers for itself is believed: that it computes its answer with the key it encrypts with, it alone knows.",
    "A place is looked at as it is now; that it held the key between two runs is not known.",
    "Who may read a file is told by its mode alone: access lists, and whoever is root, are not seen.",
    "Copies that nobody configured are not looked for.",
    "A place that is attested was not looked at: what is known of it is that two persons said it holds the key.",
];

/// Everything that a run looks at.
pub(super) struct Run<'a> {
    pub(super) root: Root,
    pub(super) environments: &'a [Environment],
    pub(super) clock: &'a dyn Clock,
    pub(super) run_key: &'a [u8; 32],
    pub(super) source: &'a Source,
    /// How many places the settings name for each key, by another count.
    pub(super) counted: &'a [u64],
    /// What people attested, where somebody can tell.
    pub(super) attestations: Option<&'a dyn AttestationSource>,
}

/// A place's answer, and all else that is told of it.
struct Asked {
    facts: PlaceFacts,
    proof: Option<Proof>,
}

/// Observes everything that the settings name.
pub(super) fn observe(run: &Run<'_>) -> Observation {
    let observed_from = run.clock.now();
    let mut looker = Looker::new(Surroundings { root: &run.root, clock: run.clock }, run.attestations);
    let mut population = Vec::new();
    let mut problems = Vec::new();
    let (mut keys, mut current) = (Vec::new(), Vec::new());
    for (at, key) in run.source.keys.iter().enumerate() {
        let (facts, proof) = observe_key(run, &mut looker, key);
        let counted = run.counted.get(at).copied();
        population.push(population_of(&facts, counted));
        keys.push(facts);
        current.push((key, proof));
    }
    let snapshots: Vec<SnapshotFacts> =
        run.source.vaults.iter().map(|vault| observe_vault(run, &mut looker, vault, &current)).collect();
    population.extend(snapshots.iter().map(population_of_vault));
    for environment in run.environments {
        if run.source.keys.iter().all(|key| key.subject.environment != environment.id) {
            let message = format!("no key is configured for {}", environment.id);
            problems.push(Problem { subject: None, code: "no-key".to_owned(), message });
        }
    }
    let vaults = snapshots.iter().map(|snapshot| &snapshot.subject);
    let subjects: Vec<Subject> = keys.iter().map(|key| &key.subject).chain(vaults).cloned().collect();
    let facts = Facts { format: FORMAT, keys, snapshots };
    Observation {
        observed_from,
        observed_to: run.clock.now(),
        subjects,
        population,
        method: Method::All,
        tool: Tool {
            name: "exhibit key_custody".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: Vec::new(),
            rule_pack: None,
        },
        rights: "what the configured files, programs and stores let the job read: the keys themselves, where they do not answer for themselves".to_owned(),
        filters: Vec::new(),
        blind_spots: BLIND_SPOTS.iter().map(|&spot| spot.to_owned()).collect(),
        problems,
        facts: serde_json::to_value(facts).expect("facts are text, numbers and lists"),
        facts_artifact: None,
        artifacts: Vec::new(),
    }
}

/// What is told of one key, and the running service's answer.
fn observe_key(run: &Run<'_>, looker: &mut Looker<'_>, key: &Key) -> (KeyFacts, Option<Proof>) {
    let challenge = Challenge::of(run.run_key, &key.subject);
    let mut ask = |places: &[PlaceSettings], protects: &Protects| -> Vec<Asked> {
        places.iter().map(|place| asked(looker, place, &challenge, protects)).collect()
    };
    let running = ask(&key.running, &Protects::default());
    let copies = ask(&key.copies, &key.protects);
    let older: Vec<_> = key.older.iter().map(|older| (older, ask(&older.copies, &Protects::default()))).collect();
    let drills = key.drills.iter().map(|drill| drill::perform(looker, drill, &key.subject, &challenge)).collect();

    let reference = running.iter().find_map(|one| Some((one.facts.name.clone(), one.proof.as_ref()?)));
    let current = reference.as_ref().map(|(_, proof)| *proof);
    let mut told_copies = told(&copies, current);
    for (facts, copy) in told_copies.iter_mut().zip(&copies).filter(|(facts, _)| facts.answer == Answer::Differs) {
        facts.older = copy.proof.as_ref().and_then(|own| version_of(own, &older));
    }
    let older = older
        .into_iter()
        .map(|(older, places)| {
            let first = places.iter().find_map(|one| one.proof.as_ref());
            let is_current = |one: &&Asked| current.zip(one.proof.as_ref()).is_some_and(|(now, own)| now.is(own));
            OlderFacts {
                version: older.version.clone(),
                needed_until: older.needed_until,
                current: places.iter().filter(is_current).map(|one| one.facts.name.clone()).collect(),
                copies: told(&places, first),
            }
        })
        .collect();
    let facts = KeyFacts {
        subject: key.subject.clone(),
        name: key.name.clone(),
        challenge: challenge.text.clone(),
        shape: key.shape,
        running: told(&running, current),
        copies: told_copies,
        reference: reference.map(|(name, _)| name),
        older,
        drills,
    };
    (facts, running.into_iter().find_map(|one| one.proof))
}

/// The older version that a copy is in truth: whoever reads of a wrong copy wants to know which key it is.
fn version_of(own: &Proof, older: &[(&Older, Vec<Asked>)]) -> Option<String> {
    let holds = |places: &[Asked]| places.iter().any(|place| place.proof.as_ref().is_some_and(|proof| proof.is(own)));
    older.iter().find(|(_, places)| holds(places)).map(|(older, _)| older.version.clone())
}

fn observe_vault(
    run: &Run<'_>,
    looker: &mut Looker<'_>,
    vault: &VaultBackup,
    keys: &[(&Key, Option<Proof>)],
) -> SnapshotFacts {
    let held = keys.iter().filter(|(key, _)| {
        key.subject.environment == vault.subject.environment && vault.keys.contains(&key.subject.id)
    });
    let expected: Vec<Expected<'_>> = held
        .map(|(key, current)| {
            Expected { key, challenge: Challenge::of(run.run_key, &key.subject), current: current.as_ref() }
        })
        .collect();
    snapshot::look(looker, vault, &expected, &mut |looker, place, expected| {
        let asked = asked(looker, place, &expected.challenge, &Protects::default());
        told(&[asked], expected.current).remove(0)
    })
}

fn population_of_vault(snapshot: &SnapshotFacts) -> Population {
    let looked = snapshot.found != SnapshotFound::NotTried;
    let excluded = Exclusion {
        code: UNREADABLE.to_owned(),
        count: 1,
        examples: vec![snapshot.label.clone()],
        reason: "it could not be looked at".to_owned(),
    };
    Population {
        subject: snapshot.subject.clone(),
        unit: "vault backup".to_owned(),
        exist: Some(1),
        counted_by: "one for each that the job's settings name".to_owned(),
        examined: u64::from(looked),
        excluded: if looked { Vec::new() } else { vec![excluded] },
    }
}

/// Asks one place. Its key is wiped before the next is asked; what stays is the answer to this run's challenge.
fn asked(looker: &mut Looker<'_>, place: &PlaceSettings, challenge: &Challenge, protects: &Protects) -> Asked {
    let Look { given, found, taken, since, readers, nearby } = looker.look(place, challenge, protects);
    let mut facts = PlaceFacts {
        name: place.name.clone(),
        kind: kind(place, &looker.around),
        label: looked_at(label(place, &looker.around), found.as_deref()),
        site: site(place, &looker.around),
        answer: Answer::Unreadable,
        code: None,
        why: None,
        form: None,
        older: None,
        taken,
        since,
        readers,
        nearby,
        attested: None,
    };
    let proof = match given {
        Given::Value(value) => {
            let (key, form) = key_of(value.bytes(), place.shape);
            facts.form = Some(form);
            // An empty text is no key, and would equal any other.
            (!key.is_empty()).then(|| challenge.answer(&key))
        }
        Given::Proof(proof) => Some(proof),
        Given::Attestation(attestation) => {
            (facts.answer, facts.code, facts.why) = attested::answer(attestation.as_deref());
            facts.attested = attestation.map(|attestation| *attestation);
            None
        }
        Given::Absent(why) => {
            facts.answer = Answer::Absent;
            facts.why = Some(why);
            None
        }
        Given::Unreadable { code, why } => {
            facts.code = Some(code.to_owned());
            facts.why = Some(why);
            None
        }
    };
    if proof.is_none() && facts.form.take().is_some() {
        facts.answer = Answer::Absent;
        facts.why = Some("what stands there is empty".to_owned());
    }
    if facts.answer == Answer::Absent {
        // What is told of a place that holds no key is told of no key.
        (facts.taken, facts.since, facts.readers, facts.nearby) = (None, None, None, None);
    }
    Asked { facts, proof }
}

/// What was looked at: as configured, and the one that a pattern led to.
pub(super) fn looked_at(configured: String, found: Option<&str>) -> String {
    found.map_or(configured.clone(), |found| format!("{found}, the newest of {configured}"))
}

/// The places' facts, each beside the answer that counts.
fn told(places: &[Asked], reference: Option<&Proof>) -> Vec<PlaceFacts> {
    let one = |place: &Asked| {
        let mut facts = place.facts.clone();
        match (&place.proof, reference) {
            (Some(own), Some(reference)) => facts.answer = if own.is(reference) { Answer::Match } else { Answer::Differs },
            (Some(_), None) => {
                facts.code = Some(NOTHING_TO_COMPARE.to_owned());
                facts.why = Some("no service that runs with the key answered, so nobody knows which one is current".to_owned());
            }
            (None, _) => {}
        }
        facts
    };
    places.iter().map(one).collect()
}

fn population_of(key: &KeyFacts, exist: Option<u64>) -> Population {
    let mut examined = 0;
    let mut left: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let older = key.older.iter().flat_map(|older| &older.copies);
    for place in key.running.iter().chain(&key.copies).chain(older) {
        match place.answer {
            Answer::Unreadable => left.entry(UNREADABLE).or_default().push(place.name.clone()),
            Answer::Attested | Answer::NotAttested => left.entry(ATTESTED).or_default().push(place.name.clone()),
            Answer::Match | Answer::Differs | Answer::Absent => examined += 1,
        }
    }
    for drill in &key.drills {
        match drill.result {
            Opening::NotTried => left.entry(UNREADABLE).or_default().push(drill.name.clone()),
            _ => examined += 1,
        }
    }
    let excluded = left.into_iter().map(|(code, names)| Exclusion {
        code: code.to_owned(),
        count: names.len() as u64,
        examples: names.into_iter().take(10).collect(),
        reason: match code {
            ATTESTED => "no program can look at it: it counts by what two persons attest, and was not observed".to_owned(),
            _ => "the place gave no answer".to_owned(),
        },
    });
    Population {
        subject: key.subject.clone(),
        unit: "place of the key".to_owned(),
        exist,
        counted_by: "the tables of the job's settings, counted without reading what they are".to_owned(),
        examined,
        excluded: excluded.collect(),
    }
}

impl Form {
    /// What is wrong with it, in words; nothing where it fits.
    pub(super) fn fault(self) -> Option<&'static str> {
        match self {
            Self::Fits => None,
            Self::OtherEncoding => Some("is not written as it has to be"),
            Self::OtherLength => Some("is of another length than it has to be"),
            Self::NotRandom => Some("holds so few different bytes that it was not drawn at random"),
        }
    }
}
