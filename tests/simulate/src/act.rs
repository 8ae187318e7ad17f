//! What happens without a call of ours.

use std::time::Duration;

use handover_core::ids::ConnectionId;

use crate::world::ProcessId;

/// Names a customer.
pub type CustomerId = usize;
/// Names one trip of a customer through the consent screen.
pub type TripId = usize;

/// Somebody or something acts.
#[derive(Debug, Clone)]
pub enum Act {
    /// The OEM makes a connection for a customer.
    Invite(CustomerId),
    /// A customer opens the link, in a tab of its own.
    Open(CustomerId),
    /// A customer has looked at the consent screen.
    Decide(CustomerId, TripId),
    /// The browser comes back, or is reloaded.
    ComeBack(CustomerId, TripId),
    /// The browser looks at how it turned out.
    Look(CustomerId, TripId),
    /// Somebody of the OEM asks for something, at random.
    Ask(CustomerId),
    /// Somebody of the OEM asks for something just while something is under way.
    Meddle(ConnectionId),
    /// Somebody of the OEM looks after everything that waits for a person.
    LookAfter,
    /// The queue delivers.
    Deliver(u64),
    /// The sweeper's schedule.
    Sweep,
    /// A submission arrives late.
    Arrives(usize),
    /// Invantive Cloud exchanges the pair that it was given.
    Exchanges(usize),
    /// Our clocks jump forward.
    Jump(Duration),
    /// The platform has its moods.
    Mood,
    /// An invocation's time is up.
    TimeIsUp(ProcessId, u64),
    /// A process has died.
    Died(ProcessId),
}
