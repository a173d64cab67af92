//! Files that the real gpg and age encrypted, and a store as `pass` keeps it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use exhibit_collectors::sources::Listing;
use exhibit_evidence::Verdict;

use crate::debian::Program;
use crate::story::{assert_clean, read, run, shown, worst};

fn told(program: &Path, arguments: &[&str], folder: &Path, input: &str) {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env("GNUPGHOME", folder.join("keys"));
    let mut process =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    std::io::Write::write_all(&mut process.stdin.take().expect("a pipe"), input.as_bytes()).expect("written");
    let told = process.wait_with_output().expect("it ends");
    assert!(told.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&told.stderr));
}

/// A folder with a key of gpg's that needs no passphrase. Its agent ends with it.
struct Keys(tempfile::TempDir);

impl Keys {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = folder.path().join("keys");
        fs::create_dir(&keys).expect("a folder");
        fs::set_permissions(&keys, fs::Permissions::from_mode(0o700)).expect("its own");
        told(
            Path::new("gpg"),
            &["--batch", "--passphrase", "", "--quick-generate-key", "tests@example.com"],
            folder.path(),
            "",
        );
        Self(folder)
    }

    fn encrypt(&self, file: &str, text: &str) {
        let path = self.0.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let to =
            ["--batch", "--trust-model", "always", "--encrypt", "--recipient", "tests@example.com", "--output", file];
        told(Path::new("gpg"), &to, self.0.path(), text);
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let mut end = Command::new("gpgconf");
        let _ = end.args(["--kill", "gpg-agent"]).env("GNUPGHOME", self.0.path().join("keys")).status();
    }
}

#[test]
fn what_gpg_encrypted_is_read_and_a_store_of_pass_is_counted_by_its_files() {
    let keys = Keys::new();
    let folder = keys.0.path();
    keys.encrypt(
        "production.env.gpg",
        "POSTGRES_PASSWORD=canary-Gpg1-Qm7vK2xT9\nREDIS_PASSWORD=canary-Gpg2-Fh3kP8vZ2\n",
    );
    keys.encrypt("store/db/POSTGRES_PASSWORD.gpg", "canary-P4ss-Bn6rT1wQ9\nuser: app\n");
    keys.encrypt("store/api key.gpg", "canary-P4ss-Yx5gM7cV4\n");
    // gpg finds its keys by a variable; the tests' own process has none, so that its path stands in a script.
    let program = folder.join("gpg");
    fs::write(&program, format!("#!/bin/sh\nGNUPGHOME='{}' exec gpg \"$@\"\n", folder.join("keys").display()))
        .expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a program");

    let dotenv = "encrypted={files='production.env.gpg',by='gpg',format='dotenv',program='./gpg'}";
    let (listing, reading) = read(folder, dotenv);
    assert_eq!(listing, Ok(Listing { names: 2 }));
    assert_eq!(
        shown(&reading.expect("read")),
        ["POSTGRES_PASSWORD=canary-Gpg1-Qm7vK2xT9", "REDIS_PASSWORD=canary-Gpg2-Fh3kP8vZ2"]
    );
    let store = "encrypted={files='store',by='gpg',format='value',first_line=true,program='./gpg'}";
    let (listing, reading) = read(folder, store);
    assert_eq!(listing, Ok(Listing { names: 2 }));
    assert_eq!(
        shown(&reading.expect("read")),
        ["POSTGRES_PASSWORD=canary-P4ss-Bn6rT1wQ9", "unnamed=canary-P4ss-Yx5gM7cV4"]
    );

    fs::write(folder.join("broken.gpg"), "no message").expect("written");
    let broken = "encrypted={files='broken.gpg',by='gpg',format='value',program='./gpg'}";
    assert_eq!(read(folder, broken).1.expect_err("refused").code(), "command-failed");
    let source = format!("[[credentials]]\nenvironment='production'\n{broken}\n");
    assert_eq!(worst(&run(folder, &source, "").1), Verdict::Error);
    let source = format!(
        "[[credentials]]\nenvironment='production'\n{dotenv}\n[[credentials]]\nenvironment='staging'\n{store}\n"
    );
    assert_clean(&run(folder, &source, ""), &["canary-Gpg1", "canary-Gpg2", "canary-P4ss"]);
}

#[test]
fn what_age_encrypted_is_read() {
    let age = Program { package: "age", path: "usr/bin/age" }.find();
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    told(&age.with_file_name("age-keygen"), &["--output", "key.txt"], folder, "");
    let identities = fs::read_to_string(folder.join("key.txt")).expect("a key");
    let to = identities.lines().find_map(|line| line.strip_prefix("# public key: ")).expect("a recipient");
    told(&age, &["--recipient", to, "--output", "app.json.age"], folder, "{\"A_KEY\":\"canary-4ge\",\"N\":1}");
    let settings = |identities: &str| {
        let program = age.display();
        format!(
            "encrypted={{files='app.json.age',by='age',format='json',identities='{identities}',program='{program}'}}"
        )
    };
    let (listing, reading) = read(folder, &settings("key.txt"));
    assert_eq!(listing, Ok(Listing { names: 2 }));
    assert_eq!(shown(&reading.expect("read")), ["A_KEY=canary-4ge", "N=1"]);
    told(&age.with_file_name("age-keygen"), &["--output", "other.txt"], folder, "");
    assert_eq!(read(folder, &settings("other.txt")).1.expect_err("refused").code(), "command-failed");
}
