//! What a connection can be looked at for, and who does it.

use jiff::Timestamp;

/// What a connection is looked at for. In the order in which matters that are due together are taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matter {
    /// The effect's lease ends.
    LeaseEnds,
    /// The pair's life ends.
    PairEnds,
    /// The link lapses.
    LinkLapses,
    /// The OEM is told how many days the pair has left.
    Warn,
    /// Another connection is told what became of its chain.
    Tell,
    /// The alarm is raised that the registered database has lost its authorisation, or may have.
    Alarm,
    /// The platform is asked who consented. Needs secrets. Before the registration, which waits for the answer.
    AskIdentity,
    /// The registration is due and waits for a person.
    HandToOperator,
    /// The registration is due over the http channel. Needs secrets.
    Register,
    /// The pair is rotated: renewed before its end, for a fresh access token, to settle a contest, or to recover an open
    /// intent. Needs secrets.
    Rotate,
    /// A doubt may be settled by a look-up. Needs secrets.
    LookUp,
    /// The history is erased.
    Erase,
    /// Somebody is reminded.
    Remind,
    /// What is finished goes.
    Retire,
}

/// What is to be done with a connection now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing before then (`None`: ever again).
    Rest(Option<Timestamp>),
    /// Needs no secret: feed [`Event::Woke`](crate::event::Event::Woke).
    Decide(Matter),
    /// More than a change of this connection: the worker's.
    Perform(Task),
}

/// What is more than a change of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Attempt the registration.
    Register,
    /// Exchange the refresh token for a new pair.
    Rotate,
    /// Ask the channel about the attempt in doubt.
    LookUp,
    /// Ask the platform who consented.
    AskIdentity,
    /// Tell other connections what became of their chains.
    Tell,
    /// Raise the alarm for a database without its authorisation.
    Alarm,
    /// Erase the history.
    Erase,
    /// Remove the connection with its history.
    Retire,
}

impl Task {
    /// Whether the platform or Invantive Cloud is called.
    #[must_use]
    pub fn calls_outside(self) -> bool {
        match self {
            Self::Register | Self::Rotate | Self::LookUp | Self::AskIdentity => true,
            Self::Tell | Self::Alarm | Self::Erase | Self::Retire => false,
        }
    }
}

impl Matter {
    pub(super) fn step(self) -> Step {
        match self {
            Self::LeaseEnds | Self::PairEnds | Self::LinkLapses | Self::Warn | Self::HandToOperator | Self::Remind => {
                Step::Decide(self)
            }
            Self::Tell => Step::Perform(Task::Tell),
            Self::Alarm => Step::Perform(Task::Alarm),
            Self::AskIdentity => Step::Perform(Task::AskIdentity),
            Self::Register => Step::Perform(Task::Register),
            Self::Rotate => Step::Perform(Task::Rotate),
            Self::LookUp => Step::Perform(Task::LookUp),
            Self::Erase => Step::Perform(Task::Erase),
            Self::Retire => Step::Perform(Task::Retire),
        }
    }
}
