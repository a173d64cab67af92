//! What one result tells of a target.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::results::{self, Format, ReadError, Reading, Room, Source, Told};

use super::facts::Report;

/// A result, as far as it concerns a target.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// The reports, by file, rule and thing.
    pub reports: Vec<Report>,
    /// The files that it says were examined, relative to the target.
    pub examined: BTreeSet<String>,
    /// What keeps it from being whole, in sentences.
    pub troubles: Vec<String>,
    /// Reports that are not suppressed.
    pub open: u64,
}

/// As much of a result as there is room for.
///
/// # Errors
/// When it can't be read as what a scanner prints.
pub(super) fn reading<S: Source + ?Sized>(
    name: &str,
    source: &S,
    format: Option<Format>,
) -> Result<Reading, ReadError> {
    results::reading_within(&mut Room::new(|told| matches!(told, Told::Finding(_))), name, source, format)
}

/// Tells a result; `name` gives a file's name in findings for how the scanner writes it, and `only` is the file that the
/// scanner got, where it got one.
pub(super) fn look(reading: &Reading, name: &dyn Fn(&str) -> String, only: Option<&str>) -> Look {
    let mut found = Look::default();
    let mut reports: BTreeMap<(String, String, String, bool), Report> = BTreeMap::new();
    let place = |file: Option<&str>| file.map(name).or_else(|| only.map(str::to_owned)).unwrap_or_default();
    for finding in &reading.findings {
        let file = place(finding.file.as_deref());
        let about = finding.about.clone().unwrap_or_default();
        let suppressed = finding.suppressed.is_some();
        found.open += u64::from(!suppressed);
        if !file.is_empty() {
            found.examined.insert(file.clone());
        }
        let report = reports.entry((file.clone(), finding.rule.clone(), about.clone(), suppressed)).or_insert(Report {
            about,
            file,
            instances: 0,
            line: finding.line,
            message: finding.message.clone().unwrap_or_default(),
            rule: finding.rule.clone(),
            severity: finding.severity(),
            suppressed,
            why: finding.suppressed.clone().unwrap_or_default(),
        });
        report.instances += 1;
        // Worst first.
        report.severity = match (report.severity, finding.severity()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
    found.reports = reports.into_values().collect();
    found.examined.extend(reading.files.iter().map(|file| place(Some(&file.path))));
    found.troubles = reading.errors().map(|notice| format!("The scanner says of itself: {}", notice.message)).collect();
    if reading.dropped > 0 {
        let most = results::ROOM >> 20;
        let dropped = reading.dropped;
        found.troubles.push(format!(
            "The result tells more than is taken from one, which is what fits into {most} MiB: there was no room for {dropped} things."
        ));
    }
    // Whoever got one file and says no more of it looked at it, unless it says that there was nothing to look at.
    let nothing = reading.counts.iter().any(|count| count.of == "resources") && reading.counts.iter().all(|count| count.count == 0);
    found.examined.extend(only.filter(|_| !nothing).map(str::to_owned));
    for skipped in &reading.skipped {
        found.examined.remove(&place(Some(&skipped.name)));
    }
    found
}

/// A file's path as findings tell it: relative to the target, whichever way the scanner writes it.
pub(super) fn relative(file: &str, target: &Path) -> String {
    let file = file.strip_prefix("file://").unwrap_or(file);
    let path = Path::new(file);
    let path = path.strip_prefix(target).unwrap_or(path);
    let text = path.to_string_lossy();
    text.trim_start_matches("./").trim_start_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_name_whichever_way_the_scanner_writes_it() {
        let target = Path::new("/srv/shop");
        for written in ["/srv/shop/src/a.py", "file:///srv/shop/src/a.py", "./src/a.py", "src/a.py", "/src/a.py"] {
            assert_eq!(relative(written, target), "src/a.py", "{written}");
        }
    }
}
