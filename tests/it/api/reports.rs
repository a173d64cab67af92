//! Reports, receipts, periods, collectors: what was issued is what is served.

use exhibit_evidence::hold::HoldScope;
use exhibit_pipeline::{NewHold, Person, place_hold};
use exhibit_store::service::{Role, TokenScope};
use exhibit_tests::Api;

use super::closed;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_issued_is_served_byte_for_byte() {
    let (story, issued) = closed().await;
    let api = Api::new(&story);
    let (_, token) = api.token(&story, "grace", Role::Officer, TokenScope::default()).await;
    let get = |path: String| {
        let (api, token) = (&api, &token);
        async move { api.get(&path, token).await }
    };

    let list = get("/api/v1/reports?period=2026-Q3".to_owned()).await.json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(list["items"][0]["id"], issued.id.to_string());
    assert_eq!(list["items"][0]["record"]["body"]["period"]["id"], "2026-Q3");
    let none = get("/api/v1/reports?period=2026-Q2".to_owned()).await.json();
    assert_eq!(none["items"].as_array().map(Vec::len), Some(0));

    let one = format!("/api/v1/reports/{}", issued.id);
    assert_eq!(get(one.clone()).await.json(), list["items"][0]);
    let forms = [
        (".html", "text/html; charset=utf-8", issued.html.as_bytes()),
        (".md", "text/markdown; charset=utf-8", issued.markdown.as_bytes()),
        (".json", "application/json", issued.json.as_bytes()),
        ("/bundle", "application/x-tar", &issued.bundle),
    ];
    for (ending, media_type, bytes) in forms {
        let answered = get(format!("{one}{ending}")).await;
        assert_eq!((answered.status, answered.header("content-type")), (200, media_type), "{ending}");
        assert!(answered.body == bytes, "{ending}: other bytes than were issued");
    }
    let page = get(format!("{one}.html")).await;
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    let bundle = get(format!("{one}/bundle")).await;
    assert_eq!(bundle.header("content-disposition"), format!("attachment; filename=\"report-{}.tar\"", issued.id));

    for (path, status) in [
        ("/api/v1/reports/01997a40-7c00-7000-8000-000000000412", 404),
        ("/api/v1/reports/01997a40-7c00-7000-8000-000000000412.html", 404),
        ("/api/v1/reports/01997a40-7c00-7000-8000-000000000412/bundle", 404),
        ("/api/v1/reports/report.pdf", 400),
        ("/api/v1/reports/%00", 400),
        ("/api/v1/reports?period=%00", 400),
        ("/api/v1/reports?period=last", 400),
        ("/api/v1/reports?before=9007199254740992", 400),
    ] {
        assert_eq!(get(path.to_owned()).await.status, status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_and_periods_are_passed_on_as_they_were_recorded() {
    let (story, issued) = closed().await;
    let api = Api::new(&story);
    let (_, token) = api.token(&story, "grace", Role::Officer, TokenScope::default()).await;
    let receipts = api.get(&format!("/api/v1/receipts?report={}", issued.id), &token).await.json();
    let keys: Vec<&str> = receipts["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|receipt| receipt["record"]["body"]["key"].as_str().expect("a key"))
        .collect();
    assert_eq!(keys.len(), 2, "of the bundle, and of the disclosures");
    assert!(keys.iter().any(|key| key.starts_with("reports/2026-Q3/")), "{keys:?}");
    assert_eq!(api.get("/api/v1/receipts?limit=1", &token).await.json()["items"].as_array().map(Vec::len), Some(1));
    let periods = api.get("/api/v1/periods", &token).await.json();
    assert_eq!(periods["items"][0]["record"]["body"]["period"]["id"], "2026-Q3");
    assert!(periods["next"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn legal_holds_are_listed_for_whoever_sees_everything() {
    let (story, _) = closed().await;
    let api = Api::new(&story);
    let ada = Person { name: "Ada".to_owned(), role: "officer".to_owned(), token: story.world.entry_id() };
    let hold = NewHold {
        matter: "Example v. Example".to_owned(),
        scope: HoldScope { keys: vec!["reports/".to_owned()], ..HoldScope::default() },
        custodian: "Grace Hopper".to_owned(),
        reason: "letter of the court".to_owned(),
    };
    place_hold(&story.world, &ada, hold).await.expect("placed");
    let (_, all) = api.token(&story, "grace", Role::Auditor, TokenScope::default()).await;
    let limited = TokenScope { environments: Some(vec!["production".to_owned()]), ..TokenScope::default() };
    let (_, some) = api.token(&story, "alan", Role::Auditor, limited).await;
    let list = api.get("/api/v1/holds?limit=10", &all).await.json();
    let items = list["items"].as_array().expect("a list");
    assert!(!items.is_empty() && items.iter().all(|act| act["kind"] == "hold"), "{list}");
    assert!(list.to_string().contains("reports/"), "what it holds is told: {list}");
    assert!(!list.to_string().contains("Grace Hopper"), "names stand in records as digests alone");
    for (path, token) in [
        ("/api/v1/holds", &some),
        ("/api/v1/attestations", &some),
        ("/api/v1/attestations", &all),
        ("/api/v1/waivers", &some),
        ("/api/v1/waivers", &all),
    ] {
        let list = api.get(path, token).await.json();
        assert_eq!(list["items"].as_array().map(Vec::len), Some(0), "{path}");
    }
    assert_eq!(api.get("/api/v1/holds?limit=0", &all).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn collectors_bring_their_documentation() {
    let (story, _) = closed().await;
    let api = Api::new(&story);
    let (_, token) = api.token(&story, "grace", Role::Auditor, TokenScope::default()).await;
    let all = api.get("/api/v1/collectors", &token).await.json();
    let ids: Vec<&str> = all["items"].as_array().expect("a list").iter().filter_map(|one| one["id"].as_str()).collect();
    let known: Vec<&str> = story.world.registry.iter().map(|known| known.manifest.id.as_str()).collect();
    assert_eq!(ids, known);
    for known in story.world.registry.iter() {
        let one = api.get(&format!("/api/v1/collectors/{}", known.manifest.id), &token).await.json();
        assert_eq!(one["page"], known.readme);
        assert_eq!(one["manifest"], serde_json::to_value(&known.manifest).expect("JSON"));
    }
    assert_eq!(api.get("/api/v1/collectors/none", &token).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_their_own_lines_of_the_access_log_and_officers_all() {
    let (story, _) = closed().await;
    let api = Api::new(&story);
    let (_, officer) = api.token(&story, "grace", Role::Officer, TokenScope::default()).await;
    let (_, auditor) = api.token(&story, "ada", Role::Auditor, TokenScope::default()).await;
    api.get("/api/v1/evidence?limit=1", &officer).await;
    api.get("/api/v1/evidence?limit=2", &auditor).await;
    let people = |answered: exhibit_tests::Answered| -> Vec<String> {
        let lines = answered.json()["items"].as_array().expect("a list").clone();
        lines.iter().map(|line| line["person"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(people(api.get("/api/v1/access-log", &auditor).await), ["ada"]);
    assert_eq!(people(api.get("/api/v1/access-log", &officer).await), ["ada", "ada", "grace"]);
    assert_eq!(people(api.get("/api/v1/access-log?person=grace", &auditor).await), [""; 0]);
    assert_eq!(people(api.get("/api/v1/access-log?refused=true", &officer).await), [""; 0]);
}
