//! Blobs that break off: what of them comes again, and from where.

use std::sync::Mutex;

use super::*;

/// What a registry answers one after another when it is asked for the last layer; then all of it, as it should.
fn registry(kept: &Kept, replies: Vec<Reply>) -> (FakeRegistry, String) {
    let blob = kept.layers[1].clone();
    let (own, left) = (blob.clone(), Mutex::new(replies.into_iter()));
    let registry = FakeRegistry::new(kept, move |asked, _| {
        asked.target.ends_with(&own).then(|| left.lock().expect("no test panicked within").next()).flatten()
    });
    (registry, blob)
}

/// From which byte on it was asked for, each time.
fn ranges(registry: &FakeRegistry, blob: &str) -> Vec<Option<String>> {
    let asked = registry.0.asked();
    asked.iter().filter(|one| one.target.ends_with(blob)).map(|one| one.header("range").map(str::to_owned)).collect()
}

/// An answer that says that it has more bytes than it gives.
fn cut(status: &str, range: Option<&str>, says: usize, gives: &[u8]) -> Reply {
    let range = range.map(|range| format!("content-range: {range}\r\n")).unwrap_or_default();
    let head = format!("HTTP/1.1 {status} x\r\nconnection: close\r\n{range}content-length: {says}\r\n\r\n");
    Reply::Raw([head.as_bytes(), gives].concat())
}

fn rest(range: impl Into<String>, bytes: &[u8]) -> Reply {
    Reply::Answer(206, vec![("Content-Range", range.into())], bytes.to_vec())
}

#[test]
fn a_blob_that_breaks_off_goes_on_where_it_ended() {
    let kept = Kept::new();
    let layer = kept.blobs[&kept.layers[1]].clone();
    let (size, last) = (layer.len(), layer.len() - 1);
    for total in [size.to_string(), "*".to_owned()] {
        let replies = vec![
            cut("200", None, size, &layer[..100]),
            cut("206", Some(&format!("bytes 100-{last}/{total}")), size - 100, &layer[100..300]),
            rest(format!("bytes 300-{last}/{total}"), &layer[300..]),
        ];
        let (registry, blob) = registry(&kept, replies);
        registry.pull(":1.4", None, "").expect("pulled");
        let from = |from: &str| Some(format!("bytes={from}-"));
        assert_eq!(ranges(&registry, &blob), [None, from("100"), from("300")]);
    }
}

#[test]
fn what_is_not_the_rest_is_never_taken_for_it() {
    let kept = Kept::new();
    let layer = kept.blobs[&kept.layers[1]].clone();
    let (size, last) = (layer.len(), layer.len() - 1);
    let mut changed = layer[100..].to_vec();
    changed[7] ^= 1;
    let more = [&layer[100..], b"more"].concat();
    let right = format!("bytes 100-{last}/{size}");
    let resumed = Some("bytes=100-".to_owned());
    // The registry is then asked for all of it, and that counts.
    for (second, what) in [
        (rest(format!("bytes 0-{last}/{size}"), &layer), "from the beginning"),
        (rest(format!("bytes 101-{last}/{size}"), &layer[101..]), "from elsewhere"),
        (rest(format!("bytes 100-200/{size}"), &layer[100..201]), "less than the rest"),
        (rest(format!("bytes 100-{last}/{}", size + 1), &layer[100..]), "of a longer one"),
        (rest("bytes 100-", &layer[100..]), "half a range"),
        (Reply::Answer(206, vec![], layer[100..].to_vec()), "no range"),
        (Reply::status(416), "not to be had"),
        (rest(right.clone(), &changed), "other bytes"),
        (rest(right.clone(), &more), "more bytes"),
    ] {
        let (registry, blob) = registry(&kept, vec![cut("200", None, size, &layer[..100]), second]);
        registry.pull(":1.4", None, "").unwrap_or_else(|why| panic!("{what}: {why}"));
        assert_eq!(ranges(&registry, &blob), [None, resumed.clone(), None], "{what}");
    }

    // One that has no parts to give sends all of it, which is taken as such.
    let (without_parts, blob) = registry(&kept, vec![cut("200", None, size, &layer[..100])]);
    without_parts.pull(":1.4", None, "").expect("pulled");
    assert_eq!(ranges(&without_parts, &blob), [None, resumed.clone()]);

    // What was changed after it broke off is not mended by the first part.
    let whole = [&layer[..100], &changed].concat();
    let (lying, _) = registry(&kept, vec![cut("200", None, size, &layer[..100]), Reply::ok(whole)]);
    let why = lying.pull(":1.4", None, "").map(|_| "pulled").expect_err("changed");
    assert!(why.contains("layer 2 of 2 has the digest sha256:"), "{why}");

    // A part that nobody asked for is none.
    let unasked = || rest(format!("bytes 0-{last}/{size}"), &layer);
    let (once, blob) = registry(&kept, vec![unasked()]);
    once.pull(":1.4", None, "").expect("pulled");
    assert_eq!(ranges(&once, &blob), [None, None]);
    for (replies, times) in
        [(vec![unasked(), unasked()], 2), (vec![cut("200", None, size, &layer[..100]), unasked(), unasked()], 3)]
    {
        let (always, blob) = registry(&kept, replies);
        let why = always.pull(":1.4", None, "").map(|_| "pulled").expect_err("another part");
        assert!(why.contains("layer 2 of 2 did not come whole: the registry gave a part of it that was not"), "{why}");
        assert_eq!(ranges(&always, &blob).len(), times);
    }
}

#[test]
fn the_rest_is_asked_for_with_the_token_and_where_the_registry_leads() {
    let kept = Kept::new();
    let (blob, own) = (kept.layers[1].clone(), kept.clone());
    let layer = kept.blobs[&blob].clone();
    let (size, last) = (layer.len(), layer.len() - 1);
    let store = FakeServer::plain(move |asked, _| {
        let digest = asked.target.rsplit('/').next().unwrap_or_default();
        match (asked.header("range"), digest == own.layers[1]) {
            (Some("bytes=100-"), true) => rest(format!("bytes 100-{last}/{size}"), &layer[100..]),
            (None, true) => cut("200", None, size, &layer[..100]),
            _ => own.blobs.get(digest).map_or_else(|| Reply::status(404), |bytes| Reply::ok(bytes.clone())),
        }
    });
    let url = store.url.clone();
    let registry = FakeRegistry::new(&kept, move |asked, _| match asked.header("authorization") {
        None => Some(Reply::Answer(401, vec![("WWW-Authenticate", "Basic realm=x".to_owned())], vec![])),
        Some(_) if asked.target.contains("/blobs/") => {
            let digest = asked.target.rsplit('/').next().unwrap_or_default();
            Some(Reply::Answer(307, vec![("Location", format!("{url}/store/{digest}"))], vec![]))
        }
        Some(_) => None,
    });
    registry.pull(":1.4", None, LOGIN).expect("pulled");
    let asked = store.asked();
    assert!(asked.iter().all(|asked| asked.header("authorization").is_none()));
    let resumed = asked.iter().filter(|asked| asked.header("range") == Some("bytes=100-")).count();
    assert_eq!((asked.len(), resumed), (4, 1));
}
