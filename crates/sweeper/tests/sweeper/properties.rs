//! Worker and sweeper together, in any order, with any outcome, dying anywhere.

use std::time::Duration;

use handover_core::{
    connection::{LookUpRule, PairFate, Problem, Status},
    event::{LookUpAnswer, Outcome},
    ids::ConnectionId,
    ports::{Place, Pointer},
};
use handover_simulation::{faulty::Fault, lock};
use proptest::prelude::*;

use crate::{
    sweep,
    world::{HOUR, MINUTE, World},
};

#[derive(Debug, Clone)]
enum Act {
    /// A message, perhaps one of long ago.
    Wake,
    /// Two at once.
    WakeTwice,
    /// What the queue holds.
    Deliver,
    /// Lost, or stuck: the messages that are to be seen now never come.
    LoseMessages,
    Sweep,
    Pass(Duration),
    /// The next process dies before its n-th call.
    Die(u32),
    Write(Fault),
    Postpone(Fault),
    Outcome(Outcome),
    Answer(LookUpAnswer),
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    let segment = || "acme-boekhouding".parse().unwrap();
    let reason = || "because".to_owned();
    prop_oneof![
        2 => Just(Outcome::Registered { segment: segment() }),
        3 => Just(Outcome::NotSent { reason: reason(), problem: Problem::ChannelUnavailable }),
        2 => Just(Outcome::Unanswered { reason: reason() }),
        1 => Just(Outcome::Refused { reason: reason(), pair: PairFate::Unspent }),
        1 => Just(Outcome::Refused { reason: reason(), pair: PairFate::Unknown }),
    ]
}

fn acts() -> impl Strategy<Value = Act> {
    let faults = prop_oneof![Just(Fault::None), Just(Fault::Before), Just(Fault::After)];
    let answers = prop_oneof![
        Just(LookUpAnswer::Absent),
        Just(LookUpAnswer::Unclear),
        Just(LookUpAnswer::Found("acme-boekhouding".parse().unwrap())),
    ];
    prop_oneof![
        4 => Just(Act::Wake),
        2 => Just(Act::WakeTwice),
        4 => Just(Act::Deliver),
        1 => Just(Act::LoseMessages),
        4 => Just(Act::Sweep),
        4 => (1_u64..1_200).prop_map(|seconds| Act::Pass(Duration::from_secs(seconds))),
        1 => (1_u64..200).prop_map(|hours| Act::Pass(Duration::from_secs(hours * 3_600))),
        3 => (0_u32..14).prop_map(Act::Die),
        2 => faults.clone().prop_map(Act::Write),
        1 => faults.prop_map(Act::Postpone),
        3 => outcomes().prop_map(Act::Outcome),
        2 => answers.prop_map(Act::Answer),
    ]
}

/// A process from its start to its end, which may come early.
async fn process<T>(world: &World, work: impl Future<Output = T>) {
    world.fate.run(work).await;
    world.fate.lives();
}

async fn perform(world: &World, id: ConnectionId, act: Act) {
    match act {
        Act::Wake => process(world, world.wake(id)).await,
        Act::WakeTwice => process(world, async { futures::join!(world.wake(id), world.wake(id)) }).await,
        Act::Deliver => {
            for Pointer::Wake { connection } in world.queue.inner.receive() {
                process(world, world.wake(connection)).await;
            }
        }
        Act::LoseMessages => drop(world.queue.inner.receive()),
        Act::Sweep => process(world, sweep(world)).await,
        Act::Pass(time) => world.clock.advance(time),
        Act::Die(calls) => world.fate.dies_after(calls),
        Act::Write(fault) => lock(&world.store.writes).push_back(fault),
        Act::Postpone(fault) => lock(&world.store.postpones).push_back(fault),
        Act::Outcome(outcome) => world.outcome(outcome),
        Act::Answer(answer) => lock(&world.registrar.inner.answers).push_back(answer),
    }
}

/// An attempt follows only on one that surely had no effect.
fn invariant_never_twice(world: &World) {
    let ended = lock(&world.registrar.ended);
    for (number, outcome) in ended.iter().rev().skip(1).enumerate() {
        assert!(
            matches!(outcome, Some(Outcome::NotSent { .. })),
            "the one {number} before: {outcome:?}"
        );
    }
}

async fn invariant_nothing_is_forgotten(world: &World, id: ConnectionId) {
    let connection = world.read(id).await;
    assert!(
        connection.state.status().is_final() || connection.wake_at.is_some(),
        "{connection:?}"
    );
}

async fn invariant_the_vault_holds_what_the_state_says(world: &World, id: ConnectionId) {
    let named = world.read(id).await.pair.map(|pair| Place::Pair(pair.key));
    let held = world
        .store
        .inner
        .sealed_places()
        .into_iter()
        .find(|place| matches!(place, Place::Pair(_)));
    assert_eq!(named, held);
}

/// What is known to be registered ends as that, and nothing else does.
async fn invariant_the_end_is_true(world: &World, id: ConnectionId) {
    let connection = world.read(id).await;
    let last = lock(&world.registrar.ended).last().cloned().flatten();
    match connection.state.status() {
        Status::Registered => assert!(connection.attempts > 0),
        // Perhaps without a submission: the process may have died between the claim and that.
        status @ (Status::Failed | Status::InDoubt) => assert!(connection.attempts > 0, "{status} without an attempt"),
        Status::Reauthorize => assert!(!matches!(last, Some(Outcome::Registered { .. })), "lost a success"),
        other => panic!("still {other}"),
    }
}

async fn live(acts: Vec<Act>, rule: Option<LookUpRule>) {
    let world = World::new().await;
    *lock(&world.registrar.inner.rule) = rule;
    let id = world.authorized(10 * MINUTE).await;
    for act in acts {
        perform(&world, id, act).await;
        invariant_never_twice(&world);
        invariant_nothing_is_forgotten(&world, id).await;
        invariant_the_vault_holds_what_the_state_says(&world, id).await;
    }
    // From here on all is well.
    world.fate.lives();
    lock(&world.store.writes).clear();
    lock(&world.store.postpones).clear();
    lock(&world.registrar.inner.outcomes).clear();
    lock(&world.registrar.inner.answers).clear();
    for _ in 0..60 {
        world.clock.advance(6 * HOUR);
        assert!(sweep(&world).await.completed);
        world.work().await;
    }
    invariant_never_twice(&world);
    invariant_the_end_is_true(&world, id).await;
    if rule.is_some() {
        assert_ne!(world.status(id).await, Status::InDoubt, "a look-up settles it");
    }
}

proptest! {
    #[test]
    fn whatever_happens_nothing_is_submitted_twice_nor_forgotten(
        acts in prop::collection::vec(acts(), 0..60),
        looks_up in any::<bool>(),
    ) {
        let rule = looks_up.then_some(LookUpRule { delay_seconds: 900, pair_if_absent: PairFate::Unspent });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(live(acts, rule));
    }
}
