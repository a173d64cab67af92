//! Requests to AWS and to servers that speak as it does: signed, and their failures understood.

mod access;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing {
    //! Opened to `fuzz/`.
    pub use super::keys::fuzzing::aws_keys;
}
mod keys;
mod said;
mod signer;

pub use access::{AwsAccess, AwsConnection};
pub use keys::{AwsKeys, KeySource};
pub use said::explain;
pub use signer::{AwsSigner, Service};
