//! What always holds, and what can happen.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use handover_core::{
    connection::{Cause, Chain, Connection, State as Stands, Status},
    ports::Claimed,
};
use stateright::Property;

use crate::{
    model::Protocol,
    state::{Process, State},
};

/// What always holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Promise {
    /// Promise 2.
    PresentedOnce,
    /// Promise 2.
    NoneAfterHandOver,
    /// Promise 3.
    RegisteredOnce,
    /// Promise 1.
    NothingReceivedIsLost,
    /// Promise 2: "once registered, the pair is destroyed here".
    FinishedKeepsNoPair,
    /// Promise 1, and that nothing stays behind.
    VaultIsKnown,
    /// Promise 4.
    NothingIsForgotten,
    /// Promise 5: of two chains of one user.
    OnlyTheLiveChain,
    /// Promise 4: of two chains of one user.
    NobodyWaitsInVain,
}

impl Promise {
    /// As it stands in the report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PresentedOnce => "a refresh token is presented once, but for one recorded recovery",
            Self::NoneAfterHandOver => "none is presented after a possible hand-over",
            Self::RegisteredOnce => "at most one submission may have succeeded",
            Self::NothingReceivedIsLost => "a received pair is stored, on its way home, or dropped with a record",
            Self::FinishedKeepsNoPair => "what is finished keeps no pair",
            Self::VaultIsKnown => "the vault holds what the connections know",
            Self::NothingIsForgotten => "what is not finished has a wake-up",
            Self::OnlyTheLiveChain => "only a chain that is known as the live one is registered",
            Self::NobodyWaitsInVain => "nobody waits for a word that never comes",
        }
    }
}

/// Every promise, and what has to be possible so that they are worth something.
pub fn properties() -> Vec<Property<Protocol>> {
    let always = |promise: Promise, check| Property::always(promise.name(), check);
    vec![
        always(Promise::PresentedOnce, |_, state| kept(state, Promise::PresentedOnce)),
        always(Promise::NoneAfterHandOver, |_, state| {
            kept(state, Promise::NoneAfterHandOver)
        }),
        always(Promise::RegisteredOnce, |_, state| kept(state, Promise::RegisteredOnce)),
        always(Promise::NothingReceivedIsLost, |_, state| {
            kept(state, Promise::NothingReceivedIsLost)
        }),
        always(Promise::FinishedKeepsNoPair, |_, state| {
            !any(state, keeps_what_is_finished)
        }),
        always(Promise::VaultIsKnown, |_, state| vault_is_known(state)),
        always(Promise::NothingIsForgotten, |_, state| {
            kept(state, Promise::NothingIsForgotten)
        }),
        always(Promise::OnlyTheLiveChain, |_, state| {
            kept(state, Promise::OnlyTheLiveChain)
        }),
        always(Promise::NobodyWaitsInVain, |_, state| nobody_waits_in_vain(state)),
        Property::sometimes("registered", |_, state| stands(state, Status::Registered)),
        Property::sometimes("in doubt", |_, state| stands(state, Status::InDoubt)),
        Property::sometimes("failed", |_, state| stands(state, Status::Failed)),
        Property::sometimes("cancelled", |_, state| stands(state, Status::Cancelled)),
        Property::sometimes("lost", |_, state| {
            any(state, |one| {
                matches!(one.state, Stands::Reauthorize(Cause::Lost { .. }))
            })
        }),
        Property::sometimes("contested", |_, state| any(state, |one| !one.contests.is_empty())),
        Property::sometimes("superseded", |_, state| {
            any(state, |one| {
                matches!(one.state, Stands::Reauthorize(Cause::Superseded { .. }))
            })
        }),
        Property::sometimes("authorisation lost", |_, state| {
            any(
                state,
                |one| matches!(&one.state, Stands::Registered(done) if done.superseded_by.is_some()),
            )
        }),
        Property::sometimes("both tabs at work", |_, state: &State| {
            let sent = |process: &&Process| matches!(process, Process::Sent { .. });
            state.processes.iter().filter(sent).count() > 1
        }),
        Property::sometimes("recovered", |model, _| model.happened.recovered.load(Relaxed)),
        Property::sometimes("come home", |model, _| model.happened.came_home.load(Relaxed)),
        Property::sometimes("claim lost", |model, _| model.happened.claim_lost.load(Relaxed)),
        Property::sometimes("place lost", |model, _| model.happened.place_lost.load(Relaxed)),
        Property::sometimes("wish applied", |model, _| model.happened.wish_applied.load(Relaxed)),
    ]
}

/// What happened in some step, whatever followed.
#[derive(Debug, Default)]
pub struct Happened {
    /// A recovery brought a pair.
    pub recovered: AtomicBool,
    /// A rescued pair came home.
    pub came_home: AtomicBool,
    /// A claim was lost to another process.
    pub claim_lost: AtomicBool,
    /// A claim was lost because another chain holds the place.
    pub place_lost: AtomicBool,
    /// A wish was applied when its effect had ended.
    pub wish_applied: AtomicBool,
}

fn kept(state: &State, promise: Promise) -> bool {
    !state.broken.contains(&promise)
}

fn any(state: &State, check: fn(&Connection) -> bool) -> bool {
    state.connections.iter().any(|connection| check(connection))
}

fn stands(state: &State, status: Status) -> bool {
    state
        .connections
        .iter()
        .any(|connection| connection.state.status() == status)
}

fn keeps_what_is_finished(connection: &Connection) -> bool {
    connection.state.status().is_final() && (connection.pair.is_some() || connection.effect.is_some())
}

fn vault_is_known(state: &State) -> bool {
    let known = |connection: &Connection| {
        connection
            .pair
            .as_ref()
            .is_none_or(|pair| state.vault.contains(&pair.key))
    };
    let pairs = state.connections.iter().filter(|connection| connection.pair.is_some());
    state.connections.iter().all(|connection| known(connection)) && pairs.count() == state.vault.len()
}

/// Who has the earlier of two contested chains waits for a word of the later one: that one is still to settle it, or
/// hears of it yet, or has said it.
fn nobody_waits_in_vain(state: &State) -> bool {
    state.connections.iter().all(|waiting| {
        let earlier = waiting.contests.iter().filter(|contest| !contest.ours_is_later);
        earlier.into_iter().all(|contest| {
            let other = state
                .connections
                .iter()
                .find(|other| other.id == contest.with.connection);
            other.is_some_and(|other| will_hear(waiting, other, &contest.with))
        })
    })
}

fn will_hear(waiting: &Connection, other: &Connection, contested: &Claimed) -> bool {
    let chain = |connection: &Connection| {
        connection
            .chain
            .as_ref()
            .map(|chain: &Chain| chain.authorisation.clone())
    };
    let comes = |from: &Connection, to: &Connection, of| {
        from.to_tell
            .iter()
            .any(|tidings| tidings.to == to.id && Some(&tidings.chain) == Some(of))
    };
    let Some(ours) = chain(waiting) else {
        return false;
    };
    let settles = chain(other).as_ref() == Some(&contested.authorisation)
        && other
            .contests
            .iter()
            .any(|contest| contest.ours_is_later && contest.with.authorisation == ours);
    settles || comes(waiting, other, &contested.authorisation) || comes(other, waiting, &ours)
}
