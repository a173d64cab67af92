//! What the program says of itself. Scripts and habits hang on it: a change shows in a snapshot.

use std::path::Path;

use super::{ends_with, json, output};

/// Every command that people type.
const COMMANDS: &[&str] = &[
    "",
    "init",
    "doctor",
    "check",
    "demo",
    "run",
    "serve",
    "collectors",
    "collectors list",
    "collectors show",
    "evidence",
    "evidence list",
    "evidence show",
    "evidence artifact",
    "evidence export",
    "evidence import",
    "report",
    "report render",
    "report list",
    "archive",
    "archive list",
    "archive check",
    "archive flush",
    "archive restore",
    "hold",
    "hold place",
    "hold release",
    "hold list",
    "hold show",
    "attest",
    "attest key-custody",
    "attest confirm",
    "attest withdraw",
    "attest list",
    "waiver",
    "waiver request",
    "waiver approve",
    "waiver withdraw",
    "waiver list",
    "custody",
    "custody canary",
    "disclosures",
    "disclosures list",
    "disclosures show",
    "disclosures erase",
    "key",
    "key show",
    "key rotate",
    "token",
    "token create",
    "token list",
    "token revoke",
    "scan",
    "verify",
    "fsck",
    "rebuild",
];

#[test]
fn help_is_as_it_was() {
    for command in COMMANDS {
        let mut arguments: Vec<&str> = command.split_whitespace().collect();
        arguments.push("--help");
        let help = ends_with(0, Path::new("."), &arguments);
        assert!(help.contains("Example:"), "exhibit {command} --help shows an example");
        assert!(!help.contains('\u{1b}'), "no colour where nobody sees it");
        let name = if command.is_empty() { "exhibit".to_owned() } else { command.replace(' ', "-") };
        insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("help-{name}"), help);
        });
    }
}

#[test]
fn bad_usage_is_could_not_look() {
    for arguments in [&["--no-such-option"][..], &["no-such-command"], &["evidence", "list", "--outcome", "green"], &[]]
    {
        let output = output(Path::new("."), arguments);
        assert_eq!(output.status.code(), Some(2), "exhibit {arguments:?}");
        assert!(output.stdout.is_empty(), "words go to standard error");
        assert!(!output.stderr.is_empty(), "and there are some");
    }
}

#[test]
fn the_schema_knows_every_collector() {
    let schema = json(0, Path::new("."), &["check", "--schema"]);
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let known = &schema["properties"]["jobs"]["items"]["properties"]["collector"]["enum"];
    let listed = json(0, Path::new("."), &["collectors", "list", "--format", "json"]);
    let listed: Vec<_> = listed.as_array().expect("a list").iter().map(|one| one["manifest"]["id"].clone()).collect();
    assert!(!listed.is_empty());
    assert_eq!(known.as_array(), Some(&listed));
    ends_with(2, Path::new("."), &["check", "--schema", "--write"]);
}
