//! What holds of every step, and of every connection after it.

use std::{collections::HashSet, time::Duration};

use handover_core::{
    connection::{Connection, EffectKind, Pair, State, Status},
    decide::{Decision, Why},
    event::{Event, Outcome, Record},
    ports::RefreshRefusal,
};
use jiff::Timestamp;

use crate::{books::Books, world::is_rotating};

/// A pair or a failure is turned away only where that changes nothing, or to come again.
pub fn of_a_refusal(before: &Connection, event: &Event, why: &Why) {
    match event {
        Event::Received(brought) => {
            let stored = before.pair.as_ref().is_some_and(|pair| pair.key == brought.pair);
            let comes_again = match why {
                Why::UnderWay { .. } => is_rotating(before) || before.state.status() == Status::Registering,
                Why::InDoubt => before.state.status() == Status::InDoubt,
                _ => false,
            };
            assert!(
                stored && *why == Why::NothingToDo || comes_again,
                "invariant_a_received_pair_is_kept_or_dropped_with_a_record: {why}"
            );
        }
        Event::ExchangeFailed { .. } | Event::RotationFailed { .. } => {
            assert_eq!(*why, Why::NothingToDo, "invariant_outcomes_are_legal_in_every_state");
        }
        _ => {}
    }
}

pub fn of_a_step(before: &Connection, event: &Event, decision: &Decision, now: Timestamp) {
    let after = &decision.connection;
    assert_eq!(
        after.revision,
        before.revision.next(),
        "invariant_every_write_has_a_revision"
    );
    // What says only that something was done adds nothing to the history.
    let silent = matches!(
        event,
        Event::Told(_) | Event::Alarmed | Event::Erased { .. } | Event::Identified { .. }
    );
    assert!(
        silent || !decision.records.is_empty(),
        "invariant_every_write_leaves_a_record: {event:?}"
    );
    of_an_effect_under_way(before, event, after);
    let cut_off = |connection: &Connection| {
        let done = connection.cut_off()?;
        Some((done.superseded_by, done.authorisation_uncertain))
    };
    let was_to_alarm = to_alarm(before) && !matches!(event, Event::Alarmed);
    assert_eq!(
        to_alarm(after),
        was_to_alarm || cut_off(after) != cut_off(before),
        "invariant_a_lost_authorisation_rings_until_the_alarm_was_raised: {event:?}"
    );
    for record in &decision.records {
        let written = serde_json::to_value(record).unwrap();
        assert_eq!(
            serde_json::from_value::<Record>(written).unwrap(),
            *record,
            "invariant_every_record_reads_back"
        );
    }
    if before.state.status().is_final() {
        assert_eq!(before.state.status(), after.state.status(), "invariant_final_is_final");
    }
    if let Event::AttemptEnded {
        outcome: Outcome::Registered { .. },
        ..
    } = event
    {
        let status = after.state.status();
        let waits = after.effect.is_some() && after.late_success.is_some();
        assert!(
            matches!(status, Status::Registered | Status::Cancelled) || waits,
            "invariant_a_success_is_never_dropped ({status})"
        );
    }
    if let Event::AttemptBegun { .. } = event {
        of_an_attempt(before, decision, now);
    }
    if let Event::RotationFailed { refusal, .. } = event {
        of_a_failed_rotation(before, *refusal, after);
    }
}

fn of_an_effect_under_way(before: &Connection, event: &Event, after: &Connection) {
    let outcome = matches!(
        event,
        Event::Received(_)
            | Event::ExchangeFailed { .. }
            | Event::RotationFailed { .. }
            | Event::AttemptEnded { .. }
            | Event::Woke
    );
    if let (Some(effect), false) = (&before.effect, outcome) {
        assert_eq!(
            before.state, after.state,
            "invariant_only_outcome_or_lease_moves_the_state: {event:?}"
        );
        assert_eq!(
            Some(effect),
            after.effect.as_ref(),
            "invariant_only_outcome_or_lease_ends_an_effect: {event:?}"
        );
    }
}

fn of_an_attempt(before: &Connection, decision: &Decision, now: Timestamp) {
    let stale = |pair: &Pair| {
        let left_since = |moment| pair.access_ends_at.duration_since(moment).as_millis();
        left_since(now) <= 120_000.min(left_since(pair.sent_at) / 5)
    };
    assert!(
        !(before.fresh_access_token && before.pair.as_ref().is_some_and(stale)),
        "invariant_no_attempt_while_contested_uncertain_or_stale"
    );
    assert_eq!(
        decision.requires.is_some(),
        before.identity.is_some(),
        "invariant_an_attempt_of_a_known_user_requires_the_live_chain"
    );
    if let (Some(required), Some(chain)) = (&decision.requires, &before.chain) {
        assert_eq!(required.authorisation, chain.authorisation);
    }
}

fn of_a_failed_rotation(before: &Connection, refusal: RefreshRefusal, after: &Connection) {
    let Some(EffectKind::Rotation { from, .. }) = before.effect.as_ref().map(|effect| &effect.kind) else {
        panic!("invariant_a_late_failure_changes_nothing");
    };
    let kept = before.pair.as_ref().map(|pair| &pair.key);
    assert_eq!(
        kept,
        Some(from),
        "invariant_used_condemns_only_the_pair_that_was_presented"
    );
    // Unless somebody wished for it meanwhile.
    let wished = before.wishes.cancel || before.wishes.superseded_by.is_some() || before.late_success.is_some();
    if refusal == RefreshRefusal::Unharmed && !wished {
        assert_eq!(
            after.pair.as_ref().map(|pair| &pair.key),
            Some(from),
            "invariant_unharmed_refusals_never_condemn"
        );
    }
}

pub fn of_a_connection(connection: &Connection, books: &Books, now: Timestamp) {
    let status = connection.state.status();
    let kind = connection.effect.as_ref().map(|effect| &effect.kind);
    assert_eq!(
        matches!(kind, Some(EffectKind::Attempt { .. })),
        status == Status::Registering,
        "invariant_registering_is_an_attempt_under_way"
    );
    let kept: HashSet<_> = connection.pair.iter().map(|pair| pair.key.clone()).collect();
    assert_eq!(
        kept, books.sealed,
        "invariant_what_is_sealed_is_what_is_known ({status})"
    );
    if status.is_final() {
        of_the_finished(connection, books);
    } else {
        assert!(
            connection.wake_at.is_some_and(|wake_at| wake_at < Timestamp::MAX),
            "invariant_nothing_is_forgotten ({status})"
        );
    }
    of_its_pair(connection, status);
    if connection.late_success.is_some() {
        assert!(
            connection.effect.is_some(),
            "invariant_a_known_success_waits_for_an_effect_only"
        );
    }
    let written = serde_json::to_string(connection).unwrap();
    assert_eq!(
        &serde_json::from_str::<Connection>(&written).unwrap(),
        connection,
        "invariant_what_is_written_reads_back"
    );
    if let (State::InDoubt(_), Some(link)) = (&connection.state, &connection.link) {
        assert!(
            !connection.accepts_consent(&link.hash, now),
            "invariant_no_consent_in_doubt"
        );
    }
}

fn of_the_finished(connection: &Connection, books: &Books) {
    assert!(books.sealed.is_empty(), "invariant_nothing_final_keeps_a_pair");
    assert!(
        connection.effect.is_none() && connection.link.is_none() && connection.contests.is_empty(),
        "invariant_final_is_closed"
    );
    let at_once = !connection.to_tell.is_empty() || connection.erase_to.is_some() || to_alarm(connection);
    let days = if at_once {
        0
    } else {
        u64::from(connection.upkeep.retention_days)
    };
    let wakes_at = connection.updated_at + Duration::from_secs(days * 86_400);
    assert_eq!(
        connection.wake_at,
        Some(wakes_at),
        "invariant_final_wakes_to_tell_to_alarm_to_erase_and_to_go"
    );
}

fn to_alarm(connection: &Connection) -> bool {
    matches!(&connection.state, State::Registered(done) if done.to_alarm)
}

fn of_its_pair(connection: &Connection, status: Status) {
    if matches!(
        status,
        Status::Authorized | Status::AwaitingOperator | Status::Registering
    ) {
        assert!(
            connection.pair.is_some(),
            "invariant_a_registration_has_a_pair ({status})"
        );
        assert!(
            connection.due_at().is_some(),
            "invariant_an_authorised_connection_is_due_some_time"
        );
    }
    if matches!(status, Status::Invited | Status::Reauthorize) {
        assert!(
            connection.pair.is_none(),
            "invariant_no_pair_while_waiting_for_a_consent"
        );
    }
    let Some(pair) = &connection.pair else {
        assert!(connection.contests.is_empty(), "invariant_what_is_contested_has_a_pair");
        assert!(!is_rotating(connection), "invariant_what_is_rotated_has_a_pair");
        return;
    };
    let chain = connection.chain.as_ref().unwrap();
    assert!(
        chain.authorisation == pair.key.authorisation && chain.generation >= pair.key.generation,
        "invariant_the_pair_is_of_the_last_chain"
    );
    if matches!(status, Status::Registering | Status::InDoubt) {
        assert!(
            connection.contests.is_empty(),
            "invariant_nothing_contested_is_registered"
        );
    }
}
