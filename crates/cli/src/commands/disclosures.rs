//! `exhibit disclosures`: the names behind digests, who may be erased, and that they were.

use std::collections::BTreeMap;

use exhibit_evidence::{
    Disclosable, EntryId, GroupId, Timestamp,
    disclosure::{PERSON, kind_of},
};
use exhibit_pipeline::{StepError, World, erase_disclosures};
use exhibit_store::{DisclosureGroup, RecordedErasure};
use serde::Serialize;

use crate::{
    acting::person,
    args::{Acting, DisclosuresArgs, DisclosuresCommand},
    deployment::Deployment,
    output::{Exit, Out, Table, Words},
};

/// What became of a value that came back from no archive.
const LOST: &str = "lost: its key lay in a database that was restored from the archive";

/// A group, as it is printed.
#[derive(Serialize)]
struct Group {
    group: GroupId,
    kind: String,
    value: Option<String>,
    digests: u64,
    first_seen: Timestamp,
    erased: Option<ErasedBy>,
    /// Whether its key was lost with a database that a restoration replaced.
    lost: bool,
}

/// What the ledger says of an erasure.
#[derive(Clone, Serialize)]
pub(super) struct ErasedBy {
    at: Timestamp,
    entry: EntryId,
    reason: String,
    /// Who: a pseudonym, as reports print it.
    by: String,
    /// The role of their token at that moment.
    role: String,
}

/// A value behind a digest of a record: the value itself, or its pseudonym and its erasure.
#[derive(Serialize)]
pub(super) struct Named {
    entry: EntryId,
    /// The field, in one word.
    pub(super) kind: String,
    group: GroupId,
    /// What reports print, whether erased or not.
    pseudonym: String,
    value: Option<String>,
    erased: Option<ErasedBy>,
    /// Whether its key was lost with a database that a restoration replaced.
    lost: bool,
}

impl Named {
    /// For people: the value, or its pseudonym and why there is no more.
    pub(super) fn told(&self) -> String {
        let pseudonym = &self.pseudonym;
        match (&self.value, &self.erased) {
            (Some(value), _) => format!("{value} (in reports: {pseudonym})"),
            (None, Some(erased)) => {
                let ErasedBy { at, entry, reason, by, role } = erased;
                format!("{pseudonym} (erased {} by {by}, {role}, entry {entry}: {reason})", at.human())
            }
            (None, None) if self.lost => format!("{pseudonym} ({LOST})"),
            (None, None) => format!("{pseudonym} (erased, but no entry tells of it: see exhibit fsck)"),
        }
    }
}

pub(crate) async fn run(args: &DisclosuresArgs, words: &Words, out: &mut Out) -> anyhow::Result<Exit> {
    match &args.command {
        DisclosuresCommand::List { place, printed } => {
            let deployment = Deployment::open(place, words).await?;
            let groups = groups(&deployment.world).await;
            deployment.close().await?;
            out.data(printed.format, &groups?, |groups| {
                let mut table = Table::new(["kind", "value", "digests", "first seen", "group"]).right([2]);
                for group in groups {
                    table.row([
                        group.kind.clone(),
                        value(group),
                        group.digests.to_string(),
                        group.first_seen.human(),
                        group.group.to_string(),
                    ]);
                }
                table
            })?;
        }
        DisclosuresCommand::Show { group, place, printed } => {
            let deployment = Deployment::open(place, words).await?;
            let group = one(&deployment.world, *group).await;
            deployment.close().await?;
            out.data(printed.format, &group?, facts)?;
        }
        DisclosuresCommand::Erase { group, reason, acting, place, printed } => {
            let deployment = Deployment::open(place, words).await?;
            let now = erased(&deployment, acting, *group, reason).await;
            deployment.close().await?;
            let now = now?;
            out.data(printed.format, &now, facts)?;
            words.say(format!(
                "Erased: nobody can open these {} values any more. Run VACUUM on exhibit.disclosures and \
                 exhibit.disclosure_keys as their owner to free the old rows at once.",
                now.digests
            ));
        }
    }
    Ok(Exit::Clean)
}

async fn erased(deployment: &Deployment, acting: &Acting, group: GroupId, reason: &str) -> anyhow::Result<Group> {
    let person = person(deployment, acting).await?;
    erase_disclosures(&deployment.world, &person, group, reason).await?;
    one(&deployment.world, group).await
}

fn value(group: &Group) -> String {
    match (&group.value, &group.erased) {
        (Some(value), _) => value.clone(),
        (None, Some(erased)) => format!("erased {}", erased.at.human()),
        (None, None) if group.lost => LOST.to_owned(),
        (None, None) => "erased, but no entry tells of it".to_owned(),
    }
}

fn facts(group: &Group) -> Table {
    let mut facts = vec![
        ("group", group.group.to_string()),
        ("kind", group.kind.clone()),
        ("value", value(group)),
        ("digests in the ledger", group.digests.to_string()),
        ("first seen", group.first_seen.human()),
    ];
    if let Some(erased) = &group.erased {
        facts.push(("erased", erased.at.human()));
        facts.push(("told in entry", erased.entry.to_string()));
        facts.push(("by", format!("{}, {}", erased.by, erased.role)));
        facts.push(("reason", erased.reason.clone()));
    }
    Table::facts(facts)
}

async fn one(world: &World, wanted: GroupId) -> anyhow::Result<Group> {
    let group = groups(world).await?.into_iter().find(|group| group.group == wanted);
    group.ok_or_else(|| anyhow::anyhow!("there is no group of disclosures {wanted}"))
}

async fn groups(world: &World) -> Result<Vec<Group>, StepError> {
    let erasures = erasures(world).await?;
    let lost = world.store.lost_groups().await?;
    let group = |group: DisclosureGroup| Group {
        group: group.id,
        kind: kind_of(&group.path).to_owned(),
        value: group.value,
        digests: group.digests,
        first_seen: group.created_at,
        erased: erasures.get(&group.id).cloned(),
        lost: lost.contains(&group.id),
    };
    Ok(world.store.disclosure_groups().await?.into_iter().map(group).collect())
}

async fn erasures(world: &World) -> Result<BTreeMap<GroupId, ErasedBy>, StepError> {
    let told = |RecordedErasure { entry, erasure, .. }| {
        let by = erasure.by.person.pseudonym(kind_of(PERSON));
        (erasure.group, ErasedBy { at: erasure.erased_at, entry, reason: erasure.reason, by, role: erasure.by.role })
    };
    Ok(world.store.erasures().await?.into_iter().map(told).collect())
}

/// The values behind the digests of these entries.
pub(super) async fn named(world: &World, entries: &[EntryId]) -> Result<Vec<Named>, StepError> {
    let disclosed = world.store.disclosures_of(entries).await?;
    let erasures = erasures(world).await?;
    let lost = world.store.lost_groups().await?;
    let named = disclosed.into_iter().map(|one| {
        let kind = kind_of(&one.path).to_owned();
        Named {
            entry: one.entry,
            pseudonym: Disclosable { digest: one.digest }.pseudonym(&kind),
            kind,
            group: one.group,
            value: one.disclosure.map(|disclosure| disclosure.value),
            erased: erasures.get(&one.group).cloned(),
            lost: lost.contains(&one.group),
        }
    });
    Ok(named.collect())
}
