//! `exhibit scan` over what should not be there: it ends, in bounded memory, and leaves nothing out in silence. And what
//! only happens at a terminal.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    os::unix::{
        fs::{FileExt as _, PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use exhibit_tests::fresh_binary;
use serde_json::{Value, json};

use super::{Place, exhibit, json, output};

/// Made up; of the true form, with a wrong checksum.
const TOKEN: &str = "ghp_FakeExhibitValue0NotARealKey70ABCDEF";
/// Bytes that a scan may take, whatever it reads.
const MOST_KIB: u64 = 100 * 1024;

/// The program where any user reaches it.
fn reachable(folder: &Path) -> PathBuf {
    let program = folder.join("exhibit");
    if fs::hard_link(fresh_binary(), &program).is_err() {
        fs::copy(fresh_binary(), &program).expect("copied");
    }
    program
}

#[test]
fn what_its_user_may_not_read_is_told() {
    /// Nobody, by convention.
    const NOBODY: u32 = 65_534;
    let place = Place::new();
    let tree = place.join("tree");
    fs::create_dir(&tree).expect("made");
    for (name, mode) in [("open.txt", 0o644), ("closed.txt", 0o0), ("closed.gz", 0o0)] {
        fs::write(tree.join(name), "x\n").expect("written");
        fs::set_permissions(tree.join(name), fs::Permissions::from_mode(mode)).expect("set");
    }
    for (name, mode) in [("shut", 0o0), ("listed", 0o444)] {
        fs::create_dir(tree.join(name)).expect("made");
        fs::write(tree.join(name).join("within.txt"), TOKEN).expect("written");
        fs::set_permissions(tree.join(name), fs::Permissions::from_mode(mode)).expect("set");
    }
    let mut scan = Command::new(reachable(place.path()));
    scan.args(["scan", "--format", "json", "tree"]).current_dir(place.path()).stdin(Stdio::null()).env_clear();
    if nix::unistd::geteuid().is_root() {
        // Who may read everything would see no difference.
        scan.uid(NOBODY).gid(NOBODY);
    }
    let output = scan.output().expect("the program starts");
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(2), "{told}");
    let refused = ["tree/closed.gz", "tree/closed.txt", "tree/listed/within.txt", "tree/shut"]
        .map(|path| json!({ "path": path, "reason": "cannot be read: permission denied" }));
    assert_eq!(
        told,
        json!({
            "findings": [], "examined": { "files": 1, "bytes": 2 }, "excluded": refused,
        })
    );
    // The baseline that cannot be read is no empty one.
    fs::write(place.join("known.json"), "{}").expect("written");
    fs::set_permissions(place.join("known.json"), fs::Permissions::from_mode(0o0)).expect("set");
    let output = scan.args(["--baseline", "known.json"]).output().expect("the program starts");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    for name in ["shut", "listed"] {
        fs::set_permissions(tree.join(name), fs::Permissions::from_mode(0o755)).expect("set");
    }
    let _ = chown(&tree, None, None);
}

/// Files go while the folder is read: what stays is examined, and what went is told or was never listed.
#[test]
fn files_that_vanish_are_no_failure() {
    let place = Place::new();
    let tree = place.join("tree");
    fs::create_dir(&tree).expect("made");
    let name = |number: usize| tree.join(format!("{number:05}.txt"));
    for number in 0..4_000 {
        fs::write(name(number), "x\n").expect("written");
    }
    let scan = exhibit(place.path(), &["scan", "--format", "json", "--threads", "1", "tree"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    for number in (0..4_000).rev().filter(|number| number % 4 > 0) {
        fs::remove_file(name(number)).expect("it was there");
    }
    let output = scan.wait_with_output().expect("ended");
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(0), "{told}");
    let examined = told["examined"]["files"].as_u64().expect("a number");
    let vanished = told["excluded"].as_array().expect("a list");
    assert!((1_000..=4_000).contains(&examined) && examined + vanished.len() as u64 <= 4_000, "{examined}");
    assert!(vanished.iter().all(|one| one["reason"] == "vanished before it was read"), "{told}");
    let kept = |path: &str| path[5..10].parse::<usize>().expect("a number") % 4 == 0;
    assert!(vanished.iter().all(|one| !kept(one["path"].as_str().expect("a path"))), "{told}");
}

#[test]
fn folders_deeper_than_any_path_are_told() {
    let place = Place::new();
    let made = Command::new("sh")
        .args(["-c", "for i in $(seq 300); do mkdir dddddddddddddddddddd && cd dddddddddddddddddddd; done; echo x > f"])
        .current_dir(place.path())
        .status();
    assert!(made.expect("a shell").success());
    let told = json(2, place.path(), &["scan", "--format", "json", "."]);
    let excluded = told["excluded"].as_array().expect("a list");
    assert_eq!(excluded.len(), 1, "{told}");
    assert_eq!(excluded[0]["reason"], "cannot be read: invalid filename");
}

/// How a command ended, what it told, and its peak of memory in KiB: what the kernel calls VmHWM.
pub(super) fn peak(folder: &Path, arguments: &[&str]) -> (Option<i32>, Value, u64) {
    let mut scan = exhibit(folder, arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts");
    let status = format!("/proc/{}/status", scan.id());
    let mut out = scan.stdout.take().expect("a pipe");
    let watch = thread::spawn(move || {
        let mut peak = 0;
        while let Ok(text) = fs::read_to_string(&status) {
            let told = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let Some(told) = told.and_then(|line| line.split_whitespace().next()?.parse().ok()) else { break };
            peak = told;
            thread::sleep(Duration::from_millis(2));
        }
        peak
    });
    let mut told = Vec::new();
    out.read_to_end(&mut told).expect("read");
    let code = scan.wait().expect("ended").code();
    let told = serde_json::from_slice(&told).unwrap_or_default();
    (code, told, watch.join().expect("no panic"))
}

/// A zip archive with so many members, all of them the same empty one.
fn members(count: u32, to: &Path) {
    const NAME: &[u8] = b"a-name-that-would-have-to-be-kept-for-each-of-them";
    let length = (NAME.len() as u16).to_le_bytes();
    let local = [b"PK\x03\x04", &[20, 0][..], &[0; 20], &length, &[0, 0], NAME].concat();
    let entry = [b"PK\x01\x02", &[20, 0, 20, 0][..], &[0; 20], &length, &[0; 16], NAME].concat();
    let size = entry.len() as u64 * u64::from(count);
    let mut zip = std::io::BufWriter::new(File::create(to).expect("made"));
    zip.write_all(&local).expect("written");
    for _ in 0..count {
        zip.write_all(&entry).expect("written");
    }
    let (count, at) = (u64::from(count).to_le_bytes(), local.len() as u64);
    let end = [b"PK\x06\x06", &44u64.to_le_bytes()[..], &[45, 0, 45, 0], &[0; 8], &count, &count, &size.to_le_bytes()];
    let locator = [b"PK\x06\x07", &[0; 4][..], &(at + size).to_le_bytes(), &[1, 0, 0, 0]].concat();
    let last = [b"PK\x05\x06", &[0; 4][..], &[0xff; 12], &[0, 0]].concat();
    zip.write_all(&[end.concat(), at.to_le_bytes().to_vec(), locator, last].concat()).expect("written");
    zip.flush().expect("written");
}

#[test]
fn memory_stays_bounded_whatever_is_read() {
    let place = Place::new();
    let path = place.path();
    // One line, and the secret at its end.
    let mut line = std::io::BufWriter::new(File::create(path.join("line.log")).expect("made"));
    let piece = b"lorem ipsum dolor sit amet, 4711 consectetur, x: 12; ".repeat(20_000);
    for _ in 0..128 {
        line.write_all(&piece).expect("written");
    }
    write!(line, " {TOKEN}").expect("written");
    drop(line);
    let column = piece.len() * 128 + 2;
    let found = |column: usize, line: u64| json!([[line, column]]);
    let most_members = format!("unpacks to more than {} members", 1_000_000);

    let sparse = File::create(path.join("sparse.log")).expect("made");
    sparse.write_all_at(&b"not binary\n".repeat(1_000), 0).expect("written");
    sparse.write_all_at(format!("\n{TOKEN}\n").as_bytes(), 7_000_000_000).expect("written");
    sparse.set_len(10_000_000_000).expect("longer");
    fs::write(path.join("hits.log"), format!("{TOKEN}\n").repeat(400_000)).expect("written");
    members(1_000_001, &path.join("members.zip"));
    fs::write(path.join("nul.bin"), vec![0; 64 << 20]).expect("written");

    for (file, code, found, excluded) in [
        ("line.log", 1, found(column, 1), None),
        ("sparse.log", 1, found(1, 1_002), None),
        ("hits.log", 1, Value::Null, Some("395000 more were found and are not listed")),
        ("members.zip", 2, json!([]), Some(most_members.as_str())),
        ("nul.bin", 0, json!([]), None),
    ] {
        let (ended, told, peak) = peak(path, &["scan", "--format", "json", "--threads", "2", file]);
        assert_eq!(ended, Some(code), "{file}");
        let places: Vec<Value> = told["findings"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| json!([one["line"], one["column"]]))
            .collect();
        match found {
            Value::Null => assert_eq!(places.len(), 5_000, "{file}"),
            found => assert_eq!(json!(places), found, "{file}"),
        }
        let reasons: Vec<&str> =
            told["excluded"].as_array().expect("a list").iter().filter_map(|one| one["reason"].as_str()).collect();
        match excluded {
            Some(reason) => assert!(reasons.len() == 1 && reasons[0].contains(reason), "{file}: {reasons:?}"),
            None => assert_eq!(reasons, Vec::<&str>::new(), "{file}"),
        }
        assert!(peak > 1_000 && peak < MOST_KIB, "{file}: {peak} KiB");
    }
}

/// At a terminal of this width, by the program `script` of util-linux.
fn at_terminal(folder: &Path, columns: u32, line: &str) -> Output {
    let line = format!("stty rows 40 cols {columns}; {line}");
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).current_dir(folder).stdin(Stdio::null()).env_clear();
    script.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("TERM", "xterm").env("SHELL", "/bin/sh");
    script.env("EXHIBIT", fresh_binary()).output().expect("script is there")
}

#[test]
fn values_are_revealed_at_a_terminal_and_nowhere_else() {
    let place = Place::new();
    fs::write(place.join("a.txt"), format!("x\nkey: {TOKEN}\n")).expect("written");
    let shown = |line: &str| {
        let output = at_terminal(place.path(), 100, line);
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    for (line, code, reveals) in [
        ("\"$EXHIBIT\" scan a.txt", 1, false),
        ("\"$EXHIBIT\" scan --reveal a.txt", 1, true),
        ("\"$EXHIBIT\" scan --reveal --format json a.txt", 1, true),
        // The terminal is there, and the values would go elsewhere.
        ("\"$EXHIBIT\" scan --reveal a.txt | cat; exit 2", 2, false),
        ("\"$EXHIBIT\" scan --reveal a.txt > out", 2, false),
    ] {
        let (ended, text) = shown(line);
        assert_eq!((ended, text.contains(TOKEN)), (Some(code), reveals), "{line}: {text}");
        assert!(line.contains('|') || line.contains('>') || text.contains("github.personal-token"), "{line}: {text}");
    }
    assert_eq!(fs::read(place.join("out")).expect("made").len(), 0);
}

#[test]
fn a_person_sees_colours_groups_and_how_far_it_is() {
    let place = Place::new();
    let path = place.path();
    fs::write(path.join("a.txt"), format!("key: {TOKEN}\n\n  key: {TOKEN}\n")).expect("written");
    for number in 0..5 {
        std::os::unix::fs::symlink("a.txt", path.join(format!("link-{number}"))).expect("linked");
    }
    let text = |line: &str| String::from_utf8_lossy(&at_terminal(path, 80, line).stdout).into_owned();
    let plain = "\
a.txt\r
  1:6  critical  github.personal-token  ghp_…(40, base62)  medium confidence\r
  3:8  critical  github.personal-token  ghp_…(40, base62)  medium confidence\r
\r
Not examined\r
  5 paths  symbolic link, not followed; -v lists them\r
2 found in 1 file, 95 bytes. 5 left out.\r
What is real: change it where it was issued, then take it out.";
    let shown = text("NO_COLOR=1 \"$EXHIBIT\" scan --threads 1 . 2>&1");
    assert!(shown.contains(plain), "{shown}");
    let coloured = text("\"$EXHIBIT\" scan . 2>/dev/null");
    assert!(coloured.contains("\u{1b}[1m\u{1b}[31mcritical") || coloured.contains("\u{1b}[31m"), "{coloured:?}");
    // Where a program reads there is neither, and every finding is a line.
    let piped = output(path, &["scan", "."]);
    let piped = String::from_utf8([piped.stdout, piped.stderr].concat()).expect("UTF-8");
    assert!(!piped.contains('\u{1b}') && !piped.contains('%') && !piped.contains("What is real"), "{piped}");
    assert_eq!(piped.lines().filter(|line| line.contains("a.txt:")).count(), 2, "{piped}");

    // Enough to wait for.
    let mut slow = File::create(path.join("slow.log")).expect("made");
    let piece = format!("password: {}\n", "aB3".repeat(5)).repeat(20_000);
    for _ in 0..10 {
        slow.write_all(piece.as_bytes()).expect("written");
    }
    let shown = text("\"$EXHIBIT\" scan --threads 1 slow.log >/dev/null");
    assert!(shown.contains(" %  ") && shown.contains(" of 5.2 MB"), "{shown:?}");
}
