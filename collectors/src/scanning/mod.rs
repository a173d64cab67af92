//! Searching documents with the detection engine: files in parallel parts, streams as they come.
//!
//! The result does not depend on the number of threads or the order in which they work.

mod finding;
mod holes;
mod kept;
mod remark;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use exhibit_detect::{
    Cancelled, Confidence, Examined, Fingerprint, Hit, Nature, PART, REACH, RunKey, SNIFFED, Search, Trace,
};
use rayon::prelude::*;
use zeroize::Zeroizing;

pub use finding::{Commit, Finding};

use crate::reading::{Excluded, Made, Reason, Visitor};
use holes::Holes;
use kept::{Kept, Most};
use remark::Remark;

/// What a binary document's hits need at least: in bytes that are no text, shapes come about by chance.
const SURE_IN_BINARY: Confidence = Confidence::High;

/// Findings that are kept at the most where equal ones are folded: some 100 MB.
const FOLDED: usize = 200_000;

/// Different values of one kind that are kept of one document where equal ones are folded.
const DIFFERENT: usize = 1_000;

/// How many parts of a file are under way for each thread.
const PARTS_AT_ONCE: u64 = 16;

/// How much of a stream is read at a time, in bytes; more than is needed to tell what it is.
const CHUNK: usize = 128 * 1024;

/// A remark in a line that does not count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BadRemark {
    /// The document's name.
    pub path: String,
    /// From 1.
    pub line: u64,
    /// Why not.
    pub why: WhyBad,
}

/// Why a remark does not count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum WhyBad {
    /// It gives no reason.
    WithoutReason,
    /// It names a rule that tells nothing in this line.
    Misnamed {
        /// The rule that it names; none if there is no such rule, and then its text is not repeated.
        named: Option<String>,
        /// The rule that tells something here, and that no remark allows.
        told: String,
    },
}

/// How far a scan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Documents, the present ones included.
    pub files: u64,
    /// Bytes examined, as they lie in documents.
    pub bytes: u64,
    /// Bytes read, as they lie in files and streams.
    pub read: u64,
}

/// Searches documents, and keeps what is found.
pub struct Scanning<'e> {
    search: Search<'e>,
    run_key: RunKey,
    reveal: bool,
    files: AtomicU64,
    bytes: AtomicU64,
    read: AtomicU64,
    most: Most,
    /// Whether what a document holds several times is kept once.
    folds: bool,
    kept: Mutex<Kept<'e>>,
}

/// All that a scan tells, in an order that depends on the input alone.
#[derive(Debug)]
pub struct Scanned<'e> {
    /// What was found: by path, line, column and rule; what a remark allows included.
    pub findings: Vec<Finding<'e>>,
    /// What was not examined: by path and reason.
    pub excluded: Vec<Excluded>,
    /// Remarks that allow nothing in lines where something was found: they lack a reason, or name another rule.
    pub remarks: Vec<BadRemark>,
    /// Documents that were examined, in whole or, where [`Scanned::excluded`] says so, in part.
    pub files: u64,
    /// Bytes that were examined, as they lie in the documents.
    pub bytes: u64,
}

/// The present place in git's history, for documents that come from there.
#[derive(Debug, Clone)]
pub struct InHistory {
    /// The commit that brought it in.
    pub commit: Arc<Commit>,
    /// Whether HEAD still carries it.
    pub at_head: bool,
}

thread_local! {
    /// A part and its surroundings; kept, because a fresh one would be cleared for each part.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl<'e> Scanning<'e> {
    /// Begins. Values are compared by `run_key` and held only if they are to be revealed.
    #[must_use]
    pub fn new(search: Search<'e>, run_key: RunKey, reveal: bool) -> Self {
        let none = || AtomicU64::new(0);
        let (most, kept) = (Most::default(), Mutex::default());
        Self { search, run_key, reveal, files: none(), bytes: none(), read: none(), most, folds: false, kept }
    }

    /// Keeps what a document holds several times once, with a count: for whoever counts more than a person would read.
    #[must_use]
    pub fn folding(mut self) -> Self {
        self.most = Most { of_one: usize::MAX, findings: FOLDED, ..Most::default() };
        self.kept = Mutex::new(Kept::of(self.most));
        self.folds = true;
        self
    }

    /// How far it is: for people who wait.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let now = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Progress { files: now(&self.files), bytes: now(&self.bytes), read: now(&self.read) }
    }

    /// Ends, and tells everything.
    #[must_use]
    pub fn finish(self) -> Scanned<'e> {
        let kept = self.kept.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (findings, excluded, remarks) = kept.finish();
        let (files, bytes) = (self.files.into_inner(), self.bytes.into_inner());
        Scanned { findings, excluded, remarks, files, bytes }
    }

    /// A visitor whose documents stand at this place of git's history.
    #[must_use]
    pub fn in_history(&self, place: InHistory) -> impl Visitor + '_ {
        Visiting { scanning: self, place: Some(place) }
    }

    /// A visitor whose documents stand in no history.
    #[must_use]
    pub fn outside_history(&self) -> impl Visitor + '_ {
        Visiting { scanning: self, place: None }
    }

    fn keep(&self, change: impl FnOnce(&mut Kept<'e>)) {
        change(&mut self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    fn examined(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// The column in characters, if all of the line that stands before the value can be seen.
fn character(hit: &Hit<'_, '_>) -> Option<u64> {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    let before = hit.before()?;
    // It stands before the text and belongs to no line.
    let before = if hit.place.line == 1 { before.strip_prefix(BYTE_ORDER_MARK).unwrap_or(before) } else { before };
    Some(String::from_utf8_lossy(before).chars().count() as u64 + 1)
}

struct Visiting<'s, 'e> {
    scanning: &'s Scanning<'e>,
    place: Option<InHistory>,
}

/// What one document gives before it is kept.
struct Found<'e> {
    path: Arc<str>,
    nature: Option<Nature>,
    findings: Vec<Finding<'e>>,
    /// Findings that are counted alone.
    more: u64,
    remarks: Vec<BadRemark>,
    /// Lines with the rules that remarks in them name and that tell something there.
    fitting: Vec<(u64, String)>,
    /// Where equal ones are folded: the finding of each value, and of each kind how many there are and the last one.
    values: HashMap<(Sort<'e>, Fingerprint), usize>,
    sorts: HashMap<Sort<'e>, (usize, usize)>,
}

/// Rule, confidence, the number of a known value, and whether a remark allows it.
type Sort<'e> = (&'e str, Confidence, Option<usize>, bool);

impl<'e> Found<'e> {
    fn new(path: Arc<str>, nature: Option<Nature>) -> Self {
        let (values, sorts) = (HashMap::new(), HashMap::new());
        Self { path, nature, findings: Vec::new(), more: 0, remarks: Vec::new(), fitting: Vec::new(), values, sorts }
    }

    /// Counts a value that was found before; one of too many different ones counts as the last that was kept.
    fn folds(&mut self, sort: Sort<'e>, value: Fingerprint) -> bool {
        let next = self.findings.len();
        let (count, last) = self.sorts.entry(sort).or_insert((0, next));
        let known = self.values.get(&(sort, value)).copied().or((*count >= DIFFERENT).then_some(*last));
        if let Some(finding) = known.and_then(|at| self.findings.get_mut(at)) {
            finding.hits += 1;
            return true;
        }
        (*count, *last) = (*count + 1, next);
        self.values.insert((sort, value), next);
        false
    }

    /// Keeps the first so many.
    fn limit(&mut self, most: usize) {
        self.more += self.findings.len().saturating_sub(most) as u64;
        self.findings.truncate(most);
    }
}

impl<'e> Visiting<'_, 'e> {
    fn begin(&self, path: &str) -> Found<'e> {
        self.scanning.files.fetch_add(1, Ordering::Relaxed);
        Found::new(Arc::from(path), None)
    }

    /// Notes which of the line's remarks are about this hit, and which are not.
    fn hold_remarks(&self, found: &mut Found<'e>, hit: &Hit<'e, '_>, allowed: bool) {
        for named in remark::named(hit.line()) {
            if named == hit.rule.id {
                found.fitting.push((hit.place.line, named));
            } else if !allowed {
                let known = self.scanning.search.engine().rule(&named).is_some()
                    || exhibit_detect::families().iter().any(|family| family.id == named);
                let why = WhyBad::Misnamed { named: known.then_some(named), told: hit.rule.id.clone() };
                found.remarks.push(BadRemark { path: found.path.to_string(), line: hit.place.line, why });
            }
        }
    }

    fn take(&self, found: &mut Found<'e>, hit: &Hit<'e, '_>) {
        if found.nature.is_some_and(|nature| nature.binary) && hit.confidence < SURE_IN_BINARY {
            return;
        }
        if found.findings.len() >= self.scanning.most.of_one {
            found.more += 1;
            return;
        }
        let allowed = match remark::about(&hit.rule.id, hit.line()) {
            Remark::Allowed(reason) => Some(reason),
            Remark::None => None,
            Remark::WithoutReason => {
                let why = WhyBad::WithoutReason;
                found.remarks.push(BadRemark { path: found.path.to_string(), line: hit.place.line, why });
                None
            }
        };
        self.hold_remarks(found, hit, allowed.is_some());
        let fingerprint = hit.fingerprint(&self.scanning.run_key);
        let sort = (hit.rule.id.as_str(), hit.confidence, hit.known, allowed.is_some());
        if self.scanning.folds && found.folds(sort, fingerprint) {
            return;
        }
        found.findings.push(Finding {
            rule: hit.rule,
            confidence: hit.confidence,
            path: Arc::clone(&found.path),
            line: hit.place.line,
            column: hit.place.column,
            character: character(hit),
            masked: hit.shape(),
            fingerprint,
            hits: 1,
            commit: self.place.as_ref().map(|place| Arc::clone(&place.commit)),
            last: self.place.as_ref().map(|place| Arc::clone(&place.commit)),
            versions: 1,
            known: hit.known,
            at_head: self.place.as_ref().map(|place| place.at_head),
            allowed,
            repeat: 0,
            value: self.scanning.reveal.then(|| Zeroizing::new(hit.value().to_vec())),
        });
    }

    fn keep(&self, mut found: Found<'e>) {
        if self.place.is_some() {
            let mut times: HashMap<(&str, [u8; 32]), u32> = HashMap::new();
            for finding in &mut found.findings {
                let times = times.entry((&finding.rule.id, *finding.fingerprint.as_bytes())).or_default();
                finding.repeat = *times;
                *times += 1;
            }
        }
        if found.more > 0 {
            self.excluded(Excluded { path: found.path.to_string(), reason: Reason::FoundMore(found.more) });
        }
        if !found.findings.is_empty() || !found.remarks.is_empty() {
            self.scanning.keep(|kept| kept.found(found.findings, found.remarks, (&found.path, found.fitting)));
        }
    }

    /// One part of a file, read with what lies around it.
    fn part(&self, path: &Arc<str>, opened: &Opened<'_>, part: u64) -> io::Result<Seen<'e>> {
        let Opened { file, size, nature, ref holes } = *opened;
        let start = part * PART as u64;
        let base = start.saturating_sub(REACH as u64);
        let wanted = (start + (PART + REACH) as u64).min(size) - base;
        let mut found = Found::new(Arc::clone(path), Some(nature));
        if let Some(examined) = holes.examined(base..base + wanted, (PART as u64).min(size - start)) {
            self.scanning.examined(examined.bytes);
            self.consumed(examined.bytes);
            return Ok(Seen { examined, found, short: false });
        }
        BUFFER.with_borrow_mut(|buffer| {
            let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
            if buffer.len() < wanted {
                buffer.resize(wanted, 0);
            }
            let read = read_at(file, &mut buffer[..wanted], base)?;
            let begin = usize::try_from(start - base).unwrap_or(usize::MAX).min(read);
            let end = (begin + PART).min(read);
            let seen = self.scanning.search.piece(&buffer[..read], base, begin..end, nature, &mut |hit| {
                self.take(&mut found, hit);
            });
            let examined = seen.unwrap_or_default();
            self.scanning.examined(examined.bytes);
            self.consumed(examined.bytes);
            Ok(Seen { examined, found, short: read < wanted })
        })
    }
}

/// A regular file, and what is known of it.
struct Opened<'f> {
    file: &'f File,
    size: u64,
    nature: Nature,
    holes: Holes<'f>,
}

/// What one part gave.
struct Seen<'e> {
    examined: Examined,
    found: Found<'e>,
    short: bool,
}

/// Reads until the buffer is full or nothing more comes; answers how much, and what ended it.
fn fill(source: &mut dyn Read, buffer: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, Some(error)),
        }
    }
    (filled, None)
}

fn read_at(file: &File, buffer: &mut [u8], from: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], from + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

impl Visitor for Visiting<'_, '_> {
    fn stream(&self, path: &str, bytes: &mut dyn Read) -> io::Result<()> {
        let mut found = self.begin(path);
        let mut scanner = self.scanning.search.stream();
        let mut chunk = vec![0; CHUNK];
        let mut done = Ok(());
        loop {
            let (count, failed) = fill(bytes, &mut chunk);
            self.scanning.examined(count as u64);
            found.nature.get_or_insert_with(|| Nature::of(&chunk[..count]));
            let fed = scanner.feed(&chunk[..count], &mut |hit| self.take(&mut found, hit));
            if let Some(error) = failed {
                done = Err(error);
                break;
            }
            if count < chunk.len() || fed == Err(Cancelled) {
                break;
            }
        }
        // What came before an error is told too.
        let _ = scanner.finish(&mut |hit| self.take(&mut found, hit));
        self.keep(found);
        done
    }

    fn bytes(&self, path: &str, bytes: &[u8]) {
        let mut found = self.begin(path);
        found.nature = Some(Nature::of(bytes));
        // Only a cancelled search fails, and what it told so far is right.
        let _ = self.scanning.search.scan(bytes, &mut |hit| self.take(&mut found, hit));
        self.scanning.examined(bytes.len() as u64);
        self.keep(found);
    }

    fn made(&self, path: &str, bytes: &[u8], made: Made<'_>) -> Option<Trace> {
        let mut found = self.begin(path);
        let nature = Nature::of(bytes);
        found.nature = Some(nature);
        let base = made.trace.map(|trace| (trace, made.copied));
        // As above.
        let searched = self.scanning.search.scan_made(bytes, nature, base, &mut |hit| self.take(&mut found, hit));
        self.scanning.examined(bytes.len() as u64);
        self.keep(found);
        searched.ok()?.1
    }

    fn file(&self, path: &str, file: &File, size: u64) -> io::Result<()> {
        let whole = self.begin(path);
        let mut beginning = [0; SNIFFED];
        let sniffed = read_at(file, &mut beginning, 0)?;
        let nature = Nature::of(&beginning[..sniffed]);
        let parts = size.div_ceil(PART as u64);
        let holes = if parts > 1 { Holes::of(file, size, nature) } else { Holes::default() };
        let opened = Opened { file, size, nature, holes };
        let mut before = Examined::default();
        let mut short = false;
        let mut left = self.scanning.most.of_one;
        let mut more = 0;
        // So many at a time that what they give stays bounded too.
        let step = rayon::current_num_threads() as u64 * PARTS_AT_ONCE;
        for first in (0..parts).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
            let parts = first..(first + step).min(parts);
            let seen: Vec<io::Result<Seen<'_>>> = if parts.end - parts.start == 1 {
                parts.map(|part| self.part(&whole.path, &opened, part)).collect()
            } else {
                parts.into_par_iter().map(|part| self.part(&whole.path, &opened, part)).collect()
            };
            for seen in seen {
                let Seen { examined, mut found, short: cut } = seen?;
                found.limit(left);
                left -= found.findings.len();
                for finding in &mut found.findings {
                    let place = exhibit_detect::Place { line: finding.line, column: finding.column }.after(before);
                    (finding.line, finding.column) = (place.line, place.column);
                }
                for remark in &mut found.remarks {
                    remark.line += before.newlines;
                }
                for (line, _) in &mut found.fitting {
                    *line += before.newlines;
                }
                before = before.then(examined);
                short |= cut;
                more += std::mem::take(&mut found.more);
                self.keep(found);
            }
        }
        if more > 0 {
            self.excluded(Excluded { path: path.to_owned(), reason: Reason::FoundMore(more) });
        }
        let told = |reason| self.excluded(Excluded { path: path.to_owned(), reason });
        let now = file.metadata()?.len();
        if short || before.bytes < size {
            told(Reason::Shrank(before.bytes));
        } else if now > size {
            told(Reason::Grew(now - size));
        }
        Ok(())
    }

    fn excluded(&self, excluded: Excluded) {
        self.scanning.keep(|kept| kept.excluded(excluded));
    }

    fn consumed(&self, bytes: u64) {
        self.scanning.read.fetch_add(bytes, Ordering::Relaxed);
    }
}
