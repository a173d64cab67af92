//! `exhibit check`: configuration, collectors, their cases, rules and templates, by the same rules as the tests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use exhibit_collectors::{Registry, cases, scanners};
use exhibit_detect::Engine;
use exhibit_evidence::schedule::Schedule;
use exhibit_report::{TemplateSet, frameworks};
use serde::Serialize;

use crate::{
    args::CheckArgs,
    config::{self, Config, ConfigError},
    output::{Exit, Out, Table, Words},
    rules,
};

#[derive(Serialize)]
struct Line {
    what: String,
    ok: bool,
    said: String,
}

struct Checklist {
    lines: Vec<Line>,
    /// Whether something could not be looked at.
    blind: bool,
}

impl Checklist {
    fn note(&mut self, what: impl Into<String>, outcome: Result<String, String>) {
        let ok = outcome.is_ok();
        self.lines.push(Line { what: what.into(), ok, said: outcome.unwrap_or_else(|problem| problem) });
    }
}

pub(crate) fn run(args: &CheckArgs, words: &Words, out: &mut Out) -> anyhow::Result<Exit> {
    let registry = Registry::built_in()?;
    if args.schema {
        out.json(&config::json_schema(&registry))?;
        return Ok(Exit::Clean);
    }
    let mut list = Checklist { lines: Vec::new(), blind: false };
    let own = configuration(args, &registry, &mut list);
    let engine = own.as_ref().map_or_else(Engine::shared, Arc::clone);
    collectors(&registry, &engine, &mut list);
    collector_cases(args, &registry, words, &mut list)?;
    list.note("detection rules", built_in_rules());
    list.note("scanners", Ok(format!("{} built-in adapters", scanners::built_in().len())));
    if let Some(own) = &own {
        list.note("own detection rules", own_rules(own));
    }
    list.note(
        "report template",
        TemplateSet::built_in().map(|set| set.digest().to_string()).map_err(|e| e.to_string()),
    );
    list.note(
        "frameworks",
        frameworks().map(|all| format!("{} catalogs", all.len())).map_err(|error| error.to_string()),
    );

    out.data(args.printed.format, &list.lines, |lines| {
        let mut table = Table::new(["what", "", "said"]);
        for line in lines {
            table.row([line.what.as_str(), if line.ok { "ok" } else { "wrong" }, line.said.as_str()]);
        }
        table
    })?;
    let wrong = list.lines.iter().filter(|line| !line.ok).count();
    words.say(if wrong == 0 {
        format!("{} things looked at, nothing wrong.", list.lines.len())
    } else {
        format!("{wrong} of {} things are wrong.", list.lines.len())
    });
    Ok(match (list.blind, wrong) {
        (true, _) => Exit::CouldNotLook,
        (false, 0) => Exit::Clean,
        (false, _) => Exit::Differences,
    })
}

/// Looks at the configuration; the engine with its own rules, where it names some that are sound.
fn configuration(args: &CheckArgs, registry: &Registry, list: &mut Checklist) -> Option<Arc<Engine>> {
    let file = args.place.config_file();
    match config::load(&file, registry) {
        Ok(config) => {
            list.note(
                "configuration",
                Ok(format!(
                    "{}: {} environments, {} jobs",
                    file.display(),
                    config.environments.len(),
                    config.jobs.len()
                )),
            );
            own_adapters(&config, list);
            if config.rules.is_empty() {
                return None;
            }
            match rules::engine(&config.rules, &config.base) {
                Ok(engine) => return Some(engine),
                Err(error) => {
                    list.blind |= error.is_blind();
                    list.note("own detection rules", Err(error.to_string()));
                }
            }
        }
        // Without a configuration there is still much to check; one that was named must be there.
        Err(ConfigError::Absent { .. }) if !args.place.is_named() => {
            list.note("configuration", Ok(format!("there is no {} here: not looked at", file.display())));
        }
        Err(error) => {
            list.blind |= !matches!(error, ConfigError::Invalid(_));
            list.note("configuration", Err(error.to_string()));
        }
    }
    None
}

/// Looks at every adapter of the user's own that a job names.
fn own_adapters(config: &Config, list: &mut Checklist) {
    let named = config.jobs.iter().flat_map(|job| scanners::named_in(&job.settings.source));
    for path in named.collect::<BTreeSet<_>>() {
        let outcome = match scanners::own(&path, &config.base) {
            Ok(adapter) => Ok(format!("{}: {} modes", adapter.title, adapter.modes.len())),
            Err(problems) => Err(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
        };
        list.note(format!("adapter {}", path.display()), outcome);
    }
}

fn collectors(registry: &Registry, engine: &Engine, list: &mut Checklist) {
    for registered in registry.iter() {
        let manifest = &registered.manifest;
        let outcome = match Schedule::parse(&manifest.default_schedule) {
            Err(error) => Err(error.to_string()),
            Ok(_) if manifest.checks.is_empty() => Err("it has no check".to_owned()),
            Ok(_) => {
                let self_test = registered.collector.self_test(engine);
                if self_test.passed { Ok(self_test.detail) } else { Err(format!("self-test: {}", self_test.detail)) }
            }
        };
        list.note(format!("collector {}", manifest.id), outcome);
    }
}

/// The folder of the collectors' sources, where the command runs in Exhibit's own repository.
fn collectors_folder() -> Option<PathBuf> {
    let here = Path::new("collectors");
    here.join("build.rs").is_file().then(|| here.to_owned())
}

fn collector_cases(args: &CheckArgs, registry: &Registry, words: &Words, list: &mut Checklist) -> anyhow::Result<()> {
    let Some(folder) = collectors_folder() else {
        list.note("collectors' cases", Ok("the collectors' sources are not here: not looked at".to_owned()));
        return Ok(());
    };
    for registered in registry.iter() {
        let id = registered.manifest.id.as_str();
        let all = match cases::list(&folder.join(id)) {
            Ok(all) => all,
            Err(error) => {
                list.note(format!("cases of {id}"), Err(error.to_string()));
                continue;
            }
        };
        if all.is_empty() {
            list.note(format!("cases of {id}"), Err("it has no case".to_owned()));
        }
        for case in all {
            words.detail(format!("case {}", case.display()));
            let scratch = Scratch::new()?;
            let outcome = cases::Case::read(&case)
                .and_then(|read| read.check(&*registered.collector, &scratch.0, args.write))
                .map(|()| if args.write { "recorded" } else { "as expected" }.to_owned())
                .map_err(|error| error.to_string());
            list.note(format!("case {}", case.display()), outcome);
        }
    }
    Ok(())
}

/// A folder for one case, which goes away with the value.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> anyhow::Result<Self> {
        use exhibit_pipeline::Random as _;
        let mut random = [0; 8];
        exhibit_pipeline::SystemRandom.fill(&mut random);
        let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = std::env::temp_dir().join(format!("exhibit-case-{name}"));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left behind is an example's copy in the temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn built_in_rules() -> Result<String, String> {
    let rules = Engine::builtin().rules().to_vec();
    match exhibit_detect::validate(&rules) {
        Ok(()) => Ok(format!("{} rules: examples match, counter-examples do not", rules.len())),
        Err(problems) => Err(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

/// Own rules that are sound: whether the built-in ones are as they were beside them.
fn own_rules(engine: &Engine) -> Result<String, String> {
    let own = engine.rules().len() - Engine::builtin().rules().len();
    match exhibit_detect::validate_beside(engine) {
        Ok(()) => Ok(format!(
            "{own} rules beside the built-in ones: examples match, counter-examples do not; rule pack {}",
            exhibit_evidence::Digest(engine.rule_pack_digest())
        )),
        Err(problems) => Err(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}
