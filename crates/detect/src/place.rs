//! Lines and columns of parts that were looked at one by one.

/// How much was looked at. Parts add up by [`Examined::then`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Examined {
    /// Bytes as they lie in the source.
    pub bytes: u64,
    /// Ends of lines.
    pub newlines: u64,
    /// Bytes behind the last end of a line; all of them if there is none. Of UTF-16, bytes of its text in UTF-8.
    pub tail: u64,
}

impl Examined {
    /// This, and `next` directly behind it.
    #[must_use]
    pub fn then(self, next: Examined) -> Examined {
        Examined {
            bytes: self.bytes + next.bytes,
            newlines: self.newlines + next.newlines,
            tail: if next.newlines == 0 { self.tail + next.tail } else { next.tail },
        }
    }

    /// Lines; a last one without an end counts.
    #[must_use]
    pub fn lines(self) -> u64 {
        self.newlines + u64::from(self.tail > 0)
    }
}

/// Where a hit begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Place {
    /// From 1.
    pub line: u64,
    /// From 1, in bytes; of UTF-16, in bytes of its text in UTF-8.
    pub column: u64,
}

impl Place {
    /// A place in a part, as a place in the whole that `before` is the beginning of.
    #[must_use]
    pub fn after(self, before: Examined) -> Place {
        Place { line: self.line + before.newlines, column: self.column + if self.line == 1 { before.tail } else { 0 } }
    }
}

/// Walks over text once and tells places in it, in ascending order.
pub(crate) struct Lines<'b> {
    text: &'b [u8],
    at: usize,
    seen: Examined,
}

impl<'b> Lines<'b> {
    pub(crate) fn new(text: &'b [u8]) -> Lines<'b> {
        Lines { text, at: 0, seen: Examined::default() }
    }

    /// The place of an offset that is no smaller than the last one.
    pub(crate) fn place(&mut self, offset: usize) -> Place {
        let step = &self.text[self.at..offset];
        let newlines = memchr::memchr_iter(b'\n', step).count() as u64;
        let tail = memchr::memrchr(b'\n', step).map_or(step.len(), |last| step.len() - last - 1) as u64;
        self.seen = self.seen.then(Examined { bytes: step.len() as u64, newlines, tail });
        self.at = offset;
        Place { line: self.seen.newlines + 1, column: self.seen.tail + 1 }
    }

    /// All of it.
    pub(crate) fn end(mut self) -> Examined {
        self.place(self.text.len());
        self.seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up() {
        let text = b"ab\ncd\n\nxyz";
        for cut in 0..=text.len() {
            let before = Lines::new(&text[..cut]).end();
            let all = before.then(Lines::new(&text[cut..]).end());
            assert_eq!((all.bytes, all.newlines, all.tail, all.lines()), (10, 3, 3, 4));
            for offset in cut..text.len() {
                let whole = Lines::new(text).place(offset);
                assert_eq!(Lines::new(&text[cut..]).place(offset - cut).after(before), whole);
            }
        }
        assert_eq!(Lines::new(text).place(8), Place { line: 4, column: 2 });
    }
}
