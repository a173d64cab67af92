//! Values from canonical text, for what nearly every record is made of: no white space to skip, and nothing copied before
//! a value asks for it.
//!
//! This does not judge whether a text is canonical: whoever reads so writes the value again and compares. Whatever is out
//! of the ordinary (a fraction, an escape that nobody writes, deep nesting) is [`Odd`]: the general way judges it.

use std::borrow::Cow;

use serde::de::{self, Deserialize, DeserializeSeed, IntoDeserializer as _, Visitor};
use serde::forward_to_deserialize_any;

use super::direct::{Odd, special};

/// How deep objects and lists may lie in each other.
const DEEPEST: usize = 64;

/// The value in a text.
pub(super) fn read<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Odd> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let value = T::deserialize(&mut reader)?;
    if reader.at == text.len() { Ok(value) } else { Err(Odd) }
}

struct Reader<'de> {
    text: &'de str,
    at: usize,
    depth: usize,
}

impl<'de> Reader<'de> {
    fn peek(&self) -> Result<u8, Odd> {
        self.text.as_bytes().get(self.at).copied().ok_or(Odd)
    }

    /// Steps over this byte, if it is the next.
    fn step(&mut self, byte: u8) -> bool {
        let is = self.text.as_bytes().get(self.at) == Some(&byte);
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, byte: u8) -> Result<(), Odd> {
        if self.step(byte) { Ok(()) } else { Err(Odd) }
    }

    fn word(&mut self, word: &str) -> Result<(), Odd> {
        let end = self.at + word.len();
        if self.text.as_bytes().get(self.at..end) != Some(word.as_bytes()) {
            return Err(Odd);
        }
        self.at = end;
        Ok(())
    }

    fn string(&mut self) -> Result<Cow<'de, str>, Odd> {
        self.expect(b'"')?;
        let start = self.at;
        self.at += special(&self.text.as_bytes()[start..]).ok_or(Odd)?;
        if self.peek()? == b'"' {
            self.at += 1;
            return Ok(Cow::Borrowed(&self.text[start..self.at - 1]));
        }
        let mut text = self.text[start..self.at].to_owned();
        while !self.step(b'"') {
            text.push(self.escaped()?);
            let start = self.at;
            self.at += special(&self.text.as_bytes()[start..]).ok_or(Odd)?;
            text.push_str(&self.text[start..self.at]);
        }
        Ok(Cow::Owned(text))
    }

    /// The character that an escape stands for.
    fn escaped(&mut self) -> Result<char, Odd> {
        self.expect(b'\\')?;
        let letter = self.peek()?;
        self.at += 1;
        Ok(match letter {
            b'"' => '"',
            b'\\' => '\\',
            b'b' => '\u{8}',
            b't' => '\t',
            b'n' => '\n',
            b'f' => '\u{c}',
            b'r' => '\r',
            b'u' => {
                let digits = self.text.get(self.at..self.at + 4).ok_or(Odd)?;
                self.at += 4;
                let code = digits.strip_prefix("00").and_then(|digits| u8::from_str_radix(digits, 16).ok());
                code.ok_or(Odd)?.into()
            }
            _ => return Err(Odd),
        })
    }

    fn integer<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Odd> {
        let negative = self.step(b'-');
        let (start, mut magnitude) = (self.at, 0_u64);
        while let Some(digit @ b'0'..=b'9') = self.text.as_bytes().get(self.at) {
            magnitude = magnitude * 10 + u64::from(digit - b'0');
            self.at += 1;
            // The largest that a record may hold has 16 digits.
            if self.at - start > 16 {
                return Err(Odd);
            }
        }
        match (self.at > start, negative) {
            (false, _) => Err(Odd),
            (true, false) => visitor.visit_u64(magnitude),
            (true, true) => visitor.visit_i64(-magnitude.cast_signed()),
        }
    }

    /// What lies between an opening and a closing sign.
    fn inside<T>(&mut self, read: impl FnOnce(Parts<'_, 'de>) -> Result<T, Odd>) -> Result<T, Odd> {
        let close = if self.peek()? == b'{' { b'}' } else { b']' };
        self.at += 1;
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Odd);
        }
        let value = read(Parts { reader: self, close, first: true })?;
        self.depth -= 1;
        self.expect(close)?;
        Ok(value)
    }
}

/// The items of a list, or the members of an object.
struct Parts<'r, 'de> {
    reader: &'r mut Reader<'de>,
    close: u8,
    first: bool,
}

impl Parts<'_, '_> {
    /// Whether there is one more.
    fn more(&mut self) -> Result<bool, Odd> {
        if self.reader.peek()? == self.close {
            return Ok(false);
        }
        if !std::mem::replace(&mut self.first, false) {
            self.reader.expect(b',')?;
        }
        Ok(true)
    }
}

impl<'de> de::SeqAccess<'de> for Parts<'_, 'de> {
    type Error = Odd;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Odd> {
        if self.more()? { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }
}

impl<'de> de::MapAccess<'de> for Parts<'_, 'de> {
    type Error = Odd;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Odd> {
        if !self.more()? {
            return Ok(None);
        }
        let key = seed.deserialize(&mut *self.reader)?;
        self.reader.expect(b':')?;
        Ok(Some(key))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Odd> {
        seed.deserialize(&mut *self.reader)
    }
}

impl<'de> de::Deserializer<'de> for &mut Reader<'de> {
    type Error = Odd;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        match self.peek()? {
            b'"' => self.deserialize_str(visitor),
            b'{' => self.inside(|parts| visitor.visit_map(parts)),
            b'[' => self.inside(|parts| visitor.visit_seq(parts)),
            b't' => self.word("true").and_then(|()| visitor.visit_bool(true)),
            b'f' => self.word("false").and_then(|()| visitor.visit_bool(false)),
            b'n' => self.word("null").and_then(|()| visitor.visit_unit()),
            _ => self.integer(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        match self.string()? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        if self.peek()? == b'n' {
            self.word("null")?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Odd> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Odd> {
        let word = self.string()?;
        visitor.visit_enum((&*word).into_deserializer())
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::read;

    #[test]
    fn it_reads_what_canonical_text_says() {
        for text in [
            "null",
            "true",
            "-9007199254740991",
            "9007199254740991",
            "0",
            r#""""#,
            r#""plain, grüße""#,
            r#""\"\\\b\t\n\f\r\u0001\u001f and on""#,
            r#"{"":[],"a":{},"b":[1,"x",false,{"c":[null]}]}"#,
        ] {
            let theirs: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(read::<Value>(text).ok(), Some(theirs), "{text}");
        }
    }

    #[test]
    fn it_leaves_to_others_what_nobody_writes() {
        let deep = "[".repeat(65) + &"]".repeat(65);
        let others = [
            "",
            "1.5",
            "1e3",
            "-",
            "[1,]",
            "[,1]",
            "{\"a\"}",
            "{\"a\":1",
            " 1",
            "1 ",
            "tru",
            "nul",
            "\"a",
            "\"\\",
            "\"\\/\"",
            "\"\\u00e9",
            "\"\\u1234\"",
            "\"\u{1}\"",
            "99999999999999999",
            "[1}",
            "{1:2}",
            &deep,
        ];
        for text in others {
            assert!(read::<Value>(text).is_err(), "{text}");
        }
    }
}
