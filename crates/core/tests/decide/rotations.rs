//! Rotations: the intent, its one recovery, the way home of what was rescued.

use handover_core::{
    agenda::{self, Step, Task},
    connection::{Cause, State, Status},
    decide::Why,
    event::{Record, What},
    registration::ChannelKind,
};

use crate::{
    moves::{Fate, How, Move},
    world::{World, is_rotating},
};

const PAIR: Fate = Fate::Pair { told: Some(600) };

/// Far from its registration, with half a pair: the first rotation is due after 600 s.
fn world() -> World {
    let mut world = World::authorized(ChannelKind::Http, 20 * 86_400, 0);
    world.play(&Move::WaitForTheAgenda);
    world
}

fn begin(world: &mut World) {
    assert_eq!(world.play(&Move::Rotate), None);
}

fn ends(world: &mut World, which: u8, fate: Fate) -> Option<Why> {
    world.play(&Move::Rotation { which, fate })
}

/// The lease ends without a word, and the wait for a rescue too.
fn nothing_is_heard(world: &mut World) {
    world.play(&Move::WaitForTheAgenda);
    assert_eq!(world.play(&Move::Wake), None);
    world.play(&Move::WaitForTheAgenda);
}

fn recovering(world: &World) -> bool {
    world.connection.pair.as_ref().unwrap().open_intent.is_some()
}

#[test]
fn a_rotation_is_not_claimed_before_the_platform_allows_it() {
    let mut world = World::authorized(ChannelKind::Http, 20 * 86_400, 0);
    // The answer came a second after the request; the platform's 570 s and our 30 count from it.
    world.play(&Move::Wait(600));
    assert!(matches!(world.play(&Move::Rotate), Some(Why::NotDue { .. })));
    world.play(&Move::Wait(1));
    begin(&mut world);
}

#[test]
fn a_claim_for_another_place_than_the_next_is_refused() {
    let mut world = world();
    begin(&mut world);
    ends(&mut world, 0, Fate::Unharmed);
    // The generation was allotted, and is not given again.
    assert_eq!(world.connection.next_pair().unwrap().generation, 3);
}

#[test]
fn a_new_pair_takes_the_place_of_the_old_one() {
    let mut world = world();
    begin(&mut world);
    assert_eq!(ends(&mut world, 0, PAIR), None);
    assert_eq!(world.generation(), Some(2));
    assert_eq!(ends(&mut world, 0, PAIR), Some(Why::NothingToDo), "come twice");
}

#[test]
fn no_attempt_begins_while_a_rotation_is_under_way_or_open() {
    let begin_attempt = Move::Begin {
        person: false,
        look_up: false,
        unknown: false,
    };
    let mut world = World::authorized(ChannelKind::Http, 602, 0);
    world.play(&Move::WaitForTheAgenda);
    begin(&mut world);
    world.play(&Move::Wait(10));
    assert!(matches!(world.play(&begin_attempt), Some(Why::UnderWay { .. })));
    nothing_is_heard(&mut world);
    assert!(matches!(world.play(&begin_attempt), Some(Why::RotationOpen { .. })));
}

#[test]
fn a_rotation_that_was_not_heard_of_is_recovered_once() {
    let mut world = world();
    begin(&mut world);
    nothing_is_heard(&mut world);
    assert!(recovering(&world));
    assert_eq!(agenda::step(&world.connection, world.now), Step::Perform(Task::Rotate));
    begin(&mut world);
    assert_eq!(ends(&mut world, 0, PAIR), None);
    assert_eq!(world.generation(), Some(3));
    // What the first one brought comes home too late.
    assert_eq!(ends(&mut world, 1, PAIR), None);
    assert_eq!(world.generation(), Some(3));
}

#[test]
fn a_rescued_pair_comes_home_while_its_intent_is_open() {
    let mut world = world();
    begin(&mut world);
    nothing_is_heard(&mut world);
    assert_eq!(ends(&mut world, 0, PAIR), None);
    assert_eq!(world.generation(), Some(2));
    assert!(!recovering(&world));
}

#[test]
fn a_rescued_pair_waits_for_the_end_of_the_recovery_and_is_welcome_if_that_was_refused() {
    for refused in [Fate::Used, Fate::ChainBroken, Fate::Expired, Fate::Unclear] {
        let mut world = world();
        begin(&mut world);
        nothing_is_heard(&mut world);
        begin(&mut world);
        assert!(matches!(ends(&mut world, 1, PAIR), Some(Why::UnderWay { .. })));
        assert_eq!(ends(&mut world, 0, refused), None);
        assert_eq!(world.status(), Status::Reauthorize);
        assert_eq!(ends(&mut world, 1, PAIR), None);
        assert_eq!(
            (world.status(), world.generation()),
            (Status::Authorized, Some(2)),
            "{refused:?}"
        );
    }
}

#[test]
fn a_late_refusal_of_a_rotation_does_not_end_its_recovery() {
    let mut world = world();
    begin(&mut world);
    nothing_is_heard(&mut world);
    begin(&mut world);
    assert_eq!(ends(&mut world, 1, Fate::Unharmed), Some(Why::NothingToDo));
    assert!(is_rotating(&world.connection));
}

#[test]
fn after_a_recovery_that_was_not_heard_of_either_rescue_is_welcome() {
    for which in [0, 1] {
        let mut world = world();
        begin(&mut world);
        nothing_is_heard(&mut world);
        begin(&mut world);
        nothing_is_heard(&mut world);
        assert!(matches!(world.connection.state, State::Reauthorize(Cause::Lost { .. })));
        assert_eq!(ends(&mut world, which, PAIR), None);
        assert_eq!(world.status(), Status::Authorized);
    }
}

#[test]
fn a_rescued_pair_is_welcome_after_the_end_of_the_one_before_it() {
    let mut world = World::renewing(
        ChannelKind::Http,
        handover_core::registration::Due::AfterConsent { seconds: 35 * 86_400 },
        Some(3),
    )
    .unwrap();
    world.consent(600);
    world.play(&Move::Wait(30 * 86_400 - 200));
    begin(&mut world);
    while world.connection.pair.is_some() {
        nothing_is_heard(&mut world);
    }
    assert_eq!(world.status(), Status::Reauthorize);
    assert_eq!(ends(&mut world, 0, PAIR), None);
    assert_eq!(world.status(), Status::Authorized);
}

#[test]
fn what_was_taken_in_and_has_gone_is_not_taken_in_again() {
    let mut world = world();
    begin(&mut world);
    ends(&mut world, 0, Fate::Pair { told: Some(0) });
    world.play(&Move::WaitForTheAgenda);
    begin(&mut world);
    nothing_is_heard(&mut world);
    begin(&mut world);
    ends(&mut world, 0, Fate::Used);
    assert!(matches!(world.connection.state, State::Reauthorize(Cause::Lost { .. })));
    // The very first rotation's, from a rescue message that came twice: its token has been presented since.
    assert_eq!(ends(&mut world, 2, PAIR), None);
    assert_eq!(world.status(), Status::Reauthorize);
}

#[test]
fn refusals_that_leave_the_pair_unharmed_are_tried_again_later_and_later() {
    let mut world = world();
    let mut waits = Vec::new();
    for _ in 0..5 {
        begin(&mut world);
        let from = world.now;
        ends(&mut world, 0, Fate::Unharmed);
        world.play(&Move::WaitForTheAgenda);
        waits.push(world.now.duration_since(from).as_secs());
    }
    for (wait, least) in waits.iter().zip([600, 3_600, 21_600, 86_400, 86_400]) {
        assert!((least..=least * 6 / 5).contains(wait), "{waits:?}");
    }
    assert_eq!(world.status(), Status::Authorized);
}

/// What is in the way may be mended at the last minute, and be told of.
#[test]
fn the_nearer_its_end_the_sooner_a_pair_is_tried_again_and_at_once_if_somebody_says_so() {
    let mut world = World::authorized(ChannelKind::Http, 60 * 86_400, 600);
    world.play(&Move::WaitForTheAgenda);
    let ends_at = world.connection.pair.as_ref().unwrap().refresh_ends_at;
    let mut last = ends_at;
    while world.connection.pair.is_some() {
        if agenda::step(&world.connection, world.now) == Step::Perform(Task::Rotate) {
            let waited = world.now.duration_since(last).as_secs();
            let left = ends_at.duration_since(last).as_secs();
            assert!(waited <= 720.max(left / 2), "{waited} s of {left}");
            last = world.now;
            begin(&mut world);
            ends(&mut world, 0, Fate::Unharmed);
        } else if world.play(&Move::Wake).is_some() {
            world.play(&Move::WaitForTheAgenda);
        }
    }
    assert!(ends_at.duration_since(last).as_secs() < 1_440, "tried to the last");

    let mut world = World::authorized(ChannelKind::Http, 60 * 86_400, 600);
    world.play(&Move::WaitForTheAgenda);
    assert_eq!(world.play(&Move::Wake), None, "a warning");
    assert!(matches!(world.play(&Move::Retry), Some(Why::NotDue { .. })));
    world.play(&Move::WaitForTheAgenda);
    assert_eq!(world.play(&Move::Wake), None, "another, as it is renewed");
    for _ in 0..2 {
        begin(&mut world);
        ends(&mut world, 0, Fate::Unharmed);
        world.play(&Move::WaitForTheAgenda);
    }
    begin(&mut world);
    ends(&mut world, 0, Fate::Unharmed);
    assert_eq!(world.play(&Move::Retry), None);
    let soon = world.now + std::time::Duration::from_secs(600);
    assert_eq!(world.connection.pair.as_ref().unwrap().rotate_at, Some(soon));
    assert!(
        matches!(world.play(&Move::Retry), Some(Why::NotDue { .. })),
        "said before"
    );
}

#[test]
fn what_the_platform_says_of_the_pair_is_what_becomes_of_it() {
    let cases = [
        (Fate::Used, Cause::Revoked),
        (Fate::Expired, Cause::Expired),
        (Fate::ChainBroken, Cause::Superseded { by: None }),
    ];
    for (fate, cause) in cases {
        let mut world = world();
        begin(&mut world);
        ends(&mut world, 0, fate);
        assert_eq!(world.connection.state, State::Reauthorize(cause));
    }
}

/// Refused for good, with an unspent pair that was rotated since; its renewal is not heard of.
fn failed_and_renewing() -> World {
    let mut world = World::authorized(ChannelKind::Http, 602, 0);
    world.play(&Move::Wait(602));
    world.play(&Move::Begin {
        person: false,
        look_up: false,
        unknown: false,
    });
    world.play(&Move::End {
        which: 0,
        how: How::RefusedUnspent,
    });
    begin(&mut world);
    nothing_is_heard(&mut world);
    world
}

#[test]
fn what_was_refused_for_good_stays_so_and_takes_its_rescued_pair_in() {
    let mut world = failed_and_renewing();
    begin(&mut world);
    nothing_is_heard(&mut world);
    assert_eq!((world.status(), world.generation()), (Status::Failed, None));
    assert_eq!(ends(&mut world, 0, PAIR), None);
    assert_eq!((world.status(), world.generation()), (Status::Failed, Some(3)));
    assert!(matches!(&world.connection.state, State::Failed(failure) if failure.lost.is_none()));
    // Known once.
    assert_eq!(ends(&mut world, 0, PAIR), Some(Why::NothingToDo));
}

#[test]
fn a_wish_waits_for_the_rotation_and_destroys_what_it_brings() {
    let mut world = world();
    begin(&mut world);
    assert_eq!(world.play(&Move::Cancel), None);
    assert_eq!(world.status(), Status::Authorized);
    ends(&mut world, 0, PAIR);
    assert_eq!(world.status(), Status::Cancelled);
    assert!(world.books.sealed.is_empty());
    // It comes once more, from the rescue queue.
    assert_eq!(ends(&mut world, 0, PAIR), None);
    let finished = |record: &Record| matches!(&record.what, What::PairDropped { reason, .. } if reason == "the connection is finished");
    assert!(world.records.iter().any(finished), "{:?}", world.records);
    assert!(world.books.sealed.is_empty());
}

#[test]
fn a_refused_registration_that_left_the_pair_may_be_followed_by_a_rotation_and_another_may_not() {
    for (how, may) in [(How::RefusedUnspent, true), (How::RefusedUnknown, false)] {
        let mut world = World::authorized(ChannelKind::Http, 602, 0);
        world.play(&Move::Wait(602));
        world.play(&Move::Begin {
            person: false,
            look_up: false,
            unknown: false,
        });
        assert!(world.play(&Move::Rotate).is_some(), "never while it is under way");
        world.play(&Move::End { which: 0, how });
        world.play(&Move::Rotate);
        assert_eq!(is_rotating(&world.connection), may, "{how:?}");
    }
}
