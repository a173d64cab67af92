//! What files are, by their names and the outer form of their content. Nothing here keeps a value.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use exhibit_collectors::{
    ci_secrets::recognise::{Recognised, Recogniser},
    packages::Format,
};
use zeroize::Zeroizing;

use super::walk::{UNREADABLE, Walk};

/// What was found at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: String,
    pub(super) kind: Kind,
    pub(super) ignored: bool,
}

/// What a file or folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A git repository's working copy, or a bare clone.
    Repository,
    /// A CI system's file; the system's title.
    Ci(&'static str),
    /// A script of a folder named for CI, which no table knows.
    CiScript,
    /// A dotenv file.
    Dotenv,
    /// Variables for the interpolation of compose files.
    Variables,
    /// A compose file that stands alone.
    Compose,
    /// A compose file that changes another one.
    ComposeOverlay,
    /// A Kubernetes manifest that can hold or name credentials.
    Kubernetes,
    /// Another Kubernetes manifest.
    OtherManifest,
    /// A list of a program's libraries, with exact versions.
    Lockfile,
    /// What container images are built from.
    ContainerFile,
    /// A container image in a file or folder.
    Image,
    /// Infrastructure in Terraform's language.
    Terraform,
    /// A folder of logs, by its name and by names in it.
    Logs,
    /// What a front end is built into, by its name and by what lies beside it.
    Bundle,
    /// A folder of backups, by its name.
    Backups,
}

impl Kind {
    /// What it is, in words.
    pub(super) fn words(self) -> String {
        match self {
            Self::Repository => "git repository".to_owned(),
            Self::Ci(system) => format!("CI: {system}"),
            Self::CiScript => "CI: script".to_owned(),
            Self::Dotenv => "dotenv file".to_owned(),
            Self::Variables => "variables of compose files".to_owned(),
            Self::Compose => "compose file".to_owned(),
            Self::ComposeOverlay => "compose overlay".to_owned(),
            Self::Kubernetes => "Kubernetes manifest".to_owned(),
            Self::OtherManifest => "Kubernetes manifest without credentials".to_owned(),
            Self::Lockfile => "lockfile".to_owned(),
            Self::ContainerFile => "container image's recipe".to_owned(),
            Self::Image => "container image".to_owned(),
            Self::Terraform => "Terraform file".to_owned(),
            Self::Logs => "folder of logs, by names".to_owned(),
            Self::Bundle => "built front end, by names".to_owned(),
            Self::Backups => "folder of backups, by its name".to_owned(),
        }
    }
}

/// Lockfiles that no reader understands yet.
const STRANGE_LOCKFILES: [&str; 11] = [
    "bun.lock",
    "pdm.lock",
    "mix.lock",
    "packages.lock.json",
    "gradle.lockfile",
    "pubspec.lock",
    "Package.resolved",
    "Podfile.lock",
    "flake.lock",
    "conan.lock",
    "deno.lock",
];

/// Kinds of Kubernetes objects that hold credentials, or hand them on.
const HOLDERS: [&str; 13] = [
    "Secret",
    "ConfigMap",
    "Pod",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "ReplicationController",
    "Job",
    "CronJob",
    "SealedSecret",
    "ExternalSecret",
    "List",
];

/// So much of a file is looked at to tell what it is.
const HEAD_BYTES: u64 = 256 * 1024;
/// So many files are opened to tell what they are.
const OPENED: usize = 5_000;

/// Whether one of these folders is this one, or lies in it.
fn holds(folders: &BTreeSet<String>, path: &str) -> bool {
    let within = format!("{path}/");
    folders.contains(path) || folders.range(within.clone()..).next().is_some_and(|folder| folder.starts_with(&within))
}

/// Whether a file of this name lies beside `path`.
fn is_beside(top: &Path, path: &str, name: &str) -> bool {
    top.join(path).parent().is_some_and(|folder| folder.join(name).is_file())
}

const EXAMPLE: &str = "an example by its name, not an environment's own file";

/// Tells what everything is that the walk saw. What is not taken is added to what was left out.
pub(super) fn find(top: &Path, walk: &mut Walk) -> Vec<Found> {
    let recogniser = Recogniser::new(&[]);
    let mut found = Vec::new();
    let mut opened = 0;
    // Programs have folders of that name too.
    let of_logs: BTreeSet<String> = walk
        .seen
        .iter()
        .filter(|seen| !seen.folder)
        .filter_map(|seen| seen.path.rsplit_once('/'))
        .filter(|(_, name)| name.to_ascii_lowercase().split('.').skip(1).any(|part| part.starts_with("log")))
        .map(|(folder, _)| folder.to_owned())
        .collect();
    for seen in std::mem::take(&mut walk.seen) {
        let mut take = |kind| found.push(Found { path: seen.path.clone(), kind, ignored: seen.ignored });
        let name = seen.path.rsplit('/').next().unwrap_or_default();
        if seen.folder {
            match name.to_ascii_lowercase().as_str() {
                "log" | "logs" if seen.ignored || holds(&of_logs, &seen.path) => take(Kind::Logs),
                "backup" | "backups" => take(Kind::Backups),
                _ if top.join(&seen.path).join("oci-layout").is_file() => take(Kind::Image),
                // Other builders have folders of these names too.
                "dist" | "build" | "out" | ".next" if is_beside(top, &seen.path, "package.json") => take(Kind::Bundle),
                _ => {}
            }
            if top.join(&seen.path).join(".git").exists() {
                take(Kind::Repository);
            }
            continue;
        }
        let mut head = || {
            opened += 1;
            if opened > OPENED {
                return Err("more files than are opened to tell what they are");
            }
            head(&top.join(&seen.path))
        };
        let kind = match by_name(&seen.path, name, &recogniser) {
            Named::Is(kind) => Ok(Some(kind)),
            Named::Nothing => Ok(None),
            Named::LeaveOut(why) => Err(why),
            Named::Compose(kind) => {
                head().map(|text| text.lines().any(|line| line.starts_with("services:")).then_some(kind))
            }
            Named::Manifest => head().and_then(|text| manifest(&text)),
            Named::Archive => {
                is_image(&top.join(&seen.path)).map(|is| is.then_some(Kind::Image)).map_err(|_| UNREADABLE)
            }
        };
        match kind {
            Ok(Some(kind)) if seen.ignored && !matches!(kind, Kind::Dotenv | Kind::Variables | Kind::Image) => {
                walk.leave("git ignores it", &seen.path);
            }
            Ok(Some(kind)) => take(kind),
            Ok(None) => {}
            Err(why) => walk.leave(why, &seen.path),
        }
    }
    found
}

enum Named {
    Is(Kind),
    Nothing,
    LeaveOut(&'static str),
    /// A compose file, if it has services.
    Compose(Kind),
    /// A Kubernetes manifest, if its content says so.
    Manifest,
    /// A container image, if its members' names say so.
    Archive,
}

fn by_name(path: &str, name: &str, recogniser: &Recogniser) -> Named {
    let lower = name.to_ascii_lowercase();
    if let Some(Recognised::Ci(system)) = recogniser.path(path) {
        return Named::Is(Kind::Ci(&system.title));
    }
    let read = Format::of(path).is_some_and(|format| !format.is_bill());
    if read || STRANGE_LOCKFILES.contains(&name) {
        return Named::Is(Kind::Lockfile);
    }
    if lower.ends_with(".tf") {
        return Named::Is(Kind::Terraform);
    }
    if lower.ends_with(".tar") {
        return Named::Archive;
    }
    if ["dockerfile", "containerfile"].iter().any(|known| lower == *known || lower.starts_with(&format!("{known}."))) {
        return Named::Is(Kind::ContainerFile);
    }
    if let Some(stem) = lower.strip_suffix(".yml").or_else(|| lower.strip_suffix(".yaml")) {
        return match stem.strip_prefix("docker-compose").or_else(|| stem.strip_prefix("compose")) {
            Some("") => Named::Compose(Kind::Compose),
            Some(rest) if rest.starts_with(['.', '-', '_']) => Named::Compose(Kind::ComposeOverlay),
            _ => Named::Manifest,
        };
    }
    if lower == ".envrc" {
        return Named::LeaveOut("a shell script, not a dotenv file");
    }
    let dotenv = lower == ".env" || lower.starts_with(".env.") || lower.ends_with(".env");
    if dotenv || lower.ends_with(".vars") {
        let example =
            words(&lower).any(|word| ["example", "sample", "template", "tpl", "dist", "defaults"].contains(&word));
        return match (example, dotenv) {
            (true, _) => Named::LeaveOut(EXAMPLE),
            (false, true) => Named::Is(Kind::Dotenv),
            (false, false) => Named::Is(Kind::Variables),
        };
    }
    let top = path.split('/').next().unwrap_or_default();
    if path.contains('/') && ([".ci", "ci"].contains(&top)) && !lower.ends_with(".md") {
        return Named::Is(Kind::CiScript);
    }
    Named::Nothing
}

/// The words of a name: what stands between everything but letters and digits.
pub(super) fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
}

/// The beginning of a file, wiped after use; what is no text is none of ours.
fn head(path: &Path) -> Result<Zeroizing<String>, &'static str> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = File::open(path).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut bytes));
    read.map_err(|_| UNREADABLE)?;
    Ok(Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned()))
}

/// So many members of an archive are looked at.
const MEMBERS: usize = 5_000;

/// Whether a tar archive holds a container image, by its members' names: an OCI layout, or what `docker save` writes. What the
/// members hold is not read.
fn is_image(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let mut head = [0; 512];
    let (mut layers, mut list) = (false, false);
    for _ in 0..MEMBERS {
        match file.read_exact(&mut head) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            read => read?,
        }
        let text = |field: &[u8]| {
            let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
            String::from_utf8_lossy(&field[..end]).trim().to_owned()
        };
        let name = text(&head[..100]);
        let name = name.strip_prefix("./").unwrap_or(&name);
        layers |= ["/layer.tar", ".tar.gz", ".tar"].iter().any(|end| name.ends_with(end)) || name.starts_with("blobs/");
        list |= name == "manifest.json";
        if (layers && list) || name == "oci-layout" {
            return Ok(true);
        }
        // A size in another base than eight is none that an image's documents have.
        let Ok(size) = i64::from_str_radix(&text(&head[124..136]), 8) else { return Ok(false) };
        file.seek(SeekFrom::Current(size.saturating_add(511) / 512 * 512))?;
    }
    Ok(false)
}

/// Whether YAML text is a Kubernetes manifest, by the two lines that each has.
fn manifest(text: &str) -> Result<Option<Kind>, &'static str> {
    let value = |key: &str| {
        let after = text.lines().filter_map(move |line| line.trim_start_matches("- ").strip_prefix(key).map(str::trim));
        after.collect::<Vec<_>>()
    };
    let (groups, kinds) = (value("apiVersion:"), value("kind:"));
    if groups.is_empty() || kinds.is_empty() {
        return Ok(None);
    }
    if groups.iter().any(|group| group.starts_with("tekton.dev/")) {
        return Ok(Some(Kind::Ci("Tekton")));
    }
    if text.contains("{{") {
        return Err("a template, not plain YAML");
    }
    let holds = kinds.iter().any(|kind| HOLDERS.contains(&kind.trim_matches(['"', '\''])));
    Ok(Some(if holds { Kind::Kubernetes } else { Kind::OtherManifest }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_names() {
        let recogniser = Recogniser::new(&[]);
        for (path, expected) in [
            (".github/workflows/ci.yml", "is CI: GitHub Actions"),
            (".ci/run", "is CI: script"),
            ("ci/README.md", "nothing"),
            ("Cargo.lock", "is lockfile"),
            ("api/requirements-dev.txt", "is lockfile"),
            ("bun.lock", "is lockfile"),
            ("shop.cdx.json", "nothing"),
            ("infra/main.tf", "is Terraform file"),
            ("out/shop.tar", "perhaps image"),
            ("deploy/Dockerfile.web", "is container image's recipe"),
            (".env", "is dotenv file"),
            (".env.production", "is dotenv file"),
            ("env/staging.env", "is dotenv file"),
            (".env.example", "left out"),
            (".envrc", "left out"),
            ("envs/staging.vars", "is variables of compose files"),
            ("docker-compose.yml", "perhaps compose file"),
            ("compose.prod.yaml", "perhaps compose overlay"),
            ("composer.yaml", "perhaps manifest"),
            ("src/environment.rs", "nothing"),
        ] {
            let name = path.rsplit('/').next().expect("a name");
            let told = match by_name(path, name, &recogniser) {
                Named::Is(kind) => format!("is {}", kind.words()),
                Named::Nothing => "nothing".to_owned(),
                Named::LeaveOut(_) => "left out".to_owned(),
                Named::Compose(kind) => format!("perhaps {}", kind.words()),
                Named::Manifest => "perhaps manifest".to_owned(),
                Named::Archive => "perhaps image".to_owned(),
            };
            assert_eq!(told, expected, "{path}");
        }
    }

    #[test]
    fn images_are_known_by_their_members_names() {
        let place = tempfile::tempdir().expect("a folder");
        let tar = |members: &[(&str, usize)]| {
            let mut bytes = Vec::new();
            for (name, size) in members {
                let mut head = [0; 512];
                head[..name.len()].copy_from_slice(name.as_bytes());
                head[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
                bytes.extend(head);
                bytes.resize(bytes.len() + size.div_ceil(512) * 512, b'x');
            }
            let path = place.path().join("some.tar");
            std::fs::write(&path, bytes).expect("written");
            is_image(&path).expect("readable")
        };
        assert!(tar(&[("abc/layer.tar", 1500), ("manifest.json", 10)]));
        assert!(tar(&[("blobs/sha256/0", 1), ("oci-layout", 10)]));
        assert!(!tar(&[("src/main.rs", 1500), ("manifest.json", 10)]));
        assert!(!tar(&[("src/manifest.json", 513)]));
        assert!(!tar(&[]));
    }

    #[test]
    fn manifests_are_known_by_their_outer_form() {
        for (text, expected) in [
            ("apiVersion: v1\nkind: Secret\n", Ok(Some(Kind::Kubernetes))),
            (
                "---\napiVersion: v1\nkind: Service\n---\napiVersion: apps/v1\nkind: Deployment\n",
                Ok(Some(Kind::Kubernetes)),
            ),
            ("apiVersion: v1\nkind: Service\n", Ok(Some(Kind::OtherManifest))),
            ("apiVersion: tekton.dev/v1\nkind: Pipeline\n", Ok(Some(Kind::Ci("Tekton")))),
            ("apiVersion: v1\nkind: Secret\nx: {{ .Values.x }}\n", Err("a template, not plain YAML")),
            ("kind: Secret\n", Ok(None)),
            ("a: 1\n", Ok(None)),
        ] {
            assert_eq!(manifest(text), expected, "{text}");
        }
    }
}
