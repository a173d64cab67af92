//! What a job of this collector may say.

use std::collections::BTreeMap;
use std::path::PathBuf;

use exhibit_detect::Confidence;
use exhibit_evidence::{EnvironmentId, SubjectId};
use serde::Deserialize;

use super::calling;
use crate::SettingProblem;
use crate::policy::{self, Allowance, RuleSeverity, glob, read};
use crate::remote::aws::AwsAccess;
use crate::sources::logs::LEFT;
use crate::sources::logs::cloudwatch::CloudWatchSettings;
use crate::sources::logs::loki::LokiSettings;
use crate::sources::settings::CredentialSource;

/// The table `source`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    /// The logs, one or more.
    pub(super) logs: Vec<Log>,
    /// Where the real secrets are that must not be in any of them: as in `unique_credentials`.
    #[serde(default)]
    pub(super) secrets: Vec<CredentialSource>,
}

/// One log: exactly one of [`KINDS`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
    /// Its authored name.
    pub(super) id: SubjectId,
    /// The environment that it belongs to; may be left out where the job has exactly one.
    pub(super) environment: Option<EnvironmentId>,
    /// Files, folders and patterns.
    pub(super) files: Option<OneOrMore>,
    /// Whether what rotation made of the files belongs to them.
    #[serde(default = "yes")]
    pub(super) rotated: bool,
    /// A command that prints it.
    pub(super) command: Option<Vec<String>>,
    /// A command that prints how many lines that one prints, by the source's own count.
    pub(super) count: Option<Vec<String>>,
    /// The systemd journal.
    pub(super) journal: Option<JournalSettings>,
    /// Objects of a bucket.
    pub(super) s3: Option<S3Settings>,
    /// Lines of a Loki.
    pub(super) loki: Option<LokiSettings>,
    /// Events of a log group of CloudWatch.
    pub(super) cloudwatch: Option<CloudWatchSettings>,
    /// The folder that commands run in; the configuration's own unless it says otherwise.
    pub(super) folder: Option<String>,
    /// Names of variables that commands get from the environment.
    #[serde(default)]
    pub(super) pass_environment: Vec<String>,
    /// How long a command may take, in seconds.
    #[serde(default = "ten_minutes")]
    pub(super) time_limit: u64,
    /// How many bytes a command may print.
    #[serde(default = "four_gib")]
    pub(super) most_bytes: u64,
    /// A random sample of lines in place of all.
    pub(super) sample: Option<Sample>,
    /// What makes the application log a synthetic secret.
    #[serde(default)]
    pub(super) canaries: Vec<Canary>,
}

/// The systemd journal: of this machine, unless `files` or `directory` say otherwise.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct JournalSettings {
    /// Journal files.
    pub(super) files: Vec<String>,
    /// A folder of them.
    pub(super) directory: Option<String>,
    /// Only these units.
    pub(super) units: Vec<String>,
    /// Only from then on.
    pub(super) since: Option<String>,
}

/// Objects of an S3 bucket.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct S3Settings {
    /// The bucket.
    pub(super) bucket: String,
    /// What the keys begin with; without it, all of them are meant.
    #[serde(default)]
    pub(super) prefix: String,
    /// Where it is and with which keys it is asked.
    pub(super) aws: AwsAccess,
}

impl S3Settings {
    fn problem(&self) -> Option<(&'static str, &'static str)> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
        if !(3..=63).contains(&self.bucket.len()) || !self.bucket.bytes().all(plain) {
            return Some((".bucket", "expected a bucket's name: 3 to 63 of a-z 0-9 . -"));
        }
        (self.prefix.len() > 1024).then_some((".prefix", "expected at most 1024 bytes"))
    }
}

/// When to draw a sample, and how large: of lines, or of objects where the log is a bucket's.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sample {
    /// Up to so many all are examined.
    pub(super) above: u64,
    /// Beyond, so many are drawn.
    pub(super) size: u64,
    /// The seed, where somebody else gives it: 16 to 64 hexadecimal digits.
    pub(super) seed: Option<String>,
}

/// A request that makes the application log a synthetic secret and a marker: both stand for themselves in URL, headers and body,
/// as `{{secret}}` and `{{marker}}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    /// The URL.
    pub(super) url: String,
    /// The method.
    #[serde(default = "post")]
    pub(super) method: String,
    /// Headers; a value may name where it is found, `env:NAME` or `file:PATH`.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// The body.
    pub(super) body: Option<String>,
    /// The body's media type.
    #[serde(default = "json")]
    pub(super) media_type: String,
    /// A file with the certificates of the authorities that the server's own may come from, PEM.
    pub(super) authorities: Option<PathBuf>,
    /// Whether `http://` may be used beyond this machine.
    #[serde(default)]
    pub(super) plain_http: bool,
}

impl Call {
    fn problem(&self) -> Option<(&'static str, String)> {
        if !calling::METHODS.contains(&self.method.as_str()) {
            return Some(("method", format!("expected one of {}", calling::METHODS.join(", "))));
        }
        if !["https://", "http://"].iter().any(|scheme| self.url.starts_with(scheme)) {
            return Some(("url", "expected https://HOST/…".to_owned()));
        }
        let holds = |what: &str| {
            let parts = [&self.url].into_iter().chain(self.headers.values()).chain(self.body.as_ref());
            parts.into_iter().any(|part| part.contains(what))
        };
        let missing = [calling::SECRET, calling::MARKER].into_iter().find(|what| !holds(what))?;
        Some(("body", format!("expected {missing} in the body, a header or the URL")))
    }
}

/// A command that makes the application log a synthetic secret and a harmless marker.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Canary {
    /// Its authored name.
    pub(super) id: SubjectId,
    /// Program and arguments.
    pub(super) command: Option<Vec<String>>,
    /// A request, instead of a command.
    pub(super) http: Option<Call>,
    /// How the secret begins, `ghp_` for example, for redaction that goes by shapes.
    #[serde(default)]
    pub(super) prefix: String,
    /// What should stand in the secret's place, on the marker's line.
    pub(super) redacted: Option<String>,
    /// How long the log may take to show the marker, in seconds.
    #[serde(default = "ten")]
    pub(super) wait: u64,
}

/// One or a list.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMore {
    /// One.
    One(String),
    /// A list.
    More(Vec<String>),
}

impl OneOrMore {
    pub(super) fn list(&self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one.clone()],
            Self::More(list) => list.clone(),
        }
    }
}

fn yes() -> bool {
    true
}

fn ten() -> u64 {
    10
}

fn post() -> String {
    "POST".to_owned()
}

fn json() -> String {
    "application/json".to_owned()
}

fn ten_minutes() -> u64 {
    600
}

fn four_gib() -> u64 {
    4 << 30
}

/// The longest that anything may be waited for, in seconds.
const LONGEST: u64 = 24 * 3600;

/// Where a log is read from.
const KINDS: &str = "`files`, `command`, `journal`, `s3`, `loki` and `cloudwatch`";

/// Reads `source`.
pub(super) fn source(table: &toml::Table) -> Result<Source, SettingProblem> {
    let source: Source = read("source", table)?;
    if source.logs.is_empty() {
        return Err(SettingProblem::new("source.logs", "expected at least one log"));
    }
    for (index, log) in source.logs.iter().enumerate() {
        let earlier = &source.logs[..index];
        if earlier.iter().any(|other| other.id == log.id && other.environment == log.environment) {
            return Err(SettingProblem::new(&format!("source.logs.{index}.id"), "another log has the same id"));
        }
        log.check().map_err(|(key, message)| SettingProblem::new(&format!("source.logs.{index}{key}"), message))?;
    }
    for (index, secrets) in source.secrets.iter().enumerate() {
        if let Some(problem) = secrets.problem(&format!("source.secrets.{index}")) {
            return Err(problem);
        }
    }
    Ok(source)
}

impl Log {
    fn check(&self) -> Result<(), (String, String)> {
        let problem = |key: &str, message: &str| Err((key.to_owned(), message.to_owned()));
        let local = [self.files.is_some(), self.command.is_some(), self.journal.is_some()];
        let given = [local.as_slice(), &[self.s3.is_some(), self.loki.is_some(), self.cloudwatch.is_some()]].concat();
        if given.iter().filter(|given| **given).count() != 1 {
            return problem("", &format!("expected exactly one of {KINDS}"));
        }
        let loki = self.loki.as_ref().and_then(|loki| loki.problem()).map(|problem| ("loki", problem));
        let cloudwatch = self.cloudwatch.as_ref().and_then(|group| group.problem()).map(|problem| ("cloudwatch", problem));
        if let Some((kind, (key, message))) = loki.or(cloudwatch) {
            return problem(&format!(".{kind}.{key}"), message);
        }
        if let Some(s3) = &self.s3 {
            if let Some((key, message)) = s3.problem() {
                return problem(&format!(".s3{key}"), message);
            }
            if let Some((key, message)) = s3.aws.problem() {
                return problem(&format!(".s3.aws.{key}"), message);
            }
            if self.sample.is_some() && !self.canaries.is_empty() {
                return problem(".canaries", "do not go with a sample of objects: the marker's would hardly be drawn");
            }
        }
        if let Some(files) = &self.files {
            let list = files.list();
            if list.is_empty() || list.iter().any(|pattern| pattern.trim().is_empty()) {
                return problem(".files", "expected at least one file, folder or pattern");
            }
            if list.iter().any(|pattern| glob(pattern).is_none()) {
                return problem(".files", "expected patterns such as `logs/*.log` or `logs/**/*.log`");
            }
        }
        if self.count.is_some() && self.command.is_none() {
            return problem(".count", "goes with `command` only");
        }
        if self.sample.is_some() && self.files.is_none() && self.s3.is_none() {
            return problem(".sample", "goes with `files` and `s3` only: a sample is drawn from what can be counted first");
        }
        for (key, command) in [(".command", &self.command), (".count", &self.count)] {
            if command.as_ref().is_some_and(|command| command.first().is_none_or(|program| program.is_empty())) {
                return problem(key, "expected a program and its arguments");
            }
        }
        if self.time_limit == 0 || self.time_limit > LONGEST {
            return problem(".time_limit", "expected 1 to 86400 seconds");
        }
        if let Some(journal) = &self.journal
            && journal.directory.is_some()
            && !journal.files.is_empty()
        {
            return problem(".journal", "expected `files` or `directory`, not both");
        }
        if let Some(sample) = &self.sample {
            if sample.size == 0 || sample.size > sample.above {
                return problem(".sample.size", "expected at least 1 and at most `above`");
            }
            let hex = |seed: &String| (16..=64).contains(&seed.len()) && seed.bytes().all(|byte| byte.is_ascii_hexdigit());
            if sample.seed.as_ref().is_some_and(|seed| !hex(seed)) {
                return problem(".sample.seed", "expected 16 to 64 hexadecimal digits");
            }
        }
        for (index, canary) in self.canaries.iter().enumerate() {
            let key = |name: &str| format!(".canaries.{index}.{name}");
            if self.canaries[..index].iter().any(|other| other.id == canary.id) {
                return problem(&key("id"), "another canary of this log has the same id");
            }
            if canary.command.is_some() == canary.http.is_some() {
                return problem(&key("command"), "expected a command or `http`, one of them");
            }
            if canary.command.as_ref().is_some_and(|command| command.first().is_none_or(|program| program.is_empty())) {
                return problem(&key("command"), "expected a program and its arguments");
            }
            if let Some((name, message)) = canary.http.as_ref().and_then(Call::problem) {
                return problem(&key(&format!("http.{name}")), &message);
            }
            if canary.prefix.len() > 16 || !canary.prefix.bytes().all(|byte| byte.is_ascii_graphic()) {
                return problem(&key("prefix"), "expected at most 16 visible ASCII characters");
            }
            if canary.redacted.as_ref().is_some_and(|text| text.is_empty()) {
                return problem(&key("redacted"), "expected the text that stands in a secret's place");
            }
            if canary.wait > LONGEST {
                return problem(&key("wait"), "expected 0 to 86400 seconds");
            }
        }
        Ok(())
    }
}

/// Kinds of personal data that `personal_data` may name: rules' ids behind `personal.`.
pub(super) const PERSONAL: &[&str] = &["email", "phone", "payment-card", "us-ssn", "iban", "field", ADDRESSES];
/// Every access log is full of these: they are looked for only where the policy names them.
pub(super) const ADDRESSES: &str = "ip-address";

/// The table `policy`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Policy {
    /// What is less sure than this is kept as a fact, and is no deviation.
    pub(super) minimum_confidence: Confidence,
    /// Severities in place of the rules' own.
    pub(super) severities: Vec<RuleSeverity>,
    /// Kinds of personal data that no log may hold.
    pub(super) personal_data: Vec<String>,
    /// Places where something may stand.
    pub(super) allow: Vec<Allowance>,
    /// Codes of what may be left out.
    pub(super) allow_excluded: Vec<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            minimum_confidence: Confidence::Medium,
            severities: Vec::new(),
            personal_data: PERSONAL.iter().filter(|kind| **kind != ADDRESSES).map(|kind| (*kind).to_owned()).collect(),
            allow: Vec::new(),
            allow_excluded: Vec::new(),
        }
    }
}

/// Reads `policy`.
pub(super) fn policy(table: &toml::Table) -> Result<Policy, SettingProblem> {
    let policy: Policy = read("policy", table)?;
    if let Some(problem) = policy::misread(&policy.allow) {
        return Err(problem);
    }
    policy::known_words("policy.personal_data", &policy.personal_data, PERSONAL)?;
    policy::known_words("policy.allow_excluded", &policy.allow_excluded, LEFT)?;
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let problem = source(&toml::from_str(text).expect("TOML")).expect_err(text);
        format!("{}: {}", problem.key.join("."), problem.message)
    }

    #[test]
    fn what_is_not_understood_is_told_by_key() {
        for (text, told) in [
            ("", "source: missing field `logs`"),
            ("logs = []", "source.logs: expected at least one log"),
            ("logs = [{ id = 'a' }]", "source.logs.0: expected exactly one of `files`, `command`, `journal`, `s3`, `loki` and `cloudwatch`"),
            ("logs = [{ id = 'a', files = [] }]", "source.logs.0.files: expected at least one file, folder or pattern"),
            (
                "logs = [{ id = 'a', files = 'x' }, { id = 'a', files = 'y' }]",
                "source.logs.1.id: another log has the same id",
            ),
            ("logs = [{ id = 'a', command = [] }]", "source.logs.0.command: expected a program and its arguments"),
            ("logs = [{ id = 'a', files = 'x', count = ['wc'] }]", "source.logs.0.count: goes with `command` only"),
            (
                "logs = [{ id = 'a', files = 'x', sample = { above = 10, size = 11 } }]",
                "source.logs.0.sample.size: expected at least 1 and at most `above`",
            ),
            (
                "logs = [{ id = 'a', files = 'x', sample = { above = 10, size = 9, seed = 'hunter2' } }]",
                "source.logs.0.sample.seed: expected 16 to 64 hexadecimal digits",
            ),
            (
                "logs = [{ id = 'a', files = 'x', canaries = [{ id = 'c', command = [] }] }]",
                "source.logs.0.canaries.0.command: expected a program and its arguments",
            ),
            (
                "logs = [{ id = 'a', files = 'x', canaries = [{ id = 'c', command = ['x'], http = { url = 'y' } }] }]",
                "source.logs.0.canaries.0.command: expected a command or `http`, one of them",
            ),
            (
                "logs = [{ id = 'a', files = 'x', canaries = [{ id = 'c', http = { url = 'https://a/?t={{secret}}' } }] }]",
                "source.logs.0.canaries.0.http.body: expected {{marker}} in the body, a header or the URL",
            ),
        ] {
            assert_eq!(refused(text), told);
        }
        assert!(!refused("logs = [{ id = 'a', files = { x = 'hunter2' } }]").contains("hunter2"));
    }

    #[test]
    fn buckets_are_read() {
        let s3 = |inner: &str| format!("logs = [{{ id = 'a', s3 = {{ bucket = 'logs', {inner} }} }}]");
        let read = |text: &str| source(&toml::from_str(text).expect("TOML"));
        assert!(read(&s3("prefix = 'api/', aws = { region = 'eu-central-1', keys = { profile = 'audit' } }")).is_ok());
        assert!(read(&s3("aws = { region = 'eu-central-1', endpoint = 'https://s3.example:8333' }")).is_ok());
        for (text, key) in [
            ("aws = { region = 'eu central' }", "source.logs.0.s3.aws.region"),
            ("aws = { region = 'a', endpoint = 'https://hunter2@s3.example' }", "source.logs.0.s3.aws.endpoint"),
            ("aws = { region = 'a', endpoint = 'https://s3.example/hunter2' }", "source.logs.0.s3.aws.endpoint"),
            ("aws = { region = 'a', keys = { access_key_id = 'env:A' } }", "source.logs.0.s3.aws.keys"),
            ("aws = { region = 'a', keys = { access_key_id = 'hunter2', secret_access_key = 'hunter2' } }", "source: "),
        ] {
            let told = refused(&s3(text));
            assert!(told.starts_with(key) && !told.contains("hunter2"), "{told}");
        }
        let both = "logs = [{ id = 'a', s3 = { bucket = 'logs', aws = { region = 'a' } }, sample = { above = 9, size = 5 },
                    canaries = [{ id = 'c', command = ['x'] }] }]".replace('\n', " ");
        assert!(refused(&both).starts_with("source.logs.0.canaries"));
    }

    #[test]
    fn services_are_read() {
        let read = |text: &str| source(&toml::from_str(text).expect("TOML"));
        let log = |inner: &str| format!("logs = [{{ id = 'a', {inner} }}]");
        assert!(read(&log("loki = { url = 'https://loki.example/l', query = '{app=\"api\"}' }")).is_ok());
        assert!(read(&log("cloudwatch = { group = '/aws/lambda/api', aws = { region = 'eu-central-1' } }")).is_ok());
        for (text, key) in [
            ("loki = { url = 'https://loki.example', query = 'hunter2' }", "source.logs.0.loki.query"),
            ("loki = { url = 'hunter2', query = '{a=\"b\"}' }", "source.logs.0.loki.url"),
            ("loki = { url = 'https://l.example', query = '{a=\"b\"}', username = 'hunter2' }", "source.logs.0.loki.username"),
            ("loki = { url = 'https://l.example', query = '{a=\"b\"}', token = 'hunter2' }", "source: "),
            ("cloudwatch = { group = 'a', hours = 0, aws = { region = 'a' } }", "source.logs.0.cloudwatch.hours"),
            ("cloudwatch = { group = 'hunter2 :', aws = { region = 'a' } }", "source.logs.0.cloudwatch.group"),
            ("cloudwatch = { group = 'a', aws = { region = 'hunter2 :' } }", "source.logs.0.cloudwatch.region"),
        ] {
            let told = refused(&log(text));
            assert!(told.starts_with(key) && !told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn policies_are_read() {
        let read = |text: &str| policy(&toml::from_str(text).expect("TOML"));
        let empty = read("").expect("empty");
        assert_eq!((empty.minimum_confidence, empty.personal_data.len()), (Confidence::Medium, PERSONAL.len() - 1));
        for kind in PERSONAL {
            let rule = format!("personal.{kind}");
            assert!(exhibit_detect::Engine::builtin().rule(&rule).is_some() || is_family(&rule), "{rule}");
        }
        for text in [
            "minimum_confidence = 'hunter2'",
            "allow_excluded = ['hunter2']",
            "allow = [{ place = 'a', reason = ' ', until = '2027-01-01' }]",
            "allow = [{ place = 'a', reason = 'hunter2', until = '2027-02-30' }]",
            "allow = [{ place = 'a', reason = 'x', until = 'hunter2' }]",
            "severities = [{ rule = 'hunter2' }]",
            "personal_data = ['hunter2']",
        ] {
            assert!(!read(text).expect_err(text).message.contains("hunter2"), "{text}");
        }
    }

    fn is_family(rule: &str) -> bool {
        exhibit_detect::families().iter().any(|family| family.id == rule)
    }

    /// A configuration that holds a literal under a name that promises a secret is refused.
    #[test]
    fn names_of_settings_promise_no_secret() {
        for name in [
            "logs", "id", "environment", "files", "rotated", "command", "count", "journal", "folder", "pass_environment", "time_limit",
            "most_bytes", "sample", "above", "size", "seed", "canaries", "prefix", "redacted", "wait", "directory", "units",
            "since", "minimum_confidence", "severities", "rule", "severity", "allow", "log", "place", "reason", "until",
            "allow_excluded", "s3", "bucket", "aws", "region", "endpoint", "authorities", "plain_http", "keys", "profile",
            "loki", "query", "hours", "tenant", "username", "cloudwatch", "group", "streams",
            "http", "url", "method", "headers", "body", "media_type",
        ] {
            assert_eq!(exhibit_detect::sensitive_key(name), None, "{name}");
        }
    }
}
