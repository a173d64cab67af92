//! Values of secrets are in memory while a collector runs, so the program leaves no core file behind if it dies.

use std::{fs, process::Stdio, thread::sleep, time::Duration};

use super::{Place, exhibit};

/// The soft and the hard limit of a process's core files, in bytes, as Linux tells them.
fn limits(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Max core file size"))?;
    Some(line.split_whitespace().take(2).map(str::to_owned).collect())
}

#[test]
fn no_core_file_is_ever_written() {
    let place = Place::new();
    let mut child = exhibit(place.path(), &["demo", "--dir", "look"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    loop {
        let ended = child.try_wait().expect("it is our child").is_some();
        // Both limits: a soft one alone could be raised again.
        if limits(child.id()).is_some_and(|limits| limits == ["0", "0"]) {
            break;
        }
        assert!(!ended, "the demo ended without switching core files off");
        sleep(Duration::from_millis(2));
    }
    assert!(child.wait().expect("it is our child").success());
}
