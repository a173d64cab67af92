//! moto: an emulator of AWS, for its Secrets Manager, Parameter Store, S3 and KMS. What is set up for a test is set up by
//! AWS's own library for Python, not by our client.
//!
//! One server for the tests of a process, which it ends with: it hangs on a pipe that the process holds. Each test has names of
//! its own. It emulates answers, not rights: who may read what is tried on a server of ours.

use std::{
    io::Write as _,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use crate::packages::listed;

/// A running emulator.
pub(crate) struct Moto {
    /// Its address.
    pub(crate) url: String,
    folder: PathBuf,
    /// Holds the pipe.
    _process: Child,
}

/// The emulator of this process.
pub(crate) fn moto() -> &'static Moto {
    static SERVER: OnceLock<Moto> = OnceLock::new();
    SERVER.get_or_init(start)
}

fn start() -> Moto {
    let folder = listed("moto");
    for _ in 0..3 {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|held| held.local_addr()).expect("a port").port();
        // The shell ends the server, by its process id, when the pipe closes: however this process ends.
        let mut process = Command::new("sh")
            .args(["-c", "\"$@\" </dev/null & server=$!; read -r _; kill -9 $server; wait", "sh"])
            .args(["python3", "-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
            .env("PYTHONPATH", &folder)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        for _ in 0..1200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Moto { url: format!("http://127.0.0.1:{port}"), folder, _process: process };
            }
            if process.try_wait().expect("a status").is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        drop(process.stdin.take());
        process.wait().expect("it ends");
    }
    panic!("moto does not start");
}

impl Moto {
    /// Runs lines of Python in which `secrets`, `parameters` and `keys` are clients of the emulator.
    pub(crate) fn with(&self, script: &str) -> String {
        let begin = "import boto3\n\
                     def client(name): return boto3.client(name, endpoint_url=URL, region_name='eu-central-1',\n    \
                         aws_access_key_id='fake-id', aws_secret_access_key='fake-key')\n\
                     secrets, parameters, keys = client('secretsmanager'), client('ssm'), client('kms')\n";
        let mut process = Command::new("python3")
            .arg("-")
            .env("PYTHONPATH", &self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("python3");
        let script = format!("URL = '{}'\n{begin}{script}\n", self.url);
        process.stdin.take().expect("a pipe").write_all(script.as_bytes()).expect("written");
        let told = process.wait_with_output().expect("it ends");
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        String::from_utf8_lossy(&told.stdout).into_owned()
    }
}
