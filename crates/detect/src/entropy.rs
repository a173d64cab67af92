//! Shannon entropy in integers, so that every machine computes the same figure.

/// Binary logarithm of `n` (at least 1) with 32 fractional bits.
fn log2_q32(n: u64) -> u64 {
    let shift = n.leading_zeros();
    let mut result = u64::from(63 - shift) << 32;
    // x is n scaled into [1, 2) with 63 fractional bits; squaring it moves one bit of the logarithm out.
    let mut x = n << shift;
    for bit in (0..32).rev() {
        let square = (u128::from(x) * u128::from(x)) >> 63;
        if square >> 64 == 0 {
            x = square as u64;
        } else {
            result |= 1 << bit;
            x = (square >> 1) as u64;
        }
    }
    result
}

/// [`log2_q32`] of the numbers that most values need.
static LOGS: std::sync::LazyLock<[u64; 513]> =
    std::sync::LazyLock::new(|| std::array::from_fn(|n| log2_q32((n as u64).max(1))));

/// Shannon entropy of the byte distribution, in hundredths of a bit per byte (0 to 800), rounded down.
#[must_use]
pub(crate) fn hundredths(bytes: &[u8]) -> u32 {
    if bytes.is_empty() {
        return 0;
    }
    let logs = &*LOGS;
    let log = |n: u64| logs.get(n as usize).copied().unwrap_or_else(|| log2_q32(n));
    let mut counts = [0u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let n = bytes.len() as u64;
    let spread: u128 = counts.iter().filter(|c| **c > 1).map(|c| u128::from(*c) * u128::from(log(u64::from(*c)))).sum();
    let whole = u128::from(n) * u128::from(log(n));
    let bits_q32 = whole.saturating_sub(spread) / u128::from(n);
    // Half a hundred-millionth up: log2 is truncated, and 2.00 must not become 1.99.
    let hundredths = (bits_q32 * 100 + (1 << 12)) >> 32;
    hundredths as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let all: Vec<u8> = (0..=255).collect();
        let cases: [(&[u8], u32); 8] = [
            (b"", 0),
            (b"a", 0),
            (b"aaaaaaaa", 0),
            (b"ab", 100),
            (b"abcd", 200),
            (b"aab", 91),
            (b"password", 275),
            (&all, 800),
        ];
        for (bytes, expected) in cases {
            assert_eq!(hundredths(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn agrees_with_floating_point() {
        for text in ["hello world", "0123456789abcdef0123", "Tr0ub4dor&3", "zzzzzzzzzy"] {
            let bytes = text.as_bytes();
            let n = bytes.len() as f64;
            let float: f64 = (0..=255u8)
                .map(|b| bytes.iter().filter(|x| **x == b).count() as f64 / n)
                .filter(|p| *p > 0.0)
                .map(|p| -p * p.log2())
                .sum();
            let ours = f64::from(hundredths(bytes)) / 100.0;
            assert!((float - ours).abs() <= 0.01, "{text}: {float} {ours}");
        }
    }
}
