//! `exhibit serve`: collecting that keeps going by itself, until it is told to end.

use std::{pin::pin, sync::Arc, time::Duration};

use anyhow::Context as _;
use exhibit_pipeline::{Effort, Service, ServiceSettings};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    time::Instant,
};

use crate::{
    args::ServeArgs,
    config::Config,
    deployment::{Deployment, load, write_report},
    listening::Listening,
    notify::Manager,
    output::{Exit, Problem, Words},
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

pub(crate) async fn run(args: &ServeArgs, words: &Words) -> anyhow::Result<Exit> {
    say_panics_without_words();
    let manager = Manager::of_environment();
    let mut ends = Ends::listen().context("listening for signals")?;
    let mut reloads = signal(SignalKind::hangup()).context("listening for signals")?;
    let begun = async {
        let deployment = Deployment::open(&args.place, words).await?;
        let reports = deployment.reports();
        let on_issued = Box::new(move |issued: &exhibit_pipeline::Issued| {
            let name = format!("{}-{}-{}", issued.period, issued.standing.word(), issued.revision);
            // The report is in the ledger and will be in the archive: the files are for convenience.
            if let Err(error) = write_report(&reports.join(name), issued) {
                tracing::warn!(error = format!("{error:#}"), "the report's files could not be written");
            }
        });
        let settings = settings(&deployment.config);
        let listening = Listening::bind(&deployment.config).await?;
        let service = Service::start(Arc::clone(&deployment.world), settings, on_issued).await?;
        anyhow::Ok((deployment, service, listening))
    };
    // Whoever is told to end before it began has nothing to hand back.
    let (deployment, service, listening) = tokio::select! {
        begun = begun => begun?,
        () = ends.next() => return Ok(Exit::Clean),
    };

    let (closing, closed) = watch::channel(false);
    let mut answering = listening.start(&deployment.config, &service.world(), &closed)?;
    let working = Arc::clone(&service);
    let mut running = tokio::spawn(async move { working.run().await });
    tracing::info!(jobs = deployment.config.jobs.len(), workers = deployment.config.service.workers, "serving");
    manager.tell("READY=1");
    let mut current = deployment.config.clone();
    let mut sign_of_life = tokio::time::interval(manager.watchdog().unwrap_or(Duration::from_secs(3_600)));
    loop {
        tokio::select! {
            () = ends.next() => break,
            _ = reloads.recv() => {
                manager.tell("RELOADING=1");
                // It may have to wait for another process: signs of life go on, and an end does not wait.
                let outcome = {
                    let mut reloading = pin!(reload(args, &current, &deployment, &service));
                    loop {
                        tokio::select! {
                            outcome = &mut reloading => break Some(outcome),
                            _ = sign_of_life.tick() => manager.tell("WATCHDOG=1"),
                            () = ends.next() => break None,
                        }
                    }
                };
                match outcome {
                    Some(Ok(config)) => current = config,
                    Some(Err(error)) => refuse(&error),
                    None => break,
                }
                manager.tell("READY=1");
            }
            _ = sign_of_life.tick() => manager.tell("WATCHDOG=1"),
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
        while answering.join_next().await.is_some() {}
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
) -> anyhow::Result<Config> {
    let config = load(&args.place)?;
    let fixed = current.needs_restart(&config);
    anyhow::ensure!(
        fixed.is_empty(),
        "{} changed, which a running service can't take over: restart it",
        fixed.join(", ")
    );
    let declared = service.adopt(Arc::new(deployment.planned_anew(&config, &service.world()).await?)).await?;
    let jobs = declared.jobs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    tracing::info!(changed = declared.deployment, jobs, "configuration read again");
    Ok(config)
}

/// Says why a configuration is not taken over. The old plan goes on.
fn refuse(error: &anyhow::Error) {
    let why = Problem::of(error).plain();
    tracing::error!("the configuration was not taken over; the old plan goes on:\n{why}");
}

/// A panic's words may quote what was being read: only where it was is said.
fn say_panics_without_words() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a thread panicked");
    }));
}
