//! Looks all along at what others on the machine can see of a program: arguments and environments of every process that is
//! begun meanwhile, temporary files, and files that are open and have no name any more.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use exhibit_tests::{Needles, fresh_binary};

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(3);
/// No file is read further.
const MOST: u64 = 16 * 1024 * 1024;

/// What was seen.
#[derive(Default)]
pub(super) struct Seen {
    /// Places that held a value.
    pub(super) found: BTreeSet<String>,
    /// Programs that were begun by the one that is watched, and how large a core file of each may be.
    pub(super) children: BTreeMap<String, BTreeSet<String>>,
}

/// Somebody who looks, on a thread of their own, until asked to end.
pub(super) struct Watch {
    ended: Arc<AtomicBool>,
    roots: Arc<Mutex<BTreeSet<i32>>>,
    thread: JoinHandle<Seen>,
}

impl Watch {
    /// Begins to look. What runs already is not looked at, nor what the program's own environment holds under `given`.
    pub(super) fn begin(needles: Arc<Needles>, temp: &Path, given: &'static str) -> Self {
        let (ended, roots) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(BTreeSet::new())));
        let (stop, known, temp) = (Arc::clone(&ended), Arc::clone(&roots), temp.to_owned());
        let before: BTreeSet<i32> = processes().into_iter().collect();
        let thread = thread::spawn(move || {
            let mut looking = Looking { needles, temp, given, seen: Seen::default(), tree: BTreeSet::new() };
            // One more look after the end.
            loop {
                let last = stop.load(Ordering::Acquire);
                looking.tree.extend(known.lock().unwrap_or_else(PoisonError::into_inner).iter());
                looking.look(&before);
                if last {
                    return looking.seen;
                }
                thread::sleep(PAUSE);
            }
        });
        Self { ended, roots, thread }
    }

    /// This process and all that it starts are what is watched.
    pub(super) fn follow(&self, process: u32) {
        let process = i32::try_from(process).expect("a process id");
        self.roots.lock().unwrap_or_else(PoisonError::into_inner).insert(process);
    }

    /// Ends it.
    pub(super) fn end(self) -> Seen {
        self.ended.store(true, Ordering::Release);
        self.thread.join().expect("nothing went wrong while looking")
    }
}

struct Looking {
    needles: Arc<Needles>,
    temp: PathBuf,
    given: &'static str,
    seen: Seen,
    /// Processes that are watched: those that were named, and all that they started.
    tree: BTreeSet<i32>,
}

impl Looking {
    fn look(&mut self, before: &BTreeSet<i32>) {
        let now: Vec<i32> = processes().into_iter().filter(|process| !before.contains(process)).collect();
        for process in now {
            let parent = parent(process);
            if parent == i32::try_from(std::process::id()).ok() && !self.tree.contains(&process) {
                // What the tests began themselves, to set something up.
                continue;
            }
            let name = fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default().trim().to_owned();
            // The whole machine is looked at: who leaves the tree of processes is still seen.
            self.search(&format!("an argument of {name}"), &read(format!("/proc/{process}/cmdline")), false);
            // What the test itself handed over, the program has by right; so has whoever it begins, until that is another one.
            let own = fs::read_link(format!("/proc/{process}/exe")).is_ok_and(|program| program == fresh_binary());
            self.search(&format!("the environment of {name}"), &read(format!("/proc/{process}/environ")), own);
            if self.tree.contains(&process) || parent.is_some_and(|parent| self.tree.contains(&parent)) {
                self.tree.insert(process);
                self.seen.children.entry(name.clone()).or_default().extend(core_limit(process));
                self.open_files(process, &name);
            }
        }
        let mut folders = vec![self.temp.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(path),
                    Ok(kind) if kind.is_file() => {
                        self.search(&format!("the temporary file {}", path.display()), &read(&path), false);
                    }
                    _ => {}
                }
            }
        }
    }

    /// Files that a process holds open and that have no name, or one in a folder for temporary files.
    fn open_files(&mut self, process: i32, name: &str) {
        for entry in fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten() {
            let Ok(target) = fs::read_link(entry.path()) else { continue };
            let target = target.to_string_lossy().into_owned();
            let unnamed = target.starts_with('/') && (target.ends_with(" (deleted)") || target.starts_with("/memfd:"));
            if unnamed && fs::metadata(entry.path()).is_ok_and(|file| file.is_file()) {
                self.search(&format!("a file without a name that {name} holds open"), &read(entry.path()), false);
            }
        }
    }

    fn search(&mut self, place: &str, bytes: &[u8], own: bool) {
        let found = self.needles.told_in(bytes).into_iter();
        let found = found.filter(|form| !(own && form.starts_with(self.given)));
        self.seen.found.extend(found.map(|form| format!("{place}: {form}")));
    }
}

fn processes() -> Vec<i32> {
    let names =
        fs::read_dir("/proc").expect("a system that shows its processes").flatten().map(|entry| entry.file_name());
    names.filter_map(|name| name.to_str()?.parse().ok()).collect()
}

fn parent(process: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// The soft limit of a process's core files.
fn core_limit(process: i32) -> Option<String> {
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).ok()?;
    let line = limits.lines().find(|line| line.starts_with("Max core file size"))?;
    line.split_whitespace().nth(4).map(str::to_owned)
}

/// As much of a file as is there now.
fn read(path: impl AsRef<Path>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = fs::File::open(path) {
        let _ = file.take(MOST).read_to_end(&mut bytes);
    }
    bytes
}
