//! Observes: counts what each target holds, reads its bill or has one made, and holds the two against each other.

use std::io::Read as _;
use std::path::Path;

use exhibit_evidence::{
    Observation, Population, Timestamp,
    observation::{Exclusion, Method, Problem, Subject, Tool},
};

use super::changes;
use super::comparing::{self, Given};
use super::facts::{FORMAT, Facts, HandedIn, Listing, TargetFacts};
use super::settings::{self, Source, TARGETS, Target};
use crate::given::name_of;
use crate::kept::{KeepUpTo, Kept};
use crate::packages::bill::Bill;
use crate::packages::lockfile::{LARGEST, Why};
use crate::reading::{self, Reason};
use crate::results::Source as _;
use crate::scanners::{LooksAt, Request, ScannerSettings, scan};
use crate::scratch::Scratch;
use crate::vulnerable::counting::{self, Counted, Lock};
use crate::vulnerable::scanning::exported;
use crate::{CollectError, Collected, Scope, Settings};

/// Most problems of one target that are told one by one.
const MOST_PROBLEMS: usize = 50;
/// The code of packages that nothing was held against.
pub(super) const NOTHING_LISTED: &str = "nothing-listed";

/// The code of what is part of the project itself: no bill has to list that.
pub(super) const LOCAL: &str = Why::Local.code();

/// A steady code, and a sentence.
pub(super) type Trouble = (&'static str, String);

/// Observes all targets of a job.
pub(super) fn collect(scope: &Scope<'_>, settings: &Settings) -> Result<Collected, CollectError> {
    let source =
        settings::source(&settings.source).map_err(|mut problems| CollectError::Settings(problems.swap_remove(0)))?;
    let observed_from = scope.clock.now();
    let mut all = All::default();
    for (index, target) in source.targets.iter().enumerate() {
        all.add(scope, &source, target, target.at.subject(scope, &format!("{TARGETS}.{index}"))?);
    }
    all.collected((observed_from, scope.clock.now()))
}

/// What all targets gave.
#[derive(Default)]
pub(super) struct All {
    targets: Vec<TargetFacts>,
    population: Vec<Population>,
    problems: Vec<Problem>,
    kept: Kept,
    commands: Vec<String>,
}

impl All {
    fn add(&mut self, scope: &Scope<'_>, source: &Source, target: &Target, subject: Subject) {
        let counted = counting::count(&target.at, &source.registries, scope);
        let keep = source.keep_results_mib;
        self.take(scope, subject, counted, None, |all, counted, problems| {
            let given = match (&target.bill, &target.scanner) {
                (Some(path), _) => handed_in(path, scope.base, keep),
                // Of what could not be pulled there is no bill, and that is why.
                (None, Some(_)) if counted.is_out_of_reach(&target.at) => problems.pop().map_or(Ok(None), Err),
                (None, Some(scanner)) => made(target, scanner, counted, scope, keep).map(Some),
                (None, None) => Ok(None),
            };
            match given {
                Ok(None) => Listing::Absent { file: target.bill.as_deref().map(name_of).unwrap_or_default() },
                Ok(Some(given)) => all.read(given, counted, problems),
                Err(trouble) => {
                    problems.push(trouble);
                    Listing::Unknown
                }
            }
        });
    }

    /// Takes in one target, of which `list` reads the bill.
    pub(super) fn take(
        &mut self,
        scope: &Scope<'_>,
        subject: Subject,
        mut counted: Counted,
        handed_in: Option<HandedIn>,
        list: impl FnOnce(&mut Self, &Counted, &mut Vec<Trouble>) -> Listing,
    ) {
        let uncounted = !counted.problems.is_empty();
        let mut problems = std::mem::take(&mut counted.problems);
        let mut bill = list(self, &counted, &mut problems);
        if let Listing::Read(read) = &mut bill {
            read.since = changes::since(scope, &subject, read);
        }
        let population = match handed_in {
            Some(HandedIn::Alone) => by_itself(&subject, &bill),
            _ => population(&subject, &counted, &bill, uncounted),
        };
        for (code, message) in problems.into_iter().take(MOST_PROBLEMS) {
            self.problems.push(Problem { code: code.to_owned(), message, subject: Some(subject.clone()) });
        }
        self.targets.push(TargetFacts {
            subject,
            commit: counted.commit,
            committed_at: counted.committed_at,
            image: counted.image,
            pulled: counted.pulled.map(|pulled| pulled.facts),
            held: counted.held,
            handed_in,
            packages: counted.locks.iter().map(to_be_listed).sum(),
            bill,
        });
        self.population.push(population);
    }

    /// Reads a bill, and holds it against what was counted.
    pub(super) fn read(&mut self, given: Given, counted: &Counted, problems: &mut Vec<Trouble>) -> Listing {
        let bill = match Bill::read(&given.bytes) {
            Ok(bill) => bill,
            Err(error) => {
                let message = format!("{}: {error}", given.name);
                return self.not_read(given, ("bill-unreadable", message), problems);
            }
        };
        let facts = comparing::compare(&given, &bill, counted);
        if let Some(run) = &given.run {
            self.commands.push(format!("{} {}", run.title, run.arguments.join(" ")));
        }
        self.kept.take(format!("bill of materials, {}", given.name), given.printed, true);
        Listing::Read(Box::new(facts))
    }

    /// Keeps what is no bill, and why it is none.
    pub(super) fn not_read(&mut self, given: Given, trouble: Trouble, problems: &mut Vec<Trouble>) -> Listing {
        self.kept.take(format!("in place of a bill of materials, {}", given.name), given.printed, false);
        problems.push(trouble);
        Listing::Unknown
    }

    /// All of it, as an observation from the one instant to the other.
    pub(super) fn collected(mut self, (observed_from, observed_to): (Timestamp, Timestamp)) -> Result<Collected, CollectError> {
        let pulled = crate::pulling::rights(self.targets.iter().filter_map(|target| target.pulled.as_ref()));
        let facts = Facts { format: FORMAT, targets: self.targets };
        let facts =
            serde_json::to_value(facts).map_err(|_| CollectError::Other("the facts have no JSON form".to_owned()))?;
        self.commands.dedup();
        let not_entered = crate::packages::find::NOT_ENTERED.join(", ");
        let mut filters = vec![format!("folders of these names are not entered: {not_entered}")];
        let (artifacts, left_out) = self.kept.told();
        filters.extend(left_out);
        let observation = Observation {
            observed_from,
            observed_to,
            subjects: self.population.iter().map(|population| population.subject.clone()).collect(),
            population: self.population,
            method: Method::All,
            tool: Tool {
                name: "exhibit sbom".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                command: self.commands,
                rule_pack: None,
            },
            rights: format!("read access to the targets and their bills, as the user that runs this{pulled}"),
            filters,
            blind_spots: super::conditions::BLIND_SPOTS.map(str::to_owned).to_vec(),
            problems: self.problems,
            facts,
            facts_artifact: None,
            artifacts: Vec::new(),
        };
        Ok(Collected { observation, artifacts })
    }
}

/// Reads the bill that somebody made; none where there is no such file.
fn handed_in(path: &Path, base: &Path, keep: KeepUpTo) -> Result<Option<Given>, Trouble> {
    let name = name_of(path);
    let unread = |why: String| ("bill-unreadable", format!("{name}: {why}"));
    let file = match reading::regular(&base.join(path)) {
        Err(Reason::Vanished) => return Ok(None),
        other => other.map_err(|reason| unread(reason.to_string()))?.0,
    };
    let mut bytes = Vec::new();
    // One byte more than is read, so that what is too large is seen to be.
    file.take(LARGEST as u64 + 1).read_to_end(&mut bytes).map_err(|error| unread(error.kind().to_string()))?;
    let told = name.clone();
    let given = Given::new(name, None, bytes, keep);
    given.map(Some).map_err(|error| ("bill-unreadable", format!("{told}: {}", error.kind())))
}

/// Has a scanner make a bill of the target.
fn made(
    target: &Target,
    settings: &ScannerSettings,
    counted: &Counted,
    scope: &Scope<'_>,
    keep: KeepUpTo,
) -> Result<Given, Trouble> {
    let Some(runner) = scope.own.runner else {
        return Err(("scanner-not-started", "nothing here can run scanners".to_owned()));
    };
    let adapter = settings.adapter(scope.base).map_err(|problems| {
        let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
        ("scanner-settings", format!("{}: {}", settings.adapter, list.join("; ")))
    })?;
    let laid_out = exported(target.at.repository.is_some(), counted)
        .map_err(|error| ("target-unreadable", format!("its lockfiles could not be laid out: {error}")))?;
    let own = counted.root(&target.at, scope.base);
    let place = laid_out.as_ref().map_or(own.as_path(), Scratch::path);
    let looks_at = if target.at.is_image() { LooksAt::Image } else { LooksAt::Folder };
    let name = target.at.id.to_string();
    let request = Request { runner, adapter: &adapter, settings, base: scope.base, target: place, looks_at, name: &name };
    let scan = scan(&request).map_err(|error| (error.code(), error.to_string()))?;
    let mut bytes = Vec::new();
    let read = scan.open().and_then(|result| result.take(LARGEST as u64 + 1).read_to_end(&mut bytes));
    let given = read.and_then(|_| Given::new(adapter.id.clone(), Some(scan.facts), bytes, keep));
    given.map_err(|error| ("bill-unreadable", format!("{}: {}", adapter.id, error.kind())))
}

/// How many packages of a lockfile a bill has to list.
fn to_be_listed(lock: &Lock) -> u64 {
    let apart = lock.locked.apart.iter().filter(|apart| apart.why != Why::Local).count();
    (lock.locked.packages.len() + apart) as u64
}

/// What a bill says of itself: nothing says what it leaves out.
fn by_itself(subject: &Subject, bill: &Listing) -> Population {
    let components = match bill {
        Listing::Read(read) => Some(read.components),
        Listing::Absent { .. } | Listing::Unknown => None,
    };
    Population {
        subject: subject.clone(),
        unit: "component that the bill lists".to_owned(),
        exist: components,
        counted_by: "the bill itself: no lockfile was handed in with it, so that nothing says what it leaves out".to_owned(),
        examined: components.unwrap_or(0),
        excluded: Vec::new(),
    }
}

/// The packages of a target: each is looked for in the bill, if that lists anything.
fn population(subject: &Subject, counted: &Counted, bill: &Listing, uncounted: bool) -> Population {
    let all: u64 = counted.locks.iter().map(|lock| (lock.locked.packages.len() + lock.locked.apart.len()) as u64).sum();
    let local = all - counted.locks.iter().map(to_be_listed).sum::<u64>();
    let mut excluded = Vec::new();
    let mut leave = |code: &str, count: u64, reason: &str| {
        if count > 0 {
            let (code, reason) = (code.to_owned(), reason.to_owned());
            excluded.push(Exclusion { code, count, examples: Vec::new(), reason });
        }
    };
    leave(LOCAL, local, Why::Local.reason());
    let examined = match bill {
        Listing::Read(read) if read.components > 0 => all - local,
        Listing::Read(_) => {
            leave(NOTHING_LISTED, all - local, "the bill of materials lists nothing that they could be looked for in");
            0
        }
        Listing::Absent { .. } => {
            leave(NOTHING_LISTED, all - local, "there is no bill of materials that they could be looked for in");
            0
        }
        Listing::Unknown => 0,
    };
    Population {
        subject: subject.clone(),
        unit: "package at a version".to_owned(),
        exist: (!uncounted).then_some(all),
        counted_by: "lockfiles, and package databases of images, read by Exhibit itself".to_owned(),
        examined,
        excluded,
    }
}
