//! The cases beside this file, and what holds whatever the case.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use exhibit_evidence::{EnvironmentId, Observation, Verdict, deployment::Environment};

use super::facts::{Answer, Facts};
use super::judge::CHECKS;
use super::{KeyCustody, conditions};
use crate::attested::RecordedAttestations;
use crate::cases::{self, Case, CaseClock};
use crate::own::Own;
use crate::{Collector as _, Registry, Scope, Settings};

const KEY: &str = "6e0f5b92c47a13d8af30429be5816c7d0d94f7b1832e6ac55fb8c90e7a41d326";
const OTHER: &str = "13c70a9ed2584f6bb1e8057c3fa96d24e07b5c819f42d63a08ce71b5942d6af0";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("key_custody")
}

fn cases() -> Vec<Case> {
    let cases = cases::list(&folder()).expect("cases");
    cases.iter().map(|case| Case::read(case).expect("the case reads")).collect()
}

/// Set `EXHIBIT_WRITE_CASES` to record what is found as what is expected.
#[test]
fn cases_give_what_they_say() {
    let write = std::env::var_os("EXHIBIT_WRITE_CASES").is_some();
    assert!(cases().len() >= 22);
    for case in cases() {
        let scratch = tempfile::tempdir().expect("a folder");
        KeyCustody.check_settings(&case.settings).expect("settings are in order");
        case.check(&KeyCustody, scratch.path(), write).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn the_self_test_passes() {
    let result = KeyCustody.self_test(exhibit_detect::Engine::builtin());
    assert!(result.passed, "{}", result.detail);
}

#[test]
fn the_manifest_names_the_checks_in_their_order() {
    let registry = Registry::built_in().expect("in order");
    let manifest = &registry.get("key_custody").expect("built in").manifest;
    let named: Vec<&str> = manifest.checks.iter().map(|check| check.id.as_str()).collect();
    assert_eq!(named, CHECKS.map(|(check, _)| check));
}

fn observed(base: &Path, settings: &Settings, run_key: u8) -> Observation {
    observed_with(base, settings, run_key, Own::default())
}

fn observed_with(base: &Path, settings: &Settings, run_key: u8, own: Own<'_>) -> Observation {
    let environments =
        [Environment { id: EnvironmentId::new("production").expect("an id"), title: String::new(), disposable: false }];
    let run_key = [run_key; 32];
    let engine = exhibit_detect::Engine::builtin();
    let clock = &CaseClock;
    let scope = Scope { base, environments: &environments, clock, run_key: &run_key, engine, own };
    KeyCustody.collect(&scope, settings).expect("collected").observation
}

fn answers(observation: &Observation) -> Vec<Answer> {
    let facts: Facts = serde_json::from_value(observation.facts.clone()).expect("facts");
    facts.keys[0].running.iter().chain(&facts.keys[0].copies).map(|place| place.answer).collect()
}

fn verdicts(observation: &Observation, policy: &str) -> Vec<(String, Verdict)> {
    let judged = KeyCustody.judge(observation, &[], &toml::from_str(policy).expect("TOML")).expect("judged");
    judged.iter().map(|one| (one.check.as_str().to_owned(), one.verdict())).collect()
}

/// Each condition occurs in a case, but for those that need a vault.
#[test]
fn cases_show_the_conditions() {
    let mut seen = BTreeSet::new();
    for case in cases() {
        let text = fs::read_to_string(case.folder.join("expected.json")).expect("recorded");
        seen.extend(conditions::ALL.into_iter().filter(|condition| text.contains(condition)));
    }
    let missing: Vec<_> = conditions::ALL.into_iter().filter(|condition| !seen.contains(condition)).collect();
    let of_a_source_with_versions = conditions::OVERDUE;
    assert_eq!(
        missing,
        [of_a_source_with_versions, conditions::SNAPSHOT, conditions::SNAPSHOT_STALE, conditions::SNAPSHOT_KEY]
    );
}

/// No key, in whichever writing, and no answer: two runs over the same keys differ in the challenge and in nothing else.
#[test]
fn evidence_holds_no_key_and_nothing_that_another_run_could_use() {
    for case in cases() {
        let scratch = tempfile::tempdir().expect("a folder");
        let base = KeyCustody.prepare_case(&case.folder.join("input"), scratch.path(), cases::instant()).expect("prepared");
        let texts = [1, 2].map(|run| {
            let observation = observed(&base, &case.settings, run);
            let judged = KeyCustody.judge(&observation, &case.environments, &case.settings.policy).expect("judged");
            format!("{observation:?}{judged:?}")
        });
        for key in [KEY, OTHER] {
            let bytes: Vec<u8> =
                (0..32).map(|at| u8::from_str_radix(&key[2 * at..2 * at + 2], 16).expect("hexadecimal")).collect();
            let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &bytes);
            for form in [key, &key.to_uppercase(), &base64, &key[..16], &base64[..12]] {
                assert!(!texts[0].contains(form), "{}: {form}", case.folder.display());
            }
        }
        let without_challenge = |text: &str| {
            let mut rest = text.to_owned();
            while let Some(at) = rest.find("exhibit-key-custody/1 ") {
                rest.replace_range(at..at + "exhibit-key-custody/1 ".len() + 64, "challenge");
            }
            rest
        };
        assert_eq!(without_challenge(&texts[0]), without_challenge(&texts[1]), "{}", case.folder.display());
    }
}

fn settings(source: &str) -> Settings {
    let settings = Settings { source: toml::from_str(source).expect("TOML"), policy: toml::Table::new() };
    KeyCustody.check_settings(&settings).unwrap_or_else(|problems| panic!("{problems:?}"));
    settings
}

/// A service answers by itself: what it is asked goes through a pipe, and its key stays where it is.
#[test]
fn a_service_answers_without_giving_its_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = "read -r asked; case $asked in 'exhibit-key-custody/1 '*) ;; *) exit 1 ;; esac\n\
                  printf %s \"$asked\" | openssl dgst -sha256 -mac HMAC -macopt \"hexkey:$(cat \"$1\")\" | sed 's/.*= //'\n";
    for (name, text) in [("answer.sh", script), ("key", KEY), ("other", OTHER), ("copy", KEY)] {
        fs::write(folder.path().join(name), text).expect("written");
    }
    let settings = settings(
        "[[keys]]\nenvironment = 'production'\nname = 'ENCRYPTION_KEY'\nbytes = 32\nrunning = [\n\
         { name = 'backend', challenge = { run = ['sh', 'answer.sh', 'key'] } },\n\
         { name = 'worker', challenge = { run = ['sh', 'answer.sh', 'key'] } },\n\
         { name = 'beat', challenge = { run = ['sh', 'answer.sh', 'other'] } },\n\
         { name = 'mute', challenge = { run = ['sh', '-c', 'echo no'] } },\n\
         { name = 'down', challenge = { run = ['./no-such-program'] } },\n]\n\
         copies = [{ name = 'file', file = 'copy' }]\n",
    );
    let observation = observed(folder.path(), &settings, 7);
    use Answer::{Differs, Match, Unreadable};
    assert_eq!(answers(&observation), [Match, Match, Differs, Unreadable, Unreadable, Match]);
    let verdicts = verdicts(&observation, "copies = 1");
    assert_eq!(verdicts[0], ("key-custody.services-agree".to_owned(), Verdict::Fail));
    assert_eq!(observation.population[0].excluded[0].count, 2);
}

/// Two places that fail together are one, however they are written.
#[test]
fn places_of_one_server_or_of_this_machine_are_one_site() {
    let vault = |path: &str| format!("vault = {{ address = 'https://vault.example:8200/', token = 'env:T', path = '{path}' }}");
    let places = [
        vault("a"),
        vault("b"),
        "file = 'a.key'".to_owned(),
        "dotenv = 'b.env'".to_owned(),
        "encrypted = { files = 'c.age', by = 'age', format = 'value', identities = 'i' }".to_owned(),
        "command = { run = ['manager', 'one'], format = 'json' }".to_owned(),
        "command = { run = ['manager', 'two'], format = 'json' }".to_owned(),
        "restic = { repository = '/mnt/r', path = '/a' }".to_owned(),
        "restic = { repository = '/mnt/r', path = '/b' }".to_owned(),
        "s3 = { bucket = 'b', object = 'x/y', aws = { region = 'eu-central-1' } }".to_owned(),
        "s3 = { bucket = 'b', object = 'z', aws = { region = 'eu-central-1' } }".to_owned(),
        "file = 'd.key'\nsite = 'safe'".to_owned(),
    ];
    let mut source = "[[keys]]\nenvironment = 'production'\nname = 'K'\nrunning = [{ name = 'app', dotenv = 'a.env' }]\n".to_owned();
    for (number, place) in places.iter().enumerate() {
        source.push_str(&format!("[[keys.copies]]\nname = '{number}'\n{place}\n"));
    }
    let read = super::settings::Source::read(&settings(&source).source).expect("in order");
    let root = crate::sources::Root::folder(Path::new("/"));
    let around = crate::sources::Surroundings { root: &root, clock: &CaseClock };
    let sites: Vec<String> = read.keys[0].copies.iter().map(|place| super::looking::site(place, &around)).collect();
    let (vault, manager) = ("vault at https://vault.example:8200", "what manager prints");
    let expected = [
        vault, vault, "local files", "local files", "local files", manager, manager, "restic repository /mnt/r",
        "restic repository /mnt/r", "bucket b", "bucket b", "safe",
    ];
    assert_eq!(sites, expected);
}

/// Whoever is down is asked twice in a run, not for every key.
#[test]
fn a_place_that_fails_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.env"), format!("A={KEY}\nB={KEY}\nC={KEY}\nD={KEY}\n")).expect("written");
    let key = |name: &str| {
        format!(
            "[[keys]]\nenvironment = 'production'\nname = '{name}'\nrunning = [{{ name = 'app', dotenv = 'a.env' }}]\n\
             copies = [{{ name = 'manager', command = {{ run = ['sh', '-c', 'echo asked >> log; exit 3'], format = 'json' }} }}]\n"
        )
    };
    let source: String = ["A", "B", "C", "D"].map(key).concat();
    let observation = observed(folder.path(), &settings(&source), 7);
    assert_eq!(fs::read_to_string(folder.path().join("log")).expect("asked").lines().count(), 2);
    let facts: Facts = serde_json::from_value(observation.facts.clone()).expect("facts");
    let codes: Vec<_> = facts.keys.iter().map(|key| key.copies[0].code.clone().expect("a code")).collect();
    assert_eq!(codes, ["command-failed", "command-failed", "left-alone", "left-alone"]);
    // Not asked is not found out: an error for each of the four.
    let judged = KeyCustody.judge(&observation, &[], &toml::from_str("copies = 1").expect("TOML")).expect("judged");
    for check in ["copies", "same-as-running"] {
        let judgement = judged.iter().find(|one| one.check.as_str().ends_with(check)).expect("judged");
        assert_eq!(judgement.subjects.iter().map(|one| one.verdict).collect::<Vec<_>>(), [Verdict::Error; 4], "{check}");
    }
}

/// Nothing that a place gave is kept, for another key or for another run.
#[test]
fn every_key_and_every_run_asks_again() {
    use crate::remote::fake::{FakeServer, Reply};
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.env"), format!("K={KEY}\n")).expect("written");
    fs::write(folder.path().join("token"), "a-token").expect("written");
    // Another key with every answer but the first.
    let vault = FakeServer::plain(|asked, _| match asked.target.as_str() {
        "/v1/secret/metadata?list=true" => Reply::ok(r#"{"data":{"keys":["s"]}}"#),
        "/v1/secret/data/s" => {
            static ASKED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
            let key = if ASKED.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 { KEY } else { OTHER };
            Reply::ok(format!(r#"{{"data":{{"data":{{"K":"{key}"}},"metadata":{{}}}}}}"#))
        }
        _ => Reply::status(403),
    });
    let key = |subject: &str| {
        format!(
            "[[keys]]\nenvironment = 'production'\nname = 'K'\nsubject = '{subject}'\n\
             running = [{{ name = 'app', dotenv = 'a.env' }}]\n\
             copies = [{{ name = 'vault', vault = {{ address = '{}', token = 'file:token' }} }}]\n",
            vault.url
        )
    };
    let settings = settings(&["one", "two"].map(key).concat());
    let copies = |observation: &Observation| -> Vec<Answer> {
        let facts: Facts = serde_json::from_value(observation.facts.clone()).expect("facts");
        facts.keys.iter().map(|key| key.copies[0].answer).collect()
    };
    use Answer::{Differs, Match};
    assert_eq!(copies(&observed(folder.path(), &settings, 7)), [Match, Differs]);
    assert_eq!(copies(&observed(folder.path(), &settings, 8)), [Differs, Differs]);
    let values = vault.asked().iter().filter(|asked| asked.target == "/v1/secret/data/s").count();
    assert_eq!(values, 4);
}

/// What a source tells of versions and readers is what rotation and access are judged by.
#[test]
fn a_manager_that_knows_since_when_is_believed() {
    let folder = tempfile::tempdir().expect("a folder");
    let json = format!(r#"[{{"name":"K","value":"{KEY}","changed":"2026-06-01T00:00:00Z"}}]"#);
    fs::write(folder.path().join("manager.json"), json).expect("written");
    let settings = settings(
        "[[keys]]\nenvironment = 'production'\nname = 'K'\n[[keys.running]]\nname = 'app'\n[keys.running.command]\n\
         run = ['cat', 'manager.json']\nformat = 'json'\nvalue_field = 'value'\nsince_field = 'changed'\n",
    );
    let observation = observed(folder.path(), &settings, 7);
    let rotation = |policy: &str| {
        let all = verdicts(&observation, policy);
        all.into_iter().find(|(check, _)| check == "key-custody.rotation").map(|(_, verdict)| verdict)
    };
    assert_eq!(rotation("rotation = '30d'"), Some(Verdict::Fail));
    assert_eq!(rotation("rotation = '365d'"), Some(Verdict::Pass));
    assert_eq!(rotation(""), Some(Verdict::NotApplicable));
}

/// An attestation is about the key of its day: where a place tells that the current one came later, it counts for nothing.
#[test]
fn what_was_attested_before_a_rotation_counts_no_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = settings(
        "[[keys]]\nenvironment = 'production'\nname = 'K'\ncopies = [{ name = 'safe', attested = 'safe' }]\n\
         [[keys.running]]\nname = 'app'\n[keys.running.command]\n\
         run = ['cat', 'manager.json']\nformat = 'json'\nvalue_field = 'value'\nsince_field = 'changed'\n",
    );
    let attestations: RecordedAttestations = serde_json::from_str(
        r#"{"attestations":{"production/K/safe":[{"attestation":"019abf2f-5c38-7707-8707-070707070730","standing":"in-force",
            "made_at":"2026-11-02T09:00:00.000000Z","confirmed_at":"2026-11-03T09:00:00.000000Z","until":"2026-12-31T23:00:00.000000Z"}]}}"#,
    )
    .expect("attestations");
    for (changed, verdict) in [("2026-11-02T08:59:59Z", Verdict::Pass), ("2026-11-02T09:30:00Z", Verdict::Fail)] {
        let json = format!(r#"[{{"name":"K","value":"{KEY}","changed":"{changed}"}}]"#);
        fs::write(folder.path().join("manager.json"), json).expect("written");
        let own = Own { attestations: Some(&attestations), ..Own::default() };
        let observation = observed_with(folder.path(), &settings, 7, own);
        let policy: toml::Table = toml::from_str("copies = 1\nobserved_copies = 0").expect("TOML");
        let judged = KeyCustody.judge(&observation, &[], &policy).expect("judged");
        let copies = judged.iter().find(|one| one.check.as_str() == "key-custody.copies").expect("the check");
        let reason = &copies.subjects[0].reason;
        assert_eq!((copies.verdict(), reason.contains("only since")), (verdict, verdict == Verdict::Fail), "{reason}");
    }

    // Where no service answers, nobody knows whether it is the current key that was attested.
    fs::remove_file(folder.path().join("manager.json")).expect("removed");
    let own = Own { attestations: Some(&attestations), ..Own::default() };
    let observation = observed_with(folder.path(), &settings, 7, own);
    let policy: toml::Table = toml::from_str("copies = 1\nobserved_copies = 0").expect("TOML");
    let judged = KeyCustody.judge(&observation, &[], &policy).expect("judged");
    let copies = judged.iter().find(|one| one.check.as_str() == "key-custody.copies").expect("the check");
    assert_eq!(copies.verdict(), Verdict::Error, "{}", copies.subjects[0].reason);

    let policy: toml::Table = toml::from_str("copies = 1\nobserved_copies = 2").expect("TOML");
    assert!(KeyCustody.judge(&observation, &[], &policy).is_err(), "more can't have been observed than there are");
}

/// The same over HTTP, with TLS: the service sees the challenge, and we see its answer.
#[test]
fn a_service_answers_over_https() {
    use crate::remote::fake::{FakeServer, Reply};
    use super::proof::key_of;
    let folder = tempfile::tempdir().expect("a folder");
    let answer = |asked: &[u8]| {
        let shape = super::proof::Shape { encoding: super::proof::Writing::Hex, bytes: Some(32) };
        let (key, _) = key_of(KEY.as_bytes(), shape);
        let tag = aws_lc_rs::hmac::sign(&aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &key), asked);
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let server = FakeServer::tls(move |asked, _| match asked.header("authorization") {
        Some("Bearer may-ask") if asked.target == "/custody?deep" => Reply::ok(answer(&asked.body)),
        Some("Bearer may-ask") => Reply::ok("an error page, but 200"),
        _ => Reply::status(403),
    });
    let authority = server.authority.as_ref().expect("it has one");
    for (name, text) in [("ca.pem", authority.as_slice()), ("may", b"may-ask\n"), ("no", b"may-not\n"), ("a.env", format!("K={KEY}").as_bytes())] {
        fs::write(folder.path().join(name), text).expect("written");
    }
    let place = |name: &str, path: &str, permit: &str, more: &str| {
        let url = format!("{}/{path}", server.url);
        format!("{{ name = '{name}', http = {{ url = '{url}', permit = 'file:{permit}', time_limit = 20{more} }} }}")
    };
    let trusted = ", authorities = 'ca.pem'";
    let places = [
        place("good", "custody?deep", "may", trusted),
        place("page", "other", "may", trusted),
        place("good again", "custody?deep", "may", trusted),
        place("denied", "custody?deep", "no", trusted),
    ];
    let source = format!(
        "[[keys]]\nenvironment = 'production'\nname = 'K'\nrunning = [{{ name = 'file', dotenv = 'a.env' }}, {}]\n",
        places.join(", ")
    );
    let observation = observed(folder.path(), &settings(&source), 7);
    use Answer::{Match, Unreadable};
    assert_eq!(answers(&observation), [Match, Match, Unreadable, Match, Unreadable]);
    let facts: Facts = serde_json::from_value(observation.facts.clone()).expect("facts");
    let codes: Vec<_> = facts.keys[0].running.iter().filter_map(|place| place.code.as_deref()).collect();
    assert_eq!(codes, ["no-answer", "denied"]);
    let text = format!("{observation:?}");
    assert!(!text.contains("may-ask") && !text.contains("deep"), "{text}");
    assert_eq!(String::from_utf8(server.asked()[0].body.clone()).expect("text"), facts.keys[0].challenge);

    let untrusted = place("x", "custody?deep", "may", "");
    let source = format!("[[keys]]\nenvironment = 'production'\nname = 'K'\nrunning = [{untrusted}]\n");
    let facts: Facts = serde_json::from_value(observed(folder.path(), &settings(&source), 7).facts).expect("facts");
    assert_eq!(facts.keys[0].running[0].code.as_deref(), Some("untrusted"));
}
