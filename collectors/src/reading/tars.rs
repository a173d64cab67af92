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

/// A member with content.
pub(super) struct Member {
    /// Its path in the archive.
    pub(super) name: String,
}

/// The members of an archive, one after another.
pub(super) struct Tar<R> {
    source: R,
    /// Bytes of the present member, with its padding, that have not been read.
    left: u64,
    padding: u64,
}

impl<R: Read> Tar<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, left: 0, padding: 0 }
    }

    /// The next regular file; nothing at the archive's end. Folders, links and devices have no content.
    pub(super) fn next(&mut self) -> io::Result<Option<Member>> {
        let mut long_name = None;
        let mut size_told = None;
        loop {
            io::copy(self, &mut io::sink())?;
            self.skip(self.padding)?;
            self.padding = 0;
            let Some(header) = self.header()? else {
                return Ok(None);
            };
            let kind = header[156];
            let own = number(&header[124..136]).ok_or_else(|| damaged("a member's size is no number"))?;
            match kind {
                b'L' | b'x' => {
                    if own > LONGEST_EXTENSION {
                        return Err(damaged("an extended header is longer than 1 MiB"));
                    }
                    self.begin(own);
                    let mut extension = Vec::new();
                    self.read_to_end(&mut extension)?;
                    if kind == b'L' {
                        long_name = Some(text(&extension));
                    } else {
                        let (name, size) = pax(&extension)?;
                        long_name = name.or(long_name);
                        size_told = size.or(size_told);
                    }
                }
                b'0' | 0 | b'7' | b'S' => {
                    let size = size_told.take().unwrap_or(own);
                    self.begin(size);
                    if kind == b'S' {
                        self.skip_sparse_map(&header)?;
                    }
                    let name = long_name.take().unwrap_or_else(|| short_name(&header));
                    // An old archive marks a folder by its name alone.
                    if !name.ends_with('/') {
                        return Ok(Some(Member { name }));
                    }
                }
                // Links and devices carry no bytes, whatever size they tell: as every reader takes them.
                b'1'..=b'6' => {
                    long_name = None;
                    size_told = None;
                    self.begin(0);
                }
                // The rest are global headers and others' extensions.
                _ => self.begin(own),
            }
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

/// Path and size out of pax records, each `LENGTH KEY=VALUE\n` with its own length counted.
fn pax(mut records: &[u8]) -> io::Result<(Option<String>, Option<u64>)> {
    let wrong = || damaged("a pax header is not in order");
    let (mut name, mut size) = (None, None);
    while !records.is_empty() && records[0] != 0 {
        let space = records.iter().take(20).position(|byte| *byte == b' ').ok_or_else(wrong)?;
        let length = std::str::from_utf8(&records[..space]).ok().and_then(|digits| digits.parse::<usize>().ok());
        let length = length.filter(|length| *length > space + 1 && *length <= records.len()).ok_or_else(wrong)?;
        let record = records[space + 1..length].strip_suffix(b"\n").ok_or_else(wrong)?;
        if let Some(path) = record.strip_prefix(b"path=") {
            name = Some(text(path));
        } else if let Some(told) = record.strip_prefix(b"size=") {
            size = Some(std::str::from_utf8(told).ok().and_then(|digits| digits.parse().ok()).ok_or_else(wrong)?);
        }
        records = &records[length..];
    }
    Ok((name, size))
}
