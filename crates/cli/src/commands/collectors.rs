//! `exhibit collectors`: what can be collected, and what each collector proves.

use anyhow::Context as _;
use exhibit_collectors::{Registry, registry::Registered};
use exhibit_evidence::{catalog::CollectorManifest, observation::CollectorRef};
use serde::Serialize;

use crate::{
    args::{CollectorsArgs, CollectorsCommand},
    output::{Exit, Format, Out, Table},
};

#[derive(Serialize)]
struct Described<'a> {
    manifest: &'a CollectorManifest,
    version: &'a CollectorRef,
}

fn described(registered: &Registered) -> Described<'_> {
    Described { manifest: &registered.manifest, version: &registered.reference }
}

pub(crate) fn run(args: &CollectorsArgs, out: &mut Out) -> anyhow::Result<Exit> {
    let registry = Registry::built_in()?;
    match &args.command {
        CollectorsCommand::List { printed, .. } => {
            let all: Vec<Described<'_>> = registry.iter().map(described).collect();
            out.data(printed.format, &all, |all| {
                let mut table = Table::new(["collector", "title", "checks", "suggested schedule"]).right([2]);
                for one in all {
                    let manifest = one.manifest;
                    table.row([
                        manifest.id.to_string(),
                        manifest.title.clone(),
                        manifest.checks.len().to_string(),
                        manifest.default_schedule.clone(),
                    ]);
                }
                table
            })?;
        }
        CollectorsCommand::Show { id, printed, .. } => {
            let registered = registry.get(id.as_str()).with_context(|| format!("there is no collector {id}"))?;
            match printed.format {
                Format::Json => out.json(&described(registered))?,
                Format::Table => out.line(registered.readme.trim_end())?,
            }
        }
    }
    Ok(Exit::Clean)
}
