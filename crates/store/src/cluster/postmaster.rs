//! The server that runs, or does not: what its process id file says, and whether that is still true.

use std::{
    fs, io,
    os::unix::{ffi::OsStrExt, net::UnixStream},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    error::ClusterError,
    layout::{PORT, socket_file},
};

const PID_FILE: &str = "postmaster.pid";
const PAUSE: Duration = Duration::from_millis(10);

/// What `postmaster.pid` holds, as far as we use it (the lines are fixed in Postgres's `pidfile.h`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: i32,
    pub(super) port: Option<u16>,
    pub(super) socket_directory: Option<PathBuf>,
    pub(super) ready: bool,
}

impl PidFile {
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        // A stand-alone back end writes a negative number.
        let pid = lines.next()?.trim().parse::<i32>().ok()?.checked_abs().filter(|pid| *pid > 1)?;
        let port = lines.nth(2).and_then(|line| line.trim().parse().ok());
        let socket_directory = lines.next().filter(|line| !line.is_empty()).map(PathBuf::from);
        let ready = lines.nth(2).is_some_and(|line| line.trim() == "ready");
        Some(Self { pid, port, socket_directory, ready })
    }

    fn read(cluster: &Path) -> Result<Option<Self>, ClusterError> {
        let file = cluster.join(PID_FILE);
        match fs::read(&file) {
            Ok(bytes) => Ok(Self::parse(&String::from_utf8_lossy(&bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ClusterError::io("read", file)(error)),
        }
    }

    /// True when somebody accepts connections on the socket that the file names.
    pub(super) fn answers(&self) -> bool {
        let (Some(directory), Some(port)) = (&self.socket_directory, self.port) else {
            return false;
        };
        UnixStream::connect(socket_file(directory, port)).is_ok()
    }
}

/// Whether a cluster's server runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No process id file.
    Stopped,
    /// A process id file whose process is gone; Postgres takes care of that itself.
    Stale,
    /// A process id file whose number belongs to a zombie or to somebody else, which Postgres would mistake for a server.
    Misleading,
    /// The server of this very cluster.
    Running(PidFile),
}

/// Looks whether the server of this cluster runs. `cluster` is its canonical directory.
pub(super) fn state(cluster: &Path) -> Result<State, ClusterError> {
    let Some(file) = PidFile::read(cluster)? else {
        return Ok(State::Stopped);
    };
    Ok(match identify(file.pid, cluster) {
        Identity::Gone => State::Stale,
        Identity::Ours => State::Running(file),
        Identity::Other | Identity::Zombie if file.answers() => State::Running(file),
        Identity::Other | Identity::Zombie => State::Misleading,
    })
}

/// Forgets a process id file that [`state`] found misleading.
///
/// Should children of a killed server still be attached to its shared memory, Postgres refuses to start by itself:
/// it finds the segment by the data directory's inode, not by this file.
pub(super) fn forget(cluster: &Path) -> Result<(), ClusterError> {
    let file = cluster.join(PID_FILE);
    fs::remove_file(&file).map_err(ClusterError::io("remove", file))
}

/// Forgets the socket of a server that has ended, and only if it was this cluster's.
///
/// Its lock file holds a process id too, which would mislead Postgres in the same way.
pub(super) fn forget_socket(cluster: &Path, directory: &Path) -> Result<(), ClusterError> {
    let socket = socket_file(directory, PORT);
    let lock = directory.join(format!(".s.PGSQL.{PORT}.lock"));
    let ours = fs::read(&lock).is_ok_and(|bytes| {
        let second = bytes.split(|&byte| byte == b'\n').nth(1);
        second.is_some_and(|line| line == cluster.as_os_str().as_bytes())
    });
    if !ours {
        return Ok(());
    }
    for file in [socket, lock] {
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(ClusterError::io("remove", file)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

enum Identity {
    Gone,
    Zombie,
    Ours,
    Other,
}

/// Process ids are used again: a number alone proves nothing. A server's working directory is its cluster.
fn identify(pid: i32, cluster: &Path) -> Identity {
    if matches!(kill(Pid::from_raw(pid), None), Err(Errno::ESRCH)) {
        return Identity::Gone;
    }
    let process = PathBuf::from(format!("/proc/{pid}"));
    let Ok(stat) = fs::read_to_string(process.join("stat")) else {
        // Without /proc (macOS) a living process is believed, as Postgres itself does.
        return if Path::new("/proc/self/stat").exists() { Identity::Gone } else { Identity::Ours };
    };
    // "pid (name) state …", where the name may hold anything, parentheses included.
    let name = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')'));
    let Some((name, rest)) = name else {
        return Identity::Other;
    };
    if matches!(rest.trim_start().chars().next(), Some('Z' | 'X')) {
        return Identity::Zombie;
    }
    let here = fs::read_link(process.join("cwd")).is_ok_and(|folder| folder == cluster);
    if here && name.starts_with("postgres") { Identity::Ours } else { Identity::Other }
}

/// True while the process exists and is more than a zombie.
fn lives(pid: i32, cluster: &Path) -> bool {
    matches!(identify(pid, cluster), Identity::Ours)
}

/// Waits until the server that runs is ready for connections; `Ok(None)` means that none runs, or not any more.
///
/// # Errors
/// [`ClusterError::NotReady`] after `patience`.
pub(super) fn wait_ready(cluster: &Path, log: &Path, patience: Duration) -> Result<Option<PidFile>, ClusterError> {
    let began = Instant::now();
    loop {
        match state(cluster)? {
            State::Running(file) if file.ready => return Ok(Some(file)),
            State::Running(file) if began.elapsed() > patience => {
                return Err(ClusterError::NotReady { pid: file.pid, seconds: patience.as_secs(), log: log.to_owned() });
            }
            State::Running(_) => thread::sleep(PAUSE),
            State::Stopped | State::Stale | State::Misleading => return Ok(None),
        }
    }
}

/// Stops the server of this cluster: open transactions are rolled back, a checkpoint is written.
///
/// Does nothing when it does not run.
///
/// # Errors
/// [`ClusterError::NotStopped`] after `patience`; the server goes on stopping.
pub(super) fn stop(cluster: &Path, log: &Path, patience: Duration) -> Result<(), ClusterError> {
    let State::Running(file) = state(cluster)? else {
        return Ok(());
    };
    let began = Instant::now();
    // SIGINT is Postgres's fast shutdown. ESRCH: it ended by itself.
    match kill(Pid::from_raw(file.pid), Signal::SIGINT) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => {
            return Err(ClusterError::io("stop the Postgres of", cluster)(error.into()));
        }
    }
    while lives(file.pid, cluster) {
        if began.elapsed() > patience {
            return Err(ClusterError::NotStopped { pid: file.pid, seconds: patience.as_secs(), log: log.to_owned() });
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "27441\n/data dir/postgres\n1795318210\n5432\n/data dir/postgres-socket\n\n  5432001    131072\nready   \n";

    #[test]
    fn reads_the_lines_that_postgres_writes() {
        let whole = PidFile::parse(FILE).unwrap();
        assert_eq!(
            whole,
            PidFile {
                pid: 27441,
                port: Some(5432),
                socket_directory: Some("/data dir/postgres-socket".into()),
                ready: true
            }
        );
        assert!(!PidFile::parse(&FILE.replace("ready", "starting")).unwrap().ready);
        let begun = PidFile::parse("27441\n/data\n1795318210\n").unwrap();
        assert_eq!((begun.pid, begun.port, begun.ready), (27441, None, false));
        assert_eq!(PidFile::parse("-27441\n").unwrap().pid, 27441);
        for nonsense in ["", "abc\n", "0\n", "1\n"] {
            assert_eq!(PidFile::parse(nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn a_living_process_that_is_no_server_is_not_taken_for_one() {
        let cluster = tempfile::tempdir().unwrap();
        assert_eq!(state(cluster.path()).unwrap(), State::Stopped);
        let mine = std::process::id().to_string();
        fs::write(cluster.path().join(PID_FILE), FILE.replace("27441", &mine)).unwrap();
        assert_eq!(state(cluster.path()).unwrap(), State::Misleading);
        stop(cluster.path(), Path::new("log"), Duration::from_secs(1)).unwrap();
        forget(cluster.path()).unwrap();
        assert_eq!(state(cluster.path()).unwrap(), State::Stopped);
    }
}
