//! Credentials that come from a vault, from the configuration to the report: a real OpenBao over TLS of a private authority, asked as a
//! role. Whoever reads the report understands what is wrong with it.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::{Value, json};

use super::{Place, ends_with, output};
use crate::bao::{Bao, bao};

/// A deployment whose credentials lie in this vault, both environments by a role of its own.
struct Company {
    place: Place,
    values: [String; 4],
}

impl Company {
    /// `mount` is the company's own; the vault may be sealed, and then nothing is put there.
    fn new(server: &Bao, mount: &str) -> Self {
        let place = Place::new();
        let values = [1, 2, 3, 4].map(|number| format!("canary-{mount}-{number}-Qm7vK2xT9bLw"));
        let write = |name: &str, text: &str| {
            fs::write(place.join(name), text).expect("written");
            fs::set_permissions(place.join(name), fs::Permissions::from_mode(0o600)).expect("a mode");
        };
        let (mut role_id, mut secret_id) = ("no-role".to_owned(), "no-secret".to_owned());
        if !server.root.is_empty() {
            server.mount(mount, 2);
            for (environment, values) in [("staging", &values[..2]), ("production", &values[2..])] {
                let secret = json!({ "POSTGRES_PASSWORD": values[0], "REDIS_PASSWORD": values[1] });
                server.put(&format!("{mount}/{environment}/app"), &secret);
            }
            server.policy(mount, &format!("path \"{mount}/*\" {{ capabilities = [\"list\", \"read\"] }}"));
            [role_id, secret_id] = server.role(mount, &[&format!("token_policies={mount}")]);
        }
        write("role.id", &role_id);
        write("secret.id", &secret_id);
        fs::copy(&server.authority, place.join("authority.pem")).expect("copied");
        let company = Self { place, values };
        company.configure(
            &server.address,
            mount,
            "approle = { role_id = 'file:role.id', secret_id = 'file:secret.id', mount = 'MOUNT' }",
        );
        company
    }

    fn configure(&self, address: &str, mount: &str, login: &str) {
        let source = |environment: &str| {
            format!(
                "[[jobs.source.credentials]]\nenvironment = '{environment}'\nvault = {{ address = '{address}', \
                 authorities = 'authority.pem', mount = '{mount}', path = '{environment}', {} }}\n",
                login.replace("MOUNT", mount)
            )
        };
        let text = format!(
            "[deployment]\nname = 'Vaults'\ndata_dir = 'house'\n[environments.staging]\n[environments.production]\n[[jobs]]\n\
             id = 'credentials'\ncollector = 'unique_credentials'\nschedule = '0 3 * * *'\n\
             environments = ['staging', 'production']\n[jobs.source]\nsubject = 'shop'\n{}{}",
            source("staging"),
            source("production")
        );
        fs::write(self.place.join("exhibit.toml"), text).expect("written");
    }

    /// Checks, looks, runs and reports; gives how the run ended, what each check said, and the report in words.
    fn story(&self) -> (Option<i32>, String, String) {
        let place = self.place.path();
        ends_with(0, place, &["check"]);
        let ran = output(place, &["run", "credentials", "--format", "json"]);
        let told: Value = serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
        let note = told["slots"][0]["note"].as_str().expect("a note").to_owned();
        let doctor = output(place, &["doctor", "--format", "json"]);
        let period = super::leaks::quarter();
        ends_with(0, place, &["report", "render", "--period", &period, "--out", "report"]);
        let report = fs::read_to_string(self.place.join("report/report.md")).expect("a report");
        let everything = [&ran.stdout, &ran.stderr, &doctor.stdout, &doctor.stderr, &report.clone().into_bytes()];
        for value in &self.values {
            for said in everything {
                assert!(!String::from_utf8_lossy(said).contains(value), "{value} was shown");
            }
        }
        (ran.status.code(), note, report)
    }

    /// A story that ends as an error, which the report tells in these words.
    #[track_caller]
    fn ends_as_error(&self, words: &str) {
        let (code, note, report) = self.story();
        assert_eq!(code, Some(1), "{note}");
        for check in ["shared-across-environments", "weak", "nearly-equal"] {
            assert!(note.contains(&format!("unique-credentials.{check}: error")), "{check}: {note}");
        }
        assert!(!note.contains(": pass"), "{note}");
        assert!(report.contains(words), "`{words}` is not in the report:\n{report}");
    }
}

#[test]
fn a_report_says_how_the_vaults_credentials_are_and_what_kept_them_from_being_seen() {
    let server = bao();
    let company = Company::new(server, "vaults");
    let (_, note, report) = company.story();
    for check in ["shared-across-environments", "nearly-equal", "weak", "placeholder"] {
        assert!(note.contains(&format!("unique-credentials.{check}: pass")), "{check}: {note}");
    }
    let (_, of_check) =
        report.split_once("### unique-credentials.shared-across-environments (job ").expect("its section");
    let (of_check, _) = of_check.split_once("\n### ").expect("more follows");
    assert!(of_check.contains("| **pass** no deviation noted |"), "{of_check}");

    // A role that the vault does not know.
    let role = fs::read_to_string(company.place.join("role.id")).expect("a role");
    fs::write(company.place.join("role.id"), "00000000-0000-0000-0000-000000000000").expect("written");
    company.ends_as_error("the role or its secret id is not valid");
    fs::write(company.place.join("role.id"), role).expect("written");

    // A token that was taken back.
    let token = server.token("vaults-token", "path \"vaults/*\" { capabilities = [\"list\", \"read\"] }");
    fs::write(company.place.join("token"), &token).expect("written");
    company.configure(&server.address, "vaults", "token = 'file:token'");
    let (_, note, _) = company.story();
    assert!(note.contains("unique-credentials.shared-across-environments: pass"), "{note}");
    server.told(&["token", "revoke", &token], &[], b"");
    company.ends_as_error("permission denied");

    // Nobody at all.
    company.configure("https://127.0.0.1:1", "vaults", "token = 'file:token'");
    company.ends_as_error("no connection");
}

#[test]
fn a_report_says_that_the_vault_is_sealed() {
    let server = Bao::sealed();
    Company::new(&server, "sealed").ends_as_error("it is sealed");
}
