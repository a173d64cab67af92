//! What must never be taken back: the boundaries of a quarter that was frozen or reported, and the freeze itself.

use std::sync::Arc;

use exhibit_evidence::report::Standing;
use exhibit_pipeline::{StepError, World, declare, issue, perform_on_demand, render_period, run_due};
use exhibit_tests::{Example, MockClock, TestWorld, at};
use serde_json::Value;

const WEEKLY: &str = "0 6 * * 1";

fn example() -> Example {
    Example::new("ci", "ci_secrets", "pass").scheduled(WEEKLY)
}

/// How many periods are frozen.
async fn frozen(world: &World) -> usize {
    world.store.entries_of_kind("period").await.expect("periods").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_that_moves_a_frozen_quarter_is_refused_and_the_quarter_stays() {
    let story = TestWorld::new("2026-09-25T08:00:00Z", &[example()]).await;
    story.run_at("2026-09-25T08:00:00Z").await;
    let issued = story.run_at("2026-10-05T22:00:00Z").await.issued.remove(0);
    let size = story.size().await;

    for (zone, month) in [("America/New_York", 1), ("Europe/Berlin", 4), ("Europe/Berlin", 2)] {
        let changed = story.with_calendar(zone, month);
        let refused = run_due(&changed, &()).await.expect_err("it would move 2026-Q3");
        let told = refused.to_string();
        assert!(matches!(refused, StepError::Calendar { .. }), "{told}");
        for part in ["`[deployment] time_zone`", "`fiscal_year_start`", "2026-Q3", "2026-09-30T22:00:00.000000Z"] {
            assert!(told.contains(part), "{zone} {month}: {told}");
        }
        assert_eq!(story.size().await, size, "nothing was recorded");
        // Whoever asks for the frozen quarter gets it as it was frozen, whatever the calendar says.
        let named = changed.plan.deployment.calendar.period("2026-Q3".parse().expect("a quarter"));
        let rendered = render_period(&changed, &named).await.expect("rendered");
        assert_eq!((rendered.view, rendered.bundle), (issued.view.clone(), issued.bundle.clone()));
    }

    // Another zone with the same midnights moves nothing.
    declare(&story.with_calendar("Europe/Paris", 1)).await.expect("the same boundaries");
    story.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_may_be_mended_until_a_quarter_was_reported() {
    let story = TestWorld::new("2026-08-10T08:00:00Z", &[example()]).await;
    story.run_at("2026-08-10T08:00:00Z").await;
    let changed = story.with_calendar("America/New_York", 4);
    assert!(declare(&changed).await.expect("no entry has written a boundary").deployment);
    let quarter = changed.plan.deployment.calendar.period_of(at("2026-08-10T08:00:00Z"));
    issue(&changed, &quarter, Standing::Interim).await.expect("issued");
    let refused = declare(&story.world).await.expect_err("the report has other boundaries");
    assert!(matches!(refused, StepError::Calendar { .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_differs_from_the_databases_freezes_nothing() {
    let story = TestWorld::new("2026-09-25T08:00:00Z", &[example()]).await;
    let databases = Arc::new(MockClock::at(at("2026-09-25T08:00:00Z")));
    let world = story.beside_a_server(databases.clone());
    run_due(&world, &()).await.expect("nothing is to be frozen");

    story.clock.set(at("2026-10-05T23:30:00Z"));
    for (databases_says, off) in
        [("2026-09-25T08:00:00Z", true), ("2026-10-06T00:35:00Z", true), ("2026-10-05T23:00:00Z", false)]
    {
        databases.set(at(databases_says));
        let outcome = run_due(&world, &()).await;
        assert_eq!(matches!(outcome, Err(StepError::Clock { .. })), off, "{databases_says}: {outcome:?}");
        assert_eq!(frozen(&world).await, usize::from(!off), "{databases_says}");
    }

    // The offset is a part of each evidence's provenance; where both clocks are one, there is none to tell.
    story.clock.set(at("2026-10-06T08:00:00Z"));
    databases.set(at("2026-10-06T08:00:02Z"));
    for (world, expected) in [(&world, true), (&story.world, false)] {
        let performed = perform_on_demand(world, &world.plan.jobs[0].id).await.expect("performed");
        let record = world.store.entry(performed.evidence).await.expect("recorded").text;
        let record: Value = serde_json::from_str(&record).expect("JSON");
        let offset = record["body"]["provenance"]["clock_offset_ms"].as_i64();
        assert_eq!(offset.map(|offset| (-2_500..-1_500).contains(&offset)), expected.then_some(true), "{offset:?}");
    }
    story.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_over_years_freezes_them_only_after_a_week() {
    let story = TestWorld::new("2026-09-25T08:00:00Z", &[example()]).await;
    story.run_at("2026-09-25T08:00:00Z").await;
    for (now, refused) in
        [("2028-02-03T08:00:00Z", true), ("2028-02-06T08:00:00Z", true), ("2028-02-10T09:00:00Z", false)]
    {
        story.clock.set(at(now));
        let outcome = story.try_run().await;
        assert_eq!(matches!(outcome, Err(StepError::Clock { .. })), refused, "{now}: {:?}", outcome.err());
        assert_eq!(frozen(&story.world).await > 0, !refused, "{now}");
    }
    story.assert_clean().await;
}
