//! What is looked at, and what was found: an item is asked once, or once for each thing that it is about.

use serde::Serialize;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// As it should be.
    Ok,
    /// It works, but not as it should.
    Warn,
    /// It is wrong.
    Fail,
    /// It could not be found out, which is never well.
    Unknown,
}

impl State {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }
}

/// Something that is looked at. The code is steady: scripts hold it.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) code: &'static str,
    /// The good condition, in a few words.
    pub(super) good: &'static str,
    /// What to do where it is not so.
    pub(super) remedy: &'static str,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) code: &'static str,
    pub(super) state: State,
    /// The good condition.
    pub(super) item: &'static str,
    /// What is.
    pub(super) found: String,
    /// What to do; none where all is well.
    pub(super) remedy: Option<String>,
}

/// Everything that was found, in the order in which it was looked at.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<Finding>);

impl Findings {
    pub(super) fn note(&mut self, item: &Item, state: State, found: impl Into<String>) {
        let remedy = (state != State::Ok).then(|| item.remedy.to_owned());
        self.0.push(Finding { code: item.code, state, item: item.good, found: found.into(), remedy });
    }

    pub(super) fn ok(&mut self, item: &Item, found: impl Into<String>) {
        self.note(item, State::Ok, found);
    }

    pub(super) fn warn(&mut self, item: &Item, found: impl Into<String>) {
        self.note(item, State::Warn, found);
    }

    pub(super) fn fail(&mut self, item: &Item, found: impl Into<String>) {
        self.note(item, State::Fail, found);
    }

    pub(super) fn unknown(&mut self, item: &Item, found: impl Into<String>) {
        self.note(item, State::Unknown, found);
    }

    /// Well where nothing was noted; else a warning that names the first few.
    pub(super) fn warn_of(&mut self, item: &Item, wrong: &[String], well: impl Into<String>) {
        match wrong {
            [] => self.ok(item, well),
            wrong => self.warn(item, first(wrong)),
        }
    }

    /// Notes items that this deployment has nothing of.
    pub(super) fn complete_well(&mut self, items: &[&'static Item], why: &str) {
        for item in items {
            self.ok(item, why);
        }
    }

    /// Notes every item of which nothing was said.
    pub(super) fn complete(&mut self, items: &[&'static Item], why: &str) {
        for item in items {
            if !self.0.iter().any(|finding| finding.code == item.code) {
                self.unknown(item, why);
            }
        }
    }
}

/// The first few, and how many more there are.
pub(super) fn first(all: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = all.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    match all.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}
