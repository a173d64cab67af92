//! Signed notes: a text and signatures over it
//! ([C2SP signed-note](https://c2sp.org/signed-note), as in Go's `golang.org/x/mod/sumdb/note`).
//!
//! ```text
//! first line of the text
//! more lines
//!
//! — example.org/log Az3grl… (base64 of four bytes of key id and the signature)
//! ```
//!
//! Only Ed25519 (algorithm byte 1) is signed and verified here. Lines by other keys are carried
//! along and ignored: that is where witnesses put their cosignatures.

mod key;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

pub use key::{KeyError, SigningKey, VerifierKey};

/// The largest note that is read, in bytes, signatures included.
pub const MAX_NOTE_BYTES: usize = 1 << 20;

/// The most signature lines that are read.
pub const MAX_SIGNATURES: usize = 64;

/// The longest signature in one line, in bytes before base64, key id included: room for
/// post-quantum cosignatures.
const MAX_SIGNATURE_BYTES: usize = 16 << 10;

/// How a signature line begins: an em dash and a space.
const SIGNATURE_PREFIX: &str = "\u{2014} ";

/// Why a note is not one, or says nothing that can be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Larger than [`MAX_NOTE_BYTES`].
    #[error("the note has {found} bytes, more than the {MAX_NOTE_BYTES} allowed")]
    TooLarge {
        /// Bytes found.
        found: usize,
    },
    /// Not UTF-8.
    #[error("the note is not UTF-8 (byte {at})")]
    NotUtf8 {
        /// Offset of the first wrong byte.
        at: usize,
    },
    /// An ASCII control character other than the line feed.
    #[error("the note has a control character (byte {at})")]
    ControlCharacter {
        /// Offset of the character.
        at: usize,
    },
    /// A text to be signed is empty or does not end with a line feed.
    #[error("a note's text must end with a line feed")]
    UnfinishedText,
    /// There is no empty line followed by signature lines.
    #[error("the note has no signatures: an empty line and signature lines must end it")]
    NoSignatures,
    /// More than [`MAX_SIGNATURES`].
    #[error("the note has more than {MAX_SIGNATURES} signature lines")]
    TooManySignatures,
    /// A line after the text is not `— name base64`.
    #[error("signature line {line} is malformed; `\u{2014} name base64` was expected")]
    MalformedSignature {
        /// Which signature line, from 1.
        line: usize,
    },
    /// A signature by a key that the caller knows does not hold.
    #[error("the signature of known key {name} does not hold: text or signature was changed")]
    BadSignature {
        /// The name of the key.
        name: String,
    },
    /// No signature is by a key that the caller knows.
    #[error("no signature is by a trusted key; the note was signed by {}", .signers.join(", "))]
    NoTrustedSignature {
        /// Names and key ids on the note, as claimed.
        signers: Vec<String>,
    },
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    name: String,
    id: u32,
    bytes: Vec<u8>,
}

impl Signature {
    /// The key name on the line, as claimed.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key id on the line, as claimed.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(SIGNATURE_PREFIX)?.split_once(' ')?;
        if !key::is_name(name) || encoded.len() > MAX_SIGNATURE_BYTES.div_ceil(3) * 4 {
            return None;
        }
        let bytes = BASE64.decode(encoded).ok()?;
        let (id, bytes) = bytes.split_first_chunk::<4>()?;
        if bytes.is_empty() {
            return None;
        }
        Some(Self { name: name.to_owned(), id: u32::from_be_bytes(*id), bytes: bytes.to_vec() })
    }

    fn line(&self) -> String {
        let encoded = BASE64.encode([&self.id.to_be_bytes()[..], &self.bytes].concat());
        format!("{SIGNATURE_PREFIX}{} {encoded}\n", self.name)
    }
}

/// A text with its signatures, read but not believed: only [`Note::verify`] says who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

impl Note {
    /// Signs a text, which must end with a line feed.
    ///
    /// # Errors
    /// When the text cannot be a note's text.
    pub fn sign(text: impl Into<String>, keys: &[&SigningKey]) -> Result<Self, NoteError> {
        let text = text.into();
        check_characters(&text)?;
        if !text.ends_with('\n') {
            return Err(NoteError::UnfinishedText);
        }
        let mut note = Self { text, signatures: Vec::new() };
        keys.iter().try_for_each(|key| note.add_signature(key))?;
        Ok(note)
    }

    /// Adds one more signature below the others.
    ///
    /// # Errors
    /// When there are [`MAX_SIGNATURES`] already.
    pub fn add_signature(&mut self, key: &SigningKey) -> Result<(), NoteError> {
        if self.signatures.len() >= MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures);
        }
        self.signatures.push(Signature {
            name: key.verifier().name().to_owned(),
            id: key.verifier().id(),
            bytes: key.sign(self.text.as_bytes()).to_vec(),
        });
        Ok(())
    }

    /// Reads a note. What this returns, [`Note::to_bytes`] writes with the same bytes.
    ///
    /// # Errors
    /// When the bytes are no signed note.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLarge { found: bytes.len() });
        }
        let whole = std::str::from_utf8(bytes).map_err(|e| NoteError::NotUtf8 { at: e.valid_up_to() })?;
        check_characters(whole)?;
        let text_end = whole.rfind("\n\n").ok_or(NoteError::NoSignatures)? + 1;
        let (text, rest) = whole.split_at(text_end);
        let lines = rest[1..].strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
        if lines.split('\n').count() > MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures);
        }
        let signatures = (1..)
            .zip(lines.split('\n'))
            .map(|(line, s)| Signature::parse(s).ok_or(NoteError::MalformedSignature { line }))
            .collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The whole note: text, empty line, signature lines.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = format!("{}\n", self.text);
        out.extend(self.signatures.iter().map(Signature::line));
        out.into_bytes()
    }

    /// The signed text, with its last line feed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines in order, believed or not.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Which of the `known` keys signed this text. Signatures by other keys are ignored.
    ///
    /// # Errors
    /// When a signature by a known key does not hold, or none is by a known key.
    pub fn verify<'k>(
        &self,
        known: impl IntoIterator<Item = &'k VerifierKey>,
    ) -> Result<Vec<&'k VerifierKey>, NoteError> {
        let mut signed = Vec::new();
        for key in known {
            let mut by_key = self.signatures.iter().filter(|s| s.id == key.id() && s.name == key.name()).peekable();
            if by_key.peek().is_none() {
                continue;
            }
            if !by_key.all(|s| key.verifies(self.text.as_bytes(), &s.bytes)) {
                return Err(NoteError::BadSignature { name: key.name().to_owned() });
            }
            signed.push(key);
        }
        if signed.is_empty() {
            return Err(NoteError::NoTrustedSignature {
                signers: self.signatures.iter().map(|s| format!("{}+{:08x}", s.name, s.id)).collect(),
            });
        }
        Ok(signed)
    }
}

fn check_characters(text: &str) -> Result<(), NoteError> {
    match text.bytes().position(|b| b < 0x20 && b != b'\n') {
        Some(at) => Err(NoteError::ControlCharacter { at }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
