//! Images that a registry reference names, pulled from a real registry, scanned by real scanners, sealed and told.

use std::{fs, path::Path};

use exhibit_tests::Needles;
use serde_json::{Value, json as value};

use super::{
    exhibit,
    scanning::{Shop, counted, findings, outcome, text},
    searched,
};
use crate::{
    registries::{Guard, PASSWORD, Registry, Tokens, USER, packed},
    scanners::image::{FLAWED, of_debian},
};

/// A version of the image's package that has the flaw no more.
const MENDED: &str = "1:1.2.13.dfsg-2";
const KNOWN: &str = "container-scan.known-vulnerabilities";

/// A shop whose registry is named in its settings, with a password in a variable.
struct Pulling {
    shop: Shop,
    further: String,
}

impl Pulling {
    fn new(registry: &Registry, guard: &str) -> Self {
        let shop = Shop::new();
        fs::create_dir(shop.place.join("tmp")).expect("made");
        let further = format!(
            "\n[[jobs.source.registries]]\nhost = \"{}\"\nusername = \"{USER}\"\npassword = \"env:REGISTRY_PASSWORD\"\n{guard}\n",
            registry.host
        );
        Self { shop, further }
    }

    /// A job whose one target this is, with a scanner.
    fn with_job(mut self, id: &str, collector: &str, target: &str) -> Self {
        self.shop = self.shop.with_job(id, collector, &[format!("{target}\n{}", self.further)]);
        self
    }

    /// Performs a job with this password, and gives back its evidence; nothing is left where it pulled to.
    fn run(&self, code: i32, job: &str, password: &str) -> (Value, String) {
        let tmp = self.shop.place.join("tmp");
        let mut run = exhibit(self.shop.path(), &["run", job]);
        let ran = run.env("REGISTRY_PASSWORD", password).env("TMPDIR", &tmp).output().expect("it starts");
        let told = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert_eq!(ran.status.code(), Some(code), "{told}");
        assert!(!told.contains(PASSWORD), "{told}");
        assert_eq!(names(&tmp), [""; 0], "what was pulled is taken away");
        self.shop.shown(job)
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

fn pulled(shown: &Value) -> &Value {
    &shown["record"]["body"]["observation"]["facts"]["targets"][0]["pulled"]
}

#[test]
fn a_tag_that_was_moved_is_two_images_in_evidence_and_what_is_mended_is_closed() {
    let registry = Registry::start(&Guard::Passwords);
    let authorities = format!("authorities = {:?}", registry.authority);
    let pulling = Pulling::new(&registry, &authorities);
    let trivy = pulling.shop.scan("**", "trivy", value!({"database": "trivy"}));
    let reference = format!("{}/shop/web:1.4", registry.host);
    let pulling =
        pulling.with_job("images", "container_scan", &format!("id = \"web\"\npull = \"{reference}\"\n{trivy}"));

    let first = registry.push("shop/web", "1.4", &of_debian(FLAWED));
    let (shown, words) = pulling.run(0, "images", PASSWORD);
    assert_eq!(counted(&shown, "web"), (1, 1, 0));
    let [finding] = findings(&shown, KNOWN)[..] else { panic!("{shown}") };
    assert_eq!(text(finding, "/attributes/reference"), reference);
    assert_eq!(text(finding, "/attributes/image"), first);
    let facts = pulled(&shown);
    assert_eq!((text(facts, "/reference"), text(facts, "/registry")), (reference.as_str(), registry.host.as_str()));
    assert_eq!((text(facts, "/digest"), text(facts, "/manifest")), (first.as_str(), first.as_str()));
    assert_eq!((&facts["signed_in"], &facts["pinned"]), (&value!(true), &value!(false)));
    let rights = text(&shown, "/record/body/observation/rights");
    assert!(
        rights.ends_with(&format!("to pull images of {}, as the user that the settings name", registry.host)),
        "{rights}"
    );
    let complete = outcome(&shown, "container-scan.complete-population", "web");
    assert!(complete.0 == "pass" && complete.1.contains(&format!("{reference} (then {first})")), "{complete:?}");
    assert!(words.contains("CVE-2023-45853"), "{words}");

    // Somebody gives the tag to another image.
    let second = registry.push("shop/web", "1.4", &of_debian(MENDED));
    assert_ne!(first, second);
    let (shown, _) = pulling.run(0, "images", PASSWORD);
    assert_eq!((text(pulled(&shown), "/digest"), findings(&shown, KNOWN).len()), (second.as_str(), 0));
    let report = pulling.shop.report();
    assert!(report.contains("remediated") && report.contains(&second), "{report}");
    assert!(!report.contains(PASSWORD));

    // The password is neither in the deployment nor in what its scanners were given.
    let needles = Needles::new(&[PASSWORD.to_owned()]);
    let (bytes, found) = searched(pulling.shop.path(), &needles, |_| false);
    assert!(bytes > 1_000_000 && found.is_empty(), "{bytes}: {found:?}");
}

#[test]
fn a_registry_that_wants_a_token_gets_one_of_who_gives_them() {
    let tokens = Tokens::start();
    let registry = Registry::start(&Guard::Tokens(&tokens));
    let pulling = Pulling::new(&registry, "plain_http = true");
    let (index, own) = registry.push_index("shop/web", "1.4", &of_debian(FLAWED));
    let host = registry.host.clone();
    let trivy = pulling.shop.scan("**", "trivy", value!({"database": "trivy"}));
    let scanner = pulling.shop.scanner("syft", value!({}));
    let mode = scanner.replacen("adapter = \"syft\"", "adapter = \"syft\", mode = \"oci-dir\"", 1);
    let pulling = pulling
        .with_job("images", "container_scan", &format!("id = \"web\"\npull = \"{host}/shop/web:1.4\"\n{trivy}"))
        .with_job("pinned", "container_scan", &format!("id = \"web\"\npull = \"{host}/shop/web@{index}\"\n{trivy}"))
        .with_job("refused", "container_scan", &format!("id = \"web\"\npull = \"{host}/shop/web:1.4\"\n{trivy}"))
        .with_job("none", "container_scan", &format!("id = \"web\"\npull = \"{host}/shop/none:1.4\"\n{trivy}"))
        .with_job(
            "other",
            "container_scan",
            &format!("id = \"web\"\npull = \"{host}/shop/web:1.4\"\nplatform = \"linux/s390x\"\n{trivy}"),
        )
        .with_job("bills", "sbom", &format!("id = \"web\"\npull = \"{host}/shop/web:1.4\"\n{mode}"));

    for (job, pinned) in [("images", false), ("pinned", true)] {
        let (shown, _) = pulling.run(0, job, PASSWORD);
        assert_eq!((counted(&shown, "web"), findings(&shown, KNOWN).len()), ((1, 1, 0), 1), "{job}");
        let facts = pulled(&shown);
        assert_eq!((text(facts, "/digest"), text(facts, "/manifest")), (index.as_str(), own.as_str()));
        assert_eq!((text(facts, "/platform"), &facts["pinned"]), ("linux/amd64", &value!(pinned)));
    }
    assert!(
        tokens.asked().iter().all(|asked| asked.contains("scope=repository%3Ashop%2Fweb%3Apull")),
        "{:?}",
        tokens.asked()
    );

    // A bill that is made of it in the same run is of it, and lists what is there.
    let (shown, _) = pulling.run(0, "bills", PASSWORD);
    for check in ["exists", "describes-target", "complete"] {
        assert_eq!(outcome(&shown, &format!("sbom.{check}"), "web").0, "pass", "{check}");
    }
    assert_eq!(text(pulled(&shown), "/digest"), index);

    let refused = "refuses shop/web:1.4 (401): with the user and password that the settings name";
    for (job, password, said) in [
        ("refused", "wrong", refused),
        ("none", PASSWORD, "has no shop/none:1.4 (404)"),
        ("other", PASSWORD, "there is no image for linux/s390x: there are linux/amd64, linux/arm64"),
    ] {
        let (shown, words) = pulling.run(1, job, password);
        for check in ["complete-population", "known-vulnerabilities", "remediation-in-time"] {
            let (verdict, why) = outcome(&shown, &format!("container-scan.{check}"), "web");
            assert!(verdict == "error" && why.contains(said), "{job}: {check}: {verdict}: {why}");
        }
        // How old a database is that nobody asked is not known either.
        assert_eq!(outcome(&shown, "container-scan.fresh-database", "web").0, "error", "{job}");
        assert!(words.contains(said), "{words}");
    }
    // What a job noted itself before stays open when it can't look any more.
    let (shown, _) = pulling.run(0, "images", "wrong");
    let (verdict, why) = outcome(&shown, KNOWN, "web");
    assert!(verdict == "fail" && why.contains(refused) && findings(&shown, KNOWN).len() == 1, "{verdict}: {why}");
    assert_eq!(outcome(&shown, "container-scan.complete-population", "web").0, "error");

    let report = pulling.shop.report();
    assert!(report.contains("could not be found out") && !report.contains(PASSWORD), "{report}");
}

#[test]
fn what_was_changed_in_the_registry_or_is_not_let_out_is_an_error() {
    let registry = Registry::start(&Guard::Passwords);
    let shop = Shop::new();
    let trivy = shop.scan("**", "trivy", value!({"database": "trivy"}));
    let target = format!("id = \"web\"\npull = \"{}/shop/web:1.4\"\n{trivy}", registry.host);
    let open =
        format!("\n[[jobs.source.registries]]\nhost = \"{}\"\nauthorities = {:?}\n", registry.host, registry.authority);
    let shop = shop.with_job("nobody", "container_scan", &[format!("{target}{open}")]).with_job(
        "untrusted",
        "container_scan",
        std::slice::from_ref(&target),
    );
    let image = of_debian(FLAWED);
    registry.push("shop/web", "1.4", &image);
    for (job, said) in [
        ("nobody", "(401): without a password, and the settings name none for this registry"),
        ("untrusted", "its certificate is not one that is trusted here"),
    ] {
        let (shown, _) = shop.run(1, job);
        let (verdict, why) = outcome(&shown, KNOWN, "web");
        assert!(verdict == "error" && why.contains(said), "{job}: {verdict}: {why}");
    }

    let registry = Registry::start(&Guard::Nobody);
    registry.push("shop/web", "1.4", &image);
    registry.change_blob(&packed(&image));
    let target = format!("id = \"web\"\npull = \"{}/shop/web:1.4\"\n{trivy}", registry.host);
    let open = format!("\n[[jobs.source.registries]]\nhost = \"{}\"\nplain_http = true\n", registry.host);
    let shop = Shop::new().with_job("changed", "container_scan", &[format!("{target}{open}")]);
    let (shown, _) = shop.run(1, "changed");
    let (verdict, why) = outcome(&shown, KNOWN, "web");
    assert!(verdict == "error" && why.contains("layer 1 of 1 has the digest sha256:"), "{verdict}: {why}");
}
