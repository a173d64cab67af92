//! Closed by default, limited, on record.

use std::{collections::BTreeSet, time::Duration};

use chrono::TimeDelta;
use exhibit_evidence::Clock as _;
use exhibit_store::service::{AccessQuery, Role, Scope, TokenScope};
use exhibit_tests::{Answered, Api, Example, TestWorld};
use exhibit_web::{Limits, document, rights};

async fn story() -> TestWorld {
    let story = TestWorld::new("2026-11-16T08:00:00Z", &[Example::new("ci", "ci_secrets", "fail")]).await;
    story.run_at("2026-11-16T08:00:00Z").await;
    story
}

fn problem(answered: &Answered) -> String {
    assert_eq!(answered.header("content-type"), "application/problem+json");
    let problem = answered.json();
    assert_eq!(problem["status"], answered.status);
    problem["type"].as_str().expect("a type").trim_start_matches("urn:exhibit:problem:").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_answered_without_a_good_token_but_health() {
    let story = story().await;
    let api = Api::new(&story);
    let (_, good) = api.token(&story, "ada", Role::Officer, TokenScope::default()).await;
    let other = format!("{}{}", &good[..good.len() - 1], if good.ends_with('0') { '1' } else { '0' });

    for path in ["/healthz", "/readyz"] {
        let answered = api.ask("GET", path, &[], "").await;
        assert_eq!((answered.status, answered.body.len()), (204, 0), "{path}");
    }
    let refused: [&[(&str, &str)]; 6] = [
        &[],
        &[("authorization", "")],
        &[("authorization", "Basic YWRhOmFkYQ==")],
        &[("authorization", "Bearer exh_tooshort")],
        &[("authorization", &format!("Bearer {other}"))],
        &[("authorization", &format!("Bearer {good}")), ("authorization", &format!("Bearer {good}"))],
    ];
    let known = rights::RIGHTS.iter().filter(|right| right.allowed != rights::Allowed::Anybody);
    for path in known.map(|right| right.route).chain(["/api/v1/no-such-route", "/metrics"]) {
        for headers in refused {
            let answered = api.ask("GET", path, headers, "").await;
            assert_eq!((answered.status, problem(&answered).as_str()), (401, "unauthenticated"), "{path} {headers:?}");
            assert_eq!(answered.header("www-authenticate"), "Bearer realm=\"exhibit\"");
        }
    }
    let bearer = format!("Bearer {good}");
    let with = [("authorization", bearer.as_str())];
    let asked = |method: &'static str, path: &'static str| api.ask(method, path, &with, "");
    assert_eq!(asked("GET", "/api/v1/evidence").await.status, 200);
    assert_eq!(problem(&asked("GET", "/api/v1/no-such-route").await), "not-found");
    assert_eq!(problem(&asked("DELETE", "/api/v1/evidence").await), "method-not-allowed");

    // An end is noticed at once, by the clock.
    let (_, short) = api.token(&story, "ada", Role::Officer, TokenScope::default()).await;
    assert_eq!(api.get("/api/v1/evidence", &short).await.status, 200);
    story.clock.set(story.clock.now().plus(TimeDelta::hours(2)));
    assert_eq!(api.get("/api/v1/evidence", &short).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_refused_at_once_also_where_it_was_good_a_moment_ago() {
    let story = story().await;
    let api = Api::new(&story);
    for path in ["/api/v1/evidence", "/api/v1/evidence?format=ndjson", "/api/v1/controls", "/api/v1/no-such-route"] {
        let (id, token) = api.token(&story, "ada", Role::Officer, TokenScope::default()).await;
        assert_eq!(api.get("/api/v1/evidence", &token).await.status, 200);
        story.world.store.revoke_token(id.0, "grace", "she left", story.world.now()).await.expect("revoked");
        // The first is refused where its line is written, the second because nothing is remembered any more.
        for remembered in [true, false] {
            let refused = api.get(path, &token).await;
            assert_eq!((refused.status, problem(&refused).as_str()), (401, "unauthenticated"), "{path}");
            assert_eq!(refused.header("www-authenticate"), "Bearer realm=\"exhibit\"");
            let mut reading = story.world.store.reading(&Scope::whole()).await.expect("a reading");
            let page = reading.access_log(&AccessQuery { limit: 1, ..AccessQuery::default() }).await.expect("the log");
            let line = &page.items[0].access;
            assert_eq!((line.status, line.row_count), (401, None), "{path}: on record as it was");
            assert!(line.refusal.as_deref().is_some_and(|why| why.starts_with("unauthenticated: ")), "{line:?}");
            assert_eq!(line.token_id, remembered.then_some(id.0), "{path}");
        }
    }

    // What does something looks before it does it.
    let (id, token) = api.token(&story, "grace", Role::Operator, TokenScope::default()).await;
    assert_eq!(api.get("/api/v1/runs", &token).await.status, 200);
    story.world.store.revoke_token(id.0, "ada", "she left", story.world.now()).await.expect("revoked");
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let refused = api.ask("POST", "/api/v1/runs", &headers, r#"{"job":"ci"}"#).await;
    assert_eq!((refused.status, problem(&refused).as_str()), (401, "unauthenticated"));
    assert!(story.world.store.run_requests(None, 10).await.expect("told").is_empty(), "nothing was asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_read_and_every_refusal_is_on_record_and_no_token_is() {
    let story = story().await;
    let api = Api::new(&story);
    let scope = TokenScope { environments: Some(vec!["production".to_owned()]), ..TokenScope::default() };
    let (id, token) = api.token(&story, "ada", Role::Auditor, scope).await;
    let (_, bringer) = api.token(&story, "robot", Role::Ingest, TokenScope::default()).await;
    let first = api.get(&format!("/api/v1/evidence?limit=2&collector=ci_secrets&limit={token}"), &token).await;
    assert_eq!(problem(&first), "invalid-request");
    let second = api.get("/api/v1/evidence?limit=2", &token).await;
    assert_eq!(second.status, 200);
    assert_eq!(problem(&api.get("/api/v1/evidence", &bringer).await), "forbidden");
    api.ask("GET", "/api/v1/evidence", &[], "").await;
    api.ask("GET", "/healthz", &[], "").await;

    let mut reading = story.world.store.reading(&Scope::whole()).await.expect("a reading");
    let page = reading.access_log(&AccessQuery::default()).await.expect("the log");
    let lines: Vec<_> = page.items.iter().rev().map(|row| &row.access).collect();
    let told: Vec<_> = lines
        .iter()
        .map(|line| (line.person.as_deref(), line.status, line.row_count.is_some(), line.refusal.is_some()))
        .collect();
    assert_eq!(
        told,
        [
            (Some("ada"), 400, false, true),
            (Some("ada"), 200, true, false),
            (Some("robot"), 403, false, true),
            (None, 401, false, true),
        ]
    );
    assert_eq!(lines[1].token_id, Some(id.0));
    assert_eq!((lines[1].method.as_str(), lines[1].route.as_str()), ("GET", "/api/v1/evidence"));
    assert_eq!(lines[1].query, "/api/v1/evidence?limit=2");
    assert!(lines[1].scope.contains("production"), "{}", lines[1].scope);
    assert_eq!(lines[1].request_id.to_string(), second.header("x-request-id"));
    let secret = &token[4..];
    assert!(lines.iter().all(|line| !format!("{line:?}").contains(secret)), "no token is on record");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_put_on_record_is_not_answered() {
    let story = story().await;
    let api = Api::new(&story);
    let (_, token) = api.token(&story, "ada", Role::Officer, TokenScope::default()).await;
    assert_eq!(api.get("/api/v1/evidence", &token).await.status, 200);
    let owner = story.database.owner_url();
    story.database.sql(&owner, "ALTER TABLE exhibit.access_log RENAME TO gone").await.expect("renamed");
    let answered = api.get("/api/v1/evidence", &token).await;
    assert_eq!((answered.status, problem(&answered).as_str()), (503, "unavailable"));
    assert!(!String::from_utf8_lossy(&answered.body).contains("ci_secrets"), "nothing of the ledger is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_the_asker_has_is_not_sent_again() {
    let story = story().await;
    let api = Api::new(&story);
    let (_, token) = api.token(&story, "ada", Role::Officer, TokenScope::default()).await;
    let first = api.get("/api/v1/evidence", &token).await;
    let tag = first.header("etag").to_owned();
    let token = format!("Bearer {token}");
    let ask = |unless: String| {
        let (api, token) = (&api, &token);
        async move { api.ask("GET", "/api/v1/evidence", &[("authorization", token), ("if-none-match", &unless)], "").await }
    };
    assert_eq!((ask(tag.clone()).await.status, ask(tag.clone()).await.body.len()), (304, 0));
    assert_eq!(ask(format!("\"x\", W/{tag}")).await.status, 304);
    assert_eq!(ask("\"x\"".to_owned()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_often_is_told_when_to_come_again() {
    let story = story().await;
    let limits = Limits { requests_per_second: 1, burst: 3, patience: Duration::from_secs(5), ..Limits::default() };
    let api = Api::limited(&story, limits);
    let (_, token) = api.token(&story, "ada", Role::Officer, TokenScope::default()).await;
    let (_, other) = api.token(&story, "grace", Role::Officer, TokenScope::default()).await;
    let mut last = api.get("/api/v1/evidence", &token).await;
    for _ in 0..5 {
        last = api.get("/api/v1/evidence", &token).await;
    }
    assert_eq!((last.status, problem(&last).as_str()), (429, "rate-limited"));
    assert!(last.header("retry-after").parse::<u64>().is_ok_and(|seconds| (1..=3).contains(&seconds)));
    assert_eq!(api.get("/api/v1/evidence", &other).await.status, 200, "others are not held up");
}

#[test]
fn the_table_of_rights_and_the_description_name_the_same_routes() {
    let document = serde_json::to_value(document()).expect("JSON");
    let described: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().expect("methods").keys();
            methods.map(move |method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let rights: BTreeSet<(String, String)> =
        rights::RIGHTS.iter().map(|right| (right.method.to_owned(), right.route.replace("{*", "{"))).collect();
    assert_eq!(described, rights);
}

#[test]
fn the_description_stays_as_it_was_agreed() {
    insta::assert_json_snapshot!("openapi", document());
}
