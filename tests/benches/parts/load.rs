//! Asks over a few connections that stay open, as quickly as it is answered, and does as little as possible beside it.

use std::{
    io::{Error, ErrorKind},
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Answers a second. `path` is what is asked of a piece's number; every answer must be 200.
pub(crate) fn rate(
    address: SocketAddr,
    connections: usize,
    span: Duration,
    pieces: u64,
    token: Option<&str>,
    path: impl Fn(u64) -> String + Clone + 'static,
) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let begun = Instant::now();
        let until = begun + span;
        let asking: Vec<_> = (0..connections as u64)
            .map(|number| {
                let head = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
                let path = path.clone();
                tokio::task::spawn_local(async move { converse(address, &head, until, pieces, number, path).await })
            })
            .collect();
        let mut answered = 0;
        for one in asking {
            answered += one.await.expect("a task ends").expect("every question is answered with 200");
        }
        answered as f64 / begun.elapsed().as_secs_f64()
    })
}

/// How long one answer takes, which must be 200.
pub(crate) fn once(address: SocketAddr, token: &str, path: &str) -> Duration {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let begun = Instant::now();
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: exhibit\r\nauthorization: Bearer {token}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        answer(&mut stream, &mut Vec::new()).await
    };
    runtime.block_on(asked).expect("it is answered with 200");
    begun.elapsed()
}

async fn converse(
    address: SocketAddr,
    head: &str,
    until: Instant,
    pieces: u64,
    seed: u64,
    path: impl Fn(u64) -> String,
) -> Result<u64, Error> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(1 << 17);
    let mut answered = 0;
    // Knuth's generator: numbers from all over the ledger, the same in each round.
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
    while Instant::now() < until {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let request = format!("GET {} HTTP/1.1\r\nhost: exhibit\r\n{head}\r\n", path((state >> 33) % pieces));
        stream.write_all(request.as_bytes()).await?;
        answer(&mut stream, &mut buffer).await?;
        answered += 1;
    }
    Ok(answered)
}

/// Reads one answer, which must be whole and a 200.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<(), Error> {
    let malformed = |why: &str, buffer: &[u8]| {
        Error::new(
            ErrorKind::InvalidData,
            format!("{why}: {}", String::from_utf8_lossy(&buffer[..buffer.len().min(300)])),
        )
    };
    buffer.clear();
    let body = loop {
        if stream.read_buf(buffer).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let head = std::str::from_utf8(&buffer[..body]).map_err(|_| malformed("a head that is no text", buffer))?;
    if !head.starts_with("HTTP/1.1 200") {
        return Err(malformed("not 200", buffer));
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
    });
    let length = length.ok_or_else(|| malformed("no length", buffer))?;
    while buffer.len() < body + length {
        if stream.read_buf(buffer).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}
