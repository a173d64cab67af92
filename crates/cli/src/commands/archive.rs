//! `exhibit archive`: what is archived, and whether it still is.

use exhibit_pipeline::{ReceiptCheck, check_receipts};
use serde::Serialize;

use crate::{
    args::{ArchiveArgs, ArchiveCommand},
    deployment::Deployment,
    output::{Exit, Out, Table, Words},
};

#[derive(Serialize)]
struct Row {
    report: String,
    store: String,
    key: String,
    version: String,
    digest: String,
    retain_until: String,
    read_back_at: String,
}

#[derive(Serialize)]
struct Check {
    key: String,
    version: String,
    as_receipted: bool,
    difference: Option<String>,
}

pub(crate) async fn run(args: &ArchiveArgs, words: &Words, out: &mut Out) -> anyhow::Result<Exit> {
    match &args.command {
        ArchiveCommand::List { place, printed } => {
            let deployment = Deployment::open(place, words).await?;
            let rows = list(&deployment).await;
            deployment.close().await?;
            out.data(printed.format, &rows?, |rows| {
                let mut table = Table::new(["store", "key", "kept until", "read back", "digest"]);
                for row in rows {
                    table.row(
                        [&row.store, &row.key, &row.retain_until, &row.read_back_at, &row.digest].map(Clone::clone),
                    );
                }
                table
            })?;
            Ok(Exit::Clean)
        }
        ArchiveCommand::Check { place, printed } => {
            let deployment = Deployment::open(place, words).await?;
            let checks = check_receipts(&deployment.world).await;
            deployment.close().await?;
            let checks: Vec<Check> = checks?.iter().map(check).collect();
            out.data(printed.format, &checks, |checks| {
                let mut table = Table::new(["key", "as its receipt says"]);
                for check in checks {
                    table.row([check.key.clone(), check.difference.clone().unwrap_or_else(|| "yes".to_owned())]);
                }
                table
            })?;
            let differences = checks.iter().filter(|check| !check.as_receipted).count();
            words.say(match (checks.len(), differences) {
                (0, _) => "There is no receipt yet: nothing was examined.".to_owned(),
                (all, 0) => format!("All {all} objects were read back as their receipts say."),
                (all, differences) => format!("{differences} of {all} objects are not as their receipts say."),
            });
            Ok(if differences == 0 { Exit::Clean } else { Exit::Differences })
        }
    }
}

async fn list(deployment: &Deployment) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for entry in deployment.world.store.entries_of_kind("receipt").await? {
        if let exhibit_evidence::Body::Receipt(receipt) = entry.envelope()?.body {
            rows.push(Row {
                report: receipt.report.to_string(),
                store: receipt.store.clone(),
                key: receipt.key.clone(),
                version: receipt.version.clone(),
                digest: receipt.digest.to_string(),
                retain_until: receipt.retain_until.to_string(),
                read_back_at: receipt.read_back_at.to_string(),
            });
        }
    }
    Ok(rows)
}

fn check(check: &ReceiptCheck) -> Check {
    Check {
        key: check.key.clone(),
        version: check.version.clone(),
        as_receipted: check.difference.is_none(),
        difference: check.difference.clone(),
    }
}
