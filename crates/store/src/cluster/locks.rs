//! Who uses the server, and who may start or stop it: two file locks that the kernel gives back when a process dies.

use std::{
    fs::{File, TryLockError},
    thread,
    time::{Duration, Instant},
};

use super::{error::ClusterError, layout::Layout};

const PAUSE: Duration = Duration::from_millis(15);

/// The right to start or stop the server; released when dropped.
#[derive(Debug)]
pub(super) struct ChangeLock(#[expect(dead_code, reason = "held for its lock")] File);

impl ChangeLock {
    /// Waits for the right to start or stop the server.
    ///
    /// # Errors
    /// [`ClusterError::LockTimedOut`] after `patience`.
    pub(super) fn take(layout: &Layout, patience: Duration) -> Result<Self, ClusterError> {
        let path = layout.change_lock();
        let file = layout.open_own(&path)?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::WouldBlock) if began.elapsed() > patience => {
                    return Err(ClusterError::LockTimedOut {
                        directory: layout.data.clone(),
                        seconds: patience.as_secs(),
                    });
                }
                Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
                Err(TryLockError::Error(error)) => {
                    return Err(ClusterError::io("lock", path)(error));
                }
            }
        }
    }
}

/// A share in the server; given back when dropped.
#[derive(Debug)]
pub(super) struct UserLock(File);

impl UserLock {
    /// Takes a share. Only the holder of the change lock may, so that nobody arrives while the server is being stopped.
    pub(super) fn share(layout: &Layout, _held: &ChangeLock) -> Result<Self, ClusterError> {
        let path = layout.users_lock();
        let file = layout.open_own(&path)?;
        // Who holds this lock exclusively also holds the change lock, so this does not wait.
        file.lock_shared().map_err(ClusterError::io("lock", path))?;
        Ok(Self(file))
    }

    /// True when nobody else has a share.
    ///
    /// Our own share is given back and taken again meanwhile, which nobody can use: they would need the change lock.
    pub(super) fn is_last(&self, layout: &Layout, _held: &ChangeLock) -> Result<bool, ClusterError> {
        let path = layout.users_lock();
        let give_back = |error| ClusterError::io("lock", path.clone())(error);
        self.0.unlock().map_err(give_back)?;
        let alone = match self.0.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(error)) => return Err(give_back(error)),
        };
        self.0.unlock().map_err(give_back)?;
        self.0.lock_shared().map_err(give_back)?;
        Ok(alone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_several_users_knows_it() {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout { data: root.path().to_owned() };
        let change = ChangeLock::take(&layout, Duration::ZERO).unwrap();
        let first = UserLock::share(&layout, &change).unwrap();
        assert!(first.is_last(&layout, &change).unwrap());
        let second = UserLock::share(&layout, &change).unwrap();
        assert!(!first.is_last(&layout, &change).unwrap());
        assert!(!second.is_last(&layout, &change).unwrap(), "asking must not give up one's own share");
        drop(first);
        assert!(second.is_last(&layout, &change).unwrap());
    }

    #[test]
    fn only_one_may_start_or_stop() {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout { data: root.path().to_owned() };
        let held = ChangeLock::take(&layout, Duration::ZERO).unwrap();
        let message = ChangeLock::take(&layout, Duration::ZERO).unwrap_err().to_string();
        assert!(message.contains("another process has been starting or stopping"), "{message}");
        drop(held);
        ChangeLock::take(&layout, Duration::ZERO).unwrap();
    }
}
