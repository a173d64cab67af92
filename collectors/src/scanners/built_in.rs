//! The adapters that Exhibit brings.

use std::sync::LazyLock;

use super::manifest::Adapter;

macro_rules! adapters {
    ($($id:literal),* $(,)?) => {
        /// Names and texts of the files in `adapters/`.
        pub(super) const FILES: &[(&str, &str)] = &[$(($id, include_str!(concat!("adapters/", $id, ".toml")))),*];
    };
}

adapters!(
    "bundler-audit",
    "cargo-audit",
    "checkov",
    "gitleaks",
    "govulncheck",
    "grype",
    "hadolint",
    "kingfisher",
    "npm-audit",
    "osv-scanner",
    "pip-audit",
    "pnpm-audit",
    "semgrep",
    "syft",
    "trivy",
    "trivy-sbom",
    "yarn-audit",
    "yarn-npm-audit",
);

/// All of them, by their names.
#[must_use]
pub fn built_in() -> &'static [Adapter] {
    static ALL: LazyLock<Vec<Adapter>> = LazyLock::new(|| {
        let parsed = |(id, text): &(&str, &str)| Adapter::parse(text, &format!("{id}.toml")).ok();
        // A test reads each of them: none is left out.
        FILES.iter().filter_map(parsed).collect()
    });
    &ALL
}
