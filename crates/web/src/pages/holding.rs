//! What legal holds mean for one piece of evidence: which open cases are about it, and what of it the archive holds for them.

use std::collections::BTreeSet;

use exhibit_evidence::{
    Digest, EntryId, EnvironmentId, PeriodId, Timestamp,
    disclosure::{PERSON, kind_of},
    hold::{Case, Cases},
    report::{ARTIFACTS, ReportIssued, disclosures_range, segment_range},
};
use serde::Serialize;

/// Objects of one case that are listed; the rest is counted.
const MOST: usize = 20;

/// What of a piece of evidence decides in which objects of the archive it lies, and which cases are about it.
pub(super) struct Piece<'a> {
    /// Its place in the ledger, and those of its assessments.
    pub(super) seqs: Vec<u64>,
    /// The environments that it is about.
    pub(super) environments: BTreeSet<EnvironmentId>,
    /// The period that it was observed in.
    pub(super) period: PeriodId,
    /// The artifacts that it and its assessments cite.
    pub(super) cited: BTreeSet<Digest>,
    /// The reports that there are.
    pub(super) reports: &'a [(EntryId, ReportIssued)],
}

/// An open case that is about a piece of evidence.
#[derive(Debug, Serialize)]
pub(super) struct Holding {
    case: EntryId,
    matter: String,
    reason: String,
    placed_at: Timestamp,
    /// A pseudonym, as reports print it.
    by: String,
    role: String,
    /// When a first person agreed that it may end.
    approved_at: Option<Timestamp>,
    /// Objects that this piece lies in, and that the archive said are held.
    objects: Vec<String>,
    /// How many there are of them.
    held: usize,
}

/// The open cases that are about this piece, in the order in which they were placed.
pub(super) fn holdings(cases: &Cases, piece: &Piece<'_>) -> Vec<Holding> {
    let open = cases.all().iter().filter(|case| case.is_open());
    let told = open.map(|case| (case, held_of(case, piece)));
    told.filter(|(case, held)| !held.is_empty() || piece.is_meant_by(case))
        .map(|(case, held)| told_of(case, held))
        .collect()
}

fn told_of(case: &Case, held: BTreeSet<&str>) -> Holding {
    Holding {
        case: case.id,
        matter: case.matter.clone(),
        reason: case.reason.clone(),
        placed_at: case.placed_at,
        by: case.by.person.pseudonym(kind_of(PERSON)),
        role: case.by.role.clone(),
        approved_at: case.approval.as_ref().map(|approval| approval.at),
        held: held.len(),
        objects: held.into_iter().take(MOST).map(str::to_owned).collect(),
    }
}

/// The objects of a case that a piece lies in.
fn held_of<'c>(case: &'c Case, piece: &Piece<'_>) -> BTreeSet<&'c str> {
    case.objects.iter().map(|object| object.key.as_str()).filter(|key| piece.lies_in(key)).collect()
}

impl Piece<'_> {
    /// Whether the object under this key holds any of it.
    fn lies_in(&self, key: &str) -> bool {
        if let Some(hex) = key.strip_prefix(ARTIFACTS) {
            return self.cited.iter().any(|digest| digest.hex() == hex);
        }
        let report = || self.reports.iter().find(|(_, report)| report.bundle_key() == key);
        let range = segment_range(key)
            .or_else(|| disclosures_range(key))
            .or_else(|| report().map(|(_, report)| report.from_size..report.size));
        range.is_some_and(|range| self.seqs.iter().any(|seq| range.contains(seq)))
    }

    /// Whether a case is about it, whatever of it is archived yet.
    fn is_meant_by(&self, case: &Case) -> bool {
        let scope = &case.scope;
        let reported = |(id, report): &(EntryId, ReportIssued)| {
            scope.reports.contains(id) && self.seqs.iter().any(|seq| (report.from_size..report.size).contains(seq))
        };
        scope.environments.iter().any(|one| self.environments.contains(one))
            || scope.periods.contains(&self.period)
            || scope.keys.iter().any(String::is_empty)
            || self.reports.iter().any(reported)
    }
}

#[cfg(test)]
mod tests {
    use exhibit_evidence::{
        Actor, Disclosable,
        hold::{HeldObject, Hold, HoldScope},
    };

    use super::*;

    fn at() -> Timestamp {
        "2026-11-22T08:00:00.000000Z".parse().expect("an instant")
    }

    fn id(number: u8) -> EntryId {
        EntryId::from_parts(at(), &[number; 10])
    }

    fn by(token: u8) -> Actor {
        Actor { person: Disclosable { digest: Digest::of(&[token]) }, role: "officer".to_owned(), token: id(token) }
    }

    fn place(cases: &mut Cases, number: u8, scope: HoldScope) {
        let (matter, reason) = (format!("matter {number}"), "a letter".to_owned());
        let custodian = Disclosable { digest: Digest::of(b"custodian") };
        cases.take(id(number), u64::from(number), at(), &Hold::Place { matter, scope, custodian, reason, by: by(1) });
    }

    fn set(cases: &mut Cases, number: u8, keys: &[&str]) {
        let objects = keys.iter().map(|key| HeldObject { key: (*key).to_owned(), version: "1".to_owned() }).collect();
        cases.take(id(99), 99, at(), &Hold::Set { case: id(number), objects, read_back_at: at() });
    }

    #[test]
    fn a_piece_is_held_where_it_lies_in_an_object_or_a_case_is_about_it() {
        let cited = Digest::of(b"result");
        let piece = Piece {
            seqs: vec![41, 42],
            environments: ["production".parse().expect("an id")].into(),
            period: "2026-Q4".parse().expect("a period"),
            cited: [cited].into(),
            reports: &[],
        };
        let artifact = format!("artifacts/{}", cited.hex());
        let environments =
            |name: &str| HoldScope { environments: vec![name.parse().expect("an id")], ..HoldScope::default() };
        let keys = |key: &str| HoldScope { keys: vec![key.to_owned()], ..HoldScope::default() };
        let mut cases = Cases::default();
        place(&mut cases, 1, environments("production"));
        place(&mut cases, 2, environments("staging"));
        place(&mut cases, 3, keys("segments/"));
        place(&mut cases, 4, keys("artifacts/"));
        place(&mut cases, 5, keys(""));
        place(&mut cases, 6, HoldScope { periods: vec![piece.period], ..HoldScope::default() });
        place(&mut cases, 7, keys("segments/"));
        place(&mut cases, 8, environments("production"));
        let segment = "segments/2026-11-22/0000000000000040-0000000000000050.tar";
        set(&mut cases, 3, &[segment, "segments/2026-11-23/0000000000000050-0000000000000060.tar"]);
        set(&mut cases, 4, &[&artifact, &format!("artifacts/{}", Digest::of(b"other").hex())]);
        set(&mut cases, 7, &["segments/2026-11-23/0000000000000050-0000000000000060.tar"]);
        let (case, reason) = (id(8), "over".to_owned());
        cases.take(id(20), 20, at(), &Hold::ApproveRelease { case, reason: reason.clone(), by: by(1) });
        cases.take(id(21), 21, at(), &Hold::Release { case, approval: id(20), reason, by: by(2) });
        let found = holdings(&cases, &piece);
        let told: Vec<(&str, Vec<String>)> =
            found.iter().map(|one| (one.matter.as_str(), one.objects.clone())).collect();
        assert_eq!(
            told,
            [
                ("matter 1", vec![]),
                ("matter 3", vec![segment.to_owned()]),
                ("matter 4", vec![artifact]),
                ("matter 5", vec![]),
                ("matter 6", vec![]),
            ]
        );
    }
}
