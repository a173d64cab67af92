//! The real secrets of the environments: read from where they are configured, looked for in whatever is searched, and told
//! by name.

use exhibit_detect::{Known, facts, sensitive_key};
use exhibit_evidence::observation::Problem;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::sources::settings::CredentialSource;
use crate::sources::urls::{Connection, take_apart};
use crate::sources::{Credential, Reading, SECRET_BY_PLACE, Surroundings};
use crate::words::plural;

/// Which real secrets were looked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KnownFacts {
    /// How many different values were looked for, in all their forms.
    pub(crate) searched: u64,
    /// What was not looked for, by name, and why.
    pub(crate) not_searched: Vec<NotSearchedFact>,
}

impl KnownFacts {
    /// What was looked for, behind the words about what was found.
    pub(crate) fn in_words(&self) -> String {
        let left = match self.not_searched.len() {
            0 => String::new(),
            left => format!(", {left} were not searched for"),
        };
        format!("; {} of the environments looked for exactly{left}", plural(self.searched, "real secret"))
    }
}

/// A secret that was not looked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotSearchedFact {
    pub(crate) environment: String,
    pub(crate) name: String,
    /// `too-short`, `too-common`, `placeholder`, `empty`, or why its value could not be seen.
    pub(crate) why: String,
}

/// The secrets of one run. In memory only; their values are wiped when this is dropped.
pub(crate) struct Secrets {
    pub(crate) known: Known,
    /// Environments and names of each value, by its number.
    pub(crate) names: Vec<String>,
    pub(crate) facts: KnownFacts,
    pub(crate) problems: Vec<Problem>,
}

/// A value before it is known what it is called everywhere.
struct Value {
    bytes: Zeroizing<Vec<u8>>,
    /// Environment and name, of each place that holds it.
    names: Vec<(String, String)>,
}

#[derive(Default)]
struct Gathered {
    values: Vec<Value>,
    not_searched: Vec<NotSearchedFact>,
    problems: Vec<Problem>,
}

/// Reads the secrets; none if none are configured.
pub(crate) fn read(sources: &[CredentialSource], around: &Surroundings<'_>) -> Option<Secrets> {
    if sources.is_empty() {
        return None;
    }
    let mut gathered = Gathered::default();
    for source in sources.iter().filter_map(|configured| configured.open(around)) {
        match source.read() {
            Ok(reading) => gathered.reading(source.environment(), &reading),
            Err(error) => gathered.problems.push(Problem {
                subject: None,
                code: "secrets-unreadable".to_owned(),
                message: format!("The secrets to look for could not be read: {error}"),
            }),
        }
    }
    Some(gathered.finish())
}

impl Gathered {
    fn reading(&mut self, environment: &str, reading: &Reading) {
        for found in reading.credentials.iter().chain(&reading.found_elsewhere) {
            self.credential(found);
        }
        let unread = reading
            .unread
            .iter()
            .filter(|unread| SECRET_BY_PLACE.contains(&unread.code) || sensitive_key(&unread.name).is_some());
        self.not_searched.extend(unread.map(|unread| NotSearchedFact {
            environment: environment.to_owned(),
            name: unread.name.clone(),
            why: unread.code.to_owned(),
        }));
    }

    /// Keeps what is a secret: the password of a connection string, or the whole value behind a name that promises one.
    fn credential(&mut self, found: &Credential) {
        let text = found.value.text();
        if let Some(Connection::Parts(parts)) = text.map(take_apart) {
            if let Some(password) = &parts.password {
                self.value(password.as_bytes(), found);
            }
            return;
        }
        let mut names = std::iter::once(&found.name).chain(&found.also_named);
        let by_nature = found.origin.holds_secrets_alone();
        if (by_nature || names.any(|name| sensitive_key(name).is_some())) && !facts::is_reference(found.value.bytes()) {
            self.value(found.value.bytes(), found);
        }
    }

    fn value(&mut self, bytes: &[u8], found: &Credential) {
        let name = (found.environment.clone(), found.name.clone());
        match self.values.iter_mut().find(|value| *value.bytes == bytes) {
            Some(value) if value.names.contains(&name) => {}
            Some(value) => value.names.push(name),
            None => self.values.push(Value { bytes: Zeroizing::new(bytes.to_vec()), names: vec![name] }),
        }
    }

    fn finish(mut self) -> Secrets {
        for value in &mut self.values {
            value.names.sort();
        }
        let (values, named): (Vec<_>, Vec<_>) = self.values.into_iter().map(|value| (value.bytes, value.names)).unzip();
        let known = Known::new(&values);
        let mut not_searched = self.not_searched;
        for (number, why) in known.not_searched() {
            not_searched.extend(named[*number].iter().map(|(environment, name)| NotSearchedFact {
                environment: environment.clone(),
                name: name.clone(),
                why: why.as_str().to_owned(),
            }));
        }
        not_searched.sort();
        not_searched.dedup();
        let searched = (values.len() - known.not_searched().len()) as u64;
        let told = |names: &Vec<(String, String)>| {
            names.iter().map(|(environment, name)| format!("{name} of {environment}")).collect::<Vec<_>>().join(", ")
        };
        Secrets {
            known,
            names: named.iter().map(told).collect(),
            facts: KnownFacts { searched, not_searched },
            problems: self.problems,
        }
    }
}
