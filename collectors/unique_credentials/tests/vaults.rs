//! Vaults that break down, and vaults that change: what is judged of what they answer, and of what they do not.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::Settings;
use crate::remote::fake::{Asked, FakeServer, Reply};
use exhibit_evidence::EnvironmentId;

/// A job over both environments, each in a vault of its own.
fn job(folder: &Path, vaults: [&FakeServer; 2]) -> Case {
    std::fs::write(folder.join("token"), "a-token").expect("written");
    let source = ["staging", "production"].iter().zip(vaults).map(|(id, vault)| {
        format!("[[credentials]]\nenvironment='{id}'\nvault={{address='{}',token='file:token',at_once=8}}\n", vault.url)
    });
    let source: String = source.collect();
    let policy = "[rotation]\nnot_judged = 'these vaults know no ages'";
    let table = |text: &str| toml::from_str(text).expect("TOML");
    let environment =
        |id: &str| Environment { id: EnvironmentId::new(id).expect("an id"), title: String::new(), disposable: false };
    Case {
        folder: folder.to_owned(),
        environments: ["staging", "production"].map(environment).to_vec(),
        settings: Settings { source: table(&source), policy: table(policy) },
    }
}

/// What a vault of so many secrets answers, each with the value that `value` gives it.
fn vault(count: usize, value: impl Fn() -> Reply + Send + Sync + 'static) -> FakeServer {
    FakeServer::plain(move |asked, _| {
        if asked.target == "/v1/secret/metadata?list=true" {
            let names: Vec<String> = (0..count).map(|at| format!("\"s{at}\"")).collect();
            return Reply::ok(format!("{{\"data\":{{\"keys\":[{}]}}}}", names.join(",")));
        }
        if is_value(asked) { value() } else { Reply::status(403) }
    })
}

fn is_value(asked: &Asked) -> bool {
    asked.target.starts_with("/v1/secret/data/")
}

fn holding(value: &str) -> Reply {
    Reply::ok(format!("{{\"data\":{{\"data\":{{\"POSTGRES_PASSWORD\":\"{value}\"}},\"metadata\":{{}}}}}}"))
}

/// Its values are asked for eight at a time, and each would be four times: after eight failures in a row none is.
#[test]
fn one_that_breaks_down_is_left_alone_and_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let broken = vault(5000, || Reply::status(503));
    let sound = vault(1, || holding("Qm7vK2xT9bLw4RzN"));
    let case = job(folder.path(), [&sound, &broken]);
    let (observation, judged) = run(folder.path(), &case, 1);
    let codes: Vec<&str> = observation.problems.iter().map(|problem| problem.code.as_str()).collect();
    assert!(matches!(codes[..], ["failing" | "left-alone"]), "{codes:?}");
    for judgement in &judged {
        let own = judgement.subjects.iter().find(|one| one.subject.environment.as_str() == "production");
        let verdict = own.expect("judged").verdict;
        assert!(matches!(verdict, Verdict::Error | Verdict::NotApplicable), "{} {verdict:?}", judgement.check);
    }
    assert_eq!(Verdict::roll_up(judged.iter().map(Judgement::verdict)), Verdict::Error);
    let asked = broken.asked().iter().filter(|asked| is_value(asked)).count();
    assert!((8..=16).contains(&asked), "asked {asked} times");
}

/// What a run read is gone with it: the next asks for everything again, and judges what is there then.
#[test]
fn nothing_is_remembered_from_one_run_to_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let asked = AtomicUsize::new(0);
    let production = vault(1, move || match asked.fetch_add(1, Ordering::SeqCst) {
        0 => holding("Qm7vK2xT9bLw4RzN"),
        _ => holding("Fh3kP8vZ2mXcY7dQ"),
    });
    let staging = vault(1, || holding("Qm7vK2xT9bLw4RzN"));
    let case = job(folder.path(), [&staging, &production]);
    let verdict = || {
        let (_, judged) = run(folder.path(), &case, 1);
        judged.iter().find(|one| one.check.as_str().ends_with("shared-across-environments")).expect("judged").verdict()
    };
    assert_eq!([verdict(), verdict(), verdict()], [Verdict::Fail, Verdict::Pass, Verdict::Pass]);
    for vault in [&staging, &production] {
        assert_eq!(vault.asked().iter().filter(|asked| is_value(asked)).count(), 3, "once a run");
    }
}
