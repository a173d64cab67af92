//! `exhibit serve`: collecting that keeps going by itself, until it is told to end.

use std::{pin::pin, sync::Arc, time::Duration};

use anyhow::Context as _;
use exhibit_pipeline::{Effort, Service, ServiceSettings};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    time::{Instant, Interval},
};

use crate::{
    args::ServeArgs,
    config::Config,
    deployment::{Deployment, load, write_report},
    listening::{Answering, Listening},
    notify::Manager,
    output::{Exit, Problem, Words},
    rules, vault,
};

/// How long after the first signal to end the process is gone, whatever hangs: managers allow for 10 s.
const LAST: Duration = Duration::from_millis(9_500);
/// What a process that was ended by SIGTERM at once ends with: 128 and the signal's number.
const HARD: i32 = 143;

/// The signals that tell a service to end.
struct Ends {
    terminate: Signal,
    interrupt: Signal,
}

impl Ends {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Signs of life for whoever started this.
struct Alive<'a> {
    manager: &'a Manager,
    due: Interval,
}

impl<'a> Alive<'a> {
    fn of(manager: &'a Manager) -> Self {
        Self { manager, due: tokio::time::interval(manager.watchdog().unwrap_or(Duration::from_secs(3_600))) }
    }

    /// Waits until the next is due, and gives it.
    async fn tell(&mut self) {
        self.due.tick().await;
        self.manager.tell("WATCHDOG=1");
    }

    /// Does what may have to wait for another process: signs of life go on, and an end does not wait.
    async fn during<T>(&mut self, work: impl Future<Output = T>, ends: &mut Ends) -> Option<T> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Some(done),
                () = self.tell() => {}
                () = ends.next() => return None,
            }
        }
    }
}

pub(crate) async fn run(args: &ServeArgs, words: &Words) -> anyhow::Result<Exit> {
    let manager = Manager::of_environment();
    let mut ends = Ends::listen().context("listening for signals")?;
    let mut reloads = signal(SignalKind::hangup()).context("listening for signals")?;
    let begun = async {
        let config = load(&args.place)?;
        // First, because it is soon found out where it can't be had.
        let listening = Listening::bind(&config).await?;
        let deployment = Deployment::of(config, words).await?;
        vault::look(&deployment.config, &deployment.world, words).await?;
        let reports = deployment.reports();
        let on_issued = Box::new(move |issued: &exhibit_pipeline::Issued| {
            let name = format!("{}-{}-{}", issued.period, issued.standing.word(), issued.revision);
            // The report is in the ledger and will be in the archive: the files are for convenience.
            if let Err(error) = write_report(&reports.join(name), issued) {
                tracing::warn!(error = format!("{error:#}"), "the report's files could not be written");
            }
        });
        let settings = settings(&deployment.config);
        let service = Service::start(Arc::clone(&deployment.world), settings, on_issued).await?;
        anyhow::Ok((deployment, service, listening))
    };
    // Whoever is told to end before it began has nothing to hand back.
    let (deployment, service, listening) = tokio::select! {
        begun = begun => begun?,
        () = ends.next() => return Ok(Exit::Clean),
    };

    let (closing, closed) = watch::channel(false);
    let mut answering = listening.start(&deployment.config, &service, &closed)?;
    let working = Arc::clone(&service);
    let mut running = tokio::spawn(async move { working.run().await });
    tracing::info!(jobs = deployment.config.jobs.len(), workers = deployment.config.service.workers, "serving");
    manager.tell("READY=1");
    let mut current = deployment.config.clone();
    let mut alive = Alive::of(&manager);
    loop {
        tokio::select! {
            () = ends.next() => break,
            _ = reloads.recv() => {
                manager.tell("RELOADING=1");
                match alive.during(reload(args, &current, &deployment, &service, &answering), &mut ends).await {
                    Some(Ok(config)) => current = config,
                    Some(Err(error)) => refuse(&error),
                    None => break,
                }
                manager.tell("READY=1");
            }
            () = service.retired() => {
                match alive.during(take_next_key(&current, &deployment, &service), &mut ends).await {
                    Some(Ok(())) => {}
                    Some(Err(error)) => tracing::error!(
                        "the signing key was rotated, and nothing is signed until its successor is there:\n{}",
                        Problem::of(&error).plain()
                    ),
                    None => break,
                }
            }
            () = alive.tell() => {}
            ended = &mut running => {
                ended.context("the service's task")?;
                return Err(anyhow::anyhow!("the service ended by itself"));
            }
        }
    }

    manager.tell("STOPPING=1");
    tracing::info!("ending: nothing new is begun; what runs is finished or handed back");
    let last = Instant::now() + LAST;
    service.end();
    closing.send_replace(true);
    let handed_back = async {
        let ended = running.await;
        while answering.tasks.join_next().await.is_some() {}
        deployment.close().await?;
        ended.context("the service's task")
    };
    tokio::select! {
        done = handed_back => done?,
        () = ends.next() => std::process::exit(HARD),
        // Leases end with this process's connections: they are handed back in any case.
        () = tokio::time::sleep_until(last) => {
            tracing::warn!("something did not end in time and is left behind");
            return Ok(Exit::Clean);
        }
    }
    tracing::info!("ended");
    Ok(Exit::Clean)
}

fn settings(config: &Config) -> ServiceSettings {
    let service = &config.service;
    let span = |delta: chrono::TimeDelta| delta.to_std().unwrap_or_default();
    ServiceSettings {
        workers: usize::from(service.workers),
        receipts_every: span(service.receipts_every),
        effort: Effort { limit: span(service.time_limit), ..Effort::patient() },
        ..ServiceSettings::default()
    }
}

/// Reads the configuration again and goes over to it.
async fn reload(
    args: &ServeArgs,
    current: &Config,
    deployment: &Deployment,
    service: &Service,
    answering: &Answering,
) -> anyhow::Result<Config> {
    let config = load(&args.place)?;
    let fixed = current.needs_restart(&config);
    anyhow::ensure!(
        fixed.is_empty(),
        "{} changed, which a running service can't take over: restart it",
        fixed.join(", ")
    );
    let renewed = answering.renewed(&config)?;
    let engine = rules::engine(&config.rules, &config.base)?;
    let world = Arc::new(deployment.planned_anew(&config, &service.world(), engine).await?);
    let declared = service.adopt(Arc::clone(&world)).await?;
    answering.adopt(&world, renewed.as_ref());
    let jobs = declared.jobs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    tracing::info!(changed = declared.deployment, jobs, "configuration read again");
    Ok(config)
}

/// Signs by the key that the ledger goes on with, once it lies where the configuration says.
async fn take_next_key(config: &Config, deployment: &Deployment, service: &Service) -> anyhow::Result<()> {
    let now = service.world();
    // Rule files are read again where somebody asks for that, and a broken one is no reason to sign by an old key.
    let world = Arc::new(deployment.planned_anew(config, &now, Arc::clone(&now.engine)).await?);
    let key = world.signer.verifier().to_string();
    service.sign_by(world);
    tracing::info!(key, "the signing key was rotated: its successor signs from now on");
    Ok(())
}

/// Says why a configuration is not taken over. The old plan goes on.
fn refuse(error: &anyhow::Error) {
    let why = Problem::of(error).plain();
    tracing::error!("the configuration was not taken over; the old plan goes on:\n{why}");
}
