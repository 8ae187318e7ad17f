//! Several consents of one user.

use std::time::Duration;

use handover_core::{
    connection::{Cause, OpenLink, Problem, State, Status},
    event::{Actor, Event, What},
    ids::{ConnectionId, LinkHash},
    ports::{Clock, RefreshError, RefreshRefusal, Store},
    registration::{ChannelKind, Due, later},
};
use handover_simulation::{faulty::Fault, lock};

use crate::world::{DAY, HOUR, MINUTE, World, identity_key, user};

const SECOND: Duration = Duration::from_secs(1);
const SOON: Due = Due::AfterConsent { seconds: 60 };

/// Connections of one user, whose exchanges were sent and answered so many seconds from the start. Of none is known yet
/// whose it is.
async fn consented<const N: usize>(due: Due, exchanges: [[u32; 2]; N]) -> (World, [ConnectionId; N]) {
    let world = World::new().await;
    let mut invited = Vec::new();
    for times in exchanges {
        let (id, link) = world.invited(ChannelKind::Http, due).await;
        invited.push((
            id,
            link,
            times.map(|seconds| later(world.clock.now(), seconds * SECOND)),
        ));
    }
    let last = exchanges.iter().flatten().max().unwrap();
    world.clock.advance(*last * SECOND);
    for (id, link, times) in &invited {
        world.consent(*id, link.clone(), *times).await;
    }
    (world, std::array::from_fn(|index| invited[index].0))
}

/// Two whose exchanges were under way at the same time; the second was sent later.
async fn overlapping() -> (World, ConnectionId, ConnectionId) {
    let (world, [one, two]) = consented(SOON, [[0, 10], [5, 6]]).await;
    (world, one, two)
}

/// … and now it is.
async fn contested() -> (World, ConnectionId, ConnectionId) {
    let (world, one, two) = overlapping().await;
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

/// A process that stood still in between comes with a word that another one has told since, and what followed it.
#[tokio::test]
async fn an_old_word_that_comes_late_does_not_begin_the_contest_anew() {
    let (world, one, two) = overlapping().await;
    world.identified(one, &user()).await;
    world.identified(two, &user()).await;
    let stood_still = world.read(two).await;
    assert_eq!(stood_still.to_tell.len(), 1);
    next_chain_is_dead(&world);
    world.pass(two, 15 * MINUTE).await;
    assert_eq!(world.status(two).await, Status::Reauthorize);
    assert!(world.read(one).await.contests.is_empty());
    let _ = world.desk().tell(&stood_still, &Actor::Worker).await;
    assert!(world.read(one).await.contests.is_empty());
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
    let (world, one, two) = overlapping().await;
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

/// Whoever becomes known last takes the place until the other has been told.
#[tokio::test]
async fn the_later_of_two_contested_chains_gets_the_place_though_it_was_known_first() {
    let (world, one, two) = overlapping().await;
    world.identified(two, &user()).await;
    world.identified(one, &user()).await;
    assert_eq!(holder(&world).await, one);
    world.wake(one).await.unwrap();
    assert_eq!(holder(&world).await, two);
}

/// Whoever consents next has to find the one that may still have its authorisation.
#[tokio::test]
async fn a_registered_database_keeps_its_place_where_nobody_can_settle_the_contest() {
    let (world, one, two) = overlapping().await;
    world.identified(two, &user()).await;
    world.clock.advance(MINUTE);
    world.wake(two).await.unwrap();
    assert_eq!(world.status(two).await, Status::Registered);
    world.identified(one, &user()).await;
    pass(&world, [one, two], 2).await;
    assert_eq!((world.status(one).await, holder(&world).await), (Status::Failed, two));
}

/// The earlier one was looked at before it had heard of the contest, and has taken the place once more.
#[tokio::test]
async fn the_chain_that_lives_gets_its_place_back_from_the_one_that_it_has_ended() {
    let (world, one, two) = overlapping().await;
    world.identified(one, &user()).await;
    world.identified(two, &user()).await;
    world.clock.advance(MINUTE);
    world.wake(one).await.unwrap();
    assert_eq!((world.submissions(), holder(&world).await), (0, one));
    pass(&world, [two, one], 15).await;
    assert_eq!(world.status(one).await, Status::Reauthorize);
    assert_eq!(
        (world.status(two).await, holder(&world).await),
        (Status::Registered, two)
    );
}

/// The first one's exchange took so long that it met two others, the later of which is known last.
async fn of_three() -> (World, [ConnectionId; 3]) {
    let (world, [one, two, three]) = consented(SOON, [[0, 50], [5, 6], [20, 21]]).await;
    world.identified(two, &user()).await;
    world.identified(one, &user()).await;
    world.wake(one).await.unwrap();
    world.identified(three, &user()).await;
    world.wake(three).await.unwrap();
    assert_eq!(
        world.read(two).await.state,
        State::Reauthorize(Cause::Superseded { by: Some(three) })
    );
    (world, [one, two, three])
}

#[tokio::test]
async fn of_three_the_second_being_ended_does_not_end_the_first() {
    let (world, [one, two, three]) = of_three().await;
    world.wake(two).await.unwrap();
    // Exact took the first one's code last.
    next_chain_is_dead(&world);
    pass(&world, [one, three], 15).await;
    assert_eq!(world.status(three).await, Status::Reauthorize);
    assert_eq!(
        (world.status(one).await, holder(&world).await),
        (Status::Registered, one)
    );
}

#[tokio::test]
async fn how_the_first_stands_to_the_third_is_found_out_wherever_the_teller_dies() {
    for calls in 0.. {
        let (world, [one, two, three]) = of_three().await;
        world.fate.dies_after(calls);
        let lived = world.fate.run(world.wake(two)).await.is_some();
        world.fate.lives();
        world.wake(two).await.unwrap();
        let contests = world.read(one).await.contests;
        let with: Vec<_> = contests.into_iter().map(|contest| contest.with.connection).collect();
        assert_eq!(with, [three], "after {calls} calls");
        if lived {
            assert!(calls > 5, "only {calls} places to die at");
            break;
        }
    }
}

/// The first one was looked at once more, and holds the place, when it hears of the second that the third has ended both.
#[tokio::test]
async fn whoever_passes_on_that_a_third_chain_lives_gets_no_place_for_that() {
    let due = Due::AfterConsent { seconds: 3_600 };
    let (world, [one, two, three]) = consented(due, [[0, 60], [5, 40], [10, 50]]).await;
    world.identified(one, &user()).await;
    world.identified(two, &user()).await;
    world.wake(two).await.unwrap();
    world.identified(three, &user()).await;
    world.wake(three).await.unwrap();
    world.identified(one, &user()).await;
    world.pass(three, 15 * MINUTE).await;
    world.wake(two).await.unwrap();
    for id in [one, two] {
        let ended = State::Reauthorize(Cause::Superseded { by: Some(three) });
        assert_eq!(world.read(id).await.state, ended);
    }
    assert_eq!(holder(&world).await, one, "it has not told the third one yet");
    world.wake(one).await.unwrap();
    assert_eq!(holder(&world).await, three);
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
