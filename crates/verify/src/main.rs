//! `exhibit-verify`: checks a bundle, or everything in an archive, offline.

use std::env::args_os;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use exhibit_ledger::bundle::Trust;
use exhibit_verify::{Failure, Outcome, read_checkpoint, read_keys, read_rotations, verify};

const HELP: &str = "\
Checks a report's bundle, or everything in an archive, offline, trusting nothing in it but the keys that you name

Usage: exhibit-verify [OPTIONS] --key <KEY|FILE> <BUNDLE|FOLDER>

Arguments:
  <BUNDLE|FOLDER>      A bundle (a tar file), or a folder laid out as the archive's keys: reports/, segments/, ...

Options:
      --key <KEY|FILE>     The log's public key, or a file that holds one a line, from outside the bundle; repeatable
      --checkpoint <FILE>  A checkpoint that you hold from before, to which the entries must lead; repeatable
      --rotations <FILE>   Rotations of the signing key that the bundle does not hold; each proves itself
      --format <FORMAT>    How the outcome is printed: table or json [default: table]
  -h, --help               Print help
  -V, --version            Print version

Example:
  exhibit-verify --key log.pub 2026-Q4.bundle.tar
  exhibit-verify --key log.pub --checkpoint noted-in-july.note archive/

A report is not rendered again: `exhibit verify --re-render` does that. Nor is an archive asked how long it keeps what is
in it: what was not looked at is said, line by line, beside what was proven.

Exits 0 if nothing differs, 1 with each difference named, 2 if it could not look.
";

/// What is asked for on the command line.
#[derive(Default)]
struct Arguments {
    path: Option<PathBuf>,
    keys: Vec<String>,
    checkpoints: Vec<PathBuf>,
    rotations: Vec<PathBuf>,
    json: bool,
}

/// A text to print and nothing else to do, or what to do.
enum Asked {
    Print(String),
    Verify(Arguments),
}

fn main() -> ExitCode {
    let asked = match read(args_os().skip(1)) {
        Ok(asked) => asked,
        Err(why) => return cannot_look(&format!("{why}\nTry 'exhibit-verify --help'.")),
    };
    match asked {
        Asked::Print(text) => printed(&text, ExitCode::SUCCESS),
        Asked::Verify(arguments) => match look(&arguments) {
            Ok(outcome) => {
                let code = if outcome.verified { ExitCode::SUCCESS } else { ExitCode::from(1) };
                printed(&if arguments.json { json(&outcome) } else { table(&outcome) }, code)
            }
            Err(failure) => cannot_look(&failure.to_string()),
        },
    }
}

fn read(mut words: impl Iterator<Item = OsString>) -> Result<Asked, String> {
    let mut arguments = Arguments::default();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy().into_owned();
        let (option, attached) = match text.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option.to_owned(), Some(OsString::from(value))),
            _ => (text.clone(), None),
        };
        let mut value = || attached.clone().or_else(|| words.next()).ok_or_else(|| format!("{option} needs a value"));
        match option.as_str() {
            "-h" | "--help" => return Ok(Asked::Print(HELP.to_owned())),
            "-V" | "--version" => {
                return Ok(Asked::Print(concat!("exhibit-verify ", env!("CARGO_PKG_VERSION"), "\n").to_owned()));
            }
            "--key" => arguments.keys.push(value()?.to_string_lossy().into_owned()),
            "--checkpoint" => arguments.checkpoints.push(value()?.into()),
            "--rotations" => arguments.rotations.push(value()?.into()),
            "--format" => match value()?.to_str() {
                Some("json") => arguments.json = true,
                Some("table") => arguments.json = false,
                _ => return Err("--format is table or json".to_owned()),
            },
            other if other.starts_with('-') && other != "-" => return Err(format!("{other} is no option")),
            _ if arguments.path.is_some() => return Err("one bundle or folder at a time".to_owned()),
            _ => arguments.path = Some(word.into()),
        }
    }
    if arguments.path.is_none() {
        return Err("no bundle or folder is named".to_owned());
    }
    Ok(Asked::Verify(arguments))
}

fn look(arguments: &Arguments) -> Result<Outcome, Failure> {
    let mut trust = Trust::default();
    for key in &arguments.keys {
        trust.keys.extend(read_keys(key)?);
    }
    for path in &arguments.rotations {
        trust.rotations.extend(read_rotations(path)?);
    }
    for path in &arguments.checkpoints {
        trust.checkpoints.push(read_checkpoint(path)?);
    }
    let path = arguments.path.clone().unwrap_or_default();
    let mut outcome = verify(&path, &trust)?;
    outcome.not_done.push("no report was rendered again: `exhibit verify --re-render` does that".to_owned());
    Ok(outcome)
}

fn json(outcome: &Outcome) -> String {
    serde_json::to_string_pretty(outcome).map_or_else(|error| error.to_string(), |text| text + "\n")
}

fn table(outcome: &Outcome) -> String {
    let mut text = String::new();
    let lists = [("proven", &outcome.proven), ("not done", &outcome.not_done), ("differs", &outcome.differences)];
    for (word, lines) in lists {
        for line in lines {
            text.push_str(&format!("{word:<9} {line}\n"));
        }
    }
    text.push_str(&match outcome.differences.len() {
        0 => "It holds.\n".to_owned(),
        differences => format!("It does NOT hold: {differences} differences.\n"),
    });
    text
}

fn printed(text: &str, code: ExitCode) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => code,
        // An outcome that nobody could read is none.
        Err(_) => ExitCode::from(2),
    }
}

fn cannot_look(why: &str) -> ExitCode {
    let _ = writeln!(io::stderr().lock(), "exhibit-verify: {why}");
    ExitCode::from(2)
}
