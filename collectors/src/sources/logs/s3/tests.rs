//! Buckets that a fake server plays: what a real one seldom does. The real one is asked in the repository's own tests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::recorded::Recorded;
use super::super::{Left, Listing, LogSource as _, Passed};
use super::*;
use crate::remote::fake::{Asked, FakeServer, Reply};

/// Nobody waits.
struct Hurrying;

impl Pace for Hurrying {
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _wait: Duration) {}
}

fn log(server: &FakeServer, folder: &std::path::Path) -> S3Log {
    std::fs::write(folder.join("id"), "fake-id").expect("written");
    std::fs::write(folder.join("secret"), "canary4711").expect("written");
    let access = format!(
        "region = 'us-east-1'\nendpoint = '{}'\nkeys = {{ access_key_id = 'file:id', secret_access_key = 'file:secret' }}",
        server.url
    );
    let access: AwsAccess = toml::from_str(&access).expect("settings");
    let begun = "2026-11-20T12:00:00.000000Z".parse().expect("an instant");
    S3Log::new(access, "logs".to_owned(), "a/".to_owned(), folder.to_owned(), begun, Arc::new(Hurrying), 1)
}

fn page(objects: &[(&str, usize, &str)], rest: &str) -> Vec<u8> {
    let contents: String = objects
        .iter()
        .map(|(key, size, version)| {
            format!("<Contents><Key>{key}</Key><Size>{size}</Size><ETag>&quot;{version}&quot;</ETag></Contents>")
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <EncodingType>url</EncodingType><KeyCount>{}</KeyCount>{rest}{contents}</ListBucketResult>",
        objects.len()
    )
    .into_bytes()
}

fn last(objects: &[(&str, usize, &str)]) -> Reply {
    Reply::ok(page(objects, "<IsTruncated>false</IsTruncated>"))
}

fn is_listing(asked: &Asked) -> bool {
    asked.target.contains("list-type=2")
}

fn object(body: &[u8], version: &str) -> Reply {
    Reply::Answer(200, vec![("etag", format!("\"{version}\""))], body.to_vec())
}

fn list(server: &FakeServer) -> Result<Listing, LogError> {
    let folder = tempfile::tempdir().expect("a folder");
    let listed = log(server, folder.path()).list();
    if let Err(error) = &listed {
        assert!(!error.message.contains("canary"), "{error}");
    }
    listed
}

fn read(server: &FakeServer) -> (Result<Passed, Left>, Recorded) {
    let mut listing = list(server).expect("listed");
    let mut recorded = Recorded::default();
    let passed = listing.pieces[0].read(&mut recorded);
    (passed, recorded)
}

/// Pages without an object, each of which announces the one before it.
#[test]
fn a_listing_that_goes_round_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = FakeServer::plain(|_, number| {
        let token = ["one", "two"][number % 2];
        let rest = format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>");
        Reply::ok(page(&[], &rest))
    });
    assert!(log(&server, folder.path()).list().is_err());
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn pages_add_up_and_keys_are_what_they_were() {
    let server = FakeServer::plain(|asked, _| match asked.target.contains("continuation-token=t%2F2") {
        true => last(&[("a/3.log", 1, "v3")]),
        false => Reply::ok(page(
            &[("a/1+%C3%A4%26.log", 7, "v1"), ("a/2%2B.log", 9, "v2")],
            "<IsTruncated>true</IsTruncated><NextContinuationToken>t/2</NextContinuationToken>",
        )),
    });
    let listing = list(&server).expect("listed");
    let names: Vec<&str> = listing.pieces.iter().map(|piece| piece.name()).collect();
    assert_eq!(names, ["a/1 ä&.log", "a/2+.log", "a/3.log"]);
    assert_eq!(listing.pieces[1].listed(), Some((9, "\"v2\"")));
    let asked = server.asked();
    assert!(
        asked
            .iter()
            .all(|asked| asked.target.starts_with("/logs/?list-type=2") && asked.target.contains("prefix=a%2F"))
    );
    let authorization = asked[0].header("authorization").expect("signed");
    assert!(authorization.contains("Credential=fake-id/20261120/us-east-1/s3/aws4_request"), "{authorization}");
    assert!(asked.iter().all(|asked| asked.headers.iter().all(|(_, value)| !value.contains("canary"))));
}

#[test]
fn listings_that_do_not_add_up_are_errors() {
    let truncated = "<IsTruncated>true</IsTruncated>";
    let same = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>";
    for (what, body) in [
        ("no next page", page(&[], truncated)),
        ("the same page again", page(&[], same)),
        ("a key twice", page(&[("a/1", 1, "v"), ("a/1", 1, "v")], "<IsTruncated>false</IsTruncated>")),
        ("another prefix", page(&[("b/1", 1, "v")], "<IsTruncated>false</IsTruncated>")),
        ("another number", b"<L><KeyCount>2</KeyCount><IsTruncated>false</IsTruncated></L>".to_vec()),
        ("no listing", b"<html><body>canary4711</body></html>".to_vec()),
        ("no XML", b"canary4711".to_vec()),
    ] {
        let server = FakeServer::plain(move |_, _| Reply::ok(body.clone()));
        assert_eq!(list(&server).err().map(|error| error.code), Some("not-understood"), "{what}");
    }
    let denied = FakeServer::plain(|_, _| {
        Reply::Answer(403, Vec::new(), b"<Error><Code>SignatureDoesNotMatch</Code><X>canary4711</X></Error>".to_vec())
    });
    let error = list(&denied).err().expect("denied");
    assert!(error.code == "denied" && error.message.contains("SignatureDoesNotMatch"), "{error}");
}

#[test]
fn what_can_not_be_read_is_told_beforehand() {
    let server = FakeServer::plain(|_, _| {
        let asleep = "<IsTruncated>false</IsTruncated><Contents><Key>a/old</Key><Size>1</Size><ETag>v</ETag>\
                      <StorageClass>DEEP_ARCHIVE</StorageClass></Contents><Contents><Key>a/../b</Key><Size>1</Size>\
                      <ETag>v</ETag></Contents>";
        Reply::ok(format!("<L><KeyCount>2</KeyCount>{asleep}</L>"))
    });
    let listing = list(&server).expect("listed");
    let left: Vec<(&str, &str)> = listing.left.iter().map(|left| (left.code, left.name.as_str())).collect();
    assert_eq!(left, [("archived-object", "a/old"), ("unnamable-object", "a/../b")]);
    assert!(listing.pieces.is_empty());
}

#[test]
fn an_object_is_read_as_the_version_that_was_listed_packed_or_not() {
    use std::io::Write as _;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(b"one\ntwo\nthree").expect("packed");
    let packed = packer.finish().expect("packed");
    let size = packed.len();
    let server = FakeServer::plain(move |asked, _| match is_listing(asked) {
        true => last(&[("a/1.log.gz", size, "v1")]),
        false => object(&packed, "v1"),
    });
    let (passed, recorded) = read(&server);
    assert_eq!(passed, Ok(Passed { lines: 3, bytes: size as u64, ..Passed::default() }));
    assert_eq!(recorded.documents, [("a/1.log.gz".to_owned(), "a/1.log".to_owned(), b"one\ntwo\nthree".to_vec())]);
    assert_eq!(server.asked()[1].header("if-match"), Some("\"v1\""));
}

#[test]
fn one_that_was_replaced_is_not_taken_for_the_same() {
    let answers: [fn() -> Reply; 4] = [
        || Reply::status(412),
        || object(b"other", "v2"),
        || object(b"longer than listed", "v1"),
        || Reply::status(404),
    ];
    for answer in answers {
        let server =
            FakeServer::plain(move |asked, _| if is_listing(asked) { last(&[("a/1", 5, "v1")]) } else { answer() });
        assert_eq!(read(&server).0.expect_err("gone").code, Left::MOVED);
    }
    let denied =
        FakeServer::plain(|asked, _| if is_listing(asked) { last(&[("a/1", 5, "v1")]) } else { Reply::status(403) });
    assert_eq!(read(&denied).0.expect_err("denied").code, "denied");
}

#[test]
fn reading_goes_on_behind_the_last_byte_where_a_connection_broke() {
    let broken = |head: &str, body: &str| {
        Reply::Raw(format!("HTTP/1.1 {head}\r\netag: \"v1\"\r\nconnection: close\r\n\r\n{body}").into_bytes())
    };
    let ranges = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&ranges);
    let server = FakeServer::plain(move |asked, _| {
        if is_listing(asked) {
            return last(&[("a/1", 10, "v1")]);
        }
        seen.lock().expect("no panic").push(asked.header("range").map(str::to_owned));
        match asked.header("range") {
            None => broken("200 OK\r\ncontent-length: 10", "one\n"),
            Some("bytes=4-") => broken("206 Partial Content\r\ncontent-length: 6", "two"),
            _ => broken("206 Partial Content\r\ncontent-length: 3", "\nxy"),
        }
    });
    let (passed, recorded) = read(&server);
    assert_eq!(passed, Ok(Passed { lines: 3, bytes: 10, ..Passed::default() }));
    assert_eq!(recorded.documents[0].2, b"one\ntwo\nxy");
    let ranges = ranges.lock().expect("no panic").clone();
    assert_eq!(ranges, [None, Some("bytes=4-".to_owned()), Some("bytes=7-".to_owned())]);
    let never = FakeServer::plain(move |asked, _| match is_listing(asked) {
        true => last(&[("a/1", 10, "v1")]),
        false => Reply::Close,
    });
    assert_eq!(read(&never).0.expect_err("never").code, "unreachable");
}
