//! A finding that may stay open for a time: one person asks, a second one approves, and the end comes by itself.

use exhibit_evidence::{Body, EntryId, Fingerprint, Outcome, waiver::Standing};
use exhibit_pipeline::{
    NewWaiver, Person, approve_waiver, erase_disclosures, perform_on_demand, request_waiver, waivers, withdraw_waiver,
};
use exhibit_report::PeriodView;
use exhibit_store::FindingFilter;
use exhibit_tests::{Example, TestWorld, at};

const CHECK: &str = "ci-secrets.plaintext-value";

async fn story() -> TestWorld {
    let story = TestWorld::new("2026-08-10T00:00:00Z", &[Example::new("ci", "ci_secrets", "fail")]).await;
    story.run_at("2026-08-10T00:00:00Z").await;
    look(&story, "2026-08-11T00:00:00Z").await;
    story
}

/// Looks again at that time.
async fn look(story: &TestWorld, now: &str) {
    story.clock.set(at(now));
    perform_on_demand(&story.world, &"ci".parse().expect("an id")).await.expect("performed");
}

fn person(story: &TestWorld, name: &str, role: &str) -> Person {
    Person { name: name.to_owned(), role: role.to_owned(), token: story.world.entry_id() }
}

async fn findings(story: &TestWorld) -> Vec<Fingerprint> {
    let filter = FindingFilter { only_still_observed: true, ..FindingFilter::default() };
    let found = story.world.store.findings(&filter).await.expect("findings");
    found.into_iter().filter(|one| one.check.as_str() == CHECK).map(|one| one.fingerprint).collect()
}

fn until(finding: Fingerprint, end: &str) -> NewWaiver {
    let reason = "the partner changes it in autumn, CHG-1041".to_owned();
    NewWaiver { finding, reason, compensating: None, until: at(end) }
}

async fn standing(story: &TestWorld, waiver: EntryId) -> Standing {
    let all = waivers(&story.world).await.expect("waivers");
    all.iter().find(|state| state.exception.id == waiver).expect("the waiver").standing
}

async fn entries(story: &TestWorld) -> usize {
    story.world.store.entries_of_kind("waiver").await.expect("entries").len()
}

/// The check before and after waivers.
fn told(view: &PeriodView) -> (Outcome, Outcome) {
    let check = view.checks.iter().find(|check| check.id.as_str() == CHECK).expect("the check");
    (check.current, check.after_waivers)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_a_waiver_cannot_approve_it() {
    let story = story().await;
    let (ada, bob) = (person(&story, "Ada", "officer"), person(&story, "Bob", "administrator"));
    let finding = findings(&story).await[0];
    for role in ["auditor", "operator", "ingest"] {
        let eve = person(&story, "Eve", role);
        let refused = request_waiver(&story.world, &eve, until(finding, "2026-09-01T00:00:00Z"));
        assert!(refused.await.expect_err("may not").to_string().contains(role));
    }
    let nothing = Fingerprint(exhibit_evidence::Digest::of(b"nothing"));
    let silent = NewWaiver { reason: "  ".to_owned(), ..until(finding, "2026-09-01T00:00:00Z") };
    let long = NewWaiver { compensating: Some("x".repeat(501)), ..until(finding, "2026-09-01T00:00:00Z") };
    let (past, late) = (until(finding, "2026-08-11T00:00:00Z"), until(finding, "2027-08-13T00:00:00Z"));
    for refused in [until(nothing, "2026-09-01T00:00:00Z"), silent, long, past, late] {
        request_waiver(&story.world, &ada, refused).await.expect_err("refused");
    }
    assert_eq!(entries(&story).await, 0, "what was refused is not recorded");

    let asked = request_waiver(&story.world, &ada, until(finding, "2026-09-01T00:00:00Z")).await.expect("asked");
    assert_eq!(standing(&story, asked).await, Standing::Pending);
    // The same person again: by the same token, by another one, under another spelling; then somebody else by her token.
    let by_hers = Person { token: ada.token, ..person(&story, "Cleo", "officer") };
    for again in [ada.clone(), person(&story, "Ada", "administrator"), person(&story, " ADA", "officer"), by_hers] {
        let refused = approve_waiver(&story.world, &again, asked).await.expect_err("one person");
        assert!(refused.to_string().contains("a second, different person"), "{refused}");
    }
    approve_waiver(&story.world, &person(&story, "Eve", "auditor"), asked).await.expect_err("an auditor");
    approve_waiver(&story.world, &bob, story.world.entry_id()).await.expect_err("no such waiver");
    assert_eq!((entries(&story).await, standing(&story, asked).await), (1, Standing::Pending));
    approve_waiver(&story.world, &bob, asked).await.expect("approved");
    assert_eq!(standing(&story, asked).await, Standing::InForce);
    approve_waiver(&story.world, &person(&story, "Cleo", "officer"), asked).await.expect_err("approved already");
    let state = waivers(&story.world).await.expect("waivers").remove(0);
    let people: Vec<&str> = state.people.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(people, ["Ada", "Bob"]);
    // Names stand in no record.
    let all = story.world.store.entries_of_kind("waiver").await.expect("entries");
    assert!(all.iter().all(|entry| {
        !["Ada", "Bob"]
            .iter()
            .any(|name| String::from_utf8_lossy(entry.record().expect("a record").as_bytes()).contains(name))
    }));
    assert!(matches!(all[0].envelope().expect("an entry").body, Body::Waiver(_)));
    story.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_before_waivers_stay_and_what_expired_counts_again() {
    let story = story().await;
    let (ada, bob) = (person(&story, "Ada", "officer"), person(&story, "Bob", "officer"));
    let before = story.view("2026-08-11T00:00:00Z").await;
    assert_eq!(told(&before), (Outcome::Fail, Outcome::Fail));
    for finding in findings(&story).await {
        let asked = request_waiver(&story.world, &ada, until(finding, "2026-08-20T00:00:00Z")).await.expect("asked");
        approve_waiver(&story.world, &bob, asked).await.expect("approved");
    }
    let waived = story.view("2026-08-11T00:00:00Z").await;
    assert_eq!(told(&waived), (Outcome::Fail, Outcome::Waived));
    let counts = |view: &PeriodView| -> Vec<u64> { view.totals.outcomes.iter().map(|line| line.count).collect() };
    let severities = |view: &PeriodView| -> Vec<u64> { view.totals.severities.iter().map(|line| line.count).collect() };
    assert_eq!((counts(&waived), severities(&waived)), (counts(&before), severities(&before)));
    let covered: u64 = waived.totals.severities.iter().map(|line| line.waived).sum();
    assert_eq!(covered, findings(&story).await.len() as u64);

    // One is ended by somebody else: it counts again at once.
    let first = waivers(&story.world).await.expect("waivers").remove(0).exception.id;
    let cleo = person(&story, "Cleo", "officer");
    withdraw_waiver(&story.world, &person(&story, "Eve", "operator"), first, "no").await.expect_err("an operator");
    withdraw_waiver(&story.world, &cleo, first, "it can be mended now").await.expect("withdrawn");
    withdraw_waiver(&story.world, &ada, first, "again").await.expect_err("it is over");
    assert_eq!(told(&story.view("2026-08-11T00:00:00Z").await), (Outcome::Fail, Outcome::Fail));

    // The others end by themselves: nobody acts, the next run is what tells it.
    look(&story, "2026-08-20T00:00:00Z").await;
    let over = story.view("2026-08-20T00:00:00Z").await;
    assert!(over.waivers.iter().all(|one| !one.covers && ["withdrawn", "expired"].contains(&one.standing.as_str())));
    assert!(over.totals.severities.iter().all(|line| line.waived == 0));
    let last = waivers(&story.world).await.expect("waivers").pop().expect("one").exception.id;
    if last != first {
        assert_eq!(standing(&story, last).await, Standing::Expired);
        approve_waiver(&story.world, &cleo, last).await.expect_err("expired");
    }
    assert_eq!(waivers(&story.replica()).await.expect("waivers"), waivers(&story.world).await.expect("waivers"));
    story.world.store.rebuild().await.expect("rebuilt");
    story.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_name_was_erased_nobody_can_approve() {
    let story = story().await;
    let (ada, bob) = (person(&story, "Ada", "officer"), person(&story, "Bob", "officer"));
    let finding = findings(&story).await[0];
    let asked = request_waiver(&story.world, &ada, until(finding, "2026-09-01T00:00:00Z")).await.expect("asked");
    let groups = story.world.store.disclosure_groups().await.expect("groups");
    for group in groups.into_iter().filter(|group| group.path == exhibit_evidence::disclosure::PERSON) {
        erase_disclosures(&story.world, &bob, group.id, "request 117").await.expect("erased");
    }
    let refused = approve_waiver(&story.world, &bob, asked).await.expect_err("nobody knows");
    assert!(refused.to_string().contains("erased"), "{refused}");
    withdraw_waiver(&story.world, &bob, asked, "asked anew").await.expect("nothing gets better by it");
    story.assert_clean().await;
}
