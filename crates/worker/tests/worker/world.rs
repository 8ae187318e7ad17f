//! A world in memory: connections as the core makes them, and what the handlers work with.

use std::{sync::Arc, time::Duration};

use handover_core::{
    agenda,
    application::{Application, ApplicationSecret, DEFAULT_PACE_PER_MINUTE, Lifetimes, PlatformKind},
    apply::{Along, Desk},
    authorisation::Link,
    budget::Budget,
    connection::{Connection, Identity, OpenLink, PairKey, Request, Status, Upkeep},
    decide::{self, FIRST_GENERATION},
    event::{Actor, Brought, Event, What},
    ids::{AuthorisationId, ConnectionId, EffectId, LinkHash},
    plaintext,
    ports::{Clock, DataKey, IdentityKey, Place, Pointer, Randomness, Rescued, Sealed, Store, Vault},
    registration::{Channel, ChannelKind, Due, Registration, later},
    secret::{ClientSecret, Plaintext},
};
use handover_simulation::{
    Chance, ManualClock, MemoryVault,
    faulty::{Fate, FaultyPlatform, FaultyQueue, FaultyRegistrar, FaultyStore, FaultyVault},
    lock, received,
};
use handover_worker::{Settings, WakeError, Woken, Worker};
use jiff::Timestamp;

pub const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(3_600);
pub const DAY: Duration = Duration::from_secs(24 * 3_600);
pub const APPLICATION: &str = "exact-nl";
pub const CHANNEL: &str = "invantive";

pub type TestWorker<'a> =
    Worker<'a, FaultyStore, FaultyVault, FaultyQueue, FaultyPlatform, FaultyRegistrar, ManualClock, Chance>;

#[derive(Debug)]
pub struct World {
    pub fate: Arc<Fate>,
    pub clock: &'static ManualClock,
    pub chance: Chance,
    pub store: FaultyStore,
    pub queue: FaultyQueue,
    pub vault: FaultyVault,
    pub platform: FaultyPlatform,
    pub registrar: FaultyRegistrar,
    pub timeout: Duration,
    pub accept_unknown_identity: bool,
    pub upkeep: Upkeep,
}

pub fn start() -> Timestamp {
    "2026-11-02T09:00:00Z".parse().unwrap()
}

pub fn user() -> Identity {
    Identity {
        user: "0a1b2c3d-0000-4000-8000-000000000001".into(),
        name: "A. Customer".into(),
    }
}

pub fn identity_key() -> IdentityKey {
    IdentityKey {
        platform: PlatformKind::ExactOnline,
        client_id: "11111111-2222-3333-4444-555555555555".parse().unwrap(),
        user: user().user,
    }
}

fn application_secret() -> ApplicationSecret {
    ApplicationSecret {
        platform: PlatformKind::ExactOnline,
        host: "https://start.exactonline.nl".parse().unwrap(),
        client_id: identity_key().client_id,
        client_secret: ClientSecret::new("hush"),
        redirect_uri: "https://connect.acme.example/callback/exact-nl".parse().unwrap(),
    }
}

impl World {
    /// With an application and a channel.
    pub async fn new() -> Self {
        let fate = Arc::<Fate>::default();
        let clock: &'static ManualClock = Box::leak(Box::new(ManualClock::at(start())));
        let world = Self {
            clock,
            chance: Chance::default(),
            store: FaultyStore::new(Arc::clone(&fate)),
            queue: FaultyQueue::new(clock, Arc::clone(&fate)),
            vault: FaultyVault::new(Arc::clone(&fate)),
            platform: FaultyPlatform::new(Arc::clone(&fate)),
            registrar: FaultyRegistrar::new(clock, Arc::clone(&fate)),
            timeout: Duration::from_secs(120),
            accept_unknown_identity: false,
            upkeep: Upkeep::default(),
            fate,
        };
        world.store_application().await;
        world.store_channel().await;
        world
    }

    pub fn desk(&self) -> Desk<'_, FaultyStore, FaultyQueue, ManualClock, Chance> {
        Desk {
            store: &self.store,
            queue: &self.queue,
            clock: self.clock,
            randomness: &self.chance,
        }
    }

    pub fn worker(&self) -> TestWorker<'_> {
        Worker {
            desk: self.desk(),
            vault: &self.vault,
            platform: &self.platform,
            registrar: &self.registrar,
            settings: Settings {
                deployment: None,
                timeout: self.timeout,
                accept_unknown_identity: self.accept_unknown_identity,
            },
        }
    }

    pub async fn wake(&self, id: ConnectionId) -> Result<Woken, WakeError> {
        let budget = Budget::begin(self.clock, self.timeout);
        let mut woken = Woken::default();
        self.worker().wake(id, &budget, &mut woken).await?;
        Ok(woken)
    }

    /// Takes what the queue holds, and goes on until nothing is to be seen now.
    pub async fn work(&self) {
        for _ in 0..100 {
            let pointers = self.queue.inner.receive();
            if pointers.is_empty() {
                return;
            }
            for Pointer::Wake { connection } in pointers {
                self.wake(connection).await.unwrap();
            }
        }
        panic!("the queue is never empty");
    }

    /// Lets time pass. Whatever becomes due on the way is looked at then, as the sweeper sees to.
    pub async fn pass(&self, id: ConnectionId, time: Duration) {
        let end = later(self.clock.now(), time);
        for _ in 0..300 {
            let next = agenda::next_wake(&self.read(id).await, self.clock.now());
            let Some(next) = next.filter(|next| *next <= end) else {
                self.clock.advance_to(end);
                return;
            };
            self.clock.advance_to(next);
            self.wake(id).await.unwrap();
        }
        panic!("it is looked at again and again");
    }

    pub async fn sealed(&self, place: &Place, plaintext: &Plaintext) -> Sealed {
        MemoryVault.data_key(place).await.unwrap().seal(plaintext).unwrap()
    }

    pub async fn store_application(&self) {
        let secret = application_secret();
        let plain = Application {
            id: APPLICATION.parse().unwrap(),
            display_name: "Acme".into(),
            platform: PlatformKind::ExactOnline,
            // Not trusted: somebody has changed the plain part.
            host: "https://evil.example".parse().unwrap(),
            client_id: secret.client_id.clone(),
            redirect_uri: secret.redirect_uri.clone(),
            lifetimes: Lifetimes::EXACT_ONLINE,
            upkeep: self.upkeep.clone(),
            pace_per_minute: DEFAULT_PACE_PER_MINUTE,
            return_origins: Vec::new(),
        };
        let sealed = self
            .sealed(
                &Place::Application(plain.id.clone()),
                &plaintext::of_application(&secret),
            )
            .await;
        self.store.put_application(&plain, &sealed).await.unwrap();
    }

    pub async fn store_channel(&self) {
        let channel = Channel {
            id: CHANNEL.parse().unwrap(),
            kind: ChannelKind::Http,
            description: "Invantive Cloud".into(),
        };
        let sealed = self
            .sealed(&Place::Channel(channel.id.clone()), &Plaintext::new(b"{}".to_vec()))
            .await;
        self.store.put_channel(&channel, Some(&sealed)).await.unwrap();
    }

    /// A connection that waits for its consent.
    pub async fn invited(&self, kind: ChannelKind, due: Due) -> (ConnectionId, LinkHash) {
        let now = self.clock.now();
        let id = ConnectionId::new(now, self.chance.id());
        let hash = LinkHash::from_digest(&self.chance.secret());
        let expires_at = later(now, 7 * DAY);
        let link = Link {
            hash: hash.clone(),
            connection: id,
            application: APPLICATION.parse().unwrap(),
            expires_at,
            live: Vec::new(),
        };
        let request = Request {
            reference: "Bakker & Zn".parse().unwrap(),
            application: link.application.clone(),
            lifetimes: Lifetimes::EXACT_ONLINE,
            upkeep: self.upkeep.clone(),
            registration: Registration {
                channel: CHANNEL.parse().unwrap(),
                kind,
                due,
                database: "acme-boekhouding".parse().unwrap(),
            },
            return_url: None,
            link: OpenLink {
                hash: hash.clone(),
                expires_at,
            },
        };
        let made = decide::create(id, request, &Actor::Person("dev".into()), now).unwrap();
        self.desk().create(made, link).await.unwrap();
        (id, hash)
    }

    /// A connection whose customer has consented, and perhaps told who they are.
    pub async fn consented(&self, kind: ChannelKind, due: Due, identity: Option<Identity>) -> ConnectionId {
        let (id, link) = self.invited(kind, due).await;
        let now = self.clock.now();
        self.consent(id, link, [now, now]).await;
        if let Some(identity) = identity {
            self.identified(id, &identity).await;
        }
        id
    }

    /// A consent, whose exchange was sent and answered then.
    pub async fn consent(&self, id: ConnectionId, link: LinkHash, [sent_at, answered_at]: [Timestamp; 2]) {
        let desk = self.desk();
        let now = self.clock.now();
        let effect = EffectId::new(now, self.chance.id());
        let authorisation = AuthorisationId::from_digest(&self.chance.secret());
        let arrived = Event::ConsentArrived {
            effect,
            authorisation: authorisation.clone(),
            link,
            lease_ends_at: later(now, 3 * MINUTE),
        };
        desk.apply(id, &arrived, &Actor::Callback, &Along::default())
            .await
            .unwrap();
        let key = PairKey {
            authorisation,
            generation: FIRST_GENERATION,
        };
        let rescued = Rescued {
            connection: id,
            brought: Brought {
                effect,
                pair: key.clone(),
                sent_at,
                answered_at,
                expires_in: Some(600),
                platform: PlatformKind::ExactOnline,
                client_id: identity_key().client_id,
            },
            sealed: self.sealed_pair(id, key).await,
        };
        desk.bring_home(&rescued, &Actor::Callback).await.unwrap();
    }

    /// As if it came from the platform, which notes the code in its books.
    async fn sealed_pair(&self, id: ConnectionId, key: PairKey) -> Sealed {
        lock(&self.platform.inner.codes).push("code".into());
        let number = lock(&self.platform.inner.codes).len() + lock(&self.platform.inner.refreshed).len();
        let pair = plaintext::of_pair(&received(number), id, &identity_key().client_id);
        self.sealed(&Place::Pair(key), &pair).await
    }

    pub async fn identified(&self, id: ConnectionId, identity: &Identity) {
        let authorisation = self.read(id).await.chain.unwrap().authorisation;
        self.desk()
            .identify(id, &authorisation, identity, &Actor::Callback)
            .await
            .unwrap();
    }

    /// A connection that is to be registered so long after its consent, which was just now. Each of another user.
    pub async fn authorized(&self, wait: Duration) -> ConnectionId {
        let due = Due::AfterConsent {
            seconds: wait.as_secs(),
        };
        let number = self.store.inner.number_of_connections() + 1;
        let identity = Identity {
            user: format!("0a1b2c3d-0000-4000-8000-{number:012}"),
            ..user()
        };
        self.consented(ChannelKind::Http, due, Some(identity)).await
    }

    pub async fn ask(&self, id: ConnectionId, event: Event) {
        let person = Actor::Person("dev".into());
        self.desk().apply(id, &event, &person, &Along::default()).await.unwrap();
    }

    /// The refresh tokens that reached the platform.
    pub fn presented(&self) -> Vec<String> {
        lock(&self.platform.inner.refreshed).clone()
    }

    /// The refresh token that is sealed for it.
    pub async fn refresh_token(&self, id: ConnectionId) -> String {
        let place = self.pair_place(id).await;
        let sealed = self.store.inner.sealed(&place).await.unwrap().unwrap();
        let opened = MemoryVault.open(&place, &sealed).await.unwrap();
        let tokens = plaintext::read_pair(&opened)
            .unwrap()
            .tokens_of(id, &application_secret())
            .unwrap();
        tokens.refresh_token.expose().to_owned()
    }

    pub async fn read(&self, id: ConnectionId) -> Connection {
        self.store.inner.connection(id).await.unwrap().unwrap()
    }

    pub async fn status(&self, id: ConnectionId) -> Status {
        self.read(id).await.state.status()
    }

    /// What was remembered of it.
    pub async fn history(&self, id: ConnectionId) -> Vec<What> {
        let records = self.store.inner.history(id).await.unwrap();
        records.into_iter().map(|record| record.what).collect()
    }

    pub async fn has_pair(&self) -> bool {
        self.pairs() > 0
    }

    /// How many pairs are sealed.
    pub fn pairs(&self) -> usize {
        let places = self.store.inner.sealed_places();
        places.iter().filter(|place| matches!(place, Place::Pair(_))).count()
    }

    /// The place of its pair.
    pub async fn pair_place(&self, id: ConnectionId) -> Place {
        Place::Pair(self.read(id).await.pair.unwrap().key)
    }

    pub fn submissions(&self) -> usize {
        lock(&self.registrar.submitted).len()
    }

    pub fn outcome(&self, outcome: handover_core::event::Outcome) {
        lock(&self.registrar.inner.outcomes).push_back(outcome);
    }

    /// When each wake-up in the queue will be seen, from now.
    pub fn waits(&self) -> Vec<Duration> {
        let now = self.clock.now();
        let wait = |at: Timestamp| Duration::try_from(at.duration_since(now)).unwrap_or_default();
        self.queue.inner.waiting().into_iter().map(|(at, _)| wait(at)).collect()
    }
}
