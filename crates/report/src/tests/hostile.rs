//! Strings that try to be markup, in every place of the view that takes any string.

use std::collections::BTreeMap;

use serde_json::Value;

use super::samples;
use crate::{PeriodView, TemplateSet, html, markdown::HOSTILE, render};

/// The places of the view that take any string: what is an id, an instant, a digest or one of several words refuses it.
fn open_places(view: &PeriodView) -> Vec<String> {
    let mut value = serde_json::to_value(view).expect("JSON");
    let mut places = Vec::new();
    strings(&value, &mut String::new(), &mut places);
    let mut answers = BTreeMap::new();
    places.retain(|place| {
        let kind: String = place.chars().filter(|c| !c.is_ascii_digit()).collect();
        // A time zone is a string to the view, but not just any string to those who make views.
        !kind.ends_with("/time_zone")
            && *answers.entry(kind).or_insert_with(|| {
                let slot = value.pointer_mut(place).expect("found before");
                let before = std::mem::replace(slot, Value::String("<any> string".to_owned()));
                let taken = serde_json::from_value::<PeriodView>(value.clone()).is_ok();
                *value.pointer_mut(place).expect("found before") = before;
                taken
            })
    });
    places
}

fn put(view: &PeriodView, places: &[String], text: &str) -> PeriodView {
    let mut value = serde_json::to_value(view).expect("JSON");
    for place in places {
        *value.pointer_mut(place).expect("found before") = Value::String(text.to_owned());
    }
    serde_json::from_value(value).expect("every place takes it")
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
        // What can't be shown unchanged as code is shown as text.
        if !tag.ends_with("code") {
            tags.push(tag);
        }
        rest = after;
    }
    tags
}

#[test]
fn no_string_of_the_view_becomes_markup() {
    let templates = TemplateSet::built_in().expect("built in");
    let [_, (_, mut busy)] = samples::all();
    busy.limits.push("a limit".to_owned());
    let places = open_places(&busy);
    assert!(places.len() > 60, "only {} places were found", places.len());
    let expected = skeleton(&render(&put(&busy, &places, "harmless"), &templates).expect("rendered").html);
    for text in HOSTILE {
        let rendered = render(&put(&busy, &places, text), &templates).expect("rendered");
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
