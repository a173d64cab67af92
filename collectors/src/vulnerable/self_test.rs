//! The self-test: a lockfile with a planted vulnerability, one without, and a scanner that passed over everything and
//! called it clean, through the same code.

use std::fs;
use std::path::Path;

use exhibit_detect::Engine;
use exhibit_evidence::{EnvironmentId, Verdict, deployment::Environment, observation::SelfTest};

use super::Looks;
use super::judge::checks;
use crate::cases::CaseClock;
use crate::packages::image::making::{Layer, Recipe};
use crate::{Collector as _, Scope, Settings};

const BAD: &str = r#"{"dependencies": [{"name": "planted", "version": "1.0", "vulns": [{"id": "CVE-2026-0001", "fix_versions": ["1.1"], "aliases": [], "description": "planted"}]}], "fixes": []}"#;
const GOOD: &str = r#"{"dependencies": [{"name": "planted", "version": "1.0", "vulns": []}], "fixes": []}"#;
const HOLLOW: &str =
    r#"{"dependencies": [{"name": "planted", "skip_reason": "the service could not be reached"}], "fixes": []}"#;
const LIST: &str = r#"{"dateReleased": "2026-11-20T00:00:00Z", "vulnerabilities": [{"cveID": "CVE-2026-0001"}]}"#;

/// A digest behind an image's name.
const PINNED: &str = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

pub(super) fn run(looks: Looks, engine: &Engine) -> SelfTest {
    match try_run(looks, engine) {
        Ok(()) => SelfTest {
            passed: true,
            detail: "a planted vulnerability was noted, a clean result of the same package was not, and a scanner that passed over everything made no pass".to_owned(),
        },
        Err(detail) => SelfTest { passed: false, detail },
    }
}

fn try_run(looks: Looks, engine: &Engine) -> Result<(), String> {
    for (name, result, expected) in
        [("known-bad", BAD, Verdict::Fail), ("known-good", GOOD, Verdict::Pass), ("hollow", HOLLOW, Verdict::Vacuous)]
    {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        prepare(folder.path(), result).map_err(|error| format!("the {name} fixture: {error}"))?;
        let image = format!("FROM planted:1{}\n", if name == "known-good" { PINNED } else { "" });
        let image = if name == "hollow" { "FROM scratch\n" } else { &image };
        fs::write(folder.path().join("Dockerfile"), image).map_err(|error| error.to_string())?;
        let own = (looks == Looks::Images).then_some("pinned-images");
        for check in ["known-vulnerabilities", "known-exploited"].into_iter().chain(own) {
            let found =
                verdict(looks, engine, folder.path(), check).map_err(|error| format!("the {name} fixture: {error}"))?;
            if found != expected {
                return Err(format!("the {name} fixture: {check} says {found}, expected {expected}"));
            }
        }
    }
    Ok(())
}

fn prepare(folder: &Path, result: &str) -> std::io::Result<()> {
    fs::write(folder.join("requirements.txt"), "planted==1.0\n")?;
    fs::write(folder.join("result.json"), result)?;
    fs::write(folder.join("exploited.json"), LIST)?;
    let layer = Layer { files: [("app/requirements.txt", "planted==1.0\n")].map(owned).into(), ..Layer::default() };
    Recipe { layers: vec![layer], ..Recipe::default() }.make(folder, &folder.join("image.tar"))
}

fn owned((path, text): (&str, &str)) -> (String, String) {
    (path.to_owned(), text.to_owned())
}

fn verdict(looks: Looks, engine: &Engine, base: &Path, check: &str) -> Result<Verdict, String> {
    let says = |error: &dyn std::fmt::Display| error.to_string();
    let id = EnvironmentId::new("self-test").map_err(|error| says(&error))?;
    let environments = [Environment { title: id.to_string(), id, disposable: false }];
    let own = crate::own::Own::default();
    let scope = Scope { base, environments: &environments, clock: &CaseClock, run_key: &[0x5e; 32], engine, own };
    let target = match looks {
        Looks::Dependencies => "lockfile = 'requirements.txt'",
        Looks::Images => "image = 'image.tar'",
    };
    let manifests = match looks {
        Looks::Dependencies => "",
        Looks::Images => "[[manifests]]\nid = 'files'\nfolder = '.'\n",
    };
    let source = format!(
        "known_exploited = 'exploited.json'\n[[targets]]\nid = 'planted'\n{target}\n[[targets.scans]]\nresult = 'result.json'\nformat = 'pip-audit'\nwritten_at = '2026-11-20T12:00:00.000000Z'\n{manifests}"
    );
    let settings = Settings { source: toml::from_str(&source).map_err(|error| says(&error))?, ..Settings::default() };
    let collected = looks.collect(&scope, &settings).map_err(|error| says(&error))?;
    let judgements =
        looks.judge(&collected.observation, &environments, &settings.policy).map_err(|error| says(&error))?;
    let at = checks(looks).position(|name| name == check);
    let found = at.and_then(|at| judgements.get(at)).ok_or("the check is missing")?;
    Ok(found.verdict())
}
