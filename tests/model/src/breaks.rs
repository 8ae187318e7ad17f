//! Deliberate breaks: each takes one precaution away, and the checker has to notice.

use handover_core::{
    connection::{Connection, EffectKind, State},
    decide::Decision,
};

use crate::promises::Promise;

/// One precaution less. The first ones are in what a shell does around the rules, the others in what a rule decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// A claim is written over whatever others wrote since.
    ClaimWithoutRevision,
    /// The refresh token is presented before its claim is written.
    PresentBeforeClaim,
    /// Something is sent by a process whose lease has ended.
    SendAfterLease,
    /// A pair that the table does not take goes nowhere.
    NoRescue,
    /// What is in doubt is taken for not sent, and retried.
    RetryAfterDoubt,
    /// An attempt's claim does not look who holds the live chain.
    IgnoreRequires,
    /// Nobody is told what became of their chain.
    NeverTell,
    /// An unclear rotation leaves no open intent.
    DropOpenIntent,
    /// A recovery that came to nothing leaves the intent open.
    SecondRecovery,
    /// The pair stays when the database is registered.
    KeepPairOnRegistered,
    /// The vault's pair stays when a new one takes its place.
    KeepOldGeneration,
    /// Contests are forgotten.
    ForgetContests,
    /// A connection gets no time at which it is looked at again.
    ForgetWake,
    /// A received pair that is wanted is dropped.
    DropReceived,
}

impl Break {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::ClaimWithoutRevision,
        Self::PresentBeforeClaim,
        Self::SendAfterLease,
        Self::NoRescue,
        Self::RetryAfterDoubt,
        Self::IgnoreRequires,
        Self::NeverTell,
        Self::DropOpenIntent,
        Self::SecondRecovery,
        Self::KeepPairOnRegistered,
        Self::KeepOldGeneration,
        Self::ForgetContests,
        Self::ForgetWake,
        Self::DropReceived,
    ];

    /// The promise that it breaks, and where that shows: the name of a configuration.
    #[must_use]
    pub fn shows(self) -> (&'static str, Promise) {
        match self {
            Self::ClaimWithoutRevision | Self::PresentBeforeClaim | Self::SendAfterLease => {
                ("rotation", Promise::PresentedOnce)
            }
            Self::DropOpenIntent | Self::SecondRecovery => ("rotation", Promise::PresentedOnce),
            Self::NoRescue | Self::DropReceived => ("rotation", Promise::NothingReceivedIsLost),
            Self::KeepOldGeneration => ("rotation", Promise::VaultIsKnown),
            Self::ForgetWake => ("rotation", Promise::NothingIsForgotten),
            Self::RetryAfterDoubt => ("registration", Promise::RegisteredOnce),
            Self::KeepPairOnRegistered => ("registration", Promise::FinishedKeepsNoPair),
            Self::IgnoreRequires | Self::ForgetContests => ("two consents", Promise::OnlyTheLiveChain),
            Self::NeverTell => ("two consents", Promise::NobodyWaitsInVain),
        }
    }

    /// What a wrong rule would have decided.
    pub(crate) fn mutate(self, before: &Connection, decision: &mut Decision) {
        let after = &mut decision.connection;
        let finished = matches!(after.state, State::Registered(_));
        match self {
            Self::DropOpenIntent => {
                if let Some(pair) = &mut after.pair {
                    pair.open_intent = None;
                }
            }
            Self::SecondRecovery if is_recovery(before) && after.pair.is_none() && decision.keep.is_none() => {
                decision.destroy.clear();
                after.pair.clone_from(&before.pair);
                after.state.clone_from(&before.state);
            }
            Self::KeepPairOnRegistered if finished => {
                decision.destroy.clear();
                after.pair.clone_from(&before.pair);
            }
            Self::KeepOldGeneration if decision.keep.is_some() => decision.destroy.clear(),
            Self::ForgetContests => after.contests.clear(),
            Self::ForgetWake if after.effect.is_some() => after.wake_at = None,
            Self::NeverTell => after.to_tell.clear(),
            Self::DropReceived if decision.keep.is_some() => {
                decision.keep = None;
                decision.destroy.clear();
                after.pair.clone_from(&before.pair);
                after.state.clone_from(&before.state);
            }
            _ => {}
        }
    }
}

fn is_recovery(connection: &Connection) -> bool {
    let kind = connection.effect.as_ref().map(|effect| &effect.kind);
    matches!(kind, Some(EffectKind::Rotation { recovers: Some(_), .. }))
}
