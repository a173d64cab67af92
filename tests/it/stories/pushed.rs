//! Evidence that another system hands in: taken only where it is expected, sealed once, and marked wherever it is seen.

use exhibit_evidence::{report::Standing, slot::SlotState};
use exhibit_pipeline::{SlotOutcome, issue, perform_on_demand};
use exhibit_store::{
    EvidenceFilter,
    service::{Role, TokenScope},
};
use exhibit_tests::{Answered, Api, Example, Needles, TestWorld, tables_that_hold};
use serde_json::{Value, json};

/// Four in the morning in Berlin is two in UTC.
const BEFORE: &str = "2026-08-10T00:30:00Z";
const SLOT: &str = "2026-08-10T02:00:00.000000Z";

/// A job that is collected here, whose facts are pushed for the other one.
fn examples() -> [Example; 2] {
    [
        Example::new("ours", "unique_credentials", "pass"),
        Example::new("theirs", "unique_credentials", "pass").pushed().scheduled("0 4 * * *"),
    ]
}

struct Pusher {
    story: TestWorld,
    api: Api,
    token: String,
    auditor: String,
    observation: Value,
}

impl Pusher {
    async fn begin() -> Self {
        let story = TestWorld::new(BEFORE, &examples()).await;
        story.run_at(BEFORE).await;
        let ours = perform_on_demand(&story.world, &"ours".parse().expect("an id")).await.expect("performed").evidence;
        let record = story.world.store.entry(ours).await.expect("it").record().expect("a record");
        let record: Value = serde_json::from_slice(record.as_bytes()).expect("JSON");
        let mut observation = record["body"]["observation"].clone();
        let members = observation.as_object_mut().expect("an object");
        members.remove("artifacts");
        members.remove("facts_artifact");
        let api = Api::new(&story);
        let day = chrono::TimeDelta::days(30);
        let scope = TokenScope::default;
        let (_, token) = api.token_for(&story, "partner-ci", Role::Ingest, scope(), day).await;
        let (_, auditor) = api.token_for(&story, "audra", Role::Auditor, scope(), day).await;
        Self { story, api, token, auditor, observation }
    }

    /// The observation as it was made between these instants.
    fn observed(&self, from: &str, to: &str) -> Value {
        let mut observation = self.observation.clone();
        observation["observed_from"] = from.replace('Z', ".000000Z").into();
        observation["observed_to"] = to.replace('Z', ".000000Z").into();
        observation
    }

    async fn push(&self, now: &str, key: &str, body: &Value) -> Answered {
        self.story.clock.set(exhibit_tests::at(now));
        let bearer = format!("Bearer {}", self.token);
        let mut headers = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
        if !key.is_empty() {
            headers.push(("idempotency-key", key));
        }
        self.api.ask("POST", "/api/v1/evidence", &headers, &body.to_string()).await
    }

    async fn push_observed(&self, now: &str, key: &str, from: &str, to: &str) -> Answered {
        let body = json!({"job": "theirs", "host": "scanner-3", "observation": self.observed(from, to)});
        self.push(now, key, &body).await
    }

    async fn told(&self, id: &str) -> Value {
        self.api.get(&format!("/api/v1/evidence/submissions/{id}"), &self.token).await.json()
    }
}

fn id_of(answered: &Answered) -> String {
    assert_eq!(answered.status, 202, "{}", String::from_utf8_lossy(&answered.body));
    answered.json()["id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pushed_is_sealed_once_fills_its_slot_and_is_marked_everywhere() {
    let pusher = Pusher::begin().await;
    let (story, api) = (&pusher.story, &pusher.api);
    let (from, to) = ("2026-08-10T02:01:00Z", "2026-08-10T02:02:00Z");
    let first = pusher.push_observed("2026-08-10T02:05:00Z", "night-1", from, to).await;
    let id = id_of(&first);
    assert_eq!(first.header("location"), format!("/api/v1/evidence/submissions/{id}"));
    assert_eq!(pusher.told(&id).await["state"], "waiting");
    let (_, other) = api.token(story, "other-ci", Role::Ingest, TokenScope::default()).await;
    assert_eq!(api.get(first.header("location"), &other).await.status, 404, "it is somebody else's");

    let summary = story.run_at("2026-08-10T02:06:00Z").await;
    assert_eq!((summary.requests.len(), summary.slots.len()), (1, 0), "{summary:?}");
    let done = pusher.told(&id).await;
    assert_eq!(
        (&done["state"], &done["evidence"], &done["key"]),
        (&"sealed".into(), &id.as_str().into(), &"night-1".into())
    );

    // The same again is the same, for ever; something else under the name is nothing.
    let again = pusher.push_observed("2026-08-10T02:30:00Z", "night-1", from, to).await;
    assert_eq!((id_of(&again), &again.json()["already"]), (id.clone(), &true.into()));
    let changed = pusher.push_observed("2026-08-10T02:30:00Z", "night-1", from, "2026-08-10T02:03:00Z").await;
    assert_eq!(changed.status, 409);
    assert_eq!(story.run_at("2026-08-10T02:31:00Z").await.requests.len(), 0);

    let listed = api.get("/api/v1/evidence?job=theirs", &pusher.auditor).await.json();
    let row = &listed["items"][0];
    assert_eq!((&row["id"], &row["trigger"]), (&id.as_str().into(), &"pushed".into()));
    assert_eq!((&row["self_test_passed"], &row["scheduled_for"]), (&Value::Null, &SLOT.into()));
    assert_eq!(listed["items"].as_array().expect("a list").len(), 1);
    let runs = api.get("/api/v1/runs?trigger=pushed", &pusher.auditor).await.json();
    assert_eq!(
        (&runs["items"][0]["evidence"], &runs["items"][0]["self_test_passed"]),
        (&id.as_str().into(), &Value::Null)
    );

    let piece = api.get(&format!("/api/v1/evidence/{id}"), &pusher.auditor).await.json();
    let body = &piece["evidence"]["record"]["body"];
    assert_eq!((&body["pushed"]["key"], &body["run"]["trigger"]), (&"night-1".into(), &"pushed".into()));
    let received = body["run"]["started_at"].as_str().expect("an instant");
    assert!(received.starts_with("2026-08-10T02:05:00."), "when it was received: {received}");
    assert_eq!(body.get("self_test"), None);
    let blind = body["observation"]["blind_spots"].to_string();
    assert!(blind.contains("Exhibit did not observe this"), "{blind}");
    let values = piece["disclosures"].to_string();
    assert!(values.contains("partner-ci") && values.contains("scanner-3"), "{values}");
    assert!(!piece["assessments"].as_array().expect("a list").is_empty());

    let report = issue(&story.world, &story.period(BEFORE), Standing::Interim).await.expect("issued");
    assert_eq!((report.view.totals.pushed, report.view.totals.on_demand), (1, 1));
    let job = report.view.jobs.iter().find(|job| job.job.as_str() == "theirs").expect("the job");
    assert_eq!((job.is_pushed, job.pushed, job.performed), (true, 1, 1));
    for (what, check) in [("theirs", true), ("ours", false)] {
        let checks = report.view.checks.iter().filter(|one| one.job.as_str() == what);
        assert!(checks.clone().all(|one| (one.pushed > 0) == check && one.subjects.iter().all(|s| s.pushed == check)));
        assert!(checks.count() > 0);
    }
    assert!(report.markdown.contains("**pushed** by principal-"), "{}", report.markdown);
    assert!(report.html.contains("mark-pushed"));
    story.run_at("2026-08-10T02:40:00Z").await;
    story.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_pushing_is_missed_and_who_comes_late_is_late() {
    let pusher = Pusher::begin().await;
    let story = &pusher.story;
    // The slot waits while it may still be filled.
    assert!(story.run_at("2026-08-10T03:30:00Z").await.slots.is_empty());
    let late =
        pusher.push_observed("2026-08-10T06:00:00Z", "night-1", "2026-08-10T02:01:00Z", "2026-08-10T02:02:00Z").await;
    story.run_at("2026-08-10T06:01:00Z").await;
    assert_eq!(pusher.told(&id_of(&late)).await["state"], "sealed");

    let summary = story.run_at("2026-08-12T02:30:00Z").await;
    let [SlotOutcome::Closed { state: SlotState::Missed, reason, .. }] = &summary.slots[..] else {
        panic!("one slot is missed: {summary:?}")
    };
    assert!(reason.starts_with("Nobody pushed evidence for it before the next slot"), "{reason}");

    // What comes after its slot was closed stands beside the schedule, and turns nothing green.
    let too_late =
        pusher.push_observed("2026-08-12T02:50:00Z", "night-2", "2026-08-11T02:01:00Z", "2026-08-11T02:02:00Z").await;
    story.run_at("2026-08-12T02:51:00Z").await;
    let view = story.view(BEFORE).await;
    let of = |id: &str| view.evidence.iter().find(|one| one.id.to_string() == id).expect("it").scheduled_for;
    assert_eq!(of(&id_of(&late)).map(|time| time.to_string()).as_deref(), Some(SLOT));
    assert_eq!(of(&id_of(&too_late)), None);
    let totals = &view.totals;
    assert_eq!((totals.late, totals.performed, totals.missed, totals.pushed), (1, 0, 1, 2), "{totals:?}");
    story.assert_clean().await;

    // At the end of the quarter's grace, the slot that still waits is missed too, and the quarter closes.
    let summary = story.run_at("2026-10-06T00:00:00Z").await;
    assert_eq!(summary.issued.len(), 1);
    assert_eq!(summary.issued[0].view.totals.expected, summary.issued[0].view.totals.missed + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_expected_is_taken() {
    let pusher = Pusher::begin().await;
    let (from, to) = ("2026-08-10T02:01:00Z", "2026-08-10T02:02:00Z");
    let good = json!({"job": "theirs", "observation": pusher.observed(from, to)});
    let changed = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
        body
    };
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body["observation"][name] = value;
        body
    };
    let digest = format!("sha256:{}", "0".repeat(64));
    let cases = [
        (changed("/job", "ours".into()), 422, "collected by Exhibit itself"),
        (changed("/job", "nothing".into()), 404, "no job nothing"),
        (changed("/observation/observed_to", "2026-08-10T02:06:00.000000Z".into()), 422, "later than now"),
        (changed("/observation/observed_from", "2026-08-10T02:03:00.000000Z".into()), 422, "later than observed_to"),
        (changed("/observation/observed_to", "2025-06-01T00:00:00.000000Z".into()), 422, "later than observed_to"),
        (
            json!({"job": "theirs", "observation": pusher.observed("2025-06-01T00:00:00Z", "2025-06-01T00:00:01Z")}),
            422,
            "more than 400 days ago",
        ),
        (changed("/observation/subjects/0/environment", "elsewhere".into()), 422, "not in the scope"),
        (changed("/observation/population/0/subject/id", "other".into()), 422, "not among the subjects"),
        (changed("/observation/subjects", json!([])), 422, "one or more"),
        (changed("/observation/facts", json!({})), 422, "the judge of unique_credentials refuses it"),
        (changed("/observation/facts", json!({"version": 1.5})), 422, "observation"),
        (changed("/observation", json!([])), 422, "observation"),
        (with("facts_artifact", digest.into()), 422, "artifacts are for what Exhibit keeps itself"),
        (with("more", 1.into()), 422, "unknown field"),
        (with("rights", "r".repeat(70_000).into()), 422, "does not fit"),
        (json!({"job": "theirs"}), 400, "missing field"),
        (json!({"job": "theirs", "observation": good["observation"], "trigger": "scheduled"}), 400, "unknown field"),
        (json!({"job": "theirs", "host": "", "observation": good["observation"]}), 422, "host"),
        (with("rights", "r".repeat(1 << 20).into()), 413, "length limit"),
    ];
    for (body, status, words) in cases {
        let answered = pusher.push("2026-08-10T02:05:00Z", "k", &body).await;
        let told = String::from_utf8_lossy(&answered.body).into_owned();
        assert!(answered.status == status && told.contains(words), "expected {status} {words:?}: {told}");
    }
    assert_eq!(pusher.push("2026-08-10T02:05:00Z", "", &good).await.status, 400, "without a name");
    assert_eq!(pusher.push("2026-08-10T02:05:00Z", &"k".repeat(201), &good).await.status, 400);
    assert!(pusher.story.world.store.run_requests(None, 10).await.expect("requests").is_empty());

    // Of a job that is pushed nothing is run, whoever asks.
    let (_, operator) = pusher.api.token(&pusher.story, "olaf", Role::Operator, TokenScope::default()).await;
    let bearer = format!("Bearer {operator}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    assert_eq!(pusher.api.ask("POST", "/api/v1/runs", &headers, r#"{"job":"theirs"}"#).await.status, 422);
    let run = perform_on_demand(&pusher.story.world, &"theirs".parse().expect("an id")).await;
    assert!(run.expect_err("refused").to_string().contains("pushed by another system"));
}

/// A worker that died between the append and its note: the next one finds the evidence, and records none beside it.
#[tokio::test(flavor = "multi_thread")]
async fn a_piece_whose_worker_died_is_sealed_once() {
    let pusher = Pusher::begin().await;
    let story = &pusher.story;
    let pushed =
        pusher.push_observed("2026-08-10T02:05:00Z", "night-1", "2026-08-10T02:01:00Z", "2026-08-10T02:02:00Z").await;
    story.run_at("2026-08-10T02:06:00Z").await;
    let size = story.size().await;
    story.database.tamper("UPDATE run_requests SET finished_at = NULL, evidence = NULL, last_error = NULL").await;
    story.run_at("2026-08-10T02:07:00Z").await;
    assert_eq!(pusher.told(&id_of(&pushed)).await["state"], "sealed");
    assert_eq!(story.size().await, size);
    let pieces = story.world.store.evidence_list(&EvidenceFilter::default()).await.expect("a list");
    assert_eq!(pieces.len(), 2, "one of ours, one of theirs");
    story.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_what_is_sent_is_nowhere_afterwards() {
    let pusher = Pusher::begin().await;
    let (story, api) = (&pusher.story, &pusher.api);
    let secret = ["ghp", "_", "Zq7vX9kQ2Wm4Ht6Rb8Yc1Nd3Lf5Gj0SaPe2U"].concat();
    let needles = Needles::new(std::slice::from_ref(&secret));
    let (from, to) = ("2026-08-10T02:01:00Z", "2026-08-10T02:02:00Z");
    let mut observation = pusher.observed(from, to);
    observation["rights"] = format!("reads with {secret}").into();
    observation["facts"]["sources"][0]["label"] = format!("https://x:{secret}@host/").into();
    let good = json!({"job": "theirs", "host": format!("h {secret}"), "observation": observation});
    let mut bodies = vec![good.clone()];
    for (pointer, value) in [
        ("/job", secret.as_str().into()),
        ("/observation/facts", json!({secret.clone(): 1})),
        ("/observation/observed_to", secret.as_str().into()),
    ] {
        let mut body = good.clone();
        *body.pointer_mut(pointer).expect("there") = value;
        bodies.push(body);
    }
    bodies.push(json!({"job": "theirs", secret.clone(): 1}));
    let mut places = Vec::new();
    for (number, body) in bodies.iter().enumerate() {
        let answered = pusher.push("2026-08-10T02:05:00Z", &format!("k{number}"), body).await;
        assert_eq!(answered.status == 202, number == 0, "{}", String::from_utf8_lossy(&answered.body));
        places.push((format!("answer {number}"), answered.body));
    }
    let named = pusher.push("2026-08-10T02:05:00Z", &secret, &good).await;
    assert_eq!(named.status, 400);
    places.push(("the answer to a name".to_owned(), named.body));

    let (_, operator) = api.token(story, "olaf", Role::Operator, TokenScope::default()).await;
    let bearer = format!("Bearer {operator}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let wanted = json!({"job": "ours", "reason": format!("since {secret} leaked")});
    let asked = api.ask("POST", "/api/v1/runs", &headers, &wanted.to_string()).await;
    let place = asked.header("location").to_owned();
    assert_eq!(asked.status, 202);
    for body in [json!({"job": secret}), json!({"job": "ours", secret.clone(): 1})] {
        places.push(("a run".to_owned(), api.ask("POST", "/api/v1/runs", &headers, &body.to_string()).await.body));
    }
    story.run_at("2026-08-10T02:06:00Z").await;

    // The reason is told, and stands in the record of the evidence, masked.
    let told = api.get(&place, &operator).await.json();
    let reason = told["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("since ") && reason.ends_with(" leaked"), "{reason}");
    let evidence = api.get(&format!("/api/v1/evidence/{}", told["evidence"].as_str().expect("it")), &operator).await;
    assert_eq!(evidence.json()["evidence"]["record"]["body"]["run"]["reason"], told["reason"]);

    let issued = issue(&story.world, &story.period(BEFORE), Standing::Interim).await.expect("issued");
    assert_eq!(issued.view.totals.pushed, 1);
    story.run_at("2026-08-10T02:10:00Z").await;
    places.extend([
        ("the Markdown form".to_owned(), issued.markdown.into_bytes()),
        ("the JSON form".to_owned(), issued.json.into_bytes()),
    ]);
    places.extend(story.vault.objects().await);
    let found: Vec<String> = places
        .iter()
        .flat_map(|(place, bytes)| needles.found_in(bytes).into_iter().map(move |form| format!("{place}: {form}")))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert_eq!(tables_that_hold(&story.database.superuser_url(), &needles).await, Vec::<String>::new());
}

/// What came in time is heard, however long it is on its way from the API to its seal.
#[tokio::test(flavor = "multi_thread")]
async fn a_slot_waits_for_what_was_received_in_time() {
    let pusher = Pusher::begin().await;
    let story = &pusher.story;
    // Received a second before the next slot is due, while another worker has it in hand.
    let pushed =
        pusher.push_observed("2026-08-11T01:59:59Z", "night-1", "2026-08-10T02:01:00Z", "2026-08-10T02:02:00Z").await;
    let id = id_of(&pushed);
    let hold = "UPDATE run_requests SET not_before = '2026-08-11T02:10:00Z' WHERE pushed";
    story.database.tamper(hold).await;
    for waiting in ["2026-08-11T02:00:30Z", "2026-08-11T02:01:30Z", "2026-08-11T02:09:00Z"] {
        let summary = story.run_at(waiting).await;
        assert!(summary.requests.is_empty() && summary.slots.is_empty(), "{waiting}: {summary:?}");
    }
    story.run_at("2026-08-11T02:10:10Z").await;
    assert_eq!(pusher.told(&id).await["state"], "sealed");
    let view = story.view(BEFORE).await;
    assert_eq!((view.totals.late, view.totals.missed), (1, 0), "{:?}", view.totals);
    story.assert_clean().await;
}
