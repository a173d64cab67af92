//! Checksums that token formats carry, so that a value proves itself without asking anybody.

use sha2::{Digest, Sha256};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// `N` digits of a CRC-32, most significant first, padded with the first digit.
pub(crate) fn crc32_digits<const N: usize>(bytes: &[u8], digits: &[u8]) -> [u8; N] {
    let base = digits.len() as u32;
    let mut rest = crc32fast::hash(bytes);
    let mut out = [digits[0]; N];
    for digit in out.iter_mut().rev() {
        *digit = digits[(rest % base) as usize];
        rest /= base;
    }
    out
}

/// `prefix_` + payload + six base62 digits of the payload's CRC-32.
pub(crate) fn github(secret: &[u8]) -> bool {
    let Some(underscore) = memchr::memrchr(b'_', secret) else {
        return false;
    };
    let Some((payload, sum)) = secret[underscore + 1..].split_last_chunk::<6>() else {
        return false;
    };
    !payload.is_empty() && crc32_digits::<6>(payload, BASE62) == *sum
}

/// GitLab's routable tokens: `….01.` + two digits of length + seven base36 digits of the CRC-32 of all before them.
/// `None` for a token of the older form, which has no checksum.
pub(crate) fn gitlab(secret: &[u8]) -> Option<bool> {
    let (before, sum) = secret.split_last_chunk::<7>()?;
    let routable = before.len() > 6 && before[before.len() - 3] == b'.' && before[before.len() - 6] == b'.';
    routable.then(|| crc32_digits::<7>(before, BASE36) == *sum)
}

/// All before the last `_` has this CRC-32, as eight hexadecimal digits, least significant byte first (Grafana).
pub(crate) fn grafana(secret: &[u8]) -> bool {
    split_at_last_underscore(secret)
        .is_some_and(|(before, sum)| hex::encode(crc32fast::hash(before).to_le_bytes()).as_bytes() == sum)
}

/// All before the last `_` has this CRC-32, as six base62 digits (Matrix).
pub(crate) fn matrix(secret: &[u8]) -> bool {
    split_at_last_underscore(secret).is_some_and(|(before, sum)| crc32_digits::<6>(before, BASE62) == sum)
}

fn split_at_last_underscore(secret: &[u8]) -> Option<(&[u8], &[u8])> {
    let underscore = memchr::memrchr(b'_', secret)?;
    Some((&secret[..underscore], &secret[underscore + 1..]))
}

/// Bech32 with its checksum (BIP-173), of any length and in either case.
pub(crate) fn bech32(secret: &[u8]) -> bool {
    let lower = secret.to_ascii_lowercase();
    let Some(one) = memchr::memrchr(b'1', &lower) else {
        return false;
    };
    let (name, data) = (&lower[..one], &lower[one + 1..]);
    if name.is_empty() || data.len() < 6 {
        return false;
    }
    let Some(values) = digits_of(data, BECH32) else {
        return false;
    };
    bech32_polymod(name.iter().map(|b| b >> 5).chain([0]).chain(name.iter().map(|b| b & 31)).chain(values)) == 1
}

pub(crate) fn bech32_polymod(values: impl Iterator<Item = u8>) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    values.fold(1, |sum, value| {
        let top = sum >> 25;
        let shifted = (sum & 0x01ff_ffff) << 5 ^ u32::from(value);
        (0..5).filter(|bit| top >> bit & 1 == 1).fold(shifted, |sum, bit| sum ^ GENERATOR[bit])
    })
}

fn digits_of(text: &[u8], digits: &[u8]) -> Option<Vec<u8>> {
    text.iter().map(|byte| digits.iter().position(|d| d == byte).map(|at| at as u8)).collect()
}

/// Base58 whose last four bytes are the beginning of a double SHA-256 of the rest (Bitcoin's keys).
pub(crate) fn base58check(secret: &[u8]) -> bool {
    let Some(bytes) = from_base58(secret) else {
        return false;
    };
    bytes.split_last_chunk::<4>().is_some_and(|(payload, sum)| !payload.is_empty() && double_sha256(payload) == *sum)
}

/// The first four bytes of SHA-256 of SHA-256.
pub(crate) fn double_sha256(payload: &[u8]) -> [u8; 4] {
    let hash = Sha256::digest(Sha256::digest(payload));
    [hash[0], hash[1], hash[2], hash[3]]
}

fn from_base58(text: &[u8]) -> Option<Vec<u8>> {
    // Longer values are none that anybody writes, and the conversion is quadratic.
    if text.is_empty() || text.len() > 128 {
        return None;
    }
    let zeros = text.iter().take_while(|b| **b == BASE58[0]).count();
    let mut bytes: Vec<u8> = Vec::with_capacity(text.len());
    for digit in digits_of(text, BASE58)? {
        let mut carry = u32::from(digit);
        for byte in bytes.iter_mut().rev() {
            carry += u32::from(*byte) * 58;
            *byte = carry as u8;
            carry >>= 8;
        }
        while carry > 0 {
            bytes.insert(0, carry as u8);
            carry >>= 8;
        }
    }
    let mut all = vec![0; zeros];
    all.extend(bytes);
    Some(all)
}

/// Twelve digits or more (blanks and dashes apart) with a correct Luhn sum.
pub(crate) fn luhn(secret: &[u8]) -> bool {
    let digits: Vec<u32> = secret.iter().filter(|b| b.is_ascii_digit()).map(|b| u32::from(b - b'0')).collect();
    let only_digits = secret.iter().all(|b| b.is_ascii_digit() || matches!(b, b' ' | b'-'));
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| match (i % 2, d * 2) {
            (0, _) => *d,
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    only_digits && digits.len() >= 12 && sum.is_multiple_of(10)
}

/// An international bank account number whose check digits are right (ISO 7064, mod 97), blanks apart.
pub(crate) fn iban(secret: &[u8]) -> bool {
    let plain: Vec<u8> = secret.iter().copied().filter(|b| *b != b' ').map(|b| b.to_ascii_uppercase()).collect();
    let shaped = (15..=34).contains(&plain.len())
        && plain[..2].iter().all(u8::is_ascii_uppercase)
        && plain[2..4].iter().all(u8::is_ascii_digit)
        && plain.iter().all(u8::is_ascii_alphanumeric);
    shaped && {
        let turned = plain[4..].iter().chain(&plain[..4]);
        let rest = turned.fold(0u32, |rest, byte| match byte {
            b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
            letter => (rest * 100 + u32::from(letter - b'A') + 10) % 97,
        });
        rest == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc32_digits_are_padded_and_most_significant_first() {
        // CRC-32 of "123456789" is 0xCBF43926 = 3421780262.
        let digits = crc32_digits::<6>(b"123456789", BASE62);
        let value = digits
            .iter()
            .fold(0u64, |n, digit| n * 62 + BASE62.iter().position(|d| d == digit).expect("a base62 digit") as u64);
        assert_eq!(value, 3_421_780_262);
        assert_eq!(&crc32_digits::<7>(b"123456789", BASE36), b"1kl8mjq");
    }

    #[test]
    fn bech32_vectors_of_bip_173() {
        for good in [
            "A12UEL5L",
            "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
            "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
            "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
        ] {
            assert!(bech32(good.as_bytes()), "{good}");
        }
        for bad in ["A12UEL5M", "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3x", "1qqqqqq", "nothing"] {
            assert!(!bech32(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn base58check_of_a_published_address_and_of_changes_to_it() {
        assert!(base58check(b"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"));
        for bad in ["1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3", "0OIl", "", "1111"] {
            assert!(!base58check(bad.as_bytes()), "{bad}");
        }
        assert!(!base58check(&[b'2'; 4000]));
    }

    #[test]
    fn iban_of_the_registry_and_changes_to_it() {
        for good in ["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "NO9386011117947"] {
            assert!(iban(good.as_bytes()), "{good}");
        }
        for bad in
            ["GB82 WEST 1234 5698 7654 33", "DE8937040044053201300", "12345678901234567", "", "DE", "ÄÖ89370400440532"]
        {
            assert!(!iban(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn gitlab_without_a_checksum_is_no_failure() {
        assert_eq!(gitlab(b"glpat-FakeExhibit4Value0Not"), None);
        assert_eq!(gitlab(b"short"), None);
        assert_eq!(gitlab(b"glpat-FakeExhibit4Value0Not.01.0z0000000"), Some(false));
    }
}
