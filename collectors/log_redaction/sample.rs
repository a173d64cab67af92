//! A random sample, of lines or of pieces, that anybody can draw again: from the seed, and from the digest of what it was drawn from.
//!
//! Where lines are drawn, exact values, canaries among them, are looked for in every line all the same; only the rules look at
//! the sample. Where pieces are drawn, objects of a bucket, nothing is known of the others.

use std::collections::BTreeSet;

use exhibit_detect::{Confidence, Hit, Scanner, Search};
use exhibit_evidence::Digest;

use super::binomial;
use super::examine::{Lookout, Tally, Where};
use crate::sources::logs::Sink;

/// What a sample is drawn from: pieces in their order.
#[derive(Default)]
pub(super) struct Frame {
    text: String,
    pub(super) lines: u64,
}

impl Frame {
    /// Adds a piece: its name, bytes as they are kept, lines and SHA-256; where pieces are drawn, 1 and its version.
    pub(super) fn add(&mut self, name: &str, bytes: u64, lines: u64, digest: &str) {
        self.text.push_str(&format!("{name}\0{bytes}\0{lines}\0{digest}\n"));
        self.lines += lines;
    }

    /// The digest that the sample is drawn by.
    pub(super) fn digest(&self) -> String {
        Digest::of(self.text.as_bytes()).hex()
    }
}

/// The lines that are drawn, from 0, over all pieces. Documented in the collector's page: who changes it changes the page.
pub(super) fn draw(seed: &str, frame: &Frame, size: u64) -> BTreeSet<u64> {
    let digest = frame.digest();
    let mut drawn = BTreeSet::new();
    let lines = frame.lines;
    if lines == 0 {
        return drawn;
    }
    // Numbers beyond the last whole round would be more likely to give small lines than large ones.
    let rounds = u64::MAX / lines * lines;
    let mut number = 0_u64;
    while (drawn.len() as u64) < size.min(lines) {
        let hash = Digest::of(format!("{seed}\0{digest}\0{number}").as_bytes()).0;
        number += 1;
        let first = u64::from_be_bytes(hash[..8].try_into().expect("eight of 32 bytes"));
        if first < rounds {
            drawn.insert(first % lines);
        }
    }
    drawn
}

/// What a sample of this size can show, in words. `unit` is what was drawn, in the singular.
pub(super) fn statement(size: u64, of: u64, unit: &str) -> String {
    let bound = binomial::in_words(0, size);
    format!(
        "{size} of {of} {unit}s, drawn by the seed from the digest of the population; the collector's page says how to draw \
         them again. If none of them holds a secret, then with 95 % confidence fewer than {bound} {unit}s do (Clopper and Pearson, \
         one-sided). A single leaking {unit} is most likely not among them."
    )
}

/// Examines the drawn lines, and all of them for canaries and real secrets.
pub(super) struct Sampler<'l, 'e> {
    lookout: &'l Lookout<'e>,
    drawn: &'l BTreeSet<u64>,
    pub(super) tally: Tally,
    /// Drawn lines that hold a secret, of at least medium confidence.
    pub(super) with_secrets: u64,
    /// Drawn lines that hold personal data, of at least medium confidence.
    pub(super) with_personal_data: u64,
    file: String,
    place: String,
    /// Lines of the documents before.
    before: u64,
    /// The line that is being read, from 0, in its document; where it begins; whether anything of it came.
    line: u64,
    begins: u64,
    open: bool,
    /// Whether it holds a secret, and personal data.
    sure: [bool; 2],
    /// How many bytes of the document came so far.
    fed: u64,
    scanner: Option<Scanner<'l, 'e>>,
    exact: Option<Scanner<'l, 'e>>,
}

impl<'l, 'e> Sampler<'l, 'e> {
    pub(super) fn new(lookout: &'l Lookout<'e>, drawn: &'l BTreeSet<u64>) -> Self {
        Self {
            lookout,
            drawn,
            tally: Tally::new(lookout.drawn.len()),
            with_secrets: 0,
            with_personal_data: 0,
            file: String::new(),
            place: String::new(),
            before: 0,
            line: 0,
            begins: 0,
            open: false,
            sure: [false; 2],
            fed: 0,
            scanner: None,
            exact: None,
        }
    }

    /// Some bytes of the line that is being read.
    fn part(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if !self.open {
            self.open = true;
            if self.drawn.contains(&(self.before + self.line)) {
                self.scanner = Some(self.lookout.rules.stream());
            }
        }
        self.hits(Some(bytes));
        self.fed += bytes.len() as u64;
    }

    fn hits(&mut self, bytes: Option<&[u8]>) {
        let Self { lookout, tally, file, place, line, begins, sure, scanner, .. } = self;
        let mut note = |hit: &Hit<'_, '_>| {
            let at = Where { file, place, line: *line + 1, offset: Some(*begins + hit.secret.start) };
            let personal = usize::from(hit.rule.id.starts_with("personal."));
            sure[personal] |= lookout.note(tally, hit, &at) && hit.confidence >= Confidence::Medium;
        };
        match bytes {
            Some(bytes) => {
                if let Some(scanner) = scanner {
                    // Nothing cancels these searches.
                    let _ = scanner.feed(bytes, &mut note);
                }
            }
            None => {
                if let Some(scanner) = scanner.take() {
                    let _ = scanner.finish(&mut note);
                    tally.lines += 1;
                }
            }
        }
    }

    /// Looks for canaries and real secrets in every line, drawn or not.
    fn look_exactly(&mut self, bytes: Option<&[u8]>) {
        let Self { lookout, tally, file, place, exact, before, drawn, .. } = self;
        let mut sight = |hit: &Hit<'_, '_>| {
            let at = Where { file, place, line: hit.place.line, offset: Some(hit.secret.start) };
            if hit.known.is_none() {
                lookout.sight(tally, hit, &at);
            } else if !drawn.contains(&(*before + hit.place.line - 1)) {
                // In a drawn line the rules' search tells it.
                lookout.note(tally, hit, &at);
            }
        };
        match bytes {
            Some(bytes) => {
                if let Some(scanner) = exact {
                    let _ = scanner.feed(bytes, &mut sight);
                }
            }
            None => {
                if let Some(scanner) = exact.take() {
                    let _ = scanner.finish(&mut sight);
                }
            }
        }
    }

    fn close_line(&mut self) {
        self.hits(None);
        let [secret, personal_data] = std::mem::take(&mut self.sure);
        self.with_secrets += u64::from(secret);
        self.with_personal_data += u64::from(personal_data);
        self.line += 1;
        self.begins = self.fed;
        self.open = false;
    }
}

impl Sink for Sampler<'_, '_> {
    fn begin(&mut self, name: &str, place: &str) {
        self.file = name.to_owned();
        self.place = place.to_owned();
        self.line = 0;
        self.begins = 0;
        self.fed = 0;
        self.open = false;
        self.exact = self.lookout.exact.as_ref().map(Search::stream);
    }

    fn entry(&mut self, _place: &str) {}

    fn feed(&mut self, bytes: &[u8]) {
        if self.fed == 0 && (bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff")) {
            self.tally.wide += 1;
        }
        self.look_exactly(Some(bytes));
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            self.part(&rest[..=end]);
            self.close_line();
            rest = &rest[end + 1..];
        }
        self.part(rest);
    }

    fn end(&mut self) {
        self.look_exactly(None);
        if self.open {
            self.close_line();
        }
        self.before += self.line;
        self.tally.documents += 1;
    }
}
