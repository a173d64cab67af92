//! `exhibit.toml`: read once, checked whole, every mistake told with file, line, column and what was expected.
//!
//! ```text
//! text ─ parse ─┬─ hidden   what must never be shown
//!               ├─ keys     every table and key ─ json_schema
//!               ├─ schema   values, defaults ─ jobs ─ settings (the collectors' own tables)
//!               └─ reader   typed values with their places ─ diagnostic ─ shown
//! ```

mod archive;
mod diagnostic;
mod digest;
mod duration;
mod hidden;
mod jobs;
mod json_schema;
mod keys;
mod load;
mod model;
mod reader;
mod retention;
mod schema;
mod secret_ref;
mod service;
mod settings;
mod shown;
mod suspicion;

#[cfg(test)]
mod json_schema_tests;
#[cfg(test)]
mod tests;

pub(crate) use json_schema::json_schema;
pub(crate) use load::{ConfigError, FILE_NAME, load, parse};
pub(crate) use model::{BucketKeys, Config, Job, KeyPlace, Service, Signing};
pub(crate) use secret_ref::SecretRef;
pub(crate) use suspicion::holds_secret as looks_secret;
