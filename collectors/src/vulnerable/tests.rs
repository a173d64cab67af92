//! What both collectors' cases can't show.

use std::collections::BTreeSet;

use super::conditions::{self, ALL};
use super::judge::CHECKS;
use super::*;

#[test]
fn every_id_is_one_and_every_condition_says_what_to_do() {
    for looks in [Looks::Dependencies, Looks::Images] {
        CHECKS.iter().for_each(|name| drop(looks.check(name)));
        for name in ALL {
            drop(looks.condition(name));
            let condition = conditions::condition(name);
            assert!(!condition.steps.is_empty() && !condition.title.is_empty(), "{name}");
        }
    }
    let titles: BTreeSet<String> = ALL.iter().map(|name| conditions::condition(name).title).collect();
    assert_eq!(titles.len(), ALL.len());
}

#[test]
fn the_self_test_passes_and_its_fixtures_are_told_apart() {
    for looks in [Looks::Dependencies, Looks::Images] {
        let tested = looks.self_test(Engine::builtin());
        assert!(tested.passed, "{looks:?}: {}", tested.detail);
    }
}

/// The cases of a collector's folder.
fn cases(looks: Looks) -> Vec<crate::cases::Case> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(looks.collector());
    let list = crate::cases::list(&folder).expect("cases");
    list.iter().map(|case| crate::cases::Case::read(case).expect("the case reads")).collect()
}

#[test]
fn every_case_comes_out_as_recorded() {
    let write = std::env::var_os("EXHIBIT_RECORD").is_some();
    for looks in [Looks::Dependencies, Looks::Images] {
        for case in cases(looks) {
            let scratch = tempfile::tempdir().expect("a folder");
            let checked = case.check(&looks, scratch.path(), write);
            checked.unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

#[test]
fn what_is_gone_is_closed_for_what_became_of_it() {
    use exhibit_evidence::assessment::Closing;
    let case = cases(Looks::Dependencies).into_iter().find(|case| case.folder.ends_with("overdue-and-gone"));
    let case = case.expect("the case");
    let earlier = crate::own::RecordedEarlier::of_case(&case.folder.join("input")).expect("readable").expect("there");
    let folder = tempfile::tempdir().expect("a folder");
    for file in ["requirements.txt", "result.json"] {
        std::fs::copy(case.folder.join("input").join(file), folder.path().join(file)).expect("copied");
    }
    let judged = || {
        let own = crate::own::Own { earlier: Some(&earlier), ..Default::default() };
        let (clock, engine) = (&crate::cases::CaseClock, Engine::builtin());
        let environments = &case.environments;
        let scope = Scope { base: folder.path(), environments, clock, run_key: &[1; 32], engine, own };
        let collected = Looks::Dependencies.collect(&scope, &case.settings).expect("collected");
        let judged = Looks::Dependencies
            .judge(&collected.observation, &case.environments, &case.settings.policy)
            .expect("judged");
        let mut judged = judged.into_iter().filter(|one| one.check.as_str().ends_with("known-vulnerabilities"));
        judged.next().expect("the check")
    };
    let closings = |judged: &Judgement| -> Vec<(String, Closing)> {
        judged.closings.iter().map(|(of, closing)| (of.to_string()[7..8].to_owned(), *closing)).collect()
    };
    let told = |list: &[(&str, Closing)]| -> Vec<(String, Closing)> {
        list.iter().map(|(of, closing)| ((*of).to_owned(), *closing)).collect()
    };
    let all = judged();
    assert_eq!(
        closings(&all),
        told(&[
            ("2", Closing::Fixed),
            ("3", Closing::Removed),
            ("4", Closing::NoLongerReported),
            ("5", Closing::RulesChanged),
        ])
    );
    // What is found again keeps the name that it was first noted under, and with it its identity.
    assert_eq!(
        all.findings.iter().map(|one| one.attributes["advisory"].as_str()).collect::<Vec<_>>(),
        ["PYSEC-2021-98"]
    );

    // Where the result can't be read nothing is known to be gone, but for the package that the lockfile no longer has.
    std::fs::write(folder.path().join("result.json"), "{").expect("written");
    let unsaid = judged();
    assert_eq!(closings(&unsaid), told(&[("3", Closing::Removed)]));
    assert_eq!(unsaid.findings.len(), 4, "{:?}", unsaid.findings);
    assert!(unsaid.findings.iter().all(|one| one.detail.contains("not examined this time")));
    assert_eq!(unsaid.verdict(), exhibit_evidence::Verdict::Fail);

    // Who hands in one lockfile says nothing of another, and what it held stays open.
    let elsewhere = folder.path().join("web.txt");
    std::fs::copy(case.folder.join("input/requirements.txt"), &elsewhere).expect("copied");
    let own = crate::own::Own { earlier: Some(&earlier), ..Default::default() };
    let (clock, engine) = (&crate::cases::CaseClock, Engine::builtin());
    let scope = Scope { base: folder.path(), environments: &case.environments, clock, run_key: &[1; 32], engine, own };
    let result = case.folder.join("input/result.json");
    let given = Given {
        file: &result,
        format: None,
        subject: &unsaid.subjects[0].subject,
        observed_at: "2026-11-19T04:00:00.000000Z".parse().ok(),
        counted_in: &[elsewhere],
    };
    let part = Looks::Dependencies.import(&scope, &case.settings, &given).expect("readable").observation;
    let part = Looks::Dependencies.judge(&part, &case.environments, &case.settings.policy).expect("judged");
    assert!(part.iter().all(|one| one.closings.is_empty()), "{part:?}");
    let kept = part.iter().flat_map(|one| &one.findings).filter(|one| one.detail.contains("not examined this time"));
    assert!(kept.count() >= 4, "{part:?}");

    // Nor does who hands in a result alone: what it names is what was noted, and all else stays open.
    let mut bare = case.settings.clone();
    bare.source = toml::Table::new();
    let alone = Looks::Dependencies.import(&scope, &bare, &Given { counted_in: &[], ..given }).expect("readable");
    let alone = Looks::Dependencies.judge(&alone.observation, &case.environments, &bare.policy).expect("judged");
    assert!(alone.iter().all(|one| one.closings.is_empty()), "{alone:?}");
    let known = alone.iter().find(|one| one.check.as_str().ends_with("known-vulnerabilities")).expect("the check");
    assert!(known.findings.iter().any(|one| one.fingerprint == all.findings[0].fingerprint), "{known:?}");

    // Nor is anything where the lockfile can't be read.
    std::fs::write(folder.path().join("requirements.txt"), "???").expect("written");
    assert_eq!(closings(&judged()), []);
}

/// Imports by the settings of a case, with nothing known from before.
fn imported(case: &crate::cases::Case, settings: &Settings, given: &Given<'_>) -> Result<Collected, CollectError> {
    let (clock, engine, own) = (&crate::cases::CaseClock, Engine::builtin(), crate::own::Own::default());
    let base = case.folder.join("input");
    let scope = Scope { base: &base, environments: &case.environments, clock, run_key: &[1; 32], engine, own };
    Looks::Dependencies.import(&scope, settings, given)
}

fn case(name: &str) -> crate::cases::Case {
    cases(Looks::Dependencies).into_iter().find(|case| case.folder.ends_with(name)).expect("the case")
}

#[test]
fn a_result_of_somebody_elses_pipeline_is_held_to_the_same_rules() {
    use exhibit_evidence::{Verdict, observation::Subject};
    let case = case("cases/fail");
    let input = case.folder.join("input");
    let subject = Subject { environment: case.environments[0].id.clone(), id: "elsewhere".parse().expect("an id") };
    let (file, lockfile) = (input.join("result.json"), input.join("requirements.txt"));
    let observed_at = "2026-11-19T04:00:00.000000Z".parse().ok();
    let mut given = Given { file: &file, format: None, subject: &subject, observed_at, counted_in: &[] };
    let verdicts = |given: &Given<'_>| {
        let Collected { observation, artifacts } = imported(&case, &case.settings, given).expect("readable");
        assert_eq!(Some(observation.observed_to), observed_at);
        // What was handed in is kept as it is.
        assert_eq!(artifacts.len(), 1);
        assert_eq!(artifacts[0].bytes, std::fs::read(given.file).expect("read"));
        let told = observation.filters.last().expect("what it was");
        assert!(told.contains(&exhibit_evidence::Digest::of(&artifacts[0].bytes).to_string()), "{told}");
        let judged =
            Looks::Dependencies.judge(&observation, &case.environments, &case.settings.policy).expect("judged");
        judged.iter().map(Judgement::verdict).collect::<Vec<_>>()
    };
    // Without a lockfile nobody knows what there was.
    assert_eq!(verdicts(&given)[..3], [Verdict::Error, Verdict::Pass, Verdict::Fail]);
    let twice = [lockfile.clone(), input.join("../input/requirements.txt")];
    given.counted_in = &twice[..1];
    assert_eq!(verdicts(&given)[..3], [Verdict::Pass, Verdict::Pass, Verdict::Fail]);
    let once = imported(&case, &case.settings, &given).expect("readable");
    given.counted_in = &twice;
    let twice = imported(&case, &case.settings, &given).expect("readable");
    assert_eq!(once.observation.population, twice.observation.population);
    // What another tool printed than the one that is named was handed in all the same, and says nothing.
    given.format = Some("npm-audit");
    assert_eq!(verdicts(&given)[..3], [Verdict::Error; 3]);
}

#[test]
fn what_says_nothing_is_an_error_as_soon_as_it_is_known_whose_it_should_be() {
    use exhibit_evidence::{Verdict, observation::Subject};
    let case = case("cases/fail");
    let whole = std::fs::read(case.folder.join("input/result.json")).expect("read");
    let lockfile = [case.folder.join("input/requirements.txt")];
    let subject = Subject { environment: case.environments[0].id.clone(), id: "elsewhere".parse().expect("an id") };
    let folder = tempfile::tempdir().expect("a folder");
    let observed_at = "2026-11-19T04:00:00.000000Z".parse().ok();
    let file = folder.path().join("result.json");
    let bill = br#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[]}"#;
    let failed = br#"{"error":{"code":"ENOAUDIT","summary":"no service"}}"#;
    let newer = br#"{"SchemaVersion":99,"Results":[]}"#;
    let deep = "[".repeat(100_000);
    for (what, bytes, format, told) in [
        ("cut off", &whole[..whole.len() / 2], Some("pip-audit"), "the output was cut off"),
        ("cut off, and recognised", &whole[..whole.len() / 2], None, "the output was cut off"),
        ("empty", b"", Some("pip-audit"), "it is empty: expected what pip-audit"),
        ("empty, and nobody's", b"", None, ""),
        ("a page", b"<html>503</html>", Some("trivy"), "an HTML or XML page is no JSON"),
        ("a page, and nobody's", b"<html>503</html>", None, ""),
        ("no JSON any more", b"{\"dependencies\": oops", Some("pip-audit"), "is no JSON"),
        ("somebody else's", &whole, Some("grype"), "it is what pip-audit"),
        ("the word of failure", failed, None, "says that it failed: ENOAUDIT"),
        ("newer", newer, Some("trivy"), "`SchemaVersion` is 99"),
        ("deep", deep.as_bytes(), Some("npm-audit"), "what npm audit"),
        ("deep, and nobody's", deep.as_bytes(), None, ""),
        ("a list", bill, None, "nothing in it says that anybody looked for vulnerabilities"),
    ] {
        std::fs::write(&file, bytes).expect("written");
        let given = Given { file: &file, format, subject: &subject, observed_at, counted_in: &lockfile };
        let got = imported(&case, &case.settings, &given);
        if told.is_empty() {
            assert!(got.is_err(), "{what}");
            continue;
        }
        let Collected { observation, artifacts } = got.unwrap_or_else(|error| panic!("{what}: {error}"));
        let problem = &observation.problems[0];
        assert!(observation.problems.len() == 1 && problem.message.contains(told), "{what}: {problem:?}");
        assert!(!problem.message.contains(char::is_control), "{what}: {problem:?}");
        assert_eq!(problem.subject.as_ref(), Some(&subject), "{what}");
        let population = &observation.population[0];
        assert_eq!((population.exist, population.examined), (Some(4), 0), "{what}");
        assert_eq!((artifacts[0].bytes.as_slice(), artifacts[0].media_type.as_str()), (bytes, "text/plain"), "{what}");
        let judged =
            Looks::Dependencies.judge(&observation, &case.environments, &case.settings.policy).expect("judged");
        let about_it = judged[..3].iter().map(Judgement::verdict).collect::<Vec<_>>();
        assert_eq!(about_it, [Verdict::Error; 3], "{what}");
        assert!(judged.iter().all(|one| one.findings.is_empty() && one.closings.is_empty()), "{what}");
    }
}

/// Nobody counted: what was examined and what was not is what the scanner says itself.
#[test]
fn without_a_lockfile_the_scanners_own_word_is_told() {
    use exhibit_evidence::{Verdict, observation::Subject};
    let case = case("cases/fail");
    let subject = Subject { environment: case.environments[0].id.clone(), id: "elsewhere".parse().expect("an id") };
    let observed_at = "2026-11-19T04:00:00.000000Z".parse().ok();
    let results = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/results/cases");
    for (name, examined, excluded, verdict, words) in [
        ("pip-audit/skipped-everything.json", 0, 4, Verdict::Vacuous, "None of 4 packages that the scanner names was"),
        (
            "../../../dependency_scan/cases/fail/input/result.json",
            4,
            0,
            Verdict::Error,
            "It is not known how many there are",
        ),
        ("hadolint/found.json", 0, 0, Verdict::Error, "found.json is what hadolint"),
        ("gitleaks/git.json", 0, 0, Verdict::Error, "is what gitleaks"),
        ("checkov/found.json", 0, 0, Verdict::Error, "is what checkov"),
        ("semgrep/found.json", 0, 0, Verdict::Error, "is what semgrep"),
        ("trivy/config.json", 0, 0, Verdict::Error, "looked for vulnerabilities in packages"),
        ("openvex/statements.json", 0, 0, Verdict::Error, "looked for vulnerabilities in packages"),
    ] {
        let file = results.join(name);
        let given = Given { file: &file, format: None, subject: &subject, observed_at, counted_in: &[] };
        let observation = imported(&case, &case.settings, &given).unwrap_or_else(|e| panic!("{name}: {e}")).observation;
        let population = &observation.population[0];
        assert_eq!((population.exist, population.examined), (None, examined), "{name}");
        assert_eq!(population.excluded.iter().map(|one| one.count).sum::<u64>(), excluded, "{name}");
        let judged =
            Looks::Dependencies.judge(&observation, &case.environments, &case.settings.policy).expect("judged");
        let said = &judged[0].subjects[0];
        assert!(said.verdict == verdict && said.reason.contains(words), "{name}: {said:?}");
    }
}

#[test]
fn what_others_had_printed_with_secrets_in_it_is_not_kept() {
    use exhibit_evidence::observation::Subject;
    let case = case("cases/fail");
    let subject = Subject { environment: case.environments[0].id.clone(), id: "elsewhere".parse().expect("an id") };
    let folder = tempfile::tempdir().expect("a folder");
    let observed_at = "2026-11-19T04:00:00.000000Z".parse().ok();
    let file = folder.path().join("result.json");
    let leaks = br#"[{"RuleID":"generic-api-key","Description":"","StartLine":1,"EndLine":1,"StartColumn":1,"EndColumn":2,"Match":"x","Secret":"open sesame","File":"a","Fingerprint":"a:generic-api-key:1"}]"#;
    for (bytes, format) in [(&leaks[..], None), (&leaks[..100], Some("gitleaks"))] {
        std::fs::write(&file, bytes).expect("written");
        let given = Given { file: &file, format, subject: &subject, observed_at, counted_in: &[] };
        let Collected { observation, artifacts } = imported(&case, &case.settings, &given).expect("known");
        assert!(artifacts.is_empty());
        let told = observation.filters.join("\n");
        assert!(told.contains("sha256:") && told.contains("may hold the secrets that it found"), "{told}");
    }
}

#[test]
fn a_result_is_as_old_as_its_file_or_as_somebody_says_and_neither_lies_ahead() {
    use exhibit_evidence::{Clock as _, observation::Subject};
    let case = case("cases/fail");
    let subject = Subject { environment: case.environments[0].id.clone(), id: "elsewhere".parse().expect("an id") };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("result.json");
    std::fs::copy(case.folder.join("input/result.json"), &file).expect("copied");
    let now = crate::cases::CaseClock.now();
    let hours = |hours: i64| now.plus(chrono::TimeDelta::hours(hours));
    // The file's own time and what is said, in hours from now; what counts.
    for (own, said, counts) in [
        (-2, None, Ok(-2)),
        (3, None, Ok(0)),
        (25, None, Err("say when it was written")),
        (25, Some(-2), Ok(-2)),
        (-2, Some(-50), Ok(-50)),
        (-50, Some(-2), Ok(-2)),
        (-2, Some(0), Ok(0)),
        (-2, Some(1), Err("it is said to have been written at")),
    ] {
        let time = std::time::SystemTime::from(hours(own).utc());
        std::fs::File::options().write(true).open(&file).expect("opened").set_modified(time).expect("set");
        let observed_at = said.map(hours);
        let given = Given { file: &file, format: None, subject: &subject, observed_at, counted_in: &[] };
        match (imported(&case, &case.settings, &given), counts) {
            (Ok(got), Ok(counts)) => {
                assert_eq!(got.observation.observed_to, hours(counts), "{own} {said:?}");
                let told = got.observation.filters.join("\n");
                assert_eq!(said.is_some(), told.contains(&format!("the file's own time is {}", hours(own))), "{told}");
            }
            (Err(error), Err(why)) => assert!(error.to_string().contains(why), "{error}"),
            (got, _) => panic!("{own} {said:?}: {}", got.is_ok()),
        }
    }
}
