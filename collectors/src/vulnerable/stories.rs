//! What becomes of a finding over several runs, with a ledger in memory that remembers as the real one does: what a run notes
//! is open until a later verdict of the same check on the same subject does without it.

use std::collections::BTreeMap;
use std::fs;

use exhibit_evidence::assessment::Closing;
use exhibit_evidence::observation::Subject;
use exhibit_evidence::{Clock, EnvironmentId, Fingerprint, Verdict};

use super::*;
use crate::own::{EarlierFinding, EarlierFindings, Own, Window};

struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// The beginning of a day.
fn day(text: &str) -> Timestamp {
    format!("{text}T04:00:00.000000Z").parse().expect("a day")
}

#[derive(Default)]
struct Ledger {
    open: BTreeMap<Fingerprint, EarlierFinding>,
    closed: BTreeMap<Fingerprint, Window>,
}

impl EarlierFindings for Ledger {
    fn open(&self) -> Result<Vec<EarlierFinding>, String> {
        Ok(self.open.values().cloned().collect())
    }

    fn closed(&self) -> Result<BTreeMap<Fingerprint, Window>, String> {
        Ok(self.closed.clone())
    }
}

impl Ledger {
    /// Takes in what a run said, and tells how what is gone was closed; none where the judge does not tell.
    fn take(&mut self, judged: &[Judgement], at: Timestamp) -> Vec<(String, Option<Closing>)> {
        let mut gone = Vec::new();
        for judgement in judged {
            for finding in &judgement.findings {
                let since = |window: Option<Window>| window.map_or(at, |window| window.first_observed);
                let before = self.open.get(&finding.fingerprint).map(|one| one.first_observed);
                let first_observed = before.unwrap_or_else(|| since(self.closed.remove(&finding.fingerprint)));
                let earlier = EarlierFinding {
                    attributes: finding.attributes.clone(),
                    check: judgement.check.clone(),
                    condition: finding.condition.clone(),
                    fingerprint: finding.fingerprint,
                    first_observed,
                    last_observed: at,
                    place: finding.place.clone(),
                    subject: Subject { environment: finding.environment.clone(), id: finding.subject.clone() },
                };
                self.open.insert(finding.fingerprint, earlier);
            }
            for outcome in &judgement.subjects {
                if !matches!(outcome.verdict, Verdict::Pass | Verdict::Fail) {
                    continue;
                }
                let lost = |one: &EarlierFinding| {
                    let noted = judgement.findings.iter().any(|finding| finding.fingerprint == one.fingerprint);
                    one.check == judgement.check && one.subject == outcome.subject && !noted
                };
                let lost: Vec<_> = self.open.values().filter(|one| lost(one)).cloned().collect();
                for one in lost {
                    self.open.remove(&one.fingerprint);
                    let window = Window { first_observed: one.first_observed, last_observed: one.last_observed };
                    self.closed.insert(one.fingerprint, window);
                    let name = one.check.as_str().rsplit('.').next().unwrap_or_default().to_owned();
                    gone.push((name, judgement.closings.get(&one.fingerprint).copied()));
                }
            }
        }
        gone
    }
}

struct Story {
    looks: Looks,
    folder: tempfile::TempDir,
    ledger: Ledger,
    source: String,
}

/// What a run said, in few words.
struct Said {
    judged: Vec<Judgement>,
    gone: Vec<(String, Option<Closing>)>,
}

impl Said {
    fn of(&self, check: &str) -> &Judgement {
        self.judged.iter().find(|one| one.check.as_str().ends_with(check)).expect("the check")
    }

    /// The verdict, and what is noted.
    fn notes(&self, check: &str) -> (Verdict, Vec<&str>) {
        let judged = self.of(check);
        (judged.verdict(), judged.findings.iter().map(|finding| finding.detail.as_str()).collect())
    }

    fn reason(&self, check: &str) -> &str {
        &self.of(check).subjects[0].reason
    }

    fn gone(&self) -> Vec<(&str, Option<Closing>)> {
        self.gone.iter().map(|(check, closing)| (check.as_str(), *closing)).collect()
    }
}

impl Story {
    fn new(looks: Looks, source: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { looks, folder, ledger: Ledger::default(), source: source.to_owned() }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("written");
    }

    /// A run on that day; results and databases are of the same day, where the settings do not say otherwise.
    fn run(&mut self, today: &str, policy: &str) -> Said {
        let at = day(today);
        let source = self.source.replace("TODAY", &at.to_string());
        let table = |text: &str| toml::from_str::<toml::Table>(text).expect("TOML");
        let settings = Settings { source: table(&source), policy: table(policy) };
        let id = EnvironmentId::new("production").expect("an id");
        let environments = [Environment { id, title: String::new(), disposable: false }];
        let clock = At(at);
        let own = Own { earlier: Some(&self.ledger), ..Own::default() };
        let base = self.folder.path();
        let scope = Scope {
            base,
            environments: &environments,
            clock: &clock,
            run_key: &[1; 32],
            engine: Engine::builtin(),
            own,
        };
        let collected = self.looks.collect(&scope, &settings).expect("collected");
        let judged = self.looks.judge(&collected.observation, &environments, &settings.policy).expect("judged");
        let gone = self.ledger.take(&judged, at);
        Said { judged, gone }
    }
}

const ONE: &str = "[[targets]]\nid = 'shop'\nlockfile = 'requirements.txt'\n\
    [[targets.scans]]\nresult = 'result.json'\nformat = 'pip-audit'\nwritten_at = 'TODAY'\n";

const KNOWN: &str = "known-vulnerabilities";
const TIME: &str = "remediation-in-time";

/// A result of pip-audit: each package with its version, and the names of what is known of it, if anything is.
fn audit(packages: &[(&str, &str, &[&str])]) -> String {
    let one = |(name, version, ids): &(&str, &str, &[&str])| {
        let vulns = match ids {
            [] => serde_json::json!([]),
            [id, aliases @ ..] => {
                serde_json::json!([{ "id": id, "aliases": aliases, "fix_versions": ["3.2.4"], "description": "d" }])
            }
        };
        serde_json::json!({ "name": name, "version": version, "vulns": vulns })
    };
    serde_json::json!({ "dependencies": packages.iter().map(one).collect::<Vec<_>>(), "fixes": [] }).to_string()
}

#[test]
fn a_vulnerability_from_its_first_day_to_its_last() {
    let mut story = Story::new(Looks::Dependencies, &ONE.replacen("[[targets]]", "vex = ['vex.json']\n[[targets]]", 1));
    let vex = |status: &str| {
        format!(
            r#"{{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "x", "author": "a", "timestamp": "2026-09-01T00:00:00Z", "version": 1, "statements": [{{"vulnerability": {{"name": "CVE-2021-1"}}, "products": [{{"@id": "pkg:pypi/django"}}], "status": "{status}", "justification": "vulnerable_code_not_present"}}]}}"#
        )
    };
    let (affected, safe) = (vex("under_investigation"), vex("not_affected"));
    story.write("vex.json", &affected);
    story.write("requirements.txt", "django==3.2.0\nrequests==2.25.0\n");
    let vulnerable = |ids| audit(&[("django", "3.2.0", ids), ("requests", "2.25.0", &[])]);
    story.write("result.json", &vulnerable(&["PYSEC-2021-1"]));

    // Opened.
    let said = story.run("2026-09-01", "");
    let (verdict, notes) = said.notes(KNOWN);
    assert_eq!((verdict, notes.len()), (Verdict::Fail, 1));
    assert!(notes[0].contains("first seen on 2026-09-01"), "{notes:?}");
    assert_eq!(said.notes(TIME).0, Verdict::Pass);
    let first = said.of(KNOWN).findings[0].fingerprint;

    // Open still, under a name that became known meanwhile.
    story.write("result.json", &vulnerable(&["PYSEC-2021-1", "CVE-2021-1"]));
    let said = story.run("2026-09-08", "");
    assert_eq!(said.of(KNOWN).findings[0].fingerprint, first);
    assert_eq!((said.notes(TIME).0, said.gone().len()), (Verdict::Pass, 0));

    // Past its time.
    let said = story.run("2026-10-10", "");
    let (verdict, notes) = said.notes(TIME);
    assert_eq!(verdict, Verdict::Fail);
    assert!(notes[0].contains("first seen on 2026-09-01, 39 days ago, and the policy allows 30 for high"), "{notes:?}");

    // Said not to affect the product: counted apart, and nothing was mended.
    story.write("vex.json", &safe);
    let said = story.run("2026-10-11", "");
    assert_eq!(said.gone(), [(KNOWN, Some(Closing::RulesChanged)), (TIME, Some(Closing::RulesChanged))]);
    assert_eq!(said.notes(KNOWN), (Verdict::Pass, vec![]));
    assert!(said.reason(KNOWN).contains("1 said to be not affected, with a justification"), "{}", said.reason(KNOWN));

    // Taken back: the same finding, open since its first day, and late.
    story.write("vex.json", &affected);
    let said = story.run("2026-10-12", "");
    assert_eq!(said.of(KNOWN).findings[0].fingerprint, first);
    let (_, notes) = said.notes(TIME);
    let expected = "first seen on 2026-09-01, 41 days ago, and the policy allows 30 for high; it was gone after 2026-10-10 and is back";
    assert!(notes[0].contains(expected), "{notes:?}");

    // Accepted for a time, and no longer.
    let allow = "[[allow]]\nadvisory = 'CVE-2021-1'\nreason = 'x'\nuntil = '2026-10-14'\n";
    let said = story.run("2026-10-13", allow);
    assert_eq!(said.gone(), [(KNOWN, Some(Closing::RulesChanged)), (TIME, Some(Closing::RulesChanged))]);
    assert!(said.reason(KNOWN).contains("1 accepted by the policy"), "{}", said.reason(KNOWN));
    let said = story.run("2026-10-15", allow);
    assert!(said.notes(KNOWN).1[0].contains("it was accepted until 2026-10-14"), "{:?}", said.notes(KNOWN));

    // Nobody can say anything: it stays.
    story.write("requirements.txt", "django==3.2.0\n???\n");
    let said = story.run("2026-10-16", "");
    let (verdict, notes) = said.notes(KNOWN);
    assert_eq!((verdict, notes.len(), said.gone().len()), (Verdict::Fail, 1, 0));
    assert!(
        notes[0].contains("no lockfile that could be read pins it") || notes[0].contains("was not examined"),
        "{notes:?}"
    );

    // Fixed.
    story.write("requirements.txt", "django==3.2.4\nrequests==2.25.0\n");
    story.write("result.json", &audit(&[("django", "3.2.4", &[]), ("requests", "2.25.0", &[])]));
    let said = story.run("2026-10-17", "");
    let fixed: Vec<_> = said.gone().into_iter().filter(|(check, _)| *check == KNOWN).collect();
    assert!(fixed.contains(&(KNOWN, Some(Closing::Fixed))), "{:?}", said.gone());
    assert_eq!(said.notes(KNOWN), (Verdict::Pass, vec![]));
    assert!(said.reason(KNOWN).contains("noted before and changed since"), "{}", said.reason(KNOWN));

    // Back, with its history.
    story.write("requirements.txt", "django==3.2.0\nrequests==2.25.0\n");
    story.write("result.json", &vulnerable(&["CVE-2021-1", "PYSEC-2021-1"]));
    let said = story.run("2026-11-01", "");
    assert_eq!(said.of(KNOWN).findings[0].fingerprint, first);
    let (_, notes) = said.notes(KNOWN);
    assert!(notes[0].contains("first seen on 2026-09-01, to be mended by 2026-10-01 (high: 30 days); it was gone after 2026-10-16 and is back"), "{notes:?}");
    // And still so the next day, when it is open and no longer new.
    let said = story.run("2026-11-02", "");
    let (_, notes) = said.notes(KNOWN);
    assert!(notes[0].contains("first seen on 2026-09-01, to be mended by 2026-10-01 (high: 30 days); it was gone after 2026-10-16 and is back"), "{notes:?}");

    // Gone with its package.
    story.write("requirements.txt", "requests==2.25.0\n");
    story.write("result.json", &audit(&[("requests", "2.25.0", &[])]));
    let said = story.run("2026-11-03", "");
    assert_eq!(said.gone(), [(KNOWN, Some(Closing::Removed)), (TIME, Some(Closing::Removed))]);
    assert!(story.ledger.open.is_empty());
}

#[test]
fn what_is_only_not_reported_any_more_was_not_mended() {
    let dated = ONE.replace("written_at = 'TODAY'", "written_at = 'TODAY'\ndatabase_at = 'DATABASE'");
    let made = |at: &str| dated.replace("DATABASE", &day(at).to_string());
    let vulnerable = audit(&[("django", "3.2.0", &["CVE-2021-1"])]);
    let clean = audit(&[("django", "3.2.0", &[])]);
    for (next, lockfile, result, closing) in [
        ("2026-09-01", "django==3.2.0", &clean, Some(Closing::NoLongerReported)),
        ("2026-09-03", "django==3.2.0", &clean, Some(Closing::RulesChanged)),
        ("2026-09-03", "django==3.2.4", &audit(&[("django", "3.2.4", &[])]), Some(Closing::Fixed)),
        // What an old database does not report may be there.
        ("2026-08-01", "django==3.2.4", &audit(&[("django", "3.2.4", &[])]), None),
        ("2026-08-01", "requests==1.0", &audit(&[("requests", "1.0", &[])]), Some(Closing::Removed)),
    ] {
        let mut story = Story::new(Looks::Dependencies, &made("2026-09-01"));
        story.write("requirements.txt", "django==3.2.0\n");
        story.write("result.json", &vulnerable);
        assert_eq!(story.run("2026-09-02", "").notes(KNOWN).1.len(), 1);
        story.source = made(next);
        story.write("requirements.txt", lockfile);
        story.write("result.json", result);
        let said = story.run("2026-09-04", "");
        match closing {
            Some(closing) => {
                assert_eq!(said.of(KNOWN).closings.values().collect::<Vec<_>>(), [&closing], "{lockfile} {next}")
            }
            None => {
                let (verdict, notes) = said.notes(KNOWN);
                assert_eq!((verdict, said.gone().len()), (Verdict::Fail, 0));
                assert!(notes[0].contains("by a word that is stale, so it is not known to be gone"), "{notes:?}");
            }
        }
    }
}

const TWO: &str = "[[targets]]\nid = 'shop'\nlockfile = 'requirements.txt'\n\
    [[targets.scans]]\nresult = 'result.json'\nformat = 'pip-audit'\nwritten_at = 'TODAY'\n\
    [[targets.scans]]\nresult = 'osv.json'\nformat = 'osv-scanner'\nwritten_at = 'TODAY'\ndatabase_at = 'TODAY'\n";

/// A result of osv-scanner: packages with what is known of each.
fn osv(packages: &[(&str, &str, &[&str])]) -> String {
    let one = |(name, version, ids): &(&str, &str, &[&str])| {
        let vulnerabilities: Vec<_> = ids.iter().map(|id| serde_json::json!({ "id": id })).collect();
        let groups: Vec<_> = ids.iter().map(|id| serde_json::json!({ "ids": [id], "aliases": [id] })).collect();
        serde_json::json!({
            "package": { "name": name, "version": version, "ecosystem": "PyPI" },
            "vulnerabilities": vulnerabilities, "groups": groups,
        })
    };
    let packages: Vec<_> = packages.iter().map(one).collect();
    let source = serde_json::json!({ "path": "/src/requirements.txt", "type": "lockfile" });
    serde_json::json!({ "results": [{ "source": source, "packages": packages }] }).to_string()
}

#[test]
fn a_scanner_that_is_silent_closes_nothing_that_it_alone_reported() {
    let mut story = Story::new(Looks::Dependencies, TWO);
    story.write("requirements.txt", "django==3.2.0\nrequests==2.25.0\n");
    story.write("result.json", &audit(&[("django", "3.2.0", &[]), ("requests", "2.25.0", &[])]));
    story.write("osv.json", &osv(&[("django", "3.2.0", &["CVE-2021-1"])]));
    let said = story.run("2026-09-01", "");
    let (_, notes) = said.notes(KNOWN);
    assert!(notes[0].contains("only osv-scanner reports it; pip-audit examined the package and does not"), "{notes:?}");
    let expected =
        "Of what several scanners report, 0 told by all of osv-scanner and pip-audit, 1 only by osv-scanner.";
    assert!(said.reason(KNOWN).ends_with(expected), "{}", said.reason(KNOWN));

    // The other one goes on calling it clean, also at another version: it never said anything else.
    for (today, lockfile, version) in
        [("2026-09-02", "django==3.2.0", "3.2.0"), ("2026-09-03", "django==3.2.4", "3.2.4")]
    {
        fs::remove_file(story.folder.path().join("osv.json")).unwrap_or_default();
        story.write("requirements.txt", &format!("{lockfile}\nrequests==2.25.0\n"));
        story.write("result.json", &audit(&[("django", version, &[]), ("requests", "2.25.0", &[])]));
        let said = story.run(today, "");
        let (verdict, notes) = said.notes(KNOWN);
        assert_eq!((verdict, said.gone().len()), (Verdict::Fail, 0), "{today}");
        assert!(notes[0].contains("was not examined this time"), "{notes:?}");
    }
    story.write("osv.json", &osv(&[("django", "3.2.4", &[])]));
    let said = story.run("2026-09-04", "");
    assert_eq!(said.gone(), [(KNOWN, Some(Closing::Fixed))]);
}

#[test]
fn what_a_lockfile_alone_tells_is_gone_only_where_that_is_read() {
    let source =
        ONE.replace("lockfile = 'requirements.txt'", "folder = 'shop'").replace("result.json", "shop/result.json");
    let mut story = Story::new(Looks::Dependencies, &source);
    fs::create_dir_all(story.folder.path().join("shop/web")).expect("a folder");
    let denied = "denied = [{ package = 'pkg:pypi/evil*', reason = 'x' }]";
    let lists = |own: &str, web: &str, story: &Story| {
        story.write("shop/requirements.txt", own);
        story.write("shop/web/requirements.txt", web);
    };
    story.write("shop/result.json", &audit(&[("evil-a", "1.0", &[]), ("good", "1.0", &[])]));
    lists("evil-a==1.0\nloose\n", "git+https://git.example/evil-b.git@v1#egg=evil-b\ngood==1.0\n", &story);
    let said = story.run("2026-09-01", denied);
    let (verdict, notes) = said.notes("denied-packages");
    assert_eq!((verdict, notes.len()), (Verdict::Fail, 2), "{notes:?}");
    assert!(notes.iter().any(|note| note.starts_with("pkg:pypi/evil-b, taken from a git repository")), "{notes:?}");
    assert_eq!(said.notes("pinned-packages").1.len(), 1);

    // One of them can't be read, and the other still has its own.
    lists("???\n", "git+https://git.example/evil-b.git@v1#egg=evil-b\ngood==1.0\n", &story);
    let said = story.run("2026-09-02", denied);
    let (verdict, notes) = said.notes("denied-packages");
    assert_eq!((verdict, notes.len(), said.gone().len()), (Verdict::Fail, 2, 0), "{notes:?}");
    assert!(
        notes.iter().any(|note| note.starts_with("What was noted of pkg:pypi/evil-a in")
            || note.starts_with("What was noted of pkg:pypi/evil-a, first")),
        "{notes:?}"
    );
    assert!(said.notes("pinned-packages").1[0].contains("not known to be gone"));

    // Who takes it from the policy mends nothing; who takes it out does.
    lists("evil-a==1.0\nloose==2.0\n", "git+https://git.example/evil-b.git@v1#egg=evil-b\ngood==1.0\n", &story);
    let said = story.run("2026-09-03", "denied = [{ package = 'pkg:pypi/evil-b', reason = 'x' }]");
    assert_eq!(
        said.gone(),
        [("denied-packages", Some(Closing::RulesChanged)), ("pinned-packages", Some(Closing::Fixed))]
    );
    lists("loose==2.0\n", "good==1.0\n", &story);
    let said = story.run("2026-09-04", denied);
    assert_eq!(said.gone(), [("denied-packages", Some(Closing::Removed))]);
}

#[test]
fn what_no_population_held_does_not_count_as_mended_when_it_is_silent() {
    let source = ONE.replace("TODAY'\n", "TODAY'\ndatabase_at = 'TODAY'\n").replace("pip-audit", "osv-scanner");
    let mut story = Story::new(Looks::Dependencies, &source.replace("result.json", "osv.json"));
    story.write("requirements.txt", "requests==2.25.0\n");
    story.write("osv.json", &osv(&[("requests", "2.25.0", &[]), ("hidden", "1.0", &["CVE-2021-9"])]));
    let said = story.run("2026-09-01", "");
    assert!(said.notes(KNOWN).1[0].contains("no lockfile that could be read pins it"), "{:?}", said.notes(KNOWN));
    story.write("osv.json", &osv(&[("requests", "2.25.0", &[])]));
    let said = story.run("2026-09-02", "");
    assert_eq!(said.gone(), [(KNOWN, Some(Closing::RulesChanged))]);
}

#[test]
fn what_the_settings_leave_out_was_not_mended() {
    let mut story = Story::new(Looks::Dependencies, &ONE.replace("lockfile = 'requirements.txt'", "folder = '.'"));
    fs::create_dir_all(story.folder.path().join("old/api")).expect("a folder");
    story.write("old/api/requirements.txt", "django==3.2.0\nevil==1.0\n");
    story.write("requirements.txt", "requests==2.25.0\n");
    let result = audit(&[("django", "3.2.0", &["CVE-2021-1"]), ("evil", "1.0", &[]), ("requests", "2.25.0", &[])]);
    story.write("result.json", &result);
    let denied = "denied = [{ package = 'pkg:pypi/evil', reason = 'x' }]";
    assert_eq!(story.run("2026-09-01", denied).notes(KNOWN).1.len(), 1);
    story.source = story.source.replace("folder = '.'", "folder = '.'\nexclude = ['old']");
    story.write("result.json", &audit(&[("requests", "2.25.0", &[])]));
    let said = story.run("2026-09-02", denied);
    assert_eq!(said.gone(), [(KNOWN, Some(Closing::RulesChanged)), ("denied-packages", Some(Closing::RulesChanged))]);
    assert!(said.reason(KNOWN).contains("1 noted before and left out by the settings now"), "{}", said.reason(KNOWN));

    let mut story = Story::new(Looks::Images, "[[manifests]]\nid = 'shop'\nfolder = '.'\n");
    story.write("Dockerfile", "FROM debian:12\n");
    story.write("Dockerfile.old", "FROM debian:11\n");
    assert_eq!(story.run("2026-09-01", "").notes("pinned-images").1.len(), 2);
    story.source.push_str("exclude = ['*.old']\n");
    assert_eq!(story.run("2026-09-02", "").gone(), [("pinned-images", Some(Closing::RulesChanged))]);
    fs::remove_file(story.folder.path().join("Dockerfile")).expect("removed");
    story.write("Containerfile", "FROM scratch\nCOPY --from=a:1 b b\n");
    assert_eq!(story.run("2026-09-03", "").gone(), [("pinned-images", Some(Closing::Removed))]);
}

#[test]
fn an_image_by_tag_is_mended_by_a_digest_and_by_nothing_else() {
    let mut story = Story::new(Looks::Images, "[[manifests]]\nid = 'shop'\nfolder = '.'\n");
    let digest = format!("sha256:{}", "0".repeat(64));
    let pinned = |said: &Said| said.notes("pinned-images").0;
    story.write("Dockerfile", "FROM debian:12\nCOPY --from=debian:13 a b\n");
    let said = story.run("2026-09-01", "");
    let (verdict, notes) = said.notes("pinned-images");
    assert_eq!((verdict, notes.len()), (Verdict::Fail, 1));
    assert!(notes[0].starts_with("`debian` is named by the tags `12`, `13`, and not by its digest"), "{notes:?}");
    for check in [KNOWN, TIME, "complete-population", "denied-packages"] {
        assert_eq!(said.notes(check).0, Verdict::NotApplicable, "{check}");
    }
    // Another tag is the same deviation; a file that can't be read, or a variable, mends nothing.
    story.write("Dockerfile", "FROM debian:14\n");
    assert_eq!(story.run("2026-09-02", "").gone(), []);
    for text in ["<html>", "ARG BASE\nFROM ${BASE}\n"] {
        story.write("Dockerfile", text);
        let said = story.run("2026-09-03", "");
        assert_eq!((pinned(&said), said.gone()), (Verdict::Fail, vec![]), "{text}");
        assert!(said.notes("pinned-images").1[0].contains("not known to be gone"), "{:?}", said.notes("pinned-images"));
    }
    // Nor does it to accept it.
    story.write("Dockerfile", "FROM debian:14\n");
    let allow = "allow_unpinned = [{ image = 'debian:*', reason = 'x', until = '2026-09-30' }]";
    let said = story.run("2026-09-04", allow);
    assert_eq!((pinned(&said), said.gone()), (Verdict::Pass, vec![("pinned-images", Some(Closing::RulesChanged))]));
    assert!(said.reason("pinned-images").contains("1 accepted by the policy"), "{}", said.reason("pinned-images"));
    assert!(story.run("2026-10-01", allow).notes("pinned-images").1[0].ends_with("It was accepted until 2026-09-30."));
    story.write("Dockerfile", &format!("FROM debian:14@{digest}\n"));
    let said = story.run("2026-10-02", "");
    assert_eq!((pinned(&said), said.gone()), (Verdict::Pass, vec![("pinned-images", Some(Closing::Fixed))]));
    // What names nothing was not examined.
    story.write("Dockerfile", "FROM scratch\n");
    assert_eq!(pinned(&story.run("2026-10-03", "")), Verdict::Vacuous);
    assert_eq!(pinned(&story.run("2026-10-04", "allow_excluded = ['unresolved-reference']")), Verdict::Vacuous);
}

#[test]
fn a_list_of_exploited_ones_from_days_to_come_is_no_list() {
    let mut story = Story::new(Looks::Dependencies, &format!("known_exploited = 'kev.json'\n{ONE}"));
    story.write("requirements.txt", "django==3.2.0\n");
    story.write("result.json", &audit(&[("django", "3.2.0", &[])]));
    for (released, verdict, says) in [
        ("2026-09-01T12:00:00Z", Verdict::Pass, "with no deviation"),
        ("2026-09-02T00:00:00Z", Verdict::Pass, "with no deviation"),
        ("2026-09-20T00:00:00Z", Verdict::Error, "which is to come"),
        ("2026-07-20T00:00:00Z", Verdict::Error, "Stale"),
    ] {
        story.write(
            "kev.json",
            &format!(r#"{{"dateReleased": "{released}", "vulnerabilities": [{{"cveID": "CVE-1"}}]}}"#),
        );
        let said = story.run("2026-09-01", "");
        assert_eq!(said.notes("known-exploited").0, verdict, "{released}");
        assert!(said.reason("known-exploited").contains(says), "{}", said.reason("known-exploited"));
    }
}
