//! cargo-audit, with a database of ours.

use exhibit_collectors::scanners::{Database, LooksAt, Said};

use super::{Place, fenced, read, settings};
use crate::scanners::{CARGO_LOCK, rustsec};

#[test]
fn cargo_audit_finds_what_its_database_knows() {
    let good = CARGO_LOCK.replace("0.1.43", "0.3.44");
    let place = Place::new(&[
        ("shop/Cargo.lock", CARGO_LOCK),
        ("good/Cargo.lock", &good),
        ("cut/Cargo.lock", &CARGO_LOCK[..90]),
    ]);
    rustsec::database(&place.path("db"), "2026-11-20T06:00:00Z");
    let settings = settings(&place, "cargo-audit", &[("database", "db")]);
    let done = place.scan(&settings, LooksAt::File, "shop/Cargo.lock").expect("it scans");
    assert_eq!((done.said, done.facts.version.as_deref(), fenced(&done)), (Said::Findings, Some("0.22.2"), true));
    let made = "2026-11-20T06:00:00.000000Z".parse().expect("an instant");
    assert_eq!(done.facts.database, Database::Updated { at: made });
    let found = read(&done);
    let [one] = found.vulnerabilities.as_slice() else { panic!("{found:?}") };
    assert_eq!(one.package.purl(), "pkg:cargo/time@0.1.43", "{one:?}");
    let names: Vec<&str> = one.ids.iter().map(|id| id.as_str()).collect();
    assert!(names.contains(&"CVE-2020-26235") && names.contains(&"RUSTSEC-2020-0071"), "{names:?}");

    let done = place.scan(&settings, LooksAt::File, "good/Cargo.lock").expect("it scans");
    assert_eq!((done.said, read(&done).vulnerabilities.len()), (Said::Clean, 0));
    assert!(place.scan(&settings, LooksAt::File, "cut/Cargo.lock").is_err());
    assert!(place.scan(&settings, LooksAt::File, "none/Cargo.lock").is_err());
}
