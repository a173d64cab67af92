//! Manifests as credentials.

use super::super::interpolate::Variables;
use super::super::yaml::{Node, documents};
use super::super::{
    Credential, Encoding, Origin, Place, Reading, SecretValue, SourceError, Text, Unread, files, is_name,
    is_variable_name,
};
use super::{Kubernetes, Object};
use base64::Engine as _;
use std::collections::HashMap;
use zeroize::Zeroizing;

/// Reads every manifest.
pub(super) fn manifests(source: &Kubernetes) -> Result<Reading, SourceError> {
    let objects = objects(source)?;
    let mut reader = Reader { source, reading: Reading::default(), known: HashMap::new() };
    for object in &objects {
        check_names(object)?;
        match object.kind() {
            "Secret" => reader.secret(object)?,
            "ConfigMap" => reader.config_map(object)?,
            "SealedSecret" => reader.sealed(object),
            "ExternalSecret" => reader.external(object),
            kind @ ("SecretProviderClass" | "VaultStaticSecret" | "Kustomization") => {
                let spot = format!("{}: what a {kind} makes is not seen", object.file);
                reader.reading.blind_spots.push(spot);
            }
            _ => {}
        }
    }
    for object in objects.iter().filter(|object| !is_data(object.kind())) {
        reader.workload(object)?;
    }
    Ok(reader.reading)
}

/// Keys stand in evidence, so only what Kubernetes itself accepts as a key may pass.
fn check_names(object: &Object) -> Result<(), SourceError> {
    if !is_data(object.kind()) {
        return Ok(());
    }
    for path in [&["data"][..], &["stringData"], &["binaryData"], &["spec", "encryptedData"]] {
        for (key, node) in object.node.at(path).map_or(&[][..], Node::entries) {
            if !is_name(key) {
                return Err(malformed(object, node, &path.join("/"), KEY));
            }
        }
    }
    Ok(())
}

/// What a key or a variable's name must look like.
const KEY: &str = "a name of letters, digits, `_`, `.` and `-`";

fn is_data(kind: &str) -> bool {
    matches!(kind, "Secret" | "ConfigMap" | "SealedSecret" | "ExternalSecret")
}

/// Every object of every file, lists opened.
fn objects(source: &Kubernetes) -> Result<Vec<Object>, SourceError> {
    let mut found = Vec::new();
    for (index, (file, text)) in source.texts()?.into_iter().enumerate() {
        for (number, node) in documents(index, &file, &text)?.into_iter().enumerate() {
            open(node, &file, files::line_number(number), &mut found);
        }
    }
    Ok(found)
}

fn open(node: Node, file: &str, document: u32, found: &mut Vec<Object>) {
    let is_list = node.text_at(&["kind"]).is_some_and(|kind| kind.ends_with("List"));
    if is_list {
        for item in node.get("items").map_or(&[][..], Node::items) {
            open(item.clone(), file, document, found);
        }
        return;
    }
    found.push(Object { file: file.to_owned(), document, node });
}

/// Where a key of a Secret or ConfigMap was put: namespace, kind, object, key.
type Id = (String, &'static str, String, String);

struct Reader<'a> {
    source: &'a Kubernetes,
    reading: Reading,
    known: HashMap<Id, usize>,
}

impl Reader<'_> {
    fn secret(&mut self, object: &Object) -> Result<(), SourceError> {
        let plain = object.node.get("stringData").map_or(&[][..], Node::entries);
        for (key, node) in object.node.get("data").map_or(&[][..], Node::entries) {
            // `stringData` wins over `data`.
            if plain.iter().all(|(name, _)| name != key) {
                let value = self.base64(object, node, &format!("data/{key}"))?;
                self.entry(object, "Secret", key, node, value, Encoding::Base64);
            }
        }
        for (key, node) in plain {
            let value = self.text(object, node, &format!("stringData/{key}"))?;
            self.entry(object, "Secret", key, node, value.as_bytes().to_vec(), Encoding::Plain);
        }
        Ok(())
    }

    fn config_map(&mut self, object: &Object) -> Result<(), SourceError> {
        for (key, node) in object.node.get("data").map_or(&[][..], Node::entries) {
            let value = self.text(object, node, &format!("data/{key}"))?;
            self.entry(object, "ConfigMap", key, node, value.as_bytes().to_vec(), Encoding::Plain);
        }
        for (key, node) in object.node.get("binaryData").map_or(&[][..], Node::entries) {
            let value = self.base64(object, node, &format!("binaryData/{key}"))?;
            self.entry(object, "ConfigMap", key, node, value, Encoding::Base64);
        }
        Ok(())
    }

    fn entry(
        &mut self,
        object: &Object,
        kind: &'static str,
        key: &str,
        node: &Node,
        value: Vec<u8>,
        encoding: Encoding,
    ) {
        self.reading.examined += 1;
        let place = place(object, node, key);
        let origin = match kind {
            "Secret" => Origin::KubernetesSecret,
            _ => Origin::KubernetesConfigMap,
        };
        let id = (object.namespace().to_owned(), kind, object.name().to_owned(), key.to_owned());
        self.known.insert(id, self.reading.credentials.len());
        let qualified = format!("{}.{key}", object.name());
        let name = if is_variable_name(key) { key.to_owned() } else { qualified };
        let value = SecretValue::new(value);
        self.push(name, value, Vec::new(), place, origin, encoding);
    }

    fn sealed(&mut self, object: &Object) {
        let sealed = object.node.at(&["spec", "encryptedData"]);
        for (key, node) in sealed.map_or(&[][..], Node::entries) {
            let reason = "sealed: only the cluster can open it";
            self.unread(key, place(object, node, key), "sealed", reason);
        }
    }

    fn external(&mut self, object: &Object) {
        let reason = "external: its value is in a secret store that this source does not ask";
        let listed = object.node.at(&["spec", "data"]).map_or(&[][..], Node::items);
        for item in listed {
            let key = item.text_at(&["secretKey"]).filter(|key| is_name(key)).unwrap_or("unnamed");
            self.unread(key, place(object, item, key), "external", reason);
        }
        let whole = object.node.at(&["spec", "dataFrom"]).map_or(&[][..], Node::items);
        for (at, item) in whole.iter().enumerate() {
            let key = format!("dataFrom[{at}]");
            self.unread(&key, place(object, item, &key), "external", reason);
        }
    }

    /// Every container of a workload, wherever its pod's specification stands.
    fn workload(&mut self, object: &Object) -> Result<(), SourceError> {
        let mut specs = Vec::new();
        pod_specs(object.node.get("spec"), &mut specs);
        for spec in specs {
            for list in ["containers", "initContainers", "ephemeralContainers"] {
                for container in spec.get(list).map_or(&[][..], Node::items) {
                    self.container(object, container)?;
                }
            }
        }
        Ok(())
    }

    fn container(&mut self, object: &Object, container: &Node) -> Result<(), SourceError> {
        let workload = format!("{}/{}", object.kind(), object.name());
        let own = container.text_at(&["name"]).unwrap_or("unnamed");
        let mut defined = Variables::new();
        for item in container.get("envFrom").map_or(&[][..], Node::items) {
            self.env_from(object, item, &workload, &mut defined);
        }
        for item in container.get("env").map_or(&[][..], Node::items) {
            let name = item.text_at(&["name"]).unwrap_or("unnamed");
            if !is_name(name) {
                return Err(malformed(object, item, &format!("containers/{own}/env"), KEY));
            }
            let place = place(object, item, &format!("containers/{own}/env/{name}"));
            if let Some(node) = item.get("value").filter(|node| !node.is_null()) {
                let raw = self.text(object, node, &format!("env/{name}"))?;
                let text = expand(raw, &defined);
                defined.insert(name.to_owned(), text.clone());
                self.reading.examined += 1;
                let place = Place { line: node.line, ..place };
                let (value, parts) = text.into_secret();
                let origin = Origin::KubernetesEnv;
                self.push(name.to_owned(), value, parts, place, origin, Encoding::Plain);
                self.received(self.reading.credentials.len() - 1, &workload);
            } else if let Some(from) = item.get("valueFrom") {
                self.value_from(object, name, from, place, &workload, &mut defined);
            } else {
                // No value and no reference: an empty variable.
                self.reading.examined += 1;
            }
        }
        Ok(())
    }

    /// `secretKeyRef`, `configMapKeyRef`; fields and resources hold no secret.
    fn value_from(
        &mut self,
        object: &Object,
        name: &str,
        from: &Node,
        place: Place,
        workload: &str,
        defined: &mut Variables,
    ) {
        let reference = [("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")]
            .into_iter()
            .find_map(|(key, kind)| from.get(key).map(|node| (kind, node)));
        let Some((kind, reference)) = reference else {
            self.reading.examined += 1;
            return;
        };
        let of = reference.text_at(&["name"]).unwrap_or("unnamed").to_owned();
        let key = reference.text_at(&["key"]).unwrap_or("unnamed").to_owned();
        let id = (object.namespace().to_owned(), kind, of.clone(), key);
        match self.known.get(&id).copied() {
            Some(at) => {
                self.reading.examined += 1;
                self.received(at, workload);
                self.also_named(at, name);
                self.define(at, name, defined);
            }
            None => {
                let reason = format!("the {kind} {of} with that key is not among the files");
                self.unread(name, place, "not-among-files", &reason);
            }
        }
    }

    /// `envFrom`: every key of a Secret or ConfigMap.
    fn env_from(&mut self, object: &Object, item: &Node, workload: &str, defined: &mut Variables) {
        let prefix = item.text_at(&["prefix"]).unwrap_or("");
        let reference = [("secretRef", "Secret"), ("configMapRef", "ConfigMap")]
            .into_iter()
            .find_map(|(key, kind)| Some((kind, item.text_at(&[key, "name"])?)));
        let Some((kind, of)) = reference else {
            self.reading.examined += 1;
            return;
        };
        let namespace = object.namespace();
        let mut keys: Vec<(String, usize)> = self
            .known
            .iter()
            .filter(|((space, sort, name, _), _)| space == namespace && *sort == kind && name == of)
            .map(|((.., key), at)| (key.clone(), *at))
            .collect();
        keys.sort();
        if keys.is_empty() {
            let reason = format!("the {kind} {of} is not among the files");
            let place = place(object, item, &format!("envFrom/{of}"));
            self.unread(of, place, "not-among-files", &reason);
            return;
        }
        self.reading.examined += 1;
        for (key, at) in keys {
            let name = format!("{prefix}{key}");
            self.received(at, workload);
            self.also_named(at, &name);
            self.define(at, &name, defined);
        }
    }

    fn define(&self, at: usize, name: &str, defined: &mut Variables) {
        if let Some(text) = self.reading.credentials[at].value.text() {
            defined.insert(name.to_owned(), Text::literal(text));
        }
    }

    fn received(&mut self, at: usize, workload: &str) {
        let recipients = &mut self.reading.credentials[at].recipients;
        if !recipients.iter().any(|known| known == workload) {
            recipients.push(workload.to_owned());
        }
    }

    /// Notes a variable's name for a value. It takes the place of a name that was made up from the
    /// object's and the key's, because people know the variable.
    fn also_named(&mut self, at: usize, name: &str) {
        let found = &mut self.reading.credentials[at];
        if found.name == name || found.also_named.iter().any(|known| known == name) {
            return;
        }
        let mut other = name.to_owned();
        if !is_variable_name(&found.name) && is_variable_name(name) {
            std::mem::swap(&mut found.name, &mut other);
        }
        found.also_named.push(other);
    }

    fn push(
        &mut self,
        name: String,
        value: SecretValue,
        parts: Vec<super::super::Part>,
        place: Place,
        origin: Origin,
        encoding: Encoding,
    ) {
        let found = Credential::plain(&self.source.environment, name, value, place, origin);
        self.reading.credentials.push(Credential { parts, encoding, ..found });
    }

    fn unread(&mut self, name: &str, place: Place, code: &'static str, reason: &str) {
        self.reading.unread.push(Unread::new(name, place, code, reason));
    }

    fn text<'n>(&self, object: &Object, node: &'n Node, key: &str) -> Result<&'n str, SourceError> {
        if node.is_null() {
            return Ok("");
        }
        node.text().ok_or_else(|| malformed(object, node, key, "a text"))
    }

    fn base64(&self, object: &Object, node: &Node, key: &str) -> Result<Vec<u8>, SourceError> {
        let raw = self.text(object, node, key)?;
        let mut packed = Zeroizing::new(String::with_capacity(raw.len()));
        packed.extend(raw.chars().filter(|letter| !letter.is_ascii_whitespace()));
        base64::engine::general_purpose::STANDARD
            .decode(packed.as_bytes())
            .map_err(|_| malformed(object, node, key, "base64"))
    }
}

fn place(object: &Object, node: &Node, key: &str) -> Place {
    let space = match object.namespace() {
        "" => String::new(),
        namespace => format!("{namespace}/"),
    };
    Place {
        file: object.file.clone(),
        line: node.line,
        document: object.document,
        key: format!("{}/{space}{}/{key}", object.kind(), object.name()),
    }
}

fn malformed(object: &Object, node: &Node, key: &str, expected: &str) -> SourceError {
    let place = place(object, node, key);
    SourceError::Malformed { file: place.file, line: place.line, key: place.key, expected: expected.to_owned() }
}

/// Pod specifications at any depth: a pod's own, a template's, a template's in a template.
fn pod_specs<'n>(spec: Option<&'n Node>, found: &mut Vec<&'n Node>) {
    let Some(spec) = spec else { return };
    found.push(spec);
    for key in ["template", "jobTemplate"] {
        pod_specs(spec.at(&[key, "spec"]), found);
    }
}

/// `$(NAME)` of variables defined before; `$$(NAME)` is `$(NAME)`; what is not defined stays.
fn expand(raw: &str, defined: &Variables) -> Text {
    let mut out = Text::default();
    let mut rest = raw;
    while let Some(at) = rest.find('$') {
        out.push_literal(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(escaped) = after.strip_prefix('$') {
            out.push_literal("$");
            rest = escaped;
            continue;
        }
        let name = after.strip_prefix('(').and_then(|inside| inside.split_once(')'));
        match name.and_then(|(name, tail)| Some((name, defined.get(name)?, tail))) {
            Some((name, value, tail)) => {
                out.push_variable(name, value);
                rest = tail;
            }
            None => {
                out.push_literal("$");
                rest = after;
            }
        }
    }
    out.push_literal(rest);
    out
}
