//! The collector `log_redaction` on real journal files, which Debian's `systemd-journal-remote` writes without systemd.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use exhibit_collectors::{Collector as _, Scope, Settings, log_redaction::LogRedaction};
use exhibit_evidence::{Clock, EnvironmentId, Observation, Timestamp, Verdict, deployment::Environment};

use crate::{
    debian::{Program, install},
    packages::alone,
};

const REMOTE: Program = Program { package: "systemd-journal-remote", path: "lib/systemd/systemd-journal-remote" };
/// What that one needs beside what systemd itself brings.
const HTTP: Program = Program { package: "libmicrohttpd12", path: "usr/lib/x86_64-linux-gnu/libmicrohttpd.so.12" };
const TOKEN: &str = "ghp_FakeExhibitValue0NotARealKey70ABCDEF";

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        "2026-11-20T12:00:00.000000Z".parse().expect("an instant")
    }
}

/// Entries in the journal's export format: <https://systemd.io/JOURNAL_EXPORT_FORMATS/>.
fn exported(messages: &[(&str, &[u8])]) -> Vec<u8> {
    let mut text = Vec::new();
    for (number, (unit, message)) in messages.iter().enumerate() {
        let head = format!(
            "__REALTIME_TIMESTAMP={}\n__MONOTONIC_TIMESTAMP={}\n_BOOT_ID={:032x}\n_MACHINE_ID={:032x}\n_SYSTEMD_UNIT={unit}\nPRIORITY=6\n",
            1_763_640_000_000_000_u64 + number as u64,
            1_000 + number,
            1,
            2
        );
        text.extend_from_slice(head.as_bytes());
        text.extend_from_slice(b"MESSAGE\n");
        text.extend_from_slice(&(message.len() as u64).to_le_bytes());
        text.extend_from_slice(message);
        text.extend_from_slice(b"\n\n");
    }
    text
}

fn write_journal(place: &Path, messages: &[(&str, &[u8])]) -> PathBuf {
    if !Path::new("/usr/bin/journalctl").is_file() && !Path::new("/bin/journalctl").is_file() {
        let _alone = alone();
        install(&["systemd"]);
    }
    let (remote, library) = (REMOTE.find(), HTTP.find());
    let input = place.join("entries.export");
    fs::write(&input, exported(messages)).expect("written");
    let journal = place.join("remote.journal");
    let status = Command::new(remote)
        .arg("-o")
        .args([&journal, &input])
        .env("LD_LIBRARY_PATH", library.parent().expect("a folder"))
        .stderr(Stdio::null())
        .status()
        .expect("started");
    assert!(status.success(), "systemd-journal-remote: {status}");
    journal
}

fn look(place: &Path, journal: &str) -> (Observation, Vec<(Verdict, String)>, Vec<String>) {
    let environments =
        [Environment { id: EnvironmentId::new("production").expect("an id"), title: String::new(), disposable: false }];
    let scope = Scope {
        base: place,
        environments: &environments,
        clock: &Noon,
        run_key: &[7; 32],
        engine: exhibit_detect::Engine::builtin(),
        own: exhibit_collectors::own::Own::default(),
    };
    let source = format!("[[logs]]\nid = \"hosts\"\njournal = {journal}\n");
    let settings = Settings { source: toml::from_str(&source).expect("TOML"), policy: toml::Table::new() };
    LogRedaction.check_settings(&settings).expect("settings are in order");
    let observation = LogRedaction.collect(&scope, &settings).expect("collected").observation;
    let judged = LogRedaction.judge(&observation, &environments, &settings.policy).expect("judged");
    let findings = judged.iter().flat_map(|one| &one.findings);
    let told = findings.map(|one| format!("{} {} x{}", one.condition, one.place.human(), one.instances)).collect();
    let said = judged.iter().map(|one| (one.verdict(), one.subjects[0].reason.clone())).collect();
    (observation, said, told)
}

#[test]
fn real_journal_files_are_read_whole_and_field_by_field() {
    let place = tempfile::tempdir().expect("a folder");
    let leak = format!("calling upstream with {TOKEN}");
    let bytes = [b"not text: \xff\xfe\n second line ", TOKEN.as_bytes()].concat();
    let mut messages: Vec<(&str, &[u8])> = vec![("api.service", b"request done"); 500];
    messages[3] = ("api.service", leak.as_bytes());
    messages[4] = ("session-12.scope", &bytes);
    messages[499] = ("session-7.scope", leak.as_bytes());
    write_journal(place.path(), &messages);

    let (observation, said, findings) = look(place.path(), "{ files = [\"remote.journal\"] }");
    let population = &observation.population[0];
    assert_eq!((population.exist, population.examined), (Some(500), 500), "{:?}", observation.problems);
    assert_eq!(population.unit, "journal entry");
    assert_eq!(said[0].0, Verdict::Fail, "{}", said[0].1);
    let mut findings = findings;
    findings.sort();
    assert_eq!(
        findings,
        ["log-redaction.token api.service:4 x1", "log-redaction.token session-*.scope:5 x2"],
        "one finding for each rule and kind of unit, told by the entry"
    );
    assert!(!serde_json::to_string(&observation).expect("JSON").contains("FakeExhibit"));

    // Narrowed, it is counted by a run of its own.
    let (narrowed, said, _) = look(place.path(), "{ directory = \".\", units = [\"session-7.scope\"] }");
    assert_eq!((narrowed.population[0].exist, narrowed.population[0].examined), (Some(1), 1), "{said:?}");
    assert_eq!(narrowed.filters.len(), 1);
    let (_, said, _) = look(place.path(), "{ files = [\"remote.journal\"], since = \"2035-01-01\" }");
    assert_eq!(said[0].0, Verdict::Vacuous, "{}", said[0].1);
}

#[test]
fn a_journal_that_is_damaged_or_missing_is_never_passed() {
    let place = tempfile::tempdir().expect("a folder");
    let requests: Vec<String> = (0..200).map(|number| format!("request {number} done")).collect();
    let messages: Vec<(&str, &[u8])> = requests.iter().map(|text| ("api.service", text.as_bytes())).collect();
    let journal = write_journal(place.path(), &messages);
    let (_, said, _) = look(place.path(), "{ files = [\"remote.journal\"] }");
    assert_eq!(said[0].0, Verdict::Pass, "{}", said[0].1);
    // Its middle is gone: journalctl then prints what is before it, and says that all is well.
    let mut bytes = fs::read(&journal).expect("a journal");
    let needle = b"MESSAGE=request 100 done";
    let at = bytes.windows(needle.len()).position(|window| window == needle).expect("it is not compressed");
    bytes[at - 64..at + 4096].fill(0);
    fs::write(&journal, &bytes).expect("written");
    let (_, said, _) = look(place.path(), "{ files = [\"remote.journal\"] }");
    assert_eq!(said[0].0, Verdict::Error, "{}", said[0].1);
    assert!(said[0].1.contains("200 exist by the source's own count"), "{}", said[0].1);
    fs::write(&journal, b"no journal").expect("written");
    let (_, said, _) = look(place.path(), "{ files = [\"remote.journal\"] }");
    assert!(matches!(said[0].0, Verdict::Error | Verdict::Vacuous), "{}", said[0].1);
    let (_, said, _) = look(place.path(), "{ files = [\"none.journal\"] }");
    assert_eq!(said[0].0, Verdict::Error, "{}", said[0].1);
}
