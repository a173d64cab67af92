//! `exhibit init`: what it writes works unchanged, with `check` and with `run`, wherever it was started.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{PermissionsExt as _, symlink},
    },
    path::Path,
    process::Command,
};

use exhibit_collectors::Registry;
use exhibit_tests::{Example, Needles};
use serde_json::Value;

use super::{Place, ends_with, exhibit, json, output};

/// The repository that these tests belong to.
const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn git(folder: &Path, arguments: &[&str]) {
    let done = Command::new("git").args(arguments).current_dir(folder).output().expect("git runs");
    assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Lays files out in a folder.
fn lay_out(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("files lie in folders")).expect("a folder");
        fs::write(path, text).expect("written");
    }
}

fn texts<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    list.as_array().expect("a list").iter().filter_map(|item| item[key].as_str()).collect()
}

/// What was left out, as `path: why`.
fn left_out(made: &Value) -> Vec<String> {
    let reasons = made["left_out"].as_array().expect("a list");
    let told = |reason: &Value| {
        let paths = reason["paths"].as_array().expect("a list").clone();
        let why = reason["why"].as_str().expect("a reason").to_owned();
        paths.into_iter().map(move |path| format!("{}: {why}", path.as_str().expect("a path")))
    };
    reasons.iter().flat_map(told).collect()
}

/// Every job by name, each once; what is due may be nothing yet. Gives the verdicts.
fn perform(folder: &Path, jobs: &[&str]) -> Vec<Value> {
    ends_with(0, folder, &["check"]);
    let ran = output(folder, &["run", "--format", "json"]);
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    let ran = output(folder, &[&["run", "--format", "json"], jobs].concat());
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(matches!(ran.status.code(), Some(0 | 1)), "{said}");
    let done: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    let slots = done["slots"].as_array().expect("a list").clone();
    assert_eq!(slots.len(), jobs.len());
    assert!(slots.iter().all(|slot| slot["evidence"].is_string()), "{slots:?}");
    slots.iter().map(|slot| slot["verdict"].clone()).collect()
}

#[test]
fn the_example_companys_faults_are_found() {
    let place = Place::new();
    let company = Example::new("shop", "unique_credentials", "example-company");
    company.lay_out(&Registry::built_in().expect("manifests in order"), place.path());
    let shop = place.join("shop");
    git(&shop, &["init", "--quiet"]);
    let made = json(0, &shop, &["init", "--format", "json"]);
    assert_eq!(
        made["jobs"],
        serde_json::json!(["ci-secrets", "repository-secrets", "unique-credentials", "worm-archive"])
    );
    assert_eq!(texts(&made["environments"], "id"), ["production", "staging"]);
    let verdicts = perform(&shop, &["unique-credentials", "ci-secrets", "worm-archive"]);
    assert_eq!(
        verdicts,
        ["fail", "vacuous", "vacuous"],
        "the company has faults, its new repository no commit, its archive nothing"
    );

    // The job for the custody of keys stands there for people to finish: by the name that was found, and in order as it is.
    let text = fs::read_to_string(shop.join("exhibit.toml")).expect("written");
    let (before, after) = text.split_once("# id = \"key-custody\"").expect("it is there");
    let (job, after) = after.split_once("\n\n# Secrets and personal data").expect("the next job");
    assert!(job.contains("# name = \"ENCRYPTION_KEY\"\n"), "{job}");
    let job: Vec<&str> = job.lines().map(|line| line.trim_start_matches("# ")).collect();
    let before = before.trim_end().strip_suffix("# [[jobs]]").expect("its head");
    let finished = format!("{before}[[jobs]]\nid = \"key-custody\"{}\n\n# {after}", job.join("\n"));
    fs::write(shop.join("finished.toml"), finished).expect("written");
    ends_with(0, &shop, &["check", "--config", "finished.toml"]);

    // Neither what is printed nor what is written holds one of the company's values.
    let needles = Needles::new(&company.canaries());
    let told = output(&shop, &["init", "--force", "-vv"]);
    assert!(told.status.success(), "{told:?}");
    let written = fs::read(shop.join("exhibit.toml")).expect("written");
    let found = needles.found_in(&[told.stdout, told.stderr, written].concat());
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn this_repository_is_looked_at() {
    let place = Place::new();
    let clone = place.join("clone");
    let from = Path::new(REPOSITORY).canonicalize().expect("it is there");
    let from = from.to_str().expect("UTF-8");
    git(place.path(), &["-c", "safe.directory=*", "clone", "--quiet", "--no-hardlinks", from, "clone"]);
    let made = json(0, &clone, &["init", "--format", "json"]);
    assert_eq!(made["complete"], true);
    assert!(texts(&made["found"], "path").contains(&".ci/run"), "{made}");
    assert!(made["jobs"].as_array().expect("a list").contains(&"ci-secrets".into()));
    let text = fs::read_to_string(clone.join("exhibit.toml")).expect("written");
    assert!(text.contains("ci_paths = [\".ci/**\"]"), "{text}");
    let verdicts = perform(&clone, &["ci-secrets"]);
    assert_eq!(verdicts, ["pass"]);
}

#[test]
fn where_nothing_is_nothing_is_made_up() {
    let place = Place::new();
    let made = json(0, place.path(), &["init", "--format", "json"]);
    assert_eq!(made["jobs"], serde_json::json!([]));
    let text = fs::read_to_string(place.join("exhibit.toml")).expect("written");
    for line in [
        "# [[jobs]]",
        "# collector = \"ci_secrets\"",
        "# collector = \"unique_credentials\"",
        "# collector = \"key_custody\"",
        "# collector = \"dependency_scan\"",
        "# collector = \"static_analysis\"",
        "# collector = \"container_scan\"",
        "# collector = \"sbom\"",
        "# Not covered",
    ] {
        assert!(text.lines().any(|found| found.starts_with(line)), "{line} is not in\n{text}");
    }
    ends_with(0, place.path(), &["check"]);
    let ran = output(place.path(), &["run"]);
    assert_eq!(ran.status.code(), Some(0));
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(said.contains("Nothing is configured to be collected"), "{said}");

    // With the comment signs of its jobs taken away, the file is a configuration still.
    let mut examples = false;
    let lines = text.lines().map(|line| {
        let bare = line.strip_prefix("# ").filter(|bare| bare.starts_with('[') || (examples && bare.contains(" = ")));
        examples = bare.is_some();
        bare.unwrap_or(line)
    });
    let uncommented = lines.collect::<Vec<_>>().join("\n");
    assert_ne!(uncommented, text);
    fs::write(place.join("other.toml"), uncommented).expect("written");
    ends_with(0, place.path(), &["check", "--config", "other.toml"]);
}

#[test]
fn what_is_there_stays() {
    let place = Place::new();
    fs::write(place.join("exhibit.toml"), "mine").expect("written");
    let refused = output(place.path(), &["init"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--force"));
    assert_eq!(fs::read_to_string(place.join("exhibit.toml")).expect("text"), "mine");
    let made = json(0, place.path(), &["init", "--force", "--format", "json"]);
    assert!(made["kept"].as_str().is_some_and(|kept| kept.ends_with("exhibit.toml.bak")), "{made}");
    assert_eq!(fs::read_to_string(place.join("exhibit.toml.bak")).expect("text"), "mine");
    ends_with(2, place.path(), &["init", "--dir", "nowhere"]);
}

/// Puts a program where only a person's own `PATH` leads to it.
fn program(place: &Place, name: &str, script: &str) {
    let path = place.join("bin").join(name);
    lay_out(place.path(), &[(&format!("bin/{name}"), script)]);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("ours");
}

/// Runs it where `bin` is on the `PATH`, and no database of anybody lies.
fn with_own_programs(place: &Place, folder: &Path, arguments: &[&str]) -> Value {
    let ended = exhibit(folder, arguments)
        .env("PATH", format!("{}:/usr/bin:/bin", place.join("bin").display()))
        .env("HOME", place.join("home"))
        .output()
        .expect("the program starts");
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
    serde_json::from_slice(&ended.stdout).expect("JSON")
}

#[test]
fn scans_are_written_for_the_scanners_that_lie_ready() {
    let place = Place::new();
    let top = place.join("shop");
    lay_out(
        &top,
        &[
            ("requirements.txt", "django==5.2.1\nflask==3.1.0\n"),
            ("tests/requirements.txt", "left-alone==1.0\n"),
            ("web/bun.lock", "{}"),
            ("Dockerfile", "FROM scratch\n"),
        ],
    );
    git(&top, &["init", "--quiet"]);
    git(&top, &["add", "."]);
    git(&top, &["-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", "First"]);
    // It says as the real one does what it was asked, and what it examined.
    let script = r#"#!/bin/sh
case "$1" in --version) echo 'pip-audit 2.9.0'; exit 0;; esac
while [ $# -gt 0 ]; do case "$1" in --output) shift; out="$1";; esac; shift; done
printf '%s' '{"dependencies":[{"name":"django","version":"5.2.1","vulns":[]},{"name":"flask","version":"3.1.0","vulns":[]}],"fixes":[]}' > "$out"
"#;
    program(&place, "pip-audit", script);
    let made = with_own_programs(&place, &top, &["init", "--format", "json"]);
    let jobs = made["jobs"].as_array().expect("a list");
    assert!(jobs.contains(&"dependencies".into()) && !jobs.contains(&"static-analysis".into()), "{jobs:?}");
    let missing: Vec<String> =
        made["not_covered"].as_array().expect("a list").iter().map(|one| one["why"].to_string()).collect();
    for expected in ["understands web/bun.lock", "analyses Dockerfile; to mend it: install hadolint"] {
        assert!(missing.iter().any(|why| why.contains(expected)), "{expected}: {missing:?}");
    }
    let text = fs::read_to_string(top.join("exhibit.toml")).expect("written");
    let program = place.join("bin/pip-audit");
    for line in [
        "repository = \".\" # as it is committed: HEAD".to_owned(),
        "exclude = [\"tests/**\"] # examples and foreign code, by names: a guess".to_owned(),
        format!("scanner = {{ adapter = \"pip-audit\", program = \"{}\" }}", program.display()),
    ] {
        assert!(text.lines().any(|written| written == line), "{line} is not in\n{text}");
    }
    // The same folder gives evidence at once, by that scanner.
    let verdicts = perform(&top, &["dependencies"]);
    let shown = json(0, &top, &["evidence", "list", "--job", "dependencies", "--format", "json"]);
    assert_eq!(verdicts, ["pass"], "{shown}");
}

#[test]
fn what_is_left_out_is_said() {
    let place = Place::new();
    let top = place.join("top");
    lay_out(
        &top,
        &[
            (".gitignore", "dist/\n.env*\n"),
            (".env.production", "DB_PASSWORD=fake-pw-one-4711\n"),
            (".env.staging", "DB_PASSWORD=fake-pw-two-4712\n"),
            (".env.example", "DB_PASSWORD=change-me\n"),
            ("dist/.env", "DB_PASSWORD=fake-pw-three\n"),
            ("node_modules/x/.env", "A=1\n"),
            ("chart/templates/secret.yaml", "apiVersion: v1\nkind: Secret\ndata: {{ .x }}\n"),
            ("odd \"name\" # é.env", "API_TOKEN=fake-token-value-4713\n"),
            ("Cargo.lock", ""),
        ],
    );
    fs::write(place.join("outside.env"), "A=1\n").expect("written");
    symlink("../outside.env", top.join("link.env")).expect("a link");
    fs::create_dir(top.join(OsStr::from_bytes(b"caf\xe9"))).expect("a folder");
    fs::write(top.join(OsStr::from_bytes(b"\xff.env")), "A=1\n").expect("written");
    git(&top, &["init", "--quiet"]);
    let made = json(0, &top, &["init", "--format", "json"]);
    let left = left_out(&made);
    for expected in [
        ".env.example: an example by its name, not an environment's own file",
        "dist: git ignores it",
        "node_modules: code of others",
        "chart/templates/secret.yaml: a template, not plain YAML",
        "link.env: a symbolic link out of the folder",
        "caf\u{fffd}: its name is no UTF-8 text, so no configuration can name it",
        "\u{fffd}.env: its name is no UTF-8 text, so no configuration can name it",
        ".git: a version control's own files",
    ] {
        assert!(left.iter().any(|told| told == expected), "{expected}: {left:#?}");
    }
    assert_eq!(texts(&made["environments"], "id"), ["default", "production", "staging"]);
    let items = texts(&made["not_covered"], "why");
    assert!(items.iter().any(|why| why.contains("reads Cargo.lock; to mend it: ")), "the lockfile: {items:?}");
    // Ignored by git, as files with credentials are, and looked at all the same.
    assert_eq!(perform(&top, &["unique-credentials", "ci-secrets"]).len(), 2);
    let text = fs::read_to_string(top.join("exhibit.toml")).expect("written");
    let shown = output(&top, &["init", "--force", "-vv"]);
    let everything = [text.as_bytes(), &shown.stdout, &shown.stderr].concat();
    assert!(!String::from_utf8_lossy(&everything).contains("471"), "values of secrets are nowhere");
}
