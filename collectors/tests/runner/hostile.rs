//! Programs that do not end, do too much, or lie.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use exhibit_collectors::runner::{Ended, RunnerError};

use crate::{Script, fenced, printed};

/// Starts three that stay: one in the background, one in a session of its own, one orphaned in a session of its own. Each
/// notes its number before anything else goes on.
const STAYERS: &str = r#"
stay='echo $$ >> "$0/pids"; echo x > "$0/ready"; exec sleep 600'
mkfifo "$2/ready"
sh -c "$stay" "$2" & cat "$2/ready"
setsid sh -c "$stay" "$2" & cat "$2/ready"
(setsid sh -c "$stay" "$2" &) ; cat "$2/ready"
"#;

fn none_stays(notes: &Path) {
    let pids = fs::read_to_string(notes.join("pids")).expect("they were started");
    assert_eq!(pids.lines().count(), 3, "{pids}");
    for pid in pids.lines() {
        // Not even as one that nobody has waited for: the helper waits for all of them before it ends.
        assert!(!Path::new("/proc").join(pid).exists(), "{pid} stayed");
    }
}

#[test]
fn what_it_leaves_running_is_ended_even_in_sessions_of_its_own() {
    let script = Script::new(&format!("{STAYERS}echo done"));
    let ran = script.run().expect("it ends by itself");
    assert_eq!((ran.ended, ran.used.left_running), (Ended::Status(0), 3));
    assert_eq!(crate::printed(&ran), "x\nx\nx\ndone\n");
    none_stays(&script.notes());
}

#[test]
fn one_that_hangs_is_ended_with_all_that_it_started() {
    let script = Script::new(&format!("{STAYERS}sleep 600")).limited(|limits| limits.time = Duration::from_secs(3));
    let error = script.refused();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        ("scanner-too-long", "./scanner took more than 3 s and was ended")
    );
    none_stays(&script.notes());
}

#[test]
fn one_that_goes_on_forking_is_ended() {
    // Each starts the next and ends, in a session of its own, so that neither group nor parent leads to the last one.
    let text = r#"
cat > "$2/again" <<'END'
#!/bin/sh
echo $$ > "$1/last"
setsid sh "$1/again" "$1" &
END
setsid sh "$2/again" "$2" &
sleep 600"#;
    let script = Script::new(text).limited(|limits| limits.time = Duration::from_secs(2));
    assert_eq!(script.refused().code(), "scanner-too-long");
    let last = fs::read_to_string(script.notes().join("last")).expect("it was started");
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(fs::read_to_string(script.notes().join("last")).expect("still there"), last, "one is still at it");
}

#[test]
fn when_exhibit_is_gone_the_helper_ends_what_it_stands_above() {
    let folder = tempfile::tempdir().expect("a folder");
    let notes = folder.path().join("notes");
    fs::create_dir(&notes).expect("made");
    let (ours, theirs) = UnixStream::pair().expect("a pair");
    let mut helper = Command::new(env!("CARGO_BIN_EXE_exhibit-collectors-test-helper"))
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .spawn()
        .expect("started");
    let orders = serde_json::json!({
        "program": "/bin/sh",
        "arguments": ["-c", format!("{STAYERS}echo > \"$2/all\"; sleep 600"), "sh", "target", notes],
        "folder": folder.path(),
        "bounds": {"cpu_seconds": 60, "file_bytes": 1_000_000, "open_files": 64},
        "readable": [], "writable": [], "network": false,
    });
    let orders = orders.to_string();
    std::io::Write::write_all(&mut (&ours), &u32::try_from(orders.len()).expect("short").to_be_bytes()).expect("sent");
    std::io::Write::write_all(&mut (&ours), orders.as_bytes()).expect("sent");
    while !notes.join("all").exists() {
        assert!(helper.try_wait().expect("asked").is_none(), "the helper ended early");
        std::thread::sleep(Duration::from_millis(5));
    }
    // What the kernel does with the sockets of a process that is killed.
    drop(ours);
    helper.wait().expect("it ends");
    none_stays(&notes);
}

#[test]
fn floods_are_cut_off_and_told_apart() {
    let script = Script::new("yes").limited(|limits| limits.output_bytes = 1_000_000);
    let error = script.refused();
    let told = (error.code(), error.to_string());
    assert_eq!(told, ("scanner-too-much", "./scanner printed more than 1000000 bytes and was ended".to_owned()));
    let script = Script::new("echo {}; yes >&2").limited(|limits| limits.error_bytes = 1_000_000);
    let error = script.refused().to_string();
    assert_eq!(error, "./scanner wrote more than 1000000 bytes to standard error and was ended");
    // Much on both at once, within the limits, blocks neither.
    let script = Script::new("yes 123456789 | head -c 3000000 >&2 & yes | head -c 3000000; wait");
    let ran = script.run().expect("it runs");
    assert_eq!((ran.ended, ran.stdout_bytes), (Ended::Status(0), 3_000_000));
    assert!(ran.last_words().ends_with("123456789"), "{}", ran.last_words());
}

#[test]
fn how_it_ended_is_told_by_status_or_signal() {
    let ran = Script::new("echo some; kill -9 $$").run().expect("it runs");
    assert_eq!((ran.ended, ran.stdout_bytes), (Ended::Signal(9), 5));
    let ran = Script::new("printf '\\033[2J\\033[31mno database\\033[0m\\r' >&2; exit 7").run().expect("it runs");
    assert_eq!((ran.ended, ran.last_words().as_str()), (Ended::Status(7), "no database"));
}

#[test]
fn cpu_time_files_and_open_files_are_bounded() {
    let ran = Script::new("while :; do :; done").limited(|limits| limits.cpu_seconds = 1).run().expect("it runs");
    assert_eq!(ran.ended.to_string(), "was ended because it used more CPU time than it may");
    // The kernel rounds what it counts.
    assert!(ran.used.cpu_millis > 500, "{:?}", ran.used);

    let script = Script::new("exec head -c 2000000 /dev/zero > huge").limited(|limits| limits.file_bytes = 1_000_000);
    assert_eq!(
        script.run().expect("it runs").ended.to_string(),
        "was ended because it wrote a larger file than it may"
    );

    let script = Script::new("ulimit -n; ulimit -c; ulimit -f").limited(|limits| {
        limits.open_files = 77;
        limits.file_bytes = 512 * 1_000;
    });
    let ran = script.run().expect("it runs");
    assert_eq!(crate::printed(&ran), "77\n0\n1000\n");
    assert_eq!((ran.in_force.bounds.open_files, ran.in_force.no_new_privileges), (77, true));

    let script = Script::new("head -c 2000000 /dev/zero > output").limited(|limits| limits.output_bytes = 1_000_000);
    let error = script.refused();
    assert_eq!(error.to_string(), "./scanner left a result of 2000000 bytes; at most 1000000 are read");
}

/// Whether this process may make cgroups for memory (version 1) below its own.
fn may_hold_memory() -> bool {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    own.lines().filter_map(|line| line.split_once(":memory:/")).any(|(_, path)| {
        let folder = Path::new("/sys/fs/cgroup/memory").join(path);
        nix::unistd::access(&folder, nix::unistd::AccessFlags::W_OK).is_ok()
    })
}

#[test]
fn memory_and_processes_are_bounded_where_a_cgroup_can_be_made() {
    const MOST: u64 = 64 << 20;
    let held = Script::new("true").limited(|limits| limits.memory_bytes = MOST).run().expect("it runs").in_force;
    assert!(held.memory_bytes == Some(MOST) || (held.memory_bytes.is_none() && !may_hold_memory()), "{held:?}");

    // What reads from a pipe to its end keeps as much of it as it may have to print.
    let script = Script::new("head -c 300000000 /dev/zero | tail -c 300000000 | wc -c");
    match script.limited(|limits| limits.memory_bytes = MOST).run() {
        Err(RunnerError::TooMuchMemory { most, .. }) => assert_eq!(Some(most), held.memory_bytes),
        other => assert!(held.memory_bytes.is_none() && printed(&other.expect("it runs")).trim() == "300000000"),
    }

    let script = Script::new("for one in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do sleep 1 & done\nwait\necho all");
    let ran = script.limited(|limits| limits.processes = 8).run().expect("it runs");
    assert_eq!(printed(&ran).is_empty(), held.processes.is_some(), "{:?}", ran.in_force);
}

#[test]
fn a_helper_that_is_killed_leaves_an_error() {
    // The kernel refuses that to the scanner itself.
    let ran = Script::new("kill -9 $PPID; echo still here").run().expect("it runs");
    assert_eq!((fenced(&ran.in_force), crate::printed(&ran).as_str()), (true, "still here\n"));

    let script = Script::new("echo $PPID > \"$2/number\"; mv \"$2/number\" \"$2/helper\"; exec sleep 600");
    let note = script.notes().join("helper");
    let killing = std::thread::spawn(move || {
        let helper = loop {
            if let Ok(number) = fs::read_to_string(&note) {
                break number;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Command::new("kill").args(["-9", helper.trim()]).status().expect("kill")
    });
    let error = script.refused();
    assert!(killing.join().expect("joined").success());
    assert_eq!(error.code(), "scanner-lost", "{error}");
}
