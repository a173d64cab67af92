//! Text of strangers, made fit to be shown: cut to a length, with everything visible that would hide, move or recolour what is read.

use exhibit_evidence::letters::hides;

/// How many characters of a name, a version, a path or an id are kept.
pub const NAME: usize = 512;
/// How many characters of a message or a title are kept.
pub const MESSAGE: usize = 2_000;

/// What stands where text was cut.
const CUT: char = '…';

/// The text with control characters, terminal escapes and invisible or direction-changing characters written as `\u{1b}`,
/// and at most `most` characters of it. Line ends and tabs become spaces.
pub fn visible(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most + 4));
    for (number, c) in text.chars().enumerate() {
        if number == most {
            out.push(CUT);
            break;
        }
        push(c, &mut out);
    }
    out
}

/// Appends a character as it is shown.
pub(super) fn push(c: char, out: &mut String) {
    match c {
        '\n' | '\t' | '\r' => out.push(' '),
        c if hides(c) => out.extend(c.escape_unicode()),
        c => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_shown() {
        for (text, expected) in [
            ("plain ümläut", "plain ümläut"),
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("two\nlines\tand", "two lines and"),
            ("\u{202e}gnp.exe", "\\u{202e}gnp.exe"),
            ("c1 \u{9b}31m", "c1 \\u{9b}31m"),
        ] {
            assert_eq!(visible(text, 100), expected);
        }
        assert_eq!(visible("abcdef", 3), "abc…");
        assert_eq!(visible("abc", 3), "abc");
    }
}
