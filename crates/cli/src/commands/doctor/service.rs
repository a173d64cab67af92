//! What `exhibit serve` listens on, and who may ask it.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
};

use chrono::TimeDelta;
use exhibit_evidence::Timestamp;
use exhibit_store::{
    Store,
    service::{Role, Token},
};
use exhibit_web::{Probed, probe};
use x509_parser::pem::Pem;

use super::item::{Findings, Item, State, first};
use crate::{
    config::{Config, Service},
    listening,
    token_key::token_key_path,
};

static LISTENER: Item = Item {
    code: "service.listener",
    good: "exhibit serve answers where it is told to listen",
    remedy: "start exhibit serve, or restart it; if something else listens there, give one of them another port",
};
static CERTIFICATE: Item = Item {
    code: "service.certificate",
    good: "the certificate holds, for three weeks at least, and the key belongs to it",
    remedy: "renew the certificate and put chain and key where [service] says, then send exhibit serve a SIGHUP",
};
static SHOWN: Item = Item {
    code: "service.renewed",
    good: "the listener shows the certificate that lies in the file",
    remedy: "send exhibit serve a SIGHUP (systemctl reload exhibit) after each renewal",
};
static ROAD: Item = Item {
    code: "service.road",
    good: "tokens go over the network under TLS alone",
    remedy: "let it listen on loopback, or where the proxy alone can reach it, or give it a certificate of its own",
};
static METRICS: Item = Item {
    code: "service.metrics",
    good: "the counters for Prometheus are not told to the world",
    remedy: "let metrics_listen be on loopback or on an address of the inner network: nobody is asked for a token there",
};
static TOKEN_KEY: Item = Item {
    code: "tokens.key",
    good: "the key under which tokens are kept is there",
    remedy: "restore data_dir/keys/token.key from its backup; without it every token is refused and must be made anew",
};
static ENDING: Item = Item {
    code: "tokens.ending",
    good: "no token that is in use ends within two weeks",
    remedy: "exhibit token create makes the person's next one; the old one ends by itself",
};
static IDLE: Item = Item {
    code: "tokens.idle",
    good: "no administrator's or operator's token lies unused",
    remedy: "exhibit token revoke it: what nobody uses nobody misses, until somebody finds it",
};
static AUDITOR: Item = Item {
    code: "tokens.auditor",
    good: "somebody can look at the evidence who does not run this",
    remedy: "exhibit token create --role auditor --person … --expires …, with --period or --environment as agreed",
};

pub(super) static ITEMS: [&Item; 9] =
    [&LISTENER, &CERTIFICATE, &SHOWN, &ROAD, &METRICS, &TOKEN_KEY, &ENDING, &IDLE, &AUDITOR];

/// A certificate that ends sooner is to be renewed.
const RENEW: TimeDelta = TimeDelta::weeks(3);
/// A token that ends sooner is told.
const SOON: TimeDelta = TimeDelta::weeks(2);
/// A token that nobody used for longer lies unused.
const UNUSED: TimeDelta = TimeDelta::days(90);
/// What is said where there is no listener.
const SILENT: &str = "nothing listens: neither API nor pages are served";

/// What can be seen without the database.
pub(super) async fn look(config: &Config, now: Timestamp, findings: &mut Findings) {
    let service = &config.service;
    metrics(service.metrics_listen, findings);
    let Some(address) = service.listen else {
        return [&LISTENER, &CERTIFICATE, &SHOWN, &ROAD].into_iter().for_each(|item| findings.ok(item, SILENT));
    };
    road(service, address, findings);
    let leaf = certificate(config, now, findings);
    if service.tls.is_some() && leaf.is_none() {
        return findings.complete(&[&LISTENER, &SHOWN], "without a certificate there is nothing to compare");
    }
    let with_tls = leaf.is_some();
    if address.port() == 0 {
        findings.warn(&LISTENER, format!("{address}: another port at each start, which its log alone tells"));
        return findings.note(&SHOWN, if with_tls { State::Unknown } else { State::Ok }, "no port to look at");
    }
    let probed = probe(address, leaf.map(Into::into)).await;
    let shown = match &probed {
        _ if !with_tls => State::Ok,
        Probed::Answers => State::Ok,
        Probed::OtherCertificate => State::Fail,
        Probed::Nobody | Probed::SomebodyElse(_) => State::Unknown,
    };
    let (state, said) = match probed {
        Probed::Answers => (State::Ok, format!("{address} answers")),
        Probed::OtherCertificate => (State::Ok, format!("{address} answers, with another certificate")),
        Probed::Nobody => (State::Warn, format!("nobody listens on {address}")),
        Probed::SomebodyElse(why) => (State::Fail, format!("{address}: {why}")),
    };
    let about = if with_tls { said.clone() } else { "no TLS of its own".to_owned() };
    findings.note(&LISTENER, state, said);
    findings.note(&SHOWN, shown, about);
}

/// How far tokens go in the clear.
fn road(service: &Service, address: SocketAddr, findings: &mut Findings) {
    if service.tls.is_some() {
        findings.ok(&ROAD, format!("{address} speaks TLS"));
    } else if address.ip().is_loopback() {
        findings.ok(&ROAD, format!("{address} is reached from this machine alone"));
    } else {
        findings.warn(
            &ROAD,
            format!(
                "{address} speaks no TLS because a proxy does: whoever gets past the proxy sends tokens in the clear"
            ),
        );
    }
}

fn metrics(address: Option<SocketAddr>, findings: &mut Findings) {
    let Some(address) = address else { return findings.ok(&METRICS, "nothing is told to Prometheus") };
    let inner = match address.ip() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    };
    if inner {
        findings.ok(&METRICS, address.to_string());
    } else {
        findings.warn(&METRICS, format!("{address} may be reached from outside"));
    }
}

/// Judges the certificate, and gives back the listener's own.
fn certificate(config: &Config, now: Timestamp, findings: &mut Findings) -> Option<Vec<u8>> {
    let Some(tls) = &config.service.tls else {
        findings.ok(&CERTIFICATE, "no TLS of its own");
        return None;
    };
    if let Err(error) = listening::tls(config) {
        findings.fail(&CERTIFICATE, format!("{error:#}"));
        return None;
    }
    let place = tls.certificate.display();
    let read = fs::read(&tls.certificate).map_err(|error| error.to_string());
    let chain = read.and_then(|bytes| chain(&bytes));
    match chain {
        Ok(chain) => {
            let (state, said) = validity(&chain, now);
            findings.note(&CERTIFICATE, state, format!("{place}: {said}"));
            chain.into_iter().next().map(|one| one.der)
        }
        Err(why) => {
            findings.fail(&CERTIFICATE, format!("{place}: {why}"));
            None
        }
    }
}

/// A certificate, as far as it matters here.
struct Certificate {
    der: Vec<u8>,
    from: Timestamp,
    until: Timestamp,
}

fn chain(bytes: &[u8]) -> Result<Vec<Certificate>, String> {
    let mut chain = Vec::new();
    for pem in Pem::iter_from_buffer(bytes) {
        let pem = pem.map_err(|error| error.to_string())?;
        if pem.label != "CERTIFICATE" {
            continue;
        }
        let parsed = pem.parse_x509().map_err(|error| error.to_string())?;
        let validity = parsed.validity();
        let instant = |seconds: i64| {
            let micros = seconds.checked_mul(1_000_000);
            micros.and_then(Timestamp::from_micros).ok_or("it names a time beyond all calendars")
        };
        let (from, until) = (instant(validity.not_before.timestamp())?, instant(validity.not_after.timestamp())?);
        chain.push(Certificate { from, until, der: pem.contents });
    }
    if chain.is_empty() { Err("there is no certificate in it".to_owned()) } else { Ok(chain) }
}

/// Whether every certificate of the chain holds now, and goes on to.
fn validity(chain: &[Certificate], now: Timestamp) -> (State, String) {
    let from = chain.iter().map(|one| one.from).max().unwrap_or(now);
    let until = chain.iter().map(|one| one.until).min().unwrap_or(now);
    if now < from {
        (State::Fail, format!("it holds from {} on", from.human()))
    } else if until <= now {
        (State::Fail, format!("it ran out {}", until.human()))
    } else if until.since(now) < RENEW {
        (State::Warn, format!("it runs out {}", until.human()))
    } else {
        (State::Ok, format!("it holds until {}", until.human()))
    }
}

/// What the database tells of tokens.
pub(super) async fn people(config: &Config, store: &Store, now: Timestamp, findings: &mut Findings) {
    let asked = [&TOKEN_KEY, &ENDING, &IDLE, &AUDITOR];
    if config.service.listen.is_none() {
        return asked.into_iter().for_each(|item| findings.ok(item, SILENT));
    }
    match store.tokens().await {
        Ok(tokens) => {
            let path = token_key_path(config);
            match (path.exists(), tokens.len()) {
                (true, _) => findings.ok(&TOKEN_KEY, path.display().to_string()),
                (false, 0) => findings.ok(&TOKEN_KEY, "it is made with the first token"),
                (false, count) => {
                    findings.fail(&TOKEN_KEY, format!("{} is gone, and {count} tokens hang on it", path.display()));
                }
            }
            judge(&tokens, now, findings);
        }
        Err(error) => findings.complete(&asked, &error.to_string()),
    }
}

fn judge(tokens: &[Token], now: Timestamp, findings: &mut Findings) {
    let good: Vec<&Token> = tokens.iter().filter(|token| token.revoked.is_none() && token.expires_at > now).collect();
    let named = |token: &Token, what: String| format!("{} ({}, …{}) {what}", token.person, token.role, token.last4);
    let ending: Vec<String> = good
        .iter()
        .filter(|token| token.last_used_at.is_some() && token.expires_at.since(now) < SOON)
        // Who has a later one already is looked after.
        .filter(|token| !good.iter().any(|other| same(token, other) && other.expires_at > token.expires_at))
        .map(|token| named(token, format!("ends {}", token.expires_at.human())))
        .collect();
    findings.warn_of(&ENDING, &ending, format!("{} tokens are good", good.len()));
    let idle: Vec<String> = good
        .iter()
        .filter(|token| matches!(token.role, Role::Administrator | Role::Operator))
        .filter(|token| now.since(token.last_used_at.unwrap_or(token.created_at)) > UNUSED)
        .map(|token| named(token, "has not been used for 90 days".to_owned()))
        .collect();
    findings.warn_of(&IDLE, &idle, "each was used within 90 days");
    let looking: Vec<String> = good
        .iter()
        .filter(|token| matches!(token.role, Role::Auditor | Role::Officer))
        .map(|token| named(token, String::new()).trim_end().to_owned())
        .collect();
    match looking.as_slice() {
        [] => findings.warn(&AUDITOR, "nobody has a token of an auditor or an officer"),
        looking => findings.ok(&AUDITOR, first(looking)),
    }
}

fn same(one: &Token, other: &Token) -> bool {
    one.person == other.person && one.role == other.role
}

#[cfg(test)]
mod tests {
    use exhibit_store::service::TokenScope;
    use uuid::Uuid;

    use super::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_micros(1_800_000_000_000_000).expect("an instant").plus(TimeDelta::days(day))
    }

    fn states(findings: &Findings) -> Vec<(&'static str, State)> {
        findings.0.iter().map(|finding| (finding.code, finding.state)).collect()
    }

    #[test]
    fn a_certificate_is_judged_by_the_whole_chain() {
        let one = |from, until| Certificate { der: Vec::new(), from: at(from), until: at(until) };
        for (chain, state) in [
            (vec![one(-1, 90), one(-100, 1000)], State::Ok),
            (vec![one(-1, 20), one(-100, 1000)], State::Warn),
            (vec![one(-1, 90), one(-100, 20)], State::Warn),
            (vec![one(-1, 90), one(-100, 0)], State::Fail),
            (vec![one(1, 90)], State::Fail),
        ] {
            assert_eq!(validity(&chain, at(0)).0, state);
        }
        assert!(chain(b"nonsense").is_err());
    }

    #[test]
    fn what_is_open_to_others_is_told() {
        for (address, state) in [
            ("127.0.0.1:9", State::Ok),
            ("10.1.2.3:9", State::Ok),
            ("[fd00::1]:9", State::Ok),
            ("0.0.0.0:9", State::Warn),
            ("[::]:9", State::Warn),
            ("192.0.2.1:9", State::Warn),
        ] {
            let mut findings = Findings::default();
            metrics(Some(address.parse().expect("an address")), &mut findings);
            assert_eq!(findings.0[0].state, state, "{address}");
        }
        let service = Service { behind_proxy: true, ..Service::default() };
        for (address, state) in [("127.0.0.1:9", State::Ok), ("10.1.2.3:9", State::Warn)] {
            let mut findings = Findings::default();
            road(&service, address.parse().expect("an address"), &mut findings);
            assert_eq!(findings.0[0].state, state, "{address}");
        }
    }

    #[test]
    fn tokens_are_judged_by_use_and_end() {
        let token = |role, created: i64, used: Option<i64>, ends: i64| Token {
            id: Uuid::nil(),
            person: "ada".to_owned(),
            role,
            lookup: "abcd".to_owned(),
            last4: "wxyz".to_owned(),
            scope: TokenScope::default(),
            expires_at: at(ends),
            created_at: at(created),
            created_by: "root".to_owned(),
            revoked: None,
            last_used_at: used.map(at),
        };
        let auditor = || token(Role::Auditor, -1, None, 90);
        let wrong = |tokens: &[Token]| {
            let mut findings = Findings::default();
            judge(tokens, at(0), &mut findings);
            states(&findings)
                .into_iter()
                .filter(|(_, state)| *state != State::Ok)
                .map(|(code, _)| code)
                .collect::<Vec<_>>()
        };
        assert_eq!(wrong(&[]), ["tokens.auditor"]);
        assert_eq!(wrong(&[auditor()]), [""; 0]);
        assert_eq!(wrong(&[token(Role::Auditor, -9, Some(-1), 0)]), ["tokens.auditor"], "it has ended");
        assert_eq!(wrong(&[token(Role::Officer, -9, Some(-1), 9)]), ["tokens.ending"]);
        let next = token(Role::Officer, -1, None, 90);
        assert_eq!(wrong(&[token(Role::Officer, -9, Some(-1), 9), next]), [""; 0], "the next one is there");
        assert_eq!(wrong(&[auditor(), token(Role::Operator, -91, None, 90)]), ["tokens.idle"]);
        assert_eq!(wrong(&[auditor(), token(Role::Administrator, -200, Some(-91), 90)]), ["tokens.idle"]);
        assert_eq!(wrong(&[auditor(), token(Role::Administrator, -200, Some(-1), 90)]), [""; 0]);
    }
}
