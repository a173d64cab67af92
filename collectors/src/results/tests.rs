//! The cases: outputs of scanners in `cases/FORMAT/`, and beside each what is read of it. `EXHIBIT_RECORD=1` writes what is read
//! now as what is expected.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/results/cases")
}

/// Every case: its format, its file.
fn cases() -> Vec<(Format, PathBuf)> {
    let mut all = Vec::new();
    for format in Format::ALL {
        let folder = folder().join(format.name());
        let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let files = files.map(|file| file.expect("a file").path());
        all.extend(files.filter(|file| !file.to_string_lossy().ends_with(".read.json")).map(|file| (*format, file)));
    }
    all.sort();
    all
}

fn name(path: &Path) -> String {
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

/// What is read, or why nothing is, as JSON.
fn read_as(path: &Path, format: Format) -> serde_json::Value {
    match reading(&name(path), path, Some(format)) {
        Ok(reading) => serde_json::to_value(reading).expect("JSON"),
        Err(error) => serde_json::json!({ "error": error.to_string() }),
    }
}

#[test]
fn cases_are_read_as_recorded() {
    let mut different = Vec::new();
    for (format, path) in cases() {
        let mut text = serde_json::to_string_pretty(&read_as(&path, format)).expect("JSON");
        text.push('\n');
        let beside = path.with_file_name(format!("{}.read.json", name(&path)));
        if std::env::var_os("EXHIBIT_RECORD").is_some() {
            fs::write(&beside, text).expect("written");
        } else if fs::read_to_string(&beside).ok().as_deref() != Some(text.as_str()) {
            different.push(beside.display().to_string());
        }
    }
    assert!(different.is_empty(), "read otherwise than recorded: {different:#?}");
}

/// Whose output it is, is told by its bytes; but for an empty list, which several tools print.
#[test]
fn outputs_are_recognised() {
    for (format, path) in cases() {
        let bytes = fs::read(&path).expect("read");
        let found = recognise(&bytes[..bytes.len().min(HEAD)]);
        if bytes.trim_ascii() == b"[]" {
            assert_eq!(found, None);
            assert!(matches!(reading("x", &bytes[..], None), Err(ReadError { why: Why::Unknown, .. })));
            continue;
        }
        assert!(found.is_some_and(|found| format.reads(found)), "{}: {found:?}", path.display());
    }
}

/// Output that was cut off anywhere is an error, never a smaller result.
#[test]
fn what_was_cut_off_is_an_error() {
    for (format, path) in cases() {
        let bytes = fs::read(&path).expect("read");
        let bytes = bytes.trim_ascii_end();
        // Of tools that print one document after another, the last one is cut off: no reader can know that one is missing.
        let last = match format {
            Format::GoVulnCheck => bytes.len() - 2,
            Format::YarnAudit => bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 2),
            Format::Dependabot => bytes.len() / 2 + 1000,
            _ => 0,
        };
        for end in (last..bytes.len()).step_by((bytes.len() / 200).max(1)) {
            let found = reading("cut", &bytes[..end], Some(format));
            assert!(found.is_err(), "{}: the first {end} bytes: {found:?}", path.display());
        }
    }
}

/// The output of one tool is not read as that of another.
#[test]
fn the_wrong_tools_output_is_an_error() {
    for (_, path) in cases() {
        let bytes = fs::read(&path).expect("read");
        if bytes.trim_ascii() == b"[]" {
            continue;
        }
        let looks = recognise(&bytes[..bytes.len().min(HEAD)]).expect("it is recognised");
        for other in Format::ALL.iter().filter(|other| !other.reads(looks)) {
            let error = reading("wrong", &bytes[..], Some(*other)).expect_err("another tool's output");
            assert!(
                matches!(error.why, Why::OtherTool { expected, found } if expected == *other && found == looks),
                "{} as {other}: {error}",
                path.display()
            );
        }
    }
}

#[test]
fn what_is_no_output_at_all_is_an_error_that_says_so() {
    let page = "<!DOCTYPE html>\n<html><body><h1>502 Bad Gateway</h1></body></html>";
    for format in Format::ALL {
        for (bytes, expected) in [
            ("", "it is empty"),
            (" \n\t", "it is empty"),
            (page, "looks like an HTML or XML page is no JSON, at line 1, byte 0"),
            ("\n\u{1b}[31mpanic: runtime error", "the byte 0x1b is no JSON, at line 2, byte 1"),
            ("null", "`n` is no JSON"),
            ("\"found nothing\"", "is no JSON"),
        ] {
            let error = reading("ci/scan.json", bytes.as_bytes(), Some(*format)).expect_err(expected).to_string();
            assert!(error.starts_with("ci/scan.json: ") && error.contains(expected), "{format}: {error}");
            assert!(!error.contains(char::is_control), "{error:?}");
        }
        // An object that nobody prints.
        let error = reading("odd", &b"{\"hello\": \"world\"}"[..], Some(*format)).expect_err("nothing in it");
        assert!(matches!(error.why, Why::Missing { .. } | Why::Shape { .. }), "{format}: {error}");
        // A nest without end.
        let error = reading("deep", "{\"x\":".repeat(100_000).as_bytes(), Some(*format)).expect_err("too deep");
        assert!(matches!(error.why, Why::Limit { .. } | Why::Shape { .. }), "{format}: {error}");
    }
    assert!(matches!(reading("x", page.as_bytes(), None), Err(ReadError { why: Why::NotJson { .. }, .. })));
}

/// Whatever stands in the texts of a file: nothing that steers a terminal comes out, in results or in errors.
#[test]
fn control_characters_never_come_out() {
    fn steered(value: serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        match value {
            Value::String(text) => Value::String(format!("{text}\u{1b}[2J\u{202e}\u{9b}")),
            Value::Array(all) => Value::Array(all.into_iter().map(steered).collect()),
            Value::Object(map) => Value::Object(map.into_iter().map(|(key, value)| (key, steered(value))).collect()),
            other => other,
        }
    }
    for (format, path) in cases() {
        let bytes = fs::read(&path).expect("read");
        for document in serde_json::Deserializer::from_slice(&bytes).into_iter::<serde_json::Value>() {
            let Ok(document) = document else { continue };
            let text = steered(document).to_string();
            let told = match reading("steered\u{1b}[2J", text.as_bytes(), Some(format)) {
                Ok(reading) => format!("{}{reading:?}", serde_json::to_string(&reading).expect("JSON")),
                Err(error) => format!("{error}"),
            };
            for steering in ['\u{1b}', '\u{202e}', '\u{9b}'] {
                assert!(!told.contains(steering), "{}: {told:?}", path.display());
            }
        }
    }
}

/// What secret scanners print of secrets is not read.
#[test]
fn no_value_of_a_secret_is_read() {
    let mut seen = 0;
    for (format, path) in cases() {
        let bytes = fs::read(&path).expect("read");
        seen += usize::from(String::from_utf8_lossy(&bytes).to_lowercase().contains("nevertobeseen"));
        let told = read_as(&path, format).to_string().to_lowercase();
        assert!(!told.contains("nevertobeseen"), "{}", path.display());
    }
    assert!(seen >= 5, "{seen} cases hold a value");
}

/// The two false all-clears of issue's beginning: nothing examined is not clean, and an error is no result.
#[test]
fn what_examined_nothing_is_not_clean() {
    let skipped =
        reading("pip-audit", folder().join("pip-audit/skipped-everything.json").as_path(), None).expect("read");
    assert_eq!((skipped.packages_examined(), skipped.skipped.len(), skipped.vulnerabilities.len()), (Some(0), 4, 0));
    assert!(skipped.skipped[0].reason.contains("could not be audited: django (3.2.0)"), "{:?}", skipped.skipped[0]);
    let refused =
        reading("npm", folder().join("npm-audit/registry-refuses.json").as_path(), None).expect_err("an error");
    assert!(
        matches!(&refused.why, Why::Failed { message, .. } if message.contains("405 Method Not Allowed")),
        "{refused}"
    );
    // One that tells no number did not examine none.
    let silent = reading("osv", folder().join("osv-scanner/clean-names-nothing.json").as_path(), None).expect("read");
    assert_eq!(silent.packages_examined(), None);
}

#[test]
fn what_is_told_has_a_limit() {
    let path = folder().join("hadolint/found.json");
    let limits = Limits { told: 3, ..Limits::default() };
    let mut told = 0;
    let error = read("many", path.as_path(), None, limits, &mut |_| told += 1).expect_err("too many");
    assert!(matches!(error.why, Why::Limit { limit: 3, .. }), "{error}");
    assert_eq!(told, 3);
    let limits = Limits { bytes: 10, ..Limits::default() };
    assert!(read("long", path.as_path(), Some(Format::Hadolint), limits, &mut |_| {}).is_err());
}

/// A file that names rules after it refers to them tells each thing once, and the same as one that names them before.
#[test]
fn the_order_of_keys_changes_nothing() {
    let before = reading("x", folder().join("sarif/everything.sarif").as_path(), None).expect("read");
    let after = reading("x", folder().join("sarif/results-before-rules.sarif").as_path(), None).expect("read");
    assert_eq!(after.findings[..before.findings.len()], before.findings);
    assert_eq!(after.findings.last().map(|one| one.rule.as_str()), Some("second/rule"));
    let vex = reading("x", folder().join("cyclonedx/vex.json").as_path(), None).expect("read");
    let late =
        reading("x", folder().join("cyclonedx/vulnerabilities-before-components.json").as_path(), None).expect("read");
    assert_eq!((late.vulnerabilities, late.examined), (vex.vulnerabilities, vex.examined));
}
