//! A share in a running server.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    DATABASE, SUPERUSER,
    error::ClusterError,
    layout::{Layout, PORT},
    locks::{ChangeLock, UserLock},
    postmaster::{self, PidFile},
};

/// How to connect to the private Postgres. There is no password: who can enter the socket's folder is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The folder of the Unix socket, to be given as the host.
    pub socket_directory: PathBuf,
    /// The port, which is a part of the socket's name.
    pub port: u16,
    /// Name of the cluster's superuser.
    pub superuser: &'static str,
    /// Name of the database that is Exhibit's.
    pub database: &'static str,
}

impl Connection {
    pub(super) fn new(file: &PidFile, otherwise: &Path) -> Self {
        Self {
            // A server that was left behind may have been started with another folder.
            socket_directory: file.socket_directory.clone().unwrap_or_else(|| otherwise.to_owned()),
            port: file.port.unwrap_or(PORT),
            superuser: SUPERUSER,
            database: DATABASE,
        }
    }
}

/// What became of the server when a share in it was given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// We were the last: the server is stopped.
    Stopped,
    /// Others use it: it goes on.
    StillUsed,
}

/// A share in the running private Postgres. The last one given back stops the server.
///
/// Dropping it does the same as [`RunningCluster::release_blocking`] and can only log a failure; close connections
/// first, because stopping breaks them.
#[derive(Debug)]
pub struct RunningCluster {
    layout: Layout,
    user: Option<UserLock>,
    connection: Connection,
    pid: i32,
    patience: Duration,
}

impl RunningCluster {
    pub(super) fn new(layout: Layout, user: UserLock, connection: Connection, pid: i32, patience: Duration) -> Self {
        Self { layout, user: Some(user), connection, pid, patience }
    }

    /// How to connect.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The process id of the server.
    pub fn server_pid(&self) -> i32 {
        self.pid
    }

    /// The server's log file.
    pub fn log(&self) -> PathBuf {
        self.layout.log()
    }

    /// The data directory, canonical.
    pub fn data_directory(&self) -> &Path {
        &self.layout.data
    }

    /// Gives the share back without blocking the runtime; the last one stops the server and waits until it has ended.
    ///
    /// # Errors
    /// As [`RunningCluster::release_blocking`].
    pub async fn release(self) -> Result<Left, ClusterError> {
        tokio::task::spawn_blocking(move || self.release_blocking()).await.map_err(|_| ClusterError::Cancelled)?
    }

    /// Gives the share back; the last one stops the server and waits until it has ended.
    ///
    /// # Errors
    /// [`ClusterError::LockTimedOut`] or [`ClusterError::NotStopped`]; the share is given back in any case.
    pub fn release_blocking(mut self) -> Result<Left, ClusterError> {
        self.give_back()
    }

    fn give_back(&mut self) -> Result<Left, ClusterError> {
        let Some(user) = self.user.take() else {
            return Ok(Left::StillUsed);
        };
        let change = ChangeLock::take(&self.layout, self.patience)?;
        let left = self.leave(&user, &change);
        // In this order: whoever gets the change lock next must not count us any more.
        drop(user);
        drop(change);
        left
    }

    fn leave(&self, user: &UserLock, change: &ChangeLock) -> Result<Left, ClusterError> {
        if !user.is_last(&self.layout, change)? {
            return Ok(Left::StillUsed);
        }
        postmaster::stop(&self.layout.cluster(), &self.layout.log(), self.patience)?;
        // Empty once the server has ended. If it cannot be removed, the next start uses it.
        let _ = fs::remove_dir(&self.connection.socket_directory);
        Ok(Left::Stopped)
    }
}

impl Drop for RunningCluster {
    fn drop(&mut self) {
        if self.user.is_some()
            && let Err(error) = self.give_back()
        {
            tracing::warn!(%error, "the private Postgres was not stopped");
        }
    }
}
