//! The kinds of deviation that these judges note: why each matters and what to do about it.

use exhibit_evidence::Condition;

use crate::conditions::Told;

/// Their names, behind the collector's prefix.
pub(super) const VULNERABLE: &str = "vulnerable-package";
pub(super) const OVERDUE: &str = "overdue";
pub(super) const EXPLOITED: &str = "exploited";
pub(super) const DENIED: &str = "denied-package";
pub(super) const UNPINNED: &str = "unpinned";
pub(super) const UNHASHED: &str = "without-hash";
pub(super) const STALE: &str = "stale-database";
pub(super) const UNPINNED_IMAGE: &str = "unpinned-image";

/// Every one.
#[cfg(test)]
pub(super) const ALL: [&str; 8] = [VULNERABLE, OVERDUE, EXPLOITED, DENIED, UNPINNED, UNHASHED, STALE, UNPINNED_IMAGE];

const UPDATE: &[&str] = &[
    "Look whether the vulnerable part is used, and how it can be reached: that decides how soon, not whether.",
    "Update the package to a version that has the fix, in the manifest and in the lockfile, and let the tests run.",
    "Where no version has the fix, take the package out, or shield what is vulnerable, and accept it in the policy until a day.",
    "Build and deploy, and look at the next scan: the finding closes when the package is examined and not reported.",
];

/// What findings of this name share.
pub(super) fn condition(name: &str) -> Condition {
    told(name).into()
}

fn told(name: &str) -> Told {
    match name {
        OVERDUE => Told {
            title: "A known vulnerability is open for longer than the policy allows",
            risk: "The longer a vulnerability is public, the more likely tools that use it are: most are used within weeks.",
            impact: "What the vulnerability allows, and the word that was given to customers and auditors on how soon such things are mended.",
            recommendation: "Mend it now, or have somebody who may accept the risk do so, for a reason and a time.",
            steps: UPDATE,
            references: &["NIST SP 800-53 SI-2 (2), (3)", "PCI DSS 4.0.1 6.3.3"],
        },
        EXPLOITED => Told {
            title: "A vulnerability that is being exploited is in what is deployed",
            risk: "Attackers use this vulnerability now; scanners of theirs look for it everywhere.",
            impact: "Whatever the package's process can reach is to be taken for reached until logs say otherwise.",
            recommendation: "Mend it before anything else, and look whether it has been used.",
            steps: &[
                "Update the package, or switch off what uses it, today.",
                "Look through logs for signs that it was used since it became known, and record what was found.",
                "Look at the next scan: the finding closes when the package is examined and not reported.",
            ],
            references: &["CISA Known Exploited Vulnerabilities Catalog", "CISA BOD 22-01"],
        },
        DENIED => Told {
            title: "A package is in use that the policy does not allow",
            risk: "Somebody decided that this package may not be used: for its licence, its maintainers, or what it did once.",
            impact: "What the policy's reason says.",
            recommendation: "Take the package out, or have the policy changed by whoever decides on it.",
            steps: &[
                "Find what brings the package in: the manifest itself, or a package that depends on it.",
                "Replace it, update the lockfile, and let the tests run.",
            ],
            references: &["NIST SP 800-53 CM-7 (5), SR-3"],
        },
        UNPINNED => Told {
            title: "A requirement names no version",
            risk: "Each build takes whatever version is there on that day, which nobody examined, and an attacker who publishes one is in the next build.",
            impact: "What runs is not what was scanned, and a build can't be repeated.",
            recommendation: "Pin every requirement to a version, best with hashes, by a tool that writes the whole list.",
            steps: &[
                "Move what people write to `requirements.in`, and let `pip-compile --generate-hashes` or `uv pip compile` write `requirements.txt`.",
                "Install with `--require-hashes`, so that nothing else is taken.",
            ],
            references: &["OWASP Top 10 CI/CD Security Risks: CICD-SEC-3", "SLSA"],
        },
        UNHASHED => Told {
            title: "Packages are pinned to versions and not to bytes",
            risk: "A registry or mirror that serves other bytes under the same version is not noticed.",
            impact: "What is built may not be what was published.",
            recommendation: "Have the tool that writes the lockfile write hashes too.",
            steps: &["Generate the lockfile anew with hashes, and install in the mode that asks for them."],
            references: &["OWASP Top 10 CI/CD Security Risks: CICD-SEC-9"],
        },
        UNPINNED_IMAGE => Told {
            title: "An image is named by a tag and not by its digest",
            risk: "Whoever can push to the registry, or takes its account over, puts another image behind the tag, and the next build or start takes it.",
            impact: "What runs is not what was scanned, and a build or a deployment can't be repeated.",
            recommendation: "Name each image by its digest, and let a tool propose the next one.",
            steps: &[
                "Look up the digest of the image that was scanned: `docker buildx imagetools inspect NAME:TAG`, or `crane digest`.",
                "Write it behind the tag: `NAME:TAG@sha256:…`; the tag then is for people alone.",
                "Let Renovate or Dependabot renew digests, so that updates come as changes that somebody looks at.",
            ],
            references: &["CIS Docker Benchmark 4.2, 4.7", "NIST SP 800-190 4.1.5", "SLSA"],
        },
        STALE => Told {
            title: "A scanner's word is older than the policy allows",
            risk: "Vulnerabilities that became known since are not in it: it says nothing about them.",
            impact: "A clean result means less than it seems, and nobody knows how much less.",
            recommendation: "Renew the database before each scan, or scan with one that asks a service.",
            steps: &[
                "Look why the database was not renewed: no network, a mirror that stands still, a pinned copy.",
                "Renew it and scan again.",
            ],
            references: &["NIST SP 800-53 RA-5 (2)"],
        },
        _ => Told {
            title: "A package with a known vulnerability is in use",
            risk: "How the vulnerability can be used is public, and tools that look for it are common.",
            impact: "What the advisory says, as far as the vulnerable part of the package can be reached.",
            recommendation: "Update to a version that has the fix, within the time that its severity allows.",
            steps: UPDATE,
            references: &["NIST SP 800-53 RA-5, SI-2", "ISO/IEC 27001:2022 A.8.8"],
        },
    }
}
