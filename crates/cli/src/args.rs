//! What can be typed: commands, their options, and the help that goes with them. Names here are steady:
//! officers' and auditors' scripts hold them.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use chrono::{DateTime, Days, NaiveDate, TimeZone, Utc};
use chrono_tz::Tz;
use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, ColorChoice, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use exhibit_evidence::{CollectorId, EntryId, EnvironmentId, JobId, Outcome, PeriodId, Timestamp};

use crate::config::FILE_NAME;
use crate::output::{ExportFormat, Format};

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
  exhibit check                # is ./exhibit.toml right?
  exhibit run                  # do what is due; a plain cron line is enough
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
    propagate_version = true,
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
    /// Check the configuration, the collectors and the report templates
    #[command(after_long_help = "\
Example:
  exhibit check                              # ./exhibit.toml and everything built in
  exhibit check --config /etc/exhibit.toml
  exhibit check --write                      # record what the cases give now as what is expected

Exits 0 if everything is right, 1 with each mistake named, 2 if something could not be read.")]
    Check(CheckArgs),
    /// See it work: collect from this folder and an example company, seal, report, archive, verify
    #[command(after_long_help = "\
Example:
  exhibit demo
  exhibit demo --dir /tmp/look --format json
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
Exits 0 if everything was performed (whatever the findings), 1 if a job's outcome is an error, 2 if it could not start.")]
    Run(RunArgs),
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
    /// Check a report's bundle offline, trusting nothing in it but a key that you name or have pinned
    #[command(after_long_help = "\
Example:
  exhibit verify 2026-Q4.bundle.tar --key log.pub
  exhibit verify 2026-Q4.bundle.tar --key 'log.example.com/exhibit+1a2b3c4d+AQ…'
  exhibit verify 2026-Q4.bundle.tar --dir exhibit-demo            # with the key pinned there

Exits 0 if the bundle holds, 1 with each difference named, 2 if it could not look (no pinned key included).")]
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

/// `exhibit check`
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Which deployment.
    #[command(flatten)]
    pub(crate) place: Place,
    /// Record what the cases give now as what is expected of them
    #[arg(long)]
    pub(crate) write: bool,
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

/// `exhibit collectors`
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct CollectorsArgs {
    /// What about them.
    #[command(subcommand)]
    pub(crate) command: CollectorsCommand,
}

/// What about collectors.
#[derive(Debug, Subcommand)]
pub(crate) enum CollectorsCommand {
    /// List every collector with its checks
    #[command(after_long_help = "Example:\n  exhibit collectors list --format json")]
    List {
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How data is printed.
        #[command(flatten)]
        printed: Printed,
    },
    /// Show one collector: what it proves, what it cannot see, what it needs
    #[command(after_long_help = "Example:\n  exhibit collectors show ci_secrets")]
    Show {
        /// The collector's id
        id: CollectorId,
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How data is printed.
        #[command(flatten)]
        printed: Printed,
    },
}

/// `exhibit evidence`
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct EvidenceArgs {
    /// What about it.
    #[command(subcommand)]
    pub(crate) command: EvidenceCommand,
}

/// What about evidence.
#[derive(Debug, Subcommand)]
pub(crate) enum EvidenceCommand {
    /// List evidence, newest first
    #[command(after_long_help = "\
Example:
  exhibit evidence list --environment production --outcome fail --outcome error
  exhibit evidence list --from 2026-10-01 --to 2026-10-31 --format json")]
    List {
        /// Which evidence.
        #[command(flatten)]
        filter: Filter,
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How data is printed.
        #[command(flatten)]
        printed: Printed,
    },
    /// Show one piece of evidence with its assessment and findings
    #[command(after_long_help = "\
Example:
  exhibit evidence show 0193a5b2-7c1e-7000-8000-000000000001 --format json")]
    Show {
        /// The entry's id, as `evidence list` prints it
        id: EntryId,
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How data is printed.
        #[command(flatten)]
        printed: Printed,
    },
    /// Export evidence for other programs
    #[command(after_long_help = "\
Example:
  exhibit evidence export --period 2026-Q4 --format ndjson > q4.ndjson")]
    Export {
        /// Which evidence.
        #[command(flatten)]
        filter: Filter,
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How the data is printed
        #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ExportFormat::Json)]
        format: ExportFormat,
    },
}

/// Which evidence; everything named must fit, and of a repeated option any.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Which evidence")]
pub(crate) struct Filter {
    /// Of this job (may be repeated)
    #[arg(long, value_name = "JOB")]
    pub(crate) job: Vec<JobId>,
    /// By this collector (may be repeated)
    #[arg(long, value_name = "ID")]
    pub(crate) collector: Vec<CollectorId>,
    /// In this environment (may be repeated)
    #[arg(long, value_name = "ID")]
    pub(crate) environment: Vec<EnvironmentId>,
    /// With this outcome (may be repeated)
    #[arg(long, value_name = "OUTCOME", value_parser = outcome)]
    pub(crate) outcome: Vec<Outcome>,
    /// Observed in this quarter, such as 2026-Q4
    #[arg(long, value_name = "QUARTER", conflicts_with_all = ["from", "to"])]
    pub(crate) period: Option<PeriodId>,
    /// Observed at or after this day or instant
    #[arg(long, value_name = "WHEN")]
    pub(crate) from: Option<When>,
    /// Observed on or before this day, or before this instant
    #[arg(long, value_name = "WHEN")]
    pub(crate) to: Option<When>,
}

/// `exhibit report`
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct ReportArgs {
    /// What about it.
    #[command(subcommand)]
    pub(crate) command: ReportCommand,
}

/// What about reports.
#[derive(Debug, Subcommand)]
pub(crate) enum ReportCommand {
    /// Render a quarter's report and its bundle into a folder
    #[command(after_long_help = "\
Example:
  exhibit report render --period 2026-Q4 --out q4
  exhibit verify q4/*.tar --key log.pub")]
    Render {
        /// The quarter, such as 2026-Q4: a fiscal year is named by the year in which it ends
        #[arg(long, value_name = "QUARTER")]
        period: PeriodId,
        /// The folder to write into; made if it is not there
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How data is printed.
        #[command(flatten)]
        printed: Printed,
    },
    /// List the reports that were sealed
    #[command(after_long_help = "Example:\n  exhibit report list --format json")]
    List {
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How data is printed.
        #[command(flatten)]
        printed: Printed,
    },
}

/// `exhibit archive`
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct ArchiveArgs {
    /// What about it.
    #[command(subcommand)]
    pub(crate) command: ArchiveCommand,
}

/// What about the archive.
#[derive(Debug, Subcommand)]
pub(crate) enum ArchiveCommand {
    /// List what is archived, with its retention
    #[command(after_long_help = "Example:\n  exhibit archive list --format json")]
    List {
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How data is printed.
        #[command(flatten)]
        printed: Printed,
    },
    /// Read every archived object again and compare it with its receipt
    #[command(after_long_help = "\
Example:
  exhibit archive check

Exits 0 if every object is as its receipt says, 1 with each difference named, 2 if it could not look.")]
    Check {
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How data is printed.
        #[command(flatten)]
        printed: Printed,
    },
}

/// `exhibit verify`
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The bundle: a file, or the folder that it was unpacked into
    #[arg(value_name = "BUNDLE")]
    pub(crate) bundle: PathBuf,
    /// The log's public key, or a file that holds it [default: the one pinned in the deployment]
    #[arg(long, value_name = "KEY|FILE")]
    pub(crate) key: Option<String>,
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

/// A day in the deployment's time zone, or an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// `2026-10-01`
    Day(NaiveDate),
    /// `2026-10-01T08:00:00Z`
    Instant(Timestamp),
}

impl When {
    /// The instant from which it counts, as a lower bound that belongs to the range.
    pub(crate) fn start(self, zone: Tz) -> Option<Timestamp> {
        match self {
            Self::Day(day) => first_instant(day, zone),
            Self::Instant(instant) => Some(instant),
        }
    }

    /// The instant until which it counts, as an upper bound that does not belong to the range.
    pub(crate) fn end(self, zone: Tz) -> Option<Timestamp> {
        match self {
            Self::Day(day) => first_instant(day.checked_add_days(Days::new(1))?, zone),
            Self::Instant(instant) => Some(instant),
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Ok(Self::Day(day));
        }
        DateTime::parse_from_rfc3339(text)
            .map(|instant| Self::Instant(Timestamp::new(instant.with_timezone(&Utc))))
            .map_err(|_| {
                "expected a day (2026-10-01) or an instant (2026-10-01T08:00:00Z)".to_owned()
            })
    }
}

/// The first instant of a local day: not always midnight, where clocks change at midnight.
fn first_instant(day: NaiveDate, zone: Tz) -> Option<Timestamp> {
    let midnight = day.and_hms_opt(0, 0, 0)?;
    let quarters = (0..=24 * 4).map(|quarter| midnight + chrono::TimeDelta::minutes(15 * quarter));
    quarters
        .filter_map(|wall| zone.from_local_datetime(&wall).earliest())
        .map(|instant| Timestamp::new(instant.with_timezone(&Utc)))
        .next()
}

fn outcome(text: &str) -> Result<Outcome, String> {
    Outcome::ALL
        .into_iter()
        .find(|outcome| outcome.word() == text)
        .ok_or_else(|| {
            format!(
                "expected one of {}",
                Outcome::ALL.map(Outcome::word).join(", ")
            )
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command, with its subcommands.
    fn commands(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
        for sub in command.get_subcommands() {
            let path = format!("{path} {}", sub.get_name());
            found.push((path.clone(), sub.clone()));
            commands(sub, &path, found);
        }
    }

    fn all_commands() -> Vec<(String, clap::Command)> {
        let mut cli = Cli::command();
        cli.build();
        let mut found = Vec::new();
        commands(&cli, "exhibit", &mut found);
        found
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_names_are_steady() {
        let names: Vec<String> = all_commands().into_iter().map(|(path, _)| path).collect();
        assert_eq!(
            names,
            [
                "exhibit check",
                "exhibit demo",
                "exhibit run",
                "exhibit collectors",
                "exhibit collectors list",
                "exhibit collectors show",
                "exhibit evidence",
                "exhibit evidence list",
                "exhibit evidence show",
                "exhibit evidence export",
                "exhibit report",
                "exhibit report render",
                "exhibit report list",
                "exhibit archive",
                "exhibit archive list",
                "exhibit archive check",
                "exhibit verify",
                "exhibit fsck",
                "exhibit rebuild",
                "exhibit completions",
            ]
        );
    }

    #[test]
    fn every_help_shows_an_example_that_parses() {
        for (path, mut command) in all_commands() {
            let help = command.render_long_help().to_string();
            let examples = help
                .split("Example:")
                .nth(1)
                .unwrap_or_else(|| panic!("{path}"));
            let mut tried = 0;
            for line in examples.lines() {
                let line = line.split("  #").next().unwrap_or_default();
                let line = line.split(" > ").next().unwrap_or_default();
                let Some(at) = line.find("exhibit ").filter(|_| line.starts_with("  ")) else {
                    continue;
                };
                let words = line[at..]
                    .split_whitespace()
                    .map(|word| word.trim_matches('\''));
                // A line of crontab shows its comment behind.
                if let Err(error) = Cli::try_parse_from(words) {
                    panic!("{path}: {line}: {error}");
                }
                tried += 1;
            }
            assert!(tried > 0, "{path} has no example");
        }
    }

    #[test]
    fn every_command_that_looks_at_a_deployment_can_be_told_which() {
        for (path, command) in all_commands() {
            let has = |name: &str| command.get_arguments().any(|arg| arg.get_id() == name);
            let leaf = command.get_subcommands().next().is_none();
            if leaf && !path.ends_with("completions") {
                assert!(has("dir"), "{path} lacks --dir");
                assert!(has("format"), "{path} lacks --format");
                assert!(
                    has("config") || path.ends_with("demo"),
                    "{path} lacks --config"
                );
            }
        }
    }

    #[test]
    fn the_place_is_one_file_in_the_end() {
        for (words, expected) in [
            (&["exhibit", "fsck"][..], Some("exhibit.toml")),
            (
                &["exhibit", "fsck", "--config", "a/b.toml"],
                Some("a/b.toml"),
            ),
            (
                &["exhibit", "fsck", "--dir", "demo"],
                Some("demo/exhibit.toml"),
            ),
            (&["exhibit", "fsck", "--dir", "demo", "--config", "x"], None),
        ] {
            let file = match Cli::try_parse_from(words).map(|cli| cli.command) {
                Ok(Command::Fsck(args)) => Some(args.place.config_file()),
                _ => None,
            };
            assert_eq!(file.as_deref(), expected.map(Path::new), "{words:?}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for words in [
            "exhibit",
            "exhibit help",
            "exhibit evidence",
            "exhibit evidence show x",
            "exhibit evidence list --outcome green",
            "exhibit evidence list --period 2026-Q5",
            "exhibit evidence list --period 2026-Q4 --from 2026-10-01",
            "exhibit evidence list --from yesterday",
            "exhibit evidence list --format csv",
            "exhibit report render --out q4",
            "exhibit report render --period 2026-Q4",
            "exhibit verify",
            "exhibit run Not_An_Id!",
            "exhibit fsck -v -q",
        ] {
            let error = Cli::try_parse_from(words.split(' ')).expect_err(words);
            assert_eq!(error.exit_code(), 2, "{words}");
        }
    }

    #[test]
    fn days_are_the_deployments_days() {
        let day: When = "2026-03-29".parse().expect("a day");
        let berlin = chrono_tz::Europe::Berlin;
        let at = |when: Option<Timestamp>| when.expect("in range").utc().to_rfc3339();
        assert_eq!(at(day.start(berlin)), "2026-03-28T23:00:00+00:00");
        assert_eq!(at(day.end(berlin)), "2026-03-29T22:00:00+00:00");
        // Cairo's clocks jump from midnight to one.
        let day: When = "2026-04-24".parse().expect("a day");
        assert_eq!(
            at(day.start(chrono_tz::Africa::Cairo)),
            "2026-04-23T22:00:00+00:00"
        );
        let instant: When = "2026-10-01T08:00:00+02:00".parse().expect("an instant");
        assert_eq!(at(instant.start(berlin)), "2026-10-01T06:00:00+00:00");
        assert_eq!(instant.start(berlin), instant.end(berlin));
    }

    #[test]
    fn a_key_and_a_file_are_told_apart() {
        assert_eq!(
            key_is_file("log.example.com/exhibit+1a2b3c4d+AQ/+x=="),
            None
        );
        for path in ["log.pub", "keys/a+b.pub", "keys/a+b+c.pub"] {
            assert_eq!(key_is_file(path), Some(Path::new(path)));
        }
    }

    #[test]
    fn completions_are_scripts() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            assert!(String::from_utf8_lossy(&completions(shell)).contains("exhibit"));
        }
    }
}
