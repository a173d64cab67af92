//! The collector over real repositories: its cases, what it refuses, what it counts, and that no value leaves it.

use super::recognise::Recogniser;
use super::repository::{self, RepositoryError};
use super::{CiSecrets, collect, count, fixture, walk};
use crate::cases::{self, Case};
use crate::{Collector, Scope, Settings};
use exhibit_detect::RunKey;
use crate::cases::CaseClock;
use exhibit_evidence::deployment::Environment;
use exhibit_evidence::{EnvironmentId, Verdict};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ci_secrets")
}

fn means(key: &RunKey) -> super::examine::Means<'_> {
    static SEARCH: std::sync::LazyLock<exhibit_detect::Search<'static>> =
        std::sync::LazyLock::new(|| super::examine::search(exhibit_detect::Engine::builtin()));
    super::examine::Means { search: &SEARCH, engine: exhibit_detect::Engine::builtin(), key }
}

/// Set `EXHIBIT_WRITE_CASES` to record what is found as what is expected.
#[test]
fn cases_give_what_they_say() {
    let write = std::env::var_os("EXHIBIT_WRITE_CASES").is_some();
    let cases = cases::list(&folder()).unwrap();
    assert!(cases.len() >= 7);
    for case in cases {
        let scratch = tempfile::tempdir().unwrap();
        Case::read(&case).unwrap().check(&CiSecrets, scratch.path(), write).unwrap();
    }
}

#[test]
fn the_self_test_passes() {
    let result = CiSecrets.self_test(exhibit_detect::Engine::builtin());
    assert!(result.passed, "{}", result.detail);
}

fn run(base: &Path, source: &str) -> (String, Vec<Verdict>) {
    let environments =
        [Environment { id: EnvironmentId::new("production").unwrap(), title: "Production".into(), disposable: false }];
    let scope = Scope { base, environments: &environments, clock: &CaseClock, run_key: &[9; 32], engine: exhibit_detect::Engine::builtin(), own: crate::own::Own::default() };
    let settings = Settings { source: toml::from_str(source).unwrap(), policy: toml::Table::new() };
    let collected = CiSecrets.collect(&scope, &settings).unwrap();
    let judgements = CiSecrets.judge(&collected.observation, &environments, &settings.policy).unwrap();
    let text = format!(
        "{}\n{}\n{:?}\n{judgements:?}",
        serde_json::to_string(&collected.observation).unwrap(),
        serde_json::to_string(&judgements).unwrap(),
        collected.observation
    );
    (text, judgements.iter().map(exhibit_evidence::assessment::Judgement::verdict).collect())
}

const APP: &str = "repositories = [{ id = \"app\", path = \"app\" }]";

#[test]
fn no_planted_value_leaves_the_collector_in_any_form() {
    use base64::Engine as _;
    let planted = [
        "kQ9-canary-One77",
        "zT4-canary-Two88",
        "ghp_FakeExhibitValue0NotARealKey70ABCDEF",
        "mN3-canary-Three9",
        "pL8-canary-Four55",
        "vX2-canary-Five33",
        "bH6-canary-Six22x",
        "aa77Canary0SegmentAsFolder0Name99",
    ];
    let [key, script, token, url, history, malformed, name, segment] = planted;
    let files: [BTreeMap<String, String>; 2] = [
        [(".github/workflows/ci.yml".to_owned(), format!("env:\n  API_TOKEN: {history}\n"))].into(),
        [
            (
                ".github/workflows/ci.yml".to_owned(),
                format!(
                    "env:\n  API_TOKEN: {key}\n  DATABASE_URL: postgres://app:{url}@db.example.org/app\njobs:\n  a:\n    steps:\n      - name: 'deploy with {token}'\n        run: |\n          export DEPLOY_PASSWORD={script}\n          echo {token}\n      - name: https://u:{name}@example.org\n        env: {{SOME_SECRET: {key}}}\n"
                ),
            ),
            (format!(".gitlab/{segment}/x.gitlab-ci.yml"), format!("a: [\nSIGNING_SECRET: {malformed}\n")),
        ]
        .into(),
    ];
    let commits = files.map(|files| fixture::CommitDescription { files, ..Default::default() });
    let scratch = tempfile::tempdir().unwrap();
    fixture::build(
        &fixture::Description { commits: commits.into(), ..Default::default() },
        &scratch.path().join("app"),
    )
    .unwrap();
    let (text, verdicts) = run(scratch.path(), APP);
    assert_eq!(verdicts, [Verdict::Fail; 3]);
    for value in planted {
        let forms = [
            value.to_owned(),
            base64::engine::general_purpose::STANDARD.encode(value),
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value),
            value.bytes().map(|byte| format!("{byte:02x}")).collect(),
            value.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        ];
        for form in forms {
            assert!(!text.contains(&form), "a form of {value} is in what left the collector");
        }
    }
    // The raw search is only worth something if the places are told.
    for place in ["env.API_TOKEN", "run:DEPLOY_PASSWORD", "(password in a URL)", "SIGNING_SECRET"] {
        assert!(text.contains(place), "{place}");
    }
}

/// Every reader has to give up looking for what is never closed: one of quadratic effort would not end here.
#[test]
fn hostile_files_are_read_to_their_end() {
    use super::recognise::Syntax;
    for piece in [
        "$(",
        "${",
        "${{",
        "`",
        "<< ",
        "'",
        "\"",
        "){",
        "value: 'x' ",
        "/*",
        "A_TOKEN=hunter22\n",
        "- [",
        "a: &a *a\n",
        "://u:p@",
        "\\",
    ] {
        let text = piece.repeat(60_000 / piece.len());
        let nested = format!("run: |\n  A_TOKEN={text}\n");
        for syntax in [Syntax::Yaml, Syntax::Groovy, Syntax::Shell] {
            super::examine::content(text.as_bytes(), Some(syntax), means(&RunKey::new([1; 32])));
            super::examine::content(nested.as_bytes(), Some(syntax), means(&RunKey::new([1; 32])));
        }
    }
}

#[test]
fn one_token_at_two_places_is_two_findings_of_a_token() {
    let text = b"env:\n  A_TOKEN: ghp_FakeExhibitValue0NotARealKey70ABCDEF\n  B_TOKEN: ghp_FakeExhibitValue0NotARealKey70ABCDEF\n";
    let examined = super::examine::content(text, Some(super::recognise::Syntax::Yaml), means(&RunKey::new([1; 32])));
    let places: Vec<_> = examined.hits.iter().map(|hit| (hit.key_path.as_str(), hit.rule.as_str())).collect();
    assert_eq!(places, [("env.A_TOKEN", "github.personal-token"), ("env.B_TOKEN", "github.personal-token")]);
}

#[test]
fn settings_are_refused_without_repeating_a_value() {
    let settings = Settings {
        source: toml::from_str("repositories = [{ id = \"app\", path = 7, token = \"hunter22\" }]").unwrap(),
        policy: toml::from_str("accept = [\"ci-secrets.known-token\"]").unwrap(),
    };
    let problems = CiSecrets.check_settings(&settings).unwrap_err();
    assert_eq!(problems.len(), 2);
    assert!(!format!("{problems:?}").contains("hunter22"));
    let good = Settings { source: toml::from_str(APP).unwrap(), policy: toml::Table::new() };
    assert!(CiSecrets.check_settings(&good).is_ok());
}

fn git(folder: &Path, arguments: &[&str]) -> bool {
    Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["-c", "user.name=Case", "-c", "user.email=case@example.org", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap_or_else(|error| panic!("git: {error}"))
        .status
        .success()
}

#[test]
fn what_git_itself_makes_and_libgit2_cannot_see_in_full_is_refused_by_name() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    fixture::build(
        &fixture::Description {
            commits: vec![
                fixture::CommitDescription {
                    files: [(".gitlab-ci.yml".to_owned(), "a: {script: b}".to_owned())].into(),
                    ..Default::default()
                };
                3
            ],
            ..Default::default()
        },
        &at("whole"),
    )
    .unwrap();
    let url = format!("file://{}", at("whole").display());
    assert!(git(&at("whole"), &["config", "uploadpack.allowFilter", "true"]));
    assert!(git(scratch.path(), &["clone", "-q", "--depth", "1", &url, "shallow"]));
    assert!(git(scratch.path(), &["clone", "-q", "--no-checkout", "--filter=blob:none", &url, "partial"]));
    assert!(git(scratch.path(), &["init", "-q", "--object-format=sha256", "sha256"]));
    assert!(git(scratch.path(), &["init", "-q", "--ref-format=reftable", "reftable"]));
    std::fs::create_dir(at("empty")).unwrap();
    assert!(repository::open(&at("whole")).is_ok());
    let refused = |name: &str| repository::open(&at(name)).err();
    assert_eq!(refused("shallow"), Some(RepositoryError::Shallow));
    assert!(matches!(refused("partial"), Some(RepositoryError::Partial { .. })), "{:?}", refused("partial"));
    assert_eq!(refused("sha256"), Some(RepositoryError::Sha256));
    assert_eq!(refused("reftable"), Some(RepositoryError::Reftable));
    assert_eq!(refused("empty"), Some(RepositoryError::NotARepository));
    assert_eq!(refused("absent"), Some(RepositoryError::NotARepository));
}

#[test]
fn a_missing_object_is_an_error_that_names_it() {
    let scratch = tempfile::tempdir().unwrap();
    let secret_name = "aa77Canary0SegmentAsFolder0Name99";
    let files = [(format!(".gitlab/{secret_name}/x.yml"), "a: {script: b}".to_owned())];
    let description = fixture::Description {
        commits: vec![fixture::CommitDescription { files: files.into(), ..Default::default() }],
        ..Default::default()
    };
    fixture::build(&description, &scratch.path().join("app")).unwrap();
    let blob = git2::Oid::hash_object(git2::ObjectType::Blob, b"a: {script: b}").unwrap().to_string();
    std::fs::remove_file(scratch.path().join("app/.git/objects").join(&blob[..2]).join(&blob[2..])).unwrap();
    let (text, verdicts) = run(scratch.path(), APP);
    assert_eq!(verdicts, [Verdict::Error; 3]);
    assert!(text.contains("missing-object") && text.contains(&blob) && !text.contains(secret_name));
    assert!(!text.contains(&scratch.path().display().to_string()), "a path of the machine is in the evidence");
}

#[test]
fn a_repository_of_another_user_is_refused_with_its_owner() {
    let owner = RepositoryError::ForeignOwner { owner: "user id 1234".to_owned() }.to_string();
    assert!(owner.contains("user id 1234") && owner.contains("safe.directory"));
}

#[test]
fn what_only_a_stash_a_note_a_tag_or_a_detached_head_keeps_alive_is_seen() {
    let scratch = tempfile::tempdir().unwrap();
    let app = scratch.path().join("app");
    let files = [(".gitlab-ci.yml".to_owned(), "a: {script: b}".to_owned())];
    fixture::build(
        &fixture::Description {
            commits: vec![fixture::CommitDescription { files: files.into(), ..Default::default() }],
            ..Default::default()
        },
        &app,
    )
    .unwrap();
    assert!(git(&app, &["reset", "-q", "--hard"]));
    let write = |text: &str| std::fs::write(app.join(".gitlab-ci.yml"), format!("variables: {{{text}}}")).unwrap();
    write("FIRST_SECRET: aB3-literal-One1");
    assert!(git(&app, &["stash", "-q"]));
    write("SECOND_SECRET: aB3-literal-Two2");
    assert!(git(&app, &["stash", "-q"]));
    write("TAGGED_SECRET: aB3-literal-Tag3");
    assert!(
        git(&app, &["checkout", "-q", "--detach"])
            && git(&app, &["commit", "-qam", "x"])
            && git(&app, &["tag", "-am", "x", "v1"])
    );
    write("DETACHED_SECRET: aB3-literal-Det4");
    assert!(git(&app, &["commit", "-qam", "y"]));
    write("TREE_SECRET: aB3-literal-Tre5");
    assert!(git(&app, &["add", "-A"]));
    let tree = Command::new("git").arg("-C").arg(&app).arg("write-tree").output().unwrap();
    assert!(git(&app, &["tag", "a-tree", String::from_utf8(tree.stdout).unwrap().trim()]));
    assert!(git(&app, &["reset", "-q", "--hard"]));
    let (text, verdicts) = run(scratch.path(), APP);
    assert_eq!(verdicts, [Verdict::Fail, Verdict::Pass, Verdict::Fail]);
    for name in ["FIRST", "SECOND", "TAGGED", "DETACHED", "TREE"] {
        assert!(text.contains(&format!("variables.{name}_SECRET")), "{name}");
    }
}

/// What a brute-force look at every commit's whole tree sees: versions, and for each the commits that carry it.
fn brute_force(
    repository: &git2::Repository,
    recogniser: &Recogniser,
) -> BTreeMap<(String, git2::Oid), BTreeSet<git2::Oid>> {
    let mut seen: BTreeMap<(String, git2::Oid), BTreeSet<git2::Oid>> = BTreeMap::new();
    let mut revwalk = repository.revwalk().unwrap();
    revwalk.push_glob("*").unwrap();
    for id in revwalk {
        let id = id.unwrap();
        let tree = repository.find_commit(id).unwrap().tree().unwrap();
        tree.walk(git2::TreeWalkMode::PreOrder, |folder, entry| {
            let path = format!("{folder}{}", entry.name().unwrap());
            if entry.kind() == Some(git2::ObjectType::Blob) && recogniser.path(&path).is_some() {
                seen.entry((path, entry.id())).or_default().insert(id);
            }
            git2::TreeWalkResult::Ok
        })
        .unwrap();
    }
    seen
}

fn step() -> impl Strategy<Value = fixture::CommitDescription> {
    let path = prop::sample::select(vec![
        ".gitlab-ci.yml",
        "a/.gitlab-ci.yml",
        ".github/workflows/x.yml",
        ".github/workflows/deep/x.yml",
        "a/b/Jenkinsfile",
        "a/b/any.yaml",
        "src/x.rs",
        ".ci/one",
        ".ci/deep/two",
    ]);
    let branch = prop::sample::select(vec!["main", "one", "two"]);
    let files = prop::collection::btree_map(path.clone().prop_map(str::to_owned), "[ab]{0,2}", 0..3);
    (branch, files, prop::option::of(path), prop::option::of(Just("one".to_owned()))).prop_map(
        |(branch, files, remove, merge)| fixture::CommitDescription {
            branch: Some(branch.to_owned()),
            from: Some("main".to_owned()),
            merge,
            files,
            remove: remove.into_iter().map(str::to_owned).collect(),
            ..Default::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_walk_and_the_count_agree_with_brute_force(commits in prop::collection::vec(step(), 1..12)) {
        let scratch = tempfile::tempdir().unwrap();
        fixture::build(&fixture::Description { commits, ..Default::default() }, &scratch.path().join("app")).unwrap();
        let repository = repository::open(&scratch.path().join("app")).unwrap();
        let configured = [".ci/**".to_owned()];
        let recogniser = Recogniser::new(&configured);
        let expected = brute_force(&repository, &recogniser);
        let (tips, _) = repository::tips(&repository).unwrap();
        let history = walk::walk(&repository, &tips, &recogniser).unwrap();
        let position: BTreeMap<git2::Oid, u32> = (0..).zip(&history.commits).map(|(index, point)| (point.id, index)).collect();
        let found: BTreeMap<(String, git2::Oid), (u64, u32, u32)> = history
            .versions
            .iter()
            .map(|version| ((version.path.to_string(), version.blob), (version.carriers.count, version.carriers.first, version.carriers.last)))
            .collect();
        let expected: BTreeMap<_, _> = expected
            .into_iter()
            .map(|(key, commits)| {
                let at: Vec<u32> = commits.iter().map(|id| position[id]).collect();
                (key, (commits.len() as u64, *at.iter().min().unwrap(), *at.iter().max().unwrap()))
            })
            .collect();
        prop_assert_eq!(&found, &expected);
        let counted = count::count(&repository, &[], &recogniser).unwrap();
        prop_assert_eq!(counted.by_path + counted.perhaps_by_content, expected.len() as u64);
        prop_assert_eq!(counted.commits, history.commits.len() as u64);
        let looked = collect::look(&scratch.path().join("app"), &configured, means(&RunKey::new([1; 32]))).unwrap();
        prop_assert_eq!(looked.history.versions.len(), expected.len());
        prop_assert_eq!(looked.count, counted);
        prop_assert!(looked.history.versions.iter().all(|version| looked.answers.contains_key(&super::examine::answer_key(version))));
    }

    #[test]
    fn no_bytes_make_a_reader_fail(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "[ -~\n\"'$({\\[]{0,200}") {
        use super::recognise::Syntax;
        for syntax in [None, Some(Syntax::Yaml), Some(Syntax::Groovy), Some(Syntax::Shell)] {
            for input in [bytes.as_slice(), text.as_bytes()] {
                super::examine::content(input, syntax, means(&RunKey::new([1; 32])));
            }
        }
    }
}

/// What the engine's families and decoders add to what the readers understand, and what they must not.
#[test]
fn names_and_encodings_beside_what_is_understood() {
    let token = "ghp_FakeExhibitValue0NotARealKey70ABCDEF";
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("token {token} of the robot"));
    let told = |text: &str| -> Vec<(String, String)> {
        let key = RunKey::new([1; 32]);
        let examined = super::examine::content(text.as_bytes(), Some(super::recognise::Syntax::Yaml), means(&key));
        examined.hits.into_iter().map(|hit| (hit.rule, hit.key_path)).collect()
    };
    for (text, expected) in [
        // Understood by the reader: under its own rule, as ever, and once.
        ("env:\n  DB_PASSWORD: kV9tq2Lw0xZ8\n".to_owned(), vec![("literal.key", "env.DB_PASSWORD")]),
        ("env:\n  A: x # DB_PASSWORD=kV9tq2Lw0xZ8\n".to_owned(), vec![("generic.password", "env.A")]),
        ("# client_secret: q8Zr4Wm1Xc7Vb2Nn5Kj9\na: b\n".to_owned(), vec![("generic.secret", "(comment)")]),
        (format!("env:\n  SETUP: {base64}\n"), vec![("github.personal-token", "env.SETUP")]),
        // A finding keeps its name, whatever else is seen in its value.
        (format!("env:\n  SETUP_TOKEN: {base64}\n"), vec![("literal.key", "env.SETUP_TOKEN")]),
        // Where an address of a secret or an encrypted value stands, a name says nothing.
        ("env:\n  API_TOKEN:\n    secure: q8Zr4Wm1Xc7Vb2Nn5Kj9\n".to_owned(), vec![]),
        ("secrets-manager:\n  API_TOKEN: q8Zr4Wm1Xc7Vb2Nn5Kj9\n".to_owned(), vec![]),
        ("env:\n  DB_PASSWORD: ${{ secrets.DB_PASSWORD }}\n".to_owned(), vec![]),
    ] {
        let expected: Vec<(String, String)> =
            expected.into_iter().map(|(rule, key)| (rule.to_owned(), key.to_owned())).collect();
        assert_eq!(told(&text), expected, "{text}");
    }
}

/// A team's own rules are searched by as well, and the evidence says which rules there were.
#[test]
fn own_rules_are_searched_by_and_named() {
    let rules = "provider = 'Acme'\nreferences = ['https://docs.acme.example']\n[[rule]]\nid = 'acme.order-key'\ntitle = 'Acme order key'\n\
        description = 'Reads orders.'\nseverity = 'low'\nkeywords = ['acmeord_']\npattern = '\\b(acmeord_[a-z0-9]{24})\\b'\n\
        examples = ['acmeord_q8zr4wm1xc7vb2nn5kj9fake', 'x acmeord_fake5kj9nn2bvc7xm1wq4z8r']\ncounter_examples = ['acmeord_', 'acmeord_1']\n";
    let engine = exhibit_detect::validate_own(exhibit_detect::Rule::from_toml(rules, "own.toml").unwrap()).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let text = "jobs:\n  a:\n    steps:\n      - run: deploy acmeord_wm1xc7vb2nn5kj9fakeq8zr4\n";
    let files = [(".github/workflows/ci.yml".to_owned(), text.to_owned())].into();
    let commit = fixture::CommitDescription { files, ..Default::default() };
    let description = fixture::Description { commits: vec![commit], ..Default::default() };
    fixture::build(&description, &scratch.path().join("app")).unwrap();
    let environments =
        [Environment { id: EnvironmentId::new("production").unwrap(), title: String::new(), disposable: false }];
    let settings = Settings { source: toml::from_str(APP).unwrap(), policy: toml::Table::new() };
    for (engine, expected) in [(&engine, vec!["acme.order-key"]), (exhibit_detect::Engine::builtin(), vec![])] {
        let scope = Scope {
            base: scratch.path(),
            environments: &environments,
            clock: &CaseClock,
            run_key: &[9; 32],
            engine,
            own: crate::own::Own::default(),
        };
        let observation = CiSecrets.collect(&scope, &settings).unwrap().observation;
        assert_eq!(observation.tool.rule_pack, Some(exhibit_evidence::Digest(engine.rule_pack_digest())));
        let judgements = CiSecrets.judge(&observation, &environments, &settings.policy).unwrap();
        let told: Vec<_> =
            judgements.iter().flat_map(|one| &one.findings).filter_map(|one| one.place.rule.as_deref()).collect();
        assert_eq!(told, expected);
    }
}
