//! `exhibit scan`, from outside: what it finds, what it leaves out and says so, and that no value leaves it.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use exhibit_tests::Needles;
use serde_json::{Value, json};

use super::{ends_with, exhibit, json, output};

/// Made up; of the true form, with a wrong checksum.
const TOKEN: &str = "ghp_FakeExhibitValue0NotARealKey70ABCDEF";

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("it/binary/scan_cases")
}

/// Each folder of cases has an `input` and what is told of it; `EXHIBIT_RECORD=1` writes that.
#[test]
fn cases_are_as_expected() {
    for entry in fs::read_dir(cases()).expect("the cases") {
        let case = entry.expect("a case").path();
        let output = output(&case.join("input"), &["scan", "--format", "json", "."]);
        let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let told = json!({ "exit": output.status.code(), "told": told });
        let expected = case.join("expected.json");
        if std::env::var_os("EXHIBIT_RECORD").is_some() {
            fs::write(&expected, serde_json::to_string_pretty(&told).expect("JSON") + "\n").expect("written");
        }
        let expected: Value = serde_json::from_str(&fs::read_to_string(expected).expect("text")).expect("JSON");
        assert_eq!(told, expected, "{}", case.display());
    }
}

#[test]
fn no_value_leaves_it() {
    let needles = Needles::new(&[TOKEN.to_owned()]);
    let place = tempfile::tempdir().expect("a folder");
    let known = place.path().join("known.json");
    let known = known.to_str().expect("UTF-8");
    for format in ["table", "json", "sarif"] {
        for case in ["found", "packed", "encodings", "remarks"] {
            let output = output(&cases().join(case).join("input"), &["scan", "--format", format, "-vv", "."]);
            assert_eq!(output.status.code(), Some(1), "{case}");
            assert!(!output.stdout.is_empty());
            let told = [output.stdout, output.stderr].concat();
            assert_eq!(needles.found_in(&told), Vec::<&str>::new(), "{case} as {format}");
        }
    }
    // Not in a baseline, and not where a baseline is not one.
    let input = cases().join("found/input");
    ends_with(0, &input, &["scan", "--write-baseline", known, "."]);
    let written = fs::read(known).expect("a file");
    assert!(written.len() > 100 && needles.found_in(&written).is_empty());
    fs::write(known, format!("{{\"version\": \"{TOKEN}\"}}")).expect("written");
    let refused = output(&input, &["scan", "--baseline", known, "."]);
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(needles.found_in(&refused.stderr), Vec::<&str>::new());
    // Nobody looks at a pipe.
    let refused = output(&input, &["scan", "--reveal", "."]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(refused.stdout.is_empty() && String::from_utf8_lossy(&refused.stderr).contains("terminal"));
}

#[test]
fn a_remark_that_names_another_rule_is_told() {
    let place = tempfile::tempdir().expect("a folder");
    let text = format!(
        "a {TOKEN} # exhibit:allow aws.access-key-id an example\n\
         b {TOKEN} # exhibit:allow githb.personal-token an example\n\
         c {TOKEN} # exhibit:allow github.personal-token an example exhibit:allow aws.access-key-id another\n\
         nothing here # exhibit:allow aws.access-key-id an example\n"
    );
    fs::write(place.path().join("a.txt"), text).expect("written");
    let output = output(place.path(), &["scan", "--format", "json", "."]);
    assert_eq!(output.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(told["findings"].as_array().map(Vec::len), Some(2), "{told}");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    let notes: Vec<&str> = said.lines().filter(|line| line.contains("a remark ")).collect();
    assert_eq!(notes.len(), 2, "{said}");
    assert!(notes[0].contains("a.txt:1") && notes[0].contains("allows aws.access-key-id, but"), "{said}");
    assert!(
        notes[1].contains("a.txt:2") && notes[1].contains("names no rule") && !notes[1].contains("githb"),
        "{said}"
    );
}

#[test]
fn a_baseline_leaves_what_is_new() {
    let place = tempfile::tempdir().expect("a folder");
    let path = &place.path().join("tree");
    fs::create_dir(path).expect("made");
    fs::write(path.join("a.txt"), format!("x {TOKEN}\n")).expect("written");
    ends_with(0, path, &["scan", "--write-baseline", "../known.json", "."]);
    let scan = ["scan", "--format", "json", "--baseline", "../known.json", "."];
    assert_eq!(json(0, path, &scan)["findings"], json!([]));
    // Lines that move change nothing; one more of the kind makes all of them new, since none can be told from another.
    fs::write(path.join("a.txt"), format!("\n\n\nx {TOKEN}\n")).expect("written");
    assert_eq!(json(0, path, &scan)["findings"], json!([]));
    fs::write(path.join("a.txt"), format!("x {TOKEN}\ny {TOKEN}\n")).expect("written");
    assert_eq!(json(1, path, &scan)["findings"].as_array().map(Vec::len), Some(2));
}

#[test]
fn what_cannot_be_looked_at_is_no_clean_result() {
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path();
    for arguments in [
        &["scan", "nowhere"][..],
        &["scan", "--git", "."],
        &["scan", "--since", "HEAD", "."],
        &["scan", "--baseline", "nowhere", "."],
        &["scan", "--exclude", "{", "."],
        &["scan"],
    ] {
        let output = output(path, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
    // Everything was left out: that is not the same as nothing there.
    nix::unistd::mkfifo(&path.join("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("made");
    let told = json(2, path, &["scan", "--format", "json", "pipe"]);
    assert_eq!(told["excluded"], json!([{ "path": "pipe", "reason": "named pipe, never opened" }]));
    fs::write(path.join("a.txt"), "fine\n").expect("written");
    symlink(".", path.join("loop")).expect("linked");
    let told = json(0, path, &["scan", "--format", "json", "--follow", "."]);
    assert_eq!(
        told,
        json!({
            "findings": [], "examined": { "files": 1, "bytes": 5 },
            "excluded": [
                { "path": "loop", "reason": "symbolic link to a folder in which it lies" },
                { "path": "pipe", "reason": "named pipe, never opened" },
            ],
        })
    );
}

#[test]
fn bad_inputs_end_and_are_told() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../collectors/src/reading/cases");
    let told = json(2, &cases, &["scan", "--format", "json", "."]);
    let reasons: Vec<&str> =
        told["excluded"].as_array().expect("a list").iter().filter_map(|one| one["reason"].as_str()).collect();
    for expected in ["unpacks to more than", "nested deeper", "encrypted", "damaged", "not looked into"] {
        assert!(reasons.iter().any(|reason| reason.contains(expected)), "{expected}: {reasons:?}");
    }
}

#[test]
fn columns_are_bytes_in_json_and_characters_in_sarif() {
    let place = tempfile::tempdir().expect("a folder");
    // Umlauts have two bytes, the clef has four and in UTF-16 two units: three characters before the value, and a space.
    fs::write(place.path().join("a.txt"), format!("\näö𝄞 {TOKEN}\n")).expect("written");
    fs::write(place.path().join("b.txt"), format!("{} {TOKEN}\n", "ä".repeat(600))).expect("written");
    let told = json(1, place.path(), &["scan", "--format", "json", "."]);
    let columns: Vec<&Value> = told["findings"].as_array().expect("a list").iter().map(|one| &one["column"]).collect();
    assert_eq!(json!(columns), json!([10, 1_202]));
    let told = json(1, place.path(), &["scan", "--format", "sarif", "."]);
    let run = &told["runs"][0];
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let region = |at: usize| &run["results"][at]["locations"][0]["physicalLocation"]["region"];
    assert_eq!(region(0), &json!({ "startLine": 2, "startColumn": 5 }));
    // So far into a line characters are not counted, and nothing else is told in their place.
    assert_eq!(region(1), &json!({ "startLine": 1 }));
}

#[test]
fn ignore_files_are_honoured_on_request_only() {
    let place = tempfile::tempdir().expect("a folder");
    fs::create_dir(place.path().join(".git")).expect("made");
    fs::write(place.path().join(".gitignore"), "*.env\n").expect("written");
    fs::write(place.path().join("app.env"), format!("KEY={TOKEN}\n")).expect("written");
    let told = json(1, place.path(), &["scan", "--format", "json", "."]);
    assert_eq!(told["findings"][0]["path"], "app.env");
    let told = json(0, place.path(), &["scan", "--gitignore", "--format", "json", "."]);
    assert_eq!(told["excluded"], json!([{ "path": "app.env", "reason": "ignored by git's rules" }]));
}

/// A file that grows as it is read ends, with what it was when it was opened.
#[test]
fn a_growing_file_ends() {
    let place = tempfile::tempdir().expect("a folder");
    let file = place.path().join("grows.log");
    fs::write(&file, vec![b'x'; 6_000_000]).expect("written");
    let mut writer = fs::OpenOptions::new().append(true).open(&file).expect("opened");
    let mut scan =
        exhibit(place.path(), &["scan", "--format", "json", "."]).stdout(Stdio::piped()).spawn().expect("starts");
    while scan.try_wait().expect("it can be asked").is_none() {
        writer.write_all(&[b'y'; 4096]).expect("written");
        std::thread::sleep(Duration::from_millis(1));
    }
    let output = scan.wait_with_output().expect("ended");
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(told["examined"]["bytes"].as_u64() >= Some(6_000_000), "{told}");
    let code = output.status.code();
    assert!(code == Some(0), "growing is no failure: {code:?} {told}");
}

#[test]
fn standard_input_is_searched_packed_or_not() {
    let place = tempfile::tempdir().expect("a folder");
    let packed = fs::read(cases().join("packed/input/e.tar.gz")).expect("a case");
    for (input, expected) in [
        (format!("a\nb {TOKEN}").into_bytes(), json!(["-"])),
        (packed, json!(["-!x/in.zip!y.txt.gz", "-!z.txt"])),
        (Vec::new(), json!([])),
    ] {
        let mut scan = exhibit(place.path(), &["scan", "--format", "json", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        scan.stdin.take().expect("a pipe").write_all(&input).expect("it reads all");
        let output = scan.wait_with_output().expect("ended");
        let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let paths: Vec<&Value> = told["findings"].as_array().expect("a list").iter().map(|one| &one["path"]).collect();
        assert_eq!(json!(paths), expected);
        assert_eq!(output.status.code(), Some(i32::from(!paths.is_empty())));
    }
}

#[test]
fn sarif_is_valid_by_its_schema() {
    // As published, one pattern of the schema is no regular expression: a bracket too many.
    let (broken, meant) = ("^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$", "^[a-zA-Z]{2}(-[a-zA-Z]{2})?$");
    let schema = include_str!("sarif-2.1.0.schema.json");
    assert!(schema.contains(broken));
    let schema: Value = serde_json::from_str(&schema.replace(broken, meant)).expect("JSON");
    let schema = jsonschema::draft7::new(&schema).expect("a schema");
    for case in ["clean", "found", "packed", "encodings", "remarks", "broken"] {
        let output = output(&cases().join(case).join("input"), &["scan", "--format", "sarif", "."]);
        let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let errors: Vec<String> = schema.iter_errors(&told).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{case}: {errors:?}");
        assert_eq!(told["runs"][0]["invocations"][0]["executionSuccessful"], json!(case != "broken"));
    }
    // What is allowed or known stays in the document, and says why it does not count.
    let place = tempfile::tempdir().expect("a folder");
    let known = place.path().join("known.json");
    let known = known.to_str().expect("UTF-8");
    let input = cases().join("remarks/input");
    ends_with(0, &input, &["scan", "--write-baseline", known, "."]);
    let told = json(0, &input, &["scan", "--format", "sarif", "--baseline", known, "."]);
    assert_eq!(schema.iter_errors(&told).map(|error| error.to_string()).collect::<Vec<_>>(), Vec::<String>::new());
    let results = told["runs"][0]["results"].as_array().expect("a list");
    let kinds: Vec<&str> = results.iter().filter_map(|one| one["suppressions"][0]["kind"].as_str()).collect();
    assert!(kinds.len() == results.len() && kinds.contains(&"inSource") && kinds.contains(&"external"), "{kinds:?}");
    assert!(!schema.is_valid(&json!({ "version": "2.1.0", "runs": [{ "tool": 1 }] })), "it refuses something");
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

#[test]
fn history_tells_who_brought_it_in_and_whether_it_is_there() {
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path();
    git(path, &["init", "-q", "."]);
    let commit = |name: &str, text: &str| {
        fs::write(path.join(name), text).expect("written");
        git(path, &["add", "-A"]);
        git(path, &["commit", "-q", "-m", name]);
        git(path, &["rev-parse", "HEAD"])
    };
    commit("a.txt", "nothing yet\n");
    let first = commit("a.txt", &format!("key: {TOKEN}\n"));
    commit("a.txt", &format!("above\nkey: {TOKEN}\n"));
    let gone = commit("a.txt", "taken out\n");
    let again = commit("b.txt", &format!("\nkey: {TOKEN}\n"));
    let told = json(1, path, &["scan", "--git", "--format", "json", "."]);
    let finding = |path: &str, line: u64, commit: &str, at_head: bool| {
        json!({
            "rule": "github.personal-token", "severity": "critical", "confidence": "medium", "path": path, "line": line,
            "column": 6, "masked": "ghp_…(40, base62)", "commit": commit, "at_head": at_head,
        })
    };
    assert_eq!(told["findings"], json!([finding("a.txt", 1, &first, false), finding("b.txt", 2, &again, true)]));
    assert_eq!(told["examined"]["files"], 5, "every distinct blob, once");
    let told = json(1, path, &["scan", "--git", "--since", &gone, "--format", "json", "."]);
    assert_eq!(told["findings"], json!([finding("b.txt", 2, &again, true)]));
    assert_eq!(told["examined"]["files"], 1);
    assert_eq!(json(0, path, &["scan", "--git", "--since", "HEAD", "--format", "json", "."])["findings"], json!([]));
    ends_with(2, path, &["scan", "--git", "--since", "no-such-revision", "."]);
    // The same from packs, and from a bare clone.
    git(path, &["gc", "-q"]);
    let packed = json(1, path, &["scan", "--git", "--format", "json", "."]);
    assert_eq!(packed["findings"].as_array().map(Vec::len), Some(2));
    // A shallow clone is searched, and said not to be the whole.
    let url = format!("file://{}", path.display());
    git(path, &["clone", "-q", "--depth", "1", &url, "shallow"]);
    let told = json(1, path, &["scan", "--git", "--format", "json", "shallow"]);
    assert!(told["excluded"][0]["reason"].as_str().expect("text").contains("shallow"), "{told}");
}
