//! Every table and key of `exhibit.toml`, once: the reader asks here what may stand where, and the JSON Schema is
//! written from here.

use std::ops::RangeInclusive;

/// What a table may hold.
#[derive(Debug)]
pub(super) struct Shape {
    /// What it is for, in a sentence.
    pub(super) says: &'static str,
    /// Its keys, in the order in which people write them.
    pub(super) keys: &'static [Key],
}

/// A key of a table.
#[derive(Debug)]
pub(super) struct Key {
    /// As it is written.
    pub(super) name: &'static str,
    /// What may stand there.
    pub(super) kind: Kind,
    /// What it means, in a sentence.
    pub(super) says: &'static str,
    /// Whether it may be left out.
    pub(super) need: Need,
}

/// Whether a key may be left out.
#[derive(Debug)]
pub(super) enum Need {
    /// It may not; who leaves it out is told that it is this.
    Required(&'static str),
    /// It may not; the place that reads it says so.
    RequiredElsewhere,
    /// It may, and is then this, written as JSON.
    Default(&'static str),
    /// It may, and what happens then is said in words.
    Optional,
}

/// What may stand under a key.
#[derive(Debug)]
pub(super) enum Kind {
    /// A name of one line.
    Line,
    /// A path, absolute or from the file's folder.
    Path,
    /// Where a secret is found: `env:NAME` or `file:PATH`.
    Reference,
    /// Paths, absolute or from the file's folder, whose last part may hold `*`.
    Paths,
    /// A log's name.
    Origin,
    /// An IANA time zone.
    TimeZone,
    /// An IP address and a port.
    Address,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number.
    Number(RangeInclusive<u8>),
    /// `true` or `false`.
    Flag,
    /// A permanent id.
    Id,
    /// The id of a collector that there is.
    Collector,
    /// A crontab line.
    Schedule,
    /// Ids of declared environments.
    Environments,
    /// A span of time.
    Span,
    /// A table that belongs to the collector.
    Own,
    /// A table.
    Table(&'static Shape),
    /// Tables by their ids.
    Named(&'static Shape),
    /// A list of tables.
    List(&'static Shape),
}

impl Shape {
    /// The key of that name.
    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The names of all keys.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> + Clone {
        self.keys.iter().map(|key| key.name)
    }
}

const fn key(name: &'static str, kind: Kind, need: Need, says: &'static str) -> Key {
    Key { name, kind, says, need }
}

/// The whole file.
pub(super) static FILE: Shape = Shape {
    says: "Who runs Exhibit, where systems run, and what is collected when. Relative paths start at the file's folder. \
           Secrets stand in it only as references: env:NAME or file:PATH.",
    keys: &[
        key("deployment", Kind::Table(&DEPLOYMENT), Need::RequiredElsewhere, DEPLOYMENT.says),
        key("database", Kind::Table(&DATABASE), Need::Optional, DATABASE.says),
        key("archive", Kind::Table(&ARCHIVE), Need::Optional, ARCHIVE.says),
        key("signing", Kind::Table(&SIGNING), Need::Optional, SIGNING.says),
        key("service", Kind::Table(&SERVICE), Need::Optional, SERVICE.says),
        key("detection", Kind::Table(&DETECTION), Need::Optional, DETECTION.says),
        key(
            "environments",
            Kind::Named(&ENVIRONMENT),
            Need::Optional,
            "One table for each place in which systems run, by its permanent id.",
        ),
        key("jobs", Kind::List(&JOB), Need::Optional, "One table for each promise: who looks at what, and when."),
    ],
};

static DEPLOYMENT: Shape = Shape {
    says: "Who runs this, and by which calendar.",
    keys: &[
        key(
            "name",
            Kind::Line,
            Need::Required("the name that stands on the report's cover, such as \"Example Company\""),
            "Stands on the report's cover.",
        ),
        key(
            "origin",
            Kind::Origin,
            Need::Optional,
            "The log's name, fixed at the first start; without it, one is made then.",
        ),
        key(
            "time_zone",
            Kind::TimeZone,
            Need::Default("\"UTC\""),
            "Of schedules, days and quarters: an IANA name, such as Europe/Berlin.",
        ),
        key(
            "fiscal_year_start",
            Kind::Number(1..=12),
            Need::Default("1"),
            "The month in which the fiscal year begins.",
        ),
        key(
            "grace_days",
            Kind::Number(0..=60),
            Need::Default("5"),
            "How many days after a quarter's end late evidence still counts in it.",
        ),
        key("data_dir", Kind::Path, Need::Default("\".exhibit\""), "Private Postgres, keys, checkpoints, reports."),
        key(
            "change_reason",
            Kind::Line,
            Need::Optional,
            "Why this file was changed last: recorded with the change; without it, \"not stated\".",
        ),
    ],
};

static DATABASE: Shape = Shape {
    says: "A Postgres server of one's own. Without this table a private one runs in data_dir.",
    keys: &[
        key(
            "url",
            Kind::Reference,
            Need::Required(
                "where the service's connection string is found, such as \"env:EXHIBIT_DATABASE_URL\"; \
                 without the table, a private Postgres is used",
            ),
            "Where the connection string of the service's role is found.",
        ),
        key(
            "owner_url",
            Kind::Reference,
            Need::Optional,
            "Where the connection string of the schema's owner is found: another role, needed to migrate.",
        ),
    ],
};

static ARCHIVE: Shape = Shape {
    says: "Where reports and bundles are kept for good.",
    keys: &[
        key(
            "directory",
            Kind::Path,
            Need::Optional,
            "The write-once directory, used without [archive.s3]; without it, the folder archive in data_dir.",
        ),
        key(
            "retention_years",
            Kind::Number(1..=100),
            Need::Default("7"),
            "How long what is archived is kept, in years.",
        ),
        key("s3", Kind::Table(&S3), Need::Optional, S3.says),
        key(
            "retention_class",
            Kind::Line,
            Need::Optional,
            "A class by name, of which and `retention_years` the longer holds: seven-years, sec-17a-4, sec-17a-4-three-years, finra-4511, nydfs-500, \
             naic-668, hipaa-164-316, pci-10-5-1. Which one applies is for lawyers to say.",
        ),
        key(
            "retention",
            Kind::Table(&RETENTION),
            Need::Optional,
            "Other classes for kinds of objects. A longer class reaches what is archived already, a shorter one what is \
             archived from then on.",
        ),
    ],
};

static RETENTION: Shape = Shape {
    says: "Classes by kind of object: a class by name, or years as 10-years.",
    keys: &[
        key("report", Kind::Line, Need::Optional, "Reports' bundles."),
        key("disclosures", Kind::Line, Need::Optional, "Names behind pseudonyms, encrypted."),
        key("segment", Kind::Line, Need::Optional, "The ledger's own entries, day by day."),
        key("artifact", Kind::Line, Need::Optional, "Raw artifacts that evidence cites."),
    ],
};

static S3: Shape = Shape {
    says: "A bucket with S3 Object Lock, instead of the write-once directory. `exhibit doctor` looks whether it is fit.",
    keys: &[
        key("bucket", Kind::Line, Need::Required("the bucket's name"), "The bucket, made with Object Lock."),
        key(
            "region",
            Kind::Line,
            Need::Required("the bucket's region, such as \"eu-central-1\""),
            "Its region, such as eu-central-1; servers other than AWS often take us-east-1.",
        ),
        key("endpoint", Kind::Line, Need::Optional, "The server's URL where it is not AWS: scheme, host and port."),
        key("prefix", Kind::Line, Need::Optional, "What every key begins with, ending with /; without it, nothing."),
        key(
            "mode",
            Kind::Word(&["COMPLIANCE", "GOVERNANCE"]),
            Need::Optional,
            "The lock: COMPLIANCE, which nobody can take off, or GOVERNANCE; without it, COMPLIANCE.",
        ),
        key(
            "encryption",
            Kind::Word(&["bucket", "SSE-S3", "SSE-KMS"]),
            Need::Optional,
            "What the store encrypts with: as the bucket is set, or as each put asks; without it, as the bucket is set.",
        ),
        key(
            "kms_key",
            Kind::Line,
            Need::Optional,
            "The KMS key's ARN or id for SSE-KMS; without it, the account's own.",
        ),
        key(
            "access_key_id",
            Kind::Reference,
            Need::Optional,
            "Where the access key's id is found; without it and a profile, where AWS's own tools look: environment, shared files, web identity, container, instance.",
        ),
        key(
            "secret_access_key",
            Kind::Reference,
            Need::Optional,
            "Where the secret access key is found; beside access_key_id.",
        ),
        key(
            "session_token",
            Kind::Reference,
            Need::Optional,
            "Where a session token is found, for temporary keys beside access_key_id; else none.",
        ),
        key(
            "profile",
            Kind::Line,
            Need::Optional,
            "The profile of AWS's shared configuration files that has the keys, instead of access_key_id.",
        ),
        key(
            "ca_file",
            Kind::Path,
            Need::Optional,
            "The certificates, PEM, of the authorities that the endpoint's own may come from; without it, those that the machine trusts.",
        ),
        key(
            "part_mib",
            Kind::Number(1..=255),
            Need::Optional,
            "Larger objects are put as locked parts of so many MiB; without it, 64.",
        ),
    ],
};

static SIGNING: Shape = Shape {
    says: "The key that signs the log.",
    keys: &[key(
        "key",
        Kind::Reference,
        Need::Optional,
        "Where the log's Ed25519 key is found; without it, one is made in data_dir/keys at the first start.",
    )],
};

static SERVICE: Shape = Shape {
    says: "How `exhibit serve` works.",
    keys: &[
        key("workers", Kind::Number(1..=64), Need::Default("2"), "How many jobs are performed at a time."),
        key(
            "time_limit",
            Kind::Span,
            Need::Default("\"1h\""),
            "How long a collector may take before it is given up, from 1m to 397d.",
        ),
        key(
            "receipts_every",
            Kind::Span,
            Need::Default("\"6h\""),
            "How often the archive is held against its receipts, from 1m to 397d.",
        ),
        key(
            "listen",
            Kind::Address,
            Need::Optional,
            "Where the evidence API listens, such as 127.0.0.1:8470; without it, nowhere.",
        ),
        key(
            "tls_certificate",
            Kind::Path,
            Need::Optional,
            "The listener's certificate chain, PEM; needed where other machines reach it.",
        ),
        key("tls_key", Kind::Reference, Need::Optional, "Where the key of that certificate is found, PEM."),
        key(
            "behind_proxy",
            Kind::Flag,
            Need::Default("false"),
            "Whether a proxy that speaks TLS stands before the listener, so that it may do without.",
        ),
        key(
            "metrics_listen",
            Kind::Address,
            Need::Optional,
            "Where the service's counters are told to Prometheus, without a token; without it, nowhere.",
        ),
    ],
};

static DETECTION: Shape = Shape {
    says: "What secrets are found by, beside the built-in rules.",
    keys: &[key(
        "rules",
        Kind::Paths,
        Need::Required("a list of rule files, such as [\"rules/*.toml\"]"),
        "Rule files of your own; a file's name may hold *. `exhibit check` tries their examples.",
    )],
};

/// `[environments.ID]`
pub(super) static ENVIRONMENT: Shape = Shape {
    says: "A place in which systems run.",
    keys: &[
        key("title", Kind::Line, Need::Optional, "For people; without it, the id."),
        key(
            "disposable",
            Kind::Flag,
            Need::Default("false"),
            "Whether it may be thrown away, so that placeholders are tolerated in it.",
        ),
    ],
};

/// `[[jobs]]`
pub(super) static JOB: Shape = Shape {
    says: "A promise: this collector looks at this, at these times.",
    keys: &[
        key(
            "id",
            Kind::Id,
            Need::Required("the job's permanent name, such as \"ci-secrets\""),
            "Its permanent name, unlike every other job's.",
        ),
        key(
            "collector",
            Kind::Collector,
            Need::RequiredElsewhere,
            "Who looks: `exhibit collectors list` shows them all.",
        ),
        key(
            "pushed",
            Kind::Flag,
            Need::Default("false"),
            "Whether another system hands its evidence in, through the evidence API or `exhibit evidence import`: Exhibit judges \
             it and looks at nothing. Each time of the schedule then expects a piece observed from then on.",
        ),
        key(
            "schedule",
            Kind::Schedule,
            Need::Required("a crontab line, such as \"0 2 * * *\" for each night at two"),
            "When, in the deployment's time zone: minute, hour, day of month, month, day of week.",
        ),
        key(
            "environments",
            Kind::Environments,
            Need::Required("a list of declared ids, such as [\"production\"]"),
            "Which of the declared environments it is about.",
        ),
        key(
            "fresh_for",
            Kind::Span,
            Need::Optional,
            "How long its evidence stays fresh, from 1m to 397d; without it, as long as the collector says.",
        ),
        key(
            "late_after",
            Kind::Span,
            Need::Default("\"1h\""),
            "Performed later than this after its time, it is late; from 1m to 397d.",
        ),
        key(
            "source",
            Kind::Own,
            Need::Optional,
            "Where to look: the collector's own keys, told by `exhibit collectors show ID`.",
        ),
        key(
            "policy",
            Kind::Own,
            Need::Optional,
            "How to judge: the collector's own keys, told by `exhibit collectors show ID`.",
        ),
    ],
};
