//! The accessibility checker axe-core, as a package of Python's installer brings it, its checksum pinned here.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::OnceLock,
};

/// The package, which holds nothing else that is used, and the script's path in it.
const PACKAGE: &str = "axe-playwright-python==0.1.8 \
    --hash=sha256:fdd263c998388f1a8e67cad02677e612d946248bd44d163be5e8650ea31f95f8\n";
const SCRIPT: &str = "axe_playwright_python/axe.min.js";

/// The checker's script.
pub(super) fn script() -> &'static str {
    static SCRIPT_TEXT: OnceLock<String> = OnceLock::new();
    SCRIPT_TEXT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("axe-0.1.8");
        let script = folder.join(SCRIPT);
        let _alone = super::alone();
        if !script.is_file() {
            obtain(&folder);
        }
        fs::read_to_string(script).expect("the package holds the script")
    })
}

fn obtain(folder: &Path) {
    let wanted = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(wanted.path(), PACKAGE).expect("written");
    let told = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"])
        .arg("--target")
        .arg(folder)
        .arg("--requirement")
        .arg(wanted.path())
        .stdin(Stdio::null())
        .output()
        .expect("python3 with pip obtains the accessibility checker: install Debian's package `python3-pip`");
    assert!(told.status.success(), "axe-core can't be obtained: {}", String::from_utf8_lossy(&told.stderr));
}
