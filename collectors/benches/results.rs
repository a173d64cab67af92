//! `cargo bench -p exhibit-collectors --bench results`: a SARIF file of 200 MB, read as a stream.
//!
//! The file is made first, in a temporary folder. Printed: how long reading it took, with everything told counted, and how much
//! memory the process had at most beside what it had before; and the same of Python's own JSON, which holds the document,
//! where there is a `python3`.

#![expect(clippy::print_stdout, reason = "the figures are what a benchmark is for")]

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
    process::Command,
    time::Instant,
};

use exhibit_collectors::results::{Limits, Told, read};

const SIZE: u64 = 200_000_000;
/// Runs, of which the median is printed.
const ROUNDS: usize = 5;

/// Writes results as a tool for a large code base does: each with a message, a region, a snippet and a flow of steps.
fn generate(path: &Path) -> std::io::Result<u64> {
    let mut out = BufWriter::new(File::create(path)?);
    let mut written = 0;
    let head = r#"{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":[{"tool":{"driver":{"name":"bench","version":"1.0","rules":[{"id":"rule/0","defaultConfiguration":{"level":"error"},"properties":{"security-severity":"7.5"}}]}},"results":["#;
    out.write_all(head.as_bytes())?;
    let mut count = 0_u64;
    while written < SIZE {
        let comma = if count == 0 { "" } else { "," };
        let step = |number: u64| {
            format!(
                r#"{{"location":{{"physicalLocation":{{"artifactLocation":{{"uri":"src/module{number}/file.c","uriBaseId":"%SRCROOT%"}},"region":{{"startLine":{number},"startColumn":5,"endColumn":20}}}},"message":{{"text":"the value \"x\" flows here"}}}}}}"#
            )
        };
        let result = format!(
            r#"{comma}{{"ruleId":"rule/0","ruleIndex":0,"message":{{"text":"result {count}: a value from outside reaches \u0022exec\u0022 unchecked"}},"locations":[{{"physicalLocation":{{"artifactLocation":{{"uri":"src/module{}/file.c","index":{count}}},"region":{{"startLine":{},"snippet":{{"text":"    exec(user_input); // line of code\n"}}}}}}}}],"partialFingerprints":{{"primaryLocationLineHash":"{:032x}:1"}},"codeFlows":[{{"threadFlows":[{{"locations":[{},{},{}]}}]}}]}}"#,
            count % 977,
            count % 5000 + 1,
            u128::from(count) * 0x9e37_79b9_7f4a_7c15,
            step(count % 31),
            step(count % 57),
            step(count % 91),
        );
        out.write_all(result.as_bytes())?;
        written += result.len() as u64;
        count += 1;
    }
    out.write_all(b"]}]}")?;
    out.flush()?;
    Ok(count)
}

/// What the process had at most so far, in KiB, as Linux counts it.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse().unwrap_or_default()
}

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("big.sarif");
    let made = generate(&path).expect("written");
    let size = fs::metadata(&path).expect("there").len();
    let before = peak();
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let mut findings = 0_u64;
        let begun = Instant::now();
        let found = read("big.sarif", path.as_path(), None, Limits::default(), &mut |told: Told| {
            findings += u64::from(matches!(told, Told::Finding(_)));
        });
        times.push(begun.elapsed());
        found.expect("it is read");
        assert_eq!(findings, made);
    }
    times.sort_unstable();
    println!(
        "{} MB, {made} results: median of {ROUNDS} {:?} ({:?} to {:?})",
        size / 1_000_000,
        times[ROUNDS / 2],
        times[0],
        times[ROUNDS - 1]
    );
    println!("at most {} MiB, {} MiB before the first", peak() / 1024, before / 1024);
    let program = "import json, resource, sys, time; t = time.time(); d = json.load(open(sys.argv[1])); \
                   print(f'python json: {time.time() - t:.2f} s, {len(d[\"runs\"][0][\"results\"])} results, at most ' \
                   f'{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB')";
    match Command::new("python3").arg("-c").arg(program).arg(&path).output() {
        Ok(output) => println!("{}", String::from_utf8_lossy(&output.stdout).trim()),
        Err(error) => println!("no python3 beside it: {error}"),
    }
}
