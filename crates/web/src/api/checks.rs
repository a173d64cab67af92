//! Checks by name and by the controls that they bear on.

use exhibit_report::Catalog;

use crate::problem::{Kind, Problem};

/// The checks that a list is narrowed to: those named, those that bear on a control, or those that are both.
pub(super) fn narrowed(
    catalog: &Catalog,
    check: Option<&str>,
    control: Option<&str>,
) -> Result<Option<Vec<String>>, Problem> {
    // A check's history does not fork when it is renamed: its earlier names are asked for with it.
    let named = check.map(|check| match check.parse() {
        Ok(id) => catalog.check(&id).map_or_else(|| vec![check.to_owned()], |(_, known)| names(known)),
        Err(_) => vec![check.to_owned()],
    });
    let Some(control) = control else { return Ok(named) };
    let of_control = of_control(catalog, control)?;
    Ok(Some(match named {
        None => of_control,
        Some(named) => named.into_iter().filter(|name| of_control.contains(name)).collect(),
    }))
}

/// All names of the checks that bear on `framework:requirement`.
fn of_control(catalog: &Catalog, control: &str) -> Result<Vec<String>, Problem> {
    let refused =
        || Problem::new(Kind::NotFound, "control: expected a known framework and requirement, such as soc2-2017:CC6.1");
    let (framework, requirement) = control.split_once(':').ok_or_else(refused)?;
    let known = catalog.frameworks.iter().find(|known| known.id == framework).ok_or_else(refused)?;
    if !known.requirements.iter().any(|known| known.id == requirement) {
        return Err(refused());
    }
    let bears = catalog.checks().filter(|(_, check)| {
        check.controls.iter().any(|one| one.framework == framework && one.requirement == requirement)
    });
    Ok(bears.flat_map(|(_, check)| names(check)).collect())
}

fn names(check: &exhibit_evidence::catalog::CheckManifest) -> Vec<String> {
    std::iter::once(&check.id).chain(&check.aliases).map(ToString::to_string).collect()
}
