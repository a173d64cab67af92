//! The store against a real Postgres.

mod ahead;
mod append;
mod disclosures;
mod faults;
mod fences;
mod fsck;
mod material;
mod plans;
mod queries;
mod run_requests;
mod samples;
mod service;
mod slots;
