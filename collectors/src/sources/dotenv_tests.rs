//! What the dotenv reader understands, as a table.

use super::*;
use proptest::prelude::*;

fn read(text: &str) -> Result<Vec<(String, Option<String>, u32)>, SourceError> {
    let found = parse("t.env", text, &Variables::new(), Variables::new(), Strictness::Lenient)?;
    Ok(found.into_iter().map(|one| (one.name, one.value.map(|text| text.as_str().to_owned()), one.line)).collect())
}

/// Text, then the names with their values and lines.
type Case = (&'static str, &'static [(&'static str, Option<&'static str>, u32)]);

const UNDERSTOOD: &[Case] = &[
    ("A=1", &[("A", Some("1"), 1)]),
    ("export A=1\n", &[("A", Some("1"), 1)]),
    ("  A = 1  \n", &[("A", Some("1"), 1)]),
    ("A: 1\n", &[("A", Some("1"), 1)]),
    ("exportA=1\n", &[("exportA", Some("1"), 1)]),
    ("A=\nB=2\n", &[("A", Some(""), 1), ("B", Some("2"), 2)]),
    ("A\nB=2\n", &[("A", None, 1), ("B", Some("2"), 2)]),
    ("A # later\nB=2\n", &[("A", None, 1), ("B", Some("2"), 2)]),
    ("# c\n\n  # d\nA=1\n", &[("A", Some("1"), 4)]),
    ("A=1 # c\n", &[("A", Some("1"), 1)]),
    ("A=1#c\n", &[("A", Some("1#c"), 1)]),
    ("A=#c\n", &[("A", Some(""), 1)]),
    ("A='x # y' # c\n", &[("A", Some("x # y"), 1)]),
    ("A='$B ${C}'\n", &[("A", Some("$B ${C}"), 1)]),
    ("A='it\\'s'\n", &[("A", Some("it's"), 1)]),
    ("A=\"say \\\"hi\\\"\"\n", &[("A", Some("say \"hi\""), 1)]),
    ("A=\"a\\nb\\tc\\\\d\"\n", &[("A", Some("a\nb\tc\\d"), 1)]),
    ("A=\"one\ntwo\nB=3\"\nC=4\n", &[("A", Some("one\ntwo\nB=3"), 1), ("C", Some("4"), 4)]),
    ("A=1\r\nB=2\r\n", &[("A", Some("1"), 1), ("B", Some("2"), 2)]),
    ("A=x\nB=${A}y\n", &[("A", Some("x"), 1), ("B", Some("xy"), 2)]),
    ("A=x\nB=\"${A}y\"\n", &[("A", Some("x"), 1), ("B", Some("xy"), 2)]),
    ("B=${A:-d}\n", &[("B", Some("d"), 1)]),
    ("A=\"\\$B\"\n", &[("A", Some("$B"), 1)]),
    ("A=p$$w\n", &[("A", Some("p$w"), 1)]),
    ("A=p$!w\n", &[("A", Some("p$!w"), 1)]),
    ("A=1\nA=2\n", &[("A", Some("1"), 1), ("A", Some("2"), 2)]),
    ("app.key-x=1\n", &[("app.key-x", Some("1"), 1)]),
    ("A=postgres://u:p@h/d?a=b\n", &[("A", Some("postgres://u:p@h/d?a=b"), 1)]),
];

#[test]
fn understood() {
    for (text, expected) in UNDERSTOOD {
        let expected: Vec<_> =
            expected.iter().map(|(name, value, line)| ((*name).to_owned(), value.map(str::to_owned), *line)).collect();
        assert_eq!(read(text).expect("valid"), expected, "{text:?}");
    }
}

#[test]
fn the_files_own_count_agrees_with_the_reader() {
    for (text, expected) in UNDERSTOOD {
        let expected: BTreeSet<_> = expected.iter().map(|(name, ..)| (*name).to_owned()).collect();
        assert_eq!(names_in(text), expected, "{text:?}");
    }
}

#[test]
fn refused_with_line_and_key_and_without_the_value() {
    let cases = [
        ("A=1\nB=\"hunter2\n", "t.env:2: B: expected a closing quote"),
        ("A=\"hunter2\"x\n", "t.env:1: A: expected nothing but a comment after the closing quote"),
        ("A B hunter2=1\n", "t.env:1: name: expected a name of letters, digits, `_`, `.`, `-`, then `=`"),
        ("=hunter2\n", "t.env:1: name: expected a name of letters, digits, `_`, `.`, `-`, then `=`"),
        (
            "A=x\nB=${C:?hunter2}\n",
            "t.env:2: B: the variable C is required and has no value in the variable file given",
        ),
    ];
    for (text, expected) in cases {
        let error = read(text).expect_err("refused");
        assert_eq!(error.to_string(), expected);
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}

#[test]
fn the_last_of_a_repeated_key_wins_and_the_others_are_reported() {
    let folder = tempfile::tempdir().expect("temporary folder");
    std::fs::write(folder.path().join("a.env"), "A=1\nA=2\nB\n").expect("written");
    std::fs::write(folder.path().join("b.env"), "A=3\nC=${A}x${B:-}\nD=${OUTSIDE}\n").expect("written");
    let source = Dotenv {
        root: Root::folder(folder.path()),
        environment: "staging".to_owned(),
        files: vec!["a.env".to_owned(), "b.env".to_owned()],
    };
    let reading = source.read().expect("read");
    assert_eq!(reading.credentials[0].value.text(), Some("3"));
    let lines: Vec<_> = reading.overridden.iter().map(|place| place.line).collect();
    assert_eq!(lines, [1, 2]);
    assert_eq!(reading.credentials[1].value.text(), Some("3x"));
    let unread: Vec<_> = reading.unread.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(unread, ["B", "D"]);
    let counted = source.listing().expect("listed").names;
    assert_eq!(counted, reading.examined + reading.unread.len() as u64);
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    let source = Dotenv {
        root: Root::folder(&std::env::temp_dir()),
        environment: "staging".to_owned(),
        files: vec!["no-such.env".to_owned()],
    };
    let expected = "no-such.env: cannot be read: no such file or folder";
    assert_eq!(source.read().expect_err("absent").to_string(), expected);
    assert_eq!(source.listing().expect_err("absent").to_string(), expected);
}

proptest! {
    #[test]
    fn never_panics(text in "(?s).{0,200}") {
        let _ = read(&text);
        let _ = names_in(&text);
    }

    #[test]
    fn never_panics_on_what_looks_like_dotenv(text in "([A-C]|=|\"|'|\\\\|\n|\r|#|\\$|\\{|\\}| |export |:-|é){0,60}") {
        let _ = read(&text);
        let _ = names_in(&text);
    }

    /// Whatever can be read, the own count finds the same names.
    #[test]
    fn the_own_count_agrees_with_the_reader(lines in prop::collection::vec(prop::sample::select(vec![
        "A=1", "export B=2 # c", "export  C = 3", "D", "E: x", "F=", "G=\"x\"", "H='a # b' # c",
        "I=\"one", "A=two\"", "J='three", "'", "\"", "# K=5", "  L=6", "M=a=b:c", "", "N=\\", "O=\"\\\"",
        "export", "export=1", "P=x\ty", "Q # comment", "R=\"a\\nb\" # c", "S=${A:-x}", "T.u-v=1", "\u{feff}U=1",
    ]), 0..12)) {
        let text = lines.join("\n");
        if let Ok(found) = read(&text) {
            let names: BTreeSet<String> = found.into_iter().map(|(name, ..)| name).collect();
            prop_assert_eq!(names_in(&text), names, "{}", text);
        }
    }

    #[test]
    fn single_quotes_keep_any_value(value in "[^'\\\\\u{0}]{0,60}") {
        let text = format!("A='{value}'\nB=1\n");
        let found = read(&text).expect("valid");
        prop_assert_eq!(found[0].1.as_deref(), Some(value.as_str()));
        prop_assert_eq!(found[1].0.as_str(), "B");
    }
}
