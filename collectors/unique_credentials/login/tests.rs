//! What is tried, and what is not, at servers that answer from memory.

use super::*;
use std::cell::RefCell;
use std::io::{self, Cursor, Read, Write};
use std::time::Duration;

/// A server that lets in one Redis password, or one user and password, and counts.
struct Fake {
    lets_in: &'static str,
    heard: RefCell<Vec<(String, Vec<u8>)>>,
}

impl Dial for Fake {
    fn dial(&self, server: &Server, _: Duration) -> Result<Box<dyn Wire>, Answer> {
        if server.id.as_str() == "away" {
            return Err(Answer::unreachable("timed-out"));
        }
        self.heard.borrow_mut().push((server.id.to_string(), Vec::new()));
        Ok(Box::new(Line { lets_in: self.lets_in, said: Cursor::default() }))
    }

    fn rest(&self, pause: Duration) {
        assert_eq!(pause, Duration::from_millis(250), "it rests after each attempt");
    }
}

struct Line {
    lets_in: &'static str,
    said: Cursor<Vec<u8>>,
}

impl Read for Line {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.said.read(into)
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let heard = String::from_utf8_lossy(bytes);
        let said = if heard.contains("PING") {
            "-NOAUTH Authentication required.\r\n"
        } else if heard.contains(self.lets_in) {
            "+OK\r\n"
        } else {
            "-WRONGPASS invalid username-password pair\r\n"
        };
        self.said = Cursor::new(said.as_bytes().to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn candidate(environment: &str, name: &str, password: &str) -> Candidate {
    Candidate {
        environment: environment.to_owned(),
        name: name.to_owned(),
        engine: Engine::Redis,
        user: None,
        password: Zeroizing::new(password.as_bytes().to_vec()),
        place: Place { file: format!("{environment}.env"), line: 1, document: 0, key: name.to_owned() },
    }
}

fn perform(settings: &str, candidates: Vec<Candidate>, fake: &Fake) -> Vec<ServerFacts> {
    let settings: OperatingTest = toml::from_str(settings).expect("settings");
    assert_eq!(settings.problem("t"), None);
    let environment = |id: &str, disposable| Environment {
        id: exhibit_evidence::EnvironmentId::new(id).expect("an id"),
        title: id.to_owned(),
        disposable,
    };
    let environments = [environment("production", false), environment("staging", false), environment("dev", true)];
    let key = RunKey::new([3; 32]);
    let users = Users::new();
    Test { settings: &settings, candidates, users, environments: &environments, key: &key, dial: fake }.perform()
}

const SERVER: &str = "[[servers]]\nid = 'cache'\nenvironment = 'production'\nsystem = 'redis'\n\
                      address = 'cache.example:6379'\ntls = false\n";

fn fake(lets_in: &'static str) -> Fake {
    Fake { lets_in, heard: RefCell::default() }
}

#[test]
fn each_pair_is_tried_once_and_the_control_is_one_of_them() {
    let fake = fake("Pw-own-4711");
    let candidates = vec![
        candidate("production", "REDIS_PASSWORD", "Pw-own-4711"),
        candidate("staging", "REDIS_PASSWORD", "Pw-other-1"),
        candidate("staging", "CACHE_REDIS_PASSWORD", "Pw-other-1"),
        candidate("dev", "REDIS_PASSWORD", "Pw-own-4711"),
    ];
    let facts = perform(SERVER, candidates, &fake);
    let [server] = &facts[..] else { panic!("{facts:?}") };
    assert_eq!(server.own.as_ref().map(|own| own.answer.outcome), Some(Outcome::Accepted));
    let outcomes: Vec<_> =
        server.attempts.iter().map(|one| (one.environment.as_str(), one.answer.outcome, one.answer.class.as_str())).collect();
    let refused = ("staging", Outcome::Refused, "WRONGPASS");
    assert_eq!(outcomes, [("dev", Outcome::Accepted, "OK"), refused, refused]);
    // Without a password, the well-known one, the control, one of staging's: dev's is known from the control.
    assert_eq!(fake.heard.borrow().len(), 4);
    assert!(!format!("{facts:?}").contains("Pw-"));
}

#[test]
fn attempts_are_limited_and_what_is_left_out_is_counted() {
    let fake = fake("Pw-own-4711");
    let candidates = vec![
        candidate("production", "REDIS_PASSWORD", "Pw-own-4711"),
        candidate("staging", "A_REDIS_PASSWORD", "Pw-other-1"),
        candidate("staging", "B_REDIS_PASSWORD", "Pw-other-2"),
    ];
    let facts = perform(&format!("most_attempts = 3\n{SERVER}"), candidates, &fake);
    assert_eq!((facts[0].attempts.len(), facts[0].left_out), (1, 1));
    assert_eq!(fake.heard.borrow().len(), 4, "three attempts and the question without a password");
}

#[test]
fn nothing_is_tried_where_nobody_answers_or_at_disposable_environments() {
    let fake = fake("Pw-own-4711");
    let away = SERVER.replace("'cache'", "'away'");
    let dev = SERVER.replace("'cache'", "'dev-cache'").replace("production", "dev");
    let candidates = vec![candidate("staging", "REDIS_PASSWORD", "Pw-other-1")];
    let facts = perform(&format!("{away}{dev}"), candidates, &fake);
    assert_eq!(facts[0].without_password, Answer::unreachable("timed-out"));
    assert!(facts.iter().all(|server| server.attempts.is_empty() && server.own.is_none()));
    assert_eq!(fake.heard.borrow().len(), 2, "dev's server was asked without a password and for the well-known one");
}

#[test]
fn a_user_beside_the_password_goes_with_it() {
    let mut users = Users::new();
    users.insert(("staging".to_owned(), "POSTGRES_USER".to_owned()), Zeroizing::new("shop".to_owned()));
    let found = |environment, name| {
        user_beside(&users, &candidate(environment, name, "x")).map(|user| user.to_string())
    };
    assert_eq!(found("staging", "POSTGRES_PASSWORD").as_deref(), Some("shop"));
    assert_eq!(found("production", "POSTGRES_PASSWORD"), None);
    assert_eq!(found("staging", "POSTGRES_SECRET"), None);
    assert!(names_a_user("PGUSER") && names_a_user("db_username") && !names_a_user("USER_TOKEN"));
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let problem = |text: &str| {
        let settings: OperatingTest = toml::from_str(text).expect("TOML");
        settings.problem("t").map(|problem| problem.key.join("."))
    };
    assert_eq!(problem("servers = []").as_deref(), Some("t.servers"));
    assert_eq!(problem(&format!("timeout_seconds = 0\n{SERVER}")).as_deref(), Some("t.timeout_seconds"));
    assert_eq!(problem(&format!("pause_milliseconds = 90000\n{SERVER}")).as_deref(), Some("t.pause_milliseconds"));
    assert_eq!(problem(&format!("{SERVER}{SERVER}")).as_deref(), Some("t.servers.1.id"));
    assert_eq!(problem(&SERVER.replace(":6379", "")).as_deref(), Some("t.servers.0.address"));
    // Encrypted unless said otherwise, and then against an authority.
    assert_eq!(problem(&SERVER.replace("tls = false\n", "")).as_deref(), Some("t.servers.0"));
    assert_eq!(problem(&SERVER.replace("tls = false", "ca = 'ca.pem'")), None);
}
