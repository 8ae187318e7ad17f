//! Opened applications, kept for a few minutes: one call to KMS and one read less per callback of a warm process.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use handover_core::{
    application::ApplicationSecret,
    connection::Problem,
    ids::ApplicationId,
    plaintext,
    ports::{Clock, OpenError, Place, ReadError, Store, Vault},
};
use jiff::Timestamp;

use crate::told;

/// How long a changed application may go unnoticed.
const KEPT_FOR: Duration = Duration::from_secs(300);

/// Why there is no opened application.
#[derive(Debug)]
pub(crate) enum NotOpened {
    /// Only the OEM can mend it.
    NotReady { problem: Problem, reason: String },
    /// Try again in a minute.
    Unavailable { reason: String },
}

#[derive(Debug, Default)]
pub(crate) struct Applications(Mutex<HashMap<ApplicationId, (Timestamp, ApplicationSecret)>>);

impl Applications {
    pub(crate) async fn open(
        &self,
        id: &ApplicationId,
        store: &impl Store,
        vault: &impl Vault,
        clock: &impl Clock,
    ) -> Result<ApplicationSecret, NotOpened> {
        if let Some(kept) = self.kept(id, clock.now()) {
            return Ok(kept);
        }
        let place = Place::Application(id.clone());
        let sealed = store
            .sealed(&place)
            .await
            .map_err(unread)?
            .ok_or_else(|| NotOpened::NotReady {
                problem: Problem::Configuration,
                reason: format!("the application `{id}` has no sealed secret; add the application again"),
            })?;
        let opened = vault.open(&place, &sealed).await.map_err(unopened)?;
        let application = plaintext::read_application(&opened).map_err(|error| NotOpened::NotReady {
            problem: Problem::Tampered,
            reason: told(&error),
        })?;
        self.lock().insert(id.clone(), (clock.now(), application.clone()));
        Ok(application)
    }

    /// The platform refused it: what was mended meanwhile is to count at once.
    pub(crate) fn forget(&self, id: &ApplicationId) {
        self.lock().remove(id);
    }

    fn kept(&self, id: &ApplicationId, now: Timestamp) -> Option<ApplicationSecret> {
        let (since, application) = self.lock().get(id)?.clone();
        // By the time of day: the monotonic clock stands while the process is frozen. One that was set back is no age.
        let age = Duration::try_from(now.duration_since(since)).ok()?;
        (age < KEPT_FOR).then_some(application)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ApplicationId, (Timestamp, ApplicationSecret)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unread(error: ReadError) -> NotOpened {
    match error {
        ReadError::Unavailable(error) => NotOpened::Unavailable { reason: told(&error) },
        ReadError::Rejected(error) => NotOpened::NotReady {
            problem: Problem::Tampered,
            reason: told(&error),
        },
    }
}

fn unopened(error: OpenError) -> NotOpened {
    match error {
        OpenError::Unavailable(error) => NotOpened::Unavailable { reason: told(&error) },
        OpenError::Refused { .. } => NotOpened::NotReady {
            problem: Problem::Tampered,
            reason: told(&error),
        },
    }
}
