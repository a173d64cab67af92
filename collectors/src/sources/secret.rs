//! Values that must not be seen: held in memory that is wiped, shown as sizes only.

use secrecy::{ExposeSecret, SecretSlice};
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

/// The bytes of a value. Wiped on drop; `Debug` shows the length and nothing else.
pub struct SecretValue(SecretSlice<u8>);

impl SecretValue {
    /// Takes the bytes over.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(SecretSlice::from(exact(bytes)))
    }

    /// The bytes. The caller keeps them out of everything that is printed or stored.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.expose_secret()
    }

    /// The value as text, if it is UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.bytes()).ok()
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes().len()
    }

    /// True for a value without any byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[redacted, {} bytes]", self.len())
    }
}

/// Boxing a vector with spare capacity re-allocates and leaves the old bytes behind: copy into a
/// vector of exact size and wipe the old one.
fn exact(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.len() == bytes.capacity() {
        return bytes;
    }
    let mut fitted = Vec::with_capacity(bytes.len());
    fitted.extend_from_slice(&bytes);
    bytes.zeroize();
    fitted
}

/// A stretch of an interpolated value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// First byte within the value.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// The variables it came through, outermost first; empty when it was written in place.
    pub through: Vec<String>,
    /// True when the default of `${VAR:-default}` supplied it.
    pub default: bool,
}

/// Text under construction: wiped on drop, and it knows where each stretch came from.
#[derive(Default)]
pub struct Text {
    text: Zeroizing<String>,
    parts: Vec<Part>,
    /// Variables that had no value: what they stand for comes from outside.
    unset: Vec<String>,
}

impl Text {
    /// Text that was written in place.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        let mut new = Self::default();
        new.push_literal(text);
        new
    }

    /// The text so far.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where its stretches came from.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Variables that had no value. What the text really is, somebody outside decides.
    #[must_use]
    pub fn unset(&self) -> &[String] {
        &self.unset
    }

    /// Notes that `variable` has no value.
    pub fn push_unset(&mut self, variable: &str) {
        if self.unset.iter().all(|known| known != variable) {
            self.unset.push(variable.to_owned());
        }
    }

    /// Appends text that was written in place.
    pub fn push_literal(&mut self, text: &str) {
        self.push(text, Vec::new(), false);
    }

    /// Appends the value of `variable`, keeping where its own stretches came from.
    pub fn push_variable(&mut self, variable: &str, value: &Self) {
        value.unset.iter().for_each(|name| self.push_unset(name));
        for part in &value.parts {
            let mut through = vec![variable.to_owned()];
            through.extend(part.through.iter().cloned());
            self.push(&value.text[part.start..part.end], through, part.default);
        }
    }

    /// Appends a default, replacement or the like that was written inside `${variable…}`.
    pub fn push_nested(&mut self, variable: &str, value: &Self, default: bool) {
        value.unset.iter().for_each(|name| self.push_unset(name));
        for part in &value.parts {
            let mut through = part.through.clone();
            if !through.iter().any(|name| name == variable) {
                through.insert(0, variable.to_owned());
            }
            self.push(&value.text[part.start..part.end], through, part.default || default);
        }
    }

    /// Appends a stretch that `from` describes, wherever it stood.
    pub(super) fn push_stretch(&mut self, text: &str, from: &Part) {
        self.push(text, from.through.clone(), from.default);
    }

    /// Splits into the value and its parts.
    #[must_use]
    pub fn into_secret(self) -> (SecretValue, Vec<Part>) {
        (SecretValue::new(self.text.as_bytes().to_vec()), self.parts)
    }

    fn push(&mut self, text: &str, through: Vec<String>, default: bool) {
        if text.is_empty() {
            return;
        }
        self.reserve(text.len());
        let start = self.text.len();
        self.text.push_str(text);
        let end = self.text.len();
        match self.parts.last_mut() {
            Some(last) if last.through == through && last.default == default => last.end = end,
            _ => self.parts.push(Part { start, end, through, default }),
        }
    }

    /// Grows by moving into a new buffer and wiping the old one, as `String` would not.
    fn reserve(&mut self, more: usize) {
        if self.text.capacity() - self.text.len() >= more {
            return;
        }
        let room = (self.text.len() + more).next_power_of_two().max(64);
        let mut grown = Zeroizing::new(String::with_capacity(room));
        grown.push_str(&self.text);
        self.text = grown;
    }
}

impl Clone for Text {
    fn clone(&self) -> Self {
        Self { text: Zeroizing::new(self.text.to_string()), parts: self.parts.clone(), unset: self.unset.clone() }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[redacted, {} bytes in {} parts]", self.text.len(), self.parts.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_sizes_only() {
        let value = SecretValue::new(b"hunter2-hunter2".to_vec());
        assert_eq!(format!("{value:?}"), "[redacted, 15 bytes]");
        let mut text = Text::literal("abc");
        text.push_variable("X", &Text::literal("secret"));
        assert_eq!(format!("{text:?}"), "[redacted, 9 bytes in 2 parts]");
    }

    #[test]
    fn parts_remember_every_variable_on_the_way() {
        let mut inner = Text::default();
        inner.push_nested("B", &Text::literal("fallback"), true);
        let mut outer = Text::literal("pre-");
        outer.push_variable("A", &inner);
        let part = &outer.parts()[1];
        assert_eq!(part.through, ["A", "B"]);
        assert!(part.default);
        assert_eq!((part.start, part.end), (4, 12));
    }
}
