//! The reading room: who comes in, who is put out, what the pages say, and that nothing in them can become markup.

use chrono::TimeDelta;
use exhibit_evidence::{Body, Clock as _, report::Standing};
use exhibit_pipeline::{issue, perform_on_demand};
use exhibit_store::{
    Append, NewEntry,
    service::{AccessQuery, Role, Scope, TokenScope},
};
use exhibit_tests::{Answered, Api, Example, TestWorld};
use exhibit_web::{Limits, rights};

/// The pages that tell something of the ledger and need no id.
pub(crate) const PAGES: [&str; 7] =
    ["/", "/evidence", "/findings", "/slots", "/reports", "/collectors", "/collectors/unique_credentials"];

/// A quarter with a job that went well, one that found something, late and missed slots, and an interim report.
pub(crate) async fn story() -> TestWorld {
    let jobs = [
        Example::new("ci", "ci_secrets", "fail").scheduled("0 6 * * *"),
        Example::new("credentials", "unique_credentials", "fail-reused").scheduled("0 */8 * * 1"),
        Example::new("vault-credentials", "unique_credentials", "unreachable").scheduled("30 5 * * 1-5"),
    ];
    let story = TestWorld::new("2026-11-02T04:00:00Z", &jobs).await;
    for now in [
        "2026-11-02T04:00:00Z",
        "2026-11-02T06:10:00Z",
        "2026-11-03T05:20:00Z",
        "2026-11-04T05:20:00Z",
        "2026-11-08T09:00:00Z",
        "2026-11-09T05:10:00Z",
        "2026-11-09T16:10:00Z",
    ] {
        story.run_at(now).await;
    }
    perform_on_demand(&story.world, &jobs[0].job.id).await.expect("performed");
    issue(&story.world, &story.period("2026-11-09T16:10:00Z"), Standing::Interim).await.expect("issued");
    story.run_at("2026-11-09T16:20:00Z").await;
    story.clock.set(exhibit_tests::at("2026-11-10T12:00:00Z"));
    story
}

/// Signs in, and gives the cookie as a browser sends it.
pub(crate) async fn sign_in(api: &Api, token: &str) -> String {
    let answered = enter(api, token, &[]).await;
    assert_eq!((answered.status, answered.header("location")), (303, "/"), "{}", text(&answered));
    answered.header("set-cookie").split(';').next().expect("a cookie").to_owned()
}

async fn enter(api: &Api, token: &str, headers: &[(&str, &str)]) -> Answered {
    let headers = [&[("content-type", "application/x-www-form-urlencoded")], headers].concat();
    api.ask("POST", "/sign-in", &headers, &format!("token={token}")).await
}

/// Opens a page with this cookie.
pub(crate) async fn open(api: &Api, path: &str, cookie: &str) -> Answered {
    api.ask("GET", path, &[("cookie", cookie)], "").await
}

pub(crate) fn text(answered: &Answered) -> String {
    String::from_utf8_lossy(&answered.body).into_owned()
}

/// The first address in a page that begins like that.
pub(crate) fn link(page: &str, begins: &str) -> String {
    let at = page.find(&format!("href=\"{begins}")).unwrap_or_else(|| panic!("no link to {begins} in {page}"));
    let rest = &page[at + 6..];
    // The attribute escapes what HTML must not see bare.
    rest[..rest.find('"').expect("it ends")].replace("&#x2F;", "/").replace("&amp;", "&")
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_with_a_token_and_leave() {
    let story = story().await;
    let api = Api::new(&story);
    let (id, token) = api.token(&story, "ada", Role::Officer, TokenScope::default()).await;
    let form = api.ask("GET", "/sign-in", &[], "").await;
    assert_eq!((form.status, form.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(form.header("content-security-policy").starts_with("default-src 'none'; style-src 'self'"));
    assert_eq!(form.header("cache-control"), "no-store");

    let plain = enter(&api, &token, &[]).await;
    let flags = |answered: &Answered| {
        let (value, flags) = answered.header("set-cookie").split_once("; ").expect("flags");
        let (name, value) = value.split_once('=').expect("a value");
        assert_eq!(value.len(), 64);
        (name.to_owned(), flags.to_owned())
    };
    assert_eq!(flags(&plain), ("exhibit".to_owned(), "Path=/; HttpOnly; SameSite=Strict".to_owned()));
    let guarded = enter(&api, &token, &[("origin", "https://evidence.example"), ("host", "evidence.example")]).await;
    assert_eq!(flags(&guarded), ("__Host-exhibit".to_owned(), "Path=/; Secure; HttpOnly; SameSite=Strict".to_owned()));
    // A token that was pasted with blanks around it is the same token.
    assert_eq!(enter(&api, &format!("%20{token}%0D%0A"), &[]).await.status, 303);

    let cookie = sign_in(&api, &token).await;
    for path in PAGES {
        let page = open(&api, path, &cookie).await;
        assert_eq!(page.status, 200, "{path}: {}", text(&page));
        assert!(text(&page).contains("ada, officer"), "{path}");
        assert!(
            page.header("content-security-policy")
                .starts_with("default-src 'none'; style-src 'self'; form-action 'self'")
        );
        assert_eq!((page.header("cache-control"), page.header("x-frame-options")), ("no-store", "DENY"));
    }
    // Who is in already is led to the status; the API takes tokens alone.
    assert_eq!(open(&api, "/sign-in", &cookie).await.header("location"), "/");
    assert_eq!(open(&api, "/api/v1/evidence", &cookie).await.status, 401);
    assert_eq!(api.get("/", &token).await.status, 200, "a page takes a token too");

    let left = api.ask("POST", "/sign-out", &[("cookie", &cookie)], "").await;
    assert_eq!((left.status, left.header("location")), (303, "/sign-in"));
    let forgotten: Vec<_> = left.headers.get_all("set-cookie").iter().collect();
    assert!(
        forgotten.len() == 2 && forgotten.iter().all(|one| one.to_str().is_ok_and(|one| one.ends_with("Max-Age=0")))
    );
    assert_eq!(open(&api, "/", &cookie).await.header("location"), "/sign-in", "the session itself has ended");

    let mut reading = story.world.store.reading(&Scope::whole()).await.expect("a reading");
    let log = reading.access_log(&AccessQuery::default()).await.expect("the log").items;
    let line = |method: &str, route: &str| {
        let line = log.iter().find(|row| row.access.method == method && row.access.route == route);
        line.unwrap_or_else(|| panic!("no line for {method} {route}")).access.clone()
    };
    assert_eq!(line("POST", "/sign-in").token_id, Some(id.0));
    assert_eq!((line("GET", "/slots").person.as_deref(), line("GET", "/slots").status), (Some("ada"), 200));
    assert!(line("GET", "/findings").row_count.is_some());
    let secrets = [&token[4..], cookie.split_once('=').expect("a value").1];
    assert!(secrets.iter().all(|secret| !format!("{log:?}").contains(secret)), "no token and no session is on record");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_known_sees_no_page() {
    let story = story().await;
    let api = Api::new(&story);
    let (_, bringer) = api.token(&story, "robot", Role::Ingest, TokenScope::default()).await;
    let (_, token) = api.token(&story, "ada", Role::Officer, TokenScope::default()).await;
    let unknown = format!("exhibit={}", "ab".repeat(32));
    for right in rights::PAGES.iter().filter(|right| right.allowed != rights::Allowed::Anybody && right.method == "GET")
    {
        for cookie in ["", "exhibit=", unknown.as_str()] {
            let answered = open(&api, right.route, cookie).await;
            assert_eq!((answered.status, answered.header("location")), (303, "/sign-in"), "{} {cookie}", right.route);
            assert!(answered.body.is_empty());
        }
        // A program that shows a token learns that it is not good, rather than being led to a form.
        let shown = api.get(right.route, "exh_nonsense").await;
        assert_eq!((shown.status, shown.header("location")), (401, ""), "{}", right.route);
        assert_eq!(shown.header("www-authenticate"), "Bearer realm=\"exhibit\"");
    }
    let other = format!("{}{}", &token[..token.len() - 1], if token.ends_with('0') { '1' } else { '0' });
    let mut sentences = std::collections::BTreeSet::new();
    for wrong in ["", "nonsense", &bringer, &other] {
        let answered = enter(&api, wrong, &[]).await;
        assert_eq!((answered.status, answered.header("set-cookie")), (401, ""), "{wrong}");
        let page = text(&answered);
        assert!(wrong.is_empty() || !page.contains(wrong), "the token comes back");
        sentences.insert(page);
    }
    assert_eq!(sentences.len(), 1, "every refusal reads the same");
    // Another method, another type.
    assert_eq!(api.ask("DELETE", "/", &[], "").await.status, 401);
    let json = api.ask("POST", "/sign-in", &[("content-type", "application/json")], "{}").await;
    assert_eq!(json.status, 401);

    let slow = Api::limited(&story, Limits { requests_per_second: 1, burst: 3, ..Limits::default() });
    for _ in 0..3 {
        enter(&slow, "nonsense", &[]).await;
    }
    let answered = enter(&slow, "nonsense", &[]).await;
    assert_eq!((answered.status, answered.header("content-type")), (429, "text/html; charset=utf-8"));
    assert!(answered.header("retry-after").parse::<u64>().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_another_site_is_refused() {
    let story = story().await;
    let api = Api::new(&story);
    let (_, token) = api.token(&story, "ada", Role::Officer, TokenScope::default()).await;
    let cookie = sign_in(&api, &token).await;
    let foreign: [&[(&str, &str)]; 3] = [
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ("origin", "https://neighbour.example")],
        &[("origin", "https://elsewhere.example"), ("host", "evidence.example")],
    ];
    for headers in foreign {
        let answered = enter(&api, &token, headers).await;
        assert_eq!((answered.status, answered.header("set-cookie")), (403, ""), "{headers:?}");
        let headers = [headers, &[("cookie", cookie.as_str())]].concat();
        assert_eq!(api.ask("POST", "/sign-out", &headers, "").await.status, 403, "{headers:?}");
    }
    assert_eq!(open(&api, "/", &cookie).await.status, 200, "the session is still open");
    assert_eq!(enter(&api, &token, &[("sec-fetch-site", "same-origin")]).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_unused_at_its_longest_and_with_its_token() {
    let story = story().await;
    let api = Api::new(&story);
    let pass = |minutes: i64| story.clock.set(story.clock.now().plus(TimeDelta::minutes(minutes)));
    let status = async |cookie: &str| open(&api, "/collectors", cookie).await.status;
    // A token of an hour is too short for this.
    let long = async |person: &str| {
        api.token_for(&story, person, Role::Officer, TokenScope::default(), TimeDelta::days(2)).await
    };
    let (_, token) = long("ada").await;
    let cookie = sign_in(&api, &token).await;
    pass(29);
    assert_eq!(status(&cookie).await, 200);
    pass(29);
    assert_eq!(status(&cookie).await, 200, "use keeps it open");
    pass(31);
    assert_eq!(status(&cookie).await, 303, "unused for too long");
    let cookie = sign_in(&api, &token).await;
    for _ in 0..24 {
        pass(29);
        assert_eq!(status(&cookie).await, 200);
    }
    pass(25);
    assert_eq!(status(&cookie).await, 303, "twelve hours are over");

    let (id, other) = long("grace").await;
    let cookie = sign_in(&api, &other).await;
    story.world.store.revoke_token(id.0, "ada", "she left", story.world.now()).await.expect("revoked");
    assert_eq!(status(&cookie).await, 303, "a revocation ends it at once");
    let (_, short) = api.token(&story, "grace", Role::Officer, TokenScope::default()).await;
    let cookie = sign_in(&api, &short).await;
    pass(20);
    assert_eq!(status(&cookie).await, 200);
    pass(20);
    assert_eq!(status(&cookie).await, 200);
    pass(20);
    assert_eq!(status(&cookie).await, 303, "so does the token's end");
}

const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_evidence_becomes_markup() {
    let story = story().await;
    let entries = story.world.store.entries(0..story.size().await).all().await.expect("entries");
    let mut added = Vec::new();
    let mut evidence = None;
    let later = exhibit_tests::at("2026-11-10T11:00:00Z");
    for entry in &entries {
        match entry.envelope().expect("an entry").body {
            Body::Evidence(mut body) if body.job.as_str() == "ci" => {
                let id = story.world.entry_id();
                evidence = Some((entry.envelope().expect("an entry").id, id));
                body.run.trigger = exhibit_evidence::observation::Trigger::OnDemand;
                body.run.scheduled_for = None;
                body.observation.rights = HOSTILE.to_owned();
                body.observation.observed_to = later;
                added = vec![NewEntry { id, body: Body::Evidence(body) }];
            }
            Body::Assessment(mut body) if evidence.is_some_and(|(old, _)| old == body.evidence) => {
                let hostile = || HOSTILE.to_owned();
                body.evidence = evidence.expect("there").1;
                body.observed_to = later;
                for finding in &mut body.judgement.findings {
                    (finding.place.file, finding.place.key, finding.detail) =
                        (Some(hostile()), Some(hostile()), hostile());
                }
                for condition in body.judgement.conditions.values_mut() {
                    (condition.title, condition.risk, condition.impact) = (hostile(), hostile(), hostile());
                    (condition.recommendation, condition.steps) = (hostile(), vec![hostile()]);
                    condition.references = vec![hostile()];
                }
                body.judgement.subjects.iter_mut().for_each(|subject| subject.reason = hostile());
                added.push(NewEntry { id: story.world.entry_id(), body: Body::Assessment(body) });
            }
            _ => {}
        }
    }
    assert!(added.len() > 1, "an evidence and its assessments");
    story.world.store.append(Append::entries(story.world.now(), added)).await.expect("appended");
    let api = Api::new(&story);
    let (_, token) = api.token(&story, HOSTILE, Role::Officer, TokenScope::default()).await;
    let cookie = sign_in(&api, &token).await;
    let findings = text(&open(&api, "/findings", &cookie).await);
    let place = findings.find("\">&lt;script").expect("a place that is hostile");
    let before = findings[..place].rfind("href=").expect("it is a link");
    let paths = PAGES.map(str::to_owned).into_iter().chain([
        link(&findings[before..], "/findings/"),
        link(&text(&open(&api, "/evidence", &cookie).await), "/evidence/"),
        "/evidence/%3Cscript%3Ealert(1)".to_owned(),
        "/evidence?collector=%3Cscript%3Ealert(1)".to_owned(),
        "/findings/%3Cscript%3Ealert(1)".to_owned(),
        "/reports/%3Cscript%3Ealert(1)".to_owned(),
        "/findings?severity=%3Cscript%3Ealert(1)".to_owned(),
        "/findings?check=%3Cscript%3Ealert(1)".to_owned(),
    ]);
    for path in paths {
        let page = text(&open(&api, &path, &cookie).await);
        assert!(page.starts_with("<!doctype html>"), "{path}: {page}");
        assert!(!page.contains("<script") && !page.contains("<img"), "{path}: {page}");
        assert!(
            !(path.starts_with("/findings/sha") || path.starts_with("/evidence/0"))
                || page.matches("&lt;script&gt;").count() > 5,
            "{path}: it was there"
        );
    }
    assert!(findings.matches("&lt;script&gt;").count() > 3, "{findings}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_limited_sees_a_part_and_is_told_so() {
    let story = story().await;
    let api = Api::new(&story);
    let only =
        |environment: &str| TokenScope { environments: Some(vec![environment.to_owned()]), ..TokenScope::default() };
    let (_, token) = api.token(&story, "eve", Role::Auditor, only("nowhere")).await;
    let cookie = sign_in(&api, &token).await;
    for path in ["/", "/evidence", "/findings", "/slots", "/reports"] {
        let page = text(&open(&api, path, &cookie).await);
        assert!(page.contains("You see a part."), "{path}");
        for told in [
            "vault-credentials",
            "<strong class=\"mark mark-fail\">",
            "<strong class=\"mark mark-pass\">",
            "/findings/sha256",
        ] {
            assert!(!page.contains(told), "{path} tells {told}: {page}");
        }
    }
    let status = text(&open(&api, "/", &cookie).await);
    assert!(status.contains("no job that this token may see collects for it"), "{status}");
    let whole = api.token(&story, "ada", Role::Officer, TokenScope::default()).await.1;
    let seen = sign_in(&api, &whole).await;
    let finding = link(&text(&open(&api, "/findings", &seen).await), "/findings/");
    let report = link(&text(&open(&api, "/reports", &seen).await), "/reports/");
    let piece = link(&text(&open(&api, "/evidence", &seen).await), "/evidence/");
    for path in [finding, piece, report.clone(), format!("{report}/bundle")] {
        assert_eq!(open(&api, &path, &seen).await.status, 200, "{path}");
        assert_eq!(open(&api, &path, &cookie).await.status, 404, "{path}");
    }
    let (_, token) = api
        .token(
            &story,
            "eve",
            Role::Auditor,
            TokenScope { periods: Some(vec!["2027-Q1".to_owned()]), ..TokenScope::default() },
        )
        .await;
    let cookie = sign_in(&api, &token).await;
    assert!(text(&open(&api, "/", &cookie).await).contains("Nothing to show yet."));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_says_what_a_report_of_the_same_entries_says() {
    let story = story().await;
    let api = Api::new(&story);
    let (_, token) = api.token(&story, "ada", Role::Officer, TokenScope::default()).await;
    let cookie = sign_in(&api, &token).await;
    let view = story.view("2026-11-09T16:10:00Z").await;
    let page = text(&open(&api, "/", &cookie).await);
    for item in &view.audit_items {
        let at = page.find(&item.title).unwrap_or_else(|| panic!("{} is not on the page", item.title));
        let shown = item.current.map_or("not covered", |outcome| outcome.word());
        assert!(page[at..at + 400].contains(&format!(">{shown}</strong>")), "{}: {shown}", item.title);
    }
    assert!(page.contains(&view.cover.root.to_string()) && page.contains(&view.cover.as_of.human()), "{page}");
    assert!(page.contains("overdue</strong> since the last entry"), "a silent scheduler is told");
    let open_findings: usize = view.deviations.iter().map(|group| group.findings.len()).sum();
    let findings = text(&open(&api, "/findings", &cookie).await);
    assert_eq!(findings.matches("<th scope=\"row\"><a href=\"/findings/").count(), open_findings);
    assert_eq!(view.gaps.len(), text(&open(&api, "/slots", &cookie).await).matches("mark mark-").count());

    let report = link(&text(&open(&api, "/reports", &cookie).await), "/reports/");
    let shown = open(&api, &report, &cookie).await;
    assert!(shown.header("content-security-policy").starts_with("default-src 'none'; style-src 'sha256-"));
    let taken = open(&api, &format!("{report}/html"), &cookie).await;
    assert!(taken.header("content-disposition").starts_with("attachment; filename=\"exhibit-2026-Q4-interim-1.html\""));
    assert!(text(&shown).contains("class=\"way-back\"") && !text(&taken).contains("way-back"));
    let style = api.ask("GET", "/style.css", &[], "").await;
    assert_eq!((style.status, style.header("content-type")), (200, "text/css; charset=utf-8"));
    let again = api.ask("GET", "/style.css", &[("if-none-match", style.header("etag"))], "").await;
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_stay_as_they_were_agreed() {
    let story = story().await;
    let api = Api::new(&story);
    let (_, token) = api.token(&story, "ada", Role::Officer, TokenScope::default()).await;
    let cookie = sign_in(&api, &token).await;
    let mut settings = insta::Settings::clone_current();
    // What follows from versions, or from chance.
    settings.add_filter("[0-9a-f]{64}", "[digest]");
    settings.add_filter("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "[id]");
    let findings = text(&open(&api, "/findings", &cookie).await);
    let finding = link(&findings, "/findings/");
    let piece = link(&text(&open(&api, "/evidence?collector=ci_secrets", &cookie).await), "/evidence/");
    let pages = [
        ("status", "/"),
        ("evidence", "/evidence"),
        ("piece", piece.as_str()),
        ("findings", "/findings"),
        ("finding", finding.as_str()),
        ("slots", "/slots"),
        ("reports", "/reports"),
        ("collectors", "/collectors"),
        ("collector", "/collectors/ci_secrets"),
    ];
    for (name, path) in pages {
        let page = text(&open(&api, path, &cookie).await);
        settings.bind(|| insta::assert_snapshot!(format!("page_{name}"), page));
    }
    let door = enter(&api, "nonsense", &[]).await;
    settings.bind(|| insta::assert_snapshot!("page_sign_in", text(&door)));
}
