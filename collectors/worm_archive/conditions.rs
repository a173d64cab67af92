//! The kinds of deviation that this collector's judge notes: why each matters and what to do about it.

use exhibit_evidence::{Condition, ConditionId};

/// The store does not give an archived version back.
pub(super) const REMOVED: &str = "worm-archive.removed";
/// The bytes are others than those that were archived.
pub(super) const CHANGED: &str = "worm-archive.changed";
/// A delete marker or a later version hides it.
pub(super) const MASKED: &str = "worm-archive.masked";
/// The store does not protect it any more.
pub(super) const UNPROTECTED: &str = "worm-archive.unprotected";
/// Its lock has another mode.
pub(super) const MODE: &str = "worm-archive.mode-changed";
/// It is kept for less long.
pub(super) const SHORTENED: &str = "worm-archive.retention-shortened";
/// Its legal hold is gone.
pub const HOLD_LOST: &str = "worm-archive.hold-lost";
/// The store's settings are not what its promises need.
pub(super) const STORE: &str = "worm-archive.store-drifted";

/// A condition's id.
pub(super) fn id(text: &str) -> ConditionId {
    ConditionId::new(text).expect("the ids above are authored ids, and a test makes each")
}

/// What findings of this condition share.
pub(super) fn condition(text: &str) -> Condition {
    let (title, risk, recommendation) = match text {
        REMOVED => (
            "An archived object is gone",
            "A record that has to be kept can't be produced.",
            "Restore the bytes from a copy whose digest is the receipt's, under a new key, and find out who removed them.",
        ),
        CHANGED => (
            "An archived object was changed",
            "What would be produced is not what was recorded.",
            "Keep both, restore the bytes whose digest is the receipt's from a copy, and find out who changed them.",
        ),
        MASKED => (
            "An archived object is hidden",
            "Whoever names no version is told that there is no such record, or is given another one.",
            "Remove the delete marker or the later version; the archived version itself is still there.",
        ),
        UNPROTECTED => (
            "An archived object is not protected any more",
            "Whoever may write to the store can remove or replace it.",
            "Find out who took the protection away, and put the object under retention again before anything else.",
        ),
        MODE => (
            "The mode of an archived object's lock is another",
            "A weaker mode lets privileged users remove what has to stay.",
            "Find out who changed it, and bring the store back to the mode that the receipt names.",
        ),
        SHORTENED => (
            "An archived object is kept for less long than its receipt says",
            "It may be removed before the time that was promised.",
            "Make its retention longer again, and find out how it could become shorter.",
        ),
        HOLD_LOST => (
            "A legal hold is gone",
            "What a court or an auditor asked to be kept may be removed when its retention ends.",
            "Tell the custodian and counsel, and find out who took it off. The service sets it again by itself; see that it did.",
        ),
        _ => (
            "The store around the archive is not as it has to be",
            "Protection of what is archived next, or of what is archived already, does not hold as promised.",
            "Bring the setting back to what the sentence of the finding names.",
        ),
    };
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Condition {
        title: title.to_owned(),
        risk: risk.to_owned(),
        impact: "Whoever relies on the archive: regulators, auditors, and those whose evidence lies in it.".to_owned(),
        recommendation: recommendation.to_owned(),
        steps: owned(&[
            "Change nothing in the store before its own audit trail was kept: who, when, from where.",
            recommendation,
            "Run `exhibit archive check`, and keep its output with the incident.",
        ]),
        references: owned(&["17 CFR 240.17a-4(f)", "ISO/IEC 27001:2022 A.5.33"]),
    }
}
