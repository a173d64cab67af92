//! tar, read as a stream with nothing believed: POSIX.1-1988 (ustar), POSIX.1-2001 (pax) and GNU long names and sizes.
//!
//! Of our own because the usual reader keeps long names of any claimed length in memory and fills sparse files with
//! zeros of any claimed size.

use std::io::{self, Read};

const BLOCK: usize = 512;
/// The longest extended header that is read, in bytes; no real path or set of attributes comes near.
const LONGEST_EXTENSION: u64 = 1 << 20;

/// Whether these are the first bytes of a tar archive: a header whose checksum is right.
pub(super) fn is_header(head: &[u8]) -> bool {
    head.len() >= BLOCK && head[0] != 0 && checksum_fits(head)
}

/// The sum of all bytes of a header, its own field counted as spaces. Old writers added signed bytes.
fn checksum_fits(header: &[u8]) -> bool {
    let Some(told) = number(&header[148..156]) else {
        return false;
    };
    let field = |at: usize| (148..156).contains(&at);
    let bytes = || header[..BLOCK].iter().enumerate().map(|(at, byte)| if field(at) { b' ' } else { *byte });
    let unsigned: u64 = bytes().map(u64::from).sum();
    let signed: i64 = bytes().map(|byte| i64::from(byte.cast_signed())).sum();
    told == unsigned || i64::try_from(told).is_ok_and(|told| told == signed)
}

/// A number in octal digits, or in GNU's base 256 with the highest bit set.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let mut value = u64::from(field[0] & 0x7f);
        for byte in &field[1..] {
            value = value.checked_mul(256)?.checked_add(u64::from(*byte))?;
        }
        return Some(value);
    }
    let text = field.split(|byte| *byte == 0).next().unwrap_or_default().trim_ascii();
    if text.is_empty() {
        return Some(0);
    }
    text.iter().try_fold(0u64, |value, digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    })
}

/// What an entry of an archive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A file with content.
    File,
    /// A folder.
    Folder,
    /// Another name of an entry before it.
    HardLink,
    /// A symbolic link.
    SymbolicLink,
    /// A device or a pipe.
    Special,
}

/// An entry of an archive.
pub(crate) struct Entry {
    /// Its path in the archive.
    pub(crate) name: String,
    /// What it is.
    pub(crate) kind: Kind,
    /// Where a link leads; empty for what is none.
    pub(crate) link: String,
    /// How many bytes of content follow.
    pub(crate) size: u64,
}

/// The members of an archive, one after another.
pub(crate) struct Tar<R> {
    source: R,
    /// Bytes of the present member, with its padding, that have not been read.
    left: u64,
    padding: u64,
}

impl<R: Read> Tar<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { source, left: 0, padding: 0 }
    }

    /// The next regular file; nothing at the archive's end. Folders, links and devices have no content.
    pub(super) fn next(&mut self) -> io::Result<Option<Entry>> {
        while let Some(entry) = self.entry()? {
            if entry.kind == Kind::File {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// The next entry of any kind; nothing at the archive's end.
    pub(crate) fn entry(&mut self) -> io::Result<Option<Entry>> {
        let (mut long_name, mut long_link) = (None, None);
        let mut size_told = None;
        loop {
            io::copy(self, &mut io::sink())?;
            self.skip(self.padding)?;
            self.padding = 0;
            let Some(header) = self.header()? else {
                return Ok(None);
            };
            let own = number(&header[124..136]).ok_or_else(|| damaged("a member's size is no number"))?;
            let kind = match header[156] {
                extension @ (b'L' | b'K' | b'x') => {
                    if own > LONGEST_EXTENSION {
                        return Err(damaged("an extended header is longer than 1 MiB"));
                    }
                    self.begin(own);
                    let mut bytes = Vec::new();
                    self.read_to_end(&mut bytes)?;
                    match extension {
                        b'L' => long_name = Some(text(&bytes)),
                        b'K' => long_link = Some(text(&bytes)),
                        _ => {
                            let told = pax(&bytes)?;
                            long_name = told.name.or(long_name);
                            long_link = told.link.or(long_link);
                            size_told = told.size.or(size_told);
                        }
                    }
                    continue;
                }
                b'0' | 0 | b'7' | b'S' => Kind::File,
                b'1' => Kind::HardLink,
                b'2' => Kind::SymbolicLink,
                b'5' => Kind::Folder,
                b'3' | b'4' | b'6' => Kind::Special,
                // The rest are global headers and others' extensions.
                _ => {
                    self.begin(own);
                    continue;
                }
            };
            // Links and devices carry no bytes, whatever size they tell: as every reader takes them.
            let size = if kind == Kind::File { size_told.take().unwrap_or(own) } else { 0 };
            self.begin(size);
            if header[156] == b'S' {
                self.skip_sparse_map(&header)?;
            }
            let name = long_name.take().unwrap_or_else(|| short_name(&header));
            let link = long_link.take().unwrap_or_else(|| text(&header[157..257]));
            // An old archive marks a folder by its name alone.
            let kind = if kind == Kind::File && name.ends_with('/') { Kind::Folder } else { kind };
            let link = if matches!(kind, Kind::HardLink | Kind::SymbolicLink) { link } else { String::new() };
            return Ok(Some(Entry { name, kind, link, size }));
        }
    }

    fn begin(&mut self, size: u64) {
        self.left = size;
        self.padding = size.wrapping_neg() % BLOCK as u64;
    }

    /// The next header, nothing where the bytes end. Blocks of zeros mark an archive's end, but another may be joined to it.
    fn header(&mut self) -> io::Result<Option<[u8; BLOCK]>> {
        loop {
            let mut block = [0; BLOCK];
            let mut filled = 0;
            while filled < BLOCK {
                match self.source.read(&mut block[filled..])? {
                    0 if block.iter().all(|byte| *byte == 0) => return Ok(None),
                    0 => return Err(damaged("it ends within a header")),
                    count => filled += count,
                }
            }
            if block.iter().any(|byte| *byte != 0) {
                return if checksum_fits(&block) {
                    Ok(Some(block))
                } else {
                    Err(damaged("a header's checksum is wrong"))
                };
            }
        }
    }

    /// GNU's old sparse files go on with maps of 512 bytes while each says that another follows.
    fn skip_sparse_map(&mut self, header: &[u8; BLOCK]) -> io::Result<()> {
        let mut more = header[482] != 0;
        while more {
            let mut map = [0; BLOCK];
            self.source.read_exact(&mut map).map_err(ends)?;
            more = map[504] != 0;
        }
        Ok(())
    }

    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let skipped = io::copy(&mut (&mut self.source).take(bytes), &mut io::sink())?;
        // The last member's padding is often cut off.
        if skipped < bytes && skipped > 0 {
            return Err(damaged("it ends within a member's padding"));
        }
        Ok(())
    }
}

/// The content of the present member.
impl<R: Read> Read for Tar<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        match self.source.read(&mut buffer[..most])? {
            0 => Err(damaged("it ends within a member")),
            count => {
                self.left -= count as u64;
                Ok(count)
            }
        }
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

fn ends(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof { damaged("it ends within a header") } else { error }
}

fn text(bytes: &[u8]) -> String {
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(bytes).into_owned()
}

fn short_name(header: &[u8; BLOCK]) -> String {
    let name = text(&header[..100]);
    // GNU's own magic is "ustar  " and has no prefix.
    let prefix = if &header[257..263] == b"ustar\0" { text(&header[345..500]) } else { String::new() };
    if prefix.is_empty() { name } else { format!("{prefix}/{name}") }
}

/// What pax records tell of the entry that follows.
#[derive(Default)]
struct Extended {
    name: Option<String>,
    link: Option<String>,
    size: Option<u64>,
}

/// Path, link and size out of pax records, each `LENGTH KEY=VALUE\n` with its own length counted.
fn pax(mut records: &[u8]) -> io::Result<Extended> {
    let wrong = || damaged("a pax header is not in order");
    let mut told = Extended::default();
    while !records.is_empty() && records[0] != 0 {
        let space = records.iter().take(20).position(|byte| *byte == b' ').ok_or_else(wrong)?;
        let length = std::str::from_utf8(&records[..space]).ok().and_then(|digits| digits.parse::<usize>().ok());
        let length = length.filter(|length| *length > space + 1 && *length <= records.len()).ok_or_else(wrong)?;
        let record = records[space + 1..length].strip_suffix(b"\n").ok_or_else(wrong)?;
        if let Some(path) = record.strip_prefix(b"path=") {
            told.name = Some(text(path));
        } else if let Some(link) = record.strip_prefix(b"linkpath=") {
            told.link = Some(text(link));
        } else if let Some(size) = record.strip_prefix(b"size=") {
            told.size = Some(std::str::from_utf8(size).ok().and_then(|digits| digits.parse().ok()).ok_or_else(wrong)?);
        }
        records = &records[length..];
    }
    Ok(told)
}
