//! Commands that have commands of their own.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use exhibit_evidence::{CollectorId, Digest, EntryId, EnvironmentId, GroupId, JobId, Outcome, PeriodId};

use super::{Acting, ImportArgs, Place, Printed, When};
use crate::output::ExportFormat;

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
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How data is printed.
        #[command(flatten)]
        printed: Printed,
        /// Which evidence.
        #[command(flatten)]
        filter: Filter,
    },
    /// Show one piece of evidence with its assessment and findings
    #[command(after_long_help = "\
Example:
  exhibit evidence show 0193a5b2-7c1e-7000-8000-000000000001 --format json

What was kept with it, and long lists of findings, stand there by digest: `exhibit evidence artifact DIGEST` prints them.")]
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
    /// Print an artifact that evidence cites: what a scanner printed, masked, or a long list of findings
    #[command(after_long_help = "\
Example:
  exhibit evidence show 0193a5b2-7c1e-7000-8000-000000000001  # tells the digests of what was kept
  exhibit evidence artifact --output result.json \\
    sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

Its bytes are read from the database, or else from the archive, and their digest is computed again: others than those are \
never handed out. It is as it was kept: values that the detector found were masked before. A terminal shows control characters \
as what they are; a pipe or a file gets every byte.
Exits 2 if it was not kept, with the reason that the evidence gives (results larger than the job allows are not), is lost, or is not \
what its digest says. Artifacts hold no names that can be erased: nothing is ever taken out of one.")]
    Artifact {
        /// Its digest, as `evidence show` prints it
        #[arg(value_name = "DIGEST")]
        digest: Digest,
        /// The file to write it into, in the place of what is there [default: standard output]
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Which deployment.
        #[command(flatten)]
        place: Place,
    },
    /// Export evidence for other programs
    #[command(after_long_help = "\
Example:
  exhibit evidence export --period 2026-Q4 --format ndjson > q4.ndjson")]
    Export {
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How the data is printed
        #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ExportFormat::Json)]
        format: ExportFormat,
        /// Which evidence.
        #[command(flatten)]
        filter: Filter,
    },
    /// Take in what a scanner gave elsewhere, in your CI for example, or a bill of materials
    #[command(after_long_help = "\
Example:
  exhibit evidence import audit.json --collector dependency_scan --format-of pip-audit \\
    --subject shop --lockfile requirements.txt --format json
  exhibit evidence import shop.cdx.json --collector sbom --subject shop --lockfile Cargo.lock

The job that takes it has `pushed = true`. The same file with the same words about it is one piece of evidence, however often \
it is handed in. What the scanner printed is kept with it: masked, compressed, up to the size that the job says (16 MiB). \
A scanner's word that it failed, or a file that can't be read as the form that is named, is recorded as an error that says so. \
The exit code is 0 where it was taken in, 1 where it was and what it is about could not be found out, 2 where nothing was \
recorded: no such file, no such job, or nothing that says whose output it is.")]
    Import(Box<ImportArgs>),
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

Looks at the store's settings too, and names what is weak in them. Exits 0 if every object is as its receipt says, 1 with \
each difference named and where a setting is broken, 2 if it could not look.")]
    Check {
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How data is printed.
        #[command(flatten)]
        printed: Printed,
    },
    /// Archive the ledger up to this moment, without waiting for the day's end
    #[command(after_long_help = "\
Example:
  exhibit archive flush

Each finished day's entries are archived by themselves. Before a machine is taken down, this archives the rest of them, so \
that the archive alone could give everything back.")]
    Flush {
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How data is printed.
        #[command(flatten)]
        printed: Printed,
    },
    /// Bring an empty database back from the archive alone
    #[command(after_long_help = "\
Example:
  exhibit archive restore --config /etc/exhibit.toml
  exhibit archive restore --key log.pub

Reads every day's segment, verifies it from the pinned key, writes its entries, and recomputes everything. A database that \
is not empty is refused. What the archive does not hold is said with numbers: entries after the last segment, and names of \
people and hosts, whose keys lay in the database alone.
Exits 0 if everything that was signed for came back, 1 if something is lost or missing, 2 if it could not be done.")]
    Restore {
        /// The log's public key, or a file that holds it [default: the one pinned in the deployment]
        #[arg(long, value_name = "KEY|FILE")]
        key: Option<String>,
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How data is printed.
        #[command(flatten)]
        printed: Printed,
    },
}

/// `exhibit disclosures`
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct DisclosuresArgs {
    /// What about them.
    #[command(subcommand)]
    pub(crate) command: DisclosuresCommand,
}

/// What about disclosable values.
#[derive(Debug, Subcommand)]
pub(crate) enum DisclosuresCommand {
    /// List the people's and hosts' names that records hold as digests only
    #[command(after_long_help = "Example:\n  exhibit disclosures list --format json")]
    List {
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How data is printed.
        #[command(flatten)]
        printed: Printed,
    },
    /// Show one name, or its erasure, and the evidence that it stands behind
    #[command(after_long_help = "\
Example:
  exhibit disclosures show 0193a5b2-7c1e-7000-8000-000000000001")]
    Show {
        /// The group's id, as `disclosures list` prints it
        group: GroupId,
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How data is printed.
        #[command(flatten)]
        printed: Printed,
    },
    /// Erase a name for good, here and, since its key goes with it, in the archive
    #[command(after_long_help = "\
Example:
  exhibit disclosures erase --group 0193a5b2-7c1e-7000-8000-000000000001 --reason 'request 2026-117, article 17' \\
    --token-file ada.token

Cannot be undone. Digests, proofs, signatures, reports and archived objects stay as they are; the ledger tells that \
values were erased, of which group, how many and why. The reason stays for ever: name nobody in it. \
Postgres frees the old rows when it vacuums the tables, and backups and its write-ahead log hold them until they \
expire: see FORMAT.md, section 12. Needs a token of the role officer or administrator: who erased stands in the ledger, as a \
salted digest.")]
    Erase {
        /// The group's id, as `disclosures list` prints it
        #[arg(long, value_name = "ID")]
        group: GroupId,
        /// Why; it stays in the ledger for ever and must not name whom it is about
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// By whom.
        #[command(flatten)]
        acting: Acting,
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How data is printed.
        #[command(flatten)]
        printed: Printed,
    },
}

fn outcome(text: &str) -> Result<Outcome, String> {
    Outcome::ALL
        .into_iter()
        .find(|outcome| outcome.word() == text)
        .ok_or_else(|| format!("expected one of {}", Outcome::ALL.map(Outcome::word).join(", ")))
}
