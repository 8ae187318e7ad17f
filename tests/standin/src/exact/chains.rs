//! The rules of chains, codes and tokens: plain functions over state, time and randomness.

use jiff::Timestamp;

use crate::{
    books::{AccessToken, Exchange, ExchangeOutcome, Grant, Peer, Presented, RefreshToken},
    clock::later,
    exact::{Exact, error::Refusal, pkce},
    faults::FaultKind,
    random::Randomness,
    settings::{App, EarlyCountsFrom, OldTokenDies, Pkce},
};

/// What descends from one consent: at most one is live per (client id, user).
#[derive(Clone, Debug)]
pub struct Chain {
    /// The app.
    pub client_id: String,
    /// The user.
    pub user: String,
    live: bool,
    current: String,
    /// Still exchangeable until `current` is used; only where the old token outlives its exchange.
    predecessor: Option<String>,
    generation: u32,
    last_answer_at: Timestamp,
}

impl Chain {
    /// Ends it: nothing of it is accepted any more.
    pub fn end(&mut self) {
        self.live = false;
    }

    fn exchangeable(&self, token: &str) -> bool {
        self.current == token || self.predecessor.as_deref() == Some(token)
    }
}

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

    fn presented(&self) -> &str {
        match self.grant() {
            Grant::AuthorizationCode => &self.code,
            Grant::RefreshToken => &self.refresh_token,
            Grant::Other => "",
        }
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
    chain: usize,
    generation: u32,
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
            Ok(pair) => issued(pair),
            Err(refusal) => self.refused(request, owner.as_deref(), refusal, by, now),
        };
        self.count(request, &outcome, by);
        self.record(request, owner, outcome, by, now);
        result
    }

    /// A call of the token endpoint that met a fault before it had any effect.
    pub fn token_unheard(&mut self, request: &TokenRequest, now: Timestamp, fault: FaultKind) {
        let owner = self.owner(request);
        self.count(request, &ExchangeOutcome::Unheard, Peer::Oem);
        self.record(request, owner, ExchangeOutcome::Unheard, Peer::Oem, now);
        self.mark_exchange(fault);
    }

    /// Notes the fault that spoiled the last answer.
    pub fn mark_exchange(&mut self, fault: FaultKind) {
        if let Some(last) = self.exchanges.last_mut() {
            last.fault = Some(fault);
        }
    }

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

    /// Whose code or token was presented, whether or not it is still any good.
    fn owner(&self, request: &TokenRequest) -> Option<String> {
        match request.grant() {
            Grant::AuthorizationCode => self.codes.get(&request.code).map(|code| code.user.clone()),
            Grant::RefreshToken => self.refresh_tokens.get(&request.refresh_token).map(|token| token.user.clone()),
            Grant::Other => None,
        }
    }

    fn judge(
        &mut self,
        request: &TokenRequest,
        owner: Option<&str>,
        by: Peer,
        now: Timestamp,
        random: &mut Randomness,
    ) -> Result<Pair, Refusal> {
        let app = self.apps.get(&request.client_id).cloned().ok_or(Refusal::InvalidClient)?;
        if self.budget.blocked(&request.client_id, now) {
            return Err(Refusal::KeyBlocked);
        }
        if !self.budget.token_call(&request.client_id, owner.unwrap_or_default(), &app.limits, now) {
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

    /// A new chain kills the one that (client id, user) had.
    fn open_chain(&mut self, client_id: &str, user: &str, now: Timestamp) -> usize {
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

    /// The next pair of a chain: its refresh token kills every earlier one.
    fn issue(&mut self, number: usize, app: &App, by: Peer, now: Timestamp, random: &mut Randomness) -> Pair {
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
            exchanged_by: Vec::new(),
            presented: Presented::default(),
        };
        self.access_tokens.push(&access_token, access);
        self.refresh_tokens.push(&refresh_token, refresh);
        Pair { access_token, refresh_token, expires_in, user, chain: number, generation }
    }

    fn refused(
        &mut self,
        request: &TokenRequest,
        owner: Option<&str>,
        refusal: &Refusal,
        by: Peer,
        now: Timestamp,
    ) -> ExchangeOutcome {
        let status = match self.apps.get(&request.client_id) {
            Some(app) => refusal.answer(app).status,
            None => refusal.answer(&App::default()).status,
        };
        self.answer_error("token", by, (&request.client_id, owner), status, refusal.rule(), now);
        ExchangeOutcome::Refused { status, rule: refusal.rule().to_owned() }
    }

    fn count(&mut self, request: &TokenRequest, outcome: &ExchangeOutcome, by: Peer) {
        let presented = match request.grant() {
            Grant::AuthorizationCode => self.codes.get_mut(&request.code).map(|code| &mut code.presented),
            Grant::RefreshToken => self.refresh_tokens.get_mut(&request.refresh_token).map(|token| {
                if matches!(outcome, ExchangeOutcome::Issued { .. }) {
                    token.exchanged_by.push(by);
                }
                &mut token.presented
            }),
            Grant::Other => None,
        };
        if let Some(presented) = presented {
            let counter = match outcome {
                ExchangeOutcome::Issued { .. } => &mut presented.accepted,
                ExchangeOutcome::Refused { .. } => &mut presented.refused,
                ExchangeOutcome::Unheard => &mut presented.unheard,
            };
            *counter = counter.saturating_add(1);
        }
    }

    fn record(
        &mut self,
        request: &TokenRequest,
        user: Option<String>,
        outcome: ExchangeOutcome,
        by: Peer,
        at: Timestamp,
    ) {
        self.exchanges.push(Exchange {
            at,
            by,
            client_id: request.client_id.clone(),
            user,
            grant: request.grant(),
            presented: request.presented().to_owned(),
            outcome,
            fault: None,
        });
    }
}

fn issued(pair: &Pair) -> ExchangeOutcome {
    ExchangeOutcome::Issued {
        chain: pair.chain,
        generation: pair.generation,
        access_token: pair.access_token.clone(),
        refresh_token: pair.refresh_token.clone(),
    }
}
