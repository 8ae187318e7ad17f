//! One deployment with one application, and what its people do.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use handover_callback::{Answer, Callback, Ports, Settings};
use handover_core::{
    application::{Application, ApplicationSecret, DEFAULT_PACE_PER_MINUTE, Lifetimes, PlatformKind},
    apply::{Along, Desk},
    authorisation::Link,
    browser::{hash_of, link_token},
    connection::{Connection, OpenLink, PairKey, Request as Wanted, Upkeep},
    decide::{self, FIRST_GENERATION},
    event::{Actor, Event, What},
    ids::{ApplicationId, AuthorisationId, ConnectionId},
    plaintext,
    ports::{Clock, DataKey, Place, Randomness, Received, Store, Vault},
    registration::{ChannelKind, Due, Registration, later},
    secret::{ClientSecret, Plaintext},
};
use handover_simulation::{
    Chance,
    faulty::{Fate, FaultyPlatform, FaultyQueue, FaultyStore, FaultyVault},
};
use serde_json::Value;
use url::Url;

use crate::clock::TokioClock;

pub type Bell = FaultyQueue<TokioClock>;
pub type TestPorts = Ports<FaultyStore, FaultyVault, Bell, FaultyPlatform, TokioClock, Chance>;
pub type TestDesk<'a> = Desk<'a, FaultyStore, Bell, TokioClock, Chance>;

pub struct World {
    pub callback: Arc<Callback<FaultyStore, FaultyVault, Bell, FaultyPlatform, TokioClock, Chance>>,
}

pub const TIMEOUT: Duration = Duration::from_secs(120);
const DAY: Duration = Duration::from_secs(24 * 3_600);

pub fn application_id() -> ApplicationId {
    "exact-nl".parse().unwrap()
}

impl World {
    pub async fn new() -> Self {
        let clock = TokioClock::new();
        let fate = Arc::<Fate>::default();
        let ports = Ports {
            store: FaultyStore::new(Arc::clone(&fate)),
            vault: FaultyVault::new(Arc::clone(&fate)),
            queue: FaultyQueue::new(Box::leak(Box::new(clock)), Arc::clone(&fate)),
            platform: FaultyPlatform::new(fate),
            clock,
            randomness: Chance::seeded(7),
        };
        let settings = Settings {
            timeout: TIMEOUT,
            still_working_after: Duration::from_secs(20),
        };
        let world = Self {
            callback: Callback::new(ports, settings),
        };
        world.add_application("exact-nl").await;
        world
    }

    pub fn ports(&self) -> &TestPorts {
        self.callback.ports()
    }

    pub fn desk(&self) -> TestDesk<'_> {
        let TestPorts {
            store,
            queue,
            clock,
            randomness,
            ..
        } = self.ports();
        Desk {
            store,
            queue,
            clock,
            randomness,
        }
    }

    pub async fn add_application(&self, id: &str) {
        let TestPorts { store, vault, .. } = self.ports();
        let application = Application {
            id: id.parse().unwrap(),
            display_name: "Acme & Sons <Books>".into(),
            platform: PlatformKind::ExactOnline,
            host: Url::parse("https://start.exactonline.nl").unwrap(),
            client_id: "client-1".parse().unwrap(),
            redirect_uri: Url::parse(&format!("https://connect.acme.example/callback/{id}")).unwrap(),
            lifetimes: Lifetimes::EXACT_ONLINE,
            upkeep: Upkeep::default(),
            pace_per_minute: DEFAULT_PACE_PER_MINUTE,
            return_origins: vec!["https://app.acme.example".parse().unwrap()],
        };
        let secret = ApplicationSecret {
            platform: application.platform,
            host: application.host.clone(),
            client_id: application.client_id.clone(),
            client_secret: ClientSecret::new("hush"),
            redirect_uri: application.redirect_uri.clone(),
        };
        let key = vault
            .inner
            .data_key(&Place::Application(application.id.clone()))
            .await
            .unwrap();
        let sealed = key.seal(&plaintext::of_application(&secret)).unwrap();
        store.put_application(&application, &sealed).await.unwrap();
    }

    /// A new connection and the token of its link.
    pub async fn invite(&self) -> (ConnectionId, String) {
        self.invite_to(Some("https://app.acme.example/connected?from=\"handover\""))
            .await
    }

    pub async fn invite_to(&self, return_url: Option<&str>) -> (ConnectionId, String) {
        let TestPorts { clock, randomness, .. } = self.ports();
        let now = clock.now();
        let id = ConnectionId::new(now, randomness.id());
        let (token, link) = self.fresh_link(id);
        let wanted = Wanted {
            reference: "Bakery Jansen".parse().unwrap(),
            application: application_id(),
            lifetimes: Lifetimes::EXACT_ONLINE,
            upkeep: Upkeep::default(),
            registration: Registration {
                channel: "invantive".parse().unwrap(),
                kind: ChannelKind::Http,
                due: Due::AfterConsent {
                    seconds: 3 * 24 * 3_600,
                },
                database: "jansen".parse().unwrap(),
            },
            return_url: return_url.map(|url| Url::parse(url).unwrap()),
            link: OpenLink {
                hash: link.hash.clone(),
                expires_at: link.expires_at,
            },
        };
        let decision = decide::create(id, wanted, &Actor::Person("dev".into()), now).unwrap();
        self.desk().create(decision, link).await.unwrap();
        (id, token)
    }

    fn fresh_link(&self, connection: ConnectionId) -> (String, Link) {
        let token = link_token(self.ports().randomness.secret());
        let link = Link {
            hash: hash_of(&token),
            connection,
            application: application_id(),
            expires_at: later(self.ports().clock.now(), 7 * DAY),
            live: Vec::new(),
        };
        (token.expose().to_owned(), link)
    }

    /// A new link for a connection that has been made before.
    pub async fn renew_link(&self, connection: ConnectionId) -> String {
        let (token, link) = self.fresh_link(connection);
        let opened = OpenLink {
            hash: link.hash.clone(),
            expires_at: link.expires_at,
        };
        let along = Along {
            link: Some(link),
            ..Along::default()
        };
        let person = Actor::Person("dev".into());
        self.desk()
            .apply(connection, &Event::LinkOpened(opened), &person, &along)
            .await
            .unwrap();
        token
    }

    pub async fn ask(&self, connection: ConnectionId, event: Event) {
        let person = Actor::Person("dev".into());
        self.desk()
            .apply(connection, &event, &person, &Along::default())
            .await
            .unwrap();
    }

    /// Answers an event, and looks at what every answer has to have.
    pub async fn answer(&self, event: Value) -> Answer {
        let answer = self.callback.answer(serde_json::from_value(event).unwrap()).await;
        has_headers(&answer);
        answer
    }

    pub async fn idle(&self) {
        self.callback.background().idle().await;
    }

    pub async fn connection(&self, id: ConnectionId) -> Connection {
        self.ports().store.inner.connection(id).await.unwrap().unwrap()
    }

    pub async fn history(&self, id: ConnectionId) -> Vec<What> {
        let records = self.ports().store.inner.history(id).await.unwrap();
        records.into_iter().map(|record| record.what).collect()
    }

    /// The pair as it was sealed for a trip.
    pub async fn pair(&self, trip: &AuthorisationId) -> Option<Received> {
        let place = Place::Pair(PairKey {
            authorisation: trip.clone(),
            generation: FIRST_GENERATION,
        });
        let trip = self.ports().store.inner.authorisation(trip).await.unwrap()?;
        let pair = plaintext::read_pair(&self.opened(&place).await?).unwrap();
        let place = Place::Application(trip.application);
        let application = plaintext::read_application(&self.opened(&place).await?).unwrap();
        Some(pair.tokens_of(trip.connection, &application).unwrap())
    }

    async fn opened(&self, place: &Place) -> Option<Plaintext> {
        let sealed = self.ports().store.inner.sealed(place).await.unwrap()?;
        Some(self.ports().vault.inner.open(place, &sealed).await.unwrap())
    }

    /// What the worker does with what the rescue queue holds; says how many pairs it held.
    pub async fn bring_home(&self) -> usize {
        let rescued = self.ports().queue.inner.receive_rescued();
        for rescued in &rescued {
            self.desk().bring_home(rescued, &Actor::Worker).await.unwrap();
        }
        rescued.len()
    }

    pub fn pairs(&self) -> usize {
        let places = self.ports().store.inner.sealed_places();
        places.iter().filter(|place| matches!(place, Place::Pair(_))).count()
    }

    pub async fn is_used(&self, trip: &AuthorisationId) -> bool {
        self.ports()
            .store
            .inner
            .authorisation(trip)
            .await
            .unwrap()
            .unwrap()
            .consumed_at
            .is_some()
    }

    /// Codes that reached the platform.
    pub fn codes(&self) -> Vec<String> {
        self.ports().platform.inner.codes.lock().unwrap().clone()
    }

    pub fn calls_to_aws(&self) -> u32 {
        self.ports().store.calls.load(Relaxed) + self.ports().vault.calls.load(Relaxed)
    }
}

fn has_headers(answer: &Answer) {
    let header = |name: &str| answer.headers.get(name).map(String::as_str).unwrap_or_default();
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("referrer-policy"), "no-referrer");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert!(header("strict-transport-security").starts_with("max-age="));
    if answer.body.is_empty() {
        assert!((300..400).contains(&answer.status_code), "{}", answer.status_code);
        assert!(!header("location").is_empty());
        return;
    }
    let policy = header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"));
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    assert!(answer.body.starts_with("<!DOCTYPE html><html lang=\"en\">"));
    assert!(answer.body.contains("name=\"viewport\"") && !answer.body.contains("<script"));
    assert_eq!(answer.body.matches("<h1>").count(), 1);
}

pub fn title(answer: &Answer) -> &str {
    let heading = answer.body.split_once("<h1>").map(|(_, rest)| rest).unwrap_or_default();
    heading.split_once("</h1>").map(|(title, _)| title).unwrap_or_default()
}
