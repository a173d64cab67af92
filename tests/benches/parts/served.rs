//! The evidence API over a seeded ledger, on loopback, with everything that the binary puts around it.

use std::{net::SocketAddr, sync::Arc};

use chrono::TimeDelta;
use exhibit_collectors::Registry;
use exhibit_evidence::{Clock, FiscalCalendar, Timestamp};
use exhibit_pipeline::{Random as _, SystemClock, masked};
use exhibit_report::{Catalog, frameworks};
use exhibit_store::service::{NewToken, Role, TokenScope};
use exhibit_tests::{Ledger, Seed, SeededRandom};
use exhibit_web::{
    Limits, Parts, Service,
    intake::{Intake, NotTaken, Offer},
    router,
    token::{TokenKey, TokenText},
};
use tokio::net::TcpListener;

/// The system's clock, moved to the time after the ledger's last entry.
struct Moved {
    by: TimeDelta,
}

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus(self.by)
    }
}

/// What masks questions as the binary does. Nothing is handed in.
struct Masking;

impl Intake for Masking {
    fn masked(&self, text: &str) -> String {
        masked(exhibit_detect::Engine::builtin(), text)
    }

    fn admit(&self, _: Offer) -> Result<String, NotTaken> {
        Err(NotTaken::NoJob)
    }
}

/// Serves until the process ends. Tells where, and a token of that role.
pub(crate) async fn serve(ledger: &Ledger, seed: &Seed, role: Role) -> (SocketAddr, String) {
    let clock = Moved { by: seed.ends().since(SystemClock.now()) };
    let now = clock.now();
    let key = TokenKey::new([9; 32]);
    // Each run makes a token of its own, of chance that differs from run to run.
    let random = Arc::new(SeededRandom::new(SystemClock.now().micros().unsigned_abs()));
    let text = TokenText::mint(|bytes| random.fill(bytes));
    let mut fresh = [0; 10];
    random.fill(&mut fresh);
    let token = NewToken {
        id: exhibit_evidence::EntryId::from_parts(now, &fresh).0,
        person: "a benchmark".to_owned(),
        role,
        lookup: text.lookup().to_owned(),
        last4: text.last4().to_owned(),
        hash: key.hash(&text),
        scope: TokenScope::default(),
        expires_at: now.plus(TimeDelta::days(1)),
        created_by: "a benchmark".to_owned(),
    };
    ledger.store.create_token(&token, now).await.expect("a token is made");
    let registry = Registry::built_in().expect("the collectors are in order");
    let service = Service::new(Parts {
        store: ledger.store.clone(),
        clock: Arc::new(clock),
        entropy: Arc::new(move |bytes: &mut [u8]| random.fill(bytes)),
        catalog: Catalog {
            collectors: registry.iter().map(|registered| registered.manifest.clone()).collect(),
            frameworks: frameworks().expect("the frameworks are in order"),
        },
        pages: Default::default(),
        calendar: FiscalCalendar::new(chrono_tz::UTC, 1).expect("January is a month"),
        token_key: key,
        intake: Arc::new(Masking),
        // Nobody is slowed down: that is what would be measured.
        limits: Limits { requests_per_second: 1_000_000, burst: 1_000_000, ..Limits::default() },
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(exhibit_web::serve(listener, None, router(service), Box::pin(std::future::pending())));
    (address, text.expose().to_owned())
}
