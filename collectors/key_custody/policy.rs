//! What keys are held against.

use exhibit_evidence::SubjectId;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::settings::typed;
use crate::SettingProblem;

/// The table `policy`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Policy {
    /// In how many independent places the current key has to be.
    pub(super) copies: u64,
    /// How many of them have to be observed: what two persons attest was looked at by no program.
    pub(super) observed_copies: u64,
    /// How old a backup may be.
    pub(super) backup_age: Span,
    /// How old a key may become; without it no cadence is asked for.
    pub(super) rotation: Option<Span>,
    /// How old a vault's backup may be.
    pub(super) snapshot_age: Span,
    /// Who may read a copy; others may not.
    pub(super) may_read: Vec<String>,
    /// Codes of reasons for which a place need not be seen. Without it such a place is an error.
    pub(super) allow_excluded: Vec<String>,
    /// Other rules for single keys.
    pub(super) keys: Vec<KeyRule>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            copies: 2,
            observed_copies: 1,
            backup_age: Span::days(31),
            rotation: None,
            snapshot_age: Span::days(1),
            may_read: vec!["owner".to_owned()],
            allow_excluded: Vec::new(),
            keys: Vec::new(),
        }
    }
}

/// One `[[policy.keys]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyRule {
    /// The key, by its subject.
    pub(super) subject: SubjectId,
    pub(super) copies: Option<u64>,
    pub(super) observed_copies: Option<u64>,
    pub(super) backup_age: Option<Span>,
    pub(super) rotation: Option<Span>,
    pub(super) may_read: Option<Vec<String>>,
}

impl Policy {
    /// Reads the table `policy`.
    ///
    /// # Errors
    /// The setting that is not as expected.
    pub(super) fn read(table: &toml::Table) -> Result<Self, SettingProblem> {
        let policy: Self = typed(table.clone().into(), "policy")?;
        let copies = policy.keys.iter().filter_map(|rule| rule.copies).chain([policy.copies]);
        if copies.min() == Some(0) {
            return Err(SettingProblem::new("policy.copies", "expected at least 1"));
        }
        let pairs = policy.keys.iter().map(|rule| {
            (rule.copies.unwrap_or(policy.copies), rule.observed_copies.unwrap_or(policy.observed_copies))
        });
        if pairs.chain([(policy.copies, policy.observed_copies)]).any(|(copies, observed)| observed > copies) {
            return Err(SettingProblem::new("policy.observed_copies", "expected at most as many as `copies`"));
        }
        Ok(policy)
    }

    /// The policy for one key.
    pub(super) fn of(&self, subject: &SubjectId) -> Self {
        let mut own = self.clone();
        for rule in self.keys.iter().filter(|rule| rule.subject == *subject) {
            own.copies = rule.copies.unwrap_or(own.copies);
            own.observed_copies = rule.observed_copies.unwrap_or(own.observed_copies);
            own.backup_age = rule.backup_age.unwrap_or(own.backup_age);
            own.rotation = rule.rotation.or(own.rotation);
            own.may_read = rule.may_read.clone().unwrap_or(own.may_read);
        }
        own
    }
}

/// A span of time: a number and `m`, `h` or `d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// In minutes.
    pub(super) minutes: i64,
}

impl Span {
    fn days(days: i64) -> Self {
        Self { minutes: days * 24 * 60 }
    }

    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let of_unit = match unit {
            "m" => 1,
            "h" => 60,
            "d" => 24 * 60,
            _ => return None,
        };
        let number: i64 = number.parse().ok().filter(|number| (1..=100_000).contains(number))?;
        Some(Self { minutes: number * of_unit })
    }

    /// For people: in days where it is days, else in hours.
    pub(super) fn words(self) -> String {
        words(self.minutes)
    }
}

/// A number of minutes for people.
pub(super) fn words(minutes: i64) -> String {
    let (number, unit) = match minutes {
        2880.. => (minutes / 1440, "day"),
        120.. => (minutes / 60, "hour"),
        _ => (minutes, "minute"),
    };
    if number == 1 { format!("1 {unit}") } else { format!("{number} {unit}s") }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let text = String::deserialize(reader)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("expected a number and `m`, `h` or `d`, such as `36h`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_key_by_key() {
        let read = |text: &str| Policy::read(&toml::from_str(text).expect("TOML"));
        let policy = read("rotation = '90d'\n[[keys]]\nsubject = 'a'\nrotation = '36h'\ncopies = 3").expect("valid");
        let (own, other) = (SubjectId::new("a").expect("an id"), SubjectId::new("b").expect("an id"));
        assert_eq!(policy.of(&own).rotation.map(Span::words).as_deref(), Some("36 hours"));
        assert_eq!((policy.of(&own).copies, policy.of(&other).copies), (3, 2));
        assert_eq!(policy.of(&other).rotation.map(Span::words).as_deref(), Some("90 days"));
        for text in ["copies = 0", "rotation = 'hunter2'", "rotation = ''", "backup_age = '0d'", "unknown = 1"] {
            assert!(!read(text).expect_err("refused").message.contains("hunter2"), "{text}");
        }
    }
}
