//! Observes: sends the canaries, lists each log, counts every piece by one path and examines it by another.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use exhibit_detect::{Confidence, Engine, Options, Personal, RunKey, Search};
use exhibit_evidence::{
    Digest, Observation, Population,
    observation::{Exclusion, Method, Problem, Subject, Tool},
};
use rayon::prelude::*;

use super::canary::{self, Drawn};
use super::examine::{Examiner, Lookout, Tally};
use super::facts::{CanaryFacts, FORMAT, Facts, LogFacts, SampleFacts};
use super::sample::{self, Frame, Sampler};
use super::settings::{self, Log, Sample};
use super::{awaiting, opening};
use crate::known::{self, Secrets};
use crate::remote::RealPace;
use crate::sources::logs::{Counted, LEFT, Left, LogError, LogSource, Passed, Piece, exclusions};
use crate::sources::{Root, Surroundings};
use crate::{CollectError, Collected, Scope, Settings};

/// The code of what a random sample left out.
pub(super) const NOT_DRAWN: &str = "not-drawn";
/// So often a log is listed again for what moved while it was read.
const ROUNDS: usize = 4;
/// So many problems of one log are told one by one.
const PROBLEMS: usize = 10;

/// What this way of looking cannot see, whatever the log.
pub(super) const BLIND_SPOTS: [&str; 4] = [
    "what was written and deleted before the run, and lines that the log's own shipper dropped",
    "secrets that look like ordinary words and have no name beside them, and values taken apart over several lines",
    "copies of the logs elsewhere",
    "encodings beyond those that the rules and canaries name",
];

/// Observes all logs of a job.
pub(super) fn collect(scope: &Scope<'_>, settings: &Settings) -> Result<Collected, CollectError> {
    let source = settings::source(&settings.source).map_err(CollectError::Settings)?;
    let subjects = subjects(&source.logs, scope)?;
    let observed_from = scope.clock.now();
    let key = RunKey::new(*scope.run_key);
    let sources: Vec<Box<dyn LogSource>> = source.logs.iter().map(|log| opening::open(log, scope)).collect();
    let drawn = send(&source.logs, &sources, scope);

    let policy = settings::policy(&settings.policy).map_err(CollectError::Settings)?;
    let root = Root::folder(scope.base);
    let secrets = known::read(&source.secrets, &Surroundings { root: &root, clock: scope.clock });
    let problems = secrets.as_ref().map(|secrets| secrets.problems.clone()).unwrap_or_default();
    let mut collecting = Collecting { population: Vec::new(), problems, logs: Vec::new(), sampled: Vec::new() };
    for (((log, opened), subject), drawn) in source.logs.iter().zip(&sources).zip(&subjects).zip(&drawn) {
        let engine = canary::engine(drawn).map_err(CollectError::Other)?;
        let lookout = lookout(log, drawn, (scope.engine, &engine), secrets.as_ref(), &policy, &key);
        collecting.log(log, opened.as_ref(), subject, &lookout, scope);
    }
    let Collecting { population, problems, logs, sampled } = collecting;
    let facts = Facts {
        format: FORMAT,
        logs,
        known: secrets.map(|secrets| secrets.facts),
        personal_data: policy.personal_data,
    };
    let facts = serde_json::to_value(&facts).map_err(|error| CollectError::Other(error.to_string()))?;
    let observation = Observation {
        observed_from,
        observed_to: scope.clock.now(),
        subjects,
        population,
        method: method(sampled),
        tool: Tool {
            name: "exhibit log_redaction".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: Vec::new(),
            rule_pack: Some(Digest(scope.engine.rule_pack_digest())),
        },
        rights: "read access to the logs, as the user that runs this".to_owned(),
        filters: source.logs.iter().filter_map(opening::filter).collect(),
        blind_spots: BLIND_SPOTS.map(str::to_owned).to_vec(),
        problems,
        facts,
        facts_artifact: None,
        artifacts: Vec::new(),
    };
    Ok(Collected { observation, artifacts: Vec::new() })
}

/// What is looked for in a log: by the engine, and the canaries by one of their own.
fn lookout<'e>(
    log: &Log,
    drawn: &'e [Drawn],
    (engine, canaries): (&'e Engine, &'e Engine),
    secrets: Option<&'e Secrets>,
    policy: &settings::Policy,
    key: &'e RunKey,
) -> Lookout<'e> {
    let personal = match policy.personal_data.as_slice() {
        [] => Personal::No,
        kinds if kinds.iter().any(|kind| kind == settings::ADDRESSES) => Personal::WithAddresses,
        _ => Personal::Yes,
    };
    let mut rules = Search::new(engine, Options { least: Confidence::Low, encoded: true, personal, ..Options::default() });
    let only = Options { generic: false, encoded: false, personal: Personal::No, least: Confidence::Low };
    let mut exact = (!drawn.is_empty()).then(|| Search::new(canaries, only));
    if let Some(secrets) = secrets {
        rules = rules.knowing(&secrets.known);
        if log.sample.is_some() {
            exact = Some(Search::new(canaries, only).knowing(&secrets.known));
        }
    }
    Lookout { rules, exact, drawn, names: secrets.map(|secrets| secrets.names.as_slice()).unwrap_or_default(), key }
}

fn subjects(logs: &[Log], scope: &Scope<'_>) -> Result<Vec<Subject>, CollectError> {
    let subject = |(index, log): (usize, &Log)| {
        let environment = scope.environment(log.environment.as_ref(), &format!("source.logs.{index}.environment"))?;
        Ok(Subject { environment, id: log.id.clone() })
    };
    logs.iter().enumerate().map(subject).collect()
}

/// Sends all canaries, and waits until each log shows its own.
fn send(logs: &[Log], sources: &[Box<dyn LogSource>], scope: &Scope<'_>) -> Vec<Vec<Drawn>> {
    let waiting = |log: &Log| log.canaries.iter().any(|canary| canary.wait > 0);
    let before: Vec<_> = logs
        .iter()
        .zip(sources)
        .map(|(log, source)| if waiting(log) { awaiting::before(source.as_ref()) } else { HashSet::new() })
        .collect();
    let drawn: Vec<Vec<Drawn>> = logs.iter().map(|log| send_to(log, scope)).collect();
    let pace = RealPace::new();
    for (((log, source), before), drawn) in logs.iter().zip(sources).zip(&before).zip(&drawn) {
        let sent: Vec<_> = log.canaries.iter().zip(drawn).collect();
        awaiting::wait(source.as_ref(), before, &sent, &pace, Duration::ZERO);
    }
    drawn
}

fn send_to(log: &Log, scope: &Scope<'_>) -> Vec<Drawn> {
    let limit = Duration::from_secs(log.time_limit);
    let send = |canary: &settings::Canary| {
        let mut drawn = canary::draw(canary, log.id.as_str(), scope.run_key);
        drawn.send(canary, scope.base, &opening::folder(log, scope), &log.pass_environment, limit);
        drawn
    };
    log.canaries.iter().map(send).collect()
}

fn method(sampled: Vec<(String, u64, String)>) -> Method {
    let mut sampled = sampled.into_iter();
    let Some((seed, mut size, mut statement)) = sampled.next() else { return Method::All };
    for (other, more, words) in sampled {
        size += more;
        statement.push_str(&format!(" {words}"));
        debug_assert_eq!(other, seed);
    }
    Method::Sample { seed, size, statement }
}

struct Collecting {
    population: Vec<Population>,
    problems: Vec<Problem>,
    logs: Vec<LogFacts>,
    /// Seed, size and statement of each sample.
    sampled: Vec<(String, u64, String)>,
}

/// What looking at a log gave.
#[derive(Default)]
struct Looked {
    tally: Tally,
    /// Pieces that were examined to their end.
    examined: u64,
    /// The source's own count of them.
    lines: u64,
    bytes: Option<u64>,
    passed: Passed,
    grown_files: u64,
    left: Vec<Left>,
    sample: Option<SampleFacts>,
}

/// What became of one piece.
struct Done {
    identity: String,
    tally: Tally,
    outcome: Result<(Counted, Passed), Left>,
}

impl Collecting {
    fn log(
        &mut self,
        log: &Log,
        source: &dyn LogSource,
        subject: &Subject,
        lookout: &Lookout<'_>,
        scope: &Scope<'_>,
    ) {
        let looked = match look(source, log.sample.as_ref(), lookout, scope.run_key) {
            Ok(looked) => Ok(looked),
            Err(error) => {
                self.problems.push(Problem {
                    subject: Some(subject.clone()),
                    code: error.code.to_owned(),
                    message: format!("{}: {}", log.id, error.message),
                });
                Err(Looked { tally: Tally::new(lookout.drawn.len()), ..Looked::default() })
            }
        };
        let readable = looked.is_ok();
        let mut looked = looked.unwrap_or_else(|nothing| nothing);
        if let Some(sample) = &looked.sample {
            let statement = sample::statement(sample.drawn, sample.lines, sample.unit());
            self.sampled.push((sample.seed.clone(), sample.drawn, format!("{}: {statement}", log.id)));
        }
        let (left, failed): (Vec<Left>, Vec<Left>) =
            looked.left.drain(..).partition(|left| LEFT.contains(&left.code));
        for failure in failed.iter().take(PROBLEMS) {
            self.problems.push(Problem {
                subject: Some(subject.clone()),
                code: failure.code.to_owned(),
                message: format!("{}: {}", failure.name, failure.reason),
            });
        }
        let known = readable && failed.is_empty();
        self.populations(source, subject, &looked, &left, known);
        self.logs.push(facts(source, subject, looked, lookout.drawn));
    }

    fn populations(&mut self, source: &dyn LogSource, subject: &Subject, looked: &Looked, left: &[Left], known: bool) {
        let mut population = |unit: &str, exist: u64, examined: u64, excluded: Vec<Exclusion>| {
            self.population.push(Population {
                subject: subject.clone(),
                unit: unit.to_owned(),
                exist: known.then_some(exist),
                counted_by: source.counted_by().to_owned(),
                examined,
                excluded,
            });
        };
        let not_drawn = looked.sample.as_ref().map(|sample| Exclusion {
            code: NOT_DRAWN.to_owned(),
            reason: "not drawn into the random sample".to_owned(),
            count: sample.lines - sample.drawn,
            examples: Vec::new(),
        });
        let (pieces_not_drawn, lines_not_drawn): (Option<Exclusion>, Option<Exclusion>) =
            if source.draws_pieces() { (not_drawn, None) } else { (None, not_drawn) };
        if let Some(unit) = source.piece_unit() {
            let mut excluded = exclusions(left);
            excluded.extend(pieces_not_drawn);
            let exist = looked.examined + excluded.iter().map(|excluded| excluded.count).sum::<u64>();
            population(unit, exist, looked.examined, excluded);
        }
        let mut excluded = if source.piece_unit().is_some() { Vec::new() } else { exclusions(left) };
        excluded.extend(looked.passed.skipped.iter().map(|(left, count)| Exclusion {
            code: left.code.to_owned(),
            reason: left.reason.clone(),
            count: *count,
            examples: Vec::new(),
        }));
        excluded.extend(lines_not_drawn);
        population(source.unit(), looked.lines, looked.tally.lines, excluded);
        if let Some(bytes) = looked.bytes {
            population("byte as it is kept", bytes, looked.passed.bytes, Vec::new());
        }
    }
}

fn facts(source: &dyn LogSource, subject: &Subject, mut looked: Looked, drawn: &[Drawn]) -> LogFacts {
    let canaries = std::mem::take(&mut looked.tally.canaries);
    let canaries = drawn.iter().zip(canaries).map(|(drawn, seen)| CanaryFacts {
        id: drawn.id.clone(),
        unsent: drawn.unsent.clone(),
        marker: seen.marker,
        secret: seen.secret,
        forms: seen.forms.into_iter().map(str::to_owned).collect(),
        redacted: drawn.redacted.is_some().then_some(seen.redacted),
    });
    LogFacts {
        subject: subject.clone(),
        kind: source.kind().to_owned(),
        label: source.label(),
        unit: source.unit().to_owned(),
        lines: looked.tally.lines,
        documents: looked.tally.documents,
        binary: looked.tally.binary,
        grown_files: looked.grown_files,
        grown_bytes: looked.passed.grown,
        sample: looked.sample,
        canaries: canaries.collect(),
        groups: looked.tally.groups(),
    }
}

/// Looks at everything that a source lists; what moved while it was read is found by the next listing.
fn look(
    source: &dyn LogSource,
    sample: Option<&Sample>,
    lookout: &Lookout<'_>,
    run_key: &[u8; 32],
) -> Result<Looked, LogError> {
    let mut looked = Looked { tally: Tally::new(lookout.drawn.len()), ..Looked::default() };
    if let Some(sample) = sample {
        let look = if source.draws_pieces() { look_at_pieces } else { look_at_sample };
        if let Some(sampled) = look(source, sample, lookout, run_key)? {
            return Ok(sampled);
        }
    }
    let mut done = HashSet::new();
    let mut moved: BTreeMap<String, Left> = BTreeMap::new();
    for round in 0..ROUNDS {
        let listing = source.list()?;
        if round == 0 {
            looked.left.extend(listing.left);
        }
        let mut fresh: Vec<_> = listing.pieces.into_iter().filter(|piece| !done.contains(&piece.identity())).collect();
        if fresh.is_empty() {
            break;
        }
        let results: Vec<Done> = fresh.par_iter_mut().map(|piece| examine(piece.as_mut(), lookout)).collect();
        for result in results {
            match looked.take(result.tally, result.outcome) {
                Some(left) if left.code == Left::MOVED => {
                    moved.insert(result.identity, left);
                }
                left => {
                    moved.remove(&result.identity);
                    looked.left.extend(left);
                    done.insert(result.identity);
                }
            }
        }
    }
    looked.left.extend(moved.into_values().map(|left| Left { code: "vanished", ..left }));
    Ok(looked)
}

impl Looked {
    /// Adds a piece; what could not be read to its end is handed back, and what was found in it is kept all the same.
    fn take(&mut self, mut tally: Tally, outcome: Result<(Counted, Passed), Left>) -> Option<Left> {
        let left = match outcome {
            Ok((counted, passed)) => {
                self.examined += 1;
                // Where only reading it tells, the rim's count is the source's own.
                self.lines += counted.lines.unwrap_or(passed.lines);
                if let Some(bytes) = counted.bytes {
                    self.bytes = Some(self.bytes.unwrap_or(0) + bytes);
                }
                self.passed.bytes += passed.bytes;
                self.passed.grown += passed.grown;
                self.grown_files += u64::from(passed.grown > 0);
                // Only sources of one piece skip any.
                self.passed.skipped.extend(passed.skipped);
                None
            }
            Err(left) => {
                (tally.lines, tally.documents, tally.binary) = (0, 0, 0);
                Some(left)
            }
        };
        self.tally.add(tally);
        left
    }
}

fn examine(piece: &mut dyn Piece, lookout: &Lookout<'_>) -> Done {
    let identity = piece.identity();
    let mut examiner = Examiner::new(lookout);
    let outcome = piece.count().and_then(|counted| {
        let passed = piece.read(&mut examiner)?;
        Ok((counted.unwrap_or(Counted { lines: None, bytes: Some(passed.bytes) }), passed))
    });
    Done { identity, tally: examiner.tally, outcome }
}

/// Looks at a random sample; none if there are so few lines that all are examined.
fn look_at_sample(
    source: &dyn LogSource,
    sample: &Sample,
    lookout: &Lookout<'_>,
    run_key: &[u8; 32],
) -> Result<Option<Looked>, LogError> {
    let listing = source.list()?;
    let mut looked = Looked { tally: Tally::new(lookout.drawn.len()), left: listing.left, ..Looked::default() };
    let mut frame = Frame::default();
    let mut counted = Vec::new();
    for mut piece in listing.pieces {
        let count = piece.count().and_then(|count| Ok((count, piece.digest()?)));
        match count {
            Ok((Some(count @ Counted { lines: Some(lines), .. }), Some(digest))) => {
                frame.add(piece.name(), count.bytes.unwrap_or(0), lines, &digest);
                counted.push((piece, count));
            }
            Ok(_) => return Err(LogError::new("no-sample", "the source can't be sampled")),
            Err(left) => looked.left.push(vanished(left)),
        }
    }
    if frame.lines <= sample.above {
        return Ok(None);
    }
    let seed = drawn_by(sample, run_key);
    let drawn = sample::draw(&seed, &frame, sample.size);
    let mut sampler = Sampler::new(lookout, &drawn);
    for (mut piece, count) in counted {
        match piece.read(&mut sampler) {
            Ok(passed) => {
                let nothing = Tally::new(lookout.drawn.len());
                looked.take(nothing, Ok((count, passed)));
            }
            // The frozen population is no longer there: a sample of the rest would be another one.
            Err(left) => {
                let message = format!("{}: {}, while the sample was read", left.name, left.reason);
                return Err(LogError::new("sample-broken", message));
            }
        }
    }
    if sampler.tally.wide > 0 {
        return Err(LogError::new("no-sample", "a sample can't be drawn from text of two-byte units: examine all of it"));
    }
    looked.sample = Some(SampleFacts {
        seed,
        population: frame.digest(),
        unit: None,
        lines: frame.lines,
        drawn: drawn.len() as u64,
        with_secrets: sampler.with_secrets,
        with_personal_data: sampler.with_personal_data,
    });
    looked.tally = sampler.tally;
    Ok(Some(looked))
}

/// Looks at pieces that are drawn by what the listing says of them; none if there are so few that all are examined.
fn look_at_pieces(
    source: &dyn LogSource,
    sample: &Sample,
    lookout: &Lookout<'_>,
    run_key: &[u8; 32],
) -> Result<Option<Looked>, LogError> {
    let listing = source.list()?;
    let mut frame = Frame::default();
    for piece in &listing.pieces {
        let none = || LogError::new("no-sample", "the source can't be sampled");
        let (bytes, version) = piece.listed().ok_or_else(none)?;
        frame.add(piece.name(), bytes, 1, version);
    }
    if frame.lines <= sample.above {
        return Ok(None);
    }
    let seed = drawn_by(sample, run_key);
    let drawn = sample::draw(&seed, &frame, sample.size);
    let numbered = (0..).zip(listing.pieces);
    let mut chosen: Vec<_> = numbered.filter(|(number, _)| drawn.contains(number)).map(|(_, piece)| piece).collect();
    let results: Vec<Done> = chosen.par_iter_mut().map(|piece| examine(piece.as_mut(), lookout)).collect();
    let mut looked = Looked { tally: Tally::new(lookout.drawn.len()), left: listing.left, ..Looked::default() };
    let (mut with_secrets, mut with_personal_data) = (0, 0);
    for result in results {
        with_secrets += u64::from(result.tally.holds(false));
        with_personal_data += u64::from(result.tally.holds(true));
        match looked.take(result.tally, result.outcome) {
            // The frozen population is no longer there: a sample of the rest would be another one.
            Some(left) if left.code == Left::MOVED => {
                let message = format!("{}: {}, while the sample was read", left.name, left.reason);
                return Err(LogError::new("sample-broken", message));
            }
            left => looked.left.extend(left),
        }
    }
    looked.sample = Some(SampleFacts {
        seed,
        population: frame.digest(),
        unit: source.piece_unit().map(str::to_owned),
        lines: frame.lines,
        drawn: drawn.len() as u64,
        with_secrets,
        with_personal_data,
    });
    Ok(Some(looked))
}

/// The seed: the settings' own, or one of this run.
fn drawn_by(sample: &Sample, run_key: &[u8; 32]) -> String {
    let own = || Digest::of(&[b"exhibit log_redaction sample\0".as_slice(), run_key].concat()).hex();
    // The run's key stays secret; what is drawn from it alone is published.
    sample.seed.as_ref().map_or_else(own, |seed| seed.to_ascii_lowercase())
}

fn vanished(left: Left) -> Left {
    if left.code == Left::MOVED { Left { code: "vanished", ..left } } else { left }
}
