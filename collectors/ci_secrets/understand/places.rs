//! Where a CI system's YAML holds values: keys, name and value pairs, lists of assignments, scripts.

use super::shell;
use super::sink::{Form, Sink, kind_of};
use super::yaml::{Node, Scalar, Value};

/// Keys under which everything is a reference to a secret, an encrypted value or a grant, never the value.
const REFERENCES: &[&str] = &[
    // Kubernetes-like: Tekton, Argo Workflows
    "secretkeyref",
    "configmapkeyref",
    "valuefrom",
    "secretref",
    "secretname",
    // Drone, Woodpecker
    "from_secret",
    "password_secret",
    // Travis, AppVeyor: encrypted for the project
    "secure",
    // AWS CodeBuild
    "secrets-manager",
    "parameter-store",
    // Google Cloud Build
    "secretenv",
    "availablesecrets",
    "kmskeyname",
    // GitLab
    "id_tokens",
    "vault",
    "azure_key_vault",
    "gcp_secret_manager",
    "aws_secrets_manager",
    "akeyless",
    // GitHub: grants, not values
    "permissions",
];

/// Keys whose text is a script, or a list of scripts.
const SCRIPTS: &[&str] = &[
    "run",
    "script",
    "before_script",
    "after_script",
    "scripts",
    "command",
    "commands",
    "cmd",
    "sh",
    "bash",
    "shell",
    "powershell",
    "pwsh",
    "ps",
    "batch",
    "inlinescript",
    "source",
    "before_install",
    "install",
    "before_deploy",
    "deploy",
    "after_deploy",
    "after_success",
    "after_failure",
    "before_cache",
    "pre_build",
    "build_script",
    "before_build",
    "after_build",
    "test_script",
    "before_test",
    "after_test",
    "deploy_script",
    "deployment_script",
    "before_deployment",
    "on_success",
    "on_failure",
    "on_finish",
    "init",
    "before",
    "after",
    "entrypoint",
    "args",
    "arguments",
    "hooks",
    "options",
    "plan",
    "apply",
];

/// Keys whose list is one command's words, handed over without a shell.
const EXEC: &[&str] = &["args", "arguments", "command", "commands", "cmd", "entrypoint", "options"];

/// Keys that begin throw-away services beside a job.
const SERVICES: &[&str] = &["services", "service_containers", "containers"];

/// Keys that name an item of a list, in the order in which they are asked.
const LABELS: &[&str] = &["name", "id", "key", "job", "stage", "task", "label", "displayName", "uses", "image"];

/// Reads all documents of a file.
pub(crate) fn read(documents: &[Node], sink: &mut Sink) {
    for document in documents {
        node(document, None, sink);
    }
}

fn node(this: &Node, key: Option<&str>, sink: &mut Sink) {
    match &this.value {
        Value::Map(pairs) => map(pairs, sink),
        Value::List(items) => list(items, key, sink),
        Value::Scalar(scalar) => text(scalar, this, key, sink),
        Value::Alias => {}
    }
}

/// Whether everything under this key refers to a secret that lies elsewhere.
pub(super) fn is_reference(key: &str) -> bool {
    REFERENCES.iter().any(|known| known.eq_ignore_ascii_case(key))
}

fn map(pairs: &[(Node, Node)], sink: &mut Sink) {
    let paired = name_and_value(pairs, sink);
    for (key, value) in pairs {
        let Some(key) = key.text() else {
            node(value, None, sink);
            continue;
        };
        if Some(key) == paired || is_reference(key) {
            continue;
        }
        sink.path.push(key.to_owned());
        let was_in_service = sink.in_service;
        sink.in_service |= SERVICES.contains(&key) || is_side_container(key, &sink.path);
        declared_value(key, value, sink);
        node(value, Some(key), sink);
        sink.in_service = was_in_service;
        sink.path.pop();
    }
}

/// CircleCI lists the primary container and its services in one list, `docker:`; a throw-away service cannot be told
/// from the primary by its place, but its variables are as short-lived.
fn is_side_container(key: &str, path: &[String]) -> bool {
    key == "environment"
        && path.len() >= 2
        && path.iter().rev().nth(1).is_some_and(|part| part.starts_with('['))
        && path.iter().any(|part| part == "docker")
}

/// `name: X` beside `value: literal` in one mapping, as Kubernetes-like files and Azure write variables.
/// Answers the key of the value, which then needs no second look.
fn name_and_value<'m>(pairs: &'m [(Node, Node)], sink: &mut Sink) -> Option<&'m str> {
    let by_key = |wanted: &[&str]| {
        wanted.iter().find_map(|wanted| {
            pairs
                .iter()
                .find(|(key, _)| key.text().is_some_and(|key| key.eq_ignore_ascii_case(wanted)))
                .map(|(key, value)| (key.text().unwrap_or_default(), value))
        })
    };
    let (_, name) = by_key(&["name", "key", "variable"])?;
    let (key, value) = by_key(&["value", "default", "defaultValue"])?;
    let (name, Value::Scalar(scalar)) = (name.text()?, &value.value) else {
        return None;
    };
    kind_of(name)?;
    sink.urls(&scalar.text, value.line);
    if !scalar.tagged {
        sink.assign(name, &scalar.text, scalar.plain, value.line, Form::Key);
    }
    Some(key)
}

/// `API_TOKEN: {value: literal, description: …}` and `token: {default: literal}`: the name stands one level higher.
fn declared_value(key: &str, value: &Node, sink: &mut Sink) {
    let Value::Map(pairs) = &value.value else {
        return;
    };
    for (inner, content) in pairs {
        if let (Some("value" | "default"), Value::Scalar(scalar)) = (inner.text(), &content.value)
            && !scalar.tagged
        {
            sink.assign(key, &scalar.text, scalar.plain, content.line, Form::Key);
        }
    }
}

fn list(items: &[Node], key: Option<&str>, sink: &mut Sink) {
    let is_exec = key.is_some_and(|key| EXEC.iter().any(|known| known.eq_ignore_ascii_case(key)));
    if is_exec {
        let words: Vec<(&str, u32)> =
            items.iter().filter_map(|item| item.text().map(|text| (text, item.line))).collect();
        shell::exec(&words, sink);
    }
    for item in items {
        match &item.value {
            Value::Scalar(scalar) if is_exec && !scalar.block && !scalar.text.contains([' ', '\n']) => {}
            Value::Scalar(scalar) => {
                sink.urls(&scalar.text, item.line);
                shell::script(&scalar.text, item.line, sink);
            }
            _ => {
                sink.path.push(label(item));
                node(item, key, sink);
                sink.path.pop();
            }
        }
    }
}

/// A list item's part of a key path: its own name where it has one, because numbers move when an item is added.
pub(crate) fn label(item: &Node) -> String {
    let Value::Map(pairs) = &item.value else {
        return "[]".to_owned();
    };
    let name = LABELS.iter().find_map(|wanted| {
        let (_, value) = pairs.iter().find(|(key, _)| key.text() == Some(wanted))?;
        let text = value.text()?;
        // The version of an action or a task moves; what it is does not.
        let unversioned = if matches!(*wanted, "uses" | "task") { text.split('@').next() } else { Some(text) };
        unversioned.map(str::trim)
    });
    match name {
        Some(name) if !name.contains("${{") && !name.is_empty() => format!("[{name}]"),
        _ => "[]".to_owned(),
    }
}

fn text(scalar: &Scalar, this: &Node, key: Option<&str>, sink: &mut Sink) {
    let Some(key) = key else { return };
    let is_script = scalar.block || SCRIPTS.iter().any(|known| known.eq_ignore_ascii_case(key));
    if is_script {
        shell::script(&scalar.text, this.line, sink);
    }
    if !is_script || !scalar.text.trim_end().contains('\n') {
        sink.urls(&scalar.text, this.line);
    }
    if !scalar.tagged {
        sink.assign(key, &scalar.text, scalar.plain, this.line, Form::Key);
    }
    if matches!(key, "env" | "global" | "matrix" | "variables" | "environment") && scalar.text.contains('=') {
        // Travis: `env: A=b C=d`.
        shell::script(&scalar.text, this.line, sink);
    }
}
