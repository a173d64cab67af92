//! The cases beside this file, and what holds whatever the case.

use super::*;
use crate::cases::{self, Case};
use crate::cases::CaseClock;
use exhibit_evidence::{Severity, Verdict};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("unique_credentials")
}

fn run(base: &Path, case: &Case, key: u8) -> (Observation, Vec<Judgement>) {
    let scope = Scope { base, environments: &case.environments, clock: &CaseClock, run_key: &[key; 32], engine: exhibit_detect::Engine::builtin(), own: crate::own::Own::default() };
    let collected = UniqueCredentials.collect(&scope, &case.settings).expect("collected");
    let judged =
        UniqueCredentials.judge(&collected.observation, &case.environments, &case.settings.policy).expect("judged");
    (collected.observation, judged)
}

fn case(name: &str) -> Case {
    Case::read(&folder().join("cases").join(name)).expect("the case reads")
}

/// `EXHIBIT_WRITE_CASES=1` records what the cases give; look at the difference before you commit.
#[test]
fn cases_give_what_is_expected() {
    let write = std::env::var_os("EXHIBIT_WRITE_CASES").is_some();
    let scratch = tempfile::tempdir().expect("temporary folder");
    let cases = cases::list(&folder()).expect("cases");
    assert!(cases.len() >= 12, "{} cases", cases.len());
    for path in cases {
        let case = Case::read(&path).expect("the case reads");
        UniqueCredentials.check_settings(&case.settings).expect("settings are in order");
        case.check(&UniqueCredentials, scratch.path(), write).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn names_of_cases_say_what_they_give() {
    for path in cases::list(&folder()).expect("cases") {
        let name = path.file_name().expect("named").to_string_lossy().into_owned();
        let (_, judged) = run(&path.join("input"), &case(&name), 7);
        let worst = Verdict::roll_up(judged.iter().map(Judgement::verdict));
        let wanted = match name.split('-').next().expect("a word") {
            "pass" => Verdict::Pass,
            "fail" | "example" => Verdict::Fail,
            "vacuous" => Verdict::Vacuous,
            _ => Verdict::Error,
        };
        assert_eq!(worst, wanted, "{name}");
        let checks: Vec<_> = judged.iter().map(|one| one.check.as_str()).collect();
        let manifest: exhibit_evidence::catalog::CollectorManifest =
            toml::from_str(include_str!("collector.toml")).expect("the manifest reads");
        let listed: Vec<_> = manifest.checks.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(checks, listed, "one judgement a check, in the manifest's order");
    }
}

/// Nothing that leaves depends on the run's key: otherwise it would tell something about values.
#[test]
fn another_key_gives_the_same_evidence_and_findings() {
    let case = case("example-company");
    let base = case.folder.join("input");
    let (first, judged) = run(&base, &case, 1);
    let (second, judged_again) = run(&base, &case, 2);
    assert_eq!(first, second);
    assert_eq!(judged, judged_again);
}

/// The faults that the example company was given, each noted, and at the right places.
#[test]
fn the_example_companys_faults_are_noted() {
    let case = case("example-company");
    let (_, judged) = run(&case.folder.join("input"), &case, 3);
    let found: Vec<String> = judged
        .iter()
        .flat_map(|judgement| &judgement.findings)
        .map(|one| {
            let key = one.place.key.as_deref().unwrap_or("-");
            let (_, check) = one.condition.as_str().split_once('.').expect("a check's id");
            format!("{check} {} {key} {}", one.environment, one.severity)
        })
        .collect();
    for expected in [
        "shared-across-environments production Secret/shop/postgres-auth/password critical",
        "reused-within-environment production Secret/shop/postgres-auth/password high",
        "nearly-equal production Secret/shop/api/JWT_SECRET high",
        "default-password production CronJob/shop/nightly/containers/nightly/env/AMQP_URL critical",
        "placeholder production Secret/shop/api/ENCRYPTION_KEY critical",
        "weak production GRAFANA_ADMIN_PASSWORD high",
        "missing-key production STRIPE_WEBHOOK_SECRET medium",
        "supplied-by-default staging services.api.environment.SESSION_SECRET high",
    ] {
        assert!(found.iter().any(|one| one == expected), "{expected} in {found:#?}");
    }
    // A severity that depends on nothing would say nothing.
    assert!(judged.iter().flat_map(|one| &one.findings).any(|one| one.severity != Severity::Critical));
}

/// Moving a credential to another line or file keeps its finding; removing one of several partners
/// keeps it too, with fewer instances.
#[test]
fn findings_outlive_edits() {
    let scratch = tempfile::tempdir().expect("temporary folder");
    let write = |name: &str, text: &str| {
        std::fs::write(scratch.path().join(name), text).expect("written");
    };
    let case = case("fail-near");
    let finding = |check: &str| {
        let (_, judged) = run(scratch.path(), &case, 4);
        let judgement = judged.into_iter().find(|one| one.check.as_str().ends_with(check));
        let mut findings = judgement.expect("judged").findings;
        assert_eq!(findings.len(), 1, "{findings:#?}");
        findings.remove(0)
    };
    write("production.env", "A_SECRET=Kx7Qv2Lm9Tz4Wb\n");
    write("staging.env", "A_SECRET=Kx7Qv2Lm9Tz4Wb\nB_SECRET=Kx7Qv2Lm9Tz4Wb\n");
    let before = finding("shared-across-environments");
    assert_eq!((before.instances, before.place.line), (2, Some(1)));
    write("production.env", "# moved\n\nA_SECRET=Kx7Qv2Lm9Tz4Wb\n");
    write("staging.env", "A_SECRET=Kx7Qv2Lm9Tz4Wb\nB_SECRET=Hd3Rn8Yj5Gc1Fp\n");
    let after = finding("shared-across-environments");
    assert_eq!((after.instances, after.place.line), (1, Some(3)));
    assert_eq!(before.fingerprint, after.fingerprint);
}

#[test]
fn an_unknown_environment_is_a_settings_problem() {
    let mut case = case("fail-near");
    case.environments.truncate(1);
    let base = case.folder.join("input");
    let scope = Scope { base: &base, environments: &case.environments, clock: &CaseClock, run_key: &[0; 32], engine: exhibit_detect::Engine::builtin(), own: crate::own::Own::default() };
    let error = UniqueCredentials.collect(&scope, &case.settings).err().expect("refused");
    let expected = "the job's settings: source.credentials.1.environment: expected one of the \
                    environments in the job's scope";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn facts_of_another_version_are_refused() {
    let case = case("fail-near");
    let (mut observation, _) = run(&case.folder.join("input"), &case, 5);
    observation.facts["version"] = 4.into();
    let policy = &case.settings.policy;
    let error = UniqueCredentials.judge(&observation, &case.environments, policy);
    let error = error.expect_err("refused");
    assert!(error.to_string().contains("version 4, expected 1 to 3"));
}

/// Every credential in a table of its own, as versions 1 and 2 wrote them, with its group's place.
fn tables(groups: &serde_json::Value) -> Vec<(serde_json::Value, serde_json::Map<String, serde_json::Value>)> {
    let mut tables = Vec::new();
    for group in groups.as_array().expect("a list") {
        for row in group["held"].as_array().expect("a list") {
            let mut one = group["alike"].as_object().expect("a table").clone();
            for (key, value) in [("name", &row[0]), ("line", &row[1]), ("key", &row[0])] {
                one.insert(key.to_owned(), value.clone());
            }
            one.extend(row.get(2).and_then(|own| own.as_object().cloned()).unwrap_or_default());
            tables.push((group.clone(), one));
        }
    }
    assert!(!tables.is_empty());
    tables
}

/// Evidence that was collected before: its checks are judged as ever, and newer ones say that it does not tell.
#[test]
fn facts_of_the_first_version_are_still_read() {
    let case = case("fail-shared");
    let (mut observation, judged) = run(&case.folder.join("input"), &case, 5);
    let mut flat = Vec::new();
    for (group, mut one) in tables(&observation.facts["credentials"]) {
        ["host", "from_example", "since", "readers"].iter().for_each(|newer| drop(one.remove(*newer)));
        for key in ["environment", "file", "origin"] {
            one.insert(key.to_owned(), group[key].clone());
        }
        flat.push(serde_json::Value::Object(one));
    }
    let facts = observation.facts.as_object_mut().expect("a table");
    facts.insert("version".to_owned(), 1.into());
    facts.insert("credentials".to_owned(), flat.into());
    facts.remove("connections");
    let again = UniqueCredentials.judge(&observation, &case.environments, &case.settings.policy).expect("judged");
    assert_eq!(again[..8], judged[..8]);
    let newer = again.iter().find(|one| one.check.as_str().ends_with("same-login-on-two-hosts")).expect("judged");
    assert_eq!(newer.verdict(), Verdict::Error);
}

/// Of all cases: what was written is what is read, and version 2, which had a table for each, says the same.
#[test]
fn facts_are_read_as_they_were_written() {
    let mut read = 0;
    for folder in cases::list(&folder()).expect("cases") {
        let case = case(folder.file_name().and_then(|name| name.to_str()).expect("a name"));
        let (mut observation, judged) = run(&case.folder.join("input"), &case, 5);
        let facts = facts::Facts::read(&observation.facts).expect("read");
        assert_eq!(serde_json::to_value(&facts).expect("facts"), observation.facts);
        if facts.credentials.is_empty() {
            continue;
        }
        let groups = tables(&observation.facts["credentials"]).into_iter().map(|(mut group, one)| {
            let group = group.as_object_mut().expect("a table");
            group.remove("alike");
            group.insert("held".to_owned(), vec![one].into());
            group.clone()
        });
        let groups: Vec<_> = groups.collect();
        observation.facts["credentials"] = groups.into();
        observation.facts["version"] = 2.into();
        let before = facts::Facts { version: 2, ..facts };
        assert_eq!(facts::Facts::read(&observation.facts).expect("read"), before);
        let again = UniqueCredentials.judge(&observation, &case.environments, &case.settings.policy);
        assert_eq!(again.expect("judged"), judged);
        read += 1;
    }
    assert!(read > 15, "{read}");
}

/// Evidence in which something is amiss is never judged a pass, whatever its facts say.
#[test]
fn evidence_that_does_not_add_up_is_an_error() {
    let case = case("pass");
    let (good, judged) = run(&case.folder.join("input"), &case, 6);
    // A case has no servers to log in to, and variable files do not say how old they are.
    let expected = |verdict| move |one: &Judgement| match one.verdict() {
        Verdict::NotApplicable => Verdict::NotApplicable,
        _ => verdict,
    };
    let passed: Vec<Verdict> = judged.iter().map(expected(Verdict::Pass)).collect();
    assert_eq!(judged.iter().map(Judgement::verdict).collect::<Vec<_>>(), passed);
    assert_eq!(passed.iter().filter(|verdict| **verdict == Verdict::Pass).count(), 12);
    let errors: Vec<Verdict> = judged.iter().map(expected(Verdict::Error)).collect();
    let verdicts = |observation: &Observation| -> Vec<Verdict> {
        let judged = UniqueCredentials.judge(observation, &case.environments, &case.settings.policy);
        judged.expect("judged").iter().map(Judgement::verdict).collect()
    };
    let mut more_exist = good.clone();
    for population in &mut more_exist.population {
        population.exist = population.exist.map(|count| count + 1);
    }
    let mut unknown = good.clone();
    unknown.population[3].exist = None;
    let mut none = good.clone();
    none.population.clear();
    let mut problem = good.clone();
    problem.problems.push(exhibit_evidence::observation::Problem {
        subject: None,
        code: "anything".to_owned(),
        message: "Something could not be found out.".to_owned(),
    });
    let mut excluded = good.clone();
    excluded.population[3].examined -= 1;
    excluded.population[3].excluded.push(exhibit_evidence::observation::Exclusion {
        code: "sealed".to_owned(),
        reason: "sealed".to_owned(),
        count: 1,
        examples: Vec::new(),
    });
    for observation in [more_exist, unknown, none, problem, excluded] {
        assert_eq!(verdicts(&observation), errors);
    }
    let mut no_subject = good;
    no_subject.subjects.clear();
    assert_eq!(verdicts(&no_subject), [Verdict::Vacuous; 16]);
}

mod breached;
mod vaults;

mod canaries {
    //! No planted value leaves, in no form: not in evidence, findings, errors or `Debug` output.

    use super::*;
    use base64::Engine as _;

    /// A value as it is, in base64 at each alignment, URL-encoded and in hexadecimal.
    fn forms(value: &str) -> Vec<String> {
        let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
        let percent: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let usual: String = value
            .bytes()
            .map(|byte| match byte {
                b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
                byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect();
        let mut forms = vec![value.to_owned(), hex.to_uppercase(), hex, percent.to_lowercase(), percent, usual];
        for before in 0..3 {
            let padded = [&vec![0; before][..], value.as_bytes()].concat();
            let text = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&padded);
            // Only the letters that hold bits of the value alone.
            forms.push(text[(before * 8).div_ceil(6)..padded.len() * 8 / 6].to_owned());
        }
        forms
    }

    fn assert_clean(what: &str, text: &str, planted: &[String]) {
        for canary in planted {
            for form in forms(canary) {
                assert!(!text.contains(&form), "{what} holds a form of a canary");
            }
        }
    }

    fn planted(folder: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(folder.join("canaries.txt")).expect("canaries");
        text.lines().map(str::to_owned).collect()
    }

    /// The whole input of a case as text, to see that the canaries are really there.
    fn input(folder: &Path, text: &mut String) {
        for entry in std::fs::read_dir(folder).expect("folder") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                input(&path, text);
            } else {
                text.push_str(&std::fs::read_to_string(path).expect("text"));
            }
        }
    }

    #[test]
    fn stay_inside() {
        let with_canaries: Vec<PathBuf> = cases::list(&folder()).expect("cases");
        let with_canaries = with_canaries.iter().filter(|case| case.join("canaries.txt").is_file());
        let names: Vec<&str> = with_canaries.filter_map(|case| case.file_name()?.to_str()).collect();
        assert!(names.len() >= 11, "{names:?}");
        for name in names {
            let case = case(name);
            let planted = planted(&case.folder);
            assert!(!planted.is_empty(), "{name}");
            let mut given = String::new();
            input(&case.folder.join("input"), &mut given);
            for canary in &planted {
                assert!(forms(canary).iter().any(|form| given.contains(form)), "{name} lacks a canary");
            }
            let (observation, judged) = run(&case.folder.join("input"), &case, 9);
            assert_clean(name, &serde_json::to_string(&observation).expect("JSON"), &planted);
            assert_clean(name, &serde_json::to_string(&judged).expect("JSON"), &planted);
            assert_clean(name, &format!("{observation:?} {judged:?}"), &planted);
        }
    }

    #[test]
    fn stay_inside_when_values_are_printed_for_debugging() {
        let case = case("example-company");
        let planted = planted(&case.folder);
        let root = Root::folder(&case.folder.join("input"));
        let settings = settings::SourceSettings::read(&case.settings.source).expect("settings");
        for source in &settings.credentials {
            let reading = source.open(&crate::sources::Surroundings { root: &root, clock: &CaseClock }).expect("opened").read().expect("read");
            assert!(!reading.credentials.is_empty());
            assert_clean("Debug", &format!("{reading:?}"), &planted);
        }
    }

    /// Every file of the example, cut off at every tenth byte: whatever error comes of it is clean.
    #[test]
    fn stay_inside_when_files_are_cut_off() {
        let case = case("example-company");
        let planted = planted(&case.folder);
        let scratch = tempfile::tempdir().expect("temporary folder");
        let files = [
            "docker-compose.yml",
            "docker-compose.staging.yml",
            "envs/staging.vars",
            "envs/staging.worker.env",
            "envs/production.tools.env",
            "k8s/production/secrets.yaml",
            "k8s/production/workloads.yaml",
        ];
        let read = |file: &str| std::fs::read(case.folder.join("input").join(file)).expect("read");
        let write = |file: &str, bytes: &[u8]| {
            let path = scratch.path().join(file);
            std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
            std::fs::write(path, bytes).expect("written");
        };
        files.iter().for_each(|file| write(file, &read(file)));
        let mut problems = 0;
        for file in files {
            let whole = read(file);
            for end in (0..whole.len()).step_by(37) {
                write(file, &whole[..end]);
                let (observation, judged) = run(scratch.path(), &case, 9);
                problems += observation.problems.len();
                assert_clean(file, &format!("{observation:?} {judged:?}"), &planted);
            }
            write(file, &whole);
        }
        assert!(problems > 20, "{problems} problems");
    }
}
