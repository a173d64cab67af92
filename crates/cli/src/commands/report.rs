//! `exhibit report`: render one, list those that were issued.

use anyhow::Context as _;
use exhibit_pipeline::render_period;
use serde::Serialize;

use crate::{
    args::{ReportArgs, ReportCommand},
    deployment::{Deployment, write_report},
    output::{Exit, Out, Table, Words},
};

#[derive(Serialize)]
struct Rendered {
    period: String,
    standing: String,
    revision: u64,
    checkpoint_size: u64,
    md: String,
    html: String,
    json: String,
    bundle: String,
}

#[derive(Serialize)]
struct Row {
    id: String,
    period: String,
    standing: String,
    revision: u64,
    checkpoint_size: u64,
    issued_at: String,
}

pub(crate) async fn run(args: &ReportArgs, words: &Words, out: &mut Out) -> anyhow::Result<Exit> {
    match &args.command {
        ReportCommand::Render { period, out: folder, place, printed } => {
            let deployment = Deployment::open(place, words).await?;
            let period = deployment.world.plan.deployment.calendar.period(*period);
            let rendered = render_period(&deployment.world, &period).await;
            deployment.close().await?;
            let issued = rendered.with_context(|| format!("the report of {}", period.id))?;
            let paths = write_report(folder, &issued)?;
            let path = |form: &str| paths.get(form).map(|path| path.display().to_string()).unwrap_or_default();
            let rendered = Rendered {
                period: issued.period.clone(),
                standing: issued.standing.word().to_owned(),
                revision: issued.revision,
                checkpoint_size: issued.size,
                md: path("md"),
                html: path("html"),
                json: path("json"),
                bundle: path("bundle"),
            };
            out.data(printed.format, &rendered, |rendered| {
                Table::facts([
                    ("period", rendered.period.clone()),
                    ("standing", rendered.standing.clone()),
                    ("checkpoint size", rendered.checkpoint_size.to_string()),
                    ("Markdown", rendered.md.clone()),
                    ("HTML", rendered.html.clone()),
                    ("JSON", rendered.json.clone()),
                    ("bundle", rendered.bundle.clone()),
                ])
            })?;
        }
        ReportCommand::List { place, printed } => {
            let deployment = Deployment::open(place, words).await?;
            let rows = list(&deployment).await;
            deployment.close().await?;
            out.data(printed.format, &rows?, |rows| {
                let mut table =
                    Table::new(["period", "standing", "revision", "checkpoint", "issued", "id"]).right([2, 3]);
                for row in rows {
                    table.row([
                        row.period.clone(),
                        row.standing.clone(),
                        row.revision.to_string(),
                        row.checkpoint_size.to_string(),
                        row.issued_at.clone(),
                        row.id.clone(),
                    ]);
                }
                table
            })?;
        }
    }
    Ok(Exit::Clean)
}

async fn list(deployment: &Deployment) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for entry in deployment.world.store.entries_of_kind("report").await? {
        let envelope = entry.envelope()?;
        if let exhibit_evidence::Body::Report(report) = &envelope.body {
            rows.push(Row {
                id: envelope.id.to_string(),
                period: report.period.id.to_string(),
                standing: report.standing.word().to_owned(),
                revision: report.revision,
                checkpoint_size: report.size,
                issued_at: envelope.recorded_at.to_string(),
            });
        }
    }
    Ok(rows)
}
