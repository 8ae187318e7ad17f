//! The last moment at which something still holds, and the first at which it does not.

use std::{sync::Mutex, time::Duration};

use handover_core::{
    agenda::{self, Matter, Step, Task},
    budget::Budget,
    connection::{Connection, OpenIntent, State},
    ids::{EffectId, LinkHash},
    ports::Clock,
    registration::{ChannelKind, Due},
};
use jiff::Timestamp;

use crate::{
    moves::Move,
    world::{World, digest},
};

const DAY: Duration = Duration::from_secs(86_400);
const MOMENT: Duration = Duration::from_millis(1);

#[test]
fn a_consent_is_accepted_over_the_open_link_until_that_ends_or_something_is_under_way() {
    let mut world = World::new(ChannelKind::Http, Due::AfterConsent { seconds: 0 });
    let link = world.links[0].clone();
    let ends_at = world.connection.link.as_ref().unwrap().expires_at;
    let accepts = |world: &World, at| world.connection.accepts_consent(&link, at);
    assert!(accepts(&world, world.now) && accepts(&world, ends_at - MOMENT));
    assert!(!accepts(&world, ends_at));
    let another = LinkHash::from_digest(&digest(9));
    assert!(!world.connection.accepts_consent(&another, world.now));
    for state in [State::Registering, State::Cancelled] {
        let mut closed = World::new(ChannelKind::Http, Due::AfterConsent { seconds: 0 });
        closed.connection.state = state;
        assert!(!accepts(&closed, closed.now));
    }
    world.play(&Move::Consent { link_of: 0 });
    assert!(world.connection.effect.is_some() && !accepts(&world, world.now));
}

/// One that waits for its registration and is at the warning of `days` left.
fn warned_of(days: u32, renew_days: Option<u32>) -> World {
    let due = Due::AfterConsent { seconds: 29 * 86_400 };
    let mut world = World::renewing(ChannelKind::Http, due, renew_days).unwrap();
    world.consent(600);
    let ends_at = world.connection.pair.as_ref().unwrap().refresh_ends_at;
    world.now = ends_at - DAY * days;
    world
}

#[test]
fn a_warning_is_in_earnest_where_no_renewal_comes_first() {
    let in_earnest = |world: &World, matter| agenda::warns_in_earnest(matter, &world.connection, world.now);
    assert!(in_earnest(&warned_of(7, None), Matter::Warn));
    assert!(!in_earnest(&warned_of(7, None), Matter::Remind), "no warning");
    let mut renewing = warned_of(7, Some(3));
    assert!(!in_earnest(&renewing, Matter::Warn), "it is renewed in four days");
    renewing.connection.pair.as_mut().unwrap().put_off = 1;
    assert!(in_earnest(&renewing, Matter::Warn), "a renewal was refused before");
    let ends_at = renewing.connection.pair.as_ref().unwrap().refresh_ends_at;
    for (not_before, comes) in [(ends_at - MOMENT, true), (ends_at, false)] {
        let mut late = warned_of(7, Some(3));
        late.connection.pair.as_mut().unwrap().rotate_at = Some(not_before);
        assert_eq!(in_earnest(&late, Matter::Warn), !comes, "it would come with the end");
    }
    let mut open = warned_of(7, Some(3));
    let pair = open.connection.pair.as_mut().unwrap();
    pair.open_intent = Some(OpenIntent {
        effect: EffectId::new(open.now, 1),
        into: 2,
        recover_at: open.now + DAY,
    });
    assert!(in_earnest(&open, Matter::Warn), "a renewal came to no clear end");
}

#[test]
fn a_pair_that_never_lived_longer_is_not_warned_of() {
    let warned_at_once = |days| {
        let mut world =
            World::renewing(ChannelKind::Assisted, Due::AfterConsent { seconds: 29 * 86_400 }, None).unwrap();
        world.connection.upkeep.warn_days = vec![days];
        world.consent(600);
        let pair = world.connection.pair.as_mut().unwrap();
        // Exactly thirty days.
        pair.answered_at = pair.refresh_ends_at - DAY * 30;
        world.now = pair.refresh_ends_at - DAY * days;
        agenda::step(&world.connection, world.now) == Step::Decide(Matter::Warn)
    };
    assert!(warned_at_once(29));
    assert!(!warned_at_once(30), "that is its whole life");
}

#[test]
fn what_is_usual_is_not_written_and_what_is_not_reads_back() {
    let world = World::authorized(ChannelKind::Http, 3_600, 600);
    let written = serde_json::to_value(&world.connection).unwrap();
    let of = |part: &str, field: &str| written.get(part).and_then(|part| part.get(field)).is_some();
    let unwritten = [
        "lifetimes",
        "upkeep",
        "wishes",
        "contests",
        "to_tell",
        "doubted",
        "unclear_since",
        "identity_needed",
        "fresh_access_token",
        "late_success",
        "forgotten_at",
        "erase_to",
    ];
    assert!(unwritten.iter().all(|field| written.get(field).is_none()), "{written}");
    assert!(
        !of("pair", "open_intent") && !of("pair", "put_off") && !of("pair", "rotate_at") && !of("chain", "platform")
    );

    let mut unusual = world.connection;
    unusual.fresh_access_token = true;
    unusual.identity_needed = true;
    unusual.wishes.cancel = true;
    unusual.lifetimes.refresh_seconds = 7;
    unusual.pair.as_mut().unwrap().put_off = 2;
    let written = serde_json::to_value(&unusual).unwrap();
    assert_eq!(serde_json::from_value::<Connection>(written).unwrap(), unusual);
}

#[test]
fn only_what_calls_the_platform_or_invantive_cloud_takes_from_the_pace() {
    let outside = [Task::Register, Task::Rotate, Task::LookUp, Task::AskIdentity];
    let inside = [Task::Tell, Task::Alarm, Task::Erase, Task::Retire];
    assert!(outside.iter().all(|task| task.calls_outside()));
    assert!(!inside.iter().any(|task| task.calls_outside()));
}

#[test]
fn the_identity_is_asked_for_while_the_access_token_lives() {
    let asked = |lives| {
        let mut world = World::new(ChannelKind::Http, Due::AfterConsent { seconds: 3_600 });
        world.play(&Move::Consent { link_of: 0 });
        world.play(&Move::Exchange {
            which: 0,
            told: Some(600),
        });
        let pair = world.connection.pair.as_mut().unwrap();
        let asked_at = pair.answered_at + Duration::from_secs(30);
        pair.access_ends_at = asked_at + lives;
        agenda::step(&world.connection, asked_at) == Step::Perform(Task::AskIdentity)
    };
    assert!(asked(MOMENT));
    assert!(!asked(Duration::ZERO), "it ends in that moment");
}

#[test]
fn a_queue_may_hold_a_pair_until_the_next_decision_on_it() {
    let next = |world: &World| agenda::next_decision(&world.connection, world.now).unwrap();
    let mut world = warned_of(7, None);
    let ends_at = world.connection.pair.as_ref().unwrap().refresh_ends_at;
    let told_at = world.now;
    world.now = told_at - MOMENT;
    assert_eq!(next(&world), told_at);
    world.now = told_at;
    assert_eq!(
        next(&world),
        ends_at,
        "the warning itself is due, and what follows it is not known yet"
    );
    world.play(&Move::Wake);
    assert_eq!(next(&world), ends_at - DAY * 3);
    // Registering and renewing are no decisions: they may be made to wait.
    let world = World::authorized(ChannelKind::Http, 3_600, 600);
    assert_eq!(
        agenda::next_wake(&world.connection, world.now),
        Some(world.now + DAY / 24)
    );
    assert_eq!(
        next(&world),
        world.connection.pair.as_ref().unwrap().refresh_ends_at - DAY * 7
    );
}

/// A clock that says what it is told.
struct Told(Mutex<Duration>);

impl Clock for Told {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn monotonic(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }
}

#[test]
fn nothing_is_begun_that_could_not_be_heard_out_and_stored() {
    let seconds = Duration::from_secs;
    let clock = Told(Mutex::new(seconds(1_000)));
    let budget = Budget::begin(&clock, seconds(120));
    let at = |passed: Duration| *clock.0.lock().unwrap() = seconds(1_000) + passed;
    assert_eq!(budget.left(&clock), seconds(120));
    assert_eq!(budget.for_tokens(&clock), Some(seconds(75)), "the most");
    at(seconds(30));
    assert_eq!(budget.for_tokens(&clock), Some(seconds(65)), "25 are kept for storing");
    at(seconds(42));
    assert_eq!(budget.for_tokens(&clock), Some(seconds(60)), "the least, and eighteen");
    assert!(budget.fits(&clock, seconds(60)) && !budget.fits(&clock, seconds(60) + MOMENT));
    at(seconds(42) + MOMENT);
    assert_eq!(budget.for_tokens(&clock), None);
    at(seconds(200));
    assert_eq!(budget.left(&clock), Duration::ZERO);
}

#[test]
fn a_lease_outlives_its_invocation_by_a_minute() {
    let budget = Budget::begin(&Told(Mutex::default()), Duration::from_secs(120));
    let ends_at = budget.lease_ends_at(Timestamp::UNIX_EPOCH);
    assert_eq!(ends_at.as_second(), 180);
}
