//! Shell text as simple commands of words. Not a shell: enough of its lexing to know where a word begins and ends.

/// A word with its quotes taken off and its expansions left as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    /// Any part of it was quoted.
    pub(crate) quoted: bool,
}

/// A simple command: words between separators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) words: Vec<Word>,
    /// Line of its first word, from 0.
    pub(crate) line: u32,
    /// Its output goes into the next command.
    pub(crate) piped: bool,
}

/// Splits shell text into simple commands. Never fails: an open quote ends with the text.
pub(crate) fn commands(text: &str) -> Vec<Command> {
    let mut lexer = Lexer { rest: text, line: 0, commands: Vec::new(), words: Vec::new(), begun: 0 };
    lexer.run();
    lexer.commands
}

struct Lexer<'t> {
    rest: &'t str,
    line: u32,
    commands: Vec<Command>,
    words: Vec<Word>,
    begun: u32,
}

impl Lexer<'_> {
    fn run(&mut self) {
        while let Some(next) = self.rest.chars().next() {
            match next {
                '\n' => {
                    self.finish(false);
                    self.skip(1);
                    self.line += 1;
                }
                '\\' if self.rest[1..].starts_with('\n') => {
                    self.skip(2);
                    self.line += 1;
                }
                '\\' if self.rest[1..].starts_with("\r\n") => {
                    self.skip(3);
                    self.line += 1;
                }
                ' ' | '\t' | '\r' => self.skip(1),
                '#' => {
                    let end = self.rest.find('\n').unwrap_or(self.rest.len());
                    self.skip(end);
                }
                '|' if self.rest[1..].starts_with('|') => {
                    self.finish(false);
                    self.skip(2);
                }
                '|' => {
                    self.finish(true);
                    self.skip(1);
                }
                ';' | '&' | '(' | ')' => {
                    self.finish(false);
                    self.skip(1);
                }
                _ => {
                    if self.words.is_empty() {
                        self.begun = self.line;
                    }
                    let word = self.word();
                    self.words.push(word);
                }
            }
        }
        self.finish(false);
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn finish(&mut self, piped: bool) {
        if !self.words.is_empty() {
            self.commands.push(Command { words: std::mem::take(&mut self.words), line: self.begun, piped });
        }
    }

    fn word(&mut self) -> Word {
        let mut word = Word { text: String::new(), quoted: false };
        while let Some(next) = self.rest.chars().next() {
            match next {
                ' ' | '\t' | '\r' | '\n' | ';' | '|' | '&' | '(' | ')' => break,
                '\'' => {
                    word.quoted = true;
                    self.skip(1);
                    let end = self.rest.find('\'').unwrap_or(self.rest.len());
                    word.text.push_str(&self.rest[..end]);
                    self.line += lines(&self.rest[..end]);
                    self.skip((end + 1).min(self.rest.len()));
                }
                '"' => {
                    word.quoted = true;
                    self.skip(1);
                    self.double_quoted(&mut word.text);
                }
                '\\' => {
                    self.skip(1);
                    if let Some(escaped) = self.rest.chars().next() {
                        if escaped == '\n' {
                            self.line += 1;
                        } else {
                            word.text.push(escaped);
                        }
                        self.skip(escaped.len_utf8());
                    }
                }
                '$' | '`' | '<' => self.expansion(&mut word.text),
                other => {
                    word.text.push(other);
                    self.skip(other.len_utf8());
                }
            }
        }
        word
    }

    fn double_quoted(&mut self, into: &mut String) {
        while let Some(next) = self.rest.chars().next() {
            match next {
                '"' => {
                    self.skip(1);
                    return;
                }
                '\\' => {
                    self.skip(1);
                    if let Some(escaped) = self.rest.chars().next() {
                        match escaped {
                            '\n' => self.line += 1,
                            '"' | '\\' | '$' | '`' => into.push(escaped),
                            other => into.extend(['\\', other]),
                        }
                        self.skip(escaped.len_utf8());
                    }
                }
                '$' | '`' => self.expansion(into),
                other => {
                    self.line += u32::from(other == '\n');
                    into.push(other);
                    self.skip(other.len_utf8());
                }
            }
        }
    }

    /// Takes `$(…)`, `${…}`, `${{ … }}`, `<< … >>` or a back-quoted command whole, as it is written.
    fn expansion(&mut self, into: &mut String) {
        // An expansion that is not closed within reach is text; looking further would make a hostile file endless.
        let reach = reach(self.rest);
        let closed = if self.rest.starts_with("<< ") {
            reach.find(">>").filter(|end| !reach[..*end].contains('\n')).map(|end| end + 2)
        } else if self.rest.starts_with("$(") {
            balanced(reach, b'(', b')')
        } else if self.rest.starts_with("${") {
            balanced(reach, b'{', b'}')
        } else if let Some(inner) = reach.strip_prefix('`') {
            inner.find('`').map(|end| end + 2)
        } else {
            None
        };
        let end = closed.unwrap_or_else(|| self.rest.chars().next().map_or(0, char::len_utf8));
        into.push_str(&self.rest[..end]);
        self.line += lines(&self.rest[..end]);
        self.skip(end);
    }
}

/// The next few thousand bytes of a text.
pub(crate) fn reach(text: &str) -> &str {
    const REACH: usize = 2048;
    let end = (0..=REACH.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

fn lines(text: &str) -> u32 {
    u32::try_from(text.bytes().filter(|&byte| byte == b'\n').count()).unwrap_or(u32::MAX)
}

/// Bytes until the bracket that closes the first one.
fn balanced(text: &str, open: u8, close: u8) -> Option<usize> {
    let mut depth = 0usize;
    for (at, byte) in text.bytes().enumerate() {
        if byte == open {
            depth += 1;
        } else if byte == close {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return Some(at + 1);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<Vec<String>> {
        commands(text).into_iter().map(|command| command.words.into_iter().map(|word| word.text).collect()).collect()
    }

    #[test]
    fn words_commands_and_lines() {
        assert_eq!(texts("a 'b c' \"d e\"f; g # h\ni \\\n j"), [vec!["a", "b c", "d ef"], vec!["g"], vec!["i", "j"]]);
        assert_eq!(
            texts("X=$(a b; c) run \"${Y:-z w}\" ${{ secrets.T }}"),
            [vec!["X=$(a b; c)", "run", "${Y:-z w}", "${{ secrets.T }}"]]
        );
        let commands = commands("one |\ntwo\n\nthree 'a\nb' && four");
        assert_eq!(
            commands.iter().map(|c| (c.line, c.piped)).collect::<Vec<_>>(),
            [(0, true), (1, false), (3, false), (4, false)]
        );
    }

    #[test]
    fn open_quotes_and_brackets_end_with_the_text() {
        assert_eq!(texts("echo 'open"), [vec!["echo", "open"]]);
        assert_eq!(texts("echo $(open"), [vec!["echo", "$"], vec!["open"]]);
        assert_eq!(texts("echo \\"), [vec!["echo", ""]]);
    }
}
