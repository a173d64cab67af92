//! Opening the files that a source names: below one root, bounded in size, wiped after use.

use super::{Root, SourceError};
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Component, Path, PathBuf};
use zeroize::Zeroizing;

/// No configuration file is larger; a larger one is refused rather than loaded.
pub(super) const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// The bytes of `name` below `root`, wiped on drop.
pub(crate) fn bytes(root: &Root, name: &str) -> Result<Zeroizing<Vec<u8>>, SourceError> {
    let path = match root {
        Root::Folder(folder) => folder.join(name),
        Root::Memory(files) => return in_memory(files, name),
    };
    let unreadable =
        |error: std::io::Error| SourceError::Unreadable { file: name.to_owned(), reason: in_words(&error) };
    // Opening a pipe would wait for its other end.
    if !fs::metadata(&path).map_err(unreadable)?.is_file() {
        let reason = "it is not a file".to_owned();
        return Err(SourceError::Unreadable { file: name.to_owned(), reason });
    }
    let file = fs::File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    if size > MAX_BYTES {
        return Err(SourceError::TooLarge { file: name.to_owned(), limit: MAX_BYTES });
    }
    // One allocation of the full size: a growing vector would leave copies behind.
    let room = usize::try_from(size).unwrap_or(0) + 1;
    let mut content = Zeroizing::new(Vec::with_capacity(room));
    file.take(MAX_BYTES + 1).read_to_end(&mut content).map_err(unreadable)?;
    if content.len() as u64 > MAX_BYTES {
        return Err(SourceError::TooLarge { file: name.to_owned(), limit: MAX_BYTES });
    }
    Ok(content)
}

fn in_memory(files: &[(&str, &str)], name: &str) -> Result<Zeroizing<Vec<u8>>, SourceError> {
    let found = files.iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| Zeroizing::new(text.as_bytes().to_vec())).ok_or_else(|| {
        let reason = "no such file or folder".to_owned();
        SourceError::Unreadable { file: name.to_owned(), reason }
    })
}

/// The text of `name` below `root`, without a byte-order mark.
pub(crate) fn text(root: &Root, name: &str) -> Result<Zeroizing<String>, SourceError> {
    let bytes = bytes(root, name)?;
    decode(name, &bytes)
}

/// UTF-8 text of `bytes`, without a byte-order mark.
pub(crate) fn decode(name: &str, bytes: &[u8]) -> Result<Zeroizing<String>, SourceError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            Ok(Zeroizing::new(text.to_owned()))
        }
        Err(error) => {
            let before = &bytes[..error.valid_up_to()];
            let breaks = before.iter().filter(|byte| **byte == b'\n').count();
            Err(SourceError::Malformed {
                file: name.to_owned(),
                line: line_number(breaks),
                key: "text".to_owned(),
                expected: "UTF-8".to_owned(),
            })
        }
    }
}

/// Line number from a count of line breaks before it.
pub(super) fn line_number(breaks: usize) -> u32 {
    u32::try_from(breaks).unwrap_or(u32::MAX - 1) + 1
}

/// True when a file of that name is there.
pub(crate) fn exists(root: &Root, name: &str) -> bool {
    match root {
        Root::Folder(folder) => folder.join(name).is_file(),
        Root::Memory(files) => files.iter().any(|(known, _)| *known == name),
    }
}

/// `name` as written inside a file that lies in `folder`, as a path from the root.
pub(super) fn beside(folder: &str, name: &str) -> String {
    let mut path = PathBuf::new();
    for part in Path::new(folder).join(name).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if path.file_name().is_some() => {
                path.pop();
            }
            other => path.push(other),
        }
    }
    path.to_string_lossy().into_owned()
}

/// The folder of a file, as a path from the root; empty for the root itself.
pub(super) fn folder_of(name: &str) -> String {
    Path::new(name).parent().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Every file below `name` (itself, if it is a file) with one of the `extensions`, sorted.
pub(super) fn below(root: &Root, name: &str, extensions: &[&str]) -> Result<Vec<String>, SourceError> {
    let root = match root {
        Root::Folder(folder) => folder,
        Root::Memory(files) => {
            let inside = |known: &str| known == name || known.starts_with(name);
            return Ok(files.iter().map(|(known, _)| *known).filter(|n| inside(n)).map(str::to_owned).collect());
        }
    };
    let unreadable =
        |name: &str, error: &std::io::Error| SourceError::Unreadable { file: name.to_owned(), reason: in_words(error) };
    let start = fs::metadata(root.join(name)).map_err(|error| unreadable(name, &error))?;
    if start.is_file() {
        return Ok(vec![name.to_owned()]);
    }
    let mut found = Vec::new();
    let mut folders = vec![name.trim_end_matches('/').to_owned()];
    while let Some(folder) = folders.pop() {
        let listed = fs::read_dir(root.join(&folder)).map_err(|error| unreadable(&folder, &error))?;
        for entry in listed {
            let entry = entry.map_err(|error| unreadable(&folder, &error))?;
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type().map_err(|error| unreadable(&path, &error))?;
            let extension = Path::new(&path).extension().and_then(|e| e.to_str()).unwrap_or("");
            if kind.is_dir() {
                folders.push(path);
            } else if extensions.contains(&extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The kind of error in words. The operating system's own text may name a path outside the root.
fn in_words(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "no such file or folder".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        kind => kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_resolved_from_the_file_that_names_them() {
        assert_eq!(beside("", "./a.env"), "a.env");
        assert_eq!(beside("deploy/compose", "../envs/a.env"), "deploy/envs/a.env");
        assert_eq!(beside("deploy", "../../a.env"), "../a.env");
        assert_eq!(folder_of("deploy/compose.yml"), "deploy");
    }

    #[test]
    fn bytes_that_are_not_text_are_refused_with_their_line() {
        let error = decode("x.env", b"A=1\nB=\xff\n").expect_err("not UTF-8");
        assert_eq!(error.to_string(), "x.env:2: text: expected UTF-8");
    }
}
