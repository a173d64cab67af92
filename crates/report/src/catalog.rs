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
            let check = collector.checks.iter().find(|check| check.id == *id || check.aliases.contains(id))?;
            Some((collector, check))
        })
    }

    /// The present name of a check: renaming never forks its history.
    pub fn present_name(&self, id: &CheckId) -> CheckId {
        self.check(id).map_or_else(|| id.clone(), |(_, check)| check.id.clone())
    }

    /// Every check with its collector.
    pub fn checks(&self) -> impl Iterator<Item = (&CollectorManifest, &CheckManifest)> {
        self.collectors.iter().flat_map(|collector| collector.checks.iter().map(move |check| (collector, check)))
    }
}

/// A built-in framework catalog that can't be read: a fault of this version, found by its tests.
#[derive(Debug, thiserror::Error)]
#[error("framework catalog {file}: {message}")]
pub struct FrameworkError {
    /// The file.
    pub file: &'static str,
    /// What is wrong with it.
    pub message: String,
}

/// The frameworks that come with this version: `soc2-2017` and `iso27001-2022`.
///
/// # Errors
/// When a built-in catalog can't be read, or names a requirement twice.
pub fn frameworks() -> Result<Vec<Framework>, FrameworkError> {
    const FILES: [(&str, &str); 2] = [
        ("soc2-2017.toml", include_str!("../frameworks/soc2-2017.toml")),
        ("iso27001-2022.toml", include_str!("../frameworks/iso27001-2022.toml")),
    ];
    FILES
        .into_iter()
        .map(|(file, text)| {
            let refused = |message: String| FrameworkError { file, message };
            let framework: Framework = toml::from_str(text).map_err(|error| refused(error.to_string()))?;
            let mut seen = std::collections::BTreeSet::new();
            match framework.requirements.iter().find(|requirement| !seen.insert(&requirement.id)) {
                Some(twice) => Err(refused(format!("requirement {} stands twice", twice.id))),
                None => Ok(framework),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_frameworks_can_be_read() {
        let frameworks = frameworks().expect("built in");
        let ids: Vec<_> = frameworks.iter().map(|f| f.id.as_str()).collect();
        assert_eq!(ids, ["soc2-2017", "iso27001-2022"]);
        let has = |framework: usize, id: &str| {
            frameworks[framework].requirements.iter().any(|requirement| requirement.id == id)
        };
        assert!(has(0, "CC6.1") && has(1, "A.5.17"));
        for framework in &frameworks {
            assert!(!framework.source.contains('\n'), "{}", framework.source);
        }
    }
}
