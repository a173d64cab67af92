//! Starting the server: its settings, its log, and waiting until it answers.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use super::{
    account::Account,
    binaries::Binaries,
    create::last_lines,
    error::ClusterError,
    layout::{Layout, PORT},
    postmaster::{self, PidFile, State},
};

/// A log that has grown to this many bytes is put aside at the next start.
const LOG_LIMIT: u64 = 4 << 20;

/// Settings for a laptop. Given on the command line, they win over the files in the cluster.
///
/// The log must never hold data. Statements stay out of it, and so do errors, which quote values and rows: whoever
/// made the statement is told. What befalls the server itself is of level LOG and above.
const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "max_connections=100",
    "shared_buffers=64MB",
    "work_mem=8MB",
    "maintenance_work_mem=64MB",
    "max_wal_size=512MB",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_destination=stderr",
    "logging_collector=off",
    "log_line_prefix=%m [%p] ",
    "log_statement=none",
    "log_min_messages=log",
    "log_min_error_statement=panic",
    "log_error_verbosity=terse",
    "log_min_duration_statement=-1",
    "log_parameter_max_length=0",
    "log_checkpoints=off",
    "jit=off",
    "synchronous_commit=on",
];

const CRASH_SAFE: &[&str] = &["fsync=on", "full_page_writes=on"];
const QUICK_AND_UNSAFE: &[&str] = &["fsync=off", "full_page_writes=off"];

/// Starts the server, and returns when it accepts connections.
///
/// `Ok(None)` means that another process was quicker: look again.
pub(super) fn launch(
    layout: &Layout,
    binaries: &Binaries,
    account: &Account,
    socket_directory: &Path,
    durable: bool,
    patience: Duration,
) -> Result<Option<PidFile>, ClusterError> {
    let log = layout.log();
    let output = open_log(layout)?;
    let error_output = output.try_clone().map_err(ClusterError::io("open", &log))?;
    let mut command = Command::new(binaries.postgres());
    account.prepare(&mut command);
    command.arg("-D").arg(layout.cluster()).args(["-p", &PORT.to_string()]);
    let safety = if durable { CRASH_SAFE } else { QUICK_AND_UNSAFE };
    for setting in SETTINGS.iter().chain(safety) {
        command.args(["-c", setting]);
    }
    let mut sockets = OsString::from("unix_socket_directories=");
    sockets.push(quoted(socket_directory));
    command.arg("-c").arg(sockets);
    // A group of its own: Ctrl-C in the terminal is for us, and we stop the server in good order.
    command.process_group(0).stdout(output).stderr(error_output);
    let child = command.spawn().map_err(ClusterError::io("run", binaries.postgres()))?;
    wait_for(child, layout, patience)
}

fn wait_for(mut child: Child, layout: &Layout, patience: Duration) -> Result<Option<PidFile>, ClusterError> {
    let cluster = layout.cluster();
    let log = layout.log();
    let pid = i32::try_from(child.id()).unwrap_or(i32::MAX);
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(ClusterError::io("wait for the Postgres of", &cluster))? {
            return match postmaster::state(&cluster)? {
                State::Running(_) => Ok(None),
                _ => Err(died(status, &log)),
            };
        }
        if let State::Running(file) = postmaster::state(&cluster)?
            && file.pid == pid
            && file.ready
        {
            // Somebody must take note of its end, or it would stay a zombie for as long as we live.
            thread::spawn(move || child.wait());
            return Ok(Some(file));
        }
        if began.elapsed() > patience {
            // Recovery after a crash may need longer than we wait; it goes on, and the next start finds it.
            thread::spawn(move || child.wait());
            return Err(ClusterError::NotReady { pid, seconds: patience.as_secs(), log });
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn died(status: ExitStatus, log: &Path) -> ClusterError {
    let tail = read_end(log).map(|bytes| last_lines(&bytes, 8)).unwrap_or_default();
    ClusterError::ServerDied { status: status.to_string(), log: log.to_owned(), tail }
}

fn read_end(log: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(4096)))?;
    let mut bytes = Vec::new();
    file.take(4096).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// We open the log, as ourselves, and hand it over: the server's user needs no right to the data directory.
fn open_log(layout: &Layout) -> Result<File, ClusterError> {
    let log = layout.log();
    if fs::symlink_metadata(&log).is_ok_and(|found| found.len() > LOG_LIMIT) {
        let aside = log.with_extension("log.old");
        fs::rename(&log, &aside).map_err(ClusterError::io("put aside", &log))?;
    }
    layout.open_own(&log)
}

/// Postgres reads a list of folders here; double quotes keep spaces and commas inside one of them.
fn quoted(folder: &Path) -> OsString {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let mut bytes = vec![b'"'];
    for &byte in folder.as_os_str().as_bytes() {
        if byte == b'"' {
            bytes.push(b'"');
        }
        bytes.push(byte);
    }
    bytes.push(b'"');
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_quoted_for_a_list() {
        assert_eq!(quoted(Path::new("/a b,c")), "\"/a b,c\"");
        assert_eq!(quoted(Path::new("/a\"b")), "\"/a\"\"b\"");
    }

    #[test]
    fn a_grown_log_is_put_aside() {
        let root = tempfile::tempdir().unwrap();
        let log = root.path().join("postgres.log");
        fs::write(&log, vec![b'x'; usize::try_from(LOG_LIMIT).unwrap() + 1]).unwrap();
        open_log(&Layout { data: root.path().to_owned() }).unwrap();
        assert_eq!(fs::metadata(&log).unwrap().len(), 0);
        assert!(root.path().join("postgres.log.old").exists());
    }
}
