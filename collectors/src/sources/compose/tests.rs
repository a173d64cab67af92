//! Compose projects, each written into a folder of its own.

use super::*;
use crate::sources::Credential;

/// Writes the files and gives the project over them.
fn project(given: &[(&str, &str)], files: &[&str], env_files: &[&str]) -> (tempfile::TempDir, Compose) {
    let folder = tempfile::tempdir().expect("temporary folder");
    for (name, text) in given {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        std::fs::write(path, text).expect("written");
    }
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let compose = Compose {
        root: Root::folder(folder.path()),
        environment: "staging".to_owned(),
        files: owned(files),
        env_files: owned(env_files),
    };
    (folder, compose)
}

fn read(compose: &Compose) -> Reading {
    let reading = compose.read().expect("read");
    let counted = compose.listing().expect("counted").names;
    let seen = reading.examined + reading.unread.len() as u64;
    assert_eq!(counted, seen, "the own count and the reader agree");
    reading
}

fn line(found: &Credential) -> String {
    let through = found.through(0..usize::MAX).join(">");
    let default = if found.from_default(0..usize::MAX) { " default" } else { "" };
    format!("{}={} {} [{through}]{default}", found.name, found.value.text().unwrap_or("?"), found.place)
}

fn lines(found: &[Credential]) -> Vec<String> {
    found.iter().map(line).collect()
}

#[test]
fn overlays_merge_and_variables_resolve() {
    let base = "\
x-common: &common
  LOG: info
  DB_PASSWORD: ${DB_PASSWORD:-dev}
services:
  web:
    environment:
      <<: *common
      DATABASE_URL: postgres://app:${DB_PASSWORD:-dev}@db/shop
      PORT: 8080
  worker:
    environment:
      - MODE=worker
      - DB_PASSWORD
      - OUTSIDE
    env_file: worker.env
";
    let overlay = "\
services:
  web:
    environment:
      - LOG=debug
  worker:
    environment:
      MODE: batch
    env_file:
      - path: missing.env
        required: false
      - extra.env
";
    let given = [
        ("compose.yml", base),
        ("over.yml", overlay),
        (".env", "DB_PASSWORD=from-dotenv\n"),
        ("worker.env", "A=1\nB=${DB_PASSWORD}\n"),
        ("extra.env", "A=2\nMODE=ignored\n"),
    ];
    let (_folder, compose) = project(&given, &["compose.yml", "over.yml"], &[]);
    let reading = read(&compose);
    assert_eq!(
        lines(&reading.credentials),
        [
            "DATABASE_URL=postgres://app:from-dotenv@db/shop compose.yml:8 (services.web.environment.DATABASE_URL) [DB_PASSWORD]",
            "PORT=8080 compose.yml:9 (services.web.environment.PORT) []",
            "LOG=debug over.yml:4 (services.web.environment.LOG) []",
            "DB_PASSWORD=from-dotenv compose.yml:3 (services.web.environment.DB_PASSWORD) [DB_PASSWORD]",
            "MODE=batch over.yml:7 (services.worker.environment.MODE) []",
            "DB_PASSWORD=from-dotenv compose.yml:13 (services.worker.environment.DB_PASSWORD) [DB_PASSWORD]",
            "A=2 extra.env:1 (A) []",
            "B=from-dotenv worker.env:2 (B) [DB_PASSWORD]",
        ]
    );
    assert_eq!(reading.unread.len(), 1);
    assert_eq!(reading.unread[0].name, "OUTSIDE");
}

#[test]
fn the_last_of_a_repeated_name_wins_and_nothing_overrides_nothing() {
    let base = "services:\n  a:\n    environment: {A: 1, B: 2}\n  b:\n    environment: [C=1, D=2, C=3]\n";
    let over = "services:\n  a:\n    environment:\n  b:\n    environment: {D: }\n";
    let (_folder, compose) = project(&[("c.yml", base), ("o.yml", over)], &["c.yml", "o.yml"], &[]);
    let reading = read(&compose);
    let values: Vec<_> =
        reading.credentials.iter().map(|one| format!("{}={}", one.name, one.value.text().unwrap_or("?"))).collect();
    assert_eq!(values, ["A=1", "B=2", "C=3"]);
    assert_eq!(reading.unread[0].name, "D");
}

#[test]
fn a_default_is_marked_and_a_given_variable_file_replaces_the_usual_one() {
    let base = "services:\n  db:\n    environment: {PW: '${PW:-changeme}', X: '${X-}'}\n";
    let given = [("c/compose.yml", base), ("c/.env", "PW=usual\n"), ("other.env", "X=1\n")];
    let (_folder, compose) = project(&given, &["c/compose.yml"], &["other.env"]);
    assert_eq!(
        lines(&read(&compose).credentials),
        [
            "PW=changeme c/compose.yml:3 (services.db.environment.PW) [PW] default",
            "X=1 c/compose.yml:3 (services.db.environment.X) [X]",
        ]
    );
}

#[test]
fn extends_secrets_and_commands() {
    let base = "\
services:
  base:
    environment: {A: one, B: base}
  web:
    extends: base
    environment: {B: web}
    command: redis-server --requirepass ${RP:-fallback}
    healthcheck:
      test: [CMD, redis-cli, -a, '$${RP}', ping]
  far:
    extends: {file: sub/other.yml, service: deep}
include: [x.yml]
secrets:
  token: {file: ./token.txt}
  from_env: {environment: RP}
  elsewhere: {external: true}
configs:
  inline: {content: 'password=x'}
  whole: {file: nginx.conf}
";
    let other = "services:\n  deep:\n    environment: {D: deep}\n    env_file: deep.env\n";
    let given = [
        ("compose.yml", base),
        ("sub/other.yml", other),
        ("sub/deep.env", "E=far\n"),
        ("token.txt", "tok\n"),
        ("v.env", "RP=given\n"),
    ];
    let (_folder, compose) = project(&given, &["compose.yml"], &["v.env"]);
    let reading = read(&compose);
    let shown = lines(&reading.credentials);
    for expected in [
        "A=one compose.yml:3 (services.web.environment.A) []",
        "B=web compose.yml:6 (services.web.environment.B) []",
        "D=deep sub/other.yml:3 (services.far.environment.D) []",
        "E=far sub/deep.env:1 (E) []",
        "token=tok token.txt (secrets.token) []",
        "from_env=given compose.yml:15 (secrets.from_env) [RP]",
    ] {
        assert!(shown.iter().any(|line| line == expected), "{expected} in {shown:#?}");
    }
    assert_eq!(
        lines(&reading.found_elsewhere),
        ["redis-requirepass=given compose.yml:7 (services.web.command.redis-requirepass) [RP]"]
    );
    let unread: Vec<_> = reading.unread.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(unread, ["elsewhere"]);
    assert_eq!(reading.blind_spots.len(), 2);
}

#[test]
fn refused_with_place_and_without_the_value() {
    let cases = [
        (
            "services:\n  a:\n    environment: {P: '${X:?hunter2}'}\n",
            "compose.yml:3: services.a.environment.P: the variable X is required and has no value in the variable file given",
        ),
        (
            "services:\n  a:\n    environment: {P: 'hunter2$'}\n",
            "compose.yml:3: services.a.environment.P: expected `$NAME`, `${NAME}` or `$$` for a dollar sign",
        ),
        (
            "services:\n  a:\n    environment: {P: [hunter2]}\n",
            "compose.yml:3: services.a.environment.P: expected a text, a number or nothing",
        ),
        (
            "services:\n  a:\n    environment:\n      - 'P: hunter2'\n",
            "compose.yml:4: services.a.environment: expected `NAME: value` or `NAME=value`",
        ),
        (
            "services: {}\nsecrets:\n  'hunter2 x': {external: true}\n",
            "compose.yml:3: secrets: expected a name of letters, digits, `_`, `.` and `-`",
        ),
        (
            "services:\n  a:\n    env_file: [{path: x.env, format: raw}]\n",
            "compose.yml:3: services.a.env_file: expected no `format`: files in another format are not supported yet",
        ),
        ("services:\n  a:\n    env_file: no.env\n", "no.env: cannot be read: no such file or folder"),
        ("services:\n  a: {extends: a}\n", "compose.yml:2: a: expected `extends` that comes to an end"),
        ("services:\n  a: {extends: b}\n", "compose.yml:1: b: expected a service of that name"),
        (
            "services:\n  a:\n    environment: !reset {}\n",
            "compose.yml:3: tag: expected no `!reset` or `!override`, which are not supported yet",
        ),
        ("volumes: {}\n", "compose.yml:1: services: expected a mapping of services"),
        ("secrets:\n  s: {file: no.txt}\nservices: {}\n", "no.txt: cannot be read: no such file or folder"),
    ];
    for (text, expected) in cases {
        let (_folder, compose) = project(&[("compose.yml", text)], &["compose.yml"], &[]);
        let error = compose.read().expect_err("refused");
        assert_eq!(error.to_string(), expected);
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}

mod whatever_the_input {
    use super::*;
    use proptest::prelude::*;

    /// One of the lines, or none.
    fn maybe(lines: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
        prop::option::weighted(0.7, prop::sample::select(lines)).prop_map(Option::unwrap_or_default)
    }

    fn service() -> impl Strategy<Value = String> {
        let environment = maybe(&[
            "    environment: {A: '${V:-x}', B: $V, C: }\n",
            "    environment: {A: 1, D: '${OUTSIDE}'}\n",
            "    environment: [A=1, D, V, A=2]\n",
            "    environment: *shared\n",
            "    environment: {<<: *shared, A: 3}\n",
            "    environment: []\n",
            "    environment:\n",
            "    environment: {E: [x]}\n",
        ]);
        let env_file = maybe(&[
            "    env_file: a.env\n",
            "    env_file: [a.env, {path: no.env, required: false}, {path: b.env}]\n",
            "    env_file: [b.env]\n",
            "    env_file: ['${V}.env']\n",
        ]);
        let rest = maybe(&[
            "    extends: base\n",
            "    extends: {service: base}\n",
            "    extends: {service: far, file: sub/other.yml}\n",
            "    command: x --requirepass ${V}\n",
            "    command: [x, '--password=${V:?}']\n",
            "    image: x\n",
        ]);
        (environment, env_file, rest).prop_map(|(one, two, three)| format!("{one}{two}{three}    restart: always\n"))
    }

    fn file() -> impl Strategy<Value = String> {
        let sections = maybe(&[
            "secrets: {s: {environment: V}, t: {external: true}, u: {file: a.env}}\n",
            "configs: {u: {content: 'x${V}'}, w: {file: x.conf}}\n",
            "secrets: {s: {environment: NONE}}\nconfigs: {s: {external: true}}\n",
            "include: [x.yml]\n",
        ]);
        let service = || service().boxed();
        (service(), service(), service(), sections).prop_map(|(base, web, db, sections)| {
            format!(
                "x-shared: &shared {{S: 1, T: '${{V}}'}}\nservices:\n  web:\n{web}  db:\n{db}  base:\n{}{sections}",
                base.replace("extends", "x-extends")
            )
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, max_global_rejects: 4096, ..ProptestConfig::default() })]
        /// Both paths succeed or fail together, and count the same names.
        #[test]
        fn the_own_count_and_the_reader_agree(one in file(), two in file()) {
            let leaked = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
            let given = vec![
                ("c.yml", leaked(one)),
                ("o.yml", leaked(two)),
                ("a.env", "P=1\nQ\nR=$V$W\nA=9\n"),
                ("b.env", "P=2\nV=x\n"),
                ("v.env", "Z=1\n"),
                (".env", "V=v\n"),
                ("sub/other.yml", "services: {far: {environment: {F: 1, A: 2}, env_file: f.env}}\n"),
                ("sub/f.env", "G=1\nF=2\n"),
            ];
            let files: &'static [(&str, &str)] = Box::leak(given.into_boxed_slice());
            let compose = Compose {
                root: Root::Memory(files),
                environment: "staging".to_owned(),
                files: vec!["c.yml".to_owned(), "o.yml".to_owned()],
                env_files: Vec::new(),
            };
            let reading = compose.read();
            prop_assume!(reading.is_ok());
            let reading = reading.expect("assumed");
            let seen = reading.examined + reading.unread.len() as u64;
            prop_assert_eq!(compose.listing().expect("read, so counted").names, seen);
        }
    }
}
