//! `GET /reports`, and each report: as a page, and its files to take along.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderValue, header},
    response::Response,
};
use exhibit_evidence::{Body as Said, EntryId, Record, report::ReportIssued};
use exhibit_store::service::{Reading, RecordRow};
use serde_json::json;

use super::frame;
use crate::{
    answer::Rows,
    api::reports::own_policy,
    problem::{Kind, Problem},
    service::Service,
    who::Caller,
};

/// Reports on the page, newest first: several years of quarters with their interim ones.
const MOST: u32 = 200;

/// The thin way back. It is put into what is shown, not into what is taken along.
const BACK: &str = "<style>.way-back{padding:.6rem 0;border-bottom:1px solid var(--line);font-size:.92rem}\
                    @media print{.way-back{display:none}}</style>\
                    <nav class=\"way-back\" aria-label=\"Reading room\"><a href=\"/reports\">All reports</a></nav>\n";

/// The files of a report: the name in the address, the name in the record, the media type, the name's end.
const FILES: [(&str, &str, &str); 4] = [
    ("bundle", "application/x-tar", "tar"),
    ("html", "text/html; charset=utf-8", "html"),
    ("json", "application/json", "json"),
    ("md", "text/markdown; charset=utf-8", "md"),
];

pub(super) async fn list(State(service): State<Service>, caller: Caller) -> Result<Response, Problem> {
    let mut reading = service.store.reading(&caller.scope).await?;
    let rows = reading.reports(None, None, None, MOST).await?;
    let receipts = reading.receipts(None, None, None, 1_000).await?;
    reading.close().await?;
    let mut archived: BTreeMap<EntryId, Vec<_>> = BTreeMap::new();
    for row in &receipts.items {
        if let Said::Receipt(receipt) = said(row)?
            && receipt.is_of_report()
            && let Some(report) = receipt.report
        {
            archived.entry(report).or_default().push(receipt);
        }
    }
    let reports: Vec<(&RecordRow, ReportIssued)> =
        rows.items.iter().map(|row| Ok((row, issued(row)?))).collect::<Result<_, Problem>>()?;
    let superseded: BTreeSet<EntryId> = reports.iter().filter_map(|(_, report)| report.supersedes).collect();
    let listed: Vec<_> = reports
        .iter()
        .map(|(row, report)| {
            json!({
                "id": row.id,
                "period": report.period,
                "standing": report.standing.word(),
                "revision": report.revision,
                "issued": row.recorded_at,
                "entries": report.size,
                "superseded": superseded.contains(&row.id),
                "bundle": report.files.iter().find(|file| file.name == "bundle").map(|file| file.size),
                "receipts": archived.get(&row.id),
            })
        })
        .collect();
    // Reports are about everything: whoever is limited to a part sees none, and is told why.
    let none_seen = caller.scope.environments.is_some() || caller.scope.collectors.is_some();
    let data = json!({"here": "reports", "reports": listed, "more": rows.next.is_some(), "none_seen": none_seen});
    frame::page(&service, &caller, "reports.html", &data, listed.len())
}

pub(super) async fn one(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (_, bytes) = read(&service, &caller, &id, "html").await?;
    let html = String::from_utf8(bytes).map_err(|_| Problem::new(Kind::Internal, "the report's page is no text"))?;
    let shown = html.replacen("<body>\n", &format!("<body>\n{BACK}"), 1);
    // In a sandbox the page would have no origin, and the way back would lose the session.
    let policy = own_policy(shown.as_bytes()).replace("; sandbox", "");
    let mut response = answered("text/html; charset=utf-8", shown.into_bytes());
    if let Ok(policy) = HeaderValue::try_from(policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

pub(super) async fn file(
    State(service): State<Service>,
    caller: Caller,
    Path((id, file)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let known = FILES.iter().find(|(name, ..)| *name == file);
    let (name, media_type, end) = known.ok_or_else(|| Problem::not_found("file of a report", &file))?;
    let (report, bytes) = read(&service, &caller, &id, name).await?;
    let mut response = answered(media_type, bytes);
    // The bytes are the recorded ones, so they are taken along and not shown in our name.
    let (period, standing, revision) = (report.period.id, report.standing.word(), report.revision);
    let named = format!("attachment; filename=\"exhibit-{period}-{standing}-{revision}.{end}\"");
    if let Ok(value) = HeaderValue::from_str(&named) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

async fn read(service: &Service, caller: &Caller, id: &str, name: &str) -> Result<(ReportIssued, Vec<u8>), Problem> {
    let known = id.parse::<EntryId>().map_err(|_| Problem::not_found("report", id))?;
    let mut reading: Reading = service.store.reading(&caller.scope).await?;
    let report = issued(&reading.entry("report", known).await?)?;
    let file = report.files.iter().find(|file| file.name == name);
    let digest = file.ok_or_else(|| Problem::not_found("file of this report", name))?.digest;
    let bytes = reading.artifact(known, digest).await?.bytes;
    reading.close().await?;
    Ok((report, bytes))
}

pub(super) fn said(row: &RecordRow) -> Result<Said, Problem> {
    let record = Record::from_bytes(row.record.get().as_bytes().to_vec());
    let read = record.and_then(|(record, _)| record.read());
    read.map(|envelope| envelope.body).map_err(|error| {
        tracing::error!(%error, seq = row.seq, "an entry can't be read");
        Problem::new(Kind::Internal, "an entry of the ledger could not be read")
    })
}

pub(super) fn issued(row: &RecordRow) -> Result<ReportIssued, Problem> {
    match said(row)? {
        Said::Report(report) => Ok(*report),
        _ => Err(Problem::new(Kind::Internal, "an entry is of another kind than its list")),
    }
}

fn answered(media_type: &'static str, bytes: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("authorization, cookie"));
    response.extensions_mut().insert(Rows(1));
    response
}
