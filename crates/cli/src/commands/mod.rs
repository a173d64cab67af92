//! One file a command.

mod archive;
mod artifact;
mod attest;
mod check;
mod collectors;
mod custody;
mod demo;
mod demo_config;
mod disclosures;
mod doctor;
mod evidence;
mod fsck;
mod hold;
mod import;
mod init;
mod judged;
mod key;
mod rebuild;
mod report;
mod rerender;
mod restore;
mod run;
mod scan;
mod serve;
mod token;
mod verify;
mod waiver;

use tokio::task::block_in_place;

use crate::{
    args::{Command, completions},
    output::{Exit, Out, Words},
};

/// Does what the command line asks.
///
/// # Errors
/// When it could not be done, or could not be looked at.
pub(crate) async fn run(command: Command, words: &Words) -> anyhow::Result<Exit> {
    let mut out = Out::stdout();
    let exit = match command {
        // Cases and places of keys are asked by clients that block.
        Command::Check(args) => block_in_place(|| check::run(&args, words, &mut out)),
        Command::Doctor(args) => doctor::run(&args, words, &mut out).await,
        Command::Init(args) => init::run(&args, words, &mut out),
        Command::Demo(args) => demo::run(&args, words, &mut out).await,
        Command::Run(args) => run::run(&args, words, &mut out).await,
        Command::Serve(args) => serve::run(&args, words).await,
        Command::Collectors(args) => collectors::run(&args, &mut out),
        Command::Evidence(args) => evidence::run(&args, words, &mut out).await,
        Command::Report(args) => report::run(&args, words, &mut out).await,
        Command::Archive(args) => archive::run(&args, words, &mut out).await,
        Command::Hold(args) => hold::run(&args, words, &mut out).await,
        Command::Attest(args) => attest::run(&args, words, &mut out).await,
        Command::Waiver(args) => waiver::run(&args, words, &mut out).await,
        Command::Custody(args) => block_in_place(|| custody::run(&args, words, &mut out)),
        Command::Disclosures(args) => disclosures::run(&args, words, &mut out).await,
        Command::Key(args) => key::run(&args, words, &mut out).await,
        Command::Token(args) => token::run(&args, words, &mut out).await,
        Command::Scan(args) => scan::run(&args, words, &mut out),
        Command::Verify(args) => verify::run(&args, words, &mut out),
        Command::Fsck(args) => fsck::run(&args, words, &mut out).await,
        Command::Rebuild(args) => rebuild::run(&args, words, &mut out).await,
        Command::Completions(args) => {
            out.bytes(&completions(args.shell))?;
            Ok(Exit::Clean)
        }
    }?;
    out.flush()?;
    Ok(exit)
}
