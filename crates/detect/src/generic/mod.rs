//! Secrets that no provider gave a shape: a name that promises one, and a value behind it.
//!
//! Names are found by the stems of words that promise secrets, never by `=` or `:`, which every line of a log has.
//! Around a stem [`names`] finds the whole name, [`connector`] the way to the value in whatever notation it is,
//! [`value`] the value's end, and [`judge`] says what name, value and notation are worth together.

mod connector;
mod judge;
mod names;
mod value;

use std::sync::LazyLock;

use crate::matches::{Confidence, Match};
use crate::prefilter::Prefilter;
use crate::rule::Rule;
use crate::sensitive::{Sensitivity, sensitive_key};
use crate::trace::Reach;

/// Lower-case parts of names that promise a secret; every name that [`sensitive_key`] knows holds one, but addresses.
/// The short ones stand with what may follow a name, so that they are no parts of ordinary words.
pub(crate) const STEMS: &[&str] = &[
    "pass", "kennwort", "token", "bearer", "auth", "webhook", "secret", "cred", "pepper", "salt", "key=", "key:",
    "key\"", "key'", "key ", "key]", "key>", "key<", "key\\", "key,", "key(", "key_", "key-", "key.", "keys", "key?",
    "key&", "pwd=", "pwd:", "pwd\"", "pwd'", "pwd ", "pwd]", "pwd>", "pwd<", "pwd\\", "pwd,", "pwd(", "pwd_", "pwd&",
    "_pw=", "_pw:", "_pw\"", "_pw'", "_pw ", "jwt=", "jwt:", "jwt\"", "jwt'", "jwt ", "jwt_", "jwt>", "jwt<", "_pat",
    "_sas", "_pin", "mnemonic", "phrase", " pw:", " pw=", "\"pw\"",
];

/// What the families are, as rules without patterns.
static FAMILIES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    Rule::from_toml(include_str!("../../data/families.toml"), "families.toml").expect("the unit tests read it")
});

/// The families that are found by code and not by a pattern: names and values, personal data, known values. For lists
/// of what can be told; their keywords and patterns are empty.
#[must_use]
pub fn families() -> &'static [Rule] {
    &FAMILIES
}

/// The family with this id.
pub(crate) fn family(id: &str) -> &'static Rule {
    FAMILIES.iter().find(|rule| rule.id == id).expect("the unit tests ask for each")
}

/// The stems alone, for who searches short texts by the families.
static STEMS_ALONE: LazyLock<Prefilter> =
    LazyLock::new(|| Prefilter::new(STEMS).expect("every stem has three bytes and more"));

/// Every value behind a name that promises a secret; overlapping ones included.
pub(crate) fn find(bytes: &[u8]) -> Vec<Match<'static>> {
    let mut walk = Assignments::new(bytes);
    let mut found = Vec::new();
    STEMS_ALONE.each(bytes, |_, start, end| {
        found.extend(walk.stem(start, end).ok());
        true
    });
    found
}

/// What a text under a name is, in data whose names and values are told apart already (JSON, YAML, TOML): the family that tells
/// it, and how sure that is. `None` where the name promises no secret, or the text is none.
///
/// ```
/// use exhibit_detect::{Confidence, secret_under};
/// let told = secret_under("dbPassword", b"kV9tq2Lw0xZ8").map(|(family, sure)| (family.id.as_str(), sure >= Confidence::Medium));
/// assert_eq!(told, Some(("generic.password", true)));
/// assert_eq!(secret_under("dbPassword", b"${DB_PASSWORD}"), None);
/// ```
#[must_use]
pub fn secret_under(name: &str, text: &[u8]) -> Option<(&'static Rule, Confidence)> {
    let (kind, bare) = promise(name)?;
    if judge::is_hopeless(text) {
        return None;
    }
    let rule = rule_of(kind)?;
    let context = judge::Context {
        kind,
        bare,
        forgery: names::is_forgery_token(name),
        quoted: true,
        line: false,
        code: false,
        words_follow: false,
        screaming: name.bytes().all(|b| !b.is_ascii_lowercase()),
        strict: false,
        call: false,
        setting: false,
        phrase: names::is_phrase(name),
    };
    judge::grade(text, name, context).map(|confidence| (rule, confidence))
}

/// The kind of secret that a name promises.
fn promise(name: &str) -> Promise {
    let kind = sensitive_key(name).map(|kind| (kind, false));
    kind.or_else(|| names::bare_kind(name).map(|kind| (kind, true)))
}

/// The families by kind, looked up once.
struct Kinds {
    password: &'static Rule,
    token: &'static Rule,
    api_key: &'static Rule,
    private_key: &'static Rule,
    encryption_key: &'static Rule,
    secret: &'static Rule,
}

static KINDS: LazyLock<Kinds> = LazyLock::new(|| Kinds {
    password: family("generic.password"),
    token: family("generic.token"),
    api_key: family("generic.api-key"),
    private_key: family("generic.private-key"),
    encryption_key: family("generic.encryption-key"),
    secret: family("generic.secret"),
});

fn rule_of(kind: Sensitivity) -> Option<&'static Rule> {
    match kind {
        Sensitivity::Password => Some(KINDS.password),
        Sensitivity::Token => Some(KINDS.token),
        Sensitivity::ApiKey => Some(KINDS.api_key),
        Sensitivity::PrivateKey => Some(KINDS.private_key),
        Sensitivity::EncryptionKey => Some(KINDS.encryption_key),
        Sensitivity::Secret => Some(KINDS.secret),
        // Its password has rules of its own.
        Sensitivity::ConnectionUrl => None,
    }
}

/// One walk over bytes: names in the order of their stems.
pub(crate) struct Assignments<'b> {
    bytes: &'b [u8],
    /// The last name looked at: a name may hold several stems.
    done: std::ops::Range<usize>,
    /// What names promise, for logs repeat theirs. A place is taken by the last name that hashes to it.
    known: Vec<(&'b str, Promise)>,
}

/// The kind of secret that a name promises, and whether only a value beyond doubt will do.
type Promise = Option<(Sensitivity, bool)>;

/// Blanks before a name that are no reason to look again in another text.
const BLANKS_BEFORE: usize = 64;
/// Places for names that are remembered.
const REMEMBERED: usize = 256;

impl<'b> Assignments<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Assignments<'b> {
        Assignments { bytes, done: 0..0, known: Vec::new() }
    }

    /// A stem lies at `start..end`: is it part of a name with a secret behind it? If not, how much was looked at to know that.
    #[inline]
    pub(crate) fn stem(&mut self, start: usize, end: usize) -> Result<Match<'static>, Reach> {
        // Some stems hold what may stand around a name.
        let start = start + usize::from(!names::in_name(self.bytes[start]));
        let end = if names::in_name(self.bytes[end - 1]) { end } else { end - 1 };
        // Who is part of the same name looks at the same.
        if self.done.start <= start && end <= self.done.end {
            return Err(Reach::NEAR);
        }
        let name = names::around(self.bytes, start, end).ok_or(Reach::NEAR)?;
        self.done = name.start..name.end;
        self.look(name).map_err(|looked_to| {
            // Blanks before a name are looked through, however many they are.
            let before = &self.bytes[name.start.saturating_sub(BLANKS_BEFORE)..name.start];
            if before.len() == BLANKS_BEFORE && before.trim_ascii().is_empty() {
                return Reach::OPEN;
            }
            Reach::NEAR.and(Reach { before: 0, behind: looked_to.saturating_sub(end) + 1 })
        })
    }

    /// A stem lies at `start..end`: is it part of a name with personal data behind it?
    pub(crate) fn field(&mut self, start: usize, end: usize) -> Option<Match<'static>> {
        // Some stems hold the quote before a name or the sign behind it.
        let start = start + usize::from(self.bytes[start] == b'"');
        let end = if names::in_name(self.bytes[end - 1]) { end } else { end - 1 };
        if self.done.start <= start && end <= self.done.end {
            return None;
        }
        let name = names::around(self.bytes, start, end)?;
        self.done = name.start..name.end;
        let way = connector::behind(self.bytes, &name)?;
        let text = str::from_utf8(&self.bytes[name.start..name.end]).ok()?;
        let rule = crate::personal::field(text)?;
        let value = value::at(self.bytes, &way)?;
        let confidence = judge::grade_personal(&self.bytes[value.start..value.end], value.quoted, way.tight)?;
        Some(Match { rule, span: name.start..value.end, secret: value.start..value.end, confidence })
    }

    fn promised(&mut self, name: &'b str) -> Promise {
        if self.known.is_empty() {
            self.known = vec![("", None); REMEMBERED];
        }
        let hash = name.bytes().fold(0xcbf2_9ce4u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
        let place = &mut self.known[(hash ^ (hash >> 15)) as usize % REMEMBERED];
        if place.0 != name {
            *place = (name, promise(name));
        }
        place.1
    }

    /// What stands behind a name; if it is nothing, the end of the bytes that say so.
    fn look(&mut self, name: names::Name) -> Result<Match<'static>, usize> {
        // `AWS::SecretsManager::Secret` names a kind of thing, `profile::db::password` a setting.
        let scoped = self.bytes[..name.start].ends_with(b"::");
        if scoped && !names::is_setting_in_scopes(self.bytes, &name) {
            return Err(name.end + names::SIGN);
        }
        let on_the_way = name.end + connector::LOOKS;
        let mut way = connector::behind(self.bytes, &name).ok_or(on_the_way)?;
        way.line |= scoped;
        let text = str::from_utf8(&self.bytes[name.start..name.end]).map_err(|_| name.end)?;
        let (kind, bare) = self.promised(text).ok_or(name.end)?;
        if way.call && names::bare_kind(text).is_some() {
            return Err(on_the_way);
        }
        let all = on_the_way + value::LOOKS;
        let value = value::at(self.bytes, &way).ok_or(all)?;
        let secret = &self.bytes[value.start..value.end];
        // A program's log names its parts so too, and words follow.
        if judge::is_hopeless(secret) || (scoped && !value.quoted && !value.line) {
            return Err(all);
        }
        let rule = rule_of(kind).ok_or(name.end)?;
        let context = judge::Context {
            kind,
            bare,
            forgery: names::is_forgery_token(text),
            quoted: value.quoted,
            line: value.line,
            code: value.code,
            words_follow: value.words_follow,
            screaming: text.bytes().all(|b| !b.is_ascii_lowercase()),
            strict: way.strict,
            call: way.call,
            setting: way.word || (value.line && way.tight),
            phrase: names::is_phrase(text),
        };
        let confidence = judge::grade(secret, text, context).ok_or(all)?;
        Ok(Match { rule, span: name.start..value.end, secret: value.start..value.end, confidence })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told unless somebody asks for less.
    const USUAL: Confidence = Confidence::Medium;

    /// The most believable finding in a text, with its value.
    fn best(text: &str) -> Option<(Confidence, String, String)> {
        let best = find(text.as_bytes()).into_iter().max_by_key(|m| m.confidence)?;
        Some((best.confidence, best.rule.id.clone(), text[best.secret].to_owned()))
    }

    /// Texts in blocks that a line of `%%` ends; of leaks, the first line is the value.
    const LEAKS: &str = include_str!("../../data/generic_leaks.txt");
    const CLEAN: &str = include_str!("../../data/generic_clean.txt");

    #[test]
    fn every_family_has_examples_and_all_are_read() {
        for rule in families() {
            assert!(rule.examples.len() >= 2 && rule.counter_examples.len() >= 2, "{}", rule.id);
            assert!(!rule.references.is_empty() && !rule.title.is_empty(), "{}", rule.id);
        }
        for kind in [KINDS.password, KINDS.token, KINDS.api_key, KINDS.private_key, KINDS.encryption_key, KINDS.secret]
        {
            for example in &kind.examples {
                assert!(best(example).is_some_and(|b| b.0 >= USUAL && b.1 == kind.id), "{}: {example}", kind.id);
            }
            for counter in &kind.counter_examples {
                assert!(best(counter).is_none_or(|b| b.0 < USUAL), "{}: {counter}", kind.id);
            }
        }
    }

    #[test]
    fn leaks_in_every_notation() {
        let mut wrong = Vec::new();
        let mut count = 0;
        for block in LEAKS.split("\n%%\n").filter(|b| !b.trim().is_empty()) {
            let (value, text) = block.split_once('\n').expect("a value and a text");
            count += 1;
            match best(text) {
                Some((confidence, _, found)) if found == value && confidence >= USUAL => {}
                other => wrong.push(format!("{text:?}: {other:?}")),
            }
        }
        assert!(wrong.is_empty() && count >= 80, "{count}\n{}", wrong.join("\n"));
    }

    #[test]
    fn clean_code_configuration_and_logs() {
        let told: Vec<_> = CLEAN
            .split("\n%%\n")
            .filter_map(|text| best(text).filter(|b| b.0 >= USUAL).map(|b| format!("{text:?}: {b:?}")))
            .collect();
        assert!(told.is_empty(), "{}", told.join("\n"));
    }
}
