//! The private Postgres: a cluster in Exhibit's own data directory, started when it is needed, shared by all
//! processes that use the directory, and stopped by the last of them.
//!
//! It listens on a Unix socket only, in a folder that nobody but the server's user (and root) can enter; whoever can
//! enter is trusted. When root starts it, it runs as the user `postgres`, or else `nobody`.
//!
//! How it is shared: each user holds a shared lock on `exhibit.lock`; whoever starts or stops the server holds
//! `postgres.lock`. A process that dies gives both back, so a server left behind is found by the next one to come,
//! who uses it and stops it in the end. That a server runs is believed only of a process that is a Postgres working in
//! this very directory; no other process is ever sent a signal.

mod account;
mod binaries;
mod create;
mod error;
mod launch;
mod layout;
mod locks;
mod obtain;
mod postmaster;
mod provisional;
mod running;

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

pub use binaries::{BIN_VARIABLE, Binaries, HIDE_VARIABLE, MajorVersion, SearchPath, choose};
pub use error::ClusterError;
pub use obtain::{OBTAINED_VERSION, obtain};
pub use running::{Connection, Left, RunningCluster};

use account::Account;
use layout::Layout;
use locks::{ChangeLock, UserLock};
use postmaster::{PidFile, State};

/// The cluster's superuser, who owns everything in it.
pub const SUPERUSER: &str = "exhibit_superuser";

/// The database that a new cluster holds for Exhibit.
pub const DATABASE: &str = "exhibit";

/// Where a private Postgres lies and how it is run.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// The data directory; created where it is missing.
    pub data_directory: PathBuf,
    /// Where to look for the server's programs.
    pub search: SearchPath,
    /// Where to put programs that have to be obtained because the machine has none; `None` means never to obtain any.
    pub obtain_into: Option<PathBuf>,
    /// The socket's folder; `None` means a folder inside the data directory, or one in `/tmp` where that is too long.
    pub socket_directory: Option<PathBuf>,
    /// False writes nothing through to the disk, so that a power cut destroys the cluster (a killed process does not).
    /// For tests only.
    pub durable: bool,
    /// How long to wait for another process, for the server to become ready, and for it to stop, each.
    pub patience: Duration,
}

impl ClusterOptions {
    /// Crash-safe, programs as the environment says, obtained into `postgres-bin` in the data directory if need be.
    pub fn new(data_directory: impl Into<PathBuf>) -> Self {
        let data_directory = data_directory.into();
        Self {
            search: SearchPath::from_environment(),
            obtain_into: Some(data_directory.join("postgres-bin")),
            data_directory,
            socket_directory: None,
            durable: true,
            patience: Duration::from_secs(120),
        }
    }
}

/// Starts the private Postgres, or joins the one that runs, without blocking the runtime.
///
/// # Errors
/// See [`ClusterError`]: each says what to do.
pub async fn start(options: ClusterOptions) -> Result<RunningCluster, ClusterError> {
    tokio::task::spawn_blocking(move || start_blocking(&options)).await.map_err(|_| ClusterError::Cancelled)?
}

/// Starts the private Postgres, or joins the one that runs.
///
/// # Errors
/// See [`ClusterError`]: each says what to do.
pub fn start_blocking(options: &ClusterOptions) -> Result<RunningCluster, ClusterError> {
    use std::os::unix::ffi::OsStrExt;
    if options.data_directory.as_os_str().as_bytes().contains(&b'\n') {
        return Err(ClusterError::LineBreakInPath { path: options.data_directory.clone() });
    }
    let data = account::create_passable(&options.data_directory)?;
    let layout = Layout { data };
    let socket_directory = layout.socket_directory(options.socket_directory.as_deref())?;
    let change = ChangeLock::take(&layout, options.patience)?;
    let user = UserLock::share(&layout, &change)?;
    let file = match join(&layout, &user, &change, options)? {
        Some(file) => file,
        None => bring_up(&layout, &socket_directory, options)?,
    };
    let connection = Connection::new(&file, &socket_directory);
    Ok(RunningCluster::new(layout, user, connection, file.pid, options.patience))
}

/// Whether a cluster was made in this data directory.
pub fn exists(data_directory: &Path) -> bool {
    let layout = Layout { data: data_directory.to_owned() };
    layout.cluster().join("PG_VERSION").is_file()
}

/// Fails when root's server could not run in this data directory, before anything is created in it.
///
/// For choosing another default place. The directory may be missing; nothing is changed.
///
/// # Errors
/// [`ClusterError::Unreachable`], [`ClusterError::NotOwner`], [`ClusterError::NoAccount`].
pub fn check_reachable(data_directory: &Path) -> Result<(), ClusterError> {
    let absolute = std::path::absolute(data_directory).map_err(ClusterError::io("find", data_directory))?;
    let existing = absolute.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
    let existing = fs::canonicalize(existing).map_err(ClusterError::io("find", existing))?;
    Account::choose(&absolute.join("postgres"), &absolute)?.must_reach(&existing)
}

/// The server that runs already, if it does and answers.
fn join(
    layout: &Layout,
    user: &UserLock,
    change: &ChangeLock,
    options: &ClusterOptions,
) -> Result<Option<PidFile>, ClusterError> {
    let cluster = layout.cluster();
    if postmaster::state(&cluster)? == State::Misleading {
        postmaster::forget(&cluster)?;
    }
    let Some(file) = postmaster::wait_ready(&cluster, &layout.log(), options.patience)? else {
        return Ok(None);
    };
    if file.answers() {
        tracing::debug!(pid = file.pid, "joined the private Postgres that runs");
        return Ok(Some(file));
    }
    // Its socket is gone, as when /tmp was cleaned. Nobody can come in any more, but some may still be inside.
    if !user.is_last(layout, change)? {
        let directory = file.socket_directory.clone().unwrap_or_default();
        return Err(ClusterError::Unanswering { pid: file.pid, socket: layout::socket_file(&directory, layout::PORT) });
    }
    postmaster::stop(&cluster, &layout.log(), options.patience)?;
    Ok(None)
}

/// Starts a server that does not run, in a cluster that is created if it does not exist.
fn bring_up(layout: &Layout, socket_directory: &Path, options: &ClusterOptions) -> Result<PidFile, ClusterError> {
    let cluster = layout.cluster();
    let account = Account::choose(&cluster, &layout.data)?;
    account.must_reach(&layout.data)?;
    let existing = existing_version(&cluster)?;
    let binaries = programs(&cluster, existing, options)?;
    account.must_reach(&binaries.folder)?;
    if existing.is_none() {
        create::create(layout, &binaries, &account, options.durable)?;
    }
    layout::prepare_socket_directory(socket_directory, &account)?;
    postmaster::forget_socket(&cluster, socket_directory)?;
    loop {
        let launched =
            launch::launch(layout, &binaries, &account, socket_directory, options.durable, options.patience)?;
        if let Some(file) = launched {
            return Ok(file);
        }
        // A start that somebody began and did not live to finish came in first: its server is as good as ours.
        if let Some(file) = postmaster::wait_ready(&cluster, &layout.log(), options.patience)? {
            return Ok(file);
        }
    }
}

fn programs(
    cluster: &Path,
    existing: Option<MajorVersion>,
    options: &ClusterOptions,
) -> Result<Binaries, ClusterError> {
    let obtained = options.obtain_into.as_ref().map(|folder| obtain::folder_of_programs(folder));
    let mut search = options.search.clone();
    let chosen = choose(&search, existing.map(|version| (cluster, version)));
    let absent = match chosen {
        Ok(Some(binaries)) => return Ok(binaries),
        Ok(None) => ClusterError::NoBinaries,
        Err(error @ ClusterError::VersionAbsent { .. }) => error,
        Err(error) => return Err(error),
    };
    // Only now, so that a machine's own programs are preferred to obtained ones.
    if let Some(folder) = obtained.filter(|_| search.named.is_none()) {
        search.extra.push(folder);
        if let Ok(Some(binaries)) = choose(&search, existing.map(|version| (cluster, version))) {
            return Ok(binaries);
        }
    }
    match &options.obtain_into {
        Some(folder) if search.named.is_none() && existing.is_none_or(|version| version == obtain::OBTAINED_MAJOR) => {
            obtain(folder)
        }
        _ => Err(absent),
    }
}

/// The version of the cluster that exists, or `None` when there is none.
fn existing_version(cluster: &Path) -> Result<Option<MajorVersion>, ClusterError> {
    let file = cluster.join("PG_VERSION");
    match fs::read_to_string(&file) {
        Ok(text) => {
            let version = text.trim();
            let known = version.parse().ok().and_then(MajorVersion::new);
            known.map(Some).ok_or_else(|| ClusterError::VersionUnsupported {
                directory: cluster.to_owned(),
                version: version.chars().take(16).collect(),
            })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if fs::symlink_metadata(cluster).is_ok() {
                return Err(ClusterError::NotACluster { directory: cluster.to_owned() });
            }
            Ok(None)
        }
        Err(error) => Err(ClusterError::io("read", file)(error)),
    }
}
