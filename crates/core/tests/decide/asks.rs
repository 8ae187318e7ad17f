//! What people ask for, and what is heard late.

use std::time::Duration;

use handover_core::{
    agenda::{self, Step, Task},
    connection::{Problem, Status},
    decide::{Why, decide},
    event::{Actor, Event, What},
    registration::{ChannelKind, Due},
};

use crate::{
    moves::{Heard, How, Move, Place},
    world::World,
};

const BEGIN: Move = Move::Begin {
    person: false,
    look_up: false,
    unknown: false,
};

#[test]
fn another_time_that_is_still_to_come_starts_anew() {
    let mut world = World::authorized(ChannelKind::Http, 0, 600);
    world.play(&Move::Obstruct(Problem::Configuration));
    let retry_at = world.connection.retry_at;
    assert!(retry_at.is_some());
    assert_eq!(world.play(&Move::Reschedule(0)), None);
    assert_eq!(world.connection.retry_at, retry_at, "due already: the back-off holds");
    assert_eq!(world.play(&Move::Reschedule(60)), None);
    assert_eq!(world.connection.retry_at, None);

    let mut world = World::authorized(ChannelKind::Assisted, 0, 600);
    world.play(&Move::Wake);
    assert_eq!(world.status(), Status::AwaitingOperator);
    world.play(&Move::Reschedule(0));
    assert_eq!(world.status(), Status::AwaitingOperator, "still due");
    world.play(&Move::Reschedule(1));
    assert_eq!(world.status(), Status::Authorized);
}

#[test]
fn a_retry_is_for_what_was_put_off_or_failed() {
    let mut world = World::new(ChannelKind::Http, Due::AfterConsent { seconds: 0 });
    assert_eq!(world.play(&Move::Retry), Some(Why::NoPair));
    world.consent(600);
    let due_at = world.connection.due_at().unwrap();
    assert_eq!(world.play(&Move::Retry), Some(Why::NotDue { at: due_at }));
    world.play(&Move::Obstruct(Problem::Configuration));
    assert!(world.connection.retry_at.is_some() && world.connection.retries == 1);
    assert_eq!(world.play(&Move::Retry), None);
    assert_eq!((world.connection.retry_at, world.connection.retries), (None, 0));
    world.play(&BEGIN);
    world.play(&Move::End {
        which: 0,
        how: How::RefusedUnspent,
    });
    assert_eq!(world.status(), Status::Failed);
    assert_eq!(world.play(&Move::Retry), None);
    assert_eq!(world.status(), Status::Authorized);
}

#[test]
fn with_renewal_off_only_a_time_is_taken_that_the_pair_reaches() {
    let asked = |world: &World, due| {
        decide(
            &world.connection,
            Event::RescheduleAsked(due),
            &Actor::Worker,
            world.now,
        )
    };
    let why = |world: &World, due| asked(world, due).map_err(|refused| refused.why).map(drop);
    let second = Duration::from_secs(1);
    let mut world = World::renewing(ChannelKind::Http, Due::AfterConsent { seconds: 0 }, None).unwrap();

    // Before the consent: what one given at the last moment reaches.
    let link_ends_at = world.connection.link.as_ref().unwrap().expires_at;
    let ends_at = link_ends_at + world.connection.lifetimes.refresh();
    assert_eq!(why(&world, Due::At(ends_at)), Err(Why::Unreachable { ends_at }));
    assert_eq!(why(&world, Due::At(ends_at - second)), Ok(()));

    // After it: what this pair reaches.
    world.consent(600);
    let ends_at = world.connection.pair.as_ref().unwrap().refresh_ends_at;
    assert_eq!(why(&world, Due::At(ends_at)), Err(Why::Unreachable { ends_at }));
    assert_eq!(why(&world, Due::At(ends_at - second)), Ok(()));

    // A rotation, for a fresh access token say, has lengthened its life.
    let day = Duration::from_secs(86_400);
    world.connection.pair.as_mut().unwrap().refresh_ends_at = ends_at + 20 * day;
    assert_eq!(why(&world, Due::AfterConsent { seconds: 40 * 86_400 }), Ok(()));

    let mut renewing = World::new(ChannelKind::Http, Due::AfterConsent { seconds: 0 });
    renewing.consent(600);
    assert_eq!(why(&renewing, Due::At(ends_at)), Ok(()));
}

#[test]
fn what_is_for_a_person_is_not_begun_by_the_worker() {
    let mut world = World::authorized(ChannelKind::Assisted, 0, 600);
    world.play(&Move::Wake);
    assert_eq!(world.play(&BEGIN), Some(Why::ForAPerson));
}

#[test]
fn an_obstacle_puts_off_what_was_to_be_done() {
    let mut registering = World::authorized(ChannelKind::Http, 0, 600);
    registering.play(&Move::Obstruct(Problem::Configuration));
    assert!(registering.connection.retry_at.is_some());

    let mut renewing = World::authorized(ChannelKind::Http, 40 * 86_400, 600);
    let rotates = |world: &World| agenda::step(&world.connection, world.now) == Step::Perform(Task::Rotate);
    while !rotates(&renewing) {
        match agenda::step(&renewing.connection, renewing.now) {
            Step::Rest(at) => renewing.now = at.unwrap(),
            _ => assert_eq!(renewing.play(&Move::Wake), None),
        }
    }
    renewing.play(&Move::Obstruct(Problem::Configuration));
    assert!(!rotates(&renewing), "it comes back later");
    assert_eq!(
        renewing.connection.retry_at, None,
        "the registration was not in its way"
    );
}

#[test]
fn a_registration_that_was_not_sent_says_when_it_comes_back() {
    let mut world = World::authorized(ChannelKind::Http, 0, 600);
    world.play(&BEGIN);
    world.play(&Move::End {
        which: 0,
        how: How::NotSent,
    });
    let comes_back = world.records.iter().find_map(|record| match record.what {
        What::AttemptPutOff { retry_at, .. } => Some(retry_at),
        _ => None,
    });
    assert!(comes_back.is_some_and(|at| at > world.now));
    assert_eq!(comes_back, world.connection.retry_at);
}

/// A person took the first attempt for failed; it was not, and that is heard during the second one.
fn heard_late() -> World {
    let mut world = World::authorized(ChannelKind::Http, 0, 600);
    world.play(&BEGIN);
    world.play(&Move::End {
        which: 0,
        how: How::Unanswered,
    });
    world.play(&Move::Settle {
        registered: false,
        unspent: true,
    });
    world.play(&Move::Retry);
    assert_eq!(world.play(&BEGIN), None);
    world.play(&Move::End {
        which: 1,
        how: How::Registered,
    });
    assert_eq!(world.status(), Status::Registering, "the second one is under way");
    world
}

#[test]
fn a_success_that_is_heard_late_ends_the_next_attempt() {
    for how in [How::NotSent, How::RefusedUnspent, How::Unanswered] {
        let mut world = heard_late();
        world.play(&Move::End { which: 0, how });
        assert_eq!(world.status(), Status::Registered, "{how:?}");
    }
    let mut world = heard_late();
    world.now = world.connection.effect.as_ref().unwrap().lease_ends_at;
    world.play(&Move::Wake);
    assert_eq!(world.status(), Status::Registered, "never heard of");
}

#[test]
fn news_of_a_chain_that_a_newer_consent_has_replaced_do_not_touch_the_newer() {
    let mut world = World::authorized(ChannelKind::Http, 3_600, 600);
    world.play(&Move::OpenLink);
    world.play(&Move::Wait(5));
    world.consent(600);
    let before = world.connection.clone();
    let hear = |told| Move::Hear { of: 1, told, by: 0 };
    for told in [
        Heard::Superseded { by_rotation: false },
        Heard::Released,
        Heard::Overtaken,
        Heard::Unsettled,
    ] {
        assert_eq!(world.play(&hear(told)), Some(Why::NothingToDo), "{told:?}");
    }
    assert_eq!(world.connection, before);
    let contested = |ours_is_later| hear(Heard::Contested { ours_is_later });
    assert_eq!(world.play(&contested(false)), Some(Why::NothingToDo));
    // The other one waits for a word of the later chain.
    assert_eq!(world.play(&contested(true)), None);
    assert!(world.connection.contests.is_empty() && world.connection.to_tell.len() == 1);
    assert_eq!(world.status(), Status::Authorized);
}

const SUPERSEDED: [Move; 2] = [
    Move::Hear {
        of: 0,
        told: Heard::Superseded { by_rotation: false },
        by: 0,
    },
    Move::Hear {
        of: 0,
        told: Heard::Superseded { by_rotation: false },
        by: 1,
    },
];

#[test]
fn a_pair_in_doubt_is_not_touched_by_a_newer_consent_until_the_doubt_is_settled() {
    let mut world = World::authorized(ChannelKind::Http, 0, 600);
    world.play(&BEGIN);
    world.play(&Move::End {
        which: 0,
        how: How::Unanswered,
    });
    assert_eq!(world.play(&SUPERSEDED[0]), None);
    assert_eq!(world.status(), Status::InDoubt);
    assert!(world.connection.pair.is_some() && world.connection.wishes.superseded_by.is_some());
    world.play(&Move::Settle {
        registered: false,
        unspent: true,
    });
    assert_eq!(world.connection.pair, None);
}

#[test]
fn what_has_ended_already_is_not_ended_again() {
    let mut registered = World::authorized(ChannelKind::Http, 0, 600);
    registered.play(&BEGIN);
    registered.play(&Move::End {
        which: 0,
        how: How::Registered,
    });
    assert_eq!(registered.play(&SUPERSEDED[0]), None);
    assert_eq!(registered.play(&SUPERSEDED[1]), Some(Why::NothingToDo), "told once");
    assert_eq!(registered.status(), Status::Registered);

    let mut cancelled = World::authorized(ChannelKind::Http, 0, 600);
    cancelled.play(&Move::Cancel);
    assert_eq!(cancelled.play(&SUPERSEDED[0]), Some(Why::NothingToDo));

    let mut expired = World::renewing(ChannelKind::Assisted, Due::AfterConsent { seconds: 0 }, None).unwrap();
    expired.consent(600);
    expired.now = expired.connection.pair.as_ref().unwrap().refresh_ends_at;
    while expired.status() != Status::Reauthorize {
        assert_eq!(expired.play(&Move::Wake), None);
    }
    let state = expired.connection.state.clone();
    assert_eq!(expired.play(&SUPERSEDED[0]), Some(Why::NothingToDo));
    assert_eq!(expired.connection.state, state);
}

#[test]
fn a_database_that_may_be_cut_off_is_told_of_once() {
    let registered = || {
        let mut world = World::authorized(ChannelKind::Http, 0, 600);
        world.play(&BEGIN);
        world.play(&Move::End {
            which: 0,
            how: How::Registered,
        });
        world
    };
    let unsettled = Move::Hear {
        of: 0,
        told: Heard::Unsettled,
        by: 0,
    };
    let mut open = registered();
    assert_eq!(open.play(&unsettled), None);
    assert_eq!(open.play(&unsettled), Some(Why::NothingToDo));
    // What is known for certain is not made uncertain.
    let mut lost = registered();
    assert_eq!(lost.play(&SUPERSEDED[0]), None);
    assert_eq!(lost.play(&unsettled), Some(Why::NothingToDo));
    let text = |world: &World| world.connection.attention.as_ref().unwrap().text.clone();
    assert!(text(&open).contains("may have lost") && text(&lost).contains("has lost"));
}

#[test]
fn a_problem_is_told_since_when_it_is_there_until_it_is_settled() {
    let mut world = World::authorized(ChannelKind::Http, 3_600, 600);
    let since = |world: &World| world.connection.attention.as_ref().map(|attention| attention.since);
    world.play(&Move::Obstruct(Problem::Configuration));
    let first = since(&world);
    world.play(&Move::Wait(10));
    world.play(&Move::Obstruct(Problem::Configuration));
    assert_eq!(since(&world), first);

    let mut unknown = World::new(ChannelKind::Http, Due::AfterConsent { seconds: 3_600 });
    unknown.play(&Move::Consent { link_of: 0 });
    unknown.play(&Move::Exchange {
        which: 0,
        told: Some(600),
    });
    unknown.play(&Move::Obstruct(Problem::Configuration));
    unknown.play(&Move::Wait(10));
    unknown.play(&Move::MissIdentity);
    assert_eq!(since(&unknown), Some(unknown.now), "another problem");
    unknown.play(&Move::Identify(Place::Alone));
    assert_eq!(unknown.connection.attention, None);
}

#[test]
fn what_is_to_be_told_is_kept_for_each_who_is_to_hear_it() {
    let mut world = World::authorized(ChannelKind::Http, 3_600, 600);
    let released = Move::Hear {
        of: 0,
        told: Heard::Released,
        by: 0,
    };
    assert_eq!(world.play(&released), Some(Why::NothingToDo), "there was no contest");
    world.play(&Move::OpenLink);
    world.play(&Move::Wait(5));
    world.consent(600);
    for by in [0, 1, 0] {
        world.play(&Move::Hear {
            of: 1,
            told: Heard::Contested { ours_is_later: true },
            by,
        });
    }
    let to: Vec<_> = world.connection.to_tell.iter().map(|tidings| tidings.to).collect();
    assert_eq!(to.len(), 2);
    assert!(to[0] > to[1], "the word that was said last comes last");
}

#[test]
fn to_forget_leaves_no_other_word() {
    let mut world = World::authorized(ChannelKind::Http, 3_600, 600);
    assert_eq!(world.play(&Move::Forget), None);
    let told: Vec<_> = world.records.iter().map(|record| &record.what).collect();
    assert_eq!(told, [&What::Forgotten]);
}
