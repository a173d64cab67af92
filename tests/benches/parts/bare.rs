//! Bare handlers: the same SQL on the same pool, the rows as JSON, and nothing else.

use std::net::SocketAddr;

use axum::{
    Json, Router,
    extract::{Path, State},
    response::{IntoResponse as _, Response},
    routing::get,
};
use chrono::{DateTime, Utc};
use exhibit_ledger::tree::{NodeRange, inclusion_nodes};
use exhibit_store::{
    Store,
    service::{
        EvidenceQuery, Scope,
        spelled::{self, Spelled},
    },
};
use exhibit_tests::Seed;
use serde::Serialize;
use sqlx::{AssertSqlSafe, FromRow, PgConnection, PgPool, postgres::PgRow, types::Uuid};

/// Where a piece stands in the ledger: three entries each, behind what comes before them.
fn position(number: u64) -> u64 {
    number * 3 + Seed::JOBS + 1
}

/// Where a page begins that ends with this piece.
pub(crate) fn before(number: u64) -> u64 {
    position(number + 100)
}

#[derive(Clone)]
struct Bare {
    pool: PgPool,
    size: u64,
    seed: Seed,
}

/// Serves until the process ends. Tells where.
pub(crate) async fn serve(store: &Store, seed: &Seed) -> SocketAddr {
    let size = store.head().await.expect("a head").size();
    let bare = Bare { pool: spelled::pool(store), size, seed: *seed };
    let router = Router::new()
        .route("/same/piece/{number}", get(same_piece))
        .route("/same/page/{number}", get(same_page))
        .route("/alone/piece/{number}", get(piece_alone))
        .route("/alone/page/{number}", get(page_alone))
        .with_state(bare);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        use axum::serve::ListenerExt as _;
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, router).await.expect("it serves");
    });
    address
}

#[derive(FromRow, Serialize)]
struct Entry {
    seq: i64,
    id: Uuid,
    recorded_at: DateTime<Utc>,
    kind: String,
    record: String,
}

#[derive(FromRow, Serialize)]
struct Disclosed {
    digest: Vec<u8>,
    entry_id: Uuid,
    path: String,
    value: Option<String>,
    erased_at: Option<DateTime<Utc>>,
}

#[derive(FromRow, Serialize)]
struct Listed {
    seq: i64,
    id: Uuid,
    recorded_at: DateTime<Utc>,
    job: String,
    collector: String,
    trigger: String,
    scheduled_for: Option<DateTime<Utc>>,
    started_at: DateTime<Utc>,
    finished_at: DateTime<Utc>,
    observed_from: DateTime<Utc>,
    observed_to: DateTime<Utc>,
    environments: Vec<String>,
    subjects: Vec<String>,
    exist: Option<i64>,
    examined: i64,
    problems: i64,
    self_test_passed: Option<bool>,
    ids: Option<Vec<Uuid>>,
    checks: Option<Vec<String>>,
    verdicts: Option<Vec<String>>,
    counts: Option<Vec<i64>>,
}

async fn rows<T>(connection: &mut PgConnection, spelled: &Spelled) -> Vec<T>
where
    T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    let mut query = sqlx::query_as(AssertSqlSafe(spelled.text.clone()));
    for value in &spelled.values {
        query = query.bind(value);
    }
    query.fetch_all(connection).await.expect("Postgres answers")
}

async fn restricted(pool: &PgPool) -> sqlx::Transaction<'static, sqlx::Postgres> {
    let mut tx = pool.begin_with(spelled::begin()).await.expect("a transaction");
    let restrict = spelled::restrict(&Scope::whole());
    let mut query = sqlx::query(AssertSqlSafe(restrict.text));
    for value in &restrict.values {
        query = query.bind(value);
    }
    query.fetch_one(&mut *tx).await.expect("Postgres answers");
    tx
}

#[derive(FromRow, Serialize)]
struct Checkpoint {
    size: i64,
    root: Vec<u8>,
    note: String,
    signed_at: DateTime<Utc>,
}

#[derive(FromRow, Serialize)]
struct Nodes {
    level: i16,
    places: Vec<i64>,
    hashes: Vec<u8>,
}

/// The ranges of the tree that prove a piece's place.
pub(crate) fn ranges(number: u64, size: u64) -> (Vec<i16>, Vec<i64>, Vec<i64>) {
    let ranges = inclusion_nodes(position(number), size).expect("it is in the tree");
    let of = |what: fn(&NodeRange) -> u64| ranges.iter().map(|range| what(range).cast_signed()).collect();
    let levels = ranges.iter().map(|range| range.level.into()).collect();
    (levels, of(|range| range.start), of(|range| range.start + range.count))
}

type Found = (Vec<Entry>, Vec<Entry>, Vec<Disclosed>, Vec<Checkpoint>, Vec<Nodes>);

/// The piece, its assessments, their values, and what proves it.
async fn piece(connection: &mut PgConnection, number: u64, bare: &Bare) -> Found {
    let (id, observed_to) = (Seed::id(number), bare.seed.observed(number));
    let [piece, assessments, disclosures] = spelled::piece(id, observed_to, &[Seed::assessment(number)], bare.size);
    let piece = rows(connection, &piece).await;
    let assessments = rows(connection, &assessments).await;
    let disclosures = rows(connection, &disclosures).await;
    let latest =
        sqlx::query_as(spelled::LATEST_CHECKPOINT).fetch_all(&mut *connection).await.expect("Postgres answers");
    let (levels, starts, ends) = ranges(number, bare.size);
    let nodes = sqlx::query_as(spelled::NODES).bind(levels).bind(starts).bind(ends);
    (piece, assessments, disclosures, latest, nodes.fetch_all(connection).await.expect("Postgres answers"))
}

async fn same_piece(State(bare): State<Bare>, Path(number): Path<u64>) -> Response {
    let mut tx = restricted(&bare.pool).await;
    let found = piece(&mut tx, number, &bare).await;
    tx.commit().await.expect("it ends");
    Json(found).into_response()
}

async fn piece_alone(State(bare): State<Bare>, Path(number): Path<u64>) -> Response {
    let mut connection = bare.pool.acquire().await.expect("a connection");
    Json(piece(&mut connection, number, &bare).await).into_response()
}

fn page(number: u64, size: u64) -> Spelled {
    let query = EvidenceQuery { before: Some(before(number)), limit: 100, ..EvidenceQuery::default() };
    spelled::page(&query, &Scope::whole(), size)
}

async fn same_page(State(bare): State<Bare>, Path(number): Path<u64>) -> Response {
    let mut tx = restricted(&bare.pool).await;
    let found: Vec<Listed> = rows(&mut tx, &page(number, bare.size)).await;
    tx.commit().await.expect("it ends");
    Json(found).into_response()
}

async fn page_alone(State(bare): State<Bare>, Path(number): Path<u64>) -> Response {
    let mut connection = bare.pool.acquire().await.expect("a connection");
    let found: Vec<Listed> = rows(&mut connection, &page(number, bare.size)).await;
    Json(found).into_response()
}
