//! `exhibit token`: who may ask the service what.

use clap::{Args, Subcommand};
use exhibit_store::service::Role;
use uuid::Uuid;

use super::{Place, Printed, When};

/// `exhibit token`
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct TokenArgs {
    /// What about them.
    #[command(subcommand)]
    pub(crate) command: TokenCommand,
}

/// What about tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token for a person, and show it once
    #[command(after_long_help = "\
Example:
  exhibit token create --person ada@example.com --role officer --expires 2027-03-31
  exhibit token create --person audit@example.org --role auditor --expires 2027-01-31 \\
    --environment production --period 2026-Q4 --framework soc2-2017

The token goes to standard output and nowhere else: what is kept is a hash under the deployment's own key. Make one for each \
person: two names typed by one person are not two persons.

Roles:
  administrator  everything
  operator       reads all, asks for runs
  officer        reads all, the access log included
  auditor        reads what lies within the token's scope
  ingest         brings evidence in, reads nothing")]
    Create {
        /// Whose it is: a name or an address, as it will stand in the access log
        #[arg(long, value_name = "PERSON")]
        person: String,
        /// What it lets them do
        #[arg(long, value_name = "ROLE")]
        role: Role,
        /// The last day on which it is good, or the instant from which it is not
        #[arg(long, value_name = "WHEN")]
        expires: When,
        /// Only what is about this environment; may be repeated
        #[arg(long = "environment", value_name = "ID")]
        environments: Vec<String>,
        /// Only what was observed in this period; may be repeated
        #[arg(long = "period", value_name = "PERIOD")]
        periods: Vec<String>,
        /// Only what supports this framework; may be repeated
        #[arg(long = "framework", value_name = "ID")]
        frameworks: Vec<String>,
        /// Keep names masked that records hold as digests only, for this reason; proofs hold without them
        #[arg(long, value_name = "REASON")]
        mask_names: Option<String>,
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How data is printed.
        #[command(flatten)]
        printed: Printed,
    },
    /// List all tokens, by person; none of them can be read back
    #[command(after_long_help = "Example:\n  exhibit token list --format json")]
    List {
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How data is printed.
        #[command(flatten)]
        printed: Printed,
    },
    /// Revoke a token: the service refuses it from then on
    #[command(after_long_help = "\
Example:
  exhibit token revoke 0193a5b2-7c1e-7000-8000-000000000001 --reason 'she left'")]
    Revoke {
        /// The token's id, as `list` shows it
        #[arg(value_name = "ID")]
        id: Uuid,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Which deployment.
        #[command(flatten)]
        place: Place,
    },
}
