//! What `exhibit doctor` says of the registries that jobs pull images of: real ones, open, behind passwords and behind tokens,
//! and one that is not there.

use std::fs;

use serde_json::Value;

use super::{Place, exhibit};
use crate::{
    logins::free_port,
    registries::{Guard, PASSWORD, Registry, Tokens, USER},
    scanners::image::{FLAWED, of_debian},
};

/// A deployment with a job for each of these targets, each with what is said of its registry.
fn deployment(jobs: &[(&str, String, String)]) -> Place {
    let place = Place::new();
    let mut text =
        "[deployment]\nname = \"Looking up\"\ntime_zone = \"UTC\"\ndata_dir = \"data\"\n\n[environments.production]\n"
            .to_owned();
    for (job, pull, registry) in jobs {
        text += &format!(
            "\n[[jobs]]\nid = \"{job}\"\ncollector = \"container_scan\"\nenvironments = [\"production\"]\nschedule = \"23 4 * * *\"\n\n\
             [[jobs.source.targets]]\nid = \"web\"\npull = \"{pull}\"\n\n[[jobs.source.targets.scans]]\nresult = \"none.json\"\n\n[[jobs.source.registries]]\n{registry}\n"
        );
    }
    fs::write(place.join("exhibit.toml"), text).expect("written");
    place
}

/// What is said of registries: the state and what was found, by job.
fn told(place: &Place, password: &str) -> Vec<(String, String)> {
    let mut doctor = exhibit(place.path(), &["doctor", "--format", "json", "-vv"]);
    let output = doctor.env("REGISTRY_PASSWORD", password).output().expect("it starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    let all = format!("{printed}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!all.contains(PASSWORD) && !all.contains("Basic ") && !all.contains("Bearer "), "{all}");
    let findings: Value = serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {all}"));
    let of = findings.as_array().expect("a list").iter().filter(|one| one["code"] == "work.registries");
    of.map(|one| {
        assert_eq!(one["remedy"].is_null(), one["state"] == "ok", "{one}");
        let word = |key: &str| one[key].as_str().expect("a word").to_owned();
        (word("state"), word("found"))
    })
    .collect()
}

#[test]
fn each_registry_is_asked_and_what_it_says_is_told() {
    let image = of_debian(FLAWED);
    let open = Registry::start(&Guard::Nobody);
    let first = open.push("shop/web", "1.4", &image);
    let guarded = Registry::start(&Guard::Passwords);
    guarded.push("shop/web", "1.4", &image);
    let tokens = Tokens::start();
    let by_token = Registry::start(&Guard::Tokens(&tokens));
    let (index, _) = by_token.push_index("shop/web", "1.4", &image);
    let gone = format!("127.0.0.1:{}", free_port());

    let login = format!("username = \"{USER}\"\npassword = \"env:REGISTRY_PASSWORD\"\n");
    let web = |host: &str| format!("{host}/shop/web:1.4");
    let plain = |host: &str, login: &str| format!("host = \"{host}\"\nplain_http = true\n{login}");
    let trusting = |login: &str| format!("host = \"{}\"\nauthorities = {:?}\n{login}", guarded.host, guarded.authority);
    let other = format!("sha256:{}", "4".repeat(64));
    let place = deployment(&[
        ("open", web(&open.host), plain(&open.host, "")),
        ("open-login", web(&open.host), plain(&open.host, &login)),
        ("pinned", format!("{}/shop/web@{first}", open.host), plain(&open.host, "")),
        ("other", format!("{}/shop/web@{other}", open.host), plain(&open.host, "")),
        ("none", format!("{}/shop/none:1.4", open.host), plain(&open.host, "")),
        ("password", web(&guarded.host), trusting(&login)),
        ("nobody", web(&guarded.host), trusting("")),
        ("untrusted", web(&guarded.host), format!("host = \"{}\"\n{login}", guarded.host)),
        ("token", web(&by_token.host), plain(&by_token.host, &login)),
        ("down", web(&gone), plain(&gone, &login)),
    ]);
    let taken = "user and password were taken";
    let without = "without a password, and the settings name none for this registry";
    let expected = [
        ("open", "ok", format!("leads to {first}; asked without a password")),
        ("open-login", "ok", format!("leads to {first}; user and password were not asked for")),
        ("pinned", "ok", "is there; asked without a password".to_owned()),
        ("other", "fail", format!("has no shop/web@{other} (404)")),
        ("none", "fail", "has no shop/none:1.4 (404)".to_owned()),
        ("password", "ok", format!("leads to {first}; {taken}")),
        ("nobody", "fail", format!("refuses anything (401): {without}")),
        ("untrusted", "fail", "its certificate is not one that is trusted here".to_owned()),
        ("token", "ok", format!("leads to {index}; {taken}")),
        ("down", "fail", "no connection".to_owned()),
    ];
    let found = told(&place, PASSWORD);
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((job, state, said), (own, what)) in expected.iter().zip(&found) {
        assert!(
            own == state && what.starts_with(&format!("job {job}: ")) && what.contains(said),
            "{job}: {own}: {what}"
        );
    }

    let found = told(&place, "wrong");
    for at in [5, 8] {
        let (state, what) = &found[at];
        assert!(state == "fail" && what.contains("(401): with the user and password that the settings name"), "{what}");
    }
    // A secret that is not there is told by its name.
    let place =
        deployment(&[("images", web(&open.host), plain(&open.host, &login.replace("REGISTRY_PASSWORD", "NONE")))]);
    let [(state, what)] = &told(&place, PASSWORD)[..] else { panic!("one") };
    assert!(state == "fail" && what.contains("NONE"), "{what}");
    assert_eq!(told(&deployment(&[]), PASSWORD), [("ok".to_owned(), "no job pulls images".to_owned())]);
}
