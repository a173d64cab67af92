//! A company with a secret of its own in every kind of source that runs here.

use std::{
    any::Any,
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use exhibit_tests::Needles;
use sha2::{Digest as _, Sha256};

use super::super::Place;
use crate::debian::Program;

pub(super) const AGE: Program = Program { package: "age", path: "usr/bin/age" };
const LETTERS: &[u8; 52] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The company, its secrets, and what it configures. Paths in its settings are absolute.
pub(super) struct Company {
    pub(super) place: Place,
    story: &'static str,
    /// What must be nowhere, each with a name for people.
    pub(super) secrets: Vec<(String, Vec<u8>)>,
    /// The tables of the sources of `unique_credentials`.
    pub(super) credentials: String,
    /// The tables of its operating test.
    pub(super) servers: String,
    /// Where the key runs, where copies are, and further tables of `key_custody`.
    pub(super) running: Vec<String>,
    pub(super) copies: Vec<String>,
    pub(super) further: String,
    /// The key that is in custody, in hexadecimal digits.
    pub(super) encryption_key: String,
    /// Lives as long as the company.
    pub(super) kept: Vec<Box<dyn Any>>,
    /// What the company's own folder held before anything ran.
    before: BTreeSet<PathBuf>,
}

/// A process that the company runs. It ends with the company.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Company {
    /// A company without anything.
    pub(super) fn new(story: &'static str) -> Self {
        let place = Place::new();
        for (folder, mode) in [("company", 0o755), ("company/bin", 0o755), ("tmp", 0o1777), ("seen", 0o1777)] {
            fs::create_dir(place.join(folder)).expect("a folder");
            fs::set_permissions(place.join(folder), fs::Permissions::from_mode(mode)).expect("a mode");
        }
        let mut company = Self {
            place,
            story,
            secrets: Vec::new(),
            credentials: String::new(),
            servers: String::new(),
            running: Vec::new(),
            copies: Vec::new(),
            further: String::new(),
            encryption_key: String::new(),
            kept: Vec::new(),
            before: BTreeSet::new(),
        };
        company.encryption_key = company.key("the encryption key");
        company
    }

    /// A secret that nobody else has.
    pub(super) fn secret(&mut self, what: &str) -> String {
        let drawn = Sha256::digest(format!("{} {what} {}", self.story, std::process::id()));
        // Digits among the letters: what looks drawn at random is known by them.
        let letter = |(at, byte): (usize, &u8)| match at % 3 {
            0 => char::from(b'0' + byte % 10),
            _ => char::from(LETTERS[usize::from(*byte) % LETTERS.len()]),
        };
        let letters = drawn.iter().take(21).enumerate().map(letter);
        let value = format!("Cnry-{}", letters.collect::<String>());
        self.watch_for(what, value.as_bytes());
        self.watch_for(&format!("a part of {what}"), &value.as_bytes()[5..17]);
        value
    }

    /// A key of 32 bytes, in hexadecimal digits.
    pub(super) fn key(&mut self, what: &str) -> String {
        let drawn = Sha256::digest(format!("{} {what} {}", self.story, std::process::id()));
        let digits = hex::encode(drawn);
        self.watch_for(what, digits.as_bytes());
        self.watch_for(&format!("{what}, its bytes"), &drawn);
        digits
    }

    /// This must be nowhere either.
    pub(super) fn watch_for(&mut self, what: &str, value: &[u8]) {
        self.secrets.push((format!("<{what}>"), value.to_vec()));
    }

    pub(super) fn needles(&self) -> Needles {
        Needles::named(&self.secrets)
    }

    /// A path in the company's own folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.place.join("company").join(name)
    }

    /// The same, for settings.
    pub(super) fn at(&self, name: &str) -> String {
        self.path(name).to_str().expect("UTF-8").to_owned()
    }

    /// Writes a file of the company's. Its digest is as good as what stands in it.
    pub(super) fn write(&mut self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
        if text.len() >= 6 {
            self.watch_for(&format!("the file {name}"), text.as_bytes());
        }
    }

    /// A program of the company's.
    pub(super) fn program(&self, name: &str, text: &str) -> String {
        let path = self.path(&format!("bin/{name}"));
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a program");
        path.to_str().expect("UTF-8").to_owned()
    }

    /// A program that first writes down its arguments and its environment, as others on the machine could see them.
    pub(super) fn seen(&self, name: &str, and_then: &str) -> String {
        let seen = self.place.join("seen").join(name);
        self.program(
            name,
            &format!(
                "#!/bin/sh\n{{ tr '\\0' '\\n' < /proc/$$/cmdline; tr '\\0' '\\n' < /proc/$$/environ; env; }} >> '{}'\n{and_then}\n",
                seen.display()
            ),
        )
    }

    /// A program of the machine's behind that.
    pub(super) fn shim(&self, name: &str, program: &Path, variables: &str) -> String {
        self.seen(name, &format!("{variables} exec '{}' \"$@\"", program.display()))
    }

    /// Runs a program in the company's folder, before anything is looked for.
    pub(super) fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.path("")).env("TZ", "UTC").stdin(Stdio::null());
        let output = command.output().unwrap_or_else(|error| panic!("{program}: {error}"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{program} {arguments:?}: {said}");
        format!("{}{said}", String::from_utf8_lossy(&output.stdout))
    }

    /// A source of `unique_credentials`.
    pub(super) fn source(&mut self, environment: &str, kind: &str) {
        writeln!(self.credentials, "[[jobs.source.credentials]]\nenvironment = '{environment}'\n{kind}")
            .expect("text can be written");
    }

    /// Sources that are files, commands and processes of this machine.
    pub(super) fn with_files(mut self) -> Self {
        let shared = self.secret("shared by both environments");
        let near = self.secret("nearly equal");
        let [postgres, stripe, broker] =
            ["a Postgres password", "an API key", "a broker's password"].map(|what| self.secret(what));
        // What a URL has to encode.
        let odd = format!("{}+/=&% ü", self.secret("odd letters"));
        self.watch_for("odd letters, all", odd.as_bytes());
        self.write(
            "staging.env",
            &format!(
                "SHARED_TOKEN={shared}\nSESSION_SECRET={near}1\nPOSTGRES_PASSWORD={postgres}\nODD_SECRET='{odd}'\n\
             AMQP_URL=amqp://app:{broker}@broker.internal/shop\n"
            ),
        );
        self.write(
            "production.env",
            &format!("SHARED_TOKEN={shared}\nSESSION_SECRET={near}2\nSTRIPE_API_KEY={stripe}\n"),
        );
        self.source("staging", &format!("dotenv = '{}'", self.at("staging.env")));
        self.source("production", &format!("dotenv = '{}'", self.at("production.env")));

        let [jwt, argument, variable] =
            ["in compose", "an argument in compose", "a variable of compose"].map(|what| self.secret(what));
        self.write("compose.env", &format!("FROM_OUTSIDE={variable}\n"));
        self.write("compose.yml", &format!(
            "services:\n  app:\n    image: app\n    environment:\n      JWT_SECRET: {jwt}\n      CACHE_PASSWORD: ${{FROM_OUTSIDE}}\n\
             \x20   command: [\"app\", \"--password\", \"{argument}\"]\n"
        ));
        self.source(
            "staging",
            &format!("compose = '{}'\nenv_file = '{}'", self.at("compose.yml"), self.at("compose.env")),
        );

        let [packed, plain] = ["in a Secret", "in a Secret, plainly"].map(|what| self.secret(what));
        let packed = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, packed);
        self.write(
            "k8s/secrets.yaml",
            &format!(
                "apiVersion: v1\nkind: Secret\nmetadata: {{name: app, namespace: shop}}\ndata: {{password: {packed}}}\n\
             stringData: {{HOOK_SECRET: {plain}}}\n"
            ),
        );
        self.source("production", &format!("kubernetes = '{}'", self.at("k8s")));

        let [unit, worker] = ["in a unit", "of a Worker"].map(|what| self.secret(what));
        self.write("app.service", &format!("[Service]\nEnvironment=UNIT_TOKEN={unit}\nExecStart=/bin/app\n"));
        self.source("staging", &format!("systemd = {{ units = '{}' }}", self.at("app.service")));
        self.write("wrangler.toml", &format!("name = 'edge'\n[vars]\nWORKER_TOKEN = '{worker}'\n"));
        self.source("production", &format!("wrangler = {{ files = '{}' }}", self.at("wrangler.toml")));

        let managed = self.secret("a manager's");
        self.write("manager.json", &format!("{{\"MANAGED_API_KEY\": \"{managed}\"}}"));
        let manager = self.seen("manager", &format!("exec cat '{}'", self.at("manager.json")));
        self.source("staging", &format!("command = {{ run = ['{manager}', 'print'], format = 'json' }}"));

        let own = self.secret("of a process");
        let process =
            Command::new("sleep").arg("900").env_clear().env("PROCESS_TOKEN", own).spawn().expect("it starts");
        fs::write(self.path("app.pid"), process.id().to_string()).expect("written");
        self.kept.push(Box::new(Running(process)));
        self.source("production", &format!("process = {{ pid_file = '{}' }}", self.at("app.pid")));
        self
    }

    /// A key in custody where it runs, in a service that answers by a command, and in files: one of them age's.
    pub(super) fn with_custody(mut self) -> Self {
        let key = self.encryption_key.clone();
        self.write("app.env", &format!("ENCRYPTION_KEY={key}\n"));
        self.write("worker.key", &format!("{key}\n"));
        let answer = format!(
            "exec python3 -c 'import hmac, sys\nkey = bytes.fromhex(open(sys.argv[1]).read().strip())\n\
             print(hmac.new(key, sys.stdin.readline().strip().encode(), \"sha256\").hexdigest())' '{}'",
            self.at("worker.key")
        );
        let answer = self.seen("answer", &answer);
        self.running.push(format!("{{ name = 'backend', dotenv = '{}' }}", self.at("app.env")));
        self.running.push(format!("{{ name = 'worker', challenge = {{ run = ['{answer}'] }} }}"));

        let age = AGE.find();
        let said = self.run(age.with_file_name("age-keygen").to_str().expect("UTF-8"), &["-o", "own.identity"]);
        let recipient = said.split_whitespace().find(|word| word.starts_with("age1")).expect("a recipient").to_owned();
        let identity = fs::read_to_string(self.path("own.identity")).expect("an identity");
        let identity =
            identity.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).expect("an identity").to_owned();
        self.watch_for("age's identity", identity.as_bytes());
        let program = self.shim("age", &age, "");
        self.lock_away(&recipient, "key.age", &key);
        let locked = self.secret("in a file of age's");
        self.lock_away(&recipient, "production.age", &format!("AGE_TOKEN={locked}\n"));
        self.lock_away(&recipient, "drill.age", "written when the key was new");
        let [key_age, own] = ["key.age", "own.identity"].map(|name| self.at(name));
        self.copies.push(format!(
            "{{ name = 'offline', site = 'safe', file = '{key_age}', age = {{ identity = '{own}', program = '{program}' }} }}"
        ));
        self.source("production", &format!(
            "encrypted = {{ files = '{}', by = 'age', format = 'dotenv', identities = '{own}', program = '{program}' }}",
            self.at("production.age")
        ));
        let printed = self.seen("key", &format!("exec cat '{}'", self.at("worker.key")));
        self.copies.push(format!("{{ name = 'manager', site = 'manager', command = {{ run = ['{printed}'], format = 'value', name = 'ENCRYPTION_KEY' }} }}"));
        // Restore drills: with AES-256-GCM, with a command that reads the key, and with age, which gets the identity over a pipe.
        self.write("drill.txt", &sealed(&key, "written when the key was new"));
        let open = self.seen("open", "cat > /dev/null; echo written when the key was new");
        let (canary, canary_of_age, copy) = (self.at("drill.txt"), self.at("drill.age"), self.at("worker.key"));
        let expect = "expect = 'written when the key was new'";
        let older = self.key("an older key");
        self.write("older.key", &older);
        writeln!(
            self.further,
            "older = [{{ version = '2025', copies = [{{ name = 'old', file = '{}' }}] }}]\n\
             drills = [{{ name = 'aes', method = 'aes-256-gcm', canary = '{canary}', {expect}, copy = {{ name = 'copy', file = '{copy}' }} }}, \
             {{ name = 'program', method = 'command', command = ['{open}'], canary = '{canary}', {expect}, copy = {{ name = 'copy', file = '{copy}' }} }}]\n\
             [[jobs.source.keys]]\nenvironment = 'production'\nname = 'RESTORE_IDENTITY'\nencoding = 'text'\n\
             drills = [{{ name = 'age', method = 'age', program = '{program}', canary = '{canary_of_age}', {expect}, copy = {{ name = 'copy', file = '{}' }} }}]",
            self.at("older.key"),
            self.at("identity")
        ).expect("text can be written");
        self.write("identity", &identity);
        self
    }

    fn lock_away(&self, recipient: &str, name: &str, text: &str) {
        fs::write(self.path("plain"), text).expect("written");
        self.run(AGE.find().to_str().expect("UTF-8"), &["--recipient", recipient, "--output", name, "plain"]);
        fs::remove_file(self.path("plain")).expect("removed");
    }

    /// Writes the configuration, and remembers which files there are.
    pub(super) fn configure(&mut self) {
        let (running, copies) = (self.running.join(", "), self.copies.join(", "));
        let every = "schedule = '0 3 * * *'\nenvironments = ['staging', 'production']";
        let production = every.replace("'staging', ", "");
        let tested = if self.servers.is_empty() {
            String::new()
        } else {
            format!("[jobs.source.operating_test]\nenabled = true\npause_milliseconds = 0\n{}", self.servers)
        };
        let custody = format!(
            "[[jobs]]\nid = 'custody'\ncollector = 'key_custody'\n{production}\n[[jobs.source.keys]]\nenvironment = 'production'\n\
             name = 'ENCRYPTION_KEY'\nbytes = 32\nrunning = [{running}]\ncopies = [{copies}]\n{}\n",
            self.further
        );
        let custody = if running.is_empty() { "" } else { &custody };
        let text = format!(
            "[deployment]\nname = 'Leaks'\ndata_dir = 'house'\n[environments.staging]\n[environments.production]\n\
             [[jobs]]\nid = 'credentials'\ncollector = 'unique_credentials'\n{every}\n[jobs.source]\nsubject = 'shop'\n{}{tested}\n\
             [jobs.policy.rotation]\nnot_judged = 'not what this is about'\n{custody}",
            self.credentials
        );
        fs::write(self.place.join("exhibit.toml"), text).expect("written");
        self.before = self.files();
    }

    /// What the company's folder holds now and did not hold before.
    pub(super) fn new_files(&self) -> Vec<PathBuf> {
        self.files().difference(&self.before).cloned().collect()
    }

    fn files(&self) -> BTreeSet<PathBuf> {
        let mut files = BTreeSet::new();
        let mut folders = vec![self.path("")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder").flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                    Ok(kind) if kind.is_file() => drop(files.insert(entry.path())),
                    _ => {}
                }
            }
        }
        files
    }
}

/// A text under a key, as a restore drill expects it.
fn sealed(key: &str, text: &str) -> String {
    use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    let key = UnboundKey::new(&AES_256_GCM, &hex::decode(key).expect("digits")).expect("32 bytes");
    let nonce = [9; 12];
    let mut sealed = text.as_bytes().to_vec();
    let unique = Nonce::assume_unique_for_key(nonce);
    LessSafeKey::new(key).seal_in_place_append_tag(unique, Aad::empty(), &mut sealed).expect("sealed");
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [&nonce[..], &sealed].concat())
}
