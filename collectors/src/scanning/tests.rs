//! The same result whichever way a document comes, and what binary documents and history do to it.

use std::fs;

use exhibit_detect::{Engine, Options};

use super::*;
use crate::reading::{Limits, Walk, read_bytes, read_stream};

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
