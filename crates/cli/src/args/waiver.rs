//! `exhibit waiver`: what is typed about waivers.

use clap::{Args, Subcommand};
use exhibit_evidence::{Digest, EntryId};

use super::{Acting, Place, Printed, When};

/// `exhibit waiver`
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct WaiverArgs {
    /// What about them.
    #[command(subcommand)]
    pub(crate) command: WaiverCommand,
}

/// What about waivers.
#[derive(Debug, Subcommand)]
pub(crate) enum WaiverCommand {
    /// Ask that a finding may stay open for a time
    #[command(after_long_help = "\
Example:
  exhibit waiver request sha256:fa87693e218a996cff2cae13054d3866b03f93b487d4d5a5a16b67d4a3f7d1bd \\
    --until 2027-01-31 --reason 'the partner changes it in January, CHG-1041' \\
    --compensating 'staging holds no data of customers' --token-file ada.token

The finding is named by its fingerprint, as reports and `GET /api/v1/findings` print it, and has to be open. It stays pending until a \
second, different person approves it. It covers the finding while that is no worse than now, and ends by itself: at most \
366 days from now. Reason and compensating control stay in the ledger and in reports for ever: name nobody, and no secret. \
Needs a token of the role officer or administrator.")]
    Request {
        /// The finding's fingerprint
        #[arg(value_name = "FINGERPRINT")]
        finding: Digest,
        /// The last day on which it holds, in the deployment's time zone; or the instant at which it ends
        #[arg(long, value_name = "DAY")]
        until: When,
        /// Why the finding may stay open
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// What holds the risk down meanwhile
        #[arg(long, value_name = "TEXT")]
        compensating: Option<String>,
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
    /// Approve what another person asked for: from then on it covers the finding
    #[command(after_long_help = "\
Example:
  exhibit waiver approve 0193a5b2-7c1e-7000-8000-000000000001 --token-file bob.token

Needs a token of the role officer or administrator. Exits 2 if one person tries both.")]
    Approve {
        /// The waiver, as `list` prints it
        #[arg(value_name = "ID")]
        waiver: EntryId,
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
    /// End a waiver before its time, or turn a request down
    #[command(after_long_help = "\
Example:
  exhibit waiver withdraw 0193a5b2-7c1e-7000-8000-000000000001 --reason 'it can be mended now' --token-file bob.token

The finding counts again from then on. Needs a token of the role officer or administrator.")]
    Withdraw {
        /// The waiver, as `list` prints it
        #[arg(value_name = "ID")]
        waiver: EntryId,
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
    /// List the waivers: in force, pending, expired or withdrawn
    #[command(after_long_help = "Example:\n  exhibit waiver list --format json")]
    List {
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How data is printed.
        #[command(flatten)]
        printed: Printed,
    },
}
