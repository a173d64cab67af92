//! A publisher who holds the log's key, and seals a report that its entries do not give.
//!
//! Signatures and digests can't show that: the key's holder makes them anew. Making the report again does.

use std::{fs, path::Path};

use exhibit_ledger::{
    bundle::{About, BundleWriter, Manifest, read_files},
    checkpoint::SignedCheckpoint,
    note::SigningKey,
    tiles::{Content, TileId, parse_entries},
    tree::NodeMap,
};

use super::{Place, json, output};

/// The demo looks at the repository it is started in: this one.
const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// What the publisher does to one file of the bundle, and what `verify` then says and ends with.
struct Case {
    file: &'static str,
    change: fn(String) -> String,
    code: i32,
    says: &'static [&'static str],
}

const CASES: [Case; 5] = [
    Case {
        file: "",
        change: |same| same,
        code: 0,
        says: &["report.json says what its", "report.md is what report.json and the template give"],
    },
    Case {
        file: "report.md",
        change: |text| text.replacen("fail", "pass", 1),
        code: 1,
        says: &["report.md: expected what"],
    },
    Case {
        file: "report.html",
        change: |text| text.replacen("fail", "pass", 1),
        code: 1,
        says: &["report.html: expected what"],
    },
    // Markdown and HTML would have to follow the data, and the data the entries.
    Case {
        file: "report.json",
        change: |text| text.replacen("\"fail\"", "\"pass\"", 1),
        code: 1,
        says: &["report.json: expected what the entries give"],
    },
    Case { file: "renderer", change: |text| text, code: 0, says: &["not rendered again", "exhibit-report 9.9.9"] },
];

#[test]
fn a_report_that_its_entries_do_not_give_is_found_whoever_signed_it() {
    let place = Place::new();
    let look = place.join("look");
    let dir = look.to_str().expect("UTF-8");
    let made = json(0, Path::new(REPOSITORY), &["demo", "--dir", dir, "--format", "json"]);
    let bundle = fs::read(made["report"]["bundle"].as_str().expect("a path")).expect("a bundle");
    let key = fs::read_to_string(look.join("keys/log.key")).expect("the log's key");
    let key = SigningKey::parse(key.trim()).expect("a signing key");

    for (number, case) in CASES.iter().enumerate() {
        let path = place.join(&format!("{number}.tar"));
        fs::write(&path, published(&bundle, &key, case)).expect("written");
        let told = output(place.path(), &["verify", path.to_str().expect("UTF-8"), "--re-render", "--dir", dir]);
        let said = String::from_utf8_lossy(&[told.stdout, told.stderr].concat()).into_owned();
        assert_eq!(told.status.code(), Some(case.code), "{:?}: {said}", case.file);
        for words in case.says {
            assert!(said.contains(words), "{:?}: {words:?} is not said:\n{said}", case.file);
        }
    }
}

/// The bundle with one file changed, sealed anew by the log's own key.
fn published(bundle: &[u8], key: &SigningKey, case: &Case) -> Vec<u8> {
    let mut files = Vec::new();
    read_files(bundle, |_| true, |path, bytes| files.push((path.to_owned(), bytes))).expect("a bundle");
    let file = |name: &str| &files.iter().find(|(path, _)| path == name).expect("it is in every bundle").1;
    let manifest = Manifest::parse(file("manifest.json")).expect("a manifest");
    assert_eq!(manifest.from_size, 0, "the demo's first report speaks of the whole ledger");
    let renderer = if case.file == "renderer" { "exhibit-report 9.9.9".to_owned() } else { manifest.renderer };
    let about = About { period: manifest.period, report: manifest.report, renderer };
    let checkpoint = SignedCheckpoint::parse(file("checkpoint")).expect("a checkpoint");
    let mut writer = BundleWriter::new(about, checkpoint, None, &NodeMap::new()).expect("a writer");
    let mut changed = case.file.is_empty() || case.file == "renderer";
    for (path, bytes) in &files {
        if let Ok(tile) = TileId::parse(path) {
            if tile.content == Content::Entries {
                for record in parse_entries(bytes, tile.width).expect("entries") {
                    writer.push_record(record).expect("taken");
                }
            }
        } else if path.starts_with("artifacts/") {
            writer.artifact(bytes.as_slice()).expect("taken");
        } else if path.starts_with("report.") || path.starts_with("template/") {
            let text = String::from_utf8(bytes.clone()).expect("text");
            let other = if path == case.file { (case.change)(text.clone()) } else { text.clone() };
            changed |= other != text;
            writer.file(path, other.as_bytes()).expect("taken");
        }
    }
    assert!(changed, "{:?} was there to be changed", case.file);
    writer.keys([key.verifier()], &[]).expect("taken");
    let mut out = Vec::new();
    writer.finish(key, &mut out).expect("sealed");
    out
}
