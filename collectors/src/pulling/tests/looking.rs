//! Looking at an image without pulling it.

use super::super::standing::{Login, Standing, all_in, standing};
use super::*;

/// How `shop/web` and what follows stands in a registry, with further settings of it.
fn looked(registry: &FakeRegistry, rest: &str, further: &str) -> Result<Standing, String> {
    let base = TempDir::new().expect("a folder");
    fs::write(base.path().join("password"), PASSWORD).expect("written");
    let host = registry.host();
    let source = format!(
        "[[targets]]\npull = '{host}/shop/web{rest}'\n[[registries]]\nhost = '{host}'\nplain_http = true\n{further}"
    );
    let [named] = &all_in(&toml::from_str(&source).expect("TOML"))[..] else { panic!("one is named") };
    let found = standing(named, base.path());
    assert!(!format!("{found:?}").contains("4711"), "{found:?}");
    found.map_err(|why| why.to_string())
}

/// What a registry answers that has this image: no more of it than is asked for, and its digest if it tells that.
fn head(kept: &Kept, tells: bool) -> impl Fn(&Asked, usize) -> Option<Reply> + Send + Sync + use<> {
    let digest = kept.manifest.clone();
    move |asked, _| {
        if asked.target == "/v2/" {
            return Some(Reply::ok("{}"));
        }
        let told = || if tells { vec![("Docker-Content-Digest", digest.clone())] } else { vec![] };
        (asked.method == "HEAD" && asked.target.ends_with("/1.4")).then(|| Reply::Answer(200, told(), vec![]))
    }
}

#[test]
fn a_registry_is_asked_for_the_digest_and_for_nothing_more() {
    let kept = Kept::new();
    for (tells, paths) in [(true, 2), (false, 3)] {
        let registry = FakeRegistry::new(&kept, head(&kept, tells));
        let found = looked(&registry, ":1.4", LOGIN).expect("it stands");
        assert_eq!((found.digest, found.login, found.pinned), (kept.manifest.clone(), Login::NotAskedFor, false));
        assert_eq!((registry.paths().len(), registry.paths()[0].as_str()), (paths, "/v2/"));
        assert!(!registry.paths().iter().any(|path| path.contains("/blobs/")));
        assert!(registry.0.asked().iter().all(|asked| asked.header("authorization").is_none()));
    }
    let registry = guarded(&kept, None);
    assert!(
        looked(&registry, ":1.4", LOGIN).is_err_and(|why| why.contains("`/v2/` (404)")),
        "this one has no front door"
    );
}

#[test]
fn who_does_not_get_in_or_finds_another_image_is_told_so() {
    let kept = Kept::new();
    let challenge = || vec![("WWW-Authenticate", "Basic realm=x".to_owned())];
    let closed = FakeRegistry::new(&kept, move |_, _| Some(Reply::Answer(401, challenge(), vec![])));
    let why = looked(&closed, ":1.4", LOGIN).expect_err("refused");
    assert!(why.contains("refuses anything (401): with the user and password that the settings name"), "{why}");
    let why = looked(&closed, ":1.4", "").expect_err("refused");
    assert!(why.contains("refuses anything (401): without a password"), "{why}");

    // It lets us in, and not to this image; has none of this name; or has another one than the pinned.
    let other = format!("sha256:{}", "3".repeat(64));
    for (rest, status, told, expected) in [
        (":1.4".to_owned(), 403, None, "refuses shop/web:1.4 (403): without a password".to_owned()),
        (":none".to_owned(), 404, None, "has no shop/web:none (404)".to_owned()),
        (format!("@{}", kept.manifest), 200, Some(other.clone()), format!("the manifest has the digest {other}")),
        (":1.4".to_owned(), 503, None, "answered 503".to_owned()),
    ] {
        let registry = FakeRegistry::new(&kept, move |asked, _| {
            let told = told.iter().map(|told| ("Docker-Content-Digest", told.clone())).collect();
            Some(if asked.target == "/v2/" { Reply::ok("{}") } else { Reply::Answer(status, told, vec![]) })
        });
        let why = looked(&registry, &rest, "").expect_err(&expected);
        assert!(why.contains(&expected), "{why}");
    }
    let page = FakeRegistry::new(&kept, |_, _| {
        Some(Reply::Answer(200, vec![("Content-Type", "text/html".to_owned())], b"<html>".to_vec()))
    });
    assert!(looked(&page, ":1.4", "").is_err_and(|why| why.contains("a page of HTML")));
}
