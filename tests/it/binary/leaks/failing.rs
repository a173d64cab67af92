//! Sources that are away, broken, or answer with the secrets themselves; and a panic in the middle of it.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::PathBuf,
    process::Command,
    thread,
    time::Duration,
};

use super::{company::Company, quarter, verdicts};
use crate::logins::free_port;

/// Somebody who says the same to everybody; gives the address.
fn answering(text: String, heard: impl Fn(&str) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.set_read_timeout(Some(Duration::from_millis(300)));
            let mut asked = vec![0; 8192];
            let read = stream.read(&mut asked).unwrap_or(0);
            heard(&String::from_utf8_lossy(&asked[..read]));
            let _ = stream.write_all(text.as_bytes());
        }
    });
    address
}

/// Servers that repeat a secret in every part of an answer.
fn parrots(secret: &str) -> Vec<String> {
    let length = |body: &str| format!("Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    let json = format!(
        "{{\"errors\": [\"{secret}\"], \"__type\": \"{secret}\", \"message\": \"{secret}\", \"data\": {{\"keys\": 7}}}}"
    );
    [
        format!("HTTP/1.1 200 OK\r\nX-Word: {secret}\r\n{}", length(&json)),
        format!("HTTP/1.1 200 OK\r\n{}", length(&format!("{{\"data\": \"{secret}"))),
        format!("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/{secret}\r\n{}", length(secret)),
        format!("HTTP/1.1 403 {secret}\r\n{}", length(&json)),
        format!("{secret}\r\n\r\n"),
    ]
    .map(|answer| answering(answer, |_| {}))
    .to_vec()
}

impl Company {
    /// Sources that can't be read, most of them because of what stands in them.
    fn with_broken_sources(mut self) -> Self {
        let secret = self.secret("what breaks");
        let capitals: String = secret.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_uppercase();
        self.watch_for("in capitals", &capitals.as_bytes()[..12]);
        let packed = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &secret);
        let files: [(&str, &str, String); 18] = [
            ("dotenv", "alone.env", format!("ONE=1\n{secret}\n")),
            ("dotenv", "broken-over-lines.env", format!("KEY=first\n{packed}=\n{}\n{secret}=\n", hex::encode(&secret))),
            ("dotenv", "open.env", format!("KEY=\"{secret}\n")),
            ("dotenv", "no-name.env", format!("KEY=1\n+/{secret}\n")),
            ("dotenv", "required.env", format!("KEY=${{OTHER:?{secret}}}\nTWO=${{{secret}\n")),
            (
                "dotenv",
                "dollars.env",
                format!("KEY=ab${}\nTWO=ab$${{{}}}\n", secret.replace('-', "_"), secret.replace('-', "_")),
            ),
            (
                "compose",
                "dollars.yml",
                format!("services:\n  app:\n    environment:\n    - KEY=ab${}\n", secret.replace('-', "_")),
            ),
            ("compose", "open.yml", format!("services: [ {secret}")),
            ("compose", "text.yml", format!("{secret}\n")),
            ("compose", "no-mapping.yml", format!("services:\n  app: {secret}\n")),
            (
                "compose",
                "no-list.yml",
                format!("services:\n  app:\n    environment: {secret}\n    env_file: [{{path: [{secret}]}}]\n"),
            ),
            ("compose", "alone.yml", format!("services:\n  app:\n    environment:\n    - {secret}\n    - KEY=1\n")),
            (
                "kubernetes",
                "not-packed.yaml",
                format!("kind: Secret\napiVersion: v1\nmetadata: {{name: a}}\ndata: {{password: '{secret}!'}}\n"),
            ),
            ("kubernetes", "open.yaml", format!("kind: Secret\napiVersion: v1\ndata: {{password: [ {secret}\n")),
            (
                "kubernetes",
                "kinds.yaml",
                format!(
                    "kind: Secret\napiVersion: v1\nmetadata: {{name: a}}\ndata: {secret}\nstringData: [{secret}]\n"
                ),
            ),
            ("systemd = { units", "broken.service", format!("[Service]\n{secret}\nEnvironment=\"A={secret}\n")),
            ("wrangler = { files", "text.toml", format!("{secret}\n")),
            ("wrangler = { files", "vars.toml", format!("vars = '{secret}'\n")),
        ];
        for (kind, name, text) in files {
            self.write(name, &text);
            let end = if kind.contains('{') { " }" } else { "" };
            self.source("staging", &format!("{kind} = '{}'{end}", self.at(name)));
        }
        self.write("secret", &secret);
        let file = self.at("secret");
        let says = |name: &str, script: &str| self.seen(name, &format!("s=$(cat '{file}')\n{script}"));
        let programs = [
            ("fails", says("fails", "echo \"$s\"; echo \"wrong: $s\" >&2; exit 3"), "json"),
            ("half", says("half", "printf '{\"A\": %s' \"$s\""), "json"),
            ("list", says("list", "printf '[\"%s\"]' \"$s\""), "json"),
            ("deep", says("deep", "printf '{\"A\": {\"B\": \"%s\"}}' \"$s\""), "json"),
            ("lines", says("lines", "echo \"$s\""), "names"),
            ("dots", says("dots", "printf '%s\\n%s=\\nA=\"%s' \"$s\" \"$s\" \"$s\""), "dotenv"),
        ];
        let garbage = programs[0].1.clone();
        let chatter = says("chatter", "echo \"$s\"");
        for (_, program, format) in &programs {
            self.source("production", &format!("command = {{ run = ['{program}'], format = '{format}' }}"));
        }
        self.source(
            "production",
            &format!("command = {{ run = ['{chatter}'], format = 'json', count = ['{chatter}'] }}"),
        );
        self.source("production", &format!("process = {{ pid_file = '{file}' }}"));
        for by in ["age', identities = 'none", "gpg"] {
            self.source(
                "production",
                &format!("encrypted = {{ files = '{file}', by = '{by}', format = 'value', program = '{garbage}' }}"),
            );
        }
        self.write("two-lines", &format!("{secret}\n{secret}\n"));
        let (token, broken) = (format!("file:{file}"), format!("file:{}", self.at("two-lines")));
        for parrot in parrots(&secret) {
            let address = format!("address = 'http://{parrot}'");
            let keys = format!("keys = {{ access_key_id = '{token}', secret_access_key = '{token}' }}");
            let aws = format!("region = 'eu-central-1', endpoint = 'http://{parrot}', {keys}");
            for kind in [
                format!("vault = {{ {address}, token = '{token}' }}"),
                format!("vault = {{ {address}, approle = {{ role_id = '{token}', secret_id = '{token}' }} }}"),
                format!("infisical = {{ {address}, project = 'p', slug = 'prod', token = '{token}' }}"),
                format!(
                    "infisical = {{ {address}, project = 'p', slug = 'prod', client_id = '{token}', client_secret = '{token}' }}"
                ),
                format!("secrets_manager = {{ {aws} }}"),
                format!("parameter_store = {{ {aws} }}"),
            ] {
                self.source("production", &kind);
            }
            self.copies.push(format!(
                "{{ name = 'parrot-{parrot}', http = {{ url = 'http://{parrot}/x', permit = '{token}' }} }}"
            ));
            self.copies.push(format!(
                "{{ name = 'bucket-{parrot}', s3 = {{ bucket = 'b', object = 'k', aws = {{ {aws} }} }} }}"
            ));
        }
        self.source(
            "production",
            &format!("vault = {{ address = 'http://127.0.0.1:{}', token = '{broken}' }}", free_port()),
        );
        self.write("app.env", &format!("ENCRYPTION_KEY={}\n", self.encryption_key.clone()));
        self.running.push(format!("{{ name = 'backend', dotenv = '{}' }}", self.at("app.env")));
        self.running.push(format!("{{ name = 'worker', challenge = {{ run = ['{chatter}'] }} }}"));
        for copy in [
            format!("name = 'restic', restic = {{ repository = 'r', path = '/k', program = '{chatter}' }}"),
            format!("name = 'restic-fails', restic = {{ repository = 'r', path = '/k', program = '{garbage}' }}"),
            format!("name = 'age', file = '{file}', age = {{ identity = 'none', program = '{garbage}' }}"),
            format!("name = 'gpg', file = '{file}', gpg = {{ home = 'none', program = '{garbage}' }}"),
            format!("name = 'lines', file = '{}', holds = 'dotenv'", self.at("open.env")),
            format!("name = 'value', file = '{file}'"),
            format!("name = 'command', command = {{ run = ['{garbage}'], format = 'value', name = 'ENCRYPTION_KEY' }}"),
        ] {
            self.copies.push(format!("{{ {copy} }}"));
        }
        // Databases that repeat what they are sent, in an error's first word and in its text.
        self.write(
            "staging.env",
            &format!("A_REDIS_URL=redis://:{secret}@cache/0\nA_DATABASE_URL=postgres://app:{secret}@db/shop\n"),
        );
        self.source("staging", &format!("dotenv = '{}'", self.at("staging.env")));
        let mut error = format!("SFATAL\0C{}\0M{secret}\0\0", &secret[..5]).into_bytes();
        let length = u32::try_from(error.len() + 4).expect("short").to_be_bytes();
        error.splice(0..0, [b"E", &length[..]].concat());
        let servers = [
            ("words", "redis", answering(format!("-{capitals} {secret}\r\n-{secret}\r\n"), |_| {})),
            ("error", "postgres", answering(String::from_utf8(error).expect("UTF-8"), |_| {})),
            ("noise", "postgres", answering(secret.clone(), |_| {})),
        ];
        for (id, system, address) in servers {
            self.servers.push_str(&format!(
                "[[jobs.source.operating_test.servers]]\nid = '{id}'\nenvironment = 'production'\nsystem = '{system}'\n\
                 address = '{}'\ntls = false\n",
                address.replace("127.0.0.1", "localhost")
            ));
        }
        self
    }
}

#[test]
fn no_error_repeats_a_secret() {
    let mut company = Company::new("failing").with_broken_sources();
    company.configure();
    company.runs(&[0], &["check"]);
    let (printed, _) = company.runs(&[1], &["run", "credentials", "custody", "--format", "json"]);
    let (credentials, custody) = (verdicts(&printed, "credentials"), verdicts(&printed, "custody"));
    for check in ["shared-across-environments", "weak", "cross-login", "open-server"] {
        assert!(credentials.contains(&format!("unique-credentials.{check}: error")), "{check}: {credentials}");
    }
    for check in ["services-agree", "copies", "backup-age"] {
        assert!(!custody.contains(&format!("key-custody.{check}: pass")), "{check}: {custody}");
    }
    let reports = company.place.join("reports");
    let period = quarter();
    company.runs(&[0], &["report", "render", "--period", &period, "--out", reports.to_str().expect("UTF-8")]);
    company.runs(&[0], &["evidence", "export", "--format", "json"]);
    company.assert_clean();

    // A configuration that holds them itself is refused, and not repeated.
    let secret = company.secret("in the configuration");
    let file = company.place.join("exhibit.toml");
    let before = fs::read_to_string(&file).expect("a configuration");
    for setting in [
        format!("vault = {{ address = 'https://vault', token = '{secret}' }}"),
        format!("vault = {{ address = 'https://vault', approle = {{ role_id = 'r', secret_id = '{secret}' }} }}"),
        format!("vault = {{ address = 'https://app:{secret}@vault', token = 'env:T' }}"),
        format!("command = {{ run = ['print', 'postgres://app:{secret}@db/shop'], format = 'json' }}"),
        format!("dotenv = {{ password = '{secret}' }}"),
        format!("vault = {{ address = 'https://vault', token = '{secret}"),
    ] {
        let source = format!("[[jobs.source.credentials]]\nenvironment = 'staging'\n{setting}\n");
        let text = before.replacen("[[jobs.source.credentials]]", &format!("{source}[[jobs.source.credentials]]"), 1);
        fs::write(&file, text).expect("written");
        for command in ["check", "doctor", "run"] {
            company.runs(&[1, 2], &[command]);
        }
    }
    fs::write(&file, before).expect("written");
    company.assert_clean();
}

/// A library that lets one thread not be begun, as soon as a file is there: where the program did not reckon with that, it panics.
const NO_THREAD: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
int pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*begin)(void *), void *with) {
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = dlsym(RTLD_NEXT, "pthread_create");
    const char *now = getenv("NO_THREAD");
    if (now && unlink(now) == 0) return EAGAIN;
    return real(thread, how, begin, with);
}
"#;

#[test]
fn no_secret_is_left_by_a_run_that_panics() {
    let mut company = Company::new("panicking").with_files();
    let token = company.secret("a token");
    company.write("token", &token);
    let now = company.place.join("no-thread");
    let trigger = now.clone();
    // A vault that is asked what is mounted, after everything else was read: the next thing to begin is a thread for its secrets.
    let body = "{\"data\": {\"keys\": [\"a\"], \"type\": \"kv\", \"options\": {\"version\": \"2\"}}}";
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    let vault = answering(answer, move |asked| {
        if asked.contains("/mounts/") {
            fs::write(&trigger, "").expect("written");
        }
    });
    let token = format!("file:{}", company.at("token"));
    company.source("production", &format!("vault = {{ address = 'http://{vault}', token = '{token}' }}"));
    company.configure();

    let library = no_thread(&company);
    let ran = company.watched(&["run", "credentials"], |command| {
        command.env("LD_PRELOAD", &library).env("NO_THREAD", &now);
    });
    let said = String::from_utf8_lossy(&ran.said).into_owned();
    assert_eq!(company.found_in(&ran), std::collections::BTreeSet::new());
    assert_eq!(ran.status.code(), Some(2), "{said}");
    assert!(!now.exists(), "no thread was kept from being begun");
    // It did panic; only where is said, since words may quote what was being read.
    assert!(said.contains("a thread panicked") && said.contains("it panicked"), "{said}");
    assert!(!said.contains("failed to spawn"), "{said}");
    company.runs(&[0, 1], &["run", "credentials"]);
    company.assert_clean();
}

fn no_thread(company: &Company) -> PathBuf {
    let (source, library) = (company.place.join("no-thread.c"), company.place.join("no-thread.so"));
    fs::write(&source, NO_THREAD).expect("written");
    let made = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl").output();
    let made = made.expect("the compiler that Rust links with");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    library
}
