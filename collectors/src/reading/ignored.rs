//! git's ignore files, and patterns of the caller in the same notation.

use std::path::Path;
use std::sync::Arc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The ignore files that hold in one folder, nearest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Ignores(Option<Arc<Node>>);

#[derive(Debug)]
struct Node {
    rules: Gitignore,
    outer: Ignores,
}

impl Ignores {
    /// Those that hold at `folder` because of folders above it, up to the work tree's root; none outside a work tree.
    pub(super) fn above(folder: &Path) -> Self {
        let Ok(folder) = folder.canonicalize() else {
            return Self::default();
        };
        let Some(root) = folder.ancestors().find(|above| above.join(".git").exists()) else {
            return Self::default();
        };
        let mut ignores = Self::default().with_file(root, &root.join(".git/info/exclude"));
        let mut between: Vec<&Path> = folder.ancestors().skip(1).take_while(|above| above.starts_with(root)).collect();
        between.reverse();
        for above in between {
            ignores = ignores.within(above);
        }
        ignores
    }

    /// With the rules of the folder's own file, if it has one.
    pub(super) fn within(&self, folder: &Path) -> Self {
        self.clone().with_file(folder, &folder.join(".gitignore"))
    }

    fn with_file(self, folder: &Path, file: &Path) -> Self {
        if !file.is_file() {
            return self;
        }
        let mut builder = GitignoreBuilder::new(folder);
        // A line that is no pattern ignores nothing, as git takes it.
        let _ = builder.add(file);
        match builder.build() {
            Ok(rules) => Self(Some(Arc::new(Node { rules, outer: self }))),
            Err(_) => self,
        }
    }

    /// Whether the rules ignore this path, which lies below their folders.
    pub(super) fn ignore(&self, path: &Path, is_folder: bool) -> bool {
        let mut at = self;
        while let Some(node) = &at.0 {
            match node.rules.matched(path, is_folder) {
                ignore::Match::Ignore(_) => return true,
                ignore::Match::Whitelist(_) => return false,
                ignore::Match::None => at = &node.outer,
            }
        }
        false
    }
}

/// Patterns by which a caller excludes, in the notation of .gitignore, relative to where the walk begins.
#[derive(Debug, Clone)]
pub struct Patterns(Gitignore);

impl Patterns {
    /// Compiles them.
    ///
    /// # Errors
    /// The pattern that cannot be read, with the reason.
    pub fn new<'p>(root: &Path, patterns: impl IntoIterator<Item = &'p str>) -> Result<Self, String> {
        let mut builder = GitignoreBuilder::new(root);
        for pattern in patterns {
            builder.add_line(None, pattern).map_err(|error| format!("{pattern}: {error}"))?;
        }
        builder.build().map(Self).map_err(|error| error.to_string())
    }

    pub(super) fn exclude(&self, path: &Path, is_folder: bool) -> bool {
        self.0.matched(path, is_folder).is_ignore()
    }
}
