//! Disclosable values in the archive (FORMAT.md §11): each line stands for a digest that a record holds, in the order of
//! the ledger. The values are encrypted, and stay so.

use std::fs;

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

/// Compares every object of disclosures with the digests that the entries hold; `until` is how far these were read.
pub(crate) fn check(
    files: &Files,
    disclosable: &[Disclosable],
    until: u64,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let (mut lines, mut without_value) = (0_usize, 0_usize);
    let before = outcome.differences.len();
    for (key, path) in files.iter().filter(|(key, _)| key.starts_with("disclosures/")) {
        let text = fs::read(path).map_err(cannot_read(path))?;
        match compare(&text, disclosable, until) {
            Ok(Some((count, erased))) => {
                lines += count;
                without_value += erased;
            }
            Ok(None) => outcome
                .not_done
                .push(printable(&format!("{key}: the entries that it belongs to do not lie in these bundles"))),
            Err(why) => outcome.differences.push(printable(&format!("{key}: {why}"))),
        }
    }
    if lines > 0 && outcome.differences.len() == before {
        outcome.proven.push(format!(
            "{lines} lines of disclosures stand for the digests of their entries, in order; {without_value} of them were \
             erased before"
        ));
        outcome.not_done.push("the disclosed values are encrypted, and were not opened".to_owned());
    }
    Ok(())
}

/// How many lines there are, and how many of them without a value; none where the entries are not at hand.
fn compare(text: &[u8], disclosable: &[Disclosable], until: u64) -> Result<Option<(usize, usize)>, String> {
    let text = text.strip_suffix(b"\n").ok_or("expected a line feed at its end, found none")?;
    let mut lines = text.split(|byte| *byte == b'\n').map(|line| parse_canonical(line).map_err(|e| e.to_string()));
    let header = lines.next().unwrap_or_else(|| Err("expected a header, found nothing".to_owned()))?;
    let number = |name: &str| header[name].as_u64().ok_or(format!("expected a header with `{name}`"));
    let (from, to, count) = (number("from")?, number("to")?, number("count")?);
    if to > until {
        return Ok(None);
    }
    let mut expected = disclosable.iter().filter(|value| (from..to).contains(&value.seq)).collect::<Vec<_>>();
    expected.sort_by_key(|value| (value.seq, value.path));
    let (mut found, mut erased) = (0, 0);
    for line in lines {
        let line = line?;
        let Some(value) = expected.get(found) else {
            return Err(format!("expected {} values, found more", expected.len()));
        };
        let told = |name: &str| line[name].as_str().map(str::to_owned).unwrap_or_default();
        let stands = (told("entry"), told("path"), told("digest"));
        let wanted = (value.entry.to_string(), value.path.to_owned(), value.digest.to_string());
        if stands != wanted {
            return Err(format!("line {}: expected {wanted:?} of entry {}, found {stands:?}", found + 2, value.seq));
        }
        erased += usize::from(line.get("sealed").is_none_or(Value::is_null));
        found += 1;
    }
    if found != expected.len() || u64::try_from(found) != Ok(count) {
        return Err(format!("expected {} values, found {found}, and a header that says {count}", expected.len()));
    }
    Ok(Some((found, erased)))
}
