//! `GET /evidence` and `GET /evidence/{id}`: what was observed, what was judged of it, what was kept, and what holds it.

use std::collections::BTreeSet;

use axum::{
    extract::{Path, State},
    http::{HeaderValue, header},
    response::Response,
};
use exhibit_evidence::{
    Body, Digest, EntryId, Outcome, Timestamp,
    assessment::Assessment,
    attestation::Statements,
    hold::Cases,
    observation::{ArtifactRef, Evidence},
    report::ReportIssued,
    waiver::Exceptions,
};
use exhibit_store::service::{Acts, EvidenceQuery, EvidenceRow, Reading, RecordRow};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    attested::{self, Attested, acts},
    collectors::sees,
    frame,
    holding::{Piece, holdings},
    reports::{issued, said},
    waived,
};
use crate::{
    answer,
    api::parameters::Asked,
    problem::{Kind, Problem},
    service::Service,
    who::Caller,
};

/// Pieces on one page.
const MOST: u32 = 100;
/// Findings, and problems, on a piece's page; all of them stand in the API.
const MOST_TOLD: usize = 200;
/// Acts and reports that are read at once.
const AT_ONCE: u32 = 1_000;

/// Which pieces to show.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    collector: Option<String>,
    /// Where the page before ended.
    before: Option<u64>,
}

pub(super) async fn list(
    State(service): State<Service>,
    caller: Caller,
    Asked(which): Asked<Which>,
) -> Result<Response, Problem> {
    let collector = which.collector.filter(|chosen| !chosen.is_empty());
    let query = EvidenceQuery {
        collectors: collector.clone().map(|one| vec![one]),
        before: which.before.map(|before| before.min(i64::MAX as u64)),
        limit: MOST,
        ..EvidenceQuery::default()
    };
    let mut reading = service.store.reading(&caller.scope).await?;
    let page = reading.evidence(&query).await?;
    reading.close().await?;
    let known = service.known();
    let seen = known.catalog.collectors.iter().map(|one| one.id.as_str()).filter(|id| sees(&caller, id));
    let collectors: Vec<_> = seen.collect();
    let rows: Vec<_> = page.items.iter().map(listed).collect();
    let data = json!({
        "here": "evidence", "pieces": rows, "next": page.next, "first": which.before.is_none(),
        "collector": collector.unwrap_or_default(), "collectors": collectors,
    });
    frame::page(&service, &caller, "evidence.html", &data, rows.len())
}

/// A piece in a list, with what its checks came to. Judgements of it that came later are told on its own page.
fn listed(row: &EvidenceRow) -> serde_json::Value {
    let mut seen = BTreeSet::new();
    let originals: Vec<_> = row.assessments.iter().filter(|one| seen.insert(&one.check)).collect();
    let outcomes = originals.iter().filter_map(|one| Outcome::ALL.into_iter().find(|all| all.word() == one.verdict));
    let outcome = Outcome::roll_up(outcomes);
    json!({
        "id": row.id, "observed_to": row.observed_to, "job": row.job, "collector": row.collector, "trigger": row.trigger,
        "environments": row.environments, "examined": row.examined, "exist": row.exist, "problems": row.problems,
        "outcome": (!row.assessments.is_empty()).then_some(outcome),
        "findings": originals.iter().map(|one| one.findings).sum::<u64>(),
    })
}

pub(super) async fn one(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let known = id.parse::<EntryId>().map_err(|_| Problem::not_found("evidence", &id))?;
    let mut reading = service.store.reading(&caller.scope).await?;
    let piece = reading.evidence_piece(known, None).await?;
    let cases = cases(&mut reading).await?;
    let statements = attested::statements(&mut reading).await?;
    let exceptions = waived::exceptions(&mut reading).await?;
    let reports = reports(&mut reading).await?;
    let covered = reading.inclusion(piece.entry.seq).await?.map(|(checkpoint, _)| checkpoint.size);
    reading.close().await?;
    let Body::Evidence(evidence) = said(&piece.entry)? else { return Err(other_kind()) };
    let mut judged = piece.assessments.iter().map(|row| Judged::of(row, &evidence)).collect::<Result<Vec<_>, _>>()?;
    let mut seen = BTreeSet::new();
    for one in judged.iter_mut().filter(|one| !one.replay) {
        one.replay = !seen.insert(one.assessment.judgement.check.clone());
    }
    let environments = evidence.observation.subjects.iter().map(|subject| subject.environment.clone()).collect();
    let held = Piece {
        seqs: std::iter::once(piece.entry.seq).chain(piece.assessments.iter().map(|row| row.seq)).collect(),
        environments,
        period: service.known().calendar.period_of(evidence.observation.observed_to).id,
        cited: cited(&evidence, &judged),
        reports: &reports,
    };
    let now = service.now();
    let original = |one: &&Judged| !one.replay;
    let outcome = Outcome::roll_up(judged.iter().filter(original).map(|one| one.assessment.verdict.into()));
    let problems = &evidence.observation.problems;
    let data = json!({
        "here": "evidence",
        "id": piece.entry.id,
        "seq": piece.entry.seq,
        "covered": covered,
        "recorded_at": piece.entry.recorded_at,
        "digest": Digest::of(piece.entry.record.get().as_bytes()),
        "piece": shown(&evidence),
        "outcome": judged.iter().any(|one| !one.replay).then_some(outcome),
        "judged": judged.iter().map(|one| one.told(&exceptions, now)).collect::<Vec<_>>(),
        "problems": problems.iter().take(MOST_TOLD).collect::<Vec<_>>(),
        "more_problems": problems.len().saturating_sub(MOST_TOLD),
        "kept": kept(piece.entry.id, &evidence, &judged),
        "holds": holdings(&cases, &held),
        "attested": attested_of(&statements, &evidence),
    });
    frame::page(&service, &caller, "piece.html", &data, 1 + piece.assessments.len())
}

/// An artifact, in the rights of whoever reads the entry that cites it. Always taken along, never shown in our name.
pub(super) async fn artifact(
    State(service): State<Service>,
    caller: Caller,
    Path((id, digest)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("artifact", &digest);
    let (through, wanted) = id.parse::<EntryId>().ok().zip(digest.parse::<Digest>().ok()).ok_or_else(missing)?;
    let mut reading = service.store.reading(&caller.scope).await?;
    let artifact = reading.artifact(through, wanted).await?;
    reading.close().await?;
    let end = if artifact.media_type.ends_with("json") { "json" } else { "bin" };
    let mut response = answer::bytes_of("application/octet-stream", artifact.bytes, 1);
    let named = format!("attachment; filename=\"{}.{end}\"", wanted.hex());
    if let Ok(value) = HeaderValue::from_str(&named) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

fn other_kind() -> Problem {
    Problem::new(Kind::Internal, "an entry is of another kind than its list")
}

/// An assessment of the piece.
struct Judged {
    entry: EntryId,
    assessment: Assessment,
    /// Judged later, by another version or once more: never what was judged when it was recorded.
    replay: bool,
}

impl Judged {
    fn of(row: &RecordRow, evidence: &Evidence) -> Result<Self, Problem> {
        let Body::Assessment(assessment) = said(row)? else { return Err(other_kind()) };
        let replay = assessment.judge.content != evidence.collector.content;
        Ok(Self { entry: row.id, assessment: *assessment, replay })
    }

    fn told(&self, exceptions: &Exceptions, now: Timestamp) -> serde_json::Value {
        let judgement = &self.assessment.judgement;
        let findings: Vec<_> = judgement
            .findings
            .iter()
            .take(MOST_TOLD)
            .map(|finding| {
                let waived = exceptions.covering(finding.fingerprint, finding.severity, now);
                let (environment, subject) = (&finding.environment, &finding.subject);
                json!({
                    "fingerprint": finding.fingerprint, "severity": finding.severity, "place": finding.place.human(),
                    "detail": finding.detail, "subject": format!("{environment}/{subject}"),
                    "waived_until": waived.map(|exception| exception.until),
                })
            })
            .collect();
        json!({
            "check": judgement.check, "verdict": self.assessment.verdict, "subjects": judgement.subjects,
            "findings": findings, "all_findings": self.assessment.finding_count, "replay": self.replay,
            "elsewhere": self.assessment.findings_artifact,
        })
    }
}

/// What the template shows of a piece, but names: these stand in its record as digests.
fn shown(evidence: &Evidence) -> serde_json::Value {
    let Evidence { collector, job, observation, pushed, run, self_test, .. } = evidence;
    let populations: Vec<_> = observation
        .population
        .iter()
        .map(|one| {
            let subject = format!("{}/{}", one.subject.environment, one.subject.id);
            json!({"subject": subject, "of": one, "complete": one.is_complete()})
        })
        .collect();
    json!({
        "job": job, "collector": collector, "run": run, "self_test": self_test, "pushed": pushed,
        "observed_from": observation.observed_from, "observed_to": observation.observed_to, "tool": observation.tool,
        "method": observation.method, "rights": observation.rights, "filters": observation.filters,
        "populations": populations,
    })
}

/// Something that was kept, and the entry through which it is read.
#[derive(Serialize)]
struct Kept<'a> {
    through: EntryId,
    name: String,
    digest: Digest,
    of: Option<&'a ArtifactRef>,
}

fn kept<'a>(id: EntryId, evidence: &'a Evidence, judged: &[Judged]) -> Vec<Kept<'a>> {
    let artifacts = evidence.observation.artifacts.iter();
    let observed = artifacts.map(|one| Kept { through: id, name: one.name.clone(), digest: one.digest, of: Some(one) });
    let found = judged.iter().filter_map(|one| {
        let name = format!("findings of {}", one.assessment.judgement.check);
        one.assessment.findings_artifact.map(|digest| Kept { through: one.entry, name, digest, of: None })
    });
    observed.chain(found).collect()
}

fn cited(evidence: &Evidence, judged: &[Judged]) -> BTreeSet<Digest> {
    let observation = &evidence.observation;
    let observed = observation.artifacts.iter().map(|one| one.digest).chain(observation.facts_artifact);
    observed.chain(judged.iter().filter_map(|one| one.assessment.findings_artifact)).collect()
}

/// What two persons attested of what a piece about the custody of keys is about, as it stood when that was observed.
fn attested_of(statements: &Statements, evidence: &Evidence) -> Vec<Attested> {
    let observation = &evidence.observation;
    let about = |environment| observation.subjects.iter().any(|subject| subject.environment == environment);
    if evidence.collector.id.as_str() != attested::COLLECTOR {
        return Vec::new();
    }
    let then = statements.all().iter().filter(|one| one.made_at <= observation.observed_to);
    let of_it = then.filter(|one| one.period.contains(observation.observed_to) && about(one.environment.clone()));
    of_it.map(|one| Attested::of(one, observation.observed_to)).collect()
}

/// Every case that this reader may know of.
async fn cases(reading: &mut Reading) -> Result<Cases, Problem> {
    let mut cases = Cases::default();
    for act in acts(reading, Acts::Holds).await? {
        if let Body::Hold(hold) = said(&act)? {
            cases.take(act.id, act.seq, act.recorded_at, &hold);
        }
    }
    Ok(cases)
}

async fn reports(reading: &mut Reading) -> Result<Vec<(EntryId, ReportIssued)>, Problem> {
    let page = reading.reports(None, None, None, AT_ONCE).await?;
    page.items.iter().map(|row| Ok((row.id, issued(row)?))).collect()
}
