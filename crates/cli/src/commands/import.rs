//! `exhibit evidence import`: a result that somebody else's run of a tool gave, as evidence.

use anyhow::bail;
use exhibit_evidence::{CollectorId, EntryId, EnvironmentId, Outcome, observation::Subject};
use exhibit_pipeline::{Import, ImportError, Job, checkpoint, declare, import};
use exhibit_store::EvidenceSummary;
use serde::Serialize;
use serde_json::Value;

use super::judged::{body, problems, text};
use crate::{
    args::ImportArgs,
    deployment::Deployment,
    output::{Exit, Hint as _, Out, Table, Words},
};

/// What was taken in.
#[derive(Serialize)]
struct Taken {
    id: EntryId,
    outcome: Outcome,
    /// How many findings all checks noted.
    findings: u64,
    population: Counts,
    /// What was judged of it, by check.
    checks: Vec<Checked>,
    /// What could not be found out.
    problems: Vec<String>,
    /// Whether the same file was taken in before: nothing was added then.
    already: bool,
}

/// What one check says.
#[derive(Serialize)]
struct Checked {
    id: String,
    outcome: String,
    words: String,
}

/// What exists, what of it was examined, what was left out.
#[derive(Serialize)]
struct Counts {
    /// None where it could not be counted.
    total: Option<u64>,
    examined: u64,
    excluded: u64,
}

pub(crate) async fn run(args: &ImportArgs, words: &Words, out: &mut Out) -> anyhow::Result<Exit> {
    let deployment = Deployment::open(&args.place, words).await?;
    let taken = taken_in(&deployment, args, words).await;
    deployment.close().await?;
    let taken = taken?;
    out.data(args.printed.format, &taken, facts)?;
    // What could not be read is told to whoever handed it in, even where an older finding outranks it.
    let unknown = taken.outcome == Outcome::Error || !taken.problems.is_empty();
    Ok(if unknown { Exit::Differences } else { Exit::Clean })
}

async fn taken_in(deployment: &Deployment, args: &ImportArgs, words: &Words) -> anyhow::Result<Taken> {
    let world = &deployment.world;
    let job = job_of(deployment, args)?;
    let environment = environment_of(job, args.environment.as_ref())?;
    let order = Import {
        job: job.id.clone(),
        file: args.file.clone(),
        format: args.format_of.clone(),
        subject: Subject { environment, id: args.subject.clone() },
        observed_at: args.observed_at,
        counted_in: args.lockfile.clone(),
        host: args.host.clone(),
    };
    // What it is judged by is promised in the ledger first.
    declare(world).await?;
    let imported = import(world, order).await;
    if let (Err(ImportError::Unreadable(_)), None) = (&imported, &args.format_of) {
        words.say(
            "Nothing was recorded. With `--format-of`, what can't be read is recorded as an error of that scanner.",
        );
    }
    let imported = imported.map_err(|error| match error {
        ImportError::Step(error) => anyhow::Error::from(error),
        // Whoever could not read it names the file.
        unread @ ImportError::Unreadable(_) => unread.into(),
        other => anyhow::anyhow!("{}: {other}", args.file.display()),
    })?;
    checkpoint(world).await?;
    if imported.already {
        words.say("Taken in before: nothing was added.");
    }
    let shown = world.store.evidence_show(imported.evidence).await?;
    let checks = shown.assessments.iter().map(|entry| Ok(checked(&body(entry)?))).collect::<anyhow::Result<_>>()?;
    Ok(taken(&shown.summary, &body(&shown.evidence)?["observation"], checks, imported.already))
}

/// What an assessment says; only one subject is handed in at a time, but environments that nobody looked at are told too.
fn checked(assessment: &Value) -> Checked {
    let judgement = &assessment["judgement"];
    let subjects = judgement["subjects"].as_array().into_iter().flatten();
    let words: Vec<String> = subjects.map(|subject| text(&subject["reason"])).collect();
    Checked { id: text(&judgement["check"]), outcome: text(&assessment["verdict"]), words: words.join(" ") }
}

fn taken(summary: &EvidenceSummary, observation: &Value, checks: Vec<Checked>, already: bool) -> Taken {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let excluded = list(&observation["population"])
        .iter()
        .flat_map(|part| list(&part["excluded"]))
        .filter_map(|exclusion| exclusion["count"].as_u64())
        .sum();
    Taken {
        id: summary.id,
        outcome: summary.outcome,
        findings: summary.findings,
        population: Counts { total: summary.exist, examined: summary.examined, excluded },
        checks,
        problems: problems(observation),
        already,
    }
}

/// The job that takes it: the one that is named, or the only one of the collector that takes anything.
fn job_of<'d>(deployment: &'d Deployment, args: &ImportArgs) -> anyhow::Result<&'d Job> {
    let declared = deployment.world.plan.jobs.iter();
    let mut fitting = declared.filter(|job| {
        job.pushed && job.collector == args.collector && args.job.as_ref().is_none_or(|named| *named == job.id)
    });
    let Some(first) = fitting.next() else {
        let named = args.job.as_ref().map(|job| format!(" {job}")).unwrap_or_default();
        let collector = &args.collector;
        return Err(anyhow::anyhow!(
            "the configuration declares no job{named} of {collector} that takes results of others"
        ))
        .hint(ready_job(collector, deployment));
    };
    if let Some(second) = fitting.next() {
        bail!(
            "--job: expected which job it is for: {} and {} both take results of {}",
            first.id,
            second.id,
            args.collector
        );
    }
    Ok(first)
}

/// A job that would take it, as it is written down; it collects nothing itself.
fn ready_job(collector: &CollectorId, deployment: &Deployment) -> String {
    let environments = deployment.world.plan.deployment.environments.iter();
    let ids: Vec<String> = environments.map(|environment| format!("\"{}\"", environment.id)).collect();
    format!(
        "a job that takes results of others has `pushed = true`, and a schedule that says by when the next is due:\n\n\
         [[jobs]]\n\
         id = \"{}-of-pipelines\"\n\
         collector = \"{collector}\"\n\
         pushed = true\n\
         schedule = \"23 4 * * *\"\n\
         environments = [{}]",
        collector.as_str().replace('_', "-"),
        ids.join(", ")
    )
}

fn environment_of(job: &Job, named: Option<&EnvironmentId>) -> anyhow::Result<EnvironmentId> {
    let known = || job.environments.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match (named, job.environments.as_slice()) {
        (Some(named), all) if all.contains(named) => Ok(named.clone()),
        (Some(named), _) => bail!("--environment: job {} is about {}, not {named}", job.id, known()),
        (None, [only]) => Ok(only.clone()),
        (None, _) => bail!("--environment: expected one of {}: job {} is about several", known(), job.id),
    }
}

fn facts(taken: &Taken) -> Table {
    let Counts { total, examined, excluded } = taken.population;
    let counts = match total {
        Some(total) => format!("{examined} of {total}, {excluded} left out"),
        None => format!("{examined}, {excluded} left out; how many there are is not known"),
    };
    let mut rows = vec![
        ("id".to_owned(), taken.id.to_string()),
        ("outcome".to_owned(), taken.outcome.to_string()),
        ("findings".to_owned(), taken.findings.to_string()),
        ("examined".to_owned(), counts),
    ];
    rows.extend(taken.checks.iter().map(|check| (check.id.clone(), format!("{}: {}", check.outcome, check.words))));
    rows.extend(taken.problems.iter().map(|problem| ("could not be found out".to_owned(), problem.clone())));
    Table::facts(rows)
}
