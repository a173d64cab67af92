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
    /// A lockfile or SBOM that says what there was to examine; for `static_analysis` a list of files, such as `git ls-files`
    /// prints (may be repeated)
    #[arg(long, value_name = "FILE", visible_alias = "files")]
    pub(crate) lockfile: Vec<PathBuf>,
    /// When the tool ran, where its output does not say so: 2026-11-16T04:00:00Z
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
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

/// An instant as `date --utc --iso-8601=seconds` or Exhibit itself writes it.
fn instant(text: &str) -> Result<Timestamp, String> {
    let read = chrono::DateTime::parse_from_rfc3339(text);
    read.map(|at| Timestamp::new(at.to_utc()))
        .map_err(|_| "expected an instant such as 2026-11-16T04:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_may_have_any_offset_and_as_many_places_as_it_likes() {
        for (text, same) in [
            ("2026-11-16T04:00:00Z", "2026-11-16T04:00:00.000000Z"),
            ("2026-11-16T05:00:00+01:00", "2026-11-16T04:00:00.000000Z"),
            ("2026-11-16T04:00:00.123456789Z", "2026-11-16T04:00:00.123456Z"),
        ] {
            assert_eq!(instant(text).expect("an instant").to_string(), same);
        }
        for text in ["2026-11-16", "2026-11-16T04:00:00", "yesterday", ""] {
            assert!(instant(text).is_err(), "{text}");
        }
    }
}
