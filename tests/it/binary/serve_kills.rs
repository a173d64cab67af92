//! Two services on one Postgres are killed (SIGKILL) at random, 50 times, while jobs fall due every minute.
//!
//! Afterwards every promised slot was performed once at most or is visibly not performed, and `fsck` finds nothing.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    thread::sleep,
    time::{Duration, Instant},
};

use exhibit_tests::SeededRandom;
use nix::sys::signal::Signal;
use serde_json::Value;

use super::{
    Place, ends_with, json,
    serve::{Serving, quarter},
};

const KILLS: usize = 50;
/// The system's clock has to bring slots that are due, twice at least.
const TIME: Duration = Duration::from_secs(125);
/// So many that a minute's slots keep both busy for a good part of it.
const JOBS: usize = 60;
const SEED: u64 = 0x05e8_7e00;

fn configuration() -> String {
    let mut text = "[deployment]\nname = \"Killed\"\ndata_dir = \"data\"\n\n[service]\nworkers = 2\n\n\
                    [environments.staging]\n\n[environments.production]\n"
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
fn kills_of_two_services_leave_every_slot_accounted_for() {
    let place = Place::new();
    fs::write(place.join("exhibit.toml"), configuration()).expect("written");
    for environment in ["staging", "production"] {
        let file = format!("DATABASE_URL=postgres://app:{environment}-Kx9vQ2mZ7@db/shop\n");
        fs::write(place.join(&format!("{environment}.env")), file).expect("written");
    }
    let random = SeededRandom::new(SEED);
    let names = ["one.log", "two.log"];
    let mut services = names.map(|name| Serving::start(&place, name, &[]));
    // From here on slots are promised; on a busy machine the start itself may take a while.
    services.iter().for_each(Serving::until_it_serves);
    let begun = Instant::now();
    for killed in 1..=KILLS {
        // Spread over the time that there is; by chance soon after a start, or after a while.
        let left = TIME.saturating_sub(begun.elapsed());
        let pause = left / u32::try_from(KILLS + 1 - killed).expect("a small number") * 2;
        sleep(Duration::from_micros(random.next() % u64::try_from(pause.as_micros().max(1)).expect("a small number")));
        let which = usize::try_from(random.next() % 2).expect("0 or 1");
        services[which].kill();
        services[which] = Serving::start(&place, names[which], &[]);
    }
    sleep(TIME.saturating_sub(begun.elapsed()));
    for service in &services {
        service.until_it_serves();
        service.send(Signal::SIGTERM);
    }
    for service in &mut services {
        let ended = service.ended_within(Duration::from_secs(30)).expect("it ends");
        assert_eq!(ended.code(), Some(0), "{}", service.log());
        assert!(!service.log().contains("panicked"), "{}", service.log());
    }
    ends_with(0, place.path(), &["run"]);

    let checked = json(0, place.path(), &["fsck", "--format", "json"]);
    assert_eq!(checked["clean"], true);
    let kept = json(0, place.path(), &["evidence", "export", "--format", "json"]);
    let mut performances: BTreeMap<(String, String), usize> = BTreeMap::new();
    for evidence in kept.as_array().expect("a list of evidence") {
        let text = |key: &str| evidence[key].as_str().expect("a text").to_owned();
        *performances.entry((text("job"), text("scheduled_for"))).or_default() += 1;
    }
    let twice: Vec<_> = performances.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "performed more than once: {twice:?}");
    assert!(performances.len() >= JOBS, "slots were performed at all: {}", performances.len());

    // Every slot that was promised is in the report: as performed, or as a gap.
    let (_, last) = performances.keys().max_by_key(|(_, time)| time.clone()).expect("there are some");
    ends_with(0, place.path(), &["report", "render", "--period", &quarter(last), "--out", "report"]);
    let report = fs::read_to_string(place.join("report/report.json")).expect("a report");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let total = |key: &str| report["totals"][key].as_u64().unwrap_or_else(|| panic!("{key}: {}", report["totals"]));
    assert!(total("expected") >= 2 * JOBS as u64, "{}", report["totals"]);
    assert_eq!(
        total("expected"),
        total("performed") + total("late") + total("missed") + total("errored"),
        "{}",
        report["totals"]
    );
    assert_eq!(total("performed") + total("late"), performances.len() as u64);
    ends_with(0, place.path(), &["rebuild"]);
    ends_with(0, place.path(), &["fsck"]);
}
