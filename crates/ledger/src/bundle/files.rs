//! The files of a bundle, for who wants to use what [`super::verify_bundle`] found clean.

use std::io::Read;

use super::archive::{Archive, Next};
use super::verify::CannotLook;

/// Reads a bundle from front to end, and hands out each file whose path is wanted. Paths come in ascending order of
/// their bytes. Nothing is verified here, and an archive that breaks off just ends: verify it first.
///
/// # Errors
/// When the input cannot be read.
pub fn read_files(
    reader: impl Read,
    mut wanted: impl FnMut(&str) -> bool,
    mut take: impl FnMut(&str, Vec<u8>),
) -> Result<(), CannotLook> {
    let mut archive = Archive::new(reader);
    while let Next::File(header) = archive.next()? {
        let complete = if wanted(&header.path) {
            let raw = archive.raw(usize::try_from(header.size).unwrap_or(usize::MAX), Vec::new())?;
            if raw.complete {
                take(&header.path, raw.bytes);
            }
            raw.complete
        } else {
            archive.pass(header.size)?
        };
        if !complete {
            break;
        }
    }
    Ok(())
}

/// Reads one file of a bundle, and nothing behind it; None where there is no such file. Nothing is verified here either.
///
/// # Errors
/// When the input cannot be read.
pub fn read_file(reader: impl Read, path: &str) -> Result<Option<Vec<u8>>, CannotLook> {
    let mut archive = Archive::new(reader);
    while let Next::File(header) = archive.next()?
        && *header.path <= *path
    {
        if header.path == path {
            let raw = archive.raw(usize::try_from(header.size).unwrap_or(usize::MAX), Vec::new())?;
            return Ok(Some(raw.bytes).filter(|_| raw.complete));
        }
        if !archive.pass(header.size)? {
            break;
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::{read_file, read_files};
    use crate::bundle::archive::{header, padding};

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (path, bytes) in files {
            out.extend_from_slice(&header(path, bytes.len() as u64).unwrap());
            out.extend_from_slice(bytes);
            out.resize(out.len() + padding(bytes.len() as u64), 0);
        }
        out.resize(out.len() + 1024, 0);
        out
    }

    #[test]
    fn files_are_handed_out_whole_or_not_at_all() {
        let files: [(&str, &[u8]); 3] = [("a", b"one"), ("b", &[7; 512]), ("c", b"")];
        let archive = archive(&files);
        let mut read = Vec::new();
        read_files(&archive[..], |path| path != "b", |path, bytes| read.push((path.to_owned(), bytes))).unwrap();
        assert_eq!(read, [("a".to_owned(), b"one".to_vec()), ("c".to_owned(), Vec::new())]);
        for (path, bytes) in files {
            assert_eq!(read_file(&archive[..], path).unwrap().as_deref(), Some(bytes), "{path}");
        }
        assert_eq!(read_file(&archive[..], "aa").unwrap(), None);
        assert_eq!(read_file(&archive[..512 + 2], "a").unwrap(), None, "it breaks off");
        assert_eq!(read_file(&archive[..512 + 2], "b").unwrap(), None, "it breaks off before");
    }
}
