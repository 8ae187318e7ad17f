//! Chains: what descends from one consent, and the pairs it is made of.

use jiff::Timestamp;

use crate::{
    books::{AccessToken, Peer, Presented, RefreshToken},
    clock::later,
    exact::Exact,
    random::Randomness,
    settings::{App, EarlyCountsFrom},
};

/// What descends from one consent: at most one is live per (client id, user).
#[derive(Clone, Debug)]
pub struct Chain {
    /// The app.
    pub client_id: String,
    /// The user.
    pub user: String,
    pub(super) live: bool,
    current: String,
    /// Still exchangeable until `current` is used; only where the old token outlives its exchange.
    pub(super) predecessor: Option<String>,
    generation: u32,
    last_answer_at: Timestamp,
}

impl Chain {
    /// Ends it: nothing of it is accepted any more.
    pub fn end(&mut self) {
        self.live = false;
    }

    pub(super) fn exchangeable(&self, token: &str) -> bool {
        self.current == token || self.predecessor.as_deref() == Some(token)
    }
}

/// A successful answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The access token.
    pub access_token: String,
    /// The refresh token.
    pub refresh_token: String,
    /// The access token's life, in seconds; sent as a **string**.
    pub expires_in: i64,
    /// Whose it is.
    pub user: String,
    pub(super) chain: usize,
    pub(super) generation: u32,
}

impl Exact {
    /// When a refresh token may be exchanged: the earliest refresh after the answer that counts.
    pub fn earliest_refresh(&self, refresh_token: &str) -> Option<Timestamp> {
        let token = self.refresh_tokens.get(refresh_token)?;
        let app = self.apps.get(&token.client_id)?;
        let chain = self.chains.get(token.chain)?;
        let since = match app.early_counts_from {
            EarlyCountsFrom::LastAnswer => chain.last_answer_at,
            EarlyCountsFrom::PresentedToken => token.issued_at,
        };
        Some(later(since, app.lifetimes.earliest_refresh_seconds))
    }

    /// A new chain kills the one that (client id, user) had.
    pub(super) fn open_chain(&mut self, client_id: &str, user: &str, now: Timestamp) -> usize {
        let number = self.chains.len();
        let key = (client_id.to_owned(), user.to_owned());
        if let Some(before) = self.live.insert(key, number)
            && let Some(chain) = self.chains.get_mut(before)
        {
            chain.end();
        }
        self.chains.push(Chain {
            client_id: client_id.to_owned(),
            user: user.to_owned(),
            live: true,
            current: String::new(),
            predecessor: None,
            generation: 0,
            last_answer_at: now,
        });
        number
    }

    /// The next pair of a chain: its refresh token kills every earlier one.
    pub(super) fn issue(
        &mut self,
        number: usize,
        app: &App,
        by: Peer,
        now: Timestamp,
        random: &mut Randomness,
    ) -> Pair {
        let (access_token, refresh_token) = (random.access_token(), random.refresh_token());
        let (client_id, user, generation) = match self.chains.get_mut(number) {
            Some(chain) => {
                chain.current.clone_from(&refresh_token);
                chain.generation = chain.generation.saturating_add(1);
                chain.last_answer_at = now;
                (chain.client_id.clone(), chain.user.clone(), chain.generation)
            }
            None => (String::new(), String::new(), 0),
        };
        let expires_in = app.lifetimes.access_seconds;
        let access = AccessToken {
            value: access_token.clone(),
            client_id: client_id.clone(),
            user: user.clone(),
            chain: number,
            issued_at: now,
            ends_at: later(now, expires_in),
            presented: Presented::default(),
        };
        let refresh = RefreshToken {
            value: refresh_token.clone(),
            client_id,
            user: user.clone(),
            chain: number,
            generation,
            issued_at: now,
            issued_to: by,
            presented_by: Vec::new(),
            exchanged_by: Vec::new(),
            presented: Presented::default(),
        };
        self.access_tokens.push(&access_token, access);
        self.refresh_tokens.push(&refresh_token, refresh);
        Pair {
            access_token,
            refresh_token,
            expires_in,
            user,
            chain: number,
            generation,
        }
    }
}
