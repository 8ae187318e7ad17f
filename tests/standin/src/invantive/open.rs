//! What a registered database does of itself: it exchanges its refresh token, and gives nothing back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{books::Peer, exact::error::Refusal, world::World};

/// What `POST /__standin/databases/{segment}/open` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum Opened {
    /// The refresh token was exchanged.
    Refreshed,
    /// Exact Online does not allow it yet; it is done at this time.
    TooEarly {
        /// When.
        allowed_at: Timestamp,
    },
    /// The database no longer works.
    Broken {
        /// Invantive's words.
        message: String,
    },
    /// There is no such database.
    Absent,
}

impl World {
    /// Opens a database: exchanges its refresh token now, or as soon as that is allowed.
    pub fn open(&mut self, segment: &str, now: Timestamp) -> Opened {
        let Some(place) = self
            .invantive
            .databases
            .iter()
            .position(|held| held.entry.segment == segment)
        else {
            return Opened::Absent;
        };
        self.refresh(place, now)
    }

    /// Does what has become due by `now`, each at the time it was due.
    pub fn tick(&mut self, now: Timestamp) {
        while let Some((place, due)) = self.next_due(now) {
            self.refresh(place, due);
        }
    }

    fn next_due(&self, now: Timestamp) -> Option<(usize, Timestamp)> {
        let due = self.invantive.databases.iter().enumerate();
        due.filter_map(|(place, held)| held.entry.refresh_at.filter(|at| *at <= now).map(|at| (place, at)))
            .min_by_key(|(_, at)| *at)
    }

    fn refresh(&mut self, place: usize, now: Timestamp) -> Opened {
        let Some(held) = self.invantive.databases.get_mut(place) else {
            return Opened::Absent;
        };
        // Taken out first: whatever comes of it, the same time is never due again.
        held.entry.refresh_at = None;
        if let Some(message) = held.entry.broken.clone() {
            return Opened::Broken { message };
        }
        let request = held.token_request();
        if let Some(allowed_at) = self
            .exact
            .earliest_refresh(&request.refresh_token)
            .filter(|at| *at > now)
        {
            held.entry.refresh_at = Some(allowed_at);
            return Opened::TooEarly { allowed_at };
        }
        match self.exact.token(&request, Peer::Invantive, now, &mut self.random) {
            Ok(pair) => {
                held.entry.refresh_token = pair.refresh_token;
                held.entry.refresh_tokens_spent = held.entry.refresh_tokens_spent.saturating_add(1);
                Opened::Refreshed
            }
            Err(refusal) => {
                let message = broken(&refusal);
                held.entry.broken = Some(message.clone());
                Opened::Broken { message }
            }
        }
    }
}

/// Topics 1838 and 1223: another consent of the same user for the same app, or someone else's refresh.
fn broken(refusal: &Refusal) -> String {
    match refusal {
        Refusal::ChainBroken => "itgenoda494: The same user has been associated twice with the same app.".to_owned(),
        Refusal::OldRefreshToken => "itgenoda185: Old refresh token used.".to_owned(),
        other => format!("itgenoda219: {}", other.description()),
    }
}
