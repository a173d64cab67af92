//! One file a format. A reader takes what it knows and passes over the rest; keys without which nothing may be concluded are
//! asked for, and a version of a schema that nobody looked at is refused.

mod bundler_audit;
mod cargo_audit;
mod checkov;
mod cyclonedx;
mod dependabot;
mod gitleaks;
mod govulncheck;
mod grype;
mod hadolint;
mod kingfisher;
mod npm_audit;
mod openvex;
mod osv;
mod osv_scanner;
mod pip_audit;
mod sarif;
mod semgrep;
mod spdx;
mod syft;
mod trivy;
mod yarn_audit;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{Why, json::Json, teller::Teller};

/// How many names, versions or places of one thing are kept.
const MANY: usize = 64;

type Read = fn(&mut Json<'_>, &mut Teller<'_>) -> Result<(), Why>;

/// One line a format.
macro_rules! formats {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $prints:literal, $proof:ident, $read:path;)*) => {
        /// A format that can be read.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Format {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl Format {
            /// Every format.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word that settings and commands name it by.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Which tool prints it, and how it is asked to, for people.
            pub fn prints(self) -> &'static str {
                match self {
                    $(Self::$variant => $prints,)*
                }
            }

            /// What its reader was tried on.
            pub fn proof(self) -> Proof {
                match self {
                    $(Self::$variant => Proof::$proof,)*
                }
            }
        }

        pub(super) fn read(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
            let read: Read = match json.format() {
                $(Format::$variant => $read,)*
            };
            read(json, teller)
        }
    };
}

formats! {
    /// pip-audit.
    PipAudit, "pip-audit", "pip-audit (`--format json`)", Run, pip_audit::read;
    /// npm audit, of npm 6 and of 7 and later.
    NpmAudit, "npm-audit", "npm audit (`--json`)", Run, npm_audit::read;
    /// yarn audit, of yarn 1 and of 4.
    YarnAudit, "yarn-audit", "yarn (`audit --json`, `npm audit --json`)", Recorded, yarn_audit::read;
    /// pnpm audit.
    PnpmAudit, "pnpm-audit", "pnpm audit (`--json`)", Run, npm_audit::read;
    /// cargo-audit.
    CargoAudit, "cargo-audit", "cargo-audit (`--json`)", Run, cargo_audit::read;
    /// Trivy: fs, image, sbom, config.
    Trivy, "trivy", "trivy (`--format json`)", Run, trivy::read;
    /// Grype.
    Grype, "grype", "grype (`-o json`)", Recorded, grype::read;
    /// OSV-Scanner.
    OsvScanner, "osv-scanner", "osv-scanner (`--format json`)", Recorded, osv_scanner::read;
    /// govulncheck.
    GoVulnCheck, "govulncheck", "govulncheck (`-format json`)", Recorded, govulncheck::read;
    /// bundler-audit.
    BundlerAudit, "bundler-audit", "bundler-audit (`--format json`)", Recorded, bundler_audit::read;
    /// Dependabot's alerts.
    Dependabot, "dependabot", "GitHub's API for Dependabot alerts (`gh api`)", Recorded, dependabot::read;
    /// Syft's own JSON.
    Syft, "syft", "syft (`-o syft-json`)", Recorded, syft::read;
    /// CycloneDX, with vulnerabilities and their analysis.
    CycloneDx, "cyclonedx", "a CycloneDX tool (JSON)", Run, cyclonedx::read;
    /// SPDX 2.
    Spdx, "spdx", "an SPDX tool (JSON)", Run, spdx::read;
    /// An advisory in OSV's schema.
    Osv, "osv", "an OSV database", Recorded, osv::read;
    /// OpenVEX.
    OpenVex, "openvex", "an OpenVEX tool", Recorded, openvex::read;
    /// SARIF 2.1.0, whoever writes it.
    Sarif, "sarif", "a SARIF tool (version 2.1.0)", Run, sarif::read;
    /// Semgrep.
    Semgrep, "semgrep", "semgrep (`--json`)", Run, semgrep::read;
    /// Checkov.
    Checkov, "checkov", "checkov (`-o json`)", Run, checkov::read;
    /// hadolint.
    Hadolint, "hadolint", "hadolint (`-f json`)", Run, hadolint::read;
    /// gitleaks.
    Gitleaks, "gitleaks", "gitleaks (`-f json`)", Run, gitleaks::read;
    /// kingfisher.
    Kingfisher, "kingfisher", "kingfisher (`--format json`)", Run, kingfisher::read;
}

/// What a reader was tried on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// On what the tool itself printed when it was run.
    Run,
    /// On documents in the form that the tool's documentation gives: the tool itself was to be had nowhere.
    Recorded,
}

impl Format {
    /// Whether it holds the values of the secrets that were found, unless the scanner is asked to leave them out.
    pub fn may_hold_secrets(self) -> bool {
        matches!(self, Self::Gitleaks | Self::Kingfisher)
    }

    /// Whether it is about files and never about packages.
    pub fn is_about_files(self) -> bool {
        matches!(self, Self::Checkov | Self::Gitleaks | Self::Hadolint | Self::Kingfisher | Self::Semgrep)
    }

    /// Whether its reader also reads what looks like `found`: npm and pnpm print the same shapes, and pnpm's errors and
    /// yarn's are npm's.
    pub(super) fn reads(self, found: Self) -> bool {
        let npm = |format| matches!(format, Self::NpmAudit | Self::PnpmAudit);
        self == found || (npm(self) && npm(found)) || (self == Self::YarnAudit && found == Self::NpmAudit)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// That a word names no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no format of a scanner is called so; known are {}", names())]
pub struct UnknownFormat;

fn names() -> String {
    Format::ALL.iter().map(|format| format.name()).collect::<Vec<_>>().join(", ")
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(word: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.iter().copied().find(|format| format.name() == word).ok_or(UnknownFormat)
    }
}

/// The purl type of an ecosystem, in whichever tool's word: OSV's, GitHub's, Trivy's, Grype's or purl's own.
pub(super) fn ecosystem(word: &str) -> &'static str {
    // OSV writes the release behind a colon: `Debian:12`.
    let word = word.split(':').next().unwrap_or(word).to_ascii_lowercase();
    match word.as_str() {
        "npm" | "node-pkg" | "yarn" | "pnpm" | "bun" | "nodejs" | "javascript" => "npm",
        "pypi" | "pip" | "python" | "python-pkg" | "poetry" | "pipenv" | "uv" | "conda-pkg" | "pylock" => "pypi",
        "cargo" | "rust" | "crates.io" | "rust-crate" | "rustbinary" | "rust-binary" => "cargo",
        "golang" | "go" | "gomod" | "gobinary" | "go-module" => "golang",
        "gem" | "rubygems" | "bundler" | "gemspec" | "ruby" => "gem",
        "composer" | "packagist" | "composer-vendor" | "php-composer" | "php-composer-installed" | "php" => "composer",
        "maven" | "jar" | "pom" | "gradle" | "sbt" | "java" | "java-archive" | "jenkins-plugin" => "maven",
        "nuget" | "dotnet" | "dotnet-core" | "packages-props" | ".net" => "nuget",
        "hex" | "erlang" | "elixir" => "hex",
        "pub" | "dart" | "dart-pub" => "pub",
        "swift" | "swifturl" | "swift-pm" => "swift",
        "cocoapods" | "pod" => "cocoapods",
        "actions" | "github actions" | "github-action" | "githubactions" | "github" => "github",
        "conan" => "conan",
        "hackage" | "haskell" => "hackage",
        "cran" | "r-package" => "cran",
        "deb" | "debian" | "ubuntu" | "dpkg" => "deb",
        "apk" | "alpine" | "wolfi" | "chainguard" => "apk",
        "rpm" | "redhat" | "red hat" | "centos" | "rocky" | "rocky linux" | "alma" | "almalinux" | "oracle"
        | "amazon" | "fedora" | "suse" | "opensuse" | "mariner" | "azurelinux" | "photon" => "rpm",
        _ => "generic",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_one_name() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(*format));
            assert_eq!(serde_json::to_string(format).expect("a word"), format!("\"{}\"", format.name()));
        }
        assert_eq!("trivy2".parse::<Format>(), Err(UnknownFormat));
    }

    #[test]
    fn ecosystems_are_purl_types() {
        for (word, kind) in
            [("Debian:12", "deb"), ("crates.io", "cargo"), ("PyPI", "pypi"), ("Go", "golang"), ("?", "generic")]
        {
            assert_eq!(ecosystem(word), kind);
        }
    }
}
