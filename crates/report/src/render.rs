//! A view to Markdown, HTML and JSON.

use exhibit_evidence::{CanonicalError, report::Standing, to_canonical};
use tera::Context;

use crate::{html, template::TemplateSet, view::PeriodView};

/// A report in its three forms. They say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Markdown.
    pub markdown: String,
    /// One page that needs nothing outside itself, made from the Markdown.
    pub html: String,
    /// The view itself, as canonical JSON.
    pub json: String,
}

/// Why a template can't be used, or a report not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The manifest is missing something, or has something that it should not.
    #[error("report template {template}: template.toml: {message}")]
    Manifest {
        /// The template.
        template: String,
        /// What is wrong.
        message: String,
    },
    /// A file is not there.
    #[error("the report template has no file {0}")]
    NoFile(String),
    /// A file is no text.
    #[error("report template file {file}: not UTF-8 at byte {at}")]
    NotText {
        /// The file.
        file: String,
        /// The first byte that is not UTF-8.
        at: usize,
    },
    /// A template can't be parsed, or not be rendered with this view.
    #[error("report template file {file}: {message}")]
    Template {
        /// The file.
        file: String,
        /// What is wrong, with its place.
        message: String,
    },
    /// A page must not run or fetch anything.
    #[error(
        "report template file {file}: found {found:?}; a report's page must hold no script and refer to nothing outside itself"
    )]
    Outside {
        /// The file.
        file: String,
        /// What was found.
        found: &'static str,
    },
    /// The template is written for another shape of the view.
    #[error("the report template is written for view version {template}, but this version makes view version {view}")]
    ViewVersion {
        /// What the template's manifest says.
        template: u64,
        /// The view's.
        view: u64,
    },
    /// The view has no canonical form.
    #[error("the report's data: {0}")]
    Canonical(#[from] CanonicalError),
}

impl RenderError {
    pub(crate) fn template(file: &str, error: &tera::Error) -> Self {
        let mut message = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::Template { file: file.to_owned(), message }
    }
}

/// The name and version of what renders: `exhibit-report 0.1.0`. Other versions may render other bytes.
pub fn renderer() -> String {
    format!("exhibit-report {}", env!("CARGO_PKG_VERSION"))
}

/// Renders a view. The same view, template and version give the same bytes.
///
/// # Errors
/// When the template is written for another shape of the view, asks for something that is not there, or when the view
/// has no canonical form.
pub fn render(view: &PeriodView, templates: &TemplateSet) -> Result<Rendered, RenderError> {
    let manifest = &templates.manifest;
    if manifest.view_version != view.view_version {
        return Err(RenderError::ViewVersion { template: manifest.view_version, view: view.view_version });
    }
    let failed = |file: &str| {
        let file = file.to_owned();
        move |error: tera::Error| RenderError::template(&file, &error)
    };
    let json = String::from_utf8(to_canonical(view)?).expect("canonical JSON is written from strings, so it is UTF-8");

    let mut context = Context::from_serialize(view).map_err(failed(&manifest.markdown))?;
    context.insert("renderer", &renderer());
    context.insert("template", &format!("{} {}", templates.name(), templates.digest()));
    let markdown = tidy(&templates.markdown.render(&manifest.markdown, &context).map_err(failed(&manifest.markdown))?);

    let page = html::page(&markdown);
    let mut context = Context::new();
    context.insert("title", &page.title);
    context.insert("interim", &(view.cover.standing == Standing::Interim));
    context.insert("style", &templates.style);
    context.insert("cover", &page.cover);
    context.insert("body", &page.body);
    context.insert("contents", &contents(&page.contents));
    context.insert("renderer", &renderer());
    let html = templates.layout.render(&manifest.layout, &context).map_err(failed(&manifest.layout))?;
    Ok(Rendered { markdown, html, json })
}

/// The lines of the contents; each says how many stand with it: below the same heading of level 2, or, as such a heading,
/// below it.
fn contents(entries: &[html::Entry]) -> Vec<serde_json::Value> {
    let sections = entries.chunk_by(|_, next| next.level > 2);
    let lines = sections.flat_map(|section| {
        let below = section.iter().filter(|entry| entry.level > 2).count();
        section.iter().map(move |entry| {
            serde_json::json!({"level": entry.level, "id": entry.id, "title": entry.title, "below": below})
        })
    });
    lines.collect()
}

/// No blank at the end of a line, no two empty lines in a row, one line end at the end.
fn tidy(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut empty = true;
    for line in markdown.lines().map(str::trim_end) {
        if line.is_empty() && empty {
            continue;
        }
        empty = line.is_empty();
        out.push_str(line);
        out.push('\n');
    }
    while out.ends_with("\n\n") {
        out.pop();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::contents;
    use crate::html;

    #[test]
    fn each_line_of_the_contents_says_how_many_stand_below_its_section() {
        let page = html::page("# T\n\n## One\n\n### a\n\n### b\n\n## Two\n\n## Three\n\n### c\n");
        let told: Vec<_> = contents(&page.contents)
            .iter()
            .map(|line| format!("{} {}", line["title"].as_str().unwrap_or_default(), line["below"]))
            .collect();
        assert_eq!(told, ["One 2", "a 2", "b 2", "Two 0", "Three 1", "c 1"]);
    }
}
