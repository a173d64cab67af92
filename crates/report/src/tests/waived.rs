//! Waivers: what a report of a quarter makes of them.

use exhibit_evidence::{
    Actor, CheckId, Condition, Digest, Disclosable, EntryId, Finding, Outcome, Place, Severity, Verdict, Waiver,
};

use super::story::{Look, Performance, Story, check, finding, look, subject, t};
use crate::{
    TemplateSet, render,
    view::{PeriodView, WaiverView},
};

const SHARED: &str = "unique-credentials.shared";

fn by(person: &str) -> Actor {
    let digest = Digest::of(person.as_bytes());
    let token =
        EntryId::from_parts(t("2026-01-01 00:00"), digest.hex().as_bytes()[..10].try_into().expect("ten bytes"));
    Actor { person: Disclosable { digest }, role: "officer".to_owned(), token }
}

/// What is asked for by Ada.
fn request(story: &mut Story, at: &str, check: &str, of: &Finding, until: &str, reason: &str) -> EntryId {
    story.now(t(at));
    story.record(Waiver::Request {
        by: by("Ada"),
        check: CheckId::new(check).expect("an id"),
        compensating: Some("Staging <i>holds</i> | no customer's data.".to_owned()),
        finding: of.fingerprint,
        reason: reason.to_owned(),
        severity: of.severity,
        subject: subject(of.environment.as_str(), of.subject.as_str()),
        until: t(until),
    })
}

fn approve(story: &mut Story, at: &str, waiver: EntryId, person: &str) {
    story.now(t(at));
    story.record(Waiver::Approve { waiver, by: by(person) });
}

fn withdraw(story: &mut Story, at: &str, waiver: EntryId, reason: &str) {
    story.now(t(at));
    story.record(Waiver::Withdraw { waiver, by: by("Cleo"), reason: reason.to_owned() });
}

/// Four waivers in November 2026: in force, pending, withdrawn, expired.
pub(super) fn tell(story: &mut Story, findings: [(&str, &Finding); 3]) {
    let [(check, covered), asked, mended] = findings;
    let expired = request(story, "2026-11-20 19:01", check, covered, "2026-11-20 19:08", "Until the next run.");
    approve(story, "2026-11-20 19:05", expired, "Bob");
    let reason = "The partner changes it in <b>January</b> | CHG-1041 [here](javascript:alert(1)).";
    let in_force = request(story, "2026-11-20 19:10", check, covered, "2027-01-31 23:00", reason);
    approve(story, "2026-11-20 19:20", in_force, "Bob");
    request(
        story,
        "2026-11-20 19:30",
        asked.0,
        asked.1,
        "2026-12-31 23:00",
        "The gateway can hold one password alone.",
    );
    let withdrawn =
        request(story, "2026-11-20 19:40", mended.0, mended.1, "2026-12-31 23:00", "Too much to change now.");
    approve(story, "2026-11-20 19:50", withdrawn, "Bob");
    withdraw(story, "2026-11-20 20:00", withdrawn, "It can be changed after all.");
}

fn noted(key: &str, severity: Severity) -> Finding {
    let place = Place { key: Some(key.to_owned()), ..Place::default() };
    finding(SHARED, &subject("production", "shop"), "shared-value", severity, place, 1, "Shared.")
}

fn failing(findings: &[Finding]) -> Look {
    look(SHARED, &subject("production", "shop"), Verdict::Fail, "Shared.").noting(findings.to_vec())
}

fn begin() -> Story {
    let mut story = Story::begin("2026-06-24 09:00");
    let text = String::new;
    let condition = Condition {
        title: "A credential is shared".to_owned(),
        risk: text(),
        impact: text(),
        recommendation: text(),
        steps: vec![],
        references: vec![],
    };
    story.condition("shared-value", condition);
    story.promise("credentials", "unique_credentials", None, &["production"]);
    story
}

fn run(story: &mut Story, at: &str, look: Look) {
    story.run(Performance {
        job: "credentials",
        collector: "unique_credentials",
        slot: None,
        at: t(at),
        looks: &[look],
        version: 1,
        population: None,
        problems: vec![],
    });
}

/// The check's outcome before and after waivers, and how many open findings there are and are waived.
fn told(view: &PeriodView) -> (Outcome, Outcome, u64, u64) {
    let check = check(view, SHARED);
    let sum = |of: fn(&crate::view::SeverityCount) -> u64| view.totals.severities.iter().map(of).sum::<u64>();
    (check.current, check.after_waivers, sum(|line| line.count), sum(|line| line.waived))
}

fn standings(view: &PeriodView) -> Vec<(&str, bool)> {
    view.waivers.iter().map(|one: &WaiverView| (one.standing.as_str(), one.covers)).collect()
}

#[test]
fn totals_before_waivers_never_change_and_what_expired_counts_again() {
    let mut story = begin();
    let (redis, smtp) = (noted("REDIS", Severity::High), noted("SMTP", Severity::Medium));
    run(&mut story, "2026-07-10 09:00", failing(&[redis.clone(), smtp.clone()]));
    let one = request(&mut story, "2026-07-10 10:00", SHARED, &redis, "2026-08-01 00:00", "CHG-1");
    assert_eq!(told(&story.view("2026-Q3")), (Outcome::Fail, Outcome::Fail, 2, 0), "nobody approved it");
    approve(&mut story, "2026-07-10 11:00", one, "Ada");
    assert_eq!(told(&story.view("2026-Q3")), (Outcome::Fail, Outcome::Fail, 2, 0), "one person alone");
    approve(&mut story, "2026-07-10 12:00", one, "Bob");
    assert_eq!(told(&story.view("2026-Q3")), (Outcome::Fail, Outcome::Fail, 2, 1), "another finding is open");
    let two = request(&mut story, "2026-07-10 13:00", SHARED, &smtp, "2026-12-01 00:00", "CHG-2");
    approve(&mut story, "2026-07-10 14:00", two, "Bob");
    let both = story.view("2026-Q3");
    assert_eq!(told(&both), (Outcome::Fail, Outcome::Waived, 2, 2));
    let count = |view: &PeriodView, outcome: Outcome| {
        let line = view.totals.outcomes.iter().find(|line| line.outcome == outcome).expect("every outcome");
        (line.count, line.after_waivers)
    };
    assert_eq!((count(&both, Outcome::Fail), count(&both, Outcome::Waived)), ((1, 0), (0, 1)));
    let item = both.audit_items.iter().find(|item| item.open_findings > 0).expect("its item");
    assert_eq!((item.current, item.after_waivers), (Some(Outcome::Fail), Some(Outcome::Waived)));
    assert_eq!((item.open_findings, item.waived_findings), (2, 2));

    // Nobody acts, and yet it counts again; the quarter before tells what was so when it ended.
    run(&mut story, "2026-08-01 00:00", failing(&[redis.clone(), smtp.clone()]));
    let over = story.view("2026-Q3");
    assert_eq!(told(&over), (Outcome::Fail, Outcome::Fail, 2, 1));
    assert_eq!(standings(&over), [("expired", false), ("in-force", true)]);
    let expired: Vec<_> = over.changes.iter().filter(|change| change.what.ends_with("expired.")).collect();
    assert_eq!(expired.len(), 1);
    assert_eq!(expired[0].at, t("2026-08-01 00:00"));
    run(&mut story, "2026-10-02 09:00", failing(&[redis, smtp]));
    withdraw(&mut story, "2026-10-03 09:00", two, "mended.");
    let next = story.view("2026-Q4");
    assert_eq!(told(&next), (Outcome::Fail, Outcome::Fail, 2, 0));
    assert_eq!(standings(&next), [("withdrawn", false)], "what ended before this quarter is not of it");
    assert!(next.changes.iter().any(|change| change.what.ends_with("was withdrawn: mended.")));
    assert_eq!(standings(&story.view("2026-Q3")), [("expired", false), ("in-force", true)]);
}

#[test]
fn a_finding_that_two_waivers_cover_counts_once() {
    let mut story = begin();
    let redis = noted("REDIS", Severity::High);
    run(&mut story, "2026-07-10 09:00", failing(std::slice::from_ref(&redis)));
    for until in ["2026-12-01 00:00", "2026-12-31 00:00"] {
        let one = request(&mut story, "2026-07-10 10:00", SHARED, &redis, until, "CHG-1");
        approve(&mut story, "2026-07-10 12:00", one, "Bob");
    }
    let view = story.view("2026-Q3");
    assert_eq!((told(&view), view.totals.waived), ((Outcome::Fail, Outcome::Waived, 1, 1), 1));
    assert_eq!(standings(&view), [("in-force", true), ("in-force", true)]);
    let page = render(&view, &TemplateSet::built_in().expect("built in")).expect("rendered").markdown;
    assert!(page.contains("1 open finding is covered by an approved"), "{page}");
    assert!(page.contains("| Total | 1 | 1 |"), "{page}");
}

#[test]
fn a_waiver_tells_of_its_finding_where_it_is_open_whichever_job_notes_it() {
    let mut story = begin();
    story.promise("mended", "unique_credentials", None, &["production"]);
    story.promise("again", "unique_credentials", None, &["production"]);
    let of = |job, at, look: Look, story: &mut Story| {
        let looks = [look];
        story.run(Performance {
            job,
            collector: "unique_credentials",
            slot: None,
            at: t(at),
            looks: &looks,
            version: 1,
            population: None,
            problems: vec![],
        });
    };
    let (bad, worse) = (noted("REDIS", Severity::Medium), noted("REDIS", Severity::High));
    of("again", "2026-07-10 09:00", failing(std::slice::from_ref(&bad)), &mut story);
    of("mended", "2026-07-10 09:00", failing(std::slice::from_ref(&bad)), &mut story);
    let one = request(&mut story, "2026-07-10 10:00", SHARED, &bad, "2026-12-01 00:00", "CHG-1");
    approve(&mut story, "2026-07-10 12:00", one, "Bob");
    let clean = || look(SHARED, &subject("production", "shop"), Verdict::Pass, "None.");
    of("mended", "2026-07-11 09:00", clean(), &mut story);
    let view = story.view("2026-Q3");
    assert_eq!((view.waivers[0].is_open, view.waivers[0].covers, view.totals.waived), (true, true, 1));
    // Where one of two jobs finds it worse than agreed, it is not covered there, and the waiver says so.
    of("mended", "2026-07-12 09:00", failing(std::slice::from_ref(&bad)), &mut story);
    of("again", "2026-07-12 09:00", failing(std::slice::from_ref(&worse)), &mut story);
    let view = story.view("2026-Q3");
    assert_eq!((view.waivers[0].is_open, view.waivers[0].covers, view.totals.waived), (true, false, 1));
}

#[test]
fn what_got_worse_or_could_not_be_found_out_is_not_waived() {
    let mut story = begin();
    run(&mut story, "2026-07-10 09:00", failing(&[noted("REDIS", Severity::Medium)]));
    let one =
        request(&mut story, "2026-07-10 10:00", SHARED, &noted("REDIS", Severity::Medium), "2026-12-01 00:00", "CHG-1");
    approve(&mut story, "2026-07-10 12:00", one, "Bob");
    assert_eq!(told(&story.view("2026-Q3")), (Outcome::Fail, Outcome::Waived, 1, 1));

    let unknown = look(SHARED, &subject("production", "shop"), Verdict::Error, "The vault answered 403.");
    run(&mut story, "2026-07-11 09:00", unknown);
    assert_eq!(told(&story.view("2026-Q3")), (Outcome::Error, Outcome::Error, 1, 1), "an error is no deviation");
    run(&mut story, "2026-07-12 09:00", failing(&[noted("REDIS", Severity::High)]));
    let worse = story.view("2026-Q3");
    assert_eq!(told(&worse), (Outcome::Fail, Outcome::Fail, 1, 0), "two persons agreed to less");
    assert_eq!((standings(&worse), worse.waivers[0].is_open), (vec![("in-force", false)], true));
    run(&mut story, "2026-07-13 09:00", look(SHARED, &subject("production", "shop"), Verdict::Pass, "None."));
    let mended = story.view("2026-Q3");
    assert_eq!(told(&mended), (Outcome::Pass, Outcome::Pass, 0, 0));
    assert_eq!((standings(&mended), mended.waivers[0].is_open), (vec![("in-force", false)], false));
    // A deviation that is older than it may be is not known to be the waived one.
    run(&mut story, "2026-07-14 09:00", failing(&[noted("REDIS", Severity::Medium)]));
    story.now(t("2026-09-01 09:00"));
    story.record(super::story::deployment("0.1.1"));
    assert_eq!(told(&story.view("2026-Q3")), (Outcome::Fail, Outcome::Stale, 1, 1));
}
