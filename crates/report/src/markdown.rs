//! Data as Markdown that means nothing but its own characters.
//!
//! Whatever is printed with `{{ … }}` in a report template goes through [`escape`]: a file name or a detail can't make
//! a heading, a link, a table cell, an HTML tag or a new line.

use std::io::Write;

use exhibit_evidence::letters::hides;

/// Tera's escape function for Markdown templates.
pub(crate) fn escape_into(text: &str, out: &mut dyn Write) -> std::io::Result<()> {
    out.write_all(escape(text).as_bytes())
}

/// The text, so that Markdown shows these characters and nothing happens: on one line, in a paragraph, a heading, a
/// list or a table cell alike.
pub(crate) fn escape(text: &str) -> String {
    escape_shown(&visible(text))
}

/// The same of a text that is on one line already, or of a piece of it.
fn escape_shown(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len() + 16);
    let digits = characters.iter().take_while(|c| c.is_ascii_digit()).count();
    for (index, &c) in characters.iter().enumerate() {
        let before = index.checked_sub(1).map(|i| characters[i]);
        let after = characters.get(index + 1).copied();
        let special = match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '~' | '{' | '}' | '$' | '^' => true,
            // Within a word an underscore is only an underscore.
            '_' => !(before.is_some_and(in_word) && after.is_some_and(in_word)),
            // An entity, such as &lt;
            '&' => after.is_some_and(|c| c.is_ascii_alphanumeric() || c == '#'),
            // What some programs turn into a link, an image or a mention.
            '!' => after == Some('['),
            ':' => after == Some('/') || index == 0,
            '@' => after.is_some_and(char::is_alphanumeric),
            '.' => {
                index == 3 && characters[..3].iter().all(|c| c.eq_ignore_ascii_case(&'w'))
                    || (digits > 0 && index == digits)
            }
            ')' => digits > 0 && index == digits,
            // What begins a block, where it stands first.
            '#' | '-' => index == 0,
            // Two of a kind are markup to some programs.
            '+' | '=' => index == 0 || before == Some(c) || after == Some(c),
            _ => false,
        };
        if special {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric()
}

/// The text as a code span where that shows it unchanged, and escaped where it would not.
pub(crate) fn code(text: &str) -> String {
    let text = visible(text);
    let plain = !text.is_empty() && !text.contains(['`', '|', '\\']);
    if plain { format!("`{text}`") } else { escape(&text) }
}

/// A sentence in pieces, by turns words and the names in it, which stand between backticks: the first are words. All of it is words
/// where the backticks are not in pairs, or where nothing stands within or between two of them.
pub fn pieces(sentence: &str) -> Vec<&str> {
    let pieces: Vec<&str> = sentence.split('`').collect();
    let inner = pieces.len().saturating_sub(1);
    let clear = pieces.len() % 2 == 1 && pieces.iter().take(inner).skip(1).all(|piece| !piece.trim().is_empty());
    if clear { pieces } else { vec![sentence] }
}

/// A sentence with the names in it as code spans.
pub(crate) fn prose(sentence: &str) -> String {
    let sentence = visible(sentence);
    let pieces = pieces(&sentence);
    pieces
        .iter()
        .enumerate()
        .map(|(turn, piece)| if turn % 2 == 1 { code(piece) } else { escape_shown(piece) })
        .collect()
}

/// The text on one line, with everything shown that would otherwise hide or reorder what is read: control characters,
/// invisible ones, and those that change the direction of writing.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.trim().chars() {
        match c {
            '\n' | '\t' | ' ' => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            '\r' => {}
            c if hides(c) => out.push_str(&format!("(U+{:04X})", c as u32)),
            c => out.push(c),
        }
    }
    out
}

/// Strings that try to be markup.
#[cfg(test)]
pub(crate) const HOSTILE: &[&str] = &[
    "plain_name with_under_scores",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a | b || c",
    "`code` ``more``",
    "**bold** _em_ __strong__ ~~gone~~ *",
    "[link](javascript:alert(1)) ![image](https://example.com/x.png)",
    "<https://example.com> https://example.com www.example.com a@example.com",
    "# heading",
    "- item",
    "+ item",
    "1. item",
    "2) item",
    "> quote",
    "===",
    "---",
    ": definition",
    "a\nb\r\n\n# c",
    "&lt;b&gt; &#60; & && &copy",
    "back\\slash\\",
    "trailing\\",
    "{{ 7 * 7 }} {% raw %} $x$ {#id}",
    "[^1] [ref] [x]: y",
    "[ ] task",
    "right\u{202e}left\u{200b}zero\u{7}bell",
    "_",
    "a_ _b __c__ d__e",
    "``` fence",
    "~~~",
    "^sup^ ~sub~ ==mark== ||spoiler||",
    "[!NOTE]",
];

#[cfg(test)]
mod tests {
    use pulldown_cmark::{Event, Options, Parser, Tag};

    use super::*;

    /// What Markdown shows of the text, set as template authors set it: in a paragraph, a heading, a list, a table cell.
    fn shown(markdown: &str) -> Vec<String> {
        let mut texts = vec![String::new()];
        // Typographic quotes and dashes change no meaning.
        let options = Options::all() - Options::ENABLE_SMART_PUNCTUATION;
        for event in Parser::new_ext(markdown, options) {
            match event {
                Event::Text(text) | Event::Code(text) => {
                    texts.last_mut().expect("never empty").push_str(&text);
                }
                Event::Start(
                    Tag::Paragraph
                    | Tag::Heading { .. }
                    | Tag::List(_)
                    | Tag::Item
                    | Tag::Table(_)
                    | Tag::TableHead
                    | Tag::TableRow,
                )
                | Event::End(_) => {}
                Event::Start(Tag::TableCell) => texts.push(String::new()),
                other => panic!("{markdown:?} gave {other:?}"),
            }
        }
        texts
    }

    #[test]
    fn hostile_text_is_only_text() {
        for hostile in HOSTILE {
            let expected = visible(hostile);
            let escaped = escape(hostile);
            for frame in ["{}", "# {}", "- {}", "1. {}", "a {} b"] {
                let shown = shown(&frame.replace("{}", &escaped)).concat();
                let expected = frame.trim_start_matches(['#', '-', '1', '.', ' ']).replace("{}", &expected);
                assert_eq!(shown, expected, "{frame} of {hostile:?}: {escaped}");
            }
            let named = pieces(&expected).concat();
            for (cell, expected) in [(escaped, &expected), (code(hostile), &expected), (prose(hostile), &named)] {
                let table = format!("| a | b | c |\n| --- | --- | --- |\n| x | {cell} | y |\n");
                let shown = shown(&table);
                assert_eq!(shown[4..], ["x", expected, "y"], "cell of {hostile:?}: {table}");
            }
        }
    }

    #[test]
    fn names_in_a_sentence_are_code() {
        let cases = [
            ("schedule `30 5 * * *`.", "schedule `30 5 * * *`."),
            ("`a` and `b_*`", "`a` and `b_*`"),
            ("a *bold* `rm -rf *`", "a \\*bold\\* `rm -rf *`"),
            ("one ` alone", "one \\` alone"),
            ("``` fence", "\\`\\`\\` fence"),
            ("`a``b`", "\\`a\\`\\`b\\`"),
            ("`a|b` c", "a\\|b c"),
        ];
        for (sentence, markdown) in cases {
            assert_eq!(prose(sentence), markdown, "{sentence}");
        }
    }
}
