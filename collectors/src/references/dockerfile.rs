//! Dockerfiles and Containerfiles: what `FROM`, `COPY --from` and `RUN --mount=from=` name, unless that is a stage.
//!
//! Source: the Dockerfile reference, chapters "Format", "FROM", "ARG", "COPY --from", "RUN --mount", "Here-documents".

use super::MOST;
use super::reference::{Pin, Reference};
use crate::sources::Text;
use crate::sources::interpolate::{Strictness, Variables, interpolate};

/// What is known when a line is read.
#[derive(Default)]
struct Build {
    /// Defaults of the arguments before the first stage: those alone count in `FROM`.
    arguments: Variables,
    /// Names of stages, in lower case.
    stages: Vec<String>,
    begun: bool,
    references: Vec<Reference>,
}

pub(super) fn read(text: &str) -> Result<Vec<Reference>, String> {
    let mut build = Build::default();
    let escape = escape(text);
    let mut lines = text.lines().enumerate().peekable();
    while let Some((index, first)) = lines.next() {
        if is_aside(first) {
            continue;
        }
        // Comments and empty lines within an instruction are not part of it.
        let mut instruction = first.trim().to_owned();
        while let Some(open) = instruction.strip_suffix(escape) {
            instruction = open.trim_end().to_owned();
            let Some((_, next)) = lines.find(|(_, next)| !is_aside(next)) else { break };
            instruction.push(' ');
            instruction.push_str(next.trim());
        }
        for (word, is_indented) in here_documents(&instruction) {
            let ends = |line: &str| if is_indented { line.trim_start_matches('\t') == word } else { line == word };
            lines.by_ref().find(|(_, line)| ends(line));
        }
        build.take(&instruction, index as u64 + 1);
        if build.references.len().max(build.stages.len()) > MOST {
            return Err(format!("expected at most {MOST} stages and images"));
        }
    }
    if build.begun { Ok(build.references) } else { Err("expected `FROM` and an image".to_owned()) }
}

/// Empty, or a comment.
fn is_aside(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// What joins lines, by the directive `# escape=` at the top.
fn escape(text: &str) -> char {
    let directives = text.lines().map(str::trim).take_while(|line| line.starts_with('#'));
    let mut named = directives.filter_map(|line| line.trim_start_matches('#').trim().split_once('='));
    match named.find(|(name, _)| name.trim().eq_ignore_ascii_case("escape")) {
        Some((_, value)) if value.trim() == "`" => '`',
        _ => '\\',
    }
}

/// The words that end the here-documents which an instruction opens, and whether tabs may stand before them.
fn here_documents(instruction: &str) -> Vec<(String, bool)> {
    let keyword = instruction.split_whitespace().next().unwrap_or_default();
    if !["run", "copy", "add"].contains(&keyword.to_ascii_lowercase().as_str()) {
        return Vec::new();
    }
    let mut words = Vec::new();
    for part in instruction.split_whitespace() {
        // A descriptor's number may stand before it: `3<<EOF`.
        let Some(rest) = part.trim_start_matches(|digit: char| digit.is_ascii_digit()).strip_prefix("<<") else {
            continue;
        };
        let (rest, is_indented) = rest.strip_prefix('-').map_or((rest, false), |rest| (rest, true));
        let quoted = rest.strip_prefix(['"', '\'']).unwrap_or(rest);
        let word: String = quoted.chars().take_while(|one| one.is_ascii_alphanumeric() || *one == '_').collect();
        if word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
            words.push((word, is_indented));
        }
    }
    words
}

impl Build {
    fn take(&mut self, instruction: &str, line: u64) {
        let (keyword, rest) = instruction.split_once(char::is_whitespace).unwrap_or((instruction, ""));
        let rest = rest.trim();
        match keyword.to_ascii_lowercase().as_str() {
            "arg" if !self.begun => self.argument(rest),
            "from" => self.stage(rest, line),
            "copy" | "add" => self.flags(rest, "--from=", line),
            "run" => {
                for mount in rest.split_whitespace().take_while(|word| word.starts_with("--")) {
                    let from = mount.strip_prefix("--mount=").into_iter().flat_map(|mount| mount.split(','));
                    from.filter_map(|part| part.strip_prefix("from=")).for_each(|image| self.other(image, line));
                }
            }
            "onbuild" => self.take(rest, line),
            _ => {}
        }
    }

    fn argument(&mut self, rest: &str) {
        for part in rest.split_whitespace() {
            let Some((name, value)) = part.split_once('=') else { continue };
            // Defaults may refer to those before them.
            if let Ok(value) = interpolate(unquoted(value), &self.arguments, &Variables::new(), Strictness::Compose)
                && value.unset().is_empty()
            {
                self.arguments.insert(name.to_owned(), Text::literal(value.as_str()));
            }
        }
    }

    fn stage(&mut self, rest: &str, line: u64) {
        self.begun = true;
        let mut words = rest.split_whitespace().skip_while(|word| word.starts_with("--"));
        let image = unquoted(words.next().unwrap_or_default()).to_owned();
        let name = match (words.next(), words.next()) {
            (Some(word), Some(name)) if word.eq_ignore_ascii_case("as") => Some(name.to_ascii_lowercase()),
            _ => None,
        };
        self.image(&image, line);
        self.stages.extend(name);
    }

    fn flags(&mut self, rest: &str, flag: &str, line: u64) {
        let flags = rest.split_whitespace().take_while(|word| word.starts_with("--"));
        let images: Vec<&str> = flags.filter_map(|word| word.strip_prefix(flag)).collect();
        images.into_iter().for_each(|image| self.other(image, line));
    }

    /// Where files come from: a stage by its name or number, or an image.
    fn other(&mut self, image: &str, line: u64) {
        if !image.bytes().all(|one| one.is_ascii_digit()) {
            self.image(unquoted(image), line);
        }
    }

    fn image(&mut self, written: &str, line: u64) {
        if written.contains("{{") {
            return self.references.push(Reference::open(written, Pin::Templated, line));
        }
        let resolved = interpolate(written, &self.arguments, &Variables::new(), Strictness::Compose);
        let resolved = resolved.ok().filter(|text| text.unset().is_empty());
        let Some(image) = resolved.as_ref().map(Text::as_str) else {
            // `FROM build-${TARGETARCH}`: which of the stages that is depends on who builds, but a stage it is.
            let start = written.split('$').next().unwrap_or_default().to_ascii_lowercase();
            if start.is_empty() || !self.stages.iter().any(|stage| stage.starts_with(&start)) {
                self.references.push(Reference::open(written, Pin::Unresolved, line));
            }
            return;
        };
        let is_stage = self.stages.contains(&image.to_ascii_lowercase());
        if !is_stage && image != "scratch" && !image.is_empty() {
            self.references.push(Reference::read(image, line));
        }
    }
}

fn unquoted(text: &str) -> &str {
    let inner = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}
