//! The collector `log_redaction` on a bucket of a real S3 server, over TLS of an authority that only the settings name.

use std::{fs, io::Write as _, path::Path};

use exhibit_collectors::{Collector as _, Scope, Settings, log_redaction::LogRedaction};
use exhibit_evidence::{
    Clock, EnvironmentId, Observation, Timestamp, Verdict, deployment::Environment, observation::Method,
};
use exhibit_tests::s3::real_time;

use crate::object_lock::server::{ADMINISTRATOR, Bucket, server};

const TOKEN: &str = "ghp_FakeExhibitValue0NotARealKey70ABCDEF";

/// Signatures hold the time, and the server compares it.
struct Now;

impl Clock for Now {
    fn now(&self) -> Timestamp {
        real_time()
    }
}

/// A bucket with these objects.
fn bucket(objects: &[(String, Vec<u8>)]) -> Bucket {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let bucket = Bucket::plain().await;
        for (key, body) in objects {
            let put = bucket.administer("PUT", &format!("/{key}"), &[], body).await;
            assert_eq!(put.status(), 200, "{}", put.text());
        }
        bucket
    })
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(text.as_bytes()).expect("packed");
    packer.finish().expect("packed")
}

/// What the collector sees and says: `rest` is what follows bucket and prefix in the log's settings.
fn look(bucket: &str, endpoint: &str, secret: &str, rest: &str) -> (Observation, Vec<(Verdict, String)>) {
    let place = tempfile::tempdir().expect("a folder");
    write(place.path(), "authority.pem", &server().authority);
    write(place.path(), "id", ADMINISTRATOR.id);
    write(place.path(), "secret", secret);
    let source = format!(
        "[[logs]]\nid = 'api'\ns3 = {{ bucket = '{bucket}', prefix = 'api/', aws = {{ region = 'us-east-1', endpoint = '{endpoint}', \
         authorities = 'authority.pem', keys = {{ access_key_id = 'file:id', secret_access_key = 'file:secret' }} }} }}\n{rest}"
    );
    let environments =
        [Environment { id: EnvironmentId::new("production").expect("an id"), title: String::new(), disposable: false }];
    let scope = Scope {
        base: place.path(),
        environments: &environments,
        clock: &Now,
        engine: exhibit_detect::Engine::builtin(),
        run_key: &[7; 32],
        own: exhibit_collectors::own::Own::default(),
    };
    let settings = Settings { source: toml::from_str(&source).expect("TOML"), policy: toml::Table::new() };
    LogRedaction.check_settings(&settings).expect("settings are in order");
    let observation = LogRedaction.collect(&scope, &settings).expect("collected").observation;
    let judged = LogRedaction.judge(&observation, &environments, &settings.policy).expect("judged");
    let told = format!("{} {judged:?}", serde_json::to_string(&observation).expect("JSON"));
    for value in ["FakeExhibit", secret, ADMINISTRATOR.id] {
        assert!(!told.contains(value), "{value} is told");
    }
    (observation, judged.iter().map(|one| (one.verdict(), one.subjects[0].reason.clone())).collect())
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("written");
}

fn tls() -> String {
    format!("https://{}", server().tls)
}

fn population(observation: &Observation, unit: &str) -> (Option<u64>, u64) {
    let of_unit = observation.population.iter().find(|population| population.unit == unit);
    of_unit.map(|population| (population.exist, population.examined)).expect("it is counted")
}

#[test]
fn objects_of_a_bucket_are_read_whole_and_judged() {
    let quiet = "request done\n".repeat(100);
    // More than a page of the listing, and keys that need care in a URL.
    let mut objects: Vec<(String, Vec<u8>)> =
        (0..1005).map(|number| (format!("api/{number:04}.log"), b"request done\n".to_vec())).collect();
    objects.push(("api/with%20space%20%26%20plus%2B.log.gz".to_owned(), gzipped(&quiet)));
    objects.push(("other/leaking.log".to_owned(), TOKEN.into()));
    let clean = bucket(&objects);
    let (observation, said) = look(&clean.name, &tls(), ADMINISTRATOR.secret, "");
    assert_eq!(said[0].0, Verdict::Pass, "{} {:?}", said[0].1, observation.problems);
    assert_eq!(population(&observation, "object"), (Some(1006), 1006));
    assert_eq!(population(&observation, "log line"), (Some(1105), 1105));
    let bytes = 1005 * 13 + gzipped(&quiet).len() as u64;
    assert_eq!(population(&observation, "byte as it is kept"), (Some(bytes), bytes));

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let leak = gzipped(&format!("{quiet}calling upstream with {TOKEN}\n"));
    let put = runtime.block_on(clean.administer("PUT", "/api/leaking.log.gz", &[], &leak));
    assert_eq!(put.status(), 200);
    let (observation, said) = look(&clean.name, &tls(), ADMINISTRATOR.secret, "");
    assert_eq!(said[0].0, Verdict::Fail, "{}", said[0].1);
    let group = &observation.facts["logs"][0]["groups"][0];
    assert_eq!((group["place"].as_str(), group["examples"][0]["line"].as_u64()), (Some("api/leaking.log"), Some(101)));
}

#[test]
fn a_bucket_that_can_not_be_asked_or_holds_nothing_is_no_pass() {
    let empty = bucket(&[("other/a.log".to_owned(), b"request done\n".to_vec())]);
    let (observation, said) = look(&empty.name, &tls(), ADMINISTRATOR.secret, "");
    assert_eq!(said[0].0, Verdict::Vacuous, "{} {:?}", said[0].1, observation.problems);
    for (bucket, endpoint, secret, code) in [
        (empty.name.as_str(), tls().as_str(), "fake-wrong-secret", "denied"),
        ("exhibit-test-none", tls().as_str(), ADMINISTRATOR.secret, "not-there"),
        (empty.name.as_str(), "https://127.0.0.1:1", ADMINISTRATOR.secret, "unreachable"),
    ] {
        let (observation, said) = look(bucket, endpoint, secret, "");
        assert_eq!(said[0].0, Verdict::Error, "{code}: {}", said[0].1);
        assert_eq!(observation.problems[0].code, code, "{}", observation.problems[0].message);
    }
}

#[test]
fn a_sample_of_objects_is_drawn_again_by_its_seed() {
    let text = |number: u32| if number % 10 == 3 { format!("with {TOKEN}\n") } else { "request done\n".to_owned() };
    let objects: Vec<(String, Vec<u8>)> =
        (0..200).map(|number| (format!("api/{number}.log"), text(number).into_bytes())).collect();
    let bucket = bucket(&objects);
    let sampled = |seed: &str| {
        let (observation, said) =
            look(&bucket.name, &tls(), ADMINISTRATOR.secret, &format!("sample = {{ above = 100, size = 80{seed} }}"));
        let Method::Sample { seed, size: 80, statement } = &observation.method else { panic!("a sample") };
        assert!(statement.contains("80 of 200 objects") && statement.contains("1 in 27 objects"), "{statement}");
        assert_eq!(population(&observation, "object"), (Some(200), 80));
        assert_eq!(population(&observation, "log line"), (Some(80), 80));
        assert_eq!(said[0].0, Verdict::Fail, "{}", said[0].1);
        (seed.clone(), observation.facts["logs"][0].clone())
    };
    let (seed, first) = sampled("");
    // The auditor's redraw; fingerprints are the run's own, and this test's runs share their key.
    assert_eq!(sampled(&format!(", seed = '{seed}'")).1, first);
    let (_, other) = sampled(", seed = '00112233445566778899aabbccddeeff'");
    assert_eq!(other["sample"]["population"], first["sample"]["population"]);
    assert_ne!(other["groups"], first["groups"], "other objects were drawn");
}
