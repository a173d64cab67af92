//! What people write of restore drills.

use serde::Deserialize;

use super::settings::{Kind, PlaceSettings, typed};
use crate::SettingProblem;

/// A restore drill.
#[derive(Clone, Debug)]
pub(super) struct Drill {
    pub(super) name: String,
    pub(super) method: DrillMethod,
    /// The file with the encrypted text.
    pub(super) canary: String,
    /// What has to come out; without it, a note beside the canary says so.
    pub(super) expect: Option<String>,
    pub(super) command: Vec<String>,
    pub(super) pass_environment: Vec<String>,
    /// The statuses by which the command says that the key is a wrong one.
    pub(super) wrong_key_exit: Vec<i32>,
    /// What age is called.
    pub(super) program: String,
    pub(super) copy: PlaceSettings,
}

/// How a canary was encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum DrillMethod {
    /// Base64 of nonce (12 bytes), encrypted text and tag (16 bytes).
    #[serde(rename = "aes-256-gcm")]
    Aes256Gcm,
    /// A Fernet token.
    Fernet,
    /// A file of age's; the key is an identity of age's.
    Age,
    /// What a command makes of it, which reads the key from its standard input.
    Command,
}

impl DrillMethod {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Aes256Gcm => "aes-256-gcm",
            Self::Fernet => "fernet",
            Self::Age => "age",
            Self::Command => "command",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDrill {
    name: String,
    method: DrillMethod,
    canary: String,
    expect: Option<String>,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    pass_environment: Vec<String>,
    #[serde(default)]
    wrong_key_exit: Vec<i32>,
    program: Option<String>,
    copy: toml::Table,
}

impl Drill {
    /// Reads one of `drills`; `place` reads the table of a place.
    pub(super) fn read(
        value: toml::Value,
        at: &str,
        place: impl Fn(&toml::Table, &str) -> Result<PlaceSettings, SettingProblem>,
    ) -> Result<Self, SettingProblem> {
        let raw: RawDrill = typed(value, at)?;
        let problem = |key: &str, expected: &str| Err(SettingProblem::new(&format!("{at}.{key}"), expected));
        if (raw.method == DrillMethod::Command) == raw.command.is_empty() {
            return problem("command", "goes with the method `command`, which needs a program and its arguments");
        }
        if raw.method != DrillMethod::Command && !raw.wrong_key_exit.is_empty() {
            return problem("wrong_key_exit", "goes with the method `command`: of the others it is known how they refuse a key");
        }
        if raw.wrong_key_exit.iter().any(|status| !(1..=255).contains(status)) {
            return problem("wrong_key_exit", "expected statuses from 1 to 255: with 0 a program says that all went well");
        }
        if raw.method != DrillMethod::Age && raw.program.is_some() {
            return problem("program", "goes with the method `age`");
        }
        if raw.expect.as_ref().is_some_and(|text| text.trim_ascii().is_empty()) {
            return problem("expect", "expected the text that has to come out; left out, the note beside the canary says it");
        }
        let copy = place(&raw.copy, &format!("{at}.copy"))?;
        if matches!(copy.kind, Kind::Challenge(_) | Kind::Http(_) | Kind::Attested(_)) {
            return problem("copy", "expected a place that the key comes out of");
        }
        let RawDrill { name, method, canary, expect, command, pass_environment, wrong_key_exit, program, .. } = raw;
        let program = program.unwrap_or_else(|| "age".to_owned());
        Ok(Self { name, method, canary, expect, command, pass_environment, wrong_key_exit, program, copy })
    }
}
