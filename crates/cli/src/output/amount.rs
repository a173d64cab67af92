//! Numbers for people.

/// A count with a comma between thousands.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many files.
pub(crate) fn files(number: u64) -> String {
    format!("{} {}", count(number), if number == 1 { "file" } else { "files" })
}

/// Bytes in the unit that leaves one to three digits before the point.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match UNITS.iter().find(|(unit, _)| number >= *unit) {
        // Cut off and not rounded, so that it is never more than there is.
        Some((unit, name)) => format!("{}.{} {name}", count(number / unit), number % unit / (unit / 10)),
        None => format!("{number} {}", if number == 1 { "byte" } else { "bytes" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        for (number, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), expected);
        }
        assert_eq!((files(1), files(2_000)), ("1 file".to_owned(), "2,000 files".to_owned()));
        for (number, expected) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1_999, "1.9 kB"),
            (10_737_418_240, "10.7 GB"),
            (4_321_000_000_000_000, "4,321.0 TB"),
        ] {
            assert_eq!(bytes(number), expected);
        }
    }
}
