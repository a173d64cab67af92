//! `GET /api/v1/evidence/{id}`: one piece with what belongs to it, and the artifacts that it cites.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};
use exhibit_evidence::{
    Digest,
    disclosure::{PERSON, kind_of},
    erasure::Erasure,
};
use exhibit_store::{
    StoredCheckpoint,
    service::{DisclosedValue, EvidencePiece},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    parameters::{Asked, Named, entry_id, position},
    shapes::Entry,
};
use crate::{
    answer,
    problem::{Problem, ProblemDocument},
    service::Service,
    who::Caller,
};

/// As of when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AsOf {
    /// As of a checkpoint of this size: nothing recorded later is told.
    #[param(minimum = 0, maximum = 9007199254740991_i64)]
    as_of: Option<u64>,
}

/// One piece of evidence, with what belongs to it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Piece {
    /// The evidence.
    evidence: Entry,
    /// What checks made of it, in the order of the ledger.
    assessments: Vec<Entry>,
    /// Values that stand in these records as salted digests only.
    disclosures: Vec<Disclosed>,
    /// That the evidence is in the log; null until a checkpoint covers it.
    #[schema(required = true)]
    proof: Option<Proof>,
}

/// A value that stands in a record as a salted digest only.
#[derive(Debug, Serialize, ToSchema)]
struct Disclosed {
    /// The entry that carries the digest.
    #[schema(format = "uuid", example = "01997a40-7c00-7000-8000-000000000412")]
    entry: String,
    /// What stands in the record.
    #[schema(example = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    digest: String,
    /// Where it stands in the record.
    #[schema(example = "body.provenance.host")]
    path: String,
    /// The value; null where it was erased, or is masked for you.
    #[schema(required = true, example = "build-7")]
    value: Option<String>,
    /// When it was erased; null where it was not.
    #[schema(required = true, format = "date-time", example = json!(null))]
    erased_at: Option<String>,
    /// By whom and why; null where it was not erased.
    #[schema(required = true)]
    erasure: Option<Erased>,
    /// By whom it is masked for you and why; null where it is not.
    #[schema(required = true)]
    masked: Option<Masked>,
}

/// By whom a value is masked for a reader, and why. It is there, and what proves the record holds without it.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Masked {
    /// Who made the token that masks names.
    #[schema(example = "ada on build-7, by the command line")]
    by: String,
    /// Why, in their words.
    #[schema(example = "engagement letter, section 4: no personal data")]
    reason: String,
}

/// By whom a value was erased, and why.
#[derive(Debug, Serialize, ToSchema)]
struct Erased {
    /// The entry that tells of it.
    #[schema(format = "uuid", example = "01997a40-7c00-7000-8000-000000000901")]
    entry: String,
    /// Who: a pseudonym, as reports print it.
    #[schema(example = "person-9f86d081")]
    by: String,
    /// The role of their token at that moment.
    #[schema(example = "officer")]
    role: String,
    /// Why, in their words.
    #[schema(example = "request 117")]
    reason: String,
}

/// That an entry is in the log: RFC 6962, section 2.1.1.
#[derive(Debug, Serialize, ToSchema)]
struct Proof {
    /// Size of the tree: that of the checkpoint.
    #[schema(example = 1024)]
    size: u64,
    /// Hashes from the leaf's sibling up to the root.
    #[schema(example = json!(["sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]))]
    hashes: Vec<String>,
    /// The signed checkpoint (C2SP tlog-checkpoint), exact text.
    checkpoint: String,
}

/// Shows one piece of evidence: its exact record, the assessments over it, the values that they hold as digests, and the
/// proof that it is in the log.
#[utoipa::path(get, path = "/api/v1/evidence/{id}", tag = "evidence",
    params(("id" = String, Path, description = "Its id", pattern = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"), AsOf),
    responses(
        (status = 200, description = "The evidence", body = Piece),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn one(
    State(service): State<Service>,
    caller: Caller,
    Named(id): Named<String>,
    Asked(AsOf { as_of }): Asked<AsOf>,
) -> Result<Response, Problem> {
    let id = entry_id("id", &id)?;
    let as_of = position("as_of", as_of)?;
    let mut reading = service.store.reading(&caller.scope).await?;
    let EvidencePiece { entry, assessments, disclosures } = reading.evidence_piece(id, as_of).await?;
    let proof = reading.inclusion(entry.seq).await?.map(Proof::from);
    reading.close().await?;
    let rows = 1 + assessments.len();
    let token = &caller.token;
    let masked =
        token.scope.names_masked.as_ref().map(|reason| Masked { by: token.created_by.clone(), reason: reason.clone() });
    let piece = Piece {
        proof,
        evidence: entry.into(),
        assessments: assessments.into_iter().map(Entry::from).collect(),
        disclosures: disclosures.into_iter().map(|value| Disclosed::of(value, masked.as_ref())).collect(),
    };
    answer::json(&piece, rows)
}

impl Disclosed {
    /// The value as this reader may see it. What was erased is erased for everybody.
    fn of(row: DisclosedValue, masked: Option<&Masked>) -> Self {
        let DisclosedValue { entry, digest, path, value, erased_at, erasure } = row;
        let erased_at = erased_at.map(|at| at.to_string());
        let erasure = erasure.map(|(entry, Erasure { by, reason, .. })| Erased {
            entry: entry.to_string(),
            by: by.person.pseudonym(kind_of(PERSON)),
            role: by.role,
            reason,
        });
        let masked = masked.filter(|_| erased_at.is_none()).cloned();
        Self { entry: entry.to_string(), digest: digest.to_string(), path, value, erased_at, erasure, masked }
    }
}

impl From<(StoredCheckpoint, Vec<[u8; 32]>)> for Proof {
    fn from((checkpoint, hashes): (StoredCheckpoint, Vec<[u8; 32]>)) -> Self {
        let hashes = hashes.into_iter().map(|hash| Digest(hash).to_string()).collect();
        Self { size: checkpoint.size, hashes, checkpoint: checkpoint.note }
    }
}

/// An artifact, read through an entry that cites it: the evidence, or an assessment of it. Always a download.
#[utoipa::path(get, path = "/api/v1/evidence/{id}/artifacts/{digest}", tag = "evidence",
    params(
        ("id" = String, Path, description = "The entry that cites it", pattern = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"),
        ("digest" = String, Path, description = "Its digest, sha256:<hex>", pattern = r"^sha256:[0-9a-f]{64}$"),
    ),
    responses(
        (status = 200, description = "Its bytes", content_type = "application/octet-stream"),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn artifact(
    State(service): State<Service>,
    caller: Caller,
    Named((id, digest)): Named<(String, String)>,
) -> Result<Response, Problem> {
    let id = entry_id("id", &id)?;
    let digest: Digest = digest.parse().map_err(|error| Problem::invalid(format!("digest: {error}")))?;
    let mut reading = service.store.reading(&caller.scope).await?;
    let artifact = reading.artifact(id, digest).await?;
    reading.close().await?;
    let mut response = answer::bytes_of("application/octet-stream", artifact.bytes, 1);
    response.headers_mut().insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    Ok(response)
}
