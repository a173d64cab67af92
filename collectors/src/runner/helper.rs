//! The helper that stands between Exhibit and a scanner: Exhibit's own program, started once more by its hidden command.
//!
//! It takes its orders from the socket that is its standard input, sets the limits, starts the scanner, and stays above it:
//! whatever loses its parent below becomes its child. When the scanner has ended, or the socket is closed from the other
//! side because of a time-out or because Exhibit is gone, it ends everything below it, and itself only when nothing is left.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::time::TimeValLike as _;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::orders::{Bounds, Fence, InForce, Message, Orders};
use super::{Ended, Used, fence, kin};

/// The hidden command of the program that ends in [`main`].
pub const COMMAND: &str = "stand-above-scanner";

/// Orders that are longer are refused.
pub(super) const LONGEST: u32 = 1 << 20;
/// How often it is looked whether what was killed is gone.
const LOOK: Duration = Duration::from_millis(2);

/// What the helper does. To be called before the program starts threads or reads anything: limits and fence are those of the process.
#[must_use]
pub fn main() -> ExitCode {
    let Ok(socket) = std::io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from) else {
        return ExitCode::FAILURE;
    };
    let told = match orders(&socket).and_then(|orders| serve(&socket, &orders)) {
        Ok(told) => told,
        Err(why) => Message::NotStarted(why),
    };
    if tell(&socket, &told) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn orders(mut socket: &UnixStream) -> Result<Orders, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("the helper got no orders: {error}");
    let mut length = [0; 4];
    socket.read_exact(&mut length).map_err(|error| wrong(&error.kind()))?;
    let length = u32::from_be_bytes(length);
    if length > LONGEST {
        return Err(wrong(&"they are too long"));
    }
    let mut text = vec![0; length as usize];
    socket.read_exact(&mut text).map_err(|error| wrong(&error.kind()))?;
    serde_json::from_slice(&text).map_err(|error| wrong(&error))
}

fn tell(mut socket: &UnixStream, message: &Message) -> bool {
    let Ok(mut line) = serde_json::to_vec(message) else { return false };
    line.push(b'\n');
    socket.write_all(&line).is_ok()
}

fn serve(socket: &UnixStream, orders: &Orders) -> Result<Message, String> {
    prctl::set_child_subreaper(true).map_err(|error| format!("orphans can't be taken in: {error}"))?;
    let bounds = bound(orders.bounds)?;
    // Before the scanner starts: one that starts as many processes as it may leaves no room for a thread.
    watch(socket)?;
    let (scanner, fence, no_new_privileges) = start(orders)?;
    let no_network = !orders.network && fence == Fence::Full;
    let in_force = InForce { bounds, no_new_privileges, fence, no_network, ..InForce::default() };
    if !tell(socket, &Message::Started(in_force)) {
        kin::end_all();
    }
    let ended = await_scanner(scanner)?;
    let left_running = end_rest();
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|error| format!("what it used is not known: {error}"))?;
    let cpu = used.user_time().num_milliseconds() + used.system_time().num_milliseconds();
    let used = Used {
        cpu_millis: u64::try_from(cpu).unwrap_or(0),
        peak_kib: u64::try_from(used.max_rss()).unwrap_or(0),
        left_running,
    };
    Ok(Message::Ended(ended, used))
}

/// Sets the limits on this process, from which the scanner gets them, and reads them back.
fn bound(asked: Bounds) -> Result<Bounds, String> {
    let set = |resource, soft: u64, further: u64, what: &str| {
        let wrong = |error: Errno| format!("the limit of {what} can't be set: {error}");
        let (_, most) = getrlimit(resource).map_err(wrong)?;
        setrlimit(resource, soft.min(most), (soft + further).min(most)).map_err(wrong)?;
        getrlimit(resource).map(|(soft, _)| soft).map_err(wrong)
    };
    set(Resource::RLIMIT_CORE, 0, 0, "core files")?;
    Ok(Bounds {
        // The signal that names the limit comes first, the one that can't be ignored after it.
        cpu_seconds: set(Resource::RLIMIT_CPU, asked.cpu_seconds, 2, "CPU time")?,
        file_bytes: set(Resource::RLIMIT_FSIZE, asked.file_bytes, 0, "file sizes")?,
        open_files: set(Resource::RLIMIT_NOFILE, asked.open_files, 0, "open files")?,
    })
}

/// Starts the scanner from a thread that is behind the fence; this one stays outside, to see and end what is below it.
fn start(orders: &Orders) -> Result<(Pid, Fence, bool), String> {
    let behind = || {
        prctl::set_no_new_privs().map_err(|error| format!("new privileges can't be refused: {error}"))?;
        let fence = fence::close(orders).map_err(|error| format!("the fence can't be closed: {error}"))?;
        let child = Command::new(&orders.program)
            .args(&orders.arguments)
            .current_dir(&orders.folder)
            .stdin(Stdio::null())
            .spawn()
            .map_err(|error| not_started(&error))?;
        let pid = i32::try_from(child.id()).map_err(|error| error.to_string())?;
        let refused = prctl::get_no_new_privs().unwrap_or(false);
        Ok((Pid::from_raw(pid), fence, refused))
    };
    std::thread::scope(|scope| scope.spawn(behind).join()).map_err(|_| "the helper failed".to_owned())?
}

fn not_started(error: &std::io::Error) -> String {
    match error.kind() {
        // The program was there when its digest was taken: what is named in its first line may be missing.
        ErrorKind::NotFound => "it, or the interpreter that it names, is not there".to_owned(),
        kind => kind.to_string(),
    }
}

/// Ends everything when the other side closes the socket.
fn watch(socket: &UnixStream) -> Result<(), String> {
    let mut socket = socket.try_clone().map_err(|error| error.kind().to_string())?;
    let watching = move || {
        while let Ok(1..) = socket.read(&mut [0; 16]) {}
        loop {
            kin::end_all();
            std::thread::sleep(LOOK);
        }
    };
    let watching = std::thread::Builder::new().spawn(watching);
    watching.map(drop).map_err(|error| format!("nobody can watch over it: {}", error.kind()))
}

/// Waits for the scanner, and takes in whatever orphan ends meanwhile.
fn await_scanner(scanner: Pid) -> Result<Ended, String> {
    loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(pid, status)) if pid == scanner => return Ok(Ended::Status(status)),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == scanner => return Ok(Ended::Signal(signal as i32)),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(format!("how it ended is not known: {error}")),
        }
    }
}

/// Ends what the scanner left, until the kernel says that there is nothing below. Gives how many processes it left.
fn end_rest() -> u64 {
    let left = kin::end_all();
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => return left,
            Ok(WaitStatus::StillAlive) => {
                kin::end_all();
                std::thread::sleep(LOOK);
            }
            _ => {}
        }
    }
}
