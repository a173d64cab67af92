//! Every reader on lockfiles of the shape that the tools write, whole, empty, cut off and wrong. The cases are folders of
//! `cases`: a lockfile, and in `told.txt` what is told of it. Those with a tool's name and version were written by it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/packages/lockfile/cases");
    let mut list: Vec<PathBuf> =
        fs::read_dir(folder).expect("the cases").map(|entry| entry.expect("an entry").path()).collect();
    list.sort();
    list
}

/// The lockfile of a case: its name and its bytes.
fn lockfile(case: &Path) -> (String, Vec<u8>) {
    let file = fs::read_dir(case)
        .expect("a case")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.file_name().is_some_and(|name| name != "told.txt"))
        .expect("a lockfile");
    let name = file.file_name().expect("a name").to_string_lossy().into_owned();
    (name, fs::read(file).expect("readable"))
}

fn told(name: &str, bytes: &[u8]) -> String {
    let format = Format::of(name).unwrap_or_else(|| panic!("{name} is no lockfile"));
    let locked = match format.read(name, bytes) {
        Ok(locked) => locked,
        Err(error) => return format!("error {error}\n"),
    };
    let mut text =
        format!("{}: {} packages, {} without a hash\n", format.title(), locked.packages.len(), locked.unhashed);
    let lines = locked
        .packages
        .iter()
        .map(Package::purl)
        .chain(locked.apart.iter().map(|apart| format!("{} {}", apart.why.code(), apart.name)))
        .chain(locked.unpinned.iter().map(|one| format!("unpinned {} in line {}", one.name, one.line)))
        .chain(locked.refers.iter().map(|file| format!("takes in {file}")))
        .chain(locked.counted.map(|counted| format!("counted: {counted}")));
    for line in lines {
        writeln!(text, "{line}").expect("a text");
    }
    text
}

#[test]
fn every_case_is_told_as_recorded() {
    assert!(cases().len() > 20, "there are cases");
    let record = std::env::var_os("EXHIBIT_RECORD").is_some();
    for case in cases() {
        let (name, bytes) = lockfile(&case);
        let told = told(&name, &bytes);
        let path = case.join("told.txt");
        if record {
            fs::write(&path, &told).expect("written");
        }
        assert_eq!(fs::read_to_string(&path).unwrap_or_default(), told, "{}", case.display());
    }
}

#[test]
fn nothing_and_a_page_of_html_are_no_population() {
    for format in Format::ALL.into_iter().filter(|format| *format != Format::Requirements) {
        for text in
            ["", "\n \n", "<!DOCTYPE html>\n<html><body>502 Bad Gateway</body></html>\n", "\u{0}\u{0}", "[]", "{}"]
        {
            let error = format.read("some.lock", text.as_bytes()).expect_err(format.title());
            assert!(error.to_string().starts_with("some.lock"), "{error}");
        }
        assert!(format.read("some.lock", b"\xff\xfe{").is_err(), "{}", format.title());
    }
}

#[test]
fn a_lockfile_that_was_cut_off_is_told_or_tells_no_package_that_is_not_there() {
    for case in cases() {
        let (name, bytes) = lockfile(&case);
        let format = Format::of(&name).expect("a lockfile");
        let Ok(whole) = format.read(&name, &bytes) else { continue };
        let step = (bytes.len() / 40).max(1);
        for end in (0..bytes.len()).step_by(step) {
            let Ok(cut) = format.read(&name, &bytes[..end]) else { continue };
            // JSON has an end; the others do not, but what is cut within a version is at most one package.
            assert!(
                !name.ends_with(".json") && name != "Pipfile.lock" && name != "composer.lock",
                "{name} cut at {end}"
            );
            let unknown = cut.packages.difference(&whole.packages).count();
            // What go.mod replaces stands behind what it requires.
            assert!(unknown <= if format == Format::GoMod { 2 } else { 1 }, "{name} cut at {end}");
        }
    }
}

#[test]
fn errors_say_where_and_hold_no_value() {
    for (name, text, expected) in [
        ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"a\"\n", "Cargo.lock:3: expected the key `version`"),
        ("Cargo.lock", "version = 9\n", "Cargo.lock: `version`: expected a version from 1 to 4"),
        (
            "package-lock.json",
            "{\"lockfileVersion\": 7, \"packages\": {}}",
            "package-lock.json: `lockfileVersion`: expected 1, 2 or 3",
        ),
        ("package-lock.json", "{\"packages\": {}}", "package-lock.json:1: expected the key `lockfileVersion`"),
        (
            "package-lock.json",
            "{\"lockfileVersion\": 3, \"packages\": {\"node_modules/a\": {}}}",
            "package-lock.json: `node_modules/a`: expected a version",
        ),
        (
            "package-lock.json",
            "{\"lockfileVersion\": 3, \"packages\": {\"node_modules/a\": \"https://user:pass@host/\"}}",
            "package-lock.json:1: expected a mapping",
        ),
        (
            "pnpm-lock.yaml",
            "lockfileVersion: '12.0'\n",
            "pnpm-lock.yaml: `lockfileVersion`: expected a version from 5 to 9",
        ),
        (
            "pnpm-lock.yaml",
            "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a:\n        specifier: ^1.0.0\n        version: 1.0.1(b@2.0.0)\n",
            "pnpm-lock.yaml: `a`: expected the package in `packages`, on which a project depends: was it cut off?",
        ),
        (
            "pnpm-lock.yaml",
            "lockfileVersion: 5.4\nspecifiers:\n  a: ^1.0.0\ndependencies:\n  a: 1.0.1\n",
            "pnpm-lock.yaml: `a`: expected the package in `packages`, on which a project depends: was it cut off?",
        ),
        (
            "pnpm-lock.yaml",
            "lockfileVersion: '9.0'\npackages:\n  a@1.0.1:\n    resolution: {integrity: sha512-x}\n",
            "pnpm-lock.yaml: `snapshots`: expected how the packages depend on one another: was it cut off?",
        ),
        ("yarn.lock", "# yarn lockfile v1\n\na@^1:\n  resolved \"x\"\n", "yarn.lock:3: `a@^1`: expected a version"),
        ("requirements.txt", "a==1\n???\n", "requirements.txt:2: `???`: expected a requirement, such as `name==1.0`"),
        ("go.sum", "golang.org/x/net v1\n", "go.sum:1: expected a path, a version and `h1:` with a hash"),
        (
            "go.mod",
            "module x\ngo 1.16\nrequire a.b/c v1.0.0\n",
            "go.mod: `go`: expected 1.17 or newer: before it, go.mod lists only what is required directly",
        ),
        (
            "Gemfile.lock",
            "GEM\n  specs:\n    rake\n",
            "Gemfile.lock:3: `rake`: expected a name and a version, such as `rake (13.0.6)`",
        ),
        ("composer.lock", "{\"packages\": [{\"name\": \"a/b\"}]}", "composer.lock:1: expected the key `version`"),
        ("poetry.lock", "[[package]]\nname = \"a\"\nversion = \"1\"\n", "poetry.lock:1: expected the key `metadata`"),
        ("Cargo.lock", "version = 4\n", "Cargo.lock: `package`: expected at least the project's own entry"),
        ("uv.lock", "version = 1\n", "uv.lock: `package`: expected at least the project's own entry"),
        (
            "poetry.lock",
            "[metadata]\nlock-version = \"3.0\"\ncontent-hash = \"0\"\n",
            "poetry.lock: `lock-version`: expected a version from 1.0 to 2.x",
        ),
        (
            "Pipfile.lock",
            "{\"_meta\": {\"pipfile-spec\": 7}}",
            "Pipfile.lock: `pipfile-spec`: expected a version up to 6",
        ),
        // Yarn 6 writes JSON.
        (
            "yarn.lock",
            "{\n  \"__metadata\": {\"version\": 9},\n  \"entries\": {}\n}\n",
            "yarn.lock:1: expected ranges and a colon, such as `\"name@^1.0.0\":`",
        ),
        ("yarn.lock", "__metadata:\n  version: 8\n", "yarn.lock: expected at least the project's own entry"),
        (
            "Gemfile.lock",
            "GEM\n  remote: https://rubygems.org/\n  specs:\n    rake (13.0.6)\n",
            "Gemfile.lock: `DEPENDENCIES`: expected what the project depends on: was it cut off?",
        ),
        ("uv.lock", "version = 1\n[[package]]\nname = \"a\"\n", "uv.lock:2: expected the key `source`"),
        (
            "Pipfile.lock",
            "{\"_meta\": {}, \"default\": {\"a\": {}}}",
            "Pipfile.lock: `a`: expected a version, such as `==1.0`",
        ),
        (
            "bom.json",
            "{\"bomFormat\": \"SPDX\", \"specVersion\": \"1.4\"}",
            "bom.json: `bomFormat`: expected CycloneDX",
        ),
        (
            "web.spdx.json",
            "{\"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.5\", \"components\": []}",
            "web.spdx.json: expected a bill of materials in SPDX JSON (2.2, 2.3): it is CycloneDX 1.5",
        ),
        (
            "web.spdx.json",
            "{\"spdxVersion\": \"SPDX-3.0\", \"packages\": []}",
            "web.spdx.json: expected a bill of materials in SPDX JSON (2.2, 2.3): its `spdxVersion` is SPDX-3.0",
        ),
        (
            "web.spdx.json",
            "{\"spdxVersion\": \"SPDX-2.3\", \"packages\": [",
            "web.spdx.json: expected a bill of materials in SPDX JSON (2.2, 2.3): it ends in the middle",
        ),
        (
            "bom.json",
            "{\"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.5\", \"vulnerabilities\": []}",
            "bom.json: `components`: expected the list of them",
        ),
        (
            "Gemfile.lock",
            "SOMETHING NEW\n  specs:\n    rake (13.0.6)\n",
            "Gemfile.lock:1: expected the name of a part that is known, such as `GEM`",
        ),
    ] {
        assert_eq!(told(name, text.as_bytes()), format!("error {expected}\n"), "{name}");
    }
}

#[test]
fn lockfiles_are_known_by_their_names() {
    for (path, format) in [
        ("a/b/Cargo.lock", Some(Format::Cargo)),
        ("npm-shrinkwrap.json", Some(Format::Npm)),
        ("requirements-dev.txt", Some(Format::Requirements)),
        ("deploy/requirements/base.txt", Some(Format::Requirements)),
        ("requirements.in", None),
        ("notes.txt", None),
        ("services/web.cdx.json", Some(Format::CycloneDx)),
        ("services/web.spdx.json", Some(Format::Spdx)),
        ("package.json", None),
    ] {
        assert_eq!(Format::of(path), format, "{path}");
    }
}
