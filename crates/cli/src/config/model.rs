//! What `exhibit.toml` says, typed and checked: the rest of the program sees nothing else of the file.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use chrono_tz::Tz;
use exhibit_archive::s3::{Encryption, LockMode};
use exhibit_collectors::Settings;
use exhibit_evidence::deployment::Environment;
use exhibit_evidence::schedule::Schedule;
use exhibit_evidence::{CollectorId, EnvironmentId, JobId};
use exhibit_pipeline::Retention;

use super::secret_ref::SecretRef;

/// A whole, valid configuration. Every path in it is absolute.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The folder of that file: relative paths in it start here, those in `source` tables too.
    pub(crate) base: PathBuf,
    /// `[deployment]`
    pub(crate) deployment: Deployment,
    /// `[database]`; `None` means the private Postgres in the data directory.
    pub(crate) database: Option<Database>,
    /// `[archive]`
    pub(crate) archive: Archive,
    /// `[signing]`
    pub(crate) signing: Signing,
    /// `[service]`
    pub(crate) service: Service,
    /// `[detection] rules`: paths, absolute, whose last part may hold `*`.
    pub(crate) rules: Vec<PathBuf>,
    /// `[environments.ID]` in the order of the file; the title is the id where none is given.
    pub(crate) environments: Vec<Environment>,
    /// `[[jobs]]` in the order of the file; ids are unique.
    pub(crate) jobs: Vec<Job>,
}

/// Who runs this, and by which calendar.
#[derive(Debug, Clone)]
pub(crate) struct Deployment {
    /// Stands on the report's cover; one line, not empty.
    pub(crate) name: String,
    /// The log's name in its checkpoints; `None` asks for a generated one at the first start.
    pub(crate) origin: Option<String>,
    /// Where schedules, days and quarters are counted.
    pub(crate) time_zone: Tz,
    /// First month of the fiscal year, 1 to 12.
    pub(crate) fiscal_year_start: u8,
    /// Days after a quarter's end in which late evidence still counts in it, 0 to 60.
    pub(crate) grace_days: u8,
    /// Where the private Postgres, keys and checkpoints lie.
    pub(crate) data_dir: PathBuf,
    /// Why the configuration was changed last; recorded with the change, no part of what it means.
    pub(crate) change_reason: Option<String>,
}

/// How `exhibit serve` works.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    /// How many slots are performed at a time, 1 to 64.
    pub(crate) workers: u8,
    /// How long a collector may take.
    pub(crate) time_limit: TimeDelta,
    /// How often every receipt is held against the archive.
    pub(crate) receipts_every: TimeDelta,
    /// Where the evidence API listens; nowhere without it.
    pub(crate) listen: Option<SocketAddr>,
    /// A proxy that speaks TLS stands before the listener.
    pub(crate) behind_proxy: bool,
    /// Where the service's counters are told to Prometheus; nowhere without it.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// What the listener speaks TLS with.
    pub(crate) tls: Option<Tls>,
}

/// Certificate and key of the listener.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    /// The chain, PEM, the listener's own certificate first.
    pub(crate) certificate: PathBuf,
    /// Where its key is found, PEM.
    pub(crate) key: SecretRef,
}

/// A Postgres server of one's own.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    /// Connection string of the service's role.
    pub(crate) url: SecretRef,
    /// Where that stands.
    pub(crate) url_place: KeyPlace,
    /// Connection string of the schema's owner, needed to migrate; a different role.
    pub(crate) owner_url: Option<SecretRef>,
    /// Where that stands, if it does.
    pub(crate) owner_url_place: Option<KeyPlace>,
}

/// Where a key stands in the file, as messages name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyPlace {
    /// The key with its table, such as `[database] url`.
    pub(crate) key: &'static str,
    /// The file, as the user named it.
    pub(crate) file: PathBuf,
    /// The line, from 1.
    pub(crate) line: usize,
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({}:{})", self.key, self.file.display(), self.line)
    }
}

/// Where reports and bundles are kept for good.
#[derive(Debug, Clone)]
pub(crate) struct Archive {
    /// The write-once directory.
    pub(crate) directory: PathBuf,
    /// How long archived objects are kept, by kind.
    pub(crate) retention: Retention,
    /// The bucket that is used instead of the directory.
    pub(crate) s3: Option<Bucket>,
}

/// A bucket with Object Lock.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    /// Its name.
    pub(crate) name: String,
    /// Its region.
    pub(crate) region: String,
    /// The server's URL; AWS without it.
    pub(crate) endpoint: Option<String>,
    /// What every key begins with.
    pub(crate) prefix: String,
    /// The lock of what is put.
    pub(crate) mode: LockMode,
    /// What the store is asked to encrypt with.
    pub(crate) encryption: Encryption,
    /// The certificates of the authorities that the server's own may come from, PEM; those that the machine trusts without it.
    pub(crate) ca_file: Option<PathBuf>,
    /// Where the keys are found; where AWS's own tools look for theirs without it.
    pub(crate) keys: Option<BucketKeys>,
    /// The profile of AWS's shared files that has the keys.
    pub(crate) profile: Option<String>,
    /// Larger objects are put in parts of so many MiB.
    pub(crate) part_mib: u8,
}

/// Where the keys to a bucket are found.
#[derive(Debug, Clone)]
pub(crate) struct BucketKeys {
    /// The access key's id.
    pub(crate) id: SecretRef,
    /// The secret access key.
    pub(crate) secret: SecretRef,
    /// The session token, where there is one.
    pub(crate) token: Option<SecretRef>,
}

/// The log's signing key.
#[derive(Debug, Clone)]
pub(crate) enum Signing {
    /// The configuration names a key.
    Given(SecretRef),
    /// This file, made at the first start if it is not there.
    Generated(PathBuf),
}

/// One promise: this collector looks at this, at these times.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// Permanent, authored id.
    pub(crate) id: JobId,
    /// Id of a collector that the registry knows.
    pub(crate) collector: CollectorId,
    /// Whether another system hands its evidence in.
    pub(crate) pushed: bool,
    /// When it is due, in the deployment's time zone.
    pub(crate) schedule: Schedule,
    /// Ids of declared environments; at least one, in the order of the file.
    pub(crate) environments: Vec<EnvironmentId>,
    /// How long its evidence stays fresh.
    pub(crate) fresh_for: TimeDelta,
    /// Performed later than this after its time is late.
    pub(crate) late_after: TimeDelta,
    /// The collector's own tables, checked by it.
    pub(crate) settings: Settings,
}

impl Config {
    /// Which tables say something else in `other` that only a start takes over: where things lie, and where it listens. Another
    /// signing key is held against the ledger when it is taken over.
    pub(crate) fn needs_restart(&self, other: &Self) -> Vec<&'static str> {
        let (ours, theirs) = (self.effective(), other.effective());
        let place = |config: &serde_json::Value, table: &str, key: &str| config[table][key].clone();
        let mut fixed: Vec<&'static str> =
            ["database", "archive", "service"].into_iter().filter(|table| ours[*table] != theirs[*table]).collect();
        if ["origin", "data_dir"].iter().any(|key| place(&ours, "deployment", key) != place(&theirs, "deployment", key))
        {
            fixed.push("deployment.origin or deployment.data_dir");
        }
        fixed
    }

    /// A path of the file as seen from [`Config::base`], so that it reads the same on every machine.
    pub(crate) fn relative<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.base).unwrap_or(path)
    }
}
