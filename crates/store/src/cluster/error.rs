//! What can go wrong with the private Postgres, in sentences that say what to do.

use std::{io, path::PathBuf};

use super::binaries::MajorVersion;

/// Why the private Postgres could not be found, obtained, started, shared or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// A folder that was named explicitly does not hold usable server binaries.
    #[error("{origin} names {}, but {problem}", folder.display())]
    NamedBinariesUnusable {
        /// Who named the folder, such as an environment variable.
        origin: &'static str,
        /// The folder that was named.
        folder: PathBuf,
        /// What is wrong with it.
        problem: String,
    },

    /// No supported Postgres is on this machine, and none was to be obtained.
    #[error(
        "no Postgres server (15 to 18) was found on this machine: install one \
         (Debian and Ubuntu: apt-get install postgresql; Fedora: dnf install postgresql-server; \
         macOS: brew install postgresql), or set EXHIBIT_PG_BIN to the folder that holds initdb and postgres"
    )]
    NoBinaries,

    /// The data directory was made by a major version whose binaries are absent.
    #[error(
        "the data directory {} was made by Postgres {wanted}, but {}: install Postgres {wanted} \
         (Debian and Ubuntu: apt-get install postgresql-{wanted}), or set EXHIBIT_PG_BIN to the folder \
         that holds its initdb and postgres", directory.display(), found_sentence(found)
    )]
    VersionAbsent {
        /// The cluster's directory.
        directory: PathBuf,
        /// The major version in its PG_VERSION.
        wanted: MajorVersion,
        /// The major versions that were found instead.
        found: Vec<MajorVersion>,
    },

    /// The data directory was made by a major version that Exhibit does not support.
    #[error(
        "the data directory {} says in PG_VERSION that it was made by Postgres {version:?}; \
         Exhibit works with 15 to 18", directory.display()
    )]
    VersionUnsupported {
        /// The cluster's directory.
        directory: PathBuf,
        /// The first line of PG_VERSION, at most 16 characters.
        version: String,
    },

    /// A cluster's directory exists, but it is no cluster.
    #[error(
        "{} exists but holds no Postgres cluster (no PG_VERSION): move it away, or choose another data directory",
        directory.display()
    )]
    NotACluster {
        /// The directory in question.
        directory: PathBuf,
    },

    /// Binaries were to be obtained, and it did not work.
    #[error(
        "no Postgres server (15 to 18) was found on this machine, and obtaining one failed: {problem}. Install Postgres \
         (Debian and Ubuntu: apt-get install postgresql), or set EXHIBIT_PG_BIN to the folder that holds initdb and postgres"
    )]
    CannotObtain {
        /// What failed.
        problem: String,
    },

    /// What was obtained is not what this version of Exhibit expects.
    #[error("the obtained package {package} has SHA-256 {actual}, but {expected} was expected: it was thrown away")]
    ChecksumMismatch {
        /// Name of the package's file.
        package: String,
        /// The digest that is pinned, in lowercase hexadecimal.
        expected: &'static str,
        /// The digest of what arrived, in lowercase hexadecimal.
        actual: String,
    },

    /// The user that runs the server cannot enter a folder on the way to what it needs.
    #[error(
        "Postgres refuses to run as root, so it runs as user {user}, and that user cannot enter {} (mode {mode:04o}, \
         on the way to {}): choose a folder outside of it, such as one under /var/lib, or let others pass with \
         `chmod o+x {}`", blocking.display(), wanted.display(), blocking.display()
    )]
    Unreachable {
        /// Name of the user that runs the server.
        user: String,
        /// The folder that blocks.
        blocking: PathBuf,
        /// The blocking folder's permission bits.
        mode: u32,
        /// Where the user needs to get to.
        wanted: PathBuf,
    },

    /// The cluster belongs to another user of this machine.
    #[error("the Postgres cluster {} belongs to user {owner}, so user {current} cannot start it", directory.display())]
    NotOwner {
        /// The cluster's directory.
        directory: PathBuf,
        /// Who owns it.
        owner: String,
        /// Who wants to start it.
        current: String,
    },

    /// Started by root, and there is no user without rights to run the server as.
    #[error(
        "Postgres refuses to run as root, and this machine has neither a user `postgres` nor a user `nobody` to run it as"
    )]
    NoAccount,

    /// Postgres keeps its paths in a file of lines.
    #[error(
        "the data directory {path:?} has a line break in its name, which Postgres cannot work with: choose another"
    )]
    LineBreakInPath {
        /// The data directory.
        path: PathBuf,
    },

    /// The socket's path does not fit into the operating system's address.
    #[error(
        "the socket path {} has {length} bytes, and the operating system allows at most {limit}: \
         choose a shorter socket directory", path.display()
    )]
    SocketPathTooLong {
        /// The socket's full path.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
        /// The greatest length in bytes that fits, without the closing NUL.
        limit: usize,
    },

    /// The socket directory exists and cannot be trusted.
    #[error("the socket directory {} cannot be used: {problem}", directory.display())]
    SocketDirectoryUnsafe {
        /// The directory in question.
        directory: PathBuf,
        /// What is wrong with it.
        problem: String,
    },

    /// Another process has been starting or stopping this server for too long.
    #[error(
        "another process has been starting or stopping the Postgres in {} for more than {seconds} s",
        directory.display()
    )]
    LockTimedOut {
        /// The data directory.
        directory: PathBuf,
        /// How long was waited, in seconds.
        seconds: u64,
    },

    /// A program of Postgres ended with an error.
    #[error("{program} failed ({status}): {output}")]
    ProgramFailed {
        /// The program's name.
        program: &'static str,
        /// How it ended.
        status: String,
        /// The last lines that it printed.
        output: String,
    },

    /// The server ended while it was being started.
    #[error("Postgres did not start ({status}); the end of {}:\n{tail}", log.display())]
    ServerDied {
        /// How it ended.
        status: String,
        /// The log file.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
    },

    /// The server did not become ready in time.
    #[error("Postgres (process {pid}) was not ready after {seconds} s; its log is {}", log.display())]
    NotReady {
        /// The postmaster's process id.
        pid: i32,
        /// How long was waited, in seconds.
        seconds: u64,
        /// The log file.
        log: PathBuf,
    },

    /// The server did not stop in time.
    #[error("Postgres (process {pid}) was asked to stop and still runs after {seconds} s; its log is {}", log.display())]
    NotStopped {
        /// The postmaster's process id.
        pid: i32,
        /// How long was waited, in seconds.
        seconds: u64,
        /// The log file.
        log: PathBuf,
    },

    /// A running server's socket vanished while others still use the server.
    #[error(
        "Postgres (process {pid}) runs but does not answer at {}, and other processes use it: \
         end them, then try again", socket.display()
    )]
    Unanswering {
        /// The postmaster's process id.
        pid: i32,
        /// Where its socket should be.
        socket: PathBuf,
    },

    /// An operation on a file or process failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },

    /// The background task that starts or stops the server was cancelled.
    #[error("the task that starts or stops Postgres was cancelled")]
    Cancelled,
}

impl ClusterError {
    /// An adapter for `map_err`: what was tried, and on what.
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

fn found_sentence(found: &[MajorVersion]) -> String {
    if found.is_empty() {
        return "no Postgres server was found".to_owned();
    }
    let list: Vec<String> = found.iter().map(ToString::to_string).collect();
    format!("only version {} was found", list.join(", "))
}
