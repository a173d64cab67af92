//! Words that several collectors' judges say.

/// A count and what is counted: `1 line`, `2 lines`, `3 repositories`, `4 days`.
pub(crate) fn plural(count: u64, what: &str) -> String {
    let ending = what.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u']));
    match (count, ending) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        (_, None) => format!("{count} {what}s"),
    }
}

/// A sentence with a capital at its beginning.
pub(crate) fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_counted_in_english() {
        for (count, what, expected) in [
            (1, "day", "1 day"),
            (7, "day", "7 days"),
            (0, "copy", "0 copies"),
            (2, "key", "2 keys"),
            (2, "line", "2 lines"),
        ] {
            assert_eq!(plural(count, what), expected);
        }
        assert_eq!((capital("élan of").as_str(), capital("").as_str()), ("Élan of", ""));
    }
}
