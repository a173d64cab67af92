//! The built-in rules, and the digest that names a set of rules.

use sha2::{Digest, Sha256};

use crate::generic::families;
use crate::rule::Rule;

/// File names and texts of `rules/*.toml`.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/rule_files.rs"));

/// The built-in rules, by file name and then in the files' order.
pub(crate) fn builtin_rules() -> Vec<Rule> {
    FILES
        .iter()
        .flat_map(|(name, text)| Rule::from_toml(text, name).expect("the unit tests read the built-in rules"))
        .collect()
}

/// SHA-256, in hexadecimal, over the code and data by which families, decoders and checks decide.
const FAMILIES: &str = include_str!(concat!(env!("OUT_DIR"), "/families_digest"));

/// SHA-256 over the canonical form of rules, sorted by id, and of the families with the code that finds them.
pub(crate) fn digest(rules: &[Rule]) -> [u8; 32] {
    let mut sorted: Vec<&Rule> = rules.iter().collect();
    sorted.sort_by(|a, b| a.id.cmp(&b.id));
    let mut hash = Sha256::new();
    hash.update(b"exhibit rule pack v2\n");
    for rule in sorted {
        hash.update(b"rule\n");
        rule.canonical(&mut |bytes| hash.update(bytes));
    }
    for family in families() {
        hash.update(b"family\n");
        family.canonical(&mut |bytes| hash.update(bytes));
    }
    hash.update(b"decided by\n");
    hash.update(FAMILIES);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_file_is_readable() {
        for (name, text) in FILES {
            if let Err(error) = Rule::from_toml(text, name) {
                panic!("{error}");
            }
        }
    }

    #[test]
    fn the_digest_names_the_code_that_decides() {
        assert!(FAMILIES.len() == 64 && FAMILIES.bytes().all(|byte| byte.is_ascii_hexdigit()), "{FAMILIES}");
        let bare: [u8; 32] = Sha256::digest(b"exhibit rule pack v2\n").into();
        assert_ne!(digest(&[]), bare, "without rules it still names the families");
    }

    #[test]
    fn at_least_two_hundred_providers_and_four_hundred_rules() {
        let rules = builtin_rules();
        assert!(rules.len() >= 400, "{}", rules.len());
        let providers: std::collections::BTreeSet<_> = rules.iter().map(|r| &r.provider).collect();
        assert!(providers.len() >= 200, "{}", providers.len());
    }
}
