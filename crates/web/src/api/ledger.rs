//! `GET /api/v1/ledger/…`: the log as tools that nobody here wrote read it
//! ([C2SP tlog-tiles](https://c2sp.org/tlog-tiles)), and proofs for whoever has no such tool.
//!
//! Positions and hashes are public to everybody who reads. Records are not: entry bundles are for those who see all.

use axum::{extract::State, response::Response};
use exhibit_evidence::Digest;
use exhibit_ledger::{
    tiles::{Content, TileId, write_entries, write_hashes},
    tree::{Hash, NodeRange, NodeReader as _},
};
use exhibit_store::{Store, StoreError, StoredCheckpoint};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::parameters::{Asked, Named};
use crate::{
    answer,
    problem::{Kind, Problem, ProblemDocument},
    service::Service,
    who::Caller,
};

/// The latest checkpoint: size and root of the log as a signed note (C2SP tlog-checkpoint).
#[utoipa::path(get, path = "/api/v1/ledger/checkpoint", tag = "ledger",
    responses(
        (status = 200, description = "A signed note", body = String, content_type = "text/plain",
            example = "exhibit.example/acme\n412\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— exhibit.example/acme Az3grlgt…\n"),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn checkpoint(State(service): State<Service>) -> Result<Response, Problem> {
    let checkpoint = latest(&service.store).await?;
    Ok(answer::bytes_of("text/plain; charset=utf-8", checkpoint.note.into_bytes(), 0))
}

/// A tile of the latest checkpoint's tree: `0/000` for hashes, `entries/000.p/17` for records.
#[utoipa::path(get, path = "/api/v1/ledger/tile/{*tile}", tag = "ledger",
    params(("tile" = String, Path, description = "Level or `entries`, index, and the width of a partial tile",
        pattern = r"^([0-7]|entries)(/x[0-9]{3})*/[0-9]{3}(\.p/[1-9][0-9]{0,2})?$", example = "0/000.p/1")),
    responses(
        (status = 200, description = "Hashes of 32 bytes each, or records, each behind its length in two bytes",
            body = Vec<u8>, content_type = "application/octet-stream"),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn tile(
    State(service): State<Service>,
    caller: Caller,
    Named(path): Named<String>,
) -> Result<Response, Problem> {
    let wanted =
        TileId::parse(&format!("tile/{path}")).map_err(|error| Problem::new(Kind::NotFound, error.to_string()))?;
    let size = latest(&service.store).await?.size;
    let missing = || Problem::not_found("such tile at the latest checkpoint:", wanted);
    let there = TileId::at_size(wanted.content, wanted.index, size).ok_or_else(missing)?;
    if wanted.width > there.width {
        return Err(missing());
    }
    let (first, width) = (wanted.first(), u64::from(wanted.width));
    let (bytes, rows) = match wanted.content {
        Content::Hashes(level) => (hashes(&service.store, level, first, width).await?, 0),
        Content::Entries => {
            if service.checks() && !caller.scope.is_whole() {
                return Err(Problem::new(Kind::Forbidden, "records in bulk are for those whose token is not limited"));
            }
            let mut reading = service.store.reading(&caller.scope).await?;
            let entries = reading.entries(first..first + width).await?;
            reading.close().await?;
            // With a record missing the others would be in the wrong places.
            if entries.len() as u64 != width {
                return Err(Problem::new(Kind::Forbidden, "records in bulk are for those whose token is not limited"));
            }
            let bytes = write_entries(entries.iter().map(|entry| &entry.text)).map_err(unwritable)?;
            (bytes, entries.len())
        }
    };
    Ok(answer::bytes_of("application/octet-stream", bytes, rows))
}

fn unwritable(error: impl std::fmt::Display) -> Problem {
    tracing::error!(%error, "a tile can't be written");
    Problem::new(Kind::Internal, "the tile can't be written")
}

async fn hashes(store: &Store, level: u8, start: u64, count: u64) -> Result<Vec<u8>, Problem> {
    let nodes = store.nodes(&[NodeRange { level, start, count }]).await?;
    let hashes: Option<Vec<Hash>> = (start..start + count).map(|index| nodes.node(level, index)).collect();
    hashes.map(|hashes| write_hashes(&hashes)).ok_or_else(|| unwritable("a hash is not there"))
}

/// Which entry's proof, in which tree.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OfEntry {
    /// The entry's position.
    #[param(minimum = 0, example = 0)]
    seq: u64,
    /// The tree's size; the latest checkpoint's where none is named.
    #[param(minimum = 1)]
    size: Option<u64>,
}

/// A proof that an entry is in a tree.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Inclusion {
    /// The entry's position.
    #[schema(example = 3)]
    seq: u64,
    /// The tree's size.
    #[schema(example = 412)]
    size: u64,
    /// The entry's leaf: SHA-256(0x00 ‖ record).
    #[schema(value_type = String, example = "sha256:6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")]
    leaf: Digest,
    /// The tree's root.
    #[schema(value_type = String, example = "sha256:0ac5186a91863e8e1d90c8080142a89bf5da8e3ee1d9f07630f0378f68f1ab62")]
    root: Digest,
    /// Siblings on the way to the root, lowest first (RFC 6962 §2.1.1).
    #[schema(value_type = Vec<String>)]
    proof: Vec<Digest>,
}

/// The proof that an entry is in the log (RFC 6962 §2.1.1).
#[utoipa::path(get, path = "/api/v1/ledger/proof/inclusion", tag = "ledger", params(OfEntry),
    responses(
        (status = 200, description = "A proof", body = Inclusion),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn inclusion(State(service): State<Service>, Asked(of): Asked<OfEntry>) -> Result<Response, Problem> {
    let store = &service.store;
    let size = size(store, "size", of.size).await?;
    if of.seq >= size {
        return Err(Problem::new(Kind::NotFound, format!("seq: expected a position below the tree's size, {size}")));
    }
    let leaf = store.nodes(&[NodeRange { level: 0, start: of.seq, count: 1 }]).await?;
    let leaf = leaf.node(0, of.seq).ok_or_else(|| unwritable("a leaf is not there"))?;
    let proof = store.inclusion_proof(of.seq, size).await?;
    let root = store.root(size).await?;
    let proof = proof.into_iter().map(Digest).collect();
    answer::json(&Inclusion { seq: of.seq, size, leaf: Digest(leaf), root: Digest(root), proof }, 0)
}

/// Between which trees.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Between {
    /// The earlier tree's size.
    #[param(minimum = 0, example = 1)]
    from: u64,
    /// The later tree's size; the latest checkpoint's where none is named.
    #[param(minimum = 1)]
    to: Option<u64>,
}

/// A proof that a tree is the beginning of another.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Consistency {
    /// The earlier tree's size.
    #[schema(example = 200)]
    from: u64,
    /// Its root.
    #[schema(value_type = String)]
    from_root: Digest,
    /// The later tree's size.
    #[schema(example = 412)]
    to: u64,
    /// Its root.
    #[schema(value_type = String)]
    to_root: Digest,
    /// The proof (RFC 6962 §2.1.2).
    #[schema(value_type = Vec<String>)]
    proof: Vec<Digest>,
}

/// The proof that nothing before a checkpoint changed until a later one (RFC 6962 §2.1.2).
#[utoipa::path(get, path = "/api/v1/ledger/proof/consistency", tag = "ledger", params(Between),
    responses(
        (status = 200, description = "A proof", body = Consistency),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn consistency(
    State(service): State<Service>,
    Asked(between): Asked<Between>,
) -> Result<Response, Problem> {
    let store = &service.store;
    let (from, to) = (between.from, size(store, "to", between.to).await?);
    if from > to {
        return Err(Problem::new(Kind::NotFound, format!("from: expected at most {to}")));
    }
    let proof = store.consistency_proof(from, to).await?;
    let (from_root, to_root) = (store.root(from).await?, store.root(to).await?);
    let proof = proof.into_iter().map(Digest).collect();
    answer::json(&Consistency { from, from_root: Digest(from_root), to, to_root: Digest(to_root), proof }, 0)
}

/// The size asked for, if the ledger is that long; the latest checkpoint's where none is.
async fn size(store: &Store, name: &str, asked: Option<u64>) -> Result<u64, Problem> {
    let Some(asked) = asked else { return Ok(latest(store).await?.size) };
    let longest = store.head().await?.size();
    match asked {
        asked if (1..=longest).contains(&asked) => Ok(asked),
        _ => Err(Problem::new(Kind::NotFound, format!("{name}: expected 1 to {longest}"))),
    }
}

async fn latest(store: &Store) -> Result<StoredCheckpoint, Problem> {
    let none = || StoreError::NotFound { what: "checkpoint", key: "yet".to_owned() };
    Ok(store.latest_checkpoint().await?.ok_or_else(none)?)
}
