//! Period view to Markdown, HTML and JSON. Templates arrive as bytes.
//!
//! The same entries, checkpoint, templates and version give the same bytes, on every machine: no clock, no randomness,
//! no file and no network in here.

pub mod build;
pub mod catalog;
mod completeness;
pub mod fold;
mod history;
pub mod view;

pub use build::{Edition, ViewError};
pub use catalog::{Catalog, Framework, Requirement};
pub use fold::Fold;
pub use view::PeriodView;
