//! Judging what was read from a bundle.

use super::Seen;
use super::entries::Entries;
use super::report::{NotShown, Place, Proven, Trust, Verification};
use crate::bundle::archive::parse_hex;
use crate::bundle::manifest::{Manifest, note_text};
use crate::bundle::{ARTIFACTS, CHECKPOINT, MANIFEST, MANIFEST_NOTE, PREVIOUS, ROTATIONS, TILES};
use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::keys::{KeyHistory, KeyWindow, Rotation, statements};
use crate::note::{Note, VerifierKey};
use crate::tiles::TileId;

impl Seen {
    /// Everything that can be said once the whole archive was read.
    pub(super) fn judge(mut self, trust: &Trust) -> Verification {
        let mut proven = Vec::new();
        self.check_artifacts(&mut proven);
        let manifest = self.manifest.take();
        let files = manifest.as_ref().and_then(|m| self.check_files(m));
        if manifest.is_none() && !self.files.contains_key(MANIFEST) {
            self.out.file(MANIFEST, "a manifest", "no such file");
        }
        let signed = self.read_checkpoint(CHECKPOINT);
        if signed.is_none() && !self.files.contains_key(CHECKPOINT) {
            self.out.file(CHECKPOINT, "a signed checkpoint", "no such file");
        }
        let origin = match (&manifest, &signed) {
            (Some(manifest), _) => manifest.origin.clone(),
            (None, Some(signed)) => signed.unverified().origin.clone(),
            (None, None) => String::new(),
        };
        let keys = self.walk_keys(&origin, trust);
        let checkpoint = signed.and_then(|s| self.believe(CHECKPOINT, &s, &origin, &keys, &mut proven));
        let manifest = manifest.filter(|m| {
            let matched = self.check_manifest_against(m, checkpoint.as_ref());
            self.check_manifest_note(m, &keys, &mut proven) && matched
        });
        // What an unsigned manifest lists proves nothing.
        proven.extend(files.filter(|_| manifest.is_some()));
        let previous = self.read_checkpoint(PREVIOUS);
        let previous = previous.and_then(|s| self.believe(PREVIOUS, &s, &origin, &keys, &mut vec![]));
        self.check_entries(checkpoint.as_ref(), previous.as_ref(), &mut proven);
        let mut not_shown = self.not_shown();
        self.check_held(trust, &origin, &keys, &mut proven, &mut not_shown);
        let count = keys.iter().filter(|w| w.until_size.is_some()).count() as u64;
        if checkpoint.is_some() && count > 0 {
            proven.push(Proven::Rotations { count });
        }
        Verification { proven, not_shown, differences: self.out.list, omitted: self.out.omitted, checkpoint, manifest }
    }

    /// Each artifact's name is the digest of its bytes, and none that an entry cites is missing.
    fn check_artifacts(&mut self, proven: &mut Vec<Proven>) {
        let before = self.out.count();
        let mut count = 0;
        for (path, digest) in &self.files {
            let Some(name) = path.strip_prefix(ARTIFACTS) else {
                continue;
            };
            count += 1;
            if parse_hex(name) != Some(digest.sha256) {
                let found = hex::encode(digest.sha256);
                self.out.file(path, "the artifact with the digest that names it", found);
            }
        }
        // Beside a segment they lie in the archive, each under its digest.
        if self.manifest.as_ref().is_some_and(Manifest::is_segment) {
            return;
        }
        for (digest, seq) in self.entries.iter().flat_map(Entries::cited) {
            let path = format!("{ARTIFACTS}{}", digest.hex());
            // Where the archive broke off, that is said once.
            if !self.stopped && !self.files.contains_key(&path) {
                self.out.file(path, format_args!("the artifact that entry {seq} cites"), "no such file");
            }
        }
        if self.out.count() == before {
            proven.push(Proven::Artifacts { count });
        }
    }

    /// Files and manifest list each other, and every tile that belongs here is there.
    fn check_files(&mut self, manifest: &Manifest) -> Option<Proven> {
        let before = self.out.count();
        let mut bytes = 0;
        for (path, found) in &self.files {
            match manifest.files.get(path) {
                _ if path == MANIFEST || path == MANIFEST_NOTE => {}
                None => self.out.file(path, "only files that the manifest lists", "this one"),
                Some(listed) if listed != found => self.out.file(
                    path,
                    format_args!("{} bytes, sha256 {}", listed.size, hex::encode(listed.sha256)),
                    format_args!("{} bytes, sha256 {}", found.size, hex::encode(found.sha256)),
                ),
                Some(_) => bytes += found.size,
            }
            if path.starts_with(TILES) && TileId::parse(path).is_err() {
                self.out.file(path, "the path of a tile", "another path");
            }
        }
        if self.stopped {
            return None;
        }
        for path in manifest.files.keys().filter(|p| !self.files.contains_key(*p)) {
            self.out.file(path, "the file that the manifest lists", "no such file");
        }
        // A manifest may claim any size: what is missing is listed, but not without end.
        let missing = self.entries.iter().flat_map(Entries::expected);
        let missing = missing.map(|t| t.to_string()).filter(|p| !manifest.files.contains_key(p));
        for path in missing.take(16) {
            self.out.file(path, "a tile that the manifest lists", "none listed");
        }
        let count = manifest.files.len() as u64;
        (self.out.count() == before).then_some(Proven::Files { count, bytes })
    }

    fn read_checkpoint(&mut self, path: &str) -> Option<SignedCheckpoint> {
        let bytes = self.kept.get(path)?;
        match SignedCheckpoint::parse(bytes) {
            Ok(signed) => Some(signed),
            Err(e) => {
                self.out.file(path, "a signed checkpoint", e);
                None
            }
        }
    }

    /// Every key that follows from the pinned ones.
    fn walk_keys(&mut self, origin: &str, trust: &Trust) -> Vec<KeyWindow> {
        let mut rotations = trust.rotations.clone();
        rotations.extend(self.listed_rotations());
        rotations.extend(self.entries.iter().flat_map(Entries::rotations).cloned());
        let mut windows: Vec<KeyWindow> = Vec::new();
        for pinned in &trust.keys {
            match KeyHistory::walk(origin, pinned, &rotations) {
                Ok(history) => {
                    for window in history.windows() {
                        if !windows.contains(window) {
                            windows.push(window.clone());
                        }
                    }
                }
                Err(e) => self.out.file(ROTATIONS, "one line of keys", e),
            }
        }
        windows
    }

    fn listed_rotations(&mut self) -> Vec<Rotation> {
        let Some(bytes) = self.kept.get(ROTATIONS) else {
            return Vec::new();
        };
        let Some(texts) = statements(bytes) else {
            self.out.file(ROTATIONS, "a canonical list of rotation statements", "something else");
            return Vec::new();
        };
        let mut rotations = Vec::new();
        for text in texts {
            match Rotation::parse(text.as_bytes()) {
                Ok(rotation) => rotations.push(rotation),
                Err(e) => self.out.file(ROTATIONS, "rotations signed by both keys", e),
            }
        }
        rotations
    }

    /// A checkpoint, if a trusted key signed it for this log.
    fn believe(
        &mut self,
        path: &str,
        signed: &SignedCheckpoint,
        origin: &str,
        keys: &[KeyWindow],
        proven: &mut Vec<Proven>,
    ) -> Option<Checkpoint> {
        let candidates = keys_at(keys, origin, signed.unverified().size);
        match signed.verify(origin, candidates.iter().copied()) {
            Ok(checkpoint) => {
                let key = signers(signed.note(), &candidates);
                proven.push(Proven::Checkpoint { origin: checkpoint.origin.clone(), size: checkpoint.size, key });
                Some(checkpoint.clone())
            }
            Err(e) => {
                let expected = format!("a checkpoint of {origin} signed by a trusted key");
                self.out.file(path, expected, e);
                None
            }
        }
    }

    fn check_manifest_against(&mut self, manifest: &Manifest, checkpoint: Option<&Checkpoint>) -> bool {
        let Some(checkpoint) = checkpoint else {
            return false;
        };
        let stated = &manifest.checkpoint;
        if (stated.size, stated.root.0) == (checkpoint.size, checkpoint.root) {
            return true;
        }
        let expected = format!("size and root of the checkpoint ({})", checkpoint.size);
        self.out.file(MANIFEST, expected, format_args!("size {} or another root", stated.size));
        false
    }

    fn check_manifest_note(&mut self, manifest: &Manifest, keys: &[KeyWindow], proven: &mut Vec<Proven>) -> bool {
        let (Some(note), Some(text)) = (self.kept.get(MANIFEST_NOTE), self.kept.get(MANIFEST)) else {
            if !self.files.contains_key(MANIFEST_NOTE) {
                self.out.file(MANIFEST_NOTE, "the manifest's signature", "no such file");
            }
            return false;
        };
        let expected = note_text(&manifest.origin, text);
        // A report of an earlier checkpoint may be rendered anew: a key that came later may say what lies around it.
        let since = |w: &&KeyWindow| w.until_size.is_none_or(|until| manifest.checkpoint.size <= until);
        let candidates: Vec<_> =
            keys.iter().filter(since).map(|w| &w.key).filter(|key| key.name() == manifest.origin).collect();
        let note = Note::parse(note).and_then(|note| {
            note.verify(candidates.iter().copied())?;
            Ok(note)
        });
        match note {
            Ok(note) if note.text() == expected => {
                let key = signers(&note, &candidates);
                proven.push(Proven::Manifest { key });
                true
            }
            // A good signature over another manifest: it is the manifest that was changed.
            Ok(note) if note.text().lines().next() == expected.lines().next() => {
                let expected = "the bytes that manifest.note signs";
                self.out.file(MANIFEST, expected, "other bytes");
                false
            }
            Ok(_) => {
                let found = "a note for another purpose";
                self.out.file(MANIFEST_NOTE, "a note over manifest.json", found);
                false
            }
            Err(e) => {
                let expected = "a note over manifest.json signed by a trusted key";
                self.out.file(MANIFEST_NOTE, expected, e);
                false
            }
        }
    }

    fn check_entries(
        &mut self,
        checkpoint: Option<&Checkpoint>,
        previous: Option<&Checkpoint>,
        proven: &mut Vec<Proven>,
    ) {
        let Some(entries) = &mut self.entries else {
            return;
        };
        if entries.start() > 0 && !self.files.contains_key(PREVIOUS) {
            let expected = format!("the checkpoint at {}", entries.start());
            self.out.file(PREVIOUS, expected, "no such file");
        }
        // Without a believed checkpoint there is no root to compare with: that is a difference
        // already, and nothing about the entries is proven.
        if let Some(checkpoint) = checkpoint {
            entries.finish(checkpoint, previous, proven, &mut self.out);
        }
    }

    /// What the entries leave open.
    fn not_shown(&self) -> Vec<NotShown> {
        let Some(entries) = &self.entries else {
            return Vec::new();
        };
        let counts = entries.counts();
        let open = [
            (counts.unknown_kinds, NotShown::UnknownKinds { count: counts.unknown_kinds }),
            (counts.disclosable, NotShown::Disclosed { count: counts.disclosable }),
            (counts.receipts, NotShown::Retention { receipts: counts.receipts }),
            (entries.start(), NotShown::Earlier { count: entries.start() }),
            (1, NotShown::Later { size: entries.end() }),
        ];
        open.into_iter().filter(|(count, _)| *count > 0).map(|(_, open)| open).collect()
    }

    /// Compares the checkpoints that the caller holds with the roots at their sizes.
    fn check_held(
        &mut self,
        trust: &Trust,
        origin: &str,
        keys: &[KeyWindow],
        proven: &mut Vec<Proven>,
        not_shown: &mut Vec<NotShown>,
    ) {
        for held in &trust.checkpoints {
            let size = held.unverified().size;
            let candidates = keys_at(keys, origin, size);
            let stated = match held.verify(origin, candidates) {
                Ok(stated) => stated,
                Err(e) => {
                    let expected = format!("a checkpoint of {origin} signed by a trusted key");
                    self.out.add(Place::Held { size }, expected, e);
                    continue;
                }
            };
            let Some(entries) = &self.entries else { continue };
            match entries.root_at(size) {
                Some(root) if root == stated.root => proven.push(Proven::Held { size }),
                Some(root) => {
                    let expected = format!("the root {} of these entries", hex::encode(root));
                    self.out.add(Place::Held { size }, expected, hex::encode(stated.root));
                }
                None => not_shown.push(NotShown::Held { size, from: entries.start(), until: entries.end() }),
            }
        }
    }
}

/// The trusted keys of this log that may sign at this size. A log's own key bears its origin.
fn keys_at<'k>(windows: &'k [KeyWindow], origin: &str, size: u64) -> Vec<&'k VerifierKey> {
    windows.iter().filter(|w| w.covers(size) && w.key.name() == origin).map(|w| &w.key).collect()
}

/// Which of the keys stand on a note, for people.
fn signers(note: &Note, keys: &[&VerifierKey]) -> String {
    let on_note = |key: &&&VerifierKey| note.signatures().iter().any(|s| (s.id(), s.name()) == (key.id(), key.name()));
    let names: Vec<_> = keys.iter().filter(on_note).map(ToString::to_string).collect();
    names.join(", ")
}
