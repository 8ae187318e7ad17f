//! A sweeper that was off for long: the backlog is worked off at the application's pace, the oldest first.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use handover_core::{
    ports::{Clock, Place, Pointer, Store},
    registration::later,
};

use handover_simulation::lock;

use crate::{
    ids, sweep,
    world::{HOUR, MINUTE, World},
};

const PACE: u32 = 10;
/// What the queue takes of it: fifteen minutes of the pace, and what goes at once.
const REACH: usize = 15 * 10 + 2;

pub async fn with_pace(per_minute: u32) -> World {
    let world = World::new().await;
    let id = "exact-nl".parse().unwrap();
    let mut application = world.store.application(&id).await.unwrap().unwrap();
    application.pace_per_minute = per_minute;
    let place = Place::Application(id);
    let sealed = world.store.sealed(&place).await.unwrap().unwrap();
    world.store.put_application(&application, &sealed).await.unwrap();
    world
}

#[tokio::test]
async fn a_backlog_is_sent_at_the_pace_and_the_rest_waits_for_its_slot() {
    let world = with_pace(PACE).await;
    let backlog = ids(&world, 400, HOUR).await;
    world.clock.advance(24 * HOUR);
    let report = sweep(&world).await;
    assert_eq!(report.swept, 400);
    let pointed = usize::try_from(report.pointed).unwrap();
    assert!((REACH - 2..=REACH + 2).contains(&pointed), "{report:?}");
    assert_eq!(pointed + usize::try_from(report.paced).unwrap(), 400);
    let waits = world.waits();
    for minute in 0..15 {
        let within = |wait: &&Duration| (minute * MINUTE..(minute + 1) * MINUTE).contains(*wait);
        let held = waits.iter().filter(within).count();
        assert!(held <= 13, "minute {minute} holds {held}");
    }
    // Nothing of it is due again before its slot has come.
    world.clock.advance(5 * MINUTE);
    assert_eq!(sweep(&world).await.swept, 0);

    // Worked off in the end, and nobody twice.
    for _ in 0..60 {
        world.work().await;
        world.clock.advance(MINUTE);
        sweep(&world).await;
    }
    world.work().await;
    assert_eq!(world.submissions(), 400);
    for id in backlog {
        assert_eq!(world.status(id).await, handover_core::connection::Status::Registered);
    }
}

/// More than a sweep can read in its time, in four parts of the index: what it has read it sends.
#[tokio::test]
async fn a_backlog_that_no_sweep_can_read_gets_on_with_every_sweep() {
    let world = with_pace(1_000_000).await;
    world.store.shards.store(4, SeqCst);
    ids(&world, 2_000, HOUR).await;
    world.clock.advance(24 * HOUR);
    *lock(&world.store.slow_reads) = Some((world.clock, Duration::from_millis(50)));
    let mut sent = 0;
    for _ in 0..2_000 {
        let report = sweep(&world).await;
        assert!(report.pointed >= 300 || !report.cut_short, "{report:?}");
        sent += report.pointed;
        // Read again and again is only what was read ahead: a page of each other part.
        assert!(report.swept - report.pointed <= 300, "{report:?}");
        if !report.cut_short {
            break;
        }
    }
    assert_eq!(sent, 2_000);
}

#[tokio::test]
async fn the_oldest_goes_first() {
    let world = with_pace(PACE).await;
    let early = ids(&world, 20, HOUR).await;
    let late = ids(&world, 20, 2 * HOUR).await;
    world.clock.advance(24 * HOUR);
    sweep(&world).await;
    let sent: Vec<_> = world.queue.inner.waiting();
    let of = |pointer: &Pointer| {
        let Pointer::Wake { connection } = pointer;
        *connection
    };
    let slot = |wanted| {
        sent.iter()
            .find(|(_, pointer)| of(pointer) == wanted)
            .map(|(at, _)| *at)
    };
    let last = early.iter().map(|id| slot(*id).unwrap()).max();
    let first = late.iter().map(|id| slot(*id).unwrap()).min();
    assert!(last <= first, "{last:?} {first:?}");
}

/// Overdue for long, and in the index at its safety time: it goes at once, although another, which is due in some
/// minutes, stands before it there.
#[tokio::test]
async fn what_is_overdue_does_not_wait_for_what_is_to_come() {
    let world = with_pace(PACE).await;
    let overdue = world.authorized(HOUR).await;
    let to_come = world.authorized(HOUR + 28 * MINUTE).await;
    world.clock.advance(HOUR - 10 * MINUTE);
    sweep(&world).await;
    // Its wake-up is lost with the worker that took it.
    world.clock.advance(10 * MINUTE);
    assert_eq!(world.queue.inner.receive().len(), 1);
    world.clock.advance(20 * MINUTE);
    let now = world.clock.now();
    assert!(world.read(to_come).await.wake_at < world.read(overdue).await.wake_at);
    sweep(&world).await;
    let mut waits = world.waits();
    waits.sort();
    assert_eq!(waits, [Duration::ZERO, 8 * MINUTE]);
    assert_eq!(world.read(overdue).await.wake_at, Some(later(now, 30 * MINUTE)));
}

/// Although it is a later sweep that finds it.
#[tokio::test]
async fn what_is_due_behind_a_backlog_takes_its_turn_after_it() {
    let world = with_pace(PACE).await;
    ids(&world, 400, HOUR).await;
    world.clock.advance(24 * HOUR);
    let began = world.clock.now();
    assert!(sweep(&world).await.paced > 0);
    let behind = world.authorized(16 * MINUTE).await;
    world.clock.advance(5 * MINUTE);
    assert_eq!(sweep(&world).await.paced, 1);
    let seen = world.read(behind).await.wake_at.unwrap();
    let slot = later(began, 400 * MINUTE / PACE);
    assert!(
        (later(slot, 14 * MINUTE)..later(slot, 16 * MINUTE)).contains(&seen),
        "{seen}"
    );

    // The pace is another one: what was given out at the old one is forgotten.
    let id = "exact-nl".parse().unwrap();
    let application = world.store.application(&id).await.unwrap().unwrap();
    let sealed = world.store.sealed(&Place::Application(id)).await.unwrap().unwrap();
    world.store.put_application(&application, &sealed).await.unwrap();
    let due = later(world.clock.now(), 16 * MINUTE);
    let at_once = world.authorized(16 * MINUTE).await;
    world.clock.advance(5 * MINUTE);
    assert_eq!(sweep(&world).await.pointed, 1);
    assert_eq!(world.read(at_once).await.wake_at, Some(later(due, 30 * MINUTE)));
}

#[tokio::test]
async fn slots_that_cannot_be_written_down_stop_no_sweep() {
    let world = with_pace(PACE).await;
    ids(&world, 400, HOUR).await;
    world.clock.advance(24 * HOUR);
    world.store.slots_fail.store(true, SeqCst);
    let report = sweep(&world).await;
    assert!(report.completed && report.failed == 0, "{report:?}");
    assert_eq!(report.pointed + report.paced, 400);
}
