//! Values of Helm charts: the images that a chart takes where nobody says otherwise.
//!
//! Which values a chart asks for, its templates say, and they are no YAML. What is read here is what charts have in common: an
//! image as a map of registry, repository, tag and digest, or as one text. Source: the Helm documentation, "Charts", "Values".

use std::collections::BTreeSet;

use super::manifests::image;
use super::reference::{Pin, Reference};
use super::{Form, kustomize::folder_of};
use crate::packages::find::Found;
use crate::sources::yaml::{Node, documents};

/// The file that makes a folder a chart.
const CHART: &str = "Chart.yaml";

/// The folders that are charts.
pub(super) fn charts(files: &[Found<Form>]) -> BTreeSet<&str> {
    let paths = files.iter().map(|file| file.path.as_str());
    paths.filter(|path| name_of(path) == CHART).map(folder_of).collect()
}

/// Whether a file of this path holds values of one of these charts: `values.yaml`, `values-production.yaml`.
pub(super) fn is_values(path: &str, charts: &BTreeSet<&str>) -> bool {
    let name = name_of(path).to_ascii_lowercase();
    let beside = name.strip_prefix("values").is_some_and(|rest| rest.starts_with(['.', '-', '_']));
    beside && charts.contains(folder_of(path))
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The images that values name.
pub(super) fn read(path: &str, text: &str) -> Result<Vec<Reference>, String> {
    let mut references = Vec::new();
    for document in documents(0, path, text).map_err(|error| error.to_string())? {
        visit(&document, &mut references);
    }
    Ok(references)
}

fn visit(node: &Node, references: &mut Vec<Reference>) {
    for (key, value) in node.entries() {
        let key = key.to_ascii_lowercase();
        // A background image is one too, and no text of it is a reference.
        references.extend(match value.text() {
            Some(_) if key == "image" => image(value),
            None if key.ends_with("image") => of_map(value),
            _ => None,
        });
        if key == "images" {
            references.extend(value.entries().iter().filter_map(|(_, one)| of_map(one)));
        }
        visit(value, references);
    }
    node.items().iter().for_each(|item| visit(item, references));
}

/// An image in its parts; none where it names no repository.
fn of_map(node: &Node) -> Option<Reference> {
    let part = |key: &str| node.text_at(&[key]).map(str::trim).filter(|part| !part.is_empty());
    let repository = part("repository")?;
    let mut written = part("registry").map_or_else(String::new, |registry| format!("{registry}/"));
    written.push_str(repository);
    if let Some(tag) = part("tag") {
        written.push_str(&format!(":{tag}"));
    }
    if let Some(digest) = part("digest").or_else(|| part("sha")) {
        // Some charts ask for the digits alone.
        let algorithm = if digest.contains(':') { "" } else { "sha256:" };
        written.push_str(&format!("@{algorithm}{digest}"));
    }
    let line = u64::from(node.line);
    if written.contains("{{") {
        return Some(Reference::open(&written, Pin::Templated, line));
    }
    let mut reference = Reference::read(&written, line);
    // Without either, the chart's templates say which one it is: mostly of the version that the chart is of.
    if reference.pin == Pin::Tag && reference.tag.is_none() {
        reference.pin = Pin::Templated;
    }
    Some(reference)
}
