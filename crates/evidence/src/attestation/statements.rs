//! What the acts of attestations come to, in the order of the ledger: the rule of `FORMAT.md` §17, once for all readers.

use super::{About, Attestation, Standing, Word};
use crate::{Actor, Disclosable, EntryId, EnvironmentId, Period, Timestamp};

/// Every attestation that a ledger tells of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statements(Vec<Statement>);

/// One attestation, as its acts leave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its id: that of the entry that made it.
    pub id: EntryId,
    /// That entry's position.
    pub seq: u64,
    /// When it was made.
    pub made_at: Timestamp,
    /// What kind of thing is stated.
    pub about: About,
    /// The environment whose key it is.
    pub environment: EnvironmentId,
    /// The key's name.
    pub key: String,
    /// The place that holds it.
    pub location: String,
    /// The quarter that it holds for.
    pub period: Period,
    /// The first person's own words.
    pub words: Disclosable,
    /// Who made it.
    pub by: Actor,
    /// The second person's confirmation, if there is one.
    pub confirmation: Option<Word>,
    /// Its withdrawal, if there is one.
    pub withdrawal: Option<Word>,
}

impl Statement {
    /// How it stands at an instant: what was said later is not yet so.
    #[must_use]
    pub fn standing(&self, at: Timestamp) -> Standing {
        // Whatever its record says of a quarter, it holds for no other time than that.
        Standing::at(at, self.confirmation.as_ref(), self.withdrawal.as_ref(), !self.period.contains(at))
    }
}

impl Statements {
    /// Takes in the next act. An act on no known attestation, or one that the rules do not allow, changes nothing.
    pub fn take(&mut self, id: EntryId, seq: u64, at: Timestamp, act: &Attestation) {
        match act {
            Attestation::Make { about, by, environment, key, location, period, statement } => self.0.push(Statement {
                id,
                seq,
                made_at: at,
                about: *about,
                environment: environment.clone(),
                key: key.clone(),
                location: location.clone(),
                period: period.clone(),
                words: *statement,
                by: by.clone(),
                confirmation: None,
                withdrawal: None,
            }),
            Attestation::Confirm { attestation, by } => {
                let may = |one: &&mut Statement| {
                    let open = one.confirmation.is_none() && one.standing(at) == Standing::Pending;
                    open && by.may_be_another_than(&one.by)
                };
                if let Some(one) = self.one(attestation).filter(may) {
                    one.confirmation = Some(Word { id, at, by: by.clone(), reason: None });
                }
            }
            Attestation::Withdraw { attestation, by, reason } => {
                if let Some(one) = self.one(attestation).filter(|one| one.withdrawal.is_none()) {
                    one.withdrawal = Some(Word { id, at, by: by.clone(), reason: Some(reason.clone()) });
                }
            }
        }
    }

    /// All of them, in the order in which they were made.
    #[must_use]
    pub fn all(&self) -> &[Statement] {
        &self.0
    }

    /// The attestation of this id.
    #[must_use]
    pub fn get(&self, id: EntryId) -> Option<&Statement> {
        self.0.iter().find(|one| one.id == id)
    }

    fn one(&mut self, id: &EntryId) -> Option<&mut Statement> {
        self.0.iter_mut().find(|one| one.id == *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Digest, FiscalCalendar};

    fn at(text: &str) -> Timestamp {
        format!("{text}:00.000000Z").parse().expect("an instant")
    }

    fn id(number: u8) -> EntryId {
        EntryId::from_parts(at("2026-11-22T08:00"), &[number; 10])
    }

    fn by(token: u8) -> Actor {
        let person = Disclosable { digest: Digest::of(&[token]) };
        Actor { person, role: "officer".to_owned(), token: id(token) }
    }

    /// Made by the person 1 on 22 November, in a year that begins in January in Berlin.
    fn after(acts: &[(&str, Attestation)]) -> Statement {
        let made = at("2026-11-22T08:00");
        let calendar = FiscalCalendar::new("Europe/Berlin".parse().expect("a zone"), 1).expect("a month");
        let make = Attestation::Make {
            about: About::KeyCustody,
            by: by(1),
            environment: "production".parse().expect("an id"),
            key: "ENCRYPTION_KEY".to_owned(),
            location: "safe".to_owned(),
            period: calendar.period_of(made),
            statement: Disclosable { digest: Digest::of(b"words") },
        };
        let mut all = Statements::default();
        all.take(id(50), 0, made, &make);
        for (number, (when, act)) in (51..).zip(acts) {
            all.take(id(number), u64::from(number), at(when), act);
        }
        all.all()[0].clone()
    }

    fn confirm(person: u8) -> Attestation {
        Attestation::Confirm { attestation: id(50), by: by(person) }
    }

    fn withdraw(person: u8) -> Attestation {
        Attestation::Withdraw { attestation: id(50), by: by(person), reason: "moved".to_owned() }
    }

    #[test]
    fn two_persons_bring_it_in_force_until_the_quarter_ends() {
        use Standing::{Expired, InForce, Pending, Withdrawn};
        let (day, last, first) = ("2026-11-24T09:00", "2026-12-31T22:59", "2026-12-31T23:00");
        let confirmed = ("2026-11-23T09:00", confirm(2));
        let cases = [
            (vec![], day, Pending),
            (vec![], first, Expired),
            (vec![(confirmed.0, confirm(1))], day, Pending),
            (vec![confirmed.clone()], "2026-11-23T08:59", Pending),
            (vec![confirmed.clone()], day, InForce),
            (vec![confirmed.clone()], last, InForce),
            (vec![confirmed.clone()], first, Expired),
            (vec![(first, confirm(2))], first, Expired),
            (vec![confirmed.clone(), ("2026-11-24T08:00", withdraw(1))], day, Withdrawn),
            (vec![confirmed.clone(), ("2026-11-24T08:00", withdraw(2))], "2026-11-24T07:59", InForce),
            (vec![confirmed.clone(), ("2026-11-24T08:00", withdraw(1))], first, Withdrawn),
            (vec![("2026-11-22T09:00", withdraw(1)), confirmed.clone()], day, Withdrawn),
        ];
        for (acts, when, expected) in cases {
            assert_eq!(after(&acts).standing(at(when)), expected, "{when} {acts:?}");
        }
    }

    #[test]
    fn what_was_said_once_stays_as_it_was() {
        let acts = [("2026-11-23T09:00", confirm(2)), ("2026-11-23T10:00", confirm(3))];
        assert_eq!(after(&acts).confirmation.map(|word| word.id), Some(id(51)));
        let late = after(&[("2027-01-02T09:00", confirm(2))]);
        assert_eq!((late.confirmation, after(&[("2026-11-23T09:00", confirm(1))]).confirmation), (None, None));
        let acts = [("2026-11-23T09:00", withdraw(1)), ("2026-11-23T10:00", withdraw(2))];
        assert_eq!(after(&acts).withdrawal.map(|word| word.id), Some(id(51)));
    }
}
