//! Observes: counts what each target holds, reads its bill or has one made, and holds the two against each other.

use std::io::Read as _;
use std::path::Path;

use exhibit_evidence::{
    Observation, Population,
    observation::{Exclusion, Method, Problem, Subject, Tool},
};

use super::comparing::{self, Given};
use super::facts::{FORMAT, Facts, Listing, TargetFacts};
use super::settings::{self, Target};
use crate::given::name_of;
use crate::packages::bill::Bill;
use crate::packages::lockfile::{LARGEST, Why};
use crate::reading::{self, Reason};
use crate::results::Source as _;
use crate::scanners::{LooksAt, Request, ScannerSettings, scan};
use crate::vulnerable::counting::{self, Counted, Lock};
use crate::vulnerable::scanning::exported;
use crate::{CollectError, Collected, RawArtifact, Scope, Settings};

/// Bills up to this size are kept beside the evidence, in bytes.
const KEPT: usize = 16 << 20;
/// Most problems of one target that are told one by one.
const MOST_PROBLEMS: usize = 50;
/// The code of packages that nothing was held against.
pub(super) const NOTHING_LISTED: &str = "nothing-listed";

/// The code of what is part of the project itself: no bill has to list that.
pub(super) const LOCAL: &str = Why::Local.code();

/// A steady code, and a sentence.
type Trouble = (&'static str, String);

/// Observes all targets of a job.
pub(super) fn collect(scope: &Scope<'_>, settings: &Settings) -> Result<Collected, CollectError> {
    let source =
        settings::source(&settings.source).map_err(|mut problems| CollectError::Settings(problems.swap_remove(0)))?;
    let observed_from = scope.clock.now();
    let mut all = All::default();
    for (index, target) in source.targets.iter().enumerate() {
        let key = format!("source.targets.{index}.environment");
        let environment = scope.environment(target.environment.as_ref(), &key)?;
        all.add(scope, target, Subject { environment, id: target.id.clone() });
    }
    let facts = Facts { format: FORMAT, targets: all.targets };
    let facts =
        serde_json::to_value(facts).map_err(|_| CollectError::Other("the facts have no JSON form".to_owned()))?;
    all.commands.dedup();
    let observation = Observation {
        observed_from,
        observed_to: scope.clock.now(),
        subjects: all.population.iter().map(|population| population.subject.clone()).collect(),
        population: all.population,
        method: Method::All,
        tool: Tool {
            name: "exhibit sbom".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: all.commands,
            rule_pack: None,
        },
        rights: "read access to the targets and their bills, as the user that runs this".to_owned(),
        filters: vec![format!(
            "folders of these names are not entered: {}",
            crate::packages::find::NOT_ENTERED.join(", ")
        )],
        blind_spots: super::conditions::BLIND_SPOTS.map(str::to_owned).to_vec(),
        problems: all.problems,
        facts,
        facts_artifact: None,
        artifacts: Vec::new(),
    };
    Ok(Collected { observation, artifacts: all.artifacts })
}

/// What all targets gave.
#[derive(Default)]
struct All {
    targets: Vec<TargetFacts>,
    population: Vec<Population>,
    problems: Vec<Problem>,
    artifacts: Vec<RawArtifact>,
    commands: Vec<String>,
}

impl All {
    fn add(&mut self, scope: &Scope<'_>, target: &Target, subject: Subject) {
        let mut counted = counting::count(&target.place(), scope.base);
        let uncounted = !counted.problems.is_empty();
        let mut problems = std::mem::take(&mut counted.problems);
        let given = match (&target.bill, &target.scanner) {
            (Some(path), _) => handed_in(path, scope.base),
            (None, Some(scanner)) => made(target, scanner, &counted, scope).map(Some),
            (None, None) => Ok(None),
        };
        let bill = match given {
            Ok(None) => Listing::Absent { file: target.bill.as_deref().map(name_of).unwrap_or_default() },
            Ok(Some(given)) => self.read(given, &counted, &mut problems),
            Err(trouble) => {
                problems.push(trouble);
                Listing::Unknown
            }
        };
        let population = population(&subject, &counted, &bill, uncounted);
        for (code, message) in problems.into_iter().take(MOST_PROBLEMS) {
            self.problems.push(Problem { code: code.to_owned(), message, subject: Some(subject.clone()) });
        }
        self.targets.push(TargetFacts {
            subject,
            commit: counted.commit,
            committed_at: counted.committed_at,
            image: counted.image,
            held: counted.held,
            packages: counted.locks.iter().map(to_be_listed).sum(),
            bill,
        });
        self.population.push(population);
    }

    fn read(&mut self, given: Given, counted: &Counted, problems: &mut Vec<Trouble>) -> Listing {
        let bill = match Bill::read(&given.bytes) {
            Ok(bill) => bill,
            Err(error) => {
                problems.push(("bill-unreadable", format!("{}: {error}", given.name)));
                return Listing::Unknown;
            }
        };
        let facts = comparing::compare(&given, &bill, counted);
        if let Some(run) = &given.run {
            self.commands.push(format!("{} {}", run.title, run.arguments.join(" ")));
        }
        if given.bytes.len() <= KEPT {
            let media_type = "application/json".to_owned();
            let name = format!("bill of materials, {}", given.name);
            self.artifacts.push(RawArtifact { name, media_type, bytes: given.bytes });
        }
        Listing::Read(Box::new(facts))
    }
}

/// Reads the bill that somebody made; none where there is no such file.
fn handed_in(path: &Path, base: &Path) -> Result<Option<Given>, Trouble> {
    let name = name_of(path);
    let unread = |why: String| ("bill-unreadable", format!("{name}: {why}"));
    let file = match reading::regular(&base.join(path)) {
        Err(Reason::Vanished) => return Ok(None),
        other => other.map_err(|reason| unread(reason.to_string()))?.0,
    };
    let mut bytes = Vec::new();
    // One byte more than is read, so that what is too large is seen to be.
    file.take(LARGEST as u64 + 1).read_to_end(&mut bytes).map_err(|error| unread(error.kind().to_string()))?;
    Ok(Some(Given { name, run: None, bytes }))
}

/// Has a scanner make a bill of the target.
fn made(
    target: &Target,
    settings: &ScannerSettings,
    counted: &Counted,
    scope: &Scope<'_>,
) -> Result<Given, Trouble> {
    let Some(runner) = scope.own.runner else {
        return Err(("scanner-not-started", "nothing here can run scanners".to_owned()));
    };
    let adapter = settings.adapter(scope.base).map_err(|problems| {
        let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
        ("scanner-settings", format!("{}: {}", settings.adapter, list.join("; ")))
    })?;
    let laid_out = exported(target.repository.is_some(), counted)
        .map_err(|error| ("target-unreadable", format!("its lockfiles could not be laid out: {error}")))?;
    let named = [&target.folder, &target.repository, &target.image];
    let own = named.into_iter().flatten().next().map_or_else(|| scope.base.to_owned(), |path| scope.base.join(path));
    let place = laid_out.as_ref().map_or(own.as_path(), tempfile::TempDir::path);
    let looks_at = if target.image.is_some() { LooksAt::Image } else { LooksAt::Folder };
    let name = target.id.to_string();
    let request = Request { runner, adapter: &adapter, settings, base: scope.base, target: place, looks_at, name: &name };
    let scan = scan(&request).map_err(|error| (error.code(), error.to_string()))?;
    let mut bytes = Vec::new();
    let read = scan.open().and_then(|result| result.take(LARGEST as u64 + 1).read_to_end(&mut bytes));
    read.map_err(|error| ("bill-unreadable", format!("{}: {}", adapter.id, error.kind())))?;
    Ok(Given { name: adapter.id.clone(), run: Some(scan.facts), bytes })
}

/// How many packages of a lockfile a bill has to list.
fn to_be_listed(lock: &Lock) -> u64 {
    let apart = lock.locked.apart.iter().filter(|apart| apart.why != Why::Local).count();
    (lock.locked.packages.len() + apart) as u64
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
