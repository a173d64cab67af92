//! The objects of a repository's packs in the order in which git made them: each base once, then what differs from it.
//!
//! Asking for objects one by one unpacks the same bases again and again. Here the differences (git's pack format, version 2, `OFS_DELTA`
//! and `REF_DELTA`) form a forest, and each tree of it is unpacked once, on one of all threads. What this reader does not
//! take is left to libgit2: loose objects, alternates, packs of another version, anything broken. Very large objects come as streams where
//! a pack holds them whole.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use exhibit_detect::{Copied, Trace};
use flate2::{Decompress, FlushDecompress, Status};
use git2::Oid;
use rayon::prelude::*;

use super::Made;

/// The longest chain of differences that git writes is 4,095; a longer one is left to the other reader.
const DEEPEST: usize = 4_096;

/// What an index of version 2 begins with.
const INDEX: &[u8; 8] = b"\xfftOc\0\0\0\x02";

/// One pack and the forest of its objects.
struct Pack {
    file: File,
    /// Larger objects are not read.
    largest: usize,
    /// Where objects begin, ascending; and where the last ends.
    offsets: Vec<u64>,
    ids: Vec<Oid>,
    /// For each object, those that differ from it.
    children: Vec<Vec<u32>>,
    roots: Vec<u32>,
}

/// What stands before an object's compressed bytes.
struct Header {
    kind: u8,
    size: usize,
    /// Where the compressed bytes begin, from the object's beginning.
    length: usize,
    base: Option<Base>,
}

enum Base {
    At(u64),
    Of(Oid),
}

/// Room for so many objects is kept for the next ones, of so many bytes each at the most.
const MOST_SPARE: usize = 8;
const LARGEST_SPARE: usize = 1 << 20;

/// Who is told of an object, its bytes and from what it was made, and leaves what helps with what is made of it.
type Tell<'t> = &'t (dyn Fn(Oid, &[u8], Made<'_>) -> Option<Trace> + Sync);

const BLOB: u8 = 3;
const OFS_DELTA: u8 = 6;
const REF_DELTA: u8 = 7;

/// Reads the blobs that are wanted from all packs of an object store; answers those that it read.
///
/// Objects of more than `largest` bytes are left to [`stream`].
pub(super) fn read(objects: &Path, wanted: &HashSet<Oid>, largest: usize, tell: Tell<'_>) -> HashSet<Oid> {
    let mut done: HashSet<Oid> = HashSet::new();
    for index in indexes(objects) {
        let Some(pack) = Pack::open(&index, largest) else {
            continue;
        };
        let left = |id: &Oid| wanted.contains(id) && !done.contains(id);
        let useful = pack.useful(&left);
        let read: Vec<Vec<Oid>> = pack
            .roots
            .par_iter()
            .filter(|root| useful[**root as usize])
            .map_init(Unpacker::new, |unpacker, root| pack.tree(*root, &useful, &left, unpacker, tell))
            .collect();
        done.extend(read.into_iter().flatten());
    }
    done
}

/// The indexes of an object store's packs, in the order of their names.
fn indexes(objects: &Path) -> Vec<PathBuf> {
    let mut indexes: Vec<_> = fs::read_dir(objects.join("pack"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "idx"))
        .collect();
    indexes.sort();
    indexes
}

/// An object's bytes as they are unpacked, if a pack holds it as it is; nothing if all that hold it hold a difference.
pub(super) fn stream(objects: &Path, id: Oid) -> Option<impl Read> {
    indexes(objects).into_iter().find_map(|index| {
        let begin = find(&File::open(&index).ok()?, id)?;
        let file = File::open(index.with_extension("pack")).ok()?;
        let mut head = [0; 48];
        let read = file.read_at(&mut head, begin).ok()?;
        let header = parse(&head[..read], begin).filter(|header| header.kind == BLOB)?;
        let packed = From { file, at: begin + header.length as u64 };
        Some(Exactly { inner: flate2::read::ZlibDecoder::new(packed), left: header.size as u64 })
    })
}

/// Where an object begins in the pack of an index of version 2.
fn find(index: &File, id: Oid) -> Option<u64> {
    const IDS: u64 = 8 + 256 * 4;
    let number = |at: u64| {
        let mut bytes = [0; 4];
        index.read_exact_at(&mut bytes, at).ok()?;
        Some(u32::from_be_bytes(bytes))
    };
    let mut mark = [0; 8];
    index.read_exact_at(&mut mark, 0).ok()?;
    if mark != *INDEX {
        return None;
    }
    let first = u64::from(id.as_bytes()[0]);
    let count = u64::from(number(8 + 255 * 4)?);
    let mut low = if first == 0 { 0 } else { u64::from(number(8 + (first - 1) * 4)?) };
    let mut high = u64::from(number(8 + first * 4)?);
    while low < high {
        let middle = low.midpoint(high);
        let mut found = [0; 20];
        index.read_exact_at(&mut found, IDS + middle * 20).ok()?;
        match found.as_slice().cmp(id.as_bytes()) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => {
                let offset = number(IDS + count * 24 + middle * 4)?;
                if offset & 0x8000_0000 == 0 {
                    return Some(u64::from(offset));
                }
                let mut bytes = [0; 8];
                let large = IDS + count * 28 + u64::from(offset & 0x7fff_ffff) * 8;
                index.read_exact_at(&mut bytes, large).ok()?;
                return Some(u64::from_be_bytes(bytes));
            }
        }
    }
    None
}

/// A file from a place on.
struct From {
    file: File,
    at: u64,
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// A stream that fails unless it is exactly as long as was told.
pub(super) struct Exactly<R> {
    pub(super) inner: R,
    pub(super) left: u64,
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let wrong = (count == 0 && self.left > 0 && !buffer.is_empty()) || count as u64 > self.left;
        if wrong {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "another length than git states"));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

impl Pack {
    /// Reads an index of version 2 and every object's header; nothing if anything is not as it should be.
    fn open(index: &Path, largest: usize) -> Option<Self> {
        let bytes = fs::read(index).ok()?;
        let file = File::open(index.with_extension("pack")).ok()?;
        let end = file.metadata().ok()?.len().checked_sub(20)?;
        let (offsets, ids) = entries(&bytes)?;
        let mut order: Vec<usize> = (0..ids.len()).collect();
        order.sort_by_key(|at| offsets[*at]);
        let ids: Vec<Oid> = order.iter().map(|at| ids[*at]).collect();
        let mut offsets: Vec<u64> = order.iter().map(|at| offsets[*at]).collect();
        if offsets.last().is_some_and(|last| *last >= end) {
            return None;
        }
        offsets.push(end);
        let by_id: HashMap<Oid, u32> = (0u32..).zip(&ids).map(|(at, id)| (*id, at)).collect();
        let mut pack = Self { file, largest, offsets, children: vec![Vec::new(); ids.len()], ids, roots: Vec::new() };
        let count = u32::try_from(pack.ids.len()).ok()?;
        let headers =
            (0..count).into_par_iter().with_min_len(256).map(|at| pack.header(at)).collect::<Option<Vec<_>>>()?;
        for (at, header) in (0..).zip(headers) {
            let base = match header.base {
                None => {
                    if header.kind == BLOB {
                        pack.roots.push(at);
                    }
                    continue;
                }
                Some(Base::At(offset)) => u32::try_from(pack.offsets.binary_search(&offset).ok()?).ok()?,
                Some(Base::Of(id)) => *by_id.get(&id)?,
            };
            pack.children[base as usize].push(at);
        }
        Some(pack)
    }

    fn header(&self, at: u32) -> Option<Header> {
        let begin = self.offsets[at as usize];
        let room = usize::try_from(self.offsets[at as usize + 1] - begin).ok()?.min(48);
        let mut bytes = [0; 48];
        self.file.read_exact_at(&mut bytes[..room], begin).ok()?;
        parse(&bytes[..room], begin)
    }

    /// For each object, whether it or something that is made of it is left to be read.
    fn useful(&self, left: &(dyn Fn(&Oid) -> bool + Sync)) -> Vec<bool> {
        let mut useful: Vec<bool> = self.ids.iter().map(left).collect();
        for root in &self.roots {
            // Parents before children; backwards then, children before parents.
            let mut order = vec![(*root, None::<u32>)];
            let mut at = 0;
            while at < order.len() {
                let (object, _) = order[at];
                order.extend(self.children[object as usize].iter().map(|child| (*child, Some(object))));
                at += 1;
            }
            for (object, parent) in order.into_iter().rev() {
                if let Some(parent) = parent
                    && useful[object as usize]
                {
                    useful[parent as usize] = true;
                }
            }
        }
        useful
    }

    /// Unpacks one base and everything that is made of it.
    fn tree(
        &self,
        root: u32,
        useful: &[bool],
        left: &(dyn Fn(&Oid) -> bool + Sync),
        unpacker: &mut Unpacker,
        tell: Tell<'_>,
    ) -> Vec<Oid> {
        let mut read = Vec::new();
        let mut whole = unpacker.spare();
        if self.unpack(root, unpacker, &mut whole).is_none() {
            return read;
        }
        let mut told = |object: u32, bytes: &[u8], made: Made<'_>| {
            let id = self.ids[object as usize];
            if !left(&id) {
                return None;
            }
            read.push(id);
            tell(id, bytes, made)
        };
        let trace = told(root, &whole, Made::default());
        let (mut difference, mut copied) = (unpacker.spare(), Vec::new());
        let mut path = vec![Step { object: root, known: Rc::new(Known { bytes: whole, trace }), next: 0 }];
        while let Some(Step { object, known, next }) = path.pop() {
            let children = &self.children[object as usize];
            let Some(child) = children.get(next).copied() else {
                unpacker.done_with(known);
                continue;
            };
            if next + 1 < children.len() {
                path.push(Step { object, known: Rc::clone(&known), next: next + 1 });
            }
            if !useful[child as usize] || path.len() > DEEPEST {
                unpacker.done_with(known);
                continue;
            }
            let mut made = unpacker.spare();
            let applied = self
                .unpack(child, unpacker, &mut difference)
                .and_then(|()| apply(&known.bytes, &difference, self.largest, &mut made, &mut copied));
            if applied.is_none() {
                unpacker.done_with(known);
                continue;
            }
            let trace = told(child, &made, Made { trace: known.trace.as_ref(), copied: &copied });
            unpacker.done_with(known);
            path.push(Step { object: child, known: Rc::new(Known { bytes: made, trace }), next: 0 });
        }
        unpacker.keep(difference);
        read
    }

    /// An object's bytes, or its difference's.
    fn unpack(&self, at: u32, unpacker: &mut Unpacker, bytes: &mut Vec<u8>) -> Option<()> {
        let (begin, end) = (self.offsets[at as usize], self.offsets[at as usize + 1]);
        let length =
            usize::try_from(end - begin).ok().filter(|length| *length <= self.largest + (self.largest >> 4) + 1024)?;
        unpacker.packed.resize(length, 0);
        self.file.read_exact_at(&mut unpacker.packed, begin).ok()?;
        let header = parse(&unpacker.packed, begin)?;
        if header.size > self.largest {
            return None;
        }
        bytes.clear();
        bytes.reserve(header.size + 1);
        unpacker.zlib.reset(true);
        let status = unpacker.zlib.decompress_vec(&unpacker.packed[header.length..], bytes, FlushDecompress::Finish);
        (status.ok()? == Status::StreamEnd && bytes.len() == header.size).then_some(())
    }
}

/// An object on the way from a base to what is made of it, and which of its children comes next.
struct Step {
    object: u32,
    known: Rc<Known>,
    next: usize,
}

/// What is known of an object.
struct Known {
    bytes: Vec<u8>,
    /// What telling of it left.
    trace: Option<Trace>,
}

/// What one thread unpacks with; nothing of it is made anew for each object.
struct Unpacker {
    packed: Vec<u8>,
    zlib: Decompress,
    spare: Vec<Vec<u8>>,
}

impl Unpacker {
    fn new() -> Self {
        Self { packed: Vec::new(), zlib: Decompress::new(true), spare: Vec::new() }
    }

    fn spare(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes an object's room back, if nothing else is made of it.
    fn done_with(&mut self, known: Rc<Known>) {
        if let Some(known) = Rc::into_inner(known) {
            self.keep(known.bytes);
        }
    }

    fn keep(&mut self, room: Vec<u8>) {
        if self.spare.len() < MOST_SPARE && room.capacity() <= LARGEST_SPARE {
            self.spare.push(room);
        }
    }
}

/// Offsets and ids out of an index of version 2, in the order of ids.
fn entries(bytes: &[u8]) -> Option<(Vec<u64>, Vec<Oid>)> {
    if bytes.get(..8)? != INDEX {
        return None;
    }
    let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let count = number(8 + 255 * 4)? as usize;
    let ids = 8 + 256 * 4;
    let small = ids + count.checked_mul(24)?;
    let large = small + count * 4;
    let mut offsets = Vec::new();
    let mut names = Vec::new();
    for at in 0..count {
        names.push(Oid::from_bytes(bytes.get(ids + at * 20..ids + (at + 1) * 20)?).ok()?);
        let offset = number(small + at * 4)?;
        offsets.push(if offset & 0x8000_0000 == 0 {
            u64::from(offset)
        } else {
            let at = large + (offset & 0x7fff_ffff) as usize * 8;
            u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?)
        });
    }
    Some((offsets, names))
}

/// The header of the object that begins at this offset of its pack.
fn parse(bytes: &[u8], begin: u64) -> Option<Header> {
    let first = *bytes.first()?;
    let kind = (first >> 4) & 7;
    let mut size = usize::from(first & 15);
    let (mut length, mut shift, mut more) = (1, 4, first & 0x80 != 0);
    while more {
        let byte = *bytes.get(length)?;
        size |= usize::from(byte & 0x7f).checked_shl(shift).filter(|_| shift < 57)?;
        shift += 7;
        length += 1;
        more = byte & 0x80 != 0;
    }
    let base = match kind {
        OFS_DELTA => {
            let mut byte = *bytes.get(length)?;
            length += 1;
            let mut back = u64::from(byte & 0x7f);
            while byte & 0x80 != 0 {
                byte = *bytes.get(length)?;
                length += 1;
                back = back.checked_add(1)?.checked_mul(128)? | u64::from(byte & 0x7f);
            }
            Some(Base::At(begin.checked_sub(back).filter(|base| *base < begin)?))
        }
        REF_DELTA => {
            let id = bytes.get(length..length + 20)?;
            length += 20;
            Some(Base::Of(Oid::from_bytes(id).ok()?))
        }
        1..=4 => None,
        _ => return None,
    };
    Some(Header { kind, size, length, base })
}

/// What a base becomes by a difference: copies of pieces of it, which are noted, and new bytes.
fn apply(
    base: &[u8],
    mut difference: &[u8],
    largest: usize,
    made: &mut Vec<u8>,
    copied: &mut Vec<Copied>,
) -> Option<()> {
    made.clear();
    copied.clear();
    if varint(&mut difference)? != base.len() {
        return None;
    }
    let size = varint(&mut difference).filter(|size| *size <= largest)?;
    made.reserve(size);
    while let Some((op, rest)) = difference.split_first() {
        difference = rest;
        if op & 0x80 == 0 {
            let new = difference.get(..usize::from(*op)).filter(|new| !new.is_empty())?;
            made.extend_from_slice(new);
            difference = &difference[new.len()..];
        } else {
            let mut take = |bits: std::ops::Range<u8>| {
                let mut value = 0usize;
                for (place, bit) in bits.enumerate() {
                    if op & (1 << bit) != 0 {
                        let (byte, rest) = difference.split_first()?;
                        difference = rest;
                        value |= usize::from(*byte) << (8 * place);
                    }
                }
                Some(value)
            };
            let from = take(0..4)?;
            let length = match take(4..7)? {
                0 => 0x10000,
                length => length,
            };
            copied.push(Copied { from, to: made.len(), length });
            made.extend_from_slice(base.get(from..from.checked_add(length)?)?);
        }
        if made.len() > size {
            return None;
        }
    }
    (made.len() == size).then_some(())
}

fn varint(bytes: &mut &[u8]) -> Option<usize> {
    let (mut value, mut shift) = (0usize, 0);
    loop {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= usize::from(byte & 0x7f).checked_shl(shift).filter(|_| shift < 57)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
        shift += 7;
    }
}
