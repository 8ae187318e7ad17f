//! Several consents of one user.

use std::time::Duration;

use handover_core::{
    connection::{Cause, OpenLink, Problem, State, Status},
    event::{Event, What},
    ids::{ConnectionId, LinkHash},
    ports::{Clock, RefreshError, RefreshRefusal, Store},
    registration::{ChannelKind, Due, later},
};
use handover_simulation::{faulty::Fault, lock};

use crate::world::{DAY, HOUR, MINUTE, World, identity_key, user};

const SECOND: Duration = Duration::from_secs(1);
const SOON: Due = Due::AfterConsent { seconds: 60 };

/// Two connections of one user whose exchanges were under way at the same time; the second was sent later.
async fn contested() -> (World, ConnectionId, ConnectionId) {
    let world = World::new().await;
    let (one, one_link) = world.invited(ChannelKind::Http, SOON).await;
    let (two, two_link) = world.invited(ChannelKind::Http, SOON).await;
    let at = |seconds: u32| later(world.clock.now(), seconds * SECOND);
    let (sent, answered) = (at(0), at(10));
    let (sent_later, answered_sooner) = (at(5), at(6));
    world.clock.advance(10 * SECOND);
    world.consent(one, one_link, [sent, answered]).await;
    world.consent(two, two_link, [sent_later, answered_sooner]).await;
    world.identified(one, &user()).await;
    world.identified(two, &user()).await;
    // The second tells the first.
    world.wake(two).await.unwrap();
    for id in [one, two] {
        assert_eq!(world.read(id).await.attention.unwrap().problem, Problem::Contested);
    }
    (world, one, two)
}

/// What is due on either.
async fn pass(world: &World, ids: [ConnectionId; 2], minutes: u32) {
    for _ in 0..minutes {
        for id in ids {
            world.wake(id).await.unwrap();
        }
        world.clock.advance(MINUTE);
    }
}

/// So the next rotation learns.
fn next_chain_is_dead(world: &World) {
    lock(&world.platform.inner.refreshes).push_back(Err(RefreshError {
        refusal: RefreshRefusal::ChainBroken,
        problem: Problem::RotationFailed,
        reason: "the platform has ended it".into(),
    }));
}

async fn holder(world: &World) -> ConnectionId {
    world.store.identity(&identity_key()).await.unwrap().unwrap().connection
}

#[tokio::test]
async fn of_contested_chains_neither_is_registered_before_the_later_one_was_rotated() {
    let (world, one, two) = contested().await;
    pass(&world, [one, two], 9).await;
    assert_eq!((world.submissions(), world.presented().len()), (0, 0));
    pass(&world, [one, two], 5).await;
    // It lives: the other has ended.
    assert_eq!(world.status(two).await, Status::Registered);
    assert_eq!(
        world.read(one).await.state,
        State::Reauthorize(Cause::Superseded { by: Some(two) })
    );
    assert_eq!((world.submissions(), world.presented().len(), world.pairs()), (1, 1, 0));
}

#[tokio::test]
async fn where_the_later_one_is_dead_the_earlier_one_is_registered() {
    let (world, one, two) = contested().await;
    assert_eq!(holder(&world).await, two);
    next_chain_is_dead(&world);
    pass(&world, [one, two], 15).await;
    assert_eq!(world.status(one).await, Status::Registered);
    assert_eq!(world.status(two).await, Status::Reauthorize);
    assert_eq!((world.submissions(), holder(&world).await), (1, one));
}

#[tokio::test]
async fn a_consent_that_supersedes_a_registered_one_says_so_on_it() {
    let world = World::new().await;
    let due = Due::AfterConsent { seconds: 0 };
    let registered = world.consented(ChannelKind::Http, due, Some(user())).await;
    world.wake(registered).await.unwrap();
    assert_eq!(world.status(registered).await, Status::Registered);
    world.clock.advance(DAY);
    let due = Due::AfterConsent { seconds: 3_600 };
    let later = world.consented(ChannelKind::Http, due, Some(user())).await;
    world.wake(later).await.unwrap();
    // The alarm is raised by itself, and once.
    assert_eq!(world.read(registered).await.wake_at, Some(world.clock.now()));
    world.wake(registered).await.unwrap();
    assert!(!world.read(registered).await.cut_off().unwrap().to_alarm);
    assert!(world.read(registered).await.wake_at > Some(world.clock.now()));

    let State::Registered(done) = world.read(registered).await.state else {
        panic!("it stays registered")
    };
    assert_eq!(done.superseded_by, Some(later));
    let attention = world.read(registered).await.attention.unwrap();
    assert_eq!(attention.problem, Problem::AuthorisationLost);
    assert!(matches!(
        world.history(registered).await.last(),
        Some(What::AuthorisationLost { by, .. }) if *by == later
    ));
    assert!(world.read(later).await.to_tell.is_empty(), "told once");
    world.pass(later, HOUR).await;
    assert_eq!(world.status(later).await, Status::Registered);
}

#[tokio::test]
async fn one_that_cannot_be_told_holds_nothing_up_and_is_told_later() {
    let world = World::new().await;
    let due = Due::AfterConsent { seconds: 0 };
    let registered = world.consented(ChannelKind::Http, due, Some(user())).await;
    world.wake(registered).await.unwrap();
    world.clock.advance(DAY);
    let due = Due::AfterConsent { seconds: 3_600 };
    let later = world.consented(ChannelKind::Http, due, Some(user())).await;
    lock(&world.store.rejected).insert(registered);
    world.wake(later).await.unwrap_err();
    world.clock.advance(HOUR);
    world.wake(later).await.unwrap();
    assert_eq!(world.status(later).await, Status::Registered);
    lock(&world.store.rejected).clear();
    world.wake(later).await.unwrap();
    assert!(world.read(registered).await.cut_off().is_some());
}

#[tokio::test]
async fn a_consent_that_supersedes_a_pending_one_ends_it() {
    let world = World::new().await;
    let due = Due::AfterConsent { seconds: 3_600 };
    let pending = world.consented(ChannelKind::Http, due, Some(user())).await;
    world.clock.advance(MINUTE);
    let later = world.consented(ChannelKind::Http, due, Some(user())).await;
    world.wake(later).await.unwrap();
    assert_eq!(
        world.read(pending).await.state,
        State::Reauthorize(Cause::Superseded { by: Some(later) })
    );
    assert_eq!(world.pairs(), 1);
    world.pass(pending, DAY).await;
    world.wake(later).await.unwrap();
    assert_eq!(
        (world.submissions(), world.status(later).await),
        (1, Status::Registered)
    );
}

#[tokio::test]
async fn telling_goes_on_where_it_broke_off() {
    for calls in 0.. {
        let world = World::new().await;
        let due = Due::AfterConsent { seconds: 3_600 };
        let pending = world.consented(ChannelKind::Http, due, Some(user())).await;
        world.clock.advance(MINUTE);
        let later = world.consented(ChannelKind::Http, due, Some(user())).await;
        world.fate.dies_after(calls);
        let lived = world.fate.run(world.wake(later)).await.is_some();
        world.fate.lives();
        world.wake(later).await.unwrap();
        assert_eq!(world.status(pending).await, Status::Reauthorize, "after {calls} calls");
        assert!(world.read(later).await.to_tell.is_empty());
        let superseded = |what: &What| matches!(what, What::Superseded { .. });
        assert_eq!(world.history(pending).await.into_iter().filter(superseded).count(), 1);
        if lived {
            assert!(calls > 3, "only {calls} places to die at");
            break;
        }
    }
}

/// The place was taken between the look at it and the claim.
#[tokio::test]
async fn a_claim_that_others_stand_in_the_way_of_comes_back_in_a_minute_and_does_not_spin() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    lock(&world.store.writes).push_back(Fault::Conflict);
    world.wake(id).await.unwrap();
    assert_eq!(world.submissions(), 0);
    assert_eq!(world.waits(), [MINUTE]);
    world.clock.advance(MINUTE);
    world.work().await;
    assert_eq!(world.status(id).await, Status::Registered);
}

/// A consent of which nobody here knew whose it was until its own was due: its place is looked at before the claim.
#[tokio::test]
async fn a_place_that_was_taken_meanwhile_is_noticed_before_the_claim() {
    let world = World::new().await;
    let due = Due::AfterConsent { seconds: 3_600 };
    let earlier = world.consented(ChannelKind::Http, due, Some(user())).await;
    world.clock.advance(MINUTE);
    let later = world.consented(ChannelKind::Http, due, Some(user())).await;
    // Not told yet: the later one has not been looked at.
    world.clock.advance(HOUR);
    world.wake(earlier).await.unwrap();
    assert_eq!(world.submissions(), 0);
    assert_eq!(
        world.read(earlier).await.state,
        State::Reauthorize(Cause::Superseded { by: Some(later) })
    );
    world.wake(later).await.unwrap();
    assert_eq!(world.status(later).await, Status::Registered);
}

/// The later of two contested chains is replaced by a newer consent on its own connection before it could settle
/// anything: what it gives up is its own place, not that of the newer chain, which has ended both.
#[tokio::test]
async fn the_place_of_a_newer_chain_is_not_given_away_with_the_contested_one() {
    let (world, one, two) = contested().await;
    world.clock.advance(MINUTE);
    let link = OpenLink {
        hash: LinkHash::from_digest(&[7; 32]),
        expires_at: later(world.clock.now(), DAY),
    };
    world.ask(two, Event::LinkOpened(link.clone())).await;
    let now = world.clock.now();
    world.consent(two, link.hash, [now, now]).await;
    world.identified(two, &user()).await;
    let newest = world.read(two).await.chain.unwrap().authorisation;
    world.wake(two).await.unwrap();
    let held = world.store.identity(&identity_key()).await.unwrap().unwrap();
    assert_eq!((held.connection, held.authorisation), (two, newest));
    // A person who tries the earlier one all the same learns that it is dead.
    assert_eq!(world.status(one).await, Status::Failed);
    world.ask(one, Event::RetryAsked).await;
    world.pass(one, HOUR).await;
    assert_eq!(
        world.read(one).await.state,
        State::Reauthorize(Cause::Superseded { by: Some(two) })
    );
    world.pass(two, HOUR).await;
    assert_eq!((world.submissions(), world.status(two).await), (1, Status::Registered));
}

/// The earlier of two contested chains was registered before the later one was known, and it lives: whoever consents next
/// has to find its place, not that of the dead one.
#[tokio::test]
async fn the_place_comes_back_to_a_registered_database_whose_rival_is_dead() {
    let world = World::new().await;
    let (one, one_link) = world.invited(ChannelKind::Http, SOON).await;
    let (two, two_link) = world.invited(ChannelKind::Http, SOON).await;
    let at = |seconds: u32| later(world.clock.now(), seconds * SECOND);
    let times = [[at(0), at(10)], [at(5), at(6)]];
    world.clock.advance(10 * SECOND);
    world.consent(one, one_link, times[0]).await;
    world.consent(two, two_link, times[1]).await;
    world.identified(one, &user()).await;
    world.clock.advance(MINUTE);
    world.wake(one).await.unwrap();
    assert_eq!(world.status(one).await, Status::Registered);
    world.identified(two, &user()).await;
    assert_eq!(holder(&world).await, two);
    next_chain_is_dead(&world);
    pass(&world, [two, one], 15).await;
    assert_eq!(world.status(two).await, Status::Reauthorize);
    assert_eq!((holder(&world).await, world.read(one).await.cut_off()), (one, None));

    let next = world.consented(ChannelKind::Http, SOON, Some(user())).await;
    world.wake(next).await.unwrap();
    assert_eq!(world.read(one).await.cut_off().unwrap().superseded_by, Some(next));
}

/// Somebody may use the earlier one all the same: its place was given back to it.
#[tokio::test]
async fn a_contest_that_can_never_be_settled_is_put_before_a_person() {
    let (world, one, two) = contested().await;
    world.ask(two, Event::CancelAsked).await;
    pass(&world, [two, one], 2).await;
    assert_eq!(world.status(one).await, Status::Failed);
    assert_eq!(world.read(one).await.attention.unwrap().problem, Problem::PairUncertain);
    assert_eq!((world.submissions(), world.pairs()), (0, 1));
    world.ask(one, Event::RetryAsked).await;
    pass(&world, [one, two], 2).await;
    assert_eq!((world.submissions(), world.status(one).await), (1, Status::Registered));
}
