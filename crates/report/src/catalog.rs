//! What the fold needs to know beside the ledger: the checks' titles and the frameworks' requirements.

use exhibit_evidence::{
    CheckId,
    catalog::{CheckManifest, CollectorManifest},
};
use serde::{Deserialize, Serialize};

/// Collectors and frameworks as this version knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// The manifests of all collectors.
    pub collectors: Vec<CollectorManifest>,
    /// The frameworks that reports refer to.
    pub frameworks: Vec<Framework>,
}

/// A framework: every requirement it has, also those that nothing automates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// Its id: `soc2-2017`.
    pub id: String,
    /// Its title with its version.
    pub title: String,
    /// Where its ids are published, and how far they were checked.
    pub source: String,
    /// Its requirements, in its own order.
    pub requirements: Vec<Requirement>,
}

/// A requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Its id: `CC6.1`.
    pub id: String,
    /// Its title, in our own words.
    pub title: String,
}

impl Catalog {
    /// The check of that id, by its present or an earlier name, with its collector.
    pub fn check(&self, id: &CheckId) -> Option<(&CollectorManifest, &CheckManifest)> {
        self.collectors.iter().find_map(|collector| {
            let check = collector
                .checks
                .iter()
                .find(|check| check.id == *id || check.aliases.contains(id))?;
            Some((collector, check))
        })
    }

    /// The present name of a check: renaming never forks its history.
    pub fn present_name(&self, id: &CheckId) -> CheckId {
        self.check(id)
            .map_or_else(|| id.clone(), |(_, check)| check.id.clone())
    }

    /// Every check with its collector.
    pub fn checks(&self) -> impl Iterator<Item = (&CollectorManifest, &CheckManifest)> {
        self.collectors
            .iter()
            .flat_map(|collector| collector.checks.iter().map(move |check| (collector, check)))
    }
}
