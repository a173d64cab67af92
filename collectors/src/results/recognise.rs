//! Telling whose output a file is by how it begins.

use std::collections::BTreeMap;

use super::{
    Format, Limits, Why,
    json::{Json, Kind},
};

/// How many bytes of a file are looked at, at most.
pub const HEAD: usize = 64 << 10;

/// How many levels are looked into.
const LEVELS: usize = 4;

/// Whose output the bytes are, by the beginning of a file (the first [`HEAD`] bytes are enough). `None` where nothing in it
/// tells: an empty array is what several tools print when they found nothing.
pub fn recognise(head: &[u8]) -> Option<Format> {
    let head = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(head);
    let mut seen = Seen::default();
    let mut bytes = head;
    let mut json = Json::new(&mut bytes, Format::Sarif, Limits::default());
    // The beginning of a file ends anywhere: what was seen before that counts.
    drop(look(&mut json, String::new(), 0, &mut seen));
    SIGNS.iter().find(|(_, sign)| sign(&seen)).map(|(format, _)| *format)
}

/// The keys that were seen, as paths, each with its value where that is short: `runs[].tool`.
#[derive(Default)]
struct Seen(BTreeMap<String, String>);

impl Seen {
    fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    fn any(&self, paths: &[&str]) -> bool {
        paths.iter().any(|path| self.has(path))
    }

    fn all(&self, paths: &[&str]) -> bool {
        paths.iter().all(|path| self.has(path))
    }

    fn says(&self, path: &str, word: &str) -> bool {
        self.0.get(path).is_some_and(|value| value.contains(word))
    }
}

fn look(json: &mut Json<'_>, path: String, level: usize, seen: &mut Seen) -> Result<(), Why> {
    let kind = json.kind()?;
    if seen.0.len() > 400 || level > LEVELS {
        return json.skip();
    }
    match kind {
        Kind::Object => json.object(|json, key| {
            let key = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
            seen.0.entry(key.clone()).or_default();
            look(json, key, level + 1, seen)
        }),
        Kind::Array => {
            let mut first = true;
            let within = format!("{path}[]");
            json.array(
                |json| {
                    if std::mem::take(&mut first) { look(json, within.clone(), level, seen) } else { json.skip() }
                },
            )
        }
        Kind::Text | Kind::Number => {
            let value = json.text()?.unwrap_or_default();
            seen.0.insert(path, value);
            Ok(())
        }
        Kind::Bool | Kind::Null => json.skip(),
    }
}

type Sign = fn(&Seen) -> bool;

/// What tells each format, surest first.
const SIGNS: &[(Format, Sign)] = &[
    (Format::Sarif, |seen| {
        seen.any(&["runs[].tool", "runs[].results", "runs[].invocations"])
            || seen.says("$schema", "sarif")
            || seen.all(&["runs", "version"])
    }),
    (Format::CycloneDx, |seen| seen.says("bomFormat", "CycloneDX") || seen.says("$schema", "cyclonedx.org/schema/bom")),
    (Format::Spdx, |seen| seen.any(&["spdxVersion", "SPDXID"]) || seen.says("@context", "spdx.org")),
    (Format::OpenVex, |seen| seen.says("@context", "openvex")),
    (Format::Trivy, |seen| seen.has("SchemaVersion") && seen.any(&["ArtifactName", "Results", "Trivy", "CreatedAt"])),
    (Format::Grype, |seen| {
        seen.all(&["matches[].vulnerability", "matches[].artifact"])
            || seen.says("descriptor.name", "grype")
            || seen.all(&["matches", "descriptor"])
            || seen.all(&["matches", "source"])
    }),
    (Format::Syft, |seen| {
        seen.all(&["artifacts[].foundBy"])
            || seen.says("descriptor.name", "syft")
            || seen.all(&["artifacts", "artifactRelationships"])
    }),
    (Format::PipAudit, |seen| {
        seen.any(&["dependencies[].vulns", "dependencies[].skip_reason"]) || seen.all(&["dependencies", "fixes"])
    }),
    (Format::CargoAudit, |seen| {
        seen.all(&["database", "lockfile"])
            || seen.any(&["vulnerabilities.list"])
            || seen.has("database.advisory-count")
    }),
    (Format::YarnAudit, |seen| {
        let sorts = ["audit", "info", "warning", "error", "activity", "step", "progress"];
        (seen.all(&["type", "data"]) && sorts.iter().any(|sort| seen.says("type", sort)))
            || (seen.has("value") && seen.has("children.Issue"))
    }),
    (Format::NpmAudit, |seen| {
        seen.has("auditReportVersion")
            || (seen.has("advisories") && seen.any(&["metadata", "actions", "muted"]))
            || seen.all(&["actions", "muted"])
            || seen.any(&["error.summary", "error.code"])
            || (seen.has("statusCode") && seen.any(&["error", "message"]))
    }),
    (Format::GoVulnCheck, |seen| {
        seen.any(&[
            "config.protocol_version",
            "config.scanner_version",
            "finding.osv",
            "finding.trace",
            "SBOM.modules",
            "Vulns",
        ])
    }),
    (Format::Dependabot, |seen| {
        seen.any(&["[].security_advisory", "[].security_vulnerability"])
            || seen.has("[].dependency.manifest_path")
            || seen.all(&["message", "documentation_url"])
    }),
    (Format::Kingfisher, |seen| {
        seen.any(&["metadata.kingfisher_version", "findings[].finding.fingerprint"])
            || seen.says("audit.schema", "kingfisher")
    }),
    (Format::Gitleaks, |seen| seen.all(&["[].RuleID"]) && seen.any(&["[].Match", "[].Secret", "[].File"])),
    (Format::Hadolint, |seen| seen.all(&["[].code", "[].level", "[].line"])),
    (Format::Checkov, |seen| {
        seen.any(&[
            "check_type",
            "[].check_type",
            "checkov_version",
            "results.failed_checks",
            "[].results.failed_checks",
        ])
    }),
    (Format::Semgrep, |seen| {
        seen.any(&["results[].check_id", "paths.scanned"])
            || (seen.all(&["results", "errors"]) && seen.any(&["version", "paths"]))
    }),
    (Format::BundlerAudit, |seen| {
        seen.says("results[].type", "UnpatchedGem")
            || seen.says("results[].type", "InsecureSource")
            || (seen.all(&["version", "created_at", "results"]))
    }),
    (Format::OsvScanner, |seen| {
        seen.any(&["results[].packages", "results[].source", "experimental_config"])
            || (seen.has("results") && seen.0.len() == 1)
    }),
    (Format::Osv, |seen| seen.has("id") && seen.any(&["affected", "modified", "schema_version"])),
];
