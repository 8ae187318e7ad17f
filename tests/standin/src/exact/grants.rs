//! The rules of the two grants: plain functions over state, time and randomness.

use jiff::Timestamp;

use crate::{
    books::{Grant, Peer},
    clock::later,
    exact::{Exact, chains::Pair, error::Refusal, ledger, pkce},
    random::Randomness,
    settings::{App, OldTokenDies, Pkce},
};

/// What is sent to the token endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenRequest {
    /// `grant_type`.
    pub grant_type: String,
    /// `client_id`.
    pub client_id: String,
    /// `client_secret`.
    pub client_secret: String,
    /// `code`, decoded.
    pub code: String,
    /// `redirect_uri`.
    pub redirect_uri: String,
    /// `code_verifier`.
    pub code_verifier: Option<String>,
    /// `refresh_token`.
    pub refresh_token: String,
}

impl TokenRequest {
    /// What is presented.
    pub fn grant(&self) -> Grant {
        match self.grant_type.as_str() {
            "authorization_code" => Grant::AuthorizationCode,
            "refresh_token" => Grant::RefreshToken,
            _ => Grant::Other,
        }
    }

    pub(super) fn presented(&self) -> &str {
        match self.grant() {
            Grant::AuthorizationCode => &self.code,
            Grant::RefreshToken => &self.refresh_token,
            Grant::Other => "",
        }
    }
}

impl Exact {
    /// A call of the token endpoint, with all that follows from it in the books.
    ///
    /// # Errors
    /// The row of the table that refuses it.
    pub fn token(
        &mut self,
        request: &TokenRequest,
        by: Peer,
        now: Timestamp,
        random: &mut Randomness,
    ) -> Result<Pair, Refusal> {
        let owner = self.owner(request);
        let result = self.judge(request, owner.as_deref(), by, now, random);
        let outcome = match &result {
            Ok(pair) => ledger::issued(pair),
            Err(refusal) => self.refused(request, owner.as_deref(), refusal, by, now),
        };
        self.count(request, &outcome, by);
        self.record(request, owner, outcome, by, now);
        result
    }

    fn judge(
        &mut self,
        request: &TokenRequest,
        owner: Option<&str>,
        by: Peer,
        now: Timestamp,
        random: &mut Randomness,
    ) -> Result<Pair, Refusal> {
        let app = self
            .apps
            .get(&request.client_id)
            .cloned()
            .ok_or(Refusal::InvalidClient)?;
        if self.budget.blocked(&request.client_id, now) {
            return Err(Refusal::KeyBlocked);
        }
        if !self
            .budget
            .token_call(&request.client_id, owner.unwrap_or_default(), &app.limits, now)
        {
            return Err(Refusal::TooManyCalls);
        }
        if app.client_secret != request.client_secret {
            return Err(Refusal::InvalidClient);
        }
        match request.grant() {
            Grant::AuthorizationCode => self.exchange_code(request, &app, by, now, random),
            Grant::RefreshToken => self.exchange_refresh_token(request, &app, by, now, random),
            Grant::Other => Err(Refusal::UnsupportedGrant),
        }
    }

    fn exchange_code(
        &mut self,
        request: &TokenRequest,
        app: &App,
        by: Peer,
        now: Timestamp,
        random: &mut Randomness,
    ) -> Result<Pair, Refusal> {
        let code = self.codes.get(&request.code).ok_or(Refusal::Mangled)?;
        if code.client_id != request.client_id {
            return Err(Refusal::Mangled);
        }
        if code.presented.accepted > 0 {
            return Err(Refusal::CodeUsed);
        }
        if now >= later(code.issued_at, app.lifetimes.code_seconds) {
            return Err(Refusal::CodeStale);
        }
        if code.redirect_uri != request.redirect_uri {
            return Err(Refusal::RedirectMismatch);
        }
        if let (Pkce::Enforced, Some(challenge)) = (app.pkce, &code.challenge)
            && !pkce::fits(challenge, request.code_verifier.as_deref())
        {
            return Err(Refusal::VerifierMismatch);
        }
        let user = code.user.clone();
        let chain = self.open_chain(&request.client_id, &user, now);
        Ok(self.issue(chain, app, by, now, random))
    }

    fn exchange_refresh_token(
        &mut self,
        request: &TokenRequest,
        app: &App,
        by: Peer,
        now: Timestamp,
        random: &mut Randomness,
    ) -> Result<Pair, Refusal> {
        let presented = &request.refresh_token;
        let token = self.refresh_tokens.get(presented).ok_or(Refusal::Mangled)?;
        let number = token.chain;
        let chain = self.chains.get(number).ok_or(Refusal::Mangled)?;
        if token.client_id != request.client_id || !chain.live {
            return Err(Refusal::ChainBroken);
        }
        if !chain.exchangeable(presented) {
            return Err(Refusal::OldRefreshToken);
        }
        let expired_at = later(token.issued_at, app.lifetimes.refresh_seconds);
        if now >= expired_at {
            return Err(Refusal::Expired { expired_at, now });
        }
        if self.earliest_refresh(presented).is_some_and(|earliest| now < earliest) {
            return Err(Refusal::TooEarly);
        }
        if let (OldTokenDies::WhenNewIsUsed, Some(chain)) = (app.old_token_dies, self.chains.get_mut(number)) {
            chain.predecessor = Some(presented.clone());
        }
        Ok(self.issue(number, app, by, now, random))
    }
}
