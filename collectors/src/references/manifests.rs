//! Compose files and Kubernetes manifests: the images of services and containers.

use super::dockerfile;
use super::reference::{Pin, Reference};
use crate::sources::interpolate::{Strictness, Variables, interpolate};
use crate::sources::yaml::{Node, documents};

/// Lists whose items name an image each: containers of pods, and steps of Tekton and sidecars of Argo Workflows.
const LISTS: [&str; 5] = ["containers", "initContainers", "ephemeralContainers", "steps", "sidecars"];
/// What names one image: templates of Argo Workflows.
const SINGLE: [&str; 2] = ["container", "script"];
/// Objects whose text is somebody's own.
const NOT_LOOKED_INTO: [&str; 3] = ["ConfigMap", "Secret", "CustomResourceDefinition"];

pub(super) fn compose(path: &str, text: &str) -> Result<Vec<Reference>, String> {
    let mut references = Vec::new();
    for document in documents(0, path, text).map_err(|error| error.to_string())? {
        let Some(services) = document.get("services") else { continue };
        for (_, service) in services.entries() {
            let Some(build) = service.get("build") else {
                references.extend(service.get("image").and_then(image));
                continue;
            };
            // The image of what is built is only what it is called.
            if let Some(inline) = build.text_at(&["dockerfile_inline"]) {
                let line = u64::from(build.line);
                references.extend(dockerfile::read(inline)?.into_iter().map(|one| Reference { line, ..one }));
            }
        }
    }
    Ok(references)
}

/// Whether a text says that it is a manifest.
pub(super) fn is_one(text: &str) -> bool {
    let says =
        |key: &str, quoted: &str| text.lines().any(|line| line.trim_start().starts_with(key)) || text.contains(quoted);
    says("apiVersion:", "\"apiVersion\"") && says("kind:", "\"kind\"")
}

/// None where it is no manifest.
pub(super) fn kubernetes(path: &str, text: &str) -> Result<Option<Vec<Reference>>, String> {
    if !is_one(text) {
        return Ok(None);
    }
    let documents = match documents(0, path, text) {
        Ok(documents) => documents,
        Err(_) if text.contains("{{") => return Ok(Some(by_lines(text))),
        Err(error) => return Err(error.to_string()),
    };
    let mut references = Vec::new();
    let mut any = false;
    for document in &documents {
        let (Some(_), Some(kind)) = (document.text_at(&["apiVersion"]), document.text_at(&["kind"])) else { continue };
        any = true;
        if !NOT_LOOKED_INTO.contains(&kind) {
            visit(document, &mut references);
        }
    }
    Ok(any.then_some(references))
}

fn visit(node: &Node, references: &mut Vec<Reference>) {
    for (key, value) in node.entries() {
        if LISTS.contains(&key.as_str()) {
            references.extend(value.items().iter().filter_map(|item| image(item.get("image")?)));
        } else if SINGLE.contains(&key.as_str()) {
            references.extend(value.get("image").and_then(image));
        } else if key == "volumes" {
            references.extend(value.items().iter().filter_map(|item| image(item.at(&["image", "reference"])?)));
        }
        // A list of objects, as `kubectl get` writes it, may hold what is not looked into.
        if !value.text_at(&["kind"]).is_some_and(|kind| NOT_LOOKED_INTO.contains(&kind)) {
            visit(value, references);
        }
    }
    let items = node.items().iter();
    let items = items.filter(|item| !item.text_at(&["kind"]).is_some_and(|kind| NOT_LOOKED_INTO.contains(&kind)));
    items.for_each(|item| visit(item, references));
}

pub(super) fn image(node: &Node) -> Option<Reference> {
    let written = node.text()?.trim();
    (!written.is_empty()).then(|| resolved(written, u64::from(node.line)))
}

fn resolved(written: &str, line: u64) -> Reference {
    resolved_with(written, line, &Variables::new())
}

/// A reference in which these variables are known.
pub(super) fn resolved_with(written: &str, line: u64, known: &Variables) -> Reference {
    if written.contains("{{") {
        return Reference::open(written, Pin::Templated, line);
    }
    match interpolate(written, known, &Variables::new(), Strictness::Compose) {
        Ok(text) if text.unset().is_empty() => Reference::read(text.as_str(), line),
        _ => Reference::open(written, Pin::Unresolved, line),
    }
}

/// What a template engine fills in is no YAML yet: its lines tell which images it names.
fn by_lines(text: &str) -> Vec<Reference> {
    let mut references = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let bare = line.trim_start();
        let bare = bare.strip_prefix("- ").unwrap_or(bare).trim_start();
        let Some(value) = bare.strip_prefix("image:") else { continue };
        let value = value.split(" #").next().unwrap_or(value).trim();
        let quoted = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
        let value = quoted('"').or_else(|| quoted('\'')).unwrap_or(value);
        if !value.is_empty() {
            references.push(resolved(value, index as u64 + 1));
        }
    }
    references
}
