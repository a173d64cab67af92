//! Real programs that print what managers print.

use super::super::settings;
use super::*;

fn source(settings: &str) -> Box<dyn Source + 'static> {
    let table: toml::Table =
        toml::from_str(&format!("[[c]]\nenvironment = 'staging'\n[c.command]\n{settings}")).expect("TOML");
    let read = settings::read(&table["c"], "c").expect("valid");
    let root = Box::leak(Box::new(Root::folder(std::path::Path::new("/"))));
    read[0].open(&Surroundings { root, clock: &settings::tests::FixedClock }).expect("opened")
}

/// The settings of a program that prints `text`, with further settings.
fn prints(text: &str, further: &str) -> Box<dyn Source + 'static> {
    let run = toml::Value::from(vec!["printf".to_owned(), "%s".to_owned(), text.to_owned()]);
    source(&format!("run = {run}\n{further}"))
}

fn shown(reading: &Reading) -> Vec<String> {
    let read = reading.credentials.iter().map(|found| {
        let since = found.version.as_ref().and_then(|version| version.since);
        let since = since.map(|since| format!(" since {since}")).unwrap_or_default();
        format!("{}={}{since}", found.name, found.value.text().expect("text"))
    });
    read.chain(reading.unread.iter().map(|unread| format!("{}: {}", unread.name, unread.code))).collect()
}

/// What is printed, the settings, what is read.
const READ: &[(&str, &str, &[&str])] = &[
    (r#"{"A":"1","N":2,"T":true,"E":"","S":null}"#, "format='json'", &["A=1", "N=2", "T=true", "E=", "S: platform"]),
    (
        r#"{"A":{"computed":"x"},"B":{"computed":null}}"#,
        "format='json'\nvalue_field='computed'",
        &["A=x", "B: platform"],
    ),
    (
        r#"{"title":"db","fields":[{"label":"database password","value":"p"},{"label":"notes"}]}"#,
        "format='json'\nitems='fields'\nname_field='label'\nvalue_field='value'",
        &["database password=p", "notes: platform"],
    ),
    (
        r#"[{"name":"A","value":"v","attributes":{"updated":"2026-01-02T03:04:05.123456789+01:00"}}]"#,
        "format='json'\nvalue_field='value'\nsince_field='attributes.updated'",
        &["A=v since 2026-01-02T02:04:05.123456Z"],
    ),
    ("A=1\nB='x $y'\nC=\"a\\$b\"\nD=p$$q\n", "format='dotenv'", &["A=1", "B=x $y", "C=a$b", "D=p$$q"]),
    ("B_TOKEN\n\nA_KEY\n", "format='names'", &["B_TOKEN: platform", "A_KEY: platform"]),
    (r#"["A","B"]"#, "format='names'", &["A: platform", "B: platform"]),
    (
        r#"{"total_count":1,"secrets":[{"name":"A","updated_at":"2026-01-02T03:04:05Z"}]}"#,
        "format='names'\nitems='secrets'\nsince_field='updated_at'",
        &["A: platform"],
    ),
    ("line one\nline two\n", "format='value'\nname='KEY'", &["KEY=line one\nline two"]),
    ("{}", "format='json'", &[]),
    ("", "format='dotenv'", &[]),
];

#[test]
fn what_managers_print_is_read_and_counted_twice() {
    for (text, further, expected) in READ {
        let source = prints(text, further);
        let reading = source.read().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(shown(&reading), *expected, "{text}");
        let names = reading.examined + reading.unread.len() as u64;
        assert_eq!(source.listing(), Ok(Listing { names }), "{text}");
    }
}

#[test]
fn names_without_values_know_their_age() {
    let (text, further, _) = READ[7];
    let unread = prints(text, further).read().expect("read").unread;
    assert_eq!(unread[0].version, instant("2026-01-02T03:04:05Z").map(Version::since));
}

#[test]
fn what_is_not_understood_is_refused_without_showing_it() {
    for (text, further) in [
        ("hunter2", "format='json'"),
        ("{\"A\":\"hunter2\"", "format='json'"),
        ("{\"A\":\"hunter2\",\"A\":\"hunter2\"}", "format='json'"),
        ("{\"A\":{\"x\":\"hunter2\"}}", "format='json'"),
        ("[{\"value\":\"hunter2\"}]", "format='json'\nvalue_field='value'"),
        ("{\"A\":\"hunter2\"}", "format='json'\nitems='fields'"),
        ("{\"A: hunter2\":1}", "format='json'"),
        ("{\"A\":\"hunter2\"}", "format='json'\nsince_field='x'"),
        ("A=hunter2\nA=hunter2\n", "format='dotenv'"),
        ("A='hunter2\n", "format='dotenv'"),
        ("logged in: hunter2\n", "format='names'"),
    ] {
        let error = prints(text, further).read().expect_err(text);
        // The program's arguments stand in the message, as they are configured: here they hold the text.
        let told = error.to_string().replace(&format!("printf %s {text}"), "");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_command_that_fails_has_a_steady_code() {
    for (run, code) in [
        ("['false']", "command-failed"),
        ("['no-such-manager']", "command-not-started"),
        ("['yes']", "command-too-much"),
        ("['sleep', '600']", "command-too-long"),
    ] {
        let source = source(&format!("run = {run}\nformat = 'json'\ntime_limit = 1"));
        assert_eq!(source.read().expect_err("refused").code(), code, "{run}");
        assert_eq!(source.listing().expect_err("refused").code(), code, "{run}");
    }
}

#[test]
fn the_managers_own_count_is_another_command() {
    let source = prints("{\"A\":\"1\"}", "format='json'\ncount=['echo', '3 secrets']");
    assert_eq!(source.listing(), Ok(Listing { names: 3 }));
    let source = prints("{\"A\":\"1\"}", "format='json'\ncount=['echo', 'many']");
    assert_eq!(source.listing().expect_err("refused").code(), "command-output");
}
