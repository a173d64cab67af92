//! Which CI system a path belongs to: a table (`systems.toml`), the configured paths, and a look at YAML content
//! for the two systems whose files may lie anywhere under any name.

use super::glob;
use serde::Deserialize;
use std::sync::LazyLock;

const TABLE: &str = include_str!("systems.toml");

/// How a CI file is written, and so which reader understands it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Syntax {
    /// YAML (or JSON, which is read as YAML).
    #[default]
    Yaml,
    /// A Jenkinsfile or a Groovy script beside it.
    Groovy,
    /// A shell script.
    Shell,
}

/// One CI system of the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// Permanent id, as it stands in evidence.
    pub id: String,
    /// Its name, as people write it.
    pub title: String,
    /// How its files are written.
    #[serde(default)]
    pub syntax: Syntax,
    paths: Vec<String>,
    content: Option<Content>,
    /// Paths that the table must recognise as this system.
    #[serde(default)]
    pub is: Vec<String>,
    /// Paths that the table must not recognise as this system.
    #[serde(default)]
    pub is_not: Vec<String>,
}

/// What in a Kubernetes-like YAML file names the system: `apiVersion: <group>…` and, when listed, one of the kinds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    group: String,
    kinds: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    system: Vec<System>,
}

static SYSTEMS: LazyLock<Vec<System>> = LazyLock::new(|| {
    let table: Table = toml::from_str(TABLE).expect("systems.toml is part of this build and a test parses it");
    table.system
});

/// Every CI system that this collector knows, in the order in which a path is tried.
pub fn systems() -> &'static [System] {
    &SYSTEMS
}

/// The system with this id.
pub fn system(id: &str) -> Option<&'static System> {
    SYSTEMS.iter().find(|system| system.id == id)
}

/// What a path is to this collector.
#[derive(Clone, Copy, Debug)]
pub enum Recognised {
    /// A file of this CI system.
    Ci(&'static System),
    /// YAML under a name that says nothing: its content decides (Tekton, Argo Workflows).
    PerhapsByContent,
}

/// Decides which paths are CI files. Built once a run from the table and the configured paths.
#[derive(Debug)]
pub struct Recogniser {
    configured: Vec<String>,
    /// Last segments of all patterns, for the quick question about a bare file name.
    names: Vec<String>,
    /// Configured patterns whose last segment matches every name, so that only their directory tells.
    broad: Vec<String>,
}

impl Recogniser {
    /// A recogniser for the table and `configured` path patterns (scripts of a CI system that the table cannot know,
    /// such as `.ci/run` or `.ci/**`).
    pub fn new(configured: &[String]) -> Self {
        let configured: Vec<String> = configured.iter().map(|path| path.trim_start_matches("./").to_owned()).collect();
        let last = |pattern: &str| pattern.rsplit('/').next().unwrap_or_default().to_owned();
        let (broad, narrow): (Vec<String>, Vec<String>) =
            configured.iter().cloned().partition(|pattern| matches!(last(pattern).as_str(), "*" | "**" | ""));
        let mut names: Vec<String> = SYSTEMS
            .iter()
            .flat_map(|system| &system.paths)
            .map(|pattern| last(pattern))
            .filter(|name| !ends_in_yaml(name))
            .chain(narrow.iter().map(|pattern| last(pattern)))
            .collect();
        names.sort();
        names.dedup();
        Self { configured, names, broad }
    }

    /// What the file at `path` (relative to the repository's root) is, or nothing.
    pub fn path(&self, path: &str) -> Option<Recognised> {
        if let Some(system) =
            SYSTEMS.iter().find(|system| system.paths.iter().any(|pattern| glob::matches(pattern, path)))
        {
            return Some(Recognised::Ci(system));
        }
        if self.configured.iter().any(|pattern| glob::matches(pattern, path)) {
            return Some(Recognised::Ci(configured_system(path)));
        }
        ends_in_yaml(path).then_some(Recognised::PerhapsByContent)
    }

    /// Whether a file of this bare name could be of interest in some directory. A quick filter before `path`.
    pub fn name_may_matter(&self, name: &str) -> bool {
        ends_in_yaml(name) || self.names.iter().any(|pattern| glob::match_segment(pattern, name))
    }

    /// Whether every file directly inside `directory` is of interest, whatever its name.
    pub fn directory_is_broad(&self, directory: &str) -> bool {
        self.broad.iter().any(|pattern| glob::matches_directory(pattern, directory))
    }
}

/// The system of a configured path: a shell script unless its name says YAML or Groovy.
fn configured_system(path: &str) -> &'static System {
    let id = if path.to_ascii_lowercase().ends_with(".groovy") {
        "jenkins"
    } else if ends_in_yaml(path) {
        "other"
    } else {
        "script"
    };
    system(id).expect("the table has these three systems, and a test says so")
}

/// Whether the name says YAML.
pub(crate) fn ends_in_yaml(name: &str) -> bool {
    let bytes = name.as_bytes();
    let ends =
        |suffix: &[u8]| bytes.len() >= suffix.len() && bytes[bytes.len() - suffix.len()..].eq_ignore_ascii_case(suffix);
    ends(b".yml") || ends(b".yaml")
}

/// The system that a YAML file's own content names by `apiVersion` and `kind`, if any.
/// Works on bytes, so that a file that does not parse is still recognised.
pub fn by_content(bytes: &[u8]) -> Option<&'static System> {
    let text = std::str::from_utf8(bytes).ok()?;
    SYSTEMS.iter().find(|system| {
        system.content.as_ref().is_some_and(|content| {
            text.contains(&content.group)
                && values_of(text, "apiVersion").any(|value| value.starts_with(&content.group))
                && (content.kinds.is_empty()
                    || values_of(text, "kind").any(|kind| content.kinds.iter().any(|known| known == kind)))
        })
    })
}

/// The values of a key at the beginning of a line (or in JSON style), unquoted.
fn values_of<'t>(text: &'t str, key: &'static str) -> impl Iterator<Item = &'t str> {
    text.lines().filter_map(move |line| {
        let line = line.trim_start().trim_start_matches("- ").trim_start_matches(['{', '"', '\'']);
        let rest = line.strip_prefix(key)?.trim_start_matches(['"', '\'']).trim_start();
        let value = rest.strip_prefix(':')?.trim();
        let value = value.split([' ', ',']).next().unwrap_or_default();
        Some(value.trim_matches(['"', '\'']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_of(recogniser: &Recogniser, path: &str) -> Option<&'static str> {
        match recogniser.path(path) {
            Some(Recognised::Ci(system)) => Some(&system.id),
            _ => None,
        }
    }

    #[test]
    fn the_table_recognises_its_own_examples_and_refuses_its_counter_examples() {
        let recogniser = Recogniser::new(&[]);
        assert!(systems().len() >= 15);
        for system in systems() {
            assert!(!system.is.is_empty(), "{} has no example", system.id);
            for path in &system.is {
                assert_eq!(id_of(&recogniser, path), Some(system.id.as_str()), "{path}");
                let name = path.rsplit('/').next().unwrap();
                assert!(recogniser.name_may_matter(name), "the quick filter would drop {path}");
            }
            for path in &system.is_not {
                assert_ne!(id_of(&recogniser, path), Some(system.id.as_str()), "{path}");
            }
        }
    }

    #[test]
    fn configured_paths_are_scripts_unless_their_name_says_otherwise() {
        let recogniser = Recogniser::new(&[".ci/run".into(), "build/**".into(), "x/*.yaml".into()]);
        assert_eq!(id_of(&recogniser, ".ci/run"), Some("script"));
        assert_eq!(id_of(&recogniser, "build/a/b"), Some("script"));
        assert_eq!(id_of(&recogniser, "x/y.yaml"), Some("other"));
        assert_eq!(id_of(&recogniser, ".ci/other"), None);
        assert!(recogniser.name_may_matter("run"));
        assert!(recogniser.directory_is_broad("build/a"));
        assert!(!recogniser.directory_is_broad("src"));
    }

    #[test]
    fn tekton_and_argo_are_recognised_by_their_content() {
        let id = |text: &str| by_content(text.as_bytes()).map(|system| system.id.as_str());
        assert_eq!(id("apiVersion: tekton.dev/v1\nkind: Task\n"), Some("tekton"));
        assert_eq!(id("---\napiVersion: \"argoproj.io/v1alpha1\"\nkind: CronWorkflow\n"), Some("argo-workflows"));
        assert_eq!(id("apiVersion: argoproj.io/v1alpha1\nkind: Application\n"), None);
        assert_eq!(id("apiVersion: apps/v1\nkind: Deployment # not tekton.dev/v1\n"), None);
        assert_eq!(id("- apiVersion: tekton.dev/v1beta1\n"), Some("tekton"));
    }
}
