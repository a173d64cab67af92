//! Whether the data that a key protects lies beside a copy of the key: whoever takes one then has both.

use std::fs;
use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::facts::{Nearby, Standing};
use super::settings::Protects;
use crate::sources::Root;

/// So many names of a folder are looked at.
const ENTRIES: usize = 100_000;

fn nearby(standing: Standing, detail: impl Into<String>) -> Nearby {
    Nearby { standing, detail: detail.into() }
}

/// For a fixture within the program itself.
pub(super) fn in_memory() -> Nearby {
    nearby(Standing::Apart, "it lies within the program")
}

/// For a copy that is a file: what lies in its folder.
pub(super) fn of_file(root: &Root, file: &Path, protects: &Protects) -> Nearby {
    let Root::Folder(base) = root else { return in_memory() };
    let Some(patterns) = patterns(protects) else {
        return nearby(Standing::Unknown, "the patterns for names of dumps can't be read");
    };
    let own = match file.canonicalize() {
        Ok(own) => own,
        Err(error) => return nearby(Standing::Unknown, format!("its folder can't be found out: {}", error.kind())),
    };
    let folder = own.parent().unwrap_or(Path::new("/"));
    for protected in &protects.folders {
        match base.join(protected).canonicalize() {
            Ok(dumps) if folder.starts_with(&dumps) => {
                return nearby(Standing::Beside, format!("it lies in {protected}, the folder of the database dumps"));
            }
            Ok(_) => {}
            Err(error) => {
                let detail = format!("the folder of dumps {protected} can't be looked at: {}", error.kind());
                return nearby(Standing::Unknown, detail);
            }
        }
    }
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return nearby(Standing::Unknown, format!("its folder can't be listed: {}", error.kind())),
    };
    let mut looked = 0;
    for entry in entries {
        looked += 1;
        match entry {
            _ if looked > ENTRIES => return nearby(Standing::Unknown, "its folder holds more files than were looked at"),
            Err(error) => return nearby(Standing::Unknown, format!("its folder can't be listed: {}", error.kind())),
            Ok(entry) if entry.path() == own => {}
            Ok(entry) if patterns.is_match(entry.file_name()) => {
                let name = entry.file_name().to_string_lossy().into_owned();
                return nearby(Standing::Beside, format!("the same folder holds {name}"));
            }
            Ok(_) => {}
        }
    }
    nearby(Standing::Apart, "its folder holds no dump, and is no folder of dumps")
}

/// For a copy within a snapshot: what the same snapshot holds.
pub(super) fn of_snapshot<'p>(
    base: &Path,
    own: &str,
    paths: impl IntoIterator<Item = &'p str>,
    protects: &Protects,
) -> Nearby {
    let Some(patterns) = patterns(protects) else {
        return nearby(Standing::Unknown, "the patterns for names of dumps can't be read");
    };
    let folders: Vec<_> = protects.folders.iter().map(|folder| base.join(folder)).collect();
    for path in paths.into_iter().filter(|path| *path != own) {
        let name = Path::new(path).file_name().unwrap_or_default();
        if patterns.is_match(name) || folders.iter().any(|folder| Path::new(path).starts_with(folder)) {
            return nearby(Standing::Beside, format!("the same snapshot holds {path}"));
        }
    }
    nearby(Standing::Apart, "its snapshot holds no dump")
}

/// For a copy in a bucket: what lies beside it, under the same prefix.
pub(super) fn of_objects<'k>(own: &str, keys: impl IntoIterator<Item = &'k str>, protects: &Protects) -> Nearby {
    let Some(patterns) = patterns(protects) else {
        return nearby(Standing::Unknown, "the patterns for names of dumps can't be read");
    };
    let name = |key: &'k str| key.rsplit('/').next().unwrap_or_default();
    match keys.into_iter().filter(|key| *key != own).find(|key| patterns.is_match(name(key))) {
        Some(dump) => nearby(Standing::Beside, format!("the same bucket and prefix hold {dump}")),
        None => nearby(Standing::Apart, "its bucket holds no dump under its prefix"),
    }
}

fn patterns(protects: &Protects) -> Option<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for pattern in &protects.patterns {
        set.add(GlobBuilder::new(pattern).case_insensitive(true).build().ok()?);
    }
    set.build().ok()
}
