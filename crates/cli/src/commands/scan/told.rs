//! What a scan found, for people and for programs.

use std::io;

use exhibit_collectors::scanning::{Finding, Scanned};
use serde::Serialize;

use super::baseline::Baseline;
use crate::output::{Exit, Out, Table, amount};

/// What is told of a scan.
pub(super) struct Told<'e> {
    pub(super) scanned: Scanned<'e>,
    /// For each finding, whether the baseline knows it.
    pub(super) known: Vec<bool>,
}

/// The whole as JSON. The names are a contract.
#[derive(Serialize)]
pub(super) struct Json<'t> {
    findings: Vec<FindingJson<'t>>,
    examined: ExaminedJson,
    excluded: Vec<ExcludedJson<'t>>,
}

#[derive(Serialize)]
struct FindingJson<'t> {
    rule: &'t str,
    severity: &'static str,
    confidence: &'static str,
    path: &'t str,
    line: u64,
    /// From 1, in bytes; of UTF-16, in bytes of its text in UTF-8. SARIF counts characters.
    column: u64,
    masked: &'t str,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_head: Option<bool>,
    /// At a terminal only, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

#[derive(Serialize)]
struct ExaminedJson {
    files: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct ExcludedJson<'t> {
    path: &'t str,
    reason: String,
}

impl<'e> Told<'e> {
    pub(super) fn new(scanned: Scanned<'e>, baseline: Option<&Baseline>) -> Self {
        let known = match baseline {
            Some(baseline) => baseline.knows(&scanned.findings),
            None => vec![false; scanned.findings.len()],
        };
        Self { scanned, known }
    }

    /// Findings that count: neither allowed by a remark nor known.
    pub(super) fn counting(&self) -> impl Iterator<Item = &Finding<'e>> {
        let both = self.scanned.findings.iter().zip(&self.known);
        both.filter(|(finding, known)| finding.allowed.is_none() && !**known).map(|(finding, _)| finding)
    }

    pub(super) fn json(&self) -> Json<'_> {
        let excluded = &self.scanned.excluded;
        Json {
            findings: self.counting().map(finding_json).collect(),
            examined: ExaminedJson { files: self.scanned.files, bytes: self.scanned.bytes },
            excluded: excluded
                .iter()
                .map(|one| ExcludedJson { path: &one.path, reason: one.reason.to_string() })
                .collect(),
        }
    }

    pub(super) fn table(&self, out: &mut Out) -> io::Result<()> {
        let history = self.scanned.findings.iter().any(|finding| finding.commit.is_some());
        let mut headings = vec!["SEVERITY", "CONFIDENCE", "RULE", "PLACE", "VALUE"];
        if history {
            headings.extend(["COMMIT", "AUTHORED", "AT HEAD"]);
        }
        let mut table = Table::new(headings);
        let mut any = false;
        for finding in self.counting() {
            any = true;
            let value = finding.value.as_ref().map(|value| String::from_utf8_lossy(value).into_owned());
            let mut row = vec![
                finding.rule.severity.as_str().to_owned(),
                finding.confidence.as_str().to_owned(),
                finding.rule.id.clone(),
                format!("{}:{}:{}", finding.path, finding.line, finding.column),
                value.unwrap_or_else(|| finding.masked.clone()),
            ];
            if history {
                let commit = finding.commit.as_ref();
                row.push(commit.map_or_else(String::new, |commit| commit.id.chars().take(12).collect()));
                row.push(commit.and_then(|commit| authored(commit.author_time)).unwrap_or_default());
                row.push(if finding.at_head == Some(true) { "yes" } else { "no" }.to_owned());
            }
            table.row(row);
        }
        if any {
            out.table(&table)?;
        }
        if !self.scanned.excluded.is_empty() {
            if any {
                out.line("")?;
            }
            let mut table = Table::new(["NOT EXAMINED", "WHY"]);
            for excluded in &self.scanned.excluded {
                table.row([excluded.path.clone(), excluded.reason.to_string()]);
            }
            out.table(&table)?;
        }
        Ok(())
    }

    /// One sentence of numbers.
    pub(super) fn summary(&self) -> String {
        let found = self.counting().count();
        let allowed = self.scanned.findings.iter().filter(|finding| finding.allowed.is_some()).count();
        let known = self.known.iter().filter(|known| **known).count();
        let failures = self.scanned.excluded.iter().filter(|one| one.reason.is_failure()).count();
        let left_out = self.scanned.excluded.len() - failures;
        let mut text = format!(
            "{} found in {}, {}.",
            amount::count(found as u64),
            amount::files(self.scanned.files),
            amount::bytes(self.scanned.bytes)
        );
        for (count, what) in [
            (allowed, "allowed by remarks"),
            (known, "known from the baseline"),
            (left_out, "left out"),
            (failures, "could not be looked at"),
        ] {
            if count > 0 {
                text.push_str(&format!(" {} {what}.", amount::count(count as u64)));
            }
        }
        text
    }

    /// What a person does next; nothing if nothing was found.
    pub(super) fn next_steps(&self) -> Option<&'static str> {
        self.counting().next().map(|_| {
            "What is real: change it where it was issued, then take it out. What is not: say so in its line, by
exhibit:allow RULE REASON, or note everything as known with --write-baseline FILE."
        })
    }

    pub(super) fn exit(&self, only_noting: bool) -> Exit {
        let failed = self.scanned.excluded.iter().any(|one| one.reason.is_failure());
        // Where everything was left out, nothing was seen: that is not the same as nothing there.
        let vacuous = self.scanned.files == 0 && !self.scanned.excluded.is_empty();
        if self.counting().next().is_some() && !only_noting {
            Exit::Differences
        } else if failed || vacuous {
            Exit::CouldNotLook
        } else {
            Exit::Clean
        }
    }
}

fn finding_json<'t>(finding: &'t Finding<'_>) -> FindingJson<'t> {
    FindingJson {
        rule: &finding.rule.id,
        severity: finding.rule.severity.as_str(),
        confidence: finding.confidence.as_str(),
        path: &finding.path,
        line: finding.line,
        column: finding.column,
        masked: &finding.masked,
        commit: finding.commit.as_ref().map(|commit| commit.id.as_str()),
        at_head: finding.at_head,
        value: finding.value.as_ref().map(|value| String::from_utf8_lossy(value).into_owned()),
    }
}

/// When a commit was written, in UTC.
pub(super) fn authored(seconds: i64) -> Option<String> {
    let time = chrono::DateTime::from_timestamp(seconds, 0)?;
    Some(time.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}
