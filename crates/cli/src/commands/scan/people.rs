//! What a scan found, for a person at a terminal: by file, with what was not examined below.

use std::collections::BTreeMap;
use std::io;

use clap::builder::styling::{AnsiColor, Style};
use exhibit_collectors::scanning::Finding;
use exhibit_detect::Severity;

use super::told::{Told, authored};
use crate::output::{Out, amount, printable};

const PATH: Style = Style::new().bold();
const QUIET: Style = Style::new().dimmed();
const CAREFUL: Style = AnsiColor::Yellow.on_default();
/// Failures that are shown, each with its path.
const MOST_FAILURES: usize = 50;

fn colour(severity: Severity) -> Style {
    match severity {
        Severity::Critical => AnsiColor::Red.on_default().bold(),
        Severity::High => AnsiColor::Red.on_default(),
        Severity::Medium => AnsiColor::Yellow.on_default(),
        Severity::Low => AnsiColor::Blue.on_default(),
    }
}

/// Shows it; with `all`, everything that was left out by name.
pub(super) fn show(told: &Told<'_>, out: &mut Out, all: bool) -> io::Result<()> {
    let findings: Vec<&Finding<'_>> = told.counting().collect();
    let widest = |of: fn(&Finding<'_>) -> usize| findings.iter().map(|one| of(one)).max().unwrap_or(0);
    let place = widest(|one| place(one).len());
    let rule = widest(|one| one.rule.id.len());
    let masked = widest(|one| one.masked.chars().count());
    let mut path = None;
    for finding in findings {
        if path != Some(&finding.path) {
            if path.is_some() {
                out.line("")?;
            }
            path = Some(&finding.path);
            out.line(&out.styled(PATH, &printable(&finding.path)))?;
        }
        let severity = finding.rule.severity;
        let mut line = format!("  {:>place$}  ", self::place(finding));
        line.push_str(&out.styled(colour(severity), &format!("{:<8}", severity.as_str())));
        line.push_str(&format!("  {:<rule$}  ", finding.rule.id));
        match &finding.value {
            // On lines of their own: a key has many.
            Some(value) => line.push_str(&value_of(value)),
            None => line.push_str(&format!("{:<masked$}", finding.masked)),
        }
        if let Some(commit) = &finding.commit {
            let id: String = commit.id.chars().take(12).collect();
            let date: String = authored(commit.author_time).unwrap_or_default().chars().take(10).collect();
            let head = if finding.at_head == Some(true) { "at HEAD" } else { "not at HEAD" };
            line.push_str(&format!("  {id}  {date}  {head:<11}"));
        }
        line.push_str(&out.styled(QUIET, &format!("  {} confidence", finding.confidence.as_str())));
        out.line(line.trim_end())?;
    }
    if !told.scanned.excluded.is_empty() {
        if path.is_some() {
            out.line("")?;
        }
        not_examined(told, out, all)?;
    }
    Ok(())
}

fn place(finding: &Finding<'_>) -> String {
    format!("{}:{}", finding.line, finding.column)
}

fn value_of(value: &[u8]) -> String {
    let text = printable(&String::from_utf8_lossy(value));
    match text.trim_end().split_once('\n') {
        None => text,
        Some(_) => text.trim_end().lines().map(|line| format!("\n        {line}")).collect(),
    }
}

/// What could not be looked at by name; of what was left out, how many for which reason.
fn not_examined(told: &Told<'_>, out: &mut Out, all: bool) -> io::Result<()> {
    out.line(&out.styled(PATH, "Not examined"))?;
    let excluded = &told.scanned.excluded;
    let failures: Vec<_> = excluded.iter().filter(|one| one.reason.is_failure()).collect();
    let shown = if all { failures.len() } else { MOST_FAILURES };
    for failure in failures.iter().take(shown) {
        out.line(&format!("  {}", printable(&failure.path)))?;
        out.line(&out.styled(CAREFUL, &format!("      {}", failure.reason)))?;
    }
    let more = failures.len().saturating_sub(shown) as u64;
    if more > 0 {
        out.line(&format!("  {} more that could not be looked at; -v lists them", amount::count(more)))?;
    }
    let mut choices: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for choice in excluded.iter().filter(|one| !one.reason.is_failure()) {
        choices.entry(choice.reason.to_string()).or_default().push(&choice.path);
    }
    for (reason, paths) in choices {
        if all || paths.len() <= 3 {
            for path in paths {
                out.line(&format!("  {}  {}", printable(path), out.styled(QUIET, &reason)))?;
            }
        } else {
            let count = amount::count(paths.len() as u64);
            out.line(&format!("  {count} paths  {}", out.styled(QUIET, &format!("{reason}; -v lists them"))))?;
        }
    }
    Ok(())
}
