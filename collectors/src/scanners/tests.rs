//! Adapters read strictly, and runs of one scanner from its adapter to what evidence says of it, on recorded answers.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use super::{
    Adapter, Database, LooksAt, Request, Said, Scan, ScanError, ScannerSettings, all_in, built_in, built_in::FILES,
    named_in, scan, standing,
};
use crate::runner::Recorded;

const OURS: &str = r#"
id = "ours"
title = "Ours"
program = "ours"

[version]
arguments = ["--version"]

[modes.folder]
looks_at = "folder"
arguments = ["--sarif", "{output}", "{target}"]
format = "sarif"
status = { clean = [0], findings = [3] }
"#;

fn ours() -> Adapter {
    Adapter::parse(OURS, "ours.toml").expect("in order")
}

#[test]
fn every_built_in_adapter_is_in_order_and_none_is_left_out() {
    for (id, text) in FILES {
        let adapter = Adapter::parse(text, &format!("{id}.toml")).unwrap_or_else(|problems| {
            panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        });
        assert_eq!(adapter.id, *id);
    }
    assert_eq!(built_in().len(), FILES.len());
    let mut there: Vec<String> = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/scanners/adapters"))
        .expect("the folder")
        .map(|entry| entry.expect("read").file_name().to_string_lossy().replace(".toml", ""))
        .collect();
    there.sort();
    assert_eq!(there, FILES.iter().map(|(id, _)| *id).collect::<Vec<_>>());
}

#[test]
fn what_is_wrong_with_an_adapter_is_named_by_file_line_and_key() {
    let problems = |from: &str, to: &str| {
        assert!(OURS.contains(from), "{from}");
        let found = Adapter::parse(&OURS.replace(from, to), "a/ours.toml").expect_err(to);
        found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let table = [
        (
            "id = \"ours\"",
            "id = \"Ours!\"",
            "a/ours.toml:2: id: expected lower-case letters, digits and hyphens, beginning with a letter",
        ),
        ("program = \"ours\"", "program = 7", "a/ours.toml:4: program: expected a string"),
        ("program =", "programme =", "a/ours.toml:4: programme: unknown field `programme`, expected one of"),
        ("[version]\narguments = [\"--version\"]\n", "", "a/ours.toml:1: missing field `version`"),
        (
            "\"{target}\"",
            "\"{taget}\"",
            "a/ours.toml:11: modes.folder.arguments: `{taget}` stands for nothing here; expected one of: target, output",
        ),
        (
            "\"{target}\"",
            "\".\"",
            "a/ours.toml:11: modes.folder.arguments: expected `{target}` in one of the arguments",
        ),
        ("\"sarif\"", "\"serif\"", "a/ours.toml:12: modes.folder.format: expected one of `pip-audit`"),
        ("[3]", "[0, 3]", "a/ours.toml:13: modes.folder.status: expected each status once: it can mean one thing only"),
        ("{ clean = [0], findings = [3] }", "{}", "a/ours.toml:13: modes.folder.status: expected the statuses"),
        ("[0]", "[-1]", "a/ours.toml:13: modes.folder.status: expected statuses from 0 to 255"),
        ("[3]", "[256]", "a/ours.toml:13: modes.folder.status: expected statuses from 0 to 255"),
        ("\"folder\"\n", "\"house\"\n", "a/ours.toml:10: modes.folder.looks_at: expected"),
        ("[version]", "[limits]\nseconds = 0\n[version]", "a/ours.toml:7: limits.seconds: expected 1 to 86400"),
        ("[version]", "[database]\nfile = \"x\"\n[version]", "a/ours.toml:6: database: expected `file` with `pointer`"),
        (
            "[version]",
            "[parameters.rules]\ntitle = \"t\"\nkind = \"path\"\n[version]",
            "a/ours.toml:6: parameters.rules: expected a parameter that something uses",
        ),
        ("title = \"Ours\"", "title = \"Ours", "a/ours.toml:3: "),
        (
            "format =",
            "regardless = [\"--all={taget}\"]\nformat =",
            "a/ours.toml:12: modes.folder.regardless: `{taget}` stands for nothing here",
        ),
        (
            "format =",
            "silencers = [\"ours:ignore\", \"*\"]\nformat =",
            "a/ours.toml:12: modes.folder.silencers: expected texts that stand in a line",
        ),
    ];
    for (from, to, expected) in table {
        let told = problems(from, to);
        assert!(told.starts_with(expected), "{to}:\n  told     {told}\n  expected {expected}");
    }
    // All of them at once, in the order of the lines.
    let both = OURS.replace("\"{target}\"", "\".\"").replace("id = \"ours\"", "id = \"\"");
    let found = Adapter::parse(&both, "ours.toml").expect_err("two");
    assert_eq!(found.iter().map(|problem| problem.line).collect::<Vec<_>>(), [2, 11]);
}

/// A folder with a target and recorded answers.
struct Case(tempfile::TempDir);

impl Case {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("target")).expect("made");
        for (path, text) in [("recorded/ours/version/stdout", "ours 1.2.3\n")].iter().chain(files) {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        }
        Self(folder)
    }

    fn scan(&self, adapter: &Adapter, with: impl FnOnce(&mut ScannerSettings)) -> Result<Scan, ScanError> {
        let mut settings: ScannerSettings = toml::from_str("adapter = \"ours.toml\"").expect("settings");
        with(&mut settings);
        let runner = Recorded::of_case(self.0.path()).expect("recorded");
        scan(&Request {
            runner: &runner,
            adapter,
            settings: &settings,
            base: self.0.path(),
            target: Path::new("target"),
            looks_at: LooksAt::Folder,
            name: "shop",
        })
    }

    fn refused(&self, adapter: &Adapter) -> (&'static str, String) {
        let error = self.scan(adapter, |_| {}).expect_err("refused");
        (error.code(), error.to_string())
    }
}

#[test]
fn a_run_that_worked_says_what_ran_and_what_its_status_means() {
    let case =
        Case::new(&[("recorded/ours/scan/shop/output", "{}"), ("recorded/ours/scan/shop/run.toml", "status = 3")]);
    let mut done = case.scan(&ours(), |_| {}).expect("done");
    let mut text = String::new();
    done.result.read_to_string(&mut text).expect("text");
    assert_eq!((text.as_str(), done.result_bytes, done.format.name(), done.said), ("{}", 2, "sarif", Said::Findings));
    let facts = &done.facts;
    assert_eq!((facts.version.as_deref(), facts.mode.as_str(), facts.pinned), (Some("1.2.3"), "folder", false));
    assert_eq!((facts.arguments.join(" ").as_str(), &facts.database), ("--sarif {output} {target}", &Database::None));
    assert!(done.said.contradiction(0).is_some() && done.said.contradiction(1).is_none());
    assert!(Said::Clean.contradiction(1).is_some() && Said::Either.contradiction(0).is_none());
}

#[test]
fn what_a_target_asks_to_be_passed_over_is_heeded_only_where_the_job_says_so() {
    let adapter = OURS.replace("format =", "regardless = [\"--no-ignore\"]\nrenamed = true\nformat =");
    let adapter = Adapter::parse(&adapter, "ours.toml").expect("in order");
    let case = Case::new(&[("recorded/ours/scan/shop/output", "{}")]);
    let target = case.0.path().join("target");
    let done = case.scan(&adapter, |_| {}).expect("done");
    assert_eq!(done.facts.arguments.join(" "), "--sarif {output} {target} --no-ignore");
    assert!(!done.facts.heeds_suppressions && done.known_as != target, "{:?}", done.known_as);
    // Facts of before say nothing of it.
    let facts = serde_json::to_value(&done.facts).expect("JSON");
    assert!(facts.get("heeds_suppressions").is_none(), "{facts}");

    let done = case.scan(&adapter, |settings| settings.heed_suppressions = true).expect("done");
    assert_eq!(done.facts.arguments.join(" "), "--sarif {output} {target}");
    assert_eq!((done.facts.heeds_suppressions, &done.known_as), (true, &target));
    let again: super::ScannerFacts =
        serde_json::from_value(serde_json::to_value(&done.facts).expect("JSON")).expect("read");
    assert_eq!(again, done.facts);
}

#[test]
fn of_dependencies_and_bills_the_policy_alone_accepts_what_is_to_stand() {
    let refused = |collector: &str, source: &str| {
        let registry = crate::Registry::built_in().expect("in order");
        let settings = crate::Settings { source: toml::from_str(source).expect("TOML"), ..crate::Settings::default() };
        let collector = &registry.get(collector).expect("it is there").collector;
        let problems = collector.check_settings(&settings).err().unwrap_or_default();
        problems.iter().any(|problem| problem.key.last().is_some_and(|last| last == "heed_suppressions"))
    };
    let scanner = "scanner = { adapter = 'syft', mode = 'folder', heed_suppressions = true }";
    let target = "[[targets]]\nid = 'shop'\nfolder = '.'\n";
    assert!(refused("sbom", &format!("{target}{scanner}")));
    assert!(refused("dependency_scan", &format!("{target}[[targets.scans]]\n{scanner}")));
    let files = "[[targets]]\nsubject = 'shop'\npath = '.'\nfiles = ['*']\n";
    assert!(!refused("static_analysis", &format!("{files}{scanner}")));
}

#[test]
fn silence_is_clean_only_where_the_adapter_says_that_it_is_its_way() {
    let text = OURS.replace("\"--sarif\", \"{output}\", ", "").replace("clean = [0]", "clean = [0, 4]");
    let silent = text.replace("format = \"sarif\"", "format = \"sarif\"\nsilent = true");
    let (silent, talking) = [silent, text].map(|text| Adapter::parse(&text, "ours.toml").expect("in order")).into();
    let ended = |adapter: &Adapter, status: &str, printed: &str| {
        let files = [("recorded/ours/scan/shop/stdout", printed), ("recorded/ours/scan/shop/run.toml", status)];
        Case::new(&files).scan(adapter, |_| {}).map(|done| done.said).map_err(|error| error.code())
    };
    assert_eq!(ended(&silent, "status = 0", ""), Ok(Said::Silent));
    assert_eq!(ended(&silent, "status = 4", "{}"), Ok(Said::Clean));
    assert_eq!(ended(&silent, "status = 3", ""), Err("scanner-no-result"));
    assert_eq!(ended(&silent, "status = 1", ""), Err("scanner-failed"));
    assert_eq!(ended(&talking, "status = 0", ""), Err("scanner-no-result"));
    assert!(Said::Silent.contradiction(1).is_some() && Said::Silent.contradiction(0).is_none());
    // Where the result goes to a file, an empty one is none.
    let refused = Adapter::parse(&OURS.replace("format = \"sarif\"", "format = \"sarif\"\nsilent = true"), "ours.toml");
    assert!(refused.is_err_and(|problems| problems.iter().any(|problem| problem.key == "modes.folder.silent")));
    // Only one lockfile at a time can be laid out alone.
    let refused = Adapter::parse(&OURS.replace("format = \"sarif\"", "format = \"sarif\"\nalone = true"), "ours.toml");
    assert!(refused.is_err_and(|problems| problems.iter().any(|problem| problem.key == "modes.folder.alone")));
}

#[test]
fn what_a_file_says_is_shown_and_obeyed_by_no_terminal() {
    for text in ["\"\\u001b[2J\" = 1", "[modes.\"\\u202ea\"]\nlooks_at = 1"] {
        let problems = Adapter::parse(&format!("id = \"ours\"\n{text}\n"), "ours.toml").expect_err("not in order");
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(
            !told.join("").contains(exhibit_evidence::letters::hides) && told.join("").contains("\\u{"),
            "{told:?}"
        );
    }
}

#[test]
fn a_failure_is_told_with_what_the_scanner_said() {
    let with = |files: &[(&str, &str)]| Case::new(files).refused(&ours());
    assert_eq!(
        with(&[
            ("recorded/ours/scan/shop/run.toml", "status = 1"),
            ("recorded/ours/scan/shop/stderr", "\u{1b}[31mno database\u{1b}[0m\n")
        ]),
        ("scanner-failed", "ours ended with status 1, which means that it failed; it said: no database".to_owned())
    );
    // Some say it where their result belongs.
    assert_eq!(
        with(&[
            ("recorded/ours/scan/shop/run.toml", "status = 1"),
            ("recorded/ours/scan/shop/stdout", "{\"error\": {}}")
        ])
        .1,
        "ours ended with status 1, which means that it failed; it said: {\"error\": {}}"
    );
    assert_eq!(
        with(&[("recorded/ours/scan/shop/run.toml", "signal = 9")]).1,
        "ours was ended by signal 9, which means that it failed"
    );
    assert_eq!(with(&[("recorded/ours/scan/shop/run.toml", "took_too_long = 600")]).0, "scanner-too-long");
    assert_eq!(with(&[("recorded/ours/scan/shop/run.toml", "printed_too_much = 6")]).0, "scanner-too-much");
    // It ends well and leaves nothing.
    assert_eq!(
        with(&[("recorded/ours/scan/shop/run.toml", "")]),
        ("scanner-no-result", "ours ended with status 0, and left no result".to_owned())
    );
    assert_eq!(with(&[("recorded/ours/scan/shop/output", "")]).0, "scanner-no-result");
    assert_eq!(with(&[]).0, "scanner-not-started");
    // How it ended is written down, and can't be read.
    assert_eq!(
        with(&[("recorded/ours/scan/shop/run.toml/folder", ""), ("recorded/ours/scan/shop/output", "{}")]).0,
        "scanner-lost"
    );
}

#[test]
fn another_program_than_the_pinned_one_is_not_run() {
    let case = Case::new(&[
        ("recorded/ours/scan/shop/output", "{}"),
        ("recorded/binaries.toml", &format!("ours = \"sha256:{}\"", "a".repeat(64))),
    ]);
    let pinned =
        |digit: &str| case.scan(&ours(), |settings| settings.pin = Some(format!("sha256:{}", digit.repeat(64))));
    assert!(pinned("a").expect("the same").facts.pinned);
    let error = pinned("b").expect_err("another");
    assert_eq!(error.code(), "scanner-other-digest");
    assert!(error.to_string().contains("aaa") && error.to_string().contains("bbb"), "{error}");
}

#[test]
fn the_age_of_a_database_comes_from_where_the_adapter_says() {
    let adapter = |database: &str| {
        let parameters = "[parameters.database]\ntitle = \"its folder\"\nkind = \"path\"\n";
        let text = OURS
            .replace("\"{target}\"", "\"{target}\", \"{database}\"")
            .replace("[version]", &format!("{database}\n{parameters}[version]"));
        Adapter::parse(&text, "ours.toml").unwrap_or_else(|problems| panic!("{}", problems[0]))
    };
    let file = adapter("[database]\nfile = \"{database}/metadata.json\"\npointer = \"/UpdatedAt\"\n");
    let result = ("recorded/ours/scan/shop/output", "{}");
    let age = |adapter: &Adapter, metadata: &str| {
        let case = Case::new(&[result, ("db/metadata.json", metadata), ("recorded/ours/database/stdout", metadata)]);
        let done = case.scan(adapter, |settings| {
            settings.parameters = BTreeMap::from([("database".to_owned(), "db".to_owned())]);
        });
        done.expect("done").facts.database
    };
    let at = Database::Updated { at: "2026-11-19T06:30:00.000000Z".parse().expect("an instant") };
    assert_eq!(age(&file, r#"{"UpdatedAt": "2026-11-19T07:30:00+01:00"}"#), at);
    for (metadata, expected) in [
        ("<html>", "is no JSON"),
        ("{}", "holds no text"),
        (r#"{"UpdatedAt": "soon"}"#, "no time"),
        (r#"{"UpdatedAt": "9999-12-31T23:59:59-23:59"}"#, "no time"),
    ] {
        let Database::Unknown { why } = age(&file, metadata) else { panic!("{metadata}") };
        assert!(why.contains(expected), "{why}");
    }
    let asked = adapter("[database]\narguments = [\"db\", \"--json\"]\npointer = \"/UpdatedAt\"\n");
    assert_eq!(age(&asked, r#"{"UpdatedAt": "2026-11-19T06:30:00Z"}"#), at);
    let Database::Unknown { why } = age(&adapter("[database]\ncommit = \"{database}\"\n"), "") else {
        panic!("no repository")
    };
    assert!(why.contains("last commit"), "{why}");

    // What it needs has to be said, and has to be there.
    let case = Case::new(&[result]);
    assert_eq!(
        case.refused(&file),
        ("scanner-settings", "ours: parameters.database: expected a value: its folder".to_owned())
    );
    let error =
        case.scan(&file, |settings| settings.parameters = BTreeMap::from([("database".to_owned(), "none".to_owned())]));
    assert_eq!(
        error.expect_err("none").to_string(),
        "ours: parameters.database: there is nothing at this path: its folder"
    );
}

#[test]
fn whether_a_scanner_could_run_is_told_without_a_scan() {
    let case =
        Case::new(&[("ours.toml", OURS), ("recorded/binaries.toml", &format!("ours = \"sha256:{}\"", "a".repeat(64)))]);
    let runner = Recorded::of_case(case.0.path()).expect("recorded");
    let asked = |text: &str| {
        let source: toml::Table = toml::from_str(text).expect("a table");
        let [settings] = all_in(&source).try_into().expect("one scanner");
        standing(&runner, &settings, case.0.path())
    };
    let well = asked("targets = [{ scans = [{ scanner = { adapter = \"ours.toml\" } }] }]").expect("it could");
    assert_eq!((well.version.as_deref(), well.pinned, well.database), (Ok("1.2.3"), false, Ok(Database::None)));
    let other = asked(&format!("scanner = {{ adapter = \"ours.toml\", pin = \"sha256:{}\" }}", "b".repeat(64)));
    assert_eq!(other.expect_err("another").code(), "scanner-other-digest");
    let absent = asked("scanner = { adapter = \"theirs.toml\" }").expect_err("no adapter");
    assert!(absent.to_string().contains("could not be read as an adapter"), "{absent}");
    let trivy = asked("scanner = { adapter = \"trivy\", mode = \"fs\" }").expect_err("it needs a database");
    assert!(trivy.to_string().contains("parameters.database: expected a value"), "{trivy}");
}

#[test]
fn settings_are_checked_without_looking_outside() {
    let told = |text: &str| {
        let settings: ScannerSettings = toml::from_str(text).expect("settings");
        settings.look_through("source.scanner").into_iter().map(|problem| problem.key.join(".")).collect::<Vec<_>>()
    };
    assert!(told("adapter = \"trivy\"\nmode = \"fs\"\nparameters = { database = \"db\" }").is_empty());
    assert!(told("adapter = \"own/ours.toml\"\nmode = \"any\"").is_empty());
    assert_eq!(told("adapter = \"trivvy\""), ["source.scanner.adapter"]);
    let all =
        told("adapter = \"trivy\"\nmode = \"x\"\npin = \"sha256:A\"\nseconds = 0\nparameters = { rules = \"x\" }");
    assert_eq!(
        all,
        ["source.scanner.pin", "source.scanner.seconds", "source.scanner.mode", "source.scanner.parameters"]
    );

    let source = "scanners = [{ adapter = \"b.toml\" }, { adapter = \"trivy\" }]\n[other]\nadapter = \"a.toml\"\n";
    assert_eq!(named_in(&toml::from_str(source).expect("a table")), [Path::new("a.toml"), Path::new("b.toml")]);
}
