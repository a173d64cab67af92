//! Who may know whom: the one-way edges between the rooms, and which room alone knows a dear or dangerous library.

use std::collections::{BTreeMap, BTreeSet};

use super::{files_ending, none, root, text};

/// Each room and the rooms it may know. Higher rooms come later, so every edge points one way.
const EDGES: [(&str, &[&str]); 12] = [
    ("evidence", &[]),
    ("ledger", &["evidence"]),
    ("detect", &["evidence"]),
    ("verify", &["evidence", "ledger"]),
    ("store", &["evidence", "ledger"]),
    ("archive", &["evidence"]),
    ("report", &["evidence", "ledger"]),
    ("collectors", &["evidence", "detect"]),
    ("pipeline", &["evidence", "ledger", "detect", "store", "archive", "report", "collectors"]),
    ("web", &["evidence", "ledger", "store", "report"]),
    ("cli", &["evidence", "ledger", "detect", "store", "archive", "report", "collectors", "pipeline", "web", "verify"]),
    (
        "tests",
        &[
            "evidence",
            "ledger",
            "detect",
            "store",
            "archive",
            "report",
            "collectors",
            "pipeline",
            "web",
            "verify",
            "cli",
        ],
    ),
];

/// Libraries that few rooms may name. Templates are written for two kinds of readers: reports, whose bytes stand for
/// years, and the pages of the reading room, which show them.
const ALONE: [(&str, &[&str]); 14] = [
    ("sqlx", &["store"]),
    ("rustls", &["store", "archive", "collectors"]),
    ("utoipa", &["web"]),
    ("reqwest", &["collectors"]),
    ("aws-config", &["archive"]),
    ("aws-sigv4", &["collectors"]),
    ("aws-sdk-s3", &["archive"]),
    ("git2", &["collectors"]),
    ("serde-saphyr", &["collectors"]),
    ("tera", &["report", "web"]),
    ("pulldown-cmark", &["report"]),
    ("clap", &["cli"]),
    ("anstream", &["cli"]),
    ("regex", &["detect"]),
];

/// Rooms in which the same input gives the same bytes, and what they may not name for that.
const PURE: [&str; 4] = ["evidence", "ledger", "detect", "report"];
const IMPURE: [&str; 7] = ["tokio", "sqlx", "git2", "getrandom", "tempfile", "nix", "reqwest"];

struct Manifest {
    name: String,
    path: &'static str,
    /// What it is built from.
    normal: BTreeSet<String>,
    /// Its tests' and build script's needs too.
    all: BTreeSet<String>,
}

/// The manifests of the workspace's packages, by room.
fn manifests() -> Vec<Manifest> {
    let workspace = |path: &&str| match *path {
        "collectors/Cargo.toml" | "tests/Cargo.toml" => true,
        path => path.matches('/').count() == 2 && !path.contains("/fuzz/"),
    };
    files_ending("Cargo.toml").filter(workspace).map(manifest).collect()
}

fn manifest(path: &'static str) -> Manifest {
    let table: toml::Table = text(path).expect("manifests are text").parse().expect("manifests are TOML");
    let keys = |section: &str| -> BTreeSet<String> {
        let named = table.get(section).and_then(toml::Value::as_table);
        named.into_iter().flat_map(|table| table.keys().cloned()).collect()
    };
    let normal = keys("dependencies");
    let mut all = normal.clone();
    all.extend(keys("dev-dependencies"));
    all.extend(keys("build-dependencies"));
    assert!(!table.contains_key("target"), "{path}: this test does not look into `target` tables yet");
    let name = table["package"]["name"].as_str().expect("packages have names").replace("exhibit-", "");
    Manifest { name, path, normal, all }
}

#[test]
fn rooms_know_only_the_rooms_below_them() {
    let edges = BTreeMap::from(EDGES);
    let mut differences = Vec::new();
    let manifests = manifests();
    for manifest in &manifests {
        let Some(allowed) = edges.get(manifest.name.as_str()) else {
            differences.push(format!("{}: room {} is not in the table of edges", manifest.path, manifest.name));
            continue;
        };
        let rooms = manifest.all.iter().filter_map(|name| name.strip_prefix("exhibit-"));
        let wrong = rooms.filter(|room| !allowed.contains(room));
        differences.extend(wrong.map(|room| format!("{}: {} may not know {room}", manifest.path, manifest.name)));
    }
    let there: BTreeSet<&str> = manifests.iter().map(|manifest| manifest.name.as_str()).collect();
    let gone = EDGES.iter().filter(|(room, _)| !there.contains(room));
    differences.extend(gone.map(|(room, _)| format!("room {room} is in the table, but not in the repository")));
    none(differences, "edges point one way; a new one is a decision: change the table here and crates/README.md");
}

#[test]
fn the_table_of_edges_points_one_way() {
    for (index, (room, known)) in EDGES.iter().enumerate() {
        let lower: Vec<&str> = EDGES[..index].iter().map(|(room, _)| *room).collect();
        assert!(known.iter().all(|other| lower.contains(other)), "{room} knows a room above it");
    }
}

#[test]
fn dear_libraries_are_named_by_few_rooms() {
    let alone = BTreeMap::from(ALONE);
    let mut differences = Vec::new();
    for manifest in manifests() {
        for name in &manifest.normal {
            match alone.get(name.as_str()) {
                Some(owners) if !owners.contains(&manifest.name.as_str()) => {
                    differences.push(format!("{}: {name} belongs to {} alone", manifest.path, owners.join(" and ")));
                }
                _ => {}
            }
        }
    }
    none(differences, "ask the room that owns the library for a function instead");
}

#[test]
fn pure_rooms_name_nothing_that_touches_the_world() {
    let mut differences = Vec::new();
    for manifest in manifests().iter().filter(|manifest| PURE.contains(&manifest.name.as_str())) {
        let wrong = IMPURE.iter().filter(|name| manifest.normal.contains(**name));
        differences.extend(wrong.map(|name| format!("{}: {name}", manifest.path)));
    }
    let ours = |path: &&str| {
        let room = PURE.iter().any(|room| path.starts_with(&format!("crates/{room}/src/")));
        room && !path.contains("/tests/") && !path.ends_with("tests.rs")
    };
    for path in files_ending(".rs").filter(ours) {
        let source = text(path).expect("sources are text");
        for forbidden in ["std::fs", "std::net", "std::process", "std::env", "std::thread", "std::time"] {
            if source.contains(forbidden) {
                differences.push(format!("{path}: {forbidden}"));
            }
        }
    }
    none(differences, "same input, same bytes: times, ids, bytes and randomness arrive as arguments");
}

/// The lint step can't follow the modules that the collectors' build script writes, so unused names are looked for here.
#[test]
fn the_collectors_use_every_library_that_they_name() {
    let manifest = manifest("collectors/Cargo.toml");
    let own: String = files_ending(".rs").filter(|path| path.starts_with("collectors/")).filter_map(text).collect();
    // Their tests of real servers take some files of ours in.
    let included = own.lines().filter_map(|line| line.strip_prefix("#[path = \"../../../")?.strip_suffix("\"]"));
    let sources: String = included.filter_map(text).chain([own.clone()]).collect();
    let unused = manifest.all.iter().filter(|name| {
        // One goes by another name in sources than in manifests.
        let name = if name.as_str() == "md-5" { "md5".to_owned() } else { name.replace('-', "_") };
        !sources.contains(&format!("{name}::")) && !sources.contains(&format!("use {name};"))
    });
    none(unused.cloned().collect(), "collectors/Cargo.toml names libraries that no source uses");
}

/// Libraries that an auditor should not have to trust, or to build, to check a bundle.
const NOT_TO_VERIFY: [&str; 14] = [
    "sqlx",
    "tokio",
    "hyper",
    "axum",
    "rustls",
    "reqwest",
    "aws-lc-rs",
    "tera",
    "pulldown-cmark",
    "git2",
    "mio",
    "socket2",
    "aws-sdk-s3",
    "libsqlite3-sys",
];

#[test]
fn an_auditor_can_build_the_verifier_alone() {
    let told = std::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["tree", "--offline", "--package", "exhibit-verify", "--edges", "normal,build", "--prefix", "none"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let tree = String::from_utf8(told.stdout).expect("names");
    let names: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains("exhibit-ledger"), "the tree is there: {tree}");
    let wrong = names.iter().filter(|name| NOT_TO_VERIFY.contains(name) || name.starts_with("icu_"));
    none(wrong.map(ToString::to_string).collect(), "who checks needs no network, no database and no template");
    let ours: Vec<_> = names.iter().filter(|name| name.starts_with("exhibit-")).collect();
    assert_eq!(ours, [&"exhibit-evidence", &"exhibit-ledger", &"exhibit-verify"], "and of ours, no more than these");
}
