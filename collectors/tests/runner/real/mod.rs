//! Scanners that install here, run by their adapters over small targets with planted faults.

mod bills;
mod code;
mod images;
mod locks;
mod ours;
mod packages_of_node;
mod packages_of_python;
mod secrets;
mod trivy;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use exhibit_collectors::results::{self, Reading};
use exhibit_collectors::scanners::{LooksAt, Request, Scan, ScanError, ScannerSettings, scan};

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
