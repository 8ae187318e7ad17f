//! One trip through the consent screen, and the link that it started from.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{ApplicationId, AuthorisationId, ConnectionId, LinkHash},
    registration::later,
};

/// How long a trip may take: as long as its cookie lives.
pub const AUTHORISATION_LIFE: Duration = Duration::from_secs(3_600);
/// How many trips over one link may be under way at once.
pub const LIVE_AUTHORISATIONS: usize = 10;

/// One trip through the consent screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorisation {
    /// The hash of its `state`.
    pub id: AuthorisationId,
    /// The connection that it is for.
    pub connection: ConnectionId,
    /// The app registration whose redirect URI it has to come back to.
    pub application: ApplicationId,
    /// The link that it started from.
    pub link: LinkHash,
    /// Its code is not exchanged any more from then on.
    pub expires_at: Timestamp,
    /// It was used: its code was exchanged, or was about to be.
    pub consumed_at: Option<Timestamp>,
}

/// Where a link leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The hash of its token.
    pub hash: LinkHash,
    /// The connection.
    pub connection: ConnectionId,
    /// The app registration to consent to.
    pub application: ApplicationId,
    /// It lapses then.
    pub expires_at: Timestamp,
    /// When each of the trips that are under way ends.
    pub live: Vec<Timestamp>,
}

/// Why no trip starts over a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    /// It is too old.
    #[error("the link lapsed")]
    Lapsed,
    /// Too many at once.
    #[error("the link was opened {LIVE_AUTHORISATIONS} times within the last hour; wait, or finish one of them")]
    TooMany,
}

impl Link {
    /// The link with one more trip, `id`, that starts now.
    ///
    /// # Errors
    /// [`NotOpened`] when it lapsed or too many trips are under way.
    pub fn open(mut self, id: AuthorisationId, now: Timestamp) -> Result<(Self, Authorisation), NotOpened> {
        if now >= self.expires_at {
            return Err(NotOpened::Lapsed);
        }
        self.live.retain(|ends| *ends > now);
        if self.live.len() >= LIVE_AUTHORISATIONS {
            return Err(NotOpened::TooMany);
        }
        let expires_at = later(now, AUTHORISATION_LIFE);
        self.live.push(expires_at);
        let authorisation = Authorisation {
            id,
            connection: self.connection,
            application: self.application.clone(),
            link: self.hash.clone(),
            expires_at,
            consumed_at: None,
        };
        Ok((self, authorisation))
    }
}

impl Authorisation {
    /// Whether a code that comes back to `application` now may be exchanged.
    #[must_use]
    pub fn is_open(&self, application: &ApplicationId, now: Timestamp) -> bool {
        self.consumed_at.is_none() && now < self.expires_at && self.application == *application
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link {
        Link {
            hash: LinkHash::from_digest(&[1; 32]),
            connection: ConnectionId::new(Timestamp::UNIX_EPOCH, 1),
            application: "exact-nl".parse().unwrap(),
            expires_at: Timestamp::from_second(100_000).unwrap(),
            live: Vec::new(),
        }
    }

    fn id(n: u8) -> AuthorisationId {
        AuthorisationId::from_digest(&[n; 32])
    }

    #[test]
    fn live_trips_are_capped_and_old_ones_make_room() {
        let start = Timestamp::from_second(1_000).unwrap();
        let mut full = link();
        for n in 0..LIVE_AUTHORISATIONS {
            full = full.open(id(u8::try_from(n).unwrap()), start).unwrap().0;
        }
        assert_eq!(full.clone().open(id(99), start).unwrap_err(), NotOpened::TooMany);
        let an_hour_on = later(start, AUTHORISATION_LIFE);
        assert_eq!(full.open(id(99), an_hour_on).unwrap().0.live.len(), 1);
    }

    #[test]
    fn a_lapsed_link_opens_nothing() {
        assert_eq!(link().open(id(1), link().expires_at).unwrap_err(), NotOpened::Lapsed);
    }

    #[test]
    fn a_trip_is_open_once_in_time_and_for_its_application_only() {
        let now = Timestamp::from_second(1_000).unwrap();
        let (_, trip) = link().open(id(1), now).unwrap();
        assert!(trip.is_open(&"exact-nl".parse().unwrap(), now));
        assert!(!trip.is_open(&"exact-be".parse().unwrap(), now));
        assert!(!trip.is_open(&"exact-nl".parse().unwrap(), trip.expires_at));
        let used = Authorisation {
            consumed_at: Some(now),
            ..trip
        };
        assert!(!used.is_open(&"exact-nl".parse().unwrap(), now));
    }
}
