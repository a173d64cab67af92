//! No secret of a company is left anywhere by the program that looks at all of them: not where it keeps and prints things, not where
//! others on the machine could see it meanwhile, and not after it panicked or was killed.

mod company;
mod failing;
mod servers;
mod watch;

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};

use exhibit_store::{
    cluster::{self, ClusterOptions, DATABASE},
    testing::{sql, superuser_url},
};
use exhibit_tests::{Needles, SeededRandom, tables_that_hold};
use serde_json::Value;

use super::{exhibit, searched};
use company::Company;
use watch::{Seen, Watch};

/// A variable that the program gets a secret by, and the name of that secret.
const GIVEN: (&str, &str) = ("LEAKS_SECRET_ID", "a secret id");

/// What a run of the program gave.
struct Ran {
    status: ExitStatus,
    printed: Vec<u8>,
    said: Vec<u8>,
    seen: Seen,
}

impl Company {
    /// The program at its most talkative, with temporary files in a folder of its own.
    fn exhibit(&self, arguments: &[&str]) -> Command {
        let mut command = exhibit(self.place.path(), arguments);
        command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full").env("TMPDIR", self.place.join("tmp"));
        command.arg("-vv");
        if let Some((_, secret)) = self.secrets.iter().find(|(name, _)| *name == format!("<{}>", GIVEN.1)) {
            command.env(GIVEN.0, str::from_utf8(secret).expect("UTF-8"));
        }
        command
    }

    /// Runs it to its end, and looks all along.
    fn watched(&self, arguments: &[&str], change: impl FnOnce(&mut Command)) -> Ran {
        let watch = Watch::begin(Arc::new(self.needles()), &self.place.join("tmp"), "<a secret id>");
        let mut command = self.exhibit(arguments);
        change(&mut command);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        watch.follow(child.id());
        let output = child.wait_with_output().expect("it ends");
        Ran { status: output.status, printed: output.stdout, said: output.stderr, seen: watch.end() }
    }

    /// The same, and nothing may have been seen or said; gives what was printed.
    #[track_caller]
    fn runs(&self, codes: &[i32], arguments: &[&str]) -> (String, Seen) {
        let ran = self.watched(arguments, |_| {});
        let said = String::from_utf8_lossy(&ran.said).into_owned();
        assert_eq!(self.found_in(&ran), BTreeSet::new(), "exhibit {arguments:?}");
        let code = ran.status.code();
        let printed = String::from_utf8(ran.printed).expect("UTF-8");
        assert!(code.is_some_and(|code| codes.contains(&code)), "exhibit {arguments:?}: {code:?}\n{printed}\n{said}");
        (printed, ran.seen)
    }

    /// Where a run showed a value.
    fn found_in(&self, ran: &Ran) -> BTreeSet<String> {
        let needles = self.needles();
        let mut found = ran.seen.found.clone();
        for (what, bytes) in [("standard output", &ran.printed), ("standard error", &ran.said)] {
            found.extend(needles.told_in(bytes).into_iter().map(|form| format!("{what}: {form}")));
        }
        found
    }

    /// Where values are that are kept: tables, files of the database and its log, archive, reports and whatever else is there.
    fn kept_somewhere(&self) -> Vec<String> {
        let needles = self.needles();
        let place = self.place.path();
        let own = self.path("");
        let (bytes, mut found) = searched(place, &needles, |path| path == own);
        assert!(bytes > 1_000_000, "only {bytes} bytes were searched");
        for file in self.new_files() {
            let content = fs::read(&file).expect("a file of the company's");
            found.extend(needles.told_in(&content).into_iter().map(|form| format!("{}: {form}", file.display())));
        }
        found.extend(self.in_database(|superuser| tables_that_hold_now(&superuser, &needles)));
        found
    }

    /// Does something in the private database, as its superuser.
    fn in_database<T>(&self, act: impl FnOnce(exhibit_store::DatabaseUrl) -> T) -> T {
        let house = self.place.join("house");
        let elsewhere = fs::read_to_string(house.join("postgres-is-in"));
        let folder = elsewhere.map_or_else(|_| house.join("postgres"), |text| PathBuf::from(text.trim_end()));
        let cluster = cluster::start_blocking(&ClusterOptions::new(folder)).expect("the private Postgres starts");
        let told = act(superuser_url(cluster.connection(), DATABASE));
        in_runtime(cluster.release()).expect("it stops");
        told
    }

    #[track_caller]
    fn assert_clean(&self) {
        let found = self.kept_somewhere();
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

fn in_runtime<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(future)
}

fn tables_that_hold_now(superuser: &exhibit_store::DatabaseUrl, needles: &Needles) -> Vec<String> {
    in_runtime(tables_that_hold(superuser, needles))
}

/// The quarter that it is, by the clock that the program under test looks at.
pub(super) fn quarter() -> String {
    let told = Command::new("date").args(["-u", "+%Y %m"]).output().expect("every system has a calendar");
    let told = String::from_utf8(told.stdout).expect("digits");
    let (year, month) = told.trim().split_once(' ').expect("a year and a month");
    let month: u32 = month.parse().expect("a month");
    format!("{year}-Q{}", month.div_ceil(3))
}

/// What a run says of each check of a job.
fn verdicts(printed: &str, job: &str) -> String {
    let told: Value = serde_json::from_str(printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
    let slots = told["slots"].as_array().expect("slots");
    let slot = slots.iter().find(|slot| slot["job"] == job).expect("the job was performed");
    slot["note"].as_str().expect("a note").to_owned()
}

#[test]
fn no_secret_of_a_company_is_left_anywhere() {
    let mut company = Company::new("whole").with_files().with_custody().with_servers();
    company.configure();
    company.runs(&[0], &["check"]);
    let (printed, seen) = company.runs(&[0, 1], &["run", "credentials", "custody", "--format", "json"]);

    // It did look at all of them.
    let credentials = verdicts(&printed, "credentials");
    for expected in [
        "shared-across-environments: fail",
        "nearly-equal: fail",
        "cross-login: fail",
        "default-password: pass",
        "weak: ",
    ] {
        assert!(credentials.contains(expected), "{expected}: {credentials}");
    }
    assert!(!credentials.contains("error"), "{credentials}");
    let custody = verdicts(&printed, "custody");
    for check in ["services-agree", "copies", "same-as-running", "older-versions", "restore-drill", "vault-snapshot"] {
        let passed = custody.contains(&format!("key-custody.{check}: pass"));
        assert!(passed, "{check}: {custody}\n{}", company.runs(&[0], &["evidence", "export", "--format", "json"]).0);
    }
    for child in ["restic", "age", "python3", "bao", "postgres"] {
        assert!(seen.children.contains_key(child), "{child} was not seen among {:?}", seen.children.keys());
    }
    // Whoever is started can leave no core file.
    for (child, limits) in &seen.children {
        assert!(
            child == "exhibit" || limits.iter().all(|limit| limit == "0"),
            "{child} may leave core files: {limits:?}"
        );
    }

    let reports = company.place.join("reports");
    let period = quarter();
    let render =
        ["report", "render", "--period", &period, "--out", reports.to_str().expect("UTF-8"), "--format", "json"];
    let (rendered, _) = company.runs(&[0], &render);
    for form in ["md", "html", "json", "bundle"] {
        let rendered: Value = serde_json::from_str(&rendered).expect("JSON");
        assert!(Path::new(rendered[form].as_str().expect("a path")).is_file(), "{form}");
    }
    for arguments in [&["evidence", "export", "--format", "json"][..], &["archive", "flush"], &["doctor"], &["fsck"]] {
        company.runs(&[0, 1], arguments);
    }
    company.add_answers();
    company.assert_clean();
}

/// A line that is long enough to be found.
fn planted(company: &Company, what: &str) -> Vec<u8> {
    let needle = company.secrets.iter().find(|(name, _)| *name == format!("<{what}>")).expect("a secret");
    needle.1.clone()
}

#[test]
fn what_is_planted_anywhere_is_found() {
    let mut company = Company::new("planted").with_files();
    company.configure();
    company.runs(&[0, 1], &["run", "credentials"]);
    let secret = planted(&company, "an API key");
    let secret = str::from_utf8(&secret).expect("UTF-8");
    assert_eq!(company.kept_somewhere(), Vec::<String>::new());

    // While something runs.
    let needles = Arc::new(company.needles());
    let temp = company.place.join("tmp");
    let watch = Watch::begin(Arc::clone(&needles), &temp, "<a secret id>");
    let hidden = "exec 9<>gone; rm gone; printf %s \"$1\" >&9; sleep 0.5";
    let scripts: [(&str, &str); 4] = [
        ("argument", "sh -c 'sleep 0.5; :' \"$1\""),
        ("environment", "VARIABLE=\"$1\" sh -c 'sleep 0.5; :'"),
        ("file", "printf %s \"$1\" > passing; sleep 0.5; rm passing"),
        ("unnamed", hidden),
    ];
    for (name, script) in scripts {
        let mut command = Command::new("sh");
        command.args(["-c", "read -r line; set -- \"$line\"; eval \"$SCRIPT\""]).env("SCRIPT", script);
        let mut process = command.current_dir(&temp).stdin(Stdio::piped()).spawn().expect("a shell");
        watch.follow(process.id());
        process.stdin.take().expect("a pipe").write_all(format!("{secret}\n").as_bytes()).expect("written");
        assert!(process.wait().expect("it ends").success(), "{name}");
    }
    let seen = watch.end();
    for place in [
        "an argument of sh: <an API key>",
        "the environment of sh: ",
        "the temporary file ",
        "a file without a name that ",
    ] {
        assert!(seen.found.iter().any(|found| found.starts_with(place)), "{place}: {:?}", seen.found);
    }

    // In a program's words.
    let ran = company.watched(&["evidence", "show", secret], |_| {});
    let found = company.found_in(&ran);
    assert!(found.iter().any(|found| found.starts_with("standard error: ")), "{found:?}");

    // In what is kept, in several forms.
    let wrong = |what: &str, expected: &str| {
        let found = company.kept_somewhere();
        assert!(found.iter().any(|found| found.contains(expected)), "{what}: {found:?}");
        found
    };
    let house = company.place.join("house");
    for (name, text) in [
        ("postgres.log", secret.to_owned()),
        ("archive/note", hex::encode(secret)),
        ("checkpoints/note", secret.chars().rev().collect()),
        (
            "reports/report.html",
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("a{secret}")),
        ),
    ] {
        let path = house.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("planted");
        wrong(name, name);
        fs::remove_file(path).expect("removed");
    }
    fs::write(company.path("left-over"), secret).expect("planted");
    wrong("a file beside the company's own", "left-over");
    fs::remove_file(company.path("left-over")).expect("removed");
    // Under lock and key of a table; its bytes stay in the database's files afterwards.
    company.in_database(|superuser| {
        let plant = format!("CREATE TABLE exhibit.planted AS SELECT sha256('{secret}'::bytea) AS value");
        in_runtime(sql(&superuser, &plant)).expect("planted");
    });
    let found = wrong("a digest in a table", "table exhibit.planted");
    assert!(found.iter().any(|found| found.contains("as SHA-256")), "{found:?}");
}

/// So many runs are killed.
const KILLS: usize = 20;

#[test]
fn no_secret_is_left_by_a_run_that_is_killed() {
    let mut company = Company::new("killed").with_files().with_custody();
    company.configure();
    let run = ["run", "credentials", "custody"];
    company.runs(&[0, 1], &run);
    let begun = Instant::now();
    company.runs(&[0, 1], &run);
    let usual = u64::try_from(begun.elapsed().as_micros()).expect("not so long");

    let random = SeededRandom::new(0x00c0_ffee);
    let (mut killed, mut watched, mut found) = (0, 0, BTreeSet::new());
    while killed < KILLS {
        let watch = Watch::begin(Arc::new(company.needles()), &company.place.join("tmp"), "<a secret id>");
        let [out, said] = ["out", "said"].map(|name| company.place.join("seen").join(name));
        let [out, said] =
            [out, said].map(|path| fs::File::options().create(true).append(true).open(path).expect("a file"));
        let mut child = company.exhibit(&run).stdout(out).stderr(said).spawn().expect("the program starts");
        watch.follow(child.id());
        sleep(Duration::from_micros(random.next() % usual));
        if child.try_wait().expect("it can be asked").is_none() {
            child.kill().expect("it can be killed");
            killed += 1;
        }
        child.wait().expect("it ends");
        let seen = watch.end();
        watched += seen.children.len();
        found.extend(seen.found);
    }
    assert_eq!(found, BTreeSet::new());
    assert!(watched > KILLS / 2, "{watched} programs were looked at");
    // Nothing is tidied up before it is looked: what a killed run left is what is looked for.
    company.assert_clean();
    company.runs(&[0, 1], &run);
    company.runs(&[0], &["fsck"]);
    company.assert_clean();
}
