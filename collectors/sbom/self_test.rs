//! The self-test: a bill that lists all, one that lists another package, and one that lists nothing, through the same code.

use exhibit_evidence::{EnvironmentId, Verdict, deployment::Environment, observation::SelfTest};

use super::Sbom;
use super::judge::CHECKS;
use crate::cases::CaseClock;
use crate::own::Own;
use crate::scratch::{For, Scratch};
use crate::{Collector as _, Scope, Settings};

/// A bill of these components, of which only `a` is said to belong to anything.
fn bill(components: &str) -> String {
    format!(
        r#"{{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {{"timestamp": "2026-11-20T00:00:00Z", "tools": [{{"name": "self-test"}}]}},
        "components": [{components}], "dependencies": [{{"ref": "a"}}]}}"#
    )
}

const PLANTED: &str = r#"{"type": "library", "bom-ref": "a", "name": "planted", "version": "1.0", "publisher": "p", "purl": "pkg:pypi/planted@1.0"}"#;
const OTHER: &str = r#"{"type": "library", "bom-ref": "b", "name": "planted", "version": "1.1", "purl": "pkg:pypi/planted@1.1"}"#;

pub(super) fn run() -> SelfTest {
    let expected = [
        ("known-good", PLANTED, [Verdict::Pass, Verdict::NotApplicable, Verdict::Pass, Verdict::Pass, Verdict::Pass]),
        ("known-bad", OTHER, [Verdict::Pass, Verdict::NotApplicable, Verdict::Fail, Verdict::Fail, Verdict::Pass]),
        ("empty", "", [Verdict::Vacuous, Verdict::NotApplicable, Verdict::Vacuous, Verdict::Vacuous, Verdict::Vacuous]),
    ];
    for (name, components, expected) in expected {
        match verdicts(components) {
            Ok(found) if found == expected => {}
            Ok(found) => {
                let told: Vec<String> = found.iter().zip(CHECKS).map(|(found, check)| format!("{check}: {found}")).collect();
                return SelfTest { passed: false, detail: format!("the {name} fixture: {}", told.join(", ")) };
            }
            Err(error) => return SelfTest { passed: false, detail: format!("the {name} fixture: {error}") },
        }
    }
    let detail = "a package that a bill does not list was noted, one that it lists was not, and a bill of nothing made no pass";
    SelfTest { passed: true, detail: detail.to_owned() }
}

fn verdicts(components: &str) -> Result<Vec<Verdict>, String> {
    let says = |error: &dyn std::fmt::Display| error.to_string();
    let folder = Scratch::new(For::SelfTest).map_err(|error| says(&error))?;
    for (name, text) in [("requirements.txt", "planted==1.0\n"), ("bill.json", &bill(components))] {
        std::fs::write(folder.path().join(name), text).map_err(|error| says(&error))?;
    }
    let source = toml::from_str("targets = [{ id = 'planted', folder = '.', bill = 'bill.json' }]");
    let settings = Settings { source: source.map_err(|error| says(&error))?, ..Settings::default() };
    let id = EnvironmentId::new("self-test").map_err(|error| says(&error))?;
    let environments = [Environment { title: id.to_string(), id, disposable: false }];
    let scope = Scope {
        base: folder.path(),
        environments: &environments,
        clock: &CaseClock,
        run_key: &[0x5e; 32],
        engine: exhibit_detect::Engine::builtin(),
        own: Own::default(),
    };
    let collected = Sbom.collect(&scope, &settings).map_err(|error| says(&error))?;
    let judgements =
        Sbom.judge(&collected.observation, &environments, &settings.policy).map_err(|error| says(&error))?;
    Ok(judgements.iter().map(exhibit_evidence::assessment::Judgement::verdict).collect())
}
