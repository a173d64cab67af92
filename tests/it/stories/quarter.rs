//! The end of a quarter: freeze, final report, archive, receipt; and what arrives afterwards.

use exhibit_evidence::report::Standing;
use exhibit_ledger::bundle::{Trust, verify_bundle};
use exhibit_pipeline::{check_receipts, issue, perform_on_demand, render_period, replay_view};
use exhibit_tests::{Example, TestWorld};

use super::ends;

/// Mondays, six in the morning in Berlin.
const WEEKLY: &str = "0 6 * * 1";

fn examples() -> [Example; 2] {
    [
        Example::new("ci", "ci_secrets", "fail").scheduled(WEEKLY),
        Example::new("credentials", "unique_credentials", "pass").scheduled(WEEKLY),
    ]
}

/// A story in which the third quarter of 2026 is over, its grace included, and closed. The last Monday was 28 September.
async fn closed() -> (TestWorld, exhibit_pipeline::Issued) {
    let story = TestWorld::new("2026-09-25T08:00:00Z", &examples()).await;
    story.run_at("2026-09-25T08:00:00Z").await;
    assert_eq!(ends(&story.run_at("2026-09-28T04:05:00Z").await.slots), ["performed", "performed"]);
    let within_grace = story.run_at("2026-10-05T21:59:00Z").await;
    assert!(within_grace.issued.is_empty(), "the grace is not over before 6 October in Berlin");
    let mut summary = story.run_at("2026-10-05T22:00:00Z").await;
    assert_eq!((summary.issued.len(), summary.archived), (1, 1));
    let issued = summary.issued.remove(0);
    (story, issued)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quarter_that_is_over_is_frozen_reported_and_archived() {
    let (story, issued) = closed().await;
    assert_eq!((issued.period.as_str(), issued.standing, issued.revision), ("2026-Q3", Standing::Final, 1));
    assert_eq!(issued.view.totals.expected, 2, "one Monday for each job lies between the start and the quarter's end");
    assert_eq!(issued.view.totals.performed, 2);

    // What lies in the archive is the bundle, whole, and proves itself to whoever has the key.
    let objects = story.vault.objects().await;
    let bundles: Vec<_> = objects.iter().filter(|(key, _)| key.starts_with("reports/")).collect();
    assert_eq!(bundles.len(), 1);
    assert_eq!(bundles[0].1, issued.bundle);
    let trust = Trust { keys: vec![story.world.signer.verifier().clone()], ..Trust::default() };
    let verification = verify_bundle(issued.bundle.as_slice(), &trust).expect("a bundle");
    assert!(verification.is_clean(), "{:?}", verification.differences);

    let mut receipts = check_receipts(&story.world).await.expect("receipts");
    assert!(receipts.iter().all(|receipt| receipt.difference.is_none()), "{receipts:?}");
    receipts.retain(|receipt| receipt.report.is_some());
    assert_eq!(receipts.len(), 2, "of the bundle, and of the disclosures");
    assert!(
        receipts.iter().all(|receipt| receipt.report == Some(issued.id) && receipt.difference.is_none()),
        "{receipts:?}"
    );

    // A plain cron that runs again archives the day that is over, and then finds nothing left to do, on no later day
    // either: the receipts of a segment and of the checkpoint that closes it make no segment.
    let size = story.size().await;
    for now in ["2026-10-06T08:00:00Z", "2026-10-06T08:05:00Z", "2026-10-07T08:00:00Z", "2026-10-08T08:00:00Z"] {
        let again = story.run_at(now).await;
        assert_eq!((again.issued.len(), again.archived, again.slots.len()), (0, 0, 0), "{now}");
        assert_eq!(story.size().await, size + 2, "{now}");
    }
    assert!(story.vault.keys().await.iter().any(|key| key.starts_with("segments/2026-10-05/")));
    story.assert_clean().await;
}

/// DESIGN §8, 8: observed in one quarter, recorded after its freeze: listed in the next report as a late arrival, and the
/// final report stays what it was, byte by byte.
#[tokio::test(flavor = "multi_thread")]
async fn evidence_after_the_freeze_is_a_late_arrival() {
    let (story, issued) = closed().await;
    let slow = story.with_clock("2026-09-30T20:00:00Z");
    let late = perform_on_demand(&slow, &story.world.plan.jobs[1].id).await.expect("performed");

    let quarter = story.period("2026-09-30T20:00:00Z");
    let replayed = replay_view(&story.world, &quarter, Standing::Final, issued.size).await.expect("a view");
    assert_eq!(replayed, issued.view);
    let rendered = render_period(&story.world, &quarter).await.expect("rendered");
    assert_eq!(rendered.id, issued.id);
    assert_eq!(rendered.markdown, issued.markdown);
    assert_eq!(rendered.html, issued.html);
    assert_eq!(rendered.json, issued.json);
    assert_eq!(rendered.bundle, issued.bundle);

    let next = story.view("2026-10-05T22:00:00Z").await;
    let arrivals: Vec<_> = next.late_arrivals.iter().map(|arrival| arrival.evidence).collect();
    assert_eq!(arrivals, [late.evidence]);
    assert!(next.evidence.iter().all(|evidence| evidence.id != late.evidence), "it is not moved into the next quarter");
    story.assert_clean().await;
}

/// Recorded after the quarter's end, but within the grace: it counts where it was observed.
#[tokio::test(flavor = "multi_thread")]
async fn evidence_within_the_grace_counts_where_it_was_observed() {
    let story = TestWorld::new("2026-09-25T08:00:00Z", &examples()).await;
    story.run_at("2026-09-25T08:00:00Z").await;
    story.run_at("2026-10-02T08:00:00Z").await;
    let slow = story.with_clock("2026-09-30T20:00:00Z");
    let late = perform_on_demand(&slow, &story.world.plan.jobs[1].id).await.expect("performed");
    let closing = story.run_at("2026-10-05T22:00:00Z").await;
    let view = &closing.issued[0].view;
    assert!(view.evidence.iter().any(|evidence| evidence.id == late.evidence), "counted in its own quarter");
    assert!(view.late_arrivals.is_empty());
}

/// DESIGN §8, 10: the same period from the same checkpoint, by the same version: the same bytes, from any process.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_rendered_twice_has_the_same_bytes() {
    let story = TestWorld::new("2026-08-10T00:00:00Z", &examples()).await;
    story.run_at("2026-08-10T00:00:00Z").await;
    story.run_at("2026-08-10T04:05:00Z").await;
    let period = story.period("2026-08-10T04:05:00Z");
    let first = issue(&story.world, &period, Standing::Interim).await.expect("issued");
    let replayed = replay_view(&story.replica(), &period, Standing::Interim, first.size).await.expect("a view");
    assert_eq!(replayed, first.view);
    let text = serde_json::to_string(&replayed).expect("JSON");
    assert!(!text.contains("test-principal") && !text.contains("test-host"), "names are pseudonyms in reports");

    // A second interim report supersedes the first; both stay.
    story.run_at("2026-08-10T05:00:00Z").await;
    let second = issue(&story.world, &period, Standing::Interim).await.expect("issued");
    assert_eq!((first.revision, second.revision), (1, 2));
    assert_eq!(second.view.cover.supersedes, Some(first.id));
    story.run_at("2026-08-10T05:01:00Z").await;
    let kept = story.vault.keys().await.into_iter().filter(|key| key.starts_with("reports/")).count();
    assert_eq!(kept, 2);
    let mut receipts = check_receipts(&story.world).await.expect("receipts");
    assert!(receipts.iter().all(|receipt| receipt.difference.is_none()), "{receipts:?}");
    receipts.retain(|receipt| receipt.report.is_some());
    assert!(receipts.len() == 4 && receipts.iter().all(|receipt| receipt.difference.is_none()), "{receipts:?}");
}

/// Every quarter that nobody closed is closed, in order, by the first run after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_year_of_silence_is_closed_quarter_by_quarter() {
    let story =
        TestWorld::new("2026-02-02T08:00:00Z", &[Example::new("ci", "ci_secrets", "pass").scheduled("0 6 1 * *")])
            .await;
    story.run_at("2026-02-02T08:00:00Z").await;
    let summary = story.run_at("2027-01-10T08:00:00Z").await;
    let periods: Vec<&str> = summary.issued.iter().map(|issued| issued.period.as_str()).collect();
    assert_eq!(periods, ["2026-Q1", "2026-Q2", "2026-Q3", "2026-Q4"]);
    let expected: Vec<u64> = summary.issued.iter().map(|issued| issued.view.totals.expected).collect();
    let missed: Vec<u64> = summary.issued.iter().map(|issued| issued.view.totals.missed).collect();
    assert_eq!(expected, [1, 3, 3, 3]);
    assert_eq!(missed, expected, "nobody performed any of them");
    assert_eq!(summary.archived, 4);
    story.assert_clean().await;
}
