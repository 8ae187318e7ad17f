//! What the tables hold.

use std::{
    collections::{BTreeMap, HashMap},
    num::NonZeroU32,
};

use handover_core::{
    application::Application,
    authorisation::{Authorisation, Link},
    connection::Connection,
    event::Record,
    ids::{ApplicationId, AuthorisationId, ChannelId, ConnectionId, LinkHash, WriterId},
    ports::{Claimed, IdentityKey, Place, Sealed},
    registration::Channel,
};

use jiff::Timestamp;

use super::wake::WakeIndex;

#[derive(Debug, Default)]
pub(super) struct Tables {
    /// Written by [`Tables::set`], [`Tables::unset`] and [`Tables::postpone`], which see to the index.
    pub states: BTreeMap<ConnectionId, State>,
    pub wake: WakeIndex,
    /// By number.
    pub history: BTreeMap<ConnectionId, BTreeMap<u64, Written>>,
    pub links: HashMap<LinkHash, Link>,
    pub authorisations: HashMap<AuthorisationId, Authorisation>,
    pub identities: HashMap<IdentityKey, Claimed>,
    pub applications: BTreeMap<ApplicationId, Application>,
    /// Until when slots have been given out.
    pub taken_until: BTreeMap<ApplicationId, Timestamp>,
    pub channels: BTreeMap<ChannelId, Channel>,
    pub sealed: HashMap<Place, Sealed>,
}

/// A connection, with whose write it is.
#[derive(Debug)]
pub(super) struct State {
    pub connection: Connection,
    pub writer: WriterId,
}

/// A record, with the write that it came with.
#[derive(Debug)]
pub(super) struct Written {
    pub record: Record,
    pub writer: WriterId,
}

impl Tables {
    /// With an index of wake-ups in so many parts.
    pub fn sharded(shards: NonZeroU32) -> Self {
        Self {
            wake: WakeIndex::new(shards),
            ..Self::default()
        }
    }

    /// Writes a connection, over what was there.
    pub fn set(&mut self, state: State) {
        let id = state.connection.id;
        self.unset(id);
        self.wake.insert(&state.connection);
        self.states.insert(id, state);
    }

    /// Removes a connection.
    pub fn unset(&mut self, id: ConnectionId) {
        if let Some(state) = self.states.remove(&id) {
            self.wake.remove(&state.connection);
        }
    }

    pub fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.states.values().map(|state| &state.connection)
    }
}
