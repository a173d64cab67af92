//! The systemd journal, by `journalctl -o json`: of this machine, of a folder, or of single files.
//!
//! Every field of every entry is looked at, not the message alone: command lines and environments end up in others.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::{Counted, Left, Listing, LogError, LogSource, Passed, Piece, Sink, place};
use crate::process::{Program, RunError};

/// A longer entry is not looked at, and told. A core dump lies in the journal as one field.
const LONGEST: usize = 64 * 1024 * 1024;
/// What `journalctl --header` may print.
const HEADERS: u64 = 64 * 1024 * 1024;
/// The name of what no unit is told of.
const NAMELESS: &str = "journal";

/// Entries of a journal.
#[derive(Debug, Clone)]
pub struct Journal {
    /// The folder that relative paths start from.
    pub base: PathBuf,
    /// Journal files; patterns are journalctl's own.
    pub files: Vec<String>,
    /// A folder of journal files.
    pub directory: Option<String>,
    /// Only entries of these units.
    pub units: Vec<String>,
    /// Only entries from then on, in journalctl's words: `-7d`, `2026-11-01`.
    pub since: Option<String>,
    /// How long journalctl may take.
    pub time_limit: Duration,
    /// How many bytes it may print.
    pub most: u64,
}

impl LogSource for Journal {
    fn kind(&self) -> &'static str {
        "journal"
    }

    fn label(&self) -> String {
        let mut label = match (&self.directory, self.files.as_slice()) {
            (Some(directory), _) => format!("the systemd journal in {directory}"),
            (None, []) => "the systemd journal of this machine".to_owned(),
            (None, files) => format!("the systemd journal in {}", files.join(", ")),
        };
        if !self.units.is_empty() {
            label.push_str(&format!(", units {}", self.units.join(", ")));
        }
        if let Some(since) = &self.since {
            label.push_str(&format!(", since {since}"));
        }
        label
    }

    fn counted_by(&self) -> &'static str {
        if self.is_whole() {
            "the number of entries that the headers of the journal's files state"
        } else {
            "a run of its own of journalctl with the same filters, which prints no field of a log"
        }
    }

    fn unit(&self) -> &'static str {
        "journal entry"
    }

    fn list(&self) -> Result<Listing, LogError> {
        Ok(Listing { pieces: vec![Box::new(JournalPiece(self.clone()))], left: Vec::new() })
    }
}

impl Journal {
    /// Whether no filter narrows it: then the headers tell how many entries there are.
    fn is_whole(&self) -> bool {
        self.units.is_empty() && self.since.is_none()
    }

    fn command(&self, with: &[&str]) -> Vec<String> {
        let owned = |text: &str| text.to_owned();
        let path = |path: &String| self.base.join(path).to_string_lossy().into_owned();
        let mut command = vec![owned("journalctl"), owned("--no-pager"), owned("--quiet")];
        command.extend(self.files.iter().map(|file| format!("--file={}", path(file))));
        command.extend(self.directory.iter().map(|folder| format!("--directory={}", path(folder))));
        command.extend(with.iter().map(|word| owned(word)));
        if with != ["--header"] {
            command.extend(self.units.iter().map(|unit| format!("--unit={unit}")));
            command.extend(self.since.iter().map(|since| format!("--since={since}")));
        }
        command
    }
}

struct JournalPiece(Journal);

impl JournalPiece {
    fn run(&self, with: &[&str], most: u64, out: &mut dyn FnMut(&[u8])) -> Result<(), Left> {
        let command = self.0.command(with);
        let program = Program {
            command: &command,
            folder: &self.0.base,
            pass: &[],
            set: &[],
            input: None,
            time_limit: self.0.time_limit,
            most,
        };
        program.run(out).map_err(|error: RunError| Left::new(error.code(), NAMELESS, error.to_string()))
    }
}

impl Piece for JournalPiece {
    fn identity(&self) -> String {
        "entries".to_owned()
    }

    fn name(&self) -> &str {
        NAMELESS
    }

    fn count(&mut self) -> Result<Option<Counted>, Left> {
        let mut lines = 0;
        if self.0.is_whole() {
            let mut printed = Vec::new();
            self.run(&["--header"], HEADERS, &mut |bytes| printed.extend_from_slice(bytes))?;
            lines = stated(&String::from_utf8_lossy(&printed));
        } else {
            // Of a field that no entry has, the cursor alone is left.
            let words = ["--output=json", "--output-fields=EXHIBIT_COUNTS_ENTRIES"];
            self.run(&words, self.0.most, &mut |bytes| {
                lines += memchr::memchr_iter(b'\n', bytes).count() as u64;
            })?;
        }
        Ok(Some(Counted { lines: Some(lines), bytes: None }))
    }

    fn read(&mut self, sink: &mut dyn Sink) -> Result<Passed, Left> {
        sink.begin(NAMELESS, NAMELESS);
        let mut entries = Entries { sink, line: Vec::new(), skipping: false, passed: Passed::default() };
        let done = self.run(&["--output=json", "--all"], self.0.most, &mut |bytes| entries.feed(bytes));
        let passed = entries.passed;
        sink.end();
        done.map(|()| passed)
    }
}

/// How many entries the headers state, all files together.
fn stated(headers: &str) -> u64 {
    let of_line = |line: &str| {
        let (name, number) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("entry objects").then(|| number.trim().parse::<u64>().ok())?
    };
    headers.lines().filter_map(of_line).sum()
}

/// Takes what journalctl prints apart into entries.
struct Entries<'s> {
    sink: &'s mut dyn Sink,
    line: Vec<u8>,
    /// An entry that is too long is passed over to its end.
    skipping: bool,
    passed: Passed,
}

impl Entries<'_> {
    fn feed(&mut self, mut bytes: &[u8]) {
        self.passed.bytes += bytes.len() as u64;
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            self.take(&bytes[..end]);
            self.close();
            bytes = &bytes[end + 1..];
        }
        self.take(bytes);
    }

    fn take(&mut self, bytes: &[u8]) {
        if self.skipping || self.line.len() + bytes.len() > LONGEST {
            self.skipping = true;
            self.line = Vec::new();
        } else {
            self.line.extend_from_slice(bytes);
        }
    }

    fn close(&mut self) {
        self.passed.lines += 1;
        let number = self.passed.lines;
        if std::mem::take(&mut self.skipping) {
            let reason = format!("entry {number} is longer than {LONGEST} bytes");
            self.passed.skip(Left::new("entry-too-large", NAMELESS, reason));
            return;
        }
        match entry(&self.line) {
            Some(entry) => {
                self.sink.entry(&entry.place);
                self.sink.feed(&entry.text);
            }
            None => {
                let reason = format!("entry {number} is not of the form that journalctl writes");
                self.passed.skip(Left::new("entry-not-understood", NAMELESS, reason));
            }
        }
        self.line.clear();
    }
}

/// An entry as text.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// The unit that it came from, without what tells instances apart.
    pub place: String,
    /// Each field as `NAME=value` and an end of line; the journal's own addresses are left out.
    pub text: Vec<u8>,
}

/// Reads one line of `journalctl -o json`. None if it is not of that form.
///
/// A field is a text, a list of bytes where it is no UTF-8, a list of either where it occurs several times, or null
/// where it was too long to be shown, which `--all` prevents.
#[must_use]
pub fn entry(line: &[u8]) -> Option<Entry> {
    let Ok(Value::Object(fields)) = serde_json::from_slice(line) else { return None };
    let unit = ["_SYSTEMD_UNIT", "_SYSTEMD_USER_UNIT"].iter().find_map(|name| fields.get(*name)?.as_str());
    let place = unit.and_then(place::of_unit).unwrap_or_else(|| NAMELESS.to_owned());
    let mut text = Vec::with_capacity(line.len());
    for (name, value) in fields.iter().filter(|(name, _)| !name.starts_with("__")) {
        match value {
            Value::Array(several) if several.iter().any(|one| !one.is_number()) => {
                for one in several {
                    field(&mut text, name, one)?;
                }
            }
            one => field(&mut text, name, one)?,
        }
    }
    Some(Entry { place, text })
}

fn field(text: &mut Vec<u8>, name: &str, value: &Value) -> Option<()> {
    text.extend_from_slice(name.as_bytes());
    text.push(b'=');
    match value {
        Value::String(value) => text.extend_from_slice(value.as_bytes()),
        Value::Array(bytes) => {
            for byte in bytes {
                text.push(u8::try_from(byte.as_u64()?).ok()?);
            }
        }
        Value::Number(number) => text.extend_from_slice(number.to_string().as_bytes()),
        Value::Bool(value) => text.extend_from_slice(value.to_string().as_bytes()),
        // What could not be shown was not looked at.
        Value::Null | Value::Object(_) => return None,
    }
    text.push(b'\n');
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::logs::recorded::Recorded;

    #[test]
    fn fields_of_every_form_become_text() {
        let line = r#"{"__CURSOR":"s=1","MESSAGE":"a\nb","_SYSTEMD_UNIT":"session-12.scope","BYTES":[97,255,98],
            "TWICE":["x",[121,122]],"PRIORITY":"6"}"#;
        let entry = entry(line.as_bytes()).expect("read");
        assert_eq!(entry.place, "session-*.scope");
        let lines: Vec<&[u8]> = entry.text.split(|byte| *byte == b'\n').collect();
        for expected in [&b"MESSAGE=a"[..], b"b", b"BYTES=a\xffb", b"TWICE=x", b"TWICE=yz", b"PRIORITY=6"] {
            assert!(lines.contains(&expected), "{}", String::from_utf8_lossy(&entry.text));
        }
        assert!(!lines.iter().any(|line| line.starts_with(b"__CURSOR")));
    }

    #[test]
    fn what_is_no_entry_is_none() {
        for line in ["", "[]", "x", "{\"A\":[256]}", "{\"A\":null}", "{\"A\":{}}", "{\"A\":[[300]]}", "{\"A\":1"] {
            assert_eq!(entry(line.as_bytes()), None, "{line}");
        }
        assert_eq!(entry(b"{}").map(|entry| entry.place), Some(NAMELESS.to_owned()));
    }

    #[test]
    fn entries_are_counted_and_told_whatever_the_chunks() {
        let printed = b"{\"MESSAGE\":\"one\"}\nnot one\n{\"MESSAGE\":\"two\",\"_SYSTEMD_UNIT\":\"a.service\"}\n";
        for size in [1, 7, 1000] {
            let mut sink = Recorded::default();
            sink.begin(NAMELESS, NAMELESS);
            let mut entries = Entries { sink: &mut sink, line: Vec::new(), skipping: false, passed: Passed::default() };
            printed.chunks(size).for_each(|chunk| entries.feed(chunk));
            assert_eq!((entries.passed.lines, entries.passed.bytes), (3, printed.len() as u64));
            let skipped: Vec<_> = entries.passed.skipped.iter().map(|(left, count)| (left.code, *count)).collect();
            assert_eq!(skipped, [("entry-not-understood", 1)]);
            assert_eq!(sink.entries, [NAMELESS, "a.service"]);
            assert_eq!(sink.documents[0].2, b"MESSAGE=one\nMESSAGE=two\n_SYSTEMD_UNIT=a.service\n");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = entry(&bytes);
        }

        #[test]
        fn what_is_read_can_stand_in_evidence(unit in "\\PC{0,100}", message in "\\PC{0,100}") {
            let line = serde_json::json!({ "_SYSTEMD_UNIT": unit, "MESSAGE": message }).to_string();
            let entry = entry(line.as_bytes()).expect("an entry");
            proptest::prop_assert!(entry.place.len() <= 80 && entry.place.is_ascii());
            proptest::prop_assert!(entry.text.ends_with(b"\n"));
        }
    }

    #[test]
    fn headers_state_their_entries() {
        let headers = "File path: a\nEntry objects: 12\nData objects: 99\n\nFile path: b\nEntry Objects: 30\n";
        assert_eq!(stated(headers), 42);
        assert_eq!(stated("No journal files were found."), 0);
    }
}
