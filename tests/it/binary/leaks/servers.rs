//! The company's servers: a vault, a cloud, databases, a service over HTTP; and what it saves elsewhere.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::Sha256;

use super::{GIVEN, company::Company};
use crate::{
    bao::{self, bao},
    debian::{Program, install},
    logins::{free_port, postgres, redis},
    moto::moto,
    packages::alone,
};

const RESTIC: Program = Program { package: "restic", path: "usr/bin/restic" };

/// The challenges that a service was asked. It lives as long as the process.
#[derive(Default)]
struct Asked(Arc<Mutex<Vec<String>>>);

impl Company {
    /// A vault, a cloud and databases that hold secrets, and copies of the key there, in a backup and in a keyring.
    pub(super) fn with_servers(self) -> Self {
        self.with_vault().with_cloud().with_backup().with_keyring().with_service().with_databases()
    }

    fn with_vault(mut self) -> Self {
        let (server, address) = (bao(), bao().address.clone());
        let authority = server.authority.display();
        let [by_role, by_token] = ["in the vault", "in the vault, by a token"].map(|what| self.secret(what));
        server.mount("leaks", 2);
        server.mount("leaks-one", 1);
        server.put("leaks/staging/app", &json!({ "VAULT_API_KEY": by_role }));
        server.put("leaks-one/production/app", &json!({ "VAULT_ONE_KEY": by_token }));
        server.put("leaks/custody/app", &json!({ "ENCRYPTION_KEY": self.encryption_key }));
        server.policy("leaks", "path \"leaks/*\" { capabilities = [\"list\", \"read\"] }");
        let [role_id, secret_id] = server.role("leaks", &["token_policies=leaks"]);
        self.watch_for(GIVEN.1, secret_id.as_bytes());
        let one = "path \"leaks-one/*\" { capabilities = [\"list\", \"read\"] }";
        let token = server.token("leaks-one", one);
        self.watch_for("a token", token.as_bytes());
        self.write("token", &token);
        let shared = format!("address = '{address}', authorities = '{authority}'");
        let role = format!("approle = {{ role_id = '{}', secret_id = 'env:{}', mount = 'leaks' }}", role_id, GIVEN.0);
        self.source("staging", &format!("vault = {{ {shared}, {role}, mount = 'leaks', path = 'staging' }}"));
        let token = format!("token = 'file:{}'", self.at("token"));
        self.source("production", &format!("vault = {{ {shared}, {token}, mount = 'leaks-one', kv = 1 }}"));
        self.copies.push(format!(
            "{{ name = 'vault', site = 'vault', vault = {{ {shared}, {role}, mount = 'leaks', path = 'custody' }} }}"
        ));

        // The vault's own backup, which is opened in a scratch vault.
        let snapshot = self.path("vault.snap");
        server.told(&["operator", "raft", "snapshot", "save", snapshot.to_str().expect("UTF-8")], &[], b"");
        self.watch_for("the root token", server.root.as_bytes());
        self.watch_for("an unseal key", server.unseal.as_bytes());
        self.write("root.token", &server.root);
        self.write("unseal", &server.unseal);
        let program = self.shim("bao", &bao::program(), "");
        writeln!(
            self.further,
            "[[jobs.source.vaults]]\nenvironment = 'production'\nsubject = 'vault'\nsnapshot = '{}'\nunseal = ['file:{}']\n\
             program = '{program}'\nkeys = ['encryption-key']\n\
             vault = {{ token = 'file:{}', mount = 'leaks', path = 'custody' }}",
            snapshot.display(),
            self.at("unseal"),
            self.at("root.token")
        )
        .expect("text can be written");
        self
    }

    fn with_cloud(mut self) -> Self {
        let [kept, parameter, access] =
            ["in the cloud", "a parameter", "the key to the cloud"].map(|what| self.secret(what));
        let bucket = format!("leaks-{}", std::process::id());
        moto().with(&format!(
            "secrets.create_secret(Name='leaks/CLOUD_API_KEY', SecretString='{kept}')\n\
             parameters.put_parameter(Name='/leaks/PARAMETER_TOKEN', Value='{parameter}', Type='SecureString')\n\
             client('s3').create_bucket(Bucket='{bucket}', CreateBucketConfiguration={{'LocationConstraint': 'eu-central-1'}})\n\
             client('s3').put_object(Bucket='{bucket}', Key='keys/app.env', Body='ENCRYPTION_KEY={}')",
            self.encryption_key
        ));
        self.write("access.id", "fake-id-of-leaks");
        self.write("access.key", &access);
        let keys = format!(
            "keys = {{ access_key_id = 'file:{}', secret_access_key = 'file:{}' }}",
            self.at("access.id"),
            self.at("access.key")
        );
        let aws = format!("region = 'eu-central-1', endpoint = '{}', {keys}", moto().url);
        self.source("staging", &format!("secrets_manager = {{ {aws}, under = 'leaks/' }}"));
        self.source("production", &format!("parameter_store = {{ {aws}, under = '/leaks/' }}"));
        self.copies.push(format!(
            "{{ name = 'bucket', site = 'bucket', s3 = {{ bucket = '{bucket}', object = 'keys/*.env', holds = 'dotenv', aws = {{ {aws} }} }} }}"
        ));
        self
    }

    fn with_backup(mut self) -> Self {
        let password = self.secret("a repository's password");
        self.write("repository.unlock", &password);
        let restic = RESTIC.find();
        let all = ["--repo", "offsite", "--password-file", "repository.unlock", "--no-cache", "--quiet"];
        let run = |arguments: &[&str]| self.run(restic.to_str().expect("UTF-8"), &[&all, arguments].concat());
        run(&["init"]);
        let save = self.path("save");
        fs::create_dir(&save).expect("a folder");
        fs::write(save.join("keys.env"), format!("ENCRYPTION_KEY={}\n", self.encryption_key)).expect("written");
        run(&["backup", "--host", "app", save.to_str().expect("UTF-8")]);
        fs::remove_dir_all(&save).expect("removed");
        let program = self.shim("restic", &restic, "");
        self.copies.push(format!(
            "{{ name = 'offsite', site = 'offsite', restic = {{ repository = '{}', unlock_file = '{}', path = '{}', holds = 'dotenv', program = '{program}' }} }}",
            self.at("offsite"),
            self.at("repository.unlock"),
            save.join("keys.env").display()
        ));
        self
    }

    fn with_keyring(mut self) -> Self {
        if !Path::new("/usr/bin/gpg-agent").is_file() {
            let _alone = alone();
            install(&["gnupg"]);
        }
        fs::create_dir(self.path("ring")).expect("a folder");
        fs::set_permissions(self.path("ring"), fs::Permissions::from_mode(0o700)).expect("a mode");
        let whose = "Restore <restore@example.invalid>";
        let home = ["--homedir", "ring", "--batch", "--quiet"];
        self.run(
            "gpg",
            &[&home[..], &["--passphrase", "", "--quick-generate-key", whose, "default", "default"]].concat(),
        );
        let locked = self.secret("in a file of gpg's");
        for (name, text) in [("key.gpg", self.encryption_key.clone()), ("staging.gpg", format!("GPG_TOKEN={locked}\n"))]
        {
            fs::write(self.path("plain"), text).expect("written");
            let to = ["--trust-model", "always", "--recipient", whose, "--output", name, "--encrypt", "plain"];
            self.run("gpg", &[&home[..], &to].concat());
            fs::remove_file(self.path("plain")).expect("removed");
        }
        self.run("gpgconf", &["--homedir", "ring", "--kill", "gpg-agent"]);
        let ring = self.at("ring");
        let program = self.shim("gpg", Path::new("/usr/bin/gpg"), &format!("GNUPGHOME='{ring}'"));
        self.shim("gpgconf", Path::new("/usr/bin/gpgconf"), "");
        self.source(
            "staging",
            &format!(
                "encrypted = {{ files = '{}', by = 'gpg', format = 'dotenv', program = '{program}' }}",
                self.at("staging.gpg")
            ),
        );
        self.copies.push(format!(
            "{{ name = 'keyring', site = 'keyring', file = '{}', gpg = {{ home = '{ring}', program = '{program}' }} }}",
            self.at("key.gpg")
        ));
        self
    }

    /// A service that answers challenges over HTTP, and remembers them.
    fn with_service(mut self) -> Self {
        let permit = self.secret("a permit");
        self.write("permit", &permit);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/challenge", listener.local_addr().expect("an address"));
        let asked = Asked::default();
        let (key, heard) = (self.encryption_key.clone(), Arc::clone(&asked.0));
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (mut reader, mut length, mut permitted) = (BufReader::new(&mut stream), 0, false);
                loop {
                    let mut line = String::new();
                    if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
                        break;
                    }
                    permitted |= line.contains(&permit);
                    if let Some(told) = line.to_lowercase().strip_prefix("content-length:") {
                        length = told.trim().parse().expect("a length");
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).expect("a body");
                let challenge = String::from_utf8(body).expect("UTF-8");
                let answer = if permitted { answer(&key, &challenge) } else { "no".to_owned() };
                heard.lock().unwrap_or_else(PoisonError::into_inner).push(challenge);
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", answer.len());
                let _ = stream.write_all(format!("{head}{answer}").as_bytes());
            }
        });
        self.kept.push(Box::new(asked));
        self.running
            .push(format!("{{ name = 'beat', http = {{ url = '{url}', permit = 'file:{}' }} }}", self.at("permit")));
        self
    }

    /// The key's answers to the challenges of these runs: with the challenge, which is no secret, each is a digest of the key.
    pub(super) fn add_answers(&mut self) {
        let asked = self.kept.iter().find_map(|kept| kept.downcast_ref::<Asked>()).expect("a service that was asked");
        let asked = asked.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        assert!(!asked.is_empty(), "the service was asked");
        for challenge in asked {
            let answer = answer(&self.encryption_key, &challenge);
            self.watch_for("an answer", answer.as_bytes());
            self.watch_for("an answer, its bytes", &hex::decode(answer).expect("digits"));
        }
    }

    /// A Postgres and a Redis, in which staging's credentials are tried.
    fn with_databases(mut self) -> Self {
        let server = super::in_runtime(postgres::Server::start());
        let [cache, other] = ["a cache's password", "another cache's"].map(|what| self.secret(what));
        for (name, value) in [("shop", postgres::SHOP), ("legacy", postgres::LEGACY)] {
            self.watch_for(&format!("the database's {name}"), value.as_bytes());
        }
        self.write("staging.databases.env", &format!(
            "SHOP_DATABASE_URL=postgres://shop:{}@db.internal/shop\nSTAGING_REDIS_URL=redis://:{other}@cache.internal:6379/0\n",
            postgres::SHOP
        ));
        self.write(
            "production.databases.env",
            &format!(
                "LEGACY_DATABASE_URL=postgres://legacy:{}@db.internal/shop\nREDIS_PASSWORD={cache}\n",
                postgres::LEGACY
            ),
        );
        self.source("staging", &format!("dotenv = '{}'", self.at("staging.databases.env")));
        self.source("production", &format!("dotenv = '{}'", self.at("production.databases.env")));
        self.servers.push_str(
            &server.at_socket("main", "users = ['shop', 'legacy']").replace("[[operating", "[[jobs.source.operating"),
        );
        let port = free_port();
        // Its own configuration, which holds its password, is the server's affair.
        let folder = self.path("redis");
        fs::create_dir(&folder).expect("a folder");
        let redis = redis::Server::start(&folder, port, &format!("port {port}\nrequirepass {cache}\n"));
        write!(
            self.servers,
            "[[jobs.source.operating_test.servers]]\nid = 'cache'\nenvironment = 'production'\nsystem = 'redis'\n\
             address = 'localhost:{port}'\ntls = false\n"
        )
        .expect("text can be written");
        self.kept.push(Box::new(server));
        self.kept.push(Box::new(redis));
        self
    }
}

/// What a service answers that runs with this key.
fn answer(key: &str, challenge: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(&hex::decode(key).expect("digits")).expect("a key of any length");
    mac.update(challenge.trim().as_bytes());
    hex::encode(mac.finalize().into_bytes())
}
