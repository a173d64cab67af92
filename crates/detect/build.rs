//! Lists `rules/*.toml` and embeds them, so that adding a rule file edits no other file; and digests what code decides, so that
//! evidence says by which families it looked.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use sha2::{Digest as _, Sha256};

/// Sources and data that decide what is found beside the rules' patterns: families, decoders, checks.
const DECIDING: &[&str] = &[
    "data/families.toml",
    "data/passwords.txt",
    "src/alphabet.rs",
    "src/check.rs",
    "src/checksum.rs",
    "src/encoded.rs",
    "src/entropy.rs",
    "src/forms.rs",
    "src/generic",
    "src/known.rs",
    "src/passwords.rs",
    "src/personal",
    "src/placeholder.rs",
    "src/sensitive.rs",
    "src/structure.rs",
];

fn main() -> io::Result<()> {
    let root = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    let folder = Path::new(&root).join("rules");
    println!("cargo::rerun-if-changed={}", folder.display());

    let mut files: Vec<_> = fs::read_dir(&folder)?.map(|entry| entry.map(|e| e.path())).collect::<io::Result<_>>()?;
    files.retain(|path| path.extension().is_some_and(|e| e == "toml"));
    files.sort();

    let mut list = String::from("&[\n");
    for path in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let _ = writeln!(list, "    ({:?}, include_str!({:?})),", name, path);
    }
    list.push(']');
    fs::write(Path::new(&out).join("rule_files.rs"), list)?;
    fs::write(Path::new(&out).join("families_digest"), families_digest(Path::new(&root))?)
}

/// SHA-256, in hexadecimal, over [`DECIDING`] without remarks and tests, which decide nothing.
fn families_digest(root: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    for place in DECIDING {
        println!("cargo::rerun-if-changed={}", root.join(place).display());
        list_files(&root.join(place), &mut files)?;
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        let text = fs::read_to_string(&file)?;
        let code = if name.ends_with(".rs") { text.split("\n#[cfg(test)]\nmod tests {").next() } else { Some(&*text) };
        let code: String = code
            .unwrap_or_default()
            .lines()
            .filter(|line| decides(line))
            .fold(String::new(), |all, line| all + line + "\n");
        hash.update((name.len() as u64).to_be_bytes());
        hash.update(&name);
        hash.update((code.len() as u64).to_be_bytes());
        hash.update(&code);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn decides(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && !line.starts_with("//")
}

fn list_files(place: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !place.is_dir() {
        files.push(place.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(place)? {
        list_files(&entry?.path(), files)?;
    }
    Ok(())
}
