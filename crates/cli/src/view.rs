//! A connection as it is answered: field names that scripts may rely on, whatever the tables hold.

mod next;
mod parts;
mod record;
mod words;

use handover_core::{
    connection::{Cause, Connection, State, Status, Upkeep},
    ids::{ApplicationId, ChannelId, ConnectionId, CustomerReference, Revision, Segment},
    registration::ChannelKind,
};
use jiff::Timestamp;
use serde::Serialize;
use url::Url;

pub use next::Next;
pub use parts::{
    AttentionView, ChainView, ContestView, DoubtView, DueView, ForgottenView, IdentityView, OpenIntentView, PairView,
    RegisteredView, TidingsView, UnderWay, WishesView,
};
pub use record::RecordView;
pub use words::{next_in_words, state_in_words};

/// A connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(
    missing_docs,
    reason = "the names are those of the connection's own fields, and of the README's table"
)]
pub struct ConnectionView {
    pub id: ConnectionId,
    pub reference: CustomerReference,
    pub status: Status,
    pub application: ApplicationId,
    pub channel: ChannelId,
    pub channel_kind: ChannelKind,
    pub database: Segment,
    pub due: DueView,
    pub due_at: Option<Timestamp>,
    pub consented_at: Option<Timestamp>,
    pub identity: Option<IdentityView>,
    pub chain: Option<ChainView>,
    pub pair: Option<PairView>,
    pub contests: Vec<ContestView>,
    pub to_tell: Vec<TidingsView>,
    pub link_expires_at: Option<Timestamp>,
    pub return_url: Option<Url>,
    pub under_way: Option<UnderWay>,
    pub wishes: WishesView,
    pub next: Option<Next>,
    pub rotation: Option<Next>,
    pub attention: Option<AttentionView>,
    pub attempts: u32,
    pub retry_at: Option<Timestamp>,
    pub doubt: Option<DoubtView>,
    pub failure: Option<String>,
    pub reauthorize: Option<Cause>,
    pub registered: Option<RegisteredView>,
    pub upkeep: Upkeep,
    pub forgotten: Option<ForgottenView>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub revision: Revision,
}

impl ConnectionView {
    /// A connection as it stands `now`.
    #[must_use]
    pub fn of(connection: &Connection, now: Timestamp) -> Self {
        let (mut doubt, mut failure, mut reauthorize, mut registered) = (None, None, None, None);
        match &connection.state {
            State::InDoubt(of) => doubt = Some(of.into()),
            State::Failed(of) => failure = Some(of.reason.clone()),
            State::Reauthorize(cause) => reauthorize = Some(*cause),
            State::Registered(done) => registered = Some(done.into()),
            State::Invited | State::Authorized | State::AwaitingOperator | State::Registering | State::Cancelled => {}
        }
        Self {
            id: connection.id,
            reference: connection.reference.clone(),
            status: connection.state.status(),
            application: connection.application.clone(),
            channel: connection.registration.channel.clone(),
            channel_kind: connection.registration.kind,
            database: connection.registration.database.clone(),
            due: connection.registration.due.into(),
            due_at: connection.due_at(),
            consented_at: connection.consented_at,
            identity: connection.identity.as_ref().map(IdentityView::from),
            chain: connection.chain.as_ref().map(ChainView::from),
            pair: connection.pair.as_ref().map(PairView::from),
            contests: connection.contests.iter().map(ContestView::from).collect(),
            to_tell: connection.to_tell.iter().map(TidingsView::from).collect(),
            link_expires_at: connection.link.as_ref().map(|link| link.expires_at),
            return_url: connection.return_url.clone(),
            under_way: UnderWay::of(connection),
            wishes: (&connection.wishes).into(),
            next: next::next(connection, now),
            rotation: next::rotation(connection, now),
            attention: connection.attention.as_ref().map(AttentionView::from),
            attempts: connection.attempts,
            retry_at: connection.retry_at,
            doubt,
            failure,
            reauthorize,
            registered,
            upkeep: connection.upkeep.clone(),
            forgotten: connection.forgotten_at.map(|at| ForgottenView {
                at,
                history_erased: connection.erase_to.is_none(),
            }),
            created_at: connection.created_at,
            updated_at: connection.updated_at,
            revision: connection.revision,
        }
    }

    /// Whether no attempt may begin until something about its pair is known.
    fn held_back(&self) -> bool {
        let open = self.pair.as_ref().is_some_and(|pair| pair.open_intent.is_some());
        open || !self.contests.is_empty()
    }
}
