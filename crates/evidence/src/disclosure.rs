//! Disclosures: values that may one day be masked or erased, while every hash over them stays valid.
//!
//! A record holds only the digest; value and salt lie beside it. The construction is SD-JWT's (RFC 9901 §4.2) with our
//! canonical JSON: SHA-256 over `[salt, path, value]`. Which fields are disclosable is a list in `FORMAT.md`.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{Attestation, Body, CanonicalError, Digest, hold::Hold, to_canonical};

/// The disclosable field that says who looked.
pub const PRINCIPAL: &str = "body.provenance.principal";
/// The disclosable field that says on which host it ran.
pub const HOST: &str = "body.provenance.host";
/// The disclosable field that says who acted: in a case of legal hold, in an attestation, in a waiver, or by erasing names.
pub const PERSON: &str = "body.by.person";
/// The disclosable field that says who answers for what a case holds.
pub const CUSTODIAN: &str = "body.custodian";
/// The disclosable field with the words of whoever attests.
pub const STATEMENT: &str = "body.statement";

/// What a pseudonym calls the value of a disclosable field: the last part of its path.
pub fn kind_of(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

impl Body {
    /// The disclosable fields of this entry, by path: the list in `FORMAT.md` §6.
    pub fn disclosables(&self) -> Vec<(&'static str, Disclosable)> {
        match self {
            Self::Evidence(evidence) => {
                vec![(PRINCIPAL, evidence.provenance.principal), (HOST, evidence.provenance.host)]
            }
            Self::Erasure(erasure) => vec![(PERSON, erasure.by.person)],
            Self::Hold(hold) => {
                let custodian = match **hold {
                    Hold::Place { custodian, .. } => Some((CUSTODIAN, custodian)),
                    _ => None,
                };
                hold.by().map(|by| (PERSON, by.person)).into_iter().chain(custodian).collect()
            }
            Self::Attestation(act) => {
                let statement = match **act {
                    Attestation::Make { statement, .. } => Some((STATEMENT, statement)),
                    _ => None,
                };
                std::iter::once((PERSON, act.by().person)).chain(statement).collect()
            }
            Self::Waiver(act) => vec![(PERSON, act.by().person)],
            _ => Vec::new(),
        }
    }
}

/// The place of a disclosable value in a record: only the salted digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disclosable {
    /// SHA-256 of the canonical `[salt, path, value]`.
    #[serde(rename = "_sd")]
    pub digest: Digest,
}

impl Disclosable {
    /// What a report prints for it: a name that says nothing of the value, the same wherever the digest is the same.
    pub fn pseudonym(&self, kind: &str) -> String {
        format!("{kind}-{}", &self.digest.hex()[..8])
    }
}

/// A disclosable value with its salt: kept beside the ledger, never in it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disclosure {
    /// 128 bits of salt, base64url without padding.
    pub salt: String,
    /// Where in the record the value belongs, `body.provenance.host`.
    pub path: String,
    /// The value.
    pub value: String,
}

impl std::fmt::Debug for Disclosure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disclosure").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Disclosure {
    /// A value to be disclosed at `path`, under 16 random bytes that the caller brings.
    pub fn new(salt: &[u8; 16], path: impl Into<String>, value: impl Into<String>) -> Self {
        Self { salt: BASE64_URL_SAFE_NO_PAD.encode(salt), path: path.into(), value: value.into() }
    }

    /// The canonical `[salt, path, value]`: what the digest is taken of, and what lies encrypted in the archive.
    ///
    /// # Errors
    /// When path or value hold a NUL character.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        to_canonical(&(&self.salt, &self.path, &self.value))
    }

    /// What the record holds in the value's place.
    ///
    /// # Errors
    /// When path or value hold a NUL character.
    pub fn seal(&self) -> Result<Disclosable, CanonicalError> {
        Ok(Disclosable { digest: Digest::of(&self.to_bytes()?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_over_salt_path_and_value() {
        let disclosure = Disclosure::new(&[0; 16], "body.provenance.host", "build-7");
        let expected = Digest::of(br#"["AAAAAAAAAAAAAAAAAAAAAA","body.provenance.host","build-7"]"#);
        assert_eq!(disclosure.seal().expect("sealed").digest, expected);
        assert!(!format!("{disclosure:?}").contains("build-7"));
    }
}
