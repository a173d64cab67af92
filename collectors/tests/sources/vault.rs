//! KV secrets on a real OpenBao: every way in, every state of a secret, and what a run over them says.

use std::fs;
use std::path::Path;

use exhibit_collectors::sources::Listing;
use exhibit_evidence::Verdict;
use serde_json::json;

use crate::bao::{Bao, bao};
use crate::story::{assert_clean, read, run, shown, verdict, worst};

/// A folder with a token in a file, and the settings that all sources of this server share.
fn with_token(server: &Bao, token: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("token"), token).expect("written");
    let settings =
        format!("address='{}',authorities='{}',token='file:token'", server.address, server.authority.display());
    (folder, settings)
}

fn vault(settings: &str, further: &str) -> String {
    format!("vault = {{ {settings}, {further} }}\n")
}

#[test]
fn both_versions_are_read_whole() {
    let server = bao();
    for kv in [1, 2] {
        let mount = format!("whole-{kv}");
        server.mount(&mount, kv);
        server.put(&format!("{mount}/app/production"), &json!({"POSTGRES_PASSWORD": "canary-Pg7", "PORT": 5432}));
        server.put(&format!("{mount}/app/production/deep/er"), &json!({"password": "canary-D33p"}));
        server.put(&format!("{mount}/app/with blank"), &json!({"A_KEY": "canary-Bl4nk", "nested": {"b": "canary-N"}}));
        server.put(&format!("{mount}/other"), &json!({"A": "canary-0ther"}));
        let (folder, settings) = with_token(server, &server.root);
        let ask =
            |path: &str| read(folder.path(), &vault(&settings, &format!("mount='{mount}',kv={kv},path='{path}'")));

        let (listing, reading) = ask("app");
        let reading = reading.expect("read");
        assert_eq!(listing, Ok(Listing { names: 3 }));
        assert_eq!(reading.examined, 3);
        assert_eq!(
            shown(&reading),
            [
                "A_KEY=canary-Bl4nk",
                "PORT=5432",
                "POSTGRES_PASSWORD=canary-Pg7",
                "production/deep/er.password=canary-D33p",
                "unnamed.nested.b=canary-N",
            ]
        );
        // The folder's own name is a secret too; the whole mount; nothing at all.
        assert_eq!(shown(&ask("app/production").1.expect("read")).len(), 3);
        assert_eq!(ask("").0, Ok(Listing { names: 4 }));
        assert_eq!(ask("nothing/here").0, Ok(Listing { names: 0 }));

        let version = reading.credentials[0].version.clone();
        if kv == 1 {
            assert_eq!(version, None, "version 1 knows no ages");
            continue;
        }
        server.put(&format!("{mount}/app/production"), &json!({"POSTGRES_PASSWORD": "canary-Pg8"}));
        let again = ask("app/production").1.expect("read");
        let (before, after) = (version.expect("known"), again.credentials[0].version.clone().expect("known"));
        assert_eq!((before.id.as_deref(), after.id.as_deref()), (Some("1"), Some("2")));
        assert!(before.since.is_some() && before.since < after.since);
    }
}

#[test]
fn what_may_be_listed_and_not_read_is_told_with_its_age() {
    let server = bao();
    server.mount("listed", 2);
    server.put("listed/a", &json!({"A": "canary-Aaa"}));
    server.put("listed/a", &json!({"A": "canary-Bbb"}));
    server.put("listed/gone", &json!({"B": "canary-Ccc"}));
    server.told(&["kv", "delete", "listed/gone"], &[], b"");
    let token = server.token(
        "listed",
        "path \"listed/metadata/*\" { capabilities = [\"list\", \"read\"] }\n\
                                        path \"listed/data/gone\" { capabilities = [\"read\"] }",
    );
    let (folder, settings) = with_token(server, &token);
    let (listing, reading) = read(folder.path(), &vault(&settings, "mount='listed'"));
    let reading = reading.expect("listed");
    assert_eq!(listing, Ok(Listing { names: 2 }));
    assert_eq!(shown(&reading), ["a: not-permitted", "gone: deleted"]);
    assert_eq!(reading.examined, 0);
    let version = reading.unread[0].version.clone().expect("known");
    assert_eq!((version.id.as_deref(), version.kept), (Some("2"), Some(2)));
    assert!(version.since.is_some());

    let source = format!("[[credentials]]\nenvironment='production'\n{}", vault(&settings, "mount='listed'"));
    let ran = run(folder.path(), &source, "");
    assert_eq!(worst(&ran.1), Verdict::Error, "what was not seen is no pass");
    assert_clean(&ran, &["canary-Aaa", "canary-Bbb", &token]);
}

#[test]
fn roles_log_in_once_and_give_their_token_back() {
    let server = bao();
    server.mount("roles", 2);
    server.put("roles/app", &json!({"A_KEY": "canary-R0le"}));
    server.policy("roles", "path \"roles/*\" { capabilities = [\"list\", \"read\"] }");
    let [role_id, secret_id] = server.role("machines", &["token_policies=roles", "secret_id_num_uses=2"]);
    let (folder, settings) = with_token(server, &secret_id);
    let settings = settings.replace(
        "token='file:token'",
        &format!("approle={{role_id='{}',secret_id='file:token',mount='machines'}}", role_id),
    );
    // Other tests make and end tokens of theirs meanwhile.
    let tokens_of = |path: &str| {
        let all = server.told(&["list", "auth/token/accessors"], &[], b"");
        let is_of = |accessor: &&str| {
            server.try_told(&["token", "lookup", "-accessor", accessor], &[], b"").is_ok_and(|told| told.contains(path))
        };
        all.lines().filter(is_of).count()
    };
    assert_eq!(tokens_of("auth/token/root"), 1);
    let (listing, reading) = read(folder.path(), &vault(&settings, "mount='roles'"));
    assert_eq!(listing, Ok(Listing { names: 1 }));
    assert_eq!(shown(&reading.expect("read")), ["A_KEY=canary-R0le"]);
    assert_eq!(tokens_of("auth/machines/login"), 0, "tokens are given back");
    // Both uses of the secret id are used up.
    let error = read(folder.path(), &vault(&settings, "mount='roles'")).1.expect_err("refused");
    assert!(error.to_string().contains("role or its secret id"), "{error}");
    assert!(!error.to_string().contains(&secret_id));
}

#[test]
fn namespaces_are_kept_apart() {
    let server = bao();
    let team: &[(&str, &str)] = &[("BAO_NAMESPACE", "team")];
    server.told(&["namespace", "create", "team"], &[], b"");
    server.told(&["secrets", "enable", "-path=spaces", "-version=1", "kv"], team, b"");
    server.told(&["kv", "put", "spaces/app", "A_KEY=canary-T3am"], team, b"");
    let (folder, settings) = with_token(server, &server.root);
    let inside = read(folder.path(), &vault(&settings, "mount='spaces',kv=1,namespace='team'")).1.expect("read");
    assert_eq!(shown(&inside), ["A_KEY=canary-T3am"]);
    let outside = read(folder.path(), &vault(&settings, "mount='spaces',kv=1")).1.expect_err("not there");
    assert_eq!(outside.code(), "not-there", "{outside}");
    let nowhere = read(folder.path(), &vault(&settings, "mount='spaces',kv=1,namespace='nobody'")).1;
    assert!(nowhere.is_err());
}

#[test]
fn whoever_can_not_be_asked_is_an_error_with_a_steady_code() {
    let server = bao();
    server.mount("closed", 2);
    server.put("closed/a", &json!({"A": "canary-Cl0sed"}));
    let nobody = server.token("closed", "path \"elsewhere/*\" { capabilities = [\"list\"] }");
    let (folder, settings) = with_token(server, &nobody);
    let sealed = Bao::sealed();
    let (_, at_sealed) = with_token(&sealed, "canary-any");
    let no_authority = settings.replace(&format!("authorities='{}',", server.authority.display()), "");
    let gone = settings.replace(&server.address, "https://127.0.0.1:1");
    let no_file = settings.replace("file:token", "file:none");
    let code = |settings: &str, further: &str| {
        let (listing, reading) = read(folder.path(), &vault(settings, further));
        let (listed, read) = (listing.expect_err("refused"), reading.expect_err("refused"));
        assert_eq!(listed.code(), read.code());
        assert!(!format!("{read} {read:?}").contains("canary"), "{read}");
        (read.code(), read.to_string())
    };
    assert_eq!(code(&settings, "mount='closed'").0, "denied");
    assert_eq!(code(&at_sealed, "mount='closed'").0, "sealed");
    assert_eq!(code(&no_authority, "mount='closed'").0, "untrusted");
    assert_eq!(code(&gone, "mount='closed'").0, "unreachable");
    assert_eq!(code(&no_file, "mount='closed'").0, "no-credentials");
    let (_, as_root) = with_token(server, &server.root);
    fs::write(folder.path().join("token"), &server.root).expect("written");
    assert_eq!(
        code(&as_root, "mount='closed',kv=1"),
        ("remote-settings", "vault closed, KV version 1: the mount is of KV version 2, not 1".to_owned())
    );
    assert_eq!(code(&as_root, "mount='nowhere'").0, "not-there");
    assert_eq!(code(&as_root, "mount='sys',kv=1").0, "remote-settings");
}

/// Two environments in one vault, as a job's source.
fn both(settings: &str, mount: &str) -> String {
    ["staging", "production"]
        .map(|id| {
            let kind = vault(settings, &format!("mount='{mount}',path='{id}'"));
            format!("[[credentials]]\nenvironment='{id}'\n{kind}")
        })
        .concat()
}

#[test]
fn a_run_passes_fails_errs_and_is_vacuous() {
    let server = bao();
    server.mount("stories", 2);
    let values =
        ["canary-Qm7vK2xT9bLw4RzN", "canary-Fh3kP8vZ2mXcY7dQ", "canary-Bn6rT1wQ9dLsH4jV", "canary-Yx5gM7cV4tHjK2pB"];
    let put = |path: &str, pg: &str, redis: &str| {
        server.put(&format!("stories/{path}"), &json!({"POSTGRES_PASSWORD": pg, "REDIS_PASSWORD": redis}));
    };
    put("staging/app", values[0], values[1]);
    put("production/app", values[2], values[3]);
    let (folder, settings) = with_token(server, &server.root);
    let (folder, source): (&Path, _) = (folder.path(), both(&settings, "stories"));

    let passed = run(folder, &source, "");
    assert_eq!(worst(&passed.1), Verdict::Pass, "{:?}", passed.1);
    let population = &passed.0.population[0];
    assert_eq!((population.exist, population.examined), (Some(1), 1));
    assert!(population.counted_by.contains("LIST"));

    put("production/app", values[2], values[1]);
    let failed = run(folder, &source, "");
    assert_eq!(verdict(&failed.1, "shared-across-environments"), Verdict::Fail);

    let gone = run(folder, &source.replace(&server.address, "https://127.0.0.1:1"), "");
    assert_eq!(worst(&gone.1), Verdict::Error);
    assert!(gone.0.problems.iter().all(|problem| problem.code == "unreachable"), "{:?}", gone.0.problems);

    let empty = run(folder, &source.replace("path='", "path='nothing/"), "");
    assert_eq!(worst(&empty.1), Verdict::Vacuous);

    for ran in [&passed, &failed, &gone, &empty] {
        assert_clean(ran, &values);
        assert_clean(ran, &[&server.root]);
    }
}
