//! Judges: pure, from facts and population alone.

use std::collections::BTreeMap;

use exhibit_evidence::{
    CheckId, Finding, Fingerprint, Observation, Place, Severity, SubjectOutcome, Timestamp, Verdict,
    assessment::Judgement,
};

use super::collect::{LOCAL, NOTHING_LISTED};
use super::conditions::{self, ABSENT, LACKING, MISSING, OTHER, STALE};
use super::facts::{BillFacts, Changes, Element, FORMAT, Facts, HandedIn, Listed, Listing, Other, Since, TargetFacts};
use super::settings::Policy;
use crate::gaps::unknown;
use crate::packages::bill::Identity;
use crate::words::plural;
use crate::{JudgeError, SettingProblem};

/// The checks, in the manifest's order.
pub(super) const CHECKS: [&str; 5] =
    ["sbom.exists", "sbom.describes-target", "sbom.complete", "sbom.minimum-elements", "sbom.fresh"];

/// Most packages that a sentence names of each kind of change.
const MOST_TOLD: usize = 3;

/// Most missing packages of one target that are findings of their own.
const MOST_FINDINGS: usize = 1_000;

/// One judgement for each check, in the manifest's order.
pub(super) fn judge(observation: &Observation, policy: &Policy) -> Result<Vec<Judgement>, JudgeError> {
    let facts: Facts = serde_json::from_value(observation.facts.clone())?;
    if facts.format != FORMAT {
        return Err(JudgeError::Policy(SettingProblem::new("facts.format", format!("expected {FORMAT}"))));
    }
    CHECKS.into_iter().map(|name| Judging { observation, policy, name }.check(&facts)).collect()
}

struct Judging<'a> {
    observation: &'a Observation,
    policy: &'a Policy,
    name: &'static str,
}

/// What a check says of one target.
struct Noted {
    findings: Vec<Finding>,
    /// Where nothing was found.
    otherwise: (Verdict, String),
}

impl Noted {
    fn only(verdict: Verdict, reason: impl Into<String>) -> Self {
        Self { findings: Vec::new(), otherwise: (verdict, reason.into()) }
    }
}

impl Judging<'_> {
    fn check(&self, facts: &Facts) -> Result<Judgement, JudgeError> {
        let check = CheckId::new(self.name).expect("the checks above are authored ids, and a test makes each");
        let (mut findings, mut subjects) = (BTreeMap::new(), Vec::new());
        for target in &facts.targets {
            let noted = self.note(target)?;
            let absent = matches!(target.bill, Listing::Absent { .. });
            let gap = self.gap(target).filter(|_| !absent);
            let (verdict, reason) = match (noted.findings.len(), noted.otherwise, gap) {
                (count @ 1.., _, gap) => {
                    let beside = gap.map(|why| format!(" Beside that: {why}")).unwrap_or_default();
                    (Verdict::Fail, format!("{} noted.{beside}", plural(count as u64, "deviation")))
                }
                // What was not counted is told before what would pass.
                (0, (Verdict::Pass, _), Some(why)) => (Verdict::Error, why),
                (0, (Verdict::Pass, passes), None) => {
                    nothing(target).map_or((Verdict::Pass, passes), |why| (Verdict::Vacuous, why))
                }
                (0, otherwise, _) => otherwise,
            };
            subjects.push(SubjectOutcome { reason, subject: target.subject.clone(), verdict });
            findings.extend(noted.findings.into_iter().map(|finding| (finding.fingerprint, finding)));
        }
        let conditions = findings
            .values()
            .map(|finding: &Finding| (finding.condition.clone(), conditions::condition(finding.condition.as_str())))
            .collect();
        let findings = findings.into_values().collect();
        Ok(Judgement { check, closings: BTreeMap::new(), conditions, findings, subjects })
    }

    /// What keeps it from being known what there is.
    fn gap(&self, target: &TargetFacts) -> Option<String> {
        let accepted = |code: &str| {
            matches!(code, LOCAL | NOTHING_LISTED) || self.policy.allow_excluded.iter().any(|own| own == code)
        };
        unknown(self.observation, &target.subject, &accepted)
    }

    fn note(&self, target: &TargetFacts) -> Result<Noted, JudgeError> {
        let bill = match &target.bill {
            Listing::Read(bill) => bill,
            Listing::Absent { file } if self.name == CHECKS[0] => {
                let detail = format!("There is no bill of materials at `{file}`, where the job says that it is.");
                let finding = self.finding(target, ABSENT, &["bill", file], Severity::High, detail)?;
                return Ok(Noted { findings: vec![finding], otherwise: (Verdict::Fail, String::new()) });
            }
            Listing::Absent { .. } => {
                return Ok(Noted::only(Verdict::Vacuous, "There is no bill of materials to look at."));
            }
            Listing::Unknown => {
                let why = self.gap(target).unwrap_or_else(|| "The bill of materials could not be read.".to_owned());
                return Ok(Noted::only(Verdict::Error, why));
            }
        };
        match self.name {
            "sbom.exists" => Ok(Noted::only(Verdict::Pass, exists(bill) + &told_since(bill))),
            "sbom.describes-target" => self.describes(target, bill),
            "sbom.complete" => self.complete(target, bill),
            "sbom.minimum-elements" => self.elements(target, bill),
            _ => self.fresh(target, bill),
        }
    }

    fn describes(&self, target: &TargetFacts, bill: &BillFacts) -> Result<Noted, JudgeError> {
        Ok(match &bill.identity {
            Identity::Unnameable if target.handed_in.is_some() => {
                let says = bill.describes.as_ref().map_or("does not say what it describes".to_owned(), |what| format!("says that it describes `{what}`"));
                let why = format!("The bill was handed in without what it is of, so that this can't be looked up; it {says}.");
                Noted::only(Verdict::NotApplicable, why)
            }
            Identity::Unnameable => Noted::only(
                Verdict::NotApplicable,
                "A folder has neither a commit nor a digest that a bill could name.",
            ),
            Identity::Unsaid => Noted::only(
                Verdict::Vacuous,
                "The bill names neither a digest nor a commit, so that nothing can be held against this target.",
            ),
            Identity::MadeOfIt => Noted::only(Verdict::Pass, "The bill was made of this target in this run."),
            Identity::Same { by } => Noted::only(Verdict::Pass, format!("The bill names this target by {by}.")),
            Identity::Incomparable { named } => Noted::only(
                Verdict::Error,
                format!("The bill names {named}, which this target can't be held against: an OCI layout of the image has the manifest's digest, or have the bill made here."),
            ),
            Identity::Other { named, target: own } => {
                let detail = format!("The bill names {named}, and the target is {own}.");
                let finding = self.finding(target, OTHER, &["target", &bill.name], Severity::High, detail)?;
                Noted { findings: vec![finding], otherwise: (Verdict::Fail, String::new()) }
            }
        })
    }

    fn complete(&self, target: &TargetFacts, bill: &BillFacts) -> Result<Noted, JudgeError> {
        // One that lists nothing was not held against anything.
        if bill.components == 0 {
            return Ok(Noted::only(Verdict::Vacuous, "The bill lists nothing."));
        }
        if target.handed_in == Some(HandedIn::Alone) {
            let why = "No lockfile was handed in with the bill, so that nothing says what it leaves out.";
            return Ok(Noted::only(Verdict::Vacuous, why));
        }
        let mut findings = Vec::new();
        for missing in bill.missing.iter().take(MOST_FINDINGS) {
            let detail = format!("{} is named in {}, and the bill {} does not list it.", missing.package, missing.place, bill.name);
            let place = ["missing", missing.package.as_str(), missing.place.as_str()];
            findings.push(self.finding(target, MISSING, &place, Severity::Medium, detail)?);
        }
        let more = bill.missing_in_all - findings.len() as u64;
        if more > 0 {
            let detail = format!("{} more that the bill {} does not list.", plural(more, "package"), bill.name);
            let mut finding = self.finding(target, MISSING, &["missing-more", &bill.name], Severity::Medium, detail)?;
            finding.instances = more;
            findings.push(finding);
        }
        Ok(Noted { findings, otherwise: (Verdict::Pass, complete(target, bill)) })
    }

    fn elements(&self, target: &TargetFacts, bill: &BillFacts) -> Result<Noted, JudgeError> {
        let mut findings = Vec::new();
        for element in &self.policy.elements {
            let Some(lacking) = bill.lacking.get(element) else { continue };
            let detail = match element {
                Element::Author | Element::Timestamp => format!("The bill does not say {}.", element.lacks()),
                _ => format!(
                    "{} of {} without {}: {}{}.",
                    lacking.count,
                    plural(bill.components, "component"),
                    element.lacks(),
                    lacking.examples.join(", "),
                    if lacking.count > lacking.examples.len() as u64 { " and others" } else { "" }
                ),
            };
            let severity = if *element == Element::Supplier { Severity::Low } else { Severity::Medium };
            let mut finding = self.finding(target, LACKING, &[element.word(), &bill.name], severity, detail)?;
            finding.instances = lacking.count;
            findings.push(finding);
        }
        let asked: Vec<&str> = self.policy.elements.iter().map(|element| element.word()).collect();
        let mut passes = format!("{} with all that is asked for: {}.", plural(bill.components, "component"), asked.join(", "));
        for element in Element::ALL.into_iter().filter(|element| !self.policy.elements.contains(element)) {
            let of = bill.lacking.get(&element).map_or(0, |lacking| lacking.count);
            match element {
                Element::Author | Element::Timestamp if of > 0 => passes.push_str(&format!(" Not asked for, and not said: {}.", element.lacks())),
                _ if of > 0 => {
                    let of = format!(" Not asked for: {of} of {} without {}.", bill.components, element.lacks());
                    passes.push_str(&of);
                }
                _ => {}
            }
        }
        if bill.authors.is_empty() {
            passes.push_str(" Its author is the tool that made it.");
        }
        Ok(Noted { findings, otherwise: (Verdict::Pass, passes) })
    }

    fn fresh(&self, target: &TargetFacts, bill: &BillFacts) -> Result<Noted, JudgeError> {
        let now = self.observation.observed_to;
        let Some(made) = bill.timestamp else {
            return Ok(Noted::only(Verdict::Error, "The bill does not say when it was made."));
        };
        // A day is left to clocks that differ.
        if now.since(made).num_days() < -1 {
            let why = format!("The bill says that it was made on {}, which is to come.", day(made));
            return Ok(Noted::only(Verdict::Error, why));
        }
        let newest = [
            target.committed_at.map(|at| (at, "the commit that it should describe")),
            target.image.as_ref().and_then(|image| image.created).map(|at| (at, "the image that it should describe")),
        ];
        let names_it = matches!(bill.identity, Identity::Same { .. } | Identity::MadeOfIt);
        // One that names exactly this commit or image is of it, whatever the clocks say.
        let behind = newest.into_iter().flatten().find(|(at, _)| *at > made && !names_it);
        let days = now.since(made).num_days();
        let detail = match behind {
            Some((at, what)) => Some(format!("The bill is of {made}, and {what} of {at}.")),
            None if days > i64::from(self.policy.days) => Some(format!(
                "The bill is of {}, {days} days before this observation, and the policy allows {}.",
                day(made),
                self.policy.days
            )),
            None => None,
        };
        let findings = detail.map(|detail| self.finding(target, STALE, &["stale", &bill.name], Severity::Medium, detail));
        let findings = findings.transpose()?.into_iter().collect();
        let than = newest.into_iter().flatten().next().map(|(_, what)| format!(", and no older than {what}"));
        let passes = format!("The bill is of {}{}.", day(made), than.filter(|_| !names_it).unwrap_or_default());
        Ok(Noted { findings, otherwise: (Verdict::Pass, passes) })
    }

    /// A finding at a place: what, and in what.
    fn finding(
        &self,
        target: &TargetFacts,
        condition: &str,
        place: &[&str],
        severity: Severity,
        detail: String,
    ) -> Result<Finding, JudgeError> {
        let subject = &target.subject;
        let check = CheckId::new(self.name).expect("the checks above are authored ids, and a test makes each");
        let text = |at: usize| place.get(at).filter(|text| !text.is_empty()).map(|text| (*text).to_owned());
        let (key, file) = if place.len() > 2 { (text(1), text(2)) } else { (None, text(1)) };
        let mut attributes = BTreeMap::new();
        if let Some(package) = key.as_ref().filter(|key| key.starts_with("pkg:")) {
            attributes.insert("package".to_owned(), package.clone());
        }
        Ok(Finding {
            attributes,
            condition: conditions::id(condition),
            detail,
            environment: subject.environment.clone(),
            fingerprint: Fingerprint::of(&check, &subject.environment, &subject.id, place)?,
            instances: 1,
            place: Place { file, key, rule: place.first().map(|rule| (*rule).to_owned()), ..Place::default() },
            severity,
            subject: subject.id.clone(),
        })
    }
}

/// Why nothing was examined, if so: then nothing passes.
fn nothing(target: &TargetFacts) -> Option<String> {
    let place = if target.image.is_some() { "package database and no lockfile" } else { "lockfile with a package" };
    match &target.bill {
        Listing::Read(bill) if bill.components == 0 => Some("The bill lists nothing.".to_owned()),
        _ if target.packages == 0 && target.handed_in != Some(HandedIn::Alone) => Some(format!("There is nothing to look for in the bill: no {place}.")),
        _ => None,
    }
}

fn exists(bill: &BillFacts) -> String {
    let made = bill.timestamp.map(|at| format!(" of {}", day(at))).unwrap_or_default();
    let by: Vec<&str> = bill.authors.iter().chain(&bill.tools).map(String::as_str).collect();
    let by = if by.is_empty() { String::new() } else { format!(", made by {}", by.join(", ")) };
    format!("{} in {}{made}{by}; it lists {}.", bill.name, bill.form, plural(bill.components, "component"))
}

/// What changed since the last bill, in words; nothing where nobody supplied that.
fn told_since(bill: &BillFacts) -> String {
    match &bill.since {
        None => String::new(),
        Some(Since::First) => " No earlier bill of it is in evidence.".to_owned(),
        Some(Since::Unknown { why }) => format!(" What changed since the last bill is not known: {why}."),
        Some(Since::Bill(changes)) => {
            let since = day(changes.observed);
            let Changes { added, removed, changed, digest, .. } = &**changes;
            let same = if *digest == bill.digest { "the same bill" } else { "no package came, went or changed its version" };
            let other = |one: &Other| format!("{} ({} before, {} now)", one.package, one.from.join(", "), one.to.join(", "));
            let kinds = [told(added, "added", String::clone), told(removed, "gone", String::clone), told(changed, "at other versions", other)];
            let told: Vec<String> = kinds.into_iter().flatten().collect();
            let told = if told.is_empty() { same.to_owned() } else { told.join("; ") };
            format!(" Since the bill in evidence of {since}: {told}.")
        }
    }
}

/// How many there are of one kind of change, and some of them by name.
fn told<T>(list: &Listed<T>, what: &str, name: impl Fn(&T) -> String) -> Option<String> {
    let named: Vec<String> = list.examples.iter().take(MOST_TOLD).map(name).collect();
    let more = if list.count > named.len() as u64 { " and others" } else { "" };
    (list.count > 0).then(|| format!("{} {what}: {}{more}", plural(list.count, "package"), named.join(", ")))
}

fn complete(target: &TargetFacts, bill: &BillFacts) -> String {
    let mut text = format!("{} counted, and each is listed in the bill", plural(target.packages, "package"));
    if bill.beyond > 0 {
        text.push_str(&format!("; it lists {} beside them", plural(bill.beyond, "package")));
    }
    for (language, count) in target.held.iter().flat_map(|held| &held.installed) {
        text.push_str(&format!("; not counted: {} of {language}, installed without a lockfile", plural(*count, "package")));
    }
    text.push('.');
    text
}

/// The day of an instant, in UTC.
fn day(at: Timestamp) -> String {
    at.to_string().get(..10).unwrap_or_default().to_owned()
}
