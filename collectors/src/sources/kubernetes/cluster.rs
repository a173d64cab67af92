//! A live cluster, as kubectl prints it: whoever runs it has the rights that its configuration gives.

use super::super::settings::{Kind, Problem};
use super::super::{Root, Source, SourceError, Surroundings, command, files, is_name};
use super::Kubernetes;
use serde::Deserialize;
use zeroize::Zeroizing;

/// Everything that holds a value, or hands one on.
const KINDS: &str = "secrets,configmaps,deployments,statefulsets,daemonsets,cronjobs";

/// The table `kubectl` of a source of credentials.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubectlSettings {
    /// The namespace.
    pub namespace: String,
    /// The context in kubectl's configuration; the current one unless it says otherwise.
    pub context: Option<String>,
    /// The program.
    #[serde(default = "kubectl")]
    pub program: String,
    /// Names of variables that it gets from the environment of this process.
    #[serde(default = "home")]
    pub pass_environment: Vec<String>,
    /// How long it may take, in seconds, 1 to 3,600.
    #[serde(default = "a_minute")]
    pub time_limit: u64,
}

fn kubectl() -> String {
    "kubectl".to_owned()
}

fn home() -> Vec<String> {
    vec!["HOME".to_owned(), "KUBECONFIG".to_owned()]
}

fn a_minute() -> u64 {
    60
}

/// A namespace of a cluster.
#[derive(Clone, Debug)]
pub(super) struct Cluster(KubectlSettings);

impl Cluster {
    pub(super) fn name(&self) -> String {
        let context = self.0.context.as_ref().map(|context| format!(" of {context}")).unwrap_or_default();
        format!("kubernetes namespace {}{context}", self.0.namespace)
    }

    /// All objects, as one list in JSON.
    pub(super) fn objects(&self, root: &Root) -> Result<Zeroizing<String>, SourceError> {
        let Root::Folder(folder) = root else {
            return Err(SourceError::refused(self.name(), "command-not-started", "there is no folder to run it in"));
        };
        let mut run = vec![self.0.program.clone(), "--namespace".to_owned(), self.0.namespace.clone()];
        if let Some(context) = &self.0.context {
            run.extend(["--context".to_owned(), context.clone()]);
        }
        run.extend(["get", KINDS, "--output", "json"].map(str::to_owned));
        let printed =
            command::printed(&run, folder, &self.0.pass_environment, self.0.time_limit, 2 * files::MAX_BYTES)?;
        files::decode(&self.name(), &printed)
    }
}

impl Kind for KubectlSettings {
    fn problem(&self) -> Option<Problem> {
        if !is_name(&self.namespace) || self.namespace.starts_with('-') {
            return Some(("namespace", "expected a namespace's name"));
        }
        if self.context.as_ref().is_some_and(|context| context.is_empty() || context.starts_with('-')) {
            return Some(("context", "expected a context's name"));
        }
        if !(1..=3600).contains(&self.time_limit) {
            return Some(("time_limit", "expected 1 to 3600 seconds"));
        }
        None
    }

    fn open<'a>(&self, around: &Surroundings<'a>, environment: &str) -> Box<dyn Source + 'a> {
        let (root, environment, cluster) = (around.root.clone(), environment.to_owned(), Some(Cluster(self.clone())));
        Box::new(Kubernetes { root, environment, paths: Vec::new(), cluster })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::settings::{self, tests::FixedClock};
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// A program in kubectl's place prints what kubectl prints (recorded from its documentation of lists).
    #[test]
    fn what_kubectl_prints_is_read_and_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("kubectl");
        let list = r#"{"apiVersion":"v1","kind":"List","items":[
            {"kind":"Secret","metadata":{"name":"db","namespace":"app"},"data":{"POSTGRES_PASSWORD":"Y2FuYXJ5LUs4cw=="}},
            {"kind":"ConfigMap","metadata":{"name":"c","namespace":"app"},"data":{"LOG":"info"}}]}"#;
        let script = format!("#!/bin/sh\necho \"$*\" > asked\ncat <<'END'\n{list}\nEND\n");
        std::fs::write(&program, script).expect("written");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("a program");
        let text = "[[c]]\nenvironment='staging'\nkubectl={namespace='app',context='prod',program='./kubectl'}";
        let table: toml::Table = toml::from_str(text).expect("TOML");
        let read = settings::read(&table["c"], "c").expect("valid");
        let root = Root::folder(folder.path());
        let source = read[0].open(&Surroundings { root: &root, clock: &FixedClock }).expect("opened");
        let reading = source.read().expect("read");
        let found: Vec<_> = reading.credentials.iter().map(|found| (found.name.as_str(), found.value.text())).collect();
        assert!(
            found.contains(&("db.POSTGRES_PASSWORD", Some("canary-K8s")))
                || found.contains(&("POSTGRES_PASSWORD", Some("canary-K8s"))),
            "{reading:?}"
        );
        assert_eq!(source.listing().map(|listing| listing.names), Ok(reading.examined + reading.unread.len() as u64));
        let asked = std::fs::read_to_string(folder.path().join("asked")).expect("asked");
        assert_eq!(asked.trim(), format!("--namespace app --context prod get {KINDS} --output json"));
    }
}
