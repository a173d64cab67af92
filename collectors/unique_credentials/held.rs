//! How the facts about credentials are written: what many have in common stands once, and each takes a short row.
//!
//! A hundred thousand credentials are held twice while they are judged, as JSON and as facts: a table of eight entries for
//! each would make most of it.

use super::breached::Seen;
use super::facts::{CredentialFacts, is_false, is_zero};
use crate::sources::Engine;
use exhibit_detect::{Alphabet, Sensitivity, facts::EntropyClass};
use exhibit_evidence::Timestamp;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeSeq as _, Serializer};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

/// Credentials of one environment, in one file and one kind of place, of which the same is to be said.
#[derive(Serialize)]
struct Written<'f> {
    environment: &'f str,
    file: &'f str,
    origin: &'f str,
    alike: Alike<'f>,
    held: Vec<Row<'f>>,
}

/// What is said of values, and of many the same.
#[derive(PartialEq, Eq, Hash, Serialize)]
struct Alike<'f> {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<Sensitivity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    engine: Option<Engine>,
    #[serde(skip_serializing_if = "is_false")]
    in_url: bool,
    #[serde(skip_serializing_if = "is_false")]
    base64: bool,
    #[serde(skip_serializing_if = "is_false")]
    by_default: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    recipients: &'f [String],
    length: u64,
    alphabet: Alphabet,
    entropy: EntropyClass,
    #[serde(skip_serializing_if = "is_false")]
    dictionary: bool,
    #[serde(skip_serializing_if = "is_false")]
    placeholder: bool,
    shape: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    loopback: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<&'f str>,
    #[serde(skip_serializing_if = "is_false")]
    from_example: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    readers: Option<&'f [String]>,
}

impl<'f> Alike<'f> {
    fn of(facts: &'f CredentialFacts) -> Self {
        Self {
            kind: facts.kind,
            engine: facts.engine,
            in_url: facts.in_url,
            base64: facts.base64,
            by_default: facts.by_default,
            recipients: &facts.recipients,
            length: facts.length,
            alphabet: facts.alphabet,
            entropy: facts.entropy,
            dictionary: facts.dictionary,
            placeholder: facts.placeholder,
            shape: &facts.shape,
            loopback: facts.loopback,
            tls: facts.tls.as_deref(),
            from_example: facts.from_example,
            readers: facts.readers.as_deref(),
        }
    }
}

/// Name, line, and what else is to be said of this one, if anything is.
struct Row<'f>(&'f CredentialFacts);

#[derive(Default, PartialEq, Serialize)]
struct Own<'f> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    also_named: &'f [String],
    #[serde(skip_serializing_if = "is_zero")]
    document: u64,
    /// Where it is not the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'f str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    through: &'f [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    equal: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    near: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    breached: Option<Seen>,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let facts = self.0;
        let own = Own {
            also_named: &facts.also_named,
            document: facts.document,
            key: Some(facts.key.as_str()).filter(|key| *key != facts.name),
            through: &facts.through,
            equal: facts.equal,
            near: facts.near,
            account: facts.account,
            host: facts.host,
            since: facts.since,
            breached: facts.breached,
        };
        if own == Own::default() {
            (&facts.name, facts.line).serialize(serializer)
        } else {
            (&facts.name, facts.line, own).serialize(serializer)
        }
    }
}

/// Writes them by what they have in common, in the order in which each group's first one stands.
pub(super) fn serialize<S: Serializer>(facts: &[CredentialFacts], serializer: S) -> Result<S::Ok, S::Error> {
    let mut files: BTreeMap<(&str, &str, &str), Vec<&CredentialFacts>> = BTreeMap::new();
    for one in facts {
        files.entry((&one.environment, &one.file, &one.origin)).or_default().push(one);
    }
    let mut list = serializer.serialize_seq(None)?;
    for ((environment, file, origin), all) in files {
        let mut places: HashMap<Alike<'_>, usize> = HashMap::new();
        let mut groups: Vec<Vec<Row<'_>>> = Vec::new();
        for one in all {
            let place = *places.entry(Alike::of(one)).or_insert(groups.len());
            if place == groups.len() {
                groups.push(Vec::new());
            }
            groups[place].push(Row(one));
        }
        for held in groups {
            let Some(Row(first)) = held.first() else { continue };
            list.serialize_element(&Written { environment, file, origin, alike: Alike::of(first), held })?;
        }
    }
    list.end()
}

/// Reads what [`serialize`] writes, and what it wrote of version 2, in the order in which facts stand.
pub(super) fn deserialize<'d, D: Deserializer<'d>>(deserializer: D) -> Result<Vec<CredentialFacts>, D::Error> {
    let mut facts = deserializer.deserialize_seq(Groups)?;
    facts.sort_by(|one, other| one.order().cmp(&other.order()));
    Ok(facts)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    environment: String,
    file: String,
    origin: String,
    /// Version 2 has none, and says everything of each.
    alike: Option<ReadAlike>,
    held: Vec<ReadRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadAlike {
    kind: Option<Sensitivity>,
    engine: Option<Engine>,
    #[serde(default)]
    in_url: bool,
    #[serde(default)]
    base64: bool,
    #[serde(default)]
    by_default: bool,
    #[serde(default)]
    recipients: Vec<String>,
    length: u64,
    alphabet: Alphabet,
    entropy: EntropyClass,
    #[serde(default)]
    dictionary: bool,
    #[serde(default)]
    placeholder: bool,
    #[serde(deserialize_with = "super::facts::text")]
    shape: Arc<str>,
    loopback: Option<bool>,
    tls: Option<String>,
    #[serde(default)]
    from_example: bool,
    readers: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ReadOwn {
    also_named: Vec<String>,
    document: u64,
    key: Option<String>,
    through: Vec<String>,
    equal: Option<u64>,
    near: Option<u64>,
    account: Option<u64>,
    host: Option<u64>,
    since: Option<Timestamp>,
    breached: Option<Seen>,
}

enum ReadRow {
    Short(String, u64, Option<Box<ReadOwn>>),
    Whole(Box<CredentialFacts>),
}

impl<'d> Deserialize<'d> for ReadRow {
    fn deserialize<D: Deserializer<'d>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RowVisitor)
    }
}

struct RowVisitor;

impl<'d> Visitor<'d> for RowVisitor {
    type Value = ReadRow;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a credential: name, line and, if there is more to say, a table")
    }

    fn visit_seq<A: SeqAccess<'d>>(self, mut row: A) -> Result<Self::Value, A::Error> {
        let name = row.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
        let line = row.next_element()?.ok_or_else(|| A::Error::invalid_length(1, &self))?;
        Ok(ReadRow::Short(name, line, row.next_element()?))
    }

    fn visit_map<A: MapAccess<'d>>(self, table: A) -> Result<Self::Value, A::Error> {
        CredentialFacts::deserialize(MapAccessDeserializer::new(table)).map(|facts| ReadRow::Whole(Box::new(facts)))
    }
}

/// Takes one group after the other, so that none is held twice.
struct Groups;

impl<'d> Visitor<'d> for Groups {
    type Value = Vec<CredentialFacts>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of credentials by environment and file")
    }

    fn visit_seq<A: SeqAccess<'d>>(self, mut groups: A) -> Result<Self::Value, A::Error> {
        let mut facts: Vec<CredentialFacts> = Vec::new();
        while let Some(group) = groups.next_element::<Read>()? {
            let place = [group.environment, group.file, group.origin].map(Arc::<str>::from);
            for row in group.held {
                facts.push(match (row, &group.alike) {
                    (ReadRow::Whole(facts), None) => facts.at(&place),
                    (ReadRow::Short(name, line, own), Some(alike)) => alike.fact(name, line, own, &place),
                    _ => return Err(A::Error::custom("rows with `alike`, or tables without it")),
                });
            }
        }
        Ok(facts)
    }
}

impl ReadAlike {
    /// All that is said of one of them.
    fn fact(&self, name: String, line: u64, own: Option<Box<ReadOwn>>, place: &[Arc<str>; 3]) -> CredentialFacts {
        let own = own.map(|own| *own).unwrap_or_default();
        let [environment, file, origin] = place.each_ref().map(Arc::clone);
        CredentialFacts {
            environment,
            file,
            origin,
            key: own.key.unwrap_or_else(|| name.clone()),
            name,
            line,
            also_named: own.also_named,
            document: own.document,
            through: own.through,
            equal: own.equal,
            near: own.near,
            account: own.account,
            host: own.host,
            since: own.since,
            breached: own.breached,
            kind: self.kind,
            engine: self.engine,
            in_url: self.in_url,
            base64: self.base64,
            by_default: self.by_default,
            recipients: self.recipients.clone(),
            length: self.length,
            alphabet: self.alphabet,
            entropy: self.entropy,
            dictionary: self.dictionary,
            placeholder: self.placeholder,
            shape: Arc::clone(&self.shape),
            loopback: self.loopback,
            tls: self.tls.clone(),
            from_example: self.from_example,
            readers: self.readers.clone(),
        }
    }
}

impl CredentialFacts {
    fn at(self, [environment, file, origin]: &[Arc<str>; 3]) -> Self {
        Self { environment: Arc::clone(environment), file: Arc::clone(file), origin: Arc::clone(origin), ..self }
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
        first.rest.at(&[first.environment, first.file, first.origin].map(Arc::<str>::from))
    }
}
