//! Words, numbers and strings, byte by byte.

use super::{Json, Why, text};

impl Json<'_> {
    pub(super) fn word(&mut self) -> Result<(), Why> {
        let word: &[u8] = match self.here()? {
            b't' => b"true",
            b'f' => b"false",
            _ => b"null",
        };
        for expected in word {
            let found = self.next()?;
            if found != *expected {
                self.at -= 1;
                return Err(self.no_json(found));
            }
        }
        Ok(())
    }

    /// A number's own digits, cut to what a number can need.
    pub(super) fn literal(&mut self) -> Result<String, Why> {
        let mut out = String::new();
        self.number(|byte| {
            if out.len() < 64 {
                out.push(byte as char);
            }
        })?;
        Ok(out)
    }

    /// Reads a number as RFC 8259 has it, and hands each byte on.
    pub(super) fn number(&mut self, mut each: impl FnMut(u8)) -> Result<(), Why> {
        let mut take = |json: &mut Self| -> Result<(), Why> {
            each(json.next()?);
            Ok(())
        };
        if self.here()? == b'-' {
            take(self)?;
        }
        match self.peek()? {
            Some(b'0') => take(self)?,
            Some(b'1'..=b'9') => {
                while let Some(b'0'..=b'9') = self.peek()? {
                    take(self)?;
                }
            }
            _ => return Err(self.cut_or_odd()?),
        }
        if self.peek()? == Some(b'.') {
            take(self)?;
            self.digits(&mut take)?;
        }
        if let Some(b'e' | b'E') = self.peek()? {
            take(self)?;
            if let Some(b'+' | b'-') = self.peek()? {
                take(self)?;
            }
            self.digits(&mut take)?;
        }
        // `1x` and `01` are no numbers.
        match self.peek()? {
            Some(other @ (b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'.' | b'+' | b'-' | b'"' | b'{' | b'[')) => {
                Err(self.no_json(other))
            }
            _ => Ok(()),
        }
    }

    fn digits(&mut self, take: &mut dyn FnMut(&mut Self) -> Result<(), Why>) -> Result<(), Why> {
        if !matches!(self.peek()?, Some(b'0'..=b'9')) {
            return Err(self.cut_or_odd()?);
        }
        while let Some(b'0'..=b'9') = self.peek()? {
            take(self)?;
        }
        Ok(())
    }

    fn cut_or_odd(&mut self) -> Result<Why, Why> {
        Ok(match self.peek()? {
            Some(byte) => self.no_json(byte),
            None => Why::Truncated { bytes: self.byte(), path: String::new() },
        })
    }

    /// Passes over a string, the quote being next.
    pub(super) fn skip_string(&mut self) -> Result<(), Why> {
        self.at += 1;
        loop {
            if self.at == self.filled && !self.fill()? {
                return Err(Why::Truncated { bytes: self.byte(), path: String::new() });
            }
            let rest = &self.buffer[self.at..self.filled];
            let Some(found) = rest.iter().position(|byte| SPECIAL[usize::from(*byte)]) else {
                self.at = self.filled;
                continue;
            };
            self.at += found;
            match self.next()? {
                b'"' => return Ok(()),
                b'\\' => {
                    self.escape()?;
                }
                control => {
                    self.at -= 1;
                    return Err(self.no_json(control));
                }
            }
        }
    }

    /// Reads a string into `out`, the quote being next: visible, and at most `most` characters of it.
    pub(super) fn string(&mut self, out: &mut String, most: usize) -> Result<(), Why> {
        out.clear();
        self.at += 1;
        let mut raw = std::mem::take(&mut self.scratch);
        raw.clear();
        // No character needs more than four bytes.
        let room = most * 4 + 4;
        loop {
            if self.at == self.filled && !self.fill()? {
                return Err(Why::Truncated { bytes: self.byte(), path: String::new() });
            }
            let rest = &self.buffer[self.at..self.filled];
            let plain = rest.iter().position(|byte| SPECIAL[usize::from(*byte)]).unwrap_or(rest.len());
            raw.extend_from_slice(&rest[..plain.min(room.saturating_sub(raw.len()))]);
            self.at += plain;
            if self.at == self.filled {
                continue;
            }
            match self.next()? {
                b'"' => break,
                b'\\' => {
                    let c = self.escape()?;
                    if raw.len() < room {
                        raw.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    }
                }
                control => {
                    self.at -= 1;
                    return Err(self.no_json(control));
                }
            }
        }
        let mut count = 0;
        'chunks: for chunk in raw.utf8_chunks() {
            let broken = (!chunk.invalid().is_empty()).then_some(char::REPLACEMENT_CHARACTER);
            for c in chunk.valid().chars().chain(broken) {
                if count == most {
                    out.push('…');
                    break 'chunks;
                }
                text::push(c, out);
                count += 1;
            }
        }
        self.scratch = raw;
        Ok(())
    }

    /// The character of an escape, the backslash having been read. Halves of pairs that stand alone become
    /// U+FFFD, with the escape that follows.
    fn escape(&mut self) -> Result<char, Why> {
        Ok(match self.next()? {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.hex()?;
                if !(0xd800..0xdc00).contains(&first) || self.peek()? != Some(b'\\') {
                    return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                self.at += 1;
                if self.peek()? != Some(b'u') {
                    // The half stands alone, and another escape follows: that one is read.
                    self.escape()?;
                    return Ok(char::REPLACEMENT_CHARACTER);
                }
                self.at += 1;
                let second = self.hex()?;
                let joined = || 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                let pair = (0xdc00..0xe000).contains(&second).then(joined);
                pair.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            other => {
                self.at -= 1;
                return Err(self.no_json(other));
            }
        })
    }

    fn hex(&mut self) -> Result<u32, Why> {
        let mut value = 0;
        for _ in 0..4 {
            let byte = self.next()?;
            let Some(digit) = (byte as char).to_digit(16) else {
                self.at -= 1;
                return Err(self.no_json(byte));
            };
            value = value * 16 + digit;
        }
        Ok(value)
    }
}

/// The bytes that end the plain part of a string.
static SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table
};
