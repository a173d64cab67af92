//! Who runs the server, and whether that user can get to its files.

use std::{
    fs, io,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use nix::unistd::{Gid, Uid, User, getegid, geteuid};

use super::error::ClusterError;

/// The operating-system user that the server runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) uid: Uid,
    pub(super) gid: Gid,
    pub(super) name: String,
    /// True when we are root and give up its rights for the server.
    pub(super) dropped: bool,
}

impl Account {
    /// Ourselves, or, when we are root, whoever owns the cluster that exists or else the data directory, or, where
    /// that is root too, `postgres` or `nobody`.
    pub(super) fn choose(cluster: &Path, data: &Path) -> Result<Self, ClusterError> {
        let owner = fs::symlink_metadata(cluster).ok();
        let me = geteuid();
        if let Some(owner) = &owner {
            let not_owner = |current| ClusterError::NotOwner {
                directory: cluster.to_owned(),
                owner: user_name(Uid::from_raw(owner.uid())),
                current,
            };
            if !me.is_root() && owner.uid() != me.as_raw() {
                return Err(not_owner(user_name(me)));
            }
            if owner.uid() == 0 {
                return Err(not_owner("root (Postgres refuses to run as root)".to_owned()));
            }
        }
        if !me.is_root() {
            return Ok(Self { uid: me, gid: getegid(), name: user_name(me), dropped: false });
        }
        let owner = owner.or_else(|| fs::metadata(data).ok().filter(|data| data.uid() != 0));
        match owner {
            Some(owner) => Ok(Self::owning(&owner)),
            None => Self::without_rights().ok_or(ClusterError::NoAccount),
        }
    }

    /// The owner of something, who may well have no name on this machine.
    fn owning(found: &fs::Metadata) -> Self {
        let uid = Uid::from_raw(found.uid());
        let known = User::from_uid(uid).ok().flatten();
        let gid = known.map_or_else(|| Gid::from_raw(found.gid()), |user| user.gid);
        Self { uid, gid, name: user_name(uid), dropped: true }
    }

    fn without_rights() -> Option<Self> {
        let known = ["postgres", "nobody"].iter().filter_map(|name| User::from_name(name).ok().flatten());
        let user = known.into_iter().find(|user| !user.uid.is_root())?;
        Some(Self { uid: user.uid, gid: user.gid, name: user.name, dropped: true })
    }

    /// Makes a command run as this account, in a place and with an environment that tell it nothing.
    ///
    /// Our own environment may hold secrets; the server must not keep a copy of it for days.
    /// The standard library drops root's supplementary groups before it changes the user.
    pub(super) fn prepare(&self, command: &mut Command) {
        command.env_clear().env("LC_ALL", "C").env("TZ", "UTC").current_dir("/").stdin(Stdio::null());
        for kept in ["PATH", "LD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        if self.dropped {
            command.uid(self.uid.as_raw()).gid(self.gid.as_raw());
        }
    }

    /// Gives a path to this account, if we are root.
    pub(super) fn own(&self, path: &Path) -> Result<(), ClusterError> {
        if !self.dropped {
            return Ok(());
        }
        std::os::unix::fs::lchown(path, Some(self.uid.as_raw()), Some(self.gid.as_raw()))
            .map_err(ClusterError::io("give to the server's user", path))
    }

    /// Refuses a folder that this account cannot get to, and names what blocks.
    pub(super) fn must_reach(&self, wanted: &Path) -> Result<(), ClusterError> {
        if !self.dropped {
            return Ok(());
        }
        let mut folders: Vec<&Path> = wanted.ancestors().collect();
        folders.reverse();
        for folder in folders {
            let found = fs::metadata(folder).map_err(ClusterError::io("look at", folder))?;
            if self.bits_allow(&found) || self.can_enter(folder) {
                continue;
            }
            return Err(ClusterError::Unreachable {
                user: self.name.clone(),
                blocking: folder.to_owned(),
                mode: found.permissions().mode() & 0o7777,
                wanted: wanted.to_owned(),
            });
        }
        Ok(())
    }

    fn bits_allow(&self, found: &fs::Metadata) -> bool {
        let shift = if found.uid() == self.uid.as_raw() {
            6
        } else if found.gid() == self.gid.as_raw() {
            3
        } else {
            0
        };
        found.mode() >> shift & 0o1 != 0
    }

    /// Access lists can allow what the bits deny: only trying tells.
    fn can_enter(&self, folder: &Path) -> bool {
        let mut command = Command::new("true");
        self.prepare(&mut command);
        command.current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

/// The user's name, or its number where it has none.
fn user_name(uid: Uid) -> String {
    User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name)
}

/// Creates a folder and the missing ones above it, so that the server's user can pass through when we are root.
pub(super) fn create_passable(folder: &Path) -> Result<PathBuf, ClusterError> {
    let mode = if geteuid().is_root() { 0o711 } else { 0o700 };
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !is_present(folder)).collect();
    for folder in missing.into_iter().rev() {
        match fs::create_dir(folder) {
            Ok(()) => fs::set_permissions(folder, fs::Permissions::from_mode(mode))
                .map_err(ClusterError::io("set permissions of", folder))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(ClusterError::io("create", folder)(error)),
        }
    }
    fs::canonicalize(folder).map_err(ClusterError::io("find", folder))
}

fn is_present(folder: &Path) -> bool {
    // The empty path stands for the current folder.
    folder.as_os_str().is_empty() || fs::symlink_metadata(folder).is_ok()
}
