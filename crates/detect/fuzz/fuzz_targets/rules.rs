//! Any text as a file of rules: what is read can be tried, and what passes the trial can search.
#![no_main]

use exhibit_detect::{Engine, Rule, validate};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(rules) = Rule::from_toml(text, "any.toml") else { return };
    if validate(&rules).is_err() {
        return;
    }
    let engine = Engine::new(rules).expect("it was tried");
    let _ = engine.scan(text.as_bytes());
});
