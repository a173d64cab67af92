//! What all pages have: the templates, the head, and what stands around the content.

use std::sync::LazyLock;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use exhibit_evidence::{Outcome, Timestamp};
use serde::Serialize;
use serde_json::json;
use tera::{Context, Error, Kwargs, State, Tera, TeraResult, Value};

use crate::{
    answer::Rows,
    problem::{Kind, Problem},
    service::Inner,
    who::Caller,
};

/// Nothing runs, nothing is fetched but the style, forms lead here alone, and nobody frames the page.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The templates, by name.
const TEMPLATES: [(&str, &str); 13] = [
    ("base.html", include_str!("../../pages/base.html")),
    ("parts.html", include_str!("../../pages/parts.html")),
    ("collector.html", include_str!("../../pages/collector.html")),
    ("collectors.html", include_str!("../../pages/collectors.html")),
    ("evidence.html", include_str!("../../pages/evidence.html")),
    ("finding.html", include_str!("../../pages/finding.html")),
    ("findings.html", include_str!("../../pages/findings.html")),
    ("piece.html", include_str!("../../pages/piece.html")),
    ("problem.html", include_str!("../../pages/problem.html")),
    ("reports.html", include_str!("../../pages/reports.html")),
    ("sign_in.html", include_str!("../../pages/sign_in.html")),
    ("slots.html", include_str!("../../pages/slots.html")),
    ("status.html", include_str!("../../pages/status.html")),
];

static ENGINE: LazyLock<Tera> =
    LazyLock::new(|| engine().expect("the built-in templates can be read: a test reads them"));

fn engine() -> TeraResult<Tera> {
    let mut engine = Tera::new();
    engine.register_filter("when", |text: &str, _: Kwargs, _: &State<'_>| timestamp(text).map(Timestamp::human));
    engine.register_filter("minute", |text: &str, _: Kwargs, _: &State<'_>| {
        timestamp(text).map(|instant| instant.utc().format("%Y-%m-%d %H:%M UTC").to_string())
    });
    engine.register_filter("day", |text: &str, _: Kwargs, _: &State<'_>| {
        timestamp(text).map(|instant| instant.utc().format("%Y-%m-%d").to_string())
    });
    engine.register_filter("local_day", |text: &str, kwargs: Kwargs, _: &State<'_>| -> TeraResult<String> {
        let zone: &str = kwargs.must_get("zone")?;
        let zone: chrono_tz::Tz = zone.parse().map_err(|_| Error::message(format!("{zone:?} is no time zone")))?;
        Ok(timestamp(text)?.utc().with_timezone(&zone).format("%Y-%m-%d").to_string())
    });
    engine.register_filter("count", |number: u64, kwargs: Kwargs, _: &State<'_>| -> TeraResult<String> {
        let noun: &str = kwargs.must_get(if number == 1 { "one" } else { "many" })?;
        Ok(format!("{number} {noun}"))
    });
    engine.register_filter("words", |text: &str, _: Kwargs, _: &State<'_>| words(text));
    engine.register_filter("markdown", |text: &str, _: Kwargs, _: &State<'_>| {
        Value::safe_string(&exhibit_report::readme(text))
    });
    engine.register_filter("prose", |text: &str, _: Kwargs, _: &State<'_>| prose(text));
    engine.register_filter("param", |text: &str, _: Kwargs, _: &State<'_>| parameter(text));
    engine.add_raw_templates(TEMPLATES)?;
    Ok(engine)
}

fn timestamp(text: &str) -> TeraResult<Timestamp> {
    text.parse().map_err(|_| Error::message(format!("{text:?} is no instant")))
}

/// An outcome in a report's own words: `fail` is "deviation noted".
fn words(text: &str) -> TeraResult<String> {
    let outcome = Outcome::ALL.into_iter().find(|outcome| outcome.word() == text);
    let outcome = outcome.ok_or_else(|| Error::message(format!("the filter words knows outcomes, not {text:?}")))?;
    Ok(outcome.observation().to_owned())
}

/// A sentence of Exhibit's own, with the names in it, which stand between backticks, as code.
fn prose(sentence: &str) -> TeraResult<Value> {
    let mut out = Vec::new();
    for (turn, piece) in exhibit_report::pieces(sentence).into_iter().enumerate() {
        let (begin, end): (&[u8], &[u8]) = if turn % 2 == 1 { (b"<code>", b"</code>") } else { (b"", b"") };
        out.extend_from_slice(begin);
        tera::escape_html(piece, &mut out).map_err(|error| Error::message(error.to_string()))?;
        out.extend_from_slice(end);
    }
    let html = String::from_utf8(out).map_err(|error| Error::message(error.to_string()))?;
    Ok(Value::safe_string(&html))
}

/// A text as a parameter of an address.
fn parameter(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// A page for whoever asks, made of a template and what it needs. `rows` is how many things of the ledger it tells.
pub(super) fn page(
    service: &Inner,
    caller: &Caller,
    template: &str,
    data: &impl Serialize,
    rows: usize,
) -> Result<Response, Problem> {
    let token = &caller.token;
    let reader = json!({
        "person": token.person,
        "role": token.role.word(),
        "environments": token.scope.environments,
        "periods": token.scope.periods,
        "frameworks": token.scope.frameworks,
        "limited": !caller.scope.is_whole(),
    });
    let mut context = Context::from_serialize(data).map_err(broken)?;
    context.insert("reader", &reader);
    context.insert("now", &service.now());
    let html = ENGINE.render(template, &context).map_err(broken)?;
    let mut response = html_of(StatusCode::OK, html);
    response.extensions_mut().insert(Rows(rows as u64));
    Ok(response)
}

/// A page for somebody who is not known.
pub(super) fn open_page(status: StatusCode, template: &str, data: &impl Serialize) -> Result<Response, Problem> {
    let context = Context::from_serialize(data).map_err(broken)?;
    Ok(html_of(status, ENGINE.render(template, &context).map_err(broken)?))
}

/// A problem as a page.
pub(super) fn problem(problem: &Problem) -> Response {
    let kind = problem.kind;
    let data = json!({"title": kind.title(), "detail": problem.detail, "status": kind.status().as_u16()});
    open_page(kind.status(), "problem.html", &data).unwrap_or_else(|_| html_of(kind.status(), kind.title().to_owned()))
}

fn html_of(status: StatusCode, html: String) -> Response {
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    // What somebody read must not come back from the browser's memory after they left.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("authorization, cookie"));
    response
}

fn broken(error: tera::Error) -> Problem {
    let mut message = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    tracing::error!(message, "a page could not be made");
    Problem::new(Kind::Internal, "the page could not be made")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_can_be_read_and_hold_no_script_and_no_style_of_their_own() {
        if let Err(error) = engine() {
            panic!("{error}: {:?}", std::error::Error::source(&error));
        }
        for (name, text) in TEMPLATES {
            let lower = text.to_ascii_lowercase();
            for forbidden in ["<script", "javascript:", " style=", "<style", " onclick", "http:", "https:", "| safe"] {
                assert!(!lower.contains(forbidden), "{name} holds {forbidden}");
            }
        }
    }

    #[test]
    fn names_in_a_sentence_are_code_and_all_of_it_is_text() {
        let html = |sentence| prose(sentence).expect("a sentence").to_string();
        assert_eq!(html("say `a <b>` & go"), "say <code>a &lt;b&gt;</code> &amp; go");
        assert_eq!(html("<i> ` alone"), "&lt;i&gt; ` alone");
    }

    #[test]
    fn parameters_are_escaped() {
        assert_eq!(parameter("a b/é&=?#<"), "a%20b%2F%C3%A9%26%3D%3F%23%3C");
    }
}
