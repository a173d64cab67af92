//! JSON read piece by piece: what a format's reader does not ask for is passed over, and nothing is held but the piece in hand.
//!
//! A reader of documents as trees holds the document; one that derives structures holds each string whole. What scanners print
//! may be of any size and written by anybody, so here a string is cut while it is read, nesting has a limit and costs no stack
//! where it is passed over, and every error knows line, byte and path. The tests hold this reader against `serde_json`.

mod scalars;

use std::io::{self, Read};

use super::{Format, Why, text};

/// How much is read at once, in bytes.
const PIECE: usize = 64 << 10;

/// What is read at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Levels of arrays and objects in one another.
    pub depth: usize,
    /// Bytes of a file.
    pub bytes: u64,
    /// Things that one file tells.
    pub told: u64,
    /// Things that have to be remembered until they are referred to: rules, components, advisories.
    pub remembered: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 128, bytes: 4 << 30, told: 5_000_000, remembered: 100_000 }
    }
}

/// What is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    Text,
    Number,
    Bool,
    Null,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Bool => "true or false",
            Self::Null => "null",
        }
    }
}

/// Reads JSON from a stream of bytes.
pub(super) struct Json<'a> {
    source: &'a mut dyn Read,
    buffer: Vec<u8>,
    at: usize,
    filled: usize,
    /// Bytes before `buffer`.
    before: u64,
    lines: u64,
    depth: usize,
    limits: Limits,
    format: Format,
    scratch: Vec<u8>,
}

impl<'a> Json<'a> {
    pub(super) fn new(source: &'a mut dyn Read, format: Format, limits: Limits) -> Self {
        let buffer = vec![0; PIECE];
        Self { source, buffer, at: 0, filled: 0, before: 0, lines: 1, depth: 0, limits, format, scratch: Vec::new() }
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    /// The offset of the next byte.
    pub(super) fn byte(&self) -> u64 {
        self.before + self.at as u64
    }

    // Bytes.

    fn fill(&mut self) -> Result<bool, Why> {
        self.before += self.filled as u64;
        (self.at, self.filled) = (0, 0);
        if self.before > self.limits.bytes {
            return Err(self.limit("bytes", self.limits.bytes));
        }
        loop {
            match self.source.read(&mut self.buffer) {
                Ok(count) => {
                    self.filled = count;
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The next byte, left where it is.
    #[inline]
    fn peek(&mut self) -> Result<Option<u8>, Why> {
        if self.at == self.filled && !self.fill()? {
            return Ok(None);
        }
        Ok(Some(self.buffer[self.at]))
    }

    #[inline]
    fn next(&mut self) -> Result<u8, Why> {
        match self.peek()? {
            Some(byte) => {
                self.at += 1;
                Ok(byte)
            }
            None => Err(Why::Truncated { bytes: self.byte(), path: String::new() }),
        }
    }

    /// The next byte that is no white space, left where it is; `None` at the end.
    #[inline]
    fn peek_past_space(&mut self) -> Result<Option<u8>, Why> {
        loop {
            match self.peek()? {
                Some(b'\n') => {
                    self.lines += 1;
                    self.at += 1;
                }
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                other => return Ok(other),
            }
        }
    }

    fn here(&mut self) -> Result<u8, Why> {
        match self.peek_past_space()? {
            Some(byte) => Ok(byte),
            None => Err(Why::Truncated { bytes: self.byte(), path: String::new() }),
        }
    }

    // Errors.

    /// An error about the shape of what is here.
    pub(super) fn shape(&self, message: impl Into<String>) -> Why {
        let (expected, message) = (self.format, message.into());
        Why::Shape { expected, message, line: self.lines, byte: self.byte(), path: String::new() }
    }

    pub(super) fn limit(&self, what: &'static str, limit: u64) -> Why {
        Why::Limit { what, limit, line: self.lines, byte: self.byte(), path: String::new() }
    }

    pub(super) fn missing(&self, key: &'static str) -> Why {
        Why::Missing { format: self.format, key, path: String::new() }
    }

    fn no_json(&self, byte: u8) -> Why {
        let (line, at) = (self.lines, self.byte());
        Why::NotJson { expected: Some(self.format), found: called(byte), line, byte: at, path: String::new() }
    }

    // Values.

    /// What kind of value is next.
    pub(super) fn kind(&mut self) -> Result<Kind, Why> {
        Ok(match self.here()? {
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            b'"' => Kind::Text,
            b'-' | b'0'..=b'9' => Kind::Number,
            b't' | b'f' => Kind::Bool,
            b'n' => Kind::Null,
            other => return Err(self.no_json(other)),
        })
    }

    fn unexpected(&mut self, wanted: &str) -> Result<Why, Why> {
        let found = self.kind()?.words();
        Ok(self.shape(format!("expected {wanted}, found {found}")))
    }

    fn deeper(&mut self) -> Result<(), Why> {
        self.depth += 1;
        if self.depth > self.limits.depth {
            return Err(self.limit("levels in one another", self.limits.depth as u64));
        }
        Ok(())
    }

    /// Whether another document follows: tools that stream print one after another.
    pub(super) fn another(&mut self) -> Result<bool, Why> {
        Ok(self.peek_past_space()?.is_some())
    }

    /// Nothing but white space may follow.
    pub(super) fn end(&mut self) -> Result<(), Why> {
        match self.peek_past_space()? {
            None => Ok(()),
            Some(_) => Err(self.shape("expected the end of the file, found more")),
        }
    }

    /// Reads an object: `each` is called with every key, and must read or skip its value. A null counts as an empty object.
    pub(super) fn object(&mut self, mut each: impl FnMut(&mut Self, &str) -> Result<(), Why>) -> Result<(), Why> {
        match self.kind()? {
            Kind::Object => {}
            Kind::Null => return self.skip(),
            _ => return Err(self.unexpected("an object")?),
        }
        self.at += 1;
        self.deeper()?;
        let mut key = String::new();
        if self.here()? == b'}' {
            self.at += 1;
        } else {
            loop {
                if self.here()? != b'"' {
                    return Err(self.no_json_here());
                }
                self.string(&mut key, text::NAME)?;
                self.colon()?;
                each(self, &key).map_err(|why| why.within(&|| text::visible(&key, 80)))?;
                match self.here()? {
                    b',' => self.at += 1,
                    b'}' => {
                        self.at += 1;
                        break;
                    }
                    other => return Err(self.no_json(other)),
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn no_json_here(&mut self) -> Why {
        match self.here() {
            Ok(byte) => self.no_json(byte),
            Err(why) => why,
        }
    }

    fn colon(&mut self) -> Result<(), Why> {
        match self.here()? {
            b':' => {
                self.at += 1;
                Ok(())
            }
            other => Err(self.no_json(other)),
        }
    }

    /// Reads an object of which one key alone counts: `read` is called at its value, and must read or skip it.
    pub(super) fn only(&mut self, wanted: &str, mut read: impl FnMut(&mut Self) -> Result<(), Why>) -> Result<(), Why> {
        self.object(|json, key| if key == wanted { read(json) } else { json.skip() })
    }

    /// Reads an array: `each` is called before every element, and must read or skip it. A null counts as an empty array.
    pub(super) fn array(&mut self, mut each: impl FnMut(&mut Self) -> Result<(), Why>) -> Result<(), Why> {
        match self.kind()? {
            Kind::Array => {}
            Kind::Null => return self.skip(),
            _ => return Err(self.unexpected("an array")?),
        }
        self.at += 1;
        self.deeper()?;
        let mut index = 0_u64;
        if self.here()? == b']' {
            self.at += 1;
        } else {
            loop {
                each(self).map_err(|why| why.within(&|| format!("[{index}]")))?;
                index += 1;
                match self.here()? {
                    b',' => self.at += 1,
                    b']' => {
                        self.at += 1;
                        break;
                    }
                    other => return Err(self.no_json(other)),
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// A text or number, made visible and cut to a name's length; `None` for null and for an empty text.
    pub(super) fn text(&mut self) -> Result<Option<String>, Why> {
        self.text_of(text::NAME)
    }

    /// A text or number, made visible and cut to a message's length; `None` for null and for an empty text.
    pub(super) fn message(&mut self) -> Result<Option<String>, Why> {
        self.text_of(text::MESSAGE)
    }

    fn text_of(&mut self, most: usize) -> Result<Option<String>, Why> {
        let mut out = String::new();
        match self.kind()? {
            Kind::Text => self.string(&mut out, most)?,
            Kind::Number => out = self.literal()?,
            Kind::Null => self.skip()?,
            _ => return Err(self.unexpected("a text")?),
        }
        Ok((!out.is_empty()).then_some(out))
    }

    /// The texts of an array, at most `most` of them; one text counts as an array of one.
    pub(super) fn texts(&mut self, most: usize) -> Result<Vec<String>, Why> {
        let mut all = Vec::new();
        if self.kind()? == Kind::Text {
            all.extend(self.text()?);
            return Ok(all);
        }
        self.array(|json| {
            if all.len() < most {
                all.extend(json.text()?);
                Ok(())
            } else {
                json.skip()
            }
        })?;
        Ok(all)
    }

    /// A whole number, also one in quotes; `None` for null, for what is negative and for what no 64 bits hold.
    pub(super) fn whole(&mut self) -> Result<Option<u64>, Why> {
        match self.kind()? {
            Kind::Number | Kind::Text | Kind::Null => Ok(self.text()?.and_then(|text| text.parse().ok())),
            _ => Err(self.unexpected("a whole number")?),
        }
    }

    /// True or false; `None` for null.
    pub(super) fn flag(&mut self) -> Result<Option<bool>, Why> {
        match self.kind()? {
            Kind::Bool => {
                let yes = self.here()? == b't';
                self.skip()?;
                Ok(Some(yes))
            }
            Kind::Null => {
                self.skip()?;
                Ok(None)
            }
            _ => Err(self.unexpected("true or false")?),
        }
    }

    /// Passes over a value, whatever it is, without a call on the stack for each level.
    pub(super) fn skip(&mut self) -> Result<(), Why> {
        let floor = self.depth;
        // What each open level is, an object or not.
        let mut open: Vec<bool> = Vec::new();
        loop {
            match self.kind()? {
                Kind::Object => {
                    self.at += 1;
                    self.deeper()?;
                    if self.here()? == b'}' {
                        self.at += 1;
                        self.depth -= 1;
                    } else {
                        open.push(true);
                        self.skip_key()?;
                        continue;
                    }
                }
                Kind::Array => {
                    self.at += 1;
                    self.deeper()?;
                    if self.here()? == b']' {
                        self.at += 1;
                        self.depth -= 1;
                    } else {
                        open.push(false);
                        continue;
                    }
                }
                Kind::Text => self.skip_string()?,
                Kind::Number => {
                    self.number(|_| {})?;
                }
                Kind::Bool | Kind::Null => self.word()?,
            }
            loop {
                let Some(object) = open.last().copied() else {
                    debug_assert_eq!(self.depth, floor);
                    return Ok(());
                };
                match (self.here()?, object) {
                    (b',', true) => {
                        self.at += 1;
                        self.skip_key()?;
                        break;
                    }
                    (b',', false) => {
                        self.at += 1;
                        break;
                    }
                    (b'}', true) | (b']', false) => {
                        self.at += 1;
                        self.depth -= 1;
                        open.pop();
                    }
                    (other, _) => return Err(self.no_json(other)),
                }
            }
        }
    }

    fn skip_key(&mut self) -> Result<(), Why> {
        if self.here()? != b'"' {
            return Err(self.no_json_here());
        }
        self.skip_string()?;
        self.colon()
    }
}

/// What a byte that begins no JSON is called.
pub(super) fn called(byte: u8) -> String {
    match byte {
        b'<' => "what looks like an HTML or XML page".to_owned(),
        0x21..=0x7e => format!("`{}`", byte as char),
        byte => format!("the byte {byte:#04x}"),
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
