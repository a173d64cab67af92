//! A list of breached passwords that answers in the documented form, and remembers what it was asked.

use super::super::breached::digits;
use super::*;
use crate::Settings;
use crate::remote::fake::{FakeServer, Reply};
use exhibit_evidence::EnvironmentId;

const LISTED: &str = "Summer-Rain-Over-Oslo-2019";
const PADDED: &str = "Winter-Snow-Over-Turin-2021";
const UNKNOWN: &str = "Qm7vK2xT9bLw4RzN";
const IN_URL: &str = "p@ss/word of 1999";

/// What a list says of a range that has these passwords, so often each, between others.
fn answer(range: &str, passwords: &[(&str, u64)]) -> String {
    let mut lines = vec![format!("{}:3", "0".repeat(35)), format!("{}:0", "F".repeat(35))];
    for (password, count) in passwords {
        if let Some(ending) = digits(password.as_bytes()).strip_prefix(range) {
            lines.insert(1, format!("{ending}:{count}"));
        }
    }
    lines.join("\r\n")
}

fn list() -> FakeServer {
    FakeServer::tls(|asked, _| {
        let range = asked.target.rsplit('/').next().unwrap_or_default();
        Reply::ok(answer(range, &[(LISTED, 12_345), (PADDED, 0), (IN_URL, 2)]))
    })
}

fn job(folder: &Path, url: &str, more: &str) -> Case {
    let files = [
        ("production.env", format!("A_PASSWORD={LISTED}\nB_PASSWORD={UNKNOWN}\nEMPTY_PASSWORD=\n")),
        ("staging.env", format!("A_PASSWORD={PADDED}\nB_URL=postgres://app:p%40ss%2Fword%20of%201999@db/app\n")),
        ("preview.env", "A_PASSWORD=Only-Here-For-A-Day-77\n".to_owned()),
    ];
    let mut source = String::new();
    for (file, text) in files {
        std::fs::write(folder.join(file), text).expect("written");
        let id = file.trim_end_matches(".env");
        source.push_str(&format!("[[credentials]]\nenvironment='{id}'\ndotenv='{file}'\n"));
    }
    let policy = format!("[breached]\nrange_url='{url}/some/range/'\n{more}");
    let table = |text: &str| toml::from_str(text).expect("TOML");
    let environment = |id: &str| Environment {
        id: EnvironmentId::new(id).expect("an id"),
        title: String::new(),
        disposable: id == "preview",
    };
    Case {
        folder: folder.to_owned(),
        environments: ["production", "staging", "preview"].map(environment).to_vec(),
        settings: Settings { source: table(&source), policy: table(&policy) },
    }
}

/// The verdicts of the check, by environment, with the reasons; and what its findings say.
fn judged(folder: &Path, case: &Case) -> (Vec<(Verdict, String)>, Vec<String>, String) {
    UniqueCredentials.check_settings(&case.settings).expect("settings are in order");
    let (observation, judged) = run(folder, case, 1);
    let own = judged.iter().find(|one| one.check.as_str() == "unique-credentials.breached").expect("judged");
    let verdicts = own.subjects.iter().map(|one| (one.verdict, one.reason.clone())).collect();
    let details = own.findings.iter().map(|one| one.detail.clone()).collect();
    (verdicts, details, format!("{observation:?}{judged:?}{}", serde_json::to_string(&observation).expect("JSON")))
}

#[test]
fn five_digits_are_asked_for_and_the_rest_is_compared_here() {
    let folder = tempfile::tempdir().expect("a folder");
    let list = list();
    std::fs::write(folder.path().join("ca.pem"), list.authority.as_ref().expect("it has one")).expect("written");
    let (verdicts, mut details, told) = judged(folder.path(), &job(folder.path(), &list.url, "authorities='ca.pem'"));
    assert_eq!(verdicts.iter().map(|one| one.0).collect::<Vec<_>>(), [Verdict::Fail, Verdict::Fail, Verdict::NotApplicable]);
    assert_eq!(verdicts[0].1, "1 of 2 credentials in a public list of breached passwords");
    details.sort();
    assert_eq!(
        details,
        [
            "The password in `B_URL` (postgres, staging, staging.env:2) appears in a public list of breached passwords, 2 to 100 times.",
            "`A_PASSWORD` (production, production.env:1) appears in a public list of breached passwords, more than 10,000 times."
        ]
    );

    let asked = list.asked();
    let mut ranges: Vec<&str> = asked.iter().map(|one| one.target.as_str()).collect();
    ranges.sort_unstable();
    let values = [LISTED, PADDED, UNKNOWN, IN_URL];
    let mut expected = values.map(|value| format!("/some/range/{}", &digits(value.as_bytes())[..5]));
    expected.sort_unstable();
    assert_eq!(ranges, expected, "each range once, and none for what is disposable or empty");
    for one in &asked {
        assert_eq!((one.method.as_str(), one.body.len(), one.header("add-padding")), ("GET", 0, Some("true")));
        let mut names: Vec<&str> = one.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "add-padding", "host", "user-agent"]);
        assert!(one.header("user-agent").is_some_and(|agent| agent.starts_with("exhibit/")));
    }
    // Neither there nor in evidence is more of a digest than that, or a value.
    let sent = format!("{asked:?}").to_uppercase();
    for value in values {
        let digits = digits(value.as_bytes());
        for text in [&sent, &told.to_uppercase()] {
            assert!(!text.contains(&value.to_uppercase()) && !text.contains(&digits[5..11]), "something of a value left");
            assert!(!text.contains(&digits[..6]), "six digits left");
        }
        assert!(!told.contains(&digits[..5]), "evidence holds digits");
    }
}

/// Whoever does not answer, or answers something else, makes the check an error: never a pass, and nothing found until then counts.
#[test]
fn a_list_that_can_not_be_asked_is_an_error() {
    type Answers = fn(usize) -> Reply;
    let cases: [(&str, Answers); 5] = [
        ("not understood", |_| Reply::ok("<html>You are being watched</html>")),
        ("not understood", |_| Reply::ok("")),
        ("answered 404", |_| Reply::status(404)),
        ("answered 403", |before| match before {
            0..=2 => Reply::ok(format!("{}:1", "0".repeat(35))),
            _ => Reply::status(403),
        }),
        ("answered 429", |_| Reply::Answer(429, vec![("retry-after", "3600".to_owned())], Vec::new())),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    for (why, answers) in cases {
        let list = FakeServer::plain(move |_, before| answers(before));
        let (verdicts, details, _) = judged(folder.path(), &job(folder.path(), &list.url, ""));
        assert_eq!((verdicts[0].0, verdicts[1].0, details.len()), (Verdict::Error, Verdict::Error, 0), "{why}");
        assert!(verdicts[0].1.contains(why), "{}", verdicts[0].1);
    }
    let stranger = list();
    let (verdicts, ..) = judged(folder.path(), &job(folder.path(), &stranger.url, ""));
    assert!(verdicts[0].0 == Verdict::Error && verdicts[0].1.contains("certificate"), "{verdicts:?}");
    assert!(stranger.asked().is_empty());
}

/// What one range said is true, and yet nothing of it counts where another one was refused: it may not be all.
#[test]
fn nothing_that_was_found_counts_where_not_all_was_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let unknown = digits(UNKNOWN.as_bytes())[..5].to_owned();
    let refused = FakeServer::plain(move |asked, _| match asked.target.rsplit('/').next().unwrap_or_default() {
        range if range == unknown => Reply::status(403),
        range => Reply::ok(answer(range, &[(LISTED, 12_345), (IN_URL, 2)])),
    });
    let (verdicts, details, told) = judged(folder.path(), &job(folder.path(), &refused.url, ""));
    let found = [LISTED, IN_URL].map(|value| digits(value.as_bytes())[..5].to_owned());
    let asked = refused.asked();
    assert!(found.iter().any(|range| asked.iter().any(|one| one.target.ends_with(range.as_str()))), "something was found");
    assert_eq!((verdicts[0].0, verdicts[1].0, details.len()), (Verdict::Error, Verdict::Error, 0));
    assert!(verdicts[0].1.contains("answered 403") && !told.contains("more-than") && !told.contains("up-to-100"), "{told}");
}

/// Evidence says for which environments no list was asked, so that nobody who judges it by other words takes silence for an answer.
#[test]
fn what_was_disposable_when_it_was_asked_is_not_known() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = FakeServer::plain(|asked, _| Reply::ok(answer(asked.target.rsplit('/').next().unwrap_or_default(), &[])));
    let mut case = job(folder.path(), &server.url, "");
    let (observation, _) = run(folder.path(), &case, 1);
    let verdicts = |case: &Case| {
        let judged = UniqueCredentials.judge(&observation, &case.environments, &case.settings.policy).expect("judged");
        let own = judged.into_iter().find(|one| one.check.as_str() == "unique-credentials.breached").expect("judged");
        own.subjects.into_iter().map(|one| one.verdict).collect::<Vec<_>>()
    };
    assert_eq!(verdicts(&case), [Verdict::Pass, Verdict::Pass, Verdict::NotApplicable]);
    case.environments.iter_mut().for_each(|environment| environment.disposable = false);
    assert_eq!(verdicts(&case), [Verdict::Pass, Verdict::Pass, Verdict::Error]);
}

/// A policy that names a list, over evidence for which none was asked; and none named, over evidence for which one was.
#[test]
fn evidence_that_does_not_say_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = FakeServer::plain(|asked, _| Reply::ok(answer(asked.target.rsplit('/').next().unwrap_or_default(), &[])));
    let case = job(folder.path(), &server.url, "");
    let mut silent = job(folder.path(), &server.url, "");
    silent.settings.policy = toml::Table::new();
    let verdict = |observed: &Observation, policy: &toml::Table| {
        let judged = UniqueCredentials.judge(observed, &case.environments, policy).expect("judged");
        let own = judged.iter().find(|one| one.check.as_str() == "unique-credentials.breached").expect("judged");
        own.subjects[0].verdict
    };
    let (asked, _) = run(folder.path(), &case, 1);
    assert_eq!(verdict(&asked, &case.settings.policy), Verdict::Pass);
    assert_eq!(verdict(&asked, &silent.settings.policy), Verdict::NotApplicable);
    let number = server.asked().len();
    let (not_asked, _) = run(folder.path(), &silent, 1);
    assert_eq!(server.asked().len(), number, "off, unless somebody switches it on");
    assert_eq!(verdict(&not_asked, &case.settings.policy), Verdict::Error);
}
