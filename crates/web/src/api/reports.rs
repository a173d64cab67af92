//! `GET /api/v1/reports`, one of them, and its forms.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use exhibit_evidence::{EntryId, report::ReportIssued};
use exhibit_store::service::RecordRow;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use utoipa::IntoParams;

use super::{
    parameters::{Asked, Named, entry_id, limit, period, position},
    shapes::{Entry, Listed},
};
use crate::{
    answer,
    problem::{Kind, Problem, ProblemDocument},
    service::Service,
    who::Caller,
};

/// Which reports to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Of this period.
    #[param(example = "2026-Q4", pattern = r"^(19[7-9][0-9]|[2-8][0-9]{3})-Q[1-4]$")]
    period: Option<String>,
    /// As of a checkpoint of this size: nothing recorded later is listed.
    #[param(minimum = 0, maximum = 9007199254740991_i64)]
    as_of: Option<u64>,
    /// Where the page before ended: its `next`.
    #[param(minimum = 0, maximum = 9007199254740991_i64)]
    before: Option<u64>,
    /// The page's size.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Lists reports, newest first. A report is about everything: it is seen by those who are limited to periods at most.
#[utoipa::path(get, path = "/api/v1/reports", tag = "reports", params(Which),
    responses(
        (status = 200, description = "A page of reports", body = Listed<Entry>),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn list(
    State(service): State<Service>,
    caller: Caller,
    Asked(which): Asked<Which>,
) -> Result<Response, Problem> {
    let as_of = position("as_of", which.as_of)?;
    let (before, limit) = (position("before", which.before)?, limit(which.limit)?);
    let period = period("period", which.period.as_deref())?.map(|id| id.to_string());
    let mut reading = service.store.reading(&caller.scope).await?;
    let page = reading.reports(period.as_deref(), as_of, before, limit).await?;
    reading.close().await?;
    let page = Listed::of(page, Entry::from);
    answer::json(&page, page.items.len())
}

/// What a report's name may end with, its form, and as what that is sent.
const FORMS: [(&str, &str, &str); 3] = [
    (".html", "html", "text/html; charset=utf-8"),
    (".md", "md", "text/markdown; charset=utf-8"),
    (".json", "json", "application/json"),
];

/// One report: its entry; with `.html`, `.md` or `.json` behind the id, the report itself, byte for byte as it was issued.
#[utoipa::path(get, path = "/api/v1/reports/{id}", tag = "reports",
    params(("id" = String, Path, description = "The report's id, and perhaps `.html`, `.md` or `.json`",
        pattern = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(\.html|\.md|\.json)?$",
        example = "01997a40-7c00-7000-8000-000000000412.html")),
    responses(
        (status = 200, description = "The report's entry, or the form asked for",
            content((Entry = "application/json"), (String = "text/html"), (String = "text/markdown"))),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn one(
    State(service): State<Service>,
    caller: Caller,
    Named(name): Named<String>,
) -> Result<Response, Problem> {
    for (ending, form, media_type) in FORMS {
        if let Some(id) = name.strip_suffix(ending) {
            let bytes = file(&service, &caller, entry_id("id", id)?, form).await?;
            let policy = (form == "html").then(|| own_policy(&bytes));
            let mut response = answer::bytes_of(media_type, bytes, 1);
            if let Some(policy) = policy.and_then(|policy| HeaderValue::try_from(policy).ok()) {
                response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
            }
            return Ok(response);
        }
    }
    let mut reading = service.store.reading(&caller.scope).await?;
    let row = reading.entry("report", entry_id("id", &name)?).await?;
    reading.close().await?;
    answer::json(&Entry::from(row), 1)
}

/// The report's bundle: every entry from the close before to its checkpoint, with the proofs, for `exhibit verify`.
///
/// Whoever may see a report may check it, so the bundle is given whole: it holds the entries that were recorded between
/// the closes, whatever period they were observed in.
#[utoipa::path(get, path = "/api/v1/reports/{id}/bundle", tag = "reports",
    params(("id" = String, Path, description = "The report's id", pattern = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
        example = "01997a40-7c00-7000-8000-000000000412")),
    responses(
        (status = 200, description = "A tar archive", body = Vec<u8>, content_type = "application/x-tar"),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn bundle(
    State(service): State<Service>,
    caller: Caller,
    Named(name): Named<String>,
) -> Result<Response, Problem> {
    let id = entry_id("id", &name)?;
    let bytes = file(&service, &caller, id, "bundle").await?;
    let mut response = answer::bytes_of("application/x-tar", bytes, 1);
    let value = format!("attachment; filename=\"report-{id}.tar\"");
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// The bytes of one of a report's files, as its entry cites them.
async fn file(service: &Service, caller: &Caller, id: EntryId, form: &str) -> Result<Vec<u8>, Problem> {
    let mut reading = service.store.reading(&caller.scope).await?;
    let row = reading.entry("report", id).await?;
    let report = issued(&row)?;
    let file = report.files.iter().find(|file| file.name == form);
    let file = file.ok_or_else(|| Problem::not_found("such form of report", id))?;
    let kept = reading.artifact(id, file.digest).await?;
    reading.close().await?;
    Ok(kept.bytes)
}

/// What the entry says of its report.
fn issued(row: &RecordRow) -> Result<ReportIssued, Problem> {
    #[derive(Deserialize)]
    struct Envelope {
        body: ReportIssued,
    }
    serde_json::from_str(row.record.get()).map(|envelope: Envelope| envelope.body).map_err(|error| {
        tracing::error!(seq = row.seq, %error, "the record of a report can't be read");
        Problem::new(Kind::Internal, "the report's record can't be read by this version")
    })
}

/// A policy under which the page's own style sheets work, named by their digests, and nothing else does.
pub(crate) fn own_policy(page: &[u8]) -> String {
    let page = String::from_utf8_lossy(page);
    let sheets = page.split("<style>").skip(1).filter_map(|rest| rest.split_once("</style>"));
    let allowed: Vec<String> =
        sheets.map(|(sheet, _)| format!("'sha256-{}'", BASE64.encode(Sha256::digest(sheet)))).collect();
    let styles = if allowed.is_empty() { "'none'".to_owned() } else { allowed.join(" ") };
    format!(
        "default-src 'none'; style-src {styles}; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; sandbox"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_page_s_own_style_sheets_are_allowed() {
        let policy = own_policy(b"<html><style>a{}</style><p style='x'><script>1</script>");
        // printf 'a{}' | openssl dgst -sha256 -binary | base64
        assert!(policy.contains("style-src 'sha256-X1RutGBrXCt9KkSaXMK7tHftWiRscFHOhxsS8tv8hBk=';"), "{policy}");
        assert_eq!(policy.matches("sha256-").count(), 1);
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
        assert!(own_policy(b"<p>").contains("style-src 'none'"));
    }
}
