//! What the acts of waivers come to, in the order of the ledger: the rule of `FORMAT.md` §18, once for all readers.

use chrono::TimeDelta;

use super::{LONGEST_DAYS, Standing, Waiver, Word};
use crate::{Actor, CheckId, EntryId, Fingerprint, Severity, Timestamp, observation::Subject};

/// Every waiver that a ledger tells of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exceptions(Vec<Exception>);

/// One waiver, as its acts leave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Its id: that of the entry that asked for it.
    pub id: EntryId,
    /// That entry's position.
    pub seq: u64,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// The check that noted the finding.
    pub check: CheckId,
    /// The finding.
    pub finding: Fingerprint,
    /// Where that is.
    pub subject: Subject,
    /// How bad it was when it was asked for.
    pub severity: Severity,
    /// Why.
    pub reason: String,
    /// What holds the risk down meanwhile, if anything does.
    pub compensating: Option<String>,
    /// When it ends.
    pub until: Timestamp,
    /// Who asked for it.
    pub by: Actor,
    /// The second person's approval, if there is one.
    pub approval: Option<Word>,
    /// Its end before its time, if there is one.
    pub withdrawal: Option<Word>,
}

impl Exception {
    /// How it stands at an instant: what was said later is not yet so.
    #[must_use]
    pub fn standing(&self, at: Timestamp) -> Standing {
        Standing::at(at, self.approval.as_ref(), self.withdrawal.as_ref(), at >= self.until)
    }

    /// When it ended or will end.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        self.withdrawal.as_ref().map_or(self.until, |word| word.at.min(self.until))
    }

    /// Whether it covers this finding at an instant: one that got worse is not what two persons agreed to.
    #[must_use]
    pub fn covers(&self, finding: Fingerprint, severity: Severity, at: Timestamp) -> bool {
        self.finding == finding && self.severity <= severity && self.standing(at) == Standing::InForce
    }
}

impl Exceptions {
    /// Takes in the next act. An act on no known waiver, or one that the rules do not allow, changes nothing.
    pub fn take(&mut self, id: EntryId, seq: u64, at: Timestamp, act: &Waiver) {
        match act {
            Waiver::Request { by, check, compensating, finding, reason, severity, subject, until } => {
                self.0.push(Exception {
                    id,
                    seq,
                    requested_at: at,
                    check: check.clone(),
                    finding: *finding,
                    subject: subject.clone(),
                    severity: *severity,
                    reason: reason.clone(),
                    compensating: compensating.clone(),
                    // However long it says: an exception that nobody looks at again is none.
                    until: (*until).min(at.plus(TimeDelta::days(i64::from(LONGEST_DAYS)))),
                    by: by.clone(),
                    approval: None,
                    withdrawal: None,
                });
            }
            Waiver::Approve { by, waiver } => {
                let may = |one: &&mut Exception| {
                    let open = one.approval.is_none() && one.standing(at) == Standing::Pending;
                    open && by.may_be_another_than(&one.by)
                };
                if let Some(one) = self.one(waiver).filter(may) {
                    one.approval = Some(Word { id, at, by: by.clone(), reason: None });
                }
            }
            Waiver::Withdraw { by, reason, waiver } => {
                if let Some(one) = self.one(waiver).filter(|one| one.withdrawal.is_none()) {
                    one.withdrawal = Some(Word { id, at, by: by.clone(), reason: Some(reason.clone()) });
                }
            }
        }
    }

    /// All of them, in the order in which they were asked for.
    #[must_use]
    pub fn all(&self) -> &[Exception] {
        &self.0
    }

    /// The waiver of this id.
    #[must_use]
    pub fn get(&self, id: EntryId) -> Option<&Exception> {
        self.0.iter().find(|one| one.id == id)
    }

    /// The waiver that covers this finding at an instant; of several, the one that holds longest.
    #[must_use]
    pub fn covering(&self, finding: Fingerprint, severity: Severity, at: Timestamp) -> Option<&Exception> {
        self.0.iter().filter(|one| one.covers(finding, severity, at)).max_by_key(|one| one.until)
    }

    fn one(&mut self, id: &EntryId) -> Option<&mut Exception> {
        self.0.iter_mut().find(|one| one.id == *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Digest, Disclosable};

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

    fn finding() -> Fingerprint {
        Fingerprint(Digest::of(b"a finding"))
    }

    /// Asked for by the person 1 on 22 November until the end of the year, of a finding of severity high.
    fn request() -> Waiver {
        Waiver::Request {
            by: by(1),
            check: "ci-secrets.no-plaintext".parse().expect("an id"),
            compensating: None,
            finding: finding(),
            reason: "the supplier mends it in December".to_owned(),
            severity: Severity::High,
            subject: Subject { environment: "production".parse().expect("an id"), id: "shop".parse().expect("an id") },
            until: at("2027-01-01T00:00"),
        }
    }

    fn after(acts: &[(&str, Waiver)]) -> Exceptions {
        let mut all = Exceptions::default();
        all.take(id(50), 0, at("2026-11-22T08:00"), &request());
        for (number, (when, act)) in (51..).zip(acts) {
            all.take(id(number), u64::from(number), at(when), act);
        }
        all
    }

    fn approve(person: u8) -> Waiver {
        Waiver::Approve { waiver: id(50), by: by(person) }
    }

    fn withdraw(person: u8) -> Waiver {
        Waiver::Withdraw { waiver: id(50), by: by(person), reason: "mended".to_owned() }
    }

    #[test]
    fn two_persons_bring_it_in_force_until_its_time_is_over() {
        use Standing::{Expired, InForce, Pending, Withdrawn};
        let (day, last, first) = ("2026-11-24T09:00", "2026-12-31T23:59", "2027-01-01T00:00");
        let approved = ("2026-11-23T09:00", approve(2));
        let cases = [
            (vec![], day, Pending),
            (vec![], first, Expired),
            (vec![(approved.0, approve(1))], day, Pending),
            (vec![approved.clone()], "2026-11-23T08:59", Pending),
            (vec![approved.clone()], day, InForce),
            (vec![approved.clone()], last, InForce),
            (vec![approved.clone()], first, Expired),
            (vec![(first, approve(2))], first, Expired),
            (vec![approved.clone(), ("2026-11-24T08:00", withdraw(3))], day, Withdrawn),
            (vec![approved.clone(), ("2026-11-24T08:00", withdraw(3))], "2026-11-24T07:59", InForce),
            (vec![("2026-11-22T09:00", withdraw(1)), approved.clone()], day, Withdrawn),
        ];
        for (acts, when, expected) in cases {
            assert_eq!(after(&acts).all()[0].standing(at(when)), expected, "{when} {acts:?}");
            let covers = after(&acts).covering(finding(), Severity::High, at(when)).is_some();
            assert_eq!(covers, expected == InForce, "{when} {acts:?}");
        }
    }

    #[test]
    fn none_holds_for_longer_than_any_may_whatever_its_record_says() {
        let mut all = Exceptions::default();
        let Waiver::Request { by: asker, check, compensating, finding: of, reason, severity, subject, .. } = request()
        else {
            unreachable!("it is a request")
        };
        let until = at("2099-01-01T00:00");
        let ever = Waiver::Request { by: asker, check, compensating, finding: of, reason, severity, subject, until };
        all.take(id(50), 50, at("2026-11-22T08:00"), &ever);
        all.take(id(51), 51, at("2026-11-23T09:00"), &approve(2));
        let standing = |when: &str| all.all()[0].standing(at(when));
        assert_eq!(standing("2027-11-23T07:59"), Standing::InForce);
        assert_eq!((standing("2027-11-23T08:00"), all.all()[0].end()), (Standing::Expired, at("2027-11-23T08:00")));
    }

    #[test]
    fn what_got_worse_is_not_covered() {
        let all = after(&[("2026-11-23T09:00", approve(2))]);
        let day = at("2026-11-24T09:00");
        for (severity, covered) in
            [(Severity::Critical, false), (Severity::High, true), (Severity::Medium, true), (Severity::Info, true)]
        {
            assert_eq!(all.covering(finding(), severity, day).is_some(), covered, "{severity}");
        }
        assert_eq!(all.covering(Fingerprint(Digest::of(b"another")), Severity::High, day), None);
    }

    #[test]
    fn of_several_the_one_that_holds_longest_covers() {
        let mut all = after(&[("2026-11-23T09:00", approve(2))]);
        let Waiver::Request { by: asker, check, compensating, finding: of, reason, severity, subject, .. } = request()
        else {
            unreachable!("it is a request")
        };
        let until = at("2027-02-01T00:00");
        let longer = Waiver::Request { by: asker, check, compensating, finding: of, reason, severity, subject, until };
        all.take(id(60), 60, at("2026-12-20T09:00"), &longer);
        let covering = |when: &str| all.covering(finding(), Severity::High, at(when)).map(|one| one.id);
        assert_eq!(covering("2026-12-21T09:00"), Some(id(50)), "the longer one is not approved");
        let mut both = all.clone();
        both.take(id(61), 61, at("2026-12-21T09:00"), &Waiver::Approve { waiver: id(60), by: by(2) });
        let covering = |when: &str| both.covering(finding(), Severity::High, at(when)).map(|one| one.id);
        assert_eq!((covering("2026-12-22T09:00"), covering("2027-01-15T09:00")), (Some(id(60)), Some(id(60))));
        assert_eq!((covering("2027-02-01T00:00"), both.all()[0].end()), (None, at("2027-01-01T00:00")));
    }
}
