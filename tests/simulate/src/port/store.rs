//! The tables.

use std::time::Duration;

use handover_core::{
    application::Application,
    authorisation::{Authorisation, Link},
    connection::{Connection, Status},
    event::{Record, What},
    ids::{ApplicationId, AuthorisationId, ChannelId, ConnectionId, LinkHash},
    plaintext,
    ports::{
        Change, Claimed, DuePointer, Filter, IdentityKey, Pace, Page, Place, ReadError, Sealed, Store, StoreError,
        Summary, Vault, WriteError,
    },
    registration::{self, Channel},
};
use handover_simulation::MemoryVault;
use jiff::Timestamp;

use super::{Port, ready};
use crate::{
    act::Act,
    breaks::Break,
    call::Call,
    chance::hours,
    coverage::{SENT_TWICE, WRITTEN_FIRST},
    exact::MARK,
    house::House,
    world::World,
};

/// The tables, over a way out.
#[derive(Debug, Clone)]
pub struct SimulatedStore(pub Port);

fn away(what: &str) -> StoreError {
    StoreError {
        what: what.into(),
        reason: "no answer in time".into(),
    }
}

impl SimulatedStore {
    async fn read<T>(&self, call: Call, effect: impl Future<Output = Result<T, ReadError>>) -> Result<T, ReadError> {
        self.0
            .quick(call, |_| ready(effect), |_, _| Err(away(call.name).into()))
            .await
    }

    /// Now and then the SDK asks a second time, for an answer that did not come, and hears what the tables say to that.
    async fn fenced<T>(
        &self,
        call: Call,
        effect: impl Fn(&mut World) -> Result<T, WriteError>,
    ) -> Result<T, WriteError> {
        let retried = |world: &mut World| {
            let answer = effect(world);
            if world.plan.is_calm(world.now) || !world.chance.in_thousand(5) {
                return answer;
            }
            world.coverage.happened(SENT_TWICE);
            effect(world)
        };
        self.0.quick(call, retried, |_, _| Err(away(call.name).into())).await
    }

    /// The write, and what the books say of it.
    fn written(&self, world: &mut World, change: &Change) -> Result<(), WriteError> {
        must_be_sealed(world, change);
        let written = self.write_through(world, change);
        if matches!(written, Err(WriteError::Conflict(_))) {
            world.coverage.happened(WRITTEN_FIRST);
        }
        if written.is_ok() {
            must_hold_the_live_chain(&self.0, world, change);
            world.changed = true;
            note(world, &self.0.hub.house, change);
        }
        written
    }
}

impl SimulatedStore {
    fn write_through(&self, world: &World, change: &Change) -> Result<(), WriteError> {
        let store = &self.0.hub.store;
        let Some(broken) = world.broken else {
            return ready(store.write(change));
        };
        let claims_rotation = change
            .records
            .iter()
            .any(|record| matches!(record.what, What::RotationBegan { .. }));
        if broken == Break::IntentNotWritten && claims_rotation {
            return Ok(());
        }
        let current = ready(store.connection(change.connection.id)).ok().flatten();
        ready(store.write(&broken.write(change, current.map(|connection| connection.revision))))
    }
}

/// An attempt is claimed with a chain that nobody is known to have ended, and that nobody contests.
fn must_hold_the_live_chain(port: &Port, world: &mut World, change: &Change) {
    let connection = &change.connection;
    let begins = change
        .records
        .iter()
        .any(|record| matches!(record.what, What::AttemptBegan { .. }));
    let (true, Some(chain), Some(identity)) = (begins, &connection.chain, &connection.identity) else {
        return;
    };
    let holder = ready(port.hub.store.identity(&chain.identity_key(&identity.user)))
        .ok()
        .flatten();
    let held = holder.is_some_and(|holder| holder.authorisation == chain.authorisation);
    if !held || !connection.contests.is_empty() {
        let found = format!(
            "{} begins an attempt with a chain that is contested or has ended",
            connection.id
        );
        world.violated("contested_or_superseded_never_registers", found);
    }
}

/// Nothing secret stands in an item, and nothing in a sealed value can be read.
fn must_be_sealed(world: &mut World, change: &Change) {
    let item = serde_json::to_string(&change.connection).unwrap_or_default();
    let records = serde_json::to_string(&change.records).unwrap_or_default();
    let sealed = change
        .pair
        .as_ref()
        .map(|(_, sealed)| sealed.0.as_slice())
        .unwrap_or_default();
    let in_sealed = sealed.windows(MARK.len()).any(|bytes| bytes == MARK.as_bytes());
    if item.contains(MARK) || records.contains(MARK) || in_sealed {
        let found = format!("a token in what is written of {}", change.connection.id);
        world.violated("no_secret_in_the_clear", found);
    }
}

fn note(world: &mut World, house: &House, change: &Change) {
    if let (Some(token), Some((key, _))) = (token_of(world, house, change), &change.pair) {
        world.witness.stored(token, change.connection.id, key.clone());
    }
    let id = change.connection.id;
    for record in &change.records {
        world
            .trace
            .note(world.now, || format!("{} {:?}", World::short(id), record.what));
        match &record.what {
            What::PairDropped { authorisation, .. } => world.witness.dropped(authorisation),
            // Received, and given up in the same write, which says why: a cancel that was wished meanwhile.
            What::Authorized { authorisation, .. } if change.pair.is_none() => world.witness.dropped(authorisation),
            What::Rotated { .. } if change.pair.is_none() => {
                if let Some(chain) = &change.connection.chain {
                    world.witness.dropped(&chain.authorisation);
                }
            }
            What::ExchangeBegan { .. } | What::RotationBegan { .. } | What::AttemptBegan { .. } => meddle(world, id),
            What::Registered { .. } | What::LateSuccess { .. } => {
                let known = world.witness.successes.iter_mut().filter(|one| one.connection == id);
                known.for_each(|one| one.in_hand = false);
            }
            _ => {}
        }
    }
}

/// Something is under way: a good moment to ask for something else.
fn meddle(world: &mut World, id: ConnectionId) {
    if !world.plan.is_calm(world.now) && world.chance.in_thousand(100) {
        let soon = world.chance.time(Duration::ZERO, Duration::from_millis(400));
        world.plan_act(soon, Act::Meddle(id));
    }
}

/// A received pair that nobody wants any more goes with a record.
fn drops(change: &Change) -> bool {
    let mut records = change.records.iter().map(|record| &record.what);
    records.any(|what| {
        matches!(
            what,
            What::PairDropped { .. } | What::Authorized { .. } | What::Rotated { .. }
        )
    })
}

/// The token that is stored with a change.
fn token_of(world: &World, house: &House, change: &Change) -> Option<u64> {
    let (key, sealed) = change.pair.as_ref()?;
    let opened = ready(MemoryVault.open(&Place::Pair(key.clone()), sealed)).ok()?;
    let pair = plaintext::read_pair(&opened).ok()?;
    let tokens = pair.tokens_of(change.connection.id, &house.secret).ok()?;
    world.exact.token_of(tokens.refresh_token.expose())
}

impl Store for SimulatedStore {
    async fn connection(&self, id: ConnectionId) -> Result<Option<Connection>, ReadError> {
        self.read(Call::read("store.connection"), self.0.hub.store.connection(id))
            .await
    }

    async fn write(&self, change: &Change) -> Result<(), WriteError> {
        if change.pair.is_some() || drops(change) {
            self.0.hub.world().witness.keeping(self.0.process);
        }
        self.fenced(Call::write(change), |world| self.written(world, change))
            .await
    }

    async fn history(&self, id: ConnectionId) -> Result<Vec<Record>, ReadError> {
        self.read(Call::read("store.history"), self.0.hub.store.history(id))
            .await
    }

    async fn link(&self, hash: &LinkHash) -> Result<Option<Link>, ReadError> {
        self.read(Call::read("store.link"), self.0.hub.store.link(hash)).await
    }

    async fn authorisation(&self, id: &AuthorisationId) -> Result<Option<Authorisation>, ReadError> {
        let found = self
            .read(Call::read("store.authorisation"), self.0.hub.store.authorisation(id))
            .await?;
        let unused = self.0.hub.world().broken == Some(Break::TripUsedTwice);
        Ok(found.map(|found| Authorisation {
            consumed_at: found.consumed_at.filter(|_| !unused),
            ..found
        }))
    }

    async fn open_authorisation(
        &self,
        read: &Link,
        link: &Link,
        authorisation: &Authorisation,
    ) -> Result<(), WriteError> {
        self.fenced(Call::fenced("store.open_authorisation"), |world| {
            world
                .witness
                .owners
                .insert(authorisation.id.clone(), authorisation.connection);
            ready(self.0.hub.store.open_authorisation(read, link, authorisation))
        })
        .await
    }

    async fn identity(&self, key: &IdentityKey) -> Result<Option<Claimed>, ReadError> {
        let held = self
            .read(Call::read("store.identity"), self.0.hub.store.identity(key))
            .await?;
        let newer = self.0.hub.world().broken == Some(Break::HolderLooksNewer);
        let later = if newer { hours(1) } else { Duration::ZERO };
        Ok(held.map(|held| Claimed {
            sent_at: registration::later(held.sent_at, later),
            answered_at: registration::later(held.answered_at, later),
            ..held
        }))
    }

    async fn erase_history(&self, id: ConnectionId, to: u64) -> Result<(), WriteError> {
        self.fenced(Call::fenced("store.erase_history"), |_| {
            ready(self.0.hub.store.erase_history(id, to))
        })
        .await
    }

    async fn remove(&self, read: &Connection) -> Result<(), WriteError> {
        self.fenced(Call::fenced("store.remove"), |world| {
            world.changed = true;
            ready(self.0.hub.store.remove(read))
        })
        .await
    }

    async fn application(&self, id: &ApplicationId) -> Result<Option<Application>, ReadError> {
        self.read(Call::read("store.application"), self.0.hub.store.application(id))
            .await
    }

    async fn pace(&self, id: &ApplicationId) -> Result<Option<Pace>, ReadError> {
        self.read(Call::read("store.pace"), self.0.hub.store.pace(id)).await
    }

    async fn take_slots(&self, id: &ApplicationId, per_minute: u32, until: Timestamp) -> Result<(), WriteError> {
        self.fenced(Call::fenced("store.take_slots"), |_| {
            ready(self.0.hub.store.take_slots(id, per_minute, until))
        })
        .await
    }

    async fn put_application(&self, application: &Application, sealed: &Sealed) -> Result<(), WriteError> {
        self.0.hub.store.put_application(application, sealed).await
    }

    async fn applications(&self) -> Result<Vec<Application>, ReadError> {
        self.0.hub.store.applications().await
    }

    async fn channel(&self, id: &ChannelId) -> Result<Option<Channel>, ReadError> {
        self.0.hub.store.channel(id).await
    }

    async fn put_channel(&self, channel: &Channel, sealed: Option<&Sealed>) -> Result<(), WriteError> {
        self.0.hub.store.put_channel(channel, sealed).await
    }

    async fn channels(&self) -> Result<Vec<Channel>, ReadError> {
        self.0.hub.store.channels().await
    }

    async fn sealed(&self, place: &Place) -> Result<Option<Sealed>, ReadError> {
        self.read(Call::sealed(place), self.0.hub.store.sealed(place)).await
    }

    fn shards(&self) -> u32 {
        self.0.hub.store.shards()
    }

    async fn due(&self, shard: u32, until: Timestamp, limit: u32) -> Result<Vec<DuePointer>, ReadError> {
        let due = self
            .read(Call::read("store.due"), self.0.hub.store.due(shard, until, limit))
            .await?;
        let blind = self.0.hub.world().broken == Some(Break::SweeperBlind);
        Ok(if blind { Vec::new() } else { due })
    }

    async fn postpone(&self, id: ConnectionId, from: Timestamp, to: Timestamp) -> Result<bool, WriteError> {
        self.fenced(Call::fenced("store.postpone"), |world| {
            world.changed = true;
            ready(self.0.hub.store.postpone(id, from, to))
        })
        .await
    }

    async fn count(&self, status: Status, up_to: u32) -> Result<u32, ReadError> {
        self.read(Call::read("store.count"), self.0.hub.store.count(status, up_to))
            .await
    }

    async fn list(&self, filter: &Filter, limit: u32, after: Option<&str>) -> Result<Page<Summary>, ReadError> {
        self.read(Call::read("store.list"), self.0.hub.store.list(filter, limit, after))
            .await
    }
}
