//! How the controls stand: what the report says by the same entries, and no more than the scope sees.

use exhibit_evidence::report::Standing;
use exhibit_pipeline::replay_view;
use exhibit_store::service::{Role, TokenScope};
use exhibit_tests::Api;
use serde_json::{Value, json};

use super::closed;

#[tokio::test(flavor = "multi_thread")]
async fn the_status_is_the_report_s_own() {
    let (story, issued) = closed().await;
    let api = Api::new(&story);
    let (_, token) = api.token(&story, "grace", Role::Officer, TokenScope::default()).await;
    let size = story.size().await;
    for period in ["2026-Q3", "2026-Q4", "2026-Q1"] {
        let quarter = story.world.plan.deployment.calendar.period(period.parse().expect("a period"));
        let view = replay_view(&story.world, &quarter, Standing::Interim, size).await.expect("a view");
        let view = serde_json::to_value(view).expect("JSON");
        let told = api.get(&format!("/api/v1/controls?period={period}"), &token).await.json();
        assert_eq!(told["audit_items"], view["audit_items"], "{period}");
        assert_eq!(told["frameworks"], view["frameworks"], "{period}");
        assert_eq!(told["open_findings"], view["totals"]["severities"], "{period}");
        assert_eq!((&told["size"], &told["as_of"]), (&view["cover"]["size"], &view["cover"]["as_of"]));
        for count in ["expected", "performed", "late", "missed", "errored"] {
            assert_eq!(told["slots"][count], view["totals"][count], "{period} {count}");
        }
        for (check, of_view) in
            told["checks"].as_array().expect("checks").iter().zip(view["checks"].as_array().expect("checks"))
        {
            for field in ["id", "job", "current", "throughout", "occurrences", "with_deviation", "latest_evidence"] {
                assert_eq!(check[field], of_view[field], "{period} {field}");
            }
        }
    }
    // The current quarter is the one that is told of when none is named.
    let current = api.get("/api/v1/controls", &token).await.json();
    assert_eq!(current["period"]["id"], "2026-Q4");
    assert_eq!(api.get("/api/v1/controls", &token).await.json(), current, "asked again, nothing is counted twice");
    let one = api.get("/api/v1/controls?framework=soc2-2017&period=2026-Q3", &token).await.json();
    assert_eq!(one["frameworks"].as_array().map(Vec::len), Some(1));
    let failing = one["audit_items"].as_array().expect("items").iter().find(|item| item["item"] == "ci-secrets");
    assert_eq!(
        failing.map(|item| &item["current"]),
        Some(&json!("fail")),
        "what was issued said so too: {}",
        issued.id
    );
    assert_eq!(api.get("/api/v1/controls?framework=none", &token).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_grows_with_the_ledger_and_says_what_is_overdue() {
    let (story, _) = closed().await;
    let api = Api::new(&story);
    let (_, token) = api.token(&story, "grace", Role::Officer, TokenScope::default()).await;
    let before = api.get("/api/v1/controls", &token).await.json();
    story.run_at("2026-10-05T22:30:00Z").await;
    story.run_at("2026-10-12T04:05:00Z").await;
    let (_, token) = api.token(&story, "grace", Role::Officer, TokenScope::default()).await;
    let after = api.get("/api/v1/controls", &token).await.json();
    let count = |told: &Value| told["slots"]["expected"].as_u64().expect("a count");
    assert_eq!(count(&after), count(&before) + 2, "one more Monday for each of two jobs");
    let view = story.view("2026-10-12T04:05:00Z").await;
    assert_eq!(after["audit_items"], serde_json::to_value(&view.audit_items).expect("JSON"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limited_token_is_told_of_its_own_alone() {
    let (story, _) = closed().await;
    let api = Api::new(&story);
    let scope = TokenScope { periods: Some(vec!["2026-Q3".to_owned()]), ..TokenScope::default() };
    let (_, token) = api.token(&story, "ada", Role::Auditor, scope).await;
    assert_eq!(api.get("/api/v1/controls?period=2026-Q3", &token).await.status, 200);
    assert_eq!(api.get("/api/v1/controls?period=2026-Q4", &token).await.status, 404);
    let scope = TokenScope { environments: Some(vec!["nowhere".to_owned()]), ..TokenScope::default() };
    let (_, token) = api.token(&story, "ada", Role::Auditor, scope).await;
    let told = api.get("/api/v1/controls?period=2026-Q3", &token).await.json();
    assert_eq!(told["checks"], json!([]));
    assert_eq!(told["slots"]["expected"], 0);
    assert!(told["audit_items"].as_array().expect("items").iter().all(|item| item["current"].is_null()));
}
