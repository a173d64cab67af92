//! Rule files of the users' own, from outside: what `exhibit check` says of them, and that `exhibit scan` finds by them.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::{ends_with, output};

/// Each folder of cases has an `input` and what is told of its rules; `EXHIBIT_RECORD=1` writes that.
#[test]
fn check_tells_what_is_wrong_with_own_rules() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("it/binary/rule_cases");
    for entry in fs::read_dir(cases).expect("the cases") {
        let case = entry.expect("a case").path();
        let input = case.join("input");
        let output = output(&input, &["check", "--format", "json"]);
        let told: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        let own: Vec<&Value> = told
            .as_array()
            .expect("a list")
            .iter()
            .filter(|line| line["what"] == "own detection rules")
            .map(|line| line as &Value)
            .collect();
        assert_eq!(own.len(), 1, "{told:#}");
        let said = own[0]["said"].as_str().expect("a text");
        // The digest names code as well, and so is another in each version.
        let lines: Vec<&str> = said.lines().map(|line| line.split("rule pack").next().unwrap_or(line)).collect();
        let told = json!({ "exit": output.status.code(), "ok": own[0]["ok"], "said": lines });
        let expected = case.join("expected.json");
        if std::env::var_os("EXHIBIT_RECORD").is_some() {
            fs::write(&expected, serde_json::to_string_pretty(&told).expect("JSON") + "\n").expect("written");
        }
        let expected: Value = serde_json::from_str(&fs::read_to_string(expected).expect("text")).expect("JSON");
        assert_eq!(told, expected, "{}", case.display());
    }
}

#[test]
fn scan_finds_by_own_rules() {
    let sound = Path::new(env!("CARGO_MANIFEST_DIR")).join("it/binary/rule_cases/sound/input");
    let scan = |code: i32, rules: &[&str]| {
        let arguments = [&["scan", "--format", "json"], rules, &["files"]].concat();
        let told: Value = serde_json::from_str(&ends_with(code, &sound, &arguments)).expect("JSON");
        let findings = told["findings"].as_array().expect("a list").clone();
        findings.iter().map(|one| one["rule"].as_str().expect("a text").to_owned()).collect::<Vec<_>>()
    };
    let (generic, acme, zeta) = ("generic.password", "acme.order-key", "zeta.pay-key");
    assert_eq!(scan(1, &[]), [generic]);
    assert_eq!(scan(1, &["--rules", "rules/acme.toml"]), [acme, acme]);
    assert_eq!(scan(1, &["--rules", "rules/acme.toml", "--rules", "rules/zeta.toml"]), [acme, zeta, acme]);
    assert_eq!(scan(1, &["--rules", "rules/*.toml"]), [acme, zeta, acme]);
    // Rules that can't be used are no rules to pass by.
    for rules in ["rules/none.toml", "rules", "../../unsound/input/rules/acme.toml"] {
        let output = output(&sound, &["scan", "--rules", rules, "files"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && output.stdout.is_empty() && said.contains(rules), "{rules}: {said}");
    }
}
