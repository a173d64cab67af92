//! The binary `exhibit`: the one place where configuration is read and parts are put together.

mod args;
mod commands;
mod config;
mod deployment;
mod output;
mod signing;
mod succession;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{
    args::Cli,
    output::{Exit, Problem, Words},
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let words = Words::new(&cli.voice);
    log_to(&words);
    if let Err(error) = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0) {
        // Values of secrets are in memory while a collector runs: a core file would keep them.
        words.warn(format!("core files could not be switched off: {error}"));
    }
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(commands::run(cli.command, &words)));
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
    let level = match (words.is_quiet(), words.verbosity()) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info",
        (false, _) => "debug",
    };
    let writer = words.clone();
    tracing_subscriber::fmt()
        .with_env_filter(format!("{level},sqlx=warn"))
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .init();
}
