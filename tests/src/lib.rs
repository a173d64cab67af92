//! What the tests share: a world whose clock, chance and faults are in a test's hand, examples to work on, and the
//! program as it was just built.

mod api;
mod chance;
mod clock;
mod examples;
mod faulty_vault;
mod moody;
mod needles;
mod program;
pub mod s3;
mod seeded;
mod tables;
mod world;

pub use api::{Answered, Api};
pub use chance::SeededRandom;
pub use clock::MockClock;
pub use examples::Example;
pub use faulty_vault::FaultyVault;
pub use moody::{Mood, Moods, Moody, PANIC};
pub use needles::Needles;
pub use program::{fresh_binary, fresh_verifier};
pub use seeded::{Ledger, Seed, fill};
pub use tables::tables_that_hold;
pub use world::{TestWorld, at};
