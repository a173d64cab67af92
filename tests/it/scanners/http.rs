//! A service on this machine alone that answers each question by a function, until the process ends.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

/// What is answered to a body that was sent to a path; none where there is nothing.
pub(super) type Answer = fn(path: &str, asked: &serde_json::Value) -> Option<serde_json::Value>;

/// An address where nobody listens: a port that was let go of.
pub(crate) fn nobody() -> String {
    let held = TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", held.local_addr().expect("bound"))
}

/// Its address.
pub(super) fn serve(answer: Answer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || reply(&stream, answer));
        }
    });
    address
}

fn reply(mut stream: &TcpStream, answer: Answer) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut length, mut packed) = (0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim().to_ascii_lowercase();
        match line.split_once(':') {
            Some(("content-length", value)) => length = value.trim().parse().unwrap_or(0),
            Some(("content-encoding", value)) => packed = value.trim() == "gzip",
            _ => {}
        }
        if line.is_empty() {
            break;
        }
    }
    let mut asked = vec![0; length];
    reader.read_exact(&mut asked)?;
    let asked = if packed {
        serde_json::from_reader(flate2::read::GzDecoder::new(asked.as_slice()))?
    } else {
        serde_json::from_slice(&asked).unwrap_or_default()
    };
    let (status, body) = match answer(&path, &asked) {
        Some(body) => ("200 OK", body.to_string()),
        None => ("404 Not Found", "{}".to_owned()),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}
