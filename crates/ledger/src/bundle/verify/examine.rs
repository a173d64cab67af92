//! What the bytes of one entry bundle say for themselves: the larger part of the work, and pure, so that several threads
//! do it beside each other. What must hold between one entry bundle and the next is [`super::entries`]'s.

use exhibit_evidence::{Body, Digest, EntryId, Kind, Record, Timestamp};

use crate::bundle::manifest::FileDigest;
use crate::keys::Rotation;
use crate::tiles::{TileError, TileId, parse_entries};
use crate::tree::{Hash, leaf_hash};

/// An entry bundle that was looked at.
pub(super) struct Examined {
    pub(super) tile: TileId,
    /// Digest and size of its bytes.
    pub(super) digest: FileDigest,
    /// Its entries, or why there are none.
    pub(super) entries: Result<Vec<Entry>, TileError>,
}

/// What one record says.
pub(super) struct Entry {
    pub(super) leaf: Hash,
    /// Id and time, where the record has an envelope.
    pub(super) envelope: Option<(EntryId, Timestamp)>,
    /// What is wrong with it: what was expected, and what was found.
    pub(super) wrong: Vec<(String, String)>,
    pub(super) says: Says,
}

/// What of a record's body matters to whoever verifies.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// Nothing further.
    Nothing,
    /// It has a kind that a later version added: its body could not be read.
    UnknownKind,
    /// It is a receipt.
    Receipt,
    /// Its artifacts, and how many values stand in it as digests.
    Cites { artifacts: Vec<Digest>, disclosable: u64 },
    /// The key changes.
    Rotation(Box<Rotation>),
}

/// Looks at an entry bundle of the log `origin`.
pub(super) fn examine(origin: &str, tile: TileId, bytes: &[u8]) -> Examined {
    let entries = parse_entries(bytes, tile.width)
        .map(|records| (tile.first()..).zip(records).map(|(seq, bytes)| entry(origin, seq, bytes)).collect());
    Examined { tile, digest: FileDigest::of(bytes), entries }
}

/// What a record must be for itself.
fn entry(origin: &str, seq: u64, bytes: &[u8]) -> Entry {
    let mut entry = Entry { leaf: leaf_hash(bytes), envelope: None, wrong: Vec::new(), says: Says::Nothing };
    let read = match Record::examine(bytes) {
        Ok(read) => read,
        Err(e) => {
            entry.wrong.push(("a canonical record".to_owned(), e.to_string()));
            return entry;
        }
    };
    entry.envelope = Some((read.header.id, read.header.recorded_at));
    let kind = read.header.kind;
    if seq == 0 && kind != Kind::Deployment.word() {
        entry.wrong.push(("the deployment, with which a ledger begins".to_owned(), kind.clone()));
    }
    if kind.parse::<Kind>().is_err() {
        // A later version may have added a kind. Its envelope holds; its body is not ours to judge.
        entry.says = Says::UnknownKind;
        return entry;
    }
    match read.envelope.map(|envelope| envelope.body) {
        Err(e) => entry.wrong.push((format!("an entry of kind {kind}"), e.to_string())),
        Ok(body) => entry.body(origin, seq, &body),
    }
    entry
}

impl Entry {
    fn body(&mut self, origin: &str, seq: u64, body: &Body) {
        self.says = match body {
            Body::Evidence(evidence) => {
                let artifacts = evidence.observation.artifacts.iter().map(|a| a.digest);
                Says::Cites {
                    artifacts: artifacts.chain(evidence.observation.facts_artifact).collect(),
                    disclosable: body.disclosables().len() as u64,
                }
            }
            Body::Assessment(assessment) => {
                Says::Cites { artifacts: assessment.findings_artifact.into_iter().collect(), disclosable: 0 }
            }
            Body::Receipt(_) => Says::Receipt,
            Body::Deployment(deployment) if deployment.origin != origin => {
                self.wrong.push((format!("a deployment of {origin}"), deployment.origin.clone()));
                Says::Nothing
            }
            Body::Key(body) => match Rotation::of_entry(&body.statement, seq) {
                Ok(rotation) => Says::Rotation(Box::new(rotation)),
                Err(e) => {
                    self.wrong.push(("a rotation signed by both keys, in its place".to_owned(), e.to_string()));
                    Says::Nothing
                }
            },
            _ => Says::Cites { artifacts: Vec::new(), disclosable: body.disclosables().len() as u64 },
        };
    }
}
