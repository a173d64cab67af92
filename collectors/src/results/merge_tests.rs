//! What two scanners tell of one target.

use super::*;
use crate::results::{Vex, VexStatus};

fn told(purl: &str, ids: &[&str], place: &str) -> Vulnerability {
    let mut one = Vulnerability::new(Ids::new(ids), Package::parse(purl).expect(purl));
    one.place = Some(place.to_owned());
    one
}

fn merged<'w>(all: impl IntoIterator<Item = (&'w str, Vulnerability)>) -> Vec<Merged> {
    merge(all.into_iter().map(|(who, one)| (who, Box::new(one))))
}

fn shown(merged: &[Merged]) -> Vec<String> {
    let line = |one: &Merged| {
        let id = one.vulnerability.ids.canonical().map(ToString::to_string).unwrap_or_default();
        let who: Vec<&str> = one.seen_by.iter().map(String::as_str).collect();
        format!("{} {id} {}", one.vulnerability.package, who.join("+"))
    };
    merged.iter().map(line).collect()
}

#[test]
fn names_that_a_third_connects_are_one_vulnerability() {
    let all = [
        ("a", told("pkg:pypi/django@3.2.0", &["PYSEC-2021-98"], "requirements.txt")),
        ("b", told("pkg:pypi/Django@3.2.0", &["GHSA-68w8-qjq3-2gfm"], "poetry.lock")),
        (
            "c",
            told("pkg:pypi/django@3.2.0", &["GHSA-68w8-qjq3-2gfm", "PYSEC-2021-98", "CVE-2021-33203"], "poetry.lock"),
        ),
        ("c", told("pkg:pypi/django@3.2.1", &["CVE-2021-33203"], "other.lock")),
    ];
    let merged = merged(all);
    assert_eq!(
        shown(&merged),
        ["pkg:pypi/django@3.2.0 CVE-2021-33203 a+b+c", "pkg:pypi/django@3.2.1 CVE-2021-33203 c"]
    );
    assert_eq!(merged[0].places.iter().map(String::as_str).collect::<Vec<_>>(), ["poetry.lock", "requirements.txt"]);
    let agreement = agreement(&merged, &["a", "b", "c"]);
    assert_eq!((agreement.by_all, agreement.by_some, agreement.alone["c"], agreement.alone["a"]), (1, 0, 1, 0));
}

#[test]
fn who_tells_no_version_means_every_one_that_was_found_and_joins_none_of_them() {
    let all = [
        ("npm", told("pkg:npm/lodash", &["GHSA-35jh-r3h4-6jhm"], "node_modules/lodash")),
        ("trivy", told("pkg:npm/lodash@4.17.15", &["CVE-2021-23337", "GHSA-35jh-r3h4-6jhm"], "package-lock.json")),
        ("trivy", told("pkg:npm/lodash@4.17.20", &["CVE-2021-23337", "GHSA-35jh-r3h4-6jhm"], "package-lock.json")),
        ("npm", told("pkg:npm/minimist", &["GHSA-xvch-5gv4-984h"], "node_modules/minimist")),
    ];
    let merged = merged(all);
    assert_eq!(
        shown(&merged),
        [
            "pkg:npm/lodash@4.17.15 CVE-2021-23337 npm+trivy",
            "pkg:npm/lodash@4.17.20 CVE-2021-23337 npm+trivy",
            "pkg:npm/minimist GHSA-xvch-5gv4-984h npm",
        ]
    );
    let agreement = agreement(&merged, &["npm", "trivy", "silent"]);
    assert_eq!((agreement.by_all, agreement.by_some, agreement.alone["silent"]), (0, 2, 0));
}

#[test]
fn what_one_left_out_and_another_found_is_found() {
    let mut left_out = told("pkg:npm/a@1", &["CVE-2020-1"], "x");
    left_out.suppressed = Some("accepted".to_owned());
    let mut found = told("pkg:npm/a@1", &["CVE-2020-1"], "x");
    found.fix = Fix::Available;
    let merged = merged([("a", left_out.clone()), ("b", found)]);
    assert_eq!(merged[0].vulnerability.suppressed, None);
    assert_eq!(merged[0].vulnerability.fix, Fix::Available);
    let both = [("a", left_out.clone()), ("b", left_out.clone())];
    assert_eq!(self::merged(both)[0].vulnerability.suppressed, left_out.suppressed);
}

#[test]
fn what_one_excuses_and_another_found_is_found() {
    let mut excused = told("pkg:npm/a@1", &["CVE-2020-1"], "x");
    let justification = Some("vulnerable_code_not_present".to_owned());
    let vex = Vex { status: VexStatus::NotAffected, justification, statement: None };
    assert!(vex.excuses());
    excused.vex = Some(vex.clone());
    let found = told("pkg:npm/a@1", &["CVE-2020-1"], "x");
    let (excused, found) = (("a", excused), ("b", found));
    for order in [[excused.clone(), found.clone()], [found, excused.clone()]] {
        assert_eq!(merged(order)[0].vulnerability.vex, None);
    }
    assert_eq!(merged([excused.clone(), excused])[0].vulnerability.vex, Some(vex));
}

#[test]
fn a_version_that_mends_it_is_one_whichever_way_it_is_written() {
    let fixed = |who, versions: &[&str]| {
        let mut one = told("pkg:npm/minimist@1.2.5", &["CVE-2021-44906"], "package-lock.json");
        one.fixed = versions.iter().map(|version| (*version).to_owned()).collect();
        (who, one)
    };
    for (one, other, joined) in [
        (&[">=1.2.6"][..], &["1.2.6"][..], &["1.2.6"][..]),
        (&["1.2.6"], &[">= 1.2.6", "0.2.4"], &["1.2.6", "0.2.4"]),
        (&[], &[">=1.2.6"], &[">=1.2.6"]),
        (&["1.2.6"], &["<2"], &["1.2.6", "<2"]),
    ] {
        let all = [fixed("npm", one), fixed("trivy", other)];
        let merged = merged(all);
        assert_eq!(merged[0].vulnerability.fixed, joined);
    }
}
