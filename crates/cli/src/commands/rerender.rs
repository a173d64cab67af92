//! Makes a verified bundle's report again: from its entries, where all of them are there, and else from its data.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufReader, Seek as _},
};

use anyhow::Context as _;
use exhibit_collectors::Registry;
use exhibit_evidence::{Body, Digest, Finding, Record, record::RecordError, to_canonical};
use exhibit_ledger::{
    bundle::{Manifest, read_files},
    tiles::{Content, TileId, parse_entries},
};
use exhibit_report::{Catalog, Edition, Fold, PeriodView, TemplateSet, frameworks, render, renderer};

/// The report's data, and its two readable forms.
const JSON: &str = "report.json";
const FORMS: [&str; 2] = ["report.md", "report.html"];
const TEMPLATE: &str = "template/";
const ARTIFACTS: &str = "artifacts/";

/// What came of making a report again.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Again {
    /// What turned out the same.
    pub(crate) proven: Vec<String>,
    /// What was not made again, and why. Neither a pass nor a difference.
    pub(crate) not_done: Vec<String>,
    /// What turned out otherwise.
    pub(crate) differences: Vec<String>,
}

/// Makes the report of a bundle again. The bundle must have been verified: its template is run.
///
/// # Errors
/// When the bundle can't be read, or what a verified bundle says of itself has no sense.
pub(crate) fn rerender(bundle: &mut File, manifest: &Manifest) -> anyhow::Result<Again> {
    let mut again = Again::default();
    if manifest.renderer != renderer() {
        again.not_done.push(format!(
            "the report was not rendered again: it was made by {}, and this is {}",
            manifest.renderer,
            renderer()
        ));
        return Ok(again);
    }
    let files = small_files(bundle)?;
    let json = files.get(JSON).context("the bundle holds no report.json")?;
    let view: PeriodView = serde_json::from_slice(json).context("report.json is no view of a period")?;
    compare_forms(&view, &files, &mut again)?;
    if manifest.from_size > 0 {
        again.not_done.push(format!(
            "the report's data was not made again from the entries: those before {} lie in the bundles of earlier periods",
            manifest.from_size
        ));
        return Ok(again);
    }
    match fold_again(bundle, &view)? == *json {
        true => again.proven.push(format!("report.json says what its {} entries give", view.cover.size)),
        false => again.differences.push("report.json: expected what the entries give, found other data".to_owned()),
    }
    Ok(again)
}

/// Readable forms from the report's data and the bundle's own template.
fn compare_forms(view: &PeriodView, files: &BTreeMap<String, Vec<u8>>, again: &mut Again) -> anyhow::Result<()> {
    let template =
        files.iter().filter_map(|(path, bytes)| Some((path.strip_prefix(TEMPLATE)?.to_owned(), bytes.clone())));
    let templates = TemplateSet::of_files(template).context("the bundle's template")?;
    let rendered = render(view, &templates).context("rendering the report again")?;
    for (path, made) in FORMS.into_iter().zip([rendered.markdown, rendered.html]) {
        if files.get(path).map(Vec::as_slice) == Some(made.as_bytes()) {
            again.proven.push(format!("{path} is what report.json and the template give, byte for byte"));
        } else {
            again
                .differences
                .push(format!("{path}: expected what report.json and the template give, found other bytes"));
        }
    }
    Ok(())
}

fn small_files(bundle: &mut File) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    bundle.rewind()?;
    read_files(
        BufReader::new(bundle),
        |path| path == JSON || FORMS.contains(&path) || path.starts_with(TEMPLATE),
        |path, bytes| {
            files.insert(path.to_owned(), bytes);
        },
    )?;
    Ok(files)
}

/// The view that the bundle's entries give, as canonical JSON. What the edition says (standing, revision) is taken
/// from the report: no entry before it can say that.
fn fold_again(bundle: &mut File, view: &PeriodView) -> anyhow::Result<Vec<u8>> {
    let registry = Registry::built_in()?;
    let catalog = Catalog {
        collectors: registry.iter().map(|registered| registered.manifest.clone()).collect(),
        frameworks: frameworks()?,
    };
    let mut wanted = BTreeSet::new();
    each(
        bundle,
        |_| false,
        |piece| {
            if let Piece::Entry(bytes) = piece
                && let Ok(envelope) = record(bytes)?
                && let Body::Assessment(assessment) = envelope.body
            {
                wanted.extend(assessment.findings_artifact.map(|digest| digest.hex()));
            }
            Ok(())
        },
    )?;

    let listed = |path: &str| path.strip_prefix(ARTIFACTS).is_some_and(|digest| wanted.contains(digest));
    let mut lists: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    let mut fold = Fold::new(view.cover.period.clone(), catalog);
    each(bundle, listed, |piece| {
        let bytes = match piece {
            // Artifacts stand before the tiles in a bundle, so that each list is at hand when its entry comes.
            Piece::File(path, bytes) => {
                let findings = serde_json::from_slice(&bytes).with_context(|| format!("the findings in {path}"))?;
                lists.insert(path.trim_start_matches(ARTIFACTS).to_owned(), findings);
                return Ok(());
            }
            Piece::Entry(bytes) => bytes,
        };
        match record(bytes)? {
            Ok(envelope) => {
                let list = match &envelope.body {
                    Body::Assessment(assessment) => assessment.findings_artifact,
                    _ => None,
                };
                let findings = list.and_then(|digest| lists.get(&digest.hex()));
                fold.add(&envelope, Digest::of(bytes), findings.map(Vec::as_slice));
            }
            Err(recorded_at) => fold.add_unreadable(recorded_at),
        }
        Ok(())
    })?;
    let cover = &view.cover;
    let edition = Edition {
        size: cover.size,
        root: cover.root,
        standing: cover.standing,
        revision: cover.revision,
        supersedes: cover.supersedes,
    };
    Ok(to_canonical(&fold.view(&edition)?)?)
}

/// One record's envelope; or, for a kind that this version does not know, when it was recorded.
fn record(bytes: &[u8]) -> anyhow::Result<Result<exhibit_evidence::Envelope, exhibit_evidence::Timestamp>> {
    let (record, header) = Record::from_bytes(bytes.to_vec())?;
    match record.read() {
        Ok(envelope) => Ok(Ok(envelope)),
        Err(RecordError::Kind(_)) => Ok(Err(header.recorded_at)),
        Err(error) => Err(error.into()),
    }
}

/// A piece of a bundle.
enum Piece<'a> {
    /// A file that is wanted: path and bytes.
    File(&'a str, Vec<u8>),
    /// The next entry in the ledger's order.
    Entry(&'a [u8]),
}

/// Hands out the files that are wanted, and each entry.
fn each(
    bundle: &mut File,
    wanted: impl Fn(&str) -> bool,
    mut take: impl FnMut(Piece<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let entries = |path: &str| TileId::parse(path).ok().filter(|tile| tile.content == Content::Entries);
    let mut outcome = Ok(());
    bundle.rewind()?;
    read_files(
        BufReader::new(bundle),
        |path| wanted(path) || entries(path).is_some(),
        |path, bytes| {
            if outcome.is_err() {
                return;
            }
            outcome = match entries(path) {
                None => take(Piece::File(path, bytes)),
                Some(tile) => parse_entries(&bytes, tile.width)
                    .map_err(anyhow::Error::from)
                    .and_then(|records| records.into_iter().try_for_each(|record| take(Piece::Entry(record)))),
            };
        },
    )?;
    outcome
}

#[cfg(test)]
mod tests {
    use exhibit_ledger::bundle::{ManifestCheckpoint, RootDigest};

    use super::*;

    /// What another version made is no difference, and no pass either: nothing of the bundle is even read.
    #[test]
    fn a_report_by_another_version_is_not_rendered_again() {
        let manifest = Manifest {
            v: 1,
            origin: "example.org/log".to_owned(),
            period: "2026-Q3".to_owned(),
            report: "01890000-0000-7000-8000-000000000001".to_owned(),
            from_size: 0,
            checkpoint: ManifestCheckpoint { size: 1, root: RootDigest([0; 32]) },
            renderer: format!("{}-next", renderer()),
            files: BTreeMap::new(),
        };
        let again = rerender(&mut tempfile::tempfile().unwrap(), &manifest).unwrap();
        let told = format!(
            "the report was not rendered again: it was made by {}, and this is {}",
            manifest.renderer,
            renderer()
        );
        assert_eq!(again, Again { not_done: vec![told], ..Again::default() });
    }
}
