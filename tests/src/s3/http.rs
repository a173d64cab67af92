//! As much of HTTP/1.1 as an S3 client and an S3 server speak with each other.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
};

use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

/// A request or an answer, whole.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its first line.
    pub start: Start,
    /// In the order of the wire.
    pub headers: Vec<(String, String)>,
    /// Unchunked.
    pub body: Vec<u8>,
}

/// The first line of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Method, path and query.
    Request(String, String),
    /// Status.
    Answer(u16),
}

impl Message {
    pub(super) fn request(method: &str, target: &str, body: Vec<u8>) -> Self {
        let start = Start::Request(method.to_owned(), target.to_owned());
        let mut message = Self { start, headers: Vec::new(), body };
        message.set("Content-Length", &message.body.len().to_string());
        message
    }

    pub(super) fn answer(status: u16, body: String) -> Self {
        let mut message = Self { start: Start::Answer(status), headers: Vec::new(), body: body.into_bytes() };
        message.set("Content-Length", &message.body.len().to_string());
        message.set("Content-Type", "application/xml");
        message
    }

    /// The status of an answer; 0 of a request.
    #[must_use]
    pub fn status(&self) -> u16 {
        if let Start::Answer(status) = self.start { status } else { 0 }
    }

    /// Method, path and query of a request; nothing of an answer.
    #[must_use]
    pub fn asked(&self) -> (&str, &str) {
        match &self.start {
            Start::Request(method, target) => (method, target),
            Start::Answer(_) => ("", ""),
        }
    }

    /// The value of a header.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.headers.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
    }

    /// First line and headers as on the wire.
    pub(super) fn head(&self) -> Vec<u8> {
        let mut head = match &self.start {
            Start::Request(method, target) => format!("{method} {target} HTTP/1.1\r\n"),
            Start::Answer(status) => format!("HTTP/1.1 {status} .\r\n"),
        };
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

/// Reads a message; none where the other side ended the connection instead. `to_head` says that this is the answer to a
/// HEAD request, whose length speaks of a body that does not come.
pub(super) async fn read<R, W>(from: &mut R, back: Option<&mut W>, to_head: bool) -> io::Result<Option<Message>>
where
    R: AsyncBufRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let bad = |what: &str| io::Error::new(ErrorKind::InvalidData, what.to_owned());
    let mut line = String::new();
    if from.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let start = if first.starts_with("HTTP/") {
        Start::Answer(second.parse().map_err(|_| bad("a status"))?)
    } else {
        Start::Request(first.to_owned(), second.to_owned())
    };
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut message = Message { start, headers, body: Vec::new() };
    if let (Some(_), Some(back)) = (message.get("Expect"), back) {
        back.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        message.remove("Expect");
    }
    let bodiless = to_head || matches!(message.start, Start::Answer(100..=199 | 204 | 304));
    if bodiless {
        return Ok(Some(message));
    }
    if message.get("Transfer-Encoding").is_some_and(|coding| coding.contains("chunked")) {
        message.body = unchunk(from).await?;
        message.remove("Transfer-Encoding");
        message.set("Content-Length", &message.body.len().to_string());
    } else if let Some(length) = message.get("Content-Length") {
        message.body = vec![0; length.parse().map_err(|_| bad("a length"))?];
        from.read_exact(&mut message.body).await?;
    }
    Ok(Some(message))
}

async fn unchunk<R: AsyncBufRead + Unpin>(from: &mut R) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        from.read_line(&mut line).await?;
        let size = usize::from_str_radix(line.trim(), 16)
            .map_err(|_| io::Error::new(ErrorKind::InvalidData, "a chunk's size"))?;
        let mut chunk = vec![0; size + 2];
        from.read_exact(&mut chunk).await?;
        if size == 0 {
            return Ok(body);
        }
        body.extend_from_slice(&chunk[..size]);
    }
}

/// One request over a connection of its own.
pub(super) async fn exchange(server: SocketAddr, request: &Message) -> io::Result<Message> {
    let mut connection = TcpStream::connect(server).await?;
    connection.write_all(&request.head()).await?;
    connection.write_all(&request.body).await?;
    let (from, mut to) = connection.split();
    let mut from = BufReader::new(from);
    loop {
        let answer = read(&mut from, Some(&mut to), request.asked().0 == "HEAD").await?;
        let answer = answer.ok_or(ErrorKind::UnexpectedEof)?;
        if answer.status() != 100 {
            return Ok(answer);
        }
    }
}
