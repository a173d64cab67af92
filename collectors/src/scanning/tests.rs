//! The same result whichever way a document comes, and what binary documents and history do to it.

use std::fs;
use std::os::unix::fs::FileExt as _;

use exhibit_detect::{Engine, Options};

use super::*;
use crate::reading::{Content, History, Limits, Walk, read_bytes, read_stream};

/// Made up; of the true form, with a wrong checksum.
const TOKEN: &str = "ghp_FakeExhibitValue0NotARealKey70ABCDEF";

fn scanning() -> Scanning<'static> {
    Scanning::new(Search::new(Engine::builtin(), Options::default()), RunKey::new([7; 32]), false)
}

type Place = (String, u64, u64);

fn places(scanning: Scanning<'_>) -> (Vec<Place>, u64) {
    let scanned = scanning.finish();
    assert_eq!((scanned.files, &scanned.excluded), (1, &Vec::new()));
    (scanned.findings.iter().map(|one| (one.rule.id.clone(), one.line, one.column)).collect(), scanned.bytes)
}

#[test]
fn files_in_parts_streams_and_bytes_give_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.log");
    let mut text = Vec::new();
    // Secrets before, across and behind the borders of parts, in long lines and short ones.
    for border in 1..=3 {
        let before = border * PART - 20 - text.len();
        text.extend(std::iter::repeat_n(b"0123 5678\n", before / 10).flatten());
        text.extend(format!("at the border: {TOKEN}, and {TOKEN}\n").bytes());
    }
    text.extend(std::iter::repeat_n(b'x', PART));
    text.extend(format!(" {TOKEN}").bytes());
    fs::write(&path, &text).expect("written");

    let parts = scanning();
    Walk::default().run(&path, &parts.outside_history()).expect("read");
    let (found, bytes) = places(parts);
    assert_eq!((found.len(), bytes), (7, text.len() as u64));
    assert_eq!(found[6].2, PART as u64 + 2, "the column of the last, behind a long line");

    let stream = scanning();
    read_stream("s", &mut &text[..], Limits::default(), &stream.outside_history());
    assert_eq!(places(stream), (found.clone(), bytes));
    let whole = scanning();
    read_bytes("b", &text, Limits::default(), &whole.outside_history());
    assert_eq!(places(whole), (found, bytes));
}

#[test]
fn a_file_that_shrank_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.log");
    fs::write(&path, vec![b'x'; 10_000]).expect("written");
    let scanning = scanning();
    let file = File::open(&path).expect("opened");
    scanning.outside_history().file("a.log", &file, 3 * PART as u64).expect("read");
    let scanned = scanning.finish();
    assert_eq!(scanned.excluded[0].reason, Reason::Shrank(10_000));
    assert_eq!(scanned.bytes, 10_000);
}

#[test]
fn a_file_that_grew_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.log");
    fs::write(&path, vec![b'x'; 10_000]).expect("written");
    let scanning = scanning();
    let file = File::open(&path).expect("opened");
    scanning.outside_history().file("a.log", &file, 9_000).expect("read");
    let scanned = scanning.finish();
    assert_eq!((&scanned.excluded[0].reason, scanned.bytes), (&Reason::Grew(1_000), 9_000));
}

#[test]
fn columns_are_counted_from_the_line_and_in_characters() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.log");
    let mut text = "ä".repeat(10).into_bytes();
    text.extend(format!(" {TOKEN}\né {TOKEN}\n").bytes());
    // A line across the border of parts, and one too long to be seen whole.
    text.resize(PART - 31, b'\n');
    text.extend("ä".repeat(20).bytes());
    text.extend(format!(" {TOKEN}\n{} {TOKEN}", "ö".repeat(600)).bytes());
    fs::write(&path, &text).expect("written");
    let latin = folder.path().join("latin.txt");
    fs::write(&latin, [b"\xe4\xf6 ", TOKEN.as_bytes()].concat()).expect("written");
    let wide = folder.path().join("wide.txt");
    let utf16: Vec<u8> = format!("\u{feff}äö𝄞 {TOKEN}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(&wide, utf16).expect("written");

    let told = |path: &std::path::Path| -> Vec<(u64, Option<u64>)> {
        let scanning = scanning();
        Walk::default().run(path, &scanning.outside_history()).expect("read");
        scanning.finish().findings.iter().map(|one| (one.column, one.character)).collect()
    };
    assert_eq!(told(&path), [(22, Some(12)), (4, Some(3)), (42, Some(22)), (1_202, None)]);
    assert_eq!(told(&latin), [(4, Some(4))]);
    assert_eq!(told(&wide), [(13, Some(5))]);
}

#[test]
fn holes_are_no_work_and_change_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sparse.log");
    let file = File::create(&path).expect("made");
    // With zeros in what is looked at first it would be binary.
    file.write_all_at(&b"first\n".repeat(SNIFFED), 0).expect("written");
    file.write_all_at(format!("x {TOKEN}\ny").as_bytes(), 5 * PART as u64 + 77).expect("written");
    file.set_len(9 * PART as u64 + 1).expect("longer");
    let sparse = scanning();
    Walk::default().run(&path, &sparse.outside_history()).expect("read");
    let whole = scanning();
    read_bytes("b", &fs::read(&path).expect("read"), Limits::default(), &whole.outside_history());
    let (found, bytes) = places(sparse);
    assert_eq!((found.len(), bytes), (1, 9 * PART as u64 + 1));
    assert_eq!((found, bytes), places(whole));

    let holes = Holes::of(&file, 1 << 40, Nature::of(b"text"));
    let hole = Examined { bytes: 5, newlines: 0, tail: 5 };
    assert_eq!(holes.examined(PART as u64..4 * PART as u64, 5), Some(hole));
    assert_eq!(holes.examined(PART as u64..6 * PART as u64, 5), None);
}

#[test]
fn what_is_kept_is_bounded_and_the_rest_is_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("many.log");
    let line = format!("{TOKEN}\n");
    let text = line.repeat(2 * PART / line.len());
    fs::write(&path, &text).expect("written");
    let most = Most { of_one: 40, findings: 60, others: 10 };
    let bounded = || Scanning { most, kept: Mutex::new(Kept::of(most)), ..scanning() };
    let told = |scanning: Scanning<'_>| {
        let scanned = scanning.finish();
        let lines: Vec<u64> = scanned.findings.iter().map(|one| one.line).collect();
        (lines, scanned.excluded)
    };
    let all = text.lines().count() as u64;
    let more = |path: &str, count| Excluded { path: path.to_owned(), reason: Reason::FoundMore(count) };
    let file = bounded();
    Walk::default().run(&path, &file.outside_history()).expect("read");
    let name = path.to_string_lossy().into_owned();
    assert_eq!(told(file), ((1..=40).collect(), vec![more(&name, all - 40)]));
    // The same documents in any order: the first are kept.
    for order in [["a", "b", "c", "d"], ["d", "c", "b", "a"]] {
        let several = bounded();
        for name in order {
            read_bytes(name, line.repeat(40).as_bytes(), Limits::default(), &several.outside_history());
        }
        assert_eq!(told(several), ((1..=40).chain(1..=20).collect(), vec![more("…", 100)]));
    }
    let others = bounded();
    for number in 0..100 {
        let reason = if number % 20 == 0 { Reason::Encrypted } else { Reason::Link };
        others.outside_history().excluded(Excluded { path: format!("{number:03}"), reason });
    }
    let (_, excluded) = told(others);
    assert_eq!(excluded.len(), 11);
    assert_eq!(excluded.iter().filter(|one| one.reason == Reason::Encrypted).count(), 5, "failures stay");
    assert_eq!(excluded[10].reason, Reason::More { failed: 0, left_out: 90 });
}

#[test]
fn of_history_the_first_carrier_is_told_and_whether_head_has_it() {
    let scanning = scanning();
    let text = |before: &str| format!("{before}{TOKEN}\n{TOKEN}\n");
    for (position, before, at_head) in [(4, "later\n", true), (2, "", false), (9, "x\n", false)] {
        let commit = Commit { position, id: format!("{position:040}"), author_time: 0, author_offset: 0 };
        let place = InHistory { commit: Arc::new(commit), at_head };
        read_bytes("a.txt", text(before).as_bytes(), Limits::default(), &scanning.in_history(place));
    }
    let scanned = scanning.finish();
    let told: Vec<_> = scanned
        .findings
        .iter()
        .map(|one| (one.line, one.commit.as_ref().map(|commit| commit.position), one.at_head))
        .collect();
    assert_eq!(told, [(1, Some(2), Some(true)), (2, Some(2), Some(true))]);
}

/// Versions of one text, packed as differences: each is searched by what it does not have in common with another, and the same
/// comes out as if each stood alone.
#[test]
fn what_history_keeps_as_differences_gives_the_same_as_the_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let repository = git2::Repository::init(folder.path()).expect("a repository");
    let who = git2::Signature::new("Case", "case@example.org", &git2::Time::new(1_750_000_000, 0)).expect("a name");
    let line =
        |number: usize| format!("        let token = self.key.get({number}).cloned(); // the password is elsewhere\n");
    let mut lines: Vec<String> = (0..400).map(line).collect();
    let mut versions = Vec::new();
    let mut last: Option<git2::Oid> = None;
    for step in 0..30 {
        match step % 3 {
            0 => lines.insert(step * 7, format!("let reply = \"{TOKEN}\"; // {step}\n")),
            1 => lines[step * 11] = format!("password = \"q8Zr4Wm1Xc7Vb{step}\"\n"),
            _ => drop(lines.remove(step * 5)),
        }
        let text = lines.concat();
        let mut builder = repository.treebuilder(None).expect("a tree");
        builder.insert("a", repository.blob(text.as_bytes()).expect("a blob"), 0o100_644).expect("inserted");
        let tree = repository.find_tree(builder.write().expect("written")).expect("it is there");
        let parents: Vec<_> = last.iter().map(|id| repository.find_commit(*id).expect("it is there")).collect();
        let parents: Vec<_> = parents.iter().collect();
        last = Some(repository.commit(Some("HEAD"), &who, &who, "a step", &tree, &parents).expect("committed"));
        versions.push(text);
    }
    let mut pack = repository.packbuilder().expect("a pack");
    let mut walk = repository.revwalk().expect("a walk");
    walk.push_head().expect("pushed");
    pack.insert_walk(&mut walk).expect("inserted");
    pack.write(&folder.path().join(".git/objects/pack"), 0).expect("written");

    let count = AtomicU64::new(0);
    let (made, whole) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let history = History::walk(folder.path(), None).expect("walked");
    let one = scanning();
    let told = |scanning: Scanning<'_>, out: &Mutex<Vec<_>>| {
        let told = scanning.finish().findings.into_iter();
        let told = told.map(|one| (one.rule.id.clone(), one.confidence, one.line, one.column, one.masked));
        out.lock().expect("no panic").push(told.collect::<Vec<_>>());
    };
    history.read(
        &|blob| {
            let Content::Made(bytes, from, left) = blob.content else { panic!("in a pack") };
            if from.trace.is_some() && from.copied.iter().map(|piece| piece.length).sum::<usize>() > bytes.len() / 2 {
                count.fetch_add(1, Ordering::Relaxed);
            }
            *left = one.outside_history().made("a", bytes, from);
            let (by_difference, alone) = (scanning(), scanning());
            by_difference.outside_history().made("a", bytes, from);
            alone.outside_history().bytes("a", bytes);
            told(by_difference, &made);
            told(alone, &whole);
        },
        &|_, excluded| panic!("{excluded:?}"),
    );
    let (made, whole) = (made.into_inner().expect("no panic"), whole.into_inner().expect("no panic"));
    assert_eq!(made, whole);
    assert!(count.into_inner() > 20 && whole.len() == versions.len() && whole.iter().all(|found| !found.is_empty()));
}
