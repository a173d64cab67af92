//! `exhibit hold`: what is typed about legal holds.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use exhibit_evidence::{EntryId, EnvironmentId, PeriodId};

use super::{Place, Printed};

/// `exhibit hold`
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct HoldArgs {
    /// What about them.
    #[command(subcommand)]
    pub(crate) command: HoldCommand,
}

/// By whom: a token is shown in a file or in the environment, never on the command line, where others can read it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Acting {
    /// The file that holds your own token [default: the environment variable EXHIBIT_TOKEN]
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

/// What about legal holds.
#[derive(Debug, Subcommand)]
pub(crate) enum HoldCommand {
    /// Place a hold: what is in its scope may not be removed, whatever its retention says
    #[command(after_long_help = "\
Example:
  exhibit hold place --matter 'Example v. Example' --period 2026-Q4 --custodian 'Grace Hopper' \\
    --reason 'letter of the court of 20 November' --token-file ada.token
  exhibit hold place --matter 'Audit 117' --everything --custodian 'Grace Hopper' --reason 'asked for by the auditor'

An object is in scope if any of the options names it, also one that is archived later. Matter and reason stay for ever:
name nobody in them. The custodian and who acts stand in the ledger as salted digests. \
Needs a token of the role officer or administrator.")]
    #[command(name = "place")]
    PlaceCase {
        /// What it is about, as those who ask for it name it
        #[arg(long, value_name = "TEXT")]
        matter: String,
        /// Who answers for what is held
        #[arg(long, value_name = "PERSON")]
        custodian: String,
        /// Why; it stays in the ledger for ever
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// What holds evidence about this environment; may be repeated
        #[arg(long = "environment", value_name = "ID")]
        environments: Vec<EnvironmentId>,
        /// Reports of this quarter, and what holds evidence observed in it; may be repeated
        #[arg(long = "period", value_name = "QUARTER")]
        periods: Vec<PeriodId>,
        /// What was archived with this report; may be repeated
        #[arg(long = "report", value_name = "ID")]
        reports: Vec<EntryId>,
        /// Objects whose key begins so; may be repeated
        #[arg(long = "key", value_name = "TEXT")]
        keys: Vec<String>,
        /// Every object
        #[arg(long)]
        everything: bool,
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
    /// Say that a hold may end: two different persons have to, each by their own token
    #[command(after_long_help = "\
Example:
  exhibit hold release 0193a5b2-7c1e-7000-8000-000000000001 --reason settled --token-file ada.token
  exhibit hold release 0193a5b2-7c1e-7000-8000-000000000001 --reason settled --token-file bob.token

The first person approves, and the hold goes on; the second, another person, ends it. What another hold is about stays held. \
Needs a token of the role officer or administrator. Exits 2 if one person tries both.")]
    Release {
        /// The case, as `list` prints it
        #[arg(value_name = "ID")]
        case: EntryId,
        /// Why; it stays in the ledger for ever
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
    /// List the holds, open or over, with what is held and what is still pending
    #[command(after_long_help = "Example:\n  exhibit hold list --format json")]
    List {
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How data is printed.
        #[command(flatten)]
        printed: Printed,
    },
    /// Show one hold: who acted when, and every object that it holds
    #[command(after_long_help = "\
Example:
  exhibit hold show 0193a5b2-7c1e-7000-8000-000000000001")]
    Show {
        /// The case, as `list` prints it
        #[arg(value_name = "ID")]
        case: EntryId,
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How data is printed.
        #[command(flatten)]
        printed: Printed,
    },
}
