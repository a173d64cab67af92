//! The directory at a ZIP archive's end (APPNOTE 6.3.10), read one entry at a time.
//!
//! Of our own because the usual reader keeps all entries in memory, however many there are, and of those with one name
//! only the last.

use std::io::{self, Read, Seek, SeekFrom, Take};

use super::Reason;
use super::unpack::{fill, short};

/// The record at the very end, without its comment (4.3.16).
const END: usize = 22;
const END_MARK: &[u8] = b"PK\x05\x06";
/// The longest comment behind it: its length has two bytes.
const LONGEST_COMMENT: usize = 0xffff;
/// An entry without its name, extra fields and comment (4.3.12).
const ENTRY: usize = 46;
const ENTRY_MARK: &[u8] = b"PK\x01\x02";
/// What stands before a member's content, without its name and extra fields (4.3.7).
const LOCAL: usize = 30;
const LOCAL_MARK: &[u8] = b"PK\x03\x04";
/// Where the larger record of Zip64 stands (4.3.15), and that record as far as it is read (4.3.14).
const LOCATOR: usize = 20;
const LOCATOR_MARK: &[u8] = b"PK\x06\x07";
const END64: usize = 56;
const END64_MARK: &[u8] = b"PK\x06\x06";
/// The extra field with sizes and places of eight bytes (4.5.3).
const EXTRA64: u16 = 1;

/// Whether bytes end as a ZIP archive without a comment does, and one with members.
pub(super) fn ends_so(bytes: &[u8]) -> bool {
    bytes
        .last_chunk::<END>()
        .is_some_and(|end| end.starts_with(END_MARK) && end[20..] == [0, 0] && end[10..12] != [0, 0])
}

/// How many bytes [`ends_so`] looks at.
pub(super) const LOOKED_AT: usize = END;

/// A directory that was found.
pub(super) struct Directory<S> {
    bytes: S,
    /// Where the next entry begins.
    at: u64,
    end: u64,
    /// Bytes before the archive, which its own places do not count.
    before: u64,
    told: u64,
    seen: u64,
}

/// What a directory tells of a member.
pub(super) struct Entry {
    pub(super) name: String,
    /// The number of its compression (4.4.5).
    pub(super) method: u16,
    pub(super) encrypted: bool,
    pub(super) checksum: u32,
    /// Bytes of its content.
    pub(super) size: u64,
    packed: u64,
    header: u64,
}

impl Entry {
    /// A folder has no content; what is called one and has, is none.
    pub(super) fn is_folder(&self) -> bool {
        self.name.ends_with('/') && self.packed == 0
    }
}

impl<S: Read + Seek> Directory<S> {
    /// Finds the directory from the archive's end.
    pub(super) fn find(mut bytes: S) -> Result<Self, Reason> {
        let length = bytes.seek(SeekFrom::End(0)).map_err(broken)?;
        let searched = length.min((END + LONGEST_COMMENT) as u64);
        let tail = read_at(&mut bytes, length - searched, searched)?;
        let at =
            last_end(&tail).ok_or_else(|| damaged("its directory is not there: it is cut off, or no zip archive"))?;
        let mut end = length - searched + at as u64;
        let record = &tail[at..];
        let mut told = Told {
            disks: u32::from(two(record, 4)).max(u32::from(two(record, 6))),
            entries: two(record, 10).into(),
            size: four(record, 12).into(),
            offset: four(record, 16).into(),
        };
        if told.is_cut()
            && let Some((at, larger)) = larger(&mut bytes, end)?
        {
            (end, told) = (at, larger);
        }
        if !matches!(told.disks, 0 | 0xffff) {
            return Err(Reason::Unsupported("zip archive in several files".to_owned()));
        }
        let nowhere = || damaged("its directory is not where its end says");
        // Other bytes may stand before the archive: then it is where it ends.
        let behind = end.checked_sub(told.size);
        let here =
            [Some(told.offset), behind].into_iter().flatten().filter(|at| at.checked_add(told.size) <= Some(end));
        for at in here {
            if told.entries == 0 || begins(&mut bytes, at, ENTRY_MARK)? {
                let before = at.saturating_sub(told.offset);
                return Ok(Self { bytes, at, end: at + told.size, before, told: told.entries, seen: 0 });
            }
        }
        Err(nowhere())
    }

    /// The next entry; nothing behind the last.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, Reason> {
        if self.end - self.at < ENTRY as u64 {
            // The number is kept in two bytes by writers that know no other.
            return if self.seen & 0xffff == self.told & 0xffff {
                Ok(None)
            } else {
                let (seen, told) = (self.seen, self.told);
                Err(Reason::Damaged(format!("its end tells of {told} members, its directory of {seen}")))
            };
        }
        let fixed = read_at(&mut self.bytes, self.at, ENTRY as u64)?;
        if !fixed.starts_with(ENTRY_MARK) {
            return Err(damaged("an entry of its directory is none"));
        }
        let (name, extra, comment) = (two(&fixed, 28), two(&fixed, 30), two(&fixed, 32));
        let texts = read_at(&mut self.bytes, self.at + ENTRY as u64, u64::from(name) + u64::from(extra))?;
        self.at += ENTRY as u64 + texts.len() as u64 + u64::from(comment);
        if self.at > self.end {
            return Err(damaged("its directory ends within an entry"));
        }
        self.seen += 1;
        let (name, extra) = texts.split_at(usize::from(name));
        let mut entry = Entry {
            name: String::from_utf8_lossy(name).into_owned(),
            method: two(&fixed, 10),
            // Encrypted, strongly or not.
            encrypted: two(&fixed, 8) & 0x41 != 0,
            checksum: four(&fixed, 16),
            packed: four(&fixed, 20).into(),
            size: four(&fixed, 24).into(),
            header: four(&fixed, 42).into(),
        };
        entry.widen(extra);
        Ok(Some(entry))
    }

    /// A member's bytes as they lie there.
    pub(super) fn open(&mut self, entry: &Entry) -> io::Result<Take<&mut S>> {
        let header = self.before.saturating_add(entry.header);
        self.bytes.seek(SeekFrom::Start(header))?;
        let mut fixed = [0; LOCAL];
        if fill(&mut self.bytes, &mut fixed)? < LOCAL || !fixed.starts_with(LOCAL_MARK) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a member is not where the directory says"));
        }
        let texts = i64::from(two(&fixed, 26)) + i64::from(two(&fixed, 28));
        self.bytes.seek(SeekFrom::Current(texts))?;
        Ok((&mut self.bytes).take(entry.packed))
    }
}

impl Entry {
    /// Numbers that do not fit four bytes stand in an extra field, in this order, and only those.
    fn widen(&mut self, mut extra: &[u8]) {
        while extra.len() >= 4 {
            let (id, length) = (two(extra, 0), usize::from(two(extra, 2)));
            let Some(mut field) = extra.get(4..4 + length) else { return };
            extra = &extra[4 + length..];
            if id != EXTRA64 {
                continue;
            }
            for number in [&mut self.size, &mut self.packed, &mut self.header] {
                if *number == u64::from(u32::MAX)
                    && let Some((wide, rest)) = field.split_first_chunk()
                {
                    (*number, field) = (u64::from_le_bytes(*wide), rest);
                }
            }
        }
    }
}

/// What the record at the end tells.
struct Told {
    disks: u32,
    entries: u64,
    size: u64,
    offset: u64,
}

impl Told {
    /// Whether a number does not fit, so that the larger record holds it.
    fn is_cut(&self) -> bool {
        self.entries == 0xffff || self.size == u64::from(u32::MAX) || self.offset == u64::from(u32::MAX)
    }
}

/// The larger record, and where it stands.
fn larger(bytes: &mut (impl Read + Seek), end: u64) -> Result<Option<(u64, Told)>, Reason> {
    let Some(at) = end.checked_sub(LOCATOR as u64) else { return Ok(None) };
    let locator = read_at(bytes, at, LOCATOR as u64)?;
    if !locator.starts_with(LOCATOR_MARK) {
        return Ok(None);
    }
    for at in [Some(eight(&locator, 8)), at.checked_sub(END64 as u64)].into_iter().flatten() {
        if at < end && begins(bytes, at, END64_MARK)? {
            let record = read_at(bytes, at, END64 as u64)?;
            let told = Told {
                disks: four(&record, 16).max(four(&record, 20)),
                entries: eight(&record, 32),
                size: eight(&record, 40),
                offset: eight(&record, 48),
            };
            return Ok(Some((at, told)));
        }
    }
    Err(damaged("its directory's larger record is not there"))
}

/// Where the last record of an end begins that fits with its comment.
fn last_end(tail: &[u8]) -> Option<usize> {
    memchr::memmem::rfind_iter(tail, END_MARK)
        .find(|at| tail.len() >= at + END && tail.len() - at - END >= usize::from(two(&tail[*at..], 20)))
}

fn begins(bytes: &mut (impl Read + Seek), at: u64, mark: &[u8]) -> Result<bool, Reason> {
    bytes.seek(SeekFrom::Start(at)).map_err(broken)?;
    let mut here = [0; 4];
    Ok(fill(bytes, &mut here).map_err(broken)? == here.len() && here == mark)
}

/// So many bytes of this place, at most some 128 KiB.
fn read_at(bytes: &mut (impl Read + Seek), at: u64, length: u64) -> Result<Vec<u8>, Reason> {
    bytes.seek(SeekFrom::Start(at)).map_err(broken)?;
    let mut read = Vec::new();
    bytes.take(length).read_to_end(&mut read).map_err(broken)?;
    if (read.len() as u64) < length {
        return Err(damaged("its directory ends within an entry"));
    }
    Ok(read)
}

fn damaged(what: &str) -> Reason {
    Reason::Damaged(what.to_owned())
}

fn broken(error: io::Error) -> Reason {
    Reason::Damaged(short(&error))
}

fn two(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn four(bytes: &[u8], at: usize) -> u32 {
    u32::from(two(bytes, at)) | u32::from(two(bytes, at + 2)) << 16
}

fn eight(bytes: &[u8], at: usize) -> u64 {
    u64::from(four(bytes, at)) | u64::from(four(bytes, at + 4)) << 32
}
