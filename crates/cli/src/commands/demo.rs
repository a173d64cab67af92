//! `exhibit demo`: the whole way once, on this repository and on an example company.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use exhibit_collectors::{Registry, examples};
use exhibit_evidence::{Clock as _, Digest, Outcome, Timestamp, report::Standing};
use exhibit_ledger::bundle::Trust;
use exhibit_pipeline::{Issued, SystemClock, archive_pending, checkpoint, declare, issue, perform_on_demand, run_due};
use serde::Serialize;

use super::{demo_config::configuration, run::Said, verify::verify};
use crate::{
    args::DemoArgs,
    config,
    deployment::{Deployment, write_report},
    output::{Exit, Format, Out, Words},
    signing::trusted_keys,
};

/// The example company's folder within the demo's.
const COMPANY: &str = "example-company";

/// What the demo made, under names that scripts may rely on.
#[derive(Serialize)]
struct Made {
    /// The folder that holds everything.
    dir: String,
    ledger: LedgerState,
    /// How many checks × subjects have each outcome.
    outcomes: BTreeMap<String, u64>,
    report: ReportFiles,
    /// Whether the archived bundle was verified with the pinned key.
    verified: bool,
}

#[derive(Serialize)]
struct LedgerState {
    size: u64,
    /// The signed checkpoint, as a note.
    checkpoint: String,
}

#[derive(Serialize)]
struct ReportFiles {
    id: String,
    md: String,
    html: String,
    json: String,
    bundle: String,
}

pub(crate) async fn run(args: &DemoArgs, words: &Words, out: &mut Out) -> anyhow::Result<Exit> {
    fs::create_dir_all(&args.dir).with_context(|| format!("making the demo's folder {}", args.dir.display()))?;
    let dir = args.dir.canonicalize().with_context(|| format!("the demo's folder {}", args.dir.display()))?;
    prepare(&dir, SystemClock.now(), words)?;

    let registry = Registry::built_in()?;
    let config = config::load(&dir.join(config::FILE_NAME), &registry)?;
    let step = words.step("Starting a private Postgres and opening the ledger");
    let deployment = Deployment::of(config, words).await?;
    step.done("Started a private Postgres and opened the ledger.");
    let outcome = perform(&dir, &deployment, words).await;
    deployment.close().await?;
    let (made, issued) = outcome?;

    match args.printed.format {
        Format::Json => out.json(&made)?,
        Format::Table => out.line(&told(&made, &issued))?,
    }
    Ok(if made.verified { Exit::Clean } else { Exit::Differences })
}

/// Lays out the example company and the configuration, unless an earlier demo did.
fn prepare(dir: &Path, now: Timestamp, words: &Words) -> anyhow::Result<()> {
    let file = dir.join(config::FILE_NAME);
    if file.exists() {
        words.say(format!("{} is there already: this demo adds to its ledger.", dir.display()));
        return Ok(());
    }
    let registry = Registry::built_in()?;
    let company = dir.join(COMPANY);
    for example in examples::all() {
        let input = company.join("input").join(example.collector);
        for (name, bytes) in example.files {
            let path = input.join(name);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
            }
            fs::write(&path, bytes).with_context(|| format!("writing {}", path.display()))?;
        }
        let registered = registry.get(example.collector).context("every example belongs to a collector")?;
        let place = company.join(example.collector);
        fs::create_dir_all(&place).with_context(|| format!("making {}", place.display()))?;
        let base = registered
            .collector
            .prepare_case(&input, &place, now)
            .with_context(|| format!("making the example company's part of {}", example.collector))?;
        if base != place {
            copy(&base, &place)?;
        }
    }
    let text = configuration(&repository()?, Path::new(COMPANY))?;
    let draft = dir.join("exhibit.toml.draft");
    fs::write(&draft, text)
        .and_then(|()| fs::rename(&draft, &file))
        .with_context(|| format!("writing {}", file.display()))
}

/// The repository that the demo is started in; where there is none, the folder itself, and the collector says so.
fn repository() -> anyhow::Result<PathBuf> {
    let here = env::current_dir().context("the current folder")?;
    Ok(here.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(&here).to_owned())
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| format!("making {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("writing {}", target.display()))?;
        }
    }
    Ok(())
}

async fn perform(dir: &Path, deployment: &Deployment, words: &Words) -> anyhow::Result<(Made, Issued)> {
    let world = &deployment.world;
    declare(world).await?;
    // What fell due since an earlier demo is performed late or closed as missed, as any run would do it.
    run_due(world, &Said::new(words)).await?;
    for job in &world.plan.jobs {
        let step = words.step(format!("Collecting and judging: {}", job.id));
        perform_on_demand(world, &job.id).await?;
        step.done(format!("Collected and judged: {}.", job.id));
    }
    let step = words.step("Rendering the current quarter's report");
    let period = world.plan.deployment.calendar.period_of(world.now());
    let issued = issue(world, &period, Standing::Interim).await?;
    step.done("Rendered the current quarter's report, marked interim.");
    let step = words.step("Archiving its bundle");
    archive_pending(world).await?;
    step.done("Archived its bundle, read it back, and recorded the receipt.");
    let checkpoint = checkpoint(world).await?;

    let folder = deployment.reports().join(format!("{}-{}-{}", issued.period, issued.standing.word(), issued.revision));
    let paths = write_report(&folder, &issued)?;
    let step = words.step("Verifying the archived bundle");
    let archived = archived_bundle(deployment, &issued).await?;
    let trust = Trust { keys: trusted_keys(None, Some(&deployment.config))?, ..Trust::default() };
    let verified = verify(&archived, &trust, true)?;
    step.done(if verified.verified {
        "Verified the archived bundle offline, with the key pinned here."
    } else {
        "The archived bundle does NOT hold against the key pinned here."
    });
    for difference in &verified.differences {
        words.warn(difference);
    }

    let path = |form: &str| paths.get(form).map(|path| path.display().to_string()).unwrap_or_default();
    let made = Made {
        dir: dir.display().to_string(),
        ledger: LedgerState {
            size: checkpoint.unverified().size,
            checkpoint: String::from_utf8_lossy(&checkpoint.to_bytes()).into_owned(),
        },
        outcomes: outcomes(&issued),
        report: ReportFiles {
            id: issued.id.to_string(),
            md: path("md"),
            html: path("html"),
            json: path("json"),
            bundle: archived.display().to_string(),
        },
        verified: verified.verified,
    };
    Ok((made, issued))
}

/// Where the bundle lies in the archive: the object that the receipt speaks of, not a copy.
async fn archived_bundle(deployment: &Deployment, issued: &Issued) -> anyhow::Result<PathBuf> {
    let digest = Digest::of(&issued.bundle);
    for entry in deployment.world.store.entries_of_kind("receipt").await? {
        if let exhibit_evidence::Body::Receipt(receipt) = entry.envelope()?.body
            && receipt.report == Some(issued.id)
            && receipt.digest == digest
        {
            return Ok(deployment.config.archive.directory.join(receipt.key));
        }
    }
    anyhow::bail!("the report {} has no receipt", issued.id)
}

fn outcomes(issued: &Issued) -> BTreeMap<String, u64> {
    let mut counts: BTreeMap<String, u64> = Outcome::ALL.map(|outcome| (outcome.word().to_owned(), 0)).into();
    for count in &issued.view.totals.outcomes {
        counts.insert(count.outcome.word().to_owned(), count.count);
    }
    counts
}

fn told(made: &Made, issued: &Issued) -> String {
    let noted: Vec<String> = made
        .outcomes
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(outcome, count)| format!("{count} {outcome}"))
        .collect();
    let findings: usize = issued.view.deviations.iter().map(|group| group.findings.len()).sum();
    let dir = &made.dir;
    // As it was called, so that the lines can be used as they stand.
    let exhibit = env::args().next().unwrap_or_else(|| "exhibit".to_owned());
    let archived = if made.verified {
        format!("The archived bundle was verified offline with the key pinned in {dir}/keys.")
    } else {
        format!("The archived bundle does NOT hold against the key pinned in {dir}/keys.")
    };
    format!(
        "\nThe {} report of {} is ready. It is about this repository and about Harbour Lane, an example company with \
         deliberate faults.\n\n  \
         read it        {}\n  \
         as Markdown    {}\n  \
         the bundle     {}\n  \
         everything     {dir}\n\n\
         What the checks said: {}. Open findings: {findings}.\n\
         The ledger holds {} entries. {archived}\n\n\
         Look further:\n  \
         {exhibit} evidence list --dir {dir}\n  \
         {exhibit} fsck --dir {dir}\n  \
         {exhibit} verify {} --dir {dir}\n",
        issued.standing.word(),
        issued.period,
        made.report.html,
        made.report.md,
        made.report.bundle,
        noted.join(", "),
        made.ledger.size,
        made.report.bundle,
    )
}
