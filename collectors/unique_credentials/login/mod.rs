//! The operating test: other environments' credentials tried at an environment's servers. Off unless it is configured.
//!
//! - `settings`: what people write; `facts`: what leaves;
//! - `dial`: connections; `postgres`, `scram`, `redis`: as much of the protocols as a login needs;
//! - here: which credential is tried where, each pair once at most; `judge`: what it means.

mod dial;
pub mod facts;
pub(super) mod judge;
mod postgres;
mod redis;
mod scram;
pub mod settings;

pub(super) use dial::{Dial, Network, Wire};

use crate::sources::{Engine, Place};
use exhibit_detect::{Fingerprint, RunKey, facts::fingerprint};
use exhibit_evidence::deployment::Environment;
pub(super) use facts::Answer;
use facts::{Attempt, Outcome, ServerFacts};
use settings::{OperatingTest, Server, System};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use zeroize::Zeroizing;

/// The logins that the systems are known for: tried once at each server.
const WELL_KNOWN: &[(System, Option<&str>, &[u8])] =
    &[(System::Postgres, Some("postgres"), b"postgres"), (System::Redis, None, b"foobared")];

/// A credential that can be tried. Lives in memory only, and is wiped.
pub(super) struct Candidate {
    pub(super) environment: String,
    pub(super) name: String,
    pub(super) engine: Engine,
    pub(super) user: Option<Zeroizing<String>>,
    pub(super) password: Zeroizing<Vec<u8>>,
    pub(super) place: Place,
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate").field("environment", &self.environment).field("name", &self.name).finish_non_exhaustive()
    }
}

/// Values of variables that hold user names, by environment and name in capitals.
pub(super) type Users = HashMap<(String, String), Zeroizing<String>>;

/// Whether a variable's value is a user name.
pub(super) fn names_a_user(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["USER", "USERNAME"].iter().any(|word| name.ends_with(word))
}

/// The user that goes with a password by its name: `POSTGRES_USER` with `POSTGRES_PASSWORD`.
fn user_beside<'u>(users: &'u Users, candidate: &Candidate) -> Option<&'u Zeroizing<String>> {
    let name = candidate.name.to_ascii_uppercase();
    let stem = ["PASSWORD", "PASS", "PWD"].iter().find_map(|word| name.strip_suffix(word))?;
    let named = ["USER", "USERNAME"].iter().map(|word| (candidate.environment.clone(), format!("{stem}{word}")));
    named.into_iter().find_map(|key| users.get(&key))
}

/// What one run tries.
pub(super) struct Test<'a> {
    pub(super) settings: &'a OperatingTest,
    pub(super) candidates: Vec<Candidate>,
    pub(super) users: Users,
    pub(super) environments: &'a [Environment],
    pub(super) key: &'a RunKey,
    pub(super) dial: &'a dyn Dial,
}

/// Attempts of a run so far.
struct Count {
    made: u64,
}

impl Test<'_> {
    /// Tries everything, server by server.
    pub(super) fn perform(mut self) -> Vec<ServerFacts> {
        self.candidates.sort_by(|a, b| (&a.environment, &a.name, &a.place).cmp(&(&b.environment, &b.name, &b.place)));
        let mut count = Count { made: 0 };
        self.settings.servers.iter().map(|server| self.at_server(server, &mut count)).collect()
    }

    fn at_server(&self, server: &Server, count: &mut Count) -> ServerFacts {
        let mut visit = Visit { test: self, server, count, known: BTreeMap::new() };
        let without_password = visit.without_password();
        let mut facts = ServerFacts {
            id: server.id.to_string(),
            environment: server.environment.to_string(),
            system: server.system.engine(),
            encrypted: server.is_encrypted(),
            well_known: None,
            control: server.control,
            own: None,
            attempts: Vec::new(),
            left_out: 0,
            without_password,
        };
        // Nobody answers, or everybody is let in: nothing that is tried would tell about a password.
        if matches!(facts.without_password.outcome, Outcome::Unreachable | Outcome::Accepted | Outcome::NotAsked) {
            return facts;
        }
        facts.well_known = visit.well_known();
        let of_system = |one: &&Candidate| one.engine == server.system.engine();
        let (own, others): (Vec<&Candidate>, Vec<&Candidate>) =
            self.candidates.iter().filter(of_system).partition(|one| one.environment == server.environment.as_str());
        // A disposable environment's server is no place to show other environments' passwords to.
        if self.environments.iter().any(|known| known.id == server.environment && known.disposable) {
            return facts;
        }
        if server.control && !others.is_empty() {
            facts.own = visit.control(&own);
        }
        for candidate in others {
            for user in self.users_of(server, candidate) {
                match visit.attempt(candidate, user.as_deref()) {
                    Some(answer) => facts.attempts.push(attempt_of(candidate, answer)),
                    None => facts.left_out += 1,
                }
            }
        }
        facts
    }

    /// The user names that a credential is tried with: its own, or those that the settings name.
    fn users_of(&self, server: &Server, candidate: &Candidate) -> Vec<Option<String>> {
        if let Some(user) = candidate.user.as_ref().or_else(|| user_beside(&self.users, candidate)) {
            return vec![Some(user.to_string())];
        }
        if !server.users.is_empty() {
            return server.users.iter().cloned().map(Some).collect();
        }
        match server.system {
            System::Postgres => vec![Some("postgres".to_owned())],
            System::Redis => vec![None],
        }
    }
}

fn attempt_of(candidate: &Candidate, answer: Answer) -> Attempt {
    Attempt {
        environment: candidate.environment.clone(),
        name: candidate.name.clone(),
        file: candidate.place.file.clone(),
        line: u64::from(candidate.place.line),
        key: candidate.place.key.clone(),
        answer,
    }
}

/// What is tried at one server.
struct Visit<'a> {
    test: &'a Test<'a>,
    server: &'a Server,
    count: &'a mut Count,
    /// Answers by user name and password: no pair is tried twice.
    known: BTreeMap<Fingerprint, Answer>,
}

impl Visit<'_> {
    /// Anybody's first words, without a password. Not an attempt at one.
    fn without_password(&mut self) -> Answer {
        let server = self.server;
        match server.system {
            System::Postgres => {
                let user = server.users.first().map_or("postgres", String::as_str);
                let mut answer = self.postgres(user, None);
                if answer.outcome == Outcome::NotAsked {
                    answer.outcome = Outcome::Accepted;
                }
                answer
            }
            System::Redis => self.dialled(redis::without_password),
        }
    }

    fn well_known(&mut self) -> Option<Answer> {
        let (_, user, password) = WELL_KNOWN.iter().find(|(system, ..)| *system == self.server.system)?;
        self.once(*user, password)
    }

    /// The first of the environment's own credentials that is let in, else the first that was tried.
    fn control(&mut self, own: &[&Candidate]) -> Option<Attempt> {
        let named = |one: &&&Candidate| super::settings::has(&self.server.own, &one.name);
        let wanted: Vec<&Candidate> = match self.server.own.is_empty() {
            true => own.to_vec(),
            false => own.iter().filter(named).copied().collect(),
        };
        let mut first = None;
        for candidate in wanted {
            for user in self.test.users_of(self.server, candidate) {
                let Some(answer) = self.attempt(candidate, user.as_deref()) else { continue };
                let tried = attempt_of(candidate, answer);
                if tried.answer.outcome == Outcome::Accepted {
                    return Some(tried);
                }
                first = first.or(Some(tried));
            }
        }
        first
    }

    fn attempt(&mut self, candidate: &Candidate, user: Option<&str>) -> Option<Answer> {
        self.once(user, &candidate.password)
    }

    /// Tries a pair unless it was tried before; none where the run has no attempts left.
    fn once(&mut self, user: Option<&str>, password: &[u8]) -> Option<Answer> {
        let named = user.unwrap_or_default();
        let pair = Zeroizing::new([&named.len().to_be_bytes(), named.as_bytes(), password].concat());
        let pair = fingerprint(&pair, self.test.key);
        if let Some(answer) = self.known.get(&pair) {
            return Some(answer.clone());
        }
        if self.count.made >= self.test.settings.most_attempts {
            return None;
        }
        self.count.made += 1;
        let answer = match self.server.system {
            System::Postgres => self.postgres(named, Some(password)),
            System::Redis => self.dialled(|wire| redis::log_in(wire, user, password)),
        };
        self.known.insert(pair, answer.clone());
        Some(answer)
    }

    fn postgres(&mut self, user: &str, password: Option<&[u8]>) -> Answer {
        let server = self.server;
        // Fresh for each attempt, without any randomness but the run's.
        let seed = format!("nonce {} {}", server.id, self.count.made);
        let nonce = fingerprint(seed.as_bytes(), self.test.key).to_string();
        let local = server.host_and_port().is_some_and(|(host, _)| {
            host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        });
        let private = server.is_encrypted() || server.is_socket() || local;
        let login = postgres::Login { user, database: &server.database, password, private, nonce };
        self.dialled(|wire| postgres::log_in(wire, &login))
    }

    fn dialled(&mut self, say: impl FnOnce(&mut dyn Wire) -> Answer) -> Answer {
        let answer = match self.test.dial.dial(self.server, self.test.settings.time_limit()) {
            Ok(mut wire) => say(wire.as_mut()),
            Err(answer) => answer,
        };
        self.test.dial.rest(self.test.settings.pause());
        answer
    }
}

#[cfg(test)]
mod tests;
