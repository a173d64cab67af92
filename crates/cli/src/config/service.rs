//! `[service]`: how `exhibit serve` works, and where it listens.

use std::net::SocketAddr;
use std::path::Path;

use chrono::TimeDelta;

use super::diagnostic::Diagnostic;
use super::jobs::span_of_time;
use super::model::{Service, Tls};
use super::reader::{Reader, Section};
use super::schema::{path, secret};

/// Reads the table; what is not there is as `exhibit serve` would have it. Problems are noted.
pub(super) fn read(reader: &mut Reader, root: &Section<'_>, base: &Path) -> Service {
    let section = reader.table(root, "service", "[service]");
    let default = Service::default();
    let Some(section) = section else { return default };
    let mut span = |key: &str, default: TimeDelta| match section.raw(key) {
        Some(_) => span_of_time(reader, &section, key).unwrap_or(default),
        None => default,
    };
    let (time_limit, receipts_every) =
        (span("time_limit", default.time_limit), span("receipts_every", default.receipts_every));
    let tls = tls(reader, &section, base);
    let behind_proxy = reader.flag(&section, "behind_proxy").unwrap_or(false);
    let listen = address(reader, &section, "listen", tls.is_some() || behind_proxy);
    Service {
        workers: reader.number(&section, "workers").unwrap_or(default.workers),
        time_limit,
        receipts_every,
        listen,
        behind_proxy,
        // What is told there names nobody and shows nothing of the evidence.
        metrics_listen: address(reader, &section, "metrics_listen", true),
        tls,
    }
}

/// An address and a port. Tokens go over it, so that one that others reach has to be guarded.
fn address(reader: &mut Reader, section: &Section<'_>, key: &str, guarded: bool) -> Option<SocketAddr> {
    let text = reader.text(section, key)?;
    let refuse = |reader: &mut Reader, title: String, label: &str, hint: &str| {
        reader.refuse(Diagnostic::new("config.bad-address", text.span(), title).label(label).hint(hint));
    };
    let Ok(address) = text.get_ref().parse::<SocketAddr>() else {
        let title = format!("`{key}` in [service] is not an address");
        refuse(reader, title, "expected an IP address and a port", "such as \"127.0.0.1:8470\" or \"[::1]:8470\"");
        return None;
    };
    if !guarded && !address.ip().is_loopback() {
        let title = format!("`{key}` in [service] would send tokens over the network in the clear");
        refuse(
            reader,
            title,
            "other machines reach this address",
            "give `tls_certificate` and `tls_key`, or say `behind_proxy = true` where a proxy speaks TLS before it",
        );
        return None;
    }
    Some(address)
}

/// Certificate and key, both or none.
fn tls(reader: &mut Reader, section: &Section<'_>, base: &Path) -> Option<Tls> {
    let certificate = path(reader, section, "tls_certificate").map(|given| base.join(given));
    let key = section.raw("tls_key").and_then(|_| secret(reader, section, "tls_key", base)).map(|(key, _)| key);
    for (given, other) in [("tls_certificate", "tls_key"), ("tls_key", "tls_certificate")] {
        if let (Some(place), None) = (section.raw(given), section.raw(other)) {
            let title = format!("[service] has `{given}`, but no `{other}`");
            let label = format!("expected `{other}` beside it");
            reader.refuse(Diagnostic::new("config.half-tls", place.span(), title).label(label));
        }
    }
    Some(Tls { certificate: certificate?, key: key? })
}

impl Default for Service {
    fn default() -> Self {
        Self {
            workers: 2,
            time_limit: TimeDelta::hours(1),
            receipts_every: TimeDelta::hours(6),
            listen: None,
            behind_proxy: false,
            metrics_listen: None,
            tls: None,
        }
    }
}
