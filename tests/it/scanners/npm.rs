//! A registry that answers audits as npm's does, in both of its forms, for one package.

use serde_json::{Map, Value, json};

/// Its address. It serves until the process ends.
pub(crate) fn serve() -> String {
    super::http::serve(answer)
}

fn answer(path: &str, asked: &Value) -> Option<Value> {
    match path {
        "/-/npm/v1/security/advisories/bulk" => Some(bulk(asked)),
        "/-/npm/v1/security/audits" | "/-/npm/v1/security/audits/quick" => Some(whole(asked)),
        // What else it knows of a package: nothing.
        _ => None,
    }
}

/// Names and versions are asked for.
fn bulk(asked: &Value) -> Value {
    if asked["minimist"].as_array().is_some_and(|versions| versions.contains(&"1.2.5".into())) {
        json!({"minimist": [{
            "id": 1_097_678, "url": "https://github.com/advisories/GHSA-xvch-5gv4-984h", "title": "planted", "severity": "critical",
            "vulnerable_versions": "<1.2.6", "cwe": ["CWE-1321"],
            "cvss": {"score": 9.8, "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"},
        }]})
    } else {
        json!({})
    }
}

/// A tree of what is installed is asked for.
fn whole(asked: &Value) -> Value {
    let (mut paths, mut all) = (Vec::new(), 0);
    let empty = Map::new();
    let roots = asked["dependencies"].as_object().unwrap_or(&empty);
    walk(roots, "", &mut paths, &mut all);
    let advisory = json!({
        "id": 1_097_678, "module_name": "minimist", "severity": "critical", "title": "planted", "cves": ["CVE-2021-44906"],
        "url": "https://github.com/advisories/GHSA-xvch-5gv4-984h", "github_advisory_id": "GHSA-xvch-5gv4-984h", "access": "public",
        "vulnerable_versions": "<1.2.6", "patched_versions": ">=1.2.6", "findings": [{"version": "1.2.5", "paths": paths}],
        "recommendation": "Upgrade", "overview": "planted", "references": "", "cwe": ["CWE-1321"], "found_by": null, "deleted": null,
        "created": "2022-03-18T00:01:09.000Z", "updated": "2022-03-18T00:01:09.000Z", "npm_advisory_id": null, "reported_by": null,
        "cvss": {"score": 9.8, "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}, "metadata": null,
    });
    let found = u64::from(!paths.is_empty());
    let advisories = if paths.is_empty() { json!({}) } else { json!({"1097678": advisory}) };
    json!({
        "actions": [], "advisories": advisories, "muted": [],
        "metadata": {
            "vulnerabilities": {"info": 0, "low": 0, "moderate": 0, "high": 0, "critical": found},
            "dependencies": all, "devDependencies": 0, "optionalDependencies": 0, "totalDependencies": all,
        },
    })
}

fn walk(dependencies: &Map<String, Value>, above: &str, paths: &mut Vec<String>, all: &mut u64) {
    for (name, one) in dependencies {
        let path = if above.is_empty() { name.clone() } else { format!("{above}>{name}") };
        // pnpm's roots are the folders of its workspace, which have no version.
        let version = one["version"].as_str();
        *all += u64::from(version.is_some() && !name.starts_with('.'));
        if name == "minimist" && version == Some("1.2.5") {
            paths.push(path.clone());
        }
        if let Some(below) = one["dependencies"].as_object() {
            walk(below, &path, paths, all);
        }
    }
}
