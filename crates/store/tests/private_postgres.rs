//! The private Postgres, with a real one: shared, left behind, killed, misled, refused.

#![allow(clippy::unwrap_used, reason = "a test and its helpers fail by panicking")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::Duration,
};

use exhibit_store::cluster::{self, ClusterError, ClusterOptions, Left, RunningCluster};
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::{Pid, User, geteuid},
};
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

const ROLE_DIRECTORY: &str = "EXHIBIT_TEST_DATA_DIRECTORY";

/// A data directory that the server's user can reach, also when root made it.
struct Place {
    root: tempfile::TempDir,
    data: PathBuf,
}

impl Place {
    fn new(name: &str) -> Self {
        let root = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o711)).tempdir().unwrap();
        let data = root.path().join(name);
        Self { root, data }
    }

    fn start(&self) -> RunningCluster {
        cluster::start_blocking(&options(&self.data)).unwrap()
    }

    fn refused(&self) -> ClusterError {
        cluster::start_blocking(&options(&self.data)).unwrap_err()
    }
}

fn options(data: &Path) -> ClusterOptions {
    ClusterOptions { durable: false, ..ClusterOptions::new(data) }
}

fn runs(pid: i32) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

fn kill_hard(pid: i32) {
    match kill(Pid::from_raw(pid), Signal::SIGKILL) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => panic!("cannot kill {pid}: {error}"),
    }
    while runs(pid) {
        thread::sleep(Duration::from_millis(5));
    }
}

/// Another process that uses the server: this very test program, in the role below.
struct OtherUser {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<std::process::ChildStdout>,
}

impl OtherUser {
    fn begin(data: &Path) -> Self {
        Self::begin_by(Command::new(std::env::current_exe().unwrap()), data)
    }

    fn begin_by(mut command: Command, data: &Path) -> Self {
        command.args(["--exact", "role_of_another_user", "--ignored", "--nocapture", "--test-threads=1"]);
        command.env(ROLE_DIRECTORY, data).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, input, output }
    }

    /// Waits until it uses the server, and tells the server's process id.
    fn server(&mut self) -> i32 {
        let mut line = String::new();
        while self.output.read_line(&mut line).unwrap() > 0 {
            if let Some((_, pid)) = line.split_once("server=") {
                return pid.trim().parse().unwrap();
            }
            line.clear();
        }
        panic!("the other user ended: {:?}", self.process.wait());
    }

    /// Lets it give back its share, and tells what became of the server.
    fn end(mut self) -> String {
        drop(self.input.take());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        assert!(self.process.wait().unwrap().success(), "{rest}");
        rest.lines().find_map(|line| line.split_once("left=").map(|(_, left)| left.to_owned())).unwrap()
    }

    fn kill_hard(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Not a test: what [`OtherUser`] runs. It uses the server until its input ends.
#[test]
#[ignore = "a role that other tests let a second process play"]
fn role_of_another_user() {
    let Some(data) = std::env::var_os(ROLE_DIRECTORY) else {
        return;
    };
    let running = cluster::start_blocking(&options(Path::new(&data))).unwrap();
    println!("server={}", running.server_pid());
    std::io::stdout().flush().unwrap();
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    println!("left={:?}", running.release_blocking().unwrap());
}

fn connect_options(running: &RunningCluster) -> PgConnectOptions {
    let connection = running.connection();
    PgConnectOptions::new_without_pgpass()
        .host(connection.socket_directory.to_str().unwrap())
        .port(connection.port)
        .username(connection.superuser)
        .database(connection.database)
}

/// Statements in, the first column of the last one out, as text.
fn query(running: &RunningCluster, statements: &[&'static str]) -> Result<String, sqlx::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = PgConnection::connect_with(&connect_options(running)).await?;
        let (last, before) = statements.split_last().unwrap();
        for &statement in before {
            sqlx::raw_sql(statement).execute(&mut connection).await?;
        }
        let value = sqlx::query_scalar::<_, String>(*last).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(value)
    })
}

#[test]
fn a_new_cluster_is_crash_safe_private_and_keeps_its_data() {
    let place = Place::new("da ta, \"quoted\" $HOME");
    let options = ClusterOptions::new(&place.data);
    assert!(options.durable, "crash safety is the default");
    let running = cluster::start_blocking(&options).unwrap();
    let pid = running.server_pid();
    let group = nix::unistd::getpgid(Some(Pid::from_raw(pid))).unwrap();
    assert_eq!(group.as_raw(), pid, "Ctrl-C in our terminal must not reach the server before us");
    for (setting, expected) in [
        ("SELECT current_setting('data_checksums')", "on"),
        ("SELECT current_setting('server_encoding')", "UTF8"),
        ("SELECT datcollate::text FROM pg_database WHERE datname = current_database()", "C"),
        ("SELECT current_setting('fsync')", "on"),
        ("SELECT current_setting('full_page_writes')", "on"),
        ("SELECT current_setting('synchronous_commit')", "on"),
        ("SELECT current_setting('listen_addresses')", ""),
        ("SELECT current_database()::text", "exhibit"),
    ] {
        assert_eq!(query(&running, &[setting]).unwrap(), expected, "{setting}");
    }
    let socket_directory = running.connection().socket_directory.clone();
    assert_eq!(fs::metadata(&socket_directory).unwrap().permissions().mode() & 0o777, 0o700);
    query(&running, &["CREATE TABLE kept (word text)", "INSERT INTO kept VALUES ('still here') RETURNING word"])
        .unwrap();
    assert_eq!(running.release_blocking().unwrap(), Left::Stopped);
    assert!(!runs(pid) && !socket_directory.exists());

    let again = cluster::start_blocking(&options).unwrap();
    assert_ne!(again.server_pid(), pid);
    assert_eq!(query(&again, &["SELECT word FROM kept"]).unwrap(), "still here");
    drop(again);
    assert!(!place.data.join("postgres/postmaster.pid").exists(), "dropping the last share stops the server too");
}

#[tokio::test]
async fn two_users_share_one_server_and_the_last_stops_it() {
    let place = Place::new("data");
    let first = cluster::start(options(&place.data)).await.unwrap();
    let second = cluster::start(options(&place.data)).await.unwrap();
    let pid = first.server_pid();
    assert_eq!(second.server_pid(), pid);
    assert_eq!(second.connection(), first.connection());
    assert_eq!(first.release().await.unwrap(), Left::StillUsed);
    assert!(runs(pid));
    assert_eq!(second.release().await.unwrap(), Left::Stopped);
    assert!(!runs(pid));
}

#[test]
fn two_processes_share_one_server() {
    let place = Place::new("data");
    let mut other = OtherUser::begin(&place.data);
    let pid = other.server();
    let running = place.start();
    assert_eq!(running.server_pid(), pid);
    assert_eq!(other.end(), "StillUsed");
    assert_eq!(query(&running, &["SELECT 'alive'"]).unwrap(), "alive");
    assert_eq!(running.release_blocking().unwrap(), Left::Stopped);
    assert!(!runs(pid));
}

#[test]
fn a_server_left_behind_is_adopted_and_stopped_by_the_next_user() {
    let place = Place::new("data");
    let mut other = OtherUser::begin(&place.data);
    let pid = other.server();
    other.kill_hard();
    assert!(runs(pid), "killing its starter must not stop the server");
    let running = place.start();
    assert_eq!(running.server_pid(), pid, "never two servers");
    assert_eq!(query(&running, &["SELECT 'alive'"]).unwrap(), "alive");
    assert_eq!(running.release_blocking().unwrap(), Left::Stopped);
    assert!(!runs(pid));
}

#[test]
fn the_server_survives_the_death_of_one_of_its_users() {
    let place = Place::new("data");
    let running = place.start();
    let mut other = OtherUser::begin(&place.data);
    assert_eq!(other.server(), running.server_pid());
    other.kill_hard();
    assert_eq!(query(&running, &["SELECT 'alive'"]).unwrap(), "alive");
    assert_eq!(running.release_blocking().unwrap(), Left::Stopped);
}

#[test]
fn processes_that_start_at_once_get_one_server() {
    let place = Place::new("data");
    let mut others: Vec<_> = (0..4).map(|_| OtherUser::begin(&place.data)).collect();
    let servers: Vec<i32> = others.iter_mut().map(OtherUser::server).collect();
    assert!(servers.iter().all(|pid| *pid == servers[0]), "{servers:?}");
    let left: Vec<String> = others.into_iter().map(OtherUser::end).collect();
    assert_eq!(left, ["StillUsed", "StillUsed", "StillUsed", "Stopped"]);
    assert!(!runs(servers[0]));
}

#[test]
fn a_killed_server_is_started_again_with_what_was_committed() {
    let place = Place::new("data");
    let running = place.start();
    let pid = running.server_pid();
    query(&running, &["CREATE TABLE kept (word text)", "INSERT INTO kept VALUES ('committed') RETURNING word"])
        .unwrap();
    kill_hard(pid);
    let again = place.start();
    assert_ne!(again.server_pid(), pid);
    assert_eq!(query(&again, &["SELECT word FROM kept"]).unwrap(), "committed");
    assert_eq!(running.release_blocking().unwrap(), Left::StillUsed);
    assert_eq!(again.release_blocking().unwrap(), Left::Stopped);
}

#[test]
fn a_process_killed_while_it_makes_the_cluster_leaves_nothing_to_trip_over() {
    let place = Place::new("data");
    // At first sight of the provisional folder, some way into it, and near its end.
    for sign in ["", "base/1/PG_VERSION", "base/5"] {
        let other = OtherUser::begin(&place.data);
        let cluster = place.data.join("postgres");
        while !unfinished(&place.data).iter().any(|folder| folder.join(sign).exists()) && !cluster.exists() {
            thread::sleep(Duration::from_millis(1));
        }
        other.kill_hard();
        let running = place.start();
        assert_eq!(query(&running, &["SELECT 'whole'"]).unwrap(), "whole", "killed at {sign}");
        assert_eq!(running.release_blocking().unwrap(), Left::Stopped);
        fs::remove_dir_all(&cluster).unwrap();
    }
}

/// Clusters in the making.
fn unfinished(data: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(data).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("postgres.unfinished")).collect()
}

#[test]
fn a_stale_process_id_that_a_stranger_has_by_now_is_no_obstacle_and_the_stranger_lives() {
    let place = Place::new("data");
    let running = place.start();
    let pid = running.server_pid();
    kill_hard(pid);
    // As after a crash of the machine: the numbers are used again, here by a process of the very same user.
    let owner = fs::metadata(place.data.join("postgres")).unwrap();
    let mut stranger = Command::new("sleep");
    stranger.arg("600");
    if geteuid().is_root() {
        stranger.uid(owner.uid()).gid(owner.gid());
    }
    let mut stranger = stranger.spawn().unwrap();
    for file in ["postgres/postmaster.pid", "postgres-socket/.s.PGSQL.5432.lock"] {
        let file = place.data.join(file);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replacen(&pid.to_string(), &stranger.id().to_string(), 1)).unwrap();
    }
    let again = place.start();
    assert_eq!(query(&again, &["SELECT 'alive'"]).unwrap(), "alive");
    drop(running);
    assert_eq!(again.release_blocking().unwrap(), Left::Stopped);
    assert!(stranger.try_wait().unwrap().is_none(), "the stranger must not be touched");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn root_in_the_data_directory_of_a_plain_user_leaves_everything_his() {
    if !geteuid().is_root() {
        return;
    }
    let user = User::from_name("nobody").unwrap().unwrap();
    let place = Place::new("data");
    fs::create_dir(&place.data).unwrap();
    fs::set_permissions(&place.data, fs::Permissions::from_mode(0o700)).unwrap();
    std::os::unix::fs::chown(&place.data, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
    place.start().release_blocking().unwrap();
    for name in ["postgres", "postgres.log", "exhibit.lock", "postgres.lock"] {
        assert_eq!(fs::metadata(place.data.join(name)).unwrap().uid(), user.uid.as_raw(), "{name}");
    }
}

#[test]
fn a_socket_that_vanished_is_made_anew() {
    let place = Place::new("data");
    let mut other = OtherUser::begin(&place.data);
    let pid = other.server();
    fs::remove_dir_all(place.data.join("postgres-socket")).unwrap();
    let message = place.refused().to_string();
    assert!(message.contains("does not answer") && message.contains("other processes use it"), "{message}");
    other.kill_hard();
    let running = place.start();
    assert_ne!(running.server_pid(), pid);
    assert_eq!(query(&running, &["SELECT 'alive'"]).unwrap(), "alive");
}

#[test]
fn a_long_data_directory_works_and_a_long_socket_directory_is_refused() {
    let place = Place::new(&"long/".repeat(30));
    let running = place.start();
    assert!(running.connection().socket_directory.starts_with("/tmp"));
    assert_eq!(query(&running, &["SELECT 'alive'"]).unwrap(), "alive");
    drop(running);
    let mut long = options(&place.data);
    long.socket_directory = Some(place.root.path().join("x".repeat(100)));
    let error = cluster::start_blocking(&long).unwrap_err();
    assert!(matches!(error, ClusterError::SocketPathTooLong { limit: 103..=107, .. }), "{error}");
}

#[test]
fn the_version_of_a_cluster_picks_the_programs_or_says_what_is_absent() {
    let place = Place::new("data");
    place.start().release_blocking().unwrap();
    let file = place.data.join("postgres/PG_VERSION");
    let made_by: u8 = fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    let mut search = cluster::SearchPath::from_environment();
    search.hide_system |= search.named.is_some();
    let installed = search.find_all().unwrap();
    let absent = (15..=18).rev().find(|&number| installed.iter().all(|found| found.major.number() != number)).unwrap();
    fs::write(&file, format!("{absent}\n")).unwrap();
    let never_obtain = ClusterOptions { obtain_into: None, ..options(&place.data) };
    let message = cluster::start_blocking(&never_obtain).unwrap_err().to_string();
    assert!(message.contains(&format!("was made by Postgres {absent}")), "{message}");
    assert!(message.contains(&format!("apt-get install postgresql-{absent}")), "{message}");
    fs::write(&file, "14\n").unwrap();
    assert!(matches!(place.refused(), ClusterError::VersionUnsupported { version, .. } if version == "14"));
    fs::write(&file, format!("{made_by}\n")).unwrap();
    assert_eq!(query(&place.start(), &["SELECT 'whole'"]).unwrap(), "whole");
}

#[test]
fn a_folder_that_is_no_cluster_is_left_alone() {
    let place = Place::new("data");
    let cluster = place.data.join("postgres");
    fs::create_dir_all(&cluster).unwrap();
    if geteuid().is_root() {
        std::os::unix::fs::chown(&cluster, Some(65534), Some(65534)).unwrap();
    }
    fs::write(cluster.join("mine"), "precious").unwrap();
    // The folder above was made by this test, not by us.
    fs::set_permissions(&place.data, fs::Permissions::from_mode(0o711)).unwrap();
    assert!(matches!(place.refused(), ClusterError::NotACluster { .. }));
    assert_eq!(fs::read_to_string(cluster.join("mine")).unwrap(), "precious");
}

#[test]
fn root_is_told_which_folder_blocks_the_servers_user() {
    if !geteuid().is_root() {
        // Who is not root runs the server as himself, and is never blocked by his own folders.
        return;
    }
    let place = Place::new("closed/data");
    let closed = place.root.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let checked = cluster::check_reachable(&place.data).unwrap_err().to_string();
    assert!(!place.data.exists(), "checking changes nothing");
    let message = place.refused().to_string();
    for part in [closed.to_str().unwrap(), "mode 0700", "as user", "chmod o+x"] {
        assert!(message.contains(part) && checked.contains(part), "{part:?} in {message}, {checked}");
    }
    assert!(!place.data.join("postgres").exists() && unfinished(&place.data).is_empty());
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o711)).unwrap();
    cluster::check_reachable(&place.data).unwrap();
    drop(place.start());
}

#[test]
fn a_plain_user_runs_it_as_himself() {
    if !geteuid().is_root() {
        // Then every other test here is that of a plain user.
        return;
    }
    let user = User::from_name("nobody").unwrap().unwrap();
    let place = Place::new("data");
    fs::create_dir(&place.data).unwrap();
    std::os::unix::fs::chown(&place.data, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
    fs::set_permissions(&place.data, fs::Permissions::from_mode(0o700)).unwrap();
    // The test program itself may lie where only root can go.
    let program = place.root.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut command = Command::new(&program);
    command.uid(user.uid.as_raw()).gid(user.gid.as_raw()).current_dir("/");
    let mut other = OtherUser::begin_by(command, &place.data);
    let pid = other.server();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let uid = status.lines().find(|line| line.starts_with("Uid:")).unwrap();
    assert_eq!(uid.split_whitespace().nth(1).unwrap(), user.uid.to_string());
    // Root that comes later joins, and does not take anything away from him.
    fs::set_permissions(&place.data, fs::Permissions::from_mode(0o711)).unwrap();
    let root = place.start();
    assert_eq!(root.server_pid(), pid);
    assert_eq!(root.release_blocking().unwrap(), Left::StillUsed);
    assert_eq!(other.end(), "Stopped");
}

#[test]
fn neither_the_log_nor_the_environment_of_the_server_learns_a_secret() {
    const CANARY: &str = "canary-5f1d1c0b";
    let place = Place::new("data");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env("SOME_PASSWORD", CANARY);
    let mut other = OtherUser::begin_by(command, &place.data);
    let environment = fs::read(format!("/proc/{}/environ", other.server())).unwrap();
    assert!(!String::from_utf8_lossy(&environment).contains(CANARY));
    let running = place.start();
    for statement in [
        "INSERT INTO unique_words VALUES ('canary-5f1d1c0b') RETURNING word",
        "SELECT word FROM unique_words WHERE word = 'canary-5f1d1c0b' AND absent",
        "SELECT ('canary-5f1d1c0b'::text::int)::text",
    ] {
        let setup = "CREATE TABLE IF NOT EXISTS unique_words (word text UNIQUE, length int);
            INSERT INTO unique_words VALUES ('canary-5f1d1c0b') ON CONFLICT DO NOTHING";
        query(&running, &[setup, statement]).unwrap_err();
    }
    let log = fs::read_to_string(running.log()).unwrap();
    assert!(log.contains("ready to accept connections"), "{log}");
    assert!(!log.contains(CANARY), "{log}");
    assert_eq!(other.end(), "StillUsed");
}
