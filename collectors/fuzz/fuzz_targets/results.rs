//! Any bytes as a scanner's output: reading ends, says the same every time, and lets nothing through that steers a terminal.
#![no_main]

use exhibit_collectors::results::{Format, Limits, Told, read, recognise};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The first byte chooses a format, or none, when it is not what JSON begins with.
    let (format, bytes) = match bytes.split_first() {
        Some((first, rest)) if !matches!(first, b'{' | b'[') => {
            (Format::ALL.get(usize::from(*first) % (Format::ALL.len() + 1)).copied(), rest)
        }
        _ => (None, bytes),
    };
    let limits = Limits { told: 10_000, remembered: 1_000, ..Limits::default() };
    let once = || {
        let mut told: Vec<Told> = Vec::new();
        let end = read("fuzz", bytes, format, limits, &mut |one| told.push(one)).map_err(|error| error.to_string());
        (told, end)
    };
    let (told, end) = once();
    assert_eq!((&told, &end), (&once().0, &once().1));
    if format.is_none() {
        assert!(end.is_err() || recognise(bytes) == end.as_ref().ok().copied());
    }
    for line in told.iter().map(|one| format!("{one:?}")).chain(end.err().map(|error| format!("{error:?}"))) {
        assert!(!steers(&line), "{line}");
        assert!(line.len() < 4_000_000);
    }
});

/// Whether a text that `Debug` wrote has a character that it wrote as `\u{…}`, and that steers a terminal.
fn steers(line: &str) -> bool {
    line.replace("\\\\", "").split("\\u{").skip(1).any(|rest| {
        let digits = rest.split('}').next().unwrap_or_default();
        let c = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
        c.is_some_and(|c| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
    })
}
