//! What must hold of any bytes that lie where a record does.

use exhibit_evidence::Timestamp;

use super::record::Record;
use crate::ObjectKey;

/// Reads the bytes as an object's first record. One that is read is written and read again as it was; of its
/// continuations, only such are read that make the retention longer.
///
/// # Panics
/// Where that does not hold.
pub fn record(bytes: &[u8]) {
    let key = ObjectKey::parse("k").expect("a key");
    let Ok(first) = Record::read(bytes, 1, None, &key) else { return };
    let written = first.to_bytes().expect("plain JSON");
    assert_eq!(Record::read(&written, 1, None, &key).as_ref(), Ok(&first));
    assert!(Record::read(&written, 2, Some(&first), &key).is_err(), "a record does not continue itself");

    for longer in [-1, 0, 1] {
        let until = Timestamp::from_micros(first.retain_until.micros().saturating_add(longer));
        let Some(until) = until else { continue };
        let next = first.extended(until, first.put_at);
        let read = Record::read(&next.to_bytes().expect("plain JSON"), 2, Some(&first), &key);
        assert_eq!(read.is_ok(), first.retain_until < until, "{until} after {}", first.retain_until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_of_an_ordinary_record_and_of_what_is_none() {
        let text = format!(
            r#"{{"v":1,"number":1,"key":"k","digest":"{}","size":0,"media_type":"text/plain","mode":"m","put_at":"2026-11-22T03:05:31.000000Z","recorded_at":"2026-11-22T03:05:31.000000Z","retain_until":"2027-11-22T03:05:31.000000Z"}}"#,
            exhibit_evidence::Digest::of(b""),
        );
        assert!(Record::read(text.as_bytes(), 1, None, &ObjectKey::parse("k").unwrap()).is_ok());
        record(text.as_bytes());
        record(&text.as_bytes()[1..]);
    }
}
