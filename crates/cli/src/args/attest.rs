//! `exhibit attest`: what is typed about attestations by two persons.

use clap::{Args, Subcommand};
use exhibit_evidence::{EntryId, EnvironmentId};

use super::{Acting, Place, Printed};

/// `exhibit attest`
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct AttestArgs {
    /// What about them.
    #[command(subcommand)]
    pub(crate) command: AttestCommand,
}

/// What about attestations.
#[derive(Debug, Subcommand)]
pub(crate) enum AttestCommand {
    /// State that the current key is at a location that no program can look at
    #[command(after_long_help = "\
Example:
  exhibit attest key-custody --key ENCRYPTION_KEY --environment production \\
    --location 'safe in the office' --statement 'the sealed envelope is there' \\
    --token-file ada.token

Key and location are named as the job's settings name them (`copies = [{ name = \"offline\", attested = \"safe in the office\" }]`); \
name nobody in them. What you state stands in the ledger as a salted digest, beside your name. Never state a key itself. \
It is pending until a second, different person confirms it, and expires with the quarter of the deployment's calendar. \
Attest again after each rotation. Needs a token of the role officer or administrator.")]
    KeyCustody {
        /// What the key is called where it is configured
        #[arg(long, value_name = "NAME")]
        key: String,
        /// The environment whose key it is
        #[arg(long, value_name = "ID")]
        environment: EnvironmentId,
        /// Where it is kept
        #[arg(long, value_name = "NAME")]
        location: String,
        /// What you saw, in your own words
        #[arg(long, value_name = "TEXT")]
        statement: String,
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
    /// Confirm what another person stated: from then on it counts
    #[command(after_long_help = "\
Example:
  exhibit attest confirm 0193a5b2-7c1e-7000-8000-000000000001 --token-file bob.token

Look for yourself first. Needs a token of the role officer or administrator. Exits 2 if one person tries both.")]
    Confirm {
        /// The attestation, as `list` prints it
        #[arg(value_name = "ID")]
        attestation: EntryId,
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
    /// Take an attestation back: either of the two persons can
    #[command(after_long_help = "\
Example:
  exhibit attest withdraw 0193a5b2-7c1e-7000-8000-000000000001 --reason 'the safe was moved' --token-file bob.token

It counts no more from then on. Needs a token of the role officer or administrator.")]
    Withdraw {
        /// The attestation, as `list` prints it
        #[arg(value_name = "ID")]
        attestation: EntryId,
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
    /// List the attestations: in force, pending, expired or withdrawn
    #[command(after_long_help = "Example:\n  exhibit attest list --format json")]
    List {
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How data is printed.
        #[command(flatten)]
        printed: Printed,
    },
}
