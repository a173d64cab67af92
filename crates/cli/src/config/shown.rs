//! The file's text as it may be shown: hidden spans replaced, line numbers kept.

use std::ops::Range;

/// What stands where something was hidden; says nothing about its length.
const MASK: &str = "***";

/// Text with hidden spans masked, and the way from the original's offsets to its own.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    text: String,
    edits: Vec<Edit>,
}

#[derive(Debug, Clone)]
struct Edit {
    original: Range<usize>,
    masked: Range<usize>,
    /// Where the mask itself ends; behind it stand the line ends that were kept.
    mask_end: usize,
}

impl Shown {
    /// Masks every span of `hidden` (byte ranges on character boundaries, in any order).
    pub(super) fn new(source: &str, mut hidden: Vec<Range<usize>>) -> Self {
        hidden.sort_by_key(|span| (span.start, span.end));
        let mut text = String::with_capacity(source.len());
        let mut edits: Vec<Edit> = Vec::new();
        let mut copied = 0;
        for span in merged(hidden) {
            text.push_str(&source[copied..span.start]);
            let start = text.len();
            text.push_str(MASK);
            let mask_end = text.len();
            text.extend(source[span.clone()].matches('\n'));
            edits.push(Edit { original: span.clone(), masked: start..text.len(), mask_end });
            copied = span.end;
        }
        text.push_str(&source[copied..]);
        Self { text, edits }
    }

    /// The text to show.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Where a span of the original stands in the shown text.
    pub(super) fn span(&self, original: &Range<usize>) -> Range<usize> {
        let start = self.offset(original.start, |edit| edit.masked.start);
        let end = self.offset(original.end, |edit| edit.mask_end);
        start..end.max(start)
    }

    fn offset(&self, original: usize, inside: impl Fn(&Edit) -> usize) -> usize {
        let before = self.edits.iter().take_while(|edit| edit.original.start < original).last();
        match before {
            None => original,
            Some(edit) if original <= edit.original.end => inside(edit),
            Some(edit) => original - edit.original.end + edit.masked.end,
        }
        .min(self.text.len())
    }
}

fn merged(sorted: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut result: Vec<Range<usize>> = Vec::with_capacity(sorted.len());
    for span in sorted.into_iter().filter(|span| !span.is_empty()) {
        match result.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => result.push(span),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_hide_value_and_length_and_keep_lines() {
        let source = "a = 1\nb = 'long\nsecret'\nc = 2\n";
        let hidden = source.find('\'').expect("start")..source.rfind('\'').expect("end") + 1;
        let shown = Shown::new(source, vec![hidden.clone()]);
        assert_eq!(shown.text(), "a = 1\nb = ***\n\nc = 2\n");
        for part in ["a = 1", "c = 2"] {
            let at = source.find(part).expect("in the source");
            assert_eq!(&shown.text()[shown.span(&(at..at + part.len()))], part);
        }
        assert_eq!(&shown.text()[shown.span(&hidden)], "***");
        let inside = hidden.start + 2..hidden.start + 4;
        assert_eq!(&shown.text()[shown.span(&inside)], "***");
    }

    #[test]
    fn overlapping_spans_become_one_mask() {
        let shown = Shown::new("0123456789", vec![4..8, 2..5, 8..8]);
        assert_eq!(shown.text(), "01***89");
    }
}
