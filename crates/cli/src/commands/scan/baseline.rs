//! What is known already, by fingerprints that hold no value.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use exhibit_collectors::scanning::{Finding, Scanned};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

const VERSION: u32 = 1;

/// A baseline file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Baseline {
    version: u32,
    known: Vec<Known>,
}

/// Findings that look the same without their values.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    fingerprint: String,
    count: usize,
    rule: String,
    path: String,
}

/// SHA-256, in hexadecimal digits, of `[1, rule, path, masked shape]` in JSON. Neither the value nor a line number is in it:
/// it stays when lines move, and a file of them tells nobody a secret.
pub(super) fn fingerprint(finding: &Finding<'_>) -> String {
    let parts = serde_json::json!([VERSION, finding.rule.id, &*finding.path, finding.masked]);
    Sha256::digest(parts.to_string().as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Baseline {
    pub(super) fn read(file: &Path) -> anyhow::Result<Self> {
        let said = || format!("the baseline {}", file.display());
        let text = fs::read(file).with_context(said)?;
        // The reader's own words quote what it found, and that may be anything.
        let baseline: Self = serde_json::from_slice(&text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            anyhow!("{}:{line}:{column}: expected a baseline, as --write-baseline writes it", file.display())
        })?;
        if baseline.version != VERSION {
            bail!(
                "the baseline {} is of version {}, and this program knows {VERSION}",
                file.display(),
                baseline.version
            );
        }
        Ok(baseline)
    }

    /// What a scan found and no remark allows.
    pub(super) fn of(scanned: &Scanned<'_>) -> Self {
        let mut known: BTreeMap<(String, String, String), usize> = BTreeMap::new();
        for finding in scanned.findings.iter().filter(|finding| finding.allowed.is_none()) {
            let key = (finding.path.to_string(), finding.rule.id.clone(), fingerprint(finding));
            *known.entry(key).or_default() += 1;
        }
        let known = known
            .into_iter()
            .map(|((path, rule, fingerprint), count)| Known { fingerprint, count, rule, path })
            .collect();
        Self { version: VERSION, known }
    }

    pub(super) fn write(&self, file: &Path) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        fs::write(file, text).with_context(|| format!("the baseline {}", file.display()))
    }

    pub(super) fn len(&self) -> usize {
        self.known.iter().map(|known| known.count).sum()
    }

    /// Which findings are known, in their order. Where there are more of a kind than are known, it cannot be told which
    /// are new, and all count as new.
    pub(super) fn knows(&self, findings: &[Finding<'_>]) -> Vec<bool> {
        let known: BTreeMap<&str, usize> =
            self.known.iter().map(|known| (known.fingerprint.as_str(), known.count)).collect();
        let prints: Vec<Option<String>> =
            findings.iter().map(|finding| finding.allowed.is_none().then(|| fingerprint(finding))).collect();
        let mut there: BTreeMap<&str, usize> = BTreeMap::new();
        for print in prints.iter().flatten() {
            *there.entry(print).or_default() += 1;
        }
        let is_known = |print: &String| known.get(print.as_str()).is_some_and(|count| there[print.as_str()] <= *count);
        prints.iter().map(|print| print.as_ref().is_some_and(is_known)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &[u8]) -> Result<Baseline, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("known.json");
        fs::write(&file, text).expect("written");
        Baseline::read(&file).map_err(|error| format!("{error:#}"))
    }

    /// Nothing of a file that may hold anything is repeated: here every string is this one.
    const VALUE: &str = "Zq7vX9kQ2";

    fn json() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec!["null", "1", "-1", "1e400", "\"Zq7vX9kQ2\"", "true", "[", "}", ",", ""]);
        let leaf = leaf.prop_map(str::to_owned);
        leaf.prop_recursive(4, 24, 4, |inner| {
            let key = prop::sample::select(vec!["version", "known", "fingerprint", "count", "rule", "path", VALUE]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::vec((key, inner), 0..5).prop_map(|members| {
                    let members: Vec<String> =
                        members.into_iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_no_baseline_is_refused_in_words_of_our_own(text in json()) {
            if let Err(said) = read(text.as_bytes()) {
                prop_assert!(!said.contains("Zq7"), "{said}");
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(read(&bytes).is_err());
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let known = Known { fingerprint: "00".to_owned(), count: 2, rule: "a.b".to_owned(), path: "ä\n".to_owned() };
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("known.json");
        Baseline { version: VERSION, known: vec![known] }.write(&file).expect("written");
        assert_eq!(Baseline::read(&file).expect("read").len(), 2);
        let later = fs::read_to_string(&file).expect("text").replacen('1', "2", 1);
        assert!(read(later.as_bytes()).expect_err("a later version").contains("version 2"));
        assert!(read(b"{\"version\":1,\"known\":[]}").is_ok());
    }
}
