//! Canaries from their writing to the drill that opens them.

use std::fs;
use std::path::Path;

use exhibit_evidence::{Observation, Verdict, deployment::Environment};

use super::*;
use crate::cases::CaseClock;
use crate::key_custody::KeyCustody;
use crate::{Collector as _, Scope, Settings};

const KEY: &str = "6e0f5b92c47a13d8af30429be5816c7d0d94f7b1832e6ac55fb8c90e7a41d326";
const OTHER: &str = "13c70a9ed2584f6bb1e8057c3fa96d24e07b5c819f42d63a08ce71b5942d6af0";

/// A machine where two services run with a key, and a drill opens what lies in `canaries` with the backup's copy.
fn machine() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, key) in [("app.env", KEY), ("worker.env", KEY), ("backup.env", KEY)] {
        fs::write(folder.path().join(name), format!("K={key}\n")).expect("written");
    }
    folder
}

fn table(text: &str) -> toml::Table {
    toml::from_str(text).expect("TOML")
}

fn drills(method: &str) -> toml::Table {
    let copy = "copy = { name = 'backup', dotenv = 'backup.env' }";
    table(&format!(
        "[[keys]]\nenvironment = 'production'\nname = 'K'\nbytes = 32\n\
         drills = [{{ name = 'd', method = '{method}', canary = 'canaries/1.txt', {copy} }}]\n"
    ))
}

fn custody() -> toml::Table {
    table(
        "[[keys]]\nenvironment = 'production'\nname = 'K'\n\
         running = [{ name = 'app', dotenv = 'app.env' }, { name = 'worker', dotenv = 'worker.env' }]\n",
    )
}

fn ordered(base: &Path, source: &toml::Table, others: &[&toml::Table], from: Option<&str>) -> Result<Written, CanaryError> {
    let (environment, key, drill) = (None, None, None);
    let others: Vec<(&str, &toml::Table)> = others.iter().map(|table| ("keys-of-others", *table)).collect();
    let others = &others;
    write(&Order { base, clock: &CaseClock, random: &[9; 64], source, others, environment, key, drill, from })
}

fn drilled(base: &Path, source: &toml::Table) -> (Observation, Verdict, String) {
    let settings = Settings { source: source.clone(), policy: toml::Table::new() };
    let id = EnvironmentId::new("production").expect("an id");
    let environments = [Environment { id, title: String::new(), disposable: false }];
    let engine = exhibit_detect::Engine::builtin();
    let scope =
        Scope { base, environments: &environments, clock: &CaseClock, run_key: &[1; 32], engine, own: crate::own::Own::default() };
    let observation = KeyCustody.collect(&scope, &settings).expect("collected").observation;
    let judged = KeyCustody.judge(&observation, &environments, &settings.policy).expect("judged");
    let judged = judged.into_iter().find(|one| one.check.as_str() == "key-custody.restore-drill").expect("judged");
    (observation, judged.verdict(), judged.subjects[0].reason.clone())
}

#[test]
fn what_is_written_is_what_the_drill_opens() {
    for method in ["aes-256-gcm", "fernet"] {
        let machine = machine();
        let (base, source) = (machine.path(), drills(method));
        let (_, verdict, why) = drilled(base, &source);
        assert_eq!(verdict, Verdict::Error, "{why}");
        let written = ordered(base, &source, &[&custody()], None).expect("written");
        assert_eq!((written.place.as_str(), written.current_for.join(" ")), ("app", "app worker".to_owned()));
        let (_, verdict, why) = drilled(base, &source);
        assert_eq!(verdict, Verdict::Pass, "{why}");
        assert!(why.contains("encrypted on 2026-11-20 12:00:00 UTC with the key that \"app\", \"worker\" ran with then"), "{why}");
        for name in ["canaries/1.txt", "canaries/1.txt.json"] {
            let text = fs::read_to_string(base.join(name)).expect("text");
            assert!(!text.contains(&KEY[..16]), "{name}");
        }
        // Another key, one that is none, and a text that was changed.
        fs::write(base.join("backup.env"), format!("K={OTHER}\n")).expect("written");
        assert_eq!(drilled(base, &source).1, Verdict::Fail);
        fs::write(base.join("backup.env"), "K=abcd\n").expect("written");
        assert_eq!(drilled(base, &source).1, Verdict::Fail);
    }
}

#[test]
fn a_note_about_something_else_is_no_expectation() {
    let machine = machine();
    let (base, source) = (machine.path(), drills("fernet"));
    ordered(base, &source, &[&custody()], None).expect("written");
    let note = base.join("canaries/1.txt.json");
    let right = fs::read_to_string(&note).expect("text");
    let digest = right.split('"').find(|part| part.len() == 64).expect("a digest").to_owned();
    for (wrong, verdict, says) in [
        (right.replace("\"k\"", "\"other\""), Verdict::Error, "about another key"),
        (right.replace("fernet", "age"), Verdict::Error, "about another key or method"),
        (right.replace("\"format\": 1", "\"format\": 2"), Verdict::Error, "is no note"),
        ("{}".to_owned(), Verdict::Error, "is no note"),
        (right.replace(&digest, &"0".repeat(64)), Verdict::Fail, "another text came out"),
    ] {
        assert_ne!(wrong, right);
        fs::write(&note, wrong).expect("written");
        let (_, found, why) = drilled(base, &source);
        assert_eq!(found, verdict, "{why}");
        assert!(why.contains(says), "{why}");
    }
}

#[test]
fn nothing_is_written_over_and_nothing_under_a_key_that_does_not_run() {
    let machine = machine();
    let (base, source) = (machine.path(), drills("aes-256-gcm"));
    let refused = |source: &toml::Table, others: &[&toml::Table], from: Option<&str>| {
        let error = ordered(base, source, others, from).expect_err("refused").to_string();
        assert!(!base.join("canaries/1.txt").exists() && !base.join("canaries/1.txt.json").exists(), "{error}");
        assert!(!error.contains(&KEY[..8]) && !error.contains(&OTHER[..8]), "{error}");
        error
    };
    assert!(refused(&source, &[], Some("backup")).contains("no job says which service runs with it"));
    assert!(refused(&source, &[], None).contains("it has \"backup\""));
    assert!(refused(&custody(), &[], None).contains("it has none"));
    fs::write(base.join("worker.env"), format!("K={OTHER}\n")).expect("written");
    assert!(refused(&source, &[&custody()], None).contains("worker runs with another"));
    fs::remove_file(base.join("app.env")).expect("removed");
    fs::remove_file(base.join("worker.env")).expect("removed");
    assert!(refused(&source, &[&custody()], None).starts_with("app: "));
    assert!(refused(&source, &[&custody()], Some("backup")).contains("could not be found out: app: "));
    fs::write(base.join("app.env"), "K=abcd\n").expect("written");
    assert!(refused(&source, &[&custody()], None).contains("none of 32 bytes"));

    fs::write(base.join("app.env"), format!("K={KEY}\n")).expect("written");
    let written = ordered(base, &source, &[&custody()], Some("backup")).expect("written");
    assert_eq!((written.place.as_str(), written.not_asked.len()), ("backup", 1));
    let before = fs::read(base.join("canaries/1.txt")).expect("there");
    let again = ordered(base, &source, &[&custody()], None).expect_err("it is there");
    assert_eq!(again.to_string(), "canaries/1.txt is there already; nothing was written");
    fs::remove_file(base.join("canaries/1.txt")).expect("removed");
    let again = ordered(base, &source, &[&custody()], None).expect_err("its note is there");
    assert_eq!(again.to_string(), "canaries/1.txt.json is there already; nothing was written");
    fs::write(base.join("canaries/1.txt"), before).expect("written");
    assert_eq!(drilled(base, &source).1, Verdict::Pass);
}

/// Who can't be understood may be the one who says that the key is an old one.
#[test]
fn a_job_whose_settings_can_not_be_read_is_told() {
    let machine = machine();
    let (base, source) = (machine.path(), drills("fernet"));
    let broken = table("[[keys]]\nenvironment = 'production'\nname = 'K'\nrunning = 'hunter2'\n");
    let error = ordered(base, &source, &[&broken], Some("backup")).expect_err("nobody says").to_string();
    assert!(error.contains("could not be found out: the settings of the job keys-of-others: "), "{error}");
    let written = ordered(base, &source, &[&custody(), &broken], None).expect("written");
    assert_eq!(written.current_for, ["app", "worker"]);
    assert_eq!(written.not_asked.len(), 1);
    let told = &written.not_asked[0];
    assert!(told.starts_with("the settings of the job keys-of-others: ") && !told.contains("hunter2"), "{told}");
}

/// A drill is told from others by environment, key and name; of an application's own way only the application knows.
#[test]
fn the_drill_that_is_meant_is_found() {
    let machine = machine();
    let copy = "copy = { name = 'backup', dotenv = 'backup.env' }";
    let source = table(&format!(
        "[[keys]]\nenvironment = 'production'\nname = 'K'\nrunning = [{{ name = 'app', dotenv = 'app.env' }}]\n\
         drills = [{{ name = 'a', method = 'fernet', canary = 'a.txt', {copy} }}, {{ name = 'b', method = 'command', command = ['x'], canary = 'b.txt', {copy} }}]\n\
         [[keys]]\nenvironment = 'staging'\nname = 'K'\ndrills = [{{ name = 'a', method = 'fernet', canary = 'c.txt', {copy} }}]\n"
    ));
    let environment = EnvironmentId::new("production").expect("an id");
    let order = |environment, drill| {
        let (base, clock, random) = (machine.path(), &CaseClock, &[3; 64]);
        write(&Order { base, clock, random, source: &source, others: &[], environment, key: None, drill, from: None })
    };
    let several = order(None, Some("a")).expect_err("two").to_string();
    assert!(several.contains("\"a\" with k of production, \"a\" with k of staging"), "{several}");
    assert!(matches!(order(Some(&environment), Some("b")), Err(CanaryError::OfTheApplication)));
    assert!(matches!(order(None, Some("c")), Err(CanaryError::NoDrill(_))));
    assert_eq!(order(Some(&environment), Some("a")).expect("written").canary, "a.txt");
}

/// A status that was configured for it says that the key is a wrong one; any other says nothing.
#[test]
fn a_command_tells_a_wrong_key_by_its_status() {
    let machine = machine();
    let script = "read -r key; case $key in 6e*) echo text ;; 13*) exit 3 ;; *) exit 4 ;; esac\n";
    fs::write(machine.path().join("open.sh"), script).expect("written");
    fs::create_dir(machine.path().join("canaries")).expect("a folder");
    fs::write(machine.path().join("canaries/1.txt"), "sealed").expect("written");
    let with = |statuses: &str| {
        table(&format!(
            "[[keys]]\nenvironment = 'production'\nname = 'K'\ndrills = [{{ name = 'd', method = 'command', \
             command = ['sh', 'open.sh'], expect = 'text', canary = 'canaries/1.txt'{statuses}, \
             copy = {{ name = 'backup', dotenv = 'backup.env' }} }}]\n"
        ))
    };
    let said = |key: &str, statuses: &str| {
        fs::write(machine.path().join("backup.env"), format!("K={key}\n")).expect("written");
        drilled(machine.path(), &with(statuses)).1
    };
    assert_eq!(said(KEY, ", wrong_key_exit = [3]"), Verdict::Pass);
    assert_eq!(said(OTHER, ", wrong_key_exit = [3]"), Verdict::Fail);
    assert_eq!(said(OTHER, ""), Verdict::Error);
    assert_eq!(said("ff", ", wrong_key_exit = [3]"), Verdict::Error);
}
