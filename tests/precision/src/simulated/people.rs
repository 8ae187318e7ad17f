//! Customers who have consented, each at its application.

use std::{error::Error, num::NonZeroU32, sync::Arc};

use handover_core::{
    application::{Application, ApplicationSecret},
    apply::{Along, Desk},
    authorisation::Link,
    connection::{OpenLink, PairKey, Request, Upkeep},
    decide::{self, FIRST_GENERATION},
    event::{Actor, Brought, Event},
    ids::{AuthorisationId, ConnectionId, EffectId, LinkHash},
    plaintext,
    ports::{Clock, DataKey, Place, Randomness, Received, Rescued, Sealed, Store, Vault},
    registration::{Channel, ChannelKind, Due, Registration, later},
    secret::{AccessToken, Plaintext, RefreshToken},
};
use handover_simulate::{
    chance::{days, minutes},
    house::{House, identity},
    port::{Port, ready},
    tools::Tools,
    world::{Hub, World},
};
use handover_simulation::{MemoryStore, MemoryVault};

use super::{AHEAD, Appointment, Setting};

type Failure = Box<dyn Error + Send + Sync>;

/// Parts of the index of due times, as in `infra/template.yaml`.
const SHARDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(3);
/// What a consent's challenge is does not matter here.
const CHALLENGE: &str = "challenge";

/// A world in which all customers have consented at its beginning, and when their registrations are due.
pub(super) fn consented(world: World, setting: &Setting) -> Result<(Arc<Hub>, Vec<Appointment>), Failure> {
    let house = Arc::new(House::set_up()?);
    let applications = (0..setting.applications.max(1))
        .map(|number| application(&house, number, setting.pace_per_minute))
        .collect::<Result<Vec<_>, _>>()?;
    let hub = Hub::new(world, tables(&house, &applications)?, house);
    let process = hub.world().start("people");
    let tools = Tools::over(Port {
        hub: Arc::clone(&hub),
        process,
    });
    let people = People {
        hub: &hub,
        tools: &tools,
    };
    let appointments = (0..setting.connections)
        .zip(applications.iter().cycle())
        .map(|(number, application)| people.customer(number, application, setting))
        .collect::<Result<_, _>>()?;
    drop(tools);
    Ok((hub, appointments))
}

type Registered = (Application, ApplicationSecret);

fn application(house: &House, number: u32, pace_per_minute: u32) -> Result<Registered, Failure> {
    let client_id: handover_core::ids::ClientId = format!("11111111-2222-3333-4444-{number:012}").parse()?;
    let plain = Application {
        id: format!("exact-{number}").parse()?,
        client_id: client_id.clone(),
        pace_per_minute,
        ..house.application.clone()
    };
    let secret = ApplicationSecret {
        client_id,
        ..house.secret.clone()
    };
    Ok((plain, secret))
}

fn tables(house: &House, applications: &[Registered]) -> Result<MemoryStore, Failure> {
    let store = MemoryStore::sharded(SHARDS);
    for (plain, secret) in applications {
        let place = Place::Application(plain.id.clone());
        let sealed = sealed(&place, &plaintext::of_application(secret))?;
        ready(store.put_application(plain, &sealed))?;
    }
    let channel = Channel {
        id: house.http.clone(),
        kind: ChannelKind::Http,
        description: String::new(),
    };
    let profile = sealed(&Place::Channel(channel.id.clone()), &Plaintext::new(b"{}".to_vec()))?;
    ready(store.put_channel(&channel, Some(&profile)))?;
    Ok(store)
}

fn sealed(place: &Place, plaintext: &Plaintext) -> Result<Sealed, Failure> {
    Ok(ready(MemoryVault.data_key(place))?.seal(plaintext)?)
}

/// What they do goes past the way out, whose calls take time: all of it happens at once.
struct People<'a> {
    hub: &'a Hub,
    tools: &'a Tools,
}

impl People<'_> {
    fn desk(
        &self,
    ) -> Desk<
        '_,
        MemoryStore,
        handover_simulate::port::queue::SimulatedQueue,
        handover_simulate::port::SimulatedClock,
        handover_simulate::port::SimulatedChance,
    > {
        Desk {
            store: &self.hub.store,
            queue: &self.tools.queue,
            clock: &self.tools.clock,
            randomness: &self.tools.chance,
        }
    }

    fn customer(&self, number: u32, (plain, secret): &Registered, setting: &Setting) -> Result<Appointment, Failure> {
        let now = self.tools.clock.now();
        let second = {
            let mut world = self.hub.world();
            world.chance.below(setting.within.as_secs())
        };
        let due = later(now, AHEAD + std::time::Duration::from_secs(second));
        let connection = ConnectionId::new(now, self.tools.chance.id());
        let link = self.invite(connection, number, plain, due)?;
        self.consent(connection, u64::from(number), link, secret)?;
        Ok(Appointment { connection, due })
    }

    fn invite(
        &self,
        connection: ConnectionId,
        number: u32,
        application: &Application,
        due: jiff::Timestamp,
    ) -> Result<LinkHash, Failure> {
        let now = self.tools.clock.now();
        let hash = LinkHash::from_digest(&self.tools.chance.secret());
        let expires_at = later(now, days(7));
        let link = Link {
            hash: hash.clone(),
            connection,
            application: application.id.clone(),
            expires_at,
            live: Vec::new(),
        };
        let request = Request {
            reference: format!("customer-{number}").parse()?,
            application: application.id.clone(),
            lifetimes: application.lifetimes,
            upkeep: Upkeep::default(),
            registration: Registration {
                channel: self.hub.house.http.clone(),
                kind: ChannelKind::Http,
                due: Due::At(due),
                database: format!("database-{number}").parse()?,
            },
            return_url: None,
            link: OpenLink {
                hash: hash.clone(),
                expires_at,
            },
        };
        let made = decide::create(connection, request, &Actor::Person("jan.jansen".into()), now)?;
        ready(self.desk().create(made, link))?;
        Ok(hash)
    }

    fn consent(
        &self,
        connection: ConnectionId,
        user: u64,
        link: LinkHash,
        application: &ApplicationSecret,
    ) -> Result<(), Failure> {
        let desk = self.desk();
        let now = self.tools.clock.now();
        let effect = EffectId::new(now, self.tools.chance.id());
        let authorisation = AuthorisationId::from_digest(&self.tools.chance.secret());
        let arrived = Event::ConsentArrived {
            effect,
            authorisation: authorisation.clone(),
            link,
            lease_ends_at: later(now, minutes(3)),
        };
        ready(desk.apply(connection, &arrived, &Actor::Callback, &Along::default()))?;
        let pair = PairKey {
            authorisation: authorisation.clone(),
            generation: FIRST_GENERATION,
        };
        let plaintext = plaintext::of_pair(&self.exchanged(user)?, connection, &application.client_id);
        let rescued = Rescued {
            connection,
            sealed: sealed(&Place::Pair(pair.clone()), &plaintext)?,
            brought: Brought {
                effect,
                pair,
                sent_at: now,
                answered_at: now,
                expires_in: Some(600),
                platform: application.platform,
                client_id: application.client_id.clone(),
            },
        };
        ready(desk.bring_home(&rescued, &Actor::Callback))?;
        ready(desk.identify(connection, &authorisation, &identity(user), &Actor::Callback))?;
        Ok(())
    }

    /// The pair that Exact Online gives, which it has in its books.
    fn exchanged(&self, user: u64) -> Result<Received, Failure> {
        let mut world = self.hub.world();
        let now = world.now;
        let code = world.exact.consent(user, CHALLENGE, now);
        let answer = world.exact.exchange(&code, CHALLENGE, now);
        let answer = answer.map_err(|refusal| format!("Exact Online refuses: {refusal:?}"))?;
        Ok(Received {
            access_token: AccessToken::new(answer.access),
            refresh_token: RefreshToken::new(answer.refresh),
            expires_in: Some(600),
        })
    }
}
