//! Scanners that install here, run by their adapters over small targets with planted faults.

mod bills;
mod code;
mod images;
mod locks;
mod ours;
mod packages_of_node;
mod packages_of_python;
mod secrets;
mod silencers;
mod trivy;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use exhibit_collectors::own::Own;
use exhibit_collectors::results::{self, Reading};
use exhibit_collectors::scanners::{LooksAt, Request, Scan, ScanError, ScannerSettings, scan};
use exhibit_collectors::{Collected, Registry, Scope, Settings};
use exhibit_evidence::assessment::Judgement;
use exhibit_evidence::deployment::Environment;
use exhibit_evidence::{Clock, EnvironmentId, Timestamp};

use crate::runner;
use crate::scanners::program;

/// A target, and the folder that settings are relative to.
struct Place(tempfile::TempDir);

impl Place {
    fn new(files: &[(&str, &str)]) -> Self {
        let place = Self(tempfile::tempdir().expect("a folder"));
        for (path, text) in files {
            place.write(path, text.as_bytes());
        }
        place
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, bytes).expect("written");
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn scan(&self, settings: &ScannerSettings, looks_at: LooksAt, target: &str) -> Result<Scan, ScanError> {
        let problems = settings.look_through("source.scanner");
        assert!(problems.is_empty(), "{problems:?}");
        let adapter = settings.adapter(self.0.path()).expect("in order");
        scan(&Request {
            runner: &runner(),
            adapter: &adapter,
            settings,
            base: self.0.path(),
            target: Path::new(target),
            looks_at,
            name: "target",
        })
    }
}

fn settings(place: &Place, adapter: &str, parameters: &[(&str, &str)]) -> ScannerSettings {
    let program = program(adapter, place.0.path());
    ScannerSettings {
        adapter: adapter.to_owned(),
        mode: None,
        program: Some(program.path.display().to_string()),
        pin: None,
        parameters: parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        read: program.read,
        seconds: Some(120),
        heed_suppressions: false,
    }
}

fn text(scan: &mut Scan) -> String {
    let mut text = String::new();
    scan.result.read_to_string(&mut text).expect("text");
    assert_eq!(text.len() as u64, scan.result_bytes);
    text
}

fn json(scan: &mut Scan) -> serde_json::Value {
    serde_json::from_str(&text(scan)).expect("JSON")
}

fn fenced(scan: &Scan) -> bool {
    crate::fenced(&scan.facts.in_force)
}

/// What is read of its result.
fn read(scan: &Scan) -> Reading {
    results::reading(&scan.facts.adapter, scan, Some(scan.format)).expect("it is read")
}

struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// What a collector observes, and judges by a policy.
fn observed(place: &Place, collector: &str, source: &str, policy: &str) -> (Vec<Judgement>, Collected) {
    let settings = Settings {
        source: toml::from_str(source).expect("settings"),
        policy: toml::from_str(policy).expect("a policy"),
    };
    let (runner, id) = (runner(), EnvironmentId::new("production").expect("an id"));
    let environments = [Environment { title: id.to_string(), id, disposable: false }];
    let scope = Scope {
        base: &place.path(""),
        environments: &environments,
        clock: &At("2026-11-20T12:00:00.000000Z".parse().expect("an instant")),
        run_key: &[1; 32],
        engine: exhibit_detect::Engine::builtin(),
        own: Own { runner: Some(&runner), ..Own::default() },
    };
    let registry = Registry::built_in().expect("in order");
    let collector = &registry.get(collector).expect("it is there").collector;
    let collected = collector.collect(&scope, &settings).expect("observed");
    let judged = collector.judge(&collected.observation, &environments, &settings.policy).expect("judged");
    (judged, collected)
}
