//! The evidence API and the reading room.
//!
//! One file an endpoint, one problem type, one table of rights. It starts nothing: to ask for a run it inserts a row, and
//! no request can make a process. What a token may see is held twice, by the handlers and by row-level security in
//! Postgres; what was read stands in the access log before the answer leaves.

mod answer;
mod api;
mod counted;
mod gate;
pub mod intake;
mod limits;
mod listen;
mod metrics;
mod openapi;
mod pages;
mod probe;
mod problem;
mod recorder;
pub mod rights;
mod router;
mod service;
mod session;
mod status;
pub mod token;
mod vitals;
mod who;

pub use listen::{ListenError, Shutdown, Tls, serve};
pub use openapi::document;
pub use probe::{Probed, probe};
pub use problem::{Kind, Problem};
pub use router::{metrics_router, router};
pub use service::{Entropy, Limits, Parts, Service};
