//! `exhibit custody`: what is typed about the keys that the collector `key_custody` looks after.

use clap::{Args, Subcommand};
use exhibit_evidence::{EnvironmentId, JobId, SubjectId};

use super::{Place, Printed};

/// `exhibit custody`
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct CustodyArgs {
    /// What about them.
    #[command(subcommand)]
    pub(crate) command: CustodyCommand,
}

/// What about keys.
#[derive(Debug, Subcommand)]
pub(crate) enum CustodyCommand {
    /// Encrypt a canary with the key that runs, for a restore drill to open later with a copy
    #[command(after_long_help = "\
Example:
  exhibit custody canary key-restore-drill
  exhibit custody canary key-restore-drill --key encryption-key --drill offline --from worker

Writes the file that the drill names as its `canary`, and beside it a note, FILE.json: which key it was, when, which \
services ran with it then, and the digest of what has to come out. The drill needs no `expect` then. Neither holds \
the key, and neither is ever written over: make one for each key, when it becomes current, and keep it as long as there is \
data under that key.

The key is read from the first place in `running` that it comes out of, of whichever job, or from the place that --from \
names. Every service in `running` is asked whether it runs with the same. Encrypts as the drill decrypts: aes-256-gcm, \
fernet, age (with the programs age and age-keygen). What a drill decrypts by a command, the application itself has to write.

Exits 1 if the key is not the one that the services run with, 2 if it could not be written or found out.")]
    Canary {
        /// The job that performs the drill
        #[arg(value_name = "JOB")]
        job: JobId,
        /// The key's environment, where the job has drills in several
        #[arg(long, value_name = "ID")]
        environment: Option<EnvironmentId>,
        /// The key, by its subject, where the job has drills with several
        #[arg(long, value_name = "SUBJECT")]
        key: Option<SubjectId>,
        /// The drill, by its name, where the key has several
        #[arg(long, value_name = "NAME")]
        drill: Option<String>,
        /// The place that the key is read from, by its name
        #[arg(long, value_name = "PLACE")]
        from: Option<String>,
        /// Which deployment.
        #[command(flatten)]
        place: Place,
        /// How data is printed.
        #[command(flatten)]
        printed: Printed,
    },
}
