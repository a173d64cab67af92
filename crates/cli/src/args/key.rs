//! `exhibit key`: the log's signing keys.

use clap::{Args, Subcommand};

use super::{Place, Printed};

/// `exhibit key`
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct KeyArgs {
    /// What about them.
    #[command(subcommand)]
    pub(crate) command: KeyCommand,
}

/// What about the signing keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// List the public keys that signed this log, each with the checkpoints that it may sign
    #[command(after_long_help = "Example:\n  exhibit key show --format json")]
    Show {
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How data is printed.
        #[command(flatten)]
        printed: Printed,
    },
    /// Hand over from the signing key to the next
    #[command(after_long_help = "\
Example:
  exhibit key rotate --reason 'the yearly change'
  exhibit key rotate --reason 'it leaked' --new-key file:/etc/exhibit/next.key

The hand-over is an entry of the ledger, signed by both keys, under a checkpoint that both sign. A generated key is followed \
by a generated one: its file takes the place of the retired one. Where the configuration names the key, it must name \
the new one from then on. May be interrupted at any moment: the next command finishes it, a configured key by the same \
command again.")]
    Rotate {
        /// Why, in one line: it stands in the ledger and in reports
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Where the new key is, if the configuration names the key: env:NAME or file:PATH
        #[arg(long, value_name = "REF")]
        new_key: Option<String>,
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How data is printed.
        #[command(flatten)]
        printed: Printed,
    },
}
