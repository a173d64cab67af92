//! What the readers found: values written out where a secret belongs. Values stay in memory that is wiped.

use super::value::{self, Kind};
use exhibit_detect::{Engine, Sensitivity, facts, sensitive_key};
use std::fmt;
use zeroize::Zeroizing;

/// Shortest value that is looked at, in bytes.
const SHORTEST: usize = 3;
/// Most values of one file that are told.
pub(crate) const MOST_FOUND: usize = 1_000;
/// Longest part of a key path that is told as it is written.
const LONGEST_PART: usize = 60;

/// Variables by which the images of databases take their first password.
const SERVICE_NAMES: &[&str] = &[
    "POSTGRES_PASSWORD",
    "PGPASSWORD",
    "MYSQL_ROOT_PASSWORD",
    "MYSQL_PASSWORD",
    "MARIADB_ROOT_PASSWORD",
    "MSSQL_SA_PASSWORD",
    "SA_PASSWORD",
    "MONGO_INITDB_ROOT_PASSWORD",
    "RABBITMQ_DEFAULT_PASS",
    "REDIS_PASSWORD",
];

/// In what form a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Form {
    /// The value of a key.
    Key,
    /// `NAME=value` in a script or a list.
    Assignment,
    /// An option of a command.
    Option,
    /// A header of an HTTP request.
    Header,
    /// A pair inside JSON that a script sends.
    Json,
    /// Standard input of a login.
    Input,
    /// The user's part of a URL.
    Url,
}

impl Form {
    /// The rule's id in evidence, steady.
    pub(crate) fn rule(self) -> &'static str {
        match self {
            Self::Key => "literal.key",
            Self::Assignment => "literal.assignment",
            Self::Option => "literal.option",
            Self::Header => "literal.header",
            Self::Json => "literal.json",
            Self::Input => "literal.input",
            Self::Url => "literal.url",
        }
    }
}

/// How sure it is that the value is a secret in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Written {
    /// The value itself.
    Literal,
    /// The value that stands in when a variable is not set.
    Default,
    /// A weak value for a service that lives as long as the job.
    ServiceContainer,
    /// A text that says "put the secret here".
    Placeholder,
}

/// One value in the clear.
pub(crate) struct Found {
    /// Where, as a path of keys; holds no value.
    pub(crate) key_path: String,
    pub(crate) value: Zeroizing<String>,
    /// Lines from 1.
    pub(crate) line: u32,
    pub(crate) form: Form,
    pub(crate) written: Written,
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key_path, line, form, written, .. } = self;
        write!(f, "Found({key_path}:{line}, {form:?}, {written:?})")
    }
}

/// Collects what is found, and knows where in the file the reader is.
#[derive(Default)]
pub(crate) struct Sink {
    pub(crate) path: Vec<String>,
    pub(crate) found: Vec<Found>,
    /// Inside of a service that the CI system starts beside the job and throws away with it.
    pub(crate) in_service: bool,
    /// More was found than is told.
    pub(crate) crowded: bool,
}

impl Sink {
    /// A value under a name: found if the name promises a secret and the value is one.
    pub(crate) fn assign(&mut self, name: &str, text: &str, plain: bool, line: u32, form: Form) {
        match kind_of(name) {
            None => {}
            Some(Sensitivity::ConnectionUrl) => self.connection_string(text, line),
            // A short number is a password only under a name that asks for one.
            Some(kind) => self.judge(name, text, plain && kind != Sensitivity::Password, line, form),
        }
    }

    /// A value at a place where only a secret can stand.
    pub(crate) fn certain(&mut self, name: &str, text: &str, line: u32, form: Form) {
        self.judge(name, text, false, line, form);
    }

    /// A header of an HTTP request.
    pub(crate) fn header(&mut self, name: &str, content: &str, line: u32) {
        let lower = name.to_ascii_lowercase();
        if !matches!(lower.as_str(), "authorization" | "proxy-authorization" | "cookie") && kind_of(name).is_none() {
            return;
        }
        let schemes = ["bearer ", "basic ", "token ", "apikey ", "digest "];
        let scheme = schemes.iter().find(|scheme| {
            content.len() > scheme.len()
                && content.is_char_boundary(scheme.len())
                && content[..scheme.len()].eq_ignore_ascii_case(scheme)
        });
        let content = scheme.map_or(content, |scheme| &content[scheme.len()..]);
        self.judge(name, content.trim(), false, line, Form::Header);
    }

    /// Passwords in URLs, wherever in `text`.
    pub(crate) fn urls(&mut self, text: &str, line: u32) {
        if text.contains("://") {
            for (password, host) in value::url_passwords(text) {
                let was_in_service = self.in_service;
                self.in_service |= is_beside_the_job(host);
                self.judge("(password in a URL)", password, false, line, Form::Url);
                self.in_service = was_in_service;
            }
        }
    }

    /// `Server=…;Password=…` as databases take it. URLs are looked at elsewhere.
    fn connection_string(&mut self, text: &str, line: u32) {
        for part in text.split([';', ' ']) {
            if let Some((key, content)) = part.split_once('=')
                && matches!(
                    key.trim().to_ascii_lowercase().as_str(),
                    "password" | "pwd" | "accountkey" | "sharedaccesskey"
                )
            {
                self.judge(key.trim(), content, false, line, Form::Key);
            }
        }
    }

    fn judge(&mut self, name: &str, text: &str, plain: bool, line: u32, form: Form) {
        let (content, written) = match value::classify(text, plain) {
            Kind::Empty | Kind::Reference | Kind::Plain => return,
            Kind::Placeholder => (text.trim(), Written::Placeholder),
            Kind::Default(content) => (content, Written::Default),
            Kind::Literal(content) => (content, Written::Literal),
        };
        if content.len() < SHORTEST || facts::is_reference(content.as_bytes()) {
            return;
        }
        let in_service =
            self.in_service || (SERVICE_NAMES.contains(&name) && facts::is_dictionary_password(content.as_bytes()));
        let written = if in_service && is_weak(content) {
            Written::ServiceContainer
        } else if written == Written::Literal && facts::is_placeholder(content.as_bytes()) {
            Written::Placeholder
        } else {
            written
        };
        if self.found.len() == MOST_FOUND {
            self.crowded = true;
            return;
        }
        let key_path = self.key_path(name, form);
        self.found.push(Found { key_path, value: Zeroizing::new(content.to_owned()), line, form, written });
    }

    fn key_path(&self, name: &str, form: Form) -> String {
        let mut path = join_path(&self.path);
        if form == Form::Key && self.path.last().is_some_and(|last| last == name) {
            return path;
        }
        if !path.is_empty() {
            path.push(if form == Form::Key { '.' } else { ':' });
        }
        path.push_str(&part_of_path(name));
        path
    }

    /// All that was found, each once, in the order of the file.
    pub(crate) fn finish(mut self) -> Vec<Found> {
        self.found
            .sort_by(|a, b| (a.line, &a.key_path, a.form, &*a.value).cmp(&(b.line, &b.key_path, b.form, &*b.value)));
        self.found.dedup_by(|a, b| a.line == b.line && a.key_path == b.key_path && *a.value == *b.value);
        self.found
    }
}

/// What kind of secret a name promises. Tools read some names that run two words together: `PGPASSWORD`, `MYSQL_PWD`.
pub(crate) fn kind_of(name: &str) -> Option<Sensitivity> {
    let run_together = || {
        let lower = name.to_ascii_lowercase();
        let one_word = lower.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (one_word && ["password", "passwd", "passphrase"].iter().any(|ending| lower.ends_with(ending)))
            .then_some(Sensitivity::Password)
    };
    sensitive_key(name).or_else(run_together)
}

/// A host that lives beside the job and goes with it.
fn is_beside_the_job(host: &str) -> bool {
    matches!(
        host,
        "localhost"
            | "127.0.0.1"
            | "[::1]"
            | "postgres"
            | "mysql"
            | "mariadb"
            | "redis"
            | "mongo"
            | "mongodb"
            | "rabbitmq"
            | "db"
            | "database"
    )
}

/// A value that nobody would use for anything but a throw-away service.
fn is_weak(content: &str) -> bool {
    content.len() <= 20 && facts::EntropyClass::of(content.as_bytes()) != facts::EntropyClass::High
        || facts::is_dictionary_password(content.as_bytes())
}

/// A path as it may stand in evidence: each segment checked for being a value itself.
pub(crate) fn path_in_evidence(path: &str) -> String {
    path.split('/').map(part_of_path).collect::<Vec<_>>().join("/")
}

/// Keys as one path: `jobs.build.steps[Log in].run`.
pub(crate) fn join_path(path: &[String]) -> String {
    path.iter().map(|part| part_of_path(part)).collect::<Vec<_>>().join(".").replace(".[", "[")
}

/// A name or key as it may stand in evidence: as written, unless it is long or may itself hold a value.
pub(crate) fn part_of_path(part: &str) -> String {
    let (open, inner, close) = match part.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => ("[", inner, "]"),
        None => ("", part, ""),
    };
    let ordinary = |c: char| {
        c.is_alphanumeric()
            || matches!(
                c,
                ' ' | '_' | '-' | '.' | '/' | '@' | '(' | ')' | ':' | '+' | '*' | ',' | '{' | '}' | '$' | '#' | '&'
            )
    };
    let long_run = inner
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|run| run.len() >= 20 && run.bytes().any(|b| b.is_ascii_digit()));
    let told = inner.chars().count() <= LONGEST_PART
        && inner.chars().all(ordinary)
        && !long_run
        && !inner.contains("://")
        && Engine::builtin().scan(inner.as_bytes()).is_empty();
    if told { format!("{open}{inner}{close}") } else { format!("{open}({} characters){close}", inner.chars().count()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_may_hold_a_value_are_not_told() {
        assert_eq!(part_of_path("API_TOKEN"), "API_TOKEN");
        assert_eq!(part_of_path("[Log in to the registry]"), "[Log in to the registry]");
        assert_eq!(part_of_path("https://u:hunter22@h"), "(20 characters)");
        assert_eq!(part_of_path("abcdefghij0123456789abcdefghij"), "(30 characters)");
    }
}
