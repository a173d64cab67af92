//! `exhibit doctor` on one broken deployment each, and on one that is well. It looks, and changes nothing.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use exhibit_ledger::note::{SigningKey, VerifierKey};
use exhibit_store::{
    OWNER_ROLE,
    cluster::{self, ClusterOptions, DATABASE},
    testing::{sql, superuser_url, tampering},
};
use serde_json::Value;

use super::{Place, ends_with, json, output};

/// The demo looks at the repository it is started in: this one.
const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The untouched database, from which each case gets a copy.
const PRISTINE: &str = "pristine";
/// What a case may change beside the database.
const CHANGED: [&str; 5] = ["archive", "checkpoints", "keys", "example-company", "exhibit.toml"];
/// A password that no message may show.
const CANARY: &str = "canary-password-Tq8Wn3";

/// What is done to a deployment, and what must be said of it.
struct Case {
    name: &'static str,
    /// Done to the files in the demo's folder.
    files: fn(&Path),
    /// Done to the database, as a superuser.
    statements: String,
    /// Undoes what a copy of the database does not.
    undo: &'static str,
    code: &'static str,
    state: &'static str,
    exit: i32,
}

fn case(name: &'static str, code: &'static str, state: &'static str) -> Case {
    Case { name, files: |_| {}, statements: String::new(), undo: "", code, state, exit: 1 }
}

fn in_files(name: &'static str, code: &'static str, state: &'static str, files: fn(&Path)) -> Case {
    Case { files, ..case(name, code, state) }
}

fn in_database(name: &'static str, code: &'static str, state: &'static str, statements: &str) -> Case {
    Case { statements: statements.to_owned(), ..case(name, code, state) }
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}

fn append(look: &Path, text: &str) {
    let file = look.join("exhibit.toml");
    let before = fs::read_to_string(&file).expect("a configuration");
    fs::write(file, before + text).expect("written");
}

/// The checkpoint that covers most, in this folder.
fn last_note(folder: &Path) -> PathBuf {
    let notes = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    notes.max().expect("the demo wrote checkpoints")
}

fn cases() -> Vec<Case> {
    let slot = |columns: &str, values: &str| {
        format!(
            "INSERT INTO exhibit.slot_claims (job, scheduled_for, planned_at, not_before{columns}) VALUES \
             ('ci-secrets-of-harbour-lane', now() - interval '2 days', now(), now() - interval '2 days'{values})"
        )
    };
    let token = |role: &str, ends: &str, used: &str| {
        format!(
            "INSERT INTO exhibit.tokens \
             (id, person, role, lookup, last4, hash, expires_at, created_at, created_by, last_used_at) \
             VALUES ('00000000-0000-7000-8000-000000000001', 'Ada', '{role}', 'abcdefgh', 'wxyz', \
                     decode(repeat('00', 32), 'hex'), now() + interval '{ends}', now() - interval '200 days', 'root', \
                     now() - interval '{used}')"
        )
    };
    vec![
        Case {
            exit: 2,
            ..in_files("no configuration that can be read", "config.loads", "fail", |look| append(look, "\nx = [\n"))
        },
        in_files("a configuration that all can change", "config.permissions", "fail", |look| {
            chmod(&look.join("exhibit.toml"), 0o666);
        }),
        in_files("a key that all can read", "secrets.permissions", "fail", |look| {
            chmod(&look.join("keys/log.key"), 0o644)
        }),
        in_files("a folder of keys that all can enter", "data.permissions", "fail", |look| {
            chmod(&look.join("keys"), 0o755)
        }),
        in_files("a data folder that all can change", "data.permissions", "fail", |look| chmod(look, 0o777)),
        in_files("a scanner that is not there", "work.scanners", "fail", |look| {
            append(
                look,
                "\n[[jobs]]\nid = \"lint\"\ncollector = \"static_analysis\"\nschedule = \"1 4 * * *\"\n\
                 environments = [\"build\"]\n[[jobs.source.targets]]\nsubject = \"shop\"\npath = \".\"\n\
                 files = [\"**/Dockerfile\"]\nscanner = { adapter = \"hadolint\", program = \"gone/hadolint\" }\n",
            );
        }),
        in_files("no archive", "archive.writable", "fail", |look| {
            fs::remove_dir_all(look.join("archive")).expect("removed");
        }),
        in_files("an archived object that can be written", "archive.write-once", "fail", |look| {
            chmod(&last_note(&look.join("archive/checkpoints")), 0o644);
        }),
        in_files("no key", "key.present", "fail", |look| fs::remove_file(look.join("keys/log.key")).expect("removed")),
        in_files("a key that is none", "key.present", "fail", |look| {
            fs::write(look.join("keys/log.key"), "nonsense\n").expect("written");
        }),
        in_files("no pinned key", "key.pin", "fail", |look| {
            fs::remove_file(look.join("keys/log.pub")).expect("removed")
        }),
        in_files("another log's pinned key", "key.pin", "fail", |look| {
            let other = SigningKey::from_seed("another.example/log", &[7; 32]).expect("a key");
            fs::write(look.join("keys/log.pub"), format!("{}\n", other.verifier())).expect("written");
        }),
        in_files("a signing key that is not the ledger's", "key.ledger", "fail", |look| {
            let pinned = fs::read_to_string(look.join("keys/log.pub")).expect("the pinned key");
            let own = VerifierKey::parse(pinned.trim()).expect("a key");
            let other = SigningKey::from_seed(own.name(), &[7; 32]).expect("a key");
            fs::write(look.join("keys/log.key"), other.to_secret_text().as_bytes()).expect("written");
        }),
        in_files("no checkpoint outside", "checkpoints.outside", "fail", |look| {
            fs::remove_dir_all(look.join("checkpoints")).expect("removed");
        }),
        in_files("a checkpoint that was rewritten", "checkpoints.outside", "fail", |look| {
            let note = last_note(&look.join("checkpoints"));
            let text = fs::read_to_string(&note).expect("a note");
            let size = text.lines().nth(1).expect("a size").to_owned();
            fs::write(&note, text.replacen(&size, &format!("{size}1"), 1)).expect("written");
        }),
        in_files("a last checkpoint that is gone", "checkpoints.current", "warn", |look| {
            fs::remove_file(last_note(&look.join("checkpoints"))).expect("removed");
        }),
        in_files("an archived checkpoint that is gone", "checkpoints.archived", "fail", |look| {
            fs::remove_file(last_note(&look.join("archive/checkpoints"))).expect("removed");
        }),
        in_files("a connection string that is nowhere", "database.reachable", "fail", |look| {
            append(look, "\n[database]\nurl = \"env:NO_SUCH_VARIABLE\"\n");
        }),
        in_files("a server that does not answer", "database.reachable", "fail", |look| {
            let file = look.join("keys/url");
            fs::write(&file, format!("postgres://svc:{CANARY}@127.0.0.1:1/exhibit\n")).expect("written");
            chmod(&file, 0o600);
            append(look, "\n[database]\nurl = \"file:keys/url\"\n");
        }),
        in_database(
            "a schema that is older",
            "database.schema",
            "fail",
            "DELETE FROM exhibit._sqlx_migrations WHERE version = (SELECT max(version) FROM exhibit._sqlx_migrations)",
        ),
        Case {
            undo: "ALTER ROLE exhibit_service NOSUPERUSER",
            ..in_database(
                "a service that is a superuser",
                "database.role",
                "fail",
                "ALTER ROLE exhibit_service SUPERUSER",
            )
        },
        in_database(
            "a database that only reads",
            "database.writable",
            "fail",
            "ALTER DATABASE exhibit SET default_transaction_read_only = on",
        ),
        in_database(
            "a trigger that is switched off",
            "database.fences",
            "fail",
            "ALTER TABLE exhibit.entries DISABLE TRIGGER append_only_rows",
        ),
        in_database(
            "a right that nobody gave",
            "database.fences",
            "fail",
            "GRANT UPDATE ON exhibit.ledger_head TO exhibit_service",
        ),
        in_database(
            "a ledger that nobody has written to for a month",
            "work.running",
            "fail",
            &tampering("UPDATE exhibit.ledger_head SET last_recorded_at = last_recorded_at - interval '30 days'"),
        ),
        in_database("a slot that nobody performs", "work.slots", "warn", &slot("", "")),
        in_database(
            "a lease that ran out",
            "work.leases",
            "warn",
            &slot(
                ", lease_token, lease_worker, lease_until",
                ", '00000000-0000-7000-8000-000000000000', 1, now() - interval '1 day'",
            ),
        ),
        in_files("a job without evidence", "work.fresh", "warn", |look| {
            append(
                look,
                "\n[[jobs]]\nid = \"new\"\ncollector = \"ci_secrets\"\nschedule = \"0 0 1 1 *\"\nenvironments = [\"build\"]\n\
                 source = { repositories = [{ id = \"x\", path = \".\" }] }\n",
            );
        }),
        in_files("a source that is gone", "work.sources", "warn", |look| {
            fs::remove_dir_all(look.join("example-company/unique_credentials")).expect("removed");
        }),
        in_database(
            "an object that waits for the archive",
            "archive.intents",
            "warn",
            "INSERT INTO exhibit.archive_intents (key, digest, size, subject, intended_at) \
             VALUES ('waiting', decode(repeat('00', 32), 'hex'), 1, 'report:x', now() - interval '2 days')",
        ),
        in_files("a listener that nobody opened", "service.listener", "warn", |look| {
            append(look, "\n[service]\nlisten = \"127.0.0.1:1\"\n");
        }),
        in_files("no certificate", "service.certificate", "fail", |look| {
            append(
                look,
                "\n[service]\nlisten = \"127.0.0.1:1\"\ntls_certificate = \"absent.pem\"\ntls_key = \"file:absent.key\"\n",
            );
        }),
        in_files("a listener beside its proxy", "service.road", "warn", |look| {
            append(look, "\n[service]\nlisten = \"0.0.0.0:1\"\nbehind_proxy = true\n");
        }),
        in_files("counters for the world", "service.metrics", "warn", |look| {
            append(look, "\n[service]\nmetrics_listen = \"0.0.0.0:1\"\n");
        }),
        in_files("nobody who could audit", "tokens.auditor", "warn", |look| {
            append(look, "\n[service]\nlisten = \"127.0.0.1:1\"\n");
        }),
        Case {
            files: |look| append(look, "\n[service]\nlisten = \"127.0.0.1:1\"\n"),
            ..in_database("tokens without their key", "tokens.key", "fail", &token("auditor", "90 days", "1 day"))
        },
        Case {
            files: |look| append(look, "\n[service]\nlisten = \"127.0.0.1:1\"\n"),
            ..in_database("a token that ends soon", "tokens.ending", "warn", &token("auditor", "9 days", "1 day"))
        },
        Case {
            files: |look| append(look, "\n[service]\nlisten = \"127.0.0.1:1\"\n"),
            ..in_database(
                "a token that nobody uses",
                "tokens.idle",
                "warn",
                &token("administrator", "9 days", "91 days"),
            )
        },
        in_database(
            "a report without a receipt",
            "archive.reports",
            "warn",
            &tampering("DELETE FROM exhibit.entries WHERE kind = 'receipt'"),
        ),
    ]
}

#[test]
fn each_broken_deployment_is_named_and_a_whole_one_is_well() {
    let place = Place::new();
    let look = place.join("look");
    let dir = look.to_str().expect("UTF-8").to_owned();
    json(0, Path::new(REPOSITORY), &["demo", "--dir", &dir, "--format", "json"]);
    chmod(&look, 0o755);
    chmod(&look.join("exhibit.toml"), 0o644);

    // Well, and untouched by having been looked at.
    let before = contents(&look);
    let well = json(0, place.path(), &["doctor", "--dir", &dir, "--format", "json"]);
    assert!(well.as_array().expect("a list").iter().all(|finding| finding["state"] == "ok"), "{well}");
    assert_eq!(contents(&look), before);
    let seen: Vec<&str> = codes(&well);
    let told = ends_with(0, place.path(), &["doctor", "--dir", &dir]);
    assert!(told.contains("no regulatory WORM"), "{told}");

    // Held to the end, so that each command finds the server running.
    let elsewhere = fs::read_to_string(look.join("postgres-is-in"));
    let folder = elsewhere.map_or_else(|_| look.join("postgres"), |text| PathBuf::from(text.trim_end()));
    let cluster = cluster::start_blocking(&ClusterOptions::new(folder)).expect("the demo's Postgres starts");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let hand = |database: &str, statements: &str| {
        let url = superuser_url(cluster.connection(), database);
        runtime.block_on(sql(&url, statements)).unwrap_or_else(|error| panic!("{statements}: {error}"));
    };
    hand("postgres", &format!("ALTER DATABASE {DATABASE} RENAME TO {PRISTINE}"));
    let kept = place.join("kept");
    CHANGED.iter().for_each(|name| copy(&look.join(name), &kept.join(name)));

    let mut missed = Vec::new();
    for case in cases() {
        hand("postgres", &format!("CREATE DATABASE {DATABASE} TEMPLATE {PRISTINE} OWNER {OWNER_ROLE}"));
        if !case.statements.is_empty() {
            hand(DATABASE, &case.statements);
        }
        (case.files)(&look);
        let told = output(place.path(), &["doctor", "--dir", &dir, "--format", "json"]);
        let printed = String::from_utf8_lossy(&told.stdout).into_owned();
        let said = format!("{printed}{}", String::from_utf8_lossy(&told.stderr));
        let findings: Value = serde_json::from_str(&printed).unwrap_or_default();
        let found = findings.as_array().into_iter().flatten().any(|finding| {
            finding["code"] == case.code
                && finding["state"] == case.state
                && finding["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty())
        });
        if !found || told.status.code() != Some(case.exit) || said.contains(CANARY) {
            missed.push(format!(
                "{}: not {} {}, or {:?} is not {}:\n{said}",
                case.name, case.code, case.state, told.status, case.exit
            ));
        }
        // Whatever is broken, nothing is passed over in silence.
        if let Some(silent) = seen.iter().find(|code| !codes(&findings).contains(code)) {
            missed.push(format!("{}: nothing is said of {silent}", case.name));
        }
        if !case.undo.is_empty() {
            hand("postgres", case.undo);
        }
        hand("postgres", &format!("DROP DATABASE {DATABASE} WITH (FORCE)"));
        for name in CHANGED {
            let target = look.join(name);
            let _ = if target.is_dir() { fs::remove_dir_all(&target) } else { fs::remove_file(&target) };
            copy(&kept.join(name), &target);
        }
        chmod(&look, 0o755);
    }
    hand("postgres", &format!("ALTER DATABASE {PRISTINE} RENAME TO {DATABASE}"));
    ends_with(0, place.path(), &["doctor", "--dir", &dir]);
    cluster.release_blocking().expect("the server stops");
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn what_was_never_started_is_not_started() {
    let place = Place::new();
    let told = output(place.path(), &["doctor", "--format", "json"]);
    assert_eq!(told.status.code(), Some(2), "there is no configuration");
    ends_with(0, place.path(), &["init"]);
    let findings = json(1, place.path(), &["doctor", "--format", "json"]);
    let of = |code: &str| {
        let finding = findings.as_array().expect("a list").iter().find(|finding| finding["code"] == code);
        finding.unwrap_or_else(|| panic!("{code} is looked at"))["state"].clone()
    };
    assert_eq!(
        (of("config.loads"), of("database.reachable"), of("work.fresh")),
        ("ok".into(), "fail".into(), "unknown".into())
    );
    let left: Vec<_> =
        fs::read_dir(place.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(left, ["exhibit.toml"], "nothing was made");
}

fn codes(findings: &Value) -> Vec<&str> {
    findings.as_array().into_iter().flatten().filter_map(|finding| finding["code"].as_str()).collect()
}

/// Every file of the deployment with its mode and bytes, but the running server's own.
fn contents(look: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![look.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("look/postgres") {
                folders.push(path);
            } else if path.is_file() {
                let mode = fs::metadata(&path).expect("it is there").permissions().mode();
                found.insert(path.clone(), (mode, fs::read(&path).expect("it can be read")));
            }
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::create_dir_all(to.parent().expect("files lie in folders")).expect("a folder");
        fs::copy(from, to).expect("copied");
        return;
    }
    fs::create_dir_all(to).expect("a folder");
    fs::set_permissions(to, fs::metadata(from).expect("it is there").permissions()).expect("ours");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}
