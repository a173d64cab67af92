//! Scanners themselves, from the configuration to a report that anyone can verify: what they find, what they did not look at,
//! and what became of it.

use std::{fs, path::Path, process::Command};

use chrono::{DateTime, Utc};
use exhibit_ledger::bundle::read_files;
use exhibit_tests::Needles;
use serde_json::{Value, json as value};

use super::{Place, empty_index, ends_with, exhibit, json, searched, serve::quarter};
use crate::scanners::{
    CARGO_LOCK, NPM_LOCK, REQUIREMENTS, RULES, TOKEN, http, image, npm, osv, program, rustsec, trivy,
};

/// This very repository.
const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A shop with a flaw of each kind, databases that know them, and a deployment without jobs.
pub(super) struct Shop {
    pub(super) place: Place,
    configuration: String,
}

impl Shop {
    pub(super) fn new() -> Self {
        let place = Place::new();
        for (path, text) in [
            ("shop/Cargo.lock", CARGO_LOCK),
            ("shop/web/package-lock.json", NPM_LOCK),
            ("shop/api/requirements.txt", REQUIREMENTS),
            ("shop/Dockerfile", "FROM debian:latest\nRUN apt-get update\n"),
            ("shop/run.py", "import subprocess\n\nsubprocess.run(\"ls \" + name, shell=True)\n"),
            ("shop/deploy.sh", &format!("export GITHUB_TOKEN={TOKEN}\n")),
            ("rules/shell.yml", RULES),
            ("tools/README", "Programs.\n"),
        ] {
            let path = place.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        }
        fs::write(place.join("image.tar"), image::debian()).expect("written");
        let written = fs::metadata(place.join("image.tar")).and_then(|file| file.modified()).expect("a time");
        let lately = (DateTime::<Utc>::from(written) - chrono::TimeDelta::hours(30)).to_rfc3339();
        trivy::database(&place.join("trivy"), &lately);
        rustsec::database(&place.join("rustsec"), &lately);
        let configuration = "[deployment]\nname = \"Scanned for real\"\ntime_zone = \"UTC\"\ndata_dir = \"data\"\n\n\
                             [environments.production]\n"
            .to_owned();
        Self { place, configuration }
    }

    /// A job with these targets, the text of each without its head.
    pub(super) fn with_job(mut self, id: &str, collector: &str, targets: &[String]) -> Self {
        self.configuration.push_str(&format!(
            "\n[[jobs]]\nid = \"{id}\"\ncollector = \"{collector}\"\nschedule = \"23 4 * * *\"\nenvironments = [\"production\"]\n"
        ));
        for target in targets {
            self.configuration.push_str(&format!("\n[[jobs.source.targets]]\n{target}\n"));
        }
        fs::write(self.place.join("exhibit.toml"), &self.configuration).expect("written");
        self
    }

    /// The settings of a scanner.
    pub(super) fn scanner(&self, adapter: &str, parameters: Value) -> String {
        let program = program(adapter, &self.place.join("tools"));
        let parameters = parameters.as_object().expect("an object").iter();
        let parameters: Vec<String> = parameters.map(|(name, value)| format!("{name} = {value}")).collect();
        format!(
            "scanner = {{ adapter = \"{adapter}\", program = {:?}, read = {:?}, parameters = {{ {} }} }}",
            program.path,
            program.read,
            parameters.join(", ")
        )
    }

    /// One of several scanners of a target, for the lockfiles that the pattern means.
    pub(super) fn scan(&self, lockfiles: &str, adapter: &str, parameters: Value) -> String {
        let scanner = self.scanner(adapter, parameters);
        format!("\n[[jobs.source.targets.scans]]\nlockfiles = [\"{lockfiles}\"]\n{scanner}\n")
    }

    pub(super) fn path(&self) -> &Path {
        self.place.path()
    }

    /// Performs a job, and gives back its evidence as JSON and as people see it.
    pub(super) fn run(&self, code: i32, job: &str) -> (Value, String) {
        json(code, self.path(), &["run", job, "--format", "json"]);
        self.shown(job)
    }

    /// The latest evidence of a job, as JSON and as people see it.
    pub(super) fn shown(&self, job: &str) -> (Value, String) {
        let listed = json(0, self.path(), &["evidence", "list", "--job", job, "--format", "json"]);
        let id = listed[0]["id"].as_str().expect("an id").to_owned();
        let shown = json(0, self.path(), &["evidence", "show", &id, "--format", "json"]);
        (shown, ends_with(0, self.path(), &["evidence", "show", &id]))
    }

    /// The report of the current quarter, and nothing that differs anywhere.
    pub(super) fn report(&self) -> String {
        let listed = json(0, self.path(), &["evidence", "list", "--format", "json"]);
        let period = quarter(&listed[0]["observed_to"].as_str().expect("a time")[..10]);
        ends_with(0, self.path(), &["report", "render", "--period", &period, "--out", "report"]);
        ends_with(0, self.path(), &["verify", "report/bundle.tar", "--re-render", "--key", "data/keys/log.pub"]);
        assert_eq!(json(0, self.path(), &["fsck", "--format", "json"])["clean"], true);
        fs::read_to_string(self.place.join("report/report.md")).expect("a report")
    }
}

/// What was counted of a subject, what was examined, and what was left out.
pub(super) fn counted(shown: &Value, subject: &str) -> (u64, u64, u64) {
    let all = shown["record"]["body"]["observation"]["population"].as_array().expect("populations");
    let of = all.iter().find(|one| one["subject"]["id"] == subject).unwrap_or_else(|| panic!("{subject}: {all:?}"));
    let left = of["excluded"].as_array().into_iter().flatten().map(|one| one["count"].as_u64().expect("a number"));
    (of["exist"].as_u64().expect("counted"), of["examined"].as_u64().expect("a number"), left.sum())
}

/// How a check came out for a subject, and why.
pub(super) fn outcome<'a>(shown: &'a Value, check: &str, subject: &str) -> (&'a str, &'a str) {
    let judgements = shown["assessments"].as_array().expect("assessments").iter().map(|one| &one["body"]["judgement"]);
    let mut subjects = judgements
        .filter(|judgement| judgement["check"] == check)
        .flat_map(|judgement| judgement["subjects"].as_array().expect("subjects"));
    let found = subjects.find(|one| one["subject"]["id"] == subject).unwrap_or_else(|| panic!("{check} of {subject}"));
    (found["verdict"].as_str().expect("a word"), found["reason"].as_str().expect("a reason"))
}

pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {value}"))
}

/// The findings of a check, each with what tells it apart.
pub(super) fn findings<'a>(shown: &'a Value, check: &str) -> Vec<&'a Value> {
    let judgements = shown["assessments"].as_array().expect("assessments").iter().map(|one| &one["body"]["judgement"]);
    let of = judgements.filter(|judgement| judgement["check"] == check);
    of.flat_map(|judgement| judgement["findings"].as_array().into_iter().flatten()).collect()
}

/// What a bundle holds of what scanners printed.
fn kept(shop: &Shop) -> Vec<String> {
    let mut kept = Vec::new();
    let bundle = fs::read(shop.place.join("report/bundle.tar")).expect("a bundle");
    read_files(
        bundle.as_slice(),
        |path| path.starts_with("artifacts/"),
        |_, bytes| {
            kept.push(String::from_utf8(bytes).expect("text"));
        },
    )
    .expect("a bundle");
    kept
}

#[test]
fn what_scanners_find_is_sealed_told_and_closed_when_it_is_mended() {
    let shop = Shop::new();
    let scans = [
        shop.scan("**", "trivy", value!({"database": "trivy"})),
        shop.scan("**/requirements.txt", "pip-audit", value!({"osv_url": osv::serve()})),
        shop.scan("**/Cargo.lock", "cargo-audit", value!({"database": "rustsec"})),
        shop.scan("**/package-lock.json", "npm-audit", value!({"registry": npm::serve()})),
    ];
    let dependencies = format!("id = \"shop\"\nfolder = \"shop\"\n{}", scans.concat());
    let trivy = shop.scan("**", "trivy", value!({"database": "trivy"}));
    // This very repository; below its root are the lockfiles of cases.
    let repository = format!("id = \"exhibit\"\nrepository = {REPOSITORY:?}\nexclude = [\"*/**\"]\n{trivy}");
    let image = format!("id = \"shop-image\"\nimage = \"image.tar\"\n{trivy}");
    let shop = shop.with_job("dependencies", "dependency_scan", &[dependencies, repository]).with_job(
        "images",
        "container_scan",
        &[image],
    );

    // Two scanners look at each lockfile: what both report is one finding, by whichever names.
    let (shown, words) = shop.run(0, "dependencies");
    let known = "dependency-scan.known-vulnerabilities";
    let found: Vec<(&str, &str)> = findings(&shown, known)
        .iter()
        .map(|one| (text(one, "/attributes/package"), text(one, "/attributes/scanner")))
        .collect();
    let mut expected = [
        ("pkg:cargo/time", "cargo-audit, trivy"),
        ("pkg:npm/minimist", "npm-audit, trivy"),
        ("pkg:pypi/jinja2", "pip-audit, trivy"),
    ];
    let mut sorted = found.clone();
    sorted.sort_unstable();
    expected.sort_unstable();
    assert_eq!(sorted, expected);
    assert_eq!(
        (counted(&shown, "shop"), outcome(&shown, known, "shop").0),
        ((7, 6, 1), "fail"),
        "the shop is in its own"
    );

    // Of this repository every package was examined, whatever is known of them.
    let (exist, examined, left) = counted(&shown, "exhibit");
    assert_eq!(examined + left, exist);
    assert!(examined > 400, "{examined}");
    let complete = outcome(&shown, "dependency-scan.complete-population", "exhibit");
    assert!(complete.0 == "pass" && complete.1.contains(&format!("{examined} of {examined} packages")), "{complete:?}");
    for said in [
        "3 deviations noted",
        "medium: production/shop: Cargo.lock · pkg:cargo/time: CVE-2020-26235 in pkg:cargo/time@0.1.43",
        "the service of pip-audit 2.10.1 was asked on",
        "the database of cargo-audit 0.22.2 is of",
    ] {
        assert!(words.contains(said), "{said}: {words}");
    }

    let (shown, _) = shop.run(0, "images");
    let [finding] = findings(&shown, "container-scan.known-vulnerabilities")[..] else { panic!("{shown}") };
    assert_eq!(text(finding, "/attributes/package"), "pkg:deb/debian/zlib1g?arch=amd64");
    assert_eq!(counted(&shown, "shop-image"), (1, 1, 0));

    let report = shop.report();
    for said in ["GHSA-xvch-5gv4-984h", "RUSTSEC-2020-0071", "PYSEC-2019-217", "CVE-2023-45853"] {
        assert!(kept(&shop).iter().any(|one| one.contains(said)), "{said} is in nothing that was kept");
    }
    let follow_up = |report: &str, package: &str| {
        let all = report.split_once("## Follow-up of earlier findings").expect("the follow-up").1;
        let line = all.lines().find(|line| line.contains(package)).unwrap_or_else(|| panic!("{package}: {all}"));
        (line.split("**").nth(1).unwrap_or_default().to_owned(), line.to_owned())
    };
    for package in ["pkg:cargo/time", "pkg:npm/minimist", "pkg:pypi/jinja2", "pkg:deb/debian/zlib1g"] {
        assert_eq!(follow_up(&report, package).0, "new", "{package}");
    }

    // One is upgraded, one is taken out, one stays.
    fs::write(shop.place.join("shop/Cargo.lock"), CARGO_LOCK.replace("0.1.43", "0.3.44")).expect("written");
    fs::write(shop.place.join("shop/api/requirements.txt"), "left-out==1.0\n").expect("written");
    let (shown, _) = shop.run(0, "dependencies");
    let open = findings(&shown, known);
    assert_eq!(open.len(), 1, "{open:#?}");
    let report = shop.report();
    for (package, state, how) in [
        ("pkg:cargo/time", "remediated", ": changed |"),
        ("pkg:pypi/jinja2", "remediated", ": no longer there |"),
        ("pkg:npm/minimist", "new", "| none |"),
    ] {
        let (told, line) = follow_up(&report, package);
        assert!(told == state && line.contains(how), "{line}");
    }
}

#[test]
fn what_is_analysed_is_told_by_whichever_scanner_and_holds_no_secret() {
    let shop = Shop::new();
    let target = |subject: &str, path: &str, files: &str, more: &str, scanner: String| {
        format!("subject = \"{subject}\"\npath = \"{path}\"\nfiles = [\"{files}\"]\n{more}{scanner}")
    };
    let semgrep = || shop.scanner("semgrep", value!({"rules": "rules"}));
    let half = "import subprocess\nsubprocess.run(\"x\", shell=True)\ndef f(:\n  pass ) ] \"\"\"\n\nsubprocess.run(\n";
    fs::create_dir(shop.place.join("half")).expect("made");
    fs::write(shop.place.join("half/half.py"), half).expect("written");
    let targets = [
        target("dockerfiles", "shop", "**/Dockerfile", "each_file = true\n", shop.scanner("hadolint", value!({}))),
        target("configuration", "shop", "**/Dockerfile", "", shop.scanner("checkov", value!({}))),
        target("python", "shop", "**/*.py", "", semgrep()),
        target("half", "half", "**/*.py", "", semgrep()),
        target("secrets", "shop", "**/*.sh", "each_file = true\n", shop.scanner("gitleaks", value!({}))),
        target("secrets-too", "shop", "**/*.sh", "each_file = true\n", shop.scanner("kingfisher", value!({}))),
    ];
    let shop = shop.with_job("code", "static_analysis", &targets);
    let (shown, _) = shop.run(0, "code");
    let rules = |subject: &str| {
        let all = findings(&shown, "static-analysis.findings");
        let of = all.into_iter().filter(|one| one["subject"] == subject);
        of.map(|one| text(one, "/place/rule").to_owned()).collect::<Vec<_>>()
    };
    for (subject, rule) in [
        ("dockerfiles", "DL3007"),
        ("configuration", "CKV_DOCKER_7"),
        ("python", "no-shell"),
        ("half", "no-shell"),
        ("secrets", "github-pat"),
    ] {
        assert!(rules(subject).iter().any(|told| told == rule), "{subject}: {:?}", rules(subject));
    }
    assert_eq!(rules("secrets-too").len(), 1);
    // What is half read was not examined, whatever was found in it.
    for subject in ["dockerfiles", "configuration", "python", "secrets", "secrets-too"] {
        assert_eq!(outcome(&shown, "static-analysis.complete-population", subject).0, "pass", "{subject}");
    }
    let (verdict, why) = outcome(&shown, "static-analysis.complete-population", "half");
    assert_eq!((verdict, counted(&shown, "half")), ("error", (1, 0, 1)), "{why}");

    let report = shop.report();
    assert!(report.contains("a shell is started") && report.contains("run.py"), "{report}");
    // What the scanners printed is kept, and names the secret's place alone.
    let kept = kept(&shop);
    assert!(kept.iter().any(|one| one.contains("github-pat") && one.contains("deploy.sh")), "{kept:?}");
    let needles = Needles::new(&[TOKEN.to_owned()]);
    assert!(kept.iter().all(|one| needles.found_in(one.as_bytes()).is_empty()));
    let (bytes, found) = searched(shop.path(), &needles, |path| path.ends_with("shop"));
    assert!(bytes > 1_000_000 && found.is_empty(), "{bytes}: {found:?}");
}

#[test]
fn a_scanner_that_could_ask_nobody_makes_no_pass() {
    let shop = Shop::new();
    let npm = shop.scan("**/package-lock.json", "npm-audit", value!({"registry": http::nobody()}));
    let pip = shop.scan("**/requirements.txt", "pip-audit", value!({"osv_url": http::nobody() + "/v1/query"}));
    let shop = shop.with_job(
        "dependencies",
        "dependency_scan",
        &[format!("id = \"web\"\nfolder = \"shop/web\"\n{npm}"), format!("id = \"api\"\nfolder = \"shop/api\"\n{pip}")],
    );
    let (shown, _) = shop.run(1, "dependencies");
    let report = shop.report();
    for (subject, reason) in [("web", "says that it failed: request to"), ("api", "Connection refused")] {
        assert_eq!(counted(&shown, subject), (2, 0, 2), "{subject}");
        for check in ["complete-population", "fresh-database", "known-vulnerabilities", "remediation-in-time"] {
            assert_eq!(
                outcome(&shown, &format!("dependency-scan.{check}"), subject).0,
                "error",
                "{check} of {subject}"
            );
        }
        let why = outcome(&shown, "dependency-scan.known-vulnerabilities", subject).1;
        assert!(why.contains(reason), "{why}");
        let row = format!("| production / {subject} | **error** could not be found out |");
        let told: Vec<&str> = report.lines().filter(|line| line.contains(&row)).collect();
        assert!(told.len() >= 4 && told.iter().any(|line| line.contains(reason)), "{told:?}");
        // That versions are pinned can be told without any scanner, and nothing else.
        let row = format!("| production / {subject} | **pass** ");
        assert!(report.lines().filter(|line| line.contains(&row)).all(|line| line.contains("is pinned to a version")));
    }
}

/// pip-audit passes over every package that PyPI does not answer for, calls that clean, and ends with status 0.
#[test]
fn a_scanner_that_passed_over_everything_makes_no_pass() {
    let shop = Shop::new();
    let (proxy, authority) = empty_index::serve();
    let trusted = shop.place.join("authority.pem");
    fs::write(&trusted, authority).expect("written");
    let trusted = trusted.to_str().expect("UTF-8");
    let surroundings = [("HTTPS_PROXY", proxy.as_str()), ("REQUESTS_CA_BUNDLE", trusted)];
    let alone = Command::new(program("pip-audit", &shop.place.join("tools")).path)
        .args([
            "--requirement",
            "shop/api/requirements.txt",
            "--no-deps",
            "--disable-pip",
            "--vulnerability-service",
            "pypi",
        ])
        .args(["--format", "json", "--output", "elsewhere.json", "--progress-spinner", "off", "--cache-dir", "cache"])
        .current_dir(shop.path())
        .envs(surroundings)
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&alone.stderr);
    assert!(alone.status.success() && said.contains("No known vulnerabilities found"), "{said}");

    let here = shop.scan("**", "pip-audit", value!({"service": "pypi"}));
    let shop = shop.with_job(
        "dependencies",
        "dependency_scan",
        &[
            format!("id = \"here\"\nfolder = \"shop/api\"\n{here}"),
            "id = \"elsewhere\"\nfolder = \"shop/api\"\n\n[[jobs.source.targets.scans]]\nresult = \"elsewhere.json\""
                .to_owned(),
        ],
    );
    let ran = exhibit(shop.path(), &["run", "dependencies"]).envs(surroundings).output().expect("it starts");
    assert_eq!(ran.status.code(), Some(1), "{}", String::from_utf8_lossy(&ran.stderr));
    let (shown, _) = shop.shown("dependencies");
    let report = shop.report();
    for (subject, verdict, reason) in
        [("here", "error", "Dependency not found on PyPI"), ("elsewhere", "vacuous", "None of 2 packages was examined")]
    {
        assert_eq!(counted(&shown, subject), (2, 0, 2), "{subject}");
        let (told, why) = outcome(&shown, "dependency-scan.known-vulnerabilities", subject);
        assert!(told == verdict && why.contains(reason), "{subject}: {told}: {why}");
        let row = format!("| production / {subject} | **{verdict}** ");
        assert!(report.lines().any(|line| line.contains(&row) && line.contains(reason)), "{report}");
    }
    assert!(report.contains("could not be audited"), "the scanner's own reason is told");
}
