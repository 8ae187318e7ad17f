//! Connections of one user: news reach whom they concern, and nobody waits for a word that never comes.

use std::time::Duration;

use handover_core::{
    connection::{Cause, Connection, News, Problem, State, Status, Tidings},
    decide::{Why, decide},
    event::{Actor, Event},
    ids::{AuthorisationId, ConnectionId},
};
use proptest::prelude::*;

use crate::{
    town::{End, Move, Town, moves},
    world::digest,
};

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn invariant_nobody_waits_for_a_word_that_never_comes(steps in prop::collection::vec(moves(), 0..60)) {
        let mut town = Town::new();
        for step in steps {
            town.play(step);
            town.nobody_waits_in_vain();
            town.what_met_is_ended_by_a_rotation_only();
        }
        let before = town.now;
        town.settle();
        prop_assert!(town.now < before + Duration::from_secs(2 * 86_400), "within days, not weeks");
    }
}

/// Two consents of one user whose exchanges were under way at the same time: the second is the later one.
fn overlapping() -> Town {
    let mut town = Town::new();
    for step in [
        Move::Consent(0),
        Move::Wait(1),
        Move::Consent(1),
        Move::Wait(1),
        Move::Answer(0),
        Move::Answer(1),
    ] {
        town.play(step);
    }
    town
}

/// The same, and both know it.
fn contested() -> Town {
    let mut town = overlapping();
    for step in [Move::Identify(0), Move::Identify(1), Move::Tell(1, true)] {
        town.play(step);
    }
    for of in [0, 1] {
        assert_eq!(town.connections[of].contests.len(), 1);
    }
    town
}

#[test]
fn neither_of_two_contested_chains_is_registered_until_the_later_was_rotated() {
    let mut town = contested();
    town.play(Move::Register(1));
    assert_eq!(town.connections[1].state.status(), Status::Authorized);
    town.play(Move::Wait(601));
    town.play(Move::Rotate(1));
    town.play(Move::Rotated(1, End::Pair));
    town.play(Move::Tell(1, true));
    let by = town.connections[1].id;
    let superseded = State::Reauthorize(Cause::Superseded { by: Some(by) });
    assert_eq!(town.connections[0].state, superseded);
    town.play(Move::Register(1));
    assert_eq!(town.connections[1].state.status(), Status::Registering);
}

#[test]
fn the_earlier_of_two_contested_chains_lives_if_the_later_one_is_dead() {
    let mut town = contested();
    town.play(Move::Wait(601));
    town.play(Move::Rotate(1));
    town.play(Move::Rotated(1, End::Broken));
    assert_eq!(town.connections[1].state.status(), Status::Reauthorize);
    town.play(Move::Tell(1, true));
    assert!(town.connections[0].contests.is_empty() && town.connections[0].attention.is_none());
    town.play(Move::Register(0));
    assert_eq!(
        town.connections[0].state.status(),
        Status::Registering,
        "the place was handed back"
    );
}

/// Three consents of one user. The first one's exchange met the second, and the third as well if `it_met_the_third`; that
/// one came after the second.
fn three(it_met_the_third: bool) -> Town {
    let mut town = Town::new();
    let (wait, third) = (Move::Wait(1), [Move::Consent(2), Move::Wait(1)]);
    let mut steps = vec![Move::Consent(0), wait, Move::Consent(1), wait, Move::Answer(1), wait];
    if it_met_the_third {
        steps.extend(third);
        steps.push(Move::Answer(0));
    } else {
        steps.extend([Move::Answer(0), wait]);
        steps.extend(third);
    }
    steps.push(Move::Answer(2));
    steps.into_iter().for_each(|step| town.play(step));
    town
}

/// The third is known last, and ends the second; that one says so to the first.
fn overtake(town: &mut Town) {
    for step in [
        Move::Identify(1),
        Move::Tell(1, true),
        Move::Identify(2),
        Move::Tell(2, true),
    ] {
        town.play(step);
    }
    let by = Some(town.connections[2].id);
    assert_eq!(town.connections[1].state, State::Reauthorize(Cause::Superseded { by }));
    assert!(matches!(town.connections[1].to_tell[0].news, News::Overtaken { .. }));
    town.play(Move::Tell(1, true));
}

#[test]
fn a_third_chain_ends_the_first_only_where_it_came_after_that_as_well() {
    let mut town = three(false);
    town.play(Move::Identify(0));
    overtake(&mut town);
    let by = Some(town.connections[2].id);
    assert_eq!(town.connections[0].state, State::Reauthorize(Cause::Superseded { by }));

    let mut town = three(true);
    town.play(Move::Identify(0));
    overtake(&mut town);
    let [first, _, third] = &town.connections[..] else {
        panic!("there are three")
    };
    assert_eq!(
        (first.state.status(), first.contests[0].with.connection),
        (Status::Authorized, third.id)
    );
    let problem = first.attention.as_ref().map(|attention| attention.problem);
    assert_eq!(problem, Some(Problem::Contested), "the third is left");
    assert!(matches!(&first.to_tell[0].news, News::Contested(contest) if contest.ours_is_later));
}

#[test]
fn a_rotation_ends_all_that_it_was_contested_with_and_what_those_were() {
    let mut town = Town::new();
    let exchanges = [0, 1, 2]
        .map(Move::Consent)
        .into_iter()
        .flat_map(|consent| [consent, Move::Wait(1)]);
    let known = [
        Move::Identify(0),
        Move::Identify(1),
        Move::Tell(1, true),
        Move::Identify(2),
        Move::Tell(2, true),
    ];
    let settled = [
        Move::Wait(601),
        Move::Rotate(2),
        Move::Rotated(2, End::Pair),
        Move::Tell(2, true),
    ];
    exchanges.for_each(|step| town.play(step));
    for step in [0, 1, 2].map(Move::Answer).into_iter().chain(known).chain(settled) {
        town.play(step);
    }
    let by = town.connections[2].id;
    assert_eq!(
        town.connections[1].to_tell[0].news,
        News::Superseded { by, by_rotation: true }
    );
    town.play(Move::Tell(1, true));
    for ended in &town.connections[..2] {
        assert_eq!(ended.state, State::Reauthorize(Cause::Superseded { by: Some(by) }));
    }
}

/// Its pair is gone: it has no place to be found out by.
#[test]
fn a_registered_database_counts_as_ended_with_the_chain_that_it_met() {
    let mut town = three(true);
    town.play(Move::Identify(0));
    town.play(Move::Register(0));
    town.registered(0);
    overtake(&mut town);
    let done = town.connections[0].cut_off().unwrap();
    assert_eq!(done.superseded_by, Some(town.connections[2].id));
}

#[test]
fn what_is_being_registered_hears_of_the_third_one_what_that_ones_rotation_shows() {
    for (end, superseded_by) in [(End::Pair, Some(2)), (End::Broken, None)] {
        let mut town = three(true);
        town.play(Move::Identify(0));
        town.play(Move::Register(0));
        overtake(&mut town);
        town.registered(0);
        assert_eq!(town.connections[0].cut_off(), None);
        let settled = [
            Move::Tell(0, true),
            Move::Wait(601),
            Move::Rotate(2),
            Move::Rotated(2, end),
            Move::Tell(2, true),
        ];
        settled.into_iter().for_each(|step| town.play(step));
        let by = superseded_by.map(|index: usize| town.connections[index].id);
        assert_eq!(town.connections[0].cut_off().and_then(|done| done.superseded_by), by);
    }
}

#[test]
fn a_contest_that_cannot_be_settled_any_more_is_a_persons() {
    let mut town = contested();
    town.play(Move::Cancel(1));
    town.play(Move::Tell(1, true));
    assert_eq!(town.connections[0].state.status(), Status::Failed);
    assert_eq!(
        town.connections[0]
            .attention
            .as_ref()
            .map(|attention| attention.problem),
        Some(Problem::PairUncertain)
    );
}

/// The earlier one is registered before the later one is known, which is given up before its rotation.
#[test]
fn a_registered_database_that_may_have_lost_its_authorisation_is_told_of() {
    for given_up_first in [true, false] {
        let mut town = overlapping();
        town.play(Move::Identify(0));
        town.play(Move::Register(0));
        let unsettled = [
            Move::Identify(1),
            Move::Tell(1, true),
            Move::Cancel(1),
            Move::Tell(1, true),
        ];
        if given_up_first {
            unsettled.into_iter().for_each(|step| town.play(step));
            town.registered(0);
        } else {
            town.registered(0);
            unsettled.into_iter().for_each(|step| town.play(step));
        }
        let attention = town.connections[0].attention.as_ref().unwrap();
        assert_eq!(attention.problem, Problem::AuthorisationLost);
        assert!(attention.text.contains("may have lost"), "{}", attention.text);
    }
}

#[test]
fn a_registered_database_raises_no_alarm_while_the_later_one_may_still_be_dead() {
    let mut town = overlapping();
    town.play(Move::Identify(0));
    town.play(Move::Register(0));
    town.registered(0);
    for step in [Move::Identify(1), Move::Tell(1, true)] {
        town.play(step);
    }
    assert_eq!(town.connections[0].cut_off(), None);
    for step in [
        Move::Wait(601),
        Move::Rotate(1),
        Move::Rotated(1, End::Broken),
        Move::Tell(1, true),
    ] {
        town.play(step);
    }
    assert_eq!(town.connections[0].cut_off(), None);
}

#[test]
fn what_was_told_is_told_and_nothing_else() {
    let mut connection = Town::new().connections.swap_remove(0);
    let tidings = |to: u8| Tidings {
        to: ConnectionId::new(connection.created_at, to.into()),
        chain: AuthorisationId::from_digest(&digest(to.into())),
        of: None,
        news: News::Released { by: connection.id },
    };
    let (one, two) = (tidings(1), tidings(2));
    connection.to_tell = vec![one.clone(), two.clone()];
    let told = |connection: &Connection, tidings| {
        decide(connection, Event::Told(tidings), &Actor::Worker, connection.created_at)
    };
    let after = told(&connection, one.clone()).unwrap().connection;
    assert_eq!(after.to_tell, [two]);
    assert_eq!(told(&after, one).unwrap_err().why, Why::NothingToDo);
}

/// The later one is registered, or being registered, before the earlier one is known: which of them lives nobody finds
/// out any more.
#[test]
fn a_database_of_the_later_of_two_contested_consents_is_told_of_too() {
    for registered_first in [true, false] {
        let mut town = overlapping();
        town.play(Move::Identify(1));
        town.play(Move::Register(1));
        if registered_first {
            town.registered(1);
        }
        town.play(Move::Identify(0));
        town.play(Move::Tell(0, true));
        if !registered_first {
            town.registered(1);
        }
        assert_eq!(town.connections[1].state.status(), Status::Registered);
        let done = town.connections[1].cut_off().unwrap();
        assert_eq!(done.superseded_by, None, "only perhaps");
        town.play(Move::Tell(1, true));
        assert_eq!(
            town.connections[0].state.status(),
            Status::Failed,
            "held back for a person"
        );
    }
}

#[test]
fn a_registered_database_that_lost_its_authorisation_is_told_loudly() {
    let mut town = Town::new();
    for step in [Move::Consent(0), Move::Answer(0), Move::Identify(0), Move::Register(0)] {
        town.play(step);
    }
    town.registered(0);
    for step in [
        Move::Wait(5),
        Move::Consent(1),
        Move::Answer(1),
        Move::Identify(1),
        Move::Tell(1, true),
    ] {
        town.play(step);
    }
    let attention = town.connections[0].attention.as_ref().unwrap();
    assert_eq!(attention.problem, Problem::AuthorisationLost);
    assert!(attention.text.contains("acme"), "{}", attention.text);
}
