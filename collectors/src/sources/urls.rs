//! Connection strings taken apart: URLs, JDBC, libpq's `key=value`, ADO's `Key=value;`.
//!
//! The password is found with its place in the text, so that whoever interpolated the text can say
//! where the password came from. Text that is meant as a connection string and cannot be understood
//! is reported as such: it is neither an error of the whole source nor silently without a password.

use super::Engine;
use super::urls_pairs;
use std::fmt;
use std::ops::Range;
use zeroize::Zeroizing;

/// What a value turned out to be.
#[derive(Debug)]
pub enum Connection {
    /// Not a connection string.
    Not,
    /// Meant as one, but not understood: what was expected.
    Unclear(&'static str),
    /// A connection string.
    Parts(Box<Parts>),
}

/// The parts of a connection string.
#[derive(Default)]
pub struct Parts {
    /// The system, when the scheme or the keys tell.
    pub engine: Option<Engine>,
    /// User name, percent-decoded.
    pub user: Option<Zeroizing<String>>,
    /// Password, percent-decoded. Present and empty is not the same as absent.
    pub password: Option<Zeroizing<String>>,
    /// The bytes of the text that hold the password as written.
    pub password_at: Range<usize>,
    /// Host name or address, without brackets. The first, where several are given.
    pub host: Option<String>,
    /// Port of that host.
    pub port: Option<u16>,
    /// Database, virtual host or index.
    pub database: Option<String>,
    /// Transport encryption as stated: `sslmode=require`, `tls=true`, or `tls` for a scheme that
    /// implies it. None when nothing is stated.
    pub tls: Option<String>,
}

impl Parts {
    /// True when the host is this very machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host.as_deref().is_some_and(|host| {
            host.eq_ignore_ascii_case("localhost")
                || host.starts_with('/')
                || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
        })
    }

    /// The password's text as it was written, which is what interpolation provenance speaks of.
    #[must_use]
    pub fn password_range(&self) -> Range<usize> {
        self.password_at.clone()
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("engine", &self.engine)
            .field("user", &self.user.is_some())
            .field("password", &self.password.is_some())
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// Takes `text` apart.
#[must_use]
pub fn take_apart(text: &str) -> Connection {
    let start = text.len() - text.trim_start().len();
    let body = text.trim();
    match parse(body) {
        Err(expected) => Connection::Unclear(expected),
        Ok(None) => Connection::Not,
        Ok(Some(mut parts)) => {
            parts.password_at.start += start;
            parts.password_at.end += start;
            Connection::Parts(Box::new(parts))
        }
    }
}

fn parse(text: &str) -> Result<Option<Parts>, &'static str> {
    if text.contains('\n') {
        return Ok(None);
    }
    if let Some(rest) = strip_prefix_ignoring_case(text, "jdbc:") {
        return urls_pairs::jdbc(rest, text.len() - rest.len()).map(Some);
    }
    match text.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => url(scheme, rest, text.len() - rest.len()).map(Some),
        _ => urls_pairs::dsn(text),
    }
}

fn is_scheme(scheme: &str) -> bool {
    let mut letters = scheme.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter))
}

/// `user:password@host:port,host:port/database?key=value#fragment`, `offset` bytes into the text.
pub(super) fn url(scheme: &str, rest: &str, offset: usize) -> Result<Parts, &'static str> {
    let mut parts = Parts { engine: Engine::of_scheme(scheme), ..Parts::default() };
    if implies_tls(scheme) {
        parts.tls = Some("tls".to_owned());
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let hosts = match authority.rsplit_once('@') {
        Some((userinfo, hosts)) => {
            userinfo_parts(userinfo, offset, &mut parts)?;
            hosts
        }
        None => authority,
    };
    host_and_port(hosts.split(',').next().unwrap_or(""), &mut parts)?;
    let tail_at = offset + end;
    let path = &tail[..tail.find(['?', '#']).unwrap_or(tail.len())];
    if let Some(database) = path.strip_prefix('/').filter(|name| !name.is_empty()) {
        parts.database = Some(decode(database)?.to_string());
    }
    let query = tail[path.len()..].split('#').next().unwrap_or("");
    if let Some(query) = query.strip_prefix('?') {
        urls_pairs::query(query, '&', tail_at + path.len() + 1, &mut parts)?;
    }
    Ok(parts)
}

/// Whether a scheme leaves no room for an unencrypted connection: `rediss`, `bolt+s`, `mongodb+srv`.
fn implies_tls(scheme: &str) -> bool {
    let scheme = scheme.to_ascii_lowercase();
    let named = ["rediss", "valkeys", "amqps", "ldaps", "smtps", "https", "mongodb+srv"];
    let graph = ["bolt+s", "bolt+ssc", "neo4j+s", "neo4j+ssc"];
    named.contains(&scheme.as_str()) || graph.contains(&scheme.as_str())
}

fn userinfo_parts(userinfo: &str, offset: usize, parts: &mut Parts) -> Result<(), &'static str> {
    let (user, password) = match userinfo.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (userinfo, None),
    };
    if !user.is_empty() {
        parts.user = Some(decode(user)?);
    }
    if let Some(password) = password {
        let start = offset + user.len() + 1;
        parts.password = Some(decode(password)?);
        parts.password_at = start..start + password.len();
    }
    Ok(())
}

/// `host`, `host:port`, `[v6]:port`, or nothing.
pub(super) fn host_and_port(text: &str, parts: &mut Parts) -> Result<(), &'static str> {
    let (host, port) = if let Some(inside) = text.strip_prefix('[') {
        let (host, after) = inside.split_once(']').ok_or("a closing bracket after an address")?;
        match after.strip_prefix(':') {
            Some(port) => (host, port),
            None if after.is_empty() => (host, ""),
            None => return Err("a port after the closing bracket"),
        }
    } else {
        text.split_once(':').unwrap_or((text, ""))
    };
    if !host.is_empty() {
        parts.host = Some(decode(host)?.to_string());
    }
    if !port.is_empty() {
        // A password with `/`, `?` or `#` that is not percent-encoded ends up here.
        let expected = "a port number (is a letter of the password not percent-encoded?)";
        parts.port = Some(port.parse().map_err(|_| expected)?);
    }
    Ok(())
}

/// Percent-decoding to UTF-8.
pub(super) fn decode(text: &str) -> Result<Zeroizing<String>, &'static str> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let (high, low) = (digit(bytes.next()), digit(bytes.next()));
        let (Some(high), Some(low)) = (high, low) else {
            return Err("two hexadecimal digits after `%`");
        };
        out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
    }
    match std::str::from_utf8(&out) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err("UTF-8 after percent-decoding"),
    }
}

pub(super) fn strip_prefix_ignoring_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

#[cfg(test)]
#[path = "urls_tests.rs"]
mod tests;
