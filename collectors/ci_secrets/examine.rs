//! Reads every version once, and keeps facts about what stands in it. Values do not leave this file.

use super::recognise::{self, Syntax, System};
use super::repository::{self, RepositoryError};
use super::understand;
use super::understand::sink::{Form, Found, MOST_FOUND, Written, path_in_evidence};
use super::walk::{History, Mode, Version};
use exhibit_detect::{Engine, Fingerprint, Hit as Raw, Options, RunKey, Search, facts};
use git2::{Odb, Oid};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Largest file that is read, in bytes.
pub(crate) const LARGEST: usize = 5 * 1024 * 1024;
/// How many blobs a thread takes at a time.
const BATCH: usize = 32;
/// Rules of the detection engine that know a place rather than a provider's token; the readers know it better.
const OF_A_PLACE: &[&str] = &["http.", "curl.", "netrc.", "url.", "command.", "sql.", "pgpass."];

/// Why a version was not examined in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Left {
    /// Larger than `LARGEST`.
    TooLarge,
    /// A Git LFS pointer: the content is elsewhere.
    LfsPointer,
}

/// What stands in one blob, read with one syntax.
#[derive(Clone, Debug, Default)]
pub(crate) struct Examined {
    /// The system that the content names, where the path did not.
    pub(crate) by_content: Option<&'static System>,
    /// It is neither by its path nor by its content CI configuration.
    pub(crate) not_ci: bool,
    /// It was not read.
    pub(crate) left: Option<Left>,
    /// Why it was read line by line, if it was.
    pub(crate) malformed: Option<String>,
    /// What was found, in the order of the file.
    pub(crate) hits: Vec<Hit>,
}

/// One value in the clear, as facts.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    pub(crate) key_path: String,
    pub(crate) rule: String,
    pub(crate) kind: HitKind,
    pub(crate) line: u32,
    pub(crate) length: u64,
    pub(crate) shape: String,
    pub(crate) entropy: &'static str,
    pub(crate) dictionary: bool,
    /// Comparable within this run only.
    pub(crate) value: Fingerprint,
}

/// What kind of thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum HitKind {
    /// A provider's token, by its shape.
    Token,
    /// A value where a secret belongs.
    Written(Written),
}

/// What examining all versions gave: one answer for each blob and syntax.
pub(crate) type Answers = HashMap<(Oid, Option<Syntax>), Examined>;

/// Which answer belongs to a version: `None` where the content has to tell the system.
pub(crate) fn answer_key(version: &Version) -> (Oid, Option<Syntax>) {
    let syntax = match version.mode {
        // A link's blob is its target's path: nothing to parse.
        Mode::Link => Some(Syntax::Shell),
        Mode::File => version.system.map(|system| system.syntax),
    };
    (version.blob, syntax)
}

/// What values are found and compared by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Means<'e> {
    /// Finds them: by rules, by names that promise a secret, and in encodings.
    pub(crate) search: &'e Search<'e>,
    /// Says what they look like.
    pub(crate) engine: &'e Engine,
    /// Tells equal ones within this run.
    pub(crate) key: &'e RunKey,
}

/// How this collector searches: everything that is told by default, in encodings too.
pub(crate) fn search(engine: &Engine) -> Search<'_> {
    Search::new(engine, Options { encoded: true, ..Options::default() })
}

/// Reads each blob of the history once, on as many threads as there are processors, and examines it once for each
/// syntax that its paths ask for.
pub(crate) fn examine(path: &Path, history: &History, by: Means<'_>) -> Result<Answers, RepositoryError> {
    let mut syntaxes: HashMap<Oid, Vec<Option<Syntax>>> = HashMap::new();
    let mut order: Vec<(Oid, &str)> = Vec::new();
    for version in &history.versions {
        let wanted = syntaxes.entry(version.blob).or_insert_with(|| {
            order.push((version.blob, &version.path));
            Vec::new()
        });
        let syntax = answer_key(version).1;
        if !wanted.contains(&syntax) {
            wanted.push(syntax);
        }
    }
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(Answers::with_capacity(order.len()));
    let work = || -> Result<(), RepositoryError> {
        let repository = repository::reopen(path)?;
        let odb = repository.odb().map_err(|error| RepositoryError::reading("the object store", &error))?;
        loop {
            let from = next.fetch_add(BATCH, Ordering::Relaxed);
            if from >= order.len() {
                return Ok(());
            }
            let mut done = Vec::with_capacity(BATCH);
            for (blob, path) in &order[from..(from + BATCH).min(order.len())] {
                one(&odb, *blob, path, &syntaxes[blob], by, &mut done)?;
            }
            answers.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(done);
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get).min(8);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().unwrap_or_else(|_| {
                Err(RepositoryError::Unreadable {
                    what: "the versions".to_owned(),
                    detail: "a worker stopped".to_owned(),
                })
            })
        })
    })?;
    Ok(answers.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

type Done = Vec<((Oid, Option<Syntax>), Examined)>;

fn one(
    odb: &Odb<'_>,
    blob: Oid,
    path: &str,
    syntaxes: &[Option<Syntax>],
    by: Means<'_>,
    done: &mut Done,
) -> Result<(), RepositoryError> {
    let looking_up =
        |error: git2::Error| RepositoryError::looking_up(blob, format!("file '{}'", path_in_evidence(path)), &error);
    if odb.read_header(blob).map_err(looking_up)?.0 > LARGEST {
        let answer = Examined { left: Some(Left::TooLarge), ..Examined::default() };
        done.extend(syntaxes.iter().map(|syntax| ((blob, *syntax), answer.clone())));
        return Ok(());
    }
    let object = odb.read(blob).map_err(looking_up)?;
    for &syntax in syntaxes {
        done.push(((blob, syntax), content(object.data(), syntax, by)));
    }
    Ok(())
}

/// Examines one file's content.
pub(crate) fn content(bytes: &[u8], syntax: Option<Syntax>, by: Means<'_>) -> Examined {
    if bytes.len() < 1024 && bytes.starts_with(b"version https://git-lfs.github.com/spec/") {
        return Examined { left: Some(Left::LfsPointer), ..Examined::default() };
    }
    let by_content = if syntax.is_none() { recognise::by_content(bytes) } else { None };
    let Some(syntax) = syntax.or(by_content.map(|system| system.syntax)) else {
        return Examined { not_ci: true, ..Examined::default() };
    };
    let mut reading = understand::read(bytes, syntax);
    let mut raw = Told { reading: &reading, lines: Lines::new(bytes), taken: vec![false; reading.found.len()], hits: Vec::new(), crowded: false, by };
    let searched = by.search.scan(bytes, &mut |found| raw.take(found));
    searched.expect("nobody can cancel this search");
    let Told { taken, mut hits, crowded, .. } = raw;
    if crowded {
        reading.malformed.get_or_insert_with(|| format!("more than {MOST_FOUND} tokens in one file"));
    }
    for (found, taken) in reading.found.iter().zip(taken) {
        if !taken {
            let kind = HitKind::Written(found.written);
            hits.push(hit(found.value.as_bytes(), found.key_path.clone(), found.form.rule(), kind, found.line, by));
        }
    }
    hits.sort_by(|a, b| (a.line, &a.key_path, &a.rule).cmp(&(b.line, &b.key_path, &b.rule)));
    Examined { by_content, not_ci: false, left: None, malformed: reading.malformed, hits }
}

/// What the engine tells of one file, held against what its reader understood.
struct Told<'r, 'b, 'e> {
    reading: &'r understand::Reading,
    lines: Lines<'b>,
    /// For each value that the reader found, whether a rule knows better what it is.
    taken: Vec<bool>,
    hits: Vec<Hit>,
    /// There were more than are told.
    crowded: bool,
    by: Means<'e>,
}

impl Told<'_, '_, '_> {
    fn take(&mut self, found: &Raw<'_, '_>) {
        if self.hits.len() == MOST_FOUND {
            self.crowded = true;
            return;
        }
        let line = self.lines.at(usize::try_from(found.secret.start).unwrap_or(usize::MAX));
        let secret = found.value();
        let rule = found.rule.id.as_str();
        let by_name = rule.starts_with("generic.");
        let of_a_place = OF_A_PLACE.iter().any(|prefix| rule.starts_with(prefix));
        let understood = match found.encoded {
            // What it is written as is what the reader sees.
            Some(_) => self.reading.tells_at(line).then_some(0),
            None => understood(&self.reading.found, &self.taken, secret, line),
        };
        let key_path = match understood {
            // The readers have told it already, and know better what it is; or under another name, which keeps its history.
            Some(_) if of_a_place || by_name || found.encoded.is_some() => return,
            Some(index) => {
                self.taken[index] = true;
                self.reading.found[index].key_path.clone()
            }
            // Where a secret's address stands, its name says nothing about a value.
            None if by_name && self.reading.refers_at(line) => return,
            None => place(self.reading, self.lines.text(), line),
        };
        let (rule, kind) = if of_a_place {
            let form = match rule.split_once('.') {
                Some(("url", _)) => Form::Url,
                Some(("command" | "sql" | "pgpass", _)) => Form::Option,
                _ => Form::Header,
            };
            (form.rule(), HitKind::Written(Written::Literal))
        } else if by_name {
            (rule, HitKind::Written(Written::Literal))
        } else {
            (rule, HitKind::Token)
        };
        self.hits.push(hit(secret, key_path, rule, kind, line, self.by));
    }
}

/// Which of the values that the readers found a raw match is: best one on the same line that no other match took.
fn understood(found: &[Found], taken: &[bool], secret: &[u8], line: u32) -> Option<usize> {
    let secret = std::str::from_utf8(secret).ok()?;
    let same = |found: &Found| {
        found.value.contains(secret)
            || (secret.len() > 8 && found.line == line && secret.contains(found.value.as_str()))
    };
    let candidates = || found.iter().enumerate().filter(|(_, found)| same(found)).map(|(index, _)| index);
    candidates()
        .find(|&index| found[index].line == line && !taken[index])
        .or_else(|| candidates().find(|&index| !taken[index]))
        .or_else(|| candidates().next())
}

/// Line numbers of growing offsets, each byte looked at once.
struct Lines<'b> {
    bytes: &'b [u8],
    counted: usize,
    line: u32,
    begin: usize,
}

impl<'b> Lines<'b> {
    fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, counted: 0, line: 1, begin: 0 }
    }

    /// The line (from 1) of an offset that is not before the last one asked for.
    fn at(&mut self, offset: usize) -> u32 {
        for (at, &byte) in self.bytes.iter().enumerate().take(offset).skip(self.counted) {
            if byte == b'\n' {
                self.line = self.line.saturating_add(1);
                self.begin = at + 1;
            }
        }
        self.counted = self.counted.max(offset);
        self.line
    }

    /// The text of the line last asked for, as far as the offset.
    fn text(&self) -> &'b [u8] {
        &self.bytes[self.begin..self.counted]
    }
}

fn hit(secret: &[u8], key_path: String, rule: &str, kind: HitKind, line: u32, by: Means<'_>) -> Hit {
    Hit {
        key_path,
        rule: rule.to_owned(),
        kind,
        line,
        length: secret.len() as u64,
        shape: by.engine.shape_of(secret),
        entropy: facts::EntropyClass::of(secret).as_str(),
        dictionary: facts::is_dictionary_password(secret),
        value: facts::fingerprint(secret, by.key),
    }
}

/// The place of a raw match, value-free: the key whose value it stands in, or what else its line is.
fn place(reading: &understand::Reading, text: &[u8], line: u32) -> String {
    reading.key_path_at(line).unwrap_or_else(|| {
        let text = text.trim_ascii_start();
        if text.starts_with(b"#") || text.starts_with(b"//") { "(comment)".to_owned() } else { "(text)".to_owned() }
    })
}
