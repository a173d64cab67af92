//! Canaries: a synthetic secret that the application is made to log, beside a marker that shows where it would be.
//!
//! Both are drawn from the run's key, so that nobody can know them before. The command gets them by its environment and
//! its standard input, never by its arguments. Of them only sightings are kept.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use exhibit_detect::{Confidence, Engine, Rule, Severity};
use exhibit_evidence::Digest;
use zeroize::Zeroizing;

use super::calling;
use super::settings::Canary;
use crate::process::Program;
use crate::remote::RealPace;

/// The variable that holds the synthetic secret.
const SECRET_VARIABLE: &str = "EXHIBIT_CANARY_SECRET";
/// The variable that holds the marker.
const MARKER_VARIABLE: &str = "EXHIBIT_CANARY_MARKER";
/// What a canary's command may print: it is thrown away.
const PRINTED: u64 = 64 * 1024 * 1024;
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A canary of one run.
pub(super) struct Drawn {
    pub(super) id: String,
    pub(super) secret: Zeroizing<String>,
    pub(super) marker: String,
    pub(super) redacted: Option<String>,
    /// Why it could not be sent.
    pub(super) unsent: Option<String>,
    /// What is looked for, each with its form.
    needles: Vec<(Form, Zeroizing<String>)>,
}

/// In which form something of a canary was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Marker,
    Plain,
    Base64,
    Hexadecimal,
}

impl Form {
    const ALL: [Self; 4] = [Self::Marker, Self::Plain, Self::Base64, Self::Hexadecimal];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Marker => "marker",
            Self::Plain => "plain",
            Self::Base64 => "base64",
            Self::Hexadecimal => "hexadecimal",
        }
    }
}

/// Draws a canary for this log from the run's key.
pub(super) fn draw(canary: &Canary, log: &str, run_key: &[u8; 32]) -> Drawn {
    let bytes = |what: &str| {
        let parts = [b"exhibit log_redaction canary\0".as_slice(), run_key, log.as_bytes(), b"\0"];
        Digest::of(&[parts.concat().as_slice(), canary.id.as_str().as_bytes(), b"\0", what.as_bytes()].concat()).0
    };
    let mut secret = Zeroizing::new(canary.prefix.clone());
    // 62 of 64 values of six bits, and nobody guesses the rest.
    secret.extend(bytes("secret").iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])));
    let marker = bytes("marker").iter().take(10).map(|byte| format!("{byte:02x}")).collect::<String>();
    let marker = format!("exhibit-marker-{marker}");
    Drawn {
        id: canary.id.to_string(),
        needles: needles(&marker, &secret),
        secret,
        marker,
        redacted: canary.redacted.clone(),
        unsent: None,
    }
}

impl Drawn {
    /// Makes the application log both. Paths of a call start from `base`, a command runs in `folder`.
    pub(super) fn send(&mut self, canary: &Canary, base: &Path, folder: &Path, pass: &[String], time_limit: Duration) {
        if let Some(call) = &canary.http {
            let pace = Arc::new(RealPace::new());
            let sent = calling::call(call, &self.secret, &self.marker, base, time_limit, pace);
            self.unsent = sent.err().map(|error| error.to_string());
            return;
        }
        let set = [
            (SECRET_VARIABLE, self.secret.clone()),
            (MARKER_VARIABLE, Zeroizing::new(self.marker.clone())),
        ];
        let input = serde_json::json!({ "secret": self.secret.as_str(), "marker": self.marker });
        let input = Zeroizing::new(format!("{input}\n"));
        let program = Program {
            command: canary.command.as_deref().unwrap_or_default(),
            folder,
            pass,
            set: &set,
            input: Some(input.as_bytes()),
            time_limit,
            most: PRINTED,
        };
        self.unsent = program.run(&mut |_| {}).err().map(|error| error.to_string());
    }

    /// Whether a value that a rule found is this canary's: then it is told as a canary and not twice.
    pub(super) fn is_in(&self, value: &[u8]) -> bool {
        self.needles.iter().any(|(_, needle)| memchr::memmem::find(value, needle.as_bytes()).is_some())
    }
}

/// What is looked for, each with its form. Text that a secret's neighbours can't change: of base64 the groups that
/// depend on it alone, for each of the three ways in which it may lie.
fn needles(marker: &str, secret: &str) -> Vec<(Form, Zeroizing<String>)> {
    let mut needles = vec![
        (Form::Marker, Zeroizing::new(marker.to_owned())),
        (Form::Plain, Zeroizing::new(secret.to_owned())),
        (Form::Hexadecimal, Zeroizing::new(hex(secret, false))),
        (Form::Hexadecimal, Zeroizing::new(hex(secret, true))),
    ];
    for before in 0..3 {
        let padded = Zeroizing::new([&b"\0\0"[..before], secret.as_bytes()].concat());
        let encoded = Zeroizing::new(STANDARD_NO_PAD.encode(&padded));
        let first = [0, 2, 3][before];
        let whole = padded.len() / 3 * 4;
        needles.push((Form::Base64, Zeroizing::new(encoded[first..whole].to_owned())));
    }
    needles
}

fn hex(text: &str, upper: bool) -> String {
    let digits = |byte: &u8| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") };
    text.as_bytes().iter().map(digits).collect()
}

/// An engine that finds the canaries and nothing else.
pub(super) fn engine(canaries: &[Drawn]) -> Result<Engine, String> {
    let mut rules = Vec::new();
    for (number, canary) in canaries.iter().enumerate() {
        for (variant, (form, needle)) in canary.needles.iter().enumerate() {
            rules.push(rule(&format!("{number}.{}-{variant}", form.word()), needle));
        }
    }
    Engine::new(rules).map_err(|_| "the canaries can't be looked for".to_owned())
}

/// Which canary a rule of [`engine`] belongs to, and in which form it is seen.
pub(super) fn seen(rule: &str) -> Option<(usize, Form)> {
    let (number, word) = rule.split_once('.')?;
    let (word, _) = word.rsplit_once('-')?;
    Some((number.parse().ok()?, Form::ALL.into_iter().find(|form| form.word() == word)?))
}

fn rule(id: &str, needle: &str) -> Rule {
    let escaped: String = needle
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("\\x{byte:02x}") })
        .collect();
    Rule {
        id: id.to_owned(),
        provider: "Exhibit".to_owned(),
        title: "canary".to_owned(),
        description: "What Exhibit made an application log.".to_owned(),
        severity: Severity::High,
        confidence: Confidence::Certain,
        keywords: vec![needle.to_ascii_lowercase()],
        pattern: escaped,
        prefixes: Vec::new(),
        min_entropy: None,
        check: None,
        allow: Vec::new(),
        priority: 0,
        look_behind: 64,
        look_ahead: 64,
        examples: Vec::new(),
        counter_examples: Vec::new(),
        references: Vec::new(),
        file: String::new(),
        line: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canary(prefix: &str) -> Canary {
        toml::from_str(&format!("id = 'web'\ncommand = ['true']\nprefix = '{prefix}'")).expect("settings")
    }

    #[test]
    fn every_form_is_found_wherever_it_lies() {
        let drawn = draw(&canary("k$+/"), "api", &[7; 32]);
        let engine = engine(std::slice::from_ref(&drawn)).expect("compiled");
        let forms = |text: &str| -> Vec<Form> {
            engine.scan(text.as_bytes()).iter().map(|found| seen(&found.rule.id).expect("ours").1).collect()
        };
        let secret = drawn.secret.as_str();
        assert_eq!(forms(&format!("x {} y", drawn.marker)), [Form::Marker]);
        assert_eq!(forms(&format!("password={secret};")), [Form::Plain]);
        assert_eq!(forms(&format!("0x{}", hex(secret, true))), [Form::Hexadecimal]);
        for user in ["", "a", "ab", "abc", "user"] {
            for behind in ["", "!", "!!"] {
                let encoded = STANDARD_NO_PAD.encode(format!("{user}{secret}{behind}"));
                assert_eq!(forms(&format!("Basic {encoded}==")), [Form::Base64], "{user}");
                assert!(drawn.is_in(encoded.as_bytes()));
            }
        }
        assert!(forms("nothing of it").is_empty() && !drawn.is_in(b"nothing of it"));
    }

    #[test]
    fn nobody_knows_it_before() {
        let (one, other) = (draw(&canary(""), "api", &[7; 32]), draw(&canary(""), "api", &[8; 32]));
        assert_ne!(one.secret, other.secret);
        assert_ne!(one.marker, other.marker);
        assert_ne!(draw(&canary(""), "web", &[7; 32]).secret, one.secret);
        assert_eq!(one.secret.len(), 32);
    }
}
