//! Where the parts of an image lie: in a folder, or in an archive that is indexed once and then read anywhere.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Component, Path, PathBuf};

use exhibit_evidence::Digest;

use super::{ImageError, form, unreadable};
use crate::packages::lockfile::shown;
use crate::reading::{Digested, Kind, Tar, regular};

/// Largest document of JSON in an image that is read, in bytes.
const LARGEST_DOCUMENT: u64 = 4 << 20;
/// Most entries of an archive: blobs, not files of layers.
const MOST_ENTRIES: usize = 100_000;
/// Longest name of such an entry, in bytes.
const LONGEST_NAME: usize = 1024;

/// The parts of an image by their names.
pub(super) enum Files {
    /// A folder.
    Folder(PathBuf),
    /// An archive.
    Archive(Archive),
}

/// An archive, and where its files begin.
pub(super) struct Archive {
    file: File,
    parts: HashMap<String, Where>,
    digest: Digest,
}

enum Where {
    At { offset: u64, size: u64 },
    Linked(String),
}

impl Files {
    /// Opens what lies at a path.
    pub(super) fn open(path: &Path) -> Result<Self, ImageError> {
        let seen = std::fs::metadata(path).map_err(|error| unreadable(&error))?;
        if seen.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        let (file, _) = regular(path).map_err(|reason| ImageError::Unreadable(reason.to_string()))?;
        Archive::index(file).map(Self::Archive)
    }

    /// The file's own digest, where it is one.
    pub(super) fn digest(&self) -> Option<Digest> {
        match self {
            Self::Folder(_) => None,
            Self::Archive(archive) => Some(archive.digest),
        }
    }

    /// A part that is a document; none where there is no such part.
    pub(super) fn document(&self, name: &str) -> Result<Option<Vec<u8>>, ImageError> {
        let Some(part) = self.part(name)? else { return Ok(None) };
        let mut bytes = Vec::new();
        part.take(LARGEST_DOCUMENT + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        if bytes.len() as u64 > LARGEST_DOCUMENT {
            return Err(form(format!("`{}` is larger than {} MiB", shown(name), LARGEST_DOCUMENT >> 20)));
        }
        Ok(Some(bytes))
    }

    /// A part, to be read from its beginning; none where there is no such part.
    pub(super) fn part(&self, name: &str) -> Result<Option<Box<dyn Read + '_>>, ImageError> {
        match self {
            Self::Folder(folder) => in_folder(folder, name),
            Self::Archive(archive) => archive.part(name),
        }
    }
}

fn in_folder(folder: &Path, name: &str) -> Result<Option<Box<dyn Read>>, ImageError> {
    let outside = || form(format!("`{}` is named as a part of it and lies outside", shown(name)));
    if Path::new(name).components().any(|part| !matches!(part, Component::Normal(_))) {
        return Err(outside());
    }
    let path = folder.join(name);
    let real = match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|error| unreadable(&error))?,
    };
    // What is named by its digest is held to that, wherever a link leads; everything else has to lie in the folder.
    let within = folder.canonicalize().is_ok_and(|folder| real.starts_with(folder));
    if !within && !name.starts_with("blobs/sha256/") {
        return Err(outside());
    }
    let (file, _) = regular(&real).map_err(|reason| ImageError::Unreadable(reason.to_string()))?;
    Ok(Some(Box::new(io::BufReader::with_capacity(64 * 1024, file))))
}

impl Archive {
    /// Reads the archive once: where each file in it begins, and the digest of all.
    fn index(file: File) -> Result<Self, ImageError> {
        let at = Cell::new(0);
        let mut parts = HashMap::new();
        let buffered = io::BufReader::with_capacity(256 * 1024, &file);
        let mut source = Digested::new(Counting { source: buffered, at: &at });
        let mut tar = Tar::new(&mut source);
        let mut count = 0;
        while let Some(entry) = tar.entry().map_err(|error| unreadable(&error))? {
            count += 1;
            if count > MOST_ENTRIES || entry.name.len() > LONGEST_NAME {
                return Err(form("it holds more than an image does".to_owned()));
            }
            let name = entry.name.trim_start_matches("./").to_owned();
            let place = match entry.kind {
                Kind::File => Where::At { offset: at.get(), size: entry.size },
                Kind::HardLink => Where::Linked(entry.link.trim_start_matches("./").to_owned()),
                Kind::SymbolicLink => Where::Linked(beside(&name, &entry.link).unwrap_or_default()),
                Kind::Folder | Kind::Special => continue,
            };
            if parts.insert(name.clone(), place).is_some() {
                // One reader would take the first, another the last.
                return Err(form(format!("it holds `{}` twice", shown(&name))));
            }
        }
        let digest = source.finish().map_err(|error| unreadable(&error))?;
        Ok(Self { file, parts, digest })
    }

    fn part(&self, name: &str) -> Result<Option<Box<dyn Read + '_>>, ImageError> {
        let mut name = name;
        // What `docker save` wrote before version 25 names a layer that it holds twice by a link.
        for _ in 0..4 {
            match self.parts.get(name) {
                Some(Where::At { offset, size }) => {
                    return Ok(Some(Box::new(Part { file: &self.file, at: *offset, left: *size })));
                }
                Some(Where::Linked(to)) => name = to,
                None => return Ok(None),
            }
        }
        Err(form("its links lead to one another".to_owned()))
    }
}

/// Where a link leads that lies at `name`; none where that is outside.
fn beside(name: &str, link: &str) -> Option<String> {
    if link.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = name.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

struct Counting<'c, R> {
    source: R,
    at: &'c Cell<u64>,
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.at.set(self.at.get() + count as u64);
        Ok(count)
    }
}

/// A part of a file.
struct Part<'f> {
    file: &'f File,
    at: u64,
    left: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let count = self.file.read_at(&mut buffer[..most], self.at)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}
