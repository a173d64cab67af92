//! What no program can look at: stated by one person, confirmed by another, over with its quarter.

use exhibit_evidence::{Body, EntryId, Verdict, attestation::Standing};
use exhibit_pipeline::{
    NewAttestation, Person, attest, attestations, confirm_attestation, erase_disclosures, perform_on_demand,
    statements, withdraw_attestation,
};
use exhibit_tests::{Example, TestWorld, at};

async fn story() -> TestWorld {
    let story = TestWorld::new("2026-08-10T00:00:00Z", &[Example::new("custody", "key_custody", "pass")]).await;
    story.run_at("2026-08-10T00:00:00Z").await;
    story
}

/// A person by a token of their own.
fn person(story: &TestWorld, name: &str, role: &str) -> Person {
    Person { name: name.to_owned(), role: role.to_owned(), token: story.world.entry_id() }
}

fn at_location(location: &str) -> NewAttestation {
    NewAttestation {
        environment: "production".parse().expect("an id"),
        key: "ENCRYPTION_KEY".to_owned(),
        location: location.to_owned(),
        statement: "Grace and I opened it: the sealed envelope is there".to_owned(),
    }
}

async fn standing(story: &TestWorld, attestation: EntryId) -> Standing {
    let all = attestations(&story.world).await.expect("attestations");
    all.iter().find(|state| state.statement.id == attestation).expect("the attestation").standing
}

async fn entries(story: &TestWorld) -> usize {
    story.world.store.entries_of_kind("attestation").await.expect("entries").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_never_confirms_an_attestation() {
    let story = story().await;
    let (ada, bob) = (person(&story, "Ada", "officer"), person(&story, "Bob", "administrator"));
    for role in ["auditor", "operator", "ingest"] {
        let refused = attest(&story.world, &person(&story, "Eve", role), at_location("safe")).await;
        assert!(refused.expect_err("may not").to_string().contains(role));
    }
    let elsewhere = NewAttestation { environment: "moon".parse().expect("an id"), ..at_location("safe") };
    let silent = NewAttestation { statement: "  ".to_owned(), ..at_location("safe") };
    let long = NewAttestation { key: "K".repeat(201), ..at_location("safe") };
    let told = |length| NewAttestation { statement: "😀".repeat(length), ..at_location("old safe") };
    for refused in [elsewhere, silent, long, told(501), at_location("two\nlines")] {
        attest(&story.world, &ada, refused).await.expect_err("refused");
    }
    assert_eq!(entries(&story).await, 0, "what was refused is not recorded");
    let longest = attest(&story.world, &ada, told(500)).await.expect("as long as it may be, in the longest characters");
    withdraw_attestation(&story.world, &ada, longest, "said too much").await.expect("withdrawn");

    let made = attest(&story.world, &ada, at_location("safe")).await.expect("made");
    assert_eq!(standing(&story, made).await, Standing::Pending);
    // The same person again: by the same token, by another one, under another spelling; then somebody else by her token.
    let lent = Person { name: "Bob".to_owned(), ..ada.clone() };
    for again in [ada.clone(), person(&story, "Ada", "officer"), person(&story, " ada ", "administrator"), lent] {
        let refused = confirm_attestation(&story.world, &again, made).await.expect_err("one person");
        assert!(refused.to_string().contains("a second, different person"), "{refused}");
    }
    confirm_attestation(&story.world, &person(&story, "Bob", "auditor"), made).await.expect_err("an auditor");
    confirm_attestation(&story.world, &bob, story.world.entry_id()).await.expect_err("no such attestation");
    assert_eq!((entries(&story).await, standing(&story, made).await), (3, Standing::Pending));

    confirm_attestation(&story.world, &bob, made).await.expect("confirmed");
    assert_eq!(standing(&story, made).await, Standing::InForce);
    confirm_attestation(&story.world, &person(&story, "Cleo", "officer"), made).await.expect_err("confirmed already");
    let state = attestations(&story.world).await.expect("attestations").remove(1);
    let names: Vec<&str> = state.people.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!((names, state.words.as_deref()), (vec!["Ada", "Bob"], Some(&*at_location("").statement)));

    // Names and words are in no record and in no report.
    let all = story.world.store.entries_of_kind("attestation").await.expect("entries");
    let view = serde_json::to_string(&story.view("2026-08-10T00:00:00Z").await).expect("JSON");
    for hidden in ["Ada", "Bob", "Grace", "sealed envelope"] {
        assert!(all.iter().all(|entry| !entry.text.contains(hidden)) && !view.contains(hidden), "{hidden}");
    }
    assert!(view.contains(r#""standing":"in-force""#), "{view}");
    story.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attestation_ends_with_its_quarter_or_when_one_of_the_two_says_so() {
    let story = story().await;
    let (ada, bob) = (person(&story, "Ada", "officer"), person(&story, "Bob", "officer"));
    let (kept, left) = (
        attest(&story.world, &ada, at_location("safe")).await.expect("made"),
        attest(&story.world, &ada, at_location("bank")).await.expect("made"),
    );
    confirm_attestation(&story.world, &bob, kept).await.expect("confirmed");
    let period = story.period("2026-08-10T00:00:00Z");
    let known = statements(&story.world.store).await.expect("read");
    assert_eq!(known.get(kept).map(|one| one.period.clone()), Some(period.clone()), "as reports have it");

    let cleo = person(&story, "Cleo", "administrator");
    let refused = withdraw_attestation(&story.world, &cleo, kept, "moved").await.expect_err("not hers");
    assert!(refused.to_string().contains("only one of the two"), "{refused}");
    // By another token of the second person, as a token does not live as long as a quarter.
    let bob_later = person(&story, "bob", "officer");
    let again = attest(&story.world, &ada, at_location("safe")).await.expect("made");
    confirm_attestation(&story.world, &bob, again).await.expect("confirmed");
    withdraw_attestation(&story.world, &bob_later, again, "moved").await.expect("withdrawn");
    withdraw_attestation(&story.world, &ada, again, "moved").await.expect_err("it is over");
    assert_eq!(standing(&story, again).await, Standing::Withdrawn);

    story.clock.set(period.end.plus(-chrono::TimeDelta::minutes(1)));
    assert_eq!((standing(&story, kept).await, standing(&story, left).await), (Standing::InForce, Standing::Pending));
    story.clock.set(period.end);
    assert_eq!((standing(&story, kept).await, standing(&story, left).await), (Standing::Expired, Standing::Expired));
    for over in [kept, left] {
        confirm_attestation(&story.world, &bob, over).await.expect_err("expired");
        withdraw_attestation(&story.world, &ada, over, "moved").await.expect_err("expired");
    }
    let standings = async |instant: &str| -> Vec<(String, String)> {
        let view = story.view(instant).await;
        view.attestations.into_iter().map(|one| (one.location, one.standing)).collect()
    };
    let line = |location: &str, standing: &str| (location.to_owned(), standing.to_owned());
    let before = [line("bank", "pending"), line("safe", "in-force"), line("safe", "withdrawn")];
    assert_eq!(standings("2026-08-10T00:00:00Z").await, before, "as it stood when the quarter ended");

    // Everything is derived from the ledger: a restart and a rebuilt database say the same.
    story.clock.set(at("2026-10-02T08:00:00Z"));
    let fresh = attest(&story.world, &bob, at_location("safe")).await.expect("made");
    confirm_attestation(&story.world, &ada, fresh).await.expect("confirmed");
    let told = attestations(&story.world).await.expect("attestations");
    story.world.store.rebuild().await.expect("rebuilt");
    assert_eq!(attestations(&story.replica()).await.expect("attestations"), told);
    assert_eq!(standings("2026-10-02T08:00:00Z").await, [line("bank", "expired"), line("safe", "in-force")]);
    assert_eq!(standings("2026-08-10T00:00:00Z").await, before, "and it stays so");
    story.assert_clean().await;
}

/// A name that is erased takes nothing from what was said under it, but nobody can be told apart from it any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_was_erased_confirms_nothing_more() {
    let story = story().await;
    let (ada, bob) = (person(&story, "Ada", "officer"), person(&story, "Bob", "officer"));
    let (open, done) = (
        attest(&story.world, &ada, at_location("safe")).await.expect("made"),
        attest(&story.world, &ada, at_location("bank")).await.expect("made"),
    );
    confirm_attestation(&story.world, &bob, done).await.expect("confirmed");
    let groups = story.world.store.disclosure_groups().await.expect("groups");
    let names = groups.into_iter().filter(|group| group.path == exhibit_evidence::disclosure::PERSON);
    for group in names {
        erase_disclosures(&story.world, &bob, group.id, "request 117").await.expect("erased");
    }
    assert_eq!(standing(&story, done).await, Standing::InForce);
    let refused = confirm_attestation(&story.world, &bob, open).await.expect_err("nobody knows");
    assert!(refused.to_string().contains("make it anew"), "{refused}");
    withdraw_attestation(&story.world, &bob, open, "made anew").await.expect("nothing gets better by it");
    story.assert_clean().await;
}

/// The verdict of the check that counts copies, and its reason.
async fn copies(story: &TestWorld) -> (Verdict, String) {
    let job = "offline".parse().expect("an id");
    let performed = perform_on_demand(&story.world, &job).await.expect("performed");
    for entry in story.world.store.entries(0..story.size().await).all().await.expect("entries") {
        if let Body::Assessment(said) = entry.envelope().expect("an entry").body
            && said.evidence == performed.evidence
            && said.judgement.check.as_str() == "key-custody.copies"
        {
            return (said.verdict, said.judgement.subjects[0].reason.clone());
        }
    }
    panic!("the check was judged");
}

/// The collector asks the ledger: what is stated, confirmed, withdrawn and over turns its check, each by the next run.
#[tokio::test(flavor = "multi_thread")]
async fn an_offline_copy_counts_while_two_persons_attest_it() {
    let example = Example::new("offline", "key_custody", "attested");
    let story = TestWorld::new("2026-11-20T12:00:00Z", &[example]).await;
    story.run_at("2026-11-20T12:00:00Z").await;
    let (ada, bob) = (person(&story, "Ada", "officer"), person(&story, "Bob", "officer"));
    let says = async |verdict: Verdict, words: &str| {
        let (found, reason) = copies(&story).await;
        assert!(found == verdict && reason.contains(words), "{verdict} and {words:?} in {found}: {reason}");
    };
    says(Verdict::Fail, "nobody ever attested it").await;
    // What is said of another place, key or environment is not said of this one.
    for other in
        [at_location("safe"), NewAttestation { key: "OTHER_KEY".to_owned(), ..at_location("safe in the office") }]
    {
        let other = attest(&story.world, &ada, other).await.expect("made");
        confirm_attestation(&story.world, &bob, other).await.expect("confirmed");
    }
    says(Verdict::Fail, "nobody ever attested it").await;
    let made = attest(&story.world, &ada, at_location("safe in the office")).await.expect("made");
    says(Verdict::Fail, "no second one has confirmed it").await;
    confirm_attestation(&story.world, &ada, made).await.expect_err("one person");
    says(Verdict::Fail, "no second one has confirmed it").await;
    confirm_attestation(&story.world, &bob, made).await.expect("confirmed");
    says(Verdict::Pass, "offline is attested by two persons, not observed").await;
    withdraw_attestation(&story.world, &bob, made, "moved").await.expect("withdrawn");
    says(Verdict::Fail, "was withdrawn").await;
    let again = attest(&story.world, &bob, at_location("safe in the office")).await.expect("made");
    confirm_attestation(&story.world, &ada, again).await.expect("confirmed");

    story.clock.set(story.period("2026-11-20T12:00:00Z").end.plus(-chrono::TimeDelta::seconds(1)));
    says(Verdict::Pass, "not observed").await;
    story.clock.set(story.period("2026-11-20T12:00:00Z").end);
    says(Verdict::Fail, "expired with its quarter").await;

    story.world.store.rebuild().await.expect("rebuilt");
    says(Verdict::Fail, "expired with its quarter").await;
    story.assert_clean().await;
}
