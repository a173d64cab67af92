//! Default and common passwords, and whether a value is one of them in disguise.

use std::collections::HashSet;
use std::sync::LazyLock;

use zeroize::Zeroizing;

/// One password a line, lower case, `#` begins a comment line.
static LIST: LazyLock<HashSet<&'static [u8]>> = LazyLock::new(|| {
    include_str!("../data/passwords.txt")
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::as_bytes)
        .collect()
});

/// Longest value looked up; longer ones are nobody's default.
const LONGEST: usize = 40;
/// Shortest stem that is looked up after digits and punctuation are cut off.
const SHORTEST_STEM: usize = 4;

/// Is the value, whatever its case, a default or common password, or one with digits and punctuation appended or
/// letters replaced by look-alikes (`P@ssw0rd2024!`)?
#[must_use]
pub fn is_dictionary_password(value: &[u8]) -> bool {
    if value.is_empty() || value.len() > LONGEST {
        return false;
    }
    let lower = Zeroizing::new(value.to_ascii_lowercase());
    let plain = Zeroizing::new(lower.iter().map(|b| unleet(*b)).collect::<Vec<u8>>());
    let listed = |form: &[u8]| LIST.contains(form);
    let stems = [stem(&lower), stem(&plain)];
    listed(&lower) || listed(&plain) || stems.iter().any(|s| s.len() >= SHORTEST_STEM && listed(s)) || {
        // `Passw0rd1`: look-alikes in the stem, real digits behind it.
        let inner = stem(&lower).iter().map(|b| unleet(*b)).collect::<Vec<u8>>();
        let inner = Zeroizing::new(inner);
        inner.len() >= SHORTEST_STEM && listed(&inner)
    }
}

/// The value without the digits and punctuation behind it.
fn stem(value: &[u8]) -> &[u8] {
    let end = value.iter().rposition(u8::is_ascii_alphabetic).map_or(0, |at| at + 1);
    &value[..end]
}

fn unleet(byte: u8) -> u8 {
    match byte {
        b'0' => b'o',
        b'1' | b'!' => b'i',
        b'3' => b'e',
        b'4' | b'@' => b'a',
        b'5' | b'$' => b's',
        b'7' => b't',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_compact_and_clean() {
        let lines: Vec<_> =
            include_str!("../data/passwords.txt").lines().filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
        assert!((400..1200).contains(&lines.len()), "{}", lines.len());
        assert_eq!(lines.len(), LIST.len(), "a line occurs twice");
        for line in lines {
            assert_eq!(line, line.trim().to_ascii_lowercase());
            assert!(line.len() <= LONGEST);
        }
    }

    #[test]
    fn defaults_and_their_disguises() {
        for value in [
            "postgres",
            "changeme",
            "admin",
            "password123",
            "letmein",
            "P@ssw0rd2024!",
            "ADMIN",
            "Passw0rd1",
            "qwerty!!",
            "123456",
            "guest",
            "minioadmin",
            "root",
            "toor",
            "Welcome1",
            "rabbitmq",
            "s3cret",
        ] {
            assert!(is_dictionary_password(value.as_bytes()), "{value}");
        }
        for value in
            ["", "kV9#tq2Lw0", "FakeExhibitValue0", "4711-zq", "correcthorsebatterystaple-long-and-winding-road"]
        {
            assert!(!is_dictionary_password(value.as_bytes()), "{value}");
        }
    }
}
