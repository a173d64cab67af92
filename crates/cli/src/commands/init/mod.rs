//! `exhibit init`: a first configuration from what is here, and what was found and left out on the way.

mod find;
mod guess;
mod plan;
mod ready;
mod scans;
mod scans_text;
mod text;
mod walk;

use std::{
    collections::BTreeMap,
    fs,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use exhibit_collectors::{Registry, survey::Checkout};
use exhibit_evidence::catalog::AuditItem;
use exhibit_pipeline::{Random as _, SystemRandom};
use serde::Serialize;

use self::{
    find::{Found, find},
    guess::UNTOLD,
    plan::{Plan, Surroundings, plan},
    text::{About, text},
    walk::{Bounds, Walk, walk},
};
use crate::{
    args::InitArgs,
    config::{self, looks_secret},
    output::{Exit, Hint as _, Out, Table, Words},
};

/// Collectors that a job can be written for from what is found.
const WRITTEN: [&str; 4] = ["ci_secrets", "log_redaction", "repository_secrets", "unique_credentials"];
/// Collectors that a job can be written for where a scanner lies ready.
const SCANS: [&str; 4] = ["container_scan", "dependency_scan", "sbom", "static_analysis"];

/// Folders of the machine that audits ask about; only whether they are there is looked at.
const MACHINE: [(&str, &str); 2] =
    [("/var/log", "folder of logs, by its name"), ("/var/backups", "folder of backups, by its name")];

/// So many rows people read.
const ROWS: usize = 60;
/// So many examples are named for each reason.
const EXAMPLES: usize = 3;

/// What was done, as data.
#[derive(Serialize)]
struct Made {
    /// The configuration that was written.
    file: String,
    /// Where the file lies that was there before.
    kept: Option<String>,
    environments: Vec<Environment>,
    jobs: Vec<String>,
    found: Vec<Row>,
    left_out: Vec<LeftOut>,
    not_covered: Vec<NotCovered>,
    /// Whether the whole folder was looked at; else why not.
    complete: bool,
    incomplete_because: Option<String>,
}

#[derive(Serialize)]
struct Environment {
    id: String,
    title: String,
    /// Always: environments are guessed from names.
    guessed: bool,
}

#[derive(Serialize)]
struct Row {
    path: String,
    what: String,
    /// The job that looks at it, or none.
    used: Option<String>,
}

#[derive(Serialize)]
struct LeftOut {
    why: String,
    count: usize,
    paths: Vec<String>,
}

#[derive(Serialize)]
struct NotCovered {
    item: String,
    why: String,
}

pub(crate) fn run(args: &InitArgs, words: &Words, out: &mut Out) -> anyhow::Result<Exit> {
    let top = args.dir.canonicalize().with_context(|| format!("the folder {}", args.dir.display()))?;
    let file = top.join(config::FILE_NAME);
    if !args.force {
        refuse_existing(&file)?;
    }
    let registry = Registry::built_in()?;
    let checkout = checkout(&top, words);
    let step = words.step(format!("Looking at {}", top.display()));
    let mut walk = walk(&top, checkout.as_ref(), Bounds::default());
    leave_secret_names(&mut walk);
    let structured: Vec<String> =
        walk.seen.iter().map(|seen| seen.path.clone()).filter(|path| is_structured(path)).collect();
    let found = find(&top, &mut walk);
    drop(step);
    let left_out: Vec<String> = walk.left_out.iter().map(|left| left.path.clone()).collect();
    let mentions = |compose: &str, name: &str| mentions(&top.join(compose), name);
    let key_names = |file: &str| key_names(&top.join(file));
    let examples = ready::examples(&top, &walk);
    let committed = |path: &str| {
        checkout
            .as_ref()
            .is_some_and(|checkout| checkout.folder().canonicalize().is_ok_and(|at| at == top) && checkout.holds(path))
    };
    let later_yarn = |path: &str| ready::is_of_later_yarn(&top.join(path));
    let surroundings = Surroundings {
        repository: checkout.as_ref().and_then(|checkout| around(checkout, &top)),
        structured: &structured,
        left_out: &left_out,
        mentions: &mentions,
        key_names: &key_names,
        title: top.file_name().and_then(|name| name.to_str()).unwrap_or_default(),
        machine: scans::Machine {
            program: &ready::program,
            database: &ready::database,
            committed: &committed,
            later_yarn: &later_yarn,
            examples: &examples,
        },
    };
    let plan = plan(&found, &surroundings);
    walk.left_out.extend(plan.unused.iter().map(|(path, why)| walk::LeftOut { why, path: path.clone() }));
    walk.left_out.sort();

    let about = about(&top, &registry, &found, &plan)?;
    let text = text(&plan, &about);
    // What is written is read first, by the same eyes that will read it then.
    config::parse(&text, Path::new(config::FILE_NAME), &file, &registry)
        .map_err(|invalid| config::ConfigError::Invalid(Box::new(invalid)))
        .context("the configuration that was about to be written is not in order; nothing was written")?;
    let kept = write(&file, &text, args.force)?;
    let made = made(&file, kept, &plan, &found, &walk, about);
    out.data(args.printed.format, &made, table)?;
    tell(&made, words);
    Ok(Exit::Clean)
}

/// The repository around, if there is one that can be read; what can't be is said.
fn checkout(top: &Path, words: &Words) -> Option<Checkout> {
    match Checkout::around(top) {
        Ok(checkout) => checkout,
        Err(error) => {
            words.warn(format!("there is a git repository here, but {error}; no job is written for it"));
            None
        }
    }
}

/// Name of the repository, its path from `top`, and `top`'s path within it.
fn around(checkout: &Checkout, top: &Path) -> Option<(String, String, String)> {
    let folder = checkout.folder().canonicalize().ok()?;
    let within = top.strip_prefix(&folder).ok()?;
    let path = match within.components().count() {
        0 => ".".to_owned(),
        up => vec![".."; up].join("/"),
    };
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Some((name, path, within.to_str()?.to_owned()))
}

fn is_structured(path: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|end| path.ends_with(end))
}

/// A name that has the shape of a secret is neither shown nor written down.
fn leave_secret_names(walk: &mut Walk) {
    let (secret, plain): (Vec<_>, Vec<_>) =
        std::mem::take(&mut walk.seen).into_iter().partition(|seen| looks_secret(&seen.path));
    walk.seen = plain;
    for left in &mut walk.left_out {
        if looks_secret(&left.path) {
            left.path = "***".to_owned();
        }
    }
    for _ in secret {
        walk.leave("its name has the shape of a secret", "***");
    }
}

/// Whether a compose file's text holds a file's name. The text is wiped, and nothing of it is kept.
fn mentions(compose: &Path, name: &str) -> bool {
    let text = fs::read(compose).map(zeroize::Zeroizing::new);
    text.is_ok_and(|text| text.windows(name.len()).any(|window| window == name.as_bytes()))
}

/// What names of encryption keys hold.
const OF_KEYS: [&str; 3] = ["ENCRYPTION_KEY", "FERNET_KEY", "MASTER_KEY"];

/// The names of encryption keys in a file. The text is wiped, and nothing else of it is kept.
fn key_names(file: &Path) -> Vec<String> {
    let Ok(text) = fs::read(file).map(zeroize::Zeroizing::new) else { return Vec::new() };
    let is_name = |word: &&[u8]| {
        word.len() <= 60 && word.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
    };
    let words = text.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').filter(is_name);
    let names = words.filter_map(|word| std::str::from_utf8(word).ok());
    let mut names: Vec<String> = names
        .filter(|name| OF_KEYS.iter().any(|of| name.contains(of)) && !looks_secret(name))
        .map(str::to_owned)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn about(top: &Path, registry: &Registry, found: &[Found], plan: &Plan) -> anyhow::Result<About> {
    let schedule = |id: &str| {
        let registered = registry.get(id).with_context(|| format!("the collector {id} is built in"))?;
        anyhow::Ok(registered.manifest.default_schedule.clone())
    };
    let name = top.file_name().and_then(|name| name.to_str()).map(str::trim);
    let fits =
        |name: &&str| !name.is_empty() && name.len() <= 200 && !name.contains(char::is_control) && !looks_secret(name);
    Ok(About {
        name: name.filter(fits).unwrap_or("This organisation").to_owned(),
        time_zone: machine_zone(),
        ci_schedule: schedule("ci_secrets")?,
        repository_schedule: schedule("repository_secrets")?,
        credentials_schedule: schedule("unique_credentials")?,
        logs_schedule: schedule("log_redaction")?,
        custody_schedule: schedule("key_custody")?,
        dependencies_schedule: schedule("dependency_scan")?,
        code_schedule: schedule("static_analysis")?,
        images_schedule: schedule("container_scan")?,
        bills_schedule: schedule("sbom")?,
        archive_schedule: schedule("worm_archive")?,
        not_covered: not_covered(registry, found, plan),
    })
}

/// The time zone that this machine is set to.
fn machine_zone() -> Option<String> {
    let target = fs::canonicalize("/etc/localtime").ok()?;
    let (_, zone) = target.to_str()?.split_once("/zoneinfo/")?;
    zone.parse::<chrono_tz::Tz>().ok().map(|zone| zone.name().to_owned())
}

/// The audit items for which no job is written, each with what was found that belongs to it.
fn not_covered(registry: &Registry, found: &[Found], plan: &Plan) -> Vec<(String, String)> {
    let mut items = Vec::new();
    for item in AuditItem::ALL {
        let able: Vec<&str> = registry
            .iter()
            .filter(|one| one.manifest.checks.iter().any(|check| check.audit_item == Some(item)))
            .map(|one| one.manifest.id.as_str())
            .collect();
        let scanned =
            able.iter().any(|id| SCANS.contains(id)) && !(plan.scans.is_empty() && plan.scans.missing.is_empty());
        if scanned || able.iter().any(|id| WRITTEN.contains(id)) {
            continue;
        }
        let kinds: &[find::Kind] = match item {
            AuditItem::KeyCustody => &[find::Kind::Backups],
            AuditItem::Scans | AuditItem::UniqueCredentials | AuditItem::CiSecrets | AuditItem::LogRedaction => &[],
        };
        let here = found.iter().filter(|one| kinds.contains(&one.kind)).count();
        let seen = match here {
            0 => String::new(),
            1 => "; one place was found that belongs to it".to_owned(),
            more => format!("; {more} places were found that belong to it"),
        };
        let why = if able.is_empty() {
            format!("no collector exists for it yet{seen}")
        } else if item == AuditItem::KeyCustody {
            format!("where copies of a key are kept can't be guessed{seen}; the job stands in the file, commented out")
        } else if item == AuditItem::Scans {
            "no lockfile, Dockerfile, Kubernetes manifest, Terraform file or image was found; the jobs stand in the file, commented out".to_owned()
        } else {
            let shown: Vec<String> = able.iter().map(|id| format!("`exhibit collectors show {id}`")).collect();
            format!("its job can't be guessed{seen}; {} tells how to write it", shown.join(", "))
        };
        items.push((item.title().to_owned(), why));
    }
    for one in &plan.scans.missing {
        let mend = match one.obtain.as_slice() {
            [] => String::new(),
            lines => format!("; to mend it: {}, and run `exhibit init --force` again", lines.join(", then ")),
        };
        items.push((one.item.to_owned(), format!("{}{mend}", one.why)));
    }
    items
}

fn refuse_existing(file: &Path) -> anyhow::Result<()> {
    match fs::symlink_metadata(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("looking at {}", file.display())),
        Ok(_) => Err(anyhow::anyhow!("{} is there already; nothing was written", file.display()))
            .hint("--force writes a new one, and keeps the old one beside it"),
    }
}

/// Writes the file whole, or not at all; with `force`, keeps what was there under another name, which is given back.
fn write(file: &Path, text: &str, force: bool) -> anyhow::Result<Option<PathBuf>> {
    let said = || format!("writing {}", file.display());
    let mut random = [0; 6];
    SystemRandom.fill(&mut random);
    let draft = file.with_extension(format!("toml.{}.draft", random.map(|byte| format!("{byte:02x}")).concat()));
    let written = fs::File::create_new(&draft).and_then(|mut created| {
        created.write_all(text.as_bytes())?;
        created.sync_all()
    });
    let placed = written.with_context(said).and_then(|()| {
        if !force {
            // A link fails where something is, so that nobody's file is ever replaced.
            let linked = fs::hard_link(&draft, file);
            if matches!(&linked, Err(error) if error.kind() == ErrorKind::AlreadyExists) {
                refuse_existing(file)?;
            }
            linked.with_context(said)?;
            return Ok(None);
        }
        let kept = keep(file)?;
        fs::rename(&draft, file).with_context(said)?;
        Ok(kept)
    });
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => placed.and(Err(error).with_context(said)),
        _ => placed,
    }
}

/// Gives what is there a second name that is free.
fn keep(file: &Path) -> anyhow::Result<Option<PathBuf>> {
    match fs::symlink_metadata(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Ok(there) if there.is_file() => {}
        _ => anyhow::bail!("{} is there and is no plain file; nothing was written", file.display()),
    }
    for number in 0..1000 {
        let name = if number == 0 { "toml.bak".to_owned() } else { format!("toml.bak.{number}") };
        let kept = file.with_extension(name);
        match fs::hard_link(file, &kept) {
            Ok(()) => return Ok(Some(kept)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| format!("keeping {}", file.display())),
        }
    }
    anyhow::bail!("there are a thousand old configurations beside {}; nothing was written", file.display())
}

fn made(file: &Path, kept: Option<PathBuf>, plan: &Plan, found: &[Found], walk: &Walk, about: About) -> Made {
    let rows = found.iter().map(|one| {
        let what = if one.ignored { format!("{}, ignored by git", one.kind.words()) } else { one.kind.words() };
        Row { used: plan.used.get(&one.path).cloned(), what, path: one.path.clone() }
    });
    let around = plan.repositories.first().filter(|one| one.path == "." || one.path.starts_with("..")).map(|one| Row {
        path: one.path.clone(),
        what: find::Kind::Repository.words(),
        used: Some("ci-secrets, repository-secrets".to_owned()),
    });
    let machine = MACHINE.iter().filter(|(path, _)| Path::new(path).is_dir()).map(|(path, what)| Row {
        path: (*path).to_owned(),
        what: (*what).to_owned(),
        used: None,
    });
    let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for left in &walk.left_out {
        reasons.entry(left.why).or_default().push(left.path.clone());
    }
    let mut jobs = Vec::new();
    if !plan.repositories.is_empty() {
        jobs.push("ci-secrets".to_owned());
        jobs.push("repository-secrets".to_owned());
    }
    if !plan.credentials.is_empty() {
        jobs.push("unique-credentials".to_owned());
    }
    if !plan.logs.is_empty() {
        jobs.push("log-redaction".to_owned());
    }
    let scans = &plan.scans;
    let of_scans = [
        (scans::DEPENDENCIES, scans.locks.is_none()),
        (scans::CODE, scans.code.is_empty()),
        (scans::IMAGES, scans.images.is_empty()),
        (scans::BILLS, scans.bills.is_empty()),
    ];
    jobs.extend(of_scans.into_iter().filter(|(_, empty)| !empty).map(|(id, _)| id.to_owned()));
    if !jobs.is_empty() {
        jobs.push("worm-archive".to_owned());
    }
    Made {
        file: file.display().to_string(),
        kept: kept.map(|path| path.display().to_string()),
        environments: plan
            .environments()
            .into_iter()
            .map(|guess| Environment { id: guess.id, title: guess.title, guessed: true })
            .collect(),
        jobs,
        found: around.into_iter().chain(rows).chain(machine).collect(),
        left_out: reasons
            .into_iter()
            .map(|(why, paths)| LeftOut { why: why.to_owned(), count: paths.len(), paths })
            .collect(),
        not_covered: about.not_covered.into_iter().map(|(item, why)| NotCovered { item, why }).collect(),
        complete: walk.cut.is_none(),
        incomplete_because: walk.cut.map(str::to_owned),
    }
}

fn table(made: &Made) -> Table {
    let mut table = Table::new(["found", "what it is", "looked at by"]);
    // What a job looks at comes first: the rest may not fit.
    let (used, rest): (Vec<&Row>, Vec<&Row>) = made.found.iter().partition(|row| row.used.is_some());
    for row in used.into_iter().chain(rest).take(ROWS) {
        table.row([row.path.as_str(), row.what.as_str(), row.used.as_deref().unwrap_or("nothing")]);
    }
    if made.found.len() > ROWS {
        table.row([
            format!("… {} more", made.found.len() - ROWS),
            "--format json lists them all".to_owned(),
            String::new(),
        ]);
    }
    table
}

fn tell(made: &Made, words: &Words) {
    for left in &made.left_out {
        let more = left.count.saturating_sub(EXAMPLES);
        let named = left.paths.iter().take(EXAMPLES).cloned().collect::<Vec<_>>().join(", ");
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        words.say(format!("Left out: {named}{more}: {}.", left.why));
    }
    if let Some(why) = &made.incomplete_because {
        words.warn(format!("not everything was looked at: {why}. What was not seen is in no job."));
    }
    for left in &made.not_covered {
        words.say(format!("Not covered: {}: {}.", left.item, left.why));
    }
    if !made.environments.is_empty() {
        let ids: Vec<&str> = made.environments.iter().map(|one| one.id.as_str()).collect();
        words.say(format!("Environments are guessed from names: {}.", ids.join(", ")));
    }
    if made.environments.iter().any(|one| one.id == UNTOLD) {
        words.say(format!(
            "What no name tells the environment of is in `{UNTOLD}`: give it its name before the first run."
        ));
    }
    if let Some(kept) = &made.kept {
        words.say(format!("The configuration that was there is kept as {kept}."));
    }
    words.say(if made.jobs.is_empty() {
        format!("Wrote {} with its jobs commented out: nothing was found that a collector could look at.", made.file)
    } else {
        format!(
            "Wrote {} with the jobs {}. Read it through, then: exhibit check, exhibit run.",
            made.file,
            made.jobs.join(", ")
        )
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobodys_file_is_replaced() {
        let place = tempfile::tempdir().expect("a folder");
        let file = place.path().join("exhibit.toml");
        assert_eq!(write(&file, "one", false).expect("written"), None);
        let refused = write(&file, "two", false).expect_err("it is there");
        assert!(refused.to_string().contains("is there already"), "{refused}");
        assert_eq!(fs::read_to_string(&file).expect("text"), "one");
        assert_eq!(write(&file, "two", true).expect("forced"), Some(place.path().join("exhibit.toml.bak")));
        assert_eq!(write(&file, "three", true).expect("forced"), Some(place.path().join("exhibit.toml.bak.1")));
        let kept = ["exhibit.toml", "exhibit.toml.bak", "exhibit.toml.bak.1"]
            .map(|name| fs::read_to_string(place.path().join(name)).expect("text"));
        assert_eq!(kept, ["three", "one", "two"]);
        assert_eq!(fs::read_dir(place.path()).expect("a folder").count(), 3, "no draft is left");
        let link = place.path().join("link.toml");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        assert!(
            write(&link, "x", true).is_err() && write(&link, "x", false).is_err(),
            "nothing is written through a link"
        );
        assert_eq!(fs::read_to_string(&file).expect("text"), "three");
    }
}
