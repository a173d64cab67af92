//! Runs the vectors of `FORMAT.md`, which another program in another language computed.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    CheckId, Digest, Disclosure, EnvironmentId, Fingerprint, Kind, Record, SubjectId, parse_canonical,
    record::RecordError, to_canonical,
};

#[derive(Deserialize)]
struct Vectors {
    canonical: Vec<Canonical>,
    refused: Vec<String>,
    disclosures: Vec<Disclosed>,
    findings: Vec<Found>,
    records: Vec<Recorded>,
}

#[derive(Deserialize)]
struct Canonical {
    value: Value,
    bytes: String,
    digest: Digest,
}

#[derive(Deserialize)]
struct Disclosed {
    #[serde(flatten)]
    disclosure: Disclosure,
    digest: Digest,
}

#[derive(Deserialize)]
struct Found {
    check: CheckId,
    environment: EnvironmentId,
    subject: SubjectId,
    place: Vec<String>,
    fingerprint: Digest,
}

#[derive(Deserialize)]
struct Recorded {
    record: String,
    leaf: Digest,
    kind: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../vectors/vectors.json")).expect("the vectors are JSON of this shape")
}

#[test]
fn canonical_bytes() {
    for vector in vectors().canonical {
        let bytes = to_canonical(&vector.value).expect("has a canonical form");
        assert_eq!(String::from_utf8_lossy(&bytes), vector.bytes);
        assert_eq!(Digest::of(&bytes), vector.digest);
    }
}

#[test]
fn other_bytes_are_refused() {
    for text in vectors().refused {
        assert!(parse_canonical(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn disclosures() {
    for vector in vectors().disclosures {
        assert_eq!(vector.disclosure.seal().expect("no NUL").digest, vector.digest);
    }
}

#[test]
fn finding_fingerprints() {
    for vector in vectors().findings {
        let place: Vec<&str> = vector.place.iter().map(String::as_str).collect();
        let found = Fingerprint::of(&vector.check, &vector.environment, &vector.subject, &place).expect("no NUL");
        assert_eq!(found.0, vector.fingerprint);
    }
}

#[test]
fn records_survive_a_round_trip_to_the_byte() {
    for vector in vectors().records {
        let (record, header) = Record::from_bytes(vector.record.clone().into_bytes()).expect("a record");
        assert_eq!(header.kind, vector.kind);
        let entry = record.read().expect("an entry of this version");
        assert_eq!(entry.body.kind(), vector.kind.parse::<Kind>().expect("a known kind"));
        assert_eq!(entry.to_record().expect("a record").as_str(), vector.record);
        let leaf = Digest::of(&[b"\0", record.as_bytes()].concat());
        assert_eq!(leaf, vector.leaf);
    }
}

/// Found by the fuzz target `record`: JSON that says the same in other members would be a second record of one entry.
#[test]
fn an_entry_has_one_form() {
    let promise = r#"{"body":{"active_from":"2026-11-22T03:05:31.000000Z","checks":[],"collector":"c","environments":[],"fresh_for_s":1,"job":"j","late_after_s":1,"settings":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","time_zone":"UTC","tzdata":"2025b"},"id":"01890000-0000-7000-8000-000000000001","kind":"schedule","recorded_at":"2026-11-22T03:05:31.000000Z","v":1}"#;
    let read = |text: &str| Record::from_bytes(text.as_bytes().to_vec()).expect("canonical").0.read();
    read(promise).expect("the form that is written");

    let null = promise.replace(r#","settings""#, r#","schedule":null,"settings""#);
    let list = r#"{"body":["2026-11-22T03:05:31.000000Z",[],"c",[],1,"j",1,false,null,"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","UTC","2025b"],"id":"01890000-0000-7000-8000-000000000001","kind":"schedule","recorded_at":"2026-11-22T03:05:31.000000Z","v":1}"#;
    for other in [null.as_str(), list] {
        let refused = read(other).expect_err("another form");
        assert!(matches!(refused, RecordError::OtherForm(_)), "{refused}");
    }
}
