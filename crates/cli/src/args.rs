//! What can be typed: commands, their options, and the help that goes with them. Names here are steady:
//! officers' and auditors' scripts hold them.

mod attest;
mod custody;
mod hold;
mod import;
mod key;
mod nested;
mod scan;
mod token;
mod waiver;
mod when;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, ColorChoice, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use exhibit_evidence::JobId;

pub(crate) use attest::{AttestArgs, AttestCommand};
pub(crate) use custody::{CustodyArgs, CustodyCommand};
pub(crate) use hold::{Acting, HoldArgs, HoldCommand};
pub(crate) use import::ImportArgs;
pub(crate) use key::{KeyArgs, KeyCommand};
pub(crate) use nested::{
    ArchiveArgs, ArchiveCommand, CollectorsArgs, CollectorsCommand, DisclosuresArgs, DisclosuresCommand, EvidenceArgs,
    EvidenceCommand, Filter, ReportArgs, ReportCommand,
};
pub(crate) use scan::{ScanArgs, ScanFormat, Sureness};
pub(crate) use token::{TokenArgs, TokenCommand};
pub(crate) use waiver::{WaiverArgs, WaiverCommand};
pub(crate) use when::When;

use crate::config::FILE_NAME;
use crate::output::Format;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const ABOUT: &str = "\
Gathers evidence that controls operate, seals it, and tells it in quarterly reports that anyone can verify.

A collector observes, a judge decides, the ledger seals, the report tells, the archive keeps. Data goes to \
standard output, words go to standard error.";

const AFTER: &str = "\
Exit codes:
  0  clean: done, and nothing is wrong
  1  differences: something was examined and is not as it should be
  2  could not look: bad usage, bad configuration, or something could not be found out

Example:
  exhibit demo                 # see it work, on this folder and an example company
  exhibit init                 # write ./exhibit.toml from what is here
  exhibit check                # is ./exhibit.toml right?
  exhibit run                  # do what is due; a plain cron line is enough
  exhibit serve                # or keep doing it, as a service
  exhibit scan .               # search this folder for secrets, without any of that
  exhibit verify BUNDLE --key log.pub";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "exhibit",
    version,
    about = "Evidence that controls operate: gathered, sealed, reported, verifiable",
    long_about = ABOUT,
    after_long_help = AFTER,
    styles = STYLES,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    /// How much is said, and how.
    #[command(flatten)]
    pub(crate) voice: Voice,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How much is said on standard error, and whether in colour.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Words on standard error")]
pub(crate) struct Voice {
    /// Say more; twice, say everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
    /// Say nothing but errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// When to use colour; NO_COLOR is honoured
    #[arg(long, global = true, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    pub(crate) color: ColorChoice,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a first configuration from what is found here
    #[command(after_long_help = "\
Example:
  exhibit init                               # ./exhibit.toml, from this folder and its git repository
  exhibit init --dir /srv/shop --format json
  exhibit init --force                       # a new one; the old one is kept as exhibit.toml.bak

Files are told by their names and outer forms; no value of a secret is kept. Environments are guessed from names, and \
the file calls every guess one.")]
    Init(InitArgs),
    /// Look at a live deployment, and name each thing wrong with what to do
    #[command(after_long_help = "\
Example:
  exhibit doctor
  exhibit doctor --dir exhibit-demo --format json

Changes nothing. Exits 0 if all is well, 1 if something is wrong or has to be looked after, 2 if something could not be \
found out. Whether the ledger's entries hold is for exhibit fsck to say, whether archived objects do for exhibit \
archive check.")]
    Doctor(DoctorArgs),
    /// Check the configuration, the collectors and the report templates
    #[command(after_long_help = "\
Example:
  exhibit check                              # ./exhibit.toml and everything built in
  exhibit check --config /etc/exhibit.toml
  exhibit check --schema > exhibit.schema.json    # the configuration's JSON Schema, for an editor
  exhibit check --write                      # record what the cases give now as what is expected

Exits 0 if everything is right, 1 with each mistake named, 2 if something could not be read.")]
    Check(CheckArgs),
    /// See it work: collect from this folder and an example company, seal, report, archive, verify
    #[command(after_long_help = "\
Example:
  exhibit demo
  exhibit demo --dir look --format json
  exhibit fsck --dir exhibit-demo            # every other command can look at a demo's folder

A second demo in the same folder adds to the same ledger. Nothing leaves this machine.")]
    Demo(DemoArgs),
    /// Do what is due: collect, judge, seal; after a quarter's end also report and archive
    #[command(after_long_help = "\
Example:
  exhibit run                                # what is due, and no more
  exhibit run ci-secrets                     # this job now, due or not
  */5 * * * *  exhibit run --quiet --config /etc/exhibit.toml     # as a line of crontab

May be killed at any moment: the next run completes what was due.
Where a job does not pass, standard error says why: by subject and check, and what could not be found out (the latter with \
--quiet too). With --format json, each slot has it as data: `not_passed` and `problems`, at most 20 of each.
Exits 0 if everything was performed (whatever the findings), 1 if a job's outcome is an error, 2 if it could not start.")]
    Run(RunArgs),
    /// Keep collecting: plan, perform, seal, report and archive by itself, until told to end
    #[command(after_long_help = "\
Example:
  exhibit serve --config /etc/exhibit.toml
  exhibit serve --log json
  kill -HUP PID                              # read the configuration again: jobs, policies, environments

Any number of them share the work on one database. SIGTERM and SIGINT: what runs is finished or handed back within \
10 s; a second one ends at once. A configuration that is not in order is refused, and the old plan goes on.
Exits 0 when it was told to end, 2 if it could not start, 143 if it was told twice.")]
    Serve(ServeArgs),
    /// List the collectors, and what each proves
    #[command(after_long_help = "\
Example:
  exhibit collectors list
  exhibit collectors show ci_secrets")]
    Collectors(CollectorsArgs),
    /// List, show and export evidence
    #[command(after_long_help = "\
Example:
  exhibit evidence list --period 2026-Q4 --outcome fail
  exhibit evidence show 0193a5b2-7c1e-7000-8000-000000000001
  exhibit evidence export --format csv --job ci-secrets > evidence.csv")]
    Evidence(EvidenceArgs),
    /// Render and list reports
    #[command(after_long_help = "\
Example:
  exhibit report render --period 2026-Q4 --out q4
  exhibit report list

The report of a quarter that is still open is marked as interim.")]
    Report(ReportArgs),
    /// List what is archived, and read it all again
    #[command(after_long_help = "\
Example:
  exhibit archive list
  exhibit archive check                      # reads every archived object again and compares its digest")]
    Archive(ArchiveArgs),
    /// Place and release legal holds: what they are about may not be removed from the archive
    #[command(after_long_help = "\
Example:
  exhibit hold place --matter 'Example v. Example' --period 2026-Q4 --custodian 'Grace Hopper' \\
    --reason 'letter of the court' --token-file ada.token
  exhibit hold list
  exhibit hold release 0193a5b2-7c1e-7000-8000-000000000001 --reason settled --token-file ada.token

Placing needs one person, releasing two different ones, each by a token of their own.")]
    Hold(HoldArgs),
    /// State what no program can look at, such as a key in a safe: one person says it, a second one confirms it
    #[command(after_long_help = "\
Example:
  exhibit attest key-custody --key ENCRYPTION_KEY --environment production \\
    --location 'safe in the office' --statement 'the sealed envelope is there' \\
    --token-file ada.token
  exhibit attest confirm 0193a5b2-7c1e-7000-8000-000000000001 --token-file bob.token
  exhibit attest list

It takes two different persons, each by a token of their own, and expires with the quarter.")]
    Attest(AttestArgs),
    /// Let a finding stay open for a time: one person asks for it, a second one approves it
    #[command(after_long_help = "\
Example:
  exhibit waiver request sha256:fa87693e218a996cff2cae13054d3866b03f93b487d4d5a5a16b67d4a3f7d1bd \\
    --until 2027-01-31 --reason 'the partner changes it in January, CHG-1041' --token-file ada.token
  exhibit waiver approve 0193a5b2-7c1e-7000-8000-000000000001 --token-file bob.token
  exhibit waiver list

It takes two different persons, each by a token of their own, and ends by itself. Reports count what it covers in all \
totals before waivers, and tell both.")]
    Waiver(WaiverArgs),
    /// Look after the keys in custody: write canaries for restore drills
    #[command(after_long_help = "\
Example:
  exhibit custody canary key-restore-drill

A canary is a text that was encrypted when a key was current: a restore drill opens it with a copy of that key.")]
    Custody(CustodyArgs),
    /// List the names that records hold as digests only, and erase one for good
    #[command(after_long_help = "\
Example:
  exhibit disclosures list
  exhibit disclosures erase --group 0193a5b2-7c1e-7000-8000-000000000001 --reason 'request 2026-117, article 17'")]
    Disclosures(DisclosuresArgs),
    /// Show the log's signing keys, and rotate to the next
    #[command(after_long_help = "\
Example:
  exhibit key show
  exhibit key rotate --reason 'the yearly change'
  exhibit key rotate --reason 'it leaked' --new-key env:NEXT_SIGNING_KEY     # where the configuration names a key

Nothing that a retired key sealed loses its proof.")]
    Key(KeyArgs),
    /// Make, list and revoke the tokens by which people ask the service
    #[command(after_long_help = "\
Example:
  exhibit token create --person ada@example.com --role officer --expires 2027-03-31
  exhibit token list
  exhibit token revoke 0193a5b2-7c1e-7000-8000-000000000001 --reason 'she left'")]
    Token(TokenArgs),
    /// Search files, archives, standard input or git's whole history for secrets
    #[command(after_long_help = "\
Example:
  exhibit scan .
  exhibit scan src logs/app.log.gz backup.tar.zst
  exhibit scan --git --format json .             # every blob of the history, once
  exhibit scan --git --since origin/main .       # what HEAD has and that revision has not
  kubectl logs app | exhibit scan --personal-data -
  exhibit scan --format sarif . > secrets.sarif
  exhibit scan --write-baseline known.json .     # what is there now is known
  exhibit scan --baseline known.json .           # only what is new

Needs no deployment and no configuration, and sends nothing anywhere. Whatever is packed is \
unpacked as it is read: gz, zst, xz, bz2, zip, tar, and these in one another. Values are masked.

A remark in the same line allows a finding, and has to say why:
  key = \"AKIA…\"   # exhibit:allow aws.access-key-id the example of the provider's documentation

Lines and columns count from 1. In the table and in JSON a column counts bytes (of UTF-16, bytes of \
its text in UTF-8), in SARIF characters (Unicode code points). Of one document the first 5,000 \
findings are listed, of all 50,000; the rest is counted.

Exits 0 if nothing was found, 1 if something was, 2 if nothing was found but something could not be \
looked at: each is told, with the reason.")]
    Scan(ScanArgs),
    /// Check a bundle or a whole archive offline, trusting nothing in it but a key that you name or pinned
    #[command(after_long_help = "\
Example:
  exhibit verify 2026-Q4.bundle.tar --key log.pub
  exhibit verify 2026-Q4.bundle.tar --key 'log.example.com/exhibit+1a2b3c4d+AQ…'
  exhibit verify 2026-Q4.bundle.tar --dir exhibit-demo            # with the key pinned there
  exhibit verify 2026-Q4.bundle.tar --key log.pub --re-render     # and make the report again
  exhibit verify 2024-Q1.bundle.tar --key log.pub --rotations log.rotations
  exhibit verify archive/ --key log.pub --checkpoint noted-in-july.note

What was proven is said line by line, and what was not. The program exhibit-verify does the same without --re-render, and \
is small enough for an auditor to build alone and to read.

A bundle holds every rotation of the signing key up to its own making, so an old key verifies a new bundle. For a new \
key to verify a bundle that was made before it, name the later rotations: a deployment keeps them in \
DATA/keys/log.rotations, any later bundle in its file keys.rotations. Each proves itself.

Exits 0 if nothing differs, 1 with each difference named, 2 if it could not look (no pinned key included).")]
    Verify(VerifyArgs),
    /// Recompute the ledger from its bytes and compare everything that was derived from it
    #[command(after_long_help = "\
Example:
  exhibit fsck
  exhibit fsck --dir exhibit-demo --format json

Exits 0 if all agrees, 1 with each difference named, 2 if it could not look.")]
    Fsck(FsckArgs),
    /// Build everything that is derived from the ledger anew
    #[command(after_long_help = "\
Example:
  exhibit rebuild
  exhibit fsck                               # and see that both agree

The ledger itself is not touched, nor is anything that cannot be derived from it.")]
    Rebuild(RebuildArgs),
    /// Print a completion script for a shell
    #[command(
        hide = true,
        after_long_help = "\
Example:
  exhibit completions bash > /etc/bash_completion.d/exhibit"
    )]
    Completions(CompletionsArgs),
}

/// Which deployment a command is about.
#[derive(Debug, Clone, Default, Args)]
#[group(multiple = false)]
pub(crate) struct Place {
    /// The configuration file [default: ./exhibit.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// A demo's folder, instead of a configuration file
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

impl Place {
    /// The configuration file that is meant.
    pub(crate) fn config_file(&self) -> PathBuf {
        match (&self.config, &self.dir) {
            (Some(file), _) => file.clone(),
            (None, Some(dir)) => dir.join(FILE_NAME),
            (None, None) => PathBuf::from(FILE_NAME),
        }
    }

    /// The options that name this deployment again, with a space before them, for a command that is proposed.
    pub(crate) fn again(&self) -> String {
        match (&self.config, &self.dir) {
            (Some(file), _) => format!(" --config {}", file.display()),
            (None, Some(dir)) => format!(" --dir {}", dir.display()),
            (None, None) => String::new(),
        }
    }

    /// Whether the user named a deployment at all.
    pub(crate) fn is_named(&self) -> bool {
        self.config.is_some() || self.dir.is_some()
    }
}

/// How data is printed.
#[derive(Debug, Clone, Args)]
pub(crate) struct Printed {
    /// How the data is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub(crate) format: Format,
}

/// `exhibit init`
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The folder to look at, where exhibit.toml is written
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Write even if there is an exhibit.toml: it is kept as exhibit.toml.bak
    #[arg(long)]
    pub(crate) force: bool,
    /// How data is printed.
    #[command(flatten)]
    pub(crate) printed: Printed,
}

/// `exhibit doctor`
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Which deployment.
    #[command(flatten)]
    pub(crate) place: Place,
    /// Also try what the service's own rights in the bucket of [archive.s3] must not allow, on an object put for that
    #[arg(long)]
    pub(crate) probe_rights: bool,
    /// How data is printed.
    #[command(flatten)]
    pub(crate) printed: Printed,
}

/// `exhibit check`
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Which deployment.
    #[command(flatten)]
    pub(crate) place: Place,
    /// Record what the cases give now as what is expected of them
    #[arg(long)]
    pub(crate) write: bool,
    /// Print the JSON Schema (draft 2020-12) of the configuration, and check nothing
    #[arg(long, conflicts_with_all = ["write", "config", "dir", "format"])]
    pub(crate) schema: bool,
    /// How data is printed.
    #[command(flatten)]
    pub(crate) printed: Printed,
}

/// `exhibit demo`
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The folder that holds everything the demo makes
    #[arg(long, value_name = "DIR", default_value = "exhibit-demo")]
    pub(crate) dir: PathBuf,
    /// How data is printed.
    #[command(flatten)]
    pub(crate) printed: Printed,
}

/// `exhibit run`
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Jobs to perform now, due or not [default: what is due]
    #[arg(value_name = "JOB")]
    pub(crate) jobs: Vec<JobId>,
    /// Which deployment.
    #[command(flatten)]
    pub(crate) place: Place,
    /// How data is printed.
    #[command(flatten)]
    pub(crate) printed: Printed,
}

/// `exhibit serve`
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Which deployment.
    #[command(flatten)]
    pub(crate) place: Place,
    /// In which form its log goes to standard error
    #[arg(long, value_enum, value_name = "FORM", default_value_t = LogForm::Text)]
    pub(crate) log: LogForm,
}

/// The form of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogForm {
    /// A line each, for people
    Text,
    /// An object of JSON each
    Json,
}

/// `exhibit verify`
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The bundle, a tar file; or a folder laid out as the archive's keys: reports/, segments/, …
    #[arg(value_name = "BUNDLE|FOLDER")]
    pub(crate) bundle: PathBuf,
    /// Render the bundle's report again, from its own entries and template, and compare it byte for byte
    #[arg(long)]
    pub(crate) re_render: bool,
    /// A checkpoint that you hold from before, to which the entries must lead; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Vec<PathBuf>,
    /// The log's public key, or a file that holds it [default: the one pinned in the deployment]
    #[arg(long, value_name = "KEY|FILE")]
    pub(crate) key: Option<String>,
    /// Rotations of the signing key that the bundle does not hold [default: those of the deployment, if one is named]
    #[arg(long, value_name = "FILE")]
    pub(crate) rotations: Option<PathBuf>,
    /// Which deployment.
    #[command(flatten)]
    pub(crate) place: Place,
    /// How data is printed.
    #[command(flatten)]
    pub(crate) printed: Printed,
}

/// `exhibit fsck`
#[derive(Debug, Args)]
pub(crate) struct FsckArgs {
    /// Which deployment.
    #[command(flatten)]
    pub(crate) place: Place,
    /// How data is printed.
    #[command(flatten)]
    pub(crate) printed: Printed,
}

/// `exhibit rebuild`
#[derive(Debug, Args)]
pub(crate) struct RebuildArgs {
    /// Which deployment.
    #[command(flatten)]
    pub(crate) place: Place,
    /// How data is printed.
    #[command(flatten)]
    pub(crate) printed: Printed,
}

/// `exhibit completions`
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// Reads `--key`: a key itself, or else the file of that name.
pub(crate) fn key_is_file(key: &str) -> Option<&Path> {
    // A verifier key is `name+hash+base64`; a path that looks like one can be given as ./path.
    let parts: Vec<&str> = key.split('+').collect();
    let hash = parts.get(1).copied().unwrap_or_default();
    let is_key = parts.len() >= 3 && hash.len() == 8 && hash.bytes().all(|b| b.is_ascii_hexdigit());
    (!is_key).then(|| Path::new(key))
}

/// The completion script of a shell.
pub(crate) fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "exhibit", &mut script);
    script
}
