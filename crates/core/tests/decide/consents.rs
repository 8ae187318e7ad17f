//! Consents that come to no clear end, or late.

use handover_core::{
    connection::{Problem, Status},
    decide::{Why, decide},
    event::{Actor, Event, What},
    ids::EffectId,
    registration::{ChannelKind, Due},
};

use crate::{
    moves::{Fate, How, Move},
    world::{World, brought},
};

#[test]
fn an_unclear_exchange_holds_the_older_pair_back() {
    let mut world = World::authorized(ChannelKind::Http, 0, 600);
    world.play(&Move::OpenLink);
    world.play(&Move::Consent { link_of: 0 });
    world.play(&Move::FailExchange {
        which: 0,
        unclear: true,
    });
    assert_eq!(world.status(), Status::Failed);
    assert!(world.connection.pair.is_some(), "it is held, not destroyed");
    world.play(&Move::Retry);
    assert_eq!(world.status(), Status::Authorized);
}

#[test]
fn a_pair_that_comes_after_a_wish_to_cancel_is_dropped_with_a_word() {
    let mut world = World::new(ChannelKind::Http, Due::AfterConsent { seconds: 0 });
    world.play(&Move::Consent { link_of: 0 });
    world.play(&Move::Cancel);
    let exchange = Move::Exchange {
        which: 0,
        told: Some(600),
    };
    world.play(&exchange);
    assert_eq!(world.status(), Status::Cancelled);
    let [dropped, cancelled] = world.records.as_slice() else {
        panic!("{:?}", world.records)
    };
    assert!(matches!(dropped.what, What::PairDropped { .. }) && cancelled.what == What::Cancelled);
}

/// A newer consent is still on its way home; the older pair was held back for it, and is used all the same.
fn older_pair_is_being_registered() -> World {
    let mut world = World::authorized(ChannelKind::Http, 0, 600);
    world.play(&Move::Wait(1));
    world.play(&Move::OpenLink);
    world.play(&Move::Consent { link_of: 0 });
    world.play(&Move::Wait(601));
    world.play(&Move::Wake);
    world.play(&Move::Retry);
    world.play(&Move::Begin {
        person: false,
        look_up: false,
        unknown: false,
    });
    world
}

/// There is no room for both.
#[test]
fn a_newer_consent_that_comes_home_during_an_attempt_waits_for_its_end() {
    let mut world = older_pair_is_being_registered();
    let home = Move::Exchange {
        which: 0,
        told: Some(600),
    };
    assert!(matches!(world.play(&home), Some(Why::UnderWay { .. })));
    world.play(&Move::End {
        which: 0,
        how: How::Unanswered,
    });
    assert_eq!(world.play(&home), Some(Why::InDoubt));
    world.play(&Move::Settle {
        registered: false,
        unspent: true,
    });
    assert_eq!(world.play(&home), None);
    assert_eq!(world.status(), Status::Authorized);
    let newer = world.exchanges[0].1.clone();
    assert_eq!(world.connection.pair.as_ref().unwrap().key.authorisation, newer);
}

/// Whichever comes to light first.
#[test]
fn a_pair_is_held_back_if_a_later_consent_came_to_no_clear_end_however_late_it_comes_home() {
    let mut world = World::new(ChannelKind::Http, Due::AfterConsent { seconds: 86_400 });
    world.play(&Move::Consent { link_of: 0 });
    world.play(&Move::Wait(181));
    assert_eq!(world.play(&Move::Wake), None, "nothing was heard of it");
    world.play(&Move::Consent { link_of: 0 });
    world.play(&Move::Wait(10));
    world.play(&Move::FailExchange {
        which: 0,
        unclear: true,
    });
    let first = Move::Exchange {
        which: 1,
        told: Some(600),
    };
    assert_eq!(world.play(&first), None, "it comes home from the rescue queue");
    assert_eq!((world.status(), world.generation()), (Status::Failed, Some(1)));
    let told = world.connection.attention.as_ref().map(|told| told.problem);
    assert_eq!(told, Some(Problem::PairUncertain));
    // So is what a rotation makes of it that was sent before; a person, or a later consent, knows better.
    let mut trusted = World::authorized(ChannelKind::Http, 86_400, 600);
    trusted.connection = world.connection.clone();
    trusted.books = std::mem::take(&mut world.books);
    assert_eq!(trusted.play(&Move::Retry), None);
    assert_eq!(trusted.status(), Status::Authorized);
    assert_eq!(trusted.connection.unclear_since, None);
}

#[test]
fn the_consent_that_came_to_no_clear_end_is_not_older_than_itself() {
    let mut world = World::new(ChannelKind::Http, Due::AfterConsent { seconds: 86_400 });
    world.play(&Move::Consent { link_of: 0 });
    let (which, unclear) = (0, true);
    world.play(&Move::FailExchange { which, unclear });
    assert!(world.connection.unclear_since.is_some());
    let told = Some(600);
    assert_eq!(world.play(&Move::Exchange { which, told }), None, "it comes home");
    assert_eq!(
        (world.status(), world.connection.unclear_since),
        (Status::Authorized, None)
    );
}

/// The older pair made the database: the OEM is told that the newer consent may have cut it off.
#[test]
fn a_newer_consent_that_comes_home_after_the_registration_is_told_of() {
    let mut world = older_pair_is_being_registered();
    world.play(&Move::End {
        which: 0,
        how: How::Registered,
    });
    assert_eq!(world.status(), Status::Registered);
    assert_eq!(world.connection.attention, None);
    let home = Move::Exchange {
        which: 0,
        told: Some(600),
    };
    assert_eq!(world.play(&home), None);
    let attention = world.connection.attention.as_ref().unwrap();
    assert_eq!(attention.problem, Problem::AuthorisationLost);
    assert!(
        world
            .records
            .iter()
            .any(|record| matches!(record.what, What::PairDropped { .. }))
    );
}

/// A rescued consent comes home while the older chain, used all the same, is being rotated: what that rotation brings is
/// of no use any more, and what it fails with says nothing of the new pair.
#[test]
fn a_consent_that_comes_home_ends_the_rotation_of_the_chain_before_it() {
    for fate in [Fate::Pair { told: None }, Fate::Used, Fate::Unclear] {
        let mut world = World::authorized(ChannelKind::Http, 20 * 86_400, 0);
        world.play(&Move::Wait(1));
        world.play(&Move::OpenLink);
        world.play(&Move::Consent { link_of: 0 });
        world.play(&Move::Wait(601));
        world.play(&Move::Wake);
        assert_eq!(world.status(), Status::Failed, "held back");
        world.play(&Move::Retry);
        assert_eq!(world.play(&Move::Rotate), None, "half a pair is completed");
        world.play(&Move::Exchange {
            which: 0,
            told: Some(600),
        });
        world.play(&Move::Rotation { which: 0, fate });
        let chain = world.exchanges[0].1.clone();
        assert_eq!(world.connection.pair.as_ref().unwrap().key.authorisation, chain);
        world.settle();
        assert_eq!(world.status(), Status::Registered);
    }
}

/// One whose first consent was never heard of, and whose second one has brought a pair.
fn second_time_lucky() -> World {
    let mut world = World::new(ChannelKind::Http, Due::AfterConsent { seconds: 0 });
    world.play(&Move::Consent { link_of: 0 });
    world.play(&Move::Wait(601));
    world.play(&Move::Wake);
    world.play(&Move::OpenLink);
    world
}

#[test]
fn an_older_consent_that_comes_home_during_an_attempt_is_dropped_with_a_word() {
    for doubt in [false, true] {
        let mut world = second_time_lucky();
        world.consent(600);
        world.play(&Move::Begin {
            person: false,
            look_up: false,
            unknown: false,
        });
        if doubt {
            world.play(&Move::End {
                which: 0,
                how: How::Unanswered,
            });
        }
        let before = world.status();
        let older = Move::Exchange {
            which: 1,
            told: Some(600),
        };
        assert_eq!(world.play(&older), None);
        assert!(matches!(world.records[0].what, What::PairDropped { .. }));
        assert_eq!(world.status(), before);
        let again = Move::Exchange {
            which: 0,
            told: Some(600),
        };
        assert_eq!(world.play(&again), Some(Why::NothingToDo), "its own pair, told twice");
    }
}

#[test]
fn a_late_failure_of_one_exchange_does_not_end_another() {
    let mut world = second_time_lucky();
    world.play(&Move::Consent { link_of: 0 });
    let late = Move::FailExchange {
        which: 1,
        unclear: false,
    };
    assert_eq!(world.play(&late), Some(Why::NothingToDo));
    assert!(world.connection.effect.is_some());
}

#[test]
fn who_gave_an_older_consent_is_not_noted_of_the_newer() {
    let mut world = World::authorized(ChannelKind::Http, 3_600, 600);
    world.play(&Move::OpenLink);
    world.play(&Move::Wait(1));
    world.play(&Move::Consent { link_of: 0 });
    world.play(&Move::Exchange {
        which: 0,
        told: Some(600),
    });
    let not_identified = |which: usize| {
        let (authorisation, reason) = (world.exchanges[which].1.clone(), "503".to_owned());
        let event = Event::NotIdentified { authorisation, reason };
        decide(&world.connection, event, &Actor::Worker, world.now).map_err(|refused| refused.why)
    };
    assert_eq!(not_identified(1).map(drop), Err(Why::NoPair));
    assert!(not_identified(0).is_ok());
}

/// Delivered once more by the rescue queue, after the database was made with it.
#[test]
fn its_own_pair_that_comes_twice_is_no_newer_consent() {
    let mut world = World::authorized(ChannelKind::Http, 0, 600);
    let pair = world.connection.pair.as_ref().unwrap().key.clone();
    let sent_at = world.connection.chain.as_ref().unwrap().sent_at;
    world.settle();
    assert_eq!(world.status(), Status::Registered);
    let again = Event::Received(brought(EffectId::new(world.now, 7), pair, sent_at, Some(600)));
    let decision = decide(&world.connection, again, &Actor::Worker, world.now).unwrap();
    assert_eq!(decision.connection.attention, None);
}
