//! What findings of one kind share: why it matters, whom it touches, what to do.

use exhibit_evidence::Condition;

struct Words {
    check: &'static str,
    title: &'static str,
    risk: &'static str,
    impact: &'static str,
    recommendation: &'static str,
    steps: &'static [&'static str],
    references: &'static [&'static str],
}

const NIST_5: &str = "NIST SP 800-53 r5 IA-5, authenticator management";
const ISO_17: &str = "ISO/IEC 27001:2022 A.5.17, authentication information";
const ISO_31: &str = "ISO/IEC 27001:2022 A.8.31, separation of environments";
const SOC_61: &str = "SOC 2 CC6.1, logical access";
const PCI_22: &str = "PCI DSS 4.0.1 2.2.2, vendor defaults";
const PCI_83: &str = "PCI DSS 4.0.1 8.3.6, strength of passwords";

const ALL: &[Words] = &[
    Words {
        check: "unique-credentials.shared-across-environments",
        title: "A credential is the same in two environments",
        risk: "Whoever gets hold of it in the weaker environment can use it in the stronger one. Staging is reached by more people, logs more and is patched later.",
        impact: "Data of the protected environment can be read, changed or deleted with a credential that its own access rules never granted.",
        recommendation: "Give every environment a credential of its own, generated where it is used and never copied.",
        steps: &[
            "Generate a new value for the protected environment first, at least 32 random characters, straight into its secret manager.",
            "Set it on the server (for Postgres `ALTER ROLE … PASSWORD`, for Redis `ACL SETUSER` or `requirepass`), keeping the old one valid only as long as the roll-out takes.",
            "Restart or reload every service that uses it, and check that each reconnects.",
            "Revoke the old value on the server, and confirm that a login with it is refused.",
            "Generate another new value for the other environment: the old one must be treated as known.",
            "Look through the access logs of the protected environment for logins from the other one since the value was first shared.",
        ],
        references: &[SOC_61, ISO_17, ISO_31, NIST_5],
    },
    Words {
        check: "unique-credentials.reused-within-environment",
        title: "One value serves under two names",
        risk: "A leak of one system's credential opens the other as well, and neither can be rotated alone.",
        impact: "The reach of an incident grows from one system to all that share the value; rotation needs a common maintenance window and is put off.",
        recommendation: "Generate a separate value for each system and account.",
        steps: &[
            "Decide which of the systems is the easiest to change, and generate a new random value for it in the secret manager.",
            "Set the value on that system and in every service that uses it, under its own name.",
            "Restart the services and check that each reconnects.",
            "Revoke the old value on that system.",
            "Rotate the remaining system as well: its value has been in the other's configuration.",
            "If both names stand for one and the same account, say so in the policy's `same_credential`.",
        ],
        references: &[SOC_61, ISO_17, NIST_5],
    },
    Words {
        check: "unique-credentials.nearly-equal",
        title: "Two credentials differ only trivially",
        risk: "Whoever knows one guesses the other: a changed digit, letter case or an environment's name in the value is the first thing that is tried.",
        impact: "The separation of systems or environments exists on paper only.",
        recommendation: "Replace values that people made up by independent random ones.",
        steps: &[
            "Generate an independent random value for each of the credentials in the secret manager; do not derive one from another.",
            "Set the first on its server and roll it out to the services that use it.",
            "Check that each service reconnects, then revoke the old value.",
            "Do the same for the second.",
            "Look for the pattern elsewhere: values that follow it in systems which this job does not read are as easily guessed.",
        ],
        references: &[ISO_17, NIST_5],
    },
    Words {
        check: "unique-credentials.default-password",
        title: "A default or common password is in use",
        risk: "It is in every list that is tried against servers, and gives access within seconds wherever the server can be reached.",
        impact: "Full access to the system it protects, by anybody who reaches it over the network.",
        recommendation: "Replace it by a random value, and make the service refuse to start with a default.",
        steps: &[
            "Check whether the system can be reached from outside its own network; if so, close that first.",
            "Generate a random value of at least 32 characters in the secret manager.",
            "Set it on the server, and roll it out to every service that uses it.",
            "Confirm that a login with the old password is refused.",
            "Look through the system's logs for logins that nobody can account for.",
            "Make the application refuse to start with a known default, for example with `${NAME:?}` in compose.",
        ],
        references: &[PCI_22, SOC_61, NIST_5],
    },
    Words {
        check: "unique-credentials.placeholder",
        title: "A placeholder was never replaced",
        risk: "The value stands in examples and documentation that everybody can read. For an encryption key it means that data is encrypted with a public value.",
        impact: "What the credential protects is open; data encrypted with a placeholder must be treated as not encrypted.",
        recommendation: "Replace it before real data or provider keys are stored, and re-encrypt what was written under it.",
        steps: &[
            "Find out since when the environment has held real data or provider keys.",
            "Generate the value in the form that the application expects (an ENCRYPTION_KEY of 32 bytes: `openssl rand -hex 32`), straight into the secret manager.",
            "For an encryption key: plan a maintenance window, decrypt with the old value, encrypt with the new one, and keep a copy of the new key in the vault and in the separate backup.",
            "Roll it out and restart every service that uses it.",
            "Rotate what was encrypted or signed under the placeholder: provider keys at their providers, sessions and tokens by invalidating them.",
            "Make the application refuse to start while a value from its own example file is set.",
        ],
        references: &[SOC_61, ISO_17, NIST_5],
    },
    Words {
        check: "unique-credentials.weak",
        title: "A credential is too short, too easily guessed or of the wrong form",
        risk: "It can be found by trying, offline within hours where a hash or an encrypted file is at hand.",
        impact: "Access to what it protects; for an encryption key, to everything that was encrypted with it.",
        recommendation: "Generate values; nobody has to remember them.",
        steps: &[
            "Generate a random value in the secret manager, of the length and alphabet that the policy asks for.",
            "Set it on the server or in the application, and roll it out to every service that uses it.",
            "Check that each service reconnects.",
            "Revoke the old value.",
            "Set the server's own password policy, where it has one, so that a weak value is refused next time.",
        ],
        references: &[PCI_83, ISO_17, NIST_5],
    },
    Words {
        check: "unique-credentials.missing-key",
        title: "A credential is set in one environment and missing in another",
        risk: "The service falls back to a default, runs without authentication or encryption, or fails when the code path is first used.",
        impact: "What was tested in one environment is not what runs in the other.",
        recommendation: "Set it, or say in the policy why this environment does without.",
        steps: &[
            "Find out from the application's code what it does when the name is not set.",
            "If it is needed: generate a value of its own for this environment in the secret manager; do not copy the other environment's.",
            "Roll it out and restart the service.",
            "If it is not needed: add it to `allow_missing` with the reason, or to `optional`.",
            "Add the name to the application's example file and to its list of required settings, so that a start without it fails.",
        ],
        references: &[ISO_31, "NIST SP 800-53 r5 CM-6, configuration settings"],
    },
    Words {
        check: "unique-credentials.supplied-by-default",
        title: "A default written into the configuration supplies a credential",
        risk: "The value is in version control, known to everybody who ever read the repository, and the same wherever the variable is forgotten.",
        impact: "The environment runs with a public credential, and nothing fails that would tell.",
        recommendation: "Require the variable: `${NAME:?set it in the secret manager}`.",
        steps: &[
            "Generate a value for this environment in the secret manager.",
            "Set the variable in the environment's own variable file or secret store.",
            "Replace `${NAME:-default}` by `${NAME:?}` in the compose files that this environment uses, so that a start without the value fails.",
            "Roll it out, and set the new value on the server.",
            "Revoke the default on the server and confirm that a login with it is refused.",
            "Keep the default only in files that disposable environments alone use.",
        ],
        references: &[SOC_61, ISO_17, "Compose specification, interpolation"],
    },
];

/// The words for a check's findings.
pub(super) fn of(check: &str) -> Condition {
    let words = ALL.iter().find(|words| words.check == check);
    let words = words.expect("every check of the manifest has its words; a test holds that");
    let list = |items: &[&str]| items.iter().map(|&item| item.to_owned()).collect();
    Condition {
        title: words.title.to_owned(),
        risk: words.risk.to_owned(),
        impact: words.impact.to_owned(),
        recommendation: words.recommendation.to_owned(),
        steps: list(words.steps),
        references: list(words.references),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_has_words_and_steps() {
        let manifest: exhibit_evidence::catalog::CollectorManifest =
            toml::from_str(include_str!("collector.toml")).expect("the manifest reads");
        assert_eq!(manifest.checks.len(), ALL.len());
        for check in manifest.checks {
            assert!((5..=6).contains(&of(check.id.as_str()).steps.len()), "{}", check.id);
        }
    }
}
