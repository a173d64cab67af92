//! Images that files refer to by tag: what is built or deployed is whatever stands behind the tag on that day.

use std::collections::BTreeMap;
use std::path::Path;

use exhibit_evidence::observation::{Exclusion, Population, Problem, Subject};
use exhibit_evidence::{Severity, Verdict};
use globset::GlobSet;

use super::conditions;
use super::earlier::is_left_out;
use super::facts::{Became, Earlier, ManifestsFacts, ReferringFacts};
use super::judge::{Judging, Noted};
use super::policy::AllowedImage;
use crate::packages::find::{FindError, Listing};
use crate::references::{self, Form, Pin, Read, Reference};
use crate::targets::Target;
use crate::words::plural;
use crate::{JudgeError, gaps};

/// Most examples that an exclusion names.
const MOST_EXAMPLES: usize = 5;

/// What was seen of the files of one place.
pub(super) struct Referring {
    pub(super) facts: ManifestsFacts,
    /// Files that are there and could not be read; none where nothing could be.
    pub(super) unread: Option<Vec<String>>,
    /// What the settings leave out.
    left_out: GlobSet,
}

/// Reads the files of one place.
pub(super) fn read(manifests: &Target, subject: &Subject, base: &Path) -> (Referring, Population, Vec<Problem>) {
    let exclude = manifests.left_out();
    let listing = match (&manifests.folder, &manifests.repository) {
        (Some(folder), _) => references::in_folder(&base.join(folder), &exclude),
        (None, Some(repository)) => {
            let reference = manifests.reference.as_deref().unwrap_or("HEAD");
            references::in_repository(&base.join(repository), reference, &exclude)
        }
        (None, None) => Err(FindError::Unreadable("neither a folder nor a repository is named".to_owned())),
    };
    let mut problems = Vec::new();
    let mut problem = |code: &str, message: String| {
        problems.push(Problem { code: code.to_owned(), message, subject: Some(subject.clone()) });
    };
    let facts = ManifestsFacts { subject: subject.clone(), commit: None, files: Vec::new() };
    let mut referring = Referring { facts, unread: None, left_out: exclude };
    match listing {
        Ok(Listing { files, unread, commit, .. }) => {
            referring.facts.commit = commit;
            let mut lost: Vec<(String, String)> = unread.into_iter().map(|one| (one.path, one.reason)).collect();
            let (read, unreadable) = references::read_all(&files);
            lost.extend(unreadable);
            let facts = read.into_iter().map(|Read { path, form, digest, references }| ReferringFacts {
                path,
                form,
                digest,
                references,
            });
            referring.facts.files = facts.collect();
            for (path, why) in &lost {
                problem("manifest-unreadable", format!("{path}: {why}"));
            }
            referring.unread = Some(lost.into_iter().map(|(path, _)| path).collect());
        }
        Err(error) => problem("target-unreadable", error.to_string()),
    }
    let population = population(subject, &referring.facts, problems.is_empty());
    (referring, population, problems)
}

fn population(subject: &Subject, facts: &ManifestsFacts, whole: bool) -> Population {
    let mut left: BTreeMap<Pin, (u64, Vec<String>)> = BTreeMap::new();
    let (mut all, mut examined) = (0, 0);
    for file in &facts.files {
        for one in &file.references {
            all += 1;
            if matches!(one.pin, Pin::Digest | Pin::Tag) {
                examined += 1;
                continue;
            }
            let (count, examples) = left.entry(one.pin).or_default();
            *count += 1;
            if examples.len() < MOST_EXAMPLES {
                examples.push(format!("{}:{}: {}", file.path, one.line, one.image));
            }
        }
    }
    let excluded = left.into_iter().map(|(pin, (count, examples))| {
        let (code, reason) = match pin {
            Pin::Templated => ("templated-reference", "a template engine fills in which image it is"),
            _ => ("unresolved-reference", "a variable says which image it is, and nothing in the file sets it"),
        };
        Exclusion { code: code.to_owned(), count, examples, reason: reason.to_owned() }
    });
    let files = plural(facts.files.len() as u64, "file");
    Population {
        subject: subject.clone(),
        unit: "reference to an image".to_owned(),
        exist: whole.then_some(all),
        counted_by: format!(
            "{files} read by Exhibit itself: Dockerfiles, compose files, Kubernetes manifests, Helm values, CI files"
        ),
        examined,
        excluded: excluded.collect(),
    }
}

/// What became of a reference that was noted.
pub(super) fn became(earlier: &Earlier, referring: &[Referring]) -> Became {
    let Some(one) = referring.iter().find(|one| one.facts.subject == earlier.subject) else {
        return Became::NotExamined;
    };
    let Some(unread) = &one.unread else { return Became::NotExamined };
    let image = earlier.attributes.get("image").map(String::as_str).unwrap_or_default();
    let Some(file) = one.facts.files.iter().find(|file| file.path == earlier.lockfile) else {
        return match unread.contains(&earlier.lockfile) {
            true => Became::NotExamined,
            false if is_left_out(&one.left_out, &earlier.lockfile) => Became::LeftOut,
            false => Became::Removed,
        };
    };
    let pins = || file.references.iter().filter(|one| one.image == image).map(|one| one.pin);
    if pins().any(|pin| pin == Pin::Tag) {
        Became::Present
    } else if pins().any(|pin| pin == Pin::Digest) {
        Became::Fixed
    } else if file.references.iter().any(|one| !matches!(one.pin, Pin::Tag | Pin::Digest)) {
        Became::NotExamined
    } else {
        Became::Removed
    }
}

impl Judging<'_> {
    /// What is said of references to images.
    pub(super) fn images(&self, manifests: &ManifestsFacts) -> Result<Noted, JudgeError> {
        let mut noted = Noted::default();
        let subject = &manifests.subject;
        let mut all = 0;
        for file in &manifests.files {
            all += file.references.len();
            let mut open: BTreeMap<&str, Vec<&Reference>> = BTreeMap::new();
            for one in file.references.iter().filter(|one| one.pin == Pin::Tag) {
                let allowed = |allowed: &&AllowedImage| allowed.covers(one, subject, &file.path);
                let mut allowances = self.policy.allow_unpinned.iter().filter(allowed);
                if allowances.any(|allowed| allowed.holds(self.observation.observed_to)) {
                    *noted.apart.entry("accepted by the policy").or_default() += 1;
                } else {
                    open.entry(&one.image).or_default().push(one);
                }
            }
            for (image, references) in open {
                let place = ["unpinned-image", image, file.path.as_str()];
                let attributes = BTreeMap::from([
                    ("image".to_owned(), image.to_owned()),
                    ("tags".to_owned(), tags(&references).join(", ")),
                ]);
                let mut detail = detail(file.form, image, &references);
                let covered =
                    |allowed: &&AllowedImage| references.iter().any(|one| allowed.covers(one, subject, &file.path));
                if let Some(expired) = self.policy.allow_unpinned.iter().find(covered) {
                    detail.push_str(&format!(" It was accepted until {}.", expired.until));
                }
                let (check, condition) = ("pinned-images", conditions::UNPINNED_IMAGE);
                let mut finding =
                    self.finding(subject, check, condition, &place, Severity::Medium, detail, attributes)?;
                finding.instances = references.len() as u64;
                finding.place.line = references.first().map(|one| one.line);
                noted.findings.push(finding);
            }
        }
        let files = plural(manifests.files.len() as u64, "file");
        noted.objection = gaps::unknown(self.observation, subject, &|code| self.accepted.contains(code))
            .map(|why| (Verdict::Error, why))
            .or_else(|| (all == 0).then(|| (Verdict::Vacuous, format!("No image is named in {files}."))));
        let references = plural(all as u64, "reference");
        noted.passes = format!("no image is named by a tag alone, of {references} in {files}");
        Ok(noted)
    }
}

fn tags<'r>(references: &[&'r Reference]) -> Vec<&'r str> {
    let mut tags: Vec<&str> = references.iter().map(|one| one.tag.as_deref().unwrap_or_default()).collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}

fn detail(form: Form, image: &str, references: &[&Reference]) -> String {
    let tags = tags(references);
    let by = match tags.as_slice() {
        [""] => "no tag, which means `latest`".to_owned(),
        [one] => format!("the tag `{one}`"),
        several => {
            let several: Vec<String> =
                several.iter().map(|tag| if tag.is_empty() { "none".to_owned() } else { format!("`{tag}`") }).collect();
            format!("the tags {}", several.join(", "))
        }
    };
    let what = match form {
        Form::Dockerfile => "each build",
        Form::Compose | Form::Kubernetes | Form::Kustomization | Form::HelmValues => "each pull",
        Form::Workflow | Form::Gitlab => "each run",
    };
    let made = references.iter().find_map(|one| one.by.as_deref());
    let made = made.map(|by| format!(" That is what `{by}` makes of it.")).unwrap_or_default();
    format!("`{image}` is named by {by}, and not by its digest, so {what} may take another image.{made}")
}
