//! What tests of S3 need beside a client of S3: a hand that signs by itself, and a proxy in which things go wrong.

mod http;
mod proxy;
mod signing;

use std::net::SocketAddr;

pub use http::{Message, Start};
pub use proxy::{Fault, FaultProxy, Seen, Step};
pub use signing::{KeyPair, real_time};

/// Sends one signed request to an S3 server and gives its answer. `target` is path and query.
///
/// # Panics
/// When there is no answer.
pub async fn ask(
    server: SocketAddr,
    keys: &KeyPair,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Message {
    let mut request = Message::request(method, target, body.to_vec());
    request.set("Host", &server.to_string());
    for (name, value) in headers {
        request.set(name, value);
    }
    keys.sign(&mut request, "us-east-1");
    http::exchange(server, &request).await.expect("an answer")
}

/// Sends one request that nobody signed.
///
/// # Panics
/// When there is no answer.
pub async fn ask_unsigned(server: SocketAddr, method: &str, target: &str) -> Message {
    let mut request = Message::request(method, target, Vec::new());
    request.set("Host", &server.to_string());
    http::exchange(server, &request).await.expect("an answer")
}
