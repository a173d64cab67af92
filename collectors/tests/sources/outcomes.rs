//! Every store of secrets against one table: what it holds, and what both collectors that read it judge of that.
//!
//! A store is a row: how something gets into it, how a job names it, and how it comes that it can't be asked.

use std::fs;

use exhibit_evidence::Verdict;
use exhibit_evidence::Verdict::{Error, Fail, Pass, Vacuous};
use exhibit_evidence::assessment::Judgement;
use serde_json::json;

use crate::bao::{Bao, bao};
use crate::custody::{KEY, Machine, OTHER, answer, key_in, of};
use crate::moto::moto;
use crate::story::{In, assert_clean, run_at, verdict, worst};

/// Puts one secret in place of what is there: place, name, value.
type Put = Box<dyn Fn(&Machine, &str, &str, &str)>;

/// A store of secrets.
struct Store {
    /// How something gets into it.
    put: Put,
    /// How a job names it, with `{place}` for the place in it.
    settings: String,
    /// What is to be replaced in that so that it can't be asked, by what, and the code that says why.
    closed: Vec<(String, String, &'static str)>,
    /// Whether it tells since when it holds a value.
    dated: bool,
    /// Whether dumps can lie beside what it holds: then the folder, with `{place}`.
    beside: Option<&'static str>,
}

impl Store {
    fn at(&self, place: &str) -> String {
        self.settings.replace("{place}", place)
    }

    /// It is dated, so this verdict; or that can't be found out.
    fn if_dated(&self, verdict: Verdict) -> Verdict {
        if self.dated { verdict } else { Error }
    }
}

const ONE: &str = "canary-Qm7vK2xT9bLw4RzN";
const TWO: &str = "canary-Fh3kP8vZ2mXcY7dQ";
const NEAR_ONE: &str = "Canary-Qm7vK2xT9bLw4RzN2";

/// Staging's password and production's, and the verdict of a check over both.
const PASSWORDS: &[(&str, &str, &str, Verdict)] = &[
    (ONE, TWO, "shared-across-environments", Pass),
    (ONE, NEAR_ONE, "nearly-equal", Fail),
    (ONE, NEAR_ONE, "shared-across-environments", Pass),
    (ONE, ONE, "shared-across-environments", Fail),
];

/// What a copy holds, the answer that it gives, and the verdicts on copies and on whether it is the running key.
const KEYS: &[(Option<&str>, &str, Verdict, Verdict)] =
    &[(None, "absent", Fail, Vacuous), (Some(OTHER), "differs", Fail, Fail), (Some(KEY), "match", Pass, Pass)];

fn each_outcome(machine: &Machine, store: &Store) {
    credentials(machine, store);
    custody(machine, store);
}

fn credentials(machine: &Machine, store: &Store) {
    let both = |staging: &str, production: &str| {
        format!(
            "[[credentials]]\nenvironment='staging'\n{staging}\n[[credentials]]\nenvironment='production'\n{production}\n"
        )
    };
    let open = both(&store.at("staging"), &store.at("production"));
    let look = |days: i64, source: &str| {
        // A store that knows no ages leaves rotation open: said where it is asked for, in forty days.
        let policy = match (days, store.dated) {
            (0, false) => "[rotation]\nnot_judged = 'it knows no ages'",
            _ => "",
        };
        let ran = run_at(&In(days), machine.folder.path(), source, policy);
        assert_clean(&ran, &[ONE, TWO, NEAR_ONE]);
        ran
    };
    let passes = |judged: &[Judgement]| -> Vec<String> {
        judged.iter().filter(|one| one.verdict() == Pass).map(|one| one.check.to_string()).collect()
    };
    for (staging, production, check, expected) in PASSWORDS {
        (store.put)(machine, "staging", "POSTGRES_PASSWORD", staging);
        (store.put)(machine, "production", "POSTGRES_PASSWORD", production);
        let (observation, judged) = look(0, &open);
        assert_eq!(verdict(&judged, check), *expected, "{check}: {judged:?}");
        let wanted = PASSWORDS.iter().any(|other| other.0 == *staging && other.1 == *production && other.3 == Fail);
        assert_eq!(worst(&judged), if wanted { Fail } else { Pass }, "{judged:?}");
        let counted: Vec<_> = observation.population.iter().map(|one| (one.exist, one.examined)).collect();
        assert_eq!(counted, [(Some(1), 1); 2]);
    }
    // Stale.
    let (_, judged) = look(40, &open);
    assert_eq!(verdict(&judged, "rotation"), store.if_dated(Fail), "{judged:?}");
    // Empty.
    let (_, judged) = look(0, &both(&store.at("nothing"), &store.at("nothing")));
    assert_eq!((worst(&judged), passes(&judged)), (Vacuous, Vec::new()));
    for (open, closed, code) in &store.closed {
        let shut = |place: &str| {
            let settings = store.at(place);
            assert!(settings.contains(open), "{settings} has no {open}");
            settings.replace(open, closed)
        };
        let (observation, judged) = look(0, &both(&shut("staging"), &shut("production")));
        assert_eq!((worst(&judged), passes(&judged)), (Error, Vec::new()), "{code}");
        let codes: Vec<&str> = observation.problems.iter().map(|problem| problem.code.as_str()).collect();
        assert_eq!(codes, [*code; 2], "{:?}", observation.problems);
    }
    // With whom nothing can be compared, nothing is shared as far as anybody knows.
    let (open, closed, _) = store.closed.last().expect("a way to close it");
    let (_, judged) = look(0, &both(&store.at("staging"), &store.at("production").replace(open, closed)));
    let across = judged.iter().find(|one| one.check.as_str().ends_with("shared-across-environments"));
    let verdicts: Vec<Verdict> = across.expect("judged").subjects.iter().map(|one| one.verdict).collect();
    assert_eq!(verdicts, [Error; 2]);
}

fn custody(machine: &Machine, store: &Store) {
    let look = |days: i64, settings: &str| {
        let copies = format!("{{ name = 'copy', {settings} }}");
        machine.look_at(&In(days), &key_in(&copies), "copies = 1\nrotation = '90d'")
    };
    for (held, expected, copies, same) in KEYS {
        let place = if held.is_some() { "production" } else { "nothing" };
        held.iter().for_each(|key| (store.put)(machine, place, "ENCRYPTION_KEY", key));
        let (observation, verdicts) = look(0, &store.at(place));
        assert_eq!(answer(&observation), *expected);
        assert_eq!((of(&verdicts, "copies"), of(&verdicts, "same-as-running")), (*copies, *same), "{expected}");
    }
    let (_, verdicts) = look(0, &store.at("production"));
    assert_eq!((of(&verdicts, "apart-from-data"), of(&verdicts, "rotation")), (Pass, store.if_dated(Pass)));
    // Stale.
    assert_eq!(of(&look(100, &store.at("production")).1, "rotation"), store.if_dated(Fail));
    // Beside the data.
    if let Some(folder) = store.beside {
        machine.write(&format!("{}/app.dump", folder.replace("{place}", "production")), "not a real dump");
        assert_eq!(of(&look(0, &store.at("production")).1, "apart-from-data"), Fail);
    }
    for (open, closed, code) in &store.closed {
        let (observation, verdicts) = look(0, &store.at("production").replace(open, closed));
        assert_eq!(answer(&observation), format!("unreadable {code}"));
        assert_eq!((of(&verdicts, "copies"), of(&verdicts, "same-as-running")), (Error, Error), "{code}");
        assert_ne!(of(&verdicts, "rotation"), Pass, "{code}");
    }
}

/// A KV mount of its own: nobody at its address, a stranger's certificate, and whatever else is named.
fn kv(machine: &Machine, mount: &'static str, version: u8, way_in: &str) -> Store {
    let server = bao();
    server.mount(mount, version);
    machine.write("vault.token", &server.root);
    let authorities = format!("authorities='{}',", server.authority.display());
    let settings =
        format!("address='{}',{authorities}mount='{mount}',kv={version},path='{{place}}',{way_in}", server.address);
    Store {
        put: Box::new(move |_, place, name, value| {
            server.put(&format!("{mount}/{place}/app"), &json!({ name: value }))
        }),
        settings: format!("vault = {{{settings}}}"),
        closed: vec![
            (server.address.clone(), "https://127.0.0.1:1".to_owned(), "unreachable"),
            (authorities, String::new(), "untrusted"),
        ],
        dated: version == 2,
        beside: None,
    }
}

#[test]
fn kv_of_version_1() {
    let machine = Machine::new();
    let store = kv(&machine, "outcomes-1", 1, "token='file:vault.token'");
    each_outcome(&machine, &store);
}

#[test]
fn kv_of_version_2() {
    let machine = Machine::new();
    let mut store = kv(&machine, "outcomes-2", 2, "token='file:vault.token'");
    let (token, sealed) =
        (bao().token("outcomes-nobody", "path \"elsewhere/*\" { capabilities = [\"list\"] }"), Bao::sealed());
    machine.write("nobody.token", &token);
    store.closed.push(("file:vault.token".to_owned(), "file:nobody.token".to_owned(), "denied"));
    store.closed.push(("file:vault.token".to_owned(), "file:no.token".to_owned(), "no-credentials"));
    let (own, other) = (&bao().authority, &sealed.authority);
    store.settings = store.settings.replace(&own.display().to_string(), "authority.pem");
    let both = [own, other].map(|file| fs::read_to_string(file).expect("a certificate")).concat();
    machine.write("authority.pem", &both);
    store.closed[1].0 = "authorities='authority.pem',".to_owned();
    store.closed.push((bao().address.clone(), sealed.address.clone(), "sealed"));
    each_outcome(&machine, &store);
}

#[test]
fn kv_by_a_role() {
    let server = bao();
    let machine = Machine::new();
    server.policy("outcomes-role", "path \"outcomes-role/*\" { capabilities = [\"list\", \"read\"] }");
    let [role_id, secret_id] = server.role("outcomes", &["token_policies=outcomes-role"]);
    machine.write("secret.id", &secret_id);
    machine.write("wrong.id", "8f0c3b5e-6e0b-4d7e-9f6a-0d1c2b3a4f5e");
    let way_in = format!("approle={{role_id='{}',secret_id='file:secret.id',mount='outcomes'}}", role_id);
    let mut store = kv(&machine, "outcomes-role", 2, &way_in);
    store.closed.push(("file:secret.id".to_owned(), "file:wrong.id".to_owned(), "refused"));
    each_outcome(&machine, &store);
}

/// Settings of a service of the emulator, and what they become when nobody can be asked.
fn emulated(machine: &Machine, kind: &str, under: &str, put: &'static str) -> Store {
    machine.write("id", "fake-id");
    machine.write("secret", "fake-key");
    let url = moto().url.clone();
    let keys = "keys={access_key_id='file:id',secret_access_key='file:secret'}";
    Store {
        put: Box::new(move |_, place, name, value| {
            let words = [("PLACE", place), ("NAME", name), ("VALUE", value)];
            moto().with(&words.iter().fold(put.to_owned(), |script, (word, text)| script.replace(word, text)));
        }),
        settings: format!("{kind} = {{region='eu-central-1',endpoint='{url}',{keys},under='{under}'}}"),
        closed: vec![
            (url, "http://127.0.0.1:1".to_owned(), "unreachable"),
            ("file:secret".to_owned(), "file:none".to_owned(), "no-credentials"),
        ],
        dated: true,
        beside: None,
    }
}

#[test]
fn secrets_of_an_emulated_aws() {
    let machine = Machine::new();
    let put = "try: secrets.create_secret(Name='outcomes/PLACE/NAME', SecretString='VALUE')\n\
               except secrets.exceptions.ResourceExistsException: \
               secrets.put_secret_value(SecretId='outcomes/PLACE/NAME', SecretString='VALUE')";
    let store = emulated(&machine, "secrets_manager", "outcomes/{place}/", put);
    each_outcome(&machine, &store);
}

#[test]
fn parameters_of_an_emulated_aws() {
    let machine = Machine::new();
    let put =
        "parameters.put_parameter(Name='/outcomes/PLACE/NAME', Value='VALUE', Type='SecureString', Overwrite=True)";
    let store = emulated(&machine, "parameter_store", "/outcomes/{place}/", put);
    each_outcome(&machine, &store);
}

/// Files in folders by place, which another program encrypted.
fn encrypted(machine: &Machine, by: &'static str, further: &str, seal: Vec<String>) -> Store {
    for place in ["staging", "production", "nothing"] {
        fs::create_dir_all(machine.path(&format!("sealed/{place}"))).expect("a folder");
    }
    Store {
        put: Box::new(move |machine, place, name, value| {
            let file = format!("sealed/{place}/app.{by}");
            let _ = fs::remove_file(machine.path(&file));
            machine.write("plain", &format!("{name}={value}\n"));
            let arguments: Vec<&str> = seal[1..].iter().map(String::as_str).chain(["--output", &file]).collect();
            machine.run(&seal[0], &[&arguments[..], &["--encrypt", "plain"]].concat());
            fs::remove_file(machine.path("plain")).expect("removed");
        }),
        settings: format!("encrypted = {{files='sealed/{{place}}',by='{by}',format='dotenv',{further}}}"),
        closed: vec![("sealed/".to_owned(), "gone/".to_owned(), "source-unreadable")],
        dated: false,
        beside: Some("sealed/{place}"),
    }
}

#[test]
fn files_of_age() {
    let machine = Machine::new();
    let said = machine.run("bin/age-keygen", &["-o", "own.identity"]);
    let own = said.split_whitespace().find(|word| word.starts_with("age1")).expect("a recipient");
    machine.run("bin/age-keygen", &["-o", "stranger.identity"]);
    let seal = ["bin/age", "--recipient", own].map(str::to_owned).to_vec();
    let further = format!("program='{}',identities='own.identity'", machine.path("bin/age").display());
    let mut store = encrypted(&machine, "age", &further, seal);
    store.closed.push(("own.identity".to_owned(), "stranger.identity".to_owned(), "command-failed"));
    store.closed.push(("bin/age".to_owned(), "bin/no-such".to_owned(), "command-not-started"));
    each_outcome(&machine, &store);
}

#[test]
fn files_of_gpg() {
    let machine = Machine::new();
    let ring = machine.ring("ring");
    machine.ring("stranger");
    for (name, home) in [("gpg-own", "ring"), ("gpg-stranger", "stranger")] {
        machine.script(name, &format!("GNUPGHOME='{}' exec gpg \"$@\"", machine.path(home).display()));
    }
    let to = ["gpg", "--homedir", "ring", "--batch", "--quiet", "--trust-model", "always", "--recipient", ring];
    let further = format!("program='{}'", machine.path("bin/gpg-own").display());
    let mut store = encrypted(&machine, "gpg", &further, to.map(str::to_owned).to_vec());
    store.closed.push(("gpg-own".to_owned(), "gpg-stranger".to_owned(), "command-failed"));
    each_outcome(&machine, &store);
    for home in ["ring", "stranger"] {
        machine.run("gpgconf", &["--homedir", home, "--kill", "gpg-agent"]);
    }
}
