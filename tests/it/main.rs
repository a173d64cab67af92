//! One test binary for everything that needs more than one room.

// Fuzz targets name this crate as the one that makes programs of them: see `seeds`.
extern crate self as libfuzzer_sys;

mod api;
mod bao;
mod binary;
mod browser;
mod by_hand;
mod c2sp;
mod certificates;
mod debian;
mod journal;
mod logins;
mod moto;
mod object_lock;
mod package;
mod packages;
mod packaging;
mod registries;
mod s3_logs;
mod scanners;
mod seeds;
mod stories;
mod tidy;
