//! Who may ask for what, and what of the planted rows the answer holds: one table of route × role × scope.
//!
//! It is written apart from the service's own table of rights, and held also with the handlers' own checks switched off:
//! then row-level security alone keeps every row that lies outside of a scope.

use std::{collections::BTreeSet, fmt::Write as _, sync::Arc};

use exhibit_store::service::{EvidenceQuery, FindingQuery, Role, Scope, TokenScope};
use exhibit_tests::{Answered, Api, Example, TestWorld};
use exhibit_web::rights;

use super::rights_table::TABLE;

/// Roles by their letters: administrator, operator, officer, auditor, ingest.
const LETTERS: [(char, Role); 5] = [
    ('a', Role::Administrator),
    ('o', Role::Operator),
    ('f', Role::Officer),
    ('u', Role::Auditor),
    ('i', Role::Ingest),
];

/// A route, what is asked of it, who may, and for each scope the status and the planted rows that are seen.
pub(super) struct Line {
    route: &'static str,
    asked: &'static str,
    /// Letters of roles; a capital one is of a role that may ask and sees nothing of what is planted.
    who: &'static str,
    /// Not limited; two environments, which hold all of one job; one period; one framework.
    seen: [&'static str; 4],
}

pub(super) const fn line(route: &'static str, asked: &'static str, who: &'static str, seen: [&'static str; 4]) -> Line {
    Line { route, asked, who, seen }
}

/// Rows that are planted, each with the text by which an answer gives it away.
struct Planted {
    rows: Vec<(String, String)>,
    report: String,
    request: String,
    piece: String,
    finding: String,
    /// What a page gives away, each with its text: pages name jobs, not pieces of evidence.
    on_pages: Vec<(String, String)>,
}

impl Planted {
    /// Which rows the answer holds. A refusal that repeats the id it was asked for tells nothing.
    fn seen(&self, answered: &Answered) -> BTreeSet<&str> {
        if answered.status == 404 {
            return BTreeSet::new();
        }
        let body = String::from_utf8_lossy(&answered.body);
        // A report is a page of its own make.
        let rows = if body.contains("· Exhibit reading room</title>") { &self.on_pages } else { &self.rows };
        rows.iter().filter(|(_, text)| body.contains(text)).map(|(name, _)| name.as_str()).collect()
    }
}

async fn planted() -> (TestWorld, Planted) {
    let weekly = "0 6 * * 1";
    let examples = [
        Example::new("ci", "ci_secrets", "fail").scheduled(weekly),
        Example::new("credentials", "unique_credentials", "pass").scheduled(weekly),
    ];
    let mut story = TestWorld::new("2026-09-25T08:00:00Z", &examples).await;
    // A framework that only one of the two speaks to.
    let mut world = Arc::into_inner(story.replica()).expect("nobody else has it yet");
    for collector in world.catalog.collectors.iter_mut().filter(|known| known.id.as_str() == "unique_credentials") {
        for check in &mut collector.checks {
            check.controls.retain(|control| control.framework != "soc2-2017");
        }
    }
    story.world = Arc::new(world);
    story.run_at("2026-09-25T08:00:00Z").await;
    story.run_at("2026-09-28T04:05:00Z").await;
    let report = story.run_at("2026-10-05T22:00:00Z").await.issued.remove(0).id.to_string();
    let store = &story.world.store;
    let mut reading = store.reading(&Scope::whole()).await.expect("a reading");
    let evidence = reading.evidence(&EvidenceQuery::default()).await.expect("evidence").items;
    let quarter = |at| story.world.plan.deployment.calendar.period_of(at).id.quarter;
    let mut rows: Vec<_> =
        evidence.iter().map(|row| (format!("{}-q{}", row.job, quarter(row.observed_to)), row.id.to_string())).collect();
    assert_eq!(rows.len(), 4, "two jobs in two quarters");
    rows.push(("report".to_owned(), report.clone()));
    let new = exhibit_store::NewRunRequest {
        id: story.world.entry_id(),
        job: "ci".parse().expect("a job"),
        person: "somebody else".to_owned(),
        credential: None,
        key: None,
        reason: None,
        at: story.world.now(),
    };
    let request = store.request_run(&new).await.expect("asked").id.to_string();
    rows.push(("request".to_owned(), request.clone()));
    let handed_in = exhibit_store::NewRunRequest { id: story.world.entry_id(), key: Some("k".to_owned()), ..new };
    let handed_in = exhibit_store::NewSubmission { request: handed_in, content: "{}".to_owned() };
    let piece = store.submit(&handed_in).await.expect("handed in").id.to_string();
    rows.push(("piece".to_owned(), piece.clone()));
    let findings = reading.findings(&FindingQuery::default()).await.expect("findings").items;
    let of_ci = findings.iter().find(|row| row.check.starts_with("ci-secrets.")).expect("the case has some");
    let finding = of_ci.fingerprint.to_string();
    let on_pages = [
        ("job-ci", "<td><code>ci</code></td>"),
        ("job-credentials", "<td><code>credentials</code></td>"),
        ("finding", finding.trim_start_matches("sha256:")),
        ("collector-ci", "<code>ci_secrets</code>"),
        ("collector-credentials", "<code>unique_credentials</code>"),
        ("report", report.as_str()),
    ];
    let on_pages = on_pages.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec();
    (story, Planted { rows, report, request, piece, finding, on_pages })
}

fn scopes() -> [TokenScope; 4] {
    let one = |word: &str| Some(vec![word.to_owned()]);
    [
        TokenScope::default(),
        TokenScope { environments: Some(vec!["production".to_owned(), "staging".to_owned()]), ..TokenScope::default() },
        TokenScope { periods: one("2026-Q3"), ..TokenScope::default() },
        TokenScope { frameworks: one("soc2-2017"), ..TokenScope::default() },
    ]
}

async fn asked(api: &Api, planted: &Planted, line: &Line, token: &str) -> Answered {
    let (method, path) = line.asked.split_once(' ').expect("a method and a path");
    let path = path.replace("{report}", &planted.report).replace("{request}", &planted.request);
    let path = path.replace("{piece}", &planted.piece);
    let path = path.replace("{finding}", &planted.finding);
    let path = planted.rows.iter().fold(path, |path, (name, id)| path.replace(&format!("{{{name}}}"), id));
    let (path, body) = path.split_once(' ').unwrap_or((&path, ""));
    let bearer = format!("Bearer {token}");
    let mut headers = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
    if path == "/api/v1/evidence" {
        // Whoever hands something in names it.
        headers.push(("idempotency-key", "a-name"));
    }
    api.ask(method, path, &headers, body).await
}

/// As the table writes it: the status, and the rows in order.
fn told(planted: &Planted, answered: &Answered) -> String {
    let mut text = answered.status.to_string();
    for row in planted.seen(answered) {
        write!(text, " {row}").expect("a string takes any text");
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_sees_its_scope_and_nothing_else() {
    let (story, planted) = planted().await;
    let api = Api::new(&story);
    let mut wrong = String::new();
    for (letter, role) in LETTERS {
        for (number, scope) in scopes().into_iter().enumerate() {
            let (_, token) = api.token(&story, "ada", role, scope).await;
            for line in TABLE {
                let found = told(&planted, &asked(&api, &planted, line, &token).await);
                let expected = match line.who {
                    who if who.contains(letter) => line.seen[number],
                    who if who.contains(letter.to_ascii_uppercase()) => "404",
                    _ => "403",
                };
                if found != expected {
                    writeln!(wrong, "{} as {role}, scope {number}: expected {expected:?}, found {found:?}", line.asked)
                        .expect("a string takes any text");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_level_security_alone_leaks_no_row() {
    let (story, planted) = planted().await;
    let api = Api::with_row_level_security_alone(&story);
    let mut wrong = String::new();
    for (_, role) in LETTERS {
        for (number, scope) in scopes().into_iter().enumerate() {
            let (_, token) = api.token(&story, "ada", role, scope).await;
            for line in TABLE {
                let answered = asked(&api, &planted, line, &token).await;
                let found = planted.seen(&answered);
                let allowed: BTreeSet<&str> =
                    if role == Role::Ingest { BTreeSet::new() } else { line.seen[number].split(' ').collect() };
                if let Some(leak) = found.iter().find(|row| !allowed.contains(*row)) {
                    writeln!(wrong, "{} as {role}, scope {number}: {leak} must not be seen", line.asked)
                        .expect("a string takes any text");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_route_stands_in_the_table() {
    let of_table: BTreeSet<(String, &str)> =
        TABLE.iter().map(|line| (line.asked.split(' ').next().unwrap_or_default().to_owned(), line.route)).collect();
    let of_service: BTreeSet<(String, &str)> =
        rights::RIGHTS.iter().chain(rights::PAGES).map(|right| (right.method.to_owned(), right.route)).collect();
    let missing: Vec<_> = of_service.symmetric_difference(&of_table).collect();
    assert!(missing.is_empty(), "add what these answer to whom to tests/it/api/rights_table.rs: {missing:?}");
}

#[test]
fn the_table_plants_what_could_be_seen_wrongly() {
    // With nothing that one scope sees and another does not, the table would hold by showing nothing at all.
    for row in ["ci-q3", "credentials-q3", "ci-q4", "credentials-q4", "report"] {
        for scope in (1..4).filter(|scope| (row, *scope) != ("report", 2)) {
            let held = |line: &&Line| line.seen[0].contains(row) && !line.seen[scope].contains(row);
            assert!(TABLE.iter().any(|line| held(&line)), "{row}, scope {scope}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_asked_is_for_administrators_and_officers() {
    let (story, _) = planted().await;
    for api in [Api::new(&story), Api::with_row_level_security_alone(&story)] {
        let (_, other) = api.token(&story, "somebody else", Role::Auditor, TokenScope::default()).await;
        api.get("/api/v1/evidence?collector=planted_line", &other).await;
        for (letter, role) in LETTERS {
            let (_, token) = api.token(&story, "ada", role, TokenScope::default()).await;
            let answered = api.get("/api/v1/access-log", &token).await;
            let sees = String::from_utf8_lossy(&answered.body).contains("planted_line");
            assert_eq!(sees, "af".contains(letter), "{role}");
        }
    }
}
