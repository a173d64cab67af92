//! Documents and the files they speak of stay together.

use std::path::{Component, Path, PathBuf};

use super::{FILES, files_ending, none, root, text};

/// Markdown for people: no templates, no inputs of cases, nothing that a program writes.
fn documents() -> impl Iterator<Item = (&'static str, String)> {
    let ours = |name: &&str| {
        !name.contains("/cases/") && !name.starts_with("report-templates/quarterly/") && !name.contains("/snapshots/")
    };
    files_ending(".md").filter(ours).map(|name| (name, text(name).expect("documents are text")))
}

/// Where the document's links lead, within the repository.
fn links(name: &str, text: &str) -> Vec<String> {
    let mut targets = Vec::new();
    let mut code = false;
    for line in text.lines() {
        code ^= line.trim_start().starts_with("```");
        if code {
            continue;
        }
        for (at, _) in line.match_indices("](") {
            let target = line[at + 2..].split([')', ' ']).next().unwrap_or_default();
            targets.push(target.to_owned());
        }
    }
    targets.retain(|target| {
        !target.is_empty()
            && !target.contains("://")
            && !target.starts_with(['#', '<'])
            && !target.starts_with("mailto:")
    });
    let folder = Path::new(name).parent().unwrap_or(Path::new("")).to_owned();
    targets.into_iter().map(|target| normal(&folder.join(target.split('#').next().unwrap_or_default()))).collect()
}

/// The path without `.` and `..`, so that a link out of the repository shows itself.
fn normal(path: &Path) -> String {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir if parts.parent().is_some() => {
                parts.pop();
            }
            Component::CurDir => {}
            other => parts.push(other),
        }
    }
    parts.to_string_lossy().into_owned()
}

#[test]
fn links_lead_somewhere() {
    let mut differences = Vec::new();
    for (name, text) in documents() {
        let dead = links(name, &text).into_iter().filter(|target| {
            let tracked =
                FILES.binary_search(target).is_ok() || FILES.iter().any(|file| file.starts_with(&format!("{target}/")));
            !tracked && !target.is_empty()
        });
        differences.extend(dead.map(|target| format!("{name} leads to {target}")));
    }
    none(differences, "links lead to files and folders of this repository");
}

#[test]
fn links_are_found_and_made_plain() {
    let text = "see [a](../b/c.md#part), [d](e.rs) and [web](https://example.com)\n```\n[no](gone.md)\n```\n![p](./p.png \"title\")";
    assert_eq!(links("x/y.md", text), ["b/c.md", "x/e.rs", "x/p.png"]);
    assert_eq!(links("y.md", "[out](../z)"), ["../z"]);
}

#[test]
fn the_maps_name_every_room_and_collector() {
    let mut differences = Vec::new();
    let folders = |holds: &'static str, depth: usize| {
        FILES
            .iter()
            .filter_map(move |name| name.strip_suffix(holds))
            .filter(move |folder| folder.matches('/').count() == depth)
    };
    let mut expect = |map: &str, folder: &str| {
        let name = folder.rsplit('/').next().unwrap_or(folder);
        let named = root().join(map).is_file() && text(map).is_some_and(|text| text.contains(&format!("`{name}")));
        if !named {
            differences.push(format!("{map} does not name `{name}`"));
        }
    };
    for folder in folders("/Cargo.toml", 1).filter(|folder| folder.starts_with("crates/")) {
        expect("crates/README.md", folder);
    }
    expect("crates/README.md", "collectors");
    expect("crates/README.md", "tests");
    for folder in folders("/collector.toml", 1).filter(|folder| folder.starts_with("collectors/")) {
        expect("collectors/README.md", folder);
    }
    for folder in folders("/template.toml", 1).filter(|folder| folder.starts_with("report-templates/")) {
        expect("report-templates/README.md", folder);
    }
    none(differences, "the maps name every part");
}

#[test]
fn documents_wait_for_every_folder() {
    let wanted = [
        "README.md",
        "crates/README.md",
        "collectors/README.md",
        "report-templates/README.md",
        "migrations/README.md",
        "tests/README.md",
    ];
    let missing = wanted.into_iter().filter(|name| !root().join(name).is_file());
    none(missing.map(str::to_owned).collect(), "whoever opens a folder finds its README.md");
}

/// Pairs of a file and a test in it that a document names as `file`: `test`, `test`.
fn tests_named_in(text: &str) -> Vec<(String, String)> {
    let mut named = Vec::new();
    let mut file = "";
    for words in text.split('`').skip(1).step_by(2) {
        if words.contains('/') {
            file = words;
        } else if words.contains('_') {
            named.push((file.to_owned(), words.to_owned()));
        }
    }
    named
}

#[test]
fn every_promise_is_held_by_tests_that_are_there() {
    let named = tests_named_in(&text("tests/PROMISES.md").expect("it is there"));
    assert!(named.len() > 30, "the document names its tests");
    let gone = named.into_iter().filter(|(file, test)| {
        let declared = format!("fn {test}(");
        !text(file).is_some_and(|text| text.contains(&declared))
    });
    let differences = gone.map(|(file, test)| format!("tests/PROMISES.md names {test} in {file}")).collect();
    none(differences, "a promise is held by a test that is there");
    let example = "| `a/b.rs`: `x_y`, `z_w` | `one` `c/d.rs`: `v_u`";
    let expected = [("a/b.rs", "x_y"), ("a/b.rs", "z_w"), ("c/d.rs", "v_u")];
    assert_eq!(tests_named_in(example), expected.map(|(file, test)| (file.to_owned(), test.to_owned())));
}
