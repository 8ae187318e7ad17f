//! `GET /connect/{link}`: to the consent screen.

use std::time::Duration;

use handover_core::{
    application::Application,
    authorisation::{Authorisation, Link, NotOpened},
    browser::{BrowserSecret, authorisation_of, hash_of},
    connection::{Connection, Problem},
    ids::LinkHash,
    ports::{Clock, Platform, Queue, Randomness, ReadError, Store, Vault, WriteError},
    secret::LinkToken,
};
use handover_platform::authorize_url;
use jiff::Timestamp;

use crate::{Answer, Callback, applications::NotOpened as Unopened, cookie::TripCookie, pages, told};

/// The longest token that is looked up. Ours have 43 characters.
const LONGEST_LINK: usize = 128;
/// Times that a link is read again after another window opened it at the same moment.
const TRIES: u32 = 5;
/// Between two of them.
const PAUSE: Duration = Duration::from_millis(50);

/// A link with all that belongs to it.
struct Opening {
    link: Link,
    connection: Connection,
    application: Application,
}

impl<S, V, Q, P, C, R> Callback<S, V, Q, P, C, R>
where
    S: Store + 'static,
    V: Vault + 'static,
    Q: Queue + 'static,
    P: Platform + 'static,
    C: Clock + 'static,
    R: Randomness + 'static,
{
    pub(crate) async fn connect(&self, token: &str) -> Answer {
        if token.is_empty() || token.len() > LONGEST_LINK {
            return pages::unknown_link();
        }
        let hash = hash_of(&LinkToken::new(token));
        for _ in 0..TRIES {
            let opening = match self.opening(&hash).await {
                Ok(Some(opening)) => opening,
                Ok(None) => return pages::unknown_link(),
                Err(error) => {
                    tracing::error!(link.hash = %hash, error = %told(&error), "handover.link_not_read");
                    return pages::unread(&error);
                }
            };
            match self.open(&opening).await {
                Ok(answer) => return answer,
                Err(WriteError::Conflict(_)) => self.ports.clock.sleep(PAUSE).await,
                Err(error) => {
                    tracing::error!(
                        connection.id = %opening.connection.id, error = %told(&error), "handover.trip_not_opened"
                    );
                    return pages::unavailable();
                }
            }
        }
        tracing::warn!(link.hash = %hash, "handover.link_contended");
        pages::unavailable()
    }

    async fn opening(&self, hash: &LinkHash) -> Result<Option<Opening>, ReadError> {
        let Some(link) = self.ports.store.link(hash).await? else {
            return Ok(None);
        };
        let (connection, application) = tokio::join!(
            self.ports.store.connection(link.connection),
            self.ports.store.application(&link.application)
        );
        let found = connection?.zip(application?);
        if found.is_none() {
            tracing::error!(
                connection.id = %link.connection, application.id = %link.application, "handover.link_leads_nowhere"
            );
        }
        Ok(found.map(|(connection, application)| Opening {
            link,
            connection,
            application,
        }))
    }

    /// One try, with a secret of its own: should an earlier one have been stored all the same, nothing of it is in the
    /// way, and it lapses.
    async fn open(&self, opening: &Opening) -> Result<Answer, WriteError> {
        let Opening {
            link,
            connection,
            application,
        } = opening;
        let brand = Some(application.display_name.as_str());
        let now = self.ports.clock.now();
        if !connection.accepts_consent(&link.hash, now) {
            return Ok(refusal(link, connection, brand));
        }
        if let Err(answer) = self.confirmed(connection, application).await {
            return Ok(answer);
        }
        let secret = BrowserSecret::new(self.ports.randomness.secret());
        let (opened, trip) = match link.clone().open(authorisation_of(&secret.state()), now) {
            Ok(opened) => opened,
            Err(NotOpened::Lapsed) => return Ok(pages::closed_link(brand)),
            Err(NotOpened::TooMany) => return Ok(pages::opened_too_often(brand, until_free(link, now))),
        };
        self.ports.store.open_authorisation(link, &opened, &trip).await?;
        tracing::info!(connection.id = %connection.id, authorisation.id = %trip.id, "handover.trip_opened");
        Ok(sent_off(application, connection, &trip, &secret))
    }

    /// Customers are sent where the sealed application says: who can write the plain item cannot have them log on, or
    /// come back, elsewhere.
    async fn confirmed(&self, connection: &Connection, shown: &Application) -> Result<(), Answer> {
        let ports = &self.ports;
        let sealed = self
            .applications
            .open(&shown.id, &ports.store, &ports.vault, &ports.clock)
            .await;
        let (problem, reason) = match sealed {
            Ok(sealed) if sealed.agrees_with(shown) => return Ok(()),
            Ok(_) => {
                // It may have been replaced since it was opened.
                self.applications.forget(&shown.id);
                (
                    Problem::Tampered,
                    format!(
                        "the application `{}` is not as it was sealed; no customer is sent there; find out who writes \
                         to the table, then add the application again with `handover app add --replace`",
                        shown.id
                    ),
                )
            }
            Err(Unopened::NotReady { problem, reason }) => (problem, reason),
            Err(Unopened::Unavailable { reason }) => {
                tracing::error!(connection.id = %connection.id, error = reason, "handover.application_not_opened");
                return Err(pages::unavailable());
            }
        };
        self.not_ready(&shown.id, connection, problem, reason).await;
        Err(pages::misconfigured(Some(&shown.display_name)))
    }
}

fn refusal(link: &Link, connection: &Connection, brand: Option<&str>) -> Answer {
    let still_open = connection.link.as_ref().is_some_and(|open| open.hash == link.hash);
    if still_open && connection.effect.is_some() {
        pages::under_way(brand)
    } else {
        pages::closed_link(brand)
    }
}

/// When the earliest of the trips that are under way makes room.
fn until_free(link: &Link, now: Timestamp) -> Duration {
    let earliest = link.live.iter().filter(|ends| **ends > now).min();
    earliest
        .and_then(|ends| Duration::try_from(ends.duration_since(now)).ok())
        .unwrap_or_default()
}

/// To the host of `application`, which was confirmed.
fn sent_off(
    application: &Application,
    connection: &Connection,
    trip: &Authorisation,
    secret: &BrowserSecret,
) -> Answer {
    let url = authorize_url(application, &secret.state(), &secret.verifier());
    let cookie = TripCookie {
        connection: connection.id,
        secret: secret.clone(),
    };
    Answer::redirect(302, url.into()).with_cookie(cookie.set(&trip.id))
}
