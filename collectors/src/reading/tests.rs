//! Every form of packing, whole and broken, from files in `cases/`; and the things in folders that are no files.
//! `EXHIBIT_RECORD=1` writes what is read now as what is expected.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Mutex;

use super::*;

/// Keeps everything.
#[derive(Default)]
struct Keep {
    documents: Mutex<BTreeMap<String, Vec<u8>>>,
    excluded: Mutex<Vec<Excluded>>,
}

impl Keep {
    fn keep(&self, path: &str, bytes: Vec<u8>) {
        let mut documents = self.documents.lock().expect("no panic");
        let mut name = path.to_owned();
        // Members of an archive may have one name.
        while documents.contains_key(&name) {
            assert!(path.contains(unpack::WITHIN), "{path} was told twice");
            name.push_str(" again");
        }
        documents.insert(name, bytes);
    }

    fn told(self) -> String {
        let mut told = String::new();
        for (path, bytes) in self.documents.into_inner().expect("no panic") {
            let shown: String = String::from_utf8_lossy(&bytes).chars().take(60).collect();
            writeln!(told, "{path}: {} bytes: {shown:?}", bytes.len()).expect("memory");
        }
        let mut excluded = self.excluded.into_inner().expect("no panic");
        excluded.sort();
        for Excluded { path, reason } in excluded {
            let kind = if reason.is_failure() { "FAILED" } else { "left out" };
            writeln!(told, "{path}: {kind}: {reason}").expect("memory");
        }
        told
    }
}

impl Visitor for Keep {
    fn stream(&self, path: &str, bytes: &mut dyn Read) -> io::Result<()> {
        let mut kept = Vec::new();
        let done = bytes.read_to_end(&mut kept).map(drop);
        self.keep(path, kept);
        done
    }

    fn bytes(&self, path: &str, bytes: &[u8]) {
        self.keep(path, bytes.to_vec());
    }

    fn file(&self, path: &str, file: &File, size: u64) -> io::Result<()> {
        let mut kept = vec![0; usize::try_from(size).expect("small")];
        file.read_exact_at(&mut kept, 0)?;
        self.keep(path, kept);
        Ok(())
    }

    fn excluded(&self, excluded: Excluded) {
        self.excluded.lock().expect("no panic").push(excluded);
    }
}

fn small() -> Limits {
    Limits { free: 1 << 20, ..Limits::default() }
}

fn walked(path: &Path, walk: &Walk) -> String {
    let keep = Keep::default();
    walk.run(path, &keep).expect("it can be looked at");
    keep.told().replace(&format!("{}/", path.display()), "")
}

#[test]
fn packed_files_are_as_expected() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/reading/cases");
    let told = walked(&cases, &Walk { limits: small(), ..Walk::default() });
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/reading/cases.txt");
    if std::env::var_os("EXHIBIT_RECORD").is_some() {
        fs::write(&expected, &told).expect("written");
    }
    assert_eq!(told, fs::read_to_string(&expected).expect("text"));
}

#[test]
fn a_stream_gives_what_its_file_gives() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/reading/cases");
    for entry in fs::read_dir(cases).expect("a folder") {
        let path = entry.expect("an entry").path();
        let (streamed, file, bytes) = (Keep::default(), Keep::default(), Keep::default());
        let name = path.to_string_lossy().into_owned();
        read_stream(&name, &mut File::open(&path).expect("opened"), small(), &streamed);
        Walk { limits: small(), ..Walk::default() }.run(&path, &file).expect("read");
        read_bytes(&name, &fs::read(&path).expect("read"), small(), &bytes);
        let (streamed, file) = (streamed.told(), file.told());
        // How far a reader is when a limit ends it depends on who asks for how much.
        if !file.contains("times its size") {
            assert_eq!(bytes.told(), file);
            // What stands behind other bytes is known when they are past, and a stream doesn't go back.
            if streamed.contains("zip archive behind other bytes") {
                assert!(name.contains("program"), "{streamed}");
            } else {
                assert_eq!(streamed, file);
            }
        }
    }
}

#[test]
fn zip_files_too_large_to_hold_are_read_from_their_beginning() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/reading/cases");
    for (name, expected) in [
        (
            "deflated.zip",
            "z!a.txt: 24 bytes: \"line one\\nKEY=value-of-a\\n\"\nz!sub/b.txt: 24 bytes: \"line one\\nKEY=value-of-b\\n\"\n",
        ),
        ("described.zip", "z: FAILED: not looked into: The file length is not available in the local header\n"),
    ] {
        let keep = Keep::default();
        let limits = Limits { held: 10, ..small() };
        read_stream("z", &mut File::open(cases.join(name)).expect("opened"), limits, &keep);
        assert_eq!(keep.told(), expected, "{name}");
    }
}

/// Of a directory one entry at a time is in memory, and there may be so many.
#[test]
fn the_number_of_members_is_limited_and_told() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/reading/cases");
    for name in ["deflated.zip", "ustar.tar.gz"] {
        let (file, streamed) = (Keep::default(), Keep::default());
        let limits = Limits { entries: 1, ..small() };
        Walk { limits, ..Walk::default() }.run(&cases.join(name), &file).expect("read");
        read_stream(name, &mut File::open(cases.join(name)).expect("opened"), limits, &streamed);
        for (keep, way) in [(file, "file"), (streamed, "stream")] {
            let told = keep.told();
            assert!(told.contains("a.txt: ") && !told.contains("b.txt: "), "{way}: {told}");
            assert!(told.contains(": FAILED: unpacks to more than 1 members, at "), "{way}: {told}");
        }
    }
}

#[test]
fn whatever_is_cut_off_ends() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/reading/cases");
    for entry in fs::read_dir(cases).expect("a folder") {
        let bytes = fs::read(entry.expect("an entry").path()).expect("read");
        for cut in (0..bytes.len().min(600)).step_by(7) {
            let keep = Keep::default();
            read_stream("cut", &mut &bytes[..cut], small(), &keep);
            let documents = keep.documents.lock().expect("no panic").len();
            let excluded = keep.excluded.lock().expect("no panic").len();
            assert!(documents + excluded > 0, "nothing was told");
        }
    }
}

#[test]
fn what_is_no_file_is_never_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::write(at("a.txt"), "text").expect("written");
    fs::create_dir(at("sub")).expect("made");
    fs::write(at("sub/b.txt"), "more").expect("written");
    symlink("a.txt", at("link")).expect("linked");
    symlink("..", at("sub/up")).expect("linked");
    symlink("self", at("self")).expect("linked");
    symlink("nowhere", at("dangling")).expect("linked");
    nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("made");
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).expect("bound");

    let told = walked(folder.path(), &Walk::default());
    assert_eq!(
        told,
        "a.txt: 4 bytes: \"text\"\nsub/b.txt: 4 bytes: \"more\"\n\
         dangling: left out: symbolic link, not followed\nlink: left out: symbolic link, not followed\n\
         pipe: left out: named pipe, never opened\nself: left out: symbolic link, not followed\n\
         socket: left out: socket, never opened\nsub/up: left out: symbolic link, not followed\n"
    );
    let told = walked(folder.path(), &Walk { follow: true, ..Walk::default() });
    assert_eq!(
        told,
        "a.txt: 4 bytes: \"text\"\nlink: 4 bytes: \"text\"\nsub/b.txt: 4 bytes: \"more\"\n\
         dangling: left out: symbolic link that leads nowhere\npipe: left out: named pipe, never opened\n\
         self: left out: symbolic link to a folder in which it lies\nsocket: left out: socket, never opened\n\
         sub/up: left out: symbolic link to a folder in which it lies\n"
    );
    // As the thing itself that is to be examined.
    for (name, expected) in [("pipe", "named pipe"), ("socket", "socket")] {
        let keep = Keep::default();
        let path = at(name);
        Walk::default().run(&path, &keep).expect("looked at");
        assert!(keep.told().contains(expected), "{name}");
    }
    assert!(Walk::default().run(&at("self"), &Keep::default()).is_err());
    assert!(Walk::default().run(&at("nowhere"), &Keep::default()).is_err());
}

#[test]
fn what_may_not_be_read_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("closed"), "x").expect("written");
    fs::create_dir(folder.path().join("shut")).expect("made");
    for name in ["closed", "shut"] {
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o0)).expect("set");
    }
    if File::open(folder.path().join("closed")).is_ok() {
        // The superuser may read everything; the binary's own test drops its rights.
        return;
    }
    let told = walked(folder.path(), &Walk::default());
    assert_eq!(
        told,
        "closed: FAILED: cannot be read: permission denied\nshut: FAILED: cannot be read: permission denied\n"
    );
}

#[test]
fn ignore_files_and_patterns_leave_out_and_say_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().canonicalize().expect("there");
    for (name, text) in [
        (".gitignore", "*.log\n/build/\n"),
        ("a.log", ""),
        ("build/x", ""),
        ("sub/build/y", ""),
        ("sub/.gitignore", "!kept.log\n"),
        ("sub/kept.log", ""),
        ("sub/other.log", ""),
        ("sub/excluded.env", ""),
        (".git/HEAD", "ref: refs/heads/main\n"),
        (".git/info/exclude", "*.tmp\n"),
        (".git/refs/x", ""),
        (".git/objects/aa/bb", ""),
        ("c.tmp", ""),
    ] {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("made");
        fs::write(path, text).expect("written");
    }
    let patterns = Some(Patterns::new(&folder, ["*.env"]).expect("patterns"));
    let told = walked(&folder, &Walk { git_ignore: true, patterns, ..Walk::default() });
    let names: Vec<&str> = told.lines().map(|line| line.split(": ").next().expect("a name")).collect();
    assert_eq!(
        names,
        [
            ".git/HEAD",
            ".git/info/exclude",
            ".git/refs/x",
            ".gitignore",
            "sub/.gitignore",
            "sub/build/y",
            "sub/kept.log",
            ".git/objects",
            "a.log",
            "build",
            "c.tmp",
            "sub/excluded.env",
            "sub/other.log",
        ]
    );
    // From within, the rules above hold too.
    let told = walked(&folder.join("sub"), &Walk { git_ignore: true, ..Walk::default() });
    assert!(told.contains("other.log: left out: ignored by git's rules\n"), "{told}");
    assert!(!walked(&folder, &Walk::default()).contains("ignored"));
}
