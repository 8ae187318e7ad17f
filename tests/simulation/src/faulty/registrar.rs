//! A registrar whose submissions can wait for each other, or bring their caller down.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::Duration,
};

use handover_core::{
    connection::{LookUpRule, Problem},
    event::{LookUpAnswer, Outcome},
    ids::{AuthorisationId, ConnectionId, CustomerReference, Segment},
    ports::{NotPrepared, Registrar, Submission},
    secret::Plaintext,
};
use tokio::sync::Barrier;

use super::{Fate, is};
use crate::{ManualClock, ScriptedRegistrar, lock};

/// A registrar whose submissions can wait for each other, or bring their caller down.
#[derive(Debug)]
pub struct FaultyRegistrar {
    /// What it answers.
    pub inner: ScriptedRegistrar,
    /// Moved by what takes time.
    pub clock: &'static ManualClock,
    /// Its process's.
    pub fate: Arc<Fate>,
    /// The limit of a request.
    pub limit: Mutex<Duration>,
    /// How long the preparing takes.
    pub preparing: Mutex<Duration>,
    /// Submissions wait for each other.
    pub barrier: Mutex<Option<&'static Barrier>>,
    /// Connections whose submission brings the process down.
    pub cursed: Mutex<HashSet<ConnectionId>>,
    /// What was submitted: whose, which attempt, to which host's application.
    pub submitted: Mutex<Vec<(ConnectionId, u32, String)>>,
    /// How each of them ended; `None`: the process did not live to hear it.
    pub ended: Mutex<Vec<Option<Outcome>>>,
    /// The authorisations that were looked up.
    pub looked_up: Mutex<Vec<AuthorisationId>>,
    /// Something stands in the way of looking up.
    pub no_look_up: AtomicBool,
}

impl FaultyRegistrar {
    /// With this clock and this fate.
    #[must_use]
    pub fn new(clock: &'static ManualClock, fate: Arc<Fate>) -> Self {
        Self {
            inner: ScriptedRegistrar::default(),
            clock,
            fate,
            limit: Mutex::new(Duration::from_secs(60)),
            preparing: Mutex::default(),
            barrier: Mutex::default(),
            cursed: Mutex::default(),
            submitted: Mutex::default(),
            ended: Mutex::default(),
            looked_up: Mutex::default(),
            no_look_up: AtomicBool::default(),
        }
    }

    /// Notes a submission whose end is not known; says which it is.
    fn begins(&self, request: &Request) -> usize {
        lock(&self.submitted).push((request.connection, request.attempt, request.host.clone()));
        let mut ended = lock(&self.ended);
        ended.push(None);
        ended.len() - 1
    }
}

/// A request, with what is noted of it.
#[derive(Debug)]
pub struct Request {
    inner: <ScriptedRegistrar as Registrar>::Prepared,
    connection: ConnectionId,
    attempt: u32,
    host: String,
}

impl Registrar for FaultyRegistrar {
    type Prepared = Request;

    fn prepare(&self, profile: &Plaintext, submission: &Submission<'_>) -> Result<Request, NotPrepared> {
        self.clock.advance(*lock(&self.preparing));
        Ok(Request {
            inner: self.inner.prepare(profile, submission)?,
            connection: submission.connection,
            attempt: submission.attempt,
            host: submission.application.host.to_string(),
        })
    }

    fn look_up_rule(&self, request: &Request) -> Option<LookUpRule> {
        self.inner.look_up_rule(&request.inner)
    }

    fn needs_fresh_access_token(&self, request: &Request) -> bool {
        self.inner.needs_fresh_access_token(&request.inner)
    }

    fn time_limit(&self, _request: &Request) -> Duration {
        *lock(&self.limit)
    }

    async fn submit(&self, request: Request) -> Outcome {
        self.fate.call().await;
        let number = self.begins(&request);
        let barrier = *lock(&self.barrier);
        if let Some(barrier) = barrier {
            barrier.wait().await;
        }
        assert!(!lock(&self.cursed).contains(&request.connection), "cursed");
        let outcome = self.inner.submit(request.inner).await;
        if let Some(ended) = lock(&self.ended).get_mut(number) {
            *ended = Some(outcome.clone());
        }
        self.fate.call().await;
        outcome
    }

    async fn look_up(
        &self,
        profile: &Plaintext,
        connection: ConnectionId,
        authorisation: &AuthorisationId,
        reference: &CustomerReference,
        database: &Segment,
    ) -> Result<LookUpAnswer, NotPrepared> {
        self.fate.call().await;
        if is(&self.no_look_up) {
            return Err(NotPrepared {
                problem: Problem::Configuration,
                reason: "the profile has no look-up".into(),
            });
        }
        lock(&self.looked_up).push(authorisation.clone());
        self.inner
            .look_up(profile, connection, authorisation, reference, database)
            .await
    }
}
