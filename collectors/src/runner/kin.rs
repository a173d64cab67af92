//! The processes below this one, found and ended.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid};

/// How often it is looked for processes that were started while others were being stopped.
const ROUNDS: usize = 64;

/// Ends every process below this one. Each is stopped first, so that none can start another meanwhile. Gives how many
/// there were that still ran.
pub(super) fn end_all() -> u64 {
    let mut stopped = BTreeSet::new();
    for _ in 0..ROUNDS {
        let new: Vec<i32> = below(getpid().as_raw()).into_iter().filter(|pid| stopped.insert(*pid)).collect();
        if new.is_empty() {
            break;
        }
        for pid in new {
            // One that is gone meanwhile is what is wanted.
            let _ = kill(Pid::from_raw(pid), Signal::SIGSTOP);
        }
    }
    for pid in &stopped {
        let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
    }
    stopped.len() as u64
}

/// The processes below `pid` that still run, at any depth.
fn below(pid: i32) -> Vec<i32> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        if let Some((state, parent)) = state_and_parent(&stat)
            && state != 'Z'
        {
            children.entry(parent).or_default().push(process);
        }
    }
    let mut found = children.remove(&pid).unwrap_or_default();
    let mut at = 0;
    while at < found.len() {
        found.extend(children.remove(&found[at]).unwrap_or_default());
        at += 1;
    }
    found
}

/// What `/proc/PID/stat` says after the name, which may hold anything.
fn state_and_parent(stat: &str) -> Option<(char, i32)> {
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_hides_no_process() {
        assert_eq!(state_and_parent("7 (a) S 1 (x) R 42 7 7 0"), Some(('R', 42)));
        assert_eq!(state_and_parent("7 (a"), None);
    }
}
