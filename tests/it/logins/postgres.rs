//! A real Postgres with every way of asking for a password that the protocol has in use.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use exhibit_evidence::Verdict;
use exhibit_store::{
    cluster::{self, ClusterOptions, Connection, SearchPath},
    testing::{sql, superuser_url},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use super::{free_port, look};
use crate::binary::authority::Authority;

/// Not ASCII: SASLprep has something to do.
pub(crate) const SHOP: &str = "Cnry-Wörter-7Hq2VzKw9T";
pub(crate) const LEGACY: &str = "Cnry-legacy-Xb4LmQ9zRt";
const CLEAR: &str = "Cnry-clear-Pw6NcYs3Jd";
const OTHER: &str = "Cnry-other-Gk8FvBe5Uh";

/// A server of our own: roles by way of authentication, TLS on the network, a socket beside it.
pub(crate) struct Server {
    place: TempDir,
    child: Child,
    port: u16,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let place = tempfile::Builder::new().prefix("exhibit-logins-").tempdir().expect("a folder");
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).expect("others may pass");
        let options = ClusterOptions { durable: false, ..ClusterOptions::new(place.path().join("data")) };
        let made = cluster::start(options.clone()).await.expect("Postgres starts");
        let roles = format!(
            "SET password_encryption = 'scram-sha-256'; CREATE ROLE shop LOGIN PASSWORD '{SHOP}'; \
             CREATE ROLE clear LOGIN PASSWORD '{CLEAR}'; CREATE ROLE anyone LOGIN; CREATE ROLE turned LOGIN PASSWORD '{OTHER}'; \
             SET password_encryption = 'md5'; CREATE ROLE legacy LOGIN PASSWORD '{LEGACY}';"
        );
        let superuser = superuser_url(made.connection(), "postgres");
        sql(&superuser, &roles).await.expect("roles are made");
        made.release().await.expect("stopped");
        let folder = place.path().join("data/postgres");
        let owner = fs::metadata(&folder).expect("it is there");
        let of_server = |path: &Path| chown(path, Some(owner.uid()), Some(owner.gid())).expect("handed over");
        let (certificate, key) = Authority::new("ours").certify_with(place.path(), "localhost");
        let sockets = place.path().join("sockets");
        fs::create_dir(&sockets).expect("a folder");
        [&certificate, &key, &sockets].iter().for_each(|path| of_server(path));
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("the key is the server's");
        fs::write(
            folder.join("pg_hba.conf"),
            "local all exhibit_superuser trust\nlocal all anyone trust\nlocal all legacy md5\nlocal all clear password\n\
             local all turned reject\nlocal all all scram-sha-256\n\
             hostssl all legacy 127.0.0.1/32 md5\nhostssl all all 127.0.0.1/32 scram-sha-256\n",
        )
        .expect("written");
        let found = cluster::choose(&options.search, None).expect("found").or_else(|| {
            let extra = options.obtain_into.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten());
            let extra = extra.filter_map(|entry| Some(entry.ok()?.path())).collect();
            cluster::choose(&SearchPath { extra, ..SearchPath::from_environment() }, None).expect("found")
        });
        let binaries = found.expect("the Postgres that made the cluster");
        let port = free_port();
        let set = |name: &str, value: &Path| format!("{name}={}", value.display());
        let mut command = Command::new(binaries.folder.join("postgres"));
        command.arg("-D").arg(&folder);
        for setting in [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            set("unix_socket_directories", &sockets),
            "ssl=on".to_owned(),
            set("ssl_cert_file", &certificate),
            set("ssl_key_file", &key),
            "fsync=off".to_owned(),
        ] {
            command.args(["-c", &setting]);
        }
        command.current_dir(&sockets).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if nix::unistd::geteuid().is_root() {
            command.gid(owner.gid()).uid(owner.uid());
        }
        let child = command.spawn().expect("Postgres starts");
        let server = Self { place, child, port };
        let deadline = Instant::now() + Duration::from_secs(60);
        while server.sql("SELECT 1").await.is_err() {
            assert!(Instant::now() < deadline, "Postgres gets ready");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        server
    }

    async fn sql(&self, statements: &str) -> Result<(), impl std::error::Error> {
        let socket_directory = self.place.path().join("sockets");
        let connection = Connection {
            socket_directory,
            port: self.port,
            superuser: cluster::SUPERUSER,
            database: cluster::DATABASE,
        };
        sql(&superuser_url(&connection, "postgres"), statements).await
    }

    fn socket(&self) -> PathBuf {
        self.place.path().join(format!("sockets/.s.PGSQL.{}", self.port))
    }

    /// Settings of a server at its socket.
    pub(crate) fn at_socket(&self, id: &str, more: &str) -> String {
        server(id, &self.socket().display().to_string(), more)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(i32::try_from(self.child.id()).expect("a process id")), Signal::SIGINT);
        let _ = self.child.wait();
    }
}

fn server(id: &str, address: &str, more: &str) -> String {
    format!(
        "[[operating_test.servers]]\nid = '{id}'\nenvironment = 'production'\nsystem = 'postgres'\n\
         address = '{address}'\n{more}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_of_staging_that_opens_production_is_noted_and_others_are_refused() {
    let server_of_ours = Server::start().await;
    let place = tempfile::tempdir().expect("a folder");
    let stranger = Authority::new("stranger");
    fs::write(place.path().join("stranger.pem"), stranger.pem()).expect("written");
    let ours = server_of_ours.place.path().join("authority.pem");
    let ours = format!("ca = '{}'", ours.display());
    let tcp = format!("localhost:{}", server_of_ours.port);
    let production = format!(
        "DATABASE_URL=postgres://shop:{SHOP}@localhost/shop\nLEGACY_URL=postgres://legacy:{LEGACY}@localhost/shop\n"
    );
    let staging = format!(
        "A_URL=postgres://shop:{SHOP}@localhost/shop\nB_URL=postgres://legacy:{LEGACY}@localhost/shop\n\
         C_URL=postgres://clear:{CLEAR}@localhost/shop\nD_URL=postgres://shop:{OTHER}@localhost/shop\n\
         E_URL=postgres://legacy:{OTHER}@localhost/shop\nF_URL=postgres://turned:{OTHER}@localhost/shop\n\
         G_URL=postgres://nobody:{OTHER}@localhost/shop\nPOSTGRES_USER=clear\nPOSTGRES_PASSWORD={OTHER}\n"
    );
    let servers = [
        server_of_ours.at_socket("main", ""),
        server("over-tls", &tcp, &ours),
        server("in-the-clear", &tcp, "tls = false"),
        server("of-a-stranger", &tcp, "ca = 'stranger.pem'"),
        server("away", &format!("127.0.0.1:{}", free_port()), "tls = false"),
        server_of_ours.at_socket("anybody", "users = ['anyone']"),
        server_of_ours.at_socket("no-such-database", "database = 'none'"),
    ];
    let secrets = [SHOP, LEGACY, CLEAR, OTHER];
    let run = move |staging: String, servers: String| {
        let (place, production) = (place.path().to_owned(), production.clone());
        tokio::task::spawn_blocking(move || look(&place, &staging, &production, &servers, &secrets))
    };
    let seen = run(staging.clone(), servers.concat()).await.expect("looked");
    let expected = |clear: &str, turned: &str| {
        [
            "without: refused asks-scram",
            "well-known: refused 28P01",
            "own: accepted ready",
            "A_URL: accepted ready",
            "B_URL: accepted ready",
            clear,
            "D_URL: refused 28P01",
            "E_URL: refused 28P01",
            turned,
            "G_URL: refused 28P01",
            "POSTGRES_PASSWORD: refused 28P01",
        ]
        .map(str::to_owned)
    };
    assert_eq!(seen.said("main"), expected("C_URL: accepted ready", "F_URL: unclear 28000"));
    // There no role is turned away, and the one with a password in the clear has to use SCRAM.
    assert_eq!(seen.said("over-tls"), expected("C_URL: accepted ready", "F_URL: accepted ready"));
    assert_eq!(seen.said("in-the-clear")[0], "without: unclear 28000");
    assert_eq!(seen.said("of-a-stranger")[0], "without: unreachable tls-failed");
    assert_eq!(seen.said("away")[0], "without: unreachable connection-refused");
    assert_eq!(seen.said("anybody")[..2], ["without: accepted ready", "well-known: - -"]);
    // Let in, and only then told that there is no such database.
    assert_eq!(seen.said("no-such-database")[3], "A_URL: accepted 3D000");

    let (verdict, reason) = seen.verdict("cross-login");
    assert_eq!(verdict, Verdict::Fail, "{reason}");
    let opened = "`A_URL` of staging (staging.env:1) logs in to `main`, the postgres server of production.";
    assert!(seen.details("cross-login").contains(&opened), "{:?}", seen.details("cross-login"));
    assert_eq!(
        seen.details("open-server"),
        ["`anybody`, the postgres server of production, lets in anybody, without a password."]
    );

    // Passwords of its own: each refused by a server that lets in production's.
    let own =
        format!("A_URL=postgres://shop:{OTHER}@localhost/shop\nB_URL=postgres://legacy:{OTHER}-2@localhost/shop\n");
    let seen = run(own.clone(), server_of_ours.at_socket("main", "")).await.expect("looked");
    let passed = "2 logins with other environments' credentials examined; each refused";
    assert_eq!(seen.verdict("cross-login"), (Verdict::Pass, passed));
    assert_eq!(seen.verdict("open-server").0, Verdict::Pass);

    // Nobody answers: not found out.
    let away = server("away", &format!("127.0.0.1:{}", free_port()), "tls = false");
    let seen = run(own.clone(), away).await.expect("looked");
    let nobody = "the server `away` did not answer (connection-refused)";
    assert_eq!(seen.verdict("cross-login"), (Verdict::Error, nobody));
    assert_eq!(seen.verdict("open-server"), (Verdict::Error, nobody));

    // Nothing that could be tried.
    let none = "SESSION_SECRET=Vb3nM7kQ1zTy\n".to_owned();
    let seen = run(none, server_of_ours.at_socket("main", "")).await.expect("looked");
    assert_eq!(seen.verdict("cross-login").0, Verdict::NotApplicable);
    assert_eq!(seen.verdict("open-server").0, Verdict::Pass);

    // A control that is turned away: the refusals show nothing.
    let seen = run(own.clone(), server_of_ours.at_socket("main", "own = ['NO_SUCH']")).await.expect("looked");
    assert_eq!(seen.verdict("cross-login").0, Verdict::Error);
    server_of_ours.sql("ALTER ROLE shop PASSWORD 'Cnry-changed-by-hand'").await.expect("changed");
    let seen = run(own.clone(), server_of_ours.at_socket("main", "own = ['DATABASE_URL']")).await.expect("looked");
    let (verdict, reason) = seen.verdict("cross-login");
    assert_eq!((verdict, reason.contains("a refusal there shows nothing")), (Verdict::Error, true), "{reason}");

    // The login that every list begins with.
    server_of_ours.sql("CREATE ROLE postgres SUPERUSER LOGIN PASSWORD 'postgres'").await.expect("made");
    let seen = run(own, server_of_ours.at_socket("main", "")).await.expect("looked");
    let known = "`main`, the postgres server of production, lets in the login that its system is known for.";
    assert_eq!(seen.details("open-server"), [known]);
}
