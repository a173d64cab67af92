//! Reads the sources and says facts about what they hold. Values end here.

use super::breached::{Digests, Lists};
use super::examples::Examples;
use super::facts::{ConnectionFacts, CredentialFacts, Facts, SourceFacts, UnseenFacts, VERSION};
use super::login::{Candidate, Dial, Test, Users, names_a_user};
use super::settings::{KEPT_ELSEWHERE, Policy, SourceSettings, has};
use super::transport::is_database;
use crate::sources::urls::{Connection, Parts, take_apart};
use crate::sources::{Credential, Encoding, Engine, Origin, Reading, Root, SECRET_BY_PLACE, Source, SourceError, Surroundings, Unread};
use exhibit_detect::facts::Facts as ValueFacts;
use exhibit_detect::{Fingerprint, RunKey, Sensitivity, facts, sensitive_key};
use exhibit_evidence::deployment::Environment;
use exhibit_evidence::observation::{Exclusion, Method, Problem, Subject, Tool};
use exhibit_evidence::{Clock, Observation, Population};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Code for names that promise no secret and whose value is not in the files: no policy need accept
/// that, but the population says so.
pub(super) const NOT_SENSITIVE: &str = "not-sensitive";

/// How many examples of excluded names evidence shows.
const EXAMPLES: usize = 5;

/// What this way of looking cannot see, whatever the source.
const BLIND_SPOTS: &[&str] = &[
    "Files show what is configured, not what runs: a value changed by hand on a server is not seen.",
    "Passwords inside whole configuration files (an application.yaml in a ConfigMap, a JSON text) are not looked for.",
    "Equality is seen within one run only; since when a value is in place is known only where its source tells.",
];

/// Everything that a run looks at.
pub(super) struct Run<'a> {
    pub(super) root: Root,
    pub(super) environments: &'a [Environment],
    pub(super) clock: &'a dyn Clock,
    pub(super) run_key: RunKey,
    pub(super) source: SourceSettings,
    pub(super) policy: Policy,
    /// How the operating test reaches its servers.
    pub(super) dial: &'a dyn Dial,
    /// How lists of breached passwords are asked.
    pub(super) lists: &'a dyn Lists,
}

/// A credential's facts with the fingerprints that groups are made from. Lives in memory only.
struct Seen {
    facts: CredentialFacts,
    equal: Option<Fingerprint>,
    near: Option<Fingerprint>,
    account: Option<Fingerprint>,
    host: Option<Fingerprint>,
}

/// Counts of one environment over all its sources.
#[derive(Default)]
struct Tally {
    sources: u64,
    counted_by: Vec<&'static str>,
    exist: Option<u64>,
    failed: bool,
    examined: u64,
    excluded: BTreeMap<&'static str, (String, Vec<String>, u64)>,
}

struct Observer<'a> {
    run: &'a Run<'a>,
    seen: Vec<Seen>,
    unseen: Vec<UnseenFacts>,
    sources: Vec<SourceFacts>,
    problems: Vec<Problem>,
    blind_spots: Vec<String>,
    rights: Vec<&'static str>,
    tallies: BTreeMap<String, Tally>,
    examples: Examples,
    connections: Vec<ConnectionFacts>,
    /// What the operating test tries; empty where it is off.
    candidates: Vec<Candidate>,
    users: Users,
    /// What a list of breached passwords is asked by; empty where none is.
    digests: Digests,
    texts: HashSet<Arc<str>>,
}

/// Observes everything that the settings name.
pub(super) fn observe(run: &Run<'_>) -> Observation {
    let observed_from = run.clock.now();
    let mut observer = Observer {
        run,
        seen: Vec::new(),
        unseen: Vec::new(),
        sources: Vec::new(),
        problems: Vec::new(),
        blind_spots: BLIND_SPOTS.iter().map(|&spot| spot.to_owned()).collect(),
        rights: Vec::new(),
        tallies: BTreeMap::new(),
        examples: Examples::read(&run.root, &run.source.examples, &run.run_key, |name| may_be(&run.policy, name)),
        connections: Vec::new(),
        candidates: Vec::new(),
        users: Users::new(),
        digests: Digests::default(),
        texts: HashSet::new(),
    };
    for configured in &run.source.credentials {
        if let Some(source) = configured.open(&Surroundings { root: &run.root, clock: run.clock }) {
            observer.source(source.as_ref());
        }
    }
    observer.finish(observed_from)
}

impl Observer<'_> {
    fn source(&mut self, source: &dyn Source) {
        let environment = source.environment().to_owned();
        let listing = source.listing();
        let reading = source.read();
        let names = listing.as_ref().ok().map(|listing| listing.names);
        let tally = self.tallies.entry(environment.clone()).or_default();
        tally.sources += 1;
        if !tally.counted_by.contains(&source.counted_by()) {
            tally.counted_by.push(source.counted_by());
        }
        if !self.rights.contains(&source.rights()) {
            self.rights.push(source.rights());
        }
        match names {
            Some(names) => tally.exist = Some(tally.exist.unwrap_or(0) + names),
            None => tally.failed = true,
        }
        self.sources.push(SourceFacts {
            environment: environment.clone(),
            kind: source.kind().to_owned(),
            label: source.label(),
            read: reading.is_ok(),
            names,
            overridden: reading.as_ref().map_or(0, |reading| reading.overridden.len() as u64),
        });
        match reading {
            Ok(reading) => {
                self.compare_counts(source, names, &reading);
                self.reading(&environment, reading);
            }
            Err(error) => self.failed(&environment, error.code(), &error),
        }
        if let Err(error) = listing
            && self.sources.last().is_some_and(|facts| facts.read)
        {
            self.failed(&environment, "source-not-countable", &error);
        }
    }

    /// The source's own count and what was read must agree.
    fn compare_counts(&mut self, source: &dyn Source, names: Option<u64>, reading: &Reading) {
        let read = reading.examined + reading.unread.len() as u64;
        if let Some(names) = names.filter(|names| *names != read) {
            let label = source.label();
            let message = format!("{label}: the source counts {names} names, but {read} were read");
            self.problem(source.environment(), "population-differs", message);
        }
    }

    fn reading(&mut self, environment: &str, reading: Reading) {
        let tally = self.tallies.entry(environment.to_owned()).or_default();
        tally.examined += reading.examined;
        let names = reading.credentials.iter().filter(|found| !found.value.is_empty());
        // A variable that a value came through is there as much as one that is handed on.
        let names = names.flat_map(|found| {
            let own = std::iter::once(&found.name).chain(&found.also_named).cloned();
            own.chain(found.parts.iter().flat_map(|part| part.through.clone())).collect::<Vec<_>>()
        });
        let unread = reading.unread.iter().map(|unread| unread.name.clone());
        self.examples.present(environment, names.chain(unread));
        for unread in &reading.unread {
            self.unread(environment, unread);
        }
        self.remember_users(environment, &reading);
        for found in &reading.credentials {
            self.credential(found, true);
        }
        for found in &reading.found_elsewhere {
            self.credential(found, false);
        }
        for spot in reading.blind_spots {
            if !self.blind_spots.contains(&spot) {
                self.blind_spots.push(spot);
            }
        }
    }

    /// A name whose value the source does not show. Names that promise no secret are left out
    /// without more; the others are what the policy must accept.
    fn unread(&mut self, environment: &str, unread: &Unread) {
        if SECRET_BY_PLACE.contains(&unread.code) || may_be(&self.run.policy, &unread.name) {
            self.exclude(environment, unread.code, &unread.reason, &unread.place.to_string());
            self.unseen.push(UnseenFacts {
                environment: environment.to_owned(),
                name: unread.name.clone(),
                code: unread.code.to_owned(),
                since: unread.version.as_ref().and_then(|version| version.since),
            });
        } else {
            let reason = "the name promises no secret, and its value is not in the files";
            self.exclude(environment, NOT_SENSITIVE, reason, &unread.place.to_string());
        }
    }

    fn exclude(&mut self, environment: &str, code: &'static str, reason: &str, place: &str) {
        let tally = self.tallies.entry(environment.to_owned()).or_default();
        let entry = tally.excluded.entry(code).or_default();
        entry.0 = reason.to_owned();
        if entry.1.len() < EXAMPLES {
            entry.1.push(place.to_owned());
        }
        entry.2 += 1;
    }

    /// Keeps user names beside passwords, for the operating test alone.
    fn remember_users(&mut self, environment: &str, reading: &Reading) {
        if self.run.source.operating_test.is_none() {
            return;
        }
        for found in &reading.credentials {
            for name in std::iter::once(&found.name).chain(&found.also_named).filter(|name| names_a_user(name)) {
                if let Some(user) = found.value.text().filter(|user| !user.is_empty()) {
                    let key = (environment.to_owned(), name.to_ascii_uppercase());
                    self.users.entry(key).or_insert_with(|| Zeroizing::new(user.to_owned()));
                }
            }
        }
    }

    /// Classifies one value; `counted` values are part of the population.
    fn credential(&mut self, found: &Credential, counted: bool) {
        let policy = &self.run.policy;
        let named = |list: &[String]| has(list, &found.name) || found.also_named.iter().any(|name| has(list, name));
        if named(&policy.not_credentials) {
            return;
        }
        let names = std::iter::once(&found.name).chain(&found.also_named);
        let kind = names.clone().find_map(|name| sensitive_key(name));
        let by_nature = !counted || (found.origin == Origin::ComposeSecret && found.place.key.starts_with("secrets."));
        let wanted = named(&policy.credentials) || by_nature;
        let connection = found.value.text().map_or(Connection::Not, take_apart);
        match connection {
            Connection::Parts(parts) if parts.password.is_some() => {
                self.in_url(found, kind, &parts);
            }
            Connection::Parts(parts) if parts.engine.is_some_and(is_database) => {
                self.without_password(found, &parts);
            }
            Connection::Unclear(expected) if self.is_meant_as_connection(found, kind) => {
                let message = format!("{}: a connection string, expected {expected}", found.place);
                self.problem(&found.environment, "connection-not-understood", message);
            }
            _ if wanted || kind.is_some_and(|kind| kind != Sensitivity::ConnectionUrl) => {
                self.whole(found, kind, counted);
            }
            _ => {}
        }
    }

    /// A text that looks like a connection string and is broken matters where it may hold a password.
    fn is_meant_as_connection(&self, found: &Credential, kind: Option<Sensitivity>) -> bool {
        let at_sign = found.value.bytes().contains(&b'@');
        kind.is_some() || has(&self.run.policy.credentials, &found.name) || at_sign
    }

    /// The whole value is the credential.
    fn whole(&mut self, found: &Credential, kind: Option<Sensitivity>, counted: bool) {
        let value = found.value.bytes();
        let told = facts::of(value, &self.run.run_key);
        if told.reference || is_secret_file(value) {
            if counted {
                let place = found.place.to_string();
                let reason = "it refers to a value that is kept elsewhere";
                self.exclude(&found.environment, KEPT_ELSEWHERE, reason, &place);
                if let Some(tally) = self.tallies.get_mut(&found.environment) {
                    tally.examined = tally.examined.saturating_sub(1);
                }
                self.unseen.push(UnseenFacts {
                    environment: found.environment.clone(),
                    name: found.name.clone(),
                    code: KEPT_ELSEWHERE.to_owned(),
                    since: None,
                });
            }
            return;
        }
        let engine = std::iter::once(&found.name)
            .chain(&found.also_named)
            .find_map(|name| Engine::of_name(name))
            .or_else(|| Engine::of_name(&found.place.key));
        let range = 0..found.value.len();
        self.note(found, kind, told, engine, range, None);
    }

    /// The credential is the password inside a connection string.
    fn in_url(&mut self, found: &Credential, kind: Option<Sensitivity>, parts: &Parts) {
        let Some(password) = &parts.password else { return };
        let told = facts::of(password.as_bytes(), &self.run.run_key);
        let engine = parts.engine.or_else(|| Engine::of_name(&found.name));
        let range = parts.password_range();
        self.note(found, kind, told, engine, range, Some(parts));
    }

    /// A connection string of a database without a password: whether it is encrypted matters all the same.
    fn without_password(&mut self, found: &Credential, parts: &Parts) {
        let Some(engine) = parts.engine else { return };
        self.connections.push(ConnectionFacts {
            environment: found.environment.clone(),
            name: found.name.clone(),
            engine,
            file: found.place.file.clone(),
            line: u64::from(found.place.line),
            key: found.place.key.clone(),
            loopback: parts.host.is_some().then(|| parts.is_loopback()),
            tls: parts.tls.clone(),
        });
    }

    /// A text that many facts have in common.
    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = Arc::from(text);
        self.texts.insert(Arc::clone(&new));
        new
    }

    /// Keeps a credential for the operating test.
    fn remember(&mut self, found: &Credential, engine: Option<Engine>, parts: Option<&Parts>) {
        let (Some(_), Some(engine @ (Engine::Postgres | Engine::Redis))) = (&self.run.source.operating_test, engine)
        else {
            return;
        };
        let (user, password) = match parts {
            Some(parts) => (parts.user.clone(), parts.password.as_ref().map(|password| password.as_bytes())),
            None => (None, Some(found.value.bytes())),
        };
        let Some(password) = password.filter(|password| !password.is_empty()) else { return };
        self.candidates.push(Candidate {
            environment: found.environment.clone(),
            name: found.name.clone(),
            engine,
            user,
            password: Zeroizing::new(password.to_vec()),
            place: found.place.clone(),
        });
    }

    /// Keeps the digest of the credential that is noted next, for a list of breached passwords alone.
    fn remember_digest(&mut self, found: &Credential, parts: Option<&Parts>) {
        let environments = self.run.environments;
        let disposable = environments.iter().any(|known| known.disposable && known.id.as_str() == found.environment);
        if self.run.policy.breached.is_none() || disposable {
            return;
        }
        let value = match parts {
            Some(parts) => parts.password.as_ref().map_or(&[][..], |password| password.as_bytes()),
            None => found.value.bytes(),
        };
        if !value.is_empty() {
            self.digests.note(self.seen.len(), value);
        }
    }

    fn note(
        &mut self,
        found: &Credential,
        kind: Option<Sensitivity>,
        told: ValueFacts,
        engine: Option<Engine>,
        range: std::ops::Range<usize>,
        parts: Option<&Parts>,
    ) {
        let compared = told.length > 0;
        self.remember_digest(found, parts);
        self.remember(found, engine, parts);
        let host = parts.and_then(|parts| {
            let host = canonical_host(parts, &self.run.policy)?;
            Some(facts::fingerprint(host.as_bytes(), &self.run.run_key))
        });
        let from_example = compared && self.examples.show(&told.fingerprint);
        let account = parts.and_then(|parts| {
            let user = parts.user.as_ref()?;
            Some(facts::fingerprint(user.as_bytes(), &self.run.run_key))
        });
        let facts = CredentialFacts {
            environment: self.shared(&found.environment),
            name: found.name.clone(),
            also_named: found.also_named.clone(),
            kind,
            engine,
            in_url: parts.is_some(),
            file: self.shared(&found.place.file),
            line: u64::from(found.place.line),
            document: u64::from(found.place.document),
            key: found.place.key.clone(),
            origin: self.shared(found.origin.as_str()),
            base64: found.encoding == Encoding::Base64,
            through: found.through(range.clone()),
            by_default: found.from_default(range),
            recipients: found.recipients.clone(),
            length: told.length,
            alphabet: told.alphabet,
            entropy: told.entropy_class,
            dictionary: told.dictionary,
            placeholder: told.placeholder,
            shape: self.shared(&told.shape),
            equal: None,
            near: None,
            account: None,
            loopback: parts.filter(|parts| parts.host.is_some()).map(Parts::is_loopback),
            tls: parts.and_then(|parts| parts.tls.clone()),
            host: None,
            from_example,
            breached: None,
            since: found.version.as_ref().and_then(|version| version.since),
            readers: found.readers.clone(),
        };
        self.seen.push(Seen {
            facts,
            equal: compared.then_some(told.fingerprint),
            near: told.near.filter(|_| compared),
            account,
            host,
        });
    }

    fn failed(&mut self, environment: &str, code: &str, error: &SourceError) {
        self.tallies.entry(environment.to_owned()).or_default().failed = true;
        self.problem(environment, code, error.to_string());
    }

    fn problem(&mut self, environment: &str, code: &str, message: String) {
        let subject = self.subject(environment);
        self.problems.push(Problem { subject, code: code.to_owned(), message });
    }

    fn subject(&self, environment: &str) -> Option<Subject> {
        let known = self.run.environments.iter().find(|known| known.id.as_str() == environment)?;
        Some(Subject { environment: known.id.clone(), id: self.run.source.subject.clone() })
    }

    fn finish(mut self, observed_from: exhibit_evidence::Timestamp) -> Observation {
        let mut population = Vec::new();
        let mut subjects = Vec::new();
        for environment in self.run.environments {
            let Some(subject) = self.subject(environment.id.as_str()) else { continue };
            subjects.push(subject.clone());
            let tally = self.tallies.remove(environment.id.as_str()).unwrap_or_default();
            if tally.sources == 0 {
                let message = format!("no source of credentials is configured for {}", environment.id);
                self.problem(environment.id.as_str(), "no-source", message);
            }
            population.push(tally.population(subject));
        }
        let operating_test = self.run.source.operating_test.as_ref().map(|settings| {
            let (candidates, users) = (std::mem::take(&mut self.candidates), std::mem::take(&mut self.users));
            let environments = self.run.environments;
            Test { settings, candidates, users, environments, key: &self.run.run_key, dial: self.run.dial }.perform()
        });
        let breached = self.run.policy.breached.as_ref().map(|settings| {
            let (mut facts, found) = std::mem::take(&mut self.digests).ask(self.run.lists, settings);
            let disposable = self.run.environments.iter().filter(|environment| environment.disposable);
            facts.spared = disposable.map(|environment| environment.id.to_string()).collect();
            for (number, seen) in found {
                self.seen[number].facts.breached = Some(seen);
            }
            facts
        });
        let credentials = grouped(self.seen);
        self.connections.sort();
        self.unseen.sort();
        let facts = Facts {
            version: VERSION,
            subject: self.run.source.subject.to_string(),
            sources: self.sources,
            examples: self.examples.finish(self.run.environments),
            credentials,
            connections: self.connections,
            operating_test,
            breached,
            unseen: self.unseen,
        };
        Observation {
            observed_from,
            observed_to: self.run.clock.now(),
            subjects,
            population,
            method: Method::All,
            tool: Tool {
                name: "exhibit unique_credentials".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                command: Vec::new(),
                rule_pack: None,
            },
            rights: match self.rights.as_slice() {
                [] => "none: no source is configured".to_owned(),
                rights => rights.join("; "),
            },
            filters: Vec::new(),
            blind_spots: self.blind_spots,
            problems: self.problems,
            facts: serde_json::to_value(facts).expect("facts are text, numbers and lists"),
            facts_artifact: None,
            artifacts: Vec::new(),
        }
    }
}

impl Tally {
    fn population(self, subject: Subject) -> Population {
        let excluded = self.excluded.into_iter().map(|(code, (reason, examples, count))| Exclusion {
            code: code.to_owned(),
            reason,
            count,
            examples,
        });
        Population {
            subject,
            unit: "configured name".to_owned(),
            exist: self.exist.filter(|_| !self.failed),
            counted_by: match self.counted_by.as_slice() {
                [] => "nothing: no source is configured".to_owned(),
                ways => ways.join("; "),
            },
            examined: self.examined,
            excluded: excluded.collect(),
        }
    }
}

/// Whether a name may hold a credential: it promises one, or the policy says so.
fn may_be(policy: &Policy, name: &str) -> bool {
    !has(&policy.not_credentials, name) && (has(&policy.credentials, name) || sensitive_key(name).is_some())
}

/// A host by one name: this very machine has many, and the policy may know of others.
fn canonical_host(parts: &Parts, policy: &Policy) -> Option<String> {
    let host = parts.host.as_deref()?.trim_end_matches('.').to_ascii_lowercase();
    if parts.is_loopback() {
        return Some("localhost".to_owned());
    }
    let group = policy.same_host.iter().find(|group| has(group, &host));
    Some(group.and_then(|group| group.first()).map_or(host, |first| first.to_ascii_lowercase()))
}

/// Whether a value is the path of a file that holds the secret: `/run/secrets/postgres`. Random text
/// may begin with `/` as well, so only folders count in which such files lie.
fn is_secret_file(value: &[u8]) -> bool {
    const FOLDERS: &[&str] = &["/run/", "/var/run/", "/etc/", "/secrets/", "/vault/", "/mnt/", "/app/"];
    let is_path = |text: &str| !text.contains(char::is_whitespace) && !text.contains("//");
    std::str::from_utf8(value).is_ok_and(|text| is_path(text) && FOLDERS.iter().any(|folder| text.starts_with(folder)))
}

/// Sorts by environment, name and place, and numbers the groups of equal values in that order, so
/// that the numbers say nothing about the values or the run's key.
fn grouped(mut seen: Vec<Seen>) -> Vec<CredentialFacts> {
    seen.sort_by(|a, b| a.facts.order().cmp(&b.facts.order()));
    let equal = numbers(seen.iter().map(|one| one.equal), 2);
    let near = numbers(seen.iter().map(|one| one.near), 2);
    // A user name that occurs once tells as much: it is another one.
    let account = numbers(seen.iter().map(|one| one.account), 1);
    let host = numbers(seen.iter().map(|one| one.host), 1);
    seen.into_iter()
        .map(|one| {
            let number = |of: &HashMap<Fingerprint, u64>, value: Option<Fingerprint>| {
                value.and_then(|value| of.get(&value).copied())
            };
            CredentialFacts {
                equal: number(&equal, one.equal),
                near: number(&near, one.near),
                account: number(&account, one.account),
                host: number(&host, one.host),
                ..one.facts
            }
        })
        .collect()
}

/// A number for each value that occurs at least so often, in order of first occurrence.
fn numbers(values: impl Iterator<Item = Option<Fingerprint>> + Clone, at_least: u64) -> HashMap<Fingerprint, u64> {
    let mut counts: HashMap<Fingerprint, u64> = HashMap::new();
    for value in values.clone().flatten() {
        *counts.entry(value).or_default() += 1;
    }
    let mut numbers = HashMap::new();
    for value in values.flatten() {
        let next = numbers.len() as u64 + 1;
        if counts.get(&value).is_some_and(|count| *count >= at_least) {
            numbers.entry(value).or_insert(next);
        }
    }
    numbers
}
