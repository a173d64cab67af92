//! The seeds of the fuzz target, replayed.

use std::path::Path;

use exhibit_detect::fuzzing;

#[test]
fn the_seeds_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/stream");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the seeds are kept") {
        let bytes = std::fs::read(entry.expect("readable").path()).expect("readable");
        fuzzing::stream(&bytes);
        // And with everything on, in small pieces.
        fuzzing::stream(&[&[0x0f, 6, 40], bytes.get(3..).unwrap_or(&[])].concat());
        count += 1;
    }
    assert!(count >= 10, "{count}");
}
