//! The kinds of deviation that this collector's judge notes: why each matters and what to do about it.

use exhibit_evidence::{Condition, ConditionId};

pub(super) const SERVICES: &str = "key-custody.services-differ";
pub(super) const TOO_FEW: &str = "key-custody.too-few-copies";
pub(super) const ABSENT: &str = "key-custody.copy-absent";
pub(super) const NOT_ATTESTED: &str = "key-custody.not-attested";
pub(super) const UNOBSERVED: &str = "key-custody.copies-unobserved";
pub(super) const DIFFERS: &str = "key-custody.copy-differs";
pub(super) const BESIDE: &str = "key-custody.beside-data";
pub(super) const STALE: &str = "key-custody.backup-stale";
pub(super) const OLDER: &str = "key-custody.older-key-lost";
pub(super) const FORMAT: &str = "key-custody.malformed-key";
pub(super) const OVERDUE: &str = "key-custody.rotation-overdue";
pub(super) const ACCESS: &str = "key-custody.too-many-readers";
pub(super) const DRILL: &str = "key-custody.restore-failed";
pub(super) const SNAPSHOT: &str = "key-custody.vault-not-restorable";
pub(super) const SNAPSHOT_STALE: &str = "key-custody.vault-backup-stale";
pub(super) const SNAPSHOT_KEY: &str = "key-custody.vault-backup-without-key";

/// Each of them.
#[cfg(test)]
pub(super) const ALL: [&str; 16] = [
    SERVICES, TOO_FEW, ABSENT, NOT_ATTESTED, UNOBSERVED, DIFFERS, BESIDE, STALE, OLDER, FORMAT, OVERDUE, ACCESS, DRILL,
    SNAPSHOT, SNAPSHOT_STALE, SNAPSHOT_KEY,
];

/// A condition's id.
pub(super) fn id(text: &str) -> ConditionId {
    ConditionId::new(text).expect("the ids above are authored ids, and a test makes each")
}

struct Words {
    title: &'static str,
    risk: &'static str,
    recommendation: &'static str,
    steps: &'static [&'static str],
}

/// What findings of this condition share.
pub(super) fn of(text: &str) -> Condition {
    let Words { title, risk, recommendation, steps } = words(text);
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let impact = match text {
        BESIDE | ACCESS => "Everybody whose data is encrypted under the key: it can be read by whom it was to be kept from.",
        FORMAT | OVERDUE => "Everybody whose data is encrypted under the key, should it become known or be guessed.",
        _ => "Everybody whose data is encrypted under the key: without the key it is lost, however good its backups are.",
    };
    Condition {
        title: title.to_owned(),
        risk: risk.to_owned(),
        impact: impact.to_owned(),
        recommendation: recommendation.to_owned(),
        steps: owned(steps),
        references: owned(&[
            "NIST SP 800-57 part 1 r5, 8.2 and 8.3: storage, backup and recovery of keys",
            "NIST SP 800-53 r5 SC-12(1), CP-9(8)",
            "ISO/IEC 27001:2022 A.8.24, A.8.13",
        ]),
    }
}

fn words(text: &str) -> Words {
    match text {
        SERVICES => Words {
            title: "Services that share a key do not run with the same one",
            risk: "What one of them encrypts the other can't decrypt: data written now may be unreadable already, and the error shows only when it is read.",
            recommendation: "Find out which key is the current one, and roll it out to every service at once.",
            steps: &[
                "Stop writing with the service whose key differs, before more data is encrypted under it.",
                "Find out from the vault's versions, and from the deployment's history, which key was to be current.",
                "Keep both keys until all that was written under either has been read back.",
                "Roll the current key out to every service, and restart each.",
                "Re-encrypt what was written under the other key, then run this job again.",
            ],
        },
        TOO_FEW => Words {
            title: "The current key is kept in too few independent places",
            risk: "One failure, one deleted vault or one lost machine takes the last copy of the key, and all data under it with it.",
            recommendation: "Keep the current key in at least two places that do not fail together: the vault and a backup of its own.",
            steps: &[
                "Copy the current key from the running service's own source into the missing place, encrypted for those who may restore it.",
                "Read it back from there, and run this job: the place has to answer as the service does.",
                "Give each place a `site` of its own only if nothing that fails would take both.",
                "Add the place to the procedure for rotation, so that it gets the next key as well.",
            ],
        },
        ABSENT => Words {
            title: "A place that is to hold the key does not",
            risk: "Whoever restores from there finds nothing, though the recovery plan counts on it.",
            recommendation: "Put the current key there, or take the place out of the recovery plan.",
            steps: &[
                "Find out whether the key was ever there, and who removed it.",
                "Put the current key there and read it back.",
                "If the place is no longer meant to hold it, take it out of the job and of the recovery plan.",
            ],
        },
        DIFFERS => Words {
            title: "A copy is another key than the running one",
            risk: "The backup looks complete, but the key in it opens nothing that was written since the last rotation. That shows on the day it is needed.",
            recommendation: "Replace the copy by the current key, and make writing it part of each rotation.",
            steps: &[
                "Do not overwrite yet: the copy may be an older key under which there still is data.",
                "Find out from the vault's versions which key the copy is, and keep it as an older version if data is under it.",
                "Write the current key to the place, and run this job: the place has to answer as the service does.",
                "Add the place to the procedure for rotation, and hold a restore drill.",
            ],
        },
        NOT_ATTESTED => Words {
            title: "That an offline copy is there is not attested by two persons",
            risk: "Nobody answers for the copy: it may be gone, unreadable or of an earlier key, and that shows when it is needed.",
            recommendation: "Let two persons look at the copy in each quarter and after each rotation, and attest what they saw.",
            steps: &[
                "Go to the location together, and see that the copy is there, whole, and that of the current key.",
                "Let one of you attest it (`exhibit attest key-custody`), and the other confirm it (`exhibit attest confirm`), each by a token of their own.",
                "Put it on the calendar for the first week of each quarter: an attestation expires with its quarter.",
            ],
        },
        UNOBSERVED => Words {
            title: "Too few copies of the key were observed",
            risk: "People can be wrong about what an envelope or a device holds: no program saw that any of the copies is the key that runs.",
            recommendation: "Keep at least one copy where it can be asked, or let a restore drill fetch the offline one.",
            steps: &[
                "Keep a copy in a vault, a bucket or an encrypted file that the job can ask.",
                "If the key may only be offline, say so in the policy (`observed_copies = 0`) with whoever answers for it.",
            ],
        },
        BESIDE => Words {
            title: "The key is stored beside the data that it protects",
            risk: "Whoever gets at that place has the encrypted data and the key to it. Encryption then protects against nobody who steals a backup.",
            recommendation: "Move the copy to a place with other rights, apart from the dumps.",
            steps: &[
                "Copy the key to a place that those who can read the dumps can't read.",
                "Remove it beside the dumps, also from older versions and snapshots of that place.",
                "Find out who could read both; if that is anybody who should not have the key, rotate it.",
            ],
        },
        STALE => Words {
            title: "A backup of the key is older than it may be",
            risk: "A job that stopped saving goes unnoticed until the next rotation makes its last copy worthless.",
            recommendation: "Find out why nothing was saved since, and save again.",
            steps: &[
                "Look at the backup job's own log since the date of the last copy.",
                "Run it, and see that the new copy answers as the service does.",
                "Let the job tell somebody when it fails.",
            ],
        },
        OLDER => Words {
            title: "An older key is lost while there is data under it",
            risk: "Data and backups from before the rotation can't be decrypted any more.",
            recommendation: "Restore the older key from another place, and keep it until no data is under it.",
            steps: &[
                "Look for the older key in the vault's versions and in older backups, and put it back where it belongs.",
                "Open something that was encrypted under it, to be sure which key it is.",
                "Re-encrypt what can be, and set the day until which the older key is needed.",
            ],
        },
        FORMAT => Words {
            title: "The key does not have the form that it should have",
            risk: "A key that is too short, made up or cut off can be guessed, or does not work where it is restored to.",
            recommendation: "Generate the key at random in its full length, and store it as it is.",
            steps: &[
                "Compare how the places hold it: if only one differs, it was copied wrongly there.",
                "If the running one is wrong, generate a new key (`openssl rand -hex 32`) and rotate to it.",
                "Let the service refuse to start with a key of another form.",
            ],
        },
        OVERDUE => Words {
            title: "The key was not rotated in time",
            risk: "The longer a key is in use, the more data a single leak opens, and the more people and machines have held it.",
            recommendation: "Rotate the key, and let the rotation be part of the calendar.",
            steps: &[
                "Generate a new key, and put it into every place of custody first.",
                "Roll it out so that the service writes with the new one and still reads with the old.",
                "Keep the old one as an older version for as long as data is under it.",
                "Run this job: all places have to answer with the new key.",
            ],
        },
        ACCESS => Words {
            title: "More may read the key than should",
            risk: "Each person or program that may read the key is a way by which it can get out, and a key that was copied leaves no trace.",
            recommendation: "Let nobody read it but those who run the service or restore it.",
            steps: &[
                "Take the right away: for a file `chmod 600`, for a vault the policies that grant its path.",
                "Find out who read it meanwhile, from the place's own audit log.",
                "Rotate the key if somebody did who should not.",
            ],
        },
        DRILL => Words {
            title: "A copy of the key did not open what was encrypted with it",
            risk: "A restore with this copy fails, on the day it is needed. Until it is replaced, all data under the key depends on the other copies.",
            recommendation: "Replace the copy by the key that opens the test text, and repeat the drill.",
            steps: &[
                "Try the test text with each other copy, to see whether the text or the copy is wrong.",
                "Write the right key to the place, and repeat the drill.",
                "Find out since when the copy was wrong, and what was restorable meanwhile.",
            ],
        },
        SNAPSHOT => Words {
            title: "The vault can't be restored from its backup",
            risk: "When the vault is lost, all secrets in it are lost with it.",
            recommendation: "Make a backup that a fresh vault takes, and restore one each quarter.",
            steps: &[
                "Make a snapshot now (`bao operator raft snapshot save`), and restore it into a scratch vault.",
                "Check that the unseal keys in custody are those of the running vault.",
                "Let the backup job tell somebody when it fails.",
            ],
        },
        SNAPSHOT_STALE => Words {
            title: "The vault's backup is older than it may be",
            risk: "Secrets that were written or rotated since are in no backup.",
            recommendation: "Find out why no snapshot was made since, and make one.",
            steps: &[
                "Make a snapshot now.",
                "Look at the backup job's own log since the last one.",
                "Let the job tell somebody when it fails.",
            ],
        },
        _ => Words {
            title: "The restored vault does not hold the current key",
            risk: "The backup restores a vault, but not the key that the data needs.",
            recommendation: "See that the key is in the vault, and make a snapshot after each rotation.",
            steps: &[
                "Look whether the running vault holds the current key at that path.",
                "Make a snapshot, and run this job again.",
                "Add a snapshot to the procedure for rotation.",
            ],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_condition_has_words_of_its_own() {
        let titles: std::collections::BTreeSet<String> = ALL.iter().map(|text| of(id(text).as_str()).title).collect();
        assert_eq!(titles.len(), ALL.len());
    }
}
