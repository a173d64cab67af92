//! What Prometheus is told: fit for its own checker, true, and honest where the database can't be asked.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use chrono::TimeDelta;
use exhibit_evidence::Timestamp;
use exhibit_store::service::{Role, TokenScope};
use exhibit_tests::{Answered, Api};

use super::closed;
use crate::debian::Program;

/// Prometheus's own checker.
const PROMTOOL: Program = Program { package: "prometheus", path: "usr/bin/promtool" };

async fn scrape(api: &Api, accept: &str) -> Answered {
    let request = axum::http::Request::builder().uri("/metrics").header("accept", accept);
    let request = request.body(axum::body::Body::empty()).expect("a request");
    let response = tower::ServiceExt::oneshot(api.metrics.clone(), request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.expect("the whole body").to_vec();
    Answered { status: parts.status.as_u16(), headers: parts.headers, body }
}

fn text(answered: &Answered) -> String {
    assert_eq!(answered.status, 200);
    String::from_utf8(answered.body.clone()).expect("UTF-8")
}

/// The value of the sample of this name and these labels.
fn value(text: &str, sample: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '))?;
    Some(line.parse().unwrap_or_else(|error| panic!("{sample} {line}: {error}")))
}

/// What the checker says of it; empty where it has nothing to say.
fn checked(text: &str) -> String {
    let mut checker = Command::new(PROMTOOL.find())
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    checker.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it reads");
    let output = checker.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.success(), said.is_empty(), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_is_told_how_the_service_is() {
    let (story, _) = closed().await;
    let api = Api::new(&story);
    let (_, token) = api.token(&story, "ada", Role::Officer, TokenScope::default()).await;
    assert_eq!(api.get("/api/v1/evidence", &token).await.status, 200);
    let answered = scrape(&api, "*/*").await;
    assert_eq!(answered.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let told = text(&answered);
    assert_eq!(checked(&told), "", "{told}");
    let faulty = told.replace("_requests_total", "_requests");
    assert_ne!(checked(&faulty), "", "the checker sees what is wrong");

    let samples = [
        ("exhibit_up", 1.0),
        ("exhibit_ledger_entries", story.size().await as f64),
        ("exhibit_checkpoint_entries", story.size().await as f64),
        ("exhibit_reports_unarchived", 0.0),
        ("exhibit_archive_intents_open", 0.0),
        ("exhibit_leases_held", 0.0),
        ("exhibit_run_requests_open", 0.0),
        ("exhibit_jobs_left_out", 0.0),
        ("exhibit_database_most_connections", 10.0),
        ("exhibit_build_info{version=\"0.1.0\"}", 1.0),
        ("exhibit_job_scheduled{job=\"ci\"}", 1.0),
        ("exhibit_slots_overdue{job=\"ci\"}", 0.0),
        ("exhibit_slots_due{job=\"credentials\"}", 0.0),
        ("exhibit_http_requests_total{method=\"GET\",route=\"/api/v1/evidence\",status=\"200\"}", 1.0),
    ];
    for (sample, expected) in samples {
        assert_eq!(value(&told, sample), Some(expected), "{sample}\n{told}");
    }
    let evidence = value(&told, "exhibit_job_last_evidence_timestamp_seconds{job=\"ci\"}").expect("it was performed");
    assert!((evidence - 1_791_237_600.0).abs() < 60.0, "{evidence}: 5 October 2026, 22:00");
    assert!(!told.contains("ada"), "of nobody");

    let newer = scrape(&api, "application/openmetrics-text;version=1.0.0,text/plain;q=0.5").await;
    assert!(newer.header("content-type").starts_with("application/openmetrics-text; version=1.0.0"));
    assert!(text(&newer).ends_with("# EOF\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_and_what_is_held_is_counted() {
    let (story, _) = closed().await;
    let world = &story.world;
    let job = world.plan.jobs[0].id.clone();
    let now = world.now();
    let slot = |hours| exhibit_store::Slot { job: job.clone(), scheduled_for: now.plus(TimeDelta::hours(hours)) };
    world.store.plan_slots(&[slot(-30), slot(0), slot(5)], now).await.expect("planned");
    let worker = world.store.start_worker(7).await.expect("a session");
    let lease = world.store.claim(worker.key(), world.entry_id().0, now, TimeDelta::hours(100)).await.expect("asked");
    assert_eq!(lease.map(|lease| lease.slot), Some(slot(-30)));
    let intent = exhibit_store::ArchiveIntent {
        key: "reports/waits".to_owned(),
        digest: exhibit_evidence::Digest([1; 32]),
        size: 1,
        subject: "report:none".to_owned(),
    };
    world.store.record_intent(&intent, now.plus(TimeDelta::minutes(-10))).await.expect("noted");
    let told = text(&scrape(&Api::new(&story), "*/*").await);
    assert_eq!(checked(&told), "", "{told}");
    for (sample, expected) in [
        ("exhibit_slots_open{job=\"ci\"}", 3.0),
        ("exhibit_slots_due{job=\"ci\"}", 2.0),
        ("exhibit_slots_overdue{job=\"ci\"}", 1.0),
        ("exhibit_leases_held", 1.0),
        ("exhibit_archive_intents_open", 1.0),
    ] {
        assert_eq!(value(&told, sample), Some(expected), "{sample}\n{told}");
    }
    let age = value(&told, "exhibit_archive_intent_oldest_age_seconds").expect("one waits");
    assert!((600.0..660.0).contains(&age), "{age}");
    let signed = value(&told, "exhibit_checkpoint_timestamp_seconds").expect("it was signed");
    let at = |now: Timestamp| now.micros() as f64 / 1e6;
    assert!((at(now) - signed).abs() < 600.0, "{signed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_can_not_be_asked_is_told() {
    let (story, _) = closed().await;
    let api = Api::new(&story);
    story.world.store.close().await;
    let told = text(&scrape(&api, "*/*").await);
    assert_eq!(checked(&told), "", "{told}");
    assert_eq!(value(&told, "exhibit_up"), Some(0.0), "{told}");
    assert_eq!(value(&told, "exhibit_ledger_entries"), None, "what is not known is not told as a number");
}
