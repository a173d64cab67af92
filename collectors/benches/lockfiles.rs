//! `cargo bench -p exhibit-collectors --bench lockfiles`: the population of generated lockfiles of 5,000 packages, counted.
//!
//! Beside it stands what Python's own parsers need for the same bytes, where it has one: for parsing alone, without names
//! and versions being put into one form, and without what the interpreter needs to start.

#![expect(clippy::print_stdout, reason = "the figures are what a benchmark is for")]

use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use exhibit_collectors::packages::Format;

const PACKAGES: usize = 5_000;
/// Runs, of which the median is printed.
const ROUNDS: usize = 5;

/// A lockfile of one kind: what stands before its packages, one of them, and what stands behind.
struct Kind {
    format: Format,
    before: &'static str,
    one: fn(usize) -> String,
    behind: &'static str,
    /// What stands behind that of each package once more.
    again: Option<fn(usize) -> String>,
    /// What Python parses it with, from `data`.
    peer: Option<&'static str>,
}

const HASH: &str = "670ad68c9088c2a963aaa298cb369688cf3f9465ce5e2d4ca10e6e0098a1ce73";

const KINDS: [Kind; 5] = [
    Kind {
        format: Format::Cargo,
        before: "version = 4\n",
        one: |n| {
            format!(
                "\n[[package]]\nname = \"crate-{n}\"\nversion = \"1.{n}.0\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"{HASH}\"\ndependencies = [\n \"crate-1\",\n \"crate-2\",\n]\n"
            )
        },
        behind: "",
        again: None,
        peer: Some("import tomllib; parse = lambda: tomllib.loads(data)"),
    },
    Kind {
        format: Format::Npm,
        before: "{\"lockfileVersion\": 3, \"packages\": {\"\": {\"name\": \"shop\"}",
        one: |n| {
            format!(
                ",\n\"node_modules/@scope/package-{n}\": {{\"version\": \"1.{n}.0\", \"resolved\": \"https://registry.npmjs.org/x/-/x-{n}.tgz\", \"integrity\": \"sha512-{HASH}\", \"license\": \"MIT\", \"dependencies\": {{\"a\": \"^1.0.0\", \"b\": \"^2.0.0\"}}}}"
            )
        },
        behind: "}}",
        again: None,
        peer: Some("import json; parse = lambda: json.loads(data)"),
    },
    Kind {
        format: Format::Pnpm,
        before: "lockfileVersion: '9.0'\n\npackages:\n",
        one: |n| {
            format!(
                "\n  '@scope/package-{n}@1.{n}.0':\n    resolution: {{integrity: sha512-{HASH}}}\n    engines: {{node: '>=6.0'}}\n    peerDependencies:\n      a: '*'\n"
            )
        },
        behind: "\nsnapshots:\n",
        again: Some(|n| format!("\n  '@scope/package-{n}@1.{n}.0':\n    dependencies:\n      a: 1.0.0\n")),
        peer: None,
    },
    Kind {
        format: Format::Yarn,
        before: "# yarn lockfile v1\n",
        one: |n| {
            format!(
                "\n\"@scope/package-{n}@^1.0.0\", \"@scope/package-{n}@^1.1.0\":\n  version \"1.{n}.0\"\n  resolved \"https://registry.yarnpkg.com/x/-/x-{n}.tgz#{HASH}\"\n  dependencies:\n    a \"^1.0.0\"\n"
            )
        },
        behind: "",
        again: None,
        peer: None,
    },
    Kind {
        format: Format::Requirements,
        before: "",
        one: |n| format!("Package_{n}==1.{n}.0 \\\n    --hash=sha256:{HASH}\n"),
        behind: "",
        again: None,
        peer: None,
    },
];

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// What Python needs to parse the same text, by its own clock.
fn peer(setup: &str, path: &std::path::Path) -> Option<String> {
    let code = format!(
        "import sys, time\ndata = open(sys.argv[1]).read()\n{setup}\ntimes = []\nfor _ in range({ROUNDS}):\n    begun = time.perf_counter()\n    parse()\n    times.append(time.perf_counter() - begun)\nprint(f'{{sorted(times)[len(times) // 2] * 1000:.1f}}ms')"
    );
    let output = Command::new("python3").arg("-c").arg(code).arg(path).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for kind in &KINDS {
        let mut text = kind.before.to_owned();
        for number in 0..PACKAGES {
            write!(text, "{}", (kind.one)(number)).expect("a text");
        }
        text.push_str(kind.behind);
        if let Some(again) = kind.again {
            text.extend((0..PACKAGES).map(again));
        }
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            let locked = kind.format.read("lockfile", text.as_bytes()).expect("in order");
            times.push(begun.elapsed());
            assert_eq!(locked.packages.len(), PACKAGES);
        }
        let path = folder.path().join("lockfile");
        std::fs::write(&path, &text).expect("written");
        let peer = kind.peer.and_then(|setup| peer(setup, &path)).unwrap_or_else(|| "none".to_owned());
        let (title, kib, time) = (kind.format.title(), text.len() / 1024, median(&mut times));
        println!("{title}: {PACKAGES} packages, {kib} KiB: {time:.1?}; Python parsing alone: {peer}");
    }
}
