//! Sessions of the reading room: a random id in a cookie, which opens what its token opens, for a while.

use std::{fmt, net::SocketAddr};

use axum::{
    extract::{ConnectInfo, Request},
    http::{HeaderMap, HeaderValue, header},
};
use zeroize::Zeroizing;

use crate::{
    listen::OverTls,
    problem::{Kind, Problem},
    service::Inner,
    who::Caller,
};

/// The cookie's name where the browser speaks TLS: browsers keep it for this host alone, and no other can set it.
const GUARDED: &str = "__Host-exhibit";
/// Its name on loopback, where there is no TLS.
const PLAIN: &str = "exhibit";
/// How many random bytes an id has.
const RANDOM: usize = 32;

/// A session's id. Debug shows nothing of it, and its memory is wiped.
pub(crate) struct SessionId(Zeroizing<String>);

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId([redacted])")
    }
}

impl SessionId {
    /// A fresh id, of what `fill` gives as randomness.
    pub(crate) fn mint(fill: impl Fn(&mut [u8])) -> Self {
        let mut random = Zeroizing::new([0; RANDOM]);
        fill(random.as_mut());
        Self(Zeroizing::new(hex::encode(*random)))
    }

    /// The id in the request's cookies. Over TLS only the guarded cookie counts: another could have been set by a
    /// neighbour of this host.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let cookie = |name| cookie(request.headers(), name);
        let over_tls = request.extensions().get::<OverTls>().is_some();
        cookie(GUARDED).or_else(|| if over_tls { None } else { cookie(PLAIN) })
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<SessionId> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|header| header.to_str().ok());
    let pairs = cookies.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut named = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
    let value = named.next()?;
    let formed = value.len() == 2 * RANDOM && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    (formed && named.next().is_none()).then(|| SessionId(Zeroizing::new(value.to_owned())))
}

/// How the browser reaches us, as far as a cookie's safety goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Road {
    /// Over TLS, ours or that of a proxy before us: the page's own origin says so.
    Tls,
    /// On this machine.
    Loopback,
    /// Over the network in the clear.
    Clear,
}

impl Road {
    pub(crate) fn of(request: &Request) -> Self {
        let origin = request.headers().get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        if request.extensions().get::<OverTls>().is_some() || origin.is_some_and(|origin| origin.starts_with("https:"))
        {
            Self::Tls
        } else if peer.is_none_or(|peer| peer.0.ip().is_loopback()) {
            Self::Loopback
        } else {
            Self::Clear
        }
    }
}

/// The cookie that carries this session. It lives as long as the browser; how long the session lives is our word.
pub(crate) fn kept(session: &SessionId, road: Road) -> Option<HeaderValue> {
    let text = Zeroizing::new(match road {
        Road::Tls => format!("{GUARDED}={}; Path=/; Secure; HttpOnly; SameSite=Strict", session.expose()),
        Road::Loopback | Road::Clear => format!("{PLAIN}={}; Path=/; HttpOnly; SameSite=Strict", session.expose()),
    });
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The cookies that make a browser forget the session.
pub(crate) fn forgotten() -> [HeaderValue; 2] {
    [
        HeaderValue::from_static("__Host-exhibit=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"),
        HeaderValue::from_static("exhibit=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"),
    ]
}

/// Whose session this is, if it is open and its token is good now.
pub(crate) async fn caller(service: &Inner, session: Option<&SessionId>) -> Result<Caller, Problem> {
    let refused = || Problem::new(Kind::Unauthenticated, "nobody is signed in, or the session has ended");
    let hash = service.tokens.session_hash(session.ok_or_else(refused)?.expose());
    let now = service.now();
    let found = service.store.find_session(hash).await?.ok_or_else(refused)?;
    let token = found.token.token.clone();
    if !found.is_open(now) || token.revoked.is_some() || token.expires_at <= now {
        service.store.close_session(hash).await?;
        return Err(refused());
    }
    // Most requests write nothing.
    if now.since(found.last_used_at).num_seconds() >= 60 {
        service.store.touch_session(hash, now).await?;
        service.store.touch_token(token.id, now).await?;
    }
    let known = service.known();
    Ok(Caller::of(token, &known.catalog, &known.calendar))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(cookies: &[&str]) -> Request {
        let request = cookies.iter().fold(Request::builder(), |request, text| request.header(header::COOKIE, *text));
        request.body(axum::body::Body::empty()).expect("a request")
    }

    #[test]
    fn a_cookie_counts_once_and_whole_and_over_tls_only_the_guarded_one() {
        let id = SessionId::mint(|bytes| bytes.fill(0xab));
        assert_eq!(id.expose(), "ab".repeat(32));
        assert_eq!(format!("{id:?}"), "SessionId([redacted])");
        let (plain, guarded) = (format!("exhibit={}", id.expose()), format!("a=b; __Host-exhibit={}", id.expose()));
        let found = |cookies: &[&str]| SessionId::of(&request(cookies)).is_some();
        assert!(found(&[&plain]) && found(&[&guarded]) && found(&["x=y", &plain]));
        assert!(
            !found(&[]) && !found(&["exhibit=abc"]) && !found(&[&plain, &plain]) && !found(&[&format!("{plain}0")])
        );
        let mut over_tls = request(&[&plain]);
        over_tls.extensions_mut().insert(OverTls);
        assert!(SessionId::of(&over_tls).is_none());
        let mut over_tls = request(&[&guarded]);
        over_tls.extensions_mut().insert(OverTls);
        assert!(SessionId::of(&over_tls).is_some());
    }
}
