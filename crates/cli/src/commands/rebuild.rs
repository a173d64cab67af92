//! `exhibit rebuild`: every projection anew from the ledger.

use serde::Serialize;

use crate::{
    args::RebuildArgs,
    deployment::Deployment,
    output::{Exit, Out, Table, Words},
};

#[derive(Serialize)]
struct Rebuilt {
    entries: u64,
}

pub(crate) async fn run(args: &RebuildArgs, words: &Words, out: &mut Out) -> anyhow::Result<Exit> {
    let deployment = Deployment::open(&args.place, words).await?;
    let entries = deployment.world.store.rebuild().await;
    deployment.close().await?;
    let rebuilt = Rebuilt { entries: entries? };
    out.data(args.printed.format, &rebuilt, |rebuilt| Table::facts([("entries read", rebuilt.entries.to_string())]))?;
    Ok(Exit::Clean)
}
