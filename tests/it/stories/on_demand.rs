//! A performance on demand: evidence, assessments, and the same verdicts that the collectors' own cases expect.

use exhibit_evidence::Verdict;
use exhibit_pipeline::{declare, perform_on_demand};
use exhibit_store::EvidenceFilter;
use exhibit_tests::{Example, TestWorld};

#[tokio::test(flavor = "multi_thread")]
async fn evidence_and_judgement_reach_the_ledger_and_the_report() {
    let examples = [
        Example::new("shop-credentials", "unique_credentials", "example-company"),
        Example::new("shop-ci", "ci_secrets", "pass"),
    ];
    let story = TestWorld::new("2026-08-10T08:00:00Z", &examples).await;
    declare(&story.world).await.expect("declared");
    let declared = story.size().await;

    let faulty = perform_on_demand(&story.world, &examples[0].job.id).await.expect("performed");
    let clean = perform_on_demand(&story.world, &examples[1].job.id).await.expect("performed");

    assert!(faulty.checks.iter().any(|(_, verdict, findings)| *verdict == Verdict::Fail && *findings > 0));
    assert!(clean.checks.iter().all(|(_, verdict, _)| *verdict == Verdict::Pass), "{:?}", clean.checks);
    assert_eq!((faulty.scheduled_for, faulty.late), (None, false));
    let assessed = (faulty.checks.len() + clean.checks.len()) as u64;
    assert_eq!(story.size().await, declared + 2 + assessed, "two pieces of evidence, and an assessment for each check");

    let kept = story.world.store.evidence_list(&EvidenceFilter::default()).await.expect("a list");
    assert_eq!(kept.len(), 2);
    let view = story.view("2026-08-10T08:00:00Z").await;
    assert_eq!(view.totals.on_demand, 2);
    assert_eq!(view.evidence.len(), 2);
    assert!(!view.deviations.is_empty(), "deviations are told");
    for check in &view.checks {
        let run = if check.job == examples[0].job.id { &faulty } else { &clean };
        let (_, verdict, _) =
            run.checks.iter().find(|(id, ..)| *id == check.id.as_str()).expect("every check was judged");
        assert_eq!(check.current.word(), verdict.word(), "{}", check.id);
    }
    story.assert_clean().await;
}

/// The pipeline adds no pass and takes none away.
#[tokio::test(flavor = "multi_thread")]
async fn every_case_gives_its_verdicts_through_the_whole_pipeline() {
    let mut examples = Vec::new();
    for collector in ["unique_credentials", "ci_secrets"] {
        for case in Example::cases(collector) {
            examples.push(Example::new(&format!("{}-{case}", collector.replace('_', "-")), collector, &case));
        }
    }
    assert!(examples.len() > 15, "only {} cases", examples.len());
    // The time that it is in cases: some tell how old a credential is.
    let story = TestWorld::new("2026-11-20T12:00:00.000000Z", &examples).await;
    declare(&story.world).await.expect("declared");
    let mut differences = Vec::new();
    for example in &examples {
        let performed = perform_on_demand(&story.world, &example.job.id).await.expect("performed");
        let expected: Vec<(String, Verdict)> =
            example.expected().checks.into_iter().map(|check| (check.check, check.verdict)).collect();
        let found: Vec<(String, Verdict)> =
            performed.checks.into_iter().map(|(check, verdict, _)| (check, verdict)).collect();
        if expected != found {
            differences.push(format!("{}: expected {expected:?}, found {found:?}", example.job.id));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    story.assert_clean().await;
}

/// DESIGN §8, 6: what was not reachable, and what held nothing, is no pass.
#[tokio::test(flavor = "multi_thread")]
async fn unreachable_is_error_and_empty_is_vacuous() {
    let examples = [
        Example::new("gone", "unique_credentials", "unreachable"),
        Example::new("no-repository", "ci_secrets", "not-a-repository"),
        Example::new("empty", "unique_credentials", "vacuous"),
        Example::new("empty-repository", "ci_secrets", "vacuous"),
    ];
    let story = TestWorld::new("2026-08-10T08:00:00Z", &examples).await;
    declare(&story.world).await.expect("declared");
    for (example, never) in examples.iter().zip([Verdict::Error, Verdict::Error, Verdict::Vacuous, Verdict::Vacuous]) {
        let performed = perform_on_demand(&story.world, &example.job.id).await.expect("performed");
        assert!(
            performed.checks.iter().any(|(_, verdict, _)| *verdict == never),
            "{}: {:?}",
            example.job.id,
            performed.checks
        );
        assert!(
            performed.checks.iter().all(|(_, verdict, _)| *verdict != Verdict::Pass),
            "{}: {:?}",
            example.job.id,
            performed.checks
        );
    }
    let view = story.view("2026-08-10T08:00:00Z").await;
    let passes: Vec<String> = super::outcomes(&view).into_iter().filter(|line| line.contains(" pass")).collect();
    assert!(passes.is_empty(), "{passes:?}");
}
