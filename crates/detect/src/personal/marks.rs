//! Where digits and what groups them lie, as bits, 64 bytes at a time, eight bytes in each step.

/// One bit a byte, the first byte lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Marks {
    pub(super) digits: u64,
    pub(super) upper: u64,
    /// Between groups of digits: `-`, `.`, blank.
    pub(super) between: u64,
}

/// A byte eight times.
const fn all(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The highest bit of each byte that lies from `first` to `last`, both below 0x80.
#[inline(always)]
fn within(eight: u64, first: u8, last: u8) -> u64 {
    let low = eight & all(0x7f);
    // No sum carries into the next byte, for none reaches 0x100.
    (low + all(0x80 - first)) & !(low + all(0x7f - last)) & !eight & all(0x80)
}

/// Highest bits of bytes as the eight lowest bits of a word.
#[inline(always)]
fn gather(high: u64) -> u64 {
    (high >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

impl Marks {
    /// The marks of up to 64 bytes; none behind their end.
    #[inline]
    pub(super) fn of(bytes: &[u8]) -> Marks {
        match bytes.first_chunk::<64>() {
            Some(block) => Marks::of_block(block),
            None => {
                let mut block = [0; 64];
                block[..bytes.len()].copy_from_slice(bytes);
                Marks::of_block(&block)
            }
        }
    }

    #[inline]
    fn of_block(block: &[u8; 64]) -> Marks {
        let mut marks = Marks::default();
        let (words, _) = block.as_chunks::<8>();
        for (index, word) in words.iter().enumerate() {
            let eight = u64::from_le_bytes(*word);
            let shift = 8 * index;
            marks.digits |= gather(within(eight, b'0', b'9')) << shift;
            marks.upper |= gather(within(eight, b'A', b'Z')) << shift;
            marks.between |= gather(within(eight, b'-', b'.') | within(eight, b' ', b' ')) << shift;
        }
        marks
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_same_as_byte_by_byte(any in prop::collection::vec(any::<u8>(), 0..40), text in "[0-9A-Za-z@+ .:()-]{0,40}") {
            let mut bytes: Vec<u8> = [&any[..], text.as_bytes()].concat();
            bytes.truncate(64);
            let mut marks = Marks::default();
            for (at, byte) in bytes.iter().enumerate() {
                let bit = |is: bool| u64::from(is) << at;
                marks.digits |= bit(byte.is_ascii_digit());
                marks.upper |= bit(byte.is_ascii_uppercase());
                marks.between |= bit(matches!(byte, b'-' | b' ' | b'.'));
            }
            prop_assert_eq!(Marks::of(&bytes), marks);
        }
    }

    #[test]
    fn every_byte_at_every_place() {
        for byte in 0..=255u8 {
            for at in 0..64 {
                let mut block = [0xffu8; 64];
                block[at] = byte;
                let marks = Marks::of(&block);
                let bit = |is: bool| u64::from(is) << at;
                assert_eq!(marks.digits, bit(byte.is_ascii_digit()));
                assert_eq!(marks.upper, bit(byte.is_ascii_uppercase()));
                assert_eq!(marks.between, bit(matches!(byte, b'-' | b' ' | b'.')));
            }
        }
    }
}
