//! An http channel that answers what it is told to.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use handover_core::{
    connection::LookUpRule,
    event::{LookUpAnswer, Outcome},
    ids::{AuthorisationId, ConnectionId, CustomerReference, Segment},
    ports::{NotPrepared, Registrar, Submission},
    secret::Plaintext,
};

use crate::lock;

/// Answers from a list; with the list at its end, that the database is registered.
#[derive(Debug, Default)]
pub struct ScriptedRegistrar {
    /// What stands in the way of preparing.
    pub obstacles: Mutex<VecDeque<NotPrepared>>,
    /// How the next submissions end.
    pub outcomes: Mutex<VecDeque<Outcome>>,
    /// What the next look-ups say.
    pub answers: Mutex<VecDeque<LookUpAnswer>>,
    /// How a doubt can be settled.
    pub rule: Mutex<Option<LookUpRule>>,
    /// Whether the access token has to be a living one.
    pub wants_fresh: AtomicBool,
    /// The refresh tokens that were submitted.
    pub submitted: Mutex<Vec<String>>,
    /// Look-ups made.
    pub looked: Mutex<u32>,
}

/// A submission that is ready to go.
#[derive(Debug)]
pub struct Prepared {
    refresh_token: String,
    database: Segment,
}

impl Registrar for ScriptedRegistrar {
    type Prepared = Prepared;

    fn prepare(&self, _profile: &Plaintext, submission: &Submission<'_>) -> Result<Prepared, NotPrepared> {
        if let Some(obstacle) = lock(&self.obstacles).pop_front() {
            return Err(obstacle);
        }
        Ok(Prepared {
            refresh_token: submission.tokens.refresh_token.expose().to_owned(),
            database: submission.database.clone(),
        })
    }

    fn look_up_rule(&self, _prepared: &Prepared) -> Option<LookUpRule> {
        *lock(&self.rule)
    }

    fn needs_fresh_access_token(&self, _prepared: &Prepared) -> bool {
        self.wants_fresh.load(SeqCst)
    }

    fn time_limit(&self, _prepared: &Prepared) -> Duration {
        Duration::from_secs(60)
    }

    async fn submit(&self, prepared: Prepared) -> Outcome {
        lock(&self.submitted).push(prepared.refresh_token);
        lock(&self.outcomes).pop_front().unwrap_or(Outcome::Registered {
            segment: prepared.database,
        })
    }

    async fn look_up(
        &self,
        _profile: &Plaintext,
        _connection: ConnectionId,
        _authorisation: &AuthorisationId,
        _reference: &CustomerReference,
        _database: &Segment,
    ) -> Result<LookUpAnswer, NotPrepared> {
        *lock(&self.looked) += 1;
        Ok(lock(&self.answers).pop_front().unwrap_or(LookUpAnswer::Absent))
    }
}
