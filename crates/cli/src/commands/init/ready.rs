//! What lies ready on this machine: programs, databases, and folders of lockfiles that were not walked through.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use exhibit_collectors::{packages::find, runner::Binary};

use super::walk::{EXAMPLE_CODE, FOREIGN_CODE, Walk};

/// Where a program lies: an empty text where a run finds it by its name, the path where only this person's `PATH` leads to it.
pub(super) fn program(name: &str) -> Option<String> {
    if Binary::is_usual(name) {
        return Some(String::new());
    }
    let folders = env::var_os("PATH").unwrap_or_default();
    let paths = env::split_paths(&folders).filter(|folder| folder.is_absolute()).map(|folder| folder.join(name));
    let runs = |path: &PathBuf| {
        fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    paths.into_iter().find(runs).and_then(|path| path.to_str().map(str::to_owned))
}

/// The first of these folders below the home folder that holds `sign`.
pub(super) fn database(folders: &[&str], sign: &str) -> Option<String> {
    let home = env::home_dir().filter(|home| home.is_absolute())?;
    let found = folders.iter().map(|folder| home.join(folder)).find(|folder| folder.join(sign).exists());
    found.and_then(|folder| folder.to_str().map(str::to_owned))
}

/// Folders that were not walked through as examples or the code of others, and hold lockfiles all the same.
pub(super) fn examples(top: &Path, walk: &Walk) -> Vec<String> {
    let closed = walk.left_out.iter().filter(|left| [EXAMPLE_CODE, FOREIGN_CODE].contains(&left.why));
    let entered = closed.filter(|left| {
        let name = left.path.rsplit('/').next().unwrap_or_default();
        !find::NOT_ENTERED.contains(&name)
    });
    let paths = entered.map(|left| left.path.clone()).filter(|path| path != "***");
    paths.filter(|path| find::is_any_in(&top.join(path))).collect()
}
