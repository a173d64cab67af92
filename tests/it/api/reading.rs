//! Evidence, findings, slots and runs: what the token may see, in every form.

use exhibit_evidence::Digest;
use exhibit_store::service::{AccessQuery, Role, Scope, TokenScope};
use exhibit_tests::{Answered, Api, TestWorld};
use serde_json::Value;

use super::closed;

/// Rows of a list.
fn items(answered: &Answered) -> Vec<Value> {
    assert_eq!(answered.status, 200, "{}", String::from_utf8_lossy(&answered.body));
    answered.json()["items"].as_array().expect("a list").clone()
}

async fn officer() -> (TestWorld, Api, String) {
    let (story, _) = closed().await;
    let api = Api::new(&story);
    let (_, token) = api.token(&story, "grace", Role::Officer, TokenScope::default()).await;
    (story, api, token)
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_is_a_page_a_piece_and_a_stream() {
    let (story, api, token) = officer().await;
    let all = items(&api.get("/api/v1/evidence", &token).await);
    assert!(all.len() >= 2, "{} pieces", all.len());
    let some = |query: &'static str| {
        let (api, token) = (&api, &token);
        async move { items(&api.get(&format!("/api/v1/evidence?{query}"), token).await).len() }
    };
    let of_ci = all.iter().filter(|one| one["collector"] == "ci_secrets").count();
    assert_eq!(some("collector=ci_secrets").await, of_ci);
    assert_eq!(some("check=ci-secrets.plaintext-value").await, of_ci);
    assert_eq!(some("control=soc2-2017:CC6.1&collector=ci_secrets").await, of_ci);
    assert_eq!(some("severity=critical,high,medium,low,info&collector=ci_secrets").await, of_ci);
    assert_eq!(some("job=nobody").await, 0);
    assert_eq!(some("recorded_to=2026-09-01T00:00:00Z").await, 0);
    assert_eq!(some("as_of=0").await, 0);

    // Pages follow each other; a stream has all of it, earliest first, with the records' own bytes.
    let (mut paged, mut next) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("/api/v1/evidence?limit=1&records=true{next}"), &token).await;
        paged.extend(items(&page));
        match page.json()["next"].as_u64() {
            Some(before) => next = format!("&before={before}"),
            None => break,
        }
    }
    let positions = |rows: &[Value]| rows.iter().map(|one| one["seq"].as_u64()).collect::<Vec<_>>();
    assert_eq!(positions(&paged), positions(&all));
    let accept = [("authorization", format!("Bearer {token}")), ("accept", "application/x-ndjson".to_owned())];
    let accept: Vec<(&str, &str)> = accept.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let stream = api.ask("GET", "/api/v1/evidence", &accept, "").await;
    assert_eq!((stream.status, stream.header("content-type")), (200, "application/x-ndjson"));
    let text = String::from_utf8(stream.body.clone()).expect("text");
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    lines.reverse();
    assert_eq!(positions(&lines), positions(&all));
    for (line, page) in lines.iter().zip(&paged) {
        assert_eq!(line["record"], page["record"]);
        let stored = story.world.store.entry(page["id"].as_str().expect("an id").parse().expect("one")).await;
        assert!(text.contains(&stored.expect("it is there").text), "not the exact record");
    }
    let csv = api.get("/api/v1/evidence?format=csv", &token).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(String::from_utf8_lossy(&csv.body).lines().count(), all.len() + 1);

    // How many rows left is on record under the same request, once the stream has ended.
    for answered in [stream.headers, csv.headers] {
        let request = answered["x-request-id"].to_str().expect("a name").to_owned();
        assert_eq!(rows_on_record(&story, &request).await, [None, Some(all.len() as u64)]);
    }
}

/// The counts that the access log holds of a request, once there are two lines of it.
async fn rows_on_record(story: &TestWorld, request: &str) -> Vec<Option<u64>> {
    for _ in 0..200 {
        let mut reading = story.world.store.reading(&Scope::whole()).await.expect("a reading");
        let page = reading.access_log(&AccessQuery::default()).await.expect("the log");
        reading.close().await.expect("closed");
        let lines = page.items.iter().rev().filter(|row| row.access.request_id.to_string() == request);
        let counts: Vec<_> = lines.map(|row| row.access.row_count).collect();
        if counts.len() > 1 {
            return counts;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("no second line came of {request}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_proves_that_it_is_in_the_log() {
    let (story, api, token) = officer().await;
    let all = items(&api.get("/api/v1/evidence?collector=ci_secrets", &token).await);
    let path = format!("/api/v1/evidence/{}", all[0]["id"].as_str().expect("an id"));
    let piece = api.get(&path, &token).await;
    let text = String::from_utf8(piece.body.clone()).expect("text");
    let piece = piece.json();
    let (seq, size) = (piece["evidence"]["seq"].as_u64(), piece["proof"]["size"].as_u64());
    let (seq, size) = (seq.expect("a position"), size.expect("a size"));
    let digest = |hash: &Value| hash.as_str().and_then(|hash| hash.parse::<Digest>().ok()).expect("a digest").0;
    let hashes: Vec<_> = piece["proof"]["hashes"].as_array().expect("hashes").iter().map(digest).collect();
    let stored =
        story.world.store.entry(all[0]["id"].as_str().expect("an id").parse().expect("one")).await.expect("there");
    assert!(text.contains(&stored.text), "the record is passed on untouched");
    let leaf = exhibit_ledger::tree::leaf_hash(stored.text.as_bytes());
    let root = story.world.store.checkpoint(size).await.expect("kept").root;
    exhibit_ledger::tree::verify_inclusion(&leaf, seq, size, &hashes, &root).expect("it is in the log");
    assert!(piece["disclosures"].as_array().is_some_and(|values| !values.is_empty()));
    assert!(!piece["assessments"].as_array().expect("a list").is_empty());
    // What was not there yet is not there.
    assert_eq!(api.get(&format!("{path}?as_of={seq}"), &token).await.status, 404);

    // Who may see no names sees record and proof all the same, that names were masked, by whom and why.
    let reason = "no personal data: engagement letter, section 4";
    let scope = TokenScope { names_masked: Some(reason.to_owned()), ..TokenScope::default() };
    let (_, blind) = api.token(&story, "audra", Role::Auditor, scope).await;
    let answered = api.get(&path, &blind).await;
    let masked = answered.json();
    assert_eq!((&masked["evidence"], &masked["proof"]), (&piece["evidence"], &piece["proof"]));
    let pairs = |piece: &Value| piece["disclosures"].as_array().expect("a list").clone();
    let (shown, hidden) = (pairs(&piece), pairs(&masked));
    assert_eq!(shown.len(), hidden.len());
    let told = String::from_utf8_lossy(&answered.body).into_owned();
    for (shown, hidden) in shown.iter().zip(&hidden) {
        assert_eq!((&shown["digest"], &shown["path"]), (&hidden["digest"], &hidden["path"]));
        assert_eq!((&hidden["value"], &shown["masked"]), (&Value::Null, &Value::Null));
        assert_eq!((&hidden["masked"]["by"], &hidden["masked"]["reason"]), (&"a test".into(), &reason.into()));
        let name = shown["value"].as_str().expect("a name");
        assert!(!told.contains(&format!("\"{name}\"")), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_have_a_history_and_slots_an_end() {
    let (_story, api, token) = officer().await;
    let found = items(&api.get("/api/v1/findings?check=ci-secrets.plaintext-value", &token).await);
    assert!(!found.is_empty());
    let one =
        api.get(&format!("/api/v1/findings/{}", found[0]["fingerprint"].as_str().expect("one")), &token).await.json();
    assert_eq!(one["finding"], found[0]);
    assert_eq!(
        one["history"].as_array().map(Vec::len),
        found[0]["observations"].as_u64().and_then(|n| n.try_into().ok())
    );
    assert_eq!(one["last"]["fingerprint"], found[0]["fingerprint"]);
    assert!(one["about"]["risk"].is_string() || one["about"].is_object());
    let lines = api.get("/api/v1/findings?format=ndjson&check=ci-secrets.plaintext-value", &token).await;
    let lines: Vec<Value> =
        String::from_utf8_lossy(&lines.body).lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    assert_eq!(lines, found);
    let slots = items(&api.get("/api/v1/slots", &token).await);
    assert!(slots.iter().any(|slot| slot["evidence"].is_string()));
    let missed = items(&api.get("/api/v1/slots?state=missed", &token).await);
    assert_eq!(missed.len(), slots.iter().filter(|slot| slot["state"] == "missed").count());
    assert!(items(&api.get("/api/v1/schedules", &token).await).len() >= 2);
    assert!(!items(&api.get("/api/v1/runs?trigger=scheduled,catch-up", &token).await).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_outside_of_the_scope_is_not_there() {
    let (story, api, officer) = officer().await;
    let nowhere = TokenScope { environments: Some(vec!["elsewhere".to_owned()]), ..TokenScope::default() };
    let (_, token) = api.token(&story, "kim", Role::Auditor, nowhere).await;
    let evidence = items(&api.get("/api/v1/evidence", &officer).await);
    let finding = items(&api.get("/api/v1/findings", &officer).await);
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    for list in ["evidence", "findings", "slots", "schedules", "runs"] {
        assert!(items(&api.get(&format!("/api/v1/{list}"), &token).await).is_empty(), "{list}");
    }
    for list in ["evidence?format=ndjson", "findings?format=ndjson"] {
        assert_eq!(api.get(&format!("/api/v1/{list}"), &token).await.body.len(), 0, "{list}");
    }
    for path in [
        format!("/api/v1/evidence/{}", text(&evidence[0]["id"])),
        format!("/api/v1/findings/{}", text(&finding[0]["fingerprint"])),
        "/api/v1/evidence/01997a40-7c00-7000-8000-000000000412".to_owned(),
    ] {
        assert_eq!(api.get(&path, &token).await.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_malformed_is_said_to_be() {
    let (_story, api, token) = officer().await;
    for path in [
        "evidence?outcome=good",
        "evidence?severity=high,",
        "evidence?observed_from=yesterday",
        "evidence?limit=0",
        "evidence?limit=1001",
        "evidence?format=xml",
        "evidence?nobody=knows",
        "evidence?job=%00",
        "evidence?as_of=-1",
        "evidence/nobody",
        "evidence/01997a40-7c00-7000-8000-000000000412/artifacts/sha256:xyz",
        "findings?state=lost",
        "findings?after=x",
        "findings/sha256:abc",
        "slots?state=performed,lost",
        "runs?trigger=pushed-over",
        "schedules?as_of=9007199254740992",
    ] {
        assert_eq!(api.get(&format!("/api/v1/{path}"), &token).await.status, 400, "{path}");
    }
    for path in ["evidence?control=soc2-2017:none", "evidence?control=x", "findings?control=x"] {
        assert_eq!(api.get(&format!("/api/v1/{path}"), &token).await.status, 404, "{path}");
    }
}
