//! `exhibit serve` over TLS: who it says it is can be checked, nothing is said in the clear, and a renewed certificate is
//! taken without a pause. What else a signal to read the configuration again changes of the API is seen here too.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use nix::sys::signal::Signal;
use serde_json::Value;

use super::{
    Place, asking,
    asking::NAME,
    authority::Authority,
    exhibit,
    serve::{Serving, token, until},
};

fn configuration(service: &str, month: u8) -> String {
    format!(
        "[deployment]\nname = \"Asked\"\ndata_dir = \"data\"\nfiscal_year_start = {month}\n\n\
         [service]\n{service}\n\n[environments.production]\n"
    )
}

const TLS: &str = "tls_certificate = \"server.pem\"\ntls_key = \"file:server.key\"";

/// Puts a certificate of that authority for the service's name where it looks for it.
fn certify(place: &Place, authority: &Authority) {
    let (certificate, key) = authority.certify(NAME);
    fs::write(place.join("server.pem"), certificate).expect("written");
    fs::write(place.join("server.key"), key).expect("written");
}

#[test]
fn a_service_proves_who_it_is_and_takes_what_was_renewed() {
    let place = Place::new();
    let [first, second] = ["one", "two"].map(Authority::new);
    certify(&place, &first);
    let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port");
    let tls = format!("listen = \"{free}\"\n{TLS}");
    fs::write(place.join("exhibit.toml"), configuration(&tls, 1)).expect("written");
    let mut service = Serving::start(&place, "log", &[]);
    service.until_it_serves();
    let address = service.address("evidence API listening");
    assert!(service.log().contains("tls=true"), "{}", service.log());
    let token = token(&place, "officer");
    let ask = |authority: &Authority, path: &str| asking::over_tls(&address, authority.pem(), NAME, path, &token);

    assert_eq!(ask(&first, "/healthz").expect("an answer").0, 204);
    let (status, before) = ask(&first, "/api/v1/controls").expect("an answer");
    assert_eq!(status, 200, "{before}");
    let stranger = ask(&second, "/healthz").expect_err("another authority signed for nobody here");
    assert!(stranger.to_string().contains("UnknownIssuer"), "{stranger}");
    let other = asking::over_tls(&address, first.pem(), "other.example", "/healthz", &token);
    let other = other.expect_err("it is not that service");
    assert!(other.to_string().contains("not valid for name"), "{other}");
    in_the_clear_nothing_is_said(&address);

    let told = |code: &str| {
        let output = exhibit(place.path(), &["doctor", "--format", "json"]).output().expect("it starts");
        let findings: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let found = findings.as_array().expect("a list").iter().find(|finding| finding["code"] == code);
        found.unwrap_or_else(|| panic!("nothing of {code}: {findings}"))["state"].as_str().expect("a state").to_owned()
    };
    for code in ["service.listener", "service.certificate", "service.renewed", "service.road", "tokens.key"] {
        assert_eq!(told(code), "ok", "{code}");
    }

    // What was renewed is taken with the configuration; what is not fit changes nothing.
    fs::write(place.join("server.key"), "not a key\n").expect("written");
    service.send(Signal::SIGHUP);
    service.until_it_says("the old plan goes on");
    assert!(service.log().contains("`tls_key` in [service], file:"), "{}", service.log());
    assert_eq!(ask(&first, "/healthz").expect("the old certificate").0, 204);
    certify(&place, &second);
    assert_eq!((told("service.listener"), told("service.renewed")), ("ok".to_owned(), "fail".to_owned()));
    fs::write(place.join("exhibit.toml"), configuration(&tls, 4)).expect("written");
    service.send(Signal::SIGHUP);
    service.until_it_says("configuration read again");
    until("the renewed certificate", || ask(&second, "/healthz").is_ok_and(|(status, _)| status == 204));
    ask(&first, "/healthz").expect_err("the old certificate is gone");

    // The calendar is another too, for whoever asks: the fiscal year is named by the year in which it ends.
    let period = |text: &str| -> String {
        let controls: Value = serde_json::from_str(text).expect("JSON");
        controls["period"]["id"].as_str().expect("a name").to_owned()
    };
    let after = ask(&second, "/api/v1/controls").expect("an answer").1;
    assert_ne!(period(&after), period(&before), "{after}");

    service.send(Signal::SIGTERM);
    let ended = service.ended_within(Duration::from_secs(10)).expect("it ends within ten seconds");
    assert_eq!(ended.code(), Some(0), "{}", service.log());
}

/// Who asks without TLS gets no answer, above all none in which a token would have been of use.
fn in_the_clear_nothing_is_said(address: &str) {
    let mut stream = TcpStream::connect(address).expect("somebody listens");
    // It may be closed as soon as the first bytes are seen to be no TLS: before all is said, or before an answer.
    let _ = write!(stream, "GET /healthz HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn what_can_not_be_listened_with_is_named() {
    let place = Place::new();
    let authority = Authority::new("one");
    certify(&place, &authority);
    let (_, other) = authority.certify(NAME);
    fs::write(place.join("other.key"), other).expect("written");
    fs::write(place.join("nonsense"), "nonsense\n").expect("written");
    let with = |certificate: &str, key: &str| {
        format!("listen = \"127.0.0.1:0\"\ntls_certificate = \"{certificate}\"\ntls_key = \"file:{key}\"")
    };
    let open = "listen = \"0.0.0.0:0\"".to_owned();
    for (service, words) in [
        (with("absent.pem", "server.key"), &["`tls_certificate` in [service]", "absent.pem", "No such file"][..]),
        (with("nonsense", "server.key"), &["`tls_certificate` in [service]", "nonsense", "no certificate"]),
        (with("server.pem", "absent.key"), &["`tls_key` in [service]", "absent.key", "No such file"]),
        (with("server.pem", "nonsense"), &["`tls_key` in [service]", "nonsense", "no private key"]),
        (with("server.pem", "other.key"), &["`tls_certificate`", "server.pem", "`tls_key`", "other.key"]),
        (open.clone(), &["`listen` in [service] would send tokens over the network in the clear", "behind_proxy"]),
        (format!("{open}\ntls_certificate = \"server.pem\""), &["`tls_certificate`, but no `tls_key`"]),
    ] {
        fs::write(place.join("exhibit.toml"), configuration(&service, 1)).expect("written");
        let output = exhibit(place.path(), &["serve"]).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{service}: {said}");
        for word in words {
            assert!(said.contains(word), "{service}: {word} is not in\n{said}");
        }
        assert!(!place.join("data").exists(), "it is found out before anything is made");
    }
}
