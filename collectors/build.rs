//! Lists the collectors' folders, so that adding one edits no other file: every folder that holds a `collector.toml`
//! becomes a module, a line of the registry, and a digest over its code.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it"));
    println!("cargo::rerun-if-changed={}", here.display());

    let mut folders: Vec<PathBuf> = fs::read_dir(&here)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?
        .into_iter()
        .filter(|path| path.join("collector.toml").is_file())
        .collect();
    folders.sort();

    let mut examples = String::from("static EXAMPLES: &[Example] = &[\n");
    for folder in &folders {
        example(folder, &mut examples)?;
    }
    examples.push_str("];\n");
    fs::write(out.join("examples.rs"), examples)?;

    let mut modules = String::new();
    let mut list = String::from("fn built_in() -> Vec<Entry> {\n    vec![\n");
    for folder in &folders {
        let id = folder.file_name().and_then(|name| name.to_str()).expect("collectors have plain ASCII names");
        modules.push_str(&format!("#[path = {:?}]\npub mod {id};\n", folder.join("mod.rs")));
        list.push_str(&format!(
            "        Entry {{ folder: {id:?}, manifest: include_str!({:?}), readme: include_str!({:?}), code: {:?}, collector: crate::{id}::collector() }},\n",
            folder.join("collector.toml"),
            folder.join("README.md"),
            code_digest(&here, folder)?,
        ));
    }
    list.push_str("    ]\n}\n");
    fs::write(out.join("modules.rs"), modules)?;
    fs::write(out.join("registry.rs"), list)
}

/// The collector's part of the example company, where it has one.
fn example(folder: &Path, list: &mut String) -> io::Result<()> {
    let case = folder.join("cases/example-company");
    if !case.is_dir() {
        return Ok(());
    }
    let input = case.join("input");
    let mut files = Vec::new();
    list_files(&input, &mut files)?;
    files.sort();
    let id = folder.file_name().and_then(|name| name.to_str()).expect("collectors have plain ASCII names");
    list.push_str(&format!(
        "    Example {{ collector: {id:?}, policy: include_str!({:?}), files: &[\n",
        case.join("policy.toml")
    ));
    for file in files {
        let name = file.strip_prefix(&input).expect("it was listed below").display().to_string();
        list.push_str(&format!("        ({name:?}, include_bytes!({file:?})),\n"));
    }
    list.push_str("    ] },\n");
    Ok(())
}

fn list_files(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list_files(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// SHA-256 over every source file that decides what the collector does: its own folder's and the shared ones'.
fn code_digest(here: &Path, folder: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    for root in [folder.to_path_buf(), here.join("src")] {
        list_sources(&root, &mut files)?;
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let name = file.strip_prefix(here).unwrap_or(&file).display().to_string();
        let bytes = fs::read(&file)?;
        hash.update((name.len() as u64).to_be_bytes());
        hash.update(name.as_bytes());
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(&bytes);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn list_sources(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "cases") {
                list_sources(&path, files)?;
            }
        } else if path.extension().is_some_and(|end| end == "rs" || end == "toml") {
            files.push(path);
        }
    }
    Ok(())
}
