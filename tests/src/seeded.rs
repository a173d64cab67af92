//! A ledger of many pieces of evidence, on a Postgres that writes through to the disk: what benchmarks measure on.
//!
//! Everything is appended as the pipeline appends it, so that records, tree and projections are what they would be. It
//! stays in its folder, so that a second benchmark finds it; one that was broken off goes on where it stopped.

use std::path::PathBuf;

use chrono::TimeDelta;
use exhibit_evidence::{
    Assessment, Body, Digest, Disclosable, EntryId, Evidence, Finding, Fingerprint, Observation, Place, Population,
    Severity, SubjectOutcome, Timestamp, Verdict,
    assessment::Judgement,
    deployment::{Deployment, Environment},
    observation::{CollectorRef, Method, Provenance, Run, SelfTest, Subject, Tool, Trigger},
    slot::{SchedulePromise, SlotClosure, SlotState},
};
use exhibit_ledger::{checkpoint::Checkpoint, note::SigningKey};
use exhibit_store::{
    Append, NewEntry, Store, StoredCheckpoint,
    cluster::{self, ClusterOptions, RunningCluster},
    testing,
};

const ORIGIN: &str = "example.org/exhibit-benchmarks";
const CHECK: &str = "ci-secrets.plaintext-value";
/// Pieces in one transaction.
const BATCH: u64 = 2_000;

/// What ledger is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Seed {
    /// Pieces of evidence.
    pub pieces: u64,
    /// When the first was observed.
    pub from: Timestamp,
    /// How long after one performance of a job its next is.
    pub every: TimeDelta,
    /// Whether schedules promise the pieces, and each closes its slot.
    pub promised: bool,
}

impl Seed {
    /// Jobs among which the pieces are spread.
    pub const JOBS: u64 = 20;

    /// Pieces on a quarter-day schedule of twenty jobs, from that time on.
    #[must_use]
    pub fn promised(pieces: u64, from: Timestamp) -> Self {
        Self { pieces, from, every: TimeDelta::hours(6), promised: true }
    }

    /// Until when the pieces were observed.
    #[must_use]
    pub fn ends(&self) -> Timestamp {
        self.observed(self.pieces)
    }

    /// The id of a piece's evidence.
    #[must_use]
    pub fn id(number: u64) -> EntryId {
        id(0x8000, number)
    }

    /// The id of its assessment.
    #[must_use]
    pub fn assessment(number: u64) -> EntryId {
        id(0x8001, number)
    }

    /// Until when a piece was observed.
    #[must_use]
    pub fn observed(&self, number: u64) -> Timestamp {
        let turn = i32::try_from(number / Self::JOBS).unwrap_or(i32::MAX);
        self.from.plus(self.every * turn)
    }

    /// What comes before the first piece.
    fn beginning(&self) -> Vec<NewEntry> {
        let deployment = Deployment {
            reason: None,
            origin: ORIGIN.to_owned(),
            name: "Benchmarks".to_owned(),
            time_zone: "UTC".to_owned(),
            fiscal_year_start: 1,
            grace_days: 5,
            environments: ["production", "staging"]
                .map(|id| Environment { id: authored(id), title: id.to_owned(), disposable: false })
                .to_vec(),
            configuration: Digest::of(b"benchmarks"),
            verifier_key: key().verifier().to_string(),
            exhibit_version: env!("CARGO_PKG_VERSION").to_owned(),
            archive: "none".to_owned(),
        };
        let promise = |number: u64| SchedulePromise {
            job: job(number),
            collector: authored("ci_secrets"),
            checks: vec![authored(CHECK)],
            schedule: Some("0 */6 * * *".to_owned()),
            time_zone: "UTC".to_owned(),
            tzdata: "2026a".to_owned(),
            environments: vec![environment(number)],
            fresh_for_s: 86_400,
            late_after_s: 3_600,
            settings: Digest::of(b"settings"),
            active_from: self.from,
            pushed: false,
        };
        let deployment = NewEntry { id: id(0x8003, Self::JOBS), body: deployment.into() };
        let promises = (0..Self::JOBS).map(|number| NewEntry { id: id(0x8003, number), body: promise(number).into() });
        std::iter::once(deployment).chain(promises).collect()
    }

    fn piece(&self, number: u64) -> Vec<NewEntry> {
        let observed = self.observed(number);
        let findings = if number % 50 == 7 { vec![finding(number)] } else { Vec::new() };
        let mut entries = vec![
            NewEntry { id: Self::id(number), body: self.evidence(number, observed).into() },
            NewEntry { id: Self::assessment(number), body: assessment(number, observed, findings).into() },
        ];
        if self.promised {
            let closure = SlotClosure {
                job: job(number),
                scheduled_for: observed,
                state: SlotState::Performed,
                attempts: 1,
                started_at: Some(observed),
                finished_at: Some(observed),
                evidence: Some(Self::id(number)),
                reason: None,
            };
            entries.push(NewEntry { id: id(0x8002, number), body: Body::from(closure) });
        }
        entries
    }

    fn evidence(&self, number: u64, observed: Timestamp) -> Evidence {
        let files: Vec<_> = (0..8)
            .map(|file| {
                let digest = Digest::of(&[number.to_be_bytes(), u64::to_be_bytes(file)].concat());
                serde_json::json!({ "path": format!(".github/workflows/{file}-{}.yml", number % 97), "digest": digest })
            })
            .collect();
        Evidence {
            job: job(number),
            collector: collector(),
            run: Run {
                id: id(0x8004, number),
                trigger: if self.promised { Trigger::Scheduled } else { Trigger::OnDemand },
                scheduled_for: self.promised.then_some(observed),
                started_at: observed,
                finished_at: observed,
                attempt: 1,
                reason: None,
            },
            provenance: Provenance {
                principal: Disclosable { digest: Digest::of(b"principal") },
                host: Disclosable { digest: Digest::of(b"host") },
                clock_offset_ms: Some(3),
            },
            self_test: Some(SelfTest { passed: true, detail: "both fixtures as expected".to_owned() }),
            policy: Digest::of(b"policy"),
            pushed: None,
            observation: Observation {
                observed_from: observed,
                observed_to: observed,
                subjects: vec![subject(number)],
                population: vec![Population {
                    subject: subject(number),
                    unit: "CI file version".to_owned(),
                    exist: Some(8),
                    counted_by: "the tree of each commit".to_owned(),
                    examined: 8,
                    excluded: Vec::new(),
                }],
                method: Method::All,
                tool: Tool {
                    name: "exhibit".to_owned(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    command: Vec::new(),
                    rule_pack: None,
                },
                rights: "reads the repository's objects".to_owned(),
                filters: Vec::new(),
                blind_spots: Vec::new(),
                problems: Vec::new(),
                facts: serde_json::json!({ "files": files }),
                facts_artifact: None,
                artifacts: Vec::new(),
            },
        }
    }
}

/// A ledger in a private Postgres of its own.
#[derive(Debug)]
pub struct Ledger {
    /// The server.
    pub cluster: RunningCluster,
    /// The store.
    pub store: Store,
}

impl Ledger {
    /// The ledger in this folder, filled as far as it is not, with a checkpoint over all of it.
    ///
    /// # Panics
    /// When there is no Postgres, or it can't be filled.
    pub async fn seeded(folder: impl Into<PathBuf>, seed: &Seed, told: impl Fn(u64)) -> Self {
        let cluster = cluster::start(ClusterOptions::new(folder)).await.expect("a private Postgres");
        let store = Store::open_private(cluster.connection()).await.expect("a store");
        if fill(&store, seed, told).await {
            // A server that has been up for a while has done so by itself.
            let superuser = testing::superuser_url(cluster.connection(), cluster.connection().database);
            testing::sql(&superuser, "VACUUM ANALYZE").await.expect("a superuser may");
        }
        let head = store.head().await.expect("a head");
        let size = head.size();
        if store.latest_checkpoint().await.expect("checkpoints can be read").is_none_or(|latest| latest.size < size) {
            let checkpoint = Checkpoint::of(ORIGIN, &head.frontier).sign(&[&key()]).expect("it can be signed");
            let note = String::from_utf8(checkpoint.to_bytes()).expect("a note is text");
            let root = store.root(size).await.expect("a root");
            let checkpoint = StoredCheckpoint { size, root, note, signed_at: seed.ends() };
            store.save_checkpoint(&checkpoint).await.expect("it is kept");
        }
        Self { cluster, store }
    }

    /// Ends it. What it holds stays.
    ///
    /// # Panics
    /// When the server can't be stopped.
    pub async fn close(self) {
        self.store.close().await;
        self.cluster.release().await.expect("the server stops");
    }
}

/// Appends what is not there yet; tells now and then up to which piece that is, and in the end whether anything lacked.
///
/// # Panics
/// When the database refuses it, or holds something else.
pub async fn fill(store: &Store, seed: &Seed, told: impl Fn(u64)) -> bool {
    let append = async |now: Timestamp, entries: Vec<NewEntry>| {
        store.append(Append::entries(now, entries)).await.expect("it is appended");
    };
    if seed.promised {
        append(seed.from, seed.beginning()).await;
    }
    let (mut next, mut lacked) = (0, false);
    // Batches are there whole or not at all.
    while next < seed.pieces {
        let until = (next + BATCH).min(seed.pieces);
        if store.entry(Seed::id(until - 1)).await.is_err() {
            let entries = (next..until).flat_map(|number| seed.piece(number)).collect();
            append(seed.observed(until), entries).await;
            told(until);
            lacked = true;
        }
        next = until;
    }
    lacked
}

fn id(kind: u64, number: u64) -> EntryId {
    // Twelve decimal digits are hexadecimal ones too, and easily written by other programs.
    let text = format!("00000000-0000-7000-{kind:x}-{}", 100_000_000_000 + number);
    text.parse().expect("an id")
}

fn authored<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("an authored id")
}

fn key() -> SigningKey {
    SigningKey::from_seed(ORIGIN, &[7; 32]).expect("a key's name")
}

fn job(number: u64) -> exhibit_evidence::JobId {
    authored(&format!("job-{:02}", number % Seed::JOBS))
}

fn environment(number: u64) -> exhibit_evidence::EnvironmentId {
    authored(if (number % Seed::JOBS).is_multiple_of(3) { "staging" } else { "production" })
}

fn subject(number: u64) -> Subject {
    Subject { environment: environment(number), id: authored(&format!("repository-{:02}", number % Seed::JOBS)) }
}

fn collector() -> CollectorRef {
    CollectorRef { id: authored("ci_secrets"), version: "0.1.0".to_owned(), content: Digest::of(b"collector") }
}

fn finding(number: u64) -> Finding {
    let (check, subject) = (authored(CHECK), subject(number));
    let place = format!("file-{}", number % 900);
    Finding {
        fingerprint: Fingerprint::of(&check, &subject.environment, &subject.id, &[&place]).expect("a fingerprint"),
        condition: authored("plaintext-in-ci"),
        severity: if number % 1_000 == 7 { Severity::Critical } else { Severity::Medium },
        environment: subject.environment,
        subject: subject.id,
        place: Place { file: Some(place), ..Place::default() },
        detail: "a literal stands where a reference should".to_owned(),
        instances: 1 + number % 3,
        attributes: Default::default(),
    }
}

fn assessment(number: u64, observed: Timestamp, findings: Vec<Finding>) -> Assessment {
    let verdict = if findings.is_empty() { Verdict::Pass } else { Verdict::Fail };
    Assessment {
        evidence: Seed::id(number),
        job: job(number),
        observed_to: observed,
        judge: collector(),
        policy: Digest::of(b"policy"),
        verdict,
        finding_count: findings.len() as u64,
        findings_artifact: None,
        judgement: Judgement {
            check: authored(CHECK),
            closings: Default::default(),
            subjects: vec![SubjectOutcome {
                subject: subject(number),
                verdict,
                reason: "8 of 8 versions examined".to_owned(),
            }],
            conditions: Default::default(),
            findings,
        },
    }
}
