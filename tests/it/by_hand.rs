//! The page that shows how to check one piece by hand: its commands, run on a real bundle, and on one that was changed.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use exhibit_ledger::bundle::read_files;

use crate::api::closed;

const PAGE: &str = include_str!("../../crates/verify/BY-HAND.md");
/// Programs of the page that a machine may lack, each a Debian package of its own.
const PROGRAMS: [&str; 2] = ["jq", "openssl"];

/// The page's commands, in order.
fn commands() -> String {
    let blocks: Vec<&str> = PAGE.split("```bash\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 7, "the page has commands");
    format!("set -euo pipefail\n{}", blocks.concat())
}

fn run(folder: &Path, commands: &str) -> Output {
    Command::new("bash").args(["-c", commands]).current_dir(folder).output().expect("bash runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_piece_is_checked_by_hand() {
    let missing = |program: &&&str| Command::new(program).arg("--version").output().is_err();
    if PROGRAMS.iter().any(|program| missing(&program)) {
        let _alone = crate::packages::alone();
        crate::debian::install(&PROGRAMS);
    }
    let (story, issued) = closed().await;
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    fs::write(folder.join("bundle.tar"), &issued.bundle).expect("written");
    fs::write(folder.join("log.pub"), format!("{}\n", story.world.signer.verifier())).expect("written");
    let told = run(folder, &commands());
    let said = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success(), "{said}\n{}", String::from_utf8_lossy(&told.stdout));
    let printed = String::from_utf8(told.stdout).expect("text");
    assert_eq!(printed.matches("Signature Verified Successfully").count(), 2, "{printed}");
    assert!(printed.contains("\"kind\""), "{printed}");

    // A byte of each file that the page looks at: the commands end with an error.
    let mut files = Vec::new();
    read_files(issued.bundle.as_slice(), |_| true, |path, bytes| files.push((path.to_owned(), bytes))).expect("read");
    let without_tar = commands().replace("tar xf bundle.tar\n", "");
    for (path, bytes) in &files {
        let place = folder.join(path);
        let mut bad = bytes.clone();
        // Within the text that is signed, the digests, or the entries; not in a note's signature by other keys.
        let at = bad.len().min(60) / 2;
        bad[at] ^= 1;
        fs::write(&place, &bad).expect("written");
        let told = run(folder, &without_tar);
        assert!(!told.status.success(), "{path} was changed at {at}, and nothing was said");
        fs::write(&place, bytes).expect("written");
    }
    assert!(run(folder, &without_tar).status.success(), "as it was");
}
