//! Observes: counts each target, has it scanned, compares, and keeps facts.

use exhibit_evidence::SubjectId;
use exhibit_evidence::observation::{Method, Observation, Population, Problem, Subject, Tool};

use super::Looks;
use super::comparing::{self, Compared};
use super::counting::{self, Counted, NOT_PULLED};
use super::earlier::{self, Followed, Looked, Unseen};
use super::facts::{FORMAT, Facts, History, KnownExploited, TargetFacts};
use super::known::{Exploited, Statements};
use super::pinning::{self, Referring};
use super::scanning::{self, Scanned, Unsaid, called};
use super::settings::{self, MANIFESTS, Source, TARGETS};
use crate::kept::Kept;
use crate::{CollectError, Collected, Scope, Settings};

/// Most problems of one target that are told one by one.
const MOST_PROBLEMS: usize = 50;

/// The code of a result that is about something else.
const OTHER_TARGET: &str = "other-target";

/// What is put together over all targets.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) subjects: Vec<Subject>,
    pub(super) population: Vec<Population>,
    pub(super) problems: Vec<Problem>,
    pub(super) targets: Vec<TargetFacts>,
    /// For each target, what of it was not seen; none where nothing of it was.
    pub(super) unseen: Vec<Option<Unseen>>,
    pub(super) referring: Vec<Referring>,
    pub(super) kept: Kept,
    pub(super) commands: Vec<String>,
    filters: Vec<String>,
}

/// Lists that are the same for all targets.
pub(super) struct Lists {
    pub(super) exploited: Exploited,
    pub(super) told: Option<KnownExploited>,
    pub(super) statements: Statements,
}

impl Lists {
    /// Reads them; what can't be read is a problem that concerns all.
    pub(super) fn read(source: &Source, scope: &Scope<'_>, problems: &mut Vec<Problem>) -> Self {
        let mut problem = |code: &str, message: String| {
            problems.push(Problem { code: code.to_owned(), message, subject: None });
        };
        let mut lists = Self { exploited: Exploited::default(), told: None, statements: Statements::default() };
        match source.known_exploited.as_ref().map(|path| Exploited::read(&scope.base.join(path))) {
            Some(Ok((exploited, told))) => (lists.exploited, lists.told) = (exploited, Some(told)),
            Some(Err(why)) => problem("known-exploited-unreadable", why),
            None => {}
        }
        let (statements, unread) = Statements::read(scope.base, &source.vex);
        lists.statements = statements;
        unread.into_iter().for_each(|why| problem("vex-unreadable", why));
        lists
    }
}

/// Observes all targets of a job.
pub(super) fn collect(looks: Looks, scope: &Scope<'_>, settings: &Settings) -> Result<Collected, CollectError> {
    let source = settings::source(looks, &settings.source).map_err(CollectError::Settings)?;
    if source.targets.is_empty() && source.manifests.is_empty() {
        let problem = crate::SettingProblem::new(TARGETS, "at least one target is needed");
        return Err(CollectError::Settings(problem));
    }
    let observed_from = scope.clock.now();
    let mut gathered = Gathered::default();
    let lists = Lists::read(&source, scope, &mut gathered.problems);
    for (index, target) in source.targets.iter().enumerate() {
        let subject = target.at.subject(scope, &format!("{TARGETS}.{index}"))?;
        let mut counted = counting::count(&target.at, &source.registries, scope);
        if let Some(bill) = &target.bill {
            counted.compare(&scope.base.join(bill));
        }
        counted.left_out = target.at.left_out();
        let (scanned, unsaid) = scanning::scan(target, &counted, source.keep_results_mib, scope);
        gathered.add(looks, subject, counted, scanned, unsaid, &lists);
    }
    for (index, manifests) in source.manifests.iter().enumerate() {
        let subject = manifests.subject(scope, &format!("{MANIFESTS}.{index}"))?;
        gathered.leaves_out(&manifests.id, &manifests.exclude);
        let (referring, population, problems) = pinning::read(manifests, &subject, scope.base);
        gathered.problems.extend(problems.into_iter().take(MOST_PROBLEMS));
        gathered.population.push(population);
        gathered.referring.push(referring);
        gathered.subjects.push(subject);
    }
    collected(looks, scope, gathered, &lists, observed_from)
}

impl Gathered {
    /// Notes what the settings of a target leave out.
    fn leaves_out(&mut self, id: &SubjectId, patterns: &[String]) {
        if !patterns.is_empty() {
            self.filters.push(format!("of {id} the settings leave out: {}", patterns.join(", ")));
        }
    }

    /// Adds what is known of one target.
    pub(super) fn add(
        &mut self,
        looks: Looks,
        subject: Subject,
        mut counted: Counted,
        mut scanned: Vec<Scanned>,
        unsaid: Vec<Unsaid>,
        lists: &Lists,
    ) {
        let others: Vec<_> = scanned.iter().filter_map(|one| about_another(one, &counted)).collect();
        counted.problems.extend(others);
        let Compared { mut population, lockfiles, seen, agreement, problems, dropped, looked } =
            comparing::compare(looks, &subject, &counted.locks, &mut scanned, &lists.exploited, &lists.statements);
        let unread = counted.problems.iter().any(|(code, _)| *code != OTHER_TARGET);
        // A population that leaves out what could not be read is none; nor is one of an image that nobody looked into.
        if unread || (looks == Looks::Images && counted.image.is_none() && counted.locks.is_empty()) {
            population.exist = None;
        }
        let lost =
            |code: &str| matches!(code, "target-unreadable" | NOT_PULLED | "image-unidentified" | "image-unread");
        let lost = counted.problems.iter().any(|(code, _)| lost(code));
        self.unseen.push((!lost).then_some(Unseen {
            lockfiles: counted.unreadable,
            more: counted.part,
            left_out: counted.left_out,
            silent: !unsaid.is_empty() || dropped > 0,
            looked,
        }));
        let told = counted.problems.into_iter().chain(problems).map(|(code, message)| (code.to_owned(), message));
        let told = told.chain(unsaid.iter().map(|one| (one.code.to_owned(), one.message.clone())));
        for (code, message) in told.take(MOST_PROBLEMS) {
            self.problems.push(Problem { code, message, subject: Some(subject.clone()) });
        }
        for (name, printed) in unsaid.into_iter().filter_map(|one| one.printed).map(|boxed| *boxed) {
            self.kept.take(name, printed, false);
        }
        if dropped > 0 {
            let message = format!("{dropped} things that scanners told are more than are kept, and were not looked at");
            self.problems.push(Problem { code: "too-much-told".to_owned(), message, subject: Some(subject.clone()) });
        }
        let mut scans = Vec::new();
        for one in scanned {
            self.kept.take(called(&one.facts.name), one.printed, true);
            if let Some(run) = &one.facts.run {
                self.commands.push(format!("{} {}", run.title, run.arguments.join(" ")));
            }
            scans.push(one.facts);
        }
        self.population.push(population);
        self.targets.push(TargetFacts {
            subject: subject.clone(),
            commit: counted.commit,
            image: counted.image,
            pulled: counted.pulled.map(|pulled| pulled.facts),
            held: counted.held,
            bill: counted.bill,
            lockfiles,
            scans,
            agreement,
            vulnerabilities: seen,
            dropped,
        });
        self.subjects.push(subject);
    }
}

/// Why a result is not about this target, if it says by digest or commit that it is about another one.
fn about_another(one: &Scanned, counted: &Counted) -> Option<(&'static str, String)> {
    let is_commit = |text: &str| text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    one.reading.targets.iter().filter_map(|target| target.identity.as_deref()).find_map(|identity| {
        let (what, ours) = match (&counted.image, &counted.commit) {
            (Some(image), _) if identity.starts_with("sha256:") => {
                let index = counted.pulled.as_ref().map(|pulled| pulled.facts.digest.as_str());
                let ours = [Some(image.config.as_str()), image.manifest.as_deref(), index];
                if ours.contains(&Some(identity)) {
                    return None;
                }
                ("image", image.config.as_str())
            }
            (None, Some(commit)) if is_commit(identity) && identity != commit => ("commit", commit.as_str()),
            _ => return None,
        };
        let message = format!("what {} said is about the {what} {identity}, and the target is {ours}", one.facts.name);
        Some((OTHER_TARGET, message))
    })
}

/// What was gathered, as an observation with what is kept beside it.
pub(super) fn collected(
    looks: Looks,
    scope: &Scope<'_>,
    mut gathered: Gathered,
    lists: &Lists,
    observed_from: exhibit_evidence::Timestamp,
) -> Result<Collected, CollectError> {
    let mut looked =
        Looked { targets: &mut gathered.targets, unseen: &gathered.unseen, referring: &gathered.referring };
    let Followed { earlier, there, history } = earlier::follow(looks, scope, &mut looked);
    if let History::Unknown { why } = &history {
        let message = format!("what was noted before could not be read: {why}");
        gathered.problems.push(Problem { code: "earlier-unknown".to_owned(), message, subject: None });
    }
    let pulled = crate::pulling::rights(gathered.targets.iter().filter_map(|target| target.pulled.as_ref()));
    let manifests = gathered.referring.into_iter().map(|one| one.facts).collect();
    let (known_exploited, targets) = (lists.told.clone(), gathered.targets);
    let facts = Facts { format: FORMAT, known_exploited, targets, manifests, earlier, there, history };
    let facts = facts.into_value().map_err(|_| CollectError::Other("the facts have no JSON form".to_owned()))?;
    gathered.commands.dedup();
    let not_entered = crate::packages::find::NOT_ENTERED.join(", ");
    let mut filters = vec![format!("folders of these names are not entered: {not_entered}")];
    let (artifacts, left_out) = gathered.kept.told();
    filters.extend(left_out);
    filters.extend(gathered.filters);
    let observation = Observation {
        observed_from,
        observed_to: scope.clock.now(),
        subjects: gathered.subjects,
        population: gathered.population,
        method: Method::All,
        tool: Tool {
            name: format!("exhibit {}", looks.collector()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: gathered.commands,
            rule_pack: None,
        },
        rights: format!("read access to the targets, as the user that runs this{pulled}"),
        filters,
        blind_spots: looks.blind_spots(),
        problems: gathered.problems,
        facts,
        facts_artifact: None,
        artifacts: Vec::new(),
    };
    Ok(Collected { observation, artifacts })
}
