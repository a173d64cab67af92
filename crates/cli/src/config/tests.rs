//! Every file in `cases/` with exactly what is said about it, and the samples, which must be fine.

use std::collections::BTreeSet;
use std::path::Path;

use exhibit_collectors::{SettingProblem, Settings};

use super::diagnostic::Invalid;
use super::load::parse;
use super::settings::Collectors;
use super::*;

/// Stands for every secret in the cases; must never be shown.
const CANARY: &str = "fake-canary-4711";

/// Collectors as the cases imagine them.
pub(super) struct Imagined;

impl Collectors for Imagined {
    fn ids(&self) -> Vec<String> {
        ["ci_secrets", "no_default", "picky", "unique_credentials"].map(str::to_owned).to_vec()
    }

    fn default_fresh_for(&self, collector: &str) -> Option<String> {
        (collector != "no_default").then(|| "26h".to_owned())
    }

    fn beside_pushed(&self, collector: &str) -> &'static [&'static str] {
        if collector == "picky" { &["lists", "keep"] } else { &[] }
    }

    fn check(&self, collector: &str, _: &Settings) -> Result<(), Vec<SettingProblem>> {
        if collector != "picky" {
            return Ok(());
        }
        Err(vec![
            SettingProblem::new("source.paths.1", "expected a path that exists"),
            SettingProblem::new("source.deep.wrong", "expected nothing of this name"),
            SettingProblem::new("source.url", "expected a URL"),
            SettingProblem::new("policy.limit", "expected a number from 0"),
            SettingProblem::new("policy", "expected a key `rules`"),
            SettingProblem::new("policy.echo", "invalid type: string \"fake-canary-4711\", expected a map"),
        ])
    }
}

pub(super) fn read(text: &str) -> Result<Config, Invalid> {
    let file = Path::new("/srv/exhibit/exhibit.toml");
    parse(text, Path::new("exhibit.toml"), file, &Imagined)
}

pub(super) fn folder(name: &str) -> std::path::PathBuf {
    // The folder of this file, wherever it is compiled from.
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config").join(name)
}

#[test]
fn every_case_is_told_as_written_down() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path("cases");
    settings.set_omit_expression(true);
    let mut seen = BTreeSet::new();
    for entry in std::fs::read_dir(folder("cases")).expect("the cases") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        let text = std::fs::read_to_string(&path).expect("a case");
        let invalid = read(&text).err().unwrap_or_else(|| panic!("{name} is a mistake"));
        for said in [invalid.render(false), invalid.render(true), format!("{invalid:?}")] {
            assert!(!said.contains(CANARY), "{name} shows a secret: {said}");
        }
        settings.bind(|| insta::assert_snapshot!(name, invalid.render(false)));
        seen.extend(invalid.problems().iter().map(|problem| problem.code));
    }
    let expected = BTreeSet::from([
        "config.bad-address",
        "config.bad-archive",
        "config.bad-duration",
        "config.bad-id",
        "config.bad-origin",
        "config.bad-path",
        "config.bad-reference",
        "config.bad-schedule",
        "config.bad-setting",
        "config.bad-text",
        "config.bad-time-zone",
        "config.bad-word",
        "config.duplicate-id",
        "config.half-tls",
        "config.literal-secret",
        "config.missing-key",
        "config.no-environment",
        "config.not-exact",
        "config.out-of-range",
        "config.pushed-source",
        "config.same-role",
        "config.syntax",
        "config.undeclared-environment",
        "config.unknown-class",
        "config.unknown-collector",
        "config.unknown-key",
        "config.wrong-type",
    ]);
    assert_eq!(seen, expected, "each kind of mistake has a case, and each is known here");
}

#[test]
fn positions_count_from_one() {
    let invalid = read("[deployment]\nname = 1\n").expect_err("a wrong type");
    let problem = &invalid.problems()[0];
    assert_eq!(invalid.position(problem), (2, 8));
    assert!(invalid.to_string().contains("exhibit.toml:2:8"), "{invalid}");
}

#[test]
fn the_basic_sample_takes_every_default() {
    let config = read(include_str!("samples/basic.toml")).expect("fine");
    assert_eq!(config.deployment.time_zone, chrono_tz::UTC);
    assert_eq!(config.deployment.fiscal_year_start, 1);
    assert_eq!(config.deployment.grace_days, 5);
    assert_eq!(config.deployment.data_dir, Path::new("/srv/exhibit/.exhibit"));
    assert_eq!(config.archive.directory, Path::new("/srv/exhibit/.exhibit/archive"));
    assert_eq!(config.archive.retention.longest(), 7);
    assert!(config.database.is_none() && config.deployment.origin.is_none());
    let key = Path::new("/srv/exhibit/.exhibit/keys/log.key");
    assert!(matches!(&config.signing, Signing::Generated(path) if path == key));
    let job = config.jobs.iter().find(|job| job.id.as_str() == "ci-secrets").expect("the job");
    assert_eq!(job.fresh_for, chrono::TimeDelta::hours(26));
    assert_eq!(job.late_after, chrono::TimeDelta::hours(1));
    assert_eq!(config.environments[0].title, "production");
    assert_eq!(
        job.environments,
        config.environments.iter().map(|environment| environment.id.clone()).collect::<Vec<_>>()
    );
}

#[test]
fn the_full_sample_shows_every_key() {
    let config = read(include_str!("samples/full.toml")).expect("fine");
    assert_eq!(config.deployment.time_zone, chrono_tz::Europe::Berlin);
    assert_eq!(config.deployment.fiscal_year_start, 4);
    let database = config.database.as_ref().expect("a database");
    assert_eq!(database.url, SecretRef::Env("EXHIBIT_DATABASE_URL".into()));
    let line = include_str!("samples/full.toml").lines().position(|line| line.starts_with("url = ")).expect("the key");
    assert!(database.url_place.to_string().starts_with("`[database] url` ("), "{}", database.url_place);
    assert_eq!(database.url_place.line, line + 1);
    assert_eq!(config.archive.directory, Path::new("/srv/exhibit/archive"));
    let key = SecretRef::File("/srv/exhibit/keys/log.key".into());
    assert!(matches!(&config.signing, Signing::Given(given) if *given == key));
    let environments: Vec<_> =
        config.environments.iter().map(|known| (known.title.as_str(), known.disposable)).collect();
    assert_eq!(environments, [("Production", false), ("Staging", true)]);
    let job = config.jobs.iter().find(|job| job.id.as_str() == "unique-credentials").expect("the job");
    assert_eq!(format!("{:?}", job.environments), "[production, staging]");
    assert_eq!(job.settings.policy["minimum_length"].as_integer(), Some(16));
}

#[test]
fn the_samples_suit_the_real_collectors() {
    let registry = exhibit_collectors::Registry::built_in().expect("manifests in order");
    for text in [include_str!("samples/basic.toml"), include_str!("samples/full.toml")] {
        let file = Path::new("/srv/exhibit/exhibit.toml");
        if let Err(invalid) = parse(text, Path::new("sample"), file, &registry) {
            panic!("{invalid}");
        }
    }
}

#[test]
fn the_digest_is_of_the_meaning_not_of_the_text() {
    let text = include_str!("samples/full.toml");
    let digest = read(text).expect("fine").digest();
    let bare: String = text
        .lines()
        .map(|line| line.split(" #").next().unwrap_or_default().to_owned() + "\n")
        .filter(|line| !line.starts_with('#') && !line.contains("late_after"))
        .collect();
    assert_ne!(bare, text);
    assert_eq!(read(&bare).expect("fine").digest(), digest, "comments and defaults");
    let elsewhere = parse(text, Path::new("x"), Path::new("/other/x.toml"), &Imagined);
    assert_eq!(elsewhere.expect("fine").digest(), digest, "another folder");
    for (from, to) in [
        ("grace_days = 5", "grace_days = 6"),
        ("minimum_length = 16", "minimum_length = 17"),
        ("env:EXHIBIT_DATABASE_URL", "env:OTHER_DATABASE_URL"),
        ("title = \"Production\"", "title = \"Prod\""),
        ("0 2 * * *", "0 3 * * *"),
    ] {
        let changed = text.replace(from, to);
        assert_ne!(read(&changed).expect("fine").digest(), digest, "{to}");
    }
}

#[test]
fn a_file_that_is_not_there_is_said() {
    let dir = tempfile::tempdir().expect("a folder");
    let error = load(&dir.path().join(FILE_NAME), &Imagined).expect_err("absent");
    assert!(matches!(error, ConfigError::Absent(_)), "{error}");
    let error = load(dir.path(), &Imagined).expect_err("a folder");
    assert!(matches!(error, ConfigError::Unreadable { .. }), "{error}");
}

mod torn {
    //! Files torn in many ways never show a secret that stands under a key that says so.

    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = include_str!("samples/full.toml");
    const TOKENS: [&str; 14] = ["\"", "'", "'\\''", "[", "]", "{", "}", "=", ",", "#", "\n", "[[x", "é", "a = 1\n"];
    const LINES: [&str; 8] = [
        "password = \"fake-canary-4711\"\n",
        "token = 'fake-canary-4711' x\n",
        "api_key = fake-canary-4711\n",
        "url = \"fake-canary-4711\"\n",
        "x = { secret = \"fake-canary-4711\" }\n",
        "secret = [\n\"fake-canary-4711\"\n]\n",
        "private_key = \"\"\"\nfake-canary-4711\n\"\"\"\n",
        "# password: fake-canary-4711\n",
    ];

    proptest! {
        #[test]
        fn no_torn_file_shows_a_secret(
            line in 0..LINES.len(),
            at in 0..TEXT.lines().count(),
            tears in prop::collection::vec((0..TEXT.len(), 0..TOKENS.len()), 0..4),
        ) {
            let mut text = String::new();
            let mut offset = 0;
            for (index, original) in TEXT.split_inclusive('\n').enumerate() {
                if index == at {
                    text.push_str(LINES[line]);
                }
                let mut torn = original.to_owned();
                for (place, token) in &tears {
                    if let Some(inside) = place.checked_sub(offset).filter(|at| *at < torn.len())
                        && torn.is_char_boundary(inside)
                    {
                        torn.insert_str(inside, TOKENS[*token]);
                    }
                }
                offset += original.len();
                text.push_str(&torn);
            }
            if let Err(invalid) = read(&text) {
                let said = invalid.render(false);
                prop_assert!(!said.contains(CANARY), "{said}");
            }
        }
    }
}
