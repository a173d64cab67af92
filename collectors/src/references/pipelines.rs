//! Files of CI systems: the images that jobs run in, and those that they take their steps and services from.
//!
//! Sources: GitHub's "Workflow syntax" (`jobs.<id>.container`, `.services`, `.steps[*].uses`) and "Metadata syntax"
//! (`runs.image`), which Gitea and Forgejo share; GitLab's "CI/CD YAML syntax" (`image`, `services`, `default`, `variables`).

use super::manifests::{image, resolved_with};
use super::reference::{Pin, Reference};
use crate::ci_secrets::recognise::{Recognised, Recogniser};
use crate::sources::Text;
use crate::sources::interpolate::{Strictness, Variables, interpolate};
use crate::sources::yaml::{Node, documents};

use super::Form;

/// What stands before an image that is a step.
const AS_A_STEP: &str = "docker://";
/// Keys at the top of a GitLab file that are no jobs.
const NO_JOBS: [&str; 6] = ["image", "services", "include", "stages", "variables", "spec"];

/// Which kind of CI file a path names, by the table of `ci_secrets`.
pub(super) fn form_of(path: &str) -> Option<Form> {
    match Recogniser::new(&[]).path(path) {
        Some(Recognised::Ci(system)) if system.id == "github-actions" => Some(Form::Workflow),
        Some(Recognised::Ci(system)) if system.id == "gitlab-ci" => Some(Form::Gitlab),
        _ => None,
    }
}

/// A workflow, or the metadata of an action.
pub(super) fn workflow(path: &str, text: &str) -> Result<Vec<Reference>, String> {
    let mut references = Vec::new();
    for document in documents(0, path, text).map_err(|error| error.to_string())? {
        for (_, job) in document.get("jobs").map(Node::entries).unwrap_or_default() {
            references.extend(job.get("container").and_then(named("image")));
            for (_, service) in job.get("services").map(Node::entries).unwrap_or_default() {
                references.extend(service.get("image").and_then(image));
            }
            references.extend(steps(job));
        }
        if let Some(runs) = document.get("runs") {
            references.extend(runs.get("image").and_then(step));
            references.extend(steps(runs));
        }
    }
    Ok(references)
}

fn steps(of: &Node) -> impl Iterator<Item = Reference> {
    of.get("steps").map(Node::items).unwrap_or_default().iter().filter_map(|one| step(one.get("uses")?))
}

/// What is an image and neither an action nor a file.
fn step(node: &Node) -> Option<Reference> {
    let written = node.text()?.trim().strip_prefix(AS_A_STEP)?;
    Some(resolved_with(written, u64::from(node.line), &Variables::new()))
}

/// An image by itself, or under this key beside how it is run.
fn named(key: &'static str) -> impl Fn(&Node) -> Option<Reference> {
    move |node| image(node.get(key).unwrap_or(node))
}

/// A pipeline of GitLab. Variables of the file count, as defaults: whoever starts it may set others.
pub(super) fn gitlab(path: &str, text: &str) -> Result<Vec<Reference>, String> {
    let mut references = Vec::new();
    for document in documents(0, path, text).map_err(|error| error.to_string())? {
        let mut known = Variables::new();
        variables(&document, &mut known);
        run_in(&document, &known, &mut references);
        for (name, job) in document.entries() {
            if NO_JOBS.contains(&name.as_str()) {
                continue;
            }
            let mut own = known.clone();
            variables(job, &mut own);
            run_in(job, &own, &mut references);
        }
    }
    Ok(references)
}

fn variables(of: &Node, known: &mut Variables) {
    for (name, value) in of.get("variables").map(Node::entries).unwrap_or_default() {
        let written = value.text().or_else(|| value.text_at(&["value"]));
        let value = written.map(|text| interpolate(text, known, &Variables::new(), Strictness::Compose));
        match value {
            Some(Ok(value)) if value.unset().is_empty() => known.insert(name.clone(), Text::literal(value.as_str())),
            // What a job says of it hides what the file says.
            _ => known.remove(name),
        };
    }
}

/// The image and the services of the whole file, of `default`, or of one job.
fn run_in(of: &Node, known: &Variables, references: &mut Vec<Reference>) {
    let services = of.get("services").map(Node::items).unwrap_or_default();
    for node in of.get("image").into_iter().chain(services) {
        let line = u64::from(node.line);
        let named = node.get("name").unwrap_or(node);
        match named.text().map(str::trim) {
            // What the one who includes the file fills in.
            Some(written) if written.contains("$[[") => {
                references.push(Reference::open(written, Pin::Templated, line));
            }
            Some(written) if !written.is_empty() => references.push(resolved_with(written, line, known)),
            // `!reference [job, image]` takes it from elsewhere.
            None if !named.items().is_empty() => references.push(Reference::open("!reference", Pin::Unresolved, line)),
            _ => {}
        }
    }
}
