//! A vault's own backup: restored into a scratch vault that lives for the run, opened with the unseal keys in custody, and
//! asked for the current keys like any other place.
//!
//! The scratch vault listens on this machine alone, keeps its storage encrypted in a folder of its own, and is gone with this
//! process, however that ends: a shell holds the other end of a pipe and ends it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::facts::{PlaceFacts, SnapshotFacts, SnapshotFound};
use super::looking::Looker;
use super::proof::{Challenge, Proof};
use super::settings::{Key, PlaceSettings, VaultBackup};
use crate::process::{PATH, Program, RunError};
use crate::remote::{Client, Limits, Method, Patience, RealPace, RemoteError, Request};
use crate::scratch;
use crate::sources::Root;

/// How long is waited for each step of the scratch vault's.
const STEP: Duration = Duration::from_secs(60);
/// How often it is looked whether a step is done.
const LOOK: Duration = Duration::from_millis(100);
/// How long restoring may take.
const RESTORE: Duration = Duration::from_secs(1800);
/// Answers of a vault that is there and not ready, or can't be with the storage that it was given.
const NOT_READY: &[u16] = &[429, 472, 473, 500, 501, 503];
/// What it says of storage that was saved behind another kind of seal than unseal keys.
const OTHER_SEAL: &str = "barrier seal type";
/// How often it is looked for that word before keys are called wrong.
const OTHER_SEAL_LOOKS: u32 = 50;
const NOT_BY_KEYS: &str = "the saved vault unseals itself (by a cloud's key service, a hardware module or another vault), which is \
    not supported: only one that is opened with unseal keys can be restored here";

/// Why the backup did not come up.
enum Failure {
    /// It could not be tried.
    NotTried(String),
    /// The backup, or what opens it, is not good.
    Refused(String),
}

impl From<RemoteError> for Failure {
    fn from(error: RemoteError) -> Self {
        Self::NotTried(format!("the scratch vault: {error}"))
    }
}

/// A key that the restored vault has to hold, and how its service answered.
pub(super) struct Expected<'a> {
    pub(super) key: &'a Key,
    pub(super) challenge: Challenge,
    pub(super) current: Option<&'a Proof>,
}

/// Looks at one vault's backup. `ask` puts the challenge to a place and tells how it answered beside the running service.
pub(super) fn look(
    looker: &mut Looker<'_>,
    vault: &VaultBackup,
    expected: &[Expected<'_>],
    ask: &mut dyn FnMut(&mut Looker<'_>, &PlaceSettings, &Expected<'_>) -> PlaceFacts,
) -> SnapshotFacts {
    let mut facts = SnapshotFacts {
        subject: vault.subject.clone(),
        label: vault.snapshot.clone(),
        found: SnapshotFound::NotTried,
        taken: None,
        why: None,
        held: Vec::new(),
    };
    let outcome = looker.newest(&vault.snapshot).map(|file| file.and_then(|file| looker.path(&file)));
    let file = match outcome {
        Ok(Some(file)) => file,
        Ok(None) => {
            facts.found = SnapshotFound::Absent;
            facts.why = Some(format!("there is no file {}", vault.snapshot));
            return facts;
        }
        Err(why) => {
            facts.why = Some(why);
            return facts;
        }
    };
    facts.taken = super::looking::modified(&file);
    match restored(looker, vault, &file) {
        Ok(scratch) => {
            facts.found = SnapshotFound::Restored;
            for expected in expected {
                facts.held.push(match vault.place(expected.key, &scratch.address) {
                    Ok(place) => ask(looker, &place, expected),
                    Err(problem) => unknown(expected.key, &problem.message),
                });
            }
        }
        Err(Failure::NotTried(why)) => facts.why = Some(why),
        Err(Failure::Refused(why)) => {
            facts.found = SnapshotFound::Refused;
            facts.why = Some(why);
        }
    }
    facts
}

/// A place that could not even be asked.
fn unknown(key: &Key, why: &str) -> PlaceFacts {
    PlaceFacts {
        name: key.name.clone(),
        kind: "vault".to_owned(),
        label: "the restored vault".to_owned(),
        site: "the restored vault".to_owned(),
        answer: super::facts::Answer::Unreadable,
        code: Some("settings".to_owned()),
        why: Some(why.to_owned()),
        form: None,
        older: None,
        taken: None,
        since: None,
        readers: None,
        nearby: None,
        attested: None,
    }
}

/// A vault that lives as long as this value.
struct Scratch {
    address: String,
    client: Client,
    process: Child,
    folder: scratch::Scratch,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn restored(looker: &Looker<'_>, vault: &VaultBackup, file: &Path) -> Result<Scratch, Failure> {
    let Root::Folder(base) = looker.around.root else {
        return Err(Failure::NotTried("there is no folder to run a scratch vault in".to_owned()));
    };
    if vault.unseal.is_empty() {
        return Err(Failure::NotTried("no unseal key is configured that would open it".to_owned()));
    }
    let keys: Vec<SecretString> =
        vault.unseal.iter().map(|reference| reference.resolve(base)).collect::<Result<_, _>>()?;
    let scratch = Scratch::start(base, &vault.program)?;
    let token = scratch.make()?;
    scratch.take(base, &vault.program, file, &token)?;
    // What it had before is gone: only the saved vault's own keys open it now.
    scratch.comes_back_sealed()?;
    for key in &keys {
        scratch.unseal(key.expose_secret()).map_err(|error| match error.status() {
            Some(400) => scratch.does_not_open(),
            _ => error.into(),
        })?;
    }
    if scratch.sealed()? {
        return Err(scratch.does_not_open());
    }
    scratch.until("it opened and did not become active", Scratch::active)?;
    Ok(scratch)
}

impl Scratch {
    fn start(base: &Path, program: &str) -> Result<Self, Failure> {
        let failed = |what: &str| Failure::NotTried(format!("no scratch vault: {what}"));
        // A shell starts it, and a shell does not say that there is no such program.
        let version = [found(base, program).display().to_string(), "version".to_owned()];
        let (time_limit, most) = (STEP, 1024 * 1024);
        let asked = Program { command: &version, folder: base, pass: &[], set: &[], input: None, time_limit, most };
        asked.printed().map_err(|error| failed(&error.to_string()))?;
        let folder = scratch::Scratch::new(scratch::For::Vault).map_err(|_| failed("no folder for it"))?;
        let [port, cluster] = ports().map_err(|_| failed("no free port"))?;
        let data = folder.path().join("data");
        std::fs::create_dir(&data).map_err(|_| failed("no folder for it"))?;
        let address = format!("http://127.0.0.1:{port}");
        let config = json!({
            "storage": { "raft": { "path": data, "node_id": "scratch" } },
            "listener": [{ "tcp": {
                "address": format!("127.0.0.1:{port}"), "cluster_address": format!("127.0.0.1:{cluster}"), "tls_disable": true,
            }}],
            "api_addr": address,
            "cluster_addr": format!("https://127.0.0.1:{cluster}"),
            "disable_mlock": true,
            "ui": false,
        });
        let path = folder.path().join("scratch.json");
        std::fs::write(&path, config.to_string()).map_err(|_| failed("no folder for it"))?;
        let patience = Patience { tries: 1, open_after: u32::MAX, ..Patience::default() };
        let client = Client::new(Limits { patience, ..Limits::default() }, Arc::new(RealPace::new()), u64::from(port))?;
        let process = Command::new("/bin/sh")
            .arg("-c")
            .arg("folder=$1; shift; \"$@\" </dev/null & server=$!; read -r _; kill -9 $server; wait; rm -rf \"$folder\"")
            .args(["sh".as_ref(), folder.path().as_os_str(), found(base, program).as_os_str()])
            .arg("server")
            .arg(format!("-config={}", path.display()))
            .env_clear()
            .env("PATH", PATH)
            .env("HOME", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|_| failed("no shell to start it"))?;
        let scratch = Self { address, client, process, folder };
        scratch.until("it does not start", |scratch| Ok(scratch.get("v1/sys/seal-status").is_ok()))?;
        Ok(scratch)
    }

    /// Initialises it and opens it; gives the token that may do everything there.
    fn make(&self) -> Result<SecretString, Failure> {
        let shares = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let made = self.put("v1/sys/init", &shares)?;
        let text = |value: &Value| value.as_str().map(|text| SecretString::from(text.to_owned()));
        let (Some(key), Some(token)) = (text(&made["keys_base64"][0]), text(&made["root_token"])) else {
            return Err(Failure::NotTried("the scratch vault did not say its keys".to_owned()));
        };
        self.unseal(key.expose_secret())?;
        self.until("it does not become active", Self::active)?;
        Ok(token)
    }

    /// Gives it the backup, by its own program.
    fn take(&self, base: &Path, program: &str, file: &Path, token: &SecretString) -> Result<(), Failure> {
        let command = [&found(base, program).display().to_string(), "operator", "raft", "snapshot", "restore", "-force"];
        let mut command: Vec<String> = command.into_iter().map(str::to_owned).collect();
        command.push(file.display().to_string());
        let variable = |text: &str| Zeroizing::new(text.to_owned());
        let home = self.folder.path().display().to_string();
        // Of the scratch vault alone; OpenBao and Vault each read their own.
        let set = [
            ("BAO_ADDR", variable(&self.address)),
            ("VAULT_ADDR", variable(&self.address)),
            ("BAO_TOKEN", variable(token.expose_secret())),
            ("VAULT_TOKEN", variable(token.expose_secret())),
            ("HOME", variable(&home)),
        ];
        let (time_limit, most) = (RESTORE, 1024 * 1024);
        let restore = Program { command: &command, folder: base, pass: &[], set: &set, input: None, time_limit, most };
        match restore.printed() {
            Ok(_) => Ok(()),
            Err(RunError::Failed { .. }) => Err(Failure::Refused("a scratch vault does not take it".to_owned())),
            Err(error) => Err(Failure::NotTried(error.to_string())),
        }
    }

    fn get(&self, path: &str) -> Result<(u16, Value), RemoteError> {
        let url = self.client.url(&format!("{}/{path}", self.address))?;
        let answer = self.client.fetch(&Request::get("asking the scratch vault", url).accepting(NOT_READY))?;
        let told = answer.json("JSON")?;
        Ok((answer.status, told))
    }

    fn put(&self, path: &str, body: &Value) -> Result<Value, RemoteError> {
        let url = self.client.url(&format!("{}/{path}", self.address))?;
        let body = Zeroizing::new(body.to_string().into_bytes());
        let request = Request::new("asking the scratch vault", Method::PUT, url).body("application/json", body).once();
        self.client.fetch(&request)?.json("JSON")
    }

    fn unseal(&self, key: &str) -> Result<(), RemoteError> {
        self.put("v1/sys/unseal", &json!({ "key": key })).map(|_| ())
    }

    /// Why it stays sealed: by the wrong keys, or because it was saved behind another kind of seal, which it says a moment later.
    fn does_not_open(&self) -> Failure {
        for _ in 0..OTHER_SEAL_LOOKS {
            if self.get("v1/sys/seal-status").is_ok_and(|(_, told)| other_seal(&told)) {
                return Failure::NotTried(NOT_BY_KEYS.to_owned());
            }
            std::thread::sleep(LOOK);
        }
        Failure::Refused("it does not open with the unseal keys in custody".to_owned())
    }

    /// Waits until it has sealed itself after the restore. Behind another kind of seal it never will, and says so.
    fn comes_back_sealed(&self) -> Result<(), Failure> {
        let foreign = std::cell::Cell::new(false);
        self.until("it does not seal itself after the restore", |scratch| {
            let told = scratch.get("v1/sys/seal-status")?.1;
            foreign.set(other_seal(&told));
            Ok(foreign.get() || told["sealed"] == Value::Bool(true))
        })?;
        if foreign.get() { Err(Failure::NotTried(NOT_BY_KEYS.to_owned())) } else { Ok(()) }
    }

    fn sealed(&self) -> Result<bool, RemoteError> {
        Ok(self.get("v1/sys/seal-status")?.1["sealed"] == Value::Bool(true))
    }

    fn active(&self) -> Result<bool, RemoteError> {
        Ok(self.get("v1/sys/health")?.0 == 200)
    }

    /// Waits until something is so. What can't be asked in between is asked again: a vault that restores answers nobody.
    fn until(&self, else_: &str, is: impl Fn(&Self) -> Result<bool, RemoteError>) -> Result<(), Failure> {
        let deadline = Instant::now() + STEP;
        while Instant::now() < deadline {
            if is(self).unwrap_or(false) {
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
        Err(Failure::NotTried(format!("the scratch vault: {else_} within {} s", STEP.as_secs())))
    }
}

/// Whether it says that its storage was saved behind another kind of seal.
fn other_seal(told: &Value) -> bool {
    told["errors"].as_array().into_iter().flatten().filter_map(Value::as_str).any(|error| error.contains(OTHER_SEAL))
}

/// A program with a `/` in it is relative to the configuration.
fn found(base: &Path, program: &str) -> PathBuf {
    if program.contains('/') { base.join(program) } else { PathBuf::from(program) }
}

/// Two free ports.
fn ports() -> std::io::Result<[u16; 2]> {
    let held = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    Ok([held[0].local_addr()?.port(), held[1].local_addr()?.port()])
}
