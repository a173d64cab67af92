//! How much memory `exhibit serve` takes while it has nothing to do: `cargo bench -p exhibit-tests --bench idle_memory`.
//!
//! It starts the program as it is released, with two listeners and a job that is due once a year, lets it settle, and reads
//! what the kernel says of the process. The private Postgres is not counted: a deployment of that kind has its own.

#![expect(clippy::print_stdout, reason = "a benchmark tells what it measured")]

use std::{
    fs,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use exhibit_tests::fresh_binary;

/// What is promised, in KiB.
const MOST: u64 = 40 * 1024;
/// So long it has to have been idle.
const SETTLED: Duration = Duration::from_secs(40);

const CONFIGURATION: &str = "\
[deployment]
name = \"Idle\"
data_dir = \"data\"

[service]
listen = \"127.0.0.1:0\"
metrics_listen = \"127.0.0.1:0\"

[environments.production]

[[jobs]]
id = \"credentials\"
collector = \"unique_credentials\"
schedule = \"@yearly\"
environments = [\"production\"]
source = { credentials = [{ environment = \"production\", dotenv = \"production.env\" }] }
";

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("it is ours");
    fs::write(folder.path().join("exhibit.toml"), CONFIGURATION).expect("written");
    let log = folder.path().join("log");
    let mut service = Command::new(fresh_binary())
        .arg("serve")
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stderr(fs::File::create(&log).expect("a log"))
        .spawn()
        .expect("it starts");
    let begun = Instant::now();
    while !fs::read_to_string(&log).expect("a log").contains("serving") {
        assert!(begun.elapsed() < Duration::from_secs(120), "it does not begin to serve");
        sleep(Duration::from_millis(100));
    }
    sleep(SETTLED);
    let status = fs::read_to_string(format!("/proc/{}/status", service.id())).expect("it runs");
    let of = |name: &str| -> u64 {
        let line = status.lines().find(|line| line.starts_with(name)).expect("the kernel says so");
        line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number of KiB")
    };
    let (resident, own, files) = (of("VmRSS:"), of("RssAnon:"), of("RssFile:"));
    // So that it stops its Postgres.
    let told = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", service.id())).status().expect("a shell");
    assert!(told.success());
    assert!(service.wait().expect("it ends").success());
    let mib = |kib: u64| kib as f64 / 1024.0;
    println!(
        "idle: {:.1} MiB resident ({:.1} its own, {:.1} of the program's file)",
        mib(resident),
        mib(own),
        mib(files)
    );
    assert!(resident <= MOST, "more than {:.0} MiB", mib(MOST));
}
