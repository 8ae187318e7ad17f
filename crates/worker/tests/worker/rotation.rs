//! Rotations: the token is presented once, and once more where nobody knows what became of it.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use futures::join;
use handover_core::{
    connection::{Cause, Problem, State, Status},
    event::What,
    ids::ConnectionId,
    ports::{Clock, Place, RefreshError, RefreshRefusal},
    registration::later,
};
use handover_simulation::{faulty::Fault, lock};
use handover_worker::WakeError;
use jiff::Timestamp;

use crate::world::{APPLICATION, DAY, HOUR, MINUTE, World};

/// A connection whose pair is to be renewed now: three days before its end, with the registration still to come.
pub async fn renewing() -> (World, ConnectionId) {
    let mut world = World::new().await;
    // Not at the very same moment, so that the next write is the claim.
    world.upkeep.warn_days = vec![7, 1];
    let id = world.authorized(40 * DAY).await;
    world.pass(id, 27 * DAY - Duration::from_secs(1)).await;
    assert!(world.presented().is_empty());
    world.clock.advance(Duration::from_secs(1));
    (world, id)
}

fn answers(world: &World, refusals: impl IntoIterator<Item = RefreshRefusal>) {
    let errors = refusals.into_iter().map(|refusal| {
        Err(RefreshError {
            refusal,
            problem: Problem::PlatformUnavailable,
            reason: "the platform said so".into(),
        })
    });
    lock(&world.platform.inner.refreshes).extend(errors);
}

async fn recoveries(world: &World, id: ConnectionId) -> usize {
    let recovery = |what: &What| matches!(what, What::RotationBegan { recovers: Some(_), .. });
    world.history(id).await.into_iter().filter(recovery).count()
}

#[tokio::test]
async fn a_pair_is_renewed_three_days_before_its_end_and_registered_on_day_forty() {
    let (world, id) = renewing().await;
    let before = world.pair_place(id).await;
    world.wake(id).await.unwrap();

    assert_eq!(world.presented(), ["stampNL001.refresh-1"]);
    let pair = world.read(id).await.pair.unwrap();
    assert_eq!(pair.key.generation, 2);
    assert_eq!(pair.refresh_ends_at, later(world.clock.now(), 30 * DAY));
    assert_eq!(world.refresh_token(id).await, "stampNL001.refresh-2");
    assert!(!world.store.inner.sealed_places().contains(&before), "the old one goes");
    assert_eq!(world.pairs(), 1);

    world.pass(id, 13 * DAY).await;
    assert_eq!(world.status(id).await, Status::Registered);
    assert_eq!(*lock(&world.registrar.inner.submitted), ["stampNL001.refresh-2"]);
    assert_eq!(world.presented().len(), 1);
}

#[tokio::test]
async fn where_renewing_is_switched_off_the_pair_ends_and_the_oem_is_told() {
    let mut world = World::new().await;
    world.upkeep.renew_days = None;
    let id = world.authorized(29 * DAY).await;
    let obstacle = Place::Application(APPLICATION.parse().unwrap());
    world.store.inner.tamper(&obstacle, None);
    world.pass(id, 31 * DAY).await;
    assert!(world.presented().is_empty());
    assert_eq!(world.read(id).await.state, State::Reauthorize(Cause::Expired));
    let history = world.history(id).await;
    let warned = history.iter().filter(|what| matches!(what, What::Expiring { .. }));
    assert_eq!(warned.count(), 3);
}

#[tokio::test]
async fn two_workers_at_once_present_the_token_once() {
    let (world, id) = renewing().await;
    let (one, other) = join!(world.wake(id), world.wake(id));
    one.unwrap();
    other.unwrap();
    assert_eq!(world.presented().len(), 1);
    assert_eq!(world.read(id).await.pair.unwrap().key.generation, 2);
}

#[tokio::test]
async fn the_platform_is_given_a_minute_at_least() {
    let (world, id) = renewing().await;
    world.wake(id).await.unwrap();
    assert_eq!(*lock(&world.platform.refresh_limits), [Duration::from_secs(75)]);

    let (mut world, id) = renewing().await;
    world.timeout = Duration::from_secs(84);
    world.wake(id).await.unwrap();
    assert_eq!(*lock(&world.platform.refresh_limits), [Duration::from_secs(60)]);

    let (mut world, id) = renewing().await;
    world.timeout = Duration::from_secs(77);
    let before = world.read(id).await;
    assert!(matches!(world.wake(id).await, Err(WakeError::NoTime { .. })));
    assert!(world.presented().is_empty());
    assert_eq!(world.read(id).await, before, "untouched");
}

#[tokio::test]
async fn a_claim_that_takes_too_long_presents_nothing_and_leaves_the_pair_unharmed() {
    let (world, id) = renewing().await;
    let slow = async {
        while world.read(id).await.effect.is_none() {
            tokio::task::yield_now().await;
        }
        world.clock.advance(MINUTE);
    };
    let (woken, ()) = join!(world.wake(id), slow);
    woken.unwrap();
    assert!(world.presented().is_empty());
    let pair = world.read(id).await.pair.unwrap();
    assert!(pair.open_intent.is_none());
    world.pass(id, HOUR).await;
    assert_eq!((world.presented().len(), recoveries(&world, id).await), (1, 0));
}

#[tokio::test]
async fn a_claim_of_which_nobody_knows_is_taken_back_and_nothing_is_presented() {
    for fault in [Fault::Before, Fault::After] {
        let (world, id) = renewing().await;
        lock(&world.store.writes).push_back(fault);
        let woken = world.wake(id).await;
        assert_eq!(woken.is_ok(), fault == Fault::After, "{woken:?}");
        assert!(world.presented().is_empty());
        let connection = world.read(id).await;
        assert!(connection.effect.is_none() && connection.pair.unwrap().open_intent.is_none());
        world.pass(id, HOUR).await;
        assert_eq!((world.presented().len(), recoveries(&world, id).await), (1, 0));
    }
}

#[tokio::test]
async fn an_unclear_answer_is_recovered_once_and_then_the_pair_is_lost() {
    let (world, id) = renewing().await;
    answers(&world, [RefreshRefusal::Unclear; 5]);
    world.wake(id).await.unwrap();
    assert!(world.read(id).await.pair.unwrap().open_intent.is_some());
    world.pass(id, 59 * MINUTE).await;
    assert_eq!(
        world.presented().len(),
        1,
        "the platform is in trouble, and the pair has time"
    );
    world.pass(id, 3 * DAY).await;
    assert_eq!(world.presented(), ["stampNL001.refresh-1"; 2]);
    assert_eq!(recoveries(&world, id).await, 1);
    assert_eq!(
        world.read(id).await.state,
        State::Reauthorize(Cause::Lost { generation: 1 })
    );
    assert_eq!(world.pairs(), 0);
}

#[tokio::test]
async fn an_unclear_answer_whose_recovery_brings_a_pair_costs_nothing() {
    let (world, id) = renewing().await;
    answers(&world, [RefreshRefusal::Unclear]);
    world.wake(id).await.unwrap();
    world.pass(id, 13 * DAY).await;
    assert_eq!(world.status(id).await, Status::Registered);
    assert_eq!(world.presented(), ["stampNL001.refresh-1"; 2]);
    assert_eq!(*lock(&world.registrar.inner.submitted), ["stampNL001.refresh-3"]);
}

/// The process dies while the platform answers: the lease ends, whatever was rescued has time to come home, and the old
/// token is presented once more.
#[tokio::test]
async fn a_rotation_that_never_reported_back_is_recovered_after_the_lease_and_the_rescue() {
    let (world, id) = renewing().await;
    world.platform.refresh_panics.store(true, SeqCst);
    let bodies = [crate::batch::pointer(id)];
    let answer = world.worker().handle(crate::batch::event(&bodies)).await;
    assert_eq!(answer.batch_item_failures.len(), 1);
    world.platform.refresh_panics.store(false, SeqCst);
    let sent = world.clock.now();
    let lease_ends_at = world.read(id).await.effect.unwrap().lease_ends_at;
    assert_eq!(lease_ends_at, later(sent, 3 * MINUTE));
    world.pass(id, 18 * MINUTE - Duration::from_secs(1)).await;
    assert!(world.presented().is_empty());
    world.pass(id, Duration::from_secs(1)).await;
    assert_eq!((world.presented().len(), recoveries(&world, id).await), (1, 1));
    assert_eq!(
        world.read(id).await.pair.unwrap().key.generation,
        3,
        "each has a place of its own"
    );
}

fn most_in_an_hour(times: &[Timestamp]) -> usize {
    let within = |from: &Timestamp| {
        let until = later(*from, HOUR);
        times.iter().filter(|at| (*from..until).contains(*at)).count()
    };
    times.iter().map(within).max().unwrap_or_default()
}

#[tokio::test]
async fn what_leaves_the_pair_unharmed_never_condemns_it_and_respects_the_platforms_budgets() {
    let (world, id) = renewing().await;
    answers(&world, [RefreshRefusal::Unharmed; 100]);
    let mut times = Vec::new();
    for _ in 0..(2 * 24 * 60) {
        let before = world.presented().len();
        world.wake(id).await.unwrap();
        times.extend((before..world.presented().len()).map(|_| world.clock.now()));
        world.clock.advance(MINUTE);
    }
    assert!(times.len() > 3, "it is tried again: {times:?}");
    assert!(most_in_an_hour(&times) <= 6, "{times:?}");
    assert_eq!(world.status(id).await, Status::Authorized);
    assert_eq!((world.pairs(), recoveries(&world, id).await), (1, 0));
    let attention = world.read(id).await.attention.unwrap();
    assert_eq!(attention.problem, Problem::PlatformUnavailable);

    lock(&world.platform.inner.refreshes).clear();
    world.pass(id, DAY).await;
    let connection = world.read(id).await;
    assert!(connection.pair.unwrap().key.generation > 2 && connection.attention.is_none());
}

#[tokio::test]
async fn a_refusal_for_good_at_the_first_presentation_is_believed() {
    for (refusal, cause) in [
        (RefreshRefusal::Used, Cause::Revoked),
        (RefreshRefusal::ChainBroken, Cause::Superseded { by: None }),
        (RefreshRefusal::Expired, Cause::Expired),
    ] {
        let (world, id) = renewing().await;
        answers(&world, [refusal]);
        world.wake(id).await.unwrap();
        assert_eq!(world.read(id).await.state, State::Reauthorize(cause));
        assert_eq!((world.presented().len(), world.pairs()), (1, 0));
        world.pass(id, 20 * DAY).await;
        assert_eq!(world.presented().len(), 1);
    }
}

#[tokio::test]
async fn a_refusal_is_recorded_whatever_the_table_does() {
    let (world, id) = renewing().await;
    answers(&world, [RefreshRefusal::Used]);
    let faults = [
        vec![Fault::None],
        vec![Fault::Before; 30],
        vec![Fault::Conflict, Fault::After],
    ]
    .concat();
    lock(&world.store.writes).extend(faults);
    world.wake(id).await.unwrap();
    assert_eq!(world.read(id).await.state, State::Reauthorize(Cause::Revoked));
    let lost = |what: &What| matches!(what, What::PairLost { .. });
    assert_eq!(world.history(id).await.into_iter().filter(lost).count(), 1);
}

#[tokio::test]
async fn what_stands_in_the_way_presents_nothing_and_does_not_put_off_the_registration() {
    let (world, id) = renewing().await;
    let application = Place::Application(APPLICATION.parse().unwrap());
    world.store.inner.tamper(&application, None);
    world.wake(id).await.unwrap();
    let connection = world.read(id).await;
    assert!(connection.effect.is_none() && connection.retry_at.is_none());
    assert_eq!(connection.attention.unwrap().problem, Problem::Configuration);
    let waits = world.waits();
    assert!(
        matches!(waits.as_slice(), [wait] if (600..=720).contains(&wait.as_secs())),
        "{waits:?}"
    );
    world.pass(id, DAY).await;
    let noted = |what: &What| matches!(what, What::NotReady { .. });
    let times = world.history(id).await.into_iter().filter(noted).count();
    assert!((3..=5).contains(&times), "{times}");
    assert!(world.presented().is_empty());

    world.store_application().await;
    world.pass(id, DAY).await;
    assert_eq!(world.read(id).await.pair.unwrap().key.generation, 2);
}

#[tokio::test]
async fn without_kms_nothing_is_claimed() {
    for opening in [true, false] {
        let (world, id) = renewing().await;
        let missing = if opening {
            &world.vault.no_opening
        } else {
            &world.vault.no_keys
        };
        missing.store(true, SeqCst);
        let before = world.read(id).await;
        assert!(matches!(world.wake(id).await, Err(WakeError::Vault(_))));
        assert_eq!(world.read(id).await, before, "untouched");
        missing.store(false, SeqCst);
        world.wake(id).await.unwrap();
        assert_eq!(world.presented().len(), 1);
    }
}

#[tokio::test]
async fn who_consented_is_asked_again_with_the_new_access_token() {
    let world = World::new().await;
    let due = handover_core::registration::Due::AfterConsent {
        seconds: 40 * 24 * 3_600,
    };
    let id = world
        .consented(handover_core::registration::ChannelKind::Http, due, None)
        .await;
    let misses = || Err(handover_core::ports::MeError { reason: "503".into() });
    lock(&world.platform.inner.identities).extend((0..4).map(|_| misses()));
    world.pass(id, 26 * DAY).await;
    assert_eq!(world.read(id).await.identity, None);
    assert!(
        lock(&world.platform.inner.identities).is_empty(),
        "asked while its first access token lived"
    );
    world.pass(id, 2 * DAY).await;
    assert!(world.read(id).await.identity.is_some());
}
