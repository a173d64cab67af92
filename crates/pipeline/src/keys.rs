//! The keys that signed this ledger, as its own entries tell, and the step from one key to the next.

use exhibit_detect::Engine;
use exhibit_evidence::{Body, Envelope, Timestamp, deployment::Deployment, key::KeyRotation};
use exhibit_ledger::{
    checkpoint::Checkpoint,
    keys::{KeyHistory, Rotation},
    note::{Note, SigningKey, VerifierKey},
};
use exhibit_store::{Append, NewEntry, Store, StoreError, StoredCheckpoint};

use crate::{
    StepError, World, checkpoint,
    checkpointing::{checkpoint_at, keep},
    declare, ledger_reads, sealing, turn,
};

/// How often a rotation makes way for entries that others append: each time it is signed anew for its new place.
const TRIES: usize = 1000;

/// The longest reason, in characters.
const LONGEST_REASON: usize = 500;

/// A rotation that stands in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// The position of its entry.
    pub seq: u64,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Who handed over to whom, and at which size.
    pub rotation: Rotation,
    /// The statement, signed by both.
    pub statement: Note,
    /// Why.
    pub reason: String,
}

/// The rotations that the ledger holds, in its order. Each is signed by both its keys, and stands behind the deployment's
/// word that names the new one; whether they lead to a key that is trusted is for [`KeyHistory`] to say.
///
/// # Errors
/// When the ledger names another key without such a rotation, or can't be read.
pub async fn handovers(store: &Store) -> Result<Vec<Handover>, StepError> {
    let mut handovers = Vec::new();
    let mut before: Option<String> = None;
    for entry in store.entries_of_kind("deployment").await? {
        let Body::Deployment(deployment) = entry.envelope()?.body else { continue };
        let key = deployment.verifier_key;
        if let Some(old) = before.replace(key.clone())
            && old != key
        {
            handovers.push(handover(store, entry.seq + 1, &old, &key).await?);
        }
    }
    Ok(handovers)
}

async fn handover(store: &Store, seq: u64, old: &str, new: &str) -> Result<Handover, StepError> {
    let wrong = |why: String| StepError::Ledger(format!("entry {seq}: {why}"));
    let found = store.entries(seq..seq + 1).all().await?.pop();
    let envelope = found.map(|entry| entry.envelope()).transpose()?;
    let Some(Envelope { body: Body::Key(body), recorded_at, .. }) = envelope else {
        return Err(wrong("the deployment names another key, but no rotation to it follows".to_owned()));
    };
    let rotation = Rotation::of_entry(&body.statement, seq).map_err(|error| wrong(error.to_string()))?;
    if (rotation.old.to_string().as_str(), rotation.new.to_string().as_str()) != (old, new) {
        return Err(wrong("the rotation is between other keys than the deployment names".to_owned()));
    }
    let statement = Note::parse(body.statement.as_bytes()).map_err(|error| wrong(error.to_string()))?;
    Ok(Handover { seq, recorded_at, rotation, statement, reason: body.reason })
}

/// The line of keys that a key belongs to, by the ledger's rotations.
///
/// # Errors
/// When a rotation does not belong to this key's line.
pub fn line_of(key: &VerifierKey, handovers: &[Handover]) -> Result<KeyHistory, StepError> {
    let rotations: Vec<Rotation> = handovers.iter().map(|handover| handover.rotation.clone()).collect();
    KeyHistory::walk_all(key.name(), key, &rotations)
        .map_err(|error| StepError::Keys { key: key.to_string(), why: error.to_string() })
}

/// The ledger's line of keys, if this world's signer is the one in use and the last rotation is complete.
///
/// # Errors
/// [`StepError::Retired`] when the key was handed over, [`StepError::Unfinished`] when nobody signed for the last
/// rotation yet; when the ledger can't be read.
pub(crate) async fn line(world: &World) -> Result<(KeyHistory, Vec<Handover>), StepError> {
    let handovers = handovers(&world.store).await?;
    let line = line_of(world.signer.verifier(), &handovers)?;
    let current = &line.current().key;
    if current != world.signer.verifier() {
        return Err(StepError::Retired { key: world.signer.verifier().to_string(), current: current.to_string() });
    }
    if let Some(last) = handovers.last() {
        let size = last.rotation.size;
        match world.store.checkpoint(size).await {
            Ok(_) => {}
            Err(StoreError::NotFound { .. }) => return Err(StepError::Unfinished { size }),
            Err(error) => return Err(error.into()),
        }
    }
    Ok((line, handovers))
}

/// Hands over from this world's key to the next: the rotation's entry, and the checkpoint over it, signed by both. From
/// then on this world can't sign any more; whoever goes on does it with the next key.
///
/// May run again at any time: where the entry stands already, what is missing behind it is done, and `reason` is not
/// looked at.
///
/// # Errors
/// When the next key can't follow, the reason is none, or the ledger or a place of checkpoints can't be used.
pub async fn rotate(world: &World, next: &SigningKey, reason: &str) -> Result<Handover, StepError> {
    let recorded = |handovers: Vec<Handover>| {
        let ours =
            |last: &Handover| last.rotation.old == *world.signer.verifier() && last.rotation.new == *next.verifier();
        handovers.into_iter().last().filter(ours)
    };
    if recorded(handovers(&world.store).await?).is_none() {
        declare(world).await?;
    }
    let _turn = turn::take(world).await?;
    let handover = match recorded(handovers(&world.store).await?) {
        Some(handover) => handover,
        None => record(world, next, reason).await?,
    };
    sign_by_both(world, next, handover.rotation.size).await?;
    Ok(handover)
}

async fn record(world: &World, next: &SigningKey, reason: &str) -> Result<Handover, StepError> {
    let reason = reason_of(&world.engine, reason)?;
    let (line, _) = line(world).await?;
    let refused = |why: &str| StepError::Keys { key: next.verifier().to_string(), why: why.to_owned() };
    if next.verifier().name() != world.origin() {
        return Err(StepError::OtherOrigin {
            ledger: world.origin().to_owned(),
            key: next.verifier().name().to_owned(),
        });
    }
    if line.windows().iter().any(|window| window.key == *next.verifier()) {
        return Err(refused("it signs this log already, or did: a key comes once"));
    }
    // The old key can't be asked later: what a report may yet speak of is signed now.
    for frozen in ledger_reads::frozen(&world.store).await?.values() {
        checkpoint_at(world, frozen.seq + 1).await?;
    }
    checkpoint(world).await?;
    let Some(deployment) = ledger_reads::deployment(&world.store).await? else {
        return Err(StepError::Ledger("there is no deployment entry".to_owned()));
    };
    let deployment = Deployment { verifier_key: next.verifier().to_string(), ..deployment };
    for _ in 0..TRIES {
        let at = world.store.head().await?.size();
        let statement =
            Rotation::sign(world.origin(), at + 2, &world.signer, next).map_err(|error| refused(&error.to_string()))?;
        let statement = String::from_utf8_lossy(&statement.to_bytes()).into_owned();
        let body = KeyRotation { statement, reason: reason.clone() };
        let bodies: [Body; 2] = [deployment.clone().into(), body.into()];
        let entries = bodies.into_iter().map(|body| NewEntry { id: world.entry_id(), body }).collect();
        match world.store.append(Append { at: Some(at), ..Append::entries(world.now(), entries) }).await {
            Ok(_) => {
                let (old, new) = (world.signer.verifier().to_string(), next.verifier().to_string());
                return handover(&world.store, at + 1, &old, &new).await;
            }
            Err(StoreError::OtherPlace { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StepError::Task("others append so quickly that the rotation finds no place: try again".to_owned()))
}

/// The checkpoint of the hand-over, kept in all three places.
async fn sign_by_both(world: &World, next: &SigningKey, size: u64) -> Result<(), StepError> {
    let line = line_of(next.verifier(), &handovers(&world.store).await?)?;
    crate::checkpointing::hold_to(world, &line).await?;
    let root = world.store.root(size).await?;
    let stored = match world.store.checkpoint(size).await {
        Ok(stored) => stored,
        Err(StoreError::NotFound { .. }) => {
            let checkpoint = Checkpoint { origin: world.origin().to_owned(), size, root };
            let note = checkpoint.sign(&[&world.signer, next])?;
            let note = String::from_utf8_lossy(&note.to_bytes()).into_owned();
            let stored = StoredCheckpoint { size, root, note, signed_at: world.now() };
            world.store.save_checkpoint(&stored).await?;
            stored
        }
        Err(error) => return Err(error.into()),
    };
    crate::checkpointing::own(&line, &stored, root)?;
    keep(world, &stored).await
}

/// The reason as it is recorded: masked, and fit for one line.
fn reason_of(engine: &Engine, text: &str) -> Result<String, StepError> {
    let text = text.trim();
    let text = sealing::scrubbed(engine, text).unwrap_or_else(|| text.to_owned());
    let length = text.chars().count();
    if length == 0 || length > LONGEST_REASON || text.contains(char::is_control) {
        return Err(StepError::Reason { longest: LONGEST_REASON });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_masked_line() {
        assert_eq!(reason_of(Engine::builtin(), "  the yearly change ").expect("a reason"), "the yearly change");
        for bad in ["", "  ", "two\nlines", "\u{1b}[2J", &"x".repeat(501)] {
            assert!(matches!(reason_of(Engine::builtin(), bad), Err(StepError::Reason { .. })), "{bad:?}");
        }
        let leaked = concat!("AKIA", "QWERTYUIOPASDFGH");
        let masked = reason_of(Engine::builtin(), &format!("the key {leaked} leaked")).expect("a reason");
        assert!(!masked.contains(leaked), "{masked}");
    }
}
