//! The collector `key_custody` on real backups: restic repositories, and files of age's and of gpg's.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

use exhibit_collectors::key_custody::canary::{self, Order};
use exhibit_collectors::{Collector as _, Scope, Settings, key_custody::KeyCustody};
use exhibit_evidence::{Clock, EnvironmentId, Observation, Timestamp, Verdict, deployment::Environment};

use serde_json::json;

use crate::{
    bao::{self, Bao, bao},
    debian::{Program, install},
    moto::moto,
    needles::Needles,
    packages::alone,
    story::In,
};

const RESTIC: Program = Program { package: "restic", path: "usr/bin/restic" };
const AGE: Program = Program { package: "age", path: "usr/bin/age" };
const KEYGEN: Program = Program { package: "age", path: "usr/bin/age-keygen" };
pub(crate) const KEY: &str = "6e0f5b92c47a13d8af30429be5816c7d0d94f7b1832e6ac55fb8c90e7a41d326";
pub(crate) const OTHER: &str = "13c70a9ed2584f6bb1e8057c3fa96d24e07b5c819f42d63a08ce71b5942d6af0";

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        "2026-11-20T12:00:00.000000Z".parse().expect("an instant")
    }
}

/// A machine with a service, and places to keep its key in.
pub(crate) struct Machine {
    pub(crate) folder: tempfile::TempDir,
}

impl Machine {
    pub(crate) fn new() -> Self {
        // gpg's agent listens on a socket in its folder, and names of sockets are short.
        let folder = tempfile::Builder::new().prefix("cu").tempdir_in(env::temp_dir()).expect("a folder");
        let machine = Self { folder };
        machine.write("app.env", &format!("ENCRYPTION_KEY={KEY}\n"));
        machine.write("repository.unlock", "a-password-of-the-repository\n");
        for program in [("restic", RESTIC.find()), ("age", AGE.find()), ("age-keygen", KEYGEN.find())] {
            machine.shim(program.0, &program.1);
        }
        machine
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
    }

    /// A program that first writes down its arguments and its environment, as others on the machine could see them.
    fn shim(&self, name: &str, program: &Path) {
        let seen = self.path("seen");
        let script = format!(
            "#!/bin/sh\n{{ printf '%s\\n' \"$@\"; env; }} >> '{}'\nexec '{}' \"$@\"\n",
            seen.display(),
            program.display()
        );
        self.program(name, &script);
    }

    /// A program of its own.
    pub(crate) fn script(&self, name: &str, lines: &str) {
        self.program(name, &format!("#!/bin/sh\n{lines}\n"));
    }

    fn program(&self, name: &str, text: &str) {
        let name = format!("bin/{name}");
        self.write(&name, text);
        fs::set_permissions(self.path(&name), fs::Permissions::from_mode(0o700)).expect("a mode");
    }

    /// A keyring of gpg's with one key, which needs no passphrase; whose key it is.
    pub(crate) fn ring(&self, home: &str) -> &'static str {
        if !Path::new("/usr/bin/gpg-agent").is_file() {
            let _alone = alone();
            install(&["gnupg"]);
        }
        let whose = "Restore <restore@example.invalid>";
        fs::create_dir(self.path(home)).expect("a folder");
        fs::set_permissions(self.path(home), fs::Permissions::from_mode(0o700)).expect("a mode");
        let key = ["--passphrase", "", "--quick-generate-key", whose, "default", "default"];
        self.run("gpg", &[&["--homedir", home, "--batch", "--quiet"], &key[..]].concat());
        whose
    }

    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> String {
        let program = if program.contains('/') { self.path(program) } else { PathBuf::from(program) };
        let mut command = Command::new(&program);
        command.args(arguments).current_dir(self.folder.path()).env("TZ", "UTC").stdin(Stdio::null());
        let output = command.output().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{} {arguments:?}: {said}", program.display());
        format!("{}{said}", String::from_utf8_lossy(&output.stdout))
    }

    fn restic(&self, arguments: &[&str]) {
        let all = ["--repo", "offsite", "--password-file", "repository.unlock", "--no-cache", "--quiet"];
        self.run("bin/restic", &[&all, arguments].concat());
    }

    /// Saves a folder with the key, and with what else lies in it.
    fn back_up(&self, key: &str, at: &str, beside: &[&str]) {
        let _ = fs::remove_dir_all(self.path("save"));
        self.write("save/keys.env", &format!("LOG=info\nENCRYPTION_KEY='{key}'\n"));
        beside.iter().for_each(|name| self.write(&format!("save/{name}"), "not a real dump"));
        let save = self.path("save");
        self.restic(&["backup", "--time", at, "--host", "app", save.to_str().expect("UTF-8")]);
        fs::remove_dir_all(&save).expect("removed");
    }

    fn aged(&self, name: &str, days: u64) {
        let file = fs::File::options().append(true).open(self.path(name)).expect("it is there");
        let now = SystemTime::from(Noon.now().utc());
        file.set_modified(now - Duration::from_secs(days * 24 * 3600)).expect("a time");
    }

    /// What is found out with these copies.
    fn look(&self, copies: &str) -> (Observation, Vec<(String, Verdict)>) {
        self.look_by(&key_in(copies), "copies = 1")
    }

    /// What is found out with these settings.
    fn look_by(&self, source: &str, policy: &str) -> (Observation, Vec<(String, Verdict)>) {
        self.look_at(&Noon, source, policy)
    }

    /// What is found out at this time.
    pub(crate) fn look_at(
        &self,
        clock: &dyn Clock,
        source: &str,
        policy: &str,
    ) -> (Observation, Vec<(String, Verdict)>) {
        let id = EnvironmentId::new("production").expect("an id");
        let environments = [Environment { title: String::new(), id, disposable: false }];
        let settings =
            Settings { source: toml::from_str(source).expect("TOML"), policy: toml::from_str(policy).expect("TOML") };
        KeyCustody.check_settings(&settings).unwrap_or_else(|problems| panic!("{problems:?}"));
        let scope = Scope {
            base: self.folder.path(),
            environments: &environments,
            clock,
            run_key: &[3; 32],
            engine: exhibit_detect::Engine::builtin(),
            own: exhibit_collectors::own::Own::default(),
        };
        let collected = KeyCustody.collect(&scope, &settings).expect("collected");
        let judged = KeyCustody.judge(&collected.observation, &environments, &settings.policy).expect("judged");
        let verdicts =
            judged.iter().map(|one| (one.check.as_str().replace("key-custody.", ""), one.verdict())).collect();
        self.nothing_leaked(&format!("{:?}{judged:?}", collected.observation));
        (collected.observation, verdicts)
    }

    /// No key in what is recorded, in arguments and environments of programs, or in a file that was left behind.
    fn nothing_leaked(&self, recorded: &str) {
        let needles = Needles::new(&[KEY, OTHER].map(str::to_owned));
        assert_eq!(needles.found_in(recorded.as_bytes()), Vec::<&str>::new());
        if let Ok(seen) = fs::read(self.path("seen")) {
            assert_eq!(needles.found_in(&seen), Vec::<&str>::new());
        }
        let mut folders = vec![self.folder.path().to_owned()];
        let mut holding = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.is_file() && !needles.found_in(&fs::read(&path).expect("readable")).is_empty() {
                    holding.push(path);
                }
            }
        }
        assert_eq!(holding, [self.path("app.env")]);
    }
}

/// Settings of a key with these copies.
pub(crate) fn key_in(copies: &str) -> String {
    format!(
        "[[keys]]\nenvironment = 'production'\nname = 'ENCRYPTION_KEY'\nbytes = 32\n\
         running = [{{ name = 'backend', dotenv = 'app.env' }}]\ncopies = [{copies}]\n"
    )
}

/// The verdict of one check.
pub(crate) fn of(verdicts: &[(String, Verdict)], check: &str) -> Verdict {
    verdicts.iter().find(|(id, _)| id == check).expect("it was judged").1
}

/// The answer of the copy, and the code with it.
pub(crate) fn answer(observation: &Observation) -> String {
    let copy = &observation.facts["keys"][0]["copies"][0];
    let code = copy["code"].as_str().map(|code| format!(" {code}")).unwrap_or_default();
    format!("{}{code}", copy["answer"].as_str().expect("an answer"))
}

#[test]
fn a_restic_repository_is_believed_for_what_its_newest_snapshot_holds() {
    let machine = Machine::new();
    let copy = |path: &str| {
        format!(
            "{{ name = 'offsite', restic = {{ repository = 'offsite', unlock_file = 'repository.unlock', path = '{}', \
             holds = 'dotenv', program = '{}' }} }}",
            machine.path(path).display(),
            machine.path("bin/restic").display()
        )
    };
    // Not there at all.
    let (observation, verdicts) = machine.look(&copy("save/keys.env"));
    assert_eq!(answer(&observation), "unreadable command-failed");
    assert_eq!((of(&verdicts, "copies"), of(&verdicts, "same-as-running")), (Verdict::Error, Verdict::Error));
    // There, and empty.
    machine.restic(&["init"]);
    let (observation, verdicts) = machine.look(&copy("save/keys.env"));
    assert_eq!(answer(&observation), "absent");
    assert_eq!((of(&verdicts, "copies"), of(&verdicts, "backup-age")), (Verdict::Fail, Verdict::Vacuous));
    // Saved long ago.
    machine.back_up(KEY, "2026-09-01 03:00:00", &[]);
    let (observation, verdicts) = machine.look(&copy("save/keys.env"));
    assert_eq!(answer(&observation), "match");
    assert_eq!((of(&verdicts, "copies"), of(&verdicts, "backup-age")), (Verdict::Pass, Verdict::Fail));
    // As it should be.
    machine.back_up(KEY, "2026-11-18 03:00:00", &["notes.txt"]);
    let (observation, verdicts) = machine.look(&copy("save/keys.env"));
    assert_eq!(answer(&observation), "match");
    let wrong: Vec<_> =
        verdicts.iter().filter(|(_, verdict)| !matches!(verdict, Verdict::Pass | Verdict::NotApplicable)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    // Another file than the one that is there.
    let (observation, _) = machine.look(&copy("save/other.env"));
    assert_eq!(answer(&observation), "absent");
    // Another key than the running one, though it is newer.
    machine.back_up(OTHER, "2026-11-19 03:00:00", &[]);
    let (observation, verdicts) = machine.look(&copy("save/keys.env"));
    assert_eq!(answer(&observation), "differs");
    assert_eq!((of(&verdicts, "copies"), of(&verdicts, "same-as-running")), (Verdict::Fail, Verdict::Fail));
    // Beside the dumps.
    machine.back_up(KEY, "2026-11-20 03:00:00", &["app.sql.gz"]);
    let (_, verdicts) = machine.look(&copy("save/keys.env"));
    assert_eq!((of(&verdicts, "copies"), of(&verdicts, "apart-from-data")), (Verdict::Pass, Verdict::Fail));
    // It does not open.
    machine.write("repository.unlock", "another\n");
    let (observation, verdicts) = machine.look(&copy("save/keys.env"));
    assert_eq!(answer(&observation), "unreadable command-failed");
    assert!(
        verdicts.iter().all(|(id, verdict)| id == "format" || id == "access" || *verdict != Verdict::Pass),
        "{verdicts:?}"
    );
}

#[test]
fn files_of_age_are_opened_by_age_itself() {
    let machine = Machine::new();
    let copy = |identity: &str| {
        let program = machine.path("bin/age");
        format!(
            "{{ name = 'offline', file = 'safe/key-*.age', age = {{ identity = '{identity}', program = '{}' }} }}",
            program.display()
        )
    };
    let recipient = |identity: &str| {
        let said = machine.run("bin/age-keygen", &["-o", identity]);
        said.split_whitespace().find(|word| word.starts_with("age1")).expect("a recipient").to_owned()
    };
    let (own, _stranger) = (recipient("own.identity"), recipient("stranger.identity"));
    let lock_away = |name: &str, key: &str, days: u64| {
        fs::create_dir_all(machine.path("safe")).expect("a folder");
        machine.write("plain", key);
        machine.run("bin/age", &["--recipient", &own, "--output", name, "plain"]);
        fs::remove_file(machine.path("plain")).expect("removed");
        machine.aged(name, days);
    };
    let (observation, verdicts) = machine.look(&copy("own.identity"));
    assert_eq!(
        (answer(&observation).as_str(), of(&verdicts, "copies")),
        ("unreadable file-unreadable", Verdict::Error)
    );
    fs::create_dir_all(machine.path("safe")).expect("a folder");
    let (observation, verdicts) = machine.look(&copy("own.identity"));
    assert_eq!((answer(&observation).as_str(), of(&verdicts, "copies")), ("absent", Verdict::Fail));
    lock_away("safe/key-1.age", OTHER, 60);
    let (observation, verdicts) = machine.look(&copy("own.identity"));
    assert_eq!((answer(&observation).as_str(), of(&verdicts, "backup-age")), ("differs", Verdict::Fail));
    lock_away("safe/key-2.age", KEY, 2);
    let (observation, verdicts) = machine.look(&copy("own.identity"));
    assert_eq!((answer(&observation).as_str(), of(&verdicts, "same-as-running")), ("match", Verdict::Pass));
    assert_eq!(of(&verdicts, "backup-age"), Verdict::Pass);
    let (observation, _) = machine.look(&copy("stranger.identity"));
    assert_eq!(answer(&observation), "unreadable command-failed");
    machine.write("safe/app.dump", "not a real dump");
    let (_, verdicts) = machine.look(&copy("own.identity"));
    assert_eq!(of(&verdicts, "apart-from-data"), Verdict::Fail);
}

/// A drill by age, from the canary's writing to a copy that is another identity.
#[test]
fn a_drill_by_age_tells_a_wrong_identity_from_a_failure() {
    let machine = Machine::new();
    fs::create_dir(machine.path("backup")).expect("a folder");
    machine.run("bin/age-keygen", &["-o", "backup/own.identity"]);
    machine.run("bin/age-keygen", &["-o", "backup/stranger.identity"]);
    let copied = |name: &str| fs::copy(machine.path(&format!("backup/{name}")), machine.path("copy")).expect("copied");
    copied("own.identity");
    let age = machine.path("bin/age").display().to_string();
    let source = |program: &str, canary: &str| {
        format!(
            "[[keys]]\nenvironment = 'production'\nname = 'IDENTITY'\nencoding = 'text'\n\
             running = [{{ name = 'backend', file = 'backup/own.identity' }}]\n\
             drills = [{{ name = 'd', method = 'age', program = '{program}', canary = '{canary}', \
             copy = {{ name = 'copy', file = 'copy' }} }}]\n"
        )
    };
    let table = toml::from_str(&source(&age, "canary.age")).expect("TOML");
    let order = Order {
        base: machine.folder.path(),
        clock: &Noon,
        random: &[4; 64],
        source: &table,
        others: &[],
        environment: None,
        key: None,
        drill: None,
        from: None,
    };
    let written = canary::write(&order).expect("written");
    assert_eq!((written.method.as_str(), written.current_for), ("age", vec!["backend".to_owned()]));
    let drill = |program: &str, canary: &str| {
        let (observation, verdicts) = machine.look_by(&source(program, canary), "copies = 1");
        let drill = &observation.facts["keys"][0]["drills"][0];
        (of(&verdicts, "restore-drill"), drill["result"].as_str().expect("a word").to_owned(), drill["why"].to_string())
    };
    let said = |program: &str, canary: &str, verdict: Verdict, result: &str| {
        let told = drill(program, canary);
        assert_eq!((told.0, told.1.as_str()), (verdict, result), "{}", told.2);
    };
    said(&age, "canary.age", Verdict::Pass, "opened");
    copied("stranger.identity");
    said(&age, "canary.age", Verdict::Fail, "refused");
    machine.write("copy", "not an identity at all");
    said(&age, "canary.age", Verdict::Fail, "refused");
    // Broken, or not there: nobody learns anything about the key.
    copied("own.identity");
    let text = fs::read_to_string(machine.path("canary.age")).expect("text");
    machine.write("broken.age", &text[..text.len() / 2]);
    fs::copy(machine.path("canary.age.json"), machine.path("broken.age.json")).expect("copied");
    said(&age, "broken.age", Verdict::Error, "not-tried");
    said("bin/no-such-age", "canary.age", Verdict::Error, "not-tried");
    // Programs see the identity through a pipe, and it lies in no other file than before.
    let identity = fs::read_to_string(machine.path("backup/own.identity")).expect("text");
    let identity = identity.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).expect("an identity");
    for name in ["seen", "canary.age", "canary.age.json"] {
        assert!(!fs::read_to_string(machine.path(name)).expect("text").contains(identity), "{name}");
    }
}

#[test]
fn files_of_gpg_are_opened_by_gpg_itself_and_no_agent_stays() {
    let machine = Machine::new();
    let whose = machine.ring("ring");
    let home = ["--homedir", "ring", "--batch", "--quiet"];
    let lock_away = |key: &str, days: u64| {
        let _ = fs::remove_file(machine.path("safe/key.gpg"));
        machine.write("plain", key);
        let to = ["--trust-model", "always", "--recipient", whose, "--output", "safe/key.gpg", "--encrypt", "plain"];
        machine.run("gpg", &[&home[..], &to].concat());
        fs::remove_file(machine.path("plain")).expect("removed");
        machine.aged("safe/key.gpg", days);
        machine.run("gpgconf", &["--homedir", "ring", "--kill", "gpg-agent"]);
    };
    let copy = "{ name = 'offline', file = 'safe/key.gpg', gpg = { home = 'ring' } }";
    let said = |copy: &str, expected: &str, check: &str, verdict: Verdict| {
        let (observation, verdicts) = machine.look(copy);
        assert_eq!((answer(&observation).as_str(), of(&verdicts, check)), (expected, verdict));
    };
    fs::create_dir(machine.path("safe")).expect("a folder");
    said(copy, "absent", "copies", Verdict::Fail);
    lock_away(KEY, 3);
    for check in ["copies", "same-as-running", "backup-age", "apart-from-data"] {
        said(copy, "match", check, Verdict::Pass);
    }
    lock_away(KEY, 60);
    said(copy, "match", "backup-age", Verdict::Fail);
    lock_away(OTHER, 3);
    said(copy, "differs", "same-as-running", Verdict::Fail);
    lock_away(KEY, 3);
    machine.write("safe/app.dump", "not a real dump");
    said(copy, "match", "apart-from-data", Verdict::Fail);
    machine.ring("stranger");
    machine.run("gpgconf", &["--homedir", "stranger", "--kill", "gpg-agent"]);
    said(&copy.replace("'ring'", "'stranger'"), "unreadable command-failed", "copies", Verdict::Error);
    machine.write("safe/key.gpg", "not what gpg made");
    said(copy, "unreadable command-failed", "same-as-running", Verdict::Error);
    // The agent's socket goes when it ends.
    let ended = (0..1000).any(|_| {
        std::thread::sleep(Duration::from_millis(5));
        !machine.path("ring/S.gpg-agent").exists()
    });
    assert!(ended, "an agent still serves the keyring");
}

/// A place in a vault, as a copy.
fn in_vault(server: &Bao, path: &str) -> String {
    let (address, authority) = (&server.address, server.authority.display());
    format!(
        "{{ name = 'vault', vault = {{ address = '{address}', authorities = '{authority}', token = 'file:vault.token', \
         mount = 'custody', path = '{path}' }} }}"
    )
}

#[test]
fn a_vault_is_a_place_that_tells_since_when_it_holds_the_key() {
    let server = bao();
    server.mount("custody", 2);
    let machine = Machine::new();
    machine.write("vault.token", &server.root);
    let put = |key: &str| server.put("custody/app/production", &json!({"ENCRYPTION_KEY": key, "OTHER": "x"}));
    let (observation, verdicts) = machine.look(&in_vault(server, "app"));
    assert_eq!((answer(&observation).as_str(), of(&verdicts, "copies")), ("absent", Verdict::Fail));
    put(OTHER);
    let (observation, verdicts) = machine.look(&in_vault(server, "app"));
    assert_eq!((answer(&observation).as_str(), of(&verdicts, "same-as-running")), ("differs", Verdict::Fail));
    put(KEY);
    let (observation, verdicts) = machine.look(&in_vault(server, "app"));
    assert_eq!((answer(&observation).as_str(), of(&verdicts, "same-as-running")), ("match", Verdict::Pass));
    assert_eq!(of(&verdicts, "apart-from-data"), Verdict::Pass);
    assert!(observation.facts["keys"][0]["copies"][0]["since"].is_string(), "version 2 tells since when");
    // Refused, and gone: neither is ever a pass.
    machine.write("vault.token", "s.not-a-token");
    let (observation, verdicts) = machine.look(&in_vault(server, "app"));
    assert!(answer(&observation).starts_with("unreadable"), "{}", answer(&observation));
    assert_eq!((of(&verdicts, "copies"), of(&verdicts, "same-as-running")), (Verdict::Error, Verdict::Error));
}

/// Policies of the vault say who may read the key there, and the policy of the job whether they may.
#[test]
fn who_may_read_the_key_in_a_vault_is_told_by_its_policies() {
    // Of its own: no other test's policies.
    let server = Bao::open();
    server.mount("custody", 2);
    let machine = Machine::new();
    server.put("custody/app/production", &json!({"ENCRYPTION_KEY": KEY}));
    let app = server.token("app-read", "path \"custody/data/app/*\" { capabilities = [\"read\"] }\npath \"custody/metadata/*\" { capabilities = [\"list\"] }");
    server.policy("other", "path \"custody/data/other/*\" { capabilities = [\"read\"] }");
    server.policy("lists", "path \"custody/*\" { capabilities = [\"list\"] }");
    let copy = in_vault(&server, "app").replace("mount =", "readers = true, mount =");
    let access = |observation: &Observation, policy: &str| {
        let policy: toml::Table = toml::from_str(policy).expect("TOML");
        let judged = KeyCustody.judge(observation, &[], &policy).expect("judged");
        let said = judged.into_iter().find(|one| one.check.as_str() == "key-custody.access").expect("the check");
        (said.verdict(), said.subjects[0].reason.clone())
    };
    let readers = |observation: &Observation| observation.facts["keys"][0]["copies"][0]["readers"].clone();

    machine.write("vault.token", &server.root);
    let (observation, _) = machine.look(&copy);
    assert_eq!(readers(&observation), json!(["policy app-read"]));
    let (verdict, reason) = access(&observation, "");
    assert!(verdict == Verdict::Fail && reason.contains("\"vault\" may be read by policy app-read"), "{reason}");
    assert_eq!(access(&observation, "may_read = ['owner', 'policy app-read']").0, Verdict::Pass);
    // A policy that somebody adds is noted; one that denies it explicitly is not.
    server.policy("wide", "path \"custody/*\" { capabilities = [\"read\"] }");
    server.policy(
        "not-that",
        "path \"custody/*\" { capabilities = [\"read\"] }\npath \"custody/data/app/*\" { capabilities = [\"deny\"] }",
    );
    let (observation, _) = machine.look(&copy);
    assert_eq!(readers(&observation), json!(["policy app-read", "policy wide"]));
    // Who may not know it is told so, and nothing passes.
    machine.write("vault.token", &app);
    let (observation, verdicts) = machine.look(&copy);
    assert!(answer(&observation).starts_with("unreadable"), "{}", answer(&observation));
    assert_eq!(of(&verdicts, "copies"), Verdict::Error);
    // Who does not ask is not told.
    let (observation, _) = machine.look(&in_vault(&server, "app"));
    assert_eq!((answer(&observation).as_str(), readers(&observation)), ("match", serde_json::Value::Null));
}

#[test]
fn a_vaults_backup_comes_up_in_a_scratch_vault_with_the_current_key() {
    let server = Bao::open();
    server.mount("custody", 2);
    let machine = Machine::new();
    machine.shim("bao", &bao::program());
    machine.write("vault.token", &server.root);
    machine.write("unseal", &server.unseal);
    fs::create_dir(machine.path("backup")).expect("a folder");
    let save = |name: &str, key: &str, days: u64| {
        server.put("custody/app/production", &json!({"ENCRYPTION_KEY": key}));
        let file = machine.path(&format!("backup/{name}"));
        server.told(&["operator", "raft", "snapshot", "save", file.to_str().expect("UTF-8")], &[], b"");
        machine.aged(&format!("backup/{name}"), days);
    };
    let look = |program: &str| {
        let source = format!(
            "[[keys]]\nenvironment = 'production'\nname = 'ENCRYPTION_KEY'\nbytes = 32\n\
             running = [{{ name = 'backend', dotenv = 'app.env' }}]\n\
             [[vaults]]\nenvironment = 'production'\nsubject = 'vault'\nsnapshot = 'backup/bao-*.snap'\n\
             unseal = ['file:unseal']\nprogram = '{program}'\nkeys = ['encryption-key']\n\
             vault = {{ token = 'file:vault.token', mount = 'custody', path = 'app' }}\n"
        );
        let (observation, verdicts) = machine.look_by(&source, "snapshot_age = '2d'");
        let snapshot = &observation.facts["snapshots"][0];
        let held = snapshot["held"][0]["answer"].as_str().unwrap_or("");
        let found = format!("{} {held}", snapshot["found"].as_str().expect("a word"));
        (found.trim().to_owned(), of(&verdicts, "vault-snapshot"), snapshot["why"].to_string())
    };
    let said = |program: &str, found: &str, verdict: Verdict| {
        let looked = look(program);
        assert_eq!((looked.0.as_str(), looked.1), (found, verdict), "{}", looked.2);
    };
    said("bin/bao", "absent", Verdict::Fail);
    save("bao-1.snap", OTHER, 1);
    said("bin/bao", "restored differs", Verdict::Fail);
    save("bao-2.snap", KEY, 0);
    said("bin/bao", "restored match", Verdict::Pass);
    said("bin/no-such-program", "not-tried", Verdict::Error);
    machine.aged("backup/bao-1.snap", 9);
    machine.aged("backup/bao-2.snap", 5);
    said("bin/bao", "restored match", Verdict::Fail);
    machine.write("backup/bao-3.snap", "not what a vault saved");
    said("bin/bao", "refused", Verdict::Fail);
    fs::remove_file(machine.path("backup/bao-3.snap")).expect("removed");
    // The key of another vault than the one that was saved.
    machine.write("unseal", &bao().unseal);
    said("bin/bao", "refused", Verdict::Fail);
}

/// A vault that unseals itself, with a key that lies beside it.
fn unsealed_by_itself() -> Bao {
    let mut server = Bao::start_with(|folder| {
        fs::write(folder.join("seal.key"), [7; 32]).expect("written");
        let key = format!("file://{}", folder.join("seal.key").display());
        json!({ "seal": [{ "static": { "current_key_id": "1", "current_key": key } }] })
    });
    let shares = ["-recovery-shares=1", "-recovery-threshold=1"];
    let made = server.told(&[&["operator", "init", "-format=json"], &shares[..]].concat(), &[], b"");
    let made: serde_json::Value = serde_json::from_str(&made).expect("JSON");
    server.unseal = made["recovery_keys_b64"][0].as_str().expect("a key").to_owned();
    server.root = made["root_token"].as_str().expect("a token").to_owned();
    let active = || server.try_told(&["secrets", "list"], &[], b"").is_ok();
    assert!((0..600).any(|_| active() || bao::pause()), "it becomes active");
    server
}

/// A vault that unseals itself can't be restored here: never a pass.
#[test]
fn the_backup_of_a_vault_that_unseals_itself_never_passes() {
    let server = unsealed_by_itself();
    server.mount("custody", 2);
    server.put("custody/app/production", &json!({"ENCRYPTION_KEY": KEY}));
    let machine = Machine::new();
    machine.shim("bao", &bao::program());
    machine.write("vault.token", &server.root);
    machine.write("unseal", &server.unseal);
    let file = machine.path("bao.snap");
    server.told(&["operator", "raft", "snapshot", "save", file.to_str().expect("UTF-8")], &[], b"");
    machine.aged("bao.snap", 0);
    let source = "[[keys]]\nenvironment = 'production'\nname = 'ENCRYPTION_KEY'\nbytes = 32\n\
                  running = [{ name = 'backend', dotenv = 'app.env' }]\n\
                  [[vaults]]\nenvironment = 'production'\nsubject = 'vault'\nsnapshot = 'bao.snap'\n\
                  unseal = ['file:unseal']\nprogram = 'bin/bao'\nkeys = ['encryption-key']\n\
                  vault = { token = 'file:vault.token', mount = 'custody', path = 'app' }\n";
    let (observation, verdicts) = machine.look_by(source, "");
    let snapshot = &observation.facts["snapshots"][0];
    let (found, why) = (snapshot["found"].as_str().expect("a word"), snapshot["why"].to_string());
    // The key is in it: if it came up, it would pass.
    assert!(["refused", "not-tried"].contains(&found), "{found}: {why}");
    assert!(matches!(of(&verdicts, "vault-snapshot"), Verdict::Fail | Verdict::Error), "{why}");
}

/// A secret of Secrets Manager and a parameter of Parameter Store: what each holds, that each tells since when, and what is said
/// when one of them or both can't be asked.
#[test]
fn secrets_and_parameters_of_aws_are_places_of_custody() {
    let server = moto();
    let machine = Machine::new();
    machine.write("id", "fake-id");
    machine.write("secret", "fake-key");
    let at = |url: &str, under: &str| {
        format!(
            "{{ region = 'eu-central-1', endpoint = '{url}', under = '{under}', \
             keys = {{ access_key_id = 'file:id', secret_access_key = 'file:secret' }} }}"
        )
    };
    let look = |secret: &str, parameter: &str| {
        let source = format!(
            "[[keys]]\nenvironment = 'production'\nname = 'ENCRYPTION_KEY'\nbytes = 32\n\
             running = [{{ name = 'backend', dotenv = 'app.env' }}]\n\
             copies = [{{ name = 'secret', secrets_manager = {} }}, {{ name = 'parameter', parameter_store = {} }}]\n",
            at(secret, "custody/"),
            at(parameter, "/custody/")
        );
        let (observation, verdicts) = machine.look_by(&source, "copies = 2");
        let copies = observation.facts["keys"][0]["copies"].as_array().expect("copies").clone();
        let answers: Vec<_> = copies.iter().map(|copy| copy["answer"].as_str().expect("a word").to_owned()).collect();
        let dated = copies.iter().filter(|copy| copy["since"].is_string()).count();
        let checks = ["copies", "same-as-running", "apart-from-data"].map(|check| of(&verdicts, check));
        (answers.join(" "), dated, checks)
    };
    let put_secret = |key: &str| {
        let value = json!({"ENCRYPTION_KEY": key, "other": "x"}).to_string();
        server.with(&format!(
            "known = [one['Name'] for one in secrets.list_secrets()['SecretList']]\n\
             if 'custody/app' in known: secrets.put_secret_value(SecretId='custody/app', SecretString='{value}')\n\
             else: secrets.create_secret(Name='custody/app', SecretString='{value}')"
        ));
    };
    let put_parameter = |key: &str| {
        server.with(&format!(
            "parameters.put_parameter(Name='/custody/ENCRYPTION_KEY', Value='{key}', Type='SecureString', Overwrite=True)"
        ));
    };
    let (url, gone) = (server.url.as_str(), "http://127.0.0.1:1");
    use Verdict::{Error, Fail, Pass, Vacuous};
    assert_eq!(look(url, url), ("absent absent".to_owned(), 0, [Fail, Vacuous, Vacuous]));
    put_secret(OTHER);
    assert_eq!(look(url, url), ("differs absent".to_owned(), 1, [Fail, Fail, Pass]));
    put_parameter(KEY);
    assert_eq!(look(url, url), ("differs match".to_owned(), 2, [Fail, Fail, Pass]));
    put_secret(KEY);
    assert_eq!(look(url, url), ("match match".to_owned(), 2, [Pass, Pass, Pass]));
    put_parameter(OTHER);
    assert_eq!(look(url, url), ("match differs".to_owned(), 2, [Fail, Fail, Pass]));
    // What can't be asked might be the missing copy: an error, whatever the other says, and never a pass.
    put_parameter(KEY);
    assert_eq!(look(gone, url), ("unreadable match".to_owned(), 1, [Error, Error, Error]));
    assert_eq!(look(gone, gone), ("unreadable unreadable".to_owned(), 0, [Error, Error, Error]));
}

#[test]
fn an_object_of_a_bucket_is_a_place_with_a_date_and_neighbours() {
    let server = moto();
    let machine = Machine::new();
    machine.write("id", "fake-id");
    machine.write("secret", "fake-key");
    let copy = |object: &str, bucket: &str| {
        format!(
            "{{ name = 'bucket', s3 = {{ bucket = '{bucket}', object = '{object}', holds = 'dotenv', \
             aws = {{ region = 'eu-central-1', endpoint = '{}', \
             keys = {{ access_key_id = 'file:id', secret_access_key = 'file:secret' }} }} }} }}",
            server.url
        )
    };
    let put = |key: &str, text: &str| {
        server.with(&format!("client('s3').put_object(Bucket='custody', Key='{key}', Body={text:?})"));
    };
    let said = |object: &str, expected: &str, check: &str, verdict: Verdict| {
        let (observation, verdicts) = machine.look(&copy(object, "custody"));
        assert_eq!((answer(&observation).as_str(), of(&verdicts, check)), (expected, verdict));
        observation
    };
    server.with("client('s3').create_bucket(Bucket='custody', CreateBucketConfiguration={'LocationConstraint': 'eu-central-1'})");
    said("keys/app-*.env", "absent", "copies", Verdict::Fail);
    put("keys/app-1.env", &format!("ENCRYPTION_KEY={OTHER}\n"));
    said("keys/app-*.env", "differs", "same-as-running", Verdict::Fail);
    // The bucket dates objects by whole seconds.
    std::thread::sleep(Duration::from_millis(1100));
    put("keys/app-2.env", &format!("ENCRYPTION_KEY={KEY}\n"));
    put("keys/deeper/app.dump", "not a real dump");
    let observation = said("keys/app-*.env", "match", "apart-from-data", Verdict::Pass);
    assert!(observation.facts["keys"][0]["copies"][0]["taken"].is_string(), "the bucket tells when it was put there");
    put("keys/app.dump", "not a real dump");
    said("keys/app-*.env", "match", "apart-from-data", Verdict::Fail);
    // The emulator dates objects by the time as it is.
    let (_, verdicts) = machine.look_at(&In(60), &key_in(&copy("keys/app-*.env", "custody")), "copies = 1");
    assert_eq!(of(&verdicts, "backup-age"), Verdict::Fail);
    let nobody = copy("keys/app-*.env", "custody").replace(&server.url, "http://127.0.0.1:1");
    let stranger = copy("keys/app-*.env", "no-such-bucket");
    for (copy, expected) in [(nobody, "unreadable unreachable"), (stranger, "unreadable not-there")] {
        let (observation, verdicts) = machine.look(&copy);
        assert_eq!((answer(&observation).as_str(), of(&verdicts, "copies")), (expected, Verdict::Error));
    }
}
