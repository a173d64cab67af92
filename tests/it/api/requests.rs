//! To ask for a run inserts a row, once for each key, and tells how far it is.

use exhibit_store::service::{Role, TokenScope};
use exhibit_tests::{Answered, Api};

use super::closed;

async fn ask(api: &Api, token: &str, key: Option<&str>, body: &str) -> Answered {
    let bearer = format!("Bearer {token}");
    let mut headers = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
    headers.extend(key.map(|key| ("idempotency-key", key)));
    api.ask("POST", "/api/v1/runs", &headers, body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_asked_for_once_for_each_key() {
    let (story, _) = closed().await;
    let api = Api::new(&story);
    let (_, grace) = api.token(&story, "grace", Role::Operator, TokenScope::default()).await;
    let (_, ada) = api.token(&story, "ada", Role::Operator, TokenScope::default()).await;
    let scope = TokenScope { periods: Some(vec!["2026-Q3".to_owned()]), ..TokenScope::default() };
    let (_, limited) = api.token(&story, "ida", Role::Operator, scope).await;
    let (_, root) = api.token(&story, "root", Role::Administrator, TokenScope::default()).await;
    let (_, officer) = api.token(&story, "olga", Role::Officer, TokenScope::default()).await;
    let size = story.size().await;

    let first = ask(&api, &grace, Some("monday"), r#"{"job":"ci"}"#).await;
    assert_eq!((first.status, &first.json()["already"]), (202, &false.into()));
    let again = ask(&api, &grace, Some("monday"), r#"{"job":"ci"}"#).await;
    assert_eq!((again.status, &again.json()["already"]), (202, &true.into()));
    assert_eq!(first.json()["id"], again.json()["id"]);
    assert_eq!(ask(&api, &grace, Some("monday"), r#"{"job":"credentials"}"#).await.status, 409);
    let other = ask(&api, &ada, Some("monday"), r#"{"job":"ci"}"#).await;
    assert_ne!(first.json()["id"], other.json()["id"], "another person's key is another key");
    assert_eq!(story.world.store.run_requests(None, 10).await.expect("requests").len(), 2);
    assert_eq!(story.size().await, size, "nothing was started");

    let place = first.header("location").to_owned();
    let told = api.get(&place, &grace).await.json();
    assert_eq!((&told["state"], &told["job"], &told["person"]), (&"waiting".into(), &"ci".into(), &"grace".into()));
    assert_eq!(api.get(&place, &root).await.status, 200);
    assert_eq!(api.get(&place, &limited).await.status, 404, "it is somebody else's");
    assert_eq!(api.get(&place, &officer).await.status, 403);

    for (body, status) in [
        (r#"{"job":"none"}"#, 404),
        (r#"{"job":"No Job"}"#, 404),
        (r#"{"job":"ci","more":1}"#, 400),
        (r#"{}"#, 400),
        ("", 400),
    ] {
        assert_eq!(ask(&api, &grace, None, body).await.status, status, "{body}");
    }
    let long = "k".repeat(201);
    assert_eq!(ask(&api, &grace, Some(&long), r#"{"job":"ci"}"#).await.status, 400);
    assert_eq!(ask(&api, &officer, None, r#"{"job":"ci"}"#).await.status, 403);
    let bearer = format!("Bearer {grace}");
    let untyped = api.ask("POST", "/api/v1/runs", &[("authorization", &bearer)], r#"{"job":"ci"}"#).await;
    assert_eq!(untyped.status, 415);
}
