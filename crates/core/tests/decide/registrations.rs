//! Attempts, doubt, and what becomes known late.

use handover_core::{
    agenda::{self, Step, Task},
    connection::{Connection, News, Problem, State, Status, Tidings},
    decide::{Why, decide},
    event::{Actor, Event, Outcome, Record, What},
    registration::{ChannelKind, Due},
};
use jiff::Timestamp;

use crate::{
    moves::{Fate, Heard, How, Move, Place, START},
    world::World,
};

const BEGIN: Move = Move::Begin {
    person: false,
    look_up: false,
    unknown: false,
};
const TAKE: Move = Move::Begin {
    person: true,
    look_up: false,
    unknown: false,
};

#[test]
fn a_time_that_no_pair_can_reach_is_refused_with_renewal_off() {
    let after = |seconds| World::renewing(ChannelKind::Http, Due::AfterConsent { seconds }, None);
    assert!(after(30 * 86_400).is_none());
    assert!(after(30 * 86_400 - 1).is_some());
    let beyond = Due::At(Timestamp::from_second(START + 38 * 86_400).unwrap());
    assert!(World::renewing(ChannelKind::Http, beyond, None).is_none());
    assert!(
        World::renewing(ChannelKind::Http, beyond, Some(3)).is_some(),
        "a pair that is renewed reaches it"
    );
}

#[test]
fn a_due_time_that_this_consent_cannot_reach_is_told_at_once() {
    let due = Due::At(Timestamp::from_second(START + 36 * 86_400).unwrap());
    let mut world = World::renewing(ChannelKind::Http, due, None).unwrap();
    world.play(&Move::Consent { link_of: 0 });
    world.play(&Move::Exchange { which: 0, told: None });
    let attention = world.connection.attention.as_ref().unwrap();
    assert_eq!(attention.problem, Problem::Unreachable);
}

#[test]
fn another_time_holds_at_once_unless_something_is_under_way() {
    let later = Due::AfterConsent { seconds: 7_200 };
    let mut world = World::authorized(ChannelKind::Http, 0, 600);
    world.play(&Move::Begin {
        person: false,
        look_up: false,
        unknown: false,
    });
    let due = world.connection.registration.due;
    world.play(&Move::Reschedule(7_200));
    assert_eq!(
        (world.connection.registration.due, world.connection.wishes.reschedule),
        (due, Some(later))
    );
    let mut world = World::authorized(ChannelKind::Http, 0, 600);
    world.play(&Move::Reschedule(7_200));
    assert_eq!(
        (world.connection.registration.due, world.connection.wishes.reschedule),
        (later, None)
    );
}

#[test]
fn absent_counts_after_the_delay_only_and_twice() {
    let mut world = World::authorized(ChannelKind::Http, 0, 600);
    world.play(&Move::Begin {
        person: false,
        look_up: true,
        unknown: false,
    });
    world.play(&Move::End {
        which: 0,
        how: How::Unanswered,
    });
    let absent = Move::LookUp { which: 0, answer: 1 };
    // After half a minute, too early to count; after the delay; after twice the delay.
    for wait in [30, 900] {
        world.play(&Move::Wait(wait));
        assert_eq!(world.play(&absent), None);
        assert_eq!(world.status(), Status::InDoubt);
        // Two look-ups that ran side by side are one.
        assert!(matches!(world.play(&absent), Some(Why::NotDue { .. })));
        assert_eq!(world.status(), Status::InDoubt);
    }
    world.play(&Move::Wait(1_800));
    world.play(&absent);
    assert_eq!(world.status(), Status::Failed);
    assert!(
        world.connection.pair.is_some(),
        "the rule says that an absent database has not spent the pair"
    );
}

#[test]
fn absent_settles_nothing_where_no_rule_says_when_it_counts() {
    let mut world = World::authorized(ChannelKind::Http, 0, 600);
    world.play(&BEGIN);
    world.play(&Move::Wait(180));
    world.play(&Move::Wake);
    let refused = world.play(&Move::LookUp { which: 0, answer: 1 });
    assert_eq!(refused, Some(Why::DoesNotApply));
    assert_eq!(world.status(), Status::InDoubt);
}

#[test]
fn a_late_success_of_the_attempt_in_doubt_registers() {
    let mut world = World::authorized(ChannelKind::Http, 0, 600);
    world.play(&BEGIN);
    world.play(&Move::Wait(181));
    world.play(&Move::Wake);
    assert_eq!(world.status(), Status::InDoubt);
    world.play(&Move::End {
        which: 0,
        how: How::Registered,
    });
    assert_eq!(world.status(), Status::Registered);
}

#[test]
fn a_success_that_becomes_known_after_all_registers_and_destroys_the_pair() {
    let mut world = World::authorized(ChannelKind::Assisted, 0, 600);
    world.play(&Move::Wake);
    world.play(&TAKE);
    world.play(&Move::Wait(181));
    world.play(&Move::Wake);
    world.play(&Move::Settle {
        registered: false,
        unspent: true,
    });
    world.play(&Move::Retry);
    world.play(&Move::Wake);
    world.play(&TAKE);
    assert_eq!(world.status(), Status::Registering);
    // The first attempt succeeded after all, while the second is under way: it waits for that one, whatever it brings.
    world.play(&Move::End {
        which: 1,
        how: How::Registered,
    });
    assert_eq!(world.status(), Status::Registering);
    world.play(&Move::End {
        which: 0,
        how: How::NotSent,
    });
    assert_eq!(world.status(), Status::Registered);
    assert!(world.books.sealed.is_empty());
}

/// A person's word on a doubt.
fn settled(registered: bool) -> Move {
    Move::Settle {
        registered,
        unspent: true,
    }
}

/// Its attempt came to no clear end, and a person took it for failed.
fn taken_for_failed() -> World {
    let mut world = World::authorized(ChannelKind::Http, 0, 600);
    world.play(&BEGIN);
    world.play(&Move::End {
        which: 0,
        how: How::Unanswered,
    });
    world.play(&settled(false));
    assert_eq!(world.status(), Status::Failed);
    world
}

/// It was made by an attempt that was taken for failed, with the pair of a consent that the last one has ended.
#[test]
fn a_database_of_an_older_consent_is_told_of_when_it_is_found() {
    for consents_again in [true, false] {
        let mut world = taken_for_failed();
        if consents_again {
            world.play(&Move::OpenLink);
            world.play(&Move::Wait(60));
            world.consent(600);
        }
        assert_eq!(world.play(&settled(true)), None);
        assert_eq!(world.status(), Status::Registered);
        assert_eq!(world.connection.cut_off().is_some(), consents_again);
        let told = |record: &Record| matches!(record.what, What::AuthorisationUncertain { .. });
        assert_eq!(world.records.iter().any(told), consents_again);
    }
}

/// The first attempt has made another database.
fn another_is_found(world: &World) -> Event {
    Event::AttemptEnded {
        effect: world.attempts[0],
        outcome: Outcome::Registered {
            segment: "another".parse().unwrap(),
        },
    }
}

/// An attempt that was taken for failed has made another one than the attempt after it.
#[test]
fn two_databases_are_told_of_whichever_is_heard_of_first() {
    for late_comes_first in [true, false] {
        let mut world = taken_for_failed();
        let late = another_is_found(&world);
        world.play(&Move::Retry);
        world.play(&BEGIN);
        let comes_late = |world: &World| decide(&world.connection, late.clone(), &Actor::Worker, world.now);
        if late_comes_first {
            world.connection = comes_late(&world).unwrap().connection;
        }
        world.play(&Move::End {
            which: 0,
            how: How::Registered,
        });
        if !late_comes_first {
            world.connection = comes_late(&world).unwrap().connection;
        }
        assert!(matches!(&world.connection.state, State::Registered(done) if done.segment.as_str() == "acme"));
        let told = world.connection.attention.as_ref().unwrap();
        assert_eq!(told.problem, Problem::LateSuccess);
        assert!(told.text.contains("another"), "{}", told.text);
        // What is known, and what was forgotten, is no news.
        let same = Move::End {
            which: 1,
            how: How::Registered,
        };
        assert_eq!(world.play(&same), Some(Why::NothingToDo));
        world.play(&Move::Forget);
        assert_eq!(comes_late(&world).unwrap_err().why, Why::NothingToDo);
    }
}

/// The platform never told while the access token lived: it is asked with another one, at the pace of the registration.
#[test]
fn who_consented_is_asked_with_a_fresh_access_token_where_the_registration_waits_for_it() {
    let mut world = World::new(ChannelKind::Http, Due::AfterConsent { seconds: 3_600 });
    world.play(&Move::Consent { link_of: 0 });
    world.play(&Move::Exchange { which: 0, told: None });
    for _ in 0..4 {
        world.play(&Move::MissIdentity);
    }
    world.play(&Move::Wait(3_600));
    assert_eq!(world.play(&BEGIN), Some(Why::IdentityUnknown));
    assert_eq!(
        step(&world),
        Step::Perform(Task::Register),
        "whoever accepts an unknown one registers it"
    );
    world.play(&Move::Obstruct(Problem::IdentityUnknown));
    let back_off = world.connection.retry_at.unwrap();
    assert_eq!(step(&world), Step::Rest(Some(back_off)));
    world.now = back_off;
    assert_eq!(step(&world), Step::Perform(Task::Rotate));
    assert_eq!(world.play(&Move::Rotate), None);
    world.play(&Move::Rotation {
        which: 0,
        fate: Fate::Pair { told: Some(600) },
    });
    world.play(&Move::Wait(31));
    let asks = agenda::step_beside(&world.connection, world.now, &[Task::Register]);
    assert_eq!(asks, Step::Perform(Task::AskIdentity));
    world.settle();
    assert_eq!((world.status(), world.rotations.len()), (Status::Registered, 1));
}

/// Another access token would not live long enough either: nobody rotates for it again and again.
#[test]
fn no_rotation_is_for_an_access_token_that_ends_before_anybody_can_ask_with_it() {
    let mut world = World::new(ChannelKind::Http, Due::AfterConsent { seconds: 0 });
    world.play(&Move::Consent { link_of: 0 });
    world.play(&Move::Exchange {
        which: 0,
        told: Some(20),
    });
    world.play(&Move::Obstruct(Problem::IdentityUnknown));
    world.now = world.connection.retry_at.unwrap();
    assert_eq!(step(&world), Step::Perform(Task::Register));
}

/// … and when it is told, nothing waits for the back-off.
#[test]
fn a_registration_goes_on_as_soon_as_the_platform_tells_who_consented() {
    let mut world = World::new(ChannelKind::Http, Due::AfterConsent { seconds: 0 });
    world.play(&Move::Consent { link_of: 0 });
    world.play(&Move::Exchange { which: 0, told: None });
    assert_eq!(step(&world), Step::Perform(Task::Register));
    world.play(&Move::Obstruct(Problem::IdentityUnknown));
    assert!(world.connection.retry_at.is_some());
    world.play(&Move::Identify(Place::Alone));
    assert_eq!(step(&world), Step::Perform(Task::Register));
}

#[test]
fn a_late_success_after_an_unclear_consent_may_stand_on_a_dead_chain() {
    let mut world = taken_for_failed();
    world.play(&Move::OpenLink);
    world.play(&Move::Wait(60));
    world.play(&Move::Consent { link_of: 0 });
    world.play(&Move::FailExchange {
        which: 0,
        unclear: true,
    });
    assert_eq!(world.play(&settled(true)), None);
    assert!(world.connection.cut_off().is_some());
    // The alarm is raised once …
    assert_eq!(step(&world), Step::Perform(Task::Alarm));
    assert_eq!(world.play(&Move::Alarm), None);
    assert!(matches!(step(&world), Step::Rest(_)));
    assert_eq!(world.play(&Move::Alarm), Some(Why::NothingToDo));
    // … and what else a person should know stands beside it.
    let late = another_is_found(&world);
    world.connection = decide(&world.connection, late, &Actor::Worker, world.now)
        .unwrap()
        .connection;
    assert!(world.connection.cut_off().is_some());
    let told = world.connection.attention.as_ref().unwrap();
    assert_eq!(told.problem, Problem::AuthorisationLost);
    assert!(
        told.text.contains("`acme`") && told.text.contains("`another`"),
        "{}",
        told.text
    );
    // Then it is lost for certain: that rings again, and hides nothing either.
    let superseded = Move::Hear {
        of: 0,
        told: Heard::Superseded { by_rotation: false },
        by: 1,
    };
    assert_eq!(world.play(&superseded), None);
    assert_eq!(step(&world), Step::Perform(Task::Alarm));
    let told = world.connection.attention.as_ref().unwrap();
    assert!(
        told.text.contains("has lost its authorisation") && told.text.contains("`another`"),
        "{}",
        told.text
    );
}

/// The other way round.
#[test]
fn a_database_that_was_heard_of_late_is_told_of_beside_the_lost_authorisation() {
    let mut world = taken_for_failed();
    let late = another_is_found(&world);
    world.play(&Move::Retry);
    world.play(&BEGIN);
    world.connection = decide(&world.connection, late, &Actor::Worker, world.now)
        .unwrap()
        .connection;
    world.play(&Move::Hear {
        of: 0,
        told: Heard::Superseded { by_rotation: false },
        by: 1,
    });
    world.play(&Move::End {
        which: 0,
        how: How::Registered,
    });
    let told = world.connection.attention.as_ref().unwrap();
    assert_eq!(told.problem, Problem::AuthorisationLost);
    assert!(
        told.text.contains("lost its authorisation") && told.text.contains("`another`"),
        "{}",
        told.text
    );
}

/// The worker says what was in the way of what: two tasks may be due.
#[test]
fn an_obstacle_puts_off_what_it_stands_in_the_way_of() {
    let mut world = World::authorized(ChannelKind::Http, 0, 0);
    world.play(&Move::Wait(601));
    let obstacle = |of| Event::NotReady {
        of: Some(of),
        problem: Problem::Configuration,
        reason: "cannot be opened".into(),
    };
    let met = |of| {
        decide(&world.connection, obstacle(of), &Actor::Worker, world.now)
            .unwrap()
            .connection
    };
    let beside = |connection: &Connection| agenda::step_beside(connection, world.now, &[Task::Register]);
    assert_eq!(beside(&world.connection), Step::Perform(Task::Rotate));
    let rotating = met(Task::Rotate);
    assert!(matches!(beside(&rotating), Step::Rest(_)) && rotating.retry_at.is_none());
    let registering = met(Task::Register);
    assert!(registering.retry_at.is_some());
    assert_eq!(agenda::step(&registering, world.now), Step::Perform(Task::Rotate));
}

/// What cannot be done for now holds up nothing else.
#[test]
fn what_was_tried_in_vain_makes_room_for_what_else_is_due() {
    let world = {
        let mut world = World::authorized(ChannelKind::Http, 0, 0);
        world.play(&Move::Wait(601));
        world
    };
    let beside = |failed: &[Task]| agenda::step_beside(&world.connection, world.now, failed);
    assert_eq!(beside(&[]), Step::Perform(Task::Register));
    assert_eq!(beside(&[Task::Register]), Step::Perform(Task::Rotate));
    assert!(matches!(beside(&[Task::Register, Task::Rotate]), Step::Rest(_)));
    assert_eq!(
        beside(&[Task::AskIdentity]),
        Step::Perform(Task::Rotate),
        "the registration waits for the answer"
    );
    // Nor a decision.
    let mut world = World::authorized(ChannelKind::Assisted, 0, 600);
    world.connection.to_tell = vec![Tidings {
        to: world.connection.id,
        chain: world.exchanges[0].1.clone(),
        of: None,
        news: News::Released {
            by: world.connection.id,
        },
    }];
    assert_eq!(step(&world), Step::Perform(Task::Tell));
    assert_eq!(world.play(&Move::Wake), None);
    assert_eq!(world.status(), Status::AwaitingOperator);
}

fn step(world: &World) -> Step {
    agenda::step(&world.connection, world.now)
}

#[test]
fn a_fresh_access_token_is_fetched_first_if_the_channel_wants_one() {
    let mut world = World::authorized(ChannelKind::Http, 86_400, 600);
    world.play(&Move::NeedFreshAccess);
    world.play(&Move::WaitForTheAgenda);
    assert_eq!(world.play(&BEGIN), Some(Why::StaleAccessToken));
    assert_eq!(world.play(&Move::Rotate), None);
    world.play(&Move::Rotation {
        which: 0,
        fate: Fate::Pair { told: Some(600) },
    });
    assert_eq!(world.generation(), Some(2));
    world.settle();
    assert_eq!(world.status(), Status::Registered);
    assert_eq!(world.rotations.len(), 1, "one rotation does");
}

#[test]
fn a_consent_that_has_just_been_given_is_fresh() {
    let mut world = World::authorized(ChannelKind::Http, 0, 600);
    world.play(&Move::NeedFreshAccess);
    assert_eq!(world.play(&BEGIN), None);
}

#[test]
fn an_access_token_is_fresh_until_a_fifth_of_a_short_life_is_left() {
    for (due, refused) in [(239, None), (240, Some(Why::StaleAccessToken))] {
        let mut world = World::authorized(ChannelKind::Http, due.into(), 300);
        world.play(&Move::NeedFreshAccess);
        world.play(&Move::Wait(due));
        assert_eq!(world.play(&BEGIN), refused, "due after {due} s of 300");
    }
}

#[test]
fn a_fresh_access_token_is_fetched_for_a_registration_that_happens_by_itself_only() {
    let mut failed = World::authorized(ChannelKind::Http, 0, 600);
    failed.play(&Move::NeedFreshAccess);
    failed.play(&BEGIN);
    failed.play(&Move::End {
        which: 0,
        how: How::RefusedUnspent,
    });
    let mut contested = World::authorized(ChannelKind::Http, 86_400, 600);
    contested.play(&Move::NeedFreshAccess);
    contested.play(&Move::Identify(Place::Contested {
        with: 0,
        ours_is_later: false,
    }));
    for (mut world, status) in [(failed, Status::Failed), (contested, Status::Authorized)] {
        world.play(&Move::Wait(2 * 86_400));
        assert_eq!(world.status(), status);
        assert!(
            matches!(world.play(&Move::Rotate), Some(Why::NotDue { .. })),
            "{status:?}"
        );
    }
}

#[test]
fn an_unknown_identity_is_registered_only_where_that_is_switched_on() {
    let mut world = World::new(ChannelKind::Http, Due::AfterConsent { seconds: 0 });
    world.play(&Move::Consent { link_of: 0 });
    world.play(&Move::Exchange { which: 0, told: None });
    assert_eq!(world.play(&BEGIN), Some(Why::IdentityUnknown));
    world.play(&Move::Identify(Place::Alone));
    assert_eq!(world.play(&BEGIN), None);
}
