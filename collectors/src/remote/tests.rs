//! The client against a fake server: everything that a server, or nobody, may answer.

use std::io::Read as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::fake::{FakeServer, Reply};
use super::*;

/// Nobody waits: what would be waited for passes at once, and is written down.
#[derive(Default)]
pub(crate) struct NoWaiting(Mutex<(Duration, Vec<Duration>)>);

impl NoWaiting {
    fn waits(&self) -> Vec<Duration> {
        self.0.lock().expect("no panic within").1.clone()
    }

    fn pass(&self, time: Duration) {
        self.0.lock().expect("no panic within").0 += time;
    }
}

impl Pace for NoWaiting {
    fn elapsed(&self) -> Duration {
        self.0.lock().expect("no panic within").0
    }

    fn sleep(&self, wait: Duration) {
        let mut state = self.0.lock().expect("no panic within");
        state.0 += wait;
        state.1.push(wait);
    }
}

fn client(server: &FakeServer, change: impl FnOnce(&mut Limits)) -> (Client, Arc<NoWaiting>) {
    let pace = Arc::new(NoWaiting::default());
    let mut limits = Limits { authorities: server.authority.clone(), ..Limits::default() };
    change(&mut limits);
    (Client::new(limits, pace.clone(), 7).expect("a client"), pace)
}

/// Asks for something whose URL and header are full of canaries, and holds every error against them.
fn ask(client: &Client, server: &FakeServer) -> Result<Answer, RemoteError> {
    let url = client.url(&format!("{}/path-canary4711?token=canary4711", server.url)).expect("a URL");
    let secret = SecretString::from("canary4711");
    let request = Request::get("asking", url).secret_header(HeaderName::from_static("x-token"), "Bearer ", &secret);
    let request = request.expect("a header").accepting(&[404]);
    assert!(!format!("{request:?}").contains("canary"));
    let answer = client.fetch(&request);
    if let Err(error) = &answer {
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
        assert!(error.to_string().contains("127.0.0.1"), "{error}");
    }
    answer
}

#[test]
fn answers_come_over_tls_of_the_named_authority_alone() {
    let server = FakeServer::tls(|_, _| Reply::ok(r#"{"value":"canary4711"}"#));
    let answer = ask(&client(&server, |_| {}).0, &server).expect("an answer");
    assert_eq!((answer.status, answer.body.as_slice()), (200, br#"{"value":"canary4711"}"#.as_slice()));
    assert!(!format!("{answer:?}").contains("canary"));
    let wrong = answer.json::<Vec<u8>>("a list").expect_err("no list");
    assert!(wrong.code() == "not-understood" && !wrong.to_string().contains("canary"), "{wrong}");
    let asked = &server.asked()[0];
    assert_eq!((asked.method.as_str(), asked.header("x-token")), ("GET", Some("Bearer canary4711")));
    assert_eq!(asked.target, "/path-canary4711?token=canary4711");
    let (stranger, pace) = client(&server, |limits| limits.authorities = None);
    assert_eq!(ask(&stranger, &server).expect_err("not trusted").code(), "untrusted");
    assert!(pace.waits().is_empty(), "asking again does not help");
    let other = FakeServer::tls(|_, _| Reply::ok(""));
    let (stranger, _) = client(&other, |_| {});
    assert_eq!(ask(&stranger, &server).expect_err("another authority").code(), "untrusted");
    let broken = Limits { authorities: Some(b"no certificate".to_vec()), ..Limits::default() };
    let error = Client::new(broken, Arc::new(NoWaiting::default()), 0).expect_err("refused");
    assert_eq!(error.code(), "remote-settings");
}

#[test]
fn what_passes_is_asked_again_and_the_server_says_when() {
    let server = FakeServer::plain(|_, before| match before {
        0 => Reply::Answer(429, vec![("retry-after", "7".to_owned())], b"canary4711".to_vec()),
        1 => Reply::status(503),
        2 => Reply::Close,
        _ => Reply::ok("done"),
    });
    let (client, pace) = client(&server, |_| {});
    assert_eq!(ask(&client, &server).expect("an answer").body.as_slice(), b"done");
    let waits = pace.waits();
    assert_eq!(waits.len(), 3);
    assert!(waits[0] >= Duration::from_millis(7125) && waits[0] <= Duration::from_millis(7250), "{waits:?}");
    assert!(waits[1] >= Duration::from_millis(250) && waits[1] <= Duration::from_millis(500), "{waits:?}");
    assert!(waits[2] >= Duration::from_millis(500) && waits[2] <= Duration::from_secs(1), "{waits:?}");
}

/// A server counts requests, not askers: whoever shares the client waits for as long as one of them was asked to.
#[test]
fn whom_a_server_asks_to_wait_speaks_for_all() {
    let server = FakeServer::plain(|_, before| match before {
        0 => Reply::Answer(429, vec![("retry-after", "5".to_owned())], Vec::new()),
        _ => Reply::ok("done"),
    });
    let (asker, pace) = client(&server, |_| {});
    let url = || asker.url(&server.url).expect("a URL");
    let once = Request::new("posting", Method::POST, url()).once();
    assert!(asker.fetch(&once).is_ok(), "a request that was put off was not acted on");
    assert_eq!(pace.waits().len(), 1);
    let busy = FakeServer::plain(|_, before| match before {
        0..=8 => Reply::Answer(429, vec![("retry-after", "5".to_owned())], Vec::new()),
        _ => Reply::ok("done"),
    });
    let (asker, pace) = client(&busy, |_| {});
    assert_eq!(ask(&asker, &busy).expect_err("put off too often").code(), "throttled");
    assert_eq!((busy.asked().len(), pace.waits().len()), (8, 7), "put off, and asked again when it said");
    ask(&asker, &busy).expect("an answer in the end");
    let waits = pace.waits();
    assert!(waits.len() == 9 && waits.iter().all(|wait| *wait >= Duration::from_secs(5)), "{waits:?}");
}

#[test]
fn tries_end_and_so_do_waits_that_are_asked_for() {
    let busy = FakeServer::plain(|_, _| Reply::Answer(429, vec![("retry-after", "3600".to_owned())], Vec::new()));
    let (asker, pace) = client(&busy, |_| {});
    assert_eq!(ask(&asker, &busy).expect_err("throttled").code(), "throttled");
    assert!(pace.waits().is_empty() && busy.asked().len() == 1, "an hour is too long");
    let ill = FakeServer::plain(|_, _| Reply::status(500));
    let (asker, pace) = client(&ill, |limits| limits.patience.open_after = 6);
    assert_eq!(ask(&asker, &ill).expect_err("failing").code(), "failing");
    assert_eq!(ill.asked().len(), 4);
    assert_eq!(ask(&asker, &ill).expect_err("opened in between").code(), "failing");
    assert_eq!(ask(&asker, &ill).expect_err("open").code(), "left-alone");
    assert_eq!(ill.asked().len(), 6, "nothing more was sent");
    pace.pass(Duration::from_secs(61));
    assert_eq!(ask(&asker, &ill).expect_err("one try").code(), "failing");
    assert_eq!(ill.asked().len(), 7);
}

#[test]
fn what_is_no_success_is_told_by_its_status_alone() {
    for (status, code) in [(401, "denied"), (403, "denied"), (400, "refused"), (301, "redirected"), (412, "changed")] {
        let location = vec![("location", "https://canary4711.example/".to_owned())];
        let server = FakeServer::plain(move |_, _| Reply::Answer(status, location.clone(), b"canary4711".to_vec()));
        let (asker, pace) = client(&server, |_| {});
        assert_eq!(ask(&asker, &server).expect_err("no success").code(), code);
        assert!(pace.waits().is_empty() && server.asked().len() == 1, "asked once, and no redirect is followed");
    }
    let server = FakeServer::plain(|_, _| Reply::status(404));
    assert_eq!(ask(&client(&server, |_| {}).0, &server).expect("accepted").status, 404);
}

#[test]
fn no_answer_is_larger_or_slower_than_allowed() {
    let long = || b"canary4711".repeat(1000);
    let sized = FakeServer::plain(move |_, _| Reply::ok(long()));
    let raw = [b"HTTP/1.1 200 x\r\nconnection: close\r\n\r\n".as_slice(), &long()].concat();
    let unsized_ = FakeServer::plain(move |_, _| Reply::Raw(raw.clone()));
    for server in [&sized, &unsized_] {
        let (asker, pace) = client(server, |limits| limits.most = 9_999);
        assert_eq!(ask(&asker, server).expect_err("too large").code(), "too-large");
        assert!(pace.waits().is_empty());
        assert_eq!(ask(&client(server, |limits| limits.most = 10_000).0, server).expect("fits").body.len(), 10_000);
    }
    let hanging = FakeServer::plain(|_, _| Reply::Hang);
    let (asker, pace) = client(&hanging, |limits| limits.quiet = Duration::from_millis(100));
    assert_eq!(ask(&asker, &hanging).expect_err("silent").code(), "too-long");
    assert_eq!((pace.waits().len(), hanging.asked().len()), (3, 4));
    let half = FakeServer::plain(|_, _| Reply::Raw(b"HTTP/1.1 200 x\r\ncontent-length: 99\r\n\r\nhalf".to_vec()));
    let (asker, _) = client(&half, |_| {});
    assert_eq!(ask(&asker, &half).expect_err("half").code(), "broken-off");
    assert_eq!(half.asked().len(), 4, "it may come whole another time");
}

#[test]
fn a_slow_drip_ends_with_the_time_that_a_try_has() {
    let server = FakeServer::plain(|_, _| Reply::ok(vec![b'x'; 100]));
    let (asker, pace) = client(&server, |limits| limits.whole = Duration::from_secs(60));
    let mut stream = asker.open(&Request::get("asking", asker.url(&server.url).expect("a URL"))).expect("begun");
    assert_eq!(stream.read(&mut [0; 10]).expect("the first"), 10);
    pace.pass(Duration::from_secs(61));
    let error = stream.read(&mut [0; 10]).expect_err("over");
    assert_eq!(Stream::cause(&error).map(RemoteError::code), Some("too-long"));
}

#[test]
fn what_changes_something_is_sent_once() {
    let server = FakeServer::plain(|_, _| Reply::Close);
    let (asker, _) = client(&server, |_| {});
    let body = Zeroizing::new(b"canary4711".to_vec());
    let url = asker.url(&server.url).expect("a URL");
    let request = Request::new("posting", Method::POST, url).body("text/plain", body).once();
    assert_eq!(asker.fetch(&request).expect_err("closed").code(), "unreachable");
    assert_eq!(server.asked().iter().map(|asked| asked.body.as_slice()).collect::<Vec<_>>(), [b"canary4711"]);
    let gone = FakeServer::plain(|_, _| Reply::Close).url.clone();
    let request = Request::new("posting", Method::POST, asker.url(&gone).expect("a URL")).once();
    assert_eq!(asker.fetch(&request).expect_err("nobody there").code(), "unreachable");
}

#[test]
fn only_urls_that_may_be_asked_are() {
    let server = FakeServer::plain(|_, _| Reply::ok(""));
    let (asker, _) = client(&server, |_| {});
    for wrong in [
        "http://logs.example/canary4711",
        "https://canary4711@logs.example/",
        "ftp://logs.example/canary4711",
        "file:///canary4711",
        "canary4711",
    ] {
        let error = asker.url(wrong).expect_err("refused");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    assert!(asker.url("http://[::1]:8200/v1").is_ok() && asker.url("http://localhost/").is_ok());
    assert!(client(&server, |limits| limits.plain_http = true).0.url("http://logs.example/").is_ok());
}

#[test]
fn the_environment_names_no_proxy_and_answers_are_not_unpacked() {
    let server = FakeServer::plain(|_, _| Reply::ok("plain"));
    ask(&client(&server, |_| {}).0, &server).expect("an answer");
    let asked = &server.asked()[0];
    assert_eq!(asked.header("accept-encoding"), None);
    assert!(asked.header("user-agent").is_some_and(|agent| agent.starts_with("exhibit/")));
}
