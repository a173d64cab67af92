//! The test of the collector by itself, before every run: a known-bad and a known-good fixture
//! through the same readers, the same facts and the same judge.

use super::breached::{Breached, Lists, Reader, digits};
use super::collect::{Run, observe};
use super::judge::judge;
use super::login::settings::Server;
use super::login::{Answer, Dial, Wire};
use super::settings::{Policy, SourceSettings};
use crate::sources::{Root, SourceError};
use exhibit_detect::RunKey;
use exhibit_evidence::assessment::Judgement;
use exhibit_evidence::deployment::Environment;
use exhibit_evidence::observation::SelfTest;
use exhibit_evidence::{Clock, EnvironmentId, Timestamp, Verdict};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Cursor, Read, Write};
use std::time::Duration;

/// Two environments with every fault that there is a check for.
const BAD: &[(&str, &str)] = &[
    (
        "a.env",
        "POSTGRES_PASSWORD=self-test-Qm7vK2xT9bLw4RzN\n\
         REDIS_URL=redis://:self-test-Qm7vK2xT9bLw4RzN@cache:6379\n\
         SMTP_PASSWORD=postgres\n\
         ENCRYPTION_KEY=changeme-replace_me\n\
         JWT_SECRET=Qv7xK2m\n\
         SESSION_SECRET=self-test-Wd5gH8pY3cVn-1\n\
         ONLY_HERE_TOKEN=self-test-Jk2mZ6tB8qXr\n\
         ONE_URL=postgres://svc:self-test-Vb3nM7kQ1zTy@one.example/app\n\
         TWO_URL=postgres://svc:self-test-Vb3nM7kQ1zTy@two.example/app\n",
    ),
    ("example.env", "POSTGRES_PASSWORD=\nREDIS_URL=\n"),
    (
        "b.yml",
        "services:\n  app:\n    environment:\n      \
         DATABASE_URL: postgres://app:self-test-Qm7vK2xT9bLw4RzN@db/app\n      \
         SESSION_SECRET: self-test-Wd5gH8pY3cVn-2\n      \
         API_KEY: ${API_KEY:-self-test-Rt4nC7yM2wQe}\n",
    ),
];

/// The same with a separate, strong value for each.
const GOOD: &[(&str, &str)] = &[
    (
        "a.env",
        "POSTGRES_PASSWORD=self-test-Fh3kP8vZ2mXc\nDATABASE_URL=postgres://app:${POSTGRES_PASSWORD}@db/app?sslmode=verify-full\n\
         REDIS_PASSWORD=self-test-Bn6rT1wQ9dLs\n",
    ),
    (
        "b.yml",
        "services:\n  app:\n    environment:\n      POSTGRES_PASSWORD: ${PG}\n      \
         DATABASE_URL: postgres://app:${PG}@db/app?sslmode=verify-full\n      REDIS_PASSWORD: ${RD:?}\n",
    ),
    ("example.env", "POSTGRES_PASSWORD=\nDATABASE_URL=\nREDIS_PASSWORD=\n"),
    ("b.env", "PG=self-test-Yx5gM7cV4tHj\nRD=self-test-Kp2zN8bW6qRf\n"),
];

const SOURCE: &str = "[[credentials]]\nenvironment = 'a'\ndotenv = 'a.env'\n\
                      [[credentials]]\nenvironment = 'b'\ncompose = 'b.yml'\n";

/// What both fixtures are asked beside their files.
const TEST: &str = "example = 'example.env'\n\
                    [operating_test]\nenabled = true\n\
                    [[operating_test.servers]]\nid = 'cache'\nenvironment = 'a'\nsystem = 'redis'\n\
                    address = 'cache.example:6379'\ntls = false\n\
                    [[operating_test.servers]]\nid = 'main'\nenvironment = 'b'\nsystem = 'postgres'\n\
                    address = 'db.example:5432'\ntls = false\n";

const BAD_POLICY: &str = "[[recipients]]\nnames = ['API_KEY']\nservices = ['worker']\n\
                          [[rotation.attested]]\nnames = ['JWT_SECRET']\nat = '2025-09-01T00:00:00.000000Z'\n\
                          by = 'self-test'\nreference = 'self-test'\n\
                          [breached]\nrange_url = 'https://list.example/range/'\n";

const GOOD_POLICY: &str = "[[recipients]]\nnames = ['POSTGRES_PASSWORD']\nenvironments = ['b']\nservices = ['app']\n\
                           [[rotation.attested]]\nnames = ['POSTGRES_PASSWORD', 'REDIS_PASSWORD']\n\
                           at = '2025-12-20T00:00:00.000000Z'\nby = 'self-test'\nreference = 'self-test'\n\
                           [breached]\nrange_url = 'https://list.example/range/'\n";

/// What servers say, connection by connection; the last goes for all that follow.
type Script = &'static [(&'static str, &'static [&'static [u8]])];

/// Asks for an MD5 password, salt included.
const ASKS: &[u8] = b"R\0\0\0\x0c\0\0\0\x05salt";
const REFUSES: &[u8] = b"R\0\0\0\x0c\0\0\0\x05saltE\0\0\0\x0cC28P01\0\0";
const LETS_IN: &[u8] = b"R\0\0\0\x0c\0\0\0\x05saltR\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";

/// What a cache says that lets in everybody.
const OPEN: &[u8] = b"+PONG\r\n+OK\r\n";
const NO_AUTH: &[u8] = b"-NOAUTH Authentication required.\r\n+OK\r\n";
const WRONG: &[u8] = b"-WRONGPASS invalid username-password pair\r\n+OK\r\n";
const RIGHT: &[u8] = b"+OK\r\n+OK\r\n";

/// One that lets in everybody, and one that lets in a credential of the other environment.
const BAD_SERVERS: Script = &[("cache", &[OPEN]), ("main", &[ASKS, REFUSES, LETS_IN, LETS_IN])];

/// Two that let in their own environment's credential, and no other.
const GOOD_SERVERS: Script =
    &[("cache", &[NO_AUTH, WRONG, RIGHT, WRONG]), ("main", &[ASKS, REFUSES, LETS_IN, REFUSES])];

/// Servers that read from a script.
struct Scripted {
    script: Script,
    connections: RefCell<BTreeMap<String, usize>>,
}

struct Line(Cursor<&'static [u8]>);

impl Read for Line {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Dial for Scripted {
    fn dial(&self, server: &Server, _time_limit: Duration) -> Result<Box<dyn Wire>, Answer> {
        let lines = self.script.iter().find(|(id, _)| *id == server.id.as_str()).map_or(&[][..], |(_, lines)| lines);
        let mut connections = self.connections.borrow_mut();
        let number = connections.entry(server.id.to_string()).or_default();
        let line = lines.get(*number).or(lines.last()).copied().unwrap_or_default();
        *number += 1;
        Ok(Box::new(Line(Cursor::new(line))))
    }

    fn rest(&self, _pause: Duration) {}
}

/// A list that has one password, and pads every answer with endings that nobody has: those of our own good values too.
struct OnePassword;

impl Lists for OnePassword {
    fn ask(&self, _settings: &Breached, ranges: &[String], read: Reader<'_>) -> Result<(), SourceError> {
        let known = [("postgres", 7), ("self-test-Fh3kP8vZ2mXc", 0), ("self-test-Yx5gM7cV4tHj", 0)];
        for (number, range) in ranges.iter().enumerate() {
            let listed = known.map(|(password, count)| (digits(password.as_bytes()), count));
            let listed = listed.iter().filter_map(|(digits, count)| Some((digits.strip_prefix(range.as_str())?, count)));
            let lines: String = listed.map(|(ending, count)| format!("{ending}:{count}\r\n")).collect();
            let padded = format!("{lines}{}:0", "0".repeat(35));
            if !read(number, padded.as_bytes()) {
                return Err(SourceError::refused("the list of the self-test", "not-understood", "it is not understood"));
            }
        }
        Ok(())
    }
}

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        "2026-01-01T00:00:00.000000Z".parse().expect("an instant in the one form")
    }
}

/// Runs both fixtures.
pub(super) fn run() -> SelfTest {
    let (passed, detail) = match outcome() {
        Ok(detail) => (true, detail),
        Err(detail) => (false, detail),
    };
    SelfTest { passed, detail }
}

fn outcome() -> Result<String, String> {
    let bad = judged(BAD, &format!("{TEST}{SOURCE}"), BAD_POLICY, BAD_SERVERS)?;
    let silent: Vec<_> = bad
        .iter()
        .filter(|judgement| judgement.verdict() != Verdict::Fail)
        .map(|judgement| judgement.check.as_str().to_owned())
        .collect();
    if !silent.is_empty() {
        return Err(format!("the known-bad fixture was not noted by {}", silent.join(", ")));
    }
    let with_variables = format!("{TEST}{SOURCE}env_file = 'b.env'\n");
    let good = judged(GOOD, &with_variables, GOOD_POLICY, GOOD_SERVERS)?;
    let loud: Vec<_> = good
        .iter()
        .filter(|judgement| judgement.verdict() != Verdict::Pass)
        .map(|judgement| judgement.check.as_str().to_owned())
        .collect();
    if !loud.is_empty() {
        return Err(format!("the known-good fixture was noted by {}", loud.join(", ")));
    }
    let findings: usize = bad.iter().map(|judgement| judgement.findings.len()).sum();
    Ok(format!(
        "known-bad fixture: {findings} deviations noted by {} of {} checks; known-good fixture: none",
        bad.len(),
        bad.len()
    ))
}

fn judged(
    files: &'static [(&'static str, &'static str)],
    source: &str,
    policy: &str,
    script: Script,
) -> Result<Vec<Judgement>, String> {
    let environment =
        |id: &str| EnvironmentId::new(id).map(|id| Environment { title: id.to_string(), id, disposable: false });
    let environments: Vec<Environment> =
        ["a", "b"].into_iter().map(environment).collect::<Result<_, _>>().map_err(|e| e.to_string())?;
    let table: toml::Table = toml::from_str(source).map_err(|_| "its settings are not TOML")?;
    let source = SourceSettings::read(&table).map_err(|_| "its settings were refused")?;
    let policy: toml::Table = toml::from_str(policy).map_err(|_| "its policy is not TOML")?;
    let servers = Scripted { script, connections: RefCell::default() };
    let run = Run {
        root: Root::Memory(files),
        environments: &environments,
        clock: &FixedClock,
        run_key: RunKey::new([1; 32]),
        source,
        policy: Policy::read(&policy).map_err(|_| "its policy was refused")?,
        dial: &servers,
        lists: &OnePassword,
    };
    let observation = observe(&run);
    judge(&observation, &environments, &policy).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_passes_and_says_what_it_tried() {
        let result = run();
        assert!(result.passed, "{}", result.detail);
        assert!(result.detail.contains("16 of 16 checks"), "{}", result.detail);
    }
}
