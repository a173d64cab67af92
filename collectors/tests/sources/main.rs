//! Sources of credentials on the real servers and programs that hold them.

mod bao;
#[path = "../../../tests/it/certificates.rs"]
mod certificates;
#[path = "../../../tests/it/packages.rs"]
mod packages;
mod story;
mod vault;
