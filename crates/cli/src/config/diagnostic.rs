//! One thing wrong in the file, and how it is shown: file, line, column, a caret, what was expected.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::shown::Shown;

/// One thing wrong, with its place. Neither title, label nor hint holds a value of the file.
#[derive(Debug, Clone)]
pub(crate) struct Diagnostic {
    /// Stable name of the kind of mistake, such as `config.unknown-key`.
    pub(crate) code: &'static str,
    /// What is wrong, in one line.
    pub(crate) title: String,
    /// Bytes of the file that it is about.
    pub(super) span: Range<usize>,
    /// Said at the caret: what was expected, or found.
    pub(super) label: String,
    /// A second place that explains the first.
    pub(super) context: Option<(Range<usize>, String)>,
    /// What to do.
    pub(crate) hint: Option<String>,
}

impl Diagnostic {
    pub(super) fn new(code: &'static str, span: Range<usize>, title: impl Into<String>) -> Self {
        Self { code, title: title.into(), span, label: String::new(), context: None, hint: None }
    }

    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(super) fn context(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.context = Some((span, label.into()));
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}

/// Everything wrong in one configuration file, in the order of the file.
#[derive(Debug, Clone)]
pub(crate) struct Invalid {
    file: PathBuf,
    shown: Shown,
    problems: Vec<Diagnostic>,
}

impl Invalid {
    pub(super) fn new(file: &Path, shown: Shown, mut problems: Vec<Diagnostic>) -> Self {
        problems.sort_by_key(|problem| (problem.span.start, problem.span.end));
        Self { file: file.to_path_buf(), shown, problems }
    }

    /// What is wrong; never empty.
    pub(crate) fn problems(&self) -> &[Diagnostic] {
        &self.problems
    }

    /// Line and column, both from 1, at which a problem begins.
    #[cfg(test)]
    pub(crate) fn position(&self, problem: &Diagnostic) -> (usize, usize) {
        let text = self.shown.text();
        let start = self.shown.span(&problem.span).start;
        let before = text.get(..start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// Every problem with its snippet, for a terminal (`styled`) or for a file.
    pub(crate) fn render(&self, styled: bool) -> String {
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        let parts: Vec<String> = self.problems.iter().map(|problem| renderer.render(&[self.group(problem)])).collect();
        parts.join("\n\n")
    }

    fn group<'a>(&'a self, problem: &'a Diagnostic) -> Group<'a> {
        let mut snippet = Snippet::source(self.shown.text())
            .path(self.file.display().to_string())
            .annotation(AnnotationKind::Primary.span(self.visible(&problem.span)).label(problem.label.as_str()));
        if let Some((span, label)) = &problem.context {
            let context = AnnotationKind::Context.span(self.visible(span)).label(label.as_str());
            snippet = snippet.annotation(context);
        }
        let group = Level::ERROR.primary_title(problem.title.as_str()).id(problem.code).element(snippet);
        match &problem.hint {
            Some(hint) => group.element(Level::HELP.message(hint.as_str())),
            None => group,
        }
    }

    /// The shown span, cut at its first line: a caret, not a frame around half the file.
    fn visible(&self, span: &Range<usize>) -> Range<usize> {
        let shown = self.shown.span(span);
        let end = self.shown.text()[shown.clone()].find('\n').map_or(shown.end, |at| shown.start + at);
        shown.start..end
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Invalid {}
