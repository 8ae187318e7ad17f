//! Calls to the outside, by name.

use handover_core::{
    event::What,
    ports::{Change, Place},
};

/// What a call does outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Changes nothing.
    Read,
    /// Writes to the tables, under a condition: whoever comes too late changes nothing.
    Fenced,
    /// Sends a message. More than one does no harm.
    Send,
    /// Cannot be taken back.
    Irreversible,
}

/// A call to the outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// Port, method, and what about.
    pub name: &'static str,
    /// What it does.
    pub kind: Kind,
}

impl Call {
    /// One that changes nothing.
    #[must_use]
    pub const fn read(name: &'static str) -> Self {
        Self { name, kind: Kind::Read }
    }

    /// A write under a condition.
    #[must_use]
    pub const fn fenced(name: &'static str) -> Self {
        Self {
            name,
            kind: Kind::Fenced,
        }
    }

    /// A message.
    #[must_use]
    pub const fn send(name: &'static str) -> Self {
        Self { name, kind: Kind::Send }
    }

    /// One that cannot be taken back.
    #[must_use]
    pub const fn irreversible(name: &'static str) -> Self {
        Self {
            name,
            kind: Kind::Irreversible,
        }
    }

    /// A read of a sealed value.
    #[must_use]
    pub fn sealed(place: &Place) -> Self {
        Self::read(match place {
            Place::Pair(_) => "store.sealed pair",
            Place::Application(_) => "store.sealed application",
            Place::Channel(_) => "store.sealed channel",
        })
    }

    /// The opening of a sealed value.
    #[must_use]
    pub fn open(place: &Place) -> Self {
        Self::read(match place {
            Place::Pair(_) => "vault.open pair",
            Place::Application(_) => "vault.open application",
            Place::Channel(_) => "vault.open channel",
        })
    }

    /// A change of a connection, by what it is for.
    #[must_use]
    pub fn write(change: &Change) -> Self {
        Self::fenced(match change.records.first().map(|record| &record.what) {
            None => "store.write (bare)",
            Some(what) => purpose(what),
        })
    }
}

fn purpose(what: &What) -> &'static str {
    match what {
        What::Created { .. } => "store.write creation",
        What::LinkOpened { .. } => "store.write link",
        What::ExchangeBegan { .. } => "store.write claim of an exchange",
        What::RotationBegan { .. } => "store.write claim of a rotation",
        What::AttemptBegan { .. } => "store.write claim of an attempt",
        What::Authorized { .. } | What::Rotated { .. } | What::PairDropped { .. } => "store.write pair",
        What::ExchangeFailed { .. }
        | What::RotationPutOff { .. }
        | What::RotationUnanswered { .. }
        | What::PairLost { .. }
        | What::AttemptPutOff { .. }
        | What::InDoubt { .. }
        | What::Failed { .. }
        | What::Registered { .. }
        | What::LateSuccess { .. } => "store.write outcome",
        What::Identified { .. } | What::NotIdentified { .. } => "store.write identity",
        What::ChainReplaced { .. }
        | What::Superseded { .. }
        | What::AuthorisationLost { .. }
        | What::AuthorisationUncertain { .. }
        | What::Contested { .. }
        | What::ContestWon { .. }
        | What::ContestOvertaken { .. }
        | What::ContestOpen { .. } => "store.write news",
        What::FreshAccessTokenNeeded => "store.write need",
        What::NotReady { .. } => "store.write obstacle",
        What::LookedUp { .. } => "store.write look-up",
        What::ConsentRefused { .. } => "store.write refusal",
        What::Rescheduled { .. } | What::Retried | What::Cancelled | What::Forgotten | What::Wished { .. } => {
            "store.write wish"
        }
        What::ExchangeLost
        | What::PairUncertain
        | What::LinkLapsed
        | What::AwaitsOperator
        | What::Expiring { .. }
        | What::Expired
        | What::Reminded => "store.write wake-up",
    }
}
