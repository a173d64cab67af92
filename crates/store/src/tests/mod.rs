//! The store against a real Postgres.

mod append;
mod samples;
