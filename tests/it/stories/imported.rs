//! A result that is handed in as a file: what the scanner printed is kept with what was told from it, masked, and once.

use std::{fs, path::PathBuf};

use exhibit_evidence::{Digest, EntryId, Outcome, SubjectId, observation::Subject, report::Standing};
use exhibit_pipeline::{Import, ImportError, KeptArtifact, NotKept, import, issue, kept_artifact};
use exhibit_store::{
    EvidenceFilter,
    service::{Role, TokenScope},
};
use exhibit_tests::{Api, Example, Needles, TestWorld, at, tables_that_hold};
use serde_json::{Value, json as value};

const BEFORE: &str = "2026-08-10T00:30:00Z";
const SEEN: &str = "2026-08-10T02:01:00Z";
const NOW: &str = "2026-08-10T02:05:00Z";

async fn begin() -> TestWorld {
    let examples = [Example::new("scans", "dependency_scan", "fail").pushed().scheduled("0 4 * * *")];
    let story = TestWorld::new(BEFORE, &examples).await;
    story.run_at(BEFORE).await;
    story.clock.set(at(NOW));
    story
}

/// The order to take in this file, with the lockfile of the case.
fn order(story: &TestWorld, file: PathBuf) -> Import {
    let job = story.world.plan.jobs[0].clone();
    Import {
        counted_in: vec![story.input().join("scans/requirements.txt")],
        file,
        format: Some("pip-audit".to_owned()),
        subject: Subject { environment: job.environments[0].clone(), id: SubjectId::new("shop").expect("an id") },
        observed_at: Some(at(SEEN)),
        host: Some("runner-7".to_owned()),
        job: job.id,
    }
}

/// The artifacts that a piece of evidence names.
async fn named(story: &TestWorld, evidence: EntryId) -> Vec<Value> {
    let record = story.world.store.entry(evidence).await.expect("it").record().expect("a record");
    let record: Value = serde_json::from_slice(record.as_bytes()).expect("JSON");
    record["body"]["observation"]["artifacts"].as_array().expect("a list").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_scanner_printed_is_kept_masked_and_found_wherever_evidence_is() {
    let story = begin().await;
    let secret = ["ghp", "_", "Zq7vX9kQ2Wm4Ht6Rb8Yc1Nd3Lf5Gj0SaPe2U"].concat();
    let needles = Needles::new(std::slice::from_ref(&secret));
    let file = story.input().join("scans/result.json");
    let whole = fs::read_to_string(&file).expect("read");
    let with = whole.replace("directory traversal", &format!("directory traversal, as by {secret}"));
    assert_ne!(with, whole);
    fs::write(&file, &with).expect("written");
    let taken = import(&story.world, order(&story, file.clone())).await.expect("taken");
    assert!(!taken.already);

    let artifacts = named(&story, taken.evidence).await;
    let said = artifacts.iter().find(|one| one["name"] == "what pip-audit said").expect("it is named");
    assert_eq!((&said["masked"], &said["media_type"]), (&1.into(), &"application/json".into()));
    let digest = said["digest"].as_str().expect("a digest");
    let kept = story.world.store.artifact(digest.parse().expect("a digest")).await.expect("kept").bytes;
    assert_eq!(said["size"], kept.len());
    // All of it but the secret.
    let (before, after) = with.split_once(&secret).expect("there");
    let text = String::from_utf8(kept.clone()).expect("text");
    assert!(text.starts_with(before) && text.ends_with(after), "{text}");

    // Who reads through the API gets it by the piece that names it.
    let api = Api::new(&story);
    let (_, auditor) = api.token(&story, "audra", Role::Auditor, TokenScope::default()).await;
    let place = format!("/api/v1/evidence/{}/artifacts/{digest}", taken.evidence);
    let answered = api.get(&place, &auditor).await;
    assert_eq!((answered.status, &answered.body), (200, &kept));

    // It is in the bundle and in the archive, and nowhere is the secret.
    let issued = issue(&story.world, &story.period(BEFORE), Standing::Interim).await.expect("issued");
    assert_eq!(issued.view.totals.pushed, 1);
    story.run_at("2026-08-10T02:10:00Z").await;
    let objects = story.vault.objects().await;
    let hex = digest.trim_start_matches("sha256:");
    let bundle = objects.iter().find(|(key, _)| key.starts_with("reports/")).expect("the bundle is archived");
    assert!(String::from_utf8_lossy(&bundle.1).contains(&format!("artifacts/{hex}")), "the bundle holds it");
    for (key, bytes) in &objects {
        assert_eq!(needles.found_in(bytes), Vec::<String>::new(), "{key}");
    }
    assert_eq!(tables_that_hold(&story.database.superuser_url(), &needles).await, Vec::<String>::new());
    story.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_read_is_an_error_that_keeps_what_was_handed_in() {
    let story = begin().await;
    let file = story.input().join("scans/result.json");
    fs::write(&file, "<html>503 Service Unavailable</html>").expect("written");
    let taken = import(&story.world, order(&story, file.clone())).await.expect("taken");
    let filter = EvidenceFilter::default();
    let pieces = story.world.store.evidence_list(&filter).await.expect("a list");
    assert_eq!(pieces.iter().map(|one| (one.id, one.outcome)).collect::<Vec<_>>(), [(taken.evidence, Outcome::Error)]);
    let artifacts = named(&story, taken.evidence).await;
    let digest = artifacts[0]["digest"].as_str().expect("a digest").parse().expect("a digest");
    assert_eq!(story.world.store.artifact(digest).await.expect("kept").bytes, fs::read(&file).expect("read"));

    // The same once more is the same; without a word of whose output it is, it is refused.
    let again = import(&story.world, order(&story, file.clone())).await.expect("taken");
    assert_eq!((again.evidence, again.already), (taken.evidence, true));
    let refused = import(&story.world, Import { format: None, ..order(&story, file) }).await;
    assert!(matches!(refused, Err(ImportError::Unreadable(_))), "{refused:?}");
    assert_eq!(story.world.store.evidence_list(&filter).await.expect("a list").len(), 1);

    // The slot that it belongs to is filled by an error, so the quarter is not green.
    let view = story.view(BEFORE).await;
    assert_eq!((view.totals.pushed, view.totals.performed), (1, 1), "{:?}", view.totals);
    assert!(super::outcomes(&view).iter().any(|line| line.ends_with("known-vulnerabilities error error")));
    story.assert_clean().await;
}

/// Two processes, and as many orders as they can be given differently.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_at_once_is_one_piece_whatever_it_is_called() {
    let story = begin().await;
    let file = story.input().join("scans/result.json");
    let copied = story.input().join("another-name.json");
    let more = story.input().join("more-requirements.txt");
    fs::copy(&file, &copied).expect("copied");
    fs::write(&more, "flask==3.0.0\n").expect("written");
    let order = |file: &PathBuf| {
        let mut order = order(&story, file.clone());
        order.counted_in.push(more.clone());
        order
    };
    let other = Import { counted_in: order(&file).counted_in.into_iter().rev().collect(), ..order(&copied) };
    let replica = story.replica();
    let (one, two) = tokio::join!(import(&story.world, order(&file)), import(&replica, other));
    let (one, two) = (one.expect("taken"), two.expect("taken"));
    assert_eq!(one.evidence, two.evidence);
    assert_ne!(one.already, two.already);
    let pieces = story.world.store.evidence_list(&EvidenceFilter::default()).await.expect("a list");
    assert_eq!(pieces.len(), 1);
    assert_eq!((pieces[0].examined, pieces[0].exist), (4, Some(5)));
    story.assert_clean().await;
}

/// Whoever asks for what was kept gets it, from wherever it is, or hears why not.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_is_found_in_the_database_or_in_the_archive() {
    let story = begin().await;
    let file = story.input().join("scans/result.json");
    let taken = import(&story.world, order(&story, file.clone())).await.expect("taken");
    let digest: Digest = named(&story, taken.evidence).await[0]["digest"].as_str().expect("it").parse().expect("one");
    let bytes = fs::read(&file).expect("read");
    let here = kept_artifact(&story.world, digest).await.expect("kept");
    assert_eq!(here, KeptArtifact { bytes: bytes.clone(), archived: None });

    let none = Digest::of(b"nobody ever kept this");
    let unknown = kept_artifact(&story.world, none).await;
    assert!(matches!(unknown, Err(NotKept::Unknown(asked)) if asked == none), "{unknown:?}");

    // Other bytes than those of the digest are never handed out.
    let row = format!("WHERE digest = decode('{}', 'hex')", digest.hex());
    story.database.tamper(&format!("UPDATE exhibit.artifacts SET size = size + 1 {row}")).await;
    let others = kept_artifact(&story.world, digest).await;
    assert!(
        matches!(&others, Err(NotKept::Step(error)) if error.to_string().contains("its bytes are others")),
        "{others:?}"
    );
    story.database.tamper(&format!("UPDATE exhibit.artifacts SET size = size - 1 {row}")).await;

    // What is gone from the database is in the archive, once it was archived, and else lost.
    story.database.tamper(&format!("CREATE TABLE public.aside AS SELECT * FROM exhibit.artifacts {row}")).await;
    story.database.tamper(&format!("DELETE FROM exhibit.artifacts {row}")).await;
    let lost = kept_artifact(&story.world, digest).await;
    assert!(matches!(&lost, Err(NotKept::Lost { evidence, .. }) if *evidence == taken.evidence), "{lost:?}");
    story.database.tamper("INSERT INTO exhibit.artifacts SELECT * FROM public.aside").await;
    story.run_at("2026-08-11T00:10:00Z").await;
    story.database.tamper(&format!("DELETE FROM exhibit.artifacts {row}")).await;
    let archived = kept_artifact(&story.world, digest).await.expect("archived");
    assert_eq!(archived, KeptArtifact { bytes, archived: Some(format!("artifacts/{}", digest.hex())) });
}

/// A bill of a thousand packages, so that its facts are kept as an artifact, and what a pipeline changes in it.
fn bill(django: &str, secret: &str) -> String {
    let component = |name: &str, version: &str| value!({"type": "library", "bom-ref": name, "name": name, "version": version, "purl": format!("pkg:pypi/{name}@{version}")});
    let mut components: Vec<Value> = (0..1000).map(|at| component(&format!("package-{at}"), "1.0")).collect();
    components.push(component("django", django));
    let authors = value!([{"name": format!("Build team {secret}")}]);
    let of = value!({"type": "application", "name": "shop"});
    let metadata = value!({"timestamp": "2026-08-09T22:00:00Z", "authors": authors, "component": of});
    value!({"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": metadata, "components": components}).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipelines_bill_is_held_against_its_lockfile_and_against_the_bill_before() {
    let examples = [Example::new("bills", "sbom", "pass-folder").pushed().scheduled("0 4 * * *")];
    let story = TestWorld::new(BEFORE, &examples).await;
    story.run_at(BEFORE).await;
    story.clock.set(at(NOW));
    let secret = ["ghp", "_", "Zq7vX9kQ2Wm4Ht6Rb8Yc1Nd3Lf5Gj0SaPe2U"].concat();
    let (file, lockfile) = (story.input().join("shop.cdx.json"), story.input().join("requirements.txt"));
    let job = story.world.plan.jobs[0].clone();
    let order = |counted_in: &[&PathBuf]| Import {
        job: job.id.clone(),
        file: file.clone(),
        format: Some("cyclonedx".to_owned()),
        subject: Subject { environment: job.environments[0].clone(), id: SubjectId::new("shop").expect("an id") },
        observed_at: Some(at(SEEN)),
        counted_in: counted_in.iter().map(|path| (*path).clone()).collect(),
        host: None,
    };
    let says = async |evidence: EntryId, check: &str| {
        let shown = story.world.store.evidence_show(evidence).await.expect("it");
        let mut assessments =
            shown.assessments.iter().map(|entry| serde_json::from_str::<Value>(&entry.text).expect("JSON"));
        let of = assessments.find(|one| one["body"]["judgement"]["check"] == check).expect("the check");
        let subject = &of["body"]["judgement"]["subjects"][0];
        format!(
            "{}: {}",
            subject["verdict"].as_str().expect("a verdict"),
            subject["reason"].as_str().expect("a reason")
        )
    };

    fs::write(&lockfile, "django==4.2.1\n").expect("written");
    fs::write(&file, bill("4.2.1", &secret)).expect("written");
    let first = import(&story.world, order(&[&lockfile])).await.expect("taken").evidence;
    let exists = says(first, "sbom.exists").await;
    assert!(exists.starts_with("pass: ") && exists.ends_with("No earlier bill of it is in evidence."), "{exists}");
    assert!(says(first, "sbom.complete").await.starts_with("pass: 1 package counted"));
    let artifacts = named(&story, first).await;
    let kept = artifacts.iter().find(|one| one["name"] == "bill of materials, shop.cdx.json").expect("it is kept");
    assert_eq!(kept["masked"], 1);
    assert!(artifacts.iter().any(|one| one["name"] == "facts"), "{artifacts:?}");

    // The next build has another version, which the lockfile that comes with it does not name.
    fs::write(&file, bill("4.2.2", "")).expect("written");
    let second = import(&story.world, order(&[&lockfile])).await.expect("taken");
    assert!(!second.already);
    let exists = says(second.evidence, "sbom.exists").await;
    let told = "Since the bill in evidence of 2026-08-10: 1 package at other versions: pkg:pypi/django (4.2.1 before, 4.2.2 now).";
    assert!(exists.starts_with("pass: ") && exists.ends_with(told), "{exists}");
    assert!(says(second.evidence, "sbom.complete").await.starts_with("fail: 1 deviation"));

    // By itself it does not tell what it leaves out, and a file that is no bill hides no bill before it.
    let alone = import(&story.world, order(&[])).await.expect("taken").evidence;
    assert!(says(alone, "sbom.exists").await.ends_with("the same bill."));
    assert!(says(alone, "sbom.complete").await.starts_with("vacuous: No lockfile was handed in"));
    fs::write(&file, "<html>503 Service Unavailable</html>").expect("written");
    let page = import(&story.world, order(&[&lockfile])).await.expect("taken");
    assert!(says(page.evidence, "sbom.exists").await.starts_with("error: "));
    let again = import(&story.world, order(&[&lockfile])).await.expect("taken");
    assert_eq!((again.evidence, again.already), (page.evidence, true));
    fs::write(&file, bill("4.2.1", "x")).expect("written");
    let back = import(&story.world, order(&[&lockfile])).await.expect("taken").evidence;
    let exists = says(back, "sbom.exists").await;
    assert!(exists.ends_with("pkg:pypi/django (4.2.2 before, 4.2.1 now)."), "{exists}");
    let needles = Needles::new(std::slice::from_ref(&secret));
    assert_eq!(tables_that_hold(&story.database.superuser_url(), &needles).await, Vec::<String>::new());
    story.assert_clean().await;
}
