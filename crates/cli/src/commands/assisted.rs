//! `done`, `refused`, `put-back`: how an assisted registration ended.

use std::time::Duration;

use handover_core::{
    apply::Along,
    budget::Budget,
    connection::{Attempter, Connection, EffectKind, PairFate, Problem},
    event::{Actor, Event, Outcome, What},
    ids::{ConnectionId, EffectId},
    ports::{Clock, Queue, Randomness, Store, Vault},
    registration::ChannelKind,
};

use super::{Changed, House};
use crate::{
    args::{DoneArgs, PutBack, RefusedArgs},
    failure::Failure,
};

/// How long an outcome is tried to be written, with somebody waiting in front of it.
const PATIENCE: Duration = Duration::from_secs(30);

impl<S: Store, V: Vault, Q: Queue, C: Clock, R: Randomness> House<'_, S, V, Q, C, R> {
    pub(super) async fn done(&self, args: DoneArgs) -> Result<Changed, Failure> {
        let segment = args.segment;
        self.ended(args.id, args.of.attempt, Outcome::Registered { segment })
            .await
    }

    pub(super) async fn refused(&self, args: RefusedArgs) -> Result<Changed, Failure> {
        let pair = args.pair.fate();
        let reason = args.reason;
        self.ended(args.id, args.of.attempt, Outcome::Refused { reason, pair })
            .await
    }

    pub(super) async fn put_back(&self, args: PutBack) -> Result<Changed, Failure> {
        self.ended(args.id, args.of.attempt, put_back(args.reason)).await
    }

    async fn ended(&self, id: ConnectionId, said: Option<EffectId>, outcome: Outcome) -> Result<Changed, Failure> {
        let connection = self.load(id).await?;
        let open = assisted_attempt(&connection, said)?;
        if said != Some(open) {
            let by = self.holder(&connection, open).await?;
            // What somebody printed or remembered may be of an attempt that is long over: ending the one that another
            // person has in hand now would let a token pair be entered twice.
            if said.is_some() || by.as_deref() != Some(self.person) {
                return Err(self.not_this_one(&connection, said, open, by));
            }
        }
        self.end(id, open, outcome).await
    }

    /// Who has `attempt`, which is under way or in doubt, in hand, or had it.
    async fn holder(&self, connection: &Connection, attempt: EffectId) -> Result<Option<String>, Failure> {
        if let Some(effect) = &connection.effect {
            return Ok(match &effect.kind {
                EffectKind::Attempt {
                    by: Attempter::Person(name),
                    ..
                } => Some(name.clone()),
                _ => None,
            });
        }
        let history = self.store.history(connection.id).await?;
        Ok(history
            .into_iter()
            .rev()
            .find_map(|record| match (record.what, record.by) {
                (What::AttemptBegan { effect, .. }, Actor::Person(name)) if effect == attempt => Some(name),
                _ => None,
            }))
    }

    fn not_this_one(
        &self,
        connection: &Connection,
        said: Option<EffectId>,
        open: EffectId,
        by: Option<String>,
    ) -> Failure {
        let id = connection.id;
        let by = by.unwrap_or_else(|| "somebody".into());
        let stands = match &connection.effect {
            Some(effect) => format!(
                "{by} has {id} in hand, as attempt {open}, until {} at the latest",
                self.zone.with_utc(effect.lease_ends_at)
            ),
            None => format!("the attempt at {id} in doubt is {open}, which {by} had in hand"),
        };
        Failure::Refused(match (said, &connection.effect) {
            (Some(said), _) if by == self.person => format!(
                "attempt {said} is not the one that is open, and nothing was written; {stands}. If you mean that one, say \
                 so with --attempt {open}"
            ),
            (Some(said), _) => format!(
                "attempt {said} is not the one that is open, and nothing was written; {stands}. Tell {by} what you know of \
                 yours before anything is entered again; `handover show {id}` tells how yours ended"
            ),
            (None, Some(_)) => format!(
                "{stands}, and it is for {by} to say how it ended; nothing was written. If you know how this very \
                 attempt ended, say so with --attempt {open}"
            ),
            (None, None) => format!(
                "{stands}; nothing was written. If you know how this very attempt ended, say so with --attempt {open}, \
                 or look at Invantive Cloud and settle it with `handover resolve {id}`"
            ),
        })
    }

    /// Writes how `attempt` ended: as an outcome, which goes on until it is stored.
    pub(super) async fn end(&self, id: ConnectionId, attempt: EffectId, outcome: Outcome) -> Result<Changed, Failure> {
        let message = told(&outcome);
        let again = again(id, attempt, &outcome);
        let event = Event::AttemptEnded {
            effect: attempt,
            outcome,
        };
        let budget = Budget::begin(self.clock, PATIENCE);
        let connection = self
            .desk()
            .record(id, &event, &self.actor(), &Along::default(), &budget)
            .await
            .map_err(|error| Failure::from(error).and(&again))?;
        Ok(self.changed(&connection, message).await)
    }
}

/// Nothing was entered: comes back by itself.
pub(super) fn put_back(reason: String) -> Outcome {
    Outcome::NotSent {
        reason,
        problem: Problem::ChannelUnavailable,
    }
}

fn told(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Registered { .. } => "The database is registered; the token pair is destroyed here.",
        Outcome::Refused {
            pair: PairFate::Unspent,
            ..
        } => "The refusal is written down; the token pair is kept.",
        Outcome::Refused { .. } => {
            "The refusal is written down; the token pair may have been exchanged there and is destroyed here."
        }
        Outcome::NotSent { .. } => "It is put back; the token pair is kept, and it comes back by itself.",
        Outcome::Unanswered { .. } => "It counts as in doubt.",
    }
}

/// What to type when it could not be written: an outcome that nobody says again becomes a doubt.
fn again(id: ConnectionId, attempt: EffectId, outcome: &Outcome) -> String {
    let command = match outcome {
        Outcome::Registered { segment } => format!("done {id} --attempt {attempt} --segment {segment}"),
        Outcome::Refused { .. } => {
            format!("refused {id} --attempt {attempt} --reason … --spent, --unspent or --unknown")
        }
        Outcome::NotSent { .. } | Outcome::Unanswered { .. } => {
            format!("put-back {id} --attempt {attempt} --reason …")
        }
    };
    format!("if `handover show {id}` does not know how it ended, say it again: handover {command}")
}

/// The attempt that a person has in hand, or had when its time ended.
fn assisted_attempt(connection: &Connection, said: Option<EffectId>) -> Result<EffectId, Failure> {
    let id = connection.id;
    let by_worker = connection.effect.as_ref().is_some_and(|effect| {
        let by = match &effect.kind {
            EffectKind::Attempt { by, .. } => Some(by),
            EffectKind::Exchange { .. } | EffectKind::Rotation { .. } => None,
        };
        by == Some(&Attempter::Worker)
    });
    match connection.open_attempt() {
        // Its outcome is the worker's to tell; what a person knows of it settles the doubt.
        Some(_) if by_worker || connection.registration.kind == ChannelKind::Http => Err(Failure::Refused(format!(
            "{id} is registered over an http channel, not by a person; if its attempt is in doubt, settle it with \
             `handover resolve {id}`"
        ))),
        Some(attempt) => Ok(attempt),
        None if said.is_some() => Err(Failure::Refused(format!(
            "that attempt is neither under way nor in doubt ({id} is {}), and nothing was written; `handover show {id}` \
             tells how it ended, and if the database exists all the same, say `handover resolve {id} --registered SEGMENT`",
            connection.state.status()
        ))),
        None => Err(Failure::Refused(format!(
            "nobody has {id} in hand (it is {}); take it with `handover take {id}`, or, if the database exists all the \
             same, say `handover resolve {id} --registered SEGMENT`",
            connection.state.status()
        ))),
    }
}
