//! `exhibit run` is killed (SIGKILL) at random moments, at least 50 and over some minutes, while jobs fall due every minute and others are asked for.
//!
//! Afterwards no entry is half-written, each slot has at most one performance, `fsck` finds nothing, and the next run
//! completes what was due.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    process::Stdio,
    thread::sleep,
    time::{Duration, Instant},
};

use exhibit_tests::SeededRandom;
use serde_json::Value;

use super::{Place, ends_with, exhibit, json, output};

/// So many kills at least, and for so long: the system's clock has to bring slots that are due.
const KILLS: usize = 50;
const TIME: Duration = Duration::from_secs(130);
/// More than one run gets done before it is killed.
const JOBS: usize = 40;
const SEED: u64 = 0x00e8_1b17;

fn configuration() -> String {
    let mut text =
        "[deployment]\nname = \"Killed\"\ndata_dir = \".\"\n\n[environments.staging]\n\n[environments.production]\n"
            .to_owned();
    for job in 0..JOBS {
        let source =
            |environment: &str| format!("{{ environment = \"{environment}\", dotenv = \"{environment}.env\" }}");
        write!(
            text,
            "\n[[jobs]]\nid = \"job-{job}\"\ncollector = \"unique_credentials\"\nschedule = \"* * * * *\"\n\
             environments = [\"staging\", \"production\"]\nsource = {{ credentials = [{}, {}] }}\n",
            source("staging"),
            source("production"),
        )
        .expect("text can be written");
    }
    text
}

#[test]
fn kills_leave_a_whole_ledger() {
    let place = Place::new();
    fs::write(place.join("exhibit.toml"), configuration()).expect("written");
    for environment in ["staging", "production"] {
        let file =
            format!("DATABASE_URL=postgres://app:{environment}-Kx9vQ2mZ7@db/shop\nAPI_KEY=shared-by-both-Tq8Wn3\n");
        fs::write(place.join(&format!("{environment}.env")), file).expect("written");
    }
    run_to_its_end(&place);
    let begun = Instant::now();
    run_to_its_end(&place);
    let usual = begun.elapsed();

    let random = SeededRandom::new(SEED);
    let mut killed = 0;
    let mut tries = 0;
    let begun = Instant::now();
    while killed < KILLS || begun.elapsed() < TIME {
        tries += 1;
        assert!(begun.elapsed() < TIME * 4, "only {killed} of {tries} runs were still running when they were killed");
        let asked = format!("job-{}", tries % JOBS);
        // Every other run does what is due; the others have something to do in any case.
        let arguments: &[&str] = if tries % 2 == 0 { &["run", "--quiet"] } else { &["run", "--quiet", &asked] };
        let mut run = exhibit(place.path(), arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let wait = u64::try_from(usual.as_micros()).unwrap_or(u64::MAX).clamp(200_000, 10_000_000) * 5 / 4;
        sleep(Duration::from_micros(random.next() % wait));
        if run.try_wait().expect("it can be asked").is_none() {
            run.kill().expect("it can be killed");
            killed += 1;
        }
        run.wait().expect("it ends");
    }

    // The next run completes what was due; the one after it finds only what fell due since.
    let completed = run_to_its_end(&place);
    let last_ended =
        completed.iter().filter_map(|slot| slot["scheduled_for"].as_str()).max().unwrap_or_default().to_owned();
    let further = run_to_its_end(&place);
    for slot in &further {
        let time = slot["scheduled_for"].as_str().expect("a slot has a time");
        assert!(time > last_ended.as_str(), "{time} was left over by a run that went through");
    }

    let checked = json(0, place.path(), &["fsck", "--format", "json"]);
    assert_eq!(checked["clean"], true);
    assert!(checked["outside_checkpoints"].as_u64() > Some(0));

    let kept = json(0, place.path(), &["evidence", "export", "--format", "json"]);
    let kept = kept.as_array().expect("a list of evidence");
    let mut performances: BTreeMap<(String, String), usize> = BTreeMap::new();
    for evidence in kept {
        let job = evidence["job"].as_str().expect("evidence names its job");
        if let Some(time) = evidence["scheduled_for"].as_str() {
            *performances.entry((job.to_owned(), time.to_owned())).or_default() += 1;
        }
    }
    let twice: Vec<_> = performances.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "performed more than once: {twice:?}");
    assert!(performances.len() >= JOBS, "slots were performed at all: {}", performances.len());
    assert!(kept.len() > performances.len(), "and so were jobs that were asked for");
    ends_with(0, place.path(), &["rebuild"]);
    ends_with(0, place.path(), &["fsck"]);
}

/// Runs what is due without a disturbance: an outcome may be an error, but the run itself goes through.
#[track_caller]
fn run_to_its_end(place: &Place) -> Vec<Value> {
    let output = output(place.path(), &["run", "--format", "json"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{:?}: {said}", output.status);
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    told["slots"].as_array().expect("slots").clone()
}
