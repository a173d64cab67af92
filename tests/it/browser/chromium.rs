//! Finds Chromium, or installs Debian's where that can be done, and has it open a page.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Headless, with nothing that would call out: the page is a file.
const FLAGS: [&str; 11] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1800,1000",
    "--virtual-time-budget=10000",
];

/// The page's document after its scripts ran.
pub(super) fn dom(page: &Path) -> String {
    let out = open(page, &["--dump-dom".to_owned()]);
    String::from_utf8_lossy(&out).into_owned()
}

/// The page as PDF.
pub(super) fn pdf(page: &Path, to: &Path) -> Vec<u8> {
    open(page, &[format!("--print-to-pdf={}", to.display())]);
    fs::read(to).expect("the PDF was written")
}

fn open(page: &Path, what: &[String]) -> Vec<u8> {
    let profile = tempfile::tempdir().expect("a temporary folder");
    let out = Command::new(program())
        .args(FLAGS)
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(what)
        .arg(format!("file://{}", page.display()))
        .stdin(Stdio::null())
        .output()
        .expect("Chromium starts");
    assert!(out.status.success(), "Chromium: {}", String::from_utf8_lossy(&out.stderr));
    out.stdout
}

/// Chromium's program. Where there is none, root installs Debian's; anybody else is told what to install, and the test
/// counts as failed.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        find().or_else(install).expect("there is no Chromium here: install Debian's package `chromium`, as root")
    })
}

fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).flat_map(|folder| NAMES.map(|name| folder.join(name))).find(|program| program.is_file())
}

fn install() -> Option<PathBuf> {
    let log = env::temp_dir().join("exhibit-test-chromium.log");
    let log = File::create(log).ok()?;
    let apt = |arguments: &[&str]| {
        Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .stdout(log.try_clone().ok()?)
            .stderr(log.try_clone().ok()?)
            .status()
            .ok()?
            .success()
            .then_some(())
    };
    apt(&["update"])?;
    apt(&["install", "-y", "--no-install-recommends", "chromium", "fonts-dejavu-core"])?;
    find()
}
