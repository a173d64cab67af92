//! Settings that are read, and settings that are refused by key and without their values.

use super::super::Root;
use super::*;
use exhibit_evidence::{Clock, Timestamp};

/// A clock that stands still.
pub(crate) struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(0).expect("the beginning of the epoch is an instant")
    }
}

fn sources(text: &str) -> Result<Vec<CredentialSource>, Vec<String>> {
    let table: toml::Table = toml::from_str(text).expect("TOML");
    read(&table["credentials"], "source.credentials")
        .map_err(|problems| problems.iter().map(|one| format!("{}: {}", one.key.join("."), one.message)).collect())
}

#[test]
fn each_kind_is_opened() {
    for (kind, label) in [
        ("dotenv = 'a.env'", "dotenv a.env"),
        ("compose = ['c.yml', 'd.yml']\nenv_file = 'v.env'", "compose c.yml + d.yml with variables from v.env"),
        ("kubernetes = 'k8s'", "kubernetes k8s"),
        (
            "command = { run = ['railway', 'variables', '--json'], format = 'json' }",
            "what `railway variables --json` prints",
        ),
        (
            "vault = { address = 'https://v:8200', path = 'app/staging', token = 'env:T', namespace = 'team' }",
            "vault secret/app/staging of team, KV version 2",
        ),
        (
            "secrets_manager = { region = 'eu-central-1', under = 'staging/' }",
            "AWS Secrets Manager in eu-central-1, names that begin with staging/",
        ),
        ("parameter_store = { region = 'eu-central-1' }", "AWS Parameter Store in eu-central-1"),
        ("kubectl = { namespace = 'app' }", "kubernetes namespace app"),
        ("systemd = { units = 'app.service' }", "systemd app.service"),
        ("wrangler = { files = 'wrangler.toml', env = 'x' }", "variables of wrangler.toml, environment x"),
        ("process = { pid_file = 'app.pid' }", "the environment of the process in app.pid"),
        ("encrypted = { files = 'store/', by = 'gpg', format = 'value' }", "store/, decrypted by gpg"),
    ] {
        let read = sources(&format!("[[credentials]]\nenvironment = 'staging'\n{kind}\n")).expect("valid");
        let source = read[0].open(&Surroundings { root: &Root::Memory(&[]), clock: &FixedClock }).expect("opened");
        assert_eq!((source.label().as_str(), source.environment()), (label, "staging"));
    }
}

#[test]
fn refused_by_key_and_without_the_value() {
    let one = "source.credentials.0";
    for (text, expected) in [
        (
            "",
            "expected exactly one of `dotenv`, `compose`, `kubernetes`, `command`, `vault`, `secrets_manager`, `parameter_store`, `kubectl`, `process`, `encrypted`, `systemd`, `wrangler`, `infisical`",
        ),
        (
            "dotenv='x'\ncompose='y'",
            "expected exactly one of `dotenv`, `compose`, `kubernetes`, `command`, `vault`, `secrets_manager`, `parameter_store`, `kubectl`, `process`, `encrypted`, `systemd`, `wrangler`, `infisical`",
        ),
        ("dotenv=[]", "expected at least one path"),
        ("dotenv='x'\nenv_file='y'", "`env_file` goes with `compose` only"),
        ("command={run=[],format='json'}", "command.run: expected a program and its arguments"),
        ("command={run=['a'],format='value'}", "command.name: goes with the format `value`, which needs it"),
        ("command={run=['a'],format='json',name='A'}", "command.name: goes with the format `value`, which needs it"),
        ("command={run=['a'],format='dotenv',items='a'}", "command: `items` and fields go with JSON only"),
        ("command={run=['a'],format='json',time_limit=0}", "command.time_limit: expected 1 to 3600 seconds"),
        ("vault={address='https://v'}", "vault.token: expected either `token` or `approle`"),
        ("vault={address='https://v',token='env:T',kv=3}", "vault.kv: expected 1 or 2"),
        ("vault={address='https://v',token='env:T',mount='/'}", "vault.mount: expected where the KV engine is mounted"),
        ("vault={address='https://v',token='env:T',path='a/../b'}", "vault.path: expected names with `/` between them"),
        (
            "secrets_manager={region='eu central'}",
            "secrets_manager.region: expected a region's name, such as `eu-central-1`",
        ),
        ("kubectl={namespace='-x'}", "kubectl.namespace: expected a namespace's name"),
        (
            "infisical={address='https://i',project='p',slug='s',client_id='env:I'}",
            "infisical.token: expected either `client_id` and `client_secret`, or `token`",
        ),
        ("process={pid_file=''}", "process.pid_file: expected a file that holds the process's number"),
        ("encrypted={files='a',by='age',format='value'}", "encrypted.identities: goes with `age`, which needs it"),
        ("encrypted={files='a',by='gpg',format='names'}", "encrypted.format: expected `json`, `dotenv` or `value`"),
        ("parameter_store={region='eu-1',at_once=65}", "parameter_store.at_once: expected 1 to 64"),
        (
            "parameter_store={region='eu-1',keys={access_key_id='env:A'}}",
            "parameter_store.keys: expected access_key_id and secret_access_key together",
        ),
        ("vault={address='https://v',token='env:T',at_once=0}", "vault.at_once: expected 1 to 64"),
    ] {
        let told = sources(&format!("[[credentials]]\nenvironment='a'\n{text}")).expect_err("refused");
        let dot = if expected.starts_with(['c', 'v', 's', 'p', 'k'])
            || expected.starts_with("encrypted")
            || expected.starts_with("infisical")
        {
            "."
        } else {
            ": "
        };
        assert_eq!(told, [format!("{one}{dot}{expected}")], "{text}");
    }
    assert_eq!(
        sources("credentials = 5").expect_err("refused"),
        ["source.credentials: expected `[[source.credentials]]` tables"]
    );
    for text in [
        "dotenv={p='hunter2'}",
        "command={run='hunter2',format='json'}",
        "command={run=['a'],format='hunter2'}",
        "vault={address='https://v',token='hunter2'}",
    ] {
        let told = sources(&format!("[[credentials]]\nenvironment='a'\n{text}")).expect_err("refused");
        assert!(!told.concat().contains("hunter2"), "{told:?}");
    }
}

/// A configuration that holds a literal under a name that promises a secret is refused: names of our own
/// settings with a text of their own must promise none, unless the text is a reference.
#[test]
fn names_of_settings_promise_no_secret() {
    for name in [
        "environment",
        "dotenv",
        "compose",
        "env_file",
        "kubernetes",
        "command",
        "run",
        "format",
        "count",
        "items",
        "name_field",
        "value_field",
        "since_field",
        "name",
        "pass_environment",
        "folder",
        "time_limit",
    ] {
        assert_eq!(exhibit_detect::sensitive_key(name), None, "{name}");
    }
}
