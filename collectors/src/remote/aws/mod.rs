//! Requests to AWS and to servers that speak as it does: signed, and their failures understood.

mod keys;
mod said;
mod signer;

pub use keys::{AwsKeys, KeySource};
pub use said::explain;
pub use signer::{AwsSigner, Service};
