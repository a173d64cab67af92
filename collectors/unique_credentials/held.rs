//! How the facts about credentials are written: what many have in common (environment, file, kind of place) stands once.
//!
//! A hundred thousand credentials are held twice while they are judged, as JSON and as facts: repeating three texts in each
//! would make most of it.

use super::facts::CredentialFacts;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::ser::{SerializeSeq as _, Serializer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Credentials of one environment, in one file and one kind of place.
#[derive(Serialize)]
struct Written<'f> {
    environment: &'f str,
    file: &'f str,
    origin: &'f str,
    held: Vec<&'f CredentialFacts>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    environment: String,
    file: String,
    origin: String,
    held: Vec<CredentialFacts>,
}

/// Writes them by what they have in common.
pub(super) fn serialize<S: Serializer>(facts: &[CredentialFacts], serializer: S) -> Result<S::Ok, S::Error> {
    let mut groups: BTreeMap<(&str, &str, &str), Vec<&CredentialFacts>> = BTreeMap::new();
    for one in facts {
        groups.entry((&one.environment, &one.file, &one.origin)).or_default().push(one);
    }
    let mut list = serializer.serialize_seq(Some(groups.len()))?;
    for ((environment, file, origin), held) in groups {
        list.serialize_element(&Written { environment, file, origin, held })?;
    }
    list.end()
}

/// Reads what [`serialize`] wrote, in the order in which facts stand.
pub(super) fn deserialize<'d, D: Deserializer<'d>>(deserializer: D) -> Result<Vec<CredentialFacts>, D::Error> {
    let mut facts = deserializer.deserialize_seq(Groups)?;
    facts.sort_by(|one, other| one.order().cmp(&other.order()));
    Ok(facts)
}

/// Takes one group after the other, so that none is held twice.
struct Groups;

impl<'d> Visitor<'d> for Groups {
    type Value = Vec<CredentialFacts>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of credentials by environment and file")
    }

    fn visit_seq<A: SeqAccess<'d>>(self, mut groups: A) -> Result<Self::Value, A::Error> {
        let mut facts = Vec::new();
        while let Some(group) = groups.next_element::<Read>()? {
            let [environment, file, origin] = [group.environment, group.file, group.origin].map(Arc::<str>::from);
            facts.extend(group.held.into_iter().map(|one| CredentialFacts {
                environment: Arc::clone(&environment),
                file: Arc::clone(&file),
                origin: Arc::clone(&origin),
                ..one
            }));
        }
        Ok(facts)
    }
}

/// One credential of version 1, which said everything each time.
#[derive(Deserialize)]
pub(super) struct First {
    environment: String,
    file: String,
    origin: String,
    #[serde(flatten)]
    rest: CredentialFacts,
}

impl From<First> for CredentialFacts {
    fn from(first: First) -> Self {
        let [environment, file, origin] = [first.environment, first.file, first.origin].map(Arc::<str>::from);
        Self { environment, file, origin, ..first.rest }
    }
}
