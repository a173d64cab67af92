//! Who asks: from the token that is shown to the person, the role and the scope.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use chrono::TimeDelta;
use exhibit_evidence::{FiscalCalendar, Timestamp, period::PeriodId};
use exhibit_report::Catalog;
use exhibit_store::{
    Store, StoreError,
    service::{AccessSight, FoundToken, KeyedHash, NameSight, PeriodLimit, Role, Scope, Token, TokenScope},
};

use crate::{
    problem::{Kind, Problem},
    service::Inner,
    token::{TokenKey, TokenText},
};

/// For how long a token that was found is not looked up again. That it was revoked meanwhile is seen by whoever writes the
/// answer's line into the access log, before the answer leaves.
const REMEMBERED: TimeDelta = TimeDelta::seconds(5);
/// How many tokens are remembered.
const MOST_REMEMBERED: usize = 10_000;

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The token that was shown.
    pub(crate) token: Arc<Token>,
    /// What it lets its person see.
    pub(crate) scope: Arc<Scope>,
    /// The jobs that it lets its person bring evidence for: those whose promises lie within this.
    pub(crate) pushes_for: Arc<Scope>,
}

impl Caller {
    /// Whoever shows this token, or signed in with it.
    pub(crate) fn of(token: Token, catalog: &Catalog, calendar: &FiscalCalendar) -> Self {
        Self {
            scope: Arc::new(scope(&token, catalog, calendar)),
            pushes_for: Arc::new(pushes_for(&token, catalog, calendar)),
            token: Arc::new(token),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // The gate put it there, or refused the request.
        parts.extensions.get().cloned().ok_or_else(|| Problem::new(Kind::Unauthenticated, "no token was shown"))
    }
}

/// The token in the request's `Authorization` header.
pub(crate) fn shown(headers: &HeaderMap) -> Result<TokenText, Problem> {
    let refused = |detail: &str| Problem::new(Kind::Unauthenticated, detail);
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let header = given.next().ok_or_else(|| refused("no token was shown: send `Authorization: Bearer exh_…`"))?;
    if given.next().is_some() {
        return Err(refused("more than one Authorization header"));
    }
    let text = header.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim_start())
    });
    let text = text.ok_or_else(|| refused("the Authorization header is not of the form `Bearer exh_…`"))?;
    TokenText::parse(text).map_err(|error| refused(&error.to_string()))
}

/// The refusal of a token. It reads the same whatever is wrong with it: it tells nobody which tokens there are.
pub(crate) fn revoked() -> Problem {
    Problem::new(Kind::Unauthenticated, "this token is unknown, has expired or was revoked")
}

/// When a token has to have been looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looked {
    /// A moment ago will do.
    Lately,
    /// Now.
    Now,
}

/// Tokens that were found lately.
pub(crate) struct Tokens {
    key: TokenKey,
    remembered: Mutex<HashMap<String, (Timestamp, Arc<Remembered>)>>,
}

struct Remembered {
    found: FoundToken,
    caller: Caller,
}

impl Tokens {
    pub(crate) fn new(key: TokenKey) -> Self {
        Self { key, remembered: Mutex::default() }
    }

    /// What the database keeps of a session's id.
    pub(crate) fn session_hash(&self, id: &str) -> KeyedHash {
        self.key.session_hash(id)
    }

    /// Whose token this is, if it is good now.
    pub(crate) async fn caller(&self, service: &Inner, text: &TokenText, looked: Looked) -> Result<Caller, Problem> {
        let now = service.now();
        let recalled = if looked == Looked::Lately { self.recall(text, now) } else { None };
        let remembered = match recalled {
            Some(remembered) => remembered,
            None => self.find(service, text, now).await?.ok_or_else(revoked)?,
        };
        let token = &remembered.found.token;
        if !self.key.matches(text, &remembered.found.hash) || token.revoked.is_some() || token.expires_at <= now {
            return Err(revoked());
        }
        Ok(remembered.caller.clone())
    }

    /// Forgets which tokens were found.
    pub(crate) fn forget(&self) {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn recall(&self, text: &TokenText, now: Timestamp) -> Option<Arc<Remembered>> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, found) = remembered.get(text.lookup())?;
        (now.since(*at) < REMEMBERED && now >= *at).then(|| found.clone())
    }

    async fn find(
        &self,
        service: &Inner,
        text: &TokenText,
        now: Timestamp,
    ) -> Result<Option<Arc<Remembered>>, Problem> {
        let Some(found) = service.store.find_token(text.lookup()).await? else { return Ok(None) };
        // Only who holds the token makes us remember, or write that it was used.
        if !self.key.matches(text, &found.hash) {
            return Ok(None);
        }
        touch(&service.store, &found.token, now).await?;
        let known = service.known();
        let caller = Caller::of(found.token.clone(), &known.catalog, &known.calendar);
        let remembered = Arc::new(Remembered { found, caller });
        let mut all = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_REMEMBERED {
            all.retain(|_, (at, _)| now.since(*at) < REMEMBERED);
        }
        if all.len() < MOST_REMEMBERED {
            all.insert(text.lookup().to_owned(), (now, remembered.clone()));
        }
        Ok(Some(remembered))
    }
}

async fn touch(store: &Store, token: &Token, now: Timestamp) -> Result<(), StoreError> {
    match token.revoked {
        Some(_) => Ok(()),
        None => store.touch_token(token.id, now).await,
    }
}

/// What a token lets its person see. What it names and nothing knows, such as a framework that went, is nothing.
pub(crate) fn scope(token: &Token, catalog: &Catalog, calendar: &FiscalCalendar) -> Scope {
    let limits = limits(token, catalog, calendar);
    let own = AccessSight::Own(token.person.clone());
    // Requests tell of no scope: who is limited sees their own.
    let requests = match token.role {
        Role::Administrator | Role::Operator if limits.is_whole() => AccessSight::All,
        Role::Administrator | Role::Operator | Role::Ingest => own.clone(),
        Role::Officer | Role::Auditor => AccessSight::None,
    };
    let access = match token.role {
        Role::Administrator | Role::Officer => AccessSight::All,
        Role::Operator | Role::Auditor => own,
        Role::Ingest => return Scope { requests, ..Scope::nothing() },
    };
    Scope { access, requests, ..limits }
}

/// The jobs that a token lets its person bring evidence for; none where its role is another.
pub(crate) fn pushes_for(token: &Token, catalog: &Catalog, calendar: &FiscalCalendar) -> Scope {
    if token.role == Role::Ingest { limits(token, catalog, calendar) } else { Scope::nothing() }
}

/// What a token is limited to, whatever its role.
fn limits(token: &Token, catalog: &Catalog, calendar: &FiscalCalendar) -> Scope {
    let TokenScope { environments, periods, frameworks, names_masked } = &token.scope;
    let supports = |frameworks: &[String]| {
        catalog
            .checks()
            .filter(|(_, check)| check.controls.iter().any(|control| frameworks.contains(&control.framework)))
            .map(|(collector, check)| (collector.id.to_string(), check))
            .collect::<Vec<_>>()
    };
    let supporting = frameworks.as_deref().map(supports);
    let collectors = supporting.as_ref().map(|checks| {
        let mut ids: Vec<String> = checks.iter().map(|(collector, _)| collector.clone()).collect();
        ids.dedup();
        ids
    });
    let checks = supporting.map(|checks| {
        let names = checks.iter().flat_map(|(_, check)| check.aliases.iter().chain([&check.id]));
        names.map(ToString::to_string).collect()
    });
    let limit = |name: &String| {
        let period = calendar.period(name.parse::<PeriodId>().ok()?);
        Some(PeriodLimit { name: name.clone(), from: period.start, to: period.end })
    };
    let periods = periods.as_ref().map(|names| names.iter().filter_map(limit).collect());
    let names = if names_masked.is_none() { NameSight::Seen } else { NameSight::Masked };
    Scope { environments: environments.clone(), collectors, checks, periods, names, ..Scope::nothing() }
}
