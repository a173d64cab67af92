//! The scans' jobs as text: those that a scanner lies ready for, and the others as examples, with what is missing.

use super::{
    plan::Plan,
    scans::{CODE, Code, DEPENDENCIES, IMAGES, Image, Locks, Ready},
    text::{About, Line, head, list, quoted},
};

/// All three jobs.
pub(super) fn scans(plan: &Plan, about: &About, line: &mut Line<'_>) {
    let environment = plan.environment_of_scans().unwrap_or_else(|| "production".to_owned());
    dependencies(plan, about, &environment, line);
    code(plan, about, &environment, line);
    images(plan, about, &environment, line);
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
    let example = [Locks {
        id: "app".to_owned(),
        repository: true,
        path: ".".to_owned(),
        exclude: Vec::new(),
        examples: Vec::new(),
        scanners: vec![example("trivy", None, true)],
    }];
    let found = &plan.scans.locks;
    let mark = mark(!found.is_empty(), "No lockfile was found that a scanner here reads", line);
    head(line, mark, DEPENDENCIES, "dependency_scan", &about.dependencies_schedule, &[environment]);
    for one in if found.is_empty() { &example } else { found.as_slice() } {
        line(format_args!("\n{mark}[[jobs.source.targets]]"));
        line(format_args!("{mark}id = {}", quoted(&one.id)));
        if one.repository {
            line(format_args!("{mark}repository = {} # as it is committed: HEAD", quoted(&one.path)));
        } else {
            line(format_args!("{mark}folder = {} # as it lies there, committed or not", quoted(&one.path)));
        }
        let patterns: Vec<String> = one.examples.iter().map(|path| format!("{path}/**")).collect();
        match (one.exclude.is_empty(), patterns.is_empty()) {
            (true, true) => {}
            (true, false) => {
                line(format_args!(
                    "{mark}exclude = {} # examples and foreign code, by names: a guess",
                    list(&patterns)
                ));
            }
            (false, _) => {
                line(format_args!("{mark}# The scanner does not read the lockfiles among these; another target may."));
                line(format_args!("{mark}exclude = {}", list(&[one.exclude.clone(), patterns].concat())));
            }
        }
        for scanner in &one.scanners {
            line(format_args!("\n{mark}[[jobs.source.targets.scans]]"));
            line(format_args!("{mark}scanner = {}", of(scanner)));
        }
    }
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
        "\n# Known vulnerabilities in container images: of a file as `docker save` writes it, or an OCI layout. `exhibit collectors"
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
