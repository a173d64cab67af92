//! From a name to its value: the notations that people write assignments in.

use super::names::Name;

/// The way that was taken, and where the value begins (its quote, if it has one).
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) value: usize,
    /// The value must be in quotes to be one.
    pub(super) needs_quote: bool,
    /// The value ends at `<`.
    pub(super) markup: bool,
    /// Nothing stands before the name in its line, and blanks or a single sign behind it.
    pub(super) line: bool,
    /// No blanks around the sign: `name=value`.
    pub(super) tight: bool,
    /// The notation alone says little: the value must be beyond doubt.
    pub(super) strict: bool,
    /// The name is that of what is called: `setPassword("…")`.
    pub(super) call: bool,
    /// A flag's or a declaration's value, which only a blank ends.
    pub(super) word: bool,
    /// Nothing but a remark may follow the value in its line.
    pub(super) alone: bool,
}

/// Most blanks on either side of a sign.
pub(super) const BLANKS: usize = 24;
/// Longest type that stands between a name and the sign before its value.
pub(super) const TYPE: usize = 40;
/// Behind a name's end, at most so many bytes are looked at to find the way: some 370 where a declaration's braces open.
pub(super) const LOOKS: usize = 512;

struct Cursor<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Cursor<'_> {
    fn eat(&mut self, text: &[u8]) -> bool {
        let here = self.bytes[self.at..].starts_with(text);
        if here {
            self.at += text.len();
        }
        here
    }

    fn eat_any(&mut self, texts: &[&[u8]]) -> bool {
        texts.iter().any(|text| self.eat(text))
    }

    fn skip(&mut self, most: usize, what: impl Fn(u8) -> bool) -> usize {
        let count = self.bytes[self.at..].iter().take(most).take_while(|b| what(**b)).count();
        self.at += count;
        count
    }

    fn blanks(&mut self) -> usize {
        self.skip(BLANKS, |b| matches!(b, b' ' | b'\t'))
    }

    fn any_blanks(&mut self) -> usize {
        self.skip(3 * BLANKS, |b| b.is_ascii_whitespace())
    }

    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(b'\n')
    }
}

/// Finds the way from a name to its value, if there is one.
pub(super) fn behind(bytes: &[u8], name: &Name) -> Option<Way> {
    let mut c = Cursor { bytes, at: name.end };
    let way = |c: &Cursor<'_>| Way {
        value: c.at,
        needs_quote: false,
        markup: false,
        line: false,
        tight: false,
        strict: false,
        call: false,
        word: false,
        alone: false,
    };

    // `name</key><string>`, `<name>`, `<name attr="">` are markup.
    if name.tag && c.eat(b">") {
        c.eat(b"<![CDATA[");
        return Some(Way { markup: true, ..way(&c) });
    }
    if c.eat(b"</") {
        c.skip(16, |b| b.is_ascii_alphabetic());
        c.eat(b">").then_some(())?;
        c.any_blanks();
        c.eat_any(&[b"<string>", b"<value>", b"<data>"]).then_some(())?;
        c.any_blanks();
        return Some(Way { markup: true, ..way(&c) });
    }

    let mut quoted = false;
    for _ in 0..3 {
        let quote = c.eat_any(&[b"\\\"", b"\\'", b"\"", b"'", b"`", b"&quot;"]);
        quoted |= quote;
        if !quote && !c.eat(b"]") && !c.eat(b"}") {
            break;
        }
    }
    // `char pass[] = "…"`, `password[]=…`
    if !quoted && c.eat(b"[") {
        c.skip(32, |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+'));
        c.eat(b"]").then_some(())?;
    }
    let blanks = c.blanks();
    match c.peek() {
        b'=' => {
            c.eat_any(&[b"===", b"==", b"=>", b"=~", b"="]);
            let tight = blanks == 0 && c.blanks() == 0;
            c.blanks();
            Some(Way { line: name.line, tight, ..way(&c) })
        }
        b':' => {
            if c.eat(b"::") {
                return None;
            }
            c.eat_any(&[b":=", b":"]);
            let tight = blanks == 0 && c.blanks() == 0;
            c.blanks();
            // `arn:aws:…:secret:prod/db`: a piece of a longer name.
            if tight && !quoted && name.start > 0 && bytes[name.start - 1] == b':' {
                return None;
            }
            if let Some(value) = behind_type(bytes, c.at) {
                return Some(Way { value, needs_quote: true, ..way(&c) });
            }
            c.eat_any(&[b"!!str ", b"!!binary "]);
            Some(Way { line: name.line, tight, ..way(&c) })
        }
        b'-' if c.eat(b"->") => {
            c.blanks();
            Some(Way { needs_quote: true, ..way(&c) })
        }
        b'?' | b'|' | b'+' if c.eat_any(&[b"?=", b"??=", b"||=", b"+="]) => {
            c.blanks();
            Some(Way { line: name.line, ..way(&c) })
        }
        b'>' if quoted && c.eat(b">") => {
            c.eat(b"<![CDATA[");
            Some(Way { markup: true, ..way(&c) })
        }
        b'(' if !quoted && blanks == 0 => {
            c.eat(b"(");
            Some(Way { needs_quote: true, call: true, ..way(&c) })
        }
        b',' if quoted => {
            c.eat(b",");
            value_word(&mut c).then(|| way(&c)).or_else(|| {
                c.any_blanks();
                // A pair, or two of a list of names.
                (!name.value).then(|| Way { needs_quote: true, strict: true, ..way(&c) })
            })
        }
        b'{' if quoted => {
            // `variable "db_password" { default = "…" }`
            let rest = &bytes[c.at..(c.at + 240).min(bytes.len())];
            let close = memchr::memchr(b'}', rest).unwrap_or(rest.len());
            let word = memchr::memmem::find(&rest[..close], b"default")?;
            c.at += word + "default".len();
            c.blanks();
            c.eat(b"=").then_some(())?;
            c.blanks();
            Some(Way { needs_quote: true, ..way(&c) })
        }
        _ if quoted && value_word(&mut c) => Some(way(&c)),
        _ if !quoted && blanks == 0 && c.peek() == b'\n' || c.peek() == b'\r' => {
            // `- name: DB_PASSWORD` and in the next line `value: …`
            value_word(&mut c).then(|| way(&c))
        }
        _ if blanks > 0 && !quoted => {
            let text = &bytes[name.start..name.end];
            let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()));
            let redis = is(&["requirepass", "masterauth"]);
            if name.flag || (name.declared && name.line) || redis {
                return Some(Way { word: true, line: name.declared || redis, ..way(&c) });
            }
            if c.eat_any(&[b"is ", b"was ", b"is: "]) {
                c.blanks();
                return Some(Way { strict: true, ..way(&c) });
            }
            // `storePassword "…"`, `#define WIFI_PASSWORD "…"`
            let first = name.line || bytes[..name.start].trim_ascii_end().ends_with(b"{");
            if first && matches!(c.peek(), b'"' | b'\'') {
                return Some(Way { needs_quote: true, line: true, alone: true, ..way(&c) });
            }
            // A file of settings without signs: `password …`; a log: `connecting with password …`.
            let told = [&b"with "[..], b"using "].iter().any(|word| bytes[..name.start].ends_with(word));
            if is(&["password", "passwd", "passphrase"]) && (name.line || told) {
                return Some(Way { word: true, strict: true, alone: !told, ..way(&c) });
            }
            // Go: `password string = "…"`
            behind_type(bytes, c.at).map(|value| Way { value, needs_quote: true, ..way(&c) })
        }
        _ => None,
    }
}

/// `value: `, `"value": `, ` value="`, on this line or the next.
fn value_word(c: &mut Cursor<'_>) -> bool {
    let from = c.at;
    c.any_blanks();
    c.eat(b",");
    c.any_blanks();
    c.eat_any(&[b"\\\"", b"\"", b"'"]);
    if c.eat_any(&[b"value", b"Value", b"VALUE", b"content"]) {
        c.eat_any(&[b"\\\"", b"\"", b"'"]);
        c.blanks();
        if c.eat_any(&[b":", b"="]) {
            c.blanks();
            return true;
        }
    }
    c.at = from;
    false
}

/// Behind the type of a declaration: `: &str = "…"`, ` string = "…"`. The value's place, which is a quote.
fn behind_type(bytes: &[u8], at: usize) -> Option<usize> {
    let mut c = Cursor { bytes, at };
    if !(c.peek().is_ascii_alphabetic() || matches!(c.peek(), b'&' | b'*' | b'[')) {
        return None;
    }
    c.skip(TYPE, |b| {
        b.is_ascii_alphanumeric()
            || matches!(b, b'&' | b'*' | b'[' | b']' | b'<' | b'>' | b'_' | b'.' | b'\'' | b'|' | b'?' | b' ')
    });
    (c.eat(b"=") && c.peek() != b'=').then_some(())?;
    c.blanks();
    let literal = usize::from(matches!(c.peek(), b'b' | b'r' | b'@'));
    matches!(bytes.get(c.at + literal), Some(b'"' | b'\'' | b'`')).then_some(c.at)
}
