//! What every request passes: who asks, whether they may, and the access log, before any answer leaves.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Instant,
};

use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use exhibit_store::service::Access;
use uuid::Uuid;

use crate::{
    answer::Rows,
    counted::counted,
    limits::Counted,
    pages,
    problem::{Kind, Problem},
    recorder::NotRecorded,
    rights::{Allowed, allowed, is_page},
    service::Service,
    session::{self, SessionId},
    token::TokenText,
    who::{Caller, Looked, revoked, shown},
};

/// The longest question that is put on record whole, in characters.
const LONGEST_QUESTION: usize = 2_000;

/// The header that names a request, in the answer and in the access log.
const REQUEST_ID: &str = "x-request-id";

/// Lets a request through, or answers it.
pub(crate) async fn gate(State(service): State<Service>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = service.fresh_id();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str).to_owned();
    let question = question(&request);
    let unless = request.headers().get(header::IF_NONE_MATCH).cloned();

    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let proof = Proof::of(&request, &route);
    let with_token = matches!(proof, Proof::Token(_));
    let admitted = admit(&service, proof, peer, &method, &route).await;
    let (caller, response) = match admitted {
        Ok(caller) => {
            if let Some(caller) = caller.clone() {
                request.extensions_mut().insert(caller);
            }
            (caller, next.run(request).await)
        }
        Err(refused) => (refused.caller, refused.problem.into_response()),
    };
    let response = if is_page(&route) { pages::shown(response, &method, with_token) } else { response };
    let caller = caller.or_else(|| response.extensions().get().cloned());
    let mut response = unchanged(response, unless.as_ref());
    // Health tells nothing, so that nothing is to be recorded of it; who tries to sign in does something.
    if method == Method::POST || !matches!(allowed(method.as_str(), &route), Some(Allowed::Anybody)) {
        let line = line(&service, id, caller.as_ref(), &method, &route, question, &response);
        response = match service.recorder.record(line.clone()).await {
            Ok(()) => counted(&service, response, &line),
            Err(NotRecorded::Revoked) => {
                service.tokens.forget();
                let refused = revoked().into_response();
                if is_page(&route) { pages::shown(refused, &method, with_token) } else { refused }
            }
            Err(NotRecorded::Failed) => {
                let detail = "the read could not be put on record, so it was not answered";
                Problem { retry_after: Some(5), ..Problem::new(Kind::Unavailable, detail) }.into_response()
            }
        };
    }
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    service.metrics.answered(&method, &route, response.status(), begun.elapsed());
    response
}

/// A refusal, and whose it is if that is known.
struct Refused {
    caller: Option<Caller>,
    problem: Problem,
}

/// What a request shows to say whose it is.
enum Proof {
    Token(Result<TokenText, Problem>),
    Session(Option<SessionId>),
}

impl Proof {
    /// Pages take the session's cookie, unless a token is shown; everything else takes tokens alone.
    fn of(request: &Request, route: &str) -> Self {
        if is_page(route) && !request.headers().contains_key(header::AUTHORIZATION) {
            Self::Session(SessionId::of(request))
        } else {
            Self::Token(shown(request.headers()))
        }
    }
}

/// Whether this request may go on. Closed by default: a route that the table of rights does not know is refused.
async fn admit(
    service: &Service,
    proof: Proof,
    peer: Option<IpAddr>,
    method: &Method,
    route: &str,
) -> Result<Option<Caller>, Refused> {
    let nobody = |problem| Refused { caller: None, problem };
    let right = allowed(method.as_str(), route);
    if let Some(Allowed::Anybody) = right {
        return Ok(None);
    }
    let caller = match proof {
        // What only reads is held back until its line is written, and that looks again; what does something is not.
        Proof::Token(Ok(token)) => {
            let looked = if method.is_safe() { Looked::Lately } else { Looked::Now };
            service.tokens.caller(service, &token, looked).await
        }
        Proof::Token(Err(problem)) => Err(problem),
        Proof::Session(session) => session::caller(service, session.as_ref()).await,
    };
    let caller = match caller {
        Ok(caller) => caller,
        Err(problem) => {
            service.limiter.count(Counted::Peer(peer)).map_err(nobody)?;
            return Err(nobody(problem));
        }
    };
    let refuse = |problem| Refused { caller: Some(caller.clone()), problem };
    service.limiter.count(Counted::Token(caller.token.id)).map_err(refuse)?;
    let role = caller.token.role;
    match right {
        Some(right) if right.includes(role) || !service.checks() => Ok(Some(caller)),
        Some(_) => Err(refuse(Problem::new(Kind::Forbidden, format!("the role {role} may not do that")))),
        // Somebody whom we know learns that there is no such route, or no such method: nobody else does.
        None if route.is_empty() => Err(refuse(Problem::new(Kind::NotFound, "no such route"))),
        None => Err(refuse(Problem::new(Kind::MethodNotAllowed, format!("{route} has no {method}")))),
    }
}

/// The line of the access log.
fn line(
    service: &Service,
    id: Uuid,
    caller: Option<&Caller>,
    method: &Method,
    route: &str,
    question: String,
    response: &Response,
) -> Access {
    let token = caller.map(|caller| &caller.token);
    Access {
        at: service.now(),
        request_id: id,
        token_id: token.map(|token| token.id),
        person: token.map(|token| token.person.clone()),
        role: token.map(|token| token.role.to_string()),
        method: method.to_string(),
        route: route.to_owned(),
        scope: token.and_then(|token| serde_json::to_string(&token.scope).ok()).unwrap_or_else(|| "{}".to_owned()),
        query: question,
        status: response.status().as_u16(),
        row_count: response.extensions().get::<Rows>().map(|rows| rows.0),
        refusal: response
            .extensions()
            .get::<Problem>()
            // What was sent may stand in it.
            .map(|problem| service.intake.masked(&format!("{}: {}", problem.kind.slug(), problem.detail))),
    }
}

/// What was asked, in one form: the path, and the parameters in order. A token that somebody put there by mistake is
/// masked, and what is too long is cut.
fn question(request: &Request) -> String {
    let mut parameters: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for pair in request.uri().query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        parameters.entry(name.to_owned()).or_default().push(value);
    }
    let mut text = request.uri().path().to_owned();
    let pairs = parameters.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    for (number, (name, value)) in pairs.enumerate() {
        text.push(if number == 0 { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
    masked(&text).chars().take(LONGEST_QUESTION).collect()
}

/// The text with whatever begins like a token cut down to how it begins.
fn masked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(crate::token::PREFIX) {
        let (before, token) = rest.split_at(at + crate::token::PREFIX.len());
        out.push_str(before);
        out.push('…');
        rest = token.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
    }
    out.push_str(rest);
    out
}

/// An answer that the asker has already.
fn unchanged(response: Response, unless: Option<&HeaderValue>) -> Response {
    let same = |tag: &HeaderValue| {
        let known = unless.and_then(|unless| unless.to_str().ok()).unwrap_or_default();
        let tag = tag.to_str().unwrap_or_default();
        known.split(',').map(|one| one.trim().trim_start_matches("W/")).any(|one| one == tag || one == "*")
    };
    if response.status() != StatusCode::OK || !response.headers().get(header::ETAG).is_some_and(same) {
        return response;
    }
    let (mut parts, _) = response.into_parts();
    parts.status = StatusCode::NOT_MODIFIED;
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, axum::body::Body::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_one_form_and_holds_no_token() {
        let cases = [
            ("/api/v1/evidence", "/api/v1/evidence"),
            ("/api/v1/evidence?b=2&a=1&b=1", "/api/v1/evidence?a=1&b=2&b=1"),
            ("/x?token=exh_abc123&y", "/x?token=exh_…&y="),
            ("/exh_abc/exh_?exh_1=exh_2", "/exh_…/exh_…?exh_…=exh_…"),
        ];
        for (asked, expected) in cases {
            let request = Request::builder().uri(asked).body(axum::body::Body::empty()).expect("a request");
            assert_eq!(question(&request), expected);
        }
    }
}
