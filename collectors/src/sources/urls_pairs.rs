//! Connection strings made of `key=value` pairs: URL queries, JDBC, libpq and ADO.

use super::Engine;
use super::urls::{Parts, decode, host_and_port, strip_prefix_ignoring_case, url};
use std::ops::Range;
use zeroize::Zeroizing;

/// What follows `jdbc:`, `offset` bytes into the text.
pub(super) fn jdbc(rest: &str, offset: usize) -> Result<Parts, &'static str> {
    if let Some(server) = strip_prefix_ignoring_case(rest, "sqlserver://") {
        return sqlserver(server, offset + rest.len() - server.len());
    }
    if let Some(thin) = strip_prefix_ignoring_case(rest, "oracle:thin:") {
        return oracle(thin, offset + rest.len() - thin.len());
    }
    let (scheme, body) = rest.split_once("://").ok_or("`://` in a JDBC URL")?;
    // `jdbc:mysql:loadbalance://…` and the like: the first word is the engine.
    let scheme = scheme.split(':').next().unwrap_or(scheme);
    url(scheme, body, offset + rest.len() - body.len())
}

/// `host\instance:port;key=value;password={a;b}`.
fn sqlserver(rest: &str, offset: usize) -> Result<Parts, &'static str> {
    let mut parts = Parts { engine: Some(Engine::Sqlserver), ..Parts::default() };
    let end = rest.find(';').unwrap_or(rest.len());
    let server = &rest[..end];
    let bare = match server.split_once('\\') {
        Some((host, instance)) => match instance.split_once(':') {
            Some((_, port)) => format!("{host}:{port}"),
            None => host.to_owned(),
        },
        None => server.to_owned(),
    };
    host_and_port(&bare, &mut parts)?;
    semicolons(&rest[end..], offset + end, &mut parts)?;
    Ok(parts)
}

/// `user/password@//host:port/service` or `@host:port:sid`.
fn oracle(rest: &str, offset: usize) -> Result<Parts, &'static str> {
    let mut parts = Parts { engine: Some(Engine::Oracle), ..Parts::default() };
    let (userinfo, target) = rest.rsplit_once('@').ok_or("`@` in an Oracle URL")?;
    if let Some((user, password)) = userinfo.split_once('/') {
        let start = offset + user.len() + 1;
        parts.user = Some(Zeroizing::new(user.to_owned()));
        parts.password = Some(Zeroizing::new(password.to_owned()));
        parts.password_at = start..start + password.len();
    }
    let target = target.trim_start_matches('/');
    parts.host = target.split([':', '/']).next().map(str::to_owned);
    Ok(parts)
}

/// `key=value` pairs of a URL query, `offset` bytes into the text.
pub(super) fn query(text: &str, separator: char, offset: usize, parts: &mut Parts) -> Result<(), &'static str> {
    let mut at = offset;
    for pair in text.split(separator) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let start = at + (pair.len() - value.len());
        let decoded = decode(value)?;
        assign(key, decoded, start..start + value.len(), parts)?;
        at += pair.len() + separator.len_utf8();
    }
    Ok(())
}

/// `;Key=value;Key={value with ; in it}`, `offset` bytes into the text.
fn semicolons(text: &str, offset: usize, parts: &mut Parts) -> Result<(), &'static str> {
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let trimmed = rest.trim_start_matches([';', ' ']);
        at += rest.len() - trimmed.len();
        let Some((key, after)) = trimmed.split_once('=') else {
            if trimmed.is_empty() {
                return Ok(());
            }
            return Err("`key=value` between semicolons");
        };
        let start = at + key.len() + 1;
        let (value, inner, length) = braced_or_plain(after)?;
        let range = offset + start + inner..offset + start + inner + value.len();
        assign(key.trim(), value, range, parts)?;
        at = start + length;
    }
    Ok(())
}

/// A value up to the next semicolon, or between braces or quotes. Gives the value, where it begins
/// and how many bytes it takes with its marks.
fn braced_or_plain(text: &str) -> Result<(Zeroizing<String>, usize, usize), &'static str> {
    let closing = match text.chars().next() {
        Some('{') => Some('}'),
        Some(quote @ ('"' | '\'')) => Some(quote),
        _ => None,
    };
    let Some(closing) = closing else {
        let end = text.find(';').unwrap_or(text.len());
        return Ok((Zeroizing::new(text[..end].to_owned()), 0, end));
    };
    let end = text[1..].find(closing).ok_or("a closing brace or quote")?;
    Ok((Zeroizing::new(text[1..=end].to_owned()), 1, end + 2))
}

/// libpq's `host=… user=… password='…'`, or ADO's `Server=…;User Id=…;Password=…`.
pub(super) fn dsn(text: &str) -> Result<Option<Parts>, &'static str> {
    let lower = Zeroizing::new(text.to_ascii_lowercase());
    let has = |keys: &[&str]| keys.iter().any(|key| has_key(&lower, key));
    if !has(&["password", "pwd"]) {
        return Ok(None);
    }
    let mut parts = Parts::default();
    if text.contains(';') {
        if !has(&["server", "data source", "host", "user id", "uid", "user", "accountname"]) {
            return Ok(None);
        }
        semicolons(text, 0, &mut parts)?;
        return Ok(Some(parts));
    }
    if !has(&["host", "hostaddr", "user", "dbname", "service"]) {
        return Ok(None);
    }
    parts.engine = Some(Engine::Postgres);
    libpq(text, &mut parts)?;
    Ok(Some(parts))
}

/// True when `key=` stands at the start of a word.
fn has_key(lower: &str, key: &str) -> bool {
    lower.match_indices(key).any(|(at, _)| {
        let before = lower[..at].chars().next_back();
        let after = lower[at + key.len()..].trim_start();
        before.is_none_or(|letter| letter == ';' || letter.is_whitespace()) && after.starts_with('=')
    })
}

/// PostgreSQL documentation, "Connection Strings", keyword/value form.
fn libpq(text: &str, parts: &mut Parts) -> Result<(), &'static str> {
    let mut at = 0;
    while let Some(skip) = text[at..].find(|letter: char| !letter.is_whitespace()) {
        at += skip;
        let equals = text[at..].find('=').ok_or("`key=value` pairs")?;
        let key = text[at..at + equals].trim();
        at += equals + 1;
        at += text[at..].len() - text[at..].trim_start().len();
        let quoted = text[at..].starts_with('\'');
        at += usize::from(quoted);
        let start = at;
        let mut value = Zeroizing::new(String::with_capacity(text.len() - at));
        let mut end = None;
        let mut letters = text[at..].char_indices();
        while let Some((offset, letter)) = letters.next() {
            match letter {
                '\\' => match letters.next() {
                    Some((_, escaped)) => value.push(escaped),
                    None => return Err("a letter after `\\`"),
                },
                '\'' if quoted => {
                    end = Some((start + offset, start + offset + 1));
                    break;
                }
                letter if !quoted && letter.is_whitespace() => {
                    end = Some((start + offset, start + offset));
                    break;
                }
                letter => value.push(letter),
            }
        }
        let (end, next) = match end {
            Some(end) => end,
            None if quoted => return Err("a closing quote"),
            None => (text.len(), text.len()),
        };
        assign(key, value, start..end, parts)?;
        at = next;
    }
    Ok(())
}

/// Puts one pair where it belongs; keys that say nothing about credentials are passed over.
fn assign(key: &str, value: Zeroizing<String>, range: Range<usize>, parts: &mut Parts) -> Result<(), &'static str> {
    match key.to_ascii_lowercase().as_str() {
        "user" | "username" | "uid" | "user id" => parts.user = Some(value),
        "password" | "pwd" => {
            parts.password = Some(value);
            parts.password_at = range;
        }
        "host" | "hostaddr" | "server" | "data source" | "servername" => {
            parts.host = value.split([',', ':']).next().map(str::to_owned);
        }
        "port" => {
            let first = value.split(',').next().unwrap_or("");
            parts.port = Some(first.parse().map_err(|_| "a port number")?);
        }
        "dbname" | "database" | "databasename" | "initial catalog" => {
            parts.database = Some(value.to_string());
        }
        key @ ("sslmode" | "ssl-mode" | "ssl" | "tls" | "encrypt" | "usessl") => {
            // Modes are short words; anything else is not shown.
            let is_word = value.len() <= 16
                && value.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter));
            let shown = if is_word { value.as_str() } else { "stated" };
            parts.tls = Some(format!("{key}={shown}"));
        }
        _ => {}
    }
    Ok(())
}
