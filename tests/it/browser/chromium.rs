//! Finds Chromium, or installs Debian's where that can be done, and has it open a page.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Headless, with nothing that would call out: the page is a file.
const FLAGS: [&str; 12] = [
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
    "--virtual-time-budget=20000",
    "--enable-logging=stderr",
];

/// A browser that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(180);

/// What the reader of a page prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Light,
    Dark,
}

/// The page's document after its scripts ran.
pub(super) fn dom(page: &Path, scheme: Scheme) -> String {
    let dark = (scheme == Scheme::Dark).then(|| "--force-dark-mode".to_owned());
    let opened = open(page, dark.into_iter().chain(["--dump-dom".to_owned()]));
    String::from_utf8_lossy(&opened.stdout).into_owned()
}

/// What the browser itself complains of, in its console.
pub(super) fn console(page: &Path) -> Vec<String> {
    let opened = open(page, ["--dump-dom".to_owned()]);
    String::from_utf8_lossy(&opened.stderr).lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect()
}

/// The page as PDF.
pub(super) fn pdf(page: &Path, to: &Path) -> Vec<u8> {
    open(page, ["--no-pdf-header-footer".to_owned(), format!("--print-to-pdf={}", to.display())]);
    fs::read(to).expect("the PDF was written")
}

struct Opened {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

fn open(page: &Path, what: impl IntoIterator<Item = String>) -> Opened {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Into files, so that nobody has to read while the browser writes.
    let [stdout, stderr] = ["out", "err"].map(|name| folder.path().join(name));
    let into = |path: &Path| File::create(path).expect("a file");
    let mut browser = Command::new(program())
        .args(FLAGS)
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .args(what)
        .arg(format!("file://{}", page.display()))
        .stdin(Stdio::null())
        .stdout(into(&stdout))
        .stderr(into(&stderr))
        .spawn()
        .expect("Chromium starts");
    let begun = Instant::now();
    let status = loop {
        match browser.try_wait().expect("a child of ours") {
            Some(status) => break status,
            None if begun.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(20)),
            None => {
                browser.kill().and_then(|()| browser.wait()).expect("a child of ours");
                panic!("Chromium hangs on {}", page.display());
            }
        }
    };
    let read = |path: &Path| fs::read(path).expect("it was written");
    let opened = Opened { stdout: read(&stdout), stderr: read(&stderr) };
    assert!(status.success(), "Chromium: {}", String::from_utf8_lossy(&opened.stderr));
    opened
}

/// Chromium's program. Where there is none, root installs Debian's; anybody else is told what to install, and the test
/// counts as failed.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let found = find().or_else(|| {
            let _alone = crate::packages::alone();
            find().or_else(install)
        });
        found.expect("there is no Chromium here: install Debian's package `chromium`, as root")
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
