//! A table that is away, or says nothing, at every write.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use handover_core::{
    apply::Along,
    budget::Budget,
    connection::Status,
    event::{Actor, Event, What},
};
use handover_simulation::{faulty::Fault, lock};
use handover_worker::WakeError;

use crate::world::{HOUR, MINUTE, World};

fn writes(world: &World, faults: &[Fault]) {
    lock(&world.store.writes).extend(faults);
}

#[tokio::test]
async fn a_claim_that_was_not_written_is_tried_again_with_the_next_message() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    let before = world.read(id).await;
    writes(&world, &[Fault::Before]);
    assert!(world.wake(id).await.is_err());
    assert_eq!(world.submissions(), 0);
    assert_eq!(world.read(id).await, before);
    world.wake(id).await.unwrap();
    assert_eq!((world.submissions(), world.status(id).await), (1, Status::Registered));
}

#[tokio::test]
async fn a_claim_of_which_nobody_knows_is_taken_back_and_is_no_doubt() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    writes(&world, &[Fault::After]);
    world.wake(id).await.unwrap();
    assert_eq!((world.submissions(), world.status(id).await), (0, Status::Authorized));
    world.clock.advance(MINUTE);
    world.work().await;
    assert_eq!((world.submissions(), world.status(id).await), (1, Status::Registered));
    assert!(
        !world
            .history(id)
            .await
            .iter()
            .any(|what| matches!(what, What::InDoubt { .. }))
    );
}

#[tokio::test]
async fn an_outcome_is_stored_whatever_the_table_does() {
    for faults in [
        vec![Fault::None, Fault::Before],
        vec![Fault::None, Fault::After],
        vec![Fault::None, Fault::Before, Fault::After, Fault::Before],
        [vec![Fault::None], vec![Fault::Before; 50]].concat(),
    ] {
        let world = World::new().await;
        let id = world.authorized(Duration::ZERO).await;
        writes(&world, &faults);
        world.wake(id).await.unwrap();
        assert_eq!(
            (world.submissions(), world.status(id).await),
            (1, Status::Registered),
            "{faults:?}"
        );
        let registered = |what: &What| matches!(what, What::Registered { .. });
        let told = world.history(id).await.into_iter().filter(registered).count();
        assert_eq!(told, 1, "{faults:?}");
    }
}

/// Its writer is recognised: it is not told that there is nothing to do any more.
#[tokio::test]
async fn an_outcome_that_was_written_although_its_answer_was_lost_is_no_refusal() {
    let world = World::new().await;
    let id = world.authorized(HOUR).await;
    writes(&world, &[Fault::After]);
    let (desk, along) = (world.desk(), Along::default());
    let budget = Budget::begin(desk.clock, MINUTE);
    let recorded = desk
        .record(id, &Event::CancelAsked, &Actor::Worker, &along, &budget)
        .await;
    assert_eq!(recorded.unwrap(), world.read(id).await);
    assert_eq!(world.status(id).await, Status::Cancelled);
}

#[tokio::test]
async fn an_outcome_that_could_not_be_stored_becomes_a_doubt_never_a_second_attempt() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    writes(&world, &[Fault::None, Fault::Away]);
    let error = world.wake(id).await.unwrap_err();
    assert!(
        matches!(&error, WakeError::NotStored { outcome, .. } if outcome == "registered `acme-boekhouding`"),
        "{error}"
    );
    world.store.away.store(false, SeqCst);
    world.clock.advance(HOUR);
    world.wake(id).await.unwrap();
    assert_eq!((world.submissions(), world.status(id).await), (1, Status::InDoubt));
}

#[tokio::test]
async fn a_claim_that_takes_too_long_sends_nothing_and_is_no_doubt() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    // 120 s, of which 60 are the request's and 18 the storing's.
    *lock(&world.registrar.preparing) = Duration::from_secs(40);
    let slow = async {
        while world.status(id).await != Status::Registering {
            tokio::task::yield_now().await;
        }
        world.clock.advance(Duration::from_secs(10));
    };
    let (woken, ()) = futures::join!(world.wake(id), slow);
    woken.unwrap();
    assert_eq!((world.submissions(), world.status(id).await), (0, Status::Authorized));
    let put_off = |what: &What| matches!(what, What::AttemptPutOff { reason, .. } if reason.contains("did not fit"));
    assert!(world.history(id).await.iter().any(put_off));
}

#[tokio::test]
async fn an_item_of_an_unknown_version_is_kept_and_its_message_too() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    lock(&world.store.rejected).insert(id);
    let error = world.wake(id).await.unwrap_err().to_string();
    assert!(error.contains("version 9 is not known here"), "{error}");
    assert_eq!(world.submissions(), 0);
}

/// The process dies before its n-th call, for every n there is; then others take over.
#[tokio::test]
async fn wherever_the_process_dies_nothing_is_sent_twice_and_nothing_forgotten() {
    let mut deaths = 0;
    for calls in 0.. {
        let world = World::new().await;
        let id = world.authorized(Duration::ZERO).await;
        world.fate.dies_after(calls);
        let lived = world.fate.run(world.wake(id)).await.is_some();
        world.fate.lives();
        let sent = world.submissions();
        assert!(world.read(id).await.wake_at.is_some() || world.status(id).await == Status::Registered);
        // SQS brings the message back when its visibility ends; what was sent meanwhile comes too.
        world.clock.advance(12 * MINUTE);
        world.wake(id).await.unwrap();
        world.work().await;
        let expected = match world.status(id).await {
            Status::Registered => 1,
            Status::InDoubt => sent,
            other => panic!("{other} after {calls} calls"),
        };
        assert_eq!(world.submissions(), expected, "after {calls} calls");
        if lived {
            break;
        }
        deaths += 1;
    }
    assert!(deaths > 10, "only {deaths} places to die at");
}
