//! What we publish, checked by an implementation that nobody here wrote: golang.org/x/mod's `sumdb/note` and `sumdb/tlog`,
//! from which the C2SP formats come, in a program of a page ([`check.go`](check.go)).

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

use exhibit_ledger::{
    bundle::{About, BundleWriter, read_files},
    checkpoint::{Checkpoint, SignedCheckpoint},
    note::{SigningKey, VerifierKey},
    tree::{Frontier, Hash, Node, NodeId, NodeMap, NodeReader, consistency_proof, inclusion_proof, leaf_hash},
};
use exhibit_store::service::{Role, TokenScope};
use exhibit_tests::Api;

use crate::api::closed;

/// The Debian packages: a compiler, and the sources of golang.org/x/mod.
const PACKAGES: [&str; 2] = ["golang-go", "golang-golang-x-mod-dev"];
/// Where the second puts its sources.
const SOURCES: &str = "/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog/tlog.go";

/// The program, compiled once.
fn checker() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let _alone = crate::packages::alone();
        let there = || Path::new(SOURCES).is_file() && Command::new("go").arg("version").output().is_ok();
        if !there() {
            crate::debian::install(&PACKAGES);
        }
        assert!(there(), "there is no Go here: install Debian's packages {}, as root", PACKAGES.join(" and "));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c2sp-check");
        fs::create_dir_all(&folder).expect("a folder");
        let program = folder.join("check");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/it/c2sp/check.go");
        let built = Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .arg(source)
            // The sources on this machine, and nothing from a network.
            .envs([("GO111MODULE", "off"), ("GOPATH", "/usr/share/gocode"), ("GOFLAGS", ""), ("CGO_ENABLED", "0")])
            .env("GOCACHE", folder.join("cache"))
            .output()
            .expect("go runs");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        program
    })
}

fn check(folder: &Path, key: &VerifierKey) -> Output {
    Command::new(checker()).arg(folder).arg(key.to_string()).output().expect("it runs")
}

fn holds(folder: &Path, key: &VerifierKey) -> String {
    let told = check(folder, key);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    String::from_utf8(told.stdout).expect("text")
}

fn write(folder: &Path, path: &str, bytes: &[u8]) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(path, bytes).expect("written");
}

fn line(word: &str, number: u64, proof: &[Hash]) -> String {
    let digits = |hash: &Hash| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("{word} {number} {}\n", proof.iter().map(digits).collect::<Vec<_>>().join(" "))
}

/// Three levels of tiles, as a bundle holds them.
#[test]
fn go_follows_the_tiles_of_a_bundle() {
    const SIZE: u64 = 66_000;
    const OLD: u64 = 65_777;
    const ORIGIN: &str = "example.org/log";
    let key = SigningKey::from_seed(ORIGIN, &[3; 32]).expect("a key");
    let record = |seq: u64| format!("entry {seq}").into_bytes();
    let (mut frontier, mut nodes, mut old) = (Frontier::new(), NodeMap::new(), None);
    for seq in 0..SIZE {
        let hash = leaf_hash(&record(seq));
        nodes.insert(NodeId { level: 0, index: seq }, hash);
        nodes.extend(frontier.append(hash).into_iter().map(|node: Node| node));
        if seq + 1 == OLD {
            old = Some(Checkpoint::of(ORIGIN, &frontier).sign(&[&key]).expect("signed"));
        }
    }
    let old = old.expect("it was passed");
    let checkpoint = Checkpoint::of(ORIGIN, &frontier).sign(&[&key]).expect("signed");

    let about = About { period: "2026-Q4".into(), report: "a report".into(), renderer: "none".into() };
    let mut writer = BundleWriter::new(about, checkpoint, None, &NodeMap::new()).expect("a bundle");
    (0..SIZE).for_each(|seq| writer.push_record(record(seq)).expect("it follows"));
    let mut bundle = Vec::new();
    writer.finish(&key, &mut bundle).expect("written");

    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    read_files(&bundle[..], |_| true, |path, bytes| write(folder, path, &bytes)).expect("read");
    write(folder, "checkpoint.old", &old.to_bytes());
    let reader: &dyn NodeReader = &nodes;
    let mut proofs = line("consistency", OLD, &consistency_proof(OLD, SIZE, reader).expect("a proof"));
    for seq in (0..SIZE).step_by(997).chain([SIZE - 1]) {
        proofs.push_str(&line("inclusion", seq, &inclusion_proof(seq, SIZE, reader).expect("a proof")));
    }
    write(folder, "proofs", proofs.as_bytes());
    assert_eq!(holds(folder, key.verifier()), "66000 entries, 68 inclusion and 1 consistency proofs\n");

    // It is the program that decides: a changed entry, a changed proof, another key.
    let tile = folder.join("tile/entries/000");
    let good = fs::read(&tile).expect("a tile");
    let mut bad = good.clone();
    bad[4] ^= 1;
    fs::write(&tile, &bad).expect("written");
    assert!(!check(folder, key.verifier()).status.success(), "a changed entry");
    fs::write(&tile, &good).expect("written");
    let other = SigningKey::from_seed(ORIGIN, &[4; 32]).expect("a key");
    assert!(!check(folder, other.verifier()).status.success(), "another key");
    write(folder, "proofs", proofs.replacen("inclusion 997 ", "inclusion 998 ", 1).as_bytes());
    assert!(!check(folder, key.verifier()).status.success(), "a proof of another entry");
}

/// The paths of tlog-tiles under the prefix `/api/v1/ledger`, and the proofs that are told beside them.
#[tokio::test(flavor = "multi_thread")]
async fn go_follows_the_log_over_http() {
    let (story, _) = closed().await;
    let api = Api::new(&story);
    let (_, token) = api.token(&story, "ada", Role::Auditor, TokenScope::default()).await;
    let get = |path: String| {
        let (api, token) = (&api, &token);
        async move { api.get(&format!("/api/v1/ledger/{path}"), token).await }
    };
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let note = get("checkpoint".to_owned()).await;
    let size = SignedCheckpoint::parse(&note.body).expect("a checkpoint").unverified().size;
    write(folder, "checkpoint", &note.body);
    write(folder, "checkpoint.old", &note.body);
    for path in [format!("tile/0/000.p/{size}"), format!("tile/entries/000.p/{size}")] {
        let tile = get(path.clone()).await;
        assert_eq!(tile.status, 200, "{path}");
        write(folder, &path, &tile.body);
    }
    let mut proofs = String::new();
    for seq in 0..size {
        let told = get(format!("proof/inclusion?seq={seq}")).await.json();
        let hashes = told["proof"].as_array().expect("a list").iter();
        let hashes: Vec<&str> =
            hashes.map(|hash| hash.as_str().expect("a digest").trim_start_matches("sha256:")).collect();
        proofs.push_str(&format!("inclusion {seq} {}\n", hashes.join(" ")));
    }
    write(folder, "proofs", proofs.as_bytes());
    let told = holds(folder, story.world.signer.verifier());
    assert_eq!(told, format!("{size} entries, {size} inclusion and 0 consistency proofs\n"));
}
