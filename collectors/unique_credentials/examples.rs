//! Example files (`.env.example`): the names that a configuration should have, and values that none should have.

use super::facts::{AbsentFacts, ExampleFacts};
use crate::sources::urls::{Connection, take_apart};
use crate::sources::{Root, Source as _, dotenv::Dotenv};
use exhibit_detect::{Fingerprint, RunKey, facts};
use exhibit_evidence::deployment::Environment;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// What the example files hold. Their values are compared by fingerprint like all others.
#[derive(Default)]
pub(super) struct Examples {
    facts: Vec<ExampleFacts>,
    values: HashSet<Fingerprint>,
    /// Of each file's names, those that may hold a credential.
    expected: Vec<Vec<String>>,
    /// Every name that an environment has, in capitals.
    present: BTreeMap<String, BTreeSet<String>>,
}

impl Examples {
    /// Reads the files; one that cannot be read says so in its facts.
    pub(super) fn read(
        root: &Root,
        files: &[String],
        key: &RunKey,
        may_be_credential: impl Fn(&str) -> bool,
    ) -> Self {
        let mut examples = Self::default();
        for file in files {
            let source = Dotenv { root: root.clone(), environment: String::new(), files: vec![file.clone()] };
            let reading = match source.read() {
                Ok(reading) => reading,
                Err(error) => {
                    let problem = Some(error.to_string());
                    let label = file.clone();
                    examples.facts.push(ExampleFacts { label, names: Vec::new(), absent: Vec::new(), problem });
                    examples.expected.push(Vec::new());
                    continue;
                }
            };
            let mut names = BTreeSet::new();
            let mut expected = BTreeSet::new();
            for found in &reading.credentials {
                names.insert(found.name.clone());
                let connection = found.value.text().map_or(Connection::Not, take_apart);
                let password = match &connection {
                    Connection::Parts(parts) => parts.password.as_ref().map(|password| password.as_bytes()),
                    _ if may_be_credential(&found.name) => Some(found.value.bytes()),
                    _ => None,
                };
                if may_be_credential(&found.name) || password.is_some() {
                    expected.insert(found.name.clone());
                }
                let told = password.filter(|password| !password.is_empty());
                examples.values.extend(told.map(|password| facts::fingerprint(password, key)));
            }
            for unread in &reading.unread {
                names.insert(unread.name.clone());
                expected.extend(Some(unread.name.clone()).filter(|name| may_be_credential(name)));
            }
            let names = names.into_iter().collect();
            examples.facts.push(ExampleFacts { label: file.clone(), names, absent: Vec::new(), problem: None });
            examples.expected.push(expected.into_iter().collect());
        }
        examples
    }

    /// Notes names that an environment has.
    pub(super) fn present(&mut self, environment: &str, names: impl Iterator<Item = String>) {
        if !self.facts.is_empty() {
            let present = self.present.entry(environment.to_owned()).or_default();
            present.extend(names.map(|name| name.to_ascii_uppercase()));
        }
    }

    /// Whether an example shows this very value.
    pub(super) fn show(&self, value: &Fingerprint) -> bool {
        self.values.contains(value)
    }

    /// The facts, with what each environment lacks.
    pub(super) fn finish(self, environments: &[Environment]) -> Vec<ExampleFacts> {
        let none = BTreeSet::new();
        let absent = |expected: &Vec<String>| {
            let lacking = environments.iter().map(|environment| {
                let present = self.present.get(environment.id.as_str()).unwrap_or(&none);
                let names = expected.iter().filter(|name| !present.contains(&name.to_ascii_uppercase())).cloned();
                AbsentFacts { environment: environment.id.to_string(), names: names.collect() }
            });
            lacking.filter(|absent| !absent.names.is_empty()).collect()
        };
        let files = self.facts.into_iter().zip(&self.expected);
        files.map(|(facts, expected)| ExampleFacts { absent: absent(expected), ..facts }).collect()
    }
}
