//! Results that are too large, that steer, and scanners that do not do what they should: from outside, through the program.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    os::unix::fs::PermissionsExt as _,
};

use serde_json::Value;

use super::{Place, ends_with, hostile::peak, json};

/// A deployment with one job that takes results, and one more for each of these scanners.
fn deployment(scanners: &[(&str, &str)]) -> Place {
    let place = Place::new();
    let mut text = r#"
[deployment]
name = "Bad results"
time_zone = "UTC"
data_dir = "data"

[environments.production]
title = "Production"

[[jobs]]
id = "handed-in"
collector = "dependency_scan"
environments = ["production"]
schedule = "23 4 * * *"
pushed = true

[[jobs]]
id = "handed-in-code"
collector = "static_analysis"
environments = ["production"]
schedule = "23 4 * * *"
pushed = true
"#
    .to_owned();
    fs::create_dir(place.join("target")).expect("made");
    fs::write(place.join("target/requirements.txt"), "django==3.2.0\n").expect("written");
    for (name, script) in scanners {
        let program = place.join(&format!("{name}.sh"));
        fs::write(&program, format!("#!/bin/sh\n[ \"$1\" = --version ] && echo 1.0 && exit\n{script}\n"))
            .expect("written");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a program");
        let manifest = format!(
            "id = \"{name}\"\ntitle = \"{name}\"\nprogram = \"./{name}.sh\"\n\n[version]\narguments = [\"--version\"]\n\n\
             [database]\nservice = true\n\n[limits]\nseconds = 3\noutput_mib = 1\nerror_mib = 1\n\n[modes.requirements]\n\
             looks_at = \"file\"\narguments = [\"{{target}}\"]\nformat = \"pip-audit\"\n\
             status = {{ clean = [0], findings = [1] }}\n"
        );
        fs::write(place.join(&format!("{name}.toml")), manifest).expect("written");
        text += &format!(
            "\n[[jobs]]\nid = \"{name}\"\ncollector = \"dependency_scan\"\nenvironments = [\"production\"]\n\
             schedule = \"23 4 * * *\"\n\n[[jobs.source.targets]]\nid = \"shop\"\nlockfile = \"target/requirements.txt\"\n\n\
             [[jobs.source.targets.scans]]\nscanner = {{ adapter = \"{name}.toml\" }}\n"
        );
    }
    fs::write(place.join("exhibit.toml"), text).expect("written");
    place
}

fn importing<'a>(file: &'a str, format: &'a str) -> Vec<&'a str> {
    let order = ["evidence", "import", file, "--collector", "dependency_scan", "--subject", "shop"];
    [&order[..], &["--format-of", format, "--format", "json"]].concat()
}

/// A result of that many packages, each with a vulnerability that is described at that length.
fn result(place: &Place, name: &str, packages: u64, description: usize) -> u64 {
    let mut out = BufWriter::new(File::create(place.join(name)).expect("made"));
    let description = "lorem ".repeat(description / 6);
    out.write_all(b"{\"dependencies\":[").expect("written");
    for number in 0..packages {
        let comma = if number == 0 { "" } else { "," };
        write!(
            out,
            "{comma}{{\"name\":\"p{number}\",\"version\":\"1\",\"vulns\":[{{\"id\":\"PYSEC-2021-{number}\",\
             \"fix_versions\":[\"2\"],\"aliases\":[],\"description\":\"{description}\"}}]}}"
        )
        .expect("written");
    }
    out.write_all(b"],\"fixes\":[]}").expect("written");
    out.into_inner().expect("written").metadata().expect("there").len()
}

/// A SARIF file of that many results.
fn sarif(place: &Place, name: &str, results: u64) {
    let mut out = BufWriter::new(File::create(place.join(name)).expect("made"));
    out.write_all(br#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"ours","version":"1.0"}},"results":["#)
        .expect("written");
    for number in 0..results {
        let comma = if number == 0 { "" } else { "," };
        write!(
            out,
            "{comma}{{\"ruleId\":\"r{}\",\"level\":\"error\",\"message\":{{\"text\":\"{}\"}},\"locations\":[{{\"physicalLocation\":\
             {{\"artifactLocation\":{{\"uri\":\"src/f{number}.py\"}},\"region\":{{\"startLine\":1}}}}}}]}}",
            number % 50,
            "a fault in the code ".repeat(6)
        )
        .expect("written");
    }
    out.write_all(b"]}]}").expect("written");
    out.into_inner().expect("written");
}

/// The same of static analysis.
#[test]
fn sarif_of_any_size_is_read_in_little_memory() {
    let importing = |file| {
        let order = ["evidence", "import", file, "--collector", "static_analysis", "--subject", "shop"];
        [&order[..], &["--format-of", "sarif", "--format", "json"]].concat()
    };
    let place = deployment(&[]);
    sarif(&place, "small.sarif", 4);
    let (ended, taken, base) = peak(place.path(), &importing("small.sarif"));
    assert_eq!((ended, &taken["findings"]), (Some(0), &4.into()), "{taken}");
    sarif(&place, "many.sarif", 100_000);
    let (ended, taken, most) = peak(place.path(), &importing("many.sarif"));
    assert_eq!(ended, Some(1), "{taken}");
    let problems = taken["problems"].to_string();
    assert!(problems.contains("what fits into 34 MiB: there was no room for"), "{problems}");
    assert!(most < base + 50 * 1024, "{base} KiB for a small one, {most} KiB for this");
    ends_with(0, place.path(), &["fsck"]);
}

/// What is told of a result grows with what it tells, and not with the file.
#[test]
fn a_result_of_any_size_is_read_in_little_memory() {
    const MIB: u64 = 1024;
    let place = deployment(&[]);
    result(&place, "small.json", 4, 60);
    let (ended, _, base) = peak(place.path(), &importing("small.json", "pip-audit"));
    assert_eq!(ended, Some(0));

    // What many results tell goes through all that a job does, into the ledger.
    result(&place, "thousands.json", 5_000, 60);
    let (ended, taken, most) = peak(place.path(), &importing("thousands.json", "pip-audit"));
    assert_eq!((ended, &taken["findings"]), (Some(0), &5_000.into()), "{taken}");
    assert!(most < base + 50 * MIB, "{base} KiB for a small one, {most} KiB for this");

    // So does what they tell again, beside what was noted before.
    result(&place, "again.json", 5_000, 61);
    let (ended, taken, most) = peak(place.path(), &importing("again.json", "pip-audit"));
    assert_eq!((ended, &taken["findings"]), (Some(0), &5_000.into()), "{taken}");
    assert!(most < base + 50 * MIB, "{base} KiB for a small one, {most} KiB for this");

    // A single one may be as long as it likes.
    let place = deployment(&[]);
    result(&place, "long.json", 1, 2 << 20);
    let (ended, taken, most) = peak(place.path(), &importing("long.json", "pip-audit"));
    assert_eq!((ended, &taken["findings"]), (Some(0), &1.into()), "{taken}");
    assert!(most < base + 5 * 2 * MIB + 50 * MIB, "{base} KiB for a small one, {most} KiB for this");

    // More than fits is no result.
    let place = deployment(&[]);
    result(&place, "many.json", 200_000, 60);
    let (ended, taken, most) = peak(place.path(), &importing("many.json", "pip-audit"));
    assert_eq!((ended, &taken["outcome"]), (Some(1), &"error".into()), "{taken}");
    let problems = taken["problems"].to_string();
    assert!(
        problems.contains("many.json tells more than is taken from one result, which is what fits into 34 MiB"),
        "{problems}"
    );
    assert!(most < base + 50 * MIB, "{base} KiB for a small one, {most} KiB for this");

    let size = result(&place, "large.json", 500, 1_000_000);
    assert!(size > 500_000_000);
    let (ended, taken, most) = peak(place.path(), &importing("large.json", "pip-audit"));
    assert_eq!((ended, &taken["findings"]), (Some(0), &500.into()), "{taken}");
    // Five times the largest finding, and 50 MiB.
    assert!(most < base + 5 * MIB + 50 * MIB, "{base} KiB for a small one, {most} KiB for this");
    let shown = json(0, place.path(), &["evidence", "show", taken["id"].as_str().expect("an id"), "--format", "json"]);
    let filters = shown["record"]["body"]["observation"]["filters"].to_string();
    assert!(filters.contains(&format!("is not kept here: {size} bytes, sha256:")), "{filters}");
    assert!(filters.contains("the job keeps results of up to 16 MiB"), "{filters}");
    fs::remove_file(place.join("large.json")).expect("removed");

    ends_with(0, place.path(), &["fsck"]);
}

/// Whatever steers a terminal is shown as what it is.
#[test]
fn names_that_steer_are_shown_and_not_obeyed() {
    let place = deployment(&[]);
    let name = "evil\\u001b[2J\\u009b31m\\u202e\\r\\n\\u0000\\u0007 <script>alert(1)</script> `x` [l](javascript:1)";
    let text = format!(
        "{{\"dependencies\":[{{\"name\":\"{name}\",\"version\":\"1\",\"vulns\":[{{\"id\":\"{name}\",\"fix_versions\":[\"{name}\"],\
         \"aliases\":[\"CVE-2021-1\"],\"description\":\"{name}\"}}]}},{{\"name\":\"other\",\"skip_reason\":\"{name}\"}}],\"fixes\":[]}}"
    );
    let file = "steers\u{1b}[2J.json";
    fs::write(place.join(file), text).expect("written");
    let taken = json(0, place.path(), &importing(file, "pip-audit"));
    assert_eq!(taken["findings"], 1, "{taken}");
    let id = taken["id"].as_str().expect("an id");
    let mut seen: Vec<(String, String)> = Vec::new();
    for order in [&["evidence", "show", id][..], &["evidence", "list"]] {
        seen.push((order.join(" "), ends_with(0, place.path(), order)));
    }
    let period = super::serve::quarter(&taken_on(&place)[..10]);
    ends_with(0, place.path(), &["report", "render", "--period", &period, "--out", "report"]);
    for form in ["report/report.md", "report/report.html"] {
        let text = fs::read_to_string(place.join(form)).expect("a report");
        assert!(!text.contains("<script>alert") && text.contains("evil"), "{form}");
        seen.push((form.to_owned(), text.replace('\t', " ")));
    }
    for (order, printed) in seen {
        // It is there, and harmless.
        assert!(order.ends_with("list") || printed.contains("evil"), "{order}");
        let steers =
            |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        assert_eq!(printed.chars().find(|c| steers(*c)), None, "{order:?}: {printed:?}");
    }
    ends_with(0, place.path(), &["fsck"]);
}

/// When the piece that was taken in was observed.
fn taken_on(place: &Place) -> String {
    let listed = json(0, place.path(), &["evidence", "list", "--format", "json"]);
    listed[0]["observed_to"].as_str().expect("a time").to_owned()
}

/// Each is an error that says what happened, and the ledger is whole.
#[test]
fn scanners_that_misbehave_are_errors_that_say_how() {
    let cases = [
        ("hangs", "sleep 600", "took more than 3 s"),
        ("forks", "while :; do (sleep 600 &) ; done", "took more than 3 s"),
        ("floods", "yes", "printed more than 1048576 bytes"),
        ("floods-errors", "echo '{\"dependencies\":[]}'; yes >&2", "wrote more than 1048576 bytes to standard error"),
        ("killed", "kill -9 $$", "signal 9"),
        ("garbage", "echo all is well", "is no JSON"),
        ("silent", "exit 0", "left no result"),
        ("cut", "printf '{\"dependencies\":[{\"name\":\"django\",'", "it ends in the middle"),
        ("fails", "echo no service >&2; exit 2", "no service"),
        (
            "lies",
            "printf '{\"dependencies\":[{\"name\":\"django\",\"version\":\"3.2.0\",\"vulns\":[]}]}'; exit 1",
            "status",
        ),
        (
            "deep",
            "printf '%s' '{\"dependencies\":[],\"more\":'; printf '%100000s' | tr ' ' '['",
            "more than 128 levels",
        ),
    ];
    let place = deployment(&cases.map(|(name, script, _)| (name, script)));
    for (name, _, said) in cases {
        let ran = super::output(place.path(), &["run", name, "--format", "json"]);
        let told = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(1), "{name}: {told}");
        // Why is told at once: to whoever reads the log of a cron job, and to programs.
        let done: Value = serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{name}: {error}: {told}"));
        let words = String::from_utf8_lossy(&ran.stderr);
        assert!(words.contains("could not be found out: ") && words.contains(said), "{name}: {words}");
        assert!(words.contains("  production/shop: error: dependency-scan."), "{name}: {words}");
        let slot = &done["slots"][0];
        assert!(slot["problems"].to_string().contains(said), "{name}: {slot}");
        let first = &slot["not_passed"][0];
        assert_eq!((&first["subject"], &first["outcome"]), (&"shop".into(), &"error".into()), "{name}: {slot}");
        assert!(first["checks"][0]["words"].as_str().is_some_and(|words| !words.is_empty()), "{name}: {slot}");
        let quiet = super::output(place.path(), &["run", name, "--quiet"]);
        assert!(String::from_utf8_lossy(&quiet.stderr).contains(said), "{name}: it is told to the quiet too");
        let order = ["evidence", "list", "--job", name, "--format", "json"];
        let listed = json(0, place.path(), &order);
        assert_eq!(
            (listed.as_array().map(Vec::len), &listed[0]["outcome"]),
            (Some(2), &"error".into()),
            "{name}: {listed}"
        );
        let shown: Value =
            json(0, place.path(), &["evidence", "show", listed[0]["id"].as_str().expect("an id"), "--format", "json"]);
        let problems = shown["record"]["body"]["observation"]["problems"].to_string();
        assert!(problems.contains(said), "{name}: {problems}");
    }
    ends_with(0, place.path(), &["fsck"]);
}
