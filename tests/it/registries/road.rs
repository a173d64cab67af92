//! A road to a registry on this machine, which may break or be blocked under what comes along it.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

/// What happens on it.
#[derive(Clone, Copy)]
pub(crate) enum Trouble {
    /// The connection along which so many bytes came first is cut, once.
    CutAfter(u64),
    /// When so many bytes came, nothing more comes until it is cleared.
    BlockedAfter(u64),
}

/// The road, until the process ends.
pub(crate) struct Road {
    /// Host and port at its beginning.
    pub(crate) host: String,
    state: Arc<State>,
}

struct State {
    trouble: Trouble,
    came: AtomicU64,
    over: AtomicBool,
    asked: Mutex<Vec<u8>>,
}

impl Road {
    /// One that leads to this host and port.
    pub(crate) fn to(host: &str, trouble: Trouble) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let own = listener.local_addr().expect("bound").to_string();
        let (came, over, asked) = Default::default();
        let state = Arc::new(State { trouble, came, over, asked });
        let (to, shared) = (host.to_owned(), Arc::clone(&state));
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(&to) else { continue };
                let ends = |one: &TcpStream, other: &TcpStream| {
                    (one.try_clone().expect("one"), other.try_clone().expect("one"))
                };
                let (up, down) = (ends(&near, &far), ends(&far, &near));
                let (state, other) = (Arc::clone(&shared), Arc::clone(&shared));
                std::thread::spawn(move || state.up(up.0, up.1));
                std::thread::spawn(move || other.down(down.0, down.1));
            }
        });
        Self { host: own, state }
    }

    /// How many bytes came along it.
    pub(crate) fn came(&self) -> u64 {
        self.state.came.load(Ordering::SeqCst)
    }

    /// Lets everything pass from now on.
    pub(crate) fn clear(&self) {
        self.state.over.store(true, Ordering::SeqCst);
    }

    /// The lines that were sent to the registry that begin like this, in small letters.
    pub(crate) fn lines(&self, begin: &str) -> Vec<String> {
        let asked = self.state.asked.lock().expect("no panic within");
        let text = String::from_utf8_lossy(&asked).to_lowercase();
        text.lines().filter(|line| line.starts_with(begin)).map(str::to_owned).collect()
    }
}

impl State {
    fn up(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            self.asked.lock().expect("no panic within").extend_from_slice(&buffer[..count]);
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    }

    fn down(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 16 << 10];
        let mut own = 0;
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            own += count as u64;
            match self.trouble {
                Trouble::CutAfter(most) if own > most && !self.over.swap(true, Ordering::SeqCst) => break,
                Trouble::BlockedAfter(most) => {
                    while self.came.load(Ordering::SeqCst) + count as u64 > most && !self.over.load(Ordering::SeqCst) {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                }
                Trouble::CutAfter(_) => {}
            }
            self.came.fetch_add(count as u64, Ordering::SeqCst);
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }
}
