//! The kinds of deviation that this collector's judge notes: why each matters and what to do about it.

use exhibit_evidence::{Condition, ConditionId};

use super::facts::Stands;

/// What something is known as a secret by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A provider's shape.
    Token,
    /// A name that promises a secret.
    Named,
    /// An environment is configured with exactly this value.
    Known,
}

/// Every condition: what, where, and its id.
pub(super) const ALL: [(Kind, Stands, &str); 12] = [
    (Kind::Token, Stands::Tracked, "repository-secrets.token"),
    (Kind::Named, Stands::Tracked, "repository-secrets.named-secret"),
    (Kind::Known, Stands::Tracked, "repository-secrets.known-value"),
    (Kind::Token, Stands::History, "repository-secrets.history-token"),
    (Kind::Named, Stands::History, "repository-secrets.history-named-secret"),
    (Kind::Known, Stands::History, "repository-secrets.history-known-value"),
    (Kind::Token, Stands::Unreferenced, "repository-secrets.unreferenced-token"),
    (Kind::Named, Stands::Unreferenced, "repository-secrets.unreferenced-named-secret"),
    (Kind::Known, Stands::Unreferenced, "repository-secrets.unreferenced-known-value"),
    (Kind::Token, Stands::Bundle, "repository-secrets.bundle-token"),
    (Kind::Named, Stands::Bundle, "repository-secrets.bundle-named-secret"),
    (Kind::Known, Stands::Bundle, "repository-secrets.bundle-known-value"),
];

/// The condition of something that stands somewhere.
pub(super) fn of(kind: Kind, stands: Stands) -> &'static str {
    let found = ALL.iter().find(|(one, place, _)| *one == kind && *place == stands);
    found.map(|(_, _, id)| *id).expect("the list above holds every pair, and a test asks for each")
}

/// A condition's id.
pub(super) fn id(text: &str) -> ConditionId {
    ConditionId::new(text).expect("the ids above are authored ids, and a test makes each")
}

const ROTATE: &str = "Rotate the value at its provider now, before anything else: whoever had the repository has it, and taking it out of the file takes it from nobody.";
const LOOK_BACK: &str = "Look through the provider's access log for use of the old value since the commit that brought it in, and record the result.";
const PREVENT: &str = "Turn on secret scanning with push protection at the hosting service, or run `exhibit scan` before each commit, so that the next one does not get in.";

/// What findings of this condition share.
pub(super) fn condition(text: &str) -> Condition {
    let (kind, stands, _) = *ALL.iter().find(|(_, _, id)| *id == text).unwrap_or(&ALL[0]);
    let what = match kind {
        Kind::Token => "A provider's credential",
        Kind::Named => "A value under a name that promises a secret",
        Kind::Known => "A secret that an environment uses",
    };
    let certain = match kind {
        Kind::Token => {
            "The value has the shape of a provider's credential: whoever reads it can use it as it is, without further knowledge."
        }
        Kind::Named => "The value is written out where its name says that a secret belongs.",
        Kind::Known => {
            "An environment is configured with exactly this value, bare or encoded: it is in use, and there is no doubt about it."
        }
    };
    let (place, why, impact, recommendation) = match stands {
        Stands::Tracked => (
            "stands in a tracked file",
            "Every clone, fork and check-out of the repository holds it, those of former colleagues and of build machines among them.",
            "Everyone who can read the repository, now or later; nothing records who used the value.",
            "Rotate it first, then take it out of the file and let the program read it from a secret store.",
        ),
        Stands::History => (
            "stands in an older version of a file",
            "Deleting it from the file did not take it back: every clone holds all versions, and searching them takes seconds.",
            "Everyone who can read the repository, or ever cloned it.",
            "Rotate it, and attest the rotation. Rewriting history is no substitute: it does not undo that the value was published.",
        ),
        Stands::Unreferenced => (
            "stands in an object that no reference keeps alive",
            "An amended commit, a rewritten history or a dropped stash left it behind. Hosting services hand such objects to whoever knows a commit's id, for months.",
            "Whoever can read this repository's folder, or has the id of the commit that is gone; whoever cloned it before.",
            "Rotate it if it was ever pushed or if that can't be ruled out; then let git prune what nothing refers to.",
        ),
        Stands::Bundle => (
            "is published in a front-end bundle",
            "A bundle is sent to every visitor's browser. Minifying hides nothing, source maps show the original text, and crawlers collect such values within hours.",
            "Anyone on the internet who opens the page, and every cache and archive of it.",
            "Rotate it at once, and move what needs it behind the server; a key that is meant for browsers is limited to its origin and allowed in the policy.",
        ),
    };
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<String>>();
    let steps = match stands {
        Stands::Tracked => owned(&[
            ROTATE,
            LOOK_BACK,
            "Put the new value into the secret store, and replace the literal by a reference to it, on every branch that carries it.",
            PREVENT,
            "Run this check again: the finding then moves to history, where it closes with an attestation of the rotation.",
        ]),
        Stands::History => owned(&[
            "Find out at the provider whether the value is still valid; if it is, or if nobody can tell, rotate it now.",
            LOOK_BACK,
            "Attest the rotation: add a [[jobs.policy.rotated]] table with repository, path, rule, until, by and reference. The finding closes for what was last carried before `until`.",
            "Only then, if the repository must not show it even so, rewrite history (git filter-repo --replace-text), push with force, and have clones, forks and the hosting service's caches follow. That tidies; it does not undo publication.",
            PREVENT,
        ]),
        Stands::Unreferenced => owned(&[
            "Find out whether the object was ever pushed: `git fsck --no-reflogs --unreachable` names it, and the hosting service's log shows pushes.",
            "If it was, or if that can't be ruled out, rotate the value at its provider now.",
            "Expire what still points to it and prune: `git reflog expire --expire=now --all && git gc --prune=now`; at a hosting service its support does that.",
            "Run this check again: the finding closes when the object is gone.",
        ]),
        Stands::Bundle => owned(&[
            "Rotate the value at its provider now: take it as known to everyone.",
            "Look through the provider's access log for use of the old value since the first deployment that served it, and record the result.",
            "Move the call that needs it to the server, and let the front end ask that; keep build variables that begin with NEXT_PUBLIC_, VITE_ or REACT_APP_ free of secrets, because builders write them into the bundle.",
            "Deploy the new build, remove older ones from the server, and purge the content delivery network's caches; do not publish source maps.",
            "If the value is meant for browsers, limit it at its provider to the page's origin and to what the page needs, and allow it in the policy with a reason and an expiry.",
            "Run this check again on the new build.",
        ]),
    };
    Condition {
        title: format!("{what} {place}"),
        risk: format!("{certain} {why}"),
        impact: impact.to_owned(),
        recommendation: recommendation.to_owned(),
        steps,
        references: owned(&[
            "CWE-798: Use of Hard-coded Credentials",
            "CWE-540: Inclusion of Sensitive Information in Source Code",
            "OWASP Secrets Management Cheat Sheet",
        ]),
    }
}
