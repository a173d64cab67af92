//! A Postgres server of one's own, over TCP and TLS, with the schema's owner and the service as two roles with
//! passwords: the program works with a server that proves who it is, and with no other.

use std::{
    fs,
    net::TcpListener,
    os::unix::{
        fs::{MetadataExt as _, OpenOptionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread::sleep,
    time::Duration,
};

use exhibit_store::{
    DatabaseUrl, OWNER_ROLE, SERVICE_ROLE,
    cluster::{self, ClusterOptions, DATABASE, SearchPath},
    testing::{sql, superuser_url},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, geteuid},
};
use tokio::runtime::Runtime;

use super::{Place, authority::Authority, exhibit};

/// Passwords that no message may show.
const OWNER_PASSWORD: &str = "canary-owner-Tq8Wn3";
const SERVICE_PASSWORD: &str = "canary-service-Kx9vQ2";
/// The only name that the server's certificate is for.
const NAME: &str = "localhost";

const CONFIGURATION: &str = "\
[deployment]
name = \"Served\"

[database]
url = \"env:SERVICE_URL\"
owner_url = \"env:OWNER_URL\"

[environments.staging]
[environments.production]

[[jobs]]
id = \"credentials\"
collector = \"unique_credentials\"
schedule = \"0 4 1 1 *\"
environments = [\"staging\", \"production\"]
source = { credentials = [
  { environment = \"staging\", dotenv = \"staging.env\" },
  { environment = \"production\", dotenv = \"production.env\" },
] }
";

/// A server that runs until the value goes away.
struct Server {
    process: Child,
    port: u16,
    folder: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        // "Fast shutdown": sessions are ended, and the server with them.
        let asked = kill(Pid::from_raw(self.process.id().cast_signed()), Signal::SIGINT);
        if asked.is_err() || self.process.wait().is_err() {
            let _ = self.process.kill();
        }
    }
}

impl Server {
    /// A new cluster with both roles and an empty database, made over the private socket and then served over TLS.
    fn start(place: &Place, runtime: &Runtime) -> Self {
        let folder = place.join("server");
        let options = ClusterOptions { durable: false, ..ClusterOptions::new(&folder) };
        let private = cluster::start_blocking(&options).expect("a cluster");
        let superuser = superuser_url(private.connection(), DATABASE);
        let roles = format!(
            "CREATE ROLE {OWNER_ROLE} LOGIN PASSWORD '{OWNER_PASSWORD}'; \
             CREATE ROLE {SERVICE_ROLE} LOGIN PASSWORD '{SERVICE_PASSWORD}'; \
             ALTER DATABASE {DATABASE} OWNER TO {OWNER_ROLE}"
        );
        runtime.block_on(sql(&superuser, &roles)).expect("roles are made");
        private.release_blocking().expect("it stops");

        let data = folder.join("postgres");
        let owner = fs::metadata(&data).expect("the cluster is there");
        let authority = Authority::new("An authority of this test");
        let (certificate, key) = authority.certify(NAME);
        fs::write(place.join("ca.pem"), authority.pem()).expect("written");
        fs::write(place.join("other-ca.pem"), Authority::new("Another authority").pem()).expect("written");
        let hba = "hostssl all all all scram-sha-256\n".to_owned();
        for (name, text) in [("server.crt", certificate), ("server.key", key), ("pg_hba.conf", hba)] {
            let path = data.join(name);
            let _ = fs::remove_file(&path);
            let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
            std::io::Write::write_all(&mut file.expect("created"), text.as_bytes()).expect("written");
            chown(&path, Some(owner.uid()), Some(owner.gid())).expect("it is the server's");
        }

        let mut search = SearchPath::from_environment();
        search.extra.push(folder.join("postgres-bin"));
        let programs = cluster::choose(&search, None).expect("it can be looked for").expect("it ran just now");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let mut server = Command::new(programs.folder.join("postgres"));
        server.arg("-D").arg(&data).args(["-p", &port.to_string(), "-c", "fsync=off", "-c", "log_min_messages=panic"]);
        server.args(["-c", "listen_addresses=localhost", "-c", "unix_socket_directories=", "-c", "ssl=on"]);
        server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/").process_group(0);
        if geteuid().is_root() {
            server.uid(owner.uid()).gid(owner.gid());
        }
        let process = server.spawn().expect("the server starts");
        let server = Self { process, port, folder: place.path().to_owned() };
        let url = DatabaseUrl::new(server.url(OWNER_ROLE, OWNER_PASSWORD, NAME, "ca.pem")).expect("a URL");
        let answers = || runtime.block_on(sql(&url, "SELECT 1"));
        for _ in 0..600 {
            if answers().is_ok() {
                return server;
            }
            sleep(Duration::from_millis(100));
        }
        panic!("the server does not answer: {:?}", answers());
    }

    fn url(&self, role: &str, password: &str, host: &str, authority: &str) -> String {
        let authority = self.folder.join(authority);
        let port = self.port;
        format!(
            "postgres://{role}:{password}@{host}:{port}/{DATABASE}?sslmode=verify-full&sslrootcert={}",
            authority.display()
        )
    }

    /// Runs the program with these connection strings.
    fn run(&self, service: &str, owner: &str, arguments: &[&str]) -> Output {
        let mut command = exhibit(&self.folder, arguments);
        let output = command.env("SERVICE_URL", service).env("OWNER_URL", owner).output().expect("the program starts");
        let said = both(&output);
        assert!(!said.contains("canary"), "a password is shown:\n{said}");
        output
    }
}

fn both(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat()
}

#[test]
fn a_server_that_proves_who_it_is_is_worked_with_and_no_other() {
    let place = Place::new();
    let runtime = Runtime::new().expect("a runtime");
    let server = Server::start(&place, &runtime);
    lay_out(place.path());
    let service = server.url(SERVICE_ROLE, SERVICE_PASSWORD, NAME, "ca.pem");
    let owner = server.url(OWNER_ROLE, OWNER_PASSWORD, NAME, "ca.pem");

    for (arguments, codes) in [
        (&["run", "credentials", "--format", "json"][..], &[0, 1][..]),
        (&["fsck"], &[0]),
        (&["evidence", "export", "--format", "ndjson"], &[0]),
    ] {
        let output = server.run(&service, &owner, arguments);
        let code = output.status.code().unwrap_or(-1);
        assert!(codes.contains(&code), "{arguments:?} ended with {code}:\n{}", both(&output));
    }
    let exported = server.run(&service, &owner, &["evidence", "export", "--format", "ndjson"]);
    assert_eq!(String::from_utf8_lossy(&exported.stdout).lines().count(), 1);

    // Who is not who it should be, or does not let us in, is told with the key, its line, host and port.
    let port = server.port;
    let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let nobody = service.replace(&format!(":{port}/"), &format!(":{free}/"));
    let url = "`[database] url` (exhibit.toml:5)";
    let owner_url = "`[database] owner_url` (exhibit.toml:6)";
    let refusals = [
        ("another authority", service.replace("/ca.pem", "/other-ca.pem"), owner.clone(), url, "UnknownIssuer"),
        ("another name", service.replace("@localhost:", "@127.0.0.1:"), owner.clone(), url, "not valid for name"),
        ("no such authority", service.replace("/ca.pem", "/absent.pem"), owner.clone(), url, "`sslrootcert`"),
        ("another password", service.replace(SERVICE_PASSWORD, "canary-other"), owner.clone(), url, "password"),
        ("nobody there", nobody, owner.clone(), url, "refused"),
        ("the owner's password", service.clone(), owner.replace("canary-owner", "canary-none"), owner_url, "password"),
    ];
    for (name, service, owner, key, why) in refusals {
        let output = server.run(&service, &owner, &["fsck"]);
        let said = both(&output);
        assert_eq!(output.status.code(), Some(2), "{name}: {said}");
        let shown_port = if name == "nobody there" { free } else { port };
        for part in [key, why, &format!("port {shown_port}")] {
            assert!(said.contains(part), "{name} does not say {part:?}:\n{said}");
        }
    }

    // The service appends and can do nothing else to the ledger, nor to what guards it.
    let service = DatabaseUrl::new(service).expect("a URL");
    for statement in [
        "UPDATE exhibit.entries SET kind = 'x'",
        "DELETE FROM exhibit.entries",
        "TRUNCATE exhibit.entries",
        "ALTER TABLE exhibit.entries DISABLE TRIGGER ALL",
        "ALTER TABLE exhibit.entries OWNER TO exhibit_service",
        "DROP TRIGGER append_only_rows ON exhibit.entries",
        "ALTER FUNCTION exhibit.refuse_change() OWNER TO exhibit_service",
        "SET session_replication_role = replica",
        "SET ROLE exhibit_owner",
        "CREATE TABLE exhibit.mine ()",
    ] {
        let refused = runtime.block_on(sql(&service, statement)).expect_err(statement);
        let code = refused.as_database_error().and_then(|error| error.code()).map(std::borrow::Cow::into_owned);
        assert_eq!(code.as_deref(), Some("42501"), "{statement}: {refused}");
    }
}

fn lay_out(folder: &Path) {
    fs::write(folder.join("exhibit.toml"), CONFIGURATION).expect("written");
    for environment in ["staging", "production"] {
        let file = format!("DATABASE_URL=postgres://app:{environment}-Rm4ZQ7@db/shop\n");
        fs::write(folder.join(format!("{environment}.env")), file).expect("written");
    }
}
