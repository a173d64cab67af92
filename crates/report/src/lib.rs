//! Period view to Markdown, HTML and JSON. Templates arrive as bytes.
//!
//! The same entries, checkpoint, templates and version give the same bytes, on every machine: no clock, no randomness,
//! no file and no network in here.

mod archive;
mod attestations;
pub mod build;
pub mod catalog;
mod completeness;
mod filters;
mod findings;
pub mod fold;
mod history;
mod html;
mod markdown;
mod readme;
pub mod render;
pub mod slots;
mod sums;
pub mod template;
#[cfg(test)]
mod tests;
pub mod view;
mod waivers;

pub use build::{Edition, ViewError};
pub use catalog::{Catalog, Framework, FrameworkError, Requirement, frameworks};
pub use fold::Fold;
pub use markdown::pieces;
pub use readme::readme;
pub use render::{RenderError, Rendered, render, renderer};
pub use template::TemplateSet;
pub use view::{PeriodView, Status};
