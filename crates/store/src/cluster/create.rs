//! Making a new cluster, whole or not at all.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::Path,
    process::{Command, Output, Stdio},
};

use super::{
    DATABASE, SUPERUSER, account::Account, binaries::Binaries, error::ClusterError, layout::Layout, provisional,
};

/// Creates the cluster under a provisional name, writes it through to the disk, and only then names it.
///
/// A process killed in the middle leaves a folder that the next start throws away.
pub(super) fn create(
    layout: &Layout,
    binaries: &Binaries,
    account: &Account,
    durable: bool,
) -> Result<(), ClusterError> {
    let unfinished = provisional::fresh(&layout.data, "postgres.unfinished")?;
    fs::DirBuilder::new().mode(0o700).create(&unfinished).map_err(ClusterError::io("create", &unfinished))?;
    account.own(&unfinished)?;
    let made = fill(&unfinished, binaries, account, durable);
    if let Err(error) = made {
        // The first error is the one to tell.
        let _ = provisional::remove(&unfinished);
        return Err(error);
    }
    let cluster = layout.cluster();
    fs::rename(&unfinished, &cluster).map_err(ClusterError::io("name", &cluster))?;
    if durable {
        let data = File::open(&layout.data).and_then(|folder| folder.sync_all());
        data.map_err(ClusterError::io("write to disk", &layout.data))?;
    }
    Ok(())
}

fn fill(folder: &Path, binaries: &Binaries, account: &Account, durable: bool) -> Result<(), ClusterError> {
    // Written through to the disk once, at the end, instead of by every step.
    let mut initdb = Command::new(binaries.initdb());
    initdb.args(["--encoding=UTF8", "--locale=C", "--data-checksums", "--auth-local=trust", "--auth-host=reject"]);
    initdb.args(["--no-sync", "--no-instructions"]).arg(format!("--username={SUPERUSER}"));
    initdb.arg("--pgdata").arg(folder);
    run("initdb", initdb, account, None)?;

    let mut single = Command::new(binaries.postgres());
    single.args(["--single", "-c", "fsync=off", "-c", "exit_on_error=on", "-c", "log_checkpoints=off"]);
    single.arg("-D").arg(folder).arg("postgres");
    run("postgres --single", single, account, Some(&format!("CREATE DATABASE {DATABASE}\n")))?;

    if durable {
        let mut sync = Command::new(binaries.initdb());
        sync.arg("--sync-only").arg("--pgdata").arg(folder);
        run("initdb --sync-only", sync, account, None)?;
    }
    Ok(())
}

/// Runs one of Postgres's programs to its end; what it printed matters only when it fails.
fn run(
    program: &'static str,
    mut command: Command,
    account: &Account,
    input: Option<&str>,
) -> Result<Output, ClusterError> {
    let path = Path::new(command.get_program()).to_owned();
    account.prepare(&mut command);
    if input.is_some() {
        command.stdin(Stdio::piped());
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let cannot_run = ClusterError::io("run", path);
    let output = command.spawn().and_then(|mut child| {
        if let (Some(input), Some(mut pipe)) = (input, child.stdin.take()) {
            io::Write::write_all(&mut pipe, input.as_bytes())?;
        }
        child.wait_with_output()
    });
    let output = output.map_err(cannot_run)?;
    if output.status.success() {
        return Ok(output);
    }
    let printed = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let lines = last_lines(&printed, 12);
    Err(ClusterError::ProgramFailed { program, status: output.status.to_string(), output: lines })
}

/// The last lines of what a program printed.
pub(super) fn last_lines(bytes: &[u8], count: usize) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
