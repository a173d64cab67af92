//! A result that somebody else's pipeline made, held against a list of the files that there were to analyse.

use std::collections::{BTreeMap, BTreeSet};

use exhibit_evidence::{
    Population,
    observation::{Problem, Subject},
};

use super::collect::{not_examined, observation};
use super::facts::{ResultFacts, TargetFacts};
use super::look::{Look, look, reading};
use crate::given::text_of;
use crate::kept::{Kept, KeepUpTo};
use crate::results::{self, Reading, Source as _};
use crate::{CollectError, Collected, Given, Scope};

/// The longest list of files, in bytes.
const LONGEST: u64 = 64 << 20;

/// What one file says, as an observation of the subject that is given.
pub(super) fn import(scope: &Scope<'_>, keep: KeepUpTo, given: &Given<'_>) -> Result<Collected, CollectError> {
    let form = given.form()?;
    let (result, written_at, by) = given.open(scope.clock.now())?;
    let listed = listed(given)?;
    let unread = |source| CollectError::Io { what: given.name(), source };
    let printed = keep.read(&mut *result.open().map_err(unread)?).map_err(unread)?.of_others(form);
    let (digest, size) = (printed.digest, printed.size);
    let read = reading(&given.name(), &result, form);
    let (read, mut problems) = match read {
        Ok(read) => (read, Vec::new()),
        Err(error) if error.why.is_about_nothing_known() => return Err(CollectError::Other(error.to_string())),
        Err(error) => (Reading::default(), vec![("result-not-read", error.to_string())]),
    };
    if is_about_packages(&read) {
        let prints = read.format.map_or("a scanner", results::Format::prints);
        problems.push(("no-static-analysis", format!("{}: {prints} tells of packages, and of nothing in a file", given.name())));
    }
    let names = listed.as_ref().map(Names::of);
    let name = |written: &str| names.as_ref().map_or_else(|| as_written(written), |names| names.find(written));
    let found = look(&read, &name, None);
    problems.extend(found.troubles.iter().map(|trouble| ("scanner-in-trouble", trouble.clone())));
    let population = population(given.subject, listed.as_ref(), &found);
    let format = read.format.map_or("unknown", results::Format::name).to_owned();
    let target = TargetFacts {
        subject: given.subject.clone(),
        scanner: None,
        result: Some(ResultFacts { digest, format, size, tools: read.tools.clone(), written_at }),
        reports: found.reports,
        silenced: Vec::new(),
    };
    let mut kept = Kept::default();
    kept.take("the result that was handed in".to_owned(), printed, read.format.is_some());
    let (artifacts, left_out) = kept.told();
    let problem = |(code, message): (&str, String)| Problem { code: code.to_owned(), message, subject: Some(given.subject.clone()) };
    let problems = problems.into_iter().map(problem).collect();
    let mut observed = observation(vec![target], vec![population], problems, (written_at, written_at))?;
    observed.rights = "the result was handed in: who ran the scanner, and with which rights, is not known here".to_owned();
    observed.filters = [by, given.told(digest, size)].into_iter().chain(left_out).collect();
    Ok(Collected { observation: observed, artifacts })
}

/// Whether it tells of packages, and of nothing in a file.
fn is_about_packages(read: &Reading) -> bool {
    let packages = !read.vulnerabilities.is_empty() || read.packages_examined().is_some() || read.lists_only;
    let statements = !read.statements.is_empty() || !read.advisories.is_empty();
    read.findings.is_empty() && read.files.is_empty() && (packages || statements)
}

/// The files that there were to analyse; none where no list of them was handed in.
fn listed(given: &Given<'_>) -> Result<Option<BTreeSet<String>>, CollectError> {
    if given.counted_in.is_empty() {
        return Ok(None);
    }
    let mut all = BTreeSet::new();
    for path in given.counted_in {
        let text = text_of(path, LONGEST)?;
        let lines = text.split(['\n', '\0']).map(|line| line.strip_suffix('\r').unwrap_or(line));
        all.extend(lines.map(|line| as_written(line.trim())).filter(|line| !line.is_empty()));
    }
    Ok(Some(all))
}

fn population(subject: &Subject, listed: Option<&BTreeSet<String>>, found: &Look) -> Population {
    let Some(listed) = listed else {
        return Population {
            subject: subject.clone(),
            unit: "file".to_owned(),
            exist: None,
            counted_by: "no list of the files that there were was handed in with the result".to_owned(),
            examined: found.examined.len() as u64,
            excluded: Vec::new(),
        };
    };
    let missed: Vec<&String> = listed.iter().filter(|file| !found.examined.contains(*file)).collect();
    Population {
        subject: subject.clone(),
        unit: "file".to_owned(),
        exist: Some(listed.len() as u64),
        counted_by: "the list that was handed in, while what was examined comes from the result".to_owned(),
        examined: (listed.len() - missed.len()) as u64,
        excluded: not_examined(&missed).into_iter().collect(),
    }
}

/// A path as a result has it, without what says that it is one.
fn as_written(path: &str) -> String {
    let path = path.strip_prefix("file://").unwrap_or(path);
    path.trim_start_matches("./").trim_start_matches('/').to_owned()
}

/// The names on the list, by which those of the result are known: a pipeline works in a folder that only it knows.
struct Names<'a> {
    /// By the last part of the path.
    by_end: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Names<'a> {
    fn of(listed: &'a BTreeSet<String>) -> Self {
        let mut by_end: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for path in listed {
            by_end.entry(end(path)).or_default().push(path);
        }
        Self { by_end }
    }

    /// The longest listed path that this one ends in, or else the path itself.
    fn find(&self, written: &str) -> String {
        let written = as_written(written);
        let fits = |listed: &&&str| {
            written.strip_suffix(**listed).is_some_and(|before| before.is_empty() || before.ends_with('/'))
        };
        let candidates = self.by_end.get(end(&written)).into_iter().flatten();
        candidates.filter(fits).max_by_key(|listed| listed.len()).map_or(written.clone(), |listed| (*listed).to_owned())
    }
}

fn end(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_a_pipeline_is_known_by_the_list() {
        let listed: BTreeSet<String> = ["a.py", "src/a.py", "lib/src/a.py", "src/b.py"].map(str::to_owned).into();
        let names = Names::of(&listed);
        for (written, name) in [
            ("/srv/pipeline/shop/src/b.py", "src/b.py"),
            ("file:///builds/shop/lib/src/a.py", "lib/src/a.py"),
            ("./a.py", "a.py"),
            ("src/a.py", "src/a.py"),
            ("/w/xsrc/a.py", "a.py"),
            ("/w/src/c.py", "w/src/c.py"),
        ] {
            assert_eq!(names.find(written), name, "{written}");
        }
    }
}
