//! Reading compose files, applying `extends`, merging overlays.

use super::super::yaml::{Kind, Node, documents};
use super::super::{SourceError, files};
use super::Compose;
use zeroize::Zeroizing;

/// A service may extend a service that extends another, this often.
const MAX_EXTENDS: usize = 16;

/// The merged project.
pub(super) struct Project {
    pub(super) merged: Node,
    /// File names by index, as [`Node::file`] refers to them.
    pub(super) names: Vec<String>,
    pub(super) blind_spots: Vec<String>,
}

/// Loads and merges all files of the project.
pub(super) fn project(compose: &Compose) -> Result<Project, SourceError> {
    let mut loader = Loader { compose, names: Vec::new(), blind_spots: Vec::new() };
    let mut merged = Node { file: 0, line: 1, kind: Kind::Map(Vec::new()) };
    for name in &compose.files {
        for document in loader.documents(name)? {
            let resolved = loader.with_extends(document)?;
            merged = merge(merged, normalised(resolved), &mut Vec::new());
        }
    }
    if merged.get("services").is_none() {
        return Err(SourceError::Malformed {
            file: compose.files.join(" + "),
            line: 1,
            key: "services".to_owned(),
            expected: "a mapping of services".to_owned(),
        });
    }
    Ok(Project { merged, names: loader.names, blind_spots: loader.blind_spots })
}

struct Loader<'a> {
    compose: &'a Compose,
    names: Vec<String>,
    blind_spots: Vec<String>,
}

impl Loader<'_> {
    fn documents(&mut self, name: &str) -> Result<Vec<Node>, SourceError> {
        let text = files::text(&self.compose.root, name)?;
        refuse_merge_tags(name, &text)?;
        let index = self.names.len();
        self.names.push(name.to_owned());
        let documents = documents(index, name, &text)?;
        if documents.iter().any(|document| document.get("include").is_some()) {
            let spot = format!("{name}: `include` is not followed: name those files in the settings");
            self.blind_spots.push(spot);
        }
        Ok(documents)
    }

    /// Replaces each service that extends another by the merge of both.
    fn with_extends(&mut self, document: Node) -> Result<Node, SourceError> {
        let Some(services) = document.get("services") else {
            return Ok(document);
        };
        let mut resolved = Vec::new();
        for (name, _) in services.entries() {
            resolved.push((name.clone(), self.service(&document, name, 0)?));
        }
        let services = Node { file: services.file, line: services.line, kind: Kind::Map(resolved) };
        let Kind::Map(mut entries) = document.kind else {
            return Ok(document);
        };
        for (key, node) in &mut entries {
            if key == "services" {
                *node = services.clone();
            }
        }
        Ok(Node { kind: Kind::Map(entries), ..document })
    }

    fn service(&mut self, document: &Node, name: &str, depth: usize) -> Result<Node, SourceError> {
        let own = document.at(&["services", name]);
        let Some(own) = own else {
            return Err(self.malformed(document, name, "a service of that name"));
        };
        let Some(extends) = own.get("extends") else {
            return Ok(own.clone());
        };
        if depth == MAX_EXTENDS {
            return Err(self.malformed(extends, name, "`extends` that comes to an end"));
        }
        let Some(of) = extends.text().or_else(|| extends.text_at(&["service"])) else {
            return Err(self.malformed(extends, name, "`extends` with a service's name"));
        };
        let base = match extends.text_at(&["file"]) {
            None => self.service(document, of, depth + 1)?,
            Some(file) => self.service_of_file(own.file, file, extends, of, depth)?,
        };
        let path = &mut vec!["services".to_owned(), name.to_owned()];
        Ok(merge(normalised_service(base), normalised_service(own.clone()), path))
    }

    fn service_of_file(
        &mut self,
        from: usize,
        file: &str,
        extends: &Node,
        of: &str,
        depth: usize,
    ) -> Result<Node, SourceError> {
        if file.contains('$') {
            return Err(self.malformed(extends, "extends.file", "a file name without variables"));
        }
        let folder = files::folder_of(&self.names[from]);
        let path = files::beside(&folder, file);
        let documents = self.documents(&path)?;
        match documents.first() {
            Some(document) => self.service(document, of, depth + 1),
            None => Err(self.malformed(extends, of, "a service in the file that is extended")),
        }
    }

    fn malformed(&self, at: &Node, key: &str, expected: &str) -> SourceError {
        SourceError::Malformed {
            file: self.names.get(at.file).cloned().unwrap_or_default(),
            line: at.line,
            key: key.to_owned(),
            expected: expected.to_owned(),
        }
    }
}

/// `!reset` and `!override` change how files merge; merging without them would give wrong values.
fn refuse_merge_tags(name: &str, text: &str) -> Result<(), SourceError> {
    for (at, line) in text.lines().enumerate() {
        let code = line.split(" #").next().unwrap_or(line);
        if code.contains(": !reset") || code.contains(": !override") {
            return Err(SourceError::Malformed {
                file: name.to_owned(),
                line: files::line_number(at),
                key: "tag".to_owned(),
                expected: "no `!reset` or `!override`, which are not supported yet".to_owned(),
            });
        }
    }
    Ok(())
}

fn normalised(mut document: Node) -> Node {
    if let Kind::Map(entries) = &mut document.kind {
        for (key, node) in entries.iter_mut().filter(|(key, _)| key == "services") {
            debug_assert_eq!(key, "services");
            if let Kind::Map(services) = &mut node.kind {
                for (_, service) in services {
                    *service = normalised_service(service.clone());
                }
            }
        }
    }
    document
}

/// `environment` becomes a mapping and `env_file` a list, whatever their forms were.
fn normalised_service(mut service: Node) -> Node {
    if let Kind::Map(entries) = &mut service.kind {
        for (key, node) in entries {
            match (key.as_str(), &node.kind) {
                ("environment", Kind::Seq(items)) => {
                    node.kind = Kind::Map(last_of_each(items));
                }
                ("env_file", Kind::Scalar(_)) => {
                    node.kind = Kind::Seq(vec![node.clone()]);
                }
                _ => {}
            }
        }
    }
    service
}

/// The assignments of an `environment` list; of a repeated name the last.
fn last_of_each(items: &[Node]) -> Vec<(String, Node)> {
    let mut entries: Vec<(String, Node)> = Vec::new();
    for (name, node) in items.iter().filter_map(assignment) {
        match entries.iter_mut().find(|(known, _)| *known == name) {
            Some(entry) => entry.1 = node,
            None => entries.push((name, node)),
        }
    }
    entries
}

/// `NAME=value` or `NAME` of an `environment` list.
fn assignment(item: &Node) -> Option<(String, Node)> {
    let text = item.text()?;
    let (name, kind) = match text.split_once('=') {
        Some((name, value)) => (name, Kind::Scalar(Zeroizing::new(value.to_owned()))),
        None => (text, Kind::Null),
    };
    Some((name.to_owned(), Node { kind, ..item.clone() }))
}

/// Merges as compose does: mappings key by key, lists appended, everything else replaced; commands
/// are replaced whole.
fn merge(base: Node, over: Node, path: &mut Vec<String>) -> Node {
    let last = path.last().map_or("", String::as_str);
    let replaces = matches!(last, "command" | "entrypoint" | "test");
    // A variable without a value is handed on from outside; elsewhere nothing overrides nothing.
    let is_variable = path.iter().rev().nth(1).is_some_and(|key| key == "environment");
    let Node { file, line, kind } = over;
    let kind = match (base.kind, kind) {
        (kind, Kind::Null) if !is_variable => {
            return Node { file: base.file, line: base.line, kind };
        }
        (Kind::Map(mut entries), Kind::Map(new)) => {
            for (key, node) in new {
                path.push(key.clone());
                let known = entries.iter().position(|(name, _)| *name == key);
                let merged = match known {
                    Some(at) => merge(entries.remove(at).1, node, path),
                    None => node,
                };
                path.pop();
                entries.insert(known.unwrap_or(entries.len()), (key, merged));
            }
            Kind::Map(entries)
        }
        (Kind::Seq(mut items), Kind::Seq(new)) if !replaces => {
            items.extend(new);
            Kind::Seq(items)
        }
        (_, new) => new,
    };
    Node { file, line, kind }
}
