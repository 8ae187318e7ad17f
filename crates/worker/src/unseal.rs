//! Reading and opening sealed values.

use handover_core::{
    agenda::Task,
    application::ApplicationSecret,
    apply::{Along, ApplyError},
    connection::{Connection, PairKey, Problem},
    event::{Actor, Event},
    plaintext::{self, Foreign, OpenedPair, Unreadable},
    ports::{Clock, NotPrepared, OpenError, Place, Platform, Queue, Randomness, ReadError, Registrar, Store, Vault},
    secret::Plaintext,
};

use crate::{WakeError, Worker};

/// A sealed value that is not at hand.
pub(crate) enum Closed {
    /// Not before somebody mends it.
    Obstacle(Obstacle),
    /// For the moment.
    Away(WakeError),
}

/// What stands in the way. Found before anything irreversible.
pub(crate) struct Obstacle {
    pub problem: Problem,
    /// What is wrong and what to do.
    pub reason: String,
}

impl From<NotPrepared> for Obstacle {
    fn from(NotPrepared { problem, reason }: NotPrepared) -> Self {
        Self { problem, reason }
    }
}

impl From<Foreign> for Closed {
    fn from(foreign: Foreign) -> Self {
        Self::Obstacle(Obstacle {
            problem: foreign.problem(),
            reason: format!("{foreign}; nothing was sent"),
        })
    }
}

impl<S, V, Q, P, R, C, N> Worker<'_, S, V, Q, P, R, C, N>
where
    S: Store,
    V: Vault,
    Q: Queue,
    P: Platform,
    R: Registrar,
    C: Clock,
    N: Randomness,
{
    pub(crate) async fn open_pair(&self, key: &PairKey) -> Result<OpenedPair, Closed> {
        let opened = self.open(Place::Pair(key.clone())).await?;
        plaintext::read_pair(&opened).map_err(|error| unreadable(error, "a new consent helps: `handover link`"))
    }

    pub(crate) async fn open_application(&self, connection: &Connection) -> Result<ApplicationSecret, Closed> {
        let opened = self.open(Place::Application(connection.application.clone())).await?;
        plaintext::read_application(&opened)
            .map_err(|error| unreadable(error, "store the application again with `handover app`"))
    }

    pub(crate) async fn open_profile(&self, connection: &Connection) -> Result<Plaintext, Closed> {
        self.open(Place::Channel(connection.registration.channel.clone())).await
    }

    /// Notes what stands in the way on the version that was read; it comes back by itself.
    pub(crate) async fn not_ready(
        &self,
        connection: &Connection,
        of: Task,
        Obstacle { problem, reason }: Obstacle,
    ) -> Result<Connection, WakeError> {
        let event = Event::NotReady {
            of: Some(of),
            problem,
            reason: reason.clone(),
        };
        let noted = self
            .desk
            .apply_to(connection, &event, &Actor::Worker, &Along::default())
            .await?;
        // Not before: what was read may have been an earlier version, whose pair has gone since.
        tracing::warn!(
            connection.id = %connection.id,
            problem = problem.as_str(),
            reason,
            "handover.not_ready"
        );
        Ok(noted)
    }

    async fn open(&self, place: Place) -> Result<Plaintext, Closed> {
        let sealed = match self.desk.store.sealed(&place).await {
            Ok(Some(sealed)) => sealed,
            Ok(None) => return Err(Closed::Obstacle(missing(&place))),
            Err(ReadError::Rejected(error)) => return Err(Closed::Obstacle(altered(&place, &error.to_string()))),
            Err(error @ ReadError::Unavailable(_)) => return Err(Closed::Away(ApplyError::from(error).into())),
        };
        match self.vault.open(&place, &sealed).await {
            Ok(opened) => Ok(opened),
            Err(error @ OpenError::Refused { .. }) => Err(Closed::Obstacle(altered(&place, &error.to_string()))),
            Err(OpenError::Unavailable(error)) => Err(Closed::Away(error.into())),
        }
    }
}

fn missing(place: &Place) -> Obstacle {
    match place {
        Place::Pair(_) => Obstacle {
            problem: Problem::Tampered,
            reason:
                "the token pair is gone from the vault, and nobody here has deleted it; nothing was sent; make a new \
                     link with `handover link` and let the customer authorise again"
                    .into(),
        },
        Place::Application(id) => Obstacle {
            problem: Problem::Configuration,
            reason: format!(
                "nothing secret is stored for the application `{id}`; nothing was sent; store it again with `handover app`"
            ),
        },
        Place::Channel(id) => Obstacle {
            problem: Problem::Configuration,
            reason: format!(
                "no profile is stored for the channel `{id}`; nothing was sent; store it again with `handover channel`"
            ),
        },
    }
}

fn altered(place: &Place, error: &str) -> Obstacle {
    let remedy = match place {
        Place::Pair(_) => "make a new link with `handover link` and let the customer authorise again".to_owned(),
        Place::Application(id) => format!("store the application `{id}` again with `handover app`"),
        Place::Channel(id) => format!("store the channel `{id}` again with `handover channel`"),
    };
    Obstacle {
        problem: Problem::Tampered,
        reason: format!("{error}; nothing was sent; find out who writes to the vault, then {remedy}"),
    }
}

/// It opened, so it was sealed by Handover: another version of it.
fn unreadable(error: Unreadable, remedy: &str) -> Closed {
    Closed::Obstacle(Obstacle {
        problem: Problem::Configuration,
        reason: format!(
            "{error}: it was sealed by another version; nothing was sent; deploy that version, or else {remedy}"
        ),
    })
}
