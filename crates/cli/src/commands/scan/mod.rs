//! `exhibit scan`: secrets in files, archives, standard input and git's history. Needs no deployment.

mod baseline;
mod sarif;
mod told;

use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use exhibit_collectors::reading::{Excluded, History, Limits, Patterns, Visitor as _, Walk, read_bytes, read_stream};
use exhibit_collectors::scanning::{Commit, InHistory, Scanned, Scanning, WhyBad};
use exhibit_detect::{Confidence, Engine, Options, Personal, RunKey, Search};
use exhibit_pipeline::{Random as _, SystemRandom};

use self::baseline::Baseline;
use self::told::Told;
use crate::{
    args::{ScanArgs, ScanFormat, Sureness},
    output::{Exit, Hint as _, Out, Words},
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
        ScanFormat::Table => told.table(out)?,
        ScanFormat::Json => out.json(&told.json())?,
        ScanFormat::Sarif => out.json(&sarif::document(&told))?,
    }
    // What was found stands before the sentence about it, where both go to one screen.
    out.flush()?;
    words.say(told.summary());
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
    let options = Options { personal, least: least(args.confidence), ..Options::default() };
    let scanning = Scanning::new(Search::new(engine, options), RunKey::new(key), args.reveal);
    let step = words.step("searching");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        if step.is_seen() {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(200));
                    let (files, bytes) = scanning.progress();
                    step.update(format!("searched {files} files, {} MB", bytes / 1_000_000));
                }
            });
        }
        let searched = args.paths.iter().try_for_each(|path| pool.install(|| one(args, path, &scanning, words)));
        done.store(true, Ordering::Relaxed);
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

fn one(args: &ScanArgs, path: &Path, scanning: &Scanning<'_>, words: &Words) -> anyhow::Result<()> {
    if args.git {
        return history(args, path, scanning, words);
    }
    let visitor = scanning.outside_history();
    if path == Path::new("-") {
        read_stream("-", &mut io::stdin().lock(), Limits::default(), &visitor);
        return Ok(());
    }
    let patterns = match args.exclude.as_slice() {
        [] => None,
        patterns => {
            let root =
                if args.gitignore { path.canonicalize().unwrap_or_else(|_| path.to_owned()) } else { path.to_owned() };
            let patterns = Patterns::new(&root, patterns.iter().map(String::as_str));
            Some(patterns.map_err(|error| anyhow::anyhow!("--exclude: {error}"))?)
        }
    };
    let walk = Walk { git_ignore: args.gitignore, follow: args.follow, patterns, limits: Limits::default() };
    walk.run(path, &visitor).with_context(|| format!("cannot look at {}", path.display()))
}

fn history(args: &ScanArgs, path: &Path, scanning: &Scanning<'_>, words: &Words) -> anyhow::Result<()> {
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
    history.read(
        &|blob| {
            let place = InHistory { commit: Arc::clone(&commits[blob.commit]), at_head: blob.at_head };
            read_bytes(blob.path, blob.bytes, Limits::default(), &scanning.in_history(place));
        },
        &|_, excluded: Excluded| visitor.excluded(excluded),
    );
    words.say(format!("{} commits, {} distinct blobs.", commits.len(), history.len()));
    Ok(())
}
