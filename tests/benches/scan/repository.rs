//! A repository as people make them: source files that change a few lines at a time, packed by git itself; and, in some
//! commits, a made-up secret that the next commit takes out again.

use std::{
    fs,
    io::{BufWriter, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use super::corpus::{Chance, planted};

/// Files of the repository.
const FILES: u64 = 120;
/// Files that a commit changes.
const CHANGED: u64 = 5;

/// How a repository is made up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measures {
    pub(crate) commits: usize,
    /// About how many bytes all distinct blobs have.
    pub(crate) bytes: usize,
    /// How many secrets came in and went out again.
    pub(crate) leaks: usize,
}

/// Makes it, bare, in `folder`.
pub(crate) fn write(folder: &Path, measures: Measures) {
    fs::create_dir_all(folder).expect("a folder");
    git(folder, &["init", "--bare", "--quiet", "--initial-branch=main", "."]);
    let mut import = Command::new("git")
        .args(["fast-import", "--quiet", "--force"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .spawn()
        .expect("git runs");
    let mut out = BufWriter::new(import.stdin.take().expect("a pipe"));
    let mut chance = Chance::new(0x2545_f491_4f6c_dd1d);
    let size = measures.bytes / (measures.commits * CHANGED as usize);
    let mut files: Vec<Vec<String>> = (0..FILES).map(|_| source(&mut chance, size)).collect();
    let leaks = planted(measures.leaks);
    let between = measures.commits / (leaks.len() + 1);
    let mut leaked = None;
    for number in 0..measures.commits {
        let mut changed: Vec<usize> = (0..CHANGED).map(|_| chance.below(FILES) as usize).collect();
        if let Some((file, line)) = leaked.take() {
            let lines: &mut Vec<String> = &mut files[file];
            lines.remove(line);
            changed.push(file);
        }
        for file in &changed {
            edit(&mut chance, &mut files[*file]);
        }
        if number % between == between - 1
            && let Some(leak) = leaks.get(number / between)
        {
            let (file, line) = (changed[0], files[changed[0]].len() / 2);
            files[file].insert(line, format!("// unexpected reply: {leak}\n"));
            leaked = Some((file, line));
        }
        changed.sort_unstable();
        changed.dedup();
        commit(&mut out, number, &changed, &files).expect("git reads");
    }
    out.write_all(b"done\n").expect("git reads");
    drop(out.into_inner().expect("git reads"));
    assert!(import.wait().expect("it was started").success(), "git takes what was made");
    // As a server packs what it sends, and `git gc` what lies here.
    git(folder, &["repack", "-a", "-d", "-f", "--quiet", "--depth=50", "--window=10"]);
}

fn commit(
    out: &mut impl std::io::Write,
    number: usize,
    changed: &[usize],
    files: &[Vec<String>],
) -> std::io::Result<()> {
    let time = 1_600_000_000 + 3_600 * number;
    write!(out, "commit refs/heads/main\ncommitter Measure <measure@example.org> {time} +0000\n")?;
    write!(out, "data 6\nA step\n")?;
    let all: Vec<usize> = if number == 0 { (0..files.len()).collect() } else { changed.to_vec() };
    for file in all {
        let text = files[file].concat();
        write!(out, "M 100644 inline src/part{:02}/file{:02}.rs\ndata {}\n{text}\n", file / 12, file % 12, text.len())?;
    }
    writeln!(out)
}

/// Up to four places in which lines are replaced, added or taken out.
fn edit(chance: &mut Chance, lines: &mut Vec<String>) {
    for _ in 0..=chance.below(4) {
        let at = chance.below(lines.len() as u64) as usize;
        match chance.below(5) {
            0 if lines.len() > 10 => {
                lines.remove(at);
            }
            1 => lines.insert(at, line(chance)),
            _ => lines[at] = line(chance),
        }
    }
}

fn source(chance: &mut Chance, size: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut length = 0;
    while length < size {
        let line = line(chance);
        length += line.len();
        lines.push(line);
    }
    lines
}

const WORDS: [&str; 24] = [
    "order", "customer", "invoice", "config", "index", "buffer", "result", "value", "state", "token", "key", "name",
    "request", "response", "client", "server", "session", "user", "cache", "queue", "event", "path", "error", "count",
];
const TYPES: [&str; 6] = ["String", "usize", "Option<u64>", "Vec<u8>", "bool", "Duration"];

/// A line of a program.
fn line(chance: &mut Chance) -> String {
    let (one, other, number) = (chance.of(&WORDS), chance.of(&WORDS), chance.below(1000));
    let kind = chance.of(&TYPES);
    match chance.below(12) {
        0 => format!("    pub fn {one}_{other}(&self, {other}: &{kind}) -> Result<{kind}, Error> {{\n"),
        1 | 2 => format!("        let {one} = self.{other}.get({number}).cloned().unwrap_or_default();\n"),
        3 => format!("        if {one}.len() > {number} || {other}.is_empty() {{\n"),
        4 => format!("            return Err(Error::new(\"the {one} of the {other} is missing\"));\n"),
        5 => "        }\n".to_owned(),
        6 => "    }\n\n".to_owned(),
        7 => format!("    /// The {one} of each {other}, at most {number}; empty if there is none.\n"),
        8 => format!("        {one}.push({other}.iter().map(|{other}| {other}.{one}()).sum::<u64>() * {number});\n"),
        9 => format!("        tracing::debug!({one} = %{other}.{one}, \"{other} finished after {number} ms\");\n"),
        10 => format!("use crate::{one}::{{{other}, {}}};\n", chance.of(&WORDS)),
        _ => format!("        assert_eq!({one}.{other}(\"{other}-{number}\"), Some({number}), \"{one}\");\n"),
    }
}

fn git(folder: &Path, arguments: &[&str]) {
    let done = Command::new("git").args(arguments).current_dir(folder).status().expect("git runs");
    assert!(done.success(), "git {arguments:?}");
}
