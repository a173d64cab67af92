//! Which keys may speak for a log, and until when.
//!
//! A caller pins one key. Each rotation is a statement signed by the old key and the new one, kept
//! as an entry of kind `key` in the ledger itself; from the pinned key, verification walks along
//! these statements in both directions. So a report sealed by a key long retired still verifies
//! for whoever pins today's, and the other way round.
//!
//! ```text
//! example.org/log/key-rotation
//! 1048576                        (checkpoints up to this size may be by the old key)
//! example.org/log+0d9c1d4e+AX…   (the old key)
//! example.org/log+a1b2c3d4+AY…   (the new key, from this size on)
//!
//! — example.org/log DZwd…
//! — example.org/log obLD…
//! ```

use crate::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint, parse_decimal};
use crate::note::{KeyError, Note, NoteError, SigningKey, VerifierKey};

/// The most rotations that are walked.
pub const MAX_ROTATIONS: usize = 4096;

/// What follows the origin in a rotation's first line, so that no checkpoint can be taken for one.
const DOMAIN: &str = "/key-rotation";

/// One key handing over to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The log.
    pub origin: String,
    /// The ledger's size at the hand-over: the old key signs checkpoints up to it, the new key from
    /// it on, and that of exactly this size both.
    pub size: u64,
    /// The key that leaves.
    pub old: VerifierKey,
    /// The key that comes.
    pub new: VerifierKey,
}

/// Why a rotation is none, or the keys do not form one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    /// The note is malformed, or a signature is missing or does not hold.
    #[error("rotation statement: {0}")]
    Note(#[from] NoteError),
    /// One of the two keys in the text is malformed.
    #[error("rotation statement: {0}")]
    Key(#[from] KeyError),
    /// The text is not that of a rotation.
    #[error("line {line} of the rotation statement is wrong: {expected} was expected")]
    Line {
        /// Which line, from 1.
        line: usize,
        /// What belongs there.
        expected: &'static str,
    },
    /// Only one of the two keys signed.
    #[error("the rotation statement is not signed by both keys")]
    OneSigned,
    /// Old and new key are the same.
    #[error("the rotation statement names the same key twice")]
    SameKey,
    /// Two rotations leave from one key, or arrive at one: the line of keys forks.
    #[error("the line of keys forks at {key}: two rotations {direction} it")]
    Fork {
        /// The vkey at the fork.
        key: String,
        /// `leave` or `reach`.
        direction: &'static str,
    },
    /// A later rotation happens at a smaller size than the one before it.
    #[error("the rotations are out of order: size {later} comes after size {earlier}")]
    OutOfOrder {
        /// Size of the rotation that should be smaller.
        earlier: u64,
        /// Size of the rotation that should be larger.
        later: u64,
    },
    /// The statement's size is not that of its own entry: it was taken from another place, or another ledger.
    #[error("the rotation statement is for the entry before size {size}, but it stands at entry {seq}")]
    Elsewhere {
        /// The size in the statement.
        size: u64,
        /// The entry's position.
        seq: u64,
    },
    /// A rotation that neither leads to the pinned key nor away from it.
    #[error("the rotation from {old} does not belong to the line of the key that is trusted")]
    Apart {
        /// The vkey that it leaves.
        old: String,
    },
    /// No canonical list of statements.
    #[error("no list of rotation statements: canonical JSON was expected, as a bundle keeps it in keys.rotations")]
    NoList,
    /// More than [`MAX_ROTATIONS`].
    #[error("more than {MAX_ROTATIONS} rotations")]
    TooMany,
}

impl Rotation {
    /// The statement of a hand-over, signed by both keys: what goes into the ledger.
    ///
    /// # Errors
    /// When the keys are the same, or the origin cannot stand in a note.
    pub fn sign(origin: &str, size: u64, old: &SigningKey, new: &SigningKey) -> Result<Note, RotationError> {
        let text = format!("{origin}{DOMAIN}\n{size}\n{}\n{}\n", old.verifier(), new.verifier());
        let note = Note::sign(text, &[old, new])?;
        Self::read(&note)?;
        Ok(note)
    }

    /// Reads a statement, and checks that both keys it names signed it. Whether either is to be
    /// trusted is for [`KeyHistory::walk`] to say.
    ///
    /// # Errors
    /// When it is malformed, or not signed by both.
    pub fn parse(bytes: &[u8]) -> Result<Self, RotationError> {
        Self::read(&Note::parse(bytes)?)
    }

    /// Reads the statement of the `key` entry at position `seq`.
    ///
    /// # Errors
    /// As [`Rotation::parse`], and when its size is not the one that the entry brings the ledger to.
    pub fn of_entry(statement: &str, seq: u64) -> Result<Self, RotationError> {
        let rotation = Self::parse(statement.as_bytes())?;
        if Some(rotation.size) == seq.checked_add(1) {
            return Ok(rotation);
        }
        Err(RotationError::Elsewhere { size: rotation.size, seq })
    }

    fn read(note: &Note) -> Result<Self, RotationError> {
        let wrong = |line, expected| RotationError::Line { line, expected };
        let lines: Vec<_> = note.text().lines().collect();
        let [origin, size, old, new] = lines[..] else {
            return Err(wrong(lines.len().min(5), "four lines in all"));
        };
        let origin = origin
            .strip_suffix(DOMAIN)
            .filter(|origin| !origin.is_empty())
            .ok_or_else(|| wrong(1, "the origin and `/key-rotation`"))?;
        let size = parse_decimal(size).ok_or_else(|| wrong(2, "a size in decimal"))?;
        let (old, new) = (VerifierKey::parse(old)?, VerifierKey::parse(new)?);
        if old == new {
            return Err(RotationError::SameKey);
        }
        if note.verify([&old, &new])?.len() != 2 {
            return Err(RotationError::OneSigned);
        }
        Ok(Self { origin: origin.to_owned(), size, old, new })
    }
}

/// The texts in a list of rotation statements, as a bundle's `keys.rotations` and a deployment keep it: a canonical JSON
/// list. None where it is something else or longer than [`MAX_ROTATIONS`].
pub(crate) fn statements(bytes: &[u8]) -> Option<Vec<String>> {
    let value = exhibit_evidence::parse_canonical(bytes).ok()?;
    serde_json::from_value(value).ok().filter(|texts: &Vec<String>| texts.len() <= MAX_ROTATIONS)
}

/// Reads such a list.
///
/// # Errors
/// When it is none, or a statement in it is not signed by both its keys.
pub fn parse_rotations(bytes: &[u8]) -> Result<Vec<Rotation>, RotationError> {
    let texts = statements(bytes).ok_or(RotationError::NoList)?;
    texts.iter().map(|text| Rotation::parse(text.as_bytes())).collect()
}

/// Writes such a list.
///
/// # Errors
/// When a statement holds a NUL.
pub fn write_rotations(statements: &[Note]) -> Result<Vec<u8>, exhibit_evidence::CanonicalError> {
    let text = |note: &Note| String::from_utf8_lossy(&note.to_bytes()).into_owned();
    exhibit_evidence::to_canonical(&statements.iter().map(text).collect::<Vec<_>>())
}

/// A key and the sizes of checkpoints that it may sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyWindow {
    /// The key.
    pub key: VerifierKey,
    /// From checkpoints of this size on.
    pub from_size: u64,
    /// Up to and including checkpoints of this size; `None` for the key in use.
    pub until_size: Option<u64>,
}

impl KeyWindow {
    /// Whether the key may sign a checkpoint of this size.
    #[must_use]
    pub fn covers(&self, size: u64) -> bool {
        self.from_size <= size && self.until_size.is_none_or(|until| size <= until)
    }

    /// The sizes in words: `from size 12 to 40`.
    #[must_use]
    pub fn sizes(&self) -> String {
        match self.until_size {
            Some(until) => format!("from size {} to {until}", self.from_size),
            None => format!("from size {} on", self.from_size),
        }
    }
}

/// Why a checkpoint is not one of the log whose keys these are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyUseError {
    /// None of the log's keys signed it, or it is another log's.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A key of the log signed it that may not sign at this size.
    #[error("it is signed by {key}, which may sign checkpoints {window} only, not size {size}")]
    OutsideWindow {
        /// The vkey.
        key: String,
        /// The sizes that the key may sign, in words.
        window: String,
        /// The checkpoint's size.
        size: u64,
    },
    /// The checkpoint of a hand-over bears one signature only.
    #[error("the key changes at size {size}, but {key} did not sign the checkpoint")]
    NotByBoth {
        /// The checkpoint's size.
        size: u64,
        /// The vkey that is missing.
        key: String,
    },
}

/// The keys of one log that follow from a pinned one, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHistory {
    origin: String,
    windows: Vec<KeyWindow>,
}

impl KeyHistory {
    /// Walks from the pinned key along the rotations of log `origin`, in whatever order they come
    /// and however often each does. Rotations of other logs, and such that do not connect to the
    /// pinned key, lend no trust and are left out.
    ///
    /// # Errors
    /// When the line of keys forks or its sizes are out of order: nothing is trusted then.
    pub fn walk(origin: &str, pinned: &VerifierKey, rotations: &[Rotation]) -> Result<Self, RotationError> {
        if rotations.len() > MAX_ROTATIONS {
            return Err(RotationError::TooMany);
        }
        let mut known: Vec<&Rotation> = Vec::new();
        for rotation in rotations.iter().filter(|r| r.origin == origin) {
            if !known.contains(&rotation) {
                known.push(rotation);
            }
        }
        let mut line = std::collections::VecDeque::new();
        let mut at = pinned;
        while let Some(next) = only(&known, at, "leave", |r| &r.old)? {
            at = &next.new;
            line.push_back(next);
            refuse_circle(&line, known.len(), at)?;
        }
        at = pinned;
        while let Some(previous) = only(&known, at, "reach", |r| &r.new)? {
            at = &previous.old;
            line.push_front(previous);
            refuse_circle(&line, known.len(), at)?;
        }

        let mut windows = vec![KeyWindow { key: at.clone(), from_size: 0, until_size: None }];
        for rotation in line {
            let leaving = windows.last_mut().expect("it begins with one window");
            if rotation.size < leaving.from_size {
                return Err(RotationError::OutOfOrder { earlier: leaving.from_size, later: rotation.size });
            }
            leaving.until_size = Some(rotation.size);
            windows.push(KeyWindow { key: rotation.new.clone(), from_size: rotation.size, until_size: None });
        }
        Ok(Self { origin: origin.to_owned(), windows })
    }

    /// As [`KeyHistory::walk`], for rotations that must all belong to the pinned key's line: those of a whole ledger.
    ///
    /// # Errors
    /// Also when one does not.
    pub fn walk_all(origin: &str, pinned: &VerifierKey, rotations: &[Rotation]) -> Result<Self, RotationError> {
        let history = Self::walk(origin, pinned, rotations)?;
        let leaves = |rotation: &&Rotation| history.windows.iter().any(|window| window.key == rotation.old);
        match rotations.iter().find(|rotation| rotation.origin != origin || !leaves(rotation)) {
            Some(apart) => Err(RotationError::Apart { old: apart.old.to_string() }),
            None => Ok(history),
        }
    }

    /// The key in use: the last of the line.
    ///
    /// # Panics
    /// Never: a line has at least the pinned key.
    #[must_use]
    pub fn current(&self) -> &KeyWindow {
        self.windows.last().expect("a line has at least the pinned key")
    }

    /// The checkpoint's statement, if the keys that may sign at its size did: one of them, and at a hand-over both.
    ///
    /// # Errors
    /// When they did not, or it is another log's.
    pub fn verify<'s>(&self, signed: &'s SignedCheckpoint) -> Result<&'s Checkpoint, KeyUseError> {
        let size = signed.unverified().size;
        let signed_by = |key: &VerifierKey| signed.note().verify([key]).is_ok();
        let checkpoint = match signed.verify(&self.origin, self.keys_at(size)) {
            Ok(checkpoint) => checkpoint,
            Err(error) => {
                let other = self.windows.iter().find(|window| !window.covers(size) && signed_by(&window.key));
                return Err(other.map_or(KeyUseError::Checkpoint(error), |window| KeyUseError::OutsideWindow {
                    key: window.key.to_string(),
                    window: window.sizes(),
                    size,
                }));
            }
        };
        match self.keys_at(size).find(|key| !signed_by(key)) {
            Some(key) => Err(KeyUseError::NotByBoth { size, key: key.to_string() }),
            None => Ok(checkpoint),
        }
    }

    /// Every key with its window, oldest first.
    #[must_use]
    pub fn windows(&self) -> &[KeyWindow] {
        &self.windows
    }

    /// The keys that may sign a checkpoint of this size: one, or two at a hand-over.
    pub fn keys_at(&self, size: u64) -> impl Iterator<Item = &VerifierKey> {
        self.windows.iter().filter(move |w| w.covers(size)).map(|w| &w.key)
    }
}

/// The one rotation whose key on this side is `key`.
fn only<'r>(
    rotations: &[&'r Rotation],
    key: &VerifierKey,
    direction: &'static str,
    side: fn(&Rotation) -> &VerifierKey,
) -> Result<Option<&'r Rotation>, RotationError> {
    let mut found = rotations.iter().filter(|r| side(r) == key);
    let first = found.next().copied();
    match found.next() {
        None => Ok(first),
        Some(_) => Err(RotationError::Fork { key: key.to_string(), direction }),
    }
}

/// A line longer than there are rotations walks in a circle.
fn refuse_circle(
    line: &std::collections::VecDeque<&Rotation>,
    known: usize,
    at: &VerifierKey,
) -> Result<(), RotationError> {
    if line.len() > known {
        return Err(RotationError::Fork { key: at.to_string(), direction: "reach" });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "example.org/log";

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(ORIGIN, &[seed; 32]).unwrap()
    }

    fn rotation(size: u64, old: u8, new: u8) -> Rotation {
        let note = Rotation::sign(ORIGIN, size, &key(old), &key(new)).unwrap();
        Rotation::parse(&note.to_bytes()).unwrap()
    }

    fn windows(pinned: u8, rotations: &[Rotation]) -> Vec<(VerifierKey, u64, Option<u64>)> {
        let history = KeyHistory::walk(ORIGIN, key(pinned).verifier(), rotations).unwrap();
        let plain = |w: &KeyWindow| (w.key.clone(), w.from_size, w.until_size);
        history.windows().iter().map(plain).collect()
    }

    #[test]
    fn from_any_pinned_key_the_whole_line_is_trusted() {
        let rotations = [rotation(300, 2, 3), rotation(100, 1, 2), rotation(100, 1, 2)];
        let expected = vec![
            (key(1).verifier().clone(), 0, Some(100)),
            (key(2).verifier().clone(), 100, Some(300)),
            (key(3).verifier().clone(), 300, None),
        ];
        for pinned in 1..=3 {
            assert_eq!(windows(pinned, &rotations), expected);
        }
        let history = KeyHistory::walk(ORIGIN, key(1).verifier(), &rotations).unwrap();
        let at = |size| history.keys_at(size).cloned().collect::<Vec<_>>();
        assert_eq!(at(99), [key(1).verifier().clone()]);
        assert_eq!(at(100), [key(1).verifier().clone(), key(2).verifier().clone()]);
        assert_eq!(at(101), [key(2).verifier().clone()]);
    }

    #[test]
    fn a_checkpoint_counts_only_by_the_keys_of_its_size() {
        let history = KeyHistory::walk(ORIGIN, key(3).verifier(), &[rotation(100, 1, 2), rotation(300, 2, 3)]).unwrap();
        let verdict = |size, seeds: &[u8]| {
            let keys: Vec<_> = seeds.iter().map(|seed| key(*seed)).collect();
            let checkpoint = Checkpoint { origin: ORIGIN.into(), size, root: [0; 32] };
            let signed = checkpoint.sign(&keys.iter().collect::<Vec<_>>()).unwrap();
            match history.verify(&signed) {
                Ok(_) => "holds",
                Err(KeyUseError::Checkpoint(_)) => "unknown",
                Err(KeyUseError::OutsideWindow { .. }) => "outside",
                Err(KeyUseError::NotByBoth { .. }) => "one",
            }
        };
        let cases: [(u64, &[u8], &str); 10] = [
            (99, &[1], "holds"),
            (99, &[2], "outside"),
            (100, &[1], "one"),
            (100, &[2], "one"),
            (100, &[1, 2], "holds"),
            (101, &[1], "outside"),
            (101, &[2], "holds"),
            (301, &[3], "holds"),
            (301, &[2], "outside"),
            (301, &[9], "unknown"),
        ];
        for (size, seeds, expected) in cases {
            assert_eq!(verdict(size, seeds), expected, "size {size} signed by {seeds:?}");
        }
        assert_eq!(history.current().key, *key(3).verifier());
    }

    #[test]
    fn a_ledgers_rotations_all_belong_to_one_line_and_their_place() {
        let walk = |rotations: &[Rotation]| KeyHistory::walk_all(ORIGIN, key(1).verifier(), rotations);
        assert!(walk(&[rotation(5, 1, 2), rotation(9, 2, 3)]).is_ok());
        assert!(matches!(walk(&[rotation(5, 1, 2), rotation(9, 8, 9)]), Err(RotationError::Apart { .. })));
        let note = Rotation::sign("another", 5, &key(1), &key(2)).unwrap();
        let other = Rotation::parse(&note.to_bytes()).unwrap();
        assert!(matches!(walk(&[other]), Err(RotationError::Apart { .. })));

        let statement = String::from_utf8(Rotation::sign(ORIGIN, 5, &key(1), &key(2)).unwrap().to_bytes()).unwrap();
        assert_eq!(Rotation::of_entry(&statement, 4), Ok(rotation(5, 1, 2)));
        assert_eq!(Rotation::of_entry(&statement, 5), Err(RotationError::Elsewhere { size: 5, seq: 5 }));
    }

    #[test]
    fn what_does_not_connect_lends_no_trust() {
        let elsewhere = [rotation(100, 8, 9)];
        assert_eq!(windows(1, &elsewhere), [(key(1).verifier().clone(), 0, None)]);
        let note = Rotation::sign("another", 5, &key(1), &key(2)).unwrap();
        let other_log = [Rotation::parse(&note.to_bytes()).unwrap()];
        assert_eq!(windows(1, &other_log), [(key(1).verifier().clone(), 0, None)]);
    }

    #[test]
    fn forks_circles_and_disorder_are_refused() {
        let walk = |rotations: &[Rotation]| KeyHistory::walk(ORIGIN, key(1).verifier(), rotations);
        let cases = [
            vec![rotation(5, 1, 2), rotation(5, 1, 3)],
            vec![rotation(5, 1, 2), rotation(6, 1, 2)],
            vec![rotation(5, 2, 1), rotation(5, 3, 1)],
            vec![rotation(5, 1, 2), rotation(9, 2, 1)],
        ];
        for rotations in cases {
            assert!(matches!(walk(&rotations), Err(RotationError::Fork { .. })));
        }
        assert_eq!(
            walk(&[rotation(9, 1, 2), rotation(5, 2, 3)]),
            Err(RotationError::OutOfOrder { earlier: 9, later: 5 })
        );
    }

    #[test]
    fn a_statement_needs_both_signatures_and_its_own_form() {
        let good = Rotation::sign(ORIGIN, 7, &key(1), &key(2)).unwrap();
        let text = good.text();
        let cases = [
            (Note::sign(text, &[&key(1)]), RotationError::OneSigned),
            (Note::sign(text, &[&key(2)]), RotationError::OneSigned),
            (
                Note::sign(text.replacen("/key-rotation", "", 1), &[&key(1), &key(2)]),
                RotationError::Line { line: 1, expected: "the origin and `/key-rotation`" },
            ),
            (
                Note::sign(text.replacen("\n7\n", "\n07\n", 1), &[&key(1), &key(2)]),
                RotationError::Line { line: 2, expected: "a size in decimal" },
            ),
            (
                Note::sign(format!("{text}more\n"), &[&key(1), &key(2)]),
                RotationError::Line { line: 5, expected: "four lines in all" },
            ),
        ];
        for (note, expected) in cases {
            assert_eq!(Rotation::parse(&note.unwrap().to_bytes()), Err(expected));
        }
        assert_eq!(Rotation::sign(ORIGIN, 7, &key(1), &key(1)).unwrap_err(), RotationError::SameKey);
    }
}
