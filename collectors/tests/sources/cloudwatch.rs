//! Logs of CloudWatch on the emulator.

use std::fs;

use exhibit_collectors::{Registry, Scope, Settings};
use exhibit_evidence::deployment::Environment;
use exhibit_evidence::{EnvironmentId, Observation, Verdict};

use crate::moto::moto;
use crate::story::Now;

const TOKEN: &str = "ghp_FakeExhibitValue0NotARealKey70ABCDEF";

/// What `log_redaction` sees of a group, and what it says of secrets in it.
fn look(group: &str, url: &str) -> (Observation, Verdict, String) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("id"), "fake-id").expect("written");
    fs::write(folder.path().join("key"), "canary-aws-key").expect("written");
    let source = format!(
        "[[logs]]\nid = 'functions'\n[logs.cloudwatch]\ngroup = '{group}'\nhours = 1\n[logs.cloudwatch.aws]\n\
         region = 'eu-central-1'\nendpoint = '{url}'\nkeys = {{ access_key_id = 'file:id', secret_access_key = 'file:key' }}\n"
    );
    let environments =
        [Environment { id: EnvironmentId::new("production").expect("an id"), title: String::new(), disposable: false }];
    let registry = Registry::built_in().expect("in order");
    let collector = &registry.get("log_redaction").expect("it is there").collector;
    let settings = Settings { source: toml::from_str(&source).expect("TOML"), policy: toml::Table::new() };
    collector.check_settings(&settings).expect("settings that can be meant");
    let engine = exhibit_detect::Engine::builtin();
    let base = folder.path();
    let scope = Scope {
        base,
        environments: &environments,
        clock: &Now,
        run_key: &[7; 32],
        engine,
        own: exhibit_collectors::own::Own::default(),
    };
    let observed = collector.collect(&scope, &settings).expect("collected").observation;
    let judged = collector.judge(&observed, &environments, &settings.policy).expect("judged");
    let told = format!("{} {judged:?}", serde_json::to_string(&observed).expect("JSON"));
    assert!(!told.contains("FakeExhibit") && !told.contains("canary-aws"), "{told}");
    let (verdict, reason) = (judged[0].verdict(), judged[0].subjects[0].reason.clone());
    (observed, verdict, reason)
}

#[test]
fn a_group_passes_fails_errs_and_is_vacuous() {
    moto().with(&format!(
        "import time\n\
         logs, now = client('logs'), int(time.time() * 1000) - 60000\n\
         def put(group, stream, messages):\n    \
             logs.create_log_stream(logGroupName=group, logStreamName=stream)\n    \
             for at in range(0, len(messages), 5000):\n        \
                 events = [dict(timestamp=now + at, message=text) for text in messages[at:at + 5000]]\n        \
                 logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)\n\
         for group in ['/shop/clean', '/shop/leaking', '/shop/empty']: logs.create_log_group(logGroupName=group)\n\
         put('/shop/clean', 'one', ['request done'] * 12000)\n\
         put('/shop/clean', 'two', ['request done\\nand told in two lines'] * 3)\n\
         put('/shop/leaking', 'one', ['request done', 'calling upstream with {TOKEN}'])\n"
    ));
    let url = &moto().url;
    let (observed, verdict, reason) = look("/shop/clean", url);
    assert_eq!(verdict, Verdict::Pass, "{reason} {:?}", observed.problems);
    let population = &observed.population[0];
    assert_eq!((population.unit.as_str(), population.exist, population.examined), ("log event", Some(12_003), 12_003));
    let (observed, verdict, reason) = look("/shop/leaking", url);
    assert_eq!(verdict, Verdict::Fail, "{reason}");
    assert_eq!(observed.facts["logs"][0]["groups"][0]["place"], "/shop/leaking");
    assert_eq!(look("/shop/empty", url).1, Verdict::Vacuous);
    let (observed, verdict, _) = look("/shop/none", url);
    assert_eq!(verdict, Verdict::Error);
    assert!(observed.problems[0].message.contains("ResourceNotFoundException"), "{:?}", observed.problems);
    let (observed, verdict, _) = look("/shop/clean", "http://127.0.0.1:1");
    assert_eq!((verdict, observed.problems[0].code.as_str()), (Verdict::Error, "unreachable"));
}
