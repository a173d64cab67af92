//! Telling the service manager how it stands (sd_notify(3)): one datagram each, where there is a manager to tell.

use std::{
    ffi::OsStr,
    os::{linux::net::SocketAddrExt as _, unix::ffi::OsStrExt as _, unix::net::SocketAddr, unix::net::UnixDatagram},
    time::Duration,
};

/// The way to the service manager; none where the process was not started by one.
#[derive(Debug)]
pub(crate) struct Manager {
    way: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Manager {
    /// The manager that the environment names (`NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`).
    pub(crate) fn of_environment() -> Self {
        let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
        let meant = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let way = std::env::var_os("NOTIFY_SOCKET").and_then(|name| way_to(&name));
        Self { way, watchdog: number("WATCHDOG_USEC").filter(|_| meant).map(Duration::from_micros) }
    }

    /// How often the manager wants a sign of life: half of the time after which it would act.
    pub(crate) fn watchdog(&self) -> Option<Duration> {
        self.watchdog.filter(|_| self.way.is_some()).map(|every| every / 2)
    }

    /// Tells one state, such as `READY=1`. A manager that can't be told changes nothing.
    pub(crate) fn tell(&self, state: &str) {
        if let Some((socket, address)) = &self.way {
            let _ = socket.send_to_addr(state.as_bytes(), address);
        }
    }
}

/// A path, or an abstract name where it begins with `@`.
fn way_to(name: &OsStr) -> Option<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(name),
    };
    Some((UnixDatagram::unbound().ok()?, address.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_arrive_by_path_and_by_abstract_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let name = format!("@exhibit-test-{}", std::process::id());
        let by_path = UnixDatagram::bind(&path).expect("bound");
        let abstract_name = SocketAddr::from_abstract_name(&name.as_bytes()[1..]).expect("a name");
        let by_name = UnixDatagram::bind_addr(&abstract_name).expect("bound");
        for (socket, name) in [(by_path, path.as_os_str()), (by_name, OsStr::new(&name))] {
            let manager = Manager { way: way_to(name), watchdog: Some(Duration::from_secs(20)) };
            manager.tell("READY=1");
            let mut told = [0; 64];
            let length = socket.recv(&mut told).expect("told");
            assert_eq!(&told[..length], b"READY=1");
            assert_eq!(manager.watchdog(), Some(Duration::from_secs(10)));
        }
        let nobody = Manager { way: None, watchdog: Some(Duration::from_secs(20)) };
        nobody.tell("READY=1");
        assert_eq!(nobody.watchdog(), None);
    }
}
