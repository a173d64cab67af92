//! What stands between a format's reader and the sink: it counts, and remembers what later parts refer to.

use std::collections::HashMap;

use super::{Grade, Notice, Package, Sink, Told, Why, json::Json};

/// A rule that results refer to.
#[derive(Clone, Debug, Default)]
pub(super) struct Rule {
    pub(super) id: Option<String>,
    pub(super) level: Option<String>,
    pub(super) tenths: Option<u8>,
    pub(super) text: Option<String>,
}

/// The rules of one run.
#[derive(Debug, Default)]
pub(super) struct Rules {
    all: Vec<Rule>,
    /// How many of them are the tool's own, which results refer to by number.
    own: usize,
    by_id: HashMap<String, usize>,
}

impl Rules {
    /// The rule of this id, of the id that it refines (`CA1000/1` refines `CA1000`), or of this number.
    pub(super) fn find(&self, id: &str, number: Option<u64>) -> Option<&Rule> {
        let place = self.by_id.get(id).or_else(|| self.by_id.get(id.rsplit_once('/')?.0)).copied();
        let numbered = || number.and_then(|number| usize::try_from(number).ok()).filter(|number| *number < self.own);
        self.all.get(place.or_else(numbered)?)
    }
}

/// A component that vulnerabilities refer to.
#[derive(Clone, Debug)]
pub(super) struct Component {
    pub(super) package: Option<Package>,
    pub(super) place: Option<String>,
}

/// What one part of a file names and another refers to.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The rules of each run of a SARIF file.
    pub(super) rules: Vec<Rules>,
    /// Components by reference.
    pub(super) components: HashMap<String, Component>,
    /// Whether all of it was learned in an earlier pass.
    known: bool,
}

impl Memory {
    pub(super) fn fresh(self) -> Self {
        Self::default()
    }

    pub(super) fn learned(self) -> Self {
        Self { known: true, ..self }
    }
}

/// Hands on what a reader finds.
pub(super) struct Teller<'a> {
    sink: &'a mut dyn Sink,
    told: u64,
    /// What an earlier pass told already.
    before: u64,
    most: u64,
    learning: bool,
    pub(super) memory: Memory,
}

impl<'a> Teller<'a> {
    pub(super) fn new(sink: &'a mut dyn Sink, most: u64, memory: Memory) -> Self {
        Self { sink, told: 0, before: 0, most, learning: false, memory }
    }

    /// One that only remembers.
    pub(super) fn learning(sink: &'a mut dyn Sink, most: u64, memory: Memory) -> Self {
        Self { learning: true, ..Self::new(sink, most, memory) }
    }

    /// One that goes on where an earlier pass stopped.
    pub(super) fn going_on(sink: &'a mut dyn Sink, most: u64, memory: Memory, before: u64) -> Self {
        Self { before, ..Self::new(sink, most, memory) }
    }

    pub(super) fn told(&self) -> u64 {
        self.told
    }

    pub(super) fn into_memory(self) -> Memory {
        self.memory
    }

    /// Whether this pass only learns names.
    pub(super) fn learns(&self) -> bool {
        self.learning
    }

    /// Whether the names were all learned in an earlier pass.
    pub(super) fn knows(&self) -> bool {
        self.memory.known
    }

    /// Hands one thing on.
    pub(super) fn tell(&mut self, json: &Json<'_>, told: Told) -> Result<(), Why> {
        if self.learning {
            return Ok(());
        }
        if self.told >= self.most {
            return Err(json.limit("findings, packages and notices", self.most));
        }
        self.told += 1;
        if self.told > self.before {
            self.sink.take(told);
        }
        Ok(())
    }

    /// Hands on what the scanner says of its own run.
    pub(super) fn notice(
        &mut self,
        json: &Json<'_>,
        grade: Grade,
        message: impl Into<String>,
        place: Option<String>,
    ) -> Result<(), Why> {
        self.tell(json, Told::Notice(Notice { grade, message: message.into(), place }))
    }

    /// Remembers a rule of a run; those of a tool's extensions are found by id only.
    pub(super) fn rule(&mut self, json: &Json<'_>, run: usize, rule: Rule, own: bool) -> Result<(), Why> {
        let most = json.limits().remembered;
        let Some(rules) = self.memory.rules.get_mut(run).filter(|_| !self.memory.known) else { return Ok(()) };
        if rules.all.len() >= most {
            return Err(json.limit("rules to remember", most as u64));
        }
        if let Some(id) = &rule.id {
            rules.by_id.entry(id.clone()).or_insert(rules.all.len());
        }
        rules.all.push(rule);
        if own {
            rules.own = rules.all.len();
        }
        Ok(())
    }

    /// Remembers a component by its reference.
    pub(super) fn component(&mut self, json: &Json<'_>, reference: String, component: Component) -> Result<(), Why> {
        if self.knows() {
            return Ok(());
        }
        let most = json.limits().remembered;
        if self.memory.components.len() >= most {
            return Err(json.limit("components to remember", most as u64));
        }
        self.memory.components.insert(reference, component);
        Ok(())
    }
}
