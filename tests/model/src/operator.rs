//! One operator of the OEM.

use handover_core::{
    connection::{OpenLink, PairFate, State as Stands},
    event::{Event, Settlement},
    ids::{LinkHash, Segment},
    registration::{Due, later},
};

use crate::{model::Protocol, state::State};

/// What the operator does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Gives up.
    Cancel,
    /// Wants it an hour after the consent.
    Reschedule,
    /// Wants it attempted again.
    Retry,
    /// Says that the database is there: true or not.
    SayRegistered,
    /// Says that it is not there: only where that is so.
    SayNotRegistered,
    /// Makes a new link.
    Link,
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Cancel,
        Self::Reschedule,
        Self::Retry,
        Self::SayRegistered,
        Self::SayNotRegistered,
        Self::Link,
    ];
}

impl Protocol {
    pub(crate) fn act(&self, state: &mut State, of: usize, act: Act) -> Option<()> {
        let connection = state.connections.get(of)?.clone();
        let event = match act {
            Act::Cancel => Event::CancelAsked,
            Act::Reschedule => Event::RescheduleAsked(Due::AfterConsent { seconds: 3_600 }),
            Act::Retry => Event::RetryAsked,
            Act::SayRegistered => Event::Settled(Settlement::Registered(Segment::forgotten())),
            Act::SayNotRegistered => {
                let Stands::InDoubt(doubt) = &connection.state else {
                    return None;
                };
                let made = state
                    .submitted
                    .iter()
                    .any(|one| one.by == doubt.attempt && one.accepted);
                if made {
                    return None;
                }
                Event::Settled(Settlement::NotRegistered {
                    pair: PairFate::Unspent,
                })
            }
            Act::Link => Event::LinkOpened(OpenLink {
                hash: LinkHash::from_digest(&[state.left.acts.saturating_add(100); 32]),
                expires_at: later(state.now, std::time::Duration::from_secs(7 * 86_400)),
            }),
        };
        self.write(state, of, event).ok()?;
        state.left.acts = state.left.acts.checked_sub(1)?;
        Some(())
    }
}
