//! Disclosable values in the archive (FORMAT.md §11): each line stands for a digest that a record holds, in the order of
//! the ledger. The values are encrypted, and stay so.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::ops::Range;
use std::path::{Path, PathBuf};

use exhibit_evidence::{Digest, EntryId, parse_canonical};
use serde_json::Value;

use crate::archive::Files;
use crate::{Failure, Outcome, cannot_read, printable};

/// A value that stands in a record as a digest.
pub(crate) struct Disclosable {
    pub(crate) seq: u64,
    pub(crate) entry: EntryId,
    pub(crate) path: &'static str,
    pub(crate) digest: Digest,
}

/// The archive's objects of disclosures. Each is compared as soon as the entries that it belongs to were read, so that no
/// more values are held than those of the ranges that are open.
#[derive(Default)]
pub(crate) struct Sealed {
    /// Those that wait for their entries, the range that ends first in front.
    waiting: VecDeque<Waiting>,
    /// The values of entries that one of them waits for, in the order of the ledger.
    values: VecDeque<Disclosable>,
    lines: usize,
    without_value: usize,
    differences: Vec<String>,
}

struct Waiting {
    key: String,
    path: PathBuf,
    range: Range<u64>,
}

impl Sealed {
    /// Reads what range of entries each object says that it belongs to.
    pub(crate) fn of(files: &Files) -> Result<Self, Failure> {
        let mut sealed = Self::default();
        for (key, path) in files.iter().filter(|(key, _)| key.starts_with("disclosures/")) {
            match Lines::open(path)?.header()? {
                Ok((range, _)) => {
                    sealed.waiting.push_back(Waiting { key: key.clone(), path: path.clone(), range });
                }
                Err(why) => sealed.differences.push(format!("{key}: {why}")),
            }
        }
        sealed.waiting.make_contiguous().sort_by_key(|waiting| waiting.range.end);
        Ok(sealed)
    }

    /// Takes a value of the next entry.
    pub(crate) fn hear(&mut self, value: Disclosable) {
        if self.waiting.iter().any(|waiting| waiting.range.contains(&value.seq)) {
            self.values.push_back(value);
        }
    }

    /// Compares every object whose entries were all read, now that those below `until` were.
    pub(crate) fn reached(&mut self, until: u64) -> Result<(), Failure> {
        while let Some(Waiting { key, path, range }) = self.waiting.pop_front_if(|waiting| waiting.range.end <= until) {
            let mut expected: Vec<_> = self.values.iter().filter(|value| range.contains(&value.seq)).collect();
            expected.sort_by_key(|value| (value.seq, value.path));
            match compare(&path, &expected)? {
                Ok((lines, without_value)) => {
                    self.lines += lines;
                    self.without_value += without_value;
                }
                Err(why) => self.differences.push(format!("{key}: {why}")),
            }
            let first = self.waiting.iter().map(|waiting| waiting.range.start).min().unwrap_or(u64::MAX);
            while self.values.pop_front_if(|value| value.seq < first).is_some() {}
        }
        Ok(())
    }

    /// Says what came of it.
    pub(crate) fn tell(&self, outcome: &mut Outcome) {
        for Waiting { key, .. } in &self.waiting {
            let open = format!("{key}: the entries that it belongs to do not lie in these bundles");
            outcome.not_done.push(printable(&open));
        }
        outcome.differences.extend(self.differences.iter().map(|line| printable(line)));
        if self.lines > 0 && self.differences.is_empty() {
            outcome.proven.push(format!(
                "{} lines of disclosures stand for the digests of their entries, in order; {} of them were erased before",
                self.lines, self.without_value
            ));
            outcome.not_done.push("the disclosed values are encrypted, and were not opened".to_owned());
        }
    }
}

/// How many lines there are, and how many of them without a value.
fn compare(path: &Path, expected: &[&Disclosable]) -> Result<Result<(usize, usize), String>, Failure> {
    let mut lines = Lines::open(path)?;
    let count = match lines.header()? {
        Ok((_, count)) => count,
        Err(why) => return Ok(Err(why)),
    };
    let (mut found, mut erased) = (0, 0);
    while let Some(line) = lines.next()? {
        let stands = line.and_then(|line| stands_for(&line, expected.get(found).copied(), expected.len(), found + 2));
        match stands {
            Ok(has_value) => erased += usize::from(!has_value),
            Err(why) => return Ok(Err(why)),
        }
        found += 1;
    }
    if found != expected.len() || u64::try_from(found) != Ok(count) {
        let why = format!("expected {} values, found {found}, and a header that says {count}", expected.len());
        return Ok(Err(why));
    }
    Ok(Ok((found, erased)))
}

/// Whether a line, which must stand for this value, holds it.
fn stands_for(line: &Value, value: Option<&Disclosable>, most: usize, number: usize) -> Result<bool, String> {
    let value = value.ok_or_else(|| format!("expected {most} values, found more"))?;
    let told = |name: &str| line[name].as_str().map(str::to_owned).unwrap_or_default();
    let stands = (told("entry"), told("path"), told("digest"));
    let wanted = (value.entry.to_string(), value.path.to_owned(), value.digest.to_string());
    if stands != wanted {
        return Err(format!("line {number}: expected {wanted:?} of entry {}, found {stands:?}", value.seq));
    }
    Ok(!line.get("sealed").is_none_or(Value::is_null))
}

/// The lines of an object, each canonical JSON that ends with a line feed.
struct Lines<'p> {
    path: &'p Path,
    reader: BufReader<File>,
    line: Vec<u8>,
}

impl<'p> Lines<'p> {
    fn open(path: &'p Path) -> Result<Self, Failure> {
        let file = File::open(path).map_err(cannot_read(path))?;
        Ok(Self { path, reader: BufReader::new(file), line: Vec::new() })
    }

    fn next(&mut self) -> Result<Option<Result<Value, String>>, Failure> {
        self.line.clear();
        if self.reader.read_until(b'\n', &mut self.line).map_err(cannot_read(self.path))? == 0 {
            return Ok(None);
        }
        let line = self.line.strip_suffix(b"\n").ok_or("expected a line feed at its end, found none".to_owned());
        Ok(Some(line.and_then(|line| parse_canonical(line).map_err(|error| error.to_string()))))
    }

    /// The range of entries and the number of values that the first line says.
    fn header(&mut self) -> Result<Result<(Range<u64>, u64), String>, Failure> {
        let line = self.next()?.unwrap_or_else(|| Err("expected a header, found nothing".to_owned()));
        Ok(line.and_then(|header| {
            let number = |name: &str| header[name].as_u64().ok_or(format!("expected a header with `{name}`"));
            Ok((number("from")?..number("to")?, number("count")?))
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use exhibit_evidence::{samples, to_canonical};
    use serde_json::json;

    use super::*;

    fn value(seq: u64) -> Disclosable {
        let digest = Digest::of(&seq.to_be_bytes());
        Disclosable { seq, entry: samples::id(seq), path: "body.provenance.host", digest }
    }

    fn object(range: Range<u64>) -> String {
        let mut lines = vec![json!({ "from": range.start, "to": range.end, "count": range.end - range.start })];
        lines.extend(range.map(|seq| {
            let Disclosable { entry, path, digest, .. } = value(seq);
            let sealed = (seq % 2 == 0).then_some("…");
            json!({ "entry": entry, "path": path, "digest": digest, "sealed": sealed })
        }));
        let lines = lines.iter().map(|line| String::from_utf8(to_canonical(line).unwrap()).unwrap() + "\n");
        lines.collect()
    }

    /// What is said of these objects after so many entries with one value each.
    fn told(objects: &[&str], entries: u64) -> Outcome {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files::new();
        for (number, text) in objects.iter().enumerate() {
            let path = folder.path().join(number.to_string());
            fs::write(&path, text).unwrap();
            files.insert(format!("disclosures/{number}"), path);
        }
        let mut sealed = Sealed::of(&files).unwrap();
        for seq in 0..entries {
            sealed.hear(value(seq));
            sealed.reached(seq + 1).unwrap();
        }
        assert!(sealed.values.len() <= if sealed.waiting.is_empty() { 0 } else { 100 }, "no more than is waited for");
        let mut outcome = Outcome::default();
        sealed.tell(&mut outcome);
        outcome
    }

    #[test]
    fn each_object_is_compared_when_its_entries_were_read() {
        let (first, across, last) = (object(0..4), object(2..6), object(4..9));
        let all = told(&[&last, &first, &across], 9);
        assert_eq!(all.differences, [""; 0]);
        let lines =
            "13 lines of disclosures stand for the digests of their entries, in order; 6 of them were erased before";
        assert_eq!(all.proven, [lines]);
        let short = told(&[&last, &first, &across], 8);
        assert_eq!(short.not_done[0], "disclosures/0: the entries that it belongs to do not lie in these bundles");
        assert!(short.proven[0].starts_with("8 lines"), "{short:?}");
    }

    #[test]
    fn what_does_not_stand_for_its_entries_is_named() {
        let good = object(0..4);
        let lines: Vec<&str> = good.lines().collect();
        let cases = [
            (good.trim_end().to_owned(), "expected a line feed at its end"),
            (good.replace("\"count\":4", "\"count\":5"), "a header that says 5"),
            (good.replace("\"from\":0,", ""), "a header with `from`"),
            (format!("{}\n{}\n", lines[0], lines[2..].join("\n")), "line 2: expected"),
            (good.clone() + lines[4] + "\n", "found more"),
            (good.replace(":", ": "), "not in canonical form"),
            (String::new(), "found nothing"),
        ];
        for (bad, expected) in cases {
            let told = told(&[&bad, &object(4..5)], 5);
            assert!(told.differences.len() == 1 && told.differences[0].contains(expected), "{expected}: {told:?}");
            assert!(told.proven.is_empty(), "{told:?}");
        }
    }
}
