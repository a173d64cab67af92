//! Which packing bytes are in, told by how they begin. Names are not believed.

/// How many of a stream's first bytes are looked at.
pub(super) const HEAD: usize = 512;

/// What a stream of bytes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// No archive and nothing compressed.
    Plain,
    /// gzip (RFC 1952), one member or several.
    Gzip,
    /// Zstandard (RFC 8878), frames and skippable frames.
    Zstd,
    /// The .xz format 1.2.
    Xz,
    /// bzip2.
    Bzip2,
    /// ZIP, from its beginning; one that stands behind other bytes is told by its end.
    Zip,
    /// tar: ustar, pax, GNU or the old form without a magic.
    Tar,
    /// Known, but not looked into.
    Closed(&'static str),
}

/// Forms that are known by their first bytes and not opened, so that they are not passed off as examined.
const CLOSED: [(&[u8], &str); 6] = [
    (b"7z\xbc\xaf\x27\x1c", "7z archive"),
    (b"Rar!\x1a\x07", "RAR archive"),
    (b"\x04\x22\x4d\x18", "LZ4 stream"),
    (b"\x1f\x9d", "compress (.Z) stream"),
    (b"LZIP\x01", "lzip stream"),
    (b"MSCF\0\0\0\0", "cabinet"),
];

/// Tells by the first bytes of a stream, up to [`HEAD`] of them, what it is.
pub(super) fn of(head: &[u8]) -> Form {
    let begins = |magic: &[u8]| head.starts_with(magic);
    if begins(b"\x1f\x8b\x08") {
        Form::Gzip
    } else if begins(b"\x28\xb5\x2f\xfd") || is_skippable_frame(head) {
        Form::Zstd
    } else if begins(b"\xfd7zXZ\0") {
        Form::Xz
    } else if is_bzip2(head) {
        Form::Bzip2
    } else if begins(b"PK\x03\x04") || begins(b"PK\x05\x06") {
        Form::Zip
    } else if super::tars::is_header(head) {
        Form::Tar
    } else if let Some((_, name)) = CLOSED.iter().find(|(magic, _)| begins(magic)) {
        Form::Closed(name)
    } else {
        Form::Plain
    }
}

/// "BZh", the level, and the mark of a block or of the stream's end.
fn is_bzip2(head: &[u8]) -> bool {
    head.len() >= 10
        && head.starts_with(b"BZh")
        && (b'1'..=b'9').contains(&head[3])
        && matches!(&head[4..10], b"\x31\x41\x59\x26\x53\x59" | b"\x17\x72\x45\x38\x50\x90")
}

/// A skippable frame of Zstandard may stand first; its magic is 0x184D2A50 to 0x184D2A5F. Such bytes are common enough in
/// other files, so a real frame must follow where it ends if that can be seen.
fn is_skippable_frame(head: &[u8]) -> bool {
    if head.len() < 8 || head[0] & 0xf0 != 0x50 || &head[1..4] != b"\x2a\x4d\x18" {
        return false;
    }
    let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
    head.get(length + 8..length + 12).is_none_or(|next| next == b"\x28\xb5\x2f\xfd")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_tell() {
        for (head, expected) in [
            (&b""[..], Form::Plain),
            (b"BZh is how it began", Form::Plain),
            (b"BZh91AY&SY", Form::Bzip2),
            (b"\x1f\x8b\x08\0", Form::Gzip),
            (b"\x28\xb5\x2f\xfd", Form::Zstd),
            (b"\x52\x2a\x4d\x18\x00\0\0\0\x28\xb5\x2f\xfd", Form::Zstd),
            (b"\x52\x2a\x4d\x18\x00\0\0\0text", Form::Plain),
            (b"PK\x03\x04", Form::Zip),
            (b"7z\xbc\xaf\x27\x1c", Form::Closed("7z archive")),
            (&[0; 512], Form::Plain),
        ] {
            assert_eq!(of(head), expected, "{head:?}");
        }
    }
}
