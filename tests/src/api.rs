//! The API as a client meets it, without a socket: requests go straight to the router.

use std::sync::Arc;

use chrono::TimeDelta;
use exhibit_evidence::EntryId;
use exhibit_pipeline::{NotAdmitted, Offered, World, admit, masked};
use exhibit_store::service::{NewToken, Role, TokenScope};
use exhibit_web::{
    Limits, Parts, Service,
    intake::{Intake, NotTaken, Offer},
    metrics_router, router,
    token::{TokenKey, TokenText},
};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::TestWorld;

/// The service over a world, and its router.
pub struct Api {
    /// The router.
    pub router: axum::Router,
    /// The router of the listener for Prometheus.
    pub metrics: axum::Router,
    key: TokenKey,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answered {
    /// Its status.
    pub status: u16,
    /// Its head.
    pub headers: axum::http::HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answered {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// A header's text, empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// The pipeline's walls, as the binary puts them before the API.
struct Walls(Arc<World>);

impl Intake for Walls {
    fn masked(&self, text: &str) -> String {
        masked(&self.0.engine, text)
    }

    fn admit(&self, offer: Offer) -> Result<String, NotTaken> {
        let Offer { job, key, host, observation, received } = offer;
        match admit(&self.0, Offered { job, key, host, observation, received }) {
            Ok(admitted) => Ok(admitted.content),
            Err(NotAdmitted::NoJob(_)) => Err(NotTaken::NoJob),
            Err(NotAdmitted::Refused(why)) => Err(NotTaken::Refused(why)),
        }
    }
}

impl Api {
    /// The service over this world, as the binary builds it.
    #[must_use]
    pub fn new(story: &TestWorld) -> Self {
        Self::of(story, Limits { requests_per_second: 100_000, burst: 100_000, ..Limits::default() }, Service::new)
    }

    /// The same with these limits.
    #[must_use]
    pub fn limited(story: &TestWorld, limits: Limits) -> Self {
        Self::of(story, limits, Service::new)
    }

    /// The same with the handlers' own checks switched off.
    #[must_use]
    pub fn with_row_level_security_alone(story: &TestWorld) -> Self {
        let limits = Limits { requests_per_second: 100_000, burst: 100_000, ..Limits::default() };
        Self::of(story, limits, Service::with_row_level_security_alone)
    }

    fn of(story: &TestWorld, limits: Limits, service: fn(Parts) -> Service) -> Self {
        let key = TokenKey::new([9; 32]);
        let world = story.world.clone();
        let random = world.random.clone();
        let service = service(Parts {
            store: world.store.clone(),
            clock: world.clock.clone(),
            entropy: Arc::new(move |bytes: &mut [u8]| random.fill(bytes)),
            catalog: world.catalog.clone(),
            pages: world
                .registry
                .iter()
                .map(|known| (known.manifest.id.to_string(), known.readme.to_owned()))
                .collect(),
            calendar: world.plan.deployment.calendar,
            token_key: key.clone(),
            intake: Arc::new(Walls(world.clone())),
            limits,
        });
        Self { metrics: metrics_router(service.clone()), router: router(service), key }
    }

    /// A token for that person, good for an hour.
    ///
    /// # Panics
    /// When the database refuses it.
    pub async fn token(&self, story: &TestWorld, person: &str, role: Role, scope: TokenScope) -> (EntryId, String) {
        self.token_for(story, person, role, scope, TimeDelta::hours(1)).await
    }

    /// The same, good for that long.
    ///
    /// # Panics
    /// When the database refuses it.
    pub async fn token_for(
        &self,
        story: &TestWorld,
        person: &str,
        role: Role,
        scope: TokenScope,
        good_for: TimeDelta,
    ) -> (EntryId, String) {
        let world = &story.world;
        let text = TokenText::mint(|bytes| world.random.fill(bytes));
        let id = world.entry_id();
        let token = NewToken {
            id: id.0,
            person: person.to_owned(),
            role,
            lookup: text.lookup().to_owned(),
            last4: text.last4().to_owned(),
            hash: self.key.hash(&text),
            scope,
            expires_at: world.now().plus(good_for),
            created_by: "a test".to_owned(),
        };
        world.store.create_token(&token, world.now()).await.expect("kept");
        (id, text.expose().to_owned())
    }

    /// Asks with this token.
    ///
    /// # Panics
    /// When the answer breaks off.
    pub async fn get(&self, path: &str, token: &str) -> Answered {
        self.ask("GET", path, &[("authorization", &format!("Bearer {token}"))], "").await
    }

    /// Asks anything.
    ///
    /// # Panics
    /// When it can't be asked, or the answer breaks off.
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answered {
        let mut request = axum::http::Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(axum::body::Body::from(body.to_owned())).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("the whole body").to_vec();
        Answered { status: parts.status.as_u16(), headers: parts.headers, body }
    }
}
