//! Any bytes as a file of any CI system, or as YAML whose content decides: the first byte chooses.
#![no_main]

use exhibit_collectors::ci_secrets::{fuzzing, recognise::systems};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((choice, content)) = bytes.split_first() else { return };
    let system = systems().get(usize::from(*choice) % (systems().len() + 1));
    fuzzing::examine(content, system.map(|system| system.syntax));
});
