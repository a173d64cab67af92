//! Characters that are not what they seem: whoever prints text of strangers asks here which of them may not come out.

/// Whether a character steers a terminal, or turns the direction of what follows, which shows another text than the one that is
/// there (UAX #9).
#[must_use]
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character steers, or is not seen: zero-width and filling ones, variation and language tags, line ends of Unicode.
/// Whoever reads the text would not know that it is there.
#[must_use]
pub fn hides(c: char) -> bool {
    steers(c)
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{feff}' | '\u{3164}' | '\u{ffa0}'
            | '\u{200b}'..='\u{200d}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}'
            | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_what_it_seems_is_known() {
        for c in ['\n', '\u{1b}', '\u{9b}', '\u{61c}', '\u{200e}', '\u{202e}', '\u{2069}'] {
            assert!(steers(c) && hides(c), "{c:?}");
        }
        for c in ['\u{ad}', '\u{200b}', '\u{2028}', '\u{2060}', '\u{206f}', '\u{feff}', '\u{e0041}'] {
            assert!(hides(c) && !steers(c), "{c:?}");
        }
        for c in ['a', 'é', ' ', '日', '\u{1f600}', '\u{a0}'] {
            assert!(!hides(c), "{c:?}");
        }
    }
}
