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
const SOC_67: &str = "SOC 2 CC6.7, transmission of information";
const ISO_24: &str = "ISO/IEC 27001:2022 A.8.24, use of cryptography";
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
    Words {
        check: "unique-credentials.same-login-on-two-hosts",
        title: "One login opens two hosts",
        risk: "Whoever takes over one of the servers, or reads its clients' configuration, logs in to the other as the same user.",
        impact: "An intrusion spreads from one host to the next without another password having to be found.",
        recommendation: "Give every server an account and a password of its own.",
        steps: &[
            "Find out whether the two host names are one server (a replica behind the same address, a pooler before it); if so, list them in the policy's `same_host`.",
            "Else generate a new random value for one of them in the secret manager.",
            "Create an account of its own on that server, with no more rights than the service needs.",
            "Roll it out to the services that use that server, and check that each reconnects.",
            "Revoke the shared login there, and confirm that it is refused.",
        ],
        references: &[SOC_61, ISO_17, NIST_5],
    },
    Words {
        check: "unique-credentials.unencrypted-connection",
        title: "A database connection does not require encryption",
        risk: "The login and every row travel readably between machines, and a client that only prefers encryption is talked out of it by whoever sits between.",
        impact: "Passwords and personal data can be read, and answers changed, on any network segment in between.",
        recommendation: "Require encryption and a checked certificate in every connection string that leaves the machine.",
        steps: &[
            "Give the server a certificate, and switch TLS on there.",
            "Require it in the connection string: `sslmode=verify-full` for Postgres, `rediss://` for Redis, `ssl-mode=VERIFY_IDENTITY` for MySQL, `amqps://`, `bolt+s://`, `tls=true` for MongoDB.",
            "Hand the authority's certificate to the services, and check that each reconnects.",
            "Refuse unencrypted connections on the server (`hostssl` in pg_hba.conf, `port 0` beside `tls-port` in Redis).",
            "Replace passwords that have crossed the network readably.",
            "If the two ends share a host and its network, say so in the policy's `allow_unencrypted`, with the reason.",
        ],
        references: &[SOC_67, ISO_24, "NIST SP 800-53 r5 SC-8, transmission confidentiality"],
    },
    Words {
        check: "unique-credentials.extra-key",
        title: "A credential is set that the example file does not declare",
        risk: "Nobody who sets up, reviews or rotates the environment knows of it: it outlives the service that needed it.",
        impact: "A forgotten credential stays valid, and is missed when everything is to be rotated after an incident.",
        recommendation: "Declare it in the example file, or remove and revoke it.",
        steps: &[
            "Look in the application's code for the name.",
            "If it is used: add it to the example file, without a value.",
            "If it is not: remove it from the environment's configuration and restart the services.",
            "Revoke it at the system that it opens.",
            "If it is no credential, list it in the policy's `not_credentials`.",
        ],
        references: &[ISO_17, "ISO/IEC 27001:2022 A.8.9, configuration management"],
    },
    Words {
        check: "unique-credentials.recipients",
        title: "A secret is handed to a service that has no need of it",
        risk: "Each further recipient is one more place from which the secret leaks: its logs, its error reports, its vulnerabilities.",
        impact: "An intrusion into the least protected recipient gives what the secret protects.",
        recommendation: "Hand every secret to the services that use it, by name, and to no other.",
        steps: &[
            "Find out from the service's code whether it uses the secret.",
            "If it does: add it to the policy's `recipients`, in a change that somebody else approves.",
            "If it does not: replace a shared variable file or `envFrom` by the single names that the service needs.",
            "Restart the service and check that it works without.",
            "Rotate the secret if the service is less protected than those that are meant to have it.",
        ],
        references: &["SOC 2 CC6.3, least privilege", "ISO/IEC 27001:2022 A.5.15, access control", "NIST SP 800-53 r5 AC-6, least privilege"],
    },
    Words {
        check: "unique-credentials.rotation",
        title: "A credential was not replaced in time",
        risk: "Whoever learned it, in a backup, in a log, as a former colleague or during an incident, can still use it.",
        impact: "Access that should have ended goes on unseen.",
        recommendation: "Replace it now, and let the secret manager replace it on a schedule.",
        steps: &[
            "Generate a new random value in the secret manager.",
            "Set it on the server, keeping the old one valid only as long as the roll-out takes.",
            "Roll it out to every service that uses it, and check that each reconnects.",
            "Revoke the old value, and confirm that a login with it is refused.",
            "After an incident: look through the access logs since it began for logins that nobody can account for.",
            "Put the rotation on a schedule, automatic where the manager can do it.",
        ],
        references: &[SOC_61, ISO_17, NIST_5],
    },
    Words {
        check: "unique-credentials.breached",
        title: "A credential appears in a public list of breached passwords",
        risk: "Such lists are what attackers try first: who has the list has the password, and needs only the place where it opens something.",
        impact: "Whatever the credential opens can be read, changed or deleted by somebody who never saw our configuration.",
        recommendation: "Replace it by a random value that nobody chose, and treat the old one as known.",
        steps: &[
            "Generate a new random value in the secret manager, at least 32 characters.",
            "Set it on the server, and roll it out to every service that uses it.",
            "Revoke the old value, and confirm that a login with it is refused.",
            "Look through the access logs of what it opened for logins that nobody can account for.",
            "Find out who chose it, and where else it may be in use.",
        ],
        references: &["NIST SP 800-63B 5.1.1.2, comparison with breach corpuses", ISO_17, SOC_61],
    },
    Words {
        check: "unique-credentials.cross-login",
        title: "A credential of one environment opens a server of another",
        risk: "It was tried and it worked: whoever holds the weaker environment's configuration is in the stronger one.",
        impact: "Data of the environment that the server belongs to can be read, changed or deleted with a credential that was never meant for it.",
        recommendation: "Change the server's password now, and treat the old one as known.",
        steps: &[
            "Generate a new random value for the server's account in its own environment's secret manager.",
            "Set it on the server, roll it out to that environment's services, and check that each reconnects.",
            "Confirm that a login with the other environment's credential is refused: run this test again.",
            "Restrict from where the server accepts connections (pg_hba.conf, network policy), so that the other environment does not reach it.",
            "Look through the server's logs for logins from the other environment.",
        ],
        references: &[SOC_61, ISO_31, NIST_5],
    },
    Words {
        check: "unique-credentials.open-server",
        title: "A server lets in anybody who reaches it",
        risk: "No credential stands between the network and the data: every host that reaches the port, and every program on it, has full access.",
        impact: "All data on the server can be read, changed or deleted, and in many set-ups programs can be run on its host.",
        recommendation: "Ask for a password of its own, and close the port to all but the services that need it.",
        steps: &[
            "Close the port to everything but the services that use it, at once.",
            "Set a random password: for Redis an ACL user each service and `user default off`, for Postgres `scram-sha-256` in place of `trust` in pg_hba.conf.",
            "Where a well-known login was let in, change that account's password or disable it.",
            "Roll it out to the services, and check that each reconnects.",
            "Look through the server's logs and data for what nobody can account for.",
            "Run this test again.",
        ],
        references: &[PCI_22, SOC_61, "ISO/IEC 27001:2022 A.8.5, secure authentication"],
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
