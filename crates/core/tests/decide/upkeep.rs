//! Warning, renewing, expiring, going.

use std::time::Duration;

use handover_core::{
    agenda::{self, Step, Task},
    connection::{Cause, State, Status},
    event::What,
    registration::{ChannelKind, Due},
};

use crate::{
    moves::{Move, START},
    world::World,
};

const DAY: i64 = 86_400;

/// What a connection's pair went through, in days since the consent.
#[derive(Debug, Default, PartialEq)]
struct Diary {
    warned: Vec<u32>,
    rotated: Vec<i64>,
    ended: i64,
}

/// Follows the agenda with a healthy world until the pair is gone.
fn live(world: &mut World) -> Diary {
    let mut diary = Diary::default();
    let (mut of, mut told) = (world.generation(), None);
    for _ in 0..100 {
        let day = (world.now.as_second() - START) / DAY;
        let Some(pair) = &world.connection.pair else {
            diary.ended = day;
            return diary;
        };
        if of != Some(pair.key.generation) {
            (of, told) = (Some(pair.key.generation), None);
        }
        if pair.warned_days != told {
            told = pair.warned_days;
            let days = told.unwrap();
            let left = pair.refresh_ends_at.duration_since(world.now).as_secs();
            assert_eq!(left, i64::from(days) * DAY, "told on time");
            diary.warned.push(days);
        }
        match agenda::step(&world.connection, world.now) {
            Step::Rest(at) => world.now = at.unwrap(),
            Step::Decide(_) => assert_eq!(world.play(&Move::Wake), None),
            Step::Perform(task) => {
                if task == Task::Rotate {
                    diary.rotated.push(day);
                }
                world.perform(task);
            }
        }
    }
    panic!("{diary:?}");
}

#[test]
fn without_renewal_the_oem_is_told_at_seven_three_and_one_days_and_the_pair_expires_on_day_thirty() {
    let due = Due::AfterConsent { seconds: 0 };
    let mut world = World::renewing(ChannelKind::Assisted, due, None).unwrap();
    world.consent(600);
    let diary = live(&mut world);
    let expected = Diary {
        warned: vec![7, 3, 1],
        rotated: vec![],
        ended: 30,
    };
    assert_eq!(diary, expected);
    assert_eq!(world.connection.state, State::Reauthorize(Cause::Expired));
    // The schedule goes on with a new link.
    world.play(&Move::OpenLink);
    world.consent(600);
    assert_eq!(world.status(), Status::Authorized);
}

#[test]
fn a_warning_that_comes_late_says_how_many_days_are_left_then() {
    let due = Due::AfterConsent { seconds: 0 };
    let mut world = World::renewing(ChannelKind::Assisted, due, None).unwrap();
    world.consent(600);
    let ends_at = world.connection.pair.as_ref().unwrap().refresh_ends_at;
    world.now = ends_at - Duration::from_secs(5 * 86_400 - 1);
    assert_eq!(world.play(&Move::Wake), None);
    assert!(matches!(world.records[0].what, What::Expiring { days_left: 5, .. }));
    assert_eq!(world.connection.pair.as_ref().unwrap().warned_days, Some(7));
}

#[test]
fn with_renewal_the_pair_is_renewed_once_and_registered_on_day_forty() {
    let mut world = World::authorized(ChannelKind::Http, 40 * 86_400, 600);
    let diary = live(&mut world);
    let expected = Diary {
        warned: vec![7, 3],
        rotated: vec![27],
        ended: 40,
    };
    assert_eq!(diary, expected);
    assert_eq!(world.status(), Status::Registered);
    assert_eq!(world.connection.chain.as_ref().unwrap().generation, 2);
}

#[test]
fn a_renewal_keeps_clear_of_the_registration() {
    let renewal = 27 * 86_400_u64;
    for due in [renewal - 599, renewal, renewal + 599] {
        let mut world = World::authorized(ChannelKind::Http, due, 600);
        let diary = live(&mut world);
        assert_eq!(diary.rotated, [] as [i64; 0], "due {due}");
        assert_eq!(world.status(), Status::Registered);
    }
    for due in [renewal + 600, renewal + 601] {
        let mut world = World::authorized(ChannelKind::Http, due, 600);
        assert_eq!(live(&mut world).rotated, [27], "due {due}");
    }
}

#[test]
fn what_is_finished_goes_after_its_retention() {
    let mut world = World::authorized(ChannelKind::Http, 0, 600);
    world.settle();
    assert_eq!(world.status(), Status::Registered);
    let days = (world.now.as_second() - START) / DAY;
    assert_eq!(days, 180);
    assert_eq!(agenda::step(&world.connection, world.now), Step::Perform(Task::Retire));
}

#[test]
fn what_is_forgotten_keeps_its_id_and_its_state_and_no_names() {
    let mut world = World::authorized(ChannelKind::Http, 86_400, 600);
    assert_eq!(world.play(&Move::Forget), None);
    assert_eq!(world.status(), Status::Cancelled);
    let text = serde_json::to_string(&world.connection).unwrap().to_lowercase();
    assert!(!text.contains("acme"), "{text}");
    assert!(world.connection.identity.is_none() && world.books.sealed.is_empty());
    assert_eq!(
        agenda::step(&world.connection, world.now),
        Step::Perform(Task::Erase),
        "its history goes at once"
    );
    world.play(&Move::Erase);
    assert!(world.connection.erase_to.is_none());
}

/// A person hears daily of work that waits for them, the OEM weekly of what waits for it.
#[test]
fn what_waits_for_somebody_is_put_in_front_of_them_again() {
    let mut taken_by_nobody = World::authorized(ChannelKind::Assisted, 0, 600);
    taken_by_nobody.play(&Move::Wake);
    let mut unanswered = World::new(ChannelKind::Http, Due::AfterConsent { seconds: 0 });
    for (world, status, days) in [
        (&mut taken_by_nobody, Status::AwaitingOperator, 1),
        (&mut unanswered, Status::Invited, 7),
    ] {
        for _ in 0..3 {
            assert_eq!(world.status(), status);
            let before = world.now;
            world.play(&Move::WaitForTheAgenda);
            assert_eq!(world.now.duration_since(before).as_secs(), days * DAY);
            assert_eq!(world.play(&Move::Wake), None);
        }
    }
}

#[test]
fn nobody_is_reminded_of_what_only_waits_for_its_time() {
    let mut world = World::authorized(ChannelKind::Http, 20 * 86_400, 600);
    world.play(&Move::WaitForTheAgenda);
    assert_eq!(
        agenda::step(&world.connection, world.now),
        Step::Perform(Task::Register)
    );
    assert_eq!((world.now.as_second() - START) / DAY, 20);
}

#[test]
fn who_consented_is_asked_while_a_person_is_awaited_too() {
    let mut world = World::new(ChannelKind::Assisted, Due::AfterConsent { seconds: 0 });
    world.play(&Move::Consent { link_of: 0 });
    world.play(&Move::Exchange {
        which: 0,
        told: Some(600),
    });
    world.play(&Move::Wake);
    assert_eq!(world.status(), Status::AwaitingOperator);
    world.play(&Move::WaitForTheAgenda);
    assert_eq!(
        agenda::step(&world.connection, world.now),
        Step::Perform(Task::AskIdentity)
    );
}
