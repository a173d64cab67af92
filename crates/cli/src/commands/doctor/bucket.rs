//! The bucket of `[archive.s3]`, asked by the archive itself; its rights are tried only where that is asked for.

use std::sync::Arc;

use exhibit_archive::{Aspect, Depth, ObjectKey, Observation, Standing, Vault, VaultError};
use exhibit_evidence::Timestamp;

use super::item::{Findings, Item, State};
use crate::{config::Config, vault};

const fn item(code: &'static str, good: &'static str, remedy: &'static str) -> Item {
    Item { code, good, remedy }
}

static REACH: Item = item("bucket.reach", "the bucket answers", "compare [archive.s3] and its keys with the store");
static VERSIONING: Item = item(
    "bucket.versioning",
    "every put makes a version",
    "switch versioning on; a bucket without Object Lock is best made anew",
);
static LOCK: Item = item(
    "bucket.object-lock",
    "versions can be locked",
    "make a new bucket with Object Lock and name it in [archive.s3]",
);
static DEFAULT: Item = item(
    "bucket.default-retention",
    "what brings no lock of its own is locked too",
    "give the bucket a default retention in the configured mode",
);
static LIFECYCLE: Item = item(
    "bucket.lifecycle",
    "no rule removes or hides what is archived",
    "take the rule away, or keep it off the prefix",
);
static PUBLIC: Item = item("bucket.public-access", "strangers may not read it", "switch on all of Block Public Access");
static TLS: Item = item("bucket.tls", "nothing goes there in the clear", "give an endpoint that begins with https://");
static ENCRYPTION: Item = item(
    "bucket.encryption",
    "what lies there is encrypted",
    "set the bucket's encryption, or [archive.s3] encryption",
);
static CLOCK: Item = item("bucket.clock", "the store's clock and ours agree", "set this machine's clock by NTP");
static RIGHTS: Item = item(
    "bucket.rights",
    "the service's own rights are few enough",
    "leave it the rights that crates/archive/README.md lists, and no others",
);

/// What is asked of every bucket.
pub(super) static ITEMS: [&Item; 9] =
    [&REACH, &VERSIONING, &LOCK, &DEFAULT, &LIFECYCLE, &PUBLIC, &TLS, &ENCRYPTION, &CLOCK];

/// What is tried where that is asked for.
pub(super) static TRIED: [&Item; 1] = [&RIGHTS];

fn of(aspect: Aspect) -> &'static Item {
    match aspect {
        Aspect::Reach => &REACH,
        Aspect::Versioning => &VERSIONING,
        Aspect::ObjectLock => &LOCK,
        Aspect::DefaultRetention => &DEFAULT,
        Aspect::Lifecycle => &LIFECYCLE,
        Aspect::PublicAccess => &PUBLIC,
        Aspect::Tls => &TLS,
        Aspect::Encryption => &ENCRYPTION,
        Aspect::Clock => &CLOCK,
        Aspect::Rights => &RIGHTS,
    }
}

/// Looks at the bucket, where there is one.
pub(super) async fn look(config: &Config, now: Timestamp, probe: bool, findings: &mut Findings) {
    if config.archive.s3.is_none() {
        return;
    }
    let depth = if probe { Depth::Probing } else { Depth::Asking };
    let examined = match vault::open(config) {
        Ok(vault) => vault.examine(now, depth).await.map_err(|error| error.to_string()),
        Err(error) => Err(format!("{error:#}")),
    };
    match examined {
        Ok(observations) => note(&observations, probe, findings),
        Err(why) => findings.fail(&REACH, why),
    }
}

fn note(observations: &[Observation], probed: bool, findings: &mut Findings) {
    for seen in observations.iter().filter(|seen| probed || seen.aspect != Aspect::Rights) {
        let state = match seen.standing {
            Standing::Holds | Standing::NotApplicable => State::Ok,
            Standing::Weak => State::Warn,
            Standing::Unknown => State::Unknown,
            Standing::Broken => State::Fail,
        };
        findings.note(of(seen.aspect), state, seen.sentence.clone());
    }
}

/// The bytes that the archive keeps under this name; none where there are none.
pub(super) async fn kept(vault: &Arc<dyn Vault>, name: &str) -> Result<Option<Vec<u8>>, VaultError> {
    let listed = vault.list(name).await?;
    let Ok(key) = ObjectKey::parse(name) else { return Ok(None) };
    let Some(version) = listed.into_iter().find(|listed| listed.key == key).and_then(|listed| listed.version) else {
        return Ok(None);
    };
    Ok(Some(vault.get(&key, &version).await?))
}
