//! What lies where.

use std::collections::BTreeSet;

use super::{FILES, none, root, text};

/// The visible names at the top, all of them.
const TOP: [&str; 8] =
    ["Cargo.lock", "Cargo.toml", "README.md", "collectors", "crates", "migrations", "report-templates", "tests"];

/// Folders under which people work on machines of their own.
const HOMES: [&str; 3] = ["/home/", "/root/", "/Users/"];

/// Where such a folder's name is meant: folders in which software is usually installed.
const MEANT: [&str; 1] = ["/home/linuxbrew/"];

#[test]
fn the_top_holds_the_agreed_names_and_no_others() {
    let top: BTreeSet<&str> =
        FILES.iter().filter_map(|name| name.split('/').next()).filter(|name| !name.starts_with('.')).collect();
    assert_eq!(top, BTreeSet::from(TOP), "visible names at the top are agreed: put new files into a room");
}

#[test]
fn no_file_names_a_machine_of_ours() {
    let here = root().canonicalize().expect("the repository's folder is there");
    let here = format!("{}/", here.display());
    let machines: Vec<&str> = HOMES.into_iter().chain([here.as_str()]).collect();
    let mut differences = Vec::new();
    for name in FILES.iter().filter(|name| !name.starts_with("tests/it/tidy/")) {
        for (number, line) in text(name).unwrap_or_default().lines().enumerate() {
            // Web addresses have such folders too.
            let bare = MEANT.iter().fold(line.to_owned(), |line, meant| line.replace(meant, ""));
            let named = |folder: &&str| {
                bare.match_indices(*folder).any(|(at, _)| {
                    !bare[..at].ends_with(|before: char| before.is_alphanumeric() || "._-}*".contains(before))
                })
            };
            if let Some(folder) = machines.iter().find(|folder| named(folder)) {
                differences.push(format!("{name}:{}: {folder}", number + 1));
            }
        }
    }
    none(differences, "files name paths from the repository's folder, or made-up ones under /srv or /opt");
}

#[test]
fn the_linter_guards_clock_and_ids() {
    let configuration = text(".clippy.toml").expect("text");
    for method in ["chrono::Utc::now", "std::time::SystemTime::now", "uuid::Uuid::now_v7"] {
        assert!(configuration.contains(&format!("\"{method}\"")), ".clippy.toml no longer forbids {method}");
    }
    let workspace: toml::Table = text("Cargo.toml").expect("text").parse().expect("TOML");
    let lints = workspace["workspace"]["lints"]["clippy"].as_table().expect("a table");
    for lint in
        ["disallowed_methods", "unwrap_used", "print_stdout", "print_stderr", "todo", "unimplemented", "dbg_macro"]
    {
        assert!(lints.contains_key(lint), "Cargo.toml no longer switches on clippy::{lint}");
    }
    let inherits = |name: &&str| text(name).is_some_and(|text| text.contains("[lints]\nworkspace = true"));
    let manifests =
        FILES.iter().map(String::as_str).filter(|name| name.ends_with("/Cargo.toml") && !name.contains("/fuzz/"));
    none(
        manifests.filter(|name| !inherits(name)).map(str::to_owned).collect(),
        "every package inherits the workspace's lints",
    );
}

#[test]
fn templates_and_collectors_have_their_parts() {
    let there = |name: String| root().join(&name).is_file();
    let folder_of = |name: &String, end: &str| name.strip_suffix(end).map(str::to_owned);
    let mut differences = Vec::new();
    for folder in FILES
        .iter()
        .filter_map(|name| folder_of(name, "/collector.toml"))
        .filter(|folder| folder.matches('/').count() == 1)
    {
        // Two faces of one collector share its parts, where their `mod.rs` says that they lie.
        let shares = text(&format!("{folder}/mod.rs")).is_some_and(|module| module.contains("use crate::vulnerable::"));
        let parts = if shares { "collectors/src/vulnerable" } else { folder.as_str() };
        for (folder, part) in
            [(folder.as_str(), "README.md"), (parts, "collect.rs"), (parts, "judge.rs"), (folder.as_str(), "mod.rs")]
        {
            if !there(format!("{folder}/{part}")) {
                differences.push(format!("{folder} lacks {part}"));
            }
        }
        let cases =
            FILES.iter().filter(|name| name.starts_with(&format!("{folder}/cases/")) && name.ends_with("/policy.toml"));
        let names: Vec<&str> = cases.filter_map(|name| name.split('/').nth(3)).collect();
        for kind in ["pass", "fail", "vacuous"] {
            if !names.iter().any(|name| name.starts_with(kind)) {
                differences.push(format!("{folder}/cases has none whose name begins with {kind}"));
            }
        }
    }
    for folder in FILES.iter().filter_map(|name| folder_of(name, "/template.toml")) {
        for part in ["report.md", "layout.html", "style.css"] {
            if !there(format!("{folder}/{part}")) {
                differences.push(format!("{folder} lacks {part}"));
            }
        }
    }
    none(
        differences,
        "a collector and a template are whole folders: collectors/README.md and report-templates/README.md",
    );
}
