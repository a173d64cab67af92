//! DESIGN §8, 11: the secrets of the example company are nowhere but in its own files.

use exhibit_evidence::report::Standing;
use exhibit_pipeline::{issue, perform_on_demand};
use exhibit_tests::{Example, Needles, TestWorld};

#[tokio::test(flavor = "multi_thread")]
async fn canaries_are_in_no_table_report_bundle_or_archive() {
    let example = Example::new("company", "unique_credentials", "example-company");
    let malformed = Example::new("malformed", "unique_credentials", "malformed");
    let logs = Example::new("logs", "log_redaction", "fail");
    let known = Example::new("known", "log_redaction", "known");
    let custody = Example::new("custody", "key_custody", "fail-differs");
    let repository = Example::new("repository", "repository_secrets", "fail");
    let history = Example::new("history", "repository_secrets", "history");
    let bundle = Example::new("bundle", "repository_secrets", "bundle");
    let examples = [example, malformed, logs, known, custody, repository, history, bundle];
    let needles = Needles::new(&examples.iter().flat_map(Example::canaries).collect::<Vec<_>>());
    let story = TestWorld::new("2026-08-10T00:00:00Z", &examples).await;
    story.run_at("2026-08-10T00:00:00Z").await;
    for job in examples.iter().map(|example| &example.job.id) {
        perform_on_demand(&story.world, job).await.expect("performed");
    }
    let period = story.period("2026-08-10T00:00:00Z");
    let issued = issue(&story.world, &period, Standing::Interim).await.expect("issued");
    story.run_at("2026-08-10T00:01:00Z").await;
    assert!(!issued.view.deviations.is_empty(), "the run found what is wrong with them");

    let mut places: Vec<(String, Vec<u8>)> = vec![
        ("the Markdown form".to_owned(), issued.markdown.into_bytes()),
        ("the HTML form".to_owned(), issued.html.into_bytes()),
        ("the JSON form".to_owned(), issued.json.into_bytes()),
    ];
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

    assert_eq!(tables_that_hold(&story, &needles).await, Vec::<String>::new());
    // The search itself finds what is there.
    let there = story.database.sql(&story.database.superuser_url(), &search(b"unique-credentials.weak")).await;
    assert!(there.is_err(), "the search over the tables finds nothing at all");
}

/// Where in the database the needles are, each form that is found with its place.
pub(super) async fn tables_that_hold(story: &TestWorld, needles: &Needles) -> Vec<String> {
    let mut found = Vec::new();
    for (form, needle) in needles.iter() {
        if let Err(place) = story.database.sql(&story.database.superuser_url(), &search(needle)).await {
            found.push(format!("{form}: {place}"));
        }
    }
    found
}

/// A statement that fails, naming the place, where any column of any table holds these bytes: as text, or as bytes.
fn search(needle: &[u8]) -> String {
    let hex: String = needle.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "DO $$ DECLARE c record; found bigint; needle bytea := decode('{hex}', 'hex'); BEGIN \
           FOR c IN SELECT table_schema s, table_name t, column_name n, data_type d FROM information_schema.columns \
                     WHERE table_schema NOT IN ('pg_catalog', 'information_schema') LOOP \
             IF c.d = 'bytea' THEN \
               EXECUTE format('SELECT count(*) FROM %I.%I WHERE position($1 in %I) > 0', c.s, c.t, c.n) \
                  INTO found USING needle; \
             ELSE \
               EXECUTE format('SELECT count(*) FROM %I.%I WHERE position($1 in convert_to(%I::text, ''UTF8'')) > 0', c.s, c.t, c.n) \
                  INTO found USING needle; \
             END IF; \
             IF found > 0 THEN RAISE EXCEPTION 'found in %.%.%', c.s, c.t, c.n; END IF; \
           END LOOP; END $$"
    )
}
