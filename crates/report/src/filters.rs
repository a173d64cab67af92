//! What report templates can do with a value beside printing it.

use std::borrow::Cow;

use exhibit_evidence::{Outcome, Timestamp};
use tera::{Error, Kwargs, State, Tera, TeraResult, Value};

use crate::{html, markdown};

/// Adds the filters to a Markdown engine.
pub(crate) fn register(tera: &mut Tera) {
    tera.register_filter("code", |text: Cow<'_, str>, _: Kwargs, _: &State<'_>| {
        Value::safe_string(&markdown::code(&text))
    });
    tera.register_filter("prose", |text: Cow<'_, str>, _: Kwargs, _: &State<'_>| {
        Value::safe_string(&markdown::prose(&text))
    });
    tera.register_filter("mark", mark);
    tera.register_filter("when", when);
    tera.register_filter("day", day);
    tera.register_filter("count", count);
    tera.register_filter("words", |text: Cow<'_, str>, _: Kwargs, _: &State<'_>| words(&text));
    tera.register_filter("slug", |text: Cow<'_, str>, _: Kwargs, _: &State<'_>| {
        Value::safe_string(&html::slug(&markdown::visible(&text)))
    });
}

/// An outcome, severity or state as a word that stands out: `**fail**`. The HTML gives such words a shape.
fn mark(text: Cow<'_, str>, _: Kwargs, _: &State<'_>) -> TeraResult<Value> {
    if html::is_mark(&text) {
        Ok(Value::safe_string(&format!("**{text}**")))
    } else {
        Err(Error::message(format!(
            "the filter mark knows outcomes, severities, slot states, standings and what becomes of findings, not {text:?}"
        )))
    }
}

fn timestamp(text: &str) -> TeraResult<Timestamp> {
    text.parse::<Timestamp>().map_err(|error| Error::message(error.to_string()))
}

/// An instant to the second, in UTC or, with `zone=`, in that zone.
fn when(text: Cow<'_, str>, kwargs: Kwargs, _: &State<'_>) -> TeraResult<String> {
    let instant = timestamp(&text)?;
    let Some(zone) = kwargs.get::<&str>("zone")? else {
        return Ok(instant.human());
    };
    let zone: chrono_tz::Tz = zone.parse().map_err(|_| Error::message(format!("{zone:?} is not a time zone")))?;
    let local = instant.utc().with_timezone(&zone);
    Ok(local.format("%Y-%m-%d %H:%M:%S %:z").to_string())
}

/// An instant's day, in UTC.
fn day(text: Cow<'_, str>, _: Kwargs, _: &State<'_>) -> TeraResult<String> {
    Ok(timestamp(&text)?.utc().format("%Y-%m-%d").to_string())
}

/// A number with its noun: `{{ n | count(one="run", many="runs") }}`.
fn count(number: u64, kwargs: Kwargs, _: &State<'_>) -> TeraResult<String> {
    let noun: &str = kwargs.must_get(if number == 1 { "one" } else { "many" })?;
    Ok(format!("{number} {noun}"))
}

/// An outcome in words for people: `fail` is "deviation noted".
fn words(text: &str) -> TeraResult<String> {
    Outcome::ALL
        .into_iter()
        .find(|outcome| outcome.word() == text)
        .map(|outcome| outcome.observation().to_owned())
        .ok_or_else(|| Error::message(format!("the filter words knows outcomes, not {text:?}")))
}
