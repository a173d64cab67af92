//! A service that answers what a test tells it to. The stories on an emulator lie in `tests/sources`.

use super::super::settings::{self, tests::FixedClock};
use super::*;
use crate::remote::fake::{Asked, FakeServer, Reply};

fn with<T>(kind: &str, server: &FakeServer, work: impl FnOnce(&dyn Source) -> T) -> T {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("id"), "canary-4711-id").expect("written");
    std::fs::write(folder.path().join("key"), "canary-4711-key").expect("written");
    let text = format!(
        "[[c]]\nenvironment='staging'\n{kind}={{region='eu-central-1',under='app/',endpoint='{}',\
         keys={{access_key_id='file:id',secret_access_key='file:key'}}}}",
        server.url
    );
    let table: toml::Table = toml::from_str(&text).expect("TOML");
    let read = settings::read(&table["c"], "c").expect("valid");
    let root = Root::folder(folder.path());
    let source = read[0].open(&Surroundings { root: &root, clock: &FixedClock }).expect("opened");
    work(source.as_ref())
}

fn said(word: &str) -> Reply {
    Reply::Answer(400, Vec::new(), format!("{{\"__type\":\"{word}\",\"message\":\"canary-4711\"}}").into_bytes())
}

fn action(asked: &Asked) -> &str {
    asked.header("x-amz-target").and_then(|target| target.split_once('.')).map(|(_, action)| action).expect("an action")
}

#[test]
fn throttling_is_waited_out_and_pages_are_turned() {
    let server = FakeServer::plain(|asked, number| match (number, action(asked)) {
        (0 | 2, _) => said("ThrottlingException"),
        (_, "ListSecrets") if !String::from_utf8_lossy(&asked.body).contains("NextToken") => {
            Reply::ok("{\"SecretList\":[{\"Name\":\"app/a\"},{\"Name\":\"App/other\"}],\"NextToken\":\"more\"}")
        }
        (_, "ListSecrets") => Reply::ok("{\"SecretList\":[{\"Name\":\"app/b\",\"LastRotatedDate\":1.767323045E9}]}"),
        _ if String::from_utf8_lossy(&asked.body).contains("app/b") => said("AccessDeniedException"),
        _ => Reply::ok("{\"SecretString\":\"canary-4711-value\",\"VersionId\":\"v\",\"CreatedDate\":1767323045}"),
    });
    with("secrets_manager", &server, |source| {
        let reading = source.read().expect("read");
        assert_eq!((reading.examined, reading.unread.len()), (1, 1));
        assert_eq!(source.listing(), Ok(Listing { names: 2 }));
        let (found, unread) = (&reading.credentials[0], &reading.unread[0]);
        assert_eq!((found.name.as_str(), found.value.text()), ("a", Some("canary-4711-value")));
        assert_eq!((unread.name.as_str(), unread.code), ("b", "not-permitted"));
        let since = |version: &Option<super::super::Version>| version.as_ref().and_then(|version| version.since);
        assert!(since(&found.version).is_some());
        assert_eq!(since(&found.version), since(&unread.version));
    });
    for asked in server.asked() {
        let signed = asked.header("authorization").expect("signed");
        assert!(signed.contains("/eu-central-1/secretsmanager/aws4_request") && !signed.contains("4711-key"));
    }
}

#[test]
fn one_parameter_that_may_not_be_decrypted_hides_no_other() {
    let server = FakeServer::plain(|asked, _| {
        let body = String::from_utf8_lossy(&asked.body).into_owned();
        match action(asked) {
            "DescribeParameters" => Reply::ok(
                "{\"Parameters\":[{\"Name\":\"app/A_KEY\",\"Version\":3,\"LastModifiedDate\":1767323045.5},{\"Name\":\"app/b\"},\
                 {\"Name\":\"app/c\"}]}",
            ),
            _ if body.contains("app/b") => said("AccessDeniedException"),
            _ if body.contains("app/c") => Reply::ok("{\"Parameters\":[],\"InvalidParameters\":[\"app/c\"]}"),
            _ => Reply::ok("{\"Parameters\":[{\"Name\":\"app/A_KEY\",\"Value\":\"canary-4711\"}]}"),
        }
    });
    with("parameter_store", &server, |source| {
        let reading = source.read().expect("read");
        assert_eq!((reading.examined, source.listing()), (1, Ok(Listing { names: 3 })));
        assert_eq!(reading.credentials[0].name, "A_KEY");
        assert_eq!(reading.credentials[0].version.as_ref().and_then(|version| version.id.as_deref()), Some("3"));
        let unread: Vec<_> = reading.unread.iter().map(|unread| (unread.name.as_str(), unread.code)).collect();
        assert_eq!(unread, [("b", "not-permitted"), ("c", "deleted")]);
    });
}

/// Pages without a name, each of which announces the one before it.
#[test]
fn a_list_that_goes_round_ends() {
    let server = FakeServer::plain(|_, number| {
        let token = ["one", "two"][number % 2];
        Reply::ok(format!("{{\"SecretList\":[],\"Parameters\":[],\"NextToken\":\"{token}\"}}"))
    });
    for kind in ["secrets_manager", "parameter_store"] {
        with(kind, &server, |source| assert_eq!(source.listing().expect_err("endless").code(), "not-understood"));
    }
    assert_eq!(server.asked().len(), 6);
}

#[test]
fn what_goes_wrong_has_a_steady_code_and_shows_nothing() {
    type Answers = fn() -> Reply;
    let cases: [(&str, Answers); 7] = [
        ("denied", || said("AccessDeniedException")),
        ("denied", || said("UnrecognizedClientException")),
        ("throttled", || said("ThrottlingException")),
        ("failing", || Reply::status(500)),
        ("not-understood", || Reply::ok("canary-4711")),
        ("not-understood", || Reply::ok("{\"NextToken\":\"canary-4711\"}")),
        ("unreachable", || Reply::Close),
    ];
    for (code, answer) in cases {
        for kind in ["secrets_manager", "parameter_store"] {
            let server = FakeServer::plain(move |_, _| answer());
            with(kind, &server, |source| {
                let error = source.read().expect_err(code);
                assert_eq!(error.code(), code, "{error}");
                assert!(!error.to_string().contains("4711"), "{error}");
                assert_eq!(source.listing().expect_err(code).code(), code);
            });
        }
    }
}
