//! Step by fault: what comes of it when that goes wrong there.
//!
//! Each cell archives an object, makes its retention longer, places a hold and reads it back, while one thing goes wrong.
//! Whatever comes of it: nothing is there twice, nothing is unlocked, nothing is said that is not so, and once the way is
//! clear the same call comes to its end.
//!
//! A multipart upload that is half done does not occur: none is ever begun. What is too large for one part lies as parts that are
//! objects, each put, locked and looked at in this same way; a put that ends halfway through them has a story of its own
//! below. A lock that a server drops, or makes weaker, goes wrong in the put alone: `flaws.rs`, 3.

use std::time::Duration;

use exhibit_archive::{ReadBack, Vault as _, VaultError, s3::S3Vault};
use exhibit_tests::{
    at,
    s3::{Fault, FaultProxy, Step},
};

use super::{Bucket, PREFIX, SERVICE, key, listed, options, server, settings, vault, vault_of};

/// A request of the whole way: its kind, and how many of that kind come before it.
const STEPS: [(&str, Step, usize); 13] = [
    ("looking whether the key is a folder", Step::Look, 0),
    ("looking whether a folder is an object", Step::Look, 1),
    ("looking before the put", Step::Look, 2),
    ("put", Step::Put, 0),
    ("looking after the put", Step::Look, 3),
    ("confirming the lock", Step::Retention, 0),
    ("looking in the read-back", Step::Look, 4),
    ("head", Step::Head, 0),
    ("retention in the read-back", Step::Retention, 1),
    ("hold in the read-back", Step::Hold, 0),
    ("bytes", Step::Bytes, 0),
    ("making the retention longer", Step::SetRetention, 0),
    ("placing a hold", Step::SetHold, 0),
];

/// What goes wrong, and whether only once or for as long as it is tried.
const FAULTS: [(&str, Fault, bool); 17] = [
    ("the request is lost", Fault::LoseRequest, false),
    ("the reply is lost", Fault::LoseReply, false),
    ("the request is cut", Fault::CutRequest, false),
    ("the reply is cut", Fault::CutReply, false),
    ("nothing comes", Fault::Hang, false),
    ("it is done, and nothing comes", Fault::Mute, false),
    ("503", Fault::Say(503, "SlowDown"), false),
    ("500, and it is done", Fault::DoAndSay(500, "InternalError"), false),
    ("the credentials are expired", Fault::Say(400, "ExpiredToken"), false),
    ("each request is lost", Fault::LoseRequest, true),
    ("each reply is lost", Fault::LoseReply, true),
    ("each reply is cut", Fault::CutReply, true),
    ("503 each time", Fault::Say(503, "SlowDown"), true),
    ("500 each time, and it is done", Fault::DoAndSay(500, "InternalError"), true),
    ("the credentials stay expired", Fault::Say(400, "ExpiredToken"), true),
    ("the clock is too far off", Fault::Say(403, "RequestTimeTooSkewed"), true),
    ("it is denied", Fault::Say(403, "AccessDenied"), true),
];

/// Nothing of it is seen from above.
const WELL: &str = "well";
/// `archive.unavailable`
const LOST: &str = "archive.unavailable";
/// `archive.refused`
const DENY: &str = "archive.refused";
/// `archive.clock-skew`
const SKEW: &str = "archive.clock-skew";

/// What comes of it. After a put whose reply is lost, the look that follows finds the object: that is well. An answer to
/// HEAD has no body and so does not say why it is a refusal.
const OUTCOMES: [[&str; 17]; 13] = [
    //  once                                                     each time
    [WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, LOST, LOST, LOST, LOST, LOST, DENY, SKEW, DENY],
    [WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, LOST, LOST, LOST, LOST, LOST, DENY, SKEW, DENY],
    [WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, LOST, LOST, LOST, LOST, LOST, DENY, SKEW, DENY],
    [WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, LOST, WELL, WELL, LOST, WELL, DENY, SKEW, DENY],
    [WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, LOST, LOST, LOST, LOST, LOST, DENY, SKEW, DENY],
    [WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, LOST, LOST, LOST, LOST, LOST, DENY, SKEW, DENY],
    [WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, LOST, LOST, LOST, LOST, LOST, DENY, SKEW, DENY],
    [WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, LOST, LOST, LOST, LOST, LOST, DENY, DENY, DENY],
    [WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, LOST, LOST, LOST, LOST, LOST, DENY, SKEW, DENY],
    [WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, LOST, LOST, LOST, LOST, LOST, DENY, SKEW, DENY],
    [WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, LOST, LOST, LOST, LOST, LOST, DENY, SKEW, DENY],
    [WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, LOST, LOST, LOST, LOST, LOST, DENY, SKEW, DENY],
    [WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, WELL, LOST, LOST, LOST, LOST, LOST, DENY, SKEW, DENY],
];

const BYTES: &[u8] = b"What an auditor will want to read in seven years.";

/// The whole way of an object.
async fn way(vault: &S3Vault, name: &str) -> Result<ReadBack, VaultError> {
    let put = vault.put_once(&key(name), BYTES, &options()).await?;
    let first = vault.read_back(&key(name), &put.version).await?;
    assert!(first.retain_until >= options().retain_until, "{name}");
    let later = at("2094-03-01T12:00:00Z");
    let kept = vault.retain_at_least(&key(name), &put.version, later, options().put_at).await?;
    assert_eq!(kept, later, "{name}");
    assert!(vault.set_legal_hold(&key(name), &put.version, true, options().put_at).await?, "{name}");
    vault.read_back(&key(name), &put.version).await
}

async fn cell(bucket: Bucket, step: usize, fault: usize) {
    let ((where_, step_kind, skip), (what, fault_kind, each)) = (&STEPS[step], &FAULTS[fault]);
    let cell = format!("{where_}: {what}");
    let name = format!("cells/{step}-{fault}");
    let proxy = FaultProxy::before(server().s3, SERVICE).await;
    let mut settings = settings(&bucket, proxy.address());
    if matches!(fault_kind, Fault::Hang | Fault::Mute) {
        settings.patience.time_limit = Duration::from_secs(3);
    }
    let through = vault_of(settings);
    proxy.plan_after(*step_kind, *skip, if *each { usize::MAX } else { 1 }, fault_kind.clone());
    let first = way(&through, &name).await;
    let came = first.as_ref().map_or_else(|error| error.code(), |_| WELL);
    assert_eq!(came, OUTCOMES[step][fault], "{cell}: {first:?}");
    if let Err(error) = &first {
        assert!(error.to_string().contains(&format!("s3://{}/{PREFIX}cells", bucket.name)), "{cell}: {error}");
        assert!(!error.to_string().contains(SERVICE.secret), "{cell}: {error}");
    }
    assert!(proxy.heal(), "{cell}: the fault did not come");

    let back = way(&through, &name).await.unwrap_or_else(|error| panic!("{cell}: then it goes through: {error}"));
    let (later, digest) = (at("2094-03-01T12:00:00Z"), exhibit_evidence::Digest::of(BYTES));
    assert_eq!((back.digest, back.size), (digest, BYTES.len() as u64), "{cell}");
    assert_eq!((back.mode.as_str(), back.retain_until, back.legal_hold), ("COMPLIANCE", later, true), "{cell}");
    if let Ok(first) = first {
        assert_eq!(first.version, back.version, "{cell}: two records of one object");
    }
    let listed = listed(&vault(&bucket), &name).await;
    assert_eq!((listed.version, listed.others), (Some(back.version), vec![]), "{cell}: it is there once");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_at_any_step_nothing_is_lost_twice_or_untrue() {
    let bucket = Bucket::locked().await;
    let mut running = tokio::task::JoinSet::new();
    for step in 0..STEPS.len() {
        for fault in 0..FAULTS.len() {
            if running.len() >= 12 {
                running.join_next().await.expect("one runs").expect("the cell holds");
            }
            running.spawn(cell(bucket.clone(), step, fault));
        }
    }
    while let Some(ended) = running.join_next().await {
        ended.expect("the cell holds");
    }
}

/// What a half-done multipart upload is elsewhere: some of the parts are there, and the list of them is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_put_that_ends_halfway_through_its_parts_is_completed_by_the_next() {
    let bucket = Bucket::locked().await;
    let proxy = FaultProxy::before(server().s3, SERVICE).await;
    let mut settings = settings(&bucket, proxy.address());
    settings.single_part_limit = 20;
    let vault = vault_of(settings);
    // 49 bytes: three parts, and then their list.
    for (done, fault) in [
        (0, Fault::LoseRequest),
        (1, Fault::LoseRequest),
        (2, Fault::CutRequest),
        (3, Fault::LoseRequest),
        (2, Fault::Say(403, "AccessDenied")),
    ] {
        let name = format!("halfway/{done}-{}", matches!(fault, Fault::Say(..)));
        proxy.plan_after(Step::Put, done, usize::MAX, fault);
        vault.put_once(&key(&name), BYTES, &options()).await.expect_err("it can't be put whole");
        assert!(vault.list(&name).await.expect("listed").is_empty(), "{name}: no object before all of it is there");
        assert!(proxy.heal());
        proxy.seen();
        let put = vault.put_once(&key(&name), BYTES, &options()).await.expect("completed");
        let sent = proxy.seen().iter().filter(|seen| seen.step == Step::Put).count();
        assert_eq!(sent, 4 - done, "{name}: what was there is not put again");
        let back = vault.read_back(&key(&name), &put.version).await.expect("read back");
        assert_eq!((back.digest, back.retain_until), (exhibit_evidence::Digest::of(BYTES), options().retain_until));
    }
}
