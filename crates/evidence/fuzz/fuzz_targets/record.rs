//! Any bytes: a record that is read is written again to the byte. JSON in any form is put into canonical form first,
//! so that the fuzzer need not find that form itself.
#![no_main]

use exhibit_evidence::{Record, to_canonical};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    check(bytes.to_vec());
    if let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes)
        && let Ok(canonical) = to_canonical(&value)
    {
        check(canonical);
    }
});

fn check(bytes: Vec<u8>) {
    let Ok((record, header)) = Record::from_bytes(bytes.clone()) else { return };
    assert_eq!(record.as_bytes(), bytes);
    let Ok(envelope) = record.read() else { return };
    assert_eq!((envelope.id, envelope.recorded_at), (header.id, header.recorded_at));
    assert_eq!(envelope.body.kind().word(), header.kind);
    let again = envelope.to_record().expect("it was a record");
    assert_eq!(again.as_str(), record.as_str());
}
