//! The page of one piece of evidence: what was kept with it, what holds it, and what people attest beside it.

use std::fs;

use exhibit_evidence::{EntryId, SubjectId, hold::HoldScope, observation::Subject};
use exhibit_pipeline::{
    Import, NewAttestation, NewHold, NewWaiver, Person, approve_waiver, archive_pending, attest, confirm_attestation,
    import, perform_on_demand, place_hold, release_hold, request_waiver,
};
use exhibit_store::{
    FindingFilter,
    service::{Role, TokenScope},
};
use exhibit_tests::{Api, Example, TestWorld, at};

use super::pages::{link, open, sign_in, text};

/// A quarter with a scanner's result that is held by two cases, and a key that two persons say is in a safe.
pub(crate) struct Story {
    pub(crate) world: TestWorld,
    /// The scanner's result.
    pub(crate) scanned: EntryId,
    /// What was observed of the keys.
    pub(crate) custody: EntryId,
    case: EntryId,
}

fn person(story: &TestWorld, name: &str, role: &str) -> Person {
    Person { name: name.to_owned(), role: role.to_owned(), token: story.world.entry_id() }
}

fn hold(matter: &str, scope: HoldScope) -> NewHold {
    let (custodian, reason) = ("Grace Hopper".to_owned(), "letter of the court".to_owned());
    NewHold { matter: matter.to_owned(), scope, custodian, reason }
}

pub(crate) async fn story() -> Story {
    let jobs = [
        Example::new("custody", "key_custody", "pass"),
        Example::new("scans", "dependency_scan", "fail").pushed().scheduled("0 4 * * *"),
    ];
    let story = TestWorld::new("2026-08-10T00:30:00Z", &jobs).await;
    story.run_at("2026-08-10T00:30:00Z").await;
    let (ada, bob) = (person(&story, "Ada", "officer"), person(&story, "Bob", "administrator"));
    let said = |key: &str| NewAttestation {
        environment: "production".parse().expect("an id"),
        key: key.to_owned(),
        location: "safe".to_owned(),
        statement: "Grace and I opened it: the sealed envelope is there".to_owned(),
    };
    let made = attest(&story.world, &ada, said("ENCRYPTION_KEY")).await.expect("made");
    confirm_attestation(&story.world, &bob, made).await.expect("confirmed");
    attest(&story.world, &ada, said("SIGNING_KEY")).await.expect("made");
    story.clock.set(at("2026-08-10T02:05:00Z"));
    let custody = perform_on_demand(&story.world, &jobs[0].job.id).await.expect("performed").evidence;
    let order = Import {
        job: jobs[1].job.id.clone(),
        file: story.input().join("scans/result.json"),
        format: Some("pip-audit".to_owned()),
        subject: Subject {
            environment: "production".parse().expect("an id"),
            id: SubjectId::new("shop").expect("an id"),
        },
        observed_at: Some(at("2026-08-10T02:01:00Z")),
        counted_in: vec![story.input().join("scans/requirements.txt")],
        host: None,
    };
    let scanned = import(&story.world, order).await.expect("taken").evidence;
    let environments = vec!["production".parse().expect("an id")];
    let case =
        place_hold(&story.world, &ada, hold("Example v. Example", HoldScope { environments, ..HoldScope::default() }));
    let case = case.await.expect("placed");
    let elsewhere = HoldScope { keys: vec!["reports/1999".to_owned()], ..HoldScope::default() };
    place_hold(&story.world, &ada, hold("Of another time", elsewhere)).await.expect("placed");
    Story { world: story, scanned, custody, case }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_says_what_was_kept_and_who_reads_it_takes_it_along() {
    let Story { world: story, scanned, .. } = story().await;
    let api = Api::new(&story);
    let (_, token) = api.token(&story, "audra", Role::Auditor, TokenScope::default()).await;
    let cookie = sign_in(&api, &token).await;
    let listed = text(&open(&api, "/evidence?collector=dependency_scan", &cookie).await);
    let path = link(&listed, "/evidence/");
    assert_eq!((path.as_str(), listed.matches("href=\"/evidence/").count()), (&*format!("/evidence/{scanned}"), 1));
    let page = text(&open(&api, &path, &cookie).await);
    for told in
        ["what pip-audit said", "another system handed it in", "4 of 4", ">fail</strong>", "href=\"/findings/sha256"]
    {
        assert!(page.contains(told), "{told}: {page}");
    }
    let kept = link(&page, &format!("{path}/artifacts/"));
    let taken = open(&api, &kept, &cookie).await;
    assert_eq!((taken.status, taken.header("content-type")), (200, "application/octet-stream"));
    assert!(taken.header("content-disposition").starts_with("attachment; filename=\""), "{:?}", taken.headers);
    assert!(taken.body == fs::read(story.input().join("scans/result.json")).expect("read"));

    // The finding leads back to it.
    let finding = text(&open(&api, &link(&page, "/findings/sha256"), &cookie).await);
    assert_eq!(link(&finding, "/evidence/"), path);

    // Who may not see the piece gets neither it nor what it cites.
    let elsewhere = TokenScope { environments: Some(vec!["nowhere".to_owned()]), ..TokenScope::default() };
    let (_, token) = api.token(&story, "eve", Role::Auditor, elsewhere).await;
    let limited = sign_in(&api, &token).await;
    for path in [path.as_str(), &kept, "/evidence/none", &format!("{path}/artifacts/none")] {
        assert_eq!(open(&api, path, &limited).await.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_says_what_holds_it() {
    let Story { world: story, scanned, custody, case } = story().await;
    let api = Api::new(&story);
    let (_, token) = api.token(&story, "ada", Role::Officer, TokenScope::default()).await;
    let cookie = sign_in(&api, &token).await;
    let path = format!("/evidence/{scanned}");
    let page = text(&open(&api, &path, &cookie).await);
    assert!(page.contains("1 legal hold is on it.") && page.contains("nothing that holds it was confirmed"), "{page}");
    assert!(page.contains("Example v. Example") && !page.contains("Of another time"), "{page}");
    for name in ["Ada", "Grace"] {
        assert!(!page.contains(name), "people stand there by pseudonyms");
    }

    // Once its day is archived, the objects that it lies in are named.
    story.run_at("2026-08-11T00:10:00Z").await;
    let (_, token) = api.token(&story, "ada", Role::Officer, TokenScope::default()).await;
    let cookie = sign_in(&api, &token).await;
    let page = text(&open(&api, &path, &cookie).await);
    let held = page.matches("<li><code>segments/2026-08-10/").count() + page.matches("<li><code>artifacts/").count();
    assert!(held >= 2 && page.contains(&format!("{held} objects that it lies in")), "{held}: {page}");

    // A token that is limited to a part sees the piece, and is told of no hold.
    let part = TokenScope { environments: Some(vec!["production".to_owned()]), ..TokenScope::default() };
    let (_, token) = api.token(&story, "audra", Role::Auditor, part).await;
    let limited = sign_in(&api, &token).await;
    let page = text(&open(&api, &path, &limited).await);
    assert!(page.contains("so it is told of none") && !page.contains("Example v. Example"), "{page}");

    // One word of two for its end is told; the second ends it.
    let ada = person(&story, "Ada", "officer");
    release_hold(&story.world, &ada, case, "settled").await.expect("approved");
    let page = text(&open(&api, &path, &cookie).await);
    assert!(page.contains("A first person agreed"), "{page}");
    release_hold(&story.world, &person(&story, "Cleo", "officer"), case, "settled").await.expect("released");
    archive_pending(&story.world).await.expect("lifted");
    for id in [scanned, custody] {
        let page = text(&open(&api, &format!("/evidence/{id}"), &cookie).await);
        assert!(page.contains("No open case is about it.") && !page.contains("legal hold is on it"), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_stay_open_stands_with_the_finding() {
    let Story { world: story, scanned, .. } = story().await;
    let api = Api::new(&story);
    let (_, token) = api.token(&story, "audra", Role::Auditor, TokenScope::default()).await;
    let cookie = sign_in(&api, &token).await;
    let piece = format!("/evidence/{scanned}");
    let path = link(&text(&open(&api, &piece, &cookie).await), "/findings/sha256");
    assert!(!text(&open(&api, &path, &cookie).await).contains("Waivers"));
    let found = story.world.store.findings(&FindingFilter::default()).await.expect("findings");
    let finding = found.iter().find(|one| one.check.as_str().starts_with("dependency-scan.")).expect("it").fingerprint;
    let reason = "the partner changes it in autumn, CHG-1041".to_owned();
    let new = NewWaiver {
        finding,
        reason,
        compensating: Some("behind a proxy".to_owned()),
        until: at("2026-09-30T00:00:00Z"),
    };
    let asked = request_waiver(&story.world, &person(&story, "Ada", "officer"), new).await.expect("asked");
    let page = text(&open(&api, &path, &cookie).await);
    assert!(page.contains(">pending</strong>") && page.contains("approved by nobody"), "{page}");
    assert!(!text(&open(&api, &piece, &cookie).await).contains("mark-waived"), "one person's word covers nothing");
    approve_waiver(&story.world, &person(&story, "Bob", "administrator"), asked).await.expect("approved");
    let page = text(&open(&api, &path, &cookie).await);
    for told in [">in-force</strong>", "CHG-1041", "behind a proxy", "; approved 2026-08-10"] {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert!(!page.contains("by Ada") && !page.contains("by Bob"), "people stand there by pseudonyms");
    assert!(text(&open(&api, &piece, &cookie).await).contains("mark-waived"));
    let acts = api.get("/api/v1/waivers", &token).await.json();
    let acts: Vec<&str> = acts["items"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|act| act["record"]["body"]["act"].as_str())
        .collect();
    assert_eq!(acts, ["approve", "request"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_attest_stands_beside_what_was_observed() {
    let Story { world: story, scanned, custody, .. } = story().await;
    let api = Api::new(&story);
    let (_, token) = api.token(&story, "ada", Role::Officer, TokenScope::default()).await;
    let cookie = sign_in(&api, &token).await;
    for path in [format!("/evidence/{custody}"), "/collectors/key_custody".to_owned()] {
        let page = text(&open(&api, &path, &cookie).await);
        for told in [
            "told as said, never as observed",
            "ENCRYPTION_KEY",
            ">in-force</strong>",
            "SIGNING_KEY",
            ">pending</strong>",
        ] {
            assert!(page.contains(told), "{path}: {told}: {page}");
        }
        assert!(!page.contains("Grace and I opened it") && !page.contains("by Ada"), "{path}: {page}");
    }
    for path in [format!("/evidence/{scanned}"), "/collectors/ci_secrets".to_owned()] {
        assert!(!text(&open(&api, &path, &cookie).await).contains("Attested by people"), "{path}");
    }
}
