//! Lists beside the scanners, opened to `fuzz/`: from any bytes.

use exhibit_evidence::letters::hides;
use serde_json::Value;

use super::known::{Exploited, Statements};
use crate::fuzzing::hold;
use crate::packages::Package;
use crate::results::{self, Format, Ids};

/// Any bytes as a list of exploited vulnerabilities: what is read lists something, and each of what it names; an error repeats nothing.
///
/// # Panics
/// When that does not hold.
pub fn exploited(bytes: &[u8]) {
    let (list, told) = match Exploited::parse(bytes) {
        Ok(read) => read,
        Err(error) => return hold(&error),
    };
    // Of what is passed over, nobody looks whether it is text.
    let Ok(document) = serde_json::from_slice::<Value>(bytes) else { return };
    let entries = document["vulnerabilities"].as_array().expect("a list").iter();
    let names: Vec<&str> = entries.filter_map(|entry| entry["cveID"].as_str()).collect();
    assert!(!names.is_empty() && told.entries == names.len() as u64);
    for name in &names {
        assert!(list.lists(&Ids::new([name])), "{name:?} is not on the list that names it");
    }
    let absent = "CVE-0000-0000";
    assert!(!list.lists(&Ids::new([absent])) || names.iter().any(|name| Ids::new([name]).meets(&Ids::new([absent]))));
    assert!(!list.lists(&Ids::default()));
    for version in told.version.iter() {
        assert!(!version.contains(hides) && version.chars().count() <= 41 * 10);
    }
    for at in told.released.iter() {
        assert_eq!(at.to_string().parse().as_ref(), Ok(at), "an instant that can be written");
    }
}

/// Any bytes as vendors' statements: each is found for what it is about, and for nothing else; an error repeats nothing.
///
/// # Panics
/// When that does not hold.
pub fn statements(bytes: &[u8]) {
    let reading = match results::reading("fuzz", bytes, Some(Format::OpenVex)) {
        Ok(reading) => reading,
        Err(error) => {
            let told = error.to_string();
            return assert!(!told.is_empty() && !told.contains(hides) && told.len() < 20_000, "{told:?}");
        }
    };
    let all = Statements::of(reading.statements.clone());
    let stranger = Package::parse("pkg:cargo/nobody-says-anything-of-this@0.0.0").expect("a package");
    for statement in &reading.statements {
        assert!(!statement.ids.is_empty());
        let named = if statement.within.is_empty() { &statement.products } else { &statement.within };
        for package in named.iter().filter_map(|named| Package::parse(named).ok()) {
            assert!(all.about(&statement.ids, &package).is_some(), "{package:?}");
            assert_eq!(all.about(&Ids::default(), &package), None);
            // What is said of all versions is said of each.
            let plain = package.version().is_none() && !package.purl().contains(['?', '#', '@']);
            if let Ok(one) = Package::parse(&format!("{}@1.2.3", package.purl()))
                && plain
            {
                assert!(all.about(&statement.ids, &one).is_some(), "{one:?}");
            }
        }
        let about_it = |named: &String| named.contains("nobody-says-anything");
        assert!(
            all.about(&statement.ids, &stranger).is_none()
                || reading.statements.iter().any(|one| one.products.iter().chain(&one.within).any(about_it))
        );
    }
}
