//! The one HTTP client of the collectors: for stores of secrets and logs that are asked over a network.
//!
//! It follows no redirect, uses no proxy that the environment names, reads at most as much as it was told, and waits at most as
//! long. What may pass by itself is tried again, after waits that grow and differ; a server that does not answer is then left
//! alone. No error repeats a path, a query, a header or a body, because each of these may hold a secret. Requests go out one
//! at a time from each thread that asks: how many at once is the caller's choice.
//!
//! Blocking, as collectors are: it may not be used within an asynchronous task.

mod answer;
pub mod aws;
mod breaker;
mod client;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
#[cfg_attr(not(test), allow(dead_code, reason = "a part of it serves the tests alone"))]
pub(crate) mod fake;
mod pace;
mod reference;
mod request;
#[cfg(test)]
mod tests;
mod waits;

pub use answer::{Answer, Stream};
pub use client::{Client, Limits, Patience};
pub use error::RemoteError;
pub use pace::{Pace, RealPace};
pub use reference::Reference;
pub(crate) use request::encoded;
pub use request::{Explain, Request, Said, Sign, Unsigned};
pub use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
pub use reqwest::{Method, Url};
#[cfg(test)]
pub(crate) use tests::NoWaiting;
