//! Exact Online: OAuth 2.0 and `Me`, as its documentation and the users of client libraries describe them.

pub mod authorize;
pub mod budget;
pub mod chains;
pub mod error;
pub mod grants;
mod ledger;
pub mod login;
pub mod me;
pub mod pkce;
pub mod token;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    books::{AccessToken, Code, Consent, ErrorAnswered, Exchange, MeCall, Peer, RefreshToken},
    random::Randomness,
    settings::{App, User},
    shelf::Shelf,
};

use budget::Budget;
use chains::Chain;
use login::Logins;

/// Everything Exact Online knows, and its own part of the books.
#[derive(Clone, Debug, Default)]
pub struct Exact {
    /// Apps by client id.
    pub apps: BTreeMap<String, App>,
    users: BTreeMap<String, User>,
    chains: Vec<Chain>,
    live: BTreeMap<(String, String), usize>,
    logins: Logins,
    budget: Budget,
    /// The codes.
    pub codes: Shelf<Code>,
    /// The refresh tokens.
    pub refresh_tokens: Shelf<RefreshToken>,
    /// The access tokens.
    pub access_tokens: Shelf<AccessToken>,
    /// The ends of trips through the consent page.
    pub consents: Vec<Consent>,
    /// The calls of the token endpoint.
    pub exchanges: Vec<Exchange>,
    /// The calls of `Me`.
    pub me_calls: Vec<MeCall>,
    /// The errors answered.
    pub errors: Vec<ErrorAnswered>,
}

impl Exact {
    /// The app under `client_id`.
    pub fn app(&self, client_id: &str) -> Option<&App> {
        self.apps.get(client_id)
    }

    /// The users, by the name they log in with.
    pub const fn users(&self) -> &BTreeMap<String, User> {
        &self.users
    }

    /// Adds a user, or changes one; the `UserID` of a user that was there already stays unless another is given.
    pub fn put_user(&mut self, name: &str, mut user: User, random: &mut Randomness) {
        let known = self.users.get(name).and_then(|before| before.user_id.clone());
        user.user_id = user.user_id.or(known).or_else(|| Some(random.guid()));
        if user.division == 0 {
            user.division = 100_000;
        }
        self.users.insert(name.to_owned(), user);
    }

    /// Ends all grants of a user, as withdrawing, a deleted or blocked user and an app's removal are reported to do.
    pub fn withdraw(&mut self, user: &str, now: Timestamp) {
        self.end_grants(now, |_, owner| owner == user);
    }

    /// Deletes a user, whose grants end.
    pub fn remove_user(&mut self, user: &str, now: Timestamp) {
        self.withdraw(user, now);
        self.users.remove(user);
    }

    /// Removes an app, whose grants end.
    pub fn remove_app(&mut self, client_id: &str, now: Timestamp) {
        self.end_grants(now, |app, _| app == client_id);
        self.apps.remove(client_id);
    }

    fn end_grants(&mut self, now: Timestamp, ends: impl Fn(&str, &str) -> bool) {
        for chain in self
            .chains
            .iter_mut()
            .filter(|chain| ends(&chain.client_id, &chain.user))
        {
            chain.end();
        }
        self.live.retain(|(app, user), _| !ends(app, user));
        for token in self
            .access_tokens
            .all_mut()
            .iter_mut()
            .filter(|token| ends(&token.client_id, &token.user))
        {
            token.ends_at = token.ends_at.min(now);
        }
    }

    fn note_error(&mut self, error: ErrorAnswered) {
        if let Some(app) = self.apps.get(&error.client_id) {
            let user = error.user.clone().unwrap_or_default();
            self.budget.note(
                &error.client_id,
                &user,
                &error.endpoint,
                error.status,
                &app.limits,
                error.at,
            );
        }
        self.errors.push(error);
    }

    fn answer_error(
        &mut self,
        endpoint: &str,
        to: Peer,
        ids: (&str, Option<&str>),
        status: u16,
        rule: &str,
        at: Timestamp,
    ) {
        let (client_id, user) = ids;
        self.note_error(ErrorAnswered {
            at,
            endpoint: endpoint.to_owned(),
            to,
            client_id: client_id.to_owned(),
            user: user.map(str::to_owned),
            status,
            rule: rule.to_owned(),
        });
    }
}
