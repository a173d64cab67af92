//! What cases can't show: drawing a sample.

use std::collections::BTreeSet;

use exhibit_evidence::{Digest, EnvironmentId, deployment::Environment, observation::Method};

use super::{WormArchive, conditions, facts::Facts};
use crate::{
    Collector as _, Scope, Settings,
    archived::{ArchiveSource, ReceiptFacts, Seen, StoreFacts, Surrounding},
    cases::CaseClock,
};

/// An archive of so many objects that are all as they should be.
struct Many(u64);

impl ArchiveSource for Many {
    fn store(&self) -> StoreFacts {
        StoreFacts { kind: "in-memory".to_owned(), regulatory_worm: false }
    }

    fn count(&self) -> Result<u64, String> {
        Ok(self.0)
    }

    fn receipts(&self) -> Result<Vec<ReceiptFacts>, String> {
        let receipt = |number| ReceiptFacts {
            key: format!("artifacts/{number:05}"),
            version: "1".to_owned(),
            subject: "artifact".to_owned(),
            digest: Digest::of(b"bytes"),
            size: 5,
            mode: "in-memory".to_owned(),
            retain_until: "2033-11-23T00:00:00.000000Z".parse().expect("an instant"),
            held: false,
            hold_set_again: None,
        };
        Ok((0..self.0).map(receipt).collect())
    }

    fn look(&self, receipt: &ReceiptFacts) -> Result<Seen, String> {
        Ok(Seen::There {
            digest: receipt.digest,
            size: receipt.size,
            mode: receipt.mode.clone(),
            retain_until: receipt.retain_until,
            legal_hold: false,
            masked: false,
        })
    }

    fn surroundings(&self) -> Result<Vec<Surrounding>, String> {
        Ok(Vec::new())
    }
}

fn drawn(of: u64, key: u8) -> (Method, BTreeSet<String>, u64) {
    let environments =
        [Environment { id: EnvironmentId::new("production").expect("an id"), title: String::new(), disposable: false }];
    let archive = Many(of);
    let scope = Scope {
        base: std::path::Path::new("."),
        environments: &environments,
        clock: &CaseClock,
        run_key: &[key; 32],
        engine: exhibit_detect::Engine::builtin(),
        own: crate::own::Own { archive: Some(&archive), ..crate::own::Own::default() },
    };
    let observation = WormArchive.collect(&scope, &Settings::default()).expect("collected").observation;
    let facts: Facts = serde_json::from_value(observation.facts).expect("facts");
    let excluded = observation.population[0].excluded.iter().map(|one| one.count).sum();
    let keys = facts.objects.into_iter().map(|object| object.receipt.key).collect();
    (observation.method, keys, excluded)
}

#[test]
fn a_sample_is_drawn_beyond_a_number_and_can_be_drawn_again() {
    let (method, keys, excluded) = drawn(2_000, 1);
    assert_eq!((method, keys.len(), excluded), (Method::All, 2_000, 0));
    let (method, keys, excluded) = drawn(2_001, 1);
    assert_eq!((keys.len(), excluded), (500, 1_501));
    let Method::Sample { seed, size: 500, statement } = method else { panic!("{method:?}") };
    assert!(statement.contains("2001 object versions") && seed.len() == 64, "{statement}");
    // Anybody can draw it again.
    let mut again: Vec<(String, String)> = (0..2_001)
        .map(|number| {
            let key = format!("artifacts/{number:05}");
            (Digest::of(format!("{seed}\0{key}\x001").as_bytes()).hex(), key)
        })
        .collect();
    again.sort();
    assert_eq!(again.into_iter().take(500).map(|(_, key)| key).collect::<BTreeSet<_>>(), keys);
    assert_ne!(drawn(2_001, 2).1, keys, "another run draws others");
}

#[test]
fn every_condition_is_an_authored_id() {
    for text in [
        conditions::REMOVED,
        conditions::CHANGED,
        conditions::MASKED,
        conditions::UNPROTECTED,
        conditions::MODE,
        conditions::SHORTENED,
        conditions::HOLD_LOST,
        conditions::STORE,
    ] {
        assert_eq!(conditions::id(text).to_string(), text);
        assert!(!conditions::condition(text).title.is_empty());
    }
}
