//! Judges: pure, from facts and policy alone.

use std::collections::BTreeMap;

use exhibit_evidence::{
    CheckId, Condition, ConditionId, Finding, Fingerprint, Observation, Place, Severity, SubjectOutcome, Verdict,
    assessment::Judgement, finding::Carriers, observation::Subject,
};

use super::{
    conditions::{self, Kind, condition},
    facts::{BundleFacts, Carrier, FORMAT, Facts, Group, RepositoryFacts, Stands},
    settings::{self, Policy},
};
use crate::policy::{self, Allowance, is_rule};
use crate::words::plural;
use crate::{JudgeError, SettingProblem, gaps};

/// What can be found at a head.
pub(super) const TRACKED: &str = "repository-secrets.tracked";
/// What only the rest of the object store holds.
pub(super) const HISTORY: &str = "repository-secrets.history";
/// What browsers get.
pub(super) const BUNDLES: &str = "repository-secrets.bundles";
/// The checks, in the manifest's order.
pub(super) const CHECKS: [&str; 3] = [TRACKED, HISTORY, BUNDLES];

/// One judgement for each check.
pub(super) fn judge(observation: &Observation, policy: &toml::Table) -> Result<Vec<Judgement>, JudgeError> {
    let policy = settings::policy(policy).map_err(JudgeError::Policy)?;
    let facts: Facts = serde_json::from_value(observation.facts.clone())?;
    if facts.format != FORMAT {
        return Err(JudgeError::Policy(SettingProblem::new("facts.format", format!("expected {FORMAT}"))));
    }
    let judging = Judging { observation, policy: &policy, facts: &facts };
    CHECKS.iter().map(|check| judging.check(check)).collect()
}

struct Judging<'a> {
    observation: &'a Observation,
    policy: &'a Policy,
    facts: &'a Facts,
}

/// What a check says of one subject.
struct Said {
    verdict: Verdict,
    reason: String,
    findings: Vec<Finding>,
}

impl Said {
    fn of(verdict: Verdict, reason: impl Into<String>) -> Self {
        Self { verdict, reason: reason.into(), findings: Vec::new() }
    }
}

/// Which rule found which real secret at which place, and where that stands.
type At<'g> = (&'g str, &'g str, Option<&'g str>, Stands);

/// All groups of one rule at one place that are sure enough.
struct Found<'g> {
    groups: Vec<&'g Group>,
    hits: u64,
}

/// What is looked at for one check.
struct Look<'f> {
    subject: &'f Subject,
    groups: Vec<&'f Group>,
    /// In words; and how many of them there are.
    examined: String,
    count: u64,
    /// Why nothing was examined, if nothing was.
    nothing: &'static str,
}

impl Judging<'_> {
    fn check(&self, check: &str) -> Result<Judgement, JudgeError> {
        let id = CheckId::new(check).expect("the checks above are authored ids");
        let mut subjects = Vec::new();
        let mut findings = Vec::new();
        for subject in &self.observation.subjects {
            let repository = self.facts.repositories.iter().find(|one| one.subject == *subject);
            let bundle = self.facts.bundles.iter().find(|one| one.subject == *subject);
            let said = match (check, repository, bundle) {
                (BUNDLES, _, Some(bundle)) => self.held(&id, &of_bundle(bundle))?,
                (BUNDLES, Some(_), _) => {
                    Said::of(Verdict::NotApplicable, "It is a repository: bundles are subjects of their own.")
                }
                (TRACKED, Some(repository), _) => self.held(&id, &of_head(repository))?,
                (_, Some(repository), _) => self.held(&id, &of_history(repository))?,
                (_, None, Some(_)) => Said::of(Verdict::NotApplicable, "It is a built front end, no repository."),
                (_, None, None) => Said::of(Verdict::Error, "There are no facts about it."),
            };
            subjects.push(SubjectOutcome { subject: subject.clone(), verdict: said.verdict, reason: said.reason });
            findings.extend(said.findings);
        }
        findings.sort_by_key(|finding| finding.fingerprint);
        let conditions: BTreeMap<ConditionId, Condition> =
            findings.iter().map(|finding| (finding.condition.clone(), condition(finding.condition.as_str()))).collect();
        Ok(Judgement { check: id, closings: BTreeMap::new(), subjects, conditions, findings })
    }

    fn held(&self, check: &CheckId, look: &Look<'_>) -> Result<Said, JudgeError> {
        if self.policy.minimum_confidence < self.facts.least {
            let reason = "The policy asks for less sure hits than were looked for.";
            return Ok(Said::of(Verdict::Error, reason));
        }
        let mut by_place: BTreeMap<At<'_>, Found<'_>> = BTreeMap::new();
        let (mut unsure, mut allowed, mut remarked, mut rotated) = (0, 0, 0, 0);
        for group in &look.groups {
            if group.confidence < self.policy.minimum_confidence {
                unsure += group.hits;
            } else if group.remarked && self.policy.honour_remarks {
                remarked += group.hits;
            } else if self.is_rotated(look.subject, group) {
                rotated += group.hits;
            } else {
                let at = (group.rule.as_str(), group.place.as_str(), group.secret.as_deref(), group.stands);
                let found = by_place.entry(at).or_insert(Found { groups: Vec::new(), hits: 0 });
                found.groups.push(group);
                found.hits += group.hits;
            }
        }
        let mut findings = Vec::new();
        let mut hits = 0;
        for ((rule, place, secret, stands), found) in by_place {
            let at = self.observation.observed_to;
            match policy::allowance(&self.policy.allow, &look.subject.id, place, rule, at) {
                Ok(()) => allowed += found.hits,
                Err(expired) => {
                    hits += found.hits;
                    findings.push(self.finding(check, look.subject, (rule, place, secret, stands), &found, expired)?);
                }
            }
        }
        let also: String = [
            (allowed, "at places that the policy allows"),
            (remarked, "that a remark in its line allows"),
            (rotated, "whose rotation is attested"),
            (unsure, "less sure than the policy asks for"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("; {} {what}", plural(count, "hit")))
        .collect();
        let examined = &look.examined;
        if !findings.is_empty() {
            let kinds = plural(findings.len() as u64, "finding");
            let reason = format!("{} of {kinds} in {examined}{also}.", plural(hits, "hit"));
            return Ok(Said { verdict: Verdict::Fail, reason, findings });
        }
        let accepted = |code: &str| self.policy.allow_excluded.iter().any(|own| own == code);
        if let Some(why) = gaps::unknown(self.observation, look.subject, &accepted) {
            return Ok(Said::of(Verdict::Error, why));
        }
        if look.count == 0 {
            return Ok(Said::of(Verdict::Vacuous, look.nothing));
        }
        let known = self.facts.known.as_ref().map(crate::known::KnownFacts::in_words).unwrap_or_default();
        Ok(Said::of(Verdict::Pass, format!("No secret noted in {examined}{also}{known}.")))
    }

    /// Whether somebody attests that everything this place carried was rotated since.
    fn is_rotated(&self, subject: &Subject, group: &Group) -> bool {
        let last = group.carried.as_ref().and_then(|carried| carried.last.authored);
        group.stands == Stands::History
            && last.is_some_and(|last| {
                let attested = |one: &settings::Rotated| one.covers(&subject.id, &group.place, &group.rule, last);
                self.policy.rotated.iter().any(attested)
            })
    }

    fn finding(
        &self,
        check: &CheckId,
        subject: &Subject,
        (rule, place, secret, stands): At<'_>,
        found: &Found<'_>,
        expired: Option<&Allowance>,
    ) -> Result<Finding, JudgeError> {
        // The surest group speaks for all of them.
        let group = found.groups.iter().max_by_key(|group| group.confidence).expect("a place has a group");
        let example = group.examples.first();
        let values: u64 = found.groups.iter().map(|group| group.values).sum();
        let mut detail = match secret {
            Some(name) => format!("{}: {name}, bare or encoded", group.title),
            None => format!("{}: {} of {}", group.title, plural(values, "value"), shapes(&found.groups)),
        };
        detail.push_str(&format!(
            ", {}.",
            if found.hits == 1 { "once".to_owned() } else { format!("{} times", found.hits) }
        ));
        if let Some(carried) = &group.carried {
            let end = match stands {
                Stands::Tracked => ", and HEAD still carries it".to_owned(),
                _ if carried.last.commit == carried.first.commit => "; HEAD does not carry it".to_owned(),
                _ => format!(", last in {}; HEAD does not carry it", in_words(&carried.last)),
            };
            detail.push_str(&format!(" It came in with {}{end}.", in_words(&carried.first)));
        }
        if let Some(example) = example.filter(|example| example.file != place) {
            detail.push_str(&format!(" First in {}.", example.file));
        }
        if let Some(expired) = expired {
            detail.push_str(&format!(" An allowance for it held until {}.", expired.until));
        }
        if found.groups.iter().any(|group| group.remarked) {
            detail.push_str(" A remark in its line would allow it; the policy does not honour remarks.");
        }
        let kind = match rule.split_once('.') {
            Some(("generic", _)) => Kind::Named,
            Some(("known", _)) => Kind::Known,
            _ => Kind::Token,
        };
        let place_and_rule = [place, rule].into_iter().chain(secret).collect::<Vec<_>>();
        let carriers = group.carried.as_ref().map(|carried| Carriers {
            at_head: stands == Stands::Tracked,
            count: carried.versions,
            first: carried.first.commit.clone(),
            last: carried.last.commit.clone(),
        });
        Ok(Finding {
            fingerprint: Fingerprint::of(check, &subject.environment, &subject.id, &place_and_rule)?,
            condition: conditions::id(conditions::of(kind, stands)),
            severity: self.severity(rule, kind, stands, group),
            environment: subject.environment.clone(),
            subject: subject.id.clone(),
            place: Place {
                file: Some(place.to_owned()),
                line: example.filter(|_| stands != Stands::Unreferenced).map(|example| example.line),
                key: secret.map(str::to_owned),
                rule: Some(rule.to_owned()),
                carriers,
            },
            detail,
            instances: found.hits,
            attributes: attributes(group, values),
        })
    }

    /// The policy's, or the rule's own: worse where browsers get it, one less where it is no longer in use by its place. A
    /// value that an environment uses is in use wherever it stands.
    fn severity(&self, rule: &str, kind: Kind, stands: Stands, group: &Group) -> Severity {
        let named = |one: &&settings::PlacedSeverity| {
            is_rule(&one.rule, rule) && one.stands.is_none_or(|place| place == stands)
        };
        if let Some(own) = self.policy.severities.iter().find(named) {
            return own.severity;
        }
        let steps = match (stands, kind) {
            (Stands::Bundle, _) => -1,
            (Stands::Tracked, _) | (_, Kind::Known) => 0,
            (Stands::History, _) => 1,
            (Stands::Unreferenced, _) => 2,
        };
        let scale = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];
        let own = policy::graded(group.severity);
        let at = scale.iter().position(|one| *one == own).unwrap_or(scale.len() - 1);
        let at = at.saturating_add_signed(steps).min(scale.len() - 1);
        scale[at]
    }
}

fn attributes(group: &Group, values: u64) -> BTreeMap<String, String> {
    let mut attributes = BTreeMap::from([
        ("confidence".to_owned(), group.confidence.as_str().to_owned()),
        ("values".to_owned(), values.to_string()),
    ]);
    if let Some(example) = group.examples.first() {
        attributes.insert("shape".to_owned(), example.shape.clone());
        attributes.insert("file".to_owned(), example.file.clone());
    }
    if let Some(carried) = &group.carried {
        for (name, carrier) in [("first", &carried.first), ("last", &carried.last)] {
            attributes.insert(format!("{name}-commit"), carrier.commit.clone());
            if let Some(authored) = carrier.authored {
                attributes.insert(format!("{name}-authored"), authored.to_string());
            }
        }
    }
    attributes
}

fn of_head(repository: &RepositoryFacts) -> Look<'_> {
    Look {
        subject: &repository.subject,
        groups: repository.groups.iter().filter(|group| group.stands == Stands::Tracked).collect(),
        examined: plural(repository.tracked, "tracked file"),
        count: repository.tracked,
        nothing: "HEAD carries no file.",
    }
}

fn of_history(repository: &RepositoryFacts) -> Look<'_> {
    let unreferenced = match repository.unreferenced {
        0 => String::new(),
        count => format!(", {count} of them kept alive by no reference"),
    };
    let (blobs, commits) = (plural(repository.blobs, "blob"), plural(repository.commits, "commit"));
    Look {
        subject: &repository.subject,
        groups: repository.groups.iter().filter(|group| group.stands != Stands::Tracked).collect(),
        examined: format!("{blobs} of {commits}{unreferenced}"),
        count: repository.blobs,
        nothing: "The repository holds no file in any version.",
    }
}

fn of_bundle(bundle: &BundleFacts) -> Look<'_> {
    Look {
        subject: &bundle.subject,
        groups: bundle.groups.iter().collect(),
        examined: format!("{} of {}", plural(bundle.files, "file"), plural(bundle.bytes, "byte")),
        count: bundle.files,
        nothing: "The bundle holds no file.",
    }
}

/// A commit: its short id, and the day on which it was written, by its author's clock.
fn in_words(carrier: &Carrier) -> String {
    let short = carrier.commit.get(..12).unwrap_or(&carrier.commit);
    match carrier.authored {
        Some(authored) => format!("commit {short} of {}", &authored.to_string()[..10]),
        None => format!("commit {short}"),
    }
}

/// The masked shapes of the examples, each once.
fn shapes(groups: &[&Group]) -> String {
    let mut shapes: Vec<&str> = Vec::new();
    for example in groups.iter().flat_map(|group| &group.examples) {
        if !shapes.contains(&example.shape.as_str()) {
            shapes.push(&example.shape);
        }
    }
    format!("shape {}", shapes.join(", "))
}
