//! The accessibility checker axe-core.

use std::{fs, sync::OnceLock};

use crate::package::Package;

/// A package that brings the script; nothing else of it is used.
const PACKAGE: Package = Package {
    requirement: "axe-playwright-python==0.1.8",
    sha256: "fdd263c998388f1a8e67cad02677e612d946248bd44d163be5e8650ea31f95f8",
    platform: &[],
};

/// The checker's script.
pub(super) fn script() -> &'static str {
    static SCRIPT: OnceLock<String> = OnceLock::new();
    SCRIPT.get_or_init(|| {
        let script = PACKAGE.folder().join("axe_playwright_python/axe.min.js");
        fs::read_to_string(script).expect("the package holds the script")
    })
}
