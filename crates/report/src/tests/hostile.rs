//! Strings that try to be markup, in every place of the view that takes any string.

use serde_json::Value;

use super::samples;
use crate::{PeriodView, TemplateSet, html, markdown::HOSTILE, render};

/// Puts `text` into every string that may be any string, and tells how many there were: what is an id, an instant, a
/// digest or one of several words refuses it.
fn put_everywhere(view: &PeriodView, text: &str) -> (PeriodView, usize) {
    let mut value = serde_json::to_value(view).expect("JSON");
    let mut places = Vec::new();
    strings(&value, &mut String::new(), &mut places);
    // One place of each kind is tried; what it says holds for its like in other rows.
    let mut refused = std::collections::BTreeSet::new();
    let mut taken = 0;
    for place in places {
        let kind: String = place.chars().filter(|c| !c.is_ascii_digit()).collect();
        // A time zone is a string to the view, but not just any string to those who make views.
        if refused.contains(&kind) || kind.ends_with("/time_zone") {
            continue;
        }
        let slot = value.pointer_mut(&place).expect("found before");
        let before = std::mem::replace(slot, Value::String(text.to_owned()));
        if taken < 400 && serde_json::from_value::<PeriodView>(value.clone()).is_err() {
            *value.pointer_mut(&place).expect("found before") = before;
            refused.insert(kind);
        } else {
            taken += 1;
        }
    }
    (serde_json::from_value(value).expect("every place takes it"), taken)
}

fn strings(value: &Value, place: &mut String, found: &mut Vec<String>) {
    let length = place.len();
    let mut visit = |key: &str, value: &Value, place: &mut String| {
        place.push('/');
        place.push_str(&key.replace('~', "~0").replace('/', "~1"));
        strings(value, place, found);
        place.truncate(length);
    };
    match value {
        Value::String(_) => found.push(place.clone()),
        Value::Array(items) => {
            // Two rows of each list are enough, and keep this quick.
            items.iter().take(2).enumerate().for_each(|(index, item)| visit(&index.to_string(), item, place));
        }
        Value::Object(members) => members.iter().for_each(|(key, item)| visit(key, item, place)),
        _ => {}
    }
}

/// The elements of a page with their attributes, without the texts between them.
fn skeleton(html: &str) -> Vec<String> {
    let body = html.split_once("</style>").expect("a style").1;
    let mut tags = Vec::new();
    let mut rest = body;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>').expect("tags are closed");
        // Anchors are made from headings' texts, so they may differ.
        let tag = tag.split([' ', '\n']).next().expect("never empty").to_owned()
            + if tag.contains(" on") { " on…" } else { "" };
        tags.push(tag);
        rest = after;
    }
    tags
}

#[test]
fn no_string_of_the_view_becomes_markup() {
    let templates = TemplateSet::built_in().expect("built in");
    let [_, (_, busy)] = samples::all();
    let (harmless, places) = put_everywhere(&busy, "harmless");
    assert!(places > 60, "only {places} places were found");
    let expected = skeleton(&render(&harmless, &templates).expect("rendered").html);
    for text in HOSTILE {
        let (view, _) = put_everywhere(&busy, text);
        let rendered = render(&view, &templates).expect("rendered");
        let found = skeleton(&rendered.html);
        let first = expected.iter().zip(&found).position(|(a, b)| a != b);
        assert!(
            found == expected,
            "{text:?}: element {first:?} of {} is {:?}, expected {:?}",
            found.len(),
            first.map(|index| &found[index.saturating_sub(3)..=index]),
            first.map(|index| &expected[index.saturating_sub(3)..=index]),
        );
        for forbidden in ["<script", "<img", "href=\"javascript", "href=\"http"] {
            assert!(!rendered.html.contains(forbidden), "{text:?} gave {forbidden}");
        }
    }
}

#[test]
fn every_link_leads_somewhere_in_the_page() {
    let templates = TemplateSet::built_in().expect("built in");
    for (name, view) in samples::all() {
        let page = render(&view, &templates).expect("rendered").html;
        let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let mut unique = ids.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), ids.len(), "{name}: an id stands twice");
        for reference in ["href=\"#", "aria-labelledby=\""] {
            for target in page.split(reference).skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(ids.contains(&target), "{name}: {reference}{target} leads nowhere");
            }
        }
        assert!(!html::slug("A b").is_empty());
    }
}
