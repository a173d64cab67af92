//! A walk through a folder that stays in it, comes to an end, and tells what it did not look at.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use exhibit_collectors::survey::Checkout;

/// How far a walk goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Folders within folders.
    pub(super) depth: usize,
    /// Files and folders, all together.
    pub(super) entries: usize,
    /// Time, all together.
    pub(super) time: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { depth: 16, entries: 100_000, time: Duration::from_secs(20) }
    }
}

/// A file or folder, by its path from the top, `/` between the parts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seen {
    pub(super) path: String,
    pub(super) folder: bool,
    /// Whether git ignores it. An ignored folder is seen, but not entered.
    pub(super) ignored: bool,
}

/// Something that was not looked at, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LeftOut {
    pub(super) why: &'static str,
    /// As it can be shown: bytes that are no text are replaced.
    pub(super) path: String,
}

/// What a walk saw.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// In the order of their paths.
    pub(super) seen: Vec<Seen>,
    pub(super) left_out: Vec<LeftOut>,
    /// What bound was met, if one was: then there may be more than was seen.
    pub(super) cut: Option<&'static str>,
}

/// Folders that hold what others wrote, by name.
const FOREIGN: [&str; 12] = [
    "node_modules",
    "bower_components",
    "vendor",
    "third_party",
    ".venv",
    "venv",
    "site-packages",
    "__pycache__",
    ".terraform",
    ".tox",
    ".gradle",
    ".cargo-home",
];

/// Folders whose files are examples and fixtures more often than what runs.
const EXAMPLES: [&str; 14] = [
    "test",
    "tests",
    "testdata",
    "fixtures",
    "fixture",
    "spec",
    "specs",
    "__tests__",
    "example",
    "examples",
    "sample",
    "samples",
    "cases",
    "mocks",
];

pub(super) const FOREIGN_CODE: &str = "code of others";
pub(super) const EXAMPLE_CODE: &str = "tests and examples, by its name";
pub(super) const NO_TEXT: &str = "its name is no UTF-8 text, so no configuration can name it";
pub(super) const LEADS_OUT: &str = "a symbolic link out of the folder";
pub(super) const UNREADABLE: &str = "it could not be read";

/// Why a folder is not entered, if it is not.
fn closed(name: &str, path: &Path) -> Option<&'static str> {
    match name {
        ".git" | ".hg" | ".svn" => Some("a version control's own files"),
        ".exhibit" | "exhibit-demo" => Some("Exhibit's own data"),
        _ if FOREIGN.contains(&name) => Some(FOREIGN_CODE),
        _ if EXAMPLES.contains(&name) => Some(EXAMPLE_CODE),
        _ if path.join("PG_VERSION").is_file() => Some("a Postgres server's data"),
        _ => None,
    }
}

/// Walks through `top`, an absolute path.
pub(super) fn walk(top: &Path, checkout: Option<&Checkout>, bounds: Bounds) -> Walk {
    let mut walk = Walk::default();
    let begun = Instant::now();
    let mut folders: Vec<(PathBuf, String, usize)> = vec![(top.to_owned(), String::new(), 0)];
    while let Some((folder, prefix, depth)) = folders.pop() {
        let listed = fs::read_dir(&folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let Ok(mut entries) = listed else {
            walk.leave(UNREADABLE, if prefix.is_empty() { "." } else { &prefix });
            continue;
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            if walk.seen.len() + walk.left_out.len() >= bounds.entries {
                walk.cut = Some("more files and folders than are looked at");
            } else if begun.elapsed() > bounds.time {
                walk.cut = Some("it took longer than is allowed");
            }
            if walk.cut.is_some() {
                walk.finish();
                return walk;
            }
            let name = entry.file_name();
            let join = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
            let Some(name) = name.to_str() else {
                walk.leave(NO_TEXT, &join(&name.to_string_lossy()));
                continue;
            };
            let (absolute, path) = (entry.path(), join(name));
            let Ok(kind) = entry.file_type() else {
                walk.leave(UNREADABLE, &path);
                continue;
            };
            if kind.is_symlink() {
                walk.leave(link(top, &absolute), &path);
            } else if kind.is_dir() {
                if let Some(why) = closed(name, &absolute) {
                    walk.leave(why, &path);
                    continue;
                }
                let ignored = checkout.is_some_and(|checkout| checkout.ignores(&absolute));
                walk.seen.push(Seen { path: path.clone(), folder: true, ignored });
                if ignored {
                    walk.leave("git ignores it", &path);
                } else if depth + 1 >= bounds.depth {
                    walk.leave("too deep within the folder", &path);
                } else {
                    folders.push((absolute, path, depth + 1));
                }
            } else if kind.is_file() {
                let ignored = checkout.is_some_and(|checkout| checkout.ignores(&absolute));
                walk.seen.push(Seen { path, folder: false, ignored });
            }
            // Sockets, pipes and devices hold no configuration.
        }
    }
    walk.finish();
    walk
}

/// Why a link is not followed.
fn link(top: &Path, path: &Path) -> &'static str {
    match path.canonicalize() {
        Ok(target) if target.starts_with(top) => "a symbolic link; what it leads to is looked at where it lies",
        Ok(_) => LEADS_OUT,
        Err(_) => "a symbolic link that leads nowhere",
    }
}

impl Walk {
    pub(super) fn leave(&mut self, why: &'static str, path: &str) {
        self.left_out.push(LeftOut { why, path: path.to_owned() });
    }

    fn finish(&mut self) {
        self.seen.sort();
        self.left_out.sort();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::{ffi::OsStrExt as _, fs::symlink};

    use super::*;

    fn lay_out(top: &Path, files: &[&str]) {
        for file in files {
            let path = top.join(file);
            fs::create_dir_all(path.parent().expect("files lie in folders")).expect("a folder");
            fs::write(path, "").expect("written");
        }
    }

    #[test]
    fn a_walk_stays_in_its_folder_and_tells_what_it_left() {
        let place = tempfile::tempdir().expect("a folder");
        let place = place.path().canonicalize().expect("it is there");
        let top = place.join("top");
        lay_out(
            &top,
            &["a/b.yml", "node_modules/x/.env", ".git/config", "tests/.env", ".exhibit/log.key", "data/PG_VERSION"],
        );
        lay_out(&place, &["outside/.env"]);
        symlink(place.join("outside/.env"), top.join("out.env")).expect("a link");
        symlink("a", top.join("in")).expect("a link");
        symlink("nowhere", top.join("dead")).expect("a link");
        fs::create_dir(top.join(std::ffi::OsStr::from_bytes(b"caf\xe9"))).expect("a folder");
        let walk = walk(&top, None, Bounds::default());
        let seen: Vec<&str> = walk.seen.iter().map(|seen| seen.path.as_str()).collect();
        assert_eq!(seen, ["a", "a/b.yml"]);
        let left: Vec<(&str, &str)> = walk.left_out.iter().map(|left| (left.path.as_str(), left.why)).collect();
        let mut expected = vec![
            ("node_modules", FOREIGN_CODE),
            (".git", "a version control's own files"),
            ("tests", "tests and examples, by its name"),
            (".exhibit", "Exhibit's own data"),
            ("data", "a Postgres server's data"),
            ("out.env", LEADS_OUT),
            ("in", "a symbolic link; what it leads to is looked at where it lies"),
            ("dead", "a symbolic link that leads nowhere"),
            ("caf\u{fffd}", NO_TEXT),
        ];
        expected.sort_by_key(|(path, why)| (*why, *path));
        assert_eq!(left, expected);
        assert_eq!(walk.cut, None);
    }

    #[test]
    fn a_walk_ends() {
        let place = tempfile::tempdir().expect("a folder");
        lay_out(place.path(), &["a/b/c/d/e", "f", "g", "h"]);
        let shallow = walk(place.path(), None, Bounds { depth: 2, ..Bounds::default() });
        assert!(shallow.left_out.iter().any(|left| left.path == "a/b"), "{shallow:?}");
        assert!(shallow.cut.is_none());
        let few = walk(place.path(), None, Bounds { entries: 3, ..Bounds::default() });
        assert_eq!((few.seen.len(), few.cut.is_some()), (3, true));
        let hasty = walk(place.path(), None, Bounds { time: Duration::ZERO, ..Bounds::default() });
        assert!(hasty.cut.is_some());
    }
}
