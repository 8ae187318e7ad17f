//! What a connection needs from people: the OEM's, and the customer.

use handover_core::connection::{Connection, Problem, State};
use jiff::Timestamp;

/// What has to be done for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing: the functions will go on, now or later.
    Nothing,
    /// The customer opens the link and consents.
    Consent,
    /// The OEM makes a new link.
    Link,
    /// The OEM looks at Invantive Cloud and says how it stands there.
    Settle,
    /// The OEM asks for the registration once more.
    Retry,
    /// It is at its end.
    Over,
}

/// What this connection's people are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Temper {
    /// A doubt is settled by a person; else by the look-ups.
    pub settles: bool,
    /// An attempt that was put off is asked for again at once; else its time is waited for.
    pub hurries: bool,
}

/// What `connection` needs at `now`.
#[must_use]
pub fn of(connection: &Connection, now: Timestamp, temper: Temper) -> Need {
    if matches!(connection.state, State::Registered(_) | State::Cancelled) {
        return Need::Over;
    }
    if connection.effect.is_some() {
        return Need::Nothing;
    }
    let consent = || match &connection.link {
        Some(link) if link.expires_at > now => Need::Consent,
        // The sweeper says so in a moment.
        Some(_) => Need::Nothing,
        None => Need::Link,
    };
    match &connection.state {
        State::Invited | State::Reauthorize(_) => consent(),
        State::Authorized if connection.link.is_some() || nobody_knows_who(connection, now) => consent(),
        State::Authorized if temper.hurries && connection.retry_at.is_some() => Need::Retry,
        State::InDoubt(_) if temper.settles => Need::Settle,
        State::Failed(_) if may_be_used(connection) => Need::Retry,
        State::Failed(_) => consent(),
        _ => Need::Nothing,
    }
}

/// The registration is due, and the platform has not told who consented and cannot be asked before the next rotation.
fn nobody_knows_who(connection: &Connection, now: Timestamp) -> bool {
    let ended = connection.pair.as_ref().is_some_and(|pair| pair.access_ends_at <= now);
    let due = connection.due_at().is_some_and(|due_at| due_at <= now);
    connection.identity.is_none() && ended && due
}

/// A refused registration whose pair surely is as it was. One whose chain may have ended is not used on a guess.
fn may_be_used(connection: &Connection) -> bool {
    let uncertain = |attention: &handover_core::connection::Attention| attention.problem == Problem::PairUncertain;
    connection.pair.is_some() && !connection.attention.as_ref().is_some_and(uncertain)
}
