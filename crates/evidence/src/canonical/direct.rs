//! Canonical bytes straight from a value, for what nearly every record is made of.
//!
//! Members are written as they come and put in order at the end of their object, so that no tree is built in between.
//! Whatever is out of the ordinary (a key beyond plain ASCII, a number that has no canonical form, a NUL) is [`Odd`]: the
//! general way judges it, and says what is wrong with it. Both ways give the same bytes; a test holds that.

use std::fmt::{self, Write as _};

use serde::ser::{self, Impossible, Serialize, Serializer};

use super::MAX_INTEGER;

/// Something that the general way must judge.
#[derive(Debug)]
pub(super) struct Odd;

/// The canonical bytes of a value.
pub(super) fn write<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Odd> {
    let mut writer = Writer { out: Vec::with_capacity(2048), members: Vec::new(), ordered: Vec::new() };
    value.serialize(&mut writer)?;
    Ok(writer.out)
}

struct Writer {
    out: Vec<u8>,
    /// Members of the objects that are open, the innermost last.
    members: Vec<Member>,
    /// Where an object's members are put in order.
    ordered: Vec<u8>,
}

/// Where a member lies in the output: its key without quotes, and the end of its value.
#[derive(Clone, Copy)]
struct Member {
    key: usize,
    key_end: usize,
    end: usize,
}

impl Writer {
    fn integer(&mut self, negative: bool, mut magnitude: u64) -> Result<(), Odd> {
        if magnitude > MAX_INTEGER {
            return Err(Odd);
        }
        if negative {
            self.out.push(b'-');
        }
        let (mut digits, mut at) = ([0; 20], 20);
        loop {
            at -= 1;
            digits[at] = b'0' + (magnitude % 10) as u8;
            magnitude /= 10;
            if magnitude == 0 {
                break;
            }
        }
        self.out.extend_from_slice(&digits[at..]);
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Odd> {
        self.out.push(b'"');
        self.escaped(text)?;
        self.out.push(b'"');
        Ok(())
    }

    /// The shortest escapes (RFC 8785 §3.2.2.2).
    fn escaped(&mut self, text: &str) -> Result<(), Odd> {
        let bytes = text.as_bytes();
        let mut done = 0;
        while let Some(special) = special(&bytes[done..]) {
            let at = done + special;
            self.out.extend_from_slice(&bytes[done..at]);
            match bytes[at] {
                0 => return Err(Odd),
                b'"' => self.out.extend_from_slice(b"\\\""),
                b'\\' => self.out.extend_from_slice(b"\\\\"),
                0x08 => self.out.extend_from_slice(b"\\b"),
                b'\t' => self.out.extend_from_slice(b"\\t"),
                b'\n' => self.out.extend_from_slice(b"\\n"),
                0x0c => self.out.extend_from_slice(b"\\f"),
                b'\r' => self.out.extend_from_slice(b"\\r"),
                control => {
                    const HEX: &[u8; 16] = b"0123456789abcdef";
                    let low = HEX[usize::from(control & 15)];
                    self.out.extend_from_slice(&[b'\\', b'u', b'0', b'0', b'0' + (control >> 4), low]);
                }
            }
            done = at + 1;
        }
        self.out.extend_from_slice(&bytes[done..]);
        Ok(())
    }

    /// A key of plain ASCII without anything to escape: of such keys, bytes sort as UTF-16 code units do.
    fn key(&mut self, key: &str, first: bool) -> Result<Member, Odd> {
        if !key.is_ascii() || special(key.as_bytes()).is_some() {
            return Err(Odd);
        }
        if !first {
            self.out.push(b',');
        }
        self.out.push(b'"');
        let at = self.out.len();
        self.out.extend_from_slice(key.as_bytes());
        let key_end = self.out.len();
        self.out.extend_from_slice(b"\":");
        Ok(Member { key: at, key_end, end: 0 })
    }

    /// Puts the members of the innermost object in order, and closes it.
    fn close(&mut self, start: usize, base: usize) -> Result<(), Odd> {
        let out = &self.out;
        let key = |member: &Member| &out[member.key..member.key_end];
        let members = &mut self.members[base..];
        if !members.is_sorted_by(|a, b| key(a) < key(b)) {
            members.sort_unstable_by(|a, b| key(a).cmp(key(b)));
            if members.windows(2).any(|pair| key(&pair[0]) == key(&pair[1])) {
                return Err(Odd);
            }
            self.ordered.clear();
            for member in members.iter() {
                self.ordered.extend_from_slice(&out[member.key - 1..member.end]);
                self.ordered.push(b',');
            }
            self.ordered.pop();
            self.out[start + 1..].copy_from_slice(&self.ordered);
        }
        self.members.truncate(base);
        self.out.push(b'}');
        Ok(())
    }
}

/// Where the first byte stands that can't stand for itself in a text: a control character, a quote or a backslash.
fn special(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    // The high bit of each byte that is zero; of others only above a zero byte, which the search below sorts out.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let (words, _) = bytes.as_chunks::<8>();
    let mut at = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        if control | zero(word ^ (ONES * u64::from(b'"'))) | zero(word ^ (ONES * u64::from(b'\\'))) != 0 {
            break;
        }
        at += 8;
    }
    let stands = |b: &u8| *b < 0x20 || *b == b'"' || *b == b'\\';
    bytes[at..].iter().position(stands).map(|found| at + found)
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of the ordinary")
    }
}

impl std::error::Error for Odd {}

impl ser::Error for Odd {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// Texts that are written piece by piece.
struct Pieces<'w>(&'w mut Writer);

impl fmt::Write for Pieces<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.0.escaped(piece).map_err(|Odd| fmt::Error)
    }
}

/// A list that is being written.
struct List<'w> {
    writer: &'w mut Writer,
    first: bool,
}

/// An object that is being written.
struct Object<'w> {
    writer: &'w mut Writer,
    start: usize,
    base: usize,
    open: Option<Member>,
}

impl Object<'_> {
    fn open_member(&mut self, key: &str) -> Result<(), Odd> {
        let first = self.writer.members.len() == self.base;
        self.open = Some(self.writer.key(key, first)?);
        Ok(())
    }

    fn close_member<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Odd> {
        let mut member = self.open.take().ok_or(Odd)?;
        value.serialize(&mut *self.writer)?;
        member.end = self.writer.out.len();
        self.writer.members.push(member);
        Ok(())
    }
}

impl<'w> Serializer for &'w mut Writer {
    type Ok = ();
    type Error = Odd;
    type SerializeSeq = List<'w>;
    type SerializeTuple = List<'w>;
    type SerializeTupleStruct = List<'w>;
    type SerializeTupleVariant = Impossible<(), Odd>;
    type SerializeMap = Object<'w>;
    type SerializeStruct = Object<'w>;
    type SerializeStructVariant = Impossible<(), Odd>;

    fn serialize_bool(self, value: bool) -> Result<(), Odd> {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), Odd> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Odd> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Odd> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Odd> {
        self.integer(value < 0, value.unsigned_abs())
    }

    fn serialize_u8(self, value: u8) -> Result<(), Odd> {
        self.integer(false, value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Odd> {
        self.integer(false, value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), Odd> {
        self.integer(false, value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), Odd> {
        self.integer(false, value)
    }

    fn serialize_f32(self, _: f32) -> Result<(), Odd> {
        Err(Odd)
    }

    fn serialize_f64(self, _: f64) -> Result<(), Odd> {
        Err(Odd)
    }

    fn serialize_char(self, value: char) -> Result<(), Odd> {
        self.text(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Odd> {
        self.text(value)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), Odd> {
        self.out.push(b'"');
        write!(Pieces(self), "{value}").map_err(|fmt::Error| Odd)?;
        self.out.push(b'"');
        Ok(())
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Odd> {
        Err(Odd)
    }

    fn serialize_none(self) -> Result<(), Odd> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Odd> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Odd> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Odd> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Odd> {
        self.text(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Odd> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Odd> {
        use ser::SerializeMap as _;
        let mut object = self.serialize_map(Some(1))?;
        object.serialize_entry(variant, value)?;
        object.end()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'w>, Odd> {
        self.out.push(b'[');
        Ok(List { writer: self, first: true })
    }

    fn serialize_tuple(self, length: usize) -> Result<List<'w>, Odd> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<List<'w>, Odd> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<(), Odd>, Odd> {
        Err(Odd)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Object<'w>, Odd> {
        let (start, base) = (self.out.len(), self.members.len());
        self.out.push(b'{');
        Ok(Object { writer: self, start, base, open: None })
    }

    fn serialize_struct(self, name: &'static str, length: usize) -> Result<Object<'w>, Odd> {
        // Types that serde_json itself treats as its own.
        if name.starts_with('$') {
            return Err(Odd);
        }
        self.serialize_map(Some(length))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<(), Odd>, Odd> {
        Err(Odd)
    }
}

impl ser::SerializeSeq for List<'_> {
    type Ok = ();
    type Error = Odd;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Odd> {
        if !std::mem::replace(&mut self.first, false) {
            self.writer.out.push(b',');
        }
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), Odd> {
        self.writer.out.push(b']');
        Ok(())
    }
}

impl ser::SerializeTuple for List<'_> {
    type Ok = ();
    type Error = Odd;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Odd> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), Odd> {
        ser::SerializeSeq::end(self)
    }
}

impl ser::SerializeTupleStruct for List<'_> {
    type Ok = ();
    type Error = Odd;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Odd> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), Odd> {
        ser::SerializeSeq::end(self)
    }
}

impl ser::SerializeMap for Object<'_> {
    type Ok = ();
    type Error = Odd;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Odd> {
        let writer = &mut *self.writer;
        if writer.members.len() > self.base {
            writer.out.push(b',');
        }
        let at = writer.out.len() + 1;
        key.serialize(&mut *writer)?;
        let written = &writer.out[at - 1..];
        let text = written.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).ok_or(Odd)?;
        if !text.is_ascii() || text.contains(&b'\\') {
            return Err(Odd);
        }
        self.open = Some(Member { key: at, key_end: at + text.len(), end: 0 });
        writer.out.push(b':');
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Odd> {
        self.close_member(value)
    }

    fn end(self) -> Result<(), Odd> {
        self.writer.close(self.start, self.base)
    }
}

impl ser::SerializeStruct for Object<'_> {
    type Ok = ();
    type Error = Odd;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Odd> {
        self.open_member(key)?;
        self.close_member(value)
    }

    fn end(self) -> Result<(), Odd> {
        self.writer.close(self.start, self.base)
    }
}
