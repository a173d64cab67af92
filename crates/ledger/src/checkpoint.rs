//! Checkpoints: signed statements of a log's size and root
//! ([C2SP tlog-checkpoint](https://c2sp.org/tlog-checkpoint)).
//!
//! ```text
//! example.org/log
//! 20852163
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! — example.org/log Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
//! ```

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use crate::note::{Note, NoteError, SigningKey, VerifierKey};
use crate::tree::{Frontier, Hash};

/// What a checkpoint states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name, unique for each deployment and fixed at its birth.
    pub origin: String,
    /// How many entries the tree has.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// Why a text is no checkpoint, or none that can be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note around it is malformed or not signed by a trusted key.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// A line of the text is not what the format wants.
    #[error("line {line} of the checkpoint is wrong: {expected} was expected")]
    Line {
        /// Which line, from 1.
        line: usize,
        /// What belongs there.
        expected: &'static str,
    },
    /// It is a checkpoint of another log.
    #[error("the checkpoint is of log {found}, not of {expected}")]
    OtherOrigin {
        /// The origin wanted.
        expected: String,
        /// The origin found.
        found: String,
    },
}

/// A checkpoint in its note: what is stored, published and verified. Signatures by keys that are
/// not ours, such as witnesses' cosignatures, are kept as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl Checkpoint {
    /// What the tree behind this frontier is to be signed as.
    #[must_use]
    pub fn of(origin: impl Into<String>, frontier: &Frontier) -> Self {
        Self { origin: origin.into(), size: frontier.size(), root: frontier.root() }
    }

    /// The text that is signed, of three lines.
    #[must_use]
    pub fn text(&self) -> String {
        let root = BASE64.encode(self.root);
        format!("{}\n{}\n{root}\n", self.origin, self.size)
    }

    /// Reads the text of a checkpoint. Extension lines are allowed and not returned.
    ///
    /// # Errors
    /// When a line is not in its one allowed form.
    pub fn parse_text(text: &str) -> Result<Self, CheckpointError> {
        let wrong = |line, expected| CheckpointError::Line { line, expected };
        let mut lines = text
            .strip_suffix('\n')
            .ok_or_else(|| wrong(text.lines().count().max(1), "a line feed at the end"))?
            .split('\n');
        let mut next = || lines.next().filter(|line| !line.is_empty());
        let origin = next().ok_or_else(|| wrong(1, "the log's origin"))?;
        let size =
            next().and_then(parse_decimal).ok_or_else(|| wrong(2, "the size in decimal, without leading zeros"))?;
        let root = next().and_then(parse_hash).ok_or_else(|| wrong(3, "the root hash, 32 bytes in base64"))?;
        match (4..).zip(lines).find(|(_, line)| line.is_empty()) {
            Some((line, _)) => Err(wrong(line, "an extension line that is not empty")),
            None => Ok(Self { origin: origin.to_owned(), size, root }),
        }
    }

    /// Signs this checkpoint; by two keys when one follows the other.
    ///
    /// # Errors
    /// When the origin has characters that a note cannot carry.
    pub fn sign(self, keys: &[&SigningKey]) -> Result<SignedCheckpoint, CheckpointError> {
        let note = Note::sign(self.text(), keys)?;
        // An origin with a line feed, or an empty one, would be read back as something else.
        if Self::parse_text(note.text()).ok().as_ref() != Some(&self) {
            let expected = "the log's origin";
            return Err(CheckpointError::Line { line: 1, expected });
        }
        Ok(SignedCheckpoint { checkpoint: self, note })
    }
}

impl SignedCheckpoint {
    /// Reads a signed checkpoint without believing it.
    ///
    /// # Errors
    /// When the bytes are no signed note, or its text is no checkpoint.
    pub fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let note = Note::parse(bytes)?;
        let checkpoint = Checkpoint::parse_text(note.text())?;
        Ok(Self { checkpoint, note })
    }

    /// The note's bytes, as they were read or signed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.note.to_bytes()
    }

    /// The statement, if this log (`origin`) made it and one of the keys signed it.
    ///
    /// # Errors
    /// When the origin is another, a known key's signature does not hold, or none is by a known
    /// key.
    pub fn verify<'k>(
        &self,
        origin: &str,
        known: impl IntoIterator<Item = &'k VerifierKey>,
    ) -> Result<&Checkpoint, CheckpointError> {
        self.note.verify(known)?;
        if self.checkpoint.origin != origin {
            return Err(CheckpointError::OtherOrigin {
                expected: origin.to_owned(),
                found: self.checkpoint.origin.clone(),
            });
        }
        Ok(&self.checkpoint)
    }

    /// What it says, believed or not.
    #[must_use]
    pub fn unverified(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note around it.
    #[must_use]
    pub fn note(&self) -> &Note {
        &self.note
    }
}

/// A decimal number in its only form: digits, no sign, no leading zeros.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

/// A hash in its only base64 form.
pub(crate) fn parse_hash(text: &str) -> Option<Hash> {
    (text.len() == 44).then(|| BASE64.decode(text).ok()?.try_into().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tlog_tiles::Checkpoint as TheirCheckpoint;

    use super::*;

    const ORIGIN: &str = "example.org/log";

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(ORIGIN, &[seed; 32]).unwrap()
    }

    fn checkpoint() -> Checkpoint {
        let mut frontier = Frontier::new();
        frontier.append_all([[1; 32], [2; 32], [3; 32]]);
        Checkpoint::of(ORIGIN, &frontier)
    }

    #[test]
    fn a_signed_checkpoint_is_read_back_and_verified() {
        let signed = checkpoint().sign(&[&key(1)]).unwrap();
        let read = SignedCheckpoint::parse(&signed.to_bytes()).unwrap();
        assert_eq!(read, signed);
        assert_eq!(read.verify(ORIGIN, [key(1).verifier()]), Ok(&checkpoint()));
        assert!(read.verify(ORIGIN, [key(2).verifier()]).is_err());
        assert_eq!(
            read.verify("example.org/other", [key(1).verifier()]),
            Err(CheckpointError::OtherOrigin { expected: "example.org/other".into(), found: ORIGIN.into() })
        );
    }

    #[test]
    fn witnesses_and_extension_lines_survive() {
        let text = format!("{}extension 1\n", checkpoint().text());
        let witness = SigningKey::from_seed("witness", &[7; 32]).unwrap();
        let bytes = Note::sign(text, &[&key(1), &witness]).unwrap().to_bytes();
        let read = SignedCheckpoint::parse(&bytes).unwrap();
        assert_eq!(read.verify(ORIGIN, [key(1).verifier()]), Ok(&checkpoint()));
        assert_eq!(read.to_bytes(), bytes);
        assert_eq!(read.note().signatures().len(), 2);
    }

    #[test]
    fn only_the_one_form_is_read() {
        let root = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let cases = [
            (String::new(), 1),
            (format!("\n3\n{root}\n"), 1),
            (format!("o\n03\n{root}\n"), 2),
            (format!("o\n+3\n{root}\n"), 2),
            (format!("o\n\n{root}\n"), 2),
            (format!("o\n18446744073709551616\n{root}\n"), 2),
            ("o\n3\n".to_owned(), 3),
            ("o\n3\nAAAA\n".to_owned(), 3),
            (format!("o\n3\n{}B=\n", &root[..42]), 3),
            (format!("o\n3\n{root}\n\nx\n"), 4),
            (format!("o\n3\n{root}"), 3),
        ];
        for (text, expected) in cases {
            match Checkpoint::parse_text(&text) {
                Err(CheckpointError::Line { line, .. }) => assert_eq!(line, expected, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        let bad = Checkpoint { origin: "two\nlines".into(), ..checkpoint() };
        assert!(bad.sign(&[&key(1)]).is_err());
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "(.|\n){0,120}") {
            let _ = Checkpoint::parse_text(&text);
            let _ = SignedCheckpoint::parse(text.as_bytes());
        }

        #[test]
        fn tlog_tiles_reads_what_we_write(size in 0..=i64::MAX as u64, root: [u8; 32]) {
            let ours = Checkpoint { origin: ORIGIN.into(), size, root };
            prop_assert_eq!(Checkpoint::parse_text(&ours.text()).unwrap(), ours.clone());
            let theirs = TheirCheckpoint::from_bytes(ours.text().as_bytes()).unwrap();
            prop_assert_eq!(theirs.size(), size);
            prop_assert_eq!(theirs.hash().0, root);
        }
    }
}
