//! Files and folders: whose they are, and how much room there is.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use exhibit_archive::s3::LockMode;
use nix::{
    sys::statvfs::statvfs,
    unistd::{AccessFlags, access},
};

use super::item::{Findings, Item, State, first};
use crate::{
    config::{Config, SecretRef, Signing},
    token_key::token_key_path,
};

static CONFIGURATION: Item = Item {
    code: "config.permissions",
    good: "nobody but its owner can change the configuration",
    remedy: "chmod go-w on the file: whoever can change it decides what is collected",
};
static SECRETS: Item = Item {
    code: "secrets.permissions",
    good: "nobody but their owner can read the files of secrets",
    remedy: "chmod 600 on the file; if others could read it, change the secret",
};
static DATA: Item = Item {
    code: "data.permissions",
    good: "nobody but its owner can change what is in the data folder",
    remedy: "chmod go-w on the data folder, chmod 700 on its folder keys",
};
static SPACE: Item = Item {
    code: "data.space",
    good: "there is room for data and archive",
    remedy: "make room: without it nothing can be recorded",
};
static ARCHIVE: Item = Item {
    code: "archive.writable",
    good: "the archive's folder is there and can be written",
    remedy: "make the folder, or let the user that runs this write to it",
};
static WRITE_ONCE: Item = Item {
    code: "archive.write-once",
    good: "nothing in the archive can be written again",
    remedy: "find out who changed the mode (0444 is expected), then: exhibit archive check",
};
static KIND: Item = Item {
    code: "archive.kind",
    good: "what the archive proves is known",
    remedy: "regulators ask for COMPLIANCE: set [archive.s3] mode",
};

pub(super) static ITEMS: [&Item; 7] = [&CONFIGURATION, &SECRETS, &DATA, &SPACE, &ARCHIVE, &WRITE_ONCE, &KIND];

/// Bytes below which nothing works for long.
const LITTLE: u64 = 256 << 20;
/// Bytes below which one should know.
const SCARCE: u64 = 2 << 30;
/// So many files of the archive are looked at.
const MOST: usize = 20_000;

pub(super) fn look(config: &Config, file: &Path, findings: &mut Findings) {
    match mode(file) {
        Ok(mode) if mode & 0o022 == 0 => findings.ok(&CONFIGURATION, format!("{} has mode {mode:04o}", file.display())),
        Ok(mode) => findings.fail(&CONFIGURATION, format!("{} has mode {mode:04o}", file.display())),
        Err(error) => findings.unknown(&CONFIGURATION, told(file, &error)),
    }
    secrets(config, findings);
    data(config, findings);
    space(config, findings);
    match &config.archive.s3 {
        None => archive(&config.archive.directory, findings),
        Some(bucket) => {
            let name = &bucket.name;
            match bucket.mode {
                LockMode::Compliance => {
                    findings.ok(&KIND, format!("S3 Object Lock in COMPLIANCE mode, in the bucket {name}"));
                }
                LockMode::Governance => findings.warn(
                    &KIND,
                    format!(
                        "S3 Object Lock in GOVERNANCE mode, in the bucket {name}: whoever may bypass it can remove"
                    ),
                ),
            }
            findings.complete_well(&[&ARCHIVE, &WRITE_ONCE], "there is no folder: the bucket is the archive");
        }
    }
}

fn mode(path: &Path) -> io::Result<u32> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o7777)
}

fn told(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

fn secrets(config: &Config, findings: &mut Findings) {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut referred = |reference: &SecretRef| {
        if let SecretRef::File(path) = reference {
            files.push(path.clone());
        }
    };
    if let Some(database) = &config.database {
        referred(&database.url);
        database.owner_url.iter().for_each(&mut referred);
    }
    if let Some(keys) = config.archive.s3.as_ref().and_then(|bucket| bucket.keys.as_ref()) {
        [&keys.id, &keys.secret].into_iter().chain(&keys.token).for_each(&mut referred);
    }
    if let Some(tls) = &config.service.tls {
        referred(&tls.key);
    }
    match &config.signing {
        Signing::Given(reference) => referred(reference),
        Signing::Generated(path) => files.push(path.clone()),
    }
    files.push(token_key_path(config));
    let (mut wide, mut unseen, mut looked) = (Vec::new(), Vec::new(), 0);
    for file in files {
        match mode(&file) {
            Ok(mode) if mode & 0o077 != 0 => wide.push(format!("{} has mode {mode:04o}", file.display())),
            Ok(_) => looked += 1,
            // That a key is not there is another item.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => unseen.push(told(&file, &error)),
        }
    }
    match (wide.as_slice(), unseen.as_slice()) {
        ([], []) => findings.ok(&SECRETS, format!("{looked} files of secrets, each its owner's alone")),
        ([], unseen) => findings.unknown(&SECRETS, first(unseen)),
        (wide, _) => findings.fail(&SECRETS, first(wide)),
    }
}

fn data(config: &Config, findings: &mut Findings) {
    let folder = &config.deployment.data_dir;
    let keys = folder.join("keys");
    let mut wrong = Vec::new();
    for (path, forbidden) in [(folder, 0o022), (&keys, 0o077)] {
        match mode(path) {
            Ok(mode) if mode & forbidden != 0 => wrong.push(format!("{} has mode {mode:04o}", path.display())),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return findings.unknown(&DATA, told(path, &error)),
        }
    }
    if wrong.is_empty() {
        findings.ok(&DATA, format!("{} and its keys are their owner's", folder.display()));
    } else {
        findings.fail(&DATA, first(&wrong));
    }
}

fn space(config: &Config, findings: &mut Findings) {
    let archive = config.archive.s3.is_none().then_some(&config.archive.directory);
    for folder in std::iter::once(&config.deployment.data_dir).chain(archive) {
        // A folder that is not there yet will be made on the disk of the nearest one above it.
        let Some(there) = folder.ancestors().find(|above| above.exists()) else {
            findings.unknown(&SPACE, format!("{} lies nowhere", folder.display()));
            continue;
        };
        match statvfs(there) {
            Ok(disk) => {
                let free = disk.blocks_available().saturating_mul(disk.fragment_size());
                findings.note(&SPACE, room(free), format!("{} MiB are free for {}", free >> 20, folder.display()));
            }
            Err(error) => findings.unknown(&SPACE, format!("{}: {error}", there.display())),
        }
    }
}

/// How much room so many bytes are.
fn room(free: u64) -> State {
    match free {
        ..LITTLE => State::Fail,
        LITTLE..SCARCE => State::Warn,
        _ => State::Ok,
    }
}

fn archive(folder: &Path, findings: &mut Findings) {
    findings.ok(
        &KIND,
        "a write-once directory: tamper-evident, and no regulatory WORM; whoever is root there can still remove it, \
         which is found, not prevented",
    );
    let writable = access(folder, AccessFlags::W_OK | AccessFlags::X_OK);
    match writable {
        Ok(()) if folder.is_dir() => findings.ok(&ARCHIVE, folder.display().to_string()),
        Ok(()) => findings.fail(&ARCHIVE, format!("{} is no folder", folder.display())),
        Err(error) => findings.fail(&ARCHIVE, format!("{}: {error}", folder.display())),
    }
    if !folder.exists() {
        return findings.unknown(&WRITE_ONCE, "there is no archive to look at");
    }
    let (mut wide, mut looked) = (Vec::new(), 0);
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let entries = match fs::read_dir(&next).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
            Ok(entries) => entries,
            Err(error) => return findings.unknown(&WRITE_ONCE, told(&next, &error)),
        };
        for entry in entries {
            let path = entry.path();
            // What is being written, and who writes.
            if next == folder && matches!(entry.file_name().to_str(), Some(".incoming" | ".lock")) {
                continue;
            }
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_dir() => folders.push(path),
                Ok(found) if !found.is_file() => wide.push(format!("{} is no plain file", path.display())),
                Ok(found) if found.permissions().mode() & 0o222 != 0 => {
                    wide.push(format!("{} has mode {:04o}", path.display(), found.permissions().mode() & 0o7777));
                }
                Ok(_) => looked += 1,
                Err(error) => return findings.unknown(&WRITE_ONCE, told(&path, &error)),
            }
        }
        if looked > MOST {
            break;
        }
    }
    match wide.as_slice() {
        [] if looked > MOST => {
            findings.ok(&WRITE_ONCE, format!("the first {looked} files; the others were not looked at"))
        }
        [] => findings.ok(&WRITE_ONCE, format!("{looked} files, none of which can be written")),
        wide => findings.fail(&WRITE_ONCE, first(wide)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_told_by_bytes() {
        for (free, state) in [
            (0, State::Fail),
            (LITTLE - 1, State::Fail),
            (LITTLE, State::Warn),
            (SCARCE - 1, State::Warn),
            (SCARCE, State::Ok),
            (u64::MAX, State::Ok),
        ] {
            assert_eq!(room(free), state, "{free}");
        }
    }
}
