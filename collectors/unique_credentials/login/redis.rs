//! As much of the Redis protocol as a login needs.

use super::dial::Wire;
use super::facts::{Answer, Outcome};
use std::io::{self, ErrorKind};
use zeroize::Zeroizing;

/// Longest line that is read.
const LONGEST: usize = 4096;
/// First words of errors. Another is not told: whoever answers may repeat what it was sent.
const CLASSES: &[&str] = &[
    "BUSY", "CLUSTERDOWN", "DENIED", "ERR", "LOADING", "MASTERDOWN", "MISCONF", "MOVED", "NOAUTH", "NOPERM", "NOPROTO",
    "NOREPLICAS", "OOM", "READONLY", "TRYAGAIN", "WRONGPASS",
];

/// What a server says to somebody who does not log in.
pub(super) fn without_password(wire: &mut dyn Wire) -> Answer {
    let said = command(wire, &[b"PING"]);
    let _ = command(wire, &[b"QUIT"]);
    match said {
        Ok(Reply::Fine) => Answer::new(Outcome::Accepted, "PONG"),
        Ok(Reply::Error { class, .. }) if class == "NOAUTH" => Answer::new(Outcome::Refused, class),
        Ok(Reply::Error { class, .. }) => Answer::unclear(class),
        Err(error) => Answer::of_io(&error),
    }
}

/// Tries a login; without a user name it is that of the default user.
pub(super) fn log_in(wire: &mut dyn Wire, user: Option<&str>, password: &[u8]) -> Answer {
    let said = match user {
        Some(user) => command(wire, &[b"AUTH", user.as_bytes(), password]),
        None => command(wire, &[b"AUTH", password]),
    };
    let _ = command(wire, &[b"QUIT"]);
    match said {
        Ok(Reply::Fine) => Answer::new(Outcome::Accepted, "OK"),
        Ok(Reply::Error { class, no_password: true, .. }) => Answer::new(Outcome::NotAsked, class),
        // Before ACLs a wrong password was an `ERR` like others.
        Ok(Reply::Error { class, wrong_password, .. }) if class == "WRONGPASS" || wrong_password => {
            Answer::new(Outcome::Refused, class)
        }
        Ok(Reply::Error { class, .. }) => Answer::unclear(class),
        Err(error) => Answer::of_io(&error),
    }
}

enum Reply {
    Fine,
    Error {
        /// The first word.
        class: &'static str,
        /// It says that there is no password to give.
        no_password: bool,
        /// It says that the password is wrong.
        wrong_password: bool,
    },
}

fn command(wire: &mut dyn Wire, words: &[&[u8]]) -> io::Result<Reply> {
    let mut whole = Zeroizing::new(Vec::with_capacity(words.iter().map(|word| word.len() + 32).sum::<usize>() + 32));
    whole.extend(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        whole.extend(format!("${}\r\n", word.len()).as_bytes());
        whole.extend(*word);
        whole.extend(b"\r\n");
    }
    wire.write_all(&whole)?;
    wire.flush()?;
    reply(&line(wire)?)
}

fn line(wire: &mut dyn Wire) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() < LONGEST {
        wire.read_exact(&mut byte)?;
        if byte == *b"\n" {
            return Ok(line.trim_ascii_end().to_vec());
        }
        line.push(byte[0]);
    }
    Err(ErrorKind::InvalidData.into())
}

fn reply(line: &[u8]) -> io::Result<Reply> {
    match line.split_first() {
        Some((b'+', _)) => Ok(Reply::Fine),
        Some((b'-', rest)) => {
            let text = String::from_utf8_lossy(rest).to_ascii_lowercase();
            let word = rest.split(|byte| !byte.is_ascii_uppercase()).next().unwrap_or_default();
            let class = CLASSES.iter().find(|class| class.as_bytes() == word).copied().unwrap_or("no-class");
            let no_password = text.contains("no password is set") || text.contains("without any password configured");
            Ok(Reply::Error { class, no_password, wrong_password: text.contains("invalid password") })
        }
        _ => Err(ErrorKind::InvalidData.into()),
    }
}
