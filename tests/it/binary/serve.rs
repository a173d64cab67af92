//! `exhibit serve` from outside: signals while a collector runs, a configuration that is changed, one that is broken.

use std::{
    fs,
    net::TcpStream,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use exhibit_collectors::Registry;
use exhibit_tests::Example;
use nix::{
    sys::{
        signal::{Signal, kill},
        stat::Mode,
        wait::{Id, WaitPidFlag, WaitStatus, waitid},
    },
    unistd::{Pid, mkfifo},
};
use serde_json::Value;

use super::{Place, asking, ends_with, exhibit, json};

/// A service in the foreground, its log in a file.
pub(super) struct Serving {
    child: Child,
    log: PathBuf,
    /// How long the log was when it started.
    begins_at: u64,
}

impl Serving {
    /// Starts one; `name` names its log.
    pub(super) fn start(place: &Place, name: &str, arguments: &[&str]) -> Self {
        let log = place.join(name);
        let file = fs::File::options().create(true).append(true).open(&log).expect("a log");
        let begins_at = file.metadata().expect("a log").len();
        let arguments: Vec<&str> = ["serve"].into_iter().chain(arguments.iter().copied()).collect();
        let child = exhibit(place.path(), &arguments).stdout(Stdio::null()).stderr(file).spawn().expect("it starts");
        Self { child, log, begins_at }
    }

    pub(super) fn send(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"));
        kill(pid, signal).expect("it can be told");
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("a log")
    }

    /// The address that the line of the log with these words names.
    pub(super) fn address(&self, what: &str) -> String {
        let log = self.log();
        let line = log.lines().find(|line| line.contains(what)).unwrap_or_else(|| panic!("{what}: {log}"));
        let address = line.split("address=").nth(1).and_then(|rest| rest.split(' ').next());
        address.expect("an address").to_owned()
    }

    /// Waits until the log says so.
    pub(super) fn until_it_says(&self, what: &str) {
        until(&format!("`{what}` in the log"), || self.log().contains(what));
    }

    /// Waits until this one, of all that wrote the log, serves. Before, a signal to end is still the system's to answer.
    pub(super) fn until_it_serves(&self) {
        let begins_at = usize::try_from(self.begins_at).expect("a log that fits into memory");
        until("`serving` in the log", || {
            assert!(!self.has_ended(), "it ended: {}", self.log());
            self.log()[begins_at..].contains("serving")
        });
    }

    /// Whether it ended; who asks later how, is still told.
    fn has_ended(&self) -> bool {
        let pid = Id::Pid(Pid::from_raw(i32::try_from(self.child.id()).expect("a process id")));
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        waitid(pid, flags).is_ok_and(|status| status != WaitStatus::StillAlive)
    }

    /// How it ended, within that time.
    pub(super) fn ended_within(&mut self, time: Duration) -> Option<ExitStatus> {
        let begun = Instant::now();
        while begun.elapsed() < time {
            if let Some(status) = self.child.try_wait().expect("it can be asked") {
                return Some(status);
            }
            sleep(Duration::from_millis(20));
        }
        None
    }

    /// Kills it where it stands.
    pub(super) fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // A test that failed leaves no service behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn until(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < Duration::from_secs(150), "{what} did not come");
        sleep(Duration::from_millis(50));
    }
}

/// A repository whose linked work tree has a pipe in the place of a file: a collector that reads it waits for a writer.
fn repository_with_a_pipe(place: &Place) -> PathBuf {
    let example = Example::new("ci", "ci_secrets", "pass");
    example.lay_out(&Registry::built_in().expect("in order"), place.path());
    let work_tree = place.join("ci/app/.git/worktrees/elsewhere");
    fs::create_dir_all(&work_tree).expect("a folder");
    let pipe = work_tree.join("HEAD");
    mkfifo(&pipe, Mode::S_IRUSR | Mode::S_IWUSR).expect("a pipe");
    pipe
}

/// Whether somebody waits for a writer of the pipe: only then can it be opened for writing without waiting.
fn is_waited_for(pipe: &Path) -> bool {
    fs::File::options().write(true).custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits()).open(pipe).is_ok_and(|file| {
        // Closing it would end the reader's wait: it stays open for as long as this process lives.
        std::mem::forget(file);
        true
    })
}

fn configuration(name: &str, reason: &str) -> String {
    format!(
        "[deployment]\nname = \"{name}\"\ndata_dir = \"data\"\n{reason}\n\n[environments.production]\n\n\
         [[jobs]]\nid = \"ci\"\ncollector = \"ci_secrets\"\nschedule = \"* * * * *\"\nenvironments = [\"production\"]\n\
         [jobs.source]\nrepositories = [{{ id = \"app\", path = \"ci/app\", ci_paths = [\".ci/run\"] }}]\n"
    )
}

#[test]
fn a_service_hears_signals_while_a_collector_runs() {
    let place = Place::new();
    let pipe = repository_with_a_pipe(&place);
    let file = place.join("exhibit.toml");
    fs::write(&file, configuration("Before", "")).expect("written");
    ends_with(0, place.path(), &["check"]);

    let mut service = Serving::start(&place, "one.log", &[]);
    service.until_it_says("serving");
    until("a collector at work", || is_waited_for(&pipe));

    // A configuration that is broken is refused, with the place of the mistake; the service goes on.
    let changed = configuration("After", "change_reason = \"Renamed by the board\"");
    fs::write(&file, format!("{changed}\nno_such_key = 1\n")).expect("written");
    service.send(Signal::SIGHUP);
    service.until_it_says("the configuration was not taken over; the old plan goes on");
    assert!(service.log().contains("no_such_key"), "{}", service.log());
    fs::write(&file, changed.replace("data_dir = \"data\"", "data_dir = \"elsewhere\"")).expect("written");
    service.send(Signal::SIGHUP);
    service.until_it_says("restart it");
    // One that is in order is taken over, and the ledger says why.
    fs::write(&file, &changed).expect("written");
    service.send(Signal::SIGHUP);
    service.until_it_says("configuration read again");

    // What runs is finished or handed back within ten seconds.
    service.send(Signal::SIGTERM);
    let ended = service.ended_within(Duration::from_secs(10)).expect("it ends within ten seconds");
    assert_eq!(ended.code(), Some(0), "{}", service.log());
    assert!(service.log().contains("slot given back"), "{}", service.log());
    assert!(!service.log().contains("panicked"), "{}", service.log());

    // The slot that was handed back is taken up at once; a second signal does not wait for it.
    fs::remove_file(&pipe).expect("removed");
    mkfifo(&pipe, Mode::S_IRUSR | Mode::S_IWUSR).expect("a pipe that nobody has open");
    let mut service = Serving::start(&place, "two.log", &["--log", "json"]);
    until("a collector at work", || is_waited_for(&pipe));
    service.send(Signal::SIGTERM);
    service.until_it_says("ending: nothing new is begun");
    service.send(Signal::SIGTERM);
    let ended = service.ended_within(Duration::from_secs(10)).expect("it ends at once");
    assert_eq!(ended.code(), Some(143), "{}", service.log());
    for line in service.log().lines() {
        let told: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(told["message"].is_string() && told["timestamp"].is_string(), "{line}");
    }

    // Nothing is left behind that a plain run could not take up.
    fs::remove_file(&pipe).expect("removed");
    let ran = json(0, place.path(), &["run", "--format", "json"]);
    assert!(!ran["slots"].as_array().expect("slots").is_empty(), "the slot that nobody could perform is performed now");
    assert_eq!(json(0, place.path(), &["fsck", "--format", "json"])["clean"], true);
    let period = ran["slots"][0]["scheduled_for"].as_str().expect("a time")[..10].to_owned();
    ends_with(0, place.path(), &["report", "render", "--period", &quarter(&period), "--out", "report"]);
    let report = fs::read_to_string(place.join("report/report.md")).expect("a report");
    assert!(report.contains("Renamed by the board"), "the reason of the change is told");
}

/// The calendar quarter of a day, as periods are named.
pub(super) fn quarter(day: &str) -> String {
    let month: u32 = day[5..7].parse().expect("a month");
    format!("{}-Q{}", &day[..4], month.div_ceil(3))
}

/// The service answers who shows a token, tells Prometheus its counters, and says both addresses in its log.
#[test]
fn a_service_listens_where_it_is_told() {
    let place = Place::new();
    let environments = "[environments.production]\n";
    let listeners = "[service]\nlisten = \"127.0.0.1:0\"\nmetrics_listen = \"127.0.0.1:0\"\n";
    let text = format!("[deployment]\nname = \"Asked\"\ndata_dir = \"data\"\n\n{listeners}\n{environments}");
    fs::write(place.join("exhibit.toml"), text).expect("written");
    let mut service = Serving::start(&place, "log", &[]);
    service.until_it_says("serving");
    let (api, metrics) = (service.address("evidence API listening"), service.address("metrics listening"));
    let ask = |address: &str, path: &str, token: Option<&str>| asking::plainly(address, "GET", path, token, "");

    let token = &token(&place, "officer");
    assert_eq!(ask(&api, "/healthz", None).0, 204);
    assert_eq!(ask(&api, "/readyz", None).0, 204);
    assert_eq!(ask(&api, "/api/v1/evidence", None).0, 401);
    let (status, body) = ask(&api, "/api/v1/evidence", Some(token));
    assert_eq!(status, 200, "{body}");
    let (status, body) = ask(&metrics, "/metrics", None);
    assert_eq!(status, 200);
    assert!(body.contains("exhibit_http_requests_total"), "{body}");

    service.send(Signal::SIGTERM);
    let ended = service.ended_within(Duration::from_secs(10)).expect("it ends within ten seconds");
    assert_eq!(ended.code(), Some(0), "{}", service.log());
    assert!(!service.log().contains(token), "no token in the log");
    assert!(TcpStream::connect(&api).is_err(), "nobody listens any more");
}

/// Tomorrow's day, as the command line reads days.
pub(super) fn tomorrow() -> String {
    let made = fs::metadata(std::env::current_exe().expect("a program")).expect("a file").modified().expect("a time");
    // The test was built lately: so many days later is still to come, and within what a token is good for.
    let later = chrono::DateTime::<chrono::Utc>::from(made) + chrono::TimeDelta::days(60);
    later.format("%Y-%m-%d").to_string()
}

/// A token for that role.
pub(super) fn token(place: &Place, role: &str) -> String {
    let until = tomorrow();
    let made = ["token", "create", "--person", "Ada", "--role", role, "--expires", &until, "--format", "json"];
    json(0, place.path(), &made)["token"].as_str().expect("a token").to_owned()
}

/// What is wrong at the start is said at once.
#[test]
fn a_service_that_can_not_start_says_why() {
    let place = Place::new();
    let mut none = Serving::start(&place, "none.log", &[]);
    let ended = none.ended_within(Duration::from_secs(60)).expect("it ends");
    assert_eq!(ended.code(), Some(2));
    assert!(none.log().contains("there is no configuration file"), "{}", none.log());
}
