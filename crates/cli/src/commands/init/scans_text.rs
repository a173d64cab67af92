//! The scans' jobs as text: those that a scanner lies ready for, and the others as examples, with what is missing.

use super::{
    plan::Plan,
    scans::{BILLS, Bill, CODE, Code, DEPENDENCIES, IMAGES, Image, Locks, Ready},
    text::{About, Line, head, list, quoted},
};

/// All four jobs.
pub(super) fn scans(plan: &Plan, about: &About, line: &mut Line<'_>) {
    let environment = plan.environment_of_scans().unwrap_or_else(|| "production".to_owned());
    dependencies(plan, about, &environment, line);
    code(plan, about, &environment, line);
    images(plan, about, &environment, line);
    bills(plan, about, &environment, line);
}

/// What stands before each line: nothing, or a comment sign where no scanner lies ready.
fn mark(is_there: bool, needs: &str, line: &mut Line<'_>) -> &'static str {
    if !is_there {
        line(format_args!("# {needs}, so this job is commented out."));
    }
    if is_there { "" } else { "# " }
}

fn dependencies(plan: &Plan, about: &About, environment: &str, line: &mut Line<'_>) {
    line(format_args!(
        "\n# Known vulnerabilities in what lockfiles pin. Exhibit counts the packages itself, and holds against that what the scanner"
    ));
    line(format_args!(
        "# examined. `exhibit collectors show dependency_scan` tells more: of days to mend, what is exploited, VEX, results of your CI."
    ));
    let example = Locks {
        id: "app".to_owned(),
        repository: true,
        exclude: Vec::new(),
        examples: Vec::new(),
        scanners: vec![example("trivy", None, true)],
    };
    let found = plan.scans.locks.as_ref();
    let mark = mark(found.is_some(), "No lockfile was found that a scanner here reads", line);
    head(line, mark, DEPENDENCIES, "dependency_scan", &about.dependencies_schedule, &[environment]);
    let one = found.unwrap_or(&example);
    line(format_args!("\n{mark}[[jobs.source.targets]]"));
    line(format_args!("{mark}id = {}", quoted(&one.id)));
    line(format_args!("{mark}{}", place(one.repository)));
    if !one.exclude.is_empty() {
        line(format_args!(
            "{mark}# No scanner here reads the lockfiles among these; the rest are examples and foreign code."
        ));
        line(format_args!("{mark}exclude = {}", list(&[one.exclude.clone(), below(&one.examples)].concat())));
    } else if !one.examples.is_empty() {
        line(format_args!("{mark}exclude = {} {EXAMPLES}", list(&below(&one.examples))));
    }
    for scanner in &one.scanners {
        line(format_args!("\n{mark}[[jobs.source.targets.scans]]"));
        line(format_args!("{mark}scanner = {}", of(scanner)));
    }
}

const EXAMPLES: &str = "# examples and foreign code, by names: a guess";

/// The folder that the file lies in, or the commit that is checked out there.
fn place(repository: bool) -> &'static str {
    if repository {
        "repository = \".\" # as it is committed: HEAD"
    } else {
        "folder = \".\" # as it lies there, committed or not"
    }
}

/// Patterns of everything below these folders.
fn below(folders: &[String]) -> Vec<String> {
    folders.iter().map(|path| format!("{path}/**")).collect()
}

fn code(plan: &Plan, about: &About, environment: &str, line: &mut Line<'_>) {
    line(format_args!(
        "\n# What hadolint, Checkov, Trivy, Semgrep or any scanner that prints SARIF says of code and configuration. `exhibit"
    ));
    line(format_args!(
        "# collectors show static_analysis` tells more. Compose files are checked by none of these but Semgrep."
    ));
    let example = [Code {
        id: "container-files",
        files: vec!["**/Dockerfile".to_owned()],
        each_file: true,
        scanner: example("hadolint", None, false),
    }];
    let found = &plan.scans.code;
    let needs = "No Dockerfile, Kubernetes manifest or Terraform file was found that a scanner here analyses";
    let mark = mark(!found.is_empty(), needs, line);
    head(line, mark, CODE, "static_analysis", &about.code_schedule, &[environment]);
    for one in if found.is_empty() { &example } else { found.as_slice() } {
        line(format_args!("\n{mark}[[jobs.source.targets]]"));
        line(format_args!("{mark}subject = {}", quoted(one.id)));
        line(format_args!("{mark}path = \".\""));
        line(format_args!("{mark}files = {} # each of them has to be analysed", list(&one.files)));
        if one.each_file {
            line(format_args!("{mark}each_file = true # the scanner gets each by itself"));
        }
        line(format_args!("{mark}scanner = {}", of(&one.scanner)));
    }
}

fn images(plan: &Plan, about: &About, environment: &str, line: &mut Line<'_>) {
    line(format_args!(
        "\n# Known vulnerabilities in container images: of a file as `docker save` writes it, an OCI layout, or in a registry (`pull`). `exhibit collectors"
    ));
    line(format_args!("# show container_scan` tells more."));
    let example =
        [Image { id: "app".to_owned(), path: "app.tar".to_owned(), scanner: example("trivy", Some("image"), true) }];
    let found = &plan.scans.images;
    let mark = mark(!found.is_empty(), "No image was found that a scanner here examines", line);
    head(line, mark, IMAGES, "container_scan", &about.images_schedule, &[environment]);
    for one in if found.is_empty() { &example } else { found.as_slice() } {
        line(format_args!("\n{mark}[[jobs.source.targets]]"));
        line(format_args!("{mark}id = {}", quoted(&one.id)));
        line(format_args!("{mark}image = {}", quoted(&one.path)));
        line(format_args!("\n{mark}[[jobs.source.targets.scans]]"));
        line(format_args!("{mark}scanner = {}", of(&one.scanner)));
    }
}

fn bills(plan: &Plan, about: &About, environment: &str, line: &mut Line<'_>) {
    line(format_args!(
        "\n# Bills of materials: whether there is one of each target, complete by what Exhibit counts itself. `exhibit collectors show"
    ));
    line(format_args!("# sbom` tells more: a target may also name the bill that your own CI made (`bill`)."));
    let example = [Bill {
        id: "app".to_owned(),
        image: None,
        repository: true,
        examples: Vec::new(),
        scanner: example("syft", Some("folder"), false),
    }];
    let found = &plan.scans.bills;
    let mark = mark(!found.is_empty(), "Neither what makes one nor one was found here", line);
    head(line, mark, BILLS, "sbom", &about.bills_schedule, &[environment]);
    for one in if found.is_empty() { &example } else { found.as_slice() } {
        line(format_args!("\n{mark}[[jobs.source.targets]]"));
        line(format_args!("{mark}id = {}", quoted(&one.id)));
        match &one.image {
            Some(image) => line(format_args!("{mark}image = {}", quoted(image))),
            None => line(format_args!("{mark}{}", place(one.repository))),
        }
        if !one.examples.is_empty() {
            line(format_args!("{mark}exclude = {} {EXAMPLES}", list(&below(&one.examples))));
        }
        line(format_args!("{mark}scanner = {}", of(&one.scanner)));
    }
    line(format_args!("\n{mark}[jobs.policy]"));
    line(format_args!(
        "{mark}elements = {} # Syft tells no suppliers, which are NTIA's seventh element",
        list(&["author", "timestamp", "name", "version", "identifier", "relationship"])
    ));
}

fn example(adapter: &'static str, mode: Option<&'static str>, database: bool) -> Ready {
    let database = database.then(|| "/var/cache/trivy".to_owned());
    Ready { adapter, mode, program: String::new(), database }
}

/// A scanner as an inline table.
fn of(scanner: &Ready) -> toml::Value {
    let mut table = toml::Table::new();
    table.insert("adapter".to_owned(), scanner.adapter.into());
    if let Some(mode) = scanner.mode {
        table.insert("mode".to_owned(), mode.into());
    }
    if !scanner.program.is_empty() {
        table.insert("program".to_owned(), scanner.program.as_str().into());
    }
    if let Some(database) = &scanner.database {
        let parameters = toml::Table::from_iter([("database".to_owned(), database.as_str().into())]);
        table.insert("parameters".to_owned(), parameters.into());
    }
    table.into()
}
