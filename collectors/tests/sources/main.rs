//! Sources of credentials on the real servers and programs that hold them.

mod aws;
#[path = "../../../tests/it/bao.rs"]
mod bao;
#[path = "../../../tests/it/certificates.rs"]
mod certificates;
mod cloudwatch;
mod custody;
#[path = "../../../tests/it/debian.rs"]
mod debian;
mod encrypted;
mod many;
#[path = "../../../tests/it/moto.rs"]
mod moto;
#[path = "../../../tests/src/needles.rs"]
#[allow(dead_code, unreachable_pub, reason = "another crate's module, of which a part is used here")]
mod needles;
mod outcomes;
#[path = "../../../tests/it/package.rs"]
mod package;
#[path = "../../../tests/it/packages.rs"]
mod packages;
mod story;
mod vault;
