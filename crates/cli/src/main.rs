//! The binary `exhibit`: the one place where configuration is read and parts are put together.

mod acting;
mod args;
mod commands;
mod config;
mod deployment;
mod frugal;
mod intake;
mod listening;
mod notify;
mod output;
mod rules;
mod signing;
mod succession;
mod token_key;
mod vault;

use std::process::ExitCode;

use clap::Parser as _;
use exhibit_collectors::runner::helper;

use crate::{
    args::{Cli, Command, EvidenceCommand, LogForm},
    output::{Exit, Problem, Words},
};

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|command| command == helper::COMMAND) {
        // Started once more, to stand above a scanner: before there are threads, and before anything is read.
        return helper::main();
    }
    let cli = Cli::parse();
    let words = Words::new(&cli.voice);
    let arenas = match &cli.command {
        Command::Serve(_) => Some("2"),
        // One thing at a time is done here.
        Command::Run(_) => Some("1"),
        Command::Evidence(args) if matches!(args.command, EvidenceCommand::Import(_)) => Some("1"),
        _ => None,
    };
    if let Some(Err(error)) = arenas.map(frugal::begin_again) {
        words.warn(format!("freed memory will be kept: {error}"));
    }
    match &cli.command {
        Command::Serve(args) => log_as_a_service(&words, args.log),
        _ => log_to(&words),
    }
    say_panics_without_words();
    if let Err(error) = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0) {
        // Values of secrets are in memory while a collector runs: a core file would keep them.
        words.warn(format!("core files could not be switched off: {error}"));
    }
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    if matches!(cli.command, Command::Serve(_)) {
        // It waits most of the time, and is to be small while it does.
        threads.worker_threads(2);
    }
    let runtime = match threads.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            Problem::of(&error.into()).print();
            return Exit::CouldNotLook.into();
        }
    };
    let outcome = runtime.block_on(commands::run(cli.command, &words));
    // A collector that was given up may still run: nobody waits for it.
    runtime.shutdown_background();
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) => {
            Problem::of(&error).print();
            Exit::CouldNotLook.into()
        }
    }
}

/// What the parts log goes to standard error: warnings always, more with `--verbose`.
fn log_to(words: &Words) {
    let writer = words.clone();
    tracing_subscriber::fmt()
        .with_env_filter(filter(words, "warn"))
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .init();
}

/// A service's log: what each step did, with the time, and nothing while there is nothing to do.
fn log_as_a_service(words: &Words, form: LogForm) {
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter(words, "info"))
        .with_ansi(false)
        .with_target(false)
        .with_writer(std::io::stderr);
    match form {
        LogForm::Text => log.init(),
        LogForm::Json => log.json().flatten_event(true).init(),
    }
}

/// How much is logged, `usual` unless more or less was asked for.
fn filter(words: &Words, usual: &str) -> String {
    let level = match (words.is_quiet(), words.verbosity()) {
        (true, _) => "error",
        (false, 0) => usual,
        (false, 1) => "info",
        (false, _) => "debug",
    };
    format!("{level},sqlx=warn")
}

/// A panic's words may quote what was being read: only where it was is said.
fn say_panics_without_words() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a thread panicked");
    }));
}
