//! An attempt from its due time to its end.

use std::time::Duration;

use futures::join;
use handover_core::{
    connection::{PairFate, Problem, State, Status},
    event::{Outcome, What},
    ports::Clock,
    registration::{ChannelKind, Due, later},
};
use handover_simulation::lock;

use crate::world::{DAY, HOUR, MINUTE, World};

#[tokio::test]
async fn what_is_due_is_registered_and_its_pair_destroyed() {
    let world = World::new().await;
    let id = world.authorized(2 * HOUR).await;
    world.clock.advance(2 * HOUR + Duration::from_secs(7));
    world.wake(id).await.unwrap();

    let connection = world.read(id).await;
    assert!(matches!(&connection.state, State::Registered(done) if done.segment.as_str() == "acme-boekhouding"));
    assert!(connection.pair.is_none() && connection.effect.is_none());
    assert_eq!(
        connection.wake_at,
        Some(later(world.clock.now(), 180 * DAY)),
        "to be retired"
    );
    assert!(!world.has_pair().await);
    assert_eq!(*lock(&world.registrar.inner.submitted), ["stampNL001.refresh-1"]);
    assert!(matches!(
        world.history(id).await.last(),
        Some(What::Registered {
            late_seconds: Some(7),
            ..
        })
    ));
    assert!(world.waits().is_empty());
}

#[tokio::test]
async fn what_is_sealed_with_the_secret_is_what_is_sent() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    world.wake(id).await.unwrap();
    // The plain part says evil.example.
    assert_eq!(
        *lock(&world.registrar.submitted),
        [(id, 1, "https://start.exactonline.nl/".to_owned())]
    );
}

#[tokio::test]
async fn a_refusal_for_good_destroys_a_spent_pair_and_keeps_an_unspent_one() {
    for (pair, kept) in [
        (PairFate::Spent, false),
        (PairFate::Unknown, false),
        (PairFate::Unspent, true),
    ] {
        let world = World::new().await;
        let id = world.authorized(Duration::ZERO).await;
        world.outcome(Outcome::Refused {
            reason: "the segment is taken".into(),
            pair,
        });
        world.wake(id).await.unwrap();
        assert_eq!(world.status(id).await, Status::Failed, "{pair:?}");
        assert_eq!(world.has_pair().await, kept, "{pair:?}");
    }
}

#[tokio::test]
async fn an_attempt_without_effect_comes_back_with_the_step_of_the_back_off() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    for _ in 0..2 {
        world.outcome(Outcome::NotSent {
            reason: "connection refused".into(),
            problem: Problem::ChannelUnavailable,
        });
    }
    world.wake(id).await.unwrap();
    assert_eq!(world.status(id).await, Status::Authorized);
    let first = world.waits();
    assert!(
        matches!(first.as_slice(), [wait] if (30..=37).contains(&wait.as_secs())),
        "{first:?}"
    );

    world.clock.advance(first[0]);
    world.work().await;
    let second = world.waits();
    assert!(
        matches!(second.as_slice(), [wait] if (120..=145).contains(&wait.as_secs())),
        "{second:?}"
    );

    world.clock.advance(second[0]);
    world.work().await;
    assert_eq!(world.status(id).await, Status::Registered);
    let attempts: Vec<_> = lock(&world.registrar.submitted)
        .iter()
        .map(|(_, attempt, _)| *attempt)
        .collect();
    assert_eq!(attempts, [1, 2, 3]);
}

#[tokio::test]
async fn an_attempt_without_an_answer_is_in_doubt_and_never_repeated() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    world.outcome(Outcome::Unanswered {
        reason: "no answer in 60 s".into(),
    });
    world.wake(id).await.unwrap();
    assert_eq!(world.status(id).await, Status::InDoubt);
    assert!(world.has_pair().await);
    for _ in 0..40 {
        world.clock.advance(DAY);
        world.wake(id).await.unwrap();
    }
    assert_eq!(world.submissions(), 1);
    assert_eq!(world.status(id).await, Status::InDoubt);
    assert!(!world.has_pair().await, "its life has ended");
}

#[tokio::test]
async fn two_workers_at_once_submit_once() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    let (one, other) = join!(world.wake(id), world.wake(id));
    one.unwrap();
    other.unwrap();
    assert_eq!(world.submissions(), 1);
    assert_eq!(world.status(id).await, Status::Registered);
    // The one that lost has sent at most a wake-up for the end of the other's lease: it finds nothing to do.
    world.clock.advance(HOUR);
    world.work().await;
    assert_eq!(world.submissions(), 1);
    assert!(world.waits().is_empty());
}

#[tokio::test]
async fn a_claim_that_is_lost_to_a_person_is_lost_quietly() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    // While the worker prepares, the OEM gives it up.
    let cancel = async {
        let by = handover_core::event::Actor::Person("dev".into());
        let asked = handover_core::event::Event::CancelAsked;
        world.desk().apply(id, &asked, &by, &Default::default()).await.unwrap();
    };
    let (woken, ()) = join!(world.wake(id), cancel);
    woken.unwrap();
    assert_eq!(world.submissions(), 0);
    assert_eq!(world.status(id).await, Status::Cancelled);
    assert!(world.waits().is_empty());
}

#[tokio::test]
async fn a_cancellation_during_the_attempt_waits_for_its_end() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    world.outcome(Outcome::NotSent {
        reason: "connection refused".into(),
        problem: Problem::ChannelUnavailable,
    });
    let barrier: &'static tokio::sync::Barrier = Box::leak(Box::new(tokio::sync::Barrier::new(2)));
    *lock(&world.registrar.barrier) = Some(barrier);
    let cancel = async {
        while world.submissions() == 0 {
            tokio::task::yield_now().await;
        }
        let by = handover_core::event::Actor::Person("dev".into());
        let asked = handover_core::event::Event::CancelAsked;
        world.desk().apply(id, &asked, &by, &Default::default()).await.unwrap();
        barrier.wait().await;
    };
    let (woken, ()) = join!(world.wake(id), cancel);
    woken.unwrap();
    assert_eq!(world.status(id).await, Status::Cancelled);
    assert!(!world.has_pair().await);
}

#[tokio::test]
async fn nothing_is_sent_that_does_not_fit_into_what_is_left() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    let before = world.read(id).await;
    // 120 s, of which the preparing takes 43: 60 for the request and 18 for storing are not left.
    *lock(&world.registrar.preparing) = Duration::from_secs(43);
    let error = world.wake(id).await.unwrap_err().to_string();
    assert!(error.contains("too little time is left"), "{error}");
    assert_eq!(world.submissions(), 0);
    assert_eq!(world.read(id).await, before, "untouched");

    *lock(&world.registrar.preparing) = Duration::from_secs(41);
    world.wake(id).await.unwrap();
    assert_eq!(world.status(id).await, Status::Registered);
}

#[tokio::test]
async fn a_request_that_never_fits_is_a_matter_for_the_oem() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    *lock(&world.registrar.limit) = Duration::from_secs(116);
    world.wake(id).await.unwrap();
    assert_eq!(world.submissions(), 0);
    let attention = world.read(id).await.attention.unwrap();
    assert_eq!(attention.problem, Problem::Configuration);
    assert!(
        attention.text.contains("116 s") && attention.text.contains("120 s"),
        "{}",
        attention.text
    );
}

#[tokio::test]
async fn a_lease_outlives_the_invocation() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    let barrier: &'static tokio::sync::Barrier = Box::leak(Box::new(tokio::sync::Barrier::new(2)));
    *lock(&world.registrar.barrier) = Some(barrier);
    let look = async {
        while world.submissions() == 0 {
            tokio::task::yield_now().await;
        }
        let connection = world.read(id).await;
        barrier.wait().await;
        connection
    };
    let (woken, during) = join!(world.wake(id), look);
    woken.unwrap();
    assert_eq!(during.state, State::Registering);
    assert_eq!(
        during.effect.unwrap().lease_ends_at,
        later(world.clock.now(), 3 * MINUTE)
    );
}

#[tokio::test]
async fn what_is_due_over_the_assisted_channel_is_put_before_a_person() {
    let world = World::new().await;
    let due = Due::AfterConsent { seconds: 60 };
    let id = world
        .consented(ChannelKind::Assisted, due, Some(crate::world::user()))
        .await;
    world.clock.advance(MINUTE);
    world.wake(id).await.unwrap();
    assert_eq!(world.status(id).await, Status::AwaitingOperator);
    assert!(lock(&world.vault.opened).is_empty(), "a secret was opened for nothing");
    assert_eq!(world.submissions(), 0);
}
