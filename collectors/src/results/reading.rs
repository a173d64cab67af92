//! A file's telling, gathered: for results of ordinary size, and for cases.

use serde::{Deserialize, Serialize};

use super::{
    Advisory, Count, Database, Examined, FileSeen, Finding, Format, Grade, Notice, Sink, Skipped, Statement, Target,
    Told, Tool, Vulnerability,
};

/// How many things of each kind are kept; the rest is counted.
const MOST: usize = 200_000;

/// Everything that a file tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reading {
    /// Whose output it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// The tools that wrote it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
    /// The databases that they looked into.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<Database>,
    /// What they looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Target>,
    /// Packages that were examined.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub examined: Vec<Examined>,
    /// Files that were examined.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileSeen>,
    /// Numbers of things that were examined.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<Count>,
    /// What was passed over.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
    /// Vulnerabilities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vulnerabilities: Vec<Box<Vulnerability>>,
    /// Findings in files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Advisories.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub advisories: Vec<Advisory>,
    /// Statements of vendors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<Statement>,
    /// The scanner's own notices.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
    /// Whether it only lists what there is: that it names no vulnerability says nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lists_only: bool,
    /// How many things were told beyond what is kept here: never to be taken for none.
    #[serde(skip_serializing_if = "is_zero")]
    pub dropped: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Reading {
    /// How many packages the scanner says it examined: those that it names, or else the number that it gives; `None` where it
    /// tells neither, which is not none.
    pub fn packages_examined(&self) -> Option<u64> {
        if !self.examined.is_empty() {
            return Some(self.examined.len() as u64);
        }
        let given = self.counts.iter().filter(|count| count.of == "packages").map(|count| count.count);
        let given: Vec<u64> = given.collect();
        if !given.is_empty() {
            return Some(given.iter().sum());
        }
        // One that names what it passed over names what it examined.
        (!self.skipped.is_empty()).then_some(0)
    }

    /// Whether it tells of other things than packages and their vulnerabilities, and nothing of these.
    pub fn is_about_something_else(&self) -> bool {
        let other = self.format.is_some_and(Format::is_about_files)
            || !self.findings.is_empty()
            || !self.files.is_empty()
            || !self.statements.is_empty()
            || !self.advisories.is_empty()
            || self.counts.iter().any(|count| count.of != "packages");
        other && self.vulnerabilities.is_empty() && self.packages_examined().is_none()
    }

    /// What the scanner says went wrong in its own run.
    pub fn errors(&self) -> impl Iterator<Item = &Notice> {
        self.notices.iter().filter(|notice| notice.grade == Grade::Error)
    }
}

impl Sink for Reading {
    fn take(&mut self, told: Told) {
        let dropped = match told {
            Told::Tool(tool) => keep(&mut self.tools, tool),
            Told::Database(database) => keep(&mut self.databases, database),
            Told::Target(target) => keep(&mut self.targets, target),
            Told::Examined(examined) => keep(&mut self.examined, examined),
            Told::File(file) => keep(&mut self.files, file),
            Told::Count(count) => keep(&mut self.counts, count),
            Told::Skipped(skipped) => keep(&mut self.skipped, skipped),
            Told::Vulnerability(vulnerability) => keep(&mut self.vulnerabilities, vulnerability),
            Told::Finding(finding) => keep(&mut self.findings, finding),
            Told::Advisory(advisory) => keep(&mut self.advisories, *advisory),
            Told::Statement(statement) => keep(&mut self.statements, statement),
            Told::Notice(notice) => keep(&mut self.notices, notice),
            Told::ListsOnly => {
                self.lists_only = true;
                0
            }
        };
        self.dropped += dropped;
    }
}

/// Keeps a thing where there is room, and gives how many were dropped.
fn keep<T>(all: &mut Vec<T>, one: T) -> u64 {
    if all.len() >= MOST {
        return 1;
    }
    all.push(one);
    0
}
