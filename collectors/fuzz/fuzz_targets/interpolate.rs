//! Any template over three variables: no panic, bounded, and the parts cover the text without a gap.
#![no_main]

use exhibit_collectors::sources::{
    Text,
    interpolate::{Strictness, Variables, interpolate},
};

libfuzzer_sys::fuzz_target!(|template: &str| {
    let variables: Variables = [("A", "first"), ("B", ""), ("C", "$A")]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Text::literal(value)))
        .collect();
    for strictness in [Strictness::Compose, Strictness::Lenient] {
        let Ok(text) = interpolate(template, &variables, &Variables::new(), strictness) else { continue };
        let mut next = 0;
        for part in text.parts() {
            assert_eq!(part.start, next);
            assert!(text.as_str().get(part.start..part.end).is_some());
            next = part.end;
        }
        assert_eq!(next, text.as_str().len());
    }
});
