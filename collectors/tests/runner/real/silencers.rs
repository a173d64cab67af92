//! What a project says to its own scanner: comments, lists and settings that would have it pass over what is there. Each is shown to
//! work where the job heeds suppressions, or where nothing can be done about it, and to be without effect or told otherwise.

use std::process::Command;

use exhibit_collectors::results::Finding;
use exhibit_collectors::scanners::{LooksAt, Said, ScannerSettings};
use exhibit_evidence::Verdict;
use exhibit_evidence::assessment::Judgement;

use super::trivy::{found, with_database};
use super::{Place, json, observed, read, settings};
use crate::scanners::{CARGO_LOCK, NPM_LOCK, RULES, TOKEN, rustsec};

fn heeding(settings: &ScannerSettings) -> ScannerSettings {
    ScannerSettings { heed_suppressions: true, ..settings.clone() }
}

/// Rules and the files that they are about.
fn findings(place: &Place, settings: &ScannerSettings, looks_at: LooksAt, target: &str) -> Vec<String> {
    let done = place.scan(settings, looks_at, target).unwrap_or_else(|error| panic!("{}: {error}", settings.adapter));
    let name = |one: &Finding| {
        let file = one.file.as_deref().unwrap_or_default();
        format!("{} {}", one.rule, file.rsplit('/').next().unwrap_or_default())
    };
    let mut told: Vec<String> = read(&done).findings.iter().filter(|one| one.suppressed.is_none()).map(name).collect();
    told.sort();
    told
}

/// What `static_analysis` says of a folder: of its population and of what was found.
fn judged(place: &Place, adapter: &str, further: &str, files: &str, policy: &str) -> [Judgement; 2] {
    let settings = settings(place, adapter, &[]);
    let read: Vec<String> = settings.read.iter().map(|path| format!("'{path}'")).collect();
    let source = format!(
        "[[targets]]\nsubject = 'shop'\npath = 'shop'\nfiles = ['{files}']\nscanner = {{ adapter = '{adapter}', program = '{}', read = [{}]{further} }}",
        settings.program.as_deref().unwrap_or_default(),
        read.join(", ")
    );
    let (judged, _) = observed(place, "static_analysis", &source, policy);
    judged.try_into().expect("two checks")
}

fn reason(judgement: &Judgement) -> &str {
    &judgement.subjects[0].reason
}

#[test]
fn what_a_line_allows_is_found() {
    let place = Place::new(&[]);
    for (scanner, comment) in [("gitleaks", "gitleaks:allow"), ("kingfisher", "kingfisher:ignore")] {
        place.write(&format!("{scanner}/deploy.sh"), format!("export GITHUB_TOKEN={TOKEN} # {comment}\n").as_bytes());
        let settings = settings(&place, scanner, &[]);
        for (looks_at, target) in
            [(LooksAt::Folder, scanner.to_owned()), (LooksAt::File, format!("{scanner}/deploy.sh"))]
        {
            let obeyed = place.scan(&heeding(&settings), looks_at, &target).expect(scanner);
            assert_eq!((obeyed.said, obeyed.facts.heeds_suppressions), (Said::Clean, true), "{scanner}");
            let done = place.scan(&settings, looks_at, &target).expect(scanner);
            assert_eq!((done.said, done.facts.heeds_suppressions), (Said::Findings, false), "{scanner}");
        }
    }
}

#[test]
fn every_place_of_a_secret_is_told_by_kingfisher() {
    let place = Place::new(&[]);
    for file in ["a", "b"] {
        place.write(&format!("shop/{file}.sh"), format!("export GITHUB_TOKEN={TOKEN}\n").as_bytes());
    }
    let told = findings(&place, &settings(&place, "kingfisher", &[]), LooksAt::Folder, "shop");
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn a_list_of_gitleaks_in_the_folder_names_nothing() {
    let place = Place::new(&[("shop/deploy.sh", &format!("export GITHUB_TOKEN={TOKEN}\n"))]);
    let whole = place.path("shop/deploy.sh").display().to_string();
    place.write("shop/.gitleaksignore", format!("{whole}:github-pat:1\ndeploy.sh:github-pat:1\n").as_bytes());
    let settings = settings(&place, "gitleaks", &[]);
    assert!(findings(&place, &heeding(&settings), LooksAt::Folder, "shop").is_empty());
    assert_eq!(findings(&place, &settings, LooksAt::Folder, "shop"), ["github-pat deploy.sh"]);
    // The file keeps its own name in findings.
    let [_, found] = judged(&place, "gitleaks", ", mode = 'folder'", "**/*.sh", "");
    let [one] = found.findings.as_slice() else { panic!("{found:?}") };
    assert_eq!(one.place.file.as_deref(), Some("deploy.sh"));
}

#[test]
fn attributes_hide_nothing_in_history_from_gitleaks() {
    let place = Place::new(&[
        ("shop/deploy.sh", &format!("export GITHUB_TOKEN={TOKEN} # gitleaks:allow\n")),
        ("shop/.gitattributes", "*.sh -diff\n"),
    ]);
    for arguments in [
        ["init", "--quiet"].as_slice(),
        &["add", "."],
        &["-c", "user.name=M", "-c", "user.email=m@example.org", "commit", "--quiet", "--message=planted"],
    ] {
        let done = Command::new("git")
            .args(arguments)
            .current_dir(place.path("shop"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .status();
        assert!(done.is_ok_and(|done| done.success()), "git {arguments:?}");
    }
    let settings = settings(&place, "gitleaks", &[]);
    assert!(findings(&place, &heeding(&settings), LooksAt::Repository, "shop").is_empty());
    assert_eq!(findings(&place, &settings, LooksAt::Repository, "shop"), ["github-pat deploy.sh"]);
}

#[test]
fn pragmas_and_settings_beside_a_dockerfile_hide_nothing_from_hadolint() {
    let place = Place::new(&[
        (
            "shop/Dockerfile",
            "# hadolint global ignore=DL3059\n# hadolint ignore=DL3007\nFROM debian:latest\nRUN true\nRUN true\n",
        ),
        ("shop/.hadolint.yaml", "ignored: [DL3007, DL3059]\n"),
    ]);
    let settings = settings(&place, "hadolint", &[]);
    assert!(findings(&place, &heeding(&settings), LooksAt::File, "shop/Dockerfile").is_empty());
    let told = findings(&place, &settings, LooksAt::File, "shop/Dockerfile");
    assert_eq!(told, ["DL3007 Dockerfile", "DL3059 Dockerfile"]);
}

#[test]
fn a_pragma_that_names_another_shell_is_told_of_hadolint() {
    for line in ["# hadolint shell=powershell", "#hadolint   shell=/x/pwsh", "# hadolint shell=cmd"] {
        let place = Place::new(&[
            ("shop/Dockerfile", &format!("FROM debian:12\n{line}\nRUN echo $x\n")),
            ("plain", "FROM debian:12\nRUN echo $x\n"),
            ("here", "FROM debian:12\nRUN <<EOF\n# shellcheck disable=all\necho $x\nEOF\n"),
        ]);
        let scanner = settings(&place, "hadolint", &[]);
        assert_eq!(findings(&place, &scanner, LooksAt::File, "plain"), ["SC2086 plain"]);
        for silent in ["shop/Dockerfile", "here"] {
            assert!(findings(&place, &scanner, LooksAt::File, silent).is_empty(), "{line}");
        }
        for folder in ["", "here"] {
            if folder == "here" {
                std::fs::copy(place.path("here"), place.path("shop/Dockerfile")).expect("copied");
            }
            let [complete, found] = each_file(&place);
            assert_eq!((complete.verdict(), found.verdict()), (Verdict::Error, Verdict::Error), "{line}");
            assert!(
                reason(&found).contains("without a word: 1 in files: 1, the first in Dockerfile at line"),
                "{found:?}"
            );
        }
    }
}

fn each_file(place: &Place) -> [Judgement; 2] {
    let program = settings(place, "hadolint", &[]).program.unwrap_or_default();
    let source = format!(
        "[[targets]]\nsubject = 'shop'\npath = 'shop'\nfiles = ['Dockerfile']\neach_file = true\nscanner = {{ adapter = 'hadolint', program = '{program}' }}"
    );
    observed(place, "static_analysis", &source, "").0.try_into().expect("two checks")
}

#[test]
fn comments_and_lists_hide_nothing_from_semgrep() {
    let bad = "import subprocess\nsubprocess.run(\"ls\", shell=True)";
    let place = Place::new(&[
        ("rules/shell.yml", RULES),
        ("shop/a.py", &format!("{bad}  # nosemgrep\n")),
        ("shop/b.py", &format!("{bad}  # nosem: no-shell\n")),
        ("shop/c.py", &format!("{bad}\n")),
        ("shop/tests/d.py", &format!("{bad}\n")),
        ("shop/.semgrepignore", "c.py\ntests/\n"),
    ]);
    let settings = settings(&place, "semgrep", &[("rules", "rules")]);
    let obeyed = place.scan(&heeding(&settings), LooksAt::Folder, "shop").expect("it scans");
    // What the list names is not among what it says it scanned, so it would count as not examined.
    assert_eq!((obeyed.said, read(&obeyed).files.len()), (Said::Clean, 2));
    let told = findings(&place, &settings, LooksAt::Folder, "shop");
    assert_eq!(told, ["no-shell a.py", "no-shell b.py", "no-shell c.py", "no-shell d.py"]);
}

#[test]
fn what_checkov_is_told_to_skip_counts_unless_the_job_heeds_it() {
    let place = Place::new(&[(
        "shop/Dockerfile",
        "# checkov:skip=CKV_DOCKER_7:next year\nFROM debian:latest\nUSER nobody\nHEALTHCHECK CMD true\n",
    )]);
    let [complete, found] = judged(&place, "checkov", "", "Dockerfile", "");
    assert_eq!((complete.verdict(), found.verdict()), (Verdict::Pass, Verdict::Fail), "{found:?}");
    let [one] = found.findings.as_slice() else { panic!("{found:?}") };
    assert_eq!(one.place.rule.as_deref(), Some("CKV_DOCKER_7"));
    assert!(one.detail.ends_with("leave it out (next year), and the job heeds no suppressions."), "{}", one.detail);

    let [_, found] = judged(&place, "checkov", ", heed_suppressions = true", "Dockerfile", "");
    assert_eq!(found.verdict(), Verdict::Pass, "{found:?}");
    assert!(reason(&found).contains("settings 1 (CKV_DOCKER_7 in Dockerfile: next year)"), "{found:?}");
}

#[test]
fn secrets_that_checkov_passes_over_without_a_word_are_told() {
    // In two parts, so that nobody takes it for one here.
    let secret = ["token: AKIA", "QYLPMN5HHHFPZAM2"].concat();
    let place = Place::new(&[("told/a.yaml", &secret)]);
    let checkov = settings(&place, "checkov", &[]);
    assert_eq!(findings(&place, &checkov, LooksAt::Folder, "told"), ["CKV_SECRET_2 a.yaml"]);
    place.write("shop/a.yaml", format!("{secret} # pragma: allowlist secret\n").as_bytes());
    assert!(findings(&place, &checkov, LooksAt::Folder, "shop").is_empty());
    let accepted = "allow_excluded = ['not-examined']";
    let [_, found] = judged(&place, "checkov", "", "*.yaml", accepted);
    assert_eq!(found.verdict(), Verdict::Error, "{found:?}");
    assert!(reason(&found).contains("1 in files: 1, the first in a.yaml at line 1"), "{found:?}");
}

#[test]
fn comments_that_trivy_obeys_without_a_word_are_told() {
    let dockerfile = "FROM debian:latest\nUSER nobody\n";
    let place = Place::new(&[("plain/Dockerfile", dockerfile)]);
    place.write("shop/Dockerfile", format!("#trivy:exp:2090-01-01:ignore:DS-0001\n{dockerfile}").as_bytes());
    // Its settings are looked for elsewhere.
    place.write("plain/.trivyignore", b"DS-0001\n");
    place.write("plain/trivy.yaml", b"severity: [CRITICAL]\n");
    with_database(&place);
    let mut config = settings(&place, "trivy", &[("database", "db")]);
    config.mode = Some("config".to_owned());
    assert_eq!(findings(&place, &config, LooksAt::Folder, "plain"), ["DS-0001 Dockerfile", "DS-0026 Dockerfile"]);
    assert_eq!(findings(&place, &config, LooksAt::Folder, "shop"), ["DS-0026 Dockerfile"]);

    let further = ", mode = 'config', parameters = { database = 'db' }";
    let [complete, found] = judged(&place, "trivy", further, "Dockerfile", "");
    assert_eq!((complete.verdict(), found.verdict()), (Verdict::Error, Verdict::Error), "{found:?}");
    assert!(reason(&found).contains("1 in files: 1, the first in Dockerfile at line 1"), "{found:?}");
    // Accepted, it still is told.
    let accepted = "allow_excluded = ['silenced-lines']";
    let [_, found] = judged(&place, "trivy", further, "Dockerfile", accepted);
    assert_eq!(found.verdict(), Verdict::Pass, "{found:?}");
    assert!(reason(&found).contains("1 in files: 1, the first in Dockerfile at line 1"), "{found:?}");
}

#[test]
fn what_lies_beside_a_lockfile_hides_nothing() {
    let place = Place::new(&[
        ("rust/Cargo.lock", CARGO_LOCK),
        ("rust/.cargo/audit.toml", "[advisories]\nignore = [\"RUSTSEC-2020-0071\"]\n"),
        ("node/package-lock.json", NPM_LOCK),
        ("node/.syft.yaml", "exclude: ['**/package-lock.json']\n"),
        ("node/.syft/config.yaml", "exclude: ['**/package-lock.json']\n"),
        ("node/.trivyignore", "CVE-2021-44906\n"),
        ("node/trivy.yaml", "severity: [LOW]\n"),
    ]);
    rustsec::database(&place.path("rustsec"), "2026-11-20T06:00:00Z");
    let audit = settings(&place, "cargo-audit", &[("database", "rustsec")]);
    let done = place.scan(&audit, LooksAt::File, "rust/Cargo.lock").expect("it scans");
    assert_eq!(read(&done).vulnerabilities.len(), 1);

    let mut bill = place.scan(&settings(&place, "syft", &[]), LooksAt::Folder, "node").expect("it scans");
    assert!(json(&mut bill).to_string().contains("pkg:npm/minimist@1.2.5"));

    with_database(&place);
    let mut trivy = settings(&place, "trivy", &[("database", "db")]);
    trivy.mode = Some("fs".to_owned());
    let mut done = place.scan(&trivy, LooksAt::Folder, "node").expect("it scans");
    assert_eq!(found(&json(&mut done)), ["minimist 1.2.5: CVE-2021-44906"]);
}
