//! The self-test: a repository and a bundle with a planted example of every rule that has one, and a pair with nothing,
//! through the same code.

use std::fs;
use std::path::Path;

use exhibit_detect::Engine;
use crate::cases::CaseClock;
use exhibit_evidence::{EnvironmentId, Verdict, deployment::Environment, observation::SelfTest};

use super::{collect, judge};
use crate::ci_secrets::fixture::{self, CommitDescription, Description};
use crate::scratch::{For, Scratch};
use crate::{Scope, Settings};

const GOOD: &str = "api_token = os.environ[\"API_TOKEN\"]\npassword: ${DB_PASSWORD}\n";
/// What only history holds.
const OLD: &str = "db_password = \"q7Zt-NotAReal-9fKe2\"\n";

pub(super) fn run(engine: &Engine) -> SelfTest {
    match try_run(engine) {
        Ok((planted, found)) => SelfTest {
            passed: true,
            detail: format!(
                "Of {planted} kinds of secrets planted in a tracked file {found} were noted, and one that only history holds, one that nothing refers to, a real one and a bundle's; in a repository and a bundle without any nothing was."
            ),
        },
        Err(detail) => SelfTest { passed: false, detail },
    }
}

fn try_run(engine: &Engine) -> Result<(usize, usize), String> {
    let planted: Vec<String> = engine
        .rules()
        .iter()
        .filter_map(|rule| rule.examples.first())
        .map(|example| format!("# an example\n{example}\n"))
        .collect();
    let token = engine
        .rules()
        .iter()
        .find_map(|rule| rule.id.starts_with("github.").then(|| rule.examples.first()).flatten())
        .ok_or("the rules hold no example of a GitHub token")?;
    let real = "connect(\"NotAReal-Self7est.Value\")\n";
    let bad = [planted.concat().as_str(), real].concat();
    let looked = look(engine, &[("app.conf", OLD), ("app.conf", &bad)], &format!("const t=\"{token}\";"), true)?;
    if looked.verdicts != [Verdict::Fail; 3] {
        return Err(format!("The known-bad repository was judged {}.", words(&looked.verdicts)));
    }
    if (looked.past, looked.known) != (2, Some(1)) {
        return Err("Of history, of what nothing refers to and of the real secret not all was noted.".to_owned());
    }
    // Rules whose examples look alike may share a finding; the real secret is one of its own.
    let kinds = looked.tracked.saturating_sub(1);
    if kinds * 10 < planted.len() * 9 {
        return Err(format!("Of {} kinds of secrets in the known-bad file only {kinds} were noted.", planted.len()));
    }
    let looked = look(engine, &[("app.conf", GOOD)], "const t=window.token;", false)?;
    if looked.verdicts != [Verdict::Pass; 3] {
        return Err(format!("The known-good repository was judged {}.", words(&looked.verdicts)));
    }
    Ok((planted.len(), kinds))
}

fn words(verdicts: &[Verdict]) -> String {
    verdicts.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

/// What looking gave: the checks' verdicts, how many findings at HEAD and in the rest, how many real secrets.
struct Looked {
    verdicts: Vec<Verdict>,
    tracked: usize,
    past: usize,
    known: Option<u64>,
}

/// Looks at a repository of these versions with an object that nothing refers to, and at a bundle.
fn look(engine: &Engine, versions: &[(&str, &str)], bundle: &str, loose: bool) -> Result<Looked, String> {
    let says = |error: &dyn std::fmt::Display| error.to_string();
    let folder = Scratch::new(For::SelfTest).map_err(|error| says(&error))?;
    let commits = versions.iter().map(|(path, text)| CommitDescription {
        files: [((*path).to_owned(), (*text).to_owned())].into(),
        ..CommitDescription::default()
    });
    let place = folder.path().join("repository");
    fixture::build(&Description { commits: commits.collect(), ..Description::default() }, &place)
        .map_err(|error| says(&error))?;
    if loose {
        let stored = git2::Repository::open(&place).and_then(|repository| repository.blob(UNNAMED.as_bytes()));
        stored.map_err(|error| error.message().to_owned())?;
    }
    fs::create_dir(folder.path().join("dist")).map_err(|error| says(&error))?;
    fs::write(folder.path().join("dist/app.js"), bundle).map_err(|error| says(&error))?;
    fs::write(folder.path().join("app.env"), "API_SECRET=NotAReal-Self7est.Value\n").map_err(|error| says(&error))?;
    observe(engine, folder.path())
}

/// What nothing refers to.
const UNNAMED: &str = "admin_password = \"Jx82-NotAReal-Pp1\"\n";

fn observe(engine: &Engine, base: &Path) -> Result<Looked, String> {
    let says = |error: &dyn std::fmt::Display| error.to_string();
    let id = EnvironmentId::new("self-test").map_err(|error| says(&error))?;
    let environments = [Environment { title: id.to_string(), id, disposable: false }];
    let scope =
        Scope { base, environments: &environments, clock: &CaseClock, run_key: &[0x5e; 32], engine, own: crate::own::Own::default() };
    let source = "repositories = [{ id = \"repository\", path = \"repository\" }]\n\
         bundles = [{ id = \"bundle\", files = [\"dist\"] }]\n\
         [[secrets]]\nenvironment = \"self-test\"\ndotenv = \"app.env\"\n";
    let settings = Settings { source: toml::from_str(source).map_err(|error| says(&error))?, ..Settings::default() };
    let collected = collect::collect(&scope, &settings).map_err(|error| says(&error))?;
    let judgements = judge::judge(&collected.observation, &settings.policy).map_err(|error| says(&error))?;
    let findings = |at: usize| judgements.get(at).map_or(0, |judgement| judgement.findings.len());
    Ok(Looked {
        verdicts: judgements.iter().map(|judgement| judgement.verdict()).collect(),
        tracked: findings(0),
        past: findings(1),
        known: collected.observation.facts["known"]["searched"].as_u64(),
    })
}
