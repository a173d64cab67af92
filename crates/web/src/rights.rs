//! Who may do what: one table over all routes. A route that is not in it is closed to everybody.

use exhibit_store::service::Role::{self, Administrator, Auditor, Ingest, Officer, Operator};

/// One route and the roles that may use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right {
    /// The method.
    pub method: &'static str,
    /// The route's template.
    pub route: &'static str,
    /// Who may use it.
    pub allowed: Allowed,
}

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Anybody: it tells nothing.
    Anybody,
    /// Whoever has one of these roles.
    Roles(&'static [Role]),
}

/// Everybody who reads.
const READERS: Allowed = Allowed::Roles(&[Administrator, Operator, Officer, Auditor]);

/// The table.
pub const RIGHTS: &[Right] = &[
    get("/healthz", Allowed::Anybody),
    get("/readyz", Allowed::Anybody),
    get("/api/v1/access-log", READERS),
    get("/api/v1/attestations", READERS),
    get("/api/v1/collectors", READERS),
    get("/api/v1/collectors/{id}", READERS),
    get("/api/v1/controls", READERS),
    get("/api/v1/evidence", READERS),
    Right { method: "POST", route: "/api/v1/evidence", allowed: Allowed::Roles(&[Ingest]) },
    get("/api/v1/evidence/submissions/{id}", Allowed::Roles(&[Administrator, Operator, Ingest])),
    get("/api/v1/evidence/{id}", READERS),
    get("/api/v1/evidence/{id}/artifacts/{digest}", READERS),
    get("/api/v1/findings", READERS),
    get("/api/v1/findings/{fingerprint}", READERS),
    get("/api/v1/holds", READERS),
    get("/api/v1/ledger/checkpoint", READERS),
    get("/api/v1/ledger/proof/consistency", READERS),
    get("/api/v1/ledger/proof/inclusion", READERS),
    get("/api/v1/ledger/tile/{*tile}", READERS),
    get("/api/v1/openapi.json", READERS),
    get("/api/v1/periods", READERS),
    get("/api/v1/receipts", READERS),
    get("/api/v1/reports", READERS),
    get("/api/v1/reports/{id}", READERS),
    get("/api/v1/reports/{id}/bundle", READERS),
    get("/api/v1/runs", READERS),
    Right { method: "POST", route: "/api/v1/runs", allowed: Allowed::Roles(&[Administrator, Operator]) },
    get("/api/v1/runs/requests/{id}", Allowed::Roles(&[Administrator, Operator])),
    get("/api/v1/schedules", READERS),
    get("/api/v1/slots", READERS),
    get("/api/v1/waivers", READERS),
];

/// The pages of the reading room. They take a session's cookie too, and what they refuse is a page.
pub const PAGES: &[Right] = &[
    get("/sign-in", Allowed::Anybody),
    post("/sign-in", Allowed::Anybody),
    post("/sign-out", READERS),
    get("/style.css", Allowed::Anybody),
    get("/", READERS),
    get("/collectors", READERS),
    get("/collectors/{id}", READERS),
    get("/evidence", READERS),
    get("/evidence/{id}", READERS),
    get("/evidence/{id}/artifacts/{digest}", READERS),
    get("/findings", READERS),
    get("/findings/{fingerprint}", READERS),
    get("/reports", READERS),
    get("/reports/{id}", READERS),
    get("/reports/{id}/{file}", READERS),
    get("/slots", READERS),
];

/// Whether this route is a page.
#[must_use]
pub fn is_page(route: &str) -> bool {
    PAGES.iter().any(|right| right.route == route)
}

const fn post(route: &'static str, allowed: Allowed) -> Right {
    Right { method: "POST", route, allowed }
}

const fn get(route: &'static str, allowed: Allowed) -> Right {
    Right { method: "GET", route, allowed }
}

/// Who may use this route; none where there is no such route.
#[must_use]
pub fn allowed(method: &str, route: &str) -> Option<Allowed> {
    // A HEAD is a GET without its body.
    let method = if method == "HEAD" { "GET" } else { method };
    RIGHTS.iter().chain(PAGES).find(|right| right.method == method && right.route == route).map(|right| right.allowed)
}

impl Allowed {
    /// Whether this role is among them.
    #[must_use]
    pub fn includes(self, role: Role) -> bool {
        match self {
            Self::Anybody => true,
            Self::Roles(roles) => roles.contains(&role),
        }
    }
}
