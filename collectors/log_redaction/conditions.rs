//! The kinds of deviation that this collector's judge notes: why each matters and what to do about it.

use exhibit_evidence::{Condition, ConditionId};

/// A value of a provider's shape.
pub(super) const TOKEN: &str = "log-redaction.token";
/// A value behind a name that promises a secret.
pub(super) const NAMED: &str = "log-redaction.named-secret";
/// A secret of an environment, exactly.
pub(super) const KNOWN: &str = "log-redaction.known-value";
/// Something that tells about a person.
pub(super) const PERSONAL: &str = "log-redaction.personal-data";
/// A canary's secret is there.
pub(super) const LEAKED: &str = "log-redaction.canary-leaked";
/// A canary's secret is not there, and neither is what should stand in its place.
pub(super) const NOT_REDACTED: &str = "log-redaction.canary-form";

/// A condition's id.
pub(super) fn id(text: &str) -> ConditionId {
    ConditionId::new(text).expect("the ids above are authored ids, and a test makes each")
}

const READERS: &str = "Whoever can read the logs: operators, support, the log service and its staff, backups, and whoever gets an export of them.";

/// What findings of this condition share.
pub(super) fn condition(text: &str) -> Condition {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<String>>();
    let rotate = [
        "Rotate the value at its provider now: whoever could read the log may hold it.",
        "Look through the provider's access log for use of the old value since the first line that holds it, and record the result.",
        "Find the statement that logs it, and let it log a reference or nothing; let the logger redact by name and by shape as a second net.",
        "Remove the lines from the logs that are kept, their archives and backups, as far as their own retention duties allow.",
        "Add a canary for this path (`exhibit collectors show log_redaction`), so that the redaction is tried at each run.",
        "Run this check again: the finding closes when no kept log holds the value.",
    ];
    let (title, risk, recommendation, steps) = match text {
        TOKEN => (
            "A credential stands in a log",
            "The value has the shape of a provider's credential and can be used as it is, without any further knowledge.",
            "Rotate it at its provider, and keep it out of the log.",
            owned(&rotate),
        ),
        NAMED => (
            "A secret stands in a log under its name",
            "A value behind a name that promises a secret was written out instead of being redacted.",
            "Rotate it, and keep it out of the log.",
            owned(&rotate),
        ),
        KNOWN => (
            "A secret that is in use stands in a log",
            "The log holds exactly a value that an environment is configured with, bare or encoded: there is no doubt about it.",
            "Rotate it in every environment that holds it, and keep it out of the log.",
            owned(&rotate),
        ),
        PERSONAL => (
            "Personal data stands in a log",
            "What tells about people lies where more can read it than the purpose needs, and longer than it may be kept.",
            "Let the application log a reference to the person, or nothing.",
            owned(&[
                "Find the statement that logs it, and let it log an internal reference instead.",
                "Find out who could read the log, and whether its retention is longer than that of the data itself.",
                "Remove the lines from the logs that are kept, as far as their own retention duties allow.",
                "Where the log needs it, allow the place in the policy with a reason and an expiry, and record it in the register of processing.",
                "Run this check again.",
            ]),
        ),
        LEAKED => (
            "The log shows a synthetic secret that it should have redacted",
            "What an application was given as a secret reached the log readable: a real one takes the same way.",
            "Let the application or its log shipper redact what this path logs.",
            owned(&[
                "Follow the canary's command: which statement logs what it was given?",
                "Let that statement log a reference or nothing, or let the logger redact by name and by shape.",
                "Look for real secrets that took the same way since the last run that passed, and rotate them.",
                "Run this check again.",
            ]),
        ),
        _ => (
            "A log shows no redacted form of a synthetic secret",
            "The secret is not in the log, but neither is what should stand in its place: it may have been dropped, or have gone elsewhere.",
            "Find out what became of the value, and whether `redacted` in the job's settings is what the application writes.",
            owned(&[
                "Look at the line of the marker: what stands where the secret would be?",
                "Put the job's setting right, or the application's redaction.",
                "Look whether the value went to another log.",
                "Run this check again.",
            ]),
        ),
    };
    Condition {
        title: title.to_owned(),
        risk: risk.to_owned(),
        impact: READERS.to_owned(),
        recommendation: recommendation.to_owned(),
        steps,
        references: owned(&[
            "CWE-532: Insertion of Sensitive Information into Log File",
            "OWASP Logging Cheat Sheet: data to exclude",
            "GDPR Article 5(1)(c), (e) and (f): minimisation, storage limitation, confidentiality",
        ]),
    }
}
