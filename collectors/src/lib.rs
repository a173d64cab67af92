//! The collectors: each observes one kind of thing, and holds no opinion; judging is a pure function beside it.
//!
//! This crate knows the outside world. It knows no database, no report and no archive: facts about Exhibit itself
//! reach a collector as sources that the pipeline supplies.

mod ages;
pub mod archived;
pub mod attested;
pub mod cases;
pub mod collector;
mod conditions;
pub mod examples;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod gaps;
mod given;
mod kept;
mod known;
pub mod own;
pub mod packages;
mod policy;
pub mod process;
pub mod pulling;
pub mod reading;
mod references;
pub mod registry;
pub mod remote;
pub mod results;
pub mod runner;
pub mod scanners;
pub mod scanning;
mod scratch;
pub mod sources;
pub mod survey;
mod targets;
mod vulnerable;
mod words;

pub use collector::{
    CollectError, Collected, Collector, Given, JudgeError, RawArtifact, Scope, SettingProblem, Settings,
};
pub use registry::{Entry, Registry};

include!(concat!(env!("OUT_DIR"), "/modules.rs"));
