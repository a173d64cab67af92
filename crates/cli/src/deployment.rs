//! A deployment, opened: configuration, key, database and archive put together as the pipeline's world.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use exhibit_archive::Vault;
use exhibit_collectors::{Registry, runner::Spawning};
use exhibit_detect::Engine;
use exhibit_evidence::{Digest, FiscalCalendar};
use exhibit_ledger::note::SigningKey;
use exhibit_pipeline::{
    ARCHIVED, DeploymentPlan, HostFacts, Job, OutsideCheckpoints, ReferenceClock, SystemClock, SystemRandom, WorkPlan,
    World,
};
use exhibit_report::{Catalog, TemplateSet, frameworks};
use exhibit_store::{
    DatabaseUrl, Store,
    cluster::{self, ClusterOptions, RunningCluster},
};

use crate::{
    args::Place,
    config::{self, Config, KeyPlace, SecretRef},
    output::{Hint as _, Words},
    signing, succession, vault,
};

/// A deployment, ready to work.
pub(crate) struct Deployment {
    /// The configuration.
    pub(crate) config: Config,
    /// Everything with a side effect.
    pub(crate) world: Arc<World>,
    cluster: Option<RunningCluster>,
    words: Words,
}

/// Reads the configuration that a command is about.
pub(crate) fn load(place: &Place) -> anyhow::Result<Config> {
    let registry = Registry::built_in()?;
    Ok(config::load(&place.config_file(), &registry)?)
}

impl Deployment {
    /// Opens the deployment that a command is about.
    ///
    /// # Errors
    /// When the configuration is not in order, or a part can't be opened.
    pub(crate) async fn open(place: &Place, words: &Words) -> anyhow::Result<Self> {
        Self::of(load(place)?, words).await
    }

    /// Opens the deployment of this configuration.
    ///
    /// # Errors
    /// When a part can't be opened.
    pub(crate) async fn of(config: Config, words: &Words) -> anyhow::Result<Self> {
        let mut deployment = Self::to_examine(config, words).await?;
        deployment.settle(None, words).await?;
        Ok(deployment)
    }

    /// Makes sure that the ledger's own key signs: see [`succession::settle`].
    ///
    /// # Errors
    /// When it can't.
    pub(crate) async fn settle(
        &mut self,
        next: Option<SigningKey>,
        words: &Words,
    ) -> anyhow::Result<Option<exhibit_pipeline::Handover>> {
        let world = Arc::get_mut(&mut self.world).context("somebody works with the deployment already")?;
        succession::settle(&self.config, world, next, words).await
    }

    /// Opens the deployment of this configuration, whatever its keys say: to look at it, and to name what is wrong.
    ///
    /// # Errors
    /// When a part can't be opened.
    pub(crate) async fn to_examine(config: Config, words: &Words) -> anyhow::Result<Self> {
        let data = config.deployment.data_dir.clone();
        // Others may pass through, since the private Postgres of root is another user's, but not look around.
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o711)
            .create(&data)
            .with_context(|| format!("making the data folder {}", data.display()))?;
        let signer = signing::signing_key(&config, words)?;
        let vault = vault::open(&config)?;
        let outside = OutsideCheckpoints::new(data.join("checkpoints"));

        let (store, cluster) = open_store(&config, words).await?;
        if store.head().await?.size() == 0
            && let Some(place) = checkpoints_kept(&outside, vault.as_ref()).await?
        {
            return Err(anyhow::anyhow!("the ledger is empty, but checkpoints of it are kept in {place}"))
                .hint(
                    "the database was lost or exchanged: restore a backup of it, or `exhibit archive restore`; an empty one would hide \
                     what is gone",
                );
        }
        let registry = Registry::built_in()?;
        let catalog = catalog(&registry)?;
        let world = World {
            store,
            vault,
            registry,
            engine: crate::rules::engine(&config.rules, &config.base)?,
            runner: Arc::new(Spawning::by_this_program()),
            templates: TemplateSet::built_in()?,
            catalog,
            clock: Arc::new(SystemClock),
            reference: if cluster.is_some() { ReferenceClock::SameHost } else { ReferenceClock::Server },
            random: Arc::new(SystemRandom),
            signer,
            outside,
            host: host_facts(),
            plan: work_plan(&config)?,
        };
        Ok(Self { config, world: Arc::new(world), cluster, words: words.clone() })
    }

    /// The world of a changed configuration: its plan, the key that the ledger goes on with, and everything else as it is now.
    ///
    /// # Errors
    /// When the configuration can't be planned by, or the key can't be read again.
    pub(crate) async fn planned_anew(
        &self,
        config: &Config,
        now: &World,
        engine: Arc<Engine>,
    ) -> anyhow::Result<World> {
        let registry = Registry::built_in()?;
        let mut world = World {
            store: now.store.clone(),
            vault: Arc::clone(&now.vault),
            catalog: catalog(&registry)?,
            registry,
            engine,
            runner: Arc::clone(&now.runner),
            templates: TemplateSet::built_in()?,
            clock: Arc::clone(&now.clock),
            reference: now.reference.clone(),
            random: Arc::clone(&now.random),
            signer: signing::signing_key(config, &self.words)?,
            outside: now.outside.clone(),
            host: now.host.clone(),
            plan: work_plan(config)?,
        };
        succession::settle(config, &mut world, None, &self.words).await?;
        Ok(world)
    }

    /// The world, to exchange its key before anybody works with it.
    ///
    /// # Errors
    /// When somebody does already.
    pub(crate) fn world_mut(&mut self) -> anyhow::Result<&mut World> {
        Arc::get_mut(&mut self.world).context("somebody works with the deployment already")
    }

    /// Closes connections, and gives back the share in the private Postgres.
    ///
    /// # Errors
    /// When the private Postgres can't be stopped.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        self.world.store.close().await;
        if let Some(cluster) = self.cluster {
            cluster.release().await?;
        }
        Ok(())
    }

    /// The folder where issued reports lie as files.
    pub(crate) fn reports(&self) -> PathBuf {
        self.config.deployment.data_dir.join("reports")
    }
}

/// Database and archive of a deployment, and nothing else: to bring one back from the other.
pub(crate) struct Parts {
    /// The database.
    pub(crate) store: Store,
    /// The archive.
    pub(crate) vault: Arc<dyn Vault>,
    /// Where checkpoints are kept beside the database.
    pub(crate) outside: OutsideCheckpoints,
    cluster: Option<RunningCluster>,
}

impl Parts {
    /// Opens them, and makes the database where there is none.
    ///
    /// # Errors
    /// When one can't be opened.
    pub(crate) async fn open(config: &Config, words: &Words) -> anyhow::Result<Self> {
        let vault = vault::open(config)?;
        let outside = OutsideCheckpoints::new(config.deployment.data_dir.join("checkpoints"));
        let (store, cluster) = open_store(config, words).await?;
        Ok(Self { store, vault, outside, cluster })
    }

    /// Closes connections, and gives back the share in the private Postgres.
    ///
    /// # Errors
    /// When the private Postgres can't be stopped.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        self.store.close().await;
        if let Some(cluster) = self.cluster {
            cluster.release().await?;
        }
        Ok(())
    }
}

/// A place outside the database that keeps checkpoints, if there is one.
async fn checkpoints_kept(outside: &OutsideCheckpoints, vault: &dyn Vault) -> anyhow::Result<Option<String>> {
    if !outside.files()?.is_empty() {
        return Ok(Some(outside.folder().display().to_string()));
    }
    let archived = vault.list(ARCHIVED).await?;
    Ok((!archived.is_empty()).then(|| format!("the archive {}", vault.describe().place)))
}

/// What reports tell of collectors and frameworks.
fn catalog(registry: &Registry) -> anyhow::Result<Catalog> {
    Ok(Catalog {
        collectors: registry.iter().map(|registered| registered.manifest.clone()).collect(),
        frameworks: frameworks()?,
    })
}

/// The database that is configured, or else the private one.
async fn open_store(config: &Config, words: &Words) -> anyhow::Result<(Store, Option<RunningCluster>)> {
    if let Some(database) = &config.database {
        let place = &database.url_place;
        let service = connection_string(&database.url, place)?;
        if let (Some(owner), Some(place)) = (&database.owner_url, &database.owner_url_place) {
            let role = service.role().with_context(|| place.to_string())?;
            let migrated = Store::migrate(&connection_string(owner, place)?, &role).await;
            migrated
                .with_context(|| format!("the schema's owner, {place}, could not bring the database up to date"))?;
        }
        let store = Store::open(&service).await;
        return Ok((store.with_context(|| format!("the database of {place} could not be opened"))?, None));
    }
    let folder = private_folder(&config.deployment.data_dir, words)?;
    let private =
        || format!("the private Postgres of `[deployment] data_dir`, {}, could not be opened", folder.display());
    let cluster = cluster::start(ClusterOptions::new(&folder)).await.with_context(private)?;
    let store = Store::open_private(cluster.connection()).await.with_context(private);
    Ok((store.hint(format!("its log is {}", cluster.log().display()))?, Some(cluster)))
}

fn connection_string(reference: &SecretRef, place: &KeyPlace) -> anyhow::Result<DatabaseUrl> {
    let unusable = || format!("{place} gives no connection string");
    let resolved = reference.resolve().with_context(unusable)?;
    DatabaseUrl::new(resolved.value).with_context(unusable)
}

/// Where the private Postgres lies by what is there: nothing is made.
pub(crate) fn private_folder_noted(data: &Path) -> PathBuf {
    match fs::read_to_string(data.join("postgres-is-in")) {
        Ok(place) => PathBuf::from(place.trim_end_matches('\n')),
        Err(_) => data.join("postgres"),
    }
}

/// Where the private Postgres lies. Beside everything else, if its user can get there; where root keeps the data in a
/// folder that nobody else may pass, in a folder of its own, which is written down once and for all.
fn private_folder(data: &Path, words: &Words) -> anyhow::Result<PathBuf> {
    let beside = data.join("postgres");
    let note = data.join("postgres-is-in");
    if let Ok(place) = fs::read_to_string(&note) {
        return Ok(PathBuf::from(place.trim_end_matches('\n')));
    }
    let Err(refused) = cluster::check_reachable(&beside) else { return Ok(beside) };
    let name = Digest::of(data.as_os_str().as_encoded_bytes()).short();
    let elsewhere = Path::new("/var/lib/exhibit").join(name);
    cluster::check_reachable(&elsewhere).map_err(|_| refused)?;
    fs::create_dir_all(&elsewhere).with_context(|| format!("making {}", elsewhere.display()))?;
    fs::write(&note, format!("{}\n", elsewhere.display())).with_context(|| format!("writing {}", note.display()))?;
    words.say(format!(
        "The private Postgres runs as another user than root, who can't reach {}: its files are in {}.",
        data.display(),
        elsewhere.display()
    ));
    Ok(elsewhere)
}

/// Who runs this, and where, as the operating system says: an environment variable says what anybody wants.
fn host_facts() -> HostFacts {
    let user = nix::unistd::geteuid();
    let name = nix::unistd::User::from_uid(user).ok().flatten().map(|user| user.name);
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    HostFacts {
        principal: name.unwrap_or_else(|| format!("uid {user}")),
        host: host.filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned()),
    }
}

fn work_plan(config: &Config) -> anyhow::Result<WorkPlan> {
    let deployment = &config.deployment;
    let month = u32::from(deployment.fiscal_year_start);
    let calendar =
        FiscalCalendar::new(deployment.time_zone, month).context("the fiscal year starts in month 1 to 12")?;
    let jobs = config.jobs.iter().map(|job| Job {
        id: job.id.clone(),
        collector: job.collector.clone(),
        pushed: job.pushed,
        schedule: Some(job.schedule.clone()),
        environments: job.environments.clone(),
        fresh_for: job.fresh_for,
        late_after: job.late_after,
        settings: job.settings.clone(),
    });
    Ok(WorkPlan {
        deployment: DeploymentPlan {
            name: deployment.name.clone(),
            calendar,
            fiscal_year_start: month,
            grace_days: u32::from(deployment.grace_days),
            environments: config.environments.clone(),
            configuration: config.digest(),
            change_reason: deployment.change_reason.clone(),
        },
        jobs: jobs.collect(),
        base: config.base.clone(),
        retention: config.archive.retention.clone(),
    })
}

/// Writes an issued report's forms as files and tells where they are.
///
/// # Errors
/// When a file can't be written.
pub(crate) fn write_report(
    folder: &Path,
    issued: &exhibit_pipeline::Issued,
) -> anyhow::Result<BTreeMap<&'static str, PathBuf>> {
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let forms: [(&'static str, &str, &[u8]); 4] = [
        ("md", "report.md", issued.markdown.as_bytes()),
        ("html", "report.html", issued.html.as_bytes()),
        ("json", "report.json", issued.json.as_bytes()),
        ("bundle", "bundle.tar", &issued.bundle),
    ];
    let mut paths = BTreeMap::new();
    for (form, name, bytes) in forms {
        let path = folder.join(name);
        let draft = folder.join(format!(".{name}.draft"));
        fs::write(&draft, bytes)
            .and_then(|()| fs::rename(&draft, &path))
            .with_context(|| format!("writing {}", path.display()))?;
        paths.insert(form, path);
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_principal_is_the_systems_word() {
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let own = nix::unistd::geteuid().to_string();
        let line = passwd.lines().find(|line| line.split(':').nth(2) == Some(own.as_str()));
        let named = line.and_then(|line| line.split(':').next());
        assert_eq!(host_facts().principal, named.map_or(format!("uid {own}"), str::to_owned));
        assert_ne!(host_facts().host, "");
    }
}
