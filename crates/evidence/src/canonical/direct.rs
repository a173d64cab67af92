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

/// Whether these are the canonical bytes of a value: it is written over them, as it were. [`Odd`] where they may be, but
/// the value hands out its members in another order than they are written in.
pub(super) fn is<T: Serialize + ?Sized>(value: &T, expected: &[u8]) -> Result<(), Odd> {
    let out = Same { expected, at: 0 };
    let mut writer = Writer { out, members: Vec::new(), ordered: Vec::new() };
    value.serialize(&mut writer)?;
    if writer.out.at == expected.len() { Ok(()) } else { Err(Odd) }
}

/// Where a value is written to.
trait Output {
    /// Writes bytes.
    fn put(&mut self, bytes: &[u8]) -> Result<(), Odd>;
    /// What was written.
    fn written(&self) -> &[u8];
    /// Writes what was written from `start` on anew.
    fn again(&mut self, start: usize, bytes: &[u8]) -> Result<(), Odd>;

    /// Writes the name of a field and what stands around it: a key of plain ASCII without anything to escape. Of such
    /// keys, bytes sort as UTF-16 code units do.
    fn field(&mut self, name: &'static str, first: bool) -> Result<(), Odd> {
        if !name.is_ascii() || special(name.as_bytes()).is_some() {
            return Err(Odd);
        }
        self.put(if first { b"\"" } else { b",\"" })?;
        self.put(name.as_bytes())?;
        self.put(b"\":")
    }
}

impl Output for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Odd> {
        self.extend_from_slice(bytes);
        Ok(())
    }

    fn written(&self) -> &[u8] {
        self
    }

    fn again(&mut self, start: usize, bytes: &[u8]) -> Result<(), Odd> {
        self[start..].copy_from_slice(bytes);
        Ok(())
    }
}

/// Bytes that are there already: nothing but they may be written.
struct Same<'b> {
    expected: &'b [u8],
    at: usize,
}

impl Output for Same<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Odd> {
        let end = self.at + bytes.len();
        if self.expected.get(self.at..end) != Some(bytes) {
            return Err(Odd);
        }
        self.at = end;
        Ok(())
    }

    fn written(&self) -> &[u8] {
        &self.expected[..self.at]
    }

    fn again(&mut self, _: usize, _: &[u8]) -> Result<(), Odd> {
        Err(Odd)
    }

    /// In one go: half of a record's parts are names.
    fn field(&mut self, name: &'static str, first: bool) -> Result<(), Odd> {
        debug_assert!(name.is_ascii() && special(name.as_bytes()).is_none(), "{name} is no plain name");
        let opening: &[u8] = if first { b"\"" } else { b",\"" };
        let rest = self.expected[self.at..].strip_prefix(opening).and_then(|rest| rest.strip_prefix(name.as_bytes()));
        if !rest.is_some_and(|rest| rest.starts_with(b"\":")) {
            return Err(Odd);
        }
        self.at += opening.len() + name.len() + 2;
        Ok(())
    }
}

struct Writer<O> {
    out: O,
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

impl<O: Output> Writer<O> {
    fn integer(&mut self, negative: bool, mut magnitude: u64) -> Result<(), Odd> {
        if magnitude > MAX_INTEGER {
            return Err(Odd);
        }
        if negative {
            self.out.put(b"-")?;
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
        self.out.put(&digits[at..])
    }

    fn text(&mut self, text: &str) -> Result<(), Odd> {
        self.out.put(b"\"")?;
        self.escaped(text)?;
        self.out.put(b"\"")
    }

    /// The shortest escapes (RFC 8785 §3.2.2.2).
    fn escaped(&mut self, text: &str) -> Result<(), Odd> {
        let bytes = text.as_bytes();
        let mut done = 0;
        while let Some(special) = special(&bytes[done..]) {
            let at = done + special;
            self.out.put(&bytes[done..at])?;
            match bytes[at] {
                0 => return Err(Odd),
                b'"' => self.out.put(b"\\\""),
                b'\\' => self.out.put(b"\\\\"),
                0x08 => self.out.put(b"\\b"),
                b'\t' => self.out.put(b"\\t"),
                b'\n' => self.out.put(b"\\n"),
                0x0c => self.out.put(b"\\f"),
                b'\r' => self.out.put(b"\\r"),
                control => {
                    const HEX: &[u8; 16] = b"0123456789abcdef";
                    let low = HEX[usize::from(control & 15)];
                    self.out.put(&[b'\\', b'u', b'0', b'0', b'0' + (control >> 4), low])
                }
            }?;
            done = at + 1;
        }
        self.out.put(&bytes[done..])
    }

    /// The name of a field.
    fn field(&mut self, name: &'static str, first: bool) -> Result<Member, Odd> {
        self.out.field(name, first)?;
        let key_end = self.out.written().len() - 2;
        Ok(Member { key: key_end - name.len(), key_end, end: 0 })
    }

    /// Puts the members of the innermost object in order, and closes it.
    fn close(&mut self, start: usize, base: usize) -> Result<(), Odd> {
        let out = self.out.written();
        let key = |member: &Member| &out[member.key..member.key_end];
        let members = &mut self.members[base..];
        // Most names differ in their first letter already.
        if !members.is_sorted_by(|a, b| key(a).iter().lt(key(b))) {
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
            self.out.again(start + 1, &self.ordered)?;
        }
        self.members.truncate(base);
        self.out.put(b"}")
    }
}

/// Where the first byte stands that can't stand for itself in a text: a control character, a quote or a backslash.
pub(super) fn special(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    // The high bit of each byte that is below a limit of at most 0x80. Others have it only above such a byte, so that the
    // first is always right.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGH;
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = below(word ^ (ONES * u64::from(b'"')), 1);
        let found = below(word, 0x20) | quote | below(word ^ (ONES * u64::from(b'\\')), 1);
        if found != 0 {
            return Some(at * 8 + (found.trailing_zeros() / 8) as usize);
        }
    }
    let stands = |b: &u8| *b < 0x20 || *b == b'"' || *b == b'\\';
    rest.iter().position(stands).map(|found| words.len() * 8 + found)
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of the ordinary")
    }
}

impl std::error::Error for Odd {}

impl serde::de::Error for Odd {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl ser::Error for Odd {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// Texts that are written piece by piece.
struct Pieces<'w, O>(&'w mut Writer<O>);

impl<O: Output> fmt::Write for Pieces<'_, O> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.0.escaped(piece).map_err(|Odd| fmt::Error)
    }
}

/// A list that is being written.
struct List<'w, O> {
    writer: &'w mut Writer<O>,
    first: bool,
}

/// An object that is being written.
struct Object<'w, O> {
    writer: &'w mut Writer<O>,
    start: usize,
    base: usize,
    open: Option<Member>,
}

impl<O: Output> Object<'_, O> {
    fn open_member(&mut self, name: &'static str) -> Result<(), Odd> {
        let first = self.writer.members.len() == self.base;
        self.open = Some(self.writer.field(name, first)?);
        Ok(())
    }

    fn close_member<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Odd> {
        let mut member = self.open.take().ok_or(Odd)?;
        value.serialize(&mut *self.writer)?;
        member.end = self.writer.out.written().len();
        self.writer.members.push(member);
        Ok(())
    }
}

impl<'w, O: Output> Serializer for &'w mut Writer<O> {
    type Ok = ();
    type Error = Odd;
    type SerializeSeq = List<'w, O>;
    type SerializeTuple = List<'w, O>;
    type SerializeTupleStruct = List<'w, O>;
    type SerializeTupleVariant = Impossible<(), Odd>;
    type SerializeMap = Object<'w, O>;
    type SerializeStruct = Object<'w, O>;
    type SerializeStructVariant = Impossible<(), Odd>;

    fn serialize_bool(self, value: bool) -> Result<(), Odd> {
        self.out.put(if value { b"true" } else { b"false" })
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
        self.out.put(b"\"")?;
        write!(Pieces(self), "{value}").map_err(|fmt::Error| Odd)?;
        self.out.put(b"\"")
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
        self.out.put(b"null")
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

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'w, O>, Odd> {
        self.out.put(b"[")?;
        Ok(List { writer: self, first: true })
    }

    fn serialize_tuple(self, length: usize) -> Result<List<'w, O>, Odd> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<List<'w, O>, Odd> {
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

    fn serialize_map(self, _: Option<usize>) -> Result<Object<'w, O>, Odd> {
        let (start, base) = (self.out.written().len(), self.members.len());
        self.out.put(b"{")?;
        Ok(Object { writer: self, start, base, open: None })
    }

    fn serialize_struct(self, name: &'static str, length: usize) -> Result<Object<'w, O>, Odd> {
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

impl<O: Output> ser::SerializeSeq for List<'_, O> {
    type Ok = ();
    type Error = Odd;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Odd> {
        if !std::mem::replace(&mut self.first, false) {
            self.writer.out.put(b",")?;
        }
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), Odd> {
        self.writer.out.put(b"]")
    }
}

impl<O: Output> ser::SerializeTuple for List<'_, O> {
    type Ok = ();
    type Error = Odd;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Odd> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), Odd> {
        ser::SerializeSeq::end(self)
    }
}

impl<O: Output> ser::SerializeTupleStruct for List<'_, O> {
    type Ok = ();
    type Error = Odd;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Odd> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), Odd> {
        ser::SerializeSeq::end(self)
    }
}

impl<O: Output> ser::SerializeMap for Object<'_, O> {
    type Ok = ();
    type Error = Odd;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Odd> {
        let writer = &mut *self.writer;
        if writer.members.len() > self.base {
            writer.out.put(b",")?;
        }
        let at = writer.out.written().len() + 1;
        key.serialize(&mut *writer)?;
        let written = &writer.out.written()[at - 1..];
        let text = written.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).ok_or(Odd)?;
        if !text.is_ascii() || text.contains(&b'\\') {
            return Err(Odd);
        }
        self.open = Some(Member { key: at, key_end: at + text.len(), end: 0 });
        writer.out.put(b":")
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Odd> {
        self.close_member(value)
    }

    fn end(self) -> Result<(), Odd> {
        self.writer.close(self.start, self.base)
    }
}

impl<O: Output> ser::SerializeStruct for Object<'_, O> {
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
