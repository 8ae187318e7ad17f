//! What the tables hold.

use std::collections::{BTreeMap, HashMap};

use handover_core::{
    application::Application,
    authorisation::{Authorisation, Link},
    connection::Connection,
    event::Record,
    ids::{ApplicationId, AuthorisationId, ChannelId, ConnectionId, LinkHash, WriterId},
    ports::{Claimed, IdentityKey, Place, Sealed},
    registration::Channel,
};

#[derive(Debug, Default)]
pub(super) struct Tables {
    pub states: BTreeMap<ConnectionId, State>,
    /// By number.
    pub history: BTreeMap<ConnectionId, BTreeMap<u64, Written>>,
    pub links: HashMap<LinkHash, Link>,
    pub authorisations: HashMap<AuthorisationId, Authorisation>,
    pub identities: HashMap<IdentityKey, Claimed>,
    pub applications: BTreeMap<ApplicationId, Application>,
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
    pub fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.states.values().map(|state| &state.connection)
    }
}
