//! What both collectors' cases can't show.

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
    let part = Looks::Dependencies.import(&scope, &case.settings, &given).expect("readable");
    let part = Looks::Dependencies.judge(&part, &case.environments, &case.settings.policy).expect("judged");
    assert!(part.iter().all(|one| one.closings.is_empty()), "{part:?}");
    let kept = part.iter().flat_map(|one| &one.findings).filter(|one| one.detail.contains("not examined this time"));
    assert!(kept.count() >= 4, "{part:?}");

    // Nor is anything where the lockfile can't be read.
    std::fs::write(folder.path().join("requirements.txt"), "???").expect("written");
    assert_eq!(closings(&judged()), []);
}

#[test]
fn a_result_of_somebody_elses_pipeline_is_held_to_the_same_rules() {
    use exhibit_evidence::{Verdict, observation::Subject};
    let case =
        cases(Looks::Dependencies).into_iter().find(|case| case.folder.ends_with("cases/fail")).expect("the case");
    let input = case.folder.join("input");
    let own = crate::own::Own::default();
    let (clock, engine) = (&crate::cases::CaseClock, Engine::builtin());
    let scope = Scope { base: &input, environments: &case.environments, clock, run_key: &[1; 32], engine, own };
    let subject = Subject { environment: case.environments[0].id.clone(), id: "elsewhere".parse().expect("an id") };
    let (file, lockfile) = (input.join("result.json"), input.join("requirements.txt"));
    let observed_at = "2026-11-19T04:00:00.000000Z".parse().ok();
    let mut given = Given { file: &file, format: None, subject: &subject, observed_at, counted_in: &[] };
    let verdicts = |given: &Given<'_>| {
        let observation = Looks::Dependencies.import(&scope, &case.settings, given).expect("readable");
        assert_eq!(Some(observation.observed_to), observed_at);
        let judged =
            Looks::Dependencies.judge(&observation, &case.environments, &case.settings.policy).expect("judged");
        judged.iter().map(Judgement::verdict).collect::<Vec<_>>()
    };
    // Without a lockfile nobody knows what there was.
    assert_eq!(verdicts(&given)[..3], [Verdict::Error, Verdict::Pass, Verdict::Fail]);
    let counted_in = [lockfile];
    given.counted_in = &counted_in;
    assert_eq!(verdicts(&given)[..3], [Verdict::Pass, Verdict::Pass, Verdict::Fail]);
    given.format = Some("npm-audit");
    assert!(Looks::Dependencies.import(&scope, &case.settings, &given).is_err());
}
