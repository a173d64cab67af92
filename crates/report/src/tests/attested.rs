//! What people attested: what a report of a quarter makes of it.

use exhibit_evidence::{
    Actor, Attestation, Digest, Disclosable, EntryId, EnvironmentId, attestation::About, report::Standing,
};

use super::story::{Story, period, t};

fn by(person: &str) -> Actor {
    let digest = Digest::of(person.as_bytes());
    let token =
        EntryId::from_parts(t("2026-01-01 00:00"), digest.hex().as_bytes()[..10].try_into().expect("ten bytes"));
    Actor { person: Disclosable { digest }, role: "officer".to_owned(), token }
}

fn make(story: &mut Story, at: &str, quarter: &str, location: &str) -> EntryId {
    story.now(t(at));
    story.record(Attestation::Make {
        about: About::KeyCustody,
        by: by("Ada"),
        environment: EnvironmentId::new("production").expect("an id"),
        key: "ENCRYPTION_KEY".to_owned(),
        location: location.to_owned(),
        period: period(quarter),
        statement: Disclosable { digest: Digest::of(b"the sealed envelope is there") },
    })
}

fn confirm(story: &mut Story, at: &str, attestation: EntryId, person: &str) {
    story.now(t(at));
    story.record(Attestation::Confirm { attestation, by: by(person) });
}

fn withdraw(story: &mut Story, at: &str, attestation: EntryId) {
    story.now(t(at));
    let reason = "The safe was moved.".to_owned();
    story.record(Attestation::Withdraw { attestation, by: by("Bob"), reason });
}

/// Three attestations in November 2026: in force, pending, withdrawn.
pub(super) fn tell(story: &mut Story) {
    let safe = make(story, "2026-11-20 16:00", "2026-Q4", "safe in the office");
    confirm(story, "2026-11-20 16:30", safe, "Bob");
    make(story, "2026-11-20 17:00", "2026-Q4", "hardware manager | <b>2</b>");
    let moved = make(story, "2026-11-20 18:00", "2026-Q4", "bank");
    confirm(story, "2026-11-20 18:10", moved, "Bob");
    withdraw(story, "2026-11-20 19:00", moved);
}

/// Location, standing and whether it is told as confirmed.
fn told(story: &Story, quarter: &str) -> Vec<(String, String, bool)> {
    let view = story.view(quarter);
    view.attestations.into_iter().map(|one| (one.location, one.standing, one.confirmed_at.is_some())).collect()
}

fn line(location: &str, standing: &str, confirmed: bool) -> (String, String, bool) {
    (location.to_owned(), standing.to_owned(), confirmed)
}

#[test]
fn a_quarter_tells_of_its_own_and_of_what_was_not_said_again() {
    let mut story = Story::begin("2026-06-24 09:00");
    let first = make(&mut story, "2026-08-10 09:00", "2026-Q3", "safe");
    confirm(&mut story, "2026-08-11 09:00", first, "Bob");
    let bank = make(&mut story, "2026-08-12 09:00", "2026-Q3", "bank");
    confirm(&mut story, "2026-08-12 10:00", bank, "Bob");
    let again = make(&mut story, "2026-11-02 09:00", "2026-Q4", "safe");
    confirm(&mut story, "2026-11-02 09:30", again, "Ada");
    assert_eq!(told(&story, "2026-Q4"), [line("bank", "expired", true), line("safe", "pending", false)]);
    confirm(&mut story, "2026-11-03 09:00", again, "Bob");
    make(&mut story, "2026-11-04 09:00", "2026-Q4", "safe");
    assert_eq!(
        told(&story, "2026-Q4"),
        [line("bank", "expired", true), line("safe", "in-force", true), line("safe", "pending", false)]
    );
    // What came later is of no account in the quarter before.
    withdraw(&mut story, "2026-11-05 09:00", again);
    assert_eq!(told(&story, "2026-Q3"), [line("bank", "in-force", true), line("safe", "in-force", true)]);
    assert_eq!(told(&story, "2027-Q1").len(), 2, "the last of each location");

    let view = story.fold("2026-Q4").view(&story.edition(Standing::Interim)).expect("a view");
    let changes: Vec<&str> = view.changes.iter().map(|change| change.what.as_str()).collect();
    let says = |text: &str| changes.iter().filter(|what| what.contains(text)).count();
    assert_eq!((says("One person attested"), says("A second person confirmed"), says("does not count")), (2, 1, 1));
    assert!(changes.last().expect("changes").ends_with("was withdrawn: The safe was moved."), "{changes:?}");
}
