//! `exhibit archive`: what is archived, and whether it still is.

use exhibit_collectors::archived::Surrounding;
use exhibit_pipeline::{ReceiptCheck, StepError, Unarchived, World, archive_surroundings, check_receipts, unarchived};
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

/// What came of the look: at each object, and at the store around them.
#[derive(Serialize)]
struct Checked {
    objects: Vec<Check>,
    /// None where the store gave no answer.
    store: Option<Vec<Surrounding>>,
}

#[derive(Serialize)]
struct Check {
    key: String,
    version: String,
    as_receipted: bool,
    difference: Option<String>,
    /// Values in an object of disclosures that were erased.
    erased_names: u64,
    /// Values in it whose keys a restoration could not bring back.
    lost_names: u64,
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
            let (receipts, waiting, store) = examined?;
            let exit = ended(&receipts, &waiting, store.as_deref().ok());
            let objects = receipts.iter().map(check).chain(waiting.iter().map(unreceipted)).collect();
            if let Err(why) = &store {
                words.warn(format!("The store's settings could not be asked for: {why}"));
            }
            let checked = Checked { objects, store: store.ok() };
            out.data(printed.format, &checked, table)?;
            said(&checked, words);
            Ok(exit)
        }
    }
}

type Examined = (Vec<ReceiptCheck>, Vec<Unarchived>, Result<Vec<Surrounding>, String>);

async fn examine(world: &World) -> Result<Examined, StepError> {
    let store = archive_surroundings(world).await.map_err(|error| error.to_string());
    Ok((check_receipts(world).await?, unarchived(world).await?, store))
}

/// Clean only where something was examined and all of it is as it should be. A weakness of the store is told, and no
/// difference: nothing is lost by it.
fn ended(receipts: &[ReceiptCheck], waiting: &[Unarchived], store: Option<&[Surrounding]>) -> Exit {
    let standing = |word: &str| store.is_none_or(|store| store.iter().any(|seen| seen.standing == word));
    let differs = receipts.iter().any(|check| check.answered && check.difference.is_some());
    if !waiting.is_empty() || differs || (store.is_some() && standing("broken")) {
        Exit::Differences
    } else if receipts.is_empty() || receipts.iter().any(|check| !check.answered) || standing("unknown") {
        Exit::CouldNotLook
    } else {
        Exit::Clean
    }
}

fn table(checked: &Checked) -> Table {
    let mut table = Table::new(["key", "as its receipt says"]);
    for check in &checked.objects {
        let yes = match (check.erased_names, check.lost_names) {
            (0, 0) => "yes".to_owned(),
            (erased, 0) => format!("yes; {erased} names in it are erased"),
            (0, lost) => format!("yes; {lost} names in it are lost with their keys"),
            (erased, lost) => format!("yes; {erased} names in it are erased, {lost} lost with their keys"),
        };
        table.row([check.key.clone(), check.difference.clone().unwrap_or(yes)]);
    }
    for seen in checked.store.iter().flatten().filter(|seen| matches!(&*seen.standing, "broken" | "weak" | "unknown")) {
        table.row([format!("the store, {}", seen.aspect), format!("{}: {}", seen.standing, seen.sentence)]);
    }
    table
}

fn said(checked: &Checked, words: &Words) {
    let differences = checked.objects.iter().filter(|check| !check.as_receipted).count();
    words.say(match (checked.objects.len(), differences) {
        (0, _) => "There is no receipt yet: nothing was examined.".to_owned(),
        (all, 0) => format!("All {all} objects were read back as their receipts say."),
        (all, differences) => format!("{differences} of {all} objects are not as their receipts say."),
    });
    let lost: u64 = checked.objects.iter().map(|check| check.lost_names).sum();
    if lost > 0 {
        words.say(format!(
            "{lost} names in them can't be opened any more: their keys lay in the database that was lost. What the ledger \
             proves needs none of them."
        ));
    }
    for seen in checked.store.iter().flatten().filter(|seen| seen.standing == "broken") {
        words.warn(&seen.sentence);
    }
}

fn unreceipted(waiting: &Unarchived) -> Check {
    let why = match waiting.report {
        Some(report) => format!("report {report} was issued, but has no receipt: it was not archived"),
        None => "it was to be archived, but has no receipt".to_owned(),
    };
    Check {
        key: waiting.key.clone(),
        version: String::new(),
        as_receipted: false,
        difference: Some(why),
        erased_names: 0,
        lost_names: 0,
    }
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
        erased_names: check.erased_names,
        lost_names: check.lost_names,
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
            erased_names: 0,
            lost_names: 0,
            hold_lost: false,
        };
        let as_it_says = || receipt(None, true);
        let waiting = || Unarchived { report: Some(report), key: key.clone() };
        let seen = |standing: &str| {
            let (aspect, sentence) = ("lifecycle".to_owned(), "A sentence.".to_owned());
            Some(vec![Surrounding { aspect, standing: standing.to_owned(), value: "found".to_owned(), sentence }])
        };
        let cases = [
            (vec![as_it_says()], vec![], seen("holds"), Exit::Clean),
            (vec![as_it_says()], vec![], seen("weak"), Exit::Clean),
            (vec![as_it_says()], vec![], seen("unknown"), Exit::CouldNotLook),
            (vec![as_it_says()], vec![], seen("broken"), Exit::Differences),
            (vec![as_it_says()], vec![], None, Exit::CouldNotLook),
            (vec![], vec![], seen("holds"), Exit::CouldNotLook),
            (vec![as_it_says(), receipt(Some("no answer"), false)], vec![], seen("holds"), Exit::CouldNotLook),
            (vec![receipt(Some("gone"), true), receipt(Some("no answer"), false)], vec![], None, Exit::Differences),
            (vec![as_it_says()], vec![waiting()], seen("holds"), Exit::Differences),
        ];
        for (receipts, waiting, store, expected) in cases {
            assert_eq!(ended(&receipts, &waiting, store.as_deref()), expected, "{receipts:?} {waiting:?} {store:?}");
        }
    }
}
