//! Memory and processes of a scanner, held by cgroups of its own where this process may make some: of version 2, or where
//! the controllers are still of version 1, one in the tree of each.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Limits;

/// Where the kernel shows cgroups.
const ROOT: &str = "/sys/fs/cgroup";

/// Cgroups for one run. What is left in them is killed, and they are removed, when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// One of version 2 alone, or one of version 1 for each controller.
    folders: Vec<PathBuf>,
    /// The memory that it is held to, if it is.
    pub(super) memory_bytes: Option<u64>,
    /// The processes that it is held to, if it is.
    pub(super) processes: Option<u64>,
}

impl Group {
    /// Makes them beside or below the cgroups that this process is in, wherever the controllers are handed down to; none
    /// where there is no such place or it is not ours.
    pub(super) fn made(name: &str, limits: &Limits) -> Option<Self> {
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        Self::made_within(Path::new(ROOT), &own, name, limits)
    }

    fn made_within(root: &Path, own: &str, name: &str, limits: &Limits) -> Option<Self> {
        Self::of_version_2(root, own, name, limits).or_else(|| Self::of_version_1(root, own, name, limits))
    }

    fn of_version_2(root: &Path, own: &str, name: &str, limits: &Limits) -> Option<Self> {
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
        let mut group = Self::default();
        if has("memory") && set(&folder, "memory.max", limits.memory_bytes).is_ok() {
            // Where there is swap, memory that is swapped out is held too.
            let _ = set(&folder, "memory.swap.max", 0);
            let _ = set(&folder, "memory.oom.group", 1);
            group.memory_bytes = Some(limits.memory_bytes);
        }
        if has("pids") && set(&folder, "pids.max", limits.processes).is_ok() {
            group.processes = Some(limits.processes);
        }
        group.folders.push(folder);
        Some(group)
    }

    fn of_version_1(root: &Path, own: &str, name: &str, limits: &Limits) -> Option<Self> {
        let mut group = Self::default();
        let mut made = |controller: &str| {
            let folder = root.join(controller).join(below(own, controller)?).join(name);
            fs::create_dir(&folder).ok()?;
            group.folders.push(folder.clone());
            Some(folder)
        };
        let (memory, pids) = (made("memory"), made("pids"));
        if memory.is_some_and(|folder| {
            let held = set(&folder, "memory.limit_in_bytes", limits.memory_bytes).is_ok();
            // Where swap is counted, memory that is swapped out is held too; it can't be set before the other.
            let _ = set(&folder, "memory.memsw.limit_in_bytes", limits.memory_bytes);
            held
        }) {
            group.memory_bytes = Some(limits.memory_bytes);
        }
        if pids.is_some_and(|folder| set(&folder, "pids.max", limits.processes).is_ok()) {
            group.processes = Some(limits.processes);
        }
        (group.memory_bytes.is_some() || group.processes.is_some()).then_some(group)
    }

    /// Takes in a process, and all that it starts from now on.
    pub(super) fn take_in(&mut self, pid: u32) {
        let taken = self.folders.iter().all(|folder| set(folder, "cgroup.procs", u64::from(pid)).is_ok());
        if !taken {
            self.memory_bytes = None;
            self.processes = None;
        }
    }

    /// Whether something in it was killed for want of memory.
    pub(super) fn ran_out_of_memory(&self) -> bool {
        // Version 2 tells it in the first, version 1 in the second.
        let files = ["memory.events", "memory.oom_control"];
        let told = self.folders.iter().flat_map(|folder| files.map(|file| folder.join(file)));
        told.filter_map(|path| fs::read_to_string(path).ok()).any(|text| {
            let killed = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
            killed.and_then(|count| count.trim().parse::<u64>().ok()).is_some_and(|count| count > 0)
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for folder in &self.folders {
            // Version 1 has no such file: the runner has ended what was in it.
            let _ = set(folder, "cgroup.kill", 1);
        }
        // Empty once the kernel has taken away what was killed; one that stays is empty and harmless.
        for _ in 0..100 {
            self.folders.retain(|folder| fs::remove_dir(folder).is_err());
            if self.folders.is_empty() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

fn set(folder: &Path, file: &str, value: u64) -> io::Result<()> {
    fs::write(folder.join(file), value.to_string())
}

/// Where this process is in the tree of a controller of version 1.
fn below<'a>(own: &'a str, controller: &str) -> Option<&'a str> {
    own.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        controllers.split(',').any(|one| one == controller).then(|| path.trim_start_matches('/'))
    })
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

    #[test]
    fn where_controllers_are_of_version_1_each_gets_one() {
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(root.path().join("memory/user/me")).expect("made");
        let own = "8:pids:/\n4:memory,hugetlb:/user/me\n0::/\n";
        let mut group = Group::made_within(root.path(), own, "scan", &Limits::default()).expect("made");
        assert_eq!((group.memory_bytes, group.processes), (Some(4 << 30), None));
        let folder = root.path().join("memory/user/me/scan");
        assert_eq!(fs::read_to_string(folder.join("memory.memsw.limit_in_bytes")).expect("written"), "4294967296");
        group.take_in(7);
        assert!(!group.ran_out_of_memory());
        fs::write(folder.join("memory.oom_control"), "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n").expect("written");
        assert!(group.ran_out_of_memory());
    }
}
