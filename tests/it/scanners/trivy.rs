//! A database for Trivy that knows a package of each kind.

use std::{fs, path::Path};

use serde_json::json;

use super::bolt::{self, Value};

/// Where an advisory is looked up, the package, the advisory, the first version that it is not about, and how bad it is.
const PLANTED: [(&str, &str, &str, &str, &str); 4] = [
    ("cargo::Planted", "time", "CVE-2020-26235", "0.2.23", "MEDIUM"),
    ("npm::Planted", "minimist", "CVE-2021-44906", "1.2.6", "CRITICAL"),
    ("pip::Planted", "jinja2", "CVE-2019-10906", "2.10.1", "HIGH"),
    ("debian 12", "zlib", "CVE-2023-45853", "1:1.2.13.dfsg-2", "HIGH"),
];

/// Writes it into a folder, as if it had been made at this instant (RFC 3339).
pub(crate) fn database(folder: &Path, made_at: &str) {
    // By npm's registry it is known under this name alone.
    let also = |of: &str| (of == "npm::Planted").then_some(["GHSA-xvch-5gv4-984h"]);
    let advisory = |of: &str, fixed: &str| match of {
        "debian 12" => json!({"FixedVersion": fixed}),
        _ => json!({"VulnerableVersions": [format!("<{fixed}")], "PatchedVersions": [fixed], "VendorIDs": also(of)}),
    };
    let mut root: Vec<(&str, Value)> = PLANTED
        .iter()
        .map(|(of, package, name, fixed, _)| {
            let advisories = Value::bucket([(*name, Value::json(&advisory(of, fixed)))]);
            (*of, Value::bucket([(*package, advisories)]))
        })
        .collect();
    let source = |of: &str| Value::json(&json!({"ID": of, "Name": of, "URL": "https://advisories.example"}));
    root.push(("data-source", Value::bucket(PLANTED.iter().map(|(of, ..)| (*of, source(of))))));
    let about = PLANTED
        .iter()
        .map(|(_, _, name, _, severity)| (*name, Value::json(&json!({"Title": "planted", "Severity": severity}))));
    root.push(("vulnerability", Value::bucket(about)));
    let folder = folder.join("db");
    fs::create_dir_all(&folder).expect("made");
    fs::write(folder.join("trivy.db"), bolt::database(&Value::bucket(root))).expect("written");
    let metadata =
        json!({"Version": 2, "NextUpdate": "2099-01-01T00:00:00Z", "UpdatedAt": made_at, "DownloadedAt": made_at});
    fs::write(folder.join("metadata.json"), metadata.to_string()).expect("written");
}
