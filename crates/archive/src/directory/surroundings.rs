//! What a write-once directory can say of itself: little, and it says so.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::KIND;
use crate::{Aspect, Observation, Standing};

/// One observation an aspect.
pub(super) fn examine(root: &Path) -> Vec<Observation> {
    Aspect::ALL.into_iter().map(|aspect| observe(aspect, root)).collect()
}

fn observe(aspect: Aspect, root: &Path) -> Observation {
    let note = |standing, sentence: &str| Observation::new(aspect, standing, KIND, sentence);
    match aspect {
        Aspect::Reach => note(Standing::Holds, "The directory is there and can be read."),
        Aspect::Versioning => note(Standing::Holds, "A name that exists is never replaced."),
        Aspect::ObjectLock => note(
            Standing::Weak,
            "A write-once directory is tamper-evident, not regulatory WORM: whoever administers the machine can remove \
             what is in it.",
        ),
        Aspect::PublicAccess => public_access(root),
        Aspect::Rights => note(
            Standing::Weak,
            "The service itself could remove its files; nothing but the receipts in the ledger would show it.",
        ),
        Aspect::DefaultRetention | Aspect::Lifecycle | Aspect::Tls | Aspect::Encryption | Aspect::Clock => {
            note(Standing::NotApplicable, "A directory has no such setting.")
        }
    }
}

fn public_access(root: &Path) -> Observation {
    match fs::metadata(root) {
        Err(error) => Observation::new(
            Aspect::PublicAccess,
            Standing::Unknown,
            "unknown",
            format!("The rights of {} could not be read: {error}.", root.display()),
        ),
        Ok(meta) => {
            let mode = meta.permissions().mode() & 0o777;
            let open = mode & 0o022 != 0;
            let standing = if open { Standing::Weak } else { Standing::Holds };
            let sentence = if open {
                format!("Others than its owner may write into the directory (mode {mode:04o}); 0755 or less is enough.")
            } else {
                "Nobody but its owner may write into the directory.".to_owned()
            };
            Observation::new(Aspect::PublicAccess, standing, format!("mode {mode:04o}"), sentence)
        }
    }
}
