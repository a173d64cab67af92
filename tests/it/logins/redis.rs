//! Debian's Redis: with a password, with users, over TLS, and open.

use std::{
    fs,
    net::TcpStream,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use exhibit_evidence::Verdict;

use super::{free_port, look};
use crate::{binary::authority::Authority, debian::Program};

/// One program under several names: which it is, it sees from its own.
const REDIS: Program = Program { package: "redis-tools", path: "usr/bin/redis-check-rdb" };
/// What it needs beside what every Debian has.
const LIBRARIES: [Program; 3] = [
    Program { package: "libjemalloc2", path: "usr/lib/x86_64-linux-gnu/libjemalloc.so.2" },
    Program { package: "liblzf1", path: "usr/lib/x86_64-linux-gnu/liblzf.so.1" },
    Program { package: "libatomic1", path: "usr/lib/x86_64-linux-gnu/libatomic.so.1" },
];

const MAIN: &str = "Cnry-cache-7Hq2VzKw9T";
const SHOP: &str = "Cnry-shop-Xb4LmQ9zRt";
const OTHER: &str = "Cnry-other-Gk8FvBe5Uh";

pub(crate) struct Server(Child);

impl Server {
    /// Starts one with this configuration and waits until it listens.
    pub(crate) fn start(place: &Path, port: u16, configuration: &str) -> Self {
        let file = place.join(format!("redis-{port}.conf"));
        let common = "save \"\"\nappendonly no\nbind 127.0.0.1\ndaemonize no\n";
        fs::write(&file, format!("{common}dir {}\n{configuration}\n", place.display())).expect("written");
        let folders: Vec<String> =
            LIBRARIES.iter().map(|library| library.find().parent().expect("a folder").display().to_string()).collect();
        let child = Command::new(REDIS.find())
            .arg0("redis-server")
            .arg(&file)
            .env("LD_LIBRARY_PATH", folders.join(":"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Redis starts");
        let mut server = Self(child);
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(server.0.try_wait().expect("known").is_none(), "Redis ended by itself");
            assert!(Instant::now() < deadline, "Redis gets ready");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn server(id: &str, port: u16, more: &str) -> String {
    format!(
        "[[operating_test.servers]]\nid = '{id}'\nenvironment = 'production'\nsystem = 'redis'\n\
         address = 'localhost:{port}'\n{more}\n"
    )
}

#[test]
fn a_credential_of_staging_that_opens_production_is_noted_and_others_are_refused() {
    let place = tempfile::tempdir().expect("a folder");
    let ours = Authority::new("ours");
    let (certificate, key) = ours.certify_with(place.path(), "localhost");
    fs::write(place.path().join("stranger.pem"), Authority::new("stranger").pem()).expect("written");
    let [main, open, tls, known, away] = [(); 5].map(|()| free_port());
    let users = format!("port {main}\nrequirepass {MAIN}\nuser shop on >{SHOP} ~* &* +@all\n");
    let encrypted = format!(
        "port 0\ntls-port {tls}\ntls-cert-file {}\ntls-key-file {}\ntls-ca-cert-file {}\ntls-auth-clients no\nrequirepass {MAIN}\n",
        certificate.display(),
        key.display(),
        place.path().join("authority.pem").display()
    );
    let _servers = [
        Server::start(place.path(), main, &users),
        Server::start(place.path(), open, &format!("port {open}\n")),
        Server::start(place.path(), tls, &encrypted),
        Server::start(place.path(), known, &format!("port {known}\nrequirepass foobared\n")),
    ];
    let production = format!("REDIS_PASSWORD={MAIN}\n");
    let staging = format!(
        "A_REDIS_URL=redis://:{MAIN}@localhost:6379/0\nB_REDIS_URL=redis://shop:{SHOP}@localhost:6379/0\n\
         C_REDIS_URL=redis://shop:{OTHER}@localhost:6379/0\nREDIS_PASSWORD={OTHER}\n"
    );
    let servers = [
        server("cache", main, "tls = false"),
        server("open", open, "tls = false"),
        server("over-tls", tls, "ca = 'authority.pem'"),
        server("of-a-stranger", tls, "ca = 'stranger.pem'"),
        server("in-the-clear", tls, "tls = false"),
        server("known", known, "tls = false\ncontrol = false"),
        server("away", away, "tls = false"),
    ];
    let secrets = [MAIN, SHOP, OTHER];
    let seen = look(place.path(), &staging, &production, &servers.concat(), &secrets);
    let cache = [
        "without: refused NOAUTH",
        "well-known: refused WRONGPASS",
        "own: accepted OK",
        "A_REDIS_URL: accepted OK",
        "B_REDIS_URL: accepted OK",
        "C_REDIS_URL: refused WRONGPASS",
        "REDIS_PASSWORD: refused WRONGPASS",
    ];
    assert_eq!(seen.said("cache"), cache);
    let over_tls: Vec<String> = seen.said("over-tls");
    assert_eq!(over_tls[2..5], ["own: accepted OK", "A_REDIS_URL: accepted OK", "B_REDIS_URL: refused WRONGPASS"]);
    assert_eq!(seen.said("open")[..2], ["without: accepted PONG", "well-known: - -"]);
    assert_eq!(seen.said("known")[1], "well-known: accepted OK");
    for (id, how) in
        [("away", "connection-refused"), ("of-a-stranger", "tls-failed"), ("in-the-clear", "connection-closed")]
    {
        assert_eq!(seen.said(id)[0], format!("without: unreachable {how}"), "{id}");
    }
    assert_eq!(seen.verdict("cross-login").0, Verdict::Fail);
    let opened = "`B_REDIS_URL` of staging (staging.env:2) logs in to `cache`, the redis server of production.";
    assert!(seen.details("cross-login").contains(&opened), "{:?}", seen.details("cross-login"));
    let mut details = seen.details("open-server");
    details.sort_unstable();
    assert_eq!(
        details,
        [
            "`known`, the redis server of production, lets in the login that its system is known for.",
            "`open`, the redis server of production, lets in anybody, without a password."
        ]
    );

    let own = format!("REDIS_PASSWORD={OTHER}\n");
    let only = server("cache", main, "tls = false");
    let seen = look(place.path(), &own, &production, &only, &secrets);
    let passed = "1 login with other environments' credentials examined; each refused";
    assert_eq!(seen.verdict("cross-login"), (Verdict::Pass, passed));
    assert_eq!(seen.verdict("open-server").0, Verdict::Pass);
    let seen = look(place.path(), &own, &production, &server("away", away, "tls = false"), &secrets);
    assert_eq!(seen.verdict("cross-login").0, Verdict::Error);
    // Nothing that could be tried.
    let seen = look(place.path(), "SESSION_SECRET=Vb3nM7kQ1zTy\n", &production, &only, &secrets);
    assert_eq!(seen.verdict("cross-login").0, Verdict::NotApplicable);
}
