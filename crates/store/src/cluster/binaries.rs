//! Finding a Postgres server's programs on this machine.

use std::{
    collections::BTreeSet,
    env,
    ffi::OsString,
    fmt, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::error::ClusterError;

/// Names the folder of the server's programs; wins over every search.
pub const BIN_VARIABLE: &str = "EXHIBIT_PG_BIN";

/// Set to `1`, hides the machine's own programs, as if none were installed.
pub const HIDE_VARIABLE: &str = "EXHIBIT_PG_HIDE_SYSTEM";

/// A major version of Postgres that Exhibit works with: 15 to 18.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MajorVersion(u8);

impl MajorVersion {
    /// Oldest version that Exhibit works with.
    pub const OLDEST: Self = Self(15);
    /// Newest version that Exhibit works with.
    pub const NEWEST: Self = Self(18);

    /// The version, if it is supported.
    pub const fn new(number: u8) -> Option<Self> {
        if Self::OLDEST.0 <= number && number <= Self::NEWEST.0 { Some(Self(number)) } else { None }
    }

    /// The number, 15 to 18.
    pub fn number(self) -> u8 {
        self.0
    }

    /// All supported versions, newest first.
    fn newest_first() -> impl Iterator<Item = Self> {
        (Self::OLDEST.0..=Self::NEWEST.0).rev().map(Self)
    }
}

impl fmt::Display for MajorVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A folder with a server's programs, and what they say their version is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    /// Absolute path of the folder that holds `initdb` and `postgres`.
    pub folder: PathBuf,
    /// Major version.
    pub major: MajorVersion,
    /// The version as the server prints it, such as `15.18`.
    pub version: String,
}

impl Binaries {
    /// Looks into one folder.
    ///
    /// # Errors
    /// A sentence without subject that says what the folder lacks.
    pub fn inspect(folder: &Path) -> Result<Self, String> {
        for program in ["initdb", "postgres"] {
            if !is_executable(&folder.join(program)) {
                return Err(format!("it holds no executable {program}"));
            }
        }
        // A link such as /usr/bin/postgres must be followed: the server finds its shared files relative to itself.
        let program = fs::canonicalize(folder.join("postgres")).map_err(|error| error.to_string())?;
        let folder = program.parent().unwrap_or(folder).to_owned();
        if !is_executable(&folder.join("initdb")) {
            return Err(format!("{} has no initdb beside it", program.display()));
        }
        // Our own environment may hold secrets; no program needs them to tell its version.
        let library_path = std::env::var_os("LD_LIBRARY_PATH").map(|value| ("LD_LIBRARY_PATH", value));
        let output = Command::new(&program)
            .arg("--version")
            .env_clear()
            .env("LC_ALL", "C")
            .envs(library_path)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("its postgres does not run: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = parse_version(&text).ok_or_else(|| "its postgres does not tell its version".to_owned())?;
        let major = version
            .split(|c: char| !c.is_ascii_digit())
            .next()
            .and_then(|number| number.parse().ok())
            .and_then(MajorVersion::new)
            .ok_or_else(|| format!("it is Postgres {version}, and Exhibit works with 15 to 18"))?;
        Ok(Self { folder, major, version })
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    pub(super) fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }
}

/// `postgres (PostgreSQL) 15.18 (Debian …)` has version `15.18`.
fn parse_version(text: &str) -> Option<String> {
    let rest = text.trim().strip_prefix("postgres (PostgreSQL) ")?;
    rest.split_whitespace().next().map(str::to_owned)
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Where to look for a server's programs.
#[derive(Clone, Debug, Default)]
pub struct SearchPath {
    /// Leaves out `path` and the folders in which distributions install.
    pub hide_system: bool,
    /// The only folder to look into, when named.
    pub named: Option<PathBuf>,
    /// Folders to look into besides the machine's own.
    pub extra: Vec<PathBuf>,
    /// The value of PATH, when it is to be searched.
    pub path: Option<OsString>,
}

impl SearchPath {
    /// What the environment says: `EXHIBIT_PG_BIN`, `EXHIBIT_PG_HIDE_SYSTEM` and `PATH`.
    pub fn from_environment() -> Self {
        Self {
            hide_system: env::var_os(HIDE_VARIABLE).is_some_and(|value| value == "1"),
            named: env::var_os(BIN_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from),
            extra: Vec::new(),
            path: env::var_os("PATH"),
        }
    }

    /// Every folder to look into, the preferred first.
    fn folders(&self) -> Vec<PathBuf> {
        let mut folders = self.extra.clone();
        if !self.hide_system {
            // A relative entry of PATH means another folder for everybody.
            let on_path = self.path.iter().flat_map(env::split_paths);
            folders.extend(on_path.filter(|folder| folder.is_absolute()));
            folders.extend(MajorVersion::newest_first().flat_map(usual_folders));
        }
        folders
    }

    /// Every supported server on this search path, newest first; of one major version, the first found.
    ///
    /// # Errors
    /// [`ClusterError::NamedBinariesUnusable`] when a folder was named and cannot be used.
    pub fn find_all(&self) -> Result<Vec<Binaries>, ClusterError> {
        if let Some(folder) = &self.named {
            let found = Binaries::inspect(folder).map_err(|problem| ClusterError::NamedBinariesUnusable {
                origin: BIN_VARIABLE,
                folder: folder.clone(),
                problem,
            })?;
            return Ok(vec![found]);
        }
        let mut seen = BTreeSet::new();
        let mut found: Vec<Binaries> = Vec::new();
        for folder in self.folders() {
            if !is_executable(&folder.join("postgres")) {
                continue;
            }
            let real = fs::canonicalize(&folder).unwrap_or(folder);
            if !seen.insert(real.clone()) {
                continue;
            }
            match Binaries::inspect(&real) {
                Ok(binaries) if found.iter().all(|other| other.major != binaries.major) => found.push(binaries),
                Ok(_) => {}
                Err(problem) => {
                    tracing::debug!(folder = %real.display(), problem, "passed over a Postgres")
                }
            }
        }
        found.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
        Ok(found)
    }
}

/// Where Debian, the PostgreSQL project's packages, SUSE, Arch, EnterpriseDB, Homebrew and MacPorts install.
fn usual_folders(major: MajorVersion) -> Vec<PathBuf> {
    [
        "/usr/lib/postgresql/{}/bin",
        "/usr/pgsql-{}/bin",
        "/usr/lib/postgresql{}/bin",
        "/usr/libexec/postgresql{}",
        "/opt/postgresql/{}/bin",
        "/opt/postgresql{}/bin",
        "/opt/homebrew/opt/postgresql@{}/bin",
        "/usr/local/opt/postgresql@{}/bin",
        "/home/linuxbrew/.linuxbrew/opt/postgresql@{}/bin",
        "/opt/local/lib/postgresql{}/bin",
        "/Library/PostgreSQL/{}/bin",
        "/usr/local/pgsql/bin",
    ]
    .iter()
    .map(|pattern| PathBuf::from(pattern.replace("{}", &major.to_string())))
    .collect()
}

/// Picks the programs: those of the cluster's version, or the newest for a new cluster.
///
/// `existing` is the directory of a cluster that exists, with its version. `Ok(None)` means that a new cluster
/// found nothing.
///
/// # Errors
/// [`ClusterError::VersionAbsent`] when a cluster exists and its version's programs do not, and those of
/// [`SearchPath::find_all`].
pub fn choose(search: &SearchPath, existing: Option<(&Path, MajorVersion)>) -> Result<Option<Binaries>, ClusterError> {
    let found = search.find_all()?;
    let Some((directory, wanted)) = existing else {
        return Ok(found.into_iter().next());
    };
    let versions = found.iter().map(|binaries| binaries.major).collect();
    let matching = found.into_iter().find(|binaries| binaries.major == wanted);
    matching.map(Some).ok_or_else(|| ClusterError::VersionAbsent {
        directory: directory.to_owned(),
        wanted,
        found: versions,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of programs that only know how to tell a version.
    fn pretend(root: &Path, name: &str, version: &str) -> PathBuf {
        let folder = root.join(name);
        fs::create_dir(&folder).unwrap();
        for program in ["initdb", "postgres"] {
            let file = folder.join(program);
            fs::write(&file, format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder
    }

    fn hidden(extra: Vec<PathBuf>) -> SearchPath {
        SearchPath { hide_system: true, extra, ..SearchPath::default() }
    }

    #[test]
    fn a_new_cluster_takes_the_newest_supported() {
        let root = tempfile::tempdir().unwrap();
        let folders = ["14.9", "16.4 (Debian 16.4-1)", "19.0", "17.2"]
            .iter()
            .enumerate()
            .map(|(index, version)| pretend(root.path(), &index.to_string(), version))
            .collect();
        let chosen = choose(&hidden(folders), None).unwrap().unwrap();
        assert_eq!((chosen.major.number(), chosen.version.as_str()), (17, "17.2"));
    }

    #[test]
    fn an_existing_cluster_takes_its_own_version_or_says_what_to_install() {
        let root = tempfile::tempdir().unwrap();
        let folders = vec![pretend(root.path(), "a", "15.1"), pretend(root.path(), "b", "17.2")];
        let search = hidden(folders);
        let directory = Path::new("/data/postgres");
        let fifteen = MajorVersion::new(15).unwrap();
        assert_eq!(choose(&search, Some((directory, fifteen))).unwrap().unwrap().version, "15.1");
        let sixteen = MajorVersion::new(16).unwrap();
        let message = choose(&search, Some((directory, sixteen))).unwrap_err().to_string();
        assert!(message.contains("/data/postgres was made by Postgres 16"), "{message}");
        assert!(message.contains("only version 17, 15 was found"), "{message}");
        assert!(message.contains("apt-get install postgresql-16"), "{message}");
    }

    #[test]
    fn a_named_folder_is_used_alone_or_refused() {
        let root = tempfile::tempdir().unwrap();
        let good = pretend(root.path(), "good", "15.1");
        let newer = pretend(root.path(), "newer", "18.0");
        let mut search = hidden(vec![newer]);
        search.named = Some(good);
        assert_eq!(choose(&search, None).unwrap().unwrap().version, "15.1");
        search.named = Some(root.path().join("absent"));
        let message = choose(&search, None).unwrap_err().to_string();
        assert!(message.contains("EXHIBIT_PG_BIN") && message.contains("no executable initdb"), "{message}");
    }

    #[test]
    fn hidden_means_that_path_and_usual_folders_are_not_seen() {
        let mut search = hidden(Vec::new());
        search.path = env::var_os("PATH");
        assert_eq!(choose(&search, None).unwrap(), None);
    }

    #[test]
    fn path_is_searched() {
        let root = tempfile::tempdir().unwrap();
        let folder = pretend(root.path(), "bin", "18.7");
        let search = SearchPath { path: Some(folder.into_os_string()), ..SearchPath::default() };
        assert_eq!(choose(&search, None).unwrap().unwrap().version, "18.7");
    }
}
