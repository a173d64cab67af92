//! Windows: what a decoder keeps of what it gave. One large one at a time, and all within one another share a limit, so that
//! memory stays bounded however many files are unpacked at once.

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::format::Form;

/// What a decoder may keep without waiting, in bytes: `xz -6` and `zstd -19` ask for this much.
pub(super) const SMALL: u64 = 8 << 20;

static LARGE: Mutex<()> = Mutex::new(());

thread_local! {
    /// Whether this thread has the right to a large window already, for a stream within a stream.
    static HELD: Cell<bool> = const { Cell::new(false) };
}

/// The right to a large window, until it is dropped.
pub(super) struct Large(Option<MutexGuard<'static, ()>>);

impl Large {
    /// Waits for it. Who has it decodes on its own thread and waits for no other, so that everyone's turn comes.
    pub(super) fn wait() -> Self {
        if HELD.get() {
            return Self(None);
        }
        let held = LARGE.lock().unwrap_or_else(PoisonError::into_inner);
        HELD.set(true);
        Self(Some(held))
    }
}

impl Drop for Large {
    fn drop(&mut self) {
        if self.0.is_some() {
            HELD.set(false);
        }
    }
}

/// The window that a stream's first bytes ask for; where they do not tell, the largest there is.
pub(super) fn asked(form: Form, head: &[u8]) -> u64 {
    match form {
        Form::Zstd => of_frame(head).unwrap_or(u64::MAX),
        Form::Xz => of_block(head).unwrap_or(u64::MAX),
        _ => 0,
    }
}

/// A frame's header (RFC 8878, 3.1.1.1).
fn of_frame(head: &[u8]) -> Option<u64> {
    let rest = head.strip_prefix(b"\x28\xb5\x2f\xfd")?;
    let descriptor = *rest.first()?;
    if descriptor & 0x20 == 0 {
        let window = *rest.get(1)?;
        let base = 1u64 << (10 + (window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    // A single segment is as large as its content.
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let size = [1, 2, 4, 8][usize::from(descriptor >> 6)];
    let field = rest.get(1 + dictionary..1 + dictionary + size)?;
    let mut number = [0; 8];
    number[..size].copy_from_slice(field);
    Some(u64::from_le_bytes(number).saturating_add(if size == 2 { 256 } else { 0 }))
}

/// The first block's header (The .xz File Format 1.2, 3.1 and 5.3.1).
fn of_block(head: &[u8]) -> Option<u64> {
    const LZMA2: u64 = 0x21;
    let block = head.get(12..)?;
    if *block.first()? == 0 {
        // The index: there is no block.
        return Some(0);
    }
    let flags = *block.get(1)?;
    let mut rest = &block[2..];
    for present in [0x40, 0x80] {
        if flags & present != 0 {
            number(&mut rest)?;
        }
    }
    for _ in 0..=flags & 3 {
        let (filter, length) = (number(&mut rest)?, usize::try_from(number(&mut rest)?).ok()?);
        let properties = rest.get(..length)?;
        rest = &rest[length..];
        if filter == LZMA2 {
            let bits = u32::from(*properties.first()? & 0x3f);
            return if bits > 40 { None } else { Some((2 | u64::from(bits & 1)) << (bits / 2 + 11)) };
        }
    }
    None
}

/// A number in groups of seven bits, the lowest first (1.2).
fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for place in 0..9 {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stream_asks_for_is_told_by_its_beginning() {
        let xz = |dictionary: u8| [b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46\x02\0\x21\x01", &[dictionary][..]].concat();
        for (form, head, expected) in [
            (Form::Xz, xz(0x12), 2 << 20),
            (Form::Xz, xz(0x16), 8 << 20),
            (Form::Xz, xz(0x1c), 64 << 20),
            (Form::Xz, xz(0x3f), u64::MAX),
            (Form::Xz, b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46\0".to_vec(), 0),
            (Form::Xz, b"\xfd7zXZ\0".to_vec(), u64::MAX),
            (Form::Zstd, b"\x28\xb5\x2f\xfd\x04\x58".to_vec(), 2 << 20),
            (Form::Zstd, b"\x28\xb5\x2f\xfd\x04\x88".to_vec(), 128 << 20),
            (Form::Zstd, b"\x28\xb5\x2f\xfd\x24\x05".to_vec(), 5),
            (Form::Zstd, b"\x28\xb5\x2f\xfd\x60\0\x01".to_vec(), 512),
            (Form::Zstd, b"\x50\x2a\x4d\x18".to_vec(), u64::MAX),
            (Form::Gzip, b"\x1f\x8b\x08".to_vec(), 0),
        ] {
            assert_eq!(asked(form, &head), expected, "{head:?}");
        }
    }

    #[test]
    fn within_one_another_nobody_waits_for_himself() {
        let outer = Large::wait();
        drop(Large::wait());
        assert!(HELD.get() && LARGE.try_lock().is_err());
        drop(outer);
        assert!(!HELD.get());
    }
}
