//! Memory and processes of a scanner, held by a cgroup of its own (version 2) where this process may make one.
//!
//! Recorded, not proven: the tests hold it against files as the kernel's documentation of cgroup v2 has them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Limits;

/// Where the kernel shows cgroups.
const ROOT: &str = "/sys/fs/cgroup";

/// A cgroup for one run. What is left in it is killed, and it is removed, when this is dropped.
#[derive(Debug)]
pub(super) struct Group {
    folder: PathBuf,
    /// The memory that it is held to, if it is.
    pub(super) memory_bytes: Option<u64>,
    /// The processes that it is held to, if it is.
    pub(super) processes: Option<u64>,
}

impl Group {
    /// Makes one beside or below the cgroup that this process is in, wherever the controllers are handed down to; none
    /// where there is no such place or it is not ours.
    pub(super) fn made(name: &str, limits: &Limits) -> Option<Self> {
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        Self::made_within(Path::new(ROOT), &own, name, limits)
    }

    fn made_within(root: &Path, own: &str, name: &str, limits: &Limits) -> Option<Self> {
        let own = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
        let own = root.join(own);
        // A service whose own cgroup is a leaf of one that was handed to it (`DelegateSubgroup=`) makes siblings.
        [own.parent().filter(|parent| parent.starts_with(root)), Some(&own)]
            .into_iter()
            .flatten()
            .find_map(|parent| Self::made_in(parent, name, limits))
    }

    fn made_in(parent: &Path, name: &str, limits: &Limits) -> Option<Self> {
        let handed_down = fs::read_to_string(parent.join("cgroup.subtree_control")).ok()?;
        let has = |controller| handed_down.split_whitespace().any(|one| one == controller);
        if !has("memory") && !has("pids") {
            return None;
        }
        let folder = parent.join(name);
        fs::create_dir(&folder).ok()?;
        let mut group = Self { folder, memory_bytes: None, processes: None };
        if has("memory") && group.set("memory.max", limits.memory_bytes).is_ok() {
            // Where there is swap, memory that is swapped out is held too.
            let _ = group.set("memory.swap.max", 0);
            let _ = group.set("memory.oom.group", 1);
            group.memory_bytes = Some(limits.memory_bytes);
        }
        if has("pids") && group.set("pids.max", limits.processes).is_ok() {
            group.processes = Some(limits.processes);
        }
        Some(group)
    }

    fn set(&self, file: &str, value: u64) -> io::Result<()> {
        fs::write(self.folder.join(file), value.to_string())
    }

    /// Takes in a process, and all that it starts from now on.
    pub(super) fn take_in(&mut self, pid: u32) {
        if self.set("cgroup.procs", u64::from(pid)).is_err() {
            self.memory_bytes = None;
            self.processes = None;
        }
    }

    /// Whether something in it was killed for want of memory.
    pub(super) fn ran_out_of_memory(&self) -> bool {
        let events = fs::read_to_string(self.folder.join("memory.events")).unwrap_or_default();
        let killed = events.lines().find_map(|line| line.strip_prefix("oom_kill "));
        killed.and_then(|count| count.trim().parse::<u64>().ok()).is_some_and(|count| count > 0)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = self.set("cgroup.kill", 1);
        // Empty once the kernel has taken away what was killed; one that stays is empty and harmless.
        for _ in 0..100 {
            if fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_beside_the_own_one_if_controllers_are_handed_down_there() {
        let root = tempfile::tempdir().expect("a folder");
        let own = root.path().join("exhibit.service/main");
        fs::create_dir_all(&own).expect("made");
        let made =
            || Group::made_within(root.path(), "1:pids:/x\n0::/exhibit.service/main\n", "scan", &Limits::default());
        assert!(made().is_none());
        fs::write(root.path().join("exhibit.service/cgroup.subtree_control"), "memory pids\n").expect("written");
        let mut group = made().expect("made");
        let folder = root.path().join("exhibit.service/scan");
        let read = |file: &str| fs::read_to_string(folder.join(file)).expect("written");
        assert_eq!((group.memory_bytes, group.processes), (Some(4 << 30), Some(4_096)));
        assert_eq!((read("memory.max").as_str(), read("pids.max").as_str()), ("4294967296", "4096"));
        group.take_in(7);
        assert_eq!(read("cgroup.procs"), "7");
        assert!(!group.ran_out_of_memory());
        fs::write(folder.join("memory.events"), "low 0\noom 1\noom_kill 2\n").expect("written");
        assert!(group.ran_out_of_memory());
        assert!(Group::made_within(root.path(), "4:memory:/x\n", "scan", &Limits::default()).is_none());
    }
}
