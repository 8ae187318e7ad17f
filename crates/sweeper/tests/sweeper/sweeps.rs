//! What a sweep does with what is due.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use handover_core::{
    connection::{Connection, OpenLink, PairFate, Status},
    event::{Actor, Event, Outcome, Settlement},
    ids::{AuthorisationId, EffectId, LinkHash},
    ports::{Clock, DuePointer, Randomness, Store},
    registration::{ChannelKind, Due, later},
};
use handover_simulation::lock;

use crate::{
    ids, sweep, sweeper, work_off,
    world::{DAY, HOUR, MINUTE, World, user},
};

#[tokio::test]
async fn what_is_due_soon_gets_a_pointer_with_the_exact_delay_and_a_safety_time() {
    let world = World::new().await;
    let id = world.authorized(HOUR).await;
    world.clock.advance(HOUR - 7 * MINUTE - Duration::from_millis(300));
    let report = sweep(&world).await;
    assert_eq!(
        (report.swept, report.pointed, report.oldest_overdue),
        (1, 1, Duration::ZERO)
    );
    // Rounded up to seconds: never early.
    assert_eq!(world.waits(), [7 * MINUTE + Duration::from_secs(1)]);
    let connection = world.read(id).await;
    assert_eq!(
        connection.wake_at,
        Some(later(connection.due_at().unwrap(), 30 * MINUTE))
    );
    // The next sweep has nothing to do with it.
    assert_eq!(sweep(&world).await.swept, 0);
    world.clock.advance(8 * MINUTE);
    world.work().await;
    assert_eq!(world.status(id).await, Status::Registered);
}

#[tokio::test]
async fn what_is_due_later_is_not_looked_at() {
    let world = World::new().await;
    world.authorized(HOUR).await;
    world.clock.advance(44 * MINUTE);
    let before = world.store.reads.load(SeqCst);
    assert_eq!(sweep(&world).await.swept, 0);
    assert_eq!(world.store.reads.load(SeqCst), before);
}

#[tokio::test]
async fn what_needs_no_secret_is_done_at_once() {
    let world = World::new().await;
    let (invited, _) = world.invited(ChannelKind::Http, Due::AfterConsent { seconds: 0 }).await;
    let assisted = world
        .consented(
            ChannelKind::Assisted,
            Due::AfterConsent { seconds: 3_600 },
            Some(user()),
        )
        .await;
    world.clock.advance(8 * DAY);
    let report = sweep(&world).await;
    assert_eq!((report.swept, report.pointed), (2, 0));
    assert!(world.read(invited).await.link.is_none());
    assert_eq!(world.status(assisted).await, Status::AwaitingOperator);
    assert!(world.waits().is_empty());
    let by = |record: &handover_core::event::Record| record.by.clone();
    assert_eq!(
        world.store.history(assisted).await.unwrap().last().map(by),
        Some(Actor::Sweeper)
    );
}

#[tokio::test]
async fn the_sweeper_opens_nothing() {
    let world = World::new().await;
    ids(&world, 3, Duration::ZERO).await;
    world
        .consented(ChannelKind::Http, Due::AfterConsent { seconds: 86_400 }, None)
        .await;
    world.clock.advance(31 * DAY);
    sweep(&world).await;
    assert!(lock(&world.vault.opened).is_empty());
    assert!(!world.has_pair().await, "what has ended is destroyed");
}

#[tokio::test]
async fn warnings_that_no_renewal_follows_are_counted() {
    let mut world = World::new().await;
    world.upkeep.renew_days = None;
    ids(&world, 3, 29 * DAY).await;
    world.clock.advance(23 * DAY + MINUTE);
    let report = sweep(&world).await;
    assert_eq!(report.warnings, 3);
    assert_eq!(report.oldest_overdue, MINUTE);
    assert_eq!(sweep(&world).await.warnings, 0);
    // The others are told of, and renewed.
    world.upkeep.renew_days = Some(3);
    ids(&world, 2, 29 * DAY).await;
    world.clock.advance(23 * DAY + MINUTE);
    assert_eq!(sweep(&world).await.warnings, 0);
}

/// An attempt that was taken for failed turns out to have made it, while a consent is under way that comes to no end.
#[tokio::test]
async fn a_database_that_may_have_lost_its_authorisation_is_put_before_the_worker() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    world.outcome(Outcome::Unanswered {
        reason: "no answer".into(),
    });
    world.wake(id).await.unwrap();
    let attempt = world.read(id).await.open_attempt().unwrap();
    let not_registered = Settlement::NotRegistered { pair: PairFate::Spent };
    world.ask(id, Event::Settled(not_registered)).await;
    let now = world.clock.now();
    let link = OpenLink {
        hash: LinkHash::from_digest(&world.chance.secret()),
        expires_at: later(now, DAY),
    };
    world.ask(id, Event::LinkOpened(link.clone())).await;
    let arrived = Event::ConsentArrived {
        effect: EffectId::new(now, world.chance.id()),
        authorisation: AuthorisationId::from_digest(&world.chance.secret()),
        link: link.hash,
        lease_ends_at: later(now, 3 * MINUTE),
    };
    world.ask(id, arrived).await;
    let outcome = Outcome::Registered {
        segment: "acme-boekhouding".parse().unwrap(),
    };
    let found = Event::AttemptEnded {
        effect: attempt,
        outcome,
    };
    world.ask(id, found).await;
    world.clock.advance(4 * MINUTE);
    assert_eq!(sweep(&world).await.pointed, 1);
    assert_eq!(world.status(id).await, Status::Registered);
    let to_alarm = |connection: &Connection| connection.cut_off().map(|done| done.to_alarm);
    assert_eq!(to_alarm(&world.read(id).await), Some(true));
    world.work().await;
    assert_eq!(to_alarm(&world.read(id).await), Some(false));
}

#[tokio::test]
async fn a_lease_that_ended_is_a_doubt_and_its_look_up_follows() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    *lock(&world.registrar.inner.rule) = Some(handover_core::connection::LookUpRule {
        delay_seconds: 900,
        pair_if_absent: PairFate::Unspent,
    });
    // Dies while the attempt is under way.
    tokio::select! {
        biased;
        _ = world.wake(id) => panic!("it came back"),
        () = async { while world.submissions() == 0 { tokio::task::yield_now().await } } => {}
    }
    world.clock.advance(4 * MINUTE);
    let report = sweep(&world).await;
    assert_eq!(world.status(id).await, Status::InDoubt);
    assert_eq!((report.pointed, report.in_doubt), (1, Some(1)));
    assert_eq!(world.waits(), [Duration::from_secs(30)]);
    lock(&world.registrar.inner.answers).push_back(handover_core::event::LookUpAnswer::Found(
        "acme-boekhouding".parse().unwrap(),
    ));
    world.clock.advance(Duration::from_secs(30));
    world.work().await;
    assert_eq!(world.status(id).await, Status::Registered);
    assert_eq!(world.submissions(), 1);
}

#[tokio::test]
async fn it_catches_up_after_a_day() {
    let world = World::new().await;
    let all = ids(&world, 250, HOUR).await;
    world.clock.advance(DAY);
    let report = sweep(&world).await;
    assert_eq!((report.swept, report.pointed, report.completed), (250, 250, true));
    assert_eq!(report.oldest_overdue, DAY - HOUR);
    // Its half hour counts from now, not from yesterday: nothing to do for the next sweep.
    assert_eq!(sweep(&world).await.swept, 0);
    work_off(&world).await;
    for id in all {
        assert_eq!(world.status(id).await, Status::Registered);
    }
    assert_eq!(world.submissions(), 250);
}

#[tokio::test]
async fn a_wake_up_that_got_lost_is_sent_again_and_told_as_overdue() {
    let world = World::new().await;
    let id = world.authorized(HOUR).await;
    world.clock.advance(HOUR);
    assert_eq!(sweep(&world).await.oldest_overdue, Duration::ZERO);
    world.queue.inner.receive();
    let mut sweeps = 0;
    while world.waits().is_empty() {
        world.clock.advance(5 * MINUTE);
        sweep(&world).await;
        sweeps += 1;
        assert!(sweeps <= 6, "forgotten");
    }
    // It is the alarm's business from 15 minutes on.
    assert_eq!(sweeps, 3);
    world.work().await;
    assert_eq!(world.status(id).await, Status::Registered);
}

#[tokio::test]
async fn a_sweep_costs_what_is_due() {
    let world = World::new().await;
    ids(&world, 300, 10 * DAY).await;
    ids(&world, 5, Duration::ZERO).await;
    let before = world.store.reads.load(SeqCst);
    let sent = world.queue.number_sent();
    sweep(&world).await;
    assert_eq!(world.store.reads.load(SeqCst) - before, 5);
    assert_eq!(world.queue.number_sent() - sent, 5);
    assert_eq!(world.store.due_reads.load(SeqCst), 1);
}

#[tokio::test]
async fn every_shard_is_swept() {
    let world = World::new().await;
    world.store.shards.store(7, SeqCst);
    ids(&world, 40, Duration::ZERO).await;
    assert_eq!(sweep(&world).await.pointed, 40);
    assert_eq!(world.store.due_reads.load(SeqCst), 7);
}

#[tokio::test]
async fn a_connection_that_is_gone_is_passed_over() {
    let world = World::new().await;
    let nobody = handover_core::ids::ConnectionId::new(world.clock.now(), 5);
    lock(&world.store.stale).push(DuePointer {
        connection: nobody,
        wake_at: world.clock.now(),
    });
    let id = world.authorized(Duration::ZERO).await;
    let report = sweep(&world).await;
    assert_eq!((report.pointed, report.failed, report.rejected), (1, 0, 0));
    assert!(world.read(id).await.wake_at.unwrap() > world.clock.now());
}

#[tokio::test]
async fn an_index_that_lags_behind_changes_nothing() {
    let world = World::new().await;
    let id = world.authorized(DAY).await;
    let before = world.read(id).await;
    // The index still holds a time that the table does not.
    lock(&world.store.stale).push(DuePointer {
        connection: id,
        wake_at: world.clock.now(),
    });
    let report = sweep(&world).await;
    assert_eq!((report.swept, report.pointed, report.failed), (1, 0, 0));
    assert_eq!(world.read(id).await, before);
}

/// It was moved meanwhile, to another time within the sweep's reach: what counts is what the table holds. (With the index's
/// time, one that is written back to that time while the sweep looks at it would be moved for what was due in between.)
#[tokio::test]
async fn a_time_that_the_index_no_longer_holds_is_not_moved_from() {
    let world = World::new().await;
    let id = world.authorized(10 * MINUTE).await;
    let due_at = world.read(id).await.wake_at.unwrap();
    lock(&world.store.stale).push(DuePointer {
        connection: id,
        wake_at: world.clock.now(),
    });
    sweep(&world).await;
    assert_eq!(world.read(id).await.wake_at, Some(later(due_at, 30 * MINUTE)));
}

/// Another sweep has just sent it.
#[tokio::test]
async fn what_was_moved_beyond_reach_is_not_sent_again() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    let due_at = world.read(id).await.wake_at.unwrap();
    assert_eq!(sweep(&world).await.pointed, 1);
    lock(&world.store.stale).push(DuePointer {
        connection: id,
        wake_at: due_at,
    });
    assert_eq!(sweep(&world).await.pointed, 0);
}

#[tokio::test]
async fn a_time_at_which_nothing_is_due_is_put_right() {
    let world = World::new().await;
    let id = world.authorized(DAY).await;
    let due_at = world.read(id).await.wake_at.unwrap();
    assert!(world.store.inner.postpone(id, due_at, world.clock.now()).await.unwrap());
    assert_eq!(sweep(&world).await.swept, 1);
    assert_eq!(world.read(id).await.wake_at, Some(due_at));
    assert_eq!(sweep(&world).await.swept, 0);
}

#[tokio::test]
async fn in_doubt_is_counted() {
    let world = World::new().await;
    for id in ids(&world, 3, Duration::ZERO).await {
        world.outcome(Outcome::Unanswered {
            reason: "no answer".into(),
        });
        world.wake(id).await.unwrap();
    }
    assert_eq!(sweep(&world).await.in_doubt, Some(3));
}

#[tokio::test]
async fn a_sweep_that_runs_out_of_time_leaves_the_rest_to_the_next() {
    let world = World::new().await;
    ids(&world, 120, Duration::ZERO).await;
    // 25 s are kept.
    let slow = async {
        while world.queue.number_sent() < 30 {
            tokio::task::yield_now().await;
        }
        world.clock.advance(Duration::from_secs(36));
    };
    let (report, ()) = futures::join!(sweep(&world), slow);
    assert!(report.cut_short && report.completed, "{report:?}");
    assert!((30..120).contains(&report.pointed), "{report:?}");
    let rest = sweep(&world).await;
    assert_eq!(rest.pointed + report.pointed, 120);
    assert!(!rest.cut_short);
}

#[tokio::test]
async fn two_sweeps_at_once_are_harmless() {
    let world = World::new().await;
    let all = ids(&world, 20, Duration::ZERO).await;
    let lapsed = world
        .invited(ChannelKind::Http, Due::AfterConsent { seconds: 0 })
        .await
        .0;
    world.clock.advance(8 * DAY);
    let (one, other) = futures::join!(sweep(&world), sweep(&world));
    assert_eq!((one.failed, other.failed), (0, 0));
    world.work().await;
    assert_eq!(world.submissions(), 20);
    for id in all {
        assert_eq!(world.status(id).await, Status::Registered);
    }
    let lapses = world.history(lapsed).await;
    let lapses = lapses
        .iter()
        .filter(|what| matches!(what, handover_core::event::What::LinkLapsed))
        .count();
    assert_eq!(lapses, 1);
}

#[tokio::test]
async fn the_handler_sweeps() {
    let world = World::new().await;
    ids(&world, 1, Duration::ZERO).await;
    assert_eq!(sweeper(&world).handle().await.pointed, 1);
}
