//! `exhibit archive`: what is archived, and whether it still is.

use exhibit_pipeline::{ReceiptCheck, StepError, Unarchived, World, check_receipts, unarchived};
use serde::Serialize;

use super::restore;
use crate::{
    args::{ArchiveArgs, ArchiveCommand},
    deployment::Deployment,
    output::{Exit, Out, Table, Words},
};

#[derive(Serialize)]
struct Row {
    subject: String,
    report: Option<String>,
    store: String,
    key: String,
    version: String,
    digest: String,
    retention_class: String,
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
        ArchiveCommand::Flush { place, printed } => restore::flush(place, printed, words, out).await,
        ArchiveCommand::Restore { key, place, printed } => {
            restore::bring_back(key.as_deref(), place, printed, words, out).await
        }
        ArchiveCommand::Check { place, printed } => {
            let deployment = Deployment::open(place, words).await?;
            let examined = examine(&deployment.world).await;
            deployment.close().await?;
            let (receipts, waiting) = examined?;
            let checks: Vec<Check> = receipts.iter().map(check).chain(waiting.iter().map(unreceipted)).collect();
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
            Ok(ended(&receipts, &waiting))
        }
    }
}

async fn examine(world: &World) -> Result<(Vec<ReceiptCheck>, Vec<Unarchived>), StepError> {
    Ok((check_receipts(world).await?, unarchived(world).await?))
}

/// Clean only where something was examined and all of it is as it should be.
fn ended(receipts: &[ReceiptCheck], waiting: &[Unarchived]) -> Exit {
    if !waiting.is_empty() || receipts.iter().any(|check| check.answered && check.difference.is_some()) {
        Exit::Differences
    } else if receipts.is_empty() || receipts.iter().any(|check| !check.answered) {
        Exit::CouldNotLook
    } else {
        Exit::Clean
    }
}

fn unreceipted(waiting: &Unarchived) -> Check {
    let why = match waiting.report {
        Some(report) => format!("report {report} was issued, but has no receipt: it was not archived"),
        None => "it was to be archived, but has no receipt".to_owned(),
    };
    Check { key: waiting.key.clone(), version: String::new(), as_receipted: false, difference: Some(why) }
}

async fn list(deployment: &Deployment) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for entry in deployment.world.store.entries_of_kind("receipt").await? {
        if let exhibit_evidence::Body::Receipt(receipt) = entry.envelope()?.body {
            rows.push(Row {
                subject: receipt.subject.to_string(),
                report: receipt.report.map(|id| id.to_string()),
                store: receipt.store.clone(),
                key: receipt.key.clone(),
                version: receipt.version.clone(),
                digest: receipt.digest.to_string(),
                retention_class: receipt.retention_class.clone(),
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

#[cfg(test)]
mod tests {
    use exhibit_evidence::{Digest, EntryId, Timestamp};

    use super::*;

    #[test]
    fn clean_is_only_what_was_examined() {
        let report = EntryId::from_parts(Timestamp::from_micros(0).expect("an instant"), &[0; 10]);
        let key = "reports/2026-Q4/final-0000000000000001/bundle.tar".to_owned();
        let receipt = |difference: Option<&str>, answered| ReceiptCheck {
            report: Some(report),
            key: key.clone(),
            version: "1".to_owned(),
            digest: Digest::of(b""),
            difference: difference.map(str::to_owned),
            answered,
        };
        let as_it_says = || receipt(None, true);
        let waiting = || Unarchived { report: Some(report), key: key.clone() };
        let cases = [
            (vec![as_it_says()], vec![], Exit::Clean),
            (vec![], vec![], Exit::CouldNotLook),
            (vec![as_it_says(), receipt(Some("no answer"), false)], vec![], Exit::CouldNotLook),
            (vec![receipt(Some("gone"), true), receipt(Some("no answer"), false)], vec![], Exit::Differences),
            (vec![as_it_says()], vec![waiting()], Exit::Differences),
        ];
        for (receipts, waiting, expected) in cases {
            assert_eq!(ended(&receipts, &waiting), expected, "{receipts:?} {waiting:?}");
        }
    }
}
