//! How long archived objects are kept: by class or by years, for all of them or by kind.

use exhibit_evidence::report::Archived;
use exhibit_pipeline::{PRESETS, Retention, RetentionClass};

use super::diagnostic::Diagnostic;
use super::reader::{Reader, Section};

/// For how long objects are kept: a class by name or years for all, and others by kind of object.
pub(super) fn read(reader: &mut Reader, section: Option<&Section<'_>>) -> Retention {
    let usual = Retention::new(RetentionClass::years(7));
    let Some(section) = section else { return usual };
    let years = reader.number(section, "retention_years");
    let named = class(reader, section, "retention_class");
    // With both, the longer holds: a retention never ends early by mistake.
    let years = years.map(|years| RetentionClass::years(u16::from(years)));
    let longer = years.into_iter().chain(named).max_by_key(|class| class.years);
    let mut retention = longer.map_or(usual, Retention::new);
    if let Some(table) = reader.table(section, "retention", "[archive.retention]") {
        // Checkpoints are kept for as long as anything: there is no choice.
        for kind in Archived::ALL.into_iter().filter(|kind| *kind != Archived::Checkpoint) {
            if let Some(class) = class(reader, &table, kind.word()) {
                retention = retention.with(kind, class);
            }
        }
    }
    retention
}

/// A class by name, or years as `10-years`.
fn class(reader: &mut Reader, section: &Section<'_>, key: &str) -> Option<RetentionClass> {
    let text = reader.text(section, key)?;
    let years = || text.get_ref().strip_suffix("-years")?.parse().ok().filter(|years| (1..=100).contains(years));
    let found = RetentionClass::preset(text.get_ref()).or_else(|| years().map(RetentionClass::years));
    if found.is_none() {
        let names: Vec<&str> = PRESETS.iter().map(|preset| preset.word).collect();
        let title = format!("`{key}` in {} is no retention class", section.name());
        reader.refuse(
            Diagnostic::new("config.unknown-class", text.span(), title)
                .label("expected a class by name, or 1-years to 100-years")
                .hint(format!("the names are {}", names.join(", "))),
        );
    }
    found
}
