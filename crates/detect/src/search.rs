//! A search of any length of bytes, in parts of a fixed size.
//!
//! Parts lie at fixed offsets of the stream, and each is decided by itself and a fixed reach of bytes on both sides:
//! hits cannot depend on how the bytes arrive, and memory not on how many there are. A hit belongs to the part
//! in which its secret begins.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::encoded::{self, Encoded};
use crate::engine::{Engine, Windows};
use crate::facts;
use crate::fingerprint::{Fingerprint, RunKey};
use crate::generic::{self, Assignments};
use crate::known::Known;
use crate::matches::{Confidence, Match, resolve, resolve_by};
use crate::personal::{self, Personal};
use crate::place::{Examined, Lines, Place};
use crate::prefilter::Prefilter;
use crate::rule::Rule;
use crate::trace::Reach;
use zeroize::Zeroizing;

use crate::text::{Encoding, Nature, Wide};

/// Bytes of a part.
pub const PART: usize = 2 * 1024 * 1024;
/// Bytes on either side of a part that help to decide about its hits.
pub const REACH: usize = 256 * 1024;
/// How far before a part keywords are looked for: a secret rarely begins further behind its keyword.
const KEYWORDS_BEFORE: usize = 64 * 1024;
/// The family of known values.
const KNOWN: &str = "known.value";
/// Bytes of a line that a hit shows on either side of itself.
const LINE_SHOWN: usize = 1024;

/// What a [`Search`] looks for beside the engine's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Also values behind names that promise a secret, in any notation.
    pub generic: bool,
    /// Also personal data.
    pub personal: Personal,
    /// Also all of it in base64, hex, URL-encoding and JSON escapes, one level deep.
    pub encoded: bool,
    /// Nothing less sure than this is told. Under [`Confidence::Medium`] lie words and passwords that anybody guesses.
    pub least: Confidence,
}

impl Default for Options {
    fn default() -> Options {
        Options { generic: true, personal: Personal::No, encoded: false, least: Confidence::Medium }
    }
}

/// The search was cancelled: what was told so far is right, and not all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the search was cancelled")]
pub struct Cancelled;

/// An engine and options, ready for any number of streams. Immutable; share it between threads.
pub struct Search<'e> {
    pub(crate) engine: &'e Engine,
    options: Options,
    pub(crate) keywords: Prefilter,
    waiting: Vec<Vec<Waiter>>,
    /// How far behind a part keywords are looked for.
    keywords_behind: usize,
    /// Bytes of the longest keyword.
    pub(crate) longest: usize,
    /// Forms of known values, by the number that waits for them, with the place of the value.
    known: Vec<(&'e [u8], usize)>,
    cancel: Option<&'e AtomicBool>,
    /// [`PART`], but in tests.
    pub(crate) part: usize,
}

impl std::fmt::Debug for Search<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Search").field("engine", &self.engine).field("options", &self.options).finish_non_exhaustive()
    }
}

/// One thing found. Lives only as long as the call that tells of it, because it can see the value.
pub struct Hit<'e, 'b> {
    /// What found it.
    pub rule: &'e Rule,
    /// How sure it is.
    pub confidence: Confidence,
    /// Bytes of the whole match, context included, from the stream's beginning.
    pub span: Range<u64>,
    /// Bytes of the secret itself, from the stream's beginning. In an encoding, all of the encoded text.
    pub secret: Range<u64>,
    /// Where the secret begins.
    pub place: Place,
    /// Which of the [`Known`] values it is, by its place among them.
    pub known: Option<usize>,
    /// How it was written, if it had to be decoded.
    pub encoded: Option<Encoded>,
    engine: &'e Engine,
    value: &'b [u8],
    line: &'b [u8],
    /// How many of its line's bytes stand before it, if all of them are there.
    before: Option<usize>,
}

impl std::fmt::Debug for Hit<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hit")
            .field("rule", &self.rule.id)
            .field("confidence", &self.confidence)
            .field("secret", &self.secret)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl<'e, 'b> Hit<'e, 'b> {
    /// The masked shape of the value: the only rendering that may be stored.
    #[must_use]
    pub fn shape(&self) -> String {
        self.engine.shape_of(self.value)
    }

    /// Equal for equal values under one key.
    #[must_use]
    pub fn fingerprint(&self, key: &RunKey) -> Fingerprint {
        facts::fingerprint(self.value, key)
    }

    /// The value itself. For a person at a terminal who asked for it; never store, log or send it.
    #[must_use]
    pub fn value(&self) -> &'b [u8] {
        self.value
    }

    /// The line around the value, at most 1,024 bytes on either side, without its end: for remarks that allow a hit.
    #[must_use]
    pub fn line(&self) -> &'b [u8] {
        self.line
    }

    /// What stands before the value in its line; nothing where that is more than 1,024 bytes.
    #[must_use]
    pub fn before(&self) -> Option<&'b [u8]> {
        self.before.map(|count| &self.line[..count])
    }
}

/// Some bytes of a stream: a part and what lies around it.
pub(crate) struct View<'b> {
    pub(crate) bytes: &'b [u8],
    /// The stream's offset of the first of them.
    pub(crate) base: u64,
    /// The part, in `bytes`.
    pub(crate) part: Range<usize>,
    pub(crate) encoding: Encoding,
    /// What lies before the part; lines and columns count from there.
    pub(crate) before: Examined,
}

impl<'e> Search<'e> {
    /// A search by an engine's rules and `options`.
    #[must_use]
    pub fn new(engine: &'e Engine, options: Options) -> Search<'e> {
        let part = PART;
        let mut search = Search {
            engine,
            options,
            keywords: Prefilter::default(),
            waiting: Vec::new(),
            keywords_behind: 0,
            longest: 0,
            known: Vec::new(),
            cancel: None,
            part,
        };
        search.gather();
        search
    }

    /// Also finds these values, in all their forms, in the same pass.
    #[must_use]
    pub fn knowing(mut self, known: &'e Known) -> Search<'e> {
        self.known = known.forms().collect();
        self.gather();
        self
    }

    /// The engine whose rules it searches by.
    #[must_use]
    pub fn engine(&self) -> &'e Engine {
        self.engine
    }

    /// Enters every keyword with who waits for it.
    fn gather(&mut self) {
        let mut words = Words::default();
        for (word, rules) in self.engine.waiting() {
            rules.iter().for_each(|rule| words.add(word, Waiter::Rule(*rule)));
        }
        if self.options.generic {
            generic::STEMS.iter().for_each(|stem| words.add(stem.as_bytes(), Waiter::Stem));
        }
        if self.options.personal != Personal::No {
            personal::STEMS.iter().for_each(|stem| words.add(stem.as_bytes(), Waiter::Field));
        }
        // The prefilter knows no case; the value does.
        let lower: Vec<Zeroizing<Vec<u8>>> =
            self.known.iter().map(|(form, _)| Zeroizing::new(form.to_ascii_lowercase())).collect();
        lower.iter().enumerate().for_each(|(number, form)| words.add(form, Waiter::Known(number)));
        let Words { words, waiting, .. } = words;
        self.keywords = Prefilter::of_bytes(&words).expect("every keyword has three bytes and more");
        self.waiting = waiting;
        let longest = words.iter().map(|w| w.len()).max().unwrap_or(0);
        let look_behind = self.engine.rules().iter().map(|r| r.look_behind).max().unwrap_or(0);
        self.keywords_behind = look_behind.min(Rule::LOOK_LIMIT) + longest;
        self.longest = longest;
    }

    /// Stops at the next part once `cancel` is true.
    #[must_use]
    pub fn cancelled_by(mut self, cancel: &'e AtomicBool) -> Search<'e> {
        self.cancel = Some(cancel);
        self
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed))
    }

    /// Searches all of the bytes and tells hits in the order of their offsets.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn scan(&self, bytes: &[u8], sink: &mut dyn FnMut(&Hit<'e, '_>)) -> Result<Examined, Cancelled> {
        let nature = Nature::of(bytes);
        let mut before = Examined::default();
        for part in 0..bytes.len().div_ceil(self.part) {
            before = before.then(self.part_after(bytes, nature, part, before, sink)?);
        }
        Ok(before)
    }

    /// How many parts `length` bytes have: for [`Search::part`] on several threads.
    #[must_use]
    pub fn parts(&self, length: usize) -> usize {
        length.div_ceil(self.part)
    }

    /// Searches one part of the bytes, from 0, which are of this nature. Offsets are those of all bytes, lines and
    /// columns those of the part: see [`Place::after`].
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn part(
        &self,
        bytes: &[u8],
        nature: Nature,
        part: usize,
        sink: &mut dyn FnMut(&Hit<'e, '_>),
    ) -> Result<Examined, Cancelled> {
        self.part_after(bytes, nature, part, Examined::default(), sink)
    }

    /// Searches one part of a stream of which only a piece is at hand: `piece` begins at the stream's offset `base`, and
    /// `part` lies in it with [`REACH`] bytes on either side, or what there is. The same hits as those of the whole come
    /// from parts that begin at multiples of [`PART`]. Lines and columns are those of the part: see [`Place::after`].
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn piece(
        &self,
        piece: &[u8],
        base: u64,
        part: Range<usize>,
        nature: Nature,
        sink: &mut dyn FnMut(&Hit<'e, '_>),
    ) -> Result<Examined, Cancelled> {
        if self.is_cancelled() {
            return Err(Cancelled);
        }
        let end = part.end.min(piece.len());
        let part = part.start.min(end)..end;
        let view = View { bytes: piece, base, part, encoding: nature.encoding, before: Examined::default() };
        Ok(self.look(&view, sink))
    }

    fn part_after(
        &self,
        bytes: &[u8],
        nature: Nature,
        part: usize,
        before: Examined,
        sink: &mut dyn FnMut(&Hit<'e, '_>),
    ) -> Result<Examined, Cancelled> {
        if self.is_cancelled() {
            return Err(Cancelled);
        }
        let start = (part * self.part).min(bytes.len());
        let end = (start + self.part).min(bytes.len());
        let from = start.saturating_sub(REACH);
        let to = (end + REACH).min(bytes.len());
        let view = View {
            bytes: &bytes[from..to],
            base: from as u64,
            part: start - from..end - from,
            encoding: nature.encoding,
            before,
        };
        Ok(self.look(&view, sink))
    }

    /// Tells of matches in a text that is one part, and that needs no decoding.
    pub(crate) fn tell_all(
        &self,
        found: Vec<Match<'e>>,
        text: &[u8],
        encoding: Encoding,
        sink: &mut dyn FnMut(&Hit<'e, '_>),
    ) -> Examined {
        let part = 0..text.len();
        let view = View { bytes: text, base: 0, part: part.clone(), encoding, before: Examined::default() };
        let found = found.into_iter().map(Found::bare).collect();
        Examined { bytes: text.len() as u64, ..self.tell(found, text, &part, &view, |_| {}, sink) }
    }

    /// Whether what is found at keywords is all that is looked for.
    pub(crate) fn is_by_keywords(&self) -> bool {
        self.options.personal == Personal::No && !self.options.encoded
    }

    /// Searches the part of a view.
    pub(crate) fn look(&self, view: &View<'_>, sink: &mut dyn FnMut(&Hit<'e, '_>)) -> Examined {
        let bytes = view.part.len() as u64;
        let big = match view.encoding {
            Encoding::Utf8 | Encoding::Eightbit => {
                let offsets = |_: &mut Match<'e>| {};
                let seen = self.look_at(view.bytes, &view.part, view, offsets, sink);
                return Examined { bytes, ..seen };
            }
            Encoding::Utf16Le => false,
            Encoding::Utf16Be => true,
        };
        let wide = Wide::new(view.bytes, &view.part, big);
        let offsets = |m: &mut Match<'e>| {
            wide.raw_offsets(&mut [&mut m.span.start, &mut m.span.end, &mut m.secret.start, &mut m.secret.end]);
        };
        let seen = self.look_at(&wide.text, &wide.part, view, offsets, sink);
        Examined { bytes, ..seen }
    }

    /// `offsets` makes places in the text places in the view.
    fn look_at(
        &self,
        text: &[u8],
        part: &Range<usize>,
        view: &View<'_>,
        offsets: impl Fn(&mut Match<'e>),
        sink: &mut dyn FnMut(&Hit<'e, '_>),
    ) -> Examined {
        let mut found: Vec<Found<'e>> = self.candidates(text, part).into_iter().map(Found::bare).collect();
        if self.options.encoded {
            self.decoded(text, part, &mut found);
        }
        self.tell(found, text, part, view, offsets, sink)
    }

    /// Tells what counts of everything that was found.
    fn tell(
        &self,
        found: Vec<Found<'e>>,
        text: &[u8],
        part: &Range<usize>,
        view: &View<'_>,
        offsets: impl Fn(&mut Match<'e>),
        sink: &mut dyn FnMut(&Hit<'e, '_>),
    ) -> Examined {
        let found = resolve_by(found, |f| &f.found);
        let mut lines = Lines::new(&text[part.clone()]);
        for Found { mut found, decoded } in found {
            if !part.contains(&found.secret.start) || found.confidence < self.options.least {
                continue;
            }
            let place = lines.place(found.secret.start - part.start).after(view.before);
            let value = decoded.as_ref().map_or(&text[found.secret.clone()], |(_, value)| value.as_slice());
            let (line, before) = line_around(text, &found.secret);
            offsets(&mut found);
            let stream = |r: &Range<usize>| view.base + r.start as u64..view.base + r.end as u64;
            sink(&Hit {
                rule: found.rule,
                confidence: found.confidence,
                span: stream(&found.span),
                secret: stream(&found.secret),
                place,
                known: if found.rule.id == KNOWN { self.known_at(value) } else { None },
                encoded: decoded.as_ref().map(|(encoding, _)| *encoding),
                engine: self.engine,
                value,
                line,
                before,
            });
        }
        lines.end()
    }

    /// Everything in decoded pieces of the text.
    fn decoded(&self, text: &[u8], part: &Range<usize>, found: &mut Vec<Found<'e>>) {
        encoded::pieces(text, part, |piece| {
            for inner in resolve(self.candidates(&piece.text, &(0..piece.text.len()))) {
                // What reads the same bare was seen already.
                if !piece.is_encoded(&inner.secret) {
                    continue;
                }
                let value = Zeroizing::new(piece.text[inner.secret.clone()].to_vec());
                let (secret, span) = (piece.source(&inner.secret), piece.source(&inner.span));
                let outer = Match { secret, span, ..inner };
                found.push(Found { found: outer, decoded: Some((piece.encoding, value)) });
            }
        });
    }

    /// Which known value a form is of.
    fn known_at(&self, form: &[u8]) -> Option<usize> {
        let at = self.known.binary_search_by(|(known, _)| (*known).cmp(form)).ok()?;
        Some(self.known[at].1)
    }

    /// Everything that may begin in the part, and some of what lies around it.
    fn candidates(&self, text: &[u8], part: &Range<usize>) -> Vec<Match<'e>> {
        let from = part.start.saturating_sub(KEYWORDS_BEFORE);
        let to = (part.end + self.keywords_behind).min(text.len());
        let mut candidates = Candidates::new(self, text);
        self.keywords.each(&text[from..to], |keyword, start, end| {
            candidates.take(keyword, from + start..from + end);
            true
        });
        let mut found = candidates.close();
        if self.options.personal != Personal::No {
            personal::find(text, part, self.options.personal == Personal::WithAddresses, &mut found);
        }
        found
    }
}

/// What is found at keywords, as one after the other is taken.
pub(crate) struct Candidates<'s, 'e, 'b> {
    search: &'s Search<'e>,
    text: &'b [u8],
    windows: Windows<'e, 'b>,
    assignments: Assignments<'b>,
    fields: Assignments<'b>,
    found: Vec<Match<'e>>,
}

impl<'s, 'e, 'b> Candidates<'s, 'e, 'b> {
    pub(crate) fn new(search: &'s Search<'e>, text: &'b [u8]) -> Self {
        let windows = Windows::new(search.engine, text);
        let (assignments, fields) = (Assignments::new(text), Assignments::new(text));
        Self { search, text, windows, assignments, fields, found: Vec::new() }
    }

    /// A keyword lies here. Answers how much around it decides that it is nothing.
    #[inline]
    pub(crate) fn take(&mut self, keyword: usize, here: Range<usize>) -> Reach {
        let mut reach = Reach::default();
        for waiter in &self.search.waiting[keyword] {
            let one = match waiter {
                Waiter::Rule(rule) => self.windows.keyword(*rule, here.start, here.end),
                Waiter::Stem => match self.assignments.stem(here.start, here.end) {
                    Ok(found) => {
                        self.found.push(found);
                        Reach::OPEN
                    }
                    Err(reach) => reach,
                },
                Waiter::Known(number) => {
                    let (form, _) = self.search.known[*number];
                    if self.text[here.clone()] == *form {
                        let rule = generic::family(KNOWN);
                        let confidence = Confidence::Certain;
                        self.found.push(Match { rule, span: here.clone(), secret: here.clone(), confidence });
                        Reach::OPEN
                    } else {
                        Reach::default()
                    }
                }
                Waiter::Field => {
                    self.found.extend(self.fields.field(here.start, here.end));
                    Reach::OPEN
                }
            };
            reach = reach.and(one);
        }
        reach
    }

    /// Everything, overlapping matches included.
    pub(crate) fn close(self) -> Vec<Match<'e>> {
        let Self { windows, mut found, .. } = self;
        found.extend(windows.close());
        found
    }
}

/// A match in the text, and what it says if it had to be decoded.
struct Found<'e> {
    found: Match<'e>,
    decoded: Option<(Encoded, Zeroizing<Vec<u8>>)>,
}

impl<'e> Found<'e> {
    fn bare(found: Match<'e>) -> Found<'e> {
        Found { found, decoded: None }
    }
}

/// Who waits for a keyword.
#[derive(Clone, Copy)]
enum Waiter {
    /// The rule with this index.
    Rule(usize),
    /// The search for names and values.
    Stem,
    /// The search for names that promise personal data.
    Field,
    /// A known value, in the form with this number.
    Known(usize),
}

/// Keywords, each once, and who waits for them.
#[derive(Default)]
struct Words<'w> {
    words: Vec<&'w [u8]>,
    waiting: Vec<Vec<Waiter>>,
    index: HashMap<&'w [u8], usize>,
}

impl<'w> Words<'w> {
    fn add(&mut self, word: &'w [u8], waiter: Waiter) {
        let at = *self.index.entry(word).or_insert(self.words.len());
        if at == self.words.len() {
            self.words.push(word);
            self.waiting.push(Vec::new());
        }
        self.waiting[at].push(waiter);
    }
}

/// The line that holds the beginning of `secret`, cut off at [`LINE_SHOWN`]; and how many of its bytes stand before it, if it
/// is not cut off there.
fn line_around<'b>(text: &'b [u8], secret: &Range<usize>) -> (&'b [u8], Option<usize>) {
    let from = secret.start.saturating_sub(LINE_SHOWN);
    let to = (secret.end + LINE_SHOWN).min(text.len());
    let start = memchr::memrchr(b'\n', &text[from..secret.start]).map_or(from, |at| from + at + 1);
    let end = memchr::memchr(b'\n', &text[secret.end..to]).map_or(to, |at| secret.end + at);
    let whole = start == 0 || text[start - 1] == b'\n';
    let line = &text[start..end];
    (line.strip_suffix(b"\r").unwrap_or(line), whole.then(|| secret.start - start))
}
