//! DESIGN §8, 11: the secrets of the example company are nowhere but in its own files.

use exhibit_evidence::report::Standing;
use exhibit_pipeline::{issue, perform_on_demand};
use exhibit_tests::{Example, Needles, TestWorld, tables_that_hold};

/// Whose cases plant values that must be found nowhere else.
const COLLECTORS: [&str; 5] =
    ["unique_credentials", "key_custody", "ci_secrets", "log_redaction", "repository_secrets"];

/// Every case that plants some, and every case of `key_custody`: they share their keys.
fn examples() -> Vec<Example> {
    let mut examples = Vec::new();
    for collector in COLLECTORS {
        for case in Example::cases(collector) {
            let job = format!("{}-{case}", collector.replace('_', "-"));
            let example = Example::new(&job, collector, &case);
            if example.plants() || collector == "key_custody" {
                examples.push(example);
            }
        }
    }
    examples
}

#[tokio::test(flavor = "multi_thread")]
async fn canaries_are_in_no_table_report_bundle_or_archive() {
    let examples = examples();
    let planting = examples.iter().filter(|example| example.plants());
    let needles = Needles::new(&planting.flat_map(Example::canaries).collect::<Vec<_>>());
    let story = TestWorld::new("2026-08-10T00:00:00Z", &examples).await;
    story.run_at("2026-08-10T00:00:00Z").await;
    let (mut said, mut performed) = (Vec::new(), 0);
    for job in examples.iter().map(|example| &example.job.id) {
        match perform_on_demand(&story.world, job).await {
            Ok(_) => performed += 1,
            Err(error) => said.push((format!("what went wrong with {job}"), format!("{error} {error:?}").into_bytes())),
        }
    }
    assert!(performed * 2 > examples.len(), "only {performed} of {} were performed: {said:?}", examples.len());
    let period = story.period("2026-08-10T00:00:00Z");
    let issued = issue(&story.world, &period, Standing::Interim).await.expect("issued");
    story.run_at("2026-08-10T00:01:00Z").await;
    assert!(!issued.view.deviations.is_empty(), "the run found what is wrong with them");

    let mut places: Vec<(String, Vec<u8>)> = vec![
        ("the Markdown form".to_owned(), issued.markdown.into_bytes()),
        ("the HTML form".to_owned(), issued.html.into_bytes()),
        ("the JSON form".to_owned(), issued.json.into_bytes()),
    ];
    places.append(&mut said);
    for evidence in &issued.view.evidence {
        for digest in &evidence.artifacts {
            let artifact = story.world.store.artifact(*digest).await.expect("artifacts are kept");
            places.push((format!("artifact {digest}"), artifact.bytes));
        }
    }
    let objects = story.vault.objects().await;
    assert!(objects.iter().any(|(key, _)| key.starts_with("reports/")), "the bundle is archived");
    places.extend(objects);
    let found: Vec<String> = places
        .iter()
        .flat_map(|(place, bytes)| needles.found_in(bytes).into_iter().map(move |form| format!("{place}: {form}")))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));

    let superuser = story.database.superuser_url();
    assert_eq!(tables_that_hold(&superuser, &needles).await, Vec::<String>::new());
    // The search itself finds what is there.
    let there = Needles::new(&["unique-credentials.weak".to_owned()]);
    let there = tables_that_hold(&superuser, &there).await;
    assert!(there.iter().any(|place| place.contains("exhibit.entries")), "{there:?}");
}
