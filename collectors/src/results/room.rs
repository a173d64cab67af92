//! How much is taken from one result: what fits into little memory until it is recorded, whatever the file's size.

use std::io;

use super::{Format, Limits, ReadError, Reading, Sink as _, Source, Told, read};

/// How much memory all that is taken from one result may need until it is recorded, in bytes: what tells more is no result.
pub(crate) const ROOM: u64 = 34 << 20;
/// What a thing needs beside its texts that is told again, in facts and in findings, as it was measured.
const TOLD_AGAIN: u64 = 3_000;
/// How often its texts do.
const TEXTS_TOLD_AGAIN: u64 = 12;
/// The same of anything else, which is counted and not told again.
const OTHER: u64 = 300;
/// See [`OTHER`].
const OTHER_TEXTS: u64 = 2;

/// Room for what is taken from one result.
pub(crate) struct Room {
    left: u64,
    told_again: fn(&Told) -> bool,
}

impl Room {
    /// All of it; `told_again` says of which things facts and findings tell.
    pub(crate) fn new(told_again: fn(&Told) -> bool) -> Self {
        Self { left: ROOM, told_again }
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// Keeps a thing where there is room. Once there is none, nothing more is taken: what follows is only counted.
    pub(crate) fn take(&mut self, told: Told, into: &mut Reading) {
        if self.left > 0 {
            self.left = self.left.saturating_sub(self.needs(&told));
        }
        match self.left {
            0 => into.dropped += 1,
            _ => into.take(told),
        }
    }

    /// How much memory a thing needs until it is recorded, in bytes.
    fn needs(&self, told: &Told) -> u64 {
        // As JSON, it has the texts and little else.
        let mut texts = Length(0);
        let _ = serde_json::to_writer(&mut texts, told);
        match (self.told_again)(told) {
            true => TOLD_AGAIN + TEXTS_TOLD_AGAIN * texts.0,
            false => OTHER + OTHER_TEXTS * texts.0,
        }
    }
}

/// How many bytes were written to it.
struct Length(u64);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads as much of a scanner's output as there is room for; the rest is counted as dropped.
///
/// # Errors
/// As [`read`].
pub(crate) fn reading_within<S: Source + ?Sized>(
    room: &mut Room,
    name: &str,
    source: &S,
    format: Option<Format>,
) -> Result<Reading, ReadError> {
    let mut reading = Reading::default();
    let found = read(name, source, format, Limits::default(), &mut |told: Told| room.take(told, &mut reading))?;
    reading.format = Some(found);
    Ok(reading)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_no_room_for_is_counted_and_not_kept() {
        let result = |count: usize| {
            let one = r#"{"ruleId":"r","message":{"text":"a fault"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.py"}}}]}"#;
            let all = vec![one; count].join(",");
            format!(r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"ours"}}}},"results":[{all}]}}]}}"#)
        };
        let read = |count: usize| {
            let mut room = Room::new(|told| matches!(told, Told::Finding(_)));
            let text = result(count);
            let reading = reading_within(&mut room, "r.sarif", text.as_bytes(), Some(Format::Sarif)).expect("read");
            (reading.findings.len(), reading.dropped, room.left())
        };
        let (kept, dropped, left) = read(100);
        assert!((kept, dropped) == (100, 0) && left > 0 && left < ROOM, "{left}");
        let (kept, dropped, left) = read(12_000);
        assert!(kept < 12_000 && kept > 1_000 && dropped > 0 && left == 0, "{kept} {dropped} {left}");
    }
}
