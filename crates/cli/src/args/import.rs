//! `exhibit evidence import`

use std::path::PathBuf;

use clap::Args;
use exhibit_evidence::{CollectorId, EnvironmentId, JobId, SubjectId, Timestamp};

use super::{Place, Printed};

/// What is handed in, and what is said of it.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// What the tool printed
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The collector that judges it
    #[arg(long, value_name = "ID")]
    pub(crate) collector: CollectorId,
    /// The job that takes it, where several jobs of the collector take results of others
    #[arg(long, value_name = "JOB")]
    pub(crate) job: Option<JobId>,
    /// The form it is in, as `exhibit collectors show` lists them; recognised where it can be
    #[arg(long, value_name = "FORM")]
    pub(crate) format_of: Option<String>,
    /// What was looked at, by its authored name
    #[arg(long, value_name = "ID")]
    pub(crate) subject: SubjectId,
    /// The environment it belongs to, where the job is about several
    #[arg(long, value_name = "ID")]
    pub(crate) environment: Option<EnvironmentId>,
    /// A lockfile or SBOM that says what there was to examine (may be repeated)
    #[arg(long, value_name = "FILE")]
    pub(crate) lockfile: Vec<PathBuf>,
    /// When the tool ran, where its output does not say so: 2026-11-16T04:00:00Z
    #[arg(long, value_name = "INSTANT")]
    pub(crate) observed_at: Option<Timestamp>,
    /// Where the tool ran
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Option<String>,
    /// Which deployment.
    #[command(flatten)]
    pub(crate) place: Place,
    /// How data is printed.
    #[command(flatten)]
    pub(crate) printed: Printed,
}
