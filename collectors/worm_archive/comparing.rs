//! A receipt and what the store says, side by side: in what they differ. The judge and `exhibit archive check` say the same,
//! because both ask here.

use super::conditions;
use crate::archived::{ReceiptFacts, Seen};

/// One thing in which an object is not as its receipt says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// Its kind, by the steady id of the condition.
    pub condition: &'static str,
    /// One sentence for people.
    pub detail: String,
}

/// Everything in which an object is not as its receipt says; nothing where all of it is as it says.
#[must_use]
pub fn departures(receipt: &ReceiptFacts, seen: &Seen) -> Vec<Departure> {
    [intact(receipt, seen), protection(receipt, seen)].into_iter().flatten().flatten().collect()
}

/// Whether it is there, unchanged and visible; none where the answer does not say.
pub(super) fn intact(receipt: &ReceiptFacts, seen: &Seen) -> Option<Vec<Departure>> {
    let mut found = Vec::new();
    let mut note = |condition, detail| found.push(Departure { condition, detail });
    match seen {
        Seen::There { digest, size, masked, .. } => {
            if *digest != receipt.digest || *size != receipt.size {
                let said = receipt.digest;
                note(conditions::CHANGED, format!("The bytes are {digest}, the receipt says {said}."));
            }
            if *masked {
                let detail = "A delete marker or a later version hides it from whoever names no version.".to_owned();
                note(conditions::MASKED, detail);
            }
        }
        Seen::Wrong { code, message } => match code.as_str() {
            "archive.changed" => note(conditions::CHANGED, message.clone()),
            // Whether the bytes are the same was not told: that is for the other question.
            "archive.unprotected" => return None,
            _ => note(conditions::REMOVED, message.clone()),
        },
    }
    Some(found)
}

/// Whether it is as protected as its receipt says; none where the answer does not say.
pub(super) fn protection(receipt: &ReceiptFacts, seen: &Seen) -> Option<Vec<Departure>> {
    let mut found = Vec::new();
    let mut note = |condition, detail| found.push(Departure { condition, detail });
    match seen {
        Seen::There { mode, retain_until, legal_hold, .. } => {
            if *mode != receipt.mode {
                note(conditions::MODE, format!("The lock's mode is {mode}, the receipt says {}.", receipt.mode));
            }
            if *retain_until < receipt.retain_until {
                let (now, then) = (retain_until.human(), receipt.retain_until.human());
                note(conditions::SHORTENED, format!("Kept until {now}, the receipt says {then}."));
            }
            if receipt.held && !legal_hold {
                let detail = "No legal hold is on it, and an open case had one set and read back.".to_owned();
                note(conditions::HOLD_LOST, detail);
            } else if let Some(at) = receipt.hold_set_again {
                let at = at.human();
                let detail = format!("The legal hold of an open case was found gone; it was set again and read back at {at}.");
                note(conditions::HOLD_LOST, detail);
            }
        }
        Seen::Wrong { code, message } if code == "archive.unprotected" => {
            note(conditions::UNPROTECTED, message.clone());
        }
        // What is gone or changed has no protection to speak of: that is for the other question.
        Seen::Wrong { .. } => return None,
    }
    Some(found)
}
