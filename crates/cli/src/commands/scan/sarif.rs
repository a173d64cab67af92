//! SARIF 2.1.0 (OASIS): the subset that code scanning services read.

use std::collections::BTreeMap;

use exhibit_collectors::scanning::Finding;
use exhibit_detect::{Rule, Severity};
use serde_json::{Value, json};

use super::baseline;
use super::told::{Told, authored};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The whole document.
pub(super) fn document(told: &Told<'_>) -> Value {
    let scanned = &told.scanned;
    let rules: BTreeMap<&str, &Rule> = scanned.findings.iter().map(|one| (one.rule.id.as_str(), one.rule)).collect();
    let index: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(at, id)| (*id, at)).collect();
    let results: Vec<Value> = scanned
        .findings
        .iter()
        .zip(&told.known)
        .map(|(finding, known)| result(finding, *known, index[finding.rule.id.as_str()]))
        .collect();
    let notifications: Vec<Value> = scanned
        .excluded
        .iter()
        .map(|excluded| {
            json!({
                "level": if excluded.reason.is_failure() { "error" } else { "note" },
                "message": { "text": format!("{}: {}", excluded.path, excluded.reason) },
                "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(&excluded.path) } } }],
            })
        })
        .collect();
    let complete = !scanned.excluded.iter().any(|excluded| excluded.reason.is_failure());
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "exhibit",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.values().map(|rule| descriptor(rule)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{ "executionSuccessful": complete, "toolExecutionNotifications": notifications }],
            "results": results,
            "properties": { "examined": { "files": scanned.files, "bytes": scanned.bytes } },
        }],
    })
}

fn descriptor(rule: &Rule) -> Value {
    let mut descriptor = json!({
        "id": rule.id,
        "name": rule.title,
        "shortDescription": { "text": rule.title },
        "fullDescription": { "text": rule.description },
        "defaultConfiguration": { "level": level(rule.severity) },
        // What GitHub's code scanning sorts by; the bounds of CVSS 3.1's words.
        "properties": { "tags": ["security", "secret"], "security-severity": score(rule.severity) },
    });
    if let Some(reference) = rule.references.first() {
        descriptor["helpUri"] = json!(reference);
    }
    descriptor
}

fn result(finding: &Finding<'_>, known: bool, rule: usize) -> Value {
    let mut properties = json!({ "confidence": finding.confidence.as_str(), "masked": finding.masked });
    if let Some(commit) = &finding.commit {
        properties["commit"] = json!(commit.id);
        properties["authored"] = json!(authored(commit.author_time));
        properties["atHead"] = json!(finding.at_head);
    }
    // Without a column the region is the whole line.
    let mut region = json!({ "startLine": finding.line });
    if let Some(character) = finding.character {
        region["startColumn"] = json!(character);
    }
    let mut result = json!({
        "ruleId": finding.rule.id,
        "ruleIndex": rule,
        "level": level(finding.rule.severity),
        "message": { "text": format!("{}: {}", finding.rule.title, finding.masked) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&finding.path) },
            "region": region,
        } }],
        "partialFingerprints": { "exhibitFinding/v1": baseline::fingerprint(finding) },
        "properties": properties,
    });
    let mut suppressions = Vec::new();
    if let Some(reason) = &finding.allowed {
        suppressions.push(json!({ "kind": "inSource", "justification": reason }));
    }
    if known {
        suppressions.push(json!({ "kind": "external", "justification": "known from the baseline" }));
    }
    if !suppressions.is_empty() {
        result["suppressions"] = json!(suppressions);
    }
    result
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
    }
}

/// A path as a URI reference (RFC 3986): what is not unreserved is percent-encoded.
fn uri(path: &str) -> String {
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b'!' => {
                uri.push(char::from(byte))
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri
}
