//! An applied migration is history: it is never edited.

use std::collections::BTreeMap;

use exhibit_evidence::Digest;

use super::{FILES, none, root, text};

/// One line a migration, in the form of `sha256sum`.
const RECORDED: &str = "tests/it/migrations.sha256";

fn recorded() -> BTreeMap<String, String> {
    let list = text(RECORDED).expect("text");
    let parsed = list.lines().map(|line| line.split_once("  ").expect("digest, two spaces, name"));
    parsed.map(|(digest, name)| (name.to_owned(), digest.to_owned())).collect()
}

fn present() -> BTreeMap<String, String> {
    let names = FILES.iter().filter(|name| name.starts_with("migrations/") && name.ends_with(".sql"));
    let hashed = names.map(|name| {
        let bytes = std::fs::read(root().join(name)).expect("a listed file can be read");
        (name.clone(), Digest::of(&bytes).to_string().replace("sha256:", ""))
    });
    hashed.collect()
}

#[test]
fn migrations_are_only_added() {
    let present = present();
    let changed = recorded().into_iter().filter_map(|(name, digest)| match present.get(&name) {
        None => Some(format!("{name} is gone")),
        Some(found) if *found != digest => Some(format!("{name} was edited")),
        Some(_) => None,
    });
    none(changed.collect(), "databases exist that applied it: put the change into a new migration");
}

#[test]
fn every_migration_is_recorded() {
    let recorded = recorded();
    let new = present().into_iter().filter(|(name, _)| !recorded.contains_key(name));
    let lines = new.map(|(name, digest)| format!("{digest}  {name}"));
    none(lines.collect(), "a migration that lands is recorded: add these lines to tests/it/migrations.sha256");
}

#[test]
fn migrations_are_numbered_without_a_gap() {
    let present = present();
    for (number, name) in present.keys().enumerate() {
        let expected = format!("migrations/{:04}_", number + 1);
        assert!(name.starts_with(&expected), "{name}: the next number is {expected}");
    }
}
