//! Entries as a busy deployment writes them, of about 1.5 kB each: what benchmarks append, bundle and check.
//!
//! A run is a piece of evidence and three assessments of it, one with a finding. The same numbers give the same entries.

use serde_json::json;

use crate::assessment::Judgement;
use crate::deployment::Deployment;
use crate::observation::{
    CollectorRef, Method, Observation, Population, Provenance, Run, SelfTest, Subject, Tool, Trigger,
};
use crate::{
    Assessment, Body, CheckId, Condition, Digest, Disclosure, EntryId, Evidence, Finding, Fingerprint, Place, Severity,
    SubjectOutcome, Timestamp, Verdict,
};

/// The log that [`deployment`] speaks of.
pub const ORIGIN: &str = "example.test/log";

/// Where the samples begin: a microsecond a number from here on.
///
/// # Panics
/// Never: the numbers of a benchmark are small.
#[must_use]
pub fn at(number: u64) -> Timestamp {
    let start: Timestamp = "2026-07-01T06:00:00.000000Z".parse().expect("an instant");
    Timestamp::from_micros(start.micros() + number.cast_signed()).expect("an instant")
}

/// The id of the entry with this number.
#[must_use]
pub fn id(number: u64) -> EntryId {
    let mut random = [0x5a; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    EntryId::from_parts(at(number), &random)
}

/// The entry with this number: the deployment, then runs of four entries each.
#[must_use]
pub fn body(number: u64, verifier_key: &str) -> Body {
    match number {
        0 => deployment(verifier_key).into(),
        _ if number % 4 == 1 => evidence(number).into(),
        _ => assessment(number).into(),
    }
}

/// The disclosable values of the entry with this number; what its record holds are their digests.
#[must_use]
pub fn disclosures(number: u64) -> Vec<Disclosure> {
    if number % 4 != 1 {
        return Vec::new();
    }
    [("body.provenance.host", "build-7"), ("body.provenance.principal", "exhibit")]
        .map(|(path, value)| Disclosure::new(&id(number).0.into_bytes(), path, value))
        .into()
}

fn digest(what: &str, number: u64) -> Digest {
    Digest::of(format!("{what} {number}").as_bytes())
}

fn deployment(verifier_key: &str) -> Deployment {
    Deployment {
        reason: None,
        origin: ORIGIN.to_owned(),
        name: "Example".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        fiscal_year_start: 1,
        grace_days: 5,
        environments: Vec::new(),
        configuration: digest("configuration", 0),
        verifier_key: verifier_key.to_owned(),
        exhibit_version: "0.1.0".to_owned(),
        archive: "write-once directory".to_owned(),
    }
}

/// The subject of the run that an entry belongs to.
fn subject(number: u64) -> Subject {
    let run = (number - 1) / 4;
    let environment = ["production", "staging", "build"][(run % 3) as usize];
    Subject {
        environment: environment.parse().expect("an id"),
        id: format!("service-{}", run % 211).parse().expect("an id"),
    }
}

fn collector() -> CollectorRef {
    CollectorRef {
        id: "ci_secrets".parse().expect("an id"),
        version: "0.1.0".to_owned(),
        content: digest("collector", 0),
    }
}

fn evidence(number: u64) -> Evidence {
    let subject = subject(number);
    let sealed = disclosures(number).into_iter().map(|disclosure| disclosure.seal().expect("texts without a NUL"));
    let [host, principal] = sealed.collect::<Vec<_>>().try_into().expect("two values");
    Evidence {
        job: "ci-secrets-of-all-services".parse().expect("an id"),
        collector: collector(),
        run: Run {
            id: id(number),
            trigger: Trigger::Scheduled,
            scheduled_for: Some(at(number)),
            reason: None,
            started_at: at(number + 1),
            finished_at: at(number + 4),
            attempt: 1,
        },
        provenance: Provenance { principal, host, clock_offset_ms: None },
        pushed: None,
        self_test: Some(SelfTest {
            passed: true,
            detail: "the known-bad fixture was found, the known-good one passed".to_owned(),
        }),
        policy: digest("policy", 0),
        observation: Observation {
            observed_from: at(number + 2),
            observed_to: at(number + 3),
            subjects: vec![subject.clone()],
            population: vec![Population {
                subject,
                unit: "file version that is or may be CI configuration".to_owned(),
                exist: Some(number % 97 + 3),
                counted_by: "the repository's own count of objects".to_owned(),
                examined: number % 97 + 3,
                excluded: Vec::new(),
            }],
            method: Method::All,
            tool: Tool {
                name: "exhibit ci_secrets, libgit2".to_owned(),
                version: "0.1.0".to_owned(),
                command: Vec::new(),
                rule_pack: Some(digest("rules", 0)),
            },
            rights: "read access to the repository's folder, as the user that runs this".to_owned(),
            filters: Vec::new(),
            blind_spots: vec!["commits that no reference keeps alive; the CI system's own secret store".to_owned()],
            problems: Vec::new(),
            facts: json!({ "format": 1, "literals": number % 5, "head": digest("head", number) }),
            facts_artifact: None,
            artifacts: Vec::new(),
        },
    }
}

fn assessment(number: u64) -> Assessment {
    let kind = number % 4;
    let check: CheckId = ["ci-secrets.plaintext-value", "", "ci-secrets.known-token", "ci-secrets.history"]
        [kind as usize]
        .parse()
        .expect("an id");
    let subject = subject(number);
    let findings: Vec<Finding> = (kind == 0).then(|| finding(number, &check, &subject)).into_iter().collect();
    let verdict = if findings.is_empty() { Verdict::Pass } else { Verdict::Fail };
    let reason = if findings.is_empty() {
        format!("no deviation noted in {} versions of CI files; {WHAT_WAS_READ}", number % 97 + 3)
    } else {
        format!("1 deviation noted in {} versions of CI files", number % 97 + 3)
    };
    Assessment {
        evidence: id(number / 4 * 4 + 1 - if kind == 0 { 4 } else { 0 }),
        job: "ci-secrets-of-all-services".parse().expect("an id"),
        observed_to: at(number + 2),
        judge: collector(),
        policy: digest("policy", 0),
        verdict,
        finding_count: findings.len() as u64,
        findings_artifact: None,
        judgement: Judgement {
            check,
            closings: Default::default(),
            subjects: vec![SubjectOutcome { subject, verdict, reason }],
            conditions: findings.iter().map(|finding| (finding.condition.clone(), condition())).collect(),
            findings,
        },
    }
}

const WHAT_WAS_READ: &str = "every commit that a reference, a stash entry or HEAD keeps alive was read, with all versions \
    of the files that the CI systems known to this collector read their configuration from: workflows, pipelines, \
    included templates and the scripts that jobs name. Values that stand where a reference to the secret store should, \
    and values in the form of a known provider's token, would have been noted with file, key and line, without the value. \
    Not read were submodules, files in Git LFS, content that configuration includes from other repositories, and what \
    the hosting service itself keeps: its secret store, variables set in its pages, logs and artifacts of jobs. A value \
    that looks like an ordinary word under a name that promises no secret is not found by this check.";

fn condition() -> Condition {
    Condition {
        title: "A literal stands where a reference should".to_owned(),
        risk: "Everyone who can read the repository can read the value, now and in every clone.".to_owned(),
        impact: "Whoever holds it can do what the job can do.".to_owned(),
        recommendation: "Rotate the value, and let the job read it from the secret store.".to_owned(),
        steps: vec!["Rotate it.".to_owned(), "Name it in the secret store, and refer to it.".to_owned()],
        references: vec!["CWE-798: Use of Hard-coded Credentials".to_owned()],
    }
}

fn finding(number: u64, check: &CheckId, subject: &Subject) -> Finding {
    let file = ".github/workflows/deploy.yml";
    let place = [file, "jobs.deploy.env.API_TOKEN"];
    Finding {
        fingerprint: Fingerprint::of(check, &subject.environment, &subject.id, &place).expect("texts without a NUL"),
        condition: "ci-secrets.literal".parse().expect("an id"),
        severity: Severity::High,
        environment: subject.environment.clone(),
        subject: subject.id.clone(),
        place: Place { file: Some(file.to_owned()), line: Some(number % 50), ..Place::default() },
        detail: "a literal of 40 characters stands in the clear".to_owned(),
        instances: number % 3 + 1,
        attributes: Default::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Envelope, canonical::quickly, to_canonical};

    /// A type whose members stand in another order than their names would still be read, but not quickly.
    #[test]
    fn they_are_read_quickly() {
        for number in 0..=4 {
            let told = body(number, "a key");
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
            let read: Option<Body> = match &told {
                Body::Deployment(body) => {
                    quickly(&text(to_canonical(body).expect("bytes"))).map(|b: Deployment| b.into())
                }
                Body::Evidence(body) => quickly(&text(to_canonical(body).expect("bytes"))).map(|b: Evidence| b.into()),
                Body::Assessment(body) => {
                    quickly(&text(to_canonical(body).expect("bytes"))).map(|b: Assessment| b.into())
                }
                _ => None,
            };
            assert_eq!(read, Some(told));
        }
    }

    #[test]
    fn they_are_of_the_size_that_is_said() {
        let length = |number: u64| {
            let envelope = Envelope { id: id(number), recorded_at: at(number), body: body(number, "a key") };
            envelope.to_record().expect("a record").as_bytes().len()
        };
        for run in [0, 250_000] {
            let lengths: Vec<usize> = (1..=4).map(|entry| length(run * 4 + entry)).collect();
            let mean = lengths.iter().sum::<usize>() / 4;
            assert!((1450..=1550).contains(&mean) && lengths.iter().all(|l| (1300..1750).contains(l)), "{lengths:?}");
        }
    }
}
