//! The keys of signed notes and their text forms.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ed25519_dalek::Signer as _;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The algorithm byte of Ed25519 in a key's text form.
const ED25519: u8 = 1;

/// The longest key name that is accepted, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// How the text of a private key begins.
const PRIVATE_PREFIX: &str = "PRIVATE+KEY+";

/// Why a text is not a key. Never carries any part of the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The name is empty, too long, or has a space, a control character or a plus.
    #[error("a key name has 1 to {MAX_NAME_BYTES} bytes, no white space and no `+`")]
    BadName,
    /// Not `name+hash+base64`.
    #[error("not a public key: `name+8 hex digits+base64` was expected")]
    BadVerifierForm,
    /// Not `PRIVATE+KEY+name+hash+base64`.
    #[error("not a private key: `PRIVATE+KEY+name+8 hex digits+base64` was expected")]
    BadSigningForm,
    /// An algorithm other than Ed25519.
    #[error("the key's algorithm is {found}; only Ed25519 (1) is supported")]
    UnknownAlgorithm {
        /// The algorithm byte.
        found: u8,
    },
    /// The key material is no Ed25519 key, or one that anybody can sign for.
    #[error("the key material is not a usable Ed25519 key")]
    BadMaterial,
    /// The hash in the text is not that of name and key: one of the three was changed.
    #[error("the key's hash is {found:08x}, but name and key give {expected:08x}")]
    WrongHash {
        /// The hash that name and key give.
        expected: u32,
        /// The hash in the text.
        found: u32,
    },
}

/// Whether this can be a key's name: not empty, no Unicode white space, no plus, no control
/// character.
pub(super) fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len()) && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// The first four bytes of SHA-256 over name, line feed, algorithm and public key.
fn key_id(name: &str, public: &[u8; 32]) -> u32 {
    let mut hasher = Sha256::new();
    hasher.update(name);
    hasher.update([b'\n', ED25519]);
    hasher.update(public);
    let hash: [u8; 32] = hasher.finalize().into();
    u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
}

/// Splits `name+hash+base64`. Base64 may itself contain a plus, names may not.
fn split_fields(text: &str) -> Option<(&str, u32, &str)> {
    let (name, rest) = text.split_once('+')?;
    let (hash, encoded) = rest.split_once('+')?;
    let plain = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if hash.len() != 8 || !hash.bytes().all(plain) {
        return None;
    }
    Some((name, u32::from_str_radix(hash, 16).ok()?, encoded))
}

/// Algorithm and 32 bytes from a key's base64.
fn decode_material(encoded: &str) -> Option<(u8, Zeroizing<[u8; 32]>)> {
    if encoded.len() > 64 {
        return None;
    }
    let bytes = Zeroizing::new(BASE64.decode(encoded).ok()?);
    let (algorithm, rest) = bytes.split_first()?;
    let material = Zeroizing::new(<[u8; 32]>::try_from(rest).ok()?);
    Some((*algorithm, material))
}

/// A public key with its name. Its text form, a *vkey*, is `name+hash+base64(1 ‖ key)`.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: u32,
    key: ed25519_dalek::VerifyingKey,
}

impl VerifierKey {
    /// A key from its name and its 32 bytes.
    ///
    /// # Errors
    /// When the name or the key is none.
    pub fn new(name: &str, public: &[u8; 32]) -> Result<Self, KeyError> {
        if !is_name(name) {
            return Err(KeyError::BadName);
        }
        let key = ed25519_dalek::VerifyingKey::from_bytes(public)
            .ok()
            .filter(|key| !key.is_weak())
            .ok_or(KeyError::BadMaterial)?;
        Ok(Self { name: name.to_owned(), id: key_id(name, public), key })
    }

    /// Reads a vkey.
    ///
    /// # Errors
    /// When the text is none, or its hash does not fit.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let (name, found, encoded) = split_fields(text).ok_or(KeyError::BadVerifierForm)?;
        let (algorithm, public) = decode_material(encoded).ok_or(KeyError::BadVerifierForm)?;
        if algorithm != ED25519 {
            return Err(KeyError::UnknownAlgorithm { found: algorithm });
        }
        let key = Self::new(name, &public)?;
        if key.id != found {
            return Err(KeyError::WrongHash { expected: key.id, found });
        }
        Ok(key)
    }

    /// The name: for a log's own key, the log's origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The four bytes that signature lines carry.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Whether this signature over these bytes is by this key, by Ed25519's strict rules.
    pub(super) fn verifies(&self, text: &[u8], signature: &[u8]) -> bool {
        ed25519_dalek::Signature::from_slice(signature).is_ok_and(|s| self.key.verify_strict(text, &s).is_ok())
    }
}

impl fmt::Display for VerifierKey {
    /// The vkey.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let material = BASE64.encode([&[ED25519], &self.key.as_bytes()[..]].concat());
        write!(f, "{}+{:08x}+{material}", self.name, self.id)
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

/// A private key with its name. Wiped from memory when dropped; never shown by Debug.
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    verifier: VerifierKey,
}

impl SigningKey {
    /// A key from 32 random bytes (RFC 8032's private key). The caller wipes its own copy.
    ///
    /// # Errors
    /// When the name cannot be a key's name.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let verifier = VerifierKey::new(name, key.verifying_key().as_bytes())?;
        Ok(Self { key, verifier })
    }

    /// Reads `PRIVATE+KEY+name+hash+base64(1 ‖ seed)`, the form of Go's note package.
    ///
    /// # Errors
    /// When the text is none, or its hash does not fit.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let fields = text.strip_prefix(PRIVATE_PREFIX).and_then(split_fields);
        let (name, found, encoded) = fields.ok_or(KeyError::BadSigningForm)?;
        let (algorithm, seed) = decode_material(encoded).ok_or(KeyError::BadSigningForm)?;
        if algorithm != ED25519 {
            return Err(KeyError::UnknownAlgorithm { found: algorithm });
        }
        let key = Self::from_seed(name, &seed)?;
        if key.verifier.id != found {
            return Err(KeyError::WrongHash { expected: key.verifier.id, found });
        }
        Ok(key)
    }

    /// The text for a key file, without a line feed. It is the secret itself: it belongs into a
    /// file that only the service can read, and nowhere else.
    #[must_use]
    pub fn to_secret_text(&self) -> Zeroizing<String> {
        let mut material = Zeroizing::new([0; 33]);
        material[0] = ED25519;
        material[1..].copy_from_slice(self.key.as_bytes());
        let encoded = Zeroizing::new(BASE64.encode(*material));
        let VerifierKey { name, id, .. } = &self.verifier;
        Zeroizing::new(format!("{PRIVATE_PREFIX}{name}+{id:08x}+{}", *encoded))
    }

    /// The public half.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    pub(super) fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.key.sign(text).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(private half of {})", self.verifier)
    }
}
