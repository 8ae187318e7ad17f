//! The two tables.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    application::{Application, PlatformKind},
    authorisation::{Authorisation, Link},
    connection::{Connection, PairKey, Status},
    event::Record,
    ids::{
        ApplicationId, AuthorisationId, ChannelId, ClientId, ConnectionId, CustomerReference, LinkHash, Revision,
        Segment, WriterId,
    },
    ports::{Place, Sealed},
    registration::Channel,
};

/// One write of a connection, whole or not at all.
#[derive(Debug, Clone)]
pub struct Change {
    /// Recognises this write: a retry that meets its own first success is a success.
    pub writer: WriterId,
    /// The new version; its revision is one after `expected`.
    pub connection: Connection,
    /// The version that it was made from; `None`: there is none yet.
    pub expected: Option<Revision>,
    /// What the history gains.
    pub records: Vec<Record>,
    /// A sealed pair to store. Never overwrites one.
    pub pair: Option<(PairKey, Sealed)>,
    /// Pairs that go.
    pub destroy: Vec<PairKey>,
    /// A new link to store.
    pub link: Option<Link>,
    /// An authorisation that is used up now: refused if it was already.
    pub consume: Option<AuthorisationId>,
    /// Who holds the live chain from now on: refused if somebody else came first.
    pub identity: Option<IdentityClaim>,
    /// A chain that has to be known as the live one: refused if another is.
    pub requires: Option<LiveChain>,
}

/// A chain that is known as the live one of its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveChain {
    /// Whose.
    pub key: IdentityKey,
    /// Its authorisation.
    pub authorisation: AuthorisationId,
}

/// Who holds the live chain of one user at one app registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityClaim {
    /// Whose.
    pub key: IdentityKey,
    /// Who holds it.
    pub held: Claimed,
    /// The authorisation that held it when this was decided; `None`: none did. Refused if that is no longer so.
    pub instead_of: Option<AuthorisationId>,
}

/// One user at one app registration: a platform keeps one live chain for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdentityKey {
    /// The platform.
    pub platform: PlatformKind,
    /// The app registration.
    pub client_id: ClientId,
    /// The user's stable key at the platform.
    pub user: String,
}

/// The holder of a live chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    /// The connection.
    pub connection: ConnectionId,
    /// Its authorisation.
    pub authorisation: AuthorisationId,
    /// When the request that brought the chain was sent.
    pub sent_at: Timestamp,
    /// When it was answered.
    pub answered_at: Timestamp,
}

/// A write that did not happen.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Someone else wrote first, the authorisation was used, or another chain holds the place: nothing was written. Read
    /// again and decide again.
    #[error("{0} changed meanwhile")]
    Conflict(ConnectionId),
    /// Whether it was written is open. The same [`Change`] may be written again: its writer id makes that safe.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
    /// It was not written, and never will be.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

/// A read that brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The table could not be reached: try again.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
    /// What is there cannot be used.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

/// The table could not be reached, or has no room.
#[derive(Debug, thiserror::Error)]
#[error("could not {what}: {reason}")]
pub struct StoreError {
    /// What was tried, on what.
    pub what: String,
    /// What the table said.
    pub reason: String,
}

/// An item that cannot be used: kept as it is, never dropped or overwritten.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{item} cannot be used: {reason}")]
pub struct Rejected {
    /// Which.
    pub item: String,
    /// Of an unknown version, or not of the form that its version has.
    pub reason: String,
}

/// A connection that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuePointer {
    /// The connection.
    pub connection: ConnectionId,
    /// Its time.
    pub wake_at: Timestamp,
}

/// How fast an application's connections are taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// So many a minute at most.
    pub per_minute: u32,
    /// Until then connections queue for the slots that a sweep has given out, if that was written down.
    pub taken_until: Option<Timestamp>,
}

/// A line of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The connection.
    pub connection: ConnectionId,
    /// What the OEM calls its customer.
    pub reference: CustomerReference,
    /// The app registration.
    pub application: ApplicationId,
    /// Where it stands.
    pub status: Status,
    /// The database.
    pub database: Segment,
    /// When it is due, once a consent was given.
    pub due_at: Option<Timestamp>,
    /// When its pair ends.
    pub pair_ends_at: Option<Timestamp>,
    /// The kind of problem it has, in a word.
    pub problem: Option<String>,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Which connections to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of this status.
    pub status: Option<Status>,
    /// Only of this customer.
    pub reference: Option<CustomerReference>,
    /// Only those whose OEM was warned that the pair nears its end, and whose pair ends before then.
    pub expiring_before: Option<Timestamp>,
}

/// A part of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// Its lines.
    pub items: Vec<T>,
    /// What to ask for the next part with; `None`: that was all.
    pub next: Option<String>,
}

/// The two tables. Every read is strongly consistent unless it says otherwise.
pub trait Store: Send + Sync {
    /// Reads a connection; `None` if there is none.
    fn connection(&self, id: ConnectionId) -> impl Future<Output = Result<Option<Connection>, ReadError>> + Send;

    /// Writes a change in one transaction over both tables. Durable, all of it, when it returns `Ok`.
    fn write(&self, change: &Change) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// Reads a connection's history, oldest first.
    fn history(&self, id: ConnectionId) -> impl Future<Output = Result<Vec<Record>, ReadError>> + Send;

    /// Erases a connection's history up to the record `to`. May be repeated; durable, all of it, when it returns `Ok`.
    fn erase_history(&self, id: ConnectionId, to: u64) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// Removes a connection whose history was erased. [`WriteError::Conflict`] when it is no longer as `read`.
    fn remove(&self, read: &Connection) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// Reads a link; `None` if there is none.
    fn link(&self, hash: &LinkHash) -> impl Future<Output = Result<Option<Link>, ReadError>> + Send;

    /// Reads an authorisation; `None` if there is none.
    fn authorisation(
        &self,
        id: &AuthorisationId,
    ) -> impl Future<Output = Result<Option<Authorisation>, ReadError>> + Send;

    /// Stores a new authorisation with the link it started from, in one transaction. [`WriteError::Conflict`] when the
    /// link is no longer as `read`. Durable when it returns `Ok`.
    fn open_authorisation(
        &self,
        read: &Link,
        link: &Link,
        authorisation: &Authorisation,
    ) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// Who holds the live chain.
    fn identity(&self, key: &IdentityKey) -> impl Future<Output = Result<Option<Claimed>, ReadError>> + Send;

    /// Reads an application's plain part.
    fn application(&self, id: &ApplicationId) -> impl Future<Output = Result<Option<Application>, ReadError>> + Send;

    /// An application's pace; `None` if there is no such application.
    fn pace(&self, id: &ApplicationId) -> impl Future<Output = Result<Option<Pace>, ReadError>> + Send;

    /// Writes down until when an application's connections queue for their slots at a pace of `per_minute`, rounded up to
    /// a millisecond. Nothing, if there is no such application or its pace is another by now; [`Store::put_application`]
    /// forgets it likewise. Durable when it returns `Ok`.
    fn take_slots(
        &self,
        id: &ApplicationId,
        per_minute: u32,
        until: Timestamp,
    ) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// Writes an application's plain part with its sealed one, in one transaction. Durable, both, when it returns `Ok`;
    /// takes the place of what was there.
    fn put_application(
        &self,
        application: &Application,
        sealed: &Sealed,
    ) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// All applications, by name. Eventually consistent.
    fn applications(&self) -> impl Future<Output = Result<Vec<Application>, ReadError>> + Send;

    /// Reads a channel's plain part.
    fn channel(&self, id: &ChannelId) -> impl Future<Output = Result<Option<Channel>, ReadError>> + Send;

    /// Writes a channel's plain part with its sealed profile, in one transaction. Durable, both, when it returns `Ok`;
    /// takes the place of what was there. Without one, a sealed profile that was there goes: a channel that is a
    /// person's now sends nothing by itself.
    fn put_channel(
        &self,
        channel: &Channel,
        sealed: Option<&Sealed>,
    ) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// All channels, by name. Eventually consistent.
    fn channels(&self) -> impl Future<Output = Result<Vec<Channel>, ReadError>> + Send;

    /// Reads a sealed value; `None` if there is none.
    fn sealed(&self, place: &Place) -> impl Future<Output = Result<Option<Sealed>, ReadError>> + Send;

    /// How many parts the index of wake-ups has.
    fn shards(&self) -> u32;

    /// What is due until `until` in one part of the index, earliest first, `limit` at most. Eventually consistent: a
    /// hint, to be read again before anything is done.
    fn due(
        &self,
        shard: u32,
        until: Timestamp,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<DuePointer>, ReadError>> + Send;

    /// Moves a wake-up from `from` to `to`, only if nothing has moved it meanwhile; says whether it did. No new
    /// revision: the connection is what it was. Durable when it returns `Ok`.
    fn postpone(
        &self,
        id: ConnectionId,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Future<Output = Result<bool, WriteError>> + Send;

    /// How many connections have a status, `up_to` at most. Eventually consistent; reads no item, so one that cannot be
    /// used counts too.
    fn count(&self, status: Status, up_to: u32) -> impl Future<Output = Result<u32, ReadError>> + Send;

    /// Lists connections, last made first. Eventually consistent.
    fn list(
        &self,
        filter: &Filter,
        limit: u32,
        after: Option<&str>,
    ) -> impl Future<Output = Result<Page<Summary>, ReadError>> + Send;
}
