//! From what a collector brought back to entries: masked, cut to what a record can hold, disclosable names apart.

use exhibit_collectors::{Collected, RawArtifact, collector::Settings};
use exhibit_detect::{Confidence, Engine, mask, mask_owned, secret_under};
use exhibit_evidence::{
    Assessment, Body, CanonicalError, Disclosable, Disclosure, EntryId, Evidence, GroupId, Observation,
    assessment::Judgement,
    disclosure::{HOST, PRINCIPAL},
    observation::{ArtifactRef, CollectorRef, Problem, Provenance, Pushed, Run, SelfTest},
    to_canonical,
};
use exhibit_store::{GroupKey, NewArtifact, NewDisclosure, NewEntry, NewGroup};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{HostFacts, Job, StepError, World};

/// Facts longer than this, in bytes, become an artifact.
const LONGEST_FACTS: usize = 24_000;
/// Findings longer than this, in bytes, become an artifact.
const LONGEST_FINDINGS: usize = 30_000;
/// Problems beyond this many are counted, not listed.
const MOST_PROBLEMS: usize = 40;

/// One performance, ready to be appended.
pub(crate) struct Sealed {
    pub evidence: EntryId,
    pub entries: Vec<NewEntry>,
    pub disclosures: Vec<NewDisclosure>,
    pub artifacts: Vec<NewArtifact>,
}

/// What a performance gave.
pub(crate) struct Outcome {
    /// The id of the evidence, where it is fixed.
    pub evidence: Option<EntryId>,
    pub run: Run,
    pub clock_offset_ms: Option<i64>,
    pub collector: CollectorRef,
    /// Who looked and where, or who handed it in.
    pub by: HostFacts,
    /// What is known of it where it was handed in.
    pub pushed: Option<Pushed>,
    pub self_test: Option<SelfTest>,
    pub collected: Collected,
    /// What was masked before, while it waited to be sealed.
    pub kept: Vec<Kept>,
    pub judgements: Vec<Judgement>,
}

/// An artifact that was masked: the bytes, and what the record says of them.
pub(crate) struct Kept {
    pub reference: ArtifactRef,
    pub artifact: NewArtifact,
}

/// Makes the entries of one performance: its evidence, and one assessment for each judgement.
pub(crate) fn seal(world: &World, job: &Job, outcome: Outcome) -> Result<Sealed, StepError> {
    let Outcome { evidence, run, clock_offset_ms, collector, by, pushed, self_test, collected, kept, judgements } =
        outcome;
    let policy = policy_digest(&job.settings)?;
    let mut artifacts = Vec::new();
    let observation = observation(&world.engine, collected, kept, &mut artifacts)?;

    let evidence = evidence.unwrap_or_else(|| world.entry_id());
    let mut disclosures = Vec::new();
    let principal = disclose(world, evidence, PRINCIPAL, &by.principal, &mut disclosures)?;
    let host = disclose(world, evidence, HOST, &by.host, &mut disclosures)?;
    let observed_to = observation.observed_to;
    let body = Evidence {
        job: job.id.clone(),
        collector: collector.clone(),
        run,
        provenance: Provenance { principal, host, clock_offset_ms },
        pushed,
        self_test,
        policy,
        observation,
    };
    let mut entries = vec![NewEntry { id: evidence, body: Body::from(body) }];
    for judgement in judgements {
        let verdict = judgement.verdict();
        let mut judgement = scrub_judgement(&world.engine, judgement)?;
        let finding_count = judgement.findings.len() as u64;
        let findings_artifact = spill(&mut judgement, &mut artifacts)?;
        let body = Assessment {
            evidence,
            job: job.id.clone(),
            observed_to,
            judge: collector.clone(),
            policy,
            verdict,
            finding_count,
            findings_artifact,
            judgement,
        };
        entries.push(NewEntry { id: world.entry_id(), body: Body::from(body) });
    }
    Ok(Sealed { evidence, entries, disclosures, artifacts })
}

fn policy_digest(settings: &Settings) -> Result<exhibit_evidence::Digest, CanonicalError> {
    settings.policy_digest()
}

fn observation(
    engine: &Engine,
    collected: Collected,
    kept: Vec<Kept>,
    artifacts: &mut Vec<NewArtifact>,
) -> Result<Observation, StepError> {
    let mut observation = scrub_observation(engine, collected.observation)?;
    let raw = collected.artifacts.into_iter().map(|raw| keep(engine, raw));
    for Kept { reference, artifact } in raw.chain(kept) {
        observation.artifacts.push(reference);
        artifacts.push(artifact);
    }
    let facts = to_canonical(&observation.facts)?;
    if facts.len() > LONGEST_FACTS {
        // The text is all that is needed of them from here on.
        observation.facts = Value::Null;
        let raw = RawArtifact { name: "facts".to_owned(), media_type: "application/json".to_owned(), bytes: facts };
        let Kept { reference, artifact } = keep(engine, raw);
        artifacts.push(artifact);
        observation.facts_artifact = Some(reference.digest);
        observation.artifacts.push(reference);
    }
    if observation.problems.len() > MOST_PROBLEMS {
        let more = observation.problems.split_off(MOST_PROBLEMS).len();
        let message = format!("{more} further problems of this run are not listed.");
        observation.problems.push(Problem { subject: None, code: "more-problems".to_owned(), message });
    }
    Ok(observation)
}

/// Masks an artifact.
pub(crate) fn keep(engine: &Engine, raw: RawArtifact) -> Kept {
    let masked = mask_owned(engine, &[], raw.bytes);
    let artifact = NewArtifact { media_type: raw.media_type.clone(), bytes: masked.bytes.into() };
    let reference = ArtifactRef {
        name: raw.name,
        media_type: raw.media_type,
        digest: artifact.digest(),
        size: artifact.bytes.len() as u64,
        masked: masked.hits.len() as u64,
    };
    Kept { reference, artifact }
}

fn spill(
    judgement: &mut Judgement,
    artifacts: &mut Vec<NewArtifact>,
) -> Result<Option<exhibit_evidence::Digest>, StepError> {
    let findings = to_canonical(&judgement.findings)?;
    if findings.len() <= LONGEST_FINDINGS {
        return Ok(None);
    }
    // The findings were scrubbed text by text already: masking the list as a whole could break its form.
    let artifact = NewArtifact { media_type: "application/json".to_owned(), bytes: findings.into() };
    let digest = artifact.digest();
    artifacts.push(artifact);
    judgement.findings = Vec::new();
    Ok(Some(digest))
}

/// Puts a name apart: what the record holds is the digest.
pub(crate) fn disclose(
    world: &World,
    entry: EntryId,
    path: &str,
    value: &str,
    disclosures: &mut Vec<NewDisclosure>,
) -> Result<Disclosable, StepError> {
    let mut salt = [0; 16];
    world.random.fill(&mut salt);
    let disclosure = Disclosure::new(&salt, path, value);
    let sealed = disclosure.seal()?;
    // Used only where this value is new in this field, or new again after an erasure.
    let mut key = Zeroizing::new([0; 32]);
    world.random.fill(key.as_mut());
    let fresh = NewGroup { id: GroupId(world.entry_id().0), key: GroupKey::new(*key) };
    disclosures.push(NewDisclosure { entry, disclosure, fresh });
    Ok(sealed)
}

/// Passes every text of a value through the detector. Collectors keep values to themselves; this is the second wall.
fn scrub<T: Serialize + DeserializeOwned>(engine: &Engine, value: T) -> Result<T, StepError> {
    let mut json = serde_json::to_value(value).map_err(CanonicalError::NotJson)?;
    scrub_value(engine, &mut json);
    Ok(serde_json::from_value(json).map_err(CanonicalError::NotJson)?)
}

/// The same for an observation. Its facts may be long: they are masked where they are, and never held twice.
fn scrub_observation(engine: &Engine, mut observation: Observation) -> Result<Observation, StepError> {
    let mut facts = std::mem::take(&mut observation.facts);
    scrub_value(engine, &mut facts);
    Ok(Observation { facts, ..scrub(engine, observation)? })
}

/// The same for a judgement: of however many findings, one at a time is held twice.
fn scrub_judgement(engine: &Engine, mut judgement: Judgement) -> Result<Judgement, StepError> {
    let findings = std::mem::take(&mut judgement.findings).into_iter();
    let findings = findings.map(|finding| scrub(engine, finding)).collect::<Result<_, _>>()?;
    Ok(Judgement { findings, ..scrub(engine, judgement)? })
}

/// Masks every text of a value, keys too, and tells how many were changed.
pub(crate) fn scrub_value(engine: &Engine, value: &mut Value) -> u64 {
    match value {
        Value::String(text) => match scrubbed(engine, text) {
            Some(clean) => {
                *text = clean;
                1
            }
            None => 0,
        },
        Value::Array(items) => items.iter_mut().map(|item| scrub_value(engine, item)).sum(),
        Value::Object(members) => {
            let dirty: Vec<(String, String)> =
                members.keys().filter_map(|key| Some((key.clone(), scrubbed(engine, key)?))).collect();
            let keys = dirty.len() as u64;
            for (key, clean) in dirty {
                if let Some(item) = members.remove(&key) {
                    members.insert(clean, item);
                }
            }
            keys + members.iter_mut().map(|(name, item)| scrub_member(engine, name, item)).sum::<u64>()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// The same for what stands under a name, which may promise a secret that its text alone does not show.
fn scrub_member(engine: &Engine, name: &str, item: &mut Value) -> u64 {
    if let Value::String(text) = item
        && let Some((_, sure)) = secret_under(name, text.as_bytes())
        && sure >= Confidence::Medium
    {
        *text = engine.shape_of(text.as_bytes());
        return 1;
    }
    scrub_value(engine, item)
}

/// The text without what looks like a secret.
pub fn masked(engine: &Engine, text: &str) -> String {
    scrubbed(engine, text).unwrap_or_else(|| text.to_owned())
}

/// The text without what looks like a secret; none where it needs no change.
pub(crate) fn scrubbed(engine: &Engine, text: &str) -> Option<String> {
    let masked = mask(engine, &[], text.as_bytes());
    let clean = !masked.hits.is_empty() || text.contains('\0');
    clean.then(|| String::from_utf8_lossy(&masked.bytes).replace('\0', "\u{fffd}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_name_promises_is_masked_where_its_text_alone_shows_nothing() {
        let mut value = json!({
            "db_password": "kV9tq2Lw0xZ8",
            "message": "connecting with password=kV9tq2Lw0xZ9",
            "list": [{ "clientSecret": "q8Zr4Wm1Xc7Vb2Nn5Kj9", "port": 5432 }],
            "key": "env.API_TOKEN",
            "password": "(12, base62)",
            "secret_key_ref": "shop-api",
            "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        });
        let clean = value.clone();
        assert_eq!(scrub_value(Engine::builtin(), &mut value), 3);
        assert_eq!(value["db_password"], "(12, base62)");
        assert_eq!(value["message"], "connecting with password=(12, base62)");
        assert_eq!(value["list"][0]["clientSecret"], "(20, base62)");
        for same in ["key", "password", "secret_key_ref", "digest"] {
            assert_eq!(value[same], clean[same], "{same}");
        }
        let masked = value.clone();
        assert_eq!((scrub_value(Engine::builtin(), &mut value), value), (0, masked));
    }
}
