//! `/sign-in` and `/sign-out`.

use std::net::SocketAddr;

use axum::{
    Form, RequestExt as _,
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use exhibit_store::service::Role;
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::frame;
use crate::{
    limits::Counted,
    problem::{Kind, Problem},
    service::Service,
    session::{self, Road, SessionId},
    token::TokenText,
    who::Looked,
};

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    token: String,
}

/// Where people sign in.
pub(super) async fn form(State(service): State<Service>, request: Request) -> Result<Response, Problem> {
    let session = SessionId::of(&request);
    if session.is_some() && session::caller(&service, session.as_ref()).await.is_ok() {
        return Ok(to("/"));
    }
    asked(StatusCode::OK, None)
}

/// Opens a session for whoever shows a good token. The token goes nowhere but into its hash.
pub(super) async fn enter(State(service): State<Service>, request: Request) -> Result<Response, Problem> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    service.limiter.count(Counted::Peer(peer))?;
    let road = Road::of(&request);
    if road == Road::Clear {
        return refused(
            "This page was reached without TLS, so anybody on the way could read a token. Ask for its address that begins with https.",
        );
    }
    let before = SessionId::of(&request);
    let Ok(Form(shown)) = request.extract::<Form<Shown>, _>().await else {
        return refused("Nothing was signed in: the form did not arrive whole. Please try again.");
    };
    let shown = Zeroizing::new(shown.token);
    let caller = match TokenText::parse(shown.trim()) {
        Ok(token) => service.tokens.caller(&service, &token, Looked::Now).await,
        Err(_) => Err(Problem::new(Kind::Unauthenticated, "not a token")),
    };
    let caller = match caller {
        Ok(caller) if caller.token.role != Role::Ingest => caller,
        Err(problem) if problem.kind != Kind::Unauthenticated => return Err(problem),
        // One sentence for all of it: it tells nobody which tokens there are.
        _ => {
            return refused(
                "This token does not open the reading room: it is unknown, has expired, was revoked, or is not for reading.",
            );
        }
    };
    if let Some(before) = before {
        service.store.close_session(service.tokens.session_hash(before.expose())).await?;
    }
    let id = SessionId::mint(|bytes| (service.entropy)(bytes));
    service.store.open_session(service.tokens.session_hash(id.expose()), caller.token.id, service.now()).await?;
    let mut response = to("/");
    if let Some(cookie) = session::kept(&id, road) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    // So that the access log can say who it was.
    response.extensions_mut().insert(caller);
    Ok(response)
}

/// Ends the session.
pub(super) async fn leave(State(service): State<Service>, request: Request) -> Result<Response, Problem> {
    if let Some(id) = SessionId::of(&request) {
        service.store.close_session(service.tokens.session_hash(id.expose())).await?;
    }
    let mut response = to("/sign-in");
    for cookie in session::forgotten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

fn asked(status: StatusCode, wrong: Option<&str>) -> Result<Response, Problem> {
    frame::open_page(status, "sign_in.html", &json!({"wrong": wrong}))
}

/// The form again with one calm sentence.
fn refused(sentence: &str) -> Result<Response, Problem> {
    let mut response = asked(StatusCode::UNAUTHORIZED, Some(sentence))?;
    response.extensions_mut().insert(Problem::new(Kind::Unauthenticated, "nobody was signed in"));
    Ok(response)
}

fn to(place: &'static str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static(place));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
