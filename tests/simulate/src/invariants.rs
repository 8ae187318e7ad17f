//! What has to hold, whatever happens. Looked at after every step that changed something.

use std::collections::BTreeSet;

use handover_core::{
    agenda,
    connection::{Cause, Connection, PairKey, State, Status},
    event::What,
    ids::ConnectionId,
    ports::{Place, Store},
    registration::later,
};

use crate::{
    chance::{hours, minutes},
    exact::TokenId,
    port::ready,
    witness::Kept,
    world::{Hub, ProcessId, World},
};

/// Exact's limits: errors of one user in an hour, token answers in a day.
const BUDGET: (usize, usize) = (10, 200);

/// After a step.
pub fn after_step(hub: &Hub, world: &mut World) {
    if !std::mem::take(&mut world.changed) {
        return;
    }
    let connections = hub.store.connections();
    let pairs = pairs(hub);
    for connection in &connections {
        nothing_final_keeps_a_pair(world, connection, &pairs);
        kept_pairs_are_in_the_vault(world, connection, &pairs);
        unfinished_has_a_wake_up(world, connection);
        registered_is_true(world, connection);
        live_chains_are_not_given_up(world, connection);
    }
    nothing_is_orphaned(world, &connections, &pairs);
    rescued_pairs_come_home(world, &connections);
    budget_respected(world);
}

fn pairs(hub: &Hub) -> BTreeSet<(String, u32)> {
    let places = hub.store.sealed_places();
    places
        .into_iter()
        .filter_map(|place| match place {
            Place::Pair(key) => Some(named(&key)),
            _ => None,
        })
        .collect()
}

fn named(key: &PairKey) -> (String, u32) {
    (key.authorisation.as_str().to_owned(), key.generation)
}

fn nothing_final_keeps_a_pair(world: &mut World, connection: &Connection, pairs: &BTreeSet<(String, u32)>) {
    if !connection.state.status().is_final() {
        return;
    }
    let of_it = |(authorisation, _): &&(String, u32)| {
        let owner = world.witness.owners.iter().find(|(id, _)| id.as_str() == authorisation);
        owner.is_some_and(|(_, owner)| *owner == connection.id)
    };
    if connection.pair.is_some() || pairs.iter().any(|pair| of_it(&pair)) {
        let found = format!(
            "{} is {} and keeps a sealed pair",
            connection.id,
            connection.state.status()
        );
        world.violated("nothing_final_keeps_a_pair", found);
    }
}

fn kept_pairs_are_in_the_vault(world: &mut World, connection: &Connection, pairs: &BTreeSet<(String, u32)>) {
    let gone = connection
        .pair
        .as_ref()
        .filter(|pair| !pairs.contains(&named(&pair.key)));
    if gone.is_some() {
        let found = format!("{} names a pair that is not in the vault", connection.id);
        world.violated("kept_pairs_are_in_the_vault", found);
    }
}

/// Every sealed pair is named by a connection.
fn nothing_is_orphaned(world: &mut World, connections: &[Connection], pairs: &BTreeSet<(String, u32)>) {
    let kept: BTreeSet<_> = connections
        .iter()
        .filter_map(|connection| connection.pair.as_ref())
        .map(|pair| named(&pair.key))
        .collect();
    if let Some((authorisation, generation)) = pairs.difference(&kept).next() {
        let found = format!("the pair {authorisation}/{generation} is in the vault, and no connection names it");
        world.violated("kept_pairs_are_in_the_vault", found);
    }
}

/// A rescued pair waits in the queue until it is in the vault, or dropped with a record.
fn rescued_pairs_come_home(world: &mut World, connections: &[Connection]) {
    let gone = world.witness.received.iter().find(|one| {
        let owner = one.authorisation.as_ref().and_then(|id| world.witness.owners.get(id));
        let stands = connections.iter().any(|connection| Some(&connection.id) == owner);
        one.kept == Kept::Rescued && stands && !world.messages.carry(one.token)
    });
    if let Some(token) = gone.map(|one| one.token) {
        let found = format!("pair {token} was rescued, and is neither at home nor in the queue");
        world.violated("received_pairs_are_kept", found);
    }
}

fn unfinished_has_a_wake_up(world: &mut World, connection: &Connection) {
    let Some(next) = agenda::next_wake(connection, world.clock()) else {
        if !connection.state.status().is_final() {
            let found = format!(
                "{} is {} and nothing will ever be due",
                connection.id,
                connection.state.status()
            );
            world.violated("unfinished_has_a_wake_up", found);
        }
        return;
    };
    // The sweeper may have moved it to a safety time: half an hour after its turn, which comes minutes after the due time
    // where so few are due.
    let latest = later(next.max(world.clock()), minutes(36));
    if connection.wake_at.is_none_or(|at| at > latest) {
        let found = format!(
            "{} is due {next} and is looked at {:?}",
            connection.id, connection.wake_at
        );
        world.violated("unfinished_has_a_wake_up", found);
    }
}

fn registered_is_true(world: &mut World, connection: &Connection) {
    if connection.forgotten_at.is_some() {
        return;
    }
    if let State::Registered(done) = &connection.state {
        let true_name = |database: &&crate::invantive::Database| database.segment == done.segment;
        if !world
            .invantive
            .databases(connection.id)
            .iter()
            .any(|database| true_name(&database))
        {
            let found = format!("{} says registered, and there is no database", connection.id);
            world.violated("registered_is_true", found);
        }
    }
}

/// Where a pair was destroyed because another consent had ended its chain, it had.
fn live_chains_are_not_given_up(world: &mut World, connection: &Connection) {
    let (State::Reauthorize(Cause::Superseded { .. }), Some(chain)) = (&connection.state, &connection.chain) else {
        return;
    };
    let given_up = world.witness.homes.iter().any(|(token, (owner, key))| {
        let of_it = *owner == connection.id && key.authorisation == chain.authorisation;
        let token = world.exact.token(*token).filter(|_| of_it);
        token.is_some_and(|token| world.exact.live(token.user) == Some(token.chain))
    });
    if given_up {
        let found = format!("{} was superseded, and its chain lives", connection.id);
        world.violated("live_chains_are_not_given_up", found);
    }
}

fn budget_respected(world: &mut World) {
    let most = world.exact.most();
    if most.0 > BUDGET.0 || most.1 > BUDGET.1 {
        let found = format!("{} errors in an hour, {} token answers in a day", most.0, most.1);
        world.violated("budget_respected", found);
    }
}

/// After the end of an invocation that nobody killed. `in_time`: it did not end because its time was up.
pub fn after_invocation(world: &mut World, process: ProcessId, in_time: bool) {
    let mut lost: Vec<TokenId> = Vec::new();
    for one in world.witness.received.iter_mut().filter(|one| one.process == process) {
        if one.kept == Kept::InHand {
            one.kept = Kept::Starved;
            if in_time || !one.tried {
                lost.push(one.token);
            }
        }
    }
    for token in lost {
        world.violated(
            "received_pairs_are_kept",
            format!("pair {token} came, and was neither kept nor dropped"),
        );
    }
    let forgotten: Vec<ConnectionId> = world
        .witness
        .successes
        .iter()
        .filter(|one| one.process == process && one.in_hand && in_time)
        .map(|one| one.connection)
        .collect();
    world
        .witness
        .successes
        .retain(|one| one.process != process || !one.in_hand);
    for id in forgotten {
        world.violated(
            "registered_is_true",
            format!("{id} is registered, was told so, and does not say it"),
        );
    }
}

/// Whether a connection has come to its end, or waits for a person.
#[must_use]
pub fn is_at_rest(connection: &Connection) -> bool {
    let done_with = connection.effect.is_none() && connection.to_tell.is_empty() && connection.erase_to.is_none();
    let is_final = connection.state.status().is_final();
    let goes_soon = is_final && connection.upkeep.retention_days <= SOON;
    done_with
        && !goes_soon
        && match connection.state.status() {
            Status::Registered => connection.cut_off().is_none_or(|done| !done.to_alarm),
            Status::Cancelled => true,
            Status::Invited | Status::Failed | Status::Reauthorize => true,
            Status::Authorized | Status::AwaitingOperator | Status::Registering | Status::InDoubt => false,
        }
}

/// What is kept no longer than so many days after its end is waited for.
pub const SOON: u32 = 3;

/// After the faults have stopped and everybody has done their part.
pub fn at_the_end(hub: &Hub, world: &mut World) {
    for connection in hub.store.connections() {
        if !is_at_rest(&connection) {
            let found = format!(
                "{} is still {}: {:?}",
                connection.id,
                connection.state.status(),
                connection.attention.as_ref().map(|attention| attention.problem)
            );
            world.violated("comes_to_an_end", found);
        }
        databases_are_known(hub, world, &connection);
        lost_authorisations_are_told(hub, world, &connection);
    }
}

/// A database that stands on a chain which another consent of the same user has ended, as one of our connections knows, is
/// said to stand without its authorisation, or perhaps so.
fn lost_authorisations_are_told(hub: &Hub, world: &mut World, connection: &Connection) {
    if connection.forgotten_at.is_some() || connection.cut_off().is_some() {
        return;
    }
    let State::Registered(done) = &connection.state else {
        return;
    };
    let databases = world.invantive.databases(connection.id).iter();
    let ended: Vec<u64> = databases
        .filter(|database| database.segment == done.segment)
        .filter_map(|database| {
            let live = world.exact.live(database.user)?;
            (live != database.chain).then_some(live)
        })
        .collect();
    let is_known = |live: &u64| {
        world.witness.homes.iter().any(|(token, (owner, key))| {
            let of_it = world.exact.token(*token).is_some_and(|token| token.chain == *live);
            let owner = ready(hub.store.connection(*owner)).ok().flatten();
            let current = owner
                .filter(|owner| owner.identity.is_some())
                .and_then(|owner| owner.chain);
            of_it && current.is_some_and(|chain| chain.authorisation == key.authorisation)
        })
    };
    if ended.iter().any(is_known) {
        let found = format!("{} has lost its authorisation, and does not say so", connection.id);
        world.violated("lost_authorisations_are_told", found);
    }
}

/// A database that exists is known: its connection says registered, or has told the OEM of it.
fn databases_are_known(hub: &Hub, world: &mut World, connection: &Connection) {
    let known = matches!(connection.state, State::Registered(_)) || connection.forgotten_at.is_some();
    if known || world.invantive.databases(connection.id).is_empty() {
        return;
    }
    let history = ready(hub.store.history(connection.id)).unwrap_or_default();
    let told = history
        .iter()
        .any(|record| matches!(record.what, What::LateSuccess { .. }));
    if !told {
        let found = format!("{} has a database, and is {}", connection.id, connection.state.status());
        world.violated("registered_is_true", found);
    }
}

/// How long after the last fault everything has come to its end.
pub const BOUND: std::time::Duration = hours(24 * 500);
