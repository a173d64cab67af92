//! The kinds of deviation that this judge notes: why each matters and what to do about it.

use exhibit_evidence::{Condition, ConditionId};

use crate::conditions::Told;

/// What this way of looking can't see.
pub(super) const BLIND_SPOTS: [&str; 4] = [
    "software that no lockfile and no package database names: copied sources, downloads of a build, packages that the tools of languages installed in an image without a lockfile",
    "whether what a bill says of suppliers, licences and relationships is true",
    "whether the bill is given to those who need it",
    "whether what runs is what the bill describes",
];

/// Their names.
pub(super) const ABSENT: &str = "sbom.absent";
pub(super) const OTHER: &str = "sbom.of-something-else";
pub(super) const MISSING: &str = "sbom.missing-package";
pub(super) const LACKING: &str = "sbom.lacking-element";
pub(super) const STALE: &str = "sbom.stale";

/// Every one.
#[cfg(test)]
pub(super) const ALL: [&str; 5] = [ABSENT, OTHER, MISSING, LACKING, STALE];

pub(super) fn id(name: &str) -> ConditionId {
    ConditionId::new(name).expect("authored ids, and a test makes each")
}

/// What findings of this name share.
pub(super) fn condition(name: &str) -> Condition {
    told(name).into()
}

fn told(name: &str) -> Told {
    match name {
        ABSENT => Told {
            title: "There is no bill of materials",
            risk: "When the next vulnerability in a library becomes known, nobody can say by looking whether it is in use here.",
            impact: "Finding out takes days of searching, and customers who ask for the bill get none.",
            recommendation: "Have the build make a bill of materials and keep it beside what it describes.",
            steps: &["Add a step to the build that writes CycloneDX or SPDX JSON (Syft, Trivy, the build tool's own plug-in).", "Name its file as `bill` in this job, or a scanner that makes one."],
            references: &["NTIA: The Minimum Elements For a Software Bill of Materials (2021)", "NIST SP 800-218 PS.3.2"],
        },
        OTHER => Told {
            title: "A bill of materials is of something else",
            risk: "What it lists was not taken from what is deployed, however well it is made.",
            impact: "Whoever relies on it looks for vulnerabilities in another product.",
            recommendation: "Make the bill of exactly what is released, in the same build, and keep both together.",
            steps: &["Compare the digest or commit in the bill with that of the target.", "Make the bill anew, and have the pipeline do so for each release."],
            references: &["NIST SP 800-53 SR-4", "NIST SP 800-218 PS.3.2"],
        },
        MISSING => Told {
            title: "A package is in use that the bill of materials does not list",
            risk: "A vulnerability in it is not found by whoever looks for it in the bill.",
            impact: "The bill says less than there is, and nobody knows how much less.",
            recommendation: "Have the tool that makes the bill look at every lockfile and package database.",
            steps: &["Look why the tool passes over it: a folder that it does not enter, a kind of lockfile that it does not know, an old bill.", "Make the bill anew and compare."],
            references: &["NTIA: The Minimum Elements For a Software Bill of Materials (2021)", "NIST SP 800-53 CM-8"],
        },
        LACKING => Told {
            title: "A bill of materials lacks what it has to say at the least",
            risk: "Components that are not named in one way everywhere can't be matched with advisories by a program.",
            impact: "Whoever gets the bill has to find out by hand what it does not say, or can't.",
            recommendation: "Have the tool write these elements, or complete them after it ran.",
            steps: &["Look which settings of the tool add them; suppliers often have to be completed from registries.", "Where an element can't be had, take it out of the policy's `elements`, so that it is said what is not asked for."],
            references: &["NTIA: The Minimum Elements For a Software Bill of Materials (2021)"],
        },
        _ => Told {
            title: "A bill of materials is older than what it describes, or than the policy allows",
            risk: "What was added since is not in it.",
            impact: "Answers that are drawn from it are those of another day.",
            recommendation: "Make the bill in each build, so that it can't fall behind.",
            steps: &["Make the bill anew.", "Have the pipeline make it for each release."],
            references: &["NTIA: The Minimum Elements For a Software Bill of Materials (2021): frequency"],
        },
    }
}
