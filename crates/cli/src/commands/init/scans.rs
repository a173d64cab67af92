//! Scans: which scanner that lies ready here looks at which lockfiles, recipes and images, and what is missing where none
//! does. A scanner is ready if its program is here, and its database where it needs one.

use std::collections::BTreeSet;

use exhibit_collectors::{packages::Format, scanners};

use super::{
    find::{Found, Kind},
    guess::slug,
    plan::{name, paths_of, unused},
};

/// What the machine has.
pub(super) struct Machine<'a> {
    /// Where a program lies; an empty text where Exhibit finds it by its name.
    pub(super) program: &'a dyn Fn(&str) -> Option<String>,
    /// The first of these folders, below the home folder, that holds the file or folder named second.
    pub(super) database: &'a dyn Fn(&[&str], &str) -> Option<String>,
    /// Whether the commit that is checked out holds this file.
    pub(super) committed: &'a dyn Fn(&str) -> bool,
    /// Whether this `yarn.lock` is of yarn 2 or later, which audits otherwise than yarn 1 does.
    pub(super) later_yarn: &'a dyn Fn(&str) -> bool,
    /// Which of these folders, which the walk did not enter, hold lockfiles.
    pub(super) examples: &'a [String],
}

/// A scanner of general use: how it is asked, and how one gets it.
struct Tool {
    adapter: &'static str,
    /// The lockfiles that it reads; none named: all that are read here.
    takes: &'static [Format],
    database: Option<Database>,
    /// How one gets it.
    obtain: &'static str,
}

impl Tool {
    /// Whether it is made for this one lockfile.
    fn reads(&self, path: &str, format: Format, machine: &Machine<'_>) -> bool {
        let other_yarn = || (self.adapter == LATER_YARN) != (machine.later_yarn)(path);
        self.takes.contains(&format) && !(format == Format::Yarn && other_yarn())
    }
}

struct Database {
    /// Where it usually lies, below the home folder.
    folders: &'static [&'static str],
    /// What lies in it.
    sign: &'static str,
    /// How one gets it.
    obtain: &'static str,
}

const TRIVY: Tool = Tool {
    adapter: "trivy",
    takes: &[],
    database: Some(Database {
        folders: &[".cache/trivy"],
        sign: "db/metadata.json",
        obtain: "trivy image --download-db-only",
    }),
    obtain: "install Trivy",
};
const OSV: Tool = Tool { adapter: "osv-scanner", takes: &[], database: None, obtain: "install OSV-Scanner" };
const GRYPE: Tool = Tool {
    adapter: "grype",
    takes: &[],
    database: Some(Database { folders: &[".cache/grype/db"], sign: "6", obtain: "grype db update" }),
    obtain: "install Grype",
};

/// What asks yarn 2 and later; yarn 1 knows no such command, and they not that of yarn 1.
const LATER_YARN: &str = "yarn-npm-audit";

/// Scanners of lockfiles, those that read most of them first.
const OF_LOCKFILES: [Tool; 10] = [
    TRIVY,
    OSV,
    GRYPE,
    Tool {
        adapter: "cargo-audit",
        takes: &[Format::Cargo],
        database: Some(Database {
            folders: &[".cargo/advisory-db"],
            sign: ".git",
            obtain: "git clone https://github.com/RustSec/advisory-db ~/.cargo/advisory-db",
        }),
        obtain: "cargo install --locked cargo-audit",
    },
    Tool { adapter: "pip-audit", takes: &[Format::Requirements], database: None, obtain: "pipx install pip-audit" },
    Tool { adapter: "npm-audit", takes: &[Format::Npm], database: None, obtain: "install npm" },
    Tool { adapter: "pnpm-audit", takes: &[Format::Pnpm], database: None, obtain: "npm install -g pnpm" },
    Tool { adapter: "yarn-audit", takes: &[Format::Yarn], database: None, obtain: "npm install -g yarn" },
    Tool { adapter: LATER_YARN, takes: &[Format::Yarn], database: None, obtain: "corepack enable" },
    Tool {
        adapter: "bundler-audit",
        takes: &[Format::Bundler],
        database: Some(Database {
            folders: &[".local/share/ruby-advisory-db"],
            sign: ".git",
            obtain: "git clone https://github.com/rubysec/ruby-advisory-db ~/.local/share/ruby-advisory-db",
        }),
        obtain: "gem install bundler-audit",
    },
];

/// A scanner that lies ready: what stands in a job's `scanner`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ready {
    pub(super) adapter: &'static str,
    pub(super) mode: Option<&'static str>,
    /// Empty where it is found by its name.
    pub(super) program: String,
    pub(super) database: Option<String>,
}

/// The target of the job `dependencies`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Locks {
    pub(super) id: String,
    /// Whether the commit that is checked out counts, and not what lies in the folder.
    pub(super) repository: bool,
    /// What no scanner here reads.
    pub(super) exclude: Vec<String>,
    /// Folders of examples, which are left out by a guess.
    pub(super) examples: Vec<String>,
    pub(super) scanners: Vec<Ready>,
}

/// A target of the job `static-analysis`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) id: &'static str,
    pub(super) files: Vec<String>,
    pub(super) each_file: bool,
    pub(super) scanner: Ready,
}

/// A target of the job `images`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Image {
    pub(super) id: String,
    pub(super) path: String,
    pub(super) scanner: Ready,
}

/// A target of the job `bills`: the folder or commit, or an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bill {
    pub(super) id: String,
    /// The image; none for the folder.
    pub(super) image: Option<String>,
    /// Whether the commit that is checked out counts, and not what lies in the folder.
    pub(super) repository: bool,
    pub(super) examples: Vec<String>,
    pub(super) scanner: Ready,
}

/// What was found, and is looked at by nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Missing {
    /// What it is about.
    pub(super) item: &'static str,
    pub(super) why: String,
    /// Lines that mend it, for a shell or in words.
    pub(super) obtain: Vec<&'static str>,
}

/// Everything that is planned about scans.
#[derive(Debug, Default)]
pub(super) struct Scans {
    pub(super) locks: Option<Locks>,
    pub(super) code: Vec<Code>,
    pub(super) images: Vec<Image>,
    pub(super) bills: Vec<Bill>,
    pub(super) missing: Vec<Missing>,
    /// Which job looks at what.
    pub(super) used: Vec<(String, &'static str)>,
}

pub(super) const DEPENDENCIES: &str = "dependencies";
pub(super) const CODE: &str = "static-analysis";
pub(super) const IMAGES: &str = "images";
pub(super) const BILLS: &str = "bills";

impl Scans {
    pub(super) fn is_empty(&self) -> bool {
        self.locks.is_none() && self.code.is_empty() && self.images.is_empty() && self.bills.is_empty()
    }
}

/// Plans them; `title` is what the folder is called.
pub(super) fn scans(found: &[Found], title: &str, machine: &Machine<'_>) -> Scans {
    let mut scans = Scans::default();
    lockfiles(&mut scans, found, title, machine);
    code(&mut scans, found, machine);
    images(&mut scans, found, machine);
    bills(&mut scans, found, title, machine);
    scans
}

/// The scanner, if program and database are here; else what is missing.
fn ready(tool: &Tool, machine: &Machine<'_>) -> Result<Ready, Vec<&'static str>> {
    let adapter = scanners::built_in().iter().find(|adapter| adapter.id == tool.adapter);
    let program = adapter.and_then(|adapter| (machine.program)(&adapter.program));
    let database = tool.database.as_ref().map(|one| ((machine.database)(one.folders, one.sign), one.obtain));
    match (program, database) {
        (Some(program), None) => Ok(Ready { adapter: tool.adapter, mode: None, program, database: None }),
        (Some(program), Some((Some(database), _))) => {
            Ok(Ready { adapter: tool.adapter, mode: None, program, database: Some(database) })
        }
        (Some(_), Some((None, obtain))) => Err(vec![obtain]),
        (None, Some((None, obtain))) => Err(vec![tool.obtain, obtain]),
        (None, _) => Err(vec![tool.obtain]),
    }
}

fn lockfiles(scans: &mut Scans, found: &[Found], title: &str, machine: &Machine<'_>) {
    let read: Vec<(&str, Format)> =
        paths_of(found, Kind::Lockfile).filter_map(|path| Some((path, Format::of(path)?))).collect();
    let general = OF_LOCKFILES.iter().filter(|tool| tool.takes.is_empty()).find_map(|tool| ready(tool, machine).ok());
    let (mut looked_at, mut nobody) = (Vec::new(), Vec::new());
    let mut scanners: Vec<Ready> = general.iter().cloned().collect();
    for (path, format) in &read {
        let own = OF_LOCKFILES.iter().find(|tool| tool.reads(path, *format, machine)).map(|tool| ready(tool, machine));
        match (&general, own) {
            (Some(_), _) => looked_at.push(*path),
            (None, Some(Ok(scanner))) => {
                looked_at.push(*path);
                if !scanners.contains(&scanner) {
                    scanners.push(scanner);
                }
            }
            (None, _) => nobody.push((*path, *format)),
        }
    }
    if !looked_at.is_empty() {
        scans.locks = Some(Locks {
            id: id_of(title),
            repository: looked_at.iter().all(|path| (machine.committed)(path)),
            exclude: nobody.iter().map(|(path, _)| (*path).to_owned()).collect(),
            examples: machine.examples.to_vec(),
            scanners,
        });
    }
    scans.used.extend(looked_at.iter().map(|path| ((*path).to_owned(), DEPENDENCIES)));
    if let Some((first, _)) = nobody.first() {
        // What reads all of them, or what reads one.
        let all = |tool: &&Tool| nobody.iter().all(|(path, format)| tool.reads(path, *format, machine));
        let one = OF_LOCKFILES.iter().find(all);
        let obtain = ready(one.unwrap_or(&TRIVY), machine).err().unwrap_or_default();
        scans.missing.push(Missing {
            item: "Known vulnerabilities in dependencies",
            why: format!("no scanner was found that reads {}", named(first, nobody.len())),
            obtain,
        });
    }
    let strange: Vec<&str> = paths_of(found, Kind::Lockfile).filter(|path| Format::of(path).is_none()).collect();
    if let Some(first) = strange.first() {
        let why = format!("no reader of lockfiles understands {}", named(first, strange.len()));
        scans.missing.push(Missing { item: "Known vulnerabilities in dependencies", why, obtain: Vec::new() });
    }
}

/// An id like a title.
fn id_of(title: &str) -> String {
    unused(&mut BTreeSet::new(), &slug(title), "app")
}

/// The first by its name, and how many more there are.
fn named(first: &str, count: usize) -> String {
    match count {
        1 => first.to_owned(),
        more => format!("{first} and {} more", more - 1),
    }
}

const HADOLINT: Tool = Tool { adapter: "hadolint", takes: &[], database: None, obtain: "install hadolint" };
const CHECKOV: Tool = Tool { adapter: "checkov", takes: &[], database: None, obtain: "pipx install checkov" };

fn code(scans: &mut Scans, found: &[Found], machine: &Machine<'_>) {
    let recipes: Vec<&str> = paths_of(found, Kind::ContainerFile).collect();
    let manifests = paths_of(found, Kind::Kubernetes).chain(paths_of(found, Kind::OtherManifest));
    let terraform: Vec<&str> = paths_of(found, Kind::Terraform).collect();
    let infrastructure: Vec<&str> = manifests.chain(terraform.iter().copied()).collect();
    let config = || {
        let trivy = ready(&TRIVY, machine).ok().map(|one| Ready { mode: Some("config"), ..one });
        ready(&CHECKOV, machine).ok().or(trivy)
    };
    // By their names' forms, so that a new one counts too; manifests have no names of their own.
    let forms = || {
        let form = |path: &&str| {
            let own = name(path);
            match own.split_once('.') {
                Some((stem, _)) => format!("**/{stem}.*"),
                None => format!("**/{own}"),
            }
        };
        recipes.iter().map(form).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    let mut plan = |id, found: &[&str], files: Vec<String>, scanner: Option<Ready>, item, obtain| {
        let Some(first) = found.first() else { return };
        match scanner {
            Some(scanner) => {
                scans.used.extend(found.iter().map(|path| ((*path).to_owned(), CODE)));
                scans.code.push(Code { id, files, each_file: scanner.adapter != TRIVY.adapter, scanner });
            }
            None => scans.missing.push(Missing {
                item,
                why: format!("no scanner was found that analyses {}", named(first, found.len())),
                obtain: vec![obtain],
            }),
        }
    };
    plan(
        "container-files",
        &recipes,
        forms(),
        ready(&HADOLINT, machine).ok().or_else(config),
        "Faults in what container images are built from",
        HADOLINT.obtain,
    );
    let files = paths_of(found, Kind::Kubernetes).chain(paths_of(found, Kind::OtherManifest)).map(str::to_owned);
    let files = files.chain((!terraform.is_empty()).then(|| "**/*.tf".to_owned())).collect();
    plan("infrastructure", &infrastructure, files, config(), "Faults in infrastructure as code", CHECKOV.obtain);
}

fn images(scans: &mut Scans, found: &[Found], machine: &Machine<'_>) {
    let archives: Vec<&str> = paths_of(found, Kind::Image).collect();
    let Some(first) = archives.first() else { return };
    let Some(scanner) = [TRIVY, OSV, GRYPE].iter().find_map(|tool| ready(tool, machine).ok()) else {
        scans.missing.push(Missing {
            item: "Known vulnerabilities in container images",
            why: format!("no scanner was found that examines {}", named(first, archives.len())),
            obtain: ready(&TRIVY, machine).err().unwrap_or_default(),
        });
        return;
    };
    let mut ids = BTreeSet::new();
    for path in archives {
        let title = path.strip_suffix(".tar").unwrap_or(path);
        let id = unused(&mut ids, &slug(title), "image");
        scans.images.push(Image { id, path: path.to_owned(), scanner: scanner.clone() });
        scans.used.push((path.to_owned(), IMAGES));
    }
}

const SYFT: Tool = Tool { adapter: "syft", takes: &[], database: None, obtain: "install Syft" };

fn bills(scans: &mut Scans, found: &[Found], title: &str, machine: &Machine<'_>) {
    let locks: Vec<&str> = paths_of(found, Kind::Lockfile).filter(|path| Format::of(path).is_some()).collect();
    let images: Vec<&Found> = found.iter().filter(|one| one.kind == Kind::Image).collect();
    let first = locks.first().copied().or_else(|| images.first().map(|one| one.path.as_str()));
    let (Some(first), count) = (first, locks.len() + images.len()) else { return };
    let scanner = match ready(&SYFT, machine) {
        Ok(scanner) => scanner,
        Err(obtain) => {
            let why = format!("nothing was found that makes one of {}", named(first, count));
            return scans.missing.push(Missing { item: "Bills of materials", why, obtain });
        }
    };
    let mut ids = BTreeSet::new();
    if !locks.is_empty() {
        scans.bills.push(Bill {
            id: unused(&mut ids, &slug(title), "app"),
            image: None,
            repository: locks.iter().all(|path| (machine.committed)(path)),
            examples: machine.examples.to_vec(),
            scanner: Ready { mode: Some("folder"), ..scanner.clone() },
        });
    }
    for one in images {
        let path = &one.path;
        let mode = if path.ends_with(".tar") { "docker-archive" } else { "oci-dir" };
        scans.bills.push(Bill {
            id: unused(&mut ids, &slug(path.strip_suffix(".tar").unwrap_or(path)), "image"),
            image: Some(path.clone()),
            repository: false,
            examples: Vec::new(),
            scanner: Ready { mode: Some(mode), ..scanner.clone() },
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: [(&str, Kind); 9] = [
        ("Cargo.lock", Kind::Lockfile),
        ("api/requirements.txt", Kind::Lockfile),
        ("web/package-lock.json", Kind::Lockfile),
        ("web/bun.lock", Kind::Lockfile),
        ("Dockerfile", Kind::ContainerFile),
        ("deploy/Dockerfile.web", Kind::ContainerFile),
        ("k8s/app.yaml", Kind::Kubernetes),
        ("main.tf", Kind::Terraform),
        ("out/shop.tar", Kind::Image),
    ];

    /// What is planned where these programs and databases are, in a line for each target and each gap.
    fn planned(programs: &[&str], databases: &[&str], committed: bool) -> Vec<String> {
        let found: Vec<Found> =
            PLACES.iter().map(|(path, kind)| Found { path: (*path).to_owned(), kind: *kind, ignored: false }).collect();
        let machine = Machine {
            program: &|name| programs.contains(&name).then(String::new),
            database: &|folders, _| folders.iter().find(|one| databases.contains(one)).map(|one| format!("~/{one}")),
            committed: &|_| committed,
            later_yarn: &|_| false,
            examples: &["web/tests".to_owned()],
        };
        let scans = scans(&found, "Shop", &machine);
        let by =
            |one: &Ready| format!("{}{}", one.adapter, one.mode.map(|mode| format!(" {mode}")).unwrap_or_default());
        let locks = scans.locks.iter().map(|one| {
            let scanners: Vec<String> = one.scanners.iter().map(by).collect();
            let kind = if one.repository { "repository" } else { "folder" };
            let without = [one.exclude.clone(), one.examples.clone()].concat().join(",");
            format!("{}: {kind} without {without} by {}", one.id, scanners.join("+"))
        });
        let code = scans.code.iter().map(|one| format!("{}: {} by {}", one.id, one.files.join(","), by(&one.scanner)));
        let images = scans.images.iter().map(|one| format!("{}: {} by {}", one.id, one.path, by(&one.scanner)));
        let missing = scans.missing.iter().map(|one| format!("missing: {}; {}", one.why, one.obtain.join("; ")));
        let bills = scans.bills.iter().map(|one| format!("{}: bill by {}", one.id, by(&one.scanner)));
        locks.chain(code).chain(images).chain(bills).chain(missing).collect()
    }

    #[test]
    fn one_scanner_that_reads_everything_is_enough() {
        let expected = [
            "shop: repository without web/tests by trivy",
            "container-files: **/Dockerfile,**/Dockerfile.* by trivy config",
            "infrastructure: k8s/app.yaml,**/*.tf by trivy config",
            "out-shop: out/shop.tar by trivy",
            "shop: bill by syft folder",
            "out-shop: bill by syft docker-archive",
            "missing: no reader of lockfiles understands web/bun.lock; ",
        ];
        assert_eq!(planned(&["trivy", "syft"], &[".cache/trivy"], true), expected);
    }

    #[test]
    fn scanners_of_one_language_share_the_lockfiles_and_what_nobody_reads_is_said() {
        let expected = [
            "shop: folder without Cargo.lock,web/tests by pip-audit+npm-audit",
            "container-files: **/Dockerfile,**/Dockerfile.* by hadolint",
            "infrastructure: k8s/app.yaml,**/*.tf by checkov",
            "missing: no scanner was found that reads Cargo.lock; \
             git clone https://github.com/RustSec/advisory-db ~/.cargo/advisory-db",
            "missing: no reader of lockfiles understands web/bun.lock; ",
            "missing: no scanner was found that examines out/shop.tar; install Trivy; trivy image --download-db-only",
            "missing: nothing was found that makes one of Cargo.lock and 3 more; install Syft",
        ];
        let programs = ["pip-audit", "npm", "cargo-audit", "hadolint", "checkov"];
        assert_eq!(planned(&programs, &[], false), expected);
    }

    #[test]
    fn each_yarn_is_asked_in_its_own_way() {
        let found: Vec<Found> = ["old/yarn.lock", "new/yarn.lock"]
            .map(|path| Found { path: path.to_owned(), kind: Kind::Lockfile, ignored: false })
            .into();
        let planned = |found: &[Found], yarn: bool| {
            let machine = Machine {
                program: &|name| (yarn && name == "yarn").then(String::new),
                database: &|_, _| None,
                committed: &|_| false,
                later_yarn: &|path| path.starts_with("new"),
                examples: &[],
            };
            let scans = scans(found, "Shop", &machine);
            let by: Vec<_> = scans.locks.iter().flat_map(|one| &one.scanners).map(|one| one.adapter).collect();
            (by, scans.missing.first().map(|one| one.obtain.clone()).unwrap_or_default())
        };
        assert_eq!(planned(&found[..1], true).0, ["yarn-audit"]);
        assert_eq!(planned(&found[1..], true).0, ["yarn-npm-audit"]);
        assert_eq!(planned(&found[..1], false).1, ["npm install -g yarn"]);
        assert_eq!(planned(&found[1..], false).1, ["corepack enable"]);
    }

    #[test]
    fn where_no_scanner_is_there_is_no_job_and_every_gap_is_named() {
        let expected = [
            "missing: no scanner was found that reads Cargo.lock and 2 more; install Trivy; trivy image --download-db-only",
            "missing: no reader of lockfiles understands web/bun.lock; ",
            "missing: no scanner was found that analyses Dockerfile and 1 more; install hadolint",
            "missing: no scanner was found that analyses k8s/app.yaml and 1 more; pipx install checkov",
            "missing: no scanner was found that examines out/shop.tar; install Trivy; trivy image --download-db-only",
            "missing: nothing was found that makes one of Cargo.lock and 3 more; install Syft",
        ];
        assert_eq!(planned(&[], &[], false), expected);
        // A program without its database scans nothing.
        assert_eq!(
            planned(&["trivy", "grype"], &[], false)[0],
            "missing: no scanner was found that reads Cargo.lock and 2 more; trivy image --download-db-only"
        );
    }
}
