//! Lines of the log that more than one way leads to. No secrets, no names of customers.

use handover_core::{
    connection::{Cause, Connection, Done, State},
    ids::EffectId,
};

/// How an attempt ended.
pub(crate) fn attempt_ended(connection: &Connection, effect: EffectId, outcome: &str) {
    if let State::Registered(done) = &connection.state {
        return registered(connection, done);
    }
    tracing::warn!(
        connection.id = %connection.id,
        effect.id = %effect,
        attempt.number = connection.attempts,
        outcome,
        status = %connection.state.status(),
        "handover.attempt_ended"
    );
}

/// The line that says a customer is there, and how late.
pub(crate) fn registered(connection: &Connection, done: &Done) {
    let late = connection
        .due_at()
        .map(|due_at| connection.updated_at.duration_since(due_at).as_secs());
    tracing::info!(
        connection.id = %connection.id,
        database.segment = %done.segment,
        attempt.number = connection.attempts,
        late.seconds = late,
        "handover.registered"
    );
}

/// The line that says a database stands without its authorisation, or may do so.
pub(crate) fn cut_off(connection: &Connection, done: &Done) {
    if let Some(by) = done.superseded_by {
        tracing::error!(
            connection.id = %connection.id,
            database.segment = %done.segment,
            by.connection.id = %by,
            "handover.authorisation_lost"
        );
    } else {
        tracing::error!(
            connection.id = %connection.id,
            database.segment = %done.segment,
            "handover.authorisation_uncertain"
        );
    }
}

/// What the place of a connection's chain among those of its user means for it.
pub(crate) fn placed(connection: &Connection) {
    if let State::Reauthorize(Cause::Superseded { .. }) = &connection.state {
        tracing::warn!(connection.id = %connection.id, "handover.chain_outlived");
    } else if let Some(contest) = connection.contests.first() {
        tracing::warn!(
            connection.id = %connection.id,
            with.connection.id = %contest.with.connection,
            "handover.chain_contested"
        );
    }
}
