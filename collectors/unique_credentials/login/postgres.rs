//! The beginning of the PostgreSQL protocol, version 3.0: start-up and authentication, and nothing after them.

use super::dial::Wire;
use super::facts::{Answer, Outcome};
use super::scram::Exchange;
use md5::{Digest as _, Md5};
use std::io::{self, ErrorKind};
use zeroize::Zeroizing;

/// Longest message that is read: what precedes a login is short.
const LONGEST: usize = 64 * 1024;
/// Most messages that are read: settings and notices come before the server is ready.
const MOST: usize = 200;

/// Who logs in.
pub(super) struct Login<'a> {
    pub(super) user: &'a str,
    pub(super) database: &'a str,
    /// None to see whether one is asked for.
    pub(super) password: Option<&'a [u8]>,
    /// Whether what is said on the connection stays unseen.
    pub(super) private: bool,
    /// Fresh for each attempt.
    pub(super) nonce: String,
}

/// Tries it.
pub(super) fn log_in(wire: &mut dyn Wire, login: &Login<'_>) -> Answer {
    let answer = tried(wire, login).unwrap_or_else(|error| Answer::of_io(&error));
    // Whatever came of it, the server need not wait for more.
    let _ = message(wire, b'X', &[]);
    answer
}

fn tried(wire: &mut dyn Wire, login: &Login<'_>) -> io::Result<Answer> {
    if login.user.contains('\0') || login.database.contains('\0') {
        return Ok(Answer::unclear("no-user-name"));
    }
    start(wire, login)?;
    let (mut exchange, mut signature, mut asked) = (None, None, false);
    for _ in 0..MOST {
        let (kind, body) = read(wire)?;
        match kind {
            b'E' => return Ok(refusal(&body)),
            b'R' => {}
            // Notices, and options that the server does not know.
            _ => continue,
        }
        let (method, rest) = body.split_first_chunk().ok_or(ErrorKind::InvalidData)?;
        let method = u32::from_be_bytes(*method);
        if method == 0 && signature.is_none() {
            return admitted(wire, asked);
        }
        let Some(password) = login.password else {
            return Ok(Answer::new(Outcome::Refused, asks(method)));
        };
        match method {
            3 if !login.private => return Ok(Answer::unclear("asks-in-the-clear")),
            3 => {
                let mut body = Zeroizing::new(Vec::with_capacity(password.len() + 1));
                body.extend(password);
                body.push(0);
                message(wire, b'p', &body)?;
                asked = true;
            }
            5 => {
                let salt = rest.get(..4).ok_or(ErrorKind::InvalidData)?;
                let mut body = md5_of(login.user, password, salt).into_bytes();
                body.push(0);
                message(wire, b'p', &body)?;
                asked = true;
            }
            10 => {
                if !rest.split(|byte| *byte == 0).any(|name| name == b"SCRAM-SHA-256") {
                    return Ok(Answer::unclear("authentication-method"));
                }
                let begun = Exchange::new(login.nonce.clone());
                let mut body = b"SCRAM-SHA-256\0".to_vec();
                body.extend(u32::try_from(begun.first.len()).unwrap_or(0).to_be_bytes());
                body.extend(begun.first.as_bytes());
                message(wire, b'p', &body)?;
                exchange = Some(begun);
            }
            11 => {
                let said = std::str::from_utf8(rest).ok();
                let proof = exchange.take().zip(said).and_then(|(begun, said)| begun.proof(said, password));
                let Some(proof) = proof else { return Ok(Answer::unclear("not-its-protocol")) };
                message(wire, b'p', proof.last.as_bytes())?;
                signature = Some(proof.expected);
            }
            12 => {
                let said = rest.split(|byte| *byte == b',').next();
                if signature.take().is_none_or(|expected| said != Some(expected.as_bytes())) {
                    return Ok(Answer::unclear("server-does-not-know-the-password"));
                }
                asked = true;
            }
            _ => return Ok(Answer::unclear("authentication-method")),
        }
    }
    Ok(Answer::unclear("not-its-protocol"))
}

/// Let in: reads on to what the server says of it, which is no longer about the password.
fn admitted(wire: &mut dyn Wire, asked: bool) -> io::Result<Answer> {
    let outcome = if asked { Outcome::Accepted } else { Outcome::NotAsked };
    for _ in 0..MOST {
        match read(wire) {
            Ok((b'Z', _)) => return Ok(Answer::new(outcome, "ready")),
            Ok((b'E', body)) => return Ok(Answer::new(outcome, state(&body).unwrap_or("no-state").to_owned())),
            Ok(_) => {}
            Err(_) => break,
        }
    }
    Ok(Answer::new(outcome, "not-ready"))
}

fn start(wire: &mut dyn Wire, login: &Login<'_>) -> io::Result<()> {
    let mut body = 196_608_u32.to_be_bytes().to_vec();
    for (name, value) in [("user", login.user), ("database", login.database), ("application_name", "exhibit")] {
        for text in [name, value] {
            body.extend(text.as_bytes());
            body.push(0);
        }
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).map_err(|_| ErrorKind::InvalidInput)?;
    wire.write_all(&[&length.to_be_bytes()[..], &body].concat())?;
    wire.flush()
}

fn message(wire: &mut dyn Wire, kind: u8, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len() + 4).map_err(|_| ErrorKind::InvalidInput)?;
    let mut whole = Zeroizing::new(Vec::with_capacity(body.len() + 5));
    whole.push(kind);
    whole.extend(length.to_be_bytes());
    whole.extend(body);
    wire.write_all(&whole)?;
    wire.flush()
}

fn read(wire: &mut dyn Wire) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    wire.read_exact(&mut head)?;
    let [kind, length @ ..] = head;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    let length = length.checked_sub(4).filter(|length| *length <= LONGEST).ok_or(ErrorKind::InvalidData)?;
    let mut body = vec![0; length];
    wire.read_exact(&mut body)?;
    Ok((kind, body))
}

/// An error before the server let anybody in. Only `invalid_password` is about the password; the server says it of
/// users that do not exist, too.
fn refusal(body: &[u8]) -> Answer {
    match state(body) {
        Some("28P01") => Answer::new(Outcome::Refused, "28P01"),
        Some(state) => Answer::unclear(state),
        None => Answer::unclear("no-state"),
    }
}

/// The SQLSTATE among an error's fields.
fn state(body: &[u8]) -> Option<&str> {
    let mut fields = body.split(|byte| *byte == 0);
    let state = fields.find_map(|field| field.strip_prefix(b"C"))?;
    let state = std::str::from_utf8(state).ok()?;
    (state.len() == 5 && state.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(state)
}

/// How a server asks for a password.
fn asks(method: u32) -> &'static str {
    match method {
        3 => "asks-in-the-clear",
        5 => "asks-md5",
        10 => "asks-scram",
        _ => "asks",
    }
}

/// `md5` and the digest of (digest of password and user, salt), in hexadecimal.
fn md5_of(user: &str, password: &[u8], salt: &[u8]) -> String {
    let hex = |parts: &[&[u8]]| -> Zeroizing<String> {
        let mut digest = Md5::new();
        parts.iter().for_each(|part| digest.update(part));
        Zeroizing::new(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    };
    let inner = hex(&[password, user.as_bytes()]);
    format!("md5{}", hex(&[inner.as_bytes(), salt]).as_str())
}
