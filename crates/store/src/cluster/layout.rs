//! Where everything lies: the cluster, its socket, its log, its locks.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown},
    },
    path::{Path, PathBuf},
};

use nix::fcntl::OFlag;
use sha2::{Digest, Sha256};

use super::{account::Account, error::ClusterError};

/// The port is only a part of the socket's name: nothing listens on the network.
pub(super) const PORT: u16 = 5432;

/// Longest path of a socket in bytes: 108 on Linux and 104 elsewhere, one of them for the closing NUL.
const SOCKET_LIMIT: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// The files of one private Postgres, all in one data directory.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// The data directory itself, canonical.
    pub(super) data: PathBuf,
}

impl Layout {
    /// The cluster: what Postgres calls its data directory.
    pub(super) fn cluster(&self) -> PathBuf {
        self.data.join("postgres")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.data.join("postgres.log")
    }

    /// Held shared by everyone who uses the server.
    pub(super) fn users_lock(&self) -> PathBuf {
        self.data.join("exhibit.lock")
    }

    /// Held by the one who starts or stops the server, or may do so.
    pub(super) fn change_lock(&self) -> PathBuf {
        self.data.join("postgres.lock")
    }

    /// Opens, for adding to it, a file that belongs to whom the data directory belongs, also when root is the first to come.
    pub(super) fn open_own(&self, path: &Path) -> Result<File, ClusterError> {
        let mut how = OpenOptions::new();
        how.read(true).append(true).create(true).mode(0o600).custom_flags(OFlag::O_NOFOLLOW.bits());
        let file = how.open(path).map_err(ClusterError::io("open", path))?;
        if nix::unistd::geteuid().is_root() {
            let owner = fs::metadata(&self.data).map_err(ClusterError::io("look at", &self.data))?;
            fchown(&file, Some(owner.uid()), Some(owner.gid())).map_err(ClusterError::io("set the owner of", path))?;
        }
        Ok(file)
    }

    /// The socket's folder: the one asked for, else inside the data directory, else, where that is too long,
    /// one in `/tmp` that is named by a hash of the data directory's path.
    pub(super) fn socket_directory(&self, asked: Option<&Path>) -> Result<PathBuf, ClusterError> {
        let directory = match asked {
            Some(asked) => std::path::absolute(asked).map_err(ClusterError::io("find", asked))?,
            None => {
                let inside = self.data.join("postgres-socket");
                if socket_length(&inside) <= SOCKET_LIMIT { inside } else { self.short_directory() }
            }
        };
        let length = socket_length(&directory);
        if length > SOCKET_LIMIT {
            let path = socket_file(&directory, PORT);
            return Err(ClusterError::SocketPathTooLong { path, length, limit: SOCKET_LIMIT });
        }
        Ok(directory)
    }

    fn short_directory(&self) -> PathBuf {
        let digest = Sha256::digest(self.data.as_os_str().as_bytes());
        Path::new("/tmp").join(format!("exhibit-{}", hex::encode(&digest[..8])))
    }
}

/// The socket that a server makes in a folder.
pub(super) fn socket_file(directory: &Path, port: u16) -> PathBuf {
    directory.join(format!(".s.PGSQL.{port}"))
}

fn socket_length(directory: &Path) -> usize {
    socket_file(directory, PORT).as_os_str().len()
}

/// Creates the socket's folder for the server's user alone, or makes sure that an existing one is exactly that:
/// in `/tmp`, anybody could have made it before us.
pub(super) fn prepare_socket_directory(directory: &Path, account: &Account) -> Result<(), ClusterError> {
    match fs::DirBuilder::new().mode(0o700).create(directory) {
        Ok(()) => account.own(directory)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(ClusterError::io("create", directory)(error)),
    }
    let found = fs::symlink_metadata(directory).map_err(ClusterError::io("look at", directory))?;
    let unsafe_because =
        |problem: String| Err(ClusterError::SocketDirectoryUnsafe { directory: directory.to_owned(), problem });
    if !found.is_dir() {
        return unsafe_because("it is not a directory".to_owned());
    }
    if found.uid() != account.uid.as_raw() {
        return unsafe_because(format!("it belongs to user {} instead of {}", found.uid(), account.uid));
    }
    if found.mode() & 0o077 != 0 {
        return unsafe_because(format!("others may use it (mode {:04o}, expected 0700)", found.mode() & 0o7777));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(data: &str) -> Layout {
        Layout { data: data.into() }
    }

    #[test]
    fn a_long_data_directory_gets_a_short_socket() {
        let short = layout("/var/lib/exhibit").socket_directory(None).unwrap();
        assert_eq!(short, Path::new("/var/lib/exhibit/postgres-socket"));
        let long = format!("/srv/{}", "long/".repeat(30));
        let directory = layout(&long).socket_directory(None).unwrap();
        assert!(directory.starts_with("/tmp") && socket_length(&directory) < 60, "{}", directory.display());
        assert_ne!(directory, layout(&format!("{long}other")).socket_directory(None).unwrap());
    }

    #[test]
    fn the_limit_is_where_the_operating_system_has_it() {
        let room = SOCKET_LIMIT - "/postgres-socket/.s.PGSQL.5432".len();
        let fits = format!("/{}", "d".repeat(room - 1));
        let inside = layout(&fits).socket_directory(None).unwrap();
        assert!(inside.starts_with(&fits) && socket_length(&inside) == SOCKET_LIMIT);
        assert!(layout(&format!("{fits}d")).socket_directory(None).unwrap().starts_with("/tmp"));
        let address = std::os::unix::net::SocketAddr::from_pathname(socket_file(&inside, PORT));
        assert!(address.is_ok(), "{address:?}");
    }

    #[test]
    fn an_asked_for_folder_that_is_too_long_is_refused_with_its_length() {
        let asked = format!("/{}", "x".repeat(100));
        let message = layout("/data").socket_directory(Some(Path::new(&asked))).unwrap_err().to_string();
        assert!(message.contains("has 115 bytes") && message.contains("shorter socket directory"), "{message}");
    }

    #[test]
    fn a_socket_folder_of_others_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let me = nix::unistd::geteuid();
        let account = Account { uid: me, gid: nix::unistd::getegid(), name: "me".to_owned(), dropped: false };
        let folder = root.path().join("socket");
        prepare_socket_directory(&folder, &account).unwrap();
        prepare_socket_directory(&folder, &account).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let message = prepare_socket_directory(&folder, &account).unwrap_err().to_string();
        assert!(message.contains("others may use it (mode 0755"), "{message}");
        let link = root.path().join("link");
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        let message = prepare_socket_directory(&link, &account).unwrap_err().to_string();
        assert!(message.contains("not a directory"), "{message}");
    }
}
