//! Sources of credentials on the real servers and programs that hold them.

mod aws;
mod bao;
#[path = "../../../tests/it/certificates.rs"]
mod certificates;
mod moto;
#[path = "../../../tests/it/packages.rs"]
mod packages;
mod story;
mod vault;
