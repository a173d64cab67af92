//! What jobs name as their targets: a folder, a git repository, a lockfile, an image here or in a registry, and what of it is left out.

use std::path::{Path, PathBuf};

use exhibit_evidence::{EnvironmentId, SubjectId, observation::Subject};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Deserialize;

use crate::{CollectError, Scope, SettingProblem};

/// A target's name and its place. Tables that say more have it flattened into them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    /// Its authored name.
    pub(crate) id: SubjectId,
    /// The environment it belongs to; may be left out where the job has exactly one.
    pub(crate) environment: Option<EnvironmentId>,
    /// A folder, whose files are found.
    pub(crate) folder: Option<PathBuf>,
    /// A git repository, of which `reference` counts.
    pub(crate) repository: Option<PathBuf>,
    /// A branch, tag or commit of the repository; without it HEAD.
    pub(crate) reference: Option<String>,
    /// One lockfile.
    pub(crate) lockfile: Option<PathBuf>,
    /// An image: an OCI layout, or an archive of one or of `docker save`.
    pub(crate) image: Option<PathBuf>,
    /// An image in a registry, by its reference.
    pub(crate) pull: Option<String>,
    /// Which platform's image of several behind that reference.
    pub(crate) platform: Option<String>,
    /// Which of several images in it: a name or the manifest's digest.
    pub(crate) image_name: Option<String>,
    /// Folders and files that are left out, as patterns.
    #[serde(default)]
    pub(crate) exclude: Vec<String>,
}

/// What a target can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Folder,
    Repository,
    Lockfile,
    Image,
    Pull,
}

impl Kind {
    /// Every one.
    const ALL: [Self; 5] = [Self::Folder, Self::Repository, Self::Lockfile, Self::Image, Self::Pull];

    /// The key that names one.
    fn key(self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::Repository => "repository",
            Self::Lockfile => "lockfile",
            Self::Image => "image",
            Self::Pull => "pull",
        }
    }
}

impl Target {
    fn path(&self, kind: Kind) -> Option<&Path> {
        match kind {
            Kind::Folder => self.folder.as_deref(),
            Kind::Repository => self.repository.as_deref(),
            Kind::Lockfile => self.lockfile.as_deref(),
            Kind::Image => self.image.as_deref(),
            Kind::Pull => None,
        }
    }

    /// Whether it is an image, wherever that lies.
    pub(crate) fn is_image(&self) -> bool {
        self.image.is_some() || self.pull.is_some()
    }

    /// Where it lies.
    pub(crate) fn root(&self, base: &Path) -> PathBuf {
        let named = Kind::ALL.into_iter().find_map(|kind| self.path(kind));
        named.map_or_else(|| base.to_owned(), |path| base.join(path))
    }

    /// What the settings leave out.
    pub(crate) fn left_out(&self) -> GlobSet {
        patterns(&self.exclude).unwrap_or_default()
    }

    /// It as a subject. `key` is where it stands in the settings.
    ///
    /// # Errors
    /// When no environment is named, and the job has not exactly one.
    pub(crate) fn subject(&self, scope: &Scope<'_>, key: &str) -> Result<Subject, CollectError> {
        let environment = scope.environment(self.environment.as_ref(), &format!("{key}.environment"))?;
        Ok(Subject { environment, id: self.id.clone() })
    }

    /// What is wrong with it where it has to be one of these kinds: a key, and what was expected there.
    fn wrong(&self, kinds: &[Kind]) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        let names = |kind: &Kind| self.path(*kind).is_some() || (*kind == Kind::Pull && self.pull.is_some());
        let named: Vec<Kind> = Kind::ALL.into_iter().filter(names).collect();
        if named.len() != 1 || !kinds.contains(&named[0]) {
            problems.push(("", one_of(kinds)));
        }
        for (key, said, kind) in [
            ("reference", self.reference.is_some(), Kind::Repository),
            ("image_name", self.image_name.is_some(), Kind::Image),
            ("platform", self.platform.is_some(), Kind::Pull),
        ] {
            if said && !named.contains(&kind) {
                problems.push((key, format!("expected only beside `{}`", kind.key())));
            }
        }
        let unread = crate::pulling::unread(self.pull.as_deref(), self.platform.as_deref());
        problems.extend(unread.map(|(key, why)| (key, why.to_owned())));
        if patterns(&self.exclude).is_none() {
            problems.push(("exclude", "expected patterns of paths".to_owned()));
        }
        problems
    }
}

/// Of which kinds one is expected, in words.
fn one_of(kinds: &[Kind]) -> String {
    let keys: Vec<String> = kinds.iter().map(|kind| format!("`{}`", kind.key())).collect();
    match keys.split_last() {
        Some((last, [])) => format!("expected {last}"),
        Some((last, others)) => format!("expected one of {} and {last}", others.join(", ")),
        None => "expected no target".to_owned(),
    }
}

/// What is wrong with lists of targets: each has its key, its targets, and the kinds that they may be. No two targets have the
/// same name.
pub(crate) fn problems(lists: &[(&str, Vec<&Target>, &[Kind])]) -> Vec<SettingProblem> {
    let mut problems = Vec::new();
    let mut before: Vec<&Target> = Vec::new();
    for (list, targets, kinds) in lists {
        for (index, target) in targets.iter().enumerate() {
            let mut wrong = |key: &str, message: String| problems.push(problem(list, index, key, message));
            if before.iter().any(|other| other.id == target.id && other.environment == target.environment) {
                wrong("id", "another target has the same id".to_owned());
            }
            target.wrong(kinds).into_iter().for_each(|(key, message)| wrong(key, message));
            before.push(target);
        }
    }
    problems
}

/// A problem of the target at `index` of a list: of the key, or where that is empty, of the target as a whole.
pub(crate) fn problem(list: &str, index: usize, key: &str, message: impl Into<String>) -> SettingProblem {
    let key = if key.is_empty() { String::new() } else { format!(".{key}") };
    SettingProblem::new(&format!("{list}.{index}{key}"), message)
}

/// Patterns of paths: `*` within a name, `**` over folders.
pub(crate) fn patterns(list: &[String]) -> Option<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for pattern in list {
        set.add(GlobBuilder::new(pattern).literal_separator(true).build().ok()?);
    }
    set.build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of a collector, which has this one flattened into it.
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct More {
        #[serde(flatten)]
        at: Target,
        #[serde(default)]
        beside: u32,
    }

    fn target(text: &str) -> Result<More, SettingProblem> {
        crate::policy::read("source", &toml::from_str(text).expect("TOML"))
    }

    #[test]
    fn what_is_wrong_with_targets_is_told_by_key() {
        let kinds = &[Kind::Folder, Kind::Repository, Kind::Image, Kind::Pull];
        for (list, told) in [
            (&["id = 'a'\nfolder = '.'\nbeside = 1"] as &[&str], None),
            (&["id = 'a'\nfolder = '.'", "id = 'b'\nimage = 'x.tar'\nimage_name = 'x:1'"], None),
            (&["id = 'a'\nfolder = '.'", "id = 'a'\nimage = 'x'"], Some("list.1.id: another target has the same id")),
            (&["id = 'a'"], Some("list.0: expected one of `folder`, `repository`, `image` and `pull`")),
            (&["id = 'a'\nlockfile = 'l'"], Some("list.0: expected one of `folder`, `repository`, `image` and `pull`")),
            (
                &["id = 'a'\nfolder = 'f'\nimage = 'i'"],
                Some("list.0: expected one of `folder`, `repository`, `image` and `pull`"),
            ),
            (&["id = 'a'\nfolder = 'f'\nreference = 'r'"], Some("list.0.reference: expected only beside `repository`")),
            (&["id = 'a'\nfolder = 'f'\nimage_name = 'r'"], Some("list.0.image_name: expected only beside `image`")),
            (&["id = 'a'\npull = 'a.example/web'\nplatform = 'linux/arm64'"], None),
            (
                &["id = 'a'\nimage = 'i'\npull = 'a.example/web'"],
                Some("list.0: expected one of `folder`, `repository`, `image` and `pull`"),
            ),
            (
                &["id = 'a'\npull = 'a.example/web'\nimage_name = 'r'"],
                Some("list.0.image_name: expected only beside `image`"),
            ),
            (
                &["id = 'a'\nfolder = 'f'\nplatform = 'linux/arm64'"],
                Some("list.0.platform: expected only beside `pull`"),
            ),
            (
                &["id = 'a'\npull = 'web'"],
                Some("list.0.pull: expected the registry's host first: `registry.example/shop/web:1.4`"),
            ),
            (&["id = 'a'\nfolder = 'f'\nexclude = ['[']"], Some("list.0.exclude: expected patterns of paths")),
        ] {
            let list: Vec<More> = list.iter().map(|text| target(text).expect("in order")).collect();
            let found = problems(&[("list", list.iter().map(|one| &one.at).collect(), kinds)]);
            let found: Vec<String> =
                found.iter().map(|one| format!("{}: {}", one.key.join("."), one.message)).collect();
            assert_eq!(found.first().map(String::as_str), told);
        }
        let other = target("id = 'a'\nfolder = '.'\nbeside = 7").expect("in order");
        let both = [("x", vec![&other.at], kinds as &[Kind]), ("y", vec![&other.at], &[Kind::Folder])];
        assert_eq!((problems(&both).len(), other.beside), (1, 7), "of one name in two lists");
    }

    #[test]
    fn a_key_that_there_is_not_is_told() {
        let problem = target("id = 'a'\nfolder = '.'\nfolders = ['x']").expect_err("refused");
        assert_eq!(problem.message, "unknown field `folders`");
        let problem = target("id = 'a'\nfolder = 4").expect_err("refused");
        assert!(problem.message.starts_with("expected"), "{}", problem.message);
    }
}
