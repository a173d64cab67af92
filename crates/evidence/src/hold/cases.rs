//! What the acts of legal holds come to, in the order of the ledger: the rule of `FORMAT.md` §15, once for all readers.

use std::collections::{BTreeMap, BTreeSet};

use super::{Actor, HeldObject, Hold, HoldScope};
use crate::{Disclosable, EntryId, Timestamp};

/// Every case that a ledger tells of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cases(Vec<Case>);

/// One case, as its acts leave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its id: that of the entry that placed it.
    pub id: EntryId,
    /// That entry's position.
    pub seq: u64,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// What it is about.
    pub matter: String,
    /// Which objects.
    pub scope: HoldScope,
    /// Who answers for them.
    pub custodian: Disclosable,
    /// Why it was placed.
    pub reason: String,
    /// Who placed it.
    pub by: Actor,
    /// The latest approval by a first person, if there is one.
    pub approval: Option<Consent>,
    /// The release by a second person, if there is one.
    pub release: Option<Consent>,
    /// The versions that the archive said are held by it, and has not yet said are held no more.
    pub objects: BTreeSet<HeldObject>,
    /// Those of them that were found without their hold and set again, and when the last time was.
    pub set_again: BTreeMap<HeldObject, Timestamp>,
}

/// A person's word that a case may end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Its entry.
    pub id: EntryId,
    /// When it was recorded.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
    /// Whose it is.
    pub by: Actor,
}

impl Case {
    /// Whether it still holds: two different persons have not both agreed to end it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.release.is_none()
    }
}

impl Cases {
    /// Takes in the next act. An act of no known case, or one that the rules do not allow, changes nothing.
    pub fn take(&mut self, id: EntryId, seq: u64, at: Timestamp, act: &Hold) {
        match act {
            Hold::Place { matter, scope, custodian, reason, by } => self.0.push(Case {
                id,
                seq,
                placed_at: at,
                matter: matter.clone(),
                scope: scope.clone(),
                custodian: *custodian,
                reason: reason.clone(),
                by: by.clone(),
                approval: None,
                release: None,
                objects: BTreeSet::new(),
                set_again: BTreeMap::new(),
            }),
            Hold::ApproveRelease { case, reason, by } => {
                if let Some(case) = self.case(case).filter(|case| case.is_open()) {
                    case.approval = Some(Consent { id, at, reason: reason.clone(), by: by.clone() });
                }
            }
            Hold::Release { case, approval, reason, by } => {
                let agreed = |case: &&mut Case| {
                    let first = case.approval.as_ref().filter(|first| first.id == *approval);
                    case.is_open() && first.is_some_and(|first| by.may_be_another_than(&first.by))
                };
                if let Some(case) = self.case(case).filter(agreed) {
                    case.release = Some(Consent { id, at, reason: reason.clone(), by: by.clone() });
                }
            }
            Hold::Set { case, objects, read_back_at } => {
                if let Some(case) = self.case(case) {
                    for object in objects {
                        if !case.objects.insert(object.clone()) {
                            case.set_again.insert(object.clone(), *read_back_at);
                        }
                    }
                }
            }
            Hold::Lift { case, objects, .. } => {
                if let Some(case) = self.case(case) {
                    case.objects.retain(|held| !objects.contains(held));
                    case.set_again.retain(|held, _| !objects.contains(held));
                }
            }
        }
    }

    /// All of them, in the order in which they were placed.
    #[must_use]
    pub fn all(&self) -> &[Case] {
        &self.0
    }

    /// The case of this id.
    #[must_use]
    pub fn get(&self, id: EntryId) -> Option<&Case> {
        self.0.iter().find(|case| case.id == id)
    }

    /// Whether an open case holds this version, as the archive said when it was set.
    #[must_use]
    pub fn hold(&self, object: &HeldObject) -> bool {
        self.0.iter().any(|case| case.is_open() && case.objects.contains(object))
    }

    /// When the hold of an open case on this version was found gone and set again for the last time; none where it never was.
    #[must_use]
    pub fn set_again(&self, object: &HeldObject) -> Option<Timestamp> {
        self.0.iter().filter(|case| case.is_open()).filter_map(|case| case.set_again.get(object).copied()).max()
    }

    fn case(&mut self, id: &EntryId) -> Option<&mut Case> {
        self.0.iter_mut().find(|case| case.id == *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;

    fn id(number: u8) -> EntryId {
        EntryId::from_parts(at(), &[number; 10])
    }

    fn at() -> Timestamp {
        Timestamp::from_micros(0).expect("an instant")
    }

    fn by(token: u8) -> Actor {
        let person = Disclosable { digest: Digest::of(&[token]) };
        Actor { person, role: "officer".to_owned(), token: id(token) }
    }

    fn place() -> Hold {
        let scope = HoldScope { keys: vec![String::new()], ..HoldScope::default() };
        let custodian = Disclosable { digest: Digest::of(b"custodian") };
        Hold::Place { matter: "a matter".into(), scope, custodian, reason: "a reason".into(), by: by(1) }
    }

    fn approve(person: u8) -> Hold {
        Hold::ApproveRelease { case: id(50), reason: "over".into(), by: by(person) }
    }

    fn release(approval: u8, person: u8) -> Hold {
        Hold::Release { case: id(50), approval: id(approval), reason: "over".into(), by: by(person) }
    }

    fn after(acts: &[(u8, Hold)]) -> Case {
        let mut cases = Cases::default();
        cases.take(id(50), 0, at(), &place());
        for (number, act) in acts {
            cases.take(id(*number), u64::from(*number), at(), act);
        }
        cases.all()[0].clone()
    }

    #[test]
    fn two_persons_end_a_case_and_nobody_alone() {
        assert!(after(&[]).is_open());
        assert!(after(&[(51, approve(1))]).is_open(), "one approval");
        assert!(after(&[(51, approve(1)), (52, release(51, 1))]).is_open(), "the same token twice");
        assert!(after(&[(51, release(50, 2))]).is_open(), "no approval");
        assert!(after(&[(51, approve(1)), (52, release(60, 2))]).is_open(), "another approval");
        assert!(after(&[(51, approve(1)), (52, approve(2)), (53, release(51, 2))]).is_open(), "one that was replaced");
        let over = after(&[(51, approve(1)), (52, release(51, 2)), (53, approve(3))]);
        assert!(!over.is_open());
        assert_eq!(over.approval.map(|consent| consent.id), Some(id(51)), "what is over stays as it was");
    }

    #[test]
    fn objects_are_held_from_set_to_lift_while_the_case_is_open() {
        let object = |key: &str| HeldObject { key: key.into(), version: "1".into() };
        let mut cases = Cases::default();
        cases.take(id(50), 0, at(), &place());
        assert!(!cases.hold(&object("a")));
        let objects = vec![object("a"), object("b")];
        cases.take(id(51), 1, at(), &Hold::Set { case: id(50), objects, read_back_at: at() });
        assert!(cases.hold(&object("a")) && cases.hold(&object("b")) && !cases.hold(&object("c")));
        assert_eq!(cases.set_again(&object("a")), None);
        let again = Hold::Set { case: id(50), objects: vec![object("a")], read_back_at: at() };
        cases.take(id(55), 5, at(), &again);
        assert_eq!((cases.set_again(&object("a")), cases.set_again(&object("b"))), (Some(at()), None));
        cases.take(id(52), 2, at(), &approve(1));
        cases.take(id(53), 3, at(), &release(52, 2));
        assert!(!cases.hold(&object("a")) && cases.all()[0].objects.len() == 2, "over, but not lifted yet");
        let lift = Hold::Lift { case: id(50), objects: vec![object("a"), object("b")], read_back_at: at() };
        cases.take(id(54), 4, at(), &lift);
        assert!(cases.all()[0].objects.is_empty());
    }
}
