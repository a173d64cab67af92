//! Environments, guessed from names of files and folders. Every guess is said to be one.

use super::find::words;

/// An environment as a name tells it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Guess {
    pub(super) id: String,
    pub(super) title: String,
}

/// What no name tells the environment of.
pub(super) const UNTOLD: &str = "default";

const KNOWN: [(&str, &str, &[&str]); 9] = [
    ("production", "Production", &["production", "prod", "prd", "live"]),
    ("staging", "Staging", &["staging", "stage", "stg"]),
    ("test", "Test", &["test", "testing"]),
    ("qa", "QA", &["qa"]),
    ("uat", "Acceptance", &["uat", "acceptance"]),
    ("preview", "Preview", &["preview"]),
    ("demo", "Demo", &["demo"]),
    ("sandbox", "Sandbox", &["sandbox"]),
    ("development", "Development", &["development", "develop", "devel", "dev", "local", "override"]),
];

impl Guess {
    fn known(word: &str) -> Option<Self> {
        let (id, title, _) = KNOWN.iter().find(|(_, _, words)| words.contains(&word))?;
        Some(Self { id: (*id).to_owned(), title: (*title).to_owned() })
    }

    /// The environment that the path tells: the file's name first, then the folders from the nearest to the top.
    pub(super) fn of(path: &str) -> Self {
        let lower = path.to_ascii_lowercase();
        if let Some(found) = lower.rsplit('/').find_map(|part| words(part).find_map(Self::known)) {
            return found;
        }
        // `.env.acme` names something, even if nobody here knows what.
        let name = lower.rsplit('/').next().unwrap_or_default();
        match name.strip_prefix(".env.").map(slug) {
            Some(id) if !id.is_empty() => Self { title: id.clone(), id },
            _ => Self { id: UNTOLD.to_owned(), title: "Told by no name".to_owned() },
        }
    }
}

/// A text as a permanent id; empty if nothing of it can stand in one.
pub(super) fn slug(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let id = words(&lower).collect::<Vec<_>>().join("-");
    id.chars().take(60).collect::<String>().trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_environments() {
        for (path, expected) in [
            (".env.production", "production"),
            (".env.production.local", "production"),
            (".env.local", "development"),
            ("env/staging.env", "staging"),
            ("docker-compose.prod.yml", "production"),
            ("docker-compose.override.yml", "development"),
            ("k8s/overlays/Staging/secret.yaml", "staging"),
            ("deploy/production/app/.env", "production"),
            (".env.acme_eu", "acme-eu"),
            (".env", UNTOLD),
            ("compose.yaml", UNTOLD),
            ("product/.env", UNTOLD),
            ("reproduction.env", UNTOLD),
        ] {
            assert_eq!(Guess::of(path).id, expected, "{path}");
        }
    }

    #[test]
    fn a_slug_is_an_id_or_nothing() {
        for (text, expected) in [("My Shop", "my-shop"), ("--x--", "x"), ("été", "t"), ("日本", ""), ("A_b.C", "a-b-c")]
        {
            assert_eq!(slug(text), expected);
        }
        assert_eq!(slug(&"ab-".repeat(40)).len(), 59, "cut, and without a dash at the end");
    }
}
