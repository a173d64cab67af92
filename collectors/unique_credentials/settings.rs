//! What people write into `exhibit.toml` for this collector.

use super::breached::Breached;
use super::login::settings::OperatingTest;
use super::rules::{AllowUnencrypted, RecipientRule, Rotation};
use crate::SettingProblem;
use crate::sources::settings::{self, CredentialSource, OneOrMore};
use crate::sources::UNREAD;
use exhibit_detect::{Alphabet, facts::EntropyClass};
use exhibit_evidence::{EnvironmentId, Severity, SubjectId};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The `source` table.
#[derive(Clone, Debug)]
pub struct SourceSettings {
    /// The subject's id: what these credentials belong to.
    pub subject: SubjectId,
    /// Where the credentials of each environment are.
    pub credentials: Vec<CredentialSource>,
    /// Files such as `.env.example`: the names that a configuration should have.
    pub examples: Vec<String>,
    /// Servers that are tried with other environments' credentials; none where the test is off.
    pub operating_test: Option<OperatingTest>,
}

/// The `policy` table. Names are compared without regard to case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Fewest bytes of a credential, unless a key says otherwise.
    pub minimum_length: u64,
    /// Least entropy class: `low`, `medium`, `high`.
    pub minimum_entropy: EntropyClass,
    /// Rules for single keys.
    pub keys: Vec<KeyRule>,
    /// Further names that are credentials.
    pub credentials: Vec<String>,
    /// Names that look like credentials and are none.
    pub not_credentials: Vec<String>,
    /// Names that every environment must have, disposable ones excepted.
    pub required: Vec<String>,
    /// Names that an environment may lack.
    pub optional: Vec<String>,
    /// Names that single environments may lack.
    pub allow_missing: Vec<AllowMissing>,
    /// Names that may share a value.
    pub allow_shared: Vec<AllowShared>,
    /// Groups of names for one and the same credential, such as `POSTGRES_PASSWORD` and
    /// `PGPASSWORD`. Findings speak of the first.
    pub same_credential: Vec<Vec<String>>,
    /// Codes of reasons for which a value need not be seen: `outside`, `platform`, `sealed`,
    /// `external`, `not-among-files`, `not-permitted`, `deleted`, `not-text`, `kept-elsewhere`. Without it such a value is an error.
    pub allow_excluded: Vec<String>,
    /// Groups of host names that are one and the same server.
    pub same_host: Vec<Vec<String>>,
    /// Which services may receive which secrets.
    pub recipients: Vec<RecipientRule>,
    /// How old credentials may be, and since which incident they must be new.
    pub rotation: Rotation,
    /// Connections that may be unencrypted.
    pub allow_unencrypted: Vec<AllowUnencrypted>,
    /// The list of breached passwords that is asked; none is, where nothing stands here.
    pub breached: Option<Breached>,
    /// Severities in place of a check's own. Tables, because ids such as `….default-password` as keys
    /// would look like literal secrets in a configuration.
    pub severities: Vec<CheckSeverity>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            minimum_length: 12,
            minimum_entropy: EntropyClass::Medium,
            keys: Vec::new(),
            credentials: Vec::new(),
            not_credentials: Vec::new(),
            required: Vec::new(),
            optional: Vec::new(),
            allow_missing: Vec::new(),
            allow_shared: Vec::new(),
            same_credential: Vec::new(),
            allow_excluded: Vec::new(),
            same_host: Vec::new(),
            recipients: Vec::new(),
            rotation: Rotation::default(),
            allow_unencrypted: Vec::new(),
            breached: None,
            severities: Vec::new(),
        }
    }
}

/// What one key must look like.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRule {
    /// The name.
    pub name: String,
    /// Its exact length in bytes.
    pub length: Option<u64>,
    /// Its fewest bytes.
    pub minimum_length: Option<u64>,
    /// Its least entropy class.
    pub minimum_entropy: Option<EntropyClass>,
    /// The alphabet that it must be written in.
    pub alphabet: Option<Alphabet>,
    /// How many days after it was set it must have been replaced.
    pub rotated_within_days: Option<u64>,
}

/// The severity of one check's findings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckSeverity {
    /// The check's id.
    pub check: String,
    /// `critical`, `high`, `medium`, `low` or `info`.
    pub severity: Severity,
}

/// Names that may share a value, and why.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowShared {
    /// One name, across environments; or several that may equal one another.
    pub names: Vec<String>,
    /// The environments among which it is allowed; empty for all.
    #[serde(default)]
    pub environments: Vec<EnvironmentId>,
    /// Why.
    pub reason: String,
}

/// A name that some environments may lack, and why.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowMissing {
    /// The name.
    pub name: String,
    /// The environments that may lack it.
    pub environments: Vec<EnvironmentId>,
    /// Why.
    pub reason: String,
}

impl SourceSettings {
    /// Reads the `source` table.
    ///
    /// # Errors
    /// Every setting that is not as expected.
    pub fn read(table: &toml::Table) -> Result<Self, Vec<SettingProblem>> {
        let mut problems = Vec::new();
        let mut subject = SubjectId::new("credentials").ok();
        let mut credentials = Vec::new();
        let mut examples = Vec::new();
        let mut operating_test = None;
        for (key, value) in table {
            match key.as_str() {
                "subject" => match typed(value.clone(), "source.subject") {
                    Ok(id) => subject = Some(id),
                    Err(problem) => problems.push(problem),
                },
                "example" => match typed::<OneOrMore>(value.clone(), "source.example") {
                    Ok(paths) => examples = paths.list(),
                    Err(problem) => problems.push(problem),
                },
                "operating_test" => match typed::<OperatingTest>(value.clone(), "source.operating_test") {
                    Ok(test) => {
                        problems.extend(test.problem("source.operating_test"));
                        operating_test = test.enabled.then_some(test);
                    }
                    Err(problem) => problems.push(problem),
                },
                "credentials" => match settings::read(value, "source.credentials") {
                    Ok(read) => credentials = read,
                    Err(wrong) => problems.extend(wrong),
                },
                other => {
                    let expected = "unknown setting; known are `subject`, `credentials`, `example` and `operating_test`";
                    problems.push(SettingProblem::new(&format!("source.{other}"), expected));
                }
            }
        }
        if table.get("credentials").is_none() {
            let expected = "expected at least one, with `environment` and a source";
            problems.push(SettingProblem::new("source.credentials", expected));
        }
        match subject {
            Some(subject) if problems.is_empty() => Ok(Self { subject, credentials, examples, operating_test }),
            _ => Err(problems),
        }
    }
}

impl Policy {
    /// Reads the `policy` table.
    ///
    /// # Errors
    /// The setting that is not as expected.
    pub fn read(table: &toml::Table) -> Result<Self, SettingProblem> {
        let policy: Self = typed(toml::Value::Table(table.clone()), "policy")?;
        let unreasoned = |reason: &str| reason.trim().is_empty();
        if policy.allow_shared.iter().any(|allowed| unreasoned(&allowed.reason)) {
            return Err(SettingProblem::new("policy.allow_shared", "expected a reason in words"));
        }
        if policy.allow_missing.iter().any(|allowed| unreasoned(&allowed.reason)) {
            return Err(SettingProblem::new("policy.allow_missing", "expected a reason in words"));
        }
        if policy.allow_unencrypted.iter().any(|allowed| unreasoned(&allowed.reason)) {
            return Err(SettingProblem::new("policy.allow_unencrypted", "expected a reason in words"));
        }
        if let Some(problem) = policy.rotation.problem() {
            return Err(problem);
        }
        if let Some(expected) = policy.breached.as_ref().and_then(Breached::problem) {
            return Err(SettingProblem::new("policy.breached.range_url", expected));
        }
        if let Some(at) = policy.allow_excluded.iter().position(|code| !is_unseen(code)) {
            let expected = format!("expected one of {}, {KEPT_ELSEWHERE}", UNREAD.join(", "));
            return Err(SettingProblem::new(&format!("policy.allow_excluded.{at}"), expected));
        }
        if policy.severities.iter().any(|rule| !super::judge::is_check(&rule.check)) {
            let expected = "expected ids of this collector's checks";
            return Err(SettingProblem::new("policy.severities", expected));
        }
        Ok(policy)
    }

    /// The rule for a name, if there is one.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&KeyRule> {
        self.keys.iter().find(|rule| rule.name.eq_ignore_ascii_case(name))
    }
}

/// Whether a code is one of a reason for which a value was not seen.
fn is_unseen(code: &str) -> bool {
    code == KEPT_ELSEWHERE || UNREAD.contains(&code)
}

/// Code for a value that refers to another that is kept elsewhere.
pub(super) const KEPT_ELSEWHERE: &str = "kept-elsewhere";

/// Whether `names` has `name`, without regard to case.
#[must_use]
pub fn has(names: &[String], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Deserialises a value; the message never repeats it.
fn typed<T: DeserializeOwned>(value: toml::Value, key: &str) -> Result<T, SettingProblem> {
    value.try_into().map_err(|error: toml::de::Error| SettingProblem::unread(key, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Result<SourceSettings, Vec<String>> {
        let table = toml::from_str(text).expect("TOML");
        SourceSettings::read(&table)
            .map_err(|problems| problems.iter().map(|one| format!("{}: {}", one.key.join("."), one.message)).collect())
    }

    #[test]
    fn sources_are_read() {
        let read = source(
            "subject = 'shop'\n[[credentials]]\nenvironment = 'staging'\ndotenv = 'a.env'\n\
             [[credentials]]\nenvironment = 'production'\ncompose = ['c.yml', 'd.yml']\nenv_file = 'v.env'\n",
        );
        let read = read.expect("valid");
        assert_eq!((read.subject.as_str(), read.credentials.len()), ("shop", 2));
    }

    #[test]
    fn refused_by_key_and_without_the_value() {
        let cases = [
            ("", "source.credentials: expected at least one, with `environment` and a source"),
            ("credentials = 5", "source.credentials: expected `[[source.credentials]]` tables"),
            (
                "hunter = 1\n[[credentials]]\nenvironment='a'\ndotenv='x'",
                "source.hunter: unknown setting; known are `subject`, `credentials`, `example` and `operating_test`",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(source(text).expect_err("refused"), [expected], "{text}");
        }
        let wrong = source("subject='Hunter 2!'\n[[credentials]]\nenvironment='a'\ndotenv='x'");
        assert!(wrong.expect_err("refused")[0].starts_with("source.subject: expected"));
    }

    #[test]
    fn policies_are_read() {
        let read = |text: &str| Policy::read(&toml::from_str(text).expect("TOML"));
        let policy = read("minimum_length = 20\n[[keys]]\nname='ENCRYPTION_KEY'\nlength=64\n").expect("valid");
        assert_eq!(policy.minimum_length, 20);
        assert_eq!(policy.key("encryption_key").and_then(|rule| rule.length), Some(64));
        assert_eq!(read("").expect("empty").minimum_length, 12);
        for text in [
            "minimum_lenght = 1",
            "allow_excluded = ['hunter2']",
            "[[severities]]\ncheck = 'nothing'\nseverity = 'low'",
            "minimum_length = 'hunter2'",
            "[[allow_shared]]\nnames=['A']\nreason=' '",
            "[[allow_missing]]\nname='A'\nenvironments=['a']\nreason=''",
            "[breached]\nrange_url='hunter2'",
            "[breached]\nrange_url='https://list.example/range/?hunter2'",
        ] {
            let problem = read(text).expect_err("refused");
            assert!(!problem.message.contains("hunter2"), "{}", problem.message);
        }
    }

    /// A configuration that holds a literal under a name that promises a secret is refused: the names
    /// of our own settings with a text of their own must promise none. (Lists may.)
    #[test]
    fn names_of_settings_promise_no_secret() {
        for name in [
            "subject",
            "minimum_length",
            "minimum_entropy",
            "keys",
            "name",
            "length",
            "alphabet",
            "required",
            "optional",
            "allow_missing",
            "allow_shared",
            "names",
            "reason",
            "allow_excluded",
            "severities",
            "check",
            "severity",
            "example",
            "operating_test",
            "enabled",
            "timeout_seconds",
            "pause_milliseconds",
            "most_attempts",
            "servers",
            "system",
            "address",
            "tls",
            "ca",
            "server_name",
            "database",
            "users",
            "own",
            "control",
            "same_host",
            "recipients",
            "services",
            "rotation",
            "within_days",
            "rotated_within_days",
            "not_judged",
            "incidents",
            "attested",
            "at",
            "by",
            "reference",
            "environments",
            "allow_unencrypted",
            "breached",
            "range_url",
            "authorities",
        ] {
            assert_eq!(exhibit_detect::sensitive_key(name), None, "{name}");
        }
    }
}
