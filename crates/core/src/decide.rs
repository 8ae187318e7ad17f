//! The rules: one table of (state, event).
//!
//! Production, tests and simulation run this same function. It reads no clock, draws no randomness and calls nobody.

mod asks;
mod attempt;
mod chains;
mod consent;
mod doubt;
mod draft;
mod rotation;
mod time;

use jiff::Timestamp;

use crate::{
    connection::{Connection, PairKey, Request, State, Status},
    event::{Actor, Event, Record, What},
    ids::ConnectionId,
    ports::LiveChain,
};
use draft::Draft;

/// The generation of the pair that an exchange brings; rotations bring the later ones.
pub const FIRST_GENERATION: u32 = 1;

/// What an event makes of a connection. Written whole, in one transaction, or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Decision {
    /// Its new version.
    pub connection: Connection,
    /// What its history gains.
    pub records: Vec<Record>,
    /// The pair that was received is to be kept under this name.
    pub keep: Option<PairKey>,
    /// Pairs that go with this write.
    pub destroy: Vec<PairKey>,
    /// A chain that has to be known as the live one when this is written.
    pub requires: Option<LiveChain>,
}

/// An event that does not fit the state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{event} is refused while the connection is {status}: {why}")]
pub struct Refused {
    /// The state's name.
    pub status: Status,
    /// The event's name.
    pub event: &'static str,
    /// Why, and what to do.
    pub why: Why,
}

/// Why an event is refused, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// It makes no sense there.
    #[error("it does not apply there")]
    DoesNotApply,
    /// Nothing will happen to it any more.
    #[error("it is finished; make a new connection")]
    Finished,
    /// An effect has to end first.
    #[error("something is under way until {until} at the latest; try again then")]
    UnderWay {
        /// The end of its lease.
        until: Timestamp,
    },
    /// No link of that kind is open.
    #[error("the link it came over is not open (lapsed, replaced or used); make a new one with `handover link`")]
    LinkNotOpen,
    /// Too early.
    #[error("it is not due before {at}")]
    NotDue {
        /// When it is.
        at: Timestamp,
    },
    /// The pair does not live that long.
    #[error("the token pair ends at {ends_at}, before it would be due; choose an earlier time")]
    Unreachable {
        /// When the pair ends.
        ends_at: Timestamp,
    },
    /// No pair to register with.
    #[error(
        "there is no token pair any more; make a new link with `handover link` and let the customer authorise again"
    )]
    NoPair,
    /// The platform never told who consented.
    #[error("who consented is not known, and registering with an unknown identity is switched off")]
    IdentityUnknown,
    /// A doubt has to be settled first.
    #[error("an attempt may have succeeded; settle it first with `handover resolve`")]
    InDoubt,
    /// A person has to act.
    #[error("it waits for a person; use `handover take`")]
    ForAPerson,
    /// Another attempt, or none, is under way.
    #[error("that attempt is neither under way nor in doubt")]
    OtherAttempt,
    /// A rotation came to no clear end.
    #[error("a renewal of the token pair came to no clear end, which is settled from {until} on; try again then")]
    RotationOpen {
        /// When it is taken up again.
        until: Timestamp,
    },
    /// Which chain lives is open.
    #[error(
        "the same user consented to the same application at the same time, as {with}; which of the two lives is found \
         out within minutes: try again then"
    )]
    Contested {
        /// The other connection.
        with: ConnectionId,
    },
    /// The pair is rotated first.
    #[error("the channel wants an access token that still lives; the pair is rotated first")]
    StaleAccessToken,
    /// Already so.
    #[error("nothing would change")]
    NothingToDo,
}

/// What `event`, caused `by` somebody at `now`, makes of `connection`.
///
/// # Errors
/// [`Refused`] names state and event and says what to do; nothing has changed then.
pub fn decide(connection: &Connection, event: Event, by: &Actor, now: Timestamp) -> Result<Decision, Refused> {
    use State::{
        Authorized, AwaitingOperator, Cancelled, Failed, InDoubt, Invited, Reauthorize, Registered, Registering,
    };
    let refused = |why| Refused {
        status: connection.state.status(),
        event: event.name(),
        why,
    };
    let mut draft = Draft::new(connection, by, now);

    let result = match (&connection.state, event.clone()) {
        // Outcomes are legal in every state: neither a received pair nor a success is ever dropped.
        (_, Event::Received(brought)) if brought.pair.generation == FIRST_GENERATION => {
            consent::received(&mut draft, &brought)
        }
        (_, Event::Received(brought)) => rotation::received(&mut draft, &brought),
        (
            _,
            Event::ExchangeFailed {
                effect,
                problem,
                reason,
                unclear,
            },
        ) => consent::failed(&mut draft, effect, problem, reason, unclear),
        (
            _,
            Event::RotationFailed {
                effect,
                refusal,
                problem,
                reason,
            },
        ) => rotation::failed(&mut draft, effect, refusal, problem, reason),
        (_, Event::AttemptEnded { effect, outcome }) => attempt::ended(&mut draft, effect, outcome),

        // What is legal to the last.
        (_, Event::Heard { chain, news }) => chains::heard(&mut draft, &chain, news),
        (_, Event::Told(tidings)) => chains::told(&mut draft, &tidings),
        (_, Event::Alarmed) => chains::alarmed(&mut draft),
        (_, Event::Erased { to }) => asks::erased(&mut draft, to),
        (Registered(_) | Cancelled, Event::ForgetAsked) => asks::forget(&mut draft),
        (Registered(_) | Cancelled, _) => Err(Why::Finished),

        // What is only remembered.
        (
            _,
            Event::Identified {
                authorisation,
                identity,
                standing,
            },
        ) => consent::identified(&mut draft, &authorisation, identity, standing),
        (_, Event::NotIdentified { authorisation, reason }) => {
            consent::not_identified(&mut draft, &authorisation, reason)
        }
        (_, Event::ConsentRefused { error }) => consent::refused(&mut draft, error),
        (_, Event::FreshAccessTokenNeeded) => attempt::fresh_needed(&mut draft),
        (_, Event::NotReady { of, problem, reason }) => attempt::not_ready(&mut draft, of, problem, reason),

        // Time.
        (_, Event::Woke) => time::woke(&mut draft),

        // Wishes, while an effect is under way.
        (_, Event::CancelAsked) if connection.effect.is_some() => asks::wish_cancel(&mut draft),
        (_, Event::RescheduleAsked(due)) if connection.effect.is_some() => asks::wish_reschedule(&mut draft, due),
        // Anything else has to wait until it has ended.
        (_, _) if connection.effect.is_some() => Err(draft.under_way()),

        // Consents.
        (Invited | Authorized | AwaitingOperator | Failed(_) | Reauthorize(_), Event::LinkOpened(link)) => {
            consent::link_opened(&mut draft, link)
        }
        (
            Invited | Authorized | AwaitingOperator | Failed(_) | Reauthorize(_),
            Event::ConsentArrived {
                effect,
                authorisation,
                link,
                lease_ends_at,
            },
        ) => consent::arrived(&mut draft, effect, authorisation, &link, lease_ends_at),

        // Rotations.
        (
            Authorized | AwaitingOperator | Failed(_),
            Event::RotationBegun {
                effect,
                into,
                lease_ends_at,
            },
        ) => rotation::begun(&mut draft, effect, into, lease_ends_at),

        // Attempts.
        (
            Authorized | AwaitingOperator,
            Event::AttemptBegun {
                effect,
                by,
                lease_ends_at,
                look_up,
                accept_unknown_identity,
            },
        ) => attempt::begun(
            &mut draft,
            attempt::Claim {
                effect,
                by,
                lease_ends_at,
                look_up,
                accept_unknown_identity,
            },
        ),

        // Doubt.
        (InDoubt(_), Event::LookedUp { attempt, answer }) => doubt::looked_up(&mut draft, attempt, answer),
        (InDoubt(_) | Authorized | AwaitingOperator | Failed(_) | Reauthorize(_), Event::Settled(settlement)) => {
            doubt::settled(&mut draft, settlement)
        }
        (
            InDoubt(_),
            Event::CancelAsked
            | Event::RescheduleAsked(_)
            | Event::RetryAsked
            | Event::LinkOpened(_)
            | Event::ForgetAsked,
        ) => Err(Why::InDoubt),

        // What the OEM asks.
        (_, Event::CancelAsked) => asks::cancel(&mut draft),
        (_, Event::ForgetAsked) => asks::forget(&mut draft),
        (_, Event::RescheduleAsked(due)) => asks::reschedule(&mut draft, due),
        (Authorized | Failed(_), Event::RetryAsked) => asks::retry(&mut draft),
        (AwaitingOperator, Event::RetryAsked) => Err(Why::ForAPerson),
        (Invited | Reauthorize(_), Event::RetryAsked | Event::AttemptBegun { .. } | Event::RotationBegun { .. }) => {
            Err(Why::NoPair)
        }

        (Invited | Registering, Event::Settled(_))
        | (Registering, Event::RetryAsked | Event::LinkOpened(_))
        | (InDoubt(_) | Registering, Event::ConsentArrived { .. } | Event::RotationBegun { .. })
        | (InDoubt(_) | Registering | Failed(_), Event::AttemptBegun { .. })
        | (
            Invited | Authorized | AwaitingOperator | Registering | Failed(_) | Reauthorize(_),
            Event::LookedUp { .. },
        ) => Err(Why::DoesNotApply),
    };
    result.map_err(refused)?;
    Ok(draft.finish())
}

/// A new connection, waiting for its first consent.
///
/// # Errors
/// [`Why::Unreachable`] when it would be due after the pair of the latest possible consent has ended.
pub fn create(id: ConnectionId, request: Request, by: &Actor, now: Timestamp) -> Result<Decision, Why> {
    if request.upkeep.renew_days.is_none() {
        let last_consent = request.link.expires_at;
        asks::must_be_reachable(request.registration.due, last_consent, request.lifetimes.refresh())?;
    }
    Ok(draft::created(id, request, by, now))
}

impl Draft<'_> {
    fn under_way(&self) -> Why {
        self.connection
            .effect
            .as_ref()
            .map_or(Why::DoesNotApply, |effect| Why::UnderWay {
                until: effect.lease_ends_at,
            })
    }

    fn to(&mut self, state: State, what: What) {
        self.connection.state = state;
        self.record(what);
    }
}
