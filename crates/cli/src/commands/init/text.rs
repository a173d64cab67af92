//! The configuration as text: what people read first, with every guess called one.

use std::fmt::Write as _;

use toml::Value;

use super::{
    plan::{Key, Log, Plan, Repository, Source},
    scans_text::scans,
};

/// What the text tells beside the plan.
pub(super) struct About {
    /// The deployment's name, a guess.
    pub(super) name: String,
    /// The machine's time zone, if it tells one.
    pub(super) time_zone: Option<String>,
    /// Schedules that the collectors suggest.
    pub(super) ci_schedule: String,
    pub(super) repository_schedule: String,
    pub(super) credentials_schedule: String,
    pub(super) logs_schedule: String,
    pub(super) custody_schedule: String,
    pub(super) dependencies_schedule: String,
    pub(super) code_schedule: String,
    pub(super) images_schedule: String,
    pub(super) bills_schedule: String,
    pub(super) archive_schedule: String,
    /// What no job is written for: the audit item, and why.
    pub(super) not_covered: Vec<(String, String)>,
}

/// The file's text.
pub(super) fn text(plan: &Plan, about: &About) -> String {
    let mut text = String::new();
    let mut line = |parts: std::fmt::Arguments<'_>| writeln!(text, "{parts}").expect("text can be written");
    line(format_args!(
        "# Written by `exhibit init`, from names and outer forms of what it found. Whatever it guessed is called a guess: read"
    ));
    line(format_args!(
        "# it through, then `exhibit check` and `exhibit run`. Paths start at this file's folder. Secrets never stand here."
    ));
    line(format_args!("\n[deployment]"));
    line(format_args!("name = {} # stands on the report's cover; a guess", quoted(&about.name)));
    match &about.time_zone {
        Some(zone) => line(format_args!(
            "time_zone = {} # of schedules, days and quarters; this machine's, a guess",
            quoted(zone)
        )),
        None => line(format_args!("time_zone = \"UTC\" # of schedules, days and quarters; this machine tells none")),
    }
    line(format_args!("fiscal_year_start = 1 # the month in which the fiscal year begins; a guess"));
    line(format_args!(
        "data_dir = \".exhibit\" # the private Postgres, keys, checkpoints, reports: keep it out of version control"
    ));
    line(format_args!(
        "\n# Reports are kept in a write-once directory in data_dir, which is tamper-evident and no regulatory WORM. A bucket with"
    ));
    line(format_args!("# S3 Object Lock is; `exhibit doctor` tells whether it is fit:\n# [archive.s3]"));
    line(format_args!("# bucket = \"example-evidence\"\n# region = \"eu-central-1\""));
    line(format_args!("# access_key_id = \"env:EXHIBIT_S3_KEY_ID\"\n# secret_access_key = \"env:EXHIBIT_S3_SECRET\""));
    environments(plan, &mut line);
    ci(plan, about, &mut line);
    repositories(plan, about, &mut line);
    credentials(plan, about, &mut line);
    custody(plan, about, &mut line);
    logs(plan, about, &mut line);
    scans(plan, about, &mut line);
    archive(plan, about, &mut line);
    line(format_args!("\n# Not covered: for these nothing is collected, and the report says so."));
    for (item, why) in &about.not_covered {
        line(format_args!("# - {item}: {why}"));
    }
    if about.not_covered.is_empty() {
        line(format_args!("# - nothing"));
    }
    text
}

pub(super) type Line<'a> = dyn FnMut(std::fmt::Arguments<'_>) + 'a;

fn environments(plan: &Plan, line: &mut Line<'_>) {
    line(format_args!(
        "\n# Environments: places in which systems run. Their ids are permanent, so mend wrong guesses before the first run."
    ));
    line(format_args!(
        "# An environment that may be thrown away gets `disposable = true`: then placeholders are tolerated in it."
    ));
    if !plan.repositories.is_empty() {
        line(format_args!("[environments.build]\ntitle = \"Build\" # where CI runs"));
    }
    for environment in plan.environments() {
        line(format_args!(
            "\n[environments.{}]\ntitle = {} # a guess, from names",
            environment.id,
            quoted(&environment.title)
        ));
    }
    if plan.repositories.is_empty() && plan.environments().is_empty() {
        line(format_args!("# None was found. For example:\n# [environments.production]\n# title = \"Production\""));
    }
}

fn ci(plan: &Plan, about: &About, line: &mut Line<'_>) {
    line(format_args!(
        "\n# Secrets in CI configuration, in every version that git keeps. `exhibit collectors show ci_secrets` tells more."
    ));
    let example = [Repository { id: "app".to_owned(), path: ".".to_owned(), ci_paths: Vec::new() }];
    let (mark, environment, repositories) = of_repositories(plan, &example, line);
    head(line, mark, "ci-secrets", "ci_secrets", &about.ci_schedule, &[environment]);
    for repository in repositories {
        one_repository(line, mark, repository);
        if !repository.ci_paths.is_empty() {
            let comment = "scripts that CI seems to run, by their folder: a guess";
            line(format_args!("{mark}ci_paths = {} # {comment}", list(&repository.ci_paths)));
        }
    }
}

/// What stands before each line of a job about repositories, its environment, and the repositories or an example.
fn of_repositories<'p>(
    plan: &'p Plan,
    example: &'p [Repository],
    line: &mut Line<'_>,
) -> (&'static str, &'static str, &'p [Repository]) {
    match plan.repositories.as_slice() {
        [] => {
            line(format_args!("# No git repository was found, so this job is commented out."));
            ("# ", "production", example)
        }
        found => ("", "build", found),
    }
}

fn one_repository(line: &mut Line<'_>, mark: &str, repository: &Repository) {
    line(format_args!("\n{mark}[[jobs.source.repositories]]"));
    line(format_args!("{mark}id = {}", quoted(&repository.id)));
    line(format_args!("{mark}path = {}", quoted(&repository.path)));
}

fn repositories(plan: &Plan, about: &About, line: &mut Line<'_>) {
    line(format_args!(
        "\n# Secrets in every tracked file, in every version that git keeps, and in built front ends. `exhibit collectors show"
    ));
    line(format_args!("# repository_secrets` tells more: of real secrets, allowed places, attested rotations."));
    let example = [Repository { id: "app".to_owned(), path: ".".to_owned(), ci_paths: Vec::new() }];
    let (mark, environment, repositories) = of_repositories(plan, &example, line);
    head(line, mark, "repository-secrets", "repository_secrets", &about.repository_schedule, &[environment]);
    for repository in repositories {
        one_repository(line, mark, repository);
    }
    for bundle in &plan.bundles {
        line(format_args!("\n{mark}[[jobs.source.bundles]] # what browsers get: a guess, from names"));
        line(format_args!("{mark}id = {}", quoted(&bundle.id)));
        line(format_args!("{mark}files = {}", list(&[&bundle.path])));
    }
}

fn credentials(plan: &Plan, about: &About, line: &mut Line<'_>) {
    line(format_args!(
        "\n# Credentials of the environments, compared in memory; no value is kept. `exhibit collectors show unique_credentials`"
    ));
    line(format_args!("# tells more. Which environment a file belongs to is a guess, from its name."));
    let environment = super::guess::Guess { id: "production".to_owned(), title: "Production".to_owned() };
    let example = [Source { environment, key: "dotenv", paths: vec!["production.env".to_owned()], env_file: None }];
    let (mark, sources) = match plan.credentials.as_slice() {
        [] => {
            line(format_args!(
                "# No dotenv file, compose file or Kubernetes manifest was found, so this job is commented out."
            ));
            ("# ", example.as_slice())
        }
        found => ("", found),
    };
    let mut ids: Vec<&str> = sources.iter().map(|source| source.environment.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    head(line, mark, "unique-credentials", "unique_credentials", &about.credentials_schedule, &ids);
    for source in sources {
        line(format_args!("\n{mark}[[jobs.source.credentials]]"));
        line(format_args!("{mark}environment = {}", quoted(&source.environment.id)));
        line(format_args!("{mark}{} = {}", source.key, list(&source.paths)));
        if let Some(file) = &source.env_file {
            line(format_args!("{mark}env_file = {} # variables for ${{…}}; a guess", quoted(file)));
        }
    }
}

/// Always commented out: which places are to hold the key is what the job is about, and only people know them.
fn custody(plan: &Plan, about: &About, line: &mut Line<'_>) {
    line(format_args!(
        "\n# Whether the vault and the backups hold the current encryption key, and whether a restore with it would succeed. Where"
    ));
    line(format_args!(
        "# copies are kept only people know: say so in `copies`, then take the comment signs away. `exhibit collectors show"
    ));
    line(format_args!(
        "# key_custody` tells more: of stores of secrets, buckets, restic, age, services that answer for themselves, drills."
    ));
    let example = [example_of_a_key()];
    let (found, keys) = if plan.keys.is_empty() { (false, example.as_slice()) } else { (true, plan.keys.as_slice()) };
    let mut ids: Vec<&str> = keys.iter().map(|key| key.source.environment.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let mark = "# ";
    head(line, mark, "key-custody", "key_custody", &about.custody_schedule, &ids);
    for Key { name, id, source } in keys {
        let comment = if found { " # by a name that was found; where it runs and its form are guesses" } else { "" };
        line(format_args!("\n{mark}[[jobs.source.keys]]{comment}"));
        line(format_args!("{mark}environment = {}", quoted(&source.environment.id)));
        line(format_args!("{mark}subject = {}", quoted(id)));
        line(format_args!("{mark}name = {}", quoted(name)));
        line(format_args!("{mark}bytes = 32 # written in hexadecimal, as `openssl rand -hex 32` prints them"));
        line(format_args!("{mark}[[jobs.source.keys.running]]"));
        line(format_args!("{mark}name = \"application\""));
        line(format_args!("{mark}{} = {}", source.key, list(&source.paths)));
        if let Some(file) = &source.env_file {
            line(format_args!("{mark}env_file = {}", quoted(file)));
        }
        line(format_args!("{mark}[[jobs.source.keys.copies]]"));
        line(format_args!("{mark}name = \"vault\""));
        line(format_args!(
            "{mark}vault = {{ address = \"https://vault.example.com:8200\", token = \"env:VAULT_TOKEN\", path = \"app\" }}"
        ));
        line(format_args!("{mark}[[jobs.source.keys.copies]]"));
        line(format_args!("{mark}name = \"backup\""));
        line(format_args!("{mark}site = \"offsite\" # what one failure would take with it"));
        line(format_args!("{mark}file = \"/mnt/offsite/{id}-*.age\""));
        line(format_args!("{mark}age = {{ identity = \"restore.identity\" }}"));
    }
}

fn example_of_a_key() -> Key {
    let environment = super::guess::Guess { id: "production".to_owned(), title: "Production".to_owned() };
    let source = Source { environment, key: "dotenv", paths: vec!["production.env".to_owned()], env_file: None };
    Key { name: "ENCRYPTION_KEY".to_owned(), id: "encryption-key".to_owned(), source }
}

fn logs(plan: &Plan, about: &About, line: &mut Line<'_>) {
    line(format_args!(
        "\n# Secrets and personal data in logs, with all that rotation made of them. `exhibit collectors show log_redaction` tells"
    ));
    line(format_args!(
        "# more: of canaries, real secrets, journals, commands, samples. Which environment a folder belongs to is a guess."
    ));
    let environment = super::guess::Guess { id: "production".to_owned(), title: "Production".to_owned() };
    let example = [Log { id: "app".to_owned(), environment, path: "/var/log/app".to_owned() }];
    let (mark, logs) = match plan.logs.as_slice() {
        [] => {
            line(format_args!("# No folder of logs was found, so this job is commented out."));
            ("# ", example.as_slice())
        }
        found => ("", found),
    };
    let mut ids: Vec<&str> = logs.iter().map(|log| log.environment.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    head(line, mark, "log-redaction", "log_redaction", &about.logs_schedule, &ids);
    for log in logs {
        line(format_args!("\n{mark}[[jobs.source.logs]]"));
        line(format_args!("{mark}id = {}", quoted(&log.id)));
        line(format_args!("{mark}environment = {}", quoted(&log.environment.id)));
        line(format_args!("{mark}files = {}", list(&[&log.path])));
    }
}

fn archive(plan: &Plan, about: &About, line: &mut Line<'_>) {
    line(format_args!(
        "\n# What was archived, held against its receipts again: is it still there, unchanged, protected? It counts in one"
    ));
    line(format_args!(
        "# environment. The archive of a new deployment is a folder here, which is no regulatory WORM storage."
    ));
    let first = plan.environments().first().map(|environment| environment.id.clone());
    let (mark, environment) = match (plan.repositories.is_empty(), first) {
        (false, _) => ("", "build".to_owned()),
        (true, Some(first)) => ("", first),
        (true, None) => {
            line(format_args!("# There is no environment yet, so this job is commented out."));
            ("# ", "production".to_owned())
        }
    };
    head(line, mark, "worm-archive", "worm_archive", &about.archive_schedule, &[environment.as_str()]);
    line(format_args!("\n{mark}[jobs.policy]"));
    line(format_args!(
        "{mark}accept_weak = [\"object-lock\", \"rights\"] # of a folder; take it out once the archive is a bucket"
    ));
}

pub(super) fn head(line: &mut Line<'_>, mark: &str, id: &str, collector: &str, schedule: &str, environments: &[&str]) {
    line(format_args!("{mark}[[jobs]]"));
    line(format_args!("{mark}id = {} # permanent", quoted(id)));
    line(format_args!("{mark}collector = {}", quoted(collector)));
    line(format_args!("{mark}schedule = {} # minute, hour, day of month, month, day of week", quoted(schedule)));
    line(format_args!("{mark}environments = {}", list(environments)));
}

pub(super) fn quoted(text: &str) -> Value {
    Value::from(text)
}

pub(super) fn list<T: AsRef<str>>(texts: &[T]) -> Value {
    texts.iter().map(|text| Value::from(text.as_ref())).collect::<Vec<_>>().into()
}
