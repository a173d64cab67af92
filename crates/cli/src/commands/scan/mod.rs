//! `exhibit scan`: secrets in files, archives, standard input and git's history. Needs no deployment.

mod baseline;
mod people;
mod progress;
mod sarif;
mod told;

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context as _, bail};
use exhibit_collectors::reading::{Excluded, History, Limits, Patterns, Visitor as _, Walk, read_stream};
use exhibit_collectors::scanning::{Commit, InHistory, Scanned, Scanning, WhyBad};
use exhibit_detect::{Confidence, Engine, Options, Personal, RunKey, Search};
use exhibit_pipeline::{Random as _, SystemRandom};

use self::baseline::Baseline;
use self::progress::Whole;
use self::told::Told;
use crate::{
    args::{ScanArgs, ScanFormat, Sureness},
    output::{Exit, Hint as _, Out, Words, amount},
    rules,
};

pub(crate) fn run(args: &ScanArgs, words: &Words, out: &mut Out) -> anyhow::Result<Exit> {
    if args.reveal && !io::stdout().is_terminal() {
        return Err(anyhow::anyhow!("values are shown at a terminal only, and standard output is none"))
            .hint("without `--reveal` they are masked, which is fit for files and pipes");
    }
    let baseline = args.baseline.as_deref().map(Baseline::read).transpose()?;
    let threads = args.threads.map_or(0, usize::from);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().context("threads to work with")?;
    let engine = rules::engine(&args.rules, Path::new(""))
        .hint("`exhibit scan --rules` takes files of the form of Exhibit's own rules")?;
    let scanned = search(args, &engine, words, &pool)?;

    for remark in &scanned.remarks {
        let (path, line) = (&remark.path, remark.line);
        words.warn(match &remark.why {
            WhyBad::WithoutReason => {
                format!("{path}:{line}: a remark allows nothing unless it says why: exhibit:allow RULE REASON")
            }
            WhyBad::Misnamed { named: Some(named), told } => {
                format!("{path}:{line}: a remark allows {named}, but what is told here is {told}, and it stays told")
            }
            WhyBad::Misnamed { named: None, told } => {
                format!("{path}:{line}: a remark names no rule that there is; what is told here is {told}, and it stays told")
            }
        });
    }
    if let Some(file) = &args.write_baseline {
        let baseline = Baseline::of(&scanned);
        baseline.write(file)?;
        words.say(format!("{} findings are known from now on, in {}.", baseline.len(), file.display()));
    }
    let told = Told::new(scanned, baseline.as_ref());
    match args.format {
        // A row for each where `grep` and `cut` read, and by file where a person does.
        ScanFormat::Table if io::stdout().is_terminal() => people::show(&told, out, words.verbosity() > 0)?,
        ScanFormat::Table => told.table(out)?,
        ScanFormat::Json => out.json(&told.json())?,
        ScanFormat::Sarif => out.json(&sarif::document(&told))?,
    }
    // What was found stands before the sentence about it, where both go to one screen.
    out.flush()?;
    words.say(told.summary());
    if args.format == ScanFormat::Table
        && args.write_baseline.is_none()
        && io::stdout().is_terminal()
        && let Some(text) = told.next_steps()
    {
        words.say(text);
    }
    Ok(told.exit(args.write_baseline.is_some()))
}

/// Searches everything that was named.
fn search<'e>(
    args: &ScanArgs,
    engine: &'e Engine,
    words: &Words,
    pool: &rayon::ThreadPool,
) -> anyhow::Result<Scanned<'e>> {
    let mut key = [0; 32];
    SystemRandom.fill(&mut key);
    let personal = if args.personal_data { Personal::Yes } else { Personal::No };
    let options = Options { personal, encoded: args.encoded, least: least(args.confidence), ..Options::default() };
    let scanning = Scanning::new(Search::new(engine, options), RunKey::new(key), args.reveal);
    let places = places(args)?;
    let step = words.step("searching");
    let whole = Whole::default();
    std::thread::scope(|scope| {
        if step.is_seen() {
            scope.spawn(|| whole.show(&scanning, &step));
            if places.iter().all(|place| place.walk.is_some()) {
                scope.spawn(|| whole.count(&places));
            }
        }
        let searched = places.iter().try_for_each(|place| pool.install(|| one(args, place, &scanning, &whole, words)));
        whole.end();
        searched
    })?;
    drop(step);
    Ok(scanning.finish())
}

fn least(sureness: Sureness) -> Confidence {
    match sureness {
        Sureness::Low => Confidence::Low,
        Sureness::Medium => Confidence::Medium,
        Sureness::High => Confidence::High,
        Sureness::Certain => Confidence::Certain,
    }
}

/// One of the places that were named.
struct Place<'a> {
    path: &'a Path,
    /// How files and folders are walked; nothing for standard input and history.
    walk: Option<Walk>,
}

fn places(args: &ScanArgs) -> anyhow::Result<Vec<Place<'_>>> {
    let place = |path: &'_ PathBuf| -> anyhow::Result<Option<Walk>> {
        if args.git || path == Path::new("-") { Ok(None) } else { walk(args, path).map(Some) }
    };
    args.paths.iter().map(|path| Ok(Place { path, walk: place(path)? })).collect()
}

fn walk(args: &ScanArgs, path: &Path) -> anyhow::Result<Walk> {
    let patterns = match args.exclude.as_slice() {
        [] => None,
        patterns => {
            let root =
                if args.gitignore { path.canonicalize().unwrap_or_else(|_| path.to_owned()) } else { path.to_owned() };
            let patterns = Patterns::new(&root, patterns.iter().map(String::as_str));
            Some(patterns.map_err(|error| anyhow::anyhow!("--exclude: {error}"))?)
        }
    };
    Ok(Walk { git_ignore: args.gitignore, follow: args.follow, patterns, limits: Limits::default() })
}

fn one(
    args: &ScanArgs,
    place: &Place<'_>,
    scanning: &Scanning<'_>,
    whole: &Whole,
    words: &Words,
) -> anyhow::Result<()> {
    let Place { path, walk } = place;
    let visitor = scanning.outside_history();
    match walk {
        Some(walk) => walk.run(path, &visitor).with_context(|| format!("cannot look at {}", path.display())),
        None if args.git => history(args, path, scanning, whole, words),
        None => {
            read_stream("-", &mut io::stdin().lock(), Limits::default(), &visitor);
            Ok(())
        }
    }
}

fn history(args: &ScanArgs, path: &Path, scanning: &Scanning<'_>, whole: &Whole, words: &Words) -> anyhow::Result<()> {
    if path == Path::new("-") {
        bail!("standard input has no git history");
    }
    let history = History::walk(path, args.since.as_deref())
        .with_context(|| format!("cannot look at the history of {}", path.display()))?;
    let commits = Commit::all(&history);
    let visitor = scanning.outside_history();
    for excluded in history.excluded.clone() {
        visitor.excluded(excluded);
    }
    whole.blobs.fetch_add(history.len() as u64, Ordering::Relaxed);
    history.read(
        &|blob| {
            whole.blobs_read.fetch_add(1, Ordering::Relaxed);
            let place = InHistory { commit: Arc::clone(&commits[blob.commit]), at_head: blob.at_head };
            blob.content.visit(blob.path, Limits::default(), &scanning.in_history(place));
        },
        &|_, excluded: Excluded| visitor.excluded(excluded),
    );
    let (commits, blobs) = (commits.len() as u64, history.len() as u64);
    words.say(format!("{} commits, {} distinct blobs.", amount::count(commits), amount::count(blobs)));
    Ok(())
}
