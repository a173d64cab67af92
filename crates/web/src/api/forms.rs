//! The forms of a long list: a page of JSON, or all of it as NDJSON or CSV.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use exhibit_store::service::{Export, ExportFormat};

use crate::{counted::Streamed, problem::Problem};

/// How a list is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A page as JSON.
    Page,
    /// All of it, as it comes.
    Stream(ExportFormat),
}

const FORMS: [(&str, &str, Form); 3] = [
    ("json", "application/json", Form::Page),
    ("ndjson", "application/x-ndjson", Form::Stream(ExportFormat::Ndjson)),
    ("csv", "text/csv", Form::Stream(ExportFormat::Csv)),
];

/// The form that is asked for: by the parameter, else by the first type in `Accept` that is offered, else a page.
pub(super) fn form(parameter: Option<&str>, headers: &HeaderMap) -> Result<Form, Problem> {
    if let Some(name) = parameter {
        let found = FORMS.iter().find(|(known, _, _)| *known == name).map(|(_, _, form)| *form);
        return found.ok_or_else(|| Problem::invalid("format: expected json, ndjson or csv"));
    }
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut accepted = accepted.flat_map(|list| list.split(',')).filter_map(|one| one.split(';').next()).map(str::trim);
    let offered = |accepted: &str| FORMS.iter().find(|(_, media_type, _)| *media_type == accepted);
    Ok(accepted.find_map(offered).map_or(Form::Page, |(_, _, form)| *form))
}

/// A long list as it comes. How many rows it holds is not known when it begins: they are counted as they leave.
pub(super) fn streamed(export: Export, format: ExportFormat) -> Response {
    let (media_type, rows) = match format {
        ExportFormat::Ndjson => ("application/x-ndjson", Streamed::Lines),
        ExportFormat::Csv => ("text/csv; charset=utf-8", Streamed::Csv),
    };
    let mut response = Response::new(Body::from_stream(export));
    response.extensions_mut().insert(rows);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("authorization, cookie, accept"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameter_comes_before_what_is_accepted() {
        let accepting = |text: &'static str| HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(text))]);
        let ndjson = Form::Stream(ExportFormat::Ndjson);
        let cases = [
            (None, accepting("text/html, */*;q=0.1"), Form::Page),
            (None, accepting("text/html, application/x-ndjson;q=0.5, text/csv"), ndjson),
            (Some("csv"), accepting("application/x-ndjson"), Form::Stream(ExportFormat::Csv)),
            (Some("json"), accepting("application/x-ndjson"), Form::Page),
            (None, HeaderMap::new(), Form::Page),
        ];
        for (parameter, headers, expected) in cases {
            assert_eq!(form(parameter, &headers).unwrap(), expected, "{parameter:?} {headers:?}");
        }
        assert!(form(Some("xml"), &HeaderMap::new()).is_err());
    }
}
