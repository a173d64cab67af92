//! Everything in an archive: the bundles of reports and days, and what lies beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use exhibit_ledger::bundle::{Place, Proven, Trust, Verification, read_file};
use exhibit_ledger::checkpoint::SignedCheckpoint;
use exhibit_ledger::keys::{KeyHistory, parse_rotations};

use crate::objects::Objects;
use crate::{Failure, Outcome, cannot_read, look, printable};

/// A file of the archive, by its key.
pub(crate) type Files = BTreeMap<String, PathBuf>;

/// A bundle that was looked at.
struct Looked {
    key: String,
    path: PathBuf,
    verification: Verification,
}

/// Verifies a folder that is laid out as an archive's keys are.
pub(crate) fn verify(folder: &Path, trust: &Trust) -> Result<Outcome, Failure> {
    let mut files = Files::new();
    list(folder, "", &mut files)?;
    let bundles: Vec<(&String, &PathBuf)> = files.iter().filter(|(key, _)| is_bundle(key)).collect();
    if bundles.is_empty() {
        return Err(Failure::Empty(folder.to_owned()));
    }
    let mut outcome = Outcome::default();
    let mut trust = trust.clone();
    for (_, path) in &bundles {
        gather(path, &mut trust)?;
    }
    let own = notes(&files, &trust, &mut outcome)?;
    let held: BTreeSet<u64> = trust.checkpoints.iter().map(|held| held.unverified().size).collect();
    trust.checkpoints.extend(own.values().cloned());

    let mut looked = Vec::new();
    for (key, path) in bundles {
        let mut file = File::open(path).map_err(cannot_read(path))?;
        let verification = look(path, &mut file, &trust)?;
        looked.push(Looked { key: key.clone(), path: path.clone(), verification });
    }
    looked.sort_by_key(|bundle| bundle.range());
    for bundle in &looked {
        let mut told = bundle.verification.clone();
        // What was compared with which checkpoint is told once, for all of them.
        told.proven.retain(|proven| !matches!(proven, Proven::Held { .. }));
        told.not_shown.clear();
        outcome.add(&bundle.key, &told);
    }
    compared(&looked, &own, &held, &mut outcome);
    let end = coverage(&looked, &mut outcome);

    let mut objects = Objects::of(&files)?;
    for bundle in looked.iter().filter(|bundle| bundle.verification.is_clean()) {
        objects.read(&bundle.path)?;
    }
    objects.check(&files, &mut outcome)?;
    outcome.not_done.push(format!("nothing is said of what was recorded after the first {end} entries"));
    outcome.not_done.push("no archive was asked whether it still keeps these objects, and until when".to_owned());
    Ok(outcome.settled())
}

impl Looked {
    /// The sizes between which its entries lie.
    fn range(&self) -> (u64, u64) {
        let manifest = self.verification.manifest.as_ref();
        manifest.map_or((0, 0), |manifest| (manifest.from_size, manifest.checkpoint.size))
    }
}

fn is_bundle(key: &str) -> bool {
    key.ends_with(".tar") && (key.starts_with("reports/") || key.starts_with("segments/"))
}

/// Files in all folders but those that are a store's own, such as `.meta`.
fn list(folder: &Path, key: &str, files: &mut Files) -> Result<(), Failure> {
    for entry in fs::read_dir(folder).map_err(cannot_read(folder))? {
        let entry = entry.map_err(cannot_read(folder))?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if name.starts_with('.') {
            continue;
        }
        let key = if key.is_empty() { name } else { format!("{key}/{name}") };
        // A link could lead anywhere, and is nothing that an archive makes.
        match entry.file_type().map_err(cannot_read(&path))? {
            kind if kind.is_dir() => list(&path, &key, files)?,
            _ => drop(files.insert(key, path)),
        }
    }
    Ok(())
}

/// Rotations and checkpoints from a bundle. Rotations prove themselves; a checkpoint that is not the log's is found when
/// the bundle itself is verified, and lends nothing before that.
fn gather(path: &Path, trust: &mut Trust) -> Result<(), Failure> {
    let file = File::open(path).map_err(cannot_read(path))?;
    let cannot = |source| Failure::Bundle { path: path.to_owned(), source };
    let bytes = read_file(BufReader::new(file), "keys.rotations").map_err(cannot)?;
    let rotations = bytes.and_then(|bytes| parse_rotations(&bytes).ok()).unwrap_or_default();
    for rotation in rotations {
        if !trust.rotations.contains(&rotation) {
            trust.rotations.push(rotation);
        }
    }
    Ok(())
}

/// The archive's own checkpoints, by key, those that a trusted key signed.
fn notes(files: &Files, trust: &Trust, outcome: &mut Outcome) -> Result<BTreeMap<String, SignedCheckpoint>, Failure> {
    let mut good = BTreeMap::new();
    for (key, path) in files.iter().filter(|(key, _)| key.starts_with("checkpoints/")) {
        let bytes = fs::read(path).map_err(cannot_read(path))?;
        match SignedCheckpoint::parse(&bytes).map_err(|error| error.to_string()).and_then(|signed| {
            let lines = trust.keys.iter().map(|pinned| KeyHistory::walk(pinned.name(), pinned, &trust.rotations));
            let lines = lines.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
            let mut why = "no trusted key".to_owned();
            for line in lines {
                match line.verify(&signed) {
                    Ok(_) => return Ok(signed),
                    Err(error) => why = error.to_string(),
                }
            }
            Err(why)
        }) {
            Ok(signed) => drop(good.insert(key.clone(), signed)),
            Err(why) => outcome
                .differences
                .push(printable(&format!("{key}: expected a checkpoint signed by a trusted key, found {why}"))),
        }
    }
    Ok(good)
}

/// Tells of each checkpoint whether the entries lead to it.
fn compared(looked: &[Looked], own: &BTreeMap<String, SignedCheckpoint>, held: &BTreeSet<u64>, outcome: &mut Outcome) {
    let mut shown: BTreeSet<u64> = BTreeSet::new();
    for bundle in looked {
        let proven = &bundle.verification.proven;
        shown.extend(proven.iter().filter_map(|proven| match proven {
            Proven::Held { size } => Some(*size),
            _ => None,
        }));
        let differing = bundle.verification.differences.iter();
        shown.extend(differing.filter_map(|difference| match difference.place {
            Place::Held { size } => Some(size),
            _ => None,
        }));
    }
    let sizes: BTreeSet<u64> = own.values().map(|signed| signed.unverified().size).collect();
    let led = sizes.intersection(&shown).count();
    if led > 0 && outcome.differences.is_empty() {
        outcome.proven.push(format!("the entries lead to {led} of the archive's {} checkpoints", sizes.len()));
    }
    let open: Vec<&u64> = sizes.difference(&shown).collect();
    if let (Some(first), Some(last)) = (open.first(), open.last()) {
        outcome.not_done.push(format!(
            "{} checkpoints of the archive, of sizes {first} to {last}, were compared with no entries: none that they \
             cover lie in these bundles",
            open.len()
        ));
    }
    for size in held {
        if shown.contains(size) {
            if outcome.differences.is_empty() {
                outcome.proven.push(format!("the entries lead to the checkpoint of {size} entries that you hold"));
            }
        } else {
            outcome.not_done.push(format!(
                "the checkpoint of {size} entries that you hold was compared with no entries: they lie in no bundle here"
            ));
        }
    }
}

/// Tells which entries the bundles hold together, and where they end.
fn coverage(looked: &[Looked], outcome: &mut Outcome) -> u64 {
    let mut until = 0;
    let mut whole = true;
    for bundle in looked.iter().filter(|bundle| bundle.verification.is_clean()) {
        let (from, to) = bundle.range();
        if from > until {
            whole = false;
            outcome.not_done.push(format!("entries {until} to {from} lie in no bundle here that holds"));
        }
        until = until.max(to);
    }
    if whole && until > 0 {
        outcome.proven.push(format!("together the bundles hold all {until} entries from the first on"));
    }
    until
}
