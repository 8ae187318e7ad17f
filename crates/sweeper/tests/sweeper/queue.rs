//! What a queue for slots may not hold up.

use std::time::Duration;

use handover_core::{
    agenda,
    event::Event,
    ids::{AuthorisationId, ConnectionId, EffectId},
    ports::{Clock, Pointer, Randomness},
    registration::{ChannelKind, Due, later},
};
use handover_simulation::lock;
use jiff::Timestamp;

use crate::{
    ids,
    pace::with_pace,
    sweep,
    world::{DAY, HOUR, MINUTE, World},
};

/// When the queue hands its wake-up out.
fn sent_for(world: &World, id: ConnectionId) -> Option<Timestamp> {
    let of = |pointer: &Pointer| {
        let Pointer::Wake { connection } = pointer;
        *connection
    };
    let waiting = world.queue.inner.waiting();
    waiting
        .into_iter()
        .find(|(_, pointer)| of(pointer) == id)
        .map(|(at, _)| at)
}

/// The exchange of a customer who comes back then.
async fn exchange(world: &World, lease: Duration) -> ConnectionId {
    let (id, link) = world.invited(ChannelKind::Http, Due::AfterConsent { seconds: 0 }).await;
    let event = Event::ConsentArrived {
        effect: EffectId::new(world.clock.now(), world.chance.id()),
        authorisation: AuthorisationId::from_digest(&world.chance.secret()),
        link,
        lease_ends_at: later(world.clock.now(), lease),
    };
    world.ask(id, event).await;
    id
}

/// Its process has died: the customer can open the link again as soon as that is known.
#[tokio::test]
async fn the_end_of_a_lease_waits_behind_no_herd() {
    let world = with_pace(10).await;
    for id in ids(&world, 400, HOUR).await {
        world.ask(id, Event::CancelAsked).await;
    }
    world.clock.advance(180 * DAY);
    let id = exchange(&world, 10 * MINUTE).await;
    let ends_at = world.read(id).await.wake_at;
    let report = sweep(&world).await;
    assert!(report.paced > 200, "removals keep the pace: {report:?}");
    assert_eq!(sent_for(&world, id), ends_at);
}

/// An access token lives ten minutes.
#[tokio::test]
async fn the_question_who_consented_waits_behind_no_herd() {
    let world = with_pace(10).await;
    ids(&world, 400, HOUR).await;
    world.clock.advance(2 * HOUR);
    assert!(sweep(&world).await.paced > 200);
    let due = Due::AfterConsent { seconds: 86_400 };
    let id = world.consented(ChannelKind::Http, due, None).await;
    let asked_at = later(world.clock.now(), Duration::from_secs(30));
    sweep(&world).await;
    assert_eq!(sent_for(&world, id), Some(asked_at));
}

/// Registrations that have been overdue for weeks, 40 minutes' worth of the pace; in 20 minutes their OEM is to be told that
/// the pairs have a day left.
#[tokio::test]
async fn a_warning_waits_for_no_slot() {
    let world = with_pace(10).await;
    let all = ids(&world, 400, HOUR).await;
    world.clock.advance(29 * DAY - 20 * MINUTE);
    sweep(&world).await;
    let mut held = 0;
    for id in all {
        let connection = world.read(id).await;
        let warned_at = agenda::next_decision(&connection, world.clock.now()).unwrap();
        if sent_for(&world, id).is_none() {
            assert!(connection.wake_at.unwrap() <= warned_at, "{connection:?}");
            held += u32::from(connection.wake_at == Some(warned_at));
        }
    }
    assert!(held > 100, "{held}");
}

/// Sent and moved so slowly that there is no time for all of it.
#[tokio::test]
async fn a_sweep_ends_before_its_time() {
    let world = with_pace(1_000_000).await;
    ids(&world, 200, HOUR).await;
    world.clock.advance(DAY);
    *lock(&world.store.slow_moves) = Some((world.clock, Duration::from_millis(500)));
    let began = world.clock.now();
    let report = sweep(&world).await;
    assert!(report.cut_short && (90..120).contains(&report.pointed), "{report:?}");
    assert!(world.clock.now() < later(began, MINUTE));
    *lock(&world.store.slow_moves) = None;
    assert_eq!(
        sweep(&world).await.pointed,
        200 - report.pointed,
        "the others keep their place"
    );
}
