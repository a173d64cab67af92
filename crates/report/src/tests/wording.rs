//! The report observes. It gives no opinion.

use exhibit_evidence::Outcome;

use super::samples;
use crate::{TemplateSet, render};

/// Words of an opinion, which belongs to an independent practitioner.
const OPINION: &[&str] = &[
    "compliant",
    "non-compliance",
    "certified",
    "certification",
    "certify",
    "unqualified",
    "qualified opinion",
    "adverse",
    "disclaimer of opinion",
    "effective",
    "ineffective",
    "guarantee",
    "satisfactory",
    "fully secure",
    "no risk",
    "all clear",
    "assurance",
];

#[test]
fn no_word_of_an_opinion_is_used() {
    let templates = TemplateSet::built_in().expect("built in");
    for (name, view) in samples::all() {
        let rendered = render(&view, &templates).expect("rendered");
        for (form, text) in [("Markdown", &rendered.markdown), ("HTML", &rendered.html)] {
            let lower = text.to_lowercase();
            for word in OPINION {
                assert!(!lower.contains(word), "{name}: the {form} says {word:?}");
            }
        }
    }
}

#[test]
fn all_five_items_stand_first_and_none_is_blank() {
    let templates = TemplateSet::built_in().expect("built in");
    for (name, view) in samples::all() {
        let markdown = render(&view, &templates).expect("rendered").markdown;
        let summary = markdown.split("## Summary").nth(1).expect("a summary");
        let first = summary.split("\n### ").nth(1).expect("a first part");
        for item in &view.audit_items {
            let row = first.lines().find(|line| line.starts_with(&format!("| {} |", item.title)));
            let row = row.unwrap_or_else(|| panic!("{name}: no row for {}", item.title));
            let expected = item.current.map_or("**not covered**: no job collects for it".to_owned(), |outcome| {
                format!("**{}** {}", outcome.word(), outcome.observation())
            });
            assert!(row.contains(&expected), "{name}: {row}");
            assert!(!row.contains("|  |"), "{name}: {row} has a blank cell");
            assert_eq!(
                item.current == Some(Outcome::Pass),
                row.split('|').nth(2).is_some_and(|cell| cell.contains("pass"))
            );
        }
    }
}

#[test]
fn no_table_cell_is_blank() {
    let templates = TemplateSet::built_in().expect("built in");
    for (name, view) in samples::all() {
        let markdown = render(&view, &templates).expect("rendered").markdown;
        let blank = markdown.lines().find(|line| line.starts_with('|') && line.contains("|  |"));
        assert_eq!(blank, None, "{name}");
    }
}
